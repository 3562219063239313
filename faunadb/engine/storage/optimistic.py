"""Writes optimistically: evaluates a transaction on a snapshot, then commits it if nothing that it read has changed.

A transaction that loses is evaluated again. After `MAX_LOSSES` losses it is evaluated by the exclusive writer, with the
lock held, so that nobody can be first. So is one that comes upon a hot document or set (`hot`).
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

#: After how many losses a transaction is evaluated with the lock held.
MAX_LOSSES = 2
#: If an evaluation takes more seconds than this, what was committed meanwhile is looked at before the lock is taken.
LONG = 0.5


class Writers:
    """All writers of a store in one process.

    pin: ``pin(at_least, lazy, deadline)`` gives a snapshot (see `base.Store.snapshot`).
    """

    def __init__(
        self,
        pin: Callable[[int, bool, Optional[float]], Snapshot],
        committer: Committer,
        exclusive: WriteQueue,
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
        """See `base.Store.write`."""
        if deadline is not None and time.monotonic() > deadline:
            raise DeadlineExceeded("the write's deadline passed before its turn came")
        losses = lost = 0
        lazy = True
        while losses < MAX_LOSSES:
            began = time.monotonic()
            try:
                result, finished = self._evaluate(work, deadline, at_least, losses, lazy)
            except SnapshotMoved:
                lazy = False  # pin the next snapshot at once
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
                lazy = False  # the lazy snapshot supposed an old version of the schema, so this counts as no loss
                continue
            losses += 1
            self._hot.lost(outcome.path)
            if losses > retries:
                raise Contended("other writers came first", document_of(outcome.path))
        return self._exclusive.write(work, retries - losses, deadline, at_least, losses)

    def close(self, action: Callable[[], None], patience: float) -> None:
        """See `CommitQueue.close`. The queue of the exclusive writers is closed by itself."""
        self._commits.close(action, patience)

    def _evaluate(
        self,
        work: Callable[[Transaction], Any],
        deadline: Optional[float],
        at_least: int,
        losses: int,
        lazy: bool,
    ) -> tuple[Any, Optional[Finished]]:
        """Run a work on a snapshot: its result, and what is to be committed (None if it has written nothing)."""
        if getattr(self._here, "inside", False):
            raise StoreError("a write was begun inside another one's work")
        with self._pin(at_least, lazy, deadline) as snapshot, Overlay(snapshot, losses, self._hot) as overlay:
            self._here.inside = True
            try:
                result = work(overlay)
                if overlay.wrote:
                    return result, Finished(overlay, snapshot.position, at_least)
            except (NeedsLock, SnapshotMoved, StoreError):
                raise
            except BaseException:
                snapshot.pin()  # a lazy snapshot may have supposed an old schema, and the error may be due to that
                raise
            finally:
                self._here.inside = False
            snapshot.pin()
            return result, None
