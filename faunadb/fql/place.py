"""Where the cursor stands in a text of either language that is not finished: what completion and hints go by."""

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


class _Open(NamedTuple):
    """A bracket that is not closed. name: the function it belongs to, ``""`` for others."""

    mark: str
    name: str
    commas: int


def place(text: str) -> Place:
    """The place behind a text."""
    stack: list[_Open] = []
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
        if piece in "([{" and piece:
            callee = _CALLEE.search(before) if piece == "(" else None
            stack.append(_Open(piece, callee[1] if callee else "", 0))
        elif piece in ")]}" and stack:
            stack.pop()
        elif piece == "," and stack:
            stack[-1] = stack[-1]._replace(commas=stack[-1].commas + 1)
        before = text[: match.end()]
    calls = [Call(opened.name, opened.commas) for opened in stack if opened.name]
    if quote:
        return Place(calls, quote, word, None)
    return Place(calls, "", *_member(text), comment)


def _member(text: str) -> tuple[str, Optional[str]]:
    match = _WORD.search(text)
    word = match[0] if match else ""
    before = text[: len(text) - len(word)]
    owner = re.search(r"([^\W\d]\w*(?:\.\w+)*)\.$", before)
    return word, owner[1] if owner else None


def variables(text: str) -> set[str]:
    """Names that lambdas and ``Let`` of a text give to values."""
    found: set[str] = set()
    for match in _PARAMETERS.finditer(text):
        for group in match.groups():
            found.update(re.findall(r"[^\W\d]\w*", group or ""))
    if re.search(r"\b[Ll]et\s*\(", text):
        found.update(_BINDING.findall(text))
        found.update(_KEYWORD.findall(text))
    return found
