"""The connections of a process to PostgreSQL for reading, shared by its threads; each is one thread's at a time.

How many there are is looked at, not counted: an exception that another thread injects, or that a signal handler raises, may
come between any two steps, and a number that is raised here and lowered there would stay wrong for ever. (That is why this is
not ``psycopg_pool``: a few hundred such exceptions use up all its places.)
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import deque
from typing import Any, Optional, Union

import psycopg

from .errors import BadURL, StoreError, StoreUnavailable
from .postgres_connection import Connection
from .postgres_schema import Target, connect

#: Seconds after which it is looked again for a free connection, should nobody have told of one; and, between two attempts
#: to connect, at first and at most.
_LOOK_AGAIN = 0.25
_PAUSES = 0.05, 1.0


class _Opening:
    """The place of a connection that is being made."""

    closed = False


class Connections:
    """At most ``target.max_connections``. Whoever takes one gives it back."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._patience = min(10.0, target.patience)
        self._closed = False
        self._lock = threading.Lock()
        #: Free ones. The end of the last transaction of some has not been heard of yet.
        self._idle: list[Connection] = []
        #: All that are there, in use or not. One that nobody knows any more is gone.
        self._all: list[weakref.ref[Union[Connection, _Opening]]] = []
        self._waiting: deque[threading.Lock] = deque()
        #: Why the last attempt to make one failed, and when the next one may be made.
        self._refusal: Optional[str] = None
        self._not_before = 0.0
        self._pause = 0.0

    def take(self) -> Connection:
        """A connection in no transaction but one that `Connection.settle` hears the end of.

        Waits, and tries again to connect, for 10 seconds at most. Raises StoreError, StoreUnavailable.
        """
        conn: Optional[Connection] = None
        opening: Optional[_Opening] = None
        until = time.monotonic() + self._patience
        try:
            while True:
                with self._lock:
                    if self._closed:
                        raise StoreError("the store is closed")
                    conn = self._free()
                    if conn is not None:
                        return conn
                    news = self._wait_for_news()
                    if news is None:
                        opening = _Opening()
                        self._all.append(weakref.ref(opening))
                if news is not None:
                    self._wait(news, until)
                    continue
                assert opening is not None
                conn = self._connect()
                with self._lock:
                    if conn is not None:
                        self._all.append(weakref.ref(conn))
                    opening.closed = True
                if conn is not None:
                    return conn
        except BaseException:
            if conn is not None:
                conn.close()
            if opening is not None:
                opening.closed = True
            self._tell_one()
            raise

    def give_back(self, conn: Connection) -> None:
        """To whoever takes one next. One that is closed makes room."""
        try:
            with self._lock:
                if not (conn.closed or self._closed or conn in self._idle):
                    self._idle.append(conn)
            if self._closed:
                conn.close()
        except BaseException:
            self.drop(conn)
            raise
        self._tell_one()

    def drop(self, conn: Connection) -> None:
        """Close a connection that was taken."""
        with self._lock:
            if conn in self._idle:
                self._idle.remove(conn)
        conn.close()
        self._tell_one()

    def look_after(self) -> None:
        """Close the free ones that are lost: a server that went away took all with it."""
        with self._lock:
            for conn in self._idle:
                _is_lost(conn)
            self._idle = [conn for conn in self._idle if not conn.closed]

    def close(self) -> None:
        self._closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()

    # -- with the lock ------------------------------------------------------------------------------------------

    def _free(self) -> Optional[Connection]:
        idle = self._idle
        for number in reversed(range(len(idle))):
            if idle[number].is_settled():
                return idle.pop(number)
        # A second one is worth more than to wait for the end of what the first has read.
        if len(idle) >= min(2, self._target.max_connections):
            return idle.pop(0)
        return None

    def _wait_for_news(self) -> Optional[threading.Lock]:
        """None where another one may be made now."""
        self._all = [ref for ref in self._all if (each := ref()) is not None and not each.closed]
        if len(self._all) < self._target.max_connections and time.monotonic() >= self._not_before:
            return None
        news = threading.Lock()
        news.acquire()
        self._waiting.append(news)
        return news

    # -- waiting ------------------------------------------------------------------------------------------------

    def _wait(self, news: threading.Lock, until: float) -> None:
        try:
            now = time.monotonic()
            if now >= until:
                if self._refusal is not None:
                    raise StoreUnavailable(self._refusal)
                raise StoreUnavailable(
                    f"no connection to {self._target.shown} became free"
                    f" (at most {self._target.max_connections} are used at once)"
                )
            again = self._not_before if self._not_before > now else now + _LOOK_AGAIN
            news.acquire(timeout=min(until, again, now + _LOOK_AGAIN) - now)
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._waiting.remove(news)

    def _tell_one(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()

    def _connect(self) -> Optional[Connection]:
        """A new one; None where the server has none, for now: then one may become free, or it may come back."""
        try:
            conn: Connection = connect(self._target, Connection)
        except BadURL:
            raise
        except StoreUnavailable as refusal:
            first, most = _PAUSES
            self._pause = min(2 * self._pause, most) if self._refusal is not None else first
            self._not_before = time.monotonic() + self._pause
            self._refusal = str(refusal)
            return None
        self._refusal = None
        try:
            conn.set_up()
        except BaseException:
            conn.close()
            raise
        return conn


def _is_lost(conn: Any) -> bool:
    """Whether the server has closed a connection; it is closed then."""
    try:
        if not conn.closed:
            conn.pgconn.consume_input()
    except psycopg.Error:
        conn.close()
    return bool(conn.closed)
