"""Answers that are kept until the next commit: always the ones that evaluation would give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from faunadb import query as q
from faunadb.engine.answers import Answers
from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.request import Request
from tests.engine.conftest import Database
from tests.engine.fuzzing import FIXTURE, Generator

SPELLS = q.collection("spells")
ONE = q.ref(SPELLS, "1")
FUTURE = q.time_add(q.now(), 1, "day")


@pytest.fixture
def world(db: Database) -> Database:
    """Spells, some of which expire one day, an index of them, and a user with credentials."""
    db.query([q.create_collection({"name": name, "history_days": None}) for name in ("spells", "users")])
    db.query(q.create_collection({"name": "short", "history_days": 1}))
    db.query(
        q.create_index(
            {"name": "by_cost", "source": SPELLS, "terms": [{"field": ["data", "cost"]}], "active": True}
        )
    )
    db.query(q.create_function({"name": "cost", "body": q.query(q.lambda_("x", q.select("ts", q.get(ONE))))}))
    db.query(q.create(ONE, {"data": {"name": "fire", "cost": 1}}))
    db.query(q.create(q.ref(SPELLS, "2"), {"data": {"cost": 2}, "ttl": FUTURE}))
    db.query(q.create(q.ref(q.collection("short"), "1"), {}))
    db.query(q.create(q.ref(q.collection("users"), "1"), {"credentials": {"password": "sesame"}}))
    db.engine.background.wait(30)  # its writes, too, make answers void
    return db


def kept(db: Database, expression: Any, **options: Any) -> bool:
    """Whether the answer to a query is kept."""
    answers = db.engine.answers
    before = len(answers)
    assert db.raw(expression, **options).status == 200
    return len(answers) > before


TIMELESS = {
    "a value": q.add(1, 2),
    "a document": q.get(ONE),
    "whether there is one": q.exists(q.ref(SPELLS, "7")),
    "a page": q.paginate(q.match(q.index("by_cost"), 1)),
    "a match": q.map_(q.lambda_("x", q.get(q.var("x"))), q.paginate(q.match(q.index("by_cost"), 1))),
    "a function": q.call(q.function("cost"), 1),
    "a fixed time": q.time("2020-01-01T00:00:00Z"),
    "the schema": q.paginate(q.collections()),
}


@pytest.mark.parametrize("name", TIMELESS)
def test_it_is_kept_until_something_is_written(world: Database, name: str) -> None:
    query = TIMELESS[name]
    world.query(1)  # the first answer after a commit makes place
    assert kept(world, query)
    first = world.raw(query)
    assert not kept(world, query)
    world.query(q.create(SPELLS, {}))
    assert len(world.engine.answers)
    world.query(1)
    assert kept(world, query)
    assert world.raw(query).body == first.body


TIMED = {
    "now": q.now(),
    "now in words": q.time("now"),
    "now somewhere": [1, q.if_(q.lt(q.now(), FUTURE), 1, 2)],
    "a document that expires": q.get(q.ref(SPELLS, "2")),
    "whether it has expired": q.exists(q.ref(SPELLS, "2")),
    "an entry that expires": q.paginate(q.match(q.index("by_cost"), 2)),
    "documents that expire": q.count(q.documents(SPELLS)),
    "a read at a time": q.at(q.time("2100-01-01T00:00:00Z"), q.get(ONE)),
    "a read at a given time": q.get(ONE, q.time("2100-01-01T00:00:00Z")),
    "history with a limit": q.paginate(q.events(q.ref(q.collection("short"), "1"))),
    "passwords": q.identify(q.ref(q.collection("users"), "1"), "sesame"),
}


@pytest.mark.parametrize("name", TIMED)
def test_what_depends_on_the_time_is_not_kept(world: Database, name: str) -> None:
    world.query(1)
    assert not kept(world, TIMED[name])
    assert not kept(world, TIMED[name])


def test_it_is_not_evaluated_again(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("evaluated")

    first = world.raw(q.get(ONE))
    monkeypatch.setattr(Engine, "_prepare", refuse)
    again = world.raw(q.get(ONE))
    assert (again.status, again.body) == (first.status, first.body)
    costs = [
        [pair for pair in each.headers if "ops" in pair[0] or "bytes" in pair[0]] for each in (first, again)
    ]
    assert costs[0] == costs[1] != []
    assert world.raw(q.get(ONE), headers={"x-faunadb-api-version": "3"}).status == 500


def test_the_time_goes_on(world: Database) -> None:
    def seen(last_seen: int = 0) -> int:
        response = world.raw(q.get(ONE), headers={"x-last-seen-txn": str(last_seen)})
        return int(dict(response.headers)["x-txn-time"])

    first = seen()
    second = seen()
    assert first <= second
    assert seen(second + 1_000_000) == second + 1_000_000


@pytest.mark.parametrize("change", ["delete", "update", "role"])
def test_rights_hold_from_the_moment_they_change(world: Database, change: str) -> None:
    role = q.role("reader")
    world.query(
        q.create_role({"name": "reader", "privileges": {"resource": SPELLS, "actions": {"read": True}}})
    )
    key = world.query(q.create_key({"role": role}))
    reader = world.as_(key["secret"])
    assert reader.raw(q.get(ONE)).status == reader.raw(q.get(ONE)).status == 200
    assert world.as_("wrong").raw(q.get(ONE)).status == 401
    changes = {
        "delete": q.delete(key["ref"]),
        "update": q.update(key["ref"], {"role": "client"}),
        "role": q.update(role, {"privileges": []}),
    }
    world.query(changes[change])
    assert reader.raw(q.get(ONE)).status == (401 if change == "delete" else 403)


def test_each_secret_has_answers_of_its_own(world: Database) -> None:
    server = world.query(q.create_key({"role": "server"}))["secret"]
    assert world.query(q.has_current_token()) is False
    assert world.as_(server).query(q.has_current_token()) is True
    assert world.query(q.has_current_token()) is False


def test_secrets_that_expire_open_nothing_for_longer(world: Database) -> None:
    lasting = world.query(q.create_key({"role": "admin"}))["secret"]
    expiring = world.query(q.create_key({"role": "admin", "ttl": FUTURE}))["secret"]
    user = q.ref(q.collection("users"), "1")
    token = world.query(q.create(q.tokens(), {"instance": user, "ttl": FUTURE}))["secret"]
    world.query(1)
    assert kept(world, 2, secret=lasting)
    assert not kept(world, 2, secret=expiring)
    assert not kept(world, 2, secret=token)


def test_who_must_be_looked_at_each_time_has_no_kept_answers(world: Database) -> None:
    """Membership by a predicate."""
    users = q.collection("users")
    predicate = q.query(q.lambda_("ref", q.exists(q.var("ref"))))
    membership = {"resource": users, "predicate": predicate}
    world.query(q.create_role({"name": "r", "privileges": [], "membership": membership}))
    secret = world.query(q.create(q.tokens(), {"instance": q.ref(users, "1")}))["secret"]
    assert not kept(world, 2, secret=secret)


@pytest.mark.parametrize(
    ("method", "path", "query"), [("POST", "/linearized", ""), ("GET", "/", "q=1")], ids=["linearized", "get"]
)
def test_other_ways_to_ask_are_evaluated(world: Database, method: str, path: str, query: str) -> None:
    world.query(1)
    before = len(world.engine.answers)
    assert world.send(method, path, b"" if query else b"2", query=query).status == 200
    assert len(world.engine.answers) == before


def test_errors_are_not_kept(world: Database) -> None:
    world.query(1)
    before = len(world.engine.answers)
    assert world.raw(q.get(q.ref(SPELLS, "9"))).status == 404
    assert world.raw('{"add":').status == 400
    assert len(world.engine.answers) == before


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Two engines on one file, as in two processes."""
    url = f"sqlite:///{tmp_path}/main.db"
    with open_engine(url) as one, open_engine(url) as other:
        yield Database(one), Database(other)


