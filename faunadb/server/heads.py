"""Remembers what the headers of requests ask for, because a client sends the same ones with each of its requests."""

from __future__ import annotations

from typing import Optional

from ..engine.wire import usual
from ..engine.wire.headers import Options
from .asgi import Headers, Message, texts_of
from .browsers import Browsers

#: The headers that decide what a request asks for. Neither secrets nor headers that nobody reads are remembered; those that
#: differ with each request (`content-length`, `x-last-seen-txn`, `traceparent`) are read each time.
_DECIDING = (b"host", b"connection", *(name.encode() for name in usual.DECIDING))
#: Limits on the bytes of headers that are remembered, and on how many sets of them are.
_LONGEST, _MOST = 1024, 512


class Heads:
    """The known sets of headers of the requests to one application. browsers: checks each new set."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._known: dict[tuple[Optional[bytes], ...], Optional[Options]] = {}

    def options(self, scope: Message, headers: Headers) -> Optional[Options]:
        """The options of a request, if its method, path and headers are usual; else None. Raises `Forbidden`."""
        deciding = tuple(map(headers.get, _DECIDING))
        try:
            options = self._known[deciding]
        except KeyError:
            options = self._look(deciding)
        return options if scope["path"] == "/" and scope["method"] == "POST" else None

    def _look(self, deciding: tuple[Optional[bytes], ...]) -> Optional[Options]:
        pairs = zip(_DECIDING, deciding)
        headers = texts_of({name: value for name, value in pairs if value is not None})
        self._browsers.check(headers)
        closes = "close" in headers.get("connection", "").lower()
        options = None if closes else usual.options_of(headers)
        if sum(map(len, headers.values())) <= _LONGEST:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[deciding] = options
        return options
