"""Versions of documents: newest, at a time, ranges, rewriting of history."""

from __future__ import annotations

import itertools
import random

import pytest

from faunadb.engine.storage import Store, StoreError, Transaction, VersionRow
from faunadb.engine.storage.read_set import Changes
from tests.engine.storage.places import COLL, SCOPE, delete, put


def write_history(store: Store, times: list[int], doc: int = 1) -> None:
    def work(tx: Transaction) -> None:
        for ts in times:
            put(tx, doc, f'{{"at":{ts}}}', ts=ts)

    store.write(work)


def test_newest_version_and_its_fields(store: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.put_version(SCOPE, COLL, 7, 100, True, 5_000, '{"name":"naïve \\u0000 ☃"}')
        tx.put_version(SCOPE, COLL, 7, 200, False, None, None)

    _, txn = store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 7) == VersionRow(200, False, None, None, txn)
        first = snapshot.version(SCOPE, COLL, 7, 199)
        assert first == VersionRow(100, True, 5_000, '{"name":"naïve \\u0000 ☃"}', txn)
        assert type(first.live) is bool


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (None, 30),
        (2**63 - 1, 30),
        (30, 30),
        (29, 20),
        (20, 20),
        (19, 10),
        (10, 10),
        (9, None),
        (-(2**63), None),
    ],
)
def test_version_at_a_time(store: Store, at: int, expected: int) -> None:
    write_history(store, [10, 30, 20])
    with store.snapshot() as snapshot:
        found = snapshot.version(SCOPE, COLL, 1, at)
        assert (found and found.ts) == expected


