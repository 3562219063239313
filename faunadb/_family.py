"""What a client shares with its session clients: the latest transaction time seen, and the number of clients."""

from __future__ import annotations

import threading
from typing import Optional

#: Times from here on (in microseconds) do not fit 64 bits: a server would refuse every request that names one.
_TIME_LIMIT = 1 << 63


class _LastTxnTime:
    """The latest transaction time that any of the clients has seen. Moves forward only."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._time: Optional[int] = None

    @property
    def time(self) -> Optional[int]:
        """Microseconds since the epoch; ``None`` before the first response."""
        return self._time

    @property
    def request_header(self) -> dict[str, str]:
        """The headers that tell a server this time; none before the first response."""
        if self._time is None:
            return {}
        text = str(self._time)
        return {"X-Last-Seen-Txn": text, "X-Last-Txn-Time": text}

    def update_txn_time(self, new_txn_time: int) -> None:
        """Move forward to a time in microseconds. An earlier time changes nothing, nor does one beyond 64 bits."""
        with self.lock:
            if (self._time is None or new_txn_time > self._time) and new_txn_time < _TIME_LIMIT:
                self._time = new_txn_time


class _Counter:
    """How many clients use a session."""

    def __init__(self, init_value: int = 0) -> None:
        # Reentrant: the garbage collector may close a client of the family while this thread holds the lock.
        self.lock = threading.RLock()
        self.counter = init_value

    def __str__(self) -> str:
        return f"Counter({self.counter})"

    def get_and_increment(self) -> int:
        """Add one and return the number before."""
        with self.lock:
            before = self.counter
            self.counter += 1
            return before

    def decrement(self) -> int:
        """Subtract one and return the number after."""
        with self.lock:
            self.counter -= 1
            return self.counter

    def increment_unless_zero(self) -> bool:
        """Add one and return ``True``, unless nothing is counted any more."""
        with self.lock:
            if self.counter <= 0:
                return False
            self.counter += 1
            return True
