"""What stores raise, and one signal between them and whoever evaluates on them (`SnapshotMoved`)."""

from __future__ import annotations

from typing import Optional


class StoreError(Exception):
    """Base of everything storage raises on its own account."""


class StoreUnavailable(StoreError):
    """The store cannot answer now: disk full, read-only, connection lost, locked for too long (503)."""


class DeadlineExceeded(StoreUnavailable):
    """The caller's deadline passed before the write had its turn; nothing was written."""


class Outgrown(StoreUnavailable):
    """A newer version has migrated a store that this one had open."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place!r} was upgraded by a newer version of faunadb while it was in use; upgrade faunadb here, too"
        )


class SnapshotLost(StoreUnavailable):
    """The connection that a snapshot was read from is lost, and the snapshot with it. Another one may be had at once."""


class ClockBehind(StoreUnavailable):
    """A time was asked for that lies too far ahead of this machine's clock and of the store."""


class Contended(StoreError):
    """Other writers came first, on every allowed attempt; nothing was written (409).

    document: database, collection and id of the document it was about, None when that is not known.
    """

    def __init__(self, text: str, document: Optional[tuple[int, int, int]] = None) -> None:
        super().__init__(text)
        self.document = document


class SnapshotMoved(Exception):
    """A snapshot that was to be pinned when it is first read from is not what it was taken for.

    It sees another version of the schema, or is read from again and cannot see any more what it saw at first.

    What has been computed is to be computed again, on a snapshot that is pinned at once.
    """


class Damaged(StoreUnavailable):
    """What is stored is not what was written. To be restored from a backup; nothing was answered from it."""


class NotAStore(StoreError, ValueError):
    """The place holds something else, or a store of a newer version; it was left as it is."""


class BadURL(StoreError, ValueError):
    """The URL names no known backend or carries options the backend does not know."""
