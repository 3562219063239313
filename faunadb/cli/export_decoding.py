"""Reads the records of an export into documents of FQL v4."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Callable

from faunadb.cli.export_format import (
    CREDENTIAL,
    INT64,
    NATIVE_MODULES,
    UNNAMED,
    BadRecord,
    Document,
    Names,
    Report,
    check_time,
    is_day,
    is_usual_time,
    object_literal,
    parse_micros,
)
from faunadb.cli.references import references
from faunadb.engine.java import times as temporal

__all__ = ["decode_record"]


def decode_record(
    record: Any, tagged: bool, report: Report, collection: str = "", names: Names | None = None
) -> Document:
    """The document of one record.

    :param record: the JSON value of the record
    :param tagged: whether the export's ``doc_format`` is ``tagged`` (else ``simple``)
    :param report: called with the path and the kind of each value that FQL v4 cannot hold
    :param collection: the module the file belongs to, for records that do not say it
    :param names: which collections the export's modules stand for
    :raises BadRecord: when the record is not that of a document
    """
    names = names or Names()
    # the record itself may be tagged: as a document, or as an object with a key that begins with @
    record = _untagged(record, "@object", "@doc") if tagged else record
    if not isinstance(record, dict):
        raise BadRecord("a document is a JSON object")
    fields = dict(record)
    identifier = _identifier(fields.pop("id", None))
    module = _module_name(fields.pop("coll", None)) or collection
    if not module:
        raise BadRecord("the field coll, which names the collection, is missing")
    if module in NATIVE_MODULES and module != CREDENTIAL:
        raise BadRecord(f"{module} is no collection of documents")
    ts = _time_field(fields.pop("ts", None), "ts", parse_micros)
    ttl = _time_field(fields.pop("ttl", None), "ttl", _time_literal)
    colliding = _untagged(fields.pop("data", None), "@object")
    if colliding is not None and not isinstance(colliding, dict):
        raise BadRecord("the field data is not an object")
    decode = _Decoder(tagged, report, names)
    data = decode.members({**fields, **(colliding or {})} if colliding else fields, ())
    return Document(
        names.collection(module),
        identifier,
        ts,
        ttl,
        data,
        module == CREDENTIAL,
        frozenset(decode.mentions),
    )


def _identifier(value: Any) -> str:
    value = _untagged(value, "@long", "@int")
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _INTEGER.fullmatch(text):
        raise BadRecord("the field id is missing or is not a decimal number")
    if int(text) not in INT64:
        raise BadRecord(f"the id {text} does not fit in 64 bits")
    return text


# enough digits for any 64-bit number, few enough to convert quickly
_INTEGER = re.compile(r"-?[0-9]{1,40}")


def _untagged(value: Any, *tags: str) -> Any:
    if type(value) is dict and len(value) == 1:
        ((tag, content),) = value.items()
        if tag in tags:
            return content
    return value


def _module_name(value: Any) -> str | None:
    value = _untagged(value, "@mod")
    if value is not None and not isinstance(value, str):
        raise BadRecord("the field coll is not a collection")
    return value


def _time_field(value: Any, name: str, read: Callable[[str], Any]) -> Any:
    value = _untagged(value, "@time")
    if value is None:
        return None
    try:
        return read(value)
    except (TypeError, ValueError):
        raise BadRecord(f"the field {name} is not a time") from None


def _time_literal(text: str) -> dict[str, str]:
    check_time(text)
    return {"@ts": text}


class _Decoder:
    """Converts v10 values to v4 literals.

    :ivar mentions: what refs in them name, as in ``Document.mentions``
    """

    def __init__(self, tagged: bool, report: Report, names: Names) -> None:
        self.tagged = tagged
        self.report = report
        self.names = names
        self.mentions: set[tuple[str, str]] = set()

    def members(self, fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        decoded = {}
        tagged = self.tagged
        for key, value in fields.items():
            kind = type(value)
            if kind is str or kind is bool or value is None:
                decoded[key] = value
                continue
            if kind is dict and len(value) == 1 and tagged:
                ((tag, content),) = value.items()
                quick = _QUICK.get(tag)
                if quick is not None and type(content) is str:
                    result = quick(content)
                    if result is not None:
                        decoded[key] = result
                        continue
            result = self.value(value, (*path, key))
            if result is not _NOTHING:
                decoded[key] = result
        return decoded

    def value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if self.tagged and len(value) == 1:
                ((key, content),) = value.items()
                if key[:1] == "@":
                    return self.tag(key, content, path)
            return self.object(value, path)
        if isinstance(value, list):
            return self.array(value, path)
        if isinstance(value, int) and not isinstance(value, bool) and value not in INT64:
            raise BadRecord(f"{'.'.join(path)}: {value} does not fit in 64 bits")
        return value

    def array(self, values: list[Any], path: tuple[str, ...]) -> list[Any]:
        decoded = []
        for index, value in enumerate(values):
            if type(value) is str:
                decoded.append(value)
                continue
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
        handler = _TAGS.get(tag)
        if handler is None:
            raise BadRecord(f"{'.'.join(path)}: unknown tag {tag}")
        try:
            return handler(self, value, path)
        except (TypeError, ValueError, KeyError, AttributeError, binascii.Error) as fault:
            if isinstance(fault, BadRecord):
                raise
            raise BadRecord(f"{'.'.join(path)}: {_short(value)} is no value of {tag}") from None

    def _int(self, value: Any, path: tuple[str, ...]) -> int:
        if not _INTEGER.fullmatch(str(value)):
            raise ValueError
        number = int(value)
        if number not in INT64:
            raise ValueError
        return number

    def _double(self, value: Any, path: tuple[str, ...]) -> float:
        return float(value)

    def _time(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        return _time_literal(value)

    def _date(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        if not is_day(value) and temporal.parse_date(value) is None:
            raise ValueError
        return {"@date": value}

    def _bytes(self, value: Any, path: tuple[str, ...]) -> dict[str, str]:
        return {"@bytes": base64.urlsafe_b64encode(base64.b64decode(value, validate=True)).decode("ascii")}

    def _uuid(self, value: Any, path: tuple[str, ...]) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value

    def _mod(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, str):
            raise ValueError
        if not self.names.is_native(value):
            self.mentions.add(("collections", self.names.collection(value)))
        return self.names.ref(value)

    def _ref(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        module = _module_name(value["coll"])
        identifier = value.get("id", value.get("name"))
        if not module or isinstance(identifier, (dict, list)) or identifier is None:
            raise ValueError
        if not self.names.is_native(module):
            self.mentions.add(("collections", self.names.collection(module)))
        elif NATIVE_MODULES[module] not in UNNAMED:
            self.mentions.add((NATIVE_MODULES[module], str(identifier)))
        return {"@ref": {"id": str(identifier), "collection": self.names.ref(module)}}

    def _set(self, value: Any, path: tuple[str, ...]) -> Any:
        self.report(path, "a set")
        return _NOTHING

    def _stream(self, value: Any, path: tuple[str, ...]) -> Any:
        self.report(path, "an event source")
        return _NOTHING

    def _v4(self, value: Any, path: tuple[str, ...]) -> Any:
        self.mentions |= references(value)
        return value


_TAGS: dict[str, Callable[[_Decoder, Any, tuple[str, ...]], Any]] = {
    "@int": _Decoder._int,
    "@long": _Decoder._int,
    "@double": _Decoder._double,
    "@time": _Decoder._time,
    "@date": _Decoder._date,
    "@bytes": _Decoder._bytes,
    "@uuid": _Decoder._uuid,
    "@mod": _Decoder._mod,
    "@ref": _Decoder._ref,
    "@doc": _Decoder._ref,
    "@object": _Decoder.object,
    "@set": _Decoder._set,
    "@stream": _Decoder._stream,
    "@v4": _Decoder._v4,
}

_NOTHING = object()

_FEW_DIGITS = re.compile(r"-?[0-9]{1,18}")


def _quick_integer(text: str) -> int | None:
    return int(text) if _FEW_DIGITS.fullmatch(text) else None


def _quick_time(text: str) -> dict[str, str] | None:
    return {"@ts": text} if is_usual_time(text) else None


def _quick_date(text: str) -> dict[str, str] | None:
    return {"@date": text} if is_day(text) else None


#: Quick readers for the usual content of the commonest tags; they return ``None`` for anything unusual.
_QUICK: dict[str, Callable[[str], Any]] = {
    "@int": _quick_integer,
    "@long": _quick_integer,
    "@time": _quick_time,
    "@date": _quick_date,
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
