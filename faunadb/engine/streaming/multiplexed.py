"""Several streams for one reader: their events come in the order of commits, each with its stream's number."""

from __future__ import annotations

from typing import Callable, Optional

from .stream import Stream, error_frame


class Channel:
    """One of the streams. The dispatcher fills it as it fills a `Stream`.

    Its events are those of a single stream with the member ``stream`` in front: ``{"stream":3,"type":...}``.
    """

    __slots__ = ("_prefix", "_stream", "on_end", "open")

    def __init__(self, stream: MultiplexedStream, number: int):
        self._stream = stream
        self._prefix = b'{"stream":%d,' % number
        #: whether events may still be put in
        self.open = True
        #: called once when it takes no more events, whoever ended it; set by the dispatcher
        self.on_end: Optional[Callable[[], None]] = None

    def put(self, event: bytes) -> None:
        """Add an event. Ends all channels with an error when too many events of all of them wait."""
        if self.open:
            self._stream.put(self._prefix + event[1:])

    def fail(self, code: str, description: str, txn: int = 0) -> None:
        """Add an error event and end this channel."""
        self.put(error_frame(code, description, txn))
        self.end()

    def end(self) -> None:
        """End this channel; with the last one the whole stream ends."""
        if self._stream.close_channel(self) and self.on_end is not None:
            self.on_end()


class MultiplexedStream(Stream):
    """The reader's end of several channels. The limits are for what waits of all of them."""

    __slots__ = ("_open_channels", "channels")

    def __init__(self, id: str, count: int, *, max_events: int, max_bytes: int):
        super().__init__(id, max_events=max_events, max_bytes=max_bytes)
        self.channels = [Channel(self, number) for number in range(count)]
        self._open_channels = count

    def close_channel(self, channel: Channel) -> bool:
        """Mark a channel as ended; return False when it was already."""
        with self._lock:
            if not channel.open:
                return False
            channel.open = False
            self._open_channels -= 1
        if not self._open_channels:
            self.end()
        return True

    def _end(self) -> None:
        super()._end()
        channels, self.channels = self.channels, []
        for channel in channels:
            channel.end()
