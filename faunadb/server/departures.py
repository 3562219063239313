"""Ending a query whose client has gone, for those who ask for it: whoever cancels in the dashboard closes the connection.

Others' queries go on: a program may send a write and not wait for the answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, Callable, Optional, TypeVar

from ..engine.language import overruns
from .asgi import Receive

T = TypeVar("T")

#: Header that says: when this connection is closed, nobody wants the answer.
HEADER = "x-end-with-connection"
#: Seconds between two attempts to end a query that has not ended.
PAUSE = 0.2


class Departure:
    """The answer to one request, in a thread that may be told to end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: Optional[int] = None

    def run(self, answer: Callable[..., T], *arguments: Any) -> T:
        """The answer, worked out in this thread."""
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return answer(*arguments)
        finally:
            with self._lock:
                self._thread = None

    async def answered(self, answer: Awaitable[T], receive: Receive) -> T:
        """The answer, which is soon that its time is over once the client has gone."""
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
        # Under the lock, so that it is no other query of that thread.
        with self._lock:
            if self._thread is not None:
                overruns.cut_short(self._thread)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
