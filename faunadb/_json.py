"""JSON of the wire protocol: values that JSON lacks are objects with one key that starts with ``@``."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from json import JSONDecodeError
from typing import Any, Callable, Optional, Union

from faunadb._expressions import _Expr, unserializable
from faunadb.errors import UnexpectedError
from faunadb.objects import _NATIVE_BY_NAME, FaunaTime, Query, Ref, SetRef, _date_from_text

Text = Union[str, bytes, bytearray]

# Reading.


def parse_json(json_string: Text) -> Any:
    """Return the value of a JSON text, with references, times, dates, bytes, sets and lambdas as Python
    objects.

    :raises ValueError: When the text is not JSON, or holds a value that Python cannot (a date after year
        9999).
    """
    text = json_string if isinstance(json_string, str) else json_string.decode("utf-8", "replace")
    if '"@' not in text:
        return _read_plain(text)
    if '"@obj"' in text:
        return _convert(_read_plain(text))
    return _read_tagged(text)


def parse_json_or_none(json_string: Text) -> Any:
    """Do what :func:`parse_json` does, and return ``None`` when the text is not JSON."""
    try:
        return parse_json(json_string)
    except JSONDecodeError:
        return None


def stream_content_to_json(buffer: Text) -> dict[str, Any]:
    """Split what has arrived on a stream into events.

    :return: ``{"buffer": rest, "values": [{"content": event, "raw": text}, ...]}``, where ``rest`` is the
        start of an event of which more is to come (``str``).
    """
    is_text = isinstance(buffer, str)
    text = buffer if isinstance(buffer, str) else buffer.decode("utf-8", "replace")
    values: list[dict[str, Any]] = []
    start = 0
    while start < len(text):
        end = _end_of_value(text, start)
        if end is None:
            break
        raw = text[start:end]
        values.append({"content": parse_json(raw), "raw": raw if is_text else raw.encode("utf-8")})
        start = end
    return {"buffer": text[start:], "values": values}


def _end_of_value(text: str, start: int) -> Optional[int]:
    """Return where the value that starts here ends, white space included; ``None`` if it is cut off."""
    try:
        _, end = _PLAIN_DECODER.raw_decode(text, _skip_space(text, start))
    except JSONDecodeError:
        return None
    return _skip_space(text, end)


def _skip_space(text: str, index: int) -> int:
    while index < len(text) and text[index] in " \t\r\n":
        index += 1
    return index


def _ref(value: Any) -> Any:
    """Return the ``Ref`` of what is inside ``@ref``, whose own references have been read before."""
    if not isinstance(value, dict):
        raise ValueError(f"Not a reference: {value!r}")
    if len(value) == 1:
        native = _NATIVE_BY_NAME.get(value["id"])
        return native if native is not None else Ref(value["id"])
    if "class" in value or "id" not in value:
        return Ref(value["id"], value.get("collection") or value.get("class"), value.get("database"))
    ref = _new_expression(Ref)
    # What Ref() would build, without building it again: this is most of the work of reading a page.
    ref.value = value
    return ref


_new_expression = object.__new__


def _bytes(value: str) -> bytearray:
    # Both alphabets of base64 are accepted, URL-safe is what is written.
    return bytearray(urlsafe_b64decode(value.replace("+", "-").replace("/", "_")))


_VALUE_BY_TAG: dict[str, Callable[[Any], Any]] = {
    "@ref": _ref,
    "@ts": FaunaTime,
    "@date": _date_from_text,
    "@bytes": _bytes,
    "@set": SetRef,
    "@query": Query,
}


def _read_object(dct: dict[str, Any]) -> Any:
    """Return what a JSON object stands for. Called innermost first, which is right unless ``@obj`` occurs."""
    if len(dct) != 1:
        return dct
    ((tag, value),) = dct.items()
    read = _VALUE_BY_TAG.get(tag)
    return dct if read is None else read(value)


def _convert(value: Any) -> Any:
    """Return plain JSON as Python objects, outermost first, so that ``@obj`` shields the object in it."""
    if isinstance(value, list):
        return [_convert(element) for element in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "@obj" and isinstance(inner, dict):
            return _convert_members(inner)
        read = _VALUE_BY_TAG.get(tag)
        if read is not None:
            return read(_convert_members(inner) if isinstance(inner, dict) else _convert(inner))
    return _convert_members(value)


def _convert_members(dct: dict[str, Any]) -> dict[str, Any]:
    return {key: _convert(member) for key, member in dct.items()}


_PLAIN_DECODER = json.JSONDecoder()
_read_plain = _PLAIN_DECODER.decode
_read_tagged = json.JSONDecoder(object_hook=_read_object).decode

# Writing.


def to_json(dct: Any, pretty: bool = False, sort_keys: bool = False) -> str:
    """Return the JSON of an expression or value, in ASCII.

    :param pretty: Indent by 2 and sort keys; without it there is no white space.
    :param sort_keys: Sort the keys of objects.
    :raises UnexpectedError: For an object of a type that has no JSON, for NaN and infinity, and for a
        structure that contains itself.
    """
    encoder = _PRETTY if pretty else _SORTED if sort_keys else _COMPACT
    try:
        return encoder.encode(dct)
    except RecursionError:
        return _write_deep(dct, pretty, sort_keys)
    except ValueError as error:
        # The one complaint that the encoder makes by itself.
        raise UnexpectedError(
            f"Unserializable object nan of type {float}: JSON has neither NaN nor infinity", None
        ) from error


def _json_value(obj: Any) -> Any:
    """Return the JSON value that an object stands for."""
    if type(obj) is _Expr:
        return obj.value
    if isinstance(obj, _Expr):
        return obj.to_fauna_json()
    if isinstance(obj, datetime):
        return FaunaTime(obj).to_fauna_json()
    if isinstance(obj, date):
        return {"@date": obj.isoformat()}
    if isinstance(obj, (bytes, bytearray)):
        return {"@bytes": urlsafe_b64encode(obj).decode("ascii")}
    raise unserializable(obj)


def _write_deep(value: Any, pretty: bool, sort_keys: bool) -> str:
    from faunadb._deep import write_deep

    # Indentation of something nested a thousand deep would not help anybody read it.
    return write_deep(value, _SCALAR.encode, _json_value, sort_keys or pretty)


# The encoder's own check for structures that contain themselves costs time for every container; running into
# the recursion limit finds them as well.
_COMPACT = json.JSONEncoder(separators=(",", ":"), default=_json_value, allow_nan=False, check_circular=False)
_SORTED = json.JSONEncoder(
    separators=(",", ":"), default=_json_value, allow_nan=False, check_circular=False, sort_keys=True
)
_PRETTY = json.JSONEncoder(
    separators=(", ", ": "),
    default=_json_value,
    allow_nan=False,
    check_circular=False,
    sort_keys=True,
    indent=2,
)
_SCALAR = json.JSONEncoder(allow_nan=False)
