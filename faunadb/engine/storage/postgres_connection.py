"""Connections to PostgreSQL, on which statements are sent together and without psycopg's cursors.

For a short read, a cursor takes several times as long as the server. So this uses the functions of libpq that psycopg gives,
and sends any number of statements in one pipeline, with parameters and results in binary.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, Optional

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.types.numeric import Int8Dumper
from psycopg.waiting import Ready, Wait

from .sql_snapshot import Row


class Statement(NamedTuple):
    """A statement with its parameters, as libpq takes them: their values, types and formats. Made by `statement`."""

    sql: str
    values: Sequence[Optional[bytes]]
    types: tuple[int, ...]
    formats: Sequence[int]


#: The numbers by which the server knows the types of parameters; with 0 it finds out by itself.
_UNKNOWN, _BYTES, _INTEGER, _TEXT, _INTEGERS = 0, 17, 20, 25, 1016

_OK, _BAD = ConnStatus.OK, ConnStatus.BAD
_SYNC, _FAILED, _ROWS = ExecStatus.PIPELINE_SYNC, ExecStatus.FATAL_ERROR, ExecStatus.TUPLES_OK
_BINARY = Format.BINARY
_pack = struct.Struct(">q").pack

_marked: dict[str, bytes] = {}


class Connection(psycopg.Connection[Any]):
    """A connection to PostgreSQL, on which `run` sends statements. `set_up` must be called first."""

    def set_up(self) -> None:
        """Prepare a new connection for use."""
        self.adapters.register_dumper(int, Int8Dumper)  # always 64 bits, so that each statement has one plan
        # Only `run` prepares statements. If psycopg did as well, it would make the session forget all statements, also those
        # of `run`, when something is rolled back after it has prepared one.
        self._prepares = self.prepare_threshold is not None
        self.prepare_threshold = None
        self.texts = self.cursor()
        self._ending = False
        self._loading = Transformer(self)
        #: Names of prepared statements, by their text and the types of their parameters.
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._named = 0

    def script(self, text: str) -> list[Row]:
        """Run several statements in one round trip, and return the rows of the last one."""
        cursor = self.texts
        cursor.execute(text)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []

    # -- in a pipeline ------------------------------------------------------------------------------------------

    def run(self, statements: Sequence[Statement]) -> list[Any]:
        """Run statements in one round trip, as one transaction if none is open. Returns their results (see `rows_of`).

        Raises the psycopg.Error of the first one that fails; those after it have not been run.
        """
        pg = self.pgconn
        new: dict[tuple[str, tuple[int, ...]], bytes] = {}
        try:
            # A single statement that is prepared already goes without a pipeline. Each step of a pipeline, and each result,
            # lets other threads run for a moment, which takes longer than the step itself.
            piped = len(statements) != 1 or not self._knows(statements[0])
            if piped:
                pg.enter_pipeline_mode()
            for sql, values, types, formats in statements:
                if not self._prepares:
                    pg.send_query_params(_mark(sql), values, types, formats, _BINARY)
                    continue
                key = sql, types
                name = self._names.get(key) or new.get(key)
                if name is None:
                    self._named += 1
                    name = new[key] = b"faunadb_%d" % self._named
                    pg.send_prepare(name, _mark(sql), types)
                pg.send_query_prepared(name, values, formats, _BINARY)
            if piped:
                pg.pipeline_sync()
            results = self.wait(self._results(piped))
            if piped:
                pg.exit_pipeline_mode()
        except BaseException:
            self.close()  # its state is not known
            raise
        for result in results:
            if result.status == _FAILED:
                raise psycopg.errors.error_from_result(result, self.info.encoding)
        self._names.update(new)
        # The result of a statement that was just prepared comes after the result of preparing it.
        return [results[place] for place in _places(statements, new)] if new else results

    def _knows(self, one: Statement) -> bool:
        return not self._prepares or (one.sql, one.types) in self._names

    def _results(self, piped: bool) -> Generator[Wait, Any, list[Any]]:
        # If libpq were asked for a result that is not there yet, it would wait without letting other threads run.
        pg = self.pgconn
        while pg.flush():
            if (yield Wait.RW) & Ready.R:
                pg.consume_input()
        results: list[Any] = []
        while True:
            while pg.is_busy():
                yield Wait.R
                pg.consume_input()
            result = pg.get_result()
            if result is None:  # the end of the results of one statement
                if pg.status == _BAD:
                    raise psycopg.OperationalError("the connection is lost")
                if not piped:
                    return results
            elif result.status == _SYNC:
                return results
            else:
                results.append(result)

    def rows_of(self, result: Any) -> list[Row]:
        """The rows of a statement's result."""
        if result.status != _ROWS:
            return []
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, result.ntuples, tuple)

    # -- the end of a transaction that has only read ------------------------------------------------------------

    def end(self) -> None:
        """End a transaction that has only read, without waiting for the server's answer."""
        pg = self.pgconn
        pg.send_query(b"COMMIT")
        pg.flush()
        self._ending = True

    def _hear(self) -> Generator[Wait, Any, None]:
        pg = self.pgconn
        while True:
            while pg.is_busy():
                yield Wait.R
                pg.consume_input()
            result = pg.get_result()
            if result is None:
                return
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(result.get_error_message())

    def is_settled(self) -> bool:
        """Whether `settle` would not wait."""
        if not self._ending or self.closed:
            return True
        try:
            self.pgconn.consume_input()
        except psycopg.Error:
            return True  # the connection is lost, as `settle` will say
        return not self.pgconn.is_busy()

    def settle(self) -> None:
        """Wait for the server's answer to `end`, if there is one to come. Raises psycopg.Error."""
        if not self._ending:
            return
        self._ending = False
        self.wait(self._hear())
        if self.pgconn.status != _OK:
            raise psycopg.OperationalError("the connection is lost")


