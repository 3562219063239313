"""Ending queries that do not look at the clock.

A query looks at the clock now and then, and where it could take long (`Context.check_deadline`). But a single step may
take long as well, such as compiling a pattern of 30 kB. Such a query is ended from outside: a thread watches the queries
under way, and raises `Overrun` in the thread of each whose deadline has passed. Only reading, parsing and evaluating are
watched; their effects are undone as after any other error.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import time
from _thread import get_ident
from typing import Any, Optional

from .. import forks
from .errors import timed_out

#: Seconds between two looks at the queries under way.
INTERVAL = 0.2

#: What tracebacks say is the file of Python's import system.
_IMPORT_FILE = "<frozen importlib._bootstrap>"
#: By `id`, the queries under way that have found that the process is large (`budget.held_by_all`).
large: dict[int, Any] = {}


class Overrun(BaseException):
    """The deadline of this thread's query has passed."""


class Watched:
    """Work of one thread. From `begin` to `end` it is ended with `timed_out` soon after its deadline, and charged for what it
    makes. Use it as a context manager, too.

    deadline: `time.monotonic` seconds.
    """

    __slots__ = ("_end", "_fired", "_outer", "deadline")

    def __init__(self, deadline: float):
        self.deadline = deadline

    def allocate(self, size: int) -> None:
        """Charge for size bytes that were made. Nothing is, except to queries (`Context`)."""

    def begin(self) -> None:
        self._fired = False
        self._end = self.deadline + INTERVAL  # most queries notice by themselves before that
        watcher = _watcher
        under_way = watcher.watched
        me = get_ident()
        self._outer = under_way.get(me)
        under_way[me] = self
        if watcher.is_asleep:
            watcher.wake()

    def end(self) -> None:
        """Raises `timed_out` if it had to be ended. To be called in a ``finally`` right after `begin`."""
        if large:
            large.pop(id(self), None)
        try:
            # What `_leave` does, without the call: every query comes by here.
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

    __enter__ = begin

    def __exit__(self, *_: object) -> None:
        self.end()

    def _leave(self) -> None:
        me = get_ident()
        if self._outer is None:
            _watcher.watched.pop(me, None)
        else:
            _watcher.watched[me] = self._outer
        if self._fired or time.monotonic() > self._end:
            with _watcher.lock:
                _take_back()  # an exception that is still to come

    def cut_short(self) -> None:
        """End at the watcher's next look."""
        if not self._fired:
            self._end = 0.0

    def look(self, ident: int, now: float) -> None:
        """End the query if its time is up. The watcher calls this, holding its lock."""
        if now > self._end and _watcher.watched.get(ident) is self and not _is_importing(ident):
            self._fired = True
            self._end = (
                now + 1.0
            )  # try again then: a finalizer may have got the exception, and those are ignored
            _raise_in(ident, Overrun)


def spender_here() -> Any:
    """What this thread's work is charged to; None outside of queries."""
    return _watcher.watched.get(get_ident())


def cut_short(ident: int) -> None:
    """End the query of a thread, if it is in the midst of one, as if its deadline had passed."""
    each = _watcher.watched.get(ident)
    if each is not None:
        each.cut_short()


def forget() -> None:
    """Stop watching this thread. Call it when a query has raised: `Overrun` may have come just as it ended."""
    if _watcher.watched.pop(get_ident(), None) is not None:
        with _watcher.lock:
            _take_back()


def _is_importing(ident: int) -> bool:
    """Whether a thread is importing a module. An exception there could leave an import lock held for good."""
    frame = sys._current_frames().get(ident)
    while frame is not None and frame.f_code.co_filename != _IMPORT_FILE:
        frame = frame.f_back
    return frame is not None


def _raise_in(ident: int, kind: type[BaseException]) -> None:
    """Have a thread raise an exception at its next step."""
    import ctypes  # late: few queries overrun

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind))


def _take_back() -> None:
    """See to it that nothing is about to be raised in this thread any more.

    CPython could be told to forget the exception. But versions before 3.13 then believe for ever that there is one: every
    call takes longer, and once a profiler or debugger looks on, 3.11 never gets beyond the next one. Raising it ends that.
    """
    with contextlib.suppress(Overrun):
        _raise_in(get_ident(), Overrun)
        for _ in range(10):  # where it was not raised at once
            pass


class _Watcher:
    """The thread that looks at the queries under way, while there are any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watched: dict[int, Watched] = {}
        self.is_asleep = True
        self._woken = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Begin to look at the queries again. Of several callers at once, only the first starts the thread."""
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
