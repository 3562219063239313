"""The engine behind a `requests` session: an adapter that answers in this process instead of over a socket.

`EngineAdapter.send` answers anything that `requests` can send. `Caller.query` is a shorter way for what a client
asks most often, a query without unusual headers.
"""

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

from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ReadTimeout
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from .._private import without_password
from . import companions, ending, forks
from .defaults import DEFAULT_SECRET
from .engine import Engine, open_engine
from .integers import int64
from .language.errors import RequestError
from .language.registry import VERSION_RANK, WRITE
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

T = TypeVar("T")
A = TypeVar("A")

#: When the last client of an engine is closed, it waits up to this many seconds for indexes that queries of this process
#: began to build.
PATIENCE = 60.0


class _SharedEngines:
    """The engines that the adapters of this process share: by URL, each with the number of its users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: by URL: the engine and the number of its users
        self._engines: dict[str, list[Any]] = {}
        #: those of the process that this one was forked from: referenced, so that nothing closes them here
        self._of_parent: list[list[Any]] = []
        #: URLs of engines that were given back, but are still counted as used
        self._given_back: deque[str] = deque()

    def acquire(self, url: str, options: dict[str, Any], deadline: Optional[float] = None) -> Engine:
        """The engine at a URL, opened if it is not open. deadline: of `open_store`."""
        with self._lock:
            entry = self._engines.get(url)
            if entry is None:
                opened = open_engine(url, deadline=deadline, **options)
                opened.patience = 0.0 if opened.is_in_memory else PATIENCE
                entry = self._engines[url] = [opened, 0]
            entry[1] += 1
            engine: Engine = entry[0]
        self._close_unused()
        return engine

    def release(self, url: str) -> None:
        """Give an engine back; it is closed when nobody else uses it.

        This never waits for the lock, because the garbage collector may call it in any thread at any point, even while
        `acquire` holds the lock. In that case `acquire` closes the engine when it is done.
        """
        self._given_back.append(url)
        self._close_unused()

    def after_fork(self) -> None:
        """In a forked child: leave engines on files and servers to the parent, neither using nor closing them."""
        self._lock = threading.Lock()
        self._of_parent.extend(self._engines.values())
        self._engines = {url: entry for url, entry in self._engines.items() if entry[0].is_in_memory}

    def _close_unused(self) -> None:
        while self._given_back and self._lock.acquire(blocking=False):
            try:
                unused = self._unused()
            finally:
                self._lock.release()
            for engine in unused:
                forks.visit(engine.close)

    def _unused(self) -> list[Engine]:
        """The engines that nobody uses any more, taken out of `_engines`. To be called with the lock held."""
        unused = []
        while self._given_back:
            url = self._given_back.popleft()
            entry = self._engines[url]
            entry[1] -= 1
            if entry[1] == 0:
                unused.append(self._engines.pop(url)[0])
        return unused


_shared = _SharedEngines()
_adapters: weakref.WeakSet[EngineAdapter] = weakref.WeakSet()


def _after_fork(quiet: bool) -> None:
    _shared.after_fork()
    for adapter in list(_adapters):
        adapter._after_fork()


forks.in_child(_after_fork)


#: The headers that the driver sends with every query. None of them asks for more than `Caller` knows.
_USUAL_HEADERS = frozenset(
    (
        "accept", "accept-encoding", "authorization", "connection", "content-type", "user-agent", "x-driver-env",
        "x-fauna-driver", "x-faunadb-api-version",
    )
)  # fmt: skip


class Caller:
    """What the headers of a client's queries say, read once for all of them, and the short way for such queries.

    adapter: the way for all others. headers: by their names in lower case.
    """

    __slots__ = ("_adapter", "_authenticator", "_secret", "authorization", "headers", "version")

    def __init__(self, adapter: EngineAdapter, headers: dict[str, str], authorization: str, version: str):
        self._adapter = adapter
        self.headers = headers
        self.authorization = authorization
        self.version = version
        self._secret = b""
        self._authenticator: Any = None

    @ending.entry
    def query(
        self, source: bytes, last_seen: int, timeout: Optional[int]
    ) -> Union[Outcome, HttpResponse, None]:
        """Answer a query as `EngineAdapter.ask` does, but with the bare outcome if it succeeds. None: it has to be asked
        by `ask`, because it is unusual, or because the engine has to be opened first.

        :param source: the query as JSON.
        :param last_seen: the transaction time that the answer must not be older than, in microseconds.
        :param timeout: milliseconds that the query may take; None: as the adapter's timeout says.
        """
        if ending.until is not None:
            ending.hold()
        adapter = self._adapter
        engine = adapter._engine
        limit = adapter._limit
        milliseconds = limit or DEFAULT_TIMEOUT
        if timeout is not None:
            if type(timeout) is not int or not 0 < timeout <= MAX_TIMEOUT:
                return None
            if limit is None or timeout <= limit:
                limit, milliseconds = None, timeout
        if engine is None or len(source) > MAX_BODY:
            return None
        if self._authenticator is not engine.authenticator:
            self._secret = engine.authenticator.verified.digest(self.authorization)
            self._authenticator = engine.authenticator
        began = time.monotonic()
        request = _new_tuple(
            Request,
            (
                self.authorization,
                source,
                self.version,
                began + milliseconds / 1000,
                last_seen,
                DEFAULT_RETRIES,
                WRITE,
                "",
                False,
                None,
                self._secret,
                None,
            ),
        )
        try:
            # As `_visit`, without the call.
            if companions.wanted():
                return companions.run(partial(forks.visit_alone, engine.run, request))
            return forks.visit_alone(engine.run, request)
        except (RequestError, Unauthenticated, Failed) as failure:
            answer = _visit(self._exchange(engine, source, began).answer_to, failure)
        except Exception:
            ending.hold()
            raise
        adapter.check_time(answer, limit, began, None)
        return answer

    def response(self, source: bytes, answer: Union[Outcome, HttpResponse]) -> HttpResponse:
        """The whole response, with its headers, to a query that `query` has answered."""
        if isinstance(answer, HttpResponse):
            return answer
        return self._exchange(self._adapter.engine, source, time.monotonic()).outcome(answer)

    def _exchange(self, engine: Engine, source: bytes, began: float) -> Exchange:
        exchange = Exchange(engine, HttpRequest("POST", "/", "", self.headers, source))
        exchange.started = began
        exchange.options = Options(self.version)
        return exchange


def _visit(work: Callable[[A], T], argument: A) -> T:
    """The result of ``work(argument)``, which uses the engine, in this thread or in a companion."""
    try:
        if companions.wanted():
            return companions.run(partial(forks.visit_alone, work, argument))
        return forks.visit_alone(work, argument)
    except Exception:
        ending.hold()
        raise


_new_tuple = tuple.__new__


class EngineAdapter(BaseAdapter):
    """Hands each request to the engine on a database URL. All adapters of this process with the same URL share one engine.

    The engine is opened by the first request, so a client can be made before its store can be reached. It is closed with
    the last adapter; so several ``sqlite://`` clients share one store in memory for as long as any of them is open.

    :param url: as `open_engine` takes it.
    :param secret: the root secret of an engine that this adapter opens.
    :param hosted_secret: the secret of a key of the closed hosted service, which is to open the engine too; see
        `Authenticator.adopt`.
    :param timeout: seconds that a query may take; a longer one raises `requests.ReadTimeout`, as over a network. None:
        as long as the request itself allows. Streams are not limited.
    :param options: those of `open_engine`.
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
        """The shared engine, opened when first asked for.

        :raises requests.ConnectionError: the adapter is closed.
        :raises StoreError: of `open_engine`.
        """
        return self._engine_by(None)

    def _engine_by(self, deadline: Optional[float]) -> Engine:
        """`engine`, opened by a deadline in `time.monotonic` seconds."""
        engine = self._engine
        if engine is None:
            with self._lock:
                if self._closed:
                    raise RequestsConnectionError("the client is closed")
                if self._engine is None:
                    opened = _shared.acquire(self.url, self._options, deadline)
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
        """Answer a prepared request. Of the other parameters, which are for sockets, none has an effect.

        :raises requests.ConnectionError: the store cannot be reached.
        :raises requests.ReadTimeout: the query took longer than the adapter's timeout.
        :raises forks.Reentered: the calling thread is in the midst of another query.
        """
        return _response(request, self._exchange(_incoming(request), request))

    @ending.entry
    def _exchange(self, incoming: HttpRequest, request: Optional[PreparedRequest] = None) -> HttpResponse:
        """Answer a request within the adapter's timeout."""
        limit = self._limit
        if limit is not None and not _set_limit(incoming, limit):
            limit = None

        ending.hold()
        began = time.monotonic()
        answer = _visit(partial(self._answer, request=request), incoming)
        self.check_time(answer, limit, began, request)
        return answer

    def check_time(
        self, answer: HttpResponse, limit: Optional[int], began: float, request: Optional[PreparedRequest]
    ) -> None:
        """Raise ReadTimeout for an answer that came with the adapter's timeout.

        limit: milliseconds; a 503 after that time counts as the adapter's timeout. None: there is no such timeout.
        """
        if answer.status < 500:
            return
        took = (time.monotonic() - began) * 1000
        ending.hold()
        if limit is not None and answer.status == 503 and took >= limit:
            raise ReadTimeout(f"{self!r} did not answer within {limit / 1000:g} s", request=request)

    def _answer(self, incoming: HttpRequest, request: Optional[PreparedRequest] = None) -> HttpResponse:
        milliseconds = int64(incoming.headers.get("x-query-timeout") or "")
        deadline = time.monotonic() + (milliseconds or DEFAULT_TIMEOUT) / 1000
        return handle_here(self._opened(deadline, request), incoming)

    def _opened(self, deadline: float, request: Optional[PreparedRequest] = None) -> Engine:
        try:
            return self._engine_by(deadline)
        except StoreUnavailable as failure:
            raise RequestsConnectionError(str(failure), request=request) from failure

    def ask(self, method: str, path: str, headers: dict[str, str], body: Optional[bytes]) -> HttpResponse:
        """Answer a request without the detour over the types of `requests`. Raises what `send` raises.

        :param path: with its query string.
        :param headers: by their names in lower case.
        """
        path, _, query = path.partition("?")
        incoming = HttpRequest(method, path, query, headers, body or b"")
        return self._exchange(incoming)

    def caller(self, headers: dict[str, str]) -> Optional[Caller]:
        """The short way for queries with these headers (names in lower case); None if only `ask` can do what they ask for."""
        authorization, version = headers.get("authorization"), headers.get("x-faunadb-api-version")
        if not _USUAL_HEADERS.issuperset(headers) or is_for_people(headers):
            return None
        if authorization is None or version not in VERSION_RANK or type(self) is not EngineAdapter:
            return None
        return Caller(self, headers, authorization, version)

    def close(self) -> None:
        """Give the engine back, which is closed when nobody else uses it. Closing again does nothing."""
        with self._lock:
            self._closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            _shared.release(self.url)


def _set_limit(incoming: HttpRequest, limit: int) -> bool:
    """Limit a query to some milliseconds. False: it is not limited, being a stream or having a timeout that is no longer."""
    if incoming.path == "/stream":
        return False
    given = incoming.headers.get("x-query-timeout")
    # A value that is no number, or too large, stays as it is: the engine answers it with an error.
    if given is not None and not limit < (int64(given) or 0) <= MAX_TIMEOUT:
        return False
    incoming.headers["x-query-timeout"] = str(limit)
    return True


def _incoming(request: PreparedRequest) -> HttpRequest:
    """A request of `requests` as the engine takes it."""
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
    """The engine's answer as `requests` gives it."""
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
    """An event stream with those methods of a urllib3 response that `requests` and our own client call."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.closed = False

    def stream(self, amt: Optional[int] = None, decode_content: Optional[bool] = None) -> Any:
        """Each event as bytes, as soon as it comes, until the stream ends or any thread closes it."""
        while True:
            event = self._stream.next(None)
            if not self.closed:
                ending.hold()
            if event is None:
                return
            yield event

    def close(self) -> None:
        self.closed = True
        self._stream.close()

    def release_conn(self) -> None:
        self.close()
