"""Who a request is (auth chapter, "Secrets and principals")."""

from __future__ import annotations

import json

import pytest

from faunadb.engine.auth import secrets
from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.storage import open_store
from tests.engine.conftest import filled_once

from .wire import (
    coll,
    create,
    create_role,
    database,
    denied,
    get,
    lam,
    make_key,
    native,
    obj,
    paginate,
    privilege,
    ref,
    role,
    select,
)

UNAUTHORIZED = {"errors": [{"code": "unauthorized", "description": "Unauthorized"}]}


def unauthorized(db, secret=None, **options):
    response = db.raw("null", secret=secret, **options)
    if response.status != 401:
        return False
    assert json.loads(response.body) == UNAUTHORIZED
    assert dict(response.headers)["www-authenticate"] == 'Basic realm="Unauthorized"'
    return True


@pytest.fixture
@filled_once
def world(db):
    """A database with a child and a grandchild, a collection, a document with a password, a role."""
    db.wire({"create_collection": obj(name="users")})
    db.wire(create(ref("users", 1), credentials=obj(password="sesame")))
    db.wire(create_role("reader", privilege(coll("users"), read=True)))
    db.wire({"create_database": obj(name="child")})
    child = db.as_("secret:child:admin")
    child.wire({"create_collection": obj(name="pets")})
    child.wire(create(ref("pets", 7)))
    child.wire(create_role("petter", privilege(coll("pets"), read=True)))
    child.wire({"create_database": obj(name="grand")})
    db.as_("secret:child/grand:admin").wire({"create_collection": obj(name="toys")})
    return db


def login(db, number=1):
    return db.wire({"login": ref("users", number), "params": obj(password="sesame")})["secret"]


# ---- header -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", [None, "", "Basic", "Bearer wrong", "basic c2VjcmV0Og==", "Basic !", "Token secret"]
)
def test_no_principal(db, header):
    assert unauthorized(db, headers={"authorization": header})


def test_a_secret_may_come_as_a_bearer_token(db):
    assert db.wire(1, headers={"authorization": "Bearer secret"}) == 1


def test_401_comes_before_anything_about_the_query(db):
    assert unauthorized(db, "wrong")
    response = db.send("POST", "/", b"{nonsense", secret="wrong")
    assert response.status == 401


# ---- root -------------------------------------------------------------------------------------------------------


def test_the_root_key_reads_everything_and_is_no_identity(world):
    assert world.wire({"has_current_token": None}) is False
    assert world.wire({"has_current_identity": None}) is False
    assert world.wire(get(database("child")))["name"] == "child"
    assert "database" not in world.wire(coll("users"))["@ref"]


def test_root_secret_is_not_kept(db):
    assert db.engine.authenticator.root_hashes[0].startswith("$2a$05$")
    db.wire(1)
    seen = [db.engine.authenticator.__dict__, db.engine.authenticator.verified.__dict__]
    assert "secret:" not in repr(seen)
    assert "'secret'" not in repr(seen)


def test_several_root_secrets(db):
    hashes = (secrets.hash_root("one"), secrets.hash_root("two"))
    with Engine(open_store("sqlite://"), secret="", root_hashes=hashes) as engine:
        db = type(db)(engine)
        assert db.wire(1, secret="one") == 1
        assert db.wire(1, secret="two") == 1
        assert unauthorized(db, "three")
        assert unauthorized(db, "secret")


def test_other_root_secret(db):
    with open_engine("sqlite://", secret="sesame") as engine:
        db = type(db)(engine)
        assert db.wire(1, secret="sesame") == 1
        assert unauthorized(db, "secret")


# ---- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["admin", "server", "server-readonly", "client"])
def test_builtin_roles(world, name):
    key = world.as_(make_key(world, name))
    assert key.wire(1) == 1
    assert key.wire({"has_current_identity": None}) is False
    assert key.wire({"has_current_token": None}) is True


def test_key_for_a_child_database(world):
    key = world.as_(make_key(world, "server", database=database("child")))
    assert key.wire({"exists": coll("pets")}) is True
    assert key.wire({"exists": coll("users")}) is False
    assert key.wire({"has_current_token": None}) is False
    error = key.error({"current_token": None})
    assert error == {
        "position": [],
        "code": "invalid token",
        "description": "Token metadata is not accessible.",
    }


