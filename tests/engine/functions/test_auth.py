"""login, logout, identify, identity and token functions, key_from_secret, self refs (auth chapter, part 2)."""

from __future__ import annotations

import pytest

from faunadb.engine.auth import secrets
from tests.engine.conftest import filled_once

FAILED = {
    "position": [],
    "code": "authentication failed",
    "description": "The document was not found or provided password was incorrect.",
}
DENIED = "Insufficient privileges to perform the action."
PAST = {"@ts": "2020-01-01T00:00:00Z"}


def obj(**fields):
    return {"object": fields}


def ref(collection, number):
    return {"ref": {"collection": collection}, "id": str(number)}


def native(name, number):
    return {"ref": {name: None}, "id": str(number)}


def number_of(document):
    return document["ref"]["@ref"]["id"]


def login(what, **params):
    return {"login": what, "params": obj(**params)}


def identify(what, password):
    return {"identify": what, "password": password}


def password(text):
    return obj(credentials=obj(password=text))


def match(name, *terms):
    return {"match": {"index": name}, "terms": list(terms)}


ONE, TWO, NOBODY = ref("users", 1), ref("users", 2), ref("users", 99)


@pytest.fixture
@filled_once
def world(db):
    """users/1 with a password and a name, users/2 without either."""
    db.wire({"create_collection": obj(name="users")})
    terms = [obj(field=["data", "name"])]
    db.wire({"create_index": obj(name="by_name", source={"collection": "users"}, terms=terms)})
    params = obj(data=obj(name="ada"), credentials=obj(password="sesame"))
    db.wire({"create": ONE, "params": params})
    db.wire({"create": TWO, "params": obj()})
    return db


def token_for(db, what=ONE, **params):
    return db.as_(db.wire(login(what, password="sesame", **params))["secret"])


def key(db, role, **more):
    return db.as_(db.wire({"create_key": obj(role=role, **more)})["secret"])


# ---- login ------------------------------------------------------------------------------------------------------


def test_login_makes_a_token_whose_secret_is_shown_once(world):
    response = world.raw(login(ONE, password="sesame"))
    assert response.status == 201
    token = world.wire(login(ONE, password="sesame"))
    assert list(token) == ["ref", "ts", "instance", "secret"]
    assert token["instance"] == world.wire(ONE)
    assert token["ref"]["@ref"]["collection"] == {"@ref": {"id": "tokens"}}
    assert secrets.decode_secret(token["secret"]).kind == "token"
    shown = world.wire({"get": native("tokens", number_of(token))})
    assert "secret" not in shown
    assert secrets.check_secret(token["secret"], shown["hashed_secret"])


def test_ttl_and_data(world):
    ttl = {"@ts": "2999-01-01T00:00:00Z"}
    token = world.wire(login(ONE, password="sesame", ttl=ttl, data=obj(a=1), foreign=1))
    assert set(token) == {"ref", "ts", "instance", "ttl", "data", "secret"}
    assert token["ttl"] == ttl
    assert token["data"] == {"a": 1}


def test_expired_at_once(world):
    token = world.wire(login(ONE, password="sesame", ttl=PAST))
    assert world.raw("1", secret=token["secret"]).status == 401


@pytest.mark.parametrize(
    "expression",
    [
        login(ONE, password="wrong"),
        login(ONE, password=""),
        login(ONE, password=None),
        login(ONE),
        login(TWO, password="sesame"),
        login(TWO, password=5),
        login(NOBODY, password="sesame"),
        login(NOBODY, password=5),
        login(match("by_name", "nobody"), password="sesame"),
        login({"collection": "users"}, password="sesame"),
        login(NOBODY, password="sesame", ttl="nonsense"),
        login(ONE, password="wrong", ttl="nonsense"),
    ],
)
def test_authentication_failed(world, expression):
    status, errors = world.failure(expression)
    assert status == 400
    assert errors == [FAILED]


def test_position_is_that_of_the_form(world):
    assert world.error([1, login(ONE, password="x")])["position"] == [1]


def test_deleted_document(world):
    world.wire({"delete": ONE})
    assert world.error(login(ONE, password="sesame")) == FAILED
    assert world.wire(identify(ONE, "sesame")) is False


def test_deleted_credentials(world):
    token = token_for(world)
    (credentials,) = world.wire({"paginate": {"credentials": None}})["data"]
    world.wire({"delete": native("credentials", credentials["@ref"]["id"])})
    assert world.error(login(ONE, password="sesame")) == FAILED
    assert world.wire(identify(ONE, "sesame")) is False
    assert token.wire(1) == 1


def test_credentials_without_a_password(world):
    world.wire({"create": {"credentials": None}, "params": obj(instance=TWO)})
    assert world.error(login(TWO, password="")) == FAILED
    assert world.wire(identify(TWO, "")) is False


