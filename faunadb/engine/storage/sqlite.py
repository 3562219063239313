"""The store on SQLite: in a file, which processes share and where readers never wait (WAL mode), or in memory."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any, Callable, NoReturn, Optional, TypeVar, Union

from .. import forks
from .base import Finding, Progress, Snapshot, Store, Transaction, ignore_progress
from .checks import findings
from .clock import Clock
from .commit_signal import CommitSignal
from .errors import STORE_CLOSED, BadURL, Outgrown, StoreError, StoreUnavailable
from .group_commit import Job
from .memory_gate import MemoryGate
from .sql_snapshot import CLOSED
from .sql_store import SqlStore
from .sqlite_lock import WriteLock
from .sqlite_read_only import FIXED, is_writable, open_to_read, state_of
from .sqlite_reads import SnapshotReads, SqliteReads
from .sqlite_schema import BUSY, MAX_BUSY, connect, create_tables, is_busy, open_file, patience_until, until
from .sqlite_writer import MemoryWriter, SqliteWriter
from .statements import READ_REACH, pinned_clock
from .urls import merge_options, parse_sqlite, positive_seconds
from .write_queue import WriteQueue

T = TypeVar("T")

#: How many connections are kept open for further snapshots. Opening one takes as long as several queries.
MAX_IDLE = 64
#: While somebody listens to commits: how many seconds there are between two looks for those of other processes.
POLL_SECONDS = 0.025

_new_object = object.__new__


class SqliteSnapshot(SnapshotReads):
    """A read transaction on a connection of its own.

    All statements of a connection see what the first statement sees that is not at its end. So the statement that reads the
    clock has a second row (`pinned_clock`), and the read transaction lasts until that statement is closed. This is quicker
    than ``BEGIN`` and ``COMMIT``.
    """

    __slots__ = ("_conn", "_path", "_pin", "_pool")

    _pin: sqlite3.Cursor
    _pool: _Pool

    def close(self) -> None:
        conn = self._conn
        if conn is CLOSED:
            return
        self._conn = CLOSED
        try:
            self._pin.close()
        except sqlite3.Error:
            conn.close()
            return
        pool = self._pool
        idle = pool.idle
        if pool.closed or len(idle) >= MAX_IDLE:
            conn.close()
        else:
            idle.append(conn)

    def __enter__(self) -> SqliteSnapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MemorySnapshot(SnapshotReads):
    """A view of the one connection of a store in memory. While it is open, nobody writes."""

    __slots__ = ("_conn", "_gate", "_path", "_visit")

    def __init__(self, store: MemoryStore, at_least: int) -> None:
        self._path = None
        self._conn = CLOSED
        self._first = self._reads = None
        gate = self._gate = store._gate
        visit = self._visit = object()
        try:
            gate.enter(visit)
            self.time = store._clock.snapshot_time(at_least)
            writer = store._writer
            self.last_txn = writer.last_txn
            self.schema_version = writer.schema_version
            if self.time < self.last_txn:
                self.time = self.last_txn
            self._conn = store._open_connection()
        except BaseException:
            gate.leave(visit)
            self._visit = None
            raise

    def close(self) -> None:
        self._conn = CLOSED
        if self._visit is not None:
            self._gate.leave(self._visit)
            self._visit = None

    def __del__(self) -> None:
        # A snapshot that was not closed must not keep writers out for ever.
        if getattr(self, "_visit", None) is not None:
            self._gate.abandon(self._visit)


class _Pool:
    """Connections for reading. idle: those that are not in use; the one that was used last is taken first."""

    __slots__ = ("_path", "_synchronous", "closed", "how", "idle")

    def __init__(self, path: str, synchronous: str, how: str) -> None:
        self._path = path
        self._synchronous = synchronous
        #: of `sqlite_read_only`, if the file is only read
        self.how = how
        self.idle: list[sqlite3.Connection] = []
        #: why it opens no connections any more, if that is so
        self.closed = ""

    def open(self) -> sqlite3.Connection:
        """A further one, for when none is idle. Raises sqlite3.Error, StoreError."""
        if self.closed:
            raise StoreError(self.closed)
        return connect(self._path, self._synchronous, how=self.how)

    def abandon(self) -> None:
        """In a forked child: close the pool, but leave its connections, which are the parent's, as they are."""
        self.closed = forks.INHERITED
        self.idle = []

    def close(self) -> None:
        self.closed = self.closed or STORE_CLOSED
        idle, self.idle = self.idle, []
        for conn in idle:
            conn.close()


