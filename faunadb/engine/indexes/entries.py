"""Keeps index entries in step with the versions of documents.

An entry is alive for an interval of time: for as long as consecutive versions of its document have it. A write ends
entries and begins others at the time of its transaction. Rewriting history changes intervals of the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..language import values as v
from ..language.errors import RequestError, bad_request, not_unique
from ..records import NamedTuple
from ..storage.base import WRITE_UNIT, write_ops
from . import extraction, keys, lookups
from .builds import build_document
from .definitions import Index
from .internal import BY_NAME, GLOBAL_IDS, PROVIDERS_BY_ISSUER, SCOPES, id_terms, name_terms, text_terms

if TYPE_CHECKING:
    from ..language.context import Context

#: The most bytes that the key of an entry may have.
MAX_KEY = 64_000


class Place(NamedTuple):
    """What identifies an entry: its place in the store, and the document that it is of."""

    scope: int
    index_id: int
    terms: bytes
    values: bytes
    coll: int
    doc: int


#: The entries of one version: by place, the values that the index shows, as stored JSON (None: it shows none).
Entries = dict[Place, Optional[str]]

_NONE: Entries = {}
NO_LITERALS: Mapping[str, int] = {}


def of_version(
    ctx: Context, document: Optional[v.Document], indexes: Optional[list[Index]] = None
) -> Entries:
    """All entries of a live version, given with its hidden fields; none for None. indexes: to have only those in these."""
    if document is None:
        return _NONE
    ref = document.ref
    scope, coll, doc = ref.scope, ref.coll, ref.id
    found = kept_by_engine(document) if indexes is None else {}
    for index, terms, values, cover in _of_indexes(ctx, document, indexes):
        found[Place(scope, index, terms, values, coll, doc)] = cover
    return found


def _of_indexes(
    ctx: Context, document: v.Document, indexes: Optional[list[Index]] = None
) -> Iterator[tuple[int, bytes, bytes, Optional[str]]]:
    """The entries of a live version in indexes of users, by default all: index, terms, values, and the values as stored
    JSON."""
    ref = document.ref
    for index in ctx.schema.indexes_on(ref.scope, ref.coll) if indexes is None else indexes:
        for terms, values, cover in extraction.entries(ctx, index, document):
            _check_key(terms, values)
            yield index.id, terms, values, cover


def kept_by_engine(document: v.Document) -> Entries:
    """The entries of a live version in the indexes that the engine keeps for itself (`internal`, `lookups`)."""
    scope, coll, doc = document.ref.scope, document.ref.coll, document.ref.id
    found: Entries = {Place(scope, coll, b"", keys.ref_suffix(coll, doc), coll, doc): None}
    if coll < v.FIRST_COLLECTION:
        _internal(found, document.ref, document.fields)
    return found


def _check_key(terms: bytes, values: bytes) -> None:
    """Raise RequestError for an entry whose key is too large."""
    size = len(terms) + len(values)
    if size > MAX_KEY:
        raise _key_too_large(size)


def _key_too_large(size: int) -> RequestError:
    return bad_request(f"Key bytes ({size}) exceeds threshold ({MAX_KEY})")


def _internal(found: Entries, ref: v.Ref, fields: dict[str, Any]) -> None:
    """Add the entries that the engine keeps for a native document."""
    for entry in lookups.internal_entries(ref, fields):
        found[Place(*entry)] = None
    scope, coll, doc = ref.scope, ref.coll, ref.id
    if coll not in v.NAMED_NATIVES:
        return
    found[Place(scope, BY_NAME, name_terms(coll, fields["name"]), b"", coll, doc)] = None
    if coll == v.DATABASES:
        child = fields["scope"]
        found[Place(0, SCOPES, id_terms(child), b"", scope, doc)] = None
        found[Place(0, GLOBAL_IDS, text_terms(fields["global_id"]), b"", child, doc)] = None
    elif coll == v.ACCESS_PROVIDERS:
        found[Place(scope, PROVIDERS_BY_ISSUER, text_terms(fields["issuer"]), b"", coll, doc)] = None


def _find(tx: Any, place: Place, at: Optional[int]) -> Any:
    """The stored entry (an `EntryRow`) at a place that is alive at a time (None: now), or None."""
    scope, index, terms, values, _, _ = place
    for row in tx.entries(scope, index, terms, lower=values, upper=values + b"\0", at=at, limit=1):
        return row
    return None


def complete_builds(ctx: Context, ref: v.Ref) -> None:
    """To be called before a document is written: enter it, with its history, in the indexes that are being built.

    The writes that follow only change entries, which is right only where an index has all entries of the document.
    """
    for index in ctx.schema.building_on(ref.scope, ref.coll):
        build_document(ctx, index, ref)


def create(ctx: Context, document: v.Document, literals: Mapping[str, int], data: Mapping[str, Any]) -> None:
    """Write the first version of a document of a user collection that has no ``ttl``, with its entries.

    literals: of some members of ``data`` their indexes in `Context.literals`, by name. data: those that are known already.
    Raises as `replace` does.
    """
    tx, ref = ctx.tx, document.ref
    scope, coll, doc = ref.scope, ref.coll, ref.id
    suffix = keys.ref_suffix(coll, doc)
    tx.create(scope, coll, doc, document.text, suffix)
    for index in ctx.schema.indexes_on(scope, coll):
        term = index.only_term
        found = None
        if term is not None and term.name in literals:
            found = extraction.only_entry(term, ctx.literals[literals[term.name]], suffix)
        elif term is not None and term.name in data:
            found = extraction.only_entry(term, data[term.name], suffix)
        for entry in (found,) if found is not None else extraction.entries(ctx, index, document):
            _add(tx, index, ref, entry, None)
            if index.unique and extraction.taken(ctx, index, entry, ref):
                raise not_unique()


def _add(tx: Any, index: Index, ref: v.Ref, entry: extraction.Entry, ttl: Optional[int]) -> None:
    """Add an entry that was not there before to an index of a user, and bill it."""
    terms, values, cover = entry
    size = len(terms) + len(values)
    if size > MAX_KEY:
        raise _key_too_large(size)
    tx.add_entry(ref.scope, index.id, terms, values, ref.coll, ref.id, cover, ttl)
    if cover is not None:
        size += len(cover)
    tx.write_ops += 1 if size <= WRITE_UNIT else write_ops(size)


def add_all(ctx: Context, document: v.Document, ttl: Optional[int]) -> None:
    """Add the entries of a document that was not there before. Raises as `replace` does."""
    tx, ref = ctx.tx, document.ref
    scope, coll, doc = ref.scope, ref.coll, ref.id
    tx.add_entry(scope, coll, b"", keys.ref_suffix(coll, doc), coll, doc, None, ttl)
    if coll < v.FIRST_COLLECTION:
        internal: Entries = {}
        _internal(internal, ref, document.fields)
        for place in internal:
            tx.add_entry(*place, None, ttl)
    for index in ctx.schema.indexes_on(scope, coll):
        for entry in extraction.entries(ctx, index, document):
            _add(tx, index, ref, entry, ttl)
            if index.unique and extraction.taken(ctx, index, entry, ref):
                raise not_unique()


def add_past(ctx: Context, document: v.Document, ttl: Optional[int], added: int) -> None:
    """As `add_all`, but from a time in the past on, and without enforcing uniqueness."""
    tx, ref = ctx.tx, document.ref
    scope, coll, doc = ref.scope, ref.coll, ref.id
    for place in kept_by_engine(document):
        tx.add_entry(*place, None, ttl, added, True)
    for index, terms, values, cover in _of_indexes(ctx, document):
        tx.add_entry(scope, index, terms, values, coll, doc, cover, ttl, added, True)


def replace(
    ctx: Context,
    old: Optional[v.Document],
    old_ttl: Optional[int],
    new: Optional[v.Document],
    new_ttl: Optional[int],
    earlier: Optional[v.Document],
) -> None:
    """End the entries of a document's old version that its new one does not have, and add those that it has besides.

    old_ttl, new_ttl: when the versions expire, in microseconds. earlier: the version from before this transaction, if the
    transaction has also written old. An entry of earlier that old had not and new has goes on as if it had never ended.
    Raises Fault (``instance not unique``), and RequestError for too large a key.
    """
    tx = ctx.tx
    indexes = None
    if old is not None and new is None and old.ref.coll >= v.FIRST_COLLECTION:
        scope, coll, doc = old.ref.scope, old.ref.coll, old.ref.id
        tx.end_entry(scope, coll, b"", keys.ref_suffix(coll, doc))
        _replace_in(ctx, ctx.schema.indexes_on(scope, coll), old, None)
        return
    if old is not None and new is not None and old_ttl is None and new_ttl is None:
        indexes = _changed(ctx, old, new)
        if indexes is not None and (not indexes or earlier is None):
            _replace_in(ctx, indexes, old, new)
            return
    before, after = of_version(ctx, old, indexes), of_version(ctx, new, indexes)
    gone = {place for place, cover in before.items() if not _has(after, place, cover)}
    for place in gone:
        tx.end_entry(*place[:4])
        _count(tx, place, None)
    kept = of_version(ctx, earlier, indexes)
    added: Entries = {}
    for place, cover in after.items():
        if place not in before or place in gone:
            past = _find(tx, place, tx.txn - 1) if _has(kept, place, cover) else None
            tx.add_entry(*place, cover, new_ttl, None if past is None else past.added)
            _count(tx, place, cover)
            added[place] = cover
        elif old_ttl != new_ttl:
            _refresh(tx, place, cover, new_ttl)
    # While the document was expired, others may have taken its place in a unique index.
    claimed = after if old_ttl is not None and old_ttl <= ctx.time else added
    if new is not None and claimed:
        check_unique(ctx, new.ref, claimed)


def update(
    ctx: Context, ts: int, old: dict[str, Any], new: v.Document, patch: Optional[Mapping[str, Any]]
) -> None:
    """As `replace`, for versions of different transactions of a document of a user collection that do not expire.

    ts, old: the time of the old version, and its ``data``. patch: what has been merged into that, if it has.
    """
    ref = new.ref
    indexes = ctx.schema.indexes_on(ref.scope, ref.coll)
    if patch is not None:
        indexes = [index for index in indexes if index.members is None or not index.members.isdisjoint(patch)]
    if indexes:
        before = v.Document(ref, ts, {"data": old})
        _replace_in(ctx, _among(indexes, before, new), before, new)


def _replace_in(ctx: Context, indexes: list[Index], old: v.Document, new: Optional[v.Document]) -> None:
    """As `replace`, in some indexes of users, for versions of different transactions that do not expire, or for the end of a
    document."""
    tx, ref = ctx.tx, old.ref
    ended: list[tuple[Index, extraction.Entry]] = []
    begun: list[tuple[Index, extraction.Entry]] = []
    for index in indexes:
        before = extraction.entries(ctx, index, old)
        after = [] if new is None else extraction.entries(ctx, index, new)
        if before != after:
            kept = set(before).intersection(after) if after else ()
            ended += [(index, entry) for entry in before if entry not in kept]
            begun += [(index, entry) for entry in after if entry not in kept]
    for index, (terms, values, _) in ended:
        tx.end_entry(ref.scope, index.id, terms, values)
        tx.write_ops += write_ops(len(terms) + len(values))
    for index, entry in begun:
        _add(tx, index, ref, entry, None)
    for index, entry in begun:
        if index.unique and extraction.taken(ctx, index, entry, ref):
            raise not_unique()


def _changed(ctx: Context, old: v.Document, new: v.Document) -> Optional[list[Index]]:
    """The indexes in which entries of a document may differ between two live versions that do not expire. None: also those
    that the engine keeps for itself."""
    scope, coll = new.ref.scope, new.ref.coll
    if coll < v.FIRST_COLLECTION:
        return None
    indexes: list[Index] = ctx.schema.indexes_on(scope, coll)
    if not indexes:
        return indexes
    return _among(indexes, old, new)


def _among(indexes: list[Index], old: v.Document, new: v.Document) -> list[Index]:
    """Those of some indexes of users in which entries of a document may differ between two versions."""
    before, after = old.fields.get("data", _NO_DATA), new.fields.get("data", _NO_DATA)
    return [index for index in indexes if index.members is None or not _alike(index.members, before, after)]


_NO_DATA: dict[str, Any] = {}


def _alike(members: frozenset[str], before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether it is sure that the data of two versions have the same values for some members."""
    for member in members:
        value, known = after.get(member), before.get(member)
        # What an update leaves alone is the very same object. Others are compared where `==` is exact (unlike 0.0 == -0.0).
        if value is not known and not (
            type(value) is type(known) and type(value) in _EXACT and value == known
        ):
            return False
    return True


