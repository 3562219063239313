"""The JSON of requests (evaluation rules, "JSON decoding"): stricter, and in places laxer, than Python's."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .language.errors import QueryError, QueryErrors

MAX_NESTING = 1000
MAX_NUMBER = 1000
MAX_KEY = 50_000

_INT64 = range(-(1 << 63), 1 << 63)
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Malformed(ValueError):
    pass


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER or int(text) not in _INT64:
        raise _Malformed
    return int(text)


def _double(text: str) -> float:
    if len(text) > MAX_NUMBER:
        raise _Malformed
    return float(text)


def _constant(name: str) -> NoReturn:
    raise _Malformed


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        result = {}
        for key, value in pairs:
            result.setdefault(key, value)
    return result


_decoder = json.JSONDecoder(
    object_pairs_hook=_first_wins, parse_int=_integer, parse_float=_double, parse_constant=_constant
)


def _error(description: str) -> QueryErrors:
    return QueryErrors([QueryError(None, "invalid expression", description)])


def no_query() -> QueryErrors:
    return _error("No query provided.")


def _nesting(body: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _check_rest(text: str, end: int) -> None:
    """What follows the value is ignored when it begins with a valid token."""
    rest = text[end:].lstrip(" \t\r\n")
    if rest and rest[0] not in "[{":
        _decoder.raw_decode(rest)


def _without_surrogates(value: Any) -> Any:
    if type(value) is str:
        return _SURROGATE.sub("?", value)
    if type(value) is list:
        return [_without_surrogates(item) for item in value]
    if type(value) is dict:
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _check_keys(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is list:
            pending.extend(item)
        elif type(item) is dict:
            if any(len(key) > MAX_KEY for key in item):
                raise _Malformed
            pending.extend(item.values())


def read(body: bytes) -> Any:
    """The first JSON value of a request body. Raises `QueryErrors` with the documented texts."""
    if body.count(b"[") + body.count(b"{") > MAX_NESTING and _nesting(body) > MAX_NESTING:
        raise _error("Request body JSON exceeds nesting limit.")
    try:
        text = body.decode("utf-8", "surrogatepass")
        start = len(text) - len(text.lstrip(" \t\r\n"))
        value, end = _decoder.raw_decode(text, start)
        if end != len(text):
            _check_rest(text, end)
        if len(body) > MAX_KEY:
            _check_keys(value)
    except ValueError:
        raise _error("Request body is not valid JSON.") from None
    if "\\u" in text or b"\xed" in body:
        return _without_surrogates(value)
    return value
