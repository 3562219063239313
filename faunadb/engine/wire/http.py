"""The wire protocol without a socket: routes, headers, limits, envelopes (wire protocol chapter).

`handle` answers one request. A server, and the adapter that runs the engine in the client's process, do nothing but
carry `HttpRequest` and `HttpResponse` back and forth.
"""

from __future__ import annotations

import json
import math
import random
import re
import socket
import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Optional
from urllib.parse import unquote_plus

from ..auth.jwks import with_keys
from ..engine import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    MAX_TIMEOUT,
    Failed,
    Metrics,
    NotQuick,
    Request,
    Unauthenticated,
)
from ..language import reader
from ..language.errors import TICKET, RequestError, bad_request, wires
from ..language.registry import READ, VERSION_RANK, WRITE
from ..language.render import pretty
from ..schema.view import schema_view
from ..storage.base import DeadlineExceeded, StoreError
from .legacy import is_legacy, legacy_error

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot

#: Bytes of a request body.
MAX_BODY = 8 * 1024 * 1024
UNITS_PER_OP = 50
READ_UNIT = 4096
WRITE_UNIT = 1024
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


# Headers


def _header_error(name: str, reason: str) -> RequestError:
    return bad_request(f"Invalid header '{name}': {reason}")


_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = 1 << 63


def _number(headers: dict[str, str], name: str, noun: str) -> Optional[int]:
    text = headers.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
        raise _header_error(name, f"Invalid {noun} '{text}'.")
    return int(text)


class Options(NamedTuple):
    """The protocol headers of a request."""

    version: str
    last_seen: int
    timeout: int
    retries: int


def _version(headers: dict[str, str]) -> str:
    version = headers.get("x-faunadb-api-version", "2.1")
    if version not in VERSION_RANK:
        raise _header_error("x-faunadb-api-version", f"Unsupported or invalid API version '{version}'.")
    return version


def read_options(headers: dict[str, str]) -> Options:
    """Check the protocol headers in their documented order. Raises `RequestError` (400)."""
    version = _version(headers)
    last_seen = _number(headers, "x-last-seen-txn", "timestamp")
    timeout = _number(headers, "x-query-timeout", "number")
    if timeout is not None and timeout <= 0:
        raise _header_error("x-query-timeout", "Must be greater than 0.")
    if timeout is not None and timeout > MAX_TIMEOUT:
        raise _header_error("x-query-timeout", f"Must be less than or equal to {MAX_TIMEOUT}.")
    retries = _number(headers, "x-max-retries-on-contention", "number")
    if retries is not None and not 0 <= retries <= 7:
        raise _header_error("x-max-retries-on-contention", "Must be between 0 and 7.")
    return Options(
        version,
        max(last_seen or 0, 0),
        DEFAULT_TIMEOUT if timeout is None else timeout,
        DEFAULT_RETRIES if retries is None else retries,
    )


_TAGS = re.compile(r"[A-Za-z0-9_]+=[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+=[A-Za-z0-9_]+)*")


def read_tags(text: str) -> str:
    """The echo of ``x-fauna-tags``: the pairs in reversed order. Raises `RequestError` (400)."""
    if not text:
        return ""
    if len(text) > 3000:
        raise _header_error("x-fauna-tags", "header is too long")
    if not _TAGS.fullmatch(text):
        raise _header_error("x-fauna-tags", "invalid tags")
    pairs = text.split(",")[::-1]
    if len(pairs) > 25:
        raise _header_error("x-fauna-tags", "too many tags")
    seen = set()
    for pair in pairs:
        key, _, value = pair.partition("=")
        if len(key) > 40:
            raise _header_error("x-fauna-tags", "invalid key")
        if len(value) > 80:
            raise _header_error("x-fauna-tags", "invalid value")
        if key in seen:
            raise _header_error("x-fauna-tags", "duplicate key")
        seen.add(key)
    return ",".join(pairs)


_TRACE = re.compile(r".{2}.([0-9a-fA-F]{32}).([0-9a-fA-F]{16}).[0-9a-fA-F]{2}")


