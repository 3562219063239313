"""The quick way for the records of an export: straight to the text that is stored, without literals in between.

Python's JSON decoder, which is written in C, calls back for each object, and its encoder writes the result. This takes
about a third of the time of `export_decoding`. A record with anything unusual in it (a null, a rare tag, an unusual
spelling) is left to `export_decoding`, which also says what is wrong with a record.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Callable, Optional

from faunadb.cli.export_format import NATIVE_MODULES, Names, is_day, usual_micros
from faunadb.engine.loading import Ready, ready, stored_ref

__all__ = ["QuickReader"]

# longer records are rare, and limits of size apply to them
_LONGEST = 40_000
# nulls and lone surrogates are not stored
_UNUSUAL = re.compile(r"null|\\u[dD]")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
# doubles that Python and Java write alike
_DOUBLE = re.compile(r"-?(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,9})?")
_WHOLE_FRACTION = re.compile(r"[^.]*(?:\.(?:[0-9]{3}){1,3}(?<!000))?Z")


class _Unusual(Exception):
    """A record that is left to `export_decoding`."""


class _Module:
    """A collection where the record names one. The JSON encoder does not know it, so as a field's value it is unusual."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class QuickReader:
    """Reads lines of one export.

    :param names: which collections its modules stand for
    :param module: the module of records that do not name theirs
    :param number: returns the number of a collection in the target, ``None`` when it is not there
    """

    def __init__(self, names: Names, module: str, number: Callable[[str], Optional[int]]) -> None:
        self._names = names
        self._module = _Module(module)
        self._number = number
        self._numbers: dict[str, int] = {}
        self._decode = json.JSONDecoder(
            object_hook=self._hook, parse_int=_integer, parse_float=_double
        ).decode

    def read(self, line: str) -> Optional[Ready]:
        """The version that a line holds; ``None`` for a line with anything unusual."""
        if len(line) > _LONGEST or _UNUSUAL.search(line):
            return None
        try:
            return self._version(self._decode(line))
        except (_Unusual, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def _version(self, record: Any) -> Ready:
        identifier = record.pop("id")
        if not _INTEGER.fullmatch(identifier) or "data" in record:
            raise _Unusual
        collection = self._names.collection(record.pop("coll", self._module).name)
        number = self._of(collection)
        ts = record.pop("ts").micros
        ttl = record.pop("ttl", None)
        expires = None if ttl is None else ttl.micros
        for key in record:
            if key[:1] == "@":
                raise _Unusual
        return ready(collection, number, int(identifier), ts, record, ttl, expires)

    def _of(self, collection: str) -> int:
        number = self._numbers.get(collection)
        if number is None:
            number = self._number(collection)
            if number is None or collection == "":
                raise _Unusual
            self._numbers[collection] = number
        return number

    def _hook(self, members: dict[str, Any]) -> Any:
        if len(members) != 1:
            return members
        ((key, content),) = members.items()
        if key[:1] != "@":
            return members
        if key == "@ref":
            if len(content) != 2 or not _INTEGER.fullmatch(content["id"]):
                raise _Unusual
            return stored_ref(self._of(self._names.collection(content["coll"].name)), content["id"])
        tag = _TAGS.get(key)
        if tag is None:
            raise _Unusual
        return tag(content)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise _Unusual
    return int(text)


def _double(text: str) -> float:
    if not _DOUBLE.fullmatch(text):
        raise _Unusual
    value = float(text)
    if -1e-3 < value < 1e-3 and value != 0:
        raise _Unusual
    return value


class _Time(dict[str, str]):
    """A time as it is stored."""

    __slots__ = ("micros",)

    #: microseconds since 1970
    micros: int


def _time(text: str) -> _Time:
    micros = usual_micros(text)
    if micros is None or not _WHOLE_FRACTION.fullmatch(text):
        raise _Unusual
    found = _Time({"@ts": text})
    found.micros = micros
    return found


def _date(text: str) -> dict[str, str]:
    if not is_day(text):
        raise _Unusual
    return {"@date": text}


def _bytes(text: str) -> dict[str, str]:
    try:
        if base64.b64encode(base64.b64decode(text)).decode("ascii") != text:
            raise _Unusual
    except binascii.Error:
        raise _Unusual from None
    return {"@bytes": text}


def _named(text: str) -> _Module:
    if text in NATIVE_MODULES:
        raise _Unusual
    return _Module(text)


_TAGS: dict[str, Callable[[Any], Any]] = {
    "@int": _integer,
    "@long": _integer,
    "@double": _double,
    "@time": _time,
    "@date": _date,
    "@bytes": _bytes,
    "@mod": _named,
}
