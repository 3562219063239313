"""Writing without a lock: evaluate on a snapshot, then commit if nothing that was read has changed.

A transaction that loses is evaluated again. After `MAX_LOSSES` losses it is evaluated under the lock, where nobody can
come first. So is one that comes upon a document over which many have just lost: where all want the same, to queue up is
quicker than to try.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Optional

from .base import MAX_LOST, Snapshot, Transaction
from .commit_queue import CommitQueue, Committer, Finished, Lost, Outcome, Won
from .errors import Contended, DeadlineExceeded, SnapshotLost, SnapshotMoved, StoreError
from .hot import Hot
from .overlay import NeedsLock, Overlay
from .read_set import document_of
from .write_queue import WriteQueue

#: Losses after which a transaction is evaluated under the lock.
MAX_LOSSES = 2
#: Seconds of an evaluation after which what was committed meanwhile is looked at without the lock first.
LONG = 0.5


class Writers:
    """All writers of one store in one process. pin: makes a snapshot, at once or (lazy) when it is first read from."""

    def __init__(
        self, pin: Callable[[int, bool], Snapshot], committer: Committer, exclusive: WriteQueue
    ) -> None:
        self._pin = pin
        self._committer = committer
        self._commits = CommitQueue(committer)
        self._exclusive = exclusive
        self._hot = Hot()
        self._here = threading.local()

    def write(
        self, work: Callable[[Transaction], Any], retries: int, deadline: Optional[float], at_least: int
    ) -> tuple[Any, Optional[int]]:
        if deadline is not None and time.monotonic() > deadline:
            raise DeadlineExceeded("the write's deadline passed before its turn came")
        losses = lost = 0
        lazy = True
        while losses < MAX_LOSSES:
            began = time.monotonic()
            try:
                result, finished = self._evaluate(work, at_least, losses, lazy)
            except SnapshotMoved:
                lazy = False  # the snapshot tells from the start what it sees
                continue
            except SnapshotLost:  # nothing has been sent yet
                lost += 1
                if lost > MAX_LOST:
                    raise
                continue
            except NeedsLock:
                break
            if finished is None:
                return result, None
            outcome: Optional[Outcome] = None
            if time.monotonic() > began + LONG:
                outcome = self._committer.look_ahead(finished)
            if outcome is None:
                outcome = self._commits.commit(finished, deadline)
            if type(outcome) is Won:
                return result, outcome.txn
            assert isinstance(outcome, Lost)
            if outcome.path == "" and lazy:
                lazy = False  # it had not asked what the schema was
                continue
            losses += 1
            self._hot.lost(outcome.path)
            if losses > retries:
                raise Contended("other writers came first", document_of(outcome.path))
        return self._exclusive.write(work, retries - losses, deadline, at_least, losses)

    def _evaluate(
        self, work: Callable[[Transaction], Any], at_least: int, losses: int, lazy: bool
    ) -> tuple[Any, Optional[Finished]]:
        """The work's result, and what is to be committed. Without a write the result is that of the snapshot."""
        if getattr(self._here, "inside", False):
            raise StoreError("a write was begun inside another one's work")
        with self._pin(at_least, lazy) as snapshot, Overlay(snapshot, losses, self._hot) as overlay:
            self._here.inside = True
            try:
                result = work(overlay)
                if overlay.wrote:
                    return result, Finished(overlay, snapshot.position, at_least)
            except (NeedsLock, SnapshotMoved, StoreError):
                raise
            except BaseException:
                snapshot.pin()  # an error, too, is to be of what is there
                raise
            finally:
                self._here.inside = False
            snapshot.pin()
            return result, None
