"""ASGI messages from and to the HTTP server: a request's headers, the start of an answer, an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Optional

from ..engine.wire.messages import HttpRequest, HttpResponse

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Bytes of a request line, and of all headers.
MAX_LINE = 16 * 1024
MAX_HEADERS = 8 * 1024

_PLAIN = [("content-type", "application/json;charset=utf-8")]


class Refused(Exception):
    """What comes is no request that can be answered."""

    status = 400
    reason = b"bad request"


class BadRequest(Refused):
    pass


class Gone(Refused):
    """The client went away while it sent its request, or what it sends is no HTTP any more."""


class TooSlow(Refused):
    status = 408
    reason = b"request timeout: Client timed out."


def refusal(refused: Refused) -> HttpResponse:
    """What is answered before a request is one, with nothing of the protocol around it."""
    return HttpResponse(refused.status, _PLAIN, b'{"error":"%s"}' % refused.reason)


def read_headers(scope: Message) -> dict[str, str]:
    """The headers. Refuses a request whose line or headers are too long."""
    path = scope.get("raw_path") or b""
    if len(scope["method"]) + len(path) + len(scope["query_string"]) + len("  ? HTTP/1.1") > MAX_LINE:
        raise BadRequest
    headers = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        headers[name.decode("latin-1")] = value.decode("latin-1")
    if size > MAX_HEADERS:
        raise BadRequest
    return headers


def request_of(scope: Message, headers: dict[str, str], body: bytes) -> HttpRequest:
    path = scope["path"]
    if path != "/":
        raw_path = scope.get("raw_path")
        path = raw_path.decode("latin-1").partition("?")[0] if raw_path else path
    return HttpRequest(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)


def start_of(
    scope: Message, asked: dict[str, str], response: HttpResponse, length: Optional[int], close: bool = False
) -> Message:
    """The message with status and headers. asked: the request's headers. length: of the body, None for a stream."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if scope["http_version"] == "1.1":
        closes = close or "close" in asked.get("connection", "").lower()
        headers.append((b"connection", b"close" if closes else b"keep-alive"))
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def send_response(
    scope: Message, asked: dict[str, str], response: HttpResponse, send: Send, close: bool = False
) -> None:
    """Send an answer. close: the rest of the request cannot be told from the next one, so that none may follow."""
    await send(start_of(scope, asked, response, len(response.body), close))
    await send({"type": "http.response.body", "body": response.body})
