"""Answers that are kept until what they read changes: always the ones that evaluation would give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from faunadb import query as q
from faunadb.engine.answers import MAX_BEHIND, MAX_READS, Answers
from faunadb.engine.background.sweeping import sweep
from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.request import Metrics, Outcome, Request
from faunadb.engine.storage.base import LOG_KEPT
from faunadb.engine.storage.clock import wall_micros
from faunadb.engine.storage.read_set import Changes, ReadSet
from tests.engine.conftest import Database, filled_once
from tests.engine.fuzzing import FIXTURE, Generator

SPELLS = q.collection("spells")
ONE = q.ref(SPELLS, "1")
FUTURE = q.time_add(q.now(), 1, "day")


@pytest.fixture
@filled_once
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


#: What touches no answer of `TIMELESS`: other documents, and other entries of the same index.
ELSEWHERE = {
    "another collection": q.create(q.collection("short"), {"data": {"cost": 1}}),
    "another document": q.update(q.ref(SPELLS, "2"), {"data": {"name": "water"}}),
    "another term": q.create(SPELLS, {"data": {"cost": 3}}),
}

#: What each answer of `TIMELESS` is no longer true after; nothing, for those that read nothing.
TOUCHING = {
    "a document": q.update(ONE, {"data": {"name": "frost"}}),
    "whether there is one": q.create(q.ref(SPELLS, "7"), {}),
    "a page": q.create(SPELLS, {"data": {"cost": 1}}),
    "a match": q.delete(ONE),
    "a function": q.update(ONE, {"data": {"name": "frost"}}),
    "the schema": q.create_collection({"name": "new"}),
}


def evaluated(db: Database, expression: Any) -> bool:
    """Whether answering a query takes a look at what it is made of."""
    prepared: list[Any] = []
    original = Engine._prepare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_prepare", lambda *args: prepared.append(args) or original(*args))
        assert db.raw(expression).status in (200, 404)
    return bool(prepared)


@pytest.mark.parametrize("name", TIMELESS)
def test_it_is_kept_until_what_it_read_changes(world: Database, name: str) -> None:
    query = TIMELESS[name]
    assert kept(world, query)
    first = world.raw(query)
    for elsewhere, write in ELSEWHERE.items():
        world.query(write)
        assert not evaluated(world, query), elsewhere
        assert world.raw(query).body == first.body
    if name in TOUCHING:
        world.query(TOUCHING[name])
        assert evaluated(world, query)
        assert world.raw(query).body != first.body


def test_whoever_was_late_is_told_the_same(tmp_path: Path) -> None:
    """An answer that was being evaluated while others wrote is kept only where they touched nothing of it."""
    with open_engine(f"sqlite:///{tmp_path}/main.db") as engine:
        db = Database(engine)
        db.query(q.create_collection({"name": "spells"}))
        db.query(q.create(ONE, {}))
        db.query(1)
        touched = Request("Bearer secret", b'{"get":{"ref":{"collection":"spells"},"id":"1"}}')
        untouched = Request("Bearer secret", b'{"exists":{"ref":{"collection":"spells"},"id":"5"}}')
        with engine.store.snapshot() as early:
            db.query(q.update(ONE, {"data": {"name": "frost"}}))
            db.query(1)
            for asked in (touched, untouched):
                early.note_reads()
                before = len(engine.answers)
                engine._read(asked, engine._prepare(asked, early), early, engine.answers.name(asked))
                assert len(engine.answers) - before == (asked is untouched)


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


class Snapshot:
    """A snapshot as `Answers` looks at it."""

    schema_version = 0

    def __init__(self, last_txn: int, *documents: int):
        self.last_txn = self.time = self.position = last_txn
        self.reads = ReadSet()
        for number in documents:
            self.reads.document(0, 1024, number)

    def changed(self, after: int, limit: int) -> list[tuple[int, Changes]]:
        """Each transaction has changed the document of its number."""
        found = []
        for txn in range(after + 1, min(after + limit, self.last_txn) + 1):
            changes = Changes()
            changes.document(0, 1024, txn)
            found.append((txn, changes))
        return found


def keep(answers: Answers, n: int, snap: Snapshot, text: str = "answer") -> None:
    auth = SimpleNamespace(timeless=True)
    answers.keep(name(answers, n), SimpleNamespace(timeless=True, auth=auth, snap=snap), outcome(text))  # type: ignore[arg-type]


def found(answers: Answers, n: int, snap: Snapshot) -> bool:
    return answers.find(name(answers, n), snap) is not None  # type: ignore[arg-type]


def name(answers: Answers, n: int) -> Any:
    return answers.name(Request("Bearer secret", str(n).encode()))


def outcome(text: str) -> Any:
    return Outcome(200, text, 1, Metrics())


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    answers = Answers(100_000)
    for n in range(1000):
        keep(answers, n, Snapshot(1, n + 100), "x" * 250)
    assert len(answers) == 100
    assert not found(answers, 899, Snapshot(1))
    assert found(answers, 900, Snapshot(1))
    assert len(answers._readers) == 100


def test_one_large_answer_does_not_push_out_the_others() -> None:
    answers = Answers(100_000)
    keep(answers, 1, Snapshot(1), "x" * 10_000)
    keep(answers, 2, Snapshot(1, *range(MAX_READS + 1)))
    assert len(answers) == 0


def test_nothing_is_kept_where_none_are_wanted() -> None:
    with open_engine("sqlite://", answers=0) as engine:
        assert Database(engine).query(1) == Database(engine).query(1) == 1
        assert len(engine.answers) == 0


def test_answers_from_before_the_newest_commit() -> None:
    answers = Answers()
    keep(answers, 1, Snapshot(5, 7))
    keep(answers, 2, Snapshot(4, 1))
    assert not found(answers, 2, Snapshot(5)), "nobody knows what came between 4 and 5"
    assert not found(answers, 1, Snapshot(4)), "it may not have been true then"
    assert found(answers, 1, Snapshot(6))
    keep(answers, 3, Snapshot(5, 6))
    assert not found(answers, 3, Snapshot(6)), "the commit 6 changed what it read at 5"
    keep(answers, 4, Snapshot(5, 8))
    assert not found(answers, 1, Snapshot(7))
    assert len(answers) == 0 or not found(answers, 4, Snapshot(8))


def test_an_answer_that_sees_commits_which_are_not_known_yet() -> None:
    """To keep it costs no look at the log; whoever asks for it has the commits after it looked at, and those only."""
    answers = Answers()
    keep(answers, 1, Snapshot(5, 100))
    ahead = Snapshot(8, 7)
    ahead.changed = lambda after, limit: pytest.fail("the log was read to keep an answer")  # type: ignore[method-assign]
    keep(answers, 2, ahead)
    assert not found(answers, 2, Snapshot(7)), "it may not have been true then"
    assert found(answers, 2, Snapshot(8)), "the commit 7 was before it"
    keep(answers, 3, Snapshot(9, 10))
    assert not found(answers, 3, Snapshot(10)), "the commit 10 was after it"
    assert found(answers, 1, Snapshot(10))


def test_each_range_that_was_read_of_a_set_counts() -> None:
    """Sets that are read in steps, such as distinct ones, leave several ranges of one place."""
    answers = Answers()
    snap = Snapshot(1)
    for bound in (b"a", b"c", b"e"):
        snap.reads.range(0, 32768, b"term", bound, bound + b"\0")
    for changed, is_touched in ((b"b", False), (b"a", True), (b"c", True), (b"e", True)):
        answers = Answers()
        keep(answers, 1, snap)
        later = Snapshot(2)
        changes = Changes()
        changes.entry(0, 32768, b"term", changed)
        later.changed = lambda after, limit, changes=changes: [(2, changes)]  # type: ignore[method-assign]
        assert found(answers, 1, later) is not is_touched, changed


def test_after_very_many_commits_nothing_is_kept() -> None:
    answers = Answers()
    keep(answers, 1, Snapshot(5, 10_000))
    assert found(answers, 1, Snapshot(5 + MAX_BEHIND - 1))
    assert not found(answers, 1, Snapshot(5 + 3 * MAX_BEHIND))


def test_what_is_older_than_the_commit_log_is_not_kept() -> None:
    """The log of a day shows nothing of what changed before, so an idle engine must not believe that nothing did."""
    answers = Answers()
    keep(answers, 1, Snapshot(5, 100))
    keep(answers, 2, Snapshot(5, 6))
    within = Snapshot(5 + LOG_KEPT)
    within.changed = lambda after, limit: [(7, Changes()), (5 + LOG_KEPT, Changes())]  # type: ignore[method-assign]
    assert found(answers, 1, within)
    keep(answers, 2, within)
    beyond = Snapshot(6 + 2 * LOG_KEPT)
    beyond.changed = lambda after, limit: [(6 + 2 * LOG_KEPT, Changes())]  # type: ignore[method-assign]
    assert not found(answers, 1, beyond)
    assert not found(answers, 2, beyond)


def test_an_idle_engine_learns_of_writes_that_the_log_has_forgotten(
    two: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine that answers has not been asked for more than a day."""
    here, there = two
    there.query(q.create_collection({"name": "spells"}))
    there.query(1)
    for _ in range(2):
        assert here.query(q.count(q.documents(SPELLS))) == 0
    there.query(q.create(ONE, {}))
    two_days_later = wall_micros() + 2 * LOG_KEPT
    monkeypatch.setattr(there.engine.store._clock, "_wall", lambda: two_days_later)  # type: ignore[attr-defined]
    sweep(there.engine)
    assert here.query(q.count(q.documents(SPELLS))) == 1


