"""The buffer between the dispatcher, which fills it, and the reader of one stream."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Callable, Optional

#: How many events and bytes may wait to be read; a stream with more is cut off.
MAX_EVENTS = 10_000
MAX_BYTES = 64 * 1024 * 1024


def frame(kind: str, txn: int, event: str) -> bytes:
    """One event as it is sent. event: JSON text."""
    return f'{{"type":"{kind}","txn":{txn},"event":{event}}}\r\n'.encode("utf-8", "replace")


def error_frame(code: str, description: str, txn: int = 0) -> bytes:
    event = json.dumps({"code": code, "description": description}, separators=(",", ":"))
    return frame("error", txn, event)


class Stream:
    """Events in the order of commits, each as bytes: compact JSON and a line end. Any thread may use it.

    id: decimal number, for ``x-fauna-stream-id``. After an error event the stream ends. A reader that lets more than
    max_events events, or max_bytes bytes, wait loses them and gets the documented error instead.
    """

    __slots__ = (
        "_bytes",
        "_callback",
        "_closed",
        "_ended",
        "_events",
        "_lock",
        "_max_bytes",
        "_max_events",
        "_ready",
        "id",
        "on_end",
    )

    def __init__(self, id: str, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES):
        self.id = id
        self._max_events = max_events
        self._max_bytes = max_bytes
        # There may be thousands of idle streams, so what only busy ones need is made when it is needed.
        self._lock = threading.RLock()
        #: where threads wait, once one does
        self._ready: Optional[threading.Condition] = None
        #: None while nothing waits
        self._events: Optional[deque[bytes]] = None
        self._bytes = 0
        self._ended = False
        self._closed = False
        self._callback: Optional[Callable[[], None]] = None
        #: called once when it takes no more events, whoever ended it; set by the dispatcher
        self.on_end: Optional[Callable[[], None]] = None

    def __repr__(self) -> str:
        return f"Stream({self.id})"

    # ---- reading --------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether nothing waits to be read and nothing more will come."""
        with self._lock:
            return self._ended and not self._events

    @property
    def waiting(self) -> int:
        """How many events wait to be read."""
        return len(self._events or ())

    def next(self, timeout: Optional[float] = None) -> Optional[bytes]:
        """The next event. Waits for it, at most timeout seconds; 0 does not wait.

        None when time ran out, or at the end; `ended` tells which. Without a timeout None means the end.
        """
        with self._lock:
            if timeout is None or timeout > 0:
                if self._ready is None:
                    self._ready = threading.Condition(self._lock)
                self._ready.wait_for(lambda: self._events or self._ended, timeout)
            if self._events is None:
                return None
            event = self._events.popleft()
            if not self._events:
                self._events = None
            self._bytes -= len(event)
            return event

    def __iter__(self) -> Iterator[bytes]:
        while True:
            event = self.next()
            if event is None:
                return
            yield event

    def on_ready(self, callback: Optional[Callable[[], None]]) -> None:
        """Have ``callback`` called whenever there may be something to read, the end included.

        It is called from any thread, and at once when something waits already, so it must be quick (such as an event
        loop's ``call_soon_threadsafe``).
        """
        with self._lock:
            self._callback = callback
            waiting = bool(self._events) or self._ended
        if callback is not None and waiting:
            callback()

    def close(self) -> None:
        """End the stream from the reader's side; what waits is dropped. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._drop_all()
        self._end()

    # ---- writing --------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether events may still be put in."""
        return not self._ended

    def put(self, event: bytes) -> None:
        """Add an event. Ends the stream with an error when too many wait."""
        with self._lock:
            if self._ended:
                return
            count = self.waiting + 1
            self._bytes += len(event)
            congested = count > self._max_events or (count > 1 and self._bytes > self._max_bytes)
            if not congested:
                self._add(event)
        if congested:
            self._cut(count)
        else:
            self._tell()

    def _add(self, event: bytes) -> None:
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        if self._ready is not None:
            self._ready.notify()

    def _cut(self, count: int) -> None:
        with self._lock:
            self._drop_all()
        self.fail("time out", f"Stream closed due to congestion after accumulating {count} items.")

    def _drop_all(self) -> None:
        self._events = None
        self._bytes = 0

    def fail(self, code: str, description: str, txn: int = 0) -> None:
        """Add an error event and end."""
        with self._lock:
            if not self._ended:
                self._add(error_frame(code, description, txn))
        self._end()

    def end(self) -> None:
        """End the stream once everything that waits has been read."""
        self._end()

    def _end(self) -> None:
        with self._lock:
            told = None if self._ended else self.on_end
            self._ended = True
            if self._ready is not None:
                self._ready.notify_all()
        if told is not None:
            told()
        self._tell()

    def _tell(self) -> None:
        callback = self._callback
        if callback is not None:
            callback()
