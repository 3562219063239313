"""Access providers and JSON web tokens (auth chapter, "Access providers and JWT")."""

from __future__ import annotations

import builtins
import json
import time

import pytest

from faunadb.engine.auth import jwks
from faunadb.engine.auth.jwks import DownloadError, KeySets
from faunadb.engine.auth.jwt import AUDIENCE, TokenVerifier
from tests.engine.conftest import filled_once

from . import https_server
from .tokens import OTHER_RSA, RSA, ec_jwk, encode, rsa_jwk, sign
from .wire import (
    coll,
    create,
    create_role,
    data,
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
    var,
)

ISSUER = "https://login.example"
URI = "https://login.example/keys"
DOC = ref("c", 1)
UNAUTHORIZED = {"errors": [{"code": "unauthorized", "description": "Unauthorized"}]}


class World:
    """A child database with an access provider, and the key set behind it."""

    def __init__(self, db):
        self.keys = [rsa_jwk(), ec_jwk()]
        self.down = False
        self.root = db
        db.engine.authenticator._tokens = TokenVerifier(KeySets(self._fetch))
        self.global_id = db.wire(get(database("child")))["global_id"]
        self.db = db.as_("secret:child:admin")

    def _fetch(self, uri):
        assert uri == URI
        if self.down:
            raise DownloadError("down")
        return json.dumps({"keys": self.keys}).encode()

    def provide(self, roles, name="login", issuer=ISSUER):
        if self.db.wire({"exists": {"access_provider": name}}):
            self.db.wire({"delete": {"access_provider": name}})
        self.db.wire(provider(roles, name, issuer))

    def payload(self, **claims):
        found = {
            "iss": ISSUER,
            "aud": AUDIENCE + self.global_id,
            "sub": "somebody",
            "exp": time.time() + 1000,
            **claims,
        }
        return {name: value for name, value in found.items() if value is not ...}

    def body(self, token, expression):
        return self.root.body(expression, headers={"authorization": f"Bearer {token}"})

    def wire(self, token, expression):
        status, body = self.body(token, expression)
        assert "resource" in body, (status, body)
        return body["resource"]

    def refuses(self, token):
        status, body = self.body(token, 1)
        if status == 401:
            assert body == UNAUTHORIZED
        return status == 401


def provider(roles, name="login", issuer=ISSUER):
    return {"create_access_provider": obj(name=name, issuer=issuer, jwks_uri=URI, roles=roles)}


@pytest.fixture
@filled_once
def parent(db):
    """The database whose child a `World` is."""
    db.wire({"create_database": obj(name="child")})
    child = db.as_("secret:child:admin")
    child.wire({"create_collection": obj(name="c")})
    child.wire(create(DOC, data=obj(owner="me")))
    child.wire(create_role("reader", privilege(coll("c"), read=True)))
    child.wire(create_role("writer", privilege(coll("c"), create=True)))
    child.wire(provider(role("reader")))
    return db


@pytest.fixture
def world(parent):
    return World(parent)


# ---- accepting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_accepted(world, alg):
    token = sign(world.payload(), alg=alg)
    assert world.wire(token, get(DOC))["data"] == {"owner": "me"}
    assert world.body(token, create(coll("c")))[0] == 403


def test_es256_is_accepted_besides(world):
    assert world.wire(sign(world.payload(), alg="ES256", kid="curve"), get(DOC))


@pytest.mark.parametrize(
    ("alg", "key"),
    [("HS256", b"secret"), ("HS384", b"secret"), ("HS512", b"secret"), ("none", None), ("PS256", RSA)],
)
def test_refused_algorithms(world, alg, key):
    assert world.refuses(sign(world.payload(), alg=alg, key=key))


def test_a_public_key_is_no_password(world):
    """The classic confusion: HS256 with what everybody can download."""
    public = json.dumps(rsa_jwk()).encode()
    assert world.refuses(sign(world.payload(), alg="HS256", key=public))


@pytest.mark.parametrize(
    "header",
    [
        {}, {"alg": "rs256", "kid": "one"}, {"alg": ["RS256"], "kid": "one"}, {"alg": "RS384", "kid": "one"},
        {"alg": "ES256", "kid": "one"}, {"alg": "RS256", "kid": 5}, {"alg": "RS256", "kid": "curve"},
        {"alg": "RS256", "kid": "one", "crit": ["exp"]}, [], "text", None,
    ],
)  # fmt: skip
def test_refused_headers(world, header):
    if header is None:
        token = "eyJ" + sign(world.payload())[10:]
    else:
        token = sign(world.payload(), header=header)
    assert world.refuses(token if token.startswith("ey") else "ey" + token)


