"""What built-in roles and tokens may do (auth chapter, "Built-in permission sets")."""

from __future__ import annotations

import pytest

from tests.engine.conftest import filled_once

from .wire import (
    coll,
    create,
    create_role,
    data,
    database,
    denied,
    documents,
    fn,
    get,
    lam,
    make_key,
    match,
    native,
    obj,
    paginate,
    privilege,
    ref,
    role,
    select,
    var,
)

LITERAL = {"@ts": "2020-01-01T00:00:00Z"}


@pytest.fixture
@filled_once
def world(db):
    """One item of everything, and a child database with a little."""
    db.wire({"create_collection": obj(name="users")})
    db.wire({"create_index": obj(name="all_users", source=coll("users"))})
    db.wire({"create_function": obj(name="one", body=lam("_", 1))})
    db.wire(create_role("reader", privilege(coll("users"), read=True)))
    db.wire({"create_access_provider": obj(name="login", issuer="me", jwks_uri="https://me.example/")})
    db.wire({"create_database": obj(name="child")})
    db.wire(create(ref("users", 1), data=obj(a=1), credentials=obj(password="sesame")))
    db.wire({"create_key": obj(role="client")})
    child = db.as_("secret:child:admin")
    child.wire({"create_collection": obj(name="pets")})
    child.wire({"create_index": obj(name="all_pets", source=coll("pets"))})
    child.wire({"create_function": obj(name="two", body=lam("_", 2))})
    child.wire({"create_database": obj(name="grand")})
    child.wire({"create_role": obj(name="petter")})
    child.wire(create(ref("pets", 7)))
    return db


def keys(db):
    return {name: db.as_(make_key(db, name)) for name in ("admin", "server", "server-readonly", "client")}


CHILD = database("child")
PET = ref(coll("pets", CHILD), 7)

#: expression, who may, position of the denial
READS = [
    (get(ref("users", 1)), "admin server server-readonly", []),
    (get(coll("users")), "admin server server-readonly", []),
    (get({"index": "all_users"}), "admin server server-readonly", []),
    (get(fn("one")), "admin server server-readonly", []),
    (get(database("child")), "admin", []),
    (get(role("reader")), "admin", []),
    (get({"access_provider": "login"}), "admin", []),
    (get(native("collections")), "admin server server-readonly", ["get"]),
    (get(native("databases")), "admin", ["get"]),
    (get(documents("users")), "admin server server-readonly", None),
    (get(match("all_users")), "admin server server-readonly", ["get"]),
    (get(PET), "admin server server-readonly", []),
    (get(coll("pets", CHILD)), "admin server server-readonly", []),
    (get({"role": "petter", "scope": CHILD}), "admin", []),
    (get({"database": "grand", "scope": CHILD}), "admin", []),
    (paginate(native("collections")), "admin server server-readonly", ["paginate"]),
    (paginate(native("indexes")), "admin server server-readonly", ["paginate"]),
    (paginate(native("functions")), "admin server server-readonly", ["paginate"]),
    (paginate(native("tokens")), "admin server server-readonly", ["paginate"]),
    (paginate(native("credentials")), "admin server server-readonly", ["paginate"]),
    (paginate(native("databases")), "admin", ["paginate"]),
    (paginate(native("keys")), "admin", ["paginate"]),
    (paginate(native("roles")), "admin", ["paginate"]),
    (paginate(native("access_providers")), "admin", ["paginate"]),
    (paginate(native("collections", CHILD)), "admin server server-readonly", ["paginate"]),
    (paginate(native("databases", CHILD)), "admin", ["paginate"]),
    (paginate(match("all_users")), "admin server server-readonly", ["paginate"]),
    (
        paginate({"match": {"index": "all_pets", "scope": CHILD}}),
        "admin server server-readonly",
        ["paginate"],
    ),
    (paginate({"events": ref("users", 1)}), "admin server server-readonly", ["paginate"]),
    (paginate({"events": PET}), "admin server server-readonly", ["paginate"]),
    (paginate({"events": database("child")}), "admin", ["paginate"]),
    (paginate({"singleton": ref("users", 1)}), "admin server server-readonly", ["paginate"]),
    ({"exists": match("all_users")}, "admin server server-readonly", ["exists"]),
    ({"exists": native("databases")}, "admin", ["exists"]),
    ({"first": match("all_users")}, "admin server server-readonly", ["first"]),
    ({"call": fn("one"), "arguments": None}, "admin server", []),
    ({"call": "one"}, "admin server", []),
    ({"call": {"function": "two", "scope": CHILD}}, "admin server", []),
]

