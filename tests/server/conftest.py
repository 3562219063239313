"""Servers as processes: one for a whole module of tests that leave no traces, and fresh ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

from tests.server.running import Http, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A server on a file, with a collection ``c`` of documents 1 to 5 and an index ``by_n``."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('server')}/main.db").start()
    prepare(running)
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    """start(*options) starts a server on the test's own file; all are stopped when the test ends."""
    started: list[Server] = []

    def begin(*options: str, url: str = "", **settings: Any) -> Server:
        running = Server(url or f"sqlite:///{tmp_path}/own.db", *options, **settings)
        started.append(running)
        return running.start()

    yield begin
    for running in started:
        if running.process is not None and running.process.poll() is None:
            running.stop()


@pytest.fixture
def http(server) -> Iterator[Http]:
    with Http(server) as connection:
        yield connection


def prepare(server: Server) -> None:
    with Http(server) as http:
        http.query({"create_collection": {"object": {"name": "c"}}})
        http.query(
            {
                "create_index": {
                    "object": {
                        "name": "by_n",
                        "source": {"collection": "c"},
                        "terms": [{"object": {"field": ["data", "n"]}}],
                        "active": True,
                    }
                }
            }
        )
        for number in range(1, 6):
            http.query(create(number, n=number))


def ref(number: int, collection: str = "c") -> Any:
    return {"ref": {"collection": collection}, "id": str(number)}


def create(number: int, collection: str = "c", **data: Any) -> Any:
    return {"create": ref(number, collection), "params": {"object": {"data": {"object": data}}}}
