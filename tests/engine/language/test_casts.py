"""Every cast against every kind of value (evaluation rules, "Argument casts")."""

from __future__ import annotations

import json

import pytest

from ..conftest import ONE_OF_EACH, filled

DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
MATCH = {"match": {"index": "i"}}
EVENT = {"select": ["data", 0], "from": {"paginate": {"events": DOCUMENT}}}


def native_document(collection):
    return {"@ref": {"id": "1", "collection": {"@ref": {"id": collection}}}}


#: kind -> (what error texts call it, expression)
KINDS = {
    "integer": ("Integer", 1),
    "double": ("Double", 1.5),
    "boolean": ("Boolean", True),
    "null": ("Null", None),
    "string": ("String", "zzz"),
    "action": ("Action", {"select": "action", "from": EVENT}),
    "bytes": ("Bytes", {"@bytes": "YQ=="}),
    "uuid": ("UUID", {"@uuid": "1-2-3-4-5"}),
    "time": ("Time", {"time": "2020-01-01T00:00:00Z"}),
    "date": ("Date", {"date": "2020-01-01"}),
    "pending": ("Unresolved Transaction Time", {"select": "ts", "from": {"update": DOCUMENT}}),
    "lambda": ("Lambda", {"query": {"lambda": "x", "expr": 1}}),
    "set": ("Set", MATCH),
    "page": ("Page", {"paginate": MATCH}),
    "array": ("Array", {"let": {"a": []}, "in": {"var": "a"}}),
    "object": ("Object", {"object": {}}),
    "document": ("Object", {"get": DOCUMENT}),
    "event": ("Object", EVENT),
    "sourced": ("Object", {"select": ["data", 0], "from": {"paginate": MATCH, "sources": True}}),
    "native": ("Collection Ref", {"keys": None}),
    "collections": ("Collection Ref", {"collections": None}),
    "collection": ("Collection Ref", {"collection": "c"}),
    "index": ("Index Ref", {"index": "i"}),
    "database": ("Database Ref", {"database": "d"}),
    "key": ("Key Ref", native_document("keys")),
    "function": ("User Function Ref", {"function": "f"}),
    "user document": ("Ref", DOCUMENT),
    "role": ("Ref", {"role": "r"}),
    "token": ("Ref", native_document("tokens")),
    "credentials": ("Ref", native_document("credentials")),
}
#: the same for refs that lead nowhere: (name in error texts, expression, what is undefined)
UNRESOLVED = {
    "no collection": ("Collection Ref", {"collection": "nc"}, "collection 'nc'"),
    "no index": ("Index Ref", {"index": "ni"}, "index 'ni'"),
    "no database": ("Database Ref", {"database": "nd"}, "database 'nd'"),
    "no function": ("User Function Ref", {"function": "nf"}, "function 'nf'"),
    "no role": ("Role Ref", {"role": "nr"}, "role 'nr'"),
    "no access provider": ("Access Provider Ref", {"access_provider": "na"}, "access_provider 'na'"),
    "no document": ("Ref", {"ref": {"collection": "nc"}, "id": "1"}, "collection 'nc'"),
}

REFS = {
    "native", "collections", "collection", "index", "database", "key", "function", "user document", "role", "token",
    "credentials",
}  # fmt: skip
COLLECTIONS = {"native", "collections", "collection"}
NATIVES = {"native", "collections"}
SCALARS = {
    "integer", "double", "boolean", "null", "string", "action", "bytes", "uuid", "time", "date", "pending",
} | REFS | set(UNRESOLVED)  # fmt: skip
TRUE_OF_ALL = {"lambda": "x", "expr": True}

