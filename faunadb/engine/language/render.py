"""Values to JSON text: for responses, and for the store (wire protocol, "Value rendering").

One base class serves both, because the stored form of a value is its wire form, with three exceptions: refs (stored by
number, so that they follow renames), non-finite doubles and lambdas. These are stored under keys that begin with ``@:``,
so that stored text without ``"@:`` can be sent as it is.
"""

from __future__ import annotations

import base64
import json
import uuid
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..java.numbers import double_to_json
from ..java.times import Date, Time
from . import lambdas
from . import values as v
from .budget import spend
from .deep import with_room
from .nodes import Literal, Source
from .registry import VERSION_RANK
from .stored_answer import StoredAnswer, document_texts

if TYPE_CHECKING:
    from .context import Context

#: How every key begins that only the stored form has.
STORED_MARK = '"@:'

quote: Callable[[str], str] = encode_basestring

#: Texts of documents without stored fields.
_BARE = (None, "{}")
#: How many documents of a page are written together.
_BLOCK = 64
#: The most documents of a page that is answered by its parts (`StoredAnswer`).
_MOST = 1000
#: Longer strings, in characters, are charged for when they are written.
_LONG = 256


def _string(value: str) -> str:
    if len(value) > _LONG:
        spend(len(value))
    return quote(value)


#: Kinds whose text is the same wherever they stand.
_SCALARS: dict[type, Callable[[Any], str]] = {
    str: _string,
    int: repr,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
    bytes: lambda value: '{"@bytes":"' + base64.b64encode(value).decode() + '"}',
    uuid.UUID: lambda value: f'{{"@uuid":"{value}"}}',
    Time: lambda value: f'{{"@ts":"{value}"}}',
    Date: lambda value: f'{{"@date":"{value}"}}',
    v.Action: lambda value: quote(value.name),
}

#: The method that writes each other kind; all further kinds are sets.
_METHODS: dict[type, str] = {
    float: "double",
    list: "array",
    dict: "object",
    Source: "source",
    Literal: "literal",
    v.Ref: "ref",
    v.UnresolvedRef: "unresolved",
    v.PendingTime: "pending",
    v.Lambda: "lambda_",
    v.Document: "document",
    v.Page: "page",
    v.DocumentEvent: "document_event",
    v.SetEvent: "set_event",
    v.EventCursor: "event_cursor",
    v.Sourced: "sourced",
}


class Writer:
    """Base of the writers. It writes the kinds of values whose text is the same in responses and in the store."""

    def text(self, value: Any) -> str:
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value)
        return getattr(self, _METHODS.get(kind, "set"))(value)  # type: ignore[no-any-return]

    def grow(self, size: int) -> None:
        """Charge for about size more bytes of text. Raises RequestError when they are too many."""
        spend(size)

    def double(self, value: float) -> str:
        return double_to_json(value)

    def array(self, items: list[Any]) -> str:
        self.grow(16 * len(items))
        return "[" + ",".join([self.text(item) for item in items]) + "]"

    def members(self, fields: dict[str, Any]) -> list[str]:
        """``"key":text`` of each member."""
        self.grow(48 * len(fields))
        parts = []
        for key, value in fields.items():
            kind = type(value)
            if kind is str and len(value) <= _LONG:  # as `_string` does
                text = quote(value)
            else:
                scalar = _SCALARS.get(kind)
                text = scalar(value) if scalar is not None else self.text(value)
            parts.append(f"{quote(key)}:{text}")
        return parts

    def object(self, fields: dict[str, Any]) -> str:
        text = "{" + ",".join(self.members(fields)) + "}"
        if '"@' in text and any(key[:1] == "@" for key in fields):
            return '{"@obj":' + text + "}"
        return text

    def source(self, fields: dict[str, Any]) -> str:
        return "{" + ",".join(self.members(fields)) + "}"

    def literal(self, literal: Literal) -> str:
        return self.text(literal.value)

    def set_body(self, value: v.SetValue) -> str:
        """The object inside ``@set``."""
        return "{" + ",".join(self.members(value.wire())) + "}"

    # What differs between responses and the store.

    def ref(self, ref: v.Ref) -> str:
        raise NotImplementedError

    def unresolved(self, ref: v.UnresolvedRef) -> str:
        raise NotImplementedError

    def pending(self, value: v.PendingTime) -> str:
        raise NotImplementedError

    def lambda_(self, fn: v.Lambda) -> str:
        raise NotImplementedError

    def set(self, value: Any) -> str:
        raise NotImplementedError

    def document(self, value: Any) -> str:
        raise NotImplementedError

    def page(self, value: Any) -> str:
        raise NotImplementedError

    def document_event(self, value: Any) -> str:
        raise NotImplementedError

    def set_event(self, value: Any) -> str:
        raise NotImplementedError

    def event_cursor(self, value: Any) -> str:
        raise NotImplementedError

    def sourced(self, value: Any) -> str:
        raise NotImplementedError


