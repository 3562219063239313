"""The base of all sets: lazy sets, readers, shapes, and cuts between elements (sets and reads, "Set functions").

A set value is a lazy description. `LazySet.open` checks permissions and returns a `Reader`, whose `scan` yields elements
between cuts, in either direction. In every reader, elements ascend by (values key, ref key).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import keys
from ..language import values as v
from ..language.equality import identical
from ..language.errors import Fault, invalid_argument
from ..records import NamedTuple
from .elements import BARE, Element, place, ref_of
from .history import History

if TYPE_CHECKING:
    from ..language.context import Context

#: How many elements are read between two looks at the clock.
CHECK_EVERY = 512


class Denied(Exception):
    """The set may not be read. Whoever reads it turns this into ``permission denied`` at the right position."""


class Shape(NamedTuple):
    """How the elements of a set are built: a descending flag per value, and the direction of the ref behind them.

    ref_as_value: a reversed set of refs, whose one value is the ref itself.
    """

    descending: tuple[bool, ...]
    ref_descending: bool = False
    ref_as_value: bool = False

    def reversed(self) -> Shape:
        if not self.descending and not self.ref_as_value:
            return Shape((True,), True, True)
        return self.turned()

    def turned(self) -> Shape:
        """With all directions turned, also where there are no values."""
        return Shape(tuple(not flag for flag in self.descending), not self.ref_descending, self.ref_as_value)


REFS = Shape(())


class Edge:
    """A cut between elements: just before (or just after) a prefix of values, or a full place (values and ref).

    parts: encoded values, in the set's own directions. ref: the key of the ref for a full place, else None. count: the
    number of values in parts, some of which may be joined.
    """

    __slots__ = ("after", "count", "joined", "parts", "ref")

    def __init__(
        self,
        parts: tuple[bytes, ...],
        ref: Optional[bytes] = None,
        after: bool = False,
        count: Optional[int] = None,
    ):
        self.parts = parts
        self.ref = ref
        self.after = after
        self.count = len(parts) if count is None else count
        self.joined = b"".join(parts)

    def key(self, arity: int) -> Optional[bytes]:
        """The cut as a key of an index whose elements have ``arity`` values; None: after all elements."""
        joined = self.joined
        if self.ref is None and self.count <= arity:
            return keys.after(joined) if self.after else joined
        if self.ref is not None and self.count == arity:
            joined += self.ref
            return keys.after(joined) if self.after else joined
        if self.count < arity:
            # A full place of shorter elements: longer elements that begin with its values follow it.
            return joined if self.count else BARE
        if arity == 0:
            return keys.after(b"") if joined > BARE else b""
        # Elements shorter than the prefix come before it if the prefix begins with them.
        return keys.after(b"".join(self.parts[:arity]))

    def precedes(self, element: Element) -> bool:
        """Whether the cut lies before the element."""
        values = element[0]
        if self.ref is None:
            if values.startswith(self.joined):
                return not self.after
            return (values or BARE) > self.joined
        at, cut = place(element), (self.joined or BARE, self.ref)
        return at > cut or (at == cut and not self.after)

    def flipped(self) -> Edge:
        """The same cut as the reversed set sees it."""
        parts = tuple(map(keys.complement, self.parts))
        ref = None if self.ref is None else keys.complement(self.ref)
        return Edge(parts, ref, not self.after, self.count)


Edges = tuple[Edge, ...]


def before_group(element: Element, count: int) -> Edge:
    """The cut before all elements that are equal to this one. count: how many values it has."""
    return _group_edge(element, count, False)


def after_group(element: Element, count: int) -> Edge:
    """The cut after all elements that are equal to this one. count: how many values it has."""
    return _group_edge(element, count, True)


def _group_edge(element: Element, count: int, after: bool) -> Edge:
    if element[0]:
        return Edge((element[0],), None, after, count)
    return Edge((), element[1], after)


def outside_groups(edges: Edges, upper: bool) -> Edges:
    """Cuts moved out of groups of equal elements: lower ones down, upper ones up."""
    if all(edge.ref is None or edge.count == 0 for edge in edges):
        return edges
    return tuple(
        edge if edge.ref is None or edge.count == 0 else Edge(edge.parts, None, upper, edge.count)
        for edge in edges
    )


def clipped(elements: Iterator[Element], lower: Edges, upper: Edges, reverse: bool) -> Iterator[Element]:
    """The elements between the cuts, from a scan that is somewhat wider."""
    near, far = (upper, lower) if reverse else (lower, upper)
    for element in elements:
        if any(edge.precedes(element) == reverse for edge in near):
            continue
        if any(edge.precedes(element) != reverse for edge in far):
            return
        yield element


class Reader:
    """A set that is open for reading as of one time.

    filtered: only elements whose document may be read count. arity: the number of values of every element; None when
    they differ, or when it is not known.
    """

    __slots__ = ("arity", "filtered")

    filtered: bool
    arity: Optional[int]

    def shape(self) -> Shape:
        """How its elements are built, which decides how its cursors are read."""
        raise NotImplementedError

    def shapes(self) -> list[Shape]:
        """All ways in which its elements are built: several if its members differ."""
        return [self.shape()]

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        """The elements after every lower and before every upper cut; ascending, or descending with reverse.

        limit: how many are probably wanted; there may be more.
        """
        raise NotImplementedError


class LazySet(v.SetValue):
    """Base of all sets. is_events: whether it is a set of events rather than of elements."""

    __slots__ = ()

    is_events = False

    def shape(self, ctx: Context) -> Optional[Shape]:
        """How its elements are built; None when that is known only from reading it (joins with a lambda)."""
        raise NotImplementedError

    def open(self, ctx: Context) -> Reader:
        """Check permissions and open it as of ``ctx.at``. Raises Denied, and Fault or RequestError when it cannot be
        read."""
        raise NotImplementedError

    def history(self, ctx: Context) -> History:
        """Open its events. Raises Denied, and Fault when it has none."""
        raise no_events()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and identical(self, other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.wire()!r})"


def no_events() -> Fault:
    return invalid_argument("Set does not support events history.")


def incompatible(at: Any) -> Fault:
    return invalid_argument("Sets are not compatible.", at)


def compatible(left: Optional[Shape], right: Optional[Shape]) -> bool:
    """Whether the directions of two sets' values agree, as far as both have values; the ref counts as ascending."""
    if left is None or right is None:
        return True
    return all(one == other for one, other in zip((*left.descending, False), (*right.descending, False)))


def visible(ctx: Context, reader: Reader, elements: Iterator[Element]) -> Iterator[Element]:
    """The elements whose document may be read; all of them if nothing is filtered."""
    if not reader.filtered:
        return elements
    can_read = ctx.perms.can_read
    return (element for element in elements if can_read(ctx, ref_of(element)))


def ticking(ctx: Context, elements: Iterator[Element]) -> Iterator[Element]:
    """The elements, with a look at the deadline now and then."""
    for count, element in enumerate(elements):
        if count % CHECK_EVERY == 0:
            ctx.check_deadline()
        yield element
