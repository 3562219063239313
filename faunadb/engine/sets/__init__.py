"""Sets: what they are made of, and how they are read (sets and reads chapter).

elements   what sets hold
base       the base of all sets: lazy sets, readers, cuts between elements
leaves     match, documents, native collections, single documents
algebra    union, intersection, difference
derived    distinct, range, filter, reverse
joins      join
history    the events of all these
intervals  the times at which elements were in a set
events     events as values of the language
cursors    reading cursors
pages      paginate

Functions over whole sets (iterate, first, contains) are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

from .. import documents
from ..language import values as v
from ..language.equality import identical
from ..language.errors import permission_denied
from ..language.registry import MISSING
from ..language.sets import SET_HOOKS
from . import events as _events
from .algebra import Difference, Intersection, Union, check_members
from .base import Denied, LazySet, ticking, visible
from .cursors import as_list, check_event_cursor, event_place, parse_edge
from .derived import Distinct, Filter, Range, Reverse
from .elements import ref_of, shown
from .joins import Join, check_join_index
from .leaves import DocumentsSet, EntryReader, EventsSet, Match, NativeSet, RefSet, Singleton, match
from .pages import readable_events

if TYPE_CHECKING:
    from ..language.context import Context


def iterate(
    ctx: Context, value: LazySet, key: Any, reverse: bool = False, limit: Optional[int] = None
) -> Iterator[Any]:
    """The elements of a set as shown (events: event values), those the caller may not read left out.

    key: the position at which ``permission denied`` is reported when the set may not be read. limit: how many elements
    are probably wanted; there may be more.
    """
    try:
        if value.is_events:
            history = value.history(ctx)
            found = readable_events(ctx, history, history.events(None, None, reverse, limit or 0))
            return (_events.value_of(ctx, event) for event in found)
        reader = value.open(ctx)
    except Denied:
        raise permission_denied(key) from None
    elements = visible(ctx, reader, reader.scan((), (), reverse, limit))
    return (shown(ctx, element) for element in ticking(ctx, elements))


def first(ctx: Context, value: LazySet, key: Any) -> Optional[v.Ref]:
    """The document behind the first element, whether it may be read or not; None for an empty set.

    A set of events stands for the set whose events they are.
    """
    try:
        if type(value) is Match:
            return value.first(ctx)
        reader = value.open(ctx)
        if isinstance(reader, EntryReader):
            return reader.first()
        element = next(reader.scan((), (), False, 1), None)
    except Denied:
        raise permission_denied(key) from None
    return None if element is None else ref_of(element)


def nonempty(ctx: Context, value: LazySet, key: Any = "exists") -> bool:
    """Whether the document behind the first element exists and may be read. As in the original, never true for roles."""
    ref = first(ctx, value, key)
    if ref is None or ref.coll == v.ROLES:
        return False
    return readable(ctx, ref) and documents.exists(ctx, ref)


def readable(ctx: Context, ref: v.Ref, ts: Any = MISSING) -> bool:
    """Whether the caller may read a document. As in the original, a predicate's refusal also checks the time of the read:
    one before the collection's history raises its own error.
    """
    perms = ctx.perms
    if perms.reads_all(ref.scope) or perms.can_read(ctx, ref):
        return True
    if perms.asks(ref, "read"):
        documents.check_time(ctx, ref.scope, ref.coll, documents.valid_time(ctx, ts))
    return False


def contains(ctx: Context, value: LazySet, sought: Any) -> bool:
    """Whether a set contains a value: whether the first element at or after it, taken as a cursor, equals it."""
    try:
        if value.is_events:
            cursor = check_event_cursor(ctx, sought, "contains_value")
            history = value.history(ctx)
            cut, _ = event_place(history, cursor, before=False)
            found = readable_events(ctx, history, history.events(cut, None, False, 1))
            return any(identical(_events.value_of(ctx, event), sought) for event in _one(found))
        shape = value.shape(ctx)
        values = as_list(sought, "contains_value", shape)
        reader = value.open(ctx)
    except Denied:
        raise permission_denied() from None
    edge = parse_edge(reader, shape is not None, values, upper=False)
    elements = visible(ctx, reader, reader.scan((edge,), (), False, 1))
    return any(identical(shown(ctx, element), sought) for element in _one(elements))


def _one(found: Iterator[Any]) -> Iterator[Any]:
    for item in found:
        yield item
        return


SET_HOOKS.native = NativeSet
SET_HOOKS.filter = Filter
SET_HOOKS.join = Join
SET_HOOKS.check_join_index = check_join_index
SET_HOOKS.iterate = iterate
SET_HOOKS.documents = documents.several

__all__ = [
    "Difference",
    "Distinct",
    "DocumentsSet",
    "EventsSet",
    "Filter",
    "Intersection",
    "Join",
    "LazySet",
    "Match",
    "NativeSet",
    "Range",
    "RefSet",
    "Reverse",
    "Singleton",
    "Union",
    "check_join_index",
    "check_members",
    "contains",
    "first",
    "iterate",
    "match",
    "nonempty",
    "readable",
]
