"""Work behind queries: removal of what was deleted or expired, going on after a restart."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine import adapter
from faunadb.engine.background import building, maintenance, sweeping
from faunadb.engine.engine import open_engine
from faunadb.engine.schema import tasks
from faunadb.engine.storage import open_store
from faunadb.objects import FaunaTime
from tests.engine.conftest import Database, history_from_1970


def item(number):
    return q.ref(q.collection("c"), number)


def versions(db, coll=1024, scope=0):
    with db.engine.store.snapshot() as snap:
        return snap.count_versions(scope, coll, 10_000)


def test_superseded_history_is_removed(db):
    db.query(q.create_collection({"name": "c"}))
    with history_from_1970():
        db.query(q.create_collection({"name": "kept", "history_days": None}))
    db.query(q.create_index({"name": "i", "source": q.collection("c"), "values": {"field": ["data", "x"]}}))
    for ts in (1000, 2000, 3000):
        db.query(q.insert(item(1), ts, "create", {"data": {"x": ts}}))
        db.query(q.insert(item(2), ts, "create", {"data": {"x": ts}}))
        db.query(q.insert(q.ref(q.collection("kept"), 1), ts, "create", {}))
    db.query(q.insert(item(2), 4000, "delete", {}))
    assert versions(db) == 7
    sweeping.sweep(db.engine)
    assert versions(db) == 1
    assert versions(db, 1025) == 3
    assert db.query(q.get(item(1)))["data"] == {"x": 3000}
    assert db.query(q.paginate(q.match(q.index("i"))))["data"] == [3000]
    with db.engine.store.snapshot() as snap:
        assert len(list(snap.history(0, 32768, b""))) == 1
    assert db.engine.store.check() == []


def test_recent_history_stays(db):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create(item(1), {}))
    for number in range(3):
        db.query(q.update(item(1), {"data": {"x": number}}))
    sweeping.sweep(db.engine)
    assert versions(db) == 4
    assert len(db.query(q.paginate(q.events(item(1))))["data"]) == 4


def test_expired_documents_are_removed(db):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create_index({"name": "i", "source": q.collection("c"), "terms": {"field": ["data", "x"]}}))
    past = FaunaTime("2020-01-01T00:00:00Z")
    db.query(q.insert(item(1), 1000, "create", {"data": {"x": 1}}))
    db.query(q.insert(item(1), 2000, "create", {"data": {"x": 1}, "ttl": past}))
    db.query(q.insert(item(2), 2000, "create", {"data": {"x": 1}, "ttl": FaunaTime("2999-01-01T00:00:00Z")}))
    db.query(q.create(item(3), {"data": {"x": 1}, "ttl": past}))
    sweeping.sweep(db.engine)
    with db.engine.store.snapshot() as snap:
        assert snap.scan_documents(0, 1024, limit=10) == [2, 3]
    assert db.query(q.count(q.match(q.index("i"), 1))) == 1
    assert db.query(q.exists(item(1))) is False
    assert db.engine.store.check() == []


def test_expired_keys_are_removed(db):
    made = db.query(q.create_key({"role": "admin", "ttl": FaunaTime("2020-01-01T00:00:00Z")}))
    db.query(
        q.insert(made["ref"], 1000, "create", {"role": "admin", "ttl": FaunaTime("2020-01-01T00:00:00Z")})
    )
    sweeping.sweep(db.engine)
    assert db.query(q.exists(made["ref"])) is False
    assert db.engine.store.check() == []


def test_sweeps_reach_child_databases(db):
    db.query(q.create_database({"name": "child"}))
    child = db.as_("secret:child:admin")
    child.query(q.create_collection({"name": "c"}))
    for ts in (1000, 2000):
        child.query(q.insert(item(1), ts, "create", {}))
    assert versions(db, scope=1) == 2
    sweeping.sweep(db.engine)
    assert versions(db, scope=1) == 1
    with db.engine.store.snapshot() as snap:
        assert sweeping.last_sweep(snap) <= snap.time


def test_tasks_survive_a_restart(tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    engine = open_engine(url)
    db = Database(engine)
    db.query([q.create_collection({"name": "c"}), q.create_collection({"name": "gone"})])
    db.query([q.create(item(number), {"data": {"x": number}}) for number in range(200)])
    db.query([q.create(q.ref(q.collection("gone"), number), {}) for number in range(200)])
    engine.background.closing.set()  # from here on nothing is done behind queries
    db.query(q.create_index({"name": "i", "source": q.collection("c")}))
    db.query(q.delete(q.collection("gone")))
    assert db.query(q.get(q.index("i")))["active"] is False
    engine.close()
    with open_engine(url) as again:
        assert again.background.wait(20)
        db = Database(again)
        assert db.query(q.get(q.index("i")))["active"] is True
        assert db.query(q.count(q.match(q.index("i")))) == 200
        assert versions(db, 1025) == 0
        with again.store.snapshot() as snap:
            assert tasks.open_tasks(snap) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_list_of_tasks(order):
    """It is kept as text, which is added to and cut without being read."""
    given = [["database", 1], ["database", 12], ["index", 1, 12], ["build", 1, 12]]
    kept = {}
    tx = SimpleNamespace(setting=kept.get, set_setting=kept.__setitem__)
    ctx = SimpleNamespace(writer=lambda: tx, host=SimpleNamespace(start_tasks=lambda: None))
    for task in given * 2:
        tasks.enqueue(ctx, task)
    assert tasks.open_tasks(tx) == given
    for number in order:
        assert tasks.is_open(tx, given[number])
        tasks.finish(tx, given[number])
        tasks.finish(tx, given[number])
        assert not tasks.is_open(tx, given[number])
    assert tasks.open_tasks(tx) == []


def test_an_index_of_a_deleted_collection_is_not_built(db):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create_collection({"name": "d"}))
    db.query([q.create(item(number), {}) for number in range(150)])
    db.query(q.do(q.create_index({"name": "i", "source": [q.collection("c"), q.collection("d")]})))
    db.query(q.delete(q.collection("c")))
    db.query(q.delete(q.index("i")))
    assert db.engine.background.wait(20)
    with db.engine.store.snapshot() as snap:
        assert list(snap.entries(0, 32768, b"")) == []


def test_large_deletes_take_many_small_writes(db, monkeypatch):
    db.query(q.create_collection({"name": "c"}))
    create = q.lambda_("n", q.create(q.ref(q.collection("c"), q.var("n")), {}))
    db.query(q.foreach(create, list(range(2000))))
    writes = []
    write = db.engine.store.write
    monkeypatch.setattr(
        db.engine.store, "write", lambda work, **more: writes.append(1) or write(work, **more)
    )
    db.query(q.delete(q.collection("c")))
    assert db.engine.background.wait(20)
    # Entries and versions, some hundred rows a time, so that other writers go in between.
    assert len(writes) > 4000 // maintenance.STEP
    assert versions(db) == 0


def test_a_task_that_fails_does_not_hold_up_the_others(db, monkeypatch, caplog):
    db.query([q.create_collection({"name": name}) for name in "cd"])
    db.query([q.create(item(1), {}), q.create(q.ref(q.collection("d"), 1), {})])
    steps = maintenance._step

    def refuse(tx):
        raise ValueError("no")

    monkeypatch.setattr(
        maintenance, "_step", lambda engine, task: refuse if task[2] == 1024 else steps(engine, task)
    )
    db.query(q.do(q.delete(q.collection("c")), q.delete(q.collection("d"))))
    assert db.engine.background.wait(10)
    assert (versions(db, 1024), versions(db, 1025)) == (1, 0)
    assert "failed" in caplog.text
    monkeypatch.undo()
    maintenance.run(db.engine)
    assert versions(db, 1024) == 0


def test_a_task_is_done_though_its_worker_is_quicker_than_the_commit(tmp_path, monkeypatch):
    with open_engine(f"sqlite:///{tmp_path}/f.db") as engine:
        db = Database(engine)
        db.query(q.create_collection({"name": "c"}))
        db.query(q.map_(lambda n: q.create(q.collection("c"), {"data": {"n": n}}), list(range(200))))
        enqueue = tasks.enqueue

        def enqueue_and_linger(ctx, task):
            enqueue(ctx, task)
            engine.background.wait(0.2)  # had the worker looked too early, it would be through by now

        monkeypatch.setattr(tasks, "enqueue", enqueue_and_linger)
        db.query(q.create_index({"name": "i", "source": q.collection("c")}))
        assert engine.background.wait(10)
        assert db.query(q.select("active", q.get(q.index("i"))))
        assert db.query(q.count(q.match(q.index("i")))) == 200


# -- processes that live for a moment

SCRIPT = """
import sys
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.background import building

