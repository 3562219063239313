"""Events as values of the language, and the cursors that stand for their places (sets and reads, "Events")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from ..language import codec
from ..language import values as v
from .event_places import Event

if TYPE_CHECKING:
    from ..language.context import Context


def value_of(ctx: Context, event: Event) -> Union[v.DocumentEvent, v.SetEvent]:
    """An event as queries see it."""
    if event.document_event is not None:
        return event.document_event
    values = codec.decode_value(event.cover, event.scope) if event.cover else None
    return v.SetEvent(_time(ctx, event.ts), v.ACTIONS[event.action], event.document, values)


def _time(ctx: Context, ts: int) -> v.Timestamp:
    return v.PENDING if ctx.tx is not None and ts == ctx.tx.txn else ts


def cursor_of(ctx: Context, event: Event) -> v.EventCursor:
    """The cursor that stands for an event's place. A page shows it without what a document event has as ``data``."""
    found = value_of(ctx, event)
    fields: dict[str, Any] = {"ts": _time(ctx, event.ts), "action": found.action, "document": found.ref}
    if type(found) is v.SetEvent and found.values is not None:
        fields["data"] = found.values
    return v.EventCursor(fields, found)
