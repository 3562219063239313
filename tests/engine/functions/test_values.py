"""Numbers, comparison, times, conversions, type tests, objects and arrays, row by row of the value functions chapter."""

from __future__ import annotations

import json

import pytest

MIN, MAX = -(2**63), 2**63 - 1
NAN = {"to_double": "NaN"}
INF = {"divide": [1.0, {"pow": 0, "exp": 1}]}


def ts(text):
    return {"@ts": text}


EPOCH = ts("1970-01-01T00:00:00Z")

NUMBERS = [
    ({"add": [1, 2]}, "3"),
    ({"add": 5}, "5"),
    ({"add": [MAX, 1]}, str(MIN)),
    ({"add": [1, 2.0]}, "3.0"),
    ({"subtract": [MIN, 1]}, str(MAX)),
    ({"multiply": [MAX, 2]}, "-2"),
    ({"divide": [5, 2, 2.0]}, "1.0"),
    ({"divide": [-7, 2]}, "-3"),
    ({"divide": [MIN, -1]}, str(MIN)),
    ({"divide": 0}, "0"),
    ({"modulo": [-7, 3]}, "-1"),
    ({"modulo": [-7.5, 2]}, "-1.5"),
    ({"bitand": [6, 3]}, "2"),
    ({"bitor": [6.9, 3]}, "7.0"),
    ({"bitxor": [6, 3]}, "5"),
    ({"bitnot": 7.9}, "-8"),
    ({"abs": MIN}, str(MIN)),
    ({"abs": -1.5}, "1.5"),
    ({"ceil": -0.1}, "-0.0"),
    ({"floor": 5}, "5"),
    ({"sign": 0}, "0"),
    ({"sign": -0.0}, "1"),
    ({"sqrt": 0}, "0.0"),
    ({"round": -5.678}, "-5.67"),
    ({"round": -5.672, "precision": 2}, "-5.66"),
    ({"round": -2.7, "precision": 0}, "-2.0"),
    ({"round": -556, "precision": -1}, "-550"),
    ({"round": 555.666, "precision": -2}, "600.0"),
    ({"round": 49, "precision": -2}, "0"),
    ({"round": 50, "precision": -2}, "100"),
    ({"round": 2.5, "precision": 0}, "3.0"),
    ({"round": 1e300, "precision": 2}, "9.315605757223324E18"),
    ({"round": NAN, "precision": 2}, "0.0"),
    ({"trunc": 1234.5678, "precision": -1}, "1230.0"),
    ({"trunc": -1299, "precision": -2}, "-1200"),
    ({"exp": 1000}, '"Infinity"'),
    ({"pow": 2}, "4.0"),
    ({"pow": 0, "exp": -1}, '"Infinity"'),
    ({"pow": -8, "exp": {"divide": [1.0, 3]}}, '"NaN"'),
    ({"hypot": 3, "b": 4}, "5.0"),
    ({"degrees": 1}, "57.29577951308232"),
    ({"acos": 1}, "0.0"),
    ({"log": 1000}, "3.0"),
    (1e7, "1.0E7"),
    (9999999.0, "9999999.0"),
    (0.000999, "9.99E-4"),
    (123456789.125, "1.23456789125E8"),
    (1e21, "1.0E21"),
    (5e-324, "4.9E-324"),
]


@pytest.mark.parametrize(("query", "text"), NUMBERS, ids=[json.dumps(query)[:60] for query, _ in NUMBERS])
def test_numbers_and_their_text(db, query, text):
    assert db.raw(json.dumps(query)).body.decode() == f'{{"resource":{text}}}'


