"""A query of a client that has gone ends, where the client has asked for that; others' go on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application
from faunadb.server.departures import HEADER
from tests.server.asgi import run, scope
from tests.server.running import Http, request_bytes, standard

#: Some minutes of work.
LONG = {
    "let": [{"text": {"repeat": "ab ", "number": 1024}}],
    "in": {"map": {"lambda": "_", "expr": {"titlecase": {"var": "text"}}}, "collection": list(range(50_000))},
}


@pytest.fixture
def application(tmp_path):
    with open_engine(f"sqlite:///{tmp_path}/main.db", secret="secret") as engine:
        yield Application(engine)


async def leave(application: Application, expression: Any, headers: dict[str, str]) -> list[Any]:
    """Ask, and go away; what was sent to nobody."""
    body = json.dumps(expression).encode()
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body}, {"type": "http.request", "body": b""}]

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    usual = {"authorization": "Bearer secret", "x-faunadb-api-version": "4", "content-length": str(len(body))}
    await application(scope({**usual, **headers}), receive, send)
    return sent


def test_a_query_ends_with_its_connection(application):
    async def story() -> None:
        for _ in range(2):  # before the secret is known, and then
            sent = await leave(application, LONG, {HEADER: "1", "x-query-timeout": "600000"})
            assert sent[0]["status"] == 503
            await leave(application, 1, {})
        writing = {"do": [{"create_collection": {"object": {"name": "c"}}}, LONG]}
        assert (await leave(application, writing, {HEADER: "1", "x-query-timeout": "600000"}))[0][
            "status"
        ] == 503
        sent = await leave(application, {"exists": {"collection": "c"}}, {HEADER: "1"})
        assert json.loads(sent[1]["body"]) == {"resource": False}

    run(story())


def test_other_queries_go_on(application):
    async def story() -> None:
        writing = {"do": [{"create_collection": {"object": {"name": "c"}}}, 1]}
        assert (await leave(application, writing, {}))[0]["status"] == 200

    run(story())


def test_many_that_leave_end_no_other(application):
    """A thread that goes on with another query is not told to end that one."""

    async def story() -> None:
        add = {"map": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}, "collection": list(range(2000))}
        for _ in range(2):
            leaving = [leave(application, add, {HEADER: "1"}) for _ in range(20)]
            staying = [leave(application, add, {}) for _ in range(20)]
            answers = await asyncio.gather(*leaving, *staying)
            assert {sent[0]["status"] for sent in answers[20:]} == {200}

    run(story())


def test_over_a_socket(start):
    """The next writer gets its turn long before the first one, which would take minutes, had been done."""
    server = start()
    with Http(server) as leaving:
        writing = {"do": [{"create_collection": {"object": {"name": "c"}}}, LONG]}
        body = json.dumps(writing).encode()
        headers = {**standard(), HEADER: "1", "x-query-timeout": "600000"}
        leaving.send(request_bytes("POST", "/", body, headers))
    with Http(server) as http:
        http.query({"create_collection": {"object": {"name": "d"}}})
        assert http.query({"exists": {"collection": "c"}}) is False
