"""A request and its answer, as the server or the adapter carries them to `http.handle` and back."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from ..records import NamedTuple

#: Limit on the bytes of a request body.
MAX_BODY = 8 * 1024 * 1024
CONTENT_TYPE = "application/json;charset=utf-8"


class HttpRequest(NamedTuple):
    """headers: names in lower case. query: the raw query string. path: not percent-decoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Headers = list[tuple[str, str]]
#: Headers as the bytes that are sent.
RawHeaders = list[tuple[bytes, bytes]]


def encoded(headers: Headers) -> RawHeaders:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class HttpResponse:
    """An answer. stream: an open `streaming.Stream`, whose events follow instead of a body. time: microseconds for
    ``x-txn-time``, or None.

    headers may be a function, which is called when the headers are first asked for, and body may be text, which is then
    encoded: the client of an engine in its own process usually needs neither.
    """

    __slots__ = ("_body", "_headers", "status", "stream", "text", "time")

    def __init__(
        self,
        status: int,
        headers: Union[Headers, Callable[[HttpResponse], RawHeaders]],
        body: Union[bytes, str],
        stream: Any = None,
        time: Optional[int] = None,
    ):
        self.status = status
        self._headers = headers
        is_text = isinstance(body, str)
        self.text: Optional[str] = body if is_text else None  # type: ignore[assignment]
        self._body: Optional[bytes] = None if is_text else body  # type: ignore[assignment]
        self.stream = stream
        self.time = time

    @property
    def headers(self) -> Headers:
        headers = self._headers
        if callable(headers):
            raw = headers(self)
            headers = self._headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in raw
            ]
        return headers

    @property
    def raw_headers(self) -> RawHeaders:
        """The headers as they are sent; a list for the caller."""
        headers = self._headers
        if callable(headers):
            return headers(self)
        return encoded(headers)

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = (self.text or "").encode("utf-8", "replace")
        return self._body

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {self.headers!r}, {self.body!r})"
