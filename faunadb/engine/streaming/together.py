"""Several streams for one reader: their events come in the order of commits, each with its stream's number."""

from __future__ import annotations

from typing import Callable, Optional

from .stream import Stream, error_frame


class Part:
    """One of the streams, as the dispatcher fills it: what a `Stream` is with a reader of its own.

    Its events are those of a single stream with the member ``stream`` in front: ``{"stream":3,"type":...}``.
    """

    __slots__ = ("_mark", "_whole", "on_end", "open")

    def __init__(self, whole: Together, number: int):
        self._whole = whole
        self._mark = b'{"stream":%d,' % number
        #: whether events may still be put in
        self.open = True
        #: called once when it takes no more events, whoever ended it; set by the dispatcher
        self.on_end: Optional[Callable[[], None]] = None

    def put(self, event: bytes) -> None:
        """Add an event; too many that wait, of all the streams together, cut all of them off."""
        if self.open:
            self._whole.put(self._mark + event[1:])

    def fail(self, code: str, description: str, txn: int = 0) -> None:
        """Add an error event and end this stream."""
        self.put(error_frame(code, description, txn))
        self.end()

    def end(self) -> None:
        """End this stream; with the last one the reader's ends."""
        if self._whole.lets_go(self) and self.on_end is not None:
            self.on_end()


class Together(Stream):
    """The reader's end of so many streams. The limits are for what waits of all of them."""

    __slots__ = ("_left", "parts")

    def __init__(self, id: str, count: int, *, max_events: int, max_bytes: int):
        super().__init__(id, max_events=max_events, max_bytes=max_bytes)
        self.parts = [Part(self, number) for number in range(count)]
        self._left = count

    def lets_go(self, part: Part) -> bool:
        """Take note that one of the streams ends; False when that is known."""
        with self._lock:
            if not part.open:
                return False
            part.open = False
            self._left -= 1
        if not self._left:
            self.end()
        return True

    def _end(self) -> None:
        super()._end()
        parts, self.parts = self.parts, []
        for part in parts:
            part.end()
