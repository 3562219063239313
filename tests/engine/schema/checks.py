"""What tests of writes say about errors."""

from __future__ import annotations

from typing import Any


def error_of(db: Any, expression: Any) -> tuple[list[Any], str, str]:
    """(position, code, description) of a query's only error."""
    error = db.error(expression)
    return error["position"], error["code"], error["description"]


def failures_of(db: Any, expression: Any) -> tuple[list[Any], list[tuple[list[str], str, str]]]:
    """Position of a validation error, and (field, code, description) of each failure."""
    error = db.error(expression)
    assert (error["code"], error["description"]) == ("validation failed", "document data is not valid.")
    return error["position"], [
        (each["field"], each["code"], each["description"]) for each in error["failures"]
    ]


def required(*field: str) -> tuple[list[str], str, str]:
    return list(field), "value required", "Required value not found."


def invalid_type(field: list[str], actual: str, expected: str) -> tuple[list[str], str, str]:
    return field, "invalid type", f"Invalid type {actual}, expected type {expected}."
