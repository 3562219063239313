"""The queue of writers: many threads write, one of them at a time leads and commits for all that queued meanwhile.

A lone writer leads at once and waits for nobody. While a leader commits, others queue; the next leader takes all of
their works into its turn (`group_commit`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Callable, Optional

from .clock import Clock
from .errors import DeadlineExceeded, StoreError
from .group_commit import Batch, Job, Writer

#: Attempts to end a turn in order while signal handlers raise.
_INSISTENCE = 10


def _release(job: Job) -> None:
    """Wake whoever waits for a job; a second time does no harm."""
    if job.done is not None:
        with suppress(RuntimeError):
            job.done.release()


def _insist(step: Callable[[], None]) -> None:
    """Run a step to its end, from its beginning again when an exception meant for this thread interrupts it.

    A signal handler may raise at any point; the last of such exceptions is raised afterwards.
    """
    interruption: Optional[BaseException] = None
    for _ in range(_INSISTENCE):
        try:
            step()
            break
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption


class WriteQueue:
    """Runs works through a :class:`Writer`, batched as described above."""

    def __init__(self, writer: Writer, clock: Clock, committed: Callable[[int], None]) -> None:
        self._writer = writer
        self._clock = clock
        self._committed = committed
        self._lock = threading.Lock()
        self._queue: deque[Job] = deque()
        #: Whose thread leads, and who is about to.
        self._leader: Optional[Job] = None
        self._heir: Optional[Job] = None
        self.closed = False

    def write(
        self,
        work: Callable[[Any], Any],
        retries: int,
        deadline: Optional[float],
        at_least: int,
        losses: int = 0,
    ) -> tuple[Any, Optional[int]]:
        """losses: how often it has lost to others already."""
        job = Job(work, retries, deadline, at_least, losses)
        try:
            if self._join(job):
                self._lead(job)
        except BaseException:
            _insist(
                lambda: self._hand_over(job)
            )  # where it was interrupted between becoming the leader and leading
            raise
        if job.error is not None:
            raise job.error
        return job.result, job.txn

    def close(self, action: Callable[[], None], patience: float) -> None:
        """Run action when nobody writes, and let nobody write afterwards.

        It is not run when a writer stays for so many seconds, or is the one who closes.
        """
        job = Job(None, 0, time.monotonic() + patience, 0)
        try:
            lead = self._join(job)
        except StoreError:
            self.closed = True
            return
        try:
            self.closed = True
            if lead:
                action()
        finally:
            with self._lock:
                left = [other for other in self._queue if other is not job]
                self._queue.clear()
                self._leader = None
            for other in left:
                other.error = StoreError("the store is closed")
                if other.done is not None:
                    other.done.release()

    def _join(self, job: Job) -> bool:
        """Wait for the outcome of a job (False), or for leadership (True)."""
        with self._lock:
            if self.closed:
                raise StoreError("the store is closed")
            if self._leader is not None and self._leader.thread == job.thread:
                raise StoreError("a write was begun inside another one's work")
            lead = self._leader is None
            if lead:
                self._leader = job
            else:
                job.done = threading.Lock()
                job.done.acquire()
                self._queue.append(job)
        return lead or self._wait(job)

    # -- waiting -------------------------------------------------------------------------------------------

    def _wait(self, job: Job) -> bool:
        """Wait for an outcome (False) or for leadership (True)."""
        done = job.done
        assert done is not None
        try:
            if job.deadline is None:
                done.acquire()
                return job.lead
            if done.acquire(timeout=max(0.0, job.deadline - time.monotonic())):
                return job.lead
            if self._withdraw(job):
                raise DeadlineExceeded("the write's deadline passed while other writers had their turn")
            done.acquire()  # taken up meanwhile: the outcome is on its way
            return job.lead
        except DeadlineExceeded:
            raise
        except BaseException:
            # Interrupted (KeyboardInterrupt): do not leave a job, or leadership, without an owner.
            if not self._withdraw(job):
                self._hand_over(job)
            raise

    def _withdraw(self, job: Job) -> bool:
        with self._lock:
            try:
                self._queue.remove(job)
            except ValueError:
                return False
            return True

    def _hand_over(self, own: Job) -> None:
        """If it is this one that leads, make the next in the queue the leader. May be run again when it was interrupted."""
        with self._lock:
            if self._leader is not own:
                return
            if self._heir is None or self._heir is own:
                self._heir = self._queue[0] if self._queue else None
            heir = self._heir
            if heir is not None:
                heir.lead = True
                if self._queue and self._queue[0] is heir:
                    self._queue.popleft()
                _release(heir)
            self._leader = heir

    # -- leading -------------------------------------------------------------------------------------------

    def _lead(self, own: Job) -> None:
        self._leader = own
        batch = Batch(self._writer, self._clock, self._take, own)
        try:
            batch.run()
        finally:
            _insist(lambda: self._conclude(batch, own))

    def _conclude(self, batch: Batch, own: Job) -> None:
        """Tell everybody how a turn has ended, and give the lead away. May be run again when it was interrupted."""
        outcome = batch.settle()
        if outcome is not None:
            self._committed(outcome)
            batch.committed = None
        while batch.over:
            if batch.over[-1] is not own:
                _release(batch.over[-1])
            batch.over.pop()
        with self._lock:
            while batch.returned:
                if not self._queue or self._queue[0] is not batch.returned[-1]:
                    self._queue.appendleft(batch.returned[-1])
                batch.returned.pop()
        self._hand_over(own)

    def _take(self) -> Optional[Job]:
        with self._lock:
            # Who closes does so when all before it are done, and alone.
            if not self._queue or self._queue[0].work is None:
                return None
            return self._queue.popleft()
