"""Reads from PostgreSQL: its statements, and snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Optional, Protocol

import psycopg

from .clock import Clock
from .errors import SnapshotLost, SnapshotMoved, StoreError, StoreUnavailable
from .postgres_connection import Connection, Statement, statement
from .postgres_readers import Found, Habits, Readers
from .postgres_schema import TERMS_PREFIX, VALUES_PREFIX, Dialect, Target, explain, qualify
from .read_set import ReadSet
from .rows import EntryRow
from .sql_snapshot import CLOSED, Row, SqlSnapshot
from .statements import COPIED, KEEP_REACH, KEYS, VERSION_COLUMNS, Statements

_COLUMNS = "vals, rest, coll, doc, cover, ttl, added"


def micros(time: str) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {time}) * 1000000 AS BIGINT)"


SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off;"
#: Read together with the clock's row: when the server began this transaction, which was before its view was taken; and which
#: transaction has locked the row since it was written, that of a writer, whose commit our view may not see
#: (`is_under_way`). It also makes settings, for this transaction alone, because in a pooler's session others would get them.
SEEN = (
    f", {micros('now()')}, CAST(xmax AS TEXT),"
    " CASE WHEN CAST(xmax AS TEXT) <> '0' THEN CAST(pg_current_snapshot() AS TEXT) END,"
    " set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),"
    " set_config('jit', 'off', true)"
)


class PgStatements(Statements):
    """The statements for one schema."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._marked: dict[str, str] = {}
        super().__init__("%s", _COLUMNS)
        for name, text in _STATEMENTS.items():
            setattr(self, name, self.mark(text))
        self.live = {key: self.mark(text) for key, text in _batches("entry", "NULL", "").items()}
        self.live_at = {
            key: self.mark(text) for key, text in _batches("entry", "NULL", " AND added <= ?").items()
        }
        self.ended_at = {
            key: self.mark(text)
            for key, text in _batches("past_entry", "removed", " AND added <= ? AND removed > ?").items()
        }
        #: those that take the same short time whatever is stored
        self.short = frozenset((self.newest, self.newest_at, self.changed, self.counter, self.setting))

    def mark(self, text: str) -> str:
        found = self._marked.get(text)
        if found is None:
            found = self._marked[text] = super().mark(qualify(text, self._schema))
        return found

    keep_reach: str
    set_clock: str
    set_mark: str
    newest_of: str
    put_entry: str
    put_ended: str
    end: str
    drop_live: str
    drop_live_added: str
    drop_ended: str
    revive: str
    ended_since: str
    ended_since_after: str
    note_stale: str


_KEY = "scope = ? AND idx = ? AND terms = ? AND vals = ? AND tail = ?"
_ALL = "scope, idx, terms, vals, tail, rest, whole_terms, coll, doc, cover, ttl, added"
_SET = "coll = excluded.coll, doc = excluded.doc, cover = excluded.cover, ttl = excluded.ttl, added = excluded.added"
_STATEMENTS = {
    "keep_reach": KEEP_REACH,
    "set_clock": "UPDATE meta SET last_txn = ?, schema_version = ? WHERE id = 0",
    "set_mark": (
        "INSERT INTO mark (store, txn, checks) VALUES (?, ?, 0) ON CONFLICT (store) DO UPDATE SET txn = excluded.txn"
    ),
    "newest_of": (
        "SELECT wanted.doc, newest.* FROM unnest(?::bigint[]) AS wanted (doc), LATERAL"
        f" (SELECT {VERSION_COLUMNS} FROM version WHERE scope = ? AND coll = ? AND doc = wanted.doc"
        " ORDER BY ts DESC LIMIT 1) AS newest"
    ),
    "put_entry": (
        f"INSERT INTO entry ({_ALL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        f" ON CONFLICT (scope, idx, terms, vals, tail) DO UPDATE SET {_SET}"
    ),
    "put_ended": (
        f"INSERT INTO past_entry ({_ALL}, removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        f" ON CONFLICT (scope, idx, terms, vals, tail, added) DO UPDATE SET {_SET}, removed = excluded.removed"
    ),
    "end": (
        f"INSERT INTO past_entry ({_ALL}, removed) SELECT {_ALL}, CAST(? AS BIGINT) FROM entry"
        f" WHERE {_KEY} AND added <> ?"
        f" ON CONFLICT (scope, idx, terms, vals, tail, added) DO UPDATE SET {_SET}, removed = excluded.removed"
    ),
    "drop_live": f"DELETE FROM entry WHERE {_KEY}",
    "drop_live_added": f"DELETE FROM entry WHERE {_KEY} AND added = ?",
    "drop_ended": f"DELETE FROM past_entry WHERE {_KEY} AND added = ?",
    "revive": f"DELETE FROM past_entry WHERE {_KEY} AND added = ? AND removed = ?",
    "ended_since": (
        f"SELECT {_COLUMNS}, removed FROM past_entry WHERE scope = ? AND idx = ? AND terms = ? AND removed > ?"
        " ORDER BY vals, rest, added LIMIT ?"
    ),
    "ended_since_after": (
        f"SELECT {_COLUMNS}, removed FROM past_entry WHERE scope = ? AND idx = ? AND terms = ? AND removed > ?"
        " AND vals >= ? AND (vals > ? OR rest > ? OR (rest = ? AND added > ?)) ORDER BY vals, rest, added LIMIT ?"
    ),
    # If this version replaces another one or is a deletion, and for the one that replaces it: see `statements.TABLES`.
    "note_stale": (
        "INSERT INTO stale (scope, coll, at, doc)"
        " SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) WHERE CAST(? AS BIGINT) = 0"
        " OR EXISTS (SELECT 1 FROM version WHERE scope = ? AND coll = ? AND doc = ? AND ts < ?)"
        " UNION ALL SELECT scope, coll, MIN(ts), doc FROM version WHERE scope = ? AND coll = ? AND doc = ? AND ts > ?"
        " GROUP BY scope, coll, doc ON CONFLICT (scope, coll, at, doc) DO NOTHING"
    ),
}

