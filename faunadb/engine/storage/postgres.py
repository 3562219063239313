"""The store on PostgreSQL: any number of processes, on any number of machines, on one database."""

from __future__ import annotations

import hashlib
import select
import threading
import time
import uuid
from typing import Any, Callable, Optional, TypeVar

from .base import (
    BadURL,
    ClockBehind,
    EntryRow,
    Outgrown,
    Snapshot,
    Store,
    StoreError,
    StoreUnavailable,
    Transaction,
)

try:
    import psycopg
    import psycopg_pool
    from psycopg.types.numeric import Int8Dumper
except ImportError as missing:
    raise BadURL("postgresql:// needs psycopg: pip install 'faunadb[postgres]'") from missing

from collections.abc import Iterator, Sequence

from .checks import logical_problems
from .clock import Clock
from .commit_signal import CommitSignal
from .group_commit import TransactionLost, WriteQueue, Writer
from .postgres_schema import (
    TERMS_PREFIX,
    VALUES_PREFIX,
    Dialect,
    Target,
    connect,
    explain,
    parse_target,
    prepare_schema,
    qualify,
    worth_another_try,
)
from .sql import CLOSED, COPY_BATCH, Row, SqlSnapshot, SqlTransaction
from .statements import COPIED, KEYS, Statements, export_statement, import_statement, read_clock

T = TypeVar("T")

#: How often (seconds) the clock row is read for commits of others, where nobody notifies, and where somebody does.
POLL_SECONDS = 0.05
POLL_SECONDS_NOTIFIED = 1.0
#: A writer that neither works nor ends (a stopped process) loses its transaction, and so the lock, after this.
IDLE_WRITER = "60s"

IDLE = psycopg.pq.TransactionStatus.IDLE
INTRANS = psycopg.pq.TransactionStatus.INTRANS

_COLUMNS = "vals, rest, coll, doc, cover, ttl, added"


class Connection(psycopg.Connection[Any]):
    """A connection with its cursors kept at hand, and numbers always sent as 64 bit (one plan per statement)."""

    def set_up(self) -> None:
        self.adapters.register_dumper(int, Int8Dumper)
        self.rows = self.cursor(binary=True)
        self.texts = self.cursor()

    def script(self, text: str) -> list[Row]:
        """Run several statements in one round trip; return the last one's rows."""
        cursor = self.texts
        cursor.execute(text)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def _micros(time: str) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {time}) * 1000000 AS BIGINT)"


_SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off;"
#: With the clock row: when the server began this transaction, which was before its view was taken; and who has locked
#: the row since it was written, the transaction of a writer, perhaps one that our view does not see (`_is_under_way`).
_SEEN = (
    f", {_micros('now()')}, CAST(xmax AS TEXT),"
    " CASE WHEN CAST(xmax AS TEXT) <> '0' THEN CAST(pg_current_snapshot() AS TEXT) END"
)


