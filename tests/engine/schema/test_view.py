"""The schema view: caching by version, databases, what history may be read."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.engine.language import values as v
from faunadb.engine.schema.items import DAY_MICROS, GRACE_MICROS, CollectionInfo
from faunadb.engine.schema.view import SchemaCache, schema_view


class FakeSnapshot:
    schema_is_committed = True

    def __init__(self, version, stamp):
        self.schema_version = version
        self.stamp = stamp

    def setting(self, name):
        return self.stamp


class FakeTransaction(FakeSnapshot):
    schema_is_committed = False


def test_versions_are_shared_by_snapshots():
    cache = SchemaCache()
    first = cache.at(FakeSnapshot(1, "10"))
    assert first.confirmed
    assert cache.at(FakeSnapshot(1, "10")) is first
    assert cache.at(FakeTransaction(1, "10")) is first
    assert cache.at(FakeSnapshot(2, "20")) is not first


def test_what_a_failed_batch_saw_is_forgotten():
    cache = SchemaCache()
    # A transaction sees version 2 as an earlier one of its batch made it; the batch is never committed.
    seen = cache.at(FakeTransaction(2, "20"))
    assert not seen.confirmed
    assert cache.at(FakeTransaction(2, "20")) is seen
    # Another transaction becomes version 2.
    committed = cache.at(FakeSnapshot(2, "21"))
    assert committed is not seen
    assert cache.at(FakeTransaction(2, "21")) is committed


def test_old_versions_are_dropped():
    cache = SchemaCache()
    first = cache.at(FakeSnapshot(1, "1"))
    for version in range(2, 10):
        cache.at(FakeSnapshot(version, str(version)))
    assert cache.at(FakeSnapshot(1, "1")) is not first


@pytest.mark.parametrize(
    ("history_days", "floor", "expected"),
    [
        (None, None, None),
        (None, 500, 500),
        (0, None, 10**15 - GRACE_MICROS),
        (2, None, 10**15 - 2 * DAY_MICROS - GRACE_MICROS),
        (0, 10**15, 10**15),
        (2, 5, 10**15 - 2 * DAY_MICROS - GRACE_MICROS),
    ],
)
def test_earliest_valid_time(history_days, floor, expected):
    info = CollectionInfo(v.Ref(0, 1, 1024), "c", history_days, floor=floor)
    assert info.min_valid(10**15) == expected


def test_databases(db):
    made = db.query(q.create_database({"name": "a", "protected": True}))
    inner = db.as_("secret:a:admin").query(q.create_database({"name": "b", "container": True}))
    with db.engine.store.snapshot() as snap:
        view = schema_view(db.engine, snap)
        a, b = view.child(0, "a"), view.by_global_id(inner["global_id"])
        assert (a.path, b.path) == (("a",), ("a", "b"))
        assert (b.parent, b.name, b.container, b.protected) == (a.scope, "b", True, True)
        assert view.by_global_id(made["global_id"]) == a
        assert view.database_of(a.ref) == a
        assert view.is_within(b.scope, 0)
        assert view.is_within(b.scope, b.scope)
        assert not view.is_within(a.scope, b.scope)
        assert view.child(a.scope, "a") is None
        assert view.by_global_id("y" * 13) is None
        assert view.database(99) is None
    db.query(q.delete(q.database("a")))
    with db.engine.store.snapshot() as snap:
        view = schema_view(db.engine, snap)
        assert view.database(a.scope) is None
        assert view.database(b.scope) is None
        assert view.by_global_id(inner["global_id"]) is None


def test_items_come_in_creation_order(db):
    for name in ("zebra", "ant", "mole"):
        db.query(q.create_collection({"name": name}))
    db.query(q.delete(q.collection("ant")))
    db.query(q.create_collection({"name": "ant"}))
    with db.engine.store.snapshot() as snap:
        view = schema_view(db.engine, snap)
        assert [view.name_of(ref) for ref in view.items(0, v.COLLECTIONS)] == ["zebra", "mole", "ant"]
        assert view.lookup(0, v.COLLECTIONS, "ant") == v.Ref(0, v.COLLECTIONS, 1027)
        assert view.name_of(v.Ref(0, v.COLLECTIONS, 1025)) == "ant"
        assert view.name_of(v.native_collection(0, v.KEYS)) == "keys"
        assert view.collection(0, 1025) is None
        assert view.collection(0, v.KEYS).history_days == 0
        assert view.collection(0, v.ROLES).history_days is None


def test_collection_ids_run_out(db, monkeypatch):
    from faunadb.engine.schema.collections import Collections

    monkeypatch.setattr(Collections, "last_id", 1025)
    for name in ("a", "b"):
        db.query(q.create_collection({"name": name}))
    status, errors = db.failure(q.create_collection({"name": "c"}))
    assert (status, errors) == (
        400,
        [{"code": "bad request", "description": "Maximum sequential ID reached."}],
    )
