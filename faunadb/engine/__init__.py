"""An FQL v4 database in this process.

`open_engine` opens one on a store; `wire.http` answers requests with it. The client uses it through
`adapter.EngineAdapter` when its endpoint is a database URL.
"""

from __future__ import annotations

from typing import Any


def open_engine(url: str, **options: Any) -> Any:
    """An engine on the store at url, see `engine.open_engine`."""
    from .engine import open_engine as open_it  # late: a package is imported for one of its modules, too

    return open_it(url, **options)


__all__ = ["open_engine"]