NOW = time.time()
LATER = NOW + 1_000_000  # the whole suite may take an hour


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({}, True),
        ({"exp": ...}, True),
        ({"exp": LATER + 0.5}, True),
        ({"exp": int(LATER)}, True),
        ({"exp": NOW - 1}, False),
        ({"exp": 0}, False),
        ({"exp": str(int(LATER))}, False),
        ({"exp": None}, False),
        ({"exp": True}, False),
        ({"nbf": NOW - 10}, True),
        ({"nbf": LATER}, False),
        ({"nbf": "0"}, False),
        ({"iss": "https://other.example"}, False),
        ({"iss": ISSUER + "/"}, False),
        ({"iss": ...}, False),
        ({"iss": 5}, False),
        ({"aud": ...}, False),
        ({"aud": []}, False),
        ({"aud": 5}, False),
        ({"aud": "https://other.example"}, False),
        ({"aud": AUDIENCE}, False),
        ({"aud": AUDIENCE + "yyyyyyyyyyyyy"}, False),
        ({"aud": AUDIENCE + "nonsense"}, False),
        ({"sub": ...}, True),
    ],
)
def test_claims(world, claims, good):
    assert world.refuses(sign(world.payload(**claims))) is not good


def test_audiences(world):
    own = AUDIENCE + world.global_id
    for audience, good in (
        ([own], True),
        (["https://other.example", own, 5], True),
        ([own, own], False),
        ([own, AUDIENCE + "yyyyyyyyyyyyy"], False),
        ([own + "x"], False),
        ([" " + own], False),
    ):
        assert world.refuses(sign(world.payload(aud=audience))) is not good, audience


def test_the_root_database_cannot_be_named(world):
    world.root.wire({"create_collection": obj(name="c")})
    world.root.wire(create_role("reader", privilege(coll("c"), read=True)))
    provider = obj(name="login", issuer=ISSUER, jwks_uri=URI, roles="reader")
    world.root.wire({"create_access_provider": provider})
    for audience in (AUDIENCE, AUDIENCE + "yyyyyyyyyyyyy", AUDIENCE + "0", AUDIENCE + "global"):
        assert world.refuses(sign(world.payload(aud=audience)))


def test_the_database_is_no_issuer_of_its_own(world):
    own = AUDIENCE + world.global_id
    world.provide(role("reader"), issuer=own)
    assert world.refuses(sign(world.payload(iss=own)))


def test_only_as_bearer(world):
    status, _ = world.root.body(1, secret=sign(world.payload()))
    assert status == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-8] + "AAAAAAAA",
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: token.rsplit(".", 1)[0],
        lambda token: token + ".x",
        lambda token: token + "=",
        lambda token: token.replace(".", ".A", 1),
        lambda token: token.split(".")[0] + "." + encode(b'{"iss":') + "." + token.split(".")[2],
        lambda token: token + "x" * 70_000,
        lambda token: "ey..",
        lambda token: "ey.é.x",
    ],
)
def test_broken_tokens(world, change):
    token = sign(world.payload())
    assert not world.refuses(token)
    assert world.refuses(change(token))


def test_another_payload_under_the_same_signature(world):
    token = sign(world.payload())
    head, _, signature = token.split(".")
    forged = encode(json.dumps(world.payload(sub="admin")).encode())
    assert world.refuses(f"{head}.{forged}.{signature}")


def test_deep_payload(world):
    assert world.refuses("eyJhbGciOiJSUzI1NiJ9." + encode(b'{"a":' + b"[" * 40_000) + ".x")


def test_a_token_is_checked_by_the_key_it_names_or_by_the_only_one(world):
    assert not world.refuses(sign(world.payload()))
    assert world.refuses(sign(world.payload(), key=OTHER_RSA))
    assert world.refuses(sign(world.payload(), kid="two"))
    assert world.refuses(sign(world.payload(), kid=None))
    world.keys = [rsa_jwk()]
    world.root.engine.authenticator.tokens.keys._entries.clear()
    assert not world.refuses(sign(world.payload(), kid=None))


def test_rotated_keys(world):
    assert not world.refuses(sign(world.payload()))
    world.keys = [rsa_jwk(OTHER_RSA, kid="two")]
    entry = world.root.engine.authenticator.tokens.keys._entries[URI]
    entry.attempted -= 1
    assert not world.refuses(sign(world.payload(), kid="two", key=OTHER_RSA))
    assert world.refuses(sign(world.payload()))


def test_provider_that_cannot_be_reached(world):
    world.down = True
    assert world.refuses(sign(world.payload()))


