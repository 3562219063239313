"""`serve`: the application in worker processes of granian, which is the HTTP server.

The main process starts workers and waits. It does not load the engine, which takes as much memory as all the rest.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

from .._private import without_password
from ..engine.defaults import DEFAULT_SECRET
from .listening import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    RefusedToServe,
    check_address,
    check_certificate,
    check_second_port,
    listening_address,
    read_origin,
    shown_address,
)
from .preflight import Found, check_database, in_child_process
from .worker_channel import CONFIG, END_STREAMS

#: Bytes that are read ahead of an HTTP/1.1 connection. A request line and its headers must fit.
MAX_BUFFER = 64 * 1024
#: Requests at the same time on one HTTP/2 connection. Strangers may have fewer (`strangers.ON_ONE_CONNECTION`).
MAX_STREAMS = 10_000
#: Bytes of an HTTP/2 request's unpacked headers, of which each counts 32 more than it has.
MAX_HEADER_LIST = 32 * 1024
#: Options of jemalloc, with which granian allocates; it reads them when it is loaded. By default it adds a page to each larger
#: piece of memory, such as the 16 kB into which every connection is read: with 10,000 streams that is 40 MB.
_ALLOCATOR = ("_RJEM_MALLOC_CONF", "cache_oblivious:false")
#: Seconds that a worker has to finish its queries. Less for Python 3.9, whose last granian sometimes hangs when it stops.
KILL_AFTER = 20 if sys.version_info >= (3, 10) else 5


def serve(
    url: str = "sqlite://",
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    http_port: Optional[int] = None,
    secret: str = "secret",
    workers: int = 1,
    certificate: Optional[str] = None,
    private_key: Optional[str] = None,
    log_level: str = "info",
    access_log: bool = False,
    dashboard: bool = True,
    origins: Iterable[str] = (),
    options: Optional[dict[str, Any]] = None,
) -> None:
    """Serve the database at url until SIGTERM, SIGINT or SIGHUP. HTTP/1.1 and HTTP/2 share the port.

    workers: how many processes; a database in memory has one. certificate, private_key: paths of PEM files for TLS.
    http_port: a second port, on which the same processes speak HTTP without TLS. origins: origins of web pages that may
    query the server; with the default secret those of this machine may, too.
    Raises `RefusedToServe`, `ImportError` without the extra ``server``, and what opening the database raises.
    """
    check_address(host, secret)
    check_certificate(certificate, private_key)
    origins = list(map(read_origin, origins))
    if http_port is not None:
        check_second_port(http_port, port, certificate)
        listening_address(host, http_port)
    address = listening_address(host, port)
    check_address(address, secret)
    os.environ.setdefault(*_ALLOCATOR)
    try:
        from granian import Granian  # late: an extra
        from granian.constants import SSLProtocols
        from granian.log import LogLevels
    except ImportError:
        raise ImportError(
            "faunadb serve needs the extra 'server': pip install 'faunadb[server]>=4.6'"
        ) from None
    # A database that cannot be opened is reported before anything listens.
    found = Found(*in_child_process(check_database, url, secret, options or {}))
    if workers > 1 and found.is_in_memory:
        raise RefusedToServe("a database in memory belongs to one process: use --workers 1, or a file")
    os.environ[CONFIG] = json.dumps(
        {
            "url": url,
            "root_hashes": found.root_hashes,
            "options": options or {},
            "log_level": log_level,
            "access_log": access_log,
            "dashboard": dashboard,
            "known_secret": secret == DEFAULT_SECRET,
            "origins": origins,
            "plain_listener": None if http_port is None else {"address": address, "port": http_port},
        }
    )
    server = Granian(
        "faunadb.server.worker:create_app",
        factory=True,
        address=address,
        port=port,
        workers=workers,
        # Of granian's own messages only those about the end of a worker are of use to users.
        log_level=LogLevels.debug if log_level.lower() == "debug" else LogLevels.error,
        **http_settings(),
        ssl_cert=Path(certificate) if certificate else None,
        ssl_key=Path(private_key) if private_key else None,
        ssl_protocol_min=SSLProtocols.tls12,
        workers_kill_timeout=KILL_AFTER,
        # On a file or on PostgreSQL all that a lost worker has acknowledged is stored, so that another can go on from it.
        respawn_failed_workers=not found.is_in_memory,
    )
    _allow_many_connections()
    stopping = _stopping_signals()
    server.on_startup(lambda: _stop_by(stopping))
    scheme = "https" if certificate else "http"
    here = f"{scheme}://{shown_address(host, port)}"
    also = "" if http_port is None else f" and http://{shown_address(host, http_port)}"
    print(f"faunadb: serving {without_password(url)} on {here}{also}", flush=True)
    if dashboard:
        print(f"faunadb: the dashboard is at {here}/dashboard/", flush=True)
    if found.is_in_memory:
        print("faunadb: sqlite:// is memory: all is lost at exit; sqlite:///app.db is a file", flush=True)
    try:
        server.serve()
    except SystemExit:
        # A service manager may signal the workers, too. granian takes one that has ended by that for lost, and exits with 1.
        if not server.interrupt_signal:
            raise


def http_settings() -> dict[str, Any]:
    """granian's options for HTTP."""
    from granian.constants import Interfaces  # late: an extra
    from granian.http import HTTP1Settings, HTTP2Settings

    return {
        "interface": Interfaces.ASGI,
        "websockets": False,
        "log_access": False,
        "backlog": 4096,
        "backpressure": 65536,
        "http1_settings": HTTP1Settings(max_buffer_size=MAX_BUFFER),
        "http2_settings": HTTP2Settings(max_concurrent_streams=MAX_STREAMS, max_headers_size=MAX_HEADER_LIST),
    }


def _allow_many_connections() -> None:
    """Raise the limit on open files as far as the system allows. Each connection is one, and the usual limit is low."""
    try:
        import resource  # not on Windows
    except ImportError:  # not a POSIX system
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _stopping_signals() -> list[int]:
    """The signals that stop the server. Call this before granian sets its own handlers.

    SIGHUP (the terminal was closed) is one of them, unless it is ignored (``nohup``). granian would restart the workers at
    it, and with them a database in memory would be gone.
    """
    numbers: list[int] = [signal.SIGTERM, signal.SIGINT]
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    return numbers


def _stop_by(numbers: list[int]) -> None:
    """Make these signals stop the main process, which first signals its workers that the server stops."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def tell_and_stop(*arguments: Any) -> None:
        for worker in multiprocessing.active_children():
            if worker.pid is not None and END_STREAMS:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, END_STREAMS)
        stop(*arguments)

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in numbers:
        signal.signal(number, tell_and_stop)