WRITES = [
    (create(coll("users")), "admin server", ["create"]),
    (create(ref("users", 5)), "admin server", ["create"]),
    ({"update": ref("users", 1), "params": data(b=1)}, "admin server", []),
    ({"replace": ref("users", 1), "params": data(b=1)}, "admin server", []),
    ({"delete": ref("users", 1)}, "admin server", []),
    ({"insert": ref("users", 1), "ts": LITERAL, "action": "create", "params": data(b=1)}, "admin server", []),
    ({"remove": ref("users", 1), "ts": LITERAL, "action": "create"}, "admin server", []),
    ({"create_collection": obj(name="new")}, "admin server", ["create_collection"]),
    ({"create_index": obj(name="new", source=coll("users"))}, "admin server", ["create_index"]),
    ({"create_function": obj(name="new", body=lam("x", 1))}, "admin server", ["create_function"]),
    ({"update": coll("users"), "params": data(b=1)}, "admin server", []),
    ({"delete": {"index": "all_users"}}, "admin server", []),
    (create(native("tokens"), instance=ref("users", 1)), "admin server", ["create"]),
    (create(native("credentials"), instance=ref("users", 2)), "admin server", ["create"]),
    ({"create_database": obj(name="new")}, "admin", ["create_database"]),
    ({"create_key": obj(role="client")}, "admin", ["create_key"]),
    ({"create_role": obj(name="new")}, "admin", ["create_role"]),
    (
        {"create_access_provider": obj(name="new", issuer="x", jwks_uri="https://x/")},
        "admin",
        ["create_access_provider"],
    ),
    (create(native("keys"), role="client"), "admin", ["create"]),
    (create(native("roles"), name="new"), "admin", ["create"]),
    ({"update": database("child"), "params": data(b=1)}, "admin", []),
    ({"replace": role("reader"), "params": obj()}, "admin", []),
    ({"delete": {"access_provider": "login"}}, "admin", []),
    ({"delete": database("child")}, "admin", []),
    ({"move_database": {"database": "grand", "scope": CHILD}, "to": CHILD}, "admin", []),
]

FREE = [
    {"has_current_identity": None},
    {"has_current_token": None},
    {"current_token": None},
    {"logout": True},
    {"identify": ref("users", 1), "password": "sesame"},
    {"login": ref("users", 1), "params": obj(password="sesame")},
    {"exists": ref("users", 1)},
    match("all_users"),
    coll("users"),
]

NAMES = ("admin", "server", "server-readonly", "client")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("expression", "who", "position"), READS + WRITES)
def test_builtin_role(world, name, expression, who, position):
    key = world.as_(make_key(world, name))
    if name in who.split():
        status, body = key.body(expression)
        assert status != 403, body
        if "move_database" not in expression:
            assert status in (200, 201), body
        return
    if position is None:
        assert key.error(expression)["code"] in ("instance not found", "permission denied")
        return
    assert denied(key, expression) == position


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("expression", FREE)
def test_needs_no_permission(world, name, expression):
    world.as_(make_key(world, name)).wire(expression)


@pytest.mark.parametrize("name", NAMES)
def test_exists_of_a_ref_is_false_without_read(world, name):
    key = world.as_(make_key(world, name))
    assert key.wire({"exists": ref("users", 1)}) is (name != "client")
    assert key.wire({"exists": database("child")}) is (name == "admin")


@pytest.mark.parametrize("name", NAMES)
def test_documents_of_special_collections_are_left_out(world, name):
    key = world.as_(make_key(world, name))
    assert bool(key.wire(paginate({"documents": native("databases")}))["data"]) is (name == "admin")
    assert bool(key.wire(paginate({"documents": native("collections")}))["data"]) is (name != "client")
    assert bool(key.wire(paginate(documents("users")))["data"]) is (name != "client")


def test_index_over_special_documents(world):
    world.wire({"create_index": obj(name="keys_by", source=native("keys"))})
    found = {name: key.body(paginate(match("keys_by"))) for name, key in keys(world).items()}
    assert found["admin"][1]["resource"]["data"]
    assert found["server"][1]["resource"]["data"] == []
    assert found["server-readonly"][1]["resource"]["data"] == []
    assert found["client"][0] == 403


def test_child_collections_carry_their_database(world):
    server = world.as_(make_key(world, "server"))
    (found,) = server.wire(paginate(native("collections", CHILD)))["data"]
    assert found["@ref"]["database"]["@ref"]["id"] == "child"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("expression", "position"),
    [
        (create(coll("pets", CHILD)), ["create"]),
        (create(ref(coll("pets", CHILD), 8)), ["create"]),
        ({"update": PET, "params": obj()}, ["update"]),
        ({"replace": PET, "params": obj()}, ["replace"]),
        ({"delete": PET}, ["delete"]),
        ({"insert": PET, "ts": LITERAL, "action": "create", "params": obj()}, ["insert"]),
        ({"remove": PET, "ts": LITERAL, "action": "create"}, ["remove"]),
    ],
)
def test_nobody_writes_into_another_database(world, name, expression, position):
    error = world.as_(make_key(world, name)).error(expression)
    assert error == {
        "position": position,
        "code": "invalid argument",
        "description": "Cannot write a scoped ref.",
    }


