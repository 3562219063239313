"""Every form and kept answers: what is no function of query, secret and data is never kept, however it is reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faunadb import query as q
from faunadb.engine.engine import open_engine
from faunadb.engine.language.registry import FORMS, WRITE, Form
from faunadb.engine.storage.clock import wall_micros
from tests.engine.conftest import Database

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "_ext"))

import fql_examples
import fql_reference

WRITTEN = fql_examples.read_examples()
DAY = 86_400_000_000
SPELL = q.ref(q.collection("kept"), "1")


class World:
    """Two engines on one file and one clock that the test moves: one keeps answers, the other evaluates."""

    #: secret of a key with the role ``through``
    secret = ""

    def __init__(self, asked: Database, judge: Database):
        self.asked = asked
        self.judge = judge
        self.ahead = 0

    def kept(self, query: Any, with_role: bool = False) -> bool:
        """Whether the answer to a query is kept, asked for the first time since a commit.

        One that is, is what evaluation would give a day later.
        """
        asked = self.asked.as_(self.secret) if with_role else self.asked
        judge = self.judge.as_(self.secret) if with_role else self.judge
        asked.engine.background.wait(30)
        asked.query(1)  # the first answer after a commit makes place
        before = len(asked.engine.answers)
        if asked.raw(query).status != 200 or len(asked.engine.answers) == before:
            return False
        self.ahead += DAY
        assert asked.raw(query).body == judge.raw(query).body
        return True


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('kept')}/main.db?durability=normal"
    with open_engine(url) as engine, open_engine(url, answers=0) as evaluating:
        world = World(Database(engine), Database(evaluating))
        engine.answers._balance = sys.maxsize  # so many commits for so few answers would not pay
        engine.store._clock._wall = lambda: wall_micros() + world.ahead
        fql_examples.dataset().build(world.asked)
        world.asked.query(q.create_collection({"name": "kept"}))
        world.asked.query(q.create(SPELL, {"data": {"n": 1}}))
        world.asked.query(q.create_function({"name": "through", "body": q.query(q.lambda_("x", 1))}))
        role = world.asked.query(q.create_role({"name": "through", "privileges": []}))["ref"]
        world.secret = world.asked.query(q.create_key({"role": role}))["secret"]
        yield world


def test_the_table_of_forms_that_are_never_kept() -> None:
    never = [form for form in FORMS if not form.timeless]
    assert {form.name for form in never if form.effect != WRITE} == {"now"}
    assert [form.name for form in FORMS if form.effect == WRITE and form.timeless] == []
    assert {"new_id", "next_id", "create", "login"} <= {form.name for form in never}


def test_a_new_id_is_new_each_time(world: World) -> None:
    world.asked.query(q.create_function({"name": "fresh", "body": q.query(q.lambda_("x", q.new_id()))}))
    assert len({world.asked.query(q.call("fresh", 1)) for _ in range(4)}) == 4


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_it_is_kept_only_when_it_stays_true(world: World, form: Form) -> None:
    """Directly, through a function, through a role's predicate, through a binding of an index."""
    examples = [each for each in fql_reference.examples_of(form, WRITTEN) if not each.fails]
    expressions = [q._wrap(example.value()) for example in examples]
    directly = []
    for expression in expressions:
        world.asked.query(q.update(SPELL, {}))
        directly.append(world.kept(expression))
    assert form.timeless or not any(directly)
    assert world.kept(_through_a_function(world.asked, expressions[0])) in (directly[0], False)
    if _through_a_predicate(world.asked, expressions[0]):
        assert world.kept(q.get(SPELL), with_role=True) in (directly[0], False)
    found = _through_a_binding(world.asked, expressions[0])
    if found is not None:
        world.kept(found)


def test_there_is_something_to_keep(world: World) -> None:
    assert world.kept(_through_a_function(world.asked, q.add(1, 2)))
    assert _through_a_predicate(world.asked, q.add(1, 2))
    assert world.kept(q.get(SPELL), with_role=True)
    found = _through_a_binding(world.asked, q.add(1, 2))
    assert found is not None
    assert world.kept(found)


def _through_a_function(db: Database, expression: Any) -> Any:
    function = q.function("through")
    db.query(q.update(function, {"body": q.query(q.lambda_("x", expression))}))
    return q.call(function, 1)


def _through_a_predicate(db: Database, expression: Any) -> bool:
    """Have documents read by the key only when a predicate has said so. False when the expression cannot stand in one."""
    predicate = q.query(q.lambda_("ref", q.do(expression, True)))
    privileges = {"resource": q.collection("kept"), "actions": {"read": predicate}}
    return db.raw(q.update(q.role("through"), {"privileges": privileges})).status == 200


def _through_a_binding(db: Database, expression: Any) -> Any:
    """A read of an index that has the expression for a value; None when it cannot stand in a binding."""
    index = q.index("through")
    db.query(q.if_(q.exists(index), q.delete(index), None))
    source = {
        "collection": q.collection("kept"),
        "fields": {"bound": q.query(q.lambda_("document", expression))},
    }
    params = {"name": "through", "source": source, "values": [{"binding": "bound"}], "active": True}
    if db.raw(q.create_index(params)).status != 201:
        return None
    db.query(q.update(SPELL, {"data": {"n": q.add(1, q.select(["data", "n"], q.get(SPELL)))}}))
    return q.paginate(q.match(index))
