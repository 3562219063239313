"""Python's cycle collector in a server process: it passes through everything only when that keeps nobody waiting.

A full pass visits every container there is, while all threads wait. Queries make millions of containers, which they
give back without the collector, for they are in no cycles; nor are exceptions, once they have been answered. So Python's
usual rule, a full pass whenever containers have grown by a quarter, costs most in the midst of such a query, and finds
nothing. Here the same rule holds between queries.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Callable, Optional

#: Seconds between two looks at how much there is, and those that a pass which is due waits for a quiet moment.
PERIOD, PATIENCE = 1.0, 30.0
#: Passes through what is young since the last full one, as in Python: from so many on another one may be due, ...
ENOUGH = 10
#: ... and from so many on it is made at once: some 20 million containers more than before.
TOO_MUCH = 3000


class Collector:
    """The collector of this process. is_quiet: whether no query is on a thread."""

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        self._is_quiet = is_quiet
        self._usual: Optional[tuple[int, int, int]] = None
        #: containers that outlived the last full pass
        self._old = 0
        self._since: Optional[float] = None
        self._timer: Optional[asyncio.TimerHandle] = None

    def start(self) -> None:
        """Begin. What is there now, modules above all, is not passed through any more."""
        gc.freeze()
        if sys.version_info >= (3, 14):
            return  # it has no full passes
        self._usual = young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, TOO_MUCH)
        self._look_later()

    def stop(self) -> None:
        """Leave it to Python again."""
        if self._timer is not None:
            self._timer.cancel()
        if self._usual is not None:
            gc.set_threshold(*self._usual)
            self._usual = None

    def look(self) -> None:
        """Make a full pass if one is due, and nobody has to wait for it or it has waited too long."""
        if not self._is_due():
            self._since = None
            return
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        if self._is_quiet() or now >= self._since + PATIENCE:
            gc.collect()
            self._old = len(gc.get_objects(generation=2))
            self._since = None

    def _is_due(self) -> bool:
        passes = gc.get_count()[2]
        young, middle, _ = gc.get_threshold()
        return passes >= ENOUGH and passes * young * middle > self._old / 4

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._run)

    def _run(self) -> None:
        self.look()
        self._look_later()
