"""What a server does with its memory."""

from __future__ import annotations

import asyncio
import json
import platform
import threading
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.server import Application, application, memory
from tests.server.asgi import ask, run


def test_memory_is_given_back_once_for_large_answers_that_come_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trimmed = threading.Event()
    calls: list[int] = []

    def trim(pad: int) -> None:
        calls.append(pad)
        trimmed.set()

    monkeypatch.setattr(memory, "PAUSE", 0.01)
    monkeypatch.setattr(memory, "_malloc_trim", lambda: trim)

    async def twice() -> None:
        mine = memory.Memory()
        for number in (1, 2):
            trimmed.clear()
            mine.give_back()
            mine.give_back()
            await asyncio.get_running_loop().run_in_executor(None, trimmed.wait, 10)
            assert calls == [0] * number

    run(twice())


@pytest.mark.parametrize("size", [5 << 20, 10])
def test_large_answers_have_memory_given_back(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bool] = []
    monkeypatch.setattr(memory.Memory, "give_back", lambda self: given.append(True))
    with open_engine("sqlite://", secret="secret") as engine:
        text = "x" * (size // 8)
        query: Any = {"let": [{"t": text}], "in": [{"var": "t"}] * 8}
        sent = run(ask(Application(engine), json.dumps(query).encode(), {"authorization": "Bearer secret"}))
    assert sent.status == 200
    # Once for what it took to make it, once for the answer itself.
    assert given == ([True, True] if len(sent.body) >= application.LARGE else [])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_c_library_can_be_asked() -> None:
    trim = memory._malloc_trim()
    assert trim is not None
    assert trim(0) in (0, 1)