def test_parent_is_out_of_reach(world):
    child = world.as_("secret:child:admin")
    assert child.wire({"exists": coll("users")}) is False
    assert child.wire(paginate(native("collections")))["data"]
    assert [item["@ref"]["id"] for item in child.wire(paginate(native("collections")))["data"]] == ["pets"]


# ---- order of checks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        (get(ref("users", 99)), "permission denied"),
        ({"update": ref("users", 99), "params": obj()}, "instance not found"),
        ({"replace": ref("users", 99), "params": obj()}, "instance not found"),
        ({"delete": ref("users", 99)}, "instance not found"),
        (create(ref("users", 1)), "permission denied"),
        ({"call": "missing"}, "invalid ref"),
    ],
)
def test_order(world, expression, code):
    assert world.as_(make_key(world, "client")).error(expression)["code"] == code


# ---- tokens -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["token", "document suffix"])
def user(request, world):
    """A principal with the identity of users/1."""
    world.token = world.wire({"login": ref("users", 1), "params": obj(password="sesame")})
    if request.param == "token":
        return world.as_(world.token["secret"])
    return world.as_("secret:@doc/users/1")


def own(world):
    """Its token and its credentials, as wire refs."""
    token = world.token["ref"]["@ref"]["id"]
    (credentials,) = world.wire(paginate(native("credentials")))["data"]
    return ref(native("tokens"), token), ref(native("credentials"), credentials["@ref"]["id"])


def membership(collection="users", **more):
    return obj(resource=coll(collection), **more)


def test_baseline_reads(world, user):
    token, credentials = own(world)
    assert user.wire(get(token))["instance"] == world.wire(ref("users", 1))
    assert user.wire(get(credentials))["instance"] == world.wire(ref("users", 1))
    assert user.wire({"exists": token}) is True
    assert denied(user, paginate(native("tokens"))) == ["paginate"]


def test_baseline_does_not_reach_others(world, user):
    world.wire(create(ref("users", 2), credentials=obj(password="sesame")))
    other = world.wire({"login": ref("users", 2), "params": obj(password="sesame")})["ref"]["@ref"]["id"]
    assert denied(user, get(ref(native("tokens"), other))) == []
    assert denied(user, {"delete": ref(native("tokens"), other)}) == []
    for expression in (get(ref("users", 2)), create(coll("users"))):
        denied(user, expression)


def test_baseline_of_the_token_itself(world, user):
    token, credentials = own(world)
    assert denied(user, {"update": token, "params": obj()}) == []
    assert denied(user, {"delete": credentials}) == []
    assert denied(user, {"update": credentials, "params": obj(password="x")}) == []
    assert user.wire({"delete": token})["ref"] == world.token["ref"]


def test_own_document_without_any_role(world, user):
    assert user.wire(get(ref("users", 1)))["data"] == {"a": 1}
    for expression in (
        {"update": ref("users", 1), "params": obj()},
        {"delete": ref("users", 1)},
    ):
        assert denied(user, expression) == []
    assert denied(user, paginate({"events": ref("users", 1)})) == ["paginate"]


def test_own_document_with_a_role_that_grants_nothing(world, user):
    world.wire(create_role("nothing", membership=membership()))
    assert denied(user, get(ref("users", 1))) == []
    token, _ = own(world)
    assert user.wire(get(token))


def test_own_document_with_a_role_that_does_not_apply(world, user):
    world.wire(create_role("nothing", membership=membership(predicate=lam("x", False))))
    world.wire({"create_collection": obj(name="other")})
    world.wire(create_role("others", membership=membership("other")))
    assert user.wire(get(ref("users", 1)))


def test_baseline_is_not_in_force_inside_a_function_with_a_role(world, user):
    world.wire({"create_function": obj(name="look", body=lam("x", get(var("x"))), role="reader")})
    world.wire(create_role("caller", privilege(fn("look"), call=True), membership=membership()))
    token, _ = own(world)
    error = user.error({"call": "look", "arguments": token})
    assert error["code"] == "call error"
    assert error["cause"][0]["code"] == "permission denied"
    assert user.wire({"call": "look", "arguments": ref("users", 1)})


