"""``events(x)`` as a set (sets and reads, "Events")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..language import codec
from ..language import values as v
from ..language.equality import identical
from .base import LazySet, Reader, Shape, no_events
from .history import Event, History
from .leaves import RefSet

if TYPE_CHECKING:
    from ..language.context import Context


class EventsSet(LazySet):
    """The history of a document (target: its ref) or of a set."""

    __slots__ = ("target",)

    is_events = True

    def __init__(self, target: Union[v.Ref, LazySet]):
        self.target = target

    def wire(self) -> dict[str, Any]:
        return {"events": self.target}

    @property
    def origin(self) -> LazySet:
        """The set whose history it is."""
        return RefSet(self.target) if type(self.target) is v.Ref else self.target  # type: ignore[return-value]

    def shape(self, ctx: Context) -> Optional[Shape]:
        return self.origin.shape(ctx)

    def open(self, ctx: Context) -> Reader:
        raise no_events()

    def history(self, ctx: Context) -> History:
        return self.origin.history(ctx)


def value_of(ctx: Context, event: Event) -> Union[v.DocumentEvent, v.SetEvent]:
    """An event as queries see it."""
    if event.document_event is not None:
        return event.document_event
    values = codec.decode_value(event.cover, event.scope) if event.cover else None
    return v.SetEvent(_time(ctx, event.ts), v.ACTIONS[event.action], event.document, values)


def _time(ctx: Context, ts: int) -> v.Timestamp:
    return v.PENDING if ctx.tx is not None and ts == ctx.tx.txn else ts


def cursor_of(ctx: Context, event: Event) -> v.EventCursor:
    """The cursor that stands for an event's place: the event without document data."""
    fields: dict[str, Any] = {
        "ts": _time(ctx, event.ts),
        "action": v.ACTIONS[event.action],
        "document": event.document,
    }
    if event.cover:
        fields["data"] = codec.decode_value(event.cover, event.scope)
    return v.EventCursor(fields)


def sources_of(event: Event) -> list[v.SetValue]:
    """The events sets of the leaf sets that an event comes from."""
    found: list[v.SetValue] = []
    for leaf in event.sources:
        source = EventsSet(leaf.ref if type(leaf) is RefSet else leaf)  # type: ignore[arg-type]
        if not any(identical(source, other) for other in found):
            found.append(source)
    return found
