"""JSON of the wire protocol: values that JSON lacks are objects with one key that starts with ``@``."""

from __future__ import annotations

import functools
import json
import json.encoder
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from json import JSONDecodeError, JSONDecoder, JSONEncoder
from typing import Any, Callable, Optional, Union

from faunadb._expressions import CONTAINERS, enter
from faunadb.errors import UnexpectedError
from faunadb.objects import _NATIVE_BY_NAME, FaunaTime, Query, Ref, SetRef, _date_from_text, _json_value

Text = Union[str, bytes, bytearray]

# Reading.


def parse_json(json_string: Text) -> Any:
    """Return the value of a JSON text, with references, times, dates, bytes, sets and lambdas as Python
    objects.

    :raises ValueError: When the text is not JSON, or holds a value that Python cannot (a date after year
        9999).
    """
    text = json_string if isinstance(json_string, str) else json_string.decode("utf-8", "replace")
    found = _ONE_DOCUMENT(text)
    if found is not None:
        answer = _read_document(text, found)
        if answer is not None:
            return answer
    elif '"@' not in text:
        return _read_plain(text)
    try:
        return _read_page(text) if len(text) > _PAGE_LENGTH else _read_tagged(text)
    except JSONDecodeError:
        raise
    except (ValueError, TypeError, KeyError):
        # Something that looks like one of our values is none: only within an @obj that is no error.
        return _convert(_read_plain(text))


def parse_json_or_none(json_string: Text) -> Any:
    """Do what :func:`parse_json` does, and return ``None`` when the text is not JSON."""
    try:
        return parse_json(json_string)
    except JSONDecodeError:
        return None