CHANGES = {
    "another version": (lambda tx: put(tx, 1, '{"at":40}', ts=40), 40),
    "an earlier one": (lambda tx: put(tx, 1, '{"at":20}', ts=20), 30),
    "the newest dropped": (lambda tx: tx.drop_version(SCOPE, COLL, 1, 30), 10),
    "the collection purged": (lambda tx: tx.purge_collection(SCOPE, COLL, 100), None),
    "the database purged": (lambda tx: tx.purge_scope(SCOPE, 100), None),
    "its history purged": (lambda tx: tx.purge_history(SCOPE, COLL, 35, 100), 30),
    "created": (lambda tx: tx.create(SCOPE, COLL, 2, '{"at":0}', b"k"), 30),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_transaction_that_has_read_a_document_reads_what_it_changes_of_it(
    store: Store, change: str
) -> None:
    write_history(store, [10, 30])
    step, expected = CHANGES[change]

    def newest(tx: Transaction, doc: int = 1) -> object:
        row = tx.version(SCOPE, COLL, doc)
        return row and row.ts

    def work(tx: Transaction) -> None:
        assert newest(tx) == newest(tx) == 30
        assert newest(tx, 2) is None
        step(tx)
        assert newest(tx) == newest(tx) == expected
        assert newest(tx, 2) == (tx.txn if change == "created" else None)

    store.write(work, exclusive=True)


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize("change", [*CHANGES, "deleted", "expiring"])
def test_a_transaction_gives_the_text_of_a_document_that_is_there_and_does_not_expire(
    store: Store, change: str, looked: bool
) -> None:
    write_history(store, [10, 30])
    others = {
        "deleted": lambda tx: delete(tx, 1),
        "expiring": lambda tx: put(tx, 1, "{}", ttl=1 << 60),
    }

    def work(tx: Transaction) -> None:
        if looked:
            assert tx.text_of(SCOPE, COLL, 1) == (30, tx.version(SCOPE, COLL, 1).data)
        (others.get(change) or CHANGES[change][0])(tx)
        for doc in (1, 2):
            found = tx.text_of(SCOPE, COLL, doc)
            row = tx.version(SCOPE, COLL, doc)
            there = row is not None and row.live and row.ttl is None
            assert found == ((row.ts, row.data) if there else None)

    store.write(work, exclusive=True)


def test_a_closed_transaction_gives_nothing_that_it_has_read(store: Store) -> None:
    write_history(store, [10])
    kept: list[Transaction] = []

    def work(tx: Transaction) -> None:
        kept.append(tx)
        tx.version(SCOPE, COLL, 1)

    store.write(work, exclusive=True)
    for read in (kept[0].version, kept[0].text_of):
        with pytest.raises(StoreError):
            read(SCOPE, COLL, 1)


@pytest.mark.parametrize("missing", [(SCOPE, COLL, 2), (SCOPE, COLL + 1, 1), (SCOPE + 1, COLL, 1)])
def test_no_version(store: Store, missing: tuple[int, int, int]) -> None:
    write_history(store, [10])
    with store.snapshot() as snapshot:
        assert snapshot.version(*missing) is None
        assert list(snapshot.versions(*missing)) == []


RANGES = list(
    itertools.product([None, -5, 1, 500], [None, 0, 499, 5000], [False, True], [None, 0, 1, 64, 65, 700])
)


def test_versions_in_range(store: Store) -> None:
    write_history(store, list(range(1000)))
    with store.snapshot() as snapshot:
        for lower, upper, reverse, limit in RANGES:
            expected = [
                ts for ts in range(1000) if (lower is None or ts >= lower) and (upper is None or ts <= upper)
            ]
            found = snapshot.versions(SCOPE, COLL, 1, lower=lower, upper=upper, reverse=reverse, limit=limit)
            case = (lower, upper, reverse, limit)
            assert [row.ts for row in found] == (expected[::-1] if reverse else expected)[:limit], case


def test_extreme_numbers(store: Store) -> None:
    low, high = -(2**63), 2**63 - 1

    def work(tx: Transaction) -> None:
        for ts in (low, high):
            tx.put_version(high, low, high, ts, True, high, "{}")

    store.write(work)
    with store.snapshot() as snapshot:
        assert [row.ts for row in snapshot.versions(high, low, high)] == [low, high]
        assert [row.ts for row in snapshot.versions(high, low, high, reverse=True)] == [high, low]
        assert snapshot.scan_documents(high, low, limit=10) == [high]


def test_number_beyond_64_bits_is_refused_and_undone(store: Store) -> None:
    def work(tx: Transaction) -> None:
        put(tx, 1)
        put(tx, 2, ts=2**63)

    with pytest.raises((OverflowError, ValueError, StoreError)):
        store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1) is None
    assert store.write(lambda tx: put(tx, 1))[1] is not None


def test_put_replaces_at_the_same_time(store: Store) -> None:
    write_history(store, [10])
    store.write(lambda tx: put(tx, 1, '{"at":"new"}', ts=10))
    with store.snapshot() as snapshot:
        assert [row.data for row in snapshot.versions(SCOPE, COLL, 1)] == ['{"at":"new"}']


def test_drop_version(store: Store) -> None:
    write_history(store, [10, 20])
    assert store.write(lambda tx: tx.drop_version(SCOPE, COLL, 1, 15))[1] is None
    assert store.write(lambda tx: tx.drop_version(SCOPE, COLL, 1, 20))[1] is not None
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).ts == 10


def test_scan_documents_in_order_with_deleted_ones(store: Store) -> None:
    ids = [5, -3, 2**62, 0, -(2**62), 9]

    def work(tx: Transaction) -> None:
        for doc in ids:
            put(tx, doc)
            put(tx, doc, ts=5)
        delete(tx, 9)
        put(tx, 4, coll=COLL + 1)

    store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.scan_documents(SCOPE, COLL, limit=100) == sorted(ids)
        assert snapshot.scan_documents(SCOPE, COLL, limit=2) == sorted(ids)[:2]
        assert snapshot.scan_documents(SCOPE, COLL, after=0, limit=2) == [5, 9]
        assert snapshot.scan_documents(SCOPE, COLL, after=2**62, limit=2) == []


