"""Indexes (writes and schema, "Indexes")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Optional

from ..documents import writing
from ..indexes import builds
from ..indexes.internal import BUILDING_FIELD
from ..language import codec
from ..language import values as v
from ..language.equality import identical
from ..language.errors import At, Failure
from ..language.legacy import writer_for
from . import index_fields, protection, tasks
from .fields import BOOLEAN, MAP, Check, name
from .native import Fields, SchemaWriter

if TYPE_CHECKING:
    from ..language.context import Context


class Indexes(SchemaWriter):
    number = v.INDEXES
    types = {
        "data": MAP,
        "source": index_fields.source,
        "active": BOOLEAN,
        "name": name,
        "terms": index_fields.terms,
        "values": index_fields.terms,
        "unique": BOOLEAN,
        "serialized": BOOLEAN,
        "partitions": index_fields.partitions,
    }
    needed = ("source", "active", "name")
    kept = ("name", "unique", "partitions")
    system = (BUILDING_FIELD,)
    first_id = v.FIRST_INDEX

    def defaults(self) -> Fields:
        return {"active": False, "serialized": True}

    def replacement(self, old: Fields, patch: Fields) -> Fields:
        fields = super().replacement(old, patch)
        if "active" not in patch:
            del fields["active"]
        return fields

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        index_fields.check_partitions(check, patch.get("partitions"))
        index_fields.check_source(check, patch if old is None else {**old, **patch})
        if old is None and type(patch.get("partitions")) is not int and index_fields.is_source(check, patch):
            return {key: value for key, value in patch.items() if key != "partitions"}
        return patch

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        if old is None:
            return
        if old.get("active") is True:
            fields["active"] = True
        if not check.failures:
            _check_changes(check, ref.scope, old, fields)

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        fields = super().complete(ctx, ref, fields, old)
        if "partitions" not in fields:
            fields["partitions"] = index_fields.default_partitions(fields)
        return fields

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: object = None) -> v.Document:
        document = super().create(ctx, ref, params, at, before)
        return _build(ctx, ref, document)

    def deleting(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        protection.refuse(ctx, ref.scope, "Cannot cause deletion of backing index")
        tasks.enqueue(ctx, ["index", ref.scope, ref.id])


def _stored_partitions(fields: Fields) -> int:
    """How many partitions an index works with: a unique one always with one."""
    if fields.get("unique") is True:
        return 1
    given = fields.get("partitions")
    return given if type(given) is int else index_fields.default_partitions(fields)


def _check_changes(check: Check, scope: int, old: Fields, fields: Fields) -> None:
    before, after = _stored_partitions(old), _stored_partitions(fields)
    if before != after:
        text = f"Index partition count may not be updated ({before} -> {after})."
        check.fail(Failure((), "invalid index", text))
    fixed = ("source", "terms", "values")
    changed = {key: fields.get(key) for key in fixed if not _same(scope, old.get(key), fields.get(key))}
    if changed:
        # The original writes out its own difference of the two, with the new fields.
        shown = _spaced(json.loads(writer_for(check.ctx).text(changed)))
        text = f"Index sources, terms, and values may not be updated (Diff({shown}))"
        check.fail(Failure((), "invalid index", text))


def _spaced(data: Any) -> str:
    """JSON data as the original writes it in this message: ``{ "terms" : [ { "field" : [ "data", "z" ] } ] }``."""
    if type(data) is dict:
        return "{ " + ", ".join(f"{_spaced(key)} : {_spaced(item)}" for key, item in data.items()) + " }"
    if type(data) is list:
        return "[ " + ", ".join(map(_spaced, data)) + " ]"
    return json.dumps(data, ensure_ascii=False)


def _same(scope: int, old: Any, new: Any) -> bool:
    return identical(_as_stored(scope, old or None), _as_stored(scope, new or None))


def _as_stored(scope: int, value: Any) -> Any:
    """The value as it is read back from the store, so that bindings are equal when they are written alike."""
    return codec.decode_value(codec.encode_value(value, scope=scope), scope)


def _build(ctx: Context, ref: v.Ref, document: v.Document) -> v.Document:
    """Fill a new index: at once when its sources are small, else in the background."""
    index, item = ctx.schema.index(ref), ctx.schema.item(ref)
    if index is None or item is None or index.collections == frozenset():
        return document
    if builds.is_small(ctx, index):
        builds.build_now(ctx, index)
        writing.check_size(ctx.writer())
        change = {"active": True}
    else:
        tasks.enqueue(ctx, ["build", ref.scope, ref.id])
        change = {BUILDING_FIELD: True}
    built = writing.write(ctx, ref, {**item.fields, **change})
    built.created = True
    return built


INDEXES = Indexes()
