"""Bodies of requests as they arrive: whole, in time, and not too large."""

from __future__ import annotations

import asyncio
import time

from ..engine.wire.messages import MAX_BODY
from .asgi import Gone, Receive, TooSlow

#: Seconds a client may take to send the next piece of its request.
READ_TIMEOUT = 60.0


class TooLarge(Exception):
    pass


class _Wait:
    """A request that waits for what its client sends next. since: `time.monotonic`. late: it was given up."""

    __slots__ = ("_task", "late", "since")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.since = time.monotonic()
        self.late = False

    def give_up(self) -> None:
        self.late = True
        if self._task is not None:
            self._task.cancel()


class Bodies:
    """The bodies that are being received by one process."""

    def __init__(self) -> None:
        self._receiving: set[_Wait] = set()
        self._sweeping = False

    def give_up(self) -> None:
        """End every request that is not whole yet."""
        for wait in list(self._receiving):
            wait.give_up()

    async def read(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, each piece within READ_TIMEOUT, unless it is given up.

        One that is announced as too large is not waited for.
        """
        announced = headers.get("content-length")
        length = None if announced is None else int(announced)
        if length == 0:
            return b""
        if length is not None and length > MAX_BODY:
            raise TooLarge
        chunks: list[bytes] = []
        size = 0
        wait = _Wait()
        self._receiving.add(wait)
        if not self._sweeping:
            self._sweep()
        try:
            # Every message comes from another thread: the one that would only say that nothing more comes is not asked
            # for.
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > MAX_BODY:
                    raise TooLarge
                if size == length or not message.get("more_body", False):
                    return b"".join([*chunks, chunk]) if chunks else chunk
                chunks.append(chunk)
                wait.since = time.monotonic()
        except asyncio.CancelledError:
            if wait.late:
                raise TooSlow from None
            raise
        finally:
            self._receiving.discard(wait)

    def _sweep(self) -> None:
        """Give up requests that wait too long, now and then: a timer for each would cost more than most queries do."""
        for wait in list(self._receiving):
            if time.monotonic() - wait.since > READ_TIMEOUT:
                wait.give_up()
        self._sweeping = bool(self._receiving)
        if self._sweeping:
            asyncio.get_running_loop().call_later(READ_TIMEOUT / 8, self._sweep)
