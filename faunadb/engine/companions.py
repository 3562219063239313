"""Queries of the main thread in programs that handle signals: a companion thread runs them.

Python runs signal handlers in the main thread, between any two of its steps. If the engine's code ran there, a handler
that raises could end it at any point, and a handler that asks the database something would do so in the midst of another
query. So in such programs a companion thread runs the query, and the main thread only waits for it. An exception of a
handler then ends the waiting, as it would over a network, and the query goes on to its end.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal.getsignal` makes an enum of each answer, which is slow
import _thread
import atexit
import threading
from collections import deque
from typing import Any, Callable, Optional, TypeVar

from . import forks

T = TypeVar("T")

#: The signals for which applications set handlers.
_SIGNALS = tuple(
    int(getattr(_signal, name))
    for name in (
        "SIGALRM", "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF", "SIGXCPU",
        "SIGCHLD", "SIGABRT", "SIGBREAK",
    )
    if hasattr(_signal, name)
)  # fmt: skip

#: How many companions are kept for the next query. More than one is only needed when a handler asks something, too, or
#: when it has interrupted the waiting for a query that still runs.
_MOST_IDLE = 4
_idle: deque[_Companion] = deque()


def wanted() -> bool:
    """Whether this is the main thread of a program that has signal handlers of its own."""
    global _handlers, _are_own
    if _thread.get_ident() != _main:
        return False
    # Every query of the main thread comes here, so the result is remembered until some handler changes.
    handlers = tuple(map(_signal.getsignal, _SIGNALS))
    if handlers != _handlers:
        _are_own = any(map(_is_own, handlers))
        _handlers = handlers
    return _are_own


_main = threading.main_thread().ident
_handlers: tuple[Any, ...] = ()
_are_own = False


def _is_own(handler: Any) -> bool:
    return handler is not None and type(handler) is not int and handler is not _signal.default_int_handler


def run(work: Callable[[], T]) -> T:
    """Have a companion do the work, and return its result. An exception that ends the waiting does not end the work."""
    task = _Task(work)
    try:
        companion = _idle.pop()
    except IndexError:
        companion = _Companion()
    companion.begin(task)
    task.done.acquire()
    error, task.error = task.error, None
    if error is not None:
        try:
            raise error
        finally:
            del error  # else its traceback and this frame would keep each other alive
    return task.result  # type: ignore[no-any-return]


class _Task:
    """Work and its outcome. done: a lock that is held until there is an outcome."""

    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Callable[[], Any]):
        self.work = work
        self.result: Any = None
        self.error: Optional[BaseException] = None
        self.done = _thread.allocate_lock()
        self.done.acquire()


class _Companion:
    """A thread that waits for work."""

    def __init__(self) -> None:
        self._task: Optional[_Task] = None
        self._asked = _thread.allocate_lock()
        self._asked.acquire()
        # `Thread.start` has several steps, and a handler's exception could end it halfway if it ran in this thread.
        _thread.start_new_thread(self._start, ())

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="faunadb-companion", daemon=True)
        self._thread.start()

    def begin(self, task: Optional[_Task]) -> None:
        """Have it do a task; None ends the thread."""
        self._task = task
        self._asked.release()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._asked.acquire()
            task, self._task = self._task, None
            if task is None:
                return
            try:
                task.result = task.work()
            except BaseException as error:
                task.error = error
            goes_on = len(_idle) < _MOST_IDLE
            if goes_on:
                _idle.append(self)
            task.done.release()
            if not goes_on:
                return


@atexit.register
def _end_all() -> None:
    while _idle:
        companion = _idle.pop()
        companion.begin(None)
        companion.join()


def _after_fork(quiet: bool) -> None:
    global _main
    _main = threading.main_thread().ident  # the thread that forked
    _idle.clear()


forks.in_child(_after_fork)
