"""Freeing large values in pieces.

Python frees a value with all its parts in one go, and no other thread runs meanwhile: for a few million arrays that takes a
fifth of a second. So a server's thread notes the large values that a query makes (`noted`), which keeps them alive, and
when nobody else has them any more they are taken apart, a little at a time. As long as the query is running that happens
whenever it has made another large value, so that hardly more is kept than it holds itself.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any, Optional

from .values import Page

#: A value is large if at least this many bytes were made for it.
LARGE = 1 << 23
#: So many parts of a value, and their parts, are freed in one go: that takes a millisecond or two.
FEW = 50_000

#: The types of values with parts.
_LISTS: frozenset[type] = frozenset((list,))
_KINDS = _LISTS | {dict, Page}


class _Here(threading.local):
    """values: the large values of this thread's query; None where they are not noted."""

    values: Optional[list[Any]] = None


_here = _Here()
_references = getattr(sys, "getrefcount", None)  # other Pythons free in another way


def _of_one() -> int:
    part: list[Any] = []
    return _references(part) if _references else 0


#: What `sys.getrefcount` says of a value that only one variable holds. It depends on the version of Python.
_ALONE = _of_one()


def begin() -> None:
    """Note the large values of this thread from here on."""
    if _references:
        _here.values = []


def end() -> list[Any]:
    """Note no more; return those that are kept, for `free`."""
    values, _here.values = _here.values, None
    return values or []


def noted(value: Any) -> None:
    """Note a large value; free the parts of those noted before that nobody else has any more."""
    values = _here.values
    if values is None:
        return
    kept: list[Any] = []
    free(values, kept)
    if type(value) in _KINDS and not any(each is value for each in kept):
        kept.append(value)
    _here.values = kept


def free(values: list[Any], keep: Optional[list[Any]] = None) -> None:
    """Free values of a list, which is emptied, a little at a time. keep: a list for those that others have, too."""
    for _ in steps(values, keep):
        pass


def steps(values: list[Any], keep: Optional[list[Any]] = None) -> Iterator[None]:
    """As `free`. Between two steps other threads may run, and in each only a few parts are freed."""
    lists = [values]
    while lists:
        if not lists[-1]:
            lists.pop()
            continue
        part = lists[-1].pop()
        # A part that somebody else has is not freed by being let go.
        if _references(part) > _ALONE:  # type: ignore[misc]
            if keep is not None and len(lists) == 1:
                keep.append(part)
        elif _is_heavy(part):
            lists.append(list(_group(part)))  # they live on without it
        del part
        yield


def _is_heavy(value: Any) -> bool:
    """Whether a value has more than a few parts, counting their parts, too."""
    level, kinds, count = [value], {type(value)}, 0
    while not kinds.isdisjoint(_KINDS):
        groups = level if kinds == _LISTS else [part for part in map(_group, level) if part]
        count += sum(map(len, groups))
        if count > FEW:
            return True
        kinds = set(map(type, chain.from_iterable(groups)))
        level = [] if kinds.isdisjoint(_KINDS) else list(chain.from_iterable(groups))
    return False


def _group(value: Any) -> Collection[Any]:
    """The parts of a value."""
    kind = type(value)
    if kind is list:
        return value  # type: ignore[no-any-return]
    if kind is dict:
        return value.values()  # type: ignore[no-any-return]
    return (value.data, value.raw) if kind is Page else ()
