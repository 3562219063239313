"""Errors of queries and requests: classes, codes, texts, positions (wire protocol, "Envelopes and errors").

Three kinds of exceptions:

- `Fault`: raised by the function behind a form. It knows only where it stands *relative* to that form; the
  evaluator adds the form's position.
- `QueryErrors`: one or more located errors; ends the query with the documented envelope.
- `RequestError`: an error without a query position (headers, limits, contention, timeouts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

from .values import UnresolvedRef, type_name

#: A position while evaluating: None for the root, else (parent position, key). Cheap to extend.
Position = Optional[tuple[Any, Union[str, int]]]

# Of several errors, the first of the highest rank decides the HTTP status.
RANK_PARSE = 3
RANK_ARGUMENT = 2
RANK_PERMISSION = 1
RANK_OTHER = 0


def path(position: Position) -> list[Union[str, int]]:
    """The position as the list that the wire shows."""
    keys: list[Union[str, int]] = []
    while position is not None:
        position, key = position
        keys.append(key)
    keys.reverse()
    return keys


def extend(position: Position, keys: Iterable[Union[str, int]]) -> Position:
    """position with more path elements."""
    for key in keys:
        position = (position, key)
    return position


class Failure:
    """One entry of a validation error's ``failures``. field: path, array indexes as strings."""

    __slots__ = ("code", "description", "field")

    def __init__(self, field: Sequence[str], code: str, description: str):
        self.field = list(field)
        self.code = code
        self.description = description

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and self.wire() == other.wire()

    __hash__ = None  # type: ignore[assignment]

    def wire(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "description": self.description}


class TextBudget:
    """About how many bytes the errors of one answer may still take: one query can have millions of errors."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 1 << 25


def wires(errors: Iterable[QueryError], budget: Optional[TextBudget] = None) -> list[dict[str, Any]]:
    """Errors as the wire shows them, in order: as many as the budget allows, but at least one."""
    budget = budget or TextBudget()
    shown: list[dict[str, Any]] = []
    for error in errors:
        if shown and budget.left <= 0:
            break
        shown.append(error.wire(budget))
    return shown


class QueryError:
    """One located error of a query. rank: see `QueryErrors.status`. status: the HTTP status if this error decides it."""

    __slots__ = ("cause", "code", "description", "failures", "position", "rank", "status")

    def __init__(
        self,
        position: Position,
        code: str,
        description: str,
        *,
        rank: int = RANK_OTHER,
        status: int = 400,
        failures: Sequence[Failure] = (),
        cause: Sequence[QueryError] = (),
    ):
        self.position = position
        self.code = code
        self.description = description
        self.rank = rank
        self.status = status
        self.failures = list(failures)
        self.cause = list(cause)

    def wire(self, budget: Optional[TextBudget] = None) -> dict[str, Any]:
        """The error as the wire shows it; its text is taken from the budget."""
        budget = budget or TextBudget()
        position = path(self.position)
        budget.left -= 64 + 8 * len(position) + len(self.description)
        error: dict[str, Any] = {
            "position": position,
            "code": self.code,
            "description": self.description,
        }
        if self.failures:
            error["failures"] = [failure.wire() for failure in self.failures]
        if self.cause:
            error["cause"] = wires(self.cause, budget)
        return error

    def __repr__(self) -> str:
        return f"QueryError({path(self.position)}, {self.code!r}, {self.description!r})"


class QueryErrors(Exception):
    """Ends a query. errors: at least one `QueryError`, in the order they are shown."""

    def __init__(self, errors: Sequence[QueryError]):
        super().__init__(errors[0].description)
        self.errors = list(errors)

    @property
    def status(self) -> int:
        """HTTP status: that of the first error of the highest rank."""
        highest = max(error.rank for error in self.errors)
        return next(error.status for error in self.errors if error.rank == highest)


class Fault(Exception):
    """An error raised inside a form's function; `at` is the path below the form (``()``: the form itself)."""

    def __init__(
        self,
        code: str,
        description: str,
        at: Union[str, int, Sequence[Union[str, int]]] = (),
        *,
        rank: int = RANK_OTHER,
        status: int = 400,
        failures: Sequence[Failure] = (),
    ):
        super().__init__(description)
        self.code = code
        self.description = description
        self.at = (at,) if isinstance(at, (str, int)) else tuple(at)
        self.rank = rank
        self.status = status
        self.failures = failures

    def located(self, position: Position) -> QueryError:
        return QueryError(
            extend(position, self.at),
            self.code,
            self.description,
            rank=self.rank,
            status=self.status,
            failures=self.failures,
        )


