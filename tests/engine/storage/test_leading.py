"""Threads that lead for others: interrupted at each step, they leave nobody behind, and nothing is done twice."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any, Callable, Optional

import pytest

from faunadb.engine.storage import commit_queue, group_commit, leading, write_queue
from faunadb.engine.storage.clock import Clock
from faunadb.engine.storage.commit_queue import CommitQueue, Committer, Finished, Outcome, Won
from faunadb.engine.storage.errors import DeadlineExceeded, StoreUnavailable
from faunadb.engine.storage.group_commit import Writer
from faunadb.engine.storage.leading import Turns, Waiter
from faunadb.engine.storage.read_set import Changes, ReadSet
from faunadb.engine.storage.write_queue import WriteQueue
from tests.engine.storage.interrupting import interruption
from tests.server.running import eventually

pytestmark = pytest.mark.timeout(120)

FILES = {module.__file__ for module in (commit_queue, group_commit, leading, write_queue)}
VICTIM, OTHERS = 0, (1, 2)


class Stop(BaseException):
    """What another thread injects."""


class JobTimeout(Exception):
    """The same, as timers of job queues do it."""


class Queue:
    """A queue whose first leader waits, in the midst of its work, for what `meanwhile` does."""

    turns: Turns[Any]

    def __init__(self) -> None:
        self.meanwhile: Optional[Callable[[], None]] = None
        #: What was done, by number.
        self.done: list[int] = []

    def pause(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            profile = sys.getprofile()
            sys.setprofile(None)
            meanwhile()
            sys.setprofile(profile)

    #: What interrupts. In a work of somebody else's, an Exception is taken for that one's own.
    interruption: type[BaseException] = JobTimeout

    def run(self, number: int, deadline: Optional[float] = None) -> object:
        """What comes of it; True when it is done."""
        raise NotImplementedError


class Writing(Queue, Writer):
    """`WriteQueue` over a list."""

    #: Whether others come while the works run, or while they are committed.
    in_work = False
    interruption = Stop

    def __init__(self) -> None:
        super().__init__()
        self.queue = WriteQueue(self, Clock(), lambda txn: None)
        self.turns = self.queue._turns
        self.last_txn = self.schema_version = self.mark = 0
        self.open: list[int] = []

    def run(self, number: int, deadline: Optional[float] = None) -> object:
        def work(tx: Any) -> bool:
            if self.in_work:
                self.pause()
            self.open.append(number)
            tx.wrote = True
            return True

        return self.queue.write(work, 5, deadline, 0)[0]

    def begin(self, deadline: Optional[float]) -> None:
        self.open = []

    def transaction(self, txn: int, last_txn: int, schema_version: int) -> Any:
        return SimpleNamespace(txn=txn, wrote=False, schema_version=schema_version, losses=0)

    def finish(self, tx: Any) -> None:
        pass

    def lost(self, tx: Any) -> None:
        return None

    def savepoint(self) -> None:
        self.mark = len(self.open)

    def rollback_to_savepoint(self) -> None:
        del self.open[self.mark :]

    def commit(self, last_txn: int, schema_version: int, reach: Optional[str]) -> None:
        self.pause()
        self.done += self.open
        self.last_txn = last_txn

    def is_committed(self, last_txn: int) -> bool:
        return self.last_txn == last_txn

    def rollback(self) -> None:
        self.open = []


class WritingTogether(Writing):
    in_work = True


class Committing(Queue, Committer):
    """`CommitQueue` over a list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = CommitQueue(self)
        self.turns = self.queue._turns

    def run(self, number: int, deadline: Optional[float] = None) -> object:
        reads, touched = ReadSet(), Changes()
        touched.document(0, 1024, number)
        writes = SimpleNamespace(touched=touched)
        finished: Any = SimpleNamespace(txn=number, reads=reads, writes=writes, size=1, position=None)
        return isinstance(self.queue.commit(finished, deadline), Won)

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        self.pause()
        self.done += [each.txn for each in batch]
        return [Won(each.txn) for each in batch]

    def find_out(self, batch: list[Finished]) -> Optional[list[Outcome]]:
        return [Won(each.txn) for each in batch] if batch[0].txn in self.done else None


class Reading(Queue):
    """`Readers` without a server."""

    def __init__(self) -> None:
        super().__init__()
        readers = pytest.importorskip("faunadb.engine.storage.postgres_readers")
        FILES.add(readers.__file__)
        self.readers = readers.Readers.__new__(readers.Readers)
        self.readers._others = self.turns = Turns()
        self.readers._ask_together = self.answer

    def run(self, number: int, deadline: Optional[float] = None) -> object:
        return bool(self.readers.ask(number) == number)

    def answer(self, batch: list[Any]) -> None:
        self.pause()
        for each in batch:
            each.found = each.question


