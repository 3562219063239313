"""What a query may use of memory and time, for code that makes or visits much without being given its context.

A value is a graph: one array may stand in another a thousand times, and that one again. Whatever walks or copies values
therefore says what it is about to use with `spend`; the query of this thread is ended when its time is up, or when it
holds too much.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Optional, Protocol

from .overruns import large, spender_here, watched

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Spender(Protocol):
    """Whoever is charged: the running query (`Context`)."""

    deadline: float
    made: int

    def allocate(self, size: int) -> None: ...


def of(ctx: Spender) -> watched:
    """While it lasts, what this thread spends counts as the query's, and its time ends with the query's deadline."""
    return watched(ctx.deadline, ctx)


def seconds_left(most: float) -> float:
    """What is left of the time of this thread's query, in seconds, up to a bound; at least a moment."""
    ctx: Optional[Spender] = spender_here()
    return most if ctx is None else max(0.001, min(most, ctx.deadline - time.monotonic()))


def spend(size: int) -> None:
    """About size bytes are made, or visited. Raises RequestError (`Context.allocate`); does nothing without a query."""
    ctx: Optional[Spender] = spender_here()
    if ctx is not None:
        ctx.allocate(size)


def held_by_all(ctx: Spender) -> int:
    """Bytes held by the queries of this process that ask this, if ctx, one of them, holds the most; 0 for the others.

    So one at a time is ended, and those that hold little go on.
    """
    large[id(ctx)] = ctx
    held = [each.made for each in list(large.values())]
    return sum(held) if ctx.made >= max(held) else 0


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
