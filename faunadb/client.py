"""The client: sends queries to an endpoint, and returns their results."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Optional

from faunadb import __api_version__
from faunadb._endpoint import Endpoint, resolve_endpoint
from faunadb._exchanges import Exchanges, Observer, driver_headers
from faunadb._family import _Counter, _LastTxnTime
from faunadb._keywords import Keywords, warn_of_unknown
from faunadb.errors import UnexpectedError
from faunadb.query import ExprArg, _wrap

# ``requests`` takes longer to load than all else together, so the first client loads it, not this module.
if TYPE_CHECKING:
    from requests import Session
    from typing_extensions import Unpack

    from faunadb._transport import Seconds
    from faunadb.streams import Subscription

API_VERSION: str = __api_version__
api_version = API_VERSION


class FaunaClient(Exchanges):
    """A client of an FQL v4 database.

    :param secret: Secret of a key or token, or a JWT.
    :param domain: Host of the server. Not used when ``endpoint`` is given.
    :param scheme: ``"https"`` or ``"http"``.
    :param port: TCP port; 443 for https and 80 for http when ``None``.
    :param timeout: Seconds to wait for a connection and for each read of a response (streams excepted). A pair
        sets them separately, ``None`` waits for ever. For the engine in this process: how many seconds a query may
        take.
    :param observer: Called with a :class:`~faunadb.request_result.RequestResult` after each exchange, failed
        ones included, before anything is raised.
    :param pool_connections: How many hosts connections are kept for.
    :param pool_maxsize: How many connections to a host are kept.
    :param endpoint: Where the database is: the URL of a server (``http://localhost:8443``), or a database URL
        for the engine in this process (``sqlite:///spells.db``, ``sqlite://`` for memory,
        ``postgresql://user@host/db``). The environment variable ``FAUNA_ENDPOINT`` counts when neither this
        nor ``domain`` names another host than one under ``fauna.com``.
    :param query_timeout_ms: Keyword. How long a query may take on the server, in milliseconds (``int`` or
        numeric ``str``).
    :param session: Keyword. A ``requests.Session`` to share, with ``counter`` and ``last_txn_time`` of the
        client that it comes from. :meth:`new_session_client` is the easier way.
    :raises ValueError: When the endpoint is malformed, or a timeout is no number.

    Other keywords do nothing, and warn (``UserWarning``).

    A client may be used by many threads at once. It closes its connections when it and all clients that share
    them are gone or closed.
    """

    def __init__(
        self,
        secret: Optional[str],
        domain: str = "db.fauna.com",
        scheme: str = "https",
        port: Optional[int] = None,
        timeout: Seconds = 60,
        observer: Optional[Observer] = None,
        pool_connections: int = 10,
        pool_maxsize: int = 10,
        endpoint: Optional[str] = None,
        **kwargs: Unpack[Keywords],
    ) -> None:
        self._closed = True  # until there is something to close
        warn_of_unknown(kwargs, FaunaClient.__init__)
        self.domain = domain
        self.scheme = scheme
        self.port: int = (443 if scheme == "https" else 80) if port is None else port
        from faunadb._auth import HTTPBearerAuth
        from faunadb._transport import as_timeout

        self.auth = HTTPBearerAuth(secret)
        self.observer = observer
        self.pool_connections = pool_connections
        self.pool_maxsize = pool_maxsize
        self._timeout = as_timeout(timeout)
        self._query_timeout_ms = _milliseconds(kwargs.get("query_timeout_ms"))
        self._endpoint: Endpoint = kwargs.get("_resolved_endpoint") or self._resolve(endpoint)
        self._last_txn_time: _LastTxnTime = kwargs.get("last_txn_time") or _LastTxnTime()
        self._shortcut = None
        self.session: Session = kwargs.get("session") or self._new_session(timeout)
        self.counter: _Counter = kwargs.get("counter") or _Counter(1)
        self._closed = False
        _clients[id(self)] = self
        self._prepare_session()

    def _resolve(self, endpoint: Optional[str]) -> Endpoint:
        return resolve_endpoint(self.scheme, self.domain, self.port, endpoint, os.environ)

    @property
    def base_url(self) -> str:
        """Where requests go: ``scheme://domain:port``, or ``endpoint`` without trailing slashes. May be set to another URL.

        :raises ValueError: When it is set to what is no endpoint.
        """
        return self._endpoint.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        if url != self._endpoint.base_url:  # which does not show a password that it has
            self._endpoint = self._resolve(url)
            self._shortcut = None
            self._prepare_session()

    def _new_session(self, timeout: Seconds) -> Session:
        from faunadb._transport import prepare_session

        make: Callable[[], Session] = sys.modules[__name__].Session  # tests replace it here
        return prepare_session(make(), driver_headers(), timeout, self.pool_connections, self.pool_maxsize)

    def _prepare_session(self) -> None:
        """Mount the engine's adapter, if the endpoint is a database in this process and the session has none yet."""
        engine_url = self._endpoint.engine_url
        if engine_url is None or self._endpoint.root in getattr(self.session, "adapters", ()):
            return
        # late: only those who use the engine load it
        from faunadb._transport import seconds
        from faunadb.engine.adapter import EngineAdapter

        # An application that still names the hosted service has the secret of a key of that service, which the
        # database in this process does not know. The adapter accepts it as root's.
        hosted = self.auth.secret if self._endpoint.is_redirected else None
        self.session.mount(
            self._endpoint.root,
            EngineAdapter(engine_url, hosted_secret=hosted, timeout=seconds(self._timeout)),
        )

    def __repr__(self) -> str:
        return f"FaunaClient(endpoint={self.base_url!r})"

    def __enter__(self) -> FaunaClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this client. The last client that shares a session closes its connections; closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.counter.decrement() == 0:
            self.session.close()

    def __del__(self) -> None:
        # The constructor may have failed before its first line. At exit, modules may be gone already, and a stopped
        # thread may hold a lock that closing would wait for.
        if not getattr(self, "_closed", True) and not sys.is_finalizing():
            self.close()

    def check_new_version(self) -> None:
        """Do nothing. The official driver looked for newer versions here, and applications replace it."""

    def sync_last_txn_time(self, new_txn_time: int) -> None:
        """Make sure that queries from now on see all that was committed up to a time.

        For instance to read in one process what another one has written. The time only moves forward.

        :param new_txn_time: Transaction time, in microseconds since the epoch.
        """
        self._last_txn_time.update_txn_time(new_txn_time)

    def get_last_txn_time(self) -> Optional[int]:
        """Return the latest transaction time seen, in microseconds; ``None`` before the first query."""
        return self._last_txn_time.time

    def get_query_timeout(self) -> Optional[int]:
        """Return how long queries may take, in milliseconds; ``None`` when the server decides."""
        return self._query_timeout_ms

    def query(
        self,
        expression: ExprArg,
        timeout_millis: Optional[int] = None,
        tags: Optional[Mapping[str, str]] = None,
        traceparent: Optional[str] = None,
    ) -> Any:
        """Evaluate an expression in the database and return its value.

        :param expression: See :mod:`faunadb.query`; plain Python values are wrapped.
        :param timeout_millis: How long this query may take on the server, in milliseconds.
        :param tags: Names and values (``str``) that the server attaches to its log of this query.
        :param traceparent: W3C trace context to continue; ignored when it is not well formed.
        :raises HttpError: When the query fails; the subclass says in which way.
        :raises UnexpectedError: When the expression cannot be sent, or the response cannot be understood.
        :raises requests.exceptions.RequestException: When there is no response.
        """
        return self._execute(
            "POST",
            "/",
            _wrap(expression),
            with_txn_time=True,
            query_timeout_ms=timeout_millis,
            tags=tags,
            traceparent=traceparent,
        )

    def stream(
        self,
        expression: ExprArg,
        options: Optional[dict[str, Any]] = None,
        on_start: Optional[Callable[[Any], Any]] = None,
        on_error: Optional[Callable[[Any], Any]] = None,
        on_version: Optional[Callable[[Any], Any]] = None,
        on_history: Optional[Callable[[Any], Any]] = None,
        on_set: Optional[Callable[[Any], Any]] = None,
    ) -> Subscription:
        """Return a subscription to the changes of a document or set. Nothing is sent until its ``start()``.

        :param expression: A reference, document or set.
        :param options: ``{"fields": [...]}`` selects what events contain: ``action``, ``document``, ``diff``,
            ``prev``, and for sets ``index``.
        :param on_start: Called with the first event, a :class:`~faunadb.streams.events.Start`.
        :param on_error: Called with an :class:`~faunadb.streams.events.Error`, whatever goes wrong.
        :param on_version: Called with a :class:`~faunadb.streams.events.Version` for each change.
        :param on_history: Called with a :class:`~faunadb.streams.events.HistoryRewrite`.
        :param on_set: Called with a :class:`~faunadb.streams.events.Set` for each change of a set.
        :raises ValueError: When a field is not one of these.
        :raises UnexpectedError: When the expression cannot be sent.
        """
        from faunadb.streams import Subscription  # late: most programs open no stream

        subscription = Subscription(self, expression, options)
        subscription.on("start", on_start)
        subscription.on("error", on_error)
        subscription.on("version", on_version)
        subscription.on("history_rewrite", on_history)
        subscription.on("set", on_set)
        return subscription

    def ping(self, scope: Optional[str] = None, timeout: Optional[int] = None) -> str:
        """Ask the server whether it works, and return its answer.

        :param scope: How far to look: ``"node"``, ``"local"`` (or ``"read"``), ``"global"`` (or ``"write"``),
            ``"all"``.
        :param timeout: How long the server may take, in milliseconds.
        :raises UnavailableError: When it does not work.
        """
        answer: str = self._execute("GET", "/ping", query={"scope": scope, "timeout": timeout})
        return answer

    def new_session_client(self, secret: Optional[str], observer: Optional[Observer] = None) -> FaunaClient:
        """Return a client with another secret that shares connections, endpoint, transaction time and
        timeouts.

        :param observer: This client's observer when ``None``.
        :raises UnexpectedError: When this client is closed.
        """
        if self._closed or not self.counter.increment_unless_zero():
            # Spelled as in the official driver: programs look for this text.
            raise UnexpectedError("Cannnot create a session client from a closed session", None)
        try:
            return FaunaClient(
                secret,
                domain=self.domain,
                scheme=self.scheme,
                port=self.port,
                timeout=self._timeout,
                observer=observer or self.observer,
                pool_connections=self.pool_connections,
                pool_maxsize=self.pool_maxsize,
                session=self.session,
                counter=self.counter,
                last_txn_time=self._last_txn_time,
                query_timeout_ms=self._query_timeout_ms,
                _resolved_endpoint=self._endpoint,
            )
        except BaseException:
            self.counter.decrement()
            raise


#: All clients, by their ``id()``: a subclass may make its clients equal to each other, or unhashable.
_clients: weakref.WeakValueDictionary[int, FaunaClient] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    """In a forked child, stop sharing connections and locks with the parent process."""
    sessions: dict[int, Any] = {}
    for client in list(_clients.values()):
        client._shortcut = None
        client._last_txn_time.lock = threading.Lock()
        client.counter.lock = threading.RLock()
        sessions[id(client.session)] = client.session
    if sessions:
        from faunadb._transport import part_from_parent  # late: loaded with the first client already

        for session in sessions.values():
            part_from_parent(session)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _milliseconds(value: Any) -> Optional[int]:
    return None if value is None else int(value)


#: Names that programs import from here because the official driver's module happens to have them.
_FROM_ELSEWHERE = {
    "FaunaError": "faunadb.errors",
    "HTTPBearerAuth": "faunadb._auth",
    "Subscription": "faunadb.streams",
    "parse_json_or_none": "faunadb._json",
    "AuthBase": "requests.auth",
    "HTTPAdapter": "requests.adapters",
    "Request": "requests.models",
    "RequestResult": "faunadb.request_result",
    "RuntimeEnvHeader": "faunadb._driver_env",
    "Session": "faunadb._transport",
    "_get_or_raise": "faunadb.errors",
    "to_json": "faunadb._json",
}


def __getattr__(name: str) -> Any:
    module = _FROM_ELSEWHERE.get(name)
    if module is not None:
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
