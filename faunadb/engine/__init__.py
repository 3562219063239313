"""An FQL v4 database that runs in this process, with no server.

`open_engine` opens one on a store, and `wire.http` answers requests with it. A client whose endpoint is a database URL
reaches it through `adapter.EngineAdapter`.
"""

from __future__ import annotations

from typing import Any


def open_engine(url: str, **options: Any) -> Any:
    """An engine on the store at url; see `engine.open_engine` for the options and errors."""
    from .engine import open_engine as open_it  # late: importing any module of this folder runs this file

    return open_it(url, **options)


__all__ = ["open_engine"]
