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
Time, Date          `temporal.Time`, `temporal.Date`
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

Values are never changed in place once another expression can see them.
"""

from __future__ import annotations

import uuid
from typing import Any, Callable, Optional, Union

from ..java.times import Date, Time

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

#: Native collections whose documents are known by name.
NAMED_NATIVES = frozenset((DATABASES, COLLECTIONS, INDEXES, FUNCTIONS, ROLES, ACCESS_PROVIDERS))

#: What error texts call one document of a native collection.
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


def native_collection(scope: int, number: int) -> Ref:
    """The ref of a native collection of a database, e.g. ``native_collection(0, KEYS)``."""
    return Ref(scope, COLLECTIONS, number)


class UnresolvedRef:
    """A ref whose named part does not exist. It prints as it was written and compares by that.

    kind: ``database collection index function role access_provider key``; a document ref in a missing
    collection has kind ``collection`` and that collection's name. type_name: what cast errors
    call it. wire: the object inside ``@ref``, as wire values. missing: kind and name of what does not exist, which
    of a ref into an undefined database is that database.
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


class Action:
    """The action of an event. Five instances exist; compare by identity."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"Action({self.name})"

    @property
    def creates(self) -> bool:
        """True for the actions that leave something behind: create, update, add."""
        return self.name in ("create", "update", "add")


ACTIONS = {name: Action(name) for name in ("create", "update", "delete", "add", "remove")}
CREATE, UPDATE, DELETE, ADD, REMOVE = ACTIONS.values()


class PendingTime:
    """The time of the running transaction, not yet known to the query; rendered as the real value.

    micros: rendered as integer microseconds (the ``ts`` of a written document) or as a Time.
    Two instances exist, `PENDING` and `PENDING_AS_TIME`; compare by identity.
    """

    __slots__ = ("micros",)

    def __init__(self, micros: bool):
        self.micros = micros

    def __repr__(self) -> str:
        return "PENDING" if self.micros else "PENDING_AS_TIME"


PENDING = PendingTime(True)
PENDING_AS_TIME = PendingTime(False)

Timestamp = Union[int, PendingTime]


class Instant(int):
    """Microseconds since the epoch, of a time that they do not give exactly; `given` is the time itself."""

    given: Time

    def __new__(cls, micros: int, given: Time) -> Instant:
        made = super().__new__(cls, micros)
        made.given = given
        return made


class Lambda:
    """A function value: pattern, body, the variables it captured, and the version it was written in.

    pattern: a name, or a list of names. body: a `nodes.Node`. A lambda read back from the store is parsed when first used:
    until then `stored` holds its decoded source and ``body`` is None. scope: the database it is stored in, whose
    refs its source has; None for one that is not stored. Use `language.lambdas` for everything but these fields.
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

    ts is `PENDING` while the writing query runs. `fields` holds the stored top-level fields that may be shown
    (``data``, ``name``, ...), decoded on first use from `text`, the stored JSON. deletion: this
    version is a removal (history reads). created: produced by a create of this very query, which
    makes the answer 201.
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
        # What a create returned and a later get of it differ, as in the original.
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


class DocumentEvent:
    """One version in a document's history. diff: changed top-level fields (``data``, ...) or None."""

    __slots__ = ("action", "diff", "ref", "ts")

    def __init__(self, ts: Timestamp, action: Action, ref: Ref, diff: Optional[dict[str, Any]]):
        self.ts = ts
        self.action = action
        self.ref = ref
        self.diff = diff

    def __eq__(self, other: object) -> bool:
        return type(other) is DocumentEvent and (self.ts, self.action, self.ref, self.diff) == (
            other.ts,
            other.action,
            other.ref,
            other.diff,
        )

    __hash__ = None  # type: ignore[assignment]


class SetEvent:
    """An element entering (add) or leaving (remove) a set. values: covered values, None without any."""

    __slots__ = ("action", "ref", "ts", "values")

    def __init__(self, ts: Timestamp, action: Action, ref: Ref, values: Optional[list[Any]]):
        self.ts = ts
        self.action = action
        self.ref = ref
        self.values = values

    def __eq__(self, other: object) -> bool:
        return type(other) is SetEvent and (self.ts, self.action, self.ref, self.values) == (
            other.ts,
            other.action,
            other.ref,
            other.values,
        )

    __hash__ = None  # type: ignore[assignment]


class EventCursor:
    """A place in an events page, rendered as an object. `fields` are its members in order; a None value of the
    whole object renders as ``null``."""

    __slots__ = ("fields",)

    def __init__(self, fields: Optional[dict[str, Any]]):
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return type(other) is EventCursor and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


class Sourced:
    """A page element with the sets it came from (``paginate`` with ``sources``)."""

    __slots__ = ("sources", "value")

    def __init__(self, value: Any, sources: list[Any]):
        self.value = value
        self.sources = sources

    def __eq__(self, other: object) -> bool:
        return type(other) is Sourced and self.value == other.value and self.sources == other.sources

    __hash__ = None  # type: ignore[assignment]


class Page:
    """A page before rendering. before, after: a cursor (list of values, or `EventCursor`) or `NO_CURSOR`.

    raw: the cursor of each element of data, so that take and drop can move the page's cursors.
    """

    __slots__ = ("after", "before", "data", "raw")

    def __init__(self, data: list[Any], before: Any, after: Any, raw: list[Any]):
        self.data = data
        self.before = before
        self.after = after
        self.raw = raw

    def with_data(self, data: list[Any]) -> Page:
        """The same page showing other data (map, folds): cursors and raw entries stay."""
        return Page(data, self.before, self.after, self.raw)

    def __eq__(self, other: object) -> bool:
        return type(other) is Page and (self.data, self.before, self.after, self.raw) == (
            other.data,
            other.before,
            other.after,
            other.raw,
        )

    __hash__ = None  # type: ignore[assignment]


class _NoCursor:
    """Marks the absent cursor of a page (None is a cursor's value: null)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NO_CURSOR"


NO_CURSOR = _NoCursor()


class SetValue:
    """Base of all sets; what sets do is in `faunadb.engine.sets`.

    `wire` gives the object inside ``@set`` as values (nested sets as SetValue); sets that print as a bare
    ref (a document ref used as a set) override `shown`.
    """

    __slots__ = ()

    def wire(self) -> dict[str, Any]:
        raise NotImplementedError

    def display(self) -> Optional[dict[str, Any]]:
        """The object inside ``@set`` in responses, where that differs from what the set is; None is shown as null."""
        return self.wire()

    def shown(self) -> Any:
        """The value rendered for this set; the set itself means ``{"@set": wire()}``."""
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
