"""Streams over the server: framing, very many of them, slow readers (wire protocol, "Streaming")."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import Any

import httpx
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived

from tests.server.asgi import run
from tests.server.conftest import create, ref
from tests.server.running import AsyncStream, Http, Server, eventually, standard

IDLE, ACTIVE = 1000, 100


def update(number: int, **data: Any) -> Any:
    return {"update": ref(number), "params": {"object": {"data": {"object": data}}}}


def test_events_come_in_chunks_of_their_own(server):
    with Http(server) as reader, Http(server) as writer:
        headers = reader.stream(ref(2), "?fields=action,diff")
        assert headers["transfer-encoding"] == "chunked"
        assert headers["content-type"] == "application/json;charset=utf-8"
        assert headers["x-fauna-stream-id"].isdigit()
        start = reader.event()
        assert (start["type"], start["event"]) == ("start", start["txn"])
        for n in range(20):
            writer.query(update(2, n=n))
        events = [reader.event() for _ in range(20)]
        assert [event["event"]["diff"]["data"]["n"] for event in events] == list(range(20))
        assert {event["event"]["action"] for event in events} == {"update"}


def test_a_stream_and_queries_share_a_connection_of_http2(server):
    with httpx.Client(http1=False, http2=True, headers=standard(), timeout=20) as client:
        body = json.dumps({"documents": {"collection": "c"}})
        with client.stream("POST", server.address + "/stream", content=body) as response:
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
            pieces = response.iter_raw()
            assert json.loads(next(pieces))["type"] == "start"
            # the same connection carries queries meanwhile
            answer = client.post(server.address, content=json.dumps(create(500, n=1)))
            assert answer.status_code == 201
            event = json.loads(next(pieces))
            assert (event["type"], event["event"]["action"]) == ("set", "add")


class Http2:
    """One HTTP/2 connection whose streams can be reset, which HTTP libraries hide."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 20)
        self._protocol = H2Connection(H2Configuration(client_side=True))
        self._protocol.initiate_connection()

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _flush(self) -> None:
        self._socket.sendall(self._protocol.data_to_send())

    def stream(self, expression: Any) -> int:
        """Open a stream and wait for its first event; its number."""
        number = self._protocol.get_next_available_stream_id()
        names = {":method": "POST", ":path": "/stream", ":scheme": "http", ":authority": "localhost"}
        self._protocol.send_headers(number, [*names.items(), *standard().items()])
        self._protocol.send_data(number, json.dumps(expression).encode(), end_stream=True)
        self._flush()
        while True:
            for event in self._protocol.receive_data(self._socket.recv(65536)):
                if isinstance(event, DataReceived) and event.stream_id == number:
                    return number

    def reset(self, number: int) -> None:
        self._protocol.reset_stream(number, ErrorCodes.CANCEL)
        self._flush()


def test_a_reset_of_http2_ends_a_stream_and_leaves_its_connection(server):
    """Drivers close streams so. The server watches for commits of other processes while there is any stream."""
    with Http2(server) as http:
        numbers = [http.stream(ref(1)) for _ in range(20)]
        watched = server.held().threads
        for number in numbers:
            http.reset(number)
        eventually(lambda: server.held().threads < watched, "nobody watches any more")
        assert http.stream(ref(1)) > numbers[-1]


def test_refusals_are_plain_answers(server):
    with Http(server) as http:
        for body, code in ((b'"text"', "invalid argument"), (b"{", "invalid expression")):
            answer = http.ask("POST", "/stream", body)
            assert (answer.status, answer.error[0]) == (400, code)
        assert http.ask("POST", "/stream?fields=wrong", b"1").status == 400
        assert http.ask("POST", "/stream", b"1", "wrong").status == 401


def test_a_thousand_idle_and_a_hundred_active_streams(server):
    async def scenario() -> None:
        idle = [await AsyncStream.open(server, ref(1)) for _ in range(IDLE)]
        active = [await AsyncStream.open(server, ref(3)) for _ in range(ACTIVE)]
        for stream in idle + active:
            assert (await stream.event())["type"] == "start"
        with Http(server) as http:
            for n in range(10):
                await asyncio.get_running_loop().run_in_executor(None, http.query, update(3, n=n))
        for stream in active:
            seen = [(await stream.event())["event"]["document"]["data"]["n"] for _ in range(10)]
            assert seen == list(range(10))
        assert not any(stream.reader._buffer for stream in idle)
        for stream in idle + active:
            await stream.close()

    run(scenario(), patience=60)


def test_a_slow_reader_is_cut_off_and_hinders_nobody(server):
    """Wire protocol, "Permissions and errors while streaming"."""
    text = "x" * 2_000_000
    writes = 45  # more than the stream's buffer and the operating system's together
    with Http(server) as slow, Http(server) as quick, Http(server) as writer:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.stream(ref(4))
        quick.stream(ref(4))
        assert quick.event()["type"] == "start"
        for n in range(writes):
            writer.query(update(4, n=n, text=text))
            assert quick.event()["event"]["document"]["data"]["n"] == n
        events = [slow.event()]
        while events[-1]["type"] != "error":
            events.append(slow.event())
        assert events[-1]["txn"] == 0
        assert events[-1]["event"]["code"] == "time out"
        congestion = r"Stream closed due to congestion after accumulating [1-9]\d* items\."
        assert re.fullmatch(congestion, events[-1]["event"]["description"])
        seen = [event["event"]["document"]["data"]["n"] for event in events[1:-1]]
        assert seen == list(range(len(seen)))
        assert len(seen) < writes
        assert slow.event() is None
        writer.query(update(4, n=0, text=""))
        assert quick.event()["event"]["document"]["data"]["n"] == 0
