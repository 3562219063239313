"""The storage protocol: one ordered, versioned, transactional store, ignorant of FQL and of SQL.

Documents are JSON text, index keys are bytes whose order is the order of the values, numbers are signed 64
bit integers, times are microseconds since 1970 UTC. What is written here holds for every backend; the
backends differ in where the bytes lie.

Choices beyond the bare protocol:

* ``Transaction.time`` is the transaction's own time, ``txn``.
* ``Snapshot.expired_documents`` lists documents past their ``ttl``, so that their entries can be ended before
  ``purge_history`` drops them.
* ``add_entry`` revives an ended entry only when the caller names its ``added``; without it the entry begins
  now.
* A time asked for with ``at_least`` may lead this machine's clock by ``clock.MAX_CLOCK_LEAD`` (other machines'
  clocks do). Further ahead, ``snapshot`` and ``write`` raise :class:`.errors.ClockBehind` unless the store itself is
  already there: one request with a time of the year 3000 must not carry the store's clock with it.
* A work handed to ``Store.write`` may run on another thread than its caller's (the leader's of a group
  commit).
* In memory, a thread that holds a snapshot cannot write: it gets a :class:`.errors.StoreError`, on files it may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar

from ..records import NamedTuple
from .errors import SnapshotLost
from .read_set import Changes, ReadSet
from .rows import EntryRow, VersionRow

T = TypeVar("T")

#: How often what was computed on a snapshot that is lost is computed again on another one.
MAX_LOST = 2


class Snapshot:
    """A consistent view of the store, for one thread at a time.

    Use it as a context manager, or call ``close``.
    """

    __slots__ = ("last_txn", "reads", "schema_version", "time")

    #: Time of the newest transaction this view sees.
    last_txn: int
    #: Time of the view: at least ``last_txn``, and near the wall clock unless a writer is at work. Whatever was or
    #: will be written at or before it, the view sees. (Of SQLite's writers in other processes this holds on Linux.)
    time: int
    #: Counts the calls of ``Transaction.bump_schema``.
    schema_version: int
    #: What has been read, see :mod:`.read_set`.
    reads: ReadSet

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        """The newest version with ``ts <= at``, or the newest of all. None when there is none."""
        raise NotImplementedError

    def newest_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, VersionRow]:
        """The newest version of each of several documents of a collection, in one go; of those that have any."""
        raise NotImplementedError

    def texts_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Time and text of each of several documents of a collection, in one go; of those that are there and do not expire."""
        return {
            doc: (ts, data)
            for doc, (ts, live, ttl, data, _) in self.newest_of(scope, coll, docs).items()
            if live and ttl is None and data is not None
        }

    def versions(
        self,
        scope: int,
        coll: int,
        doc: int,
        *,
        lower: Optional[int] = None,
        upper: Optional[int] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
    ) -> Iterator[VersionRow]:
        """Versions with ``lower <= ts <= upper`` in order of ``ts``."""
        raise NotImplementedError

    def entries(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: Optional[bytes] = None,
        upper: Optional[bytes] = None,
        reverse: bool = False,
        at: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[EntryRow]:
        """Entries with ``lower <= values < upper`` in order of ``values``.

        ``at`` None reads the present. ``at`` t reads the entries alive at t. The iterator fetches in batches,
        so memory stays flat, and stays valid while the same transaction writes.
        """
        raise NotImplementedError

    def history(
        self, scope: int, index: int, terms: bytes, *, since: Optional[int] = None
    ) -> Iterator[EntryRow]:
        """Live and ended entries by ``(values, added)``; with ``since`` those not removed by then."""
        raise NotImplementedError

    def change_times(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: int,
        upper: int,
        reverse: bool = False,
        limit: int,
    ) -> list[int]:
        """The first times, from ``lower`` to ``upper``, at which entries came or went; a time as often as they did."""
        raise NotImplementedError

    def changes(self, scope: int, index: int, terms: bytes, *, lower: int, upper: int) -> list[EntryRow]:
        """Live and ended entries that came or went from ``lower`` to ``upper``, in no order."""
        raise NotImplementedError

    def scan_documents(self, scope: int, coll: int, *, after: Optional[int] = None, limit: int) -> list[int]:
        """Ids of documents that have any version, deleted ones too, ascending, beginning after ``after``."""
        raise NotImplementedError

    def expired_documents(self, scope: int, coll: int, before: int, limit: int) -> list[int]:
        """Ids of documents whose newest version is live with ``ttl <= before``, longest expired first."""
        raise NotImplementedError

    def count_versions(self, scope: int, coll: int, limit: int) -> int:
        """How many versions the collection holds; counting stops at ``limit``."""
        raise NotImplementedError

    def counter(self, name: str) -> int:
        """The counter's last value, 0 before its first."""
        raise NotImplementedError

    def setting(self, name: str) -> Optional[str]:
        """The stored setting, None when it was never set."""
        raise NotImplementedError

    def commits(self, after: int, limit: int = 1000) -> list[tuple[int, str]]:
        """The commit log: ``(txn, JSON list of changes)`` of transactions later than ``after``, ascending."""
        raise NotImplementedError

    def changed(self, after: int, limit: int = 1000) -> list[tuple[int, Changes]]:
        """What transactions later than ``after`` changed, with their times, ascending."""
        raise NotImplementedError

    def note_reads(self) -> ReadSet:
        """Note what is read from here on in a read set of its own, which is returned.

        A snapshot that answers several queries is told so where one begins.
        """
        self.reads = ReadSet()
        return self.reads

    @property
    def schema_is_committed(self) -> bool:
        """Whether the schema that is read here is that of its version for everybody: no transaction's own."""
        return True

    @property
    def position(self) -> Optional[int]:
        """The newest commit that this view sees; None as long as it is not pinned (`Store.snapshot`)."""
        return self.last_txn

    def asked_by(self, query: object) -> None:
        """What will be evaluated, the same object each time: a store may learn how it reads."""

    def pin(self) -> None:
        """Have the view be of now, if it is not of an earlier moment yet. Raises :class:`SnapshotMoved`."""

    def close(self) -> None:
        """Release the view. Reading from it afterwards raises :class:`StoreError`."""
        raise NotImplementedError

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


S = TypeVar("S", bound=Snapshot)

#: Bytes that count as one operation of writing.
WRITE_UNIT = 1024


def write_ops(size: int) -> int:
    """Operations that a write of size bytes counts for."""
    return -(-size // WRITE_UNIT) or 1


class Transaction(Snapshot):
    """The view of a writer, which sees its own writes.

    It may be that of the exclusive writer, or lie over a snapshot until it is committed (`overlay`): then ``txn`` is a
    number that stands for its time (`unresolved`), and becomes the time wherever it has been written.
    """

    __slots__ = ("bytes_written", "losses", "txn", "write_ops", "wrote")

    #: How often the work has lost to other writers before this run.
    losses: int

    #: This transaction's time, or what stands for it: unique, and later than every earlier one's.
    txn: int
    #: Whether anything was written.
    wrote: bool
    #: Running sum of the sizes of texts and keys written. Limits are enforced by the caller.
    bytes_written: int
    #: Running count of operations: of `WRITE_UNIT` bytes of a version, each write one at least. The caller counts entries.
    write_ops: int

    def put_version(
        self,
        scope: int,
        coll: int,
        doc: int,
        ts: int,
        live: bool,
        ttl: Optional[int],
        data: Optional[str],
        first: bool = False,
    ) -> None:
        """Insert a version, or replace the one at ``ts``. ``first``: the caller knows that there is none at all."""
        raise NotImplementedError

    def drop_version(self, scope: int, coll: int, doc: int, ts: int) -> None:
        """Remove the version at ``ts`` from history. Nothing happens when there is none."""
        raise NotImplementedError

    def add_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: Optional[int] = None,
        first: bool = False,
    ) -> None:
        """Add a live entry that begins at ``added`` (default: this transaction's time).

        An entry with the same key and the same ``added`` that this transaction ended comes back to life. ``first``:
        the caller knows that there is none.
        """
        raise NotImplementedError

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        """End a live entry at ``removed`` (default: now). One that began then just disappears.

        No-op when absent.
        """
        raise NotImplementedError

    def put_past_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: int,
        removed: int,
    ) -> None:
        """Insert or replace an ended entry (history rewritten)."""
        raise NotImplementedError

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        """Remove the entry that began at ``added``, live or ended, as if it had never been."""
        raise NotImplementedError

    def next_counter(self, name: str, start: int = 1) -> int:
        """Advance a counter and return its value: ``start``, then one more each time."""
        raise NotImplementedError

    def set_setting(self, name: str, value: str) -> None:
        """Store a setting."""
        raise NotImplementedError

    def log(self, change: list[Any]) -> None:
        """Append a change (JSON-serialisable) to this transaction's row of the commit log."""
        raise NotImplementedError

    def bump_schema(self) -> None:
        """Tell every process that what it keeps of the schema is out of date."""
        raise NotImplementedError

    def purge_index(self, scope: int, index: int, limit: int) -> bool:
        """Remove up to ``limit`` entries of an index. True while more may remain."""
        raise NotImplementedError

    def purge_collection(self, scope: int, coll: int, limit: int) -> bool:
        """Remove up to ``limit`` versions of a collection. True while more may remain."""
        raise NotImplementedError

    def purge_scope(self, scope: int, limit: int, keep: Sequence[int] = ()) -> bool:
        """Remove up to ``limit`` rows of anything in a scope. True while more may remain.

        keep: collections whose versions stay.
        """
        raise NotImplementedError

    def purge_history(self, scope: int, coll: int, before: int, limit: int) -> bool:
        """Drop what only reads earlier than ``before`` could see. True while more may remain.

        Of each document the newest version at or before ``before`` is kept, unless it is a deletion or
        expired by then. ``limit`` bounds the work of one call (documents looked at, versions removed).
        """
        raise NotImplementedError

    def purge_ended_entries(self, scope: int, index: int, before: int, limit: int) -> bool:
        """Remove up to ``limit`` entries that ended at or before ``before``. True while more may remain."""
        raise NotImplementedError


