"""From the value of a query to a subscription (wire protocol, "Streaming", "Request")."""

from __future__ import annotations

from typing import Any

from ..language.errors import Fault, QueryErrors
from ..records import NamedTuple
from ..request import Metrics
from .stream import Stream
from .targets import Target, target_of


class Opened(NamedTuple):
    """A stream that was opened. time: microseconds of the snapshot it begins at. metrics: its query's."""

    stream: Stream
    time: int
    metrics: Metrics


def target_of_value(value: Any) -> Target:
    """What the value of a query stands for as a stream. Raises `QueryErrors`."""
    try:
        return target_of(value)
    except Fault as fault:
        raise QueryErrors([fault.located(None)]) from None
