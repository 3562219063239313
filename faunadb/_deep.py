"""Wrapping and writing structures that are nested deeper than Python's recursion limit allows.

The straightforward code recurses, which is faster; it hands over here when the limit stops it. Both
functions walk with a stack of their own, so depth costs memory only, and both find out whether the structure
contains itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from faunadb._expressions import _RAW_BY_TYPE, _check_key, _raw_by_base, unserializable

_CONTAINERS = (dict, list, tuple)


def raw_deep(value: Any) -> Any:
    """Do what ``_raw`` does, at any depth.

    :raises UnexpectedError: When the structure contains itself, or holds what cannot be sent.
    """
    results: list[Any] = [None]
    open_ids: set[int] = set()
    # What is to do: wrap a value and store it in results, or note that a container is finished.
    todo: list[tuple[Any, Any, Any]] = [(value, results, 0)]
    while todo:
        current, target, key = todo.pop()
        if target is None:
            open_ids.discard(key)
        elif not isinstance(current, _CONTAINERS):
            target[key] = _raw_leaf(current)
        else:
            _enter(current, open_ids)
            todo.append((None, None, id(current)))
            inner, target[key] = _shell_of(current)
            todo.extend((member, inner, name) for name, member in _members(current))
    return results[0]


def _raw_leaf(value: Any) -> Any:
    try:
        return (_RAW_BY_TYPE.get(type(value)) or _raw_by_base(value))(value)
    except RecursionError:
        raise unserializable("<function>", "a lambda is nested too deeply") from None


def _shell_of(container: Any) -> tuple[Any, Any]:
    """Return what a container's members are to be put into, and the JSON value around it."""
    if isinstance(container, dict):
        for key in container:
            _check_key(key)
        members: dict[str, Any] = dict.fromkeys(container)
        return members, {"object": members}
    elements: list[Any] = [None] * len(container)
    return elements, elements


def _members(container: Any) -> Iterator[tuple[Any, Any]]:
    return iter(container.items()) if isinstance(container, dict) else enumerate(container)


def _enter(container: Any, open_ids: set[int]) -> None:
    if id(container) in open_ids:
        raise unserializable("...", f"the structure (a {type(container).__name__}) contains itself")
    open_ids.add(id(container))


def write_deep(
    value: Any, scalar_json: Callable[[Any], str], expand: Callable[[Any], Any], sort_keys: bool
) -> str:
    """Return the compact JSON of a structure of any depth.

    :param scalar_json: Returns the JSON of a string, number, boolean or ``None``.
    :param expand: Returns the JSON value that an object of another type stands for.
    :raises UnexpectedError: When the structure contains itself, or holds what cannot be written.
    """
    parts: list[str] = []
    open_ids: set[int] = set()
    todo: list[tuple[str, Any]] = [("value", value)]
    while todo:
        kind, current = todo.pop()
        if kind == "text":
            parts.append(current)
        elif kind == "leave":
            open_ids.discard(id(current))
        elif isinstance(current, _CONTAINERS):
            _enter(current, open_ids)
            todo.append(("leave", current))
            todo.extend(reversed(list(_pieces(current, scalar_json, sort_keys))))
        elif current is None or isinstance(current, (str, int, float)):
            parts.append(scalar_json(current))
        else:
            todo.append(("value", expand(current)))
    return "".join(parts)


def _pieces(container: Any, scalar_json: Callable[[Any], str], sort_keys: bool) -> Iterator[tuple[str, Any]]:
    if not isinstance(container, dict):
        yield "text", "["
        for index, element in enumerate(container):
            if index:
                yield "text", ","
            yield "value", element
        yield "text", "]"
        return
    opening = "{"
    for key in sorted(container) if sort_keys else container:
        yield "text", f"{opening}{scalar_json(str(key))}:"
        yield "value", container[key]
        opening = ","
    yield "text", "{}" if opening == "{" else "}"
