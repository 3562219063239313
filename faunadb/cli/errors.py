"""Errors of the command line, and text that is safe to print."""

from __future__ import annotations

__all__ = ["CliError", "printable"]


class CliError(Exception):
    """Something the user can put right. Only its message is printed: no traceback, and it holds no secret."""


def printable(text: str) -> str:
    """``text`` with control characters, and those that cannot be encoded, as escapes: safe for any terminal."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
