"""Splits the bytes of a stream, which arrive in pieces of any size, into events."""

from __future__ import annotations

from json import JSONDecodeError
from typing import Any

from faunadb._json import parse_json, stream_content_to_json

# The raw text of an event, and its JSON.
RawEvent = tuple[str, Any]


class EventBuffer:
    """Collects the bytes of a stream and gives events back as soon as they are complete.

    Events are JSON objects that end with a line break (wire protocol, response framing). Several objects in
    one line, one object over several lines, and one that is not followed by a line break yet are understood
    as well.
    """

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, chunk: bytes) -> list[RawEvent]:
        """Take bytes that have arrived, and return the events that they complete."""
        self._pending += chunk
        if b"\n" not in chunk and not chunk.endswith(b"}"):
            return []
        *lines, rest = self._pending.split(b"\n")
        events: list[RawEvent] = []
        unfinished = b""
        for line in lines:
            unfinished = _take_events(unfinished + line + b"\n", events)
        rest = unfinished + rest
        if rest.endswith(b"}"):
            rest = _take_events(rest, events)
        self._pending = rest
        return events

    @property
    def has_rest(self) -> bool:
        """Whether the bytes so far end within an event."""
        return bool(self._pending.strip())


def _take_events(piece: bytes, events: list[RawEvent]) -> bytes:
    """Append the complete events in ``piece``, which does not end within a character; return what follows them."""
    text = piece.decode("utf-8", "replace")
    if text.isspace():
        return b""
    try:
        # Nearly always the piece is one event.
        events.append((text, parse_json(text)))
        return b""
    except JSONDecodeError:
        found = stream_content_to_json(text)
    events += [(value["raw"], value["content"]) for value in found["values"]]
    rest: str = found["buffer"]
    return rest.encode("utf-8")
