"""Conversions, row by row (value functions, "Conversion")."""

from __future__ import annotations

import json

import pytest

from .kinds import VALUES, database_of_kinds

db = database_of_kinds

MIN, MAX = -(2**63), 2**63 - 1
NAN, INF = {"to_double": "NaN"}, {"exp": 1000}


def ts(text):
    return {"@ts": text}


#: kind -> result (None: it cannot be converted); kinds not listed cannot
CONVERTED = {
    "to_string": {
        "integer": "1",
        "double": "1.5",
        "boolean": "true",
        "null": "null",
        "string": "x",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "time": "2020-01-01T00:00:00Z",
        "date": "2020-01-01",
        "action": "create",
    },
    "to_number": {"integer": 1, "double": 1.5},
    "to_double": {"integer": 1.0, "double": 1.5},
    "to_integer": {"integer": 1, "double": 1},
    "to_time": {"integer": ts("1970-01-01T00:00:00.001Z"), "time": ts("2020-01-01T00:00:00Z"), "date": ts("2020-01-01T00:00:00Z")},
    "to_date": {"date": {"@date": "2020-01-01"}, "time": {"@date": "2020-01-01"}},
    "to_object": {"object": {"a": 1}},
    "to_array": {"object": [["a", 1]], "array": [1]},
}  # fmt: skip
TARGETS = {
    "to_string": "String", "to_number": "Number", "to_double": "Double", "to_integer": "Integer", "to_time": "Time",
    "to_date": "Date", "to_object": "Object", "to_array": "Array",
}  # fmt: skip
AT_KEY = ("to_double", "to_integer", "to_object", "to_array")


@pytest.mark.parametrize("name", CONVERTED)
def test_every_kind(db, name):
    for kind, (value, type_name) in VALUES.items():
        status, body = db.body(json.dumps({name: value}))
        if kind in CONVERTED[name]:
            assert body == {"resource": CONVERTED[name][kind]}, kind
            assert type(body["resource"]) is type(CONVERTED[name][kind]), kind
            continue
        if (name, kind) in (("to_object", "array"), ("to_object", "document"), ("to_array", "document")):
            continue  # below
        at = [name] if name in AT_KEY else []
        description = f"Cannot cast {type_name} to {TARGETS[name]}."
        if kind == "string" and name in ("to_time", "to_date"):
            description = f"Cannot cast 'x' to a {TARGETS[name].lower()}."
        assert (status, body) == (
            400,
            {"errors": [{"position": at, "code": "invalid argument", "description": description}]},
        ), kind


