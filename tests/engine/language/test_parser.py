"""From JSON to expressions: key sets, escapes, literals, gathered parse errors (evaluation rules, "Query syntax")."""

from __future__ import annotations

import json

import pytest

INVALID = "invalid expression"


def keys(*names):
    return f"No form/function found, or invalid argument keys: {{ {', '.join(names)} }}."


BODIES = [
    ("", "No query provided."),
    ("{", "Request body is not valid JSON."),
    ("nope", "Request body is not valid JSON."),
    ("9223372036854775808", "Request body is not valid JSON."),
    ("-9223372036854775809", "Request body is not valid JSON."),
    ("[NaN]", "Request body is not valid JSON."),
    ("1 }", "Request body is not valid JSON."),
    ("1" * 1001, "Request body is not valid JSON."),
    ("[" * 1001 + "]" * 1001, "Request body JSON exceeds nesting limit."),
]


@pytest.mark.parametrize(("text", "description"), BODIES, ids=[text[:12] or "empty" for text, _ in BODIES])
def test_bodies_that_are_no_query(db, text, description):
    response = db.send("POST", "/", text.encode())
    assert response.status == 400
    assert json.loads(response.body) == {
        "errors": [{"position": [], "code": INVALID, "description": description}]
    }


VALUES = [
    ("1", 1),
    ("1.0", 1.0),
    ("1e2", 100.0),
    ("1e400", "Infinity"),
    ('"x" 2', "x"),
    ("[1, [true, null]]", [1, [True, None]]),
    ('{"object": {"a": 1, "a": 2}}', {"a": 1}),
    ('{"@obj": {"add": [1, 2]}}', 3),
    ('{"object": {"@obj": {"@x": 1}}}', {"@obj": {"@x": 1}}),
    ('{"object": {"@nope": 1}}', {"@obj": {"@nope": 1}}),
    (
        '{"quote": {"add": [1, {"@ts": "2020-01-01T00:00:00Z"}]}}',
        {"add": [1, {"@ts": "2020-01-01T00:00:00Z"}]},
    ),
    ('{"quote": {"@obj": {"x": {"@date": "2020-02-03"}}}}', {"x": {"@date": "2020-02-03"}}),
    ('{"@ts": "2020-01-01T00:00:00.000000001+01:00"}', {"@ts": "2019-12-31T23:00:00.000000001Z"}),
    ('{"@date": "-0001-01-01"}', {"@date": "-0001-01-01"}),
    ('{"@bytes": "-_-_"}', {"@bytes": "+/+/"}),
    ('{"@uuid": "1-2-3-4-5"}', {"@uuid": "00000001-0002-0003-0004-000000000005"}),
    ('"\\ud800"', "?"),
    ("[" * 999 + "1" + "]" * 999, None),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text[:40] for text, _ in VALUES])
def test_literals_and_escapes(db, text, value):
    response = db.send("POST", "/", text.encode())
    assert response.status == 200
    if value is not None:
        assert json.loads(response.body)["resource"] == value


def test_integers_and_doubles_stay_apart(db):
    assert db.raw("[1, 1.0, 1.5E300, 9223372036854775807]").body == (
        b'{"resource":[1,1.0,1.5E300,9223372036854775807]}'
    )


REFS = [
    ({"id": "databases"}, {"id": "databases"}),
    ("keys", {"id": "keys"}),
    ("classes", {"id": "collections"}),
    (
        {"id": "nope", "collection": {"@ref": {"id": "collections"}}},
        {"id": "nope", "collection": {"@ref": {"id": "collections"}}},
    ),
    (
        {"id": "nope", "class": {"id": "classes"}},
        {"id": "nope", "collection": {"@ref": {"id": "collections"}}},
    ),
    ({"id": 7, "collection": {"@ref": {"id": "keys"}}}, {"id": "7", "collection": {"@ref": {"id": "keys"}}}),
    ("indexes/nope", {"id": "nope", "collection": {"@ref": {"id": "indexes"}}}),
]


@pytest.mark.parametrize(("literal", "shown"), REFS, ids=[json.dumps(literal) for literal, _ in REFS])
def test_ref_literals_print_back(db, literal, shown):
    assert db.wire(json.dumps({"@ref": literal})) == {"@ref": shown}


