"""Sets made from one other set: distinct, range, filter, reverse (sets and reads, "range and filter", "reverse")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import keys
from ..language import values as v
from ..language.errors import Position, QueryErrors, wrong_type
from ..language.lambdas import apply
from .base import (
    Edge,
    Edges,
    LazySet,
    Reader,
    Shape,
    after_group,
    before_group,
    clipped,
    outside_groups,
    ticking,
    visible,
)
from .cursors import parse_edge
from .elements import Element, group, shown
from .history import History

if TYPE_CHECKING:
    from ..language.context import Context

#: How many repeats are passed one by one before the set is opened again after them.
SKIPPED = 24


class WrappingReader(Reader):
    """Base of the readers over one other, whose elements are built alike."""

    __slots__ = ("inner",)

    def __init__(self, inner: Reader):
        self.inner = inner
        self.filtered = inner.filtered
        self.arity = inner.arity

    def shape(self) -> Shape:
        return self.inner.shape()

    def shapes(self) -> list[Shape]:
        return self.inner.shapes()


class DistinctReader(WrappingReader):
    """The lowest element of each group of equal ones. Large groups are jumped over.

    repeats: the same element may come twice, even a ref without values.
    """

    __slots__ = ("repeats",)

    def __init__(self, inner: Reader, repeats: bool = False):
        super().__init__(inner)
        self.repeats = repeats

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        if self.arity == 0 and not self.repeats:
            return self.inner.scan(lower, upper, reverse, limit)
        # The element that stands for a group may lie before a cut inside the group.
        wide_lower, wide_upper = outside_groups(lower, False), outside_groups(upper, True)
        found = (self._backward if reverse else self._forward)(wide_lower, wide_upper, limit)
        if wide_lower is lower and wide_upper is upper:
            return found
        return clipped(found, lower, upper, reverse)

    def _forward(self, lower: Edges, upper: Edges, limit: Optional[int]) -> Iterator[Element]:
        elements = self.inner.scan(lower, upper, False, limit)
        element = next(elements, None)
        while element is not None:
            yield element
            current = group(element)
            following = None
            for skipped, following in enumerate(elements):
                if group(following) != current:
                    break
                following = None
                if skipped == SKIPPED and self.arity is not None:
                    elements = self.inner.scan(
                        (*lower, after_group(element, self.arity)), upper, False, limit
                    )
                    following = next(elements, None)
                    break
            element = following

    def _backward(self, lower: Edges, upper: Edges, limit: Optional[int]) -> Iterator[Element]:
        elements = self.inner.scan(lower, upper, True, limit)
        element = next(elements, None)
        while element is not None:
            current = group(element)
            lowest = element
            following = None
            for skipped, following in enumerate(elements):
                if group(following) != current:
                    break
                lowest, following = following, None
                if skipped == SKIPPED and self.arity is not None:
                    edge = before_group(element, self.arity)
                    lowest = next(self.inner.scan((*lower, edge), upper, False, 1), lowest)
                    elements = self.inner.scan(lower, (*upper, edge), True, limit)
                    following = next(elements, None)
                    break
            yield lowest
            element = following


class Derived(LazySet):
    """Base of the sets made from one other set, the origin."""

    __slots__ = ("origin",)

    name = ""

    def __init__(self, origin: LazySet):
        self.origin = origin

    @property
    def is_events(self) -> bool:  # type: ignore[override]
        return self.origin.is_events

    def wire(self) -> dict[str, Any]:
        return {self.name: self.origin}

    def shape(self, ctx: Context) -> Optional[Shape]:
        return self.origin.shape(ctx)


class Distinct(Derived):
    """Its origin without repeats."""

    __slots__ = ()

    name = "distinct"

    def open(self, ctx: Context) -> Reader:
        return DistinctReader(self.origin.open(ctx))

    def history(self, ctx: Context) -> History:
        return self.origin.history(ctx)


def _bare(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


class RangeReader(WrappingReader):
    """The elements between two cuts."""

    __slots__ = ("lower", "upper")

    def __init__(self, inner: Reader, lower: Edges, upper: Edges):
        super().__init__(inner)
        self.lower = lower
        self.upper = upper

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        return self.inner.scan((*self.lower, *lower), (*self.upper, *upper), reverse, limit)


class Range(Derived):
    """The part of a set between two cursors, both included.

    start, end: the bounds as lists of values. count: how many of these can be values of elements, before the ref; None
    when that is not known.
    """

    __slots__ = ("count", "end", "start")

    name = "range"

    def __init__(self, origin: LazySet, start: list[Any], end: list[Any], count: Optional[int] = None):
        super().__init__(origin)
        self.start = start
        self.end = end
        self.count = count

    def wire(self) -> dict[str, Any]:
        return {"range": self.origin, "from": _bare(self.start), "to": _bare(self.end)}

    def display(self) -> dict[str, Any]:
        """Responses show the values of the bounds alone, and null for open ends."""
        return {"range": self.origin, "from": self._values(self.start), "to": self._values(self.end)}

    def _values(self, bound: list[Any]) -> Any:
        values = bound[: max(0, len(bound) - 1) if self.count is None else self.count]
        return _bare(values) if values else None

    def open(self, ctx: Context) -> Reader:
        inner = self.origin.open(ctx)
        if self.is_events:
            return inner  # its bounds are between events, not between elements
        known = self.origin.shape(ctx) is not None
        lower = parse_edge(inner, known, self.start, upper=False)
        upper = parse_edge(inner, known, self.end, upper=True)
        return RangeReader(inner, (lower,), (upper,))


class FilterReader(WrappingReader):
    """The elements for which a lambda gives true. The lambda sees only elements whose document may be read."""

    __slots__ = ("ctx", "fn", "position")

    def __init__(self, ctx: Context, inner: Reader, fn: v.Lambda, position: Position):
        super().__init__(inner)
        self.ctx = ctx
        self.fn = fn
        self.position = position

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        ctx = self.ctx
        elements = visible(ctx, self.inner, self.inner.scan(lower, upper, reverse))
        for element in ticking(ctx, elements):
            result = apply(ctx, self.fn, shown(ctx, element), self.position)
            if result is True:
                yield element
            elif result is not False:
                raise QueryErrors([wrong_type("Boolean", result).located(self.position)])


class Filter(Derived):
    """The elements for which a lambda gives true. position: of the lambda, where its errors are reported."""

    __slots__ = ("fn", "position")

    name = "filter"

    def __init__(self, origin: LazySet, fn: v.Lambda, position: Position):
        super().__init__(origin)
        self.fn = fn
        self.position = position

    def wire(self) -> dict[str, Any]:
        return {"filter": self.fn, "collection": self.origin}

    def open(self, ctx: Context) -> Reader:
        return FilterReader(ctx, self.origin.open(ctx), self.fn, self.position)


class ReverseReader(Reader):
    """Another reader backwards. Keys are complemented, so that the elements of this reader ascend too."""

    __slots__ = ("_refs", "inner", "sources")

    def __init__(self, inner: Reader, source: v.SetValue):
        self.inner = inner
        self.sources = (source,)
        self.filtered = inner.filtered
        # In a reversed set of refs the ref is a value too.
        self._refs = inner.arity == 0
        self.arity = 1 if self._refs else inner.arity

    def shape(self) -> Shape:
        return self.inner.shape().reversed()

    def shapes(self) -> list[Shape]:
        return [self.shape()] if self._refs else [shape.turned() for shape in self.inner.shapes()]

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        turn = self._turned if self._refs else Edge.flipped
        elements = self.inner.scan(tuple(map(turn, upper)), tuple(map(turn, lower)), not reverse, limit)
        complement, refs, sources = keys.complement, self._refs, self.sources
        for values, ref, scope, coll, doc, cover, _ in elements:
            key = b"8" + ref if refs else values  # b"8" is the tag of refs
            yield (complement(key), complement(ref), scope, coll, doc, cover, sources)

    @staticmethod
    def _turned(edge: Edge) -> Edge:
        """A cut in a reversed set of refs as a cut in the set of refs: a value that is a ref becomes the ref itself."""
        if edge.count == 0:
            return Edge((), None, not edge.after)
        value = keys.complement(edge.parts[0])
        if value[0] != keys.REF:
            # Not a ref: refs without values come before any value, as shorter elements do.
            return Edge((), None, True)
        suffix = value[1 : 1 + keys.SUFFIX_LENGTH]
        if edge.ref is None:
            return Edge((), suffix, not edge.after)
        own = keys.complement(suffix)
        behind = edge.ref > own or (edge.ref == own and edge.after)
        return Edge((), suffix, not behind)


class Reverse(Derived):
    """The same elements in opposite order."""

    __slots__ = ()

    name = "reverse"

    def shape(self, ctx: Context) -> Optional[Shape]:
        shape = self.origin.shape(ctx)
        return None if shape is None else shape.reversed()

    def open(self, ctx: Context) -> Reader:
        return ReverseReader(self.origin.open(ctx), self)


__all__ = ["Derived", "Distinct", "DistinctReader", "Filter", "Range", "Reverse"]