class PgStatements(Statements):
    """The statements for one schema."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._marked: dict[str, str] = {}
        super().__init__("%s", _COLUMNS)
        for name, text in _ENTRY_STATEMENTS.items():
            setattr(self, name, self.mark(text))
        self.live = {key: self.mark(text) for key, text in _batches("entry", "NULL", "").items()}
        self.live_at = {
            key: self.mark(text) for key, text in _batches("entry", "NULL", " AND added <= ?").items()
        }
        self.ended_at = {
            key: self.mark(text)
            for key, text in _batches("past_entry", "removed", " AND added <= ? AND removed > ?").items()
        }

    def mark(self, text: str) -> str:
        found = self._marked.get(text)
        if found is None:
            found = self._marked[text] = super().mark(qualify(text, self._schema))
        return found

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
_ENTRY_STATEMENTS = {
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
    # Where this version succeeds another one or is a deletion, and where its successor does: see `stale`.
    "note_stale": (
        "INSERT INTO stale (scope, coll, at, doc)"
        " SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) WHERE CAST(? AS BIGINT) = 0"
        " OR EXISTS (SELECT 1 FROM version WHERE scope = ? AND coll = ? AND doc = ? AND ts < ?)"
        " UNION ALL SELECT scope, coll, MIN(ts), doc FROM version WHERE scope = ? AND coll = ? AND doc = ? AND ts > ?"
        " GROUP BY scope, coll, doc ON CONFLICT (scope, coll, at, doc) DO NOTHING"
    ),
}

#: (lower given, upper given, descending, by whole values): the last makes long values sort, at some cost.
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


def _terms_key(terms: bytes) -> bytes:
    if len(terms) <= TERMS_PREFIX + 32:
        return terms
    return terms[:TERMS_PREFIX] + hashlib.sha256(terms).digest()


def _entry_key(scope: int, index: int, terms: bytes, values: bytes) -> tuple[int, int, bytes, bytes, bytes]:
    rest = values[VALUES_PREFIX:]
    tail = hashlib.sha256(rest).digest() if rest else b""
    return scope, index, _terms_key(terms), values[:VALUES_PREFIX], tail


def _split(row: Row) -> Row:
    """A copied row of an entry table with its long keys as this backend keeps them."""
    terms, values = row[2], row[3]
    key = _entry_key(row[0], row[1], terms, values)
    return (*key, values[VALUES_PREFIX:], None if key[2] == terms else terms, *row[4:])


def _rows_of(rows: Sequence[Row]) -> list[EntryRow]:
    return [
        EntryRow(vals + rest if rest else vals, coll, doc, cover, ttl, added, removed)
        for vals, rest, coll, doc, cover, ttl, added, removed in rows
    ]


class _PgReads(SqlSnapshot):
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
            return conn.rows.execute(sql, parameters).fetchall()
        except psycopg.Error as error:
            raise self._failed_with(error) from error

    def _failed_with(self, error: psycopg.Error) -> Exception:
        return explain(error, self._place)

    def _batch(
        self,
        texts: dict[_Choice, str],
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        times: tuple[Optional[int], ...],
        count: int,
    ) -> list[EntryRow]:
        start = (scope, index, _terms_key(terms))
        given = lower is not None, upper is not None, reverse
        bounds = [bound for bound in (lower, upper) if bound is not None]
        if all(len(bound) <= VALUES_PREFIX for bound in bounds):
            rows = self._all(texts[given + (False,)], (*start, *bounds, *times, count))
            if not any(row[1] for row in rows):
                return _rows_of(rows)
        # Long values: the index alone does not put them in order.
        parts: list[bytes] = []
        for bound in bounds:
            parts += (bound[:VALUES_PREFIX], bound[:VALUES_PREFIX], bound[VALUES_PREFIX:])
        return _rows_of(self._all(texts[given + (True,)], (*start, *parts, *times, count)))

    def _live(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        at: Optional[int],
        count: int,
    ) -> list[EntryRow]:
        if at is None:
            return self._batch(self._sql.live, scope, index, terms, lower, upper, reverse, (), count)
        return self._batch(self._sql.live_at, scope, index, terms, lower, upper, reverse, (at,), count)

    def _ended(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        at: Optional[int],
        count: int,
    ) -> list[EntryRow]:
        return self._batch(self._sql.ended_at, scope, index, terms, lower, upper, reverse, (at, at), count)

    def _terms_key(self, terms: bytes) -> bytes:
        return _terms_key(terms)

    def _entry_rows(self, rows: Sequence[Row]) -> list[EntryRow]:
        return _rows_of(rows)

    def _ended_batch(
        self, scope: int, index: int, terms: bytes, since: int, after: Optional[tuple[bytes, int]], count: int
    ) -> list[EntryRow]:
        start = (scope, index, _terms_key(terms), since)
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
        columns = f"{key}, whole_terms, rest, {', '.join(COPIED[table])}"
        after: Sequence[Any] = ()
        while True:
            text = self._sql.mark(export_statement(table, key, columns, bool(after)))
            rows = self._all(text, (*after, COPY_BATCH))
            if rows:
                yield [_whole(row[width], row[width + 1], row[width + 2 :]) for row in rows]
            if len(rows) < COPY_BATCH:
                return
            after = rows[-1][:width]


def _whole(whole_terms: Optional[bytes], rest: bytes, row: Row) -> Row:
    """A row of an entry table with its long keys put together again."""
    scope, index, terms, vals, *others = row
    return (scope, index, terms if whole_terms is None else whole_terms, vals + rest, *others)


def _is_under_way(locker: int, view: str) -> bool:
    """Whether a transaction was not over when a snapshot was taken.

    locker: its number, of which the row keeps 32 bits. view: the snapshot as PostgreSQL writes it,
    ``oldest:next:number,number...``, of transactions under way.
    """
    _, following, running = view.split(":")
    if (locker - int(following)) % 2**32 < 2**31:
        return True
    return any((int(number) - locker) % 2**32 == 0 for number in running.split(",") if number)


class PgSnapshot(_PgReads):
    """A read transaction on a connection from the pool."""

    __slots__ = ("_conn", "_place", "_sql", "_store")

    def __init__(self, store: PostgresStore, at_least: int) -> None:
        self._store = store
        self._sql = store._statements
        self._place = store._target.shown
        self._conn = CLOSED
        clock = store._clock
        if store._dialect.postgresql:
            time_before = clock.floor(at_least)
            self._conn, (last_txn, self.schema_version, began, locker, view) = store._begin_reading()
            if began > time_before and (view is None or not _is_under_way(int(locker), view)):
                time_before = began
        else:
            time_before = clock.snapshot_time(at_least)  # before the view is pinned; see Clock
            self._conn, (last_txn, self.schema_version) = store._begin_reading()
        self.last_txn = last_txn
        self.time = time_before if time_before > last_txn else last_txn
        clock.show(self.time)

    def close(self) -> None:
        conn = self._conn
        if conn is CLOSED:
            return
        self._conn = CLOSED
        try:
            conn.texts.execute("COMMIT")
        except psycopg.Error:
            conn.close()
        self._store._give_back(conn)

    def __del__(self) -> None:
        if getattr(self, "_conn", CLOSED) is not CLOSED:
            self.close()


class PgTransaction(_PgReads, SqlTransaction):
    """A work's view of the writing connection. Writes are sent together, before the next read or at the end."""

    __slots__ = ("_conn", "_failed", "_place", "_sql", "_undecided", "_writer", "_wrote")

    def __init__(self, writer: PgWriter, txn: int, last_txn: int, schema_version: int) -> None:
        assert writer.conn is not None
        self._writer = writer
        self._conn = writer.conn
        self._sql = writer.statements
        self._place = writer.target.shown
        self._failed: Optional[psycopg.Error] = None
        self._undecided = False
        self._wrote = False
        self._set_up(txn, last_txn, schema_version)

    @property
    def wrote(self) -> bool:  # type: ignore[override]
        """Whether anything was written; asks the server when only it can know."""
        if self._undecided and not self._wrote and self._conn is not CLOSED:
            self._flush()
        return self._wrote

    @wrote.setter
    def wrote(self, value: bool) -> None:
        self._wrote = value

    def _failed_with(self, error: psycopg.Error) -> Exception:
        self._failed = error
        return super()._failed_with(error)

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        if self._writer.pending:
            self._flush()
        return super()._all(sql, parameters)

    def _run(self, sql: str, parameters: Sequence[Any]) -> None:
        if self._conn is CLOSED:
            raise StoreError("the snapshot is closed")
        self._writer.pending.append((sql, parameters))

    def _changed(self, sql: str, parameters: Sequence[Any]) -> int:
        self._run(sql, parameters)
        return self._flush()

    def _flush(self) -> int:
        """Send what waits; return how many rows the last statement touched."""
        self._undecided = False
        try:
            last, self._wrote = self._writer.flush(self._wrote)
        except psycopg.Error as error:
            raise self._failed_with(error) from error
        return last

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self._wrote = True
        self._flush()
        columns: Sequence[str] = COPIED[table]
        if table in ("entry", "past_entry"):
            columns = ("scope", "idx", "terms", "vals", "tail", "rest", "whole_terms", *columns[4:])
            rows = [_split(row) for row in rows]
        text = self._sql.mark(import_statement(table, columns))
        try:
            self._conn.cursor().executemany(text, rows)
        except psycopg.Error as error:
            raise self._failed_with(error) from error

    def put_version(
        self,
        scope: int,
        coll: int,
        doc: int,
        ts: int,
        live: bool,
        ttl: Optional[int],
        data: Optional[str],
        first: bool = False,
    ) -> None:
        self._wrote = True
        self.bytes_written += 32 + (len(data) if data is not None else 0)
        key = (scope, coll, doc, ts)
        if not first:
            self._run(self._sql.note_stale, (scope, coll, ts, doc, 1 if live else 0, *key, *key))
        self._run(self._sql.put_version, (*key, 1 if live else 0, ttl, data, self.txn))

    def add_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: Optional[int] = None,
    ) -> None:
        key = _entry_key(scope, index, terms, values)
        if added is None:
            added = self.txn
        elif added != self.txn:
            self._run(self._sql.revive, (*key, added, self.txn))
        self._wrote = True
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        rest = values[VALUES_PREFIX:]
        whole = None if key[2] == terms else terms
        self._run(self._sql.put_entry, (*key, rest, whole, coll, doc, cover, ttl, added))

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        key = _entry_key(scope, index, terms, values)
        end = self.txn if removed is None else removed
        self.bytes_written += len(terms) + len(values)
        self._undecided = True
        self._run(self._sql.end, (end, *key, end))
        self._run(self._sql.drop_live, key)

    def put_past_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: int,
        removed: int,
    ) -> None:
        key = _entry_key(scope, index, terms, values)
        self._wrote = True
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        whole = None if key[2] == terms else terms
        rest = values[VALUES_PREFIX:]
        self._run(self._sql.put_ended, (*key, rest, whole, coll, doc, cover, ttl, added, removed))

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        key = _entry_key(scope, index, terms, values)
        self._undecided = True
        self._run(self._sql.drop_live_added, (*key, added))
        self._run(self._sql.drop_ended, (*key, added))

    def close(self) -> None:
        self._conn = CLOSED


