"""The store on PostgreSQL: any number of processes, on any number of machines, on one database."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Callable, Optional, TypeVar

from .base import Finding, Progress, Snapshot, Store, Transaction, ignore_progress
from .errors import BadURL, Outgrown, StoreError, StoreUnavailable

try:
    import psycopg
    import psycopg_pool
except ImportError as missing:
    raise BadURL("postgresql:// needs psycopg: pip install 'faunadb[postgres]>=4.6'") from missing


from .checks import findings
from .clock import Clock
from .commit_queue import CommitQueue
from .commit_signal import CommitSignal
from .optimistic import Writers
from .postgres_commit import PgCommitter
from .postgres_reads import SEEN, Connection, PgSnapshot, PgStatements, micros
from .postgres_schema import (
    Target,
    channel,
    connect,
    explain,
    parse_target,
    prepare_schema,
    qualify,
    worth_another_try,
)
from .postgres_writer import PgWriter
from .sql_snapshot import Row
from .sql_store import SqlStore
from .statements import READ_REACH, read_clock
from .write_queue import WriteQueue

T = TypeVar("T")

BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

#: How often (seconds) the clock row is read for commits of others, where nobody notifies, and where somebody does.
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
        #: The schema's version as it was seen last; None: lazy snapshots are pinned at once.
        self._schema_version: Optional[int] = None
        self._signal = CommitSignal(self._watch)
        self._read_clock = qualify(read_clock(SEEN if self._dialect.postgresql else ""), target.schema)
        self._writers: Optional[Writers] = None
        if self._dialect.postgresql:
            self._clock.learn(conn.script(f"SELECT {micros('clock_timestamp()')}")[0][0])
            self._committer = PgCommitter(target, conn, self._clock, self._learn)
            self._writer = PgWriter(target, self._dialect, self._statements, None, self._clock)
        else:
            self._writer = PgWriter(target, self._dialect, self._statements, conn, self._clock)
        self._clock.resume(reach[0][0] if reach else None)
        self._queue = WriteQueue(self._writer, self._clock, self._signal.announce)
        if self._dialect.postgresql:
            self._writers = Writers(self.snapshot, CommitQueue(self._committer), self._queue)
        #: Connections whose last transaction's end has not been heard of yet, and how many threads wait for one.
        self._resting: list[Connection] = []
        self._waiting = 0
        self._rest = threading.Lock()
        self._pool = psycopg_pool.ConnectionPool(
            target.conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "prepare_threshold": 5 if target.prepared else None},
            min_size=1,
            max_size=target.max_connections,
            configure=Connection.set_up,
            timeout=min(10.0, target.patience),
            # A longer one means longer pauses between attempts as well, and so a late return from an outage.
            reconnect_timeout=1.0,
            name="faunadb",
            open=True,
        )

    # -- reading ------------------------------------------------------------------------------------------------

    def _pin(self, at_least: int, lazy: bool) -> Snapshot:
        return PgSnapshot(self, at_least, lazy)

    def _begin_reading(
        self, sql: Optional[str], parameters: Sequence[Any]
    ) -> tuple[Connection, Row, list[Row]]:
        """Begin a read transaction, in one round trip with a first query if there is one.

        Returns the connection, the clock's row, and the query's rows.
        """
        tries = 3
        while True:
            conn = self._take_connection()
            try:
                conn.settle()
                rows: list[Row] = []
                if sql is None:
                    clock = conn.script(f"{BEGIN_READING};{self._read_clock}")
                else:
                    clock, rows = conn.begin_with(BEGIN_READING, self._read_clock, sql, parameters)
                if not clock:
                    conn.texts.execute("ROLLBACK")
                    self._give_back(conn)
                    raise Outgrown(self.url)
                return conn, clock[0], rows
            except psycopg.Error as error:
                conn.close()
                self._give_back(conn)
                tries -= 1
                if not tries or not worth_another_try(error):
                    raise explain(error, self.url) from error
                with contextlib.suppress(psycopg_pool.PoolClosed):
                    self._pool.check()  # a server that went away took all idle connections with it

    def _take_connection(self) -> Connection:
        if self._closed:
            raise StoreError("the store is closed")
        with self._rest:
            for number in reversed(range(len(self._resting))):
                if self._resting[number].is_settled():
                    return self._resting.pop(number)
            # A second one is worth more than to wait for the end of what the first has read.
            if len(self._resting) >= min(2, self._target.max_connections):
                return self._resting.pop(0)
            self._waiting += 1
        try:
            return self._pool.getconn()
        except psycopg_pool.PoolTimeout as error:
            connect(self._target).close()  # where the server is away, this says so
            most = self._target.max_connections
            raise StoreUnavailable(
                f"no connection to {self.url} became free (at most {most} are used at once)"
            ) from error
        finally:
            with self._rest:
                self._waiting -= 1

    def _give_back(self, conn: Connection) -> None:
        """To whoever reads next; or to the pool, where somebody waits, which wants to have heard of the end."""
        if not conn.closed and not self._closed:
            with self._rest:
                if not self._waiting:
                    self._resting.append(conn)
                    return
        try:
            if not conn.closed:
                conn.settle()
        except psycopg.Error:
            conn.close()
        try:
            self._pool.putconn(conn)
        except psycopg_pool.PoolClosed:
            conn.close()

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
            # Whether a writer is at work only the server knows, which may be what fails.
            return self._clock.floor() or self._clock.now()
        return self._clock.snapshot_time()

    # -- commits of others --------------------------------------------------------------------------------------

    def _watch(self, stop: threading.Event) -> None:
        """Announce commits of other processes until told to stop."""
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
                # A notification may have come along with the answer just read.
                if conn.pgconn.notifies() is not None:
                    break
                left = until - time.monotonic()
                if left <= 0:
                    break
                if select.select([socket], [], [], min(left, 0.1))[0]:
                    conn.pgconn.consume_input()

    # -- care ---------------------------------------------------------------------------------------------------

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
        with self._rest:
            resting, self._resting = self._resting, []
        for conn in resting:
            conn.close()
        self._pool.close()
        self._writer.close()
        if self._writers is not None:
            self._committer.close()


def open_postgres(url: str, given: dict[str, Any]) -> Store:
    """Open ``postgresql://...``; see :func:`faunadb.engine.storage.open_store`."""
    return PostgresStore(parse_target(url, given))
