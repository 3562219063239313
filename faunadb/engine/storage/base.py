"""The storage protocol: an ordered, versioned, transactional store that knows neither FQL nor SQL.

Documents are JSON text, index keys are bytes that sort as the values do, numbers are signed 64-bit integers, and times are
microseconds since 1970 UTC. What is said here holds for every backend.

Besides what the methods say:

* ``Transaction.time`` is that of what the transaction has found, before ``txn``: what it has read is true at this time, and
  what it writes is not there yet.
* ``Snapshot.expired_documents`` exists so that the entries of expired documents can be ended before ``purge_history``
  drops the documents.
* ``add_entry`` revives an ended entry only if the caller names its ``added``. Otherwise the entry begins now.
* A time that is asked for with ``at_least`` may be ahead of this machine's clock by up to ``clock.MAX_CLOCK_LEAD``, because
  the clocks of other machines may. Further ahead, ``snapshot`` and ``write`` raise `errors.ClockBehind`, unless the store
  itself has reached that time: a request with a time of the year 3000 must not take the store's clock there.
* A work that is given to ``Store.write`` may run on another thread than its caller's (that of a group commit's leader).
* A thread that holds a snapshot of a store in memory cannot write to it and gets an `errors.StoreError`. On files it can.
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

#: For how many microseconds the commit log is kept: longer than any transaction is evaluated, and any stream lags behind. A
#: view that is later than a commit by no more than this sees all rows after that commit's.
LOG_KEPT = 86_400_000_000

#: How often what was computed on a snapshot that is lost is computed again on another one.
MAX_LOST = 2


class Snapshot:
    """A consistent view of the store, for one thread at a time. Use it as a context manager, or call ``close``."""

    __slots__ = ("last_txn", "reads", "schema_version", "time")

    #: The time of the newest transaction that this view sees.
    last_txn: int
    #: The time of the view: at least ``last_txn``, and near the wall clock unless somebody is just writing. The view sees
    #: all that was or will ever be written at or before this time. (For SQLite's writers in other processes that holds on
    #: Linux only.)
    time: int
    #: How many times ``Transaction.bump_schema`` has been called.
    schema_version: int
    #: What has been read from this view; see `read_set`.
    reads: ReadSet

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        """The newest version of a document with ``ts <= at``; with at None the newest of all. None if there is none."""
        raise NotImplementedError

    def text_of(self, scope: int, coll: int, doc: int) -> Optional[tuple[int, str]]:
        """Time and text of a document that is there and does not expire, if that takes less than `version`; None if only
        `version` can tell."""
        return None

    def newest_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, VersionRow]:
        """By document, the newest version of each of several documents of a collection. Those without any are left out."""
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
        """The versions of a document with ``lower <= ts <= upper``, in the order of ``ts``."""
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
        """The entries with ``lower <= values < upper``, in the order of ``values``.

        at: those that were alive at this time; None: those that are alive now. The iterator reads in batches, and may
        be used further after the same transaction has written.
        """
        raise NotImplementedError

    def first_entry(self, scope: int, index: int, terms: bytes) -> Optional[tuple[Optional[int], int, int]]:
        """The first live entry: its collection, document and size (characters of its key and cover). None without any.

        The collection is None if the entry expires: then its time is to be asked for by `entries`.
        """
        entry = next(self.entries(scope, index, terms, limit=1), None)
        if entry is None:
            return None
        key, coll, doc, cover, ttl, _, _ = entry
        return None if ttl is not None else coll, doc, len(key) + len(cover or "")

    def history(
        self, scope: int, index: int, terms: bytes, *, since: Optional[int] = None
    ) -> Iterator[EntryRow]:
        """Live and ended entries in the order of ``(values, added)``; with ``since`` only those that were not removed by then."""
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
        """The first ``limit`` times from ``lower`` to ``upper`` at which entries were added or removed.

        A time is there once for each entry that was added or removed at it.
        """
        raise NotImplementedError

    def changes(self, scope: int, index: int, terms: bytes, *, lower: int, upper: int) -> list[EntryRow]:
        """The live and ended entries that were added or removed from ``lower`` to ``upper``, in any order."""
        raise NotImplementedError

    def scan_documents(self, scope: int, coll: int, *, after: Optional[int] = None, limit: int) -> list[int]:
        """The ids, greater than ``after``, of documents that have any version (deleted ones, too), ascending."""
        raise NotImplementedError

    def expired_documents(self, scope: int, coll: int, before: int, limit: int) -> list[int]:
        """The ids of documents whose newest version is live and has ``ttl <= before``, the lowest ``ttl`` first."""
        raise NotImplementedError

    def count_versions(self, scope: int, coll: int, limit: int) -> int:
        """How many versions a collection holds; counting stops at ``limit``."""
        raise NotImplementedError

    def counter(self, name: str) -> int:
        """The value that a counter had last; 0 if it has not been used."""
        raise NotImplementedError

    def setting(self, name: str) -> Optional[str]:
        """A stored setting; None if it was never set."""
        raise NotImplementedError

    def commits(self, after: int, limit: int = 1000) -> list[tuple[int, str]]:
        """From the commit log, transactions later than ``after`` that wrote documents, ascending: each as its time and a JSON
        list of what it wrote."""
        raise NotImplementedError

    def changed(self, after: int, limit: int = 1000) -> list[tuple[int, Changes]]:
        """From the commit log, all transactions later than ``after``, ascending: each as its time and what it changed."""
        raise NotImplementedError

    def note_reads(self) -> ReadSet:
        """Begin a new read set, in which all further reads are noted, and return it.

        To be called at the beginning of each query, if one snapshot answers several.
        """
        reads = self.reads = ReadSet()
        return reads

    @property
    def schema_is_committed(self) -> bool:
        """Whether everybody else sees the same schema under the same version. Not so in a transaction that may change it."""
        return True

    @property
    def position(self) -> Optional[int]:
        """The newest commit that this view sees; None as long as it is lazy and not pinned (`Store.snapshot`)."""
        return self.last_txn

    def asked_by(self, query: object) -> None:
        """Tell which query is evaluated now. A store may remember, for each such object, what it reads."""

    def pin(self) -> None:
        """Fix a lazy view to this moment, if it has not been read from. Raises `errors.SnapshotMoved`."""

    def close(self) -> None:
        """Release the view. Reading from it afterwards raises `errors.StoreError`."""
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

#: A write operation is billed for each so many bytes.
WRITE_UNIT = 1024


def write_ops(size: int) -> int:
    """How many operations a write of this many bytes is billed as."""
    return -(-size // WRITE_UNIT) or 1


class Transaction(Snapshot):
    """The view of a writer, who sees what it has written itself.

    It is either that of the exclusive writer, or keeps its writes over a snapshot until it is committed (`overlay`). In the
    latter case its time is not known yet, and ``txn`` is a number that stands for it (`unresolved`). When it is committed,
    the time replaces that number wherever it has been written.
    """

    __slots__ = ("bytes_written", "losses", "txn", "write_ops", "wrote")

    #: How often this work has lost to other writers so far.
    losses: int

    #: The transaction's time, or the number that stands for it. It is unique, and later than those of earlier transactions.
    txn: int
    #: Whether anything was written.
    wrote: bool
    #: The sum of the sizes of all texts and keys written so far, the same on every backend: a key counts whether or not there
    #: is an entry to end. The caller enforces limits.
    bytes_written: int
    #: How many operations the writes so far are billed as (`write_ops`). The store counts versions, the caller entries.
    write_ops: int

    def text_of(self, scope: int, coll: int, doc: int) -> Optional[tuple[int, str]]:
        """Time and text of the newest version of a document; None unless it is there and does not expire."""
        found = self.version(scope, coll, doc)
        if found is None or found.data is None or found.ttl is not None:
            return None
        return found.ts, found.data

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
        newest: Optional[int] = None,
    ) -> None:
        """Insert a version of a document, or replace the one at ``ts``.

        first: the caller knows that the document has no version at all. newest: the time of its newest version, if the
        caller knows that.
        """
        raise NotImplementedError

    def create(self, scope: int, coll: int, doc: int, data: str, values: bytes) -> None:
        """Write the first version of a document, which does not expire, and its entry in the set of all documents of its
        collection, and log it.

        That set has the number of the collection and no terms. values: those of the entry.
        """
        self.put_version(scope, coll, doc, self.txn, True, None, data, first=True)
        self.add_entry(scope, coll, b"", values, coll, doc, None, None)
        self.log(["put", scope, coll, doc, self.txn])

    def update(self, scope: int, coll: int, doc: int, data: str, newest: int) -> None:
        """Write a version of a document that has others and does not expire, and log it.

        newest: the time of its newest version, which is earlier than this transaction.
        """
        self.put_version(scope, coll, doc, self.txn, True, None, data, newest=newest)
        self.log(["put", scope, coll, doc, self.txn])

    def drop_version(self, scope: int, coll: int, doc: int, ts: int) -> None:
        """Remove the version at ``ts`` from history. Nothing happens if there is none."""
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
        """Add a live entry that begins at ``added`` (default: the time of this transaction).

        If this transaction has ended an entry with the same key and the same ``added``, that one is alive again. first:
        the caller knows that there is none.
        """
        raise NotImplementedError

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        """End a live entry at ``removed`` (default: the time of this transaction). One that began at that time disappears.

        Nothing happens if there is no such entry.
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
        """Insert or replace an ended entry, when history is rewritten."""
        raise NotImplementedError

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        """Remove the entry that began at ``added``, live or ended, as if it had never been."""
        raise NotImplementedError

    def next_counter(self, name: str, start: int = 1) -> int:
        """Advance a counter and return its new value, which is ``start`` the first time."""
        raise NotImplementedError

    def set_setting(self, name: str, value: str) -> None:
        """Store a setting."""
        raise NotImplementedError

    def log(self, change: list[Any]) -> None:
        """Append a change, as JSON data, to this transaction's row in the commit log."""
        raise NotImplementedError

    def bump_schema(self) -> None:
        """Count up the version of the schema, so that no process goes on using what it has kept of the schema."""
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
        """Remove versions that only reads at times before ``before`` could see. True while more may remain.

        Of each document the newest version at or before ``before`` stays, unless it is a deletion or has expired by then.
        limit: how many documents to look at, and versions to remove, at most.
        """
        raise NotImplementedError

    def purge_ended_entries(self, scope: int, index: int, before: int, limit: int) -> bool:
        """Remove up to ``limit`` entries that ended at or before ``before``. True while more may remain."""
        raise NotImplementedError


