"""What is accepted as the JSON of a request (wire protocol, "Body and size limits"; evaluation, "JSON decoding")."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faunadb.engine.language import deep, large_json, reader
from faunadb.engine.language.errors import QueryErrors

INVALID = "Request body is not valid JSON."
TOO_DEEP = "Request body JSON exceeds nesting limit."


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"1", 1),
        (b"\t\r\n 1 \n", 1),
        (b"-0", 0),
        (b"1e2", 100.0),
        (b"1E400", math.inf),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1." + b"0" * 998, 1.0),
        (b'{"a":1,"b":2,"a":3}', {"a": 1, "b": 2}),
        (b'"\xed\xa0\x80"', "?"),
        (b'"\xed\xb8\x80\xed\xa0\xbd"', "??"),
        (b'"\\ud800"', "?"),
        (b'{"\\udc00":1}', {"?": 1}),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', "\U0001f600"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        # What follows the first value is ignored when it begins with a valid token.
        (b"1 2", 1),
        (b'"a""b"', "a"),
        (b'"a"1', "a"),
        (b"[]1 x", []),
        (b"[]{", []),
        (b"true[", True),
        (b'null"a"', None),
        (b"{} 99999999999999999999999", {}),
        (b"1 " + b"[" * 1001, 1),
    ],
)
def test_accepted(body, value):
    found = reader.read(body)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[1",
        b"nul",
        b"1 x",
        b"1x",
        b'"a"x',
        b"{} }",
        b"{},",
        b"01",
        b"-01",
        b"+1",
        b"1.",
        b".5",
        b"-",
        b"0x10",
        b"NaN",
        b"-Infinity",
        b"'a'",
        b"[1,]",
        b'{"a":1,}',
        b"{a:1}",
        b"//c\n1",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" * 1001,
        b"1." + b"0" * 999,
        b'{"' + b"k" * 50_001 + b'":1}',
        b"\xff",
        b'"\xff"',
        b'"a\nb"',
        b'"\\x"',
        b"\x00",
        b"1\x00",
        b"\x0c1",
        b"truefalse",
        b"true1",
        b"null_",
        b'12"a"',
        b"12[",
        b"[]1x",
        b"[]01",
        b"[] truex",
        b"x" + b"[" * 1001,
        b"[nul" + b"[" * 1001,
    ],
)
def test_malformed(body):
    assert _refusal(body) == INVALID


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1001 + b"]" * 1001,
        b"[" * 1001,
        b'{"a":' * 1001 + b"1" + b"}" * 1001,
        b'["[",' + b"[" * 1000,
        b"[" * 1001 + b"nonsense",
    ],
)
def test_too_deep(body):
    assert _refusal(body) == TOO_DEEP


def test_the_deepest_and_what_only_looks_deep():
    assert _refusal(b"[" * 1000 + b"]" * 1000) is None
    assert reader.read(b'["' + b"[" * 5000 + b'"]') == ["[" * 5000]
    assert reader.read(b"[" + b"[]," * 5000 + b"1]")[-1] == 1


def _refusal(body):
    try:
        deep.run(lambda: reader.read(body))
    except QueryErrors as refused:
        (error,) = refused.errors
        assert error.wire()["position"] == []
        assert error.code == "invalid expression"
        return error.description
    return None


# -- what is read in pieces


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(large_json, "PIECE", 24)


def _outcome(body, many):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MANY", many)
        try:
            return deep.with_room(lambda: repr(reader.read(body)))
        except QueryErrors as refused:
            return [error.description for error in refused.errors]


_json = st.recursive(
    st.sampled_from([None, True, 0, -1.5, 1e300, "", "a", '"]', "\\", "\u2028é", "x" * 40]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["", "a", "b]", '"']), inner),
    max_leaves=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(_json, st.sampled_from([None, 1]), st.data())
def test_pieces_give_what_the_whole_gives(small_pieces, value, indent, data):
    """And are refused as the whole is, when something is cut out, put in or said twice."""
    text = json.dumps([value, value], indent=indent, ensure_ascii=data.draw(st.booleans()))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    middle = data.draw(
        st.sampled_from([text[start:end], "", ",", "[", "]", "}", '"', ":", "1 ", "[]{}", '{"a":1,"a":2}'])
    )
    body = (text[:start] + middle + text[end:]).encode("utf-8", "surrogatepass")
    assert _outcome(body, 0) == _outcome(body, len(body))


@pytest.mark.parametrize("depth", [999, 1000, 1001])
@pytest.mark.parametrize("form", ["[%s]", '{"a":1,"b":%s}', "[[],%s,[]]"])
def test_pieces_nest_as_deeply_as_the_whole(small_pieces, depth, form):
    before, after = form.split("%s")
    body = (before * depth + "1" + after * depth).encode()
    assert (_outcome(body, 0) == [TOO_DEEP]) is (depth + before.count("[]") > 1000)
    assert _outcome(body, 0) == _outcome(body, len(body))


def test_containers_are_counted(monkeypatch):
    monkeypatch.setattr(reader, "MANY", 0)
    monkeypatch.setattr(reader, "MAX_CONTAINERS", 100)
    assert reader.read(b"[" + b'[],"[[{{",' * 98 + b"{}]")[-1] == {}
    with pytest.raises(QueryErrors) as refused:
        reader.read(b"[" + b'[],"[[{{",' * 99 + b"{}]")
    assert refused.value.errors[0].description == "Request body JSON has more than 100 arrays and objects."
