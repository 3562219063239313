"""Lambdas: syntax, values, patterns, calls, depth (evaluation rules, "Lambda values", "Applying a lambda", "call")."""

from __future__ import annotations

import json

import pytest

from faunadb.engine.engine import open_engine

from ..conftest import Database

INVALID = "invalid expression"
ARGUMENT = "invalid argument"

FUNCTIONS = {
    "add": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}},
    "two": {"lambda": ["a", "b"], "expr": [{"var": "a"}, {"var": "b"}]},
    "one": {"lambda": ["a"], "expr": {"var": "a"}},
    "none": {"lambda": [], "expr": 1},
    "any": {"lambda": "_", "expr": 1},
    "given": {"lambda": "x", "expr": {"var": "x"}},
    "aborts": {"lambda": "x", "expr": {"abort": "bye"}},
    "outer": {"lambda": "x", "expr": {"call": "aborts"}},
    "failures": {"lambda": "_", "expr": [{"add": "a"}, {"not": 1}]},
    "forever": {"lambda": "x", "expr": {"call": "forever", "arguments": {"var": "x"}}},
    "forever_twice": {"lambda": "x", "expr": {"if": {"var": "x"}, "then": [{"call": "forever_twice", "arguments": True}], "else": 1}},
    "writes": {"lambda": "_", "expr": {"new_id": None}},
}  # fmt: skip


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        for name, body in FUNCTIONS.items():
            database.wire({"create_function": {"object": {"name": name, "body": {"query": body}}}})
        database.wire({"create_collection": {"object": {"name": "c"}}})
        yield database


def keys(*names):
    return f"No form/function found, or invalid argument keys: {{ {', '.join(names)} }}."


# Syntax

FORMS = {
    "map": {"collection": [1]},
    "foreach": {"collection": [1]},
    "filter": {"collection": [1]},
    "reduce": {"initial": 0, "collection": [1]},
    "query": {},
}
NO_LAMBDAS = [
    (1, [([], "Lambda expected, Integer provided.")]),
    ("x", [([], "Lambda expected, String provided.")]),
    (None, [([], "Lambda expected, Null provided.")]),
    ([], [([], "Lambda expected, Array provided.")]),
    ({"var": "x"}, [([], keys("var"))]),
    ({"lambda": "x"}, [([], keys("lambda"))]),
    ({"@query": {"lambda": "x", "expr": 1}}, [([], keys("@query"))]),
    ({"lambda": "x", "expr": 1, "api_version": "4"}, [([], keys("lambda", "expr", "api_version"))]),
    ({"lambda": 1, "expr": 1}, [(["lambda"], "String or Array expected, Integer provided.")]),
    ({"lambda": {}, "expr": 1}, [(["lambda"], "String or Array expected, Object provided.")]),
    (
        {"lambda": ["a", 1, ["b"], None], "expr": {"nope": 1}},
        [
            (["lambda", 1], "String expected, Integer provided."),
            (["lambda", 2], "String expected, Array provided."),
            (["lambda", 3], "String expected, Null provided."),
            (["expr"], keys("nope")),
        ],
    ),
    ({"lambda": "x", "expr": {"var": "y"}}, [(["expr"], "Variable 'y' is not defined.")]),
    ({"lambda": "_", "expr": {"var": "_"}}, [(["expr"], "Variable '_' is not defined.")]),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("argument", "expected"), NO_LAMBDAS, ids=[json.dumps(case[0]) for case in NO_LAMBDAS]
)
def test_lambda_arguments(stocked, form, argument, expected):
    _, errors = stocked.failure(json.dumps({form: argument, **FORMS[form]}))
    assert [(error["position"], error["description"]) for error in errors] == [
        ([form, *position], description) for position, description in expected
    ]
    assert {error["code"] for error in errors} == {INVALID}


def test_variables_of_a_lambda_end_with_it(stocked):
    query = [{"map": {"lambda": "x", "expr": {"var": "x"}}, "collection": [1]}, {"var": "x"}]
    error = stocked.error(json.dumps(query))
    assert (error["position"], error["description"]) == ([1], "Variable 'x' is not defined.")


