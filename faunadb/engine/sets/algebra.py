"""Union, intersection and difference of sets (sets and reads, "union, intersection, difference of sets").

Members are merged in their common order while they are read. Elements with equal values form a group. It matters how
often a group's element occurs in each member; copies in the result keep the documents of the members' copies, lowest
first. A cut inside a group cannot be passed on to the members, so these are read from the edge of the group, and the
result is cut.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import keys
from ..language import values as v
from ..language.budget import spend
from ..language.errors import Fault, Faults
from .base import (
    Denied,
    Edges,
    LazySet,
    Reader,
    Shape,
    after_group,
    before_group,
    clipped,
    compatible,
    incompatible,
    outside_groups,
)
from .elements import Element, group, merged_sources
from .history import ConditionHistory, History, UnionHistory

if TYPE_CHECKING:
    from ..language.context import Context

Group = tuple[bytes, bytes]

#: About how many bytes an open set takes.
READER_SIZE = 4096

#: How many elements of a lagging member are skipped one by one before it is opened again further on.
SKIPPED = 24
#: Up to this number, members are merged by comparing all heads; more members need a heap.
FEW = 4


class Head:
    """The next element of one member, which can jump forward."""

    __slots__ = ("_bounds", "_elements", "_reader", "_reverse", "element", "group")

    def __init__(self, reader: Reader, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int]):
        self._reader = reader
        self._bounds = (lower, upper)
        self._reverse = reverse
        self._elements = reader.scan(lower, upper, reverse, limit)
        self.element: Optional[Element] = None
        self.group: Group = (b"", b"")
        self.advance()

    def advance(self) -> None:
        self.element = next(self._elements, None)
        if self.element is not None:
            self.group = group(self.element)

    def behind(self, target: Group) -> bool:
        return self.group > target if self._reverse else self.group < target

    def seek(self, target: Group, element: Element) -> None:
        """Move to a group, or to the first one after it. element: one of that group."""
        for _ in range(SKIPPED):
            if self.element is None or not self.behind(target):
                return
            self.advance()
        if self._reader.arity is not None:
            lower, upper = self._bounds
            if self._reverse:
                upper = (*upper, after_group(element, self._reader.arity))
            else:
                lower = (*lower, before_group(element, self._reader.arity))
            self._elements = self._reader.scan(lower, upper, self._reverse, 2)
            self.advance()
        while self.element is not None and self.behind(target):
            self.advance()

    def take_group(self) -> list[Element]:
        """All elements of the present group, lowest document first; moves to the next group."""
        found: list[Element] = []
        current = self.group
        while self.element is not None and self.group == current:
            found.append(self.element)
            self.advance()
        if self._reverse:
            found.reverse()
        return found


def _lowest(copies: list[Element]) -> Element:
    """One element for the copies of several members: that of the lowest document, with the sources of all."""
    if len(copies) == 1:
        return copies[0]
    best = min(copies, key=lambda element: element[1])
    first = copies[0][6]
    if all(element[6] is first for element in copies):
        return best
    return (*best[:6], merged_sources(copies))


class MergedReader(Reader):
    """Base of the readers over several members."""

    __slots__ = ("ctx", "readers")

    def __init__(self, ctx: Context, readers: list[Reader]):
        self.ctx = ctx
        self.readers = readers
        self.filtered = any(reader.filtered for reader in readers)
        arities = {reader.arity for reader in readers}
        self.arity = arities.pop() if len(arities) == 1 else None

    def shape(self) -> Shape:
        return self.readers[0].shape()

    def shapes(self) -> list[Shape]:
        return [shape for reader in self.readers for shape in reader.shapes()]

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        wide_lower, wide_upper = outside_groups(lower, False), outside_groups(upper, True)
        heads = [Head(reader, wide_lower, wide_upper, reverse, limit) for reader in self.readers]
        found = self.backward(heads) if reverse else self.forward(heads)
        if wide_lower is lower and wide_upper is upper:
            return found
        return clipped(found, lower, upper, reverse)

    def forward(self, heads: list[Head]) -> Iterator[Element]:
        raise NotImplementedError

    def backward(self, heads: list[Head]) -> Iterator[Element]:
        raise NotImplementedError


class TurnedGroupsReader(Reader):
    """Another reader, with the copies of an element in the opposite order of their documents.

    In a reversed set, the refs of elements with equal values descend; in an index with reversed values they ascend. In a
    union of both they must agree. One group is held in memory at a time.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Reader):
        self.inner = inner
        self.filtered = inner.filtered
        self.arity = inner.arity

    def shape(self) -> Shape:
        shape = self.inner.shape()
        return shape._replace(ref_descending=not shape.ref_descending)

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        wide_lower, wide_upper = outside_groups(lower, False), outside_groups(upper, True)
        elements = self.inner.scan(wide_lower, wide_upper, reverse, limit)
        found = (
            (element[0], keys.complement(element[1]), *element[2:])
            for _, same in groupby(elements, group)
            for element in reversed(list(same))
        )
        return clipped(found, lower, upper, reverse)


