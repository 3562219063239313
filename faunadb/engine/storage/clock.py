"""The clock of a store, as one process keeps it: transaction times and the times of snapshots."""

from __future__ import annotations

import threading
import time
from typing import Callable

from .base import MAX_CLOCK_LEAD


def wall_micros() -> int:
    """The wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Clock:
    """Hands out times such that a snapshot's time, once handed out, never gains a write.

    Of this process's writes the clock knows itself: every transaction is later than the last one, than every snapshot
    time handed out here, and not earlier than the wall clock; while one runs, snapshots get times before it. Writers
    of other processes are told of by the store, which can see that one is at work: then a snapshot gets no time that
    was not handed out before (`floor`), and whoever writes is later than those.
    """

    __slots__ = ("__weakref__", "_active", "_handed", "_lock", "_offset", "_shown", "_wall")

    def __init__(self, wall: Callable[[], int] = wall_micros) -> None:
        self._wall = wall
        self._offset = 0
        self._lock = threading.Lock()
        self._handed = 0
        self._shown = 0
        self._active: dict[object, int] = {}

    def now(self) -> int:
        """The wall clock: this machine's, or the one that was learned."""
        return self._wall() + self._offset

    def learn(self, now: int) -> None:
        """Go by another clock, which shows ``now``: that of a database server, which all machines share."""
        self._offset = now - self._wall()

    def too_far(self, at_least: int) -> bool:
        """Whether this time leads the wall clock by more than other machines' clocks may, and was not handed out here.

        The wall clock may have been set back since.
        """
        return at_least > self.now() + MAX_CLOCK_LEAD and at_least > max(self._handed, self._shown)

    def snapshot_time(self, at_least: int = 0) -> int:
        """A time for a snapshot pinned *after* this call: the later of this and its last transaction."""
        with self._lock:
            return self._hand_out(max(self.now(), at_least))

    def floor(self, at_least: int = 0) -> int:
        """As `snapshot_time`, for a snapshot that may not see what another process is just writing.

        That one's time is later than any handed out before it began, here or (``at_least``) elsewhere.
        """
        with self._lock:
            return self._hand_out(max(self._shown, at_least))

    def _hand_out(self, time: int) -> int:
        for active in self._active.values():
            if time >= active:
                time = active - 1
        if time > self._handed:
            self._handed = time
        return time

    def handed(self) -> int:
        """The latest time handed out to a snapshot here."""
        return self._handed

    def show(self, time: int) -> None:
        """A snapshot has this time, and sees all that is earlier."""
        if time > self._shown:
            self._shown = time

    def begin(self, last_txn: int, at_least: int = 0, owner: object = None) -> int:
        """The time of a transaction that begins now, and is running until its owner's :meth:`end`."""
        with self._lock:
            txn = max(self.now(), last_txn + 1, self._handed + 1, at_least + 1)
            self._active.setdefault(owner, txn)
            return txn

    def end(self, owner: object = None) -> None:
        """The owner's transactions are committed and visible, or gone."""
        with self._lock:
            self._active.pop(owner, None)
