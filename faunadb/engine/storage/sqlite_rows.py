"""Inserts that wait for each other: many rows of a table are written by one statement, of all writers in a group."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Optional

from .statements import Statements

#: Rows of a table that wait at most.
MAX_WAITING = 256

PUT_LIVE = (
    "INSERT OR REPLACE INTO entry (scope, idx, terms, vals, coll, doc, cover, ttl, added)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_sql = Statements("?")
#: The inserts that may wait. Where in their parameters a text, a time that users give, and a time to live stand.
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
    """The connection that writes, as the works of a group use it one after another.

    Rows wait until somebody reads, or until `flush`. So a work that only inserts runs no statement of its own, and needs
    no savepoint. What SQLite cannot store is not left waiting: the error is that of the work that brings it.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        #: rows of works that are over
        self._earlier: _Rows = {}
        #: rows of the running one; who is sure that SQLite can store one may add it
        self.waiting = _none()
        self._to_guard = self._guarded = self._writing = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """As `sqlite3.Connection.execute`; None for an insert that waits."""
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
        """A work begins that must be undone alone when it fails (`undo`), without those before it."""
        if self._guarded:
            self._conn.execute("RELEASE work")
        for sql, rows in self.waiting.items():
            if rows:
                self._earlier.setdefault(sql, []).extend(rows)
        self.waiting = _none()
        self._to_guard, self._guarded = True, False

    def undo(self) -> None:
        """Undo the running work. Raises sqlite3.Error when those before it are not whole any more."""
        if self._writing:
            raise sqlite3.OperationalError("interrupted")
        self.waiting = _none()
        if self._guarded:
            self._conn.execute("ROLLBACK TO work")

    def forget(self) -> None:
        """The transaction is over, or was never begun."""
        self._earlier, self.waiting = {}, _none()
        self._to_guard = self._guarded = self._writing = False

    def finish(self) -> None:
        """Write what waits; no work is undone alone any more. Raises sqlite3.Error."""
        self._to_guard = False
        self.flush()

    def flush(self) -> None:
        """Write what waits, so that it can be read. Raises sqlite3.Error."""
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
