"""Functions over arrays, pages and sets alike (sets and reads, "Functions over arrays, pages and sets").

On a page a fold gives the page back with the result as its only element. On a set it reads every element.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable

from .. import sets
from ..indexes import keys
from ..java.numbers import low32, wrap64
from ..language import values as v
from ..language.budget import spend
from ..language.casts import ARRAY, INTEGER, ITERABLE, Many
from ..language.equality import EqualityClasses
from ..language.errors import empty_array, wrong_type
from ..language.registry import READ, Arg, form
from .basic import refuse_unresolved

if TYPE_CHECKING:
    from ..language.context import Context

ELEMENTS = Many(None)


@form(Arg("prepend", ELEMENTS), Arg("collection", ARRAY))
def prepend(ctx: Context, elements: list[Any], collection: list[Any]) -> list[Any]:
    """Elements before those of an array.

    >>> q.prepend([1, 2], [3])
    [1, 2, 3]
    """
    ctx.check_width(len(elements) + len(collection))
    return [*elements, *collection]


@form(Arg("append", ELEMENTS), Arg("collection", ARRAY))
def append(ctx: Context, elements: list[Any], collection: list[Any]) -> list[Any]:
    """Elements after those of an array.

    >>> q.append([3], [1, 2])
    [1, 2, 3]
    """
    ctx.check_width(len(elements) + len(collection))
    return [*collection, *elements]


def _array_or_page(collection: Any) -> None:
    if type(collection) is not list and type(collection) is not v.Page:
        raise wrong_type(("Array", "Page"), collection, "collection")


@form(Arg("take", INTEGER), Arg("collection"))
def take(ctx: Context, count: int, collection: Any) -> Any:
    """The first elements of an array or page; a page's ``after`` moves along.

    >>> q.take(2, [1, 2, 3])
    [1, 2]
    """
    _array_or_page(collection)
    count = low32(count)
    if type(collection) is list:
        return collection[: max(count, 0)]
    page: v.Page = collection
    if count < 0:
        after = page.before
    else:
        after = page.raw[count] if count < len(page.raw) else page.after
    kept = max(count, 0)
    return v.Page(page.data[:kept], page.before, after, page.raw[:kept])


@form(Arg("drop", INTEGER), Arg("collection"))
def drop(ctx: Context, count: int, collection: Any) -> Any:
    """An array or page without its first elements; a page's ``before`` moves along.

    >>> q.drop(2, [1, 2, 3])
    [3]
    """
    _array_or_page(collection)
    count = low32(count)
    if type(collection) is list:
        return collection[max(count, 0) :]
    page: v.Page = collection
    if count < 0:
        before = page.before
    else:
        before = page.raw[count] if count < len(page.raw) else page.after
    start = max(count, 0)
    return v.Page(page.data[start:], before, page.after, page.raw[start:])


def _nonempty(ctx: Context, collection: Any) -> bool:
    if type(collection) is list:
        return bool(collection)
    if type(collection) is v.Page:
        return bool(collection.data)
    return sets.nonempty(ctx, collection)


@form(Arg("is_empty", ITERABLE))
def is_empty(ctx: Context, collection: Any) -> bool:
    """True for an array, page or set without elements.

    >>> q.is_empty([])
    True
    """
    return not _nonempty(ctx, collection)


@form(Arg("is_nonempty", ITERABLE))
def is_nonempty(ctx: Context, collection: Any) -> bool:
    """True for an array, page or set with elements.

    >>> q.is_nonempty([1])
    True
    """
    return _nonempty(ctx, collection)


@form(Arg("reverse", ITERABLE))
def reverse(ctx: Context, collection: Any) -> Any:
    """An array, page or set in opposite order.

    >>> q.reverse([1, 2, 3])
    [3, 2, 1]
    """
    if type(collection) is list:
        return collection[::-1]
    if type(collection) is v.Page:
        return collection.with_data(collection.data[::-1])
    return sets.Reverse(collection)


def _without_repeats(items: list[Any]) -> list[Any]:
    """The items without repeats, by strict equality; the first of equal ones stays."""
    spend(64 * len(items))
    classes = EqualityClasses()
    first: dict[int, Any] = {}
    for item in items:
        first.setdefault(classes.number(item), item)
    return list(first.values())


@form(Arg("distinct", ITERABLE))
def distinct(ctx: Context, collection: Any) -> Any:
    """An array, page or set without repeats; the first of equal elements stays.

    >>> q.distinct([1, 2, 1])
    [1, 2]
    """
    if type(collection) is list:
        return _without_repeats(collection)
    if type(collection) is v.Page:
        return collection.with_data(_without_repeats(collection.data))
    return sets.Distinct(collection)


# Folds


def _items(ctx: Context, collection: Any, key: str) -> Iterable[Any]:
    if type(collection) is list:
        ctx.allocate(8 * len(collection))
        return collection
    if type(collection) is v.Page:
        return collection.data
    return sets.iterate(ctx, collection, key)


def _counted(ctx: Context, items: Iterable[Any]) -> Iterator[Any]:
    """The items, one compute unit each."""
    for item in items:
        ctx.tick()
        yield item


def _fold(
    key: str,
    compute: Callable[[Context, Iterable[Any]], Any],
    what: str,
    example: str,
    chosen: Callable[[Any], Any] = lambda collection: collection,
) -> Callable[..., Any]:
    """Register a fold over a collection. chosen: from the argument to the collection."""

    def fold(ctx: Context, collection: Any) -> Any:
        collection = chosen(collection)
        result = compute(ctx, _items(ctx, collection, key))
        return collection.with_data([result]) if type(collection) is v.Page else result

    fold.__name__ = key
    fold.__doc__ = f"""{what}

    >>> {example}
    """
    return form(Arg(key, ITERABLE), effect=READ)(fold)


def _count(ctx: Context, items: Iterable[Any]) -> int:
    return sum(1 for _ in _counted(ctx, items))


def _plus(total: Any, item: Any) -> Any:
    total = total + item
    return wrap64(total) if type(total) is int else total


def _sum(ctx: Context, items: Iterable[Any]) -> Any:
    total: Any = 0
    for item in _counted(ctx, items):
        if type(item) is not int and type(item) is not float:
            raise wrong_type("Number", item, "sum")
        total = _plus(total, item)
    return total


def _mean(ctx: Context, items: Iterable[Any]) -> float:
    total: Any = 0
    count = 0
    for item in _counted(ctx, items):
        if type(item) is not int and type(item) is not float:
            raise wrong_type("Number", item, "mean")
        total = _plus(total, item)
        count += 1
    if count == 0:
        raise empty_array("mean")
    return float(total) / count


def _booleans(key: str) -> Callable[[Context, Iterable[Any]], Iterator[bool]]:
    def each(ctx: Context, items: Iterable[Any]) -> Iterator[bool]:
        for item in _counted(ctx, items):
            if type(item) is not bool:
                raise wrong_type("Boolean", item, key)
            yield item

    return each


_any_items, _all_items = _booleans("any"), _booleans("all")


def _any(ctx: Context, items: Iterable[Any]) -> bool:
    # All elements are looked at, since a later one of the wrong type is an error all the same.
    return sum(_any_items(ctx, items)) > 0


def _all(ctx: Context, items: Iterable[Any]) -> bool:
    return sum(not item for item in _all_items(ctx, items)) == 0


def _best(key: str, better: Callable[[int], bool]) -> Callable[[Context, Iterable[Any]], Any]:
    def compute(ctx: Context, items: Iterable[Any]) -> Any:
        if type(items) is list:
            refuse_unresolved(items, key)
        best: Any = None
        found = False
        for item in items:
            if not found or better(keys.compare(item, best, key)):
                best, found = item, True
        if not found:
            raise empty_array(key)
        return best

    return compute


def _only_one(collection: Any) -> Any:
    """The collection inside an array that holds nothing but one array, page or set."""
    while type(collection) is list and len(collection) == 1 and _is_collection(collection[0]):
        collection = collection[0]
    return collection


def _is_collection(value: Any) -> bool:
    return type(value) is list or type(value) is v.Page or isinstance(value, v.SetValue)


count = _fold("count", _count, "The number of elements.", "q.count([1, 2])\n    2")
sum_ = _fold("sum", _sum, "The sum of numbers; 0 for none.", "q.sum([1, 2, 3])\n    6")
mean = _fold("mean", _mean, "The mean of numbers, a Double.", "q.mean([1, 2])\n    1.5")
any_ = _fold("any", _any, "True when an element is true.", "q.any([False, True])\n    True")
all_ = _fold("all", _all, "True when every element is true.", "q.all([True, True])\n    True")
max_ = _fold(
    "max",
    _best("max", lambda order: order >= 0),
    "The greatest element.",
    "q.max([1, 3, 2])\n    3",
    _only_one,
)
min_ = _fold(
    "min", _best("min", lambda order: order <= 0), "The least element.", "q.min([3, 1, 2])\n    1", _only_one
)
