"""Refs and native collections: their numbers and names (evaluation rules, "Values")."""

from __future__ import annotations

from typing import Any, Optional

# Numbers of the native collections; they rank refs in the value order.
DATABASES = 0
COLLECTIONS = 1
KEYS = 2
TOKENS = 3
INDEXES = 7
CREDENTIALS = 10
FUNCTIONS = 11
ROLES = 12
ACCESS_PROVIDERS = 13

NATIVE_NAMES = {
    DATABASES: "databases",
    COLLECTIONS: "collections",
    KEYS: "keys",
    TOKENS: "tokens",
    INDEXES: "indexes",
    CREDENTIALS: "credentials",
    FUNCTIONS: "functions",
    ROLES: "roles",
    ACCESS_PROVIDERS: "access_providers",
}
NATIVE_IDS = {name: number for number, name in NATIVE_NAMES.items()}
NATIVE_IDS["classes"] = COLLECTIONS

#: Native collections whose documents have names rather than numeric ids.
NAMED_NATIVES = frozenset((DATABASES, COLLECTIONS, INDEXES, FUNCTIONS, ROLES, ACCESS_PROVIDERS))

#: What error texts call a document of each native collection.
NATIVE_KINDS = {
    DATABASES: "Database",
    COLLECTIONS: "Collection",
    INDEXES: "Index",
    KEYS: "Key",
    TOKENS: "Token",
    CREDENTIALS: "Credentials",
    FUNCTIONS: "Function",
    ROLES: "Role",
    ACCESS_PROVIDERS: "other",
}

FIRST_COLLECTION = 1024
FIRST_INDEX = 32768


class Ref:
    """A resolved reference: database scope number, collection number, 64-bit document id.

    The definition of a user collection is document ``(COLLECTIONS, 1024 and up)``; a native
    collection itself is document ``(COLLECTIONS, its own number below 1024)``.
    """

    __slots__ = ("coll", "id", "scope")

    def __init__(self, scope: int, coll: int, id: int):
        self.scope = scope
        self.coll = coll
        self.id = id

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is Ref
            and self.id == other.id
            and self.coll == other.coll
            and self.scope == other.scope
        )

    def __hash__(self) -> int:
        return hash((self.scope, self.coll, self.id))

    def __repr__(self) -> str:
        return f"Ref({self.scope}, {self.coll}, {self.id})"

    @property
    def is_native_collection(self) -> bool:
        """True for ``databases()``, ``collections()``, ``keys()`` and the like."""
        return self.coll == COLLECTIONS and self.id < FIRST_COLLECTION

    @property
    def is_user_document(self) -> bool:
        return self.coll >= FIRST_COLLECTION


_new_object = object.__new__


def new_ref(scope: int, coll: int, id: int) -> Ref:
    """``Ref(scope, coll, id)`` in half the time: pages are made of refs."""
    ref = _new_object(Ref)
    ref.scope = scope
    ref.coll = coll
    ref.id = id
    return ref


def native_collection(scope: int, number: int) -> Ref:
    """The ref of a native collection of a database, e.g. ``native_collection(0, KEYS)``."""
    return Ref(scope, COLLECTIONS, number)


class UnresolvedRef:
    """A ref that names something that does not exist. It is rendered, and compared, as it was written.

    kind: ``database``, ``collection``, ``index``, ``function``, ``role``, ``access_provider`` or ``key``; a document ref in
    a missing collection has kind ``collection`` and that collection's name. type_name: what cast errors call it.
    wire: the object inside ``@ref``, as wire values. missing: kind and name of what does not exist; for a ref into an
    undefined database that is the database.
    """

    __slots__ = ("kind", "missing", "name", "type_name", "wire")

    TYPE_NAMES = {
        "database": "Database Ref",
        "collection": "Collection Ref",
        "index": "Index Ref",
        "function": "User Function Ref",
        "role": "Role Ref",
        "access_provider": "Access Provider Ref",
        "key": "Key Ref",
    }

    def __init__(
        self,
        kind: str,
        name: str,
        wire: dict[str, Any],
        document: bool = False,
        missing: Optional[tuple[str, str]] = None,
    ):
        self.kind = kind
        self.name = name
        self.wire = wire
        self.missing = missing or (kind, name)
        self.type_name = "Ref" if document else self.TYPE_NAMES[kind]

    def __eq__(self, other: object) -> bool:
        return type(other) is UnresolvedRef and self.wire == other.wire

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def __repr__(self) -> str:
        return f"UnresolvedRef({self.kind}, {self.name!r})"
