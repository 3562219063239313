"""The checksum that is kept with every version: reads and `checks` find by it what a disk has changed.

It is a CRC-32 of what the version says and whose it is, with the version's times mixed in: a transaction's time may
become known only where it is committed (`postgres_functions`), which has no CRC but can mix.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Optional
from zlib import crc32

from .errors import Damaged
from .rows import VersionRow

_pack = struct.Struct("<qqqqq").pack
_NEVER = -(2**63)

#: How the times of a version are mixed in (`of_version`), in SQL that knows 64-bit integers, with what is to be filled in.
MIXED = "({content} # {ts} # ({txn} << 1))"


def of_content(scope: int, coll: int, doc: int, live: int, ttl: Optional[int], data: Optional[str]) -> int:
    """The part of a checksum that knows nothing of times. live: 0 or 1."""
    text = b"" if data is None else data.encode("utf-8", "surrogatepass")
    return crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))


def of_version(
    scope: int, coll: int, doc: int, ts: int, live: int, ttl: Optional[int], data: Optional[str], txn: int
) -> int:
    """The checksum of a version, given as its row. (With `of_content` written out: every write comes by here.)"""
    text = b"" if data is None else data.encode("utf-8", "surrogatepass")
    content = crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))
    return content ^ ts ^ (txn << 1)


def is_whole(scope: int, coll: int, doc: int, row: Sequence[Any]) -> bool:
    """Whether a stored version (``ts, live, ttl, data, txn, checksum``) is what was written."""
    ts, live, ttl, data, txn, checksum = row
    # As `of_version`, written out: all reads of single documents come by here.
    try:
        text = b"" if data is None else data.encode("utf-8", "surrogatepass")
        content = crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))
        return bool(content ^ ts ^ (txn << 1) == checksum)
    except (struct.error, TypeError, AttributeError):  # a number that has become something else
        return False


def verified(scope: int, coll: int, doc: int, row: Sequence[Any]) -> VersionRow:
    """The version of a stored row. Raises :class:`Damaged` when it is not what was written."""
    if not is_whole(scope, coll, doc, row):
        raise Damaged(
            f"the version at {row[0]} of document {doc} (collection {coll}, database {scope}) is damaged:"
            " it is not what was written. `faunadb check` finds what else is"
        )
    ts, live, ttl, data, txn, _ = row
    return VersionRow(ts, live == 1, ttl, data, txn)
