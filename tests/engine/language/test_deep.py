"""Room for deeply nested work, without touching the application's own recursion limit for longer than needed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from faunadb.engine.language import deep, overruns


def descend(levels):
    return 0 if levels == 0 else 1 + descend(levels - 1)


def test_shallow_work_is_done_on_the_spot():
    assert deep.with_room(threading.current_thread) is threading.current_thread()


def test_deep_work_finds_room():
    levels = sys.getrecursionlimit() * 8
    assert deep.with_room(lambda: descend(levels)) == levels


def test_exceptions_come_through():
    levels = sys.getrecursionlimit() * 2

    def fail():
        descend(levels)
        raise LookupError("what was sought")

    with pytest.raises(LookupError, match="what was sought"):
        deep.with_room(fail)


def test_the_recursion_limit_is_as_before_afterwards():
    before = sys.getrecursionlimit()
    seen = []
    deep.run(lambda: seen.append(sys.getrecursionlimit()))
    assert seen == [max(before, deep.FRAMES)]
    assert sys.getrecursionlimit() == before


def test_the_limit_stays_up_until_the_last_of_several_has_ended():
    before = sys.getrecursionlimit()
    both = threading.Barrier(2)
    first_ended = threading.Event()
    limits = []

    def first():
        deep.run(both.wait)
        first_ended.set()

    def second():
        both.wait()
        assert first_ended.wait(30)
        limits.append(sys.getrecursionlimit())

    threads = [threading.Thread(target=first), threading.Thread(target=lambda: deep.run(second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert limits == [max(before, deep.FRAMES)]
    assert sys.getrecursionlimit() == before


def test_what_recurses_meanwhile_on_a_usual_stack_does_not_end_the_process():
    """Another query, as deep: the limit is up for it, too."""
    script = """
        import json, threading
        from faunadb.engine.engine import open_engine
        from faunadb.engine.language import deep
        from faunadb.engine.request import Failed, Request

        def ask(expression):
            return engine.run(Request("Bearer secret", json.dumps(expression).encode())).status

        def change(function, body):
            body = {"query": {"lambda": "x", "expr": body}}
            return {function: {"function": "f"}, "params": {"object": {"body": body}}}

        def recurse():
            try:
                ask({"call": {"function": "f"}, "arguments": 1})
            except Exception as failure:
                print(type(failure).__name__)

        engine = open_engine("sqlite://")
        ask({"create_function": {"object": {"name": "f", "body": {"query": {"lambda": "x", "expr": 1}}}}})
        body = {"call": {"function": "f"}, "arguments": {"var": "x"}}
        for _ in range(200):
            body = {"object": {"a": {"add": [body, 1]}}}
        ask(change("update", body))
        started, over = threading.Event(), threading.Event()
        other = threading.Thread(target=lambda: deep.run(lambda: (started.set(), over.wait())))
        other.start()
        started.wait()
        usual = threading.Thread(target=recurse)
        usual.start()
        usual.join()
        over.set()
        other.join()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in ("Failed", "RequestError")


class Interrupted(Exception):
    """What the application's signal handler raises."""


@pytest.fixture
def interrupt(alarm):
    """Has this thread interrupted after some seconds."""

    def handler(*_):
        raise Interrupted

    alarm(handler)
    return partial(signal.setitimer, signal.ITIMER_REAL)


def test_who_is_interrupted_goes_on_when_the_work_has_ended(interrupt):
    ended = threading.Event()

    def work():
        try:
            with overruns.Watched(time.monotonic() + 60):
                interrupt(0.001)
                while True:
                    pass
        finally:
            ended.set()

    before = sys.getrecursionlimit()
    with pytest.raises(Interrupted):
        deep.run(work)
    assert ended.is_set()
    assert sys.getrecursionlimit() == before


def test_interruptions_at_any_moment_leave_the_process_as_it_was(interrupt):
    before = sys.getrecursionlimit(), threading.stack_size()
    chance = random.Random(1)
    interrupted = 0
    for _ in range(200):
        begun, ended = [], []
        try:
            interrupt(chance.uniform(0.00001, 0.0005))
            deep.run(lambda begun=begun, ended=ended: (begun.append(1), descend(3000), ended.append(1)))
            interrupt(0)
        except Interrupted:
            interrupted += 1
        assert len(begun) == len(ended)
        assert (sys.getrecursionlimit(), threading.stack_size()) == before
    assert interrupted


def test_new_threads_of_the_application_keep_their_stack_size():
    before = threading.stack_size()
    deep.run(lambda: None)
    assert threading.stack_size() == before
