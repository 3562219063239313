"""What a transaction writes, as it keeps it until it is committed, and what is then left of what was there.

An entry that is ended without having been read stays as blind as that: which row it was, is found out when the
transaction is committed, or when something asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

from .read_set import Changes, Place
from .rows import EntryRow, VersionRow

#: Document: database, collection, id.
Key = tuple[int, int, int]


class Entry:
    """What becomes of the entries under one key: those that were there, and the transaction's own.

    ended: when the live entry, if there was one, ends; it has not been looked at. gone: the live entry that was there is
    no more. live: the transaction's own. past: by the time they began, ended entries it wrote; None: dropped.
    """

    __slots__ = ("ended", "gone", "live", "past")

    def __init__(self) -> None:
        self.ended: Optional[int] = None
        self.gone = False
        self.live: Optional[EntryRow] = None
        self.past: dict[int, Optional[EntryRow]] = {}

    def over(self, row: EntryRow) -> Optional[EntryRow]:
        """What has become of an entry that was there; None: nothing is left of it."""
        if row.removed is not None:
            return None if row.added in self.past else row
        if self.gone:
            return None
        if self.ended is None:
            return row
        return None if row.added == self.ended else row._replace(removed=self.ended)

    def own(self) -> Iterator[EntryRow]:
        for row in self.past.values():
            if row is not None:
                yield row
        if self.live is not None:
            yield self.live


class Writes:
    """What a transaction writes, as it keeps it until it is committed.

    versions: of documents, by their times; None: dropped. first: documents that had none before. entries: by set and
    values. logged: its row of the commit log. touched: all of these for the commit log.
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
    """What has become of entries that were there."""
    for row in rows:
        state = states.get(row.values)
        found = row if state is None else state.over(row)
        if found is not None:
            yield found


def alive(row: EntryRow, at: Optional[int]) -> bool:
    """Whether an entry is alive at a time; None: still is."""
    if at is None:
        return row.removed is None
    return row.added <= at and (row.removed is None or row.removed > at)
