"""Room for deeply nested queries.

Evaluation follows the nesting of a query, up to 1000 levels, times up to 200 nested lambda applications. Python's
default recursion limit is far below that, and it is the application's to set. So a query first runs on the thread it is
on. If that ends in a RecursionError, which leaves no effects behind, it runs again on a thread with a large stack.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, TypeVar

from .. import forks

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


def _start(target: Callable[[], None]) -> threading.Thread:
    with _lock:
        usual = threading.stack_size(STACK)
        try:
            thread = threading.Thread(target=target, name="faunadb-deep-query")
            thread.start()
        finally:
            threading.stack_size(usual)
    return thread


def run(work: Callable[[], T]) -> T:
    """Run work on a thread with a large stack; return its result or raise its exception."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(forks.accompany(work))
        except BaseException as error:
            failure.append(error)

    _enter()
    try:
        _start(target).join()
    finally:
        _leave()
    if failure:
        raise failure.pop()  # not kept by a frame that its traceback shows
    return result[0]  # type: ignore[no-any-return]


def with_room(work: Callable[[], T]) -> T:
    """Run work here, or on a large stack if this one is too small. A work that fails must leave no effects behind."""
    try:
        return work()
    except RecursionError:
        return run(work)