@pytest.mark.parametrize(("value", "name"), [(5, "Long"), (True, "Boolean"), ([], "Array"), (obj(), "Map")])
def test_a_password_that_is_no_string(world, value, name):
    assert world.error(login(ONE, password=value)) == {
        "position": [],
        "code": "validation failed",
        "description": "document data is not valid.",
        "failures": [
            {
                "field": ["password"],
                "code": "invalid type",
                "description": f"Invalid type {name}, expected type String.",
            }
        ],
    }


def test_a_ttl_that_is_no_time(world):
    error = world.error(login(ONE, password="sesame", ttl=5))
    assert error["position"] == []
    assert error["failures"][0]["field"] == ["ttl"]
    assert error["failures"][0]["code"] == "invalid type"


@pytest.mark.parametrize("role", ["admin", "server", "server-readonly", "client"])
def test_login_needs_no_permission(world, role):
    assert key(world, role).wire(login(ONE, password="sesame"))["instance"] == world.wire(ONE)


def test_first_member_of_a_set(world):
    assert world.wire(login(match("by_name", "ada"), password="sesame"))["instance"] == world.wire(ONE)
    client = key(world, "client")
    status, (error,) = client.failure(login(match("by_name", "ada"), password="sesame"))
    assert (status, error["position"], error["description"]) == (403, ["login"], DENIED)


@pytest.mark.parametrize(
    ("expression", "position", "description"),
    [
        (login("text", password="x"), ["login"], "Ref or Set expected, String provided."),
        ({"login": ONE, "params": 5}, ["params"], "Object expected, Integer provided."),
        (identify(5, "x"), ["identify"], "Ref or Set expected, Integer provided."),
        (identify(ONE, 5), ["password"], "String expected, Integer provided."),
        ({"logout": 5}, ["logout"], "Boolean expected, Integer provided."),
        ({"logout": None}, ["logout"], "Boolean expected, Null provided."),
        ({"current_identity": 1}, ["current_identity"], "Null expected, Integer provided."),
        ({"has_current_identity": 1}, ["has_current_identity"], "Null expected, Integer provided."),
        ({"identity": "x"}, ["identity"], "Null expected, String provided."),
        ({"has_identity": True}, ["has_identity"], "Null expected, Boolean provided."),
        ({"current_token": []}, ["current_token"], "Null expected, Array provided."),
        ({"has_current_token": 1.5}, ["has_current_token"], "Null expected, Double provided."),
        ({"key_from_secret": 5}, ["key_from_secret"], "String expected, Integer provided."),
    ],
)
def test_arguments(world, expression, position, description):
    error = world.error(expression)
    assert error == {"position": position, "code": "invalid argument", "description": description}


def test_login_at_another_time(world):
    error = world.error({"at": PAST, "expr": login(ONE, password="sesame")})
    assert error["code"] == "invalid write time"
    assert error["position"] == ["expr"]
    assert world.wire({"at": PAST, "expr": identify(ONE, "sesame")}) is True


def test_child_documents_cannot_log_in_here(world):
    world.wire({"create_database": obj(name="child")})
    child = world.as_("secret:child:admin")
    child.wire({"create_collection": obj(name="users")})
    child.wire({"create": ONE, "params": password("sesame")})
    there = {"ref": {"collection": "users", "scope": {"database": "child"}}, "id": "1"}
    assert world.error(login(there, password="sesame")) == FAILED


def test_not_allowed_in_reads(world):
    expression = '{"login":{"ref":{"collection":"users"},"id":"1"},"params":{"object":{"password":"sesame"}}}'
    response = world.send("GET", "/", query="q=" + expression)
    assert response.status == 400
    assert b"Call performs a write, which is not allowed in get requests." in response.body


# ---- passwords --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "pä§§", "a b\n", "x" * 100, "\u0000"])
def test_any_password(world, text):
    world.wire({"update": TWO, "params": password(text)})
    assert world.wire(identify(TWO, text)) is True
    assert world.wire(identify(TWO, text[:70] + "!")) is False


def test_changed_password(world):
    token = token_for(world)
    world.wire({"update": ONE, "params": password("other")})
    assert world.wire(identify(ONE, "sesame")) is False
    assert world.wire(identify(ONE, "other")) is True
    assert token.wire(1) == 1
    assert len(world.wire({"paginate": {"credentials": None}})["data"]) == 1


def test_passwords_are_stored_as_hashes_only(world):
    (credentials,) = world.wire({"paginate": {"credentials": None}})["data"]
    shown = world.wire({"get": native("credentials", credentials["@ref"]["id"])})
    assert set(shown) == {"ref", "ts", "instance", "hashed_password"}
    assert shown["hashed_password"].startswith("$2a$05$")
    assert "credentials" not in world.wire({"get": ONE})


