"""Snapshots and transactions over SQL, for any backend that can run :mod:`.statements`."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Optional

from .base import EntryRow, Snapshot, StoreError, Transaction, VersionRow, write_ops
from .checksums import of_version, verified
from .read_set import (
    EVERYTHING,
    Changes,
    collection_path,
    index_path,
    scope_path,
)
from .statements import COPIED, KEYS, Statements, bulk_delete, export_statement

#: Rows of the first batch of a scan, and of the following ones.
FIRST_BATCH = 65  # a page of the usual size, and the entry that follows it
NEXT_BATCH = 512
#: Rows of a batch when a whole table is copied.
COPY_BATCH = 1000

LOWEST = -(2**63)

Row = tuple[Any, ...]


_encode_change = json.JSONEncoder(separators=(",", ":")).encode


class ClosedConnection:
    """Stands in for the connection of a snapshot that was closed."""

    def execute(self, *_: Any) -> Any:
        raise StoreError("the snapshot is closed")


CLOSED: Any = ClosedConnection()


class SqlSnapshot(Snapshot):
    """Reads. A backend gives ``_all`` and the batches of entries."""

    __slots__ = ()

    _sql: Statements
    _keys = KEYS

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Run a query and return all its rows. Raises StoreError when closed or broken."""
        raise NotImplementedError

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        if at is None:
            rows = self._all(self._sql.newest, (scope, coll, doc))
        else:
            rows = self._all(self._sql.newest_at, (scope, coll, doc, at))
        self.reads.document(scope, coll, doc)
        if not rows:
            return None
        found = verified(scope, coll, doc, rows[0])
        ttl = found.ttl
        if ttl is not None and ttl > self.time:
            self.reads.expires(ttl)
        return found

    def newest_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, VersionRow]:
        found = {}
        # Not verified: that would be a tenth of what a document on a page costs.
        for doc, ts, live, ttl, data, txn, _ in self._newest_rows(scope, coll, docs):
            if ttl is not None and ttl > self.time:
                self.reads.expires(ttl)
            found[doc] = VersionRow(ts, live == 1, ttl, data, txn)
        self.reads.documents(scope, coll, docs)
        return found

    def _newest_rows(self, scope: int, coll: int, docs: Sequence[int]) -> list[Row]:
        """The id of each document that has any version, and the newest one's columns."""
        raise NotImplementedError

    def versions(
        self,
        scope: int,
        coll: int,
        doc: int,
        *,
        lower: Optional[int] = None,
        upper: Optional[int] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
    ) -> Iterator[VersionRow]:
        self.reads.document(scope, coll, doc)
        low = LOWEST if lower is None else lower
        size = FIRST_BATCH
        while limit is None or limit > 0:
            count = size if limit is None else min(size, limit)
            bounds = (low,) if upper is None else (low, upper)
            text = self._sql.versions[upper is not None, reverse]
            rows = self._all(text, (scope, coll, doc, *bounds, count))
            for row in rows:
                yield verified(scope, coll, doc, row)
            if len(rows) < count:
                return
            if limit is not None:
                limit -= count
            if reverse:
                upper = rows[-1][0] - 1
            else:
                low = rows[-1][0] + 1
            size = NEXT_BATCH

    def entries(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: Optional[bytes] = None,
        upper: Optional[bytes] = None,
        reverse: bool = False,
        at: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[EntryRow]:
        if at is None:
            if limit is not None and 0 < limit <= FIRST_BATCH:
                rows = self._live(scope, index, terms, lower, upper, reverse, None, limit)
                self._note_range(scope, index, terms, lower, upper, reverse, rows, limit)
                return iter(rows)
            return self._stream(scope, index, terms, lower, upper, reverse, None, limit)
        return self._entries_at(scope, index, terms, lower, upper, reverse, at, limit)

    def _entries_at(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        at: int,
        limit: Optional[int],
    ) -> Iterator[EntryRow]:
        live = self._stream(scope, index, terms, lower, upper, reverse, at, limit)
        ended = self._stream(scope, index, terms, lower, upper, reverse, at, limit, ended=True)
        merged = heapq.merge(live, ended, key=_values_of, reverse=reverse)
        return merged if limit is None else islice(merged, max(limit, 0))

    def _stream(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        at: Optional[int],
        limit: Optional[int],
        ended: bool = False,
    ) -> Iterator[EntryRow]:
        fetch = self._ended if ended else self._live
        size = FIRST_BATCH
        while limit is None or limit > 0:
            count = size if limit is None else min(size, limit)
            rows = fetch(scope, index, terms, lower, upper, reverse, at, count)
            self._note_range(scope, index, terms, lower, upper, reverse, rows, count)
            yield from rows
            if len(rows) < count:
                return
            if limit is not None:
                limit -= count
            if reverse:
                upper = rows[-1].values
            else:
                lower = rows[-1].values + b"\0"  # the very next byte string
            size = NEXT_BATCH

    def _note_range(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes],
        upper: Optional[bytes],
        reverse: bool,
        rows: list[EntryRow],
        count: int,
    ) -> None:
        """Note a batch of entries as read: up to its last one when there may be more."""
        reads = self.reads
        if len(rows) == count and rows:
            if reverse:
                lower = rows[-1].values
            else:
                upper = rows[-1].values + b"\0"
        reads.range(scope, index, terms, lower, upper)
        for row in rows:
            if row.ttl is not None and row.ttl > self.time:
                reads.expires(row.ttl)

    def history(
        self, scope: int, index: int, terms: bytes, *, since: Optional[int] = None
    ) -> Iterator[EntryRow]:
        self.reads.range(scope, index, terms)
        live = self._stream(scope, index, terms, None, None, False, None, None)
        ended = self._ended_history(scope, index, terms, LOWEST if since is None else since)
        return heapq.merge(live, ended, key=_values_and_added_of)

    def change_times(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: int,
        upper: int,
        reverse: bool = False,
        limit: int,
    ) -> list[int]:
        self.reads.range(scope, index, terms)
        span = (scope, index, self._terms_key(terms), lower, upper)
        rows = self._all(self._sql.change_times[reverse], (*span, *span, *span, limit))
        return [row[0] for row in rows]

    def changes(self, scope: int, index: int, terms: bytes, *, lower: int, upper: int) -> list[EntryRow]:
        self.reads.range(scope, index, terms)
        span = (scope, index, self._terms_key(terms), lower, upper)
        live = self._all(self._sql.live_changes, span)
        ended = self._all(self._sql.ended_changes, (*span, lower, upper))
        return self._entry_rows([*live, *ended])

    def _terms_key(self, terms: bytes) -> bytes:
        """What stands for terms in the key of the tables."""
        return terms

    def _entry_rows(self, rows: Sequence[Row]) -> list[EntryRow]:
        return list(map(EntryRow._make, rows))

    def _ended_history(self, scope: int, index: int, terms: bytes, since: int) -> Iterator[EntryRow]:
        after: Optional[tuple[bytes, int]] = None
        while True:
            rows = self._ended_batch(scope, index, terms, since, after, NEXT_BATCH)
            yield from rows
            if len(rows) < NEXT_BATCH:
                return
            after = (rows[-1].values, rows[-1].added)

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
        """A batch of live entries, with ``at`` those added by then."""
        raise NotImplementedError

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
        """A batch of ended entries alive at ``at``."""
        raise NotImplementedError

    def _ended_batch(
        self, scope: int, index: int, terms: bytes, since: int, after: Optional[tuple[bytes, int]], count: int
    ) -> list[EntryRow]:
        """A batch of ended entries removed after ``since``, beyond ``after`` in order of (values, added)."""
        raise NotImplementedError

    def export(self, table: str) -> Iterator[list[Row]]:
        """Every row of a table (columns: ``COPIED``), in batches."""
        key, columns = self._keys[table], COPIED[table]
        width = len(key.split(","))
        after: Sequence[Any] = ()
        while True:
            text = self._sql.mark(export_statement(table, key, ", ".join(columns), bool(after)))
            rows = self._all(text, (*after, COPY_BATCH))
            if rows:
                yield rows
            if len(rows) < COPY_BATCH:
                return
            after = rows[-1][:width]

    def scan_documents(self, scope: int, coll: int, *, after: Optional[int] = None, limit: int) -> list[int]:
        self.reads.all_of(collection_path(scope, coll))
        if after is None:
            rows = self._all(self._sql.scan_documents, (scope, coll, limit))
        else:
            rows = self._all(self._sql.scan_documents_after, (scope, coll, after, limit))
        return [row[0] for row in rows]

    def expired_documents(self, scope: int, coll: int, before: int, limit: int) -> list[int]:
        self.reads.all_of(collection_path(scope, coll))
        return [row[0] for row in self._all(self._sql.expired_documents, (scope, coll, before, limit))]

    def count_versions(self, scope: int, coll: int, limit: int) -> int:
        self.reads.all_of(collection_path(scope, coll))
        count: int = self._all(self._sql.count_versions, (scope, coll, limit))[0][0]
        return count

    def counter(self, name: str) -> int:
        self.reads.name(name)
        rows = self._all(self._sql.counter, (name,))
        return rows[0][0] if rows else 0

    def setting(self, name: str) -> Optional[str]:
        self.reads.name(name)
        rows = self._all(self._sql.setting, (name,))
        return rows[0][0] if rows else None

    def commits(self, after: int, limit: int = 1000) -> list[tuple[int, str]]:
        return [(txn, changes) for txn, changes in self._all(self._sql.commits, (after, limit))]

    def changed(self, after: int, limit: int = 1000) -> list[tuple[int, Changes]]:
        return [(txn, Changes.parse(text)) for txn, text in self._all(self._sql.changed, (after, limit))]


