"""Deadlines hold for every form, whatever it is given: CPU time is looked at, which other programs do not use up."""

from __future__ import annotations

import gc
import importlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language import overruns
from faunadb.engine.language.errors import RequestError
from faunadb.engine.language.registry import FORMS, Form
from faunadb.engine.request import Request
from tests.engine.conftest import Database

#: Milliseconds a query may take, and seconds of CPU time after which it must have ended: a second, and what other work
#: on the same cores makes of it. Without the watch these take up to half a minute.
DEADLINE = 50
ENDS = 3.0

TEXT = "aB1 é" * 60_000
#: The same, and an array, as the query makes them.
MADE_TEXT = {"repeat": {"repeat": "aB1 é", "number": 1000}, "number": 60}
MADE_ARRAY = {"ngram": {"repeat": {"repeat": "aB1 é", "number": 1000}, "number": 3}, "min": 1, "max": 2}


@pytest.fixture(scope="module")
def hostile() -> Iterator[Database]:
    # Those of hypothesis, where other tests have loaded it: what ends a query is lost in them, until it comes again.
    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    with open_engine("sqlite://") as engine:
        yield Database(engine)
    gc.callbacks[:] = callbacks


def ends(db: Database, body: bytes) -> int:
    """The status of a query that has ended in time."""
    began = time.thread_time()
    status = db.raw(body.decode(), headers={"x-query-timeout": str(DEADLINE)}).status
    assert time.thread_time() - began < ENDS
    return status


def call(form: Form, name: str) -> Any:
    """A form, each of whose arguments is a variable."""
    return {arg.key: {"var": name} for arg in form.args}


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_form_ends_in_time(hostile: Database, form: Form) -> None:
    calls = [call(form, name) for name in ("text", "array") for _ in range(15)]
    query = {"let": [{"text": MADE_TEXT}, {"array": MADE_ARRAY}], "in": calls}
    assert ends(hostile, json.dumps(query).encode()) in (200, 201, 400, 403, 404, 500, 503)


HOSTILE = {
    "title case": {"let": [{"t": TEXT}], "in": [{"titlecase": {"var": "t"}}] * 40},
    "a long pattern": {"containsstrregex": "a" * 30, "pattern": "(a|b|ab)*c" * 3000},
    "long classes": {"containsstrregex": "a" * 1000, "pattern": "(?iu)" + "[a-zà-ÿ]" * 3700},
    "a catastrophic pattern": {"containsstrregex": "a" * 50, "pattern": "(a|aa)+$b"},
    "matches everywhere": {"replacestrregex": TEXT, "pattern": "", "replace": "xx"},
    "many specifiers": {"format": "%1$s" * 100_000, "values": ["x"]},
    "many numbers": [1] * 300_000,
    "many objects": {"object": {f"k{n}": {"object": {"a": [1, 2]}} for n in range(50_000)}},
    "deep arrays": [[[["a"]]]] * 100_000,
    "a search that nearly matches": {"let": [{"t": "a" * 300_000}], "in": [{"findstr": {"var": "t"}, "find": "a" * 1000 + "b"}] * 400},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_takes_long_is_ended(hostile: Database, name: str) -> None:
    # 400: where there was time to find that it is too wide
    assert ends(hostile, json.dumps(HOSTILE[name]).encode()) in (200, 400, 503)
    assert hostile.query(1) == 1


def test_a_regex_has_what_is_left_of_the_deadline(hostile: Database) -> None:
    status, errors = hostile.failure(
        HOSTILE["a catastrophic pattern"], headers={"x-query-timeout": str(DEADLINE)}
    )
    assert (status, errors[0]["code"]) == (503, "time out")


def test_work_that_never_looks_at_the_clock_is_ended() -> None:
    with pytest.raises(RequestError, match="timed out"), overruns.Watched(time.monotonic()):
        while True:
            pass


def test_an_inner_deadline_ends_only_the_inner_work() -> None:
    with overruns.Watched(float("inf")):
        with pytest.raises(RequestError), overruns.Watched(time.monotonic()):
            while True:
                pass
        assert sum(range(100_000)) == 4999950000


def test_nothing_comes_after_the_work() -> None:
    """Work that ends at the moment when it is about to be ended: no thread gets the exception later."""
    late: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                try:
                    with overruns.Watched(time.monotonic() - overruns.INTERVAL):
                        end = time.monotonic() + overruns.INTERVAL
                        while time.monotonic() < end:
                            pass
                except RequestError:
                    pass
                sum(range(20_000))
        except BaseException as error:
            late.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late == []


PROFILED = """
import sys, time
from faunadb.engine.language.overruns import Watched, forget

def end_late():
    with Watched(time.monotonic() - 1):
        pass

def forgotten():
    Watched(time.monotonic() - 1).__enter__()
    forget()

{function}()
sys.setprofile(lambda *_: None)
(lambda: None)()
"""


@pytest.mark.parametrize("function", ["end_late", "forgotten"])
def test_a_profiler_goes_on_after_a_late_end(function: str) -> None:
    """CPython 3.11 hangs in a traced call once an exception set for a thread was only taken back."""
    subprocess.run([sys.executable, "-c", PROFILED.format(function=function)], check=True, timeout=60)


def test_an_end_that_was_missed_is_made_up_for() -> None:
    """An exception can come just as `Watched.end` begins, before its first step; nothing may come after the query then."""
    request = Request(None, {"sum": [1]})

    def run(request: Request) -> None:
        overruns.Watched(time.monotonic()).__enter__()
        raise KeyError("injected")

    with open_engine("sqlite://") as engine:
        with mock.patch.object(engine, "_run", run), pytest.raises(KeyError):
            engine.run(request)
        end = time.monotonic() + 2.5 * overruns.INTERVAL
        while time.monotonic() < end:
            pass
    assert threading.get_ident() not in overruns._watcher.watched


def test_an_import_comes_to_its_end_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in the midst of one can leave its lock behind, and then every thread that imports waits for ever."""
    (tmp_path / "imported_by_overruns.py").write_text(
        "from threading import Event\nbegun, go_on = Event(), Event()\n"
    )
    (tmp_path / "slow_for_overruns.py").write_text(
        "import imported_by_overruns as it\nit.begun.set()\nit.go_on.wait(20)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    signals = importlib.import_module("imported_by_overruns")
    ended: list[Exception] = []

    def work() -> None:
        try:
            with overruns.Watched(time.monotonic() - 2 * overruns.INTERVAL):
                importlib.import_module("slow_for_overruns")
                while True:
                    pass
        except RequestError as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert signals.begun.wait(20)
    each = overruns._watcher.watched[thread.ident or 0]
    each.look(thread.ident or 0, time.monotonic())
    fired = each._fired
    signals.go_on.set()
    thread.join(20)
    assert not fired
    assert "slow_for_overruns" in sys.modules
    assert len(ended) == 1
