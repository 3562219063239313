"""An ASGI application that does nothing, under granian as ``faunadb serve`` runs it: what `server.py` compares with.

python benchmarks/server_bare.py PORT '{"headers": [...], "body": "..."}'
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from granian import Granian

from faunadb.server.serving import http_settings

_fixed = json.loads(sys.argv[2])
_body = _fixed["body"].encode()
_headers = [(name.encode(), value.encode()) for name, value in _fixed["headers"]]
_headers.append((b"content-length", str(len(_body)).encode()))


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _headers})
    await send({"type": "http.response.body", "body": _body})


if __name__ == "__main__":
    Granian("server_bare:application", port=int(sys.argv[1]), log_enabled=False, **http_settings()).serve()
