"""Writers beside each other on PostgreSQL: what makes a transaction lose, what it costs, and what is known of a commit."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

import pytest

pytest.importorskip("psycopg")

import psycopg

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.answers import Answers
from faunadb.engine.language.errors import RequestError
from faunadb.engine.request import Request
from faunadb.engine.storage import (
    Contended,
    Store,
    StoreUnavailable,
    Transaction,
    optimistic,
    postgres_commit,
)
from faunadb.engine.storage.commit_queue import CommitQueue, Committer, Finished
from faunadb.engine.storage.errors import SnapshotMoved
from faunadb.engine.storage.hot import Hot
from faunadb.engine.storage.postgres import PostgresStore
from faunadb.engine.storage.postgres_commit import PgCommitter
from faunadb.engine.storage.postgres_connection import Connection, Statement
from faunadb.errors import BadRequest
from tests.engine.storage import places
from tests.engine.storage.flights import Flights
from tests.engine.storage.places import COLL, INDEX, SCOPE, Place, add, end, put
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture
def place(postgres_place: Place) -> Place:
    return postgres_place


@pytest.fixture
def store(place: Place) -> Store:
    store = place.open()

    def fill(tx: Transaction) -> None:
        put(tx, 1, "1")
        put(tx, 2, "1")
        for values in (b"b", b"d"):
            add(tx, values)
        tx.next_counter("c")
        tx.set_setting("s", "1")

    store.write(fill)
    return store


# ---- what makes a transaction lose ------------------------------------------------------------------------------

Work = Callable[[Transaction], Any]


def entries(lower: Optional[bytes] = None, upper: Optional[bytes] = None, **more: Any) -> Work:
    return lambda tx: list(tx.entries(SCOPE, INDEX, b"", lower=lower, upper=upper, **more))


#: What one reads before it writes, what another one commits meanwhile, and whether the first one has to begin again.
INTERLEAVED: dict[str, tuple[Work, Work, bool]] = {
    "the document that it changes (lost update)": (
        lambda tx: put(tx, 1, str(int(tx.version(SCOPE, COLL, 1).data) + 1)),
        lambda tx: put(tx, 1, str(int(tx.version(SCOPE, COLL, 1).data) + 1)),
        True,
    ),
    "another document that the other one changes (write skew)": (
        lambda tx: tx.version(SCOPE, COLL, 2),
        lambda tx: (tx.version(SCOPE, COLL, 1), put(tx, 2, "0")),
        True,
    ),
    "a document that is not there": (
        lambda tx: tx.version(SCOPE, COLL, 9),
        lambda tx: put(tx, 9),
        True,
    ),
    "one document, others change another one": (
        lambda tx: tx.version(SCOPE, COLL, 2),
        lambda tx: put(tx, 3),
        False,
    ),
    "a blind write of the same document": (lambda tx: None, lambda tx: put(tx, 1, "5"), False),
    "a range that grows (phantom)": (entries(b"a", b"e"), lambda tx: add(tx, b"c"), True),
    "a range that shrinks": (entries(b"a", b"e"), lambda tx: end(tx, b"b"), True),
    "a range beside": (entries(b"a", b"c"), lambda tx: add(tx, b"c"), False),
    "the first of a range, others add behind it": (entries(limit=1), lambda tx: add(tx, b"c"), False),
    "the last of a range, others add before it": (
        entries(limit=1, reverse=True),
        lambda tx: add(tx, b"c"),
        False,
    ),
    "the last of a range, others add behind it": (
        entries(limit=1, reverse=True),
        lambda tx: add(tx, b"e"),
        True,
    ),
    "an empty set": (
        lambda tx: list(tx.entries(SCOPE, INDEX, b"t")),
        lambda tx: add(tx, b"c", terms=b"t"),
        True,
    ),
    "a counter": (lambda tx: tx.next_counter("c"), lambda tx: tx.next_counter("c"), True),
    "a setting": (lambda tx: tx.setting("s"), lambda tx: tx.set_setting("s", "2"), True),
    "history that is rewritten": (
        lambda tx: list(tx.versions(SCOPE, COLL, 1)),
        lambda tx: put(tx, 1, "0", ts=5),
        True,
    ),
    "anything, others change the schema": (
        lambda tx: tx.version(SCOPE, COLL, 2),
        lambda tx: tx.bump_schema(),
        True,
    ),
    "nothing, others change the schema": (lambda tx: None, lambda tx: tx.bump_schema(), True),
}


@pytest.mark.parametrize("name", INTERLEAVED)
def test_interleaved(place: Place, store: Store, name: str) -> None:
    """The result is that of one after the other: of the whole work run again, where it has read what has changed."""
    read, others, again = INTERLEAVED[name]
    other = place.open()
    runs: list[int] = []

    def work(tx: Transaction) -> None:
        runs.append(tx.losses)
        read(tx)
        put(tx, 1, '"done"')
        if len(runs) == 1:
            other.write(others)

    _, txn = store.write(work)
    assert (len(runs) > 1) is again
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == txn
        assert snapshot.version(SCOPE, COLL, 1).data == '"done"'
    assert store.check() == []


def test_what_has_expired_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that was there when the transaction read it, and not any more at its time."""
    _, last = store.write(lambda tx: put(tx, 5, ttl=tx.time + 10**12))
    with store.snapshot() as snapshot:
        ttl = snapshot.time + 3_000_000
    store.write(lambda tx: put(tx, 5, ttl=ttl))
    losses: list[int] = []

    def work(tx: Transaction) -> None:
        losses.append(tx.losses)
        tx.version(SCOPE, COLL, 5)
        put(tx, 6)
        if len(losses) == 1:
            # The clock of the store moves on, past the time to live.
            with psycopg.connect(places.bare(store.url), autocommit=True) as connection:
                connection.execute(f"UPDATE {schema_of(store)}.meta SET last_txn = {ttl + 1}")

    _, txn = store.write(work)
    assert losses == [0, 1]
    assert txn > ttl


