"""The client: sends queries to an endpoint, and returns their results."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Mapping
from importlib import import_module
from json import JSONDecodeError
from sys import is_finalizing
from time import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from faunadb import __api_version__, _telemetry
from faunadb._driver_env import RuntimeEnvHeader
from faunadb._endpoint import CLOSED_SERVICE_MESSAGE, Endpoint, resolve_endpoint
from faunadb._family import _Counter, _LastTxnTime
from faunadb._headers import is_traceparent, tags_header
from faunadb._json import carried, parse_json, to_json
from faunadb._keywords import Keywords, warn_of_unknown
from faunadb.errors import _OWN_DATABASE_HINT, FaunaError, Unauthorized, UnexpectedError, _get_or_raise
from faunadb.query import ExprArg, _wrap
from faunadb.request_result import RequestResult

# `requests` takes longer to load than all else together: it is loaded with the first client, not with this module.
if TYPE_CHECKING:
    from requests import Session
    from typing_extensions import Unpack

    from faunadb._transport import Answer, Seconds, Shortcut
    from faunadb.streams import Subscription

API_VERSION: str = __api_version__
api_version = API_VERSION

Observer = Callable[[RequestResult], Any]

_log = logging.getLogger("faunadb")
_log.addHandler(logging.NullHandler())

#: In place of a value: the query goes the general way.
_UNUSUAL = object()


class FaunaClient:
    """A client of an FQL v4 database.

    :param secret: Secret of a key or token, or a JWT.
    :param domain: Host of the server. Not used when ``endpoint`` is given.
    :param scheme: ``"https"`` or ``"http"``.
    :param port: TCP port; 443 for https and 80 for http when ``None``.
    :param timeout: Seconds to wait for a connection and for each read of a response (streams excepted).
        ``None`` waits for ever, a pair gives both separately. For the engine in this process, the seconds that a
        query may take.
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
        self._closed = True  # Until there is something to close.
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
        self._endpoint: Endpoint = kwargs.get("_resolved_endpoint") or resolve_endpoint(
            scheme, domain, self.port, endpoint, os.environ
        )
        self.base_url = self._endpoint.base_url
        self._last_txn_time: _LastTxnTime = kwargs.get("last_txn_time") or _LastTxnTime()
        self._shortcut: Optional[Shortcut] = None
        self.session: Session = kwargs.get("session") or self._new_session()
        self.counter: _Counter = kwargs.get("counter") or _Counter(1)
        self._closed = False
        _clients[id(self)] = self
        self._prepare_session()

    def _new_session(self) -> Session:
        from faunadb._transport import new_session

        return new_session(_driver_headers(), self._timeout, self.pool_connections, self.pool_maxsize)

    def _prepare_session(self) -> None:
        """Add to the session what all clients of this endpoint need; nothing of this client in particular."""
        engine_url = self._endpoint.engine_url
        if engine_url is None or self._endpoint.root in getattr(self.session, "adapters", ()):
            return
        # The engine is loaded only by those who use it.
        from faunadb._transport import seconds
        from faunadb.engine.adapter import EngineAdapter

        # An application that still names the hosted service has the secret of a key there, of which the
        # database in its own process knows nothing.
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
        """Give the session up; the last client closes its connections. Closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.counter.decrement() == 0:
            self.session.close()

    def __del__(self) -> None:
        # The constructor may have failed before its first line. At exit modules may be gone, and threads have stopped
        # wherever they were, perhaps with a lock that closing would wait for.
        if not getattr(self, "_closed", True) and not is_finalizing():
            self.close()

    def check_new_version(self) -> None:
        """Do nothing. The official driver looked for newer versions here, and applications replace it."""

    def sync_last_txn_time(self, new_txn_time: int) -> None:
        """Make sure that queries see what was committed up to a time, in microseconds; it only moves forward.

        For instance to read in one process what another one has written.
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
        # Loaded when first needed: most programs never open a stream.
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
            # The misspelling is old, and known to be looked for.
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

    def _auth_header(self) -> str:
        return self.auth.auth_header()

    def _execute(
        self,
        action: str,
        path: str,
        data: Any = None,
        query: Optional[dict[str, Any]] = None,
        with_txn_time: bool = False,
        query_timeout_ms: Optional[int] = None,
        tags: Optional[Mapping[str, str]] = None,
        traceparent: Optional[str] = None,
    ) -> Any:
        """Do one exchange, and return the ``resource`` of the response."""
        if self._closed:
            raise UnexpectedError("The client is closed.", None)
        shortcut = self._shortcut
        if (
            shortcut is not None
            and shortcut.caller is not None
            and with_txn_time
            and tags is None
            and traceparent is None
            and self.observer is None
            and _telemetry.trace is None
            and not _log.isEnabledFor(logging.DEBUG)
            and shortcut.holds(self.session, self.auth)
        ):
            value = self._ask_engine(shortcut, data, query_timeout_ms)
            if value is not _UNUSUAL:
                return value
        headers = self._request_headers(with_txn_time, query_timeout_ms, tags, traceparent)
        body = None if action == "GET" else to_json(data)
        if _telemetry.trace is not None:
            with _telemetry.trace(self, action, path, headers):
                return self._exchange(action, path, data, body, query, headers, with_txn_time)
        return self._exchange(action, path, data, body, query, headers, with_txn_time)

    def _ask_engine(self, shortcut: Shortcut, data: Any, query_timeout_ms: Optional[int]) -> Any:
        """Return the value of a query that asks the engine in this process for nothing but that.

        What an exchange has beside it is put together only for errors. ``_UNUSUAL`` for a query that needs one.
        """
        source = to_json(data).encode()
        timeout = self._query_timeout_ms if query_timeout_ms is None else query_timeout_ms
        start_time = time()
        outcome = shortcut.query(source, self._last_txn_time.time, timeout)
        if outcome is None:
            return _UNUSUAL
        self._note_txn_time(outcome.time)
        if outcome.status < 300:
            text = outcome.text
            content, problem = _parse(text if text.isascii() else carried(text))
            if problem is None:
                return content["resource"]
        return self._result("POST", "/", None, data, shortcut.answer(source, outcome), start_time)

    def _exchange(
        self,
        action: str,
        path: str,
        data: Any,
        body: Optional[str],
        query: Optional[dict[str, Any]],
        headers: dict[str, str],
        with_txn_time: bool,
    ) -> Any:
        if query is not None:
            query = {name: value for name, value in query.items() if value is not None}
        start_time = time()
        answer = self._send(action, path, query, body, headers)
        if with_txn_time:
            self._note_txn_time(answer.txn_time)
        return self._result(action, path, query, data, answer, start_time)

    def _result(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        data: Any,
        answer: Answer,
        start_time: float,
    ) -> Any:
        """Return the ``resource`` of an answer that has just come, and show it to the observer."""
        end_time = time()
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s %d %.1f ms", action, path, answer.status_code, (end_time - start_time) * 1000)
        content, problem = _parse(answer.text)
        is_simple = answer.status_code == 200 and self.observer is None and type(content) is dict
        if is_simple and "resource" in content:
            return content["resource"]
        result = RequestResult(
            action,
            path.lstrip("/"),
            query,
            data,
            answer.text,
            content,
            answer.status_code,
            answer.headers,
            start_time,
            end_time,
        )
        if self.observer is not None:
            self.observer(result)
        if problem is not None or content is None:
            raise UnexpectedError(problem or "Invalid JSON.", result)
        if answer.status_code == 401 and self._endpoint.engine_url is not None:
            raise Unauthorized(result, _OWN_DATABASE_HINT)
        FaunaError.raise_for_status_code(result)
        return _get_or_raise(result, content, "resource")

    def _send(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        body: Optional[str],
        headers: dict[str, str],
    ) -> Answer:
        try:
            shortcut = self._shortcut
            if shortcut is None or not shortcut.holds(self.session, self.auth):
                from faunadb._transport import new_shortcut

                shortcut = self._shortcut = new_shortcut(self.session, self._endpoint.root, self.auth)
            if shortcut is not None:
                target = path + _query_string(query)
                answer = shortcut.send(action, target, None if body is None else body.encode(), headers)
                if answer is not None:
                    return answer
            return self._send_long_way(action, path, query, body, headers)
        except OSError as error:
            explained = self.explained(error)
            if explained is error:
                raise
            raise explained from error

    def _send_long_way(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        body: Optional[str],
        headers: dict[str, str],
    ) -> Answer:
        from faunadb._transport import answer_of, send_arguments

        prepared = self._prepare(action, path, body, headers, query)
        arguments = send_arguments(self.session, self._endpoint.root, self._timeout)
        return answer_of(self.session.send(prepared, **arguments))

    def _prepare(
        self,
        action: str,
        path: str,
        body: Optional[str],
        headers: dict[str, str],
        query: Optional[dict[str, Any]] = None,
    ) -> Any:
        """Return a request as the session prepares it."""
        from requests import Request

        session_headers = getattr(self.session, "headers", None)
        if session_headers is not None and "X-FaunaDB-API-Version" not in session_headers:
            # A session that was assigned knows nothing of the protocol.
            headers = {**_driver_headers(), **headers}
        url = self._endpoint.root + path
        if self._endpoint.engine_url is not None:
            url, query = url + _query_string(query), None  # requests adds parameters to http URLs only
        request = Request(action, url, data=body, params=query, headers=headers, auth=self.auth)
        return self.session.prepare_request(request)

    def explained(self, error: OSError) -> OSError:
        """Return the error; of a failure to connect one that says more, when it is the closed service."""
        from requests.exceptions import ConnectionError

        if not self._endpoint.is_closed_service or not isinstance(error, ConnectionError):
            return error
        message = CLOSED_SERVICE_MESSAGE.format(url=self.base_url)
        return type(error)(f"{message} ({error})", request=error.request, response=error.response)

    def _note_txn_time(self, txn_time: Optional[int]) -> None:
        if txn_time is not None:
            self._last_txn_time.update_txn_time(txn_time)

    def _request_headers(
        self,
        with_txn_time: bool,
        query_timeout_ms: Optional[int] = None,
        tags: Optional[Mapping[str, str]] = None,
        traceparent: Optional[str] = None,
    ) -> dict[str, str]:
        """Return the headers that belong to one request."""
        headers: dict[str, str] = self._last_txn_time.request_header if with_txn_time else {}
        timeout = self._query_timeout_ms if query_timeout_ms is None else query_timeout_ms
        if timeout is not None:
            headers["X-Query-Timeout"] = str(timeout)
        if tags is not None:
            headers["x-fauna-tags"] = self._get_tags_string(tags)
        if traceparent is not None and self._is_valid_traceparent(traceparent):
            headers["traceparent"] = traceparent
        return headers

    def _get_tags_string(self, tags_dict: Mapping[str, str]) -> str:
        return tags_header(tags_dict)

    def _is_valid_traceparent(self, traceparent: str) -> bool:
        return is_traceparent(traceparent)


