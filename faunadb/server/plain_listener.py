"""A second listener in a worker: HTTP without TLS, next to the one with TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Optional


class PlainListener:
    """Serves the application of a worker on a second port, in the worker's own event loop.

    address, port: where to listen. settings: granian's options for HTTP.
    """

    def __init__(self, address: str, port: int, settings: Mapping[str, Any]) -> None:
        self._where: dict[str, Any] = {"address": address, "port": port}
        self._settings = dict(settings)
        self._server: Any = None
        self._task: Optional[asyncio.Task[None]] = None

    def start(self, application: Any) -> None:
        """Begin to listen. Call it in the event loop."""
        from granian.constants import Interfaces  # late: an extra
        from granian.log import LogLevels
        from granian.server.embed import Server

        # The first listener sends the application its lifespan events; this one must not send them again.
        settings = {**self._settings, "interface": Interfaces.ASGINL}
        self._server = Server(application, **self._where, **settings, log_level=LogLevels.error)
        self._task = asyncio.get_running_loop().create_task(self._server.serve())

    def begin_to_stop(self) -> None:
        """Take no more connections. Idempotent."""
        if self._server is not None:
            self._server.stop()

    async def stop(self, patience: float) -> None:
        """Take no more connections, and wait up to `patience` seconds for the open ones."""
        self.begin_to_stop()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience)
