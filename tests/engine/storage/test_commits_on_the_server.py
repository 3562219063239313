"""A commit that is interrupted while the server works on it, at each of its steps: what came of it is known.

Triggers, in the schema of the test's own store, hold the function that commits at a step until the test lets it go on.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("psycopg")

import psycopg

from faunadb.engine.storage import Transaction
from faunadb.engine.storage.postgres import PostgresStore
from faunadb.engine.storage.read_set import document_path
from faunadb.engine.storage.statements import SCHEMA_VERSION
from tests.engine.storage import places
from tests.engine.storage.places import COLL, SCOPE, add, put
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]

#: Steps of `write_commit`, by the table that is written; the last one is COMMIT itself.
STEPS = ("version", "entry", "counter", "change_log", "meta", "mark", "COMMIT")


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    place = places.postgres_place(postgres_url)
    store = place.open()
    assert isinstance(store, PostgresStore)
    store.write(lambda tx: put(tx, 1))
    yield store
    place.close()
    places.drop_postgres_place(place)


class Gate:
    """Holds whoever comes to a step, until it is opened."""

    def __init__(self, store: PostgresStore, step: str) -> None:
        self._conn = psycopg.connect(places.bare(store.url), autocommit=True)
        self._key = int.from_bytes(os.urandom(6), "big")
        self._conn.execute("SELECT pg_advisory_lock(%s)", (self._key,))
        schema = store._target.schema
        self._conn.execute(
            f"CREATE FUNCTION {schema}.hold() RETURNS TRIGGER LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM pg_advisory_xact_lock_shared({self._key}); RETURN NEW; END $$"
        )
        when = f"BEFORE INSERT OR UPDATE ON {schema}.{step}"
        if step == "COMMIT":
            when = f"AFTER INSERT ON {schema}.change_log DEFERRABLE INITIALLY DEFERRED"
        constraint = "CONSTRAINT" if step == "COMMIT" else ""
        self._conn.execute(
            f"CREATE {constraint} TRIGGER held {when} FOR EACH ROW EXECUTE FUNCTION {schema}.hold()"
        )

    def held(self) -> int:
        """The session that is held, once it is."""
        found: list[int] = []

        def look() -> bool:
            text = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"
            # The key's lower half is kept as an unsigned number of 32 bits.
            found[:] = [row[0] for row in self._conn.execute(text, (self._key % 2**32,))]
            return bool(found)

        eventually(look, "the commit is held")
        return found[0]

    def end(self, session: int) -> None:
        self._conn.execute("SELECT pg_terminate_backend(%s)", (session,))

    def open(self) -> None:
        self._conn.close()


def work(tx: Transaction) -> int:
    put(tx, 7, "7")
    add(tx, b"seven")
    return tx.next_counter("c")


@pytest.mark.parametrize("broken", ["session ended", "network cut"])
@pytest.mark.parametrize("step", STEPS)
def test_interrupted_on_the_server(store: PostgresStore, step: str, broken: str) -> None:
    """The write is there exactly once, and its time is told.

    A session that is ended leaves nothing, and the batch is sent again. One whose client is gone goes on and commits: the
    client waits for that, and learns of it.
    """
    gate = Gate(store, step)
    outcome: list[Any] = []
    writer = threading.Thread(target=lambda: outcome.append(store.write(work)))
    writer.start()
    session = gate.held()
    conn = store._committer._conn
    assert conn is not None
    assert conn.info.backend_pid == session
    if broken == "session ended":
        gate.end(session)
    else:
        with socket.socket(fileno=os.dup(conn.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        eventually(lambda: store._committer._conn is not conn, "the client has noticed")
    gate.open()
    writer.join(60)
    assert not writer.is_alive()
    ((result, txn),) = outcome
    assert result == 1
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == txn
        assert [row.ts for row in snapshot.versions(SCOPE, COLL, 7)] == [txn]
        assert snapshot.counter("c") == 1
        assert len(snapshot.changed(0)) == 2
    assert store.check() == []
    store.write(lambda tx: put(tx, 8))


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_whatever_transactions_are_where_they_do_not_say(postgres_url: str, level: str) -> None:
    """A commit must see what others have committed while it waited for the lock."""
    mark = "&" if "?" in postgres_url else "?"
    options = quote(f"-c default_transaction_isolation={level.replace(' ', chr(92) + ' ')}")
    place = places.postgres_place(f"{postgres_url}{mark}options={options}")
    try:
        store, other = place.open(), place.open()
        for number in range(3):
            assert [each.write(work)[0] for each in (store, other)] == [2 * number + 1, 2 * number + 2]
    finally:
        place.close()
        places.drop_postgres_place(place)


def test_it_is_told_how_long_the_lock_was_waited_for(store: PostgresStore) -> None:
    """By the server's clock; with it, a process decides how many transactions it gathers (`commit_queue`)."""
    schema = store._target.schema
    now = "SELECT EXTRACT(EPOCH FROM clock_timestamp())"
    thread = threading.Thread(target=store.write, args=(lambda tx: put(tx, 2),))
    with (
        psycopg.connect(places.bare(store.url)) as other,
        psycopg.connect(places.bare(store.url), autocommit=True) as looking,
    ):

        def waits() -> bool:
            text = "SELECT FROM pg_locks WHERE relation = to_regclass(%s) AND NOT granted"
            return looking.execute(text, (f"{schema}.writer",)).fetchone() is not None

        def clock() -> float:
            row = looking.execute(now).fetchone()
            assert row is not None
            return float(row[0])

        other.execute(f"LOCK TABLE {schema}.writer IN EXCLUSIVE MODE")
        thread.start()
        eventually(waits, "the commit waits for the lock")
        began = clock()
        held = clock() - began
        other.rollback()
    thread.join()
    waited = store._committer.waited
    assert waited >= held > 0
    store.write(lambda tx: put(tx, 3))
    assert store._committer.waited != waited