def test_deleted_key(world):
    key = world.wire({"create_key": obj(role="server")})
    assert world.wire(1, secret=key["secret"]) == 1
    world.wire({"delete": ref(native("keys"), key["ref"]["@ref"]["id"])})
    assert unauthorized(world, key["secret"])


def test_key_of_a_deleted_database(world):
    secret = make_key(world, "server", database=database("child"))
    inner = make_key(world.as_("secret:child:admin"), "server")
    assert world.wire(1, secret=secret) == 1
    assert world.wire(1, secret=inner) == 1
    world.wire({"delete": database("child")})
    assert unauthorized(world, secret)
    assert unauthorized(world, inner)
    world.wire({"create_database": obj(name="child")})
    assert unauthorized(world, secret)
    assert unauthorized(world, inner)


def test_key_below_a_deleted_database(world):
    secret = make_key(world.as_("secret:child/grand:admin"), "admin")
    assert world.wire(1, secret=secret) == 1
    world.wire({"delete": database("child")})
    assert unauthorized(world, secret)


@pytest.mark.parametrize(("year", "good"), [(2001, False), (2999, True)])
def test_key_ttl(world, year, good):
    secret = make_key(world, "server", ttl={"@ts": f"{year}-01-01T00:00:00Z"})
    assert unauthorized(world, secret) is not good


def test_expired_key_by_update(world):
    key = world.wire({"create_key": obj(role="server")})
    assert world.wire(1, secret=key["secret"]) == 1
    past = {"@ts": "2001-01-01T00:00:00Z"}
    world.wire({"update": ref(native("keys"), key["ref"]["@ref"]["id"]), "params": obj(ttl=past)})
    assert unauthorized(world, key["secret"])


def test_changed_role_counts_at_once(world):
    key = world.wire({"create_key": obj(role="client")})
    client = world.as_(key["secret"])
    assert denied(client, get(ref("users", 1))) == []
    number = ref(native("keys"), key["ref"]["@ref"]["id"])
    world.wire({"update": number, "params": obj(role="server")})
    assert client.wire(get(ref("users", 1)))


def test_wrong_random_part(world):
    secret = make_key(world, "server")
    decoded = secrets.decode_secret(secret)
    assert unauthorized(world, secrets.new_key_secret(decoded.id)[0])
    assert world.wire(1, secret=secret) == 1


def test_key_with_user_roles(world):
    world.wire(create_role("maker", privilege(coll("users"), create=True)))
    both = world.as_(make_key(world, [role("reader"), "maker"]))
    one = world.as_(make_key(world, "reader"))
    assert both.wire(get(ref("users", 1)))
    assert both.wire(create(coll("users")))
    assert one.wire(get(ref("users", 1)))
    assert denied(one, create(coll("users"))) == ["create"]


def test_key_whose_roles_were_deleted(world):
    key = world.as_(make_key(world, "reader"))
    assert key.wire(get(ref("users", 1)))
    world.wire({"delete": role("reader")})
    assert denied(key, get(ref("users", 1))) == []
    assert key.wire({"has_current_token": None}) is True


def test_moved_database_keeps_its_keys(world):
    secret = make_key(world, "server", database=database("child"))
    world.wire({"create_database": obj(name="parent")})
    world.wire({"move_database": database("child"), "to": database("parent")})
    assert world.wire({"exists": coll("pets")}, secret=secret) is True


# ---- tokens -----------------------------------------------------------------------------------------------------


def test_a_token_acts_as_its_document(world):
    token = world.as_(login(world))
    assert token.wire({"current_identity": None}) == world.wire(ref("users", 1))
    assert token.wire({"has_current_token": None}) is True


def test_token_in_a_child_database(world):
    child = world.as_("secret:child:admin")
    child.wire({"update": ref("pets", 7), "params": obj(credentials=obj(password="sesame"))})
    secret = child.wire({"login": ref("pets", 7), "params": obj(password="sesame")})["secret"]
    token = world.as_(secret)
    assert token.wire({"current_identity": None}) == child.wire(ref("pets", 7))
    world.wire({"delete": database("child")})
    assert unauthorized(world, secret)


