"""Which web pages may query a server (docs/security.md)."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application
from faunadb.server.listening import RefusedToServe, read_origin
from tests.server.asgi import Sent, ask, run

LISTED = "https://app.example"


@pytest.fixture(scope="module")
def engine():
    with open_engine("sqlite://", secret="secret") as engine:
        yield engine


def answer(
    engine: Any, host: str, origin: Optional[str], known: bool, origins: tuple[str, ...] = (), **options: Any
) -> Sent:
    headers = {"host": host, "authorization": "Bearer secret"}
    if origin is not None:
        headers["origin"] = origin
    application = Application(engine, known_secret=known, origins=origins)
    return run(ask(application, headers=headers, **options))


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8443", "https://evil.example"),
        ("localhost:8443", "http://localhost.evil.example"),
        ("localhost:8443", "null"),
        ("localhost:8443", "http://127.0.0.1.nip.io:8443"),
        ("localhost:8443", "http://[bad"),
        ("evil.example:8443", "http://evil.example:8443"),  # DNS rebinding: the same origin
        ("evil.example:8443", None),
        ("192.168.1.5:8443", None),
        ("[bad", None),
    ],
)
def test_the_default_secret_keeps_foreign_pages_out(engine, method, host, origin):
    refused = answer(engine, host, origin, True, method=method)
    assert refused.status == 403
    assert b"--allow-origin" in refused.body
    assert not [name for name in refused.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8443", None),
        ("localhost", None),
        ("db.localhost:8443", None),
        ("[::1]:8443", "http://[::1]:8443"),
        ("", None),
        ("localhost:8443", "http://localhost:8443"),
        ("localhost:8443", "http://localhost:3000"),
        ("localhost:8443", "http://127.0.0.1:3000"),
    ],
)
def test_the_default_secret_answers_this_machine(engine, host, origin):
    answered = answer(engine, host, origin, True)
    assert (answered.status, answered.body) == (200, b'{"resource":1}')
    assert answered.headers.get("access-control-allow-origin") == origin
    assert "access-control-allow-credentials" not in answered.headers


def test_a_listed_origin_and_its_name_are_answered(engine):
    answered = answer(engine, "localhost:8443", LISTED, True, (LISTED,))
    assert answered.status == 200
    assert answered.headers["access-control-allow-origin"] == LISTED
    assert answered.headers["access-control-allow-credentials"] == "true"
    assert answer(engine, "db.test:8443", "http://db.test:8443", True, ("http://db.test:8443",)).status == 200
    assert answer(engine, "localhost:8443", "https://other.example", True, (LISTED,)).status == 403


def test_with_a_secret_of_its_own_pages_need_that_secret_and_get_no_credentials(engine):
    answered = answer(engine, "db.example", "https://any.example", False)
    assert answered.status == 200
    assert answered.headers["access-control-allow-origin"] == "https://any.example"
    assert answered.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in answered.headers


def test_a_list_is_the_whole_list(engine):
    assert answer(engine, "db.example", LISTED, False, (LISTED,)).status == 200
    assert answer(engine, "db.example", "https://db.example", False, (LISTED,)).status == 200
    assert answer(engine, "db.example", None, False, (LISTED,)).status == 200
    assert answer(engine, "db.example", "https://any.example", False, (LISTED,)).status == 403


@pytest.mark.parametrize(
    ("sent", "scheme"),
    [
        ({}, "Basic"),
        ({"user-agent": "curl/8"}, "Basic"),
        ({"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}, "Bearer"),
        ({"origin": "http://localhost:8443"}, "Bearer"),
        ({"sec-fetch-site": "none"}, "Bearer"),
    ],
)
def test_no_browser_is_told_to_ask_for_a_password(engine, sent, scheme):
    refused = run(ask(Application(engine), headers={"host": "localhost:8443", **sent}))
    assert (refused.status, refused.headers["www-authenticate"]) == (401, f'{scheme} realm="Unauthorized"')


@pytest.mark.parametrize("second", [b"localhost", b"evil.example"])
def test_a_request_for_two_hosts_is_for_none(engine, second):
    refused = run(ask(Application(engine), headers={"host": "localhost"}, more=((b"host", second),)))
    assert (refused.status, refused.body, refused.closes) == (400, b'{"error":"bad request"}', True)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://APP.example:443/", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origins(text, origin):
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "app.example",
        "https://app.example/path",
        "https://u:p@app.example",
        "https://a:x",
        "//a",
    ],
)
def test_no_origins(text):
    with pytest.raises(RefusedToServe, match="is no origin"):
        read_origin(text)
