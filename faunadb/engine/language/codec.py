"""Documents to stored JSON text and back.

Stored text is the wire form of the fields (see `render`), except for refs, which are ``{"@:ref":[collection, id]}`` (with
the number of their database as a third element when it is not the document's), non-finite doubles, which are
``{"@:double":"NaN"}`` and so on, and lambdas, which are ``{"@:query":{...}}``.
"""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from typing import Any, Callable, Optional

from ..java.numbers import double_to_json
from ..java.times import Time, parse_date, parse_time_literal
from . import lambdas
from . import values as v
from .errors import bad_request, invalid_argument
from .nodes import Literal
from .paths import collection_of
from .render import STORED_MARK, Writer, quote
from .repeated import RepeatedField

#: Sets that cannot be stored, alone or nested.
_UNSTORABLE = frozenset(("range", "reverse", "singleton"))


def plain(value: Any) -> Any:
    """What a value is stored as, one level deep: documents, pages, events and sets become objects or refs."""
    kind = type(value)
    if kind is v.Document:
        fields = value.as_object()
        collection = collection_of(value.ref)
        return {"ref": fields.pop("ref"), "class": collection, "collection": collection, **fields}
    if kind is v.Page:
        cursors = {
            side: cursor
            for side, cursor in (("before", value.before), ("after", value.after))
            if cursor is not v.NO_CURSOR
        }
        return {**cursors, "data": value.data}
    if kind is v.DocumentEvent:
        return {"ts": value.ts, "action": value.action.name, "resource": value.ref}
    if kind is v.SetEvent:
        fields = {"ts": value.ts, "action": value.action.name, "resource": value.ref}
        if value.values is not None:
            fields["values"] = value.values
        return fields
    if kind is v.EventCursor:
        return value.fields if value.event is None else plain(value.event)
    if kind is v.Sourced:
        return {"value": value.value, "sources": value.sources}
    if isinstance(value, v.SetValue):
        return _plain_set(value)
    return value


def _plain_set(value: v.SetValue) -> Any:
    shown = value.shown()
    if shown is not value:
        return shown
    wire = value.wire()
    if not _UNSTORABLE.isdisjoint(wire):
        raise invalid_argument("Sets made with range, reverse or singleton cannot be stored or compared.")
    return {"@set": wire}


#: Writing stops with an error at this many bytes; `documents.writing` lets somewhat fewer be stored.
MAX_STORED = 1 << 26


class StoredWriter(Writer):
    """Writes field values for the store.

    pending: the microseconds that are written for `values.PENDING`. scope: number of the database they are stored in; None
    when the text is only compared, and refs are written without their database.
    """

    size = 0

    def __init__(self, pending: int, scope: Optional[int] = None):
        self.time = pending
        self.scope = scope

    def grow(self, size: int) -> None:
        super().grow(size)
        self.size += size
        if self.size > MAX_STORED:
            raise bad_request(f"Version bytes ({self.size}) exceeds threshold ({MAX_STORED})")

    def members(self, fields: dict[str, Any]) -> list[str]:
        if RepeatedField in map(type, fields):
            fields = {key: value for key, value in fields.items() if type(key) is not RepeatedField}
        return super().members(fields)

    def double(self, value: float) -> str:
        text = double_to_json(value)
        return text if math.isfinite(value) else f'{{"@:double":{text}}}'

    def ref(self, ref: v.Ref) -> str:
        if self.scope is None or ref.scope == self.scope:
            return f'{{"@:ref":[{ref.coll},"{ref.id}"]}}'
        return f'{{"@:ref":[{ref.coll},"{ref.id}",{ref.scope}]}}'

    def unresolved(self, ref: v.UnresolvedRef) -> str:
        raise invalid_argument(f"Cannot store a reference to undefined {ref.kind} '{ref.name}'.")

    def pending(self, value: v.PendingTime) -> str:
        return str(self.time) if value.micros else f'{{"@ts":"{Time.from_micros(self.time)}"}}'

    def lambda_(self, fn: v.Lambda) -> str:
        return '{"@:query":' + LambdaWriter(self.time, self.scope).body(fn) + "}"

    def set(self, value: Any) -> str:
        return self.text(plain(value))

    document = page = document_event = set_event = event_cursor = sourced = set