#: cast: (argument, the form around a value, expected text, kinds accepted, whether unresolved refs say what they lack)
CASTS = {
    "scalar": ("casefold", lambda x: {"casefold": [x]}, "Scalar", SCALARS, False),
    "int": ("space", lambda x: {"space": x}, "Integer", {"integer"}, False),
    "num": ("abs", lambda x: {"abs": x}, "Number", {"integer", "double"}, False),
    "bool": ("not", lambda x: {"not": x}, "Boolean", {"boolean"}, False),
    "bool of if": ("if", lambda x: {"if": x, "then": 1, "else": 1}, "Boolean", {"boolean"}, False),
    "str": ("length", lambda x: {"length": x}, "String", {"string"}, False),
    "null": ("now", lambda x: {"now": x}, "Null", {"null"}, False),
    "obj": ("create_collection", lambda x: {"create_collection": x}, "Object", {"object"}, False),
    "arr": ("collection", lambda x: {"append": 1, "collection": x}, "Array", {"array"}, False),
    "ref": ("singleton", lambda x: {"singleton": x}, "Ref", REFS, True),
    "coll": ("documents", lambda x: {"documents": x}, "Collection Ref", COLLECTIONS, True),
    "db": ("scope", lambda x: {"role": "x", "scope": x}, "Database Ref", {"database"}, True),
    "db?": ("indexes", lambda x: {"indexes": x}, "Database Ref or Null", {"database", "null"}, True),
    "strOrRef": ("create", lambda x: {"create": x, "params": {"object": {}}}, "Identifier", REFS | {"string"}, True),
    "strOrIdx": ("match", lambda x: {"match": x}, "Identifier", {"index", "string"}, True),
    "strOrFn": ("call", lambda x: {"call": x}, "Identifier", {"function", "string"}, True),
    "ident": ("events", lambda x: {"events": x}, "Ref or Set", REFS | {"set"}, True),
    "ident of paginate": ("paginate", lambda x: {"paginate": x}, "Ref or Set", REFS | {"set"}, True),
    "unres": ("exists", lambda x: {"exists": x}, "Ref or Set", REFS | {"set"} | set(UNRESOLVED), False),
    "iter": ("is_empty", lambda x: {"is_empty": x}, "Array, Set, or Page", {"array", "page", "set"} | NATIVES, True),
    "iter of filter": (
        "collection",
        lambda x: {"filter": TRUE_OF_ALL, "collection": x},
        "Array, Set, or Page",
        {"array", "page", "set"} | NATIVES,
        True,
    ),
    "time": ("to_micros", lambda x: {"to_micros": x}, "Time", {"integer", "time"}, False),
    "txtime": ("at", lambda x: {"at": x, "expr": 1}, "Time", {"integer", "time", "pending"}, False),
    "txtime of ts": ("ts", lambda x: {"exists": DOCUMENT, "ts": x}, "Time", {"integer", "time", "pending"}, False),
    "temporal": (
        "time_add",
        lambda x: {"time_add": x, "offset": 1, "unit": "day"},
        "Temporal",
        {"time", "date"},
        False,
    ),
    "unit": ("unit", lambda x: {"time_add": {"now": None}, "offset": 1, "unit": x}, "Time Unit", set(), False),
    "action": (
        "action",
        lambda x: {"insert": DOCUMENT, "ts": 1, "action": x},
        "String 'create', 'update', or 'delete'",
        {"action"},
        False,
    ),
    "normalizer": (
        "normalizer",
        lambda x: {"casefold": "x", "normalizer": x},
        "String 'NFKCCaseFold', 'NFC', 'NFD', 'NFKC', or 'NFKD'",
        set(),
        False,
    ),
    "regex": ("pattern", lambda x: {"containsstrregex": "x", "pattern": x}, "String", {"string"}, False),
}  # fmt: skip


@pytest.fixture(scope="module")
def stocked():
    """A database with one thing of each kind. Queries of this module leave it so."""
    with filled(*ONE_OF_EACH, {"create": DOCUMENT}) as database:
        yield database


def outcome(database, query):
    """The first error as (position, code, description), or None."""
    status, body = database.body(json.dumps(query))
    assert status != 500
    if "errors" not in body:
        return None
    error = body["errors"][0]
    return error.get("position"), error["code"], error["description"]


