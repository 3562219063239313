"""Special forms: binding, branching, lambdas, select (evaluation rules, "Special forms and callbacks")."""

from __future__ import annotations

import json

import pytest

RESULTS = [
    ({"let": {"x": 1, "y": {"add": [{"var": "x"}, 1]}}, "in": {"var": "y"}}, 2),
    ({"let": [{"x": 1}, {"x": {"add": [{"var": "x"}, 1]}}], "in": {"var": "x"}}, 2),
    ({"let": {}, "in": 1}, 1),
    ({"let": {"@obj": {"@x": 5}}, "in": {"var": "@x"}}, 5),
    ({"if": True, "then": 1, "else": {"divide": [1, 0]}}, 1),
    ({"do": [1, 2]}, 2),
    ({"and": [True, False, 1]}, False),
    ({"or": [False, True, 1]}, True),
    ({"and": True}, True),
    ({"or": [False]}, False),
    ({"select": [], "from": 5}, 5),
    ({"select": "a", "from": {"object": {"a": None}}}, None),
    ({"select": ["a", 1], "from": {"object": {"a": [1, 2]}}}, 2),
    ({"select": "x", "from": 1, "default": "d"}, "d"),
    ({"select": "a", "from": {"object": {"a": 1}}, "default": {"divide": [1, 0]}}, 1),
    ({"select": "a", "all": True, "from": [{"object": {"a": 1}}, {"object": {"a": [2, [3]]}}]}, [1, 2, 3]),
    ({"select_all": "foo", "from": {"object": {"foo": None}}}, [None]),
    ({"select_all": "foo", "from": 1, "default": 5}, []),
    ({"select_as_index": ["foo", 0], "from": {"object": {"foo": [1, 2]}}}, [1]),
    ({"map": {"lambda": "x", "expr": {"var": "x"}}, "collection": [1, 2]}, [1, 2]),
    ({"map": {"lambda": ["x", "_"], "expr": {"var": "x"}}, "collection": [[1, 2]]}, [1]),
    ({"map": {"lambda": ["x"], "expr": {"var": "x"}}, "collection": [1, [2]]}, [1, 2]),
    ({"map": {"lambda": ["x", "x"], "expr": {"var": "x"}}, "collection": [[1, 2]]}, [2]),
    ({"map": {"lambda": [], "expr": 1}, "collection": [[]]}, [1]),
    ({"foreach": {"lambda": "x", "expr": 7}, "collection": [1, 2]}, [1, 2]),
    ({"filter": {"lambda": "x", "expr": {"gt": [{"var": "x"}, 1]}}, "collection": [1, 2, 3]}, [2, 3]),
    (
        {"reduce": {"lambda": ["a", "x"], "expr": {"add": [{"var": "a"}, {"var": "x"}]}}, "initial": 1, "collection": [2, 3]},
        6,
    ),
    ({"reduce": {"lambda": "p", "expr": {"var": "p"}}, "initial": 1, "collection": []}, 1),
    ({"merge": {"object": {"a": 1, "b": 2}}, "with": {"object": {"b": None, "c": 3}}}, {"a": 1, "c": 3}),
    ({"merge": {"object": {"a": 1}}, "with": []}, {"a": 1}),
    (
        {
            "merge": {"object": {"a": 1}},
            "with": [{"object": {"a": 2}}, {"object": {"b": 3}}],
            "lambda": {"lambda": ["k", "l", "r"], "expr": [{"var": "k"}, {"var": "l"}, {"var": "r"}]},
        },
        {"a": ["a", 1, 2], "b": ["b", None, 3]},
    ),
    ({"at": 0, "expr": 1}, 1),
    ({"equals": [{"query": {"lambda": "x", "expr": {"var": "x"}}}, {"query": {"lambda": "x", "expr": {"var": "x"}}}]}, True),
    ({"equals": [{"query": {"lambda": "x", "expr": {"not": True}}}, {"query": {"lambda": "x", "expr": {"not": True}}}]}, False),
]  # fmt: skip


