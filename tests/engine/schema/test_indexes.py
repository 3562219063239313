"""Index documents: fields, failures, building (writes and schema, "Indexes")."""

from __future__ import annotations

import functools
import json
import threading

import pytest

from faunadb import query as q
from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database, filled_once, history_from_1970
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required

SPELLS = {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}}
NOTES = {"@ref": {"id": "notes", "collection": {"@ref": {"id": "collections"}}}}

PURE = q.query(q.lambda_("d", q.select(["data", "x"], q.var("d"))))
READS = q.query(q.lambda_("d", q.get(q.select("ref", q.var("d")))))
CALLS = q.query(q.lambda_("d", q.call("f", q.var("d"))))
BINARY = q.query(q.lambda_(["a", "b"], q.var("a")))


@pytest.fixture
@filled_once
def two(db):
    for name in ("spells", "notes"):
        db.query(q.create_collection({"name": name}))
    return db


def spells():
    return q.collection("spells")


def notes():
    return q.collection("notes")


@pytest.mark.parametrize(
    ("params", "stored"),
    [
        (
            {"name": "i", "source": spells()},
            {"active": True, "serialized": True, "name": "i", "source": SPELLS, "partitions": 8},
        ),
        (
            {"source": spells(), "terms": [{"field": ["data", "a"], "foo": 1}], "name": "i"},
            {
                "active": True,
                "serialized": True,
                "source": SPELLS,
                "terms": [{"field": ["data", "a"]}],
                "name": "i",
                "partitions": 1,
            },
        ),
        (
            {"name": "i", "source": spells(), "terms": {"field": "ref"}, "unique": True, "serialized": False},
            {
                "active": True,
                "serialized": False,
                "name": "i",
                "source": SPELLS,
                "terms": {"field": "ref"},
                "unique": True,
                "partitions": 1,
            },
        ),
        (
            {"name": "i", "source": {"class": spells()}, "terms": [{"field": ["class"]}]},
            {
                "active": True,
                "serialized": True,
                "name": "i",
                "source": {"collection": SPELLS},
                "terms": [{"field": ["class"]}],
                "partitions": 8,
            },
        ),
        (
            {"name": "i", "source": {"collection": [spells(), notes()]}, "partitions": 3, "data": {"a": 1}},
            {
                "active": True,
                "serialized": True,
                "name": "i",
                "source": {"collection": [SPELLS, NOTES]},
                "partitions": 3,
                "data": {"a": 1},
            },
        ),
        (
            {
                "name": "i",
                "source": spells(),
                "values": [
                    {"field": ["data", 0, "x"], "reverse": True, "mva": False, "transform": "casefold"}
                ],
            },
            {
                "active": True,
                "serialized": True,
                "name": "i",
                "source": SPELLS,
                "values": [
                    {"field": ["data", 0, "x"], "reverse": True, "mva": False, "transform": "casefold"}
                ],
                "partitions": 8,
            },
        ),
        (
            {"name": "i", "source": q.tokens(), "terms": []},
            {
                "active": True,
                "serialized": True,
                "name": "i",
                "source": {"@ref": {"id": "tokens"}},
                "terms": [],
                "partitions": 8,
            },
        ),
    ],
)
def test_create(two, params, stored):
    status, body = two.body(q.create_index(params))
    assert status == 201, body
    made = body["resource"]
    assert list(made) == ["ref", "ts", *stored]
    assert {key: made[key] for key in stored} == stored
    assert two.wire(q.get(q.index("i"))) == made


MULTIPLE = (["source"], "multiple bindings", "A collection ref may only match one binding.")
MIXED = (
    ["source"],
    "mixed wildcards",
    "Cannot mix collection refs and wildcards without providing bindings.",
)
ONE_OF = (["field"], "value required", "Must provide one of the following: field, binding")


def impure(entry, place, name):
    field = ["source", str(entry), "fields", str(place), name]
    return field, "invalid binding", "Field binding must be a pure unary function."