def close_without_mark(conn: Optional[Connection], name: str, schema: str) -> None:
    """Close a connection that commits, and remove its mark, by which it finds out what it has committed.

    name: under which it has committed. schema: of the store.
    """
    if conn is None or conn.closed:
        return
    try:
        conn.script(f"""DELETE FROM "{schema}".mark WHERE store = '{name}'""")
    except psycopg.Error:
        pass  # the mark stays, and does no harm
    conn.close()


def _places(statements: Sequence[Statement], new: dict[tuple[str, tuple[int, ...]], bytes]) -> list[int]:
    """The places of the statements' results in a list that also has a result for preparing each new one, before its first
    use."""
    left = set(new)
    place, found = -1, []
    for sql, _, types, _ in statements:
        place += 1
        if (sql, types) in left:
            left.remove((sql, types))
            place += 1
        found.append(place)
    return found


def _mark(sql: str) -> bytes:
    """A statement with its parameters written as libpq takes them: ``$1`` and so on instead of ``%s``."""
    found = _marked.get(sql)
    if found is None:
        first, *others = sql.split("%s")
        text = first + "".join(f"${number}{other}" for number, other in enumerate(others, 1))
        found = _marked[sql] = text.replace("%%", "%").encode()
    return found


def statement(sql: str, parameters: Sequence[Any] = ()) -> Statement:
    """A statement to be sent. sql: with ``%s`` for each parameter. parameters: 64-bit integers, bytes, texts, lists of
    integers, None.

    Raises psycopg.DataError for a value that cannot be sent, and TypeError for another type.
    """
    values: list[Optional[bytes]] = []
    types: list[int] = []
    for parameter in parameters:
        if isinstance(parameter, int) and not isinstance(
            parameter, bool
        ):  # a time that was rounded is one, too
            types.append(_INTEGER)
            values.append(_integer(parameter))
        elif isinstance(parameter, bytes):
            types.append(_BYTES)
            values.append(parameter)
        elif isinstance(parameter, str):
            if "\0" in parameter:
                raise psycopg.DataError("a text cannot contain the character 0")
            types.append(_TEXT)
            values.append(parameter.encode())
        elif parameter is None:
            types.append(_UNKNOWN)
            values.append(None)
        elif isinstance(parameter, list):
            types.append(_INTEGERS)
            values.append(_integers(parameter))
        else:
            raise TypeError(f"not a parameter of a statement: {type(parameter).__name__}")
    return Statement(sql, values, tuple(types), (_BINARY,) * len(types))


def _integer(number: int) -> bytes:
    try:
        return _pack(number)
    except struct.error:
        raise psycopg.DataError("a number does not fit into 64 bits") from None


def _integers(numbers: Sequence[int]) -> bytes:
    """An array in PostgreSQL's binary format: of one dimension, counted from 1, of 64-bit integers, without NULL."""
    if not numbers:
        return struct.pack(">iii", 0, 0, _INTEGER)
    head = struct.pack(">iiiii", 1, 0, _INTEGER, len(numbers), 1)
    return head + b"".join(b"\0\0\0\x08" + _integer(number) for number in numbers)
