"""OpenTelemetry: spans of queries, and the trace that servers continue."""

# ruff: noqa: E402  (the imports need what `required` looks for)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import required

required("opentelemetry.sdk")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from faunadb import otel
from faunadb.client import FaunaClient
from faunadb.errors import NotFound
from faunadb.objects import Ref

from .conftest import Server


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def spans(provider: TracerProvider) -> Iterator[Any]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    otel.instrument(provider)
    yield exporter.get_finished_spans
    otel.uninstrument()


def test_a_query_is_a_span_and_sends_it(spans: Any, server: Server, client: FaunaClient) -> None:
    client.query({"private": "data"})
    client.ping()
    query, ping = spans()
    assert (query.name, ping.name) == ("faunadb.query", "faunadb.ping")
    assert query.kind is SpanKind.CLIENT
    assert query.attributes["db.system.name"] == "faunadb"
    assert (query.attributes["server.address"], query.attributes["server.port"]) == ("127.0.0.1", server.port)
    expected = f"00-{query.context.trace_id:032x}-{query.context.span_id:016x}-"
    assert server.requests[0].headers["traceparent"].startswith(expected)
    assert "private" not in query.to_json()
    assert "secret" not in query.to_json()


def test_queries_belong_to_the_active_span(
    spans: Any, provider: TracerProvider, server: Server, client: FaunaClient
) -> None:
    with provider.get_tracer("test").start_as_current_span("request") as parent:
        client.query(1)
        server.handler = lambda connection, request: connection.answer(b"", status=500)
        client.stream(Ref("1")).start()
    query = spans()[0]
    assert query.parent.span_id == parent.get_span_context().span_id
    trace_id = f"{parent.get_span_context().trace_id:032x}"
    assert [request.headers["traceparent"].split("-")[1] for request in server.requests] == [
        trace_id,
        trace_id,
    ]


def test_a_traceparent_of_the_caller_is_kept(spans: Any, server: Server, client: FaunaClient) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    client.query(1, traceparent=traceparent)
    assert server.requests[0].headers["traceparent"] == traceparent


def test_failures(spans: Any, server: Server, client: FaunaClient) -> None:
    body = {"errors": [{"code": "instance not found", "description": "private"}]}
    server.handler = lambda connection, request: connection.answer(body, status=404)
    with pytest.raises(NotFound):
        client.query(1)
    (span,) = spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "NotFound"
    assert span.attributes["http.response.status_code"] == 404
    assert span.attributes["db.response.status_code"] == "instance not found"
    assert "private" not in span.to_json()


def test_nothing_is_sent_without_instrumenting(server: Server, client: FaunaClient) -> None:
    client.query(1)
    assert "traceparent" not in server.requests[0].headers
