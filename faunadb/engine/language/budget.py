"""What a query may use of memory and time, for code that makes or visits much without being given its context.

A value is a graph: one array may stand in another a thousand times, and that one again. Whatever walks or copies values
therefore says what it is about to use with `spend`; the query of this thread is ended when its time is up, or when the
process has grown too much since it began.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Optional, Protocol

_thread = threading.local()
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Spender(Protocol):
    """Whoever is charged: the running query (`Context`)."""

    def allocate(self, size: int) -> None: ...


class of:
    """While it lasts, what this thread spends counts as the query's. Every query needs it, so it is no generator."""

    __slots__ = ("_ctx", "_outer")

    def __init__(self, ctx: Spender):
        self._ctx = ctx

    def __enter__(self) -> None:
        self._outer: Optional[Spender] = getattr(_thread, "ctx", None)
        _thread.ctx = self._ctx

    def __exit__(self, *_: object) -> None:
        _thread.ctx = self._outer


def spend(size: int) -> None:
    """About size bytes are made, or visited. Raises RequestError (`Context.allocate`); does nothing without a query."""
    ctx: Optional[Spender] = getattr(_thread, "ctx", None)
    if ctx is not None:
        ctx.allocate(size)


def resident() -> Optional[int]:
    """Bytes of memory this process holds (where only that is known: has held at most); None when it cannot be told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        pass
    try:
        import resource  # not on Windows
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