class ResponseWriter(Writer):
    """Writes values as a database sees them: refs by name, with ``database`` when they lie elsewhere."""

    #: What a ref calls the collection it belongs to, and the names of the native collections.
    owner_key = "collection"
    native_names = v.NATIVE_NAMES

    def __init__(self, ctx: Context):
        self.ctx = ctx
        self.schema = ctx.schema
        self.scope = ctx.scope
        self.version = ctx.version
        # Every array and object is counted: no method of this class in between.
        self.grow = ctx.allocate  # type: ignore[method-assign]
        # The texts of refs to collections last as long as the committed schema.
        self._collections: dict[tuple[int, int], str] = {}
        if not self.schema.was_written:
            known = self.schema.committed.texts
            self._collections = known.setdefault((self.owner_key, self.scope), self._collections)

    @property
    def time(self) -> int:
        """What a pending time is by now, in microseconds."""
        return self.ctx.tx.txn if self.ctx.tx is not None else self.ctx.time

    # Refs

    def ref(self, ref: v.Ref) -> str:
        if ref.coll >= v.FIRST_COLLECTION or (ref.coll not in v.NAMED_NATIVES):
            collection = self._collections.get((ref.scope, ref.coll)) or self._collection(ref.scope, ref.coll)
            return f'{{"@ref":{{"id":"{ref.id}","{self.owner_key}":{collection}}}}}'
        if ref.is_native_collection:
            return self._native(ref.scope, ref.id)
        return self._named(ref)

    def _collection(self, scope: int, number: int) -> str:
        """The text of a collection's ref; the same for every document of a page."""
        text = self._collections.get((scope, number))
        if text is None:
            text = self._collections[scope, number] = self.ref(v.Ref(scope, v.COLLECTIONS, number))
        return text

    def _native(self, scope: int, number: int) -> str:
        return f'{{"@ref":{{"id":"{self.native_names[number]}"{self._database(scope)}}}}}'

    def _named(self, ref: v.Ref) -> str:
        name = self.schema.name_of(ref)
        database = self._database(ref.scope)
        collection = f'{{"@ref":{{"id":"{self.native_names[ref.coll]}"}}}}'
        return f'{{"@ref":{{"id":{quote(name)},"{self.owner_key}":{collection}{database}}}}}'

    def _database(self, scope: int) -> str:
        """``,"database":<ref>`` for things of another database, nothing for one's own and for the root."""
        if scope == self.scope or scope == 0:
            return ""
        place = self.schema.place_of(scope)
        return "" if place is None else f',"database":{self._named(place)}'

    def unresolved(self, ref: v.UnresolvedRef) -> str:
        return '{"@ref":{' + ",".join(self.members(ref.wire)) + "}}"

    def pending(self, value: v.PendingTime) -> str:
        if value.micros:
            return str(self.time)
        return f'{{"@ts":"{Time.from_micros(self.time)}"}}'

    # Lambdas and sets

    def lambda_(self, fn: v.Lambda) -> str:
        return '{"@query":' + self.lambda_source(fn) + "}"

    def lambda_source(self, fn: v.Lambda) -> str:
        shown = lambdas.source(self.ctx, fn)
        if _knows_no_versions(self.version):
            shown = Source((key, value) for key, value in shown.items() if key != "api_version")
        return self.source(shown)

    def set(self, value: Any) -> str:
        shown = value.shown()
        if shown is not value:
            return self.text(shown)
        return '{"@set":' + self.set_body(value) + "}"

    def set_body(self, value: v.SetValue) -> str:
        """The object inside ``@set``: lambdas in it stand without ``@query``, and the set of ``events`` without ``@set``."""
        body = value.display()
        if body is None:
            return "null"
        parts = []
        for key, part in body.items():
            if type(part) is v.Lambda:
                text = self.lambda_source(part)
            elif key == "events" and isinstance(part, v.SetValue) and part.shown() is part:
                text = self.set_body(part)
            else:
                text = self.text(part)
            parts.append(f"{quote(key)}:{text}")
        return "{" + ",".join(parts) + "}"

    # Documents, pages, events

    #: Whether `document` is this class's own, so that `_documents` may do its work.
    writes_plainly = True

    def array(self, items: list[Any]) -> str:
        if not items or type(items[0]) is not v.Document or not self.writes_plainly:
            return super().array(items)
        blocks = [items[start : start + _BLOCK] for start in range(0, len(items), _BLOCK)]
        return "[" + ",".join(map(self._documents, blocks)) + "]"

    def _documents(self, items: list[Any]) -> str:
        """The texts of items, most of which are documents of one collection, with commas between them."""
        if type(items[0]) is v.Document:
            stored = self._stored(items)
            if stored is not None:
                text = ",".join(document_texts(*stored))  # what `document` does, without a call for each
                if STORED_MARK not in text:
                    self.grow(16 * len(items) + len(text))
                    return text
        self.grow(16 * len(items))
        return ",".join([self.text(item) for item in items])

    def document(self, value: Any) -> str:
        document: v.Document = value
        ts = document.ts if type(document.ts) is int else self.time
        head = f'{{"ref":{self.ref(document.ref)},"ts":{ts}'
        if document.deletion:
            head += ',"action":"delete"'
        text = document.text
        if text is not None and STORED_MARK not in text:
            self.grow(len(text))
            return head + ("," + text[1:] if len(text) > 2 else "}")
        parts = self.members(document.fields)
        return head + "," + ",".join(parts) + "}" if parts else head + "}"

    def page(self, value: Any) -> str:
        page: v.Page = value
        return self._page_head(page) + '"data":' + self.array(page.data) + "}"

    def _page_head(self, page: v.Page) -> str:
        """The text of a page up to its ``data``."""
        parts = [
            f'"{side}":{self._cursor(cursor)},'
            for side, cursor in (("before", page.before), ("after", page.after))
            if cursor is not v.NO_CURSOR
        ]
        return "{" + "".join(parts)

    def stored_page(self, page: v.Page) -> Optional[StoredAnswer]:
        """The parts of the answer that is a page of stored documents of one collection; None for other pages."""
        items = page.data
        if not 0 < len(items) <= _MOST or type(items[0]) is not v.Document or not self.writes_plainly:
            return None
        stored = self._stored(items)
        if stored is None:
            return None
        owner, documents = stored
        text = "".join([fields for _, _, fields in documents])
        if '"@' in text:
            return None
        self.grow(16 * len(items) + len(text))
        return StoredAnswer(self._page_head(page), owner, documents)

    def _stored(self, items: list[Any]) -> Optional[tuple[str, list[tuple[int, int, str]]]]:
        """The text of the ref to the collection of all items, and the id, ts and stored text of each; None unless each is a
        document of that collection, for which `document` would write these and nothing else.

        items: the first one is a document.
        """
        scope, coll = items[0].ref.scope, items[0].ref.coll
        documents = [
            (item.ref.id, item.ts, item.text)
            for item in items
            if type(item) is v.Document
            and item.ref.coll == coll
            and item.ref.scope == scope
            and item.text not in _BARE
            and type(item.ts) is int
            and not item.deletion
        ]
        owner = self._collections.get((scope, coll))
        return (owner, documents) if owner and len(documents) == len(items) else None

    def _cursor(self, cursor: Any) -> str:
        """The text of a page's cursor. Unlike other arrays it is not charged for, because it is a part of its page."""
        if type(cursor) is list:
            return "[" + ",".join(map(self.text, cursor)) + "]"
        return self.cursor_fields(cursor) if type(cursor) is v.EventCursor else self.text(cursor)

    def _event(self, event: Any) -> list[str]:
        return self.members({"ts": event.ts, "action": event.action, "document": event.ref})

    def document_event(self, value: Any) -> str:
        event: v.DocumentEvent = value
        data = (event.diff or {}).get("data")
        return "{" + ",".join([*self._event(event), '"data":' + self.text(data)]) + "}"

    def set_event(self, value: Any) -> str:
        event: v.SetEvent = value
        parts = self._event(event)
        if event.values is not None:
            parts.append('"data":' + self.array(event.values))
        return "{" + ",".join(parts) + "}"

    def event_cursor(self, value: Any) -> str:
        cursor: v.EventCursor = value
        return self.cursor_fields(cursor) if cursor.event is None else self.text(cursor.event)

    def cursor_fields(self, cursor: v.EventCursor) -> str:
        """The text of a cursor of events inside its page."""
        return "null" if cursor.fields is None else "{" + ",".join(self.members(cursor.fields)) + "}"

    def sourced(self, value: Any) -> str:
        element: v.Sourced = value
        return "{" + ",".join(self.members({"value": element.value, "sources": element.sources})) + "}"


