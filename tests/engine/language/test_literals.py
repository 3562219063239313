"""Escapes: times, dates, bytes, UUIDs, objects, quoted data and sets (evaluation rules, "Escapes in expression position")."""

from __future__ import annotations

import json

import pytest

from faunadb.engine.engine import open_engine

from ..conftest import Database

INVALID = "invalid expression"
INDEX = {"@ref": {"id": "i", "collection": {"@ref": {"id": "indexes"}}}}
MATCH = {"@set": {"match": INDEX}}
COLLECTION = {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}


def keys(*names):
    return f"No form/function found, or invalid argument keys: {{ {', '.join(names)} }}."


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        database.wire({"create_collection": {"object": {"name": "c"}}})
        database.wire({"create_index": {"object": {"name": "i", "source": {"collection": "c"}}}})
        yield database


TIMES = {
    "2020-01-01T00:00Z": "2020-01-01T00:00:00Z",
    "2020-01-01T00:00:00.1Z": "2020-01-01T00:00:00.100Z",
    "2020-01-01T00:00:00.1234Z": "2020-01-01T00:00:00.123400Z",
    "2020-01-01T00:00:00.123456789Z": "2020-01-01T00:00:00.123456789Z",
    "2020-01-01T00:00:00+0130": "2019-12-31T22:30:00Z",
    "2020-01-01T00:00:00+01:30:10": "2019-12-31T22:29:50Z",
    "2020-01-01T00:00:00-18:00": "2020-01-01T18:00:00Z",
    "9999-12-31T23:59:59.999999999Z": "9999-12-31T23:59:59.999999999Z",
    "-999999999-01-01T00:00:00Z": "-999999999-01-01T00:00:00Z",
}


@pytest.mark.parametrize("text", TIMES)
def test_times(stocked, text):
    assert stocked.wire({"@ts": text}) == {"@ts": TIMES[text]}


@pytest.mark.parametrize(
    "text",
    ["", "now", "2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00:00Z", "2020-01-01T00Z", "2020-13-01T00:00:00Z",
     "2020-01-32T00:00:00Z", "2020-01-01T23:60:00Z", "2020-01-01T23:59:60Z", "2020-01-01T24:00:01Z", "2020-1-1T00:00:00Z",
     "2020-01-01T00:00:00.1234567890Z", "10000-01-01T00:00:00Z", " 2020-01-01T00:00:00Z", "2020-01-01T00:00:00+19:00",
     "\uff12020-01-01T00:00:00Z", "-1000000000-01-01T00:00:00Z"],
)  # fmt: skip
def test_no_times(stocked, text):
    assert stocked.error({"@ts": text})["description"] == "Invalid time."


@pytest.mark.parametrize("text", ["2020-02-29", "0000-01-01", "-0001-01-01", "+10000-01-01", "-999999999-01-01", "+999999999-12-31"])  # fmt: skip
def test_dates(stocked, text):
    assert stocked.wire({"@date": text}) == {"@date": text}


@pytest.mark.parametrize("text", ["", "2020-1-1", "20200101", "2020-02-30", "10000-01-01", "2020-01-01T00:00:00Z", "+1000000000-01-01"])  # fmt: skip
def test_no_dates(stocked, text):
    assert stocked.error({"@date": text})["description"] == "Invalid date."


@pytest.mark.parametrize(
    ("text", "shown"), [("", ""), ("YQ==", "YQ=="), ("YQ", "YQ=="), ("YQ=", "YQ=="), ("-_-_", "+/+/"), ("+/-_", "+/+/")]
)  # fmt: skip
def test_bytes(stocked, text, shown):
    assert stocked.wire({"@bytes": text}) == {"@bytes": shown}


@pytest.mark.parametrize("text", ["Y", "Y===", "!!!!", "YQ==YQ==", "Y Q="])
def test_malformed_bytes_are_an_internal_error(stocked, text):
    status, body = stocked.body({"@bytes": text})
    assert (status, body["errors"][0]["code"]) == (500, "internal server error")


KINDS = {
    "@obj": ("object", [1, None, True, 1.5, [], "x"]),
    "@ref": ("ref", [1, None, True, 1.5, []]),
    "@set": ("set", [1, None, True, 1.5, [], {}, "x"]),
    "@ts": ("time", [1, None, True, 1.5, [], {}]),
    "@date": ("date", [1, None, True, 1.5, [], {}]),
    "@bytes": ("bytes", [1, None, True, 1.5, [], {}]),
    "@uuid": ("UUID", [1, None, True, 1.5, [], {}, "", "x", "1-2-3-4", "123456789-2-3-4-5"]),
    "@query": ("lambda", [1, None, True, 1.5, [], {}, "x", {"lambda": "x"}, {"expr": 1}]),
}


