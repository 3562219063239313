"""Reads from SQLite: what snapshots and transactions have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Optional

from .checksums import UNMIXED, is_whole, is_whole_text, verified
from .read_set import ReadSet
from .rows import EntryRow, VersionRow, new_entry, new_version
from .sql_snapshot import Row, SqlSnapshot
from .sqlite_schema import explain
from .statements import ENTRY_COLUMNS, VERSION_COLUMNS, Statements, entry_statement

_LIVE_COLUMNS = f"{ENTRY_COLUMNS}, NULL"
_ENDED_COLUMNS = f"{ENTRY_COLUMNS}, removed"
_Choice = tuple[bool, bool, bool]


def _statements(table: str, columns: str, conditions: str) -> dict[_Choice, str]:
    """Statements for batches of entries, by whether there is a lower bound, whether there is an upper one, and descending."""
    return {
        (lower, upper, reverse): entry_statement(
            table,
            columns,
            f"{' AND vals >= ?' if lower else ''}{' AND vals < ?' if upper else ''}{conditions}",
            "vals DESC" if reverse else "vals",
        )
        for lower in (False, True)
        for upper in (False, True)
        for reverse in (False, True)
    }


_LIVE = _statements("entry", _LIVE_COLUMNS, "")
_LIVE_AT = _statements("entry", _LIVE_COLUMNS, " AND added <= ?")
_ENDED_AT = _statements("past_entry", _ENDED_COLUMNS, " AND added <= ? AND removed > ?")
_ENDED_SINCE = entry_statement("past_entry", _ENDED_COLUMNS, " AND removed > ?", "vals, added")
_ENDED_SINCE_AFTER = entry_statement(
    "past_entry", _ENDED_COLUMNS, " AND removed > ? AND (vals, added) > (?, ?)", "vals, added"
)


# CROSS JOIN makes SQLite search for one document after another, in the given order.
_NEWEST_OF = (
    f"SELECT doc, {VERSION_COLUMNS} FROM json_each(?) CROSS JOIN version ON scope = ? AND coll = ? AND doc = value"
    " AND ts = (SELECT max(n.ts) FROM version n WHERE n.scope = ? AND n.coll = ? AND n.doc = value)"
)
#: The text of a version that is live and does not expire; NULL of others.
_TEXT = "CASE WHEN live = 1 AND ttl IS NULL THEN data END"
TEXT_OF = f"SELECT ts, {_TEXT}, {UNMIXED} FROM version WHERE scope = ? AND coll = ? AND doc = ? ORDER BY ts DESC LIMIT 1"
_TEXTS_OF = (
    f"SELECT doc, ts, {_TEXT} FROM json_each(?) CROSS JOIN version ON scope = ? AND coll = ? AND doc = value AND ts ="
    " (SELECT n.ts FROM version n WHERE n.scope = ? AND n.coll = ? AND n.doc = value ORDER BY n.ts DESC LIMIT 1)"
)
_TEXTS_BETWEEN = f"SELECT doc, ts, {_TEXT} FROM version WHERE scope = ? AND coll = ? AND doc BETWEEN ? AND ? ORDER BY doc, ts"
_FIRST_ENTRY = (
    "SELECT vals, CASE WHEN ttl IS NULL THEN coll END, doc, ifnull(length(cover), 0) FROM entry"
    " WHERE scope = ? AND idx = ? AND terms = ? ORDER BY vals LIMIT 1"
)
#: Versions met before a walk along them is looked at for the first time.
_STEPS = 8


class SqliteReads(SqlSnapshot):
    """Reads on a sqlite3 connection."""

    __slots__ = ()

    _sql = Statements("?")
    _conn: sqlite3.Connection
    _path: Optional[str]

    def _to_read_versions(self, doc: int) -> sqlite3.Connection:
        """The connection, to read the versions of a document."""
        return self._conn

    def _to_read_entries(self, terms: bytes) -> sqlite3.Connection:
        """The connection, to read live entries with these terms."""
        return self._conn

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            return self._conn.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        # Written out for the newest version, which is the most frequent read.
        if at is not None:
            return super().version(scope, coll, doc, at)
        try:
            row = self._to_read_versions(doc).execute(self._sql.newest, (scope, coll, doc)).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        self.reads.document(scope, coll, doc)
        if row is None:
            return None
        if not is_whole(scope, coll, doc, row):
            verified(scope, coll, doc, row)
        ts, live, ttl, data, txn, _ = row
        if ttl is not None and ttl > self.time:
            self.reads.expires(ttl)
        found: VersionRow = new_version((ts, live == 1, ttl, data, txn))
        return found

    def _newest_rows(self, scope: int, coll: int, docs: Sequence[int]) -> list[Row]:
        return self._all(_NEWEST_OF, (str(list(docs)), scope, coll, scope, coll))

    def texts_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, tuple[int, str]]:
        # As in any backend; written out for pages, where each column of each row counts.
        self.reads.documents(scope, coll, docs)
        try:
            found, others = self._walk(scope, coll, docs) if docs else ({}, [])
            if others:
                for doc, ts, text in self._all(_TEXTS_OF, (str(others), scope, coll, scope, coll)):
                    found[doc] = ts, text
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        return {doc: newest for doc, newest in found.items() if newest[1] is not None}

    def _walk(
        self, scope: int, coll: int, docs: Sequence[int]
    ) -> tuple[dict[int, tuple[int, Any]], list[int]]:
        """Walk along the versions of a collection from the first document wanted to the last one, as long as half of those
        met are wanted, as on a page of the collection: a step takes less than half of a search. Returns the newest
        versions found, and the documents that are left."""
        wanted = set(docs)
        found: dict[int, tuple[int, Any]] = {}
        cursor = self._conn.execute(_TEXTS_BETWEEN, (scope, coll, min(wanted), max(wanted)))
        met = 0
        while True:
            count = met or _STEPS
            rows = cursor.fetchmany(count)
            for doc, ts, text in rows:
                if doc in wanted:
                    found[doc] = ts, text
            met += len(rows)
            if len(rows) < count:
                return found, []
            if 2 * len(found) < met:
                cursor.close()
                found.pop(doc, None)  # it may have later versions
                return found, [each for each in wanted if each >= doc]

    def first_entry(self, scope: int, index: int, terms: bytes) -> Optional[tuple[Optional[int], int, int]]:
        # As in any backend; written out, because every match of one document asks this. `sqlite3` searches for an adapter of
        # bytes, but not of a bytearray.
        try:
            entry = (
                self._to_read_entries(terms)
                .execute(_FIRST_ENTRY, (scope, index, bytearray(terms)))
                .fetchone()
            )
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        if entry is None:
            self.reads.range(scope, index, terms)
            return None
        key, coll, doc, size = entry
        self.reads.range(scope, index, terms, None, key + b"\0")
        return coll, doc, len(key) + size

    def _explain(self, error: sqlite3.Error) -> Exception:
        if isinstance(error, (sqlite3.ProgrammingError, sqlite3.DataError)):
            return error  # a fault of the calling code, such as a parameter of the wrong type
        return explain(error, self._path)

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
        # As a bytearray: `sqlite3` searches for an adapter of bytes.
        parameters: list[Any] = [scope, index, bytearray(terms)]
        if lower is not None:
            parameters.append(lower)
        if upper is not None:
            parameters.append(upper)
        table = _LIVE
        if ended:
            table = _ENDED_AT
            parameters += (at, at)
        elif at is not None:
            table = _LIVE_AT
            parameters.append(at)
        parameters.append(count)
        text = table[lower is not None, upper is not None, reverse]
        try:
            conn = self._conn if ended else self._to_read_entries(terms)
            return list(map(new_entry, conn.execute(text, parameters)))
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def _ended_batch(
        self, scope: int, index: int, terms: bytes, since: int, after: Optional[tuple[bytes, int]], count: int
    ) -> list[EntryRow]:
        if after is None:
            rows = self._all(_ENDED_SINCE, (scope, index, terms, since, count))
        else:
            rows = self._all(_ENDED_SINCE_AFTER, (scope, index, terms, since, *after, count))
        return list(map(new_entry, rows))


class SnapshotReads(SqliteReads):
    """Reads of a snapshot. Most queries read one document: it is noted by itself, and a read set is made when more is read, or
    when somebody asks for it."""

    __slots__ = ("_first", "_reads")

    #: the document that was read first, and the read set, as long as they are there
    _first: Optional[tuple[int, int, int]]
    _reads: Optional[ReadSet]

    @property
    def reads(self) -> ReadSet:  # type: ignore[override]
        reads = self._reads
        if reads is None:
            reads = self._reads = ReadSet()
            if self._first is not None:
                reads.document(*self._first)
        return reads

    def note_reads(self) -> ReadSet:
        reads = self._reads = ReadSet()
        return reads

    def text_of(self, scope: int, coll: int, doc: int) -> Optional[tuple[int, str]]:
        # Each column costs a twentieth of a read, so SQL works out what it can. This is the most frequent read of all.
        document = scope, coll, doc
        try:
            row = self._conn.execute(TEXT_OF, document).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        if row is None:
            return None
        ts, text, content = row
        if text is None or not is_whole_text(scope, coll, doc, text, content):
            return None
        if self._reads is None and self._first is None:
            self._first = document
        else:
            self.reads.document(scope, coll, doc)
        return ts, text
