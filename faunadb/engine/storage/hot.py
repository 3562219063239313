"""Knows the documents and sets over which transactions have just lost to each other."""

from __future__ import annotations

import threading
import time
from typing import Callable

from ..records import NamedTuple

#: A document or set is hot when so many transactions have lost over it within a second. It stays hot for `HOT_SECONDS` the
#: first time, then longer each time, up to `HOT_MOST` seconds.
HOT_LOSSES = 4
HOT_SECONDS = 2.0
HOT_MOST = 60.0
#: How many documents and sets are remembered.
_KEPT = 1000


class _Heat(NamedTuple):
    """until: when it stops being hot. span: for how many seconds it was made hot. losses: how many there were after `since`."""

    until: float
    span: float
    losses: int
    since: float


class Hot:
    """The paths (`read_set`) of hot documents and sets. Any thread may use it.

    A transaction that comes upon one of them is evaluated by the exclusive writer: if many change the same document, waiting
    in a queue is quicker than trying again and again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Heat] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def lost(self, path: str) -> None:
        """Tell that a transaction has lost over this path."""
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
        """Whether transactions have just lost over this path."""
        found = self._known.get(path)
        return found is not None and found.until > self._clock()