def unused(entry, place, name):
    field = ["source", str(entry), "fields", str(place), name]
    return field, "unused binding", "Source binding is not used as a term or value."


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({}, [required("source")]),
        ({"source": 1}, [invalid_type(["source"], "Long", "SourceClass")]),
        ({"source": "x"}, [invalid_type(["source"], "String", "SourceClass")]),
        ({"source": q.ref(spells(), 1)}, [invalid_type(["source"], "Ref", "SourceClass")]),
        ({"source": [spells(), 5]}, [invalid_type(["source"], "Long", "SourceClass")]),
        ({"source": {}}, [required("class")]),
        ({"source": {"fields": {}}}, [required("class")]),
        ({"source": {"collection": 1}}, [required("class")]),
        ({"source": {"class": 1}}, [invalid_type(["class"], "Long", "SourceClass")]),
        ({"source": {"class": [spells(), "x"]}}, [invalid_type(["class"], "String", "Class Ref")]),
        ({"source": q.databases()}, [(["source"], "invalid reference", "Cannot read reference.")]),
        ({"source": [spells(), spells()]}, [MULTIPLE]),
        ({"source": {"collection": [spells(), spells()]}}, [MULTIPLE]),
        ({"source": [spells(), "_"]}, [MIXED]),
        ({"source": ["_", "_"]}, [MIXED]),
        (
            {"source": {"collection": spells(), "fields": {"x": READS}}, "terms": {"binding": "x"}},
            [impure(0, 0, "x")],
        ),
        (
            {"source": {"collection": spells(), "fields": {"x": CALLS}}, "terms": {"binding": "x"}},
            [impure(0, 0, "x")],
        ),
        (
            {"source": {"collection": spells(), "fields": {"x": BINARY}}, "terms": {"binding": "x"}},
            [impure(0, 0, "x")],
        ),
        (
            {"source": [notes(), {"collection": spells(), "fields": {"y": PURE, "x": PURE}}], "terms": {"binding": "y"}},
            [unused(1, 1, "x")],
        ),
        ({"source": spells(), "terms": {}}, [ONE_OF]),
        ({"source": spells(), "values": [{"reverse": True}]}, [ONE_OF]),
        ({"source": spells(), "terms": {"field": 1.5}}, [invalid_type(["field"], "Double", "Long or String")]),
        ({"source": spells(), "terms": {"field": ["a", True]}}, [invalid_type(["field"], "Boolean", "Long or String")]),
        ({"source": spells(), "terms": {"binding": 1}}, [invalid_type(["binding"], "Long", "String")]),
        ({"source": spells(), "terms": {"field": "a", "transform": 1}}, [invalid_type(["transform"], "Long", "String")]),
        ({"source": spells(), "values": {"field": "a", "reverse": 1}}, [invalid_type(["reverse"], "Long", "Boolean")]),
        ({"source": spells(), "values": {"field": "a", "mva": "x"}}, [invalid_type(["mva"], "String", "Boolean")]),
        (
            {"source": spells(), "values": {"field": "a", "transform": "upper"}},
            [(["transform"], "invalid value", "Invalid value `upper` at `transform`")],
        ),
        ({"source": spells(), "terms": 1}, [invalid_type(["terms"], "Long", "Term")]),
        ({"source": spells(), "values": ["x"]}, [invalid_type(["values"], "String", "Term")]),
        (
            {"source": spells(), "partitions": 9},
            [(["partitions"], "bounds error", "Value 9 is not in expected range 1 to 8.")],
        ),
        (
            {"source": spells(), "partitions": 0},
            [(["partitions"], "bounds error", "Value 0 is not in expected range 1 to 8.")],
        ),
        ({"source": spells(), "active": 1}, [invalid_type(["active"], "Long", "Boolean")]),
        ({"source": spells(), "unique": "x"}, [invalid_type(["unique"], "String", "Boolean")]),
        ({"source": spells(), "serialized": []}, [invalid_type(["serialized"], "Array", "Boolean")]),
    ],
)  # fmt: skip
def test_failures(two, params, failures):
    assert failures_of(two, q.create_index({"name": "i", **params})) == (["create_index"], failures)


def test_failures_come_together(two):
    params = {
        "name": 1,
        "partitions": 9,
        "source": {"collection": spells(), "fields": {"x": PURE}},
        "terms": {"field": 1.5},
        "unique": 1,
    }
    assert failures_of(two, q.create_index(params))[1] == [
        (["partitions"], "bounds error", "Value 9 is not in expected range 1 to 8."),
        unused(0, 0, "x"),
        invalid_type(["name"], "Long", "Name"),
        invalid_type(["field"], "Double", "Long or String"),
        invalid_type(["unique"], "Long", "Boolean"),
    ]


