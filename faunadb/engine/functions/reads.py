"""Reading: get, exists, first, last, paginate (sets and reads, "Reads" and "paginate")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

from .. import documents, sets
from ..language import values as v
from ..language.casts import ANY_IDENTIFIER, BOOLEAN, IDENTIFIER, INTEGER, SET_OR_ARRAY, VALID_TIME, Cast
from ..language.errors import empty_array, empty_set, not_found, permission_denied
from ..language.registry import MISSING, READ, Arg, form
from ..sets.pages import DEFAULT_SIZE, Wanted, cursor_argument
from ..sets.pages import paginate as page_of

if TYPE_CHECKING:
    from ..language.context import Context

_TS = Arg("ts", VALID_TIME, MISSING)


@contextmanager
def _at(ctx: Context, ts: Any) -> Iterator[None]:
    """Read at a time: microseconds, PENDING (the present) or MISSING (the query's own time)."""
    saved = ctx.at
    ctx.at = documents.valid_time(ctx, ts)
    try:
        yield
    finally:
        ctx.at = saved


#: As `IDENTIFIER`, but refs and matches pass without a call: `get` treats the former itself.
_TARGET = Cast(IDENTIFIER.name, (v.Ref, sets.Match), IDENTIFIER.convert)


@form(Arg("get", _TARGET), optional=(_TS,), effect=READ)
def get(ctx: Context, target: Union[v.Ref, sets.LazySet], ts: Any) -> v.Document:
    """The document of a ref, or the one behind the first element of a set.

    ts: the time to read at, a time or microseconds. Errors: ``instance not found`` (404) for a document or set that has
    nothing then, ``permission denied`` (403) for a document that may not be read, at ``get`` for such a set; a time
    before the collection's history is ``bad request`` (400).

    >>> q.select(["data", "name"], q.get(q.ref(q.collection("spells"), "101")))
    'Ember Kiss'
    """
    if type(target) is v.Ref:
        if ts is MISSING:
            present = documents.present(ctx, target)
            if present is not None:
                return present
        target = IDENTIFIER(ctx, target)
    if type(target) is not v.Ref:
        if ts is not MISSING:
            with _at(ctx, ts):
                found: v.Document = get(ctx, target, MISSING)
                return found
        first = sets.first(ctx, target, "get")  # type: ignore[arg-type]
        if first is None:
            raise not_found("Set")
        target = first
        present = documents.present(ctx, target)
        if present is not None:
            return present
    if not sets.readable(ctx, target, ts):
        raise permission_denied()
    row = documents.row(ctx, target, ts)
    if row is None:
        raise not_found(documents.kind(target))
    return documents.document(ctx, target, row)


@form(Arg("exists", ANY_IDENTIFIER), optional=(_TS,), effect=READ)
def exists(ctx: Context, target: Any, ts: Any) -> bool:
    """Whether a document exists and may be read; of a set, the document behind its first element.

    A ref that leads nowhere does not exist. A set that may not be read is ``permission denied`` (403) at ``exists``.

    >>> q.exists(q.ref(q.collection("spells"), "999"))
    False
    """
    if type(target) is v.UnresolvedRef:
        return False
    if type(target) is v.Ref:
        return sets.readable(ctx, target, ts) and documents.exists(ctx, target, ts)
    with _at(ctx, ts):
        return sets.nonempty(ctx, target)


@form(Arg("first", SET_OR_ARRAY), effect=READ, since="4")
def first(ctx: Context, collection: Any) -> Any:
    """The first element of a set, as shown in pages, or of an array.

    An empty one is ``invalid argument`` at ``first``.

    >>> form({"first": ["a", "b"]})
    'a'
    """
    return _end(ctx, collection, "first", reverse=False)


@form(Arg("last", SET_OR_ARRAY), effect=READ, since="4")
def last(ctx: Context, collection: Any) -> Any:
    """The last element of a set, as shown in pages, or of an array.

    An empty one is ``invalid argument`` at ``last``. Unlike the original, this finds the last element of an index with
    values too.

    >>> form({"last": q.reverse(q.match(q.index("spells_by_cost")))})
    [5, 'Pebble Chorus', ...]
    """
    return _end(ctx, collection, "last", reverse=True)


def _end(ctx: Context, collection: Any, key: str, reverse: bool) -> Any:
    if type(collection) is list:
        if not collection:
            raise empty_array(key)
        return collection[-1 if reverse else 0]
    for element in sets.iterate(ctx, collection, key, reverse, limit=1):
        return element
    raise empty_set(key)


_OPTIONS = (
    _TS,
    Arg("size", INTEGER, DEFAULT_SIZE),
    Arg("events", BOOLEAN, False),
    Arg("sources", BOOLEAN, False),
)


def _paginate(
    ctx: Context,
    target: Any,
    cursor: Any,
    backward: bool,
    at: Any,
    ts: Any,
    size: int,
    events: bool,
    sources: bool,
) -> v.Page:
    wanted = Wanted(size, cursor, backward, at, sources)
    if ts is MISSING:
        return page_of(ctx, target, wanted, events)
    with _at(ctx, ts):
        return page_of(ctx, target, wanted, events)


@form(Arg("paginate", IDENTIFIER), optional=(Arg("after", None, MISSING), *_OPTIONS), effect=READ)
def paginate(
    ctx: Context, target: Any, after: Any, ts: Any, size: int, events: bool, sources: bool
) -> v.Page:
    """A page of a set: up to ``size`` elements in the set's order, with cursors to the places around them.

    after: the cursor from which on elements are shown, it included. ts: the time to read at. size: 64 without it, at most
    100000. events: show the set's history instead. sources: show with each element the sets it comes from.
    A set that may not be read is ``permission denied`` (403) at ``paginate``.

    >>> q.paginate(q.match(q.index("spells_by_element"), "earth"), size=1)
    {'after': [Ref(id=105, ...)], 'data': [Ref(id=104, ...)]}
    """
    return _paginate(ctx, target, after, False, "after", ts, size, events, sources)


@form(Arg("paginate", IDENTIFIER), Arg("before"), optional=_OPTIONS, effect=READ)
def paginate_before(
    ctx: Context, target: Any, before: Any, ts: Any, size: int, events: bool, sources: bool
) -> v.Page:
    """The page before a cursor: the last ``size`` elements before it, in the set's order."""
    return _paginate(ctx, target, before, True, "before", ts, size, events, sources)


@form(Arg("paginate", IDENTIFIER), Arg("cursor"), optional=_OPTIONS, effect=READ)
def paginate_cursor(
    ctx: Context, target: Any, cursor: Any, ts: Any, size: int, events: bool, sources: bool
) -> v.Page:
    """The page at a cursor that names its direction: an object with the key ``after`` or ``before``, or null."""
    given, backward, at = cursor_argument(cursor)
    return _paginate(ctx, target, given, backward, at, ts, size, events, sources)
