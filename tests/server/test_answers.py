"""Large answers that clients take slowly, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application
from faunadb.server.answers import PIECE, WHOLE, Answers, CutOff
from tests.server import asgi


class Client:
    """Takes a message of an answer when it is told to."""

    def __init__(self, answers: Answers, size: int) -> None:
        self.taken = b""
        self._ready = asyncio.Semaphore(0)
        self._asked = asyncio.Semaphore(0)
        self.answer = asyncio.create_task(answers.send(b"x" * size, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self._asked.release()
        await self._ready.acquire()
        self.taken += message["body"]

    async def take(self) -> None:
        """Take one message, and wait until the next one is there."""
        await self._asked.acquire()
        self._ready.release()
        await self._asked.acquire()
        self._asked.release()

    async def take_all(self) -> bytes:
        for _ in range(100):
            self._ready.release()
        await self.answer
        return self.taken


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_answers_of_any_size_arrive_whole():
    async def check(size: int) -> None:
        assert await Client(Answers(), size).take_all() == b"x" * size

    for size in (WHOLE + 1, PIECE, PIECE + 1, 3 * PIECE):
        asgi.run(check(size))


def test_beyond_the_room_the_answer_ends_that_has_waited_longest():
    async def check() -> None:
        answers = Answers(room=6 * PIECE)
        first, second = Client(answers, 3 * PIECE), Client(answers, 3 * PIECE)
        await first.take()  # so it is the other one that waits
        third = Client(answers, 3 * PIECE)
        await _settle()
        with pytest.raises(CutOff):
            await second.answer
        assert len(await first.take_all()) == len(await third.take_all()) == 3 * PIECE
        # All have given their room back.
        clients = [Client(answers, 3 * PIECE) for _ in range(2)]
        await _settle()
        assert [len(await client.take_all()) for client in clients] == [3 * PIECE] * 2

    asgi.run(check())


def test_one_answer_may_be_larger_than_the_room():
    async def check() -> None:
        assert len(await Client(Answers(room=PIECE), 3 * PIECE).take_all()) == 3 * PIECE

    asgi.run(check())


def test_all_end_with_the_server():
    async def check() -> None:
        answers = Answers()
        clients = [Client(answers, 3 * PIECE) for _ in range(3)]
        await _settle()
        answers.end()
        for client in clients:
            with pytest.raises(CutOff):
                await client.answer

    asgi.run(check())


def test_a_request_that_is_cancelled_is_cancelled():
    async def check() -> None:
        client = Client(Answers(), 3 * PIECE)
        await _settle()
        client.answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.answer

    asgi.run(check())


def test_the_application_ends_a_request_whose_answer_is_cut_off():
    engine = open_engine("sqlite://", secret="secret")
    application = Application(engine)

    async def check() -> None:
        query = b'"%b"' % (b"a" * 2 * WHOLE)
        headers = [(b"authorization", b"Bearer secret"), (b"content-length", b"%d" % len(query))]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": query}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body":
                application._answers.end()
                await asyncio.Event().wait()

        await application({**asgi.scope({}), "headers": headers}, receive, send)
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]

    try:
        asgi.run(check())
    finally:
        engine.close()