def test_bindings_may_mix_refs_and_wildcards(two):
    source = [{"collection": spells(), "fields": {"x": PURE}}, {"collection": "_"}]
    assert two.body(q.create_index({"name": "i", "source": source, "terms": {"binding": "x"}}))[0] == 201


# ---- update and replace ----


@pytest.fixture
@filled_once
def indexed(two):
    params = {
        "name": "i",
        "source": spells(),
        "terms": [{"field": ["data", "x"]}],
        "values": {"field": ["data", "y"]},
        "data": {"a": 1},
    }
    two.query(q.create_index(params))
    return two


def test_what_may_be_updated(indexed):
    params = {"serialized": False, "unique": True, "data": {"b": 2}, "partitions": 1, "foo": 1}
    updated = indexed.wire(q.update(q.index("i"), params))
    assert updated["serialized"] is False
    assert updated["unique"] is True
    assert updated["data"] == {"a": 1, "b": 2}
    same = {"source": spells(), "terms": [{"field": ["data", "x"]}], "values": {"field": ["data", "y"]}}
    indexed.query(q.update(q.index("i"), same))


def test_active_stays(indexed):
    assert indexed.query(q.update(q.index("i"), {"active": False}))["active"] is True
    assert failures_of(indexed, q.update(q.index("i"), {"active": 1})) == (
        [],
        [invalid_type(["active"], "Long", "Boolean")],
    )


@pytest.mark.parametrize(
    "params",
    [
        {"source": notes()},
        {"source": [spells()]},
        {"source": None},
        {"terms": [{"field": ["data", "z"]}]},
        {"terms": {"field": ["data", "x"]}},
        {"values": [{"field": ["data", "y"]}]},
        {"values": None},
    ],
)
def test_what_may_not_be_updated(indexed, params):
    position, failures = failures_of(indexed, q.update(q.index("i"), params))
    assert position == []
    if params == {"source": None}:
        assert failures == [required("source")]
        return
    [(field, code, text)] = [failure for failure in failures if "partition" not in failure[2]]
    assert (field, code) == ([], "invalid index")
    assert text.startswith('Index sources, terms, and values may not be updated (Diff({ "')
    assert text.endswith(" }))")
    assert json.loads(text[text.index("{") : -2]).keys() == params.keys()


def test_what_was_to_be_updated_is_shown(indexed):
    given = {"terms": [{"field": ["data", "z"]}], "values": None, "serialized": False}
    ((_, _, text),) = failures_of(indexed, q.update(q.index("i"), given))[1]
    assert text == (
        "Index sources, terms, and values may not be updated"
        ' (Diff({ "terms" : [ { "field" : [ "data", "z" ] } ], "values" : null }))'
    )


def test_bindings_may_be_repeated_as_they_are(two):
    def given(step):
        fn = q.query(q.lambda_("d", q.add(q.select(["data", step], q.var("d")), q.select("k", {"k": 1}))))
        return {"collection": spells(), "fields": {"sum": fn}}

    terms = [{"binding": "sum"}]
    made = two.wire(q.create_index({"name": "i", "source": given("x"), "terms": terms}))
    for again in (
        q.update(q.index("i"), {"source": given("x")}),
        q.replace(q.index("i"), {"source": given("x"), "terms": terms, "active": True}),
        q.replace(
            q.index("i"),
            {"source": q.select("source", q.get(q.index("i"))), "terms": terms, "active": True},
        ),
    ):
        assert two.wire(again)["source"] == made["source"]
    position, failures = failures_of(two, q.update(q.index("i"), {"source": given("y")}))
    assert (position, [code for _, code, _ in failures]) == ([], ["invalid index"])
    two.query(q.create(spells(), {"data": {"x": 4}}))
    assert two.query(q.count(q.match(q.index("i"), 5))) == 1


def test_partitions_may_not_change(two):
    two.query(q.create_index({"name": "i", "source": spells(), "terms": {"field": "x"}}))
    two.query(q.create_index({"name": "wide", "source": spells()}))
    change = ([], "invalid index", "Index partition count may not be updated (1 -> 2).")
    assert failures_of(two, q.update(q.index("i"), {"partitions": 2})) == ([], [change])
    change = ([], "invalid index", "Index partition count may not be updated (8 -> 1).")
    assert failures_of(two, q.update(q.index("wide"), {"unique": True})) == ([], [change])