class Crowd:
    """Threads that run on a queue, and what came of each."""

    def __init__(self, queue: Queue, twice: bool = False) -> None:
        self.queue = queue
        self.twice = twice
        self.results: dict[int, object] = {}
        self.threads: list[threading.Thread] = []

    def start(self, number: int, step: int = 0, deadline: Optional[float] = None) -> None:
        """Start a thread, interrupted at that step; wait until it waits, or is done."""
        before = len(self.queue.turns._waiting)

        def run() -> None:
            try:
                if step:
                    sys.setprofile(interruption(step, self.queue.interruption, FILES, twice=self.twice))
                self.results[number] = self.queue.run(number, deadline)
            except BaseException as error:
                self.results[number] = error
            finally:
                sys.setprofile(None)
                sys.settrace(None)

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()
        until = time.monotonic() + 60
        while thread.is_alive() and len(self.queue.turns._waiting) == before and self.queue.meanwhile is None:
            assert time.monotonic() < until
            time.sleep(0)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), f"forgotten: {thread}; done {self.queue.done}"


def alone(crowd: Crowd, step: int) -> None:
    crowd.start(VICTIM, step)


def leading_others(crowd: Crowd, step: int) -> None:
    def others_come() -> None:
        for number in OTHERS:
            crowd.start(number)

    crowd.queue.meanwhile = others_come
    crowd.start(VICTIM, step)
    crowd.threads[0].join(60)
    crowd.queue.meanwhile = None  # it may not have come to lead


def _behind_another(crowd: Crowd, *starts: Callable[[], None]) -> None:
    def others_come() -> None:
        for start in starts:
            start()

    crowd.queue.meanwhile = others_come
    crowd.start(OTHERS[0])


def next_in_turn(crowd: Crowd, step: int) -> None:
    _behind_another(crowd, lambda: crowd.start(VICTIM, step), lambda: crowd.start(OTHERS[1]))


def taken_along(crowd: Crowd, step: int) -> None:
    _behind_another(crowd, lambda: crowd.start(OTHERS[1]), lambda: crowd.start(VICTIM, step))


def waking_another(crowd: Crowd, step: int) -> None:
    """Those taken along are woken one by the other."""
    starts = [lambda: crowd.start(OTHERS[1]), lambda: crowd.start(VICTIM, step), lambda: crowd.start(4)]
    _behind_another(crowd, *starts)


def too_late(crowd: Crowd, step: int) -> None:
    _behind_another(crowd, lambda: crowd.start(VICTIM, step, deadline=time.monotonic() + 0.001))


@pytest.mark.parametrize("kind", [Writing, WritingTogether, Committing, Reading])
@pytest.mark.parametrize(
    "scene", [alone, leading_others, next_in_turn, taken_along, waking_another, too_late]
)
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_interrupted_at_each_step(
    kind: Callable[[], Queue], scene: Callable[[Crowd, int], None], twice: bool
) -> None:
    for step in range(1, 1000):
        queue = kind()
        crowd = Crowd(queue, twice)
        scene(crowd, step)
        crowd.join()
        result = crowd.results.pop(VICTIM)
        assert set(map(str, crowd.results.values())) <= {"True"}, step
        again = Crowd(queue)
        again.start(3)
        again.join()
        assert again.results == {3: True}, f"step {step}: nobody leads any more"
        assert (list(queue.turns._waiting), queue.turns._leaders) == ([], []), step
        if kind is not Reading:
            counts = Counter(queue.done)
            assert max(counts.values()) == 1, f"step {step}: done twice"
            for number, told in crowd.results.items():
                assert told is not True or counts[number] == 1, f"step {step}: told, and not done"
            if isinstance(result, DeadlineExceeded):
                assert counts[VICTIM] == 0, f"step {step}: refused, and done"
        if not isinstance(result, (Stop, JobTimeout)):
            break
    else:
        pytest.fail("it does not end")
    assert result is True or isinstance(result, (DeadlineExceeded, StoreUnavailable))
    assert step > 10


