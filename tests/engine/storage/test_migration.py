"""Formats of stores: newer ones are refused, older ones migrated, whole or not at all."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from faunadb.client import FaunaClient
from faunadb.engine.storage import NotAStore, StoreUnavailable, open_store, sqlite_schema, statements
from faunadb.errors import UnavailableError
from tests.engine.storage import places
from tests.engine.storage.places import COLL, SCOPE, Place, delete, put

NEWER = "was written by a newer version of faunadb .store format 4, this one knows up to 3.; upgrade faunadb"


def mark_as(place: Place, number: int) -> None:
    """What a migration to this format does last."""
    text = f"UPDATE {'{schema}.' if place.kind == 'postgres' else ''}meta SET format = {number}"
    if place.kind == "postgres":
        places.run_there(place, text)
        return
    with sqlite3.connect(place.url[len("sqlite:///") :]) as connection:
        connection.execute(text)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.close()


@pytest.fixture
def filled(shared_place: Place) -> Place:
    with open_store(shared_place.url) as store:
        store.write(lambda tx: put(tx, 1, '"kept"'))
    return shared_place


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A version whose format is 4; returns the statements that lead there."""
    steps = ["CREATE TABLE extra (id BIGINT PRIMARY KEY)", "INSERT INTO extra VALUES (7)"]
    modules = [statements, sqlite_schema]
    try:
        from faunadb.engine.storage import postgres_commit, postgres_schema

        modules += [postgres_commit, postgres_schema]
    except ImportError:
        pass
    for module in modules:
        monkeypatch.setattr(module, "SCHEMA_VERSION", 4)
    monkeypatch.setitem(statements.MIGRATIONS, 4, steps)
    return steps


def kept(place: Place) -> str:
    with open_store(place.url) as store:
        assert store.check() == []
        with store.snapshot() as snapshot:
            version = snapshot.version(SCOPE, COLL, 1)
            assert version is not None
            return str(version.data)


def test_a_newer_store_is_refused_and_left_alone(filled: Place) -> None:
    mark_as(filled, 4)
    with pytest.raises(NotAStore, match=NEWER):
        open_store(filled.url)
    mark_as(filled, 3)
    assert kept(filled) == '"kept"'


def test_a_store_that_is_migrated_while_in_use(filled: Place) -> None:
    store = filled.open()
    before = store.snapshot()
    mark_as(filled, 4)
    message = "was upgraded by a newer version of faunadb while it was in use; upgrade faunadb here, too"
    assert before.version(SCOPE, COLL, 1).data == '"kept"'  # the view is of the time before
    before.close()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=message):
            store.snapshot()
        with pytest.raises(StoreUnavailable, match=message):
            store.write(lambda tx: put(tx, 1, '"lost"'))
    mark_as(filled, 3)
    store.write(lambda tx: put(tx, 2))
    assert kept(filled) == '"kept"'


def test_queries_on_a_store_that_was_migrated(shared_place: Place) -> None:
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        client.query(1)
        mark_as(shared_place, 4)
        for expression in (1, {"object": {}}):
            with pytest.raises(UnavailableError, match="was upgraded by a newer version"):
                client.query(expression)
        mark_as(shared_place, 3)
        assert client.query(1) == 1


def test_an_older_store_is_migrated(filled: Place, newer: list[str]) -> None:
    assert kept(filled) == '"kept"'
    assert kept(filled) == '"kept"'  # migrated already
    with filled.open() as store:
        store.write(lambda tx: put(tx, 2))


def test_migrated_once_when_several_begin_at_once(filled: Place, newer: list[str]) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(kept(filled))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ['"kept"'] * 4


def test_a_migration_that_fails_changes_nothing(
    filled: Place, newer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer.append("INSERT INTO nowhere VALUES (1)")
    with pytest.raises(Exception, match="nowhere"):
        open_store(filled.url)
    monkeypatch.undo()
    assert kept(filled) == '"kept"'


def test_a_store_of_format_1_is_migrated(filled: Place) -> None:
    """It had no word of what its transactions changed: that may have been anything."""
    with open_store(filled.url) as store:
        _, last = store.write(lambda tx: (put(tx, 2), tx.log(["put", SCOPE, COLL, 2, tx.txn])))
    to_format_1(filled)
    with open_store(filled.url) as store:
        with store.snapshot() as snapshot:
            reads = snapshot.note_reads()
            assert snapshot.version(SCOPE, COLL, 1).data == '"kept"'
            assert snapshot.last_txn == last
            assert [txn for txn, _ in snapshot.commits(0)] == [last]
            assert reads.changed_since(snapshot.changed(0))
        _, txn = store.write(lambda tx: put(tx, 2))
        with store.snapshot() as snapshot:
            assert not reads.changed_since(snapshot.changed(last))
            assert snapshot.last_txn == txn > last
    assert kept(filled) == '"kept"'


def test_a_store_of_format_2_gets_checksums(filled: Place) -> None:
    """Of every version, also of those that nobody has read since."""
    with open_store(filled.url) as store:
        store.write(lambda tx: put(tx, 1, '"Grüße"', ttl=10**16))
        store.write(lambda tx: delete(tx, 1))
    to_format_2(filled)
    with open_store(filled.url) as store:
        with store.snapshot() as snapshot:
            data = [row.data for row in snapshot.versions(SCOPE, COLL, 1)]
        assert data == ['"kept"', '"Grüße"', None]
        assert store.check() == []


def to_format_2(place: Place) -> None:
    """Versions had no checksums."""
    if place.kind == "postgres":
        places.run_there(place, "ALTER TABLE {schema}.version DROP COLUMN checksum")
    else:
        columns = "scope, coll, doc, ts, live, ttl, data, txn"
        with sqlite3.connect(place.url[len("sqlite:///") :]) as connection:
            connection.executescript(
                "DROP VIEW document; CREATE TABLE old (scope INTEGER NOT NULL, coll INTEGER NOT NULL,"
                " doc INTEGER NOT NULL, ts INTEGER NOT NULL, live INTEGER NOT NULL, ttl INTEGER, data TEXT,"
                " txn INTEGER NOT NULL, PRIMARY KEY (scope, coll, doc, ts)) WITHOUT ROWID;"
                f"INSERT INTO old SELECT {columns} FROM version;"
                "DROP TABLE version; ALTER TABLE old RENAME TO version;"
                "CREATE INDEX version_ttl ON version (scope, coll, ttl) WHERE ttl IS NOT NULL"
            )
        connection.close()
    mark_as(place, 2)


def to_format_1(place: Place) -> None:
    """What there was before: nobody knew either what transactions had changed."""
    to_format_2(place)
    if place.kind == "postgres":
        names = ("commit_batch", "begin_commit", "write_commit", "conflicts")
        dropped = ";".join(f"DROP FUNCTION {{schema}}.{name}" for name in names)
        places.run_there(
            place,
            "ALTER TABLE {schema}.change_log DROP COLUMN touched;"
            f"ALTER TABLE {{schema}}.mark DROP COLUMN last_batch, DROP COLUMN last_outcome;{dropped}",
        )
    else:
        with sqlite3.connect(place.url[len("sqlite:///") :]) as connection:
            connection.executescript(
                "CREATE TABLE old (txn INTEGER PRIMARY KEY, changes TEXT NOT NULL);"
                "INSERT INTO old SELECT txn, changes FROM change_log;"
                "DROP TABLE change_log; ALTER TABLE old RENAME TO change_log"
            )
        connection.close()
    mark_as(place, 1)
