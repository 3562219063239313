"""A transaction that takes no lock and keeps its writes in memory until it is committed.

It reads from a snapshot and notes what it reads (`read_set`). Its reads see its own writes over the snapshot, as those of
the exclusive writer (`sql_transaction`) do. A number that is later than all times stands for its own (`unresolved`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Optional

from . import unresolved
from .base import Snapshot, Transaction, write_ops
from .errors import StoreError
from .hot import Hot
from .pending_writes import Entry, Key, Writes, alive, over
from .read_set import Changes, Place, ReadSet, document_path, place_path
from .rows import EntryRow, VersionRow, change_text, ts_of, values_and_added_of, values_of

#: How many of the versions that it has read a transaction remembers.
_REMEMBERED = 16


class NeedsLock(Exception):
    """The exclusive writer is to evaluate this transaction. Nothing has been written.

    It must change the schema: all other transactions that are being evaluated lose by such a change, and it may start
    background work, which must not begin before the commit. It must also remove in bulk, because that notes nothing of
    what it reads. And it should change hot documents (`Hot`).
    """


class _Closed:
    """In place of a transaction's snapshot and writes when it is closed."""

    def __getattr__(self, name: str) -> Any:
        raise StoreError("the snapshot is closed")


_CLOSED: Any = _Closed()


