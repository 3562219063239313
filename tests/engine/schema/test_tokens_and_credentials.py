"""Token and credentials documents (writes and schema, "Tokens and credentials")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.engine.background import sweeping
from faunadb.objects import FaunaTime
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required


@pytest.fixture
def users(db):
    db.query(q.create_collection({"name": "users"}))
    db.query([q.create(q.ref(q.collection("users"), number), {}) for number in (1, 2)])
    return db


@pytest.fixture
def server(users):
    return users.as_(users.query(q.create_key({"role": "server"}))["secret"])


def user(number):
    return q.ref(q.collection("users"), number)


# ---- tokens ----


def test_creating_tokens(users):
    params = {"instance": user(1), "data": {"a": 1}, "foo": 1, "hashed_secret": "x"}
    status, body = users.body(q.create(q.tokens(), params))
    made = body["resource"]
    assert status == 201
    assert list(made) == ["ref", "ts", "instance", "data", "secret"]
    assert made["secret"].startswith("fnE")
    assert users.raw(1, secret=made["secret"]).status == 200
    read = users.wire(q.get(q.ref(q.tokens(), made["ref"]["@ref"]["id"])))
    assert list(read) == ["ref", "ts", "instance", "data", "hashed_secret"]


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"instance": None}, [required("instance")]),
        ({"instance": 1}, [invalid_type(["instance"], "Long", "Ref")]),
        ({"instance": "x", "ttl": 1}, [invalid_type(["ttl"], "Long", "Timestamp"), invalid_type(["instance"], "String", "Ref")]),
        ({"instance": None, "data": 1}, [invalid_type(["data"], "Long", "Map"), required("instance")]),
        ({"data": 1}, [invalid_type(["data"], "Long", "Map")]),
    ],
)  # fmt: skip
def test_token_failures(users, params, failures):
    ref = users.query(q.create(q.tokens(), {"instance": user(1)}))["ref"]
    assert failures_of(users, q.create(q.tokens(), {"instance": user(1), **params})) == (["create"], failures)
    assert failures_of(users, q.update(ref, params)) == ([], failures)


def test_updating_tokens(users):
    made = users.query(q.create(q.tokens(), {"instance": user(1)}))
    updated = users.wire(q.update(made["ref"], {"data": {"a": 1}, "instance": user(2)}))
    assert list(updated) == ["ref", "ts", "instance", "data"]
    assert users.raw(1, secret=made["secret"]).status == 200
    replaced = users.wire(q.replace(made["ref"], {"instance": user(1)}))
    assert list(replaced) == ["ref", "ts", "instance", "secret"]
    assert users.raw(1, secret=made["secret"]).status == 401
    assert users.raw(1, secret=replaced["secret"]).status == 200
    gone = users.wire(q.delete(made["ref"]))
    assert list(gone) == ["ref", "ts", "instance", "hashed_secret"]
    assert users.raw(1, secret=replaced["secret"]).status == 401


def test_hashes_of_tokens_may_be_set(users):
    made = users.query(q.create(q.tokens(), {"instance": user(1)}))
    hashed = users.query(q.get(made["ref"]))["hashed_secret"]
    users.query(q.replace(made["ref"], {"instance": user(1)}))
    replaced = users.wire(q.replace(made["ref"], {"instance": user(1), "hashed_secret": hashed}))
    assert "secret" not in replaced
    assert users.raw(1, secret=made["secret"]).status == 200


def test_tokens_expire(users):
    made = users.query(q.create(q.tokens(), {"instance": user(1), "ttl": FaunaTime("2020-01-01T00:00:00Z")}))
    assert users.raw(1, secret=made["secret"]).status == 401


def test_tokens_of_child_databases(db):
    db.query(q.create_database({"name": "child"}))
    child = db.as_("secret:child:admin")
    child.query(q.create_collection({"name": "users"}))
    child.query(q.create(user(1), {}))
    secret = child.query(q.create(q.tokens(), {"instance": user(1)}))["secret"]
    assert db.raw(q.exists(q.collection("users")), secret=secret).status == 200


# ---- credentials ----


def test_creating_credentials(server):
    status, body = server.body(q.create(q.credentials(), {"instance": user(1), "password": "abra"}))
    made = body["resource"]
    assert status == 201
    assert list(made) == ["ref", "ts", "instance", "hashed_password"]
    assert made["hashed_password"].startswith("$2a$05$")
    assert server.wire(q.get(q.ref(q.credentials(), made["ref"]["@ref"]["id"]))) == made
    assert server.query(q.identify(user(1), "abra")) is True


def test_one_credentials_document_each(server):
    server.query(q.create(q.credentials(), {"instance": user(1), "password": "abra"}))
    two = server.query(q.create(q.credentials(), {"instance": user(2)}))
    expected = ("instance not unique", "document is not unique.")
    assert error_of(server, q.create(q.credentials(), {"instance": user(1)})) == (["create"], *expected)
    assert error_of(server, q.update(two["ref"], {"instance": user(1)})) == ([], *expected)
    assert server.query(q.identify(user(2), "")) is False


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({}, [required("instance")]),
        ({"instance": 1}, [invalid_type(["instance"], "Long", "Ref")]),
        ({"instance": user(1), "password": 5}, [invalid_type(["password"], "Long", "String")]),
        ({"instance": user(1), "data": 5}, [invalid_type(["data"], "Long", "Map")]),
        ({"password": 5}, [invalid_type(["password"], "Long", "String"), required("instance")]),
    ],
)
def test_credentials_failures(server, params, failures):
    assert failures_of(server, q.create(q.credentials(), params)) == (["create"], failures)


def test_servers_change_passwords_freely(server):
    made = server.query(q.create(q.credentials(), {"instance": user(1), "password": "abra"}))
    changed = server.wire(q.update(made["ref"], {"password": "cadabra"}))
    assert list(changed) == ["ref", "ts", "instance", "hashed_password"]
    assert server.query(q.identify(user(1), "cadabra")) is True
    server.query(q.update(made["ref"], {"hashed_password": made["hashed_password"]}))
    assert server.query(q.identify(user(1), "abra")) is True


def test_others_need_the_current_password(users):
    made = users.query(q.create(q.credentials(), {"instance": user(1), "password": "abra"}))
    failure = (["current_password"], "invalid password", "Invalid password at `current_password`.")
    for current in ({}, {"current_password": "wrong"}, {"current_password": 5}):
        change = q.update(made["ref"], {"password": "cadabra", **current})
        assert failures_of(users, change) == ([], [failure])
    users.query(q.update(made["ref"], {"password": "cadabra", "current_password": "abra"}))
    assert users.query(q.identify(user(1), "cadabra")) is True
    users.query(q.update(made["ref"], {"hashed_password": made["hashed_password"]}))
    assert users.query(q.identify(user(1), "cadabra")) is True


def test_the_first_password_needs_none(users):
    made = users.query(q.create(q.credentials(), {"instance": user(1)}))
    users.query(q.update(made["ref"], {"password": "abra"}))
    assert users.query(q.identify(user(1), "abra")) is True


def test_credentials_param(users):
    made = users.wire(q.create(user(9), {"credentials": {"password": "abra", "foo": 1}, "data": {"x": 1}}))
    assert list(made) == ["ref", "ts", "data"]
    assert users.query(q.identify(user(9), "abra")) is True
    users.query(q.update(user(9), {"credentials": {"password": "cadabra"}}))
    assert users.query(q.identify(user(9), "abra")) is False
    assert users.query(q.identify(user(9), "cadabra")) is True
    users.query(q.replace(user(9), {"credentials": None}))
    users.query(q.update(user(9), {"credentials": {}}))
    assert users.query(q.identify(user(9), "cadabra")) is True
    assert users.query(q.count(q.credentials())) == 1
    users.query(q.delete(user(9)))
    assert users.query(q.count(q.credentials())) == 1


# ---- documents that are gone ----

PAST = q.time_subtract(q.now(), 1, "hour")


def _delete(users):
    users.query(q.delete(user(1)))


def _expire(users):
    users.query(q.update(user(1), {"ttl": PAST}))


def _expire_and_sweep(users):
    _expire(users)
    sweeping.sweep(users.engine)


def _delete_and_sweep(users):
    users.query(q.update(q.collection("users"), {"history_days": 0}))
    _delete(users)
    users.query(q.create(q.collection("users"), {}))  # a transaction later than the deletion
    sweeping.sweep(users.engine)


def _delete_in_history(users):
    users.query(q.insert(user(1), q.now(), "delete", {}))


def _recreate_in_history(users):
    users.query(q.insert(user(1), q.now(), "create", {}))


def _recreate(users):
    users.query(q.create(user(1), {}))


@pytest.mark.parametrize("comes", [_recreate, _recreate_in_history])
@pytest.mark.parametrize("goes", [_delete, _delete_and_sweep, _expire, _expire_and_sweep, _delete_in_history])
def test_a_document_that_is_gone_leaves_nothing_to_another_one_with_its_id(users, goes, comes):
    users.query(q.update(user(1), {"credentials": {"password": "sesame"}}))
    users.query(q.update(user(2), {"credentials": {"password": "sesame"}}))
    token = users.query(q.login(user(1), {"password": "sesame"}))
    other = users.query(q.login(user(2), {"password": "sesame"}))
    assert users.raw(1, secret=token["secret"]).status == 200
    goes(users)
    assert users.raw(1, secret=token["secret"]).status == 401
    if "sweep" not in goes.__name__:
        assert users.query(q.exists(token["ref"])) is True  # deleting does not cascade
    comes(users)
    assert users.query(q.exists(user(1))) is True
    assert users.raw(1, secret=token["secret"]).status == 401
    assert users.query(q.identify(user(1), "sesame")) is False
    assert users.query(q.exists(token["ref"])) is False
    assert users.query(q.select(["data"], q.paginate(q.tokens()))) == [other["ref"]]
    assert len(users.query(q.select(["data"], q.paginate(q.credentials())))) == 1
    # It may have a password of its own.
    users.query(q.update(user(1), {"credentials": {"password": "another"}}))
    assert users.query(q.identify(user(1), "another")) is True
    assert users.raw(1, secret=other["secret"]).status == 200
