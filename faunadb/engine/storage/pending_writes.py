"""The writes of a transaction that is not committed yet (`overlay`), and what they leave of the rows in its snapshot.

An entry can be ended without reading it first. Which row that was is found out when the transaction is committed, or
before that if something has to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

from .read_set import Changes, Place
from .rows import EntryRow, VersionRow

#: A document: the numbers of its database and its collection, and its id.
Key = tuple[int, int, int]


class Entry:
    """What a transaction has done to the entries with one key.

    ended: when the snapshot's live entry ends, if there is one, which has not been looked up. gone: the snapshot's live
    entry is no longer there. live: the live entry that the transaction has written. past: the ended entries that it has
    written, by the times at which they began; None for one that it has dropped.
    """

    __slots__ = ("ended", "gone", "live", "past")

    def __init__(self) -> None:
        self.ended: Optional[int] = None
        self.gone = False
        self.live: Optional[EntryRow] = None
        self.past: dict[int, Optional[EntryRow]] = {}

    def over(self, row: EntryRow) -> Optional[EntryRow]:
        """What the transaction has made of an entry in the snapshot; None if the entry is gone."""
        if row.removed is not None:
            return None if row.added in self.past else row
        if self.gone:
            return None
        if self.ended is None:
            return row
        return None if row.added == self.ended else row._replace(removed=self.ended)

    def own(self) -> Iterator[EntryRow]:
        """The entries that the transaction has written."""
        for row in self.past.values():
            if row is not None:
                yield row
        if self.live is not None:
            yield self.live


class Writes:
    """All that a transaction has written.

    versions: by document and time; None for one that it has dropped. first: the documents that had no version before.
    entries: by the place of the set and the values. logged: the changes for its row in the commit log, as JSON. touched:
    what it has changed.
    """

    __slots__ = ("counters", "entries", "first", "logged", "settings", "touched", "versions")

    def __init__(self) -> None:
        self.versions: dict[Key, dict[int, Optional[VersionRow]]] = {}
        self.first: set[Key] = set()
        self.entries: dict[Place, dict[bytes, Entry]] = {}
        self.counters: dict[str, int] = {}
        self.settings: dict[str, str] = {}
        self.logged: list[str] = []
        self.touched = Changes()


def over(rows: Iterable[EntryRow], states: dict[bytes, Entry]) -> Iterator[EntryRow]:
    """What a transaction has made of entries in the snapshot. states: by their values."""
    for row in rows:
        state = states.get(row.values)
        found = row if state is None else state.over(row)
        if found is not None:
            yield found


def alive(row: EntryRow, at: Optional[int]) -> bool:
    """Whether an entry is alive at a time; with None, whether it is alive now."""
    if at is None:
        return row.removed is None
    return row.added <= at and (row.removed is None or row.removed > at)
