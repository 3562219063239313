"""Ending a query when its client closes the connection, if the request asks for it with a header.

The dashboard does, so that a query can be cancelled there. Other queries go on: a program may send a write and not wait
for the answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, Callable, Optional, TypeVar

from ..engine.language import overruns
from .asgi import Receive

T = TypeVar("T")

#: The header of requests that shall end with their connection.
HEADER = "x-end-with-connection"
#: Seconds between two attempts to end a query that has not ended.
PAUSE = 0.2


class EndsWithConnection:
    """Works out the answer to one request on a thread, and ends that when the client disconnects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: Optional[int] = None

    def run(self, answer: Callable[..., T], *arguments: Any) -> T:
        """Work out the answer. Called on the thread of a pool."""
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return answer(*arguments)
        finally:
            with self._lock:
                self._thread = None

    async def answered(self, answer: Awaitable[T], receive: Receive) -> T:
        """Wait for the answer of `run`. Once the client is gone the query is cut short, and the answer is a time-out."""
        done = asyncio.ensure_future(answer)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
            while not done.done():
                self._end()
                await asyncio.wait({done}, timeout=PAUSE)
            return done.result()
        finally:
            gone.cancel()

    def _end(self) -> None:
        # Under the lock, so that the thread cannot have begun another query.
        with self._lock:
            if self._thread is not None:
                overruns.cut_short(self._thread)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
