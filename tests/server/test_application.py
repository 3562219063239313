"""The ASGI application without a socket: what would take a minute, or a broken server, to see from outside."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import types
from typing import Any
from unittest import mock

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.storage.errors import StoreUnavailable
from faunadb.engine.wire import exchange
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest, HttpResponse
from faunadb.server import Application, bodies, serve, streams, turns
from faunadb.server.application import OPENING
from faunadb.server.listening import RefusedToServe, check_address, free_port, is_loopback, shown_address
from faunadb.server.serving import _ALLOCATOR
from tests.server import asgi


@pytest.fixture
def application():
    engine = open_engine("sqlite://", secret="secret")
    yield Application(engine)
    engine.close()


def scope(**headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": pairs,
        "client": ("127.0.0.1", 5),
    }


def run(application: Application, incoming: list[Any], **headers: str) -> list[dict[str, Any]]:
    """What the application sends for messages that arrive; after them nothing more comes."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asgi.run(application(scope(**headers), receive, send))
    return sent


PIECE = {"type": "http.request", "body": b'{"add":', "more_body": True}


@pytest.mark.parametrize("incoming", [[], [PIECE]], ids=["nothing", "a part"])
def test_a_client_that_stops_sending_is_told_so(application, monkeypatch, incoming):
    monkeypatch.setattr(bodies, "READ_TIMEOUT", 0.02)
    start, body = run(application, list(incoming))
    assert start["status"] == 408
    assert body["body"] == b'{"error":"request timeout: Client timed out."}'
    assert (b"connection", b"close") in start["headers"]


def test_half_a_request_is_not_run(application):
    start, body = run(application, [PIECE, {"type": "http.disconnect"}])
    assert (start["status"], body["body"]) == (400, b'{"error":"bad request"}')
    assert (b"connection", b"close") in start["headers"]


def test_a_body_of_the_announced_length_is_not_waited_for_any_longer(application):
    """More messages than needed cost threads switches: the last one would only say that nothing more comes."""
    whole = {"type": "http.request", "body": b'{"add":[1,2]}', "more_body": True}
    start, body = run(
        application, [whole], content_length="13", authorization="Bearer secret", x_faunadb_api_version="4"
    )
    assert (start["status"], body["body"]) == (200, b'{"resource":3}')


def test_the_access_log_shows_neither_secrets_nor_data(application, caplog):
    caplog.set_level("INFO", "faunadb.server.access")
    body = {"type": "http.request", "body": b'{"add":[1,2]}'}
    run(application, [body], authorization="Bearer secret", x_faunadb_api_version="4")
    (record,) = [record for record in caplog.records if record.name == "faunadb.server.access"]
    entry = json.loads(record.getMessage())
    assert (entry["method"], entry["path"], entry["status"], entry["client"]) == (
        "POST",
        "/",
        200,
        "127.0.0.1",
    )
    assert "secret" not in record.getMessage()
    assert "add" not in record.getMessage()


@pytest.fixture
def on_file(tmp_path):
    with open_engine(f"sqlite:///{tmp_path}/main.db", secret="secret") as engine:
        assert engine.opens("Bearer secret")  # strangers are served elsewhere
        yield Application(engine)


def at_once(
    application: Application, *requests: tuple[bytes, dict[str, str]]
) -> list[tuple[int, int, bytes]]:
    """Status, time and body of requests that come together, each with headers of its own."""
    answers: dict[int, list[dict[str, Any]]] = {}

    async def ask(number: int, body: bytes, headers: dict[str, str]) -> None:
        sent = answers[number] = []
        authorized = {"authorization": "Bearer secret", "x_faunadb_api_version": "4", **headers}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await application(scope(**authorized), receive, send)

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(number, *request) for number, request in enumerate(requests)))

    asgi.run(all_of_them())
    pairs = [answers[number] for number in range(len(requests))]
    return [
        (start["status"], int(dict(start["headers"])[b"x-txn-time"]), body["body"]) for start, body in pairs
    ]


def test_what_comes_together_is_read_from_one_snapshot(on_file, monkeypatch):
    taken = []
    snapshot = on_file.engine.store.snapshot
    monkeypatch.setattr(on_file.engine.store, "snapshot", lambda **by: taken.append(by) or snapshot(**by))
    now = (b'{"now":null}', {})
    first = at_once(on_file, now, now, now)
    assert len({time for _, time, _ in first}) == len({body for _, _, body in first}) == len(taken) == 1
    ((_, later, _),) = at_once(on_file, now)
    assert later > first[0][1]
    assert on_file.engine.store._pool.idle  # the connection was given back


