"""Times of snapshots beside writers of other processes, of other stores of this process, and of this store."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from faunadb.engine import queries
from faunadb.engine.background import sweeping
from faunadb.engine.engine import open_engine
from faunadb.engine.storage import ClockBehind, Store, group_commit, open_store, sqlite
from faunadb.engine.storage import clock as clocks
from faunadb.engine.storage.clock import BEYOND, MAX_CLOCK_LEAD, REACH, RENEWED, Clock, boot, wall_micros
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest
from tests.engine.storage.places import COLL, SCOPE, Place, put

ROOT = Path(__file__).resolve().parents[3]


class ElsewhereWriter:
    """A writer in another process that has its time and has not committed."""

    def __init__(self, place: Place) -> None:
        script = textwrap.dedent(
            f"""
            import sys
            from faunadb.engine.storage import open_store
            def work(tx):
                tx.put_version({SCOPE}, {COLL}, 1, tx.txn, True, None, '"new"')
                print(tx.txn, flush=True)
                sys.stdin.readline()
            with open_store({place.url!r}) as store:
                store.write(work, exclusive=True)
                print("done", flush=True)
                sys.stdin.readline()
            """
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.txn = int(self.process.stdout.readline())

    def commit(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def close(self) -> None:
        self.process.communicate("\n\n", timeout=20)


@pytest.fixture
def store(shared_place: Place) -> Store:
    store = shared_place.open()
    store.write(lambda tx: put(tx, 1, '"old"'))
    return store


@pytest.fixture
def elsewhere(store: Store, shared_place: Place) -> Iterator[ElsewhereWriter]:
    writer = ElsewhereWriter(shared_place)
    yield writer
    writer.close()


def test_a_snapshot_beside_a_writer_elsewhere_is_before_it(
    store: Store, shared_place: Place, elsewhere: ElsewhereWriter
) -> None:
    other = shared_place.open()
    for each in (store, other):
        with each.snapshot() as before:
            assert before.last_txn <= before.time < elsewhere.txn
            assert before.version(SCOPE, COLL, 1).data == '"old"'
    elsewhere.commit()
    for each in (store, other):
        with each.snapshot() as after:
            assert after.last_txn == elsewhere.txn <= after.time
            assert after.version(SCOPE, COLL, 1, after.time).data == '"new"'


def test_the_time_of_answers_beside_a_writer_elsewhere(
    store: Store, shared_place: Place, elsewhere: ElsewhereWriter
) -> None:
    """An error's time is sent back as what was seen; a snapshot of that time must be as exact as any."""
    with store.snapshot():
        pass
    at = store.time()
    assert at < elsewhere.txn
    with store.snapshot(at) as beside:
        assert at <= beside.time < elsewhere.txn
    elsewhere.commit()
    with store.snapshot() as after:
        assert after.time >= elsewhere.txn
    assert store.time() >= elsewhere.txn


