"""Ending queries that do not look at the clock.

A query looks at the clock now and then, and where it could take long (`Context.check_deadline`). What Python does in one
go without that, such as compiling a pattern of 30 kB, is ended from outside: a thread looks at the queries under way, and
raises `Overrun` in the thread of one whose deadline has passed. Only reading, parsing and evaluating are watched; what
they leave behind is undone as after any other error.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from _thread import get_ident
from types import TracebackType
from typing import Any, Optional

from .. import forks
from .errors import timed_out

#: Seconds between two looks at the queries under way.
INTERVAL = 0.2


_IMPORT = "<frozen importlib._bootstrap>"
#: Spenders under way that have found the process large, by their `id`.
large: dict[int, Any] = {}


class Overrun(BaseException):
    """The deadline of this thread's query has passed."""


class watched:
    """While it lasts, this thread's work ends soon after a deadline (`time.monotonic` seconds), by `timed_out`.

    spender: whoever is charged for the work (`budget`).
    """

    __slots__ = ("_end", "_fired", "_outer", "spender")

    def __init__(self, deadline: float, spender: Any = None):
        self._end = deadline + INTERVAL  # most look at the clock themselves
        self._fired = False
        self.spender = spender

    def __enter__(self) -> None:
        me = get_ident()
        under_way = _watcher.watched
        self._outer = under_way.get(me)
        under_way[me] = self
        if _watcher.is_asleep:
            _watcher.wake()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if large:
            large.pop(id(self.spender), None)
        try:
            # As `_leave`: every query comes by here.
            if self._outer is None:
                _watcher.watched.pop(get_ident(), None)
                if self._fired or time.monotonic() > self._end:
                    self._leave()
            else:
                self._leave()
        except Overrun:
            self._leave()
        if self._fired:
            raise timed_out("Query eval has timed out.") from None

    def _leave(self) -> None:
        me = get_ident()
        if self._outer is None:
            _watcher.watched.pop(me, None)
        else:
            _watcher.watched[me] = self._outer
        if self._fired or time.monotonic() > self._end:
            with _watcher.lock:
                _raise_in(me, None)  # it may not have come yet

    def cut_short(self) -> None:
        if not self._fired:
            self._end = 0.0

    def look(self, ident: int, now: float) -> None:
        """End the query when it is time to. Called by the watcher, with its lock."""
        if now > self._end and _watcher.watched.get(ident) is self and not _is_importing(ident):
            self._fired = True
            self._end = now + 1.0  # once more then: a finalizer may have got the exception, which ignores it
            _raise_in(ident, Overrun)


def spender_here() -> Any:
    """Whoever is charged for what this thread does; None outside of queries."""
    each = _watcher.watched.get(get_ident())
    return None if each is None else each.spender


def cut_short(ident: int) -> None:
    """End the query of a thread, if it is in the midst of one, as if its deadline had passed."""
    each = _watcher.watched.get(ident)
    if each is not None:
        each.cut_short()


def forget() -> None:
    """This thread is done with its query. To be called when something was raised: perhaps just as `watched` ended."""
    me = get_ident()
    if _watcher.watched.pop(me, None) is not None:
        with _watcher.lock:
            _raise_in(me, None)


def _is_importing(ident: int) -> bool:
    """Whether a thread is importing something: an exception then may leave a lock behind that all imports wait for."""
    frame = sys._current_frames().get(ident)
    while frame is not None and frame.f_code.co_filename != _IMPORT:
        frame = frame.f_back
    return frame is not None


def _raise_in(ident: int, kind: Any) -> None:
    """Have an exception raised in a thread at its next step; None: take back what it has not raised yet."""
    import ctypes  # late: few queries overrun

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), kind and ctypes.py_object(kind))


class _Watcher:
    """The thread that looks at the queries under way, while there are any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watched: dict[int, watched] = {}
        self.is_asleep = True
        self._woken = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look again. Only the first of those that come at once starts the thread."""
        self.is_asleep = False
        self._woken.set()
        if self._thread is None and not self._stopping.is_set() and self.lock.acquire(blocking=False):
            try:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="faunadb-deadlines", daemon=True)
                    thread.start()
                    self._thread = thread
            finally:
                self.lock.release()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            idle = 0
            while idle < 10 and not self._stopping.wait(INTERVAL):
                idle = 0 if self.watched else idle + 1
                now = time.monotonic()
                for ident, each in list(self.watched.items()):
                    with self.lock:
                        each.look(ident, now)
            self.is_asleep = True
            if self.watched:
                self._woken.set()

    def end(self) -> None:
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()


_watcher = _Watcher()


def _after_fork(quiet: bool) -> None:
    global _watcher
    _watcher = _Watcher()
    large.clear()


forks.in_child(_after_fork)


@atexit.register
def _end() -> None:
    _watcher.end()
