"""Opening stores: who makes them, how durable they are, what is not a store."""

from __future__ import annotations

import queue
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from requests.exceptions import ConnectionError as RequestsConnectionError

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage import Contended, Store, StoreUnavailable, open_store, sqlite, sqlite_schema
from tests.engine.storage.places import COLL, SCOPE, Place, put

ROOT = Path(__file__).resolve().parents[3]


def test_made_once_when_several_begin_at_once(shared_place: Place) -> None:
    found: list[object] = []

    def begin(number: int) -> None:
        try:
            with open_store(shared_place.url) as store:
                found.append(store.write(lambda tx: put(tx, number))[1])
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(each, int) for each in found), found
    assert len(set(found)) == 5
    with shared_place.open().snapshot() as snapshot:
        assert snapshot.scan_documents(SCOPE, COLL, limit=9) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("option", "synchronous"), [("", 2), ("?durability=full", 2), ("?durability=normal", 1)]
)
def test_files_are_durable_unless_told_otherwise(tmp_path, option: str, synchronous: int) -> None:
    with open_store(f"sqlite:///{tmp_path}/x.db{option}") as store:
        connection = store._writer._conn  # type: ignore[attr-defined]
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_process_that_ends_without_closing_leaves_no_lock(shared_place: Place) -> None:
    """Its background thread is in the middle of a write, which is finished first."""
    script = textwrap.dedent(
        f"""
        import threading, time
        from faunadb.client import FaunaClient
        client = FaunaClient("secret", endpoint={shared_place.url!r})
        client.query(1)
        from faunadb.engine.opened import _open
        engine = next(iter(_open))
        inside = threading.Event()
        def work(tx):
            tx.put_version({SCOPE}, {COLL}, 1, tx.txn, True, None, '"there"')
            tx.version({SCOPE}, {COLL}, 1)
            inside.set()
            time.sleep(0.5)
        engine.background.submit(lambda: engine.store.write(work, exclusive=True))
        assert inside.wait(20)
        """
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20, cwd=ROOT)
    store = shared_place.open(lock_timeout=1.0)
    store.write(lambda tx: put(tx, 2))
    with store.snapshot() as snapshot:
        assert snapshot.scan_documents(SCOPE, COLL, limit=9) == [1, 2]


@pytest.mark.postgres
class TestWithoutWhatOnlyPostgresqlHas:
    """The switch that CockroachDB and YugabyteDB need, thrown on PostgreSQL."""

    @pytest.fixture
    def stores(self, postgres_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> list[Store]:
        from faunadb.engine.storage import postgres
        from tests.engine.storage import places

        prepare = postgres.prepare_schema
        monkeypatch.setattr(
            postgres, "prepare_schema", lambda *given: prepare(*given)._replace(postgresql=False)
        )
        place = places.postgres_place(postgres_url)
        yield [place.open(), place.open()]
        place.close()
        places.drop_postgres_place(place)

    def test_nothing_is_lost(self, stores: list[Store]) -> None:
        def increment(tx):
            version = tx.version(SCOPE, COLL, 1)
            put(tx, 1, str(int(version.data) + 1 if version else 1))

        def run(store: Store) -> None:
            for _ in range(20):
                store.write(increment, retries=1000)

        threads = [threading.Thread(target=run, args=(stores[number % 2],)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with stores[0].snapshot() as snapshot:
            assert snapshot.version(SCOPE, COLL, 1).data == "80"
            assert snapshot.last_txn <= snapshot.time
        assert stores[0].check() == []

    def test_a_loser_without_retries_is_told(self, stores: list[Store]) -> None:
        one, other = stores
        inside, go = threading.Event(), threading.Event()

        def hold(tx):
            put(tx, 1)
            inside.set()
            assert go.wait(20)

        outcome: list[object] = []

        def lose() -> None:
            try:
                outcome.append(other.write(lambda tx: put(tx, 2), retries=0))
            except Exception as error:
                outcome.append(error)

        first, second = threading.Thread(target=lambda: one.write(hold)), threading.Thread(target=lose)
        first.start()
        assert inside.wait(20)
        second.start()
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%FOR UPDATE%%'"
        )
        with other.snapshot() as snapshot:
            from tests.server.running import eventually

            eventually(lambda: snapshot._all(waiting, ()), "the second writer waits for the row")
        go.set()
        first.join()
        second.join()
        assert isinstance(outcome[0], Contended), outcome

    def test_commits_are_noticed(self, stores: list[Store]) -> None:
        one, other = stores
        one.write(lambda tx: put(tx, 1))
        heard: queue.Queue[int] = queue.Queue()
        other.add_listener(heard.put)
        _, txn = one.write(lambda tx: put(tx, 2))
        assert heard.get(timeout=10) == txn


@pytest.mark.postgres
def test_a_writer_that_stands_still_loses_its_turn_and_begins_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faunadb.engine.storage import postgres_writer
    from tests.engine.storage import places

    monkeypatch.setattr(postgres_writer, "IDLE_WRITER", "200ms")
    place = places.postgres_place(postgres_url)
    store, other = place.open(), place.open()
    runs: list[int] = []
    inside = threading.Event()
    go = threading.Event()

    def work(tx):
        runs.append(tx.txn)
        put(tx, 1, '"late"')
        tx.version(SCOPE, COLL, 1)
        inside.set()
        assert go.wait(20)

    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(store.write(work, exclusive=True)))
    thread.start()
    assert inside.wait(20)
    _, txn = other.write(lambda tx: put(tx, 2))  # gets the lock when the other one's time is up
    go.set()
    thread.join()
    assert len(runs) == 2
    assert found == [(None, runs[1])]
    assert runs[0] < txn < runs[1]
    place.close()
    places.drop_postgres_place(place)


#: Has a file to itself until it is told to end.
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("UPDATE meta SET format = format")
print(flush=True)
sys.stdin.read()
"""


def test_queries_do_not_wait_for_a_file_longer_than_their_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the file to itself, for longer than any test."""
    monkeypatch.setattr(sqlite_schema, "MAX_BUSY", 3600.0)
    path = tmp_path / "store.db"
    url = f"sqlite:///{path}"
    open_store(url).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline()
        for expression in (1, q.create_collection({"name": "spells"})):
            with FaunaClient("secret", endpoint=url, timeout=0.3) as client:
                with pytest.raises(RequestsConnectionError, match="locked by another process"):
                    client.query(expression)
            with FaunaClient("secret", endpoint=url) as client:
                with pytest.raises(RequestsConnectionError, match="locked by another process"):
                    client.query(expression, timeout_millis=300)
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            open_store(url, lock_timeout=0.3)
        assert holder.poll() is None
    finally:
        holder.communicate()


def test_snapshots_do_not_wait_for_a_file_longer_than_their_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while another process recovers the file after a crash."""
    path, attempts = tmp_path / "store.db", []

    def locked(*_: Any, **__: Any) -> Any:
        attempts.append(1)
        raise sqlite3.OperationalError("database is locked")

    with open_store(f"sqlite:///{path}", lock_timeout=3600) as store:
        monkeypatch.setattr(sqlite, "connect", locked)
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            store.snapshot(deadline=time.monotonic() + 0.1)
        assert len(attempts) > 1
    with open_store(f"sqlite:///{path}", lock_timeout=0.1) as store, pytest.raises(StoreUnavailable):
        store.snapshot()
