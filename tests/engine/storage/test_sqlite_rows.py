"""Inserts that wait for each other: whose fault is whose, and who sees what."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faunadb.engine.storage import Store, Transaction, group_commit, open_store, sqlite_rows, sqlite_writer
from faunadb.engine.storage.group_commit import Job
from faunadb.engine.storage.sqlite_rows import WritingConnection
from tests.engine.storage.places import COLL, SCOPE
from tests.engine.storage.test_group_commit import Crowd, Leader, docs


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 30.0)
    with open_store("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/main.db") as store:
        yield store


def insert(tx: Transaction, doc: int, data: Optional[str] = "{}", ts: Optional[int] = None) -> None:
    """A document that was not there before: nothing is read for it."""
    tx.put_version(SCOPE, COLL, doc, tx.txn if ts is None else ts, True, None, data, True)
    tx.add_entry(SCOPE, COLL, b"", b"%d" % doc, COLL, doc, None, None)


def fail(tx: Transaction) -> None:
    raise ValueError


FAILURES: dict[str, tuple[Callable[[Transaction], Any], type[Exception]]] = {
    "after inserts": (fail, ValueError),
    "after a read": (lambda tx: fail(tx) if tx.version(SCOPE, COLL, 1) else None, ValueError),
    "after another statement": (lambda tx: (tx.next_counter("c"), fail(tx)), ValueError),
    "a text that cannot be stored": (lambda tx: insert(tx, 50, '"\ud800"'), UnicodeEncodeError),
    "a time that cannot be stored": (lambda tx: insert(tx, 50, ts=1 << 63), OverflowError),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_work_that_fails_takes_its_own_inserts_along_and_no_others(store: Store, failure: str) -> None:
    step, error = FAILURES[failure]
    crowd = Crowd(store)
    leader = Leader(crowd)

    def work(tx: Transaction, number: int) -> None:
        insert(tx, number)
        if number % 3 == 2:
            step(tx)

    for number in range(1, 10):
        crowd.write(number, lambda tx, number=number: work(tx, number))
        crowd.wait_queued(number)
    leader.go.set()
    results = crowd.join()
    assert {number for number in results if isinstance(results[number], error)} == {2, 5, 8}
    assert docs(store) == {1, 3, 4, 6, 7, 9, 1000}
    with store.snapshot() as snapshot:
        entries = [row.doc for row in snapshot.entries(SCOPE, COLL, b"")]
        assert snapshot.counter("c") == 0
        assert len(snapshot.changed(0)) == 7
    assert entries == [1, 3, 4, 6, 7, 9]


def test_a_work_sees_what_it_inserted_and_what_those_before_it_did(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)
    seen: dict[int, list[int]] = {}

    def work(tx: Transaction, number: int) -> None:
        insert(tx, number)
        if number % 2 == 0:
            seen[number] = list(tx.scan_documents(SCOPE, COLL, limit=100))

    for number in range(1, 5):
        crowd.write(number, lambda tx, number=number: work(tx, number))
        crowd.wait_queued(number)
    leader.go.set()
    crowd.join()
    assert seen == {2: [1, 2, 1000], 4: [1, 2, 3, 4, 1000]}


def test_entries_end_and_begin_in_the_order_of_the_works(store: Store) -> None:
    crowd = Crowd(store)
    leader = Leader(crowd)

    def work(tx: Transaction, number: int) -> int:
        before = None if number == 1 else tx.last_txn
        tx.put_version(SCOPE, COLL, 1, tx.txn, True, None, "{}", number == 1, before)
        if number != 1:
            tx.end_entry(SCOPE, COLL, b"", b"k")
        if number != 4:
            tx.add_entry(SCOPE, COLL, b"", b"k", COLL, number, None, None)
        return tx.txn

    for number in range(1, 7):
        crowd.write(number, lambda tx, number=number: work(tx, number))
        crowd.wait_queued(number)
    leader.go.set()
    results = crowd.join()
    times = [0, *[results[number][0] for number in range(1, 7)]]
    with store.snapshot() as snapshot:
        spans = [(row.doc, row.added, row.removed) for row in snapshot.history(SCOPE, COLL, b"")]
    ends = {1: 2, 2: 3, 3: 4, 5: 6}
    assert spans == [(doc, times[doc], times[ends[doc]]) for doc in ends] + [(6, times[6], None)]


def test_many_inserts_do_not_wait_without_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite_rows, sqlite_writer):
        monkeypatch.setattr(module, "MAX_WAITING", 10)
    waiting: list[int] = []

    def work(tx: Transaction) -> None:
        for number in range(100):
            insert(tx, number)
            rows = store._writer._rows.waiting.items()
            waiting.append(max([len(parameters) // insert.width for insert, parameters in rows], default=0))

    store.write(work)
    assert max(waiting) < 10
    assert docs(store) == set(range(100))


def test_rows_of_others_that_were_written_in_part_are_written_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler raises between two statements of a work that reads, while the rows of others are written."""
    crowd = Crowd(store)
    leader = Leader(crowd)
    rows = store._writer._rows
    original = rows._write

    def interrupted(waiting: dict[sqlite_rows.Insert, list[Any]]) -> None:
        monkeypatch.setattr(rows, "_write", original)
        original({insert: parameters[: insert.width] for insert, parameters in waiting.items()})
        raise KeyboardInterrupt

    def read(tx: Transaction) -> None:
        monkeypatch.setattr(rows, "_write", interrupted)
        insert(tx, 3)
        tx.version(SCOPE, COLL, 1)

    for number in (1, 2):
        crowd.write(number, lambda tx, number=number: insert(tx, number))
        crowd.wait_queued(number)
    crowd.write(3, read)
    crowd.wait_queued(3)
    leader.go.set()
    results = crowd.join()
    # It is meant for the leader's thread; the works of others are led again, or have been.
    assert isinstance(results[-1], KeyboardInterrupt)
    assert docs(store) >= {1, 2}
    assert store.check() == []


