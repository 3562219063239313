"""Object literals whose JSON a query's shape tells are stored as if they were looked at and written each time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faunadb import query as q
from faunadb.engine.functions import writes
from faunadb.engine.language.nodes import ParamObject
from faunadb.engine.language.stored_literals import with_text
from tests.engine.conftest import Database

SPELLS = q.collection("spells")

PLAIN: list[dict[str, Any]] = [
    {"name": "Light"},
    {"name": "Light", "cost": 3, "tags": ["a", "b"], "caster": {"name": "Hedwig", "level": -4}},
    {"name": 'a "quoted"\\ text\n\t\u0000 / \u2028 ü', "cost": 1},
    {"100 %": "%s %d %%", "%(x)s": 5},
    {'a "quoted"\\ key ü': "x", "": "y"},
    {"least": -(2**63), "greatest": 2**63 - 1, "zero": 0},
    {"true": True, "false": False, "empty": {}, "none": [], "deep": [[{"n": [1]}], {"m": {"k": "v"}}]},
    {"collection": "spells", "object": "o", "n": 2},
]
OTHERS: list[dict[str, Any]] = [
    {"text": "x" * 70_000},
    {"name": "🜁 \u007f"},
    {"name": "Light", "cost": 2.0},
    {"name": "Light", "cost": 1e300},
    {"name": "Light", "gone": None},
    {"name": "Light", "list": [None, "a"]},
    {"@key": "a", "name": "Light"},
    {"name": {"@key": "a"}},
    {"name": "Light", "spell": q.ref(SPELLS, "1")},
    {"name": "Light", "when": q.time("2020-01-01T00:00:00Z")},
    {"name": q.concat(["a", "b"])},
]


@pytest.fixture
def spells(db: Database) -> Database:
    db.query(q.create_collection({"name": "spells"}))
    return db


def stored(db: Database, query: Any) -> str:
    """The text that a create stores."""
    ref = db.query(q.select("ref", query))
    with db.engine.store.snapshot() as snap:
        (coll,) = [
            change[2]
            for _, text in snap.commits(0)
            for change in json.loads(text)
            if change[3] == int(ref.id())
        ]
        version = snap.version(0, coll, int(ref.id()))
    assert version is not None
    assert version.data is not None
    return version.data


@pytest.mark.parametrize("data", PLAIN, ids=range(len(PLAIN)))
def test_it_is_the_json_of_the_data_which_is_not_looked_at(
    spells: Database, monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]
) -> None:
    monkeypatch.setattr(writes, "is_plain", lambda ctx, value: pytest.fail("looked at"))
    text = json.dumps({"data": data}, ensure_ascii=False, separators=(",", ":"))
    for _ in range(2):
        assert stored(spells, q.create(SPELLS, {"data": data})) == text


@pytest.mark.parametrize("data", [*PLAIN, *OTHERS], ids=range(len(PLAIN) + len(OTHERS)))
def test_it_is_what_is_stored_without_it(
    spells: Database, monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]
) -> None:
    query = q.create(SPELLS, {"data": data})
    texts = [stored(spells, query), stored(spells, query)]
    with monkeypatch.context() as patch:
        patch.setattr("faunadb.engine.language.prepared.with_text", lambda node: node)
        other = q.create(SPELLS, {"data": {**data, "a": "another shape"}})
        without = stored(spells, other)
    assert texts == [without.replace(',"a":"another shape"', "")] * 2


def test_a_number_of_another_kind_in_its_place_is_seen(spells: Database) -> None:
    """The shape is the same for all numbers."""
    texts = [stored(spells, q.create(SPELLS, {"data": {"cost": cost}})) for cost in (1, 1.0, 2, 2.5)]
    assert texts == ['{"data":{"cost":%s}}' % cost for cost in ("1", "1.0", "2", "2.5")]


def test_one_object_may_be_stored_more_than_once_and_others_beside_it(spells: Database) -> None:
    made = q.let(
        {"light": {"data": {"name": "Light", "cost": 1}}, "fire": {"data": {"name": "Fire", "cost": 2}}},
        q.map_(
            lambda params: q.select(["data", "name"], q.create(SPELLS, params)),
            [q.var("light"), q.var("fire"), q.var("light"), {"data": {"name": "Ice"}}, q.var("fire")],
        ),
    )
    assert spells.query(made) == ["Light", "Fire", "Light", "Ice", "Fire"]
    page = spells.query(
        q.map_(lambda ref: q.select(["data", "name"], q.get(ref)), q.paginate(q.documents(SPELLS)))
    )
    assert sorted(page["data"]) == ["Fire", "Fire", "Ice", "Light", "Light"]


def test_other_fields_of_params_and_a_ttl_of_the_collection_are_stored_too(db: Database) -> None:
    db.query(q.create_collection({"name": "spells", "ttl_days": 1}))
    assert '"ttl":{"@ts":' in stored(db, q.create(SPELLS, {"data": {"name": "Light"}}))
    ttl = q.time("2999-01-01T00:00:00Z")
    assert "2999" in stored(db, q.create(SPELLS, {"data": {"name": "Light"}, "ttl": ttl}))


def test_it_is_kept_for_data_alone() -> None:
    node = ParamObject({"data": ParamObject({}, None), "ttl": ParamObject({}, None)}, None)
    assert with_text(node) is node
