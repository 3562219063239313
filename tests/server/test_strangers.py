"""What those may have of a server who have not shown a good secret (docs/security.md)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from faunadb.engine.auth import secrets
from faunadb.engine.engine import open_engine
from faunadb.engine.wire.messages import MAX_BODY
from faunadb.server import Application, bodies, strangers
from faunadb.server.asgi import Busy, TooManyAttempts
from faunadb.server.strangers import Strangers
from tests.server.asgi import ask, run

GOOD = {"authorization": "Bearer secret"}
BAD = {"authorization": "Bearer wrong"}


@pytest.fixture
def engine(tmp_path):
    with open_engine(f"sqlite:///{tmp_path}/main.db", secret="secret") as engine:
        yield engine


@pytest.fixture
def application(engine):
    return Application(engine)


async def endless(read: list[int], size: int = 16 * 1024) -> AsyncIterator[bytes]:
    while True:
        read.append(size)
        yield b" " * size


@pytest.mark.parametrize("headers", [{}, BAD], ids=["no secret", "a wrong one"])
def test_no_large_body_is_read_of_a_stranger(application, headers):
    read: list[int] = []
    refused = run(ask(application, endless(read), headers))
    assert (refused.status, refused.closes) == (401, True)
    assert sum(read) <= bodies.SMALL + 16 * 1024
    read.clear()
    announced = {**headers, "content-length": str(MAX_BODY)}
    assert run(ask(application, endless(read), announced)).status == 401
    assert not read


def test_a_small_body_of_a_stranger_leaves_the_connection_open(application):
    refused = run(ask(application, b"1", BAD))
    assert (refused.status, refused.closes) == (401, False)


def test_a_large_body_with_a_new_good_secret_is_read(application):
    text = b'"' + b"x" * 1_000_000 + b'"'
    assert run(ask(application, text, GOOD)).status == 200


def test_all_strangers_together_have_little_room(engine, monkeypatch):
    """The key server of a token's provider does not answer yet: it may be good, and is read, but not any amount of it."""
    monkeypatch.setattr(bodies, "STRANGERS_ROOM", 200_000)
    monkeypatch.setattr(type(engine), "opens", lambda self, header: None)
    application = Application(engine)

    async def all_of_them() -> list[int]:
        begun = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b'"' + b"x" * 100_000
            begun.set()
            await asyncio.Event().wait()

        holding = asyncio.ensure_future(ask(application, slow(), BAD))
        await begun.wait()
        text = b'"' + b"x" * 150_000 + b'"'
        refused = await ask(application, text, BAD)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        return [refused.status, (await ask(application, text, BAD)).status]

    assert run(all_of_them()) == [503, 401]


def test_large_bodies_wait_for_room_and_are_answered_all(engine, monkeypatch):
    monkeypatch.setattr(bodies, "ROOM", 300_000)
    application = Application(engine)
    reading: list[int] = []
    most = 0

    async def one(number: int) -> int:
        async def pieces() -> AsyncIterator[bytes]:
            nonlocal most
            reading.append(number)
            most = max(most, len(reading))
            yield b'"' + b"x" * 100_000
            await asyncio.sleep(0)
            reading.remove(number)
            yield b'"'

        headers = {**GOOD, "content-length": str(100_002)}
        return (await ask(application, pieces(), headers)).status

    async def all_of_them() -> list[int]:
        await ask(application, b"1", GOOD)
        return list(await asyncio.gather(*map(one, range(20))))

    assert run(all_of_them()) == [200] * 20
    assert most <= 2


def test_room_is_given_back_to_those_who_stay(engine):
    async def story() -> None:
        room = bodies.Room(10)
        await room.take(8)
        gone, stays = (asyncio.ensure_future(room.take(size)) for size in (5, 2))
        await asyncio.sleep(0)
        assert not stays.done()  # in order
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await stays
        late = asyncio.ensure_future(room.take(8))
        await asyncio.sleep(0)
        room.give(8)
        late.cancel()  # when it has got its room already
        await asyncio.gather(late, return_exceptions=True)
        assert room.take_at_once(8)

    run(story())


