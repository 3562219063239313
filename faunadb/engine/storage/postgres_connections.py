"""The pool of connections for reading from PostgreSQL, which the threads of a process share. One thread at a time has each.

An exception that another thread injects, or that a signal handler raises, may come between any two steps. A counter of
connections that is raised in one place and lowered in another would stay wrong after that, so connections are counted by
looking at those that exist. (This is why it is not ``psycopg_pool``: a few hundred such exceptions use up all its places.)
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import deque
from typing import Any, Optional, Union

import psycopg

from .errors import STORE_CLOSED, BadURL, DeadlineExceeded, StoreError, StoreUnavailable
from .postgres_connection import Connection
from .postgres_schema import Target, connect

#: After how many seconds a waiting thread looks again for a free connection, if it was not woken. And the seconds between two
#: attempts to connect: at first, and at most.
_LOOK_AGAIN = 0.25
_PAUSES = 0.05, 1.0


class _Opening:
    """Holds the place of a connection that is being opened."""

    closed = False


class Connections:
    """A pool of at most ``target.max_connections`` connections. Whoever takes one gives it back."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._patience = min(10.0, target.patience)
        self._closed = False
        self._lock = threading.Lock()
        #: those that are not in use; some still wait for the server's answer to the end of their last transaction
        self._idle: list[Connection] = []
        #: all connections, in use or not; weak references, so that one which was lost by an exception does not count
        self._all: list[weakref.ref[Union[Connection, _Opening]]] = []
        #: the locks of threads that wait, which are released to wake them
        self._waiting: deque[threading.Lock] = deque()
        #: why the last attempt to connect failed, if it did, and when the next one may be made
        self._refusal: Optional[str] = None
        self._not_before = 0.0
        self._pause = 0.0

    def take(self, deadline: Optional[float] = None) -> Connection:
        """A connection without an open transaction, for which `Connection.settle` must be called first.

        This waits, and tries to connect again, for up to 10 seconds. deadline: after this (in `time.monotonic` seconds) it
        does not wait either. Raises StoreError, StoreUnavailable, DeadlineExceeded.
        """
        conn: Optional[Connection] = None
        opening: Optional[_Opening] = None
        until = time.monotonic() + self._patience
        if deadline is not None and deadline < until:
            until = deadline
        else:
            deadline = None
        try:
            while True:
                with self._lock:
                    if self._closed:
                        raise StoreError(STORE_CLOSED)
                    conn = self._free()
                    if conn is not None:
                        return conn
                    news = self._wait_for_news()
                    if news is None:
                        opening = _Opening()
                        self._all.append(weakref.ref(opening))
                if news is not None:
                    self._wait(news, until, deadline is not None)
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
        """Give a connection back, for others to take. If it is closed, there is room for another one."""
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
        """Close a connection that was taken, instead of giving it back."""
        with self._lock:
            if conn in self._idle:
                self._idle.remove(conn)
        conn.close()
        self._tell_one()

    def look_after(self) -> None:
        """Close the free connections that are lost. If one is lost because the server stopped, all are."""
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
        # With only one free connection, opening a second one is better than waiting for the end of the first one's transaction.
        if len(idle) >= min(2, self._target.max_connections):
            return idle.pop(0)
        return None

    def _wait_for_news(self) -> Optional[threading.Lock]:
        """A lock to wait for, which is released when a connection may be free. None if another one may be opened now."""
        self._all = [ref for ref in self._all if (each := ref()) is not None and not each.closed]
        if len(self._all) < self._target.max_connections and time.monotonic() >= self._not_before:
            return None
        news = threading.Lock()
        news.acquire()
        self._waiting.append(news)
        return news

    # -- waiting ------------------------------------------------------------------------------------------------

    def _wait(self, news: threading.Lock, until: float, is_deadline: bool) -> None:
        try:
            now = time.monotonic()
            if now >= until:
                if is_deadline:
                    raise DeadlineExceeded("the deadline passed before there was a connection")
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
        """A new connection. None if the server gives none now; then another one may become free, or the server come back."""
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
    """Whether the server has closed a connection; if so, it is closed here, too."""
    try:
        if not conn.closed:
            conn.pgconn.consume_input()
    except psycopg.Error:
        conn.close()
    return bool(conn.closed)
