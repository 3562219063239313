"""Copies a whole store into an empty one of any backend: history, entries, commit log, counters, settings."""

from __future__ import annotations

import hashlib
import os
from typing import Callable, Optional

from ..._private import without_password
from ..records import NamedTuple
from .base import Store, Transaction
from .errors import NotAStore, StoreError
from .opening import open_store
from .sql_snapshot import Row, SqlSnapshot
from .sql_transaction import SqlTransaction
from .statements import COPIED
from .urls import parse_sqlite

Progress = Callable[[str, int], None]

_MODULUS = 2**128


class _Sum(NamedTuple):
    """The number of rows, and a checksum that does not depend on their order."""

    rows: int = 0
    checksum: int = 0

    def plus(self, rows: list[Row]) -> _Sum:
        checksum = self.checksum
        for row in rows:
            digest = hashlib.blake2b(
                repr(tuple(row)).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            checksum += int.from_bytes(digest, "big")
        return _Sum(self.rows + len(rows), checksum % _MODULUS)


def copy_store(source_url: str, target_url: str, progress: Optional[Progress] = None) -> dict[str, int]:
    """Copy the store at one URL into the empty one at another, and return the number of rows of each table.

    The source is read in one snapshot, so others may go on writing to it. The target is filled in one transaction, so it
    gets everything or nothing. Before the commit, all of it is read back and compared by number and checksum.

    :param progress: called as ``progress(table, rows)`` with the number of rows copied so far.
    :raises NotAStore: there is no source, or the target is not empty.
    :raises StoreError: the copy differs, or there is no room for it.
    """
    _check_source(source_url)
    with open_store(source_url) as source, open_store(target_url) as target:
        return _copy(source, target, without_password(target_url), progress or _silent)


def _silent(table: str, rows: int) -> None:
    """The progress for callers who do not want to know."""


def _check_source(url: str) -> None:
    if not url.startswith("sqlite:"):
        return
    path = parse_sqlite(url).path
    if path is not None and not os.path.exists(path):
        raise NotAStore(f"there is no store at {url!r} to copy from")


def _copy(source: Store, target: Store, target_name: str, progress: Progress) -> dict[str, int]:
    with source.snapshot() as snapshot:
        assert isinstance(snapshot, SqlSnapshot)

        def work(tx: Transaction) -> dict[str, int]:
            assert isinstance(tx, SqlTransaction)
            _check_empty(tx, target_name)
            sums = {table: _copy_table(snapshot, tx, table, progress) for table in COPIED}
            for table, expected in sums.items():
                _compare(tx, table, expected)
            tx.wrote = True
            tx.schema_version = snapshot.schema_version
            return {table: found.rows for table, found in sums.items()}

        # Later than everything that is copied, so that the target's times continue those of the source.
        result, _ = target.write(work, at_least=snapshot.last_txn, exclusive=True)
        return result


def _check_empty(tx: SqlTransaction, name: str) -> None:
    for table in COPIED:
        if any(tx.export(table)):
            raise NotAStore(f"{name!r} is not empty; a copy needs an empty target")


def _copy_table(source: SqlSnapshot, tx: SqlTransaction, table: str, progress: Progress) -> _Sum:
    found = _Sum()
    for rows in source.export(table):
        tx.load(table, rows)
        found = found.plus(rows)
        progress(table, found.rows)
    return found


def _compare(tx: SqlTransaction, table: str, expected: _Sum) -> None:
    found = _Sum()
    for rows in tx.export(table):
        found = found.plus(rows)
    if found != expected:
        raise StoreError(
            f"the copy of table {table!r} differs: {found.rows} rows with checksum {found.checksum:032x},"
            f" of {expected.rows} rows with checksum {expected.checksum:032x}; nothing was kept"
        )
