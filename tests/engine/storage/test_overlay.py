"""A transaction over a snapshot does what the exclusive writer does: the same random programs, run both ways.

Every read within a transaction and all that is stored afterwards is compared; times by their place in the order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from faunadb.engine.storage import Store, Transaction
from faunadb.engine.storage.sql_snapshot import SqlSnapshot
from faunadb.engine.storage.statements import COPIED
from tests.engine.storage import places
from tests.engine.storage.places import COLL, INDEX, SCOPE, Place

TRANSACTIONS, STEPS = 12, 10

VALUES = [b"a", b"b", b"c", b"d" * 1100, b"d" * 1100 + b"e"]
TERMS = [b"", b"t", b"u" * 1200]
DOCS = [1, 2, 3]

Step = Callable[["Run", Transaction], Any]


class Run:
    """One place, and the times of the transactions of a program so far: [0] is one before all of them.

    Two stores take turns on it, so that what the one keeps of the schema is what the other one has changed.
    """

    def __init__(self, stores: list[Store], exclusive: bool) -> None:
        self.stores = stores
        self.store = stores[0]
        self.exclusive = exclusive
        self.times = [1]
        with self.store.snapshot() as snapshot:
            self.schema_version = snapshot.schema_version

    def at(self, number: int) -> int:
        """The time of a transaction by its place."""
        return self.times[number % len(self.times)]

    def write(self, steps: list[Step]) -> Any:
        seen: list[Any] = []

        def work(tx: Transaction) -> None:
            seen.clear()
            for step in steps:
                seen.append(self.plain(step(self, tx), tx.txn))

        self.stores.reverse()
        _, txn = self.stores[0].write(work, exclusive=self.exclusive)
        if txn is not None:
            self.times.append(txn)
        return seen, txn is not None

    def plain(self, value: Any, now: int = -1) -> Any:
        """A value with its times as places in the order."""
        if isinstance(value, (list, tuple)):
            return [self.plain(each, now) for each in value]
        if isinstance(value, int) and not isinstance(value, bool) and value > 10**9:
            if value in (now, now - 1):
                return f"now {now - value}"
            for number, time in enumerate(self.times):
                if value in (time, time - 1):
                    return f"time {number}, {time - value}"
        if isinstance(value, str):
            for number, time in enumerate([now, *self.times[1:]]):
                value = value.replace(str(time), f"time {number}" if number else "now")
        return value

    def stored(self) -> dict[str, list[Any]]:
        """All rows of all tables that mean something. (Checksums of versions hold their times: `Store.check` looks.)"""
        with self.store.snapshot() as snapshot:
            assert isinstance(snapshot, SqlSnapshot)
            tables = {
                table: sorted(
                    map(
                        repr,
                        self.plain(
                            [row[:8] if table == "version" else row for row in rows_of(snapshot, table)]
                        ),
                    )
                )
                for table in COPIED
                if table not in ("change_log", "stale")
            }
            # What was touched comes in no order, and may be more than was changed.
            tables["change_log"] = self.plain(snapshot.commits(0))
            return tables

    def unnoted(self) -> list[Any]:
        """Versions that succeed another or are deletions, and of which `stale` says nothing."""
        with self.store.snapshot() as snapshot:
            assert isinstance(snapshot, SqlSnapshot)
            noted = {(row[3], row[2]) for rows in snapshot.export("stale") for row in rows}
            versions = [row for rows in snapshot.export("version") for row in rows]
            first = {row[2]: row[3] for row in reversed(versions)}
            return [
                row
                for row in versions
                if (not row[4] or first[row[2]] < row[3]) and (row[2], row[3]) not in noted
            ]


def rows_of(snapshot: SqlSnapshot, table: str) -> list[Any]:
    return [row for rows in snapshot.export(table) for row in rows]


def programs(rng: random.Random) -> Iterator[list[Step]]:
    for _ in range(TRANSACTIONS):
        yield [step(rng) for _ in range(rng.randint(1, STEPS)) for step in [rng.choice(WRITES + READS)]]


# ---- steps: each draws its arguments once, for both runs --------------------------------------------------------


def put(rng: random.Random) -> Step:
    doc, live, ttl = rng.choice(DOCS), rng.random() < 0.8, rng.choice([None, None, 5])
    when = rng.choice([None, None, None, rng.randrange(99)])
    data = f'{{"n":{rng.randrange(9)}}}' if live else None

    def step(run: Run, tx: Transaction) -> None:
        ts = tx.txn if when is None else run.at(when)
        tx.put_version(SCOPE, COLL, doc, ts, live, ttl if live else None, data)
        tx.log(["put", SCOPE, COLL, doc, ts])

    return step


def put_own_time(rng: random.Random) -> Step:
    """Its own time within what is stored. (Keys with times: `tests.engine.indexes`.)"""
    doc, n = rng.choice(DOCS), rng.randrange(9)
    return lambda run, tx: tx.put_version(
        SCOPE, COLL, doc, tx.txn, True, None, f'{{"n":{n},"at":[{tx.txn}]}}'
    )


def drop(rng: random.Random) -> Step:
    doc, when = rng.choice(DOCS), rng.choice([None, rng.randrange(99)])
    return lambda run, tx: tx.drop_version(SCOPE, COLL, doc, tx.txn if when is None else run.at(when))


def place(rng: random.Random) -> tuple[int, int, bytes, bytes]:
    return SCOPE, INDEX, rng.choice(TERMS), rng.choice(VALUES)


def add_entry(rng: random.Random) -> Step:
    where, cover, ttl = place(rng), rng.choice([None, "[1]"]), rng.choice([None, 7])
    when = rng.choice([None, None, rng.randrange(99)])
    return lambda run, tx: tx.add_entry(*where, COLL, 1, cover, ttl, None if when is None else run.at(when))


def end_entry(rng: random.Random) -> Step:
    where = place(rng)
    return lambda run, tx: tx.end_entry(*where)


def end_and_revive(rng: random.Random) -> Step:
    """As an update of an update does: what was there before comes back as if it had never gone."""
    where, cover = place(rng), rng.choice([None, "[2]"])

    def step(run: Run, tx: Transaction) -> None:
        past = next(tx.entries(*where[:3], lower=where[3], upper=where[3] + b"\0", at=tx.txn - 1), None)
        tx.end_entry(*where)
        tx.add_entry(*where, COLL, 1, cover, None, None if past is None else past.added)

    return step


def put_past(rng: random.Random) -> Step:
    where, (first, last) = place(rng), sorted(rng.sample(range(12), 2))

    def step(run: Run, tx: Transaction) -> None:
        added, removed = sorted((run.at(first), run.at(last)))
        if added < removed:
            tx.put_past_entry(*where, COLL, 1, "[3]", None, added, removed)

    return step


def drop_entry(rng: random.Random) -> Step:
    where, which = place(rng), rng.randrange(3)

    def step(run: Run, tx: Transaction) -> None:
        found = [row.added for row in tx.history(*where[:3]) if row.values == where[3]]
        if found:
            tx.drop_entry(*where, found[which % len(found)])

    return step


def drop_absent_entry(rng: random.Random) -> Step:
    where = place(rng)
    return lambda run, tx: tx.drop_entry(*where, 1)


def count(rng: random.Random) -> Step:
    name, start = rng.choice(["a", "b"]), rng.choice([1, 5])
    return lambda run, tx: tx.next_counter(name, start)


def set_setting(rng: random.Random) -> Step:
    name, value = rng.choice(["a", "b"]), str(rng.randrange(9))
    return lambda run, tx: tx.set_setting(name, value)


def change_schema(rng: random.Random) -> Step:
    """Asks for the lock, in the middle of whatever has been done without it."""
    return lambda run, tx: tx.bump_schema()


def purge(rng: random.Random) -> Step:
    """So does removal in bulk."""
    which, limit = rng.randrange(3), rng.choice([1, 9])
    before = rng.randrange(99)

    def step(run: Run, tx: Transaction) -> Any:
        if which == 0:
            return tx.purge_ended_entries(SCOPE, INDEX, run.at(before), limit)
        if which == 1:
            return tx.expired_documents(SCOPE, COLL, run.at(before), limit)
        return tx.count_versions(SCOPE, COLL, limit)

    return step


def schema_version(rng: random.Random) -> Step:
    return lambda run, tx: tx.schema_version - run.schema_version


def when(run: Run, tx: Transaction, number: Any) -> Any:
    return None if number is None else tx.txn - 1 if number < 0 else run.at(number)


def version(rng: random.Random) -> Step:
    doc, at = rng.choice(DOCS), rng.choice([None, -1, rng.randrange(99)])
    return lambda run, tx: tx.version(SCOPE, COLL, doc, when(run, tx, at))


def versions(rng: random.Random) -> Step:
    doc, low, up = rng.choice(DOCS), *(rng.choice([None, -1, rng.randrange(99)]) for _ in range(2))
    reverse, limit = rng.random() < 0.5, rng.choice([None, 1, 2])
    return lambda run, tx: list(
        tx.versions(
            SCOPE,
            COLL,
            doc,
            lower=when(run, tx, low),
            upper=when(run, tx, up),
            reverse=reverse,
            limit=limit,
        )
    )


def newest(rng: random.Random) -> Step:
    docs = rng.sample(range(5), 3)
    return lambda run, tx: sorted(tx.newest_of(SCOPE, COLL, docs).items())


def entries(rng: random.Random) -> Step:
    terms, at = rng.choice(TERMS), rng.choice([None, None, -1, rng.randrange(99)])
    low, up = (rng.choice([None, *VALUES]) for _ in range(2))
    reverse, limit = rng.random() < 0.5, rng.choice([None, 1, 2])
    return lambda run, tx: list(
        tx.entries(
            SCOPE, INDEX, terms, lower=low, upper=up, reverse=reverse, limit=limit, at=when(run, tx, at)
        )
    )


def history(rng: random.Random) -> Step:
    terms, since = rng.choice(TERMS), rng.choice([None, rng.randrange(99)])
    return lambda run, tx: list(tx.history(SCOPE, INDEX, terms, since=when(run, tx, since)))


def change_times(rng: random.Random) -> Step:
    terms, low, reverse, limit = (
        rng.choice(TERMS),
        rng.randrange(99),
        rng.random() < 0.5,
        rng.choice([1, 3, 99]),
    )
    return lambda run, tx: tx.change_times(
        SCOPE, INDEX, terms, lower=run.at(low), upper=tx.txn, reverse=reverse, limit=limit
    )


def changes(rng: random.Random) -> Step:
    terms, low = rng.choice(TERMS), rng.randrange(99)
    return lambda run, tx: sorted(
        tx.changes(SCOPE, INDEX, terms, lower=run.at(low), upper=tx.txn),
        key=lambda row: (row.values, row.added, row.removed or 0),
    )


def scan(rng: random.Random) -> Step:
    after, limit = rng.choice([None, 1]), rng.choice([1, 9])
    return lambda run, tx: tx.scan_documents(SCOPE, COLL, after=after, limit=limit)


def small_things(rng: random.Random) -> Step:
    return lambda run, tx: [tx.counter("a"), tx.counter("b"), tx.setting("a"), tx.setting("b")]


WRITES = [
    put,
    put,
    put_own_time,
    drop,
    add_entry,
    add_entry,
    end_entry,
    end_entry,
    end_and_revive,
    put_past,
    drop_entry,
    drop_absent_entry,
    count,
    set_setting,
    change_schema,
    purge,
]
READS = [
    schema_version,
    version,
    versions,
    newest,
    entries,
    entries,
    history,
    change_times,
    changes,
    scan,
    small_things,
]


# ---- the comparison ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(postgres_url: str) -> Iterator[list[Place]]:
    pair = [places.postgres_place(postgres_url) for _ in range(2)]
    for each in pair:
        each.open(), each.open()
    yield pair
    for each in pair:
        each.close()
        places.drop_postgres_place(each)


def compare(pair: list[Place], seed: int) -> None:
    runs = []
    for each, exclusive in zip(pair, (True, False)):
        places.empty_postgres_place(each)
        runs.append(Run(list(each._opened), exclusive))
    for steps in programs(random.Random(seed)):
        expected, found = (run.write(steps) for run in runs)
        assert found == expected, f"seed {seed}: seen in transaction {len(runs[0].times)}"
        stored, other = (run.stored() for run in runs)
        for table, rows in stored.items():
            if table == "setting":  # up to which time a store has handed out times is its clock's
                rows, other[table] = (
                    [row for row in each if not row.startswith("['reach'")] for each in (rows, other[table])
                )
            if table == "stale":
                assert set(rows) <= set(other[table]), f"seed {seed}: stale"
            else:
                assert other[table] == rows, (
                    f"seed {seed}: {table} after transaction {len(runs[0].times) - 1}"
                )


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(6))
def test_the_same_as_under_the_lock(pair: list[Place], seed: int) -> None:
    compare(pair, seed)


@pytest.mark.postgres
@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(6))
def test_the_same_as_under_the_lock_soak(pair: list[Place], seed: int) -> None:
    for each in range(1000 * (seed + 1), 1000 * (seed + 1) + 150):
        compare(pair, each)