class PgWriter(Writer):
    """The one connection that writes."""

    def __init__(
        self, target: Target, dialect: Dialect, statements: PgStatements, conn: Connection, clock: Clock
    ) -> None:
        self.target = target
        self.clock = clock
        self.dialect = dialect
        self.statements = statements
        self.conn: Optional[Connection] = conn
        self.pending: list[tuple[str, Sequence[Any]]] = []
        self._me = uuid.uuid4().hex
        self._savepoint_sent = False  # that of the work at hand
        self._savepoint_open = False  # any
        self.last_txn = 0
        self.schema_version = 0

    # -- the transaction ----------------------------------------------------------------------------------------

    def begin(self, deadline: Optional[float]) -> None:
        self.pending.clear()
        self._savepoint_open = False
        wait = self.target.patience
        if deadline is not None:
            wait = min(wait, max(0.001, deadline - time.monotonic()))
        try:
            row = self._begin(wait)
        except psycopg.Error as error:
            self.rollback()
            explained = explain(error, self.target.shown)
            if worth_another_try(error) and isinstance(explained, StoreError):
                raise TransactionLost(explained, again=True) from error
            raise explained from error
        except Outgrown:
            raise
        except StoreUnavailable as error:  # no connection
            raise TransactionLost(error, again=True) from error
        self.last_txn, self.schema_version = row[:2]
        if self.dialect.postgresql:
            self.clock.learn(row[2])

    def _begin(self, wait: float) -> Row:
        conn = self.conn
        if conn is None or conn.closed:
            conn = self.conn = connect(self.target, Connection)
            conn.set_up()
        level, lock, read = "SERIALIZABLE", "", qualify(f"{read_clock()} FOR UPDATE", self.target.schema)
        if self.dialect.postgresql:
            # The lock makes writers serial, from before their views are taken. SERIALIZABLE would add nothing but its
            # book-keeping of reads, whose room in the server's memory is limited and runs out when many wait.
            level = "REPEATABLE READ"
            # The clock is read once the row is ours.
            read = f"SELECT last_txn, schema_version, {_micros('clock_timestamp()')} FROM ({read}) AS locked"
            lock = (
                f"SET LOCAL lock_timeout = {max(1, int(wait * 1000))};"
                f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_WRITER}';"
                f"{_SETTINGS}LOCK TABLE writer IN EXCLUSIVE MODE;"
            )
        lock = qualify(lock, self.target.schema)
        rows = conn.script(f"BEGIN ISOLATION LEVEL {level};{lock}{read}")
        if not rows:
            self.rollback()
            raise Outgrown(self.target.shown)
        return rows[0]

    def transaction(self, txn: int, last_txn: int, schema_version: int) -> Transaction:
        return PgTransaction(self, txn, last_txn, schema_version)

    def flush(self, wrote: bool) -> tuple[int, bool]:
        """Send what waits in one round trip. Returns the last statement's row count, and whether rows changed."""
        conn = self.conn
        assert conn is not None
        pending, self.pending = self.pending, []
        if not pending:
            return 0, wrote
        self._savepoint_sent = True
        self._savepoint_open = self._savepoint_open or _SAVEPOINT in pending
        cursors = []
        if len(pending) == 1:
            cursors.append(conn.rows.execute(*pending[0]))
        else:
            with conn.pipeline():
                for sql, parameters in pending:
                    cursors.append(conn.cursor(binary=True).execute(sql, parameters))
        if not wrote:
            wrote = any(cursor.rowcount > 0 for cursor in cursors)
        return cursors[-1].rowcount, wrote

    def finish(self, tx: PgTransaction) -> None:
        tx._write_log()
        if self.pending and self.pending[-1] is not _SAVEPOINT:
            tx._flush()
        tx.close()

    def lost(self, tx: Optional[PgTransaction]) -> Optional[TransactionLost]:
        failed = tx._failed if tx is not None else None
        if failed is not None and worth_another_try(failed):
            explained = explain(failed, self.target.shown)
            assert isinstance(explained, StoreError)
            return TransactionLost(explained, again=True)
        conn = self.conn
        if conn is None or conn.closed:
            return TransactionLost(
                StoreUnavailable(f"the connection to {self.target.shown} was lost"), again=True
            )
        if failed is not None and conn.info.transaction_status != INTRANS:
            explained = explain(failed, self.target.shown)
            if not isinstance(explained, StoreError):
                return None  # a caller's mistake: undone like any exception of its work
            return TransactionLost(explained, again=False)
        return None

    def savepoint(self) -> None:
        self._savepoint_sent = False
        if self.pending:
            return  # the one of a work that wrote nothing
        if self._savepoint_open:
            self.pending.append(_RELEASE)
        self.pending.append(_SAVEPOINT)

    def rollback_to_savepoint(self) -> None:
        self.pending.clear()
        if not self._savepoint_sent:
            return
        assert self.conn is not None
        try:
            self.conn.texts.execute("ROLLBACK TO SAVEPOINT work")
        except psycopg.Error as error:
            raise TransactionLost(
                StoreUnavailable(f"the connection to {self.target.shown} was lost"),
                again=worth_another_try(error),
            ) from error

    def rollback(self) -> None:
        self.pending.clear()
        conn = self.conn
        if conn is None:
            return
        try:
            if conn.info.transaction_status != IDLE:
                conn.texts.execute("ROLLBACK")
        except psycopg.Error:
            conn.close()
        if conn.closed:
            self.conn = None

    # -- commit -------------------------------------------------------------------------------------------------

    def commit(self, last_txn: int, schema_version: int) -> None:
        self.pending.clear()
        notify = f"NOTIFY {channel(self.target)}, '{last_txn}';" if self.dialect.postgresql else ""
        # Released, the savepoint leaves the clock row to the transaction itself: `xmax` names that one.
        release = f"{_RELEASE[0]};" if self._savepoint_open else ""
        text = qualify(
            f"{release}UPDATE meta SET last_txn = {last_txn}, schema_version = {schema_version} WHERE id = 0;"
            f"INSERT INTO mark (store, txn, checks) VALUES ('{self._me}', {last_txn}, 0)"
            f" ON CONFLICT (store) DO UPDATE SET txn = excluded.txn;{notify}COMMIT",
            self.target.schema,
        )
        assert self.conn is not None
        try:
            self.conn.script(text)
        except psycopg.Error as error:
            conn = self.conn
            if not conn.closed and conn.info.transaction_status != psycopg.pq.TransactionStatus.UNKNOWN:
                # The server answered: it refused, and rolled back.
                explained = explain(error, self.target.shown)
                if not isinstance(explained, StoreError):
                    explained = StoreError(str(explained))
                raise TransactionLost(explained, again=worth_another_try(error)) from error
            if not self._find_out(last_txn):
                raise TransactionLost(
                    StoreUnavailable(f"the connection to {self.target.shown} was lost; nothing was written"),
                    again=True,
                ) from error
        self.last_txn = last_txn
        self.schema_version = schema_version

    def _find_out(self, txn: int) -> bool:
        """The connection broke during COMMIT: is the transaction there? Waits until that is certain."""
        until = time.monotonic() + self.target.patience
        while True:
            try:
                return self._look_for(txn)
            except (psycopg.Error, StoreUnavailable):
                if time.monotonic() > until:
                    raise StoreUnavailable(
                        f"the connection to {self.target.shown} was lost during a commit and did not come back:"
                        " whether the write is there is not known"
                    ) from None
                time.sleep(0.1)

    def _look_for(self, txn: int) -> bool:
        # The lock waits for a commit still under way. The answer is itself committed, so that where commits wait
        # for a standby, what we saw is on the standby as well before anybody is told.
        self.rollback()
        self._begin(self.target.patience)
        conn = self.conn
        assert conn is not None
        rows = conn.script(qualify(f"SELECT txn FROM mark WHERE store = '{self._me}'", self.target.schema))
        conn.script(
            qualify(
                f"INSERT INTO mark (store, txn, checks) VALUES ('{self._me}', 0, 1)"
                " ON CONFLICT (store) DO UPDATE SET checks = mark.checks + 1;COMMIT",
                self.target.schema,
            )
        )
        return bool(rows) and rows[0][0] == txn

    def close(self) -> None:
        conn = self.conn
        if conn is None or conn.closed:
            return
        try:
            conn.script(qualify(f"DELETE FROM mark WHERE store = '{self._me}'", self.target.schema))
        except psycopg.Error:
            pass
        conn.close()


