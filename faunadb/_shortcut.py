"""The short way of a request that needs nothing but what is the same each time.

A session is a real :class:`requests.Session`. ``prepare_request`` and ``send`` merge headers, parse the URL,
build cookie jars and look through the environment for every request, and the result is the same each time. A
:class:`Shortcut` holds that result, and checks (by comparing, which is cheap) that nothing it depends on has
changed: headers, proxies, cookies, hooks, certificates, adapters, the environment's proxies, and the methods
that mocks replace. Whenever something has, the request goes through ``session.prepare_request`` and
``session.send``.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Callable, NoReturn, Optional, Union, cast
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, SSLError
from requests.models import PreparedRequest, Request
from requests.utils import get_environ_proxies
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import SSLError as Urllib3SSLError

from faunadb._transport import (
    Answer,
    EngineAnswer,
    FaunaAdapter,
    ReadyRequest,
    Session,
    SharedHeaders,
    WireAnswer,
)

# What the shortcut goes around or through. Mocks replace these, and must be heard.
_Patchable = tuple[Any, Any, Any, Any]


def _patchable() -> _Patchable:
    return Session.send, Session.prepare_request, Session.get_adapter, HTTPAdapter.send


def _originals() -> Optional[_Patchable]:
    """Return the methods of ``requests`` itself; ``None`` when something has replaced them already."""
    found = _patchable()
    # Not by their names: stand-ins made with ``autospec`` and ``functools.wraps`` have those of what they replace.
    files = [method.__code__.co_filename if type(method) is FunctionType else None for method in found]
    of_session, of_adapter = Session.mount.__code__.co_filename, HTTPAdapter.close.__code__.co_filename
    genuine = files == [of_session, of_session, of_session, of_adapter]
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
_ATTRIBUTES = len(Session.__attrs__) + 1  # and ``timeout``, which the client sets


def _nothing() -> None:
    return None


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
        self._attributes = _copied(session)
        self._verify = session.verify
        self._cert = session.cert
        self._adapter = session.get_adapter(root + "/")
        self._environment = proxy_environment()
        prepared = session.prepare_request(Request("POST", root + "/", headers={}, auth=auth))
        # Not to be kept alive from here: a session closes its connections by letting their pool go.
        self._is_engine = is_engine_root(root)
        self._pool = _nothing if self._is_engine else weakref.ref(self._find_pool(prepared))
        self._headers = {_text(name): _text(value) for name, value in prepared.headers.items()}
        self._headers.pop("Content-Length", None)
        if self._is_engine:
            self._headers = {name.lower(): value for name, value in self._headers.items()}
        #: What asks the engine in this process a query, with nothing but what is usual (``engine.adapter.Caller``); ``None``
        #: where there is no engine, or the headers say more. Its answers have a ``status``, a ``body`` (a text, the arguments
        #: of ``_json.read_stored``, or the one of ``_json.copied``), the ``text`` of that body, and the ``time`` of the
        #: transaction in microseconds. It gives ``None`` when it takes :meth:`send`.
        find_caller = getattr(self._adapter, "caller", None) if self._is_engine else None
        self.caller: Any = None if find_caller is None else find_caller(self._headers)

    def _find_pool(self, prepared: PreparedRequest) -> Any:
        adapter = cast(FaunaAdapter, self._adapter)
        return adapter.get_connection_with_tls_context(prepared, self._verify, proxies={}, cert=self._cert)

    def holds(self, session: Any, auth: Any) -> bool:
        """Return whether a request would still look the same if the session prepared it."""
        # Every query comes by here: comparing all attributes at once is done in C.
        return (
            session is self._session
            and auth is self._auth
            and auth.username == self._secret
            and session.__dict__ == self._attributes
            and self._session_headers.version == self._headers_version
            and not getattr(session.cookies, "_cookies", True)
            and _patchable() == _ORIGINALS
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

    def answer(self, source: bytes, outcome: Any) -> Answer:
        """Return what the ``caller`` has answered to a query as an answer with all its headers."""
        return EngineAnswer(self.caller.response(source, outcome))

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
        return WireAnswer(response.status, body.decode("utf-8", "replace"), headers)


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


def _copied(session: Session) -> dict[str, Any]:
    """Return the attributes of a session, with copies of those that are changed in place."""
    copies = {name: dict(getattr(session, name)) for name in ("proxies", "params", "adapters")}
    return {**vars(session), **copies, "hooks": _NO_HOOKS}


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
