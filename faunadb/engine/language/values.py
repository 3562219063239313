"""Values of FQL v4 and how Python represents them (evaluation rules, "Values").

==================  =====================================================
FQL                 Python
==================  =====================================================
Integer             ``int`` (signed 64 bit; functions wrap)
Double              ``float``
Boolean, Null       ``bool``, ``None``
String              ``str``
Bytes               ``bytes``
UUID                ``uuid.UUID``
Time, Date          `java.times.Time`, `java.times.Date`
Array               ``list``
Object              ``dict`` (ordered, string keys)
Ref                 `Ref`, or `UnresolvedRef` when its name does not exist
Set                 a `SetValue`
Lambda              `Lambda`
Page                `Page`
Document            `Document`
Event               `DocumentEvent`, `SetEvent`
Action              `Action`
==================  =====================================================

Values are never changed in place once another expression can see them. Refs are defined in :mod:`.references`; pages,
events and cursors in :mod:`.pages`.
"""

from __future__ import annotations

import uuid
from typing import Any, Callable, Optional, Union

from ..java.times import Date, Time
from .pages import (
    ACTIONS,
    ADD,
    CREATE,
    DELETE,
    NO_CURSOR,
    PENDING,
    PENDING_AS_TIME,
    REMOVE,
    UPDATE,
    Action,
    DocumentEvent,
    EventCursor,
    Page,
    PendingTime,
    SetEvent,
    Sourced,
    Timestamp,
)
from .references import (
    ACCESS_PROVIDERS,
    COLLECTIONS,
    CREDENTIALS,
    DATABASES,
    FIRST_COLLECTION,
    FIRST_INDEX,
    FUNCTIONS,
    INDEXES,
    KEYS,
    NAMED_NATIVES,
    NATIVE_IDS,
    NATIVE_KINDS,
    NATIVE_NAMES,
    ROLES,
    TOKENS,
    Ref,
    UnresolvedRef,
    native_collection,
    new_ref,
)


class Instant(int):
    """The microsecond since the epoch at which a time lies that has a fraction of one, or is beyond what 64 bits hold.

    given: the exact time.
    """

    given: Time

    def __new__(cls, micros: int, given: Time) -> Instant:
        made = super().__new__(cls, micros)
        made.given = given
        return made


class Lambda:
    """A function value: pattern, body, the variables it captured, and the version it was written in.

    pattern: a name, or a list of names. body: a `nodes.Node`. A lambda from the store is parsed when first used; until
    then ``body`` is None. stored: the decoded source of such a lambda. scope: number of the database it is stored in, to
    which its refs are relative; None for one that is not stored. `language.lambdas` has the functions on lambdas.
    """

    __slots__ = ("_body", "env", "pattern", "scope", "stored", "version")

    #: set by the parser module: context, stored lambda -> body
    parse: Callable[[Any, Lambda], Any]

    def __init__(
        self,
        pattern: Union[str, list[str]],
        body: Any,
        version: str,
        env: Optional[dict[str, Any]] = None,
        stored: Any = None,
        scope: Optional[int] = None,
    ):
        self.pattern = pattern
        self._body = body
        self.version = version
        self.env = env if env is not None else {}
        self.stored = stored
        self.scope = scope

    @property
    def arity(self) -> Optional[int]:
        """Number of parameters, None when it takes anything (``"_"``)."""
        if isinstance(self.pattern, list):
            return len(self.pattern)
        return None if self.pattern == "_" else 1

    def __repr__(self) -> str:
        return f"Lambda({self.pattern!r})"


class Document:
    """A version of a document as a value.

    ts: valid time in microseconds; `PENDING` while the query that writes it runs. fields: the stored top-level fields that
    may be shown (``data``, ``name``, ...), decoded on first use from text, the stored JSON. deletion: this version is the
    removal of the document (in its history). created: it was made by a create of this query, whose status is then 201.
    """

    __slots__ = ("_fields", "created", "deletion", "ref", "text", "ts")

    #: set by the codec module: JSON text, scope -> fields
    decode: Callable[[str, int], dict[str, Any]]

    def __init__(
        self,
        ref: Ref,
        ts: Timestamp,
        fields: Optional[dict[str, Any]] = None,
        *,
        text: Optional[str] = None,
        deletion: bool = False,
        created: bool = False,
    ):
        self.ref = ref
        self.ts = ts
        self._fields = fields
        self.text = text
        self.deletion = deletion
        self.created = created

    @property
    def fields(self) -> dict[str, Any]:
        if self._fields is None:
            self._fields = Document.decode(self.text, self.ref.scope) if self.text else {}
        return self._fields

    def as_object(self) -> dict[str, Any]:
        """ref, ts, action of a removal, and the fields."""
        head: dict[str, Any] = {"ref": self.ref, "ts": self.ts}
        if self.deletion:
            head["action"] = "delete"
        return {**head, **self.fields}

    def __eq__(self, other: object) -> bool:
        # As in Fauna, what a create returns does not equal what a later get of it returns.
        return (
            type(other) is Document
            and self.ref == other.ref
            and self.ts == other.ts
            and self.created == other.created
            and self.fields == other.fields
        )

    def __hash__(self) -> int:
        return hash(self.ref)

    def __repr__(self) -> str:
        return f"Document({self.ref!r}, {self.ts!r})"


