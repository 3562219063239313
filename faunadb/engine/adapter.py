"""The engine behind a requests Session: an adapter that answers in this process instead of over a socket."""

from __future__ import annotations

import io
import threading
import time
import weakref
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Any, Callable, Optional, TypeVar, Union
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ReadTimeout
from requests.structures import CaseInsensitiveDict

from .._private import without_password
from . import companions, forks
from .auth import Authenticator
from .defaults import DEFAULT_SECRET
from .engine import Engine, open_engine
from .integers import int64
from .language.errors import RequestError
from .language.registry import VERSION_RANK, WRITE
from .records import maker
from .request import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    MAX_TIMEOUT,
    Failed,
    Outcome,
    Request,
    Unauthenticated,
)
from .storage.errors import StoreUnavailable
from .wire.exchange import Exchange, is_for_people
from .wire.headers import Options
from .wire.http import handle_here
from .wire.messages import MAX_BODY, HttpRequest, HttpResponse

T = TypeVar("T", bound=Union[HttpResponse, Outcome])

#: Seconds that the last client waits, when it is closed, for the indexes that queries of this process began to build.
PATIENCE = 60.0


class _Shared:
    """Engines of this process by URL, each with the number of its users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[str, list[Any]] = {}
        self._parents: list[list[Any]] = []
        #: URLs given back and not yet taken off the counts
        self._given_back: deque[str] = deque()

    def acquire(self, url: str, options: dict[str, Any]) -> Engine:
        with self._lock:
            entry = self._engines.get(url)
            if entry is None:
                opened = open_engine(url, **options)
                opened.patience = 0.0 if opened.is_in_memory else PATIENCE
                entry = self._engines[url] = [opened, 0]
            entry[1] += 1
            engine: Engine = entry[0]
        self._take_back()
        return engine

    def release(self, url: str) -> None:
        """Give an engine back. Never waits for the lock: the garbage collector comes here in any thread, at any point,
        also while `acquire` opens an engine; then `acquire` does the rest."""
        self._given_back.append(url)
        self._take_back()

    def after_fork(self) -> None:
        """In a forked child: engines on files and servers are the parent's. They are neither used nor closed here."""
        self._lock = threading.Lock()
        self._parents.extend(self._engines.values())
        self._engines = {url: entry for url, entry in self._engines.items() if entry[0].is_in_memory}

    def _take_back(self) -> None:
        while self._given_back and self._lock.acquire(blocking=False):
            try:
                unused = self._unused()
            finally:
                self._lock.release()
            for engine in unused:
                forks.visit(engine.close)

    def _unused(self) -> list[Engine]:
        """Take what was given back off the counts; the engines that nobody uses any more."""
        unused = []
        while self._given_back:
            url = self._given_back.popleft()
            entry = self._engines[url]
            entry[1] -= 1
            if entry[1] == 0:
                unused.append(self._engines.pop(url)[0])
        return unused


_shared = _Shared()
_adapters: weakref.WeakSet[EngineAdapter] = weakref.WeakSet()


def _after_fork(quiet: bool) -> None:
    _shared.after_fork()
    for adapter in list(_adapters):
        adapter._after_fork()


forks.in_child(_after_fork)


#: Headers that say no more than that the driver asks, and what `Caller` tells.
_USUAL_HEADERS = frozenset(
    (
        "accept", "accept-encoding", "authorization", "connection", "content-type", "user-agent", "x-driver-env",
        "x-fauna-driver", "x-faunadb-api-version",
    )
)  # fmt: skip


class Caller:
    """Who asks again and again with the same headers (names in lower case), and all that these say."""

    __slots__ = ("_known_by", "authorization", "headers", "secret", "version")

    def __init__(self, headers: dict[str, str], authorization: str, version: str):
        self.headers = headers
        self.authorization = authorization
        self.version = version
        self.secret = b""
        self._known_by: Any = None

    def known_to(self, authenticator: Authenticator) -> bytes:
        """What an engine knows the authorization by."""
        if self._known_by is not authenticator:
            self.secret = authenticator.verified.digest(self.authorization)
            self._known_by = authenticator
        return self.secret


_request = maker(Request)
#: Its fields from `retries` to `snapshot`.
_USUAL_REQUEST = (DEFAULT_RETRIES, WRITE, "", False, None)


