"""Errors that the database reports, one class per HTTP status, and what they carry."""

from __future__ import annotations

from typing import Any, NoReturn, Optional

from faunadb.request_result import RequestResult


def _get_or_raise(request_result: Optional[RequestResult], dct: Any, key: str) -> Any:
    """Return ``dct[key]``; :class:`UnexpectedError` names the key when it is missing."""
    if isinstance(dct, dict) and key in dct:
        return dct[key]
    raise UnexpectedError(f"Response JSON does not contain expected key {key}", request_result)


class FaunaError(Exception):
    """Base of all errors of this package.

    :ivar request_result: The :class:`~faunadb.request_result.RequestResult` of the exchange that failed, or
        ``None`` when nothing was sent.
    """

    request_result: Optional[RequestResult]

    def __init__(self, description: Any, request_result: Optional[RequestResult]) -> None:
        super().__init__(description)
        self.request_result = request_result

    def __reduce__(self) -> Any:
        return type(self), (*self.args, self.request_result)

    @staticmethod
    def raise_for_status_code(request_result: RequestResult) -> None:
        """Return for a status of 200 to 299, raise the error class of any other status.

        :raises HttpError: The subclass for 400, 401, 403, 404, 409, 500 and 503.
        :raises UnexpectedError: For every other status.
        """
        code = request_result.status_code
        if 200 <= code <= 299:
            return
        error = _ERRORS_BY_STATUS.get(code)
        if error is None:
            _raise_unexpected_status(request_result)
        raise error(request_result)


class UnexpectedError(FaunaError):
    """The request cannot be sent, or the response is not what the protocol promises."""

    def __init__(self, description: Any, request_result: Optional[RequestResult]) -> None:
        super().__init__(description, request_result)


class HttpError(FaunaError):
    """The server answered with an error.

    :ivar errors: List of :class:`ErrorData` (possibly empty).

    ``str()`` is the ``repr`` of the first of them; ``args`` holds its description.
    """

    errors: list[ErrorData]

    def __init__(self, request_result: RequestResult) -> None:
        self.errors = HttpError._get_errors(request_result)
        super().__init__(self._get_description(), request_result)

    @staticmethod
    def _get_errors(request_result: RequestResult) -> list[ErrorData]:
        content = request_result.response_content
        _get_or_raise(request_result, content, "errors")
        return [
            ErrorData.from_dict(error, request_result) for error in _listed(request_result, content, "errors")
        ]

    def __str__(self) -> str:
        return repr(self.errors[0]) if self.errors else self._get_description()

    def _get_description(self) -> str:
        return self.errors[0].description if self.errors else "(empty `errors`)"

    def __reduce__(self) -> Any:
        return type(self), (self.request_result,)


class BadRequest(HttpError):
    """Status 400: the query is malformed, or evaluating it failed."""


class Unauthorized(HttpError):
    """Status 401: the secret is missing, unknown, expired or may not be scoped that way.

    The description is the official driver's sentence, whatever the server said.

    :param hint: More advice, appended to that sentence.
    """

    def __init__(self, request_result: RequestResult, hint: str = "") -> None:
        super().__init__(request_result)
        self._hint = hint
        if self.errors:
            self.errors[0].description = _UNAUTHORIZED + hint

    def __reduce__(self) -> Any:
        return type(self), (self.request_result, self._hint)


# The official driver's sentence, its typographic apostrophe included.
_UNAUTHORIZED = "Unauthorized. Check that endpoint, schema, port and secret are correct during client\u2019s instantiation"
# Naming this secret gives nothing away: it is the documented one of every database that is opened by its URL.
_OWN_DATABASE_HINT = '. A database that is opened by its URL has the root secret "secret", beside the keys and tokens made in it'


class PermissionDenied(HttpError):
    """Status 403: the secret does not have the privileges that the query needs."""


class NotFound(HttpError):
    """Status 404: something that the query names does not exist."""


class ContendedTransaction(HttpError):
    """Status 409: too many transactions write what this query reads or writes. Retrying may help."""


