"""A worker process under granian: the application that it runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from typing import Any

from ..engine import open_engine
from .application import Application, access
from .plain_listener import PlainListener
from .serving import http_settings
from .worker_channel import CONFIG, END_STREAMS

log = logging.getLogger("faunadb.server")

#: How often (seconds) a worker looks whether the main process is still there.
LOOK_EVERY = 1.0


def create_app() -> Application:
    """The application of a worker process, configured by the environment."""
    _stop_at_first_sigterm()
    _stop_with_main_process()
    config = json.loads(os.environ[CONFIG])
    _configure_logging(config["log_level"], config["access_log"])

    def factory() -> Any:
        return open_engine(
            config["url"], secret="", root_hashes=tuple(config["root_hashes"]), **config["options"]
        )

    plain = config["plain_listener"]
    return Application(
        factory=factory,
        dashboard=config["dashboard"],
        known_secret=config["known_secret"],
        origins=config["origins"],
        plain_listener=PlainListener(**plain, settings=http_settings()) if plain else None,
    )


def _stop_at_first_sigterm() -> None:
    """Make granian see only the first SIGTERM, and no SIGINT.

    The main process stops its workers by SIGTERM. Ctrl-C in a terminal reaches them, too: a worker that ended before the
    main process has heard of it would be taken for lost. A service manager may send a second SIGTERM; a signal that comes
    while granian is stopping can make it wait for itself for ever, and the event loop with it.
    """
    try:
        from granian import _signals  # late: an extra

        set_loop_signals = _signals.set_loop_signals
    except (ImportError, AttributeError):
        log.debug("granian has changed: it handles signals itself")
        return

    def set_once(loop: asyncio.AbstractEventLoop) -> Any:
        event: asyncio.Event = set_loop_signals(loop)  # type: ignore[no-untyped-call]
        told = False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                event.set()

        with contextlib.suppress(NotImplementedError):  # on Windows
            loop.add_signal_handler(signal.SIGTERM, tell)
            loop.add_signal_handler(signal.SIGINT, lambda: None)
        return event

    _signals.set_loop_signals = set_once


def _stop_with_main_process() -> None:
    """Stop when the main process is gone. It was killed; the port would be taken, by a server that nobody can stop."""
    main = multiprocessing.parent_process()
    if main is None or not END_STREAMS:  # on Windows the parent is not replaced by another one
        return

    def look() -> None:
        while os.getppid() == main.pid:
            time.sleep(LOOK_EVERY)
        log.error("the main process is gone: stopping")
        for number in (END_STREAMS, signal.SIGTERM):
            os.kill(os.getpid(), number)

    threading.Thread(target=look, name="faunadb-main-process", daemon=True).start()


def _configure_logging(level: str, access_log: bool) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    access.setLevel(logging.INFO if access_log else logging.WARNING)
