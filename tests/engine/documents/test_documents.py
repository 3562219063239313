"""Documents against simple models: merging, nulls, differences, history, and index entries kept in step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.engine.documents import difference, merge, without_nulls
from faunadb.engine.documents.ids import EPOCH, IdGenerator
from faunadb.engine.engine import open_engine
from faunadb.objects import FaunaTime
from tests.engine.conftest import Database, history_from_1970

SCALARS = st.one_of(st.integers(-2, 2), st.sampled_from(["", "a"]), st.booleans())
KEYS = st.sampled_from("abc")


def objects(leaves, depth=3):
    values = st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
        max_leaves=depth * 2,
    )
    return st.dictionaries(KEYS, values, max_size=3)


WITH_NULLS = objects(st.one_of(SCALARS, st.none()))
PLAIN = objects(SCALARS)


def nulls_in(value):
    if isinstance(value, dict):
        return any(nulls_in(member) for member in value.values())
    if isinstance(value, list):
        return any(nulls_in(member) for member in value)
    return value is None


def paths(value, at=()):
    """Every scalar, array and empty object of an object, by path: what a merge works on."""
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from paths(member, (*at, key))
    else:
        yield at, value


# ---- merging ----


@given(WITH_NULLS)
def test_nulls_are_removed_and_nothing_else(value):
    stored = without_nulls(value)
    assert not nulls_in(stored)
    assert without_nulls(stored) is stored
    if not nulls_in(value):
        assert stored is value


@given(PLAIN, WITH_NULLS)
def test_merge_sets_what_the_patch_says(old, patch):
    kept = repr(old), repr(patch)
    new = merge(old, patch)
    assert (repr(old), repr(patch)) == kept, "arguments are never changed"
    assert not nulls_in(new)
    for path, value in paths(patch):
        found = new
        for key in path[:-1]:
            found = found[key]
        if not path:
            continue
        if value is None:
            assert path[-1] not in found
        elif value != {}:
            assert found[path[-1]] == without_nulls(value)


@given(PLAIN, WITH_NULLS)
def test_merge_keeps_what_the_patch_leaves(old, patch):
    new = merge(old, patch)
    patched = [path for path, _ in paths(patch) if path]
    for path, value in paths(old):
        touched = any(path[: len(other)] == other or other[: len(path)] == path for other in patched)
        if not touched and path:
            found = new
            for key in path:
                found = found[key]
            assert found == value


@given(PLAIN, PLAIN)
def test_members_keep_their_places(old, patch):
    new = list(merge(old, patch))
    assert new[: len(old)] == list(old)
    assert new[len(old) :] == [key for key in patch if key not in old]


@given(PLAIN, PLAIN)
def test_the_difference_leads_from_old_to_new(old, new):
    change = difference(old, new)
    assert merge(old, change) == new
    assert (change == {}) == (repr(merge(old, change)) == repr(merge(old, {})) and old == new)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"c": 3, "b": None}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": {}}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_differences(old, new, change):
    assert difference(old, new) == change


# ---- ids ----


def test_ids_are_made_of_time_sequence_and_worker(monkeypatch):
    from faunadb.engine.documents import ids

    now = [EPOCH + 5]
    monkeypatch.setattr(ids.time, "time_ns", lambda: now[0] * 1_000_000)
    monkeypatch.setattr(ids.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + 1))
    generator = IdGenerator(7)
    made = [generator.next() for _ in range(1025)]
    assert made[:2] == [5 << 20 | 7, (5 << 10 | 1) << 10 | 7]
    assert made[1023] == (5 << 10 | 1023) << 10 | 7
    assert made[1024] == 6 << 20 | 7
    now[0] = EPOCH + 1
    assert generator.next() == (6 << 10 | 1) << 10 | 7


# ---- history ----

TIMES = st.integers(1, 6).map(lambda number: number * 1000)
LISTS = st.lists(st.integers(1, 3), max_size=3)
TTLS = st.sampled_from([None, None, None, "2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), TIMES, LISTS, TTLS),
        st.tuples(st.just("insert_delete"), TIMES),
        st.tuples(st.just("remove"), TIMES, st.booleans()),
        st.tuples(
            st.just("write"), st.lists(st.one_of(st.tuples(LISTS, TTLS), st.none()), min_size=1, max_size=3)
        ),
    ),
    min_size=1,
    max_size=7,
)

DOC = q.ref(q.collection("c"), 1)


def fields(values, ttl):
    made = {"data": {"x": values}}
    if ttl is not None:
        made["ttl"] = FaunaTime(ttl)
    return made


def apply_to_model(model, operation):
    """model: ts -> list (a live version) or None (a deletion)."""
    if operation[0] == "insert":
        model[operation[1]] = operation[2]
    elif operation[0] == "insert_delete":
        model[operation[1]] = None
    elif operation[0] == "remove":
        ts, live = operation[1:]
        if ts in model and (model[ts] is not None) is live:
            del model[ts]


def apply_to_database(db, model, operation):
    if operation[0] == "insert":
        db.query(q.insert(DOC, operation[1], "create", fields(*operation[2:])))
    elif operation[0] == "insert_delete":
        db.query(q.insert(DOC, operation[1], "delete", {}))
    elif operation[0] == "remove":
        db.query(q.remove(DOC, operation[1], "update" if operation[2] else "delete"))
    else:
        write(db, model, operation[1])
        return
    apply_to_model(model, operation)


def write(db, model, states):
    """Several writes in one query: each makes the document be a state, or deletes it."""
    lives = bool(model) and model[max(model)] is not None
    steps = []
    for state in states:
        if state is not None:
            steps.append(q.replace(DOC, fields(*state)) if lives else q.create(DOC, fields(*state)))
            lives = True
        elif lives:
            steps.append(q.delete(DOC))
            lives = False
    if not steps:
        return
    response = db.raw(q.do(*steps))
    assert response.status in (200, 201), response.body
    model[db.engine.store.snapshot().last_txn] = states[-1][0] if states[-1] is not None else None


def state_at(model, at):
    times = [ts for ts in model if ts <= at]
    return model[max(times)] if times else None


def expected_events(model):
    events = []
    before = None
    deleted = False
    for ts in sorted(model):
        values = model[ts]
        if values is None:
            if not deleted:
                events.append((ts, "delete", None))
            deleted = True
        elif before is None:
            events.append((ts, "create", {"x": values}))
        else:
            events.append((ts, "update", None if values == before else {"x": values}))
        deleted = values is None
        before = values
    return events


def entries_of(db, index):
    with db.engine.store.snapshot() as snap:
        return sorted(
            (row.values, row.cover, (row.ttl or 0) if row.removed is None else 0, row.added, row.removed or 0)
            for row in snap.history(0, index, b"")
        )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS)
def test_history_and_entries_follow_a_model(operations):
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        with history_from_1970():
            db.query(q.create_collection({"name": "c", "history_days": None}))
        index = {"source": q.collection("c"), "values": [{"field": ["data", "x"]}]}
        db.query(q.create_index({"name": "kept", **index}))
        model = {}
        for operation in operations:
            apply_to_database(db, model, operation)
        check_against_model(db, model)
        # An index built from the stored versions is the very same as the one kept with each write.
        db.query(q.create_index({"name": "built", **index}))
        assert entries_of(db, 32768) == entries_of(db, 32769)
        assert engine.store.check() == []


def check_against_model(db, model):
    times = [999, *sorted(ts for ts in {1000, 1500, 2000, 3000, 4500, 6000, *model})]
    kept = q.paginate(q.match(q.index("kept")), size=100)
    everything = q.paginate(q.documents(q.collection("c")))
    found = db.query(
        [
            q.at(ts, [q.if_(q.exists(DOC), q.select(["data", "x"], q.get(DOC)), None), kept, everything])
            for ts in times
        ]
    )
    for ts, (values, entries, documents) in zip(times, found):
        state = state_at(model, ts)
        assert values == state
        assert entries["data"] == sorted(set(state or []))
        assert len(documents["data"]) == (0 if state is None else 1)
    events = db.query(q.paginate(q.events(DOC), size=100))["data"]
    assert [(each["ts"], each["action"], each["data"]) for each in events] == expected_events(model)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS, OPERATIONS)
def test_an_index_built_behind_writes_is_complete(earlier, later):
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        with history_from_1970():
            db.query([q.create_collection({"name": name, "history_days": None}) for name in "cd"])
        model = {}
        for operation in earlier:
            apply_to_database(db, model, operation)
        submit = engine.background.submit
        waiting = []
        engine.background.submit = waiting.append
        index = {"source": [q.collection("c"), q.collection("d")], "values": [{"field": ["data", "x"]}]}
        db.query(q.create_index({"name": "behind", **index}))
        for operation in later:
            apply_to_database(db, model, operation)
        engine.background.submit = submit
        for task in waiting:
            submit(task)
        assert engine.background.wait(10)
        assert db.query(q.select("active", q.get(q.index("behind")))) is True
        db.query(q.create_index({"name": "built", **index, "source": q.collection("c")}))
        assert entries_of(db, 32768) == entries_of(db, 32769)
        assert engine.store.check() == []
