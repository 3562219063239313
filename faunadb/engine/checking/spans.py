"""Compares index entries with the versions of documents, both ways.

The versions say what entries there should be: an entry lives as long as consecutive versions yield it. One walk over the
documents and one over the entries add up a checksum for each index, of the entries that should be there and of those
that are. Where the two differ, the entries of the index are compared one by one.

Before a collection's earliest valid time, versions and entries are removed step by step and independently of each other.
So entries that ended by then are not compared, and those that began by then count as begun at that time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional

from ..auth.permissions import Admin
from ..auth.principals import Auth
from ..indexes import entries, extraction
from ..indexes.definitions import Index
from ..indexes.internal import GLOBAL_IDS, SCOPES
from ..indexes.lookups import KEYS_BY_ID, key_id
from ..language import codec
from ..language import values as v
from ..language.context import Context, Host
from ..language.errors import RequestError
from ..records import NamedTuple
from ..schema.view import schema_view
from ..storage.base import Finding, Progress
from ..storage.checksums import verified
from ..storage.errors import Damaged
from ..storage.rows import VersionRow
from ..storage.sql_snapshot import SqlSnapshot
from .inventory import Database, Inventory

#: (database, index)
Key = tuple[int, int]
#: (database, collection, id) of the document that an entry comes from.
Origin = tuple[int, int, int]
#: How many entries of differing indexes are held in memory at a time.
AT_ONCE = 500_000


class Life(NamedTuple):
    """An entry with its times. removed: None while it lives. first: it began with the oldest version that is kept.

    added: when it began, as far as it is compared. began: when it really began.
    """

    place: entries.Place
    cover: Optional[str]
    ttl: Optional[int]
    added: int
    removed: Optional[int]
    began: int
    first: bool = False

    @property
    def key(self) -> Key:
        return self.place.scope, self.place.index_id

    def digest(self) -> int:
        """A checksum. It leaves out the ttl of what has ended, since a rewritten history does not keep it."""
        ttl = self.ttl if self.removed is None else None
        text = repr((*self.place, self.cover, ttl, self.added, self.removed))
        return int.from_bytes(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )


class Difference(NamedTuple):
    """An entry that is not as it should be. what: in words. wanted: None when there should be none. found: None when
    there is none.
    """

    what: str
    wanted: Optional[Life]
    found: Optional[Life]
    origin: Origin

    def finding(self) -> Finding:
        life = self.found or self.wanted
        assert life is not None
        scope, index, _, _, coll, doc = life.place
        times = (
            (("from", life.added),) if life.removed is None else (("from", life.added), ("to", life.removed))
        )
        return Finding(
            self.what, (("database", scope), ("index", index), ("collection", coll), ("id", doc), *times)
        )


class Comparison:
    """The comparison of one snapshot."""

    def __init__(self, host: Host, snap: SqlSnapshot, inventory: Inventory, progress: Progress) -> None:
        self._host = host
        self._snap = snap
        self._inventory = inventory
        self._progress = progress
        #: documents with a damaged version, so that it is not known what their entries should be
        self._unknown: set[Origin] = set()

    def findings(self) -> Iterator[Finding]:
        return (difference.finding() for difference in self.differences())

    def differences(self) -> Iterator[Difference]:
        sums: dict[Key, int] = defaultdict(int)
        for life in self._wanted(None):
            sums[life.key] += life.digest()
        for life in self._there(None):
            sums[life.key] -= life.digest()
        differing = {key for key, total in sums.items() if total}
        if differing:
            yield from self._one_by_one(differing)

    # -- what should be ----------------------------------------------------------------------------------------

    def _wanted(self, only: Optional[set[Key]]) -> Iterator[Life]:
        """The entries that the documents should have. only: of these indexes."""
        for database in self._inventory.databases.values():
            for coll in database.collections:
                yield from self._of_collection(database, coll, only)

    def _of_collection(self, database: Database, coll: int, only: Optional[set[Key]]) -> Iterator[Life]:
        scope = database.scope
        floor = self._inventory.floor(scope, coll)
        assert floor is not None
        indexes = [index for index in database.indexes_on(coll) if only is None or (scope, index.id) in only]
        for done, (doc, rows) in enumerate(self._snap.histories(scope, coll)):
            if done % 100 == 0:
                self._progress(100)
            try:
                versions = [verified(scope, coll, doc, row) for row in rows]
                for life in self._of_document(v.Ref(scope, coll, doc), versions, indexes):
                    if coll == v.DATABASES and self._origin(life.place) is None:
                        continue  # `_there` leaves it out as well
                    if only is None or life.key in only:
                        yield from _since(life, floor)
            except Damaged:
                self._unknown.add((scope, coll, doc))

    def _of_document(self, ref: v.Ref, rows: list[VersionRow], indexes: list[Index]) -> list[Life]:
        ctx = self._context(ref.scope)
        found = _lives(rows, lambda row: _own(ref, row))
        for index in indexes:
            try:
                found += _lives(rows, lambda row, index=index: _of_index(ctx, index, ref, row))  # type: ignore[misc]
            except RequestError:
                pass  # too large for this index: it was left out when the index was filled
        return found

    def _context(self, scope: int) -> Context:
        auth = Auth("root", scope, Admin(scope))
        return Context(self._host, self._snap, schema_view(self._host, self._snap), auth)

    # -- what is there -----------------------------------------------------------------------------------------

    def _there(self, only: Optional[set[Key]]) -> Iterator[Life]:
        """The entries that are stored, without those of deleted databases and collections, which nobody reads."""
        for table in ("entry", "past_entry"):
            for rows in self._snap.export(table):
                self._progress(len(rows))
                for row in rows:
                    life = _life(row, table == "past_entry")
                    if only is not None and life.key not in only:
                        continue
                    floor = self._floor_of(life.place)
                    if floor is not None:
                        yield from _since(life, floor)

    def _floor_of(self, place: entries.Place) -> Optional[int]:
        """`Inventory.floor` for the document that an entry belongs to; None when the entry is not to be compared."""
        if place.index_id >= v.FIRST_INDEX:
            database = self._inventory.databases.get(place.scope)
            if database is None or place.index_id not in database.indexes:
                return None
        origin = self._origin(place)
        if origin is None or origin in self._unknown:
            return None
        scope, coll, _ = origin
        return self._inventory.floor(scope, coll)

    def _origin(self, place: entries.Place) -> Optional[Origin]:
        """The document that an entry comes from; None for that of a database's global id when the database is gone."""
        scope, index, terms, _, coll, doc = place
        if index == SCOPES:
            return coll, v.DATABASES, doc
        if index == KEYS_BY_ID:
            return doc, v.KEYS, key_id(terms)
        if index == GLOBAL_IDS:
            database = self._inventory.databases.get(coll)
            if database is None:
                return None
            known = database.document
            return (0, v.DATABASES, doc) if known is None else (known.scope, known.coll, known.id)
        return scope, coll, doc

    # -- one by one --------------------------------------------------------------------------------------------

    def _one_by_one(self, keys: set[Key]) -> Iterator[Difference]:
        parts = 1 + sum(1 for _ in self._there(keys)) // AT_ONCE
        for part in range(parts):
            wanted: dict[Any, Life] = {}
            for life in self._wanted(keys):
                if life.place.doc % parts == part:
                    wanted[_identity(life)] = life
            for life in self._there(keys):
                if life.place.doc % parts == part:
                    expected = wanted.pop(_identity(life), None)
                    what = _difference(expected, life)
                    if what:
                        yield self._difference(what, expected, life)
            for life in wanted.values():
                kind = "missing index entry" if life.removed is None else "missing entry of an index's past"
                yield self._difference(kind, life, None)

    def _difference(self, what: str, wanted: Optional[Life], found: Optional[Life]) -> Difference:
        life = wanted or found
        assert life is not None
        origin = self._origin(life.place)
        assert origin is not None  # those without one are not compared
        return Difference(what, wanted, found, origin)


