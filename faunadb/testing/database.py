"""Databases in memory for tests, and filling them from files."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any, Callable, Optional, Union

from faunadb import query as q
from faunadb.cli.schema_text import sections
from faunadb.client import FaunaClient
from faunadb.engine.adapter import EngineAdapter
from faunadb.engine.storage.sqlite import MemoryImage, MemoryStore
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.texts import parse_text

__all__ = ["Database"]

SECRET = "secret"
#: Seconds that a copy waits for indexes that are being built.
_BUILDING = 300
_numbers = itertools.count(1)


class Database:
    """A database in memory that lasts until it is closed.

    :param image: what it holds at first (see :meth:`image`); empty when ``None``
    :ivar url: its URL, which any client of this process may be given as ``endpoint``
    :ivar secret: the secret of its root key
    :ivar client: a client that holds that key
    """

    def __init__(self, image: Optional[MemoryImage] = None) -> None:
        # the process id keeps a forked process from sharing anything with its parent
        self.url = f"sqlite://?name=test-{os.getpid()}-{next(_numbers)}"
        self.secret = SECRET
        # the adapter keeps the database alive, however many clients come and go
        self._adapter = EngineAdapter(self.url, secret=SECRET, image=image)
        self._engine = self._adapter.engine
        self.client = FaunaClient(secret=SECRET, endpoint=self.url)
        self._clients: list[FaunaClient] = [self.client]

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def query(self, expression: q.ExprArg) -> Any:
        """Run a query with the root key."""
        return self.client.query(expression)

    def client_for(self, secret: str) -> FaunaClient:
        """A client for another secret, such as that of a key that the test has made. Closed with the database."""
        client = self.client.new_session_client(secret)
        self._clients.append(client)
        return client

    def copy(self) -> Database:
        """Another database with the same content, all indexes built. Takes about a millisecond; close it when done.

        :raises TimeoutError: when the indexes take minutes to build
        """
        return Database(self.image())

    def image(self) -> MemoryImage:
        """What the database holds now, all indexes built, for other databases to begin with.

        :raises TimeoutError: when the indexes take minutes to build
        """
        if not self._engine.background.wait(_BUILDING):
            raise TimeoutError(f"{self!r}: its indexes are still being built after {_BUILDING} s")
        store = self._engine.store
        assert isinstance(store, MemoryStore)
        return store.image()

    def load(self, path: Union[str, Path]) -> None:
        """Load a schema or data.

        :param path: a file of FQL in JavaScript or Python style (``.fql``, ``.js``, ``.txt``), run expression by
            expression, after a line ``:db /NAME`` in that child database, as ``faunadb schema dump`` writes it; a
            ``.json`` file, ``{"collections": {"spells": [{"id": "1", "data": {...}}, ...]}}``, where ``id`` may be
            left out and values may be those of the wire protocol (``{"@ts": ...}``); or the directory of an export
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
        text = path.read_text("utf-8")
        start = 0
        for database, part in sections(text):
            start = text.index(part, start)
            above = "\n" * text.count("\n", 0, start)  # makes errors name the line of the file
            start += len(part)
            try:
                queries = parse_text(above + part)
            except FqlSyntaxError as fault:
                raise ValueError(f"{path}: {fault}") from None
            secret = f"{self.secret}:{database}:admin" if database else self.secret
            with self.client.new_session_client(secret) as client:
                for query in queries:
                    # null instead of the result, which may be a value that Python does not have
                    client.query(q.do(q.Expr(query.wire), None))

    def _load_json(self, path: Path) -> None:
        content = json.loads(path.read_text("utf-8"))
        collections = content.get("collections") if isinstance(content, dict) else None
        if not isinstance(collections, dict):
            raise ValueError(f'{path} is not an object with "collections"')
        for name, documents in collections.items():
            if not self.query(q.exists(q.collection(name))):
                self.query(q.create_collection({"name": name}))
            for document in documents:
                fields = {key: value for key, value in document.items() if key != "id"}
                target = q.collection(name)
                if "id" in document:
                    target = q.ref(target, document["id"])
                self.query(q.do(q.create(target, q.Expr({"quote": fields})), None))

    def _load_export(self, path: Path) -> None:
        # late: few tests load an export
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
        """Close every client; the data is gone with them. Closing again does nothing."""
        for client in self._clients:
            client.close()
        self._adapter.close()


def steps_of(schema: Any, find: Callable[[Union[str, Path]], Path]) -> list[Any]:
    """What the fixture ``fauna_schema`` returns, as a flat list of paths, expressions and functions.

    :param find: returns the existing file for a path
    :raises TypeError: for anything else
    """
    if schema is None:
        return []
    if isinstance(schema, (list, tuple)):
        return [step for each in schema for step in steps_of(each, find)]
    if isinstance(schema, (str, Path)):
        return [find(schema)]
    if isinstance(schema, q.Expr) or callable(schema):
        return [schema]
    raise TypeError(
        f"fauna_schema: a path, expression, function, or a list of these expected, got {schema!r}"
    )


def image_after(steps: tuple[Any, ...]) -> MemoryImage:
    """What a new database holds after these steps, which are those of `steps_of`."""
    with Database() as database:
        for step in steps:
            if isinstance(step, Path):
                database.load(step)
            elif isinstance(step, q.Expr):
                database.query(step)
            else:
                step(database)
        return database.image()
