"""One thread that reads the commit log for all streams of an engine and gives each subscriber its events."""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Union

from .. import forks
from ..auth.revalidation import Watch
from ..auth.roles import PREDICATE_TIME
from ..language.context import Context
from ..language.errors import TICKET
from ..language.legacy import writer_for
from ..language.registry import READ
from ..language.values import Ref
from ..schema.view import SchemaView, schema_view
from ..storage.errors import StoreError
from .events import Change, VersionEvent
from .multiplexed import Channel, MultiplexedStream
from .stream import MAX_BYTES, MAX_EVENTS, Stream, frame
from .targets import Event, Interests, Target

if TYPE_CHECKING:
    from ..background.keeper import Keeper
    from ..language.render import ResponseWriter
    from ..storage.base import Snapshot

logger = logging.getLogger("faunadb.engine")

#: How many streams one engine may have open.
MAX_STREAMS = 50_000
#: How many commits are read at a time.
BATCH = 256
#: How many seconds the predicates of one batch of events may take.
PREDICATE_SECONDS = 30.0
#: How many seconds after a failure the store is asked again.
RETRY_AFTER = 0.5

#: The members of an event in their order, and those that are sent unless the request says otherwise.
FIELDS = ("action", "document", "diff", "prev", "index")
DEFAULT_FIELDS = frozenset(("action", "document"))

LOST = "Authorization lost during stream evaluation."


class Subscriber:
    """One stream, and what it is to be filled with: `target`'s events of commits later than `after`.

    fields: the members of events. version: the API version in which values are written. leaves: it is to be forgotten.
    """

    __slots__ = ("after", "fields", "leaves", "stream", "target", "version", "watch")

    def __init__(
        self,
        stream: Union[Stream, Channel],
        watch: Watch,
        target: Target,
        fields: frozenset[str],
        version: str,
        after: int,
    ):
        self.stream = stream
        self.watch = watch
        self.target = target
        self.fields = fields
        self.version = version
        self.after = after
        self.leaves = False


