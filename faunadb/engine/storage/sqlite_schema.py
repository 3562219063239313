"""The SQLite file: its tables, its mark, how it is opened, created and migrated, and what its errors mean."""

from __future__ import annotations

import os
import random
import sqlite3
import struct
import sys
import threading
import time
import weakref
from typing import Optional

from ..._private import make_private
from .. import forks
from .checksums import of_version
from .errors import NotAStore, StoreError, StoreUnavailable
from .statements import CHECKSUMS, MIGRATIONS, SCHEMA_VERSION, TABLES

#: Bytes of a file that are mapped into memory, where all connections share them: without a read per page, look-ups
#: cost the same in large files as in small ones.
MAPPED = 256 << 20
#: PRAGMA application_id of our files ("FQL4").
APPLICATION_ID = 0x46514C34

_ENTRY_TABLES = """
CREATE TABLE entry (
    scope INTEGER NOT NULL, idx INTEGER NOT NULL, terms BLOB NOT NULL, vals BLOB NOT NULL,
    coll INTEGER NOT NULL, doc INTEGER NOT NULL, cover TEXT, ttl INTEGER, added INTEGER NOT NULL,
    PRIMARY KEY (scope, idx, terms, vals)
) WITHOUT ROWID;
CREATE TABLE past_entry (
    scope INTEGER NOT NULL, idx INTEGER NOT NULL, terms BLOB NOT NULL, vals BLOB NOT NULL,
    coll INTEGER NOT NULL, doc INTEGER NOT NULL, cover TEXT, ttl INTEGER, added INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    PRIMARY KEY (scope, idx, terms, vals, added)
) WITHOUT ROWID;
"""

#: The newest live documents by name, for people with the sqlite3 program.
_VIEW = """
CREATE VIEW document AS
WITH RECURSIVE place(scope, path) AS (
    SELECT 0, ''
    UNION ALL
    SELECT CAST(json_extract(d.data, '$.scope') AS INTEGER),
           CASE place.path WHEN '' THEN '' ELSE place.path || '/' END || json_extract(d.data, '$.name')
    FROM place JOIN version d ON d.scope = place.scope AND d.coll = 0
    WHERE d.live = 1 AND NOT EXISTS (
        SELECT 1 FROM version n WHERE n.scope = d.scope AND n.coll = 0 AND n.doc = d.doc AND n.ts > d.ts)
)
SELECT
    COALESCE((SELECT path FROM place WHERE place.scope = v.scope), 'scope ' || v.scope) AS database,
    CASE v.coll
        WHEN 0 THEN 'databases' WHEN 1 THEN 'collections' WHEN 2 THEN 'keys' WHEN 3 THEN 'tokens'
        WHEN 7 THEN 'indexes' WHEN 10 THEN 'credentials' WHEN 11 THEN 'functions' WHEN 12 THEN 'roles'
        WHEN 13 THEN 'access_providers'
        ELSE COALESCE((SELECT json_extract(c.data, '$.name') FROM version c
                       WHERE c.scope = v.scope AND c.coll = 1 AND c.doc = v.coll ORDER BY c.ts DESC LIMIT 1),
                      'collection ' || v.coll)
    END AS collection,
    v.doc AS id, v.ts AS ts, v.data AS data
FROM version v
WHERE v.live = 1 AND NOT EXISTS (
    SELECT 1 FROM version n WHERE n.scope = v.scope AND n.coll = v.coll AND n.doc = v.doc AND n.ts > v.ts)
"""


def create_script() -> str:
    """The SQL that makes an empty store of the current format."""
    tables = TABLES.format(
        int="INTEGER",
        small="INTEGER",
        bytes="BLOB",
        tail=" WITHOUT ROWID",
        entries=_ENTRY_TABLES,
        format=SCHEMA_VERSION,
    )
    return f"{tables}{_VIEW};"


class _Connection(sqlite3.Connection):
    """A connection that is known as long as it lives."""

    #: of the file, None for memory
    path: Optional[str] = None


#: The connections of this process to files.
_open: weakref.WeakSet[_Connection] = weakref.WeakSet()
#: Those of the process that this one was forked from. SQLite takes their locks for ours, which they are not.
_inherited: list[_Connection] = []
#: Files that somebody was reading or writing when this process was forked.
_spoiled: set[str] = set()
_inheriting = threading.Lock()

