"""Laying out nested calls, arrays and objects: on one line where they fit, else one item per line."""

from __future__ import annotations

from typing import NamedTuple, Union

__all__ = ["MARK_END", "MARK_START", "Group", "Text", "lay_out", "take_mark"]

# Put around the marked part while lines are laid out: private-use characters, which no query is expected to hold.
MARK_START = "\ue0f1"
MARK_END = "\ue0f2"
_INDENT = 4


class Text(NamedTuple):
    """A piece that is never broken into lines."""

    text: str
    #: whether this is the part whose place :func:`take_mark` tells
    marked: bool = False


class Group(NamedTuple):
    """``opening``, items separated by commas, ``closing``. Each item is a prefix (such as ``"name": ``) and a piece."""

    opening: str
    items: list[tuple[str, Piece]]
    closing: str
    marked: bool = False


Piece = Union[Text, Group]


def lay_out(piece: Piece, width: int, indent: int = 0, taken: int = 0) -> str:
    """The text of ``piece``.

    :param width: columns of a line
    :param indent: columns that every further line begins with
    :param taken: columns that stand before and behind ``piece`` on its line
    """
    flat = _flat(piece)
    if isinstance(piece, Text) or not piece.items or len(flat) + indent + taken <= width:
        return flat
    inner = " " * (indent + _INDENT)
    if len(piece.items) == 1 and not piece.items[0][0] and _hugs(piece.items[0][1]):
        content = lay_out(piece.items[0][1], width, indent, taken + len(piece.opening) + len(piece.closing))
        return _mark(piece, piece.opening + content + piece.closing)
    lines = [
        inner + prefix + lay_out(item, width, indent + _INDENT, len(prefix) + 1)
        for prefix, item in piece.items
    ]
    return _mark(piece, piece.opening + "\n" + ",\n".join(lines) + "\n" + " " * indent + piece.closing)


def _hugs(piece: Piece) -> bool:
    """Whether a lone argument starts on the line of its call: arrays, objects and calls do."""
    return isinstance(piece, Group)


def _flat(piece: Piece) -> str:
    if isinstance(piece, Text):
        return _mark(piece, piece.text)
    items = ", ".join(prefix + _flat(item) for prefix, item in piece.items)
    return _mark(piece, piece.opening + items + piece.closing)


def _mark(piece: Piece, text: str) -> str:
    return MARK_START + text + MARK_END if piece.marked else text


def take_mark(text: str) -> tuple[str, int, int]:
    """``text`` without the mark, and the offsets of what was marked (``0, 0`` when nothing was)."""
    start = text.find(MARK_START)
    if start < 0:
        return text, 0, 0
    text = text.replace(MARK_START, "", 1)
    end = text.find(MARK_END)
    return text.replace(MARK_END, "", 1), start, end
