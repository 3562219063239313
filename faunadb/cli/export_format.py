"""Fauna's export format: one document record, in both directions.

A record is an object in the newer (v10) encoding, metadata and the user's fields side by side; an FQL v4 document is
``{ref, ts, ttl, data}``. :func:`decode_record` and :func:`encode_record` go between the two. On the v4 side values
are the literals of the wire protocol (``{"@ref": ...}``, ``{"@ts": ...}``, ``{"@obj": ...}``), so nothing is lost
to a driver's types: integers and doubles, nanoseconds and objects with ``@`` keys stay what they are. Doubles that
JSON cannot write are Python floats.

What has no counterpart on the other side is handed to ``report(path, what)`` and left out.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any, Callable, NamedTuple

from faunadb.engine.java import times as temporal

__all__ = [
    "NATIVE_MODULES",
    "BadRecord",
    "Document",
    "collection_ref",
    "decode_record",
    "document_ref",
    "encode_record",
    "format_micros",
    "object_literal",
    "parse_micros",
    "query_literal",
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
_MODULES = {native: module for module, native in NATIVE_MODULES.items()}
_METADATA = ("id", "coll", "ts", "ttl", "data")
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)


class BadRecord(ValueError):
    """A record that is not one of an export: what is wrong with which field."""


class Document(NamedTuple):
    """One document, its values as literals of the FQL v4 wire protocol."""

    collection: str
    id: str
    #: microseconds since 1970, or ``None`` when the record has none
    ts: int | None
    #: ``{"@ts": ...}``, or ``None``
    ttl: dict[str, str] | None
    #: its members, without an escape around them
    data: dict[str, Any]


# -- times


def parse_micros(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time with a zone; finer digits are dropped.

    :raises ValueError: when it is not such a time, or one beyond 64 bits of microseconds
    """
    moment = _parse_time(text)
    micros = moment.to_micros()
    # the conversion wraps around
    if temporal.Time.from_micros(micros).seconds != moment.seconds:
        raise ValueError(f"{text!r} is not a time of a document")
    return micros


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
    """The ref of the collection (or native collection) that a v10 module name stands for."""
    if name in NATIVE_MODULES:
        return {"@ref": {"id": NATIVE_MODULES[name]}}
    return {"@ref": {"id": name, "collection": {"@ref": {"id": "collections"}}}}


def document_ref(collection: str, identifier: str) -> dict[str, Any]:
    """The ref of a document of a v10 module."""
    return {"@ref": {"id": identifier, "collection": collection_ref(collection)}}


# -- records to documents


def decode_record(record: Any, tagged: bool, report: Report, collection: str = "") -> Document:
    """The document of one record.

    :param record: the JSON value of the record
    :param tagged: whether the export's ``doc_format`` is ``tagged`` (else ``simple``)
    :param report: called with the path and the kind of each value that FQL v4 cannot hold
    :param collection: the collection the file belongs to, for records that do not say it
    :raises BadRecord: when the record is not one
    """
    # a writer may tag the record as any object with a key that begins with @, or as any document
    record = _untagged(record, "@object", "@doc") if tagged else record
    if not isinstance(record, dict):
        raise BadRecord("a document is a JSON object")
    fields = dict(record)
    identifier = _identifier(fields.pop("id", None))
    name = _module_name(fields.pop("coll", None)) or collection
    if not name:
        raise BadRecord("the field coll, which names the collection, is missing")
    ts = _time_field(fields.pop("ts", None), "ts", parse_micros)
    ttl = _time_field(fields.pop("ttl", None), "ttl", _parse_time)
    colliding = _untagged(fields.pop("data", None), "@object")
    if colliding is not None and not isinstance(colliding, dict):
        raise BadRecord("the field data is not an object")
    decode = _Decoder(tagged, report)
    data = decode.members({**fields, **(colliding or {})}, ())
    micros = parse_micros(ts) if ts is not None else None
    return Document(name, identifier, micros, None if ttl is None else {"@ts": ttl}, data)


