"""Commits finished transactions together: one thread at a time takes all that wait in this process to the server."""

from __future__ import annotations

import time
from typing import Callable, Optional, Union

from ..records import NamedTuple
from .errors import DeadlineExceeded, StoreError, StoreUnavailable
from .leading import Turns, Waiter
from .overlay import Overlay
from .pending_writes import Writes
from .read_set import Changes, ReadSet, document_of

#: The most transactions in a batch, and the number of bytes after which it takes no more.
MAX_BATCH = 64
MAX_BYTES = 1 << 20
#: The most seconds that a leader waits for others to join. Less than the second one is not worth waiting.
MAX_PAUSE = 0.010
MIN_PAUSE = 0.001


class Won(NamedTuple):
    """The transaction is committed."""

    txn: int


class Lost(NamedTuple):
    """Another transaction was first, and nothing of this one is stored.

    path: what it read that has changed (`read_set`); "" for the schema, "ttl" if something has expired meanwhile.
    """

    path: str


Outcome = Union[Won, Lost]


class Finished:
    """A transaction that has been evaluated and waits to be committed.

    txn: the number that stands for its time (`unresolved`). position: the newest commit that its snapshot saw; None if
    nothing was read. at_least: its time is to be later than this. size: how many bytes it writes.
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
    """Commits batches of transactions. A backend provides one."""

    #: How many seconds the last batch waited for the lock while other processes held it.
    waited = 0.0

    def look_ahead(self, finished: Finished) -> Optional[Lost]:
        """Check a transaction that took long to evaluate, before the lock is taken. Then, with the lock, only the newest
        commits are left to be looked at.

        Returns what it has lost to, if it has; else None. Any thread may call this. Raises StoreError.
        """
        return None

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        """Commit those of a batch that may be committed, durably, and return the outcome of each.

        Called by one thread at a time. Raises StoreUnavailable if none is committed or if that is not known, and another
        StoreError or ValueError if none is committed because one of them cannot be stored.
        """
        raise NotImplementedError

    def find_out(self, batch: list[Finished]) -> Optional[list[Outcome]]:
        """The outcomes of the last `commit`, which was of this batch and was interrupted. None: none of it is committed.

        Called by one thread at a time. Raises StoreUnavailable if that cannot be found out.
        """
        raise NotImplementedError


class _Waiting(Waiter):
    __slots__ = ("before", "finished", "outcome", "sent")

    def __init__(self, finished: Finished, deadline: Optional[float]) -> None:
        super().__init__(deadline)
        self.finished = finished
        self.outcome: Optional[Outcome] = None
        #: whether it may be committed although its outcome is not known
        self.sent = False
        #: the leader of the last batch that did not take it along although there was room
        self.before: Optional[_Waiting] = None


class _Last(_Waiting):
    """The place of a thread that closes the queue, and has nothing to commit."""

    __slots__ = ()

    def __init__(self, deadline: float) -> None:
        Waiter.__init__(self, deadline, alone=True)


class CommitQueue:
    """Threads hand in finished transactions. The first one leads: it commits for all that have come by then. After that the
    next one that waits leads."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        #: how many seconds the last commit took
        self._took = 0.0
        self._turns = Turns[_Waiting]("the write's deadline passed while others were committed")
        #: the batch that is being committed, or was when its leader was interrupted, and what `Committer.commit` got
        self._open: Optional[tuple[list[_Waiting], list[Finished]]] = None

    def commit(self, finished: Finished, deadline: Optional[float] = None) -> Outcome:
        """Commit a transaction, and return its outcome.

        Raises DeadlineExceeded if its turn did not come in time, so that nothing is stored, and what `Committer.commit`
        raises.
        """
        own = _Waiting(finished, deadline)
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

    def close(self, action: Callable[[], None], patience: float) -> None:
        """Run an action when nothing is being committed, and commit nothing from then on.

        The action is not run if those who came before have not finished after `patience` seconds.
        """

        def last(own: _Waiting) -> None:
            self._find_out(own)
            action()

        self._turns.close(_Last(time.monotonic() + patience), last)

    def _lead(self, own: _Waiting) -> None:
        self._find_out(own)
        if own.over:
            return
        self._gather()
        batch = self._take(own)
        self._commit(batch)
        self._tell_losers(batch)

    def _find_out(self, own: _Waiting) -> None:
        """Tell those their outcomes whose leader was interrupted while it committed them. This may be interrupted, too; then
        the next leader does it."""
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
                if outcomes is None:  # they go on waiting, and are committed with a later batch
                    for each in batch:
                        each.sent = False
                else:
                    self._turns.take_those(own, batch)
                    _tell(batch, outcomes)
        self._open = None

    def _gather(self) -> None:
        """Wait a little so that more may join, since a commit for a few takes nearly as long as one for many.

        While there are few it waits for half as long as the last commit took. If other processes keep us waiting for the
        lock anyway, it waits a part of that time as well: with small batches the lock is taken often, and its holder waits
        for a disk each time.
        """
        pause = min(self._committer.waited / 2, MAX_PAUSE)
        self._turns.gather(pause if pause >= MIN_PAUSE else 0.0, min(self._took / 2, MAX_PAUSE))

    def _commit(self, batch: list[_Waiting]) -> None:
        handed_over = [each.finished for each in batch]
        for each in batch:
            each.sent = True
        # From here on they are not committed again before their outcome is known.
        self._open = batch, handed_over
        began = time.monotonic()
        try:
            outcomes = self._committer.commit(handed_over)
            self._took = time.monotonic() - began
        except (StoreError, ValueError) as error:
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                # One of them cannot be stored; this must not keep the others from being committed.
                for each in batch:
                    self._commit([each])
                return
            _refuse(batch, error)
        else:
            _tell(batch, outcomes)
        self._open = None

    def _tell_losers(self, batch: list[_Waiting]) -> None:
        """Tell those that wait that they have lost, if the outcome of a batch shows it. This saves asking the server."""
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
        """The next batch, in the order in which they came.

        A transaction that has read or writes something that another one of the batch writes is left to a later batch: it was
        evaluated without the other's writes, and it is not known yet whether these will be there.
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
    """The path of something that a transaction has read and that has changed since, as far as the outcome of a batch shows.

    written: what the batch has written, if the transaction was evaluated before that, so that its snapshot did not see it.
    stale: changes of documents by others, each with a position after which it happened.
    """
    reads, position = finished.reads, finished.position
    path = None if written is None else reads.touched_by(written)
    if path is None and position is not None:
        changes = (changed for since, changed in stale if position <= since)
        path = next(filter(None, map(reads.touched_by, changes)), None)
    return path
