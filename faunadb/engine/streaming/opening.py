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
    from .multiplexed import Channel


class Opened(NamedTuple):
    """A stream that was opened. time: of the snapshot it begins at, in microseconds. metrics: those of its query."""

    stream: Stream
    time: int
    metrics: Metrics


class Opener:
    """Opens streams that begin at one snapshot.

    prepare: parses a request's query for that snapshot; returns the node, the context to evaluate it in and the
    principal, as ``node``, ``ctx`` and ``auth``. fields: the members of events to send (`dispatcher.FIELDS`).
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
        """One stream for several queries, a channel each. A channel begins with its start, or with its query's error."""
        stream = self._dispatcher.multiplexed_stream(len(sources))
        costs = []
        try:
            for channel, source in zip(list(stream.channels), sources):
                try:
                    costs.append(self._fill(channel, request._replace(source=source)))
                except Failed as failed:
                    error = failed.errors.errors[0]
                    channel.fail(error.code, error.description)
        except BaseException:
            stream.close()
            raise
        return Opened(stream, self._snap.time, Metrics(*map(sum, zip(*costs))))

    def _fill(self, stream: Union[Stream, Channel], request: Request) -> Metrics:
        """Subscribe a stream to the value of a query; return what the query cost."""
        request = request._replace(effect_limit=READ, effect_reason="stream requests")
        ctx = self._prepare(request, self._snap)
        try:
            target = _target_of_value(ctx.node.eval(ctx, {}))
        except QueryErrors as errors:
            raise Failed(errors, self._snap.time) from None
        watch = Watch(self._host, request.authorization, ctx.auth, self._snap)
        snap = self._snap
        wanted = Subscriber(stream, watch, target, self._fields, request.version, snap.last_txn)
        self._dispatcher.subscribe(wanted, snap.time)
        return Metrics(ctx.compute, ctx.reads, read_ops=ctx.read_ops)


def _target_of_value(value: Any) -> Target:
    """What to subscribe to for the value of a query. Raises `QueryErrors` when it cannot be streamed."""
    try:
        return target_of(value)
    except Fault as fault:
        raise QueryErrors([fault.located(None)]) from None
