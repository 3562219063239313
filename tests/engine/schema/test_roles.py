"""Role documents (writes and schema, "Roles")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from tests.engine.conftest import filled_once
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required

SPELLS = {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}}


def taking(*names):
    return q.query(q.lambda_(list(names), True))


ONE = q.query(q.lambda_("x", True))
ANY = q.query(q.lambda_("_", True))


@pytest.fixture
@filled_once
def spells(db):
    db.query(q.create_collection({"name": "spells"}))
    return db


def privilege(**actions):
    return {"privileges": {"resource": q.collection("spells"), "actions": actions}}


def test_a_role_keeps_known_fields_only(spells):
    params = {
        "name": "r",
        "privileges": [
            {
                "resource": q.collection("spells"),
                "actions": {"read": True, "foo": 1, "write": taking("a", "b")},
                "x": 1,
            },
            {"resource": q.keys()},
        ],
        "membership": {"resource": q.collection("spells"), "predicate": ONE, "y": 2},
        "data": {"a": 1},
        "ttl": 3,
    }
    made = spells.wire(q.create_role(params))
    assert list(made) == ["ref", "ts", "name", "privileges", "membership", "data"]
    lambda_ = {"@query": {"api_version": "4", "lambda": ["a", "b"], "expr": True}}
    assert made["privileges"] == [
        {"resource": SPELLS, "actions": {"read": True, "write": lambda_}},
        {"resource": {"@ref": {"id": "keys"}}},
    ]
    assert list(made["membership"]) == ["resource", "predicate"]
    assert spells.wire(q.get(q.role("r"))) == made


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"privileges": {}}, [required("resource")]),
        ({"privileges": [{"actions": {}}]}, [required("resource")]),
        ({"privileges": {"resource": 1}}, [invalid_type(["resource"], "Long", "Ref")]),
        ({"privileges": {"resource": "x"}}, [invalid_type(["privileges", "resource"], "String", "Ref")]),
        (privilege(read=1), [invalid_type(["actions", "read"], "Long", "RoleAction")]),
        (privilege(call="x"), [invalid_type(["privileges", "actions", "call"], "String", "Query")]),
        ({"membership": {}}, [required("resource")]),
        ({"membership": {"resource": 1.5}}, [invalid_type(["resource"], "Double", "Class Ref")]),
        (
            {"membership": {"resource": q.role("other")}},
            [invalid_type(["resource"], "Ref", "Class Ref")],
        ),
        ({"membership": [{"resource": "x"}]}, [invalid_type(["membership", "resource"], "String", "Ref")]),
        (
            {"membership": {"resource": q.collection("spells"), "predicate": "x"}},
            [invalid_type(["membership", "predicate"], "String", "Query")],
        ),
        ({"privileges": 1}, [invalid_type(["privileges"], "Long", "Privilege")]),
        ({"privileges": ["x"]}, [invalid_type(["privileges"], "String", "Privilege")]),
        ({"membership": 1}, [invalid_type(["membership"], "Long", "Membership")]),
        ({"membership": [[]]}, [invalid_type(["membership"], "Array", "Membership")]),
        ({"data": 1}, [invalid_type(["data"], "Long", "Map")]),
    ],
)
def test_failures(spells, params, failures):
    spells.query(q.create_role({"name": "other"}))
    assert failures_of(spells, q.create_role({"name": "r", **params})) == (["create_role"], failures)
    assert failures_of(spells, q.update(q.role("other"), params)) == ([], failures)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("read", 1),
        ("create", 1),
        ("delete", 1),
        ("history_read", 1),
        ("unrestricted_read", 1),
        ("call", 1),
        ("write", 2),
        ("create_with_id", 2),
        ("history_write", 4),
    ],
)
def test_arities(spells, action, expected):
    names = ["a", "b", "c", "d", "e"]
    for count in range(6):
        predicate = taking(*names[:count])
        role = {"name": f"r{count}", **privilege(**{action: predicate})}
        if count == expected:
            assert spells.body(q.create_role(role))[0] == 201
            continue
        text = f"Found lambda with arity {count} expected {expected}"
        failure = (["privileges", "actions", action], "invalid arity", text)
        assert failures_of(spells, q.create_role(role)) == (["create_role"], [failure])
    assert spells.body(q.create_role({"name": "any", **privilege(**{action: ANY})}))[0] == 201
    in_array = {"name": "array", "privileges": [privilege(**{action: taking(*names)})["privileges"]]}
    assert spells.body(q.create_role(in_array))[0] == 201


def test_membership_arity(spells):
    membership = {"resource": q.collection("spells"), "predicate": taking("a", "b")}
    failure = (["membership", "predicate"], "invalid arity", "Found lambda with arity 2 expected 1")
    role = {"name": "r", "membership": membership}
    assert failures_of(spells, q.create_role(role)) == (["create_role"], [failure])
    assert spells.body(q.create_role({"name": "r", "membership": [membership]}))[0] == 201


def test_sixty_four_roles_per_membership(spells):
    membership = {"resource": q.collection("spells")}
    spells.query([q.create_role({"name": f"r{number}", "membership": membership}) for number in range(64)])
    text = "Maximum number of roles per membership class exceeded. Maximum allowed: 64."
    failure = (["create_role"], "resources exceeded", text)
    one_more = q.create_role({"name": "more", "membership": [membership]})
    assert failures_of(spells, one_more) == (["create_role"], [failure])
    spells.query(q.create_role({"name": "more"}))
    failure = ([], "resources exceeded", text)
    assert failures_of(spells, q.update(q.role("more"), {"membership": membership})) == ([], [failure])
    spells.query(q.delete(q.role("r0")))
    assert spells.body(one_more)[0] == 400
    spells.query(q.delete(q.role("more")))
    assert spells.body(one_more)[0] == 201


def test_replace_keeps_the_name_alone(spells):
    spells.query(q.create_role({"name": "r", "data": {"a": 1}, **privilege(read=True)}))
    assert list(spells.wire(q.replace(q.role("r"), {}))) == ["ref", "ts", "name"]


def test_missing_resources(spells):
    spells.query(q.create(q.ref(q.collection("spells"), 1), {}))
    role = {"name": "r", "privileges": [{"resource": q.collection("nope"), "actions": {}}]}
    failure = (["privileges", "0", "resource"], "invalid reference", "Cannot read reference.")
    assert failures_of(spells, q.create_role(role)) == ([], [failure])
    assert error_of(spells, q.delete(q.role("r")))[1] == "invalid ref"
