"""Filling new indexes from the documents that are already there (sets and reads, "Building").

A small source is indexed inside the transaction that creates the index. A larger one is worked through behind the
queries in steps, each a write of its own; until it is done the index is inactive, while writes already keep its
entries.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from ..auth.permissions import Admin
from ..documents import writing
from ..language import values as v
from ..language.context import Context
from ..language.errors import RequestError
from ..schema.view import schema_view
from . import definitions as indexing
from .definitions import Index, live_sources
from .internal import BUILDING_FIELD

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger("faunadb.engine")

#: Documents, and versions, that the sources of an index built at once may hold together.
SMALL = 128

#: Documents and seconds per step of a build behind the queries.
STEP = 500
STEP_SECONDS = 0.05


class SystemAuth(NamedTuple):
    """Who the engine itself is when it writes in a database on its own account."""

    scope: int
    permissions: Admin
    kind: str = "root"


def system_context(engine: Engine, tx: Any, scope: int) -> Context:
    """A context for work of the engine itself in a database. tx: a transaction."""
    return Context(engine, tx, schema_view(engine, tx), SystemAuth(scope, Admin(scope)), tx=tx)


def is_small(ctx: Context, index: Index) -> bool:
    """Whether an index is to be built inside the creating transaction."""
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
    """Index every version of every document of the sources, in the running transaction."""
    tx = ctx.writer()
    for coll in live_sources(ctx, index):
        for doc in tx.scan_documents(index.scope, coll, limit=SMALL + 1):
            ctx.check_deadline()
            build_document(ctx, index, v.Ref(index.scope, coll, doc))
    writing.check_size(tx)


class Span(NamedTuple):
    """The life of an entry: from `added` to `removed` (None: still)."""

    entry: indexing.Entry
    ttl: Optional[int]
    added: int
    removed: Optional[int]


def _spans(ctx: Context, index: Index, ref: v.Ref) -> Iterator[Span]:
    """The entries of all versions of a document. An entry lives as long as consecutive versions yield it."""
    living: dict[tuple[bytes, bytes], Span] = {}
    for row in ctx.snap.versions(ref.scope, ref.coll, ref.id):
        version = writing.stored(ref, row)
        found = [] if version is None else indexing.entries(ctx, index, version)
        now = {(entry.terms, entry.values): entry for entry in found}
        for key in [key for key in living if key not in now]:
            yield living.pop(key)._replace(removed=row.ts)
        for key, entry in now.items():
            added = living[key].added if key in living else row.ts
            living[key] = Span(entry, row.ttl, added, None)
    yield from living.values()


def build_document(ctx: Context, index: Index, ref: v.Ref) -> None:
    """Write the entries of one document; they may be there already."""
    tx = ctx.writer()
    for (terms, values, cover), ttl, added, removed in list(_spans(ctx, index, ref)):
        place = (index.scope, index.id, terms, values, ref.coll, ref.id, cover, ttl)
        if removed is None:
            tx.add_entry(*place, added)
        else:
            tx.put_past_entry(*place, added, removed)


def forget_document(ctx: Context, indexes: list[Index], ref: v.Ref) -> None:
    """Remove a document with all its versions, and its entries, past ones too, from some indexes."""
    tx = ctx.writer()
    for index in indexes:
        for span in list(_spans(ctx, index, ref)):
            tx.drop_entry(index.scope, index.id, span.entry.terms, span.entry.values, span.added)
    for row in list(tx.versions(ref.scope, ref.coll, ref.id)):
        tx.drop_version(ref.scope, ref.coll, ref.id, row.ts)


def steps(engine: Engine, scope: int, number: int) -> Callable[[Any], bool]:
    """The build of an index behind the queries: a work to be written again and again while it returns True."""

    def step(tx: Any) -> bool:
        ctx = system_context(engine, tx, scope)
        return _step(ctx, v.Ref(scope, v.INDEXES, number))

    return step


def _step(ctx: Context, ref: v.Ref) -> bool:
    tx = ctx.writer()
    index = ctx.schema.index(ref)
    key = f"build/{ref.scope}/{ref.id}"
    if index is None:
        tx.set_setting(key, "")
        return False
    place = _advance(ctx, index, json.loads(tx.setting(key) or "null"))
    tx.set_setting(key, json.dumps(place) if place is not None else "")
    if place is None:
        _activate(ctx, ref)
    return place is not None


def _advance(ctx: Context, index: Index, place: Any) -> Optional[list[Optional[int]]]:
    """Index some more documents. place: [collection, last document done]; returns the next one, None at the end."""
    tx = ctx.writer()
    ends = time.monotonic() + STEP_SECONDS
    first, last = place if place is not None else (None, None)
    for coll in live_sources(ctx, index):
        if first is not None and coll < first:
            continue
        after = last if coll == first else None
        for doc in tx.scan_documents(index.scope, coll, after=after, limit=STEP):
            _build_or_skip(ctx, index, v.Ref(index.scope, coll, doc))
            after = doc
            if time.monotonic() > ends:
                return [coll, after]
        if after is not None and tx.scan_documents(index.scope, coll, after=after, limit=1):
            return [coll, after]
    return None


def _build_or_skip(ctx: Context, index: Index, ref: v.Ref) -> None:
    try:
        build_document(ctx, index, ref)
    except RequestError as refusal:
        # Its entries are too large. The document was there first, so it stays, unindexed.
        log.warning("index %s leaves out document %s: %s", index.name, ref.id, refusal.description)


def _activate(ctx: Context, ref: v.Ref) -> None:
    item = ctx.schema.item(ref)
    if item is None:
        return
    fields = {key: value for key, value in item.fields.items() if key != BUILDING_FIELD}
    writing.write(ctx, ref, {**fields, "active": True})


__all__ = ["build_now", "is_small", "steps", "system_context"]
