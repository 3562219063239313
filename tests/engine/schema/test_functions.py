"""User-defined functions as documents (writes and schema, "Functions")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required

BODY = q.query(q.lambda_(["x", "y"], q.select(0, [q.var("x"), q.var("y")])))
STORED = {
    "@query": {
        "api_version": "4",
        "lambda": ["x", "y"],
        "expr": {"select": 0, "from": [{"var": "x"}, {"var": "y"}]},
    }
}


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"name": "f", "body": BODY}, ["name", "body"]),
        ({"body": BODY, "name": "f", "role": "admin"}, ["body", "name", "role"]),
        (
            {"name": "f", "body": BODY, "signature": "x: Any", "foo": 1, "ttl": 5},
            ["name", "body", "signature"],
        ),
        ({"name": "f", "body": BODY, "data": {"a": 1}, "role": "r"}, ["name", "body", "data", "role"]),
        ({"name": "f", "body": BODY, "role": ["r", "r"]}, ["name", "body", "role"]),
    ],
)
def test_create(db, params, shown):
    db.query(q.create_role({"name": "r"}))
    made = db.wire(q.create_function(params))
    assert list(made) == ["ref", "ts", *shown]
    assert made["body"] == STORED
    for key in ("role", "signature"):
        assert made.get(key) == params.get(key)
    assert db.wire(q.get(q.function("f"))) == made


def test_role_refs(db):
    db.query(q.create_role({"name": "r"}))
    made = db.wire(q.create_function({"name": "f", "body": BODY, "role": q.role("r")}))
    assert made["role"] == {"@ref": {"id": "r", "collection": {"@ref": {"id": "roles"}}}}
    made = db.wire(q.update(q.function("f"), {"role": [q.role("r")]}))
    assert made["role"] == [{"@ref": {"id": "r", "collection": {"@ref": {"id": "roles"}}}}]


UNKNOWN = (["role"], "validation failure", "Role name `nope` does not exist.")


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"body": None}, [required("body")]),
        ({"body": 1}, [invalid_type(["body"], "Long", "Query")]),
        ({"body": {}}, [invalid_type(["body"], "Map", "Query")]),
        ({"role": 1}, [invalid_type(["role"], "Long", "Role")]),
        ({"role": "nope"}, [UNKNOWN]),
        ({"role": ["nope"]}, [UNKNOWN]),
        ({"role": ["admin"]}, [invalid_type(["role"], "String", "Role")]),
        ({"role": q.collections()}, [invalid_type(["role"], "Ref", "Role")]),
        ({"role": {"a": 1}}, [invalid_type(["role"], "Map", "Role")]),
        ({"signature": 1}, [invalid_type(["signature"], "Long", "String")]),
        ({"data": "x"}, [invalid_type(["data"], "String", "Map")]),
        ({"role": "nope", "body": 1}, [invalid_type(["body"], "Long", "Query"), UNKNOWN]),
        (
            {"name": None, "body": 1, "role": 2, "data": 3},
            [
                invalid_type(["data"], "Long", "Map"),
                required("name"),
                invalid_type(["role"], "Long", "Role"),
                invalid_type(["body"], "Long", "Query"),
            ],
        ),
    ],
)
def test_failures(db, params, failures):
    db.query(q.create_function({"name": "there", "body": BODY}))
    given = {"name": "f", "body": BODY, **params}
    assert failures_of(db, q.create_function(given)) == (["create_function"], failures)
    assert failures_of(db, q.update(q.function("there"), params)) == ([], failures)


def test_text_bodies(db):
    db.query(q.create_function({"name": "there", "body": BODY}))
    expected = ("schema validation failed", "Invalid type provided for field `body`.")
    assert error_of(db, q.create_function({"name": "f", "body": "x => x"})) == (
        ["create_function"],
        *expected,
    )
    assert error_of(db, q.create(q.functions(), {"name": "f", "body": ""})) == (["create"], *expected)
    assert error_of(db, q.update(q.function("there"), {"body": "x"})) == ([], *expected)
    assert error_of(db, q.replace(q.function("there"), {"body": "x"})) == ([], *expected)


def test_replace_needs_the_body(db):
    db.query(q.create_function({"name": "f", "body": BODY, "role": "admin", "data": {"a": 1}}))
    assert failures_of(db, q.replace(q.function("f"), {})) == ([], [required("body")])
    replaced = db.wire(q.replace(q.function("f"), {"body": BODY}))
    assert list(replaced) == ["ref", "ts", "name", "body"]


def test_bodies_are_not_evaluated(db):
    body = q.query(
        q.lambda_("x", q.do(q.collection("not_yet"), q.create("not_yet", {"data": {"x": q.var("x")}})))
    )
    assert db.body(q.create_function({"name": "f", "body": body}))[0] == 201
    db.query(q.create_collection({"name": "not_yet"}))
    assert db.query(q.select("data", q.call("f", 5))) == {"x": 5}


def test_servers_may_not_point_at_roles(db):
    db.query(q.create_role({"name": "r"}))
    server = db.as_(db.query(q.create_key({"role": "server"}))["secret"])
    unreadable = "Cannot read reference."
    assert failures_of(server, q.create_function({"name": "f", "body": BODY, "role": [q.role("r")]})) == (
        ["create_function"],
        [(["role"], "invalid reference", unreadable)],
    )
    assert failures_of(
        server, q.create_function({"name": "f", "body": BODY, "data": {"a": [q.role("r")]}})
    ) == (
        ["create_function"],
        [(["data", "a"], "invalid reference", unreadable)],
    )
    assert server.query(q.create_function({"name": "f", "body": BODY, "role": "r"}))["role"] == "r"


def test_refs_in_schema_documents_must_exist(db):
    db.query(q.create_collection({"name": "c"}))
    missing = q.ref(q.collection("c"), 1)
    given = {
        "name": "f",
        "body": BODY,
        "data": {"deep": [{"x": missing}], "c": q.collection("c"), "all": q.collections()},
    }
    failure = (["data", "deep", "x"], "invalid reference", "Reference was not found.")
    assert failures_of(db, q.create_function(given)) == (["create_function"], [failure])
    db.query(q.create(missing, {}))
    assert db.body(q.create_function(given))[0] == 201


def test_what_was_valid_stays_valid(db):
    db.query([q.create_collection({"name": "c"}), q.create_role({"name": "r"})])
    db.query(
        q.create_function({"name": "f", "body": BODY, "role": q.role("r"), "data": {"c": q.collection("c")}})
    )
    server = db.as_(db.query(q.create_key({"role": "server"}))["secret"])
    assert server.query(q.update(q.function("f"), {"signature": "x"}))["signature"] == "x"
    db.query(q.delete(q.collection("c")))
    assert db.query(q.update(q.function("f"), {"name": "g"}))["name"] == "g"


CAPTURED_SETS = [
    q.join(q.documents(q.collection("c")), q.lambda_("d", q.match(q.index("by_d"), q.var("d")))),
    q.join(q.documents(q.collection("c")), q.index("by_d")),
    q.filter_(
        q.lambda_("d", q.equals(q.var("d"), q.ref(q.collection("c"), 1))), q.documents(q.collection("c"))
    ),
    q.union(q.documents(q.collection("c")), q.match(q.index("by_d"), 1)),
    q.difference(q.documents(q.collection("c")), q.documents(q.collection("c"))),
    q.distinct(q.documents(q.collection("c"))),
    q.events(q.documents(q.collection("c"))),
    q.let(
        {"one": q.ref(q.collection("c"), 1)},
        q.filter_(q.lambda_("d", q.equals(q.var("d"), q.var("one"))), q.documents(q.collection("c"))),
    ),
]


@pytest.mark.parametrize("captured", CAPTURED_SETS)
def test_a_captured_set_is_the_same_set_when_the_function_runs(db, captured):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create_index({"name": "by_d", "source": q.collection("c"), "terms": {"field": ["data", "d"]}}))
    for number in (1, 2):
        params = {"data": {"d": q.ref(q.collection("c"), 1)}}
        db.query(q.create(q.ref(q.collection("c"), number), params))
    expected = db.wire(q.paginate(captured))
    body = q.query(q.lambda_("_", q.paginate(q.var("set"))))
    db.query(q.let({"set": captured}, q.create_function({"name": "f", "body": body})))
    assert db.wire(q.call("f")) == expected
    assert db.wire(q.call("f")) == expected


NOPE = {"@ref": {"id": "nope", "collection": {"@ref": {"id": "collections"}}}}


def lambda_of(body):
    return {"query": {"lambda": "x", "expr": body}}


@pytest.mark.parametrize(
    ("expression", "position", "field"),
    [
        ({"create_function": {"object": {"name": "f", "body": lambda_of({"create": NOPE})}}}, [], ["body"]),
        (
            {"create_function": {"object": {"name": "f", "body": lambda_of({"quote": [{"a": NOPE}]})}}},
            [],
            ["body"],
        ),
        (
            {"create_function": {"object": {"name": "f", "body": lambda_of(lambda_of([NOPE]))}}},
            [],
            ["body"],
        ),
        (
            q.let(
                {"c": q.collection("nope")},
                q.create_function({"name": "f", "body": q.query(q.lambda_("x", q.get(q.var("c"))))}),
            ),
            ["in"],
            ["in", "body"],
        ),
        (
            {"create": "c", "params": {"object": {"data": {"object": {"a": [1, lambda_of(NOPE)]}}}}},
            [],
            ["data", "a", "1"],
        ),
        (
            q.create(
                "c",
                {
                    "data": {
                        "p": q.map_(
                            q.lambda_("_", q.collection("nope")), q.paginate(q.documents(q.collection("c")))
                        )
                    }
                },
            ),
            [],
            ["data", "p"],
        ),
    ],
)
def test_literals_of_what_does_not_exist_are_not_stored(db, expression, position, field):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create(q.collection("c"), {}))
    failure = (field, "invalid reference", "Cannot read reference.")
    assert failures_of(db, expression) == (position, [failure])