def test_deleted_provider(world):
    token = sign(world.payload())
    assert not world.refuses(token)
    world.db.wire({"delete": {"access_provider": "login"}})
    assert world.refuses(token)


def test_deleted_database(world):
    token = sign(world.payload())
    assert not world.refuses(token)
    world.root.wire({"delete": database("child")})
    assert world.refuses(token)


def test_expiry_is_checked_for_each_request(world):
    token = sign(world.payload(exp=time.time() + 5))
    assert not world.refuses(token)
    verifier = world.root.engine.authenticator.tokens
    verifier.clock = lambda: time.time() + 6
    assert world.refuses(token)


@pytest.mark.parametrize("exp", [1e308, 10**18])
def test_an_expiry_may_be_as_late_as_numbers_go(world, exp):
    assert not world.refuses(sign(world.payload(exp=exp)))


# ---- roles ------------------------------------------------------------------------------------------------------


def claim(name, value):
    return lam("token", {"equals": [select([name], var("token")), value]})


def conditional(name, predicate):
    return obj(role=role(name), predicate=predicate)


@pytest.mark.parametrize(
    ("roles", "reads", "creates"),
    [
        (role("reader"), True, False),
        ("reader", True, False),
        ([role("reader"), "writer"], True, True),
        (conditional("reader", claim("admin", True)), True, False),
        (
            [conditional("reader", claim("admin", True)), conditional("writer", claim("admin", False))],
            True,
            False,
        ),
        ([conditional("reader", claim("missing", 1)), "writer"], False, True),
        ([role("reader"), conditional("reader", claim("admin", False))], True, False),
        (conditional("reader", lam("t", {"equals": [var("t"), {"current_token": None}]})), True, False),
        (conditional("reader", lam("t", {"equals": ["somebody", {"current_identity": None}]})), True, False),
        (conditional("reader", lam("t", {"exists": DOC})), True, False),
    ],
)
def test_roles(world, roles, reads, creates):
    world.provide(roles)
    token = sign(world.payload(admin=True))
    assert world.body(token, get(DOC))[0] == (200 if reads else 403)
    assert world.body(token, create(coll("c")))[0] == (201 if creates else 403)


@pytest.mark.parametrize(
    "roles",
    [
        None,
        [],
        conditional("reader", claim("admin", False)),
        conditional("reader", claim("missing", 1)),
        conditional("reader", lam("t", 1)),
        conditional("reader", lam("t", {"do": [create(coll("c")), True]})),
        conditional("reader", lam(["a", "b"], True)),
    ],
)
def test_no_role_applies(world, roles):
    world.provide(roles)
    assert world.refuses(sign(world.payload(admin=True)))


def test_deleted_role(world):
    token = sign(world.payload())
    assert not world.refuses(token)
    world.db.wire({"delete": role("reader")})
    assert world.refuses(token)


def test_membership_and_baseline_do_not_apply(world):
    world.db.wire({"update": role("writer"), "params": obj(membership=obj(resource=coll("c")))})
    token = sign(world.payload(sub=None))
    assert world.body(token, create(coll("c")))[0] == 403
    assert world.body(token, paginate(native("tokens")))[0] == 403


def test_predicates_of_privileges_see_the_claims(world):
    mine = lam("ref", {"equals": [select(["data", "owner"], get(var("ref"))), {"current_identity": None}]})
    world.db.wire(create_role("mine", privilege(coll("c"), read=mine)))
    world.provide("mine")
    assert world.wire(sign(world.payload(sub="me")), get(DOC))
    assert world.body(sign(world.payload(sub="you")), get(DOC))[0] == 403


# ---- inside queries ---------------------------------------------------------------------------------------------


def test_current_token_is_the_payload(world):
    payload = world.payload(
        number=5,
        double=1.5,
        big=2**70,
        yes=True,
        nothing=None,
        list=[1, "a"],
        object={"a": {"b": 1}, "@x": 1},
    )
    token = sign(payload)
    inner = world.wire(token, {"current_token": None})
    assert inner["number"] == 5
    assert inner["double"] == 1.5
    assert inner["big"] == 2.0**70
    assert inner["nothing"] is None
    assert inner["list"] == [1, "a"]
    assert inner["object"] == {"@obj": {"a": {"b": 1}, "@x": 1}}
    assert world.wire(token, select(["object", "a", "b"], {"current_token": None})) == 1
    assert world.wire(token, {"has_current_token": None}) is True


