"""A ready-made observer that writes every exchange as readable text."""

from __future__ import annotations

from typing import Any, Callable

from faunadb._json import to_json
from faunadb.request_result import RequestResult


def logger(logger_func: Callable[[str], Any]) -> Callable[[RequestResult], Any]:
    """Return an observer for :class:`faunadb.client.FaunaClient` that reports each exchange.

    :param logger_func: Called with one string of several lines per exchange, as :func:`show_request_result`
        makes it. The text holds queries and results, but never the secret.
    """

    def observe(request_result: RequestResult) -> Any:
        return logger_func(show_request_result(request_result))

    return observe


def show_request_result(request_result: RequestResult) -> str:
    """Return several lines (each ended by a newline) that show request, response and time taken."""
    rr = request_result
    lines = [f"Fauna {rr.method} /{rr.path}{_query_string(rr.query)}"]
    if rr.request_content is not None:
        lines.append(f"  Request JSON: {_indented_json(rr.request_content)}")
    lines.append(f"  Response headers: {_indented_json(dict(rr.response_headers))}")
    lines.append(f"  Response JSON: {_indented_json(rr.response_content)}")
    lines.append(f"  Response ({rr.status_code}): Network latency {int(rr.time_taken * 1000)}ms")
    return "\n".join(lines) + "\n"


def _indented_json(value: Any) -> str:
    # A stream's request content is the JSON text that was sent.
    text = value.decode() if isinstance(value, bytes) else to_json(value, pretty=True, sort_keys=True)
    return "\n  ".join(text.split("\n"))


def _query_string(query: Any) -> str:
    # For people: not encoded.
    return "?" + "&".join([f"{name}={value}" for name, value in sorted(query.items())]) if query else ""
