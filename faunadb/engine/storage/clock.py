"""The clock of a store, as one process keeps it: transaction times and the times of snapshots."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from .base import MAX_CLOCK_LEAD


def wall_micros() -> int:
    """The wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Clock:
    """Hands out times such that a snapshot's time, once handed out, never gains a write of this process.

    Every transaction is later than the last one, than every snapshot time handed out here, and not earlier
    than the wall clock. While a transaction runs, snapshots get times before it.
    """

    __slots__ = ("_active", "_handed", "_lock", "_wall")

    def __init__(self, wall: Callable[[], int] = wall_micros) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._handed = 0
        self._active: Optional[int] = None

    def too_far(self, at_least: int) -> bool:
        """Whether this time leads the wall clock by more than other machines' clocks may."""
        return at_least > self._wall() + MAX_CLOCK_LEAD

    def snapshot_time(self, at_least: int = 0) -> int:
        """A time for a snapshot pinned *after* this call: the later of this and its last transaction."""
        with self._lock:
            now = self._wall()
            if at_least > now:
                now = at_least
            active = self._active
            if active is not None and now >= active:
                now = active - 1
            if now > self._handed:
                self._handed = now
            return now

    def begin(self, last_txn: int, at_least: int = 0) -> int:
        """The time of a transaction that begins now, and is running until :meth:`end`."""
        with self._lock:
            txn = max(self._wall(), last_txn + 1, self._handed + 1, at_least + 1)
            if self._active is None:
                self._active = txn
            return txn

    def end(self) -> None:
        """The running transactions are committed and visible, or gone."""
        with self._lock:
            self._active = None
