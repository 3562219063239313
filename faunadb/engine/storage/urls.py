"""Reads the URLs of stores: their places and options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from ..._private import without_password
from ..records import NamedTuple
from .errors import BadURL


class SqliteURL(NamedTuple):
    """The path (None: a store in memory) and the options in a ``sqlite:`` URL."""

    path: Optional[str]
    options: dict[str, str]


def parse_sqlite(url: str) -> SqliteURL:
    """Read ``sqlite://`` (memory), ``sqlite:///relative.db`` or ``sqlite:////absolute.db``, perhaps with options as a query.

    Raises BadURL.
    """
    parts = urlsplit(url)
    if parts.netloc:
        raise BadURL(
            f"{without_password(url)!r} names a host; a file is sqlite:///relative.db or sqlite:////absolute.db"
        )
    if parts.fragment:
        raise BadURL(
            f"{without_password(url)!r} has a fragment ('#...'), which a store URL cannot have; write '#' as %23"
        )
    try:
        path = unquote(parts.path, errors="strict")
        os.fsencode(path)
    except UnicodeDecodeError:
        raise BadURL(f"{without_password(url)!r} names a path that is not UTF-8") from None
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise BadURL(
            f"{without_password(url)!r} names a path with {character!a}, which files cannot have in this locale"
            f" (encoding {error.encoding}); set PYTHONUTF8=1"
        ) from None
    if path.startswith("/"):
        path = path[1:]
    if "\0" in path:
        raise BadURL(f"{without_password(url)!r} names a path with a NUL character")
    return SqliteURL(None if path in ("", ":memory:") else path, query_options(url))


def is_in_memory(url: str) -> bool:
    """Whether a store at this URL would live in the memory of one process. Raises `BadURL`."""
    return url.split(":", 1)[0].lower() == "sqlite" and parse_sqlite(url).path is None


def query_options(url: str) -> dict[str, str]:
    """The options in a URL's query. Raises BadURL if one is given twice."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name in options:
            raise BadURL(f"the option {name!r} is given twice in {without_password(url)!r}")
        options[name] = value
    return options


def merge_options(
    url: str, options: dict[str, str], given: dict[str, Any], known: Sequence[str]
) -> dict[str, Any]:
    """The options of a URL with those that were given in code, which win. Raises BadURL for an option that is not known."""
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
    """The value of an option that is a duration, in seconds. Raises BadURL."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise BadURL(f"option {name!r} must be a positive number of seconds, not {value!r}")
    return seconds
