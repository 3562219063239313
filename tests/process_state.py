"""What of this process every test must leave as it was: the next ones are run in it, in any order."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal.getsignal` makes an enum of each answer, which is slow
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

#: But that of pytest-timeout, which stops its clock when a test fails.
_SIGNALS = sorted(int(each) for each in signal.valid_signals() if each != getattr(signal, "SIGALRM", None))


def process_state() -> dict[str, Any]:
    """By name, all that tests are known to change and may forget to put back.

    (pytest itself puts back warning filters, handlers of the root logger and the standard streams.) Do not print the values:
    there may be secrets in the environment.
    """
    return {
        "the recursion limit": sys.getrecursionlimit(),
        "the switch interval": sys.getswitchinterval(),
        "the stack size of new threads": threading.stack_size(),
        "signal handlers": [_signal.getsignal(number) for number in _SIGNALS],
        "the working directory": os.getcwd(),
        "the module search path": list(sys.path),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the time zone": (time.tzname, time.timezone),
        "the garbage collector": (gc.isenabled(), gc.get_threshold(), list(gc.callbacks)),
        "the timeout of sockets": socket.getdefaulttimeout(),
        "the profiler": sys.getprofile(),
        "the tracer": sys.gettrace(),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook),
        "logging": _logging(),
        **{f"${name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
    }


def _logging() -> Any:
    loggers = [logging.root]
    for name, logger in sorted(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] == "faunadb":
            loggers.append(logger)
    settings = {
        each.name: (each.level, each.disabled, each.propagate, each is logging.root or list(each.handlers))
        for each in loggers
    }
    return logging.root.manager.disable, {
        name: each for name, each in settings.items() if each != (logging.NOTSET, False, True, [])
    }
