"""The engines that this process has open. At its end those left open are closed; a forked child prepares them for itself."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

from . import ending, forks


class Opened(Protocol):
    """What this module asks of an engine."""

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


#: Each with the id of the process that opened it.
_open: weakref.WeakKeyDictionary[Opened, int] = weakref.WeakKeyDictionary()


def add(engine: Opened) -> None:
    """Have an engine closed when the process ends, if it has not been closed or collected by then."""
    _open[engine] = os.getpid()


def _after_fork(quiet: bool) -> None:
    for engine in list(_open):
        engine.after_fork()


forks.in_child(_after_fork)


@atexit.register
def _close_all() -> None:
    """Close the engines that the program left open, while their threads still run.

    Python stops daemon threads wherever they are, also in the middle of a write, and other processes would then wait for
    its lock. So they are held outside of the engines.
    """
    ending.begin()
    _close_those_open()
    ending.wait_for_queries()
    _close_those_open()  # others may have been opened meanwhile
    ending.begin()


def _close_those_open() -> None:
    for engine, opener in list(_open.items()):
        if opener == os.getpid():
            engine.close()
