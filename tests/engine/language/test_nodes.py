"""Evaluation: order, which errors are reported, effects, what is charged (evaluation rules, "Evaluation order")."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language.context import MAX_COMPUTE
from faunadb.engine.request import Request

from ..conftest import Database

DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
ALL = {"match": {"index": "all"}}
BAD = {"add": "x"}


def obj(**fields):
    return {"object": fields}


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        for query in (
            {"create_collection": obj(name="c")},
            {"create_collection": obj(name="written")},
            {"create_index": obj(name="all", source={"collection": "c"})},
            {"create_function": obj(name="f", body={"query": {"lambda": "x", "expr": {"var": "x"}}})},
            {"create": DOCUMENT, "params": obj(data=obj(a=1))},
        ):
            database.wire(query)
        yield database


# What is charged

ONE = {"lambda": "x", "expr": 1}
CHARGES = [
    (1, 0),
    ([1, [2]], 0),
    ({"let": {"a": 1}, "in": {"var": "a"}}, 0),
    ({"if": True, "then": 1, "else": 2}, 0),
    ({"do": [1, 2]}, 0),
    ({"and": [True, True]}, 0),
    ({"or": [False]}, 0),
    (obj(a=1), 0),
    ({"quote": {"a": 1}}, 0),
    ({"select": "a", "from": obj(a=1)}, 0),
    ({"at": 0, "expr": 1}, 0),
    ({"at": {"now": None}, "expr": 1}, 1),
    ({"call": "f", "arguments": 1}, 1),
    ({"add": [1, 2]}, 1),
    ({"add": [1, {"add": 2}]}, 2),
    ({"query": {"lambda": "x", "expr": {"add": 1}}}, 1),
    ({"map": ONE, "collection": [1, 2, 3]}, 4),
    ({"map": {"lambda": "x", "expr": {"add": 1}}, "collection": [1, 2, 3]}, 7),
    ({"foreach": ONE, "collection": [1, 2, 3]}, 4),
    ({"filter": {"lambda": "x", "expr": True}, "collection": [1, 2, 3]}, 4),
    ({"reduce": ONE, "initial": 1, "collection": [1, 2, 3]}, 4),
    ({"merge": obj(), "with": obj(a=1, b=2), "lambda": ONE}, 3),
    ({"merge": obj(), "with": obj(a=1, b=2)}, 1),
    *(({fold: [1, 2, 3]}, 4) for fold in ("count", "sum", "mean")),
    *(({fold: [True, False]}, 3) for fold in ("any", "all")),
    *(
        ({fold: [1, 2, 3]}, 1)
        for fold in ("max", "min", "is_empty", "distinct", "reverse", "ngram", "casefold")
    ),
    (ALL, 2),
    ({"paginate": ALL}, 3),
    ({"count": ALL}, 4),
    ({"paginate": {"filter": {"lambda": "x", "expr": True}, "collection": ALL}}, 5),
    ({"join": ALL, "with": {"lambda": "x", "expr": ALL}}, 3),
    ({"get": DOCUMENT}, 3),
]


@pytest.mark.parametrize(("query", "units"), CHARGES, ids=[json.dumps(case[0])[:60] for case in CHARGES])
def test_compute(stocked, query, units):
    token = base64.b64encode(b"secret:").decode()
    assert stocked.engine.run(Request(f"Basic {token}", query)).metrics[0] == units


def test_too_much_compute(stocked):
    inner = {"foreach": {"lambda": "y", "expr": {"add": 1}}, "collection": {"var": "all"}}
    query = {"foreach": {"lambda": "x", "expr": inner}, "collection": {"var": "all"}}
    status, body = stocked.body(json.dumps({"let": {"all": [1] * 1000}, "in": query}))
    (error,) = body["errors"]
    assert (status, error["code"], "position" in error) == (400, "bad request", False)
    start, end = "Transaction does too much compute: got ", ", limit: 12000"
    assert error["description"].startswith(start)
    assert error["description"].endswith(end)
    got = int(error["description"][len(start) : -len(end)])
    assert MAX_COMPUTE / 50 < got < MAX_COMPUTE / 50 + 10


def test_the_deadline(stocked):
    inner = {"map": {"lambda": "y", "expr": {"concat": ["a"] * 100}}, "collection": {"var": "all"}}
    query = {"map": {"lambda": "x", "expr": inner}, "collection": {"var": "all"}}
    query = json.dumps({"let": {"all": [1] * 500}, "in": query})
    begun = time.monotonic()
    status, body = stocked.body(query, headers={"x-query-timeout": "20"})
    assert time.monotonic() - begun < 10
    text = "Read timed out (Query eval has timed out.)"
    assert (status, body) == (503, {"errors": [{"code": "time out", "description": text}]})


# Order


def written(number):
    return {"create": {"ref": {"collection": "written"}, "id": str(number)}}


def there(number):
    return {"exists": {"ref": {"collection": "written"}, "id": str(number)}}


ORDERS = [
    ([written(10), there(10)], [None, True]),
    ([there(11), written(11)], [False, None]),
    ({"do": [written(12), there(12)]}, True),
    ({"let": {"a": written(13), "b": there(13)}, "in": [{"var": "b"}, there(13)]}, [True, True]),
    ({"object": {"a": there(14), "b": written(14), "c": there(14)}}, {"a": False, "b": None, "c": True}),
    (
        {"map": {"lambda": "x", "expr": {"do": [{"if": there(15), "then": 1, "else": written(15)}, there(15)]}}, "collection": [1, 2]},
        [True, True],
    ),
    ({"map": {"lambda": "x", "expr": {"if": there(16), "then": True, "else": {"do": [written(16), False]}}}, "collection": [1, 2]}, [False, True]),
    # the arguments of one form: the last of the table first
    ({"contains_value": there(17), "in": {"do": [written(17), [True]]}}, True),
    ({"contains_value": {"do": [written(18), True]}, "in": [there(18)]}, False),
    ({"map": {"lambda": "x", "expr": there(19)}, "collection": {"do": [written(19), [1]]}}, [True]),
    ({"merge": obj(a=there(20)), "with": {"do": [written(20), obj()]}}, {"a": True}),
    ({"call": "f", "arguments": {"do": [written(21), there(21)]}}, True),
    ({"substring": {"if": there(22), "then": "yes", "else": "no"}, "start": {"do": [written(22), 0]}}, "yes"),
]  # fmt: skip


def known(value):
    """A result with the documents in it left out."""
    if isinstance(value, list):
        return [known(item) for item in value]
    if isinstance(value, dict):
        return None if "ref" in value else {key: known(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(("query", "value"), ORDERS, ids=[json.dumps(case[0])[:60] for case in ORDERS])
def test_the_order_of_effects(stocked, query, value):
    assert known(stocked.wire(json.dumps(query))) == value


# Errors

REPORTED = [
    ([BAD, 1, {"add": ["a", "b"]}], [[0, "add"], [2, "add", 0], [2, "add", 1]]),
    (obj(a=BAD, b=1, c={"not": 1}), [["object", "a", "add"], ["object", "c", "not"]]),
    ({"let": {"a": BAD, "b": BAD}, "in": BAD}, [["let", "a", "add"]]),
    ({"let": [{"a": 1}, {"b": BAD}], "in": BAD}, [["let", 1, "b", "add"]]),
    ({"let": {"@obj": {"b": BAD}}, "in": 1}, [["let", "b", "add"]]),
    ({"let": {"a": 1}, "in": BAD}, [["in", "add"]]),
    ({"do": [1, BAD, BAD]}, [["do", 1, "add"]]),
    ({"if": BAD, "then": BAD, "else": BAD}, [["if", "add"]]),
    ({"if": False, "then": BAD, "else": {"add": ["x"]}}, [["else", "add", 0]]),
    ({"and": [True, BAD, BAD]}, [["and", 1, "add"]]),
    ({"or": [False, 1, BAD]}, [["or", 1]]),
    ({"add": {"@obj": BAD}}, [["add", "@obj", "add"]]),
    ({"concat": BAD, "separator": BAD}, [["concat", "add"]]),
    ({"concat": "a", "separator": BAD}, [["separator", "add"]]),
    ({"concat": 1, "separator": BAD}, [["concat"]]),
    ({"substring": "a", "start": "b", "length": "c"}, [["start"]]),
    ({"map": {"lambda": "x", "expr": {"add": [{"var": "x"}]}}, "collection": ["a", "b"]}, [["map", "expr", "add", 0]]),
    ({"foreach": {"lambda": "x", "expr": BAD}, "collection": [1, 2]}, [["foreach", "expr", "add"]]),
    ({"map": {"lambda": "x", "expr": BAD}, "collection": BAD}, [["collection", "add"]]),
    ({"reduce": {"lambda": "x", "expr": BAD}, "initial": BAD, "collection": BAD}, [["initial", "add"]]),
    ({"reduce": {"lambda": "x", "expr": BAD}, "initial": 1, "collection": [1, 2]}, [["reduce", "expr", "add"]]),
    (
        {"filter": {"lambda": "x", "expr": {"add": [{"var": "x"}]}}, "collection": ["a", 1, "b"]},
        [["filter", "expr", "add", 0], [1], ["filter", "expr", "add", 0]],
    ),
    (
        {"filter": {"lambda": ["a", "b"], "expr": True}, "collection": ["a", [1, 2], [1]]},
        [["filter", "lambda"], ["filter", "lambda"]],
    ),
    ({"merge": BAD, "with": BAD}, [["merge", "add"]]),
    ({"merge": 1, "with": [2, obj(), {"paginate": ALL}]}, [["merge"], ["with", 0], ["with", 2]]),
    ({"merge": 1, "with": {"paginate": ALL}}, [["merge"], ["with"]]),
    ({"merge": obj(), "with": obj(a=1, b=2), "lambda": {"lambda": "x", "expr": BAD}}, [["lambda", "expr", "add"]]),
    ({"merge": obj(), "with": obj(a=1), "lambda": {"lambda": ["k"], "expr": 1}}, [["lambda"]]),
    ({"join": BAD, "with": BAD}, [["join", "add"]]),
    ({"join": 1, "with": {"lambda": "x", "expr": {"get": 1}}}, [["join"]]),
    ({"paginate": {"filter": {"lambda": "x", "expr": 1}, "collection": ALL}}, [["paginate", "filter"]]),
    ({"paginate": {"filter": {"lambda": "x", "expr": BAD}, "collection": ALL}}, [["paginate", "filter", "expr", "add"]]),
    ({"let": {"s": {"filter": {"lambda": "x", "expr": 1}, "collection": ALL}}, "in": {"count": {"var": "s"}}}, [["let", "s", "filter"]]),
    ({"paginate": {"join": ALL, "with": {"lambda": ["a", "b"], "expr": 1}}}, [["paginate", "with", "lambda"]]),
    ({"count": {"join": ALL, "with": {"lambda": "x", "expr": 1}}}, [["count", "with"]]),
    ({"at": BAD, "expr": BAD}, [["at", "add"]]),
    ({"at": 0, "expr": BAD}, [["expr", "add"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "positions"), REPORTED, ids=[json.dumps(case[0])[:60] for case in REPORTED]
)
def test_which_errors_are_reported(stocked, query, positions):
    _, errors = stocked.failure(json.dumps(query))
    assert [error["position"] for error in errors] == positions
    _, errors = stocked.failure(json.dumps(obj(k=[0, query])))
    assert [error["position"] for error in errors] == [
        ["object", "k", 1, *position] for position in positions
    ]


NOT_THERE = {"get": {"ref": {"collection": "c"}, "id": "99"}}
ABORT = {"abort": "x"}
NO_VALUE = {"select": "x", "from": 1}
STATUS = [
    ([NOT_THERE, BAD], 400),
    ([NOT_THERE, ABORT], 404),
    ([ABORT, NOT_THERE], 400),
    ([NO_VALUE, ABORT], 404),
    ([BAD, NO_VALUE], 400),
    ([NO_VALUE, BAD], 400),
    (NOT_THERE, 404),
    (NO_VALUE, 404),
    (ABORT, 400),
]


@pytest.mark.parametrize(("query", "status"), STATUS, ids=[json.dumps(case[0])[:70] for case in STATUS])
def test_one_of_the_errors_decides_the_status(stocked, query, status):
    assert stocked.failure(json.dumps(query))[0] == status


CREATE = {"create": {"collection": "written"}}
CREATED = [
    (CREATE, 201),
    ({"let": {"new": CREATE}, "in": {"var": "new"}}, 201),
    ({"do": [1, CREATE]}, 201),
    ([CREATE], 200),
    ({"do": [CREATE, 1]}, 200),
    ({"select": "ref", "from": CREATE}, 200),
    ({"update": DOCUMENT}, 200),
    ({"create_key": obj(role="server")}, 201),
    (1, 200),
]


@pytest.mark.parametrize(("query", "status"), CREATED, ids=[json.dumps(case[0])[:70] for case in CREATED])
def test_a_document_that_was_created_is_201(stocked, query, status):
    assert stocked.body(json.dumps(query))[0] == status


# Effects


def asked(database, query):
    """A query as a GET request, which may read only."""
    response = database.send("GET", "/", query="q=" + quote(json.dumps(query)))
    return response.status, json.loads(response.body)


FREE = [
    {"if": False, "then": {"new_id": None}, "else": 1},
    {"and": [False, {"new_id": None}]},
    {"select": "a", "from": obj(a=1), "default": {"new_id": None}},
    {"query": {"lambda": "x", "expr": {"new_id": None}}},
    {"map": {"lambda": "x", "expr": {"new_id": None}}, "collection": []},
    {"quote": {"new_id": None}},
    {"get": DOCUMENT},
    {"count": ALL},
]


@pytest.mark.parametrize("query", FREE, ids=[json.dumps(query)[:60] for query in FREE])
def test_effects_that_are_not_reached_are_not_refused(stocked, query):
    assert asked(stocked, query)[0] == 200


REFUSED = [
    ({"new_id": None}, [[]]),
    ([{"new_id": None}, 1, {"next_id": None}], [[0], [2]]),
    ({"create": {"add": "not even evaluated"}}, [[]]),
    ({"login": 1, "params": 1}, [[]]),
    ({"if": True, "then": {"new_id": None}, "else": 1}, [["then"]]),
    ({"map": {"lambda": "x", "expr": {"new_id": None}}, "collection": [1, 2]}, [["map", "expr"]]),
    (
        {"filter": {"lambda": "x", "expr": {"new_id": None}}, "collection": [1, 2]},
        [["filter", "expr"], ["filter", "expr"]],
    ),
]


@pytest.mark.parametrize(("query", "positions"), REFUSED, ids=[json.dumps(case[0])[:60] for case in REFUSED])
def test_writes_are_refused_where_only_reads_are_allowed(stocked, query, positions):
    status, body = asked(stocked, query)
    text = "Call performs a write, which is not allowed in get requests."
    assert (status, body["errors"]) == (
        400,
        [{"position": position, "code": "invalid expression", "description": text} for position in positions],
    )