def test_a_function_that_reads_needs_no_thread(on_file, monkeypatch):
    body = {"query": {"lambda": "x", "expr": {"add": [{"var": "x"}, {"count": {"functions": None}}]}}}
    double = {"create_function": {"object": {"name": "plus", "body": body}}}
    at_once(on_file, (json.dumps(double).encode(), {}))
    monkeypatch.setattr(on_file, "_pool", types.SimpleNamespace())  # no thread can be asked
    for module in (turns, exchange):
        monkeypatch.setattr(module, "QUICK_SECONDS", 30.0)  # however busy the machine is
    for number in range(3):
        call = b'{"call":{"function":"plus"},"arguments":%d}' % number
        assert [body for _, _, body in at_once(on_file, (call, {}))] == [b'{"resource":%d}' % (number + 1)]


def test_what_comes_after_a_snapshot_was_opened_is_not_read_from_it(on_file, monkeypatch):
    snapshot = on_file.engine.store.snapshot
    shared = []

    def opening(deadline: float) -> Any:
        asyncio.get_running_loop().call_soon(lambda: shared.append(on_file._turns._snapshot))
        return snapshot(deadline=deadline)

    monkeypatch.setattr(on_file.engine.store, "snapshot", opening)
    at_once(on_file, (b'{"now":null}', {}))
    assert shared == [None]


def test_a_store_that_cannot_be_read_is_told(on_file, monkeypatch):
    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(on_file.engine.store, "snapshot", refuse)
    ((status, _, body),) = at_once(on_file, (b'{"now":null}', {}))
    assert (status, b"the disk is gone" in body) == (503, True)


def test_who_has_seen_more_than_the_snapshot_shows_gets_another(on_file):
    ahead = on_file.engine.store.time() + 2_000_000
    plain, demanding = at_once(on_file, (b"1", {}), (b"1", {"x_last_seen_txn": str(ahead)}))
    assert plain[0] == demanding[0] == 200
    assert plain[1] < ahead <= demanding[1]


def test_a_write_is_seen_by_whatever_comes_after_its_answer(on_file):
    create = (b'{"create_collection":{"object":{"name":"c"}}}', {})
    count = (b'{"count":{"collections":null}}', {})
    assert [status for status, _, _ in at_once(on_file, create)] == [201]
    for n in range(1, 20):
        assert {body for _, _, body in at_once(on_file, count, count)} == {b'{"resource":%d}' % n}
        more = (b'{"create_collection":{"object":{"name":"c%d"}}}' % n, {})
        assert [status for status, _, _ in at_once(on_file, more)] == [201]


def moments_of_events(application: Application, count: int) -> list[float]:
    """When each of count events of one transaction was sent, in seconds of the loop's clock."""
    moments: list[float] = []

    def query(expression: Any) -> None:
        text = json.dumps(expression).encode()
        request = HttpRequest("POST", "/", "", {"authorization": "Bearer secret"}, text)
        assert handle(application.engine, request).status in (200, 201)

    create = {"create": {"collection": "c"}, "params": {"object": {}}}
    query({"create_collection": {"object": {"name": "c"}}})
    incoming = [{"type": "http.request", "body": b'{"documents":{"collection":"c"}}'}]

    async def follow() -> None:
        loop, all_sent = asyncio.get_running_loop(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop(0)
            await all_sent.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if b'"start"' in message.get("body", b""):
                loop.run_in_executor(None, query, {"do": [create] * count})
            elif message.get("body"):
                moments.append(loop.time())
            if len(moments) == count:
                all_sent.set()

        await application({**scope(authorization="Bearer secret"), "path": "/stream"}, receive, send)

    asgi.run(follow())
    return moments


def test_events_are_sent_apart_from_each_other(application):
    """The Go and JVM drivers take what arrives at once for one event, and lose the rest."""
    moments = moments_of_events(application, 10)
    assert min(after - before for before, after in zip(moments, moments[1:])) > 0.0019


def test_very_many_events_do_not_wait_for_each_other(application, monkeypatch):
    monkeypatch.setattr(streams, "EVENTS_APART", 0.05)
    monkeypatch.setattr(streams, "FEW_EVENTS", 3)
    moments = moments_of_events(application, 200)
    assert moments[190] - moments[0] < 5
    assert moments[-1] - moments[-3] >= 0.0999


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_the_default_secret_stays_on_this_machine(host, loopback):
    assert is_loopback(host) is loopback
    check_address(host, "another")
    if loopback:
        check_address(host, "secret")
    else:
        with pytest.raises(RefusedToServe, match="default secret"):
            check_address(host, "secret")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "sqlite://", "workers": 2}, "memory belongs to one process"),
        ({"url": "sqlite:", "workers": 2}, "memory belongs to one process"),
        ({"url": "SQLite:///", "workers": 2}, "memory belongs to one process"),
        ({"url": "sqlite://?name=shared", "workers": 2}, "memory belongs to one process"),
        ({"url": "sqlite:///:memory:", "workers": 2}, "memory belongs to one process"),
        ({"url": "sqlite:///%3Amemory%3A?durability=full", "workers": 2}, "memory belongs to one process"),
        ({"url": "sqlite://", "certificate": "a.pem"}, "both a certificate and its private key"),
        ({"url": "sqlite://", "host": "0.0.0.0"}, "default secret"),
        ({"url": "sqlite://", "host": "no such host", "secret": "x"}, "cannot listen on no such host: "),
        (
            {"url": "sqlite://", "host": "192.0.2.1", "port": 1, "secret": "x"},
            r"cannot listen on 192\.0\.2\.1:1: ",
        ),
        (
            {"url": "sqlite://", "certificate": __file__, "private_key": __file__},
            "cannot use the certificate .*py",
        ),
        ({"url": "sqlite://", "http_port": 8080}, "--http-port is for HTTP beside HTTPS"),
    ],
)
@mock.patch.dict(os.environ)  # in which `serve` leaves what its workers are to find
def test_what_cannot_work_is_refused_before_anything_listens(options, message):
    with pytest.raises(RefusedToServe, match=message):
        serve(**options)


