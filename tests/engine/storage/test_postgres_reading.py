"""Reading from PostgreSQL: statements in one pipeline, threads that ask together, snapshots without a transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Optional

import pytest

pytest.importorskip("psycopg")

import psycopg

from faunadb.engine.java.times import Time
from faunadb.engine.language.values import Instant
from faunadb.engine.storage import StoreError, Transaction, open_store, postgres_connections
from faunadb.engine.storage.errors import DeadlineExceeded, SnapshotMoved, StoreUnavailable
from faunadb.engine.storage.postgres import PostgresStore
from faunadb.engine.storage.postgres_connection import Connection, statement
from faunadb.engine.storage.postgres_connections import Connections
from faunadb.engine.storage.postgres_readers import MAX_TOGETHER, Habits, _Asked
from tests.engine.storage import places
from tests.engine.storage.places import COLL, SCOPE, Place, delete, put
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture
def place(postgres_place: Place) -> Place:
    return postgres_place


@pytest.fixture
def store(place: Place) -> PostgresStore:
    store = place.open()
    assert isinstance(store, PostgresStore)

    def fill(tx: Transaction) -> None:
        for doc in range(1, 10):
            put(tx, doc, str(doc))

    store.write(fill)
    return store


# ---- statements in one pipeline ---------------------------------------------------------------------------------


@pytest.fixture(params=[5, None], ids=["prepared", "not prepared"])
def connection(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    connection = Connection.connect(postgres_url, autocommit=True, prepare_threshold=request.param)
    connection.set_up()
    yield connection
    connection.close()


def query(connection: Connection, sql: str, parameters: Any = ()) -> Any:
    return connection.rows_of(connection.run([statement(sql, parameters)])[0])


VALUES = [
    ("BIGINT", 0),
    ("BIGINT", -(2**63)),
    ("BIGINT", 2**63 - 1),
    ("BIGINT", Instant(1_582_980_896_123_456, Time(1_582_980_896, 123_456_789))),
    ("BYTEA", b""),
    ("BYTEA", b"\0\xff%s"),
    ("TEXT", "ö %s \U0001f600"),
    ("TEXT", None),
    ("BIGINT[]", []),
    ("BIGINT[]", [1, -2, 2**40]),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_values_arrive_and_come_back(connection: Connection, kind: str, value: Any) -> None:
    for _ in range(2):
        rows = query(connection, f"SELECT CAST(%s AS {kind}), '%%', CAST(%s AS BIGINT)", (value, 7))
        assert rows == [(value, "%", 7)]


@pytest.mark.parametrize("value", [2**63, "a\0b", [2**63]])
def test_what_cannot_be_sent_leaves_the_connection_as_it_was(connection: Connection, value: Any) -> None:
    with pytest.raises(psycopg.DataError):
        query(connection, "SELECT CAST(%s AS TEXT)", (value,))
    assert query(connection, "SELECT 2", ()) == [(2,)]


def test_what_is_prepared_outlives_what_is_rolled_back(connection: Connection) -> None:
    """psycopg, once it has prepared something itself, has the session forget all statements with its next new ROLLBACK."""
    for number in range(10):
        assert connection.script("SELECT 7") == [(7,)]
        assert query(connection, "SELECT CAST(%s AS BIGINT)", (number,)) == [(number,)]
    connection.texts.execute("ROLLBACK")
    assert query(connection, "SELECT CAST(%s AS BIGINT)", (8,)) == [(8,)]


def test_each_statement_has_its_own_result(connection: Connection) -> None:
    number, local = "SELECT CAST(%s AS BIGINT)", "SET LOCAL jit = off"
    statements = [statement(number, (1,)), statement(local), statement(number, (2,))]
    for _ in range(2):
        # As one transaction: what is local to it holds until its end.
        results = connection.run([*statements, statement("SELECT current_setting('jit')")])
        assert [connection.rows_of(result) for result in results] == [[(1,)], [], [(2,)], [("off",)]]


def test_the_first_error_is_raised_and_nothing_after_it_is_done(connection: Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE done (n BIGINT)")
    insert = statement("INSERT INTO done VALUES (%s)", (1,))
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.run([insert, statement("SELECT 1 / CAST(%s AS BIGINT)", (0,)), insert])
        assert query(connection, "SELECT COUNT(*) FROM done", ()) == [(0,)]
    assert connection.run([insert, insert])[1].command_tuples == 1
    assert query(connection, "SELECT COUNT(*) FROM done", ()) == [(2,)]


def test_a_session_that_is_ended_is_noticed(connection: Connection, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as another:
        another.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        query(connection, "SELECT 1", ())
    assert connection.closed


def test_options_of_the_url_reach_the_server(place: Place) -> None:
    """Spaces, too."""
    options = "-c%20statement_timeout%3D7s%20-c%20work_mem%3D5MB"
    with open_store(f"{place.url}&options={options}") as store:
        assert isinstance(store, PostgresStore)
        connection, _ = store._readers.begin(None)
        assert connection.script("SHOW statement_timeout") == [("7s",)]
        assert connection.script("SHOW work_mem") == [("5MB",)]
        store._readers.give_back(connection)


# ---- threads that ask together ----------------------------------------------------------------------------------


class Held:
    """Lets the first batch of reads wait until `go`, and counts all. Threads read a document each."""

    def __init__(self, store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.go = threading.Event()
        self.sent: list[int] = []
        self.sessions: list[int] = []
        self.found: dict[int, Any] = {}
        self.threads: list[threading.Thread] = []
        run = Connection.run

        def held(conn: Connection, statements: Any) -> Any:
            self.sessions.append(conn.info.backend_pid)
            self.sent.append(len(statements))
            if len(self.sent) == 1:
                assert self.go.wait(60)
            return run(conn, statements)

        monkeypatch.setattr(Connection, "run", held)

    def read(self, doc: int, seconds: Optional[float] = None) -> None:
        """Document 0 is a look-up that the server refuses. seconds: until the deadline."""
        deadline = None if seconds is None else time.monotonic() + seconds

        def read() -> None:
            try:
                if doc == 0:
                    self.store._readers.ask(statement("SELECT 1 / CAST(%s AS BIGINT)", (0,)), short=True)
                with self.store.snapshot(lazy=True, deadline=deadline) as snapshot:
                    row = snapshot.version(SCOPE, COLL, doc)
                    self.found[doc] = None if row is None else row.data
            except Exception as error:
                self.found[doc] = error

        thread = threading.Thread(target=read)
        thread.start()
        self.threads.append(thread)

    def waiting(self, count: int) -> None:
        eventually(lambda: len(self.store._readers._short.waiting()) == count, "they wait")

    def end(self) -> None:
        self.go.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def held(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Held:
    store.snapshot().close()  # from now on, lazy ones are
    return Held(store, monkeypatch)


def test_what_is_asked_at_the_same_time_goes_together(held: Held) -> None:
    held.read(1)
    eventually(lambda: len(held.sent) == 1, "the first is under way")
    for doc in range(2, 12):
        held.read(doc)
    held.waiting(10)
    held.end()
    assert held.found == {doc: str(doc) if doc < 10 else None for doc in range(1, 12)}
    # Beginning, clock and end stand around what is asked, and all look-ups are one statement.
    assert held.sent == [4, 3 + 1]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 31, 32])
def test_look_ups_that_go_together_find_what_each_finds_alone(store: PostgresStore, count: int) -> None:
    """Of documents with several versions, deleted, of other collections, absent, and the same ones more than once."""
    store.write(lambda tx: put(tx, 2, "newer"))
    store.write(lambda tx: delete(tx, 3))
    store.write(lambda tx: tx.put_version(SCOPE, COLL + 1, 1, tx.txn, True, None, "in another collection"))
    newest, counter = store._statements.newest, store._statements.counter
    asked = [(COLL, 1), (COLL, 2), (COLL, 3), (COLL + 1, 1), (COLL, 99), (COLL, 2)]
    questions = [statement(newest, (SCOPE, *asked[number % len(asked)])) for number in range(count)]
    questions.insert(1, statement(counter, ("none",)))
    alone = [store._readers.ask(question).rows for question in questions]
    for _ in range(7):  # the server plans the first of them anew each time
        batch = [_Asked(question, None) for question in (None, *questions[: MAX_TOGETHER - 1])]
        store._readers._ask_together(batch)
        found = [each.found.rows for each in batch if each.found is not None]
        assert found == [[], *alone[: MAX_TOGETHER - 1]]
    assert len(alone[0]) == 1


def test_who_reads_a_document_does_not_wait_for_what_may_take_long(
    held: Held, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = threading.Thread(target=lambda: store._readers.ask(statement("SELECT 1")))
    counting.start()
    eventually(lambda: len(held.sent) == 1, "it is under way")
    held.read(1)
    eventually(lambda: held.found == {1: "1"}, "the document is there")
    assert counting.is_alive()
    held.end()
    counting.join()


def test_what_cannot_be_asked_fails_alone(held: Held) -> None:
    held.read(1)
    eventually(lambda: len(held.sent) == 1, "the first is under way")
    for doc in (7, 0, 8):
        held.read(doc)
    held.waiting(3)
    held.end()
    assert isinstance(held.found.pop(0), ValueError)
    assert held.found == {1: "1", 7: "7", 8: "8"}


def test_a_session_that_is_ended_costs_nobody_an_answer(held: Held) -> None:
    for doc in (1, 2, 3, 4):
        held.read(doc)
    held.waiting(3)
    with psycopg.connect(places.bare(held.store.url), autocommit=True) as another:
        another.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS s (pid)", (held.sessions,))
    held.end()
    assert held.found == {1: "1", 2: "2", 3: "3", 4: "4"}


@pytest.mark.parametrize("hurried", [2, 3], ids=["who leads", "who is taken along"])
def test_who_has_a_deadline_waits_no_longer_for_a_server_that_is_away(
    held: Held, monkeypatch: pytest.MonkeyPatch, hurried: int
) -> None:
    """It hears that its time is over, and the others, who went along with it, are answered when the server is back."""
    away, free = threading.Event(), Connections._free

    def connect(target: Any, kind: Any = None) -> Any:
        if away.is_set():
            raise StoreUnavailable("cannot connect")
        return real(target, kind)

    real = postgres_connections.connect
    monkeypatch.setattr(postgres_connections, "connect", connect)
    monkeypatch.setattr(Connections, "_free", lambda pool: None if away.is_set() else free(pool))
    held.read(1)
    eventually(lambda: len(held.sent) == 1, "the first is under way")
    for number, doc in enumerate((2, 3), 1):
        held.read(doc, 0.5 if doc == hurried else None)
        held.waiting(number)
    away.set()
    held.go.set()
    held.threads[hurried - 1].join()
    assert isinstance(held.found.pop(hurried), DeadlineExceeded)
    away.clear()
    held.end()
    assert held.found == {doc: str(doc) for doc in (1, 2, 3) if doc != hurried}


def test_nothing_is_asked_of_a_closed_store(store: PostgresStore) -> None:
    snapshot = store.snapshot(lazy=True)
    snapshot.version(SCOPE, COLL, 1)
    store.close()
    for late in (lambda: snapshot.version(SCOPE, COLL, 2), store.snapshot):
        with pytest.raises(StoreError, match="closed"):
            late()


# ---- snapshots without a transaction ----------------------------------------------------------------------------


def test_a_lazy_snapshot_that_is_read_from_again(place: Place, store: PostgresStore) -> None:
    """Both reads are of one moment, or it is said that they would not be."""
    other = place.open()
    store.snapshot().close()
    with store.snapshot(lazy=True) as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).data == "1"
        assert snapshot.version(SCOPE, COLL, 2).data == "2"
        other.write(lambda tx: put(tx, 3, "changed"))
        assert snapshot.version(SCOPE, COLL, 3).data == "3", "the second read has begun a transaction"
    with store.snapshot(lazy=True) as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).data == "1"
        other.write(lambda tx: put(tx, 2, "changed"))
        with pytest.raises(SnapshotMoved):
            snapshot.version(SCOPE, COLL, 2)


def test_who_goes_on_reading_gets_a_transaction_at_once(place: Place, store: PostgresStore) -> None:
    other = place.open()
    store.snapshot().close()
    query = object()

    def read_twice() -> None:
        with store.snapshot(lazy=True) as snapshot:
            snapshot.asked_by(query)
            snapshot.version(SCOPE, COLL, 1)
            other.write(lambda tx: put(tx, 2, "changed"))
            snapshot.version(SCOPE, COLL, 2)

    for _ in range(2):
        with pytest.raises(SnapshotMoved):
            read_twice()
    read_twice()


def test_two_further_reads_are_a_habit_which_is_given_up() -> None:
    habits = Habits()
    assert habits.reads_once("a")
    habits.learn("a", more=True)
    assert habits.reads_once("a"), "once is no habit"
    habits.learn("a", more=True)
    assert not habits.reads_once("a")
    assert habits.reads_once("b")
    for _ in range(3):
        habits.learn("a", more=False)
    assert habits.reads_once("a"), "it has given it up"
