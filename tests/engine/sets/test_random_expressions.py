"""Random expressions of sets over all kinds of members, values and cursors.

Every answer is a result or an error of the query, never of the engine; whatever can be paged gives all of its elements
in pages of any size, and every page is found again from the cursor behind it. `pytest -m soak` makes many more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database
from tests.engine.sets.school import (
    coll,
    create,
    create_collection,
    create_index,
    doc,
    documents,
    match,
    obj,
    paginate,
)

VALUES: list[Any] = [1, 1.0, 2, "a", "B", None, True, [1], [1, 2], {"@ts": "2020-01-01T00:00:00Z"}]
CURSORS: list[Any] = [
    *VALUES, doc(3), doc(21), 0, -1, [], [1, doc(4)], ["a", doc(4), doc(4)], {"a": 1}, {"ts": 1},
    {"ts": 1, "action": "add"}, {"ts": 5, "action": "remove", "document": doc(3)}, coll(),
]  # fmt: skip
LAMBDAS: list[Any] = [
    {"lambda": "x", "expr": True},
    {"lambda": "x", "expr": 1},
    {"lambda": "x", "expr": {"equals": [{"var": "x"}, 1]}},
    {"lambda": ["x", "y"], "expr": True},
    {"lambda": "x", "expr": match("values", 1)},
    {"lambda": "x", "expr": {"match": {"index": "by_ref"}, "terms": {"var": "x"}}},
    {"lambda": "x", "expr": {"singleton": doc(3)}},
    {"lambda": "_", "expr": {"reverse": match("values", 1)}},
]
LEAVES: list[Any] = [
    match("refs", 1), match("refs", 1), match("values", 1), match("values", 1), match("values", 2), match("down", 1),
    match("named"), match("by_ref", doc(2)), match("by_ref", doc(5)), documents(), {"documents": {"indexes": None}},
    {"collections": None}, {"keys": None}, {"singleton": doc(1)}, {"singleton": doc(21)},
]  # fmt: skip
#: What is no set.
OTHERS: list[Any] = [doc(3), paginate(match("values", 1)), [1, 2, 1.0], [doc(1)]]


class Generator:
    def __init__(self, seed: int):
        self.choice = Random(seed)

    def pick(self, items: list[Any]) -> Any:
        return self.choice.choice(items)

    def members(self, depth: int) -> list[Any]:
        return [self.target(depth) for _ in range(self.choice.randrange(1, 4))]

    def target(self, depth: int) -> Any:
        if depth == 0 or self.choice.random() < 0.15:
            return self.pick(OTHERS if self.choice.random() < 0.15 else LEAVES)
        kind = self.choice.randrange(9)
        if kind < 3:
            return {self.pick(["union", "intersection", "difference"]): self.members(depth - 1)}
        inner = self.target(depth - 1)
        if kind == 3:
            return {"distinct": inner}
        if kind == 4:
            return {"reverse": inner}
        if kind == 5:
            return {"range": inner, "from": obj(self.pick(CURSORS)), "to": obj(self.pick(CURSORS))}
        if kind == 6:
            return {"filter": self.pick(LAMBDAS), "collection": inner}
        if kind == 7:
            return {"join": inner, "with": self.pick([{"index": "by_ref"}, {"index": "values"}, *LAMBDAS])}
        return {"events": inner}

    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.choice.random() < 0.2:
            options["events"] = True
        if self.choice.random() < 0.15:
            options["ts"] = self.pick([0, {"now": None}, 2**50, 2**60])
        return options

    def read(self, target: Any) -> Any:
        """A query of another kind, or a page from somewhere."""
        if self.choice.random() < 0.6:
            side = {self.pick(["after", "before"]): obj(self.pick(CURSORS))}
            size = {"size": self.pick([0, 1, 2, 3, -1, 5])}
            return paginate(target, **side, **size, **self.options(), sources=self.pick([False, True]))
        name = self.pick(["count", "sum", "min", "max", "any", "first", "last", "get", "exists", "is_empty"])
        other = {"contains_value": obj(self.pick(CURSORS)), "in": target}
        return self.pick([{name: target}, {name: target}, other, {"equals": [target, target]}, target])


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        create_collection(database)
        create_collection(database, "others")
        down = {"field": ["data", "v"], "reverse": True}
        create_index(database, "refs", terms=["x"])
        create_index(database, "values", terms=["x"], values=["v"])
        create_index(database, "down", terms=["x"], values=[down, "w"])
        create_index(database, "named", values=["v", ["ref"]])
        create_index(database, "by_ref", terms=[["ref"]], values=["v"])
        choice = Random(5)
        for number in range(1, 25):
            content = {"x": choice.choice([1, 1, 2]), "v": choice.choice(VALUES), "w": choice.choice(VALUES)}
            create(database, number, content)
            if number % 3 == 0:
                database.wire({"update": doc(number), "params": obj({"data": {"v": choice.choice(VALUES)}})})
            if number % 7 == 0:
                database.wire({"delete": doc(number)})
        yield database


def check(db: Database, seed: int) -> None:
    generator = Generator(seed)
    target = generator.target(generator.choice.randrange(4))
    query = generator.read(target)
    status, _ = db.body(query)
    assert status in (200, 400, 404), query
    if in_one_order(target):
        check_pages(db, target, generator.options(), generator.choice.randrange(1, 5))


def in_one_order(target: Any) -> bool:
    """Whether all members of a set can agree on an order. A join with a lambda goes together with any other set, also
    with one of the opposite direction: then there is no order, and pages that follow one cannot be.
    """
    text = json.dumps(target)
    return '"with": {"lambda"' not in text or not ("reverse" in text or "down" in text)


def check_pages(db: Database, target: Any, options: dict[str, Any], size: int) -> None:
    status, body = db.body(paginate(target, size=1000, **options))
    assert status in (200, 400), target
    if status != 200:
        return
    found: list[Any] = []
    page = db.wire(paginate(target, size=size, **options))
    while True:
        found += page["data"]
        if "after" not in page:
            break
        assert len(found) <= len(body["resource"]["data"]), target
        cursor = obj(page["after"])
        back = db.wire(paginate(target, size=size, before=cursor, **options))
        assert (back["data"], back.get("before")) == (page["data"], page.get("before")), target
        page = db.wire(paginate(target, size=size, after=cursor, **options))
    assert found == body["resource"]["data"], target


@pytest.mark.parametrize("batch", range(4))
def test_random_expressions(db: Database, batch: int) -> None:
    for seed in range(batch * 100, batch * 100 + 100):
        check(db, seed)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_many_random_expressions(db: Database) -> None:
    for seed in range(1_000, 11_000):
        check(db, seed)


@pytest.mark.parametrize(
    "members",
    [
        [match("values", 1), match("refs", 1)],
        [match("refs", 1), match("values", 1)],
        [match("named"), match("values", 1), documents()],
        [match("values", 1), match("named")],
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_members_of_different_lengths(db: Database, members: list[Any], turned: bool) -> None:
    """A page's cursors lead on, though cursors are read as those of the first member where that is possible."""
    target: Any = {"union": members}
    for size in range(1, 6):
        check_pages(db, {"reverse": target} if turned else target, {}, size)
    every = db.wire({"count": target})
    assert every == sum(db.wire({"count": member}) for member in members)


def test_histories_of_joins_within_others(db: Database) -> None:
    """A join has an element while a target has it and the source what leads there.

    Its own events tell nothing of an element whose source goes with it; those of sets made from it do.
    """
    refs = match("refs", 1)
    joined = {"join": refs, "with": {"index": "by_ref"}}
    added = [event for event in events(db, joined) if event["action"] == "add"]
    both = events(db, {"intersection": [joined, joined]})
    assert [event for event in both if event["action"] == "add"] == added != []
    assert both == events(db, {"difference": [joined, match("refs", "none")]})
    assert db.wire(paginate({"events": {"difference": [joined, joined]}})) == {"data": []}
    twice = {
        "join": {"join": documents(), "with": {"lambda": "r", "expr": {"singleton": doc(2)}}},
        "with": {"index": "by_ref"},
    }
    assert events(db, twice) == events(db, match("by_ref", doc(2))) != []


def events(db: Database, target: Any) -> list[Any]:
    found: list[Any] = db.wire(paginate({"events": target}, size=1000))["data"]
    return found