def _knows_no_versions(version: str) -> bool:
    """Whether lambdas are written without ``api_version`` in an API version."""
    return VERSION_RANK[version] <= VERSION_RANK["2.12"]


#: Objects and arrays that fit into this many columns are written on one line.
PRETTY_WIDTH = 60


class _Number(str):
    """A number as it was written."""


def pretty(text: str) -> str:
    """JSON text laid out in lines for people to read. The value stays the same, and so does the text of its numbers."""
    return with_room(lambda: _layout(json.loads(text, parse_int=_Number, parse_float=_Number), "")) + "\n"


def _layout(value: Any, indent: str) -> str:
    # Deeper down the text would be mostly indentation, so it does not grow any more.
    inner = indent + "  " if len(indent) < PRETTY_WIDTH else indent
    if type(value) is dict:
        parts, begin, end = [f"{quote(key)}: {_layout(item, inner)}" for key, item in value.items()], "{", "}"
    elif type(value) is list:
        parts, begin, end = [_layout(item, inner) for item in value], "[", "]"
    else:
        return str(value) if type(value) is _Number else json.dumps(value, ensure_ascii=False)
    if not parts:
        return begin + end
    if len(indent) + sum(map(len, parts)) < PRETTY_WIDTH:
        line = f"{begin} {', '.join(parts)} {end}"
        if len(indent) + len(line) < PRETTY_WIDTH and "\n" not in line:
            return line
    lines = ",\n".join([inner + part for part in parts])
    return f"{begin}\n{lines}\n{indent}{end}"
