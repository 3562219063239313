"""OpenTelemetry for applications: a span for each query, and its trace continued by the server.

Needs the extra ``otel`` (``pip install "faunadb[otel]>=4.6"``)::

    from faunadb import otel

    otel.instrument()

From then on every query and ping of every client in this process runs in a span of kind *client*, and sends its
``traceparent``. Opening a stream sends the ``traceparent`` of the span that is active. Expressions, results and
secrets are not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from faunadb import __version__, _telemetry

_NAMES = {"/": "faunadb.query", "/ping": "faunadb.ping"}
_propagator = TraceContextTextMapPropagator()


def instrument(tracer_provider: Optional[trace.TracerProvider] = None) -> None:
    """Start tracing all clients of this process.

    :param tracer_provider: Where spans go; the global provider when ``None``. Calling again replaces it.
    """
    tracer = trace.get_tracer("faunadb", __version__, tracer_provider)

    @contextmanager
    def span_of(client: Any, method: str, path: str, headers: dict[str, str]) -> Iterator[None]:
        attributes = {"db.system.name": "faunadb", "http.request.method": method, **_place(client.base_url)}
        name = _NAMES.get(path, "faunadb")
        # Exceptions are noted by type only: their text may quote the data of a query.
        with tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            _add_traceparent(headers)
            try:
                yield
            except Exception as error:
                _note(span, error)
                raise

    _telemetry.trace = span_of
    _telemetry.add_traceparent = _add_traceparent


def uninstrument() -> None:
    """Stop tracing."""
    _telemetry.trace = None
    _telemetry.add_traceparent = None


def _add_traceparent(headers: dict[str, str]) -> None:
    if "traceparent" not in headers:
        _propagator.inject(headers)
        headers.pop("tracestate", None)


def _note(span: trace.Span, error: Exception) -> None:
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.set_attribute("error.type", type(error).__name__)
    result = getattr(error, "request_result", None)
    if result is not None:
        span.set_attribute("http.response.status_code", result.status_code)
    errors = getattr(error, "errors", None)
    if errors:
        span.set_attribute("db.response.status_code", errors[0].code)


def _place(base_url: str) -> dict[str, Any]:
    parts = urlsplit(base_url)
    place: dict[str, Any] = {}
    if "," in parts.netloc:
        return place  # several servers, of which the one in use is not known here
    if parts.hostname:
        place["server.address"] = parts.hostname
    if parts.port:
        place["server.port"] = parts.port
    return place
