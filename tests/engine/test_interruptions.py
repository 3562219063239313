"""The application's own process: its signals, its exceptions, its finalizers, its timeout, its end."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import os
import queue
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.engine import Engine
from faunadb.engine.forks import Reentered
from faunadb.engine.storage import open_store
from tests.engine.storage import places
from tests.engine.storage.conftest import POSTGRES

ROOT = Path(__file__).resolve().parents[2]


class JobTimeout(Exception):
    """The application's own."""


class Stop(BaseException):
    """The application's own, too."""


@pytest.fixture(params=["file", "memory", POSTGRES])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FaunaClient]:
    place = None
    if request.param == "postgres":
        place = places.postgres_place(request.getfixturevalue("postgres_url"))
        url = place.url
    elif request.param == "file":
        url = f"sqlite:///{tmp_path}/app.db?durability=normal"
    else:
        url = "sqlite://?name=signals"
    with FaunaClient("secret", endpoint=url) as client:
        client.query(q.create_collection({"name": "pairs"}))
        yield client
    if place is not None:
        places.drop_postgres_place(place)


NUMBERS = list(range(20_000))
LONG = q.sum(q.map_(q.lambda_("x", q.multiply(q.var("x"), 1)), NUMBERS))


def pair(number: int) -> Any:
    """Two documents in one transaction."""
    refs = [q.ref(q.collection("pairs"), 2 * number + half) for half in (0, 1)]
    return q.do(*(q.create(ref, {"data": {"n": number}}) for ref in refs))


@pytest.mark.parametrize("kind", [JobTimeout, Stop, TimeoutError])
def test_an_exception_of_a_handler_passes_unchanged(
    client: FaunaClient, alarm: Any, kind: type[BaseException]
) -> None:
    def handler(*_: Any) -> None:
        raise kind("time is up")

    alarm(handler)
    with pytest.raises(kind, match="time is up"):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        while True:
            client.query(LONG)


def test_an_exception_that_another_thread_injects_passes_unchanged(client: FaunaClient) -> None:
    """As timers of job queues do it; whatever was written is whole, and the client goes on."""
    ended: list[BaseException] = []

    def work(done: queue.SimpleQueue[int]) -> None:
        try:
            number = 0
            while True:
                client.query(pair(number))
                done.put(number)
                number += 1
        except BaseException as error:
            ended.append(error)

    chance = random.Random(1)
    for _ in range(40):
        # It has no lock that the exception could leave taken.
        done: queue.SimpleQueue[int] = queue.SimpleQueue()
        thread = threading.Thread(target=work, args=(done,))
        thread.start()
        done.get(timeout=30)
        time.sleep(chance.uniform(0, 0.005))  # at any moment, also where it takes or gives back a lock
        while (
            thread.is_alive()
        ):  # once, unless it comes where the collector ends something and nobody hears of it
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(JobTimeout)
            )
            thread.join(10)
        client.query(q.foreach(q.lambda_("ref", q.delete(q.var("ref"))), _pairs()))
    assert [type(error) for error in ended] == [JobTimeout] * 40


def _pairs() -> Any:
    return q.paginate(q.documents(q.collection("pairs")), 100_000)


def test_nothing_is_half_written_afterwards(client: FaunaClient, alarm: Any) -> None:
    """Interrupted at many moments; others write meanwhile, and what they were told is true."""

    def handler(*_: Any) -> None:
        raise JobTimeout

    alarm(handler)
    ended = threading.Event()
    told: list[int] = []

    def write() -> None:
        number = 100_000
        while not ended.is_set():
            client.query(pair(number))
            told.append(number)
            number += 1

    other = threading.Thread(target=write)
    other.start()
    interrupted = 0
    for number in range(60):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + number % 20 * 0.0002)
            client.query(pair(number))
            signal.setitimer(signal.ITIMER_REAL, 0)
            told.append(number)
        except JobTimeout:
            interrupted += 1
    ended.set()
    other.join()
    assert interrupted > 10
    found = client.query(
        q.map_(
            q.lambda_("ref", q.select("id", q.var("ref"))),
            q.paginate(q.documents(q.collection("pairs")), 100_000),
        )
    )["data"]
    ids = {int(each) for each in found}
    assert {each ^ 1 for each in ids} == ids
    assert {2 * number for number in told} <= ids


