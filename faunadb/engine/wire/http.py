"""The wire protocol without a socket: the order in which a request is checked, and its routes (wire protocol chapter).

`handle` answers one request. The server, and the adapter that runs the engine in the client's process, only carry
`HttpRequest` and `HttpResponse` back and forth.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..auth.jwks import KeysNeeded
from ..integers import int64
from ..language.errors import RequestError
from ..language.registry import READ
from ..request import MAX_TIMEOUT, Failed, NotQuick, Unauthenticated
from ..schema.view import schema_view
from ..storage.errors import DeadlineExceeded, StoreError
from . import rest
from .exchange import Exchange, error_body, internal_error
from .headers import build, parse_query_string, read_options, read_tags, traceparent
from .messages import MAX_BODY, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot


def _answer(exchange: Exchange) -> HttpResponse:
    request = exchange.request
    if request.method == "OPTIONS" and "origin" in exchange.headers:
        return _preflight(exchange)
    try:
        exchange.options = read_options(exchange.headers)
    except RequestError as error:
        return exchange.respond(400, error_body(error.code, error.description))
    try:
        exchange.tags = read_tags(exchange.headers.get("x-fauna-tags", ""))
        if exchange.too_large or len(request.body) > MAX_BODY:
            raise RequestError(413, "request too large", "Request entity is too large")
        return _route(exchange)
    except (RequestError, Unauthenticated, Failed) as failure:
        return exchange.answer_to(failure)


def _preflight(exchange: Exchange) -> HttpResponse:
    origin = exchange.headers["origin"]
    headers = [
        ("access-control-expose-headers", ""),
        ("access-control-allow-origin", origin),
        ("vary", "origin"),
        ("access-control-max-age", "86400"),
        ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
        ("access-control-allow-headers", _ALLOWED_HEADERS),
        ("x-faunadb-build", build()),
        ("traceparent", traceparent(exchange.headers.get("traceparent")).decode()),
    ]
    return HttpResponse(200, headers, b"")


def _route(exchange: Exchange) -> HttpResponse:
    path = exchange.request.path or "/"
    route = _ROUTES.get(path)
    return rest.answer(exchange, path) if route is None else route(exchange)


def _query(exchange: Exchange) -> HttpResponse:
    request = exchange.request
    if request.method == "POST":
        source = request.body or exchange.source(exchange.body)
        return exchange.run(exchange.query_request(source))
    if request.method != "GET":
        exchange.authenticate()
        return exchange.not_allowed("GET, POST")
    text = parse_query_string(request.query).get("q")
    source = exchange.source(None if text is None else text.encode("utf-8"))
    return exchange.run(exchange.query_request(source, READ, "get requests"))


def _linearized(exchange: Exchange) -> HttpResponse:
    if exchange.request.method != "POST":
        exchange.authenticate()
        return exchange.not_allowed("POST")
    return exchange.run(exchange.query_request(exchange.source(exchange.body), writer=True))


def _stream(exchange: Exchange) -> HttpResponse:
    if exchange.request.method != "POST":
        exchange.authenticate()
        return exchange.not_allowed("POST")
    from .streams import open_stream  # late: most programs open no stream

    return open_stream(exchange)


_SCOPES = {
    "write": ("write", 1000),
    "global": ("write", 1000),
    "read": ("read", 500),
    "local": ("read", 500),
    "all": ("all", 5000),
}


def _ping(exchange: Exchange) -> HttpResponse:
    if exchange.request.method not in ("GET", "HEAD"):
        exchange.time = exchange.now()
        return exchange.not_allowed("GET")
    parameters = parse_query_string(exchange.request.query)
    scope, timeout = _SCOPES.get(parameters.get("scope", "write"), ("node", 100))
    given = int64(parameters.get("timeout", ""))
    if given is not None:
        timeout = min(given, MAX_TIMEOUT)
    exchange.time = exchange.now()
    try:
        _probe(exchange.engine, scope, timeout / 1000)
    except DeadlineExceeded:
        text = f"Scope {scope} timed out after {timeout} milliseconds"
        return exchange.respond(503, error_body("time out", text))
    except StoreError:
        return exchange.respond(503, error_body("time out", f"Scope {scope} is unavailable"))
    return exchange.respond(200, json.dumps({"resource": f"Scope {scope} is OK"}, separators=(",", ":")))


def _probe(engine: Engine, scope: str, seconds: float) -> None:
    """Try to write, to read or both, as the scope says. Raises `StoreError`, or `DeadlineExceeded` after that time."""
    deadline = time.monotonic() + seconds
    if scope in ("write", "all"):
        engine.store.write(lambda tx: None, deadline=deadline, exclusive=True)
    if scope in ("read", "all"):
        engine.store.snapshot(deadline=deadline).close()
    if time.monotonic() > deadline:
        raise DeadlineExceeded


def _authorized(exchange: Exchange) -> HttpResponse:
    if exchange.request.method not in ("GET", "HEAD"):
        exchange.time = exchange.now()
        return exchange.not_allowed("GET")
    auth = exchange.authenticate()
    engine = exchange.engine
    info = engine.store.read(lambda snap: schema_view(engine, snap).database(auth.scope))
    global_id = info.global_id if info is not None else ""
    return exchange.respond(200, json.dumps({"account": "0", "global_id": global_id}, separators=(",", ":")))


def _error(exchange: Exchange) -> HttpResponse:
    if exchange.request.method not in ("GET", "HEAD"):
        exchange.time = exchange.now()
        return exchange.not_allowed("GET")
    raise internal_error("java.lang.RuntimeException: Sample error")


_ROUTES = {
    "/": _query,
    "/linearized": _linearized,
    "/stream": _stream,
    "/ping": _ping,
    "/authorized": _authorized,
    "/error": _error,
}

_ALLOWED_HEADERS = (
    "accept-encoding, authorization, content-type, x-driver-env, x-faunadb-api-version, x-fauna-driver, "
    "x-fauna-source, x-fauna-tags, x-format, x-last-seen-txn, x-last-txn-ts, x-linearized, "
    "x-max-contention-retries, x-max-retries-on-contention, x-query-tags, x-query-timeout, "
    "x-query-timeout-ms, x-runtime-environment, x-runtime-environment-os, x-nodejs-version, traceparent, "
    "x-typecheck, x-performance-hints"
)


def handle_here(engine: Engine, request: HttpRequest) -> HttpResponse:
    """Answer a request of the process's own application. Unexpected exceptions are raised, not answered.

    They may be the application's: a signal handler, or another thread (`PyThreadState_SetAsyncExc`), can raise anything at
    any point.
    """
    return _answer(Exchange(engine, request))


def handle(engine: Engine, request: HttpRequest, too_large: bool = False) -> HttpResponse:
    """Answer one request. Nothing that a client can send makes it raise, except `KeysNeeded` under `jwks.without_waiting`.

    too_large: the body, which is not in the request, has more than `MAX_BODY` bytes.
    """
    return _guarded(Exchange(engine, request, too_large=too_large))


def handle_quickly(engine: Engine, request: HttpRequest, snapshot: Snapshot) -> HttpResponse:
    """Answer a request that reads little, from a snapshot that was opened after the request came.

    Raises `NotQuick`, without effects, if it reads more. For usual requests `usual.answer` is quicker.
    """
    return _guarded(Exchange(engine, request, snapshot))


def _guarded(exchange: Exchange) -> HttpResponse:
    try:
        return _answer(exchange)
    except (NotQuick, KeysNeeded):
        raise
    except Exception as failure:
        return exchange.answer_to(failure)
