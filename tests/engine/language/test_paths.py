"""Walks into values of every kind (evaluation rules, "select, contains*")."""

from __future__ import annotations

import json

import pytest

from faunadb.engine.engine import open_engine

from ..conftest import Database

DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
DELETED = {"ref": {"collection": "c"}, "id": "3"}
ALL = {"match": {"index": "all"}}
VALUES = {"match": {"index": "values"}}
TERMS = {"match": {"index": "terms"}, "terms": [1, 2]}
PAGE = {"paginate": VALUES, "size": 1}
READ = {"get": DOCUMENT}
SOURCED = {"select": ["data", 0], "from": {"paginate": VALUES, "sources": True}}
JOINED = {"join": ALL, "with": {"lambda": "x", "expr": ALL}}


def event(number, ref=DOCUMENT):
    return {"select": ["data", number], "from": {"paginate": {"events": ref}}}


SET_EVENT = {"select": ["data", 0], "from": {"paginate": {"events": VALUES}}}


def named(name, collection):
    return {"@ref": {"id": name, "collection": {"@ref": {"id": collection}}}}


C = named("c", "collections")
SHOWN = {"@ref": {"id": "1", "collection": C}}


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        field = {"object": {"field": ["data", "a"]}}
        for query in (
            {"create_collection": {"object": {"name": "c"}}},
            {"create_database": {"object": {"name": "d"}}},
            {"create_role": {"object": {"name": "r", "privileges": []}}},
            {"create_index": {"object": {"name": "all", "source": {"collection": "c"}}}},
            {"create_index": {"object": {"name": "values", "source": {"collection": "c"}, "values": [field]}}},
            {"create_index": {"object": {"name": "terms", "source": [{"object": {"class": {"collection": "c"}}}], "terms": [field, field]}}},
            {"create": DOCUMENT, "params": {"object": {"data": {"object": {"a": 1}}}}},
            {"create": {"ref": {"collection": "c"}, "id": "2"}, "params": {"object": {"data": {"object": {"a": 2}}}}},
            {"update": DOCUMENT, "params": {"object": {"data": {"object": {"b": [1, 2]}}}}},
            {"create": DELETED, "params": {"object": {"data": {"object": {"a": 3}}}}},
            {"delete": DELETED},
        ):  # fmt: skip
            database.wire(query)
        yield database


FOUND = [
    ([], 5, 5),
    ([], {"object": {"a": 1}}, {"a": 1}),
    ("a", {"object": {"a": None}}, None),
    (["a", 1, "b"], {"object": {"a": [0, {"object": {"b": 7}}]}}, 7),
    # pages
    (0, PAGE, 1),
    (["data", 0], PAGE, 1),
    ("data", PAGE, [1]),
    (["after", 0], PAGE, 2),
    (["after", 1, "id"], PAGE, "2"),
    (["after", "action"], {"paginate": {"events": VALUES}, "size": 1}, "add"),
    # documents
    ("ref", READ, SHOWN),
    (["ref", "id"], READ, "1"),
    ("class", READ, C),
    (["data", "b", 1], READ, 2),
    ("name", {"get": {"collection": "c"}}, "c"),
    (["source", 0, "collection"], {"get": {"index": "terms"}}, C),
    # refs
    ("id", DOCUMENT, "1"),
    ("id", {"collection": "c"}, "c"),
    ("id", {"collections": None}, "collections"),
    ("id", {"keys": None}, "keys"),
    ("collection", DOCUMENT, C),
    (["class", "id"], DOCUMENT, "c"),
    (["collection", "collection"], DOCUMENT, {"@ref": {"id": "collections"}}),
    ("collection", {"databases": None}, {"@ref": {"id": "collections"}}),
    ("class", {"collections": None}, {"@ref": {"id": "collections"}}),
    (["@set", "union", 0, "id"], {"union": [{"databases": None}, {"collections": None}]}, "databases"),
    (["@set", "union", 0, "id"], {"union": {"databases": None}}, "databases"),
    (["@set", "union", 3], {"union": [{"databases": None}, {"keys": None}, {"roles": None}]}, {"@ref": {"id": "roles"}}),
    (["@set", "distinct", "collection"], {"distinct": {"databases": None}}, {"@ref": {"id": "collections"}}),
    ("collection", {"role": "r"}, {"@ref": {"id": "roles"}}),
    ("database", {"collections": {"database": "d"}}, named("d", "databases")),
    # events
    ("action", event(1), "update"),
    ("document", event(1), SHOWN),
    ("instance", event(1), SHOWN),
    (["resource", "id"], event(1), "1"),
    ("data", event(1), {"b": [1, 2]}),
    (["data", "b", 0], event(1), 1),
    ("action", event(1, DELETED), "delete"),
    ("action", SET_EVENT, "add"),
    ("document", SET_EVENT, SHOWN),
    ("data", SET_EVENT, 1),
    # elements with their sources
    ("value", SOURCED, 1),
    (["sources", 0, "@set", "match", "id"], SOURCED, "values"),
    # sets
    ("@set", ALL, {"@set": {"match": named("all", "indexes")}}),
    (["@set", "match"], ALL, named("all", "indexes")),
    (["@set", "terms"], TERMS, [1, 2]),
    (["@set", "union", 0, "@set", "match", "id"], {"union": [ALL, VALUES]}, "all"),
    (["@set", "intersection"], {"intersection": [ALL]}, [{"@set": {"match": named("all", "indexes")}}]),
    (["@set", "distinct", "@set", "match", "id"], {"distinct": ALL}, "all"),
    (["@set", "join", "@set", "match", "id"], JOINED, "all"),
    (["@set", "with"], JOINED, {"@query": {"api_version": "4", "lambda": "x", "expr": {"match": {"index": "all"}}}}),
]  # fmt: skip


