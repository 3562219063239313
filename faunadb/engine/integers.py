"""Reads 64-bit integers from text of any length.

`int` cannot be used for that: for text of thousands of digits it raises ValueError, even if nearly all of them are leading
zeros, and where Python has no such limit, it takes time that grows with the square of the length.
"""

from __future__ import annotations

import re
from typing import Optional

MAX_INT64 = (1 << 63) - 1
#: The number of digits of `MAX_INT64`: any number of fewer digits fits.
_DIGITS = 19
_INTEGER = re.compile(r"([+-]?)([0-9]+)")


def short_int(text: str) -> Optional[int]:
    """The integer in text of few ASCII digits and nothing else, so that it surely fits; None for any other text."""
    return int(text) if len(text) < _DIGITS and text.isdecimal() and text.isascii() else None


def int64(text: str) -> Optional[int]:
    """The integer in text of ASCII digits, with a sign or without; None for any other text, and beyond 64 bits."""
    short = short_int(text)
    if short is not None:
        return short
    match = _INTEGER.fullmatch(text)
    significant = "" if match is None else match[2].lstrip("0") or "0"
    if match is None or len(significant) > _DIGITS:
        return None
    number = int(match[1] + significant)
    return number if -MAX_INT64 - 1 <= number <= MAX_INT64 else None
