"""Building sets: match, documents, singleton, events, the set algebra, range (sets and reads, "Set functions").

Nothing is read until a read function consumes the set.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, Union

from .. import sets
from ..language import values as v
from ..language.casts import COLLECTION, IDENTIFIER, NAME_OR_INDEX, REF, SET, SET_OR_ARRAY, TERM, Many
from ..language.equality import EqualityClasses
from ..language.registry import Arg, form
from ..sets.base import no_events
from ..sets.cursors import as_list, check_event_cursor, collected

if TYPE_CHECKING:
    from ..language.context import Context

_TERMS = Many(TERM)


@form(Arg("singleton", REF))
def singleton(ctx: Context, ref: v.Ref) -> v.SetValue:
    """The set of one document's ref: empty while the document does not exist.

    Its events are the document's creations as ``add`` and deletions as ``remove``. Reading it needs ``history_read``.

    >>> q.paginate(q.singleton(q.ref(q.collection("spells"), "101")))
    {'data': [Ref(id=101, collection=Ref(id=spells, collection=Ref(id=collections)))]}
    """
    return sets.Singleton(ref)


@form(Arg("events", IDENTIFIER))
def events(ctx: Context, target: Union[v.Ref, sets.LazySet]) -> v.SetValue:
    """The history of a document or of a set, as a set of events, oldest first.

    Sets made with range, filter or reverse have none: ``invalid argument``, ``Set does not support events history.``

    >>> q.select(["data", 0, "action"], q.paginate(q.events(q.ref(q.collection("spells"), "101"))))
    'create'
    """
    if isinstance(target, sets.LazySet) and target.is_events:
        raise no_events()
    return sets.EventsSet(target)


@form(Arg("documents", COLLECTION), settled=True)
def documents(ctx: Context, collection: v.Ref) -> v.SetValue:
    """The refs of all documents of a collection, by id. Documents that may not be read are left out.

    >>> q.count(q.documents(q.collection("spells")))
    6
    """
    return sets.DocumentsSet(collection)


@form(Arg("match", NAME_OR_INDEX), settled=True)
def match(ctx: Context, index: Union[str, v.Ref]) -> v.SetValue:
    """The entries of an index without terms.

    index: its ref, or its name. Errors at ``index``: ``invalid ref`` for an unknown name, ``instance not found`` for an
    index that is gone or not active yet, ``permission denied`` for one of a database out of reach.

    >>> q.paginate(q.match(q.index("spells_by_cost")), size=1)
    {'after': [8, ...], 'data': [[5, 'Pebble Chorus', ...]]}
    """
    return sets.match(ctx, index, [])


@form(Arg("match", NAME_OR_INDEX), Arg("terms", _TERMS), settled=True)
def match_terms(ctx: Context, index: Union[str, v.Ref], terms: list[Any]) -> v.SetValue:
    """The entries of an index whose terms equal the given ones exactly: 1 does not find 1.0.

    terms: one value per term of the index; an array gives several, so a term that is an array is nested in another. Too
    few, too many or wrongly typed terms match nothing.

    >>> q.count(q.match(q.index("spells_by_element"), "fire"))
    3
    """
    return sets.match(ctx, index, terms)


@form(Arg("match", _TERMS), Arg("index", NAME_OR_INDEX), settled=True)
def match_index(ctx: Context, terms: list[Any], index: Union[str, v.Ref]) -> v.SetValue:
    """The old spelling of match with terms: the terms first, then the index."""
    return sets.match(ctx, index, terms)


def _operation(
    name: str, kind: Callable[[list[Any]], Any], arrays: Callable[[list[Any], list[Any]], list[Any]]
) -> Callable[[Context, list[Any]], Any]:
    def operation(ctx: Context, operands: list[Any]) -> Any:
        sets.check_members(operands, name)
        if not isinstance(operands[0], v.SetValue):
            result = operands[0]
            for operand in operands[1:]:
                ctx.check_deadline()
                result = arrays(result, operand)
            ctx.check_width(len(result))
            return result
        made = kind(operands)
        made.check(ctx)
        return made

    operation.__name__ = name
    return operation


def _union_arrays(left: list[Any], right: list[Any]) -> list[Any]:
    """Each value as often as in the array that has most of it; its copies follow its first occurrence."""
    left_classes, right_classes = _classes(left, right)
    counts, others = Counter(left_classes), Counter(right_classes)
    result: list[Any] = []
    emitted: set[int] = set()
    for number, item in zip([*left_classes, *right_classes], [*left, *right]):
        if number not in emitted:
            emitted.add(number)
            result.extend([item] * max(counts[number], others[number]))
    return result


def _intersect_arrays(left: list[Any], right: list[Any]) -> list[Any]:
    return _matched(left, right, kept=True)


def _subtract_arrays(left: list[Any], right: list[Any]) -> list[Any]:
    return _matched(left, right, kept=False)


def _matched(left: list[Any], right: list[Any], kept: bool) -> list[Any]:
    """The items of ``left`` for which ``right`` has an equal item, counted copy for copy; or (not kept) the others."""
    left_classes, right_classes = _classes(left, right)
    rest = Counter(right_classes)
    result = []
    for number, item in zip(left_classes, left):
        found = rest[number] > 0
        if found:
            rest[number] -= 1
        if found is kept:
            result.append(item)
    return result


def _classes(left: list[Any], right: list[Any]) -> tuple[list[int], list[int]]:
    """The elements of both arrays as numbers, equal where the elements are strictly equal: 1 is not 1.0."""
    number = EqualityClasses().number
    return list(map(number, left)), list(map(number, right))


_RULES = """

    All operands are arrays, or all are sets: ``Arguments cannot be of different types, expected Set or Array.``
    Sets must agree in direction and be all snapshots or all events: ``Sets are not compatible.``
    Both are ``invalid argument`` at the name.