def case_name(case):
    return json.dumps(case[:2])[:70]


@pytest.mark.parametrize(("path", "container", "value"), FOUND, ids=map(case_name, FOUND))
def test_found(stocked, path, container, value):
    assert stocked.wire(json.dumps({"select": path, "from": container, "default": {"abort": "no"}})) == value
    assert stocked.wire(json.dumps({"contains_path": path, "in": container})) is True
    assert stocked.wire(json.dumps({"contains": path, "in": container})) is True


MISSING = [
    ("a", 1),
    (["a", 0, "b"], {"object": {}}),
    (0, []),
    (-1, [1]),
    (1, [1]),
    ("0", [1]),
    (0, {"object": {"0": 1}}),
    (0, "text"),
    ("x", None),
    ("x", True),
    ("x", 1.5),
    ("x", {"now": None}),
    ("x", {"@bytes": "YQ"}),
    ("x", {"@uuid": "1-1-1-1-1"}),
    ("lambda", {"query": {"lambda": "x", "expr": 1}}),
    ("before", PAGE),
    (1, PAGE),
    (-1, PAGE),
    ("x", PAGE),
    (0, READ),
    ("collection", READ),
    (["data", "x"], READ),
    ("data", DOCUMENT),
    (["id", "x"], DOCUMENT),
    ("database", DOCUMENT),
    ("x", event(1)),
    (["action", "x"], event(1)),
    (["data", "data"], event(1)),
    ("values", SET_EVENT),
    ("x", SOURCED),
    ("match", ALL),
    (["@set", "with"], ALL),
    (["@set", "singleton"], {"singleton": DOCUMENT}),
    (["@set", "documents"], {"documents": {"collection": "c"}}),
    (["@set", "range"], {"range": VALUES, "from": 1, "to": 2}),
]


@pytest.mark.parametrize(("path", "container"), MISSING, ids=map(case_name, MISSING))
def test_missing(stocked, path, container):
    shown = ",".join(map(str, path if isinstance(path, list) else [path]))
    status, errors = stocked.failure(json.dumps([{"select": path, "from": container}]))
    text = f"Value not found at path [{shown}]."
    assert (status, errors) == (
        404,
        [{"position": [0, "from"], "code": "value not found", "description": text}],
    )
    assert stocked.wire(json.dumps({"select": path, "from": container, "default": "none"})) == "none"
    assert stocked.wire(json.dumps({"contains_path": path, "in": container})) is False
    assert stocked.wire(json.dumps({"select_all": path, "from": container, "default": "none"})) == []


