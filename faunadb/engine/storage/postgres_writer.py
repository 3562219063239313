"""Writes to PostgreSQL with the lock held: the connection of a process for that, and its transactions."""

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
from .postgres_connection import Connection, Statement, close_without_mark, statement
from .postgres_readers import COMMIT
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
from .rows import VersionRow
from .sql_snapshot import CLOSED, Row
from .sql_transaction import SqlTransaction
from .statements import COPIED, import_statement, read_clock

#: After this time, a writer that does nothing (a process that hangs) loses its transaction, and with it the lock.
IDLE_WRITER = "60s"

IDLE = psycopg.pq.TransactionStatus.IDLE
INTRANS = psycopg.pq.TransactionStatus.INTRANS


#: How many statements are sent in one round trip at most, and of how many documents the newest version is remembered.
_AT_ONCE = 5_000
_REMEMBERED = 1_000


class PgTransaction(PgReads, SqlTransaction):
    """A work's view of the connection for writing. Its writes are sent together, before the next read or at the end."""

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
    def wrote(self) -> bool:
        """Whether anything was written. If only the server knows, it is asked."""
        if self._undecided and not self._wrote and self._conn is not CLOSED:
            self._send()
        return self._wrote

    @wrote.setter
    def wrote(self, value: bool) -> None:
        self._wrote = value

    def _failed_with(self, error: psycopg.Error) -> Exception:
        self._failed = error
        return super()._failed_with(error)

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        """The newest one is remembered, also for the next works: nobody else changes it while the lock is held."""
        if at is not None:
            return super().version(scope, coll, doc, at)
        known, key = self._writer.known, (scope, coll, doc)
        if key not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[key] = super().version(scope, coll, doc)
        return known[key]

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return self._send(self._statement(sql, parameters))[1]

    def _run(self, sql: str, parameters: Sequence[Any]) -> None:
        if self._conn is CLOSED:
            raise StoreError("the snapshot is closed")
        self._writer.pending.append(self._statement(sql, parameters))

    def _changed(self, sql: str, parameters: Sequence[Any]) -> int:
        self._run(sql, parameters)
        return self._send()[0]

    def _send(self, query: Optional[Statement] = None) -> tuple[int, list[Row]]:
        """Send what waits, and a query after it. Returns how many rows the last statement changed or found, and these rows."""
        if self._conn is CLOSED:
            raise StoreError("the snapshot is closed")
        try:
            result, wrote = self._writer.send(query)
        except psycopg.Error as error:
            raise self._failed_with(error) from error
        self._undecided = False
        self._wrote = self._wrote or wrote
        return (0, []) if result is None else (result.command_tuples or 0, self._conn.rows_of(result))

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self._wrote = True
        self._loaded = True
        self._writer.known.clear()
        self._send()
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
        newest: Optional[int] = None,
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
        known = self._writer.known
        before = known.get(key[:3])
        if first or (key[:3] in known and (before is None or ts >= before.ts)):
            known[key[:3]] = VersionRow(ts, live, ttl, data, self.txn)
        else:
            known.pop(key[:3], None)

    def drop_version(self, scope: int, coll: int, doc: int, ts: int) -> None:
        self._writer.known.pop((scope, coll, doc), None)
        super().drop_version(scope, coll, doc, ts)

    def _purge(self, tables: Sequence[str], where: str, parameters: Sequence[Any], limit: int) -> bool:
        self._writer.known.clear()
        return super()._purge(tables, where, parameters, limit)

    def purge_history(self, scope: int, coll: int, before: int, limit: int) -> bool:
        self._writer.known.clear()
        return super().purge_history(scope, coll, before, limit)

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
    """The connection for writing with the lock held, as group commit uses it. conn: None to connect when it is needed."""

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
        #: statements that wait to be sent; those of the running work begin at the mark
        self.pending: list[Statement] = []
        self._mark = 0
        #: the newest versions of documents, as they are in the open transaction
        self.known: dict[tuple[int, int, int], Optional[VersionRow]] = {}
        self._me = uuid.uuid4().hex
        #: whether there were works before the running one that must be kept if it fails
        self._guarded = False
        #: whether the savepoint of the running work has been sent, and whether there is any savepoint
        self._savepoint_sent = False
        self._savepoint_open = False
        #: whether the writes of each work are sent by themselves, after it was not known whose of many were refused
        self._one_by_one = False
        #: whether the server has refused statements that may be those of other works
        self._refused = False
        self.last_txn = 0
        self.schema_version = 0

    # -- the transaction ----------------------------------------------------------------------------------------

    def begin(self, deadline: Optional[float]) -> None:
        self._forget()
        self._guarded = self._savepoint_open = self._refused = False
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
            # The lock, which is taken before the transaction's view, makes writers serial. SERIALIZABLE would add nothing but
            # notes of all reads, for which the server's memory is limited and runs out when many writers wait.
            level = "REPEATABLE READ"
            # The outer query reads the clock when the row is locked.
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

    def _forget(self) -> None:
        self.pending.clear()
        self._mark = 0
        self.known.clear()

    def transaction(self, txn: int, last_txn: int, schema_version: int) -> Transaction:
        self._mark = len(self.pending)
        self._savepoint_sent = False
        return PgTransaction(self, txn, last_txn, schema_version)

    def send(self, query: Optional[Statement] = None) -> tuple[Any, bool]:
        """Send what waits, and a query after it, in one round trip.

        Returns the result of the last statement, and whether the running work has changed rows by these.
        """
        conn = self.conn
        assert conn is not None
        statements, mark, others = self.pending, self._mark, self._mark > 0
        self.pending, self._mark = [], 0
        if self._guarded and not self._savepoint_sent and len(statements) > mark:
            before = [_RELEASE, _SAVEPOINT] if self._savepoint_open else [_SAVEPOINT]
            statements[mark:mark] = before
            mark += len(before)
            self._savepoint_sent = self._savepoint_open = True
        end = len(statements)
        if query is not None:
            statements.append(query)
        results: list[Any] = []
        try:
            for start in range(0, len(statements), _AT_ONCE):
                results += conn.run(statements[start : start + _AT_ONCE])
        except psycopg.Error:
            self._refused = others and not self._one_by_one
            raise
        return results[-1] if results else None, any(each.command_tuples for each in results[mark:end])

    def finish(self, tx: PgTransaction) -> None:
        tx._write_log()
        if self._one_by_one:
            tx._send()
        tx.close()

    def lost(self, tx: Optional[PgTransaction]) -> Optional[TransactionLost]:
        failed = tx._failed if tx is not None else None
        if failed is not None and self._refused and not worth_another_try(failed):
            return self._unclear(failed)
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
                return None  # a fault of the work, which is undone as after any exception
            return TransactionLost(explained, again=False)
        return None

    def _unclear(self, error: psycopg.Error) -> TransactionLost:
        """The error after which all works run again and are sent one by one: something was refused, and it is not known
        whose it was."""
        self._one_by_one = True
        explained = explain(error, self.target.shown)
        if not isinstance(explained, StoreError):
            explained = StoreError(str(explained))
        return TransactionLost(explained, again=True)

    def savepoint(self) -> None:
        self._guarded = True  # the savepoint is set when the work sends something

    def rollback_to_savepoint(self) -> None:
        del self.pending[self._mark :]
        self.known.clear()
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
        self._forget()
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

    def commit(self, last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        self._guarded, self._mark = False, len(self.pending)
        # Without a savepoint it is the transaction itself that locks the clock's row, whose `xmax` then names it.
        if self._savepoint_open:
            self.pending.append(_RELEASE)
        if reach is not None:
            self.pending.append(statement(self.statements.keep_reach, (reach,)))
        self.pending.append(statement(self.statements.set_clock, (last_txn, schema_version)))
        self.pending.append(statement(self.statements.set_mark, (self._me, last_txn)))
        if self.dialect.postgresql:
            notified = channel(self.target).strip('"'), str(last_txn)
            self.pending.append(statement("SELECT pg_notify(%s, %s)", notified))
        self.pending.append(COMMIT)
        assert self.conn is not None
        try:
            self.send()
        except psycopg.Error as error:
            conn = self.conn
            if not conn.closed and conn.info.transaction_status != psycopg.pq.TransactionStatus.UNKNOWN:
                # The server has answered: it refused the commit and rolled it back.
                if self._refused and not worth_another_try(error):
                    raise self._unclear(error) from error
                explained = explain(error, self.target.shown)
                if not isinstance(explained, StoreError):
                    explained = StoreError(str(explained))
                raise TransactionLost(explained, again=worth_another_try(error)) from error
            if not self._find_out(last_txn):
                raise TransactionLost(
                    StoreUnavailable(f"the connection to {self.target.shown} was lost; nothing was written"),
                    again=True,
                ) from error
        self._one_by_one = False
        self.last_txn = last_txn
        self.schema_version = schema_version

    def is_committed(self, last_txn: int) -> bool:
        conn = self.conn
        if conn is not None and not conn.closed and conn.info.transaction_status == INTRANS:
            return False  # nothing of the commit has been sent
        return self._find_out(last_txn)

    def _find_out(self, txn: int) -> bool:
        """Whether a transaction is committed whose connection broke during COMMIT. Waits until that is certain."""
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
        # A commit that is still running is waited for, by the lock. This transaction is committed as well: where commits wait
        # for a standby, the standby then has all that was seen here before anybody is told.
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
        close_without_mark(self.conn, self._me, self.target.schema)


_SAVEPOINT = statement("SAVEPOINT work")
_RELEASE = statement("RELEASE SAVEPOINT work")
