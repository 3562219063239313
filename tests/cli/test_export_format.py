"""Fauna's export format: every kind of value in both directions, and what has no counterpart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.cli.export_decoding import decode_record
from faunadb.cli.export_encoding import encode_record
from faunadb.cli.export_format import (
    BadRecord,
    Document,
    Names,
    collection_ref,
    format_micros,
    parse_micros,
    query_literal,
)

COLLECTIONS = {"@ref": {"id": "collections"}}
AUTHOR = {"@ref": {"id": "Author", "collection": COLLECTIONS}}
HEAD = {"id": "101", "coll": {"@mod": "Author"}, "ts": {"@time": "2024-01-02T03:04:05.678901Z"}}
TS = 1704164645678901


def _decode(fields, tagged=True):
    lost = []
    record = {**HEAD, **fields} if tagged else fields
    document = decode_record(record, tagged, lambda path, what: lost.append((path, what)))
    return document, lost


def _encode(data, tagged=True):
    lost = []
    document = Document("Author", "101", TS, None, data)
    record = encode_record(document, tagged, lambda path, what: lost.append((path, what)))
    return {key: value for key, value in record.items() if key not in HEAD}, lost


VALUES = [
    # v10 tagged, v4 literal
    ({"@int": "42"}, 42),
    ({"@int": "-2147483648"}, -(2**31)),
    ({"@long": "9000000000"}, 9000000000),
    ({"@long": "-9223372036854775808"}, -(2**63)),
    ({"@double": "3.5"}, 3.5),
    ({"@double": "1e+300"}, 1e300),
    ({"@double": "Infinity"}, math.inf),
    ({"@double": "-Infinity"}, -math.inf),
    (True, True),
    (None, None),
    ("text", "text"),
    ("NaN", "NaN"),
    ({"@time": "2024-01-02T03:04:05.678901Z"}, {"@ts": "2024-01-02T03:04:05.678901Z"}),
    ({"@time": "2024-01-02T03:04:05.123456789Z"}, {"@ts": "2024-01-02T03:04:05.123456789Z"}),
    ({"@date": "2024-01-02"}, {"@date": "2024-01-02"}),
    ({"@bytes": "AP/+"}, {"@bytes": "AP_-"}),
    ({"@mod": "Author"}, AUTHOR),
    ({"@mod": "Collection"}, COLLECTIONS),
    ({"@ref": {"id": "7", "coll": {"@mod": "Author"}}}, {"@ref": {"id": "7", "collection": AUTHOR}}),
    (
        {"@ref": {"name": "f", "coll": {"@mod": "Function"}}},
        {"@ref": {"id": "f", "collection": {"@ref": {"id": "functions"}}}},
    ),
    (
        {"@ref": {"id": "9", "coll": {"@mod": "Key"}}},
        {"@ref": {"id": "9", "collection": {"@ref": {"id": "keys"}}}},
    ),
    ({"@object": {"@int": "1", "b": {"@int": "2"}}}, {"@obj": {"@int": "1", "b": 2}}),
    ({"@object": {"@set": {"a": {"@int": "1"}}}}, {"@obj": {"@set": {"a": 1}}}),
    ([{"@int": "1"}, "a", [], {}], [1, "a", [], {}]),
    ({"a": {"b": {"@int": "1"}, "": "x"}}, {"a": {"b": 1, "": "x"}}),
]


@pytest.mark.parametrize(("tagged", "literal"), VALUES, ids=lambda value: str(value)[:40])
def test_values_in_both_directions(tagged, literal):
    document, lost = _decode({"x": tagged})
    assert (document.data, lost) == ({"x": literal}, [])
    assert type(document.data["x"]) is type(literal)
    assert _encode({"x": literal}) == ({"x": tagged}, [])


def test_nan_is_a_tagged_double():
    document, _ = _decode({"x": {"@double": "NaN"}})
    assert math.isnan(document.data["x"])
    assert _encode({"x": math.nan}) == ({"x": {"@double": "NaN"}}, [])


@pytest.mark.parametrize(
    ("tagged", "literal"),
    [
        # a dangling reference says why; a document stands for its reference; a UUID is a string in FQL v4
        (
            {"@ref": {"id": "7", "coll": {"@mod": "Author"}, "exists": False, "cause": "not found"}},
            {"@ref": {"id": "7", "collection": AUTHOR}},
        ),
        (
            {"@doc": {"id": "7", "coll": {"@mod": "Author"}, "name": "x"}},
            {"@ref": {"id": "7", "collection": AUTHOR}},
        ),
        ({"@uuid": "1f1b1c5e-0000-4000-8000-000000000000"}, "1f1b1c5e-0000-4000-8000-000000000000"),
        (5, 5),
        (2.5, 2.5),
    ],
)
def test_values_into_a_database_only(tagged, literal):
    assert _decode({"x": tagged})[0].data == {"x": literal}


@pytest.mark.parametrize(
    ("tagged", "kept", "lost"),
    [
        ({"@set": {"anything": 1}}, {"y": 1}, [(("x",), "a set")]),
        ({"@stream": "g9WD"}, {"y": 1}, [(("x",), "an event source")]),
        (
            [{"@int": "1"}, None, {"@set": 1}],
            {"x": [1], "y": 1},
            [(("x", "1"), "null in an array"), (("x", "2"), "a set")],
        ),
        ({"in": {"@set": 1}}, {"x": {}, "y": 1}, [(("x", "in"), "a set")]),
    ],
)
def test_what_a_database_cannot_hold(tagged, kept, lost):
    document, found = _decode({"x": tagged, "y": {"@int": "1"}})
    assert (document.data, found) == (kept, lost)


OWN = [
    ({"@query": {"lambda": "x", "expr": 1}}, "a lambda"),
    ({"@set": {"documents": AUTHOR}}, "a set"),
    (
        {"@ref": {"id": "c", "collection": COLLECTIONS, "database": {"@ref": {"id": "d"}}}},
        "a ref into another database",
    ),
]


@pytest.mark.parametrize(("literal", "what"), OWN)
def test_what_v10_does_not_have(literal, what):
    """It has a tag of its own, which tells other readers that they cannot read it."""
    assert _encode({"x": [1, literal]}) == ({"x": [{"@int": "1"}, {"@v4": literal}]}, [])
    assert _decode({"x": {"@v4": literal}})[0].data == {"x": literal}
    assert _encode({"x": [1, literal]}, tagged=False) == ({"x": [1]}, [(("x", "1"), what)])


def test_a_uuid_is_a_string_for_other_exporters_and_itself_for_this_one():
    literal = {"@uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}
    assert _decode({"x": literal})[0].data == {"x": literal["@uuid"]}
    assert _encode({"x": literal}) == ({"x": {"@v4": literal}}, [])
    assert _encode({"x": literal}, tagged=False) == ({"x": literal["@uuid"]}, [])


def test_collections_with_names_of_modules():
    names = Names.of(["Role", "Role~", "Author", "Credential"])
    assert names.modules == {"Role~~": "Role", "Credential~": "Credential"}
    document = Document(
        "Role", "1", TS, None, {"r": {"@ref": {"id": "2", "collection": collection_ref("Credential")}}}
    )
    record = encode_record(document, True, lambda path, what: pytest.fail(what), names)
    assert (record["coll"], record["r"]) == (
        {"@mod": "Role~~"},
        {"@ref": {"id": "2", "coll": {"@mod": "Credential~"}}},
    )
    read = decode_record(record, True, lambda path, what: pytest.fail(what), names=names)
    assert read._replace(mentions=frozenset()) == document
    assert read.mentions == {("collections", "Credential")}


@pytest.mark.parametrize("module", ["Key", "Token", "Role", "Collection", "Database"])
def test_records_of_schema_are_no_documents(module):
    with pytest.raises(BadRecord, match=f"{module} is no collection of documents"):
        _decode({"coll": {"@mod": module}})


def test_document():
    document, _ = _decode(
        {"ttl": {"@time": "2099-01-01T00:00:00Z"}, "name": "Ann", "data": {"id": "x", "data": {"@int": "1"}}}
    )
    assert document == Document(
        "Author", "101", TS, {"@ts": "2099-01-01T00:00:00Z"}, {"name": "Ann", "id": "x", "data": 1}
    )


@pytest.mark.parametrize("tag", ["@object", "@doc"])
def test_a_record_that_is_tagged_itself(tag):
    record = {tag: {**HEAD, "@ref": {"@int": "1"}, "a": "b"}}
    document = decode_record(record, True, lambda path, what: pytest.fail(what))
    assert (document.id, document.data) == ("101", {"@ref": 1, "a": "b"})
    with pytest.raises(BadRecord, match="id is missing"):
        decode_record(record, False, lambda path, what: pytest.fail(what))


def test_names_that_collide_with_metadata_go_under_data():
    data = {"name": "n", "id": 1, "coll": "a", "ts": 2, "ttl": None, "data": {"x": 1}, "after": "it"}
    record, _ = _encode(data)
    assert record == {
        "name": "n",
        "data": {
            "id": {"@int": "1"},
            "coll": "a",
            "ts": {"@int": "2"},
            "ttl": None,
            "data": {"x": {"@int": "1"}},
            "after": "it",
        },
    }
    assert _decode(record)[0].data == data


def test_a_simple_record_is_read_without_guessing_types():
    record = {
        "id": "101",
        "coll": "Author",
        "ts": "2024-01-02T03:04:05.678901Z",
        "ttl": "2099-01-01T00:00:00Z",
        "n": 42,
        "d": 1.0,
        "when": "2024-01-02T03:04:05Z",
        "author": {"id": "7", "coll": "Author"},
        "@odd": 1,
    }
    document, lost = _decode(record, tagged=False)
    assert lost == []
    assert (document.collection, document.id, document.ts) == ("Author", "101", TS)
    assert document.ttl == {"@ts": "2099-01-01T00:00:00Z"}
    assert document.data == {key: record[key] for key in ("n", "d", "when", "author", "@odd")}


def test_simple_out():
    data = {
        "n": 9000000000,
        "t": {"@ts": "2024-01-02T03:04:05Z"},
        "r": {"@ref": {"id": "7", "collection": AUTHOR}},
    }
    assert _encode(data, tagged=False)[0] == {
        "n": 9000000000,
        "t": "2024-01-02T03:04:05Z",
        "r": {"id": "7", "coll": "Author"},
    }


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "a document is a JSON object"),
        ({"coll": {"@mod": "A"}}, "the field id is missing or is not a decimal number"),
        ({"id": "x", "coll": {"@mod": "A"}}, "the field id is missing or is not a decimal number"),
        ({"id": str(2**63), "coll": {"@mod": "A"}}, "the id 9223372036854775808 does not fit in 64 bits"),
        ({"id": "1"}, "the field coll, which names the collection, is missing"),
        ({"id": "1", "coll": 5}, "the field coll is not a collection"),
        ({**HEAD, "ts": "yesterday"}, "the field ts is not a time"),
        ({**HEAD, "ttl": 5}, "the field ttl is not a time"),
        ({**HEAD, "data": 5}, "the field data is not an object"),
        ({**HEAD, "a": [{"@int": "x"}]}, "a.0: 'x' is no value of @int"),
        ({**HEAD, "a": {"@long": str(2**63)}}, "a: '9223372036854775808' is no value of @long"),
        ({**HEAD, "a": {"@double": None}}, "a: None is no value of @double"),
        ({**HEAD, "a": {"@time": "12:00"}}, "a: '12:00' is no value of @time"),
        ({**HEAD, "a": {"@date": "today"}}, "a: 'today' is no value of @date"),
        ({**HEAD, "a": {"@bytes": "*"}}, "a: '*' is no value of @bytes"),
        ({**HEAD, "a": {"@ref": {"id": "1"}}}, "a: {'id': '1'} is no value of @ref"),
        ({**HEAD, "a": {"@mod": 1}}, "a: 1 is no value of @mod"),
        ({**HEAD, "a": {"@object": 1}}, "a: an object was expected"),
        ({**HEAD, "a": {"@what": 1}}, "a: unknown tag @what"),
        ({**HEAD, "a": 2**70}, f"a: {2**70} does not fit in 64 bits"),
    ],
)
def test_bad_records(record, message):
    with pytest.raises(BadRecord) as caught:
        decode_record(record, True, lambda path, what: None)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2024-01-02T03:04:05.678901999Z", TS),
        ("2024-01-02T04:04:05.678901+01:00", TS),
        ("2024-01-01T19:34:05.678901-0730", TS),
        ("-290308-12-21T19:59:05.224192Z", -(2**63)),
        ("0000-01-01T00:00:00Z", -62167219200000000),
    ],
)
def test_micros(text, micros):
    assert parse_micros(text) == micros


@given(st.integers(-(2**63), 253_000_000_000_000_000))
def test_micros_come_back(micros):
    assert parse_micros(format_micros(micros)) == micros


@pytest.mark.parametrize(
    "text", ["2024-01-02", "2024-01-02T03:04:05", "2024-13-02T03:04:05Z", "-290309-01-01T00:00:00Z", "x"]
)
def test_no_times(text):
    with pytest.raises(ValueError):
        parse_micros(text)


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary().map(
        lambda raw: _decode({"x": {"@bytes": __import__("base64").b64encode(raw).decode()}})[0].data["x"]
    ),
    st.just({"@ts": "2024-01-02T03:04:05.678Z"}),
    st.just({"@date": "2024-01-02"}),
    st.just(AUTHOR),
    st.just({"@ref": {"id": "7", "collection": AUTHOR}}),
)


def _object(fields):
    return {"@obj": fields} if any(key.startswith("@") for key in fields) else fields


literals = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner.filter(lambda value: value is not None), max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["@ref", "@int", "@obj", "a"]), inner, max_size=4).map(
            _object
        )
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(st.text() | st.sampled_from(["id", "ts", "data", "coll", "ttl"]), literals, max_size=5)
)
def test_a_document_comes_back(data):
    # an object of a document whose keys begin with @ stands at the top without an escape
    document = Document("Author", "5", TS, {"@ts": "2099-01-01T00:00:00Z"}, data)
    record = encode_record(document, True, lambda path, what: pytest.fail(f"{what} at {path}"))
    read = decode_record(record, True, lambda path, what: pytest.fail(f"{what} at {path}"))
    assert read._replace(mentions=frozenset()) == document


def test_literals_are_quoted_unless_json_has_no_word_for_them():
    assert query_literal({"a": [1, {"@ts": "x"}]}) == {"quote": {"a": [1, {"@ts": "x"}]}}
    assert query_literal({"a": [math.inf, {"@ts": "x"}], "b": {"@obj": {"@c": -math.inf}}}) == {
        "object": {
            "a": [{"pow": 0, "exp": -1}, {"@ts": "x"}],
            "b": {"object": {"@obj": {"@c": {"multiply": [-1, {"pow": 0, "exp": -1}]}}}},
        }
    }
    assert query_literal([math.nan]) == [{"pow": -8, "exp": 0.5}]
