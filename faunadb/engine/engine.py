"""The engine: queries, event streams and background work on one store, from opening to closing.

It knows nothing of HTTP: the folder `wire` puts the protocol around it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from . import (
    functions,  # noqa: F401  (importing functions registers the forms)
    opened,
)
from .attempts import told
from .auth.jwks import with_keys
from .background import maintenance
from .background.worker import Background
from .defaults import ANSWERS, DEFAULT_SECRET
from .language import deep
from .language.overruns import Overrun, forget
from .language.values import DATABASES
from .queries import Queries
from .request import Failed, Outcome, Request, Unauthenticated, deadline_of
from .schema.tasks import open_tasks
from .storage import Store, open_store
from .storage.errors import ClockBehind, DeadlineExceeded, StoreUnavailable
from .storage.urls import is_in_memory

if TYPE_CHECKING:
    from .streaming import Opened, Opener

#: While an engine that is being closed waits for indexes, seconds between two looks whether they are built.
BUILDS_POLL_SECONDS = 0.1


class Engine(Queries):
    """A database server without a network. Any thread may use it; close it when done. The parameters are those of `Queries`."""

    def __init__(self, store: Store, **options: Any):
        super().__init__(store, **options)
        #: whether reads never wait for a network or a writer: then a server may try small ones on its event loop
        self.is_quick = store.url.startswith("sqlite:///")
        self.background = Background()
        self._streams: Any = None
        self._starting = threading.Lock()
        self._closed = False
        #: how many seconds `close` waits for indexes that queries of this process have begun to build
        self.patience = 0.0
        self._may_be_building = False

    def __repr__(self) -> str:
        return f"Engine({self.store.url!r})"

    @property
    def is_in_memory(self) -> bool:
        """Whether the store is in the memory of this process."""
        return self.store.url.startswith("sqlite:") and is_in_memory(self.store.url)

    @property
    def streams(self) -> Any:
        """The dispatcher of event streams, started with the first one."""
        if self._streams is None:
            from .streaming import Dispatcher  # late: most programs open no stream

            with self._starting:
                if self._streams is None:
                    self._streams = Dispatcher(self)
        return self._streams

    def start_tasks(self) -> None:
        """Start, in the background, the tasks that committed transactions have left (`schema.tasks`)."""
        self._may_be_building = True
        self.background.submit(lambda: maintenance.run(self))

    def close_streams(self) -> None:
        """End every open event stream."""
        if self._streams is not None:
            self._streams.close()

    def after_fork(self) -> None:
        """In a forked child: go on without the parent's threads, and without the locks that these may hold."""
        self._streams = None
        self._may_be_building = False
        self._starting = threading.Lock()
        self.background.after_fork()

    def close(self) -> None:
        """End streams and background work with their threads, and close the store. Closing again does nothing.

        If `patience` is set, indexes that queries of this process have begun to build may be finished first.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.close_streams()
            self._finish_builds()
        finally:
            self.background.close()
            self.store.close()

    def _finish_builds(self) -> None:
        """Wait for indexes under construction, for up to `patience` seconds. A short program would otherwise end before
        they are built, and leave that to a process that runs longer."""
        ends = time.monotonic() + self.patience
        while self._may_be_building and time.monotonic() < ends:
            if self.background.wait(BUILDS_POLL_SECONDS):
                return
            with self.store.snapshot() as snap:
                self._may_be_building = any(task[0] == "build" for task in open_tasks(snap))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def subscribe(self, request: Request, fields: frozenset[str]) -> Opened:
        """Evaluate a query read-only, and subscribe to the document or set that is its value.

        :param fields: the members of events to send (`streaming.dispatcher.FIELDS`).
        :raises Failed: also for a value that cannot be streamed. Beyond that it raises what `run` raises.
        """
        return self._open(request, fields, lambda opener: opener.one(request))

    def subscribe_together(self, request: Request, sources: list[Any], fields: frozenset[str]) -> Opened:
        """Subscribe to the value of each of several queries. They share a snapshot, the deadline and one stream.

        An error in one of them is an event of its own stream (`streaming.multiplexed`).

        :param request: its `source` is not looked at.
        :param sources: the queries, each like `Request.source`.
        :raises: what `run` raises for the request as a whole.
        """
        return self._open(request, fields, lambda opener: opener.several(request, sources))

    def _open(self, request: Request, fields: frozenset[str], run: Callable[[Opener], Opened]) -> Opened:
        from .streaming import Opener  # late: most programs open no stream

        def run_on_snapshot() -> Opened:
            return self.store.read(
                lambda snap: run(Opener(self, self.streams, self._prepare, fields, snap)),
                request.last_seen,
                deadline_of(request),
            )

        try:
            return with_keys(lambda: deep.with_room(run_on_snapshot))
        except (RecursionError, DeadlineExceeded, Overrun, ClockBehind) as failure:
            raise told(failure) from None
        except StoreUnavailable as failure:
            raise told(failure) from failure
        finally:
            forget()


def open_engine(
    url: str,
    *,
    secret: str = DEFAULT_SECRET,
    root_hashes: tuple[str, ...] = (),
    answers: int = ANSWERS,
    strict_roles: bool = False,
    **options: Any,
) -> Engine:
    """An engine on the store at a URL (``sqlite://``, ``sqlite:///file.db``, ``postgresql://...``).

    :param secret: the root secret, "" for none.
    :param root_hashes: hashes of further root secrets, made by `auth.secrets.hash_root`.
    :param answers: bytes that kept answers may take (`Answers`).
    :param strict_roles: see `Queries`.
    :param options: those of `storage.open_store`.
    :raises BadURL, NotAStore, StoreUnavailable: of `storage.open_store`.
    """
    engine = Engine(
        open_store(url, **options),
        secret=secret,
        root_hashes=root_hashes,
        answers=answers,
        strict_roles=strict_roles,
    )
    opened.add(engine)
    maintenance.start(engine)
    return engine


__all__ = ["DATABASES", "Engine", "Failed", "Outcome", "Request", "Unauthenticated", "open_engine"]