def _agreeing(readers: list[Reader]) -> list[Reader]:
    """The readers of a union, all with the first one's order of documents among equal values."""
    descending = readers[0].arity is not None and readers[0].shape().ref_descending
    return [
        TurnedGroupsReader(reader)
        if reader.arity is not None and reader.shape().ref_descending != descending
        else reader
        for reader in readers
    ]


class UnionReader(MergedReader):
    __slots__ = ()

    def forward(self, heads: list[Head]) -> Iterator[Element]:
        if len(heads) > FEW:
            yield from self._forward_many(heads)
            return
        heads = [head for head in heads if head.element is not None]
        while heads:
            lowest = min([head.group for head in heads])
            taken = [head for head in heads if head.group == lowest]
            yield _lowest([head.element for head in taken])  # type: ignore[misc]
            for head in taken:
                head.advance()
                if head.element is None:
                    heads.remove(head)

    def _forward_many(self, heads: list[Head]) -> Iterator[Element]:
        heap = [(head.group, number, head) for number, head in enumerate(heads) if head.element is not None]
        heapq.heapify(heap)
        while heap:
            lowest = heap[0][0]
            taken = []
            while heap and heap[0][0] == lowest:
                taken.append(heapq.heappop(heap))
            yield _lowest([head.element for _, _, head in taken])  # type: ignore[misc]
            for _, number, head in taken:
                head.advance()
                if head.element is not None:
                    heapq.heappush(heap, (head.group, number, head))

    def backward(self, heads: list[Head]) -> Iterator[Element]:
        heads = [head for head in heads if head.element is not None]
        while heads:
            highest = max([head.group for head in heads])
            members = [head.take_group() for head in heads if head.group == highest]
            heads = [head for head in heads if head.element is not None]
            count = max(map(len, members))
            for place in range(count - 1, -1, -1):
                yield _lowest([copies[place] for copies in members if place < len(copies)])


class IntersectionReader(MergedReader):
    __slots__ = ()

    def _aligned(self, heads: list[Head], reverse: bool) -> bool:
        """Move all heads to the next group they share; False when there is none."""
        while True:
            if any(head.element is None for head in heads):
                return False
            furthest = (min if reverse else max)(heads, key=lambda head: head.group)
            target, element = furthest.group, furthest.element
            lagging = [head for head in heads if head.group != target]
            if not lagging:
                return True
            self.ctx.check_deadline()
            for head in lagging:
                head.seek(target, element)  # type: ignore[arg-type]
                if head.element is None:
                    return False

    def forward(self, heads: list[Head]) -> Iterator[Element]:
        while self._aligned(heads, False):
            first = heads[0].element
            yield (*first[:6], merged_sources([head.element for head in heads]))  # type: ignore
            for head in heads:
                head.advance()

    def backward(self, heads: list[Head]) -> Iterator[Element]:
        while self._aligned(heads, True):
            members = [head.take_group() for head in heads]
            for place in range(min(map(len, members)) - 1, -1, -1):
                yield (*members[0][place][:6], merged_sources([copies[place] for copies in members]))


