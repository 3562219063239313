"""Queries that write, gathered: one thread runs all those that have come, and they share a commit.

Only one thread at a time runs Python, and a store on SQLite has one writer at a time. So a thread for each request would
mostly wait for another one, and each time one waits the system has to wake it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Callable, Optional, Union

from ..engine.wire import usual

log = logging.getLogger("faunadb.server")

#: The most queries of one turn.
MOST = 64
#: Seconds that a turn may take before the queries that wait for the next one are given to other threads: each waits there
#: by itself, and no longer than until its deadline.
PATIENCE = 0.05

_Future = asyncio.Future[Optional[usual.Answer]]
_Place = tuple[usual.Write, _Future]
_Answered = tuple[_Future, Union[usual.Answer, Exception, None]]


class Writes:
    """The queries that write, of one event loop. at_work: what a thread is within while it works on a request."""

    def __init__(self, at_work: Callable[[], AbstractContextManager[None]]) -> None:
        self._at_work = at_work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="faunadb-writes")
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        #: whether the thread is to look whether any wait, and since when it is at its present turn
        self._running = False
        self._since = 0.0
        #: the loop that looks at it now and then
        self._watched_by: Optional[asyncio.AbstractEventLoop] = None

    def close(self) -> None:
        """Wait for the thread, and end it."""
        self._thread.shutdown(wait=True)

    async def answer(self, engine: Any, write: usual.Write) -> Optional[usual.Answer]:
        """The answer to a query that writes. None if it has had no effect, and is to be answered in another way."""
        loop = asyncio.get_running_loop()
        answer: _Future = loop.create_future()
        with self._lock:
            self._waiting.append((write, answer))
            starts, self._running = not self._running, True
        if starts:
            self._since = monotonic()
            self._thread.submit(self._run, engine)
        if self._watched_by is not loop:
            self._watched_by = loop
            loop.call_later(PATIENCE, self._look, loop)
        return await answer

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let nobody wait for a turn that takes long."""
        with self._lock:
            if not self._running:
                self._watched_by = None
                return
            late: list[_Place] = []
            if monotonic() > self._since + PATIENCE:
                late += self._waiting
                self._waiting.clear()
        loop.call_later(PATIENCE, self._look, loop)
        _deliver([(answer, None) for _, answer in late])

    def _run(self, engine: Any) -> None:
        """Take turns until nobody waits. On the thread."""
        while True:
            self._since = monotonic()
            answers = self._take_turn(engine)
            loops = {answer.get_loop() for answer, _ in answers}
            for loop in loops:  # hardly ever more than one
                there = [each for each in answers if each[0].get_loop() is loop]
                with contextlib.suppress(RuntimeError):  # it is closed, and nobody waits for answers any more
                    loop.call_soon_threadsafe(_deliver, there)
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return

    def _take_turn(self, engine: Any) -> list[_Answered]:
        """Run what waits, and what comes meanwhile."""
        taken: list[_Place] = []

        def take() -> Optional[usual.Write]:
            with self._lock:
                if not self._waiting or len(taken) >= MOST:
                    return None
                place = self._waiting.popleft()
            taken.append(place)
            return place[0]

        try:
            with self._at_work():
                engine.write_together(take)
        except BaseException:
            log.exception("a turn of writers has failed")
            while take() is not None:
                pass  # it would perhaps fail again
        return [(answer, _answer_to(write, engine)) for write, answer in taken]


def _answer_to(write: usual.Write, engine: Any) -> Union[usual.Answer, Exception, None]:
    """The answer, or the exception with which its request ends: the others of the turn are to be answered nevertheless."""
    try:
        return write.answer(engine)
    except Exception as failure:
        return failure


def _deliver(answers: list[_Answered]) -> None:
    """Tell the requests. On the event loop."""
    for waiting, answer in answers:
        if waiting.done():
            continue
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)