@pytest.mark.parametrize("cast", CASTS)
def test_kinds(stocked, cast):
    key, form, expected, accepted, names_missing = CASTS[cast]
    at = [key, 0] if cast == "scalar" else [key]
    expressions = {**KINDS, **UNRESOLVED}
    wrong = {}
    for kind, (name, expression, *undefined) in expressions.items():
        # Nothing of what a query writes may stay: it ends with an abort, whose error tells that the cast passed.
        got = outcome(stocked, {"do": [form(expression), {"abort": "passed"}]})
        if kind in accepted:
            if got is not None and " expected, " in got[2] and got[0] == ["do", 0, *at]:
                wrong[kind] = got
            continue
        want = (["do", 0, *at], "invalid argument", f"{expected} expected, {name} provided.")
        if undefined and names_missing:
            want = (["do", 0, *at], "invalid ref", f"Ref refers to undefined {undefined[0]}")
        if got != want:
            wrong[kind] = (got, want)
    assert wrong == {}


@pytest.mark.parametrize("kind", KINDS)
def test_set(stocked, kind):
    name, expression = KINDS[kind]
    got = outcome(stocked, {"range": expression, "from": 1, "to": 2})
    if kind == "set" or kind in NATIVES:
        assert got is None
        return
    expected = "Set" if kind in REFS else "Ref or Set"
    assert got == (["range"], "invalid argument", f"{expected} expected, {name} provided.")


@pytest.mark.parametrize("kind", KINDS)
def test_set_or_array(stocked, kind):
    name, expression = KINDS[kind]
    got = outcome(stocked, {"union": [expression]})
    if kind in ("set", "array") or kind in NATIVES:
        assert got is None
        return
    expected = "Set or Array" if kind == "page" else "Array, Set, or Page"
    assert got == (["union", 0], "invalid argument", f"{expected} expected, {name} provided.")


@pytest.mark.parametrize("kind", UNRESOLVED)
def test_unresolved_refs_as_sets_and_terms(stocked, kind):
    name, expression, undefined = UNRESOLVED[kind]
    missing = f"Ref refers to undefined {undefined}"
    assert outcome(stocked, {"range": expression, "from": 1, "to": 2}) == (["range"], "invalid ref", missing)
    assert outcome(stocked, {"union": expression}) == (["union"], "invalid ref", missing)
    term = {"match": {"index": "i"}, "terms": ["a", expression]}
    assert outcome(stocked, term) == (["terms", 1], "invalid argument", f"Any expected, {name} provided.")


@pytest.mark.parametrize(
    "unit",
    [name + plural for name in ("day", "half day", "hour", "minute", "second", "millisecond", "microsecond",
                                "nanosecond") for plural in ("", "s")] + ["  day ", "days\n"],
)  # fmt: skip
def test_time_units(stocked, unit):
    assert outcome(stocked, {"time_add": {"now": None}, "offset": 1, "unit": unit}) is None


@pytest.mark.parametrize("unit", ["", "Day", "week", "halfday", "half  day", "ms", "days days"])
def test_unknown_time_units(stocked, unit):
    got = outcome(stocked, {"time_add": {"now": None}, "offset": 1, "unit": unit})
    assert got == (["unit"], "invalid argument", "Time Unit expected, String provided.")


MANY = [
    ({"add": ["a", 1, None]}, [["add", 0], ["add", 2]]),
    ({"add": {"let": {"x": [1, "b"]}, "in": {"var": "x"}}}, [["add", 1]]),
    ({"add": [[1, 2]]}, [["add", 0]]),
    ({"add": "a"}, [["add"]]),
    ({"add": {"paginate": MATCH}}, [["add"]]),
    ({"concat": ["a", 1, True], "separator": 2}, [["concat", 1], ["concat", 2]]),
    ({"concat": "a", "separator": 2}, [["separator"]]),
    ({"select": [1.5, "a", None], "from": 1}, [["select", 0], ["select", 2]]),
    ({"add": []}, [["add"]]),
    ({"equals": []}, [["equals"]]),
    ({"union": []}, [["union"]]),
]


@pytest.mark.parametrize(("query", "positions"), MANY, ids=[json.dumps(query) for query, _ in MANY])
def test_one_or_many(stocked, query, positions):
    _, errors = stocked.failure(json.dumps(query))
    assert [error["position"] for error in errors] == positions
