"""Committing finished transactions together: one thread of a process at a time takes those that wait to the server."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Optional, Union

from ..records import NamedTuple
from .errors import DeadlineExceeded, StoreUnavailable
from .overlay import Overlay
from .pending_writes import Writes
from .read_set import Changes, ReadSet

#: Most transactions in one batch, and the bytes after which it takes no further ones.
MAX_BATCH = 64
MAX_BYTES = 1 << 20


class Won(NamedTuple):
    """The transaction is committed."""

    txn: int


class Lost(NamedTuple):
    """Others came first; nothing of it is there.

    path: what it read that has changed (`read_set`), "" for the schema, "ttl" when something has expired meanwhile.
    """

    path: str


Outcome = Union[Won, Lost]


class Finished:
    """A transaction as it waits to be committed.

    txn: what stands for its time. position: the commit that its snapshot saw, None when nothing was read. at_least: its
    time is to be later than this. size: bytes written.
    """

    __slots__ = ("at_least", "position", "reads", "schema_version", "size", "txn", "writes")

    def __init__(self, overlay: Overlay, position: Optional[int], at_least: int) -> None:
        self.txn = overlay.txn
        self.position = position
        self.reads: ReadSet = overlay.reads
        self.schema_version = overlay.schema_version
        self.writes: Writes = overlay.writes
        self.size = overlay.bytes_written
        self.at_least = at_least


class Committer:
    """What a backend provides."""

    def look_ahead(self, finished: Finished) -> Optional[Lost]:
        """Check a transaction that took long without the lock, so that with it only the newest commits are to be looked at.

        Returns what it has lost to already, if it has. Any thread may call this. Raises StoreError.
        """
        return None

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        """Commit what may be committed, durably; what came of each. Called by one thread at a time.

        Raises StoreError: none is there, or nobody knows.
        """
        raise NotImplementedError


class _Waiting:
    __slots__ = ("before", "deadline", "done", "error", "finished", "lead", "outcome")

    def __init__(self, finished: Finished, deadline: Optional[float]) -> None:
        self.finished = finished
        self.deadline = deadline
        self.outcome: Optional[Outcome] = None
        self.error: Optional[BaseException] = None
        self.lead = False
        #: The batch that it was last left behind by.
        self.before: Optional[list[_Waiting]] = None
        self.done = threading.Lock()  # held until there is news
        self.done.acquire()


class CommitQueue:
    """Threads hand in finished transactions; the first commits for all that came meanwhile, then the next one leads."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._led = False

    def commit(self, finished: Finished, deadline: Optional[float] = None) -> Outcome:
        """What came of it. Raises StoreError, DeadlineExceeded when its turn did not come in time."""
        own = _Waiting(finished, deadline)
        with self._lock:
            self._queue.append(own)
            lead = not self._led
            self._led = True
        if not lead:
            lead = self._wait(own)
        if lead:
            self._lead(own)
        if own.error is not None:
            raise own.error
        assert own.outcome is not None
        return own.outcome

    def _wait(self, own: _Waiting) -> bool:
        """Wait for an outcome (False) or for the lead (True)."""
        try:
            if own.deadline is None:
                own.done.acquire()
            elif not own.done.acquire(timeout=max(0.0, own.deadline - time.monotonic())):
                if self._withdraw(own):
                    raise DeadlineExceeded("the write's deadline passed while others were committed")
                own.done.acquire()  # taken along: the outcome is on its way
            return own.lead
        except DeadlineExceeded:
            raise
        except BaseException:
            # Interrupted: leave neither a transaction to be committed nor the lead without an owner.
            if not self._withdraw(own) and own.lead:
                self._hand_over()
            raise

    def _withdraw(self, own: _Waiting) -> bool:
        with self._lock:
            if own.lead or own not in self._queue:
                return False
            self._queue.remove(own)
            return True

    def _lead(self, own: _Waiting) -> None:
        """Commit batches until the leader's own transaction has its outcome."""
        try:
            while own.outcome is None and own.error is None:
                batch = self._take()
                self._commit(batch)
                self._tell_losers(batch)
        except BaseException:
            with self._lock:
                if own in self._queue:
                    self._queue.remove(own)
            raise
        finally:
            self._hand_over()

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = self._committer.commit([each.finished for each in batch])
        except BaseException as error:
            if isinstance(error, Exception) and len(batch) > 1 and not isinstance(error, StoreUnavailable):
                # Something in one of them cannot be stored; the others shall not suffer.
                for each in batch:
                    self._commit_alone(each)
                return
            told = error if isinstance(error, Exception) else StoreUnavailable("the commit was interrupted")
            for each in batch:
                each.error = told
            if not isinstance(error, Exception):
                raise
        else:
            for each, outcome in zip(batch, outcomes):
                each.outcome = outcome
        finally:
            for each in batch:
                each.done.release()

    def _commit_alone(self, one: _Waiting) -> None:
        try:
            one.outcome = self._committer.commit([one.finished])[0]
        except Exception as error:
            one.error = error

    def _tell_losers(self, batch: list[_Waiting]) -> None:
        """Those that wait and have read what a batch has changed since have lost: the server need not be asked.

        They had been evaluated when the batch was taken, so their snapshots do not see it.
        """
        written = Changes()
        for each in batch:
            if type(each.outcome) is Won:
                written.include(each.finished.writes.touched)
        with self._lock:
            waiting = [each for each in self._queue if each.before is batch]
        for each in waiting:
            path = each.finished.reads.touched_by(written)
            if path is not None and self._withdraw(each):
                each.outcome = Lost(path)
                each.done.release()

    def _take(self) -> list[_Waiting]:
        """The next batch, in the order of their coming.

        One that read, or writes, what another of the batch writes waits for the next: of that one, or of whether it came
        about at all, it knows nothing.
        """
        batch: list[_Waiting] = []
        written = Changes()
        size = 0
        with self._lock:
            waiting = list(self._queue)
        for each in waiting:
            if len(batch) == MAX_BATCH or (batch and size > MAX_BYTES):
                break
            finished = each.finished
            if batch and (finished.reads.touched_by(written) or finished.writes.touched.meets(written)):
                each.before = batch
                continue
            written.include(finished.writes.touched)
            size += finished.size
            batch.append(each)
        with self._lock:
            # Some may have withdrawn meanwhile.
            batch[:] = [each for each in batch if each in self._queue]
            for each in batch:
                self._queue.remove(each)
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            if not self._queue:
                self._led = False
                return
            heir = self._queue[0]
            heir.lead = True
            heir.done.release()
