"""Reads from PostgreSQL for all threads of a process.

Most snapshots are read from only once. Such a read needs no transaction that stays open. So what several threads ask at the
same time goes to the server together, in one round trip and one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Callable, Optional, TypeVar

import psycopg

from ..records import NamedTuple
from .errors import DeadlineExceeded, Outgrown, StoreError, StoreUnavailable
from .leading import Turns, Waiter
from .postgres_connection import Connection, Statement, statement
from .postgres_connections import Connections
from .postgres_schema import Target, explain, qualify, worth_another_try
from .sql_snapshot import Row
from .statements import VERSION_COLUMNS

T = TypeVar("T")

BEGIN = statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
COMMIT = statement("COMMIT")

#: How many batches of reads may be under way at the same time, beside one of short ones, and how many reads a batch has
#: at most.
MAX_UNDER_WAY = 2
MAX_TOGETHER = 32
#: For how many keys `Habits` remembers how often there are further reads.
_SHAPES = 5_000


class Found(NamedTuple):
    """clock: the row of the clock in the snapshot. rows: those of the question; none without a question."""

    clock: Row
    rows: list[Row]


class _Asked(Waiter):
    __slots__ = ("found", "question")

    def __init__(self, question: Optional[Statement], deadline: Optional[float]) -> None:
        super().__init__(deadline)
        self.question = question
        self.found: Optional[Found] = None


class Readers:
    """Asks questions, either alone in a transaction or together with others.

    read_clock: reads the clock's row. newest: looks up the newest version of a document.
    """

    def __init__(self, target: Target, read_clock: str, newest: str) -> None:
        self._target = target
        self._look_ups = LookUps(newest, target.schema)
        self._clock = statement(read_clock)
        #: What comes while a batch of short reads is under way goes together; it has not to wait for others, which may take
        #: long.
        self._short = Turns[_Asked]()
        self._others = Turns[_Asked](most=MAX_UNDER_WAY)
        self._connections = Connections(target)

    # -- a transaction of one's own -----------------------------------------------------------------------------

    def begin(
        self, question: Optional[Statement], deadline: Optional[float] = None
    ) -> tuple[Connection, Found]:
        """Begin a read transaction and ask a first question, if there is one, in one round trip. `give_back` ends it.

        deadline: until when to wait for a connection, in `time.monotonic` seconds. Raises StoreError, DeadlineExceeded.
        """

        def begin(conn: Connection) -> Found:
            results = conn.run([BEGIN, self._clock, *([question] if question else [])])
            return Found(self._clock_of(conn, results), conn.rows_of(results[-1]) if question else [])

        return self._on_connection(begin, deadline)

    def _clock_of(self, conn: Connection, results: list[Any]) -> Row:
        rows = conn.rows_of(results[1])
        if not rows:
            conn.close()
            raise Outgrown(self._target.shown)
        return rows[0]

    def _on_connection(
        self, action: Callable[[Connection], T], deadline: Optional[float]
    ) -> tuple[Connection, T]:
        """Do something on a connection without an open transaction. If the connection fails, try another one."""
        tries = 3
        while True:
            conn: Optional[Connection] = None
            try:
                conn = self._connections.take(deadline)
                conn.settle()
                return conn, action(conn)
            except psycopg.Error as error:
                assert conn is not None
                self._connections.drop(conn)
                tries -= 1
                if not tries or not worth_another_try(error):
                    raise explain(error, self._target.shown) from error
                self._connections.look_after()
            except BaseException:
                if conn is not None:
                    self._connections.drop(conn)
                raise

    def give_back(self, conn: Connection) -> None:
        """End the transaction on a connection, and leave the connection to others."""
        try:
            try:
                conn.end()
            except psycopg.Error:
                conn.close()
            self._connections.give_back(conn)
        except BaseException:
            self._connections.drop(conn)
            raise

    # -- together with others -----------------------------------------------------------------------------------

    def ask(
        self, question: Optional[Statement], short: bool = False, deadline: Optional[float] = None
    ) -> Found:
        """Ask one question, in a transaction that begins after this is called and has ended when it returns.

        short: it takes a short time, whatever is stored. deadline: until when to wait for others and for a connection, in
        `time.monotonic` seconds. Raises StoreError, DeadlineExceeded.
        """
        own = _Asked(question, deadline)
        turns = self._short if short else self._others
        turns.take_part(own, lambda own: self._lead(turns, own))
        if own.found is None:
            raise own.take_error()
        return own.found

    def _lead(self, turns: Turns[_Asked], own: _Asked) -> None:
        """Ask for all that wait. If its own deadline passes meanwhile, the others are left to the next leader."""
        turns.gather()
        batch = [own, *turns.take_those(own, turns.waiting()[: MAX_TOGETHER - 1])]
        while not own.over:
            self._ask_together(batch)
            for each in batch:
                each.over = each.found is not None or each.error is not None
            batch = [each for each in batch if not each.over]
            turns.wake_taken(own)

    def _ask_together(self, batch: list[_Asked]) -> None:
        deadlines = [each.deadline for each in batch if each.deadline is not None]
        try:
            conn, found = self._on_connection(
                lambda conn: self._transaction(conn, batch), min(deadlines, default=None)
            )
        except DeadlineExceeded as error:  # that of some, not of all
            now = time.monotonic()
            for each in batch:
                if each.deadline is not None and each.deadline <= now:
                    each.error = error
            return
        except (StoreError, ValueError) as error:
            if len(batch) == 1 or isinstance(error, StoreUnavailable):
                for each in batch:
                    each.error = error
                return
        else:
            self._connections.give_back(conn)
            for each, one in zip(batch, found):
                each.found = one
            return
        # One of the questions is wrong, which must not keep the others from being answered.
        for each in batch:
            self._ask_together([each])

    def _transaction(self, conn: Connection, batch: list[_Asked]) -> list[Found]:
        newest = self._look_ups.newest
        asked = [(each, each.question) for each in batch if each.question is not None]
        look_ups = [pair for pair in asked if pair[1].sql == newest]
        together = []
        if len(look_ups) > 1:
            asked = [pair for pair in asked if pair[1].sql != newest]
            together = [self._look_ups.together([question for _, question in look_ups])]
        results = conn.run([BEGIN, self._clock, *(question for _, question in asked), *together, COMMIT])
        clock = self._clock_of(conn, results)
        rows = {each: conn.rows_of(result) for (each, _), result in zip(asked, results[2:])}
        if together:
            rows.update((look_ups[row[0]][0], [row[1:]]) for row in conn.rows_of(results[-2]))
        return [Found(clock, rows.get(each, [])) for each in batch]

    def close(self) -> None:
        self._connections.close()


class LookUps:
    """Look-ups of the newest versions of documents, of which several become one statement.

    To send a statement, and to fetch its result, is a call of libpq each, during which other threads take over for longer
    than it lasts, and costs the server more than the look-up itself. newest: the text of a single look-up, whose parameters
    are database, collection and document. schema: the store's.
    """

    def __init__(self, newest: str, schema: str) -> None:
        self.newest = newest
        #: by how many documents they look up; each text has a plan of its own on the server, so there are few
        self._texts: dict[int, str] = {}
        given = ", CAST(%s AS BIGINT)" * 3
        count = 1
        while count < MAX_TOGETHER:
            count *= 2
            wanted = ", ".join(f"({place}{given})" for place in range(count))
            self._texts[count] = qualify(
                f"SELECT wanted.place, newest.* FROM (VALUES {wanted}) AS wanted (place, scope, coll, doc), LATERAL"
                f" (SELECT {VERSION_COLUMNS} FROM version WHERE scope = wanted.scope AND coll = wanted.coll"
                " AND doc = wanted.doc ORDER BY ts DESC LIMIT 1) AS newest",
                schema,
            )

    def together(self, questions: Sequence[Statement]) -> Statement:
        """One statement for 2 to `MAX_TOGETHER` look-ups. In front of each row it gives the place of the question."""
        count = 2
        while count < len(questions):
            count *= 2
        values = [value for question in questions for value in question.values]
        values += [None] * (3 * count - len(values))
        one = questions[0]
        return Statement(self._texts[count], values, one.types * count, [*one.formats] * count)


class Habits:
    """Learns, for each kind of first question, whether further ones follow. A wrong guess only costs a little time."""

    def __init__(self) -> None:
        self._more: dict[Any, float] = {}

    def reads_once(self, key: Any) -> bool:
        return self._more.get(key, 0.0) < 0.3

    def learn(self, key: Any, more: bool) -> None:
        """Tell whether further questions have followed this first one."""
        if len(self._more) >= _SHAPES:
            self._more.clear()
        self._more[key] = 0.8 * self._more.get(key, 0.0) + (0.2 if more else 0.0)
