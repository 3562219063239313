"""What requests of older API versions, and those that name none, get (wire protocol, "Other versions")."""

from __future__ import annotations

import pytest

from faunadb.engine.language.legacy import legacy_error

OLD, FIRST, NEWER = (
    {"x-faunadb-api-version": "2.1"},
    {"x-faunadb-api-version": "2.0"},
    "2.7 2.12 3 4 5".split(),
)
NONE = {"x-faunadb-api-version": None}

CLASS = {"@ref": {"id": "c", "class": {"@ref": {"id": "classes"}}}}
COLLECTION = {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}
REF = {"@ref": "classes/c/1"}


@pytest.fixture
def stored(db):
    db.wire({"create_collection": {"object": {"name": "c"}}})
    db.wire({"create": REF, "params": {"object": {"data": {"object": {"to": REF, "n": 1}}}}})
    source = {"object": {"collection": {"@ref": "collections/c"}}}
    values = [{"object": {"field": ["data", "n"]}}]
    db.wire({"create_index": {"object": {"name": "i", "source": [source], "values": values}}})
    return db


@pytest.mark.parametrize("headers", [OLD, NONE], ids=["2.1", "none"])
def test_class_and_instance(stored, headers):
    instance = {"@ref": {"id": "1", "class": CLASS}}
    got = stored.wire({"get": REF}, headers=headers)
    assert (got["ref"], got["data"]) == (instance, {"to": instance, "n": 1})
    index = stored.wire({"get": {"@ref": "indexes/i"}}, headers=headers)
    assert index["source"] == [{"class": CLASS}]
    assert stored.wire({"classes": None}, headers=headers) == {"@ref": {"id": "classes"}}
    assert stored.wire({"@ref": "classes/gone/1"}, headers=headers)["@ref"]["class"]["@ref"]["id"] == "gone"
    (event,) = stored.wire({"paginate": {"events": REF}}, headers=headers)["data"]
    assert list(event) == ["ts", "action", "instance", "data"]
    (event,) = stored.wire({"paginate": {"events": {"match": {"index": "i"}}}}, headers=headers)["data"]
    assert (event["action"], event["instance"], event["data"]) == ("add", instance, [1])


@pytest.mark.parametrize(
    ("version", "of_document", "of_index", "action"),
    [
        ("2.0", ["ts", "action", "resource"], ["ts", "action", "resource", "values"], "delete"),
        ("2.1", ["ts", "action", "instance"], ["ts", "action", "instance", "data"], "remove"),
        ("2.7", ["ts", "action", "document"], ["ts", "action", "document", "data"], "remove"),
    ],
)
def test_cursors_of_events_are_written_as_events(stored, version, of_document, of_index, action):
    stored.wire({"update": REF, "params": {"object": {"data": {"object": {"n": 2}}}}})
    headers = {"x-faunadb-api-version": version}
    for events, keys in (({"events": REF}, of_document), ({"events": {"match": {"index": "i"}}}, of_index)):
        whole = stored.wire({"paginate": events}, headers=headers)["data"]
        page = stored.wire({"paginate": events, "size": 1}, headers=headers)
        assert list(page["after"]) == keys
        following = stored.wire({"paginate": events, "after": {"quote": page["after"]}}, headers=headers)
        assert following["data"] == whole[1:]
        assert list(following["before"]) == keys
    assert page["after"]["action"] == action


def test_refs_are_paths_in_the_first_version(stored):
    got = stored.wire({"get": REF}, headers=FIRST)
    assert list(got) == ["ref", "class", "ts", "data"]
    assert (got["ref"], got["class"]) == ({"@ref": "classes/c/1"}, {"@ref": "classes/c"})
    assert got["data"]["to"] == {"@ref": "classes/c/1"}
    assert stored.wire({"@ref": "indexes/i"}, headers=FIRST) == {"@ref": "indexes/i"}
    assert stored.wire({"@ref": "classes/gone/1"}, headers=FIRST) == {"@ref": "classes/gone/1"}
    assert stored.wire({"get": {"@ref": "classes/c"}}, headers=FIRST)["class"] == {"@ref": "classes"}
    stored.wire({"update": REF, "params": {"object": {"data": {"object": {"n": 2}}}}})
    events = stored.wire({"paginate": {"events": REF}}, headers=FIRST)["data"]
    assert [list(event) for event in events] == [["ts", "action", "resource"]] * 2
    assert [event["action"] for event in events] == ["create", "create"]
    events = stored.wire({"paginate": {"events": {"match": {"index": "i"}}}}, headers=FIRST)["data"]
    assert [(event["action"], event["values"]) for event in events] == [
        ("create", [1]),
        ("delete", [1]),
        ("create", [2]),
    ]


