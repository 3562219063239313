"""Transactions: all or nothing, times, isolation, counters, settings, the commit log."""

from __future__ import annotations

import threading
import time

import pytest

from faunadb.engine.storage import ClockBehind, DeadlineExceeded, Store, StoreError, Transaction
from tests.engine.storage.places import COLL, SCOPE, Place, put


def test_an_exception_undoes_everything(store: Store) -> None:
    before = store.write(lambda tx: put(tx, 1))[1]

    def work(tx: Transaction) -> None:
        put(tx, 2)
        tx.add_entry(SCOPE, COLL, b"", b"k", COLL, 2, None, None)
        tx.next_counter("ids")
        tx.set_setting("name", "value")
        tx.log(["create"])
        tx.bump_schema()
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == before
        assert snapshot.schema_version == 0
        assert snapshot.version(SCOPE, COLL, 2) is None
        assert list(snapshot.entries(SCOPE, COLL, b"")) == []
        assert snapshot.counter("ids") == 0
        assert snapshot.setting("name") is None
        assert snapshot.commits(0) == []
    assert store.check() == []


def test_a_read_only_work_has_no_time(store: Store) -> None:
    assert store.write(lambda tx: tx.version(SCOPE, COLL, 1)) == (None, None)
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == 0


def test_times_increase_and_follow_the_wall_clock(store: Store) -> None:
    times = [store.write(lambda tx: put(tx, 1))[1] for _ in range(20)]
    assert times == sorted(set(times))
    assert abs(times[-1] - time.time_ns() // 1000) < 10_000_000


def test_a_transaction_knows_its_time_and_reads_its_writes(store: Store) -> None:
    def work(tx: Transaction) -> int:
        assert tx.txn > tx.time >= tx.last_txn
        assert tx.txn > tx.last_txn
        put(tx, 1, '{"n":5}')
        assert tx.version(SCOPE, COLL, 1).data == '{"n":5}'
        assert tx.version(SCOPE, COLL, 1).txn == tx.txn
        tx.add_entry(SCOPE, COLL, b"", b"k", COLL, 1, None, None)
        assert [row.added for row in tx.entries(SCOPE, COLL, b"")] == [tx.txn]
        first = tx.next_counter("ids", 10)
        assert first in (10, 12)
        assert tx.next_counter("ids", 10) == tx.counter("ids") == first + 1
        tx.set_setting("name", "value")
        assert tx.setting("name") == "value"
        assert tx.wrote
        assert tx.bytes_written > 8
        return tx.txn

    for exclusive in (False, True):
        result, txn = store.write(work, exclusive=exclusive)
        # What stands for a time that is not known yet is later than all times.
        assert result == txn or (not exclusive and result > txn)
        with store.snapshot() as snapshot:
            assert snapshot.version(SCOPE, COLL, 1).txn == txn
            assert [row.added for row in snapshot.entries(SCOPE, COLL, b"")] == [txn]
        store.write(lambda tx: tx.purge_index(SCOPE, COLL, 9))


def test_a_snapshot_does_not_move(shared_place: Place) -> None:
    store = shared_place.open()
    store.write(lambda tx: put(tx, 1, '"old"'))
    with store.snapshot() as before:
        _, txn = store.write(lambda tx: (put(tx, 1, '"new"'), tx.log(["x"]), tx.bump_schema()))
        assert before.version(SCOPE, COLL, 1).data == '"old"'
        assert before.last_txn < txn
        assert before.time < txn
        assert before.commits(0) == []
        with store.snapshot() as after:
            assert after.version(SCOPE, COLL, 1).data == '"new"'
            assert after.last_txn == txn <= after.time
            assert after.schema_version == before.schema_version + 1


def test_a_snapshot_time_never_gains_writes(store: Store) -> None:
    """Readers beside a writer: whatever lies at or before the snapshot's time was visible in it."""
    stop = threading.Event()
    seen: list[tuple[int, int]] = []
    problems: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                with store.snapshot() as snapshot:
                    seen.append((snapshot.time, snapshot.last_txn))
                time.sleep(0.0002)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    times = []
    for number in range(150):
        times.append(store.write(lambda tx, number=number: put(tx, number))[1])
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
    for at, last in seen:
        assert last <= at
        assert not [txn for txn in times if last < txn <= at]


def test_at_least_moves_snapshot_and_transaction(store: Store) -> None:
    ahead = time.time_ns() // 1000 + 2_000_000
    with store.snapshot(ahead) as snapshot:
        assert snapshot.time >= ahead
    _, txn = store.write(lambda tx: put(tx, 1))
    assert txn > ahead  # the time was handed out
    _, later = store.write(lambda tx: put(tx, 1), at_least=txn + 500_000)
    assert later > txn + 500_000


def test_a_time_far_ahead_is_refused_and_does_not_move_the_clock(store: Store) -> None:
    far = time.time_ns() // 1000 + 3_600_000_000
    with pytest.raises(ClockBehind):
        store.snapshot(far)
    with pytest.raises(ClockBehind):
        store.write(lambda tx: put(tx, 1), at_least=far)
    _, txn = store.write(lambda tx: put(tx, 1))
    assert txn < far - 3_000_000_000


def test_counters_and_settings_persist(place: Place) -> None:
    store = place.open()
    store.write(lambda tx: (tx.next_counter("a"), tx.next_counter("a"), tx.set_setting("s", "ü\"'")))
    store.write(lambda tx: tx.set_setting("s", "second"))
    if place.shared:
        store.close()
        store = place.open()
    with store.snapshot() as snapshot:
        assert snapshot.counter("a") == 2
        assert snapshot.counter("b") == 0
        assert snapshot.setting("s") == "second"
        assert snapshot.setting("t") is None


def test_commit_log(store: Store) -> None:
    times = []
    for number in range(5):
        times.append(store.write(lambda tx, number=number: (tx.log(["a", number]), tx.log([{"b": "ü"}])))[1])
    store.write(lambda tx: put(tx, 1))  # not logged
    with store.snapshot() as snapshot:
        log = snapshot.commits(0)
        assert [txn for txn, _ in log] == times
        assert log[3][1] == '[["a",3],[{"b":"\\u00fc"}]]'
        assert [txn for txn, _ in snapshot.commits(times[1], 2)] == times[2:4]
        assert snapshot.commits(times[4]) == []
    store.prune_log(times[3])
    with store.snapshot() as snapshot:
        assert [txn for txn, _ in snapshot.commits(0)] == times[3:]


def test_schema_version_counts_bumps(store: Store) -> None:
    store.write(lambda tx: tx.bump_schema())
    store.write(lambda tx: put(tx, 1))
    store.write(lambda tx: tx.bump_schema())
    with store.snapshot() as snapshot:
        assert snapshot.schema_version == 2


def test_a_write_within_a_write_is_refused(store: Store) -> None:
    def work(tx: Transaction) -> None:
        put(tx, 1)
        store.write(lambda inner: put(inner, 2))

    with pytest.raises(StoreError, match="inside another"):
        store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1) is None


def test_a_passed_deadline_writes_nothing(store: Store) -> None:
    with pytest.raises(DeadlineExceeded):
        store.write(lambda tx: put(tx, 1), deadline=time.monotonic() - 1)
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1) is None


def test_a_transaction_is_closed_after_its_work(store: Store) -> None:
    kept: list[Transaction] = []
    store.write(lambda tx: (put(tx, 1), kept.append(tx)))
    with pytest.raises(StoreError, match="closed"):
        kept[0].version(SCOPE, COLL, 1)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.snapshot()
    with pytest.raises(StoreError, match="closed"):
        store.write(lambda tx: put(tx, 1))
