"""Removal in bounded steps: indexes, collections, scopes, history."""

from __future__ import annotations

from typing import Callable

import pytest

from faunadb.engine.storage import Store, Transaction
from tests.engine.storage.places import COLL, INDEX, SCOPE, add, delete, put


def purge(store: Store, step: Callable[[Transaction], bool]) -> int:
    """Run a step, each in a transaction of its own, until nothing remains; return how many it took."""
    for count in range(1, 1000):
        more, _ = store.write(step)
        if not more:
            return count
    raise AssertionError("it never ends")


def versions(store: Store, doc: int) -> list[int]:
    with store.snapshot() as snapshot:
        return [row.ts for row in snapshot.versions(SCOPE, COLL, doc)]


def fill(store: Store) -> None:
    def work(tx: Transaction) -> None:
        for number in range(25):
            put(tx, number, ts=10)
            put(tx, number, ts=20)
            put(tx, number, coll=COLL + 1)
            add(tx, b"%02d" % number, number)
            tx.put_past_entry(SCOPE, INDEX, b"", b"%02d" % number, COLL, number, None, None, 5, 10 + number)
            tx.add_entry(SCOPE, INDEX + 1, b"", b"%02d" % number, COLL + 1, number, None, None)
            tx.put_version(SCOPE + 1, COLL, number, 10, True, None, "{}")

    store.write(work)


def count(store: Store) -> dict[str, int]:
    with store.snapshot() as snapshot:
        return {
            "versions": snapshot.count_versions(SCOPE, COLL, 10_000),
            "other collection": snapshot.count_versions(SCOPE, COLL + 1, 10_000),
            "other scope": snapshot.count_versions(SCOPE + 1, COLL, 10_000),
            "entries": len(list(snapshot.history(SCOPE, INDEX, b""))),
            "other index": len(list(snapshot.history(SCOPE, INDEX + 1, b""))),
        }


ALL = {"versions": 50, "other collection": 25, "other scope": 25, "entries": 50, "other index": 25}


@pytest.mark.parametrize(
    ("step", "gone", "at_least"),
    [
        (lambda tx: tx.purge_index(SCOPE, INDEX, 10), ["entries"], 5),
        (lambda tx: tx.purge_collection(SCOPE, COLL, 10), ["versions"], 5),
        (
            lambda tx: tx.purge_scope(SCOPE, 10),
            ["versions", "other collection", "entries", "other index"],
            15,
        ),
        (
            lambda tx: tx.purge_scope(SCOPE, 10, keep=[COLL, COLL + 2]),
            ["other collection", "entries", "other index"],
            10,
        ),
    ],
)
def test_purges_remove_all_of_one_thing_in_steps(
    store: Store, step: Callable[[Transaction], bool], gone: list[str], at_least: int
) -> None:
    fill(store)
    assert count(store) == ALL
    store.write(step)
    assert sum(count(store).values()) >= sum(ALL.values()) - 10
    assert purge(store, step) + 1 >= at_least
    assert count(store) == {**ALL, **dict.fromkeys(gone, 0)}
    assert store.write(step) == (False, None)


def test_purge_ended_entries(store: Store) -> None:
    fill(store)
    steps = purge(store, lambda tx: tx.purge_ended_entries(SCOPE, INDEX, 20, 4))
    assert steps >= 2
    with store.snapshot() as snapshot:
        ended = [row.removed for row in snapshot.history(SCOPE, INDEX, b"") if row.removed]
    assert ended == list(range(21, 35))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_history_keeps_what_reads_from_then_on_need(store: Store, limit: int) -> None:
    def work(tx: Transaction) -> None:
        for ts in (10, 20, 30, 40):
            put(tx, 1, ts=ts)
        put(tx, 2, ts=10)  # never superseded
        put(tx, 3, ts=10)
        delete(tx, 3, ts=20)  # deleted
        delete(tx, 4, ts=20)  # deleted, its life already forgotten
        put(tx, 5, ts=10)
        delete(tx, 5, ts=20)
        put(tx, 5, ts=30)  # deleted and made again
        put(tx, 6, ts=40)
        put(tx, 6, ts=10)  # history written backwards
        put(tx, 6, ts=20)
        put(tx, 7, ts=10, ttl=25)  # expired
        put(tx, 8, ts=10, ttl=250)
        put(tx, 9, ts=10, ttl=15)  # expired, then revived
        put(tx, 9, ts=20)
        put(tx, 10, ts=10)
        put(tx, 10, ts=20, ttl=25)  # expired in its second version
        delete(tx, 11, ts=40)

    store.write(work)
    purge(store, lambda tx: tx.purge_history(SCOPE, COLL, 30, limit))
    left = {doc: versions(store, doc) for doc in range(1, 12)}
    assert left == {
        1: [30, 40],
        2: [10],
        3: [],
        4: [],
        5: [30],
        6: [20, 40],
        7: [],
        8: [10],
        9: [20],
        10: [],
        11: [40],
    }
    assert store.write(lambda tx: tx.purge_history(SCOPE, COLL, 30, limit)) == (False, None)
    purge(store, lambda tx: tx.purge_history(SCOPE, COLL, 40, limit))
    assert versions(store, 1) == [40]
    assert versions(store, 6) == [40]
    assert versions(store, 11) == []
    assert store.check() == []


def test_purging_much_history_of_one_document_takes_bounded_steps(store: Store) -> None:
    store.write(lambda tx: [put(tx, 1, ts=ts) for ts in range(200)])
    done = 0
    while True:
        more, _ = store.write(lambda tx: tx.purge_history(SCOPE, COLL, 199, 20))
        gone = 200 - done - len(versions(store, 1))
        assert gone <= 20
        done += gone
        if not more:
            break
    assert versions(store, 1) == [199]
