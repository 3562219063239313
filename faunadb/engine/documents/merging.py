"""Merging, null removal and differences of objects (writes and schema, "Null and merging")."""

from __future__ import annotations

from operator import is_
from typing import Any

from ..language.equality import identical

_ABSENT = object()


def without_nulls(value: Any) -> Any:
    """The value as it is stored: nulls are gone from objects and arrays at every depth.

    Returns the very same object when there is nothing to remove.
    """
    kind = type(value)
    if kind is dict:
        result = {key: without_nulls(member) for key, member in value.items() if member is not None}
        if len(result) == len(value) and all(result[key] is member for key, member in value.items()):
            return value
        return result
    if kind is list:
        kept = [without_nulls(member) for member in value if member is not None]
        if len(kept) == len(value) and all(map(is_, kept, value)):
            return value
        return kept
    return value


def merge(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """old updated by patch: objects merge member by member, anything else is replaced, null removes.

    Members keep their place, new ones are appended. Neither argument is changed.
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
    """What turns old into new by `merge`: changed and added members, removed ones as null, objects within too."""
    result: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key, _ABSENT)
        if type(value) is dict and type(before) is dict:
            inner = difference(before, value)
            if inner:
                result[key] = inner
        elif before is _ABSENT or not identical(before, value):
            result[key] = value
    for key in old:
        if key not in new:
            result[key] = None
    return result
