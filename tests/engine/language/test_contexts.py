"""Errors of an expression wherever it stands (evaluation chapter, "Positions"; writes chapter, "Errors inside a
function"): its description, code, failures and causes are the same, its position is that of the place and its own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.streaming.test_streaming import coll, create, match, obj, ref

ONE, NONE = ref("c", 1), ref("c", 99)
BAD = {"add": "a"}
LONG_AGO = {"time": "2001-01-01T00:00:00Z"}


def lam(pattern: Any, expr: Any) -> Any:
    return {"lambda": pattern, "expr": expr}


#: Failing expressions of every chapter; none of them depends on the time or on where it stands.
FAILING: list[Any] = [
    # parsing
    {"foo": 1},
    {},
    {"var": "nowhere"},
    {"get": {"@ref": {"id": "nowhere"}}},
    {"@ts": "x"},
    {"@set": {"match": 1}},
    {"do": []},
    {"and": []},
    {"let": {"a": {"foo": 1}, "b": {"bar": 1}}, "in": {"baz": 1}},
    {"map": lam(["a", 1], {"foo": 1}), "collection": []},
    {"query": lam("x", {"var": "y"})},
    {"object": {"@obj": 1}},
    # values
    {"add": ["a", 1, "b"]},
    {"divide": [1, 0]},
    {"concat": ["a", 1, None], "separator": 1},
    {"casefold": "a", "normalizer": "x"},
    {"containsstrregex": "a", "pattern": "("},
    {"time_add": {"date": "2020-01-01"}, "offset": 1, "unit": "second"},
    {"date": "x"},
    {"to_object": [["a"]]},
    {"mean": []},
    {"lt": [coll("nowhere"), 1]},
    [BAD, {"get": NONE}, BAD],
    {"object": {"a": BAD, "b": [1, BAD]}},
    # language
    {"if": 1, "then": 1, "else": 1},
    {"and": [True, 1]},
    {"or": 1},
    {"select": ["a", 0], "from": {"object": {}}},
    {"select": {"object": {}}, "from": 1},
    {"let": {"a": 1, "b": BAD}, "in": 1},
    {"do": [1, BAD, BAD]},
    {"abort": "no"},
    {"at": 1.5, "expr": 1},
    {"map": lam(["a", "b"], 1), "collection": [[1]]},
    {"map": lam("x", 1), "collection": {"documents": coll("c")}},
    {"filter": lam("x", {"var": "x"}), "collection": [1, 2]},
    {"reduce": lam(["a", "b"], BAD), "initial": 0, "collection": [1]},
    {"merge": 1, "with": [{"object": {}}, 2]},
    {"foreach": lam("x", {"get": NONE}), "collection": [1, 2]},
    # reads and sets
    {"get": NONE},
    {"get": match("i", "nothing")},
    {"get": ref("nowhere", 1)},
    {"paginate": match("nowhere")},
    {"paginate": match("i", "x"), "size": "x"},
    {"paginate": match("i", "x"), "cursor": {"object": {"x": 1}}},
    {"at": LONG_AGO, "expr": {"get": ONE}},
    {"union": [match("i", "x"), []]},
    {"join": match("i", "x"), "with": lam("x", {"get": {"var": "x"}})},
    {"paginate": {"filter": lam("x", 1), "collection": {"documents": coll("c")}}},
    {"first": []},
    # writes and schema
    create(ONE),
    {"create": coll("c"), "params": obj(data=1, ttl=1)},
    {"create": coll("c"), "params": obj(data=obj(a=coll("nowhere")))},
    {"update": NONE},
    {"update": {"collections": None}},
    {"delete": NONE},
    {"insert": ONE, "ts": {"time": "2999-01-01T00:00:00Z"}, "action": "create"},
    {"at": LONG_AGO, "expr": create(coll("c"))},
    {"create_collection": obj(name="a b", history_days=-1)},
    {"create_collection": obj(name="c")},
    {"create_index": obj(name="x", source=coll("c"), terms=[obj(field=1.5)], unique=1)},
    {"create_role": obj(name="r", privileges=obj(actions=obj(read=1)))},
    {"create_key": obj(role="nobody")},
    {"create_function": obj(name="f")},
    # functions, passwords, tokens
    {"call": "nowhere"},
    {"call": "boom", "arguments": 0},
    {"call": "nested", "arguments": 0},
    {"call": "boom", "arguments": BAD},
    {"login": NONE, "params": obj(password="x")},
    {"identify": ONE, "password": 1},
    {"current_identity": None},
    {"key_from_secret": "x"},
]

#: How an expression is put somewhere, and where that is. Nothing else there fails.
SET_HOOKS: list[tuple[Any, list[Any]]] = [
    (lambda e: [1, e], [1]),
    (lambda e: {"object": {"a": 1, "b": e}}, ["object", "b"]),
    (lambda e: {"let": {"v": e}, "in": 1}, ["let", "v"]),
    (lambda e: {"let": [{"v": e}], "in": 1}, ["let", 0, "v"]),
    (lambda e: {"let": {}, "in": e}, ["in"]),
    (lambda e: {"if": True, "then": e, "else": 1}, ["then"]),
    (lambda e: {"if": {"do": [e, True]}, "then": 1, "else": 1}, ["if", "do", 0]),
    (lambda e: {"do": [1, e]}, ["do", 1]),
    (lambda e: {"and": [True, {"do": [e, True]}]}, ["and", 1, "do", 0]),
    (lambda e: {"at": {"now": None}, "expr": e}, ["expr"]),
    (lambda e: {"select": "x", "from": {"object": {}}, "default": e}, ["default"]),
    (lambda e: {"equals": [1, e]}, ["equals", 1]),
    (lambda e: {"map": lam("v", e), "collection": [1, 2]}, ["map", "expr"]),
    (lambda e: {"foreach": lam("v", e), "collection": [1, 2]}, ["foreach", "expr"]),
    (lambda e: {"filter": lam("v", {"do": [e, True]}), "collection": [1]}, ["filter", "expr", "do", 0]),
    (lambda e: {"reduce": lam("v", e), "initial": 1, "collection": [1, 2]}, ["reduce", "expr"]),
    (lambda e: {"merge": obj(a=1), "with": obj(a=2), "lambda": lam("v", e)}, ["lambda", "expr"]),
    (
        lambda e: {"create": coll("c"), "params": obj(data=obj(a=e))},
        ["params", "object", "data", "object", "a"],
    ),
]


@pytest.fixture
def world(db):
    db.wire({"create_collection": obj(name="c")})
    terms = [obj(field=["data", "kind"])]
    db.wire({"create_index": obj(name="i", source=coll("c"), terms=terms)})
    db.wire(create(ONE, kind="x"))
    boom = lam("x", {"divide": [1, {"var": "x"}]})
    db.wire({"create_function": obj(name="boom", body={"query": boom})})
    nested = lam("x", [{"call": "boom", "arguments": {"var": "x"}}, BAD])
    db.wire({"create_function": obj(name="nested", body={"query": nested})})
    return db


def moved(errors: list[Any], place: list[Any]) -> list[Any]:
    """What errors of an expression become when it stands at place."""
    return [_moved(error, place) for error in errors]


def _moved(error: dict[str, Any], place: list[Any]) -> dict[str, Any]:
    if "position" not in error:
        return error
    found = {**error, "position": place + error["position"]}
    if error["code"] == "validation failed":
        # failures that name a place in the query, and not a field of the document
        found["failures"] = [
            {**failure, "field": [*map(str, place), *failure["field"]]}
            if failure["description"] == "Cannot read reference."
            else failure
            for failure in error["failures"]
        ]
    return found


def _failure(db: Any, expression: Any) -> tuple[int, str]:
    status, body = db.body(expression)
    return status, json.dumps(_timeless(body.get("errors")))


def _timeless(errors: Any) -> Any:
    """The limit of history moves on from query to query."""
    return [{**error, "description": error["description"].split(" less than ")[0]} for error in errors or ()]


@pytest.mark.parametrize(
    ("put", "place"), SET_HOOKS, ids=lambda value: "-".join(map(str, value)) if type(value) is list else ""
)
def test_an_error_stands_where_its_expression_stands(world, put, place):
    for expression in FAILING:
        status, errors = world.failure(expression)
        expected = (status, json.dumps(_timeless(moved(errors, place))))
        assert _failure(world, put(expression)) == expected, expression


def test_an_error_in_a_function_is_a_cause(world):
    for number, expression in enumerate(FAILING):
        errors = world.failure(expression)[1]
        body = {"query": lam("v", expression)}
        status, answer = world.body({"create_function": obj(name=f"f{number}", body=body)})
        if status != 201:
            place = ["create_function", "object", "body", "query", "expr"]
            assert answer["errors"] == moved(errors, place), expression
            assert all(error["code"] == "invalid expression" for error in errors), expression
            continue
        assert _failure(world, {"call": f"f{number}"}) == (400, json.dumps(_timeless(_as_cause(errors)))), (
            expression
        )


def _as_cause(errors: list[Any]) -> list[Any]:
    if "position" not in errors[0]:
        return errors
    text = "Calling the function resulted in an error."
    return [{"position": [], "code": "call error", "description": text, "cause": moved(errors, ["expr"])}]
