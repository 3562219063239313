"""Store URLs: which backend, which place, which options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from ..._private import without_password
from ..records import NamedTuple
from .errors import BadURL


class SqliteURL(NamedTuple):
    """``path`` None is a store in memory."""

    path: Optional[str]
    options: dict[str, str]


def parse_sqlite(url: str) -> SqliteURL:
    """``sqlite://`` (memory), ``sqlite:///relative.db``, ``sqlite:////absolute.db``, options as a query."""
    parts = urlsplit(url)
    if parts.netloc:
        raise BadURL(
            f"{without_password(url)!r} names a host; a file is sqlite:///relative.db or sqlite:////absolute.db"
        )
    if parts.fragment:
        raise BadURL(
            f"{without_password(url)!r} has a fragment ('#...'), which a store URL cannot have; write '#' as %23"
        )
    path = unquote(parts.path)
    if path.startswith("/"):
        path = path[1:]
    if "\0" in path:
        raise BadURL(f"{without_password(url)!r} names a path with a NUL character")
    return SqliteURL(None if path in ("", ":memory:") else path, query_options(url))


def is_in_memory(url: str) -> bool:
    """Whether a store at this URL would live in the memory of one process. Raises `BadURL`."""
    return url.split(":", 1)[0].lower() == "sqlite" and parse_sqlite(url).path is None


def query_options(url: str) -> dict[str, str]:
    """The options of the URL's query. One given twice is an error."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name in options:
            raise BadURL(f"the option {name!r} is given twice in {without_password(url)!r}")
        options[name] = value
    return options


def merge_options(
    url: str, options: dict[str, str], given: dict[str, Any], known: Sequence[str]
) -> dict[str, Any]:
    """Options of the URL, overridden by those ``given`` in code; unknown names are refused."""
    merged: dict[str, Any] = {
        **options,
        **{name: value for name, value in given.items() if value is not None},
    }
    for name in merged:
        if name not in known:
            names = ", ".join(sorted(known))
            raise BadURL(f"unknown option {name!r} for {without_password(url)!r}; known are: {names}")
    return merged


def positive_seconds(name: str, value: Any) -> float:
    """A duration option, in seconds."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise BadURL(f"option {name!r} must be a positive number of seconds, not {value!r}")
    return seconds
