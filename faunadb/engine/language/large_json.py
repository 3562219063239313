"""Reading JSON of very many values piece by piece.

Python's own JSON reader lets no other thread run until it is done, which takes a second for 8 MB of empty arrays. So the
text is cut, between the elements of an array or the members of an object, into pieces that the reader handles in a
millisecond each. An element that is too large or too deep for a piece is cut in the same way. A regular expression finds
where to cut; it lets other threads run. It may accept what is not JSON, which the reader then refuses.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # its stubs leave it out
from typing import Any, Union

import regex

#: Characters of a piece.
PIECE = 1 << 15
#: How many levels of containers an element in a piece may have.
LEVELS = 10

_SPACE = r"[ \t\r\n]*+"
_STRING = r'"(?:[^"\\]++|\\.)*+"'


def _container(levels: int) -> str:
    within = rf'[^\[\]{{}}"]++|{_STRING}'
    pattern = rf"[\[{{](?:{within})*+[\]}}]"
    for _ in range(levels - 1):
        pattern = rf"[\[{{](?:{within}|{pattern})*+[\]}}]"
    return pattern


_VALUE = rf'(?:{_STRING}|[^\[\]{{}}",:]++|{_container(LEVELS)})'
#: As many whole elements, or members, as possible, each with the comma after it.
_ELEMENTS = regex.compile(rf"(?:{_SPACE}{_VALUE}{_SPACE},)++", regex.DOTALL)
_MEMBERS = regex.compile(rf"(?:{_SPACE}{_STRING}{_SPACE}:{_SPACE}{_VALUE}{_SPACE},)++", regex.DOTALL)
_BLANK = regex.compile(_SPACE)
_STRINGS = regex.compile(_STRING, regex.DOTALL)


Container = Union[list[Any], dict[str, Any]]


class TooDeep(ValueError):
    """Containers nest too deeply."""


class TooMany(ValueError):
    """There are too many containers."""


class LargeReader:
    """Reads one array or object.

    decoder: reads the pieces; of a repeated key it must take the first value. most_nesting, most_containers: how many
    containers may be inside one another, and in all.
    """

    def __init__(self, decoder: json.JSONDecoder, most_nesting: int, most_containers: int) -> None:
        self._decoder = decoder
        self._most_nesting = most_nesting
        self._left = most_containers
        self._text = ""
        self._at = 0
        self._may_be_too_many = False
        #: Containers that are open, from the outermost.
        self._open: list[Container] = []
        #: Whether an element must follow.
        self._after_comma = False

    def read(self, text: str, start: int) -> tuple[Any, int]:
        """The value whose ``[`` or ``{`` stands at start, and where it ends.

        Raises `TooDeep` or `TooMany` if the text is well-formed up to where the limit is exceeded, else ValueError.
        """
        self._text, self._at = text, start
        self._may_be_too_many = text.count("[") + text.count("{") > self._left
        root = self._begin()
        while self._open:
            self._take_pieces()
            self._take_one()
        return root, self._at

    def _begin(self) -> Container:
        self._count(1)
        container: Container = [] if self._text[self._at] == "[" else {}
        self._open.append(container)
        if len(self._open) > self._most_nesting:
            raise TooDeep
        self._at += 1
        self._after_comma = False
        return container

    def _count(self, containers: int) -> None:
        self._left -= containers
        if self._left < 0:
            raise TooMany

    def _count_in(self, piece: str) -> None:
        if self._may_be_too_many and ("[" in piece or "{" in piece):
            brackets = _STRINGS.sub("", piece)
            self._count(brackets.count("[") + brackets.count("{"))

    def _take_pieces(self) -> None:
        """Read the innermost container up to its last element, or up to one that is too large or deep for a piece."""
        if len(self._open) + LEVELS > self._most_nesting:
            return
        container = self._open[-1]
        pattern = _ELEMENTS if isinstance(container, list) else _MEMBERS
        while True:
            match = pattern.match(self._text, self._at, self._at + PIECE, concurrent=True)
            if match is None:
                return
            piece = self._text[self._at : match.end() - 1]
            self._count_in(piece)
            piece = f"[{piece}]" if isinstance(container, list) else f"{{{piece}}}"
            value, end = self._decoder.raw_decode(piece)
            if end != len(piece):
                raise ValueError("more than one value")
            if isinstance(container, list):
                container.extend(value)
            else:
                for key, item in value.items():
                    container.setdefault(key, item)
            self._at = match.end()
            self._after_comma = True

    def _take_one(self) -> None:
        """Read the next element, or only open it if it is a container. Close the containers that end after it."""
        container = self._open[-1]
        char = self._next()
        if self._closes(container, char):
            if self._after_comma:
                raise ValueError("a comma without what should follow")
            self._after_value()
            return
        key = ""
        if isinstance(container, dict):
            if char != '"':
                raise ValueError("no key")
            key, self._at = scanstring(self._text, self._at + 1, True)
            if self._next() != ":":
                raise ValueError("no colon")
            self._at += 1
            char = self._next()
        if char in ("[", "{"):
            self._put(container, key, self._begin())
            return
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        self._put(container, key, value)
        self._after_value()

    def _put(self, container: Container, key: str, value: Any) -> None:
        if isinstance(container, list):
            container.append(value)
        else:
            container.setdefault(key, value)

    def _after_value(self) -> None:
        """Read a comma, or the end of the container and of all those around it that end there, too."""
        while True:
            char = self._next()
            if char == ",":
                self._at += 1
                self._after_comma = True
                return
            if not self._closes(self._open[-1], char):
                raise ValueError("neither a comma nor an end")
            self._at += 1
            self._open.pop()
            if not self._open:
                return

    def _closes(self, container: Container, char: str) -> bool:
        return char == ("]" if isinstance(container, list) else "}")

    def _next(self) -> str:
        """The character after white space, ``""`` at the end."""
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at : self._at + 1]
