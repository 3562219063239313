"""Telling listeners and waiters of commits, those of this process and of others."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import Callable, Optional

from .. import forks

logger = logging.getLogger(__name__)

Listener = Callable[[int], None]
#: ``watch(stop)`` calls ``announce`` for commits of other processes until ``stop`` is set.
Watch = Callable[[threading.Event], None]


class CommitSignal:
    """Knows the newest commit time and wakes whoever waits for a newer one.

    ``watch`` runs in one daemon thread, and only while somebody listens or waits.
    """

    def __init__(self, watch: Optional[Watch] = None) -> None:
        self._watch = watch
        # Held by ``with`` itself, not by that of the condition: an exception that is injected into a thread which commits
        # could end the condition's between taking the lock and knowing of it.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._listeners: list[Listener] = []
        self._waiters = 0
        self._newest = 0
        self._stop: Optional[threading.Event] = None
        self._thread: Optional[threading.Thread] = None
        self._ending: list[threading.Thread] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody listens or waits."""
        return bool(self._listeners or self._waiters)

    def announce(self, txn: int) -> None:
        """A commit of this time is visible. Older news is dropped."""
        with self._lock:
            if txn <= self._newest:
                return
            self._newest = txn
            listeners = self._listeners
            if self._waiters:
                self._changed.notify_all()
        for listener in listeners:
            try:
                listener(txn)
            except Exception:
                logger.exception("a commit listener failed")

    def add_listener(self, callback: Listener, newest: int) -> None:
        """``newest``: the newest commit the caller knows of; only later ones are told."""
        with self._lock:
            if not self.wanted and newest > self._newest:
                self._newest = newest
            self._listeners = [*self._listeners, callback]
            self._start_watching()

    def remove_listener(self, callback: Listener) -> None:
        with self._lock:
            self._listeners = [other for other in self._listeners if other != callback]
            self._stop_if_idle()

    def wait(self, after: int, timeout: Optional[float], newest: Callable[[], int]) -> bool:
        """Wait for a commit later than ``after``; ``newest()`` reads the store, in case we joined late."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            if self._newest > after:
                return True
            self._waiters += 1
            self._start_watching()
        try:
            # Read after the watch is in place: a commit from now on is announced, one before is seen here.
            self.announce(newest())
            with self._lock:
                while self._newest <= after:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._changed.wait(left)
                return True
        finally:
            with self._lock:
                self._waiters -= 1
                self._stop_if_idle()

    def close(self) -> None:
        """Stop the watching thread, and wait for it and for those that were told to stop before."""
        with self._lock:
            self._listeners = []
            self._end_watch()
            ending, self._ending = self._ending, []
        for thread in ending:
            if thread is not threading.current_thread():
                forks.outside(partial(thread.join, timeout=10))

    def _start_watching(self) -> None:
        if self._watch is None or self._thread is not None:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run_watch, args=(self._watch, self._stop), name="faunadb-commits", daemon=True
        )
        self._thread.start()

    def _stop_if_idle(self) -> None:
        if not self.wanted:
            self._end_watch()

    def _end_watch(self) -> None:
        if self._stop is None or self._thread is None:
            return
        self._stop.set()
        self._ending = [*(thread for thread in self._ending if thread.is_alive()), self._thread]
        self._stop = self._thread = None

    @staticmethod
    def _run_watch(watch: Watch, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                watch(stop)
            except Exception:
                logger.exception("watching for commits of other processes failed; trying again")
                stop.wait(1.0)
