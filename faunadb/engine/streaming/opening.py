"""From the value of a query to a subscription (wire protocol, "Streaming", "Request")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Union

from ..auth.revalidation import Watch
from ..language.errors import Fault, QueryErrors
from ..language.registry import READ
from ..records import NamedTuple
from ..request import Failed, Metrics, Request
from .dispatcher import Dispatcher, Subscriber
from .stream import Stream
from .targets import Target, target_of

if TYPE_CHECKING:
    from ..language.context import Host
    from ..storage.base import Snapshot
    from .together import Part


class Opened(NamedTuple):
    """A stream that was opened. time: microseconds of the snapshot it begins at. metrics: its query's."""

    stream: Stream
    time: int
    metrics: Metrics


class Opener:
    """Opens streams that begin at one snapshot.

    prepare: parses a request's query for that snapshot: a node, a context to evaluate it in, and who asks, as
    ``node``, ``ctx`` and ``auth``. fields: the members of events to send (`dispatcher.FIELDS`).
    """

    def __init__(
        self,
        host: Host,
        dispatcher: Dispatcher,
        prepare: Callable[[Request, Snapshot], Any],
        fields: frozenset[str],
        snap: Snapshot,
    ):
        self._host = host
        self._dispatcher = dispatcher
        self._prepare = prepare
        self._fields = fields
        self._snap = snap

    def one(self, request: Request) -> Opened:
        """The stream of a request's query. Raises `Failed` when the query fails or its value cannot be streamed."""
        stream = self._dispatcher.stream()
        return Opened(stream, self._snap.time, self._fill(stream, request))

    def several(self, request: Request, sources: list[Any]) -> Opened:
        """The streams of several queries, each of which begins with an event: its start, or what is wrong with it."""
        together = self._dispatcher.streams(len(sources))
        costs = []
        try:
            for part, source in zip(list(together.parts), sources):
                try:
                    costs.append(self._fill(part, request._replace(source=source)))
                except Failed as failed:
                    error = failed.errors.errors[0]
                    part.fail(error.code, error.description)
        except BaseException:
            together.close()
            raise
        return Opened(together, self._snap.time, Metrics(*map(sum, zip(*costs))))

    def _fill(self, stream: Union[Stream, Part], request: Request) -> Metrics:
        """Subscribe a stream to what a query gives; what the query cost."""
        request = request._replace(effect_limit=READ, effect_reason="stream requests")
        prepared = self._prepare(request, self._snap)
        ctx = prepared.ctx
        try:
            target = _target_of_value(prepared.node.eval(ctx, {}))
        except QueryErrors as errors:
            raise Failed(errors, self._snap.time) from None
        watch = Watch(self._host, request.authorization, prepared.auth, self._snap)
        snap = self._snap
        wanted = Subscriber(stream, watch, target, self._fields, request.version, snap.last_txn)
        self._dispatcher.subscribe(wanted, snap.time)
        return Metrics(ctx.compute, ctx.reads, read_ops=ctx.read_ops)


def _target_of_value(value: Any) -> Target:
    """What the value of a query stands for as a stream. Raises `QueryErrors`."""
    try:
        return target_of(value)
    except Fault as fault:
        raise QueryErrors([fault.located(None)]) from None