@pytest.mark.parametrize(("query", "result"), RESULTS, ids=[json.dumps(query)[:80] for query, _ in RESULTS])
def test_results(db, query, result):
    assert db.wire(json.dumps(query)) == result


ARGUMENT = "invalid argument"
ERRORS = [
    ({"if": 1, "then": 1, "else": 2}, ["if"], ARGUMENT, "Boolean expected, Integer provided."),
    ({"and": [True, 1]}, ["and", 1], ARGUMENT, "Boolean expected, Integer provided."),
    ({"or": 5}, ["or", 0], ARGUMENT, "Boolean expected, Integer provided."),
    ({"and": {"let": {"x": [True]}, "in": {"var": "x"}}}, ["and", 0], ARGUMENT, "Boolean expected, Array provided."),
    ({"at": "x", "expr": 1}, ["at"], ARGUMENT, "Time expected, String provided."),
    ({"abort": "no"}, [], "transaction aborted", "no"),
    ({"abort": 1}, ["abort"], ARGUMENT, "String expected, Integer provided."),
    ({"call": "nope"}, ["call"], "invalid ref", "Ref refers to undefined function 'nope'"),
    ({"call": {"function": "nope"}}, ["call"], "invalid ref", "Ref refers to undefined function 'nope'"),
    ({"call": 1, "arguments": 1}, ["call"], ARGUMENT, "Identifier expected, Integer provided."),
    ({"call": {"collections": None}}, ["call"], ARGUMENT, "Identifier expected, Collection Ref provided."),
    ({"select": ["a", 0], "from": {"object": {}}}, ["from"], "value not found", "Value not found at path [a,0]."),
    ({"select": [True], "from": 1}, ["select", 0], ARGUMENT, "String or Integer expected, Boolean provided."),
    ({"select": "a", "from": 1, "all": 1}, ["all"], ARGUMENT, "Boolean expected, Integer provided."),
    ({"select": "a", "from": {"collection": "c"}}, ["from"], "invalid ref", "Ref refers to undefined collection 'c'"),
    ({"select_all": 1.5, "from": 1}, ["select_all"], ARGUMENT, "String or Integer expected, Double provided."),
    ({"map": {"lambda": "x", "expr": 1}, "collection": 1}, ["collection"], ARGUMENT, "Array, Set, or Page expected, Integer provided."),
    ({"map": {"lambda": "x", "expr": 1}, "collection": {"collections": None}}, ["collection"], ARGUMENT, "Array or Page expected, Set provided."),
    ({"map": {"lambda": ["a", "b"], "expr": 1}, "collection": [1]}, ["map", "lambda"], ARGUMENT, "Lambda expects an array with 2 elements. Array contains 1."),
    ({"map": {"lambda": ["a"], "expr": 1}, "collection": [[1, 2]]}, ["map", "lambda"], ARGUMENT, "Lambda expects an array with 1 elements. Array contains 2."),
    ({"map": {"lambda": "x", "expr": {"add": ["a"]}}, "collection": [1, 2]}, ["map", "expr", "add", 0], ARGUMENT, "Number expected, String provided."),
    ({"reduce": {"lambda": ["a", "b", "c"], "expr": 1}, "initial": 0, "collection": [1]}, ["reduce", "lambda"], ARGUMENT, "Lambda expects an array with 3 elements. Array contains 2."),
    ({"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": ["k"], "expr": 1}}, ["lambda"], ARGUMENT, "Lambda expects an array with 1 elements. Array contains 3."),
    ({"join": 1, "with": {"lambda": "x", "expr": 1}}, ["join"], ARGUMENT, "Ref or Set expected, Integer provided."),
    ({"join": {"collections": None}, "with": 1}, ["with"], ARGUMENT, "Lambda or Index Ref expected, Integer provided."),
    ({"join": {"collections": None}, "with": {"index": "i"}}, ["with"], "invalid ref", "Ref refers to undefined index 'i'"),
    ({"join": {"collections": None}, "with": {"lambda": "x", "expr": {"get": {"var": "x"}}}}, ["with"], ARGUMENT, "Invalid lambda. Lambda in this context may not read, write, or call a user function."),
    ({"filter": {"lambda": "x", "expr": {"call": "f"}}, "collection": {"collections": None}}, ["filter"], ARGUMENT, "Invalid lambda. Lambda in this context may not write or call a user function."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "code", "description"), ERRORS, ids=[json.dumps(error[0])[:80] for error in ERRORS]
)
def test_errors(db, query, position, code, description):
    error = db.error(json.dumps(query))
    assert (error["position"], error["code"], error["description"]) == (position, code, description)