@mock.patch.dict(os.environ)
def test_a_port_that_is_taken_is_told():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(RefusedToServe, match=f"cannot listen on localhost:{port}: "):
            serve("sqlite://", host="localhost", port=port)


def test_addresses_are_shown_as_in_urls():
    assert shown_address("::1", 8443) == "[::1]:8443"
    assert shown_address("localhost", 8443) == "localhost:8443"


def test_a_client_that_went_away_ends_its_stream(application):
    """However that is noticed: here what is sent to it fails, and nothing is received any more."""
    incoming = [{"type": "http.request", "body": b'{"documents":{"collection":"c"}}'}]
    request = HttpRequest(
        "POST", "/", "", {"authorization": "Bearer secret"}, b'{"create_collection":{"object":{"name":"c"}}}'
    )
    assert handle(application.engine, request).status == 201
    sent = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            raise ConnectionError

    stream = {**scope(authorization="Bearer secret"), "path": "/stream"}
    asgi.run(application(stream, receive, send))
    assert sent == ["http.response.start", "http.response.body"]


def test_streams_are_opened_a_few_at_a_time(application, monkeypatch):
    """What opening one takes for a moment would, of thousands at once, stay in memory between what they need on."""
    lock = threading.Lock()
    at_once, most, full = 0, 0, threading.Event()

    def answer(engine: Any, request: HttpRequest) -> HttpResponse:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == OPENING:
                full.set()
        assert full.wait(10)
        with lock:
            at_once -= 1
        return HttpResponse(400, [], b"{}")

    async def open_one() -> None:
        incoming = [{"type": "http.request", "body": b"1"}]

        async def receive() -> dict[str, Any]:
            return incoming.pop()

        async def send(message: dict[str, Any]) -> None:
            pass

        await application({**scope(authorization="Bearer secret"), "path": "/stream"}, receive, send)

    async def open_many() -> None:
        await asyncio.gather(*[open_one() for _ in range(5 * OPENING)])

    assert application.engine.opens("Bearer secret")
    monkeypatch.setattr(application, "_handle", answer)
    asgi.run(open_many())
    assert most == OPENING


@pytest.mark.parametrize("length", ["", "x", "-1", "1_0", "²", "1" * 5000])
def test_a_length_that_is_none_is_a_bad_request(application, length):
    for secret in ({}, {"authorization": "Bearer secret"}):
        run(application, [{"type": "http.request", "body": b"1"}], content_length="1", **secret)
        start, body = run(application, [], content_length=length, **secret)
        assert (start["status"], body["body"]) == (400, b'{"error":"bad request"}')


def test_granian_finds_the_options_of_its_allocator_when_it_is_loaded(monkeypatch):
    name, options = _ALLOCATOR
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    found = []

    class Granian(types.ModuleType):
        def __getattr__(self, attribute: str) -> Any:
            found.append(os.environ.get(name))
            raise AttributeError(attribute)

    monkeypatch.setitem(sys.modules, "granian", Granian("granian"))
    with pytest.raises(ImportError, match="extra 'server'"):
        serve(port=free_port())
    assert set(found) == {options}


def test_nothing_loads_granian_before_serve_does():
    program = "import sys, faunadb.cli.app, faunadb.cli.commands, faunadb.server.serving; assert 'granian' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