def test_those_who_are_not_interrupted_hear_nothing_of_it(
    client: FaunaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads write, some of them interrupted: the others' writes are answered, all is there once, nothing is used up."""
    # An exception that comes in a finalizer is lost, and told to a hook, in which the next one may come.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    client.query(q.do(*(q.create(q.ref(q.collection("pairs"), n), {"data": {"n": 0}}) for n in range(1, 5))))
    written: list[set[int]] = [set() for _ in range(4)]
    owns = [itertools.count(number * 1_000_000 + 1_000, 1_000) for number in range(4)]
    ended, failed = threading.Event(), []

    def write_one(number: int, own: int) -> None:
        counter = q.ref(q.collection("pairs"), number + 1)
        count = q.update(counter, {"data": {"n": q.add(1, q.select(["data", "n"], q.get(counter)))}})
        client.query(q.do(q.create(q.ref(q.collection("pairs"), own), {}), count))
        written[number].add(own)

    def work(number: int) -> None:
        while not ended.is_set():
            try:
                write_one(number, next(owns[number]))
            except (JobTimeout, Stop) as error:
                kept.append(error)  # with its frames and all that they hold, as a log of errors does
            except Exception as error:
                failed.append(error)

    def persist(number: int) -> None:
        while not ended.is_set():
            with contextlib.suppress(JobTimeout, Stop):
                work(number)

    kept: list[BaseException] = []
    threads = [threading.Thread(target=persist, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    chance = random.Random(7)
    until = time.monotonic() + 60
    while len(kept) < 60 and time.monotonic() < until:
        time.sleep(chance.uniform(0, 0.005))
        victim = chance.choice(threads[:2]).ident or 0
        error = ctypes.py_object(chance.choice([JobTimeout, Stop]))
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(victim), error)
    ended.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert failed == []
    assert len(kept) >= 60
    found = {int(ref.id()) for ref in client.query(_pairs())["data"]}
    for number in range(4):
        there = {own for own in found if number * 1_000_000 + 1_000 <= own < (number + 1) * 1_000_000}
        assert written[number] <= there
        counted = client.query(q.select(["data", "n"], q.get(q.ref(q.collection("pairs"), number + 1))))
        assert counted == len(there)


def test_a_handler_may_ask(client: FaunaClient, alarm: Any) -> None:
    """While the same thread is in the midst of a query that writes."""
    answers: list[Any] = []

    def handler(*_: Any) -> None:
        answers.append(client.query(q.count(q.documents(q.collection("pairs")))))
        client.query(pair(len(answers)))

    alarm(handler)
    for number in range(3):
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        while len(answers) == number:
            client.query(q.do(LONG, q.new_id()))
    assert answers == [0, 2, 4]


@pytest.mark.parametrize("query", [q.add(1, 1), q.create(q.collection("pairs"), {})], ids=["read", "write"])
def test_a_finalizer_that_asks_in_the_midst_of_a_query_is_refused(
    client: FaunaClient, monkeypatch: pytest.MonkeyPatch, query: Any
) -> None:
    refused: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: refused.append(unraisable.exc_value))

    class Asks:
        def __del__(self) -> None:
            client.query(query)

    def run(engine: Engine, *given: Any) -> Any:
        Asks()
        return original(engine, *given)

    original = Engine.run
    thread = threading.Thread(target=client.query, args=(q.add(1, 2),))
    monkeypatch.setattr(Engine, "run", run)
    thread.start()
    thread.join()
    assert [type(error) for error in refused] == [Reentered]
    assert "in the midst of another one" in str(refused[0])
    monkeypatch.undo()
    assert client.query(q.count(q.documents(q.collection("pairs")))) == 0


def test_the_timeout_of_the_client_is_the_deadline_of_embedded_queries(tmp_path: Path) -> None:
    long = q.sum(q.map_(q.lambda_("x", LONG), NUMBERS))
    url = f"sqlite:///{tmp_path}/app.db"
    with FaunaClient("secret", endpoint=url, timeout=0.2) as client:
        assert client.query(1) == 1
        with pytest.raises(requests.exceptions.ReadTimeout, match=r"within 0\.2 s"):
            client.query(long)
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.query(long, timeout_millis=60_000)
    with FaunaClient("secret", endpoint=url, timeout=(5, 60), query_timeout_ms=100) as client:
        with pytest.raises(Exception, match="timed out") as caught:
            client.query(long)
        assert not isinstance(caught.value, requests.exceptions.ReadTimeout)


def test_closing_again_does_nothing_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    client = FaunaClient("secret", endpoint=f"sqlite:///{tmp_path}/app.db")
    client.query(q.create_collection({"name": "pairs"}))
    client.query(q.create_index({"name": "all_pairs", "source": q.collection("pairs")}))
    stream = client.stream(q.documents(q.collection("pairs")), on_start=lambda event: stream.close())
    stream.start()
    client.close()
    client.close()
    gc.collect()
    left = [
        thread.name for thread in set(threading.enumerate()) - before if thread.name != "faunadb-companion"
    ]
    assert left == []


ENDS = """
import gc, sys, threading
from faunadb import query as q
from faunadb.client import FaunaClient

class Service:
    def __init__(self, url):
        self.client = FaunaClient("secret", endpoint=url)
        self.itself = self
        if not self.client.query(q.exists(q.collection("c"))):
            self.client.query(q.create_collection({"name": "c"}))
        self.client.query(q.create(q.collection("c"), {}))

gc.disable()
services = [Service(url) for url in sys.argv[1:] * 2]
del services[0]

def write():
    while True:
        services[-1].client.query(q.create(q.collection("c"), {}))

threading.Thread(target=write, daemon=True).start()
services[-1].client.query(q.create(q.collection("c"), {}))
"""


def test_a_program_with_clients_in_cycles_ends(tmp_path: Path) -> None:
    """Its threads write, nothing was closed, and the collector finds the clients when the interpreter is finalizing."""
    command = [sys.executable, "-c", textwrap.dedent(ENDS), f"sqlite:///{tmp_path}/app.db", "sqlite://"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(int(os.environ.get("FAUNADB_TEST_ROUNDS", "2"))):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(params=["file", POSTGRES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "file":
        with open_store(f"sqlite:///{tmp_path}/app.db") as store:
            yield store
        return
    place = places.postgres_place(request.getfixturevalue("postgres_url"))
    with open_store(place.url) as store:
        yield store
    places.drop_postgres_place(place)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_commit_is_there_or_not_and_nobody_waits_for_ever(
    store: Any, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Ctrl-C around the commit of a turn, in which another thread's write takes part."""
    joined = threading.Event()
    others: list[Any] = []

    def commit(writer: Any, *given: Any) -> None:
        monkeypatch.undo()
        if when == "after":
            original(writer, *given)
        raise KeyboardInterrupt

    def own(tx: Any) -> None:
        tx.next_counter("own")
        thread.start()
        joined.wait()

    def other(tx: Any) -> int:
        value: int = tx.next_counter("other")
        return value

    def write() -> None:
        joined.set()
        others.append(store.write(other, exclusive=True)[0])

    thread = threading.Thread(target=write)
    original = type(store._writer).commit
    monkeypatch.setattr(type(store._writer), "commit", commit)
    with pytest.raises(KeyboardInterrupt):
        store.write(own, exclusive=True)
    thread.join()
    assert others == [1]
    with store.snapshot() as snap:
        assert (snap.counter("own"), snap.counter("other")) == (int(when == "after"), 1)
