"""Threads that wait, and those of them that lead: one does for many what each would else do by itself.

Whoever comes leads at once if there is room (`Turns.most`), and takes along those that have come meanwhile. When it is
done it tells them, and the next that waits leads. Nobody is forgotten, whatever interrupts whom: an exception that another
thread injects, or that a signal handler raises, may come between any two steps. So whatever has to be done for others is
written down before it is begun, and can be done again from its beginning.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Generic, Optional, TypeVar

from .errors import DeadlineExceeded, StoreError

#: Attempts to bring a step to its end while it is interrupted again and again.
_INSISTENCE = 10


class Waiter:
    """A thread's place. Where it may lead and be led, a subclass says what for.

    deadline: of its waiting (`time.monotonic`). alone: it leads when all before it are done, and is not taken along.
    over: there is nothing to be done for it any more; set by whoever leads. error: what is to be raised in its thread.
    """

    __slots__ = ("alone", "deadline", "error", "leads", "news", "over", "taken")

    def __init__(self, deadline: Optional[float] = None, alone: bool = False) -> None:
        self.deadline = deadline
        self.alone = alone
        self.over = False
        self.error: Optional[BaseException] = None
        self.leads = False
        #: Held until there is news for who has to wait, and removed then.
        self.news: Optional[threading.Lock] = None
        #: Whom it has taken along and not told yet.
        self.taken: list[Any] = []

    def take_error(self) -> BaseException:
        """The error, which is there, to be raised.

        If it stayed here, the frames of its traceback would hold it, and it them, until the collector comes: with all
        that the query has made.
        """
        error, self.error = self.error, None
        assert error is not None
        return error


W = TypeVar("W", bound=Waiter)


def insist(step: Callable[..., None], *given: Any) -> None:
    """Run a step to its end, from its beginning again when something interrupts it, and raise that afterwards."""
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
    """Who waits and who leads. most: how many lead at the same time. late: what is said when a deadline has passed."""

    def __init__(self, late: str = "the deadline passed", most: int = 1) -> None:
        self._late = late
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[W] = deque()
        self._leaders: list[W] = []
        #: Why nobody may join any more.
        self.refusal: Optional[str] = None

    def take_part(self, own: W, lead: Callable[[W], None]) -> None:
        """Wait until others have done it (``own.over``), or lead. Raises DeadlineExceeded, StoreError when it is refused.

        lead: does it for ``own`` and for whomever it takes along. Who is not ``over`` when it ends, or breaks down, waits
        on; own is done with then.
        """
        try:
            if self._join(own):
                lead(own)
                with self._lock:
                    insist(self._end, own)
        except BaseException:
            insist(self._leave, own)
            raise

    # -- for who leads ------------------------------------------------------------------------------------------

    def take(self, own: W) -> Optional[W]:
        """Take the next one along."""
        waiting = self._waiting
        with self._lock:
            if not waiting or waiting[0].alone or waiting[0] in self._leaders:
                return None
            first = waiting[0]
            own.taken.append(first)
            waiting.popleft()
        return first

    def take_those(self, own: W, chosen: Iterable[W]) -> list[W]:
        """Take these along, so far as they still wait."""
        taken = []
        with self._lock:
            for each in chosen:
                if each in self._waiting:
                    own.taken.append(each)
                    self._waiting.remove(each)
                    taken.append(each)
        return taken

    def waiting(self) -> list[W]:
        with self._lock:
            return list(self._waiting)

    def leaders(self) -> Sequence[W]:
        """Who leads at this moment."""
        return self._leaders

    # -- coming and going ---------------------------------------------------------------------------------------

    def _join(self, own: W) -> bool:
        """Whether it leads, at once or when it has waited; False: it is over."""
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
        if own.deadline is None:
            news.acquire()
        elif not news.acquire(timeout=max(0.0, own.deadline - time.monotonic())):
            if self._withdraw(own):
                raise DeadlineExceeded(self._late)
            news.acquire()  # taken along, or leading: the news is on its way
        return own.leads

    def _withdraw(self, own: W) -> bool:
        with self._lock:
            if own.leads or own not in self._waiting:
                return False
            own.over = True
            self._waiting.remove(own)
            return True

    def _leave(self, own: W) -> None:
        """After an interruption, however far it had come: neither its place nor its lead stays behind."""
        with self._lock:
            own.over = True
            if own in self._waiting:
                self._waiting.remove(own)
            insist(self._end, own)

    def _end(self, own: W) -> None:
        """With the lock: tell those that were taken along, and give the lead to the next. May be run again."""
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
        for each in taken:
            if each.over:
                _wake(each)
        taken.clear()


def _wake(waiter: Waiter) -> None:
    """Wake a thread once; a second time does no harm."""
    news = waiter.news
    if news is None:
        return
    if news.locked():
        news.release()
    waiter.news = None
