"""Group commit: batching, isolation of failing works from their batch, interruption, deadlines."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from faunadb.engine.storage import (
    DeadlineExceeded,
    Store,
    Transaction,
    group_commit,
    open_store,
    postgres_writer,
    sqlite_rows,
    sqlite_writer,
)
from faunadb.engine.storage.sqlite_writer import SqliteWriter
from tests.engine.storage.interrupting import interruption
from tests.engine.storage.places import COLL, SCOPE, Place, put


class Crowd:
    """Threads that write at once, and what came of each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.results: dict[int, Any] = {}
        self._threads: list[threading.Thread] = []

    def write(
        self,
        number: int,
        work: Callable[[Transaction], Any],
        ended: Callable[[], object] = lambda: None,
        **options: Any,
    ) -> None:
        """ended: called in the thread when its write has returned or raised."""

        def run() -> None:
            try:
                self.results[number] = self.store.write(work, exclusive=True, **options)
            except BaseException as error:
                self.results[number] = error
            finally:
                ended()

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def wait_queued(self, count: int) -> None:
        """Wait until so many writers stand in the queue behind the leader."""
        until = time.monotonic() + 10
        while len(self.store._queue._turns.waiting()) < count:
            assert time.monotonic() < until
            time.sleep(0.001)

    def join(self) -> dict[int, Any]:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        return self.results


class Leader:
    """A write that stays inside its work until told to go on, so that others queue behind it."""

    def __init__(self, crowd: Crowd, error: Optional[BaseException] = None) -> None:
        self.inside = threading.Event()
        self.go = threading.Event()

        def work(tx: Transaction) -> str:
            put(tx, 1000)
            self.inside.set()
            assert self.go.wait(30)
            if error is not None:
                raise error
            return "led"

        crowd.write(-1, work)
        assert self.inside.wait(10)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a leader would else stop taking works before those of the test have come."""
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 30.0)


@pytest.fixture
def batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes are not visible from outside: count the SQL commits instead."""
    commits: list[int] = []
    original = store._writer.commit

    def commit(last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        original(last_txn, schema_version, reach)
        commits.append(last_txn)

    monkeypatch.setattr(store._writer, "commit", commit)
    return commits


def docs(store: Store) -> set[int]:
    with store.snapshot() as snapshot:
        return set(snapshot.scan_documents(SCOPE, COLL, limit=10_000))


def test_queued_writes_share_a_commit(store: Store, batches: list[int]) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)
    for number in range(20):
        crowd.write(number, lambda tx, number=number: (put(tx, number), tx.log([number]))[0])
    crowd.wait_queued(20)
    leader.go.set()
    results = crowd.join()
    assert len(batches) <= 3
    times = [txn for _, txn in results.values()]
    assert len(set(times)) == 21
    assert docs(store) == {*range(20), 1000}
    with store.snapshot() as snapshot:
        assert len(snapshot.commits(0)) == 20
        assert snapshot.last_txn == max(times)
    assert store.check() == []


def test_a_failing_work_loses_only_its_own_changes(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)

    def work(tx: Transaction, number: int) -> int:
        put(tx, number)
        tx.bump_schema()
        seen = tx.schema_version
        if number % 3 == 0:
            raise ValueError(number)
        return seen

    for number in range(12):
        crowd.write(number, lambda tx, number=number: work(tx, number))
    crowd.wait_queued(12)
    leader.go.set()
    results = crowd.join()
    for number in range(12):
        if number % 3 == 0:
            assert isinstance(results[number], ValueError)
            assert results[number].args == (number,)
    good = [number for number in range(12) if number % 3]
    assert docs(store) == {*good, 1000}
    assert sorted(results[number][0] for number in good) == list(range(1, 9))
    with store.snapshot() as snapshot:
        assert snapshot.schema_version == 8


