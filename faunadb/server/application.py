"""An ASGI application that serves an engine, and `serve`, which runs it under granian.

Queries that read little are answered on the event loop, because handing them to a thread costs more than they do; all
others run on a pool of threads, where concurrent writers share their commits. Streams hold no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from ..engine import open_engine
from ..engine.storage.base import StoreError
from ..engine.storage.urls import is_in_memory, without_password
from ..engine.wire.http import MAX_BODY, HttpRequest, HttpResponse, NotQuick, handle, handle_quickly
from .listening import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    RefusedToServe,
    check_address,
    check_certificate,
    listening_address,
    shown_address,
)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

access = logging.getLogger("faunadb.server.access")
log = logging.getLogger("faunadb.server")

_PLAIN = [("content-type", "application/json;charset=utf-8")]
#: Bytes of a request line, and of all headers.
MAX_LINE = 16 * 1024
MAX_HEADERS = 8 * 1024
#: Seconds a client may take to send the next piece of its request.
READ_TIMEOUT = 60.0
#: Threads that run queries; so many writers can share one commit.
THREADS = 64
#: Queries longer than this many bytes are not tried on the event loop.
QUICK_BODY = 16 * 1024
#: Seconds within which an answer goes out by itself.
MOMENT = 0.000_05
#: Seconds between events of a stream while fewer than so many wait: the Go and JVM drivers take for one event what
#: arrives at once, and lose the others.
EVENTS_APART, FEW_EVENTS = 0.002, 64
#: Environment variable that carries the configuration to worker processes. It holds no secret, only a hash.
CONFIG = "FAUNADB_SERVER_CONFIG"

#: Signal by which the main process tells its workers that the server stops.
END_STREAMS = getattr(signal, "SIGUSR1", 0)
#: Seconds that clients have, when the server stops, to send the rest of a request or to read the rest of a stream.
GRACE = 2.0
#: Seconds until a worker without any request leaves, whatever its connections still wait for.
LINGER = 1.0
#: Seconds that a worker has to finish its queries. The last granian for Python 3.9 now and then hangs when it stops.
KILL_AFTER = 20 if sys.version_info >= (3, 10) else 5


class _TooLarge(Exception):
    pass


class _BadRequest(Exception):
    pass


class _TooSlow(Exception):
    pass


class _Gone(Exception):
    """The client went away while it sent its request, or what it sends is no HTTP any more."""


class _Wait:
    """A request that waits for what its client sends next. since: `time.monotonic`. late: it was given up."""

    __slots__ = ("_task", "late", "since")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.since = time.monotonic()
        self.late = False

    def give_up(self) -> None:
        self.late = True
        if self._task is not None:
            self._task.cancel()


class Application:
    """ASGI application over one engine.

    engine: an `engine.Engine`, or None with a `factory` that opens one when the server starts (each worker its own).
    """

    def __init__(
        self, engine: Any = None, factory: Optional[Callable[[], Any]] = None, dashboard: bool = True
    ):
        self.engine = engine
        self._factory = factory
        self._dashboard = dashboard
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="faunadb-query")
        self._owned = False
        self._closing = threading.Lock()
        self._ending: Optional[asyncio.Task[None]] = None
        self._receiving: set[_Wait] = set()
        self._sweeping = False
        #: What ends open streams.
        self._streaming: set[Callable[[], object]] = set()
        self._requests = 0
        self._snapshot: Any = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

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
                gc.freeze()  # modules stay: no query is to wait while the collector goes through them again
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._ending is not None:
                    self._ending.cancel()
                await loop.run_in_executor(None, self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _listen_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have END_STREAMS begin the end.

        Not by the loop's own signal handlers: asyncio tells itself of signals through a pipe, and loses them when very
        many connections end at once and fill it.
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
        # The HTTP server waits for all connections, also for those that sent half a request, or do not read their
        # stream; it can miss the signal to stop, and hangs when it gets it three times.
        if self.engine is not None:
            await loop.run_in_executor(None, self.engine.close_streams)
        patience = loop.time() + GRACE
        while self._requests or loop.time() < patience:
            await asyncio.sleep(0.1)
            if loop.time() > patience:
                for wait in list(self._receiving):
                    wait.give_up()
                for end in list(self._streaming):
                    end()
        await asyncio.sleep(LINGER)
        await loop.run_in_executor(None, self.close)
        logging.shutdown()
        os._exit(0)

    # Requests

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0
        headers: dict[str, str] = {}
        self._requests += 1
        try:
            headers = _headers(scope)
            body = await self._body(headers, receive)
            request = _request(scope, headers, body)
            begun = time.perf_counter()
            response = self._answer_quickly(request) or await self._answer(request)
            status = response.status
            if response.stream is not None:
                with contextlib.closing(response.stream) as stream:
                    await send(_start(scope, headers, response, None))
                    del body, headers, request, response  # there may be thousands of streams
                    await self._send_events(stream, receive, send)
            else:
                if time.perf_counter() - begun > MOMENT:
                    # What came together is answered together: the thread that sends is woken once for all.
                    await asyncio.sleep(0)
                await _send(scope, headers, response, send)
        except _TooLarge:
            response = handle(self.engine or self.open(), _request(scope, headers, b""), too_large=True)
            status = response.status
            await _send(scope, headers, response, send, close=True)
        except (_BadRequest, _Gone, _TooSlow) as refused:
            status, reason = _REFUSALS[type(refused)]
            refusal = HttpResponse(status, _PLAIN, b'{"error":"%s"}' % reason)
            await _send(scope, headers, refusal, send, close=True)
        except ConnectionError:
            status = 499
        finally:
            self._requests -= 1
            if access.isEnabledFor(logging.INFO):
                _log_access(scope, status, time.perf_counter() - started)

    def _answer_quickly(self, request: HttpRequest) -> Optional[HttpResponse]:
        """What takes less than to hand it to a thread; None for everything else."""
        if request.path == "/":
            engine = self.engine or self.open()
            if engine.is_quick and request.method == "POST" and len(request.body) <= QUICK_BODY:
                try:
                    return handle_quickly(engine, request, self._snapshot or self._pin(engine))
                except (NotQuick, StoreError):
                    return None
        elif self._dashboard and request.path.startswith("/dashboard"):
            from .. import dashboard

            return dashboard.answer(request.method, request.path, request.body)
        return None

    def _pin(self, engine: Any) -> Any:
        """Open a snapshot for this turn of the event loop."""
        # Its end is put in the loop's queue first: all that stands before it there had come before the snapshot was opened.
        asyncio.get_running_loop().call_soon(self._unpin)
        self._snapshot = engine.store.snapshot()
        return self._snapshot

    def _unpin(self) -> None:
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            snapshot.close()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        engine = self.engine or self.open()
        return await asyncio.get_running_loop().run_in_executor(self._pool, handle, engine, request)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, each piece within READ_TIMEOUT, or GRACE when the server stops.

        One that is announced as too large is not waited for.
        """
        announced = headers.get("content-length")
        length = None if announced is None else int(announced)
        if length == 0:
            return b""
        if length is not None and length > MAX_BODY:
            raise _TooLarge
        chunks: list[bytes] = []
        size = 0
        wait = _Wait()
        self._receiving.add(wait)
        if not self._sweeping:
            self._sweep()
        try:
            # Every message comes from another thread: the one that would only say that nothing more comes is not asked
            # for.
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > MAX_BODY:
                    raise _TooLarge
                if size == length or not message.get("more_body", False):
                    return b"".join([*chunks, chunk]) if chunks else chunk
                chunks.append(chunk)
                wait.since = time.monotonic()
        except asyncio.CancelledError:
            if wait.late:
                raise _TooSlow from None
            raise
        finally:
            self._receiving.discard(wait)

    def _sweep(self) -> None:
        """Give up requests that wait too long, now and then: a timer for each would cost more than most queries do."""
        for wait in list(self._receiving):
            if time.monotonic() - wait.since > READ_TIMEOUT:
                wait.give_up()
        self._sweeping = bool(self._receiving)
        if self._sweeping:
            asyncio.get_running_loop().call_later(READ_TIMEOUT / 8, self._sweep)

    async def _send_events(self, stream: Any, receive: Receive, send: Send) -> None:
        """Send each event in a frame of its own, apart from others, until the stream ends or the client goes away."""
        loop = asyncio.get_running_loop()
        sent = -EVENTS_APART
        ready = asyncio.Event()
        stream.on_ready(lambda: loop.call_soon_threadsafe(ready.set))
        gone = asyncio.ensure_future(_disconnected(receive))

        def end(_: object) -> None:
            stream.close()
            ready.set()

        gone.add_done_callback(end)
        task = asyncio.current_task()
        assert task is not None
        self._streaming.add(task.cancel)
        try:
            while not gone.done():
                ready.clear()
                while True:
                    event = stream.next(0)
                    if event is None:
                        break
                    early = sent + EVENTS_APART - loop.time()
                    if early > 0 and stream.waiting < FEW_EVENTS:
                        await asyncio.sleep(early)
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                    sent = loop.time()
                if stream.ended:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await ready.wait()
        except asyncio.CancelledError:
            if self._ending is None:
                raise
        finally:
            self._streaming.discard(task.cancel)
            gone.cancel()


