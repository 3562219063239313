"""What a query sees of the schema (writes and schema, "Schema inside one query").

Names of collections, indexes, functions, roles and access providers are looked up in the committed schema; databases
are looked up as the query has left them. A ref is bound to the item itself, so what it stands for shows the query's own
creations, renames and deletions. Committed schema is cached by version: every schema write raises the store's schema
version, and all snapshots of one version share what any of them has read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from ..auth import roles
from ..indexes.definitions import Index
from ..indexes.internal import (
    BUILDING_FIELD,
    BY_NAME,
    GLOBAL_IDS,
    SCOPES,
    id_terms,
    name_terms,
    text_terms,
)
from ..language import values as v
from .items import (
    NATIVE_COLLECTIONS,
    ROOT,
    CollectionInfo,
    DatabaseInfo,
    FunctionInfo,
    Item,
    collection_info,
    database_info,
    index_info,
)

if TYPE_CHECKING:
    from ..language.context import Host

#: Setting that holds the transaction time of the newest schema write.
STAMP = "schema"

_KEPT_VERSIONS = 3
_MAX_CACHED = 20_000
_ABSENT = object()

Key = tuple[int, int, int]


class Committed:
    """What has been read so far of one version of the committed schema, shared by all its snapshots.

    stamp: the transaction that made the version. confirmed: whether a committed snapshot has seen it. An unconfirmed
    version may belong to a batch whose commit fails; then another transaction makes the version of that number.
    """

    __slots__ = (
        "building",
        "collections",
        "confirmed",
        "databases",
        "indexes",
        "items",
        "last_names",
        "lists",
        "names",
        "stamp",
        "texts",
    )

    def __init__(self, stamp: Optional[str]) -> None:
        self.stamp = stamp
        self.confirmed = False
        self.names: dict[tuple[int, int, str], Optional[int]] = {}
        self.items: dict[Key, Optional[Item]] = {}
        self.last_names: dict[Key, str] = {}
        self.lists: dict[tuple[int, int], list[v.Ref]] = {}
        self.databases: dict[int, Optional[DatabaseInfo]] = {0: ROOT}
        self.collections: dict[tuple[int, int], Optional[CollectionInfo]] = {}
        self.indexes: dict[tuple[int, int], list[Index]] = {}
        self.building: dict[tuple[int, int], list[Index]] = {}
        #: texts of refs to collections, by the key under which a response writer looks them up
        self.texts: dict[tuple[str, int], dict[tuple[int, int], str]] = {}


def _keep(cache: dict[Any, Any], key: Any, value: Any) -> None:
    """Remember something, within bounds, since queries may ask for any number of names that do not exist."""
    if len(cache) >= _MAX_CACHED:
        cache.clear()
    cache[key] = value


class SchemaCache:
    """Committed schema by version; an engine has one for its store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: OrderedDict[int, Committed] = OrderedDict()

    def at(self, snap: Any) -> Committed:
        """What is known of the schema that a snapshot or transaction sees."""
        found = self._versions.get(snap.schema_version)
        if found is not None and found.confirmed:
            return found
        stamp = snap.setting(STAMP)
        with self._lock:
            found = self._versions.get(snap.schema_version)
            if found is None or found.stamp != stamp:
                found = self._versions[snap.schema_version] = Committed(stamp)
            if snap.schema_is_committed:
                found.confirmed = True
            while len(self._versions) > _KEPT_VERSIONS:
                self._versions.popitem(last=False)
        return found


def schema_view(host: Host, snap: Any) -> SchemaView:
    """The view of one query. snap: its snapshot or transaction."""
    return SchemaView(host.schema_cache.at(snap), snap)


class _Written:
    """What a query has written of the schema."""

    __slots__ = ("gone", "items", "old_items", "old_names", "touched")

    def __init__(self) -> None:
        #: items that it has written; None for those that it has deleted
        self.items: dict[Key, Optional[Item]] = {}
        #: what is committed of these items, and of their names, old and new
        self.old_items: dict[Key, Optional[Item]] = {}
        self.old_names: dict[tuple[int, int, str], Optional[int]] = {}
        #: (database, kind) of these items
        self.touched: set[tuple[int, int]] = set()
        #: names of items that it has deleted; of those it had created itself no version is left
        self.gone: dict[Key, str] = {}