_EXACT = frozenset((str, int, bool, v.Ref))


def _count(tx: Any, place: Place, cover: Optional[str]) -> None:
    """Bill the write of an entry, if it is in an index of a user."""
    _, index, terms, values, coll, _ = place
    if index >= v.FIRST_COLLECTION and index != coll:
        tx.write_ops += write_ops(len(terms) + len(values) + len(cover or ""))


def _refresh(tx: Any, place: Place, cover: Optional[str], ttl: Optional[int]) -> None:
    """Give a live entry another ttl. This makes no event in any set."""
    row = _find(tx, place, None)
    if row is not None:
        tx.drop_entry(*place[:4], row.added)
        tx.add_entry(*place, cover, ttl, row.added)


def forget(ctx: Context, document: Optional[v.Document]) -> None:
    """Remove the live entries of a version from history, too. Unlike their end, this is no event of any set."""
    tx = ctx.tx
    for place in of_version(ctx, document):
        row = _find(tx, place, None)
        if row is not None:
            tx.drop_entry(*place[:4], row.added)


def check_unique(ctx: Context, ref: v.Ref, added: Entries) -> None:
    """Raise Fault (``instance not unique``) if a unique index already has one of the added entries, of another document."""
    for index in ctx.schema.indexes_on(ref.scope, ref.coll):
        if not index.unique:
            continue
        for place, cover in added.items():
            if place.index_id != index.id or place.scope != index.scope:
                continue
            if extraction.taken(ctx, index, extraction.Entry(place.terms, place.values, cover), ref):
                raise not_unique()