def schema_of(store: Store) -> str:
    return store.url.split("schema=")[1]


def test_after_two_losses_the_lock_is_taken(place: Place, store: Store) -> None:
    other = place.open()
    losses: list[int] = []

    def work(tx: Transaction) -> None:
        losses.append(tx.losses)
        tx.version(SCOPE, COLL, 1)
        if len(losses) <= 2:
            other.write(lambda inner: put(inner, 1, "7"))
        put(tx, 1, '"mine"')

    store.write(work)
    assert losses == [0, 1, 2]


def test_without_retries_the_loser_is_told_what_it_was_about(place: Place, store: Store) -> None:
    other = place.open()

    def work(tx: Transaction) -> None:
        tx.version(SCOPE, COLL, 1)
        other.write(lambda inner: put(inner, 1, "7"))
        put(tx, 2)

    with pytest.raises(Contended) as failure:
        store.write(work, retries=0)
    assert failure.value.document == (SCOPE, COLL, 1)
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 2).data == "1"


# ---- queries ----------------------------------------------------------------------------------------------------


@pytest.fixture
def client(place: Place) -> Iterator[FaunaClient]:
    with FaunaClient("secret", endpoint=place.url) as client:
        client.query(q.create_collection({"name": "c"}))
        yield client


C = q.collection("c")


def engine_of(client: FaunaClient) -> Any:
    return client.session.get_adapter(client._endpoint.root).engine  # type: ignore[attr-defined]


