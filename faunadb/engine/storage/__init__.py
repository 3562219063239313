"""Storage: an ordered, versioned, transactional store, on SQLite (a file, or memory) or on PostgreSQL.

`open_store` opens one. `base` says what a store does; it knows nothing of FQL.
"""

from __future__ import annotations

from typing import Callable, Optional

from .base import Snapshot, Store, Transaction
from .errors import BadURL, ClockBehind, Contended, DeadlineExceeded, NotAStore, StoreError, StoreUnavailable
from .opening import open_store
from .rows import EntryRow, VersionRow


def copy_store(
    source_url: str, target_url: str, progress: Optional[Callable[[str, int], None]] = None
) -> dict[str, int]:
    """Copy a whole store, with its history, counters and settings, into an empty one; see `copy.copy_store`."""
    from .copy import copy_store as copy  # late: only the command `copy` needs it

    return copy(source_url, target_url, progress)


__all__ = [
    "BadURL",
    "ClockBehind",
    "Contended",
    "DeadlineExceeded",
    "EntryRow",
    "NotAStore",
    "Snapshot",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Transaction",
    "VersionRow",
    "copy_store",
    "open_store",
]
