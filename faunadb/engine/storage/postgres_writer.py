"""The one connection per process that writes to PostgreSQL, and its transactions."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any, Optional

import psycopg

from .base import Transaction, write_ops
from .clock import Clock
from .errors import Outgrown, StoreError, StoreUnavailable
from .group_commit import TransactionLost, Writer
from .postgres_connection import Connection, Statement
from .postgres_reads import SETTINGS, PgReads, PgStatements, entry_key, micros, split_row
from .postgres_schema import (
    VALUES_PREFIX,
    Dialect,
    Target,
    channel,
    connect,
    explain,
    qualify,
    worth_another_try,
)
from .sql_snapshot import CLOSED, Row
from .sql_transaction import SqlTransaction
from .statements import COPIED, import_statement, keep_reach, read_clock

#: A writer that neither works nor ends (a stopped process) loses its transaction, and so the lock, after this.
IDLE_WRITER = "60s"

IDLE = psycopg.pq.TransactionStatus.IDLE
INTRANS = psycopg.pq.TransactionStatus.INTRANS


class PgTransaction(PgReads, SqlTransaction):
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
        self._loaded = True
        self._flush()
        columns: Sequence[str] = COPIED[table]
        if table in ("entry", "past_entry"):
            columns = ("scope", "idx", "terms", "vals", "tail", "rest", "whole_terms", *columns[4:])
            rows = [split_row(row) for row in rows]
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
        self.touched.document(scope, coll, doc)
        size = 32 + (len(data) if data is not None else 0)
        self.bytes_written += size
        self.write_ops += write_ops(size)
        key = (scope, coll, doc, ts)
        if not first:
            self._run(self._sql.note_stale, (scope, coll, ts, doc, 1 if live else 0, *key, *key))
        self._put_version(*key, 1 if live else 0, ttl, data)

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
        first: bool = False,
    ) -> None:
        key = entry_key(scope, index, terms, values)
        if added is None:
            added = self.txn
        elif added != self.txn and not first:
            self._run(self._sql.revive, (*key, added, self.txn))
        self._wrote = True
        self.touched.entry(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        rest = values[VALUES_PREFIX:]
        whole = None if key[2] == terms else terms
        self._run(self._sql.put_entry, (*key, rest, whole, coll, doc, cover, ttl, added))

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        key = entry_key(scope, index, terms, values)
        end = self.txn if removed is None else removed
        self.bytes_written += len(terms) + len(values)
        self._undecided = True
        self.touched.entry(scope, index, terms, values)
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
        key = entry_key(scope, index, terms, values)
        self._wrote = True
        self.touched.entry(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        whole = None if key[2] == terms else terms
        rest = values[VALUES_PREFIX:]
        self._run(self._sql.put_ended, (*key, rest, whole, coll, doc, cover, ttl, added, removed))

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        key = entry_key(scope, index, terms, values)
        self._undecided = True
        self.touched.entry(scope, index, terms, values)
        self._run(self._sql.drop_live_added, (*key, added))
        self._run(self._sql.drop_ended, (*key, added))

    def close(self) -> None:
        self._conn = CLOSED


class PgWriter(Writer):
    """The one connection that writes."""

    def __init__(
        self,
        target: Target,
        dialect: Dialect,
        statements: PgStatements,
        conn: Optional[Connection],
        clock: Clock,
    ) -> None:
        self.target = target
        self.clock = clock
        self.dialect = dialect
        self.statements = statements
        self.conn = conn
        self.pending: list[Statement] = []
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
            read = f"SELECT last_txn, schema_version, {micros('clock_timestamp()')} FROM ({read}) AS locked"
            lock = (
                f"SET LOCAL lock_timeout = {max(1, int(wait * 1000))};"
                f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_WRITER}';"
                f"{SETTINGS}LOCK TABLE writer IN EXCLUSIVE MODE;"
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
        counts = [result.command_tuples or 0 for result in conn.run(pending)]
        return counts[-1], wrote or any(counts)

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

    def commit(self, last_txn: int, schema_version: int, reach: Optional[int]) -> None:
        self.pending.clear()
        notify = f"NOTIFY {channel(self.target)}, '{last_txn}';" if self.dialect.postgresql else ""
        # Released, the savepoint leaves the clock row to the transaction itself: `xmax` names that one.
        release = f"{_RELEASE[0]};" if self._savepoint_open else ""
        text = qualify(
            f"{release}{keep_reach(reach)}UPDATE meta SET last_txn = {last_txn}, schema_version = {schema_version} WHERE id = 0;"
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


_SAVEPOINT: Statement = ("SAVEPOINT work", ())
_RELEASE: Statement = ("RELEASE SAVEPOINT work", ())
