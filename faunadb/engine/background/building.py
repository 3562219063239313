"""Builds an index whose sources are large (sets and reads, "Building").

The documents are worked through in steps, each a write of its own. Until all are done the index is inactive, although
other writes keep its entries up to date already.
"""

from __future__ import annotations

import json
import logging
import time
from bisect import bisect_right
from typing import Any, Callable, Optional

from ..auth.permissions import Admin
from ..auth.principals import Auth
from ..documents import writing
from ..indexes.builds import build_document
from ..indexes.definitions import Index, live_sources
from ..indexes.internal import BUILDING_FIELD
from ..language import values as v
from ..language.context import Context
from ..language.errors import RequestError
from ..records import NamedTuple
from ..schema.tasks import open_tasks
from ..schema.view import schema_view
from .keeper import Keeper, system_context

log = logging.getLogger("faunadb.engine")

#: How many documents, and seconds, one step takes at most.
STEP = 500
STEP_SECONDS = 0.05


def steps(keeper: Keeper, scope: int, number: int) -> Callable[[Any], bool]:
    """The steps of building an index: a function for a write, to be run again while it returns True."""

    def step(tx: Any) -> bool:
        ctx = system_context(keeper, tx, scope)
        return _step(ctx, v.Ref(scope, v.INDEXES, number))

    return step


#: How many documents `progress` counts before it gives up.
COUNTED = 1_000_000


class Progress(NamedTuple):
    """How many documents a build has done, out of a total. total: None when there are too many to count."""

    done: int
    total: Optional[int]


def progress(ctx: Context, index: Index) -> Progress:
    """How far the build of an inactive index is."""
    first, last = json.loads(ctx.snap.setting(_key(index.ref)) or "null") or (None, None)
    done = total = 0
    for coll in live_sources(ctx, index):
        documents = ctx.snap.scan_documents(index.scope, coll, limit=COUNTED + 1 - total)
        total += len(documents)
        if first is not None and coll <= first:
            done += len(documents) if coll < first or last is None else bisect_right(documents, last)
        if total > COUNTED:
            return Progress(done, None)
    return Progress(done, total)


def under_way(keeper: Keeper) -> dict[str, Progress]:
    """How far the indexes are that are being built, by name, in all databases."""
    found: dict[str, Progress] = {}
    with keeper.store.snapshot() as snap:
        for task in open_tasks(snap):
            if task[0] != "build":
                continue
            scope = task[1]
            ctx = Context(keeper, snap, schema_view(keeper, snap), Auth("root", scope, Admin(scope)))
            index = ctx.schema.index(v.Ref(scope, v.INDEXES, task[2]))
            if index is not None:
                found[index.name] = progress(ctx, index)
    return found


def _key(ref: v.Ref) -> str:
    """The setting that says how far a build is: a JSON array of collection and last document done."""
    return f"build/{ref.scope}/{ref.id}"


def _step(ctx: Context, ref: v.Ref) -> bool:
    tx = ctx.writer()
    index = ctx.schema.index(ref)
    key = _key(ref)
    if index is None:
        tx.set_setting(key, "")
        return False
    place = _advance(ctx, index, json.loads(tx.setting(key) or "null"))
    tx.set_setting(key, json.dumps(place) if place is not None else "")
    if place is None:
        _activate(ctx, ref)
    return place is not None


def _advance(ctx: Context, index: Index, place: Any) -> Optional[list[Optional[int]]]:
    """Index some more documents. place: [collection, last document done]. Returns the next place, None at the end."""
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
        # Its entries are too large. The document is older than the index, so it stays, but is not indexed.
        log.warning("index %s leaves out document %s: %s", index.name, ref.id, refusal.description)


def _activate(ctx: Context, ref: v.Ref) -> None:
    item = ctx.schema.item(ref)
    if item is None:
        return
    fields = {key: value for key, value in item.fields.items() if key != BUILDING_FIELD}
    writing.write(ctx, ref, {**fields, "active": True})