def test_an_answer_that_another_thread_drops_meanwhile_is_not_given() -> None:
    """The other thread comes between the moment at which this one has found the answer and the one at which it asks how
    far the commits are known."""
    answers = Answers()
    keep(answers, 1, Snapshot(5, 6))

    class Interrupted(Snapshot):
        @property
        def last_txn(self) -> int:
            answers.find(name(answers, 1), Snapshot(6))  # type: ignore[arg-type]
            return 6

        @last_txn.setter
        def last_txn(self, _: int) -> None:
            pass

    assert not found(answers, 1, Interrupted(6)), "the commit 6 changed what it read at 5"


def commits_in_vain(answers: Answers, txn: int) -> int:
    """Ask now and then for what was always changed meanwhile, until no answers are kept. The time of the last commit."""
    for _ in range(100):
        keep(answers, 1, Snapshot(txn, 1, txn + 50))
        txn += 100
        assert not found(answers, 1, Snapshot(txn, 1)), "what it read has changed"
        if name(answers, 1) is None:
            return txn
    raise AssertionError("answers are kept although none can be given again")


def queries_until_kept(answers: Answers) -> int:
    return next(count for count in range(100_000) if name(answers, 1) is not None)


def test_where_looking_at_commits_saves_nothing_none_are_kept_for_a_while() -> None:
    answers = Answers()
    txn = commits_in_vain(answers, 1)
    assert len(answers) == 0
    first = queries_until_kept(answers)
    txn = commits_in_vain(answers, txn)
    second = queries_until_kept(answers)
    assert 0 < first < second, "the next attempt is made later"
    keep(answers, 1, Snapshot(txn, 1))
    assert found(answers, 1, Snapshot(txn, 1)), "that is an attempt"


def test_answers_that_are_given_again_often_are_kept_beside_many_commits() -> None:
    answers = Answers()
    txn = commits_in_vain(answers, 1)
    first = queries_until_kept(answers)
    for _ in range(100):
        keep(answers, 1, Snapshot(txn, 1, txn + 50))
        assert all(found(answers, 1, Snapshot(txn)) for _ in range(20))
        txn += 100
        assert not found(answers, 1, Snapshot(txn, 1)), "what it read has changed"
        assert name(answers, 1) is not None, "it has saved more than it cost"
    commits_in_vain(answers, txn)
    assert queries_until_kept(answers) <= first, "that it did not pay once is forgotten"


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
        random = Random(f"answers {seed}")
        generator = Generator(random)
        earlier: list[str] = []
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
                earlier.append(text)
            for old in random.sample(earlier, min(3, len(earlier))):
                # Whatever others wrote meanwhile.
                assert asking.raw(old).body == judge.raw(old).body, (seed, number, old)
        assert compared > 40


def _authorization(db: Database) -> str:
    import base64

    return f"Basic {base64.b64encode(f'{db.secret}:'.encode()).decode()}"
