"""Streams: framing, events, errors, and closing from everywhere."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, NotFound, PermissionDenied, Unauthorized, UnexpectedError
from faunadb.objects import Native, Ref
from faunadb.streams import Connection as StreamConnection
from faunadb.streams import EventDispatcher, Subscription, events
from faunadb.streams._buffer import EventBuffer
from faunadb.streams.errors import StreamError

from .conftest import PATIENCE, Connection, Incoming, Server

DOCUMENT = Ref("1", Ref("spells", Native.COLLECTIONS))


def event(kind: str, txn: int, body: Any = None) -> bytes:
    parsed = {"type": kind, "txn": txn, "event": txn if body is None else body}
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode() + b"\r\n"


class Listener:
    """Collects what the callbacks of a subscription get."""

    def __init__(self, client: FaunaClient, expression: Any = DOCUMENT, **options: Any) -> None:
        self.events: list[Any] = []
        self.arrived = threading.Event()
        names = ("on_start", "on_error", "on_version", "on_history", "on_set")
        self.stream = client.stream(expression, **options, **dict.fromkeys(names, self.note))

    def note(self, received: Any) -> None:
        self.events.append(received)
        self.arrived.set()

    @property
    def types(self) -> list[Any]:
        return [received.type for received in self.events]


def streaming(*chunks: bytes) -> Any:
    def handler(connection: Connection, request: Incoming) -> None:
        connection.start_stream()
        for chunk in chunks:
            connection.chunk(chunk)
        connection.send(b"0\r\n\r\n")

    return handler


def test_events_reach_their_callbacks(server: Server, client: FaunaClient) -> None:
    body = {"action": "create", "document": {"ref": {"@ref": {"id": "1"}}, "ts": 20}}
    server.handler = streaming(
        event("start", 10),
        event("version", 20, body),
        event("history_rewrite", 30, body),
        event("set", 40, body),
        event("news", 50, body),
    )
    seen: list[Any] = []
    client.observer = seen.append
    listener = Listener(client)
    listener.stream.start()
    assert listener.types == ["start", "version", "history_rewrite", "set"]
    start, version, history, in_set = listener.events
    assert (start.event, start.txn) == (10, 10)
    assert version.event == {"action": "create", "document": {"ref": Ref("1"), "ts": 20}}
    assert [type(received) for received in listener.events] == [
        events.Start,
        events.Version,
        events.HistoryRewrite,
        events.Set,
    ]
    assert repr(start) == "stream:event:Start(event=10, txn=10)"
    assert repr(in_set).startswith("stream:event:Set(event={'action': 'create'")
    assert client.get_last_txn_time() == 40
    assert [result.response_content["type"] for result in seen] == [
        "start",
        "version",
        "history_rewrite",
        "set",
        "news",
    ]
    assert (seen[0].method, seen[0].path, seen[0].status_code) == ("POST", "/stream", 200)
    assert server.requests[0].path == "/stream"
    assert server.requests[0].json == {
        "@ref": {
            "id": "1",
            "collection": {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}},
        }
    }


def test_request_of_a_stream(server: Server) -> None:
    server.handler = streaming(event("start", 10))
    with FaunaClient("secret", endpoint=server.url, query_timeout_ms=700) as client:
        client.sync_last_txn_time(5)
        listener = Listener(client, options={"fields": ["document", "diff"]})
        assert server.requests == []
        listener.stream.start()
    (request,) = server.requests
    assert request.path == "/stream?fields=document%2Cdiff"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["x-query-timeout"] == "700"
    assert request.headers["x-last-seen-txn"] == "5"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"fields": ["x"]}, ValueError, "Valid fields options are"),
        ({"fields": ["action", 5]}, ValueError, "Valid fields options are"),
        ({"fields": "action"}, TypeError, "must be a list"),
        ({"colour": "red"}, ValueError, "Valid stream options"),
        (5, TypeError, "must be a dict"),
    ],
)
def test_malformed_options(client: FaunaClient, options: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        client.stream(DOCUMENT, options=options)


def test_malformed_subscriptions(client: FaunaClient) -> None:
    with pytest.raises(Exception, match="Callback for event `start` is not callable"):
        client.stream(DOCUMENT, on_start=5)
    with pytest.raises(UnexpectedError, match="Unserializable object"):
        client.stream(object())


FRAMES = [
    event("start", 1),
    event("version", 2, {"text": 'Füchse 🦊 \\ " {}'}),
    event("version", 3, {"a": [1, {"b": "\n"}]}),
    event("set", 4, {"x": "}"}),
]
PARSED = [json.loads(frame) for frame in FRAMES]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_any_chunking_over_a_socket(size: int, server: Server, client: FaunaClient) -> None:
    everything = b"".join(FRAMES)
    server.handler = streaming(*[everything[at : at + size] for at in range(0, len(everything), size)])
    listener = Listener(client)
    listener.stream.start()
    assert [received.txn for received in listener.events] == [1, 2, 3, 4]
    assert [received.event for received in listener.events] == [parsed["event"] for parsed in PARSED]


@given(st.lists(st.integers(0, 400)), st.sampled_from([b"\r\n", b"\n", b"", b"\r\n\r\n"]))
def test_event_buffer_takes_any_chunking(cuts: list[int], separator: bytes) -> None:
    everything = separator.join(frame.strip() for frame in FRAMES) + separator
    places = sorted({0, len(everything), *[cut for cut in cuts if cut < len(everything)]})
    buffer = EventBuffer()
    found = [
        content for start, end in zip(places, places[1:]) for _, content in buffer.feed(everything[start:end])
    ]
    assert found == PARSED
    assert not buffer.has_rest


def test_event_buffer_gives_events_at_once() -> None:
    buffer = EventBuffer()
    assert buffer.feed(b'{"a":1}\r\n{"b"') == [('{"a":1}\r\n', {"a": 1})]
    assert buffer.has_rest
    assert [content for _, content in buffer.feed(b":2}")] == [{"b": 2}]
    assert buffer.feed(b"\r\n") == []
    assert not buffer.has_rest
    assert [content for _, content in buffer.feed(b'{\n  "c": 3\n}\n')] == [{"c": 3}]


def test_body_that_ends_with_the_connection(server: Server, client: FaunaClient) -> None:
    def handler(connection: Connection, request: Incoming) -> str:
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + FRAMES[0])
        assert listener.arrived.wait(PATIENCE), "the event must not wait for more bytes"
        connection.send(FRAMES[1])
        return "close"

    server.handler = handler
    listener = Listener(client)
    listener.stream.start()
    assert [received.txn for received in listener.events] == [1, 2]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid argument", BadRequest),
        (401, "unauthorized", Unauthorized),
        (403, "permission denied", PermissionDenied),
        (404, "not found", NotFound),
        (429, "too many requests", BadRequest),
    ],
)
def test_refused_streams(server: Server, client: FaunaClient, status: int, code: str, kind: type) -> None:
    body = {"errors": [{"code": code, "description": "Why not."}]}
    server.handler = lambda connection, request: connection.answer(body, status=status)
    seen: list[Any] = []
    client.observer = seen.append
    listener = Listener(client)
    listener.stream.start()
    (error,) = listener.events
    assert isinstance(error, events.Error)
    assert isinstance(error.error, kind)
    assert isinstance(error.error, BadRequest)
    assert (error.type, error.code) == ("error", code)
    assert error.error._get_description() == "Why not."
    assert [result.status_code for result in seen] == [status]


def test_refused_without_json(server: Server, client: FaunaClient) -> None:
    server.handler = lambda connection, request: connection.answer(b"<html>", status=502)
    listener = Listener(client)
    listener.stream.start()
    assert isinstance(listener.events[0].error, UnexpectedError)


def test_error_event(server: Server, client: FaunaClient) -> None:
    body = {"code": "permission denied", "description": "Authorization lost during stream evaluation."}
    server.handler = streaming(event("start", 1), event("error", 2, body))
    listener = Listener(client)
    listener.stream.start()
    assert listener.types == ["start", "error"]
    error = listener.events[1]
    assert (error.error, error.code, error.description) == (body, body["code"], body["description"])
    assert repr(error) == f"stream:event:Error({body})"


def test_broken_stream(server: Server, client: FaunaClient) -> None:
    def handler(connection: Connection, request: Incoming) -> str:
        connection.start_stream()
        connection.chunk(FRAMES[0])
        return "close"

    server.handler = handler
    listener = Listener(client)
    listener.stream.start()
    assert listener.types == ["start", "error"]
    assert isinstance(listener.events[1].error, Exception)


def test_stream_that_ends_within_an_event(server: Server, client: FaunaClient) -> None:
    server.handler = streaming(FRAMES[0], FRAMES[1][:-5])
    listener = Listener(client)
    listener.stream.start()
    assert listener.types == ["start", "error"]
    assert "within an event" in str(listener.events[1].error)


@pytest.mark.parametrize("txn", [True, "7", 1.5, None, 1 << 63, [1]])
def test_what_is_no_time_of_an_event_is_not_sent_back(server: Server, client: FaunaClient, txn: Any) -> None:
    server.handler = streaming(event("start", 5), event("version", txn, {}))
    listener = Listener(client)
    listener.stream.start()
    assert listener.types == ["start", "version"]
    assert repr(client.get_last_txn_time()) == "5"


def test_nobody_listens(closed_port: int) -> None:
    with FaunaClient("secret", endpoint=f"http://127.0.0.1:{closed_port}") as client:
        listener = Listener(client)
        listener.stream.start()
        client.stream(DOCUMENT).start()
    assert listener.types == ["error"]
    assert "secret" not in repr(listener.events)


def test_exception_of_a_callback(server: Server, client: FaunaClient) -> None:
    server.handler = streaming(FRAMES[0], FRAMES[1])
    errors: list[Any] = []
    problem = RuntimeError("boom")

    def on_start(received: Any) -> None:
        raise problem

    client.stream(DOCUMENT, on_start=on_start, on_error=errors.append).start()
    assert [error.error for error in errors] == [problem]


def endless(hung_up: threading.Event) -> Any:
    def handler(connection: Connection, request: Incoming) -> str:
        connection.start_stream()
        connection.chunk(FRAMES[0] + FRAMES[1])
        if connection.wait_for_hangup():
            hung_up.set()
        return "close"

    return handler


def test_close_from_a_callback(server: Server, client: FaunaClient) -> None:
    hung_up = threading.Event()
    server.handler = endless(hung_up)
    types: list[str] = []

    def on_start(received: Any) -> None:
        types.append(received.type)
        stream.close()

    stream = client.stream(
        DOCUMENT, on_start=on_start, on_version=lambda received: types.append(received.type)
    )
    stream.start()
    assert types == ["start"], "no callback after close()"
    assert hung_up.wait(PATIENCE), "the socket must be freed"


def test_close_from_another_thread(server: Server, client: FaunaClient) -> None:
    hung_up = threading.Event()
    server.handler = endless(hung_up)
    listener = Listener(client)
    reader = threading.Thread(target=listener.stream.start)
    reader.start()
    while len(listener.events) < 2:
        assert listener.arrived.wait(PATIENCE)
    listener.stream.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert hung_up.wait(PATIENCE)
    assert listener.types == ["start", "version"], "closing is not an error"


def test_close_before_the_server_answers(server: Server, client: FaunaClient) -> None:
    asked = threading.Event()
    hung_up = threading.Event()

    def handler(connection: Connection, request: Incoming) -> str:
        asked.set()
        if connection.wait_for_hangup():
            hung_up.set()
        return "close"

    server.handler = handler
    listener = Listener(client)
    reader = threading.Thread(target=listener.stream.start)
    reader.start()
    assert asked.wait(PATIENCE)
    listener.stream.close()
    reader.join(2)
    assert not reader.is_alive()
    assert hung_up.wait(PATIENCE)
    assert listener.events == []


def test_streams_outlive_the_timeout(server: Server) -> None:
    def handler(connection: Connection, request: Incoming) -> None:
        connection.start_stream()
        connection.chunk(FRAMES[0])
        waited = threading.Event()
        waited.wait(0.5)
        connection.chunk(FRAMES[1])
        connection.send(b"0\r\n\r\n")

    server.handler = handler
    with FaunaClient("secret", endpoint=server.url, timeout=0.2) as client:
        listener = Listener(client)
        listener.stream.start()
    assert listener.types == ["start", "version"]


def test_queries_during_a_stream(server: Server, client: FaunaClient) -> None:
    def handler(connection: Connection, request: Incoming) -> None:
        if request.path == "/stream":
            streaming(*FRAMES)(connection, request)
        else:
            connection.answer({"resource": request.json})

    server.handler = handler
    results: list[Any] = []
    client.stream(DOCUMENT, on_version=lambda received: results.append(client.query(received.txn))).start()
    assert results == [2, 3]


def test_a_subscription_starts_and_closes_once(server: Server, client: FaunaClient) -> None:
    server.handler = streaming(FRAMES[0])
    raised: list[str] = []

    def on_start(received: Any) -> None:
        with pytest.raises(StreamError) as caught:
            stream.start()
        raised.append(str(caught.value))

    stream = client.stream(DOCUMENT, on_start=on_start)
    stream.start()
    assert raised == ["Stream subscription already started."]
    stream.close()
    with pytest.raises(StreamError, match="Cannot close inactive stream subscription"):
        stream.close()
    with pytest.raises(StreamError, match="already started"):
        stream.start()
    unused = client.stream(DOCUMENT)
    unused.close()


def test_dispatcher_and_classes() -> None:
    dispatcher = EventDispatcher()
    seen: list[Any] = []
    dispatcher.on("start", seen.append)
    dispatcher.on("start", None)
    start = events.Start({"type": "start", "txn": 1, "event": 1})
    dispatcher.dispatch(start, None)
    dispatcher.dispatch(events.UnknownEvent(None), None)
    assert seen == [start]
    assert list(dispatcher.callbacks) == ["start"]
    assert issubclass(events.Start, events.ProtocolEvent)
    assert issubclass(events.Set, events.Event)


def test_embedded_stream() -> None:
    with FaunaClient("secret", endpoint="sqlite://") as client:
        client.query(q.create_collection({"name": "spells"}))
        ref = client.query(q.create(q.collection("spells"), {"data": {"a": 1}}))["ref"]
        types: list[str] = []

        def on_start(received: Any) -> None:
            types.append(received.type)
            client.query(q.update(ref, {"data": {"a": 2}}))

        def on_version(received: Any) -> None:
            types.append(received.event["action"])
            stream.close()

        stream = client.stream(
            ref, on_start=on_start, on_version=on_version, on_error=lambda e: types.append(repr(e))
        )
        reader = threading.Thread(target=stream.start, daemon=True)
        reader.start()
        reader.join(PATIENCE)
        assert types == ["start", "update"]
        assert not reader.is_alive()

        idle = Listener(client, ref)
        reader = threading.Thread(target=idle.stream.start, daemon=True)
        reader.start()
        assert idle.arrived.wait(PATIENCE)
        idle.stream.close()
        reader.join(PATIENCE)
        assert not reader.is_alive()
        assert idle.types == ["start"]


def test_connection_is_public(client: FaunaClient) -> None:
    subscription = Subscription(client, DOCUMENT, {"fields": ["action"]})
    assert isinstance(subscription._client, StreamConnection)
    assert subscription._client.state == "idle"
