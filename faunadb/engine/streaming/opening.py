"""From a request to a subscription (wire protocol, "Streaming", "Request")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..auth.jwks import with_keys
from ..auth.revalidation import Watch
from ..language.errors import Fault, QueryError, QueryErrors, RequestError, timed_out
from ..language.registry import READ
from ..storage.base import ClockBehind, StoreUnavailable
from .dispatcher import DEFAULT_FIELDS, FIELDS
from .targets import Target, target_of

if TYPE_CHECKING:
    from ..engine import Request
    from ..wire.exchange import Exchange
    from ..wire.messages import HttpResponse
    from .stream import Stream


def read_fields(text: Optional[str]) -> frozenset[str]:
    """The event members that the parameter ``fields`` names. Raises `QueryErrors`, an error per bad name.

    Commas at the end are no names: the Go driver writes one behind every name.
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


class Opened:
    """A stream that was opened. time: microseconds of the snapshot it begins at."""

    __slots__ = ("bytes_read", "compute", "stream", "time")

    def __init__(self, stream: Stream, time: int, compute: int, bytes_read: int):
        self.stream = stream
        self.time = time
        self.compute = compute
        self.bytes_read = bytes_read


def subscribe(engine: Any, request: Request, fields: frozenset[str] = DEFAULT_FIELDS) -> Opened:
    """Evaluate a query read-only and subscribe to what it gives.

    Raises what `Engine.run` raises; also `Failed` for a value that cannot be streamed.
    """
    from ..language import deep

    request = request._replace(effect_limit=READ, effect_reason="stream requests")
    try:
        return with_keys(lambda: deep.with_room(lambda: _subscribe(engine, request, fields)))
    except RecursionError:
        raise RequestError(400, "stack overflow", "The query is nested too deeply.") from None
    except ClockBehind:
        raise timed_out("Timed out before deadline") from None
    except StoreUnavailable as failure:
        raise RequestError(503, "unavailable", str(failure)) from failure


def _subscribe(engine: Any, request: Request, fields: frozenset[str]) -> Opened:
    from ..engine import Failed

    with engine.store.snapshot(request.last_seen) as snap:
        prepared = engine._prepare(request, snap)
        from ..schema.view import schema_view

        ctx = engine.context(request, snap, schema_view(engine, snap), prepared.auth)
        try:
            target = _target(prepared.node.eval(ctx, {}))
        except QueryErrors as errors:
            raise Failed(errors, snap.time) from None
        watch = Watch(engine, request.authorization, prepared.auth, snap)
        stream = engine.streams.subscribe(watch, target, fields, request.version, snap)
        return Opened(stream, snap.time, ctx.compute, ctx.reads)


def _target(value: Any) -> Target:
    try:
        return target_of(value)
    except Fault as fault:
        raise QueryErrors([fault.located(None)]) from None


def open_stream(exchange: Exchange) -> HttpResponse:
    """Answer ``POST /stream``. Raises what `Engine.run` raises."""
    from ..engine import Failed, Metrics
    from ..wire.headers import parse_query_string
    from ..wire.messages import CONTENT_TYPE, HttpResponse

    # Without a valid secret that is the answer, before anything about parameters or body.
    exchange.authenticate()
    try:
        fields = read_fields(parse_query_string(exchange.request.query).get("fields"))
    except QueryErrors as errors:
        raise Failed(errors, exchange.time or exchange.now()) from None
    source = exchange.source(exchange.body)
    opened = subscribe(exchange.engine, exchange.query_request(source), fields)
    exchange.time = opened.time
    exchange.metrics = Metrics(opened.compute, opened.bytes_read)
    exchange.extra.append(("x-fauna-stream-id", opened.stream.id))
    headers = [("content-type", CONTENT_TYPE), *exchange.common(True, 0)]
    return HttpResponse(200, headers, b"", opened.stream)
