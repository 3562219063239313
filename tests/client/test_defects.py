"""Defects of the official driver 4.5.2, one test each: none of them may come back."""

from __future__ import annotations

import gc
import logging
import threading
import time
import traceback
import warnings
from typing import Any

import pytest
import requests

from faunadb import query as q
from faunadb._json import stream_content_to_json
from faunadb.client import FaunaClient
from faunadb.client_logger import show_request_result
from faunadb.errors import BadRequest, Unauthorized
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef
from faunadb.request_result import RequestResult
from faunadb.streams import events

from .conftest import PATIENCE, Connection, Incoming, Server

REF = Ref("1", Ref("spells", Native.COLLECTIONS))
START = b'{"type":"start","txn":1,"event":1}\r\n'


def test_1_timeout_applies(server: Server) -> None:
    server.handler = lambda connection, request: connection.hang()
    with FaunaClient("secret", endpoint=server.url, timeout=0.2) as client:
        start = time.monotonic()
        with pytest.raises(requests.exceptions.Timeout):
            client.query(1)
        with pytest.raises(requests.exceptions.Timeout):
            client.session.send(client.session.prepare_request(requests.Request("POST", server.url)))
    assert time.monotonic() - start < 60, "that is the timeout of whoever gives none"


def test_2_constructor_uses_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FaunaClient("secret").close()


def test_3_session_clients_keep_the_endpoint(server: Server) -> None:
    with FaunaClient("secret", endpoint=server.url) as client:
        session_client = client.new_session_client("other")
        assert session_client.base_url == server.url
        assert session_client.query(1) == 1
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer other"]


def test_4_streams_leave_the_shared_session_alone(server: Server, client: FaunaClient) -> None:
    def handler(connection: Connection, request: Incoming) -> None:
        connection.start_stream()
        connection.chunk(START)
        connection.send(b"0\r\n\r\n")

    server.handler = handler
    before = dict(client.session.headers)
    client.new_session_client("other").stream(REF).start()
    assert dict(client.session.headers) == before
    assert "Authorization" not in client.session.headers


def test_5_several_events_in_a_chunk_and_split_characters(server: Server, client: FaunaClient) -> None:
    second = '{"type":"version","txn":2,"event":{"text":"ü🦊"}}\r\n'.encode()

    def handler(connection: Connection, request: Incoming) -> None:
        connection.start_stream()
        connection.chunk(START + second + second[:-9])
        connection.chunk(second[-9:-8])
        connection.chunk(second[-8:])
        connection.send(b"0\r\n\r\n")

    server.handler = handler
    texts: list[Any] = []
    errors: list[Any] = []
    client.stream(
        REF, on_version=lambda event: texts.append(event.event["text"]), on_error=errors.append
    ).start()
    assert (texts, errors) == (["ü🦊", "ü🦊"], [])
    assert len(stream_content_to_json(START.decode() * 2)["values"]) == 2


def test_6_close_frees_socket_and_thread(server: Server, client: FaunaClient) -> None:
    started = threading.Event()
    hung_up = threading.Event()

    def handler(connection: Connection, request: Incoming) -> str:
        connection.start_stream()
        connection.chunk(START)
        if connection.wait_for_hangup():
            hung_up.set()
        return "close"

    server.handler = handler
    stream = client.stream(REF, on_start=lambda event: started.set())
    threads = set(threading.enumerate())
    reader = threading.Thread(target=stream.start)
    reader.start()
    assert started.wait(PATIENCE)
    assert len(set(threading.enumerate()) - threads - {reader}) <= 1, "only the server's own thread is new"
    stream.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert hung_up.wait(PATIENCE)


def test_7_everything_has_a_repr(client: FaunaClient) -> None:
    parsed = {"type": "history_rewrite", "txn": 1, "event": {}}
    assert repr(events.HistoryRewrite(parsed)) == "stream:event:HistoryRewrite(event={}, txn=1)"
    assert "idle" in repr(client.stream(REF, options={"fields": ["diff"]}))
    assert repr(client.stream(REF))
    assert repr(events.UnknownEvent({})) == "stream:event:UnknownEvent(event={})"


def test_8_only_parameters_become_fql_parameters() -> None:
    def function(a: Any, b: Any) -> Any:
        local = q.add(a, b)
        return local

    assert q.lambda_query(function).value["lambda"] == ["a", "b"]
    for unsupported in (lambda a=1: a, lambda *a: a, lambda a, *, b: a):
        with pytest.raises(ValueError, match="FQL lambda"):
            q.lambda_query(unsupported)


def test_9_expressions_are_hashable_and_compare_by_type() -> None:
    values = [REF, SetRef({"a": [1]}), FaunaTime("2020-01-01T00:00:00Z"), Query({"lambda": "x"}), q.get(REF)]
    assert len(set(values)) == len(values)
    assert SetRef({"a": 1}) != Query({"a": 1})
    assert q._Expr("2020-01-01T00:00:00Z") != FaunaTime("2020-01-01T00:00:00Z")
    assert {REF: 1}[Ref("1", Ref("spells", Native.COLLECTIONS))] == 1


def test_10_errors_without_entries() -> None:
    for kind, status in ((BadRequest, 400), (Unauthorized, 401)):
        error = kind(RequestResult("POST", "", None, None, "", {"errors": []}, status, {}, 0, 0))
        assert str(error) == "(empty `errors`)"
        assert error.errors == []


def test_11_half_made_clients_and_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    with pytest.raises(ValueError):
        FaunaClient("secret", endpoint="nonsense")
    FaunaClient.__new__(FaunaClient).__del__()
    gc.collect()
    assert complaints == []
    with FaunaClient("secret") as client:
        pass
    assert client.counter.counter == 0
    client.close()
    assert client.counter.counter == 0


def test_12_on_set_tags_and_traceparent(server: Server, client: FaunaClient) -> None:
    client.query(1, tags={"a": "b"}, traceparent=f"00-{'a' * 32}-{'b' * 16}-00")
    (request,) = server.requests
    assert request.headers["x-fauna-tags"] == "a=b"
    assert "traceparent" in request.headers
    seen: list[Any] = []
    stream = client.stream(REF, on_set=seen.append)
    event = events.Set({"type": "set", "txn": 1, "event": {}})
    stream._dispatcher.dispatch(event, None)
    assert seen == [event]


SECRET = "fnSECRET"


def test_13_secrets_are_not_shown(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.handler = lambda connection, request: connection.answer(
        {"errors": [{"code": "unauthorized", "description": "Unauthorized"}]}, status=401
    )
    shown: list[str] = []
    results: list[RequestResult] = []
    client = FaunaClient(SECRET, endpoint=server.url, observer=results.append)
    shown += [repr(client), repr(client.auth), str(client.auth), repr(client.stream(REF))]
    for attempt in (lambda: client.query(1), lambda: client.ping()):
        with pytest.raises(Unauthorized) as caught:
            attempt()
        shown += traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__)
    shown += [show_request_result(result) for result in results]
    streamed: list[Any] = []
    client.stream(REF, on_error=streamed.append).start()
    shown.append(repr(streamed))
    with pytest.raises(ValueError, match="control characters") as refused:
        FaunaClient(SECRET + "\r\nX-Injected: 1")
    shown.append(str(refused.value))
    assert len(results) == 3
    assert SECRET not in "".join(shown)
    assert SECRET not in caplog.text
    assert all(request.headers["authorization"] == f"Bearer {SECRET}" for request in server.requests)