def traceparent(given: Optional[str]) -> str:
    """The response's ``traceparent``: the request's trace id or a new one, and always a new span id."""
    fresh = random.getrandbits(192).to_bytes(24, "big").hex()  # unique, not secret: no system call
    trace = fresh[:32]
    match = _TRACE.fullmatch(given) if given else None
    if match and match[1].strip("0") and match[2].strip("0"):
        trace = match[1].lower()
    return f"00-{trace}-{fresh[32:]}-00"


# Query strings


def parse_query_string(query: str) -> dict[str, str]:
    """Percent-decoded parameters; the last duplicate wins; one undecodable component voids all."""
    parameters: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        try:
            parameters[_decode(name)] = _decode(value)
        except ValueError:
            return {}
    return parameters


_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _decode(text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise ValueError(text)
    return unquote_plus(text, errors="strict")


# Bodies


def _errors_text(errors: list[dict[str, Any]]) -> str:
    return json.dumps({"errors": errors}, ensure_ascii=False, separators=(",", ":"))


def error_body(code: str, description: str) -> str:
    """The envelope of errors without a position."""
    return _errors_text([{"code": code, "description": description}])


UNAUTHORIZED = error_body("unauthorized", "Unauthorized")


_DEFAULTS = Options("4", 0, DEFAULT_TIMEOUT, DEFAULT_RETRIES)
_NOTHING = Metrics()


@lru_cache(1024)
def _metric_headers(size_in: int, size_out: int, metrics: Metrics) -> tuple[tuple[str, str], ...]:
    """What a query cost, with the bytes of its body and of its answer."""
    compute, read, written, retries = metrics
    return (
        ("x-query-bytes-in", str(size_in)),
        ("x-query-bytes-out", str(size_out)),
        ("x-compute-ops", str(max(1, -(-compute // UNITS_PER_OP)))),
        ("x-byte-read-ops", str(-(-read // READ_UNIT))),
        ("x-byte-write-ops", str(-(-written // WRITE_UNIT))),
        ("x-storage-bytes-read", str(read)),
        ("x-storage-bytes-write", str(written)),
        ("x-txn-retries", str(retries)),
    )


class Exchange:
    """One request being answered: collects what its response needs."""

    def __init__(
        self,
        engine: Engine,
        request: HttpRequest,
        snapshot: Optional[Snapshot] = None,
        too_large: bool = False,
    ):
        self.engine = engine
        self.request = request
        self.snapshot = snapshot
        self.too_large = too_large
        self.headers = request.headers
        self.started = time.monotonic()
        self.options = _DEFAULTS
        self.tags = ""
        self.time: Optional[int] = None
        self.extra: list[tuple[str, str]] = []
        self.metrics = _NOTHING

    # Answers

    def respond(
        self, status: int, text: str, *, metrics: bool = True, always_pretty: bool = False
    ) -> HttpResponse:
        traced = "x-trace" in self.headers and status not in (401, 500)
        if traced:
            text = self._with_trace(text)
        if traced or always_pretty or self._wants_pretty():
            text = pretty(text)
        body = text.encode("utf-8", "replace")
        if self.request.method == "HEAD":
            body = b""
        headers = [("content-type", CONTENT_TYPE), *self._common(metrics, len(body))]
        return HttpResponse(status, headers, body)

    def _wants_pretty(self) -> bool:
        headers = self.headers
        if "x-faunadb-formatted-json" in headers:
            return True
        agent = headers.get("user-agent")
        return agent is not None and ("curl" in agent or "HTTPie" in agent)

    def _with_trace(self, text: str) -> str:
        """A body with its last key, ``trace``: lines that tell what happened."""
        self.extra.append(("x-faunadb-host", socket.gethostname()))
        lines = [f"{self.request.method} {self.request.path} {self._elapsed()} ms", *self.metrics.lines()]
        return f'{text[:-1]},"trace":{json.dumps(lines)}}}'

    def _elapsed(self) -> int:
        """Milliseconds since the request came; any that has begun counts."""
        return math.ceil((time.monotonic() - self.started) * 1000)

    def _common(self, metrics: bool, size: int) -> list[tuple[str, str]]:
        headers = list(self.extra)
        if self.time is not None:
            headers.append(("x-txn-time", str(self.time)))
            if metrics:
                headers.append(("x-query-time", str(self._elapsed())))
                headers.extend(_metric_headers(self._size_of_body(), size, self.metrics))
        if self.tags:
            headers.append(("x-fauna-tags", self.tags))
        if "origin" in self.headers:
            headers.extend(self._cors(headers))
        headers.append(("x-faunadb-build", build()))
        headers.append(("traceparent", traceparent(self.headers.get("traceparent"))))
        return headers

    def _size_of_body(self) -> int:
        """Bytes of the request's body; of one that was too large to be read, what was announced."""
        announced = self.headers.get("content-length", "") if self.too_large else ""
        return int(announced) if announced.isdecimal() else len(self.request.body)

    def _cors(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        origin = self.headers["origin"]
        exposed = ", ".join(name for name, _ in headers if name.startswith("x-"))
        return [
            ("access-control-expose-headers", exposed),
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
        ]

    def now(self) -> int:
        """For answers without a snapshot. Clients send it back as what they have seen, so it is the store's to say."""
        return self.engine.store.time()

    def _answers_no_query(self) -> None:
        """The time is the store's where no snapshot has said it, and tags are not repeated."""
        if self.time is None:
            self.time = self.now()
        self.tags = ""

    def failure(self, error: RequestError) -> HttpResponse:
        """The answer for an error without a position."""
        self._answers_no_query()
        self.metrics = Metrics(retries=error.retries)
        description = error.description if error.status != 500 else f"{error.description} {TICKET}"
        entry: dict[str, Any] = {"code": error.code, "description": description}
        if error.ref is not None:
            entry = {"ref": error.ref, **entry}
        return self.respond(
            error.status, _errors_text([entry]), metrics=error.status != 500, always_pretty=True
        )

    def query_errors(self, failed: Failed) -> HttpResponse:
        self.time = failed.time
        self.metrics = Metrics(read=failed.bytes_read, retries=failed.retries)
        errors = wires(failed.errors.errors)
        if is_legacy(self.options.version):
            errors = [legacy_error(error) for error in errors]
        text = _errors_text(errors)
        return self.respond(failed.errors.status, text)

    def unauthorized(self, snapshot_time: Optional[int] = None) -> HttpResponse:
        self.time = snapshot_time if snapshot_time is not None else self.now()
        self.tags = ""
        self.extra.append(("www-authenticate", 'Basic realm="Unauthorized"'))
        return self.respond(401, UNAUTHORIZED, metrics=False)

    def not_found(self) -> HttpResponse:
        self._answers_no_query()
        return self.respond(404, error_body("not found", "Not Found"))

    def not_allowed(self, methods: str) -> HttpResponse:
        self._answers_no_query()
        self.extra.append(("allow", methods))
        return self.respond(405, error_body("method not allowed", f"Allowed methods are {methods}."))

    # Steps

    def answer(self) -> HttpResponse:
        request = self.request
        if request.method == "OPTIONS" and "origin" in self.headers:
            return self._preflight()
        try:
            self.options = read_options(self.headers)
        except RequestError as error:
            return self.respond(400, error_body(error.code, error.description))
        try:
            self.tags = read_tags(self.headers.get("x-fauna-tags", ""))
            if self.too_large or len(request.body) > MAX_BODY:
                raise RequestError(413, "request too large", "Request entity is too large")
            return self._route()
        except RequestError as error:
            return self.failure(error)
        except Unauthenticated as missing:
            return self.unauthorized(missing.time)
        except Failed as failed:
            return self.query_errors(failed)

    def _preflight(self) -> HttpResponse:
        origin = self.headers["origin"]
        headers = [
            ("access-control-expose-headers", ""),
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "86400"),
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", _ALLOWED_HEADERS),
            ("x-faunadb-build", build()),
            ("traceparent", traceparent(self.headers.get("traceparent"))),
        ]
        return HttpResponse(200, headers, b"")

    def _route(self) -> HttpResponse:
        path = self.request.path or "/"
        route = _ROUTES.get(path)
        if route is not None:
            return route(self)
        from . import rest

        return rest.answer(self, path)

    def authenticate(self) -> Any:
        """Check the secret alone. Raises `Unauthenticated`."""
        return with_keys(self._authenticate)

    def _authenticate(self) -> Any:
        with self.engine.store.snapshot(self.options.last_seen) as snap:
            schema = schema_view(self.engine, snap)
            auth = self.engine.authenticate(snap, schema, self.headers.get("authorization"))
            self.time = snap.time
            return auth

    def query_request(
        self, source: Any, effect_limit: int = WRITE, reason: str = "", writer: bool = False
    ) -> Request:
        options = self.options
        return Request(
            self.headers.get("authorization"),
            source,
            options.version,
            self.started + options.timeout / 1000,
            options.last_seen,
            options.retries,
            effect_limit,
            reason,
            writer,
            self.snapshot,
        )

    def run(self, request: Request) -> HttpResponse:
        outcome = self.engine.run(request)
        self.time = outcome.time
        self.metrics = outcome.metrics
        return self.respond(outcome.status, outcome.text)

    def source(self, body: Optional[bytes]) -> bytes:
        """The query as the engine reads it. None is an error, unless the secret is not valid: then that is the error."""
        if body is None:
            self.authenticate()
            raise Failed(reader.no_query(), self.time or self.now())
        return body

    @property
    def body(self) -> Optional[bytes]:
        """What was sent, None for nothing. A body in chunks is there, be it empty."""
        body = self.request.body
        return body if body or "chunked" in self.headers.get("transfer-encoding", "") else None


def _query(exchange: Exchange) -> HttpResponse:
    request = exchange.request
    if request.method == "POST":
        return exchange.run(exchange.query_request(exchange.source(exchange.body)))
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
    from ..streaming import open_stream

    return open_stream(exchange)  # type: ignore[no-any-return]


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
    given = parameters.get("timeout", "")
    if _INTEGER.fullmatch(given):
        timeout = int(given)
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
    """Use the path that the scope names. Raises `StoreError`, `DeadlineExceeded` when it does not answer in time."""
    deadline = time.monotonic() + seconds
    if scope in ("write", "all"):
        engine.store.write(lambda tx: None, deadline=deadline)
    if scope in ("read", "all"):
        engine.store.snapshot().close()
    if time.monotonic() > deadline:
        raise DeadlineExceeded


def _authorized(exchange: Exchange) -> HttpResponse:
    if exchange.request.method not in ("GET", "HEAD"):
        exchange.time = exchange.now()
        return exchange.not_allowed("GET")
    auth = exchange.authenticate()
    with exchange.engine.store.snapshot() as snap:
        info = schema_view(exchange.engine, snap).database(auth.scope)
    global_id = info.global_id if info is not None else ""
    return exchange.respond(200, json.dumps({"account": "0", "global_id": global_id}, separators=(",", ":")))


def _error(exchange: Exchange) -> HttpResponse:
    if exchange.request.method not in ("GET", "HEAD"):
        exchange.time = exchange.now()
        return exchange.not_allowed("GET")
    raise internal_error("java.lang.RuntimeException: Sample error")


def internal_error(text: str) -> RequestError:
    return RequestError(500, "internal server error", text)


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


@cache
def build() -> str:
    """The value of ``x-faunadb-build``."""
    from ... import __version__

    return f"faunadb-python-{__version__}"


def handle(engine: Engine, request: HttpRequest, too_large: bool = False) -> HttpResponse:
    """Answer one request; never raises for anything a client can send.

    too_large: the body, which is not in the request, has more than `MAX_BODY` bytes.
    """
    return _guarded(Exchange(engine, request, too_large=too_large))


def handle_quickly(engine: Engine, request: HttpRequest, snapshot: Snapshot) -> HttpResponse:
    """Answer a request that reads little, from a snapshot that was opened after the request came.

    Raises `NotQuick`, without effects, when it is not such a one.
    """
    return _guarded(Exchange(engine, request, snapshot))


def _guarded(exchange: Exchange) -> HttpResponse:
    try:
        return exchange.answer()
    except NotQuick:
        raise
    except Exception as failure:
        import logging

        logging.getLogger("faunadb.engine").exception("unexpected failure while answering a request")
        exchange.tags = ""
        return exchange.failure(internal_error(type(failure).__name__))
