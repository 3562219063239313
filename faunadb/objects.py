"""Values of the database that have no counterpart in Python (wire protocol, values)."""

# No ``from __future__ import annotations`` here: a TypedDict would compile each annotation again when it is made, which
# takes longer than all else in this module.

from base64 import urlsafe_b64encode
from datetime import date, datetime
from typing import Any, Callable, Optional, TypedDict, Union

from faunadb._expressions import Expr as Expr
from faunadb._expressions import ExprArg as ExprArg
from faunadb._expressions import _shown_members, unserializable
from faunadb.deprecated import deprecated
from faunadb.errors import UnexpectedError


class Ref(Expr):
    """Reference to a document, or to a database, collection, index, function, role, key and so on.

    :param id: The last part of the reference: a document's id, or a name.
    :param cls: ``Ref`` of the collection it belongs to; ``None`` for the native collections themselves.
    :param db: ``Ref`` of the database it lives in; ``None`` for the database that the secret belongs to.
    :raises ValueError: When ``id`` is ``None``.
    """

    def __init__(self, id: str, cls: "Optional[Ref]" = None, db: "Optional[Ref]" = None) -> None:
        if id is None:
            raise ValueError("The Ref must have an id.")
        value: dict[str, Any] = {"id": id}
        if cls is not None:
            value["collection"] = cls
        if db is not None:
            value["database"] = db
        self.value = value

    def collection(self) -> "Optional[Ref]":
        """The collection's ``Ref``, or ``None``."""
        found: Optional[Ref] = self.value.get("collection")
        return found

    @deprecated("use collection instead")
    def class_(self) -> "Optional[Ref]":
        """The collection's ``Ref``, or ``None``."""
        return self.collection()

    def database(self) -> "Optional[Ref]":
        """The ``Ref`` of the database it lives in, or ``None`` for the secret's own database."""
        found: Optional[Ref] = self.value.get("database")
        return found

    def id(self) -> str:
        """The id or name, without the collection."""
        found: str = self.value["id"]
        return found

    def to_fauna_json(self) -> Any:
        return {"@ref": self.value}

    def __str__(self) -> str:
        return self._shown(str)

    def __repr__(self) -> str:
        return self._shown(repr)

    def _shown(self, show_database: Callable[[Any], str]) -> str:
        parts = [f"{name}={self.value[name]}" for name in ("id", "collection") if name in self.value]
        if "database" in self.value:
            parts.append(f"database={show_database(self.value['database'])}")
        return f"Ref({', '.join(parts)})"


class Native:
    """The collections that every database has. Constants and a look-up; never instantiated."""

    COLLECTIONS = Ref("collections")
    INDEXES = Ref("indexes")
    DATABASES = Ref("databases")
    FUNCTIONS = Ref("functions")
    KEYS = Ref("keys")
    TOKENS = Ref("tokens")
    CREDENTIALS = Ref("credentials")
    ROLES = Ref("roles")
    ACCESS_PROVIDERS = Ref("access_providers")

    def __init__(self) -> None:
        raise TypeError("Native holds constants, it has no instances.")

    @classmethod
    def from_name(cls, name: str) -> Ref:
        """Return the constant of that name (``"collections"``, in any case); a new ``Ref`` for a name not known here."""
        return _NATIVE_BY_NAME.get(name.lower()) or Ref(name)


_NATIVE_BY_NAME: dict[str, Ref] = {ref.id(): ref for ref in vars(Native).values() if isinstance(ref, Ref)}


class SetRef(Expr):
    """A set that a query returned: an expression that can be used where sets are expected.

    :param set_ref: What is inside ``@set``: a ``dict``, or an expression such as ``query.match(...)``.
    """

    _is_written = False  # whether it was made from an expression, rather than returned by a query

    def __init__(self, set_ref: Any) -> None:
        if isinstance(set_ref, Expr):
            self._is_written = True
            set_ref = set_ref.value
        self.value = set_ref

    def to_fauna_json(self) -> Any:
        return {"@set": self.value}

    def __repr__(self) -> str:
        if self._is_written and isinstance(self.value, dict):
            return f"SetRef({_shown_members(self.value)})"
        return f"SetRef({self.value!r})"


