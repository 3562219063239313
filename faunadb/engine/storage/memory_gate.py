"""Many readers or one writer, for the store in memory.

An exception may be injected into any thread at any step, as timers of job queues do, and must not leave a lock behind:
locks are held by ``with`` alone, which Python does not interrupt for a plain lock (it does for a `threading.Condition`,
whose entering is code), what is noted can be noted and taken back twice, and nobody trusts that the bell is rung.
"""

from __future__ import annotations

import threading
import time
from collections import deque

#: How long (seconds) a new reader lets a waiting writer go first. Bounded, since the reader's own thread may
#: already be inside, so that the writer could be waiting for it.
COURTESY_SECONDS = 0.02
#: After so long (seconds) one looks again without having heard a bell: who was to ring it may have been interrupted.
UNHEARD_SECONDS = 0.1


class MemoryGate:
    """Readers enter together, a writer alone; after a writer those readers enter that have been waiting meanwhile.

    A reader is any hashable object, made for one visit.
    """

    __slots__ = ("_abandoned", "_bells", "_due", "_inside", "_lock", "_outside", "_writers", "_writing")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: deque[threading.Lock] = deque()  # of those that wait; rung when something has changed
        self._inside: dict[object, int] = {}  # readers with their threads
        self._outside: set[object] = set()  # readers that wait for a writer to leave
        self._due: set[object] = set()  # those of them that enter before any other writer
        self._writers: set[object] = set()  # that wait
        self._writing = False
        self._abandoned: deque[object] = deque()

    # -- readers ------------------------------------------------------------------------------------------------

    def enter(self, reader: object) -> None:
        """Enter as a reader. Interrupted, it may be inside all the same: `leave` is right in any case."""
        me = threading.get_ident()
        courtesy = COURTESY_SECONDS
        try:
            while True:
                with self._lock:
                    self._let_out_abandoned()
                    if self._writing:
                        self._outside.add(reader)
                        patience = UNHEARD_SECONDS
                    elif courtesy and self._writers and reader not in self._due and not self._holds(me):
                        patience, courtesy = courtesy, 0.0
                    else:
                        self._inside[reader] = me
                        return
                    bell = self._hang_bell()
                bell.acquire(timeout=patience)
        finally:
            self._outside.discard(reader)
            self._due.discard(reader)

    def leave(self, reader: object) -> None:
        """Leave; again, or without having been inside, it does nothing."""
        with self._lock:
            self._inside.pop(reader, None)
            self._let_out_abandoned()
            if not self._inside and self._writers:
                self._ring()

    def abandon(self, reader: object) -> None:
        """Leave without waiting: the garbage collector comes here in any thread, at any point, also in these methods."""
        self._abandoned.append(reader)
        if self._lock.acquire(blocking=False):
            try:
                self._let_out_abandoned()
                self._ring()
            finally:
                self._lock.release()

    def holds(self) -> bool:
        """Whether the calling thread is inside as a reader."""
        with self._lock:
            return self._holds(threading.get_ident())

    def _holds(self, thread: int) -> bool:
        return thread in self._inside.values()

    def _let_out_abandoned(self) -> None:
        while self._abandoned:
            self._inside.pop(self._abandoned.popleft(), None)

    # -- writers ------------------------------------------------------------------------------------------------

    def enter_alone(self, patience: float) -> bool:
        """Enter as the writer; False when others stayed for ``patience`` seconds.

        There is one at a time who calls this. Interrupted, it may be inside all the same: `leave_alone` is right then.
        """
        until = time.monotonic() + patience
        writer = object()
        try:
            while True:
                with self._lock:
                    self._let_out_abandoned()
                    if not (self._inside or self._writing or self._due):
                        self._writing = True
                        return True
                    left = until - time.monotonic()
                    if left <= 0:
                        return False
                    self._writers.add(writer)
                    bell = self._hang_bell()
                bell.acquire(timeout=min(left, UNHEARD_SECONDS))
        finally:
            self._writers.discard(writer)

    def leave_alone(self) -> None:
        """The writer leaves."""
        with self._lock:
            # Without this a thread that writes in a loop would be back before any of them had woken up.
            self._due = set(self._outside)
            self._writing = False
            self._let_out_abandoned()
            self._ring()

    # -- waiting ------------------------------------------------------------------------------------------------

    def _hang_bell(self) -> threading.Lock:
        """What to wait at, with the lock released: to be acquired once more."""
        bell = threading.Lock()
        bell.acquire()
        self._bells.append(bell)
        return bell

    def _ring(self) -> None:
        while self._bells:
            self._bells.popleft().release()