def nested(**fields):
    return {"object": fields}


EVERY = [
    (["a", "b"], nested(a=[nested(b=1), nested(c=1), nested(b=[2, [3]])]), [1, 2, 3]),
    ([0], [1, 2], [1]),
    (["a", 0], [nested(a=[1, 2]), nested(a=[3])], [1, 3]),
    ([], 5, [5]),
    ([], [1, [2, [3]]], [1, 2, 3]),
    ([], [], []),
    ("a", nested(a=nested(x=1)), [{"x": 1}]),
    ("a", nested(a=None), [None]),
    ("a", [nested(a=None), 1, nested()], [None]),
    ("id", [DOCUMENT, {"collection": "c"}, 5], ["1", "c"]),
    ("data", PAGE, [1]),
    (["data", "a"], {"paginate": {"documents": {"collection": "c"}}}, []),
    (["data", "a"], [READ, {"get": {"ref": {"collection": "c"}, "id": "2"}}], [1, 2]),
]


@pytest.mark.parametrize(("path", "container", "values"), EVERY, ids=map(case_name, EVERY))
def test_every_value_at_a_path(stocked, path, container, values):
    for form in ({"select_all": path}, {"select_as_index": path}, {"select": path, "all": True}):
        for default in ({}, {"default": {"abort": "never used"}}):
            assert stocked.wire(json.dumps({**form, "from": container, **default})) == values


ARGUMENT = "invalid argument"
UNDEFINED = ("invalid ref", "Ref refers to undefined collection 'no'")
NO = {"collection": "no"}
ERRORS = [
    # the path first, then all, then the container; a default helps against none of them
    (
        {"select": [1.5, "a", None], "from": NO, "all": 3, "default": 1},
        [
            (["select", 0], ARGUMENT, "String or Integer expected, Double provided."),
            (["select", 2], ARGUMENT, "String or Integer expected, Null provided."),
        ],
    ),
    ({"select": {"object": {}}, "from": 1}, [(["select"], ARGUMENT, "String or Integer expected, Object provided.")]),
    ({"select": "a", "from": NO, "all": 3}, [(["all"], ARGUMENT, "Boolean expected, Integer provided.")]),
    ({"select": "a", "from": 1, "all": None}, [(["all"], ARGUMENT, "Boolean expected, Null provided.")]),
    ({"select": "a", "from": NO, "default": 1}, [(["from"], *UNDEFINED)]),
    ({"select": [], "from": NO}, [(["from"], *UNDEFINED)]),
    ({"select_all": "a", "from": NO}, [(["from"], *UNDEFINED)]),
    ({"select": {"add": "p"}, "from": {"add": "x"}}, [(["select", "add"], ARGUMENT, "Number expected, String provided.")]),
    ({"select": "a", "from": {"add": "x"}, "default": 1}, [(["from", "add"], ARGUMENT, "Number expected, String provided.")]),
    ({"select": "a", "from": 1, "default": {"add": "x"}}, [(["default", "add"], ARGUMENT, "Number expected, String provided.")]),
    (
        {"select": "a", "from": {"select": "b", "from": 1}, "default": 1},
        [(["from", "from"], "value not found", "Value not found at path [b].")],
    ),
    ({"select_as_index": 1.5, "from": 1}, [(["select_as_index"], ARGUMENT, "String or Integer expected, Double provided.")]),
    ({"contains_path": [1.5], "in": 1}, [(["contains_path", 0], ARGUMENT, "String or Integer expected, Double provided.")]),
    ({"contains": {"object": {}}, "in": 1}, [(["contains"], ARGUMENT, "String or Integer expected, Object provided.")]),
    ({"contains_field": ["a"], "in": 1}, [(["contains_field"], ARGUMENT, "String expected, Array provided.")]),
    ({"contains_field": "a", "in": []}, [(["in"], ARGUMENT, "Object expected, Array provided.")]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), ERRORS, ids=[json.dumps(case[0])[:70] for case in ERRORS])
