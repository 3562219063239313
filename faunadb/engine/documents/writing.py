"""Writing documents: versions, index entries, limits, the commit log (writes and schema, parts 1.5 to 1.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..indexes import entries
from ..java.times import Time
from ..json_text import encoder
from ..language import codec
from ..language import values as v
from ..language.errors import RequestError, bad_request
from ..language.registry import MISSING
from .reading import visible

if TYPE_CHECKING:
    from ..language.context import Context

#: Most bytes of one version, and of everything one transaction writes.
MAX_VERSION = 8_388_608
MAX_TRANSACTION = 16_777_216

_encode_plain = encoder(ensure_ascii=False)


def write(
    ctx: Context,
    ref: v.Ref,
    fields: Optional[dict[str, Any]],
    before: Any = MISSING,
    old: Optional[dict[str, Any]] = None,
    plain: bool = False,
) -> v.Document:
    """Write a document's version of the running transaction; fields None deletes it.

    fields: everything to be stored at the top level, validated, without nulls. before: the newest stored
    version (a storage row, or None), when the caller has read it already; old: its fields, when they are
    decoded. plain: the fields are nothing but JSON (`schema.fields.is_plain`). Returns the new version as it may be
    shown; for a deletion, a `Document` marked so.
    Raises Fault (``instance not unique``) and RequestError (size limits).
    """
    tx = ctx.writer()
    if before is MISSING:
        before = tx.version(ref.scope, ref.coll, ref.id)
    if fields is None:
        text = ttl = None
    elif plain:
        text, ttl = _encode_plain(fields), None
    else:
        text, ttl = codec.encode_fields(fields, tx.txn, ref.scope), ttl_micros(fields)
    new = None if text is None else v.Document(ref, v.PENDING, fields, text=text)
    if before is not None:
        entries.complete_builds(ctx, ref)
    schema = ref.coll in v.NAMED_NATIVES
    if schema:
        _touch(ctx, ref, fields)
    _store(ctx, ref, tx.txn, text, ttl, before is None)
    if before is None and new is not None:
        entries.add_all(ctx, new, ttl)
    elif before is not None:
        version = codec.stored(ref, before) if old is None else v.Document(ref, before.ts, old)
        entries.replace(ctx, version, before.ttl, new, ttl, _earlier(tx, ref, before))
    if before is None or before.ts != tx.txn:
        tx.log(["put", ref.scope, ref.coll, ref.id, tx.txn])
    if tx.bytes_written > MAX_TRANSACTION:
        check_size(tx)
    if schema:
        ctx.schema.changed(tx, ref, text, fields)
    if new is None:
        return v.Document(ref, v.PENDING, {}, deletion=True)
    if ref.coll < v.FIRST_COLLECTION:
        return v.Document(ref, v.PENDING, visible(ref.coll, fields or {}))
    return new


def ttl_micros(fields: dict[str, Any]) -> Optional[int]:
    """A version's time of expiry in microseconds, None without."""
    ttl = fields.get("ttl")
    return ttl.to_micros() if type(ttl) is Time else None


def _earlier(tx: Any, ref: v.Ref, before: Any) -> Optional[v.Document]:
    """The version before this transaction, when the newest one was written by it."""
    if before.ts != tx.txn:
        return None
    return codec.stored(ref, tx.version(ref.scope, ref.coll, ref.id, tx.txn - 1))


def _touch(ctx: Context, ref: v.Ref, fields: Optional[dict[str, Any]]) -> None:
    item = ctx.schema.item(ref)
    old_name = None if item is None else item.name
    ctx.schema.touch(ref, old_name, None if fields is None else fields["name"])


def _store(
    ctx: Context, ref: v.Ref, ts: int, text: Optional[str], ttl: Optional[int], first: bool = False
) -> None:
    if text is not None and len(text) * 4 > MAX_VERSION:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_VERSION:
            raise bad_request(f"Version bytes ({size}) exceeds threshold ({MAX_VERSION})")
    ctx.tx.put_version(ref.scope, ref.coll, ref.id, ts, text is not None, ttl, text, first)


