"""How a request gets from the client to its endpoint: the shared session, its adapters, and what comes back."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any, Callable, Optional, Union, cast

from requests import Session as Session
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from urllib3.util import Timeout

from faunadb._json import without_lone_surrogates

if not isinstance(Session, type):
    # This module is loaded with the first client, which a test may make while it has ``requests.Session`` replaced.
    from requests.sessions import Session as Session

Seconds = Union[None, int, float, tuple[Optional[float], Optional[float]], Timeout]


class Answer:
    """A response: status, body as text, and headers (a mapping that ignores case)."""

    __slots__ = ("headers", "status_code", "text")

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = headers

    @property
    def txn_time(self) -> Optional[int]:
        """The transaction time in the headers, in microseconds; ``None`` when there is none."""
        return txn_time_of(self.headers)


def txn_time_of(headers: Mapping[str, str]) -> Optional[int]:
    """Return the transaction time in the headers of a response, in microseconds; ``None`` when there is none."""
    text = headers.get("X-Txn-Time")
    # Neither digits of other scripts nor thousands of digits are a time.
    return int(text) if text is not None and len(text) < 20 and text.isdecimal() and text.isascii() else None


class WireAnswer(Answer):
    """An answer read from the network without a session, whose headers are still those of ``urllib3``."""

    __slots__ = ("_headers",)

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self._headers = headers

    @property
    def txn_time(self) -> Optional[int]:
        return txn_time_of(self._headers)

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        return CaseInsensitiveDict(self._headers)


class EngineAnswer(Answer):
    """The response of an engine in this process. Its headers are made only when somebody asks for them."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.status_code = answer.status
        text = answer.text
        self.text = answer.body.decode("utf-8", "replace") if text is None else without_lone_surrogates(text)

    @property
    def txn_time(self) -> Optional[int]:
        time: Optional[int] = self._answer.time
        return time

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        return CaseInsensitiveDict(self._answer.headers)


class SharedHeaders(CaseInsensitiveDict):  # type: ignore[type-arg]
    """Headers of a session that count how often they were changed."""

    version = 0

    def __setitem__(self, key: str, value: Any) -> None:
        self.version += 1
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.version += 1
        super().__delitem__(key)


class ReadyRequest(PreparedRequest):
    """A request that needs no more preparation: the shortcut sends it.

    :ivar path: Path and query, for the first line of the request.
    :ivar pool: The connection pool of the endpoint's host; ``None`` for an engine in this process.
    """

    _no_hooks: dict[str, Any] = {"response": []}

    def __init__(
        self, method: str, host: str, path: str, headers: Any, body: Optional[bytes], pool: Any
    ) -> None:
        self.method = method
        self.url = host + path
        self.headers = headers
        self.body = body
        self.hooks = self._no_hooks
        self.path = path
        self.pool = pool
        self._cookies = None
        self._body_position = None


