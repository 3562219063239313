"""Opens SQLite files that cannot be written to, or are not to be (``?mode=ro``): on a read-only file system, in a read-only
directory, without permission to write.

In WAL mode even a reader writes, to the file ending in ``-shm``, by which it and the writers know of each other. Where that
file is there or can be made, a connection that only reads sees what others write. Where it cannot, nobody has the file open,
and SQLite reads it as one that never changes (``immutable=1``), which takes neither locks nor other files.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from .errors import NotAStore, StoreUnavailable
from .sqlite_schema import check_reading, connect, explain, is_busy, is_store
from .statements import SCHEMA_VERSION

#: How SQLite opens such a file, as parameters of its URI. `WATCHED` sees what others write.
WATCHED, FIXED = "mode=ro", "mode=ro&immutable=1"


def is_writable(path: str) -> bool:
    """Whether a store can be written at a path: to its file, if there is one, and beside it."""
    folder = os.path.dirname(os.path.abspath(path))
    return os.access(folder, os.W_OK) and (not os.path.exists(path) or os.access(path, os.W_OK))


def _has_log(path: str) -> bool:
    """Whether there is a write-ahead log beside a file: somebody has it open to write, or has not closed it."""
    with suppress(OSError):
        return os.stat(path + "-wal").st_size > 0
    return False


def state_of(path: str) -> tuple[object, ...]:
    """What changes when somebody begins to write to a file, and when they have written."""
    with suppress(OSError):
        found = os.stat(path)
        return _has_log(path), found.st_ino, found.st_size, found.st_mtime_ns
    return ()


def open_to_read(path: str, patience: float) -> tuple[sqlite3.Connection, str]:
    """A connection that only reads the store in a file, and how further ones are to be opened.

    patience: how many seconds to wait for another process that has the file to itself. Raises NotAStore, StoreUnavailable.
    """
    if not os.path.exists(path):
        raise StoreUnavailable(f"cannot open {path!r}: there is no such file, and it is to be read only")
    try:
        return _opened(path, WATCHED, patience), WATCHED
    except sqlite3.Error as error:
        if is_busy(error) or not _is_of_shm(error):
            raise explain(error, path) from error
    if _has_log(path):
        raise StoreUnavailable(
            f"{path!r} cannot be read where it is: it is read-only, and what was written last is still in {path + '-wal'!r}."
            " Copy both, or close the database (`faunadb check` does) where it can be written to"
        )
    try:
        return _opened(path, FIXED, patience), FIXED
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _is_of_shm(error: sqlite3.Error) -> bool:
    """Whether the reason may be that the file ending in ``-shm`` cannot be made."""
    return any(words in str(error) for words in ("unable to open", "readonly", "disk I/O error"))


def _opened(path: str, how: str, patience: float) -> sqlite3.Connection:
    connection = connect(path, "FULL", patience, how)
    try:
        if not is_store(connection, path):
            raise NotAStore(f"{path!r} is empty, and it is to be read only")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{path!r} has an older format ({version}, now {SCHEMA_VERSION}), and is to be read only:"
                " open it once where it can be written to"
            )
        check_reading(connection)
    except BaseException:
        connection.close()
        raise
    return connection
