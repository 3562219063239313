"""Translating FQL text for the dashboard costs little, whatever the text and whoever sends it."""

from __future__ import annotations

import json
import threading

import pytest

from faunadb.dashboard import services
from faunadb.engine.engine import open_engine
from faunadb.server import Application
from tests.server.asgi import Sent, ask, run

LONG = services.MAX_TEXT
GOOD = {"authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def application():
    with open_engine("sqlite://", secret="secret") as engine:
        yield Application(engine)


def translate(application: Application, text: str, headers: dict[str, str] = GOOD) -> Sent:
    return run(ask(application, text.encode(), headers, path="/dashboard/translate"))


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}], ids=["no secret", "a wrong one"])
def test_it_takes_a_secret(application, headers, monkeypatch):
    monkeypatch.setattr(services, "parse_text", lambda text: pytest.fail("it was read"))
    assert translate(application, "Now()", headers).status == 401


def test_it_is_done_elsewhere_than_on_the_event_loop(application, monkeypatch):
    where = []
    parse = services.parse_text
    monkeypatch.setattr(
        services, "parse_text", lambda text: where.append(threading.current_thread()) or parse(text)
    )
    assert json.loads(translate(application, "Now()").body)["queries"][0]["wire"] == {"now": None}
    assert where != [threading.main_thread()]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("x" * (LONG + 1), 413),
        ("bytearray(300000000)", 400),
        ("[" * LONG, 400),
        ("Get(" * (LONG // 4), 400),
        ("x => " + "{a:" * 110 + "[" + "1," * 32000 + "]" + "}" * 110, 400),
        ("9" * LONG, 400),
        ("\0", 400),
        ("Add(1, 2)", 200),
    ],
    ids=lambda value: str(value)[:20],
)
def test_every_text_is_answered(application, text, status):
    answered = translate(application, text)
    assert answered.status == status
    assert len(answered.body) < 4 * LONG
    assert json.loads(answered.body)