def test_replace_needs_source_and_active(indexed):
    indexed.query(q.update(q.index("i"), {"unique": True, "serialized": False}))
    same = {"source": spells(), "terms": [{"field": ["data", "x"]}], "values": {"field": ["data", "y"]}}
    replaced = indexed.wire(q.replace(q.index("i"), {**same, "active": False}))
    assert replaced["name"] == "i"
    assert replaced["unique"] is True
    assert replaced["active"] is True
    assert "data" not in replaced
    assert failures_of(indexed, q.replace(q.index("i"), same))[1] == [required("active")]
    given = {"terms": 1, "name": 2}
    assert failures_of(indexed, q.replace(q.index("i"), given))[1] == [
        required("source"),
        required("active"),
        invalid_type(["name"], "Long", "Name"),
        invalid_type(["terms"], "Long", "Term"),
    ]


def test_failures_come_in_the_order_of_fields(two):
    given = {"unique": 1, "serialized": 2, "values": 3, "terms": 4, "name": 5, "source": 6, "data": 7}
    names = ("data", "source", "name", "terms", "values", "unique", "serialized")
    failures = failures_of(two, q.create_index({**given, "partitions": "x"}))[1]
    assert [field for field, _, _ in failures] == [[name] for name in (*names, "partitions")]
    first = failures_of(two, q.create_index({**given, "partitions": 9}))[1][0]
    assert first[:2] == (["partitions"], "bounds error")


def test_partitions_of_a_wrong_type_are_ignored(two):
    """Where the index has a source; so a name that is taken is told."""
    given = {"name": "i", "source": spells(), "partitions": "x"}
    assert two.wire(q.create_index(given))["partitions"] == 8
    assert two.error(q.create_index(given))["code"] == "instance already exists"


def test_an_index_without_sources_is_never_active(two):
    for name, source in (("i", []), ("j", {"collection": []})):
        assert two.wire(q.create_index({"name": name, "source": source}))["active"] is False
        assert two.engine.background.wait(10)
        assert two.wire(q.get(q.index(name)))["active"] is False


# ---- building ----


def fill(db, count, collection="spells"):
    db.query([q.create(q.ref(q.collection(collection), n), {"data": {"x": n % 3}}) for n in range(count)])


def count(db, name, *terms):
    return db.query(q.count(q.match(q.index(name), *terms)))


def test_small_collections_are_indexed_at_once(two):
    fill(two, 128)
    made = two.query(q.create_index({"name": "i", "source": spells(), "terms": {"field": ["data", "x"]}}))
    assert made["active"] is True
    assert count(two, "i", 0) == 43


def test_large_collections_are_indexed_behind(two):
    fill(two, 129)
    made = two.query(q.create_index({"name": "i", "source": spells(), "terms": {"field": ["data", "x"]}}))
    assert made["active"] is False
    assert two.engine.background.wait(20)
    assert two.query(q.get(q.index("i")))["active"] is True
    assert count(two, "i", 0) == 43
    assert two.engine.store.check() == []


def test_several_sources_are_indexed_behind(two):
    fill(two, 3)
    fill(two, 3, "notes")
    made = two.query(q.create_index({"name": "i", "source": [spells(), notes()]}))
    assert made["active"] is False
    assert two.engine.background.wait(20)
    assert count(two, "i") == 6


def test_inactive_indexes_may_be_read_on_demand(two):
    fill(two, 129)
    made = two.query(q.create_index({"name": "i", "source": spells(), "active": True}))
    assert made["active"] is True
    two.engine.background.wait(20)
    assert count(two, "i") == 129


def test_writes_while_an_index_is_built(two):
    fill(two, 200)
    two.engine.background.submit(lambda: None)
    two.query(q.create_index({"name": "i", "source": spells(), "values": {"field": ["data", "x"]}}))
    for number in range(0, 200, 20):
        two.query(q.update(q.ref(spells(), number), {"data": {"x": "changed"}}))
    two.query(q.delete(q.ref(spells(), 7)))
    assert two.engine.background.wait(20)
    page = two.query(q.paginate(q.match(q.index("i")), size=1000))["data"]
    assert len(page) == 199
    assert page.count("changed") == 10
    assert two.engine.store.check() == []


