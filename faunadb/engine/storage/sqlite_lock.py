"""Tells whether another process is just writing to an SQLite file, without taking any lock.

SQLite's documentation says where the lock of the writer is: at byte 120 of the ``-shm`` file (WAL-mode file format, "WAL
locks"). This module asks for it by the descriptor that SQLite has open, which it finds in ``/proc``. It must not open the
file itself: when a process closes a file, it loses all its locks on it, SQLite's included.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Optional

_FLOCK = "@hhqqi"  # struct flock on 64 bit Linux: type, whence, start, length, pid
_WRITE_LOCK_BYTE = 120


class WriteLock:
    """The lock of the writer of a store's file.

    It can only be looked at on 64-bit Linux. Elsewhere it never seems to be held.
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str) -> None:
        """path: the store's file, which this process has open in WAL mode."""
        self._path = os.path.realpath(path) + "-shm"
        self._descriptor = _descriptor_of(self._path) if _POSSIBLE else None

    def held_elsewhere(self) -> bool:
        """Whether another process holds the lock."""
        if self._descriptor is None:
            return False
        try:
            answer = fcntl.fcntl(self._descriptor, fcntl.F_GETLK, _QUESTION)
        except OSError:  # pragma: no cover - the descriptor lives as long as the store's connections
            return False
        return answer[:2] != _NOBODY


def _descriptor_of(path: str) -> Optional[int]:
    """The first descriptor of this process that is open on ``path``."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return None
    for name in names:
        try:
            if os.readlink(f"/proc/self/fd/{name}") == path:
                return int(name)
        except OSError:
            continue  # it has been closed meanwhile
    return None


_POSSIBLE = sys.platform == "linux" and sys.maxsize > 2**32
if _POSSIBLE:
    import fcntl

    _QUESTION = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _WRITE_LOCK_BYTE, 1, 0)
    _NOBODY = struct.pack("@h", fcntl.F_UNLCK)
