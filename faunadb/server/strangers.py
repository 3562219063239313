"""Limits on strangers: clients that have not shown a good secret yet."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .asgi import Busy, TooManyAttempts

log = logging.getLogger("faunadb.server")

#: Wrong secrets that one address may try at once, and per second after that.
ATTEMPTS, ATTEMPTS_A_SECOND = 100, 10
#: Seconds that an attempt may have to wait for its turn: who asks one after the other waits, a flood is refused.
PATIENCE = 1.0
#: Seconds between two warnings, so that an attack does not fill the log.
WARNINGS_APART = 60.0
#: How many addresses are remembered.
ADDRESSES = 10_000
#: Requests of strangers that are answered at the same time: on one connection (HTTP/2), and on all together.
ON_ONE_CONNECTION, IN_ALL = 256, 4096


class Strangers:
    """The requests without a known secret that one process is answering."""

    def __init__(self) -> None:
        self._visits: Counter[Any] = Counter()
        self._count = 0
        #: Address -> how many attempts it had left, and when (`time.monotonic`).
        self._left: dict[str, tuple[float, float]] = {}
        self._warned = float("-inf")

    @contextlib.contextmanager
    def visit(self, connection: Any) -> Iterator[None]:
        """A context manager for answering one request. connection: address and port. Raises `Busy` beyond the limits."""
        if self._count >= IN_ALL or self._visits[connection] >= ON_ONE_CONNECTION:
            raise Busy
        self._count += 1
        self._visits[connection] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._visits[connection] -= 1
            if not self._visits[connection]:
                del self._visits[connection]

    def attempt(self, address: str) -> float:
        """Count a secret that is to be checked; the seconds to wait before that.

        Raises `TooManyAttempts` when too many of the address wait already.
        """
        network, now = _network(address), time.monotonic()
        left = self._attempts_left(network, now)
        if left < 2 and now >= self._warned + WARNINGS_APART:
            self._warned = now
            log.warning("many wrong secrets from %s: unknown ones are checked slowly", network)
        wait = max(0.0, 1 - left) / ATTEMPTS_A_SECOND
        if wait > PATIENCE:
            raise TooManyAttempts
        self._left.pop(network, None)
        self._left[network] = (left - 1, now)
        while len(self._left) > ADDRESSES:
            del self._left[next(iter(self._left))]
        return wait

    def succeeded(self, address: str) -> None:
        """The secret was good: give the attempt back."""
        network = _network(address)
        if network in self._left:
            left, since = self._left[network]
            self._left[network] = (left + 1, since)

    def _attempts_left(self, network: str, now: float) -> float:
        left, since = self._left.get(network, (ATTEMPTS, now))
        return min(ATTEMPTS, left + (now - since) * ATTEMPTS_A_SECOND)


def _network(address: str) -> str:
    """What counts as one address. For IPv6 that is a network, since a client there has as many addresses as it likes."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
