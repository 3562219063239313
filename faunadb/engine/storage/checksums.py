"""The checksum that is stored with every version, by which reads and `checks` find what a disk has changed.

It is a CRC-32 of the version's content and of the document that it is of, into which its times are mixed by XOR. The times
are not part of the CRC because the time of a transaction may become known only in SQL that commits it
(`postgres_functions`), and SQL can compute XOR but no CRC.
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

#: How `of_version` mixes in the times, as PostgreSQL writes it, to be formatted with SQL for content, ts and txn.
MIXED = "({content} # {ts} # ({txn} << 1))"


def of_content(scope: int, coll: int, doc: int, live: int, ttl: Optional[int], data: Optional[str]) -> int:
    """The part of a checksum that does not depend on times other than the ttl. live: 0 or 1."""
    text = b"" if data is None else data.encode("utf-8", "surrogatepass")
    return crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))


def of_version(
    scope: int, coll: int, doc: int, ts: int, live: int, ttl: Optional[int], data: Optional[str], txn: int
) -> int:
    """The checksum of a version, given as the columns of its row. (`of_content` is written out here, for speed.)"""
    text = b"" if data is None else data.encode("utf-8", "surrogatepass")
    content = crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))
    return content ^ ts ^ (txn << 1)


def is_whole(scope: int, coll: int, doc: int, row: Sequence[Any]) -> bool:
    """Whether a stored version (``ts, live, ttl, data, txn, checksum``) is what was written."""
    ts, live, ttl, data, txn, checksum = row
    # As `of_version`, but written out, since every read of a single document does this.
    try:
        text = b"" if data is None else data.encode("utf-8", "surrogatepass")
        content = crc32(_pack(scope, coll, doc, live, _NEVER if ttl is None else ttl), crc32(text))
        return bool(content ^ ts ^ (txn << 1) == checksum)
    except (struct.error, TypeError, AttributeError):  # damage has changed the type of a column
        return False


#: SQL for what `of_content` gives of an intact version: its checksum without its times. SQLite has no operator for XOR.
UNMIXED = "((mixed | (txn << 1)) - (mixed & (txn << 1)))".replace(
    "mixed", "((checksum | ts) - (checksum & ts))"
)


def is_whole_text(scope: int, coll: int, doc: int, text: Any, content: Any) -> bool:
    """As `is_whole`, for a version that is live and does not expire. content: what `UNMIXED` gives."""
    # As `of_content`, but written out, since every read of a single document does this.
    try:
        return bool(
            crc32(_pack(scope, coll, doc, 1, _NEVER), crc32(text.encode("utf-8", "surrogatepass"))) == content
        )
    except AttributeError:  # damage has changed the type of the column
        return False


def verified(scope: int, coll: int, doc: int, row: Sequence[Any]) -> VersionRow:
    """The version in a stored row. Raises `errors.Damaged` if it is not what was written."""
    if not is_whole(scope, coll, doc, row):
        raise Damaged(
            f"the version at {row[0]} of document {doc} (collection {coll}, database {scope}) is damaged:"
            " it is not what was written. `faunadb check` finds what else is"
        )
    ts, live, ttl, data, txn, _ = row
    return VersionRow(ts, live == 1, ttl, data, txn)
