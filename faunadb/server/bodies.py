"""Receiving the bodies of requests, within limits on their time and size, and on the memory they take together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable
from typing import Any, Optional

from ..engine.wire.messages import MAX_BODY
from .asgi import Busy, Gone, Headers, Message, Receive, TooSlow, content_length

#: Seconds a client may take to send the next piece of its request.
READ_TIMEOUT = 60.0

#: Bodies of known clients up to this many bytes are not counted against ROOM. Of a request without a good secret no more
#: is read.
SMALL = 64 * 1024
#: Bytes that larger bodies may take together in one process until their requests are answered. Further ones wait.
ROOM = 16 * MAX_BODY
#: The same for all bodies of strangers; further ones are refused.
STRANGERS_ROOM = 2 * MAX_BODY


class TooLarge(Exception):
    """The body has more bytes than it may."""


class Room:
    """A number of bytes that may be held at the same time. Whoever takes some gives them back."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take_at_once(self, size: int) -> bool:
        """Take bytes if they are free and nobody waits; return whether they were taken."""
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    async def take(self, size: int) -> None:
        """Take bytes, waiting until they are free; first come, first served."""
        if self.take_at_once(size):
            return
        place = (size, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            await place[1]
        except asyncio.CancelledError:
            if place[1].done() and not place[1].cancelled():
                self.give(size)
            else:
                self._waiting.remove(place)
                self.give(0)
            raise

    def give(self, size: int) -> None:
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            size, ready = self._waiting.popleft()
            self._free -= size
            ready.set_result(None)


class Held:
    """A context manager: the bytes that one request has taken of a room. They are given back at the end."""

    __slots__ = ("_room", "is_stranger", "size")

    def __init__(self, room: Room, is_stranger: bool) -> None:
        self._room = room
        self.is_stranger = is_stranger
        self.size = 0

    async def grow(self, size: int) -> None:
        """Take more, up to size bytes in all. For a stranger, size is what has arrived; raises `Busy` if it is not free."""
        more = size - self.size
        if more <= 0 or (size <= SMALL and not self.is_stranger):
            return
        if not self.is_stranger:
            await self._room.take(more)
        elif not self._room.take_at_once(more):
            raise Busy
        self.size = size

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self._room.give(self.size)


class Bodies:
    """The bodies that are being received by one process."""

    def __init__(self) -> None:
        self._room = Room(ROOM)
        self._strangers_room = Room(STRANGERS_ROOM)
        #: What requests wait for, a piece of them or room -> since when (`time.monotonic`).
        self._receiving: dict[Any, float] = {}
        #: Those of them that were given up because they waited too long.
        self._late: set[Any] = set()
        self._sweeping = False

    def give_up(self) -> None:
        """End every request that has not arrived completely."""
        for waiting in list(self._receiving):
            self._give_up(waiting)

    def held(self, is_stranger: bool = False) -> Held:
        return Held(self._strangers_room if is_stranger else self._room, is_stranger)

    async def read_small(self, length: int, receive: Receive) -> bytes:
        """Read a body of at most SMALL bytes of a known client. Raises what `read` raises."""
        if not length:
            return b""
        # What `_wait` does, without another coroutine.
        waiting = self._begin(receive())
        try:
            message = await waiting
        except asyncio.CancelledError:
            self._check_time(waiting)
            raise
        finally:
            del self._receiving[waiting]
        body: bytes = message.get("body", b"")
        if len(body) == length:
            return body
        return await self._read_on(message, receive, self.held(), length, SMALL)

    async def read(self, headers: Headers, receive: Receive, held: Held, most: int = MAX_BODY) -> bytes:
        """Read a whole body of at most `most` bytes.

        Raises `TooLarge` (at once for a body that is announced as too large), `TooSlow` when a piece takes longer than
        READ_TIMEOUT, `Gone`, and `Busy` for a stranger.
        """
        length = content_length(headers)
        if length == 0:
            return b""
        if length is not None and length > most:
            raise TooLarge
        if length is not None and not held.is_stranger:
            await self._wait(held.grow(length))
        message = await self._wait(receive())
        return await self._read_on(message, receive, held, length, most)

    async def _read_on(
        self,
        message: Message,
        receive: Receive,
        held: Held,
        length: Optional[int],
        most: int,
    ) -> bytes:
        """Read the rest of a body that begins with a message."""
        chunks: list[bytes] = []
        size = 0
        # Getting a message takes a switch of threads. So the last one, which says only that nothing more comes, is not
        # asked for when the length is known.
        while True:
            if message["type"] == "http.disconnect":
                raise Gone
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if held.is_stranger:
                await held.grow(size)
            elif length is None:
                await self._wait(held.grow(size if size <= SMALL else most))
            if size > most:
                raise TooLarge
            if size == length or not message.get("more_body", False):
                return b"".join([*chunks, chunk]) if chunks else chunk
            chunks.append(chunk)
            message = await self._wait(receive())

    async def _wait(self, what: Awaitable[Any]) -> Any:
        """Wait for the next piece of a request, or for room. Raises `TooSlow`."""
        waiting = self._begin(what)
        try:
            return await waiting
        except asyncio.CancelledError:
            self._check_time(waiting)
            raise
        finally:
            del self._receiving[waiting]

    def _begin(self, waiting: Any) -> Any:
        """Note that a request waits for something. What is returned is to be awaited at once."""
        if not hasattr(waiting, "cancel"):  # granian gives something like a future, other servers a coroutine
            waiting = asyncio.ensure_future(waiting)
        self._receiving[waiting] = time.monotonic()
        if not self._sweeping:
            self._sweep()
        return waiting

    def _check_time(self, waiting: Any) -> None:
        """Raise `TooSlow` if `_give_up` cancelled what a request has been waiting for."""
        if waiting in self._late:
            self._late.discard(waiting)
            raise TooSlow from None

    def _give_up(self, waiting: Any) -> None:
        if waiting.cancel():
            self._late.add(waiting)

    def _sweep(self) -> None:
        """Now and then give up the requests that wait too long. A timer for each would cost more than most queries do."""
        long_ago = time.monotonic() - READ_TIMEOUT
        for waiting, since in list(self._receiving.items()):
            if since < long_ago:
                self._give_up(waiting)
        self._sweeping = bool(self._receiving)
        if self._sweeping:
            asyncio.get_running_loop().call_later(READ_TIMEOUT / 8, self._sweep)
