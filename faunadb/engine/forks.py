"""Forking a process that has stores open.

A forked child has one thread: whatever lock another thread held, in Python or in SQLite, stays locked in it for ever, and
whatever transaction another thread was in the middle of stays begun. And an SQLite connection must not be used by two
processes. So, while a process is about to fork, nobody new is let into the engine, and those inside are waited for,
for a while; in the child, stores on files are closed and their users open them anew when they first need them.

Who is inside is seen on the threads' stacks, by the frames of `_inside`: nothing has to be counted, and nothing stays
counted when a signal handler's exception ends a visit at any point.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Optional, TypeVar

T = TypeVar("T")

#: Seconds that a fork waits for those inside to come out. In a child that was forked nevertheless, stores that were
#: open cannot be used.
PATIENCE = 5.0
_PAUSE = 0.0005

#: Said where a store cannot be used because of a fork.
SPOILED = (
    "this process was forked while a query was running on {place}, which cannot be used here: "
    "fork between queries, or start processes by 'spawn'"
)
INHERITED = "the store was opened by the process that this one was forked from: open it anew"


class Reentered(RuntimeError):
    """A query of an embedded database was begun in the midst of another one of the same thread."""


class _Here(threading.local):
    inside = False


_here = _Here()
#: While a process is about to fork: set when that is over.
_door: Optional[threading.Event] = None
_forking = 0
_quiet = False
_in_child: list[Callable[[bool], None]] = []
_CLOSED: Any = object()


def visit(work: Callable[[], T]) -> T:
    """Run work that reads or writes a store, at a time when the process is not about to fork. May be nested."""
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


def _inside(work: Callable[..., T], *arguments: Any) -> T:
    # Looked at once more, now that whoever forks can see this frame.
    if _door is not None:
        return _CLOSED  # type: ignore[no-any-return]
    try:
        _here.inside = True
        return work(*arguments)
    finally:
        _here.inside = False


def visit_alone(work: Callable[..., T], *arguments: Any) -> T:
    """The same for a whole query. Raises `Reentered` inside another one: this thread may hold any lock already."""
    if _here.inside and _is_inside(sys._getframe()):
        raise Reentered(
            "a query of an embedded database was begun while the same thread is in the midst of another one, "
            "by a signal handler or a finalizer: do it afterwards, or in another thread"
        )
    if _door is None:
        result = _inside(work, *arguments)
        if result is not _CLOSED:
            return result
    _here.inside = False
    return visit(lambda: work(*arguments))


def accompany(work: Callable[[], T]) -> T:
    """Run work on behalf of a thread that is inside and waits for it."""
    try:
        _here.inside = True
        return work()
    finally:
        _here.inside = False


def outside(work: Callable[[], T]) -> T:
    """Run work that waits for somebody else, in the course of a visit, but holding nothing of the engine's."""
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
    """Have callback(quiet) called in every forked child, in the order of these calls.

    quiet: nobody was inside. It must wait for nothing, and open nothing.
    """
    _in_child.append(callback)


def _is_inside(frame: Optional[FrameType]) -> bool:
    while frame is not None:
        code = frame.f_code
        if code is _inside.__code__:
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
        return  # a signal handler forks in the midst of a query: waiting would not help
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