class Overlay(Transaction):
    """A transaction during one evaluation. snapshot: what it reads from, which its maker closes."""

    __slots__ = (
        "_hot",
        "_seen",
        "_snapshot",
        "_wrote",
        "bytes_written",
        "losses",
        "txn",
        "write_ops",
        "writes",
    )

    def __init__(self, snapshot: Snapshot, losses: int = 0, hot: Optional[Hot] = None) -> None:
        self._snapshot = snapshot
        self._hot = Hot() if hot is None else hot
        self._wrote = False
        self.losses = losses
        self.txn = unresolved.draw()
        self.bytes_written = 0
        self.write_ops = 0
        self.writes = Writes()
        self._seen: dict[Key, Optional[VersionRow]] = {}

    # -- from its snapshot -----------------------------------------------------------------------------------

    @property
    def time(self) -> int:  # type: ignore[override]
        return self._snapshot.time

    @property
    def last_txn(self) -> int:  # type: ignore[override]
        return self._snapshot.last_txn

    @property
    def schema_version(self) -> int:  # type: ignore[override]
        return self._snapshot.schema_version

    @property
    def reads(self) -> ReadSet:  # type: ignore[override]
        return self._snapshot.reads

    def asked_by(self, query: object) -> None:
        self._snapshot.asked_by(query)

    def note_reads(self) -> ReadSet:
        """The snapshot's read set. No new one is begun, because a transaction loses if anything that it read changes."""
        return self._snapshot.reads

    def close(self) -> None:
        self._seen = {}
        self._snapshot = self.writes = _CLOSED

    @property
    def wrote(self) -> bool:  # type: ignore[override]
        """Whether anything was written. Ending an entry counts only if the entry is there, which is looked up if need be."""
        if not self._wrote:
            for place, states in self.writes.entries.items():
                for values, state in states.items():
                    if state.ended is not None and self._base_live(place, values) is not None:
                        self._wrote = True
                        return True
        return self._wrote

    # -- versions --------------------------------------------------------------------------------------------

    def version(self, scope: int, coll: int, doc: int, at: Optional[int] = None) -> Optional[VersionRow]:
        own = self.writes.versions.get((scope, coll, doc))
        if own is None:
            if self._hot and self._hot.is_hot(document_path(scope, coll, doc)):
                raise NeedsLock
            return (
                self._read(scope, coll, doc) if at is None else self._snapshot.version(scope, coll, doc, at)
            )
        if at is None and own.get(self.txn) is not None:
            return own[self.txn]
        return next(self.versions(scope, coll, doc, upper=at, reverse=True), None)

    def newest_of(self, scope: int, coll: int, docs: Sequence[int]) -> dict[int, VersionRow]:
        own = {doc for doc in docs if (scope, coll, doc) in self.writes.versions}
        others = [doc for doc in docs if doc not in own]
        if self._hot and any(self._hot.is_hot(document_path(scope, coll, doc)) for doc in others):
            raise NeedsLock
        found = self._snapshot.newest_of(scope, coll, others)
        for doc in own:
            version = self.version(scope, coll, doc)
            if version is not None:
                found[doc] = version
        return found

    def _read(self, scope: int, coll: int, doc: int) -> Optional[VersionRow]:
        """The newest version in the snapshot. The last few are remembered, because a write reads its document repeatedly."""
        key = (scope, coll, doc)
        if key in self._seen:
            return self._seen[key]
        found = self._snapshot.version(scope, coll, doc)
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[key] = found
        return found

    def versions(
        self,
        scope: int,
        coll: int,
        doc: int,
        *,
        lower: Optional[int] = None,
        upper: Optional[int] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
    ) -> Iterator[VersionRow]:
        own = self.writes.versions.get((scope, coll, doc))
        if own is None:
            return self._snapshot.versions(
                scope, coll, doc, lower=lower, upper=upper, reverse=reverse, limit=limit
            )
        rows = self._snapshot.versions(scope, coll, doc, lower=lower, upper=upper, reverse=reverse)
        left = (row for row in rows if row.ts not in own)
        written = sorted(
            (
                row
                for ts, row in own.items()
                if row is not None and (lower is None or ts >= lower) and (upper is None or ts <= upper)
            ),
            reverse=reverse,
        )
        merged = heapq.merge(left, written, key=ts_of, reverse=reverse)
        return merged if limit is None else islice(merged, max(limit, 0))

    def put_version(
        self,
        scope: int,
        coll: int,
        doc: int,
        ts: int,
        live: bool,
        ttl: Optional[int],
        data: Optional[str],
        first: bool = False,
        newest: Optional[int] = None,
    ) -> None:
        self._wrote = True
        self.writes.touched.document(scope, coll, doc)
        size = 32 + (len(data) if data is not None else 0)
        self.bytes_written += size
        self.write_ops += write_ops(size)
        row = VersionRow(ts, live, ttl, data, self.txn)
        key = (scope, coll, doc)
        if first:
            self.writes.first.add(key)
        self.writes.versions.setdefault(key, {})[ts] = row

    def drop_version(self, scope: int, coll: int, doc: int, ts: int) -> None:
        if next(self.versions(scope, coll, doc, lower=ts, upper=ts), None) is None:
            return
        self._wrote = True
        self.writes.touched.document(scope, coll, doc)
        self.writes.versions.setdefault((scope, coll, doc), {})[ts] = None

    # -- entries ---------------------------------------------------------------------------------------------

    def entries(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: Optional[bytes] = None,
        upper: Optional[bytes] = None,
        reverse: bool = False,
        at: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[EntryRow]:
        if self._hot and self._hot.is_hot(place_path(scope, index, terms)):
            raise NeedsLock
        states = self.writes.entries.get((scope, index, terms))
        if not states:
            return self._snapshot.entries(
                scope, index, terms, lower=lower, upper=upper, reverse=reverse, at=at, limit=limit
            )
        within = {
            values: state
            for values, state in states.items()
            if (lower is None or values >= lower) and (upper is None or values < upper)
        }
        rows = self._snapshot.entries(
            scope,
            index,
            terms,
            lower=lower,
            upper=upper,
            reverse=reverse,
            at=at,
            limit=None if limit is None else limit + len(within),
        )
        written = (row for state in within.values() for row in state.own())
        merged = heapq.merge(
            (row for row in over(rows, within) if alive(row, at)),
            sorted((row for row in written if alive(row, at)), key=values_of, reverse=reverse),
            key=values_of,
            reverse=reverse,
        )
        return merged if limit is None else islice(merged, max(limit, 0))

    def history(
        self, scope: int, index: int, terms: bytes, *, since: Optional[int] = None
    ) -> Iterator[EntryRow]:
        rows = self._snapshot.history(scope, index, terms, since=since)
        states = self.writes.entries.get((scope, index, terms))
        if not states:
            return rows
        written = (row for state in states.values() for row in state.own())
        shown = (row for row in written if since is None or row.removed is None or row.removed > since)
        return heapq.merge(
            over(rows, states), sorted(shown, key=values_and_added_of), key=values_and_added_of
        )

    def change_times(
        self,
        scope: int,
        index: int,
        terms: bytes,
        *,
        lower: int,
        upper: int,
        reverse: bool = False,
        limit: int,
    ) -> list[int]:
        if not self.writes.entries.get((scope, index, terms)):
            return self._snapshot.change_times(
                scope, index, terms, lower=lower, upper=upper, reverse=reverse, limit=limit
            )
        times = (
            time
            for row in self.history(scope, index, terms)
            for time in (row.added, row.removed)
            if time is not None and lower <= time <= upper
        )
        return heapq.nlargest(limit, times) if reverse else heapq.nsmallest(limit, times)

    def changes(self, scope: int, index: int, terms: bytes, *, lower: int, upper: int) -> list[EntryRow]:
        states = self.writes.entries.get((scope, index, terms), {})
        for values, state in states.items():
            self._resolve_end((scope, index, terms), values, state)
        rows = self._snapshot.changes(scope, index, terms, lower=lower, upper=upper)
        if not states:
            return rows
        written = (row for state in states.values() for row in state.own())
        return [
            row
            for row in (*over(rows, states), *written)
            if lower <= row.added <= upper or (row.removed is not None and lower <= row.removed <= upper)
        ]

    def _state(self, place: Place, values: bytes) -> Entry:
        """What this transaction has done to the entries with a key, to be changed."""
        states = self.writes.entries.setdefault(place, {})
        found = states.get(values)
        if found is None:
            found = states[values] = Entry()
        return found

    def _touch(self, scope: int, index: int, terms: bytes, values: bytes) -> None:
        """Note that an entry was changed. One that holds this transaction's own time may get any place among the others."""
        touched = self.writes.touched
        touched.entry(scope, index, terms, values)
        if unresolved.may_be_in(values):
            touched.unplaced.add(place_path(scope, index, terms))

    def _base_live(self, place: Place, values: bytes) -> Optional[EntryRow]:
        """The snapshot's live entry with a key."""
        rows = self._snapshot.entries(*place, lower=values, upper=values + b"\0", limit=1)
        return next(rows, None)

    def _base_begun(self, place: Place, values: bytes, added: int) -> Optional[EntryRow]:
        """The entry in the snapshot that began at this time, live or ended."""
        for row in self._snapshot.entries(*place, lower=values, upper=values + b"\0", at=added):
            if row.added == added:
                return row
        return None

    def _resolve_end(self, place: Place, values: bytes, state: Entry) -> None:
        """If an entry was ended without being read (`Entry.ended`), read it now and note what has become of it."""
        if state.ended is None:
            return
        row, end = self._base_live(place, values), state.ended
        state.ended = None
        if row is None:
            return
        state.gone = self._wrote = True
        if row.added != end:
            state.past[row.added] = row._replace(removed=end)

    def add_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: Optional[int] = None,
        first: bool = False,
    ) -> None:
        place = (scope, index, terms)
        state = self._state(place, values)
        if added is None:
            added = self.txn
        elif added != self.txn and not first:
            self._resolve_end(place, values, state)
            ended = state.past.get(added)
            if ended is not None and ended.removed == self.txn:
                state.past[added] = None
        self._wrote = True
        self._touch(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        if state.ended is None:
            state.gone = True
        state.live = EntryRow(values, coll, doc, cover, ttl, added, None)

    def end_entry(
        self, scope: int, index: int, terms: bytes, values: bytes, removed: Optional[int] = None
    ) -> None:
        place = (scope, index, terms)
        state = self._state(place, values)
        self.bytes_written += len(terms) + len(values)
        end = self.txn if removed is None else removed
        if state.live is not None:
            row, state.live = state.live, None
            self._wrote = True
            if row.added != end:
                state.past[row.added] = row._replace(removed=end)
        elif not state.gone and state.ended is None:
            state.ended = end
            if state.past:
                self._resolve_end(place, values, state)
        else:
            return
        self._touch(scope, index, terms, values)

    def put_past_entry(
        self,
        scope: int,
        index: int,
        terms: bytes,
        values: bytes,
        coll: int,
        doc: int,
        cover: Optional[str],
        ttl: Optional[int],
        added: int,
        removed: int,
    ) -> None:
        place = (scope, index, terms)
        state = self._state(place, values)
        self._resolve_end(place, values, state)
        self._wrote = True
        self._touch(scope, index, terms, values)
        self.bytes_written += len(terms) + len(values) + (len(cover) if cover is not None else 0)
        state.past[added] = EntryRow(values, coll, doc, cover, ttl, added, removed)

    def drop_entry(self, scope: int, index: int, terms: bytes, values: bytes, added: int) -> None:
        place = (scope, index, terms)
        state = self._state(place, values)
        self._resolve_end(place, values, state)
        found = False
        if state.live is not None and state.live.added == added:
            state.live, found = None, True
        if state.past.get(added) is not None:
            found = True
        elif added not in state.past:
            row = self._base_begun(place, values, added)
            found = found or (row is not None and state.over(row) is not None)
        if not found:
            return
        if not state.gone:
            live = self._base_live(place, values)
            state.gone = live is not None and live.added == added
        state.past[added] = None
        self._wrote = True
        self._touch(scope, index, terms, values)

    # -- everything else -------------------------------------------------------------------------------------

    def scan_documents(self, scope: int, coll: int, *, after: Optional[int] = None, limit: int) -> list[int]:
        own = [
            key[2]
            for key in self.writes.versions
            if key[:2] == (scope, coll) and (after is None or key[2] > after)
        ]
        there = self._snapshot.scan_documents(scope, coll, after=after, limit=limit + len(own))
        found: list[int] = []
        for doc in sorted({*there, *own}):
            if len(found) >= limit:
                break
            if doc not in own or next(self.versions(scope, coll, doc, limit=1), None) is not None:
                found.append(doc)
        return found

    def expired_documents(self, scope: int, coll: int, before: int, limit: int) -> list[int]:
        raise NeedsLock

    def count_versions(self, scope: int, coll: int, limit: int) -> int:
        raise NeedsLock

    def counter(self, name: str) -> int:
        own = self.writes.counters.get(name)
        return self._snapshot.counter(name) if own is None else own

    def next_counter(self, name: str, start: int = 1) -> int:
        value = self.counter(name)
        value = value + 1 if value else start
        self._wrote = True
        self.writes.touched.name(name)
        self.writes.counters[name] = value
        return value

    def setting(self, name: str) -> Optional[str]:
        own = self.writes.settings.get(name)
        return self._snapshot.setting(name) if own is None else own

    def set_setting(self, name: str, value: str) -> None:
        self._wrote = True
        self.writes.touched.name(name)
        self.bytes_written += len(name) + len(value)
        self.writes.settings[name] = value

    def commits(self, after: int, limit: int = 1000) -> list[tuple[int, str]]:
        return self._snapshot.commits(after, limit)

    def changed(self, after: int, limit: int = 1000) -> list[tuple[int, Changes]]:
        return self._snapshot.changed(after, limit)

    def log(self, change: list[Any]) -> None:
        self._wrote = True
        text = change_text(change)
        self.bytes_written += len(text)
        self.writes.logged.append(text)

    def bump_schema(self) -> None:
        raise NeedsLock

    def purge_index(self, scope: int, index: int, limit: int) -> bool:
        raise NeedsLock

    def purge_collection(self, scope: int, coll: int, limit: int) -> bool:
        raise NeedsLock

    def purge_scope(self, scope: int, limit: int, keep: Sequence[int] = ()) -> bool:
        raise NeedsLock

    def purge_history(self, scope: int, coll: int, before: int, limit: int) -> bool:
        raise NeedsLock

    def purge_ended_entries(self, scope: int, index: int, before: int, limit: int) -> bool:
        raise NeedsLock
