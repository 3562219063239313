"""Key documents (writes and schema, "Keys")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.objects import FaunaTime
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required


def key(number):
    return q.ref(q.keys(), number)


@pytest.fixture
def child(db):
    db.query(q.create_database({"name": "child"}))
    db.query(q.create_role({"name": "r"}))
    return db


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"role": "admin"}, ["role"]),
        ({"role": "server", "priority": 1, "foo": 1}, ["role", "priority"]),
        ({"role": "server-readonly", "data": {"a": 1}}, ["role", "data"]),
        ({"role": "client", "ttl": FaunaTime("2999-01-01T00:00:00Z")}, ["role", "ttl"]),
        ({"database": q.database("child"), "role": "admin"}, ["database", "role"]),
        ({"role": "r"}, ["role"]),
        ({"role": q.role("r")}, ["role"]),
        ({"role": ["r", q.role("r")]}, ["role"]),
    ],
)
def test_create(child, params, shown):
    status, body = child.body(q.create_key(params))
    made = body["resource"]
    assert status == 201
    assert list(made) == ["ref", "ts", *shown, "secret", "hashed_secret"]
    assert made["ref"]["@ref"]["collection"] == {"@ref": {"id": "keys"}}
    assert made["hashed_secret"].startswith("$blake2b$")
    assert made["secret"].startswith("fnA")
    secret = made.pop("secret")
    assert child.wire(q.get(key(made["ref"]["@ref"]["id"]))) == made
    assert child.raw(1, secret=secret).status == 200


UNKNOWN = (["role"], "validation failure", "Role name `nope` does not exist.")


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"role": None}, [required("role")]),
        ({"role": 1}, [invalid_type(["role"], "Long", "Role")]),
        ({"role": "nope"}, [UNKNOWN]),
        ({"role": ["nope", "server"]}, [invalid_type(["role"], "String", "Role"), UNKNOWN]),
        (
            {"role": None, "ttl": 1, "data": 1, "database": 1, "priority": 0},
            [
                invalid_type(["data"], "Long", "Map"),
                invalid_type(["ttl"], "Long", "Timestamp"),
                required("role"),
                invalid_type(["database"], "Long", "Database Ref"),
                invalid_type(["priority"], "Long", "Priority"),
            ],
        ),
        ({"database": "child"}, [invalid_type(["database"], "String", "Database Ref")]),
        ({"database": q.role("r")}, [invalid_type(["database"], "Ref", "Database Ref")]),
        ({"priority": 0}, [invalid_type(["priority"], "Long", "Priority")]),
        ({"priority": 501}, [invalid_type(["priority"], "Long", "Priority")]),
        ({"ttl": 1}, [invalid_type(["ttl"], "Long", "Timestamp")]),
        ({"data": 1}, [invalid_type(["data"], "Long", "Map")]),
        ({"secret": "x"}, [(["secret"], "invalid secret", "Invalid secret at `List(secret)`")]),
    ],
)
def test_failures(child, params, failures):
    made = child.query(q.create_key({"role": "server"}))
    assert failures_of(child, q.create_key({"role": "server", **params})) == (["create_key"], failures)
    assert failures_of(child, q.update(made["ref"], params)) == ([], failures)


def test_refs_to_child_databases(child):
    ghost = q.create_key({"role": "admin", "database": q.database("ghost")})
    failure = (["database"], "invalid reference", "Cannot read reference.")
    assert failures_of(child, ghost) == ([], [failure])


def test_update_and_replace(child):
    made = child.query(q.create_key({"role": "server", "database": q.database("child"), "data": {"a": 1}}))
    secret, hashed = made["secret"], made["hashed_secret"]
    updated = child.wire(q.update(made["ref"], {"data": {"b": 2}, "hashed_secret": "x", "role": "admin"}))
    assert "secret" not in updated
    assert updated["hashed_secret"] == hashed
    assert updated["data"] == {"a": 1, "b": 2}
    assert child.raw(q.create_collection({"name": "c"}), secret=secret).status == 201
    assert failures_of(child, q.replace(made["ref"], {"data": {}})) == ([], [required("role")])
    replaced = child.wire(q.replace(made["ref"], {"role": "server"}))
    assert list(replaced) == ["ref", "ts", "role", "hashed_secret"]
    assert replaced["hashed_secret"] == hashed
    assert child.query(q.exists(q.collection("c")), secret=secret) is False
    child.query(q.delete(made["ref"]))
    assert child.raw(1, secret=secret).status == 401
    assert error_of(child, q.update(made["ref"], {})) == (["update"], "instance not found", "Key not found.")


def test_expired_keys(child):
    secret = child.query(q.create_key({"role": "admin", "ttl": FaunaTime("2020-01-01T00:00:00Z")}))["secret"]
    assert child.raw(1, secret=secret).status == 401


def test_a_secret_of_the_same_key(child):
    made = child.query(q.create_key({"role": "server"}))
    number = made["ref"].id()
    child.query(q.delete(made["ref"]))
    again = child.query(q.create(key(number), {"role": "admin", "secret": made["secret"]}))
    assert again["hashed_secret"] != made["hashed_secret"]
    assert child.raw(q.create_database({"name": "new"}), secret=made["secret"]).status == 201
    other = child.query(q.create_key({"role": "server"}))
    refused = (["secret"], "invalid secret", "Invalid secret at `List(secret)`")
    assert failures_of(child, q.update(other["ref"], {"secret": made["secret"]})) == ([], [refused])
    assert "secret" not in child.query(q.update(other["ref"], {"secret": other["secret"]}))


def test_a_hash_given_on_creation(child):
    made = child.query(q.create_key({"role": "server"}))
    child.query(q.delete(made["ref"]))
    params = {"role": "server", "hashed_secret": made["hashed_secret"]}
    again = child.wire(q.create(key(made["ref"].id()), params))
    assert list(again) == ["ref", "ts", "role", "hashed_secret"]
    assert child.raw(1, secret=made["secret"]).status == 200


def test_ids_held_by_another_database(child):
    made = child.query(q.create_key({"role": "server"}))
    inner = child.as_("secret:child:admin")
    params = {"role": "admin", "secret": made["secret"]}
    duplicate = ("duplicate value", "Value is not unique.")
    assert failures_of(inner, q.create(key(made["ref"].id()), params)) == (
        ["create"],
        [(["secret"], *duplicate)],
    )
    params = {"role": "admin", "hashed_secret": made["hashed_secret"]}
    assert failures_of(inner, q.create(key(made["ref"].id()), params)) == (
        ["create"],
        [(["hashed_secret"], *duplicate)],
    )


def test_no_key_takes_the_id_of_another_databases_key(child):
    inner = child.as_("secret:child:admin")
    made = inner.query(q.create_key({"role": "server"}))
    number = made["ref"].id()
    failure = (["hashed_secret"], "duplicate value", "Value is not unique.")
    assert failures_of(child, q.create(key(number), {"role": "admin"})) == (["create"], [failure])
    for ts in (1, q.now()):
        insertion = q.insert(key(number), ts, "create", {"role": "admin"})
        assert failures_of(child, insertion) == ([], [failure])
    assert child.raw(1, secret=made["secret"]).status == 200
    inner.query(q.delete(made["ref"]))
    taken_over = child.query(q.create(key(number), {"role": "admin"}))
    assert child.raw(1, secret=taken_over["secret"]).status == 200


def test_self_is_no_key(child):
    error = child.error({"@ref": {"id": "self", "collection": {"@ref": {"id": "keys"}}}})
    assert (error["code"], error["description"]) == ("invalid expression", "Invalid ref.")
