"""Sets as JSON, as stored values and in comparisons; databases below; disabled databases."""

from __future__ import annotations

from typing import Any

import pytest

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
    paginate,
)


@pytest.fixture
@filled_once
def spells(db: Database) -> Database:
    create_collection(db)
    create_index(db, "by_school", terms=["school"], values=["level"])
    create(db, 101, {"school": "fire", "level": 1})
    return db


FIRE = match("by_school", "fire")
FIRE_SHOWN = {"@set": {"match": index_ref("by_school"), "terms": "fire"}}
LAMBDA = {"lambda": "x", "expr": True}
SHOWN_LAMBDA = {"api_version": "4", "lambda": "x", "expr": True}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (match("by_school"), {"@set": {"match": index_ref("by_school")}}),
        (FIRE, FIRE_SHOWN),
        (match("by_school", 1, None), {"@set": {"match": index_ref("by_school"), "terms": [1, None]}}),
        ({"match": ["fire"], "index": {"index": "by_school"}}, FIRE_SHOWN),
        ({"match": "by_school", "terms": []}, {"@set": {"match": index_ref("by_school")}}),
        (documents(), {"@set": {"documents": coll()}}),
        ({"singleton": doc(101)}, {"@set": {"singleton": doc(101)}}),
        ({"events": doc(101)}, {"@set": {"events": doc(101)}}),
        ({"events": FIRE}, {"@set": {"events": FIRE_SHOWN["@set"]}}),
        ({"events": {"keys": None}}, {"@set": {"events": {"@ref": {"id": "keys"}}}}),
        ({"keys": None}, {"@ref": {"id": "keys"}}),
        ({"union": [FIRE, FIRE]}, {"@set": {"union": [FIRE_SHOWN, FIRE_SHOWN]}}),
        ({"difference": FIRE}, {"@set": {"difference": FIRE_SHOWN}}),
        ({"distinct": FIRE}, {"@set": {"distinct": FIRE_SHOWN}}),
        ({"reverse": FIRE}, {"@set": {"reverse": FIRE_SHOWN}}),
        ({"range": FIRE, "from": 1, "to": 2}, {"@set": {"range": FIRE_SHOWN, "from": 1, "to": 2}}),
        ({"filter": LAMBDA, "collection": FIRE}, {"@set": {"filter": SHOWN_LAMBDA, "collection": FIRE_SHOWN}}),
        (
            {"join": FIRE, "with": {"index": "by_school"}},
            {"@set": {"join": FIRE_SHOWN, "with": index_ref("by_school")}},
        ),
    ],
)  # fmt: skip
def test_sets_as_json(spells: Database, query: Any, shown: Any) -> None:
    assert spells.wire(query) == shown
    assert spells.wire(shown) == shown
    assert spells.wire({"equals": [query, shown]}) is True


def test_ranges_show_the_values_of_their_bounds(spells: Database) -> None:
    assert spells.wire({"range": FIRE, "from": [], "to": [3, doc(1)]}) == {
        "@set": {"range": FIRE_SHOWN, "from": None, "to": 3}
    }
    other = {"range": FIRE, "from": [], "to": [3, doc(2)]}
    assert spells.wire({"equals": [{"range": FIRE, "from": [], "to": [3, doc(1)]}, other]}) is False


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"is_set": FIRE}, True),
        ({"is_ref": {"collections": None}}, True),
        ({"is_set": {"collections": None}}, True),
        ({"equals": [FIRE, match("by_school", "air")]}, False),
        ({"equals": [match("by_school", 1), match("by_school", 1.0)]}, False),
        ({"equals": [{"union": [FIRE, documents()]}, {"union": [documents(), FIRE]}]}, False),
        ({"select": ["@set", "terms"], "from": FIRE}, "fire"),
        ({"select": ["@set", "union", 1], "from": {"union": [FIRE, documents()]}}, {"@set": {"documents": coll()}}),
    ],
)  # fmt: skip
def test_sets_as_values(spells: Database, query: Any, expected: Any) -> None:
    assert spells.wire(query) == expected


