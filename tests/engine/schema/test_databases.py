"""Databases, containers, protected mode, moving (writes and schema, "Databases" to "Containers")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.engine.indexes import lookups
from faunadb.engine.language import values as v
from faunadb.objects import Ref
from tests.engine.schema.checks import error_of, failures_of, invalid_type

BODY = q.query(q.lambda_("x", q.var("x")))
DATABASES = Ref("databases")


def below(db, path, role="admin"):
    return db.as_(f"secret:{path}:{role}")


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"name": "x"}, ["name", "global_id"]),
        ({"name": "x", "data": {"a": 1}}, ["name", "data", "global_id"]),
        ({"data": {}, "name": "x"}, ["name", "global_id"]),
        ({"name": "x", "priority": 500, "container": True}, ["name", "priority", "container", "global_id"]),
        ({"name": "x", "global_id": "y", "scope": 5, "disabled": True}, ["name", "global_id"]),
        ({"name": "x", "account": {"id": 5}, "api_version": "4"}, ["name", "global_id"]),
        (
            {"name": "x", "typechecked": False, "protected": True},
            ["name", "typechecked", "protected", "global_id"],
        ),
    ],
)
def test_create(db, params, shown):
    made = db.wire(q.create_database(params))
    assert list(made) == ["ref", "ts", *shown]
    assert len(made["global_id"]) == 13
    assert set(made["global_id"]) <= set("ybndrfg8ejkmcpqxot1uwisza345h769")
    assert db.wire(q.get(q.database("x"))) == made


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"priority": 0}, [invalid_type(["priority"], "Long", "Priority")]),
        ({"priority": 501}, [invalid_type(["priority"], "Long", "Priority")]),
        ({"priority": "1"}, [invalid_type(["priority"], "String", "Priority")]),
        ({"container": 1}, [invalid_type(["container"], "Long", "Boolean")]),
        ({"protected": "x"}, [invalid_type(["protected"], "String", "Boolean")]),
        ({"typechecked": []}, [invalid_type(["typechecked"], "Array", "Boolean")]),
        ({"data": 5}, [invalid_type(["data"], "Long", "Map")]),
    ],
)
def test_failures(db, params, failures):
    assert failures_of(db, q.create_database({"name": "x", **params})) == (["create_database"], failures)


def test_update_and_replace(db):
    made = db.query(q.create_database({"name": "x", "data": {"a": 1}, "priority": 5}))
    updated = db.query(q.update(q.database("x"), {"data": {"b": 2}, "global_id": "no"}))
    assert (updated["data"], updated["priority"]) == ({"a": 1, "b": 2}, 5)
    replaced = db.wire(q.replace(q.database("x"), {"data": {"c": 3}}))
    assert {key: replaced[key] for key in replaced if key not in ("ref", "ts")} == {
        "name": "x",
        "data": {"c": 3},
        "global_id": made["global_id"],
    }


def test_global_ids_are_unique(db):
    ids = [db.query(q.create_database({"name": f"db{number}"}))["global_id"] for number in range(20)]
    assert len(set(ids)) == 20


def test_only_admins_see_databases(db):
    db.query(q.create_database({"name": "x"}))
    server = db.query(q.create_key({"role": "server"}))["secret"]
    error = db.as_(server).error(q.create_database({"name": "y"}))
    assert (error["position"], error["code"]) == (["create_database"], "permission denied")
    assert db.as_(server).error(q.update(q.database("x"), {}))["code"] == "permission denied"
    assert db.as_(server).error(q.delete(q.database("x")))["code"] == "permission denied"


def test_delete_takes_everything_below(db):
    db.query(q.create_database({"name": "a"}))
    below(db, "a").query(q.create_database({"name": "b"}))
    below(db, "a/b").query(q.create_collection({"name": "c"}))
    key = db.query(q.create_key({"role": "admin", "database": q.database("a")}))
    inner = below(db, "a").query(q.create_key({"role": "admin", "database": q.database("b")}))
    db.query(q.delete(q.database("a")))
    for secret in (key["secret"], inner["secret"], "secret:a:admin", "secret:a/b:admin"):
        assert db.raw(1, secret=secret).status == 401
    assert db.query(q.exists(key["ref"])) is True
    db.query(q.create_database({"name": "a"}))
    assert below(db, "a").query(q.count(q.databases())) == 0
    assert db.raw(1, secret=key["secret"]).status == 401
    assert db.engine.background.wait(10)
    with db.engine.store.snapshot() as snap:
        assert lookups.key_scope(snap, int(inner["ref"].id())) is None
        assert snap.count_versions(1, v.KEYS, 5) == 0
        # Of schema the names stay, for refs to it.
        for scope, kind in ((1, v.DATABASES), (2, v.COLLECTIONS)):
            for doc in snap.scan_documents(scope, kind, limit=5):
                assert snap.version(scope, kind, doc).live is False
            assert not list(snap.history(scope, kind, b""))


def test_children_see_nothing_of_the_parent(db):
    db.query(q.create_collection({"name": "above"}))
    db.query(q.create_database({"name": "child"}))
    child = below(db, "child")
    assert child.query(q.exists(q.collection("above"))) is False
    child.query(q.create_collection({"name": "above"}))
    child.query(q.create(q.ref(q.collection("above"), 1), {"data": {"x": 1}}))
    assert db.query(q.exists(q.ref(q.collection("above"), 1))) is False
    scoped = q.ref(q.collection("above", q.database("child")), 1)
    assert db.query(q.get(scoped))["data"] == {"x": 1}


# ---- containers ----


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        (q.create_collection({"name": "x"}), "create_collection"),
        (q.create_class({"name": "x"}), "create_class"),
        (q.create_index({"name": "x", "source": "_"}), "create_index"),
        (q.create_function({"name": "x", "body": BODY}), "create_function"),
        (q.create(q.tokens(), {"instance": q.collections()}), "create"),
        (q.create(q.credentials(), {"instance": q.collections()}), "create"),
    ],
)
def test_containers_hold_no_data(db, expression, at):
    db.query(q.create_database({"name": "box", "container": True}))
    box = below(db, "box")
    expected = ([at], "invalid object in container", "Object is not allowed in a container")
    assert error_of(box, expression) == expected
    db.query(q.update(q.database("box"), {"container": False}))
    assert box.body(expression)[0] == 201


def test_what_containers_hold(db):
    db.query(q.create_database({"name": "box", "container": True}))
    box = below(db, "box")
    box.query(q.create_database({"name": "inner", "container": True}))
    box.query(q.create_key({"role": "admin"}))
    box.query(q.create_role({"name": "r"}))
    box.query(q.create_access_provider({"name": "p", "issuer": "i", "jwks_uri": "https://x"}))
    below(db, "box/inner").query(q.create_database({"name": "leaf"}))
    below(db, "box/inner/leaf").query(q.create_collection({"name": "c"}))


@pytest.mark.parametrize(
    "content",
    [
        q.create_collection({"name": "x"}),
        q.create_index({"name": "x", "source": "_"}),
        q.create_function({"name": "x", "body": BODY}),
    ],
)
def test_databases_with_data_become_no_container(db, content):
    db.query(q.create_database({"name": "box"}))
    below(db, "box").query(content)
    text = "cannot make database a container while it contains collections, indexes, or user functions"
    failure = ([], "container candidate contains data", text)
    assert failures_of(db, q.update(q.database("box"), {"container": True})) == ([], [failure])


def test_empty_databases_become_containers(db):
    db.query(q.create_database({"name": "box"}))
    assert db.query(q.update(q.database("box"), {"container": True}))["container"] is True


# ---- protected mode ----

TAIL = "destructive change forbidden because database is in protected mode."


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        (q.delete(q.collection("c")), "Cannot delete collection"),
        (q.delete(q.index("i")), "Cannot cause deletion of backing index"),
        (q.update(q.collection("c"), {"history_days": 4}), "Cannot decrease `history_days` field"),
        (q.update(q.collection("c"), {"history_days": None}), "Cannot remove `history_days` field"),
        (q.update(q.collection("c"), {"ttl_days": 4}), "Cannot decrease `ttl_days` field"),
        (q.update(q.collection("plain"), {"ttl_days": 4}), "Cannot remove `ttl_days` field"),
    ],
)
def test_protected_mode(db, expression, what):
    db.query(q.create_database({"name": "outer", "protected": True}))
    below(db, "outer").query(q.create_database({"name": "inner"}))
    inner = below(db, "outer/inner")
    inner.query(q.create_collection({"name": "c", "history_days": 5, "ttl_days": 5}))
    inner.query(q.create_collection({"name": "plain"}))
    inner.query(q.create_index({"name": "i", "source": q.collection("c")}))
    assert error_of(inner, expression) == ([], "schema validation failed", f"{what}: {TAIL}")
    inner.query(q.update(q.collection("c"), {"history_days": 6, "ttl_days": 6}))
    below(db, "outer").query(q.update(q.database("inner"), {"protected": False}))
    inner.query(q.update(q.collection("c"), {"history_days": 5, "ttl_days": 5}))
    inner.query(expression)


# ---- move_database ----


@pytest.fixture
def tree(db):
    for name in ("a", "b"):
        db.query(q.create_database({"name": name, "data": {"is": name}}))
    below(db, "a").query(q.create_database({"name": "inner"}))
    below(db, "a").query(q.create_collection({"name": "c"}))
    below(db, "a").query(q.create(q.ref(q.collection("c"), 1), {"data": {"x": 1}}))
    return db


def test_a_moved_database_keeps_its_content_and_global_id(tree):
    before = tree.query(q.get(q.database("a")))
    key = tree.query(q.create_key({"role": "server", "database": q.database("a"), "data": {"k": 1}}))
    status, body = tree.body(q.move_database(q.database("a"), q.database("b")))
    moved = body["resource"]
    assert status == 201
    named_b = {"@ref": {"id": "b", "collection": {"@ref": {"id": "databases"}}}}
    assert moved["ref"]["@ref"]["id"] == "a"
    assert named_b in moved["ref"]["@ref"].values()
    assert (moved["name"], moved["data"]) == ("a", {"is": "a"})
    assert moved["global_id"] == before["global_id"]
    assert moved["ts"] > before["ts"]
    assert tree.query(q.exists(q.database("a"))) is False
    assert below(tree, "b/a").query(q.get(q.ref(q.collection("c"), 1)))["data"] == {"x": 1}
    assert below(tree, "b/a/inner").query(1) == 1
    assert tree.as_(key["secret"]).query(q.exists(q.ref(q.collection("c"), 1))) is True
    assert tree.query(q.exists(key["ref"])) is False
    moved_key = below(tree, "b").query(q.get(q.ref(q.keys(), key["ref"].id())))
    assert moved_key["data"] == {"k": 1}
    assert moved_key["database"] == Ref("a", DATABASES)


def test_moving_nested(tree):
    inner = q.database("inner", q.database("a"))
    tree.query(q.move_database(inner, q.database("b")))
    assert below(tree, "b/inner").query(1) == 1
    assert tree.raw(1, secret="secret:a/inner:admin").status == 401


@pytest.mark.parametrize(
    ("source", "to", "names"),
    [
        (q.database("a"), q.database("a"), ("a", "a")),
        (q.database("a"), q.database("inner", q.database("a")), ("a", "inner")),
    ],
)
def test_moving_below_itself(tree, source, to, names):
    text = "Cannot move database '{}' into parent '{}': Cannot move database from ancestor to descendant."
    assert error_of(tree, q.move_database(source, to)) == ([], "move database error", text.format(*names))


def test_moving_to_a_taken_name(tree):
    below(tree, "b").query(q.create_database({"name": "a"}))
    expected = ([], "instance already exists", "Database already exists.")
    assert error_of(tree, q.move_database(q.database("a"), q.database("b"))) == expected


def test_moving_to_where_it_is(tree):
    text = "Cannot move database 'inner' into parent 'a': Source and destination have the same scopeID."
    expression = q.move_database(q.database("inner", q.database("a")), q.database("a"))
    assert error_of(tree, expression) == ([], "move database error", text)


@pytest.mark.parametrize(("source", "to", "dead"), [("x", "y", "a"), ("y", "x", "a")])
def test_moving_databases_that_are_gone(tree, source, to, dead):
    names = {"x": "a", "y": "b"}
    query = q.let(
        {"x": q.database("a"), "y": q.database("b")},
        q.do(q.delete(q.var("x")), q.move_database(q.var(source), q.var(to))),
    )
    places = f"Cannot move database '{names[source]}' into parent '{names[to]}'"
    text = f"{places}: {dead} is not a live database."
    assert error_of(tree, query) == (["in", "do", 1], "move database error", text)


def test_a_database_gone_long_ago_still_has_its_name(tree):
    tree.query(q.create_collection({"name": "store"}))
    holder = q.ref(q.collection("store"), 1)
    tree.query(q.create(holder, {"data": {"to": q.database("a")}}))
    tree.query(q.delete(q.database("a")))
    text = "Cannot move database 'b' into parent 'a': a is not a live database."
    expression = q.move_database(q.database("b"), q.select(["data", "to"], q.get(holder)))
    assert error_of(tree, expression) == ([], "move database error", text)


def test_moving_unknown_databases(tree):
    for source, to, at in (("x", "b", "move_database"), ("a", "x", "to")):
        expected = ([at], "invalid ref", "Ref refers to undefined database 'x'")
        assert error_of(tree, q.move_database(q.database(source), q.database(to))) == expected


def test_moving_needs_admin(tree):
    server = tree.query(q.create_key({"role": "server"}))["secret"]
    expected = ([], "permission denied", "Insufficient privileges to perform the action.")
    assert error_of(tree.as_(server), q.move_database(q.database("a"), q.database("b"))) == expected