def test_contended_queries_name_the_document(
    place: Place, client: FaunaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.query(q.create(q.ref(C, "1"), {"data": {"n": 0}}))
    engine = engine_of(client)
    other = place.open()
    commit = engine.store._committer.commit

    def late(batch: Any) -> Any:
        other.write(lambda tx: tx.put_version(0, 1024, 1, tx.txn, True, None, "{}"))
        return commit(batch)

    monkeypatch.setattr(engine.store._committer, "commit", late)
    update = {"update": {"ref": {"collection": "c"}, "id": "1"}, "params": {"object": {}}}
    with pytest.raises(RequestError) as failure:
        engine.run(Request("Bearer secret", json.dumps(update).encode(), retries=0))
    assert (failure.value.status, failure.value.code) == (409, "contended transaction")
    assert failure.value.ref["@ref"]["id"] == "1"
    assert failure.value.ref["@ref"]["collection"]["@ref"]["id"] == "c"


def test_a_transactions_own_time_wherever_it_is_stored(place: Place, client: FaunaClient) -> None:
    """In documents, in the values and terms of indexes, covered, descending, in a result; never as a number."""
    for name, more in {
        "values": {"values": [{"field": "ts"}, {"field": "ref"}]},
        "descending": {"values": [{"field": "ts", "reverse": True}, {"field": ["data", "n"]}]},
        "terms": {
            "terms": [{"field": ["data", "at"]}],
            "values": [{"field": ["data", "n"]}, {"field": "ts"}],
        },
    }.items():
        client.query(q.create_index({"name": name, "source": C, "active": True, **more}))

    def pages(ts: Any) -> Any:
        return [
            q.select("data", q.paginate(q.match(q.index("values")))),
            q.select("data", q.paginate(q.match(q.index("descending")))),
            q.select("data", q.paginate(q.match(q.index("terms"), [ts]))),
        ]

    first = q.create(q.ref(C, "1"), {"data": {"n": 1}})
    with_time = q.create(q.ref(C, "2"), {"data": {"n": 2, "at": q.select("ts", q.var("first"))}})
    stored = q.select(["data", "at"], q.get(q.ref(C, "2")))
    within, number, text = client.query(
        q.let(
            {"first": first, "second": with_time},
            [
                [q.select("ts", q.var("first")), stored, *pages(q.select("ts", q.var("first")))],
                q.is_number(stored),
                q.select(["data", "at"], q.var("second")),
            ],
        )
    )
    ts, at = client.query([q.select("ts", q.get(q.ref(C, "1"))), stored])
    assert ts == at == text == within[0] == within[1]
    assert number is False
    after = client.query([ts, at, *pages(ts)])
    assert within[:4] == after[:4]  # to look for a time that is not known yet finds nothing
    assert [row[0] for row in after[2]] == [ts, ts]
    assert sorted(after[3]) == [[ts, 1], [ts, 2]]
    assert after[4] == [[2, ts]]
    assert engine_of(client).store.check() == []
    client.query(q.update(q.ref(C, "1"), {"data": {"n": 3}}))
    moved = client.query(q.select("ts", q.get(q.ref(C, "1"))))
    assert client.query(q.select("data", q.paginate(q.match(q.index("descending"))))) == [[moved, 3], [ts, 2]]
    # The commit log says where it was touched, so that others learn of it.
    with place.open().snapshot() as snapshot:
        for _, changes in snapshot.changed(0):
            assert "wide" not in changes.text() or changes.wide
            assert str(ts) not in changes.text()


def test_what_another_process_has_made_is_known_at_once(place: Place, client: FaunaClient) -> None:
    """The schema is kept from query to query, and yet nobody is answered by an old one."""
    with FaunaClient("secret", endpoint=place.url + "&application_name=other") as other:
        for number in range(4):
            assert client.query(q.exists(q.collection(f"c{number}"))) is False
            with pytest.raises(BadRequest, match="undefined collection"):
                client.query(q.create(q.collection(f"c{number}"), {}))
            other.query(q.create_collection({"name": f"c{number}"}))
            created = q.create(q.ref(q.collection(f"c{number}"), "7"), {"data": {"n": number}})
            if number % 2:
                assert client.query(created)["data"] == {"n": number}
            else:
                assert client.query(q.exists(q.collection(f"c{number}"))) is True
            other.query(q.delete(q.collection(f"c{number}")))
            with pytest.raises(BadRequest, match="undefined collection"):
                client.query(q.create(q.collection(f"c{number}"), {}))


def test_a_lazy_snapshot_that_took_the_schema_for_another(place: Place, store: Store) -> None:
    other = place.open()
    store.snapshot().close()
    lazy = store.snapshot(lazy=True)
    before = lazy.schema_version
    other.write(lambda tx: tx.bump_schema())
    assert lazy.position is None
    with pytest.raises(SnapshotMoved):
        lazy.version(SCOPE, COLL, 1)
    lazy.close()
    with store.snapshot(lazy=True) as snapshot:
        assert snapshot.schema_version == before + 1
        snapshot.pin()
        assert snapshot.position == snapshot.last_txn


def test_large_transactions(place: Place, client: FaunaClient) -> None:
    """One that comes near the limit of size, and what other writers do while it is evaluated."""
    other = place.open()
    store = engine_of(client).store
    text = "x" * 1_000_000

    def work(tx: Transaction) -> None:
        for number in range(15):
            tx.put_version(0, 1024, number, tx.txn, True, None, json.dumps({"data": {"text": text}}), True)
            tx.add_entry(0, 1024, b"", b"%02d" % number, 1024, number, None, None)
        # Another one is committed meanwhile: nothing is held.
        other.write(lambda inner: put(inner, 77, coll=1025))

    _, txn = store.write(work)
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == txn
        assert len(list(snapshot.entries(0, 1024, b""))) == 15
        assert len(snapshot.version(0, 1024, 3).data) > 1_000_000
    made = client.query(q.count(q.map_(lambda n: q.create(C, {"data": {"n": n}}), list(range(5000)))))
    assert made == 5000
    assert store.check() == []


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_largest_transactions(place: Place, client: FaunaClient) -> None:
    """100,000 creations by one query; others write meanwhile, but for the moment of its commit."""
    other, stop, written = place.open(), threading.Event(), [0]
    store = engine_of(client).store
    patient = FaunaClient("secret", endpoint=place.url, timeout=1000)

    def go_on() -> None:
        while not stop.is_set():
            other.write(lambda tx: put(tx, 77, coll=1025))
            written[0] += 1

    beside = threading.Thread(target=go_on)
    beside.start()
    try:
        numbers = q.var("tens")
        made = q.map_(lambda n: q.create(C, {"data": {"n": n}}), numbers)
        count = patient.query(q.let({"tens": list(range(100_000))}, q.count(made)), timeout_millis=600_000)
    finally:
        stop.set()
        beside.join()
    assert count == 100_000
    assert written[0] > 100
    assert patient.query(q.count(q.documents(C)), timeout_millis=600_000) == 100_000
    with psycopg.connect(places.bare(place.url), autocommit=True) as connection:
        for table in ("version", "entry"):  # the server has had no time to look at what is in them
            connection.execute(f"ANALYZE {schema_of(store)}.{table}")
    assert store.check() == []


@pytest.mark.parametrize("is_touched", [False, True])
def test_what_came_during_a_long_evaluation_is_looked_at_without_the_lock(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, is_touched: bool
) -> None:
    """With the lock, only what came after that look is left; one that has lost already does not ask for the lock."""
    monkeypatch.setattr(optimistic, "LONG", -1.0)
    other = place.open()
    asked: list[int] = []
    commit = PgCommitter.commit

    def noted(committer: PgCommitter, batch: list[Finished]) -> Any:
        assert all(each.position is not None for each in batch)
        asked.extend(each.position or 0 for each in batch)
        return commit(committer, batch)

    runs: list[int] = []
    commits: list[int] = []

    def work(tx: Transaction) -> None:
        runs.append(tx.losses)
        assert tx.version(SCOPE, COLL, 1) is not None
        for n in range(3):
            doc = 1 if is_touched and not tx.losses else 50 + n
            _, txn = other.write(lambda inner, doc=doc: put(inner, doc))  # type: ignore[misc]
            assert txn is not None
            commits.append(txn)
        put(tx, 9)

    with monkeypatch.context() as patch:
        patch.setattr(other._writers, "_commits", CommitQueue(Unwatched(other._committer)))  # type: ignore[attr-defined]
        patch.setattr(PgCommitter, "commit", noted)
        store.write(work)
    assert runs == ([0, 1] if is_touched else [0])
    assert asked == [commits[-1]], "it had been looked at up to there"


class Unwatched(Committer):
    """A committer whose batches are not noted."""

    def __init__(self, committer: PgCommitter) -> None:
        self.commit = functools.partial(PgCommitter.commit, committer)  # type: ignore[method-assign]


# ---- how often the server is waited for -------------------------------------------------------------------------


@pytest.fixture
def flights(place: Place) -> Iterator[Flights]:
    flights = Flights(urlsplit(place.url.split("?")[0]).port or 5432)
    yield flights
    flights.close()


def test_round_trips(place: Place, flights: Flights) -> None:
    port = urlsplit(place.url.split("?")[0]).port or 5432
    by_name = {"name": "by_name", "source": C, "terms": [{"field": ["data", "name"]}], "unique": True}
    # To prepare a statement takes a round trip of its own, once for each connection.
    url = place.url.replace(f":{port}/", f":{flights.port}/") + "&prepared=no"
    with FaunaClient("secret", endpoint=url) as client:
        client.query(q.create_collection({"name": "c"}))
        client.query(q.create_index({**by_name, "active": True}))
        engine_of(client).answers = Answers(0)
        numbers = iter(range(10, 1000))
        one = q.ref(C, "1")
        client.query(q.create(one, {"data": {"name": "one", "n": 0}}))
        asked: dict[str, tuple[Callable[[], Any], int]] = {
            "read a document": (lambda: q.get(one), 1),
            "read a page": (lambda: q.paginate(q.match(q.index("by_name"), "one")), 1),
            "read nothing": (lambda: q.add(1, 2), 1),
            "create": (lambda: q.create(C, {"data": {"n": 1}}), 1),
            "create under a unique index": (
                lambda: q.create(C, {"data": {"name": f"n{next(numbers)}"}}),
                2,
            ),
            "create by id": (lambda: q.create(q.ref(C, str(next(numbers))), {"data": {}}), 2),
            "update": (lambda: q.update(one, {"data": {"n": next(numbers)}}), 2),
            "read, change and write": (
                lambda: q.let(
                    {"n": q.select(["data", "n"], q.get(one))},
                    q.update(one, {"data": {"n": q.add(q.var("n"), 1)}}),
                ),
                2,
            ),
        }
        for _ in range(2):
            for expression, _ in asked.values():
                client.query(expression())
        store = engine_of(client).store
        for _ in range(
            20
        ):  # a second connection, which is used while the end of the first one's reading is not heard
            with store.snapshot(lazy=True) as first, store.snapshot(lazy=True) as second:
                assert first.version(0, 1024, 1) == second.version(0, 1024, 1)
        assert engine_of(client).background.wait(20)
        for name, (expression, trips) in asked.items():
            try:
                flights.within(trips, lambda expression=expression: client.query(expression()))  # type: ignore[misc]
            except AssertionError as late:
                raise AssertionError(f"{name}: {late}") from None
            # And no less, but that the server is asked at all.
            with pytest.raises(AssertionError, match="further answer"):
                flights.within(trips - 1, lambda expression=expression: client.query(expression()), 0.5)  # type: ignore[misc]


# ---- commits that are interrupted -------------------------------------------------------------------------------


def interrupt_before(conn: Any, call: Callable[[], Any]) -> Any:
    """The connection is gone before the batch is sent."""
    conn.close()
    return call()


def interrupt_after(conn: Any, call: Callable[[], Any]) -> Any:
    """It is committed, and the answer does not come."""
    call()
    conn.close()
    raise psycopg.OperationalError("the network is gone")


def interrupt_the_session(conn: Any, call: Callable[[], Any]) -> Any:
    """The server ends the session while the batch waits for the lock."""
    with psycopg.connect(conn.info.dsn, autocommit=True) as another:
        another.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
    return call()


@pytest.mark.parametrize("interrupt", [interrupt_before, interrupt_after, interrupt_the_session])
@pytest.mark.parametrize("in_two_steps", [False, True])
@pytest.mark.parametrize("call_number", [1, 2])
def test_interrupted(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    interrupt: Callable[..., Any],
    in_two_steps: bool,
    call_number: int,
) -> None:
    """Whatever is interrupted at whatever step: the write is there exactly once, and its time is told."""
    if call_number == 2 and not in_two_steps:
        return  # there is one call
    calls: list[str] = []

    original = postgres_commit._run

    def run(conn: Any, *statements: Statement) -> Any:
        calls.append(" ".join(each.sql for each in statements))
        if len(calls) == call_number:
            return interrupt(conn, lambda: original(conn, *statements))
        return original(conn, *statements)

    monkeypatch.setattr(postgres_commit, "_run", run)

    def work(tx: Transaction) -> None:
        put(tx, 7, f'{{"at":{tx.txn}}}' if in_two_steps else "{}")
        tx.next_counter("c")

    _, txn = store.write(work)
    assert len(calls) >= call_number
    with store.snapshot() as snapshot:
        assert [row.ts for row in snapshot.versions(SCOPE, COLL, 7)] == [txn]
        assert snapshot.counter("c") == 2
        if in_two_steps:
            assert snapshot.version(SCOPE, COLL, 7).data == f'{{"at":{txn}}}'
    store.write(lambda tx: put(tx, 8))
    assert store.check() == []


def test_a_batch_that_comes_late_is_refused(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks while the batch waits for the lock on the server, where it goes on waiting.

    What is found out is that it is not there; so it must not come about afterwards.
    """
    assert isinstance(store, PostgresStore)
    inside, go = threading.Event(), threading.Event()
    other = place.open()

    def hold(tx: Transaction) -> None:
        put(tx, 50)
        tx.version(SCOPE, COLL, 50)
        inside.set()
        assert go.wait(60)

    holder = threading.Thread(target=lambda: other.write(hold, exclusive=True))
    holder.start()
    assert inside.wait(20)
    calls: list[int] = []
    original = postgres_commit._run

    def run(conn: Any, *statements: Statement) -> Any:
        calls.append(conn.info.backend_pid)
        if len(calls) > 1:
            return original(conn, *statements)
        # Sent, and never heard of again: another connection carries it on, as a server does for a client that is gone.
        stray = Connection.connect(places.bare(store.url), autocommit=True)
        stray.set_up()
        thread = threading.Thread(target=lambda: outcomes.append(run_stray(stray, statements)))
        thread.start()
        strays.append(thread)
        wait_for_lock(store, stray.info.backend_pid)
        conn.close()
        threading.Timer(0.2, go.set).start()
        raise psycopg.OperationalError("the network is gone")

    outcomes: list[str] = []
    strays: list[threading.Thread] = []
    monkeypatch.setattr(postgres_commit, "_run", run)
    result, txn = store.write(lambda tx: (put(tx, 7), tx.next_counter("c"))[1])
    holder.join()
    for thread in strays:
        thread.join()
    with store.snapshot() as snapshot:
        assert snapshot.counter("c") == result == 2
        assert [row.ts for row in snapshot.versions(SCOPE, COLL, 7)] == [txn]
    # Which of the two came first is the server's to say; the other one has done nothing.
    assert (outcomes, len(calls)) in ((["refused"], 2), (["done"], 1))
    assert store.check() == []


def run_stray(connection: Connection, statements: Sequence[Statement]) -> str:
    try:
        connection.run(statements)
        return "done"
    except psycopg.Error as error:
        assert error.sqlstate == "FA001", error
        return "refused"
    finally:
        connection.close()


def wait_for_lock(store: Store, pid: int) -> None:
    with psycopg.connect(places.bare(store.url), autocommit=True) as connection:
        eventually(
            lambda: connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", (pid,)
            ).fetchone(),
            "it waits for the lock",
        )


def test_nobody_knows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not come back: the answer says so, and nothing is written twice later."""

    def broken(conn: Any, *statements: Statement) -> Any:
        conn.close()
        raise psycopg.OperationalError("the network is gone")

    def away(*_: Any) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "_target", store._target)  # type: ignore[attr-defined]
    committer = store._committer  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(postgres_commit, "_run", broken)
        patch.setattr(committer, "_look_for", away)
        patch.setattr(committer, "_target", committer._target._replace(patience=0.2))
        with pytest.raises(StoreUnavailable, match="whether the write is there is not known"):
            store.write(lambda tx: put(tx, 7))
    _, txn = store.write(lambda tx: put(tx, 7))
    with store.snapshot() as snapshot:
        assert [row.ts for row in snapshot.versions(SCOPE, COLL, 7)] == [txn]


# ---- what is fought over ----------------------------------------------------------------------------------------


def test_hot_for_a_while() -> None:
    now = [0.0]
    hot = Hot(lambda: now[0])
    for _ in range(3):
        hot.lost("a")
    assert not hot.is_hot("a")
    hot.lost("a")
    assert hot.is_hot("a")
    assert not hot.is_hot("b")
    now[0] = 2.1
    assert not hot.is_hot("a")
    for _ in range(4):
        hot.lost("a")
    now[0] = 5.0  # the second time for longer
    assert hot.is_hot("a")
    now[0] = 100.0
    for _ in range(3):
        hot.lost("a")
    now[0] = 102.0
    hot.lost("a")  # losses long ago do not count
    assert not hot.is_hot("a")


def test_one_document_wanted_by_all(place: Place, store: Store) -> None:
    """Nothing is lost, and nobody starves."""
    stores = [store, place.open()]
    threads, each = 8, 12

    def increment(tx: Transaction) -> None:
        put(tx, 1, str(int(tx.version(SCOPE, COLL, 1).data) + 1))

    def run(number: int) -> None:
        for _ in range(each):
            stores[number % 2].write(increment)

    crowd = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    with store.snapshot() as snapshot:
        assert snapshot.version(SCOPE, COLL, 1).data == str(1 + threads * each)
        assert len(list(snapshot.versions(SCOPE, COLL, 1))) == 1 + threads * each


def test_values_that_cannot_be_stored_fail_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a batch holds what PostgreSQL cannot; the others are committed."""
    outcomes: dict[int, Any] = {}

    def write(number: int) -> None:
        try:
            outcomes[number] = store.write(lambda tx: put(tx, 100 + number, "\x00" if number == 2 else "{}"))
        except Exception as error:
            outcomes[number] = error

    committer = store._committer  # type: ignore[attr-defined]
    commit, ready = committer.commit, threading.Event()

    def held(batch: Any) -> Any:
        assert ready.wait(20)
        return commit(batch)

    monkeypatch.setattr(committer, "commit", held)
    crowd = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for thread in crowd:
        thread.start()
    queue = store._writers._commits  # type: ignore[attr-defined]
    eventually(lambda: len(queue._turns.waiting()) >= 4, "the others wait")
    ready.set()
    for thread in crowd:
        thread.join()
    assert isinstance(outcomes.pop(2), ValueError)
    assert all(txn is not None for _, txn in outcomes.values())
    with store.snapshot() as snapshot:
        assert snapshot.scan_documents(SCOPE, COLL, limit=99) == [1, 2, 100, 101, 103, 104]
