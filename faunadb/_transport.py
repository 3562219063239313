"""How a request gets from the client to its endpoint: the shared session, its adapters, and a shortcut.

A session is a real :class:`requests.Session`. ``prepare_request`` and ``send`` merge headers, parse the URL,
build cookie jars and look through the environment for every request, and the result is the same each time. A
:class:`Shortcut` holds that result, and checks (by comparing, which is cheap) that nothing it depends on has
changed: headers, proxies, cookies, hooks, certificates, adapters, the environment's proxies, and the methods
that mocks replace. Whenever something has, the request goes through ``session.prepare_request`` and
``session.send``.
"""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any, Callable, NoReturn, Optional, Union, cast
from urllib.parse import urlsplit

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, SSLError
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util import Timeout

from faunadb._json import carried

Seconds = Union[None, int, float, tuple[Optional[float], Optional[float]], Timeout]


class Answer:
    """What a request got back: status, body and headers (a mapping that ignores case)."""

    __slots__ = ("headers", "status_code", "text")

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = headers

    @property
    def txn_time(self) -> Optional[int]:
        """The transaction time that the answer tells, in microseconds."""
        return txn_time_of(self.headers)


def txn_time_of(headers: Mapping[str, str]) -> Optional[int]:
    """Return the transaction time that the headers of an answer tell, in microseconds."""
    text = headers.get("X-Txn-Time")
    # Digits of other scripts, or thousands of them, are no time.
    return int(text) if text is not None and len(text) < 20 and text.isdecimal() and text.isascii() else None


class EngineAnswer(Answer):
    """The answer of an engine in this process; its headers are put together when somebody asks for them."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.status_code = answer.status
        text = answer.text
        self.text = answer.body.decode("utf-8", "replace") if text is None else carried(text)

    @property
    def txn_time(self) -> Optional[int]:
        time: Optional[int] = self._answer.time
        return time

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        return LowerCaseHeaders(self._answer.headers)


class SharedHeaders(CaseInsensitiveDict):  # type: ignore[type-arg]
    """Headers of a session that count how often they were changed."""

    version = 0

    def __setitem__(self, key: str, value: Any) -> None:
        self.version += 1
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.version += 1
        super().__delitem__(key)


class LowerCaseHeaders(dict[str, str]):
    """Headers whose names are all in lower case, and looked up in any."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class ReadyRequest(PreparedRequest):
    """A request that needs no more preparation, on its way through the shortcut.

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
    """The adapter for HTTP endpoints: gives every request a timeout that has none.

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

    A stream needs this: whoever closes it from another thread must know the socket that it waits on, before
    there is a response to ask.
    """
    private = copy.copy(pool)
    private.pool = pool.QueueCls(1)
    connection = private._new_conn()
    private.pool.put(connection)
    watch(connection)
    return private


def as_timeout(timeout: Seconds) -> Optional[Timeout]:
    """Return seconds, or a pair of seconds to connect and to read, as urllib3 takes them.

    :raises ValueError: For what is no such thing, and for seconds that are not positive.
    """
    if timeout is None or isinstance(timeout, Timeout):
        return timeout
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    return Timeout(connect=connect, read=read)


def seconds(timeout: Optional[Timeout]) -> Optional[float]:
    """Return how long a response may take; ``None`` for ever."""
    if timeout is None:
        return None
    limits = [each for each in (timeout.total, timeout._read) if isinstance(each, (int, float))]
    return min(limits, default=None)


def new_session(
    headers: Mapping[str, str], timeout: Seconds, pool_connections: int, pool_maxsize: int
) -> Session:
    """Return a session with pooled connections, and ``headers`` in every request."""
    session = Session()
    session.headers = SharedHeaders()
    session.headers.update(headers)
    for prefix in ("https://", "http://"):
        session.mount(
            prefix, FaunaAdapter(timeout, pool_connections=pool_connections, pool_maxsize=pool_maxsize)
        )
    return session


# What the shortcut goes around or through. Mocks replace these, and must be heard.
_Patchable = tuple[Any, Any, Any, Any]


def _patchable() -> _Patchable:
    return Session.send, Session.prepare_request, Session.get_adapter, HTTPAdapter.send


def _originals() -> Optional[_Patchable]:
    """Return the methods of ``requests`` itself; ``None`` when something has replaced them already."""
    found = _patchable()
    genuine = all(getattr(method, "__module__", "").startswith("requests.") for method in found)
    return found if genuine and hasattr(HTTPAdapter, "get_connection_with_tls_context") else None


#: Methods of ``requests`` itself, once they were seen: a mock may be in place when this module is loaded.
_ORIGINALS: Optional[_Patchable] = None

_PROXY_VARIABLES = (
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)


def _proxy_environment() -> Callable[[], tuple[Any, ...]]:
    """Return a function that returns the environment variables that name proxies.

    ``os.environ`` encodes names on each look-up; its own table is asked directly where it is as expected.
    """
    table = getattr(os.environ, "_data", None)
    encode = getattr(os.environ, "encodekey", None)
    if not isinstance(table, dict) or encode is None:
        return lambda: tuple(os.environ.get(name) for name in _PROXY_VARIABLES)
    names = [encode(name) for name in _PROXY_VARIABLES]
    look_up = table.get
    return lambda: tuple([look_up(name) for name in names])  # a list first: quicker than a generator


proxy_environment = _proxy_environment()

_NO_HOOKS: dict[str, Any] = {"response": []}
_ATTRIBUTES = len(Session.__attrs__)


def _nothing() -> None:
    return None


#: Connections of the process that this one was forked from. They are not closed here: that could say goodbye on them.
_parents_connections: list[Any] = []


def part_from_parent(session: Any) -> None:
    """In a forked child: give a session connections of its own. Waits for nothing and opens nothing.

    What it had is kept until the child ends, since the parent may be talking on it.
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
    """Take new locks for those that threads of the parent may have held: urllib3 closes its pools when the child ends."""
    pools = manager.pools
    pools.lock = threading.RLock()
    for pool in list(pools._container.values()):
        idle = pool.pool
        if idle is not None:
            idle.mutex = threading.Lock()
            idle.not_empty = threading.Condition(idle.mutex)
            idle.not_full = threading.Condition(idle.mutex)
            idle.all_tasks_done = threading.Condition(idle.mutex)