COLLECTIONS = {"@ref": {"id": "collections"}}
ERRORS = [
    ({"foo": 1}, [], keys("foo")),
    ({}, [], "No form/function found, or invalid argument keys: {  }."),
    ({"get": 1, "tz": 2}, [], keys("get", "tz")),
    ({"lambda": "x", "expr": 1}, [], keys("lambda", "expr")),
    ([1, {"foo": 1}, {"bar": 1}], [1], keys("foo")),
    ({"@obj": {"a": 1}}, ["@obj"], keys("a")),
    ({"@obj": 1}, [], "Invalid object."),
    ({"@ref": 1}, [], "Invalid ref."),
    ({"@ref": "classes/self"}, [], "Invalid ref."),
    ({"@ref": "foo/bar"}, [], "Invalid ref."),
    ({"@ref": {"idx": "1"}}, [], "Ref expected, Object provided."),
    ({"@ref": {"id": 1.5}}, ["id"], "String or Integer expected, Double provided."),
    ({"@ref": {"id": "x", "collection": "c"}}, ["class"], "Ref expected, String provided."),
    ({"@ref": {"id": "x", "class": {"id": "keys"}}}, ["id"], None),
    (
        {"@ref": {"id": "x", "collection": {"@ref": {"id": "i", "collection": {"@ref": {"id": "indexes"}}}}}},
        ["class"],
        "Collection Ref expected, Index Ref provided.",
    ),
    ({"@ref": {"id": "x", "database": COLLECTIONS}}, ["database"], "Database Ref expected, Collection Ref provided."),
    ({"@ref": {"id": "x"}}, ["id"], "Valid native collection name expected, 'x' provided."),
    ({"@ref": {"id": 1}}, ["id"], "String expected, Number provided."),
    (
        {"@ref": {"id": "9" * 30, "collection": {"@ref": {"id": "keys"}}}},
        ["id"],
        f"The id provided is too large: '{'9' * 30}'",
    ),
    ({"@ref": {"id": "", "collection": {"@ref": {"id": "keys"}}}}, ["id"], "The id provided is too large: ''"),
    ({"@ref": {"id": "self", "collection": {"@ref": {"id": "keys"}}}}, [], "Invalid ref."),
    ({"@ts": "nope"}, [], "Invalid time."),
    ({"@ts": "10000-01-01T00:00:00Z"}, [], "Invalid time."),
    ({"@date": "2020-02-30"}, [], "Invalid date."),
    ({"@bytes": 1}, [], "Invalid bytes."),
    ({"@uuid": "x"}, [], "Invalid UUID."),
    ({"@set": 1}, [], "Invalid set."),
    ({"@set": {"match": 1, "foo": 2}}, [], "Invalid set."),
    ({"@set": {"match": 1}}, ["match"], "Identifier expected, Integer provided."),
    ({"@query": 1}, [], "Invalid lambda."),
    ({"@query": {"lambda": "x"}}, [], "Invalid lambda."),
    ({"@query": {"lambda": "x", "expr": 1, "api_version": "77"}}, [], "Invalid lambda."),
    ({"@query": {"lambda": "x", "expr": {"var": "y"}}}, [], "Invalid lambda."),
    ({"@query": {"lambda": "x", "expr": {"foo": 1}}}, ["expr"], keys("foo")),
    ({"@query": {"lambda": "x", "expr": {"contains_path": "a", "in": 1}}}, ["expr"], keys("contains_path", "in")),
    ({"object": 1}, ["object"], "Object expected, Integer provided."),
    ({"object": {"@ts": "2020-01-01T00:00:00Z"}}, [], "Object expected, Time provided."),
    ({"object": {"@ts": "x"}}, ["object"], "Invalid time."),
    ({"object": {"a": {"foo": 1}}}, ["object", "a"], keys("foo")),
    ({"quote": [{"@ts": 1}]}, ["quote", 0], "Invalid time."),
    ({"let": {"@ts": "2020-01-01T00:00:00Z"}, "in": 1}, [], "Object expected, Time provided."),
    ({"let": 1, "in": 2}, ["let"], "Array expected, Integer provided."),
    ({"let": [{"a": 1, "b": 2}], "in": 2}, ["let", 0], "Object expected, Object provided."),
    ({"do": 1}, ["do"], "Array expected, Integer provided."),
    ({"do": []}, ["do"], "Expression list cannot be empty."),
    ({"and": []}, ["and"], "Expression list cannot be empty."),
    ({"or": []}, ["or"], "Expression list cannot be empty."),
    ({"var": 1}, ["var"], "String expected, Integer provided."),
    ({"var": "x"}, [], "Variable 'x' is not defined."),
    ({"map": 1, "collection": []}, ["map"], "Lambda expected, Integer provided."),
    ({"map": {"var": "x"}, "collection": []}, ["map"], keys("var")),
    ({"map": {"lambda": 1, "expr": 1}, "collection": []}, ["map", "lambda"], "String or Array expected, Integer provided."),
    ({"join": {"foo": 1}, "with": 1}, ["join"], keys("foo")),
    ({"join": 1, "with": {"foo": 1}}, ["with"], keys("foo")),
    ({"merge": {"object": {}}, "with": [], "lambda": 1}, ["lambda"], "Lambda expected, Integer provided."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(e[0])[:70] for e in ERRORS]
)
def test_parse_errors(db, query, position, description):
    status, errors = db.failure(json.dumps(query))
    assert status == 400
    assert errors[0]["position"] == position
    assert errors[0]["code"] == INVALID
    if description is not None:
        assert errors[0]["description"] == description
    assert len(errors) == 1


