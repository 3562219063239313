"""Tells listeners of commits, those of this process and those of others."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import Callable, Optional

from .. import forks

logger = logging.getLogger(__name__)

Listener = Callable[[int], None]
#: ``watch(stop)`` calls ``announce`` for commits of other processes until ``stop`` is set.
Watch = Callable[[threading.Event], None]


class CommitSignal:
    """Knows the time of the newest commit, and calls listeners for newer ones.

    watch: it runs in one daemon thread, but only while somebody listens. None: no other process can commit.
    """

    def __init__(self, watch: Optional[Watch] = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._newest = 0
        self._stop: Optional[threading.Event] = None
        self._thread: Optional[threading.Thread] = None
        self._ending: list[threading.Thread] = []

    def announce(self, txn: int) -> None:
        """Tell the listeners that a commit of this time is visible. One that is older than the newest is not told."""
        with self._lock:
            if txn <= self._newest:
                return
            self._newest = txn
            listeners = self._listeners
        for listener in listeners:
            try:
                listener(txn)
            except Exception:
                logger.exception("a commit listener failed")

    def add_listener(self, callback: Listener, newest: int) -> None:
        """Have a function called with the times of commits. newest: the newest one known; only later ones are told."""
        with self._lock:
            if not self._listeners and newest > self._newest:
                self._newest = newest
            self._start_watching()
            self._listeners = [*self._listeners, callback]

    def remove_listener(self, callback: Listener) -> None:
        with self._lock:
            self._listeners = [other for other in self._listeners if other != callback]
            if not self._listeners:
                self._end_watch()

    def close(self) -> None:
        """Stop the watching thread. Wait for it, and for earlier ones that have been told to stop."""
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
        stop = threading.Event()
        thread = threading.Thread(
            target=self._run_watch, args=(self._watch, stop), name="faunadb-commits", daemon=True
        )
        thread.start()
        self._stop, self._thread = stop, thread

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
