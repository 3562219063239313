"""Python's collector keeps nobody waiting in a server, and what requests leave behind needs no collector."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import weakref
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application, collector
from faunadb.server.collector import ENOUGH, Collector
from tests.server.asgi import ask, prepare, run

KNOWN = {"authorization": "Bearer secret"}
REF = {"ref": {"collection": "spells"}, "id": "1"}
VAR = {"var": "x"}

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info >= (3, 14), reason="another collector"
)


def query(expression: Any) -> bytes:
    return json.dumps(expression).encode()


def times(collection: Any, expr: Any) -> Any:
    return {"map": {"lambda": "x", "expr": expr}, "collection": collection}


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    with open_engine(f"sqlite:///{tmp_path_factory.mktemp('collector')}/main.db", secret="secret") as engine:
        application = Application(engine)
        spells = {"create_collection": {"object": {"name": "spells"}}}
        prepare(application, KNOWN, [spells, {"create": REF, "params": {"object": {}}}])
        yield application


@pytest.fixture
def undisturbed():
    """The collector does nothing of itself, and has nothing left to do."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


REQUESTS = {
    "a read": (query({"get": REF}), {}),
    "a read of nothing": (query({"get": {**REF, "id": "7"}}), {}),
    "a page": (query(times({"paginate": {"documents": {"collection": "spells"}}}, {"get": VAR})), {}),
    "a write": (query({"update": REF, "params": {"object": {"data": {"object": {"a": 1}}}}}), {}),
    "a write that fails": (query({"create": REF, "params": {"object": {}}}), {}),
    "a write that is undone": (query({"do": [{"update": REF, "params": {"object": {}}}, {"abort": ""}]}), {}),
    "a wrong argument": (query({"add": ["a", {"select": "b", "from": 1}]}), {}),
    "wrong arguments": (query({"let": [{"x": 1}], "in": {"divide": [{"add": ["a", VAR]}, 0]}}), {}),
    "a missing field": (query({"select": "a", "from": 1}), {}),
    "no form": (query({"nonsense": 1}), {}),
    "no JSON": (b'{"get":', {}),
    "nested too deeply": (b"[" * 2000 + b"]" * 2000, {}),
    "too late": (
        query(times(list(range(20_000)), {"repeatstring": "a", "times": VAR})),
        {"x-query-timeout": "1"},
    ),
    "a slow pattern": (
        query({"containsstrregex": "a" * 3000 + "!", "pattern": "(a|a)*(a|a)*$"}),
        {"x-query-timeout": "1"},
    ),
    "a wrong header": (b"1", {"x-query-timeout": "0"}),
    "a wrong secret": (b"1", {"authorization": "Bearer wrong"}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_leave_nothing_to_the_collector(application, undisturbed, name):
    body, headers = REQUESTS[name]
    count = 40 if "slow" not in name and "late" not in name else 10

    async def story() -> int:
        for _ in range(3):  # what is there once for all
            await ask(application, body, {**KNOWN, **headers})
        gc.collect()
        for _ in range(count):
            await ask(application, body, {**KNOWN, **headers})
        return gc.collect()

    # What other threads leave meanwhile is not there each time.
    assert any(run(story()) < count for _ in range(3))


#: Makes some 190,000 arrays.
LARGE = query(
    {
        "let": [{"a": list(range(250))}],
        "in": {"count": times({"var": "a"}, times({"var": "a"}, [[VAR], [VAR]]))},
    }
)


class Passes:
    """Counts the full passes, and the containers that there are after each."""

    def __enter__(self) -> Passes:
        self.count = 0
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        self.count += phase == "stop" and info["generation"] == 2


def ask_large(application: Application, own: Any = None) -> int:
    """The full passes during a query that makes many containers."""

    async def story() -> int:
        assert (await ask(application, b"1", KNOWN)).status == 200
        gc.collect()
        if own is not None:
            own.start()
        try:
            with Passes() as passes:
                sent = await ask(application, LARGE, KNOWN)
            assert sent.body == b'{"resource":250}'
            return passes.count
        finally:
            if own is not None:
                own.stop()

    return run(story())


def test_there_is_no_full_pass_during_a_query(application):
    assert ask_large(application) > 0, "this is too little to show anything"
    assert ask_large(application, application._collector) == 0


def test_what_a_query_has_made_is_free_without_a_pass(application, undisturbed):
    ask_large(application)
    before = len(gc.get_objects())
    gc.disable()
    assert ask_large(application) == 0
    assert len(gc.get_objects()) - before < 10_000


def test_python_s_own_rule_holds_again_afterwards(application):
    before = gc.get_threshold()
    ask_large(application, application._collector)
    assert gc.get_threshold() == before


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def lost_cycle() -> weakref.ref[Cycle]:
    """A cycle that only a full pass finds."""
    cycle = Cycle()
    gc.collect()
    return weakref.ref(cycle)


def grow() -> None:
    """Let so much time pass, by the collector's reckoning, that a full pass is due."""
    while gc.get_count()[2] <= ENOUGH:
        gc.collect(1)


def test_a_pass_is_made_when_it_is_due_and_quiet():
    async def story() -> None:
        busy = True
        own = Collector(lambda: not busy)
        left = lost_cycle()
        own.look()
        assert left() is not None  # not due
        grow()
        own.look()
        assert left() is not None  # not quiet
        busy = False
        own.look()
        assert left() is None

    run(without_passes(story()))


def test_a_pass_does_not_wait_for_ever(monkeypatch):
    async def story() -> None:
        own = Collector(lambda: False)
        left = lost_cycle()
        grow()
        own.look()
        assert left() is not None
        monkeypatch.setattr(collector, "PATIENCE", 0.0)
        own.look()
        assert left() is None

    run(without_passes(story()))


async def without_passes(story: Any) -> None:
    """Run a story while Python makes no full pass of itself."""
    usual = gc.get_threshold()
    gc.set_threshold(usual[0], usual[1], 1 << 30)
    try:
        await asyncio.wait_for(story, 30)
    finally:
        gc.set_threshold(*usual)
