"""Collections (writes and schema, "Collections")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..indexes.internal import FLOOR_FIELD
from ..language import values as v
from . import protection, tasks
from .fields import LONG, MAP, days, name
from .indexes import INDEXES
from .items import GRACE_MICROS, CollectionInfo
from .native import LAST_COLLECTION, Fields, SchemaWriter

if TYPE_CHECKING:
    from ..language.context import Context


class Collections(SchemaWriter):
    number = v.COLLECTIONS
    types = {"data": MAP, "history_days": days, "ttl_days": LONG, "name": name}
    kept = ("name", "history_days")
    system = (FLOOR_FIELD,)
    first_id = v.FIRST_COLLECTION
    last_id = LAST_COLLECTION

    def defaults(self) -> Fields:
        return {"history_days": 0}

    def replacement(self, old: Fields, patch: Fields) -> Fields:
        fields = super().replacement(old, patch)
        if "history_days" not in old and "history_days" not in patch:
            del fields["history_days"]
        return fields

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        fields = super().complete(ctx, ref, fields, old)
        if old is not None:
            protection.check_days(ctx, ref.scope, old, fields)
        return _with_floor(ctx, ref, fields, old)

    def deleting(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        protection.refuse(ctx, ref.scope, "Cannot delete collection")
        for index in ctx.schema.indexes_on(ref.scope, ref.id):
            if index.collections == frozenset((ref.id,)):
                row = ctx.writer().version(ref.scope, v.INDEXES, index.id)
                item = ctx.schema.item(index.ref)
                if item is not None:
                    INDEXES.delete(ctx, index.ref, row, item.fields)
        tasks.enqueue(ctx, ["collection", ref.scope, ref.id])


def _with_floor(ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
    """Set the time before which there is no history: for a new collection, a little before now.

    When ``history_days`` grows, it is the time from which history could be read until now: what was older does not come
    back.
    """
    if old is None:
        fields[FLOOR_FIELD] = ctx.writer().txn - GRACE_MICROS
        return fields
    before = CollectionInfo(ref, "", old.get("history_days"), floor=old.get(FLOOR_FIELD))
    after = CollectionInfo(ref, "", fields.get("history_days"), floor=old.get(FLOOR_FIELD))
    limit = before.min_valid(ctx.time)
    now = after.min_valid(ctx.time)
    if limit is not None and (now is None or now < limit):
        fields[FLOOR_FIELD] = limit
    return fields


COLLECTIONS = Collections()

__all__ = ["COLLECTIONS", "Collections"]