class Version(NamedTuple):
    """One version of a document whose history is rewritten. ts, ttl: microseconds. document: None for a deletion."""

    ts: int
    document: Optional[v.Document]
    ttl: Optional[int]


def rewrite(
    ctx: Context,
    at: int,
    previous: Optional[Version],
    before: Optional[Version],
    after: Optional[Version],
    following: Optional[Version],
) -> None:
    """Change the entries of a document whose version at a time in its history is added, replaced or removed.

    What changes is the document's state between that time and the following version.

    :param at: the time in microseconds.
    :param previous: the version before that time.
    :param before: the version that held from that time on until now: `previous`, if there was none at that time.
    :param after: the version that is to hold from then on: `previous`, if there is to be none at that time.
    :param following: the version after that time.
    """
    tx = ctx.tx
    states = (previous, before, after, following)
    at_previous, at_before, at_after, at_following = (
        of_version(ctx, None if state is None else state.document) for state in states
    )
    until = None if following is None else following.ts
    ttl = None if after is None else after.ttl
    for place, cover in at_before.items():
        if not _has(at_after, place, cover):
            lived, lives = _has(at_previous, place, cover), _has(at_following, place, cover)
            _cut(tx, place, cover, at, until, lived, lives)
        elif until is None and before is not None and before.ttl != ttl:
            _refresh(tx, place, cover, ttl)
    for place, cover in at_after.items():
        if _has(at_before, place, cover):
            continue
        left = _find(tx, place, at - 1) if _has(at_previous, place, cover) else None
        right = _find(tx, place, until) if _has(at_following, place, cover) else None
        for row in (left, right):
            if row is not None:
                tx.drop_entry(*place[:4], row.added)
        added = at if left is None else left.added
        removed = until if right is None else right.removed
        _put(tx, place, cover, ttl if right is None else right.ttl, added, removed)


def _has(found: Entries, place: Place, cover: Optional[str]) -> bool:
    """Whether an entry is among those found. (1 and 1.0 have the same place, but are not the same entry.)"""
    return found.get(place, "") == cover


def _cut(
    tx: Any, place: Place, cover: Optional[str], at: int, until: Optional[int], left: bool, right: bool
) -> None:
    """Take the time from `at` to `until` out of an entry's life. left: it is alive before; right: it is alive afterwards."""
    row = _find(tx, place, at)
    if row is None:
        return
    tx.drop_entry(*place[:4], row.added)
    if left and row.added < at:
        _put(tx, place, cover, row.ttl, row.added, at)
    if right and until is not None:
        _put(tx, place, cover, row.ttl, until, row.removed)


def _put(
    tx: Any, place: Place, cover: Optional[str], ttl: Optional[int], added: int, removed: Optional[int]
) -> None:
    """Store an entry, live or ended."""
    if removed is None:
        tx.add_entry(*place, cover, ttl, added)
    else:
        tx.put_past_entry(*place, cover, ttl, added, removed)
