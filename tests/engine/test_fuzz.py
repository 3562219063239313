"""Random queries over the whole registry: every answer is a proper envelope, whatever the query.

A failure names the seed, the number of the query and the query. `pytest -m soak` runs many more of them.
"""

from __future__ import annotations

import json
import logging
import time
from random import Random
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database
from tests.engine.fuzzing import FIXTURE, Generator

#: Queries that share a database; writes of one are there for the next.
BATCH = 250
#: Milliseconds a query asks for, and seconds of wall clock it may take at the very most.
TIMEOUT = 2000
WALL = 10.0

#: Who asks, and under which API version: mostly the administrator and the newest stable one.
SECRETS = ["secret"] * 8 + ["secret:server", "secret:client", "secret:server-readonly", "secret:child:admin"]
VERSIONS_ASKED = ["4"] * 10 + ["2.1", "2.7", "2.12", "3", "5"]

STATUSES = {200, 201, 400, 401, 403, 404, 409, 413, 503}
#: The documented answer of status 500: the original lets an exception escape there, and so its status is kept.
DOCUMENTED_500 = ("Malformed base64 in @bytes.",)


class Log(logging.Handler):
    """Exceptions that escaped from the evaluation of a query."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(logging.Formatter().format(record))


class Run:
    """Sends queries to databases of their own and checks each answer."""

    def __init__(self, seed: int):
        self.seed = seed
        self.log = Log()
        self.slowest = (0.0, "")
        self.statuses: dict[int, int] = {}

    def queries(self, first: int, count: int) -> list[str]:
        """Run queries first to first + count; the problems found."""
        logger = logging.getLogger("faunadb.engine")
        logger.addHandler(self.log)
        propagate, logger.propagate = logger.propagate, False
        problems: list[str] = []
        try:
            for start in range(first, first + count, BATCH):
                with open_engine("sqlite://") as engine:
                    db = Database(engine)
                    for step in FIXTURE:
                        db.wire(json.dumps(step))
                    for number in range(start, min(start + BATCH, first + count)):
                        problems.extend(self.one(db, number))
        finally:
            logger.removeHandler(self.log)
            logger.propagate = propagate
        return problems

    def one(self, db: Database, number: int) -> list[str]:
        generator = Generator(Random(f"{self.seed}/{number}"))
        query = generator.query()
        text = generator.text(query)
        del self.log.seen[:]
        before = _last_write(db)
        started = time.monotonic()
        headers = {
            "x-query-timeout": str(TIMEOUT),
            "x-faunadb-api-version": generator.pick(VERSIONS_ASKED),
        }
        response = db.raw(text, headers=headers, secret=generator.pick(SECRETS))
        took = time.monotonic() - started
        if took > self.slowest[0]:
            self.slowest = (took, text[:2000])
        self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
        found = list(
            problems_of(response.status, response.body, query if text == json.dumps(query) else None)
        )
        if took > WALL:
            found.append(f"took {took:.1f} s")
        found.extend(f"exception escaped:\n{record}" for record in self.log.seen)
        if response.status >= 300 and _last_write(db) != before:
            found.append("a failed query wrote")
        if response.status < 300 and _last_write(db) != before:
            db.engine.background.wait(
                10
            )  # what it goes on with is not to be taken for the next query's writes
        if number % 10 == 0 and db.body('{"add":[1,2]}') != (200, {"resource": 3}):
            found.append("the engine does not answer a simple query any more")
        answer = response.body[:400].decode("utf-8", "replace")
        return [
            f"seed {self.seed}, query {number}: {text[:3000]}\n{answer}\n-> {problem}" for problem in found
        ]


def _last_write(db: Database) -> int:
    with db.engine.store.snapshot() as snapshot:
        return snapshot.last_txn


def problems_of(status: int, body: bytes, query: Any) -> Any:
    """What is wrong with an answer's envelope. query None: without looking up positions in it."""
    if status not in STATUSES:
        if not (status == 500 and any(text.encode() in body for text in DOCUMENTED_500)):
            yield f"status {status}"
        return
    answer = json.loads(body)
    if status < 300:
        if list(answer) != ["resource"]:
            yield f"keys of a success are {list(answer)}"
        return
    if list(answer) != ["errors"] or not answer["errors"]:
        yield f"keys of a failure are {list(answer)}"
        return
    for error in answer["errors"]:
        yield from problems_of_error(error, query)


