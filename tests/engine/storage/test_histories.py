"""Several processes on one store: histories of random transactions are strictly serialisable, and streams complete."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, Callable

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.checking import problems
from tests.engine.storage import histories, history_check, schema_histories
from tests.engine.storage.histories import Op, Run
from tests.engine.storage.places import Place
from tests.server.running import eventually

#: Stands for a time that is not known.
NEVER = -1


def examine(place: Place, folder: Path, *, seed: int, processes: int, count: int, timeout: float) -> int:
    client = histories.client_of(place.url)
    histories.prepare(client)
    watcher = history_check.Watcher(client)
    ops = Run(folder, [place.url] * processes, seed, count).wait(timeout)
    assert len(ops) == processes * count
    assert not [op for op in ops if op.status == "unknown"]
    history_check.check(client, ops)
    watcher.check()
    watcher.close()
    assert place.open().check() == []
    return len(ops)


def test_histories_of_several_processes(shared_place: Place, tmp_path: Path) -> None:
    examine(shared_place, tmp_path, seed=1, processes=4, count=50, timeout=60)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_histories_soak(shared_place: Place, tmp_path: Path, seed: int) -> None:
    examine(shared_place, tmp_path, seed=seed, processes=5, count=2500, timeout=800)


def test_processes_killed_in_their_queries(shared_place: Place, tmp_path: Path) -> None:
    client = histories.client_of(shared_place.url)
    histories.prepare(client)
    ops: list[Op] = []
    for number in range(2):
        run = Run(tmp_path, [shared_place.url] * 3, seed=1, first=3 * number)
        run.progress(4)
        ops += run.stop()
    history_check.check(client, ops, killed=6)
    assert not [op for op in ops if op.status == "unknown"]
    assert shared_place.open().check() == []


def test_what_was_seen_at_one_server_is_there_at_another(shared_place: Place) -> None:
    """X-Last-Seen-Txn, which the client sends, of one process is honoured by another."""
    with histories.serving(shared_place.url, 2) as servers:
        clients = [histories.client_of(server.address) for server in servers]
        clients[0].query(q.create_collection({"name": "c"}))
        clients[0].query(q.create(q.ref(q.collection("c"), "1"), {"data": {"n": -1}}))
        for n in range(12):
            one, other = clients[n % 2], clients[1 - n % 2]
            written = one.query(q.select("ts", q.update(q.ref(q.collection("c"), "1"), {"data": {"n": n}})))
            other.sync_last_txn_time(one.get_last_txn_time())
            found = other.query([q.select(["data", "n"], q.get(q.ref(q.collection("c"), "1"))), q.now()])
            assert found[0] == n
            assert other.get_last_txn_time() >= written
            # A time that is a little ahead, as another machine's clock may be, is not fallen short of either.
            ahead = other.get_last_txn_time() + 20_000
            one.sync_last_txn_time(ahead)
            one.query(q.update(q.ref(q.collection("c"), "1"), {"data": {"n": n}}))
            assert one.get_last_txn_time() > ahead


# ---- changes of the schema beside writes ------------------------------------------------------------------------


def examine_schema(
    place: Place, folder: Path, *, seed: int, processes: int, count: int, timeout: float
) -> list[Op]:
    client = histories.client_of(place.url)
    schema_histories.prepare(client)
    run = Run(folder, [place.url] * processes, seed, count, module=schema_histories.__name__)
    ops = run.wait(timeout)
    assert len(ops) == processes * count
    store = place.open()
    eventually(lambda: all_are_built(client), "the indexes are built")
    schema_histories.check(client, ops)
    assert store.check() == []
    assert list(problems(store)) == []
    return ops


def all_are_built(client: FaunaClient) -> bool:
    built = q.map_(lambda ref: q.select("active", q.get(ref)), q.paginate(q.indexes()))
    return all(client.query(built)["data"])


def test_changes_of_the_schema_beside_writes(shared_place: Place, tmp_path: Path) -> None:
    ops = examine_schema(shared_place, tmp_path, seed=1, processes=4, count=40, timeout=100)
    assert {op.kind for op in ops if op.status == "ok"} >= {
        "stamp",
        "guarded",
        "function",
        "days",
        "role",
        "index",
    }


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_changes_of_the_schema_soak(shared_place: Place, tmp_path: Path, seed: int) -> None:
    examine_schema(shared_place, tmp_path, seed=seed, processes=5, count=500, timeout=800)


@pytest.fixture(scope="module")
def schema_history() -> tuple[FaunaClient, list[Op]]:
    """A good one, of one worker in this process."""
    url = f"sqlite://?name={uuid.uuid4()}"  # a module's fixtures may be set up again, after tests of others
    client = histories.client_of(url)
    schema_histories.prepare(client)
    worker = schema_histories.SchemaWorker(url, 0, seed=3)
    ops = [worker.step() for _ in range(120)]
    schema_histories.check(client, ops)
    return client, ops


@pytest.mark.parametrize(
    ("kind", "status", "change", "complaint"),
    [
        ("stamp", "ok", lambda op: op._replace(result=[-1, op.result[1]]), "an old schema was seen"),
        ("stamp", "ok", lambda op: op._replace(result=[op.result[0], -1]), "an old schema was seen"),
        ("look", "ok", lambda op: op._replace(txn=1), "an old schema was seen|began after"),
        (
            "guarded",
            "no",
            lambda op: op._replace(status="ok", error="", txn=op.txn or NEVER),
            "rights that had been taken",
        ),
        (
            "guarded",
            "ok",
            lambda op: op._replace(status="no", error="403", txn=None),
            "refused what was allowed",
        ),
        ("stamp", "ok", lambda op: op._replace(start=2**62, end=2**62), "began after"),
        ("index", "ok", lambda op: op._replace(result="dropped"), "made or dropped twice"),
        ("stamp", "ok", lambda op: op._replace(status="no", error="409"), "refused ones are there"),
    ],
)
def test_the_checker_of_schemas_finds(
    schema_history: Any, kind: str, status: str, change: Callable[[Op], Op], complaint: str
) -> None:
    client, ops = schema_history
    place = next(i for i, op in enumerate(ops) if op.kind == kind and op.status == status)
    changed = change(ops[place])
    if changed.txn == NEVER:  # of one that was refused there is no time: that of the query before it will do
        changed = changed._replace(txn=next(op.txn for op in reversed(ops[:place]) if op.txn))
    with pytest.raises(AssertionError, match=complaint):
        schema_histories.check(client, [*ops[:place], changed, *ops[place + 1 :]])


# ---- the checker itself finds what is wrong ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def history() -> tuple[FaunaClient, list[Op]]:
    """A good one, of one worker in this process."""
    url = f"sqlite://?name={uuid.uuid4()}"
    client = histories.client_of(url)
    histories.prepare(client)
    worker = histories.Worker(url, 0, seed=3)
    ops = [worker.step() for _ in range(150)]
    history_check.check(client, ops)
    return client, ops


def _later(op: Op) -> Op:
    return op._replace(txn=(op.txn or 0) + 1)


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("read", lambda op: op._replace(result=["x", *op.result[1:]]), "wrong read"),
        ("read", lambda op: op._replace(txn=1), "wrong read"),
        ("past", lambda op: op._replace(result=["x", *op.result[1:]]), "the past has changed"),
        ("write", _later, "lost or elsewhere"),
        ("write", lambda op: op._replace(asked=[op.asked[0], "x"]), "lost or elsewhere"),
        ("write", lambda op: op._replace(status="no"), "refused write is there"),
        ("modify", lambda op: op._replace(result=["x", op.result[1]]), "modified x"),
        ("transfer", _later, "nobody asked for"),
        ("transfer", lambda op: op._replace(asked=[*op.asked[:2], 1000]), "asked"),
        ("sum", lambda op: op._replace(result=[[1] * 6, [1] * 6]), "money was made or lost"),
        ("sum", lambda op: op._replace(result=[op.result[0], [1] * 6]), "index and documents differ"),
        ("take", _later, "create is lost"),
        ("write", lambda op: op._replace(start=2**62, end=2**62), "had been seen"),
    ],
)
def test_the_checker_finds(history: Any, kind: str, change: Callable[[Op], Op], complaint: str) -> None:
    client, ops = history
    place = next(i for i, op in enumerate(ops) if op.kind == kind and op.status == "ok" and op.result != "no")
    with pytest.raises(AssertionError, match=complaint):
        history_check.check(client, [*ops[:place], change(ops[place]), *ops[place + 1 :]])