#: Whether there is a lower bound, whether there is an upper one, descending, and whether to sort by whole values, which long
#: values need and which takes longer.
_Choice = tuple[bool, bool, bool, bool]


def _batches(table: str, removed: str, conditions: str) -> dict[_Choice, str]:
    texts = {}
    for number in range(16):
        lower, upper, reverse, whole = (bool(number & bit) for bit in (1, 2, 4, 8))
        where = ""
        if lower:
            where += " AND vals >= ? AND (vals > ? OR rest >= ?)" if whole else " AND vals >= ?"
        if upper:
            where += " AND vals <= ? AND (vals < ? OR rest < ?)" if whole else " AND vals < ?"
        direction = " DESC" if reverse else ""
        second = "rest" if whole else "tail"
        texts[lower, upper, reverse, whole] = (
            f"SELECT {_COLUMNS}, {removed} FROM {table} WHERE scope = ? AND idx = ? AND terms = ?{where}{conditions}"
            f" ORDER BY vals{direction}, {second}{direction} LIMIT ?"
        )
    return texts


def terms_key(terms: bytes) -> bytes:
    if len(terms) <= TERMS_PREFIX + 32:
        return terms
    return terms[:TERMS_PREFIX] + hashlib.sha256(terms).digest()


def split_values(values: bytes) -> tuple[bytes, bytes, bytes]:
    """What the tables have for values: the beginning, the rest, and in their key a digest of the rest (nothing for none)."""
    rest = values[VALUES_PREFIX:]
    return values[:VALUES_PREFIX], rest, hashlib.sha256(rest).digest() if rest else b""


def entry_key(scope: int, index: int, terms: bytes, values: bytes) -> tuple[int, int, bytes, bytes, bytes]:
    vals, _, tail = split_values(values)
    return scope, index, terms_key(terms), vals, tail


def split_row(row: Row) -> Row:
    """A row of an entry table that is copied from elsewhere, with its long keys as they are stored here."""
    terms, values = row[2], row[3]
    key = entry_key(row[0], row[1], terms, values)
    return (*key, values[VALUES_PREFIX:], None if key[2] == terms else terms, *row[4:])


def _rows_of(rows: Sequence[Row]) -> list[EntryRow]:
    return [
        EntryRow(vals + rest if rest else vals, coll, doc, cover, ttl, added, removed)
        for vals, rest, coll, doc, cover, ttl, added, removed in rows
    ]


