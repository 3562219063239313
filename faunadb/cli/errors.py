"""What goes wrong in the command line tools."""

from __future__ import annotations

__all__ = ["CliError", "printable"]


class CliError(Exception):
    """Something the user can put right. The message is all there is to print: no traceback, no secret."""


def printable(text: str) -> str:
    """A text that any terminal can be given: what would command it, or cannot be encoded, is spelled out."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