class FaunaAdapter(HTTPAdapter):
    """The adapter for HTTP endpoints: gives a timeout to every request that has none.

    :param timeout: Seconds to wait for a connection and for each read; a pair for both; ``None`` waits for
        ever.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "timeout"]

    def __init__(self, timeout: Seconds, **kwargs: Any) -> None:
        self.timeout = as_timeout(timeout)
        super().__init__(**kwargs)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send a request; see :meth:`requests.adapters.HTTPAdapter.send`."""
        if timeout is None:
            timeout = self.timeout
        return super().send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )

    def get_connection_with_tls_context(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        if type(request) is ReadyRequest:
            return request.pool
        pool = super().get_connection_with_tls_context(request, *args, **kwargs)
        watch = getattr(request, "watch_connection", None)
        return pool if watch is None else _pool_of_one(pool, watch)

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        if type(request) is ReadyRequest:
            return request.path
        return super().request_url(request, proxies)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        if type(req) is ReadyRequest:
            # The shortcut reads urllib3's response itself.
            return cast(Response, resp)
        return super().build_response(req, resp)


def _pool_of_one(pool: Any, watch: Callable[[Any], None]) -> Any:
    """Return a copy of a pool that holds one new connection, which is shown to ``watch``.

    Streams need this: a thread that closes a stream must know the socket that another thread is waiting on, even
    before there is a response.
    """
    private = copy.copy(pool)
    private.pool = pool.QueueCls(1)
    connection = private._new_conn()
    private.pool.put(connection)
    watch(connection)
    return private


def as_timeout(timeout: Seconds) -> Optional[Timeout]:
    """Return seconds, or a pair of seconds to connect and to read, as urllib3's ``Timeout``.

    :raises ValueError: For seconds that are not positive, and for anything else.
    """
    if timeout is None or isinstance(timeout, Timeout):
        return timeout
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    return Timeout(connect=connect, read=read)


def seconds(timeout: Optional[Timeout]) -> Optional[float]:
    """Return how many seconds a response may take; ``None`` for ever."""
    if timeout is None:
        return None
    limits = [each for each in (timeout.total, timeout._read) if isinstance(each, (int, float))]
    return min(limits, default=None)


def prepare_session(
    session: Session, headers: Mapping[str, str], timeout: Seconds, pool_connections: int, pool_maxsize: int
) -> Session:
    """Give a new session pooled connections, and ``headers`` in every request."""
    session.headers = SharedHeaders()
    session.headers.update(headers)
    session.timeout = timeout  # type: ignore[attr-defined]  # does nothing: programs read it here
    for prefix in ("https://", "http://"):
        session.mount(
            prefix, FaunaAdapter(timeout, pool_connections=pool_connections, pool_maxsize=pool_maxsize)
        )
    return session


#: Connections of the process that this one was forked from. Closing them here could send TLS's goodbye, which would end
#: them for the parent too.
_parents_connections: list[Any] = []


def part_from_parent(session: Any) -> None:
    """In a forked child, give a session connections of its own. Neither waits nor connects.

    Its old connections are kept until the child ends, since the parent may still use them.
    """
    adapters = getattr(session, "adapters", None)
    for adapter in list(adapters.values()) if isinstance(adapters, dict) else ():
        if isinstance(adapter, HTTPAdapter):
            for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
                _free(manager)
                _parents_connections.append(manager)
            adapter.proxy_manager = {}
            adapter.init_poolmanager(
                adapter._pool_connections,  # type: ignore[attr-defined]
                adapter._pool_maxsize,  # type: ignore[attr-defined]
                block=adapter._pool_block,  # type: ignore[attr-defined]
            )
    cookies: Any = getattr(session, "cookies", None)
    if hasattr(cookies, "_cookies_lock"):
        cookies._cookies_lock = threading.RLock()


def _free(manager: Any) -> None:
    """Replace locks that a thread of the parent may have held: urllib3 takes them when the child ends."""
    pools = manager.pools
    pools.lock = threading.RLock()
    for pool in list(pools._container.values()):
        idle = pool.pool
        if idle is not None:
            idle.mutex = threading.Lock()
            idle.not_empty = threading.Condition(idle.mutex)
            idle.not_full = threading.Condition(idle.mutex)
            idle.all_tasks_done = threading.Condition(idle.mutex)


def answer_of(response: Any) -> Answer:
    """Return status, body and headers of a response of ``requests``, or of a stand-in with only ``text``."""
    if isinstance(response, Response):
        # The protocol is UTF-8 throughout; ``text`` would guess when a server does not say so.
        return Answer(response.status_code, response.content.decode("utf-8", "replace"), response.headers)
    return Answer(response.status_code, response.text, response.headers)


def send_arguments(session: Any, root: str, timeout: Optional[Timeout]) -> dict[str, Any]:
    """Return the keyword arguments that ``session.send`` needs so that the timeout applies.

    Usually none: :class:`FaunaAdapter` sets the timeout, and stand-ins for a session need not accept arguments. An
    adapter that the application has mounted must be told.
    """
    if not isinstance(session, Session) or getattr(session.send, "__func__", None) is not Session.send:
        return {}
    adapter: BaseAdapter = session.get_adapter(root + "/")
    return {} if isinstance(adapter, FaunaAdapter) else {"timeout": timeout}
