"""Integers of 64 bits in text that may have any length.

`int` raises ValueError for thousands of digits, however well they are formed, and once took as long as their square.
"""

from __future__ import annotations

import re
from typing import Optional

MAX_INT64 = (1 << 63) - 1
#: Numbers of fewer digits are no larger.
_SURE_DIGITS = 19
_INTEGER = re.compile(r"([+-]?)([0-9]+)")


def int64(text: str) -> Optional[int]:
    """The integer that ASCII digits, with a sign or without, stand for; None for other text, and beyond 64 bits."""
    if len(text) < _SURE_DIGITS and text.isdecimal() and text.isascii():
        return int(text)
    match = _INTEGER.fullmatch(text)
    significant = "" if match is None else match[2].lstrip("0") or "0"
    if match is None or len(significant) > _SURE_DIGITS:
        return None
    number = int(match[1] + significant)
    return number if -MAX_INT64 - 1 <= number <= MAX_INT64 else None