#: Who has passed, in the order of the batch, and what the others have lost to.
NOW, CHANGED = "now", document_path(SCOPE, COLL, 1)
VERDICTS: dict[str, tuple[list[dict[str, Any]], list[bool], dict[str, str]]] = {
    "nothing was read": ([{}, {}, {}], [True, True, True], {}),
    "another document was read": ([{"doc": 7}], [True], {}),
    "its document was changed": ([{}, {"doc": 1}, {}], [True, False, True], {"1": CHANGED}),
    "it was read after that": ([{"doc": 1, "position": NOW}], [True], {}),
    "an old schema": ([{"schema": -1}, {}], [False, True], {"0": ""}),
    "an old schema counts more": ([{"schema": -1, "doc": 1}], [False], {"0": ""}),
    "something has expired": ([{}, {"until": 0}, {}], [True, False, True], {"1": "ttl"}),
    "it expires in years": ([{"until": 2**61}], [True], {}),
    "all lose": ([{"doc": 1}, {"until": 0}], [False, False], {"0": CHANGED, "1": "ttl"}),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_who_passes_gets_the_next_time_and_who_does_not_is_told_why(store: PostgresStore, case: str) -> None:
    asked, passed, lost = VERDICTS[case]
    store.write(lambda tx: put(tx, 1))
    with store.snapshot() as snapshot:
        newest, schema_version = snapshot.last_txn, snapshot.schema_version
    transactions = [
        [
            newest - (each.get("position") != NOW),
            each.get("schema", schema_version),
            each.get("until"),
        ]
        for each in asked
    ]
    reads = [
        [number, document_path(SCOPE, COLL, each["doc"])]
        for number, each in enumerate(asked)
        if "doc" in each
    ]
    batch = {
        "format": SCHEMA_VERSION, "store": "nobody", "checks": 0, "patience": 60_000, "after": 0,
        "transactions": transactions, "reads": reads,
    }  # fmt: skip
    with psycopg.connect(places.bare(store.url)) as conn:
        row = conn.execute(
            f"SELECT {store._target.schema}.begin_commit(CAST(%s AS JSONB))", (json.dumps(batch),)
        ).fetchone()
    assert row is not None
    outcome = row[0]
    times = [time for time in outcome["times"] if time is not None]
    assert [time is not None for time in outcome["times"]] == passed
    assert outcome["lost"] == lost
    first = times[0] if times else newest + 1
    assert first > newest
    assert times == list(range(first, first + len(times)))
    assert outcome["last_txn"] == (times[-1] if times else newest)
