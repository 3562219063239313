"""Seeing whether another process is just writing to an SQLite file, without touching any lock.

SQLite's file format says where the lock of the writer lies: byte 120 of the file ``-shm`` (WAL-mode file format,
"WAL locks"). A process that asks about a lock must not open that file itself, since closing it again would end its own
locks, SQLite's among them. So the descriptor is the one that SQLite has open, found in ``/proc``.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Optional

_FLOCK = "@hhqqi"  # struct flock on 64 bit Linux: type, whence, start, length, pid
_WRITE_LOCK_BYTE = 120


class WriteLock:
    """The lock of who writes to a store's file.

    Where it cannot be looked at (other systems than 64 bit Linux) nobody is ever seen holding it.
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str) -> None:
        """``path``: of the store's file, which this process has open in WAL mode."""
        self._path = os.path.realpath(path) + "-shm"
        self._descriptor = _descriptor_of(self._path) if _POSSIBLE else None

    def held_elsewhere(self) -> bool:
        """Whether another process holds the lock. Locks of this process do not count."""
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
            continue  # closed meanwhile
    return None


_POSSIBLE = sys.platform == "linux" and sys.maxsize > 2**32
if _POSSIBLE:
    import fcntl

    _QUESTION = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _WRITE_LOCK_BYTE, 1, 0)
    _NOBODY = struct.pack("@h", fcntl.F_UNLCK)
