"""The store in memory: snapshots and writers take turns."""

from __future__ import annotations

import threading
import time

import pytest

from faunadb.engine.storage import BadURL, Store, StoreError, StoreUnavailable, open_store
from faunadb.engine.storage.memory_gate import MemoryGate
from tests.engine.storage.places import COLL, INDEX, SCOPE, add, put


def test_stores_in_memory_are_apart() -> None:
    with open_store("sqlite://") as one, open_store("sqlite://") as other:
        one.write(lambda tx: put(tx, 1))
        with other.snapshot() as snapshot:
            assert snapshot.version(SCOPE, COLL, 1) is None


def test_opening_takes_a_few_milliseconds() -> None:
    open_store("sqlite://").close()
    begun = time.thread_time()
    for _ in range(20):
        open_store("sqlite://").close()
    assert (time.thread_time() - begun) / 20 < 0.03


def test_a_writer_waits_for_snapshots_and_readers_go_on() -> None:
    with open_store("sqlite://") as store:
        store.write(lambda tx: [add(tx, b"%03d" % n, n) for n in range(200)])
        written = threading.Event()

        def write() -> None:
            store.write(lambda tx: put(tx, 1))
            written.set()

        with store.snapshot() as snapshot:
            rows = snapshot.entries(SCOPE, INDEX, b"")
            next(rows)
            thread = threading.Thread(target=write)
            thread.start()
            with store.snapshot() as other:  # a second reader enters while the writer waits
                assert other.version(SCOPE, COLL, 1) is None
            assert len(list(rows)) == 199
            assert not written.is_set()
        thread.join(10)
        assert written.is_set()


def test_readers_see_no_half_transaction() -> None:
    with open_store("sqlite://") as store:
        stop = threading.Event()
        torn: list[object] = []

        def read() -> None:
            while not stop.is_set():
                with store.snapshot() as snapshot:
                    pair = [snapshot.version(SCOPE, COLL, doc) for doc in (1, 2)]
                    if (pair[0] and pair[0].data) != (pair[1] and pair[1].data):
                        torn.append(pair)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for thread in readers:
            thread.start()
        for number in range(200):
            store.write(lambda tx, n=str(number): (put(tx, 1, n), put(tx, 2, n)))
        stop.set()
        for thread in readers:
            thread.join()
        assert not torn


def test_writing_while_holding_a_snapshot_is_refused_not_a_deadlock() -> None:
    with open_store("sqlite://") as store:
        with store.snapshot():
            with pytest.raises(StoreError, match="holds a snapshot"):
                store.write(lambda tx: put(tx, 1))
        store.write(lambda tx: put(tx, 1))


def test_a_snapshot_left_open_ends_in_an_error_not_in_silence() -> None:
    with open_store("sqlite://", lock_timeout=0.05) as store:
        held: list[object] = []
        thread = threading.Thread(target=lambda: held.append(store.snapshot()))
        thread.start()
        thread.join()
        with pytest.raises(StoreUnavailable, match="stayed open"):
            store.write(lambda tx: put(tx, 1))
        held.clear()  # collected: the snapshot lets go
        store.write(lambda tx: put(tx, 1))


def test_nested_snapshots_while_a_writer_waits() -> None:
    with open_store("sqlite://") as store, store.snapshot() as outer:
        thread = threading.Thread(target=lambda: store.write(lambda tx: put(tx, 1)))
        thread.start()
        while not store._gate._writers:
            time.sleep(0.001)
        with store.snapshot() as inner:
            assert inner.last_txn == outer.last_txn
        outer.close()
        thread.join(10)
        assert not thread.is_alive()


def test_a_closed_store_gives_no_snapshot(tmp_path: object) -> None:
    store: Store = open_store("sqlite://")
    store.close()
    with pytest.raises(StoreError):
        store.snapshot()


def test_a_store_begins_with_what_another_held() -> None:
    with open_store("sqlite://") as source:
        first = source.write(lambda tx: put(tx, 1))[1]
        image = source.image()
        source.write(lambda tx: put(tx, 2))
    for _ in range(2):
        with open_store("sqlite://?name=copy", image=image) as store:
            with store.snapshot() as snapshot:
                assert snapshot.scan_documents(SCOPE, COLL, limit=9) == [1]
                assert snapshot.last_txn == first
            later = store.write(lambda tx: put(tx, 3))[1]
            assert later > first
            assert store.check() == []


def test_only_stores_in_memory_begin_with_an_image(tmp_path) -> None:
    with open_store("sqlite://") as source:
        image = source.image()
    with pytest.raises(BadURL, match="unknown option 'image'"):
        open_store(f"sqlite:///{tmp_path}/x.db", image=image)
    with pytest.raises(BadURL, match="unknown option 'image'"):
        open_store("sqlite://?image=x")
    assert list(tmp_path.iterdir()) == []


def test_a_waiting_reader_enters_before_the_next_writer() -> None:
    """A thread that writes in a loop leaves and comes back before others have woken up."""
    gate = MemoryGate()
    entered: list[str] = []

    def read() -> None:
        visit = object()
        gate.enter(visit)
        entered.append("reader")
        gate.leave(visit)

    assert gate.enter_alone(1)
    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    while len(gate._outside) < len(readers):
        time.sleep(0)  # gives way to them; nothing tells that a thread has begun to wait
    gate.leave_alone()
    assert gate.enter_alone(30)
    entered.append("writer")
    gate.leave_alone()
    for reader in readers:
        reader.join()
    assert entered == ["reader"] * 4 + ["writer"]