class Finding(NamedTuple):
    """Something that should not be in a store. where: names of numbers (``database``, ``collection``...), and them."""

    what: str
    where: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        if not self.where:
            return self.what
        return f"{self.what}: {', '.join(f'{name} {value}' for name, value in self.where)}"


Progress = Callable[[int], None]


def ignore_progress(rows: int) -> None:
    """Nobody watches."""


class Store:
    """A store, shared by any number of threads and, except in memory, processes."""

    #: The URL it was opened with, without a password.
    url: str

    def snapshot(self, at_least: int = 0, lazy: bool = False) -> Snapshot:
        """Open a consistent view whose time is at least ``at_least``.

        lazy: it may be a view of any moment until it is first read from (or asked for its time or `Snapshot.pin`), and
        takes the schema's version for the one that was seen last. Reading then raises :class:`SnapshotMoved` when it is
        not, and so does `Snapshot.pin`, which is to be called where nothing has been read.

        Raises :class:`StoreUnavailable`, and :class:`ClockBehind` for a time too far ahead.
        """
        raise NotImplementedError

    def read(self, work: Callable[[Snapshot], T], at_least: int = 0) -> T:
        """What a work gives on a snapshot; on another one where the first is lost, `MAX_LOST` times at most.

        Raises what :meth:`snapshot` and the work raise.
        """
        lost = 0
        while True:
            try:
                with self.snapshot(at_least) as snapshot:
                    return work(snapshot)
            except SnapshotLost:
                lost += 1
                if lost > MAX_LOST:
                    raise

    def time(self) -> int:
        """A time for an answer for which nothing was read: near the wall clock, at once, whatever fails.

        As with a snapshot's, no write that began earlier will turn out to be at or before it.
        """
        raise NotImplementedError

    def write(
        self,
        work: Callable[[Transaction], T],
        *,
        retries: int = 5,
        deadline: Optional[float] = None,
        at_least: int = 0,
        exclusive: bool = False,
    ) -> tuple[T, Optional[int]]:
        """Run ``work`` as a writer; return its result and transaction time once durable.

        The time is None when nothing was written. An exception undoes this work whole and is raised here.
        ``work`` may run more than once (contention), so it must have no effects outside; not even one that needs the
        transaction to be visible, unless it is ``exclusive``: then nobody else writes from its first run to its end.
        ``deadline`` is in ``time.monotonic()`` seconds. The transaction's time is later than ``at_least``.
        Raises :class:`Contended` after ``retries``, :class:`DeadlineExceeded`, :class:`StoreUnavailable`.
        """
        raise NotImplementedError

    def add_listener(self, callback: Callable[[int], None]) -> None:
        """Have ``callback(newest txn)`` called after commits of any process, from some thread.

        It must be quick.
        """
        raise NotImplementedError

    def remove_listener(self, callback: Callable[[int], None]) -> None:
        """Undo ``add_listener``. Unknown callbacks are ignored."""
        raise NotImplementedError

    def inspect(self) -> AbstractContextManager[Snapshot]:
        """A snapshot that reads whole tables well, and text that is damaged as what it is not: text."""
        raise NotImplementedError

    def findings(self, progress: Progress = ignore_progress) -> Iterator[Finding]:
        """What is wrong with the store as such, physically and logically, of one snapshot. See `engine.checking`.

        progress: called with a number of rows whenever so many more have been looked at.
        """
        raise NotImplementedError

    def check(self) -> list[str]:
        """What `findings` finds, in words. Empty: nothing."""
        return list(map(str, self.findings()))

    def prune_log(self, before: int) -> None:
        """Forget rows of the commit log older than ``before``."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every connection. Idempotent."""
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