def test_a_lambda_hides_an_outer_variable_only_inside(stocked):
    hidden = {"map": {"lambda": "x", "expr": {"var": "x"}}, "collection": [2]}
    assert stocked.wire(json.dumps({"let": {"x": 1}, "in": [hidden, {"var": "x"}]})) == [[2], 1]


# Values


def shown(body, version="4"):
    return {"@query": {"api_version": version, **body}}


VALUES = [
    (
        {"query": {"lambda": ["a", "_"], "expr": {"let": [{"x": 1}, {"y": 2}], "in": {"or": True}}}},
        shown({"lambda": ["a", "_"], "expr": {"let": {"x": 1, "y": 2}, "in": {"or": [True]}}}),
    ),
    (
        {"let": {"o": {"object": {"k": 1}}}, "in": {"query": {"lambda": "a", "expr": [{"var": "o"}, {"quote": {"z": 1}}]}}},
        shown({"lambda": "a", "expr": {"let": {"o": {"k": 1}}, "in": [{"var": "o"}, {"z": 1}]}}),
    ),
    (
        {"map": {"lambda": "x", "expr": {"query": {"lambda": "y", "expr": [{"var": "x"}, {"var": "y"}]}}}, "collection": [7]},
        [shown({"lambda": "y", "expr": {"let": {"x": 7}, "in": [{"var": "x"}, {"var": "y"}]}})],
    ),
    (
        {"let": {"x": 1}, "in": {"query": {"lambda": "x", "expr": {"var": "x"}}}},
        shown({"lambda": "x", "expr": {"var": "x"}}),
    ),
    # captured by an inner lambda only: the outer one carries it
    (
        {"let": {"x": 1, "z": 2}, "in": {"query": {"lambda": "y", "expr": {"query": {"lambda": "w", "expr": {"var": "x"}}}}}},
        shown({"lambda": "y", "expr": {"let": {"x": 1}, "in": {"query": {"lambda": "w", "expr": {"var": "x"}}}}}),
    ),
    (
        {"query": {"lambda": "a", "expr": {"collection": {"tokens": None}, "filter": {"expr": True, "lambda": "b"}}}},
        shown({"lambda": "a", "expr": {"filter": {"lambda": "b", "expr": True}, "collection": {"tokens": None}}}),
    ),
    (
        {"@query": {"lambda": "x", "expr": {"and": [True]}}},
        shown({"lambda": "x", "expr": {"and": [True]}}, "2.12"),
    ),
    ({"@query": {"lambda": "x", "expr": 1, "api_version": "2.0"}}, shown({"lambda": "x", "expr": 1}, "2.12")),
    ({"@query": {"lambda": "x", "expr": {"first": 1}, "api_version": "4"}}, shown({"lambda": "x", "expr": {"first": 1}})),
]  # fmt: skip


@pytest.mark.parametrize(("query", "value"), VALUES, ids=[json.dumps(case[0])[:80] for case in VALUES])
def test_values(stocked, query, value):
    assert stocked.wire(json.dumps(query)) == value


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.7", "2.12"])
def test_lambdas_of_old_requests_are_of_version_2_12(db, version):
    body = {"lambda": "x", "expr": 1}
    old = {"x-faunadb-api-version": version}
    query = {"create_function": {"object": {"name": "f", "body": {"query": body}}}}
    db.wire(json.dumps(query), headers=old)
    read = {"select": "body", "from": {"get": {"function": "f"}}}
    assert db.wire(json.dumps(read)) == shown(body, "2.12")
    assert db.wire(json.dumps(read), headers=old) == {"@query": body}


