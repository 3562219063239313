"""Remembers what the headers of requests ask for, because a client sends the same ones with each of its requests."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Callable, Optional

from ..engine.records import NamedTuple
from ..engine.wire import usual
from ..engine.wire.headers import Options
from .asgi import MAX_HEADERS, BadRequest, Headers, Message, check_line, size_of, texts_of
from .browsers import Browsers

#: The headers that decide what a request asks for. Values of others are not remembered: secrets, what nobody reads, and
#: those that differ with each request (`content-length`, `x-last-seen-txn`, `traceparent`), which are read each time.
_DECIDING = (b"host", b"connection", *(name.encode() for name in usual.DECIDING))
#: Limits on the bytes of headers that are remembered, and on how many sets of names and of values are.
_LONGEST, _MOST = 1024, 512


class _Names(NamedTuple):
    """The names of a request's headers. size: bytes of the request's headers beside their values.

    deciding: those that decide. pick: the values of these, from all headers. known: what values ask for.
    """

    size: int
    deciding: tuple[bytes, ...]
    pick: Callable[[Headers], Any]
    known: dict[Any, Optional[Options]]


def _nothing(headers: Headers) -> None:
    """What picks no value."""


class Heads:
    """The known sets of headers of the requests to one application. browsers: checks each new set."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._known: dict[tuple[bytes, ...], _Names] = {}
        self._count = 0

    def read(self, scope: Message) -> tuple[Headers, Optional[Options]]:
        """The headers of a request, and its options, if its method, path and headers are usual; else None.

        Raises `BadRequest` when the request line or the headers are too long, or name two hosts, and `Forbidden`.
        """
        is_usual = scope["path"] == "/" and scope["method"] == "POST" and not scope["query_string"]
        if not is_usual:
            check_line(scope)
        pairs = scope["headers"]
        headers: Headers = dict(pairs)
        names = tuple(headers)
        try:
            head = self._known[names]
        except KeyError:
            head = self._look_at_names(names)
        is_plain = len(headers) == len(pairs)
        if (head.size + sum(map(len, headers.values())) if is_plain else size_of(pairs)) > MAX_HEADERS:
            raise BadRequest
        values = head.pick(headers)
        try:
            options = head.known[values]
        except KeyError:
            options = self._look(head, headers, values)
        return headers, options if is_usual else None

    def _look_at_names(self, names: tuple[bytes, ...]) -> _Names:
        deciding = tuple(name for name in _DECIDING if name in names)
        pick: Callable[[Headers], Any] = itemgetter(*deciding) if deciding else _nothing
        length = sum(map(len, names))
        head = _Names(length + 4 * len(names), deciding, pick, {})
        if length <= _LONGEST:
            self._make_room()
            self._known[names] = head
        return head

    def _look(self, head: _Names, headers: Headers, values: Any) -> Optional[Options]:
        texts = texts_of({name: headers[name] for name in head.deciding})
        self._browsers.check(texts)
        closes = "close" in texts.get("connection", "").lower()
        options = None if closes else usual.options_of(texts)
        if sum(map(len, texts.values())) <= _LONGEST:
            self._make_room()
            head.known[values] = options
        return options

    def _make_room(self) -> None:
        if self._count >= _MOST:
            self._known.clear()
            self._count = 0
        self._count += 1