#: By `id`: a subclass may have made its clients equal to each other, or not hashable.
_clients: weakref.WeakValueDictionary[int, FaunaClient] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    """In a forked child: share no connection, and no lock, with the process that this one was forked from."""
    sessions: dict[int, Any] = {}
    for client in list(_clients.values()):
        client._shortcut = None
        client._last_txn_time.lock = threading.Lock()
        client.counter.lock = threading.RLock()
        sessions[id(client.session)] = client.session
    if sessions:
        from faunadb._transport import part_from_parent  # loaded long since, with the first client

        for session in sessions.values():
            part_from_parent(session)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _driver_headers() -> dict[str, str]:
    """Return the headers that are the same for all clients of this process."""
    from requests.utils import default_user_agent

    return {
        "User-Agent": default_user_agent(),
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json;charset=utf-8",
        "X-Fauna-Driver": "python",
        "X-FaunaDB-API-Version": API_VERSION,
        "X-Driver-Env": str(RuntimeEnvHeader()),
    }


def _milliseconds(value: Any) -> Optional[int]:
    return None if value is None else int(value)


def _query_string(query: Optional[dict[str, Any]]) -> str:
    if not query:
        return ""
    from urllib.parse import urlencode  # late: queries have no parameters

    return "?" + urlencode(query)


def _parse(text: str) -> Any:
    """Return the parsed body of a response, and what is wrong with it (``None`` for nothing)."""
    try:
        return parse_json(text), None
    except JSONDecodeError:
        return None, "Invalid JSON."
    except (ValueError, KeyError, TypeError) as error:
        return None, f"The response holds a value that cannot be read: {error}"
    except RecursionError:
        return None, "The response is nested too deeply to be read."


#: Names that programs import from here, because the official driver's module had imported them.
_FROM_ELSEWHERE = {
    "HTTPBearerAuth": "faunadb._auth",
    "Subscription": "faunadb.streams",
    "parse_json_or_none": "faunadb._json",
    "AuthBase": "requests.auth",
    "HTTPAdapter": "requests.adapters",
    "Request": "requests",
    "Session": "requests",
}


def __getattr__(name: str) -> Any:
    module = _FROM_ELSEWHERE.get(name)
    if module is not None:
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
