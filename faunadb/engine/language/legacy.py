"""Values and errors as the API versions before 2.7 have them (wire protocol, "Other versions")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Union

from . import values as v
from .registry import VERSION_RANK
from .render import ResponseWriter, quote
from .stored_answer import PlainAnswer, StoredAnswer, is_plain

if TYPE_CHECKING:
    from .context import Context


class LegacyWriter(ResponseWriter):
    """Writes values in the style of API version 2.1: ``class`` for ``collection``, ``instance`` for ``document``."""

    owner_key = "class"
    writes_plainly = False
    native_names = {**v.NATIVE_NAMES, v.COLLECTIONS: "classes"}

    def unresolved(self, ref: v.UnresolvedRef) -> str:
        return '{"@ref":{' + ",".join(self.members(_with_classes(ref.wire))) + "}}"

    #: The members of events and of their cursors that have other names: current name -> name in this version.
    event_keys = {"document": "instance"}

    def _event(self, event: Any) -> list[str]:
        return self.members({"ts": event.ts, "action": event.action, "instance": event.ref})

    def cursor_fields(self, cursor: v.EventCursor) -> str:
        fields = cursor.fields
        if fields is not None:
            fields = {self.event_keys.get(key, key): part for key, part in fields.items()}
        return super().cursor_fields(v.EventCursor(fields))

    def document(self, value: Any) -> str:
        document: v.Document = value
        if document.ref.coll == v.INDEXES and "source" in document.fields:
            fields = {**document.fields, "source": _with_classes(document.fields["source"])}
            document = v.Document(document.ref, document.ts, fields, deletion=document.deletion)
        return super().document(document)


def _with_classes(value: Any) -> Any:
    """An object, or a list of them, with ``class`` for ``collection``."""
    if type(value) is list:
        return [_with_classes(each) for each in value]
    if type(value) is dict:
        return {"class" if key == "collection" else key: each for key, each in value.items()}
    return value


class FirstWriter(LegacyWriter):
    """Writes values in the style of API version 2.0: refs are paths, documents name their class."""

    def ref(self, ref: v.Ref) -> str:
        return f'{{"@ref":{quote(self._path(ref))}}}'

    def _path(self, ref: Any) -> str:
        if type(ref) is v.UnresolvedRef:
            owner = ref.wire.get("collection")
            return str(ref.wire["id"]) if owner is None else f"{self._path(owner)}/{ref.wire['id']}"
        if ref.is_native_collection:
            return self.native_names[ref.id]
        if ref.coll in v.NAMED_NATIVES:
            return f"{self.native_names[ref.coll]}/{self.schema.name_of(ref)}"
        return f"{self._path(v.Ref(ref.scope, v.COLLECTIONS, ref.coll))}/{ref.id}"

    def unresolved(self, ref: v.UnresolvedRef) -> str:
        return f'{{"@ref":{quote(self._path(ref))}}}'

    def document(self, value: Any) -> str:
        text = super().document(value)
        owner = self.ref(v.Ref(value.ref.scope, v.COLLECTIONS, value.ref.coll))
        ref = self.ref(value.ref)
        head = f'{{"ref":{ref},'
        return f'{head}"class":{owner},{text[len(head) :]}'

    event_keys = {"document": "resource", "data": "values"}

    def _event(self, event: Any) -> list[str]:
        return self.members({"ts": event.ts, "action": _first_action(event.action), "resource": event.ref})

    def cursor_fields(self, cursor: v.EventCursor) -> str:
        fields = cursor.fields
        if fields is not None and "action" in fields:
            cursor = v.EventCursor({**fields, "action": _first_action(fields["action"])})
        return super().cursor_fields(cursor)

    def document_event(self, value: Any) -> str:
        return "{" + ",".join(self._event(value)) + "}"

    def set_event(self, value: Any) -> str:
        parts = self._event(value)
        if value.values is not None:
            parts.append('"values":' + self.array(value.values))
        return "{" + ",".join(parts) + "}"


def _first_action(action: v.Action) -> v.Action:
    return v.CREATE if action.creates else v.DELETE


_LEGACY = frozenset(version for version, rank in VERSION_RANK.items() if rank < VERSION_RANK["2.7"])


def is_legacy(version: str) -> bool:
    """Whether an API version says ``class`` and ``instance``."""
    return version in _LEGACY


def writer_for(ctx: Context) -> ResponseWriter:
    """The writer of a request's API version."""
    if not is_legacy(ctx.version):
        return ResponseWriter(ctx)
    return FirstWriter(ctx) if ctx.version == "2.0" else LegacyWriter(ctx)


#: Of values that `is_plain` may hold for.
_PLAIN_KINDS = frozenset((dict, list, str, int, bool, type(None)))
_new_tuple = tuple.__new__


def answer_body(ctx: Context, value: Any) -> Union[str, StoredAnswer, PlainAnswer]:
    """The body of the answer to a query: JSON text, or what it is made from."""
    kind, tx, schema = type(value), ctx.tx, ctx.schema
    if (
        kind is v.Document
        and not value.deletion
        and ctx.version not in _LEGACY
        and not (tx is not None and schema.was_written)
    ):
        # The most frequent answer is one stored document; the text of its parts is what `ResponseWriter.document` writes.
        text = value.text
        ref = value.ref
        collections = schema.committed.texts.get((ResponseWriter.owner_key, ctx.scope))
        owner = None if collections is None else collections.get((ref.scope, ref.coll))
        if owner is not None and text is not None and len(text) > 2 and '"@' not in text:
            ctx.allocate(len(text))
            ts = value.ts
            return _new_tuple(
                StoredAnswer, (None, owner, ((ref.id, tx.txn if ts is v.PENDING else ts, text),))
            )
    if tx is not None:  # a number in it may stand for the transaction's time
        return '{"resource":' + writer_for(ctx).text(value) + "}"
    if kind in _PLAIN_KINDS and is_plain(value):
        if kind is dict:
            ctx.allocate(48 * len(value))  # as `Writer.members`
        elif kind is list:
            ctx.allocate(16 * len(value))  # as `Writer.array`
        return _new_tuple(PlainAnswer, (value,))
    writer = writer_for(ctx)
    if kind is v.Page:
        stored = writer.stored_page(value)
        if stored is not None:
            return stored
    return '{"resource":' + writer.text(value) + "}"


_TEXTS = (
    (r"^document (data is not valid|is not unique)\.$", r"instance \1."),
    (r"^Document (not found|already exists)\.$", r"Instance \1."),
    (r"^Collection (not found|already exists)\.$", r"Class \1."),
    (r"^The document was not found or provided", "The instance was not found or provided"),
    (r"^Cannot (create|update|delete) a schema meta collection\.$", r"Cannot \1 a schema meta class."),
    (r"\bundefined collection '", "undefined class '"),
)


def legacy_error(error: dict[str, Any]) -> dict[str, Any]:
    """An error of a query in the words of the API versions before 2.7."""
    text = error["description"]
    for pattern, replacement in _TEXTS:
        text = re.sub(pattern, replacement, text)
    error = {**error, "description": text}
    if "cause" in error:
        error["cause"] = [legacy_error(cause) for cause in error["cause"]]
    return error
