"""The clock of a store in one process: it gives transactions and snapshots their times."""

from __future__ import annotations

import threading
import time
from functools import cache, partial
from typing import Callable, Optional

#: How far ahead of this machine's clock, in microseconds, the times of other machines may be.
MAX_CLOCK_LEAD = 5_000_000
#: The store keeps a time, its reach, up to which times may be handed out. It is this many microseconds ahead of the clock.
#: That is longer than from one sweep of expired documents to the next: each sweep commits and renews the reach, so that
#: times handed out without any commit do not pass it.
REACH = 660_000_000
#: A commit writes the reach again if it would then be this many microseconds later.
RENEWED = 30_000_000
#: If times are ahead of the clock, the reach is only this many microseconds ahead of them. Each new process begins at the
#: reach, so with a longer one, processes that are started one after another would take the store ever further from the
#: clock.
BEYOND = 10_000


def wall_micros() -> int:
    """The wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


#: Nanoseconds on a clock that cannot be set. On Linux all processes share it, and it goes on while the machine sleeps.
_steady_nanos: Callable[[], int] = (
    partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic_ns
)


def steady_micros() -> int:
    """Microseconds on a clock that cannot be set: the steady clock."""
    return _steady_nanos() // 1000


@cache
def boot() -> str:
    """A name for the last start of this machine, from which `steady_micros` counts. "" where the system gives none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return "".join(filter(str.isalnum, file.read()))
    except (OSError, ValueError):
        return ""


class Clock:
    """Hands out times, such that nothing is ever written at or before a time that a snapshot has got.

    Within this process the clock sees to that by itself. A transaction's time is later than that of the last transaction and
    than all times of snapshots, and not before the wall clock. While the transaction runs, snapshots get earlier times.

    If the store sees that another process is writing, snapshots get no new time, but one that was handed out before
    (`floor`); what that process writes is later than those.

    If the clock is set back, times may be ahead of it that a process has handed out which has ended since. So the store
    keeps how far these can be. It also keeps how far the clock was ahead of the steady one, by which other processes see
    that the clock has been set back, as long as the machine has not been started anew (`reach`, `resume`).
    """

    __slots__ = (
        "__weakref__", "_active", "_ahead", "_handed", "_kept", "_learned", "_lock", "_offset", "_steady", "_wall", "shown",
    )  # fmt: skip

    def __init__(
        self, wall: Callable[[], int] = wall_micros, steady: Callable[[], int] = steady_micros
    ) -> None:
        self._wall = wall
        self._steady = steady
        #: how far the clock has been ahead of the steady one, at most
        self._ahead = wall() - steady()
        #: how far the clock that was learned, if any, is ahead of the wall clock
        self._offset = 0
        self._learned = False
        self._lock = threading.Lock()
        #: the latest time handed out
        self._handed = 0
        #: the latest time of a snapshot that sees all that was written before it
        self.shown = 0
        #: the reach that is in the store
        self._kept = 0
        #: by owner, the time of the first transaction that is not over
        self._active: dict[object, int] = {}

    def now(self) -> int:
        """The time by this machine's clock, or by the one that was learned."""
        return self._wall() + self._offset

    def learn(self, now: int) -> None:
        """Go by another clock, which shows ``now``: that of a database server, which many machines share."""
        self._offset = now - self._wall()
        ahead = now - self._steady()
        self._ahead = max(self._ahead, ahead) if self._learned else ahead
        self._learned = True

    def too_far(self, at_least: int) -> bool:
        """Whether a time was not handed out here, and is further ahead of the clock than those of other machines may be.

        If the clock has been set back, it counts as if it had not been.
        """
        if at_least <= self._handed or at_least <= self.shown or at_least <= self.now() + MAX_CLOCK_LEAD:
            return False
        steady = self._steady()
        self._ahead = max(self._ahead, self.now() - steady)
        return at_least > steady + self._ahead + MAX_CLOCK_LEAD

    def reach(self, last_txn: int) -> Optional[str]:
        """What is to be written to the store with a commit, as text; None if what the store has need not be changed.

        That is up to which time times may be handed out, a name for the last start of this machine, and how far the clock
        has been ahead of the steady one since. last_txn: the time of the commit. When it is done, `keep` is to be called.
        """
        greatest = max(last_txn, self._handed, self.shown)
        now = self.now()
        reach = max(now + REACH, greatest + BEYOND)
        if reach <= self._kept + RENEWED and greatest < self._kept:
            return None
        self._ahead = max(self._ahead, now - self._steady())
        return f"{reach:016} {boot()} {self._ahead}"

    def keep(self, text: Optional[str]) -> None:
        """Tell that what `reach` gave is in the store. None: it gave nothing to write."""
        self._kept = max(self._kept, _reach_of(text))

    def resume(self, text: Optional[str]) -> None:
        """Begin with the reach in the store, if the clock has been set back to before that was written.

        Otherwise all times that were handed out are past, or at most `MAX_CLOCK_LEAD` ahead, or the clock has been set back
        by less than the time since then; `too_far` sees the latter by the steady clock, unless the machine has been started
        anew. text: the setting in the store, or None.
        """
        reach, ahead = _reach_of(text), _ahead_of(text)
        with self._lock:
            self.keep(text)
            if ahead is not None:
                # Limited by the reach, beyond which no times were handed out, in case this is another steady clock.
                self._ahead = max(self._ahead, min(ahead, reach - self._steady()))
            if self.now() + MAX_CLOCK_LEAD + REACH < reach and reach > self._handed:
                self._handed = reach

    def snapshot_time(self, at_least: int = 0) -> int:
        """A time for a snapshot that is pinned *after* this call. If its last transaction is later, that is its time."""
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
        """As `snapshot_time`, while another process is writing something that the snapshot may not see.

        What that process writes is later than all times that were handed out before it began, here or (``at_least``)
        elsewhere, so the snapshot gets such a time.
        """
        with self._lock:
            return self._hand_out(max(self.shown, at_least))

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
        """Tell that a snapshot has this time, and sees all that was written before it (`shown`)."""
        if time > self.shown:
            self.shown = time

    def begin(self, last_txn: int, at_least: int = 0, owner: object = None) -> int:
        """The time of a transaction that begins now. It counts as running until `end` is called for its owner."""
        with self._lock:
            txn = max(self._wall() + self._offset, max(last_txn, self._handed, at_least) + 1)
            self._active.setdefault(owner, txn)
            return txn

    def end(self, owner: object = None) -> None:
        """Tell that all transactions of an owner are committed and visible, or undone."""
        with self._lock:
            self._active.pop(owner, None)


def _reach_of(text: Optional[str]) -> int:
    """Up to which time times may have been handed out, by the setting in the store; 0 if it does not say."""
    reach = (text or "").partition(" ")[0]
    return int(reach) if reach.isdecimal() else 0


def _ahead_of(text: Optional[str]) -> Optional[int]:
    """How far the clock was ahead of the steady one, by the setting in the store. None if it does not say, or if the machine
    has been started anew since."""
    _, start, ahead = [*(text or "").split(" "), "", ""][:3]
    return int(ahead) if start and start == boot() and ahead.isdecimal() else None
