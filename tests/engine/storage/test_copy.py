"""Copying whole stores between backends."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage import NotAStore, Store, StoreError, Transaction, copy_store
from faunadb.engine.storage.sql_snapshot import SqlSnapshot
from faunadb.engine.storage.sql_transaction import SqlTransaction
from faunadb.engine.storage.statements import COPIED, REACH_SETTING
from faunadb.errors import BadRequest
from tests.engine.storage import places
from tests.engine.storage.places import COLL, INDEX, SCOPE, Place

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.postgres)])
def target_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "file":
        place = Place("file", f"sqlite:///{tmp_path}/target.db")
    else:
        place = places.postgres_place(request.getfixturevalue("postgres_url"))
    yield place
    place.close()
    if place.kind == "postgres":
        places.drop_postgres_place(place)


def fill(store: Store, seed: int = 1) -> None:
    rng = random.Random(seed)

    def work(tx: Transaction) -> None:
        for doc in range(1100):
            scope = rng.choice([SCOPE, 2**40])
            for ts in rng.sample(range(10_000), 2):
                live = rng.random() < 0.9
                ttl = rng.choice([None, 5])
                tx.put_version(scope, COLL, doc - 700, ts, live, ttl, '{"n":"ü\\u0000"}' if live else None)
            key = rng.randbytes(rng.choice([3, 1024, 1025, 5000]))
            terms = rng.randbytes(rng.choice([0, 10, 1000, 1001, 3000]))
            tx.add_entry(scope, INDEX, terms, key, COLL, doc, rng.choice([None, '["c"]']), None, doc)
            tx.put_past_entry(scope, INDEX, terms, key, COLL, doc, None, 7, doc - 5, doc - 2)
        tx.next_counter("ids", 41)
        tx.set_setting("name", "väl'ue")
        tx.bump_schema()
        tx.log(["filled", seed])

    store.write(work)


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows, but for how far the store's times have come: the copy's are later."""
    with store.snapshot() as snapshot:
        assert isinstance(snapshot, SqlSnapshot)
        return {
            table: sorted(
                (
                    tuple(row[:1] if row[0] == REACH_SETTING else row)
                    for rows in snapshot.export(table)
                    for row in rows
                ),
                key=repr,
            )
            for table in COPIED
        }


def test_a_copy_has_everything(shared_place: Place, target_place: Place) -> None:
    source = shared_place.open()
    fill(source)
    seen: list[tuple[str, int]] = []
    counts = copy_store(shared_place.url, target_place.url, lambda table, rows: seen.append((table, rows)))
    target = target_place.open()
    original = content(source)
    assert content(target) == original
    assert counts == {table: len(rows) for table, rows in original.items()}
    assert dict(seen) == {table: rows for table, rows in counts.items() if rows}
    with source.snapshot() as before, target.snapshot() as after:
        assert after.schema_version == before.schema_version == 1
        assert after.last_txn > before.last_txn
        assert after.commits(0) == before.commits(0)
    _, txn = target.write(lambda tx: tx.next_counter("ids"))
    with target.snapshot() as snapshot:
        assert snapshot.counter("ids") == 42
        assert txn > snapshot.commits(0)[-1][0]


def test_a_target_in_use_is_refused_and_left_alone(shared_place: Place, target_place: Place) -> None:
    fill(shared_place.open())
    target = target_place.open()
    target.write(lambda tx: tx.set_setting("mine", "yes"))
    before = content(target)
    with pytest.raises(NotAStore, match="not empty"):
        copy_store(shared_place.url, target_place.url)
    assert content(target) == before


def test_a_missing_source_is_refused_and_not_created(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    with pytest.raises(NotAStore, match="no store at"):
        copy_store(f"sqlite:///{missing}", f"sqlite:///{tmp_path}/target.db")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_differs_is_not_kept(
    shared_place: Place, target_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shared_place.open())
    target = target_place.open()
    kind = type(target.write(lambda tx: tx, exclusive=True)[0])
    original = kind.load

    def load(self: SqlTransaction, table: str, rows: list[tuple[object, ...]]) -> None:
        original(self, table, rows[:-1] if table == "entry" else rows)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "load", load)
        with pytest.raises(StoreError, match="copy of table 'entry' differs"):
            copy_store(shared_place.url, target_place.url)
    assert not any(content(target).values())


