"""What a query read, and what a transaction changed: together they tell whether the query would read something else now.

Every snapshot and transaction notes what is read from it, in `Snapshot.reads`, a `ReadSet`. Every transaction notes what
it changes, as `Changes`, which are kept in its row of the commit log. A read set and the changes of later transactions
decide two things:

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

Both are exact to a document, a counter or setting, and the entries of a set between two values. They may note more than
that (for very large transactions whole collections and indexes), but never less, with two exceptions:

* What was not read from the snapshot is not noted. The schema is not, because engines keep it by its version. Therefore a
  change of the schema counts as a change of everything.
* The passing of time is no change. Documents whose ``ttl`` passes vanish without one. So what was read holds only until
  `ReadSet.until`.

Each thing has a path, and the path of a larger thing is the beginning of the paths of all that it contains:
``0/d/1024/7/`` is a document (database, collection, id), ``0/d/1024/`` its collection, ``0/e/32768/61/`` the entries of an
index for one term (in hexadecimal), ``n/scope`` a counter or setting, and the empty path is everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, Optional

from ..json_text import encoder
from ..records import NamedTuple

#: How many documents, or ranges, a read set notes one by one. With more it notes whole collections, or indexes.
MAX_READ = 4_000
#: The same for the changes of a transaction. It is less, because every later transaction looks through them.
MAX_CHANGED = 2_000
#: Longer terms are known by a digest, and longer values are not told apart. In bytes.
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
    """The path of the entries with the same terms."""
    key = terms.hex() if len(terms) <= _SHORT else "#" + hashlib.sha256(terms).hexdigest()
    return f"{scope}/e/{index}/{key}/"


def document_of(path: str) -> Optional[tuple[int, int, int]]:
    """Database, collection and id, if a path is that of a document; else None."""
    parts = path.split("/")
    if len(parts) != 5 or parts[1] != "d":
        return None
    return int(parts[0]), int(parts[2]), int(parts[3])


def is_entry_path(path: str) -> bool:
    """Whether a path is that of a set of entries."""
    return path.split("/", 2)[1] == "e" and not path.startswith("n/")


class Changes:
    """What one transaction changed.

    at: by path; for a set of entries, the values (in hexadecimal) of those that were changed, or None if any may have been;
    for anything else None. unplaced: the paths of sets in which some of these values hold the time of a transaction that has
    none yet, so that they may come to lie anywhere; not in the commit log. wide: the paths of larger things of which all
    counts as changed.
    """

    __slots__ = ("at", "unplaced", "wide")

    def __init__(self) -> None:
        self.at: dict[str, Optional[set[str]]] = {}
        self.unplaced: set[str] = set()
        self.wide: set[str] = set()

    def document(self, scope: int, coll: int, doc: int) -> None:
        self.at[f"{scope}/d/{coll}/{doc}/"] = None

    def created(self, path: str, place: str, values: bytes) -> None:
        """A document (its path), and its entry in the set of all documents of its collection (its `place_path`)."""
        self.at[path] = None
        self._value(place, values)

    def _value(self, path: str, values: bytes) -> None:
        """One of the entries of the set with this path."""
        at = self.at
        if path not in at:
            at[path] = {values.hex()}
            return
        known = at[path]
        if known is not None:
            known.add(values.hex())

    def entry(self, scope: int, index: int, terms: bytes, values: bytes) -> None:
        if len(terms) <= _SHORT:  # as `place_path`, but written out: every write of an entry does this
            path = f"{scope}/e/{index}/{terms.hex()}/"
        else:
            path = place_path(scope, index, terms)
        if len(values) > _SHORT:
            self.at[path] = None
        else:
            self._value(path, values)

    def name(self, name: str) -> None:
        self.at[name_path(name)] = None

    def all_of(self, path: str) -> None:
        """All that a path contains was changed."""
        self.wide.add(path)

    def include(self, other: Changes) -> None:
        """Add what another transaction changed."""
        for path, values in other.at.items():
            if values is None:
                self.at[path] = None
                continue
            known = self.at.setdefault(path, set())
            if known is not None:
                known |= values
        self.unplaced |= other.unplaced
        self.wide |= other.wide

    def meets(self, other: Changes) -> bool:
        """Whether both may have changed the same thing."""
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
        """The changes as text, for the commit log."""
        at, wide = self.at, self.wide
        text = None if wide else _plain_text(at)
        if text is not None:
            return text
        if sum(1 if values is None else len(values) for values in at.values()) > MAX_CHANGED:
            at, wide = {}, wide | set(map(_larger, at))
        items = [[path] if values is None else [path, *values] for path, values in at.items()]
        return _encode({"at": items, "wide": list(wide)} if wide else {"at": items})

    @classmethod
    def parse(cls, text: Optional[str]) -> Changes:
        """The changes in a row of the commit log. None, which rows of the first store format have, is everything."""
        changes = cls()
        if text is None:
            changes.wide.add(EVERYTHING)
            return changes
        found: dict[str, Any] = json.loads(text)
        for path, *values in found["at"]:
            changes.at[path] = set(values) if values else None
        changes.wide.update(found.get("wide", ()))
        return changes


def _plain_text(at: dict[str, Optional[set[str]]]) -> Optional[str]:
    """A few changes of documents and entries as text; None for others. There are hardly ever names, and only their paths may
    have what JSON escapes."""
    items = []
    count = len(at)
    for path, values in at.items():
        if path[0] == "n":
            return None
        if values is None:
            items.append(path)
        else:
            count += len(values)
            items.append(f"""{path}","{'","'.join(values)}""")
    if count > MAX_CHANGED or not items:
        return None
    return '{"at":[["' + '"],["'.join(items) + '"]]}'


def _larger(path: str) -> str:
    """The path of the collection or index that a thing is in. That of a counter or setting is its own."""
    if path.startswith("n/"):
        return path
    scope, kind, number, _ = path.split("/", 3)
    return f"{scope}/{kind}/{number}/"


class Read(NamedTuple):
    """Something that was read. lower, upper: for a set of entries, the bounds of the values, in hexadecimal; upper itself is
    not included; None: no bound. wide: all that the path contains was read.
    """

    path: str
    lower: Optional[str] = None
    upper: Optional[str] = None
    wide: bool = False


class ReadSet:
    """What was read from one snapshot and may be changed by other transactions.

    until: the earliest ``ttl`` of what was read that had not passed yet, in microseconds; None if there is none.
    """

    __slots__ = ("_documents", "_names", "_ranges", "_wide", "until")

    def __init__(self) -> None:
        # Most queries read few kinds of things, so each set is made when it is first needed.
        self._documents: Optional[set[tuple[int, int, int]]] = None
        self._ranges: Optional[set[tuple[int, int, bytes, Optional[bytes], Optional[bytes]]]] = None
        self._names: Optional[set[str]] = None
        self._wide: Optional[set[str]] = None
        self.until: Optional[int] = None

    def __bool__(self) -> bool:
        return bool(self._documents or self._ranges or self._names or self._wide)

    def document(self, scope: int, coll: int, doc: int) -> None:
        """Versions of a document were read, or it was found to be absent."""
        noted = self._documents
        if noted is None:
            self._documents = {(scope, coll, doc)}
            return
        noted.add((scope, coll, doc))
        if len(noted) > MAX_READ:
            self._widen(noted)

    def documents(self, scope: int, coll: int, docs: Iterable[int]) -> None:
        """As `document`, for several documents of a collection."""
        noted = self._documents
        if noted is None:
            noted = self._documents = set()
        noted.update(zip(repeat(scope), repeat(coll), docs))
        if len(noted) > MAX_READ:
            self._widen(noted)

    def _widen(self, documents: set[tuple[int, int, int]]) -> None:
        self._note_wide(collection_path(*key[:2]) for key in documents)
        self._documents = None

    def range(
        self,
        scope: int,
        index: int,
        terms: bytes,
        lower: Optional[bytes] = None,
        upper: Optional[bytes] = None,
    ) -> None:
        """The live or ended entries of a set with ``lower <= values < upper`` were read. None: no bound."""
        noted = self._ranges
        if noted is None:
            self._ranges = {(scope, index, terms, lower, upper)}
            return
        noted.add((scope, index, terms, lower, upper))
        if len(noted) > MAX_READ:
            self._note_wide(index_path(*key[:2]) for key in noted)
            self._ranges = None

    def name(self, name: str) -> None:
        """A counter or a setting was read."""
        if self._names is None:
            self._names = set()
        self._names.add(name)

    def all_of(self, path: str) -> None:
        """All that a path contains was read."""
        self._note_wide((path,))

    def _note_wide(self, paths: Iterable[str]) -> None:
        if self._wide is None:
            self._wide = set()
        self._wide.update(paths)

    def expires(self, ttl: int) -> None:
        """Something was read that has this time to live, which has not passed yet."""
        if self.until is None or ttl < self.until:
            self.until = ttl

    def include(self, other: ReadSet) -> None:
        """Add what another read set holds."""
        for kind in ("_documents", "_ranges", "_names", "_wide"):
            more = getattr(other, kind)
            if more:
                setattr(self, kind, (getattr(self, kind) or set()) | more)
        if other.until is not None:
            self.expires(other.until)

    def __iter__(self) -> Iterator[Read]:
        for scope, coll, doc in self._documents or ():
            yield Read(f"{scope}/d/{coll}/{doc}/")
        for scope, index, terms, lower, upper in self._ranges or ():
            yield Read(place_path(scope, index, terms), _short(lower, False), _short(upper, True))
        for name in self._names or ():
            yield Read(name_path(name))
        for path in self._wide or ():
            yield Read(path, wide=True)

    def touched_by(self, changes: Changes) -> Optional[str]:
        """The path of something that was read and that a later transaction changed; None if it changed nothing of it."""
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
            if path in at and (path in changes.unplaced or within(at[path], read.lower, read.upper)):
                return path
            if wide and any(map(path.startswith, wide)):
                return path
        return None

    def changed_since(self, changed: Iterable[tuple[int, Changes]]) -> Optional[tuple[int, str]]:
        """The first of some later transactions that changed something that was read: its time, and the path of that.

        changed: the times of the transactions, and what they changed. None if none of them did.
        """
        for txn, changes in changed:
            path = self.touched_by(changes)
            if path is not None:
                return txn, path
        return None


def _short(bound: Optional[bytes], upper: bool) -> Optional[str]:
    """A bound in hexadecimal, to be compared with values in the commit log. A long one is cut, which widens the range."""
    if bound is None:
        return None
    if len(bound) <= _SHORT:
        return bound.hex()
    return bound[:_SHORT].hex() + ("g" if upper else "")  # g sorts after all hexadecimal digits


def larger_paths(path: str) -> list[str]:
    """The paths of all larger things that contain a thing."""
    parts = path.split("/")[:-1]
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts))]


def within(values: Optional[set[str]], lower: Optional[str], upper: Optional[str]) -> bool:
    """Whether any of the changed values of a set (None: it may be any value) lies between two bounds."""
    if values is None:
        return True
    return any((lower is None or value >= lower) and (upper is None or value < upper) for value in values)
