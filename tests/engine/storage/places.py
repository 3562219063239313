"""Places for stores to be tested in: memory, a file, a schema of a PostgreSQL database."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, Optional

from faunadb.engine.storage import Store, Transaction, open_store
from faunadb.engine.storage.statements import COPIED

SCOPE, COLL, INDEX = 0, 1024, 32768


class Place:
    """Where a store lives while one test runs."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self._opened: list[Store] = []

    @property
    def shared(self) -> bool:
        """Whether several stores, and processes, can open it at once."""
        return self.kind != "memory"

    def open(self, **options: Any) -> Store:
        store = open_store(self.url, **options)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def sqlite_place(folder: Path) -> Place:
    return Place("file", f"sqlite:///{folder}/store.db")


def postgres_place(url: str) -> Place:
    mark = "&" if "?" in url else "?"
    return Place("postgres", f"{url}{mark}schema=test_{uuid.uuid4().hex[:16]}")


def drop_postgres_place(place: Place) -> None:
    run_there(place, "DROP SCHEMA IF EXISTS {schema} CASCADE")


def empty_postgres_place(place: Place) -> None:
    """Forget all that the store holds, but not its clock, so that it may stay open."""
    run_there(place, ";".join(f"DELETE FROM {{schema}}.{table}" for table in COPIED))


def run_there(place: Place, statements: str) -> None:
    import psycopg

    base, schema = place.url.split("schema=")
    with psycopg.connect(base.rstrip("?&"), autocommit=True) as connection:
        connection.execute(statements.format(schema=f'"{schema}"'))


def put(
    tx: Transaction,
    doc: int,
    data: str = '{"n":1}',
    *,
    coll: int = COLL,
    ts: Optional[int] = None,
    **more: Any,
) -> None:
    """A live version, now unless ``ts`` says otherwise."""
    tx.put_version(SCOPE, coll, doc, tx.txn if ts is None else ts, True, more.get("ttl"), data)


def delete(tx: Transaction, doc: int, *, ts: Optional[int] = None) -> None:
    tx.put_version(SCOPE, COLL, doc, tx.txn if ts is None else ts, False, None, None)


def add(
    tx: Transaction, values: bytes, doc: int = 1, *, terms: bytes = b"", added: Optional[int] = None
) -> None:
    tx.add_entry(SCOPE, INDEX, terms, values, COLL, doc, None, None, added)


def end(tx: Transaction, values: bytes, *, terms: bytes = b"", removed: Optional[int] = None) -> None:
    tx.end_entry(SCOPE, INDEX, terms, values, removed)


def values_of(rows: Any) -> list[bytes]:
    return [row.values for row in rows]


def bare(url: str) -> str:
    return url.split("schema=")[0].rstrip("?&")