#: Of all queries that have written nothing of it; never changed.
_NOTHING_WRITTEN = _Written()


class SchemaView:
    """The schema as one query sees it. was_written: whether the query has written any of it."""

    __slots__ = ("_written", "committed", "snap", "was_written")

    def __init__(self, committed: Committed, snap: Any):
        self.committed = committed
        self.snap = snap
        self.was_written = False
        self._written = _NOTHING_WRITTEN

    @property
    def stamp(self) -> Optional[str]:
        """The transaction that made this version of the committed schema; None if there was none yet."""
        return self.committed.stamp

    # ---- documents ----

    def item(self, ref: v.Ref) -> Optional[Item]:
        """The schema document as this query has left it; None when it does not exist."""
        if self.was_written:
            own = self._written.items.get((ref.scope, ref.coll, ref.id), _ABSENT)
            if own is not _ABSENT:
                return own  # type: ignore[return-value]
        return self.committed_item(ref)

    def committed_item(self, ref: v.Ref) -> Optional[Item]:
        """The schema document as committed before this query."""
        key = (ref.scope, ref.coll, ref.id)
        old_items = self._written.old_items
        if key in old_items:
            return old_items[key]
        items = self.committed.items
        found = items.get(key, _ABSENT)
        if found is not _ABSENT:
            return found  # type: ignore[return-value]
        # This query has not written the item, so what its snapshot shows is what is committed.
        row = self.snap.version(ref.scope, ref.coll, ref.id)
        item = Item(ref, row.data) if row is not None and row.live else None
        _keep(items, key, item)
        return item

    def exists(self, ref: v.Ref) -> bool:
        """Whether a schema item exists; native collections always do."""
        return ref.is_native_collection or self.item(ref) is not None

    def items(self, scope: int, kind: int) -> list[v.Ref]:
        """Refs of the live items of a kind, in creation order."""
        if (scope, kind) in self._written.touched:
            return list(self._scan(scope, kind))
        lists = self.committed.lists
        found = lists.get((scope, kind))
        if found is None:
            found = lists[scope, kind] = list(self._scan(scope, kind))
        return found

    def _scan(self, scope: int, kind: int) -> Iterator[v.Ref]:
        for row in self.snap.entries(scope, kind, b""):
            yield v.Ref(scope, kind, row.doc)

    # ---- names ----

    def lookup(self, scope: int, kind: int, name: str) -> Optional[v.Ref]:
        """The item of a name in the committed schema (a database: as this query has left it)."""
        if kind == v.DATABASES and (scope, kind) in self._written.touched:
            found = self._find(scope, kind, name)
        else:
            found = self._committed_name(scope, kind, name)
        return None if found is None else v.Ref(scope, kind, found)

    def taken(self, scope: int, kind: int, name: str) -> Optional[int]:
        """The id of the item that has the name now, writes of this query included."""
        if (scope, kind) in self._written.touched:
            return self._find(scope, kind, name)
        return self._committed_name(scope, kind, name)

    def _committed_name(self, scope: int, kind: int, name: str) -> Optional[int]:
        key = (scope, kind, name)
        old_names = self._written.old_names
        if key in old_names:
            return old_names[key]
        names = self.committed.names
        found = names.get(key, _ABSENT)
        if found is _ABSENT:
            found = self._find(scope, kind, name)
            _keep(names, key, found)
        return found  # type: ignore[return-value]

    def _find(self, scope: int, kind: int, name: str) -> Optional[int]:
        for row in self.snap.entries(scope, BY_NAME, name_terms(kind, name), limit=1):
            return int(row.doc)
        return None

    def name_of(self, ref: v.Ref) -> str:
        """The name of a schema item, renames of this query included; for a deleted one, the last name it had.

        A ref outlives the item it refers to, and goes on showing its name.
        """
        if ref.is_native_collection:
            return v.NATIVE_NAMES[ref.id]
        item = self.item(ref)
        if item is not None:
            return item.name
        name = self._written.gone.get((ref.scope, ref.coll, ref.id))
        return self._last_name(ref) if name is None else name

    def _last_name(self, ref: v.Ref) -> str:
        key = (ref.scope, ref.coll, ref.id)
        names = self.committed.last_names
        name = names.get(key)
        if name is None:
            versions = self.snap.versions(*key, reverse=True)
            text = next((row.data for row in versions if row.live), None)
            # Stores of earlier formats kept nothing of what was in a deleted database: the number stands in for a name.
            name = str(ref.id) if text is None else Item(ref, text).name
            _keep(names, key, name)
        return name

    def successor(self, ref: v.Ref) -> v.Ref:
        """The ref to store for a ref. When this query has deleted its item and created another one under the same name,
        it is that of the new item."""
        if self._written.items.get((ref.scope, ref.coll, ref.id), _ABSENT) is not None:
            return ref
        old = self.committed_item(ref)
        found = self._find(ref.scope, ref.coll, old.name) if old is not None else None
        return ref if found is None else v.Ref(ref.scope, ref.coll, found)

    # ---- databases ----

    def place_of(self, scope: int) -> Optional[v.Ref]:
        """The ref of the document of a database, by its number; also of a deleted database. None for the root."""
        info = self.database(scope)
        if info is not None:
            return info.ref
        # A database that was moved has had several documents. The document of a disabled one still exists.
        rows = list(self.snap.history(0, SCOPES, id_terms(scope)))
        last = max(rows, key=lambda row: row.added, default=None)
        return None if last is None else v.Ref(last.coll, v.DATABASES, last.doc)

    def database(self, scope: int) -> Optional[DatabaseInfo]:
        """A database by its number; None when it, or one above it, is deleted or disabled."""
        if self.was_written and any(key[1] == v.DATABASES for key in self._written.items):
            return self._load_database(scope, False)
        databases = self.committed.databases
        if scope in databases:
            return databases[scope]
        found = databases[scope] = self._load_database(scope, True)
        return found

    def _load_database(self, scope: int, cached: bool) -> Optional[DatabaseInfo]:
        if scope == 0:
            return ROOT
        place = next(iter(self.snap.entries(0, SCOPES, id_terms(scope), limit=1)), None)
        if place is None:
            return None
        parent = self.database(place.coll) if cached else self._load_database(place.coll, False)
        item = self.item(v.Ref(place.coll, v.DATABASES, place.doc))
        if parent is None or item is None or item.fields.get("disabled") is True:
            return None
        return database_info(item, parent)

    def child(self, scope: int, name: str) -> Optional[DatabaseInfo]:
        """The database of that name directly below another."""
        ref = self.lookup(scope, v.DATABASES, name)
        return None if ref is None else self.database_of(ref)

    def database_of(self, ref: v.Ref) -> Optional[DatabaseInfo]:
        """The database that a database ref stands for."""
        item = self.item(ref)
        return None if item is None else self.database(item.fields["scope"])

    def by_global_id(self, text: str) -> Optional[DatabaseInfo]:
        for row in self.snap.entries(0, GLOBAL_IDS, text_terms(text), limit=1):
            return self.database(row.coll)
        return None

    def is_within(self, scope: int, ancestor: int) -> bool:
        """Whether a database is another one, or lies below it."""
        while scope != ancestor:
            info = self.database(scope)
            if info is None or info.parent is None:
                return False
            scope = info.parent
        return True

    # ---- collections, indexes, functions, roles, access providers ----

    def collection(self, scope: int, coll: int) -> Optional[CollectionInfo]:
        """A live collection by number, also a native one."""
        if self.was_written:
            own = self._written.items.get((scope, v.COLLECTIONS, coll), _ABSENT)
            if own is not _ABSENT:
                return None if own is None else collection_info(own)  # type: ignore[arg-type]
        collections = self.committed.collections
        found = collections.get((scope, coll), _ABSENT)
        if found is not _ABSENT:
            return found  # type: ignore[return-value]
        if coll < v.FIRST_COLLECTION:
            info = NATIVE_COLLECTIONS.get(coll)
        else:
            item = self.committed_item(v.Ref(scope, v.COLLECTIONS, coll))
            info = None if item is None else collection_info(item)
        collections[scope, coll] = info
        return info

    def index(self, ref: Union[v.Ref, int], id: Optional[int] = None) -> Optional[Index]:
        """A live index, this query's included: by ref, or by database number and index id."""
        if not isinstance(ref, v.Ref):
            ref = v.Ref(ref, v.INDEXES, id)  # type: ignore[arg-type]
        return index_info(self.item(ref))

    def committed_index(self, ref: v.Ref) -> Optional[Index]:
        """A live index as committed before this query, which is what sets read; None when deleted since."""
        item = self.item(ref)
        if item is not None and self.was_written:
            item = self.committed_item(ref)
        return index_info(item)

    def indexes_on(self, scope: int, coll: int) -> list[Index]:
        """The indexes that cover a collection, wildcards and this query's own included."""
        if (scope, v.INDEXES) in self._written.touched:
            return self._indexes_on(scope, coll)
        indexes = self.committed.indexes
        found = indexes.get((scope, coll))
        if found is None:
            found = indexes[scope, coll] = self._indexes_on(scope, coll)
        return found

    def _indexes_on(self, scope: int, coll: int) -> list[Index]:
        infos = (self.index(ref) for ref in self.items(scope, v.INDEXES))
        return [info for info in infos if info is not None and info.covers(coll)]

    def building_on(self, scope: int, coll: int) -> list[Index]:
        """Those of `indexes_on` that are still being built: filled from documents older than the index."""
        if (scope, v.INDEXES) in self._written.touched:
            return self._building_on(scope, coll)
        building = self.committed.building
        found = building.get((scope, coll))
        if found is None:
            found = building[scope, coll] = self._building_on(scope, coll)
        return found

    def _building_on(self, scope: int, coll: int) -> list[Index]:
        found = []
        for index in self.indexes_on(scope, coll):
            item = self.item(index.ref)
            if item is not None and item.fields.get(BUILDING_FIELD) is True:
                found.append(index)
        return found

    def function(self, ref: v.Ref) -> Optional[FunctionInfo]:
        """A function as committed before this query, which is what a call runs."""
        item = self.committed_item(ref)
        if item is None:
            return None
        if item.parsed is None:
            fields = item.fields
            item.parsed = FunctionInfo(ref, fields["name"], fields["body"], fields.get("role"))
        return item.parsed  # type: ignore[no-any-return]

    def role(self, ref: v.Ref) -> Any:
        """A live role's configuration, as `auth.roles.parse` gives it; None when it does not live."""
        item = self.item(ref)
        if item is None:
            return None
        if item.parsed is None:
            item.parsed = roles.parse(item.fields)
        return item.parsed

    def roles(self, scope: int) -> list[v.Ref]:
        return self.items(scope, v.ROLES)

    def access_providers(self, scope: int) -> list[v.Ref]:
        return self.items(scope, v.ACCESS_PROVIDERS)

    # ---- writes of this query ----

    def touch(self, ref: v.Ref, *names: Optional[str]) -> None:
        """Call before a schema document is written: remembers what is committed of it and of its old and new names."""
        if self._written is _NOTHING_WRITTEN:
            self._written = _Written()
        written = self._written
        key = (ref.scope, ref.coll, ref.id)
        if key not in written.old_items:
            written.old_items[key] = self.committed_item(ref)
        for name in names:
            if name is not None and (ref.scope, ref.coll, name) not in written.old_names:
                written.old_names[ref.scope, ref.coll, name] = self._committed_name(ref.scope, ref.coll, name)

    def changed(self, tx: Any, ref: v.Ref, text: Optional[str], fields: Optional[dict[str, Any]]) -> None:
        """Call after a transaction has written a schema document: makes what others have cached out of date.

        text, fields: its new state; fields is None when it was deleted. `touch` has been called before.
        """
        item = None if fields is None else Item(ref, text or "", fields)
        before = self.item(ref) if item is None else None
        written = self._written
        if before is not None:
            written.gone[ref.scope, ref.coll, ref.id] = before.name
        written.items[ref.scope, ref.coll, ref.id] = item
        written.touched.add((ref.scope, ref.coll))
        self.was_written = True
        tx.bump_schema()
        tx.set_setting(STAMP, str(tx.txn))
