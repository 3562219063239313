"""Equality and order of values (evaluation rules, "equals" and "Ordering")."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.engine import open_engine
from faunadb.engine.indexes import keys
from faunadb.engine.java.times import Date, Time
from faunadb.engine.language.equality import EqualityClasses, equal, identical
from faunadb.engine.language.values import Ref

from ..conftest import Database

DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
ALL = {"match": {"index": "all"}}


def terms(*values):
    return {"match": {"index": "by"}, "terms": list(values)}


NAN = {"to_double": "NaN"}
INFINITY = {"multiply": [1e308, 10.0]}


def obj(**fields):
    return {"object": fields}


def written(body, **captured):
    fn = {"query": {"lambda": "x", "expr": body}}
    return {"let": captured, "in": fn} if captured else fn


def action(number, of):
    return {"select": ["data", number, "action"], "from": {"paginate": {"events": of}}}


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        field = {"object": {"field": ["data", "a"]}}
        for query in (
            {"create_collection": {"object": {"name": "c"}}},
            {"create_index": {"object": {"name": "all", "source": {"collection": "c"}}}},
            {"create_index": {"object": {"name": "by", "source": {"collection": "c"}, "terms": [field]}}},
            {"create": DOCUMENT, "params": {"object": {"data": {"object": {"a": 1}}}}},
            {"update": DOCUMENT, "params": {"object": {"data": {"object": {"a": 2}}}}},
            {"create": {"ref": {"collection": "c"}, "id": "2"}},
            {"delete": {"ref": {"collection": "c"}, "id": "2"}},
        ):
            database.wire(query)
        yield database


PAIRS = [
    (1, 1.0, True),
    (1, 2, False),
    ("1", 1, False),
    (0.0, -0.0, False),
    (0, 0.0, True),
    (0, -0.0, False),
    (NAN, NAN, True),
    ([NAN], [NAN], False),
    ([0.0], [-0.0], True),
    ([1], [1.0], False),
    (obj(a=1), obj(a=1.0), False),
    (obj(a=1, b=2), obj(b=2, a=1), True),
    (obj(a=1), obj(a=1, b=None), False),
    ([], obj(), False),
    (None, None, True),
    (None, False, False),
    (9007199254740993, 9007199254740992.0, True),
    (9223372036854775807, 9.223372036854775807e18, True),
    ({"@bytes": "YQ=="}, {"@bytes": "YQ"}, True),
    ({"time": "2020-01-01T00:00:00Z"}, {"@ts": "2020-01-01T00:00:00.000+00:00"}, True),
    ({"date": "2020-01-01"}, {"time": "2020-01-01T00:00:00Z"}, False),
    ({"@uuid": "1-1-1-1-1"}, {"@uuid": "01-01-01-01-01"}, True),
    ({"collection": "x"}, {"collection": "x"}, True),
    ({"collection": "x"}, {"collection": "y"}, False),
    ({"collection": "x"}, {"index": "x"}, False),
    ({"collection": "x"}, 1, False),
    (DOCUMENT, DOCUMENT, True),
    (DOCUMENT, {"ref": {"collection": "c"}, "id": "2"}, False),
    (ALL, ALL, True),
    (ALL, {"union": ALL}, False),
    ({"union": [ALL, terms(1)]}, {"union": [ALL, terms(1)]}, True),
    ({"union": [ALL, terms(1)]}, {"union": [terms(1), ALL]}, False),
    (terms(1), {"match": 1, "index": {"index": "by"}}, True),
    (terms(1), terms(1.0), False),
    ({"get": DOCUMENT}, {"get": DOCUMENT}, True),
    ({"get": DOCUMENT}, {"merge": {"get": DOCUMENT}, "with": obj()}, False),
    ({"paginate": ALL}, {"paginate": ALL}, True),
    ({"paginate": ALL}, obj(data=[DOCUMENT]), False),
    (written(1), written(1), True),
    (written(1), written(1.0), False),
    (written(True), written(1), False),
    (written(1), {"query": {"lambda": "y", "expr": 1}}, False),
    (written([{"var": "x"}]), written([{"var": "x"}]), True),
    (written({"add": 1}), written({"add": 1}), False),
    (written({"var": "a"}, a=1), written({"var": "a"}, a=1), True),
    (written({"var": "a"}, a=1), written({"var": "a"}, a=1.0), False),
    # actions
    (action(0, DOCUMENT), "create", True),
    (action(0, DOCUMENT), "update", False),
    (action(0, DOCUMENT), "add", False),
    (action(0, DOCUMENT), "delete", False),
    ([action(0, DOCUMENT)], ["create"], False),
    (action(0, DOCUMENT), action(0, DOCUMENT), True),
    (action(1, DOCUMENT), "create", True),
    (action(1, DOCUMENT), "update", True),
    (action(1, DOCUMENT), "delete", False),
    (action(0, ALL), "add", True),
    (action(0, ALL), "create", True),
    (action(0, ALL), "remove", False),
    (action(0, ALL), action(0, DOCUMENT), False),
    (action(2, ALL), "remove", True),
    (action(2, ALL), "delete", True),
    (action(2, ALL), "create", False),
]


@pytest.mark.parametrize(("a", "b", "value"), PAIRS, ids=[json.dumps(case[:2])[:70] for case in PAIRS])
def test_equals(stocked, a, b, value):
    assert stocked.wire(json.dumps({"equals": [a, b]})) is value
    assert stocked.wire(json.dumps({"equals": [b, a]})) is value


@pytest.mark.parametrize(
    ("operands", "value"),
    [
        (1, True),
        ([1], True),
        ([1, 1.0, 1], True),
        ([1, 2, 1], False),
        ({"collection": "no"}, True),
        ([[]], True),
    ],
)
def test_every_operand_is_compared_with_the_first(stocked, operands, value):
    assert stocked.wire(json.dumps({"equals": operands})) is value


def test_what_a_create_returned_is_not_what_get_reads(stocked):
    created = {"create": {"collection": "c"}}
    both = [{"var": "new"}, {"get": {"select": "ref", "from": {"var": "new"}}}]
    query = {"let": {"new": created}, "in": {"equals": both}}
    assert stocked.wire(query) is False


def test_lambdas_of_one_body_are_equal_when_what_they_captured_is(stocked):
    made = {
        "map": {"lambda": "a", "expr": {"query": {"lambda": "x", "expr": {"add": [{"var": "a"}, 1]}}}},
        "collection": [1, 1.0, 1],
    }
    parts = {f"f{place}": {"select": place, "from": {"var": "all"}} for place in range(3)}
    pairs = [{"equals": [{"var": "f0"}, {"var": name}]} for name in parts]
    assert stocked.wire({"let": {"all": made, **parts}, "in": pairs}) == [True, False, True]


@pytest.mark.parametrize(("version", "value"), [("4", True), ("5", False)])
def test_actions_are_exact_from_version_5_on(stocked, version, value):
    query = json.dumps({"equals": [action(1, DOCUMENT), "create"]})
    assert stocked.wire(query, headers={"x-faunadb-api-version": version}) is value


# Order

PENDING = {"select": "ts", "from": {"update": DOCUMENT}}
ASCENDING = [
    {"subtract": [0, INFINITY]}, -9223372036854775808, -1.5, -1, -0.0, 0.0, 0.5, 1, 2, 9223372036854775807, INFINITY, NAN,
    {"@bytes": ""}, {"@bytes": "YQ=="}, {"@bytes": "YWE="}, {"@bytes": "/w=="},
    "", "_", "-", "a", "A", "abc", "abD", "b", "B", "ba",
    [], [1], [1, 1], [2], [[]],
    obj(), obj(a=1), obj(a=1, b=1), obj(a=2), obj(b=1),
    {"databases": None}, DOCUMENT, {"ref": {"collection": "c"}, "id": "2"}, {"ref": {"collection": "c"}, "id": "-1"},
    {"time": "2020-01-01T00:00:00Z"}, {"time": "2020-01-01T00:00:00.000000001Z"},
    {"date": "2020-01-01"}, {"date": "2020-01-02"},
    written(1),
    PENDING,
    {"@uuid": "1-1-1-1-1"}, {"@uuid": "f0000000-1-1-1-1"},
    False, True,
    None,
]  # fmt: skip


def undone(query):
    """A query whose writes are of no use to anybody."""
    return json.dumps({"let": {"value": query}, "in": {"var": "value"}})


def test_the_order_of_all_kinds(stocked):
    assert stocked.wire(undone({"lt": ASCENDING})) is True
    assert stocked.wire(undone({"gt": ASCENDING[::-1]})) is True
    assert stocked.wire(undone({"max": ASCENDING})) is None
    assert stocked.wire(undone({"min": ASCENDING})) == "-Infinity"


@pytest.mark.parametrize("place", range(len(ASCENDING) - 1))
def test_neighbours_in_order(stocked, place):
    pair = {"a": ASCENDING[place], "b": ASCENDING[place + 1]}
    a, b = {"var": "a"}, {"var": "b"}
    tests = [
        {"lt": [a, b]},
        {"lte": [a, b]},
        {"gt": [a, b]},
        {"gte": [a, b]},
        {"lt": [b, a]},
        {"lte": [a, a]},
    ]
    assert stocked.wire(json.dumps({"let": pair, "in": tests})) == [True, True, False, False, False, True]


@pytest.mark.parametrize("pair", [[0, 0.0], [1, 1.0], [9007199254740992.0, 9007199254740993], [-1, -1.0]])
def test_numbers_that_are_neither_less_nor_greater(stocked, pair):
    assert stocked.wire([{"lt": pair}, {"gt": pair}, {"lte": pair}, {"gte": pair}]) == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("key", ["lt", "lte", "gt", "gte"])
def test_errors_of_comparisons(stocked, key):
    assert stocked.wire({key: 5}) is True
    assert stocked.error({key: []})["description"] == "Non-empty array expected."
    _, errors = stocked.failure({key: [1, {"collection": "x"}, {"index": "y"}]})
    assert errors == [
        {"position": [key], "code": "invalid ref", "description": f"Ref refers to undefined {what}"}
        for what in ("collection 'x'", "index 'y'")
    ]


#: Where the original fails inside, ours says what has no place in the order of values.
NOT_IN_ORDER = [
    ([{"collection": "x"}], "invalid ref", "Ref refers to undefined collection 'x'"),
    (
        {"reverse": {"documents": {"collection": "c"}}},
        "invalid argument",
        "Sets made with range, reverse or singleton cannot be stored or compared.",
    ),
]


@pytest.mark.parametrize("key", ["lt", "lte", "gt", "gte", "max", "min"])
@pytest.mark.parametrize(("value", "code", "description"), NOT_IN_ORDER)
def test_values_that_have_no_order(stocked, key, value, code, description):
    error = stocked.error([1, {key: [[1], value]}])
    assert error == {"position": [1, key], "code": code, "description": description}


# Laws

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5), st.binary(max_size=5),
    st.builds(lambda number: Ref(1, 1024, number), st.integers(0, 5)),
    st.builds(Time, st.integers(-5, 5), st.integers(0, 3)), st.builds(Date, st.integers(-5, 5)),
)  # fmt: skip
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)


def has_nan(value):
    if isinstance(value, dict):
        return any(map(has_nan, value.values()))
    return any(map(has_nan, value)) if isinstance(value, list) else value != value


@settings(max_examples=100)
@given(ANY)
def test_a_value_is_itself_but_for_nan(value):
    assert identical(value, value) is not has_nan(value)


@settings(max_examples=100)
@given(ANY, ANY)
def test_equality_is_symmetric_and_order_is_not(a, b):
    assert identical(a, b) is identical(b, a)
    assert equal(a, b) is equal(b, a)
    assert keys.compare(a, b) == -keys.compare(b, a)


@settings(max_examples=100)
@given(st.lists(ANY, max_size=12))
def test_classes_number_values_as_identity_tells(values):
    classes = EqualityClasses()
    numbers = list(map(classes.number, values))
    for i, a in enumerate(values):
        for j in range(i):
            assert (numbers[i] == numbers[j]) is identical(a, values[j])


@settings(max_examples=100)
@given(ANY, ANY, ANY)
def test_the_order_is_transitive(a, b, c):
    one, two, three = sorted((a, b, c), key=keys.encode)
    assert keys.compare(one, two) <= 0
    assert keys.compare(two, three) <= 0
    assert keys.compare(one, three) <= 0
