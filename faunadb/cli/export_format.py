"""Fauna's export format: documents in it and in FQL v4, and their names, times and refs.

A record is an object in the newer (v10) encoding, with metadata and the user's fields side by side; an FQL v4 document
is ``{ref, ts, ttl, data}``. `export_decoding` and `export_encoding` convert between the two. On the v4 side, values
are literals of the wire protocol (``{"@ref": ...}``, ``{"@ts": ...}``, ``{"@obj": ...}``), so that nothing is lost
to a driver's types: integers and doubles, nanoseconds and objects with ``@`` keys stay what they are. Doubles that
JSON cannot write are Python floats.

What has no counterpart on the other side is handed to ``report(path, what)`` and left out. Exports written here lose
nothing even so: in them a lambda, a set or a UUID is ``{"@v4": <literal of the wire>}``, and a collection with the name
of a v10 module (``Credential``, ``Role``, ...) gets another name, see :class:`Names`.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Callable, NamedTuple

from faunadb.engine.java import times as temporal

__all__ = [
    "CREDENTIAL",
    "INT64",
    "METADATA",
    "MODULES",
    "NATIVE_MODULES",
    "UNNAMED",
    "BadRecord",
    "Document",
    "Names",
    "Report",
    "bytes_of",
    "check_time",
    "collection_ref",
    "collection_title",
    "document_ref",
    "format_micros",
    "is_day",
    "is_usual_time",
    "object_literal",
    "parse_micros",
    "query_literal",
    "usual_micros",
]

Report = Callable[[tuple[str, ...], str], None]

#: v10 module -> v4 native collection
NATIVE_MODULES = {
    "Collection": "collections",
    "Database": "databases",
    "Index": "indexes",
    "Function": "functions",
    "Role": "roles",
    "AccessProvider": "access_providers",
    "Key": "keys",
    "Token": "tokens",
    "Credential": "credentials",
}
MODULES = {native: module for module, native in NATIVE_MODULES.items()}
CREDENTIAL = "Credential"
#: native collections whose documents have no names
UNNAMED = frozenset(("keys", "tokens", "credentials"))
METADATA = ("id", "coll", "ts", "ttl", "data")
INT64 = range(-(2**63), 2**63)


class BadRecord(ValueError):
    """A record that is not that of a document. The message says what is wrong with which field."""


class Document(NamedTuple):
    """One document, its values as literals of the FQL v4 wire protocol."""

    #: name of the user's collection, or ``Credential``
    collection: str
    id: str
    #: microseconds since 1970, or ``None`` when the record has none
    ts: int | None
    #: ``{"@ts": ...}``, or ``None``
    ttl: dict[str, str] | None
    #: its members, without ``@obj`` around them
    data: dict[str, Any]
    #: whether it is a document of credentials, rather than of a user's collection ``Credential``
    credentials: bool = False
    #: what its refs name, as (native collection, name), such as ``("collections", "Author")``
    mentions: frozenset[tuple[str, str]] = frozenset()


class Names:
    """Which collections the modules of one export stand for.

    v10 has one namespace for its own modules and for collections, while FQL v4 may have a collection ``Role`` beside
    the roles. Such a collection is written as the module ``Role~``, a name that no v10 module can have.

    :param modules: module -> collection, where the names differ
    """

    def __init__(self, modules: Mapping[str, str] | None = None) -> None:
        self.modules = dict(modules or {})
        self._written = {name: module for module, name in self.modules.items()}
        self._taken: set[str] = set()

    @classmethod
    def of(cls, collections: Iterable[str]) -> Names:
        """The modules of a database with these collections."""
        names = cls()
        names._taken.update(collections)
        for name in sorted(names._taken & set(NATIVE_MODULES)):
            names.module(name)
        return names

    def module(self, collection: str) -> str:
        """The module that a collection is written as. The collection may be deleted, and only referred to."""
        module = self._written.get(collection)
        if module is None:
            module = collection
            while module in NATIVE_MODULES or module in self.modules:
                module += "~"
                while module in self._taken:
                    module += "~"
            self._written[collection] = module
            self._taken.add(module)
            if module != collection:
                self.modules[module] = collection
        return module

    def is_native(self, module: str) -> bool:
        return module in NATIVE_MODULES

    def collection(self, module: str) -> str:
        """The collection that a module which is not native stands for."""
        return self.modules.get(module, module)

    def ref(self, module: str) -> dict[str, Any]:
        """The ref of the collection, or native collection, that a module stands for."""
        if module in NATIVE_MODULES:
            return {"@ref": {"id": NATIVE_MODULES[module]}}
        return collection_ref(self.collection(module))


# -- times

_UTC = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")
_EPOCH = datetime(1970, 1, 1)


def parse_micros(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time with a zone; finer digits are dropped.

    :raises ValueError: when it is not such a time, or does not fit 64 bits
    """
    usual = usual_micros(text)
    if usual is not None:
        return usual
    moment = _parse_time(text)
    micros = moment.to_micros()
    # the conversion wraps around silently
    if temporal.Time.from_micros(micros).seconds != moment.seconds:
        raise ValueError(f"{text!r} is not a time of a document")
    return micros


