"""A query that writes may run several times before it has its result: what is told of it then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional, Union

from .auth.jwks import KeysNeeded
from .language.errors import RequestError, contended, timed_out
from .language.overruns import Overrun
from .request import Failed, Metrics, Outcome
from .storage.errors import ClockBehind, Contended, DeadlineExceeded, StoreUnavailable
from .storage.unresolved import Forms

if TYPE_CHECKING:
    from .storage import Transaction
    from .storage.group_commit import Job


class Attempts:
    """A work, as the store runs it, once or several times. losses: how often it has lost to others."""

    __slots__ = ("_work", "losses")

    def __init__(self, work: Callable[[Transaction], Outcome]) -> None:
        self._work = work
        self.losses = 0

    def __call__(self, tx: Transaction) -> Outcome:
        self.losses = tx.losses
        return self._work(tx)

    def outcome(self, outcome: Outcome, txn: Optional[int]) -> Outcome:
        """What it gave in the end, as it is to be told. txn: the time of its transaction, if it has written."""
        if txn is not None and outcome.time != txn:
            text = Forms(outcome.time).text(outcome.text, txn)
            outcome = outcome._replace(body=text, time=txn)
        if not self.losses:
            return outcome
        return outcome._replace(metrics=Metrics(*outcome.metrics)._replace(retries=self.losses))

    def result(self, job: Job) -> Union[Outcome, Exception, None]:
        """The result (`Gathered`) of a job that is over."""
        if job.error is None:
            return self.outcome(job.result, job.txn)
        error = job.take_error()
        is_mine = isinstance(error, (Exception, Overrun))  # others are meant for the thread
        if not is_mine or isinstance(error, (RecursionError, KeysNeeded, Contended)):
            return None
        if isinstance(error, (Failed, RequestError)):
            error.retries = self.losses
        return told(error)


def told(failure: BaseException) -> Exception:
    """The exception that tells a client of one."""
    if isinstance(failure, RecursionError):
        return RequestError(400, "stack overflow", "The query is nested too deeply.")
    if isinstance(failure, (DeadlineExceeded, Overrun)):
        return timed_out("Query eval has timed out.")
    if isinstance(failure, ClockBehind):
        return timed_out("Timed out before deadline")
    if isinstance(failure, Contended):
        return contended()
    if isinstance(failure, StoreUnavailable):
        return RequestError(503, "unavailable", str(failure))
    assert isinstance(failure, Exception)
    return failure
