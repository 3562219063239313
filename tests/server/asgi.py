"""Requests to the ASGI application without a server process."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple, Optional

from faunadb.server import Application


class Sent(NamedTuple):
    """What the application has sent: the answer, and whether the connection is to end with it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


def scope(
    headers: dict[str, str],
    *,
    method: str = "POST",
    path: str = "/",
    client: tuple[str, int] = ("127.0.0.1", 5),
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()] + list(more),
        "client": client,
        "scheme": "http",
    }


async def ask(
    application: Application, body: Any = b"1", headers: Optional[dict[str, str]] = None, **of_scope: Any
) -> Sent:
    """Send one request. body: its bytes, or an asynchronous iterator of its pieces."""
    sent: list[dict[str, Any]] = []
    all_headers = {"x-faunadb-api-version": "4", **(headers or {})}
    if isinstance(body, bytes):
        all_headers.setdefault("content-length", str(len(body)))
        pieces = None
    else:
        pieces = body

    async def receive() -> dict[str, Any]:
        if pieces is None:
            return {"type": "http.request", "body": body}
        async for piece in pieces:
            return {"type": "http.request", "body": piece, "more_body": True}
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope(all_headers, **of_scope), receive, send)
    start = sent[0]
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Sent(start["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))


def prepare(application: Application, headers: dict[str, str], expressions: Iterable[Any]) -> None:
    """Have an application evaluate expressions (JSON), each of which makes something."""
    for expression in expressions:
        assert run(ask(application, json.dumps(expression).encode(), headers)).status == 201


def run(coroutine: Any, patience: float = 30) -> Any:
    """The result of a coroutine, which has so many seconds."""
    with ThreadPoolExecutor(1) as thread:  # in that of the test there may be Playwright's loop
        return thread.submit(asyncio.run, asyncio.wait_for(coroutine, patience)).result()


@contextmanager
def listening(application: Application) -> Iterator[str]:
    """The URL at which an application of this process answers POST, for tests that reach into its engine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            sent = run(ask(application, body, headers, path=self.path))
            self.send_response(sent.status)
            for name, value in {**sent.headers, "connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent.body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()
            application.close()