def test_a_failing_leader_loses_only_its_own_changes(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd, RuntimeError("leader"))
    for number in range(5):
        crowd.write(number, lambda tx, number=number: put(tx, number))
    crowd.wait_queued(5)
    leader.go.set()
    results = crowd.join()
    assert isinstance(results[-1], RuntimeError)
    assert docs(store) == set(range(5))


def test_readers_in_a_batch_see_the_works_before_them(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)
    crowd.write(1, lambda tx: tx.version(SCOPE, COLL, 1000).data)
    crowd.wait_queued(1)
    leader.go.set()
    assert crowd.join()[1] == ('{"n":1}', None)


def test_a_failing_writer_after_readers(store: Store) -> None:
    """Works that only read, then one that writes and fails, all within one batch."""
    crowd = Crowd(store)
    inside, go = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> str:
        inside.set()
        assert go.wait(30)
        return "read"

    def fail(tx: Transaction) -> None:
        put(tx, 7)
        raise ValueError("no")

    crowd.write(0, wait)
    assert inside.wait(10)
    crowd.write(1, fail)
    crowd.write(2, lambda tx: put(tx, 8))
    crowd.wait_queued(2)
    go.set()
    results = crowd.join()
    assert results[0] == ("read", None)
    assert isinstance(results[1], ValueError)
    assert results[2][1] is not None
    assert docs(store) == {8}


def test_a_commit_that_fails_fails_for_the_whole_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from faunadb.engine.storage import StoreUnavailable
    from faunadb.engine.storage.group_commit import TransactionLost

    def commit(last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        raise TransactionLost(StoreUnavailable("no space left"), again=False)

    crowd = Crowd(store)
    leader = Leader(crowd)
    for number in range(5):
        crowd.write(number, lambda tx, number=number: put(tx, number))
    crowd.wait_queued(5)
    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "commit", commit)
        leader.go.set()
        results = crowd.join()
    assert all(isinstance(result, StoreUnavailable) for result in results.values())
    assert docs(store) == set()
    assert store.write(lambda tx: put(tx, 1))[1] is not None
    assert docs(store) == {1}


