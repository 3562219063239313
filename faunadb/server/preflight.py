"""Checks the database before the server starts, in a process of its own.

The main process only starts workers and waits. It should not load the engine, which takes as much memory as all the rest;
so a child process loads it, checks the database and exits.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Callable, NamedTuple


class Found(NamedTuple):
    """What the check found. root_hashes: hashes of the root secret, by which workers recognise it."""

    root_hashes: list[str]
    is_in_memory: bool


def in_child_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a child process, and return its result, which must be JSON.

    It is called in this process where there is no fork, or other threads run; and again when it failed in the child, to
    raise here what it raises.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return function(*arguments)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(function(*arguments)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else function(*arguments)


def check_database(url: str, secret: str, options: dict[str, Any]) -> Found:
    """Open the database at url and close it again. Raises what `open_engine` raises."""
    # Late: only the child process shall load the engine.
    from ..engine.auth.secrets import hash_root
    from ..engine.engine import open_engine
    from ..engine.storage.urls import is_in_memory

    open_engine(url, secret="", **options).close()
    return Found([hash_root(secret)], is_in_memory(url))
