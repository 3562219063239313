"""Reads documents and their history (writes and schema, "History and its limits"; sets, "Version list").

Nothing here checks permissions, except that `present` and `several` leave to their callers all that needs a check.
"""

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
    """What errors call the document of a ref: ``Document``, ``Database``, ``Collection``, ..."""
    return v.NATIVE_KINDS.get(ref.coll, "Document")


def valid_time(ctx: Context, at: Any) -> Optional[int]:
    """The time to read at, in microseconds; None for the present.

    at: microseconds, `values.PENDING`, None (the present) or MISSING (the time that ``at`` has set for the query).
    """
    if at is MISSING:
        at = ctx.at
    if not isinstance(at, int) or at >= ctx.time:
        return None
    return at


def check_time(ctx: Context, scope: int, coll: int, at: Optional[int]) -> None:
    """Raise RequestError (400) if a collection's history does not reach back to a time. None is the present."""
    if at is None:
        return
    info = ctx.schema.collection(scope, coll)
    limit = None if info is None else info.min_valid(ctx.time)
    if limit is not None and at < limit:
        raise too_early(at, limit)


def too_early(at: int, limit: int) -> RequestError:
    """The error for reading at a time before the earliest valid one, both in microseconds.

    It shows the requested time with the digits below a microsecond that it was given with.
    """
    given = at.given if isinstance(at, v.Instant) else Time.from_micros(at)
    minimum = time_text(Time.from_micros(limit))
    return bad_request(
        f"Requested timestamp {time_text(given)} less than minimum allowed timestamp {minimum}."
    )


def row(ctx: Context, ref: v.Ref, at: Any = MISSING) -> Any:
    """The stored version (a `VersionRow`) of a live document; None for one that is absent, deleted or expired, or whose
    collection is gone. Raises RequestError (400) for a time before the collection's retained history.
    """
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
    """The shortest way to a document in the present, for a principal who may read all of its database.

    None where the caller has to go the general way: in a transaction, in the past, for other principals, if documents
    were read ahead, and for native documents. Raises Fault (``instance not found``) if the document does not exist.
    """
    scope, coll = ref.scope, ref.coll
    if coll < v.FIRST_COLLECTION or ctx.at is not None or ctx.tx is not None or ctx.prefetched:
        return None
    if not ctx.perms.reads_all(scope) or ctx.schema.collection(scope, coll) is None:
        return None
    found = ctx.snap.text_of(scope, coll, ref.id)
    if found is None:
        version = ctx.snap.version(scope, coll, ref.id)
        if version is None or not version.live or (version.ttl is not None and version.ttl <= ctx.time):
            ctx.read(0)
            raise not_found(kind(ref))
        found = version.ts, version.data
    ts, text = found
    ctx.read(len(text))
    return v.stored_document(ref, ts, text)


def document(ctx: Context, ref: v.Ref, version: Any) -> v.Document:
    """A stored version as a value. Hidden fields of native documents are left out; times of the running transaction are
    `values.PENDING`.
    """
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
    """Those of a document's stored fields that may be shown. coll: its collection's number."""
    hidden = HIDDEN_FIELDS.get(coll)
    if hidden is None or hidden.isdisjoint(fields):
        return fields
    return {key: value for key, value in fields.items() if key not in hidden}


def get(ctx: Context, ref: v.Ref, at: Any = MISSING) -> Optional[v.Document]:
    """The document at a time, or None if it does not exist then.

    at: as for `valid_time`. A document whose ``ttl`` has passed by now is absent at every time.
    Raises RequestError (400) for a time before the collection's retained history.
    """
    found = row(ctx, ref, at)
    return None if found is None else document(ctx, ref, found)


def several(ctx: Context, items: list[Any]) -> list[Optional[v.Document]]:
    """What the form ``get`` gives for each of several refs. They are read together, but billed as if one by one.

    None for an item that ``get`` itself has to look at: it is no ref, or its document may be hidden, has a time to live
    or is not there.
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
    """As `several`, for documents that may be read and are all of one collection."""
    texts = ctx.snap.texts_of(scope, coll, ids)
    stored_document = v.stored_document
    found = [
        None if newest is None else stored_document(item, *newest)
        for item, newest in zip(items, map(texts.get, ids))
    ]
    sizes = [len(document.text) for document in found if document is not None]  # type: ignore[arg-type]
    ctx.tick_each(2, len(sizes))  # each a call of the lambda, and the form in it
    ctx.read_ops += len(sizes) + sum([(size - 1) // READ_UNIT for size in sizes if size > READ_UNIT])
    ctx.read_bytes(sum(sizes), DECODED)
    return found


def exists(ctx: Context, ref: v.Ref, at: Any = MISSING) -> bool:
    """Whether `get` would find the document. Raises what `get` raises."""
    return row(ctx, ref, at) is not None


def versions(ctx: Context, ref: v.Ref) -> Iterator[Any]:
    """The stored versions (`VersionRow`) that a document's history shows, oldest first. Each counts as read.

    The first is the newest one at or before the earliest valid time, unless it is a deletion or has expired. After it
    come all later ones.
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
    """The events of a document, oldest first; none for an unknown one.

    A live version after a live one is an ``update``, whose diff is their `difference`. Any other live version is a
    ``create`` with all its fields. A deletion is a ``delete`` without a diff.
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
