"""Bodies of requests as they arrive: whole, in time, and not too large."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Optional

from ..engine.wire.messages import MAX_BODY
from .asgi import Busy, Gone, Headers, Message, Receive, TooSlow, content_length

#: Seconds a client may take to send the next piece of its request.
READ_TIMEOUT = 60.0


#: Bytes of a body that need no room of their own, and that are read of strangers.
SMALL = 64 * 1024
#: Bytes that larger bodies may take in one process, until their requests are answered; the rest waits.
ROOM = 16 * MAX_BODY
#: The same for all bodies of strangers, who do not wait.
STRANGERS_ROOM = 2 * MAX_BODY


class TooLarge(Exception):
    pass


class Room:
    """Bytes that may be held. Who takes them gives them back."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take_at_once(self, size: int) -> bool:
        """Whether there is room, which is then taken."""
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    async def take(self, size: int) -> None:
        """Wait for room, first come, first served."""
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
    """The room that one request has, for as long as it is in this context."""

    __slots__ = ("_room", "is_stranger", "size")

    def __init__(self, room: Room, is_stranger: bool) -> None:
        self._room = room
        self.is_stranger = is_stranger
        self.size = 0

    async def grow(self, size: int) -> None:
        """Have room for size bytes in all, of which a stranger has only what has come. Raises `Busy` for a stranger."""
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
        #: The tasks of requests that wait for what their clients send next, and since when (`time.monotonic`).
        self._receiving: dict[object, float] = {}
        #: Those of them that were given up.
        self._late: set[object] = set()
        self._sweeping = False

    def give_up(self) -> None:
        """End every request that is not whole yet."""
        for task in list(self._receiving):
            self._give_up(task)

    def held(self, is_stranger: bool = False) -> Held:
        return Held(self._strangers_room if is_stranger else self._room, is_stranger)

    async def read_small(self, length: int, receive: Receive) -> bytes:
        """The whole body of somebody known, of at most SMALL bytes. Otherwise as `read`."""
        if not length:
            return b""
        task = self._begin()
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if len(body) == length:
                return body
            return await self._read_on(task, message, receive, self.held(), length, SMALL)
        except asyncio.CancelledError:
            self._check_time(task)
            raise
        finally:
            del self._receiving[task]
            if self._late:
                self._late.discard(task)

    async def read(self, headers: Headers, receive: Receive, held: Held, most: int = MAX_BODY) -> bytes:
        """The whole body, each piece within READ_TIMEOUT, unless it is given up. most: bytes of it.

        One that is announced as too large is not waited for (`TooLarge`).
        """
        length = content_length(headers)
        if length == 0:
            return b""
        if length is not None and length > most:
            raise TooLarge
        task = self._begin()
        try:
            if length is not None and not held.is_stranger:
                await held.grow(length)
            return await self._read_on(task, await receive(), receive, held, length, most)
        except asyncio.CancelledError:
            self._check_time(task)
            raise
        finally:
            del self._receiving[task]
            self._late.discard(task)

    async def _read_on(
        self,
        task: object,
        message: Message,
        receive: Receive,
        held: Held,
        length: Optional[int],
        most: int,
    ) -> bytes:
        """The body that begins with a message."""
        chunks: list[bytes] = []
        size = 0
        # Every message comes from another thread: the one that would only say that nothing more comes is not asked for.
        while True:
            if message["type"] == "http.disconnect":
                raise Gone
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if held.is_stranger:
                await held.grow(size)
            elif length is None:
                await held.grow(size if size <= SMALL else most)
            if size > most:
                raise TooLarge
            if size == length or not message.get("more_body", False):
                return b"".join([*chunks, chunk]) if chunks else chunk
            chunks.append(chunk)
            self._receiving[task] = time.monotonic()
            message = await receive()

    def _begin(self) -> object:
        """What stands for the request that waits from now on."""
        task = asyncio.current_task() or object()
        self._receiving[task] = time.monotonic()
        if not self._sweeping:
            self._sweep()
        return task

    def _check_time(self, task: object) -> None:
        """A request was cancelled. Raises `TooSlow` if it was by us."""
        if task in self._late:
            raise TooSlow from None

    def _give_up(self, task: object) -> None:
        self._late.add(task)
        if isinstance(task, asyncio.Future):
            task.cancel()

    def _sweep(self) -> None:
        """Give up requests that wait too long, now and then: a timer for each would cost more than most queries do."""
        long_ago = time.monotonic() - READ_TIMEOUT
        for task, since in list(self._receiving.items()):
            if since < long_ago:
                self._give_up(task)
        self._sweeping = bool(self._receiving)
        if self._sweeping:
            asyncio.get_running_loop().call_later(READ_TIMEOUT / 8, self._sweep)
