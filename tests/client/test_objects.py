"""References, times, sets, pages and errors as Python objects."""

from __future__ import annotations

import copy
import datetime
import json
import pickle

import pytest

from faunadb import objects
from faunadb import query as q
from faunadb._json import to_json
from faunadb.errors import (
    BadRequest,
    ErrorData,
    Failure,
    FaunaError,
    HttpError,
    NotFound,
    Unauthorized,
    UnexpectedError,
    _get_or_raise,
)
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef, json_default
from faunadb.page import Page
from faunadb.request_result import RequestResult
from faunadb.streams.errors import StreamError

UTC = datetime.timezone.utc


def result(status: int, content: object) -> RequestResult:
    return RequestResult("POST", "", None, {"a": 1}, "", content, status, {}, 1.0, 2.5)


def test_a_ref_has_an_id_a_collection_and_a_database() -> None:
    collection = Ref("c", Native.COLLECTIONS)
    database = Ref("d", Native.DATABASES)
    ref = Ref("1", collection, database)
    assert (ref.id(), ref.collection(), ref.database()) == ("1", collection, database)
    assert str(ref) == repr(ref)
    named = Ref("1", db="d")
    assert (str(named), repr(named)) == ("Ref(id=1, database=d)", "Ref(id=1, database='d')")
    with pytest.warns(DeprecationWarning, match="class_: use collection instead"):
        assert ref.class_() == collection
    with pytest.raises(ValueError, match="must have an id"):
        Ref(None)


def test_native_has_a_constant_for_each_native_collection() -> None:
    names = "collections indexes databases functions keys tokens credentials roles access_providers".split()
    for name in names:
        constant = getattr(Native, name.upper())
        assert constant is Native.from_name(name)
        assert constant is Native.from_name(name.upper())
        assert constant == Ref(name)
    assert Native.from_name("tasks") == Ref("tasks")
    with pytest.raises(TypeError):
        Native()


def test_a_time_keeps_nanoseconds_and_needs_an_offset() -> None:
    assert FaunaTime("1970-01-01T00:00:00+00:00") == FaunaTime("1970-01-01T00:00:00Z")
    nanoseconds = FaunaTime("1970-01-01T00:00:00.123456789Z")
    assert nanoseconds.value.endswith(".123456789Z")
    assert nanoseconds.to_datetime() == datetime.datetime(1970, 1, 1, 0, 0, 0, 123456, UTC)
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=-8)))
    assert FaunaTime(moment).to_datetime() == moment
    with pytest.raises(ValueError, match="offset-aware"):
        FaunaTime(datetime.datetime(2020, 1, 1))
    with pytest.raises(TypeError, match="ISO 8601"):
        FaunaTime(3)
    with pytest.raises(ValueError):
        FaunaTime("garbage").to_datetime()


@pytest.mark.parametrize(
    "value",
    [
        Ref("1", Native.KEYS),
        SetRef(q.match(q.index("i"))),
        FaunaTime("2020-01-01T00:00:00Z"),
        q.get(1),
        Query({}),
    ],
)
def test_copies_are_equal(value: object) -> None:
    for copied in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert copied == value
        assert repr(copied) == repr(value)


def test_a_page_has_elements_and_cursors() -> None:
    page = Page.from_raw({"data": [1, 2], "after": ["x"]})
    assert repr(page) == "Page(data=[1, 2], before=None, after=['x'])"
    assert repr(Page(["a"], before="x")) == "Page(data=['a'], before=x, after=None)"
    assert page == Page([1, 2], after=["x"])
    assert page != Page([1, 2])
    assert page.map_data(lambda number: number + 1) == Page([2, 3], None, ["x"])
    with pytest.raises(KeyError):
        Page.from_raw({"after": 1})


class Pages:
    """A client that knows three pages. onward: the name of their cursors."""

    def __init__(self, onward: str = "after") -> None:
        self.onward = onward
        self.queries: list[str] = []

    def query(self, expression: object) -> dict[str, object]:
        self.queries.append(to_json(expression))
        number = len(self.queries)
        page: dict[str, object] = {"data": [number * 10, number * 10 + 1]}
        return page if number == 3 else {**page, self.onward: [number]}


def test_set_iterator_fetches_pages_as_needed() -> None:
    client = Pages()
    elements = Page.set_iterator(
        client,
        q.documents(q.collection("c")),
        map_lambda=lambda x: q.get(x),
        mapper=lambda x: -x,
        page_size=2,
    )
    assert client.queries == []
    assert next(elements) == -10
    assert len(client.queries) == 1
    assert list(elements) == [-11, -20, -21, -30, -31]
    expected = '{"map":{"lambda":"x","expr":{"get":{"var":"x"}}},"collection":{"paginate":{"documents":{"collection":"c"}},"size":2%s}}'
    assert client.queries == [expected % "", expected % ',"after":[1]', expected % ',"after":[2]']


def test_set_iterator_goes_backwards_from_a_page_that_is_the_last() -> None:
    client = Pages("before")
    assert list(Page.set_iterator(client, q.documents(q.collection("c")))) == [10, 11, 20, 21, 30, 31]
    expected = '{"paginate":{"documents":{"collection":"c"}}%s}'
    assert client.queries == [expected % "", expected % ',"before":[1]', expected % ',"before":[2]']


