"""PostgreSQL ends a session in the midst of an evaluation: nothing has been written yet, so it is done again elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("psycopg")

import psycopg

from faunadb.engine.engine import open_engine
from faunadb.engine.loading import Loader
from faunadb.engine.storage.base import MAX_LOST
from faunadb.engine.storage.postgres_reads import PgReads, PgSnapshot
from tests.engine.conftest import Database
from tests.engine.storage import places
from tests.engine.storage.places import Place
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


class Terminated:
    """Ends the session of a snapshot that is read from again, as often as it is told to."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.done = 0
        self._url = places.bare(url)
        read = PgReads._all

        def end_and_read(snapshot: Any, sql: str, parameters: Any) -> Any:
            if isinstance(snapshot, PgSnapshot) and self.left:
                self.left -= 1
                self.done += 1
                self._end(snapshot._conn.info.backend_pid)
            return read(snapshot, sql, parameters)

        monkeypatch.setattr(PgReads, "_all", end_and_read)

    def _end(self, session: int) -> None:
        with psycopg.connect(self._url, autocommit=True) as another:
            another.execute("SELECT pg_terminate_backend(%s)", (session,))
            there = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
            eventually(lambda: another.execute(there, (session,)).fetchone() is None, "the session is over")


@pytest.fixture
def database(postgres_place: Place) -> Iterator[Database]:
    with open_engine(postgres_place.url, answers=0) as engine:
        database = Database(engine)
        database.wire({"create_collection": {"object": {"name": "c"}}})
        for number in range(1, 4):
            database.wire({"create": doc(number), "params": {"object": {"data": {"object": {"n": number}}}}})
        yield database


@pytest.fixture
def terminated(postgres_place: Place, monkeypatch: pytest.MonkeyPatch) -> Terminated:
    return Terminated(postgres_place.url, monkeypatch)


def doc(number: int) -> Any:
    return {"ref": {"collection": "c"}, "id": str(number)}


def number_of(number: int) -> Any:
    return {"select": ["data", "n"], "from": {"get": doc(number)}}


def changed(number: int) -> Any:
    data = {"object": {"data": {"object": {"n": {"add": [number_of(1), number_of(2), number_of(3)]}}}}}
    return {"select": ["data", "n"], "from": {"update": doc(number), "params": data}}


QUERIES = {
    "a read": ({"add": [number_of(1), number_of(2), number_of(3)]}, 6),
    "a write": (changed(1), 6),
    "a write that only shows when it runs": ({"let": [{"x": number_of(2)}], "in": changed(1)}, 6),
}


@pytest.mark.parametrize("times", range(1, MAX_LOST + 1))
@pytest.mark.parametrize("name", QUERIES)
def test_what_was_not_sent_is_evaluated_again(
    database: Database, terminated: Terminated, name: str, times: int
) -> None:
    query, expected = QUERIES[name]
    terminated.left = times
    assert database.wire(query) == expected
    assert terminated.done == times
    assert database.wire(number_of(1)) == (1 if name == "a read" else 6)


@pytest.mark.parametrize("name", QUERIES)
def test_not_for_ever(database: Database, terminated: Terminated, name: str) -> None:
    terminated.left = 1000
    status, errors = database.failure(QUERIES[name][0])
    assert (status, errors[0]["code"]) == (503, "unavailable")
    assert terminated.done < 2 * (MAX_LOST + 2)
    terminated.left = 0
    assert database.wire(number_of(1)) == 1, "nothing was written"


def test_errors_are_those_of_the_query(database: Database, terminated: Terminated) -> None:
    terminated.left = 1
    assert database.error({"add": [number_of(1), number_of(2), number_of(9)]})["code"] == "instance not found"
    assert terminated.done == 1


def test_whatever_else_reads(database: Database, terminated: Terminated) -> None:
    """Streams, the old REST interface, who one is, imports."""
    key = {"create_key": {"object": {"role": "server"}}}
    secret = database.wire({"select": "secret", "from": key})
    held = database.as_(secret)

    def answered(method: str, path: str, body: bytes = b"") -> Any:
        database.engine.authenticator._proofs.clear()  # as when the secret comes for the first time
        terminated.left, terminated.done = 1, 0
        response = held.send(method, path, body)
        assert terminated.done == 1, path
        assert response.status == 200, (path, response.body)
        return response

    assert answered("GET", "/authorized")
    assert json.loads(answered("GET", "/collections/c/1").body)["resource"]["data"] == {"n": 1}
    stream = answered("POST", "/stream", json.dumps(doc(1)).encode()).stream
    terminated.left = 0
    assert b'"start"' in stream.next(30)
    database.wire(changed(1))
    assert b'"version"' in stream.next(30)
    stream.close()
    loader = Loader(database.engine, f"Bearer {secret}")
    for ask, expected in ((loader.may_load, True), (lambda: loader.count("c"), 3)):
        database.engine.authenticator._proofs.clear()
        terminated.left, terminated.done = 1, 0
        assert ask() == expected
        assert terminated.done == 1
