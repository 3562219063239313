"""Nothing that a request asks for keeps the event loop from everybody else.

A beat of the loop says how much processor time the process has used since the one before: what was spent in place, and
what threads spent without letting the loop run. It is measured against all that the attack takes, so that neither a slow
machine nor a busy one decides: work that holds the loop shows as one gap that is nearly the whole of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from concurrent.futures import Future
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language import callbacks, held, piecewise
from faunadb.server import Application
from tests.server.asgi import ask, run

#: Seconds of processor time that an attack takes at least; less than one part in so many may pass between two beats.
WORTH_IT, PARTS = 0.1, 2


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    with open_engine(f"sqlite:///{tmp_path_factory.mktemp('watchdog')}/main.db", secret="secret") as engine:
        yield Application(engine)


async def longest_gap(attack: Any) -> tuple[float, float]:
    """Seconds of processor time: in the longest gap between two beats, and in all."""
    task = asyncio.ensure_future(attack)
    first = last = time.process_time()
    longest = 0.0
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.process_time()
        longest, last = max(longest, now - last), now
    await task
    return longest, time.process_time() - first


async def hold() -> None:
    end = time.thread_time() + WORTH_IT
    while time.thread_time() < end:
        pass


def test_the_watchdog_sees_what_holds_the_loop():
    longest, whole = run(longest_gap(hold()))
    assert longest > whole / PARTS


def query(expression: Any) -> bytes:
    return json.dumps(expression).encode()


TEXT = "a b " * 30_000
ATTACKS = {
    "a catastrophic pattern": query({"containsstrregex": "a" * 5000 + "!", "pattern": "(a|a)*(a|a)*(a|a)*$"}),
    "a pattern that replaces": query({"replacestrregex": "a" * 20_000, "pattern": "(a+)+b", "replace": "x"}),
    "title case": query([{"titlecase": TEXT}] * 3),
    "title case, each of little text": query(
        {"let": [{"x": "ab " * 1000}], "in": [{"titlecase": {"var": "x"}}] * 300}
    ),
    "compatibility forms": query({"casefold": "\ufdfa" * 100_000, "normalizer": "NFKC"}),
    "much JSON": b"[" + b"1," * 250_000 + b"1]",
    "empty arrays": b"[" + b"[]," * 2_000_000 + b"1]",
    "short strings": b"[" + b'"",' * 2_000_000 + b"1]",
    "empty arrays in a pair of quotes": b'["' + b"[]," * 2_000_000 + b'",' + b'"a",' * 400_000 + b"1]",
    "nested arrays": b"[" + b"[[[[]]]]," * 800_000 + b"1]",
    "members of one object": b'{"quote":{' + b",".join(b'"%x":""' % n for n in range(600_000)) + b"}}",
    "a large answer": query({"let": [{"x": list(range(50_000))}], "in": [{"var": "x"}] * 30}),
    "values in values": query(
        {
            "reduce": {"lambda": ["a", "x"], "expr": [{"var": "a"}, {"var": "a"}]},
            "initial": 1,
            "collection": list(range(18)),
        }
    ),
}


#: What loads all that an attack needs: compiling the library of patterns takes 70 ms, once.
ORDINARY = query({"containsstrregex": "a", "pattern": "(a|a)*"})

#: Milliseconds that a query may take: where others use the processors, little of the first is left to it.
TIMEOUTS = (400, 4_000, 40_000)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_query_does_not_hold_the_loop(application, name):
    async def story(timeout: int) -> tuple[float, float]:
        headers = {"authorization": "Bearer secret", "x-query-timeout": str(timeout)}
        await ask(application, ORDINARY, headers)
        return await longest_gap(ask(application, ATTACKS[name], headers))

    shares = []
    for timeout in TIMEOUTS:
        longest, whole = run(story(timeout))
        if whole > WORTH_IT:
            shares.append(longest / whole)
            if longest < whole / PARTS:
                break  # otherwise the system may have run everything but the loop: what holds it does so each time
    assert shares, "this costs so little that it shows nothing"
    assert min(shares) < 1 / PARTS


#: Queries that make many arrays, and let go of them all at once: at their end, in an argument, by an error.
MANY = {"map": {"lambda": "x", "expr": [[{"var": "x"}]]}, "collection": list(range(5000))}
LET_GO = {
    "a variable": {"let": [{"y": MANY}], "in": 1},
    "an argument": {"count": MANY},
    "an argument of a form that makes as many": {"count": {"append": [1], "collection": MANY}},
    "a condition": {"if": {"equals": [MANY, 1]}, "then": 1, "else": 2},
    "an error": {"let": [{"y": MANY}], "in": {"abort": "x"}},
    "a wrong argument": {"add": [MANY, 1]},
    "the answer": MANY,
}


@pytest.mark.parametrize("name", LET_GO)
def test_what_a_query_has_made_is_freed_in_pieces(application, monkeypatch, name):
    for module in (callbacks, held):
        monkeypatch.setattr(module, "LARGE", 10_000)
    freed: Future[list[tuple[int, int]]] = Future()

    def free(values: list[Any]) -> None:
        alone = sys.getrefcount(object())
        freed.set_result([(len(part), sys.getrefcount(part) - alone) for part in values])

    monkeypatch.setattr(
        piecewise, "free", lambda values, keep=None: keep.extend(values) if keep is not None else free(values)
    )
    headers = {"authorization": "Bearer secret", "x-query-timeout": "40000"}

    async def story() -> None:
        await ask(application, b"1", headers)
        await ask(application, query(LET_GO[name]), headers)

    run(story())
    sizes = freed.result(10)
    assert max(sizes)[0] >= 5000
    # `values` and `part` have each, and nobody else.
    assert max(others for _, others in sizes) <= 1 + 1


def test_wrong_secrets_do_not_hold_the_loop(application):
    async def flood() -> None:
        wrong = [
            ask(application, headers={"authorization": f"Bearer wrong{n}"}, client=(f"10.1.{n}.1", 1))
            for n in range(250)
        ]
        assert {sent.status for sent in await asyncio.gather(*wrong)} == {401}

    longest, whole = run(longest_gap(flood()))
    assert whole > WORTH_IT
    assert longest < whole / PARTS


def test_translating_does_not_hold_the_loop(application):
    text = ("[" * 150 + "1" + "]" * 150 + ",") * 200

    async def translate() -> None:
        sent = await ask(
            application, text.encode(), {"authorization": "Bearer secret"}, path="/dashboard/translate"
        )
        assert sent.status == 200

    longest, whole = run(longest_gap(translate()))
    assert whole > WORTH_IT
    assert longest < whole / PARTS