class Dispatcher:
    """Fills the streams of one engine. Its thread starts with the first subscriber, and listens to the store only while
    there is one.
    """

    def __init__(
        self,
        engine: Keeper,
        *,
        max_streams: int = MAX_STREAMS,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ):
        self.engine = engine
        self.max_streams = max_streams
        self.max_events = max_events
        self.max_bytes = max_bytes
        self._lock = threading.RLock()  # a stream may end while it is being opened, in the same thread
        self._wake = threading.Event()
        self._arriving: list[Subscriber] = []
        self._leaving: list[Subscriber] = []
        self._count = 0
        self._ids = itertools.count(time.time_ns() // 1000)
        self._closed = False
        self._thread: Optional[threading.Thread] = None
        # Only the thread uses what follows.
        self._subscribers: set[Subscriber] = set()
        self._interests = Interests()
        self._position = 0
        self._listening = False
        #: when to try again after a failure, in `time.monotonic` seconds
        self._again_at: Optional[float] = None

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._count

    # ---- any thread -----------------------------------------------------------------------------------------

    def stream(self) -> Stream:
        """A new stream, not filled yet."""
        return Stream(str(next(self._ids)), max_events=self.max_events, max_bytes=self.max_bytes)

    def multiplexed_stream(self, count: int) -> MultiplexedStream:
        """A new stream of ``count`` channels for one reader, not filled yet."""
        number = str(next(self._ids))
        return MultiplexedStream(number, count, max_events=self.max_events, max_bytes=self.max_bytes)

    def subscribe(self, subscriber: Subscriber, began: int) -> None:
        """Fill a stream from now on: its first event is ``start``, then come those that the subscriber wants.

        began: time of the snapshot that the stream follows, in microseconds. When too many streams are open, its only
        event is the documented error.
        """
        stream = subscriber.stream
        with self._lock:
            if self._closed:
                stream.fail("time out", "Stream was unexpectedly closed by its source.")
                return
            if self._count >= self.max_streams:
                stream.fail("too many requests", "Too many open streams.")
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="faunadb-streams", daemon=True)
                thread.start()
                self._thread = thread
            self._count += 1
            stream.on_end = partial(self._leave, subscriber)
            stream.put(frame("start", began, str(began)))
            self._arriving.append(subscriber)
            # A channel may have been ended by the events of the others, before `on_end` was set.
            if not stream.open:
                self._leave(subscriber)
        self._wake.set()

    def _leave(self, subscriber: Subscriber) -> None:
        with self._lock:
            if not subscriber.leaves:
                subscriber.leaves = True
                self._leaving.append(subscriber)
        self._wake.set()

    def close(self) -> None:
        """End every stream and the thread. Idempotent."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            forks.outside(thread.join)

    def _committed(self, txn: int) -> None:
        self._wake.set()

    # ---- the thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait(None if self._again_at is None else max(0.0, self._again_at - time.monotonic()))
            self._wake.clear()
            self._again_at = None
            if self._closed:
                break
            forks.visit(lambda: self._try(self._admit()))
        if self._listening:
            self.engine.store.remove_listener(self._committed)
        self._end_all()

    def _listen(self) -> None:
        """Listen to the store while there are subscribers."""
        if self._subscribers and not self._listening:
            self.engine.store.add_listener(self._committed)
            self._position = min(subscriber.after for subscriber in self._subscribers)
            self._listening = True
        elif self._listening and not self._subscribers:
            self.engine.store.remove_listener(self._committed)
            self._listening = False

    def _admit(self) -> list[Subscriber]:
        """Add the subscribers that have arrived and remove those that have left. Returns those added."""
        with self._lock:
            arriving, self._arriving = self._arriving, []
            leaving, self._leaving = self._leaving, []
            self._count -= len(leaving)
        for subscriber in arriving:
            self._subscribers.add(subscriber)
            self._interests.add(subscriber)
        for subscriber in leaving:
            self._subscribers.discard(subscriber)
            self._interests.discard(subscriber)
        return [subscriber for subscriber in arriving if subscriber in self._subscribers]

    def _end_all(self) -> None:
        with self._lock:
            arriving, self._arriving = self._arriving, []
        for subscriber in [*self._subscribers, *arriving]:
            subscriber.stream.end()

    def _try(self, arrived: list[Subscriber]) -> None:
        """Send everybody the events up to now. When that fails, try again a moment later."""
        # The snapshot of a new subscriber may be older than what the others have seen, so it reads what is between by
        # itself. It gets no commit twice, since `after` is checked for each.
        try:
            self._listen()
            for subscriber in arrived:
                if subscriber.after < self._position:
                    self._catch_up_alone(subscriber)
            if self._subscribers:
                self._catch_up()
        except Exception:
            if self._closed:
                return
            logger.exception("reading the commit log for streams failed; trying again")
            with self._lock:
                self._arriving = [*arrived, *self._arriving]
            self._again_at = time.monotonic() + RETRY_AFTER

    def _catch_up_alone(self, subscriber: Subscriber) -> None:
        alone = Interests()
        alone.add(subscriber)
        while subscriber.after < self._position:
            with self.engine.store.snapshot() as snap:
                commits = [row for row in snap.commits(subscriber.after, BATCH) if row[0] <= self._position]
                self._deliver(snap, alone, commits)
            subscriber.after = commits[-1][0] if commits else self._position

    def _catch_up(self) -> None:
        while not self._closed:
            with self.engine.store.snapshot() as snap:
                commits = snap.commits(self._position, BATCH)
                if not commits:
                    return
                self._deliver(snap, self._interests, commits)
            self._position = commits[-1][0]

    def _deliver(self, snap: Snapshot, interests: Interests, commits: list[tuple[int, str]]) -> None:
        schema = schema_view(self.engine, snap)
        batch = _Batch(self.engine, snap, schema)
        for txn, text in commits:
            batch.begin()
            events: dict[Subscriber, list[Event]] = {}
            for change in _changes(snap, interests, txn, text):
                for subscriber, event in interests.events(batch.context_of(change.ref.scope), change):
                    if subscriber.after < txn:
                        events.setdefault(subscriber, []).append(event)
            for subscriber, found in events.items():
                if subscriber.stream.open:
                    batch.send(subscriber, txn, found)
                subscriber.after = txn


def _changes(snap: Snapshot, interests: Interests, txn: int, text: str) -> list[Change]:
    changes = []
    for entry in json.loads(text):
        if entry[0] not in ("put", "drop"):
            continue
        ref = Ref(entry[1], entry[2], entry[3])
        if not interests.concerns(ref):
            continue
        changes.append(Change(snap, txn, entry))
    return changes


class _Batch:
    """Filters and writes the events of a batch of commits, as of one snapshot."""

    def __init__(self, engine: Keeper, snap: Snapshot, schema: SchemaView):
        self.engine = engine
        self.snap = snap
        self.schema = schema
        self._own: dict[int, Context] = {}
        self._written: dict[tuple[Any, ...], bytes] = {}

    def begin(self) -> None:
        """Begin with the next transaction."""
        self._written.clear()

    def context_of(self, scope: int) -> Context:
        """The engine's own context in a database, in which index bindings are evaluated."""
        found = self._own.get(scope)
        if found is None:
            found = self._own[scope] = self._context(_Nobody(scope), "4")
        return found

    def _context(self, auth: Any, version: str) -> Context:
        return Context(
            self.engine,
            self.snap,
            self.schema,
            auth,
            version=version,
            deadline=time.monotonic() + PREDICATE_SECONDS,
            effect_limit=READ,
            effect_reason="stream requests",
        )

    def send(self, subscriber: Subscriber, txn: int, events: list[Event]) -> None:
        """Give a subscriber those events of one transaction that it may see."""
        stream = subscriber.stream
        try:
            if not subscriber.watch.holds(self.snap, self.schema):
                stream.fail("permission denied", LOST, txn)
                return
            ctx = self._context(subscriber.watch.auth, subscriber.version)
            # Predicates read as of the transaction: documents may have changed since.
            ctx.cache[PREDICATE_TIME] = txn
            frames = [
                self._frame(ctx, subscriber, txn, event)
                for event in events
                if subscriber.target.permits(ctx, event)
            ]
            for each in frames:
                stream.put(each)
        except StoreError:
            raise  # nothing was put into the stream: the batch is tried again
        except Exception as failure:
            # One subscriber's failure (such as a predicate out of time) must not stop the others.
            logger.exception("a stream failed")
            text = f"{type(failure).__name__}\n{TICKET}"
            stream.fail("internal server error", text)

    def _frame(self, ctx: Context, subscriber: Subscriber, txn: int, event: Event) -> bytes:
        # Subscribers to which an event looks the same share its text.
        key = (id(event), ctx.scope, subscriber.version, subscriber.fields)
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = _frame(ctx, subscriber, txn, event)
        return found


class _Nobody:
    """Stands for the engine itself where a context needs a principal."""

    kind = "engine"
    permissions = None

    def __init__(self, scope: int):
        self.scope = scope


def _frame(ctx: Context, subscriber: Subscriber, txn: int, event: Event) -> bytes:
    writer = writer_for(ctx)
    kind, members = _members(writer, subscriber.target, event)
    shown = [f'"{name}":{members[name]}' for name in FIELDS if name in subscriber.fields and name in members]
    return frame(kind, txn, "{" + ",".join(shown) + "}")


def _members(writer: ResponseWriter, target: Target, event: Event) -> tuple[str, dict[str, str]]:
    """Type of an event, and the text of every member it could show."""
    members = {"action": f'"{event.action}"'}
    if isinstance(event, VersionEvent):
        for name in ("document", "diff", "prev"):
            document = getattr(event, name)
            if document is not None:
                members[name] = writer.text(document)
        return event.type, members
    members["document"] = f'{{"ref":{writer.text(event.ref)},"ts":{event.ts}}}'
    index = {**(target.shown_index() or {}), "values": event.values or []}
    members["index"] = "{" + ",".join(writer.members(index)) + "}"
    return "set", members