def test_the_time_of_answers_is_near(place: Place) -> None:
    store = place.open()
    assert abs(store.time() - time.time_ns() // 1000) < 5_000_000
    _, txn = store.write(lambda tx: put(tx, 1))
    assert store.time() >= txn


def test_a_snapshot_time_does_not_go_back_beside_a_writer_elsewhere(
    store: Store, shared_place: Place
) -> None:
    with store.snapshot() as first:
        shown = first.time
    writer = ElsewhereWriter(shared_place)
    try:
        assert writer.txn > shown
        with store.snapshot() as second:
            assert shown <= second.time < writer.txn
        with shared_place.open().snapshot(shown) as third:  # a time that was shown by another store
            assert shown <= third.time < writer.txn
    finally:
        writer.close()


def test_who_asks_for_the_time_again_is_told_a_later_one(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_engine(shared_place.url, secret="secret") as engine:

        def now(last_seen: int) -> tuple[str, int]:
            headers = {
                "authorization": "Bearer secret",
                "x-faunadb-api-version": "4",
                "x-last-seen-txn": str(last_seen),
            }
            answer = handle(engine, HttpRequest("POST", "/", "", headers, b'{"now":null}'))
            assert answer.time is not None
            return answer.body.decode(), answer.time

        _, seen = now(0)
        writer = ElsewhereWriter(shared_place)

        def pauses() -> Iterator[float]:
            yield 0
            writer.commit()
            yield 0

        try:
            first = now(seen)
            monkeypatch.setattr(queries, "_PAUSES", pauses())
            second = now(first[1])
            assert second[1] >= writer.txn > first[1]
            assert second[0] != first[0]
            # Nobody waits for a time that is ahead of the clock.
            monkeypatch.setattr(queries, "_PAUSES", None)
            ahead = wall_micros() + MAX_CLOCK_LEAD // 2
            assert now(ahead) == now(ahead)
        finally:
            writer.close()


def test_a_killed_writer_holds_nobody_up(store: Store, elsewhere: ElsewhereWriter) -> None:
    elsewhere.process.kill()
    elsewhere.process.wait()
    _, txn = store.write(lambda tx: put(tx, 1, '"newer"'))
    with store.snapshot() as snapshot:
        assert snapshot.last_txn == txn
        assert snapshot.time > txn or abs(snapshot.time - time.time_ns() // 1000) < 1_000_000


def test_a_writer_that_only_read_leaves_no_trace(store: Store) -> None:
    store.write(lambda tx: tx.version(SCOPE, COLL, 1), exclusive=True)
    with store.snapshot() as first, store.snapshot() as second:
        assert first.last_txn < first.time < second.time


def test_two_stores_of_one_process(shared_place: Place, store: Store) -> None:
    other = shared_place.open()
    inside, go = threading.Event(), threading.Event()
    times: list[int] = []

    def work(tx):
        put(tx, 2)
        times.append(tx.txn)
        inside.set()
        assert go.wait(20)

    thread = threading.Thread(target=lambda: other.write(work, exclusive=True))
    thread.start()
    assert inside.wait(20)
    with store.snapshot() as beside:
        assert beside.time < times[0]
    go.set()
    thread.join()
    with store.snapshot() as after:
        assert after.last_txn == times[0]


def test_a_group_of_works_is_seen_beside(
    shared_place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Works after the first of a group run under savepoints, which must not hide whose row the clock's is."""
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 30.0)
    other = shared_place.open()
    inside = [threading.Event(), threading.Event(), threading.Event()]
    go = [threading.Event(), threading.Event(), threading.Event()]
    times: list[int] = []

    def work(tx, number):
        put(tx, 2 + number)
        assert tx.version(SCOPE, COLL, 2 + number)
        times.append(tx.txn)
        inside[number].set()
        assert go[number].wait(20)

    threads = []
    for number in range(3):
        threads.append(
            threading.Thread(
                target=lambda number=number: other.write(lambda tx: work(tx, number), exclusive=True)
            )
        )
        threads[-1].start()
        eventually(lambda number=number: inside[0].is_set() and len(other._queue._turns.waiting()) == number)
    go[0].set()
    go[1].set()
    assert inside[2].wait(20)
    with store.snapshot() as beside:
        assert beside.last_txn <= beside.time < times[0]
        go[2].set()
        for thread in threads:
            thread.join()
        if shared_place.kind == "postgres":
            assert still_marked(beside)
    with store.snapshot() as after:
        assert after.last_txn == times[2]


def still_marked(snapshot) -> bool:
    """Whether the clock's row, as this old snapshot sees it, names a writer that the snapshot does not see."""
    from faunadb.engine.storage.postgres_reads import is_under_way
    from faunadb.engine.storage.postgres_schema import qualify

    text = "SELECT CAST(xmax AS TEXT), CAST(pg_current_snapshot() AS TEXT) FROM meta WHERE id = 0"
    ((locker, view),) = snapshot._all(qualify(text, snapshot._store._target.schema), ())
    return is_under_way(int(locker), view)


def eventually(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# ---- the clock by itself ----------------------------------------------------------------------------------------


class Hand:
    """A clock on the wall that stands where it is put."""

    def __init__(self) -> None:
        self.now = 1000

    def __call__(self) -> int:
        return self.now


def test_transactions_come_after_what_was_handed_out() -> None:
    clock = Clock(Hand())
    assert clock.snapshot_time() == 1000
    assert clock.begin(0) == 1001
    assert clock.snapshot_time() == 1000
    assert clock.begin(1001) == 1002  # of the same owner: the first still counts
    assert clock.snapshot_time() == 1000
    clock.end()
    assert clock.begin(1002, at_least=5000) == 5001


def test_two_owners_end_for_themselves() -> None:
    clock = Clock(Hand())
    assert clock.begin(2000, owner="a") == 2001
    assert clock.begin(2001, owner="b") == 2002
    clock.end("a")
    assert clock.snapshot_time(3000) == 2001
    clock.end("b")
    assert clock.snapshot_time(3000) == 3000


def test_a_floor_is_what_was_shown() -> None:
    hand = Hand()
    clock = Clock(hand)
    clock.show(clock.snapshot_time())
    hand.now = 2000
    assert clock.floor() == 1000
    assert clock.floor(1500) == 1500
    assert clock.begin(0) == 2000
    assert clock.floor(2500) == 1999


def test_a_learned_clock() -> None:
    hand = Hand()
    clock = Clock(hand, hand)
    clock.learn(50)
    hand.now += 7
    assert clock.now() == 57
    assert clock.begin(0) == 57
    assert clock.too_far(57 + 5_000_001)
    assert not clock.too_far(57 + 5_000_000)


@pytest.mark.parametrize(
    ("locker", "view", "under_way"),
    [
        (740, "740:741:740", True),
        (740, "741:741:", False),  # over
        (741, "740:741:740", True),  # began later
        (739, "738:742:738,741", False),
        (741, "738:742:738,741", True),
        (2**32 - 1, f"{2**32 - 1}:{2**32}:{2**32 - 1}", True),
        (5, f"{2**32 + 5}:{2**32 + 6}:{2**32 + 5}", True),  # the row keeps 32 bits only
        (2**32 - 3, f"{2**32 + 5}:{2**32 + 6}:{2**32 + 5}", False),
    ],
)
def test_transactions_under_way(locker: int, view: str, under_way: bool) -> None:
    pytest.importorskip("psycopg")
    from faunadb.engine.storage.postgres_reads import is_under_way

    assert is_under_way(locker, view) is under_way


def test_times_handed_out_are_good_when_the_clock_is_set_back(tmp_path: Path) -> None:
    """An hour back, also for who opens the file a second time in this process."""
    url = f"sqlite:///{tmp_path}/app.db"
    with open_store(url) as store, open_store(url) as second:
        clock = store._clock  # type: ignore[attr-defined]
        with store.snapshot() as snapshot:
            seen = snapshot.time
        clock._wall = lambda: wall_micros() - 3_600_000_000
        for each in (store, second):
            with each.snapshot(seen) as snapshot:
                assert snapshot.time >= seen
            _, txn = each.write(lambda tx: tx.set_setting("a", "b"), at_least=seen)
            assert (txn or 0) > seen
        with pytest.raises(ClockBehind):
            store.snapshot(seen + 3_600_000_000)


HOUR = 3_600_000_000


def given_elsewhere(url: str) -> int:
    """The last time given by a process whose clock is an hour ahead, and that is over: that of a snapshot."""
    sqlite._clocks.clear()
    with open_store(url) as store:
        clock = store._clock  # type: ignore[attr-defined]
        clock._offset += HOUR
        _, txn = store.write(lambda tx: put(tx, 1), at_least=clock.now())
        with store.snapshot(clock.now() + 4_000_000) as snapshot:
            given = snapshot.time
    sqlite._clocks.clear()
    assert given > (txn or 0) > wall_micros() + HOUR // 2
    return given


def test_times_given_before_a_restart_are_good_when_the_clock_is_set_back(shared_place: Place) -> None:
    given = given_elsewhere(shared_place.url)
    store = shared_place.open()
    with store.snapshot(given) as snapshot:
        assert snapshot.time >= given
    with pytest.raises(ClockBehind):
        store.snapshot(given + HOUR)
    _, txn = store.write(lambda tx: put(tx, 2), at_least=given)
    assert (txn or 0) > given


@pytest.mark.parametrize("exclusive", [True, False])
def test_who_tells_no_time_writes_after_what_was_given_before_the_restart(
    shared_place: Place, exclusive: bool
) -> None:
    """Or a snapshot of that time, asked for again, would have gained a write."""
    given = given_elsewhere(shared_place.url)
    _, txn = shared_place.open().write(lambda tx: put(tx, 2), exclusive=exclusive)
    assert (txn or 0) > given


def test_times_given_by_another_process_are_good_when_the_clock_is_set_back(shared_place: Place) -> None:
    store = shared_place.open()
    given = given_elsewhere(shared_place.url)
    with store.snapshot(given) as snapshot:
        assert snapshot.time >= given


@pytest.mark.parametrize("back", [10_000_000, 60_000_000, 600_000_000])
def test_times_given_by_another_process_are_good_when_the_clock_is_set_back_a_little(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    """So little that the store cannot say whether they were given: both processes saw the clock before."""
    store = shared_place.open()
    clock = store._clock  # type: ignore[attr-defined]
    given = clock.now() + 1_000_000
    wall = clock._wall
    monkeypatch.setattr(type(clock), "now", lambda self: wall() - back + self._offset)
    with store.snapshot(given) as snapshot:
        assert snapshot.time >= given
    _, txn = store.write(lambda tx: put(tx, 2), at_least=given)
    assert (txn or 0) > given
    with pytest.raises(ClockBehind):
        store.snapshot(given + back + 60_000_000)


def given_since(store: Store, passed: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A time given so many microseconds after the store has last been written to, when the clock is set back by as much."""
    sqlite._clocks.clear()
    steady = clocks._steady_nanos
    monkeypatch.setattr(clocks, "_steady_nanos", lambda: steady() + passed * 1000)
    return store._clock.now() + passed  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("back", [10_000_000, 60_000_000, 600_000_000])
def test_times_given_before_a_restart_are_good_when_the_clock_is_set_back_a_little(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    """So little that the time itself may be one that nobody has given: the machine's steady clock tells."""
    with open_store(shared_place.url) as store:
        store.write(lambda tx: put(tx, 1))
        given = given_since(store, back, monkeypatch)
    with open_store(shared_place.url) as store:
        with store.snapshot(given) as snapshot:
            assert snapshot.time >= given
        _, txn = store.write(lambda tx: put(tx, 2), at_least=given)
        assert (txn or 0) > given
        with pytest.raises(ClockBehind):
            store.snapshot(given + 60_000_000)


def test_the_steady_clock_of_another_machine_tells_nothing(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(shared_place.url) as store:
        store.write(lambda tx: put(tx, 1))
        given = given_since(store, 60_000_000, monkeypatch)
    monkeypatch.setattr(clocks, "boot", lambda: "another")
    with pytest.raises(ClockBehind):
        shared_place.open().snapshot(given)


def test_a_steady_clock_that_cannot_be_the_same_is_not_believed() -> None:
    """No further than times may have been handed out."""
    hand, steady = Hand(), Hand()
    clock = Clock(hand, steady)
    clock.resume(f"{1000 + REACH:016} {boot()} {10**15}")
    assert not clock.too_far(1000 + REACH + MAX_CLOCK_LEAD)
    assert clock.too_far(1001 + REACH + MAX_CLOCK_LEAD)


def test_a_learned_clock_that_is_set_back() -> None:
    """The server's clock, or that of the server that takes over."""
    hand, steady = Hand(), Hand()
    clock = Clock(hand, steady)
    clock.learn(100_000_000)
    clock.learn(40_000_000)
    assert clock.now() == 40_000_000
    assert not clock.too_far(100_000_000 + MAX_CLOCK_LEAD)
    assert clock.too_far(100_000_001 + MAX_CLOCK_LEAD)


def test_a_clock_counts_as_if_it_had_not_been_set_back() -> None:
    hand, steady = Hand(), Hand()
    clock = Clock(hand, steady)
    start = hand.now
    hand.now += 100
    steady.now += 100
    hand.now -= 50_000_000
    assert not clock.too_far(start + 100 + MAX_CLOCK_LEAD)
    assert clock.too_far(start + 101 + MAX_CLOCK_LEAD)
    steady.now += 7
    assert not clock.too_far(start + 107 + MAX_CLOCK_LEAD)
    clock.learn(start - 1000)  # another machine's clock is asked instead
    assert clock.too_far(start + MAX_CLOCK_LEAD)


def test_a_restart_does_not_carry_the_clock_ahead(shared_place: Place) -> None:
    with open_store(shared_place.url) as store:
        store.write(lambda tx: put(tx, 1))
    sqlite._clocks.clear()
    store = shared_place.open()
    _, txn = store.write(lambda tx: put(tx, 2))
    # Not ahead by REACH, that is; a database server's clock is learned to within the time its answer took.
    assert (txn or 0) <= store._clock.now() + MAX_CLOCK_LEAD  # type: ignore[attr-defined]
    with pytest.raises(ClockBehind):
        store.snapshot(store._clock.now() + 60_000_000)  # type: ignore[attr-defined]


def test_what_is_kept_of_times_handed_out() -> None:
    hand = Hand()
    steady = Hand()
    steady.now = 300
    clock = Clock(hand, steady)
    assert clock.reach(0) == f"{1000 + REACH:016} {boot()} 700"
    clock.keep(clock.reach(0))
    hand.now += RENEWED
    assert clock.reach(hand.now) is None
    hand.now += 1
    said = clock.reach(hand.now)
    assert said == f"{hand.now + REACH:016} {boot()} {hand.now - 300}"
    kept = hand.now + REACH
    clock.keep(said)
    hand.now = 1000  # set back: from then on times go on one by one
    clock.snapshot_time(kept - 1)
    assert clock.reach(kept - 1) is None
    assert (clock.reach(kept) or "").startswith(f"{kept + BEYOND:016} ")


def test_many_restarts_do_not_carry_the_clock_away_when_it_was_set_back(shared_place: Place) -> None:
    given = given_elsewhere(shared_place.url)
    for number in range(2, 12):
        sqlite._clocks.clear()
        with open_store(shared_place.url) as store:
            _, txn = store.write(lambda tx, number=number: put(tx, number))  # type: ignore[misc]
    assert given < (txn or 0) < given + REACH + 11 * BEYOND


@pytest.mark.parametrize(
    "text", [None, "", "x", "-1", "0000000000001000", "0000000000001000 x y", "x y 9", "9  9"]
)
def test_nothing_kept_or_something_past_changes_nothing(text: Optional[str]) -> None:
    clock = Clock(Hand())
    clock.resume(text)
    assert clock.handed() == 0


def test_what_is_kept_reaches_over_a_sweep() -> None:
    assert (sweeping.INTERVAL + sweeping.FIRST) * 1_000_000 <= REACH
