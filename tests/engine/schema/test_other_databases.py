"""Functions of child databases, and stored refs to other databases (writes and schema, "Containers and child databases")."""

from __future__ import annotations

import pytest

from faunadb import query as q

INNER = q.collection("inner", q.database("child"))


def literal(name, database=None):
    """A ref literal of a collection, which is bound when the query is parsed."""
    ref = {"id": name, "collection": {"@ref": {"id": "collections"}}}
    if database is not None:
        ref["database"] = {"@ref": {"id": database, "collection": {"@ref": {"id": "databases"}}}}
    return {"@ref": ref}


def stored(db, name, expression, **fields):
    body = {"query": {"lambda": "_", "expr": expression}}
    return db.wire({"create_function": {"object": {"name": name, "body": body, **fields}}})


def below(name):
    return q.call(q.function(name, q.database("child")))


@pytest.fixture
def child(db):
    """Root and child have a document each, at the same id of collections of the same number but another name."""
    db.query(q.create_database({"name": "child"}))
    child = db.as_("secret:child:admin")
    child.query(q.create_collection({"name": "inner"}))
    db.query(q.create_collection({"name": "outer"}))
    child.query(q.create(q.ref(q.collection("inner"), 1), {"data": {"is": "the child's"}}))
    db.query(q.create(q.ref(q.collection("outer"), 1), {"data": {"is": "the root's"}}))
    return child


@pytest.fixture
def admin(db, child):
    return db.as_(db.query(q.create_key({"role": "admin"}))["secret"])


def test_literals_are_those_of_the_functions_database_whoever_reads_first(db, child):
    stored(child, "f", {"get": {"@ref": {"id": "1", "collection": literal("inner")}}})
    shown = db.wire(q.select("body", q.get(q.function("f", q.database("child")))))
    assert shown["@query"]["expr"] == {"get": {"@ref": {"id": "1", "collection": literal("inner", "child")}}}
    assert db.query(below("f"))["data"] == {"is": "the child's"}
    assert child.query(q.call("f"))["data"] == {"is": "the child's"}
    own = child.wire(q.select("body", q.get(q.function("f"))))
    assert own["@query"]["expr"] == {"get": {"@ref": {"id": "1", "collection": literal("inner")}}}


def test_names_are_those_of_the_functions_database(db, child):
    stored(child, "f", [{"exists": q.collection("inner")}, {"exists": q.collection("outer")}])
    assert db.query([below("f"), q.exists(q.collection("outer"))]) == [[True, False], True]


def test_a_role_is_one_of_the_functions_database(admin, child):
    privileges = {"resource": q.collection("inner"), "actions": {"create": True}}
    child.query(q.create_role({"name": "writer", "privileges": privileges}))
    stored(child, "named", {"create": "inner"}, role="writer")
    stored(child, "builtin", {"create": "inner"}, role="server")
    for name in ("named", "builtin"):
        made = admin.query(below(name))
        assert made["ref"].collection().database().id() == "child"
    assert child.query(q.count(q.documents(q.collection("inner")))) == 3


def test_without_a_role_nothing_is_written_below(admin, child):
    stored(child, "f", {"create": "inner"})
    stored(child, "g", {"delete": {"ref": q.collection("inner"), "id": 1}})
    for name, at in (("f", "create"), ("g", "delete")):
        (cause,) = admin.error(below(name))["cause"]
        assert cause["position"] == ["expr", at]
        assert (cause["code"], cause["description"]) == ("invalid argument", "Cannot write a scoped ref.")


def test_the_caller_is_at_home_again_after_the_call(db, child):
    stored(child, "ok", 1)
    stored(child, "fails", {"abort": "no"})
    assert db.body([below("ok"), q.create("outer", {})])[0] == 200
    db.error(below("fails"))
    assert db.query([below("ok"), q.exists(q.collection("outer"))]) == [1, True]


def test_stored_literals_and_captured_refs_of_a_child_database(db, child):
    stored(db, "literal", {"get": {"@ref": {"id": "1", "collection": literal("inner", "child")}}})
    body = {"let": {"c": INNER}, "in": {"query": {"lambda": "_", "expr": {"get": q.ref(q.var("c"), 1)}}}}
    db.wire({"create_function": {"object": {"name": "captured", "body": body}}})
    for name in ("literal", "captured"):
        assert db.query(q.call(name))["data"] == {"is": "the child's"}


def test_a_childs_function_stored_in_the_parent_keeps_its_literals(db, child):
    stored(child, "f", {"get": {"@ref": {"id": "1", "collection": literal("inner")}}})
    copy = q.select("body", q.get(q.function("f", q.database("child"))))
    db.query(q.create_function({"name": "copy", "body": copy}))
    assert db.query(q.call("copy"))["data"] == {"is": "the child's"}


def test_embedded_pages_keep_the_database_of_their_refs(db, child):
    page = q.paginate(q.documents(INNER))
    db.query(q.create_collection({"name": "store"}))
    db.query(q.create(q.ref(q.collection("store"), 1), {"data": {"page": page, "set": q.documents(INNER)}}))
    data = db.wire(q.select("data", q.get(q.ref(q.collection("store"), 1))))
    inner = literal("inner", "child")
    assert data["page"] == {"data": [{"@ref": {"id": "1", "collection": inner}}]}
    assert data["set"] == {"@obj": {"@set": {"documents": inner}}}


def test_index_values_keep_the_database_of_embedded_refs(db, child):
    db.query(q.create_collection({"name": "store"}))
    values = [{"field": ["data", "page", "data"]}]
    db.query(q.create_index({"name": "i", "source": q.collection("store"), "values": values}))
    db.query(q.create(q.collection("store"), {"data": {"page": q.paginate(q.documents(INNER))}}))
    found = db.wire(q.paginate(q.match(q.index("i"))))
    assert found == {"data": [{"@ref": {"id": "1", "collection": literal("inner", "child")}}]}
