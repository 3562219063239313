"""The thread that does background work."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Callable, Optional

from .. import forks

log = logging.getLogger("faunadb.engine")


class Background:
    """One daemon thread, started with the first task. A task is a function that does its work in small writes.

    A task that raises is logged and dropped, so tasks must be able to begin again.
    """

    def __init__(self) -> None:
        #: set when the engine closes; long tasks look at it between steps
        self.closing = threading.Event()
        self._set_up()

    def _set_up(self) -> None:
        # A SimpleQueue, since an exception that is injected into a thread cannot leave it locked.
        self._tasks: queue.SimpleQueue[Optional[Callable[[], None]]] = queue.SimpleQueue()
        self._thread: Optional[threading.Thread] = None
        self._others: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._pending = 0

    def after_fork(self) -> None:
        """In a forked child, which has none of the parent's threads: begin without tasks. The parent does its own."""
        if not self.closing.is_set():
            self.closing = threading.Event()
        self._set_up()

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task done; after `close` it is ignored."""
        with self._lock:
            if self.closing.is_set():
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="faunadb-background", daemon=True)
                thread.start()  # this raises when the system, or Python at its end, starts no more
                self._thread = thread
            self._pending += 1
            self._tasks.put(task)

    def start_thread(self, name: str, work: Callable[[], None]) -> None:
        """Run a function in a thread of its own. It must end soon after `closing` is set."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            if not self.closing.is_set():
                thread.start()
                self._others.append(thread)

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            try:
                if not self.closing.is_set():
                    task()
            except Exception:
                if not self.closing.is_set():
                    log.exception("background task failed")
            finally:
                with self._lock:
                    self._pending -= 1
                    self._idle.notify_all()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait until nothing is left to do; False when timeout (seconds) passes first. The worker itself does not wait."""
        if threading.current_thread() is self._thread:
            return True
        return forks.outside(lambda: self._wait(timeout))

    def _wait(self, timeout: Optional[float]) -> bool:
        with self._lock:
            return self._idle.wait_for(lambda: self._pending == 0, timeout)

    def close(self) -> None:
        """Stop after the step in progress, and wait until the threads have ended. What is left is found at the next
        start."""
        self.closing.set()
        with self._lock:
            threads = [*self._others, *([self._thread] if self._thread is not None else [])]
            self._tasks.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                forks.outside(thread.join)
