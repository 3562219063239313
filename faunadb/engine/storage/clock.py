"""The clock of a store, as one process keeps it: transaction times and the times of snapshots."""

from __future__ import annotations

import threading
import time
from functools import cache, partial
from typing import Callable, Optional

#: How far ahead of this machine's clock another machine's time is believed, in microseconds.
MAX_CLOCK_LEAD = 5_000_000
#: The store keeps a time up to which times may be handed out: so far ahead of the clock, in microseconds. Longer than
#: from one sweep to the next, each of which commits, so that it is ahead of what is handed out without any commit.
REACH = 660_000_000
#: It is written again, with a commit, after so many microseconds.
RENEWED = 30_000_000
#: So many microseconds ahead of times that the clock is behind. Every process that is started then goes on from there: a
#: longer one would carry the store away from the clock where many are, one after another.
BEYOND = 10_000


def wall_micros() -> int:
    """The wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


#: Nanoseconds on a clock that nobody sets; on Linux all processes share it, and it goes on while the machine sleeps.
_steady_nanos: Callable[[], int] = (
    partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic_ns
)


def steady_micros() -> int:
    """Microseconds on a clock that nobody sets."""
    return _steady_nanos() // 1000


@cache
def boot() -> str:
    """Names what `steady_micros` counts from: this start of this machine. "" where that cannot be told."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return "".join(filter(str.isalnum, file.read()))
    except (OSError, ValueError):
        return ""


class Clock:
    """Hands out times such that a snapshot's time, once handed out, never gains a write.

    Of this process's writes the clock knows itself: every transaction is later than the last one, than every snapshot
    time handed out here, and not earlier than the wall clock; while one runs, snapshots get times before it. Writers
    of other processes are told of by the store, which can see that one is at work: then a snapshot gets no time that
    was not handed out before (`floor`), and whoever writes is later than those.

    What was handed out by a process that is gone matters where the clock has been set back since: the store keeps how far
    that can have come, and how far the clock was ahead of the steady one, by which processes of the same start of the
    machine see that it was set back (`reach`, `resume`).
    """

    __slots__ = (
        "__weakref__", "_active", "_ahead", "_handed", "_kept", "_learned", "_lock", "_offset", "_shown", "_steady", "_wall",
    )  # fmt: skip

    def __init__(
        self, wall: Callable[[], int] = wall_micros, steady: Callable[[], int] = steady_micros
    ) -> None:
        self._wall = wall
        self._steady = steady
        #: how far the clock was ahead of the steady one at most
        self._ahead = wall() - steady()
        self._offset = 0
        self._learned = False
        self._lock = threading.Lock()
        self._handed = 0
        self._shown = 0
        self._kept = 0
        self._active: dict[object, int] = {}

    def now(self) -> int:
        """The wall clock: this machine's, or the one that was learned."""
        return self._wall() + self._offset

    def learn(self, now: int) -> None:
        """Go by another clock, which shows ``now``: that of a database server, which all machines share."""
        self._offset = now - self._wall()
        ahead = now - self._steady()
        self._ahead = max(self._ahead, ahead) if self._learned else ahead
        self._learned = True

    def too_far(self, at_least: int) -> bool:
        """Whether this time leads the wall clock by more than other machines' clocks may, and was not handed out here.

        The clock may have been set back since: it counts as if it had not been.
        """
        if at_least <= self._handed or at_least <= self._shown or at_least <= self.now() + MAX_CLOCK_LEAD:
            return False
        steady = self._steady()
        self._ahead = max(self._ahead, self.now() - steady)
        return at_least > steady + self._ahead + MAX_CLOCK_LEAD

    def reach(self, last_txn: int) -> Optional[str]:
        """What the store is to say: up to which time times may be handed out, and how far the clock was ahead of the
        steady one since which start of which machine. None: what it says will do.

        To be asked with every commit, whose time is last_txn, and to be followed by `keep` when it is there.
        """
        greatest = max(last_txn, self._handed, self._shown)
        now = self.now()
        reach = max(now + REACH, greatest + BEYOND)
        if reach <= self._kept + RENEWED and greatest < self._kept:
            return None
        self._ahead = max(self._ahead, now - self._steady())
        return f"{reach:016} {boot()} {self._ahead}"

    def keep(self, text: Optional[str]) -> None:
        """The store says so (None: nothing new)."""
        self._kept = max(self._kept, _reach_of(text))

    def resume(self, text: Optional[str]) -> None:
        """Go on from what the store says, if the clock has been set back to before that was written.

        Otherwise all that was handed out is past, or within `MAX_CLOCK_LEAD`; or the clock has been set back by less than
        the time since then, which the steady clock tells, if it is the one that was looked at. text: the store's, None:
        it says nothing.
        """
        reach, ahead = _reach_of(text), _ahead_of(text)
        with self._lock:
            self.keep(text)
            if ahead is not None:
                # No more than times may have been handed out, in case the steady clocks are not the same after all.
                self._ahead = max(self._ahead, min(ahead, reach - self._steady()))
            if self.now() + MAX_CLOCK_LEAD + REACH < reach and reach > self._handed:
                self._handed = reach

    def snapshot_time(self, at_least: int = 0) -> int:
        """A time for a snapshot pinned *after* this call: the later of this and its last transaction."""
        with self._lock:
            time = self._wall() + self._offset
            if at_least > time:
                time = at_least
            if self._active:
                return self._hand_out(time)
            if time > self._handed:
                self._handed = time
            return time

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


def _reach_of(text: Optional[str]) -> int:
    reach = (text or "").partition(" ")[0]
    return int(reach) if reach.isdecimal() else 0


def _ahead_of(text: Optional[str]) -> Optional[int]:
    """How far the clock was ahead of this machine's steady one, as it has counted since its last start."""
    _, start, ahead = [*(text or "").split(" "), "", ""][:3]
    return int(ahead) if start and start == boot() and ahead.isdecimal() else None
