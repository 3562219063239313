"""Fields of documents: types, failures, and preparing params for storage (writes and schema, "Accepted params").

A `FieldType`, called with (check, value, path), returns the value to store, and adds a failure to the check when the
value does not fit. Values arrive as `prepare` returns them, without documents, pages, events and sets.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from ..documents import exists
from ..java.times import Date, Time
from ..language import codec, lambdas
from ..language import values as v
from ..language.budget import spend
from ..language.errors import At, Failure, Fault, Position, QueryError, path, validation_failed
from ..language.nodes import Literal

if TYPE_CHECKING:
    from ..language.context import Context

FieldPath = tuple[str, ...]

_STORAGE_TYPES: dict[type, str] = {
    int: "Long",
    float: "Double",
    bool: "Boolean",
    str: "String",
    type(None): "Null",
    bytes: "Bytes",
    v.Ref: "Ref",
    Time: "Time",
    v.PendingTime: "TransactionTime",
    Date: "Date",
    uuid.UUID: "UUID",
    v.Lambda: "Query",
    list: "Array",
    dict: "Map",
    v.Action: "String",
}


def storage_type(value: Any) -> str:
    """The name that failures use for the type of a stored value."""
    return _STORAGE_TYPES.get(type(value), "Map")


def invalid_type(field: Sequence[str], value: Any, expected: str) -> Failure:
    return Failure(field, "invalid type", f"Invalid type {storage_type(value)}, expected type {expected}.")


def required(field: Sequence[str]) -> Failure:
    return Failure(field, "value required", "Required value not found.")


def duplicate(field: Sequence[str]) -> Failure:
    return Failure(field, "duplicate value", "Value is not unique.")


class Check:
    """A validation in progress: its context, and the failures found so far, each once."""

    def __init__(self, ctx: Context):
        self.ctx = ctx
        self.failures: list[Failure] = []

    def fail(self, failure: Failure) -> None:
        if failure not in self.failures:
            self.failures.append(failure)

    def raise_any(self, at: At) -> None:
        """Raise ``validation failed`` if there are failures. at: its place below the form."""
        if self.failures:
            raise validation_failed(self.failures, at)


FieldType = Callable[[Check, Any, FieldPath], Any]


def of_kind(expected: str, *kinds: type) -> FieldType:
    """The field type of values of these Python types, which are stored as they are."""

    def convert(check: Check, value: Any, at: FieldPath) -> Any:
        if type(value) not in kinds:
            check.fail(invalid_type(at, value, expected))
        return value

    return convert


LONG = of_kind("Long", int)
BOOLEAN = of_kind("Boolean", bool)
STRING = of_kind("String", str)
MAP = of_kind("Map", dict)
TIMESTAMP = of_kind("Timestamp", Time)
QUERY = of_kind("Query", v.Lambda)
REF = of_kind("Ref", v.Ref)


def priority(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is not int or not 1 <= value <= 500:
        check.fail(invalid_type(at, value, "Priority"))
    return value


def days(check: Check, value: Any, at: FieldPath) -> Any:
    """Days of history: not negative."""
    if type(value) is int and value < 0:
        check.fail(Failure(at, "non-negative value required", "Value must be non-negative."))
        return value
    return LONG(check, value, at)


def name(check: Check, value: Any, at: FieldPath) -> Any:
    """The name of a schema document."""
    if type(value) is not str:
        check.fail(invalid_type(at, value, "Name"))
    elif value == "_":
        check.fail(Failure(at, "reserved name", "Invalid name _. Reserved names: _."))
    elif not valid_name(value):
        text = f"The name {value} uses invalid characters. Valid characters must match: [;@+$\\-_.!~%\\w]+"
        check.fail(Failure(at, "invalid characters", text))
    return value


_NAME_PUNCTUATION = frozenset(";@+$-_.!~%\u200c\u200d")
_NAME_CATEGORIES = frozenset(("Nd", "Nl", "Pc"))


def valid_name(text: str) -> bool:
    """Whether a text can be a name: not empty, and all its characters are allowed."""
    return bool(text) and all(map(_name_character, text))


def _name_character(char: str) -> bool:
    if char in _NAME_PUNCTUATION:
        return True
    category = unicodedata.category(char)
    return category[0] in "LM" or category in _NAME_CATEGORIES


# ---- params ----


class RefFault(Fault):
    """A validation error whose failures name their place in the query: their fields begin with the error's position."""

    def located(self, position: Position) -> QueryError:
        start = [str(key) for key in (*path(position), *self.at)]
        failures = [
            Failure([*start, *failure.field], failure.code, failure.description) for failure in self.failures
        ]
        error = super().located(position)
        error.failures = failures
        return error


def is_plain(ctx: Context, value: Any) -> bool:
    """Whether an object or array holds only strings, integers and booleans, without nulls and keys that begin with ``@``.

    Such a value can be stored as it is. Most are like that, and this check is quick.
    """
    todo = [value]
    for each in todo:
        ctx.made += 16 * len(each)
        if ctx.made >= ctx.measure_at:
            ctx.measure()
        members = each
        if type(each) is dict:
            for key in each:
                if type(key) is not str or key[:1] == "@":  # a key of another type is a `RepeatedField`
                    return False
            members = each.values()
        if len(each) > _MANY and _PLAIN.issuperset(map(type, members)):
            continue
        for member in members:
            kind = type(member)
            if kind is not str and kind is not int:
                if kind is dict or kind is list:
                    todo.append(member)
                elif kind is not bool:
                    return False
    return True


