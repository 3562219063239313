"""Stored text: every value comes back as it was, and so do the literals in stored lambdas."""

from __future__ import annotations

import json
import math
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.java.times import Date, Time
from faunadb.engine.language import codec
from faunadb.engine.language import values as v
from faunadb.engine.language.equality import identical

SCOPE = 7
REFS = st.builds(
    v.Ref, st.sampled_from([SCOPE, SCOPE + 1]), st.integers(0, 2000), st.integers(-(2**63), 2**63 - 1)
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary(),
    st.uuids(), REFS, st.builds(Time, st.integers(-(10**10), 10**11), st.integers(0, 999_999_999)),
    st.builds(Date, st.integers(-(10**6), 10**6)),
)  # fmt: skip
#: Names that begin like escapes are the ones that might be mistaken for them.
NAMES = st.one_of(
    st.text(max_size=4), st.sampled_from(["@ref", "@ts", "@obj", "@:ref", "@:double", "@", "@x"])
)
STORABLE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)


@settings(max_examples=200)
@given(STORABLE)
def test_values_come_back(value):
    assert identical(codec.decode_value(codec.encode_value(value, scope=SCOPE), SCOPE), value)


@settings(max_examples=50)
@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["Ll"])), STORABLE, max_size=4))
def test_fields_come_back(fields):
    assert identical(codec.decode_fields(codec.encode_fields(fields, 0, SCOPE), SCOPE), fields)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_doubles_that_json_has_not(number):
    got = codec.decode_value(codec.encode_value([number]), SCOPE)
    assert repr(got) == repr([number])


def test_doubles_stay_doubles():
    got = codec.decode_value(codec.encode_value([1, 1.0, -0.0]), SCOPE)
    assert repr(got) == "[1, 1.0, -0.0]"


def test_the_pending_time_is_the_time_it_stands_for():
    fields = {"micros": v.PENDING, "time": v.PENDING_AS_TIME}
    got = codec.decode_fields(codec.encode_fields(fields, 1_500_000), SCOPE)
    assert got == {"micros": 1_500_000, "time": Time(1, 500_000_000)}


def test_kinds_that_are_stored_as_others():
    document = v.Document(v.Ref(SCOPE, 1024, 5), 3, {"data": {"a": 1}})
    page = v.Page([1], v.NO_CURSOR, [2], [[1]])
    event = v.DocumentEvent(3, v.CREATE, document.ref, {"data": {"a": 1}})
    got = codec.decode_value(codec.encode_value([document, page, event, v.UPDATE], scope=SCOPE), SCOPE)
    collection = v.Ref(SCOPE, v.COLLECTIONS, 1024)
    assert got == [
        {"ref": document.ref, "class": collection, "collection": collection, "ts": 3, "data": {"a": 1}},
        {"after": [2], "data": [1]},
        {"ts": 3, "action": "create", "resource": document.ref},
        "update",
    ]


def test_unknown_stored_forms_are_refused():
    with pytest.raises(ValueError, match="unknown stored form @:nope"):
        codec.decode_value('{"@:nope":1}', SCOPE)


C = {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}
MATCH = {"@set": {"documents": C}}
LITERALS = [
    1,
    1.5,
    1e300,
    -0.0,
    "text",
    None,
    [1, [None]],
    {"@ts": "2020-01-01T00:00:00Z"},
    {"@date": "2020-01-01"},
    {"@bytes": "YQ=="},
    {"@uuid": "00000001-0001-0001-0001-000000000001"},
    C,
    {"@ref": {"id": "1", "collection": C}},
    MATCH,
    {"@set": {"union": [MATCH, MATCH]}},
    {"quote": {"add": [1, 2]}},
    {"quote": {"@obj": {"@ts": 1}}},
    {"quote": [{"a": {"@ts": "2020-01-01T00:00:00Z"}}, {"let": {"x": 1}, "in": 2}]},
    {"object": {"a": {"quote": {"b": {"object": {}}}}}},
    {"object": {"@obj": {"@ref": 1}}},
    {"query": {"lambda": ["a", "_"], "expr": {"var": "a"}}},
    {"@query": {"lambda": "x", "expr": {"and": [True, True]}}},
    {"let": [{"x": 1}, {"x": [{"var": "x"}]}], "in": {"var": "x"}},
    {"let": {"@obj": {"@x": 1}}, "in": {"var": "@x"}},
    {"to_double": "NaN"},
]


@pytest.mark.parametrize("literal", LITERALS, ids=lambda literal: json.dumps(literal)[:60])
@pytest.mark.parametrize("how", ["written", "captured"])
def test_what_a_stored_lambda_gives_is_what_it_was_written_with(db, literal, how):
    db.wire({"create_collection": {"object": {"name": "c"}}})
    fn = {"query": {"lambda": "_", "expr": literal}}
    if how == "captured":
        fn = {"let": {"x": literal}, "in": {"query": {"lambda": "_", "expr": {"var": "x"}}}}
    db.wire(json.dumps({"create_function": {"object": {"name": "f", "body": fn}}}))
    direct = json.loads(db.raw(json.dumps(literal)).body)
    assert json.loads(db.raw('{"call": "f"}').body) == direct
    kinds = [{"to_string": {"is_lambda": {"call": "f"}}}, {"to_string": {"is_set": {"call": "f"}}}]
    assert db.wire(kinds) == db.wire(
        json.dumps([{"to_string": {test: literal}} for test in ("is_lambda", "is_set")])
    )


def test_uuids_are_uuids():
    number = uuid.UUID(int=5)
    assert codec.decode_value(codec.encode_value(number), SCOPE) == number