OLD = [
    ({"and": [False, 1]}, ["and", 1], ARGUMENT, "Boolean expected, Integer provided."),
    ({"select": "a", "from": {"object": {"a": 1}}, "default": {"abort": "x"}}, ["default"], "transaction aborted", "x"),
    ({"select_all": "a", "from": {"object": {"a": 1}}, "default": {"abort": "x"}}, ["default"], "transaction aborted", "x"),
    ({"contains_path": "a", "in": 1}, [], INVALID, keys("contains_path", "in")),
    ({"contains_value": "a", "in": 1}, [], INVALID, keys("contains_value", "in")),
    ({"first": [1]}, [], INVALID, keys("first")),
    ({"current_token": None}, [], INVALID, keys("current_token")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "position", "code", "description"), OLD, ids=[json.dumps(case[0])[:40] for case in OLD]
)
def test_lambdas_written_under_an_old_version_keep_its_semantics(db, body, position, code, description):
    if code == INVALID:  # such a lambda cannot even be written
        error = db.error(json.dumps(body), headers={"x-faunadb-api-version": "2.12"})
        assert (error["position"], error["code"], error["description"]) == (position, code, description)
        return
    function = {
        "create_function": {"object": {"name": "old", "body": {"query": {"lambda": "_", "expr": body}}}}
    }
    db.wire(json.dumps(function), headers={"x-faunadb-api-version": "2.12"})
    (cause,) = db.error('{"call": "old"}')["cause"]
    assert (cause["position"], cause["code"], cause["description"]) == (
        ["expr", *position],
        code,
        description,
    )


# Patterns


def applied(pattern, argument, body=0):
    return json.dumps({"map": {"lambda": pattern, "expr": body}, "collection": {"quote": [argument]}})


@pytest.mark.parametrize(
    ("pattern", "argument", "body", "value"),
    [
        ("_", [1], 5, 5),
        ("x", [1, 2], {"var": "x"}, [1, 2]),
        (["a", "b"], [1, 2], [{"var": "b"}, {"var": "a"}], [2, 1]),
        (["_", "b"], [1, 2], {"var": "b"}, 2),
        (["_", "_"], [1, 2], 5, 5),
        (["a", "a"], [1, 2], {"var": "a"}, 2),
        (["a"], 1, {"var": "a"}, 1),
        (["a"], {"b": 1}, {"var": "a"}, {"b": 1}),
        (["a"], [[1]], {"var": "a"}, [1]),
        (["_"], 1, 5, 5),
        ([], [], 5, 5),
    ],
)
def test_patterns(stocked, pattern, argument, body, value):
    assert stocked.wire(applied(pattern, argument, body)) == [value]


@pytest.mark.parametrize(
    ("pattern", "argument", "expected", "given"),
    [
        (["a", "b"], [1], 2, 1),
        (["a", "b"], [], 2, 0),
        (["a"], [1, 2], 1, 2),
        (["a"], [], 1, 0),
        ([], [1], 0, 1),
        ([], 1, 0, 1),
        (["a", "b"], 1, 2, 1),
        (["a", "b"], None, 2, 1),
        (["a", "b"], {"a": 1, "b": 2}, 2, 1),
    ],
)
def test_arity(stocked, pattern, argument, expected, given):
    assert stocked.error(applied(pattern, argument)) == {
        "position": ["map", "lambda"],
        "code": ARGUMENT,
        "description": f"Lambda expects an array with {expected} elements. Array contains {given}.",
    }


# call

CALLS = [
    ({"call": "add", "arguments": 1}, 2),
    ({"call": {"function": "add"}, "arguments": 1}, 2),
    ({"call": {"concat": ["a", "dd"]}, "arguments": 1}, 2),
    ({"call": "two", "arguments": [1, 2]}, [1, 2]),
    ({"call": "one", "arguments": 5}, 5),
    ({"call": "one", "arguments": [5]}, 5),
    ({"call": "none"}, 1),
    ({"call": "any", "arguments": [1, 2, 3]}, 1),
    ({"call": "given"}, []),
    ({"call": "given", "arguments": None}, None),
    ({"call": "given", "arguments": [1, 2]}, [1, 2]),
]


@pytest.mark.parametrize(("query", "value"), CALLS, ids=[json.dumps(case[0]) for case in CALLS])
def test_calls(stocked, query, value):
    assert stocked.wire(json.dumps(query)) == value


def undefined(kind, name):
    return f"Ref refers to undefined {kind} '{name}'"