def test_a_failure_to_write_at_the_end_is_that_of_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rows: list[Any]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store._writer._rows, "_write", refuse)
    with pytest.raises(Exception, match="full"):
        store.write(lambda tx: insert(tx, 1))
    monkeypatch.undo()
    store.write(lambda tx: insert(tx, 2))
    assert docs(store) == {2}


@pytest.mark.parametrize(
    "count", [1, sqlite_rows.TOGETHER - 1, sqlite_rows.TOGETHER, 3 * sqlite_rows.TOGETHER + 2]
)
def test_rows_are_stored_as_they_were_given_however_many_wait(store: Store, count: int) -> None:
    texts = ["{}", '{"data":"\u00fc"}', None]
    covers = [None, "[1]", '["\u00fc"]']
    ttls = [None, None, 1 << 60]

    def work(tx: Transaction) -> None:
        for number in range(count):
            text, cover, ttl = (kinds[number % 3] for kinds in (texts, covers, ttls))
            tx.put_version(SCOPE, COLL, number, tx.txn, text is not None, ttl, text, True)
            tx.add_entry(SCOPE, COLL, b"\0\xff", b"%05d" % number, COLL, number, cover, ttl)

    store.write(work)
    with store.snapshot() as snapshot:
        versions = [snapshot.version(SCOPE, COLL, number) for number in range(count)]
        entries = list(snapshot.entries(SCOPE, COLL, b"\0\xff"))
        assert [(row.live, row.data, row.ttl) for row in versions if row is not None] == [
            (texts[number % 3] is not None, texts[number % 3], ttls[number % 3]) for number in range(count)
        ]
        assert [(row.values, row.doc, row.cover, row.ttl) for row in entries] == [
            (b"%05d" % number, number, covers[number % 3], ttls[number % 3]) for number in range(count)
        ]


def written_together(store: Store, *works: Callable[[Transaction], Any]) -> list[Any]:
    """The results of works that share a commit; exceptions of those that fail."""
    jobs = [Job(work, 0, None, 0) for work in works]
    waiting = list(jobs)
    while waiting:
        store.write_together(lambda: waiting.pop(0) if waiting else None)
    assert all(job.over for job in jobs)
    return [job.result if job.error is None else type(job.take_error()) for job in jobs]


def test_reads_of_what_does_not_wait_leave_the_rest_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_together(store, lambda tx: [insert(tx, doc) for doc in range(4)])
    flushed: list[int] = []
    flush = WritingConnection.flush
    monkeypatch.setattr(
        WritingConnection, "flush", lambda rows: flushed.append(len(rows._earlier)) or flush(rows)
    )

    def update(tx: Transaction, doc: int, seen: int) -> list[Optional[str]]:
        before = [tx.version(SCOPE, COLL, each).data for each in (doc, seen)]
        tx.put_version(SCOPE, COLL, doc, tx.txn, True, None, f'"{doc}"', newest=1)
        tx.add_entry(SCOPE, 7, b"term%d" % doc, b"x", COLL, doc, None, None)
        assert tx.first_entry(SCOPE, 7, b"term%d" % seen) is None
        assert list(tx.entries(SCOPE, 7, b"nothing", limit=2)) == []
        return before

    works = [lambda tx, doc=doc: update(tx, doc, 3) for doc in range(3)]
    assert written_together(store, *works) == [["{}", "{}"]] * 3
    assert flushed == [flushed[0]], "something was written before the commit"


