"""Events of sets and documents: which elements came and went, and when (sets and reads, "Events").

A `History` yields `Event` tuples between cuts, in either direction. The events of one leaf set are ordered by time,
removes before adds, then by ref, then by values. Merged histories are ordered by time, then by comparing the next events
of their members, adds first.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Optional

from .. import documents
from ..indexes import keys
from ..indexes.definitions import PARTITIONS
from ..language import codec
from ..language import values as v
from ..language.equality import identical
from .elements import Element, group, merged_sources
from .event_places import ADDED, REMOVED, Cut, Event, phase_of, place_of
from .intervals import Interval, common_times, united, without

if TYPE_CHECKING:
    from ..language.context import Context

#: How many events are sorted in memory at once: in the first round, and at most in later ones, each of which reads the
#: whole history again.
FIRST_ROUND = 128
LARGEST_ROUND = 131_072

#: Times that can be stored.
LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1

#: The group of equal elements, and each of them with the times at which it was in the set.
Timeline = tuple[tuple[bytes, bytes], list[tuple["Element", list[Interval]]]]


class History:
    """The events of a set or document. filtered: only events whose document may be read count."""

    filtered = False
    #: whether the events are those of one document
    of_document = False

    def events(
        self, lower: Optional[Cut], upper: Optional[Cut], reverse: bool, limit: int = 0
    ) -> Iterator[Event]:
        """The events at or after lower and before upper. limit: how many are probably wanted (0: all)."""
        raise NotImplementedError

    def timelines(self) -> Iterator[Timeline]:
        """When each element was in the set, in the order of elements; equal ones together."""
        raise NotImplementedError

    def encode(self, values: list[Any]) -> bytes:
        """The values of an event cursor as keys, which can be compared."""
        return b"".join(map(keys.encode, values))

    def cut_at(self, ts: int, action: str, ref: bytes, values: Optional[list[Any]]) -> Cut:
        """The cut before the event that a cursor names; without values, before all of that document."""
        place = (ts, phase_of(action), ref)
        return Cut(place if values is None else (*place, self.encode(values)), exact=True, action=action)


class MixedHistory(History):
    """A history of several, whose events may be encoded in different ways, or differ in nothing but their action."""

    def cut_at(self, ts: int, action: str, ref: bytes, values: Optional[list[Any]]) -> Cut:
        phase = phase_of(action)
        at_once = self.events(Cut((ts,)), Cut((ts + 1,)), False)
        found = [event for event in at_once if event.phase == phase and event.ref == ref]
        named = [event for event in found if _has_values(event, values)] or (found if values is None else [])
        if not named:
            return super().cut_at(ts, action, ref, values)
        best = next((event for event in named if event.action == action), named[0])
        return Cut(best[:4], exact=True, action=best.action)


def _has_values(event: Event, values: Optional[list[Any]]) -> bool:
    if not event.cover:
        return values is None
    return values is not None and identical(codec.decode_value(event.cover, event.scope), values)


def latest(ctx: Context) -> int:
    """The last time whose events are shown, in microseconds: histories are read as of a time too."""
    at = documents.valid_time(ctx, ctx.at)
    return HIGHEST if at is None else at


class Floors:
    """The earliest valid time of each collection: earlier events are gone. So are all those of deleted collections."""

    def __init__(self, ctx: Context, scope: int):
        self._ctx = ctx
        self._scope = scope
        self._known: dict[int, float] = {}

    def of(self, coll: int) -> float:
        """In microseconds; infinity when the collection is deleted."""
        found = self._known.get(coll)
        if found is None:
            info = self._ctx.schema.collection(self._scope, coll)
            limit = None if info is None else info.min_valid(self._ctx.time)
            found = math.inf if info is None else (-math.inf if limit is None else limit)
            self._known[coll] = found
        return found


class SortedHistory(MixedHistory):
    """A history that finds its events in no useful order. They are sorted in rounds, each in bounded memory."""

    ctx: Context

    def changes(self, since: float) -> Iterator[Event]:
        """All events not earlier than a time, in any order."""
        raise NotImplementedError

    def events(
        self, lower: Optional[Cut], upper: Optional[Cut], reverse: bool, limit: int = 0
    ) -> Iterator[Event]:
        since = -math.inf if lower is None else lower.ts
        low = () if lower is None else lower.key
        high = None if upper is None else upper.key
        select = heapq.nlargest if reverse else heapq.nsmallest
        size = max(limit, FIRST_ROUND)
        last: Optional[Event] = None
        while True:
            chosen = select(size, self._between(since, low, high, last, reverse), key=_sort_key)
            for event in chosen:
                if last is None or _sort_key(event) != _sort_key(last):
                    yield event
                last = event
            if len(chosen) < size:
                return
            size = min(size * 16, LARGEST_ROUND)

    def _between(
        self,
        since: float,
        low: tuple[Any, ...],
        high: Optional[tuple[Any, ...]],
        last: Optional[Event],
        reverse: bool,
    ) -> Iterator[Event]:
        check = self.ctx.check_deadline
        reached = None if last is None else _sort_key(last)
        for count, event in enumerate(self.changes(since)):
            if count % 512 == 0:
                check()
            if event < low or (high is not None and event >= high):
                continue
            key = _sort_key(event)
            if reached is None or (key < reached if reverse else key > reached):
                yield event


def _sort_key(event: Event) -> tuple[Any, ...]:
    """The place of an event, and its values as they are stored: 1 and 1.0 have the same place."""
    return event[:5]


def _event(element: Element, ts: int, phase: int) -> Event:
    values, ref, scope, coll, doc, cover, sources = element
    action = "add" if phase == ADDED else "remove"
    return Event(ts, phase, ref, values, cover or "", action, scope, coll, doc, None, sources)


def _interval_events(
    element: Element, intervals: Iterable[Interval], since: float, floor: float
) -> Iterator[Event]:
    for start, end in intervals:
        if start >= since and start >= floor:
            yield _event(element, start, ADDED)
        if end is not None and end >= since and end > floor:
            yield _event(element, end, REMOVED)


class EntryHistory(History):
    """The events of an index's entries under one term tuple. collections: the numbers of those that the index covers."""

    def __init__(
        self,
        ctx: Context,
        scope: int,
        index: int,
        terms: bytes,
        descending: tuple[bool, ...],
        filtered: bool,
        source: v.SetValue,
        collections: Iterable[int],
        partitions: int = PARTITIONS,
    ):
        self.ctx = ctx
        self.partitions = partitions
        self.scope = scope
        self.index = index
        self.terms = terms
        self.arity = len(descending)
        self.filtered = filtered
        self.sources = (source,)
        self.descending = descending
        self.collections = collections
        self.floors = Floors(ctx, scope)
        self.latest = latest(ctx)

    def encode(self, values: list[Any]) -> bytes:
        flags = [*self.descending, *([False] * len(values))]
        return b"".join(keys.encode_directed(value, down) for value, down in zip(values, flags))

    def _elements(self, rows: Iterable[Any]) -> Iterator[tuple[Element, Interval]]:
        scope, sources = self.scope, self.sources
        free = self.ctx.read_set(self.partitions)
        for count, row in enumerate(rows):
            if count % 512 == 0:
                self.ctx.check_deadline()
            key, coll, doc, cover = row[:4]
            free = self.ctx.read_entry(len(key) + (len(cover) if cover is not None else 0), free)
            if self.floors.of(coll) == math.inf:
                continue
            values, ref = keys.split(key, coll, doc) if self.arity else (b"", key)
            removed = row.removed
            if row.added > self.latest:
                continue
            interval = (row.added, removed if removed is None or removed <= self.latest else None)
            yield (values, ref, scope, coll, doc, cover, sources), interval

    def events(
        self, lower: Optional[Cut], upper: Optional[Cut], reverse: bool, limit: int = 0
    ) -> Iterator[Event]:
        """Read in rounds: the store says in which span of time the next events lie, and all events of it are sorted."""
        place = (self.scope, self.index, self.terms)
        earliest = min((self.floors.of(coll) for coll in self.collections), default=math.inf)
        low = max(earliest, LOWEST if lower is None else lower.ts, LOWEST)
        high = min(self.latest if upper is None else upper.ts, self.latest)
        size = max(limit, FIRST_ROUND)
        while low <= high:
            self.ctx.check_deadline()
            times = self.ctx.snap.change_times(
                *place, lower=int(low), upper=int(high), reverse=reverse, limit=size
            )
            if not times:
                return
            far = times[-1]
            first, last = (far, int(high)) if reverse else (int(low), far)
            yield from sorted(self._between(first, last, lower, upper), reverse=reverse)
            if len(times) < size:
                return
            low, high = (low, far - 1) if reverse else (far + 1, high)
            size = min(size * 16, LARGEST_ROUND)

    def _between(self, first: int, last: int, lower: Optional[Cut], upper: Optional[Cut]) -> Iterator[Event]:
        """The events from one time to another that lie between the cuts, in no order."""
        rows = self.ctx.snap.changes(self.scope, self.index, self.terms, lower=first, upper=last)
        for element, interval in self._elements(rows):
            for event in _interval_events(element, (interval,), first, self.floors.of(element[3])):
                if event.ts > last or (lower is not None and event < lower.key):
                    continue
                if upper is None or event < upper.key:
                    yield event

    def timelines(self) -> Iterator[Timeline]:
        elements = self._elements(self.ctx.snap.history(self.scope, self.index, self.terms))
        for key, rows in groupby(elements, lambda row: group(row[0])):
            yield key, [(element, [interval for _, interval in same]) for element, same in _by_document(rows)]