def test_the_past_is_indexed_too(db):
    with history_from_1970():
        db.query(q.create_collection({"name": "spells", "history_days": None}))
    ref = q.ref(spells(), 1)
    db.query(q.insert(ref, 1000, "create", {"data": {"x": 1}}))
    db.query(q.insert(ref, 2000, "create", {"data": {"x": 2}}))
    db.query(q.insert(ref, 3000, "delete", {}))
    db.query(q.create_index({"name": "i", "source": spells(), "terms": {"field": ["data", "x"]}}))
    counts = [
        [db.query(q.at(t, q.count(q.match(q.index("i"), x)))) for t in (999, 1500, 2500, 3500)]
        for x in (1, 2)
    ]
    assert counts == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_deleted_indexes_are_gone(indexed):
    fill(indexed, 5)
    indexed.query(q.delete(q.index("i")))
    assert error_of(indexed, q.paginate(q.match(q.index("i"), 1)))[1] == "invalid ref"
    assert indexed.engine.background.wait(20)
    with indexed.engine.store.snapshot() as snap:
        assert snap.setting("tasks") == "[]"


# ---- uniqueness ----

NOT_UNIQUE = "document is not unique."


@pytest.fixture
def unique(two):
    two.query(
        q.create_index({"name": "u", "source": spells(), "terms": [{"field": ["data", "a"]}], "unique": True})
    )
    two.query(
        q.create_index(
            {
                "name": "v",
                "source": spells(),
                "terms": [{"field": ["data", "b"]}],
                "values": [{"field": ["data", "c"], "reverse": True}],
                "unique": True,
            }
        )
    )
    return two


def make(number, data):
    return q.create(q.ref(spells(), number), {"data": data})


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": [1, 2]}, {"a": [2, 3]}, True),
        ({}, {}, False),
        ({"b": 1, "c": 1}, {"b": 1, "c": 2}, False),
        ({"b": 1, "c": 1}, {"b": 1, "c": 1}, True),
        ({"b": 1, "c": [1, 2]}, {"b": 1, "c": [2, 5]}, True),
        ({"b": 1}, {"b": 1}, False),
    ],
)
def test_uniqueness(unique, first, second, refused):
    unique.query(make(1, first))
    status, body = unique.body(make(2, second))
    assert (status != 201) is refused
    if refused:
        assert body["errors"] == [
            {"position": ["create"], "code": "instance not unique", "description": NOT_UNIQUE}
        ]
        unique.query(make(2, {}))
        assert error_of(unique, q.update(q.ref(spells(), 2), {"data": second}))[0] == []
        assert error_of(unique, q.replace(q.ref(spells(), 2), {"data": second}))[1] == "instance not unique"
    unique.query(q.update(q.ref(spells(), 1), {"data": first}))


def test_swapping_owners_in_one_query(unique):
    unique.query(make(1, {"a": 1}))
    unique.query(q.do(q.delete(q.ref(spells(), 1)), make(2, {"a": 1})))
    unique.query(q.do(q.update(q.ref(spells(), 2), {"data": {"a": 2}}), make(1, {"a": 1})))
    assert error_of(unique, q.do(make(3, {"a": 3}), make(4, {"a": 3})))[0] == ["do", 1, "create"]


def test_expired_documents_do_not_hold_values(unique):
    unique.query(q.create(q.ref(spells(), 1), {"data": {"a": 1}, "ttl": q.time("2020-01-01T00:00:00Z")}))
    assert unique.body(make(2, {"a": 1}))[0] == 201


def test_insert_ignores_uniqueness(unique):
    unique.query(make(1, {"a": 1}))
    unique.query(q.insert(q.ref(spells(), 2), 1000, "create", {"data": {"a": 1}}))


# ---- in step with documents ----


def elements(db, at=None):
    read = q.paginate(q.match(q.index("x")), size=1000)
    return db.query(read if at is None else q.at(at, read))["data"]


