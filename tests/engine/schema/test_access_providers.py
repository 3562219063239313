"""Access provider documents (writes and schema, "Access providers")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from tests.engine.schema.checks import failures_of, invalid_type, required

GIVEN = {"name": "p", "issuer": "https://login.example", "jwks_uri": "https://login.example/keys"}
PREDICATE = q.query(q.lambda_("jwt", True))


@pytest.fixture
def roles(db):
    db.query([q.create_role({"name": "r"}), q.create_role({"name": "s"})])
    return db


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({}, []),
        ({"roles": "r", "foo": 1}, ["roles"]),
        ({"roles": ["r", "s"], "data": {"a": 1}}, ["roles", "data"]),
        ({"roles": [{"role": "r", "predicate": PREDICATE}, "s"], "audience": "mine"}, ["roles"]),
    ],
)
def test_create(roles, params, shown):
    made = roles.wire(q.create_access_provider({**GIVEN, **params}))
    assert list(made) == ["ref", "ts", "name", "issuer", "jwks_uri", *shown, "audience"]
    assert roles.wire(q.get(q.access_provider("p"))) == made
    if params.get("roles") == ["r", "s"]:
        assert made["roles"] == ["r", "s"]


def test_audience(db):
    made = db.query(q.create_database({"name": "child"}))
    provider = db.as_("secret:child:admin").query(q.create_access_provider(GIVEN))
    assert provider["audience"] == f"https://db.fauna.com/db/{made['global_id']}"


def uri(text):
    return (["jwks_uri"], "invalid uri", f"`{text}` is a not valid URI")


def role_failure(text):
    return (["roles"], "validation failure", text)


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"issuer": None}, [required("issuer")]),
        ({"jwks_uri": None}, [required("jwks_uri")]),
        ({"name": None, "issuer": None, "jwks_uri": None}, [required("name"), required("issuer"), required("jwks_uri")]),
        ({"issuer": 1}, [invalid_type(["issuer"], "Long", "String")]),
        ({"jwks_uri": 1}, [invalid_type(["jwks_uri"], "Long", "URI")]),
        ({"jwks_uri": "http://x"}, [uri("http://x")]),
        ({"jwks_uri": "db.fauna.com"}, [uri("db.fauna.com")]),
        ({"jwks_uri": "aUrl"}, [uri("aUrl")]),
        ({"jwks_uri": "https://x:port/keys"}, [uri("https://x:port/keys")]),
        ({"jwks_uri": "https://me:word@x:port"}, [uri("https://me:word@x:port")]),
        ({"roles": 1}, [invalid_type(["roles"], "Long", "Role")]),
        ({"roles": "admin"}, [role_failure("Builtin role `admin` not allowed.")]),
        ({"roles": "nope"}, [role_failure("Role `nope` does not exist.")]),
        (
            {"roles": ["server", "nope", "r", "client"]},
            [
                role_failure("Role `nope` does not exist."),
                role_failure("Builtin role `server` not allowed."),
                role_failure("Builtin role `client` not allowed."),
            ],
        ),
        ({"roles": {"role": "r"}}, [required("predicate")]),
        ({"roles": [{"predicate": PREDICATE}]}, [required("role")]),
        ({"roles": {"role": "r", "predicate": "x"}}, [invalid_type(["roles", "predicate"], "String", "Query")]),
        ({"data": 1}, [invalid_type(["data"], "Long", "Map")]),
    ],
)  # fmt: skip
def test_failures(roles, params, failures):
    given = {**GIVEN, **params}
    assert failures_of(roles, q.create_access_provider(given)) == (["create_access_provider"], failures)
    roles.query(q.create_access_provider(GIVEN))
    assert failures_of(roles, q.update(q.access_provider("p"), params)) == ([], failures)


@pytest.mark.parametrize(
    "text",
    [
        "https:/x",
        "https: //x",
        "HTTPS://x",
        "https://x:8443/keys",
        "https://",
        "https://[::1]/k",
        "https://me:word@x/k",
    ],
)
def test_accepted_uris(db, text):
    assert db.query(q.create_access_provider({**GIVEN, "jwks_uri": text}))["jwks_uri"] == text


def test_issuers_are_unique(db):
    db.query(q.create_access_provider(GIVEN))
    duplicate = (["issuer"], "duplicate value", "Value is not unique.")
    assert failures_of(db, q.create_access_provider({**GIVEN, "name": "other"})) == (
        ["create_access_provider"],
        [duplicate],
    )
    db.query(q.create_access_provider({**GIVEN, "name": "other", "issuer": "x"}))
    assert failures_of(db, q.update(q.access_provider("other"), {"issuer": GIVEN["issuer"]})) == (
        [],
        [duplicate],
    )
    db.query(q.update(q.access_provider("p"), {"issuer": GIVEN["issuer"]}))
    db.query(q.delete(q.access_provider("p")))
    db.query(q.update(q.access_provider("other"), {"issuer": GIVEN["issuer"]}))


def test_replace_drops_data_and_keeps_the_rest(roles):
    made = roles.wire(q.create_access_provider({**GIVEN, "roles": ["r"], "data": {"a": 1}}))
    replaced = roles.wire(q.replace(q.access_provider("p"), {"audience": "x"}))
    made.pop("data")
    assert {**replaced, "ts": 0} == {**made, "ts": 0}