@pytest.mark.parametrize("how", ["deleted", "collection", "expired"])
def test_token_whose_document_is_gone(world, how):
    secret = login(world)
    assert world.wire(1, secret=secret) == 1
    if how == "deleted":
        world.wire({"delete": ref("users", 1)})
    elif how == "collection":
        world.wire({"delete": coll("users")})
    else:
        ttl = {"@ts": "2001-01-01T00:00:00Z"}
        world.wire({"update": ref("users", 1), "params": obj(ttl=ttl)})
    assert unauthorized(world, secret)


def test_token_without_document(world):
    token = world.wire(create(native("tokens"), instance=ref("users", 999)))
    assert unauthorized(world, token["secret"])
    world.wire(create(ref("users", 999)))
    assert world.wire(1, secret=token["secret"]) == 1


def test_replaced_token_has_another_secret(world):
    token = world.wire(create(native("tokens"), instance=ref("users", 1)))
    number = ref(native("tokens"), token["ref"]["@ref"]["id"])
    world.wire({"update": number, "params": obj(data=obj(a=1))})
    assert world.wire(1, secret=token["secret"]) == 1
    fresh = world.wire({"replace": number, "params": obj(instance=ref("users", 1))})
    assert unauthorized(world, token["secret"])
    assert world.wire(1, secret=fresh["secret"]) == 1


def test_token_repointed(world):
    world.wire(create(ref("users", 2)))
    token = world.wire(create(native("tokens"), instance=ref("users", 1)))
    number = ref(native("tokens"), token["ref"]["@ref"]["id"])
    world.wire({"update": number, "params": obj(instance=ref("users", 2))})
    assert world.wire({"current_identity": None}, secret=token["secret"]) == world.wire(ref("users", 2))


# ---- scopes -----------------------------------------------------------------------------------------------------