# ---- the command line, on a database in use ---------------------------------------------------------------------


def populate(client: FaunaClient) -> str:
    """Databases, keys, indexes, functions and history; returns a key's secret."""
    client.query(q.create_collection({"name": "spells"}))
    client.query(q.create_function({"name": "double", "body": q.query(lambda n: q.multiply(n, 2))}))
    client.query(
        q.create_index(
            {
                "name": "by_element",
                "source": q.collection("spells"),
                "terms": [{"field": ["data", "element"]}],
                "values": [{"field": ["data", "name"]}],
                "unique": True,
            }
        )
    )
    client.query(
        q.map_(
            lambda n: q.create(
                q.ref(q.collection("spells"), q.to_string(n)),
                {"data": {"name": q.concat(["spell ", q.to_string(n)]), "element": "ice" * 400, "cost": n}},
            ),
            list(range(1, 120)),
        )
    )
    spell = q.ref(q.collection("spells"), "7")
    for cost in range(5):
        client.query(q.update(spell, {"data": {"cost": cost}}))
    client.query(q.delete(q.ref(q.collection("spells"), "8")))
    client.query(q.create_database({"name": "inner"}))
    return client.query(q.select("secret", q.create_key({"database": q.database("inner"), "role": "admin"})))


def seen(client: FaunaClient, secret: str, at: Any) -> list[Any]:
    """What must be the same in a copy, the past included."""
    spell = q.ref(q.collection("spells"), "7")
    match = q.match(q.index("by_element"), "ice" * 400)
    inner = client.new_session_client(secret=secret)
    return [
        client.query(q.call("double", 21)),
        client.query(q.paginate(q.events(spell))),
        client.query(q.paginate(match, size=1000)),
        client.query(q.at(at, [q.get(spell), q.paginate(match, size=1000)])),
        client.query(q.paginate(q.events(match), size=1000)),
        client.query(q.map_(q.lambda_("r", q.get(q.var("r"))), q.paginate(q.databases()))),
        inner.query(q.paginate(q.collections())),
    ]


def copy_command(source: str, target: str) -> str:
    command = [sys.executable, "-m", "faunadb", "copy", source, target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_there_and_back(shared_place: Place, target_place: Place, tmp_path: Path) -> None:
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        secret = populate(client)
        at = client.query(q.select("ts", q.get(q.ref(q.collection("spells"), "9"))))
        at = q.epoch(at, "microsecond")
        before = seen(client, secret, at)
        told = copy_command(shared_place.url, target_place.url)
        assert re.search(r"^ +\d+  version$", told, re.MULTILINE), told
        assert re.search(r"rows copied and compared$", told), told
        back = f"sqlite:///{tmp_path}/back.db"
        assert copy_command(target_place.url, back) == told
        for url in (target_place.url, back):
            with FaunaClient("secret", endpoint=url) as copied:
                assert seen(copied, secret, at) == before
                last = client.get_last_txn_time()
                made = copied.query(q.create(q.collection("spells"), {"data": {"name": "new"}}))
                assert made["ts"] > last  # times go on
                with pytest.raises(BadRequest, match="not unique"):
                    copied.query(
                        q.create(
                            q.collection("spells"), {"data": {"name": "spell 7", "element": "ice" * 400}}
                        )
                    )


def test_the_command_tells_what_it_does(
    shared_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from faunadb.cli import copy, progress

    monkeypatch.setattr(progress, "_EVERY", 0.0)
    fill(shared_place.open())
    assert copy.copy.main([shared_place.url, f"sqlite:///{tmp_path}/t.db"], standalone_mode=False) == 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) > 3
    assert all("copying" in line for line in lines), lines
