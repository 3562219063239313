"""What a disk has changed is found: by the check whatever it is, and on the way by who reads or writes a document."""

from __future__ import annotations

import sqlite3

import pytest

from faunadb.engine.storage import StoreUnavailable, checksums
from faunadb.engine.storage.copy import copy_store
from faunadb.engine.storage.errors import Damaged
from tests.engine.storage import places
from tests.engine.storage.places import COLL, SCOPE, Place, delete, put


def change(place: Place, statement: str) -> None:
    """Change what is stored, behind the store's back."""
    if place.kind == "postgres":
        places.run_there(place, statement)
        return
    with sqlite3.connect(place.url[len("sqlite:///") :]) as connection:
        connection.execute(statement.replace("{schema}.", ""))
    connection.close()


@pytest.fixture
def filled(shared_place: Place) -> Place:
    """Document 1 has three versions, of which the second expires far from now and the third is a deletion."""
    with shared_place.open() as store:
        store.write(lambda tx: put(tx, 1, '{"n":"Grüße"}'))
        store.write(lambda tx: put(tx, 1, '{"n":2}', ttl=10**16))
        store.write(lambda tx: delete(tx, 1))
        store.write(lambda tx: put(tx, 2))
        assert store.check() == []
    return shared_place


CHANGES = {
    "a letter": "data = replace(data, 'Gr', 'Fr')",
    "another document's": "doc = 7",
    "another collection's": "coll = 4711",
    "another database's": "scope = 3",
    "its time": "ts = ts - 1",
    "its transaction": "txn = txn - 1",
    "an expiry": "ttl = 9999999999",
    "no text": "data = NULL",
    "a deletion": "live = 0",
    "its checksum": "checksum = checksum + 1",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_version_that_was_changed(filled: Place, what: str) -> None:
    change(filled, f"UPDATE {{schema}}.version SET {CHANGES[what]} WHERE data LIKE '%Gr%'")
    with filled.open() as store:
        found = [each for each in store.findings() if "checksum" in each.what]
        assert len(found) == 1
        assert [name for name, _ in found[0].where] == ["database", "collection", "document", "ts"]


def test_an_expiry_that_was_lost(filled: Place) -> None:
    change(filled, "UPDATE {schema}.version SET ttl = NULL WHERE ttl IS NOT NULL")
    with filled.open() as store:
        assert sum("checksum" in each.what for each in store.findings()) == 1


def test_writers_do_not_build_on_damage(filled: Place) -> None:
    change(filled, "UPDATE {schema}.version SET data = '[]' WHERE doc = 2")
    with filled.open() as store:
        for exclusive in (False, True):
            with pytest.raises(Damaged, match=r"document 2 .collection 1024, database 0. is damaged"):
                store.write(lambda tx: tx.version(SCOPE, COLL, 2), exclusive=exclusive)
            with pytest.raises(StoreUnavailable):
                store.write(lambda tx: list(tx.versions(SCOPE, COLL, 2)), exclusive=exclusive)
        store.write(lambda tx: put(tx, 3))


def test_readers_are_told(filled: Place) -> None:
    """Of what they read by itself; a page of documents is not looked at that closely."""
    change(filled, "UPDATE {schema}.version SET data = '[]' WHERE doc = 2")
    with filled.open() as store, store.snapshot() as snapshot:
        with pytest.raises(Damaged):
            snapshot.version(SCOPE, COLL, 2)
        assert snapshot.newest_of(SCOPE, COLL, [2])[2].data == "[]"


def test_the_short_way_to_a_text_leaves_what_is_changed_to_others(filled: Place) -> None:
    if filled.kind != "sqlite":
        pytest.skip("only SQLite has a shorter way")
    with filled.open() as store:
        with store.snapshot() as snapshot:
            version = snapshot.version(SCOPE, COLL, 2)
            assert version is not None
            assert snapshot.text_of(SCOPE, COLL, 2) == (version.ts, version.data)
            assert snapshot.text_of(SCOPE, COLL, 1) is None  # a deletion
            assert snapshot.text_of(SCOPE, COLL, 4711) is None
        for what in (
            "data = '[]'",
            "data = x'00'",
            "ts = ts - 1",
            "txn = txn - 1",
            "checksum = checksum + 1",
        ):
            change(filled, "CREATE TABLE intact AS SELECT * FROM version WHERE doc = 2")
            change(filled, f"UPDATE version SET {what} WHERE doc = 2")
            with store.snapshot() as snapshot:
                assert snapshot.text_of(SCOPE, COLL, 2) is None, what
            assert store.write(lambda tx: tx.text_of(SCOPE, COLL, 2), exclusive=True)[0] is None, what
            change(filled, "DELETE FROM version WHERE doc = 2")
            change(filled, "INSERT INTO version SELECT * FROM intact")
            change(filled, "DROP TABLE intact")


def test_sql_takes_the_times_out_of_a_checksum() -> None:
    connection = sqlite3.connect(":memory:")
    query = f"SELECT {checksums.UNMIXED} FROM (SELECT ? AS checksum, ? AS ts, ? AS txn)"
    content = checksums.of_content(0, 1024, 7, 1, None, "text")
    for bit in range(62):
        for ts, txn in ((1 << bit, 3), (5, 1 << bit), (-1 << bit, 1 << bit)):
            whole = checksums.of_version(0, 1024, 7, ts, 1, None, "text", txn)
            if -(2**63) <= whole < 2**63:
                assert connection.execute(query, (whole, ts, txn)).fetchone() == (content,)
    connection.close()


def test_a_copy_shows_the_same_damage(filled: Place, tmp_path: object) -> None:
    change(filled, "UPDATE {schema}.version SET data = '[]' WHERE doc = 2")
    target = Place("sqlite", f"sqlite:///{tmp_path}/copy.db")
    copy_store(filled.url, target.url)
    with target.open() as store:
        assert [dict(each.where)["document"] for each in store.findings()] == [2]


def test_every_bit_counts() -> None:
    row = [3, 1024, 5, 1_700_000_000_000_000, 1, 1_800_000_000_000_000, "text", 1_700_000_000_000_001]
    whole = checksums.of_version(*row)  # type: ignore[arg-type]
    for place, value in enumerate(row):
        changed: list[object] = []
        if isinstance(value, str):
            changed = [
                value[:n] + chr(ord(value[n]) ^ 1 << bit) + value[n + 1 :]
                for n in range(4)
                for bit in range(7)
            ]
        else:
            changed = [value ^ 1 << bit for bit in range(62)]
        for other in changed:
            assert checksums.of_version(*row[:place], other, *row[place + 1 :]) != whole  # type: ignore[arg-type]
