"""Removes what nobody can read any more: history past its retention, expired documents, old rows of the commit log.

Documents past their ``ttl`` cannot be read in any case; this frees the space they take. It is done in small writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

from .. import forks
from ..indexes import entries
from ..language import codec
from ..language import values as v
from ..schema.native import end_access
from ..schema.view import SchemaView, schema_view
from ..storage.base import LOG_KEPT
from .keeper import Keeper, system_context

if TYPE_CHECKING:
    from ..language.context import Context

#: Seconds from an engine's start to its first sweep, and from one to the next.
FIRST = 30.0
INTERVAL = 600.0

#: How many microseconds after the last sweep, of whatever process, one begins at once.
OVERDUE = 86_400_000_000

#: How many rows, and seconds, one write takes at most.
STEP = 500
STEP_SECONDS = 0.05

#: Setting that holds the time of the last sweep, in microseconds.
SWEPT = "swept"

_WITH_RETENTION = (v.KEYS, v.TOKENS, v.CREDENTIALS)


def last_sweep(snap: Any) -> Optional[int]:
    """When the last sweep began; None when there was none."""
    text = snap.setting(SWEPT)
    return int(text) if text else None


def _begin(keeper: Keeper) -> tuple[int, list[tuple[int, int]]]:
    """The present time, and what to sweep: (database, collection) by their numbers."""
    with keeper.store.snapshot() as snap:
        return snap.time, list(_places(schema_view(keeper, snap), 0))


def sweep(keeper: Keeper) -> None:
    """Go through all databases once. Returns early when the engine closes."""
    closing = keeper.background.closing
    began, places = forks.visit(partial(_begin, keeper))
    for scope in sorted({scope for scope, _ in places}):
        end_access_of_the_past(keeper, scope)
    for scope, coll in places:
        work = partial(_step, keeper, scope, coll)
        while not closing.is_set() and keeper.store.write(work)[0]:
            pass
        if closing.is_set():
            return
    keeper.store.prune_log(began - LOG_KEPT)
    keeper.store.write(lambda tx: tx.set_setting(SWEPT, str(began)))


def _places(schema: SchemaView, scope: int) -> Iterator[tuple[int, int]]:
    """(database, collection) of all collections with a retention, in a database and those below it."""
    for coll in _WITH_RETENTION:
        yield scope, coll
    for ref in schema.items(scope, v.COLLECTIONS):
        yield scope, ref.id
    for ref in schema.items(scope, v.DATABASES):
        child = schema.database_of(ref)
        if child is not None:
            yield from _places(schema, child.scope)


def _step(keeper: Keeper, scope: int, coll: int, tx: Any) -> bool:
    """Remove some of a collection's past. True while more remains."""
    ctx = system_context(keeper, tx, scope)
    info = ctx.schema.collection(scope, coll)
    limit = None if info is None else info.min_valid(ctx.time)
    if limit is None:
        return False
    ends = time.monotonic() + STEP_SECONDS
    if _remove_expired(ctx, scope, coll, limit, ends):
        return True
    if tx.purge_history(scope, coll, limit, STEP):
        return True
    return any(
        tx.purge_ended_entries(scope, number, before, STEP)
        for number, before in _indexes(ctx, scope, coll, limit)
    )


def end_access_of_the_past(keeper: Keeper, scope: int) -> None:
    """Delete the tokens and credentials in a database whose documents were deleted, while history still tells that they
    were."""
    for kind in (v.TOKENS, v.CREDENTIALS):
        after: Optional[int] = None
        while not keeper.background.closing.is_set():
            numbers, left = forks.visit(partial(_left_behind, keeper, scope, kind, after))
            if left:
                keeper.store.write(partial(_end_access, keeper, scope, left))
            if len(numbers) < STEP:
                break
            after = numbers[-1]


def _left_behind(keeper: Keeper, scope: int, kind: int, after: Optional[int]) -> tuple[list[int], set[v.Ref]]:
    """The ids of the next documents of a kind (tokens or credentials), and those of their instances that were deleted and
    will soon be without history."""
    left = set()
    with keeper.store.snapshot() as snap:
        schema = schema_view(keeper, snap)
        numbers = snap.scan_documents(scope, kind, after=after, limit=STEP)
        for number in numbers:
            own = codec.stored(v.Ref(scope, kind, number), snap.version(scope, kind, number))
            instance = None if own is None else own.fields.get("instance")
            if type(instance) is v.Ref and _passes(schema, snap, instance):
                left.add(instance)
    return numbers, left


def _passes(schema: SchemaView, snap: Any, ref: v.Ref) -> bool:
    """Whether a document was deleted, or has expired, so long ago that its history ends."""
    newest = snap.version(ref.scope, ref.coll, ref.id)
    if newest is None:
        return False  # the document has not been created yet
    ended = newest.ts if not newest.live else newest.ttl
    info = schema.collection(ref.scope, ref.coll)
    limit = None if info is None else info.min_valid(snap.time)
    return ended is not None and limit is not None and ended <= limit


def _end_access(keeper: Keeper, scope: int, instances: set[v.Ref], tx: Any) -> None:
    ctx = system_context(keeper, tx, scope)
    for ref in instances:
        if _passes(ctx.schema, tx, ref):
            end_access(ctx, ref)


def _remove_expired(ctx: Context, scope: int, coll: int, limit: int, ends: float) -> bool:
    """Remove documents that expired before a time and were last written before it. True when there may be more."""
    tx = ctx.writer()
    expired = tx.expired_documents(scope, coll, limit, STEP)
    removed = 0
    for doc in expired:
        ref = v.Ref(scope, coll, doc)
        newest = tx.version(scope, coll, doc)
        if newest is None or newest.ts > limit:
            continue
        entries.forget(ctx, codec.stored(ref, newest))
        for row in list(tx.versions(scope, coll, doc)):
            tx.drop_version(scope, coll, doc, row.ts)
        removed += 1
        if time.monotonic() > ends:
            return True
    return removed > 0 and len(expired) == STEP


def _indexes(ctx: Context, scope: int, coll: int, limit: int) -> Iterator[tuple[int, int]]:
    """Indexes on a collection and the time up to which none of their collections can be read."""
    yield coll, limit
    for index in ctx.schema.indexes_on(scope, coll):
        limits = [limit]
        for ref in ctx.schema.items(scope, v.COLLECTIONS):
            info = ctx.schema.collection(scope, ref.id) if index.covers(ref.id) else None
            if info is not None:
                limits.append(info.min_valid(ctx.time) or 0)
        yield index.id, min(limits)