class Faults(Exception):
    """Several faults of one form, reported together."""

    def __init__(self, faults: Sequence[Fault]):
        super().__init__(faults[0].description)
        self.faults = list(faults)


#: The end of the text of every error that is a fault of the engine itself.
TICKET = "Please create a ticket at https://support.fauna.com"


class RequestError(Exception):
    """An error without position: ``{"errors":[{"code", "description"}]}`` with an HTTP status.

    ref: the ref that the error also shows, or None. retries: how often the transaction had been retried.
    """

    def __init__(self, status: int, code: str, description: str, ref: Any = None):
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description
        self.ref = ref
        self.retries = 0


def one_of(names: Sequence[str]) -> str:
    """``A``, ``A or B``, ``A, B, or C``."""
    if len(names) < 2:
        return "".join(names)
    if len(names) == 2:
        return f"{names[0]} or {names[1]}"
    return ", ".join(names[:-1]) + ", or " + names[-1]


At = Union[str, int, Sequence[Union[str, int]]]


# Faults by name. Each is *returned*, to be raised by the caller.


def invalid_argument(description: str, at: At = ()) -> Fault:
    return Fault("invalid argument", description, at, rank=RANK_ARGUMENT)


def wrong_type(expected: Union[str, Sequence[str]], value: Any, at: At = ()) -> Fault:
    """``<expected> expected, <type of value> provided.``"""
    names = expected if isinstance(expected, str) else one_of(expected)
    return invalid_argument(f"{names} expected, {type_name(value)} provided.", at)


def empty_array(at: At = ()) -> Fault:
    return invalid_argument("Non-empty array expected.", at)


def empty_set(at: At = ()) -> Fault:
    return invalid_argument("Non-empty set expected.", at)


def undefined_ref(ref: UnresolvedRef, at: At = ()) -> Fault:
    return undefined_name(*ref.missing, at)


def undefined_name(kind: str, name: str, at: At = ()) -> Fault:
    return Fault("invalid ref", f"Ref refers to undefined {kind} '{name}'", at)


def permission_denied(at: At = ()) -> Fault:
    return Fault(
        "permission denied",
        "Insufficient privileges to perform the action.",
        at,
        rank=RANK_PERMISSION,
        status=403,
    )


def not_found(kind: str, at: At = (), status: int = 404) -> Fault:
    """kind: ``Document``, ``Set``, ``Collection``, ..."""
    return Fault("instance not found", f"{kind} not found.", at, status=status)


def already_exists(kind: str, at: At = ()) -> Fault:
    return Fault("instance already exists", f"{kind} already exists.", at)


def not_unique(at: At = ()) -> Fault:
    return Fault("instance not unique", "document is not unique.", at)


#: The error code of a write whose fields are not valid.
VALIDATION_FAILED = "validation failed"


def validation_failed(failures: Sequence[Failure], at: At = ()) -> Fault:
    return Fault(VALIDATION_FAILED, "document data is not valid.", at, failures=failures)


def invalid_expression(description: str, at: At = ()) -> Fault:
    """Parse-phase errors (highest rank)."""
    return Fault("invalid expression", description, at, rank=RANK_PARSE)


def bad_request(description: str) -> RequestError:
    return RequestError(400, "bad request", description)


def timed_out(detail: str = "") -> RequestError:
    text = f"Read timed out ({detail})" if detail else "Read timed out"
    return RequestError(503, "time out", text)


def contended(retries: int = 0) -> RequestError:
    """The error of a transaction that conflicted with others on every attempt. retries: the attempts after the first."""
    description = "Transaction was aborted due to detection of concurrent modification."
    error = RequestError(409, "contended transaction", description)
    error.retries = retries
    return error


def parse_error(description: str, position: Position) -> QueryErrors:
    return QueryErrors([QueryError(position, "invalid expression", description, rank=RANK_PARSE)])


def as_parse_errors(failure: QueryErrors) -> QueryErrors:
    """The same errors as parse errors: what fails in evaluating a literal is a fault of the query's syntax."""
    return QueryErrors(
        [
            QueryError(error.position, "invalid expression", error.description, rank=RANK_PARSE)
            for error in failure.errors
        ]
    )


def type_expected(expected: str, value: Any, position: Position) -> QueryErrors:
    return parse_error(f"{expected} expected, {type_name(value)} provided.", position)