def test_a_batch_lost_to_contention_runs_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from faunadb.engine.storage import Contended
    from faunadb.engine.storage.group_commit import TransactionLost

    failures = [TransactionLost(Contended("others came first"), again=True) for _ in range(3)]
    original = store._writer.commit

    def commit(last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        if failures:
            raise failures.pop()
        original(last_txn, schema_version, reach)

    monkeypatch.setattr(store._writer, "commit", commit)
    runs = []
    result, txn = store.write(lambda tx: (runs.append(tx.txn), tx.next_counter("c"))[1], exclusive=True)
    assert result == 1
    assert txn == runs[-1]
    assert len(runs) == 4
    failures.extend(TransactionLost(Contended("others came first"), again=True) for _ in range(3))
    with pytest.raises(Contended):
        store.write(lambda tx: put(tx, 1), retries=2, exclusive=True)
    assert not failures
    assert docs(store) == set()


def test_a_deadline_passes_while_queued(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)
    crowd.write(1, lambda tx: put(tx, 1), deadline=time.monotonic() + 0.05)
    until = time.monotonic() + 10
    while 1 not in crowd.results and time.monotonic() < until:
        time.sleep(0.005)
    assert isinstance(crowd.results[1], DeadlineExceeded)
    leader.go.set()
    crowd.join()
    assert docs(store) == {1000}


class Interrupt(BaseException):
    """Like KeyboardInterrupt, without troubling the test runner."""


def test_an_interrupted_leader_leaves_the_others_unharmed(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd, Interrupt())
    for number in range(5):
        crowd.write(number, lambda tx, number=number: put(tx, number))
    crowd.wait_queued(5)
    leader.go.set()
    results = crowd.join()
    assert isinstance(results[-1], Interrupt)
    assert all(results[number][1] is not None for number in range(5))
    assert docs(store) == set(range(5))


STEPS = tuple(module.__file__ for module in (group_commit, sqlite_rows, sqlite_writer, postgres_writer))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_leader_interrupted_at_each_step_keeps_what_it_acknowledges(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told as written is there, with all its rows, and nothing else is."""
    store = place.open()

    def create(tx: Transaction, number: int) -> None:
        tx.create(SCOPE, COLL, number, "{}", b"%d" % number)

    for step in range(1, 200):
        crowd = Crowd(store)
        first = step * 10
        began, go, passed = threading.Event(), threading.Event(), threading.Event()

        def lead(tx: Transaction) -> None:
            create(tx, first)  # noqa: B023
            began.set()  # noqa: B023
            assert go.wait(30)  # noqa: B023
            sys.setprofile(interruption(step, Interrupt, STEPS))  # noqa: B023

        crowd.write(-1, lead, ended=lambda: (sys.getprofile() and passed.set(), sys.setprofile(None)))  # noqa: B023
        assert began.wait(30)
        for number in (1, 2, 3):
            crowd.write(number, lambda tx, number=number: create(tx, first + number))  # noqa: B023
            crowd.wait_queued(number)
        go.set()
        results = crowd.join()
        written = {first + max(0, number) for number, came in results.items() if isinstance(came, tuple)}
        assert written >= {first + 1, first + 2, first + 3}, f"step {step}"
        with store.snapshot() as snapshot:
            versions = set(snapshot.scan_documents(SCOPE, COLL, after=first - 1, limit=9))
            entries = {row.doc for row in snapshot.entries(SCOPE, COLL, b"") if row.doc >= first}
        assert versions == entries, f"step {step}"
        # The leader's own work may be written although the exception is all that its thread gets.
        assert versions - written <= {first}, f"step {step}"
        assert written <= versions, f"step {step}"
        if passed.is_set():
            break
    assert passed.is_set()
    assert store.check() == []


def test_a_leader_interrupted_in_anothers_work_hands_that_work_on(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)
    runs = []

    def interrupted_once(tx: Transaction) -> str:
        runs.append(threading.get_ident())
        put(tx, 5)
        if len(runs) == 1:
            raise Interrupt
        return "done"

    crowd.write(1, interrupted_once)
    crowd.wait_queued(1)
    leader.go.set()
    results = crowd.join()
    assert isinstance(results[-1], Interrupt)  # the thread the interrupt was meant for
    assert results[1][0] == "done"
    assert docs(store) == {5, 1000}  # the leader's own work was complete before


@pytest.mark.parametrize("exclusive", [False, True])
def test_many_threads_lose_nothing(place: Place, exclusive: bool) -> None:
    store = place.open()

    def increment(tx: Transaction) -> int:
        version = tx.version(SCOPE, COLL, 1)
        value = int(version.data) + 1 if version else 1
        put(tx, 1, str(value))
        return value

    results: list[tuple[int, int]] = []

    def run() -> None:
        for _ in range(25):
            value, txn = store.write(increment, exclusive=exclusive)
            results.append((txn, value))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.sort()
    assert [value for _, value in results] == list(range(1, 401))
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).data == "400"
        assert [row.ts for row in snapshot.versions(SCOPE, COLL, 1)] == [txn for txn, _ in results]


def test_a_commit_that_is_there_is_found_when_another_process_has_gone_on(tmp_path: Path) -> None:
    path = str(tmp_path / "app.db")
    with open_store(f"sqlite:///{path}") as here, open_store(f"sqlite:///{path}") as there:
        _, first = here.write(lambda tx: put(tx, 1))
        _, later = there.write(lambda tx: put(tx, 2))
        assert first is not None
        assert later is not None
        assert later > first
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            writer = SqliteWriter(conn, path, 1.0)
            found = [writer.is_committed(txn) for txn in (first, later, first + 1)]
    assert found == [True, True, later == first + 1]
