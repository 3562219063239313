"""The engine: queries, event streams and what runs in the background, on one store, from opening to closing.

The folder `wire` puts the protocol around it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from . import (
    functions,  # noqa: F401  (importing functions registers the forms)
    opened,
)
from .auth.jwks import with_keys
from .background import maintenance
from .background.worker import Background
from .defaults import ANSWERS, DEFAULT_SECRET
from .language import deep
from .language.errors import RequestError, timed_out
from .language.overruns import Overrun, forget
from .language.values import DATABASES
from .queries import Queries
from .request import DEFAULT_TIMEOUT, Failed, Outcome, Request, Unauthenticated
from .schema.tasks import open_tasks
from .storage import Store, open_store
from .storage.errors import ClockBehind, StoreUnavailable
from .storage.urls import is_in_memory

if TYPE_CHECKING:
    from .streaming import Opened, Opener

#: Seconds between two looks at the indexes that are waited for.
FINISHING = 0.1


class Engine(Queries):
    """A database server without a network. Thread-safe; close it when done. Made as `Queries` are."""

    def __init__(self, store: Store, **options: Any):
        super().__init__(store, **options)
        #: reading never waits for a network or for a writer, so that small reads may be tried in place
        self.is_quick = store.url.startswith("sqlite:///")
        self.background = Background()
        self._streams: Any = None
        self._starting = threading.Lock()
        self._closed = False
        #: seconds that closing waits for the indexes which queries of this process have begun to build
        self.patience = 0.0
        self._has_begun = False

    def __repr__(self) -> str:
        return f"Engine({self.store.url!r})"

    @property
    def is_in_memory(self) -> bool:
        """True when the store belongs to this process alone."""
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

    def see_to_tasks(self) -> None:
        """As `language.context.Host` asks."""
        self._has_begun = True
        self.background.submit(lambda: maintenance.run(self))

    def close_streams(self) -> None:
        """End every open event stream."""
        if self._streams is not None:
            self._streams.close()

    def begin_again(self) -> None:
        """In a forked child: go on without the threads of the parent, and without their locks."""
        self._streams = None
        self._has_begun = False
        self._starting = threading.Lock()
        self.background.begin_again()

    def close(self) -> None:
        """End background work and streams with their threads, and close the store. Closing again does nothing.

        With `patience`, indexes that queries of this process have begun to build are finished first, if they can be.
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
        """For as long as `patience` says: a process that lives for a moment would leave its indexes to the next one
        that lives longer."""
        ends = time.monotonic() + self.patience
        while self._has_begun and time.monotonic() < ends and not self.background.wait(FINISHING):
            with self.store.snapshot() as snap:
                self._has_begun = any(task[0] == "build" for task in open_tasks(snap))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def subscribe(self, request: Request, fields: frozenset[str]) -> Opened:
        """Evaluate a query read-only and subscribe to what it gives.

        fields: the members of events to send (`streaming.dispatcher.FIELDS`). Raises what `run` raises; also `Failed`
        for a value that cannot be streamed.
        """
        return self._open(request, fields, lambda opener: opener.one(request))

    def subscribe_together(self, request: Request, sources: list[Any], fields: frozenset[str]) -> Opened:
        """Subscribe to what each of several queries gives; they share a snapshot, the deadline and one reader.

        sources: the queries, each like `Request.source`; the request's own is not looked at. What is wrong with one of
        them is an event of its stream (`streaming.together`). Raises what `run` raises for the request as a whole.
        """
        return self._open(request, fields, lambda opener: opener.several(request, sources))

    def _open(self, request: Request, fields: frozenset[str], run: Callable[[Opener], Opened]) -> Opened:
        from .streaming import Opener  # late: most programs open no stream

        def run_on_snapshot() -> Opened:
            return self.store.read(
                lambda snap: run(Opener(self, self.streams, self._prepare, fields, snap)), request.last_seen
            )

        try:
            return with_keys(lambda: deep.with_room(run_on_snapshot))
        except RecursionError:
            raise RequestError(400, "stack overflow", "The query is nested too deeply.") from None
        except ClockBehind:
            raise timed_out("Timed out before deadline") from None
        except Overrun:
            raise timed_out("Query eval has timed out.") from None
        except StoreUnavailable as failure:
            raise RequestError(503, "unavailable", str(failure)) from failure
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
    """An engine on the store at url (``sqlite://``, ``sqlite:///file.db``, ``postgresql://...``).

    secret: the root secret, "" for none. root_hashes: those of further ones (`auth.secrets.hash_root`). answers: bytes of
    answers to keep (`Answers`). strict_roles: see `Engine`. options: those of `storage.open_store`. Raises its errors.
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


def default_deadline() -> float:
    return time.monotonic() + DEFAULT_TIMEOUT / 1000


__all__ = ["DATABASES", "Engine", "Failed", "Outcome", "Request", "Unauthenticated", "open_engine"]