GATHERED = [
    # every failing binding of let, then the body
    (
        {"let": {"a": {"foo": 1}, "b": 1, "c": {"bar": 1}}, "in": {"baz": 1}},
        [(["let", "a"], keys("foo")), (["let", "c"], keys("bar")), (["in"], keys("baz"))],
    ),
    # a lambda's pattern, then its body
    (
        {"query": {"lambda": ["a", 1, 2.0], "expr": {"foo": 1}}},
        [
            (["query", "lambda", 1], "String expected, Integer provided."),
            (["query", "lambda", 2], "String expected, Double provided."),
            (["query", "expr"], keys("foo")),
        ],
    ),
    # unbound variables only when nothing else is wrong, one error each
    (
        [{"var": "x"}, {"var": "y"}, {"var": "x"}],
        [
            ([0], "Variable 'x' is not defined."),
            ([1], "Variable 'y' is not defined."),
            ([2], "Variable 'x' is not defined."),
        ],
    ),
    ([{"var": "x"}, {"foo": 1}], [([1], keys("foo"))]),
]


@pytest.mark.parametrize(("query", "expected"), GATHERED)
def test_gathered_parse_errors(db, query, expected):
    _, errors = db.failure(json.dumps(query))
    assert [(error["position"], error["description"]) for error in errors] == expected


def test_malformed_base64_is_an_internal_error(db):
    status, body = db.body('{"@bytes": "a"}')
    assert status == 500
    assert body["errors"][0]["code"] == "internal server error"


def test_nothing_runs_when_something_does_not_parse(db):
    db.failure('[{"create_collection": {"object": {"name": "c"}}}, {"foo": 1}]')
    assert db.wire('{"exists": {"collection": "c"}}') is False


@pytest.mark.parametrize("depth", [50, 300, 990])
def test_deep_queries_evaluate_whatever_the_recursion_limit(db, depth):
    query = "1"
    for _ in range(depth):
        query = '{"not":{"not":true}}' if query == "1" else f"[{query}]"
    assert db.raw(query).status == 200
    nested = '{"add":[1,' * (depth // 2) + "1" + "]}" * (depth // 2)
    assert db.wire(nested) == depth // 2 + 1


def test_every_malformed_binding_of_let_is_reported(db):
    query = {"let": [{"a": {"foo": 1}}, 5, {"b": {"bar": 1}}, {}, {"x": 1, "y": 2}], "in": {"baz": 1}}
    _, errors = db.failure(json.dumps(query))
    assert [(error["position"], error["description"]) for error in errors] == [
        (["let", 0, "a"], keys("foo")),
        (["let", 1], "Object expected, Integer provided."),
        (["let", 2, "b"], keys("bar")),
        (["let", 3], "Object expected, Object provided."),
        (["let", 4], "Object expected, Object provided."),
        (["in"], keys("baz")),
    ]


WIDE = json.dumps([1] * 100_001)


@pytest.mark.parametrize(
    "query",
    [
        WIDE,
        f"[{WIDE}, 2]",
        f'{{"object": {{"a": [{WIDE}]}}}}',
        f'{{"add": {WIDE}}}',
        f'{{"map": {{"lambda": "x", "expr": 1}}, "collection": {{"quote": {WIDE}}}}}',
        f'{{"foreach": {{"lambda": "x", "expr": 1}}, "collection": {{"quote": {WIDE}}}}}',
        f'{{"filter": {{"lambda": "x", "expr": true}}, "collection": {{"quote": {WIDE}}}}}',
    ],
    ids=lambda query: query.replace(WIDE, "wide"),
)
def test_the_width_of_arrays_is_limited(db, query):
    status, body = db.body(query)
    text = "Query exceeds max width. Max: 100000, current: 100352."
    assert (status, body) == (400, {"errors": [{"code": "bad request", "description": text}]})


def test_quoted_arrays_may_be_wide(db):
    assert len(db.wire(f'{{"quote": {WIDE}}}')) == 100_001
