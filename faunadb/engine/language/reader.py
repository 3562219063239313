"""The JSON of requests (evaluation rules, "JSON decoding"): stricter, and in places laxer, than Python's."""

from __future__ import annotations

import json
import re
from array import array
from itertools import accumulate
from typing import Any, NoReturn

from .errors import QueryError, QueryErrors

MAX_NESTING = 1000
MAX_NUMBER = 1000
MAX_KEY = 50_000
#: Arrays and objects in one body: as many as forms that one query may evaluate.
MAX_CONTAINERS = 600_000
#: Brackets, commas and strings in a body that is read in pieces.
MANY = 150_000

_INT64 = range(-(1 << 63), 1 << 63)
# A string that is not closed matches up to the end: else the search would start again at each quote in it, which takes
# time in the square of its length.
_STRINGS = rb'(?s)"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
#: Translates brackets to signed bytes: +1 for one that opens, -1 for one that closes. Everything else is deleted.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_STRINGS_AND_BRACKETS = _STRINGS + rb"|[\[\]{}]"
#: How many brackets, or members of an object, are handled in one step, during which other threads wait.
_PIECE = 1 << 16
_SPACE = " \t\r\n"
_SURROGATE = "[\ud800-\udfff]"


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


def _gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A very large object, made piece by piece, because other threads wait during each step."""
    result: dict[str, Any] = {}
    for begin in range(0, len(pairs), _PIECE):
        result.update(pairs[begin : begin + _PIECE])
    return result


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which the first value of a repeated key counts."""
    count = len(pairs)
    result = dict(pairs) if count <= _PIECE else _gathered(pairs)
    if len(result) != count:
        result = {}
        for key, value in pairs:
            result.setdefault(key, value)
    return result


_decoder = json.JSONDecoder(
    object_pairs_hook=first_wins, parse_int=_integer, parse_float=_double, parse_constant=_constant
)
#: For a token that is only checked: it accepts numbers of any size.
_token_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)


def _error(description: str) -> QueryErrors:
    return QueryErrors([QueryError(None, "invalid expression", description)])


def no_query() -> QueryErrors:
    return _error("No query provided.")


def malformed() -> QueryErrors:
    return _error("Request body is not valid JSON.")


def too_deep() -> QueryErrors:
    return _error("Request body JSON exceeds nesting limit.")


def too_many() -> QueryErrors:
    return _error(f"Request body JSON has more than {MAX_CONTAINERS} arrays and objects.")


def _is_large(body: bytes, opening: int) -> bool:
    return len(body) > MANY and opening * 2 + body.count(b",") + body.count(b'"') // 2 > MANY


def _nests(body: bytes) -> bool:
    """Whether brackets nest too deeply anywhere in the body, which may be more than its first value, or not JSON at all."""
    steps = array("b", re.sub(_STRINGS, b"", body).translate(_STEPS, _NO_BRACKETS))
    depth = 0
    # In pieces, because other threads wait during each step.
    for begin in range(0, len(steps), _PIECE):
        depths = array("q", accumulate(steps[begin : begin + _PIECE], initial=depth))
        if max(depths) > MAX_NESTING:
            return True
        depth = depths[-1]
    return False


def _is_too_deep(body: bytes) -> bool:
    """Whether the first value nests too deeply. Raises ValueError when it is malformed before it gets that deep."""
    depth = 0
    offset = 0
    for match in re.finditer(_STRINGS_AND_BRACKETS, body):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        if depth > MAX_NESTING:
            offset = match.start()
            break
    before = _decode(body[:offset])
    try:
        _decoder.raw_decode(before, _start(before))
    except json.JSONDecodeError as cut_off:
        if cut_off.pos < len(before):
            raise
        return True
    return False  # the first value ended before; what follows is not read


def _check_rest(text: str, start: int, end: int) -> None:
    """Check what follows the value: it is ignored, but must begin with a valid token. Raises ValueError."""
    _check_end(text, start, end)
    start = _start(text, end)
    if start < len(text) and text[start] not in "[{":
        _check_end(text, start, _token_decoder.raw_decode(text, start)[1])


def _check_end(text: str, start: int, end: int) -> None:
    """After a number there must be space; after a word, something that cannot be part of it. Raises `_Malformed`."""
    if end == len(text):
        return
    following = text[end]
    if text[start] in "-0123456789":
        wrong = following not in _SPACE
    else:
        wrong = text[start] in "tfn" and (following.isalnum() or following in "_$")
    if wrong:
        raise _Malformed


def _start(text: str, begin: int = 0) -> int:
    """The offset at which white space ends."""
    while begin < len(text) and text[begin] in _SPACE:
        begin += 1
    return begin


def _decode(body: bytes) -> str:
    """Decode UTF-8 that may contain surrogates; a pair of them becomes the character it stands for."""
    text = body.decode("utf-8", "surrogatepass")
    if b"\xed" in body and has_surrogates(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def has_surrogates(text: str) -> bool:
    return re.search(_SURROGATE, text) is not None


def _read_in_pieces(text: str, start: int) -> tuple[Any, int]:
    """The large array or object that begins at start, and where it ends."""
    from .large_json import LargeReader, TooDeep, TooMany  # late: its patterns take long to compile

    try:
        return LargeReader(_decoder, MAX_NESTING, MAX_CONTAINERS).read(text, start)
    except TooDeep:
        raise too_deep() from None
    except TooMany:
        raise too_many() from None


def _without_surrogates(value: Any) -> Any:
    if type(value) is str:
        return re.sub(_SURROGATE, "?", value)
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
    opening = body.count(b"[") + body.count(b"{")
    is_large = _is_large(body, opening)
    try:
        if not is_large and opening > MAX_NESTING and _nests(body) and _is_too_deep(body):
            raise too_deep()
        text = _decode(body)
        start = _start(text)
        if is_large and text[start : start + 1] in ("[", "{"):
            value, end = _read_in_pieces(text, start)
        else:
            value, end = _decoder.raw_decode(text, start)
        if end != len(text):
            _check_rest(text, start, end)
        if len(body) > MAX_KEY:
            _check_keys(value)
    except ValueError:
        raise malformed() from None
    if "\\u" in text or b"\xed" in body:
        return _without_surrogates(value)
    return value
