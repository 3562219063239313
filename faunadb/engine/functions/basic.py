"""Comparison, booleans, containment, abort (value functions, "Comparison and booleans" and "Objects")."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Callable

from .. import sets
from ..indexes import keys
from ..language import values as v
from ..language.casts import BOOLEAN, PATH, STRING, Many
from ..language.equality import equal, identical
from ..language.errors import Fault, Faults, invalid_argument, undefined_ref, wrong_type
from ..language.paths import NOT_FOUND, collection_of, ref_id, walk
from ..language.registry import READ, VERSION_RANK, Arg, form

if TYPE_CHECKING:
    from ..language.context import Context

OPERANDS = Many(None, nonempty=True)


@form(Arg("equals", OPERANDS))
def equals(ctx: Context, operands: list[Any]) -> bool:
    """True when every operand equals the first. Integer 1 equals Double 1.0 here, but not inside arrays or objects.

    >>> q.equals(1, 1.0)
    True
    """
    first = operands[0]
    exact = VERSION_RANK[ctx.version] >= VERSION_RANK["5"]
    return all(equal(first, other, exact) for other in operands[1:])


def refuse_unresolved(operands: list[Any], key: str) -> None:
    """Refuse unresolved refs, which have no order: one error for each."""
    faults = [undefined_ref(operand, key) for operand in operands if type(operand) is v.UnresolvedRef]
    if faults:
        raise Faults(faults)


def _ordered(key: str, holds: Callable[[Any, Any], bool], what: str) -> Callable[..., Any]:
    """holds: of two integers, or of an order (-1, 0, 1) and 0."""

    def ordered(ctx: Context, operands: list[Any]) -> bool:
        if len(operands) == 2 and type(operands[0]) is int and type(operands[1]) is int:
            return holds(operands[0], operands[1])  # nearly always it is this, in a tenth of the time
        refuse_unresolved(operands, key)
        return all(
            holds(keys.compare(operands[index], operands[index + 1], key), 0)
            for index in range(len(operands) - 1)
        )

    ordered.__name__ = key
    ordered.__doc__ = f"""True when each operand is {what} the next. Values of different types have an order too.

    >>> q.{key}(1, 2)
    {holds(1, 2)}
    """
    return form(Arg(key, OPERANDS))(ordered)


lt = _ordered("lt", operator.lt, "less than")
lte = _ordered("lte", operator.le, "less than or equal to")
gt = _ordered("gt", operator.gt, "greater than")
gte = _ordered("gte", operator.ge, "greater than or equal to")


@form(Arg("not", BOOLEAN))
def not_(ctx: Context, value: bool) -> bool:
    """The other boolean.

    >>> q.not_(True)
    False
    """
    return not value


@form(Arg("abort", STRING))
def abort(ctx: Context, message: str) -> Any:
    """End the query with an error of code ``transaction aborted``; nothing is written.

    >>> q.if_(True, "fine", q.abort("never reached"))
    'fine'
    """
    raise Fault("transaction aborted", message)


def _contains(ctx: Context, path: list[Any], container: Any) -> bool:
    return walk(ctx, container, path) is not NOT_FOUND


@form(Arg("contains", PATH), Arg("in"))
def contains(ctx: Context, path: list[Any], container: Any) -> bool:
    """Deprecated name of contains_path."""
    return _contains(ctx, path, container)


@form(Arg("contains_path", PATH), Arg("in"), since="3")
def contains_path(ctx: Context, path: list[Any], container: Any) -> bool:
    """True when something is at a path; null counts.

    >>> q.contains_path(["a", "b"], {"a": {"b": None}})
    True
    """
    return _contains(ctx, path, container)


@form(Arg("contains_field", STRING), Arg("in"), since="3")
def contains_field(ctx: Context, field: str, container: Any) -> bool:
    """True when an object or document has a field. An array is an error, other values have none.

    >>> q.contains_field("a", {"a": 1})
    True
    """
    if type(container) is list:
        raise wrong_type("Object", container, "in")
    return _contains(ctx, [field], container)


@form(Arg("contains_value"), Arg("in"), since="3", effect=READ)
def contains_value(ctx: Context, value: Any, container: Any) -> bool:
    """True when a value is among an array's elements, an object's or document's field values, a set's elements.

    >>> q.contains_value(2, [1, 2, 3])
    True
    """
    if isinstance(container, v.SetValue):
        return sets.contains(ctx, container, value)  # type: ignore[arg-type]
    if type(container) is v.Ref:
        parts = _ref_parts(ctx, container)
    elif type(container) in _PARTS:
        parts = _PARTS[type(container)](container)
    elif type(container) in v.SCALAR_TYPES:
        raise invalid_argument("Object, Array, Page, Set, or Ref expected, Scalar provided.", "in")
    else:
        return False
    ctx.allocate(64 * len(parts))
    return any(identical(value, part) for part in parts)


def _ref_parts(ctx: Context, ref: v.Ref) -> list[Any]:
    parts: list[Any] = [ref_id(ctx, ref), collection_of(ref)]
    if ref.scope != ctx.scope:
        database = ctx.schema.place_of(ref.scope)
        if database is not None:
            parts.append(database)
    return parts


def _event_parts(event: v.DocumentEvent) -> list[Any]:
    data = (event.diff or {}).get("data")
    return [event.ts, event.action, event.action.name, event.ref, data, *(data or {}).values()]


def _set_event_parts(event: v.SetEvent) -> list[Any]:
    values = event.values or []
    return [event.ts, event.action, event.action.name, event.ref, values, *values]


def _event_cursor_parts(cursor: v.EventCursor) -> list[Any]:
    if cursor.event is None:
        return list((cursor.fields or {}).values())
    return _PARTS[type(cursor.event)](cursor.event)


_PARTS: dict[type, Callable[[Any], list[Any]]] = {
    list: lambda array: array,
    dict: lambda obj: list(obj.values()),
    v.Page: lambda page: [page.data, *(c for c in (page.before, page.after) if c is not v.NO_CURSOR)],
    v.Document: lambda doc: [doc.ref, collection_of(doc.ref), doc.ts, *doc.fields.values()],
    v.DocumentEvent: _event_parts,
    v.SetEvent: _set_event_parts,
    v.EventCursor: _event_cursor_parts,
}
