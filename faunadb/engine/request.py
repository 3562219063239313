"""A request to the engine, and the ways in which it can end: an outcome, errors, or no principal (401)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from .language.errors import QueryErrors
from .language.registry import WRITE
from .language.stored_answer import PlainAnswer, StoredAnswer
from .records import NamedTuple

if TYPE_CHECKING:
    from .storage import Snapshot

#: Milliseconds that a query may take if the request does not say, and the most that it can say.
DEFAULT_TIMEOUT = 120_000
MAX_TIMEOUT = 600_000
#: Seconds that a query may take which is tried on an event loop (`Request.snapshot`).
QUICK_SECONDS = 0.003
#: How often a transaction that lost to others is retried if the request does not say.
DEFAULT_RETRIES = 4
#: The deadline of a request that has none.
_NEVER = float("inf")


class Request(NamedTuple):
    """What `Engine.run` needs to know of a request.

    authorization: the value of the header, or None. source: the query as JSON data, or as the bytes of its JSON.
    version: of the API. deadline: in `time.monotonic` seconds. last_seen: the transaction time that the answer must not
    be older than, in microseconds. retries: how often to run again if others were first. effect_limit: the strongest
    effect allowed (`language.effects`); effect_reason: what forbids more. writer: run as a writer from the start
    (linearized reads). snapshot: answer from this one and quickly, that is, raise `NotQuick` rather than wait or work
    for longer than `QUICK_SECONDS`.

    A caller who knows these already saves the engine work: secret, the digest by which the authenticator knows the
    authorization (`Authenticator.trusted_name`); and name, which `Answers.name_of` gave, if no answer is kept under it.
    """

    authorization: Optional[str]
    source: Any
    version: str = "4"
    deadline: float = _NEVER
    last_seen: int = 0
    retries: int = DEFAULT_RETRIES
    effect_limit: int = WRITE
    effect_reason: str = ""
    writer: bool = False
    snapshot: Optional[Snapshot] = None
    secret: Optional[bytes] = None
    name: Optional[bytes] = None


def deadline_of(request: Request) -> Optional[float]:
    """A request's deadline as stores take it: None if there is none."""
    deadline = request.deadline
    return None if deadline == _NEVER else deadline


class Metrics(NamedTuple):
    """What a query cost. compute: compute units. read, written: bytes. read_ops, write_ops: operations, as they are billed.

    retries: how often it was run again because others were first.
    """

    compute: int = 0
    read: int = 0
    written: int = 0
    retries: int = 0
    read_ops: int = 0
    write_ops: int = 0

    def lines(self) -> list[str]:
        """The same for people to read, a line for each."""
        return [f"{name}: {value}" for name, value in self._asdict().items()]


#: The JSON of the whole body of an answer, or what makes it.
Body = Union[str, StoredAnswer, PlainAnswer]


class Outcome(NamedTuple):
    """A query's answer. status: of HTTP. time: the transaction time in microseconds (``x-txn-time``). metrics: the fields of
    a `Metrics`, as a plain tuple, which is made quickly.
    """

    status: int
    body: Body
    time: int
    metrics: tuple[int, int, int, int, int, int]

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        body = self.body
        return body if type(body) is str else body.text  # type: ignore[union-attr]

    @property
    def size(self) -> int:
        """About how many characters the body has. Refs of stored documents are not counted."""
        body = self.body
        return len(body) if type(body) is str else body.size  # type: ignore[union-attr]


#: The code of the error that ``abort`` raises.
ABORTED = "transaction aborted"


class NotQuick(Exception):
    """A query that was to be answered quickly (`Request.snapshot`) would write or take longer. It has had no effect."""


class Writes(NotQuick):
    """The query writes. known: what the engine remembers of it, see `Gathered`."""

    def __init__(self, known: Any):
        super().__init__()
        self.known = known


class Gathered:
    """A query that writes, and is run together with others (`Queries.write_together`).

    known: what is remembered of the query (`prepared.Known`), if that has been looked up; else None. result: its outcome,
    or the exception that `Queries.run` would have raised; None as long as the query has had no effect.
    """

    __slots__ = ("known", "request", "result")

    def __init__(self, request: Request, known: Any = None):
        self.request = request
        self.known = known
        self.result: Union[Outcome, Exception, None] = None


class Unauthenticated(Exception):
    """The authorization gives no principal (401). time: that of the snapshot, in microseconds."""

    def __init__(self, snapshot_time: int):
        super().__init__("Unauthorized")
        self.time = snapshot_time


class Failed(Exception):
    """A query ended with errors of FQL. time: that of its snapshot, in microseconds.

    read, read_ops: what it had read, in bytes and operations; these are billed only if ``abort`` ended the query.
    """

    def __init__(self, errors: QueryErrors, snapshot_time: int, read: int = 0, read_ops: int = 0):
        super().__init__(str(errors))
        self.errors = errors
        self.time = snapshot_time
        aborted = any(error.code == ABORTED for error in errors.errors)
        self.read, self.read_ops = (read, read_ops) if aborted else (0, 0)
        self.retries = 0
