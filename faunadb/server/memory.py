"""Giving memory back to the system after large answers.

The C library keeps the memory that Python frees, for later use. After many large answers at once that can be most of the
process.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from typing import Any, Optional

#: Memory is given back after answers of at least this many bytes.
LARGE = 4 << 20
#: Seconds between a large answer and giving back, so that it is done once for several answers.
PAUSE = 0.5


def give_back_now() -> None:
    """Give back all free memory, for instance after many imports."""
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
        """Give back all free memory in a moment, on a thread."""
        if self._trim is not None and not self._waiting:
            self._waiting = True
            asyncio.get_running_loop().call_later(PAUSE, self._begin, self._trim)

    def _begin(self, trim: Any) -> None:
        self._waiting = False
        asyncio.get_running_loop().run_in_executor(None, trim, 0)


def _malloc_trim() -> Optional[Any]:
    """The function of the GNU C library; None on systems without it."""
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