def test_errors_say_what_the_server_said() -> None:
    failures = [{"field": ["data", "x"], "code": "invalid type", "description": "F"}]
    cause = [{"position": [], "code": "invalid argument", "description": "C"}]
    raw = {
        "position": ["a", 0],
        "code": "call error",
        "description": "D",
        "failures": failures,
        "cause": cause,
    }
    error = BadRequest(result(400, {"errors": [raw]}))
    assert error.errors == [
        ErrorData(
            "call error",
            "D",
            ["a", 0],
            [Failure("invalid type", "F", ["data", "x"])],
            [ErrorData("invalid argument", "C", [], None)],
        )
    ]
    assert str(error) == repr(error.errors[0])
    assert error.args == ("D",)
    assert error.request_result.status_code == 400
    assert repr(ErrorData("c", "d", ["p"], [])) == (
        "ErrorData(code='c', description='d', position=['p'], failures=[], cause=None)"
    )
    assert repr(Failure("c", "d", ["f"])) == "Failure(code='c', description='d', field=['f'])"
    assert len({ErrorData("c", "d", None, None), ErrorData("c", "d", None, None)}) == 1


@pytest.mark.parametrize("said", ["Unauthorized", "unauthorized", "The key expired."])
def test_the_description_of_unauthorized_is_the_drivers(said: str) -> None:
    errors = [{"code": "unauthorized", "description": said}, {"code": "c", "description": "d"}]
    error = Unauthorized(result(401, {"errors": errors}))
    assert [found.description for found in error.errors] == [
        "Unauthorized. Check that endpoint, schema, port and secret are correct during client\u2019s instantiation",
        "d",
    ]


def test_errors_survive_pickling() -> None:
    error = Unauthorized(result(401, {"errors": [{"code": "unauthorized", "description": "Unauthorized"}]}))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    for plain in (
        UnexpectedError("text", None),
        StreamError("text"),
        FaunaError("text", error.request_result),
    ):
        copied = pickle.loads(pickle.dumps(plain))
        assert (type(copied), copied.args) == (type(plain), ("text",))
        assert (copied.request_result is None) == (plain.request_result is None)


@pytest.mark.parametrize(
    "content", [{}, [], None, {"error": "bad request"}, {"errors": [{"code": "c"}]}, {"errors": [1]}]
)
def test_malformed_error_bodies(content: object) -> None:
    with pytest.raises(UnexpectedError, match="does not contain expected key"):
        HttpError(result(400, content))


def test_status_codes() -> None:
    content = {"errors": [{"code": "c", "description": "d"}]}
    for status in (200, 201, 299):
        FaunaError.raise_for_status_code(result(status, content))
    with pytest.raises(NotFound):
        FaunaError.raise_for_status_code(result(404, content))
    for status in (300, 405, 418, 429, 502):
        with pytest.raises(UnexpectedError, match="Unexpected status code"):
            FaunaError.raise_for_status_code(result(status, content))


def test_get_or_raise() -> None:
    assert _get_or_raise(None, {"a": 1}, "a") == 1
    for dct in ({}, "a", None):
        with pytest.raises(UnexpectedError, match="expected key a"):
            _get_or_raise(None, dct, "a")
    assert result(200, {}).time_taken == 1.5


def test_an_exchange_shows_nothing_that_was_said() -> None:
    exchange = RequestResult(
        "POST",
        "",
        None,
        q.login("r", {"password": "p4ss"}),
        "fnABC",
        {"resource": "fnABC"},
        201,
        {},
        1.0,
        1.0125,
    )
    assert repr(exchange) == "RequestResult(POST /, status 201, 12.5 ms)"


def test_results_as_json() -> None:
    ref = Ref("1", Ref("spells", Ref("collections")))
    document = {
        "ref": ref,
        "data": {
            "at": FaunaTime("2020-01-01T00:00:00.123456789Z"),
            "python": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
            "on": datetime.date(2020, 2, 29),
            "raw": [b"\xff\xfe", bytearray(b"a")],
            "set": SetRef({"match": Ref("all", Ref("indexes"))}),
            "body": Query({"lambda": "x", "expr": {"var": "x"}}),
            "asked": q.now(),
        },
    }
    found = json.loads(json.dumps(document, default=json_default, indent=2))
    assert found["ref"]["@ref"]["collection"] == {
        "@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}
    }
    assert found["data"] == {
        "at": {"@ts": "2020-01-01T00:00:00.123456789Z"},
        "python": {"@ts": "2020-01-01T00:00:00Z"},
        "on": {"@date": "2020-02-29"},
        "raw": [{"@bytes": "__4="}, {"@bytes": "YQ=="}],
        "set": {"@set": {"match": {"@ref": {"id": "all", "collection": {"@ref": {"id": "indexes"}}}}}},
        "body": {"@query": {"lambda": "x", "expr": {"var": "x"}}},
        "asked": {"now": None},
    }
    with pytest.raises(TypeError, match="type <class 'object'>"):
        json.dumps({"a": object()}, default=json_default)
    with pytest.raises(ValueError, match="offset"):
        json.dumps(datetime.datetime(2020, 1, 1), default=json_default)


def test_expressions_have_a_public_type() -> None:
    assert q.Expr is objects.Expr is q._Expr
    assert isinstance(q.now(), q.Expr)
    assert isinstance(Ref("1"), q.Expr)
    assert pickle.loads(pickle.dumps(q.now())) == q.now()
