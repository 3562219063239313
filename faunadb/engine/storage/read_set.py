"""What was read, and what a transaction changed: the two sides of one question.

Every snapshot and transaction notes what is read from it, in `Snapshot.reads`, a `ReadSet`. Every transaction notes what
it changes, and its row of the commit log keeps that, as `Changes`. A read set and the changes of a later transaction
tell whether the same reads would find something else now. That decides two things:

* whether a transaction that was evaluated on a snapshot may still be committed;
* whether an answer that was given once is still true.

How to use it::

    with store.snapshot() as snap:
        reads = snap.note_reads()          # from here on, for this query alone
        ...                                # read
        kept = reads, snap.last_txn
    ...
    with store.snapshot() as later:
        for txn, changes in later.changed(after=snap.last_txn):
            if reads.touched_by(changes):  # what it read has changed at txn
                ...

Both are exact to one document, one counter or setting, and the entries of one set between two values. They may claim
too much (of very large transactions they note whole collections and indexes), never too little, as long as it is kept
in mind that

* what was not read from the snapshot is not noted. What is kept of the schema, by its version, is such a thing. A change
  of the schema touches every read set.
* time is not a change. Documents whose ``ttl`` passes vanish without one: what was read holds until `ReadSet.until`.

A thing is named by its path. The path of a larger thing is the beginning of those of all within it:
``0/d/1024/7/`` is a document (database, collection, id), ``0/d/1024/`` all of its collection, ``0/e/32768/61/`` the
entries of an index for one term (in hexadecimal), ``n/scope`` a counter or setting, and the empty path everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, Optional

from ..json_text import encoder
from ..records import NamedTuple

#: Documents, ranges and names noted one by one; beyond, whole collections and indexes are.
MAX_READ = 4_000
#: The same of what a transaction changed, which every later one has to look through.
MAX_CHANGED = 2_000
#: Bytes of terms and values that stand in a path, or in the commit log, as they are.
_SHORT = 256

_encode = encoder()

#: A set of an index: database, index, terms.
Place = tuple[int, int, bytes]

EVERYTHING = ""


def document_path(scope: int, coll: int, doc: int) -> str:
    return f"{scope}/d/{coll}/{doc}/"


def collection_path(scope: int, coll: int) -> str:
    return f"{scope}/d/{coll}/"


def index_path(scope: int, index: int) -> str:
    return f"{scope}/e/{index}/"


def scope_path(scope: int) -> str:
    return f"{scope}/"


def name_path(name: str) -> str:
    return f"n/{name}"


def place_path(scope: int, index: int, terms: bytes) -> str:
    """Of the entries for one term. Long terms are known by their digest."""
    key = terms.hex() if len(terms) <= _SHORT else "#" + hashlib.sha256(terms).hexdigest()
    return f"{scope}/e/{index}/{key}/"


def document_of(path: str) -> Optional[tuple[int, int, int]]:
    """Database, collection and id, where a path is that of a document."""
    parts = path.split("/")
    if len(parts) != 5 or parts[1] != "d":
        return None
    return int(parts[0]), int(parts[2]), int(parts[3])


def is_entry_path(path: str) -> bool:
    """Whether a path is that of a set of entries."""
    return path.split("/", 2)[1] == "e" and not path.startswith("n/")


class Changes:
    """What one transaction changed.

    at: by path; of a set the values (in hexadecimal) whose entries came, went or changed, None when any may have; of
    everything else None. wide: paths of larger things that were changed as a whole.
    """

    __slots__ = ("at", "wide")

    def __init__(self) -> None:
        self.at: dict[str, Optional[set[str]]] = {}
        self.wide: set[str] = set()

    def document(self, scope: int, coll: int, doc: int) -> None:
        self.at[f"{scope}/d/{coll}/{doc}/"] = None

    def entry(self, scope: int, index: int, terms: bytes, values: bytes) -> None:
        if len(terms) <= _SHORT:  # as `place_path` gives it
            path = f"{scope}/e/{index}/{terms.hex()}/"
        else:
            path = place_path(scope, index, terms)
        if len(values) > _SHORT:
            self.at[path] = None
            return
        values_of_place = self.at.setdefault(path, set())
        if values_of_place is not None:
            values_of_place.add(values.hex())

    def name(self, name: str) -> None:
        self.at[name_path(name)] = None

    def all_of(self, path: str) -> None:
        """Everything whose path begins so."""
        self.wide.add(path)

    def include(self, other: Changes) -> None:
        """Take in what another transaction changed as well."""
        for path, values in other.at.items():
            if values is None:
                self.at[path] = None
                continue
            known = self.at.setdefault(path, set())
            if known is not None:
                known |= values
        self.wide |= other.wide

    def meets(self, other: Changes) -> bool:
        """Whether both changed the same thing."""
        if self.wide or other.wide:
            return True
        small, large = (self.at, other.at) if len(self.at) < len(other.at) else (other.at, self.at)
        for path, values in small.items():
            if path not in large:
                continue
            others = large[path]
            if values is None or others is None or not values.isdisjoint(others):
                return True
        return False

    def text(self) -> str:
        """For the commit log."""
        at, wide = self.at, self.wide
        if sum(1 if values is None else len(values) for values in at.values()) > MAX_CHANGED:
            at, wide = {}, wide | set(map(_larger, at))
        items = []
        for path, values in at.items():
            items.append([path] if values is None else [path, *values])
        return _encode({"at": items, "wide": list(wide)} if wide else {"at": items})

    @classmethod
    def parse(cls, text: Optional[str]) -> Changes:
        """What `text` wrote. None, of a row that an earlier version wrote, is everything."""
        changes = cls()
        if text is None:
            changes.wide.add(EVERYTHING)
            return changes
        found: dict[str, Any] = json.loads(text)
        for path, *values in found["at"]:
            changes.at[path] = set(values) if values else None
        changes.wide.update(found.get("wide", ()))
        return changes


def _larger(path: str) -> str:
    """The path of the collection or index that a thing belongs to."""
    if path.startswith("n/"):
        return path
    scope, kind, number, _ = path.split("/", 3)
    return f"{scope}/{kind}/{number}/"


class Read(NamedTuple):
    """One thing read. wide: everything within it."""

    path: str
    lower: Optional[str] = None
    upper: Optional[str] = None
    wide: bool = False


class ReadSet:
    """What was read from one snapshot, as far as another transaction could change it.

    until: the earliest ``ttl`` (microseconds) of what was read that had not passed yet; None without.
    """

    __slots__ = ("_documents", "_names", "_ranges", "_wide", "until")

    def __init__(self) -> None:
        self._documents: set[tuple[int, int, int]] = set()
        self._ranges: set[tuple[int, int, bytes, Optional[bytes], Optional[bytes]]] = set()
        self._names: set[str] = set()
        self._wide: set[str] = set()
        self.until: Optional[int] = None

    def __bool__(self) -> bool:
        return bool(self._documents or self._ranges or self._names or self._wide)

    def document(self, scope: int, coll: int, doc: int) -> None:
        """A document was read, or found to be absent: any of its versions."""
        self._documents.add((scope, coll, doc))
        if len(self._documents) > MAX_READ:
            self._widen()

    def documents(self, scope: int, coll: int, docs: Iterable[int]) -> None:
        """The same for several documents of a collection."""
        self._documents.update(zip(repeat(scope), repeat(coll), docs))
        if len(self._documents) > MAX_READ:
            self._widen()

    def _widen(self) -> None:
        self._wide.update(collection_path(*key[:2]) for key in self._documents)
        self._documents.clear()

    def range(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes] = None,
        upper: Optional[bytes] = None,
    ) -> None:
        """The entries of a set with ``lower <= values < upper`` were read, live or ended ones."""
        self._ranges.add((scope, index, terms, lower, upper))
        if len(self._ranges) > MAX_READ:
            self._wide.update(index_path(*key[:2]) for key in self._ranges)
            self._ranges.clear()

    def name(self, name: str) -> None:
        """A counter or a setting was read."""
        self._names.add(name)

    def all_of(self, path: str) -> None:
        """Everything whose path begins so was read."""
        self._wide.add(path)

    def expires(self, ttl: int) -> None:
        """Something with this time to live, which has not passed, was read."""
        if self.until is None or ttl < self.until:
            self.until = ttl

    def include(self, other: ReadSet) -> None:
        """Note what another one holds as well."""
        self._documents |= other._documents
        self._ranges |= other._ranges
        self._names |= other._names
        self._wide |= other._wide
        if other.until is not None:
            self.expires(other.until)

    def __iter__(self) -> Iterator[Read]:
        for scope, coll, doc in self._documents:
            yield Read(f"{scope}/d/{coll}/{doc}/")
        for scope, index, terms, lower, upper in self._ranges:
            yield Read(place_path(scope, index, terms), _short(lower, False), _short(upper, True))
        for name in self._names:
            yield Read(name_path(name))
        for path in self._wide:
            yield Read(path, wide=True)

    def touched_by(self, changes: Changes) -> Optional[str]:
        """The path of something that was read and that a later transaction changed; None when there is nothing."""
        at, wide = changes.at, changes.wide
        if EVERYTHING in wide:
            return EVERYTHING
        for read in self:
            path = read.path
            if read.wide:
                if any(other.startswith(path) for other in at):
                    return path
                if any(other.startswith(path) or path.startswith(other) for other in wide):
                    return path
                continue
            if path in at and within(at[path], read.lower, read.upper):
                return path
            if wide and any(map(path.startswith, wide)):
                return path
        return None

    def changed_since(self, changed: Iterable[tuple[int, Changes]]) -> Optional[tuple[int, str]]:
        """The first transaction, of those given with their times, that touches this, and what it touches."""
        for txn, changes in changed:
            path = self.touched_by(changes)
            if path is not None:
                return txn, path
        return None


def _short(bound: Optional[bytes], upper: bool) -> Optional[str]:
    """A bound as the commit log compares it: a long one is cut, and so leaves more within the range."""
    if bound is None:
        return None
    if len(bound) <= _SHORT:
        return bound.hex()
    return bound[:_SHORT].hex() + ("g" if upper else "")  # beyond every hexadecimal digit


def larger_paths(path: str) -> list[str]:
    """Paths of all that a thing belongs to, the thing itself excepted."""
    parts = path.split("/")[:-1]
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts))]


def within(values: Optional[set[str]], lower: Optional[str], upper: Optional[str]) -> bool:
    """Whether any of the values of a set's entries (None: perhaps all) lies between two bounds."""
    if values is None:
        return True
    return any((lower is None or value >= lower) and (upper is None or value < upper) for value in values)
