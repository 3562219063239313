"""A request and its answer, as a server or an adapter carries them to `http.handle` and back."""

from __future__ import annotations

from typing import Any, NamedTuple

#: Bytes of a request body.
MAX_BODY = 8 * 1024 * 1024
CONTENT_TYPE = "application/json;charset=utf-8"


class HttpRequest(NamedTuple):
    """headers: names in lower case. query: the raw query string. path: not percent-decoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class HttpResponse(NamedTuple):
    """stream: an open `streaming.Stream` whose events follow, instead of a body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    stream: Any = None
