"""A usual request is answered in a shorter way, and as every other: with the same status, headers and body."""

from __future__ import annotations

import json
from typing import Any, Optional, Union

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language.stored_answer import StoredAnswer
from faunadb.engine.request import NotQuick
from faunadb.engine.wire import usual
from faunadb.engine.wire.http import handle, handle_quickly
from faunadb.engine.wire.messages import HttpRequest, HttpResponse

AUTHORIZATION = "Bearer secret"
REF = {"ref": {"collection": "spells"}, "id": "1"}
#: Headers whose values are another's each time.
CHANGING = ("x-txn-time", "x-query-time", "traceparent")


@pytest.fixture(scope="module", params=[0, 1 << 20], ids=["evaluated", "kept"])
def engine(tmp_path_factory, request):
    url = f"sqlite:///{tmp_path_factory.mktemp('usual')}/main.db"
    with open_engine(url, secret="secret", answers=request.param) as engine:
        for expression in (
            {"create_collection": {"object": {"name": "spells"}}},
            {"create": REF, "params": {"object": {"data": {"object": {"name": "Fire – Beak"}}}}},
        ):
            assert engine.opens(AUTHORIZATION)
            handle_request(engine, expression)
        yield engine


def handle_request(engine: Any, expression: Any) -> None:
    answer = handle(engine, request(expression))
    assert answer.status in (200, 201), answer.body


def request(expression: Any, **headers: str) -> HttpRequest:
    sent = {"authorization": AUTHORIZATION, "x-faunadb-api-version": "4"}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    body = expression if isinstance(expression, bytes) else json.dumps(expression).encode()
    return HttpRequest("POST", "/", "", sent, body)


def answer_usually(engine: Any, asked: HttpRequest, snapshot: Any) -> Optional[HttpResponse]:
    """The answer the usual way, as a server gives it; None for what is not usual."""
    headers = asked.headers
    options = usual.options_of({name: headers[name] for name in usual.DECIDING if name in headers})
    if options is not None and "x-last-seen-txn" in headers:
        options = usual.after(options, headers["x-last-seen-txn"])
    if options is None or not asked.body:
        return None
    secret = engine.authenticator.trusted_name(headers["authorization"])
    said = headers["authorization"], secret, asked.body, options, headers.get("traceparent"), lambda: asked
    answer = usual.answer(engine, snapshot, said)
    if isinstance(answer, usual.Write):
        raise NotQuick  # as every other way has it
    status, raw, body = answer
    return HttpResponse(status, [(name.decode(), value.decode()) for name, value in raw], body)


def answers(engine: Any, asked: HttpRequest) -> list[Union[HttpResponse, str]]:
    """What is said the usual way, where it can be, and what every other way."""
    given: list[Union[HttpResponse, str]] = []
    for way in (answer_usually, lambda *_: None):
        try:
            with engine.store.snapshot() as snapshot:
                given.append(way(engine, asked, snapshot) or handle_quickly(engine, asked, snapshot))
        except NotQuick:
            given.append("not quick")
    return given


def shown(answer: Union[HttpResponse, str]) -> Any:
    if isinstance(answer, str):
        return answer
    headers = [(name, "" if name in CHANGING else value) for name, value in answer.headers]
    assert all(value for name, value in answer.headers if name in CHANGING)
    return answer.status, headers, answer.body


@pytest.mark.parametrize(
    "expression",
    [
        {"get": REF},
        {"get": {**REF, "id": "2"}},
        {"select": "a", "from": 1},
        {"abort": "enough"},
        {"nonsense": 1},
        b"{",
        b"\xff",
        b"",
        1,
        {"create": REF, "params": {}},
        {"let": [{"a": 1}], "in": {"delete": REF}},
        {"if": True, "then": {"delete": REF}, "else": 1},
    ],
    ids=lambda expression: str(expression)[:30],
)
def test_it_is_the_answer_of_every_other_way(engine, expression):
    for _ in range(2):  # the second one may be kept
        one, other = answers(engine, request(expression))
        assert shown(one) == shown(other)


def written_usually(engine: Any, asked: HttpRequest) -> HttpResponse:
    """The answer the usual way to a query that writes."""
    headers = asked.headers
    options = usual.options_of({name: headers[name] for name in usual.DECIDING if name in headers})
    secret = engine.authenticator.trusted_name(headers["authorization"])
    assert options is not None
    said = headers["authorization"], secret, asked.body, options, headers.get("traceparent"), lambda: asked
    write = usual.Write(said)
    waiting = [write]
    engine.write_together(lambda: waiting.pop() if waiting else None)
    answer = write.answer(engine)
    assert answer is not None
    assert write.answer(engine) is None, "an answer is kept"
    status, raw, body = answer
    return HttpResponse(status, [(name.decode(), value.decode()) for name, value in raw], body)


