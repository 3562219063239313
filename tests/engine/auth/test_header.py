"""The Authorization header and the grammar of scoped secrets (wire protocol, "Authentication")."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.auth.header import BadScope, Scope, secret_text, split


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"Basic {b64('secret:')}", "secret"),
        (f"Basic {b64('secret')}", "secret"),
        (f"Basic {b64('secret:')}:", "secret"),
        (f"Basic   {b64('secret:')}", "secret"),
        (f"Basic {b64(' secret: ')}", "secret"),
        (f"Basic {b64('secret::')}", "secret:"),
        (f"Basic {b64('secret:admin')}", "secret:admin"),
        (f"Basic {b64('secret:db/x:@role/r:')}", "secret:db/x:@role/r"),
        (f"Basic {b64('secrét')}", "secrét"),
        ("Bearer secret", "secret"),
        ("Bearer secret:admin", "secret:admin"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9"),
        ("Bearer " + "s\xe9cret\u2603".encode().decode("latin-1"), "s\xe9cret\u2603"),
        ("Bearer s\xe9cret", "s\xe9cret"),  # not UTF-8, so what it is
        ("Bearer \u2603", "\u2603"),
    ],
)
def test_secret(header, expected):
    assert secret_text(header) == (expected, False)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Basic", "Bearer", "secret", f"basic {b64('secret')}", "bearer secret", "Digest x",
        "Basic !!!", "Basic c2VjcmV0Og", f"Basic {b64('secret')}::", "Basic " + base64.b64encode(b"\xff").decode(),
    ],
)  # fmt: skip
def test_no_secret(header):
    assert secret_text(header) == (None, False)


@pytest.mark.parametrize(
    ("header", "may_be"),
    [
        ("Bearer eyJ.x", True),
        ("Bearer ey.", True),
        ("Bearer eyJ", False),
        ("Bearer fnA.x", False),
        (f"Basic {b64('eyJ.x')}", False),
    ],
)
def test_jwt_only_as_bearer(header, may_be):
    assert secret_text(header)[1] is may_be


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("s", None),
        ("s:", None),
        ("s:admin:", None),
        ("s:foo", None),
        ("s:db:foo", None),
        ("s:whatever:you:say", None),
        ("s:@roles/x", None),
        ("s:@role/", None),
        ("s:@role/r:x", None),
        ("s:admin", Scope((), "builtin", "admin")),
        ("s:server", Scope((), "builtin", "server")),
        ("s:server-readonly", Scope((), "builtin", "server-readonly")),
        ("s:client", Scope((), "builtin", "client")),
        ("s:db:admin", Scope(("db",), "builtin", "admin")),
        ("s:a/b/c:client", Scope(("a", "b", "c"), "builtin", "client")),
        ("s:@role/r", Scope((), "role", "r")),
        ("s:a/b:@role/r", Scope(("a", "b"), "role", "r")),
        ("s:@role/admin", Scope((), "role", "admin")),
        ("s:@role/r:admin", Scope(("@role", "r"), "builtin", "admin")),
        ("s:@doc/c/1", Scope((), "document", "c/1")),
        ("s:collections/c/1", Scope((), "document", "c/1")),
        ("s:classes/c/1", Scope((), "document", "c/1")),
        ("s:a/b:@doc/c/1", Scope(("a", "b"), "document", "c/1")),
        ("s:a:collections/c/1", Scope(("a",), "document", "c/1")),
    ],
)
def test_scopes(text, scope):
    assert split(text) == ("s", scope)


@pytest.mark.parametrize(
    "text",
    [
        "s:administrator", "s:serverx", "s:server-readonlyx", "s:client ", "s:db:adminX", "s:db:@role/r:x",
        "s:@role/r,x", "s:@role/r(", "s:@doc/c/1=", "s:db:admin:", "s:db:@doc/c/1&",
        "", ":admin", "a/b", "a,b:admin", "a=b", "a(b", "a&b",
    ],
)  # fmt: skip
def test_refused(text):
    with pytest.raises(BadScope):
        split(text)


@given(st.text(max_size=40))
def test_any_text(text):
    try:
        secret, _ = split(text)
    except BadScope:
        return
    assert text.startswith(secret)
    assert not set(secret) & set("/,()&=:")


@given(st.text(alphabet=st.characters(blacklist_characters="\r\n"), max_size=60))
def test_any_header(header):
    secret_text(header)