class _SqliteBase(SqlStore):
    """What stores in files and in memory have in common."""

    _path: Optional[str]
    _writer: SqliteWriter

    def _set_up(self, url: str, writer: SqliteWriter, signal: CommitSignal) -> None:
        self.url = url
        # If a process opens a file several times, these stores share a clock: the file's lock only tells of other processes.
        self._clock = (
            Clock() if self._path is None else _clocks.setdefault(os.path.realpath(self._path), Clock())
        )
        with contextlib.suppress(sqlite3.DatabaseError):  # a damaged file can be opened, to look at it
            for (text,) in writer._conn.execute(READ_REACH):
                self._clock.resume(text)
        self._writer = writer
        self._signal = signal
        self._queue = WriteQueue(writer, self._clock, signal.announce)

    def write_together(self, take: Callable[[], Optional[Job]]) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        forks.visit(partial(self._queue.write_together, take))

    def time(self) -> int:
        return self._clock.snapshot_time()

    @contextlib.contextmanager
    def inspect(self) -> Iterator[SqliteReads]:
        with self.snapshot() as snapshot:
            assert isinstance(snapshot, SqliteReads)
            conn = snapshot._conn
            conn.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            try:
                yield snapshot
            finally:
                conn.text_factory = str

    def findings(self, progress: Progress = ignore_progress) -> Iterator[Finding]:
        with self.inspect() as snapshot:
            try:
                rows = snapshot._all("PRAGMA integrity_check(100)", ())
            except StoreUnavailable as error:
                rows = [(str(error),)]
            for (text,) in rows:
                if text != "ok":
                    yield Finding(f"SQLite finds its file damaged: {text}", ())
            yield from findings(snapshot, snapshot._all, progress)


