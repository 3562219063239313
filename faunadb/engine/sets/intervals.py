"""Lists of time intervals, at which an element was in a set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

#: From start to before end, in microseconds; end None: until now.
Interval = tuple[int, Optional[int]]


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """The same times as disjoint ascending intervals that do not touch."""
    found: list[Interval] = []
    for start, end in sorted(intervals, key=lambda interval: interval[0]):
        if found and (found[-1][1] is None or found[-1][1] >= start):
            last_start, last_end = found[-1]
            later = None if last_end is None or end is None else max(last_end, end)
            found[-1] = (last_start, later)
        else:
            found.append((start, end))
    return found


def common_times(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """The times in both lists. The result is disjoint if both are."""
    found = []
    for start, end in left:
        for other_start, other_end in right:
            low = max(start, other_start)
            ends = [one for one in (end, other_end) if one is not None]
            high = min(ends) if ends else None
            if high is None or low < high:
                found.append((low, high))
    return found


def without(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """The times in left that are not in right. right: disjoint and ascending."""
    gaps: list[Interval] = []
    position: Optional[int] = -(1 << 63)
    for start, end in right:
        if position is not None and position < start:
            gaps.append((position, start))
        position = end
    if position is not None:
        gaps.append((position, None))
    return common_times(left, gaps)