def test_current_token(world):
    token = world.wire({"login": ref("users", 1), "params": obj(password="sesame")})
    user = world.as_(token["secret"])
    assert user.wire(get({"current_token": None}))["ref"] == token["ref"]
    assert "secret" not in user.wire(get({"current_token": None}))


# ---- functions --------------------------------------------------------------------------------------------------


def test_function_role_replaces_the_callers_permissions(world):
    make = lam("x", create(coll("users"), data=obj(made=True)))
    world.wire({"create_function": obj(name="plain", body=make)})
    world.wire({"create_function": obj(name="strong", body=make, role="server")})
    privileges = (privilege(fn("plain"), call=True), privilege(fn("strong"), call=True))
    world.wire(create_role("caller", *privileges))
    key = world.as_(make_key(world, "caller"))
    assert key.wire({"call": "strong"})["data"] == {"made": True}
    status, (error,) = key.failure({"call": "plain"})
    assert status == 400
    assert error["code"] == "call error"
    assert error["cause"] == [
        {
            "position": ["expr", "create"],
            "code": "permission denied",
            "description": "Insufficient privileges to perform the action.",
        }
    ]


@pytest.mark.parametrize(
    ("given", "reads"),
    [
        ("admin", True), ("server", True), ("server-readonly", True), ("client", False), ("reader", True),
        (role("reader"), True), ([role("reader")], True), (["reader", "empty"], True), ("empty", False),
    ],
)  # fmt: skip
def test_roles_of_functions(world, given, reads):
    world.wire({"create_role": obj(name="empty")})
    world.wire({"create_function": obj(name="look", body=lam("x", get(var("x"))), role=given)})
    key = world.as_(make_key(world, "server"))
    status, body = key.body({"call": "look", "arguments": ref("users", 1)})
    assert (status == 200) is reads, body


def test_a_role_of_a_function_that_was_deleted(world):
    world.wire({"create_function": obj(name="look", body=lam("x", get(var("x"))), role="reader")})
    world.wire({"delete": role("reader")})
    key = world.as_(make_key(world, "server"))
    assert (
        key.error({"call": "look", "arguments": ref("users", 1)})["cause"][0]["code"] == "permission denied"
    )


def test_function_role_has_no_effect_on_root(world):
    world.wire({"create_function": obj(name="look", body=lam("x", get(var("x"))), role="client")})
    assert world.wire({"call": "look", "arguments": ref("users", 1)})
    admin = world.as_(make_key(world, "admin"))
    assert admin.error({"call": "look", "arguments": ref("users", 1)})["code"] == "call error"
    assert (
        world.as_("secret:admin").error({"call": "look", "arguments": ref("users", 1)})["code"]
        == "call error"
    )


def test_nested_calls(world):
    """Without a role a function has the permissions of the one that called it."""
    world.wire({"create_function": obj(name="inner", body=lam("x", get(var("x"))))})
    outer = lam("x", {"call": "inner", "arguments": var("x")})
    world.wire({"create_function": obj(name="outer", body=outer, role="server")})
    weak = lam("x", {"call": "outer", "arguments": var("x")})
    world.wire(create_role("calls", privilege(fn("outer"), call=True), privilege(fn("inner"), call=True)))
    world.wire({"create_function": obj(name="weak", body=weak, role="calls")})
    key = world.as_(make_key(world, "calls"))
    assert key.wire({"call": "outer", "arguments": ref("users", 1)})
    assert key.error({"call": "inner", "arguments": ref("users", 1)})["code"] == "call error"
    server = world.as_(make_key(world, "server"))
    assert server.wire({"call": "weak", "arguments": ref("users", 1)})


def test_identity_stays_visible_in_functions(world):
    body = lam("_", [{"current_identity": None}, {"current_token": None}, {"has_current_identity": None}])
    world.wire({"create_function": obj(name="who", body=body, role="client")})
    world.wire(create_role("caller", privilege(fn("who"), call=True), membership=membership()))
    token = world.wire({"login": ref("users", 1), "params": obj(password="sesame")})
    found = world.as_(token["secret"]).wire({"call": "who"})
    assert found == [world.wire(ref("users", 1)), token["ref"], True]


def test_permissions_end_with_the_call(world):
    world.wire({"create_function": obj(name="look", body=lam("x", get(var("x"))), role="server")})
    world.wire(create_role("caller", privilege(fn("look"), call=True)))
    key = world.as_(make_key(world, "caller"))
    both = [{"call": "look", "arguments": ref("users", 1)}, get(ref("users", 1))]
    assert denied(key, both) == [1]


def test_select_on_a_denied_document(world):
    client = world.as_(make_key(world, "client"))
    assert denied(client, select(["data", "a"], get(ref("users", 1)))) == ["from"]