@pytest.mark.parametrize(
    ("key", "content"), [(key, value) for key, (_, values) in KINDS.items() for value in values]
)
def test_escapes_of_the_wrong_kind(stocked, key, content):
    name = KINDS[key][0]
    expected = {"position": [], "code": INVALID, "description": f"Invalid {name}."}
    assert stocked.error(json.dumps({key: content})) == expected
    if key != "@obj":  # its content would be the fields
        assert stocked.error(json.dumps({"object": {key: content}})) == {**expected, "position": ["object"]}
    assert stocked.error(json.dumps([{"quote": {"a": {key: content}}}])) == {
        **expected,
        "position": [0, "quote", "a"],
    }


RESULTS = [
    ({"object": {}}, {}),
    ({"object": {"@foo": 1, "@bar": 2}}, {"@obj": {"@foo": 1, "@bar": 2}}),
    ({"object": {"@ts": 1, "a": 2}}, {"@obj": {"@ts": 1, "a": 2}}),
    ({"object": {"@obj": {"@ts": 1, "b": {"add": [1, 1]}}}}, {"@obj": {"@ts": 1, "b": 2}}),
    ({"object": {"a": None}}, {"a": None}),
    ({"@obj": {"@obj": {"add": [1, 2]}}}, 3),
    ({"@obj": {"object": {"a": 1}}}, {"a": 1}),
    ({"@obj": {"@date": "2020-01-01"}}, {"@date": "2020-01-01"}),
    ({"quote": {"object": {"a": 1}}}, {"object": {"a": 1}}),
    ({"quote": {"var": "x"}}, {"var": "x"}),
    ({"quote": {"a": {"add": [1, 2]}, "x": [{"get": 1}]}}, {"a": {"add": [1, 2]}, "x": [{"get": 1}]}),
    ({"quote": {"@obj": {"@ts": 1}}}, {"@obj": {"@ts": 1}}),
    ({"quote": {"@foo": 1}}, {"@obj": {"@foo": 1}}),
    ({"quote": {"@date": "2020-01-01", "x": 1}}, {"@obj": {"@date": "2020-01-01", "x": 1}}),
    ({"quote": [{"@uuid": "A-0-0-0-1"}, None]}, [{"@uuid": "0000000a-0000-0000-0000-000000000001"}, None]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "shown"), RESULTS, ids=[json.dumps(case[0]) for case in RESULTS])
def test_objects_and_quoted_data(stocked, query, shown):
    assert stocked.wire(json.dumps(query)) == shown


ERRORS = [
    ({"object": None}, ["object"], "Object expected, Null provided."),
    ({"object": []}, ["object"], "Object expected, Array provided."),
    ({"object": {"@obj": {"a": {"x": 1}}}}, ["object", "a"], keys("x")),
    ({"object": {"@obj": {"@obj": {"a": 1}}}}, ["object", "@obj"], keys("a")),
    ({"object": {"@ref": {"id": "keys"}}}, [], "Object expected, Collection Ref provided."),
    ({"object": {"@query": {"lambda": "x", "expr": 1}}}, [], "Object expected, Lambda provided."),
    ({"object": {"@query": {"lambda": "x", "expr": {"x": 1}}}}, ["object", "expr"], keys("x")),
    ({"object": {"@set": {"events": 1}}}, ["object", "events"], "Ref or Set expected, Integer provided."),
    ({"object": MATCH}, [], "Object expected, Set provided."),
    ({"@obj": {"@obj": {"a": [1, 2]}}}, ["@obj", "@obj"], keys("a")),
    ({"@obj": {"@ts": "x"}}, ["@obj"], "Invalid time."),
    ({"quote": {"a": [{"@obj": {"b": {"@ts": 1}}}]}}, ["quote", "a", 0, "b"], "Invalid time."),
    ({"quote": [{"@ts": 1}, {"@ts": 2}]}, ["quote", 0], "Invalid time."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(case[0])[:60] for case in ERRORS]
)
def test_errors_in_objects_and_quoted_data(stocked, query, position, description):
    expected = {"position": position, "code": INVALID, "description": description}
    assert stocked.error(json.dumps(query)) == expected


