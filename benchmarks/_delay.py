"""A network of a given round trip: a TCP proxy that holds everything for half of it, in both directions.

    python benchmarks/_delay.py MILLISECONDS HOST PORT

prints the port it listens to. It measures nothing; how much it can carry is far beyond what databases say.
"""

from __future__ import annotations

import asyncio
import sys


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """What comes is sent on delay seconds later, however much is on its way."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            data = await reader.read(1 << 16)
            loop.call_later(delay, _send, writer, data)
            if not data:
                return
    except ConnectionError:
        writer.close()


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data and not writer.is_closing():
        writer.write(data)
    else:
        writer.close()


async def serve(delay: float, host: str, port: int) -> asyncio.AbstractServer:
    """Listen on a free port of this machine, and carry each connection to host and port. delay: seconds, each way."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, far_writer, delay), _carry(far_reader, writer, delay))

    return await asyncio.start_server(connect, "127.0.0.1", 0)


async def main() -> None:
    milliseconds, host, port = sys.argv[1:]
    server = await serve(float(milliseconds) / 2000, host, int(port))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
