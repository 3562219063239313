"""Type tests: never fail (value functions, "Type checks")."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Callable

from ..java.times import Date, Time
from ..language import values as v
from ..language.registry import Arg, form

if TYPE_CHECKING:
    from ..language.context import Context


def _test(key: str, what: str, holds: Callable[[Any], bool]) -> Callable[..., Any]:
    def test(ctx: Context, value: Any) -> bool:
        return holds(value)

    test.__name__ = key
    test.__doc__ = f"""True for {what}."""
    return form(Arg(key))(test)


def _of_type(*types: type) -> Callable[[Any], bool]:
    accepted = frozenset(types)
    return lambda value: type(value) in accepted


def _schema(collection: int) -> Callable[[Any], bool]:
    """The test for a resolved ref to a document of a native collection, and for such a document."""

    def holds(value: Any) -> bool:
        ref = value.ref if type(value) is v.Document else value
        return type(ref) is v.Ref and ref.coll == collection

    return holds


def _is_set(value: Any) -> bool:
    return isinstance(value, v.SetValue) or (type(value) is v.Ref and value.is_native_collection)


is_number = _test("is_number", "an Integer or a Double", _of_type(int, float))
is_integer = _test("is_integer", "an Integer", _of_type(int))
is_double = _test("is_double", "a Double", _of_type(float))
is_boolean = _test("is_boolean", "true and false", _of_type(bool))
is_null = _test("is_null", "null", _of_type(type(None)))
is_bytes = _test("is_bytes", "Bytes", _of_type(bytes))
is_timestamp = _test(
    "is_timestamp", "a Time", lambda value: type(value) is Time or value is v.PENDING_AS_TIME
)
is_date = _test("is_date", "a Date", _of_type(Date))
is_uuid = _test("is_uuid", "a UUID", _of_type(uuid.UUID))
is_string = _test("is_string", "a String, and an event's action", _of_type(str, v.Action))
is_array = _test("is_array", "an Array (not a Page)", _of_type(list))
is_object = _test(
    "is_object",
    "an Object, Document, Page or event",
    _of_type(dict, v.Document, v.Page, v.DocumentEvent, v.SetEvent, v.EventCursor),
)
is_ref = _test("is_ref", "any ref, whether or not its name exists", _of_type(v.Ref, v.UnresolvedRef))
is_set = _test("is_set", "a Set, and a native collection", _is_set)
is_doc = _test("is_doc", "a Document, and a ref whose name exists", _of_type(v.Ref, v.Document))
is_lambda = _test("is_lambda", "a Lambda", _of_type(v.Lambda))
is_collection = _test("is_collection", "a collection, native ones included", _schema(v.COLLECTIONS))
is_database = _test("is_database", "a database", _schema(v.DATABASES))
is_index = _test("is_index", "an index", _schema(v.INDEXES))
is_function = _test("is_function", "a user-defined function", _schema(v.FUNCTIONS))
is_key = _test("is_key", "a key", _schema(v.KEYS))
is_token = _test("is_token", "a token", _schema(v.TOKENS))
is_credentials = _test("is_credentials", "a credentials document", _schema(v.CREDENTIALS))
is_role = _test("is_role", "a role", _schema(v.ROLES))
