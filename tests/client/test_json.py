"""Values on the wire, in both directions."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from dateutil import tz
from hypothesis import given
from hypothesis import strategies as st

from faunadb import query as q
from faunadb._json import parse_json, parse_json_or_none, stream_content_to_json, to_json
from faunadb.errors import UnexpectedError
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef

UTC = datetime.timezone.utc
SPELLS = Ref("spells", Native.COLLECTIONS)
SPELLS_JSON = '{"@ref":{"id":"spells","collection":{"@ref":{"id":"collections"}}}}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ('{"a":[1,2.5,true,"x"]}', {"a": [1, 2.5, True, "x"]}),
        ('{"@ref":{"id":"collections"}}', Native.COLLECTIONS),
        ('{"@ref":{"id":"unheard_of"}}', Ref("unheard_of")),
        (SPELLS_JSON, SPELLS),
        ('{"@ref":{"id":"1","collection":%s}}' % SPELLS_JSON, Ref("1", SPELLS)),
        ('{"@ref":{"id":"1","class":%s}}' % SPELLS_JSON, Ref("1", SPELLS)),
        (
            '{"@ref":{"id":"keys","database":{"@ref":{"id":"d","collection":{"@ref":{"id":"databases"}}}}}}',
            Ref("keys", None, Ref("d", Native.DATABASES)),
        ),
        ('{"@set":{"match":%s}}' % SPELLS_JSON, SetRef({"match": SPELLS})),
        ('{"@ts":"1970-01-01T00:00:00.123456789Z"}', FaunaTime("1970-01-01T00:00:00.123456789Z")),
        ('{"@date":"1970-01-01"}', datetime.date(1970, 1, 1)),
        ('{"@bytes":"AP_-"}', bytearray(b"\x00\xff\xfe")),
        ('{"@bytes":"AP/+"}', bytearray(b"\x00\xff\xfe")),
        ('{"@query":{"lambda":"x","expr":{"var":"x"}}}', Query({"lambda": "x", "expr": {"var": "x"}})),
        ('{"@uuid":"abc"}', {"@uuid": "abc"}),
        ('{"@obj":{"@ref":"a"}}', {"@ref": "a"}),
        ('{"@obj":{"@obj":{"a":1}}}', {"a": 1}),
        ('{"a":{"@obj":{"@set":{"match":%s}}}}' % SPELLS_JSON, {"a": SetRef({"match": SPELLS})}),
        ('{"@obj":{"@ref":{"id":"1","collection":%s}}}' % SPELLS_JSON, Ref("1", SPELLS)),
        ('[{"@obj":{"@date":"x"}},{"@date":"2020-02-29"}]', [{"@date": "x"}, datetime.date(2020, 2, 29)]),
        ('{"@obj":{"@bytes":1,"@ts":2}}', {"@bytes": 1, "@ts": 2}),
        ('{"@obj":5}', 5),
        (
            '{"x":{"@obj":{"@ts":{"@ts":"1970-01-01T00:00:00Z"}}}}',
            {"x": {"@ts": FaunaTime("1970-01-01T00:00:00Z")}},
        ),
        ('{"@obj":{"a":{"@date":"2020-02-29"}}}', {"a": datetime.date(2020, 2, 29)}),
    ],
)
def test_parse(text: str, value: object) -> None:
    parsed = parse_json(text)
    assert parsed == value
    assert type(parsed) is type(value)
    assert parse_json(text.encode()) == value


def test_native_references_are_the_constants() -> None:
    assert parse_json('{"@ref":{"id":"indexes"}}') is Native.INDEXES


def test_long_texts_are_read_like_short_ones() -> None:
    """A page reads repeated references only once; the result must not show it."""
    elements = []
    for number in range(64):
        elements.append(
            {
                "ref": Ref(str(number), SPELLS),
                "other": Ref(str(number), Ref("other", Native.COLLECTIONS)),
                "text": f"not a reference: {SPELLS_JSON}",
                f'key"{SPELLS_JSON}': SPELLS,
                "Infinity": "Infinity",
                "at": FaunaTime("2020-01-01T00:00:00Z"),
            }
        )
    text = to_json(elements)
    assert len(text) > 2000
    assert parse_json(text) == elements
    shielded = '{"a":{"@obj":{"@ref":{"x":1}}},"page":%s}' % text
    assert parse_json(shielded) == {"a": {"@ref": {"x": 1}}, "page": elements}


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ["beside", "in a reference", "often"])
@pytest.mark.parametrize("others", [[], [SPELLS]])
def test_constants_that_are_no_json_are_not_taken_for_references(
    constant: str, place: str, others: list[Any]
) -> None:
    text = to_json([[Ref(str(number), SPELLS) for number in range(64)], *others])
    strange = '{"@ref":{"id":"1","collection":%s}}' % constant if place == "in a reference" else constant
    strange = ",".join([strange] * (3 if place == "often" else 1))
    value = parse_json(f"[{text},{strange}]")
    assert value[0] == parse_json(text)
    last = value[-1].value["collection"] if place == "in a reference" else value[-1]
    assert type(last) is float


@pytest.mark.parametrize("text", ["", "x", "{", '{"a":1', "1 2", "[1,]"])
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
    assert parse_json_or_none(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"@ref":"classes/a/1"}',
        '{"@ref":5}',
        '{"@ref":{}}',
        '{"@date":"soon"}',
        '{"@date":"+12345-01-01"}',
        '{"@bytes":"A"}',
    ],
)
def test_malformed_values(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_broken_utf8_is_replaced() -> None:
    assert parse_json(b'{"a":"\xff\xc3"}') == {"a": "\ufffd\ufffd"}


def test_lone_surrogates_travel_escaped() -> None:
    text = to_json({"a": "\ud800"})
    assert text == '{"a":"\\ud800"}'
    assert parse_json(text) == {"a": "\ud800"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [1, 2.5, None, True], "a": "é"}, '{"b":[1,2.5,null,true],"a":"\\u00e9"}'),
        ((1, (2,)), "[1,[2]]"),
        (q.get(Ref("1", SPELLS)), '{"get":{"@ref":{"id":"1","collection":%s}}}' % SPELLS_JSON),
        (
            SetRef(q.match(q.index("i"), Ref("1", SPELLS))),
            '{"@set":{"match":{"index":"i"},"terms":{"@ref":{"id":"1","collection":%s}}}}' % SPELLS_JSON,
        ),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, 6, UTC), '{"@ts":"2020-01-02T03:04:05.000006Z"}'),
        (datetime.date(2020, 1, 2), '{"@date":"2020-01-02"}'),
        (b"hi?>", '{"@bytes":"aGk_Pg=="}'),
        (bytearray(b""), '{"@bytes":""}'),
        ("", '""'),
        (1.5, "1.5"),
        ({}, "{}"),
    ],
)
def test_to_json(value: object, text: str) -> None:
    assert to_json(value) == text


def test_sorted_and_pretty() -> None:
    value = {"b": [1, {"d": 2, "c": q.now()}], "a": {}}
    assert to_json(value, sort_keys=True) == '{"a":{},"b":[1,{"c":{"now":null},"d":2}]}'
    assert (
        to_json({"b": [1, 2], "a": "x"}, pretty=True) == '{\n  "a": "x", \n  "b": [\n    1, \n    2\n  ]\n}'
    )
    assert json.loads(to_json(value, pretty=True)) == json.loads(to_json(value))


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_to_json_refuses_what_json_lacks(value: object) -> None:
    for options in ({}, {"pretty": True}, {"sort_keys": True}):
        with pytest.raises(UnexpectedError, match="NaN"):
            to_json(value, **options)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (tz.tzutc(), "2020-07-02T03:04:05.000006Z"),
        (tz.tzoffset(None, -5400), "2020-07-02T03:04:05.000006-01:30"),
        (tz.tzstr("EST5EDT"), "2020-07-02T03:04:05.000006-04:00"),
    ],
)
def test_datetimes_in_zones_of_dateutil(zone: datetime.tzinfo, text: str) -> None:
    moment = datetime.datetime(2020, 7, 2, 3, 4, 5, 6, zone)
    assert to_json(moment) == f'{{"@ts":"{text}"}}'
    assert parse_json(to_json(moment)).to_datetime() == moment


def test_naive_datetimes_are_refused() -> None:
    with pytest.raises(ValueError, match="offset-aware"):
        to_json({"at": datetime.datetime(2020, 1, 1)})


def test_stream_content() -> None:
    two = '{"a":1}\r\n{"b":{"@ts":"2020-01-01T00:00:00Z"}}\r\n{"c":'
    assert stream_content_to_json(two) == {
        "buffer": '{"c":',
        "values": [
            {"content": {"a": 1}, "raw": '{"a":1}\r\n'},
            {
                "content": {"b": FaunaTime("2020-01-01T00:00:00Z")},
                "raw": '{"b":{"@ts":"2020-01-01T00:00:00Z"}}\r\n',
            },
        ],
    }
    assert stream_content_to_json(b'{"a":1}') == {
        "buffer": "",
        "values": [{"content": {"a": 1}, "raw": b'{"a":1}'}],
    }
    for text in ("", "garbage", '{"a'):
        assert stream_content_to_json(text) == {"buffer": text, "values": []}


keys = st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=8).map(bytearray)
    | st.datetimes(timezones=st.just(UTC)).map(FaunaTime)
    | st.text(min_size=1, max_size=4).map(lambda name: Ref(name, SPELLS))
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def shielded(value: object) -> object:
    """Return a value as a server writes it: objects whose key looks like a tag are inside @obj."""
    if isinstance(value, list):
        return [shielded(element) for element in value]
    if not isinstance(value, dict):
        return value
    members = {key: shielded(member) for key, member in value.items()}
    return {"@obj": members} if any(key.startswith("@") for key in members) else members


@given(documents)
def test_round_trip(value: object) -> None:
    assert parse_json(to_json(shielded(value))) == value


@given(
    st.sampled_from(["@ref", "@date", "@bytes"]), documents.filter(lambda value: not isinstance(value, str))
)
def test_round_trip_of_keys_that_look_like_tags(tag: str, value: object) -> None:
    assert parse_json(to_json(shielded({tag: value}))) == {tag: value}


ONE = f'{{"resource":{{"ref":{{"@ref":{{"id":"7","collection":{SPELLS_JSON}}}}},"ts":5'


@pytest.mark.parametrize(
    ("rest", "members", "beside"),
    [
        ("}}", {}, {}),
        (',"data":{"n":[1,{"m":null}]}}}', {"data": {"n": [1, {"m": None}]}}, {}),
        (',"data":{"at":{"@ts":"1970-01-01T00:00:00Z"}}}}', {"data": {"at": FaunaTime("1970-01-01T00:00:00Z")}}, {}),
        (',"data":{"@obj":{"@ts":1}}}}', {"data": {"@ts": 1}}, {}),
        ('},"trace":["a"]}', {}, {"trace": ["a"]}),
        ("}}\n", {}, {}),
    ],
    ids=["no data", "plain", "a time", "an escape", "a key beside it", "a line end"],
)  # fmt: skip
def test_an_answer_of_one_document(rest, members, beside):
    assert parse_json(ONE + rest) == {"resource": {"ref": Ref("7", SPELLS), "ts": 5, **members}, **beside}


@pytest.mark.parametrize("rest", ["", "}", "}}}", '}},"x":1', ',"data":}}'])
def test_an_answer_of_one_document_that_is_no_json(rest):
    with pytest.raises(json.JSONDecodeError):
        parse_json(ONE + rest)