@pytest.mark.parametrize("version", NEWER)
def test_collection_and_document_since(stored, version):
    got = stored.wire({"get": REF}, headers={"x-faunadb-api-version": version})
    assert got["ref"] == {"@ref": {"id": "1", "collection": COLLECTION}}


@pytest.mark.parametrize(
    ("request_version", "lambda_version", "shown"),
    [
        ("2.1", None, False),
        ("2.12", "2.12", False),
        ("2.1", "4", False),
        ("2.12", "3", False),
        ("3", "2.12", True),
        ("4", None, True),
    ],
)
def test_lambdas_tell_their_version_to_those_who_know_versions(db, request_version, lambda_version, shown):
    literal = {"lambda": "x", "expr": {"var": "x"}}
    if lambda_version is not None:
        literal["api_version"] = lambda_version
    found = db.wire({"@query": literal}, headers={"x-faunadb-api-version": request_version})["@query"]
    assert ("api_version" in found) == shown


@pytest.mark.parametrize(
    ("query", "old", "new"),
    [
        (
            {"create_class": {"object": {"name": 1}}},
            "instance data is not valid.",
            "document data is not valid.",
        ),
        ({"get": {"@ref": "classes/c/9"}}, "Instance not found.", "Document not found."),
        ({"create_class": {"object": {"name": "c"}}}, "Class already exists.", "Collection already exists."),
        (
            {"get": {"@ref": "classes/d/9"}},
            "Ref refers to undefined class 'd'",
            "Ref refers to undefined collection 'd'",
        ),
        (
            {"login": {"@ref": "classes/c/9"}, "params": {"object": {}}},
            "The instance was not found or provided password was incorrect.",
            "The document was not found or provided password was incorrect.",
        ),
        (
            {"update": {"@ref": "keys"}, "params": {"object": {}}},
            "Cannot update a schema meta class.",
            "Cannot update a schema meta collection.",
        ),
    ],
)
def test_texts_of_errors(stored, query, old, new):
    assert stored.error(query, headers=NONE)["description"] == old
    assert stored.error(query)["description"] == new


def test_texts_of_causes_are_old_as_well():
    cause = {"position": [], "code": "instance not found", "description": "Collection not found."}
    error = {
        "position": [],
        "code": "call error",
        "description": "undefined collection 'c'",
        "cause": [cause],
    }
    found = legacy_error(error)
    assert (found["description"], found["cause"][0]["description"]) == (
        "undefined class 'c'",
        "Class not found.",
    )
    assert cause["description"] == "Collection not found."


ABORTS = {"abort": "default"}


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ({"select": "a", "from": {"object": {"a": 1}}, "default": ABORTS}, ["default"]),
        ({"select": "a", "from": {"abort": "from"}, "default": ABORTS}, ["from"]),
        ({"select": 0.5, "from": {"abort": "from"}, "default": ABORTS}, ["select"]),
    ],
)
def test_an_eager_default_fails_after_the_arguments_in_front_of_it(db, query, position):
    assert db.error(query, headers={"x-faunadb-api-version": "2.1"})["position"] == position


def test_an_eager_default_takes_effect_once(db):
    db.wire({"create_collection": {"object": {"name": "c"}}})
    query = {"select": "a", "from": 1, "default": {"create": "c"}}
    made = db.wire(query, headers={"x-faunadb-api-version": "2.1"})
    assert db.wire({"count": {"documents": {"collection": "c"}}}) == 1
    assert db.wire({"exists": made["ref"]}) is True