@pytest.mark.parametrize("when", ["before it is woken", "when it has been woken"])
def test_one_that_leaves_while_it_waits_leaves_nobody_behind_it(when: str) -> None:
    """A signal handler may raise in the main thread, which waits, when a leader has taken it along with others."""
    turns: Turns[Waiter] = Turns()
    leaving, behind = Waiter(), Waiter()

    def wait_behind() -> None:
        turns.take_part(behind, lambda own: pytest.fail("it was taken along"))

    thread = threading.Thread(target=wait_behind, daemon=True)

    def lead(own: Waiter) -> None:
        leaving.news = threading.Lock()
        leaving.news.acquire()
        turns._waiting.append(leaving)
        thread.start()
        until = time.monotonic() + 30
        while len(turns.waiting()) < 2:
            assert time.monotonic() < until
            time.sleep(0)
        for each in turns.take_those(own, turns.waiting()):
            each.over = True
        if when == "before it is woken":
            turns._leave(leaving)

    turns.take_part(Waiter(), lead)
    if when == "when it has been woken":
        turns._leave(leaving)
    thread.join(30)
    assert not thread.is_alive()


def test_two_threads_that_wake_the_same_one_do_not_disturb_each_other() -> None:
    """The leader that runs its last step again, and one that was woken: the lock is free before either knows."""

    class Released:
        def locked(self) -> bool:
            return True

        def release(self) -> None:
            raise RuntimeError("release unlocked lock")

    waiter: Any = Waiter()
    waiter.news = Released()
    leading._wake(waiter)
    assert waiter.news is None


@pytest.mark.parametrize(
    ("came", "waiting", "at_least", "pause"),
    [
        (1, 0, 0.0, 0.0),
        (2, 0, 0.004, 0.004),
        (4, 0, 0.0, 0.0),  # a few
        (5, 0, 0.0, 4 * leading.FOR_EACH),
        (8, 3, 0.0, 4 * leading.FOR_EACH),
        (8, 4, 0.0, 0.0),
        (5, 0, 0.004, 0.004),
        (900, 0, 0.0, leading.FOR_ALL),
    ],
)
def test_a_leader_waits_for_those_that_may_come(
    monkeypatch: pytest.MonkeyPatch, came: int, waiting: int, at_least: float, pause: float
) -> None:
    """As long as they take, not for a few, and not for those that came long ago."""
    turns: Turns[Waiter] = Turns()
    monkeypatch.setattr(leading, "RECENT", 3600.0)
    waited_for: list[tuple[int, float]] = []

    def lead(own: Waiter) -> None:
        now = time.monotonic()
        turns._came.update({-number: now for number in range(1, came)})
        turns._came.update({-number: now - 4000 for number in range(1000, 1010)})
        turns._waiting.extend(Waiter() for _ in range(waiting))
        turns.gather(at_least, 0.005)
        turns._waiting.clear()

    monkeypatch.setattr(turns, "_wait_for", lambda count, seconds: waited_for.append((count, seconds)))
    turns.take_part(Waiter(), lead)
    assert waited_for == [((came - 1) // 2, 0.005), (came - 1, pytest.approx(pause))]


@pytest.mark.parametrize(("wanted", "seconds"), [(0, 3600.0), (2, 3600.0), (3, 0.001), (3, 0.0)])
def test_a_leader_waits_until_they_are_there_or_the_time_has_passed(wanted: int, seconds: float) -> None:
    turns: Turns[Waiter] = Turns()
    led: list[int] = []

    def lead(own: Waiter) -> None:
        if led:
            return
        led.append(0)
        for thread in threads:
            thread.start()
        turns._wait_for(wanted, seconds)
        led[0] = len(turns.waiting())
        eventually(lambda: len(turns.waiting()) == 2, "all others wait")

    threads = [threading.Thread(target=turns.take_part, args=(Waiter(), lead)) for _ in range(2)]
    turns.take_part(Waiter(), lead)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert led[0] >= (wanted if seconds > 1 else 0)


def test_several_lead_at_the_same_time() -> None:
    """As many as may, and the next one whenever one of them is done; what they take along is done once."""
    turns: Turns[Waiter] = Turns(most=2)
    lock = threading.Lock()
    now, most, led = 0, 0, 0

    def lead(own: Waiter) -> None:
        nonlocal now, most, led
        with lock:
            now += 1
            most = max(most, now)
        along = turns.take(own)
        time.sleep(0)
        if along is not None:
            along.over = True
        with lock:
            now -= 1
            led += 1 + (along is not None)

    def run() -> None:
        for _ in range(200):
            turns.take_part(Waiter(), lead)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert (most <= 2, led) == (True, 8 * 200)
