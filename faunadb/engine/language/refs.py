"""Making refs: from names, numbers, and old path texts (evaluation rules, "Ref literals")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..integers import int64
from . import values as v
from .errors import invalid_argument, wrong_type

if TYPE_CHECKING:
    from .context import Context

AnyRef = Union[v.Ref, v.UnresolvedRef]

#: Native collection number -> the word in ``Ref refers to undefined <kind> '<name>'``.
KINDS = {
    v.DATABASES: "database",
    v.COLLECTIONS: "collection",
    v.INDEXES: "index",
    v.FUNCTIONS: "function",
    v.ROLES: "role",
    v.ACCESS_PROVIDERS: "access_provider",
    v.KEYS: "key",
    v.TOKENS: "collection",
    v.CREDENTIALS: "collection",
}

_INVALID_NAMES = frozenset(("self", "events", "_"))


def scope_of(ctx: Context, database: Optional[AnyRef]) -> Optional[int]:
    """The scope number of a database; the current scope for None. None when the database is not there or not visible."""
    if database is None:
        return ctx.scope
    if type(database) is not v.Ref:
        return None
    info = ctx.schema.database_of(database)
    if info is None or not ctx.schema.is_within(info.scope, ctx.scope):
        return None
    return int(info.scope)


def _native_wire(collection: int, database: Optional[AnyRef]) -> dict[str, Any]:
    inner: dict[str, Any] = {"id": v.NATIVE_NAMES[collection]}
    if database is not None:
        inner["database"] = database
    return inner


def _missing_database(database: Optional[AnyRef]) -> Optional[tuple[str, str]]:
    """What an unresolved ref lacks when its database does not exist; None when the database is not to blame."""
    return database.missing if type(database) is v.UnresolvedRef else None


def named(ctx: Context, collection: int, name: str, database: Optional[AnyRef] = None) -> AnyRef:
    """The ref of a named schema document: ``collection("x")``, ``index("x")``, ``database("x", scope)`` ..."""
    scope = scope_of(ctx, database)
    if scope is not None:
        found = ctx.schema.lookup(scope, collection, name)
        if found is not None:
            return found  # type: ignore[no-any-return]
    wire: dict[str, Any] = {"id": name, "collection": v.native_collection(ctx.scope, collection)}
    if database is not None:
        wire["database"] = database
    return v.UnresolvedRef(KINDS[collection], name, wire, missing=_missing_database(database))


def native(ctx: Context, collection: int, database: Optional[AnyRef] = None) -> AnyRef:
    """The ref of a native collection: ``keys()``, ``collections(database("x"))``."""
    scope = scope_of(ctx, database)
    if scope is None:
        wire = _native_wire(collection, database)
        name = v.NATIVE_NAMES[collection]
        return v.UnresolvedRef("collection", name, wire, missing=_missing_database(database))
    return v.native_collection(scope, collection)


def document(collection: AnyRef, doc_id: int) -> AnyRef:
    """The ref of a document in a collection; unresolved where the collection is."""
    if isinstance(collection, v.UnresolvedRef):
        wire = {"id": str(doc_id), "collection": collection}
        kind = "key" if collection.name == "keys" and "collection" not in collection.wire else collection.kind
        missing = _missing_database(collection.wire.get("database"))
        return v.UnresolvedRef(kind, collection.name, wire, document=True, missing=missing)
    return v.Ref(collection.scope, collection.id, doc_id)


def number_from_text(text: str, at: Any) -> int:
    """A document id from its decimal text. Raises `Fault` at `at` for any other text."""
    number = int64(text)
    if number is not None:
        return number
    digits = text[1:] if text[:1] in ("-", "+") else text
    if text and not (digits.isascii() and digits.isdigit()):
        raise invalid_argument(f"Number or numeric String expected, non-numeric '{text}' provided.", at)
    raise invalid_argument(f"The id provided is too large: '{text}'", at)


def document_id(value: Any, at: Any) -> int:
    """A document id from an Integer or a numeric String. Raises `Fault` at `at` for any other value."""
    if type(value) is int:
        return value
    if type(value) is str:
        return number_from_text(value, at)
    raise wrong_type(("String", "Number"), value, at)


def collection_for_documents(value: Any, at: Any) -> AnyRef:
    """Check the ``ref`` argument of the ref function: a collection whose documents have numeric ids."""
    if type(value) is v.UnresolvedRef:
        if value.type_name == "Collection Ref":
            return value
        raise wrong_type("Collection Ref", value, at)
    if type(value) is not v.Ref or value.coll != v.COLLECTIONS:
        raise wrong_type("Collection Ref", value, at)
    if value.id in v.NAMED_NATIVES:
        raise invalid_argument("Regular Class Ref expected, Schema Class Ref provided.", at)
    return value


def self_ref(ctx: Context, collection: v.Ref) -> Optional[v.Ref]:
    """The caller's own document in a collection, which ``self`` stands for; None when there is none."""
    return ctx.auth.self_ref(ctx, collection)  # type: ignore[no-any-return]


def parse_path(ctx: Context, text: str) -> Optional[AnyRef]:
    """A ref in the old path notation, such as ``classes/spells/42``; None when it is not one."""
    parts = text.split("/")
    collection = v.NATIVE_IDS.get(parts[0])
    if collection is None:
        return None
    if len(parts) == 1:
        return v.native_collection(ctx.scope, collection)
    if collection in v.NAMED_NATIVES:
        return _parse_named_path(ctx, collection, parts)
    if len(parts) != 2:
        return None
    return _numbered(ctx, v.native_collection(ctx.scope, collection), parts[1])


def _parse_named_path(ctx: Context, collection: int, parts: list[str]) -> Optional[AnyRef]:
    if not parts[1] or parts[1] in _INVALID_NAMES:
        return None
    owner = named(ctx, collection, parts[1])
    if len(parts) == 2:
        return owner
    if len(parts) == 3 and collection == v.COLLECTIONS:
        return _numbered(ctx, owner, parts[2])
    return None


def _numbered(ctx: Context, collection: AnyRef, text: str) -> Optional[AnyRef]:
    if text == "self":
        return self_ref(ctx, collection) if type(collection) is v.Ref else None
    number = int64(text) if text[:1] not in ("-", "+") else None
    return None if number is None else document(collection, number)


__all__ = [
    "AnyRef",
    "collection_for_documents",
    "document",
    "document_id",
    "named",
    "native",
    "parse_path",
]
