"""Who reads from PostgreSQL: the connections of a process, shared by its threads.

Most snapshots are read from once. Such reads need no transaction that stays open: what threads ask at the same time goes
to the server together, in one round trip and one transaction, which ends with it.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Callable, Optional

import psycopg
import psycopg_pool

from ..records import NamedTuple
from .errors import Outgrown, StoreError, StoreUnavailable
from .leading import Turns, Waiter
from .postgres_connection import Connection, Statement, statement
from .postgres_schema import Target, connect, explain, worth_another_try
from .sql_snapshot import Row

BEGIN = statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
COMMIT = statement("COMMIT")

#: Batches of reads that are under way at the same time, and most reads in one.
MAX_UNDER_WAY = 2
MAX_TOGETHER = 32
#: Shapes of queries of which it is remembered how they read.
_SHAPES = 5_000


class Found(NamedTuple):
    """clock: the row of the clock, as the snapshot sees it. rows: of what was asked, none if that was nothing."""

    clock: Row
    rows: list[Row]


class _Asked(Waiter):
    __slots__ = ("error", "found", "question")

    def __init__(self, question: Optional[Statement]) -> None:
        super().__init__()
        self.question = question
        self.found: Optional[Found] = None
        self.error: Optional[Exception] = None


class Readers:
    """Connections for reading. read_clock: the statement that reads the clock's row."""

    def __init__(self, target: Target, read_clock: str) -> None:
        self._target = target
        self._clock = statement(read_clock)
        self._closed = False
        #: Connections whose last transaction's end has not been heard of yet, and how many threads wait for one.
        self._resting: list[Connection] = []
        self._waiting = 0
        self._rest = threading.Lock()
        self._turns = Turns[_Asked](most=MAX_UNDER_WAY)
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

    # -- a transaction of one's own -----------------------------------------------------------------------------

    def begin(self, question: Optional[Statement]) -> tuple[Connection, Found]:
        """Begin a read transaction, in one round trip with a first query if there is one. See `give_back`."""

        def begin(conn: Connection) -> Found:
            results = conn.run([BEGIN, self._clock, *([question] if question else [])])
            return Found(self._clock_of(conn, results), conn.rows_of(results[-1]) if question else [])

        return self._on_connection(begin)

    def _clock_of(self, conn: Connection, results: list[Any]) -> Row:
        rows = conn.rows_of(results[1])
        if not rows:
            conn.close()
            raise Outgrown(self._target.shown)
        return rows[0]

    def _on_connection(self, action: Callable[[Connection], Any]) -> tuple[Connection, Any]:
        """Do something on a connection that is in no transaction. What goes wrong with the connection is tried again."""
        tries = 3
        while True:
            conn = self._take()
            try:
                conn.settle()
                return conn, action(conn)
            except psycopg.Error as error:
                conn.close()
                self.give_back(conn)
                tries -= 1
                if not tries or not worth_another_try(error):
                    raise explain(error, self._target.shown) from error
                with contextlib.suppress(psycopg_pool.PoolClosed):
                    self._pool.check()  # a server that went away took all idle connections with it
            except BaseException:
                conn.close()
                self.give_back(conn)
                raise

    def _take(self) -> Connection:
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
                f"no connection to {self._target.shown} became free (at most {most} are used at once)"
            ) from error
        finally:
            with self._rest:
                self._waiting -= 1

    def give_back(self, conn: Connection) -> None:
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

    # -- together with others -----------------------------------------------------------------------------------

    def ask(self, question: Optional[Statement]) -> Found:
        """Ask one thing, of a snapshot that is taken after this was called and is gone when it returns."""
        own = _Asked(question)
        self._turns.take_part(own, self._lead)
        if own.found is None:
            assert own.error is not None
            raise own.error
        return own.found

    def _lead(self, own: _Asked) -> None:
        """Ask for all that wait."""
        batch = [own, *self._turns.take_those(own, self._turns.waiting()[: MAX_TOGETHER - 1])]
        self._ask_together(batch)
        for each in batch:
            each.over = True

    def _ask_together(self, batch: list[_Asked]) -> None:
        try:
            conn, found = self._on_connection(lambda conn: self._transaction(conn, batch))
        except (StoreError, ValueError) as error:
            if len(batch) == 1 or isinstance(error, StoreUnavailable):
                for each in batch:
                    each.error = error
                return
        else:
            self.give_back(conn)
            for each, one in zip(batch, found):
                each.found = one
            return
        for each in batch:  # one of them cannot be asked; the others shall not suffer
            self._ask_together([each])

    def _transaction(self, conn: Connection, batch: list[_Asked]) -> list[Found]:
        questions = [each.question for each in batch if each.question is not None]
        results = conn.run([BEGIN, self._clock, *questions, COMMIT])
        clock = self._clock_of(conn, results)
        rows = iter(results[2:])
        return [Found(clock, [] if each.question is None else conn.rows_of(next(rows))) for each in batch]

    def close(self) -> None:
        self._closed = True
        with self._rest:
            resting, self._resting = self._resting, []
        for conn in resting:
            conn.close()
        self._pool.close()


class Habits:
    """Whether those who read go on reading: learned, by what they ask first. A wrong guess costs them a little."""

    def __init__(self) -> None:
        self._more: dict[Any, float] = {}

    def reads_once(self, key: Any) -> bool:
        return self._more.get(key, 0.0) < 0.3

    def learn(self, key: Any, more: bool) -> None:
        """more: somebody who asked this has gone on reading."""
        if len(self._more) >= _SHAPES:
            self._more.clear()
        self._more[key] = 0.8 * self._more.get(key, 0.0) + (0.2 if more else 0.0)
