"""Collects inserts, so that one statement writes many rows of a table, of all writers in a group commit."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Optional

from .statements import Statements

#: The most rows of a table that wait.
MAX_WAITING = 256
#: Rows that one statement inserts. The rest of those that wait is inserted one by one.
TOGETHER = 8


class Insert:
    """A write whose rows wait. one, together: the statements for one row and for `TOGETHER` (None: there is no such
    statement); width: parameters of a row."""

    __slots__ = ("one", "together", "width")

    def __init__(self, one: str, together: Optional[str] = None) -> None:
        self.one = one
        self.together = together
        self.width = one.count("?")


def _insert(sql: str, row: str) -> Insert:
    """sql: an insert with a parameter for each column. row: what is given for one row in place of these."""
    head, _, rest = sql.partition("(?")
    tail = rest.partition(")")[2]
    return Insert(head + row + tail, head + ", ".join([row] * TOGETHER) + tail)


_sql = Statements("?")
PUT_LIVE = (
    "INSERT OR REPLACE INTO entry (scope, idx, terms, vals, coll, doc, cover, ttl, added)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# `sqlite3` searches for an adapter of each parameter that is not an int, float, str or bytearray, which takes as long as
# inserting a few of these. So these statements say themselves what is NULL, and bytes are given as bytearrays.
#: Versions without ttl.
VERSIONS = _insert(_sql.put_version, "(?, ?, ?, ?, ?, NULL, ?, ?, ?)")
#: Live entries without ttl: those of a collection's set of all its documents, others, and those with a cover.
DOCUMENTS = _insert(PUT_LIVE, "(?, ?, x'', ?, ?, ?, NULL, NULL, ?)")
ENTRIES = _insert(PUT_LIVE, "(?, ?, ?, ?, ?, ?, NULL, NULL, ?)")
COVERED = _insert(PUT_LIVE, "(?, ?, ?, ?, ?, ?, ?, NULL, ?)")
STALE = _insert(_sql.put_stale, "(?, ?, ?, ?)")
COMMITS = _insert(_sql.put_commit, "(?, ?, ?)")

_LIVE_ENTRY = "FROM entry WHERE scope = ? AND idx = ? AND terms = ? AND vals = ?"
#: Move a live entry of an earlier transaction to those that have ended. See `WritingConnection.ends`.
PUT_ENDED = (
    "INSERT OR REPLACE INTO past_entry (scope, idx, terms, vals, coll, doc, cover, ttl, added, removed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ENDED = Insert(
    f"{PUT_ENDED.partition(' VALUES')[0]} SELECT scope, idx, terms, vals, coll, doc, cover, ttl, added, ? {_LIVE_ENTRY}"
)
DROPPED = Insert(f"DELETE {_LIVE_ENTRY}")

#: The parameters of all rows, one after the other, by what inserts them.
_Rows = defaultdict[Insert, list[Any]]

_NEW_ENTRIES = frozenset((DOCUMENTS, ENTRIES, COVERED))
_CHANGED_ENTRIES = _NEW_ENTRIES | {DROPPED}


class WritingConnection:
    """The connection for writing, as the works of a group commit use it one after another.

    Rows to be inserted wait until something else is executed, or until `flush`; reads of what does not wait do not count. So a
    work that inserts, and reads what no other work of the group has written, runs no other statement of its own and needs no
    savepoint. A row that SQLite may be unable to store does not wait, so that the error is raised in
    the work that inserts it.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        #: the waiting rows of works that have ended
        self._earlier: _Rows = defaultdict(list)
        #: the waiting rows of the running work. A row that SQLite can surely store (`is_storable`) may be added.
        self.waiting: _Rows = defaultdict(list)
        #: whether the next statement needs a savepoint before it, and whether there is one for the running work
        self._to_guard = self._guarded = False
        #: whether rows are being moved to `_earlier`, or written from there. If it stays so, it is not known whose rows wait.
        self.moving = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """As `sqlite3.Connection.execute`."""
        self.flush()
        return self._conn.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Any:
        self.flush()
        return self._conn.executemany(sql, rows)

    def to_read_versions(self, doc: int) -> sqlite3.Connection:
        """The connection, to read the versions of a document: none of them waits. Raises sqlite3.Error."""
        if self._waits(VERSIONS, doc):
            self.flush()
        return self._conn

    def to_read_entries(self, terms: bytes) -> sqlite3.Connection:
        """The connection, to read live entries with these terms: no change of them waits. Raises sqlite3.Error."""
        if (
            not terms
            or self._waits(ENTRIES, terms)
            or self._waits(COVERED, terms)
            or self._waits(DROPPED, terms)
        ):
            self.flush()
        return self._conn

    def _waits(self, insert: Insert, given: Any) -> bool:
        """Whether a row waits whose third parameter is this: the id of a version's document, or the terms of an entry."""
        for rows in (self._earlier, self.waiting):
            parameters = rows.get(insert)
            if parameters is not None and given in parameters[2 :: insert.width]:
                return True
        return False

    def ends(self) -> None:
        """Make sure that a row of `ENDED` may be added, and one of `DROPPED` with it, for an entry that the running work has
        not ended before: the entry as it is now must not wait itself. Raises sqlite3.Error.
        """
        if not (_NEW_ENTRIES.isdisjoint(self.waiting) and _CHANGED_ENTRIES.isdisjoint(self._earlier)):
            self.flush()

    def guard(self) -> None:
        """Tell that a work begins which must be undone alone, without those before it, if it fails (`undo`)."""
        self.moving = True
        if self._guarded:
            self._conn.execute("RELEASE work")
        for insert, parameters in self.waiting.items():
            self._earlier[insert] += parameters
        self.waiting.clear()
        self._to_guard, self._guarded = True, False
        self.moving = False

    def undo(self) -> None:
        """Undo the running work."""
        self.waiting.clear()
        if self._guarded:
            self._conn.execute("ROLLBACK TO work")

    def forget(self) -> None:
        """Tell that the transaction is over, or was never begun: drop all that waits."""
        self._earlier.clear()
        self.waiting.clear()
        self._to_guard = self._guarded = self.moving = False

    def finish(self) -> None:
        """Write all that waits, when all works have ended. Raises sqlite3.Error."""
        self._to_guard = False
        self.flush()

    def flush(self) -> None:
        """Write all that waits, so that it can be read. Raises sqlite3.Error."""
        if self._earlier:
            self.moving = True
            self._write(self._earlier)
            self._earlier.clear()
            self.moving = False
        if self._to_guard:
            self._conn.execute("SAVEPOINT work")
            self._to_guard, self._guarded = False, True
        if self.waiting:
            self._write(self.waiting)
            self.waiting.clear()

    def _write(self, rows: _Rows) -> None:
        # In the order in which rows of each kind have first come, so that entries end before others are inserted.
        for insert, parameters in rows.items():
            count, width, together = len(parameters), insert.width, insert.together
            if count == width:
                self._conn.execute(insert.one, parameters)
                continue
            step = width * TOGETHER
            rest = 0
            if together is not None and count >= step:
                rest = count - count % step
                many = [parameters[start : start + step] for start in range(0, rest, step)]
                self._conn.executemany(together, many)
            if rest < count:
                many = [parameters[start : start + width] for start in range(rest, count, width)]
                self._conn.executemany(insert.one, many)


_INT64 = 1 << 63


def is_storable(text: Optional[str], time: int) -> bool:
    """Whether it is sure, without trying, that SQLite can store a text and a time given by users."""
    if not -_INT64 <= time < _INT64:
        return False
    if text is None or text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
