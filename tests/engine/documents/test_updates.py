"""Updates: what they write is as if all of it were written anew, whatever they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.engine.checking import problems
from faunadb.engine.documents import merge
from faunadb.engine.documents.spelling import patched, respelled
from faunadb.engine.engine import open_engine
from faunadb.engine.language import codec
from faunadb.engine.language.codec import StoredWriter
from tests.engine.conftest import Database, history_from_1970

# ---- the stored text ----

TEXT = codec.encode_fields(
    {
        "data": {
            "name": 'the "cost":1, of',
            "cost": 1,
            "caster": {"name": "Hedwig", "cost": 1, "at": {"tags": ["cost", 1]}},
            "tags": ["cost", {"tags": 12}],
            "élan": 1.5e300,
            'quo"te': True,
            r"quo\"te": True,
        }
    },
    0,
    0,
)


def changed(text, patch):
    """What `respelled`, and `patched`, make of a document with that text, when an update merges this patch in."""
    old = codec.decode_fields(text, 0)
    new = merge(old, patch)
    found = respelled(text, old, new, StoredWriter(0, 0))
    assert found is None or found == codec.encode_fields(new, 0, 0)
    data = patch.get("data")
    if data and None not in data.values():
        assert patched(text, old["data"], new["data"], data, StoredWriter(0, 0)) == found
    return found


@pytest.mark.parametrize(
    "data",
    [
        {"cost": 2},
        {"cost": 11},
        {"name": "Light"},
        {"name": "null", "cost": -0.0},
        {"tags": []},
        {"caster": {"cost": 7}},
        {"caster": {"at": {"tags": 1}}, "tags": {"tags": "tags"}, "cost": "\u2028", "name": 'a\\"b'},
        {"élan": 2.5},
        {'quo"te': False, r"quo\"te": 1},
        {"cost": 1},
        {"more": {"cost": 2}, "cost": {"more": 3}},
        {"more": "last", "name": "first", "caster": {"more": 1}},
    ],
)
def test_other_values_are_put_into_the_text(data):
    assert changed(TEXT, {"data": data}) is not None


@pytest.mark.parametrize(
    "patch",
    [
        {"data": {"cost": None}},
        {"data": None},
        {"constraints": {"a": 1}},
        {"data": {"name": 1, "cost": 2, "caster": 3, "tags": 4, "élan": 5, "a": 6, "b": 7, "c": 8, "d": 9}},
    ],
)
def test_what_else_changes_is_written_anew(patch):
    assert changed(TEXT, patch) is None


@pytest.mark.parametrize(
    ("data", "patch"),
    [
        ({"@x": 1, "a": 2}, {"a": 3}),
        ({"@x": 1, "a": 2}, {"b": 3}),
        ({"@obj": 1, "a": 2}, {"@obj": 3}),
        ({"a": 2}, {"@x": 3}),
        ({"a": 2}, {"b": 3, "@obj": {"a": 4}}),
    ],
)
def test_data_with_a_name_that_is_stored_in_another_way_is_written_anew(data, patch):
    """Such as one with an @, for which all of ``data`` is wrapped."""
    assert changed(codec.encode_fields({"data": data}, 0, 0), {"data": patch}) is None


def test_a_member_whose_name_begins_with_an_at_sign_stays_where_it_is(db):
    db.query(q.create_collection({"name": "c"}))
    db.query(q.create(DOC, {"data": q.to_object([["@x", 1], ["a", 2]])}))
    for patch, expected in (
        ({"b": 3}, {"@x": 1, "a": 2, "b": 3}),
        ({"a": 4}, {"@x": 1, "a": 4, "b": 3}),
    ):
        db.query(q.update(DOC, {"data": patch}))
        assert db.query(q.select("data", q.get(DOC))) == expected


def test_text_in_which_data_does_not_come_first_is_written_anew_if_a_name_is_in_it_twice():
    old = {"ttl": 1, "data": {"a": 1, "b": {"a": 1}}}
    text = codec.encode_fields(old, 0, 0)
    assert respelled(text, old, merge(old, {"data": {"a": 2}}), StoredWriter(0, 0)) is None
    new = merge(old, {"data": {"b": 2}})
    assert respelled(text, old, new, StoredWriter(0, 0)) == codec.encode_fields(new, 0, 0)


# ---- the index entries ----

SCALARS = st.sampled_from([0, 1, 12, True, "a", "A", "", 0.0, -0.0, 1.0, 1e7, q.to_double("NaN"), None])
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2),
    st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2),
    st.just(q.time("2020-01-01T00:00:00Z")),
)
DATA = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
STEPS = st.tuples(st.sampled_from(["update", "update", "update", "replace", "delete", "create"]), DATA)
#: Queries of one or more writes each.
QUERIES = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=5)

DOC = q.ref(q.collection("c"), 1)
FORMS = {"update": q.update, "replace": q.replace, "create": q.create}


def field(*path, **more):
    return {"field": list(path), **more}


INDEXES = {
    "term": {"terms": [field("data", "a")]},
    "folded": {"terms": [field("data", "a", transform="casefold")]},
    "whole": {"terms": [field("data", "a", mva=False)], "values": [field("data", "b", reverse=True)]},
    "two": {"terms": [field("data", "a"), field("data", "b", "a")], "values": [field("data", "c")]},
    "by_time": {"values": [field("ts"), field("data", "a")]},
    "time_as_term": {"terms": [field("ts"), field("data", "b")]},
    "by_ref": {"terms": [field("ref")], "values": [field("data", "c"), field("ref")]},
    "all_data": {"terms": [field("data", mva=False)]},
    "unique": {"terms": [field("data", "b")], "unique": True},
    "bound": {
        "terms": [{"binding": "sum"}],
        "source": {
            "collection": q.collection("c"),
            "fields": {"sum": q.query(q.lambda_("d", [q.select(["data", "a"], q.var("d"), None)]))},
        },
    },
}


def test_repeated_names_are_in_no_entry(db):
    """They are not stored, so an entry with them would not be found when it has to end."""
    collection = db.query(q.select("ref", q.create_collection({"name": "c"})))
    names = q.to_array(q.select(["data", "a"], q.var("d")))
    third = q.query(q.lambda_("d", q.select([2, 0], names, "none")))
    source = {"collection": collection, "fields": {"third": third}}
    db.query(
        q.create_index({"name": "whole", "source": collection, "terms": [field("data", "a", mva=False)]})
    )
    db.query(q.create_index({"name": "bound", "source": source, "terms": [{"binding": "third"}]}))
    repeats = q.to_object([["x", 1], ["x", 2], ["y", [q.to_object([["z", 1], ["z", 2]])]]])
    stored = {"x": 1, "y": [{"z": 1}]}
    counts = [q.count(q.match(q.index("whole"), stored)), q.count(q.match(q.index("bound"), "none"))]
    for write in (q.create, q.update, q.replace):
        assert db.query(q.select("data", write(DOC, {"data": {"a": repeats}}))) == {"a": stored}
        assert db.query(counts) == [1, 1]
    db.query(q.delete(DOC))
    assert db.query(counts) == [0, 0]
    assert list(problems(db.engine.store)) == []


def write(db, steps, lives):
    """Several writes in one query, without those that cannot be done. Returns whether the document is there afterwards."""
    written = []
    for form, data in steps:
        if (form == "create") is lives:
            form = "replace" if lives else "create"
        written.append(q.delete(DOC) if form == "delete" else FORMS[form](DOC, {"data": data}))
        lives = form != "delete"
    response = db.raw(q.do(*written))
    assert response.status in (200, 201), response.body
    return lives


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(QUERIES)
@example([[("create", {"c": 0.0, "b": 1})], [("update", {"c": -0.0})], [("replace", {"c": 0.0, "b": 1.0})]])
def test_updates_keep_every_kind_of_index_as_if_it_were_built(queries):
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        with history_from_1970():
            db.query(q.create_collection({"name": "c", "history_days": None}))
        definitions = [{"source": q.collection("c"), **each} for each in INDEXES.values()]
        db.query([q.create_index({"name": name, **each}) for name, each in zip(INDEXES, definitions)])
        lives = False
        for steps in queries:
            lives = write(db, steps, lives)
        with engine.store.snapshot() as snap:
            rows = [row for batch in snap.export("version") for row in batch if row[2] == 1 and row[6]]
        assert [row[6] for row in rows] == [
            codec.encode_fields(codec.decode_fields(row[6], 0), 0, 0) for row in rows
        ]
        db.query(
            [q.create_index({"name": f"{name}_built", **each}) for name, each in zip(INDEXES, definitions)]
        )
        ids = range(32768, 32768 + len(INDEXES))
        for name, kept, built in zip(INDEXES, ids, range(32768 + len(INDEXES), 32768 + 2 * len(INDEXES))):
            assert entries_of(engine, kept) == entries_of(engine, built), name
        assert engine.store.check() == []


def entries_of(engine, index):
    """All entries of an index as they are stored: those that are alive, and those that have ended."""
    with engine.store.snapshot() as snap:
        return [
            sorted((row[2:] for batch in snap.export(table) for row in batch if row[1] == index), key=str)
            for table in ("entry", "past_entry")
        ]