_SAVEPOINT: tuple[str, Sequence[Any]] = ("SAVEPOINT work", ())
_RELEASE: tuple[str, Sequence[Any]] = ("RELEASE SAVEPOINT work", ())


def channel(target: Target) -> str:
    """The notification channel of a store: channels are shared by all schemas of a database."""
    return f'"faunadb_{target.schema}"'


class PostgresStore(Store):
    """A store in a schema of a PostgreSQL database."""

    def __init__(self, target: Target) -> None:
        self.url = target.shown
        self._target = target
        self._closed = False
        conn = connect(target, Connection)
        conn.set_up()
        try:
            self._dialect = prepare_schema(conn, target)
        except BaseException:
            conn.close()
            raise
        self._statements = PgStatements(target.schema)
        self._clock = Clock()
        self._writer = PgWriter(target, self._dialect, self._statements, conn, self._clock)
        self._signal = CommitSignal(self._watch)
        self._queue = WriteQueue(self._writer, self._clock, self._signal.announce)
        self._begin_text = qualify(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
            + (_SETTINGS + read_clock(_SEEN) if self._dialect.postgresql else read_clock()),
            target.schema,
        )
        if self._dialect.postgresql:
            self._clock.learn(conn.script(f"SELECT {_micros('clock_timestamp()')}")[0][0])
        self._pool = psycopg_pool.ConnectionPool(
            target.conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "prepare_threshold": 5 if target.prepared else None},
            min_size=1,
            max_size=target.max_connections,
            configure=Connection.set_up,
            timeout=min(10.0, target.patience),
            # A longer one means longer pauses between attempts as well, and so a late return from an outage.
            reconnect_timeout=1.0,
            name="faunadb",
            open=True,
        )

    # -- reading ------------------------------------------------------------------------------------------------

    def snapshot(self, at_least: int = 0) -> Snapshot:
        if at_least and self._clock.too_far(at_least):
            self._check_reached(at_least)
            at_least = 0
        return PgSnapshot(self, at_least)

    def _begin_reading(self) -> tuple[Connection, Row]:
        if self._closed:
            raise StoreError("the store is closed")
        tries = 3
        while True:
            try:
                conn = self._pool.getconn()
            except psycopg_pool.PoolTimeout as error:
                connect(self._target).close()  # where the server is away, this says so
                most = self._target.max_connections
                raise StoreUnavailable(
                    f"no connection to {self.url} became free (at most {most} are used at once)"
                ) from error
            try:
                rows = conn.script(self._begin_text)
                if not rows:
                    conn.texts.execute("ROLLBACK")
                    self._give_back(conn)
                    raise Outgrown(self.url)
                return conn, rows[0]
            except psycopg.Error as error:
                conn.close()
                self._give_back(conn)
                tries -= 1
                if not tries or not worth_another_try(error):
                    raise explain(error, self.url) from error
                self._pool.check()  # a server that went away took all idle connections with it

    def _give_back(self, conn: Connection) -> None:
        try:
            self._pool.putconn(conn)
        except psycopg_pool.PoolClosed:
            conn.close()

    def _newest(self) -> int:
        with self.snapshot() as snapshot:
            return snapshot.last_txn

    def _check_reached(self, at_least: int) -> None:
        """A time beyond what clocks may differ by is fine only if the store itself is there."""
        if self._newest() < at_least:
            raise ClockBehind(f"the time {at_least} lies in this store's future")

    def time(self) -> int:
        if self._dialect.postgresql:
            # Whether a writer is at work only the server knows, which may be what fails.
            return self._clock.floor() or self._clock.now()
        return self._clock.snapshot_time()

    # -- writing ------------------------------------------------------------------------------------------------

    def write(
        self,
        work: Callable[[Transaction], T],
        *,
        retries: int = 5,
        deadline: Optional[float] = None,
        at_least: int = 0,
    ) -> tuple[T, Optional[int]]:
        if self._closed:
            raise StoreError("the store is closed")
        if at_least and self._clock.too_far(at_least):
            self._check_reached(at_least)
        return self._queue.write(work, retries, deadline, at_least)

    def prune_log(self, before: int) -> None:
        def prune(tx: Transaction) -> None:
            assert isinstance(tx, PgTransaction)
            if tx._changed(self._statements.prune_log, (before,)):
                tx.wrote = True

        self.write(prune)

    # -- commits of others --------------------------------------------------------------------------------------

    def wait_commit(self, after: int, timeout: Optional[float] = None) -> bool:
        return self._signal.wait(after, timeout, self._newest)

    def add_listener(self, callback: Callable[[int], None]) -> None:
        self._signal.add_listener(callback, self._newest())

    def remove_listener(self, callback: Callable[[int], None]) -> None:
        self._signal.remove_listener(callback)

    def _watch(self, stop: threading.Event) -> None:
        """Announce commits of other processes until told to stop."""
        conn = connect(self._target, Connection)
        conn.set_up()
        try:
            if self._dialect.postgresql:
                conn.execute(f"LISTEN {channel(self._target)}")
            self._watch_on(conn, stop)
        finally:
            conn.close()

    def _watch_on(self, conn: Connection, stop: threading.Event) -> None:
        read = qualify("SELECT last_txn FROM meta WHERE id = 0", self._target.schema)
        pause = POLL_SECONDS_NOTIFIED if self._dialect.postgresql else POLL_SECONDS
        socket = conn.fileno()
        while not stop.is_set():
            self._signal.announce(conn.script(read)[0][0])
            until = time.monotonic() + pause
            while not stop.is_set():
                # A notification may have come along with the answer just read.
                if conn.pgconn.notifies() is not None:
                    break
                left = until - time.monotonic()
                if left <= 0:
                    break
                if select.select([socket], [], [], min(left, 0.1))[0]:
                    conn.pgconn.consume_input()

    # -- care ---------------------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        with self.snapshot() as snapshot:
            assert isinstance(snapshot, PgSnapshot)
            if self._dialect.postgresql:
                snapshot._conn.script("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
            return logical_problems(snapshot._all, self._statements.mark)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        self._pool.close()
        self._writer.close()


def open_postgres(url: str, given: dict[str, Any]) -> Store:
    """Open ``postgresql://...``; see :func:`faunadb.engine.storage.open_store`."""
    return PostgresStore(parse_target(url, given))