#: What is answered before a request is one, with nothing of the protocol around it.
_REFUSALS = {
    _BadRequest: (400, b"bad request"),
    _Gone: (400, b"bad request"),
    _TooSlow: (408, b"request timeout: Client timed out."),
}


def _headers(scope: Message) -> dict[str, str]:
    """The headers. Refuses a request whose line or headers are too long."""
    path = scope.get("raw_path") or b""
    if len(scope["method"]) + len(path) + len(scope["query_string"]) + len("  ? HTTP/1.1") > MAX_LINE:
        raise _BadRequest
    headers = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        headers[name.decode("latin-1")] = value.decode("latin-1")
    if size > MAX_HEADERS:
        raise _BadRequest
    return headers


def _request(scope: Message, headers: dict[str, str], body: bytes) -> HttpRequest:
    path = scope["path"]
    if path != "/":
        raw_path = scope.get("raw_path")
        path = raw_path.decode("latin-1").partition("?")[0] if raw_path else path
    return HttpRequest(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)


def _start(
    scope: Message, asked: dict[str, str], response: HttpResponse, length: Optional[int], close: bool = False
) -> Message:
    """The message with status and headers. asked: the request's headers. length: of the body, None for a stream."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if scope["http_version"] == "1.1":
        closes = close or "close" in asked.get("connection", "").lower()
        headers.append((b"connection", b"close" if closes else b"keep-alive"))
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def _send(
    scope: Message, asked: dict[str, str], response: HttpResponse, send: Send, close: bool = False
) -> None:
    """Send an answer. close: the rest of the request cannot be told from the next one, so that none may follow."""
    await send(_start(scope, asked, response, len(response.body), close))
    await send({"type": "http.response.body", "body": response.body})


async def _disconnected(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return


def _log_access(scope: Message, status: int, seconds: float) -> None:
    """One JSON object a request. Neither headers nor query strings are logged: they can hold secrets and data."""
    client = scope.get("client")
    entry = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(seconds * 1000, 3),
        "client": client[0] if client else None,
        "http": scope.get("http_version"),
    }
    access.info(json.dumps(entry))


# Running it


def create_app() -> Application:
    """The application of a worker process, configured by the environment."""
    _stop_at_first_signal()
    config = json.loads(os.environ[CONFIG])
    _configure_logging(config["log_level"], config["access_log"])

    def factory() -> Any:
        return open_engine(
            config["url"], secret="", root_hashes=tuple(config["root_hashes"]), **config["options"]
        )

    return Application(factory=factory, dashboard=config["dashboard"])


def _stop_at_first_signal() -> None:
    """Have this worker tell granian once that it is to stop.

    A worker is told by the main process, and often by a terminal or a service manager as well; granian can wait for
    itself for ever when it is told while it stops already, and takes the event loop with it.
    """
    try:
        from granian import _signals

        set_loop_signals = _signals.set_loop_signals
    except (ImportError, AttributeError):
        log.debug("granian has changed: signals are left to it")
        return

    def set_once(loop: asyncio.AbstractEventLoop) -> Any:
        event = set_loop_signals(loop)
        told = False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                event.set()

        with contextlib.suppress(NotImplementedError):  # on Windows
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, tell)
        return event

    _signals.set_loop_signals = set_once


def _configure_logging(level: str, access_log: bool) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    access.setLevel(logging.INFO if access_log else logging.WARNING)


def serve(
    url: str = "sqlite://",
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    secret: str = "secret",
    workers: int = 1,
    certificate: Optional[str] = None,
    private_key: Optional[str] = None,
    log_level: str = "info",
    access_log: bool = False,
    dashboard: bool = True,
    options: Optional[dict[str, Any]] = None,
) -> None:
    """Serve the database at url until SIGTERM or SIGINT. HTTP/1.1 and HTTP/2 share the port.

    workers: processes; a memory database has one. certificate, private_key: paths of PEM files for TLS.
    Raises `RefusedToServe`; `ImportError` without the extra ``server``.
    """
    check_address(host, secret)
    if workers > 1 and is_in_memory(url):
        raise RefusedToServe("a database in memory belongs to one process: use --workers 1, or a file")
    check_certificate(certificate, private_key)
    address = listening_address(host, port)
    check_address(address, secret)
    try:
        from granian import Granian
        from granian.log import LogLevels
    except ImportError:
        raise ImportError("faunadb serve needs the extra 'server': pip install 'faunadb[server]'") from None
    from pathlib import Path

    from ..engine.auth.secrets import hash_password

    open_engine(url, secret="", **(options or {})).close()  # a bad place is told before anything listens
    os.environ[CONFIG] = json.dumps(
        {
            "url": url,
            "root_hashes": [hash_password(secret)],
            "options": options or {},
            "log_level": log_level,
            "access_log": access_log,
            "dashboard": dashboard,
        }
    )
    server = Granian(
        "faunadb.server:create_app",
        factory=True,
        address=address,
        port=port,
        workers=workers,
        # Of what the HTTP server says by itself, only a worker's end matters to others than its developers.
        log_level=LogLevels.debug if log_level.lower() == "debug" else LogLevels.error,
        **http_settings(),
        ssl_cert=Path(certificate) if certificate else None,
        ssl_key=Path(private_key) if private_key else None,
        workers_kill_timeout=KILL_AFTER,
    )
    _allow_many_connections()
    server.on_startup(_tell_workers_of_the_end)
    scheme = "https" if certificate else "http"
    print(f"faunadb: serving {without_password(url)} on {scheme}://{shown_address(host, port)}", flush=True)
    server.serve()


def http_settings() -> dict[str, Any]:
    """How granian is to serve: its options that have to do with HTTP."""
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings, HTTP2Settings

    return {
        "interface": Interfaces.ASGI,
        "websockets": False,
        "log_access": False,
        "backlog": 4096,
        "backpressure": 65536,
        "http1_settings": HTTP1Settings(max_buffer_size=1024 * 1024),
        "http2_settings": HTTP2Settings(max_concurrent_streams=100_000),
    }


def _allow_many_connections() -> None:
    """As many files as the system allows: a connection is one, and the usual limit is for programs of another kind."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _tell_workers_of_the_end() -> None:
    """Have the main process's handlers of SIGTERM and SIGINT pass the news on before they do their work."""
    if not END_STREAMS:
        return

    def chain(number: int) -> None:
        stop: Any = signal.getsignal(number)

        def tell_and_stop(*arguments: Any) -> None:
            for worker in multiprocessing.active_children():
                if worker.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker.pid, END_STREAMS)
            stop(*arguments)

        signal.signal(number, tell_and_stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        chain(number)
