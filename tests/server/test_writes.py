"""Queries that write share the thread and the commits of all that have come with them, and none waits for a slow one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.request import Outcome
from faunadb.engine.storage.sqlite_writer import SqliteWriter
from faunadb.engine.wire import usual
from faunadb.server import Application, turns, writes
from tests.server.asgi import Sent, ask, prepare, run

KNOWN = {"authorization": "Bearer secret"}
COUNT = b'{"count":{"documents":{"collection":"spells"}}}'


def create(name: str) -> Any:
    return {"create": {"collection": "spells"}, "params": {"object": {"data": {"object": {"name": name}}}}}


def body(expression: Any) -> bytes:
    return json.dumps(expression, separators=(",", ":")).encode()


@pytest.fixture
def application(tmp_path: Any) -> Iterator[Application]:
    with open_engine(f"sqlite:///{tmp_path}/main.db", secret="secret") as engine:
        application = Application(engine)
        prepare(application, KNOWN, [{"create_collection": {"object": {"name": "spells"}}}])
        yield application
        application.close()


async def ask_all(application: Application, *expressions: Any, **headers: str) -> list[Sent]:
    asked = {**KNOWN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await asyncio.gather(*(ask(application, body(each), asked) for each in expressions))


def count(application: Application) -> int:
    number: int = json.loads(run(ask(application, COUNT, KNOWN)).body)["resource"]
    return number


def test_those_that_come_together_share_commits(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = []
    commit = SqliteWriter.commit
    monkeypatch.setattr(SqliteWriter, "commit", lambda *given: commits.append(1) or commit(*given))
    sent = run(ask_all(application, *(create(f"n{number}") for number in range(40))))
    assert [each.status for each in sent] == [201] * 40
    names = [json.loads(each.body)["resource"]["data"]["name"] for each in sent]
    assert names == [f"n{number}" for number in range(40)]
    assert len({each.headers["x-txn-time"] for each in sent}) == 40
    assert len(commits) < 20
    assert count(application) == 40


@pytest.mark.parametrize(
    "wrap",
    [
        lambda write: write,
        lambda write: {"let": [{"x": 1}], "in": write},
        lambda write: {"if": {"exists": {"collection": "spells"}}, "then": write, "else": None},
        lambda write: {"do": [write, write]},
        lambda write: {"map": {"lambda": "x", "expr": write}, "collection": [1, 2]},
        lambda write: {"call": {"function": "make"}, "arguments": 1},
    ],
    ids=["alone", "in a let", "in a condition", "twice", "in a map", "in a function"],
)
def test_they_need_no_thread_of_the_pool(
    application: Application, monkeypatch: pytest.MonkeyPatch, wrap: Any
) -> None:
    function = {"name": "make", "body": {"query": {"lambda": "x", "expr": create("by a function")}}}
    prepare(application, KNOWN, [{"create_function": {"object": function}}])

    def refuse(*_: Any) -> None:
        raise AssertionError("a thread of the pool was asked")

    for module, name in ((writes, "PATIENCE"), (usual, "QUICK_SECONDS"), (turns, "QUICK_SECONDS")):
        monkeypatch.setattr(module, name, 30.0)  # however busy the machine is
    monkeypatch.setattr(application._pool, "submit", refuse)
    expression = wrap(create("a"))
    for number in range(3):
        (sent,) = run(ask_all(application, expression))
        assert sent.status in (200, 201), f"at the time number {number}: {sent.body!r}"
    assert count(application) in (3, 6)


def test_a_server_knows_what_writes_although_it_loads_the_forms_late() -> None:
    """They are registered when its engine is opened: what was asked before would be remembered as nothing."""
    program = """
import faunadb.server.worker
from faunadb.engine import open_engine
from faunadb.engine.wire import usual

with open_engine("sqlite://"):
    print(b'{"create"' in usual.write_prefixes())
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_errors_are_told_to_those_who_made_them(application: Application) -> None:
    wrong = {**create("a"), "create": {"collection": "nowhere"}}
    one, failed, other = run(ask_all(application, create("a"), wrong, create("b")))
    assert (one.status, failed.status, other.status) == (201, 400, 201)
    assert json.loads(failed.body)["errors"][0]["position"] == ["create"]
    assert count(application) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"x_fauna_tags": "a=b"},
        {"x_query_timeout": "5000"},
        {"x_last_seen_txn": "1700000000000000"},
        {"x_last_seen_txn": "9000000000000000000"},
        {"x_faunadb_api_version": "2.1"},
    ],
    ids=str,
)
def test_whatever_the_headers_ask_for(application: Application, headers: dict[str, str]) -> None:
    (sent,) = run(ask_all(application, create("a"), **headers))
    if headers.get("x_last_seen_txn", "").startswith("9"):
        assert (sent.status, count(application)) == (503, 0)
    else:
        assert (sent.status, count(application)) == (201, 1)
        assert sent.headers.get("x-fauna-tags") == headers.get("x_fauna_tags")


