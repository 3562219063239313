"""Writes by SQL, for any backend that can run the texts in `statements`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .base import WRITE_UNIT, Transaction, write_ops
from .checksums import of_version
from .read_set import EVERYTHING, Changes, collection_path, index_path, scope_path
from .rows import change_text
from .sql_snapshot import Row, SqlSnapshot
from .statements import bulk_delete


class SqlTransaction(SqlSnapshot, Transaction):
    """A transaction that writes by SQL. A backend provides `_run`, `_changed`, `load` and the writes of entries."""

    __slots__ = ("_changes", "_loaded", "touched")

    #: what it has changed
    touched: Changes

    def _set_up(self, txn: int, last_txn: int, schema_version: int) -> None:
        self.txn, self.time = txn, txn - 1
        self.last_txn = last_txn
        self.schema_version = schema_version
        self.wrote = False
        self.bytes_written = 0
        self.write_ops = 0
        self.losses = 0
        self.note_reads()
        self.touched = Changes()
        self._changes: list[str] = []
        self._loaded = False

    @property
    def schema_is_committed(self) -> bool:
        return False

    def _run(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement, either now or together with the next ones."""
        raise NotImplementedError

    def _changed(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run a statement now. Returns how many rows it changed."""
        raise NotImplementedError

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
        if newest is None and not first:
            for row in self._all(self._sql.newest_ts, (scope, coll, doc)):
                newest = row[0]
        if newest is not None or not live:
            self._note_stale(scope, coll, doc, ts, newest)
        self.wrote = True
        self.touched.document(scope, coll, doc)
        size = 32 + (len(data) if data is not None else 0)
        self.bytes_written += size
        self.write_ops += 1 if size <= WRITE_UNIT else write_ops(size)
        self._put_version(scope, coll, doc, ts, 1 if live else 0, ttl, data)

    def _put_version(
        self, scope: int, coll: int, doc: int, ts: int, live: int, ttl: Optional[int], data: Optional[str]
    ) -> None:
        """Store a version's row, with its checksum."""
        row = (scope, coll, doc, ts, live, ttl, data, self.txn)
        self._run(self._sql.put_version, (*row, of_version(*row)))

    def _note_stale(self, scope: int, coll: int, doc: int, ts: int, newest: Optional[int]) -> None:
        """Note the times after which `purge_history` can drop something of a document: `ts`, at which a version replaces the
        one before or deletes the document; and if later versions exist, the time of the next one, which replaces it."""
        self._put_stale(scope, coll, ts, doc)
        if newest is None or newest <= ts:
            return
        for row in self._all(self._sql.next_ts, (scope, coll, doc, ts)):
            self._put_stale(scope, coll, row[0], doc)

    def _put_stale(self, scope: int, coll: int, at: int, doc: int) -> None:
        self._run(self._sql.put_stale, (scope, coll, at, doc))

    def drop_version(self, scope: int, coll: int, doc: int, ts: int) -> None:
        self.touched.document(scope, coll, doc)
        if self._changed(self._sql.drop_version, (scope, coll, doc, ts)):
            self.wrote = True

    def next_counter(self, name: str, start: int = 1) -> int:
        self.reads.name(name)
        rows = self._all(self._sql.counter, (name,))
        value: int = rows[0][0] + 1 if rows else start
        self.wrote = True
        self.touched.name(name)
        self._run(self._sql.set_counter, (name, value))
        return value

    def set_setting(self, name: str, value: str) -> None:
        self.wrote = True
        self.touched.name(name)
        self.bytes_written += len(name) + len(value)
        self._run(self._sql.set_setting, (name, value))

    def log(self, change: list[Any]) -> None:
        self.wrote = True
        text = change_text(change)
        self.bytes_written += len(text)
        self._changes.append(text)

    def bump_schema(self) -> None:
        self.wrote = True
        self.touched.all_of(EVERYTHING)
        self.schema_version += 1

    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows of a table into an empty store, as ``export`` gives them.

        They include those of the commit log, to which this transaction then adds no row of its own. Whoever has read the
        empty store learns of the change by the version of the schema.
        """
        raise NotImplementedError

    def _write_log(self) -> None:
        if self.wrote and not self._loaded:
            self._put_commit(f"[{','.join(self._changes)}]", self.touched.text())

    def _put_commit(self, changes: str, touched: str) -> None:
        self._run(self._sql.put_commit, (self.txn, changes, touched))

    # -- removing in bulk, step by step --------------------------------------------------------------------

    def _purge(self, tables: Sequence[str], where: str, parameters: Sequence[Any], limit: int) -> bool:
        left = limit
        for table in tables:
            text = self._sql.mark(bulk_delete(table, self._keys[table], where))
            gone = self._changed(text, (*parameters, left))
            self.wrote = self.wrote or gone > 0
            left -= gone
            if left <= 0:
                return True
        return False

    def purge_index(self, scope: int, index: int, limit: int) -> bool:
        self.touched.all_of(index_path(scope, index))
        return self._purge(("entry", "past_entry"), "scope = ? AND idx = ?", (scope, index), limit)

    def purge_collection(self, scope: int, coll: int, limit: int) -> bool:
        self.touched.all_of(collection_path(scope, coll))
        return self._purge(("version", "stale"), "scope = ? AND coll = ?", (scope, coll), limit)

    def purge_scope(self, scope: int, limit: int, keep: Sequence[int] = ()) -> bool:
        self.touched.all_of(scope_path(scope))
        others = f"scope = ? AND coll NOT IN ({', '.join('?' * len(keep))})" if keep else "scope = ?"
        return self._purge(("entry", "past_entry"), "scope = ?", (scope,), limit) or self._purge(
            ("version", "stale"), others, (scope, *keep), limit
        )

    def purge_ended_entries(self, scope: int, index: int, before: int, limit: int) -> bool:
        self.touched.all_of(index_path(scope, index))
        where = "scope = ? AND idx = ? AND removed <= ?"
        return self._purge(("past_entry",), where, (scope, index, before), limit)

    def purge_history(self, scope: int, coll: int, before: int, limit: int) -> bool:
        sql = self._sql
        self.touched.all_of(collection_path(scope, coll))
        left = limit
        for at, doc in self._all(sql.stale_rows, (scope, coll, before, limit)):
            left -= 1 + self._purge_document(scope, coll, doc, before, left)
            if left < 0:
                return True  # there may be more to drop of this document, so its row stays
            self.wrote = True
            self._run(sql.drop_stale, (scope, coll, at, doc))
            if left == 0:
                return True
        # No superseded versions are left, so a version whose ttl has passed is the only one of its document, and can go.
        expired = self._all(sql.ttl_before, (scope, coll, before, before, left))
        for doc, ts in expired:
            self.wrote = True
            self._run(sql.drop_version, (scope, coll, doc, ts))
        return len(expired) == left

    def _purge_document(self, scope: int, coll: int, doc: int, before: int, limit: int) -> int:
        """Drop up to `limit` versions of a document that are not needed any more. Returns how many were dropped."""
        kept = self.version(scope, coll, doc, before)
        if kept is None:
            return 0
        key = (scope, coll, doc)
        gone = self._changed(self._sql.drop_superseded, (*key, *key, kept.ts, limit))
        expired = kept.ttl is not None and kept.ttl <= before
        if gone < limit and (expired or not kept.live):
            gone += self._changed(self._sql.drop_version, (*key, kept.ts))
        self.wrote = self.wrote or gone > 0
        return gone
