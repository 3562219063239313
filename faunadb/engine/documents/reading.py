"""Reading documents and their history (writes and schema, "History and its limits"; sets, "Version list")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

from ..indexes.internal import HIDDEN_FIELDS
from ..java.times import Time, time_text
from ..language import codec
from ..language import values as v
from ..language.context import DECODED, READ_UNIT
from ..language.errors import RequestError, bad_request, not_found
from ..language.registry import MISSING
from .merging import difference

if TYPE_CHECKING:
    from ..language.context import Context


def kind(ref: v.Ref) -> str:
    """What error texts call the document of a ref: ``Document``, ``Database``, ``Collection``, ..."""
    return v.NATIVE_KINDS.get(ref.coll, "Document")


def valid_time(ctx: Context, at: Any) -> Optional[int]:
    """Time to read at in microseconds, None for the present.

    at: microseconds, `values.PENDING`, None (the present) or MISSING (the query's own time).
    """
    if at is MISSING:
        at = ctx.at
    if not isinstance(at, int) or at >= ctx.time:
        return None
    return at


def check_time(ctx: Context, scope: int, coll: int, at: Optional[int]) -> None:
    """Raise 400 when a collection's history does not reach back to a time. None: the present, always fine."""
    if at is None:
        return
    info = ctx.schema.collection(scope, coll)
    limit = None if info is None else info.min_valid(ctx.time)
    if limit is not None and at < limit:
        raise too_early(at, limit)


def too_early(at: int, limit: int) -> RequestError:
    """The error for reading at a time before a limit, both in microseconds. It shows all digits of the requested time."""
    given = at.given if isinstance(at, v.Instant) else Time.from_micros(at)
    minimum = time_text(Time.from_micros(limit))
    return bad_request(
        f"Requested timestamp {time_text(given)} less than minimum allowed timestamp {minimum}."
    )


def row(ctx: Context, ref: v.Ref, at: Any = MISSING) -> Any:
    """The stored version of a live document, or None (absent, deleted, expired, its collection gone)."""
    scope, coll = ref.scope, ref.coll
    if ctx.schema.collection(scope, coll) is None:
        return None
    if at is MISSING:
        at = ctx.at
    if at is not None:
        at = valid_time(ctx, at)
        check_time(ctx, scope, coll, at)
    found = ctx.prefetched.pop((scope, coll, ref.id), None) if at is None and ctx.prefetched else None
    if found is None:
        found = ctx.snap.version(scope, coll, ref.id, at)
    if found is None or not found.live or (found.ttl is not None and found.ttl <= ctx.time):
        ctx.read(0)
        return None
    ctx.read(len(found.data))
    return found


def present(ctx: Context, ref: v.Ref) -> Optional[v.Document]:
    """A document as it is now, for whoever may read all of its database. Raises Fault when there is none.

    None where there is more to ask: in a transaction, in the past, for other principals, for what is read ahead, and for
    documents that are schema.
    """
    scope, coll = ref.scope, ref.coll
    if coll < v.FIRST_COLLECTION or ctx.at is not None or ctx.tx is not None or ctx.prefetched:
        return None
    if not ctx.perms.reads_all(scope) or ctx.schema.collection(scope, coll) is None:
        return None
    found = ctx.snap.version(scope, coll, ref.id)
    if found is None or not found.live or (found.ttl is not None and found.ttl <= ctx.time):
        ctx.read(0)
        raise not_found(kind(ref))
    text = found.data
    ctx.read(len(text))
    return v.Document(ref, found.ts, text=text)


def document(ctx: Context, ref: v.Ref, version: Any) -> v.Document:
    """A stored version as a value; hidden fields of native documents are left out."""
    ts = version.ts
    text = version.data
    tx = ctx.tx
    if tx is not None and version.txn == tx.txn:
        if ts == tx.txn:
            ts = v.PENDING
        if text is not None:
            text = codec.with_pending(text, tx.txn)
    hidden = HIDDEN_FIELDS.get(ref.coll)
    if hidden is None or not version.live:
        return v.Document(ref, ts, text=text, deletion=not version.live)
    return v.Document(ref, ts, visible(ref.coll, v.Document.decode(text, ref.scope)))


def visible(coll: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Stored fields that may be shown."""
    hidden = HIDDEN_FIELDS.get(coll)
    if hidden is None or hidden.isdisjoint(fields):
        return fields
    return {key: value for key, value in fields.items() if key not in hidden}


def get(ctx: Context, ref: v.Ref, at: Any = MISSING) -> Optional[v.Document]:
    """The document at a time, or None when it does not exist then. No permission is checked.

    at: microseconds, `values.PENDING`, None for the present, MISSING for the query's own time. A document
    whose ``ttl`` has passed now is absent at every time.
    Raises RequestError (400) for a time before the collection's retained history.
    """
    found = row(ctx, ref, at)
    return None if found is None else document(ctx, ref, found)


def several(ctx: Context, items: list[Any]) -> list[Optional[v.Document]]:
    """What the form ``get`` gives for each of several refs, read together and counted as one by one.

    None for an item that ``get`` has to look at itself: no ref, or one of a document that may be hidden, expires or is
    not there.
    """
    first = items[0]
    if ctx.tx is None and ctx.at is None and type(first) is v.Ref and first.coll >= v.FIRST_COLLECTION:
        scope, coll = first.scope, first.coll
        if ctx.perms.reads_all(scope) and ctx.schema.collection(scope, coll) is not None:
            ids = [
                item.id for item in items if type(item) is v.Ref and item.coll == coll and item.scope == scope
            ]
            if len(ids) == len(items):
                return _of_one_collection(ctx, items, ids, scope, coll)
    ctx.prefetch(items)
    return [None] * len(items)


def _of_one_collection(
    ctx: Context, items: list[v.Ref], ids: list[int], scope: int, coll: int
) -> list[Optional[v.Document]]:
    """The same for documents that may be read."""
    versions = ctx.snap.newest_of(scope, coll, ids)
    found = [
        v.Document(item, version[0], None, text=version[3])
        if version is not None and version[1] and version[2] is None  # live, and does not expire
        else None
        for item, version in zip(items, map(versions.get, ids))
    ]
    sizes = [len(document.text) for document in found if document is not None]  # type: ignore[arg-type]
    ctx.tick_each(2, len(sizes))  # each a call of the lambda, and the form in it
    ctx.read_ops += len(sizes) + sum([(size - 1) // READ_UNIT for size in sizes if size > READ_UNIT])
    ctx.read_bytes(sum(sizes), DECODED)
    return found


def exists(ctx: Context, ref: v.Ref, at: Any = MISSING) -> bool:
    """Whether `get` would find the document."""
    return row(ctx, ref, at) is not None


def versions(ctx: Context, ref: v.Ref) -> Iterator[Any]:
    """The stored versions that history shows, oldest first; they count as read.

    That is the root, the newest version at or before the earliest valid time, unless it is a deletion or has
    expired; then all versions newer than that time.
    """
    for version in _shown_versions(ctx, ref):
        ctx.read(len(version.data or ""))
        yield version


def _shown_versions(ctx: Context, ref: v.Ref) -> Iterator[Any]:
    info = ctx.schema.collection(ref.scope, ref.coll)
    if info is None:
        return
    limit = info.min_valid(ctx.time)
    if limit is None:
        yield from ctx.snap.versions(ref.scope, ref.coll, ref.id)
        return
    root = ctx.snap.version(ref.scope, ref.coll, ref.id, limit)
    if root is not None and root.live and (root.ttl is None or root.ttl > ctx.time):
        yield root
    yield from ctx.snap.versions(ref.scope, ref.coll, ref.id, lower=limit + 1)


def history(ctx: Context, ref: v.Ref) -> Iterator[v.DocumentEvent]:
    """The events of a document, oldest first; nothing for an unknown one. No permission is checked.

    A live version after a live one is an ``update`` whose diff holds the changed top-level fields (members
    removed: null), any other live version a ``create`` with all its fields; a deletion has no diff.
    """
    before: Optional[dict[str, Any]] = None
    deleted = False
    for version in versions(ctx, ref):
        ctx.tick(0)
        shown = document(ctx, ref, version)
        if not version.live:
            if not deleted:
                yield v.DocumentEvent(shown.ts, v.DELETE, ref, None)
            before, deleted = None, True
            continue
        fields = shown.fields
        if before is None:
            yield v.DocumentEvent(shown.ts, v.CREATE, ref, fields)
        else:
            yield v.DocumentEvent(shown.ts, v.UPDATE, ref, difference(before, fields))
        before, deleted = fields, False
