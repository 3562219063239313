"""The error of a query text that cannot be read, and carets under a part of a text."""

from __future__ import annotations

import unicodedata

__all__ = ["FqlSyntaxError", "line_and_column", "underline"]


class FqlSyntaxError(Exception):
    """A query text that cannot be read.

    :param message: what is wrong, without the place
    :param text: the whole text
    :param start: offset of the first wrong character, in characters from 0
    :param end: offset behind the last one
    :ivar line: line of ``start``, counted from 1
    :ivar column: column of ``start``, counted from 1
    """

    def __init__(self, message: str, text: str, start: int, end: int | None = None) -> None:
        self.message = message
        self.text = text
        self.start = min(start, len(text))
        self.end = max(self.start + 1, end if end is not None else start + 1)
        self.line, self.column = line_and_column(text, self.start)
        super().__init__(message)

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}\n{underline(self.text, self.start, self.end)}"


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both counted from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def underline(text: str, start: int, end: int, context: int = 2) -> str:
    """The lines of ``text`` around ``text[start:end]``, with carets under that part on each of its lines.

    :param context: how many lines to show before and after
    """
    lines = text.split("\n")
    first = text[:start].count("\n")
    last = text[: max(start, end - 1)].count("\n")
    shown: list[str] = []
    offset = 0
    for number, line in enumerate(lines):
        if first - context <= number <= last + context:
            shown.append(line)
            if first <= number <= last:
                shown.append(_carets(line, start - offset, end - offset))
        offset += len(line) + 1
    return "\n".join(shown)


def _carets(line: str, start: int, end: int) -> str:
    """Carets under ``line[start:end]``; under the line without its indentation when the part began before it."""
    indent = len(line) - len(line.lstrip())
    left = indent if start < 0 else start
    right = max(min(end, len(line)), left + 1)
    pad = "".join("\t" if char == "\t" else " " * _columns(char) for char in line[:left])
    return pad + " " * (left - len(line[:left])) + "^" * max(sum(map(_columns, line[left:right])), 1)


def _columns(char: str) -> int:
    """How many columns of a terminal a character takes: two for wide East Asian ones, none for combining ones."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
