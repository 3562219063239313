"""Queries that write and are run together: each has the result that it would have alone."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.language.errors import RequestError
from faunadb.engine.queries import Queries
from faunadb.engine.request import Failed, Gathered, Outcome, Request, Unauthenticated
from faunadb.engine.storage import StoreError, group_commit
from faunadb.engine.storage.sqlite_writer import SqliteWriter

REF = {"ref": {"collection": "spells"}, "id": "1"}
COUNT = {"count": {"documents": {"collection": "spells"}}}
SECRET = "Bearer secret"


def create(name: str, collection: str = "spells") -> Any:
    return {"create": {"collection": collection}, "params": {"object": {"data": {"object": {"name": name}}}}}


def asked(expression: Any, authorization: str = SECRET, **options: Any) -> Request:
    source = expression if isinstance(expression, bytes) else json.dumps(expression).encode()
    return Request(authorization, source, **options)


@pytest.fixture(params=["file", "memory"])
def engine(tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/main.db" if request.param == "file" else "sqlite://?name=together"
    with open_engine(url, secret="secret") as engine:
        ask(engine, {"create_collection": {"object": {"name": "spells"}}})
        yield engine


@pytest.fixture
def usual_stack() -> Iterator[None]:
    """Python's own limit, whatever another test or the application has made of it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture
def on_file(tmp_path: Any) -> Iterator[Engine]:
    with open_engine(f"sqlite:///{tmp_path}/main.db", secret="secret") as engine:
        ask(engine, {"create_collection": {"object": {"name": "spells"}}})
        yield engine


def ask(engine: Engine, expression: Any) -> Any:
    return json.loads(engine.run(asked(expression)).text)["resource"]


def together(engine: Engine, *requests: Request) -> list[Any]:
    """The results of queries, in as many turns as it takes."""
    gathered = [Gathered(request) for request in requests]
    waiting = list(gathered)
    while waiting:
        engine.write_together(lambda: waiting.pop(0) if waiting else None)
    return [each.result for each in gathered]


def test_each_has_its_outcome_and_a_time_of_its_own(engine: Engine) -> None:
    results = together(engine, *(asked(create(f"n{number}")) for number in range(5)))
    bodies = [json.loads(result.text)["resource"] for result in results]
    assert [body["data"]["name"] for body in bodies] == [f"n{number}" for number in range(5)]
    assert [result.time for result in results] == [body["ts"] for body in bodies]
    assert sorted({result.time for result in results}) == [result.time for result in results]
    assert [result.status for result in results] == [201] * 5
    assert ask(engine, COUNT) == 5


def test_they_share_a_commit(on_file: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 30.0)
    commits = []
    commit = SqliteWriter.commit
    monkeypatch.setattr(SqliteWriter, "commit", lambda *given: commits.append(1) or commit(*given))
    together(on_file, *(asked(create(f"n{number}")) for number in range(5)))
    assert len(commits) == 1


def test_one_that_fails_is_undone_alone(engine: Engine) -> None:
    fails = {"do": [create("gone"), {"abort": "enough"}]}
    one, failed, other = together(engine, asked(create("a")), asked(fails), asked(create("b")))
    assert isinstance(failed, Failed)
    assert [error.code for error in failed.errors.errors] == ["transaction aborted"]
    assert (one.status, other.status) == (201, 201)
    assert ask(engine, COUNT) == 2


def test_one_sees_what_those_before_it_have_written(engine: Engine) -> None:
    _, created, count = together(
        engine,
        asked({"create_collection": {"object": {"name": "others"}}}),
        asked(create("a", "others")),
        asked({"do": [create("b", "others"), {"count": {"documents": {"collection": "others"}}}]}),
    )
    assert created.status == 201
    assert json.loads(count.text) == {"resource": 2}


def test_one_that_turns_out_to_write_is_run_as_well(engine: Engine) -> None:
    body = {"query": {"lambda": "x", "expr": create("by a function")}}
    ask(engine, {"create_function": {"object": {"name": "make", "body": body}}})
    (called,) = together(engine, asked({"call": {"function": "make"}, "arguments": 1}))
    assert isinstance(called, Outcome)
    assert ask(engine, COUNT) == 1


