"""Fills a new index from the documents that are already there (sets and reads, "Building").

If there are few, the transaction that creates the index does so. Otherwise `background.building` does, in many small
transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from ..language import codec
from ..language import values as v
from ..language.context import Context
from ..records import NamedTuple
from .definitions import Index, live_sources
from .extraction import Entry, entries

#: An index is built at once if its source holds at most so many documents and at most so many versions.
SMALL = 128


def is_small(ctx: Context, index: Index) -> bool:
    """Whether the running transaction, which creates the index, is to build it."""
    if index.wildcard:
        return not live_sources(ctx, index)
    if len(index.sources) > 1:
        return False
    tx = ctx.writer()
    count = versions = 0
    for coll in live_sources(ctx, index):
        count += len(tx.scan_documents(index.scope, coll, limit=SMALL + 1))
        versions += tx.count_versions(index.scope, coll, SMALL + 1)
        if count > SMALL or versions > SMALL:
            return False
    return True


def build_now(ctx: Context, index: Index) -> None:
    """Index every version of every document of the source, in the running transaction."""
    tx = ctx.writer()
    for coll in live_sources(ctx, index):
        for doc in tx.scan_documents(index.scope, coll, limit=SMALL + 1):
            ctx.check_deadline()
            build_document(ctx, index, v.Ref(index.scope, coll, doc))


class Span(NamedTuple):
    """The life of an entry: from `added` to `removed`, in microseconds (None: it is still alive). ttl: in microseconds."""

    entry: Entry
    ttl: Optional[int]
    added: int
    removed: Optional[int]


def _spans(ctx: Context, index: Index, ref: v.Ref) -> Iterator[Span]:
    """The entries of all versions of a document. An entry lives through all consecutive versions that have it."""
    living: dict[tuple[bytes, bytes], Span] = {}
    for row in ctx.snap.versions(ref.scope, ref.coll, ref.id):
        version = codec.stored(ref, row)
        found = [] if version is None else entries(ctx, index, version)
        now = {(entry.terms, entry.values): entry for entry in found}
        for key, span in list(living.items()):
            # 1 and 1.0 have the same key, but show different values.
            if key not in now or now[key].cover != span.entry.cover:
                yield living.pop(key)._replace(removed=row.ts)
        for key, entry in now.items():
            added = living[key].added if key in living else row.ts
            living[key] = Span(entry, row.ttl, added, None)
    yield from living.values()


def build_document(ctx: Context, index: Index, ref: v.Ref) -> None:
    """Write the entries of all versions of a document in an index. Those that are there already are written again."""
    tx = ctx.writer()
    for (terms, values, cover), ttl, added, removed in list(_spans(ctx, index, ref)):
        place = (index.scope, index.id, terms, values, ref.coll, ref.id, cover, ttl)
        if removed is None:
            tx.add_entry(*place, added)
        else:
            tx.put_past_entry(*place, added, removed)


def forget_document(ctx: Context, indexes: list[Index], ref: v.Ref) -> None:
    """Remove a document with all its versions, and all its entries in some indexes, ended ones included."""
    tx = ctx.writer()
    for index in indexes:
        for span in list(_spans(ctx, index, ref)):
            tx.drop_entry(index.scope, index.id, span.entry.terms, span.entry.values, span.added)
    for row in list(tx.versions(ref.scope, ref.coll, ref.id)):
        tx.drop_version(ref.scope, ref.coll, ref.id, row.ts)
