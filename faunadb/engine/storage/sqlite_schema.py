"""The SQLite file: its tables, its application id, how it is opened, created and migrated, and what its errors mean."""

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
from urllib.parse import quote

from ..._private import make_private
from .. import forks
from .checksums import of_version
from .errors import NotAStore, StoreError, StoreUnavailable
from .statements import CHECKSUMS, MIGRATIONS, SCHEMA_VERSION, TABLES

#: How many bytes of a file are mapped into memory, where all connections share them. Without that, each page would be read
#: by a system call, and look-ups in large files would take longer than in small ones.
MAPPED = 256 << 20
#: How many seconds whoever reads waits at most while another process has the file to itself, and how many of them SQLite
#: itself waits before it is looked whether that time, or a deadline, is over.
MAX_BUSY = 5.0
BUSY = 0.01
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

#: A view of the newest live documents, with names instead of numbers, for people who use the sqlite3 program.
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
    """The SQL that creates an empty store in the current format."""
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
    """A connection that knows its file. Those to files are in `_open` for as long as they live."""

    #: the file's real path, None for memory
    path: Optional[str] = None


#: The connections of this process to files.
_open: weakref.WeakSet[_Connection] = weakref.WeakSet()
#: The connections that this process had when it was forked. SQLite believes that it holds their locks, but the parent does.
_inherited: list[_Connection] = []
#: The files that some thread was reading or writing when this process was forked.
_spoiled: set[str] = set()
#: Held while inherited connections are being closed.
_inheriting = threading.Lock()

#: The position and the length of SQLite's shared lock in a file.
_SHARED = 0x40000002, 510


def connect(path: str, synchronous: str, patience: float = BUSY, how: str = "") -> sqlite3.Connection:
    """A connection in autocommit mode, which one thread at a time may use. Raises sqlite3.Error, StoreUnavailable.

    synchronous: the value of the PRAGMA, "FULL", "NORMAL" or "OFF". patience: how many seconds a statement waits at most for
    another process that has the file to itself. how: if the file is only to be read (`sqlite_read_only`).
    """
    if _inherited:
        _close_inherited()
    in_memory = path == ":memory:"
    if not in_memory and os.path.realpath(path) in _spoiled:
        raise StoreUnavailable(forks.SPOILED.format(place=repr(path)))
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{how}" if how else path,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=_Connection,
        uri=bool(how),
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
    """Close the inherited connections, but leave their files as they are.

    Otherwise closing the last of them would remove the write-ahead log, which other processes are using.
    """
    with _inheriting:
        while _inherited:
            connection = _inherited[-1]
            if connection.path not in _spoiled:
                _close_alone(connection)
            _inherited.pop()


def _close_alone(connection: _Connection) -> None:
    """Close a connection without letting SQLite remove the write-ahead log."""
    if sys.version_info >= (3, 12):
        try:
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        except sqlite3.ProgrammingError:
            return  # it is closed
        connection.close()
        return
    guard = _guard(connection.path or "")
    try:
        connection.close()
    finally:
        if guard is not None:
            os.close(guard)


def _guard(path: str) -> Optional[int]:
    """A descriptor with a lock because of which SQLite does not believe that it is the only user of a file. None if there
    can be none.
    """
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


def open_file(path: str, synchronous: str, ends: float) -> sqlite3.Connection:
    """A connection for writing to the store in a file, which is created if there is none.

    ends: when to stop waiting for another process that has the file to itself, or that is creating it, in `time.monotonic`
    seconds. Raises NotAStore, StoreUnavailable.
    """
    _check_place(path)
    try:
        # The files that SQLite puts beside it get its mode.
        make_private(path)
    except OSError as error:
        raise StoreUnavailable(f"cannot open {path!r}: {error.strerror}") from error
    try:
        connection = connect(path, synchronous, patience_until(ends))
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        if not is_store(connection, path):
            _create(connection, path, ends)
        migrate(connection, path)
        check_reading(connection)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check_place(path: str) -> None:
    """Raise an error if there can be no store at a path: no directory, or no permission to write."""
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


def is_store(connection: sqlite3.Connection, path: str) -> bool:
    """True for a store, False for an empty file. Raises NotAStore for anything else."""
    # One statement, so that all three are of the same moment: another process may be creating the store just now.
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
    """Raise NotAStore for a store whose format is newer than this version of faunadb knows. place: its path or name."""
    if version > SCHEMA_VERSION:
        raise NotAStore(
            f"{place!r} was written by a newer version of faunadb (store format {version}, this one"
            f" knows up to"
            f" {SCHEMA_VERSION}); upgrade faunadb to open it"
        )


def _create(connection: sqlite3.Connection, path: str, ends: float) -> None:
    """Create the store, unless another process does so first."""
    while True:
        try:
            # The switch to WAL mode is permanent. It fails at once while another process is creating the same store.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > ends:
                raise
            time.sleep(random.uniform(0.001, 0.02))
    try:
        if not is_store(connection, path):
            create_tables(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty store, within the caller's transaction if there is one."""
    for statement in create_script().split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a store of an older format to the current one, in one transaction."""
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


def check_reading(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.Error now if the first read would. (In WAL mode even reading writes, which a read-only place refuses.)"""
    connection.execute("SELECT last_txn FROM meta WHERE id = 0").fetchone()


def until(patience: float, deadline: Optional[float]) -> float:
    """When to stop waiting that begins now, in `time.monotonic` seconds, as the deadline is."""
    latest = time.monotonic() + patience
    return latest if deadline is None else min(latest, deadline)


def patience_until(ends: float) -> float:
    """How many seconds a connection waits at most for another process, if waiting ends at a time of `until`."""
    return max(BUSY, min(ends - time.monotonic(), MAX_BUSY))


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
