"""Opening an event stream over the wire (wire protocol, "Streaming", "Request")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..language.errors import QueryError, QueryErrors
from ..request import Failed
from ..streaming.dispatcher import DEFAULT_FIELDS, FIELDS
from .exchange import Exchange
from .headers import parse_query_string
from .messages import CONTENT_TYPE, HttpResponse

if TYPE_CHECKING:
    from ..streaming import Opened


def read_fields(text: Optional[str]) -> frozenset[str]:
    """The event members that the parameter ``fields`` names. Raises `QueryErrors`, with an error for each bad name.

    Commas at the end are ignored, because the Go driver writes one after every name.
    """
    listed = text.rstrip(",") if text is not None else ""
    if not listed and text != "":
        return DEFAULT_FIELDS
    names = [name.strip() for name in listed.split(",")]
    bad = [name for name in names if name not in FIELDS]
    if bad:
        raise QueryErrors([_bad_field(name) for name in bad])
    return frozenset(names)


def _bad_field(name: str) -> QueryError:
    description = f"Invalid url parameter fields. Invalid field name '{name}'."
    return QueryError(None, "invalid url parameter", description)


def fields_asked_for(exchange: Exchange) -> frozenset[str]:
    """The event members that a request's query string asks for. Raises `Failed`."""
    try:
        return read_fields(parse_query_string(exchange.request.query).get("fields"))
    except QueryErrors as errors:
        raise Failed(errors, exchange.time or exchange.now()) from None


def open_stream(exchange: Exchange) -> HttpResponse:
    """Answer ``POST /stream``. Raises what `Engine.run` raises."""
    # An invalid secret is reported before anything about the parameters or the body.
    exchange.authenticate()
    fields = fields_asked_for(exchange)
    source = exchange.source(exchange.body)
    return streamed(exchange, exchange.engine.subscribe(exchange.query_request(source), fields))


def streamed(exchange: Exchange, opened: Opened) -> HttpResponse:
    """The answer that carries the events of an opened stream."""
    exchange.time = opened.time
    exchange.metrics = opened.metrics
    exchange.extra.append(("x-fauna-stream-id", opened.stream.id))
    headers = [(b"content-type", CONTENT_TYPE.encode()), *exchange.common(0, 0)]
    return HttpResponse(200, lambda _: headers, b"", opened.stream)
