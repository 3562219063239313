"""Requests whose head has been seen before go a shorter way, and are answered as if it had not been."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application, heads
from tests.server.asgi import Sent, ask, prepare, run

REF = {"ref": {"collection": "spells"}, "id": "1"}
KNOWN = {"authorization": "Bearer secret"}
#: Headers of answers whose values are another's each time.
CHANGING = {"x-txn-time", "x-query-time", "traceparent"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with open_engine(f"sqlite:///{tmp_path_factory.mktemp('heads')}/main.db", secret="secret") as engine:
        spells = {"create_collection": {"object": {"name": "spells"}}}
        beak = {"create": REF, "params": {"object": {"data": {"object": {"name": "Fire Beak"}}}}}
        prepare(Application(engine), KNOWN, [spells, beak])
        yield engine


@pytest.fixture
def application(engine):
    return Application(engine, known_secret=True)


@pytest.fixture
def forgetful(engine, monkeypatch):
    """One that takes no request for a usual one, but refuses pages as ever."""
    application = Application(engine, known_secret=True)
    read = application._heads.read
    monkeypatch.setattr(application._heads, "read", lambda scope: (read(scope)[0], None))
    return application


def shown(sent: Sent) -> Any:
    return sent.status, {**sent.headers, **dict.fromkeys(CHANGING & sent.headers.keys(), "")}, sent.body


GET = json.dumps({"get": REF}).encode()


@pytest.mark.parametrize(
    ("body", "headers", "of_scope"),
    [
        (GET, {}, {}),
        (GET, {"x-last-seen-txn": "1700000000000000"}, {}),
        (GET, {"x-last-seen-txn": "9000000000000000000"}, {}),
        (GET, {"x-last-seen-txn": "soon"}, {}),
        (GET, {"x-query-timeout": "5000", "x-max-retries-on-contention": "3"}, {}),
        (GET, {"x-query-timeout": "0"}, {}),
        (GET, {"x-faunadb-api-version": "2.1"}, {}),
        (GET, {"x-faunadb-api-version": "5"}, {}),
        (GET, {"x-fauna-tags": "a=b,c=d"}, {}),
        (GET, {"x-fauna-tags": "?"}, {}),
        (GET, {"x-faunadb-formatted-json": "true"}, {}),
        (GET, {"connection": "close"}, {}),
        (GET, {"connection": "keep-alive"}, {}),
        (GET, {"host": "localhost:8443", "user-agent": "curl/8"}, {}),
        (GET, {"origin": "http://localhost:3000"}, {}),
        (GET, {"origin": "http://example.com"}, {}),
        (GET, {"host": "example.com"}, {}),
        (GET, {"content-length": "many"}, {}),
        (GET, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, {}),
        (GET, {"authorization": "Bearer wrong"}, {}),
        (GET, {"x-forwarded-for": "10.0.0.1"}, {}),
        (GET, {}, {"path": "/linearized"}),
        (GET, {}, {"path": "/nothing"}),
        (GET, {}, {"method": "PUT"}),
        (b"", {}, {}),
        (b"{", {}, {}),
        (b'{"select":"a","from":1}', {}, {}),
        (b'{"get":' + b" " * 20_000 + b"1}", {}, {}),
    ],
    ids=str,
)
def test_it_is_the_answer_of_every_other_way(application, forgetful, body, headers, of_scope):
    expected = shown(run(ask(forgetful, body, {**KNOWN, **headers}, **of_scope)))
    for _ in range(2):
        assert shown(run(ask(application, body, {**KNOWN, **headers}, **of_scope))) == expected


def test_a_usual_request_goes_the_short_way(application, monkeypatch):
    monkeypatch.setattr(application, "_answer", None)
    assert run(ask(application, GET, {**KNOWN, "x-request-id": "1"})).status == 200
    assert run(ask(application, GET, {**KNOWN, "x-request-id": "2"})).status == 200
    assert len(application._heads._known) == 1


def test_neither_secrets_nor_what_nobody_looks_at_is_remembered(application):
    headers = {**KNOWN, "cookie": "session=hidden", "user-agent": "program"}
    assert run(ask(application, GET, headers)).status == 200
    remembered = repr(application._heads._known)
    assert "program" in remembered
    assert "secret" not in remembered
    assert "hidden" not in remembered


def test_what_is_remembered_is_bounded(application, monkeypatch):
    monkeypatch.setattr(heads, "_MOST", 3)
    for number in range(10):
        run(ask(application, GET, {**KNOWN, "user-agent": f"program {number}"}))
        known = application._heads._known
        assert len(known) + sum(len(names.known) for names in known.values()) <= 3
    run(ask(application, GET, {**KNOWN, "user-agent": "x" * 2000, "y" * 2000: "z"}))
    run(ask(application, GET, {**KNOWN, "user-agent": "x" * 2000}))
    remembered = repr(application._heads._known)
    assert "xxx" not in remembered
    assert "yyy" not in remembered
