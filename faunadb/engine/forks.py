"""What makes it safe to fork a process that has stores open.

A forked child has only the thread that forked. A lock that another thread held, in Python or in SQLite, stays locked in
the child for ever, and a transaction that another thread had begun stays open. Besides, two processes must not use the
same SQLite connection. So before a fork no thread may enter the engine any more, and the fork waits for a while until
those inside have left it. In the child, stores on files count as closed, and whoever needs one opens it anew.

A thread is inside while a frame of `_inside` or `visit_alone` is on its stack, with none of `_outside` above it. Unlike a
counter, this cannot go wrong when the exception of a signal handler ends a visit at any point.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial
from types import FrameType
from typing import Any, Callable, Optional, TypeVar

T = TypeVar("T")
A = TypeVar("A")

#: Seconds that a fork waits for threads to leave the engine. After that the process is forked nevertheless, but stores
#: that were open then cannot be used in the child.
PATIENCE = 5.0
#: Seconds between two looks whether they have left.
_PAUSE = 0.0005

#: Error texts for stores that cannot be used because of a fork.
SPOILED = (
    "this process was forked while a query was running on {place}, which cannot be used here: "
    "fork between queries, or start processes by 'spawn'"
)
INHERITED = "the store was opened by the process that this one was forked from: open it anew"


class Reentered(RuntimeError):
    """A thread began a query of an embedded database while it was in the midst of another one."""


class _Here(threading.local):
    inside = False


_here = _Here()
#: There while this process is about to fork, and set when that is over: nobody may enter until then.
_door: Optional[threading.Event] = None
#: How many threads are about to fork.
_forking = 0
#: Whether nobody was inside at the last fork.
_quiet = False
_in_child: list[Callable[[bool], None]] = []
_CLOSED: Any = object()


def visit(work: Callable[[], T]) -> T:
    """Run work that reads or writes a store, when the process is not about to fork. Visits may be nested."""
    if _here.inside:
        return work()
    while True:
        door = _door
        if door is None:
            result = _inside(work)
            if result is not _CLOSED:
                return result
        else:
            door.wait()


def _inside(work: Callable[[], T]) -> T:
    # `visit` has found the door open, but before this frame was on the stack for a thread that forks to see.
    if _door is not None:
        return _CLOSED  # type: ignore[no-any-return]
    try:
        _here.inside = True
        return work()
    finally:
        _here.inside = False


def visit_alone(work: Callable[[A], T], argument: A) -> T:
    """As `visit`, for a whole query: the result of ``work(argument)``. Raises `Reentered` inside another one, since this
    thread may hold any lock there."""
    if _here.inside and _is_inside(sys._getframe(1)):
        raise Reentered(
            "a query of an embedded database was begun while the same thread is in the midst of another one, "
            "by a signal handler or a finalizer: do it afterwards, or in another thread"
        )
    if _door is None:  # as `_inside`, whose frame this one stands for: every query comes by here
        try:
            _here.inside = True
            return work(argument)
        finally:
            _here.inside = False
    _here.inside = False
    return _outside(partial(visit, partial(work, argument)))  # type: ignore[no-any-return]


def accompany(work: Callable[[], T]) -> T:
    """Run work in this thread for another thread, which is inside and waits for it."""
    try:
        _here.inside = True
        return work()
    finally:
        _here.inside = False


def outside(work: Callable[[], T]) -> T:
    """In the course of a visit: run work that waits for another thread, and count as outside meanwhile.

    The caller must hold nothing of the engine's: no lock, no snapshot.
    """
    before = _here.inside
    try:
        _here.inside = False
        return _outside(work)  # type: ignore[no-any-return]
    finally:
        while before and (door := _door) is not None:
            _outside(door.wait)
        _here.inside = before


def _outside(work: Callable[[], Any]) -> Any:
    return work()


def in_child(callback: Callable[[bool], None]) -> None:
    """Have ``callback(quiet)`` called in every forked child; callbacks are called in the order in which they were added.

    quiet: whether nobody was inside at the fork. A callback must wait for nothing, and open nothing.
    """
    _in_child.append(callback)


def _is_inside(frame: Optional[FrameType]) -> bool:
    while frame is not None:
        code = frame.f_code
        if code is _inside.__code__ or code is visit_alone.__code__:
            return True
        if code is _outside.__code__:
            return False
        frame = frame.f_back
    return False


def _nobody_inside() -> bool:
    me = threading.get_ident()
    return not any(ident != me and _is_inside(frame) for ident, frame in sys._current_frames().items())


def _before() -> None:
    global _door, _forking, _quiet
    _quiet = False
    _forking += 1
    if _door is None:
        _door = threading.Event()
    if _is_inside(sys._getframe()):
        return  # a signal handler forks in the midst of this thread's own query, which cannot end before the fork
    until = time.monotonic() + PATIENCE
    while not _nobody_inside():
        if time.monotonic() > until:
            return
        time.sleep(_PAUSE)
    _quiet = True


def _after_in_parent() -> None:
    global _door, _forking
    _forking -= 1
    if _forking == 0 and _door is not None:
        door, _door = _door, None
        door.set()


def _after_in_child() -> None:
    global _door, _forking
    _door, _forking = None, 0
    for callback in _in_child:
        callback(_quiet)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