def check_size(tx: Any) -> None:
    """Raise RequestError when the transaction has written too much."""
    if tx.bytes_written > MAX_TRANSACTION:
        raise transaction_too_large(tx.bytes_written)


def transaction_too_large(size: int) -> RequestError:
    return bad_request(f"Transaction exceeded limit: got {size} bytes, limit {MAX_TRANSACTION} bytes")


def insert(ctx: Context, ref: v.Ref, ts: int, fields: Optional[dict[str, Any]]) -> None:
    """Put a version into a document's history; fields None: a deletion. Uniqueness is not enforced.

    ts: microseconds, not later than the transaction. A version at that very time is replaced.
    """
    if fields is None:
        insert_text(ctx, ref, ts, None, None)
    else:
        text = codec.encode_fields(fields, ctx.writer().txn, ref.scope)
        insert_text(ctx, ref, ts, text, ttl_micros(fields))


def insert_text(
    ctx: Context,
    ref: v.Ref,
    ts: int,
    text: Optional[str],
    ttl: Optional[int],
    is_new: bool = False,
    fields: Optional[dict[str, Any]] = None,
) -> None:
    """As `insert`, for a version whose stored text is there already.

    ttl: its expiry in microseconds, None without. is_new: the document is known to have no version. fields: what the
    text says, where that is decoded already.
    """
    tx = ctx.writer()
    scope, coll, doc = ref.scope, ref.coll, ref.id
    if text is not None and (is_new or tx.version(scope, coll, doc) is None):
        entries.complete_builds(ctx, ref)
        _store(ctx, ref, ts, text, ttl, first=True)
        entries.add_past(ctx, v.Document(ref, ts, fields, text=text), ttl, ts)
    else:
        _insert_between(ctx, ref, ts, text, ttl)
    # With its content: by the time a stream looks, history may have been rewritten once more.
    tx.log(["put", scope, coll, doc, ts, text])
    check_size(tx)


def _insert_between(ctx: Context, ref: v.Ref, ts: int, text: Optional[str], ttl: Optional[int]) -> None:
    """Put a version among those that a document has."""
    tx = ctx.writer()
    scope, coll, doc = ref.scope, ref.coll, ref.id
    at = tx.version(scope, coll, doc, ts)
    previous = tx.version(scope, coll, doc, ts - 1) if at is not None and at.ts == ts else at
    following = _following(tx, ref, ts)
    entries.complete_builds(ctx, ref)
    _store(ctx, ref, ts, text, ttl)
    entries.rewrite(
        ctx,
        ts,
        _version(ref, previous),
        _version(ref, at),
        entries.Version(ts, None if text is None else v.Document(ref, ts, text=text), ttl),
        _version(ref, following),
    )


def remove(ctx: Context, ref: v.Ref, row: Any, retained_from: Optional[int]) -> None:
    """Take a version out of a document's history. row: that version.

    retained_from: the collection's earliest valid time; a version at or below it becomes a deletion, so that none
    that had passed out of reach comes back.
    """
    tx = ctx.writer()
    scope, coll, doc, ts = ref.scope, ref.coll, ref.id, row.ts
    previous = tx.version(scope, coll, doc, ts - 1)
    following = _following(tx, ref, ts)
    entries.complete_builds(ctx, ref)
    if retained_from is not None and ts <= retained_from:
        after: Optional[entries.Version] = entries.Version(ts, None, None)
        tx.put_version(scope, coll, doc, ts, False, None, None)
    else:
        after = _version(ref, previous)
        tx.drop_version(scope, coll, doc, ts)
    entries.rewrite(ctx, ts, _version(ref, previous), _version(ref, row), after, _version(ref, following))
    tx.log(["drop", scope, coll, doc, ts, "create" if row.live else "delete", row.data])


def _following(tx: Any, ref: v.Ref, ts: int) -> Any:
    return next(iter(tx.versions(ref.scope, ref.coll, ref.id, lower=ts + 1, limit=1)), None)


def _version(ref: v.Ref, row: Any) -> Optional[entries.Version]:
    return None if row is None else entries.Version(row.ts, codec.stored(ref, row), row.ttl)