def test_count_versions_stops_at_limit(store: Store) -> None:
    write_history(store, list(range(20)))
    with store.snapshot() as snapshot:
        assert snapshot.count_versions(SCOPE, COLL, 1000) == 20
        assert snapshot.count_versions(SCOPE, COLL, 7) == 7
        assert snapshot.count_versions(SCOPE, COLL + 1, 7) == 0


def test_expired_documents(store: Store) -> None:
    def work(tx: Transaction) -> None:
        put(tx, 1, ts=10, ttl=100)
        put(tx, 2, ts=10, ttl=50)
        put(tx, 3, ts=10, ttl=500)
        put(tx, 4, ts=10)
        put(tx, 5, ts=10, ttl=60)  # superseded
        put(tx, 5, ts=20)
        put(tx, 6, ts=10, ttl=60)  # deleted
        delete(tx, 6, ts=20)

    store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.expired_documents(SCOPE, COLL, 100, 10) == [2, 1]
        assert snapshot.expired_documents(SCOPE, COLL, 100, 1) == [2]
        assert snapshot.expired_documents(SCOPE, COLL, 49, 10) == []


def test_closed_snapshot_says_so(store: Store) -> None:
    write_history(store, list(range(100)))
    with store.snapshot() as snapshot:
        rows = snapshot.versions(SCOPE, COLL, 1)
        next(rows)
    with pytest.raises(StoreError, match="closed"):
        snapshot.version(SCOPE, COLL, 1)
    with pytest.raises(StoreError, match="closed"):
        list(rows)
    snapshot.close()  # again: nothing happens


@pytest.mark.parametrize("most", [1, 2, 6], ids="at most {} versions each".format)
def test_texts_of_several_documents(store: Store, most: int) -> None:
    """Of those that `version` shows live and without an end, whether they lie side by side or far apart."""
    rng = random.Random(most)

    def fill(tx: Transaction) -> None:
        for doc in range(200):
            for ts in range(1, rng.randint(1, most) + 1):
                live = rng.random() < 0.9
                ttl = 2**50 if live and rng.random() < 0.1 else None
                tx.put_version(0, 1024, doc, ts, live, ttl, f'{{"n":{ts}}}' if live else None)

    store.write(fill)
    with store.snapshot() as snap:
        all_versions = {doc: snap.version(0, 1024, doc) for doc in range(-5, 210)}
        for step in (1, 2, 3, 7, 50):
            for start in (-5, 0, 13, 190):
                docs = list(range(start, 210, step))[:64]
                for wanted in (docs, docs[::-1], docs[:1], docs[:9] + docs[-1:], docs + docs):
                    texts = {
                        doc: (version.ts, version.data)
                        for doc in wanted
                        if (version := all_versions[doc]) and version.live and version.ttl is None
                    }
                    assert snap.texts_of(0, 1024, wanted) == texts
        assert snap.texts_of(0, 1024, []) == {}
        snap.note_reads()
        snap.texts_of(0, 1024, [300])
        changes = Changes()
        changes.document(0, 1024, 300)
        assert snap.reads.touched_by(changes), "what is absent was read, too"


def test_the_newest_of_several_documents(store: Store) -> None:
    """As `version` says of each: the newest whatever its time and whether it is a deletion; nothing for the others."""

    def fill(tx: Transaction) -> None:
        for doc in range(1, 6):
            for ts in range(1, doc + 1):
                tx.put_version(0, 1024, doc, ts, ts != 4, None, f'{{"n":{ts}}}' if ts != 4 else None)
        tx.put_version(0, 1025, 1, 9, True, None, "{}")

    store.write(fill)
    with store.snapshot() as snap:
        wanted = [5, 1, 7, 4, -3, 2**63 - 1]
        found = snap.newest_of(0, 1024, wanted)
        assert found == {doc: snap.version(0, 1024, doc) for doc in (5, 1, 4)}
        assert snap.newest_of(0, 1024, []) == {}
        snap.note_reads()
        snap.newest_of(0, 1024, wanted)
        changes = Changes()
        changes.document(0, 1024, 7)
        assert snap.reads.touched_by(changes), "what is absent was read, too"
