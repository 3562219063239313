"""The store on PostgreSQL, which any number of processes on any number of machines share."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable, Optional, TypeVar

from .base import Finding, Progress, Snapshot, Store, Transaction, ignore_progress
from .errors import BadURL

try:
    import psycopg  # noqa: F401
except ImportError as missing:
    raise BadURL("postgresql:// needs psycopg: pip install 'faunadb[postgres]>=4.6'") from missing


from .checks import findings
from .clock import Clock
from .commit_signal import CommitSignal
from .optimistic import Writers
from .postgres_commit import PgCommitter
from .postgres_connection import Connection
from .postgres_readers import Habits, Readers
from .postgres_reads import SEEN, PgSnapshot, PgStatements, micros
from .postgres_schema import (
    Target,
    channel,
    connect,
    parse_target,
    prepare_schema,
    qualify,
)
from .postgres_writer import PgWriter
from .sql_store import SqlStore
from .statements import READ_REACH, read_clock
from .write_queue import WriteQueue

T = TypeVar("T")

#: How many seconds there are between two looks for commits of other processes: where these do not notify, and where they do.
POLL_SECONDS = 0.05
POLL_SECONDS_NOTIFIED = 1.0


class PostgresStore(SqlStore):
    """A store in a schema of a PostgreSQL database."""

    def __init__(self, target: Target) -> None:
        self.url = target.shown
        self._target = target
        conn = connect(target, Connection)
        conn.set_up()
        try:
            self._dialect = prepare_schema(conn, target)
            reach = conn.script(qualify(READ_REACH, target.schema))
        except BaseException:
            conn.close()
            raise
        self._statements = PgStatements(target.schema)
        self._clock = Clock()
        #: the version of the schema that was seen last; while it is None, lazy snapshots are pinned at once
        self._schema_version: Optional[int] = None
        self._signal = CommitSignal(self._watch)
        self._writers: Optional[Writers] = None
        if self._dialect.postgresql:
            self._clock.learn(conn.script(f"SELECT {micros('clock_timestamp()')}")[0][0])
        self._readers = Readers(
            target,
            qualify(read_clock(SEEN if self._dialect.postgresql else ""), target.schema),
            self._statements.newest,
        )
        if self._dialect.postgresql:
            self._committer = PgCommitter(target, conn, self._clock, self._readers, self._learn)
            self._writer = PgWriter(target, self._dialect, self._statements, None, self._clock)
        else:
            self._writer = PgWriter(target, self._dialect, self._statements, conn, self._clock)
        self._clock.resume(reach[0][0] if reach else None)
        self._queue = WriteQueue(self._writer, self._clock, self._signal.announce)
        if self._dialect.postgresql:
            self._writers = Writers(self.snapshot, self._committer, self._queue)
        self._habits = Habits()

    # -- reading ------------------------------------------------------------------------------------------------

    def _pin(self, at_least: int, lazy: bool, deadline: Optional[float]) -> Snapshot:
        return PgSnapshot(self, at_least, lazy, deadline)

    def _learn(self, schema_version: int) -> None:
        self._schema_version = schema_version

    # -- writing ------------------------------------------------------------------------------------------------

    def _run(
        self,
        work: Callable[[Transaction], T],
        retries: int,
        deadline: Optional[float],
        at_least: int,
        exclusive: bool,
    ) -> tuple[T, Optional[int]]:
        if exclusive or self._writers is None:
            return super()._run(work, retries, deadline, at_least, exclusive)
        result, txn = self._writers.write(work, retries, deadline, at_least)
        if txn is not None:
            self._signal.announce(txn)
        return result, txn

    def time(self) -> int:
        if self._dialect.postgresql:
            # Only the server knows whether somebody is just writing, and it may be the server that fails.
            return self._clock.floor() or self._clock.now()
        return self._clock.snapshot_time()

    # -- commits of others --------------------------------------------------------------------------------------

    def _watch(self, stop: threading.Event) -> None:
        """Announce commits of other processes, until `stop` is set."""
        conn = connect(self._target, Connection)
        conn.set_up()
        try:
            if self._dialect.postgresql:
                conn.execute(f"LISTEN {channel(self._target)}")
            self._watch_on(conn, stop)
        finally:
            conn.close()

    def _watch_on(self, conn: Connection, stop: threading.Event) -> None:
        read = qualify("SELECT last_txn FROM meta WHERE id = 0", self._target.schema)
        pause = POLL_SECONDS_NOTIFIED if self._dialect.postgresql else POLL_SECONDS
        socket = conn.fileno()
        while not stop.is_set():
            self._signal.announce(conn.script(read)[0][0])
            until = time.monotonic() + pause
            while not stop.is_set():
                # A notification may have come together with the answer that was just read.
                if conn.pgconn.notifies() is not None:
                    break
                left = until - time.monotonic()
                if left <= 0:
                    break
                if select.select([socket], [], [], min(left, 0.1))[0]:
                    conn.pgconn.consume_input()

    # -- checking and closing -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def inspect(self) -> Iterator[PgSnapshot]:
        with self.snapshot() as snapshot:
            assert isinstance(snapshot, PgSnapshot)
            if self._dialect.postgresql:
                snapshot._conn.script("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
            yield snapshot

    def findings(self, progress: Progress = ignore_progress) -> Iterator[Finding]:
        with self.inspect() as snapshot:
            same = " AND e.tail = p.tail"
            yield from findings(snapshot, snapshot._all, progress, self._statements.mark, same)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        self._readers.close()
        # Other threads may be using these connections, and two cannot use one at the same time.
        self._queue.close(self._writer.close, self._target.patience)
        if self._writers is not None:
            self._writers.close(self._committer.close, self._target.patience)


def open_postgres(url: str, given: dict[str, Any]) -> Store:
    """Open the store at a URL that begins with ``postgresql:``; see `opening.open_store`."""
    return PostgresStore(parse_target(url, given))
