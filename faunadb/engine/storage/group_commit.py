"""Group commit: what a leader does in its turn, and what it asks of a backend.

The works of all who have queued (`write_queue`) run in one SQL transaction. Each has a transaction time of its own, and one
that raises an exception is undone alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import Any, Callable, Optional

from .base import Transaction
from .clock import Clock
from .errors import DeadlineExceeded, StoreError, StoreUnavailable
from .leading import Waiter

#: The most works in one SQL transaction, and the number of seconds for which a leader takes more of them.
MAX_WORKS = 64
MAX_SECONDS = 0.010


class TransactionLost(Exception):
    """The SQL transaction is gone, with everything in it. again: whether the same works may succeed another time."""

    def __init__(self, error: StoreError, again: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again


class Writer:
    """Writes in exclusive SQL transactions, one at a time. A backend provides one; one thread at a time calls it."""

    #: the store's, when the open SQL transaction began
    last_txn: int
    schema_version: int

    def begin(self, deadline: Optional[float]) -> None:
        """Begin an SQL transaction, exclusively. If it raises (StoreError, TransactionLost), nothing is open."""
        raise NotImplementedError

    def transaction(self, txn: int, last_txn: int, schema_version: int) -> Transaction:
        """A view for one work."""
        raise NotImplementedError

    def finish(self, tx: Any) -> None:
        """Write the work's row in the commit log, and close its view."""
        raise NotImplementedError

    def lost(self, tx: Any) -> Optional[TransactionLost]:
        """The error, if the SQL transaction broke while this work ran; else None."""
        raise NotImplementedError

    def savepoint(self) -> None:
        """Set the point to which `rollback_to_savepoint` goes back. Raises TransactionLost."""
        raise NotImplementedError

    def rollback_to_savepoint(self) -> None:
        """Undo the work that has run since the last savepoint. Raises TransactionLost."""
        raise NotImplementedError

    def commit(self, last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        """Commit durably. reach: what `Clock.reach` gave.

        Raises TransactionLost if, and only if, nothing of it is committed.
        """
        raise NotImplementedError

    def is_committed(self, last_txn: int) -> bool:
        """Whether a commit is there, after an exception that kept `commit` from returning.

        Raises StoreError if that cannot be found out.
        """
        raise NotImplementedError

    def rollback(self) -> None:
        """Undo all, if an SQL transaction is open. Raises no StoreError."""
        raise NotImplementedError


class Job(Waiter):
    """A work in the queue, with its outcome. Without a work it is a request to close the store."""

    __slots__ = ("at_least", "losses", "result", "retries", "thread", "tries", "txn", "work")

    def __init__(
        self,
        work: Optional[Callable[[Any], Any]],
        retries: int,
        deadline: Optional[float],
        at_least: int,
        losses: int = 0,
    ) -> None:
        super().__init__(deadline, alone=work is None)
        self.work = work
        self.retries = retries
        self.at_least = at_least
        self.losses = losses
        self.thread = threading.get_ident()
        self.tries = 0
        self.result: Any = None
        self.txn: Optional[int] = None


class Batch:
    """One leader's turn: the works that it runs, the SQL transaction that they share, and their outcomes.

    take: gives the next work from the queue, or None. own: the leader's.
    """

    def __init__(self, writer: Writer, clock: Clock, take: Callable[[], Optional[Job]], own: Job) -> None:
        self.writer = writer
        self.clock = clock
        self.take = take
        self.own = own
        self.waiting: deque[Job] = deque((own,))
        #: those that have run in the open SQL transaction
        self.ran: list[Job] = []
        #: those that have their outcome; the next leaders take care of the others
        self.over: list[Job] = []
        #: whether an SQL transaction may be open
        self.opened = False
        #: whether any of those in `ran` has written
        self.wrote = False
        self.committing = False
        #: the time of the newest transaction, the open SQL transaction included, and its schema
        self.last_txn = 0
        self.schema_version = 0
        #: the time of the newest transaction that this turn has committed
        self.committed: Optional[int] = None
        #: whether this thread is to raise an exception that is meant for it, such as KeyboardInterrupt
        self.interrupted = False
        #: when it takes no more works (`time.monotonic`)
        self.until = float("inf")

    def run(self) -> None:
        """Run works, and commit them, until none is left."""
        while True:
            job = self._next()
            if job is not None:
                self._run(job)
            elif self._commit():
                return

    def settle(self) -> Optional[int]:
        """After ``run``, however it ended: leave nothing open, and return the time of the newest transaction committed.

        Works that are not ``over`` afterwards have not been written.
        """
        if self.committing:
            self._settle_commit()
        if self.opened:
            self.writer.rollback()
            self.opened = False
        self.clock.end(self.writer)
        if self.own not in self.over:
            if self.own.error is None:
                self.own.error = StoreUnavailable("the write was interrupted; nothing was written")
            self.over.append(self.own)
        return self.committed

    def _settle_commit(self) -> None:
        """Find out whether the works in ``ran`` are committed, after an interruption during or just after the commit."""
        try:
            if self.opened and not self.writer.is_committed(self.last_txn):
                self.ran = []
        except StoreError as error:  # that cannot be found out
            for job in self.ran:
                self._fail(job, error)
            self.ran = []
        if self.ran:
            self._have_committed()
        self.committing = False

    def _have_committed(self) -> None:
        self.committed = self.last_txn
        self.clock.show(self.last_txn)
        self.over.extend(self.ran)
        self.ran = []
        self.committing = False

    def _next(self) -> Optional[Job]:
        if self.interrupted:
            return None
        if self.waiting:
            return self.waiting.popleft()
        if len(self.ran) >= MAX_WORKS or (self.over and not self.ran) or time.monotonic() > self.until:
            return None
        return self.take()

    def _run(self, job: Job) -> None:
        if job.deadline is not None and time.monotonic() > job.deadline:
            self._fail(job, DeadlineExceeded("the write's deadline passed before its turn came"))
            return
        if not self.opened and not self._begin(job):
            return
        txn = self.clock.begin(self.last_txn, job.at_least, self.writer)
        guarded = self.wrote
        tx: Any = None
        try:
            if guarded:
                self.writer.savepoint()
            tx = self.writer.transaction(txn, self.last_txn, self.schema_version)
            tx.losses = job.losses + job.tries
            assert job.work is not None  # a request to close the store is not taken into a batch
            result = job.work(tx)
            self.writer.finish(tx)
        except BaseException as error:
            self._undo(job, tx, error, guarded)
            return
        lost = self.writer.lost(tx)
        if lost is not None:  # the work has caught the error itself
            self._undo(job, tx, lost, guarded)
            return
        job.result = result
        job.txn = None
        if tx.wrote:
            job.txn = self.last_txn = txn
            self.schema_version = tx.schema_version
            self.wrote = True
        self.ran.append(job)

    def _begin(self, job: Job) -> bool:
        self.opened = True  # already now, because an interruption may come before or after it has begun
        try:
            self.writer.begin(job.deadline)
        except TransactionLost as lost:
            self._again(lost, [job])
            return False
        except StoreError as error:
            self.opened = False
            self._fail(job, error)
            return False
        self.wrote = self.committing = False
        self.until = time.monotonic() + MAX_SECONDS
        self.last_txn = self.writer.last_txn
        self.schema_version = self.writer.schema_version
        return True

    def _undo(self, job: Job, tx: Any, error: BaseException, guarded: bool) -> None:
        """Undo a work that raised an error: alone, if the SQL transaction is still open. Else the others run again, too."""
        lost = error if isinstance(error, TransactionLost) else self.writer.lost(tx)
        if lost is None:
            try:
                if guarded:
                    if tx is not None:  # otherwise it has not begun, and the savepoint may be one before
                        self.writer.rollback_to_savepoint()
                elif not self.ran:
                    self._rollback()
                else:
                    # The works before it have only read. What they read was committed, so their results stay right.
                    self._rollback_keeping_readers()
            except TransactionLost as broken:
                lost = broken
        if lost is not None and lost.again:
            self._again(lost, [*self.ran, job])
            return
        if lost is not None:
            self._rollback()
            self.waiting.extendleft(reversed(self.ran))
            self.ran = []
            error = lost.error if isinstance(error, TransactionLost) else error
        if not isinstance(error, Exception):
            # An exception such as KeyboardInterrupt is meant for this thread, whose work ever was running.
            self.interrupted = True
            self.own.error = error
            if job is not self.own:
                # Its own thread leads next, so that it gets the exception itself if it was the work that raised it.
                self.own.taken.sort(key=lambda each: each is not job)
                return
        self._fail(job, error)

    def _rollback(self) -> None:
        self.committing = False
        if self.opened:
            self.writer.rollback()
            self.opened = False
            self.clock.end(self.writer)
        self.wrote = False

    def _rollback_keeping_readers(self) -> None:
        self._rollback()
        self.over.extend(self.ran)
        self.ran = []

    def _again(self, lost: TransactionLost, jobs: list[Job]) -> None:
        """Run works again whose SQL transaction was lost, by contention or a broken connection."""
        self._rollback()
        self.ran = []
        again: list[Job] = []
        for job in jobs:
            job.tries += 1
            if job.tries > job.retries:
                self._fail(job, lost.error)
            else:
                again.append(job)
        self.waiting.extendleft(reversed(again))
        if again:
            tries = max(job.tries for job in again)
            time.sleep(random.uniform(0.5, 1.0) * min(0.5, 0.002 * 2**tries))

    def _fail(self, job: Job, error: BaseException) -> None:
        if job is self.own and job.error is not None:
            error = job.error
        job.error = error
        job.result = job.txn = None
        self.over.append(job)

    def _commit(self) -> bool:
        """Commit what has been written. True if this turn is over, False if there are works to run (again)."""
        if not self.wrote:
            self._rollback_keeping_readers()
            return not self.waiting or self.interrupted
        self.committing = True
        reach = self.clock.reach(self.last_txn)
        try:
            self.writer.commit(self.last_txn, self.schema_version, reach)
        except TransactionLost as lost:
            if lost.again and not self.interrupted:
                self._again(lost, self.ran)
                return False
            self._rollback()
            for job in self.ran:
                self._fail(job, lost.error)
            self.ran = []
            return not self.waiting or self.interrupted
        except StoreError as error:  # whether it is committed cannot be found out
            for job in self.ran:
                self._fail(job, error)
            self.ran = []
            self._rollback()
            return True
        self.opened = False
        self.wrote = False
        self.clock.keep(reach)
        self._have_committed()
        return not self.waiting or self.interrupted
