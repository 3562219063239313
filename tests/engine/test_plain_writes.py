"""Queries that write by their looks: they run as writers at once, and all rules hold for them as for others."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from faunadb import query as q
from faunadb.engine import queries
from tests.engine.conftest import Database

CREATE = q.create(q.collection("c"), {"data": {"n": 1}})


@pytest.fixture
def known(db: Database) -> Database:
    """A database with a collection, whose engine knows the principal already."""
    db.query(q.create_collection({"name": "c"}))
    return db


def test_they_take_no_snapshot(known: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(at_least: int = 0) -> None:
        raise AssertionError("a snapshot was taken")

    monkeypatch.setattr(known.engine.store, "snapshot", refuse)
    assert known.raw(CREATE).status == 201
    assert known.raw(q.now()).status == 500  # while a query that only reads needs one


def test_a_principal_is_checked_before_it_may_hold_up_writers(
    known: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the store was asked to write")

    monkeypatch.setattr(known.engine.store, "write", refuse)
    assert known.raw(CREATE, secret="wrong").status == 401


def test_errors_are_the_usual_ones(known: Database) -> None:
    assert known.error('{"create":{"collection":"c"},"parms":1}')["code"] == "invalid expression"
    assert known.error(q.create(q.collection("no"), {}))["position"] == ["create"]
    status, _ = known.failure(CREATE, secret="secret:client")
    assert status == 403
    status, _ = known.failure(CREATE, secret="secret:client")  # known by now
    assert status == 403
    assert known.query(q.count(q.documents(q.collection("c")))) == 0


def test_a_key_deleted_meanwhile_is_refused(known: Database) -> None:
    key = known.query(q.create_key({"role": "server"}))
    assert known.raw(CREATE, secret=key["secret"]).status == 201
    assert known.raw(CREATE, secret=key["secret"]).status == 201
    known.query(q.delete(key["ref"]))
    assert known.raw(CREATE, secret=key["secret"]).status == 401


def test_a_limit_on_effects_holds(known: Database) -> None:
    response = known.send("GET", "/", query="q=" + '{"create":{"collection":"c"},"params":{"object":{}}}')
    assert response.status == 400
    assert b"get requests" in response.body


class Attempts:
    """Counts how often queries are evaluated."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        evaluated = queries._evaluated

        def count(ctx: Any) -> Any:
            self.count += 1
            return evaluated(ctx)

        monkeypatch.setattr(queries, "_evaluated", count)

    def of(self, ask: Callable[[], object]) -> int:
        before = self.count
        ask()
        return self.count - before


def test_a_call_that_has_written_is_run_once_from_then_on(
    known: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only running a function tells whether it writes: what it did last is remembered, and corrected."""
    body = q.query(q.lambda_("x", q.if_(q.gt(q.var("x"), 0), CREATE, 0)))
    known.query(q.create_function({"name": "make", "body": body}))
    attempts = Attempts(known, monkeypatch)

    def call(count: int) -> int:
        return attempts.of(lambda: known.query(q.call(q.function("make"), count)))

    call(1), call(2)  # from then on the shape is known
    assert [call(3), call(4)] == [1, 1]
    assert call(0) == 1  # as a writer, which has written nothing
    assert [call(5), call(6)] == [2, 1]
    assert known.query(q.count(q.documents(q.collection("c")))) == 6


def test_a_shape_that_writes_takes_no_snapshot(known: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write = q.let({"a": 1}, q.if_(q.exists(q.collection("c")), CREATE, None))
    for _ in range(2):
        known.query(write)
    attempts = Attempts(known, monkeypatch)

    def refuse(*_: object) -> None:
        raise AssertionError("a snapshot was taken")

    monkeypatch.setattr(known.engine.store, "snapshot", refuse)
    assert attempts.of(lambda: known.raw(write)) == 1
