"""The end of a program that has engines open, while its threads query them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.engine.storage import places
from tests.engine.storage.conftest import POSTGRES

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = int(os.environ.get("FAUNADB_TEST_ROUNDS", "2"))

#: Before each program. `url` is the database's, and what is held is held for so long that a test would not end.
BEGINNING = """
import atexit, os, signal, sys, threading
from multiprocessing.pool import ThreadPool

def at_the_end():
    pass

atexit.register(lambda: at_the_end())  # called after the engines were closed, because registered before they are loaded

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine import ending, opened

ending.PATIENCE = 3600
url = sys.argv[1]
client = FaunaClient("secret", endpoint=url)
if not client.query(q.exists(q.collection("c"))):
    client.query(q.create_collection({"name": "c"}))

def outcome():
    try:
        return client.query(q.count(q.documents(q.collection("c"))))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""


def run(program: str, url: str) -> str:
    """What a program writes to standard output. It must end well, and write nothing to standard error."""
    command = [sys.executable, "-c", BEGINNING + textwrap.dedent(program), url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture(params=["file", "memory", POSTGRES])
def any_url(request: pytest.FixtureRequest, url: str) -> Any:
    if request.param in ("file", "memory"):
        yield url if request.param == "file" else "sqlite://"
        return
    place = places.postgres_place(request.getfixturevalue("postgres_url"))
    yield place.url
    places.drop_postgres_place(place)


def test_daemon_threads_do_not_see_the_end(any_url: str) -> None:
    """They are in the midst of queries when the program ends, and Python has nothing to tell of them."""
    program = """
    import itertools

    numbers = itertools.count()
    observed = FaunaClient("secret", endpoint=url, observer=lambda result: None)
    ready = threading.Semaphore(0)

    def go_on(work):
        work()
        ready.release()
        while True:
            work()

    works = [
        lambda: client.query(q.count(q.documents(q.collection("c")))),
        lambda: client.query(q.create(q.collection("c"), {})),
        lambda: client.query(q.create_role({"name": q.new_id(), "privileges": []})),
        lambda: client.query(q.create(q.collection("c"), {}), timeout_millis=50000),
        lambda: observed.query(q.create(q.collection("c"), {})),
        lambda: client.ping(),
        lambda: FaunaClient("secret", endpoint=f"sqlite://?name={next(numbers)}").query(q.now()),
    ]
    for work in works:
        threading.Thread(target=go_on, args=(work,), daemon=True).start()
    pool = ThreadPool(2)
    pool.imap_unordered(lambda number: go_on(works[number]), range(2))
    for _ in range(len(works) + 2):
        ready.acquire()
    """
    for _ in range(ROUNDS):
        assert run(program, any_url) == ""


def test_daemon_threads_do_not_see_the_end_of_streams(any_url: str) -> None:
    """Nor that others cannot be opened any more."""
    program = """
    def follow():
        while True:
            client.stream(q.documents(q.collection("c")), on_start=started, on_error=print).start()

    def started(event):
        ready.release()

    ready = threading.Semaphore(0)
    for _ in range(2):
        threading.Thread(target=follow, daemon=True).start()
    for _ in range(2):
        ready.acquire()
    """
    for _ in range(ROUNDS):
        assert run(program, any_url) == ""


@pytest.mark.parametrize("handlers", ["no signal handlers", "signal handlers"])
def test_what_the_program_does_at_its_end_gets_the_error(any_url: str, handlers: str) -> None:
    """The main thread is not held, nor is the thread that asks for it in programs with signal handlers."""
    program = f"""
    if {handlers == "signal handlers"}:
        signal.signal(signal.SIGTERM, lambda *given: None)

    def at_the_end():
        print(outcome())

    client.query(q.now())
    """
    assert run(program, any_url) in ENDS


#: What the main thread may be told. Python 3.12 and later start no thread any more, which some of this needs.
ENDS = (
    "StoreError: the store is closed\n",
    "RuntimeError: can't start new thread at interpreter shutdown\n",
    "RuntimeError: can't create new thread at interpreter shutdown\n",
)


def test_the_program_can_wait_for_a_daemon_thread(any_url: str) -> None:
    """A thread is not held for ever, since a function that is called at the end may wait for it."""
    program = """
    ending.PATIENCE = 0.1

    def at_the_end():
        thread.join()
        print(last)

    def work():
        last.append(outcome())
        ready.set()
        while type(last[-1]) is int:
            last[:] = [outcome()]

    ready, last = threading.Event(), []
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    """
    assert run(program, any_url) == "['StoreError: the store is closed']\n"


def test_other_threads_go_on_until_they_are_done(any_url: str) -> None:
    """The engines are closed after they have ended."""
    program = """
    def work():
        ready.wait()
        threading.main_thread().join()
        for _ in range(20):
            client.query(q.create(q.collection("c"), {}))
        print(outcome())

    ready = threading.Event()
    threading.Thread(target=work).start()
    client.query(q.foreach(lambda ref: q.delete(ref), q.paginate(q.documents(q.collection("c")))))
    ready.set()
    sys.exit()
    """
    assert run(program, any_url) == "20\n"


def test_engines_that_the_program_closes_hold_nobody(url: str) -> None:
    program = """
    def work():
        ready.set()
        while type(found := outcome()) is int:
            pass
        print(found)

    ready = threading.Event()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    for engine in list(opened._open):
        engine.close()
    thread.join()
    """
    assert run(program, url) == "StoreError: the store is closed\n"


@pytest.mark.skipif(
    not hasattr(os, "fork") or sys.version_info[:2] == (3, 12), reason="Python 3.12 does not fork at its end"
)
def test_a_child_that_is_forked_at_the_end_holds_nobody(url: str) -> None:
    program = """
    def at_the_end():
        assert ending.until is not None
        child = os.fork()
        if child == 0:
            os._exit(ending.until is not None)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(program, url) == "0\n"