def test_a_commit_elsewhere_is_seen_at_once(two: tuple[Database, Database]) -> None:
    here, there = two
    there.query(q.create_collection({"name": "spells"}))
    there.query(q.create(ONE, {"data": {"n": 0}}))
    for n in range(1, 20):
        assert here.query(q.select(["data", "n"], q.get(ONE))) == n - 1
        assert here.query(q.select(["data", "n"], q.get(ONE))) == n - 1
        there.query(q.update(ONE, {"data": {"n": n}}))


# Memory


class Read:
    """A context of a finished read: all that `Answers.keep` looks at."""

    def __init__(self, last_txn: int, timeless: bool = True):
        self.timeless = self.auth = self.snap = self
        self.last_txn = last_txn
        self.time = last_txn


def name(answers: Answers, n: int) -> Any:
    return answers.name(Request("Bearer secret", str(n).encode()))


def outcome(text: str) -> Any:
    from faunadb.engine.request import Metrics, Outcome

    return Outcome(200, text, 1, Metrics())


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    answers = Answers(100_000)
    for n in range(1000):
        answers.keep(name(answers, n), Read(1), outcome("x" * 500))  # type: ignore[arg-type]
    assert len(answers) == 100
    assert answers.find(name(answers, 899), Read(1)) is None  # type: ignore[arg-type]
    assert answers.find(name(answers, 900), Read(1)) is not None  # type: ignore[arg-type]