def _own(ref: v.Ref, row: Any) -> entries.Entries:
    document = codec.stored(ref, row)
    return {} if document is None else entries.kept_by_engine(document)


def _of_index(ctx: Context, index: Index, ref: v.Ref, row: Any) -> entries.Entries:
    document = codec.stored(ref, row)
    if document is None:
        return {}
    return {
        entries.Place(index.scope, index.id, terms, values, ref.coll, ref.id): cover
        for terms, values, cover in extraction.entries(ctx, index, document)
    }


def _lives(rows: list[Any], entries_of: Callable[[Any], entries.Entries]) -> list[Life]:
    """The entries of all versions of a document, with their times."""
    living: dict[entries.Place, Life] = {}
    found = []
    for row in rows:
        now = entries_of(row)
        for place in [place for place, life in living.items() if now.get(place, "") != life.cover]:
            found.append(living.pop(place)._replace(removed=row.ts))
        for place, cover in now.items():
            known = living.get(place)
            added = row.ts if known is None else known.added
            living[place] = Life(place, cover, row.ttl, added, None, added, added == rows[0].ts)
    return found + list(living.values())


def _life(row: Any, ended: bool) -> Life:
    if ended:
        scope, index, terms, vals, added, removed, coll, doc, cover, ttl = row
    else:
        (scope, index, terms, vals, added, coll, doc, cover, ttl), removed = row, None
    place = entries.Place(scope, index, bytes(terms), bytes(vals), coll, doc)
    return Life(place, cover, ttl, added, removed, added)


def _since(life: Life, floor: int) -> Iterable[Life]:
    """The part of an entry's life that is compared: nothing, or one entry."""
    if life.removed is not None and (life.removed <= floor or (life.ttl is not None and life.ttl <= floor)):
        return ()
    return (life if life.added > floor else life._replace(added=floor, first=True),)


def _identity(life: Life) -> Any:
    return (*life.place, life.removed)


def _difference(wanted: Optional[Life], found: Life) -> str:
    """What is wrong with an entry that is stored; "" when nothing is."""
    if wanted is None:
        return "index entry that no document has" if found.removed is None else "past that an index never had"
    if wanted.cover != found.cover:
        return "index entry that shows other values than its document has"
    if found.removed is None and wanted.ttl != found.ttl:
        return "index entry that expires when its document does not"
    if wanted.added != found.added and not (wanted.first and found.added < wanted.added):
        return "index entry that began when no version did"
    return ""
