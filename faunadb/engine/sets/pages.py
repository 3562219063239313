"""Pages of sets and of histories (sets and reads, "paginate")."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from ..indexes import keys
from ..language import values as v
from ..language.errors import invalid_argument, permission_denied
from ..language.references import new_ref
from ..language.registry import MISSING
from . import events as ev
from .base import Denied, LazySet, visible
from .cursors import as_list, check_event_cursor, event_place, parse_edge
from .elements import Element, covered_all, cursor_of, shown
from .event_places import Event
from .history import History
from .leaves import EntryReader, EventsSet, RefSet, source_of

if TYPE_CHECKING:
    from ..language.context import Context

DEFAULT_SIZE = 64
MAX_SIZE = 100_000


class Wanted:
    """Which part of a set a page shows.

    size: number of elements, at most `MAX_SIZE`; a negative one means none. cursor: MISSING for the first page.
    backward: show the elements before the cursor. at: the cursor's position below the form. sources: show with each
    element the sets it comes from.
    """

    __slots__ = ("at", "backward", "cursor", "given", "size", "sources")

    def __init__(self, size: int, cursor: Any, backward: bool, at: Any, sources: bool):
        self.size = min(size, MAX_SIZE)
        self.given = cursor is not MISSING
        self.cursor = cursor
        self.backward = backward
        self.at = at
        self.sources = sources

    def page(self, data: list[Any], raw: list[Any], more: Any, echo: Any) -> v.Page:
        """The page. more: the cursor of what follows the page, NO_CURSOR at the end of the set. echo: the given cursor."""
        if not self.given:
            return v.Page(data, v.NO_CURSOR, more, raw)
        if self.size == 0:
            return v.Page([], echo, echo, [])
        return v.Page(data, more, echo, raw) if self.backward else v.Page(data, echo, more, raw)


def cursor_argument(value: Any) -> tuple[Any, bool, Any]:
    """The argument ``cursor``, as (cursor or MISSING, backward, position).

    Raises Fault for anything but null and an object with just the key ``before`` or ``after``.
    """
    if value is None:
        return MISSING, False, "cursor"
    if type(value) is dict and len(value) == 1:
        ((side, cursor),) = value.items()
        if side in ("before", "after"):
            return cursor, side == "before", ("cursor", side)
    raise invalid_argument(
        "Invalid cursor object. Expected an object with either 'before' or 'after' key in it.", "cursor"
    )


def paginate(ctx: Context, target: Any, wanted: Wanted, as_events: bool) -> v.Page:
    """A page of a set, or of a document ref. Reads at ``ctx.at``.

    Raises Fault: permission denied at ``paginate``, cursors that cannot be read, sets without events.
    """
    if as_events and not (isinstance(target, LazySet) and target.is_events):
        target = EventsSet(target)
    lazy: LazySet = RefSet(target) if type(target) is v.Ref else target
    try:
        return (_page_of_events if lazy.is_events else _page_of_elements)(ctx, lazy, wanted)
    except Denied:
        raise permission_denied("paginate") from None


# ---- elements ---------------------------------------------------------------------------------------------------


def _page_of_elements(ctx: Context, lazy: LazySet, wanted: Wanted) -> v.Page:
    lower: Any = ()
    upper: Any = ()
    echo: Any = v.NO_CURSOR
    if wanted.given:
        shape = lazy.shape(ctx)
        echo = as_list(wanted.cursor, wanted.at, shape)
        reader = lazy.open(ctx)
        edge = parse_edge(reader, shape is not None, echo, upper=False)
        lower, upper = ((), (edge,)) if wanted.backward else ((edge,), ())
    else:
        reader = lazy.open(ctx)
    if wanted.size <= 0:
        # The set is read even then, since that may fail.
        next(visible(ctx, reader, reader.scan(lower, upper, wanted.backward, 1)), None)
        return wanted.page([], [], v.NO_CURSOR, echo)
    count = wanted.size + 1
    if isinstance(reader, EntryReader) and not reader.filtered and not wanted.sources:
        rows = reader.rows(lower, upper, wanted.backward, count, True)
        return _page_of_rows(ctx, reader, rows, wanted, echo)
    elements = visible(ctx, reader, reader.scan(lower, upper, wanted.backward, count))
    found, following = _divided(elements, wanted.size, _same_place)
    if wanted.backward:
        found.reverse()
    raw = [cursor_of(ctx, element) for element in found]
    data = [shown(ctx, element) for element in found]
    if wanted.sources:
        data = [
            v.Sourced(value, [source_of(leaf) for leaf in element[6]]) for value, element in zip(data, found)
        ]
    if following is None:
        return wanted.page(data, raw, v.NO_CURSOR, echo)
    return wanted.page(data, raw, raw[0] if wanted.backward else cursor_of(ctx, following), echo)


T = TypeVar("T")


def _divided(items: Iterator[T], size: int, same: Callable[[T, T], bool]) -> tuple[list[T], Optional[T]]:
    """The items of a page, and the one that follows. Items at the same place stay on one page, even if that makes it
    larger, since no cursor could lead between them.
    """
    found = list(islice(items, size))
    for following in items:
        if not same(found[-1], following):
            return found, following
        found.append(following)
    return found, None


def _same_place(one: Element, other: Element) -> bool:
    """Whether two elements have values of equal order (as 1 and 1.0 have) and the same document."""
    return one[:2] == other[:2]


def _same_event(one: Event, other: Event) -> bool:
    """The same for events. Cursors tell the events of a document and of a set apart, which have different actions."""
    return one[:4] == other[:4] and one.action == other.action


def _same_row(one: Any, other: Any) -> bool:
    """The same for stored entries."""
    coll, doc = one[1:3]
    return (coll, doc) == other[1:3] and keys.split(one[0], coll, doc) == keys.split(other[0], coll, doc)


def _page_of_rows(
    ctx: Context, reader: EntryReader, found: Iterator[Any], wanted: Wanted, echo: Any
) -> v.Page:
    """A page straight from stored entries. Most pages are like that, and need not what sets made of sets need."""
    scope, backward = reader.scope, wanted.backward
    rows, following = _divided(found, wanted.size, _same_row)
    if backward:
        rows.reverse()
    elif following is not None:
        rows.append(following)
    refs = [new_ref(scope, row[1], row[2]) for row in rows]
    if reader.arity:
        values = covered_all(ctx, [row[3] for row in rows], scope)
        raw = [[*shown_values, ref] for shown_values, ref in zip(values, refs)]
        data: list[Any] = [one[0] for one in values] if reader.arity == 1 else values
    else:
        raw = [[ref] for ref in refs]
        data = refs
    if following is None:
        return wanted.page(data, raw, v.NO_CURSOR, echo)
    if backward:
        return wanted.page(data, raw, raw[0], echo)
    data.pop()
    return wanted.page(data, raw, raw.pop(), echo)


# ---- events -----------------------------------------------------------------------------------------------------


def readable_events(ctx: Context, history: History, found: Iterator[Event]) -> Iterator[Event]:
    """The events whose document may be read; all of them if nothing is filtered."""
    if not history.filtered:
        return found
    return (event for event in found if ctx.perms.can_read(ctx, event.document))


def _page_of_events(ctx: Context, lazy: LazySet, wanted: Wanted) -> v.Page:
    cut: Any = None
    echo: Any = v.NO_CURSOR
    if wanted.given:
        cursor = check_event_cursor(ctx, wanted.cursor, wanted.at)
        history = lazy.history(ctx)
        cut, echo = event_place(history, cursor, wanted.backward)
    else:
        history = lazy.history(ctx)
    if wanted.size <= 0:
        return wanted.page([], [], v.NO_CURSOR, echo)
    count = wanted.size + 1
    lower, upper = (None, cut) if wanted.backward else (cut, None)
    events = readable_events(ctx, history, history.events(lower, upper, wanted.backward, count))
    found, following = _divided(events, wanted.size, _same_event)
    if wanted.backward:
        found.reverse()
    raw = [ev.cursor_of(ctx, event) for event in found]
    data: list[Any] = [ev.value_of(ctx, event) for event in found]
    if wanted.sources:
        data = [v.Sourced(value, list(event.sources)) for value, event in zip(data, found)]
    if following is None:
        return wanted.page(data, raw, v.NO_CURSOR, echo)
    return wanted.page(data, raw, raw[0] if wanted.backward else ev.cursor_of(ctx, following), echo)