class PgReads(SqlSnapshot):
    """Reads on one connection."""

    __slots__ = ()

    _conn: Connection
    _sql: PgStatements
    _place: str
    _keys = {**KEYS, "entry": f"{KEYS['entry']}, tail", "past_entry": "scope, idx, terms, vals, tail, added"}

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        conn = self._conn
        if conn is CLOSED:
            raise StoreError("the snapshot is closed")
        try:
            return conn.rows_of(conn.run([statement(sql, parameters)])[0])
        except psycopg.Error as error:
            raise self._failed_with(error) from error

    def _statement(self, sql: str, parameters: Sequence[Any]) -> Statement:
        try:
            return statement(sql, parameters)
        except psycopg.DataError as error:
            raise self._failed_with(error) from None

    def _newest_rows(self, scope: int, coll: int, docs: Sequence[int]) -> list[Row]:
        return self._all(self._sql.newest_of, (list(docs), scope, coll))

    def _failed_with(self, error: psycopg.Error) -> Exception:
        return explain(error, self._place)

    def _batch(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        at: Optional[int],
        count: int,
        ended: bool = False,
    ) -> list[EntryRow]:
        times: tuple[Optional[int], ...]
        if ended:
            texts, times = self._sql.ended_at, (at, at)
        elif at is None:
            texts, times = self._sql.live, ()
        else:
            texts, times = self._sql.live_at, (at,)
        start = (scope, index, terms_key(terms))
        given = lower is not None, upper is not None, reverse
        bounds = [bound for bound in (lower, upper) if bound is not None]
        if all(len(bound) <= VALUES_PREFIX for bound in bounds):
            rows = self._all(texts[given + (False,)], (*start, *bounds, *times, count))
            if not any(row[1] for row in rows):
                return _rows_of(rows)
        # The index alone does not have long values in their order.
        parts: list[bytes] = []
        for bound in bounds:
            parts += (bound[:VALUES_PREFIX], bound[:VALUES_PREFIX], bound[VALUES_PREFIX:])
        return _rows_of(self._all(texts[given + (True,)], (*start, *parts, *times, count)))

    def _terms_key(self, terms: bytes) -> bytes:
        return terms_key(terms)

    def _entry_rows(self, rows: Sequence[Row]) -> list[EntryRow]:
        return _rows_of(rows)

    def _ended_batch(
        self, scope: int, index: int, terms: bytes, since: int, after: Optional[tuple[bytes, int]], count: int
    ) -> list[EntryRow]:
        start = (scope, index, terms_key(terms), since)
        if after is None:
            return _rows_of(self._all(self._sql.ended_since, (*start, count)))
        values, added = after
        vals, rest = values[:VALUES_PREFIX], values[VALUES_PREFIX:]
        return _rows_of(
            self._all(self._sql.ended_since_after, (*start, vals, vals, rest, rest, added, count))
        )

    def export(self, table: str) -> Iterator[list[Row]]:
        if table not in ("entry", "past_entry"):
            yield from super().export(table)
            return
        key = self._keys[table]
        width = len(key.split(","))
        for rows in self._export(table, f"{key}, whole_terms, rest, {', '.join(COPIED[table])}"):
            yield [_whole(row[width], row[width + 1], row[width + 2 :]) for row in rows]


def _whole(whole_terms: Optional[bytes], rest: bytes, row: Row) -> Row:
    """A row of an entry table with its long keys put together again."""
    scope, index, terms, vals, *others = row
    return (scope, index, terms if whole_terms is None else whole_terms, vals + rest, *others)


def is_under_way(locker: int, view: str) -> bool:
    """Whether a transaction was still running when a snapshot was taken.

    locker: the transaction's number, of which the row has 32 bits. view: the snapshot as PostgreSQL writes it,
    ``oldest:next:number,number...``, with the numbers of running transactions.
    """
    _, following, running = view.split(":")
    if (locker - int(following)) % 2**32 < 2**31:
        return True
    return any((int(number) - locker) % 2**32 == 0 for number in running.split(",") if number)


class ReadStore(Protocol):
    """What a snapshot needs of its store (`postgres.PostgresStore`)."""

    _statements: PgStatements
    _target: Target
    _dialect: Dialect
    _clock: Clock
    _readers: Readers
    _habits: Habits
    _schema_version: Optional[int]