class EngineAdapter(BaseAdapter):
    """Hands each request to the engine on `url`, which all adapters of this process with that URL share.

    The engine opens with the first request, so that a client can be made before its store can be reached; it closes
    with the last adapter. secret: root secret of a newly opened engine. hosted_secret: that of a key of the closed
    hosted service, which opens the engine too (see `Authenticator.adopt`). timeout: seconds that a query may take
    (streams may go on), None for as long as the request says; what takes longer raises `requests.ReadTimeout`, as over
    a network. options: those of `open_engine`.
    Several ``sqlite://`` clients share one memory store for as long as any of them lives.
    """

    def __init__(
        self,
        url: str,
        secret: str = DEFAULT_SECRET,
        hosted_secret: Optional[str] = None,
        timeout: Optional[float] = None,
        **options: Any,
    ):
        super().__init__()
        self.url = url
        self._hosted_secret = hosted_secret
        self._limit = None if timeout is None else min(max(1, round(timeout * 1000)), MAX_TIMEOUT)
        self._options = {"secret": secret, **options}
        self._engine: Optional[Engine] = None
        self._lock = threading.RLock()
        self._closed = False
        _adapters.add(self)

    def _after_fork(self) -> None:
        """In a forked child: the engine is opened anew when it is first needed, unless it is in memory."""
        self._lock = threading.RLock()
        if self._engine is not None and not self._engine.is_in_memory:
            self._engine = None

    def __repr__(self) -> str:
        return f"EngineAdapter({without_password(self.url)!r})"

    @property
    def engine(self) -> Engine:
        """The shared engine, opened when first asked for. Raises the errors of `open_engine`."""
        engine = self._engine
        if engine is None:
            with self._lock:
                if self._closed:
                    raise RequestsConnectionError("the client is closed")
                if self._engine is None:
                    opened = _shared.acquire(self.url, self._options)
                    if self._hosted_secret is not None:
                        opened.authenticator.adopt(self._hosted_secret)
                    self._engine = opened
                engine = self._engine
        return engine

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Answer a prepared request. A store that cannot be reached is a ConnectionError, as for a server."""
        return _response(request, self._exchange(_incoming(request), request))

    def _exchange(self, incoming: HttpRequest, request: Optional[PreparedRequest] = None) -> HttpResponse:
        """Answer a request within the client's timeout. Raises `forks.Reentered` in the midst of another one."""
        limit = self._limit
        if limit is not None and not _set_limit(incoming, limit):
            limit = None

        return self._within(limit, time.monotonic(), request, self._answer, incoming, request)

    def _within(
        self,
        limit: Optional[int],
        began: float,
        request: Optional[PreparedRequest],
        work: Callable[..., T],
        *given: Any,
    ) -> T:
        """What work gives, an answer or an outcome. limit: milliseconds, None where it is not the client that limits."""
        if companions.wanted():
            answer = companions.run(partial(forks.visit_alone, work, *given))
        else:
            answer = forks.visit_alone(work, *given)
        if limit is not None and answer.status == 503 and (time.monotonic() - began) * 1000 >= limit:
            raise ReadTimeout(f"{self!r} did not answer within {limit / 1000:g} s", request=request)
        return answer

    def _answer(self, incoming: HttpRequest, request: Optional[PreparedRequest] = None) -> HttpResponse:
        return handle_here(self._opened(request), incoming)

    def _opened(self, request: Optional[PreparedRequest] = None) -> Engine:
        try:
            return self.engine
        except StoreUnavailable as failure:
            raise RequestsConnectionError(str(failure), request=request) from failure

    def ask(self, method: str, path: str, headers: dict[str, str], body: Optional[bytes]) -> HttpResponse:
        """Answer a request that needs none of what requests adds; `send` is the general way.

        path: with query string. headers: names in lower case. Raises what `send` raises.
        """
        path, _, query = path.partition("?")
        incoming = HttpRequest(method, path, query, headers, body or b"")
        return self._exchange(incoming)

    def caller(self, headers: dict[str, str]) -> Optional[Caller]:
        """The caller of requests with these headers (in lower case); None where they say what takes the general way."""
        authorization, version = headers.get("authorization"), headers.get("x-faunadb-api-version")
        if not _USUAL_HEADERS.issuperset(headers) or is_for_people(headers):
            return None
        if authorization is None or version not in VERSION_RANK or type(self) is not EngineAdapter:
            return None
        return Caller(headers, authorization, version)

    def query(
        self, caller: Caller, source: bytes, last_seen: int, timeout: Optional[int]
    ) -> Union[Outcome, HttpResponse, None]:
        """Answer a query as `ask` does, by its outcome alone where it has one; None for one that takes the general way.

        timeout: milliseconds that the caller gives it, None without. last_seen: microseconds.
        """
        limit = self._limit
        milliseconds = limit or DEFAULT_TIMEOUT
        if timeout is not None:
            if type(timeout) is not int or not 0 < timeout <= MAX_TIMEOUT:
                return None
            if limit is None or timeout <= limit:
                limit, milliseconds = None, timeout
        if len(source) > MAX_BODY:
            return None
        began = time.monotonic()
        return self._within(limit, began, None, self._run, caller, source, last_seen, milliseconds, began)

    def _run(
        self, caller: Caller, source: bytes, last_seen: int, milliseconds: int, began: float
    ) -> Union[Outcome, HttpResponse]:
        engine = self._engine or self._opened()
        version, secret = caller.version, caller.known_to(engine.authenticator)
        deadline = began + milliseconds / 1000
        request = (caller.authorization, source, version, deadline, last_seen, *_USUAL_REQUEST, secret, None)
        try:
            return engine.run(_request(request))
        except (RequestError, Unauthenticated, Failed) as failure:
            return self._usual_exchange(engine, caller, source, began).answer_to(failure)

    def _usual_exchange(self, engine: Engine, caller: Caller, source: bytes, began: float) -> Exchange:
        exchange = Exchange(engine, HttpRequest("POST", "/", "", caller.headers, source))
        exchange.started = began
        exchange.options = Options(caller.version)
        return exchange

    def response(self, caller: Caller, source: bytes, answer: Union[Outcome, HttpResponse]) -> HttpResponse:
        """What `query` has answered, with all its headers."""
        if isinstance(answer, HttpResponse):
            return answer
        return self._usual_exchange(self.engine, caller, source, time.monotonic()).outcome(answer)

    def close(self) -> None:
        """Give the engine back; it closes when nobody else uses it. Closing again does nothing."""
        with self._lock:
            self._closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            _shared.release(self.url)