class FaunaTime(Expr):
    """A point in time, with nanoseconds.

    :param value: ISO 8601 text (``"1970-01-01T00:00:00.123456789Z"``), kept as it is but for ``+00:00``,
        which becomes ``Z``; or an offset-aware :class:`datetime.datetime`.
    :raises ValueError: For a ``datetime`` without an offset.
    :raises TypeError: For anything else.
    """

    def __init__(self, value: Union[str, datetime]) -> None:
        if isinstance(value, datetime):
            value = _aware_isoformat(value)
        elif not isinstance(value, str):
            raise TypeError(
                f"FaunaTime takes ISO 8601 text or a datetime, got {value!r} of type {type(value)}"
            )
        self.value = value[:-6] + "Z" if value.endswith("+00:00") else value

    def to_datetime(self) -> datetime:
        """Return an offset-aware ``datetime``. It holds microseconds: finer digits are cut off.

        :raises ValueError: When the text is not a time.
        """
        from iso8601 import parse_date  # late: most programs read no time

        return parse_date(self.value)

    def to_fauna_json(self) -> Any:
        return {"@ts": self.value}

    def __repr__(self) -> str:
        return f"FaunaTime({self.value!r})"


def _aware_isoformat(value: datetime) -> str:
    if value.utcoffset() is None:
        raise ValueError("FaunaTime needs a datetime that is offset-aware (has a tzinfo).")
    return value.isoformat()


class Query(Expr):
    """A lambda that a query returned, for instance the body of a function.

    :param value: What is inside ``@query``: a ``dict`` with ``lambda`` and ``expr``.
    """

    def to_fauna_json(self) -> Any:
        return {"@query": self.value}

    def __repr__(self) -> str:
        return f"Query({self.value!r})"


class _HasRef(TypedDict):
    ref: Ref
    ts: int


class Document(_HasRef, total=False):
    """The shape of a document of a user collection, as ``get``, ``create``, ``update`` and others return it.

    A type hint only: results are plain dictionaries, and :meth:`FaunaClient.query
    <faunadb.client.FaunaClient.query>` can be assigned to it.

    ``ref``: :class:`Ref`. ``ts``: microseconds since the epoch. ``data``: what the application keeps, absent when
    it gave none. ``ttl``: when the document ends, if it does.
    """

    data: dict[str, Any]
    ttl: FaunaTime


class _HasData(TypedDict):
    data: list[Any]


class PageDict(_HasData, total=False):
    """The shape of what ``paginate`` returns: a type hint as :class:`Document` is.

    ``data``: the elements. ``before``, ``after``: cursors to give back to ``paginate``, absent at the ends.
    :class:`faunadb.page.Page` makes an object of it.
    """

    before: Any
    after: Any


def json_default(value: Any) -> Any:
    """Return what stands for a value in JSON, as the wire protocol has it: a ``default`` for :func:`json.dumps`.

    ``json.dumps(client.query(...), default=json_default)`` writes any result. References become ``{"@ref": ...}``,
    times ``{"@ts": ...}``, dates ``{"@date": ...}``, bytes ``{"@bytes": ...}`` (URL-safe base64), sets
    ``{"@set": ...}``, lambdas ``{"@query": ...}``.

    :raises TypeError: For any other type.
    :raises ValueError: For a ``datetime`` without an offset.
    """
    try:
        return _json_value(value)
    except UnexpectedError as error:
        raise TypeError(str(error)) from None


def _json_value(obj: Any) -> Any:
    """Return the JSON value that an object stands for; ``UnexpectedError`` for one that has none."""
    if type(obj) is Expr:
        return obj.value
    if isinstance(obj, Expr):
        return obj.to_fauna_json()
    if isinstance(obj, datetime):
        return FaunaTime(obj).to_fauna_json()
    if isinstance(obj, date):
        return {"@date": obj.isoformat()}
    if isinstance(obj, (bytes, bytearray)):
        return {"@bytes": urlsafe_b64encode(obj).decode("ascii")}
    raise unserializable(obj)


def _date_from_text(text: str) -> date:
    """Return the date of ISO 8601 text; ``ValueError`` for text that is not a date, or a year beyond 9999."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return _date_of_time(text)


def _date_of_time(text: str) -> date:
    from iso8601 import ParseError, parse_date  # late: most programs read no time

    try:
        return parse_date(text).date()
    except ParseError as error:
        raise ValueError(f"Not a date that Python can hold (years 1 to 9999): {text!r}") from error
