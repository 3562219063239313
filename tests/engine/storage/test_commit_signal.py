"""Listening to commits, of this store and of others on the same place."""

from __future__ import annotations

import queue
import threading
import time

from faunadb.engine.storage import Store
from tests.engine.storage.places import Place, put


def test_a_commit_that_a_listener_hears_of_can_be_read(shared_place: Place) -> None:
    here, there = shared_place.open(), shared_place.open()
    here.write(lambda tx: put(tx, 1))
    heard: queue.Queue[int] = queue.Queue()
    there.add_listener(heard.put)
    _, second = here.write(lambda tx: put(tx, 2))
    assert heard.get(timeout=10) == second
    with there.snapshot() as snapshot:
        assert snapshot.last_txn == second


def test_listeners_hear_newest_times_in_order(store: Store) -> None:
    store.write(lambda tx: put(tx, 1))
    heard: list[int] = []
    store.add_listener(heard.append)
    times = [store.write(lambda tx: put(tx, 1))[1] for _ in range(5)]
    assert heard == times
    store.remove_listener(heard.append)
    store.write(lambda tx: put(tx, 1))
    assert heard == times


def test_listeners_hear_other_stores(shared_place: Place) -> None:
    here, there = shared_place.open(), shared_place.open()
    here.write(lambda tx: put(tx, 1))
    heard: queue.Queue[int] = queue.Queue()
    there.add_listener(heard.put)
    last = 0
    for _ in range(10):
        _, last = here.write(lambda tx: put(tx, 1))
    got = [heard.get(timeout=10)]
    while got[-1] < last:
        got.append(heard.get(timeout=10))
    assert got == sorted(set(got))
    assert got[-1] == last


def test_a_failing_listener_disturbs_nobody(store: Store, caplog) -> None:
    def fail(txn: int) -> None:
        raise RuntimeError("listener")

    heard: list[int] = []
    store.add_listener(fail)
    store.add_listener(heard.append)
    _, txn = store.write(lambda tx: put(tx, 1))
    assert heard == [txn]
    assert "listener failed" in caplog.text


def test_the_watching_thread_ends_with_the_last_listener(shared_place: Place) -> None:
    def watching() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "faunadb-commits"]

    before = len(watching())
    store = shared_place.open()
    assert len(watching()) == before
    heard: list[int] = []
    store.add_listener(heard.append)
    assert len(watching()) == before + 1
    store.remove_listener(heard.append)
    until = time.monotonic() + 10
    while len(watching()) > before:
        assert time.monotonic() < until
        time.sleep(0.01)