def _set_limit(incoming: HttpRequest, limit: int) -> bool:
    """Have a query take no longer than so many milliseconds; False when it says itself that it will not, or is a stream."""
    if incoming.path == "/stream":
        return False
    given = incoming.headers.get("x-query-timeout")
    # What is no number, or too large a one, is told as it is.
    if given is not None and not limit < (int64(given) or 0) <= MAX_TIMEOUT:
        return False
    incoming.headers["x-query-timeout"] = str(limit)
    return True


def _incoming(request: PreparedRequest) -> HttpRequest:
    url = urlsplit(request.url or "")
    headers = dict(request.headers.lower_items())
    for name, value in headers.items():
        if type(value) is not str:
            headers[name] = _text(value)
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode("utf-8")
    elif not isinstance(body, bytes):
        body = body.read() if hasattr(body, "read") else b"".join(body)
    return HttpRequest(request.method or "GET", str(url.path), str(url.query), headers, body)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _response(request: PreparedRequest, answer: HttpResponse) -> Response:
    response = Response()
    response.status_code = answer.status
    response.reason = _REASONS.get(answer.status, "")
    response.headers = CaseInsensitiveDict(answer.headers)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    if answer.stream is not None:
        response.raw = _EventStream(answer.stream)
    else:
        response.raw = io.BytesIO(answer.body)
        response._content = answer.body
        response._content_consumed = True  # type: ignore[attr-defined]
    return response


_REASONS = {status.value: status.phrase for status in HTTPStatus}


class _EventStream:
    """The events of a stream in the guise of a urllib3 response: enough for requests and for our own client."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.closed = False

    def stream(self, amt: Optional[int] = None, decode_content: Optional[bool] = None) -> Any:
        """Each event as bytes, as it comes, until the stream ends or is closed from any thread."""
        while True:
            event = self._stream.next(None)
            if event is None:
                return
            yield event

    def close(self) -> None:
        self.closed = True
        self._stream.close()

    def release_conn(self) -> None:
        self.close()
