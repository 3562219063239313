"""Calls an application's callbacks for the events of a stream."""

from __future__ import annotations

from typing import Any, Callable, Optional

from faunadb.request_result import RequestResult
from faunadb.streams.events import Event

Callback = Callable[[Any], Any]


class EventDispatcher:
    """Calls the callback that is registered for the type of an event, if any.

    :ivar callbacks: Callback by type of event.
    """

    def __init__(self) -> None:
        self.callbacks: dict[Optional[str], Callback] = {}

    def on(self, event_type: Optional[str], callback: Optional[Callback]) -> None:
        """Register a callback, which is called with the event; ``None`` changes nothing.

        :raises TypeError: When it is not callable.
        """
        if callback is None:
            return
        if not callable(callback):
            raise TypeError(f"Callback for event `{event_type}` is not callable.")
        self.callbacks[event_type] = callback

    def dispatch(self, event: Event, request_result: Optional[RequestResult]) -> None:
        """Call the callback for an event."""
        callback = self.callbacks.get(event.type)
        if callback is not None:
            callback(event)
