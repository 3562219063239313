"""Reads cursors: places in a set, and places in a history (sets and reads, "Parsing snapshot cursors", "Event cursors")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import keys
from ..java.times import Date, Time
from ..language import values as v
from ..language.budget import spend
from ..language.errors import Fault, Faults, invalid_argument, undefined_ref, wrong_type
from ..records import NamedTuple
from .base import Edge, Reader, Shape
from .event_places import ADDED, END_OF_TIME, Cut
from .history import History

if TYPE_CHECKING:
    from ..language.context import Context

# ---- places in a set --------------------------------------------------------------------------------------------


def as_list(value: Any, at: Any, shape: Optional[Shape]) -> list[Any]:
    """A given cursor as a list of values. shape: the set's; None when it is known only from reading the set.

    Raises Faults for unresolved refs among the values that decide the place.
    """
    value = _as_ref(value)
    values: list[Any] = value if type(value) is list else [value]
    needed = len(values) if shape is None else len(shape.descending) + 1
    faults = [undefined_ref(ref, at) for ref in _unresolved(values[:needed])]
    if faults:
        raise Faults(faults)
    return values


def _as_ref(value: Any) -> Any:
    """The ref of a set that is shown as a ref; any other value as it is."""
    if isinstance(value, v.SetValue) and type(value.shown()) is v.Ref:
        return value.shown()
    return value


def _unresolved(value: Any) -> Iterator[v.UnresolvedRef]:
    """The unresolved refs in a value, at any depth."""
    if type(value) is v.UnresolvedRef:
        yield value
    elif type(value) is dict:
        yield from _unresolved(list(value.values()))
    elif type(value) is list:
        spend(64 * len(value))
        for item in value:
            yield from _unresolved(item)


def parse_edge(reader: Reader, known: bool, values: list[Any], upper: bool) -> Edge:
    """The cut that a cursor stands for.

    known: whether the set's shape is known without reading it. If not, the last of the values is the ref. upper: a
    prefix stands for the cut after its elements (as the ``to`` of a range) rather than before them.
    """
    shape = _fitting(reader, values) if known else reader.shape()
    count = len(shape.descending) if known else max(0, len(values) - 1)
    flags = (*shape.descending, *([False] * count))
    parts = tuple(keys.encode_directed(value, down) for value, down in zip(values[:count], flags))
    if len(values) <= count:
        return Edge(parts, None, upper)
    slot = _as_ref(values[count])
    if type(slot) is not v.Ref:
        return Edge(parts, None, keys.rank(slot) > keys.REF)
    if slot.id < 0:
        # No document has a negative id. It comes before all others, though as a value it would come after them.
        return Edge(parts, None, shape.ref_descending)
    suffix = keys.ref_suffix(slot.coll, slot.id)
    return Edge(parts, keys.complement(suffix) if shape.ref_descending else suffix, upper)


def _fitting(reader: Reader, values: list[Any]) -> Shape:
    """The shape by which a cursor is read: that of the set's first member. But where members differ in length, the full
    place of an element of another member is read by that one's.
    """
    shape = reader.shape()
    if reader.arity is None and values and type(_as_ref(values[-1])) is v.Ref:
        count = len(values) - 1
        others = (other for other in reader.shapes() if len(other.descending) == count)
        return shape if count == len(shape.descending) else next(others, shape)
    return shape


# ---- places in a history ----------------------------------------------------------------------------------------

_DOCUMENT_KEYS = ("document", "instance", "resource")
_KEY_SETS = {
    frozenset(keys_)
    for keys_ in (
        ("ts",),
        ("ts", "action"),
        *(("ts", "action", name) for name in _DOCUMENT_KEYS),
        ("ts", "action", "document", "data"),
        ("ts", "action", "instance", "data"),
        ("ts", "action", "resource", "data"),
        ("ts", "action", "resource", "values"),
    )
}
_ECHOED = {"create": v.ADD, "add": v.ADD, "delete": v.REMOVE, "remove": v.REMOVE, "update": v.UPDATE}


class EventCursor(NamedTuple):
    """A checked event cursor. action, document, values: None when the cursor does not name them. bare: just a time."""

    ts: int
    action: Optional[str] = None
    document: Optional[v.Ref] = None
    values: Any = None
    bare: bool = False


def check_event_cursor(ctx: Context, value: Any, at: Any) -> Optional[EventCursor]:
    """Check an event cursor, before anything is read; None for null. at: its position below the form.

    Raises Fault or Faults for anything that is not an event cursor.
    """
    if value is None:
        return None
    ts = _instant(ctx, value)
    if ts is not None:
        return EventCursor(ts, bare=True)
    if type(value) is v.EventCursor and value.fields is not None:
        value = value.fields
    elif type(value) is not dict:
        raise wrong_type(("Object", "Integer", "Time", "Date"), value, at)
    if frozenset(value) not in _KEY_SETS:
        raise invalid_argument(f"Cannot create event cursor with keys {', '.join(value)}", at)
    return _checked_object(ctx, value, at)


def event_place(history: History, cursor: Optional[EventCursor], before: bool) -> tuple[Cut, v.EventCursor]:
    """The cut that an event cursor stands for, and how the page repeats it."""
    if cursor is None:
        return END_OF_TIME, v.EventCursor(None)
    ts, action, ref, values, bare = cursor
    if bare:
        # The events at that time come after it, except, reading forward, the removes of a set.
        cut = Cut((ts,) if history.of_document or before else (ts, ADDED), whole=True)
        return cut, v.EventCursor({"ts": ts, "action": v.ADD})
    if ref is None:
        if history.of_document:
            return Cut((ts,)), v.EventCursor(None)
        removes_only = before and action in ("remove", "delete")
        return Cut((ts, ADDED) if removes_only else (ts, ADDED + 1)), v.EventCursor(None)
    assert action is not None  # the key sets have no document without an action
    echoed = _ECHOED[action]
    fields: dict[str, Any] = {"ts": ts, "action": echoed, "document": ref}
    items = values if type(values) is list or values is None else [values]
    if items is not None:
        fields["data"] = items
    suffix = keys.ref_suffix(ref.coll, ref.id)
    cut = Cut((ts,)) if history.of_document else history.cut_at(ts, action, suffix, items)
    return cut, v.EventCursor(fields, v.SetEvent(ts, echoed, ref, fields.get("data")))


def _instant(ctx: Context, value: Any) -> Optional[int]:
    """Microseconds of a cursor that is just a time."""
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is Time:
        return int(value.nearest_micros())
    if kind is Date:
        return int(value.to_time().nearest_micros())
    if kind is v.PendingTime:
        return int(ctx.writer().txn)
    return None


def _checked_object(ctx: Context, fields: dict[str, Any], at: Any) -> EventCursor:
    place = (at,) if isinstance(at, str) else tuple(at)
    faults: list[Fault] = []
    name = next((key for key in _DOCUMENT_KEYS if key in fields), None)
    ts = fields["ts"]
    if type(ts) is v.PendingTime:
        ts = ctx.writer().txn
    if type(ts) is not int:
        faults.append(wrong_type("Integer", ts, (*place, "ts")))
    action = _action(fields.get("action"), (*place, "action"), faults) if "action" in fields else None
    ref = fields.get(name) if name else None
    if name and type(ref) is v.UnresolvedRef:
        faults.append(undefined_ref(ref, (*place, name)))
    elif name and type(ref) is not v.Ref:
        faults.append(wrong_type("Ref", ref, (*place, name)))
    if faults:
        raise Faults(faults)
    return EventCursor(ts, action, ref, fields.get("data", fields.get("values")))


def _action(value: Any, at: Any, faults: list[Fault]) -> Optional[str]:
    name = value.name if type(value) is v.Action else value
    if type(name) is str and name in _ECHOED:
        return name
    faults.append(
        invalid_argument(
            f"String 'create', 'update', or 'delete' expected, {v.type_name(value)} provided.", at
        )
    )
    return None


def collected(checks: Iterable[Any]) -> list[Any]:
    """The results of several checks; raises all their faults together."""
    results, faults = [], []
    for check in checks:
        try:
            results.append(check())
        except Fault as fault:
            faults.append(fault)
        except Faults as several:
            faults.extend(several.faults)
    if faults:
        raise Faults(faults)
    return results
