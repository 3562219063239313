"""The queue of finished transactions: what goes together, and who has lost before the server is asked."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, Optional

import pytest

from faunadb.engine.storage import commit_queue, leading
from faunadb.engine.storage.commit_queue import CommitQueue, Committer, Finished, Lost, Outcome, Won
from faunadb.engine.storage.errors import STORE_CLOSED, StoreError
from faunadb.engine.storage.read_set import Changes, ReadSet, document_path, place_path
from tests.server.running import eventually


class Held(Committer):
    """Commits everything but what has lost to another process, the first batch when it is told to.

    changed: when others have changed what, by its path.
    """

    def __init__(self, changed: Optional[dict[str, int]] = None) -> None:
        self.changed = changed or {}
        self.batches: list[list[int]] = []
        self.go = threading.Event()

    def commit(self, batch: list[Finished]) -> list[Outcome]:
        self.batches.append([each.txn for each in batch])
        if len(self.batches) == 1:
            assert self.go.wait(60)
        return [self._outcome(each) for each in batch]

    def _outcome(self, finished: Finished) -> Outcome:
        for path, txn in self.changed.items():
            changes = Changes()
            changes.at[path] = None
            touched = finished.reads.touched_by(changes)
            if touched and finished.position is not None and finished.position < txn:
                return Lost(touched)
        return Won(finished.txn)


def finished(txn: int, reads: int, writes: int, position: Optional[int] = 10) -> Any:
    read_set, changes = ReadSet(), Changes()
    read_set.document(0, 1024, reads)
    changes.document(0, 1024, writes)
    return SimpleNamespace(
        txn=txn, reads=read_set, writes=SimpleNamespace(touched=changes), size=1, position=position
    )


def run(
    *transactions: Any, changed: Optional[dict[str, int]] = None
) -> tuple[dict[int, Outcome], list[list[int]]]:
    """What comes of transactions that come while the first one, numbered 0, is being committed; and the batches."""
    committer = Held(changed)
    queue = CommitQueue(committer)
    outcomes: dict[int, Outcome] = {}
    threads = []
    for number, each in enumerate([finished(0, 99, 98), *transactions]):

        def commit(each: Any = each) -> None:
            outcomes[each.txn] = queue.commit(each)

        threads.append(threading.Thread(target=commit))
        threads[-1].start()
        eventually(
            lambda number=number: len(committer.batches) + len(queue._turns.waiting()) > number, "it has come"
        )
    committer.go.set()
    for thread in threads:
        thread.join()
    return outcomes, committer.batches


def test_whoever_read_what_one_of_the_batch_before_wrote_has_lost() -> None:
    """All want the same: one wins, and the others have lost without a batch of their own."""
    outcomes, batches = run(*(finished(txn, 1, 1) for txn in range(1, 9)))
    path = document_path(0, 1024, 1)
    assert outcomes == {0: Won(0), 1: Won(1), **{txn: Lost(path) for txn in range(2, 9)}}
    assert batches == [[0], [1]]


def test_whoever_read_what_another_process_has_changed_has_lost_with_the_first_of_them() -> None:
    """They do not go to the server one after the other to be told the same."""
    path = document_path(0, 1024, 1)
    outcomes, batches = run(*(finished(txn, 1, 1) for txn in range(1, 9)), changed={path: 11})
    assert outcomes == {0: Won(0), **{txn: Lost(path) for txn in range(1, 9)}}
    assert batches == [[0], [1]]


def test_whose_snapshot_is_later_than_that_of_one_that_lost_is_for_the_server_to_judge() -> None:
    """What was changed may be in it. Older ones have lost; so has nobody who read something else."""
    path = document_path(0, 1024, 1)
    outcomes, batches = run(
        finished(1, 1, 1, 10),
        finished(2, 1, 1, 11),
        finished(3, 1, 1, 9),
        finished(4, 2, 1, 9),
        changed={path: 11},
    )
    assert outcomes == {0: Won(0), 1: Lost(path), 2: Won(2), 3: Lost(path), 4: Won(4)}
    assert batches == [[0], [1], [2], [4]]


def test_over_a_set_only_the_server_tells_who_has_lost() -> None:
    """Of what was changed in it, only the path is told."""
    path = place_path(0, 7, b"a")
    first, second = finished(1, 1, 1), finished(2, 1, 1)
    first.reads.range(0, 7, b"a")
    second.reads.range(0, 7, b"a", b"x", b"y")
    outcomes, batches = run(first, second, changed={path: 11})
    assert outcomes[1] == outcomes[2] == Lost(path)
    assert batches == [[0], [1], [2]]


def test_whoever_only_writes_the_same_waits_for_the_next_batch() -> None:
    outcomes, batches = run(finished(1, 5, 1), finished(2, 6, 1), finished(3, 7, 3))
    assert set(map(type, outcomes.values())) == {Won}
    assert batches == [[0], [1, 3], [2]]


def test_who_came_while_a_batch_was_committed_is_for_the_server_to_judge() -> None:
    """Its snapshot may see that batch."""
    outcomes, batches = run(finished(1, 98, 1))
    assert outcomes[1] == Won(1)
    assert batches == [[0], [1]]


#: How long the lock was waited for, and how many threads have just written.
@pytest.mark.parametrize(
    ("waited", "writers", "batches"),
    [
        (0.0, 3, [[0], [1, 2]]),
        (0.001, 3, [[0], [1, 2]]),
        (0.004, 3, [[0, 1, 2]]),
        (0.004, 1, [[0], [1, 2]]),
    ],
)
def test_where_the_lock_was_waited_for_more_are_gathered(
    monkeypatch: pytest.MonkeyPatch, waited: float, writers: int, batches: list[list[int]]
) -> None:
    """Who leads pauses for half of what the last batch has waited, if there is anybody who may come, and takes them along."""
    committer = Held()
    committer.go.set()
    queue = CommitQueue(committer)
    monkeypatch.setattr(leading, "RECENT", 3600.0)
    for number in range(1, writers):
        thread = threading.Thread(target=queue.commit, args=(finished(-number, 80 + number, 80 + number),))
        thread.start()
        thread.join()
        came = queue._turns._came
        came[-number] = came.pop(thread.ident or 0)  # an ident is given again
    committer.batches.clear()
    committer.waited = waited
    outcomes: dict[int, Outcome] = {}
    threads: list[threading.Thread] = []

    def others_come(count: int, seconds: float) -> None:
        if seconds == 0 or count == 0:
            return
        assert (count, seconds) == (writers - 1, waited / 2)
        start_others()

    def start_others() -> None:
        monkeypatch.undo()
        committer.waited = 0.0
        for number in (1, 2):
            thread = threading.Thread(target=commit, args=(number,))
            threads.append(thread)
            thread.start()
            eventually(lambda number=number: len(queue._turns.waiting()) == number, "it waits")

    def commit(number: int) -> None:
        outcomes[number] = queue.commit(finished(number, 90 + number, number))

    original = Held.commit

    def held(self: Held, batch: list[Finished]) -> list[Outcome]:
        if not threads:
            start_others()
        return original(self, batch)

    queue._took = 0.0
    monkeypatch.setattr(queue._turns, "_wait_for", others_come)
    monkeypatch.setattr(Held, "commit", held)
    commit(0)
    for thread in threads:
        thread.join()
    assert outcomes == {number: Won(number) for number in range(3)}
    assert committer.batches == batches


@pytest.mark.parametrize(("took", "pause"), [(0.004, 0.002), (3.0, commit_queue.MAX_PAUSE)])
def test_while_there_are_few_more_are_gathered_for_half_as_long_as_the_last_commit_took(
    monkeypatch: pytest.MonkeyPatch, took: float, pause: float
) -> None:
    committer, now, gathered = Held(), [100.0], []
    queue = CommitQueue(committer)

    def commit(batch: list[Finished]) -> list[Outcome]:
        now[0] += took
        return [Won(each.txn) for each in batch]

    monkeypatch.setattr(committer, "commit", commit)
    monkeypatch.setattr(commit_queue, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(queue._turns, "gather", lambda *pauses: gathered.append(pauses))
    for number in range(2):
        assert queue.commit(finished(number, 90, number)) == Won(number)
    assert gathered == [(0.0, 0.0), (0.0, pytest.approx(pause))]


def test_closing_waits_for_those_who_came_before_and_refuses_who_comes_later() -> None:
    """While others commit, the connection on which they do must be left alone."""
    committer = Held()
    queue = CommitQueue(committer)
    outcomes: dict[int, Any] = {}
    closed_after: list[list[int]] = []

    def commit(txn: int) -> None:
        try:
            outcomes[txn] = queue.commit(finished(txn, txn, txn))
        except StoreError as error:
            outcomes[txn] = str(error)

    def close() -> None:
        queue.close(lambda: closed_after.extend(committer.batches), 60)

    threads = []
    for number, (work, *given) in enumerate([(commit, 0), (commit, 1), (close,), (commit, 2)]):
        threads.append(threading.Thread(target=work, args=given))  # type: ignore[arg-type]
        threads[-1].start()
        eventually(
            lambda number=number: len(committer.batches) + len(queue._turns._waiting) > number, "it has come"
        )
    committer.go.set()
    for thread in threads:
        thread.join()
    assert closed_after == [[0], [1]]
    assert outcomes == {0: Won(0), 1: Won(1), 2: STORE_CLOSED}
    with pytest.raises(StoreError, match=STORE_CLOSED):
        queue.commit(finished(3, 3, 3))


def test_closing_does_not_wait_for_ever() -> None:
    """The connection is left to those who use it, and nobody can begin."""
    committer = Held()
    queue = CommitQueue(committer)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(queue.commit(finished(0, 0, 0))))
    thread.start()
    eventually(lambda: len(committer.batches) == 1, "it is committing")
    queue.close(lambda: outcomes.append(Lost("closed")), 0.01)
    with pytest.raises(StoreError, match=STORE_CLOSED):
        queue.commit(finished(1, 1, 1))
    committer.go.set()
    thread.join()
    assert outcomes == [Won(0)]
