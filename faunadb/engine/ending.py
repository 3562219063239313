"""The end of the program, which daemon threads do not see: their queries are held.

They run on until Python stops them, wherever they are. If one asked an engine that has been closed, it would get an error that
it does not expect, and Python would write its traceback. Now and then Python itself would end with an error: because a thread
was just using standard error, or because it was stopped in a library that is not written in C.
"""

from __future__ import annotations

import sys
import threading
import time
from types import CodeType, FrameType
from typing import Any, Callable, Optional, TypeVar

from . import forks

F = TypeVar("F", bound=Callable[..., Any])

#: How many seconds daemon threads are held after the engines were closed. Not for ever: a function that the program calls at
#: its end may wait for such a thread, or for a lock that it has.
PATIENCE = 5.0
#: How many seconds the end waits for queries that were begun before it, and between two looks whether they are over.
PATIENCE_WITH_QUERIES = 5.0
_PAUSE = 0.0005

#: Until when daemon threads are held, in `time.monotonic` seconds; None: the program does not end yet.
until: Optional[float] = None

_entries: set[CodeType] = set()


def entry(function: F) -> F:
    """Mark a function that asks an engine for the application. It calls `hold` before, and when it is given an error."""
    _entries.add(function.__code__)
    return function


def begin() -> None:
    """Hold daemon threads from now on."""
    global until
    until = time.monotonic() + PATIENCE


def hold() -> None:
    """Hold the calling thread, if it is a daemon thread and the program ends."""
    if until is not None and threading.current_thread().daemon:
        while (left := until - time.monotonic()) > 0:  # `begin` may have been called again
            time.sleep(left)


def wait_for_queries() -> None:
    """Wait until all other threads are held, or at least ask no engine."""
    ends = time.monotonic() + PATIENCE_WITH_QUERIES
    me = threading.get_ident()
    while any(ident != me and _asks(frame) for ident, frame in sys._current_frames().items()):
        if time.monotonic() > ends:
            return
        time.sleep(_PAUSE)


def _asks(frame: Optional[FrameType]) -> bool:
    while frame is not None:
        code = frame.f_code
        if code is hold.__code__:
            return False
        if code in _entries:
            return True
        frame = frame.f_back
    return False


def _after_fork(quiet: bool) -> None:
    global until
    until = None


forks.in_child(_after_fork)