TARGETS = [
    (1, ARGUMENT, "Identifier expected, Integer provided."),
    ({"query": {"lambda": "x", "expr": 1}}, ARGUMENT, "Identifier expected, Lambda provided."),
    ({"collection": "c"}, ARGUMENT, "Identifier expected, Collection Ref provided."),
    ({"functions": None}, ARGUMENT, "Identifier expected, Collection Ref provided."),
    ("nope", "invalid ref", undefined("function", "nope")),
    ({"function": "nope"}, "invalid ref", undefined("function", "nope")),
    ({"collection": "nope"}, "invalid ref", undefined("collection", "nope")),
]


@pytest.mark.parametrize(
    ("target", "code", "description"), TARGETS, ids=[json.dumps(case[0]) for case in TARGETS]
)
def test_targets_of_calls(stocked, target, code, description):
    expected = {"position": [0, "call"], "code": code, "description": description}
    assert stocked.error(json.dumps([{"call": target, "arguments": 1}])) == expected


def test_both_arguments_of_a_call_are_evaluated_first(stocked):
    error = stocked.error('{"call": {"add": "x"}, "arguments": {"add": "y"}}')
    assert error["position"] == ["call", "add"]
    error = stocked.error('{"call": 1, "arguments": {"add": "y"}}')
    assert error["position"] == ["call"]
    for target in ("nope", {"function": "nope"}, {"collection": "nope"}):
        error = stocked.error(json.dumps({"call": target, "arguments": {"add": "y"}}))
        assert error["position"] == ["arguments", "add"]


def failed(position, *causes):
    text = "Calling the function resulted in an error."
    return {"position": position, "code": "call error", "description": text, "cause": list(causes)}


def cause(position, code, description):
    return {"position": position, "code": code, "description": description}


def wrong_count(expected, given):
    return cause(
        ["lambda"], ARGUMENT, f"Lambda expects an array with {expected} elements. Array contains {given}."
    )


NOT_A_NUMBER = cause(["expr", "add", 0], ARGUMENT, "Number expected, String provided.")
CALL_ERRORS = [
    ({"call": "add", "arguments": "x"}, failed([], NOT_A_NUMBER)),
    ({"call": "two", "arguments": [1]}, failed([], wrong_count(2, 1))),
    ({"call": "two", "arguments": 5}, failed([], wrong_count(2, 1))),
    ({"call": "two"}, failed([], wrong_count(2, 0))),
    ({"call": "none", "arguments": 1}, failed([], wrong_count(0, 1))),
    ({"call": "aborts"}, failed([], cause(["expr"], "transaction aborted", "bye"))),
    ({"call": "outer"}, failed([], failed(["expr"], cause(["expr"], "transaction aborted", "bye")))),
    (
        {"call": "failures"},
        failed(
            [],
            cause(["expr", 0, "add"], ARGUMENT, "Number expected, String provided."),
            cause(["expr", 1, "not"], ARGUMENT, "Boolean expected, Integer provided."),
        ),
    ),
]


@pytest.mark.parametrize(("query", "error"), CALL_ERRORS, ids=[json.dumps(case[0]) for case in CALL_ERRORS])
def test_errors_of_calls(stocked, query, error):
    status, errors = stocked.failure(json.dumps(query))
    assert (status, errors) == (400, [error])


def test_arity_errors_of_calls_stand_at_the_call(stocked):
    (inner,) = stocked.error('[1, {"let": {"x": {"call": "none", "arguments": 1}}, "in": 1}]')["cause"]
    assert inner["position"] == [1, "let", "x", "lambda"]


# Depth


def nested(depth):
    query = {"var": "x"}
    for _ in range(depth):
        query = {"map": {"lambda": "x", "expr": query}, "collection": [{"var": "x"}]}
    return json.dumps({"let": {"x": 1}, "in": query})


def test_two_hundred_lambdas_may_be_applied_inside_each_other(stocked):
    assert stocked.raw(nested(200)).status == 200


def test_one_more_is_a_stack_overflow(stocked):
    error = stocked.error(nested(201))
    assert error["code"] == "stack overflow"
    assert error["description"] == "Call stack reached the maximum limit of 200."
    assert error["position"] == ["in"] + ["map", "expr"] * 200 + ["map"]


