"""Committing finished transactions together: one thread of a process at a time takes those that wait to the server."""

from __future__ import annotations

import threading
import time
from typing import Optional, Union

from ..records import NamedTuple
from .errors import DeadlineExceeded, StoreError, StoreUnavailable
from .leading import Turns, Waiter
from .overlay import Overlay
from .pending_writes import Writes
from .read_set import Changes, ReadSet, document_of

#: Most transactions in one batch, and the bytes after which it takes no further ones.
MAX_BATCH = 64
MAX_BYTES = 1 << 20
#: Seconds that a leader waits for others to join, at most, and what is too little to wait.
MAX_PAUSE = 0.010
MIN_PAUSE = 0.001
#: Threads that have committed within so many seconds may join. So many are remembered.
RECENT = 0.25
MAX_THREADS = 1000


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

    #: Seconds that the last batch had to wait for the lock, which other processes had.
    waited = 0.0

    def look_ahead(self, finished: Finished) -> Optional[Lost]:
        """Check a transaction that took long without the lock, so that with it only the newest commits are to be looked at.

        Returns what it has lost to already, if it has. Any thread may call this. Raises StoreError.
        """
        return None

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        """Commit what may be committed, durably; what came of each. Called by one thread at a time.

        Raises StoreUnavailable: none is there, or nobody knows. StoreError, ValueError: none is there, since one of them
        cannot be stored.
        """
        raise NotImplementedError

    def find_out(self, batch: list[Finished]) -> Optional[list[Outcome]]:
        """What came of the last `commit`, which was of this batch and was interrupted; None: none is there, nor will be.

        Called by one thread at a time. Raises StoreUnavailable: nobody knows.
        """
        raise NotImplementedError


class _Waiting(Waiter):
    __slots__ = ("before", "finished", "outcome", "sent")

    def __init__(self, finished: Finished, deadline: Optional[float]) -> None:
        super().__init__(deadline)
        self.finished = finished
        self.outcome: Optional[Outcome] = None
        #: Whether it may be there although nobody has heard so.
        self.sent = False
        #: The leader that it was last left behind by.
        self.before: Optional[_Waiting] = None


class CommitQueue:
    """Threads hand in finished transactions; the first commits for all that came meanwhile, then the next one leads."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._turns = Turns[_Waiting]("the write's deadline passed while others were committed")
        #: The batch that is being committed, or whose leader was interrupted while it was; as it was handed over.
        self._open: Optional[tuple[list[_Waiting], list[Finished]]] = None
        #: When each thread has come last.
        self._came: dict[int, float] = {}

    def commit(self, finished: Finished, deadline: Optional[float] = None) -> Outcome:
        """What came of it. Raises StoreError, DeadlineExceeded when its turn did not come in time and it is not there."""
        own = _Waiting(finished, deadline)
        if len(self._came) > MAX_THREADS:
            self._came.clear()
        self._came[threading.get_ident()] = time.monotonic()
        try:
            self._turns.take_part(own, self._lead)
        except DeadlineExceeded:
            if not own.sent:
                raise
            raise StoreUnavailable(
                "the commit was interrupted: whether the write is there is not known"
            ) from None
        if own.outcome is not None:
            return own.outcome
        raise own.take_error()

    def _lead(self, own: _Waiting) -> None:
        self._find_out(own)
        if own.over:
            return
        self._gather()
        batch = self._take(own)
        self._commit(batch)
        self._tell_losers(batch)

    def _find_out(self, own: _Waiting) -> None:
        """See to those whose leader was interrupted while it committed them. Begun again when this is interrupted, too."""
        if self._open is None:
            return
        batch, handed_over = self._open
        if not all(each.over for each in batch):
            try:
                outcomes = self._committer.find_out(handed_over)
            except StoreError as error:
                self._turns.take_those(own, batch)
                _refuse(batch, error)
            else:
                if outcomes is None:  # they wait as if nothing had been
                    for each in batch:
                        each.sent = False
                else:
                    self._turns.take_those(own, batch)
                    _tell(batch, outcomes)
        self._open = None

    def _gather(self) -> None:
        """Where the lock is waited for anyhow, spend a part of that here, where more may join.

        The smaller the batches, the more often the lock is taken, and each time a disk is waited for with it.
        """
        pause = min(self._committer.waited / 2, MAX_PAUSE)
        if pause < MIN_PAUSE:
            return
        since = time.monotonic() - RECENT
        if sum(came > since for came in list(self._came.values())) > 1 + len(self._turns.waiting()):
            time.sleep(pause)

    def _commit(self, batch: list[_Waiting]) -> None:
        handed_over = [each.finished for each in batch]
        for each in batch:
            each.sent = True
        # From here on they are not committed again before it is known what came of it.
        self._open = batch, handed_over
        try:
            outcomes = self._committer.commit(handed_over)
        except (StoreError, ValueError) as error:
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                # Something in one of them cannot be stored; the others shall not suffer.
                for each in batch:
                    self._commit([each])
                return
            _refuse(batch, error)
        else:
            _tell(batch, outcomes)
        self._open = None

    def _tell_losers(self, batch: list[_Waiting]) -> None:
        """Those that wait and that a batch tells to have lost as well: the server need not be asked one by one."""
        own = batch[0]
        waiting = self._turns.waiting()
        if not waiting:
            return
        written, stale = Changes(), []
        for each in batch:
            outcome, finished = each.outcome, each.finished
            if type(outcome) is Won:
                written.include(finished.writes.touched)
            elif type(outcome) is Lost and finished.position is not None and document_of(outcome.path):
                changed = Changes()
                changed.at[outcome.path] = None
                stale.append((finished.position, changed))
        lost = {}
        for each in waiting:
            path = _lost_to(each.finished, written if each.before is own else None, stale)
            if path is not None:
                lost[each] = path
        for each in self._turns.take_those(own, lost):
            each.outcome = Lost(lost[each])
            each.over = True

    def _take(self, own: _Waiting) -> list[_Waiting]:
        """The next batch, in the order of their coming.

        One that read, or writes, what another of the batch writes waits for the next: of that one, or of whether it came
        about at all, it knows nothing.
        """
        waiting = self._turns.waiting()
        if not waiting:
            return [own]
        written = Changes()
        written.include(own.finished.writes.touched)
        size = own.finished.size
        along: list[_Waiting] = []
        for each in waiting:
            if len(along) == MAX_BATCH - 1 or size > MAX_BYTES:
                break
            finished = each.finished
            if finished.reads.touched_by(written) or finished.writes.touched.meets(written):
                each.before = own
                continue
            written.include(finished.writes.touched)
            size += finished.size
            along.append(each)
        return [own, *self._turns.take_those(own, along)]


def _tell(batch: list[_Waiting], outcomes: list[Outcome]) -> None:
    for each, outcome in zip(batch, outcomes):
        each.outcome = outcome
        each.over = True


def _refuse(batch: list[_Waiting], error: Exception) -> None:
    for each in batch:
        each.error = error
        each.over = True


def _lost_to(
    finished: Finished, written: Optional[Changes], stale: list[tuple[int, Changes]]
) -> Optional[str]:
    """The path of what a transaction has read that has changed since, as far as the outcome of a batch tells.

    written: what the batch has written, of a transaction that had been evaluated before, so that its snapshot does not see
    it. stale: documents that have been changed by others after a position.
    """
    reads, position = finished.reads, finished.position
    path = None if written is None else reads.touched_by(written)
    if path is None and position is not None:
        changes = (changed for since, changed in stale if position <= since)
        path = next(filter(None, map(reads.touched_by, changes)), None)
    return path