class InternalError(HttpError):
    """Status 500: the server failed."""


class UnavailableError(HttpError):
    """Status 503: the server is not available, or the query took longer than its time allows."""


_ERRORS_BY_STATUS: dict[int, type[HttpError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: PermissionDenied,
    404: NotFound,
    409: ContendedTransaction,
    500: InternalError,
    503: UnavailableError,
}


def _raise_unexpected_status(request_result: RequestResult) -> NoReturn:
    raise UnexpectedError("Unexpected status code.", request_result)


def _listed(request_result: Optional[RequestResult], dct: dict[str, Any], key: str) -> list[Any]:
    value = dct[key]
    if not isinstance(value, list):
        raise UnexpectedError(f"Response JSON has no list under the key {key}", request_result)
    return value


class ErrorData:
    """One error of a response (wire protocol, query error envelope).

    :ivar code: Machine-readable code (``str``), such as ``"invalid argument"``.
    :ivar description: Text for people (``str``).
    :ivar position: Path into the expression: list of keys (``str``) and indexes (``int``); ``None`` when
        absent.
    :ivar failures: List of :class:`Failure`; ``None`` when absent.
    :ivar cause: List of :class:`ErrorData`: what happened inside a called function; ``None`` when absent.
    """

    @staticmethod
    def from_dict(dct: Any, request_result: Optional[RequestResult]) -> ErrorData:
        """Build from parsed JSON; :class:`UnexpectedError` when ``code`` or ``description`` is missing."""
        return ErrorData(
            _get_or_raise(request_result, dct, "code"),
            _get_or_raise(request_result, dct, "description"),
            dct.get("position"),
            ErrorData.get_failures(dct, request_result),
            ErrorData.get_cause(dct, request_result),
        )

    @staticmethod
    def get_failures(dct: dict[str, Any], request_result: Optional[RequestResult]) -> Optional[list[Failure]]:
        """Return the failures listed in an error, or ``None`` when it has no such list."""
        if "failures" not in dct:
            return None
        return [
            Failure.from_dict(failure, request_result) for failure in _listed(request_result, dct, "failures")
        ]

    @staticmethod
    def get_cause(dct: dict[str, Any], request_result: Optional[RequestResult]) -> Optional[list[ErrorData]]:
        """Return the errors listed as the cause of an error, or ``None`` when it has no such list."""
        if "cause" not in dct:
            return None
        return [ErrorData.from_dict(cause, request_result) for cause in _listed(request_result, dct, "cause")]

    def __init__(
        self,
        code: str,
        description: str,
        position: Optional[list[Any]],
        failures: Optional[list[Failure]],
        cause: Optional[list[ErrorData]] = None,
    ) -> None:
        self.code = code
        self.description = description
        self.position = position
        self.failures = failures
        self.cause = cause

    def __repr__(self) -> str:
        return (
            f"ErrorData(code={self.code!r}, description={self.description!r}, position={self.position!r}, "
            f"failures={self.failures!r}, cause={self.cause!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ErrorData):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.code, self.description))


class Failure:
    """Why one field of a document is refused.

    :ivar code: Machine-readable code (``str``), such as ``"invalid type"``.
    :ivar description: Text for people (``str``).
    :ivar field: Path of the field (list of ``str``).
    """

    @staticmethod
    def from_dict(dct: Any, request_result: Optional[RequestResult]) -> Failure:
        """Build from parsed JSON; :class:`UnexpectedError` names a missing member."""
        return Failure(
            _get_or_raise(request_result, dct, "code"),
            _get_or_raise(request_result, dct, "description"),
            _get_or_raise(request_result, dct, "field"),
        )

    def __init__(self, code: str, description: str, field: list[Any]) -> None:
        self.code = code
        self.description = description
        self.field = field

    def __repr__(self) -> str:
        return f"Failure(code={self.code!r}, description={self.description!r}, field={self.field!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Failure):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.code, self.description))