def _identifier(value: Any) -> str:
    value = _untagged(value, "@long", "@int")
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not re.fullmatch(r"-?\d+", str(value)):
        raise BadRecord("the field id is missing or is not a decimal number")
    if int(value) not in _INT64:
        raise BadRecord(f"the id {value} does not fit in 64 bits")
    return str(value)


def _untagged(value: Any, *tags: str) -> Any:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in tags:
        return next(iter(value.values()))
    return value


def _module_name(value: Any) -> str | None:
    value = _untagged(value, "@mod")
    if value is not None and not isinstance(value, str):
        raise BadRecord("the field coll is not a collection")
    return value


def _time_field(value: Any, name: str, parse: Callable[[str], Any]) -> str | None:
    value = _untagged(value, "@time")
    if value is None:
        return None
    try:
        parse(value)
    except (TypeError, ValueError):
        raise BadRecord(f"the field {name} is not a time") from None
    return str(value)


class _Decoder:
    """v10 values to v4 literals."""

    def __init__(self, tagged: bool, report: Report) -> None:
        self.tagged = tagged
        self.report = report

    def members(self, fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        decoded = {}
        for key, value in fields.items():
            result = self.value(value, (*path, key))
            if result is not _NOTHING:
                decoded[key] = result
        return decoded

    def value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if self.tagged and len(value) == 1 and next(iter(value)).startswith("@"):
                return self.tag(next(iter(value)), next(iter(value.values())), path)
            return self.object(value, path)
        if isinstance(value, list):
            return self.array(value, path)
        if isinstance(value, int) and not isinstance(value, bool) and value not in _INT64:
            raise BadRecord(f"{'.'.join(path)}: {value} does not fit in 64 bits")
        return value

    def array(self, values: list[Any], path: tuple[str, ...]) -> list[Any]:
        decoded = []
        for index, value in enumerate(values):
            place = (*path, str(index))
            if value is None:
                # storing an array in FQL v4 drops its nulls
                self.report(place, "null in an array")
                continue
            result = self.value(value, place)
            if result is not _NOTHING:
                decoded.append(result)
        return decoded

    def object(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise BadRecord(f"{'.'.join(path)}: an object was expected")
        return object_literal(self.members(value, path))

    def tag(self, tag: str, value: Any, path: tuple[str, ...]) -> Any:
        handler = getattr(self, "_tag_" + tag[1:], None)
        if handler is None:
            raise BadRecord(f"{'.'.join(path)}: unknown tag {tag}")
        try:
            return handler(value, path)
        except (TypeError, ValueError, KeyError, binascii.Error) as fault:
            if isinstance(fault, BadRecord):
                raise
            raise BadRecord(f"{'.'.join(path)}: {value!r} is no value of {tag}") from None

    def _tag_int(self, value: Any, path: tuple[str, ...]) -> int:
        number = int(value)
        if number not in _INT64:
            raise ValueError
        return number

    _tag_long = _tag_int

    def _tag_double(self, value: Any, path: tuple[str, ...]) -> float:
        return float(value)

    def _tag_time(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        _parse_time(value)
        return {"@ts": value}

    def _tag_date(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        if temporal.parse_date(value) is None:
            raise ValueError
        return {"@date": value}

    def _tag_bytes(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        return {"@bytes": base64.urlsafe_b64encode(base64.b64decode(value, validate=True)).decode("ascii")}

    def _tag_uuid(self, value: Any, path: tuple[str, ...]) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value

    def _tag_mod(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, str):
            raise ValueError
        return collection_ref(value)

    def _tag_ref(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        module = _module_name(value["coll"])
        identifier = value.get("id", value.get("name"))
        if not module or isinstance(identifier, (dict, list)) or identifier is None:
            raise ValueError
        return document_ref(module, str(identifier))

    _tag_doc = _tag_ref

    def _tag_object(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        return self.object(value, path)

    def _tag_set(self, value: Any, path: tuple[str, ...]) -> Any:
        self.report(path, "a set")
        return _NOTHING

    def _tag_stream(self, value: Any, path: tuple[str, ...]) -> Any:
        self.report(path, "an event source")
        return _NOTHING


_NOTHING = object()


def object_literal(members: dict[str, Any]) -> dict[str, Any]:
    """The literal of an object with these members: escaped when a key begins with ``@``."""
    return {"@obj": members} if any(key.startswith("@") for key in members) else members


def query_literal(value: Any) -> Any:
    """The expression that evaluates to a v4 literal: quoted, or built where JSON has no word for a number."""
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
    """Powers that come to NaN (-8 to the half) and to the infinities (0 to the -1)."""
    if math.isnan(value):
        return {"pow": -8, "exp": 0.5}
    infinity = {"pow": 0, "exp": -1}
    return infinity if value > 0 else {"multiply": [-1, infinity]}


# -- documents to records


def encode_record(document: Document, tagged: bool, report: Report) -> dict[str, Any]:
    """The record of one document.

    :param document: with values as in responses of the wire protocol
    :param tagged: write ``doc_format`` ``tagged`` (else ``simple``)
    :param report: called with the path and the kind of each value that the format cannot hold
    """
    encode = _Encoder(tagged, report)
    record: dict[str, Any] = {"id": document.id, "coll": encode.module(document.collection)}
    if document.ts is not None:
        record["ts"] = encode.scalar("@time", format_micros(document.ts))
    if document.ttl is not None:
        record["ttl"] = encode.scalar("@time", document.ttl["@ts"])
    fields = encode.members(document.data, ())
    colliding = {key: value for key, value in fields.items() if key in _METADATA}
    record.update((key, value) for key, value in fields.items() if key not in colliding)
    if colliding:
        record["data"] = colliding
    return record


class _Encoder:
    """v4 literals to v10 values."""

    def __init__(self, tagged: bool, report: Report) -> None:
        self.tagged = tagged
        self.report = report

    def scalar(self, tag: str, text: str) -> Any:
        return {tag: text} if self.tagged else text

    def module(self, name: str) -> Any:
        return self.scalar("@mod", name)

    def members(self, fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        encoded = {}
        for key, value in fields.items():
            result = self.value(value, (*path, key))
            if result is not _NOTHING:
                encoded[key] = result
        return encoded

    def value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value)).startswith("@"):
                return self.escape(next(iter(value)), next(iter(value.values())), path)
            return self.members(value, path)
        if isinstance(value, list):
            items = [self.value(item, (*path, str(index))) for index, item in enumerate(value)]
            return [item for item in items if item is not _NOTHING]
        return (
            self.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        )

    def number(self, value: Any) -> Any:
        if isinstance(value, int):
            return {"@int" if value in _INT32 else "@long": str(value)} if self.tagged else value
        text = _double_text(value)
        if self.tagged:
            return {"@double": text}
        return value if math.isfinite(value) else text

    def escape(self, name: str, value: Any, path: tuple[str, ...]) -> Any:
        if name == "@ref":
            return self.ref(value, path)
        if name == "@obj":
            members = self.members(value, path)
            return {"@object": members} if self.tagged else members
        if name == "@bytes":
            raw = base64.urlsafe_b64decode(
                value.replace("+", "-").replace("/", "_") + "=" * (-len(value) % 4)
            )
            return self.scalar("@bytes", base64.b64encode(raw).decode("ascii"))
        if name in ("@ts", "@date", "@uuid"):
            return self.scalar({"@ts": "@time"}.get(name, name), value)
        self.report(path, {"@query": "a lambda", "@set": "a set"}.get(name, name))
        return _NOTHING

    def ref(self, value: dict[str, Any], path: tuple[str, ...]) -> Any:
        """A ref to a document, to a named item or to a collection."""
        owner = value.get("collection", {}).get("@ref")
        if "database" in value or (owner is not None and "database" in owner):
            self.report(path, "a ref into another database")
            return _NOTHING
        if owner is None:
            return self.module(_MODULES[value["id"]])
        if "collection" in owner:
            body = {"id": value["id"], "coll": self.module(owner["id"])}
        elif owner["id"] == "collections":
            return self.module(value["id"])
        else:
            key = "id" if owner["id"] in ("keys", "tokens", "credentials") else "name"
            body = {key: value["id"], "coll": self.module(_MODULES[owner["id"]])}
        return {"@ref": body} if self.tagged else body


def _double_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
