"""Writes versions of documents, with their index entries and their rows in the commit log, within the limits of size
(writes and schema, parts 1.5 to 1.14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import entries
from ..java.times import Time
from ..json_text import encoder
from ..language import codec
from ..language import values as v
from ..language.errors import RequestError, bad_request
from ..language.registry import MISSING
from .merging import merge
from .reading import visible
from .spelling import patched, respelled

if TYPE_CHECKING:
    from ..language.context import Context

#: The most bytes that one version may have, and that one transaction may write.
MAX_VERSION = 8_388_608
MAX_TRANSACTION = 16_777_216

#: From fields that are nothing but JSON (`schema.fields.is_plain`) to their stored text.
plain_text = encoder(ensure_ascii=False)


def create(
    ctx: Context,
    ref: v.Ref,
    fields: Optional[dict[str, Any]],
    text: str,
    literals: Mapping[str, int] = entries.NO_LITERALS,
) -> v.Document:
    """As `write`, for the first version of a document of a user collection that has no ``ttl``.

    :param fields: ``data`` alone; None where only the text is known.
    :param text: the stored JSON of the fields.
    :param literals: of some members of ``data`` their indexes in `Context.literals`, by name.
    """
    tx = ctx.tx
    _check_version(text)
    document = v.Document(ref, v.PENDING, fields, text=text)
    entries.create(ctx, document, literals, {} if fields is None else fields["data"])
    check_size(tx)
    return document


def rewrite(
    ctx: Context,
    ref: v.Ref,
    ts: int,
    before: str,
    old: dict[str, Any],
    given: dict[str, Any],
    replace: bool,
) -> v.Document:
    """As `write`, for a document of a user collection that has but ``data`` and does not expire.

    ts, before, old: the time, the text, and the ``data`` of its newest stored version, which is of an earlier transaction.
    given: plain ``data`` (`schema.fields.is_plain`), which is merged into that, or replaces it.
    """
    tx, txn, scope, coll = ctx.tx, ctx.tx.txn, ref.scope, ref.coll
    fields = {"data": given if replace else merge(old, given)}
    if replace:
        text = plain_text(fields)
    else:
        kept = patched(before, old, fields["data"], given, codec.StoredWriter(txn, scope))
        text = codec.encode_fields(fields, txn, scope) if kept is None else kept
    _check_version(text)
    entries.complete_builds(ctx, ref)
    tx.update(scope, coll, ref.id, text, ts)
    document = v.Document(ref, v.PENDING, fields, text=text)
    entries.update(ctx, ts, old, document, None if replace else given)
    check_size(tx)
    return document


def write(
    ctx: Context,
    ref: v.Ref,
    fields: Optional[dict[str, Any]],
    before: Any = MISSING,
    old: Optional[dict[str, Any]] = None,
    text: Optional[str] = None,
) -> v.Document:
    """Write the running transaction's version of a document, and return it as it may be shown.

    :param fields: all top-level fields to store, validated and without nulls; None deletes the document.
    :param before: the newest stored version (a `VersionRow`, or None), if the caller has read it already.
    :param old: the fields of that version, if they are decoded already.
    :param text: the stored JSON of the fields, if it is known.
    :raises Fault: ``instance not unique``.
    :raises RequestError: more bytes than `MAX_VERSION` or `MAX_TRANSACTION`, or index entries that are too large.
    """
    tx = ctx.writer()
    if before is MISSING:
        before = tx.version(ref.scope, ref.coll, ref.id)
    ttl = None
    if fields is not None:
        text = _text(tx, ref, fields, before, old) if text is None else text
        ttl = ttl_micros(fields)
    new = None if text is None else v.Document(ref, v.PENDING, fields, text=text)
    if before is not None:
        entries.complete_builds(ctx, ref)
    schema = ref.coll in v.NAMED_NATIVES
    if schema:
        _touch(ctx, ref, fields)
    _store(ctx, ref, tx.txn, text, ttl, before is None, None if before is None else before.ts)
    if before is None and new is not None:
        entries.add_all(ctx, new, ttl)
    elif before is not None:
        version = codec.stored(ref, before) if old is None else v.Document(ref, before.ts, old)
        entries.replace(ctx, version, before.ttl, new, ttl, _earlier(tx, ref, before))
    if before is None or before.ts != tx.txn:
        tx.log(["put", ref.scope, ref.coll, ref.id, tx.txn])
    check_size(tx)
    if schema:
        ctx.schema.changed(tx, ref, text, fields)
    if new is None:
        return v.Document(ref, v.PENDING, {}, deletion=True)
    if ref.coll < v.FIRST_COLLECTION:
        return v.Document(ref, v.PENDING, visible(ref.coll, fields or {}))
    return new


def _text(tx: Any, ref: v.Ref, fields: dict[str, Any], before: Any, old: Optional[dict[str, Any]]) -> str:
    """The stored text of fields. before, old: as in `write`."""
    if old and before is not None:
        text = respelled(before.data, old, fields, codec.StoredWriter(tx.txn, ref.scope))
        if text is not None:
            return text
    return codec.encode_fields(fields, tx.txn, ref.scope)


def ttl_micros(fields: dict[str, Any]) -> Optional[int]:
    """The time at which a version with these fields expires, in microseconds; None if it does not."""
    ttl = fields.get("ttl")
    return ttl.nearest_micros() if type(ttl) is Time else None


def _earlier(tx: Any, ref: v.Ref, before: Any) -> Optional[v.Document]:
    """The document as it was before this transaction, if the transaction has written its newest version; else None."""
    if before.ts != tx.txn:
        return None
    return codec.stored(ref, tx.version(ref.scope, ref.coll, ref.id, tx.txn - 1))


def _touch(ctx: Context, ref: v.Ref, fields: Optional[dict[str, Any]]) -> None:
    """Tell the schema that a named native document gets these fields (None: is deleted)."""
    item = ctx.schema.item(ref)
    old_name = None if item is None else item.name
    ctx.schema.touch(ref, old_name, None if fields is None else fields["name"])


def _store(
    ctx: Context,
    ref: v.Ref,
    ts: int,
    text: Optional[str],
    ttl: Optional[int],
    first: bool = False,
    newest: Optional[int] = None,
) -> None:
    """Store a version's row; text None is a deletion. newest: the time of the newest version, if it is known.

    Raises RequestError for too large a text.
    """
    if text is not None:
        _check_version(text)
    ctx.tx.put_version(ref.scope, ref.coll, ref.id, ts, text is not None, ttl, text, first, newest)


def _check_version(text: str) -> None:
    """Raise RequestError if the text of a version is too large."""
    if len(text) * 4 <= MAX_VERSION:
        return  # no character takes more than four bytes
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_VERSION:
        raise bad_request(f"Version bytes ({size}) exceeds threshold ({MAX_VERSION})")


def check_size(tx: Any) -> None:
    """Raise RequestError if the transaction has written more than `MAX_TRANSACTION`."""
    if tx.bytes_written > MAX_TRANSACTION:
        raise transaction_too_large(tx.bytes_written)


def transaction_too_large(size: int) -> RequestError:
    return bad_request(f"Transaction exceeded limit: got {size} bytes, limit {MAX_TRANSACTION} bytes")


def insert(ctx: Context, ref: v.Ref, ts: int, fields: Optional[dict[str, Any]]) -> None:
    """Put a version into a document's history, replacing the one at that time, if any. Uniqueness is not enforced.

    ts: microseconds, not later than the transaction. fields: None is a deletion.
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
    """As `insert`, for a version whose text is already as it is to be stored.

    ttl: when it expires, in microseconds; None: never. is_new: the document is known to have no version. fields: those of
    the text, if they are decoded already.
    """
    tx = ctx.writer()
    scope, coll, doc = ref.scope, ref.coll, ref.id
    if text is not None and (is_new or tx.version(scope, coll, doc) is None):
        entries.complete_builds(ctx, ref)
        _store(ctx, ref, ts, text, ttl, first=True)
        entries.add_past(ctx, v.Document(ref, ts, fields, text=text), ttl, ts)
    else:
        _insert_between(ctx, ref, ts, text, ttl)
    # The log holds the content as well: when a stream reads it, history may have been rewritten once more.
    tx.log(["put", scope, coll, doc, ts, text])
    check_size(tx)


def _insert_between(ctx: Context, ref: v.Ref, ts: int, text: Optional[str], ttl: Optional[int]) -> None:
    """Put a version among those that a document has already."""
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
    """Take a version (a `VersionRow`) out of a document's history.

    retained_from: the collection's earliest valid time in microseconds, None if all history is kept. A version at or
    before it becomes a deletion, because an older one, which could not be read any more, would otherwise come back.
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
    """The row of the version after a time, or None."""
    return next(iter(tx.versions(ref.scope, ref.coll, ref.id, lower=ts + 1, limit=1)), None)


def _version(ref: v.Ref, row: Any) -> Optional[entries.Version]:
    """A row as `entries.rewrite` takes it."""
    return None if row is None else entries.Version(row.ts, codec.stored(ref, row), row.ttl)