def test_entries_follow_writes(two):
    two.query(q.create_index({"name": "x", "source": spells(), "values": [{"field": ["data", "x"]}]}))
    ref = q.ref(spells(), 1)
    two.query(q.create(ref, {"data": {"x": [1, 2]}}))
    assert elements(two) == [1, 2]
    two.query(q.update(ref, {"data": {"x": [2, 3]}}))
    assert elements(two) == [2, 3]
    seen = q.do(q.update(ref, {"data": {"x": 9}}), q.select("data", q.paginate(q.match(q.index("x")))))
    assert two.query(seen) == [9]
    two.query(q.replace(ref, {"data": {}}))
    assert elements(two) == []
    two.query(q.do(q.update(ref, {"data": {"x": 5}}), q.delete(ref)))
    assert elements(two) == []
    assert two.engine.store.check() == []


def test_only_net_changes_of_entries_are_recorded(two):
    two.query(q.create_index({"name": "x", "source": spells(), "values": [{"field": ["data", "x"]}]}))
    ref = q.ref(spells(), 1)
    made = two.query(q.create(ref, {"data": {"x": 1}}))
    two.query(q.do(q.update(ref, {"data": {"x": 2}}), q.update(ref, {"data": {"x": 1}})))
    two.query(q.update(ref, {"ttl": q.time("2999-01-01T00:00:00Z")}))
    events = two.query(q.paginate(q.events(q.match(q.index("x")))))["data"]
    assert [(each["ts"], each["action"], each["data"]) for each in events] == [(made["ts"], "add", [1])]


def test_history_writes_move_entries(db):
    with history_from_1970():
        db.query(q.create_collection({"name": "spells", "history_days": None}))
    db.query(q.create_index({"name": "x", "source": spells(), "values": [{"field": ["data", "x"]}]}))
    ref = q.ref(spells(), 1)
    for ts, x in ((1000, 1), (2000, 1), (3000, 2)):
        db.query(q.insert(ref, ts, "create", {"data": {"x": x}}))
    assert [elements(db, at) for at in (999, 1000, 2500, 3000)] == [[], [1], [1], [2]]
    db.query(q.insert(ref, 1500, "create", {"data": {"x": 7}}))
    assert [elements(db, at) for at in (1499, 1500, 1999, 2000)] == [[1], [7], [7], [1]]
    db.query(q.insert(ref, 1700, "delete", {}))
    assert [elements(db, at) for at in (1699, 1700, 1999, 2000)] == [[7], [], [], [1]]
    db.query(q.remove(ref, 1700, "delete"))
    db.query(q.remove(ref, 1500, "update"))
    assert [elements(db, at) for at in (999, 1000, 1600, 2500)] == [[], [1], [1], [1]]
    db.query(q.remove(ref, 3000, "create"))
    assert elements(db) == [1]
    assert db.engine.store.check() == []


# ---- races ----


def run_at_once(*works):
    """Run each work in a thread of its own, all let go at the same moment; returns their results."""
    results = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(number, work):
        gate.wait(10)
        results[number] = work()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.parametrize("place", ["sqlite://", "file"])
def test_one_of_two_writers_gets_a_unique_value(place, tmp_path):
    url = place if place == "sqlite://" else f"sqlite:///{tmp_path}/x.db"
    with open_engine(url) as engine:
        db = Database(engine)
        db.query(q.create_collection({"name": "spells"}))
        db.query(
            q.create_index(
                {"name": "u", "source": spells(), "terms": {"field": ["data", "a"]}, "unique": True}
            )
        )
        for value in range(20):
            create = functools.partial(db.raw, q.create(spells(), {"data": {"a": value}}))
            answers = run_at_once(create, create, create)
            assert sorted(answer.status for answer in answers) == [201, 400, 400]
        assert count(db, "u", 3) == 1
        assert engine.store.check() == []


def test_schema_and_documents_are_written_at_once(tmp_path):
    with open_engine(f"sqlite:///{tmp_path}/x.db") as engine:
        db = Database(engine)
        db.query(q.create_collection({"name": "spells"}))

        def schema():
            for number in range(15):
                db.query(q.create_collection({"name": f"c{number}"}))
                db.query(
                    q.create_index(
                        {"name": f"i{number}", "source": spells(), "terms": {"field": ["data", "x"]}}
                    )
                )

        def documents():
            for number in range(60):
                db.query(q.create(spells(), {"data": {"x": number % 5}}))

        run_at_once(schema, documents, documents)
        assert engine.background.wait(30)
        assert db.query(q.count(q.documents(spells()))) == 120
        assert {count(db, f"i{number}", 1) for number in range(15)} == {24}
        assert engine.store.check() == []