@pytest.mark.parametrize(
    "request_",
    [
        asked(b'{"create":'),
        asked(b'{"create":' + b"[" * 10_000),
        asked(create("a"), "Bearer unheard of"),
        asked(create("a"), last_seen=9_000_000_000_000_000),
        asked({"do": [create("a"), json.loads("[" * 900 + "]" * 900)]}),
    ],
    ids=[
        "malformed",
        "too deep to be read",
        "somebody who is not known yet",
        "after a time in the future",
        "deeply nested",
    ],
)
@pytest.mark.usefixtures("usual_stack")
def test_what_takes_more_has_no_result_and_no_effect(engine: Engine, request_: Request) -> None:
    """It is for `Queries.run`, which can do it."""
    before, result, after = together(engine, asked(create("a")), request_, asked(create("b")))
    assert result is None
    assert (before.status, after.status) == (201, 201)
    assert ask(engine, COUNT) == 2


def test_a_deadline_that_has_passed_ends_one_alone(engine: Engine) -> None:
    late, other = together(
        engine, asked(create("late"), deadline=time.monotonic() - 1), asked(create("in time"))
    )
    assert isinstance(late, RequestError)
    assert (late.status, late.code) == (503, "time out")
    assert other.status == 201
    assert ask(engine, COUNT) == 1


def test_a_deleted_key_gives_nobody(engine: Engine) -> None:
    key = ask(engine, {"create_key": {"object": {"role": "server"}}})
    authorization = f"Bearer {key['secret']}"
    engine.run(asked(create("a"), authorization))
    (one,) = together(engine, asked(create("b"), authorization))
    assert one.status == 201
    ref = key["ref"]
    ask(engine, {"delete": ref})
    gone, _ = together(engine, asked(create("c"), authorization), asked(create("d")))
    assert isinstance(gone, Unauthenticated)
    assert ask(engine, COUNT) == 3


def test_other_threads_write_between_them(on_file: Engine) -> None:
    """A turn takes along those who wait for it."""
    started, go_on = threading.Event(), threading.Event()
    results: list[Any] = []

    def take() -> Optional[Gathered]:
        if not started.is_set():
            started.set()
            return first
        go_on.wait(30)
        return None

    first = Gathered(asked(create("gathered")))
    gathering = threading.Thread(target=on_file.write_together, args=(take,))
    gathering.start()
    assert started.wait(30)
    alone = threading.Thread(target=lambda: results.append(on_file.run(asked(create("alone")))))
    alone.start()
    go_on.set()
    for thread in (alone, gathering):
        thread.join(30)
    assert isinstance(first.result, Outcome)
    assert results[0].status == 201
    assert ask(on_file, COUNT) == 2


def test_an_exception_for_the_thread_leaves_nothing_half_written(
    on_file: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = Queries._evaluate

    def interrupted(self: Queries, request: Request, *given: Any) -> Outcome:
        outcome = evaluate(self, request, *given)
        if b"stop" in request.source:
            raise KeyboardInterrupt
        return outcome

    monkeypatch.setattr(Queries, "_evaluate", interrupted)
    gathered = [Gathered(asked(create(name))) for name in ("a", "stop", "c")]
    waiting = list(gathered)
    with pytest.raises(KeyboardInterrupt):
        while waiting:  # the second one may begin a turn of its own
            on_file.write_together(lambda: waiting.pop(0) if waiting else None)
    monkeypatch.undo()
    assert isinstance(gathered[0].result, Outcome)
    assert (gathered[1].result, gathered[2].result) == (None, None)
    assert ask(on_file, COUNT) == 1
    assert together(on_file, asked(create("d")))[0].status == 201


def test_a_closed_store_takes_none(on_file: Engine) -> None:
    one = Gathered(asked(create("a")))
    on_file.close()
    with pytest.raises(StoreError, match="closed"):
        on_file.write_together(lambda: one)
    assert one.result is None


def test_a_file_that_is_only_read_says_so(tmp_path: Any, on_file: Engine) -> None:
    with open_engine(f"sqlite:///{tmp_path}/main.db?mode=ro", secret="secret") as reading:
        assert reading.opens(SECRET)
        (refused,) = together(reading, asked(create("a")))
        assert isinstance(refused, RequestError)
        assert refused.status == 503
        assert "read-only" in refused.description
