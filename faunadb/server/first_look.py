"""What is looked at before the server starts, by a process that goes away with all that it needs for that.

The main process only starts workers and waits. It does without the engine, which takes as much memory as all the rest.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Callable, NamedTuple


class Found(NamedTuple):
    """root_hashes: of the root secret, by which workers will know it."""

    root_hashes: list[str]
    is_in_memory: bool


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives, as JSON has it, without its traces in this process where that can be.

    Raises what it raises: where it failed in another process it is called in this one.
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


def look(url: str, secret: str, options: dict[str, Any]) -> Found:
    """Open the database at url and close it again. Raises what `open_engine` raises."""
    # Late: it is what the main process of a server can do without.
    from ..engine.auth.secrets import hash_root
    from ..engine.engine import open_engine
    from ..engine.storage.urls import is_in_memory

    open_engine(url, secret="", **options).close()
    return Found([hash_root(secret)], is_in_memory(url))