def test_wrong_secrets_are_counted_by_address_and_known_ones_are_not(application, monkeypatch):
    monkeypatch.setattr(strangers, "ATTEMPTS_A_SECOND", 1e-9)
    monkeypatch.setattr(strangers, "ATTEMPTS", 5)
    here, there = ("10.0.0.1", 1), ("10.0.0.2", 1)

    async def story() -> None:
        assert (await ask(application, headers=GOOD, client=here)).status == 200
        statuses = [(await ask(application, headers=BAD, client=here)).status for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        assert (await ask(application, headers=GOOD, client=here)).status == 200
        assert (await ask(application, client=here)).status == 401  # nothing to be checked
        assert (await ask(application, headers=BAD, client=there)).status == 401

    run(story())


def test_an_attack_does_not_fill_the_log(monkeypatch, caplog):
    now = 1000.0
    monkeypatch.setattr(strangers, "time", SimpleNamespace(monotonic=lambda: now))
    visitors = Strangers()
    for _ in range(50):
        for _ in range(strangers.ATTEMPTS):
            with contextlib.suppress(TooManyAttempts):
                visitors.attempt("10.0.0.1")
        now += 1
    assert [record.message.split(":")[0] for record in caplog.records] == ["many wrong secrets from 10.0.0.1"]
    now += strangers.WARNINGS_APART
    for _ in range(strangers.ATTEMPTS):
        visitors.attempt("10.0.0.1")
    assert len(caplog.records) == 2


def test_good_secrets_do_not_count(application, engine, monkeypatch):
    monkeypatch.setattr(strangers, "ATTEMPTS_A_SECOND", 1e-9)
    monkeypatch.setattr(strangers, "ATTEMPTS", 2)

    async def story() -> None:
        for number in range(5):
            create = b'{"create_key":{"object":{"role":"server"}}}'
            made = await ask(application, create, GOOD)
            secret = made.body.split(b'"secret":"')[1].split(b'"')[0].decode()
            assert (await ask(application, headers={"authorization": f"Bearer {secret}"})).status == 200, (
                number
            )

    run(story())


def test_attempts_come_back_and_a_network_of_ipv6_is_one_address(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(strangers.time, "monotonic", lambda: now[0])
    counting = Strangers()
    for number in range(strangers.ATTEMPTS):
        assert counting.attempt(f"2001:db8::{number:x}") == 0
    assert counting.attempt("2001:db8::ffff") > 0
    assert counting.attempt("2001:db8:0:1::1") == 0
    now[0] += 1
    for _ in range(strangers.ATTEMPTS_A_SECOND - 1):
        assert counting.attempt("2001:db8::1") == 0
    assert counting.attempt("2001:db8::1") > 0


def test_who_asks_one_after_the_other_waits_and_a_flood_is_refused(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(strangers.time, "monotonic", lambda: now[0])
    counting = Strangers()
    for _ in range(strangers.ATTEMPTS + 200):
        now[0] += counting.attempt("10.0.0.1")
    assert now[0] == pytest.approx(200 / strangers.ATTEMPTS_A_SECOND)
    with pytest.raises(TooManyAttempts):
        for _ in range(int(strangers.PATIENCE * strangers.ATTEMPTS_A_SECOND) + 1):
            counting.attempt("10.0.0.1")


def test_a_wrong_secret_that_waited_is_a_wrong_secret(application, monkeypatch):
    monkeypatch.setattr(strangers, "ATTEMPTS_A_SECOND", 1000)
    monkeypatch.setattr(strangers, "ATTEMPTS", 1)

    async def story() -> None:
        assert [(await ask(application, headers=BAD)).status for _ in range(20)] == [401] * 20

    run(story())


def test_addresses_are_not_remembered_without_bound(monkeypatch):
    monkeypatch.setattr(strangers, "ADDRESSES", 3)
    counting = Strangers()
    for number in range(10):
        counting.attempt(f"10.0.0.{number}")
    assert len(counting._left) == 3


def test_visits_are_bounded_by_connection_and_in_all(monkeypatch):
    monkeypatch.setattr(strangers, "ON_ONE_CONNECTION", 2)
    monkeypatch.setattr(strangers, "IN_ALL", 3)
    counting = Strangers()
    with counting.visit("a"), counting.visit("a"):
        with pytest.raises(Busy), counting.visit("a"):
            pass
        with counting.visit("b"), pytest.raises(Busy), counting.visit("c"):
            pass
    with counting.visit("a"):
        pass
    assert not counting._visits


def test_secrets_are_checked_elsewhere_than_on_the_event_loop(application, monkeypatch):
    where: list[Any] = []
    check = secrets.bcrypt.checkpw
    monkeypatch.setattr(
        secrets.bcrypt, "checkpw", lambda *args: where.append(threading.current_thread().name) or check(*args)
    )
    assert run(ask(application, headers=BAD)).status == 401
    assert len(where) == 1
    assert where[0].startswith("faunadb-stranger")


def test_a_key_that_is_gone_is_a_strangers(application, engine):
    async def story() -> None:
        made = await ask(application, b'{"create_key":{"object":{"role":"server"}}}', GOOD)
        secret = made.body.split(b'"secret":"')[1].split(b'"')[0].decode()
        ref = made.body.split(b'"id":"')[1].split(b'"')[0].decode()
        header = f"Bearer {secret}"
        assert (await ask(application, headers={"authorization": header})).status == 200
        assert engine.authenticator.trusted_name(header)
        delete = b'{"delete":{"@ref":"keys/%s"}}' % ref.encode()
        assert (await ask(application, delete, GOOD)).status == 200
        assert (await ask(application, headers={"authorization": header})).status == 401
        assert not engine.authenticator.trusted_name(header)

    run(story())