def test_one_large_answer_does_not_push_out_the_others() -> None:
    answers = Answers(100_000)
    answers.keep(name(answers, 1), Read(1), outcome("x" * 10_000))  # type: ignore[arg-type]
    assert len(answers) == 0


def test_nothing_is_kept_where_none_are_wanted() -> None:
    with open_engine("sqlite://", answers=0) as engine:
        assert Database(engine).query(1) == Database(engine).query(1) == 1
        assert len(engine.answers) == 0


def test_an_answer_from_before_the_newest_commit_is_not_kept() -> None:
    answers = Answers()
    answers.keep(name(answers, 1), Read(5), outcome("new"))  # type: ignore[arg-type]
    answers.keep(name(answers, 2), Read(4), outcome("old"))  # type: ignore[arg-type]
    assert answers.find(name(answers, 2), Read(5)) is None  # type: ignore[arg-type]
    assert answers.find(name(answers, 2), Read(4)) is None  # type: ignore[arg-type]
    assert answers.find(name(answers, 1), Read(4)) is None  # type: ignore[arg-type]
    answers.keep(name(answers, 3), Read(6), outcome("newer"))  # type: ignore[arg-type]
    assert answers.find(name(answers, 1), Read(5)) is None  # type: ignore[arg-type]
    assert len(answers) == 1


def test_names_tell_secret_and_query_apart() -> None:
    answers = Answers()
    asked = [("a", b"bc"), ("ab", b"c"), ("a", b"b"), ("a 1 b", b"c"), ("1 ab", b"c")]
    assert len({answers.name(Request(secret, source)) for secret, source in asked}) == len(asked)
    assert answers.name(Request("a", b"1", version="3")) != answers.name(Request("a", b"1"))
    assert b"sesame" not in (answers.name(Request("sesame", b"sesame")) or b"sesame")


@pytest.mark.parametrize("seed", range(4))
def test_random_queries_are_answered_as_if_each_was_evaluated(tmp_path: Path, seed: int) -> None:
    """Whatever is kept is what an engine without kept answers says, between any two writes."""
    url = f"sqlite:///{tmp_path}/main.db"
    with open_engine(url) as engine, open_engine(url, answers=0) as evaluating:
        asking, judge = Database(engine), Database(evaluating)
        for query in FIXTURE:
            asking.raw(json.dumps(query))
        generator = Generator(Random(f"answers {seed}"))
        compared = 0
        for number in range(400):
            text = generator.text(generator.query())
            asking.raw(text)
            engine.background.wait(30)
            before = len(engine.answers)
            given = asking.raw(text)
            if given.status != 200 or len(engine.answers) != before:
                continue  # it failed, it wrote, or it depends on the time
            with engine.store.snapshot() as snap:
                is_kept = engine.answers.find(
                    engine.answers.name(
                        Request(_authorization(asking), text.encode("utf-8", "surrogatepass"))
                    ),
                    snap,
                )
            if is_kept is not None:
                compared += 1
                assert given.body == judge.raw(text).body, (seed, number, text)
        assert compared > 40


def _authorization(db: Database) -> str:
    import base64

    return f"Basic {base64.b64encode(f'{db.secret}:'.encode()).decode()}"
