"""The events of a stream (wire protocol, event object)."""

from __future__ import annotations

from typing import Any, Callable, Optional

from faunadb.errors import HttpError
from faunadb.request_result import RequestResult
from faunadb.streams.errors import refusal


class Event:
    """Base of all events.

    :ivar type: ``"start"``, ``"error"``, ``"version"``, ``"history_rewrite"`` or ``"set"``; ``None`` for an
        event that this version does not know.
    """

    def __init__(self, event_type: Optional[str]) -> None:
        self.type = event_type

    def __repr__(self) -> str:
        return f"stream:event:{type(self).__name__}(type={self.type!r})"


class ProtocolEvent(Event):
    """An event about the stream itself."""


class _DataEvent(Event):
    """An event about data.

    :ivar event: What happened (``dict``): ``action``, ``document``, ``diff``, ``prev``, ``index``, as
        selected.
    :ivar txn: Transaction time, in microseconds.
    """

    event_type: str

    def __init__(self, parsed: dict[str, Any]) -> None:
        super().__init__(self.event_type)
        self.event: Any = parsed.get("event")
        self.txn: Any = parsed.get("txn")

    def __repr__(self) -> str:
        return f"stream:event:{type(self).__name__}(event={self.event}, txn={self.txn})"


class Start(ProtocolEvent):
    """The first event of a stream: every change from now on will have an event.

    :ivar event: Time from which on changes have events, in microseconds.
    :ivar txn: The same.
    """

    def __init__(self, parsed: dict[str, Any]) -> None:
        super().__init__("start")
        self.event: Any = parsed.get("event")
        self.txn: Any = parsed.get("txn")

    def __repr__(self) -> str:
        return f"stream:event:Start(event={self.event}, txn={self.txn})"


class Version(_DataEvent):
    """A document was created, updated or deleted."""

    event_type = "version"


class HistoryRewrite(_DataEvent):
    """The history of a document was changed."""

    event_type = "history_rewrite"


class Set(_DataEvent):
    """A document entered or left a set."""

    event_type = "set"


class Error(ProtocolEvent):
    """The stream failed, and ends.

    :ivar error: What the server sent (``dict`` with ``code`` and ``description``), or an exception: of
        :mod:`faunadb.errors` when the server refused to open the stream, of ``requests`` when the connection
        failed, or whatever a callback raised.
    :ivar code: Code of the error (``str``), ``None`` when it has none.
    :ivar description: Description of the error (``str``), ``None`` when it has none.
    """

    def __init__(self, parsed: Any) -> None:
        super().__init__("error")
        self.error: Any = _error_in(parsed)
        self.code: Optional[str] = None
        self.description: Optional[str] = None
        if isinstance(self.error, dict):
            self.code = self.error.get("code")
            self.description = self.error.get("description")
        elif isinstance(self.error, HttpError) and self.error.errors:
            self.code = self.error.errors[0].code
            self.description = self.error.errors[0].description

    def __repr__(self) -> str:
        return f"stream:event:Error({self.error})"


def _error_in(parsed: Any) -> Any:
    if not isinstance(parsed, dict):
        return parsed
    return parsed.get("event") or parsed.get("errors") or parsed


class UnknownEvent(Event):
    """An event of a type that this version of the driver does not know.

    :ivar event: The :class:`~faunadb.request_result.RequestResult` it came in.
    """

    def __init__(self, parsed: Any) -> None:
        super().__init__(None)
        self.event = parsed

    def __repr__(self) -> str:
        return f"stream:event:UnknownEvent(event={self.event})"


_EVENTS: dict[Any, Callable[[dict[str, Any]], Event]] = {
    "start": Start,
    "error": Error,
    "version": Version,
    "history_rewrite": HistoryRewrite,
    "set": Set,
}


def parse_stream_request_result_or_none(request_result: RequestResult) -> Event:
    """Return the event that came in on a stream; :class:`UnknownEvent` for what is not one."""
    parsed = request_result.response_content
    if not isinstance(parsed, dict):
        return UnknownEvent(request_result)
    if isinstance(parsed.get("errors"), list):
        return Error(refusal(request_result))
    event_type = parsed.get("type")
    build = _EVENTS.get(event_type) if isinstance(event_type, str) else None
    return UnknownEvent(request_result) if build is None else build(parsed)
