"""Many readers or one writer, for the store in memory."""

from __future__ import annotations

import threading
from collections import deque

#: How long (seconds) a new reader lets a waiting writer go first. Bounded, since the reader's own thread may
#: already be inside, so that the writer could be waiting for it.
COURTESY_SECONDS = 0.02


class MemoryGate:
    """Readers enter together, a writer alone; after a writer those readers enter that have been waiting meanwhile."""

    __slots__ = ("_abandoned", "_changed", "_due", "_inside", "_outside", "_readers", "_waiting", "_writing")

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside: dict[int, int] = {}  # snapshots held, by thread
        self._readers = 0
        self._writing = False
        self._waiting = 0  # writers
        self._outside = 0  # readers that wait for the writer to leave
        self._due = 0  # those of them that enter before any other writer
        self._abandoned: deque[int] = deque()

    def enter(self) -> int:
        """Enter as a reader; returns what ``leave`` wants."""
        me = threading.get_ident()
        with self._changed:
            if self._waiting and not self._writing and me not in self._inside:
                self._changed.wait(COURTESY_SECONDS)
            if self._writing:
                self._wait_for_the_writer()
            self._readers += 1
            self._inside[me] = self._inside.get(me, 0) + 1
            self._let_out_abandoned()
        return me

    def _wait_for_the_writer(self) -> None:
        self._outside += 1
        try:
            while self._writing:
                self._changed.wait()
        finally:
            # An exception meant for this thread may have ended the waiting.
            self._outside -= 1
            self._due = max(0, self._due - 1)
            if not self._due:
                self._changed.notify_all()

    def leave(self, owner: int) -> None:
        with self._changed:
            self._let_out(owner)
            self._let_out_abandoned()

    def _let_out(self, owner: int) -> None:
        self._readers -= 1
        left = self._inside[owner] - 1
        if left:
            self._inside[owner] = left
        else:
            del self._inside[owner]
        if not self._readers and self._waiting:
            self._changed.notify_all()

    def abandon(self, owner: int) -> None:
        """Leave without waiting: the garbage collector comes here in any thread, at any point, also in these methods."""
        self._abandoned.append(owner)
        if self._changed.acquire(blocking=False):
            try:
                self._let_out_abandoned()
            finally:
                self._changed.release()

    def _let_out_abandoned(self) -> None:
        while self._abandoned:
            self._let_out(self._abandoned.popleft())

    def holds(self) -> bool:
        """Whether the calling thread is inside as a reader."""
        return threading.get_ident() in self._inside

    def enter_alone(self, patience: float) -> bool:
        """Enter as the writer; False when readers stayed for ``patience`` seconds."""
        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(self._is_free, max(0.0, patience)):
                    return False
                self._writing = True
                return True
            finally:
                self._waiting -= 1

    def _is_free(self) -> bool:
        self._let_out_abandoned()
        return not self._readers and not self._writing and not self._due

    def leave_alone(self) -> None:
        with self._changed:
            self._writing = False
            # Without this a thread that writes in a loop would be back before any of them had woken up.
            self._due = self._outside
            self._let_out_abandoned()
            self._changed.notify_all()
