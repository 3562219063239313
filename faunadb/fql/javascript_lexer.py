"""Splits JavaScript-style FQL into tokens: names, strings, numbers and punctuation, each with its place in the text."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from faunadb.fql.errors import FqlSyntaxError

__all__ = ["MAX_DIGITS", "Token", "tokenize"]


class Token(NamedTuple):
    """One token. ``kind`` is ``name``, ``string``, ``number``, ``punctuation`` or ``end``."""

    kind: str
    text: str
    value: str | int | float | None
    start: int
    end: int
    #: whether a line break lies between the token before and this one
    after_newline: bool


_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*|\$[\w$]*|[^\W\d][\w$]*")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]+n?|0[bB][01]+n?|0[oO][0-7]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?n?"
)
#: Longest number that is converted: beyond any value of FQL, and short enough to convert at once.
MAX_DIGITS = 1000
_PUNCTUATION = re.compile(r"=>|\.\.\.|[()\[\]{},:;.+\-*/%=]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)


def tokenize(text: str, exact: bool = False) -> list[Token]:
    """The tokens of ``text``; the last one is of kind ``end``.

    :param exact: read ``1.0`` as a double rather than, as JavaScript would send it, an integer
    :raises FqlSyntaxError: at a character that begins no token, and at a string or comment that is not closed
    """
    tokens: list[Token] = []
    offset = 0
    while True:
        space = _SPACE.match(text, offset)
        newline = space is not None and "\n" in space.group()
        if space is not None:
            offset = space.end()
        if offset >= len(text):
            tokens.append(Token("end", "", None, len(text), len(text), True))
            return tokens
        token = _next_token(text, offset, newline, exact)
        tokens.append(token)
        offset = token.end


def _next_token(text: str, offset: int, newline: bool, exact: bool) -> Token:
    char = text[offset]
    if char in "\"'`":
        return _string(text, offset, newline)
    if char.isdigit() or (char == "." and text[offset + 1 : offset + 2].isdigit()):
        return _number(text, offset, newline, exact)
    if text.startswith("/*", offset):
        raise FqlSyntaxError("this comment is not closed: */ is missing", text, offset, offset + 2)
    name = _NAME.match(text, offset)
    if name is not None:
        return Token("name", name.group(), name.group(), offset, name.end(), newline)
    mark = _PUNCTUATION.match(text, offset)
    if mark is not None:
        return Token("punctuation", mark.group(), None, offset, mark.end(), newline)
    raise FqlSyntaxError(f"unexpected character {char!r}", text, offset)


def _number(text: str, offset: int, newline: bool, exact: bool) -> Token:
    match = _NUMBER.match(text, offset)
    if match is None:
        raise FqlSyntaxError("this is not a number", text, offset)
    end = match.end()
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        raise FqlSyntaxError("a number may not run into a name", text, offset, end + 1)
    digits = match.group().replace("_", "").rstrip("n")
    value = _number_value(digits, exact) if len(digits) <= MAX_DIGITS else math.inf
    if value == math.inf:
        raise FqlSyntaxError("this number is out of range", text, offset, end)
    return Token("number", match.group(), value, offset, end, newline)


def _number_value(digits: str, exact: bool) -> int | float:
    """The number that the JavaScript driver would send: whole numbers go as integers, ``1.0`` included.

    Whole numbers stay exact to 64 bits and beyond, where JavaScript's own would lose digits past 2^53.
    """
    if digits[:2].lower() in ("0x", "0b", "0o"):
        return int(digits, 0)
    if digits.isdigit():
        return int(digits)
    value = float(digits)
    if not exact and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _string(text: str, offset: int, newline: bool) -> Token:
    quote = text[offset]
    end = offset + 1
    while end < len(text) and text[end] != quote:
        if text[end] == "\n" and quote != "`":
            raise FqlSyntaxError("this string is not closed", text, offset, end)
        if quote == "`" and text.startswith("${", end):
            raise FqlSyntaxError(
                "${...} in a string is not supported; use Format or Concat", text, end, end + 2
            )
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise FqlSyntaxError("this string is not closed", text, offset, len(text))
    value = _unescape(text, offset + 1, end)
    return Token("string", text[offset : end + 1], value, offset, end + 1, newline)


def _unescape(text: str, start: int, end: int) -> str:
    parts: list[str] = []
    while start < end:
        slash = text.find("\\", start, end)
        if slash < 0:
            parts.append(text[start:end])
            break
        parts.append(text[start:slash])
        match = _ESCAPE.match(text, slash, end)
        if match is None or (match.group(4) or "") in ("u", "x"):
            raise FqlSyntaxError("this is not an escape that a string may hold", text, slash, slash + 2)
        parts.append(_escaped(match, text))
        start = match.end()
    value = "".join(parts)
    # an escaped surrogate pair, such as \ud83d\ude00, stands for one character
    return (
        value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if _has_surrogate(value)
        else value
    )


def _escaped(match: re.Match[str], text: str) -> str:
    digits = match.group(1) or match.group(2) or match.group(3)
    if digits is None:
        char = match.group(4)
        return "" if char in ("\n", "\r\n") else _ESCAPES.get(char, char)
    code = int(digits, 16)
    if code > 0x10FFFF:
        raise FqlSyntaxError("there is no such character", text, match.start(), match.end())
    return chr(code)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in value)