def test_what_is_nested_deeply_is_written_once(application: Application) -> None:
    deep: Any = create("at the bottom")
    for _ in range(300):
        deep = {"do": [deep]}
    (sent,) = run(ask_all(application, deep))
    assert (sent.status, count(application)) == (201, 1)


class Held:
    """Lets the first turn of an engine that is told to `hold` wait, with the lock of writers or without."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._usual = engine.write_together
        monkeypatch.setattr(engine, "write_together", self._run)

    def _run(self, take: Any) -> None:
        if not self.begun.is_set():
            self.begun.set()
            assert self.go_on.wait(30)
        self._usual(take)


def test_nobody_waits_for_a_turn_that_takes_long(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(application.engine, monkeypatch)

    async def story() -> list[Sent]:
        # The first turn is not to end before these are answered, on other threads.
        asked = [asyncio.ensure_future(ask(application, body(create(name)), KNOWN)) for name in "abc"]
        done = await asyncio.gather(*asked)
        assert held.begun.is_set()
        assert not held.go_on.is_set()
        held.go_on.set()
        return [*done, *await ask_all(application, create("d"))]

    try:
        sent = run(story())
    finally:
        held.go_on.set()
    assert [each.status for each in sent] == [201] * 4
    assert count(application) == 4


def test_a_deadline_is_kept_behind_a_slow_writer(application: Application) -> None:
    """Whoever waits for the writers' lock is told at its deadline, not when the lock is free."""
    inside, go_on = threading.Event(), threading.Event()

    def work(tx: Any) -> None:
        inside.set()
        assert go_on.wait(30)

    slow = threading.Thread(target=lambda: application.engine.store.write(work))
    slow.start()
    try:
        assert inside.wait(30)
        sent = run(ask_all(application, create("a"), create("b"), x_query_timeout="200"))
    finally:
        go_on.set()
        slow.join()
    assert [each.status for each in sent] == [503, 503]
    assert all(b"time out" in each.body for each in sent)
    assert count(application) == 0


@pytest.mark.parametrize("taken", [0, 1, 2])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_turn_that_fails_loses_nothing(
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Any,
    taken: int,
) -> None:
    def fail(take: Any) -> None:
        for _ in range(taken):
            take()
        raise error("made for this test")

    monkeypatch.setattr(application.engine, "write_together", fail)
    sent = run(ask_all(application, create("a"), create("b")))
    assert [each.status for each in sent] == [201, 201]
    assert count(application) == 2
    assert "a turn of writers has failed" in caplog.text


def test_an_answer_that_cannot_be_told_is_that_of_its_request_alone(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Outcome.text.fget

    def fails(outcome: Outcome) -> str:
        found: str = text(outcome)
        if '"b"' in found:
            raise RecursionError
        return found

    monkeypatch.setattr(Outcome, "text", property(fails))
    sent = run(ask_all(application, *(create(name) for name in "abc")))
    assert [each.status for each in sent] == [201, 500, 201]
    assert count(application) == 3, "one that is written was run again"


def test_a_request_whose_error_cannot_be_told_keeps_nobody_waiting(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError("made for this test")

    monkeypatch.setattr(usual, "_failure", fails)
    wrong = {**create("a"), "create": {"collection": "nowhere"}}

    async def story() -> list[Any]:
        asked = [ask(application, body(each), KNOWN) for each in (create("a"), wrong, create("b"))]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [*answers, *await ask_all(application, create("c"))]

    one, failed, other, later = run(story())
    assert isinstance(failed, OSError)
    assert [one.status, other.status, later.status] == [201] * 3
    assert count(application) == 3


def test_no_more_than_a_turn_takes_are_taken(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "MOST", 3)
    sent = run(ask_all(application, *(create(str(number)) for number in range(10))))
    assert [each.status for each in sent] == [201] * 10
    assert count(application) == 10


def test_a_request_that_has_gone_is_no_harm(application: Application) -> None:
    async def story() -> int:
        gone = asyncio.ensure_future(ask(application, body(create("gone")), KNOWN))
        await asyncio.sleep(0)
        gone.cancel()
        (sent,) = await ask_all(application, create("here"))
        assert gone.cancelled()
        return sent.status

    assert run(story()) == 201
    assert count(application) in (1, 2)