"""

_OPERATIONS: list[tuple[str, Any, Any, str]] = [
    (
        "union",
        sets.Union,
        _union_arrays,
        """What is in any of several sets, or arrays; a value as often as where it is most often."""
        + _RULES
        + """
    >>> q.union([3, 2, 2, 1], [6, 5, 9, 1])
    [3, 2, 2, 1, 6, 5, 9]
    """,
    ),
    (
        "intersection",
        sets.Intersection,
        _intersect_arrays,
        """What is in all of several sets, or arrays; a value as often as where it is least often."""
        + _RULES
        + """
    >>> q.intersection([3, 2, 2, 1], [2, 2, 1, 0])
    [2, 2, 1]
    """,
    ),
    (
        "difference",
        sets.Difference,
        _subtract_arrays,
        """What is in the first set, or array, and not in the others. Arrays lose a copy per copy, first ones first."""
        + _RULES
        + """
    >>> q.difference([3, 2, 2, 1, 3], [3])
    [2, 2, 1, 3]
    """,
    ),
]

for _name, _kind, _arrays, _doc in _OPERATIONS:
    _function = _operation(_name, _kind, _arrays)
    _function.__doc__ = _doc
    form(Arg(_name, Many(SET_OR_ARRAY, nonempty=True)))(_function)


@form(Arg("range", SET), Arg("from"), Arg("to"))
def range_(ctx: Context, origin: sets.LazySet, start: Any, end: Any) -> v.SetValue:
    """The part of a set between two cursors, both included, in the set's own order.

    Bounds may give fewer values than the elements have: then all elements with that beginning are in. ``[]`` is an open
    end. A first bound beyond the second gives an empty set. Bounds of events are event cursors:
    ``Object, Integer, Time, or Date expected, <type> provided.``, both reported.

    >>> q.paginate(q.range(q.match(q.index("spells_by_cost")), 5, 8))
    {'data': [[5, 'Pebble Chorus', ...], [8, 'Kite String', ...]]}
    """
    shape = origin.shape(ctx)

    def bound(value: Any, at: str) -> list[Any]:
        if not origin.is_events:
            return as_list(value, at, shape)
        check_event_cursor(ctx, value, at)
        return [value]

    lower, upper = collected((lambda: bound(start, "from"), lambda: bound(end, "to")))
    return sets.Range(origin, lower, upper, None if shape is None else len(shape.descending))


__all__ = ["documents", "events", "match", "match_index", "match_terms", "range_", "singleton"]
