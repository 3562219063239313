"""Joins: the sets that the elements of a source lead to, merged (sets and reads, "join")."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Optional, Union

from ..language import casts
from ..language import values as v
from ..language.errors import Fault, Position, QueryErrors, not_found
from ..language.lambdas import apply
from .base import REFS, Denied, Edge, Edges, LazySet, Reader, Shape, ticking, visible
from .derived import DistinctReader
from .elements import Element, place, ref_of, shown, values_of
from .event_places import Event
from .history import History, SortedHistory, Timeline
from .intervals import Interval, common_times
from .leaves import EventsSet, Match, check_reach, find_index, source_of

if TYPE_CHECKING:
    from ..language.context import Context

#: How many elements of the source are looked at.
MAX_SOURCE = 100_000
#: How many elements of all targets together are held in memory, about.
HELD = 65_536
LARGEST_BATCH = 512


def check_join_index(ctx: Context, ref: v.Ref) -> None:
    """Raise Fault when an index may not be joined with: it is gone, or out of reach."""
    check_reach(ctx, ref, ())
    if find_index(ctx, ref) is None:
        raise not_found("Index")


def _joined(source: v.SetValue) -> v.SetValue:
    """The set itself, for its set of events: as the sources of a join's events are named."""
    return source_of(source.origin) if type(source) is EventsSet else source


class Join(LazySet):
    """For each element of origin the set that target gives; all these merged, without repeats.

    target: a lambda from an element to a set, or the ref of an index, of which the element's values are the terms.
    position: that of the target, at which its errors are reported.
    """

    __slots__ = ("origin", "position", "target")

    def __init__(self, origin: LazySet, target: Union[v.Lambda, v.Ref], position: Position):
        self.origin = origin
        self.target = target
        self.position = position

    def wire(self) -> dict[str, Any]:
        return {"join": self.origin, "with": self.target}

    def shape(self, ctx: Context) -> Optional[Shape]:
        if type(self.target) is v.Ref:
            return Match(self.target, []).shape(ctx)
        return None

    def target_of(self, ctx: Context, element: Element) -> LazySet:
        """The set that an element leads to."""
        if type(self.target) is v.Ref:
            return Match(self.target, values_of(ctx, element) or [ref_of(element)])
        found = apply(ctx, self.target, shown(ctx, element), self.position)  # type: ignore[arg-type]
        try:
            return casts.SET(ctx, found)  # type: ignore[no-any-return]
        except Fault as fault:
            raise QueryErrors([fault.located(self.position)]) from None

    def open(self, ctx: Context) -> Reader:
        return DistinctReader(JoinReader(ctx, self, self.origin.open(ctx)), repeats=True)

    def history(self, ctx: Context) -> History:
        return JoinHistory(ctx, self, self.origin.history(ctx))


class JoinReader(Reader):
    """All elements of all targets, repeats included. The targets are opened when it is first read."""

    __slots__ = ("_targets", "ctx", "join", "origin")

    def __init__(self, ctx: Context, join: Join, origin: Reader):
        self.ctx = ctx
        self.join = join
        self.origin = origin
        self.filtered = origin.filtered
        self._targets: Optional[list[Reader]] = None
        shape = join.shape(ctx)
        self.arity = None if shape is None else len(shape.descending)

    def shape(self) -> Shape:
        shape = self.join.shape(self.ctx)
        if shape is not None:
            return shape
        targets = self.targets()
        return targets[0].shape() if targets else REFS

    def targets(self) -> list[Reader]:
        if self._targets is None:
            self._targets = self._open_targets()
        return self._targets

    def _open_targets(self) -> list[Reader]:
        ctx, found = self.ctx, []
        seen: set[Any] = set()
        elements = self.origin.scan((), (), False)
        for element in ticking(ctx, islice(elements, MAX_SOURCE)):
            target = self.join.target_of(ctx, element)
            try:
                reader = target.open(ctx)
            except Denied:
                continue
            if type(target) is Match:
                place = (reader.scope, reader.index, reader.terms)  # type: ignore[attr-defined]
                if place in seen:
                    continue
                seen.add(place)
            found.append(reader)
        return found

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        targets = self.targets()
        size = max(4, min(limit or 64, HELD // max(1, len(targets))))
        streams = [self._stream(target, lower, upper, reverse, size) for target in targets]
        if len(streams) == 1:
            return streams[0]
        merged = heapq.merge(*streams, key=place, reverse=reverse)
        return ticking(self.ctx, merged)

    def _stream(
        self, target: Reader, lower: Edges, upper: Edges, reverse: bool, size: int
    ) -> Iterator[Element]:
        """A target's elements, fetched in batches, since there may be too many targets to keep a scan open on each."""
        if target.arity is None:
            yield from visible(self.ctx, target, target.scan(lower, upper, reverse))
            return
        low, high = lower, upper
        while True:
            batch = list(islice(target.scan(low, high, reverse, size), size))
            yield from visible(self.ctx, target, iter(batch))
            if len(batch) < size:
                return
            values, ref = batch[-1][:2]
            edge = Edge((values,) if values else (), ref, not reverse, target.arity)
            low, high = (lower, (*upper, edge)) if reverse else ((*lower, edge), upper)
            size = min(4 * size, LARGEST_BATCH)


class JoinHistory(SortedHistory):
    """The events of the targets at times at which the element that leads to them was in the source."""

    def __init__(self, ctx: Context, join: Join, origin: History):
        self.ctx = ctx
        self.join = join
        self.origin = origin
        self.filtered = origin.filtered

    def changes(self, since: float) -> Iterator[Event]:
        for intervals, target in self._targets():
            for event in target.events(None, None, False):
                if event.ts >= since and any(_within(event.ts, interval) for interval in intervals):
                    if self._shows(target, event.document):
                        # Its sources are the sets that were joined, not their events.
                        joined = tuple(map(_joined, event.sources))
                        yield event._replace(sources=joined)

    def timelines(self) -> Iterator[Timeline]:
        """An element is in the join while a target contains it and the source contains what leads to that target."""
        found: dict[tuple[bytes, bytes], dict[bytes, tuple[Element, list[Interval]]]] = {}
        for intervals, target in self._targets():
            for key, elements in target.timelines():
                for element, times in elements:
                    both = common_times(times, intervals)
                    if both and self._shows(target, ref_of(element)):
                        found.setdefault(key, {}).setdefault(element[1], (element, []))[1].extend(both)
        for key in sorted(found):
            yield key, list(found[key].values())

    def _targets(self) -> Iterator[tuple[list[Interval], History]]:
        """When each element of the source was there, and the history of the set it leads to."""
        sources = (pair for _, elements in self.origin.timelines() for pair in elements)
        for element, intervals in islice(sources, MAX_SOURCE):
            try:
                yield intervals, self.join.target_of(self.ctx, element).history(self.ctx)
            except Denied:
                continue

    def _shows(self, target: History, ref: v.Ref) -> bool:
        return not target.filtered or self.ctx.perms.can_read(self.ctx, ref)


def _within(ts: int, interval: Interval) -> bool:
    start, end = interval
    return start <= ts and (end is None or ts < end)