def usual_micros(text: str) -> int | None:
    """Microseconds since 1970 of a time in the usual spelling, finer digits dropped; ``None`` for any other text."""
    match = _UTC.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1])
    except ValueError:
        return None
    since = moment - _EPOCH
    fraction = match[2]
    micros = 0 if fraction is None else int(fraction[:6].ljust(6, "0"))
    return (since.days * 86_400 + since.seconds) * 1_000_000 + micros


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_day(text: Any) -> bool:
    """Whether a text is a day (YYYY-MM-DD) of the years 1 to 9999."""
    if type(text) is not str or not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_usual_time(text: str) -> bool:
    """Whether a text is a time in the usual spelling, of the years 1 to 9999."""
    return usual_micros(text) is not None


def check_time(text: str) -> None:
    """Raise ValueError (or TypeError) for what is not an ISO 8601 time with a zone."""
    if usual_micros(text) is None:
        _parse_time(text)


def _parse_time(text: str) -> temporal.Time:
    moment = temporal.parse_time_literal(text)
    if moment is None:
        raise ValueError(f"{text!r} is not a time")
    return moment


def format_micros(micros: int) -> str:
    """The ISO 8601 text of a time in microseconds since 1970: no fraction, or 3 or 6 digits of it."""
    return temporal.time_text(temporal.Time.from_micros(micros))


# -- references


def collection_ref(name: str) -> dict[str, Any]:
    """The ref of a user's collection."""
    return {"@ref": {"id": name, "collection": {"@ref": {"id": "collections"}}}}


def collection_title(name: str) -> str:
    """A collection's name in a summary, told apart from that of a native module such as ``Credential``."""
    return f"{name} (collection)" if name in NATIVE_MODULES else name


def document_ref(collection: str, identifier: str, credentials: bool = False) -> dict[str, Any]:
    """The ref of a document of a user's collection, or of credentials."""
    owner = {"@ref": {"id": "credentials"}} if credentials else collection_ref(collection)
    return {"@ref": {"id": identifier, "collection": owner}}


def bytes_of(text: str) -> bytes:
    """The bytes of the base64 text of a literal ``{"@bytes": ...}``: in either alphabet, with or without padding."""
    return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))


def object_literal(members: dict[str, Any]) -> dict[str, Any]:
    """The literal of an object with these members: escaped when a key begins with ``@``."""
    for key in members:
        if key[:1] == "@":
            return {"@obj": members}
    return members


def query_literal(value: Any) -> Any:
    """The expression that evaluates to a v4 literal: quoted, or computed where JSON cannot write a number in it."""
    return _built(value) if _has_special_double(value) else {"quote": value}


def _has_special_double(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_special_double(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_special_double(item) for item in value)
    return isinstance(value, float) and not math.isfinite(value)


def _built(value: Any) -> Any:
    if isinstance(value, list):
        return [_built(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("@"):
            if "@obj" not in value:
                return value
            return {"object": {"@obj": {key: _built(item) for key, item in value["@obj"].items()}}}
        return {"object": {key: _built(item) for key, item in value.items()}}
    if isinstance(value, float) and not math.isfinite(value):
        return _special_double(value)
    return value


def _special_double(value: float) -> Any:
    """The expression of NaN (-8 to the power 0.5) or an infinity (0 to the power -1)."""
    if math.isnan(value):
        return {"pow": -8, "exp": 0.5}
    infinity = {"pow": 0, "exp": -1}
    return infinity if value > 0 else {"multiply": [-1, infinity]}