def test_errors(stocked, query, expected):
    _, errors = stocked.failure(json.dumps(query))
    assert [(error["position"], error["code"], error["description"]) for error in errors] == expected


def test_the_default_is_evaluated_only_when_it_is_needed(stocked):
    query = {"select": "a", "from": {"object": {"a": 1}}, "default": {"abort": "x"}}
    assert stocked.wire(query) == 1
    assert stocked.wire({**query, "all": False}) == 1


CONTAINS = [
    ({"contains_path": [], "in": NO}, True),
    ({"contains_path": "id", "in": NO}, False),
    ({"contains_field": "a", "in": {"object": {"a": None}}}, True),
    ({"contains_field": "a", "in": 1}, False),
    ({"contains_field": "data", "in": PAGE}, True),
    ({"contains_field": "ref", "in": READ}, True),
    ({"contains_value": 1, "in": [1]}, True),
    ({"contains_value": 1.0, "in": [1]}, False),
    ({"contains_value": None, "in": [None]}, True),
    ({"contains_value": {"to_double": "NaN"}, "in": [{"to_double": "NaN"}]}, False),
    ({"contains_value": 1, "in": {"object": {"a": 1}}}, True),
    ({"contains_value": "a", "in": {"object": {"a": 1}}}, False),
    ({"contains_value": [1], "in": PAGE}, True),
    ({"contains_value": 1, "in": PAGE}, False),
    ({"contains_value": {"select": "after", "from": PAGE}, "in": PAGE}, True),
    ({"contains_value": "1", "in": DOCUMENT}, True),
    ({"contains_value": {"collection": "c"}, "in": DOCUMENT}, True),
    ({"contains_value": "c", "in": {"collection": "c"}}, True),
    ({"contains_value": {"collections": None}, "in": {"collection": "c"}}, True),
    ({"contains_value": {"database": "d"}, "in": {"collections": {"database": "d"}}}, True),
    ({"contains_value": DOCUMENT, "in": READ}, True),
    ({"contains_value": {"collection": "c"}, "in": READ}, True),
    ({"contains_value": {"select": "ts", "from": READ}, "in": READ}, True),
    ({"contains_value": {"select": "data", "from": READ}, "in": READ}, True),
    ({"contains_value": 1, "in": READ}, False),
    ({"contains_value": {"select": "ts", "from": event(1)}, "in": event(1)}, True),
    ({"contains_value": {"select": "action", "from": event(1)}, "in": event(1)}, True),
    ({"contains_value": "update", "in": event(1)}, True),
    ({"contains_value": DOCUMENT, "in": event(1)}, True),
    ({"contains_value": [1, 2], "in": event(1)}, True),
    ({"contains_value": [1, 2], "in": event(1, DELETED)}, False),
    ({"contains_value": 1, "in": SET_EVENT}, True),
    ({"contains_value": 1, "in": {"query": {"lambda": "x", "expr": 1}}}, False),
    ({"contains_value": DOCUMENT, "in": ALL}, True),
    ({"contains_value": 2, "in": VALUES}, True),
    ({"contains_value": 1.5, "in": VALUES}, False),
]


@pytest.mark.parametrize(("query", "value"), CONTAINS, ids=[json.dumps(case[0])[:70] for case in CONTAINS])
def test_contains(stocked, query, value):
    assert stocked.wire(json.dumps(query)) is value


@pytest.mark.parametrize(
    "scalar",
    [1, 1.5, "x", None, True, {"now": None}, {"@date": "2020-01-01"}, {"@bytes": ""}, {"@uuid": "1-1-1-1-1"}, NO,
     {"select": "action", "from": event(1)}, {"select": "ts", "from": {"update": DOCUMENT}}],
)  # fmt: skip
def test_scalars_contain_nothing(stocked, scalar):
    text = "Object, Array, Page, Set, or Ref expected, Scalar provided."
    query = {"do": [{"contains_value": 1, "in": scalar}, {"abort": "x"}]}
    assert stocked.error(json.dumps(query)) == {
        "position": ["do", 0, "in"],
        "code": ARGUMENT,
        "description": text,
    }
