"""Engines that this process has open: those left open are closed when it ends, and begin again in a forked child."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

from . import forks


class Opened(Protocol):
    """An engine, as far as this file knows it."""

    def begin_again(self) -> None: ...

    def close(self) -> None: ...


#: With the process that opened each.
_open: weakref.WeakKeyDictionary[Opened, int] = weakref.WeakKeyDictionary()


def add(engine: Opened) -> None:
    """See to an engine for as long as it is there."""
    _open[engine] = os.getpid()


def _after_fork(quiet: bool) -> None:
    for engine in list(_open):
        engine.begin_again()


forks.in_child(_after_fork)


@atexit.register
def _close_all() -> None:
    """Close what the program left open while its threads still run: afterwards they stop wherever they are, in the
    middle of a write, too, whose lock other processes would go on waiting for."""
    for engine, opener in list(_open.items()):
        if opener == os.getpid():
            engine.close()