class Shortcut:
    """What is the same in every request of one client, prepared once."""

    def __init__(self, session: Session, root: str, auth: Any) -> None:
        self._session = session
        self._auth = auth
        self._secret = auth.secret
        # An endpoint may have a path, which is in front of every other one.
        self._prefix = urlsplit(root).path
        self._host = root[: len(root) - len(self._prefix)]
        self._session_headers = cast(SharedHeaders, session.headers)
        self._headers_version = self._session_headers.version
        self._trust_env = session.trust_env
        self._verify = session.verify
        self._cert = session.cert
        self._adapter = session.get_adapter(root + "/")
        self._adapters = dict(session.adapters)
        self._environment = proxy_environment()
        prepared = session.prepare_request(Request("POST", root + "/", headers={}, auth=auth))
        # Not to be kept alive from here: a session closes its connections by letting their pool go.
        self._is_engine = is_engine_root(root)
        self._pool = _nothing if self._is_engine else weakref.ref(self._find_pool(prepared))
        self._headers = {_text(name): _text(value) for name, value in prepared.headers.items()}
        self._headers.pop("Content-Length", None)
        if self._is_engine:
            self._headers = {name.lower(): value for name, value in self._headers.items()}
        #: Who asks an engine in this process, where the headers say nothing else (see :meth:`query`).
        find_caller = getattr(self._adapter, "caller", None) if self._is_engine else None
        self.caller: Any = None if find_caller is None else find_caller(self._headers)

    def _find_pool(self, prepared: PreparedRequest) -> Any:
        adapter = cast(FaunaAdapter, self._adapter)
        return adapter.get_connection_with_tls_context(prepared, self._verify, proxies={}, cert=self._cert)

    def holds(self, session: Any, auth: Any) -> bool:
        """Return whether a request would still look the same if the session prepared it."""
        return (
            session is self._session
            and auth is self._auth
            and auth.secret == self._secret
            and session.headers is self._session_headers
            and self._session_headers.version == self._headers_version
            and session.verify is self._verify
            and session.cert is self._cert
            and session.trust_env is self._trust_env
            and not session.proxies
            and not session.params
            and not session.stream
            and session.hooks == _NO_HOOKS
            and not getattr(session.cookies, "_cookies", True)
            and len(session.__dict__) == _ATTRIBUTES
            and _patchable() == _ORIGINALS
            and session.adapters == self._adapters
            and (self._is_engine or self._has_its_pool())
        )

    def _has_its_pool(self) -> bool:
        return self._pool() is not None and proxy_environment() == self._environment

    def send(
        self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str]
    ) -> Optional[Answer]:
        """Send a request and read the whole response. Raises what ``session.send`` raises.

        :return: ``None`` when it takes a session: the server redirects, or the connections were just closed.
        """
        if self._is_engine:
            return self._ask(method, path, body, headers)
        all_headers = {**self._headers, **headers}
        if body is not None:
            all_headers["Content-Length"] = str(len(body))
        pool = self._pool()
        request = ReadyRequest(method, self._host, self._prefix + path, all_headers, body, pool)
        if pool is None:
            return None
        adapter: Any = self._adapter
        response = adapter.send(request, False, None, self._verify, self._cert, {})
        if response.get_redirect_location():
            response.close()
            return None
        return self._read(request, response)

    def _ask(self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str]) -> Answer:
        """Ask the engine in this process, without anything that only a network needs."""
        adapter: Any = self._adapter
        all_headers = self._headers.copy()
        for name, value in headers.items():
            all_headers[name.lower()] = value
        return EngineAnswer(adapter.ask(method, path, all_headers, body))

    def query(self, source: bytes, last_seen: Optional[int], timeout: Optional[int]) -> Any:
        """Ask the engine in this process a query, with nothing but what is usual. Only where there is a ``caller``.

        :param last_seen: Microseconds of the newest transaction seen.
        :param timeout: Milliseconds that the query may take.
        :return: What has a ``status``, the ``text`` of a body and the ``time`` of the transaction in microseconds;
            ``None`` when it takes :meth:`send`.
        """
        adapter: Any = self._adapter
        return adapter.query(self.caller, source, last_seen or 0, timeout)

    def answer(self, source: bytes, outcome: Any) -> Answer:
        """Return what :meth:`query` has returned as an answer with all its headers."""
        adapter: Any = self._adapter
        return EngineAnswer(adapter.response(self.caller, source, outcome))

    def _read(self, request: ReadyRequest, response: Any) -> Answer:
        try:
            body = response.read(decode_content=True)
        except Exception as error:
            response.close()
            _raise_as_requests_does(error, request)
        response.release_conn()
        headers = response.headers
        if "Set-Cookie" in headers:
            # From now on the session has a cookie to send, and the shortcut does not hold any more.
            extract_cookies_to_jar(self._session.cookies, request, response)  # type: ignore[no-untyped-call]
        return Answer(response.status, body.decode("utf-8", "replace"), headers)


