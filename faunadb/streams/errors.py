"""Errors of streams."""

from __future__ import annotations

from typing import Any, Optional

from faunadb.errors import (
    BadRequest,
    ContendedTransaction,
    FaunaError,
    HttpError,
    InternalError,
    NotFound,
    PermissionDenied,
    Unauthorized,
    UnavailableError,
)
from faunadb.request_result import RequestResult


class StreamError(FaunaError):
    """A stream was started twice, or closed twice."""

    def __init__(self, error: Any, request_result: Optional[RequestResult] = None) -> None:
        super().__init__(error, request_result)


# The official driver raises ``BadRequest`` when a stream is refused, whatever the status. These classes are that, and
# the class of the status as well.


class StreamUnauthorized(Unauthorized, BadRequest):
    """Status 401 on opening a stream. The description is the server's, as of the official driver's ``BadRequest``."""

    def __init__(self, request_result: RequestResult) -> None:
        HttpError.__init__(self, request_result)

    def __reduce__(self) -> Any:
        return type(self), (self.request_result,)


class StreamPermissionDenied(PermissionDenied, BadRequest):
    """Status 403 on opening a stream."""


class StreamNotFound(NotFound, BadRequest):
    """Status 404 on opening a stream."""


class StreamContended(ContendedTransaction, BadRequest):
    """Status 409 on opening a stream."""


class StreamInternalError(InternalError, BadRequest):
    """Status 500 on opening a stream."""


class StreamUnavailable(UnavailableError, BadRequest):
    """Status 503 on opening a stream."""


_REFUSALS_BY_STATUS: dict[Optional[int], type[HttpError]] = {
    401: StreamUnauthorized,
    403: StreamPermissionDenied,
    404: StreamNotFound,
    409: StreamContended,
    500: StreamInternalError,
    503: StreamUnavailable,
}


def refusal(request_result: RequestResult) -> HttpError:
    """Return (not raise) the error of a response that lists errors instead of opening a stream."""
    errors = request_result.response_content["errors"]
    if errors and isinstance(errors[0], dict) and errors[0].get("code") == "permission denied":
        return StreamPermissionDenied(request_result)
    return _REFUSALS_BY_STATUS.get(request_result.status_code, BadRequest)(request_result)