_new_object = object.__new__


def stored_document(ref: Ref, ts: int, text: str) -> Document:
    """``Document(ref, ts, text=text)`` in half the time: this is what most reads end in."""
    document = _new_object(Document)
    document.ref = ref
    document.ts = ts
    document._fields = None
    document.text = text
    document.deletion = document.created = False
    return document


class SetValue:
    """Base of all sets; what sets do is in `faunadb.engine.sets`.

    `wire` gives the object inside ``@set`` as values (nested sets as SetValue). A set that is rendered as a plain ref (a
    document's ref used as a set) overrides `shown`.
    """

    __slots__ = ()

    def wire(self) -> dict[str, Any]:
        raise NotImplementedError

    def display(self) -> Optional[dict[str, Any]]:
        """The object inside ``@set`` in responses, which for some sets differs from `wire`; None is rendered as null."""
        return self.wire()

    def shown(self) -> Any:
        """The value that is rendered for this set; the set itself is rendered as ``{"@set": ...}``."""
        return self


SCALAR_TYPES = (
    int,
    float,
    bool,
    type(None),
    str,
    bytes,
    Time,
    Date,
    uuid.UUID,
    Action,
    Ref,
    UnresolvedRef,
    PendingTime,
)

_REF_TYPE_NAMES = {
    COLLECTIONS: "Collection Ref",
    INDEXES: "Index Ref",
    DATABASES: "Database Ref",
    KEYS: "Key Ref",
    FUNCTIONS: "User Function Ref",
}

_TYPE_NAMES: dict[type, str] = {
    int: "Integer",
    float: "Double",
    bool: "Boolean",
    type(None): "Null",
    str: "String",
    bytes: "Bytes",
    uuid.UUID: "UUID",
    Time: "Time",
    Date: "Date",
    list: "Array",
    dict: "Object",
    Action: "Action",
    PendingTime: "Unresolved Transaction Time",
    Lambda: "Lambda",
    Page: "Page",
    Document: "Object",
    DocumentEvent: "Object",
    SetEvent: "Object",
    EventCursor: "Object",
    Sourced: "Object",
}


def type_name(value: Any) -> str:
    """The name error texts use for a value's type, e.g. ``Integer``, ``Collection Ref``."""
    name = _TYPE_NAMES.get(type(value))
    if name is not None:
        return name
    if type(value) is Ref:
        return _REF_TYPE_NAMES.get(value.coll, "Ref")
    if type(value) is UnresolvedRef:
        return str(value.type_name)
    if isinstance(value, SetValue):
        return "Set"
    raise TypeError(f"not an FQL value: {type(value).__name__}")


__all__ = [
    "ACCESS_PROVIDERS",
    "ACTIONS",
    "ADD",
    "COLLECTIONS",
    "CREATE",
    "CREDENTIALS",
    "DATABASES",
    "DELETE",
    "FIRST_COLLECTION",
    "FIRST_INDEX",
    "FUNCTIONS",
    "INDEXES",
    "KEYS",
    "NAMED_NATIVES",
    "NATIVE_IDS",
    "NATIVE_KINDS",
    "NATIVE_NAMES",
    "NO_CURSOR",
    "PENDING",
    "PENDING_AS_TIME",
    "REMOVE",
    "ROLES",
    "SCALAR_TYPES",
    "TOKENS",
    "UPDATE",
    "Action",
    "Document",
    "DocumentEvent",
    "EventCursor",
    "Instant",
    "Lambda",
    "Page",
    "PendingTime",
    "Ref",
    "SetEvent",
    "SetValue",
    "Sourced",
    "Timestamp",
    "UnresolvedRef",
    "native_collection",
    "new_ref",
    "stored_document",
    "type_name",
]
