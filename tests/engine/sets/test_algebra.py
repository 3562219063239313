"""Union, intersection, difference, distinct, range, reverse: rules, and random sets against a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database, filled_once
from tests.engine.sets.school import (
    coll,
    create,
    create_collection,
    create_index,
    data,
    doc,
    documents,
    ids,
    index_ref,
    match,
    obj,
    pages,
    paginate,
)


def fill(db: Database) -> None:
    create_collection(db)
    create_index(db, "up", terms=["set"], values=["v"])
    create_index(db, "down", terms=["set"], values=[{"field": ["data", "v"], "reverse": True}])
    create_index(db, "refs", terms=["set"])
    create_index(db, "pairs", terms=["set"], values=["v", "w"])


THREE = [match("up", "a"), match("refs", "b"), documents()]


@pytest.mark.parametrize("name", ["union", "intersection", "difference"])
def test_more_than_two_members_are_told_in_pairs(db: Database, name: str) -> None:
    """The elements, and what their sources are, are those of the members."""
    fill(db)
    put(db, "a", [1, 1, 2], 1)
    put(db, "b", [2], 10)
    one, two, three = (db.wire(member) for member in THREE)
    for count, shown in ((1, one), (2, [one, two]), (3, [one, two, two, three])):
        assert db.wire({name: THREE[:count]}) == {"@set": {name: shown}}
    pairs = {name: [THREE[0], THREE[1], THREE[1], THREE[2]]}
    assert db.wire({"equals": [{name: THREE}, {name: THREE}]}) is True
    assert db.wire({"equals": [{name: THREE}, pairs]}) is False
    assert data(db, {name: THREE}, sources=True) == data(db, pairs, sources=True)


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ([match("up", "a"), {"events": documents()}, match("down", "a")], 2),
        ([{"events": documents()}, match("up", "a"), match("down", "a"), match("up", "a")], 3),
        ([match("up", "a"), match("up", "a"), match("down", "a")], 1),
    ],
)
def test_each_pair_that_does_not_go_together_is_reported(db: Database, members: Any, count: int) -> None:
    fill(db)
    for name in ("union", "intersection", "difference"):
        errors = db.failure([{name: members}])[1]
        assert [(error["position"], error["description"]) for error in errors] == [
            ([0, name], "Sets are not compatible.")
        ] * count


def put(db: Database, name: str, values: list[Any], first: int) -> None:
    """Documents whose values under one term are the given ones, with ids from `first`."""
    for number, value in enumerate(values, first):
        create(db, number, {"set": name, "v": value, "w": number % 2})


@pytest.fixture
@filled_once
def letters(db: Database) -> Database:
    fill(db)
    put(db, "a", [1, 2, 2, 3, 3, 3], 100)
    put(db, "b", [1, 2, 2, 2, 3, 3], 200)
    put(db, "c", [2, 5], 300)
    return db


A, B, C = match("up", "a"), match("up", "b"), match("up", "c")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"union": [A, B]}, [1, 2, 2, 2, 3, 3, 3]),
        ({"intersection": [A, B]}, [1, 2, 2, 3, 3]),
        ({"difference": [A, B]}, []),
        ({"difference": [A, C]}, [1, 3, 3, 3]),
        ({"difference": [C, A, B]}, [5]),
        ({"union": [A]}, [1, 2, 2, 3, 3, 3]),
        ({"union": A}, [1, 2, 2, 3, 3, 3]),
        ({"intersection": [A, B, C]}, [2]),
        ({"union": [{"intersection": [A, C]}, C]}, [2, 5]),
        ({"distinct": {"union": [A, B, C]}}, [1, 2, 3, 5]),
        ({"reverse": {"distinct": A}}, [3, 2, 1]),
        ({"union": [{"reverse": A}, match("down", "c")]}, [5, 3, 3, 3, 2, 2, 1]),
        ({"union": [match("down", "c"), {"reverse": A}]}, [5, 3, 3, 3, 2, 2, 1]),
        ({"intersection": [match("down", "b"), {"reverse": A}]}, [3, 3, 2, 2, 1]),
        ({"range": A, "from": 2, "to": 2}, [2, 2]),
        ({"range": A, "from": [], "to": 2}, [1, 2, 2]),
        ({"range": A, "from": 2, "to": []}, [2, 2, 3, 3, 3]),
        ({"range": A, "from": 2, "to": None}, [2, 2, 3, 3, 3]),
        ({"range": A, "from": 3, "to": 1}, []),
        ({"range": {"reverse": A}, "from": 3, "to": 2}, [3, 3, 3, 2, 2]),
        ({"reverse": {"range": A, "from": 2, "to": 3}}, [3, 3, 3, 2, 2]),
        ({"range": match("down", "a"), "from": 3, "to": 2}, [3, 3, 3, 2, 2]),
        ({"range": A, "from": [2, doc(102)], "to": [3, doc(104)]}, [2, 3, 3]),
        ({"filter": {"lambda": "x", "expr": {"gt": [{"var": "x"}, 1]}}, "collection": C}, [2, 5]),
        ({"filter": {"lambda": "x", "expr": {"gt": [{"var": "x"}, 2]}}, "collection": {"union": [A, C]}}, [3, 3, 3, 5]),
    ],
)  # fmt: skip
def test_values(letters: Database, target: Any, expected: list[Any]) -> None:
    assert data(letters, target) == expected
    for size in (1, 2, 3):
        assert pages(letters, target, size) == expected
        end = -1 if expected != sorted(expected) else None
        assert pages(letters, target, size, backward=True, end=end) == expected


def test_prefix_bounds_take_all_with_the_prefix(letters: Database) -> None:
    pairs = match("pairs", "a")
    assert data(letters, {"range": pairs, "from": 2, "to": 2}) == [[2, 0], [2, 1]]
    assert data(letters, {"range": pairs, "from": [2, 1], "to": 3}) == [[2, 1], [3, 0], [3, 1], [3, 1]]


def test_ranges_of_refs(letters: Database) -> None:
    refs = match("refs", "a")
    assert ids(data(letters, {"range": refs, "from": doc(102), "to": [doc(103)]})) == [102, 103]
    assert ids(data(letters, {"range": refs, "from": 0, "to": None})) == list(range(100, 106))
    assert data(letters, {"range": refs, "from": None, "to": []}) == []


def test_bounds_with_a_value_where_there_is_none(letters: Database) -> None:
    """They are behind all refs of the set as it was; in the reversed one that is before them all."""
    refs = {"reverse": match("refs", "c")}
    for value in (35, "x", None):
        assert letters.wire({"sum": {"range": refs, "from": [], "to": value}}) == 0
        assert data(letters, {"range": refs, "from": value, "to": []}) == [doc(301), doc(300)]
    assert data(letters, {"range": refs, "from": [doc(300)], "to": []}) == [doc(300)]


def test_a_cursor_outside_a_range_is_clamped(letters: Database) -> None:
    target = {"range": A, "from": 2, "to": 2}
    assert data(letters, target, after=[1, doc(100)]) == [2, 2]
    assert data(letters, target, before=[3, doc(105)]) == [2, 2]
    assert data(letters, target, after=[3, doc(105)]) == []


@pytest.mark.parametrize("name", ["union", "intersection", "difference"])
@pytest.mark.parametrize(
    ("operands", "description", "position"),
    [
        ([A, [1]], "Arguments cannot be of different types, expected Set or Array.", []),
        ([], "Non-empty array expected.", []),
        ([A, paginate(A)], "Set or Array expected, Page provided.", [1]),
        ([A, 1], "Array, Set, or Page expected, Integer provided.", [1]),
        ([A, match("down", "a")], "Sets are not compatible.", []),
        ([match("refs", "a"), {"reverse": match("refs", "a")}], "Sets are not compatible.", []),
        ([A, {"events": A}], "Sets are not compatible.", []),
        ([match("down", "a"), match("refs", "a")], "Sets are not compatible.", []),
    ],
)
def test_operands_that_do_not_go_together(
    letters: Database, name: str, operands: list[Any], description: str, position: list[Any]
) -> None:
    error = letters.error({name: operands})
    assert (error["code"], error["description"]) == ("invalid argument", description)
    assert error["position"] == [name, *position]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"union": [[3, 2, 2, 1], [6, 5, 9, 1]]}, [3, 2, 2, 1, 6, 5, 9]),
        ({"union": [[2, 2], [2, 2, 2]]}, [2, 2, 2]),
        ({"intersection": [[3, 2, 2, 1], [2, 2, 1, 0]]}, [2, 2, 1]),
        ({"difference": [[3, 2, 2, 1, 3], [3]]}, [2, 2, 1, 3]),
        ({"union": [[1], [1.0]]}, [1, 1.0]),
        ({"intersection": [[1, [1]], [1.0, [1]]]}, [[1]]),
        ({"union": [[1, 1]]}, [1, 1]),
        ({"union": [[1, 2], [2, 3], [3, 3]]}, [1, 2, 3, 3]),
        ({"difference": [[1, 2, 2, 3], [2], [2, 3]]}, [1]),
        ({"intersection": [[0.0, 1], [-0.0]]}, [0.0]),
        ({"intersection": [[{"object": {"a": 1, "b": 2}}], [{"object": {"b": 2, "a": 1}}]]}, [{"a": 1, "b": 2}]),
        ({"difference": [[{"collection": "no"}, {"collection": "none"}], [{"collection": "no"}]]}, [coll("none")]),
        ({"count": {"union": [[{"reverse": {"keys": None}}, {"keys": None}], [{"reverse": {"keys": None}}]]}}, 2),
    ],
)  # fmt: skip
def test_arrays(db: Database, query: Any, expected: list[Any]) -> None:
    assert db.wire(query) == expected


def test_arities_may_differ(letters: Database) -> None:
    found = data(letters, {"union": [match("up", "c"), match("pairs", "c")]})
    assert found == [2, [2, 0], 5, [5, 1]]


@pytest.mark.parametrize("values", [match("up", "c"), match("pairs", "c"), {"distinct": match("up", "c")}])
def test_refs_come_where_their_value_would(letters: Database, values: Any) -> None:
    """An element without values is compared by its ref: behind numbers, whichever member comes first."""
    refs = {"singleton": doc(100)}
    expected = [*data(letters, values), doc(100)]
    for members in ([values, refs], [refs, values], [values, match("refs", "none"), refs]):
        union = {"union": members}
        assert data(letters, union) == expected
        assert letters.wire({"first": union}) == expected[0]
        for size in (1, 2):
            assert pages(letters, union, size) == expected
            assert pages(letters, union, size, backward=True) == expected


def test_get_takes_the_lowest_document_of_the_first_group(letters: Database) -> None:
    ref = {"select": "ref", "from": {"get": {"union": [match("up", "b"), match("up", "a")]}}}
    assert letters.wire(ref) == doc(100)


def test_a_join_takes_a_lambda_or_an_index(letters: Database) -> None:
    create_collection(letters, "casters")
    create_index(letters, "casts", source={"@ref": {"id": "casters", "collection": {"@ref": {"id": "collections"}}}},
                 terms=["spells"], values=["name"])  # fmt: skip
    for number, name, spells in ((1, "Bram", [100, 101]), (2, "Orla", [101, 102]), (3, "Suri", [300])):
        create(letters, number, {"name": name, "spells": [doc(spell) for spell in spells]}, "casters")
    target = {"join": match("refs", "a"), "with": {"index": "casts"}}
    by_lambda = {
        "join": match("refs", "a"),
        "with": {"lambda": "s", "expr": {"match": {"index": "casts"}, "terms": {"var": "s"}}},
    }
    for joined in (target, by_lambda):
        assert data(letters, joined) == ["Bram", "Orla"]
        assert pages(letters, joined, 1) == ["Bram", "Orla"]
        assert pages(letters, joined, 1, backward=True) == ["Bram", "Orla"]
        assert letters.wire({"count": joined}) == 2
        assert data(letters, {"reverse": joined}) == ["Orla", "Bram"]
    page = letters.wire(paginate(by_lambda, size=1))
    assert page["after"] == ["Orla", doc(2, "casters")]
    assert letters.wire(target)["@set"]["with"] == index_ref("casts")
    error = letters.error(paginate({"join": A, "with": {"lambda": "s", "expr": 1}}))
    assert (error["position"], error["description"]) == (
        ["paginate", "with"],
        "Ref or Set expected, Integer provided.",
    )


def test_a_predicate_gives_a_boolean_and_writes_nothing(letters: Database) -> None:
    error = letters.error(paginate({"filter": {"lambda": "x", "expr": 1}, "collection": A}))
    assert (error["position"], error["description"]) == (
        ["paginate", "filter"],
        "Boolean expected, Integer provided.",
    )
    write = {"filter": {"lambda": "x", "expr": {"delete": doc(100)}}, "collection": A}
    assert letters.error(write)["position"] == ["filter"]
    two = {
        "filter": {"lambda": ["v", "w"], "expr": {"equals": [{"var": "w"}, 1]}},
        "collection": match("pairs", "a"),
    }
    assert data(letters, two) == [[2, 1], [3, 1], [3, 1]]
    assert letters.wire(paginate(two, size=2))["after"] == [3, 1, doc(105)]


def test_everything_of_a_large_group_is_jumped_over(db: Database) -> None:
    fill(db)
    put(db, "a", [1] * 70 + [2] * 70 + [3], 100)
    distinct = {"distinct": A}
    for size in (1, 2, 5):
        assert pages(db, distinct, size) == [1, 2, 3]
        assert pages(db, distinct, size, backward=True) == [1, 2, 3]
    put(db, "b", [3], 900)
    assert data(db, {"intersection": [A, B]}) == [3]
    assert data(db, {"intersection": [{"reverse": A}, {"reverse": B}]}) == [3]
    assert data(db, {"difference": [B, A]}) == []


# ---- against a model ---------------------------------------------------------------------------------------------

values = st.lists(st.integers(0, 4), max_size=7)


class Model:
    """A set as the sorted list of its values."""

    def __init__(self, query: Any, items: list[int]):
        self.query = query
        self.items = sorted(items)


def _counted(name: str, left: Model, right: Model) -> Model:
    found: list[int] = []
    for item in set(left.items) | set(right.items):
        one, two = left.items.count(item), right.items.count(item)
        count = {"union": max(one, two), "intersection": min(one, two), "difference": one if not two else 0}[
            name
        ]
        found += [item] * count
    return Model({name: [left.query, right.query]}, found)


def _leaf(name: str, items: dict[str, list[int]]) -> Model:
    return Model(match("up", name), items[name])


def trees(depth: int) -> st.SearchStrategy[Any]:
    if depth == 0:
        names = st.sampled_from(["a", "b", "c"])
        return st.one_of(names, st.tuples(st.just("mirror"), names))
    below = trees(depth - 1)
    return st.one_of(
        below,
        st.tuples(st.sampled_from(["union", "intersection", "difference"]), below, below),
        st.tuples(st.just("distinct"), below),
        st.tuples(st.just("join"), below),
        st.tuples(st.just("range"), below, st.integers(0, 4), st.integers(0, 4)),
        st.tuples(st.just("even"), below),
    )


_EVEN = {"lambda": "x", "expr": {"equals": [0, {"modulo": [{"var": "x"}, 2]}]}}


def build(tree: Any, items: dict[str, list[int]]) -> Model:
    if isinstance(tree, str):
        return _leaf(tree, items)
    name, origin, *rest = tree
    inner = build(origin, items)
    if name == "mirror":
        # The same values, the documents of equal ones in opposite order.
        return Model({"reverse": match("down", origin)}, inner.items)
    if name == "join":
        return Model({"join": inner.query, "with": {"index": "by_v"}}, list(set(inner.items)))
    if name == "distinct":
        return Model({"distinct": inner.query}, list(set(inner.items)))
    if name == "range":
        start, end = rest
        kept = [item for item in inner.items if start <= item <= end]
        return Model({"range": inner.query, "from": start, "to": end}, kept)
    if name == "even":
        kept = [item for item in inner.items if item % 2 == 0]
        return Model({"filter": _EVEN, "collection": inner.query}, kept)
    return _counted(name, inner, build(rest[0], items))


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        fill(database)
        create_index(database, "by_v", terms=["v"], values=["v"])
        yield database


def refill(db: Database, items: dict[str, list[int]]) -> None:
    """Replace all documents by ones that hold the given values."""
    remove = {
        "foreach": {"lambda": "r", "expr": {"delete": {"var": "r"}}},
        "collection": paginate(documents()),
    }
    db.wire(remove)
    shared_ids = iter(range(100, 1000))
    for name in ("a", "b", "c"):
        for value in items[name]:
            create(db, next(shared_ids), {"set": name, "v": value, "w": 0})


@settings(max_examples=60)
@given(
    st.fixed_dictionaries({"a": values, "b": values, "c": values}), trees(2), st.integers(1, 4), st.booleans()
)
def test_random_sets(
    shared: Database, items: dict[str, list[int]], tree: Any, size: int, turned: bool
) -> None:
    refill(shared, items)
    model = build(tree, items)
    query, expected = model.query, model.items
    if turned:
        query, expected = {"reverse": query}, expected[::-1]
    assert data(shared, query) == expected
    assert pages(shared, query, size) == expected
    assert pages(shared, query, size, backward=True, end=-1 if turned else None) == expected
    assert shared.wire({"count": query}) == len(expected)
    goes_back_as_it_came(shared, query, size)


def goes_back_as_it_came(db: Database, query: Any, size: int) -> None:
    page = db.wire(paginate(query, size=size))
    while "after" in page:
        cursor = obj(page["after"])
        assert db.wire(paginate(query, size=size, before=cursor)) == page
        page = db.wire(paginate(query, size=size, after=cursor))