_PLAIN = frozenset((str, int, bool))
#: Of more members, the types are compared at once.
_MANY = 16


_LEAVES = frozenset((str, int, float, bool, type(None), Time, Date, bytes, uuid.UUID, v.Action))
_REPOINTED = (v.COLLECTIONS, v.INDEXES, v.FUNCTIONS)


def prepare(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Params ready for validation: refs are checked; embedded documents, pages, events and sets become objects.

    Nulls stay (they say what an update removes). Returns ``params`` itself when nothing changes. Raises one `RefFault`
    for all refs that are unresolved or belong to another database. Unresolved refs inside embedded values and lambdas
    count too, since they cannot be stored.
    """
    walk = _Params(ctx)
    result = walk.object(params, ())
    if walk.failures:
        raise RefFault("validation failed", "document data is not valid.", failures=walk.failures)
    return result


class _Params:
    """One walk of `prepare`, which collects the failures."""

    def __init__(self, ctx: Context):
        self.ctx = ctx
        self.failures: list[Failure] = []

    def object(self, value: dict[str, Any], at: FieldPath) -> dict[str, Any]:
        result = value
        spend(16 * len(value))
        for key, member in value.items():
            if type(member) in _LEAVES:
                continue
            changed = self.value(member, (*at, key))
            if changed is not member:
                if result is value:
                    result = dict(value)
                result[key] = changed
        return result

    def array(self, value: list[Any], at: FieldPath) -> list[Any]:
        result = value
        spend(16 * len(value))
        for index, member in enumerate(value):
            if type(member) in _LEAVES:
                continue
            changed = self.value(member, (*at, str(index)))
            if changed is not member:
                if result is value:
                    result = list(value)
                result[index] = changed
        return result

    def value(self, value: Any, at: FieldPath) -> Any:
        kind = type(value)
        if kind is dict:
            return self.object(value, at)
        if kind is list:
            return self.array(value, at)
        if kind is v.Ref:
            return self.ref(value, at)
        if kind is v.PendingTime:
            return value
        plain = embedded(value)
        if _mentions_unresolved(plain):
            self.failures.append(Failure(at, "invalid reference", "Cannot read reference."))
        return plain

    def ref(self, value: v.Ref, at: FieldPath) -> Any:
        if value.scope != self.ctx.scope:
            self.failures.append(Failure(at, "invalid reference", "Reference cannot be scoped."))
        elif value.coll in _REPOINTED and not value.is_native_collection:
            return self.ctx.schema.successor(value)
        return value


def _mentions_unresolved(value: Any) -> bool:
    """Whether a value, or a literal in the source of a lambda, is a ref that could not be resolved."""
    kind = type(value)
    if kind is v.UnresolvedRef:
        return True
    if kind is Literal:
        return _mentions_unresolved(value.value)
    if kind is v.Lambda:
        # A stored lambda has none, since it could not have been stored with one.
        return value._body is not None and _mentions_unresolved(lambdas.source(None, value))
    if isinstance(value, dict):
        spend(64 * len(value))
        return any(map(_mentions_unresolved, value.values()))
    if kind is list:
        spend(64 * len(value))
        return any(map(_mentions_unresolved, value))
    return _mentions_unresolved(value.data) if kind is v.Page else False


def embedded(value: Any) -> Any:
    """A value as it is stored: documents, pages, events and sets in it, at any depth, become objects or refs."""
    kind = type(value)
    if kind is dict:
        spend(96 * len(value))
        return {key: embedded(member) for key, member in value.items()}
    if kind is list:
        spend(8 * len(value))
        return [embedded(member) for member in value]
    if kind in v.SCALAR_TYPES or kind is v.Lambda:
        return value
    plain = codec.plain(value)
    return plain if plain is value else embedded(plain)


def check_refs(check: Check, fields: dict[str, Any]) -> None:
    """Add a failure for every ref inside a schema document that does not exist, or that the writer may not read.

    Refs to native collections are exempt, and fields that have failed already. Failures name the path inside the
    document without array indexes.
    """
    _check_refs(check, fields, ())


def _check_refs(check: Check, value: Any, at: FieldPath) -> None:
    kind = type(value)
    if kind is dict:
        for key, member in value.items():
            _check_refs(check, member, (*at, key))
    elif kind is list:
        for member in value:
            _check_refs(check, member, at)
    elif kind is v.Ref and not value.is_native_collection:
        _check_ref(check, value, at)


def _check_ref(check: Check, ref: v.Ref, at: FieldPath) -> None:
    ctx = check.ctx
    if any(failure.field == list(at) for failure in check.failures):
        return
    if not ctx.perms.can_read(ctx, ref):
        check.fail(Failure(at, "invalid reference", "Cannot read reference."))
    elif not exists(ctx, ref, None):
        check.fail(Failure(at, "invalid reference", "Reference was not found."))
