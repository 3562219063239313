"""What transactions lose to each other over."""

from __future__ import annotations

import threading
import time
from typing import Callable

from ..records import NamedTuple

#: A thing is hot once so many have lost over it within a second; for so many seconds at first, and at most.
HOT_LOSSES = 4
HOT_SECONDS = 2.0
HOT_MOST = 60.0
#: Things remembered.
_KEPT = 1000


class _Heat(NamedTuple):
    """until: when it is hot no more. span: for how long it was made so. losses: since it is not, counted from since."""

    until: float
    span: float
    losses: int
    since: float


class Hot:
    """Paths (`read_set`) of documents and sets over which transactions have just lost. Any thread may use it.

    Whoever comes upon one leaves it to the exclusive writer: where all want the same, to queue up is quicker than to try.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Heat] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def lost(self, path: str) -> None:
        """A transaction has lost over this. What is hot again and again is hot for longer."""
        now = self._clock()
        with self._lock:
            until, span, losses, since = self._known.pop(path, _Heat(now, HOT_SECONDS / 2, 0, now))
            if now > since + 1.0:
                losses, since = 0, now
            if now > until + 2 * span:
                span = HOT_SECONDS / 2
            losses += 1
            if losses >= HOT_LOSSES:
                span = min(2 * span, HOT_MOST)
                until, losses, since = now + span, 0, now
            self._known[path] = _Heat(until, span, losses, since)
            while len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]

    def is_hot(self, path: str) -> bool:
        found = self._known.get(path)
        return found is not None and found.until > self._clock()
