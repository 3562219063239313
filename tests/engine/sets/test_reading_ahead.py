"""Documents that a lambda reads of each element are read together: with the same results as one by one."""

from __future__ import annotations

from typing import Any

import pytest

from faunadb import query as q
from faunadb.engine.background.worker import Background
from faunadb.engine.language.context import Context
from faunadb.engine.language.sets import SET_HOOKS
from faunadb.engine.sets.leaves import EntryReader
from faunadb.engine.storage.read_set import ReadSet
from tests.engine.conftest import Database, filled_once

SPELLS, BOOKS = q.collection("spells"), q.collection("books")
ALL = q.paginate(q.documents(SPELLS), size=200)


@pytest.fixture
@filled_once
def world(db: Database) -> Database:
    db.query([q.create_collection({"name": name, "history_days": None}) for name in ("spells", "books")])
    db.query([q.create(q.ref(SPELLS, n), {"data": {"n": n}}) for n in range(1, 101)])
    db.query(q.create(q.ref(BOOKS, 1), {"data": {"n": "book"}}))
    return db


BODIES = {
    "get": lambda x: q.get(x),
    "a field": lambda x: q.select(["data", "n"], q.get(x)),
    "let": lambda x: q.let(
        {"d": q.get(x)}, [q.select("ts", q.var("d")), q.select(["data", "n"], q.var("d"))]
    ),
    "object": lambda x: {"a": q.get(x), "b": q.get(x)},
    "only perhaps": lambda x: q.if_(q.lt(q.to_integer(q.select("id", x)), 50), [q.get(x)], []),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("form", [q.map_, q.foreach])
def test_the_results_are_the_same(
    world: Database, name: str, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = form(BODIES[name], ALL)
    together = world.raw(query)
    monkeypatch.setattr(Context, "prefetch", lambda *_: None)
    monkeypatch.setattr(SET_HOOKS, "documents", lambda _, items: [None] * len(items))
    alone = world.raw(query, headers={"x-faunadb-api-version": "4", "x-query-timeout": "60000"})
    assert together.status == 200
    assert together.body == alone.body
    assert _costs(together) == _costs(alone) != []


PAGES = {
    "collection": q.paginate(q.documents(SPELLS), size=70),
    "its end": q.paginate(q.documents(SPELLS), size=70, after=[q.ref(SPELLS, 60)]),
    "backwards": q.paginate(q.documents(SPELLS), size=7, before=[q.ref(SPELLS, 60)]),
    "large": q.paginate(q.documents(SPELLS), size=1000),
    "values": q.paginate(q.match(q.index("by_n")), size=20),
    "long values": q.paginate(q.match(q.index("by_text")), size=20),
    "some expire": q.paginate(q.match(q.index("by_n")), size=200),
    "of a collection that is gone": q.paginate(q.match(q.index("by_origin")), size=20),
    "empty": q.paginate(q.match(q.index("by_origin"), "x"), size=20),
}


@pytest.mark.parametrize("name", PAGES)
def test_entries_counted_together_cost_the_same(
    world: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [SPELLS, BOOKS]
    values = [{"field": ["data", "n"]}]
    world.query(q.create_index({"name": "by_n", "source": SPELLS, "values": values, "serialized": False}))
    world.query(
        q.create_index({"name": "by_text", "source": SPELLS, "values": [{"field": ["data", "text"]}]})
    )
    world.query(q.create_index({"name": "by_origin", "source": sources}))
    for n in range(1, 100, 9):
        world.query(
            q.update(q.ref(SPELLS, n), {"data": {"text": "x" * 900}, "ttl": q.time_add(q.now(), n, "days")})
        )
    assert world.engine.background.wait(20), "the index over two collections is built"
    monkeypatch.setattr(Background, "submit", lambda *_: None)  # its entries stay
    world.query(q.delete(BOOKS))
    together = world.raw(PAGES[name])
    monkeypatch.setattr(EntryReader, "_count_together", lambda *_: None)
    alone = world.raw(PAGES[name], headers={"x-faunadb-api-version": "4", "x-query-timeout": "60000"})
    assert together.status == 200
    assert together.body == alone.body
    assert _costs(together) == _costs(alone) != []


def _costs(answer: Any) -> list[Any]:
    return [pair for pair in answer.headers if "read" in pair[0] or "ops" in pair[0]]


def test_they_are_read_in_blocks(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[int] = []
    original = ReadSet.documents
    monkeypatch.setattr(
        ReadSet,
        "documents",
        lambda reads, scope, coll, docs: blocks.append(len(docs)) or original(reads, scope, coll, docs),
    )
    for body in ("get", "a field"):
        assert len(world.query(q.map_(BODIES[body], ALL))["data"]) == 100
        assert blocks == [64, 36], body
        blocks.clear()


def test_elements_of_all_kinds(world: Database) -> None:
    refs = [q.ref(SPELLS, 1), q.ref(BOOKS, 1), q.ref(SPELLS, 1), SPELLS, q.documents(BOOKS)]
    found = world.query(q.map_(lambda x: q.select(["data", "n"], q.get(x), None), refs))
    assert found == [1, "book", 1, None, "book"]
    status, errors = world.failure(q.map_(lambda x: q.get(x), [q.ref(SPELLS, 1), q.ref(SPELLS, 999), 5]))
    assert (status, errors[0]["position"]) == (404, ["map", "expr"])


def test_a_transaction_sees_its_own_writes(world: Database) -> None:
    one = q.ref(SPELLS, 1)
    assert world.query(
        q.map_(
            lambda x: q.do(q.update(one, {"data": {"n": q.add(1, q.select(["data", "n"], q.get(one)))}}), q.select(["data", "n"], q.get(x))),
            [one, one, one],
        )
    ) == [2, 3, 4]  # fmt: skip


def test_the_past_is_read_as_it_was(world: Database) -> None:
    before = world.query(q.select("ts", q.update(q.ref(SPELLS, 1), {"data": {"n": 1}})))
    world.query(q.update(q.ref(SPELLS, 1), {"data": {"n": "new"}}))
    look = q.map_(lambda x: q.select(["data", "n"], q.get(x)), [q.ref(SPELLS, 1), q.ref(SPELLS, 2)])
    assert world.query(q.at(before, look)) == [1, 2]
    assert world.query(look) == ["new", 2]
    mixed = q.map_(lambda x: [q.select(["data", "n"], q.get(x)), q.at(before, q.select(["data", "n"], q.get(x)))], [q.ref(SPELLS, 1), q.ref(SPELLS, 2)])  # fmt: skip
    assert world.query(mixed) == [["new", 1], [2, 2]]