class LambdaWriter(StoredWriter):
    """Writes the source of a lambda so that it parses again: object literals quoted, sets and refs as literals."""

    def body(self, fn: v.Lambda) -> str:
        if fn._body is None:
            moved = None not in (self.scope, fn.scope) and fn.scope != self.scope
            stored = _with_database(fn.stored, fn.scope) if moved else fn.stored
            return json.dumps(stored, separators=(",", ":"), ensure_ascii=False)
        return self.source(lambdas.source(None, fn))

    def double(self, value: float) -> str:
        # Wire syntax has no literal for these; an expression gives them.
        if math.isfinite(value):
            return double_to_json(value)
        if value != value:
            return '{"to_double":"NaN"}'
        return f'{{"multiply":[{"" if value > 0 else "-"}1.0E308,10.0]}}'

    def lambda_(self, fn: v.Lambda) -> str:
        return '{"@query":' + self.body(fn) + "}"

    def literal(self, literal: Literal) -> str:
        value = literal.value
        text = self.text(value)
        return f'{{"quote":{text}}}' if _needs_quote(value) else text

    def set(self, value: Any) -> str:
        if isinstance(value, v.SetValue) and value.shown() is value:
            return '{"@set":' + self.set_body(value) + "}"
        return self.text(plain(value))

    def set_body(self, value: v.SetValue) -> str:
        """The object inside ``@set``, in which lambdas are written without ``@query``."""
        parts = (
            f"{quote(key)}:{self.body(part) if type(part) is v.Lambda else self.text(part)}"
            for key, part in value.wire().items()
        )
        return "{" + ",".join(parts) + "}"

    document = page = document_event = set_event = event_cursor = sourced = set


def _needs_quote(value: Any) -> bool:
    """True for data that would be parsed as an expression: objects, also inside arrays."""
    if type(value) is list:
        return any(map(_needs_quote, value))
    return type(plain(value)) is dict


def _with_database(source: Any, scope: Any) -> Any:
    """The source of a stored lambda with its database's number in every ref, for storing it in another database."""
    if type(source) is list:
        return [_with_database(item, scope) for item in source]
    if type(source) is not dict:
        return source
    if len(source) == 1 and "@:ref" in source:
        content = source["@:ref"]
        return {"@:ref": [*content, scope] if len(content) == 2 else content}
    if len(source) == 1 and type(source.get("@obj")) is dict:
        return {"@obj": {key: _with_database(item, scope) for key, item in source["@obj"].items()}}
    return {key: _with_database(item, scope) for key, item in source.items()}


def encode_fields(fields: dict[str, Any], pending: int, scope: Optional[int] = None) -> str:
    """Stored JSON text of the fields of a document of database `scope`.

    pending: transaction time (microseconds) for pending times.
    """
    writer = StoredWriter(pending, scope)
    return "{" + ",".join(writer.members(fields)) + "}"


def encode_value(value: Any, pending: int = 0, scope: Optional[int] = None) -> str:
    """Stored JSON text of one value (covered values of index entries, as an array)."""
    return StoredWriter(pending, scope).text(value)


def decode_fields(text: str, scope: int) -> dict[str, Any]:
    """The fields of a document of database `scope` from its stored text."""
    return decode_value(text, scope)  # type: ignore[no-any-return]


def stored(ref: v.Ref, row: Any) -> Optional[v.Document]:
    """A stored version with all its fields, hidden ones included; None for a deletion."""
    if row is None or not row.live:
        return None
    return v.Document(ref, row.ts, text=row.data)


def decode_value(text: str, scope: int) -> Any:
    """A value from its stored text; refs in it that name no database belong to database `scope`."""
    try:
        data, end = scan(text, 0)
        if end != len(text):
            data = json.loads(text)
    except StopIteration:
        data = json.loads(text)
    return _decode(data, scope) if '"@' in text else data


#: From JSON text and where a value begins to that value and where it ends. (`json.loads` also searches for white space.)
scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


#: The key of an escape for the transaction's own time, in text that the transaction itself has written and reads again.
_PENDING_KEY = "@:pending"


def with_pending(text: str, txn: int) -> str:
    """Text stored by the running transaction, with the pending time back in the place of the number that stands for it.

    txn: that number. Text with lambdas stays as it is: their source has only literals, never the pending time.
    """
    digits = str(txn)
    if digits not in text or '"@:query"' in text:
        return text
    return re.sub(rf"(?<=[:,\[]){digits}(?=[,\]}}])", f'{{"{_PENDING_KEY}":0}}', text)


def _decode(data: Any, scope: int) -> Any:
    kind = type(data)
    if kind is list:
        return [_decode(item, scope) for item in data]
    if kind is not dict:
        return data
    if len(data) == 1:
        (key,) = data
        if key[:1] == "@":
            return _decode_escape(key, data[key], scope)
    return {key: _decode(item, scope) for key, item in data.items()}


def _decode_escape(key: str, content: Any, scope: int) -> Any:
    if key == "@:ref":
        return v.Ref(content[2] if len(content) > 2 else scope, content[0], int(content[1]))
    if key == "@obj":
        return {name: _decode(item, scope) for name, item in content.items()}
    if key == "@ts":
        return parse_time_literal(content)
    if key == "@date":
        return parse_date(content)
    if key == "@bytes":
        return base64.b64decode(content)
    if key == "@uuid":
        return uuid.UUID(content)
    if key == _PENDING_KEY:
        return v.PENDING
    if key == "@:double":
        return float(content.replace("Infinity", "inf"))
    if key == "@:query":
        return v.Lambda(content["lambda"], None, content["api_version"], stored=content, scope=scope)
    raise ValueError(f"unknown stored form {key}")


v.Document.decode = staticmethod(decode_fields)

__all__ = ["STORED_MARK", "decode_fields", "decode_value", "encode_fields", "encode_value", "plain", "stored"]