SUFFIXES = [
    (":admin", "users"),
    (":child:server", "pets"),
    (":child/grand:admin", "toys"),
    (":@role/reader", "users"),
    (":child:@role/petter", "pets"),
    (":@doc/users/1", "users"),
    (":child:@doc/pets/7", "pets"),
]
#: who may use which of them
ALLOWED = {
    "root": {suffix for suffix, _ in SUFFIXES},
    "admin": {suffix for suffix, _ in SUFFIXES},
    "server": {":@doc/users/1"},
    "server-readonly": set(),
    "client": set(),
    "reader": set(),
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_who_may_scope(world, kind):
    secret = "secret" if kind == "root" else make_key(world, kind)
    for suffix, where in SUFFIXES:
        if suffix in ALLOWED[kind]:
            found = world.wire(coll(where), secret=secret + suffix)
            assert found["@ref"]["id"] == where
            exists = world.wire({"exists": coll(where)}, secret=secret + suffix)
            assert exists is ("admin" in suffix or "server" in suffix)
        else:
            assert unauthorized(world, secret + suffix), suffix
        assert world.wire(1, secret=secret) == 1


def test_tokens_ignore_scopes(world):
    secret = login(world)
    for suffix, _ in SUFFIXES:
        assert world.wire({"current_identity": None}, secret=secret + suffix) == world.wire(ref("users", 1))
    assert unauthorized(world, secret + ":serverx")


@pytest.mark.parametrize(
    "suffix",
    [
        ":nothing:admin", ":child/nothing:admin", ":@role/nothing", ":child:@role/reader", ":@doc/users/2",
        ":@doc/nothing/1", ":@doc/users/x", ":@doc/users", ":@doc/users/", ":@doc/users/99999999999999999999",
        ":@doc/keys/1", ":@doc/collections/users", ":serverx", ":child:adminX", ":child//grand:admin",
        ":@doc/users/" + "1" * 5000, ":@doc/users/+1", ":@doc/users/-1",
    ],
)  # fmt: skip
def test_scopes_that_name_nothing(world, suffix):
    assert unauthorized(world, "secret" + suffix)
    assert unauthorized(world, make_key(world, "admin") + suffix)


@pytest.mark.parametrize("suffix", [":whatever", ":child:whatever", ":@roles/reader"])
def test_foreign_suffixes_are_ignored(world, suffix):
    assert world.wire({"exists": coll("users")}, secret="secret" + suffix) is True
    assert world.wire({"exists": coll("users")}, secret=make_key(world, "server") + suffix) is True


def test_scoped_builtin_role(world):
    assert denied(world.as_("secret:client"), get(ref("users", 1))) == []
    assert denied(world.as_(make_key(world, "admin") + ":server-readonly"), create(coll("users"))) == [
        "create"
    ]


def test_a_role_named_like_a_builtin_one(world):
    world.wire(create_role("admin", privilege(coll("users"), read=True)))
    scoped = world.as_("secret:@role/admin")
    assert scoped.wire(get(ref("users", 1)))
    assert denied(scoped, create(coll("users"))) == ["create"]


@pytest.mark.parametrize("word", ["@doc", "collections", "classes"])
def test_document_suffix(world, word):
    scoped = world.as_(f"secret:{word}/users/1")
    assert scoped.wire({"current_identity": None}) == world.wire(ref("users", 1))
    assert scoped.wire({"has_current_token": None}) is False
    assert scoped.wire(
        {
            "@ref": {
                "id": "self",
                "collection": {"@ref": {"id": "users", "collection": {"@ref": {"id": "collections"}}}},
            }
        }
    ) == world.wire(ref("users", 1))


def test_current_token_of_scoped_keys(world):
    secret = make_key(world, "admin")
    key = world.wire({"current_token": None}, secret=secret)
    assert key["@ref"]["collection"] == {"@ref": {"id": "keys"}}
    for suffix in (":server", ":@doc/users/1", ":@role/reader"):
        assert world.wire({"current_token": None}, secret=secret + suffix) == key
    assert world.wire({"has_current_token": None}, secret=secret + ":child:admin") is False


def test_paths_start_below_the_key(world):
    secret = make_key(world, "admin", database=database("child"))
    assert world.wire({"exists": coll("toys")}, secret=secret + ":grand:admin") is True
    assert unauthorized(world, secret + ":child/grand:admin")


# ---- remembering ------------------------------------------------------------------------------------------------


def test_checked_once(world, monkeypatch):
    secret = make_key(world, "server")
    token = login(world)
    checks = []
    check = secrets.check_secret
    monkeypatch.setattr(secrets, "check_secret", lambda *args: checks.append(1) or check(*args))
    for _ in range(3):
        world.wire(1, secret=secret)
        world.wire(1, secret=token)
    assert len(checks) == 2
    world.wire({"create_collection": obj(name="more")})
    world.wire(1, secret=secret)
    assert len(checks) == 2


def test_membership_is_evaluated_for_each_request(world):
    predicate = lam("user", select(["data", "vip"], get({"var": "user"})))
    membership = obj(resource=coll("users"), predicate=predicate)
    world.wire(create_role("vips", privilege(coll("users"), create=True), membership=membership))
    token = world.as_(login(world))
    assert denied(token, create(coll("users"))) == ["create"]
    world.wire({"update": ref("users", 1), "params": obj(data=obj(vip=True))})
    assert token.wire(create(coll("users")))
    world.wire({"update": ref("users", 1), "params": obj(data=obj(vip=1))})
    assert denied(token, create(coll("users"))) == ["create"]


def test_priority_changes_nothing(world):
    secret = make_key(world, "server", priority=5)
    assert world.wire(paginate(native("collections")), secret=secret)


def test_representations_show_no_secret(world):
    secret = make_key(world, "server")
    world.wire(1, secret=secret)
    engine = world.engine
    with engine.store.snapshot() as snap:
        from faunadb.engine.schema.view import schema_view

        auth = engine.authenticator.authenticate(engine, snap, schema_view(engine, snap), f"Bearer {secret}")
    for thing in (auth, engine.authenticator, engine, auth.permissions):
        assert secret not in repr(thing)
    assert secret not in repr(engine.authenticator.__dict__)