def test_array_elements_are_all_reported(db):
    _, errors = db.failure('[{"add": "a"}, 1, {"add": ["b", "c"]}]')
    assert [error["position"] for error in errors] == [[0, "add"], [2, "add", 0], [2, "add", 1]]


def test_object_fields_are_all_reported(db):
    _, errors = db.failure('{"object": {"a": {"add": "x"}, "b": {"not": 1}}}')
    assert [error["position"] for error in errors] == [["object", "a", "add"], ["object", "b", "not"]]


def test_the_first_failing_argument_in_table_order_is_reported(db):
    error = db.error('{"substring": 1, "start": "x", "length": "y"}')
    assert error["position"] == ["substring"]


def test_filter_reports_every_bad_element_directly_under_the_form(db):
    query = {"filter": {"lambda": "x", "expr": {"var": "x"}}, "collection": [1, True, "a"]}
    _, errors = db.failure(json.dumps(query))
    assert [(error["position"], error["description"]) for error in errors] == [
        ([0], "Boolean expected, Integer provided."),
        ([2], "Boolean expected, String provided."),
    ]


def test_merge_reports_every_operand_that_is_no_object(db):
    _, errors = db.failure('{"merge": 1, "with": [2, {"object": {}}, "x"]}')
    assert [error["position"] for error in errors] == [["merge"], ["with", 0], ["with", 2]]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (
            {"lambda": "x", "expr": {"select_all": "a", "from": {"var": "x"}}},
            {"lambda": "x", "expr": {"select_all": "a", "from": {"var": "x"}}},
        ),
        ({"lambda": "_", "expr": {"and": True}}, {"lambda": "_", "expr": {"and": [True]}}),
        (
            {"lambda": ["a"], "expr": {"let": [{"b": 1}], "in": {"var": "b"}}},
            {"lambda": ["a"], "expr": {"let": {"b": 1}, "in": {"var": "b"}}},
        ),
        (
            {"lambda": "a", "expr": {"length": 2, "substring": "abc", "start": 1}},
            {"lambda": "a", "expr": {"substring": "abc", "start": 1, "length": 2}},
        ),
        (
            {"lambda": "a", "expr": {"object": {"@obj": {"@x": 1}}}},
            {"lambda": "a", "expr": {"object": {"@obj": {"@x": 1}}}},
        ),
    ],
)
def test_lambdas_print_their_normalised_source(db, query, shown):
    assert db.wire(json.dumps({"query": query})) == {"@query": {"api_version": "4", **shown}}


def test_captured_variables_become_a_let_around_the_body(db):
    query = {
        "let": {"y": 5, "z": 6},
        "in": {"query": {"lambda": "x", "expr": {"add": [{"var": "x"}, {"var": "y"}]}}},
    }
    assert db.wire(json.dumps(query)) == {
        "@query": {
            "api_version": "4",
            "lambda": "x",
            "expr": {"let": {"y": 5}, "in": {"add": [{"var": "x"}, {"var": "y"}]}},
        }
    }


def test_effects_are_checked_when_reached(db):
    for query in ({"if": False, "then": {"new_id": None}, "else": 1}, {"add": [1, 2]}):
        response = db.send("GET", "/", query="q=" + json.dumps(query).replace("+", "%2B"))
        assert response.status == 200
    response = db.send("GET", "/", query='q={"new_id":null}')
    error = json.loads(response.body)["errors"][0]
    assert error == {
        "position": [],
        "code": "invalid expression",
        "description": "Call performs a write, which is not allowed in get requests.",
    }