RESULTS = [
    ({"equals": [1, 1.0]}, True),
    ({"equals": [[1], [1.0]]}, False),
    ({"equals": [NAN, NAN]}, True),
    ({"equals": [0, -0.0]}, False),
    ({"equals": [{"object": {"a": 1, "b": 2}}, {"object": {"b": 2, "a": 1}}]}, True),
    ({"equals": [True, 1]}, False),
    ({"equals": "x"}, True),
    ({"lt": [1, 2, 3]}, True),
    ({"lt": [1, 3, 2]}, False),
    ({"lte": [1, 1.0, 1]}, True),
    ({"lt": ["a", "B"]}, True),
    ({"lt": ["abc", "abD"]}, True),
    ({"lt": ["a", "A"]}, True),
    ({"lt": [-0.0, 0.0]}, True),
    ({"lt": [1, "a", [1], {"object": {}}, EPOCH, {"@date": "1970-01-01"}, False, True, None]}, True),
    ({"gt": [None, True]}, True),
    ({"not": False}, True),
    ({"contains_path": ["a", 0], "in": {"object": {"a": [None]}}}, True),
    ({"contains": "b", "in": {"object": {"a": 1}}}, False),
    ({"contains_path": [], "in": 1}, True),
    ({"contains_field": "a", "in": 5}, False),
    ({"contains_value": 1, "in": [1.0]}, False),
    ({"contains_value": 2, "in": {"object": {"a": 2}}}, True),
    ({"contains_value": "keys", "in": {"keys": None}}, True),
    ({"time": " 1970-01-01T00:00Z\t"}, EPOCH),
    ({"time": "2019-02-30T00:00:00Z"}, ts("2019-02-28T00:00:00Z")),
    ({"time": "1970-01-01T24:00:00Z"}, ts("1970-01-02T00:00:00Z")),
    ({"time": "1970-01-01t01:00:48.123456789+0100"}, ts("1970-01-01T00:00:48.123456789Z")),
    ({"date": "+12345-01-01"}, {"@date": "+12345-01-01"}),
    ({"epoch": -1, "unit": "nanosecond"}, ts("1969-12-31T23:59:59.999999999Z")),
    ({"epoch": 3, "unit": "half days"}, ts("1970-01-02T12:00:00Z")),
    ({"epoch": 5, "unit": " seconds "}, ts("1970-01-01T00:00:05Z")),
    ({"time_add": {"@date": "1970-01-01"}, "offset": 1, "unit": "day"}, {"@date": "1970-01-02"}),
    ({"time_subtract": EPOCH, "offset": 1, "unit": "milliseconds"}, ts("1969-12-31T23:59:59.999Z")),
    ({"time_diff": EPOCH, "other": ts("1970-01-02T12:00:00Z"), "unit": "days"}, 1),
    ({"time_diff": ts("1970-01-02T12:00:00Z"), "other": EPOCH, "unit": "days"}, -1),
    (
        {"time_diff": ts("1970-01-01T00:00:00.0009Z"), "other": ts("1970-01-01T00:00:00.001Z"), "unit": "millisecond"},
        1,
    ),
    ({"to_seconds": ts("1969-12-31T23:59:59.999999999Z")}, -1),
    ({"to_millis": 1500}, 1),
    ({"to_micros": EPOCH}, 0),
    ({"day_of_week": EPOCH}, 4),
    ({"day_of_year": ts("2020-12-31T00:00:00Z")}, 366),
    ({"year": ts("-0001-01-01T00:00:00Z")}, -1),
    ({"hour": ts("2019-03-05T07:08:09Z")}, 7),
    ({"to_string": None}, "null"),
    ({"to_string": 1e21}, "1.0E21"),
    ({"to_string": EPOCH}, "1970-01-01T00:00:00Z"),
    ({"to_number": "12abc"}, 12),
    ({"to_number": "1,234.5"}, 1234.5),
    ({"to_number": "1E3"}, 1000),
    ({"to_number": "1e3"}, 1),
    ({"to_number": "0x10"}, 0),
    ({"to_number": "9223372036854775808"}, 9.223372036854775808e18),
    ({"to_double": "1.0"}, 1.0),
    ({"to_integer": "1.9"}, 1),
    ({"to_integer": 1e300}, MAX),
    ({"to_time": 1000}, ts("1970-01-01T00:00:01Z")),
    ({"to_time": {"@date": "1970-01-02"}}, ts("1970-01-02T00:00:00Z")),
    ({"to_date": ts("1970-01-02T23:00:00Z")}, {"@date": "1970-01-02"}),
    ({"to_object": [["a", 1], ["b", None]]}, {"a": 1, "b": None}),
    ({"to_array": {"object": {"a": 1}}}, [["a", 1]]),
    ({"is_number": 1.5}, True),
    ({"is_integer": True}, False),
    ({"is_array": {"paginate": {"keys": None}}}, False),
    ({"is_object": {"paginate": {"keys": None}}}, True),
    ({"is_ref": {"collection": "nope"}}, True),
    ({"is_doc": {"collection": "nope"}}, False),
    ({"is_set": {"keys": None}}, True),
    ({"is_collection": {"databases": None}}, True),
    ({"is_database": {"databases": None}}, False),
    ({"is_uuid": {"@uuid": "1-2-3-4-5"}}, True),
    ({"is_timestamp": {"now": None}}, True),
    ({"is_lambda": {"query": {"lambda": "x", "expr": 1}}}, True),
    ({"prepend": 1, "collection": [2]}, [1, 2]),
    ({"append": [[1]], "collection": [2]}, [2, [1]]),
    ({"take": -1, "collection": [1]}, []),
    ({"drop": 1, "collection": [1, 2]}, [2]),
    ({"take": 4294967297, "collection": [1, 2]}, [1]),
    ({"is_empty": []}, True),
    ({"is_nonempty": [0]}, True),
    ({"reverse": [1, 2]}, [2, 1]),
    ({"distinct": [1, 1.0, 1, "a", "a", [1], [1]]}, [1, 1.0, "a", [1]]),
    ({"union": [[3, 2, 2, 1], [6, 5, 9, 1]]}, [3, 2, 2, 1, 6, 5, 9]),
    ({"union": [[2, 2], [2, 2, 2]]}, [2, 2, 2]),
    ({"intersection": [[3, 2, 2, 1], [2, 2, 1, 0]]}, [2, 2, 1]),
    ({"difference": [[3, 2, 2, 1, 3], [3]]}, [2, 2, 1, 3]),
    ({"count": [1, 2]}, 2),
    ({"sum": []}, 0),
    ({"sum": [1, 2.5]}, 3.5),
    ({"mean": [1, 2]}, 1.5),
    ({"any": []}, False),
    ({"all": []}, True),
    ({"max": ["A", 1]}, "A"),
    ({"max": [1, None]}, None),
    ({"max": [[1, 2, 3]]}, 3),
    ({"min": [1.0, 1]}, 1),
    ({"first": [1, 2]}, 1),
    ({"last": [1, 2]}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("query", "result"), RESULTS, ids=[json.dumps(query)[:70] for query, _ in RESULTS])
def test_results(db, query, result):
    value = db.wire(json.dumps(query))
    assert value == result
    assert type(value) is type(result)


BOUNDS = (
    "dates and times must be between -1000000000-01-01T00:00:00Z and +1000000000-12-31T23:59:59.999999999Z"
)
ITERABLE = "Array, Set, or Page expected, Integer provided."
ERRORS = [
    ({"add": []}, ["add"], "Non-empty array expected."),
    ({"divide": [1, 0]}, [], "Illegal division by zero."),
    ({"modulo": [1.0, -0.0]}, [], "Illegal division by zero."),
    ({"sqrt": -1}, [], "-1 must be positive"),
    ({"sqrt": NAN}, [], "NaN must be positive"),
    ({"acos": 2}, [], "2 must be between -1 and 1 inclusive"),
    ({"ln": 0.0}, [], "0.0 must be greater than 0"),
    ({"round": 1, "precision": 1.0}, ["precision"], "Integer expected, Double provided."),
    ({"equals": []}, ["equals"], "Non-empty array expected."),
    ({"now": 1}, ["now"], "Null expected, Integer provided."),
    ({"time": "2019-01-01"}, [], "Cannot cast '2019-01-01' to a time."),
    ({"time": "2019-01-01T00:00:00+01"}, [], "Cannot cast '2019-01-01T00:00:00+01' to a time."),
    ({"time": " now"}, [], "Cannot cast ' now' to a time."),
    ({"time": EPOCH}, ["time"], "String expected, Time provided."),
    ({"date": "2019-02-30"}, [], "Cannot cast '2019-02-30' to a date."),
    ({"epoch": 1, "unit": "week"}, ["unit"], "Time Unit expected, String provided."),
    ({"epoch": MAX, "unit": "days"}, [], BOUNDS),
    ({"time_add": EPOCH, "offset": MAX, "unit": "days"}, ["offset"], BOUNDS),
    ({"time_add": 1, "offset": 1, "unit": "days"}, ["time_add"], "Temporal expected, Integer provided."),
    ({"time_add": {"@date": "1970-01-01"}, "offset": 1, "unit": "hours"}, ["unit"], "Invalid time unit 'hours'."),
    ({"time_diff": EPOCH, "other": {"@date": "1970-01-01"}, "unit": "day"}, ["time_diff"], "Incompatible time arguments."),
    ({"to_seconds": {"@date": "1970-01-01"}}, ["to_seconds"], "Time expected, Date provided."),
    ({"to_string": [1]}, [], "Cannot cast Array to String."),
    ({"to_number": "+12"}, [], "Cannot cast String to Number."),
    ({"to_double": None}, ["to_double"], "Cannot cast Null to Double."),
    ({"to_integer": "abc"}, ["to_integer"], "Cannot cast String to Integer."),
    ({"to_time": 1.5}, [], "Cannot cast Double to Time."),
    ({"to_date": 1}, [], "Cannot cast Integer to Date."),
    ({"to_object": 1}, ["to_object"], "Cannot cast Integer to Object."),
    ({"to_array": {"paginate": {"keys": None}}}, ["to_array"], "Cannot cast Page to Array."),
    ({"contains_field": "a", "in": []}, ["in"], "Object expected, Array provided."),
    ({"contains_value": 1, "in": 1}, ["in"], "Object, Array, Page, Set, or Ref expected, Scalar provided."),
    ({"take": 1, "collection": {"keys": None}}, ["collection"], "Array or Page expected, Collection Ref provided."),
    ({"prepend": 1, "collection": {"paginate": {"keys": None}}}, ["collection"], "Array expected, Page provided."),
    ({"is_empty": 1}, ["is_empty"], ITERABLE),
    ({"sum": ["a"]}, ["sum"], "Number expected, String provided."),
    ({"mean": []}, ["mean"], "Non-empty array expected."),
    ({"max": []}, ["max"], "Non-empty array expected."),
    ({"any": [True, 1]}, ["any"], "Boolean expected, Integer provided."),
    ({"max": 5}, ["max"], ITERABLE),
    ({"union": []}, ["union"], "Non-empty array expected."),
    ({"union": [[1], {"keys": None}]}, ["union"], "Arguments cannot be of different types, expected Set or Array."),
    ({"union": [1]}, ["union", 0], ITERABLE),
    ({"first": []}, ["first"], "Non-empty array expected."),
    ({"first": {"paginate": {"keys": None}}}, ["first"], "Set or Array expected, Page provided."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(e[0])[:70] for e in ERRORS]
)
def test_errors(db, query, position, description):
    error = db.error(json.dumps(query))
    assert (error["position"], error["code"], error["description"]) == (
        position,
        "invalid argument",
        description,
    )


@pytest.mark.parametrize("form", ["lt", "gte", "max", "min"])
def test_every_unresolved_ref_of_a_comparison_is_reported(db, form):
    _, errors = db.failure(json.dumps({form: [{"collection": "a"}, {"index": "b"}]}))
    assert [(error["position"], error["code"], error["description"]) for error in errors] == [
        ([form], "invalid ref", "Ref refers to undefined collection 'a'"),
        ([form], "invalid ref", "Ref refers to undefined index 'b'"),
    ]


def test_to_object_reports_every_bad_element(db):
    _, errors = db.failure('{"to_object": [["a", 1], 5, ["x"], [1, 2]]}')
    assert [(error["position"], error["description"]) for error in errors] == [
        (["to_object", 1], "Field/Value expected, Integer provided."),
        (["to_object", 2], "Field/Value expected, Array provided."),
        (["to_object", 3], "Field/Value expected, Array provided."),
    ]


def test_folds_of_a_page_give_the_page_back(db):
    page = db.wire('{"count": {"paginate": {"keys": null}}}')
    assert page == {"data": [0]}


def test_new_ids_increase(db):
    first, second = db.wire('[{"new_id": null}, {"next_id": null}]')
    assert 0 < int(first) < int(second)


def test_a_document_written_in_the_query_has_a_time_not_yet_known(db):
    db.wire('{"create_collection": {"object": {"name": "c"}}}')
    query = {
        "let": {"d": {"create": {"collection": "c"}}, "t": {"select": "ts", "from": {"var": "d"}}},
        "in": [{"is_number": {"var": "t"}}, {"is_timestamp": {"var": "t"}}, {"var": "t"}],
    }
    number, timestamp, shown = db.wire(json.dumps(query))
    assert (number, timestamp) == (False, False)
    assert isinstance(shown, int)
    error = db.error('{"add": [1, {"select": "ts", "from": {"create": {"collection": "c"}}}]}')
    assert error["description"] == "Number expected, Unresolved Transaction Time provided."


def test_arrays_do_not_double_without_end(db):
    query = [1, 2, 3, 4]
    for _ in range(16):
        query = {"let": {"a": query}, "in": {"append": {"var": "a"}, "collection": {"var": "a"}}}
    status, errors = db.failure(json.dumps(query))
    assert (status, errors[0]["code"]) == (400, "bad request")
    assert errors[0]["description"].startswith("Query exceeds max width. Max: 100000, current: ")