#: text, number
NUMBERS = [
    ("12abc", 12), ("12", 12), ("1.0", 1), ("5.", 5), ("1,234.5", 1234.5), ("1.50", 1.5), (".5", 0.5), ("1E3", 1000),
    ("1E-3", 0.001), ("1e3", 1), ("1E+3", 1), ("1 000", 1), ("1_000", 1), ("-0", -0.0), ("-0.0", -0.0), ("0.0", 0),
    ("9223372036854775807", MAX), ("-9223372036854775808", MIN), ("9223372036854775808", 9.223372036854775808e18),
    ("-9223372036854775809", -9.223372036854775808e18), ("0x10", 0), ("1E400", "Infinity"), ("-1E400", "-Infinity"),
    ("NaN", "NaN"), ("NaNa", "NaN"), ("∞", "Infinity"), ("-∞", "-Infinity"), ("  7  ", 7), ("\t\n7", 7),
    ("1,,2", 12), (",5", 5), ("1,2,3.4,5", 123.4), ("1.2.3", 1.2), ("1E", 1), ("1E-", 1), ("1E2.5", 100), ("-1E2", -100),
    ("00012", 12), ("١٢", 12), ("1.5E1", 15), ("123456789012345678901", 1.2345678901234568e20), ("1E18", 10**18),
    ("1E19", 1e19), ("0.1E1", 1), ("12%", 12), ("1-2", 1), ("-.5", -0.5), ("1E-400", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_numbers_of_text(db, text, number):
    found = db.wire(json.dumps({"to_number": text}))
    if text == "1E-400":
        assert found in (0, 0.0)
        return
    assert (repr(found), type(found)) == (repr(number), type(number))


@pytest.mark.parametrize(
    "text", ["", " ", "abc", "-", "+12", "--5", "- 5", "(5)", "Infinity", "-Infinity", "nan", "+", ".", "-.", ",", "E5", "$1", "\u00a07", "-NaN"]
)  # fmt: skip
def test_text_that_no_number_starts(db, text):
    for name in ("to_number", "to_double", "to_integer"):
        error = db.error(json.dumps({name: text}))
        assert error == {
            "position": [name] if name in AT_KEY else [],
            "code": "invalid argument",
            "description": f"Cannot cast String to {TARGETS[name]}.",
        }


RESULTS = [
    ({"to_integer": "1.9"}, 1),
    ({"to_integer": "-1.9"}, -1),
    ({"to_integer": "NaN"}, 0),
    ({"to_integer": "1E400"}, MAX),
    ({"to_integer": "-1E400"}, MIN),
    ({"to_integer": "9223372036854775808"}, MAX),
    ({"to_integer": -1.9}, -1),
    ({"to_integer": NAN}, 0),
    ({"to_integer": INF}, MAX),
    ({"to_integer": 1e300}, MAX),
    ({"to_integer": -1e300}, MIN),
    ({"to_double": "1.0"}, 1.0),
    ({"to_double": "1"}, 1.0),
    ({"to_double": MAX}, 9.223372036854775807e18),
    ({"to_string": 0}, "0"),
    ({"to_string": MIN}, str(MIN)),
    ({"to_string": 1.0}, "1.0"),
    ({"to_string": -0.0}, "-0.0"),
    ({"to_string": 1e7}, "1.0E7"),
    ({"to_string": 2e23}, "1.9999999999999998E23"),
    ({"to_string": 5e-324}, "4.9E-324"),
    ({"to_string": NAN}, "NaN"),
    ({"to_string": INF}, "Infinity"),
    ({"to_string": False}, "false"),
    ({"to_string": ""}, ""),
    ({"to_string": ts("1970-01-01T00:00:00.123456789Z")}, "1970-01-01T00:00:00.123456789Z"),
    ({"to_string": ts("1970-01-01T00:00:00.120Z")}, "1970-01-01T00:00:00.120Z"),
    ({"to_string": {"@date": "+12345-01-01"}}, "+12345-01-01"),
    (
        {"to_string": {"@uuid": "ABCDEF00-0000-0000-0000-000000000001"}},
        "abcdef00-0000-0000-0000-000000000001",
    ),
    ({"to_time": "2019-02-30T00:00:00Z"}, ts("2019-02-28T00:00:00Z")),
    ({"to_time": -1}, ts("1969-12-31T23:59:59.999Z")),
    ({"to_time": {"@date": "-999999999-01-01"}}, ts("-999999999-01-01T00:00:00Z")),
    ({"equals": [{"to_time": "now"}, {"now": None}]}, True),
    ({"to_date": ts("1969-12-31T23:59:59.999Z")}, {"@date": "1969-12-31"}),
    ({"to_date": " 2020-02-29\n"}, {"@date": "2020-02-29"}),
    ({"to_object": []}, {}),
    ({"to_object": [["a", 1], ["b", None]]}, {"a": 1, "b": None}),
    ({"to_object": {"to_array": {"object": {"b": 1, "a": [2]}}}}, {"b": 1, "a": [2]}),
    ({"select": "a", "from": {"to_object": [["a", 1], ["a", 2]]}}, 1),
    ({"to_array": {"object": {}}}, []),
    ({"to_array": []}, []),
    ({"to_array": {"object": {"b": 1, "a": None}}}, [["b", 1], ["a", None]]),
]


@pytest.mark.parametrize(("query", "result"), RESULTS, ids=[json.dumps(query)[:70] for query, _ in RESULTS])
def test_results(db, query, result):
    found = db.wire(json.dumps(query))
    assert (repr(found), type(found)) == (repr(result), type(result))


def test_a_document_gives_its_fields(db):
    ref = {"ref": {"collection": "c"}, "id": "77"}
    db.wire(json.dumps({"create": ref, "params": {"object": {"data": {"object": {"a": 1, "b": [2]}}}}}))
    document = db.wire(json.dumps({"get": ref}))
    assert db.wire(json.dumps({"to_object": {"get": ref}})) == document
    assert list(document) == ["ref", "ts", "data"]
    assert db.wire(json.dumps({"to_array": {"get": ref}})) == [
        [key, value] for key, value in document.items()
    ]
    assert db.wire(json.dumps({"is_doc": {"to_object": {"get": ref}}})) is False


TWICE = '{"to_object": [["a", 1], ["b", 2], ["a", 3], ["a", 3]]}'


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (TWICE, '{"a":1,"b":2,"a":3,"a":3}'),
        ('{"select": "a", "from": %s}', "1"),
        ('{"to_array": %s}', '[["a",1],["b",2],["a",3],["a",3]]'),
        ('{"contains_value": 3, "in": %s}', "true"),
        (f'{{"equals": [%s, {TWICE}]}}', "true"),
        ('{"equals": [%s, {"object": {"a": 1, "b": 2}}]}', "false"),
        ('{"merge": {"object": {}}, "with": %s}', '{"a":3,"b":2}'),
        ('{"merge": %s, "with": {"object": {"a": 4}}}', '{"a":4,"b":2,"a":3,"a":3}'),
        (
            '{"merge": {"object": {}}, "with": %s, "lambda": {"lambda": "x", "expr": {"var": "x"}}}',
            '{"a":["a",["a",["a",null,1],3],3],"b":["b",null,2]}',
        ),
        ('{"lt": [%s, {"object": {"a": 1}}]}', "false"),
        ('{"to_string": {"format": "%%^", "values": [%s]}}', '"{\\"a\\":1,\\"b\\":2,\\"a\\":3,\\"a\\":3}"'),
        (
            '{"select": ["data", "o"], "from": {"get": {"select": "ref", "from": {"create": {"collection": "c"}, '
            '"params": {"object": {"data": {"object": {"o": %s}}}}}}}}',
            '{"a":1,"b":2}',
        ),
    ],
)
def test_repeated_fields_stay_and_the_first_is_found(db, query, text):
    assert db.raw(query % TWICE if "%s" in query else query).body.decode() == f'{{"resource":{text}}}'


@pytest.mark.parametrize(
    ("elements", "bad"),
    [
        ([1], [(0, "Integer")]),
        ([["a", 1], [], ["b"], ["c", 1, 2]], [(1, "Array"), (2, "Array"), (3, "Array")]),
        ([[1, "a"], None, "x", {"object": {}}], [(0, "Array"), (1, "Null"), (2, "String"), (3, "Object")]),
        ([[None, 1]], [(0, "Array")]),
    ],
)
def test_to_object_names_every_element_that_is_no_pair(db, elements, bad):
    status, errors = db.failure(json.dumps({"to_object": elements}))
    assert status == 400
    assert [(e["position"], e["code"], e["description"]) for e in errors] == [
        (["to_object", index], "invalid argument", f"Field/Value expected, {name} provided.")
        for index, name in bad
    ]
