"""A network with a given round trip: a TCP proxy that delays everything by half of it, in both directions.

    python benchmarks/_delay.py MILLISECONDS HOST PORT

prints the port to which it listens. It can carry far more than databases send. The processor time that it uses is missing to
those between whom it is, so it uses no tasks and no streams, and one timer for all data on its way.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import Any, Optional


class Line:
    """What is on its way. Everything takes as long, so what set out first arrives first. delay: seconds."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[tuple[float, End, bytes]] = deque()

    def send(self, to: End, data: bytes) -> None:
        """data: nothing when the other side has closed."""
        due = self._loop.time() + self._delay
        if not self._under_way:
            self._loop.call_at(due, self._arrive)
        self._under_way.append((due, to, data))

    def _arrive(self) -> None:
        under_way, now = self._under_way, self._loop.time() + 0.00005
        while under_way and under_way[0][0] <= now:
            _, to, data = under_way.popleft()
            to.deliver(data)
        if under_way:
            self._loop.call_at(under_way[0][0], self._arrive)


class End(asyncio.Protocol):
    """One end of a connection that is carried, and the one that what it says goes to."""

    def __init__(self, line: Line, other: Optional[End] = None) -> None:
        self._line = line
        self.other = other
        self._transport: Any = None
        self._early: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        for data in self._early:
            self.deliver(data)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self._line.send(self.other, data)

    def connection_lost(self, error: Optional[Exception]) -> None:
        if self.other is not None:
            self._line.send(self.other, b"")

    def deliver(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not data:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(data)


async def serve(delay: float, host: str, port: int) -> asyncio.Server:
    """Listen on a free port of this machine, and carry each connection to host and port. delay: seconds, each way."""
    loop, line = asyncio.get_running_loop(), Line(delay)

    async def connect(near: End, far: End) -> None:
        try:
            await loop.create_connection(lambda: far, host, port)
        except OSError:
            near.deliver(b"")

    connecting: set[Any] = set()

    def accept() -> End:
        near, far = End(line), End(line)
        near.other, far.other = far, near
        task = loop.create_task(connect(near, far))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return near

    return await loop.create_server(accept, "127.0.0.1", 0)


async def main() -> None:
    milliseconds, host, port = sys.argv[1:]
    server = await serve(float(milliseconds) / 2000, host, int(port))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
