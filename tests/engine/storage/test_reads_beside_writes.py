"""A query is interrupted at each of its steps by a whole write of another process; whoever asks after that sees it.

Whether the read itself sees the write is left to it. But neither what it has begun before the write nor what it keeps may show
the past to others: not in a kept answer, nor in the schema, nor in a connection that threads share.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest

import faunadb.engine
from faunadb import query as q
from faunadb._json import to_json
from faunadb.engine.checking import problems
from faunadb.engine.engine import Engine, open_engine
from tests.engine.conftest import Database
from tests.engine.storage.places import Place
from tests.server.running import eventually

pytestmark = [pytest.mark.timeout(600)]

ENGINE = Path(faunadb.engine.__file__).parent
FILES = {
    str(ENGINE / name)
    for name in (
        "answers.py",
        "queries.py",
        "schema/view.py",
        "sets/leaves.py",
        *(f"storage/{path.name}" for path in (ENGINE / "storage").glob("*.py")),
    )
}
ANSWERS = {str(ENGINE / "answers.py")}
SPELLS = q.collection("spells")


def at_step(
    step: int, events: tuple[str, ...], files: Collection[str], action: Callable[[], None]
) -> Callable[[], bool]:
    """Run an action at the step-th event of this thread in some files. Returns a function that ends that and tells whether it
    ran."""
    left = step

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        if event in events:
            left -= 1
            if left == 0:
                sys.settrace(None)
                action()
        return trace

    def end() -> bool:
        sys.settrace(None)
        return left <= 0

    sys.settrace(trace)
    return end


#: The other process: answers queries in wire form, one on each line.
OTHER = """
import sys
from faunadb import query as q
from faunadb.client import FaunaClient
with FaunaClient("secret", endpoint=sys.argv[1]) as client:
    for line in sys.stdin:
        print(client.query(q._Expr(__import__("json").loads(line))) and "", flush=True)
"""


class There:
    """An engine in a process of its own, since this one may hold locks wherever it is interrupted."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def query(self, expression: Any) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(to_json(expression) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "\n"

    def close(self) -> None:
        self.process.communicate()


class Meanwhile:
    """Two engines on one store: one is asked here, the other one, in another process, writes."""

    def __init__(self, here: Engine, there: There) -> None:
        self.here, self.there = Database(here), there
        self.others: list[threading.Thread] = []
        self.seen: list[int] = []

    def writes(self, writes: list[Any], query: Any) -> None:
        """The other process writes. Then another thread here asks; it is waited for only as long as nothing keeps it."""
        for each in writes:
            self.there.query(each)

        def ask() -> None:
            self.seen.append(self.here.query(query))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(0.05)
        self.others.append(thread)


@pytest.fixture
def shared_engines(shared_place: Place) -> Iterator[Meanwhile]:
    with open_engine(shared_place.url) as here, closing(There(shared_place.url)) as there:
        both = Meanwhile(here, there)
        both.there.query(q.create_collection({"name": "spells"}))
        both.there.query(
            q.create_index({"name": "by_n", "source": SPELLS, "terms": [{"field": ["data", "n"]}]})
        )
        yield both
        store = here.store
        assert list(problems(store)) == []


