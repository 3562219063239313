"""Allotting document ids (writes and schema, "Ids")."""

from __future__ import annotations

import os
import threading
import time

#: Milliseconds since 1970 that ids count from.
EPOCH = 1_336_258_850_000

_SEQUENCE_BITS = 10
_WORKER_BITS = 10
_SEQUENCE_END = 1 << _SEQUENCE_BITS


class IdGenerator:
    """Strictly increasing 64-bit ids, made of the milliseconds since `EPOCH`, a sequence number and a worker number.

    There are at most 1024 ids in a millisecond; after that, `next` waits for the clock. If the clock is set back, the ids
    still increase. Any thread may use it.
    """

    def __init__(self, worker: int):
        self._worker = worker & ((1 << _WORKER_BITS) - 1)
        self._lock = threading.Lock()
        self._millis = 0
        self._sequence = 0

    def next(self) -> int:
        """A new id."""
        with self._lock:
            now = time.time_ns() // 1_000_000 - EPOCH
            if now > self._millis:
                self._millis, self._sequence = now, 0
            elif self._sequence + 1 < _SEQUENCE_END:
                self._sequence += 1
            else:
                self._wait()
            return (self._millis << _SEQUENCE_BITS | self._sequence) << _WORKER_BITS | self._worker

    def _wait(self) -> None:
        """Wait for the next millisecond."""
        target = self._millis + 1
        while time.time_ns() // 1_000_000 - EPOCH < target:
            time.sleep(0.0002)
        self._millis, self._sequence = target, 0


_generator = IdGenerator(int.from_bytes(os.urandom(2), "big"))


def new_id() -> int:
    """A fresh id, unique in this process and almost surely among all processes."""
    return _generator.next()


def _after_fork() -> None:
    # With its parent's worker number, a forked process would give the same ids as its parent.
    global _generator
    _generator = IdGenerator(int.from_bytes(os.urandom(2), "big"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