@pytest.mark.parametrize("subject", ["somebody", 5, None, ["a"], {"a": 1}])
def test_current_identity_is_the_subject(world, subject):
    token = sign(world.payload(sub=subject))
    assert world.wire(token, {"current_identity": None}) == subject
    assert world.wire(token, {"has_current_identity": None}) is True


def test_without_subject(world):
    token = sign(world.payload(sub=...))
    assert world.wire(token, {"has_current_identity": None}) is False
    status, body = world.body(token, {"current_identity": None})
    assert status == 400
    assert body["errors"] == [
        {
            "position": [],
            "code": "missing identity",
            "description": "Authentication does not contain an identity",
        }
    ]


@pytest.mark.parametrize("everywhere", [True, False])
def test_logout(world, everywhere):
    assert world.wire(sign(world.payload()), {"logout": everywhere}) is False


def test_key_from_secret(world):
    token = sign(world.payload())
    found = world.root.wire({"key_from_secret": token})
    assert found == {"database": world.root.wire(database("child"))}
    server = world.root.as_(make_key(world.root, "server"))
    assert denied(server, {"key_from_secret": token}) == []
    status, (error,) = world.root.failure({"key_from_secret": token + "x"})
    assert status == 400
    assert error["code"] == "instance not found"
    assert error["description"] == "No key found for the secret."


def test_streams_end_with_the_token(world):
    token = sign(world.payload(exp=time.time() + 1000))
    headers = {"authorization": f"Bearer {token}"}
    stream = world.root.send("POST", "/stream", json.dumps(DOC).encode(), headers=headers).stream
    assert b'"start"' in stream.next(5)
    world.db.wire({"update": DOC, "params": data(n=1)})
    assert b'"version"' in stream.next(5)
    world.db.engine.authenticator._tokens.clock = lambda: time.time() + 1001
    world.db.wire({"update": DOC, "params": data(n=2)})
    assert b"Authorization lost" in stream.next(5)


def test_streams_go_on_when_the_key_set_is_too_old(world, monkeypatch):
    """The token was verified once, so nothing is downloaded for its stream; new requests need the keys again."""
    headers = {"authorization": f"Bearer {sign(world.payload())}"}
    stream = world.root.send("POST", "/stream", json.dumps(DOC).encode(), headers=headers).stream
    stream.next(5)
    monkeypatch.setattr(jwks, "LIFETIME", -1.0)
    world.down = True
    for number in range(3):
        world.db.wire({"update": DOC, "params": data(n=number)})
        assert b'"version"' in stream.next(5)
    assert world.root.send("POST", "/", json.dumps(get(DOC)).encode(), headers=headers).status == 401
    world.provide(role("writer"))
    world.db.wire({"update": DOC, "params": data(n=3)})
    assert b"Authorization lost" in stream.next(5)


def test_streams_end_when_the_provider_changes(world):
    headers = {"authorization": f"Bearer {sign(world.payload())}"}
    stream = world.root.send("POST", "/stream", json.dumps(DOC).encode(), headers=headers).stream
    stream.next(5)
    world.provide(["reader", "writer"])
    world.db.wire({"update": DOC, "params": data(n=1)})
    assert b"Authorization lost" in stream.next(5)


# ---- without the extra, and over a real connection --------------------------------------------------------------


def test_without_the_extra(world, monkeypatch, caplog):
    token = sign(world.payload())
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == "cryptography":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert world.refuses(token)
    assert world.refuses(token)
    assert caplog.text.count("faunadb[jwt]>=4.6") == 1
    assert token not in caplog.text


def test_over_https(world, tmp_path, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    world.root.engine.authenticator._tokens = None
    with https_server.serve(tmp_path) as server:
        server.answers["/keys"] = (200, json.dumps({"keys": world.keys}).encode())
        change = {"jwks_uri": server.uri("/keys")}
        world.db.wire({"update": {"access_provider": "login"}, "params": obj(**change)})
        token = sign(world.payload())
        assert world.refuses(token)
        monkeypatch.setenv("SSL_CERT_FILE", server.bundle)
        world.root.engine.authenticator.tokens.keys._entries.clear()
        for _ in range(3):
            assert world.wire(token, get(DOC))
        assert len(server.requests) == 1


def test_no_snapshot_waits_for_a_download(world, monkeypatch):
    """Others read and write while a key set is on its way."""
    seen = []

    def fetch(uri):
        world.db.wire({"update": DOC, "params": data(n=1)})
        seen.append(uri)
        return json.dumps({"keys": world.keys}).encode()

    world.root.engine.authenticator._tokens = TokenVerifier(KeySets(fetch))
    assert world.wire(sign(world.payload()), get(DOC))["data"]["n"] == 1
    assert seen == [URI]