class PgSnapshot(PgReads):
    """A view of one moment. If it is lazy, that is the moment of its first read.

    A lazy snapshot may make its first read without leaving a transaction open, if such a read is seldom followed by others
    (`Habits`). If it is read from again nevertheless, it begins a transaction. If there was a commit in between, the query
    must be evaluated again (`errors.SnapshotMoved`), as it must if the schema is not the supposed one.
    """

    __slots__ = (
        "_assumed",
        "_at_least",
        "_closed",
        "_conn",
        "_deadline",
        "_first",
        "_more",
        "_place",
        "_query",
        "_seen",
        "_sql",
        "_store",
    )

    def __init__(self, store: ReadStore, at_least: int, lazy: bool, deadline: Optional[float]) -> None:
        self._store = store
        self._sql = store._statements
        self._place = store._target.shown
        self._conn = CLOSED
        self._closed = False
        self._at_least = at_least
        self._deadline = deadline
        self.reads = ReadSet()
        #: once it is pinned: the newest commit, the schema's version and the time
        self._seen: Optional[tuple[int, int, int]] = None
        #: for `Habits`: the query that is evaluated, its first read, and whether there were further ones
        self._query: object = None
        self._first: Optional[tuple[object, Optional[str]]] = None
        self._more = False
        self._assumed = store._schema_version if lazy else None
        if self._assumed is None:
            self._begin()

    def asked_by(self, query: object) -> None:
        self._query = query

    def _begin(self, sql: Optional[str] = None, parameters: Sequence[Any] = ()) -> list[Row]:
        """Pin the view, and run a first query."""
        if self._closed:
            raise StoreError("the snapshot is closed")
        store, clock = self._store, self._store._clock
        if store._dialect.postgresql:
            time = clock.floor(self._at_least)
            row, rows = self._ask(None if sql is None else self._statement(sql, parameters))
            last_txn, schema_version, began, locker, view = row[:5]
            if began > time and (view is None or not is_under_way(int(locker), view)):
                time = began
        else:
            time = clock.snapshot_time(self._at_least)  # before pinning the view; see Clock
            row, rows = self._ask(None if sql is None else self._statement(sql, parameters))
            last_txn, schema_version = row
        time = max(time, last_txn)
        clock.show(time)
        store._schema_version = schema_version
        self._seen = last_txn, schema_version, time
        if self._assumed is not None and schema_version != self._assumed:
            raise SnapshotMoved
        return rows

    def _ask(self, question: Optional[Statement]) -> Found:
        if self._assumed is not None:
            # The id of an object that is gone may be given to another one. That only makes the guess wrong.
            self._first = id(self._query), None if question is None else question.sql
            if self._store._habits.reads_once(self._first):
                short = question is None or question.sql in self._sql.short
                return self._store._readers.ask(question, short, self._deadline)
        self._conn, found = self._store._readers.begin(question, self._deadline)
        return found

    def _go_on(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Make a further read, in a transaction. It must see the same commits as the first read did, by their newest time."""
        assert self._seen is not None
        self._more = True
        if self._conn is CLOSED and not self._closed:
            question = self._statement(sql, parameters)
            self._conn, found = self._store._readers.begin(question, self._deadline)
            if found.clock[:2] != self._seen[:2]:
                raise SnapshotMoved
            return found.rows
        return super()._all(sql, parameters)

    def _pinned(self) -> tuple[int, int, int]:
        if self._seen is None:
            self._begin()
            assert self._seen is not None
        return self._seen

    def pin(self) -> None:
        self._pinned()

    @property
    def position(self) -> Optional[int]:
        return None if self._seen is None else self._seen[0]

    @property
    def last_txn(self) -> int:  # type: ignore[override]
        return self._pinned()[0]

    @property
    def schema_version(self) -> int:  # type: ignore[override]
        return self._pinned()[1] if self._assumed is None else self._assumed

    @property
    def time(self) -> int:  # type: ignore[override]
        return self._pinned()[2]

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        if self._seen is None:
            return self._begin(sql, parameters)
        return self._go_on(sql, parameters)

    def _failed_with(self, error: psycopg.Error) -> Exception:
        explained = super()._failed_with(error)
        if self._conn is not CLOSED and self._conn.closed and isinstance(explained, StoreUnavailable):
            return SnapshotLost(str(explained))
        return explained

    def close(self) -> None:
        if not self._closed and self._first is not None:
            self._store._habits.learn(self._first, self._more)
        self._closed = True
        conn = self._conn
        if conn is CLOSED:
            return
        self._conn = CLOSED
        self._store._readers.give_back(conn)

    def __del__(self) -> None:
        if getattr(self, "_conn", CLOSED) is not CLOSED:
            self.close()
