"""Kinds of values: what error texts call them, and what type tests say of them (evaluation rules, "Values")."""

from __future__ import annotations

import json
import uuid

import pytest

from faunadb.engine.java.times import Date, Time
from faunadb.engine.language import values as v
from faunadb.engine.sets import NativeSet

from ..conftest import ONE_OF_EACH, filled

USER = v.Ref(0, 1024, 5)
NAMES = [
    (1, "Integer"),
    (1.5, "Double"),
    (True, "Boolean"),
    (None, "Null"),
    ("x", "String"),
    (v.CREATE, "Action"),
    (b"", "Bytes"),
    (uuid.UUID(int=1), "UUID"),
    (Time(0, 0), "Time"),
    (Date(0), "Date"),
    (v.PENDING, "Unresolved Transaction Time"),
    (v.PENDING_AS_TIME, "Unresolved Transaction Time"),
    (v.Lambda("x", None, "4"), "Lambda"),
    ([], "Array"),
    ({}, "Object"),
    (v.Document(USER, 1, {}), "Object"),
    (v.DocumentEvent(1, v.CREATE, USER, None), "Object"),
    (v.SetEvent(1, v.ADD, USER, None), "Object"),
    (v.EventCursor({}), "Object"),
    (v.Sourced(1, []), "Object"),
    (v.Page([], v.NO_CURSOR, v.NO_CURSOR, []), "Page"),
    (NativeSet(v.native_collection(0, v.KEYS)), "Set"),
    (v.native_collection(0, v.KEYS), "Collection Ref"),
    (v.Ref(0, v.COLLECTIONS, 1024), "Collection Ref"),
    (v.Ref(0, v.INDEXES, 32768), "Index Ref"),
    (v.Ref(0, v.DATABASES, 1), "Database Ref"),
    (v.Ref(0, v.KEYS, 1), "Key Ref"),
    (v.Ref(0, v.FUNCTIONS, 1), "User Function Ref"),
    (v.Ref(0, v.ROLES, 1), "Ref"),
    (v.Ref(0, v.ACCESS_PROVIDERS, 1), "Ref"),
    (v.Ref(0, v.TOKENS, 1), "Ref"),
    (v.Ref(0, v.CREDENTIALS, 1), "Ref"),
    (USER, "Ref"),
    *((v.UnresolvedRef(kind, "x", {}), name) for kind, name in v.UnresolvedRef.TYPE_NAMES.items()),
    (v.UnresolvedRef("collection", "x", {}, document=True), "Ref"),
]


@pytest.mark.parametrize(
    ("value", "name"), NAMES, ids=[f"{name}-{place}" for place, (_, name) in enumerate(NAMES)]
)
def test_names_of_types(value, name):
    assert v.type_name(value) == name


def test_what_is_no_value_has_no_name():
    with pytest.raises(TypeError, match="not an FQL value: object"):
        v.type_name(object())


DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
ALL = {"match": {"index": "i"}}
EVENT = {"select": ["data", 0], "from": {"paginate": {"events": DOCUMENT}}}
KINDS = {
    "integer": 1,
    "double": 1.5,
    "nan": {"to_double": "NaN"},
    "boolean": False,
    "null": None,
    "string": "",
    "bytes": {"@bytes": ""},
    "uuid": {"@uuid": "1-1-1-1-1"},
    "time": {"now": None},
    "date": {"@date": "2020-01-01"},
    "pending": {"select": "ts", "from": {"update": DOCUMENT}},
    "array": {"quote": []},
    "object": {"object": {}},
    "lambda": {"query": {"lambda": "x", "expr": 1}},
    "set": ALL,
    "native": {"databases": None},
    "page": {"paginate": ALL},
    "event": EVENT,
    "action": {"select": "action", "from": EVENT},
    "cursor": {"select": "after", "from": {"paginate": {"events": DOCUMENT}, "size": 1}},
    "sourced": {"select": ["data", 0], "from": {"paginate": ALL, "sources": True}},
    "document": {"get": DOCUMENT},
    "document ref": DOCUMENT,
    "collection": {"collection": "c"},
    "collection document": {"get": {"collection": "c"}},
    "database": {"database": "d"},
    "index": {"index": "i"},
    "function": {"function": "f"},
    "role": {"role": "r"},
    "key": {"@ref": {"id": "1", "collection": {"@ref": {"id": "keys"}}}},
    "token": {"@ref": {"id": "1", "collection": {"@ref": {"id": "tokens"}}}},
    "credentials": {"@ref": {"id": "1", "collection": {"@ref": {"id": "credentials"}}}},
    "no collection": {"collection": "no"},
    "no database": {"database": "no"},
    "no document": {"ref": {"collection": "no"}, "id": "1"},
}
SCHEMA = {"collection", "database", "index", "function", "role", "key", "token", "credentials"}
UNRESOLVED = {"no collection", "no database", "no document"}
TESTS = {
    "is_number": {"integer", "double", "nan"},
    "is_integer": {"integer"},
    "is_double": {"double", "nan"},
    "is_boolean": {"boolean"},
    "is_null": {"null"},
    "is_string": {"string", "action"},
    "is_bytes": {"bytes"},
    "is_uuid": {"uuid"},
    "is_timestamp": {"time"},
    "is_date": {"date"},
    "is_array": {"array"},
    "is_object": {"object", "page", "document", "collection document", "event", "cursor"},
    "is_lambda": {"lambda"},
    "is_set": {"set", "native"},
    "is_ref": {"document ref", "native"} | SCHEMA | UNRESOLVED,
    "is_doc": {"document", "collection document", "document ref", "native"} | SCHEMA,
    "is_collection": {"collection", "collection document", "native"},
    **{f"is_{kind}": {kind} for kind in SCHEMA - {"collection"}},
}


@pytest.fixture(scope="module")
def stocked():
    change = {"update": DOCUMENT, "params": {"object": {"data": {"object": {"a": 1}}}}}
    with filled(*ONE_OF_EACH, {"create": DOCUMENT}, change) as database:
        yield database


@pytest.mark.parametrize("test", sorted(TESTS))
def test_type_tests(stocked, test):
    found = stocked.wire(json.dumps({"object": {kind: {test: value} for kind, value in KINDS.items()}}))
    assert {kind for kind, holds in found.items() if holds} == TESTS[test]
