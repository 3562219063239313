"""Sending large answers to clients, who may be slow to read them, or never do."""

from __future__ import annotations

import asyncio
from typing import Any

from .asgi import Send

#: Answers of at most WHOLE bytes are sent in one message, larger ones in pieces of PIECE bytes.
WHOLE, PIECE = 64 * 1024, 256 * 1024
#: Bytes that the larger answers which one process is sending may take together. When they take more, those whose clients
#: have not read for the longest time are cut off.
ROOM = 512 << 20


class CutOff(ConnectionError):
    """The client did not read its answer, and the memory is needed for others."""


class Answers:
    """The large answers that one process is sending."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._size = 0
        #: The size of each by the task that sends it, in the order in which their clients last read something.
        self._sending: dict[asyncio.Task[Any], int] = {}
        self._cut_off: set[asyncio.Task[Any]] = set()

    async def send(self, body: bytes, send: Send) -> None:
        """Send the body of an answer in pieces. Raises `CutOff`."""
        task = asyncio.current_task()
        assert task is not None
        self._begin(task, len(body))
        try:
            for begin in range(0, len(body), PIECE):
                piece = body[begin : begin + PIECE]
                # This waits until the client has read most of the pieces before.
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if task in self._sending:
                    self._sending[task] = self._sending.pop(task)
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            if task in self._cut_off:
                raise CutOff from None
            raise
        finally:
            self._size -= self._sending.pop(task, 0)
            self._cut_off.discard(task)

    def end(self) -> None:
        """Cut off all of them."""
        for task in list(self._sending):
            self._cut(task)

    def _begin(self, task: asyncio.Task[Any], size: int) -> None:
        self._sending[task] = size
        self._size += size
        while self._size > self._room and len(self._sending) > 1:
            self._cut(next(iter(self._sending)))

    def _cut(self, task: asyncio.Task[Any]) -> None:
        self._size -= self._sending.pop(task)
        self._cut_off.add(task)
        task.cancel()