def _by_document(
    rows: Iterable[tuple[Element, Interval]],
) -> Iterator[tuple[Element, list[tuple[Element, Interval]]]]:
    for _, same in groupby(rows, lambda row: row[0][1]):
        found = list(same)
        yield found[0][0], found


class DocumentHistory(History):
    """The events of one document. as_set: the events of the set that contains it while it exists."""

    def __init__(self, ctx: Context, ref: v.Ref, source: v.SetValue, as_set: bool):
        self.ctx = ctx
        self.ref = ref
        self.as_set = as_set
        self.of_document = not as_set
        self.sources = (source,)
        self.key = keys.ref_suffix(ref.coll, ref.id)
        self.latest = latest(ctx)

    def _all(self) -> Iterator[Event]:
        ref = self.ref
        for event in documents.history(self.ctx, ref):
            ts = event.ts if type(event.ts) is int else self.ctx.tx.txn
            if ts > self.latest:
                return
            action = event.action
            if self.as_set:
                if action is v.UPDATE:
                    continue
                action = v.ADD if action is v.CREATE else v.REMOVE
            phase = phase_of(action.name)
            kept = None if self.as_set else event
            yield Event(
                ts, phase, self.key, b"", "", action.name, ref.scope, ref.coll, ref.id, kept, self.sources
            )

    def events(
        self, lower: Optional[Cut], upper: Optional[Cut], reverse: bool, limit: int = 0
    ) -> Iterator[Event]:
        low = () if lower is None else lower.key
        found = (event for event in self._all() if event >= low)
        if upper is not None:
            found = (event for event in found if event < upper.key)
        return reversed(list(found)) if reverse else found

    def timelines(self) -> Iterator[Timeline]:
        ref = self.ref
        element = (b"", self.key, ref.scope, ref.coll, ref.id, None, self.sources)
        intervals: list[Interval] = []
        start: Optional[int] = None
        for event in self._all():
            present = event.action not in ("delete", "remove")
            if present and start is None:
                start = event.ts
            elif not present and start is not None:
                intervals.append((start, event.ts))
                start = None
        if start is not None:
            intervals.append((start, None))
        if intervals:
            yield group(element), [(element, intervals)]


