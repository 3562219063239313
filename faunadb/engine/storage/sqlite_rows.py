"""Collects inserts, so that one statement writes many rows of a table, of all writers in a group commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Optional

from .statements import Statements

#: The most rows of a table that wait.
MAX_WAITING = 256

PUT_LIVE = (
    "INSERT OR REPLACE INTO entry (scope, idx, terms, vals, coll, doc, cover, ttl, added)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_sql = Statements("?")
#: The inserts that may wait, and where in their parameters there is a text, a time that users give, and a time to live.
_MAY_WAIT: dict[str, Optional[tuple[int, int, int]]] = {
    _sql.put_version: (6, 3, 5),
    PUT_LIVE: (6, 8, 7),
    _sql.put_commit: None,
}
_INT64 = 1 << 63

#: Rows by the statement that inserts them.
_Rows = dict[str, list[Sequence[Any]]]


def _none() -> _Rows:
    return {sql: [] for sql in _MAY_WAIT}


class WritingConnection:
    """The connection for writing, as the works of a group commit use it one after another.

    Rows to be inserted wait until something else is executed, or until `flush`. So a work that only inserts runs no statement
    of its own and needs no savepoint. A row that SQLite may be unable to store does not wait, so that the error is raised in
    the work that inserts it.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        #: the waiting rows of works that have ended
        self._earlier: _Rows = {}
        #: the waiting rows of the running work. A row that SQLite can surely store may be added directly.
        self.waiting = _none()
        #: whether the next statement needs a savepoint before it, and whether there is one for the running work
        self._to_guard = self._guarded = False
        #: whether rows in `_earlier` are being written
        self._writing = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """As `sqlite3.Connection.execute`. It returns None for an insert that waits."""
        if sql in _MAY_WAIT and _can_be_stored(_MAY_WAIT[sql], parameters):
            rows = self.waiting[sql]
            rows.append(parameters)
            if len(rows) >= MAX_WAITING:
                self.flush()
            return None
        self.flush()
        return self._conn.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Any:
        self.flush()
        return self._conn.executemany(sql, rows)

    def guard(self) -> None:
        """Tell that a work begins which must be undone alone, without those before it, if it fails (`undo`)."""
        if self._guarded:
            self._conn.execute("RELEASE work")
        for sql, rows in self.waiting.items():
            if rows:
                self._earlier.setdefault(sql, []).extend(rows)
        self.waiting = _none()
        self._to_guard, self._guarded = True, False

    def undo(self) -> None:
        """Undo the running work. Raises sqlite3.Error if writing the rows of those before it was interrupted."""
        if self._writing:
            raise sqlite3.OperationalError("interrupted")
        self.waiting = _none()
        if self._guarded:
            self._conn.execute("ROLLBACK TO work")

    def forget(self) -> None:
        """Tell that the transaction is over, or was never begun: drop all that waits."""
        self._earlier, self.waiting = {}, _none()
        self._to_guard = self._guarded = self._writing = False

    def finish(self) -> None:
        """Write all that waits, when all works have ended. Raises sqlite3.Error."""
        self._to_guard = False
        self.flush()

    def flush(self) -> None:
        """Write all that waits, so that it can be read. Raises sqlite3.Error."""
        if self._earlier:
            self._writing = True
            self._write(self._earlier)
            self._earlier = {}
            self._writing = False
        if self._to_guard:
            self._conn.execute("SAVEPOINT work")
            self._to_guard, self._guarded = False, True
        if any(self.waiting.values()):
            self._write(self.waiting)
            self.waiting = _none()

    def _write(self, rows: _Rows) -> None:
        for sql, many in rows.items():
            if len(many) == 1:
                self._conn.execute(sql, many[0])
            elif many:
                self._conn.executemany(sql, many)


def _can_be_stored(places: Optional[tuple[int, int, int]], parameters: Sequence[Any]) -> bool:
    """Whether it is sure, without trying, that SQLite can store a row."""
    if places is None:
        return True
    text, time, ttl = places
    if parameters[ttl] is not None or not -_INT64 <= parameters[time] < _INT64:
        return False
    given = parameters[text]
    if given is None or given.isascii():
        return True
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True
