"""Memory and time of the running query, for code that makes or visits many values but is not given the context.

A small value can stand for a huge one: an array may contain another a thousand times, which does the same again. So
whatever walks or copies values first calls `spend`, which ends the query of this thread when its time is up or it holds
too much memory.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Optional, Protocol

from .overruns import large, spender_here

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Spender(Protocol):
    """What is charged: the running query (`Context`)."""

    deadline: float
    made: int

    def allocate(self, size: int) -> None: ...


def seconds_left(most: float) -> float:
    """Seconds left to the query of this thread: `most` of them at most, and a millisecond at least."""
    ctx: Optional[Spender] = spender_here()
    return most if ctx is None else max(0.001, min(most, ctx.deadline - time.monotonic()))


def spend(size: int) -> None:
    """Charge about size bytes, made or visited. Raises RequestError (`Context.allocate`); does nothing outside of queries."""
    ctx: Optional[Spender] = spender_here()
    if ctx is not None:
        ctx.allocate(size)


def held_by_all(ctx: Spender) -> int:
    """Bytes held by all the queries of this process that have called this, or 0 when ctx does not hold the most of them.

    So a limit on the sum ends one query at a time, the largest, and the small ones go on.
    """
    large[id(ctx)] = ctx
    held = [each.made for each in list(large.values())]
    return sum(held) if ctx.made >= max(held) else 0


def resident() -> Optional[int]:
    """Bytes of memory this process holds, or has held at most where the system tells only that; None if it tells nothing."""
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
