"""Databases, containers, moving (writes and schema, "Databases", "move_database", "Containers")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..auth import secrets
from ..documents import writing
from ..language import codec
from ..language import values as v
from ..language.errors import Failure, Fault, already_exists
from . import tasks
from .fields import BOOLEAN, MAP, Check, invalid_type, name, priority
from .native import Fields, SchemaWriter

if TYPE_CHECKING:
    from ..language.context import Context

#: The native collections in which a container database may have documents.
ALLOWED_IN_CONTAINERS = frozenset((v.DATABASES, v.KEYS, v.ROLES, v.ACCESS_PROVIDERS))
_NOT_IN_CONTAINERS = (v.COLLECTIONS, v.INDEXES, v.FUNCTIONS)


def check_container(ctx: Context, collection: int, at: str) -> None:
    """Refuse to create a document of a collection (by number) when this database is a container."""
    info = ctx.schema.database(ctx.scope)
    if info is not None and info.container and collection not in ALLOWED_IN_CONTAINERS:
        raise Fault("invalid object in container", "Object is not allowed in a container", at)


def _account(check: Check, value: Any, at: tuple[str, ...]) -> Any:
    if type(value) is not dict:
        check.fail(invalid_type(at, value, "Map"))
        return value
    number = value.get("id")
    if number is not None and type(number) is not int:
        check.fail(invalid_type((*at, "id"), number, "Long"))
    return {"id": number} if number is not None else {}


class Databases(SchemaWriter):
    number = v.DATABASES
    types = {
        "data": MAP,
        "name": name,
        "container": BOOLEAN,
        "priority": priority,
        "typechecked": BOOLEAN,
        "protected": BOOLEAN,
        "account": _account,
    }
    kept = ("name", "account")
    system = ("scope", "global_id", "disabled")

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        account = None if old is None else old.get("account")
        if account is not None and "id" in account:
            patch = {key: value for key, value in patch.items() if key != "account"}
        return patch

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        if old is None or fields.get("container") is not True or old.get("container") is True:
            return
        schema = check.ctx.schema
        if any(schema.items(old["scope"], kind) for kind in _NOT_IN_CONTAINERS):
            text = (
                "cannot make database a container while it contains collections, indexes, or user functions"
            )
            check.fail(Failure((), "container candidate contains data", text))

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        fields = super().complete(ctx, ref, fields, old)
        if old is None:
            fields["scope"] = ctx.writer().next_counter("scope")
            fields["global_id"] = secrets.global_id_text(secrets.new_global_id())
        return fields

    def deleting(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        scope = fields["scope"]
        for child in ctx.schema.items(scope, v.DATABASES):
            item = ctx.schema.item(child)
            ctx.check_deadline()
            if item is not None:
                self.delete(ctx, child, ctx.writer().version(scope, v.DATABASES, child.id), item.fields)
        tasks.enqueue(ctx, ["database", scope])


DATABASES = Databases()


def move(ctx: Context, source: v.Ref, target: v.Ref) -> v.Document:
    """Make a database a child of another, along with the keys its old parent has for it.

    Raises Fault ``move database error``, ``instance already exists``.
    """
    tx = ctx.writer()
    schema = ctx.schema
    moved, parent, item = schema.database_of(source), schema.database_of(target), schema.item(source)
    source_name, target_name = schema.name_of(source), schema.name_of(target)
    if moved is None or item is None:
        raise _cannot(source_name, target_name, f"{source_name} is not a live database.")
    if parent is None:
        raise _cannot(source_name, target_name, f"{target_name} is not a live database.")
    if schema.is_within(parent.scope, moved.scope):
        raise _cannot(source_name, target_name, "Cannot move database from ancestor to descendant.")
    if parent.scope == moved.parent:
        raise _cannot(source_name, target_name, "Source and destination have the same scopeID.")
    holder = schema.taken(parent.scope, v.DATABASES, item.name)
    if holder is not None:
        raise already_exists("Database")
    fields = item.fields
    writing.write(ctx, source, None)
    ref = v.Ref(parent.scope, v.DATABASES, DATABASES.allot_id(ctx, parent.scope))
    document = writing.write(ctx, ref, fields, None)
    _move_keys(ctx, tx, source, ref)
    document.created = True
    return document


def _cannot(source: str, target: str, reason: str) -> Fault:
    text = f"Cannot move database '{source}' into parent '{target}': {reason}"
    return Fault("move database error", text)


def _move_keys(ctx: Context, tx: Any, source: v.Ref, ref: v.Ref) -> None:
    """Move the keys that reach a database from its old parent along to the new one."""
    for row in tx.entries(source.scope, v.KEYS, b""):
        ctx.check_deadline()
        key = v.Ref(source.scope, v.KEYS, row.doc)
        stored = codec.stored(key, tx.version(key.scope, key.coll, key.id))
        if stored is None or stored.fields.get("database") != source:
            continue
        writing.write(ctx, key, None)
        writing.write(ctx, v.Ref(ref.scope, v.KEYS, key.id), {**stored.fields, "database": ref})
