"""A request to the engine, and how it ends: an outcome, errors, or no principal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from .language.errors import QueryErrors
from .language.registry import WRITE
from .language.stored_answer import PlainAnswer, StoredAnswer
from .records import NamedTuple

if TYPE_CHECKING:
    from .storage import Snapshot

#: Milliseconds a query may take: when the request does not say, and at most.
DEFAULT_TIMEOUT = 120_000
MAX_TIMEOUT = 600_000
#: Seconds a query tried quickly may take.
QUICK_SECONDS = 0.003
#: Retries of a contended transaction when the request does not say.
DEFAULT_RETRIES = 4


class Request(NamedTuple):
    """What `Engine.run` needs to know of a request.

    authorization: value of the header, or None. source: the query as JSON data, or as bytes that are still to be read.
    last_seen: microseconds. deadline: `time.monotonic` seconds. writer: go through the write path from the start
    (linearized reads). snapshot: answer from it and quickly, that is, raise `NotQuick` rather than wait or work for
    longer than `QUICK_SECONDS`. secret: the `Authenticator.trusted_name` of the authorization. name: of its answer, by
    `Answers.name_of`, which has been looked for. Both where whoever asks knows.
    """

    authorization: Optional[str]
    source: Any
    version: str = "4"
    deadline: float = float("inf")
    last_seen: int = 0
    retries: int = DEFAULT_RETRIES
    effect_limit: int = WRITE
    effect_reason: str = ""
    writer: bool = False
    snapshot: Optional[Snapshot] = None
    secret: Optional[bytes] = None
    name: Optional[bytes] = None


class Metrics(NamedTuple):
    """What a query cost. compute: units. read, written: bytes, and operations. retries: of a contended transaction."""

    compute: int = 0
    read: int = 0
    written: int = 0
    retries: int = 0
    read_ops: int = 0
    write_ops: int = 0

    def lines(self) -> list[str]:
        """The same for people."""
        return [f"{name}: {value}" for name, value in self._asdict().items()]


class Outcome(NamedTuple):
    """A query's answer. body: the JSON of the whole body, or what makes it. time: microseconds for ``x-txn-time``."""

    status: int
    body: Union[str, StoredAnswer, PlainAnswer]
    time: int
    metrics: Metrics

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        body = self.body
        return body if type(body) is str else body.text  # type: ignore[union-attr]

    @property
    def size(self) -> int:
        """Characters of the body, about: a ref is not counted."""
        body = self.body
        return len(body) if type(body) is str else body.size  # type: ignore[union-attr]


#: Code of the error of ``abort``.
ABORTED = "transaction aborted"


class NotQuick(Exception):
    """A query tried quickly turned out to write or to take longer; it has had no effect."""


class Unauthenticated(Exception):
    """No principal: 401. time: the snapshot's."""

    def __init__(self, snapshot_time: int):
        super().__init__("Unauthorized")
        self.time = snapshot_time


class Failed(Exception):
    """A query ended by `errors`; time: its snapshot's. read, read_ops: what it had read, when ``abort`` ended it."""

    def __init__(self, errors: QueryErrors, snapshot_time: int, read: int = 0, read_ops: int = 0):
        super().__init__(str(errors))
        self.errors = errors
        self.time = snapshot_time
        aborted = any(error.code == ABORTED for error in errors.errors)
        self.read, self.read_ops = (read, read_ops) if aborted else (0, 0)
        self.retries = 0
