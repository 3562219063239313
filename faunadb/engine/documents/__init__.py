"""Documents: reading and writing them and their history, in the present and in the past."""

from __future__ import annotations

from .merging import difference, merge, without_nulls
from .reading import (
    check_time,
    document,
    exists,
    get,
    history,
    kind,
    present,
    row,
    several,
    too_early,
    valid_time,
    versions,
    visible,
)
from .writing import insert, remove, write

__all__ = [
    "check_time",
    "difference",
    "document",
    "exists",
    "get",
    "history",
    "insert",
    "kind",
    "merge",
    "present",
    "remove",
    "row",
    "several",
    "too_early",
    "valid_time",
    "versions",
    "visible",
    "without_nulls",
    "write",
]
