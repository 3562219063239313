"""Sets: what they are made of, how they are read (sets and reads chapter).

elements  what sets hold
base      cuts, readers: what every set is made of
leaves    match, documents, native collections, single documents
algebra   union, intersection, difference
derived   distinct, range, filter, reverse
joins     join
history   events of all of them
intervals the times at which elements were there
events    events as a set
cursors   reading cursors
pages     paginate

Functions over sets as wholes (folds, first, contains) are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

from .. import documents
from ..language import values as v
from ..language.equality import identical
from ..language.errors import permission_denied
from ..language.registry import MISSING
from ..language.sets import PLACES
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

    key: the position at which ``permission denied`` is reported, when the whole set may not be read. limit: how many
    are probably wanted; more may come.
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
    """The document behind the first element, readable or not; None for an empty set.

    A set of events counts as the set whose history it is.
    """
    try:
        reader = value.open(ctx)
        if isinstance(reader, EntryReader):
            return reader.first()
        element = next(reader.scan((), (), False, 1), None)
    except Denied:
        raise permission_denied(key) from None
    return None if element is None else ref_of(element)


def nonempty(ctx: Context, value: LazySet, key: Any = "exists") -> bool:
    """Whether the document behind the first element exists and may be read. The original finds no roles this way."""
    ref = first(ctx, value, key)
    if ref is None or ref.coll == v.ROLES:
        return False
    return readable(ctx, ref) and documents.exists(ctx, ref)


def readable(ctx: Context, ref: v.Ref, ts: Any = MISSING) -> bool:
    """Whether the caller may read a document, which is read beside asking: a time before its history is refused."""
    perms = ctx.perms
    if perms.reads_all(ref.scope) or perms.can_read(ctx, ref):
        return True
    if perms.asks(ref, "read"):
        documents.check_time(ctx, ref.scope, ref.coll, documents.valid_time(ctx, ts))
    return False


def contains(ctx: Context, value: LazySet, sought: Any) -> bool:
    """Whether the first element at or behind a value, taken as a cursor, equals it."""
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


PLACES.native = NativeSet
PLACES.filter = Filter
PLACES.join = Join
PLACES.check_join_index = check_join_index
PLACES.iterate = iterate
PLACES.documents = documents.several

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
