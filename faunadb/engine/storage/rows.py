"""The rows that stores give, and the keys by which they are sorted."""

from __future__ import annotations

from typing import Any, Optional

from ..json_text import encoder
from ..records import NamedTuple, maker

_encode = encoder()


class VersionRow(NamedTuple):
    """A version of a document. live: False for a deletion. data: the fields as JSON; None for a deletion.

    ts: its valid time. ttl: when it expires. txn: the transaction that wrote it. All three are in microseconds.
    """

    ts: int
    live: bool
    ttl: Optional[int]
    data: Optional[str]
    txn: int


class EntryRow(NamedTuple):
    """An index entry, which is alive at the times ``added <= t < removed`` (``removed`` None: and still is).

    values: its key within its terms. coll, doc: the document. cover: the values as JSON, None if the index has none. Times,
    also ttl, are in microseconds.
    """

    values: bytes
    coll: int
    doc: int
    cover: Optional[str]
    ttl: Optional[int]
    added: int
    removed: Optional[int]


def ts_of(row: VersionRow) -> int:
    """The sort key of a document's versions."""
    return row.ts


def values_of(row: EntryRow) -> bytes:
    """The sort key of a set's entries at one time."""
    return row.values


def values_and_added_of(row: EntryRow) -> tuple[bytes, int]:
    """The sort key of a set's entries at all times."""
    return row.values, row.added


def change_text(change: list[Any]) -> str:
    """A change as the JSON that is stored in the commit log."""
    if len(change) == 5 and change[0] == "put":  # nearly all are of this form, and the rest of it are numbers
        return '["put",%d,%d,%d,%d]' % tuple(change[1:])
    return _encode(change)


new_version = maker(VersionRow)
new_entry = maker(EntryRow)
