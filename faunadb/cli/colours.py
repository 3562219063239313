"""Colours for results, where the package rich is installed."""

from __future__ import annotations

import io

__all__ = ["paint"]


def paint(text: str, language: str) -> str:
    """``text`` with the terminal codes that highlight it; unchanged without rich."""
    try:
        from rich.console import Console  # late: an extra, and slow to load
        from rich.syntax import Syntax
    except ImportError:
        return text
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", highlight=False)
    console.print(Syntax("", language, theme="ansi_dark").highlight(text), soft_wrap=True, end="")
    return out.getvalue().rstrip("\n")
