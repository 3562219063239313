"""Writes to SQLite: transactions, and the writers for files and for memory in which they run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Optional

from .base import WRITE_UNIT, Transaction, write_ops
from .checksums import is_whole_text, of_version
from .errors import Outgrown, StoreError, StoreUnavailable
from .group_commit import TransactionLost, Writer
from .memory_gate import MemoryGate
from .read_set import collection_path, document_path, place_path
from .rows import VersionRow
from .sql_snapshot import CLOSED, Row
from .sql_transaction import SqlTransaction
from .sqlite_reads import TEXT_OF, SqliteReads
from .sqlite_rows import (
    COMMITS,
    COVERED,
    DOCUMENTS,
    DROPPED,
    ENDED,
    ENTRIES,
    MAX_WAITING,
    PUT_ENDED,
    PUT_LIVE,
    STALE,
    VERSIONS,
    Insert,
    WritingConnection,
    is_storable,
)
from .sqlite_schema import BUSY, explain, is_busy, until
from .statements import COPIED, import_statement, keep_reach, read_clock

#: If other processes write, too, the writer leaves the lock to them for so many seconds after having used it for so many.
YIELD_SECONDS = 0.002
YIELD_AFTER = 0.010

#: Whether a transaction is committed. There may be later ones since; and one that filled an empty store has no row in the log.
_IS_THERE = "SELECT last_txn = ? OR EXISTS (SELECT 1 FROM change_log WHERE txn = ?) FROM meta"
_SET_CLOCK = "UPDATE meta SET last_txn = ?, schema_version = ?"
_KEY = "scope = ? AND idx = ? AND terms = ? AND vals = ?"
_GET_LIVE = f"SELECT coll, doc, cover, ttl, added FROM entry WHERE {_KEY}"
_DROP_LIVE = f"DELETE FROM entry WHERE {_KEY}"
_DROP_LIVE_ADDED = f"DELETE FROM entry WHERE {_KEY} AND added = ?"
_DROP_ENDED = f"DELETE FROM past_entry WHERE {_KEY} AND added = ?"
_REVIVE = f"DELETE FROM past_entry WHERE {_KEY} AND added = ? AND removed = ?"


#: How many of the versions that it has read a transaction remembers.
_REMEMBERED = 16


def _key(scope: int, index: int, terms: bytes, values: bytes) -> tuple[int, int, bytearray, bytearray]:
    """The key of an entry as parameters (for why as bytearrays, see `sqlite_rows`)."""
    return scope, index, bytearray(terms), bytearray(values)


class SqliteTransaction(SqliteReads, SqlTransaction):
    """A work's view of the writing connection."""

    __slots__ = ("_conn", "_failed", "_heads", "_path", "_seen")

    _conn: Any

    def __init__(
        self, conn: WritingConnection, path: Optional[str], txn: int, last_txn: int, schema_version: int
    ) -> None:
        self._conn = conn
        self._path = path
        self._failed: Optional[StoreError] = None
        #: by collection, how paths and changes of its documents begin and end
        self._heads: dict[tuple[int, int], tuple[str, str, str, str]] = {}
        #: the newest versions that were read last, as they were before this transaction
        self._seen: dict[tuple[int, int, int], Optional[VersionRow]] = {}
        self._set_up(txn, last_txn, schema_version)

    def _explain(self, error: sqlite3.Error) -> Exception:
        explained = super()._explain(error)
        if isinstance(explained, StoreError):
            self._failed = explained
        return explained

    def _to_read_versions(self, doc: int) -> sqlite3.Connection:
        return self._conn.to_read_versions(doc)  # type: ignore[no-any-return]

    def _to_read_entries(self, terms: bytes) -> sqlite3.Connection:
        return self._conn.to_read_entries(terms)  # type: ignore[no-any-return]

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        if at is not None or self._has_changed(scope, coll, doc):
            return super().version(scope, coll, doc, at)
        # An update of what a query has got before reads it again.
        seen, key = self._seen, (scope, coll, doc)
        if key in seen:
            return seen[key]
        found = super().version(scope, coll, doc)
        if len(seen) >= _REMEMBERED:
            seen.clear()
        seen[key] = found
        return found

    def text_of(self, scope: int, coll: int, doc: int) -> Optional[tuple[int, str]]:
        # As in any backend, but written out: updates begin with this.
        if self._has_changed(scope, coll, doc) or (scope, coll, doc) in self._seen:
            return super().text_of(scope, coll, doc)
        try:
            row = self._conn.to_read_versions(doc).execute(TEXT_OF, (scope, coll, doc)).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        self.reads.document(scope, coll, doc)
        if row is None:
            return None
        ts, text, content = row
        return (ts, text) if text is not None and is_whole_text(scope, coll, doc, text, content) else None

    def _has_changed(self, scope: int, coll: int, doc: int) -> bool:
        """Whether this transaction may have written a document."""
        touched = self.touched
        if touched.wide:
            return True
        return bool(touched.at) and document_path(scope, coll, doc) in touched.at

    def _run(self, sql: str, parameters: Sequence[Any]) -> None:
        try:
            self._conn.execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def _changed(self, sql: str, parameters: Sequence[Any]) -> int:
        try:
            count: int = self._conn.execute(sql, parameters).rowcount
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        return count

    def _wait(self, insert: Insert, row: Sequence[Any]) -> None:
        """Have an insert wait, of a row that SQLite can surely store."""
        waiting = self._conn.waiting[insert]
        waiting += row
        if len(waiting) >= MAX_WAITING * insert.width:
            try:
                self._conn.flush()
            except sqlite3.DatabaseError as error:
                raise self._explain(error) from error

    def _put_version(
        self, scope: int, coll: int, doc: int, ts: int, live: int, ttl: Optional[int], data: Optional[str]
    ) -> None:
        txn = self.txn
        if ttl is None and ((ts == txn and data is not None and data.isascii()) or is_storable(data, ts)):
            checksum = of_version(scope, coll, doc, ts, live, ttl, data, txn)
            self._wait(VERSIONS, (scope, coll, doc, ts, live, data, txn, checksum))
        else:
            super()._put_version(scope, coll, doc, ts, live, ttl, data)

    def _put_stale(self, scope: int, coll: int, at: int, doc: int) -> None:
        if at == self.txn or is_storable(None, at):
            self._wait(STALE, (scope, coll, at, doc))
        else:
            super()._put_stale(scope, coll, at, doc)

    def _put_commit(self, changes: str, touched: str) -> None:
        self._wait(COMMITS, (self.txn, changes, touched))

    def create(self, scope: int, coll: int, doc: int, data: str, values: bytes) -> None:
        txn = self.txn
        if not (data.isascii() or is_storable(data, txn)):
            super().create(scope, coll, doc, data, values)
            return
        # As there, but written out: this is what most transactions do, and some do it a hundred times.
        key = scope, coll
        heads = self._heads.get(key)
        if heads is None:
            heads = self._heads[key] = (
                collection_path(scope, coll),
                place_path(scope, coll, b""),
                f'["put",{scope},{coll},',
                f",{txn}]",
            )
        path, place, head, end = heads
        digits = str(doc)
        self.touched.created(f"{path}{digits}/", place, values)
        self._note_put(head + digits + end, data)
        self.bytes_written += len(values)
        waiting = self._conn.waiting
        checksum = of_version(scope, coll, doc, txn, 1, None, data, txn)
        waiting[VERSIONS] += scope, coll, doc, txn, 1, data, txn, checksum
        self._wait(DOCUMENTS, (scope, coll, bytearray(values), coll, doc, txn))

    def update(self, scope: int, coll: int, doc: int, data: str, newest: int) -> None:
        txn = self.txn
        if not (data.isascii() or is_storable(data, txn)):
            super().update(scope, coll, doc, data, newest)
            return
        # As there, but written out.
        self.touched.document(scope, coll, doc)
        self._note_put(f'["put",{scope},{coll},{doc},{txn}]', data)
        waiting = self._conn.waiting
        waiting[STALE] += scope, coll, txn, doc
        checksum = of_version(scope, coll, doc, txn, 1, None, data, txn)
        self._wait(VERSIONS, (scope, coll, doc, txn, 1, data, txn, checksum))

    def _note_put(self, change: str, data: str) -> None:
        """Log that a version with this text is put, and count it. change: the JSON of its row in the log."""
        self.wrote = True
        self._changes.append(change)
        size = 32 + len(data)
        self.bytes_written += size + len(change)
        self.write_ops += 1 if size <= WRITE_UNIT else write_ops(size)

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self.wrote = True
        self._loaded = True
        self._seen.clear()
        try:
            self._conn.executemany(import_statement(table, COPIED[table]), rows)
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

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
        txn = self.txn
        if added is None and cover is None and ttl is None:
            # As below, but written out: nearly every entry of a document that is created comes by here.
            self.wrote = True
            self.touched.entry(scope, index, terms, values)
            self.bytes_written += len(terms) + len(values)
            self._wait(ENTRIES, (scope, index, bytearray(terms), bytearray(values), coll, doc, txn))
            return
        if added is None:
            added = txn
        elif added != txn and not first:
            self._run(_REVIVE, (*_key(scope, index, terms, values), added, txn))
        self.wrote = True
        self.touched.entry(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        if ttl is None and ((added == txn and cover is None) or is_storable(cover, added)):
            row = (*_key(scope, index, terms, values), coll, doc)
            if cover is None:
                self._wait(ENTRIES, (*row, added))
            else:
                self._wait(COVERED, (*row, cover, added))
        else:
            self._run(PUT_LIVE, (*_key(scope, index, terms, values), coll, doc, cover, ttl, added))

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        key = _key(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values)
        if self.wrote and removed is None and not self._has_touched(scope, index, terms, values):
            # The usual case: an entry of an earlier transaction. That this one writes something is known already.
            self.touched.entry(scope, index, terms, values)
            self._end(key)
            return
        for coll, doc, cover, ttl, added in self._all(_GET_LIVE, key):
            self.wrote = True
            self.touched.entry(scope, index, terms, values)
            self._run(_DROP_LIVE, key)
            end = self.txn if removed is None else removed
            if added != end:
                self._run(PUT_ENDED, (*key, coll, doc, cover, ttl, added, end))

    def _has_touched(self, scope: int, index: int, terms: bytes, values: bytes) -> bool:
        """Whether this transaction may have written an entry already."""
        path, at = place_path(scope, index, terms), self.touched.at
        if path not in at:
            return False
        known = at[path]
        return known is None or values.hex() in known

    def _end(self, key: tuple[int, int, bytearray, bytearray]) -> None:
        """Have the end of an entry that an earlier transaction has added wait."""
        try:
            self._conn.ends()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        self._conn.waiting[ENDED] += self.txn, *key
        self._wait(DROPPED, key)

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
        self.wrote = True
        self.touched.entry(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        self._run(PUT_ENDED, (*_key(scope, index, terms, values), coll, doc, cover, ttl, added, removed))

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        for text in (_DROP_LIVE_ADDED, _DROP_ENDED):
            if self._changed(text, (*_key(scope, index, terms, values), added)):
                self.wrote = True
                self.touched.entry(scope, index, terms, values)

    def close(self) -> None:
        self._conn = CLOSED
        self._seen = {}


class SqliteWriter(Writer):
    """The one connection that writes."""

    def __init__(self, conn: sqlite3.Connection, path: Optional[str], patience: float) -> None:
        self._conn = conn
        self._rows = WritingConnection(conn)
        self._path = path
        self._patience = patience
        #: the last transaction that this writer has committed
        self._ours = 0
        #: until when to leave the lock to others now and then, because other processes have written
        self._shared_until = 0.0
        #: since when the lock has been used here without such a rest
        self._held_since = 0.0
        self._read_clock = read_clock()
        self.last_txn, self.schema_version = conn.execute(self._read_clock).fetchone()
        if path is not None:
            conn.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")

    def begin(self, deadline: Optional[float]) -> None:
        try:
            self._begin(deadline)
        except BaseException:
            self.rollback()  # the exception of a signal handler may come just after the beginning
            raise

    def _begin(self, deadline: Optional[float]) -> None:
        now = time.monotonic()
        if now < self._shared_until and now - self._held_since > YIELD_AFTER:
            time.sleep(YIELD_SECONDS)
            now = self._held_since = time.monotonic()
        ends = until(self._patience, deadline)
        self._rows.forget()
        if self._conn.in_transaction:  # such an exception came just before the last one was ended
            self._conn.execute("ROLLBACK")
        while True:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() >= ends:
                    raise explain(error, self._path) from error
                self._held_since = time.monotonic()
        try:
            row = self._conn.execute(self._read_clock).fetchone()
        except sqlite3.Error as error:
            self.rollback()
            raise explain(error, self._path) from error
        if row is None:
            self.rollback()
            raise Outgrown(self._path or "")
        self.last_txn, self.schema_version = row
        if self.last_txn != self._ours:
            self._held_since = time.monotonic()
            self._shared_until = self._held_since + 1.0

    def transaction(self, txn: int, last_txn: int, schema_version: int) -> Transaction:
        return SqliteTransaction(self._rows, self._path, txn, last_txn, schema_version)

    def finish(self, tx: SqliteTransaction) -> None:
        tx._write_log()
        tx.close()

    def lost(self, tx: Optional[SqliteTransaction]) -> Optional[TransactionLost]:
        failed = tx._failed if tx is not None else None
        if failed is None and self._conn.in_transaction and not self._rows.moving:
            return None
        return TransactionLost(failed or StoreUnavailable("the transaction broke off"), again=False)

    def savepoint(self) -> None:
        self._try(self._rows.guard)

    def rollback_to_savepoint(self) -> None:
        self._try(self._rows.undo)

    def commit(self, last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        self._try(self._rows.finish)
        if reach is not None:
            self._try(partial(self._conn.execute, keep_reach(reach)))
        self._try(partial(self._conn.execute, _SET_CLOCK, (last_txn, schema_version)))
        self._try(partial(self._conn.execute, "COMMIT"))
        self.last_txn = self._ours = last_txn
        self.schema_version = schema_version

    def is_committed(self, last_txn: int) -> bool:
        try:
            if (
                self._conn.in_transaction
                or not self._conn.execute(_IS_THERE, (last_txn, last_txn)).fetchone()[0]
            ):
                return False
        except sqlite3.Error:
            return False
        self.last_txn = self._ours = last_txn
        return True

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except sqlite3.Error as error:
            raise TransactionLost(explain(error, self._path), again=False) from error

    def rollback(self) -> None:
        self._rows.forget()
        if not self._conn.in_transaction:
            return
        try:
            self._conn.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # SQLite itself has rolled it back


class MemoryWriter(SqliteWriter):
    """The writer of a store in memory, which writes while no snapshot is open."""

    def __init__(self, conn: sqlite3.Connection, gate: MemoryGate, patience: float) -> None:
        super().__init__(conn, None, patience)
        self._gate = gate
        self._inside = False

    def begin(self, deadline: Optional[float]) -> None:
        patience = self._patience
        if deadline is not None:
            patience = min(patience, deadline - time.monotonic())
        before = self.last_txn, self.schema_version
        try:
            # Already now, because an interruption may come just before or just after it has entered.
            self._inside = True
            if not self._gate.enter_alone(patience):
                self._inside = False
                raise StoreUnavailable(f"snapshots of the store in memory stayed open for {patience:.1f} s")
            super().begin(deadline)
        except BaseException:
            self._leave()
            raise
        assert before == (self.last_txn, self.schema_version)

    def commit(self, last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        super().commit(last_txn, schema_version, reach)
        self._leave()

    def rollback(self) -> None:
        super().rollback()
        self._leave()

    def _leave(self) -> None:
        if self._inside:
            self._gate.leave_alone()
            self._inside = False