def interrupt_each_step(
    engines: Meanwhile,
    kept: bool,
    what: str,
    events: tuple[str, ...],
    stride: int = 1,
    files: Collection[str] = FILES,
) -> int:
    """Interrupt counts of a match at one step after another. kept: whether the answer to it is kept. Returns the last step."""
    here, there = engines.here, engines.there
    for step in range(1, 5_000, stride):
        query = q.count(q.match(q.index("by_n"), step))
        ref = q.ref(SPELLS, step)
        if kept:
            assert here.query(query) == here.query(query) == 0
        if what == "created again":
            there.query(q.create(ref, {"data": {"n": step}}))
            there.query(q.delete(ref))
        else:
            there.query(q.create(SPELLS, {"data": {"n": "another"}}))
        schema = [q.create_collection({"name": f"c{step}"})] if what == "beside the schema" else []
        writes = [*schema, q.create(ref, {"data": {"n": step}})]
        if what == "written before":  # then only another thread comes in between
            there.query(writes.pop())
        write = partial(engines.writes, writes, query)
        end = at_step(step, events, files, write)
        try:
            found = here.query(query)
        finally:
            is_done = not end()
        if is_done:
            return step
        assert found == 1 or (found == 0 and writes), step
        for thread in engines.others:
            thread.join()
        assert engines.seen == [1], step
        engines.seen.clear()
        engines.others.clear()
        for _ in range(2):
            assert here.query(query) == 1, (step, found)
    raise AssertionError("it has more steps than that")


@pytest.mark.parametrize("kept", [False, True], ids=["evaluated", "kept"])
def test_at_some_steps_of_a_read(shared_engines: Meanwhile, kept: bool) -> None:
    assert interrupt_each_step(shared_engines, kept, "created again", ("call",), stride=8) > 40


def test_at_each_line_at_which_another_thread_may_drop_what_is_kept(
    shared_engines: Meanwhile, shared_place: Place
) -> None:
    """On PostgreSQL at some of them: there a snapshot is fixed while the commits are looked at."""
    stride = 1 if shared_place.kind == "file" else 5
    assert interrupt_each_step(shared_engines, True, "written before", ("line",), stride, ANSWERS) > 20


@pytest.mark.soak
@pytest.mark.parametrize("kept", [False, True], ids=["evaluated", "kept"])
@pytest.mark.parametrize("what", ["created", "created again", "beside the schema", "written before"])
def test_at_each_line_of_a_read(shared_engines: Meanwhile, kept: bool, what: str) -> None:
    assert interrupt_each_step(shared_engines, kept, what, ("line",)) > 200


# ---- a create and the making of an index, each interrupted by the other ---------------------------------------------


def index_of(step: int) -> Any:
    return q.create_index({"name": f"i{step}", "source": SPELLS, "terms": [{"field": ["data", "n"]}]})


def interrupt_each_step_of_a_write(
    engines: Meanwhile, first: str, events: tuple[str, ...], stride: int
) -> int:
    """Whichever comes first, the document is in the index afterwards, and once. Returns the last step."""
    here, there = engines.here, engines.there
    for step in range(1, 20_000, stride):
        create = q.create(q.ref(SPELLS, step), {"data": {"n": step}})
        both = [create, index_of(step)] if first == "create" else [index_of(step), create]
        other: list[threading.Thread] = []

        def meanwhile(other: list[threading.Thread] = other, query: Any = both[1]) -> None:
            other.append(threading.Thread(target=there.query, args=(query,)))
            other[0].start()
            other[0].join(0.1)  # it may have to wait for a lock that is held here

        end = at_step(step, events, FILES, meanwhile)
        try:
            here.query(both[0])
        finally:
            is_done = not end()
        if is_done:
            return step
        other[0].join()
        index = q.index(f"i{step}")
        # Deleted documents leave versions, and with more than 128 it is built in the background.
        eventually(lambda index=index: here.query(q.select("active", q.get(index))), "it is built")
        for _ in range(2):
            assert here.query(q.count(q.match(index, step))) == 1, step
        there.query(q.delete(q.index(f"i{step}")))
        there.query(q.delete(q.ref(SPELLS, step)))
    raise AssertionError("it has more steps than that")


def test_a_create_beside_an_index(shared_engines: Meanwhile) -> None:
    assert interrupt_each_step_of_a_write(shared_engines, "create", ("call",), 24) > 60


@pytest.mark.soak
@pytest.mark.parametrize("first", ["create", "index"])
def test_a_create_beside_an_index_at_each_line(shared_engines: Meanwhile, first: str) -> None:
    assert interrupt_each_step_of_a_write(shared_engines, first, ("line",), 2) > 200
