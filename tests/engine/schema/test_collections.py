"""Collections (writes and schema, "Collections")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.engine.background import sweeping
from tests.engine.schema.checks import error_of, failures_of, invalid_type

NEGATIVE = (["history_days"], "non-negative value required", "Value must be non-negative.")


@pytest.mark.parametrize(
    ("params", "stored"),
    [
        ({"name": "x"}, {"history_days": 0, "name": "x"}),
        ({"name": "x", "history_days": 30}, {"history_days": 30, "name": "x"}),
        ({"name": "x", "history_days": None}, {"name": "x"}),
        ({"name": "x", "ttl_days": -3}, {"history_days": 0, "name": "x", "ttl_days": -3}),
        ({"data": {"a": None, "b": 1}, "name": "x"}, {"history_days": 0, "data": {"b": 1}, "name": "x"}),
        ({"name": "x", "data": {}}, {"history_days": 0, "name": "x"}),
        ({"name": "x", "permissions": {"create": "public"}, "foo": 1}, {"history_days": 0, "name": "x"}),
    ],
)
def test_create(db, params, stored):
    status, body = db.body(q.create_collection(params))
    assert status == 201
    made = body["resource"]
    assert list(made) == ["ref", "ts", *stored]
    assert {key: made[key] for key in stored} == stored
    assert db.wire(q.get(q.collection("x"))) == made


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"history_days": -1}, [NEGATIVE]),
        ({"history_days": "1"}, [invalid_type(["history_days"], "String", "Long")]),
        ({"history_days": 1.0}, [invalid_type(["history_days"], "Double", "Long")]),
        ({"ttl_days": True}, [invalid_type(["ttl_days"], "Boolean", "Long")]),
        ({"data": 1}, [invalid_type(["data"], "Long", "Map")]),
        (
            {"name": 1, "history_days": -1, "ttl_days": "x", "data": []},
            [
                invalid_type(["data"], "Array", "Map"),
                NEGATIVE,
                invalid_type(["ttl_days"], "String", "Long"),
                invalid_type(["name"], "Long", "Name"),
            ],
        ),
    ],
)
def test_failures(db, params, failures):
    db.query(q.create_collection({"name": "there"}))
    assert failures_of(db, q.create_collection({"name": "x", **params})) == (["create_collection"], failures)
    assert failures_of(db, q.create(q.collections(), {"name": "x", **params})) == (["create"], failures)
    assert failures_of(db, q.update(q.collection("there"), params)) == ([], failures)


def test_replace_keeps_name_and_history_days(db):
    db.query(q.create_collection({"name": "x", "history_days": 5, "ttl_days": 3, "data": {"a": 1}}))
    made = db.wire(q.replace(q.collection("x"), {}))
    assert {key: made[key] for key in made if key not in ("ref", "ts")} == {"history_days": 5, "name": "x"}
    db.query(q.update(q.collection("x"), {"history_days": None}))
    assert "history_days" not in db.wire(q.replace(q.collection("x"), {}))


def test_longer_history_does_not_bring_back_the_past(db):
    db.query(q.create_collection({"name": "x"}))
    ref = q.ref(q.collection("x"), 1)
    db.query(q.insert(ref, 1000, "create", {"data": {"a": 1}}))
    before = db.error(q.get(ref, 500))
    db.query(q.update(q.collection("x"), {"history_days": None}))
    assert "min_valid_ts" not in db.wire(q.get(q.collection("x")))
    error = db.error(q.get(ref, 2000))
    assert (error["code"], before["code"]) == ("bad request", "bad request")
    assert error["description"].startswith("Requested timestamp 1970-01-01T00:00:00.002Z less than minimum")
    assert "position" not in error
    assert db.query(q.get(ref, q.time_subtract(q.now(), 1, "minute")))["data"] == {"a": 1}


@pytest.mark.parametrize("days", [None, 30])
def test_history_begins_a_quarter_of_an_hour_before_the_collection(db, days):
    made = db.query(q.create_collection({"name": "x", "history_days": days}))["ts"]
    ref, floor = q.ref(q.collection("x"), 1), made - 15 * 60 * 1_000_000
    for ts in (1000, 2000, floor):
        db.query(q.insert(ref, ts, "create", {"data": {"ts": ts}}))
    db.query(q.insert(q.ref(q.collection("x"), 2), 1000, "create", {"data": {"ts": 1000}}))
    assert db.query(q.select(["data", "ts"], q.get(ref, floor))) == floor
    assert db.query(q.select("ts", q.get(q.ref(q.collection("x"), 2)))) == 1000
    assert db.error(q.get(ref, floor - 1))["code"] == "bad request"
    events = [db.wire(q.paginate(q.events(q.ref(q.collection("x"), number))))["data"] for number in (1, 2)]
    assert [[(event["ts"], event["action"]) for event in each] for each in events] == [
        [(floor, "create")],
        [(1000, "create")],
    ]
    sweeping.sweep(db.engine)
    assert db.query(q.select("ts", q.get(q.ref(q.collection("x"), 2)))) == 1000


def test_the_floor_moves_with_the_history_kept(db):
    """Shorter history shows less; the beginning stays where it was."""
    made = db.query(q.create_collection({"name": "x"}))["ts"]
    db.query(q.update(q.collection("x"), {"history_days": None}))
    error = db.error(q.exists(q.ref(q.collection("x"), 1), made - 16 * 60 * 1_000_000))
    assert error["code"] == "bad request"
    assert db.query(q.exists(q.ref(q.collection("x"), 1), made - 14 * 60 * 1_000_000)) is False


EARLY = {"@ts": "2020-02-29T12:34:56.123456789Z"}


@pytest.mark.parametrize(
    "read",
    [
        {"get": {"ref": {"collection": "x"}, "id": 9}},
        {"exists": {"ref": {"collection": "x"}, "id": 9}},
        {"get": {"match": {"index": "i"}, "terms": "nothing"}},
        {"exists": {"documents": {"collection": "x"}}},
        {"exists": {"reverse": {"events": {"match": {"index": "i"}, "terms": 1}}}},
        {"paginate": {"ref": {"collection": "x"}, "id": 9}},
        {"paginate": {"singleton": {"ref": {"collection": "x"}, "id": 9}}},
        {"paginate": {"match": {"index": "i"}, "terms": "nothing"}, "size": -1},
        {"paginate": {"documents": {"collection": "x"}}},
        {"paginate": {"union": [{"documents": {"collection": "x"}}, {"keys": None}]}},
        {"at": EARLY, "expr": {"first": {"documents": {"collection": "x"}}}},
        {"at": EARLY, "expr": {"last": {"match": {"index": "i"}, "terms": 1}}},
        {"at": EARLY, "expr": {"count": {"match": {"index": "i"}, "terms": 1}}},
        {"at": EARLY, "expr": {"max": {"singleton": {"ref": {"collection": "x"}, "id": 9}}}},
        {"at": EARLY, "expr": {"is_empty": {"documents": {"collection": "x"}}}},
        {"at": EARLY, "expr": {"contains_value": 1, "in": {"match": {"index": "i"}, "terms": 1}}},
    ],
)
def test_every_read_before_history_begins_is_refused(db, read):
    """Also where nothing would be found; the requested time is shown with all its digits, and nothing else counts."""
    db.query(q.create_collection({"name": "x", "history_days": None}))
    db.query(q.create_index({"name": "i", "source": q.collection("x"), "terms": {"field": ["data", "a"]}}))
    query = read if "at" in read else {**read, "ts": EARLY}
    beside = {"merge": {"object": {"a": {"time": "noon"}}}, "with": {"object": {"b": query}}}
    for asked in (query, beside, [{"abort": "no"}, query]):
        status, (error,) = db.failure(asked)
        assert (status, error["code"]) == (400, "bad request")
        assert error["description"].startswith(
            "Requested timestamp 2020-02-29T12:34:56.123456789Z less than minimum allowed timestamp 20"
        )


@pytest.mark.parametrize(
    "name", ["collections", "roles", "databases", "functions", "indexes", "access_providers"]
)
def test_native_collections_have_history_from_1970(db, name):
    query = {"paginate": {name: None}}
    assert db.wire({**query, "ts": {"@ts": "1970-01-01T00:00:00Z"}}) == {"data": []}
    error = db.error({**query, "ts": {"@ts": "1969-12-31T23:59:59.999999Z"}})
    assert error["description"] == (
        "Requested timestamp 1969-12-31T23:59:59.999999Z less than minimum allowed timestamp 1970-01-01T00:00:00Z."
    )


EARLY_READ = {"get": {"collection": "x"}, "ts": {"@ts": "1969-01-01T00:00:00Z"}}


@pytest.mark.parametrize(
    ("first", "wins"),
    [
        ({"create_database": {"object": {"name": "d", "data": "b"}}}, True),
        ({"create": {"collection": "nowhere"}, "params": {"object": {"data": EARLY_READ}}}, True),
        ({"abort": "no"}, False),
        ({"get": {"collection": "nowhere"}}, False),
    ],
)
def test_fields_are_checked_when_all_is_evaluated(db, first, wins):
    """A read that is refused further on ends the query before a write's fields do, not before other errors."""
    db.query(q.create_collection({"name": "x"}))
    (error,) = db.failure({"do": [first, EARLY_READ]})[1]
    assert (error["code"] == "bad request") is wins


