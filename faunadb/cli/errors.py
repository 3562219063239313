"""What goes wrong in the command line tools."""

from __future__ import annotations

__all__ = ["CliError"]


class CliError(Exception):
    """Something the user can put right. The message is all there is to print: no traceback, no secret."""
