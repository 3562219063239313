"""Headers and query strings of the protocol: read, checked, and written (wire protocol, "Headers")."""

from __future__ import annotations

import random
import re
from binascii import hexlify
from functools import cache, lru_cache
from typing import Optional
from urllib.parse import unquote_plus

from ... import __version__
from ..integers import int64
from ..language.context import UNITS_PER_OP
from ..language.errors import RequestError, bad_request
from ..language.registry import VERSION_RANK
from ..records import NamedTuple
from ..request import DEFAULT_RETRIES, DEFAULT_TIMEOUT, MAX_TIMEOUT


def _header_error(name: str, reason: str) -> RequestError:
    return bad_request(f"Invalid header '{name}': {reason}")


def _number(headers: dict[str, str], name: str, noun: str) -> Optional[int]:
    text = headers.get(name)
    if text is None:
        return None
    number = int64(text)
    if number is None:
        raise _header_error(name, f"Invalid {noun} '{text}'.")
    return number


class Options(NamedTuple):
    """What the protocol headers of a request ask for; the defaults are for a request without them.

    version: API version. last_seen: microseconds. timeout: milliseconds. retries: on contention.
    """

    version: str = "4"
    last_seen: int = 0
    timeout: int = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES


def _version(headers: dict[str, str]) -> str:
    version = headers.get("x-faunadb-api-version", "2.1")
    if version not in VERSION_RANK:
        raise _header_error("x-faunadb-api-version", f"Unsupported or invalid API version '{version}'.")
    return version


@lru_cache(256)
def _usual(version: str, timeout: Optional[str], retries: Optional[str]) -> Optional[Options]:
    """The options for the texts of these headers; None for rare or malformed texts, which `read_options` checks itself."""
    if version not in VERSION_RANK:
        return None
    milliseconds, times = DEFAULT_TIMEOUT, DEFAULT_RETRIES
    if timeout is not None:
        if not re.fullmatch("[1-9][0-9]{0,5}", timeout) or int(timeout) > MAX_TIMEOUT:
            return None
        milliseconds = int(timeout)
    if retries is not None:
        if not re.fullmatch("[0-7]", retries):
            return None
        times = int(retries)
    return Options(version, 0, milliseconds, times)


def read_options(headers: dict[str, str]) -> Options:
    """Check the protocol headers in their documented order. Raises `RequestError` (400)."""
    usual = _usual(
        headers.get("x-faunadb-api-version", "2.1"),
        headers.get("x-query-timeout"),
        headers.get("x-max-retries-on-contention"),
    )
    if usual is not None:
        seen = headers.get("x-last-seen-txn")
        if seen is None:
            return usual
        time = int64(seen)
        if time is not None:
            return Options(usual.version, max(time, 0), usual.timeout, usual.retries)
    version = _version(headers)
    last_seen = _number(headers, "x-last-seen-txn", "timestamp")
    timeout = _number(headers, "x-query-timeout", "number")
    if timeout is not None and timeout <= 0:
        raise _header_error("x-query-timeout", "Must be greater than 0.")
    if timeout is not None and timeout > MAX_TIMEOUT:
        raise _header_error("x-query-timeout", f"Must be less than or equal to {MAX_TIMEOUT}.")
    retries = _number(headers, "x-max-retries-on-contention", "number")
    if retries is not None and not 0 <= retries <= 7:
        raise _header_error("x-max-retries-on-contention", "Must be between 0 and 7.")
    return Options(
        version,
        max(last_seen or 0, 0),
        DEFAULT_TIMEOUT if timeout is None else timeout,
        DEFAULT_RETRIES if retries is None else retries,
    )


_TAGS = r"[A-Za-z0-9_]+=[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+=[A-Za-z0-9_]+)*"


def read_tags(text: str) -> str:
    """The echo of ``x-fauna-tags``: the pairs in reversed order. Raises `RequestError` (400)."""
    if not text:
        return ""
    if len(text) > 3000:
        raise _header_error("x-fauna-tags", "header is too long")
    if not re.fullmatch(_TAGS, text):
        raise _header_error("x-fauna-tags", "invalid tags")
    pairs = text.split(",")[::-1]
    if len(pairs) > 25:
        raise _header_error("x-fauna-tags", "too many tags")
    seen = set()
    for pair in pairs:
        key, _, value = pair.partition("=")
        if len(key) > 40:
            raise _header_error("x-fauna-tags", "invalid key")
        if len(value) > 80:
            raise _header_error("x-fauna-tags", "invalid value")
        if key in seen:
            raise _header_error("x-fauna-tags", "duplicate key")
        seen.add(key)
    return ",".join(pairs)


_TRACE = r".{2}.([0-9a-fA-F]{32}).([0-9a-fA-F]{16}).[0-9a-fA-F]{2}"


def traceparent(given: Optional[str]) -> bytes:
    """The response's ``traceparent``: the request's trace id or a new one, and always a new span id."""
    match = re.fullmatch(_TRACE, given) if given else None
    if match and match[1].strip("0") and match[2].strip("0"):
        return b"00-%b-%016x-00" % (match[1].lower().encode(), random.getrandbits(64))
    # Unique, not secret: no system call. 16 bytes are the trace id, and 8 the span id.
    return b"00-" + hexlify(random.getrandbits(192).to_bytes(24, "big"), b"-", -16) + b"-00"


def parse_query_string(query: str) -> dict[str, str]:
    """The percent-decoded parameters. Of duplicates the last counts; if one part cannot be decoded there are none."""
    parameters: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        try:
            parameters[_decode(name)] = _decode(value)
        except ValueError:
            return {}
    return parameters


_BAD_PERCENT = r"%(?![0-9A-Fa-f]{2})"


def _decode(text: str) -> str:
    if re.search(_BAD_PERCENT, text):
        raise ValueError(text)
    return unquote_plus(text, errors="strict")


@lru_cache(1024)
def metric_headers(
    size_in: int, size_out: int, metrics: tuple[int, int, int, int, int, int]
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that say what a query cost. size_in, size_out: bytes of its body and of its answer.
    metrics: those of the `Outcome`.
    """
    compute, read, written, retries, reads, writes = metrics
    read_ops, write_ops = b"%d" % reads, b"%d" % writes
    return (
        (b"x-query-bytes-in", b"%d" % size_in),
        (b"x-query-bytes-out", b"%d" % size_out),
        (b"x-compute-ops", b"%d" % max(1, -(-compute // UNITS_PER_OP))),
        (b"x-byte-read-ops", read_ops),
        (b"x-byte-write-ops", write_ops),
        (b"x-read-ops", read_ops),
        (b"x-write-ops", write_ops),
        (b"x-storage-bytes-read", b"%d" % read),
        (b"x-storage-bytes-write", b"%d" % written),
        (b"x-txn-retries", b"%d" % retries),
    )


@cache
def build() -> str:
    """The value of ``x-faunadb-build``."""
    return f"faunadb-python-{__version__}"
