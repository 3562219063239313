"""Where the cursor stands in an unfinished query text, in either language: for completion and hints."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

__all__ = ["Call", "Place", "place", "variables"]

_WORD = re.compile(r"[^\W\d][\w$]*$|$")
_CALLEE = re.compile(r"(?:[^\W\d][\w$]*\s*\.\s*)*([^\W\d][\w$]*)\s*$")
_PIECE = re.compile(
    r"""//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z)|(?P<string>"(?:[^"\\\n]|\\.)*|'(?:[^'\\\n]|\\.)*|`(?:[^`\\]|\\.)*)"""
    r"""(?P<closed>["'`])?|[\[\](){},]|[^"'`\[\](){},/\#]+|.""",
    re.DOTALL,
)
_PARAMETERS = re.compile(
    r"([^\W\d]\w*)\s*=>|\(([\w\s,]*)\)\s*=>|\blambda\s+([\w\s,]*):|\bfunction\s*\w*\s*\(([\w\s,]*)\)"
)
_BINDING = re.compile(r"[{,]\s*[\"']?([^\W\d]\w*)[\"']?\s*:")
_KEYWORD = re.compile(r"[(,]\s*([^\W\d]\w*)\s*=[^=>]")


class Call(NamedTuple):
    """A call that is not closed yet: the function's name, and which argument the cursor is in, from 0."""

    name: str
    argument: int


class Place(NamedTuple):
    """What stands before the cursor."""

    #: calls around it, the innermost last
    calls: list[Call]
    #: the quote of the string that it is in, or ``""``
    quote: str
    #: the word, or the content of the string, that it ends
    word: str
    #: what the word is a member of (``q`` in ``q.ge``), or ``None``
    owner: Optional[str]
    #: whether it is in a comment
    comment: bool = False


class _Bracket(NamedTuple):
    """A bracket that is not closed yet, and the commas in it so far."""

    #: the function whose arguments it opens, ``""`` for other brackets
    function: str
    commas: int


def place(text: str) -> Place:
    """What stands before a cursor at the end of ``text``."""
    stack: list[_Bracket] = []
    quote = word = ""
    comment = False
    before = ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        comment = (
            match.end() == len(text) and piece.startswith(("//", "#", "/*")) and not piece.endswith("*/")
        )
        if match["string"] is not None and match["closed"] is None:
            quote, word = piece[0], piece[1:]
            break
        if piece in "([{":
            callee = _CALLEE.search(before) if piece == "(" else None
            stack.append(_Bracket(callee[1] if callee else "", 0))
        elif piece in ")]}" and stack:
            stack.pop()
        elif piece == "," and stack:
            stack[-1] = stack[-1]._replace(commas=stack[-1].commas + 1)
        before = text[: match.end()]
    calls = [Call(bracket.function, bracket.commas) for bracket in stack if bracket.function]
    if quote:
        return Place(calls, quote, word, None)
    return Place(calls, "", *_member(text), comment)


def _member(text: str) -> tuple[str, Optional[str]]:
    """The word that ``text`` ends with, and what it is a member of."""
    match = _WORD.search(text)
    word = match[0] if match else ""
    before = text[: len(text) - len(word)]
    owner = re.search(r"([^\W\d]\w*(?:\.\w+)*)\.$", before)
    return word, owner[1] if owner else None


def variables(text: str) -> set[str]:
    """The names of variables that lambdas and ``Let`` bind anywhere in a text."""
    found: set[str] = set()
    for match in _PARAMETERS.finditer(text):
        for group in match.groups():
            found.update(re.findall(r"[^\W\d]\w*", group or ""))
    if re.search(r"\b[Ll]et\s*\(", text):
        found.update(_BINDING.findall(text))
        found.update(_KEYWORD.findall(text))
    return found
