"""Lets many readers or one writer into a store in memory.

Timers of job queues inject exceptions into threads, which may come at any step and must leave nothing locked. So

* locks are held by ``with`` alone. Python does not interrupt that for a plain lock, but it does for a
  `threading.Condition`, which is entered by Python code;
* noting something twice, or taking it back twice, does no harm;
* a thread that waits to be woken looks again by itself after a while, because who was to wake it may have been interrupted.
"""

from __future__ import annotations

import threading
import time
from collections import deque

#: How many seconds a new reader lets a waiting writer go first. Not for longer, because the writer may be waiting for
#: another reader that is inside and that, in turn, waits for this one.
COURTESY_SECONDS = 0.02
#: After how many seconds a waiting thread looks again without having been woken.
UNHEARD_SECONDS = 0.1


class MemoryGate:
    """Readers enter together, a writer alone. When a writer leaves, the readers that have been waiting enter before the next.

    A reader is any hashable object that is made for one visit.
    """

    __slots__ = ("_abandoned", "_bells", "_due", "_inside", "_lock", "_outside", "_writers", "_writing")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: the bells of waiting threads, which ring when something has changed
        self._bells: deque[threading.Lock] = deque()
        #: the readers that are inside, with their threads
        self._inside: dict[object, int] = {}
        #: the readers that wait for a writer to leave
        self._outside: set[object] = set()
        #: the readers that have waited for a writer and enter before the next one
        self._due: set[object] = set()
        #: the writers that wait
        self._writers: set[object] = set()
        self._writing = False
        #: readers that have left, but are still counted as inside
        self._abandoned: deque[object] = deque()

    # -- readers ------------------------------------------------------------------------------------------------

    def enter(self, reader: object) -> None:
        """Enter as a reader. If this is interrupted, the reader may be inside nevertheless, so call `leave` in any case."""
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
        """Leave. Nothing happens if the reader is not inside."""
        with self._lock:
            self._inside.pop(reader, None)
            self._let_out_abandoned()
            if not self._inside and self._writers:
                self._ring()

    def abandon(self, reader: object) -> None:
        """Leave without waiting for a lock. For the garbage collector, which may come at any point of any thread, also in
        the midst of these methods."""
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
        """Enter as the writer; False if others are still inside after ``patience`` seconds.

        One thread at a time may call this. If it is interrupted, the writer may be inside nevertheless, so call
        `leave_alone`.
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
            # Otherwise a thread that writes in a loop would be back before any of these readers has woken up.
            self._due = set(self._outside)
            self._writing = False
            self._let_out_abandoned()
            self._ring()

    # -- waiting ------------------------------------------------------------------------------------------------

    def _hang_bell(self) -> threading.Lock:
        """A bell to wait for, without holding the gate's lock, by acquiring it."""
        bell = threading.Lock()
        bell.acquire()
        self._bells.append(bell)
        return bell

    def _ring(self) -> None:
        while self._bells:
            self._bells.popleft().release()