#: Where SQLite has its shared lock in a file, and how long that is.
_SHARED = 0x40000002, 510


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time, in autocommit mode. Raises sqlite3.Error, StoreUnavailable."""
    if _inherited:
        _close_inherited()
    in_memory = path == ":memory:"
    if not in_memory and os.path.realpath(path) in _spoiled:
        raise StoreUnavailable(forks.SPOILED.format(place=repr(path)))
    connection = sqlite3.connect(
        path,
        timeout=5.0,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=_Connection,
    )
    if not in_memory:
        connection.path = os.path.realpath(path)
        _open.add(connection)
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA cache_size = -8000")
        connection.execute(f"PRAGMA mmap_size = {MAPPED}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def _close_inherited() -> None:
    """Close the connections of the process that this one was forked from, and leave their files as they are.

    The last one closed would otherwise take the write-ahead log away from others.
    """
    with _inheriting:
        while _inherited:
            connection = _inherited[-1]
            if connection.path not in _spoiled:
                _close_alone(connection)
            _inherited.pop()


def _close_alone(connection: _Connection) -> None:
    if sys.version_info >= (3, 12):
        try:
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        except sqlite3.ProgrammingError:
            return  # closed
        connection.close()
        return
    guard = _guard(connection.path or "")
    try:
        connection.close()
    finally:
        if guard is not None:
            os.close(guard)


def _guard(path: str) -> Optional[int]:
    """A descriptor whose lock keeps SQLite, in this process too, from being alone with the file; None where that fails."""
    if sys.platform != "linux":
        return None
    import fcntl  # not on Windows

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    lock = struct.pack("@hhqqi", fcntl.F_RDLCK, os.SEEK_SET, *_SHARED, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
    except OSError:
        pass
    return descriptor


def _after_fork(quiet: bool) -> None:
    global _inheriting
    _inheriting = threading.Lock()
    _inherited.extend(_open)
    _open.clear()
    if not quiet:
        _spoiled.update(connection.path for connection in _inherited if connection.path)


forks.in_child(_after_fork)


def open_file(path: str, synchronous: str, patience: float) -> sqlite3.Connection:
    """Open or create the store at ``path``; what is not a store is left untouched."""
    _check_place(path)
    try:
        # The files that SQLite puts beside it get its mode.
        make_private(path)
    except OSError as error:
        raise StoreUnavailable(f"cannot open {path!r}: {error.strerror}") from error
    try:
        connection = connect(path, synchronous)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        if not _is_store(connection, path):
            _create(connection, path, patience)
        migrate(connection, path)
        _check_writable(connection)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check_place(path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise StoreUnavailable(f"cannot open {path!r}: there is no directory {folder!r}")
    if os.path.isdir(path):
        raise NotAStore(f"{path!r} is a directory, not a store")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise StoreUnavailable(f"{path!r} is read-only; the store needs to write to it")
    if not os.access(folder, os.W_OK):
        raise StoreUnavailable(
            f"the directory {folder!r} is read-only; the store needs to write beside {path!r}"
        )


def _is_store(connection: sqlite3.Connection, path: str) -> bool:
    """True for a store, False for an empty file; anything else raises NotAStore."""
    # One statement, so that all three are of one moment: another process may be making the store just now.
    mark, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT COUNT(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if mark == APPLICATION_ID and tables:
        check_format(version, path)
        return True
    if mark or version or tables:
        raise NotAStore(f"{path!r} is an SQLite database of something else, not a store")
    return False


def check_format(version: int, place: str) -> None:
    """Refuse a store of a newer format than this code knows."""
    if version > SCHEMA_VERSION:
        raise NotAStore(
            f"{place!r} was written by a newer version of faunadb (store format {version}, this one"
            f" knows up to"
            f" {SCHEMA_VERSION}); upgrade faunadb to open it"
        )


def _create(connection: sqlite3.Connection, path: str, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            # The switch to WAL is permanent, and fails at once when another process is making the same store.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.001, 0.02))
    try:
        if not _is_store(connection, path):
            create_tables(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty store, within the caller's transaction if there is one."""
    for statement in create_script().split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring an older store to the current format, whole or not at all."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        check_format(version, path)
        for step in range(version + 1, SCHEMA_VERSION + 1):
            for statement in MIGRATIONS[step]:
                connection.execute(statement)
        if version < CHECKSUMS:
            connection.create_function("checksum_of", 8, of_version, deterministic=True)
            connection.execute(
                "UPDATE version SET checksum = checksum_of(scope, coll, doc, ts, live, ttl, data, txn)"
            )
        connection.execute("UPDATE meta SET format = ?", (SCHEMA_VERSION,))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_writable(connection: sqlite3.Connection) -> None:
    """Find out now, not at the first write, that a file system is read-only.

    Reading already needs the WAL.
    """
    connection.execute("SELECT last_txn FROM meta WHERE id = 0").fetchone()


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock."""
    text = str(error)
    return "locked" in text or "busy" in text


def explain(error: sqlite3.Error, path: Optional[str]) -> StoreError:
    """What an error of SQLite means for the store."""
    place = "the store in memory" if path is None else repr(path)
    text = str(error)
    if "not a database" in text:
        return NotAStore(f"{place} is not an SQLite database")
    if "disk is full" in text:
        return StoreUnavailable(f"no space left to write to {place}: the disk is full")
    if "readonly" in text:
        return StoreUnavailable(f"{place} is read-only; the store needs to write to it")
    if is_busy(error):
        return StoreUnavailable(f"{place} is locked by another process")
    if "malformed" in text:
        return StoreUnavailable(f"{place} is damaged: {text}")
    if "unable to open" in text:
        return StoreUnavailable(f"cannot open {place}: {text}")
    return StoreUnavailable(f"{place}: {text}")
