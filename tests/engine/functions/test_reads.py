"""get, exists, first, last, and what reading needs of permissions."""

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
    obj,
    paginate,
)


@pytest.fixture
@filled_once
def spells(db: Database) -> Database:
    create_collection(db)
    create_index(db, "by_school", terms=["school"])
    create_index(db, "by_level", values=["level"])
    for number, level in ((101, 9), (102, 5), (103, 1)):
        create(db, number, {"school": "fire", "level": level, "open": number != 103})
    return db


FIRE = match("by_school", "fire")


@pytest.mark.parametrize(
    ("query", "status", "code", "position", "description"),
    [
        ({"get": doc(999)}, 404, "instance not found", [], "Document not found."),
        ({"get": match("by_school", "no")}, 404, "instance not found", [], "Set not found."),
        ({"get": 1}, 400, "invalid argument", ["get"], "Ref or Set expected, Integer provided."),
        ({"get": {"collection": "x"}}, 400, "invalid ref", ["get"], "Ref refers to undefined collection 'x'"),
        ({"get": {"role": "x"}}, 400, "invalid ref", ["get"], "Ref refers to undefined role 'x'"),
        ({"get": doc(101), "ts": "x"}, 400, "invalid argument", ["ts"], "Time expected, String provided."),
        ({"get": doc(101), "ts": None}, 400, "invalid argument", ["ts"], "Time expected, Null provided."),
        ({"get": doc(101), "ts": 5}, 404, "instance not found", [], "Document not found."),
        ({"get": {"databases": None}}, 404, "instance not found", [], "Set not found."),
        ({"exists": "x"}, 400, "invalid argument", ["exists"], "Ref or Set expected, String provided."),
        ({"first": []}, 400, "invalid argument", ["first"], "Non-empty array expected."),
        ({"last": match("by_school", "no")}, 400, "invalid argument", ["last"], "Non-empty set expected."),
        ({"first": paginate(FIRE)}, 400, "invalid argument", ["first"], "Set or Array expected, Page provided."),
        ({"first": 1}, 400, "invalid argument", ["first"], "Array, Set, or Page expected, Integer provided."),
    ],
)  # fmt: skip
def test_errors(
    spells: Database, query: Any, status: int, code: str, position: list[Any], description: str
) -> None:
    found, (error,) = spells.failure(query)
    assert (found, error["code"], error["position"], error["description"]) == (
        status,
        code,
        position,
        description,
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"exists": doc(101)}, True),
        ({"exists": doc(999)}, False),
        ({"exists": {"collection": "x"}}, False),
        ({"exists": FIRE}, True),
        ({"exists": match("by_school", "no")}, False),
        ({"exists": doc(101), "ts": 1}, False),
        ({"exists": FIRE, "ts": 1}, False),
        ({"exists": {"collections": None}}, True),
        ({"exists": {"databases": None}}, False),
        ({"is_empty": FIRE}, False),
        ({"is_nonempty": match("by_school", "no")}, False),
        ({"first": FIRE}, doc(101)),
        ({"last": FIRE}, doc(103)),
        ({"first": match("by_level")}, 1),
        ({"last": match("by_level")}, 9),
        ({"first": [7, 8]}, 7),
        ({"last": [7, 8]}, 8),
        ({"select": "ref", "from": {"get": match("by_level")}}, doc(103)),
        ({"contains_value": 5, "in": match("by_level")}, True),
        ({"contains_value": 4, "in": match("by_level")}, False),
        ({"contains_value": doc(102), "in": FIRE}, True),
    ],
)
def test_results(spells: Database, query: Any, expected: Any) -> None:
    assert spells.wire(query) == expected


def test_a_query_reads_its_own_writes(spells: Database) -> None:
    new = {"create": doc(104), "params": obj({"data": {"school": "fire", "level": 4}})}
    page = spells.wire({"do": [new, paginate(FIRE)]})
    assert ids(page["data"]) == [101, 102, 103, 104]
    gone = spells.wire({"do": [{"delete": doc(101)}, paginate(match("by_level"))]})
    assert gone["data"] == [1, 4, 5]


# ---- permissions -------------------------------------------------------------------------------------------------