def without_lone_surrogates(text: str) -> str:
    """Return a text as it would arrive over a network: UTF-8 has no lone surrogates, so each becomes ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
    if type(value) is not dict or "id" not in value:
        raise ValueError(f"Not a reference: {value!r}")
    if len(value) == 1:
        native = _NATIVE_BY_NAME.get(value["id"])
        return native if native is not None else Ref(value["id"])
    return Ref(value["id"], value.get("collection") or value.get("class"), value.get("database"))


def _bytes(value: Any) -> bytearray:
    if type(value) is not str:
        raise ValueError(f"Not base64: {value!r}")
    # Both alphabets of base64 are read; the URL-safe one is written.
    return bytearray(urlsafe_b64decode(value.replace("+", "-").replace("/", "_")))


def _as_it_is(value: Any) -> Any:
    return value


_VALUE_BY_TAG: dict[str, Callable[[Any], Any]] = {
    "@ref": _ref,
    "@ts": FaunaTime,
    "@date": _date_from_text,
    "@bytes": _bytes,
    "@set": SetRef,
    "@query": Query,
    "@obj": _as_it_is,
}


def _read_object(dct: dict[str, Any]) -> Any:
    """Return what a JSON object stands for. Called innermost first, so that what is inside ``@obj`` is read by its tag."""
    if len(dct) != 1:
        return dct
    tag, value = dct.popitem()
    # These two are in the table as well, but a page of documents has little else, and this is quicker.
    if tag == "@ref":
        if len(value) == 2 and "id" in value and "collection" in value:
            ref = _new_object(Ref)
            ref.value = value
            return ref
    elif tag == "@ts" and type(value) is str and "+" not in value:
        time = _new_object(FaunaTime)
        time.value = value
        return time
    read = _VALUE_BY_TAG.get(tag)
    if read is not None:
        return read(value)
    dct[tag] = value
    return dct


# A page of documents repeats the reference to their collection with each of them.
_COLLECTION_REF = r'\{"@ref":\{"id":"[^"\\\x00-\x1f]*","collection":\{"@ref":\{"id":"collections"\}\}\}\}'
_find_collection_ref = re.compile(_COLLECTION_REF).search
_split_at_document_refs = re.compile(r'\{"@ref":\{"id":"([^"\\\x00-\x1f]*)","collection":NaN\}\}').split
_PAGE_LENGTH = 2000
#: The beginning of a response that is one document of a collection: its reference.
_ONE_DOCUMENT = re.compile(
    r'\{"resource":\{"ref":\{"@ref":\{"id":"([^"\\\x00-\x1f]*)","collection":(%s)\}\},' % _COLLECTION_REF
).match

_new_object = object.__new__


def _read_document(text: str, found: re.Match[str]) -> Optional[dict[str, Any]]:
    """Return a response that is one document without any tagged value but its reference; ``None`` for others.

    :param found: What ``_ONE_DOCUMENT`` has matched.
    """
    head = found.end()
    if text.find('"@', head) >= 0:
        return None
    try:
        members, end = _scan("{" + text[head:], 0)
    except (StopIteration, JSONDecodeError):
        return None
    if text[head + end - 1 :] != "}":
        return None
    ref = _new_object(Ref)
    ref.value = {"id": found[1], "collection": _collection_ref(found[2])}
    return {"resource": {"ref": ref, **members}}


def read_stored(page: Optional[str], collection: str, documents: Sequence[tuple[int, int, str]]) -> Any:
    """Return the value of an answer made of documents of one collection; ``None`` where that takes its whole text.

    :param page: How the JSON of a page begins, up to its ``data``; ``None`` for an answer that is one document.
    :param collection: The JSON of the reference to their collection.
    :param documents: Of each its id, its time in microseconds, and the JSON of an object with its further fields, in which
        no value is tagged.
    """
    if not collection.isascii():
        return None
    owner = _collection_ref(collection)
    try:
        if page is None:
            ((id, ts, fields),) = documents
            members, _ = _scan(fields if fields.isascii() else without_lone_surrogates(fields), 0)
            ref = _new_object(Ref)  # as `_document_ref`, without the call
            ref.value = {"id": str(id), "collection": owner}
            return {"ref": ref, "ts": ts, **members}
        joined = ",".join([fields for _, _, fields in documents])
        members, _ = _scan(without_lone_surrogates(f"[{joined}]"), 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    value = parse_json(without_lone_surrogates(page) + '"data":[]}')
    data = value["data"]
    for (id, ts, _), each in zip(documents, members):
        ref = _new_object(Ref)  # as `_document_ref`, without the call
        ref.value = {"id": str(id), "collection": owner}
        data.append({"ref": ref, "ts": ts, **each})
    return value


def copied(value: Any) -> Any:
    """Return a value made of scalars, or one of them, as one that may be changed."""
    return value.copy() if type(value) is dict or type(value) is list else value


def _read_page(text: str) -> Any:
    """Return the value of a long text, reading a reference to a collection that occurs again and again only once.

    All its occurrences are replaced by ``NaN`` before reading, and then references to its documents by
    ``Infinity``. JSON has neither (servers write them as strings), but Python's decoder asks ``parse_constant`` what
    they stand for, in the order of the text. What looks like a reference is one: inside a string its quotes would
    be escaped.
    """
    found = _find_collection_ref(text)
    if found is None:
        return _read_tagged(text)
    repeated = found.group()
    collection = _collection_ref(repeated)
    between = text.split(repeated)
    # Every other piece is the id of a document.
    pieces = _split_at_document_refs("NaN".join(between))
    alone = len(between) - 1 - len(pieces) // 2
    refs = iter([*[_document_ref(id, collection) for id in pieces[1::2]], _END])
    collections = iter([*[collection] * alone, _END])

    def constant(name: str) -> Any:
        return next(collections if name == "NaN" else refs, None)

    short = "Infinity".join(pieces[::2])
    hook = _read_object if '"@' in short else None
    ask = constant if alone else functools.partial(next, refs)
    value = JSONDecoder(object_hook=hook, parse_constant=ask).decode(short)
    if alone < 0 or next(refs, None) is not _END or next(collections, None) is not _END:
        return _read_tagged(text)  # the text itself has such constants
    return value


_END: Any = object()


def _document_ref(id: str, collection: Ref) -> Ref:
    ref = _new_object(Ref)
    ref.value = {"id": id, "collection": collection}
    return ref


@functools.lru_cache(maxsize=64)
def _collection_ref(collection_json: str) -> Ref:
    ref: Ref = _read_tagged(collection_json)
    return ref


def _parse_json_hook(dct: dict[str, Any]) -> Any:
    """Return what a JSON object stands for; an ``object_hook`` for :func:`json.loads`."""
    return _read_object(dict(dct))


def _convert(value: Any) -> Any:
    """Return plain JSON as Python objects. Works from the outside in, so that inside ``@obj`` an object that looks
    tagged but cannot be read as its tag says stays an object."""
    if isinstance(value, list):
        return [_convert(element) for element in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "@obj":
            return _unshielded(inner)
        read = _VALUE_BY_TAG.get(tag)
        if read is not None:
            return read(_convert_members(inner) if isinstance(inner, dict) else _convert(inner))
    return _convert_members(value)


def _unshielded(inner: Any) -> Any:
    try:
        return _convert(inner)
    except (ValueError, TypeError, KeyError):
        if not isinstance(inner, dict):
            raise
        return _convert_members(inner)


def _convert_members(dct: dict[str, Any]) -> dict[str, Any]:
    return {key: _convert(member) for key, member in dct.items()}


def _reader(decoder: JSONDecoder) -> Callable[[str], Any]:
    """Return a function that does what ``decoder.decode`` does, without looking for white space at both ends."""
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]
    decode = decoder.decode

    def read(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except StopIteration:
            return decode(text)
        return value if end == len(text) else decode(text)

    return read


_PLAIN_DECODER = JSONDecoder()
_scan: Callable[[str, int], tuple[Any, int]] = _PLAIN_DECODER.scan_once  # type: ignore[attr-defined]
_read_plain = _reader(_PLAIN_DECODER)
_read_tagged = _reader(JSONDecoder(object_hook=_read_object))

# Writing.


def to_json(dct: Any, pretty: bool = False, sort_keys: bool = False) -> str:
    """Return the JSON of an expression or value, in ASCII.

    :param pretty: Indent by 2 and sort keys; without it there is no white space.
    :param sort_keys: Sort the keys of objects.
    :raises UnexpectedError: For an object of a type that has no JSON, for NaN and infinity, and for a
        structure that contains itself.
    :raises ValueError: For a ``datetime`` that is not offset-aware.
    """
    try:
        if pretty:
            return _PRETTY.encode(dct)
        return _SORTED.encode(dct) if sort_keys else _write_compact(dct)
    except RecursionError:
        return _write_deep(dct, pretty, sort_keys)
    except ValueError as error:
        if not str(error).startswith("Out of range float"):
            raise
        # The one complaint that the encoder makes by itself.
        text = f"Unserializable object nan of type {float}: JSON has neither NaN nor infinity"
        raise UnexpectedError(text, None) from error


class _FaunaJSONEncoder(JSONEncoder):
    """Writes expressions, references, times, dates and bytes as well; for ``json.dumps(..., cls=...)``."""

    def default(self, o: Any) -> Any:
        return _json_value(o)


def _write_deep(value: Any, pretty: bool, sort_keys: bool) -> str:
    # Indenting something nested a thousand levels deep would not help anybody read it.
    return _write_nested(value, _COMPACT.encode, _json_value, sort_keys or pretty)


def _encoder(**options: Any) -> JSONEncoder:
    # The encoder's own check for structures that contain themselves costs time for every container; running
    # into the recursion limit finds them as well.
    return JSONEncoder(default=_json_value, allow_nan=False, check_circular=False, **options)


_COMPACT = _encoder(separators=(",", ":"))
_SORTED = _encoder(separators=(",", ":"), sort_keys=True)
_PRETTY = _encoder(separators=(", ", ": "), sort_keys=True, indent=2)


def _compact_writer() -> Callable[[Any], str]:
    """Return a function that does what ``_COMPACT.encode`` does.

    ``encode`` makes its C implementation anew for each text, which takes as long as writing a typical query. Where
    it cannot be made beforehand, ``_COMPACT.encode`` itself is returned.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        write = make(
            None, _json_value, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
        )
        sample = {"a": [1.5, "b"]}
        if "".join(write(sample, 0)) == _COMPACT.encode(sample):
            return lambda value: "".join(write(value, 0))
    except TypeError:
        pass
    return _COMPACT.encode


