"""What the client reads from the parts of an answer is what the answer's text says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb._json import parse_json, read_stored
from faunadb.client import FaunaClient
from faunadb.engine.language.repeated import RepeatedField
from faunadb.engine.language.stored_answer import PlainAnswer, StoredAnswer, is_plain
from faunadb.request_result import RequestResult

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(["@ref", '"@', "\u00e9", "\ud800", "}"])
)


def json_of(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)

    return st.recursive(SCALARS, around, max_leaves=10)


KEYS = st.text(max_size=3) | st.sampled_from(["ref", "ts", "data"])
#: What can be sent: other keys that begin so mean something.
PLAIN_KEYS = KEYS.filter(lambda key: not key.startswith("@"))
DATA = json_of(PLAIN_KEYS)
COLLECTION = '{"@ref":{"id":"spells","collection":{"@ref":{"id":"collections"}}}}'
REF = q.ref(q.collection("spells"), "1")

Asked = tuple[FaunaClient, list[RequestResult]]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """A client whose queries take the short way, and what an observer saw of the same on the long way."""
    seen: list[RequestResult] = []
    with FaunaClient(secret="secret", endpoint="sqlite://?name=stored-answer") as client:
        client.query(q.create_collection({"name": "spells"}))
        client.query(q.create(REF, {"data": {}}))
        yield client, seen
    seen.clear()


@pytest.mark.parametrize("more", [{}, {"ttl": q.time("2100-01-01T00:00:00Z")}], ids=["", "ttl"])
@given(DATA)
@settings(max_examples=60)
def test_both_ways_give_the_same(asked: Asked, more: dict[str, Any], value: Any) -> None:
    client, seen = asked
    client.query(q.replace(REF, {"data": {"value": value}, **more}))
    watching = client.new_session_client("secret", observer=seen.append)
    short, watched = client.query(q.get(REF)), watching.query(q.get(REF))
    assert short == watched == parse_json(seen[-1].response_raw)["resource"]
    assert repr(short) == repr(watched)
    assert list(short) == list(watched)


@pytest.mark.parametrize(
    "data",
    [
        {"at": q.time("2020-01-01T00:00:00Z")},
        {"day": q.date("2020-01-01")},
        {"bytes": b"abc"},
        {"other": REF},
        {"collection": q.collection("spells")},
        {"all": q.documents(q.collection("spells"))},
        {"double": q.multiply(1e308, 10)},
        {"function": q.query(lambda x: x)},
        None,
        {},
    ],
    ids=repr,
)
def test_values_that_json_lacks_are_read_all_the_same(asked: Asked, data: Any) -> None:
    client, seen = asked
    client.query(q.replace(REF, {"data": data}))
    watching = client.new_session_client("secret", observer=seen.append)
    for _ in range(2):  # evaluated, and kept
        assert client.query(q.get(REF)) == watching.query(q.get(REF))


@pytest.mark.parametrize("page", [None, "{", '{"after":[{"@ref":{"id":"7"}}],'], ids=repr)
@given(st.dictionaries(PLAIN_KEYS, json_of(PLAIN_KEYS), min_size=1, max_size=3))
@settings(max_examples=60)
def test_parts_are_read_as_their_text_is(page: Optional[str], fields: dict[str, Any]) -> None:
    for ensure_ascii in (True, False):
        text = json.dumps(fields, ensure_ascii=ensure_ascii, separators=(",", ":"))
        assume('"@' not in text)  # the engine gives no parts of others
        answer = StoredAnswer(
            page, COLLECTION, ((7, 1_700_000_000_000_000, text),) * (1 if page is None else 3)
        )
        found = read_stored(*answer)
        assert found is not None
        if ensure_ascii:
            assert found == parse_json(answer.text)["resource"]


def test_what_is_too_deep_is_left_to_who_reads_the_text() -> None:
    assert read_stored(None, COLLECTION, ((1, 2, '{"data":' + "[" * 100_000 + "]" * 100_000 + "}"),)) is None


def _pages(**arguments: Any) -> Any:
    return q.paginate(q.documents(q.collection("pages")), **arguments)


FOURTH = q.ref(q.collection("pages"), "4")
PAGES: dict[str, Any] = {
    "first": _pages(size=3),
    "after": _pages(size=3, after=FOURTH),
    "before": _pages(size=3, before=FOURTH),
    "all": _pages(size=100),
    "none": _pages(after=q.ref(q.collection("pages"), "9999")),
    "two collections": q.paginate(
        q.union(q.documents(q.collection("pages")), q.documents(q.collection("spells")))
    ),
}


@pytest.fixture(scope="module")
def pages(asked: Asked) -> Asked:
    client, _ = asked
    client.query(q.create_collection({"name": "pages"}))
    for number in range(1, 9):
        data = {"n": number, "text": "\u00e9" * number, "deep": [{"a": None}]}
        client.query(q.create(q.ref(q.collection("pages"), str(number)), {"data": data}))
    return asked


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize(
    "change", [None, {"data": {"at": q.time("2020-01-01T00:00:00Z")}}, {"data": None}], ids=repr
)
def test_a_page_is_the_same_both_ways(pages: Asked, page: Any, change: Any) -> None:
    client, seen = pages
    if change is not None:
        client.query(q.replace(q.ref(q.collection("pages"), "5"), change))
    watching = client.new_session_client("secret", observer=seen.append)
    query = q.map_(lambda ref: q.get(ref), page)
    for _ in range(2):  # evaluated, and kept
        short, watched = client.query(query), watching.query(query)
        assert short == watched == parse_json(seen[-1].response_raw)["resource"]
        assert list(short) == list(watched)
        assert repr(short) == repr(watched)


#: Values of scalars, and such as only seem to be: of long strings, other characters, doubles, keys of tagged values.
_FLAT = SCALARS | st.sampled_from(["x" * 256, "x" * 257])
NEARLY_PLAIN = _FLAT | st.lists(_FLAT, max_size=70) | st.dictionaries(KEYS, _FLAT, max_size=5)


@given(NEARLY_PLAIN)
@settings(max_examples=200, deadline=None)
def test_a_value_of_scalars_is_the_same_both_ways(asked: Asked, value: Any) -> None:
    client, seen = asked
    watching = client.new_session_client("secret", observer=seen.append)
    query = q.let({"value": value}, q.var("value"))
    short, watched = client.query(query), watching.query(query)
    assert short == watched == parse_json(seen[-1].response_raw)["resource"]
    assert repr(short) == repr(watched)
    if is_plain(value):
        assert PlainAnswer(value).text == seen[-1].response_raw


def test_what_a_client_does_to_an_answer_does_not_show_in_the_next(asked: Asked) -> None:
    client, _ = asked
    for value in ({"a": 1}, [1, "b"]):
        for query in (value, q.if_(q.exists(REF), value, None)):
            for _ in range(3):  # evaluated, and kept
                answer = client.query(query)
                assert answer == value
                answer.clear()


@pytest.mark.parametrize(
    "value",
    [
        {"@a": 1},
        {"a": 1.0},
        {"\u00e9": 1},
        {"a": 1, RepeatedField("a", 0): 2},
        ["\u00e9"],
        ["x" * 257],
        [[]],
        [1] * 65,
    ],
    ids=repr,
)
def test_what_is_no_plain_value(value: Any) -> None:
    assert not is_plain(value)
