"""Connections that threads share: whatever interrupts whom, none is lost for the others, and no place for one."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import Any, Callable

import pytest

postgres_connections = pytest.importorskip("faunadb.engine.storage.postgres_connections")

from faunadb.engine.storage.errors import StoreError, StoreUnavailable  # noqa: E402
from faunadb.engine.storage.postgres_connections import Connections  # noqa: E402
from faunadb.engine.storage.postgres_schema import parse_target  # noqa: E402
from tests.engine.storage.interrupting import interruption  # noqa: E402

MOST = 2
FILES = {postgres_connections.__file__}
#: Not when a function has returned: what it returned goes with its last reference, and its frame is not kept.
PASSED_OVER = ("c_exception", "return")


class Stop(BaseException):
    """What another thread injects."""


class Session:
    """As much of a connection as they look at."""

    made: list[weakref.ref[Session]] = []

    def __init__(self) -> None:
        self.closed = False
        self.made.append(weakref.ref(self))

    @classmethod
    def open(cls) -> int:
        """How many are open; whoever is gone has closed."""
        return sum((each := ref()) is not None and not each.closed for ref in cls.made)

    def set_up(self) -> None: ...

    def is_settled(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    Session.made.clear()
    monkeypatch.setattr(postgres_connections, "connect", lambda target, kind=None: Session())
    return Connections(parse_target("postgresql://nowhere/db", {"max_connections": MOST, "lock_timeout": 1}))


def use(connections: Any) -> None:
    conn = connections.take()
    try:
        connections.give_back(conn)
    except BaseException:
        connections.drop(conn)
        raise


def one_is_free(connections: Any) -> list[Any]:
    connections.give_back(connections.take())
    return []


def none_is_there(connections: Any) -> list[Any]:
    for conn in [connections.take() for _ in range(MOST)]:
        connections.drop(conn)
    return []


def all_are_used(connections: Any) -> list[Any]:
    return [connections.take() for _ in range(MOST)]


@pytest.mark.parametrize("scene", [one_is_free, none_is_there, all_are_used])
def test_interrupted_at_each_step(connections: Any, scene: Callable[[Any], list[Any]]) -> None:
    kept: list[BaseException] = []
    for step in range(1, 500):
        used = scene(connections)
        before = len(kept)

        def run(step: int = step) -> None:
            try:
                sys.setprofile(interruption(step, Stop, FILES, PASSED_OVER))
                use(connections)
            except Stop as error:
                kept.append(error)  # with its frames, and what they hold
            finally:
                sys.setprofile(None)

        thread = threading.Thread(target=run)
        thread.start()
        until = time.monotonic() + 60
        while used and thread.is_alive() and not connections._waiting:
            assert time.monotonic() < until
            time.sleep(0)
        while used:
            connections.give_back(used.pop())
        thread.join(60)
        assert not thread.is_alive()
        used = all_are_used(connections)  # nothing is used up
        while used:
            connections.give_back(used.pop())
        assert Session.open() == MOST, f"step {step}: a session stays behind"
        assert not connections._waiting
        if len(kept) == before:
            break
    else:
        pytest.fail("it does not end")
    assert step > 10


def test_one_that_nobody_gives_back_makes_room_when_it_is_gone(connections: Any) -> None:
    for _ in range(10):
        connections.take()
    held = [connections.take() for _ in range(MOST)]
    with pytest.raises(StoreUnavailable, match=r"became free \(at most 2 are used at once\)"):
        connections.take()
    connections.give_back(held.pop())
    assert connections.take()


def test_whoever_waits_gets_the_next_one(connections: Any) -> None:
    held = [connections.take() for _ in range(MOST)]
    got: list[Any] = []
    threads = [threading.Thread(target=lambda: use_and_note(connections, got)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for conn in held:
        connections.give_back(conn)
    for thread in threads:
        thread.join(60)
    assert len(got) == 8
    assert set(map(id, got)) <= set(map(id, held))


def use_and_note(connections: Any, got: list[Any]) -> None:
    conn = connections.take()
    got.append(conn)
    connections.give_back(conn)


def test_connections_are_closed_with_the_pool_or_when_given_back(connections: Any) -> None:
    free, used = connections.take(), connections.take()
    connections.give_back(free)
    connections.close()
    connections.give_back(used)
    assert (free.closed, used.closed) == (True, True)
    with pytest.raises(StoreError, match="the store is closed"):
        connections.take()


def test_a_server_that_comes_back_is_waited_for(connections: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def connect(target: Any, kind: Any = None) -> Session:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("cannot connect")
        return Session()

    monkeypatch.setattr(postgres_connections, "connect", connect)
    assert connections.take()
    tries[:] = [-1] * -1000
    connections.close()


def test_a_server_that_gives_no_more_makes_nobody_wait_for_another(
    connections: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = connections.take()

    def refuse(target: Any, kind: Any = None) -> Session:
        raise StoreUnavailable("too many clients")

    monkeypatch.setattr(postgres_connections, "connect", refuse)
    got: list[Any] = []
    thread = threading.Thread(target=use_and_note, args=(connections, got))
    thread.start()
    until = time.monotonic() + 60
    while not connections._waiting:
        assert time.monotonic() < until
        time.sleep(0)
    connections.give_back(only)
    thread.join(60)
    assert got == [only]
    held = connections.take()
    with pytest.raises(StoreUnavailable, match="too many clients"):
        connections.take()
    connections.give_back(held)
