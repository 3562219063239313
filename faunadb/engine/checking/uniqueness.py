"""Finds documents with the same entry in a unique index.

Writes prevent that, but for those into the past (``insert``, an import), and for documents that were there before their
index was made, or made unique. The original did not look at these either (spec: writes-and-schema 1.10 and 1.15), so such
documents are no damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..indexes import keys
from ..language import codec
from ..storage.base import Finding, Progress
from ..storage.sql_snapshot import SqlSnapshot
from .inventory import Inventory

#: How many entries are held in memory at a time.
AT_ONCE = 500_000


def findings(
    snap: SqlSnapshot, inventory: Inventory, progress: Progress, clock: int, at_once: int = AT_ONCE
) -> Iterator[Finding]:
    """Each document that has the same entry as an earlier one. clock: microseconds, to know what has expired."""
    unique = {
        (database.scope, index.id)
        for database in inventory.databases.values()
        for index in database.indexes.values()
        if index.unique
    }
    if not unique:
        return
    parts = 1 + sum(1 for _ in _entries(snap, inventory, unique, progress, clock)) // at_once
    for part in range(parts):
        seen: dict[Any, tuple[int, int]] = {}
        for key, coll, doc in _entries(snap, inventory, unique, progress, clock):
            if hash(key) % parts != part:
                continue
            first = seen.setdefault(key, (coll, doc))
            if first != (coll, doc):
                scope, index = key[:2]
                where = (("database", scope), ("index", index), ("collection", coll), ("id", doc))
                yield Finding(f"a unique index has the same entry for document {first[1]} and for", where)


def _entries(
    snap: SqlSnapshot, inventory: Inventory, unique: set[tuple[int, int]], progress: Progress, clock: int
) -> Iterator[tuple[Any, int, int]]:
    """Of each visible entry: what must be unique, and the collection and id of its document."""
    for rows in snap.export("entry"):
        progress(len(rows))
        for scope, index, terms, vals, _, coll, doc, cover, ttl in rows:
            if (scope, index) not in unique or (ttl is not None and ttl <= clock):
                continue
            if inventory.floor(scope, coll) is None:
                continue
            place = bytes(vals)
            if keys.ref_suffix(coll, doc) not in place:
                continue  # damaged; the comparison with the documents reports it
            values, _ = keys.split(place, coll, doc)
            # 1 and 1.0 have the same place in an index, but are different values.
            shown = b"" if cover is None else keys.exact(codec.decode_value(cover, scope))
            yield (scope, index, bytes(terms), values, shown), coll, doc