class SqliteStore(_SqliteBase):
    """A store in a file."""

    _path: str

    def __init__(
        self, url: str, path: str, durability: str, patience: float, deadline: Optional[float] = None
    ) -> None:
        self._path = path = os.path.abspath(path)
        self._synchronous = "FULL" if durability == "full" else "NORMAL"
        self._patience = patience
        self._patience_of_readers = min(patience, MAX_BUSY)
        conn, how = self._open(until(patience, deadline))
        self._pool = _Pool(path, self._synchronous, how)
        self._write_lock = WriteLock(path)
        self._read_clock = pinned_clock()
        self._set_up(url, SqliteWriter(conn, path, patience), CommitSignal(self._watch))
        _stores.add(self)

    def _open(self, ends: float) -> tuple[sqlite3.Connection, str]:
        """The connection that writes, and how those that read are to be opened. ends: see `open_file`."""
        return open_file(self._path, self._synchronous, ends), ""

    def snapshot(self, at_least: int = 0, lazy: bool = False, deadline: Optional[float] = None) -> Snapshot:
        clock = self._clock
        if at_least > clock.shown and clock.too_far(at_least):
            self._check_reached(at_least, deadline)
        # `_time`, written out. Before pinning the view; see Clock.
        time = clock.snapshot_time(at_least)
        if self._write_lock.held_elsewhere():
            time = clock.floor(at_least)
        pool = self._pool
        # Made without `__init__`, since every query opens one.
        snapshot = _new_object(SqliteSnapshot)
        snapshot._pool = pool
        snapshot._path = self._path
        ends: Optional[float] = None
        while True:
            conn = CLOSED
            try:
                conn = snapshot._conn = pool.idle.pop() if pool.idle else pool.open()
                pin = snapshot._pin = conn.execute(self._read_clock)
                last_txn, snapshot.schema_version = pin.fetchone()
                break
            except IndexError:
                continue  # another thread took the last one
            except sqlite3.Error as error:
                snapshot._conn = CLOSED
                if conn is not CLOSED:
                    conn.close()
                ends = ends or until(self._patience_of_readers, deadline)
                if not is_busy(error) or monotonic() >= ends:
                    raise snapshot._explain(error) from error
        if last_txn is None:
            snapshot.close()
            raise Outgrown(self._path)
        snapshot._first = snapshot._reads = None
        snapshot.last_txn = last_txn
        if time < last_txn:
            time = last_txn
        snapshot.time = time
        if time > clock.shown:  # `Clock.show`, written out
            clock.shown = time
        return snapshot

    def _time(self, at_least: int) -> int:
        time = self._clock.snapshot_time(at_least)  # before looking at the lock; see Clock
        return self._clock.floor(at_least) if self._write_lock.held_elsewhere() else time

    def time(self) -> int:
        time = self._time(0)
        self._clock.show(time)
        return time

    def _watch(self, stop: threading.Event) -> None:
        """Announce commits of other processes, until `stop` is set."""
        conn = connect(self._path or "", self._synchronous, MAX_BUSY)
        try:
            seen: Optional[int] = None
            while True:
                seen = forks.visit(partial(self._look, conn, seen))
                if stop.wait(POLL_SECONDS):
                    return
        finally:
            conn.close()

    def _look(self, conn: sqlite3.Connection, seen: Optional[int]) -> int:
        """Announce the newest commit, if the file has another version than `seen`. Returns its version."""
        version: int = conn.execute("PRAGMA data_version").fetchone()[0]
        if version != seen:
            self._signal.announce(conn.execute("SELECT last_txn FROM meta WHERE id = 0").fetchone()[0])
        return version

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        self._pool.close()
        self._queue.close(self._writer._conn.close, self._patience)

    def _leave_to_parent(self, quiet: bool) -> None:
        """In a forked child: this store is the parent's, and its connections must not be used here."""
        self._closed = True
        self._pool.abandon()


class ReadOnlyStore(SqliteStore):
    """A store in a file that is only read (`sqlite_read_only`). Others may write to it."""

    read_only = True

    def _open(self, ends: float) -> tuple[sqlite3.Connection, str]:
        self._renewing = threading.Lock()
        self._state = state_of(self._path)
        return open_to_read(self._path, patience_until(ends))

    def snapshot(self, at_least: int = 0, lazy: bool = False, deadline: Optional[float] = None) -> Snapshot:
        if self._pool.how == FIXED and state_of(self._path) != self._state:
            self._renew()
        return super().snapshot(at_least, lazy, deadline)

    def _renew(self) -> None:
        """Read the file anew, which was taken for one that does not change, and somebody has opened it to write."""
        with self._renewing:
            state = state_of(self._path)
            if state == self._state:
                return
            conn, how = open_to_read(self._path, BUSY)
            self._pool.close()
            self._pool = _Pool(self._path, self._synchronous, how)
            self._pool.idle.append(conn)
            self._write_lock = WriteLock(self._path)
            self._state = state

    def write(self, *_: Any, **__: Any) -> NoReturn:
        raise StoreUnavailable(f"{self._path!r} is read-only: it can be read, but not written to")

    write_together = SqlStore.write_together

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(POLL_SECONDS):
            self._signal.announce(self._newest())


class MemoryImage:
    """The content of a store in memory at one time. Copying it is much quicker than running the queries that made it."""

    def __init__(self, source: sqlite3.Connection) -> None:
        self._conn = connect(":memory:", "OFF")
        weakref.finalize(self, self._conn.close)
        source.backup(self._conn)

    def copy_into(self, target: sqlite3.Connection) -> None:
        self._conn.backup(target)