building.STEP = 2  # so that it takes long
client = FaunaClient(secret="secret", endpoint=sys.argv[1])
client.query(q.create_collection({"name": "c"}))
client.query(q.map_(lambda n: q.create(q.collection("c"), {"data": {"n": n}}), list(range(400))))
client.query(q.create_index({"name": "by_n", "source": q.collection("c"), "terms": {"field": ["data", "n"]}}))
assert client.query(q.select("active", q.get(q.index("by_n")))) is False
exec(sys.argv[2])
"""


@pytest.mark.parametrize("ending", ["", "client.close()"])
def test_a_script_leaves_no_index_half_built(tmp_path, ending):
    url = f"sqlite:///{tmp_path}/app.db"
    subprocess.run([sys.executable, "-c", SCRIPT, url, ending], check=True, timeout=60)
    with open_store(url) as store, store.snapshot() as snap:
        assert tasks.open_tasks(snap) == []
    with FaunaClient(secret="secret", endpoint=url) as client:
        assert client.query(q.select(["data", "n"], q.get(q.match(q.index("by_n"), 399)))) == 399


def test_closing_waits_for_a_while_only(tmp_path, monkeypatch):
    """What is left then goes on in the next process."""
    monkeypatch.setattr(building, "STEP", 1)
    monkeypatch.setattr(
        building, "_build_or_skip", lambda *_: threading.Event().wait(0.2)
    )  # never done in time
    monkeypatch.setattr(adapter, "PATIENCE", 0.0)
    url = f"sqlite:///{tmp_path}/app.db"
    with FaunaClient(secret="secret", endpoint=url) as client:
        client.query(q.create_collection({"name": "c"}))
        client.query(q.map_(lambda n: q.create(q.collection("c"), {"data": {"n": n}}), list(range(400))))
        client.query(q.create_index({"name": "by_n", "source": q.collection("c")}))
    with open_store(url) as store, store.snapshot() as snap:
        assert [task[0] for task in tasks.open_tasks(snap)] == ["build"]
    monkeypatch.undo()
    with open_engine(url, secret="secret") as engine:
        assert engine.background.wait(60)
        with engine.store.snapshot() as snap:
            assert tasks.open_tasks(snap) == []