def problems_of_error(error: dict[str, Any], query: Any) -> Any:
    if not all(isinstance(error.get(key), str) for key in ("code", "description")):
        yield f"an error without code or description: {error}"
    position = error.get("position")
    if position is None:
        return
    if not all(type(step) in (str, int) for step in position):
        yield f"a position of other things than strings and integers: {position}"
    elif query is not None and error["code"] != "stack overflow" and not resolves(position, query):
        yield f"a position that leads nowhere: {position}"
    for cause in error.get("cause", ()):
        if not cause.get("code") or not isinstance(cause.get("position"), list):
            yield f"a cause without code or position: {cause}"


_ELSEWHERE = {"index": ["match"], "exists": ["is_empty", "is_nonempty"]}


def resolves(position: list[Any], query: Any) -> bool:
    """Whether a position leads to a place in the query.

    Where a value stands for several there may be one more index: that of the element at fault. Peculiar positions:
    ``match`` has its index errors at "index" in every spelling, ``filter`` its elements directly below the form,
    ``is_empty`` and ``is_nonempty`` a set's permission at "exists", ref literals their collection at "class", and a stack overflow (not looked up at all) stands in the function
    at fault.
    """
    here = query
    for step in position:
        here = _inside(here, step)
        if step == "class" and type(here) is dict and "collection" in here:
            step = "collection"
        if (type(here) is dict and step in here) or (
            type(here) is list and type(step) is int and step < len(here)
        ):
            here = here[step]
        else:
            computed = type(step) is int and type(here) is not list
            return computed or (type(here) is dict and not here.keys().isdisjoint(_ELSEWHERE.get(step, ())))
    return True


def _inside(here: Any, step: Any) -> Any:
    while type(here) is dict and len(here) == 1 and step not in here:
        ((key, content),) = here.items()
        if key != "object" and not key.startswith("@"):
            break
        here = content
    return here


def _check(seed: int, first: int, count: int) -> Run:
    run = Run(seed)
    problems = run.queries(first, count)
    assert not problems, f"{len(problems)} problems\n\n" + "\n\n".join(problems[:5])
    return run


@pytest.mark.parametrize("part", range(4))
def test_random_queries_get_proper_answers(part: int) -> None:
    run = _check(2024, part * 500, 500)
    # a generator whose queries all fail, or none, would show nothing
    assert run.statuses.get(200, 0) > 50
    assert run.statuses.get(400, 0) > 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(10))
def test_a_hundred_thousand_random_queries_get_proper_answers(part: int) -> None:
    _check(4004, part * 10_000, 10_000)


def test_queries_are_the_same_for_the_same_seed() -> None:
    assert [Generator(Random(f"1/{n}")).query() for n in range(20)] == [
        Generator(Random(f"1/{n}")).query() for n in range(20)
    ]


def test_reduce_over_a_set_that_cannot_be_read_fails_at_its_place(db: Database) -> None:
    db.wire(json.dumps({"create_collection": {"object": {"name": "spells"}}}))
    db.wire(json.dumps({"create_index": {"object": {"name": "all", "source": {"collection": "spells"}}}}))
    query = {
        "reduce": {"lambda": ["a", "x"], "expr": {"var": "a"}},
        "initial": 0,
        "collection": {"match": {"index": "all"}},
    }
    error = db.error(json.dumps(query), secret="secret:client")
    assert (error["code"], error["position"]) == ("permission denied", ["reduce"])