@pytest.mark.parametrize("text", ["{}", '{"data":"\u00fc"}', f'"{5000 * "x"}"'])
def test_an_update_is_a_version_and_its_row_in_the_log(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written out for SQLite does what `Transaction` says by other methods."""

    def written(update: Callable[..., None]) -> Any:
        def work(tx: Transaction) -> Any:
            update(tx, SCOPE, COLL, 1, text, 1)
            return tx.wrote, tx.bytes_written, tx.write_ops

        with open_store("sqlite://") as store:
            monkeypatch.setattr(type(store._clock), "begin", lambda *_: 1_700_000_000_000_000)
            result = store.write(work)
            return result, [
                store._conn.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("version", "stale", "change_log")
            ]

    assert written(sqlite_writer.SqliteTransaction.update) == written(Transaction.update)


def terms_of(number: int) -> bytes:
    return b"" if number == 0 else b"t%d" % number


DOCUMENT, TERMS = st.integers(0, 3), st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("put"), DOCUMENT),
    st.tuples(st.just("delete"), DOCUMENT),
    st.tuples(st.just("create"), st.integers(10, 13)),
    st.tuples(st.just("update"), DOCUMENT),
    st.just(("documents",)),
    st.tuples(st.just("read"), DOCUMENT),
    st.tuples(st.just("newest"), DOCUMENT),
    st.tuples(st.just("add"), DOCUMENT, TERMS, st.sampled_from([None, '"cover"'])),
    st.tuples(st.just("end"), DOCUMENT, TERMS),
    st.tuples(st.just("first"), TERMS),
    st.tuples(st.just("entries"), TERMS, st.booleans()),
    st.tuples(st.just("history"), TERMS),
    st.just(("fail",)),
)


def take_step(tx: Transaction, kind: str, *given: Any) -> Any:
    if kind == "put" or kind == "delete":
        (doc,) = given
        data = f'{{"n":{tx.txn % 7}}}' if kind == "put" else None
        tx.put_version(SCOPE, COLL, doc, tx.txn, kind == "put", None, data)
    elif kind == "update":
        (doc,) = given
        tx.update(SCOPE, COLL, doc, f'{{"n":{tx.txn % 5}}}', 1)
    elif kind == "create":
        (doc,) = given
        tx.create(SCOPE, COLL, doc, "{}", b"v%d" % doc)
    elif kind == "documents":
        return [row[:4] for row in tx.entries(SCOPE, COLL, b"")]
    elif kind == "read":
        found = tx.version(SCOPE, COLL, *given)
        return found and found.data
    elif kind == "newest":
        return {doc: row.data for doc, row in tx.newest_of(SCOPE, COLL, given).items()}
    elif kind == "add":
        doc, terms, cover = given
        tx.add_entry(SCOPE, 7, terms_of(terms), b"v%d" % doc, COLL, doc, cover, None)
    elif kind == "end":
        doc, terms = given
        tx.end_entry(SCOPE, 7, terms_of(terms), b"v%d" % doc)
    elif kind == "first":
        return tx.first_entry(SCOPE, 7, terms_of(*given))
    elif kind == "entries":
        terms, reverse = given
        return [row[:4] for row in tx.entries(SCOPE, 7, terms_of(terms), reverse=reverse)]
    elif kind == "history":
        return [row[:4] for row in tx.history(SCOPE, 7, terms_of(*given))]
    else:
        raise ValueError
    return None


@given(st.lists(st.lists(STEPS, max_size=6), max_size=6))
@example([[("put", 0), ("add", 0, 1, None)], [("put", 0), ("end", 0, 1), ("entries", 1, False)]])
@example([[("create", 10)], [("documents",)]])
@settings(max_examples=100)
def test_whether_rows_wait_is_not_to_be_seen(works: list[list[Any]]) -> None:
    """Each work reads the same, and in the end there is the same, as when nothing waits."""

    def outcome(at_once: bool) -> tuple[list[Any], Any]:
        with pytest.MonkeyPatch.context() as patch, open_store("sqlite://") as store:
            patch.setattr(group_commit, "MAX_SECONDS", 30.0)
            # Times count from the same one.
            ticks = itertools.count(1_700_000_000_000_000, 10)
            patch.setattr(type(store._clock), "begin", lambda *_: next(ticks))
            if at_once:
                wait = sqlite_writer.SqliteTransaction._wait
                patch.setattr(
                    sqlite_writer.SqliteTransaction,
                    "_wait",
                    lambda tx, insert, row: (wait(tx, insert, row), tx._conn.flush())[0],
                )
            results = written_together(
                store,
                *(lambda tx, steps=steps: [take_step(tx, *step) for step in steps] for steps in works),
            )
            tables = [
                store._conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4").fetchall()
                for table in ("version", "entry", "past_entry", "stale")
            ]
            return results, tables

    assert outcome(at_once=False) == outcome(at_once=True)