class DifferenceReader(MergedReader):
    """The elements of the first member whose group is not in the others. So the first member takes any cut as it is."""

    __slots__ = ()

    def __init__(self, ctx: Context, readers: list[Reader]):
        super().__init__(ctx, readers)
        self.arity = readers[0].arity

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        first, *others = self.readers
        wide_lower, wide_upper = outside_groups(lower, False), outside_groups(upper, True)
        heads = [Head(reader, wide_lower, wide_upper, reverse, limit) for reader in others]
        for count, element in enumerate(first.scan(lower, upper, reverse, limit)):
            if count % 64 == 0:
                self.ctx.check_deadline()
            current = group(element)
            for head in heads:
                if head.element is not None and head.behind(current):
                    head.seek(current, element)
                if head.element is not None and head.group == current:
                    break
            else:
                yield element


class Algebra(LazySet):
    """Base of the sets over one or more members."""

    __slots__ = ("members",)

    name = ""

    def __init__(self, members: list[LazySet]):
        self.members = members

    @property
    def is_events(self) -> bool:  # type: ignore[override]
        return self.members[0].is_events

    def wire(self) -> dict[str, Any]:
        """As in the original, more than two members are shown in neighbouring pairs, so that the inner ones come twice."""
        if len(self.members) == 1:
            return {self.name: self.members[0]}
        return {self.name: [member for pair in self._neighbours() for member in pair]}

    def _neighbours(self) -> Iterator[tuple[LazySet, LazySet]]:
        return zip(self.members, islice(self.members, 1, None))

    def shape(self, ctx: Context) -> Optional[Shape]:
        return self.members[0].shape(ctx)

    def check(self, ctx: Context) -> None:
        """Raise Faults: one for each pair of neighbouring members that are not compatible."""
        faults = [
            incompatible(self.name)
            for left, right in self._neighbours()
            if left.is_events != right.is_events
            or not (left.is_events or compatible(left.shape(ctx), right.shape(ctx)))
        ]
        if faults:
            raise Faults(faults)

    def open(self, ctx: Context) -> Reader:
        readers = self._permitted([member.open for member in self.members], ctx)
        return readers[0] if len(readers) == 1 else self.reader(ctx, readers)

    def history(self, ctx: Context) -> History:
        histories = self._permitted([member.history for member in self.members], ctx)
        return histories[0] if len(histories) == 1 else self.merged_history(ctx, histories)

    def _permitted(self, openers: list[Any], ctx: Context) -> list[Any]:
        """The opened members, without those that may not be read. Raises Denied when none is left."""
        found = []
        spend(READER_SIZE * len(openers))
        for opener in openers:
            try:
                found.append(opener(ctx))
            except Denied:
                continue
        if not found:
            raise Denied
        return found

    def reader(self, ctx: Context, readers: list[Reader]) -> Reader:
        raise NotImplementedError

    def merged_history(self, ctx: Context, histories: list[History]) -> History:
        raise NotImplementedError


class Union(Algebra):
    __slots__ = ()

    name = "union"

    def reader(self, ctx: Context, readers: list[Reader]) -> Reader:
        return UnionReader(ctx, _agreeing(readers))

    def merged_history(self, ctx: Context, histories: list[History]) -> History:
        return UnionHistory(histories)


class Intersection(Algebra):
    __slots__ = ()

    name = "intersection"

    def reader(self, ctx: Context, readers: list[Reader]) -> Reader:
        return IntersectionReader(ctx, readers)

    def merged_history(self, ctx: Context, histories: list[History]) -> History:
        return ConditionHistory(ctx, histories, difference=False)


class Difference(Algebra):
    __slots__ = ()

    name = "difference"

    def _permitted(self, openers: list[Any], ctx: Context) -> list[Any]:
        first = openers[0](ctx)
        if len(openers) == 1:
            return [first]
        try:
            return [first, *super()._permitted(openers[1:], ctx)]
        except Denied:
            return [first]

    def reader(self, ctx: Context, readers: list[Reader]) -> Reader:
        return DifferenceReader(ctx, readers)

    def merged_history(self, ctx: Context, histories: list[History]) -> History:
        return ConditionHistory(ctx, histories, difference=True)


def check_members(members: list[Any], name: str) -> None:
    """Raise Fault when the operands are neither all arrays nor all sets."""
    kinds = {isinstance(member, v.SetValue) for member in members}
    if len(kinds) > 1:
        raise Fault(
            "invalid argument", "Arguments cannot be of different types, expected Set or Array.", name, rank=2
        )