class UnionHistory(MixedHistory):
    """The events of several histories together; identical ones once."""

    def __init__(self, members: list[History]):
        self.members = members
        self.filtered = any(member.filtered for member in members)

    def encode(self, values: list[Any]) -> bytes:
        return self.members[0].encode(values)

    def events(
        self, lower: Optional[Cut], upper: Optional[Cut], reverse: bool, limit: int = 0
    ) -> Iterator[Event]:
        streams = [
            member.events(_opened(lower, False), _opened(upper, True), reverse, limit)
            for member in self.members
        ]
        by_time = heapq.merge(
            *(_numbered(stream, number) for number, stream in enumerate(streams)),
            key=lambda item: (-item[0].ts if reverse else item[0].ts, item[1]),
        )
        for ts, items in groupby(by_time, lambda item: item[0].ts):
            found = _merged_heads(items, len(streams), reverse)
            if lower is not None and lower.exact and lower.ts == ts:
                found = found[place_of(found, lower) :]
            if upper is not None and upper.exact and upper.ts == ts:
                found = found[: place_of(found, upper)]
            yield from reversed(found) if reverse else found

    def timelines(self) -> Iterator[Timeline]:
        merged = heapq.merge(
            *(member.timelines() for member in self.members), key=lambda timeline: timeline[0]
        )
        for key, same in groupby(merged, lambda timeline: timeline[0]):
            yield key, [pair for _, pairs in same for pair in pairs]


