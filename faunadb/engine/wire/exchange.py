"""Answering one request: the envelope, the status and the headers of the response (wire protocol, "Envelopes")."""

from __future__ import annotations

import json
import logging
import math
import socket
import time
from typing import TYPE_CHECKING, Any, Optional

from ..auth.jwks import with_keys
from ..integers import int64
from ..language import reader
from ..language.errors import TICKET, RequestError, timed_out, wires
from ..language.legacy import is_legacy, legacy_error
from ..language.registry import WRITE
from ..language.render import pretty
from ..request import QUICK_SECONDS, Failed, Metrics, NotQuick, Outcome, Request, Unauthenticated
from ..schema.view import schema_view
from ..storage.errors import ClockBehind, DeadlineExceeded, StoreUnavailable
from .headers import Options, build, metric_headers, traceparent
from .messages import CONTENT_TYPE, HttpRequest, HttpResponse, RawHeaders, encoded

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot

log = logging.getLogger("faunadb.engine")


def _errors_text(errors: list[dict[str, Any]]) -> str:
    return json.dumps({"errors": errors}, ensure_ascii=False, separators=(",", ":"))


def error_body(code: str, description: str) -> str:
    """The envelope of errors without a position."""
    return _errors_text([{"code": code, "description": description}])


UNAUTHORIZED = error_body("unauthorized", "Unauthorized")

