"""Threads that lead and threads that wait: a leader does for many what each would otherwise do by itself.

A thread that comes leads at once, unless as many as may lead already do (`Turns.most`). It takes along others that wait.
When it is done it wakes them, and the next one that waits leads.

Exceptions that another thread injects, or that a signal handler raises, may interrupt any of these threads between any two
steps, and nevertheless no thread may wait for ever. So a leader notes what it has to do for others before it begins, and
each such step can be run again from its beginning.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, Callable, Generic, Optional, TypeVar

from .errors import STORE_CLOSED, DeadlineExceeded, StoreError

#: Threads that have come within so many seconds may come again. So many threads are remembered.
RECENT = 0.25
MAX_THREADS = 1000
#: Seconds that a leader waits for each thread that may come, and for all of them: less than they compute between two
#: questions. It does not wait for so few.
FOR_EACH = 0.000_05
FOR_ALL = 0.001
A_FEW = 3

#: How often a step is tried again while it is interrupted.
_INSISTENCE = 10


class Waiter:
    """The place of a thread. A subclass adds what is to be done for it.

    deadline: when it stops waiting, in `time.monotonic` seconds; None: never. alone: it is not taken along, but leads itself
    when all before it are done. over: set by a leader when nothing is left to be done for it. error: to be raised in its
    thread.
    """

    __slots__ = ("alone", "deadline", "error", "following", "leads", "news", "over", "taken")

    def __init__(self, deadline: Optional[float] = None, alone: bool = False) -> None:
        self.deadline = deadline
        self.alone = alone
        self.over = False
        self.error: Optional[BaseException] = None
        self.leads = False
        #: while it waits: a lock that is held, and is released to wake it
        self.news: Optional[threading.Lock] = None
        #: the one that it wakes when it has been woken itself
        self.following: Optional[Waiter] = None
        #: those that it has taken along and not woken yet
        self.taken: list[Any] = []

    def take_error(self) -> BaseException:
        """The error, to be raised. There must be one, and it is removed from here.

        Otherwise this object, the error and the frames of its traceback would keep each other alive until the garbage
        collector runs, with all that the query has made.
        """
        error, self.error = self.error, None
        assert error is not None
        return error


W = TypeVar("W", bound=Waiter)


def insist(step: Callable[..., None], *given: Any) -> None:
    """Run a step to its end. If something interrupts it, run it again from its beginning, and raise that afterwards."""
    try:
        step(*given)
    except BaseException:
        _run_again(step, given, _INSISTENCE)
        raise


def _run_again(step: Callable[..., None], given: tuple[Any, ...], attempts: int) -> None:
    try:
        step(*given)
    except BaseException:
        if attempts > 1:
            _run_again(step, given, attempts - 1)


class Turns(Generic[W]):
    """The threads that wait and that lead. late: the text of the error when a deadline passes. most: how many may lead."""

    def __init__(self, late: str = "the deadline passed", most: int = 1) -> None:
        self._late = late
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[W] = deque()
        self._leaders: list[W] = []
        #: when each thread has come last
        self._came: dict[int, float] = {}
        #: how many the leader that has gathered last wanted to wait, and a lock that is released to wake it when they do
        self._wanted = 0, threading.Lock()
        #: why no thread may join any more, if that is so
        self.refusal: Optional[str] = None

    def take_part(self, own: W, lead: Callable[[W], None]) -> None:
        """Lead, or wait until a leader has set ``own.over``.

        lead: what a leader does, for ``own`` and for those that it takes along. Those that are not ``over`` when it
        returns or raises go on waiting. Raises DeadlineExceeded, and StoreError if nobody may join any more.
        """
        if len(self._came) > MAX_THREADS:
            self._came.clear()
        self._came[threading.get_ident()] = time.monotonic()
        try:
            if self._join(own):
                lead(own)
                with self._lock:
                    insist(self._end, own)
        except BaseException:
            try:
                insist(self._leave, own)
            except BaseException:
                insist(self._leave, own)  # another exception may have come before `insist` began
                raise
            raise

    def close(self, own: W, last: Callable[[W], None]) -> None:
        """Lead once more, refuse all that still wait, and let nobody join from then on.

        own: not to be taken along by others. last: what is then done by its leader; not at all if its turn does not come
        before its deadline.
        """

        def lead(own: W) -> None:
            self.refusal = STORE_CLOSED
            try:
                last(own)
                self._refuse(own)
            except BaseException:
                insist(self._refuse, own)
                raise

        try:
            self.take_part(own, lead)
        except StoreError:
            self.refusal = STORE_CLOSED

    def _refuse(self, own: W) -> None:
        with self._lock:
            left = list(self._waiting)
        for each in self.take_those(own, left):
            each.error = StoreError(STORE_CLOSED)
            each.over = True

    # -- for leaders --------------------------------------------------------------------------------------------

    def gather(self, at_least: float = 0.0, for_half: float = 0.0) -> None:
        """Wait a little if more than a few threads have come recently that do not wait now, since they may come again.

        A round trip for many costs hardly more than one for a single thread. And where several processes share the
        processor's cores, one that has many answers at once computes for longer before another one takes its place, and
        with it its caches. at_least: seconds to wait even for a single thread. for_half: seconds to wait until at least
        half of those threads are there.
        """
        since = time.monotonic() - RECENT
        others = sum(came > since for came in list(self._came.values())) - 1
        self._wait_for(others // 2, for_half)
        missing = others - len(self._waiting)
        pause = min(missing * FOR_EACH, FOR_ALL) if missing > A_FEW else 0.0
        self._wait_for(others, max(pause, at_least))

    def _wait_for(self, count: int, seconds: float) -> None:
        """Wait until so many wait, for so many seconds at most."""
        if seconds <= 0:
            return
        with self._lock:
            if len(self._waiting) >= count:
                return
            there = threading.Lock()
            there.acquire()
            self._wanted = count, there
        there.acquire(timeout=seconds)

    def take(self, own: W) -> Optional[W]:
        """Take the next one along, if it waits and is not to lead itself."""
        waiting = self._waiting
        with self._lock:
            if not waiting or waiting[0].alone or waiting[0] in self._leaders:
                return None
            first = waiting[0]
            own.taken.append(first)
            waiting.popleft()
        return first

    def take_those(self, own: W, chosen: Iterable[W]) -> list[W]:
        """Take those of the chosen along that still wait, and return them."""
        taken = []
        with self._lock:
            for each in chosen:
                if each in self._waiting:
                    own.taken.append(each)
                    self._waiting.remove(each)
                    taken.append(each)
        return taken

    def wake_taken(self, own: W) -> None:
        """Wake those taken along that are over already, while others are not."""
        with self._lock:
            for each in own.taken:
                if each.over:
                    _wake(each)

    def waiting(self) -> list[W]:
        """Those that wait and may be taken along, in the order in which they came."""
        with self._lock:
            return list(takewhile(_is_for_others, self._waiting))

    def leaders(self) -> Sequence[W]:
        """Those that lead now."""
        return self._leaders

    # -- coming and going ---------------------------------------------------------------------------------------

    def _join(self, own: W) -> bool:
        """Return when this thread leads (True), or when a leader has done all for it (False)."""
        with self._lock:
            if self.refusal is not None:
                raise StoreError(self.refusal)
            if len(self._leaders) < self._most:
                own.leads = True
                self._leaders.append(own)
                return True
            own.news = news = threading.Lock()
            news.acquire()
            self._waiting.append(own)
            wanted, there = self._wanted
            if len(self._waiting) >= wanted and there.locked():
                there.release()
        if own.deadline is None:
            news.acquire()
        elif not news.acquire(timeout=max(0.0, own.deadline - time.monotonic())):
            if self._withdraw(own):
                raise DeadlineExceeded(self._late)
            news.acquire()  # it was taken along, or has become a leader, and will be woken
        _pass_on(own)
        return own.leads

    def _withdraw(self, own: W) -> bool:
        """Stop waiting. False if a leader has taken it along already, or if it leads itself."""
        with self._lock:
            if own.leads or own not in self._waiting:
                return False
            own.over = True
            self._waiting.remove(own)
            return True

    def _leave(self, own: W) -> None:
        """After an interruption at any point: give up the place among those that wait, and the lead."""
        with self._lock:
            own.over = True
            own.news = None  # nobody is to rely on it to wake another
            if own in self._waiting:
                self._waiting.remove(own)
            insist(self._end, own)
            insist(_pass_on, own)

    def _end(self, own: W) -> None:
        """Wake those that were taken along, and give the lead to the next. The lock is held. May be run again."""
        waiting, leaders, taken = self._waiting, self._leaders, own.taken
        if own in leaders and not waiting and not taken:
            leaders.remove(own)
            return
        for each in reversed(taken):
            if not each.over and each not in waiting and each not in leaders:
                waiting.appendleft(each)
        if own in leaders:
            place = leaders.index(own)
            if waiting:
                leaders[place] = waiting[0]
            else:
                del leaders[place]
        for heir in leaders:
            if heir.news is not None:
                if heir in waiting:
                    waiting.remove(heir)
                heir.leads = True
                _wake(heir)
        # They wake each other. Only one thread at a time runs Python: woken at once, most would just wait once more, for that.
        first = None
        for each in reversed(taken):
            if each.over and each.news is not None:
                each.following = first
                first = each
        if first is not None:
            _wake(first)
        taken.clear()


def _is_for_others(own: Waiter) -> bool:
    return not own.alone


def _pass_on(own: Waiter) -> None:
    """Wake the next of those that a leader wakes one after another. May be run again."""
    if own.following is not None:
        _wake(own.following)
        own.following = None


def _wake(waiter: Waiter) -> None:
    """Wake a thread, if it waits. Doing so again does nothing."""
    news = waiter.news
    if news is None:
        return
    try:
        news.release()
    except RuntimeError:
        pass  # another thread, which wakes those after it, has just done it
    waiter.news = None