class SqlTransaction(SqlSnapshot, Transaction):
    """Writes. A backend gives ``_run``, ``_changed`` and the writes of entries."""

    __slots__ = ("_changes", "_loaded", "touched")

    #: What has been changed.
    touched: Changes

    def _set_up(self, txn: int, last_txn: int, schema_version: int) -> None:
        self.txn = self.time = txn
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
        """Run a statement, now or together with the next ones."""
        raise NotImplementedError

    def _changed(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run a statement now and say how many rows it touched."""
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
    ) -> None:
        sql = self._sql
        newest = [] if first else self._all(sql.newest_ts, (scope, coll, doc))
        if newest or not live:
            self._note_stale(scope, coll, doc, ts, newest[0][0] if newest else None)
        self.wrote = True
        self.touched.document(scope, coll, doc)
        size = 32 + (len(data) if data is not None else 0)
        self.bytes_written += size
        self.write_ops += write_ops(size)
        self._put_version(scope, coll, doc, ts, 1 if live else 0, ttl, data)

    def _put_version(
        self, scope: int, coll: int, doc: int, ts: int, live: int, ttl: Optional[int], data: Optional[str]
    ) -> None:
        """Store the row of a version, with its checksum."""
        row = (scope, coll, doc, ts, live, ttl, data, self.txn)
        self._run(self._sql.put_version, (*row, of_version(*row)))

    def _note_stale(self, scope: int, coll: int, doc: int, ts: int, newest: Optional[int]) -> None:
        """Note when history becomes droppable: at ``ts``, and where this one comes before another."""
        self._run(self._sql.put_stale, (scope, coll, ts, doc))
        if newest is None or newest <= ts:
            return
        for row in self._all(self._sql.next_ts, (scope, coll, doc, ts)):
            self._run(self._sql.put_stale, (scope, coll, row[0], doc))

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
        if len(change) == 5 and change[0] == "put":  # what nearly all are: numbers
            text = '["put",%d,%d,%d,%d]' % tuple(change[1:])
        else:
            text = _encode_change(change)
        self.bytes_written += len(text)
        self._changes.append(text)

    def bump_schema(self) -> None:
        self.wrote = True
        self.touched.all_of(EVERYTHING)
        self.schema_version += 1

    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows as ``export`` gives them, into an empty store.

        The commit log is among them; this transaction adds no row of its own. Who had read the empty store learns of it
        by the schema's version.
        """
        raise NotImplementedError

    def _write_log(self) -> None:
        if self.wrote and not self._loaded:
            changes = f"[{','.join(self._changes)}]"
            self._run(self._sql.put_commit, (self.txn, changes, self.touched.text()))

    # -- removal in steps ----------------------------------------------------------------------------------

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
                return True  # this document may have more; its row stays
            self.wrote = True
            self._run(sql.drop_stale, (scope, coll, at, doc))
            if left == 0:
                return True
        # With nothing superseded left, a version whose ttl has passed stands alone and goes.
        expired = self._all(sql.ttl_before, (scope, coll, before, before, left))
        for doc, ts in expired:
            self.wrote = True
            self._run(sql.drop_version, (scope, coll, doc, ts))
        return len(expired) == left

    def _purge_document(self, scope: int, coll: int, doc: int, before: int, limit: int) -> int:
        """Drop up to ``limit`` of what one document no longer needs; return how many versions went."""
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


def _values_of(row: EntryRow) -> bytes:
    return row.values


def _values_and_added_of(row: EntryRow) -> tuple[bytes, int]:
    return row.values, row.added