_NOTHING = Metrics()
_USUAL = Options()
CONTENT = (b"content-type", CONTENT_TYPE.encode())
BUILD = (b"x-faunadb-build", build().encode())
#: Longer bodies, in characters, are not laid out for people while others wait.
QUICKLY_LAID_OUT = 1 << 14
#: Headers that a web page can neither leave out nor make up.
_OF_BROWSERS = ("origin", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest")


def is_for_people(headers: dict[str, str]) -> bool:
    """Whether an answer is laid out because of the program that asks, even if no header asks for that."""
    agent = headers.get("user-agent")
    return agent is not None and ("curl" in agent or "HTTPie" in agent)


def in_milliseconds(started: float) -> int:
    """Milliseconds since a time of `time.monotonic`, rounded up."""
    return math.ceil((time.monotonic() - started) * 1000)


def internal_error(text: str) -> RequestError:
    return RequestError(500, "internal server error", text)


class Exchange:
    """Collects what the response to one request needs, and makes it.

    snapshot: set for a request that is answered quickly (`http.handle_quickly`). time: microseconds for ``x-txn-time``;
    None as long as no snapshot has said it. extra: further headers of the response. too_large: see `http.handle`.
    """

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
        self.options = _USUAL
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
            if self.snapshot is not None and len(text) > QUICKLY_LAID_OUT:
                raise NotQuick
            text = pretty(text)
        if self.request.method == "HEAD":
            text = ""
        took = in_milliseconds(self.started) if metrics else None

        def headers(response: HttpResponse) -> RawHeaders:
            return [CONTENT, *self.common(took, len(response.body))]

        return HttpResponse(status, headers, text, None, self.time)

    def _wants_pretty(self) -> bool:
        return "x-faunadb-formatted-json" in self.headers or is_for_people(self.headers)

    def _with_trace(self, text: str) -> str:
        """The body with a last key ``trace``: lines of text that say what happened."""
        self.extra.append(("x-faunadb-host", socket.gethostname()))
        took = in_milliseconds(self.started)
        lines = [f"{self.request.method} {self.request.path} {took} ms", *self.metrics.lines()]
        return f'{text[:-1]},"trace":{json.dumps(lines)}}}'

    def common(self, took: Optional[int], size: int) -> RawHeaders:
        """The headers of every answer. took: milliseconds; None for an answer without metrics. size: bytes of its body."""
        headers = encoded(self.extra)
        if self.time is not None:
            headers.append((b"x-txn-time", b"%d" % self.time))
            if took is not None:
                headers.append((b"x-query-time", b"%d" % took))
                headers.extend(metric_headers(self._size_of_body(), size, self.metrics))
        if self.tags:
            headers.append((b"x-fauna-tags", self.tags.encode()))
        if "origin" in self.headers:
            headers.extend(self._cors(headers))
        headers.append(BUILD)
        headers.append((b"traceparent", traceparent(self.headers.get("traceparent"))))
        return headers

    def _size_of_body(self) -> int:
        """Bytes of the request's body; for one that was too large to be read, as many as were announced."""
        announced = int64(self.headers.get("content-length", "")) if self.too_large else None
        return len(self.request.body) if announced is None else announced

    def _cors(self, headers: RawHeaders) -> RawHeaders:
        exposed = b", ".join(name for name, _ in headers if name.startswith(b"x-"))
        return [
            (b"access-control-expose-headers", exposed),
            (b"access-control-allow-origin", self.headers["origin"].encode("latin-1", "replace")),
            (b"vary", b"origin"),
        ]

    def now(self) -> int:
        """The time for an answer without a snapshot. It is the store's, since clients send it back as what they have seen."""
        return self.engine.store.time()

    def _answers_no_query(self) -> None:
        """For an answer that is not that of a query: take the store's time if there is no other, and do not echo tags."""
        if self.time is None:
            self.time = self.now()
        self.tags = ""

    def answer_to(self, failure: Exception) -> HttpResponse:
        """The answer for an exception."""
        if isinstance(failure, RequestError):
            return self.failure(failure)
        if isinstance(failure, Unauthenticated):
            return self.unauthorized(failure.time)
        if isinstance(failure, Failed):
            return self.query_errors(failure)
        if isinstance(failure, (ClockBehind, DeadlineExceeded)):
            return self.failure(timed_out("Timed out before deadline"))
        if isinstance(failure, StoreUnavailable):
            return self.failure(RequestError(503, "unavailable", str(failure)))
        log.error("unexpected failure while answering a request", exc_info=failure)
        self.tags = ""
        return self.failure(internal_error(type(failure).__name__))

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
        self.metrics = Metrics(read=failed.read, retries=failed.retries, read_ops=failed.read_ops)
        errors = wires(failed.errors.errors)
        if is_legacy(self.options.version):
            errors = [legacy_error(error) for error in errors]
        text = _errors_text(errors)
        return self.respond(failed.errors.status, text)

    def unauthorized(self, snapshot_time: Optional[int] = None) -> HttpResponse:
        self.time = snapshot_time if snapshot_time is not None else self.now()
        self.tags = ""
        # To Basic, a browser would ask its user for a password, and send it with the requests of every page.
        scheme = "Bearer" if self._is_from_browser() else "Basic"
        self.extra.append(("www-authenticate", f'{scheme} realm="Unauthorized"'))
        return self.respond(401, UNAUTHORIZED, metrics=False)

    def _is_from_browser(self) -> bool:
        headers = self.headers
        return not headers.keys().isdisjoint(_OF_BROWSERS) or "Mozilla/" in headers.get("user-agent", "")

    def not_found(self) -> HttpResponse:
        self._answers_no_query()
        return self.respond(404, error_body("not found", "Not Found"))

    def not_allowed(self, methods: str) -> HttpResponse:
        self._answers_no_query()
        self.extra.append(("allow", methods))
        return self.respond(405, error_body("method not allowed", f"Allowed methods are {methods}."))

    # Steps

    def authenticate(self) -> Any:
        """Only check the secret; return its principal. Raises `Unauthenticated`."""
        return with_keys(self._authenticate)

    def _authenticate(self) -> Any:
        def authenticate(snap: Snapshot) -> Any:
            schema = schema_view(self.engine, snap)
            auth = self.engine.authenticate(snap, schema, self.headers.get("authorization"))
            self.time = snap.time
            return auth

        return self.engine.store.read(authenticate, self.options.last_seen, self.deadline())

    def deadline(self) -> float:
        """When the time that the request gives to its query is over, in `time.monotonic` seconds."""
        return self.started + self.options.timeout / 1000

    def query_request(
        self, source: Any, effect_limit: int = WRITE, reason: str = "", writer: bool = False
    ) -> Request:
        options = self.options
        deadline = self.deadline()
        authorization, secret = self.headers.get("authorization"), None
        if self.snapshot is not None:
            deadline = min(deadline, self.started + QUICK_SECONDS)
        elif authorization is not None:
            secret = self.engine.authenticator.trusted_name(authorization)
        return Request(
            authorization,
            source,
            options.version,
            deadline,
            options.last_seen,
            options.retries,
            effect_limit,
            reason,
            writer,
            self.snapshot,
            secret,
        )

    def run(self, request: Request) -> HttpResponse:
        return self.outcome(self.engine.run(request))

    def outcome(self, outcome: Outcome) -> HttpResponse:
        """The answer with the outcome of a query."""
        self.time = outcome.time
        self.metrics = Metrics(*outcome.metrics)
        return self.respond(outcome.status, outcome.text)

    def source(self, body: Optional[bytes]) -> bytes:
        """The text of the query. Raises `Unauthenticated`, or else `Failed`, when there is none (None)."""
        if body is None:
            self.authenticate()
            raise Failed(reader.no_query(), self.time or self.now())
        return body

    @property
    def body(self) -> Optional[bytes]:
        """The request's body; None when there is none. A chunked body may be empty, but it is there."""
        body = self.request.body
        return body if body or "chunked" in self.headers.get("transfer-encoding", "") else None
