"""Under the writers' lock on PostgreSQL: what works share, and what one that fails costs the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from random import Random
from typing import Any, Callable

import pytest

pytest.importorskip("psycopg")

from faunadb.engine.storage import Transaction, group_commit
from faunadb.engine.storage.postgres import PostgresStore
from faunadb.engine.storage.postgres_connection import Connection
from faunadb.engine.storage.postgres_writer import PgTransaction
from tests.engine.storage import places
from tests.engine.storage.places import COLL, SCOPE, put
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]

Work = Callable[[Transaction], Any]


@pytest.fixture
def store(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStore]:
    # On a busy machine a leader would else stop taking works before those of the test have come.
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 30.0)
    place = places.postgres_place(postgres_url)
    store = place.open()
    assert isinstance(store, PostgresStore)
    store.write(lambda tx: put(tx, 1, "0"), exclusive=True)
    yield store
    place.close()
    places.drop_postgres_place(place)


def together(store: PostgresStore, *works: Work) -> list[Any]:
    """Run works under the lock in one batch, in this order; the result or error of each."""
    found: list[Any] = [None] * len(works)
    inside, go = threading.Event(), threading.Event()

    def first(tx: Transaction) -> None:
        inside.set()
        assert go.wait(60)

    def run(number: int, work: Work) -> None:
        try:
            found[number] = store.write(work, exclusive=True)[0]
        except Exception as error:
            found[number] = error

    leader = threading.Thread(target=lambda: store.write(first, exclusive=True))
    leader.start()
    assert inside.wait(20)
    crowd = [leader]
    for number, work in enumerate(works):
        crowd.append(threading.Thread(target=run, args=(number, work)))
        crowd[-1].start()
        eventually(lambda number=number: len(store._queue._turns.waiting()) == number + 1, "it waits")  # type: ignore[misc]
    go.set()
    for thread in crowd:
        thread.join()
    return found


def version(tx: Transaction, doc: int = 1) -> Any:
    row = tx.version(SCOPE, COLL, doc)
    return None if row is None else row.data


def increment(tx: Transaction) -> int:
    value = int(version(tx)) + 1
    put(tx, 1, str(value))
    return value


def test_one_document_changed_by_many(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is asked for it once, and told of all changes with the commit."""
    trips: list[int] = []
    run = Connection.run
    monkeypatch.setattr(
        Connection, "run", lambda conn, statements: trips.append(len(statements)) or run(conn, statements)
    )
    assert together(store, *[increment] * 20) == list(range(1, 21))
    assert len(trips) == 2
    with store.snapshot() as snapshot:
        assert [row.data for row in snapshot.versions(SCOPE, COLL, 1)] == [str(n) for n in range(21)]
        assert len(snapshot.changed(0)) == 21
    assert store.check() == []


def fails(tx: Transaction) -> None:
    """Changes things, before and after something has been sent, and fails."""
    put(tx, 1, "1000")
    put(tx, 2, "2")
    assert list(tx.entries(SCOPE, 7, b"")) == []
    assert version(tx, 2) == "2"
    put(tx, 3, "3")
    raise KeyError("on purpose")


def fails_unsent(tx: Transaction) -> None:
    put(tx, 1, "1000")
    raise KeyError("on purpose")


@pytest.mark.parametrize("failing", [fails, fails_unsent])
@pytest.mark.parametrize("place", range(3))
def test_what_a_failing_work_wrote_is_seen_by_nobody(store: PostgresStore, failing: Work, place: int) -> None:
    works: list[Work] = [increment, increment]
    works.insert(place, failing)
    found = together(store, *works)
    assert isinstance(found.pop(place), KeyError)
    assert found == [1, 2]
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).data == "2"
        assert snapshot.version(SCOPE, COLL, 2) is None
        assert snapshot.version(SCOPE, COLL, 3) is None
    assert store.check() == []


def refused(tx: Transaction) -> None:
    """What only the server finds out, when all is sent."""
    put(tx, 2, "2")
    assert isinstance(tx, PgTransaction)
    tx._run("SELECT 1 / CAST(%s AS BIGINT)", (0,))


def reads_after_all(tx: Transaction) -> int:
    """Has what others wrote sent."""
    assert list(tx.entries(SCOPE, 7, b"")) == []
    return increment(tx)


@pytest.mark.parametrize("place", range(4))
def test_what_the_server_refuses_is_told_to_whose_it_is(store: PostgresStore, place: int) -> None:
    works: list[Work] = [increment, reads_after_all, increment]
    works.insert(place, refused)
    found = together(store, *works)
    error = found.pop(place)
    assert isinstance(error, ValueError)
    assert "cannot be stored" in str(error)
    assert found == [1, 2, 3]
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 2) is None
    assert together(store, increment) == [4]
    assert not store._writer._one_by_one
    assert store.check() == []


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_is_what_is_there(store: PostgresStore, seed: int) -> None:
    """Random works on few documents, their history rewritten, some failing: what each reads is what is stored."""
    random = Random(f"known {seed}")

    def work(plan: list[tuple[int, int, int]], is_failing: bool) -> Work:
        def run(tx: Transaction) -> None:
            assert isinstance(tx, PgTransaction)
            for kind, doc, n in plan:
                if kind == 0:
                    tx.put_version(SCOPE, COLL, doc, tx.txn, n > 1, None, str(n) if n > 1 else None)
                elif kind == 1:
                    tx.put_version(SCOPE, COLL, doc, n, True, None, f"at {n}")
                elif kind == 2:
                    tx.drop_version(SCOPE, COLL, doc, n)
                row = tx.version(SCOPE, COLL, doc)
                assert row == next(tx.versions(SCOPE, COLL, doc, reverse=True, limit=1), None), (kind, doc, n)
            if is_failing:
                raise KeyError("on purpose")

        return run

    plans = [
        [(random.randrange(4), random.randint(1, 3), random.randrange(6)) for _ in range(5)]
        for _ in range(12)
    ]
    failing = [random.random() < 0.3 for _ in plans]
    found = together(store, *map(work, plans, failing))
    assert [type(each) if each is not None else None for each in found] == [
        KeyError if each else None for each in failing
    ]
    assert store.check() == []
