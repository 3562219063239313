"""Where cursors and bounds of ranges lie, against a model: prefixes, whole places, edges, values of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database
from tests.engine.sets.school import create, create_collection, create_index, data, doc, match, obj

#: Values in their order; no two are equal. Refs are in the middle: what lies below is a low edge, above a high one.
VALUES: list[Any] = [
    -1, 0.5, 2, {"@bytes": "AQ=="}, "", "a", "B", [1], {"a": 1}, doc(101), doc(900),
    {"@ts": "2020-01-01T00:00:00Z"}, {"@date": "2020-01-01"}, False, True, None,
]  # fmt: skip
FIRST_REF, LAST_REF = VALUES.index(doc(101)), VALUES.index(doc(900))
NUMBERS = range(101, 131)


class Document(NamedTuple):
    """The ref of a spell in a cursor."""

    number: int


#: An element as its sort key: place of its first value, of its second, and the number of its document.
Key = tuple[int, int, int]
#: A cut: the beginning of a key, and whether elements with that beginning come before it.
Cut = tuple[tuple[int, ...], bool]


def pair(number: int) -> tuple[int, int]:
    """The places of a document's values: many share the first one, some share both."""
    return (number * 7) % 5 * 3, (number // 4) % 2 * 15


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        create_collection(db)
        whole = {"mva": False}
        first = {"field": ["data", "v"], **whole}
        second = {"field": ["data", "w"], **whole}
        create_index(db, "up", values=[first, second])
        create_index(db, "mixed", values=[first, {**second, "reverse": True}])
        create_index(db, "refs")
        for number in NUMBERS:
            one, two = pair(number)
            create(db, number, {"v": VALUES[one], "w": VALUES[two]})
        yield db


def keyed(descending: tuple[bool, ...], number: int) -> Key:
    one, two = (-place if down else place for place, down in zip(pair(number), descending))
    return one, two, number


def cut_of(cursor: list[int], descending: tuple[bool, ...], slot: Any, upper: bool) -> Cut:
    """cursor: places of the values given. slot: the one behind all values, ... when there is none."""
    count = len(descending)
    key = tuple(-place if down else place for place, down in zip(cursor, descending))
    if len(cursor) < count or slot is ...:
        return key[:count], upper
    if type(slot) is Document:
        return (*key, slot.number), upper
    return key, VALUES.index(slot) > LAST_REF


def behind(key: Key, cut: Cut) -> bool:
    """Whether an element lies behind a cut."""
    beginning, over = cut
    part = key[: len(beginning)]
    return part > beginning or (part == beginning and not over)


places = st.integers(0, len(VALUES) - 1)
#: Behind the values: nothing, a document, or a value that is no ref.
slots = st.one_of(
    st.just(...),
    st.integers(99, 132).map(Document),
    st.sampled_from(VALUES[:FIRST_REF] + VALUES[LAST_REF + 1 :]),
)
cursors = st.tuples(st.lists(places, max_size=2), slots, st.booleans())


def written(cursor: list[int], count: int, slot: Any, bare: bool) -> Any:
    items = [VALUES[place] for place in cursor]
    if slot is not ... and len(items) == count:
        items.append(doc(slot.number) if type(slot) is Document else slot)
    single = len(items) == 1 and type(items[0]) is not list
    return obj(items[0] if bare and single else items)


@settings(max_examples=150)
@given(st.sampled_from([("up", (False, False)), ("mixed", (False, True))]), cursors, cursors, st.booleans())
def test_cuts_of_sets_with_values(
    shared: Database, index: tuple[str, tuple[bool, ...]], low: Any, high: Any, turned: bool
) -> None:
    name, descending = index
    target: Any = match(name)
    keys = sorted(keyed(descending, number) for number in NUMBERS)
    if turned:
        # Everything turns, the refs within equal values too.
        target, descending = {"reverse": target}, tuple(not down for down in descending)
        keys = sorted((-one, -two, -number) for one, two, number in keys)

    def cut(cursor: Any, upper: bool) -> Cut:
        values, slot, _ = cursor
        if turned and type(slot) is Document:
            slot = Document(-slot.number)
        return cut_of(values, descending, slot, upper)

    def shown(found: list[Key]) -> list[Any]:
        return [obj_pair(abs(key[2])) for key in found]

    written_low, written_high = (written(cursor[0], 2, *cursor[1:]) for cursor in (low, high))
    start, end = cut(low, False), cut(high, True)
    assert data(shared, target, after=written_low) == shown([key for key in keys if behind(key, start)])
    assert data(shared, target, before=written_low) == shown([key for key in keys if not behind(key, start)])
    part = {"range": target, "from": written_low, "to": written_high}
    inside = [key for key in keys if behind(key, start) and not behind(key, end)]
    assert data(shared, part) == shown(inside)
    assert data(shared, {"reverse": part}) == shown(inside[::-1])
    assert shared.wire({"count": part}) == len(inside)


def obj_pair(number: int) -> list[Any]:
    one, two = pair(number)
    return [VALUES[one], VALUES[two]]


@settings(max_examples=60)
@given(slots.filter(lambda slot: slot is not ...), slots, st.booleans(), st.booleans())
def test_cuts_of_sets_of_refs(shared: Database, low: Any, high: Any, bare: bool, turned: bool) -> None:
    """Without values the one slot is the ref. In a reversed set the ref is a value first, and descending."""
    target: Any = {"reverse": match("refs")} if turned else match("refs")
    numbers = sorted(NUMBERS, reverse=turned)

    def edge(slot: Any, upper: bool) -> float:
        """The place between numbers in forward order: below it nothing is behind the cut."""
        if slot is ...:
            return float("inf") if upper else float("-inf")
        if type(slot) is Document:
            number = place(slot.number)
            return number + 0.5 if upper else number - 0.5
        # In the set as it was, other values come behind elements without any, so in the reversed one before them.
        return float("-inf") if turned or VALUES.index(slot) < LAST_REF else float("inf")

    def cursor(slot: Any) -> Any:
        items = [] if slot is ... else [doc(slot.number) if type(slot) is Document else slot]
        return obj(items[0] if bare and items and type(items[0]) is not list else items)

    def place(number: int) -> int:
        return -number if turned else number

    start, end = edge(low, False), edge(high, True)
    expected = [doc(number) for number in numbers if place(number) > start]
    assert data(shared, target, after=cursor(low)) == expected
    expected = [doc(number) for number in numbers if place(number) < start]
    assert data(shared, target, before=cursor(low)) == expected
    inside = [doc(number) for number in numbers if start < place(number) < end]
    assert data(shared, {"range": target, "from": cursor(low), "to": cursor(high)}) == inside