class Finding(NamedTuple):
    """Something that is wrong in a store. where: pairs of a name (``database``, ``collection``...) and a number."""

    what: str
    where: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        if not self.where:
            return self.what
        return f"{self.what}: {', '.join(f'{name} {value}' for name, value in self.where)}"


Progress = Callable[[int], None]


def ignore_progress(rows: int) -> None:
    """The `Progress` for callers who do not want to know."""


class Store:
    """A store. Any number of threads share it and, unless it is in memory, any number of processes."""

    #: The URL it was opened with, without a password.
    url: str
    #: whether it can only be read; then `write` raises StoreUnavailable
    read_only = False

    def snapshot(self, at_least: int = 0, lazy: bool = False, deadline: Optional[float] = None) -> Snapshot:
        """Open a consistent view.

        :param at_least: the time of the view is not before this one.
        :param lazy: whether the view may be fixed to a moment only when it is first read from, asked for its time, or
            pinned, which saves a network round trip. Until then it supposes that the schema has the version that was
            seen last. If that turns out to be wrong, reading and `Snapshot.pin` raise `errors.SnapshotMoved`. A caller
            that has read nothing must call `Snapshot.pin` before relying on that version.
        :param deadline: in ``time.monotonic()`` seconds. While the store cannot be reached, nothing waits for it after that:
            opening, and reading from it, raise DeadlineExceeded.
        :raises StoreUnavailable: the store cannot be read.
        :raises ClockBehind: at_least is too far ahead.
        """
        raise NotImplementedError

    def read(self, work: Callable[[Snapshot], T], at_least: int = 0, deadline: Optional[float] = None) -> T:
        """What a work gives on a snapshot; on another one where the first is lost, `MAX_LOST` times at most.

        Raises what :meth:`snapshot` and the work raise.
        """
        lost = 0
        while True:
            try:
                with self.snapshot(at_least, deadline=deadline) as snapshot:
                    return work(snapshot)
            except SnapshotLost:
                lost += 1
                if lost > MAX_LOST:
                    raise

    def time(self) -> int:
        """A time, near the wall clock, for an answer for which nothing was read. It comes at once and never fails.

        As with the time of a snapshot, nothing will be written at or before it from now on.
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
        """Run ``work`` as a writer. When it is durable, return its result and its transaction time.

        The time is None if nothing was written. If the work raises an exception, all that it wrote is undone, and the
        exception is raised here. The work may run several times, if others are first, so it must change nothing but the
        transaction.

        :param retries: how often it may run again.
        :param deadline: in ``time.monotonic()`` seconds.
        :param at_least: the transaction's time is later than this one.
        :param exclusive: whether nobody else may write from the beginning of the work to its end.
        :raises Contended: others were first each time.
        :raises DeadlineExceeded: the deadline passed before its turn came.
        :raises StoreUnavailable: the store cannot be written to.
        """
        raise NotImplementedError

    def write_together(self, take: Callable[[], Any]) -> None:
        """Run works for as long as one turn of writers lasts, each as `write` would; they share commits if the store can.

        take: gives the next work, as a `group_commit.Job`, or None. It is asked during the turn, and must not wait. A job
        that is ``over`` afterwards has its result or its error. One that is not has had no effect.
        """
        raise NotImplementedError

    def add_listener(self, callback: Callable[[int], None]) -> None:
        """Have ``callback(txn)`` called with the time of the newest commit, after commits of any process.

        Any thread may call it. It must be quick.
        """
        raise NotImplementedError

    def remove_listener(self, callback: Callable[[int], None]) -> None:
        """Undo ``add_listener``. Nothing happens if the callback was not added."""
        raise NotImplementedError

    def inspect(self) -> AbstractContextManager[Snapshot]:
        """A snapshot that is good at reading whole tables, and that reads damaged text, too, instead of failing."""
        raise NotImplementedError

    def findings(self, progress: Progress = ignore_progress) -> Iterator[Finding]:
        """What is wrong in the store, as far as that can be told without knowing FQL (`engine.checking` knows more).

        All of it is of one snapshot. progress: called after each batch of rows, with how many these were.
        """
        raise NotImplementedError

    def check(self) -> list[str]:
        """What `findings` finds, as texts."""
        return list(map(str, self.findings()))

    def prune_log(self, before: int) -> None:
        """Remove the rows of the commit log that are older than ``before``, which is `LOG_KEPT` before now or earlier."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every connection. Closing again does nothing."""
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
