"""Merges objects, removes nulls, and finds differences (writes and schema, "Null and merging")."""

from __future__ import annotations

from typing import Any

from ..language.equality import identical

_ABSENT = object()


def without_nulls(value: Any) -> Any:
    """The value as it is stored: nulls are gone from objects and arrays at every depth.

    Returns the very same object when there is nothing to remove.
    """
    return _stripped(value) if _has_nulls(value) else value


def _has_nulls(value: Any) -> bool:
    kind = type(value)
    if kind is not dict and kind is not list:
        return False
    for member in value.values() if kind is dict else value:
        if member is None:
            return True
        kind = type(member)
        if (kind is dict or kind is list) and _has_nulls(member):
            return True
    return False


def _stripped(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _stripped(member) for key, member in value.items() if member is not None}
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
        elif type(value) is dict and type(result.get(key)) is dict:
            result[key] = merge(result[key], value)
        else:
            result[key] = without_nulls(value)
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
