"""Sending event streams to clients: each event in a frame of its own, until the stream ends or the client goes away."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from .asgi import Receive, Send

#: Seconds between two events of a stream while fewer than FEW_EVENTS wait. The Go and JVM drivers take events that arrive
#: together for one, and lose the others.
EVENTS_APART, FEW_EVENTS = 0.002, 64


class Streams:
    """The open streams of one process."""

    def __init__(self) -> None:
        self._open: set[_Sending] = set()
        self._ended = False

    def end(self) -> None:
        """End all of them, whether or not their clients read."""
        self._ended = True
        for sending in list(self._open):
            sending.request.cancel()

    async def send_events(self, stream: Any, receive: Receive, send: Send) -> None:
        """Send each event in a frame of its own, apart from others, until the stream ends or the client goes away."""
        sending = _Sending(stream, send)
        self._open.add(sending)
        stream.on_ready(sending.tell)
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
        except asyncio.CancelledError:
            if sending.failure is not None:
                raise sending.failure from None
            if not (sending.is_over or self._ended):
                raise
        finally:
            self._open.discard(sending)
            sending.stop()


class _Sending:
    """Sends the events of one stream. It has a task only while there are some: most of thousands of streams have none.

    request: the task of the request. It waits for the client to go away, and is cancelled when the stream ends.
    """

    __slots__ = ("_loop", "_send", "_sent", "_stream", "_task", "failure", "is_over", "request")

    def __init__(self, stream: Any, send: Send) -> None:
        self._stream = stream
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._sent = -EVENTS_APART
        self._task: Optional[asyncio.Task[None]] = None
        task = asyncio.current_task()
        assert task is not None
        self.request = task
        self.is_over = False
        self.failure: Optional[Exception] = None

    def tell(self) -> None:
        """Send what there is. Called by any thread, when there may be something."""
        self._loop.call_soon_threadsafe(self._begin)

    def stop(self) -> None:
        """The request ends."""
        self.is_over = True
        self._stream.on_ready(None)
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        if self._task is None and not self.is_over:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._send_what_waits()
            self.is_over = self._stream.ended
            if self.is_over:
                await self._send({"type": "http.response.body", "body": b""})
        except Exception as failure:
            self.failure = failure
        # Nothing is awaited from here on, so `_begin` for events that come now is called when the task is gone.
        self._task = None
        if self.is_over or self.failure is not None:
            self.request.cancel()

    async def _send_what_waits(self) -> None:
        stream, loop = self._stream, self._loop
        while True:
            event = stream.next(0)
            if event is None:
                return
            early = self._sent + EVENTS_APART - loop.time()
            if early > 0 and stream.waiting < FEW_EVENTS:
                await asyncio.sleep(early)
            await self._send({"type": "http.response.body", "body": event, "more_body": True})
            self._sent = loop.time()