def _opened(cut: Optional[Cut], upper: bool) -> Optional[Cut]:
    """The cut for the members of a merged history. It is moved to before or after all events at its time, since only the
    merged history knows their order."""
    if cut is None or not (cut.exact or cut.whole):
        return cut
    return Cut((cut.ts, 2)) if upper and cut.exact else Cut((cut.ts,))


def _numbered(events: Iterator[Event], number: int) -> Iterator[tuple[Event, int]]:
    for event in events:
        yield event, number


def _merged_heads(items: Iterable[tuple[Event, int]], count: int, reverse: bool) -> list[Event]:
    """The events of several members at one time: merged by comparing the next ones of each, without repeats."""
    queues: list[list[Event]] = [[] for _ in range(count)]
    for event, number in items:
        queues[number].append(event)
    if reverse:
        for queue in queues:
            queue.reverse()
    found: dict[Any, Event] = {}
    for event in heapq.merge(*queues, key=lambda event: event.merge_key):
        identity = (event.action, event.ref, event.scope, event.cover)
        before = found.get(identity)
        if before is not None:
            event = before._replace(sources=_joined(before.sources, event.sources))
        found[identity] = event
    return list(found.values())


def _joined(left: tuple[v.SetValue, ...], right: tuple[v.SetValue, ...]) -> tuple[v.SetValue, ...]:
    return (*left, *(one for one in right if not any(identical(one, other) for other in left)))


class ConditionHistory(SortedHistory):
    """The events of an intersection or difference: when elements of the first member begin and cease to be in it."""

    def __init__(self, ctx: Context, members: list[History], difference: bool):
        self.ctx = ctx
        self.members = members
        self.difference = difference
        self.filtered = any(member.filtered for member in members)

    def encode(self, values: list[Any]) -> bytes:
        return self.members[0].encode(values)

    def changes(self, since: float) -> Iterator[Event]:
        floors: dict[int, Floors] = {}
        for _, elements in self.timelines():
            for element, intervals in elements:
                scope = element[2]
                floor = floors.setdefault(scope, Floors(self.ctx, scope)).of(element[3])
                yield from _interval_events(element, intervals, since, floor)

    def timelines(self) -> Iterator[Timeline]:
        first, *others = self.members
        seekers = [_Seeker(member.timelines()) for member in others]
        for key, elements in first.timelines():
            copies = [seeker.at(key) for seeker in seekers]
            present = [united(chain.from_iterable(intervals for _, intervals in each)) for each in copies]
            found = []
            for element, intervals in elements:
                times = united(intervals)
                for other in present:
                    times = without(times, other) if self.difference else common_times(times, other)
                if not times:
                    continue
                if not self.difference:
                    alike = chain([element], (other for each in copies for other, _ in each))
                    element = (*element[:6], merged_sources(alike))
                found.append((element, times))
            if found:
                yield key, found


class _Seeker:
    """Walks along the timelines of another member: its copies of an element, with the times at which it contained them."""

    def __init__(self, timelines: Iterator[Timeline]):
        self._timelines = timelines
        self._next = next(timelines, None)

    def at(self, key: tuple[bytes, bytes]) -> list[tuple[Element, list[Interval]]]:
        while self._next is not None and self._next[0] < key:
            self._next = next(self._timelines, None)
        if self._next is None or self._next[0] != key:
            return []
        return self._next[1]