class MemoryStore(_SqliteBase):
    """A store in memory. It has one connection, which is used by many snapshots or by one writer.

    A forked child goes on with a copy of its own.
    """

    def __init__(self, url: str, patience: float, image: Optional[MemoryImage] = None) -> None:
        self._path = None
        self._patience = patience
        self._conn = connect(":memory:", "OFF")
        if image is not None:
            image.copy_into(self._conn)
        else:
            self._conn.execute("BEGIN")
            create_tables(self._conn)
            self._conn.execute("COMMIT")
        self._gate = MemoryGate()
        self._spoiled = False
        self._set_up(url, MemoryWriter(self._conn, self._gate, patience), CommitSignal())
        _stores.add(self)

    def _open_connection(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(STORE_CLOSED)
        return self._conn

    def image(self) -> MemoryImage:
        """The present content, for other stores in memory to begin with (option ``image`` of `open_store`)."""
        with self.snapshot():
            return MemoryImage(self._conn)

    def _leave_to_parent(self, quiet: bool) -> None:
        """In a forked child, which has none of the threads that were reading or writing."""
        self._signal = CommitSignal()
        self._queue = WriteQueue(self._writer, self._clock, self._signal.announce)
        self._spoiled = self._spoiled or not quiet

    def _pin(self, at_least: int, lazy: bool, deadline: Optional[float]) -> Snapshot:
        self._check_usable()
        return MemorySnapshot(self, at_least)

    def _check_usable(self) -> None:
        if self._spoiled:
            raise StoreUnavailable(forks.SPOILED.format(place="the store in memory"))

    def write(
        self,
        work: Callable[[Transaction], T],
        *,
        retries: int = 5,
        deadline: Optional[float] = None,
        at_least: int = 0,
        exclusive: bool = False,
    ) -> tuple[T, Optional[int]]:
        self._check_writable()
        return super().write(work, retries=retries, deadline=deadline, at_least=at_least)

    def write_together(self, take: Callable[[], Optional[Job]]) -> None:
        self._check_writable()
        super().write_together(take)

    def _check_writable(self) -> None:
        self._check_usable()
        if self._gate.holds():
            raise StoreError("a store in memory cannot be written to by a thread that holds a snapshot of it")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        if not self._gate.holds():
            self._queue.close(self._close_connection, self._patience)

    def _close_connection(self) -> None:
        if self._gate.enter_alone(self._patience):
            self._conn.close()
            self._gate.leave_alone()


_clocks: weakref.WeakValueDictionary[str, Clock] = weakref.WeakValueDictionary()
_stores: weakref.WeakSet[Union[SqliteStore, MemoryStore]] = weakref.WeakSet()


def _after_fork(quiet: bool) -> None:
    _clocks.clear()  # they know of transactions that run in the parent
    for store in list(_stores):
        store._leave_to_parent(quiet)


forks.in_child(_after_fork)


def open_sqlite(url: str, given: dict[str, Any], deadline: Optional[float] = None) -> Store:
    """Open the store at a URL that begins with ``sqlite:``; see `opening.open_store`."""
    path, in_url = parse_sqlite(url)
    known = ["durability", "lock_timeout"] if path is None else ["durability", "lock_timeout", "mode"]
    if path is None:
        # Not used here. Clients of one process share a store in memory by its URL, and names make these different.
        known.append("name")
    image = given.pop("image", None) if path is None else None
    options = merge_options(url, in_url, given, known)
    durability = options.get("durability", "full")
    if durability not in ("full", "normal"):
        raise BadURL(f"option 'durability' must be 'full' or 'normal', not {durability!r}")
    patience = positive_seconds("lock_timeout", options.get("lock_timeout", 30.0))
    if path is None:
        return MemoryStore(url, patience, image)
    mode = options.get("mode")
    if mode not in (None, "ro"):
        raise BadURL(f"option 'mode' must be 'ro', which is to read only, or not be given, not {mode!r}")
    is_read = mode == "ro" or (os.path.isfile(path) and not is_writable(path))
    return (ReadOnlyStore if is_read else SqliteStore)(url, path, durability, patience, deadline)
