"""A fresh engine for each test, queried over the wire protocol: in memory, or on PostgreSQL."""

from __future__ import annotations

import base64
import functools
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional
from unittest import mock

import pytest

from faunadb import _json
from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.storage.sqlite import MemoryImage, MemoryStore
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest, HttpResponse


class QueryFailed(AssertionError):
    """A query that should have succeeded answered with errors."""


class Database:
    """An engine seen through the wire protocol. `secret`: whose queries these are."""

    def __init__(self, engine: Engine, secret: str = "secret"):
        self.engine = engine
        self.secret = secret

    def as_(self, secret: str) -> Database:
        """The same engine for the holder of another secret."""
        return Database(self.engine, secret)

    def begin_with(self, image: MemoryImage) -> None:
        """Go on with a fresh engine that holds this."""
        self.engine.close()
        self.engine = open_engine("sqlite://", image=image)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: str = "",
        headers: Optional[dict[str, str]] = None,
        secret: Optional[str] = None,
    ) -> HttpResponse:
        """Any request. headers are added to the usual ones; a value of None removes one."""
        token = base64.b64encode(f"{secret or self.secret}:".encode()).decode()
        sent: dict[str, Any] = {"authorization": f"Basic {token}", "x-faunadb-api-version": "4"}
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        return handle(self.engine, HttpRequest(method, path, query, sent, body))

    def raw(self, expression: Any, **options: Any) -> HttpResponse:
        """POST a query given as wire JSON text, as wire data, or as a driver expression."""
        text = expression if isinstance(expression, str) else _json.to_json(expression)
        return self.send("POST", "/", text.encode("utf-8", "surrogatepass"), **options)

    def body(self, expression: Any, **options: Any) -> tuple[int, Any]:
        response = self.raw(expression, **options)
        return response.status, json.loads(response.body)

    def wire(self, expression: Any, **options: Any) -> Any:
        """The result as wire JSON data. Fails the test on errors."""
        status, body = self.body(expression, **options)
        if "resource" not in body:
            raise QueryFailed(f"{status}: {json.dumps(body)}")
        return body["resource"]

    def query(self, expression: Any, **options: Any) -> Any:
        """The result as the driver would give it."""
        response = self.raw(expression, **options)
        body = _json.parse_json(response.body.decode())
        if "resource" not in body:
            raise QueryFailed(f"{response.status}: {response.body.decode()}")
        return body["resource"]

    def failure(self, expression: Any, **options: Any) -> tuple[int, list[dict[str, Any]]]:
        """Status and errors of a query that must fail."""
        status, body = self.body(expression, **options)
        assert "errors" in body, f"expected errors, got {body}"
        return status, body["errors"]

    def error(self, expression: Any, **options: Any) -> dict[str, Any]:
        """The only error of a query that must fail."""
        errors = self.failure(expression, **options)[1]
        assert len(errors) == 1, errors
        return errors[0]


#: Queries that make one thing of each kind of the schema, named by the kind's first letter.
ONE_OF_EACH = (
    {"create_collection": {"object": {"name": "c"}}},
    {"create_database": {"object": {"name": "d"}}},
    {"create_index": {"object": {"name": "i", "source": {"collection": "c"}}}},
    {"create_role": {"object": {"name": "r", "privileges": []}}},
    {"create_function": {"object": {"name": "f", "body": {"query": {"lambda": "x", "expr": 1}}}}},
)


@contextmanager
def history_from_1970() -> Iterator[None]:
    """Collections made meanwhile have a history that reaches back further than a quarter of an hour: to small times."""
    with mock.patch("faunadb.engine.schema.collections.GRACE_MICROS", 1 << 60):
        yield


@contextmanager
def filled(*queries: Any) -> Iterator[Database]:
    """A database in memory that has answered these queries."""
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        for query in queries:
            database.wire(query)
        yield database


def filled_once(fill: Callable[..., Database]) -> Callable[..., Database]:
    """For fixtures that only fill the database they ask for and return it: the second test finds a copy of it.

    Filling takes longer than most tests. On other backends it is done for each test.
    """
    images: list[MemoryImage] = []

    @functools.wraps(fill)
    def fixture(**asked: Database) -> Database:
        (database,) = asked.values()
        if images:
            database.begin_with(images[0])
            return database
        assert fill(database) is database
        if isinstance(database.engine.store, MemoryStore):
            assert database.engine.background.wait(60), "the indexes are not built after a minute"
            images.append(database.engine.store.image())
        return database

    return fixture


def _fresh_postgres(url: str) -> Iterator[Engine]:
    """Engines on one PostgreSQL store, each of which finds it empty."""
    from tests.engine.storage import places

    place = places.postgres_place(url)
    store = place.open()
    try:
        while True:
            places.empty_postgres_place(place)
            engine = Engine(store)
            try:
                yield engine
            finally:
                engine.close_streams()
                engine.background.close()
    finally:
        place.close()
        places.drop_postgres_place(place)


@pytest.fixture(scope="session")
def _engines(request: pytest.FixtureRequest) -> Iterator[Optional[Iterator[Engine]]]:
    """The backend that ``FAUNADB_TEST_BACKEND`` names: ``memory`` (also when it is not set) or ``postgres``."""
    backend = os.environ.get("FAUNADB_TEST_BACKEND", "memory")
    if backend not in ("memory", "postgres"):
        raise pytest.UsageError(f"FAUNADB_TEST_BACKEND is memory or postgres, not {backend!r}")
    if backend == "memory":
        yield None
        return
    engines = _fresh_postgres(request.getfixturevalue("postgres_url"))
    yield engines
    engines.close()  # type: ignore[attr-defined]


@pytest.fixture
def db(_engines: Optional[Iterator[Engine]]) -> Iterator[Database]:
    """The root database of a fresh engine, seen with the root secret.

    Nothing above the storage protocol knows the backend, so every test that uses this runs on each of them.
    """
    if _engines is None:
        database = Database(open_engine("sqlite://"))
        yield database
        database.engine.close()
        return
    engine = next(_engines)
    yield Database(engine)


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[..., Any]], None]]:
    """Sets a handler of SIGALRM for the test."""
    before = signal.getsignal(signal.SIGALRM)

    def handle(handler: Callable[..., Any]) -> None:
        signal.signal(signal.SIGALRM, handler)

    yield handle
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
