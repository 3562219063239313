"""What may stand in a header."""

from __future__ import annotations

CONTROL_CHARACTERS = "[\x00-\x1f\x7f]"


def in_header(text: str) -> str:
    """Return a header value whose bytes are text in UTF-8, which the protocol is in."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")
