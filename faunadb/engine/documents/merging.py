"""Merges objects, removes nulls, and finds differences (writes and schema, "Null and merging").

A name that repeats an earlier one in its object is removed as well. The store keeps the first one only, and all that is
made of a document when it is written must be the same as what is made of it when it is read: else the entry of an index that
it adds is not the one that it ends.
"""

from __future__ import annotations

from typing import Any

from ..language.equality import identical
from ..language.repeated import RepeatedField

_ABSENT = object()
_WITH_PARTS = frozenset((dict, list))


def without_nulls(value: Any) -> Any:
    """The value as it is stored: nulls and repeated names are gone from objects and arrays at every depth.

    Returns the very same object when there is nothing to remove.
    """
    return _stripped(value) if _has_more(value) else value


def _has_more(value: Any) -> bool:
    """Whether there is anything in a value that is not stored."""
    kind = type(value)
    if kind not in _WITH_PARTS:
        return False
    if kind is dict and RepeatedField in map(type, value):
        return True
    for member in value.values() if kind is dict else value:
        if member is None:
            return True
        if type(member) in _WITH_PARTS and _has_more(member):
            return True
    return False


def _stripped(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {
            key: _stripped(member)
            for key, member in value.items()
            if member is not None and type(key) is not RepeatedField
        }
    if kind is list:
        return [_stripped(member) for member in value if member is not None]
    return value


def merge(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What an update makes of an object: objects merge member by member, null removes a member, all else replaces it.

    Members keep their place, new ones come after them. Neither argument is changed.
    """
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif type(key) is RepeatedField:
            continue
        elif type(value) is dict and type(result.get(key)) is dict:
            result[key] = merge(result[key], value)
        else:
            result[key] = without_nulls(value) if type(value) in _WITH_PARTS else value
    return result


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The patch by which `merge` turns old into new: changed and added members, and null for removed ones.

    Of an object that is in both, it has the difference. Members have the order of old, added ones come after them.
    """
    result: dict[str, Any] = {}
    for key, before in old.items():
        after = new.get(key, _ABSENT)
        if after is _ABSENT:
            result[key] = None
        elif type(after) is dict and type(before) is dict:
            inner = difference(before, after)
            if inner:
                result[key] = inner
        elif not identical(before, after):
            result[key] = after
    result.update((key, value) for key, value in new.items() if key not in old)
    return result
