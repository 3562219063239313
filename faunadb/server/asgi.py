"""ASGI messages: reading requests, the start of an answer, and the answers to requests that are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Optional

from ..engine.integers import int64
from ..engine.wire.exchange import error_body
from ..engine.wire.messages import HttpRequest, HttpResponse, RawHeaders

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: The headers of a request as they were sent, names in lower case.
Headers = dict[bytes, bytes]

#: Limits in bytes on the request line, and on all headers together.
MAX_LINE = 16 * 1024
MAX_HEADERS = 8 * 1024

_CLOSES, _STAYS = (b"connection", b"close"), (b"connection", b"keep-alive")
_PLAIN = [("content-type", "application/json;charset=utf-8")]


class Refused(Exception):
    """A request that is refused before it reaches the engine."""

    status = 400
    body = '{"error":"bad request"}'

    def response(self) -> HttpResponse:
        """The answer, without the headers that the engine gives to all of its own."""
        return HttpResponse(self.status, list(_PLAIN), self.body.encode("utf-8", "replace"))


class BadRequest(Refused):
    """The request line or the headers are too long or malformed."""


class Gone(Refused):
    """The client disconnected, or sent something that is not HTTP, before its request was complete."""


class TooSlow(Refused):
    """The client took too long to send its request."""

    status = 408
    body = '{"error":"request timeout: Client timed out."}'


class Forbidden(Refused):
    """The request comes from a foreign web page (`browsers`)."""

    status = 403

    def __init__(self, description: str):
        super().__init__(description)
        self.body = error_body("permission denied", description)


class TooManyAttempts(Refused):
    """Too many secrets from this address were wrong."""

    status = 429
    body = error_body("too many requests", "Too many secrets were wrong. Try again in a moment.")


class Busy(Refused):
    """There is no memory, or no place among the strangers, for this request now."""

    status = 503
    body = error_body("unavailable", "The server has no room for this request now. Try again in a moment.")


def check_line(scope: Message) -> None:
    """Raise `BadRequest` when the request line is too long."""
    path = scope.get("raw_path") or b""
    if len(scope["method"]) + len(path) + len(scope["query_string"]) + len("  ? HTTP/1.1") > MAX_LINE:
        raise BadRequest


def size_of(pairs: list[tuple[bytes, bytes]]) -> int:
    """Bytes of headers of which some have the same name. Raises `BadRequest` when they name two hosts."""
    if sum(name == b"host" for name, _ in pairs) > 1:
        raise BadRequest  # a proxy in front may have checked the other one
    return sum(len(name) + len(value) + 4 for name, value in pairs)


def text_of(value: Optional[bytes]) -> Optional[str]:
    """The text of a header, None without one."""
    return None if value is None else value.decode("latin-1")


def texts_of(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


def content_length(headers: Headers) -> Optional[int]:
    """The announced length of the body in bytes; None when there is none. Raises `BadRequest` for a malformed one."""
    announced = headers.get(b"content-length")
    if announced is None:
        return None
    if len(announced) < 10 and announced.isdigit():
        return int(announced)
    length = int64(announced.decode("latin-1"))
    if length is None or length < 0:
        raise BadRequest
    return length


def request_of(scope: Message, headers: Headers, body: bytes) -> HttpRequest:
    path = scope["path"]
    if path != "/":
        raw_path = scope.get("raw_path")
        path = raw_path.decode("latin-1").partition("?")[0] if raw_path else path
    return HttpRequest(
        scope["method"], path, scope["query_string"].decode("latin-1"), texts_of(headers), body
    )


def start_of(
    scope: Message, status: int, headers: RawHeaders, length: Optional[int], close: bool = False
) -> Message:
    """The message with status and headers, to which those of the connection are added.

    length: of the body, None for a stream. close: end the connection with it.
    """
    if scope["http_version"] == "1.1":
        headers.append(_CLOSES if close else _STAYS)
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": status, "headers": headers}
