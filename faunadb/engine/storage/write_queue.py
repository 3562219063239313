"""The queue of exclusive writers: one thread at a time leads, and writes and commits for all that have queued meanwhile.

A thread that finds nobody leading leads at once. While a leader commits, others queue, and the next leader takes all their
works into its turn (`group_commit`).
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Optional

from .clock import Clock
from .errors import STORE_CLOSED, StoreError
from .group_commit import Batch, Job, Writer
from .leading import Turns, insist


class WriteQueue:
    """Runs works by a `group_commit.Writer`. committed: called with the time of the newest transaction after commits."""

    def __init__(self, writer: Writer, clock: Clock, committed: Callable[[int], None]) -> None:
        self._writer = writer
        self._clock = clock
        self._committed = committed
        self._turns = Turns[Job]("the write's deadline passed while other writers had their turn")

    @property
    def closed(self) -> bool:
        return self._turns.refusal is not None

    def write(
        self,
        work: Callable[[Any], Any],
        retries: int,
        deadline: Optional[float],
        at_least: int,
        losses: int = 0,
    ) -> tuple[Any, Optional[int]]:
        """See `base.Store.write`. losses: how often the work has lost to others already."""
        job = Job(work, retries, deadline, at_least, losses)
        self._take_part(job, self._lead)
        if job.error is not None:
            raise job.take_error()
        return job.result, job.txn

    def write_together(self, take: Callable[[], Optional[Job]]) -> None:
        """See `base.Store.write_together`."""
        job = take()
        if job is None:
            return
        try:
            self._take_part(job, lambda own: self._lead(own, take))
        except StoreError as error:  # its turn has not come
            job.error = error
            job.over = True
        if job.error is not None and not isinstance(job.error, Exception):
            # It is meant for this thread. If this work had run before it came, the work has its result none the less.
            raise job.error if job.result is None else job.take_error()

    def close(self, action: Callable[[], None], patience: float) -> None:
        """Run an action when nobody writes, and let nobody write from then on.

        The action is not run if a writer has not finished after `patience` seconds, or if the calling thread is writing.
        """
        if self._leads():
            self._turns.refusal = STORE_CLOSED
        else:
            self._turns.close(Job(None, 0, time.monotonic() + patience, 0), lambda own: action())

    def _take_part(self, job: Job, lead: Callable[[Job], None]) -> None:
        if self._leads():
            raise StoreError("a write was begun inside another one's work")
        self._turns.take_part(job, lead)

    def _leads(self) -> bool:
        """Whether this thread is running a work."""
        return threading.get_ident() in [leader.thread for leader in self._turns.leaders()]

    # -- leading -------------------------------------------------------------------------------------------

    def _lead(self, own: Job, more: Callable[[], Optional[Job]] = lambda: None) -> None:
        """more: gives further works of this thread, which run when no other thread waits."""
        batch = Batch(self._writer, self._clock, lambda: self._turns.take(own) or more(), own)
        try:
            batch.run()
            self._conclude(batch)
        except BaseException:
            try:
                insist(self._conclude, batch)
            except BaseException:
                insist(self._conclude, batch)  # another exception may have come before `insist` began
                raise
            raise

    def _conclude(self, batch: Batch) -> None:
        """Tell the outcomes of a turn. May be run again if it is interrupted."""
        outcome = batch.settle()
        if outcome is not None:
            self._committed(outcome)
            batch.committed = None
        for job in batch.over:
            job.over = True
