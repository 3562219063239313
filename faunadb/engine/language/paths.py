"""Paths into values: the walks behind select, contains and index fields (evaluation rules, "select, contains*")."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union

from . import values as v

if TYPE_CHECKING:
    from .context import Context

Step = Union[str, int]


class NotFound:
    def __repr__(self) -> str:
        return "NOT_FOUND"


NOT_FOUND = NotFound()


def walk(ctx: Context, value: Any, steps: list[Step]) -> Any:
    """The value at a path, or `NOT_FOUND`."""
    for index, step in enumerate(steps):
        value = _step(ctx, value, step, index == len(steps) - 1, steps, index)
        if value is NOT_FOUND:
            return value
    return value


def _step(ctx: Context, value: Any, step: Step, last: bool, steps: list[Step], index: int) -> Any:
    kind = type(value)
    if kind is dict:
        return value.get(step, NOT_FOUND) if type(step) is str else NOT_FOUND
    if kind is list:
        return value[step] if type(step) is int and 0 <= step < len(value) else NOT_FOUND
    visit = _VISITS.get(kind)
    if visit is not None:
        return visit(ctx, value, step, last)
    if isinstance(value, v.SetValue):
        return _set(ctx, value, step, index)
    return NOT_FOUND


def _page(ctx: Context, page: v.Page, step: Step, last: bool) -> Any:
    if type(step) is int:
        return page.data[step] if 0 <= step < len(page.data) else NOT_FOUND
    if step == "data":
        return page.data
    if step in ("before", "after"):
        cursor = page.before if step == "before" else page.after
        return NOT_FOUND if cursor is v.NO_CURSOR else cursor
    return NOT_FOUND


def collection_of(ref: v.Ref) -> v.Ref:
    """The ref of the collection a document belongs to."""
    return v.Ref(ref.scope, v.COLLECTIONS, ref.coll)


def _document(ctx: Context, document: v.Document, step: Step, last: bool) -> Any:
    if step == "ref":
        return document.ref
    if step == "class":
        return collection_of(document.ref)
    if step == "ts":
        return document.ts
    if type(step) is str:
        return document.fields.get(step, NOT_FOUND)
    return NOT_FOUND


def ref_id(ctx: Context, ref: v.Ref) -> str:
    """What ``select("id", ref)`` gives: the name of a named document, else the number as text."""
    if ref.is_native_collection:
        return v.NATIVE_NAMES[ref.id]
    if ref.coll in v.NAMED_NATIVES:
        name: str = ctx.schema.name_of(ref)
        return name
    return str(ref.id)


def _ref(ctx: Context, ref: v.Ref, step: Step, last: bool) -> Any:
    if step == "id":
        return ref_id(ctx, ref)
    if step in ("collection", "class"):
        return collection_of(ref)
    if step == "database" and ref.scope != ctx.scope:
        database = ctx.schema.place_of(ref.scope)
        return NOT_FOUND if database is None else database
    return NOT_FOUND


def _document_event(ctx: Context, event: v.DocumentEvent, step: Step, last: bool) -> Any:
    if step in ("document", "instance", "resource"):
        return event.ref
    if step == "ts":
        return event.ts
    if step == "action":
        return event.action
    if event.diff is None:
        return None if step == "data" else NOT_FOUND
    return event.diff.get(step, NOT_FOUND) if type(step) is str else NOT_FOUND


def _set_event(ctx: Context, event: v.SetEvent, step: Step, last: bool) -> Any:
    if step in ("document", "instance", "resource"):
        return event.ref
    if step == "ts":
        return event.ts
    if step == "action":
        return event.action
    if step == "data":
        values = event.values or []
        return values[0] if len(values) == 1 else values
    return NOT_FOUND


def _event_cursor(ctx: Context, cursor: v.EventCursor, step: Step, last: bool) -> Any:
    if cursor.event is not None:
        return _VISITS[type(cursor.event)](ctx, cursor.event, step, last)
    return (cursor.fields or {}).get(step, NOT_FOUND) if type(step) is str else NOT_FOUND


def _sourced(ctx: Context, element: v.Sourced, step: Step, last: bool) -> Any:
    if step == "value":
        return element.value
    return element.sources if step == "sources" else NOT_FOUND


_SET_PARTS = ("union", "intersection", "difference", "distinct", "join", "with", "match", "terms")


def _set(ctx: Context, value: v.SetValue, step: Step, index: int) -> Any:
    """``@set`` is the set itself. Later steps lead into the definition of some sets, as responses show it (deprecated)."""
    if step == "@set":
        return value
    if index > 0 and step in _SET_PARTS:
        wire = value.wire()
        if step == "with" and "join" not in wire:
            return NOT_FOUND
        part = wire.get(step, NOT_FOUND)
        if part is NOT_FOUND:
            return part
        if step in ("union", "intersection", "difference"):
            return [_shown(member) for member in (part if type(part) is list else [part])]
        return _shown(part)
    return NOT_FOUND


def _shown(part: Any) -> Any:
    """A part of a set as responses show it: the set of a native collection is the collection's ref."""
    return part.shown() if isinstance(part, v.SetValue) else part


_VISITS: dict[type, Callable[[Context, Any, Step, bool], Any]] = {
    v.Page: _page,
    v.Document: _document,
    v.Ref: _ref,
    v.DocumentEvent: _document_event,
    v.SetEvent: _set_event,
    v.EventCursor: _event_cursor,
    v.Sourced: _sourced,
}


def walk_all(ctx: Context, value: Any, steps: list[Step]) -> list[Any]:
    """Every value at a path (``select_all``).

    An array at a string step or at the end of the path stands for its elements. Those without a value are left out, and
    arrays of results are spliced into one.
    """
    found = _all(ctx, value, steps)
    if found is NOT_FOUND:
        return []
    return found if type(found) is list else [found]


def _all(ctx: Context, value: Any, steps: list[Step]) -> Any:
    for index, step in enumerate(steps):
        if type(value) is list and type(step) is str:
            return _spliced(ctx, value, steps[index:])
        value = _step(ctx, value, step, index == len(steps) - 1, steps, index)
        if value is NOT_FOUND:
            return NOT_FOUND
    return _spliced(ctx, value, []) if type(value) is list else value


def _spliced(ctx: Context, items: list[Any], rest: list[Step]) -> list[Any]:
    result: list[Any] = []
    ctx.allocate(8 * len(items))
    for item in items:
        found = _all(ctx, item, rest)
        if type(found) is list:
            ctx.allocate(8 * len(found))
            result.extend(found)
        elif found is not NOT_FOUND:
            result.append(found)
    return result