LAMBDA = {"lambda": "x", "expr": {"singleton": {"var": "x"}}}
SETS = [
    ({"match": INDEX}, {"match": INDEX}),
    ({"match": "i"}, {"match": INDEX}),
    ({"match": INDEX, "terms": ["a"]}, {"match": INDEX, "terms": "a"}),
    ({"terms": "a", "match": INDEX}, {"match": INDEX, "terms": "a"}),
    ({"match": "a", "index": INDEX}, {"match": INDEX, "terms": "a"}),
    ({"match": INDEX, "terms": {"add": [1, 2]}}, {"match": INDEX, "terms": {"add": [1, 2]}}),
    ({"singleton": COLLECTION}, {"singleton": COLLECTION}),
    ({"events": COLLECTION}, {"events": COLLECTION}),
    ({"documents": COLLECTION}, {"documents": COLLECTION}),
    ({"distinct": MATCH}, {"distinct": MATCH}),
    ({"reverse": MATCH}, {"reverse": MATCH}),
    ({"join": MATCH, "with": LAMBDA}, {"join": MATCH, "with": {"api_version": "4", **LAMBDA}}),
    (
        {"filter": {"lambda": "x", "expr": True}, "collection": MATCH},
        {"filter": {"api_version": "4", "lambda": "x", "expr": True}, "collection": MATCH},
    ),
    *(({name: MATCH}, {name: MATCH}) for name in ("union", "intersection", "difference")),
    *(({name: [MATCH, MATCH]}, {name: [MATCH, MATCH]}) for name in ("union", "intersection", "difference")),
]


@pytest.mark.parametrize(("content", "shown"), SETS, ids=[json.dumps(case[0])[:60] for case in SETS])
def test_sets(stocked, content, shown):
    assert stocked.wire(json.dumps({"@set": content})) == {"@set": shown}
    assert stocked.wire(json.dumps({"quote": [{"@set": content}]})) == [{"@set": shown}]


MAY_NOT = "Invalid lambda. Lambda in this context may not"
SET_ERRORS = [
    ({"match": INDEX, "terms": 1, "x": 1}, [], "Invalid set."),
    ({"union": MATCH, "x": 1}, [], "Invalid set."),
    ({"paginate": MATCH}, [], "Invalid set."),
    ({"match": 1}, ["match"], "Identifier expected, Integer provided."),
    ({"match": COLLECTION}, ["match"], "Identifier expected, Collection Ref provided."),
    ({"match": "nope"}, ["index"], "Ref refers to undefined index 'nope'"),
    ({"match": INDEX, "terms": {"@ref": {"id": 1.5}}}, ["terms", "id"], "String or Integer expected, Double provided."),
    ({"documents": 1}, ["documents"], "Collection Ref expected, Integer provided."),
    ({"distinct": [1]}, ["distinct"], "Set expected, Array provided."),
    ({"reverse": [1]}, ["reverse"], "Set expected, Array provided."),
    ({"range": 1, "from": 1, "to": 2}, ["range"], "Ref or Set expected, Integer provided."),
    ({"filter": {"lambda": "x", "expr": True}, "collection": [1]}, ["collection"], "Ref or Set expected, Array provided."),
    ({"filter": {"lambda": "x", "expr": {"call": "f"}}, "collection": MATCH}, ["filter"], f"{MAY_NOT} write or call a user function."),
    ({"filter": {"lambda": "x", "expr": {"y": 1}}, "collection": MATCH}, ["filter", "expr"], keys("y")),
    ({"filter": {"lambda": "x", "expr": {"var": "z"}}, "collection": MATCH}, ["filter"], "Invalid lambda."),
    ({"join": MATCH, "with": {"lambda": "x", "expr": {"get": {"var": "x"}}}}, ["with"], f"{MAY_NOT} read, write, or call a user function."),
    ({"join": MATCH, "with": {"@query": {"lambda": "x", "expr": 1}}}, ["with"], "Invalid lambda."),
    ({"join": MATCH, "with": 1}, ["with"], "Invalid lambda."),
    *(({name: []}, [name], "Non-empty array expected.") for name in ("union", "intersection", "difference")),
    *(({name: [[1], [2]]}, [name], "Set expected, Array provided.") for name in ("union", "intersection", "difference")),
    *(({name: [MATCH, 1]}, [name, 1], "Array, Set, or Page expected, Integer provided.") for name in ("union", "difference")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "position", "description"), SET_ERRORS, ids=[json.dumps(case[0])[:60] for case in SET_ERRORS]
)
def test_errors_in_sets(stocked, content, position, description):
    expected = {"position": [0, *position], "code": INVALID, "description": description}
    assert stocked.error(json.dumps([{"@set": content}])) == expected
