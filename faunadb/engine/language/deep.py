"""Room for deeply nested queries.

Evaluation follows the nesting of a query, up to 1000 levels, times up to 200 nested lambda applications. Python's
default recursion limit is far below that, and it is the application's to set. So a query first runs on the thread it is
on. If that ends in a RecursionError, which leaves no effects behind, it runs again on a thread with a large stack.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from _thread import start_new_thread
from typing import Any, Callable, Optional, TypeVar

from .. import forks
from . import overruns

T = TypeVar("T")

#: The recursion limit on the large stack: more than nesting times lambda depth times frames per level. It holds for all
#: threads meanwhile. Before Python 3.11 each call takes some of the thread's stack, so that another query, which is on a usual
#: one of 8 MiB, would end the process before it came to such a limit: half of the calls for which there is room.
FRAMES = 1_000_000 if sys.version_info >= (3, 11) else 12_000
#: Bytes of address space for that stack; only the pages that are used take memory.
STACK = 1 << 30

_lock = threading.Lock()
_running = 0
_usual_limit = 0


def _enter() -> None:
    global _running, _usual_limit
    with _lock:
        if _running == 0:
            _usual_limit = sys.getrecursionlimit()
            sys.setrecursionlimit(max(FRAMES, _usual_limit))
        _running += 1


def _leave() -> None:
    global _running
    with _lock:
        _running -= 1
        if _running == 0:
            sys.setrecursionlimit(_usual_limit)


class _Deep:
    """Work on a thread of its own, which has a large stack.

    The thread that waits for it may be interrupted at any moment, by the exception of a signal handler or of another thread.
    It must not go on before the work has ended: it would undo a transaction that is still written to.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: list[Any] = []
        self.failure: list[BaseException] = []
        self._work = work
        self._thread: Optional[int] = None
        self._given_up = False
        self._ended = threading.Event()

    def run(self) -> None:
        """Start the thread, and wait until it has ended."""
        try:
            self._start()
            self._ended.wait()
        except BaseException:
            self._given_up = True
            while self._thread is not None and not self._ended.is_set():
                with contextlib.suppress(BaseException):  # of another one: the first is raised
                    overruns.cut_short(self._thread)
                    self._ended.wait(overruns.INTERVAL)
            raise

    def _start(self) -> None:
        with _lock:
            usual = threading.stack_size()
            try:
                threading.stack_size(STACK)
                # `threading.Thread.start` may leave half a thread when it is interrupted.
                start_new_thread(self._target, ())
            finally:
                threading.stack_size(usual)

    def _target(self) -> None:
        self._thread = threading.get_ident()
        try:
            _enter()
            try:
                if not self._given_up:
                    self.result.append(forks.accompany(self._work))
            finally:
                _leave()
        except BaseException as error:
            self.failure.append(error)
        finally:
            self._ended.set()


def run(work: Callable[[], T]) -> T:
    """Run work on a thread with a large stack; return its result or raise its exception."""
    deep = _Deep(work)
    deep.run()
    if deep.failure:
        raise deep.failure.pop()  # not kept by a frame that its traceback shows
    return deep.result[0]  # type: ignore[no-any-return]


def with_room(work: Callable[[], T]) -> T:
    """Run work here, or on a large stack if this one is too small. A work that fails must leave no effects behind."""
    try:
        return work()
    except RecursionError:
        return run(work)
