"""The schema, read from the versions of its documents: a check cannot trust the index entries that it is about to check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from ..indexes.definitions import Index
from ..indexes.internal import BUILDING_FIELD
from ..language import values as v
from ..schema.items import NATIVE_COLLECTIONS, CollectionInfo, Item, collection_info, index_info
from ..storage import Snapshot
from ..storage.errors import Damaged

#: How many ids of documents are read at a time.
BATCH = 500


def documents(snap: Snapshot, scope: int, coll: int) -> Iterator[int]:
    """The ids of all documents that have any version."""
    after: Optional[int] = None
    while True:
        found = snap.scan_documents(scope, coll, after=after, limit=BATCH)
        yield from found
        if len(found) < BATCH:
            return
        after = found[-1]


class Database:
    """A live database. document: its own, None for the root. collections and indexes: by number."""

    def __init__(self, snap: Snapshot, scope: int, path: str, document: Optional[v.Ref] = None) -> None:
        self.scope = scope
        self.path = path
        self.document = document
        self.collections: dict[int, CollectionInfo] = dict(NATIVE_COLLECTIONS)
        self.indexes: dict[int, Index] = {}
        self.names: dict[tuple[int, int], str] = {}
        #: The number, the path and the document of each child database.
        self.children: list[tuple[int, str, v.Ref]] = []
        for item in self._items(snap, v.COLLECTIONS):
            self.collections[item.ref.id] = collection_info(item)
        for item in self._items(snap, v.INDEXES):
            index = index_info(item)
            # An index that is still being built has entries of some documents only, and nobody reads it.
            if index is not None and item.fields.get(BUILDING_FIELD) is not True:
                self.indexes[item.ref.id] = index
        for item in self._items(snap, v.DATABASES):
            child = f"{path}/{item.name}" if path else item.name
            self.children.append((item.fields["scope"], child, item.ref))

    def _items(self, snap: Snapshot, kind: int) -> Iterator[Item]:
        for doc in documents(snap, self.scope, kind):
            try:
                row = snap.version(self.scope, kind, doc)
            except Damaged:
                continue  # its checksum reports it, and what it says cannot be trusted
            if row is not None and row.live:
                item = Item(v.Ref(self.scope, kind, doc), row.data or "")
                self.names[kind, doc] = item.name
                yield item

    def indexes_on(self, coll: int) -> list[Index]:
        return [index for index in self.indexes.values() if index.covers(coll)]


class Inventory:
    """All databases by number, and words for places in them."""

    def __init__(self, snap: Snapshot) -> None:
        self.time = snap.time
        self.databases: dict[int, Database] = {}
        waiting: list[tuple[int, str, Optional[v.Ref]]] = [(0, "", None)]
        while waiting:
            scope, path, document = waiting.pop()
            if scope not in self.databases:
                database = self.databases[scope] = Database(snap, scope, path, document)
                waiting += database.children

    def floor(self, scope: int, coll: int) -> Optional[int]:
        """The time before which a collection's history may be gone; None when the collection does not live."""
        database = self.databases.get(scope)
        info = None if database is None else database.collections.get(coll)
        if info is None:
            return None
        limit = info.min_valid(self.time)
        return -(2**63) if limit is None else limit

    def words(self, where: Any) -> str:
        """Where something is. where: pairs of a name (``database``, ``collection``, ``index``, ...) and a number."""
        database = self.databases.get(dict(where).get("database", -1))
        return ", ".join(f"{name} {self._shown(database, name, value)}" for name, value in where)

    def _shown(self, database: Optional[Database], name: str, value: Any) -> str:
        if database is None:
            return str(value)
        if name == "database":
            return database.path or "(root)"
        if name == "collection":
            return v.NATIVE_NAMES.get(value) or database.names.get((v.COLLECTIONS, value), str(value))
        if name == "index":
            return self._index(database, value)
        return str(value)

    def _index(self, database: Database, number: int) -> str:
        named = database.names.get((v.INDEXES, number))
        if named is not None:
            return named
        if number >= v.FIRST_INDEX:
            return str(number)
        collection = self._shown(database, "collection", number)
        return f"of the engine ({collection})"