@pytest.mark.parametrize(
    "expression",
    [
        {
            "create": {**REF, "id": "7"},
            "params": {"object": {"data": {"object": {"n": 1, "t": {"now": None}}}}},
        },
        {"create": REF, "params": {}},
        {"update": REF, "params": {"object": {"data": {"object": {"name": "Fire – Beak"}}}}},
        {"update": {**REF, "id": "9"}, "params": {}},
        {"do": [{"delete": REF}, {"abort": "enough"}]},
        {"delete": {**REF, "id": "7"}},
        {"create": {"collection": "nowhere"}, "params": {}},
        {"create": {"collection": "spells"}, "parms": {}},
    ],
    ids=lambda expression: str(expression)[:40],
)
@pytest.mark.parametrize("version", ["2.1", "4"])
def test_a_write_has_the_answer_of_every_other_way(engine, expression, version):
    asked = request({"do": [expression, {"abort": "to be the same again"}]}, x_faunadb_api_version=version)
    assert shown(written_usually(engine, asked)) == shown(handle(engine, asked))
    asked = request(expression, x_faunadb_api_version=version)
    one = written_usually(engine, asked)
    if one.status < 300:  # it has changed what the other would find
        same = handle(engine, request({"do": [{"update": REF, "params": {}}, 1]}))
        assert [name for name, _ in one.headers] == [name for name, _ in same.headers]
    else:
        assert shown(one) == shown(handle(engine, asked))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_faunadb_api_version": "2.1"},
        {"x_faunadb_api_version": "5"},
        {"x_last_seen_txn": "1700000000000000"},
        {"x_last_seen_txn": "9000000000000000000"},
        {"x_last_seen_txn": "-5"},
        {"x_last_seen_txn": "soon"},
        {"x_query_timeout": "5000"},
        {"x_query_timeout": "0"},
        {"x_max_retries_on_contention": "3"},
        {"x_max_retries_on_contention": "9"},
        {"x_fauna_tags": "a=b,c=d"},
        {"x_fauna_tags": "?"},
        {"x_trace": "1"},
        {"x_faunadb_formatted_json": "true"},
        {"user_agent": "curl/8"},
        {"user_agent": "Mozilla/5.0"},
        {"origin": "http://localhost:3000"},
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    ],
    ids=str,
)
def test_headers_mean_the_same(engine, headers):
    for _ in range(2):
        one, other = answers(engine, request({"get": REF}, **headers))
        if "x_trace" in headers:
            assert isinstance(one, HttpResponse)
            assert b'"trace"' in one.body
            continue  # it tells how long it took
        assert shown(one) == shown(other)


def test_what_is_usual_goes_the_short_way(engine):
    with engine.store.snapshot() as snapshot:
        assert answer_usually(engine, request({"get": REF}), snapshot) is not None
        assert answer_usually(engine, request({"get": REF}, x_fauna_tags="a=b"), snapshot) is None


def test_the_trace_of_a_request_goes_on(engine):
    trace = "0af7651916cd43dd8448eb211c80319c"
    asked = request({"get": REF}, traceparent=f"00-{trace}-b7ad6b7169203331-01")
    (one, _) = answers(engine, asked)
    assert isinstance(one, HttpResponse)
    version, given, span, flags = dict(one.headers)["traceparent"].split("-")
    assert (version, given, flags, len(span)) == ("00", trace, "00", 16)
    assert span != "b7ad6b7169203331"


def test_an_answer_is_that_of_its_secret_and_version(engine):
    """The same text under another version, or by another secret, is another question."""
    version_two, _ = answers(engine, request({"get": REF}, x_faunadb_api_version="2.1"))
    version_four, _ = answers(engine, request({"get": REF}))
    assert version_two.body != version_four.body  # type: ignore[union-attr]
    names = {
        engine.answers.name_of(secret, version, b"1")
        for secret, version in ((b"a" * 32, "4"), (b"a" * 32, "2.1"), (b"b" * 32, "4"))
    }
    assert len(names) == 3 or names == {None}


def test_the_text_of_a_kept_answer_is_made_once(engine, monkeypatch):
    made = []
    text_of = StoredAnswer.text.fget
    monkeypatch.setattr(StoredAnswer, "text", property(lambda parts: made.append(parts) or text_of(parts)))
    asked = request({"get": REF})
    with engine.store.snapshot() as snapshot:
        bodies = {answer_usually(engine, asked, snapshot).body for _ in range(3)}
    assert len(bodies) == 1
    assert len(made) <= (1 if engine.answers.name_of(b"", "4", b"") else 3)