@pytest.mark.parametrize(
    ("rule", "code"),
    [({"query": {"lambda": "r", "expr": False}}, "bad request"), (False, "permission denied")],
)
def test_what_a_predicate_decides_on_is_read_beside(db, rule, code):
    db.query(q.create_collection({"name": "x"}))
    actions = {"object": {"read": rule, "history_read": rule}}
    privilege = {"object": {"resource": {"collection": "x"}, "actions": actions}}
    role = db.wire({"create_role": {"object": {"name": "r", "privileges": [privilege]}}})["ref"]
    key = db.as_(db.wire({"create_key": {"object": {"role": role}}})["secret"])
    ref = {"ref": {"collection": "x"}, "id": 1}
    for read in ({"get": ref}, {"paginate": ref}, {"paginate": {"singleton": ref}}):
        assert key.error({**read, "ts": EARLY})["code"] == code
        assert key.error(read)["code"] == "permission denied"


def test_deleting_takes_its_own_indexes(db):
    for name in ("a", "b"):
        db.query(q.create_collection({"name": name}))
    db.query(q.create_index({"name": "only_a", "source": q.collection("a")}))
    db.query(q.create_index({"name": "only_a_object", "source": {"collection": q.collection("a")}}))
    db.query(q.create_index({"name": "both", "source": [q.collection("a"), q.collection("b")]}))
    db.query(q.create_index({"name": "all", "source": "_"}))
    db.query(
        q.create_role({"name": "r", "privileges": {"resource": q.collection("a"), "actions": {"read": True}}})
    )
    db.engine.background.wait(10)
    document = db.query(q.create(q.collection("a"), {"data": {"x": 1}}))
    assert db.query(q.count(q.match(q.index("all")))) == 1
    db.query(q.delete(q.collection("a")))
    assert [db.query(q.exists(q.index(name))) for name in ("only_a", "only_a_object", "both", "all")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert db.query(q.exists(q.role("r"))) is True
    assert db.query(q.count(q.match(q.index("all")))) == 0
    assert db.engine.background.wait(10)
    assert db.engine.store.check() == []
    with db.engine.store.snapshot() as snap:
        assert [list(snap.history(0, number, b"")) for number in range(32768, 32772)] == [[], [], [], []]
    assert error_of(db, q.get(document["ref"]))[1:] == (
        "invalid ref",
        "Ref refers to undefined collection 'a'",
    )


def test_a_new_collection_of_the_same_name_is_empty(db):
    db.query(q.create_collection({"name": "a"}))
    ref = db.query(q.create(q.ref(q.collection("a"), 1), {}))["ref"]
    db.query(q.delete(q.collection("a")))
    db.query(q.create_collection({"name": "a"}))
    assert db.query(q.exists(ref)) is False
    assert db.query(q.count(q.documents(q.collection("a")))) == 0


def test_deleted_collections_are_cleared_away(db):
    db.query(q.create_collection({"name": "a"}))
    db.query(q.create_index({"name": "i", "source": q.collection("a"), "values": [{"field": ["data", "x"]}]}))
    coll = db.engine.store.snapshot()
    coll.close()
    for start in range(0, 300, 100):
        db.query(
            [q.create(q.collection("a"), {"data": {"x": number}}) for number in range(start, start + 100)]
        )
    db.query(q.delete(q.collection("a")))
    assert db.engine.background.wait(20)
    with db.engine.store.snapshot() as snap:
        assert snap.count_versions(0, 1024, 10) == 0
        assert list(snap.entries(0, 1024, b"")) == []
        assert list(snap.entries(0, 32768, b"")) == []
    assert db.engine.store.check() == []


@pytest.mark.parametrize("native", ["keys", "tokens", "credentials"])
@pytest.mark.parametrize(
    "make", [lambda name: {"paginate": {name: None}}, lambda name: {"exists": {name: None}}]
)
def test_keys_tokens_and_credentials_have_no_distant_past(db, native, make):
    expression = {"at": 2000, "expr": make(native)}
    status, body = db.body(expression)
    (error,) = body["errors"]
    assert (status, error["code"], "position" in error) == (400, "bad request", False)
    assert error["description"].startswith("Requested timestamp 1970-01-01T00:00:00.002Z less than minimum")


@pytest.mark.parametrize("native", ["collections", "indexes", "functions", "databases"])
def test_schema_has_a_history_without_end(db, native):
    assert db.query(q.at(2000, q.paginate(getattr(q, native)()))) == {"data": []}
