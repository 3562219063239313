"""Fixtures for pytest: an FQL v4 database for every test.

Installing the package installs them; nothing needs to be imported. Each test that asks for one has a database of its
own, in memory, fresh and empty, in a few milliseconds:

``fauna_database``   the database: :class:`Database`
``fauna_client``     a :class:`~faunadb.client.FaunaClient` for it, with its root secret
``fauna_server``     the same database behind a socket, for code that takes an address: :class:`Server`

.. code-block:: python

    def test_rename(fauna_client):
        fauna_client.query(q.create_collection({"name": "spells"}))
        ...

    @pytest.mark.fauna_data("spells.fql")
    def test_with_data(fauna_client): ...

Imports are in the functions: pytest loads this module in every run, most of which need no database.

The marker ``fauna_data`` loads files, found beside the test's own, see :meth:`Database.load`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import pytest

if TYPE_CHECKING:
    from faunadb.client import FaunaClient
    from faunadb.testing.server import Server

__all__ = ["Database", "fauna_client", "fauna_database", "fauna_server"]

SECRET = "secret"
_numbers = itertools.count(1)


class Database:
    """A database in memory that lasts as long as a test.

    :ivar url: its URL, which any client of this process may be given as ``endpoint``
    :ivar secret: the secret of its root key
    :ivar client: a client that holds that key
    """

    def __init__(self) -> None:
        from faunadb.client import FaunaClient

        # the process id, so that nothing is shared with a process that was forked
        self.url = f"sqlite://?name=test-{os.getpid()}-{next(_numbers)}"
        self.secret = SECRET
        self.client = FaunaClient(secret=SECRET, endpoint=self.url)
        # the first query opens the database; this client keeps it, whoever else comes and goes
        self.client.query(0)
        self._clients: list[FaunaClient] = [self.client]

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def query(self, expression: Any) -> Any:
        """Run a query with the root key."""
        return self.client.query(expression)

    def client_for(self, secret: str) -> FaunaClient:
        """A client for another secret, such as that of a key that the test has made. Closed with the test."""
        client = self.client.new_session_client(secret)
        self._clients.append(client)
        return client

    def load(self, path: Union[str, Path]) -> None:
        """Load data.

        :param path: a file of FQL in JavaScript or Python style (``.fql``, ``.js``, ``.txt``), run expression by
            expression; a ``.json`` file, ``{"collections": {"spells": [{"id": "1", "data": {...}}, ...]}}``, where
            ``id`` may be left out and values may be those of the wire protocol (``{"@ts": ...}``); or the directory
            of an export of Fauna
        :raises ValueError: when the file is none of these
        :raises faunadb.errors.HttpError: when the database refuses something
        """
        path = Path(path)
        if path.is_dir():
            self._load_export(path)
        elif path.suffix == ".json":
            self._load_json(path)
        elif path.suffix in (".fql", ".js", ".txt"):
            self._load_queries(path)
        else:
            raise ValueError(f"{path} is neither .fql, .js, .txt, .json nor a directory")

    def _load_queries(self, path: Path) -> None:
        from faunadb import query as q
        from faunadb.fql.errors import FqlSyntaxError
        from faunadb.fql.texts import parse_text

        try:
            queries = parse_text(path.read_text("utf-8"))
        except FqlSyntaxError as fault:
            raise ValueError(f"{path}: {fault}") from None
        for query in queries:
            self.query(q._Expr(query.wire))

    def _load_json(self, path: Path) -> None:
        from faunadb import query as q

        content = json.loads(path.read_text("utf-8"))
        collections = content.get("collections") if isinstance(content, dict) else None
        if not isinstance(collections, dict):
            raise ValueError(f'{path} is not an object with "collections"')
        for name, documents in collections.items():
            if not self.query(q.exists(q.collection(name))):
                self.query(q.create_collection({"name": name}))
            for document in documents:
                fields = {key: value for key, value in document.items() if key != "id"}
                target: Any = q.collection(name)
                if "id" in document:
                    target = q.ref(target, document["id"])
                self.query(q.create(target, q._Expr({"quote": fields})))

    def _load_export(self, path: Path) -> None:
        from faunadb.cli.connection import Connection
        from faunadb.cli.export_files import read_export
        from faunadb.cli.importing import Importer

        connection = Connection(self.url, self.secret)
        try:
            summary = Importer(read_export(path), connection, remember=False).run()
        finally:
            connection.close()
        if not summary.ok:
            raise ValueError("\n".join(summary.lines(dry_run=False)))

    def close(self) -> None:
        """Close every client; the data is gone with them."""
        for client in self._clients:
            client.close()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "fauna_data(*paths): load these files into the test's database, see faunadb.testing.Database.load",
    )


@pytest.fixture
def fauna_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh, empty FQL v4 database in memory, with the files of the marker ``fauna_data`` loaded."""
    database = Database()
    try:
        # the markers of a class come before those of its tests
        for marker in reversed(list(request.node.iter_markers("fauna_data"))):
            for path in marker.args:
                database.load(_beside(request, path))
        yield database
    finally:
        database.close()


@pytest.fixture
def fauna_client(fauna_database: Database) -> FaunaClient:
    """A client with the root key of the test's own database."""
    return fauna_database.client


@pytest.fixture
def fauna_server(fauna_database: Database) -> Iterator[Server]:
    """The test's own database on a port of this machine, HTTP/1.1, streams included."""
    from faunadb.testing.server import Server

    server = Server(fauna_database.url, fauna_database.secret)
    try:
        yield server
    finally:
        server.close()


def _beside(request: pytest.FixtureRequest, path: Union[str, Path]) -> Path:
    """A path as the test file means it: relative to the file, or else to the directory of the run."""
    here = Path(str(request.node.path)).parent / path
    found: Optional[Path] = next(
        (option for option in (here, request.config.rootpath / path) if option.exists()), None
    )
    if found is None:
        raise FileNotFoundError(f"{path}: there is no {here}")
    return found
