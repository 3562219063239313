"""Equality of values (evaluation rules, "equals").

`identical` is the strict, structural rule, used for everything nested, for distinct, contains_value and the algebra of
arrays. `equal` is the rule for the operands of ``equals`` themselves: Integer 1 equals Double 1.0, and doubles are
compared by their total order.
"""

from __future__ import annotations

import struct
import uuid
from typing import Any

from ..java.times import Date, Time
from . import values as v
from .budget import spend
from .nodes import Literal


def identical(a: Any, b: Any) -> bool:
    """Same kind and same content; Integer 1 differs from Double 1.0, NaN from itself, 0.0 equals -0.0."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is list:
        spend(64 * len(a))
        return len(a) == len(b) and all(map(identical, a, b))
    if kind is dict:
        return _same_object(a, b)
    if kind is v.Document:
        return bool(
            a.ref == b.ref and a.ts == b.ts and a.created == b.created and _same_object(a.fields, b.fields)
        )
    if kind is v.Page:
        return identical([a.data, a.raw], [b.data, b.raw]) and identical(_cursors(a), _cursors(b))
    if kind is v.DocumentEvent:
        return bool(a.ts == b.ts and a.action is b.action and a.ref == b.ref and identical(a.diff, b.diff))
    if kind is v.SetEvent:
        return bool(
            a.ts == b.ts and a.action is b.action and a.ref == b.ref and identical(a.values, b.values)
        )
    if kind is v.EventCursor:
        return identical(a.fields, b.fields) and identical(a.event, b.event)
    if kind is v.Sourced:
        return identical(a.value, b.value) and identical(a.sources, b.sources)
    if kind is v.Lambda:
        return _same_lambda(a, b)
    if isinstance(a, v.SetValue):
        return _same_object(a.wire(), b.wire())
    return bool(a == b)


def _same_lambda(a: v.Lambda, b: v.Lambda) -> bool:
    """Whether lambdas are equal: the same value; or the same stored source; or the same pattern, a body without forms that
    is the same, and the same captured variables."""
    if a is b or (a._body is not None and a._body is b._body and identical(a.env, b.env)):
        return True
    if a.stored is not None and a.scope == b.scope and identical(a.stored, b.stored):
        return True
    if a._body is None or b._body is None or a.pattern != b.pattern:
        return False
    if a._body.has_form() or b._body.has_form():
        return False
    return identical(a.env, b.env) and _same_source(a._body.source(), b._body.source())


def _same_source(a: Any, b: Any) -> bool:
    if isinstance(a, Literal) and isinstance(b, Literal):
        return identical(a.value, b.value)
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same_source, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same_source(a[key], b[key]) for key in a)
    return bool(a == b)


def _cursors(page: v.Page) -> list[Any]:
    return [[] if cursor is v.NO_CURSOR else [cursor] for cursor in (page.before, page.after)]


def _same_object(a: dict[str, Any], b: dict[str, Any]) -> bool:
    spend(64 * len(a))
    return len(a) == len(b) and all(key in b and identical(value, b[key]) for key, value in a.items())


def _total(number: float) -> int:
    """A double's place in the total order: -0.0 before 0.0, every NaN the same and last."""
    if number != number:
        return 1 << 63
    bits: int = struct.unpack(">q", struct.pack(">d", number))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF) - 1


def equal(a: Any, b: Any, exact_actions: bool = False) -> bool:
    """The rule for the operands of ``equals`` themselves.

    exact_actions: an action equals only its own name (since version 5). Else ``create`` stands for all actions that leave
    something behind, and ``delete`` for the others.
    """
    kinds = (type(a), type(b))
    if kinds == (float, float) or kinds in ((int, float), (float, int)):
        return _total(float(a)) == _total(float(b))
    if type(a) is v.Action and type(b) is str:
        return _action_equals(a, b, exact_actions)
    if type(a) is str and type(b) is v.Action:
        return _action_equals(b, a, exact_actions)
    return identical(a, b)


def _action_equals(action: v.Action, name: str, exact: bool) -> bool:
    if exact:
        return action.name == name
    if name == "create":
        return action.creates
    if name == "delete":
        return not action.creates
    return action.name == name


class EqualityClasses:
    """Gives values numbers: identical values, and only these, get the same one."""

    __slots__ = ("_count", "_known")

    def __init__(self) -> None:
        self._known: dict[Any, list[tuple[Any, int]]] = {}
        self._count = 0

    def number(self, value: Any) -> int:
        known = self._known.setdefault(_bucket(value), [])
        for other, number in known:
            if identical(value, other):
                return number
        self._count += 1
        known.append((value, self._count))
        return self._count


_HASHED = frozenset((int, str, bool, float, bytes, type(None), v.Ref, v.UnresolvedRef, Time, Date, uuid.UUID))


def _bucket(value: Any) -> Any:
    """Something hashable that is equal for identical values, and rarely for others."""
    kind = type(value)
    if kind in _HASHED:
        return kind, value
    if kind is list:
        spend(96 * len(value))
        return kind, tuple(map(_bucket, value))
    if kind is dict:
        spend(192 * len(value))
        return kind, frozenset((key, _bucket(member)) for key, member in value.items())
    return kind, value.ref if kind is v.Document else None