WRONG = {
    "field": ["current_password"],
    "code": "invalid password",
    "description": "Invalid password at `current_password`.",
}


def credentials_of_one(world):
    (credentials,) = world.wire({"paginate": {"credentials": None}})["data"]
    return native("credentials", credentials["@ref"]["id"])


@pytest.mark.parametrize(
    ("params", "accepted"),
    [
        ({"password": "new"}, False),
        ({"password": "new", "current_password": "wrong"}, False),
        ({"password": "new", "current_password": 5}, False),
        ({"password": "new", "current_password": "sesame"}, True),
    ],
)
@pytest.mark.parametrize("role", ["admin", "root", "server"])
def test_current_password(world, role, params, accepted):
    user = world if role == "root" else key(world, role)
    change = {"update": credentials_of_one(world), "params": obj(**params)}
    if accepted or role == "server":
        assert "password" not in user.wire(change)
        assert world.wire(identify(ONE, "new")) is True
    else:
        assert user.error(change)["failures"] == [WRONG]
        assert world.wire(identify(ONE, "sesame")) is True


@pytest.mark.parametrize(("role", "taken"), [("admin", False), ("root", False), ("server", True)])
def test_hashed_password(world, role, taken):
    user = world if role == "root" else key(world, role)
    hashed = secrets.hash_password("new")
    user.wire({"update": credentials_of_one(world), "params": obj(hashed_password=hashed)})
    assert world.wire(identify(ONE, "new")) is taken


# ---- identify ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "text", "found"),
    [
        (ONE, "sesame", True), (ONE, "wrong", False), (TWO, "sesame", False), (NOBODY, "sesame", False),
        (match("by_name", "ada"), "sesame", True), (match("by_name", "nobody"), "sesame", False),
        ({"collection": "users"}, "sesame", False), ({"documents": {"collection": "users"}}, "sesame", True),
    ],
)  # fmt: skip
def test_identify(world, what, text, found):
    assert world.wire(identify(what, text)) is found


def test_identify_needs_to_read_a_set_alone(world):
    client = key(world, "client")
    assert client.wire(identify(ONE, "sesame")) is True
    status, (error,) = client.failure(identify(match("by_name", "ada"), "sesame"))
    assert (status, error["position"]) == (403, ["identify"])


# ---- logout -----------------------------------------------------------------------------------------------------


def test_logout_of_one_token(world):
    one, other = token_for(world), token_for(world)
    assert one.wire({"logout": False}) is True
    assert one.raw("1").status == 401
    assert other.wire(1) == 1


def test_logout_of_all_tokens(world):
    tokens = [token_for(world) for _ in range(3)]
    world.wire({"update": TWO, "params": password("sesame")})
    bystander = token_for(world, TWO)
    assert tokens[0].wire({"logout": True}) is True
    assert [token.raw("1").status for token in tokens] == [401] * 3
    assert bystander.wire(1) == 1
    assert len(world.wire({"paginate": {"tokens": None}})["data"]) == 1


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("role", ["root", "admin", "client"])
def test_logout_of_keys(world, role, everywhere):
    token = token_for(world)
    user = world if role == "root" else key(world, role)
    assert user.wire({"logout": everywhere}) is False
    assert token.wire(1) == 1


def test_logout_with_a_document_suffix(world):
    token = token_for(world)
    assert world.as_("secret:@doc/users/1").wire({"logout": False}) is False
    assert token.wire(1) == 1
    assert world.as_("secret:@doc/users/1").wire({"logout": True}) is True
    assert token.raw("1").status == 401


def test_the_token_lasts_until_the_query_ends(world):
    token = token_for(world)
    both = [{"logout": False}, {"logout": False}, {"current_identity": None}, {"logout": True}]
    assert token.wire(both) == [True, True, world.wire(ONE), True]
    assert token.raw("1").status == 401


def test_a_failed_query_logs_nobody_out(world):
    token = token_for(world)
    token.failure({"do": [{"logout": True}, {"abort": "no"}]})
    assert token.wire(1) == 1


# ---- identity and token -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "has"), [("current_identity", "has_current_identity"), ("identity", "has_identity")]
)
def test_identity(world, identity, has):
    token = token_for(world)
    assert token.wire({identity: None}) == world.wire(ONE)
    assert token.wire({has: None}) is True
    for user in (world, key(world, "admin"), key(world, "client")):
        assert user.wire({has: None}) is False
        assert user.error({identity: None}) == {
            "position": [],
            "code": "missing identity",
            "description": "Authentication does not contain an identity",
        }


