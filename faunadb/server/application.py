"""An ASGI application that serves an engine.

Queries that read little are answered on the event loop, because handing them to a thread would cost more than they do.
Those that write are gathered (`writes`). All others run on a pool of threads. Streams do not need a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
import time
import types
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Optional

from .. import dashboard
from ..engine.auth.jwks import PATIENCE, KeysNeeded, without_waiting
from ..engine.language import piecewise
from ..engine.wire import usual
from ..engine.wire.http import handle
from ..engine.wire.messages import HttpRequest, HttpResponse
from . import departures
from .answers import WHOLE, Answers
from .asgi import (
    Headers,
    Message,
    Receive,
    Refused,
    Send,
    content_length,
    request_of,
    start_of,
    text_of,
)
from .bodies import SMALL, Bodies, Held, TooLarge
from .browsers import Browsers
from .collector import Collector
from .heads import Heads
from .memory import LARGE, Memory, give_back_now
from .plain_listener import PlainListener
from .strangers import Strangers
from .streams import Streams
from .turns import Turns
from .worker_channel import END_STREAMS
from .writes import Writes

access = logging.getLogger("faunadb.server.access")
log = logging.getLogger("faunadb.server")

#: Threads that run queries. As many writers can share one commit.
THREADS = 64
#: How many streams are opened at the same time. The memory that opening takes for a moment would, for thousands at once,
#: be scattered among the memory they keep, and could not be given back.
OPENING = 8
_ENDING = departures.HEADER.encode()
_OPEN_STREAMS = ("/stream", "/dashboard/streams")
#: Threads that check secrets which are not known yet, and answer requests without one.
STRANGERS_THREADS = 4
#: An answer that took fewer seconds is sent at once; others wait to be sent together with those that are ready soon.
MOMENT = 0.000_05
#: Seconds that clients have, when the server stops, to send the rest of a request or to read the rest of a stream.
GRACE = 2.0
#: Seconds after which a stopping worker without any request exits, whatever its connections still wait for.
LINGER = 1.0


class Application:
    """ASGI application over one engine.

    engine: an `engine.Engine`; or None, and a factory that opens one when the server starts (each worker its own).
    dashboard: whether to serve the dashboard. known_secret: whether the root secret is the default one, so that foreign web
    pages are refused. origins: origins of pages that may ask nevertheless. plain_listener: a second listener, started and
    stopped with the first one.
    """

    def __init__(
        self,
        engine: Any = None,
        factory: Optional[Callable[[], Any]] = None,
        dashboard: bool = True,
        known_secret: bool = False,
        origins: Iterable[str] = (),
        plain_listener: Optional[PlainListener] = None,
    ):
        self.engine = engine
        self._plain_listener = plain_listener
        self._factory = factory
        self._dashboard = dashboard
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="faunadb-query")
        self._owned = False
        self._closing = threading.Lock()
        self._ending: Optional[asyncio.Task[None]] = None
        self._strangers_pool = ThreadPoolExecutor(STRANGERS_THREADS, thread_name_prefix="faunadb-stranger")
        self._browsers = Browsers(known_secret, origins)
        self._heads = Heads(self._browsers)
        self._strangers = Strangers()
        self._bodies = Bodies()
        self._answers = Answers()
        self._streams = Streams()
        self._memory = Memory()
        #: threads that are working on a request
        self._busy: set[int] = set()
        self._collector = Collector(lambda: not self._busy)
        self._opening: Optional[asyncio.Semaphore] = None
        self._requests = 0
        self._turns = Turns()
        self._writes = Writes(self._at_work)

    # Start and stop

    def open(self) -> Any:
        if self.engine is None:
            assert self._factory is not None
            self.engine = self._factory()
            self._owned = True
        return self.engine

    def close(self) -> None:
        """Finish running queries, end streams, close an engine that was opened here. Idempotent."""
        with self._closing:
            if self.engine is not None:
                self.engine.close_streams()
            self._pool.shutdown(wait=True)
            self._writes.close()
            self._strangers_pool.shutdown(wait=True)
            if self._owned:
                self._owned = False
                self.engine.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await loop.run_in_executor(None, self.open)
                except Exception as failure:
                    log.error("cannot open the database: %s", failure)
                    await send({"type": "lifespan.startup.failed", "message": str(failure)})
                    return
                self._listen_for_the_end(loop)
                if self._plain_listener is not None:
                    self._plain_listener.start(self)
                give_back_now()
                self._collector.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._collector.stop()
                if self._ending is not None:
                    self._ending.cancel()
                if self._plain_listener is not None:
                    await self._plain_listener.stop(GRACE)
                await loop.run_in_executor(None, self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _listen_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the signal END_STREAMS start `_end`.

        The loop's own signal handlers will not do: asyncio passes signals on through a pipe, and loses them when it is full
        because very many connections end at once.
        """

        def begin(*_: object) -> None:
            loop.call_soon_threadsafe(end)

        def end() -> None:
            if self._ending is None:
                self._ending = loop.create_task(self._end(loop))

        try:
            signal.signal(END_STREAMS, begin)
        except (AttributeError, ValueError):
            log.debug("no signals here: streams end with their connections")

    async def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop within GRACE and LINGER after the last query, whatever clients do. Cancelled when all goes well."""
        # The HTTP server cannot be relied on: it waits for all connections, even those that have sent half a request or do
        # not read their stream; it may miss the signal to stop, and hangs when it gets it three times.
        if self._plain_listener is not None:
            self._plain_listener.begin_to_stop()
        if self.engine is not None:
            await loop.run_in_executor(None, self.engine.close_streams)
        patience = loop.time() + GRACE
        while self._requests or loop.time() < patience:
            await asyncio.sleep(0.1)
            if loop.time() > patience:
                self._bodies.give_up()
                self._answers.end()
                self._streams.end()
        await asyncio.sleep(LINGER)
        await loop.run_in_executor(None, self.close)
        logging.shutdown()
        os._exit(0)

    # Requests

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop, as ASGI has it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        started = time.perf_counter()
        status = 0
        self._requests += 1
        try:
            headers, options = self._heads.read(scope)
            engine = self.engine or self.open()
            authorization = headers.get(b"authorization", b"").decode("latin-1")
            name = engine.authenticator.trusted_name(authorization)
            length = content_length(headers)
            small = answer = None
            if name is not None and length is not None and length <= SMALL:
                # A small body of a known client does not count against the room for bodies.
                small = await self._bodies.read_small(length, receive)
                if options is not None:
                    asked = self._turns.answer_usually(
                        engine, scope, headers, small, options, authorization, name
                    )
                    if not isinstance(asked, usual.Write):
                        answer = asked
                    elif _ENDING not in headers:
                        answer = await self._writes.answer(engine, asked)
            if answer is not None:
                status, raw_headers, body = answer
                start, stream = start_of(scope, status, raw_headers, len(body)), None
            else:
                is_tried = options is not None
                start, body, stream = await self._respond(scope, headers, receive, name, small, is_tried)
            status = start["status"]
            if stream is not None:
                try:
                    await send(start)
                    # There may be thousands of streams, so each keeps as little as possible.
                    del start, headers, authorization, small, body
                    _shrink(scope, _LOGGED if access.isEnabledFor(logging.INFO) else ())
                    await self._streams.send_events(stream, receive, send)
                finally:
                    stream.close()
            else:
                if time.perf_counter() - started > MOMENT:
                    # Requests that came together are answered together: the sending thread is woken once for all.
                    await _next_turn()
                await send(start)
                if len(body) <= WHOLE:
                    await send({"type": "http.response.body", "body": body})
                else:
                    await self._send_in_pieces(body, send)
        except Refused as refused:
            status = refused.status
            response = refused.response()
            await send(start_of(scope, status, response.raw_headers, len(response.body), close=True))
            await send({"type": "http.response.body", "body": response.body})
        except ConnectionError:
            status = 499
        finally:
            self._requests -= 1
            if access.isEnabledFor(logging.INFO):
                _log_access(scope, status, time.perf_counter() - started)

    async def _send_in_pieces(self, body: bytes, send: Send) -> None:
        is_large = len(body) >= LARGE
        if is_large:
            self._memory.give_back()  # the memory that making the answer took
        try:
            await self._answers.send(body, send)
        finally:
            if is_large:
                self._memory.give_back()

    async def _respond(
        self,
        scope: Message,
        headers: Headers,
        receive: Receive,
        name: Optional[bytes],
        small: Optional[bytes],
        is_tried: bool,
    ) -> tuple[Message, bytes, Any]:
        """The message with which the answer begins, and its body, or the stream whose events follow instead.

        name: the name under which the secret is trusted (`Authenticator.trusted_name`), None for a stranger's. small: the
        body, if it has been read because it is small. is_tried: then the answer has turned out not to be quick.
        """
        close = False
        if name is None:
            response, close = await self._respond_to_stranger(scope, headers, receive)
        elif small is None:
            with self._bodies.held() as held:
                response, close = await self._respond_to(scope, headers, receive, held, name)
        else:
            response = await self._answer(scope, headers, small, receive, name, is_tried)
        if b"origin" in headers and self._browsers.is_listed(headers[b"origin"].decode("latin-1")):
            response.headers.append(("access-control-allow-credentials", "true"))
        connection = headers.get(b"connection")
        close = close or (connection is not None and b"close" in connection.lower())
        begin = partial(start_of, scope, response.status, response.raw_headers, close=close)
        if response.stream is not None:
            return begin(None), b"", response.stream
        return begin(len(response.body)), response.body, None

    async def _answer(
        self,
        scope: Message,
        headers: Headers,
        body: bytes,
        receive: Receive,
        name: Optional[bytes],
        is_tried: bool = False,
    ) -> HttpResponse:
        """The answer, worked out on a thread unless it is quick. is_tried: it has turned out not to be."""
        if scope["path"] in _OPEN_STREAMS and scope["method"] == "POST":
            return await self._open_stream(scope, headers, body, receive)
        request = request_of(scope, headers, body)
        quick = None if is_tried else self._answer_quickly(request, name)
        return quick or await self._answer_on_thread(request, receive)

    async def _open_stream(
        self, scope: Message, headers: Headers, body: bytes, receive: Receive
    ) -> HttpResponse:
        """Answer a request for a stream. Thousands may come at once: what waits here keeps little, and then makes way for
        what streams keep."""
        if self._opening is None:  # not before there is a loop, to which Python 3.9 binds it
            self._opening = asyncio.Semaphore(OPENING)
        _shrink(scope, _NEEDED)
        async with self._opening:
            return await self._answer_on_thread(request_of(scope, headers, body), receive)

    async def _answer_on_thread(self, request: HttpRequest, receive: Receive) -> HttpResponse:
        if departures.HEADER not in request.headers:
            return await self._in_pool(self._handle, request)
        ending = departures.EndsWithConnection()
        answer = self._in_pool(partial(ending.run, self._handle), request)
        return await ending.answered(answer, receive)

    async def _respond_to(
        self,
        scope: Message,
        headers: Headers,
        receive: Receive,
        held: Held,
        name: Optional[bytes] = None,
    ) -> tuple[HttpResponse, bool]:
        """Read the body; the answer, and whether the connection ends with it, because there is more that was not read.

        name: the name under which the secret is trusted (`Authenticator.trusted_name`).
        """
        try:
            body = await self._bodies.read(headers, receive, held)
        except TooLarge:
            return await self._in_pool(_too_large, request_of(scope, headers, b"")), True
        return await self._answer(scope, headers, body, receive, name), False

    async def _respond_to_stranger(
        self, scope: Message, headers: Headers, receive: Receive
    ) -> tuple[HttpResponse, bool]:
        """Answer a request whose secret is not known yet: nothing large is read before the secret proves good."""
        client = tuple(scope.get("client") or ("", 0))
        with self._strangers.visit(client):
            is_good = await self._is_good(client[0], headers)
            if is_good is not False:
                with self._bodies.held(is_stranger=is_good is None) as held:
                    response, close = await self._respond_to(scope, headers, receive, held)
                if is_good is None and response.status != 401:
                    self._strangers.succeeded(client[0])
                return response, close
            with self._bodies.held(is_stranger=True) as held:
                close = False
                try:
                    body = await self._bodies.read(headers, receive, held, SMALL)
                except TooLarge:
                    body, close = b"", True
                # The secret is wrong; without it, it is not checked again.
                request = request_of(scope, {**headers, b"authorization": b""}, body)
                page = self._answer_quickly(request)
                return page or await self._in_pool(self._handle, request, self._strangers_pool), close

    async def _is_good(self, address: str, headers: Headers) -> Optional[bool]:
        """Whether the secret of a request is good; None when that is not known yet. Raises `TooManyAttempts`."""
        header = text_of(headers.get(b"authorization"))
        if not header:
            return False
        wait = self._strangers.attempt(address)
        if wait:
            await asyncio.sleep(wait)
        loop, engine = asyncio.get_running_loop(), self.engine or self.open()
        is_good: Optional[bool] = await loop.run_in_executor(self._strangers_pool, engine.opens, header)
        if is_good:
            self._strangers.succeeded(address)
        return is_good

    def _answer_quickly(self, request: HttpRequest, name: Optional[bytes] = None) -> Optional[HttpResponse]:
        """The answer, if working it out takes less than handing it to a thread would; else None."""
        if self._dashboard and request.method != "POST":
            return dashboard.answer_quickly(request)
        if request.path == "/" and request.method == "POST":
            return self._turns.answer_query(self.engine or self.open(), request, name)
        return None

    async def _in_pool(
        self,
        answer: Callable[[Any, HttpRequest], HttpResponse],
        request: HttpRequest,
        pool: Optional[ThreadPoolExecutor] = None,
    ) -> HttpResponse:
        """The answer, worked out on a thread of a pool. The thread does not wait for key sets: others need it meanwhile."""
        engine = self.engine or self.open()
        loop = asyncio.get_running_loop()
        for _ in range(3):
            try:
                work = partial(without_waiting, partial(self._on_thread, answer, engine, request))
                return await loop.run_in_executor(pool or self._pool, work)
            except KeysNeeded as needed:
                await asyncio.wait([asyncio.wrap_future(needed.begin())], timeout=PATIENCE)
        # It needs keys again and again. A token that they have not proved good by now counts as wrong.
        request = request._replace(headers={**request.headers, "authorization": ""})
        return await loop.run_in_executor(pool or self._pool, self._on_thread, answer, engine, request)

    def _on_thread(
        self, answer: Callable[[Any, HttpRequest], HttpResponse], engine: Any, request: HttpRequest
    ) -> HttpResponse:
        with self._at_work():
            return answer(engine, request)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """What a thread is within while it works on requests."""
        me = threading.get_ident()
        self._busy.add(me)
        piecewise.begin()
        try:
            yield
        finally:
            self._busy.discard(me)
            large = piecewise.end()
            if large:
                self._free_later(large)

    def _free_later(self, large: list[Any]) -> None:
        """Free large values on another thread: the answer does not wait for that."""
        try:
            self._pool.submit(piecewise.free, large)
        except RuntimeError:  # the server stops
            piecewise.free(large)

    def _handle(self, engine: Any, request: HttpRequest) -> HttpResponse:
        if self._dashboard and request.path.startswith("/dashboard/"):
            return dashboard.answer(engine, request) or handle(engine, request)
        return handle(engine, request)


@types.coroutine
def _next_turn() -> Generator[None, None, None]:
    """Let the event loop do what else is waiting."""
    yield


def _too_large(engine: Any, request: HttpRequest) -> HttpResponse:
    return handle(engine, request, too_large=True)


#: What the access log needs of a request's scope, and what answering it needs.
_LOGGED = ("method", "path", "client", "http_version")
_NEEDED = (*_LOGGED, "raw_path", "query_string")


def _shrink(scope: Message, names: tuple[str, ...]) -> None:
    """Keep only this of a request's scope."""
    kept = {name: scope[name] for name in names if name in scope}
    scope.clear()
    scope.update(kept)


def _log_access(scope: Message, status: int, seconds: float) -> None:
    """Log one JSON object for a request. Headers and query strings are left out: they can hold secrets and data."""
    method, path, client, version = (scope.get(name) for name in _LOGGED)
    entry = {
        "method": method,
        "path": path,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "client": client[0] if client else None,
        "http": version,
    }
    access.info(json.dumps(entry))
