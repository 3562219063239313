"""The store on PostgreSQL: any number of processes, on any number of machines, on one database."""

from __future__ import annotations

import select
import threading
import time
from typing import Any, TypeVar

from .base import BadURL, Outgrown, Snapshot, Store, StoreError, StoreUnavailable

try:
    import psycopg
    import psycopg_pool
except ImportError as missing:
    raise BadURL("postgresql:// needs psycopg: pip install 'faunadb[postgres]'") from missing


from .checks import logical_problems
from .clock import Clock
from .commit_signal import CommitSignal
from .group_commit import WriteQueue
from .postgres_reads import SEEN, SETTINGS, Connection, PgSnapshot, PgStatements, micros
from .postgres_schema import (
    Target,
    connect,
    explain,
    parse_target,
    prepare_schema,
    qualify,
    worth_another_try,
)
from .postgres_writer import PgWriter, channel
from .sql import Row
from .sql_store import SqlStore
from .statements import read_clock

T = TypeVar("T")

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
        except BaseException:
            conn.close()
            raise
        self._statements = PgStatements(target.schema)
        self._clock = Clock()
        self._writer = PgWriter(target, self._dialect, self._statements, conn, self._clock)
        self._signal = CommitSignal(self._watch)
        self._queue = WriteQueue(self._writer, self._clock, self._signal.announce)
        self._begin_text = qualify(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
            + (SETTINGS + read_clock(SEEN) if self._dialect.postgresql else read_clock()),
            target.schema,
        )
        if self._dialect.postgresql:
            self._clock.learn(conn.script(f"SELECT {micros('clock_timestamp()')}")[0][0])
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

    def _pin(self, at_least: int) -> Snapshot:
        return PgSnapshot(self, at_least)

    def _begin_reading(self) -> tuple[Connection, Row]:
        if self._closed:
            raise StoreError("the store is closed")
        tries = 3
        while True:
            try:
                conn = self._pool.getconn()
            except psycopg_pool.PoolTimeout as error:
                connect(self._target).close()  # where the server is away, this says so
                most = self._target.max_connections
                raise StoreUnavailable(
                    f"no connection to {self.url} became free (at most {most} are used at once)"
                ) from error
            try:
                rows = conn.script(self._begin_text)
                if not rows:
                    conn.texts.execute("ROLLBACK")
                    self._give_back(conn)
                    raise Outgrown(self.url)
                return conn, rows[0]
            except psycopg.Error as error:
                conn.close()
                self._give_back(conn)
                tries -= 1
                if not tries or not worth_another_try(error):
                    raise explain(error, self.url) from error
                self._pool.check()  # a server that went away took all idle connections with it

    def _give_back(self, conn: Connection) -> None:
        try:
            self._pool.putconn(conn)
        except psycopg_pool.PoolClosed:
            conn.close()

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

    def check(self) -> list[str]:
        with self.snapshot() as snapshot:
            assert isinstance(snapshot, PgSnapshot)
            if self._dialect.postgresql:
                snapshot._conn.script("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
            return logical_problems(snapshot._all, self._statements.mark)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal.close()
        self._pool.close()
        self._writer.close()


def open_postgres(url: str, given: dict[str, Any]) -> Store:
    """Open ``postgresql://...``; see :func:`faunadb.engine.storage.open_store`."""
    return PostgresStore(parse_target(url, given))
