"""The exceptions of stores. All but `SnapshotMoved`, which asks for another evaluation, are errors."""

from __future__ import annotations

from typing import Optional

#: The text of the StoreError of whoever asks a store that has been closed.
STORE_CLOSED = "the store is closed"


class StoreError(Exception):
    """The base of all errors of stores."""


class StoreUnavailable(StoreError):
    """The store cannot answer now: disk full, read-only, connection lost, locked for too long (503)."""


class DeadlineExceeded(StoreUnavailable):
    """The caller's deadline passed before the write had its turn; nothing was written."""


class Outgrown(StoreUnavailable):
    """A newer version of faunadb has migrated a store that this process had open. place: its path or name."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place!r} was upgraded by a newer version of faunadb while it was in use; upgrade faunadb here, too"
        )


class SnapshotLost(StoreUnavailable):
    """A snapshot's connection was lost, and the snapshot with it. The query may be evaluated again on another one."""


class ClockBehind(StoreUnavailable):
    """A time was asked for that is too far ahead of this machine's clock and that the store has not reached."""


class Contended(StoreError):
    """Other writers were first at every attempt; nothing was written (409).

    document: the document that they changed, as the numbers of its database and collection and its id; None if that is not
    known.
    """

    def __init__(self, text: str, document: Optional[tuple[int, int, int]] = None) -> None:
        super().__init__(text)
        self.document = document


class SnapshotMoved(Exception):
    """A lazy snapshot (`base.Store.snapshot`) is not what it was taken for, so the query must be evaluated again.

    Either it sees another version of the schema than supposed, or a further read cannot see the same moment as the first
    one. The query is to be evaluated again on a snapshot that is pinned at once.
    """


class Damaged(StoreUnavailable):
    """What is stored is not what was written, and must be restored from a backup. It has not been used for any answer."""


class NotAStore(StoreError, ValueError):
    """There is something other than a store, or a store of a newer version of faunadb. It was left as it is."""


class BadURL(StoreError, ValueError):
    """The URL is for no known backend, or has options that the backend does not know."""
