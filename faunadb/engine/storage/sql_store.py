"""What all stores on SQL have in common: a queue of writers, a clock, and a signal of commits."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar

from .. import forks
from .base import Snapshot, Store, Transaction
from .clock import Clock
from .commit_signal import CommitSignal
from .errors import STORE_CLOSED, ClockBehind, StoreError
from .group_commit import Job
from .sql_transaction import SqlTransaction
from .statements import REACH_SETTING
from .write_queue import WriteQueue

T = TypeVar("T")


class SqlStore(Store):
    """A store on SQL. A backend provides `_pin`, `close`, and whatever watches for the commits of other processes."""

    _clock: Clock
    _signal: CommitSignal
    _queue: WriteQueue
    _closed = False

    def _pin(self, at_least: int, lazy: bool, deadline: Optional[float]) -> Snapshot:
        """See `snapshot`. at_least has been checked already."""
        raise NotImplementedError

    def snapshot(self, at_least: int = 0, lazy: bool = False, deadline: Optional[float] = None) -> Snapshot:
        if at_least and self._clock.too_far(at_least):
            self._check_reached(at_least, deadline)
        return self._pin(at_least, lazy, deadline)

    def _newest(self) -> int:
        with self.snapshot() as snapshot:
            return snapshot.last_txn

    def _check_reached(self, at_least: int, deadline: Optional[float]) -> None:
        """Raise ClockBehind for a time that is too far ahead of the clock, unless this store has given it."""
        with self.snapshot(deadline=deadline) as snapshot:
            if snapshot.last_txn >= at_least:
                return
            self._clock.resume(snapshot.setting(REACH_SETTING))  # another process may have handed it out
        if self._clock.too_far(at_least):
            raise ClockBehind(f"the time {at_least} lies in this store's future")

    def write(
        self,
        work: Callable[[Transaction], T],
        *,
        retries: int = 5,
        deadline: Optional[float] = None,
        at_least: int = 0,
        exclusive: bool = False,
    ) -> tuple[T, Optional[int]]:
        if self._closed:
            raise StoreError(STORE_CLOSED)
        if at_least and self._clock.too_far(at_least):
            self._check_reached(at_least, deadline)
        return forks.visit(lambda: self._run(work, retries, deadline, at_least, exclusive))

    def _run(
        self,
        work: Callable[[Transaction], T],
        retries: int,
        deadline: Optional[float],
        at_least: int,
        exclusive: bool,
    ) -> tuple[T, Optional[int]]:
        """Run a work as a writer. Here every writer is exclusive; a backend may provide another way."""
        return self._queue.write(work, retries, deadline, at_least)

    def write_together(self, take: Callable[[], Optional[Job]]) -> None:
        job = take()
        if job is None:
            return
        assert job.work is not None
        try:
            job.result, job.txn = self.write(
                job.work, retries=job.retries, deadline=job.deadline, at_least=job.at_least
            )
        except Exception as error:
            job.error = error
        job.over = True

    def prune_log(self, before: int) -> None:
        def prune(tx: Transaction) -> None:
            assert isinstance(tx, SqlTransaction)
            if tx._changed(tx._sql.prune_log, (before,)):
                tx.wrote = True

        self.write(prune, exclusive=True)

    def add_listener(self, callback: Callable[[int], None]) -> None:
        self._signal.add_listener(callback, self._newest())

    def remove_listener(self, callback: Callable[[int], None]) -> None:
        self._signal.remove_listener(callback)