def holder(db: Database, *privileges: Any) -> Database:
    """The same database for a key whose role grants the given (resource, actions)."""
    rules = [obj({"resource": resource, "actions": actions}) for resource, actions in privileges]
    role = {"object": {"name": "reader", "privileges": rules}}
    db.wire({"create_role": role})
    key = db.wire({"create_key": {"object": {"role": {"role": "reader"}}}})
    return db.as_(key["secret"])


OPEN = {
    "@query": {"lambda": "r", "expr": {"select": ["data", "open"], "from": {"get": {"var": "r"}}}},
}
FORBIDDEN = "Insufficient privileges to perform the action."


def test_read_on_an_index_shows_readable_documents_only(spells: Database) -> None:
    reader = holder(spells, (index_ref("by_school"), {"read": True}), (coll(), {"read": OPEN}))
    assert ids(data(reader, FIRE)) == [101, 102]
    assert reader.wire(paginate(FIRE, size=1))["after"] == [doc(102)]
    assert reader.wire({"count": FIRE}) == 2
    assert ids(data(reader, documents())) == [101, 102]
    assert reader.wire({"last": FIRE}) == doc(102)
    status, (error,) = reader.failure(paginate(match("by_level")))
    assert (status, error["position"], error["description"]) == (403, ["paginate"], FORBIDDEN)
    # Members that may not be read are left out; without any the set may not be read.
    assert ids(data(reader, {"union": [FIRE, match("by_level")]})) == [101, 102]
    assert reader.error(paginate({"union": [match("by_level")]}))["position"] == ["paginate"]
    assert reader.error(paginate({"difference": [match("by_level"), FIRE]}))["position"] == ["paginate"]
    assert ids(data(reader, {"difference": [FIRE, match("by_level")]})) == [101, 102]


def test_a_filter_never_sees_what_may_not_be_read(spells: Database) -> None:
    reader = holder(spells, (index_ref("by_level"), {"read": True}), (coll(), {"read": OPEN}))
    leak = {
        "lambda": "level",
        "expr": {"if": {"lt": [{"var": "level"}, 5]}, "then": {"abort": "seen"}, "else": True},
    }
    assert data(reader, {"filter": leak, "collection": match("by_level")}) == [5, 9]


def test_unrestricted_read(spells: Database) -> None:
    reader = holder(spells, (index_ref("by_school"), {"unrestricted_read": True}))
    assert ids(data(reader, FIRE)) == [101, 102, 103]
    assert reader.failure({"get": doc(101)})[0] == 403
    assert reader.failure({"get": FIRE})[1][0]["position"] == []
    assert reader.wire({"exists": FIRE}) is False
    assert data(reader, documents()) == []


def test_reading_an_index_shows_nothing_without_its_documents(spells: Database) -> None:
    reader = holder(spells, (index_ref("by_school"), {"read": True}))
    assert data(reader, FIRE) == []
    for query, position in (
        ({"get": match("by_level")}, ["get"]),
        ({"exists": match("by_level")}, ["exists"]),
        ({"count": match("by_level")}, ["count"]),
        ({"first": match("by_level")}, ["first"]),
        ({"is_empty": match("by_level")}, ["exists"]),
        ({"contains_value": 1, "in": match("by_level")}, []),
        (paginate(doc(101)), ["paginate"]),
        (paginate({"events": doc(101)}), ["paginate"]),
        (paginate({"collections": None}), ["paginate"]),
    ):
        status, (error,) = reader.failure(query)
        assert (status, error["position"]) == (403, position), query


def test_history_read_opens_events_of_documents(spells: Database) -> None:
    reader = holder(spells, (coll(), {"history_read": True}))
    assert [item["action"] for item in data(reader, {"events": doc(101)})] == ["create"]
    assert data(reader, {"singleton": doc(101)}) == [doc(101)]
    assert reader.failure({"get": doc(101)})[0] == 403
    assert reader.wire({"exists": doc(101)}) is False


def test_a_server_key_and_native_collections(spells: Database) -> None:
    key = spells.wire({"create_key": {"object": {"role": "server"}}})
    server = spells.as_(key["secret"])
    assert data(server, {"collections": None}) == [coll()]
    assert server.failure(paginate({"keys": None}))[0] == 403
    assert data(server, {"documents": {"keys": None}}) == []
    assert len(data(spells, {"keys": None})) == 1
