"""Compares the commit log with the versions, both ways, and the store's counters with what it holds.

The log reaches back a day, or to the migration from a format that did not have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Optional

from ..language import values as v
from ..schema.tasks import TASKS
from ..storage.base import Finding, Progress
from ..storage.read_set import Changes, document_path
from ..storage.sql_snapshot import SqlSnapshot
from .inventory import Inventory, documents

#: How many microseconds the store's last transaction may be ahead of the machine's clock.
AHEAD = 86_400_000_000


def findings(snap: SqlSnapshot, inventory: Inventory, progress: Progress, clock: int) -> Iterator[Finding]:
    """The damage that comparing finds. clock: the machine's clock, in microseconds."""
    if snap.last_txn > clock + AHEAD:
        yield Finding(
            "last transaction that is more than a day ahead of the clock", (("txn", snap.last_txn),)
        )
    yield from _counters(snap, inventory)
    yield from _tasks(snap)
    log = _Log(snap, inventory, progress)
    yield from log.rows()
    yield from log.versions()
    yield from log.missing()


class _Log:
    def __init__(self, snap: SqlSnapshot, inventory: Inventory, progress: Progress) -> None:
        self._snap = snap
        self._inventory = inventory
        self._progress = progress
        #: The oldest transaction that the log knows.
        self._since: Optional[int] = None
        #: Of each transaction in the log the documents that it says it changed; None: any.
        self._touched: dict[int, Optional[set[str]]] = {}
        #: The versions that should be there and have not been met yet: ``(database, collection, id, ts)``, and by which
        #: transaction.
        self._put: dict[tuple[int, int, int, int], int] = {}

    def rows(self) -> Iterator[Finding]:
        for rows in self._snap.export("change_log"):
            self._progress(len(rows))
            for txn, text, touched in rows:
                try:
                    changes = _parsed(text)
                    self._touched[txn] = _documents(Changes.parse(touched))
                except (ValueError, KeyError, TypeError, RecursionError):
                    yield Finding("row of the commit log that cannot be read", (("txn", txn),))
                    self._touched[txn] = None
                    continue
                if self._since is None:
                    self._since = txn
                for kind, scope, coll, doc, ts, *_ in changes:
                    if kind == "put":
                        self._put[scope, coll, doc, ts] = txn
                    else:
                        self._put.pop((scope, coll, doc, ts), None)

    def versions(self) -> Iterator[Finding]:
        if self._since is None:
            return
        for rows in self._snap.export("version"):
            self._progress(len(rows))
            for scope, coll, doc, ts, _, _, _, txn, _ in rows:
                self._put.pop((scope, coll, doc, ts), None)
                if txn < self._since:
                    continue
                touched = self._touched.get(txn, set())
                if touched is not None and document_path(scope, coll, doc) not in touched:
                    where = (("database", scope), ("collection", coll), ("id", doc), ("ts", ts), ("txn", txn))
                    yield Finding("version that the commit log does not know", where)

    def missing(self) -> Iterator[Finding]:
        """Versions that the log knows, when `rows` and `versions` have been gone through."""
        for (scope, coll, doc, ts), txn in self._put.items():
            floor = self._inventory.floor(scope, coll)
            if floor is not None and ts > floor:
                where = (("database", scope), ("collection", coll), ("id", doc), ("ts", ts), ("txn", txn))
                yield Finding("version that the commit log knows is missing", where)


def _parsed(text: str) -> list[list[Any]]:
    """The changes in a row. Raises ValueError when they are not well formed."""
    changes = json.loads(text)
    for change in changes:
        numbers = change[1:5]
        if change[0] not in ("put", "drop") or len(numbers) < 4 or not all(type(n) is int for n in numbers):
            raise ValueError(change)
    return changes  # type: ignore[no-any-return]


def _documents(changes: Changes) -> Optional[set[str]]:
    return None if changes.wide else set(changes.at)


def _counters(snap: SqlSnapshot, inventory: Inventory) -> Iterator[Finding]:
    """Counters that are behind: they would hand out a number twice."""
    used = max(inventory.databases)
    if snap.counter("scope") < used:
        yield Finding(
            "counter of databases that is behind", (("counter", snap.counter("scope")), ("used", used))
        )
    for database in inventory.databases.values():
        for kind in sorted(v.NAMED_NATIVES):
            counter = snap.counter(f"id/{database.scope}/{kind}")
            last = max(documents(snap, database.scope, kind), default=0)
            if last and counter < last:
                where = (
                    ("database", database.scope),
                    ("collection", kind),
                    ("counter", counter),
                    ("used", last),
                )
                yield Finding("counter of ids that is behind", where)


def _tasks(snap: SqlSnapshot) -> Iterator[Finding]:
    text = snap.setting(TASKS) or "[]"
    try:
        tasks = json.loads(text)
        whole = all(task[0] in ("build", "index", "database", "collection") for task in tasks)
    except (ValueError, TypeError, IndexError, KeyError):
        whole = False
    if not whole:
        yield Finding("list of open tasks that cannot be read", ())
