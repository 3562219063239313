"""Reads by SQL, for any backend that can run the texts in `statements`."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Optional

from .base import Snapshot
from .checksums import verified
from .errors import StoreError
from .read_set import Changes, collection_path
from .rows import EntryRow, VersionRow, new_version, values_and_added_of, values_of
from .statements import COPIED, KEYS, Statements, export_statement

#: How many rows the first batch of a scan has: a page of the usual size and the entry after it. Then the following ones.
FIRST_BATCH = 65
NEXT_BATCH = 512
#: How many rows a batch has when a whole table is read.
COPY_BATCH = 1000

#: The lowest 64-bit integer.
LOWEST = -(2**63)

Row = tuple[Any, ...]


class ClosedConnection:
    """In place of the connection of a snapshot that is closed."""

    def execute(self, *_: Any) -> Any:
        raise StoreError("the snapshot is closed")

    to_read_versions = to_read_entries = execute  # of a `WritingConnection`


CLOSED: Any = ClosedConnection()


class SqlSnapshot(Snapshot):
    """A snapshot that is read by SQL. A backend provides the methods that raise NotImplementedError here."""

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
        # Checksums are not verified here: that would add a tenth to the time that a document on a page takes.
        found = {
            doc: new_version((ts, live == 1, ttl, data, txn))
            for doc, ts, live, ttl, data, txn, _ in self._newest_rows(scope, coll, docs)
        }
        for ttl in [row[2] for row in found.values() if row[2] is not None]:
            if ttl > self.time:
                self.reads.expires(ttl)
        self.reads.documents(scope, coll, docs)
        return found

    def _newest_rows(self, scope: int, coll: int, docs: Sequence[int]) -> list[Row]:
        """For each document that has any version: its id and the columns of the newest one."""
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
                rows = self._batch(scope, index, terms, lower, upper, reverse, None, limit)
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
        merged = heapq.merge(live, ended, key=values_of, reverse=reverse)
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
        size = FIRST_BATCH
        while limit is None or limit > 0:
            count = size if limit is None else min(size, limit)
            rows = self._batch(scope, index, terms, lower, upper, reverse, at, count, ended)
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
        """Note a batch of up to `count` entries as read. If there may be more, the range ends at the last one."""
        reads = self.reads
        if len(rows) == count and rows:
            if reverse:
                lower = rows[-1].values
            else:
                upper = rows[-1].values + b"\0"
        reads.range(scope, index, terms, lower, upper)
        for ttl in [row[4] for row in rows if row[4] is not None]:
            if ttl > self.time:
                reads.expires(ttl)

    def history(
        self, scope: int, index: int, terms: bytes, *, since: Optional[int] = None
    ) -> Iterator[EntryRow]:
        self.reads.range(scope, index, terms)
        live = self._stream(scope, index, terms, None, None, False, None, None)
        ended = self._ended_history(scope, index, terms, LOWEST if since is None else since)
        return heapq.merge(live, ended, key=values_and_added_of)

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
        """What the tables have for terms in their keys."""
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
        """Up to `count` entries: live ones, with `at` only those that were added by then; or ended ones that were alive at
        `at`."""
        raise NotImplementedError

    def _ended_batch(
        self, scope: int, index: int, terms: bytes, since: int, after: Optional[tuple[bytes, int]], count: int
    ) -> list[EntryRow]:
        """A batch of ended entries that were removed after `since`, in the order of (values, added), beginning after
        `after`."""
        raise NotImplementedError

    def export(self, table: str) -> Iterator[list[Row]]:
        """All rows of a table, in batches, with the columns in `statements.COPIED`."""
        return self._export(table, ", ".join(COPIED[table]))

    def _export(self, table: str, columns: str) -> Iterator[list[Row]]:
        """All rows of a table, in batches. columns: the first of them must be those of its key."""
        key = self._keys[table]
        width = len(key.split(","))
        after: Sequence[Any] = ()
        while True:
            text = self._sql.mark(export_statement(table, key, columns, bool(after)))
            rows = self._all(text, (*after, COPY_BATCH))
            if rows:
                yield rows
            if len(rows) < COPY_BATCH:
                return
            after = rows[-1][:width]

    def histories(self, scope: int, coll: int) -> Iterator[tuple[int, list[Row]]]:
        """All documents of a collection that have any version: the id, and the rows of the versions, which may be damaged.

        It reads them in batches, for who reads the whole collection: a read for each document would take many times as long.
        """
        after, ts, history = LOWEST, LOWEST, []  # type: int, int, list[Row]
        while True:
            rows = self._all(self._sql.histories, (scope, coll, after, ts, COPY_BATCH))
            for doc, *row in rows:
                if history and doc != after:
                    yield after, history
                    history = []
                after = doc
                history.append(tuple(row))
            if len(rows) < COPY_BATCH:
                break
            ts = rows[-1][1]
        if history:
            yield after, history

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