def test_current_token(world):
    made = world.wire(login(ONE, password="sesame"))
    assert world.as_(made["secret"]).wire({"current_token": None}) == made["ref"]
    server = world.wire({"create_key": obj(role="server")})
    assert world.as_(server["secret"]).wire({"current_token": None}) == server["ref"]
    assert world.error({"current_token": None}) == {
        "position": [],
        "code": "invalid token",
        "description": "Token metadata is not accessible.",
    }
    assert world.wire({"has_current_token": None}) is False


# ---- self refs --------------------------------------------------------------------------------------------------


def self_ref(collection, parent="collections"):
    if collection in ("tokens", "credentials", "keys"):
        return {"@ref": {"id": "self", "collection": {"@ref": {"id": collection}}}}
    return {
        "@ref": {
            "id": "self",
            "collection": {"@ref": {"id": collection, "collection": {"@ref": {"id": parent}}}},
        }
    }


def test_self_refs_of_a_token(world):
    world.wire({"create_collection": obj(name="others")})
    made = world.wire(login(ONE, password="sesame"))
    token = world.as_(made["secret"])
    assert token.wire(self_ref("users")) == world.wire(ONE)
    assert token.wire(self_ref("tokens")) == made["ref"]
    (credentials,) = world.wire({"paginate": {"credentials": None}})["data"]
    assert token.wire(self_ref("credentials")) == credentials
    for name in ("others", "keys"):
        assert token.error(self_ref(name))["description"] == "Invalid ref."
    assert token.wire({"select": ["ref"], "from": {"get": self_ref("users")}}) == world.wire(ONE)


@pytest.mark.parametrize("name", ["users", "tokens", "credentials", "keys"])
def test_self_refs_of_a_key(world, name):
    status, (error,) = key(world, "admin").failure(self_ref(name))
    assert (status, error["code"], error["description"]) == (400, "invalid expression", "Invalid ref.")


def test_self_refs_of_a_document_suffix(world):
    user = world.as_("secret:@doc/users/1")
    assert user.wire(self_ref("users")) == world.wire(ONE)
    for name in ("tokens", "credentials"):
        assert user.error(self_ref(name))["description"] == "Invalid ref."


# ---- key_from_secret --------------------------------------------------------------------------------------------


def not_found(db, secret):
    status, body = db.body({"key_from_secret": secret})
    expected = {
        "position": [],
        "code": "instance not found",
        "description": "No key found for the secret.",
    }
    return status == 400 and body == {"errors": [expected]}


def test_key_from_secret(world):
    made = world.wire({"create_key": obj(role="client", data=obj(a=1))})
    found = world.wire({"key_from_secret": made["secret"]})
    assert found == {name: value for name, value in made.items() if name != "secret"}
    token = world.wire(login(ONE, password="sesame"))
    found = world.wire({"key_from_secret": token["secret"]})
    assert found["ref"] == token["ref"]
    assert found["instance"] == world.wire(ONE)


@pytest.mark.parametrize(
    ("role", "keys", "tokens"),
    [
        ("admin", True, True),
        ("server", False, True),
        ("server-readonly", False, True),
        ("client", False, False),
    ],
)
def test_key_from_secret_needs_read(world, role, keys, tokens):
    user = key(world, role)
    made = world.wire({"create_key": obj(role="client")})["secret"]
    token = world.wire(login(ONE, password="sesame"))["secret"]
    assert not_found(user, made) is not keys
    assert not_found(user, token) is not tokens


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "nonsense", "a:b", pytest.param(secrets.new_key_secret(1)[0], id="nobody's"), "ey.x.y"],
)
def test_secrets_of_nobody(world, secret):
    assert not_found(world, secret)


def test_scoped_and_dead_secrets(world):
    made = world.wire({"create_key": obj(role="admin")})
    assert not_found(world, made["secret"] + ":server")
    world.wire({"delete": native("keys", number_of(made))})
    assert not_found(world, made["secret"])


def test_secrets_that_would_not_authenticate(world):
    """A token whose document is gone, a key whose database is: both documents are still there to be read."""
    token = world.wire(login(ONE, password="sesame"))
    world.wire({"create_database": obj(name="child")})
    made = world.wire({"create_key": obj(role="client", database={"database": "child"})})
    assert not not_found(world, token["secret"])
    assert not not_found(world, made["secret"])
    world.wire({"delete": ONE})
    world.wire({"delete": {"database": "child"}})
    assert world.wire({"exists": native("tokens", number_of(token))})
    assert not_found(world, token["secret"])
    assert not_found(world, made["secret"])


def test_a_key_of_a_child_database(world):
    world.wire({"create_database": obj(name="child")})
    child = world.as_("secret:child:admin")
    made = child.wire({"create_key": obj(role="client")})
    found = world.wire({"key_from_secret": made["secret"]})
    assert found["ref"]["@ref"]["id"] == number_of(made)
    assert "database" in str(found["ref"])
    mine = world.wire({"create_key": obj(role="client")})
    assert not_found(child, mine["secret"])