_write_compact = _compact_writer()


def _write_nested(
    value: Any, scalar_json: Callable[[Any], str], expand: Callable[[Any], Any], sort_keys: bool
) -> str:
    """Return the compact JSON of a structure of any depth.

    :param scalar_json: Returns the JSON of a string, number, boolean or ``None``.
    :param expand: Returns the JSON value that an object of another type stands for.
    :raises UnexpectedError: When the structure contains itself, or holds what cannot be written.
    """
    parts: list[str] = []
    open_ids: set[int] = set()
    todo: list[tuple[str, Any]] = [("value", value)]
    while todo:
        kind, current = todo.pop()
        if kind == "text":
            parts.append(current)
        elif kind == "leave":
            open_ids.discard(id(current))
        elif isinstance(current, CONTAINERS):
            enter(current, open_ids)
            todo.append(("leave", current))
            todo.extend(reversed(list(_pieces(current, scalar_json, sort_keys))))
        elif current is None or isinstance(current, (str, int, float)):
            parts.append(scalar_json(current))
        else:
            todo.append(("value", expand(current)))
    return "".join(parts)


def _pieces(container: Any, scalar_json: Callable[[Any], str], sort_keys: bool) -> Iterator[tuple[str, Any]]:
    if not isinstance(container, dict):
        yield "text", "["
        for index, element in enumerate(container):
            if index:
                yield "text", ","
            yield "value", element
        yield "text", "]"
        return
    opening = "{"
    for key in sorted(container) if sort_keys else container:
        yield "text", f"{opening}{scalar_json(_key_text(key, scalar_json))}:"
        yield "value", container[key]
        opening = ","
    yield "text", "{}" if opening == "{" else "}"


def _key_text(key: Any, scalar_json: Callable[[Any], str]) -> str:
    """Return a key of an object as JSON writes it."""
    return str(key) if isinstance(key, str) else scalar_json(key)