def _text(value: Union[str, bytes]) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _raise_as_requests_does(error: Exception, request: PreparedRequest) -> NoReturn:
    """Raise the exception of ``requests`` for one of urllib3 that occurs while a body is read."""
    if isinstance(error, ProtocolError):
        raise ChunkedEncodingError(error, request=request) from error
    if isinstance(error, DecodeError):
        raise ContentDecodingError(error, request=request) from error
    if isinstance(error, ReadTimeoutError):
        raise ConnectionError(error, request=request) from error
    if isinstance(error, Urllib3SSLError):
        raise SSLError(error, request=request) from error
    raise error


def answer_of(response: Any) -> Answer:
    """Return status, body and headers of a response of ``requests``, or of a stand-in with only ``text``."""
    if isinstance(response, Response):
        # The protocol is UTF-8 throughout; ``text`` would guess when a server does not say so.
        return Answer(response.status_code, response.content.decode("utf-8", "replace"), response.headers)
    return Answer(response.status_code, response.text, response.headers)


def _adds_nothing(session: Session) -> bool:
    """Return whether a session has nothing that it would add to a request, or do with it, but its headers."""
    return (
        not session.proxies
        and not session.params
        and not session.stream
        and session.hooks == _NO_HOOKS
        and not getattr(session.cookies, "_cookies", True)
        and len(vars(session)) == _ATTRIBUTES
        and _patchable() == _ORIGINALS
    )


def new_shortcut(session: Any, root: str, auth: Any) -> Optional[Shortcut]:
    """Return the shortcut for a session, or ``None`` when requests have to go the long way for now."""
    global _ORIGINALS
    if _ORIGINALS is None:
        _ORIGINALS = _originals()
    if type(session) is not Session or type(session.headers) is not SharedHeaders:
        return None
    if getattr(type(auth), "is_plain_bearer", False) is not True or not _adds_nothing(session):
        return None
    if is_engine_root(root):
        if not hasattr(session.get_adapter(root + "/"), "ask"):
            return None
    else:
        if type(session.get_adapter(root + "/")) is not FaunaAdapter:
            return None
        if session.trust_env and get_environ_proxies(root, no_proxy=None):
            return None
    shortcut = Shortcut(session, root, auth)
    return shortcut if shortcut.holds(session, auth) else None


def is_engine_root(root: str) -> bool:
    """Return whether the root of an endpoint's URLs is that of an engine in this process."""
    return "+engine://" in root


def send_arguments(session: Any, root: str, timeout: Optional[Timeout]) -> dict[str, Any]:
    """Return the keyword arguments that ``session.send`` needs so that the timeout applies.

    Usually none, since :class:`FaunaAdapter` sees to it: stand-ins for a session need not accept any. Another
    adapter that somebody mounted has to be told.
    """
    if not isinstance(session, Session) or getattr(session.send, "__func__", None) is not Session.send:
        return {}
    adapter: BaseAdapter = session.get_adapter(root + "/")
    return {} if isinstance(adapter, FaunaAdapter) else {"timeout": timeout}
