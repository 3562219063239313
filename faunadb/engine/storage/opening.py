"""Opens the store that a URL names."""

from __future__ import annotations

from typing import Any, Optional

from ..._private import without_password
from .base import Store
from .errors import BadURL


def open_store(url: str, deadline: Optional[float] = None, **options: Any) -> Store:
    """Open the store at ``url``, and create it if there is none yet.

    :param url: ``sqlite://`` for a new store in memory, ``sqlite:///file.db`` for a file (with four slashes: an absolute
        path), or ``postgresql://user@host/db`` for a PostgreSQL database.
    :param deadline: in ``time.monotonic()`` seconds. Opening a file does not wait after that for another process that has it
        to itself.
    :param options: may also be given in the URL's query: ``lock_timeout`` (how many seconds to wait for other processes);
        for SQLite ``durability`` ("full", or "normal", with which a power cut may lose the last moments) and ``mode``
        ("ro": a file that is only read, as one is that cannot be written to); for PostgreSQL
        ``schema`` and ``max_connections``. Only here, for a store in memory: ``image``, the content that it begins with
        (`sqlite.MemoryStore.image`).
    :raises BadURL: the URL names no backend, or an option is wrong.
    :raises NotAStore: there is something else at that place.
    :raises StoreUnavailable: the place cannot be read or written.
    """
    if not isinstance(url, str):
        raise BadURL(f"a store URL is a string, not {type(url).__name__}")
    scheme = url.split(":", 1)[0].lower() if ":" in url else ""
    if scheme == "sqlite":
        from .sqlite import open_sqlite  # late: a program uses one backend

        return open_sqlite(url, options, deadline)
    if scheme in ("postgresql", "postgres"):
        from .postgres import open_postgres  # late, and an extra

        return open_postgres(url, options)
    raise BadURL(f"{without_password(url)!r} is no store URL: it must begin with sqlite:// or postgresql://")
