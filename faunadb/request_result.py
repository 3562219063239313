"""What happened in one exchange with the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RequestResult:
    """One finished exchange, as observers and exceptions see it.

    :ivar method: HTTP method (``"POST"``, ``"GET"``).
    :ivar path: Path relative to the root of the endpoint, without a leading slash (``""`` for queries,
        ``"ping"``).
    :ivar query: URL parameters (a ``dict``), or ``None``.
    :ivar request_content: The expression that was sent, or ``None``.
    :ivar response_raw: Response body (``str``).
    :ivar response_content: Response body, parsed; ``None`` when it is not JSON.
    :ivar status_code: HTTP status (``int``).
    :ivar response_headers: Response headers, a case-insensitive mapping.
    :ivar start_time: When the request was sent, in seconds since the epoch (``float``).
    :ivar end_time: When the response had arrived, in seconds since the epoch (``float``).
    """

    def __init__(
        self,
        method: str,
        path: str,
        query: Any,
        request_content: Any,
        response_raw: Any,
        response_content: Any,
        status_code: int,
        response_headers: Mapping[str, str],
        start_time: float,
        end_time: float,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.request_content = request_content
        self.response_raw = response_raw
        self.response_content = response_content
        self.status_code = status_code
        self.response_headers = response_headers
        self.start_time = start_time
        self.end_time = end_time

    def __repr__(self) -> str:
        # Neither what was asked nor what was answered: both may hold passwords and secrets.
        took = f"{self.time_taken * 1000:.1f} ms"
        return f"RequestResult({self.method} /{self.path}, status {self.status_code}, {took})"

    @property
    def time_taken(self) -> float:
        """Seconds between sending the request and having the response."""
        return self.end_time - self.start_time
