"""Giving memory back to the system after large answers.

What Python frees the C library keeps for the next time. After many large answers at once that is more than all the rest.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from typing import Any, Optional

#: Bytes of an answer after which memory is given back.
LARGE = 4 << 20
#: Seconds from a large answer until then: those that come together count as one.
PAUSE = 0.5


def give_back_now() -> None:
    """Give back what is free: after much was imported, say."""
    gc.collect()
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


class Memory:
    """The memory of one process."""

    def __init__(self) -> None:
        self._trim = _malloc_trim()
        self._waiting = False

    def give_back(self) -> None:
        """Give back soon what is free, on a thread."""
        if self._trim is not None and not self._waiting:
            self._waiting = True
            asyncio.get_running_loop().call_later(PAUSE, self._begin, self._trim)

    def _begin(self, trim: Any) -> None:
        self._waiting = False
        asyncio.get_running_loop().run_in_executor(None, trim, 0)


def _malloc_trim() -> Optional[Any]:
    """The function of the GNU C library; None where there is no such."""
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
