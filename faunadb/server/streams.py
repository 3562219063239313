"""Event streams on their way to the client: an event a frame, until the stream ends or the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .asgi import Receive, Send

#: Seconds between events of a stream while fewer than so many wait: the Go and JVM drivers take for one event what
#: arrives at once, and lose the others.
EVENTS_APART, FEW_EVENTS = 0.002, 64


class Streams:
    """The open streams of one process."""

    def __init__(self) -> None:
        #: What ends each of them.
        self._ends: set[Callable[[], object]] = set()
        self._ended = False

    def end(self) -> None:
        """End them all, whether or not their clients read."""
        self._ended = True
        for end in list(self._ends):
            end()

    async def send_events(self, stream: Any, receive: Receive, send: Send) -> None:
        """Send each event in a frame of its own, apart from others, until the stream ends or the client goes away."""
        loop = asyncio.get_running_loop()
        sent = -EVENTS_APART
        ready = loop.create_future()

        def tell() -> None:
            if not ready.done():
                ready.set_result(None)

        stream.on_ready(lambda: loop.call_soon_threadsafe(tell))
        gone = asyncio.ensure_future(_disconnected(receive))

        def end(_: object) -> None:
            stream.close()
            tell()

        gone.add_done_callback(end)
        task = asyncio.current_task()
        assert task is not None
        self._ends.add(task.cancel)
        try:
            while not gone.done():
                ready = loop.create_future()
                while True:
                    event = stream.next(0)
                    if event is None:
                        break
                    early = sent + EVENTS_APART - loop.time()
                    if early > 0 and stream.waiting < FEW_EVENTS:
                        await asyncio.sleep(early)
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                    sent = loop.time()
                if stream.ended:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await ready
        except asyncio.CancelledError:
            if not self._ended:
                raise
        finally:
            self._ends.discard(task.cancel)
            gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
