"""From a URL to the store it names."""

from __future__ import annotations

from typing import Any

from ..._private import without_password
from .base import Store
from .errors import BadURL


def open_store(url: str, **options: Any) -> Store:
    """Open the store at ``url``, creating it when its place is empty.

    ``sqlite://`` is a new store in memory, ``sqlite:///file.db`` a file (four slashes: an absolute path),
    ``postgresql://user@host/db`` a PostgreSQL database. Options can be given in the URL's query as well:
    ``durability`` ("full" or, losing the last moments at a power cut, "normal"; SQLite),
    ``lock_timeout`` (seconds to wait for other processes), ``schema`` and ``max_connections`` (PostgreSQL). In code
    only, ``image``: what another store in memory held, for one in memory to begin with.

    Raises :class:`BadURL`, :class:`NotAStore`, :class:`StoreUnavailable`.
    """
    if not isinstance(url, str):
        raise BadURL(f"a store URL is a string, not {type(url).__name__}")
    scheme = url.split(":", 1)[0].lower() if ":" in url else ""
    if scheme == "sqlite":
        from .sqlite import open_sqlite  # late: a program uses one backend

        return open_sqlite(url, options)
    if scheme in ("postgresql", "postgres"):
        from .postgres import open_postgres  # late, and an extra

        return open_postgres(url, options)
    raise BadURL(f"{without_password(url)!r} is no store URL: it must begin with sqlite:// or postgresql://")