def test_stored_sets_are_objects(spells: Database) -> None:
    stored = {"object": {"data": {"object": {"set": FIRE, "native": {"keys": None}}}}}
    spells.wire({"create": doc(102), "params": stored})
    read = {"select": ["data", "set"], "from": {"get": doc(102)}}
    shown = {"@obj": {"@set": {"match": index_ref("by_school"), "terms": "fire"}}}
    assert spells.wire(read) == shown
    assert spells.wire({"is_object": read}) is True
    assert spells.error(paginate(read))["description"] == "Ref or Set expected, Object provided."
    assert spells.wire(shown) == FIRE_SHOWN
    native = {"select": ["data", "native"], "from": {"get": doc(102)}}
    assert spells.wire(native) == {"@ref": {"id": "keys"}}


@pytest.mark.parametrize(
    "part",
    [
        {"union": [FIRE, documents()]},
        {"union": FIRE},
        {"difference": [FIRE, {"distinct": FIRE}]},
        {"distinct": {"union": [FIRE, FIRE]}},
        {"join": FIRE, "with": {"index": "by_school"}},
        {"events": FIRE},
        {"events": doc(101)},
        {"match": "by_school", "terms": [[FIRE]]},
    ],
)
def test_stored_sets_are_sets_again_when_sent_back(spells: Database, part: Any) -> None:
    spells.wire({"create": doc(102), "params": {"object": {"data": {"object": {"set": part}}}}})
    stored = spells.wire({"select": ["data", "set"], "from": {"get": doc(102)}})
    assert spells.wire({"is_set": stored}) is True
    assert spells.wire({"equals": [stored, part]}) is (part.get("match") is None)


@pytest.mark.parametrize(
    ("query", "position", "description"),
    [
        ({"documents": 1}, ["documents"], "Collection Ref expected, Integer provided."),
        ({"documents": doc(101)}, ["documents"], "Collection Ref expected, Ref provided."),
        ({"singleton": 1}, ["singleton"], "Ref expected, Integer provided."),
        ({"events": 1}, ["events"], "Ref or Set expected, Integer provided."),
        ({"range": doc(101), "from": 1, "to": 2}, ["range"], "Set expected, Ref provided."),
        ({"range": 1, "from": 1, "to": 2}, ["range"], "Ref or Set expected, Integer provided."),
        ({"join": FIRE, "with": 1}, ["with"], "Lambda or Index Ref expected, Integer provided."),
        ({"reverse": index_ref("by_school")}, ["reverse"], "Array, Set, or Page expected, Index Ref provided."),
        ({"match": "by_school", "terms": {"collection": "x"}}, ["terms"], "Any expected, Collection Ref provided."),
        ({"keys": 1}, ["keys"], "Database Ref or Null expected, Integer provided."),
    ],
)  # fmt: skip
def test_wrong_arguments(spells: Database, query: Any, position: list[Any], description: str) -> None:
    error = spells.error(query)
    assert (error["code"], error["position"], error["description"]) == (
        "invalid argument",
        position,
        description,
    )


def test_bounds_that_lead_nowhere_are_reported_together(spells: Database) -> None:
    status, errors = spells.failure(
        {"range": FIRE, "from": {"collection": "x"}, "to": [1, {"collection": "y"}]}
    )
    assert status == 400
    assert [(error["code"], error["position"]) for error in errors] == [
        ("invalid ref", ["from"]),
        ("invalid ref", ["to"]),
    ]


def test_sets_that_cannot_be_stored(spells: Database) -> None:
    for part in ({"reverse": FIRE}, {"singleton": doc(101)}, {"range": FIRE, "from": 1, "to": 2}):
        params = {"object": {"data": {"object": {"set": part}}}}
        assert spells.error({"create": doc(103), "params": params})["code"] == "invalid argument"


def test_databases_below(db: Database) -> None:
    for name in ("child", "off"):
        db.wire({"create_database": {"object": {"name": name}}})
    key = db.wire({"create_key": {"object": {"role": "admin", "database": {"database": "child"}}}})
    child = db.as_(key["secret"])
    create_collection(child)
    create_index(child, "by_school", terms=["school"])
    create(child, 1, {"school": "fire"})
    index = {"index": "by_school", "scope": {"database": "child"}}
    (found,) = data(db, {"match": index, "terms": "fire"})
    assert ids([found]) == [1]
    assert "database" in found["@ref"]["collection"]["@ref"]
    names = [item["@ref"]["id"] for item in data(db, {"databases": None})]
    assert names == ["child", "off"]
    (shown,) = data(db, {"collections": {"database": "child"}})
    assert shown["@ref"]["database"]["@ref"]["id"] == "child"
    assert child.wire(paginate({"databases": None})) == {"data": []}
