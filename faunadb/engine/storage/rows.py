"""Rows as stores give them, and what they are sorted by."""

from __future__ import annotations

from typing import Any, Optional

from ..json_text import encoder
from ..records import NamedTuple, maker

_encode = encoder()


class VersionRow(NamedTuple):
    """One version of a document. ``live`` False is a deletion, whose ``data`` is None."""

    ts: int
    live: bool
    ttl: Optional[int]
    data: Optional[str]
    txn: int


class EntryRow(NamedTuple):
    """An index entry, alive in the times ``added <= t < removed`` (``removed`` None: still)."""

    values: bytes
    coll: int
    doc: int
    cover: Optional[str]
    ttl: Optional[int]
    added: int
    removed: Optional[int]


def ts_of(row: VersionRow) -> int:
    """The order of a document's versions."""
    return row.ts


def values_of(row: EntryRow) -> bytes:
    """The order of a set's entries at one time."""
    return row.values


def values_and_added_of(row: EntryRow) -> tuple[bytes, int]:
    """The order of a set's entries at all times."""
    return row.values, row.added


def change_text(change: list[Any]) -> str:
    """A change as it stands in a row of the commit log."""
    if len(change) == 5 and change[0] == "put":  # what nearly all are: numbers
        return '["put",%d,%d,%d,%d]' % tuple(change[1:])
    return _encode(change)


new_version = maker(VersionRow)
new_entry = maker(EntryRow)