def test_a_stack_overflow_passes_through_calls_as_it_is(stocked):
    status, errors = stocked.failure('[{"call": "forever", "arguments": 1}]')
    text = "Call stack reached the maximum limit of 200."
    assert (status, errors) == (400, [{"position": ["expr"], "code": "stack overflow", "description": text}])
    error = stocked.error('{"call": "forever_twice", "arguments": true}')
    assert (error["code"], error["position"]) == ("stack overflow", ["expr", "then", 0])


def test_several_stack_overflows_are_wrapped(db):
    deep = {"call": "deep", "arguments": {"subtract": [{"var": "x"}, 1]}}
    body = {"if": {"equals": [{"var": "x"}, 0]}, "then": [{"call": "deep", "arguments": 0}] * 2, "else": deep}
    db.wire(
        {"create_function": {"object": {"name": "deep", "body": {"query": {"lambda": "x", "expr": body}}}}}
    )
    error = db.error('{"call": "deep", "arguments": 199}')
    for _ in range(199):
        assert error["code"] == "call error"
        (error,) = error["cause"]
    assert [each["code"] for each in error["cause"]] == ["stack overflow"] * 2


# Effects


def test_calls_are_free_but_what_they_do_is_not(stocked):
    response = stocked.send("GET", "/", query='q={"call":"writes"}')
    text = "Call performs a write, which is not allowed in get requests."
    assert json.loads(response.body)["errors"] == [failed([], cause(["expr"], INVALID, text))]


WRITES = {"query": {"lambda": "x", "expr": {"new_id": None}}}
READS = {"current_identity": None}
STATIC = [
    # (body of a filter's lambda over a set, whether it may be)
    (True, True),
    ({"exists": {"var": "x"}}, True),
    ({"new_id": None}, False),
    ({"call": "any"}, False),
    ({"if": False, "then": {"new_id": None}, "else": True}, False),
    ({"let": {"a": WRITES}, "in": True}, True),
    ({"let": {"a": {"new_id": None}}, "in": True}, False),
    ({"do": [{"delete": {"var": "x"}}, True]}, False),
    ({"and": [True, {"call": "any"}]}, False),
    ({"select": "a", "from": {"object": {"a": True}}, "default": {"new_id": None}}, False),
    ({"is_array": [{"new_id": None}]}, False),
    ({"is_object": {"object": {"a": {"new_id": None}}}}, False),
    ({"at": {"now": None}, "expr": {"call": "any"}}, False),
    ({"is_array": {"map": {"lambda": "y", "expr": {"new_id": None}}, "collection": []}}, False),
    ({"is_object": {"merge": {"object": {}}, "with": {"object": {}}, "lambda": {"lambda": "y", "expr": {"new_id": None}}}}, False),
]  # fmt: skip


@pytest.mark.parametrize(("body", "allowed"), STATIC, ids=[json.dumps(case[0])[:60] for case in STATIC])
def test_static_effects(stocked, body, allowed):
    filtered = {"filter": {"lambda": "x", "expr": body}, "collection": {"documents": {"collection": "c"}}}
    if allowed:
        assert "@set" in stocked.wire(json.dumps(filtered))
        return
    text = "Invalid lambda. Lambda in this context may not write or call a user function."
    assert stocked.error(json.dumps([filtered])) == {
        "position": [0, "filter"],
        "code": ARGUMENT,
        "description": text,
    }


@pytest.mark.parametrize(
    "body", [{"get": {"var": "x"}}, READS, {"count": []}, {"call": "any"}, {"new_id": None}]
)
@pytest.mark.parametrize("how", ["written", "a value"])
def test_lambdas_of_joins_are_pure(stocked, body, how):
    fn = {"lambda": "x", "expr": body}
    query = {"join": {"documents": {"collection": "c"}}, "with": fn if how == "written" else {"query": fn}}
    text = "Invalid lambda. Lambda in this context may not read, write, or call a user function."
    assert stocked.error(json.dumps(query)) == {"position": ["with"], "code": ARGUMENT, "description": text}
