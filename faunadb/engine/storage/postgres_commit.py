"""Commits finished transactions on PostgreSQL, on one connection of a process, by the functions in `postgres_functions`."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Callable, Optional

import psycopg

from ..json_text import encoder
from .checksums import of_content
from .clock import Clock
from .commit_queue import Committer, Finished, Lost, Outcome, Won
from .errors import Outgrown, StoreError, StoreUnavailable
from .pending_writes import Entry
from .postgres_connection import Connection, Statement, close_without_mark, statement
from .postgres_readers import COMMIT, Readers
from .postgres_reads import split_values, terms_key
from .postgres_schema import Target, channel, connect, explain, qualify, worth_another_try
from .read_set import Changes, is_entry_path
from .rows import EntryRow, VersionRow
from .statements import KEEP_REACH, SCHEMA_VERSION
from .unresolved import Forms

_encode = encoder()

#: How often a batch is sent at most. It is only sent again when it is certain that it was not committed.
MAX_SENT = 6

#: The error code of ``begin_commit`` for a session that a later one of the same process has shut out.
_TAKEN_OVER = "FA001"
#: Its error code for a transaction that is not READ COMMITTED, because that is not the server's default.
_OTHER_ISOLATION = "FA002"

_BEGIN = statement("BEGIN ISOLATION LEVEL READ COMMITTED")

Items = dict[str, list[Sequence[Any]]]


class PgCommitter(Committer):
    """Sends batches to ``commit_batch``. learned: called with the version of the schema that each commit finds."""

    def __init__(
        self,
        target: Target,
        conn: Optional[Connection],
        clock: Clock,
        readers: Readers,
        learned: Callable[[int], None],
    ) -> None:
        self._target = target
        self._conn = conn
        self._clock = clock
        self._readers = readers
        self._learned = learned
        self._me = uuid.uuid4().hex
        self._number = 0
        #: the last batch that was sent, or is about to be, and the name of this process under which it was
        self._sent: Optional[tuple[list[Finished], str]] = None
        self._keep_reach = qualify(KEEP_REACH, target.schema).replace("?", "%s")
        #: statements that are committed together with the batch; see `Clock.reach`
        self._keep: list[Statement] = []
        #: how many sessions of this process have been shut out
        self._checks = 0
        #: whether a transaction must ask to be READ COMMITTED; otherwise the call itself is the transaction
        self._asks = False

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        writes = _Writes(batch)
        resolve = (lambda txns: _Writes(batch, txns).items) if writes.holds_times else None
        reach = self._clock.reach(0)
        self._keep = [] if reach is None else [statement(self._keep_reach, (reach,))]
        asked = self._asked(batch)
        self._sent = batch, self._me
        outcome = self._send(asked, writes.items, resolve)
        self._clock.keep(reach if any(outcome["times"]) else None)
        self.waited = outcome.get("waited", 0.0)
        return self._told(outcome)

    def find_out(self, batch: list[Finished]) -> Optional[list[Outcome]]:
        if self._sent is None or self._sent[0] is not batch:
            return None
        if self._sent[1] != self._me:
            raise self._unknown()
        outcome = self._find_out(self._number)
        return None if outcome is None else self._told(outcome)

    def _told(self, outcome: dict[str, Any]) -> list[Outcome]:
        self._learned(outcome["schema_version"])
        self._clock.show(outcome["last_txn"])
        lost = outcome["lost"]
        return [
            Won(txn) if txn is not None else Lost(lost[str(number)])
            for number, txn in enumerate(outcome["times"])
        ]

    def look_ahead(self, finished: Finished) -> Optional[Lost]:
        if finished.position is None or not finished.reads:
            return None
        text = (
            f'SELECT path FROM "{self._target.schema}".conflicts(CAST(%s AS JSONB), %s) ORDER BY txn LIMIT 1'
        )
        batch = _encode({"transactions": [[finished.position]], **_reads([finished])})
        found = self._readers.ask(statement(text, (batch, finished.position)))
        if found.rows:
            return Lost(found.rows[0][0])
        finished.position = found.clock[0]
        return None

    def _asked(self, batch: list[Finished]) -> dict[str, Any]:
        self._number += 1
        return {
            "format": SCHEMA_VERSION,
            "store": self._me,
            "batch": self._number,
            "channel": channel(self._target).strip('"'),
            "patience": max(1, int(self._target.patience * 1000)),
            "after": max(self._clock.handed(), *(finished.at_least for finished in batch)),
            "transactions": [
                [finished.position, finished.schema_version, finished.reads.until] for finished in batch
            ],
            **_reads(batch),
        }

    # -- sending ------------------------------------------------------------------------------------------------

    def _send(
        self, asked: dict[str, Any], writes: Items, resolve: Optional[Callable[[list[Any]], Items]]
    ) -> dict[str, Any]:
        """Have a batch committed, once or not at all, whatever breaks meanwhile. Raises StoreUnavailable if it is not known
        which."""
        tries = 0
        while True:
            tries += 1
            try:
                conn = self._connection()
            except StoreUnavailable:
                if tries >= MAX_SENT:
                    raise
                time.sleep(0.1 * tries)
                continue
            asked["checks"] = self._checks
            try:
                outcome = self._call(conn, asked, writes, resolve)
            except psycopg.Error as error:
                found = self._after_error(conn, asked["batch"], error, tries)
                if found is None:
                    continue
                outcome = found
            if outcome == {}:
                raise Outgrown(self._target.shown)
            return outcome

    def _call(
        self,
        conn: Connection,
        asked: dict[str, Any],
        writes: Items,
        resolve: Optional[Callable[[list[Any]], Items]],
    ) -> dict[str, Any]:
        """The outcome; {} if a newer version of faunadb has migrated the store."""
        if resolve is None:
            statements = [self._function("commit_batch", {**asked, **writes}), *self._keep]
            if self._asks:
                statements = [_BEGIN, *statements, COMMIT]
            return _run(conn, *statements) or {}
        outcome = _run(conn, _BEGIN, self._function("begin_commit", asked))
        if outcome is None or not any(outcome["times"]):
            conn.script("ROLLBACK")
            return outcome or {}
        rest = {**asked, **resolve(outcome["times"])}
        _run(conn, self._function("write_commit", rest, outcome), *self._keep, COMMIT)
        return outcome

    def _function(self, name: str, *given: Any) -> Statement:
        parameters = ", ".join(["CAST(%s AS JSONB)"] * len(given))
        return statement(f'SELECT "{self._target.schema}".{name}({parameters})', tuple(map(_encode, given)))

    def _connection(self) -> Connection:
        conn = self._conn
        if conn is None or conn.closed:
            conn = self._conn = connect(self._target, Connection)
            conn.set_up()
        return conn

    def _after_error(
        self, conn: Connection, number: int, error: psycopg.Error, tries: int
    ) -> Optional[dict[str, Any]]:
        """After an error: the outcome, if the batch was committed nevertheless; None if it is to be sent again. Raises
        StoreError if it cannot be."""
        explained = explain(error, self._target.shown)
        answered = not conn.closed and conn.info.transaction_status != psycopg.pq.TransactionStatus.UNKNOWN
        if answered:  # the server refused, and has rolled back or will
            self._end(conn)
            if error.sqlstate == _OTHER_ISOLATION and not self._asks:
                self._asks = True
                return None
        else:
            found = self._find_out(number)
            if found is not None:
                return found
        if error.sqlstate == _TAKEN_OVER:
            raise StoreError("another session commits under this one's name") from error
        if tries >= MAX_SENT or not worth_another_try(error):
            raise explained from error
        return None

    def _end(self, conn: Connection) -> None:
        try:
            conn.texts.execute("ROLLBACK")
        except psycopg.Error:
            conn.close()

    # -- when the connection breaks -----------------------------------------------------------------------------

    def _find_out(self, number: int) -> Optional[dict[str, Any]]:
        """The outcome of a batch whose answer did not come; None if it was not committed. Waits until that is certain."""
        until = time.monotonic() + self._target.patience
        while True:
            try:
                return self._look_for(number)
            except (psycopg.Error, StoreUnavailable):
                if time.monotonic() > until:
                    # From now on this process has another name, so that the batch, if it still comes, comes from the old one.
                    self._me, self._checks, self._conn = uuid.uuid4().hex, 0, None
                    raise self._unknown() from None
                time.sleep(0.1)

    def _unknown(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"the connection to {self._target.shown} was lost during a commit and did not come back:"
            " whether the write is there is not known"
        )

    def _look_for(self, number: int) -> Optional[dict[str, Any]]:
        """Shut out the old session, then look whether it has committed a batch.

        The batch may not have come to the server yet, or may be waiting for the lock there. From here on it is refused,
        because it names an old number of checks. A commit that is running is waited for, by the lock. This is committed as
        well: where commits wait for a standby, the standby then has all that was seen here before anybody is told.
        """
        if self._conn is not None:
            self._conn.close()
        conn = self._connection()
        patience = max(1, int(self._target.patience * 1000))
        rows = conn.script(
            qualify(
                "BEGIN ISOLATION LEVEL READ COMMITTED;"
                f"SET LOCAL lock_timeout = {patience};LOCK TABLE writer IN EXCLUSIVE MODE;"
                f"INSERT INTO mark (store, txn, checks) VALUES ('{self._me}', 0, 1)"
                " ON CONFLICT (store) DO UPDATE SET checks = mark.checks + 1 RETURNING checks, last_batch, last_outcome",
                self._target.schema,
            )
        )
        conn.script("COMMIT")
        self._checks, found, outcome = rows[0]
        return json.loads(outcome) if found == number else None

    def close(self) -> None:
        close_without_mark(self._conn, self._me, self._target.schema)


def _run(conn: Connection, *statements: Statement) -> Optional[dict[str, Any]]:
    """Run statements in one round trip, and return what a function among them gives."""
    for result in conn.run(statements):
        for row in conn.rows_of(result):
            if isinstance(row[0], dict):
                return row[0]
    return None


def _reads(batch: Sequence[Finished]) -> dict[str, list[list[Any]]]:
    """What transactions have read, in the form in which the server compares it (`postgres_functions`)."""
    exact: list[list[Any]] = []
    wide: list[list[Any]] = []
    for number, finished in enumerate(batch):
        for read in finished.reads:
            if read.wide:
                wide.append([number, read.path])
            elif read.lower is None and read.upper is None:
                exact.append([number, read.path])
            else:
                exact.append([number, read.path, read.lower, read.upper])
    return {name: items for name, items in (("reads", exact), ("wide", wide)) if items}


class _Writes:
    """What a batch writes: by kind, items ``[number of the transaction, ...]``.

    txns: the times of the transactions, None for those that have lost. If the times are not known yet, None stands in their
    place, and `holds_times` tells whether a time is contained in anything else.
    """

    def __init__(self, batch: Sequence[Finished], txns: Optional[Sequence[Optional[int]]] = None) -> None:
        self.items: Items = defaultdict(list)
        self.holds_times = False
        for number, finished in enumerate(batch):
            if txns is None or txns[number] is not None:
                self._number = number
                self._own = finished.txn
                self._txn = None if txns is None else txns[number]
                self._forms = Forms(self._own)
                self._transaction(finished)

    def _transaction(self, finished: Finished) -> None:
        writes = finished.writes
        for key, versions in writes.versions.items():
            alone = len(versions) == 1 and key in writes.first
            for ts, version in versions.items():
                self._version(key, ts, version, alone)
        for (scope, index, terms), states in writes.entries.items():
            terms = self._key(terms)
            stored = terms_key(terms)
            whole = None if stored is terms else terms.hex()
            start = [self._number, scope, index, stored.hex()]
            for values, state in states.items():
                self._entry(start, self._key(values), state, whole)
        for name, value in writes.counters.items():
            self._add("counters", name, value)
        for name, text in writes.settings.items():
            self._add("settings", name, self._text(text))
        changes = self._text(f"[{','.join(writes.logged)}]", logged=True)
        self._add("log", changes, self._touched(finished), str(finished.txn))

    def _version(
        self, key: tuple[int, int, int], ts: int, version: Optional[VersionRow], alone: bool
    ) -> None:
        """alone: it is the document's only version."""
        if version is None:
            self._add("dropped", *key, ts)
            return
        _, is_live, ttl, data, _ = version
        live = 1 if is_live else 0
        row = (self._number, *key, self._time(ts), live)
        text = self._text(data)
        self.items["versions"].append((*row, ttl, text, of_content(*key, live, ttl, text)))
        if not (alone and live):  # see the table `stale` in `statements.TABLES`
            self.items["stale"].append(row)

    def _entry(self, start: list[Any], values: bytes, state: Entry, whole: Optional[str]) -> None:
        """start: the number of the transaction, and the place of the entry as it is in the tables. whole: its terms, if the
        tables have something else in their place."""
        vals, rest, tail = split_values(values)
        key = [*start, vals.hex(), tail.hex()]
        further = (rest.hex(), whole)
        items = self.items
        if state.ended is not None:
            items["ended"].append([*key, self._time(state.ended)])
        if state.gone and state.live is None:
            items["gone"].append(key)
        if state.past:
            for added, row in state.past.items():
                if row is None:
                    items["forgotten"].append([*key, added])
                else:
                    items["past"].append([*key, *further, *self._row(row), self._time(row.removed)])
        if state.live is not None:
            items["live"].append([*key, *further, *self._row(state.live)])

    def _row(self, row: EntryRow) -> tuple[Any, ...]:
        _, coll, doc, cover, ttl, added, _ = row
        return coll, doc, None if cover is None else self._text(cover), ttl, self._time(added)

    def _add(self, kind: str, *item: Any) -> None:
        self.items[kind].append((self._number, *item))

    def _time(self, time: Optional[int]) -> Optional[int]:
        return self._txn if time == self._own else time

    def _text(self, text: Optional[str], logged: bool = False) -> Optional[str]:
        """logged: it is for the commit log, in which the server itself replaces the number that stands for the time."""
        if text is None:
            return None
        if self._txn is not None:
            return self._forms.text(text, self._txn)
        if not logged and self._forms.in_text(text):
            self.holds_times = True
        return text

    def _key(self, key: bytes) -> bytes:
        if self._txn is not None:
            return self._forms.key(key, self._txn)
        if not self.holds_times and self._forms.in_key(key):
            self.holds_times = True
        return key

    def _touched(self, finished: Finished) -> str:
        if self._txn is None:
            return finished.writes.touched.text()
        changes = Changes()
        changes.at = {
            path: values for path, values in finished.writes.touched.at.items() if not is_entry_path(path)
        }
        for place, states in finished.writes.entries.items():
            for values in states:
                changes.entry(*place[:2], self._key(place[2]), self._key(values))
        return changes.text()
