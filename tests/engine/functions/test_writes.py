"""The write forms: arguments, order of checks, results, merging (writes and schema, part 1)."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.objects import FaunaTime, Ref
from tests.engine.conftest import filled_once, history_from_1970
from tests.engine.schema.checks import error_of, failures_of

SPELLS = {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}}


def spell(number):
    return q.ref(q.collection("spells"), number)


@pytest.fixture
@filled_once
def spells(db):
    """The database with a collection `spells`, which has history from 1970 on."""
    with history_from_1970():
        db.query(q.create_collection({"name": "spells", "history_days": None}))
    return db


# ---- argument errors ----

UNDEFINED = "Ref refers to undefined {} '{}'"


@pytest.mark.parametrize(
    ("expression", "position", "code", "description"),
    [
        ({"create": 1}, ["create"], "invalid argument", "Identifier expected, Integer provided."),
        ({"create": None}, ["create"], "invalid argument", "Identifier expected, Null provided."),
        ({"create": "nope"}, ["create"], "invalid ref", UNDEFINED.format("collection", "nope")),
        ({"create": "collections"}, ["create"], "invalid ref", UNDEFINED.format("collection", "collections")),
        ({"create": q.collection("nope")}, ["create"], "invalid ref", UNDEFINED.format("collection", "nope")),
        ({"create": q.index("nope")}, ["create"], "invalid ref", UNDEFINED.format("index", "nope")),
        ({"update": 1.5}, ["update"], "invalid argument", "Ref expected, Double provided."),
        ({"replace": "x"}, ["replace"], "invalid argument", "Ref expected, String provided."),
        ({"delete": True}, ["delete"], "invalid argument", "Ref expected, Boolean provided."),
        ({"delete": q.role("nope")}, ["delete"], "invalid ref", UNDEFINED.format("role", "nope")),
        ({"update": q.function("nope")}, ["update"], "invalid ref", UNDEFINED.format("function", "nope")),
        ({"update": q.database("nope")}, ["update"], "invalid ref", UNDEFINED.format("database", "nope")),
        (
            {"insert": [], "ts": 1, "action": "create"},
            ["insert"],
            "invalid argument",
            "Ref expected, Array provided.",
        ),
        (
            {"remove": 1, "ts": 1, "action": "create"},
            ["remove"],
            "invalid argument",
            "Ref expected, Integer provided.",
        ),
        (
            {"create": q.collection("spells"), "params": None},
            ["params"],
            "invalid argument",
            "Object expected, Null provided.",
        ),
        (
            {"update": spell(1), "params": [1]},
            ["params"],
            "invalid argument",
            "Object expected, Array provided.",
        ),
        (
            {"create": q.collection("spells"), "params": q.create(q.collection("spells"), {})},
            ["params"],
            "invalid argument",
            "Object expected, Object provided.",
        ),
        (
            {"create_collection": "x"},
            ["create_collection"],
            "invalid argument",
            "Object expected, String provided.",
        ),
        ({"create_key": 1}, ["create_key"], "invalid argument", "Object expected, Integer provided."),
        (
            {"insert": spell(1), "ts": "x", "action": "create"},
            ["ts"],
            "invalid argument",
            "Time expected, String provided.",
        ),
        (
            {"remove": spell(1), "ts": None, "action": "create"},
            ["ts"],
            "invalid argument",
            "Time expected, Null provided.",
        ),
        (
            {"insert": spell(1), "ts": 1, "action": "add"},
            ["action"],
            "invalid argument",
            "String 'create', 'update', or 'delete' expected, String provided.",
        ),
        (
            {"remove": spell(1), "ts": 1, "action": 7},
            ["action"],
            "invalid argument",
            "String 'create', 'update', or 'delete' expected, Integer provided.",
        ),
        (
            {"insert": q.collection("spells"), "ts": 1, "action": "create"},
            [],
            "invalid argument",
            "Cannot insert event for specified ref.",
        ),
        (
            {"insert": q.ref(q.tokens(), 1), "ts": 1, "action": "create"},
            [],
            "invalid argument",
            "Cannot insert event for specified ref.",
        ),
        (
            {"remove": q.ref(q.keys(), 1), "ts": 1, "action": "create"},
            [],
            "invalid argument",
            "Cannot remove event for specified ref.",
        ),
        ({"update": q.collections()}, ["update"], "invalid argument", "Cannot update a schema meta collection."),
        ({"replace": q.keys()}, ["replace"], "invalid argument", "Cannot update a schema meta collection."),
        ({"delete": q.databases()}, [], "instance not found", "Collection not found."),
        ({"update": spell(9)}, ["update"], "instance not found", "Document not found."),
        ({"replace": spell(9)}, ["replace"], "instance not found", "Document not found."),
        ({"delete": spell(9)}, [], "instance not found", "Document not found."),
        ({"update": q.ref(q.keys(), 9)}, ["update"], "instance not found", "Key not found."),
        ({"delete": q.ref(q.tokens(), 9)}, [], "instance not found", "Token not found."),
        ({"delete": q.ref(q.credentials(), 9)}, [], "instance not found", "Credentials not found."),
        ({"new_id": 1}, ["new_id"], "invalid argument", "Null expected, Integer provided."),
        ({"move_database": 1, "to": 2}, ["move_database"], "invalid argument", "Database Ref expected, Integer provided."),
    ],
)  # fmt: skip
def test_argument_errors(spells, expression, position, code, description):
    assert error_of(spells, expression) == (position, code, description)


def test_the_first_bad_argument_is_reported_alone(spells):
    expression = {"insert": 1, "ts": "x", "action": 1, "params": 2}
    assert error_of(spells, expression) == (["insert"], "invalid argument", "Ref expected, Integer provided.")


@pytest.mark.parametrize(
    "make",
    [
        lambda ref, child: ({"create": child}, ["create"]),
        lambda ref, child: ({"create": ref}, ["create"]),
        lambda ref, child: ({"update": ref}, ["update"]),
        lambda ref, child: ({"replace": ref}, ["replace"]),
        lambda ref, child: ({"delete": ref}, ["delete"]),
        lambda ref, child: ({"insert": ref, "ts": 1, "action": "create"}, ["insert"]),
        lambda ref, child: ({"remove": ref, "ts": 1, "action": "create"}, ["remove"]),
    ],
)
def test_refs_of_other_databases_are_not_written(db, make):
    db.query(q.create_database({"name": "child"}))
    db.as_("secret:child:admin").query(q.create_collection({"name": "inner"}))
    child = q.collection("inner", q.database("child"))
    expression, position = make(q.ref(child, 1), child)
    assert error_of(db, expression) == (position, "invalid argument", "Cannot write a scoped ref.")


@pytest.mark.parametrize(
    "expression",
    [
        {"create": q.collection("spells")},
        {"create_collection": {"object": {"name": "x"}}},
        {"update": spell(1)},
        {"delete": spell(1)},
        {"insert": spell(1), "ts": 1, "action": "create"},
        {"remove": spell(1), "ts": 1, "action": "create"},
        {"new_id": None},
        {"next_id": None},
    ],
)
def test_get_requests_may_not_write(spells, expression):
    import json

    from faunadb import _json

    response = spells.send("GET", "/", query="q=" + _json.to_json(expression))
    assert response.status == 400
    assert json.loads(response.body)["errors"] == [
        {
            "position": [],
            "code": "invalid expression",
            "description": "Call performs a write, which is not allowed in get requests.",
        }
    ]


# ---- refs in params ----


def test_refs_in_params_are_checked_together(spells):
    spells.query(q.create_database({"name": "child"}))
    spells.as_("secret:child:admin").query(q.create_collection({"name": "inner"}))
    inner = q.ref(q.collection("inner", q.database("child")), 1)
    params = {
        "data": {
            "bar": q.collection("nope"),
            "deep": [1, {"x": q.ref(q.collection("gone"), 1)}],
            "out": inner,
        }
    }
    position, failures = failures_of(spells, q.create(q.collection("spells"), params))
    assert position == []
    assert failures == [
        (["data", "bar"], "invalid reference", "Cannot read reference."),
        (["data", "deep", "1", "x"], "invalid reference", "Cannot read reference."),
        (["data", "out"], "invalid reference", "Reference cannot be scoped."),
    ]


@pytest.mark.parametrize("form", ["create", "create_collection"])
def test_ref_failures_are_placed_in_the_query(spells, form):
    bad = {"object": {"data": {"object": {"x": q.collection("nope")}}, "name": "x"}}
    call = (
        {"create": q.collection("spells"), "params": bad} if form == "create" else {"create_collection": bad}
    )
    position, failures = failures_of(spells, [1, call])
    assert position == [1]
    assert failures == [(["1", "data", "x"], "invalid reference", "Cannot read reference.")]


def test_refs_to_missing_documents_may_be_stored(spells):
    made = spells.query(q.create(q.collection("spells"), {"data": {"x": spell(1237)}}))
    assert made["data"]["x"] == Ref("1237", Ref("spells", Ref("collections")))


# ---- ids ----


def test_ids_are_normalised(spells):
    made = spells.query(q.create(spell("007"), {}))
    assert made["ref"] == Ref("7", Ref("spells", Ref("collections")))


def test_negative_ids(spells):
    spells.query(q.create(spell(-5), {"data": {"x": 1}}))
    assert spells.query(q.get(spell("-5")))["data"] == {"x": 1}


def test_allotted_ids_ascend(spells):
    made = spells.query([q.create(q.collection("spells"), {}) for _ in range(50)])
    ids = [int(each["ref"].id()) for each in made]
    assert ids == sorted(set(ids))


def test_new_ids_ascend(db):
    ids = [int(each) for each in db.query([q.new_id() for _ in range(20)] + [q.next_id()])]
    assert ids == sorted(set(ids))


def test_live_ids_are_taken(spells):
    spells.query(q.create(spell(1), {}))
    expected = (["create"], "instance already exists", "Document already exists.")
    assert error_of(spells, q.create(spell(1), {})) == expected
    assert error_of(spells, q.do(q.create(spell(2), {}), q.create(spell(2), {})))[0] == ["do", 1, "create"]


def test_deleted_ids_are_free(spells):
    spells.query(q.create(spell(1), {"data": {"x": 1}}))
    made = spells.query(q.do(q.delete(spell(1)), q.create(spell(1), {"data": {"y": 2}})))
    assert made["data"] == {"y": 2}
    assert spells.query(q.get(spell(1)))["data"] == {"y": 2}


# ---- params ----


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        ({"data": 1}, [(["data"], "invalid type", "Invalid type Long, expected type Map.")]),
        ({"data": [1]}, [(["data"], "invalid type", "Invalid type Array, expected type Map.")]),
        ({"data": "x"}, [(["data"], "invalid type", "Invalid type String, expected type Map.")]),
        ({"ttl": 5}, [(["ttl"], "invalid type", "Invalid type Long, expected type Timestamp.")]),
        ({"ttl": 5.5}, [(["ttl"], "invalid type", "Invalid type Double, expected type Timestamp.")]),
        ({"ttl": q.date("2020-01-01")}, [(["ttl"], "invalid type", "Invalid type Date, expected type Timestamp.")]),
        ({"constraints": True}, [(["constraints"], "invalid type", "Invalid type Boolean, expected type Map.")]),
        (
            {"ttl": "x", "data": spell(1)},
            [
                (["data"], "invalid type", "Invalid type Ref, expected type Map."),
                (["ttl"], "invalid type", "Invalid type String, expected type Timestamp."),
            ],
        ),
        (
            {"data": 1, "credentials": 1},
            [
                (["credentials", "password"], "invalid type", "Invalid type Long, expected type Map."),
                (["credentials", "current_password"], "invalid type", "Invalid type Long, expected type Map."),
                (["data"], "invalid type", "Invalid type Long, expected type Map."),
            ],
        ),
        (
            {"credentials": {"password": "x", "current_password": 1}},
            [(["credentials", "current_password"], "invalid type", "Invalid type Long, expected type String.")],
        ),
        (
            {"credentials": {"password": 1}},
            [(["credentials", "password"], "invalid type", "Invalid type Long, expected type String.")],
        ),
        ({"data": q.query(q.lambda_("x", 1))}, [(["data"], "invalid type", "Invalid type Query, expected type Map.")]),
    ],
)  # fmt: skip
def test_types_of_params(spells, params, failures):
    spells.query(q.create(spell(1), {}))
    assert failures_of(spells, q.create(q.collection("spells"), params)) == (["create"], failures)
    assert failures_of(spells, q.update(spell(1), params)) == ([], failures)
    assert failures_of(spells, q.replace(spell(1), params)) == ([], failures)
    if "credentials" not in params:
        assert failures_of(spells, q.insert(spell(1), 1000, "create", params)) == ([], failures)


def test_unknown_fields_are_dropped(spells):
    params = {"delegates": 1, "permissions": "x", "ref": 5, "ts": "y", "class": 1, "data": {"x": 1}}
    made = spells.wire(q.create(q.collection("spells"), params))
    assert list(made) == ["ref", "ts", "data"]


def test_result_shape_and_status(spells):
    status, body = spells.body(q.create(spell(1), {"data": {"@x": 1}}))
    assert status == 201
    made = body["resource"]
    assert list(made) == ["ref", "ts", "data"]
    assert made["ref"] == {"@ref": {"id": "1", "collection": SPELLS}}
    assert made["data"] == {"@obj": {"@x": 1}}
    assert spells.body([q.create(spell(2), {})])[0] == 200
    assert spells.body(q.update(spell(1), {}))[0] == 200
    assert spells.body(q.delete(spell(1)))[0] == 200


def test_first_duplicate_key_wins(spells):
    body = '{"create":{"collection":"spells"},"params":{"object":{"data":{"object":{"a":1,"a":2}}}}}'
    assert spells.wire(body)["data"] == {"a": 1}


def test_stored_values_come_back(spells):
    data = {
        "int": 2**62,
        "double": 1.5,
        "nan": q.to_double("NaN"),
        "time": FaunaTime("2020-01-01T00:00:00.123456789Z"),
        "date": q.date("2020-02-03"),
        "bytes": b"\x00\x01",
        "nested": {"a": [{"b": []}, {}]},
        "fn": q.query(q.lambda_(["x", "_"], q.var("x"))),
        "ref": q.collection("spells"),
        "false": False,
        "": "empty key",
    }
    spells.wire(q.create(spell(1), {"data": {key: value for key, value in data.items() if key != "nan"}}))
    stored = spells.wire(q.select("data", q.get(spell(1))))
    assert stored["int"] == 2**62
    assert stored["time"] == {"@ts": "2020-01-01T00:00:00.123456789Z"}
    assert stored["bytes"] == {"@bytes": "AAE="}
    assert stored["nested"] == {"a": [{"b": []}, {}]}
    assert stored["fn"] == {"@query": {"api_version": "4", "lambda": ["x", "_"], "expr": {"var": "x"}}}
    assert stored["ref"] == SPELLS
    assert stored[""] == "empty key"


def test_embedded_documents_become_objects(spells):
    spells.query(q.create(spell(1), {"data": {"x": 1}}))
    spells.query(q.create(spell(2), {"data": {"copy": q.get(spell(1))}}))
    copy = spells.wire(q.select(["data", "copy"], q.get(spell(2))))
    assert list(copy) == ["ref", "class", "collection", "ts", "data"]
    assert copy["collection"] == SPELLS
    assert copy["data"] == {"x": 1}
    assert spells.query(q.select(["data", "copy", "data", "x"], q.update(spell(2), {}))) == 1


def test_the_transaction_time_is_stored(spells):
    made = spells.query(
        q.let(
            {"doc": q.create(spell(1), {})},
            q.create(spell(2), {"data": {"t": q.select("ts", q.var("doc"))}}),
        )
    )
    stored = spells.query(q.get(spell(2)))
    assert stored["data"]["t"] == stored["ts"] == made["ts"]


def test_the_pending_time_is_no_number(spells):
    error = error_of(spells, q.add(1, q.select("ts", q.create(spell(1), {}))))
    assert error == (["add", 1], "invalid argument", "Number expected, Unresolved Transaction Time provided.")
    assert spells.query(
        q.equals(q.select("ts", q.create(spell(1), {})), q.select("ts", q.create(spell(2), {})))
    )


# ---- nulls and merging ----


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        ({"a": None}, None),
        ({}, None),
        ({"a": [1, None, 2]}, {"a": [1, 2]}),
        ({"a": [None]}, {"a": []}),
        ({"a": {"b": None}}, {"a": {}}),
        ({"a": [{"b": None, "c": 1}]}, {"a": [{"c": 1}]}),
        ({"a": [[None, [None]]]}, {"a": [[[]]]}),
    ],
)
def test_nulls_are_not_stored(spells, data, stored):
    for made in (spells.wire(q.create(spell(1), {"data": data})), spells.wire(q.get(spell(1)))):
        assert made.get("data") == stored
        assert ("data" in made) == (stored is not None)


@pytest.mark.parametrize(
    ("old", "patch", "new"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": None}, None),
        ({"a": 1}, {"a": {}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"a": 1}, {"z": None}, {"a": 1}),
        ({"a": 1}, {"z": [None, 1]}, {"a": 1, "z": [1]}),
    ],
)
def test_update_merges(spells, old, patch, new):
    spells.query(q.create(spell(1), {"data": old}))
    for made in (spells.wire(q.update(spell(1), {"data": patch})), spells.wire(q.get(spell(1)))):
        assert made.get("data") == new
        assert list(made.get("data") or {}) == list(new or {})


def test_update_of_nothing_moves_the_time(spells):
    before = spells.query(q.create(spell(1), {"data": {"x": 1}}))
    after = spells.query({"update": spell(1)})
    assert after["ts"] > before["ts"]
    assert after["data"] == {"x": 1}
    events = spells.query(q.paginate(q.events(spell(1))))["data"]
    assert [(each["action"], each["data"]) for each in events] == [("create", {"x": 1}), ("update", None)]


def test_replace_starts_anew(spells):
    ttl = FaunaTime("2999-01-01T00:00:00Z")
    spells.query(q.create(spell(1), {"data": {"x": 1}, "ttl": ttl}))
    assert list(spells.wire(q.replace(spell(1), {"data": {"y": 2}}))) == ["ref", "ts", "data"]
    assert list(spells.wire({"replace": spell(1)})) == ["ref", "ts"]


# ---- delete ----


def test_delete_gives_the_document_as_it_was(spells):
    made = spells.query(q.create(spell(1), {"data": {"x": 1}}))
    assert spells.query(q.delete(spell(1))) == made
    assert spells.query(q.exists(spell(1))) is False


def test_delete_after_update_in_one_query(spells):
    spells.query(q.create(spell(1), {"data": {"x": 1}}))
    gone = spells.query(q.do(q.update(spell(1), {"data": {"x": 2}}), q.delete(spell(1))))
    assert gone["data"] == {"x": 2}


def test_reads_see_the_query_s_own_writes(spells):
    made = spells.query(
        q.let(
            {"doc": q.create(q.collection("spells"), {"data": {"x": 1}})},
            q.get(q.select("ref", q.var("doc"))),
        )
    )
    assert made["data"] == {"x": 1}


def test_a_failed_query_writes_nothing(spells):
    error = error_of(spells, q.do(q.create(spell(1), {}), q.abort("no")))
    assert error == (["do", 1], "transaction aborted", "no")
    assert spells.query(q.exists(spell(1))) is False


# ---- writes at another time ----


@pytest.mark.parametrize(
    ("expression", "position"),
    [
        (q.create(q.collection("spells"), {}), ["expr", "create"]),
        (q.create_collection({"name": "x"}), ["expr", "create_collection"]),
        (q.update(spell(1), {}), ["expr"]),
        (q.replace(spell(1), {}), ["expr"]),
    ],
)
def test_no_writes_in_the_past(spells, expression, position):
    spells.query(q.create(spell(1), {}))
    expected = (position, "invalid write time", "Cannot write outside of snapshot time.")
    assert error_of(spells, q.at(1000, expression)) == expected
    spells.query(q.at(q.now(), expression))
    spells.query(q.at(q.time_add(q.now(), 1, "hour"), q.update(spell(1), {})))


def test_deletes_and_history_are_written_at_any_time(spells):
    spells.query(q.create(spell(1), {}))
    spells.query(q.at(1000, q.insert(spell(1), 500, "create", {})))
    spells.query(q.at(1000, q.remove(spell(1), 500, "create")))
    spells.query(q.at(1000, q.delete(spell(1))))
    assert spells.query(q.exists(spell(1))) is False


# ---- ttl ----


def test_expired_documents_are_absent(spells):
    past = FaunaTime("2020-01-01T00:00:00Z")
    made = spells.query(q.create(spell(1), {"ttl": past, "data": {"x": 1}}))
    assert made["ttl"] == past
    assert spells.query(q.exists(spell(1))) is False
    assert spells.query(q.count(q.documents(q.collection("spells")))) == 0
    assert error_of(spells, q.update(spell(1), {}))[1] == "instance not found"
    assert error_of(spells, q.delete(spell(1)))[1] == "instance not found"
    assert spells.body(q.create(spell(1), {"data": {"y": 1}}))[0] == 201
    assert spells.query(q.get(spell(1)))["data"] == {"y": 1}


def test_ttl_is_kept_removed_and_replaced(spells):
    ttl = FaunaTime("2999-01-01T00:00:00Z")
    spells.query(q.create(spell(1), {"ttl": ttl}))
    assert spells.query(q.update(spell(1), {"data": {"x": 1}}))["ttl"] == ttl
    assert "ttl" not in spells.query(q.update(spell(1), {"ttl": None}))
    spells.query(q.update(spell(1), {"ttl": ttl}))
    assert "ttl" not in spells.query(q.replace(spell(1), {"data": {}}))


def test_ttl_days_of_the_collection(db):
    db.query(q.create_collection({"name": "brief", "ttl_days": 2}))
    own = FaunaTime("2999-01-01T00:00:00Z")
    made = db.query(q.create(q.collection("brief"), {"data": {"x": 1}}))
    lifetime = q.time_diff(q.epoch(made["ts"], "microsecond"), q.select("ttl", q.get(made["ref"])), "day")
    assert db.query(lifetime) in (1, 2)
    updated = db.query(q.update(made["ref"], {"data": {"y": 1}}))
    assert updated["ttl"] == made["ttl"]
    assert db.query(q.create(q.collection("brief"), {"ttl": own}))["ttl"] == own
    assert "ttl" in db.query(q.update(made["ref"], {"ttl": None}))


# ---- insert and remove ----


def test_insert_results(spells):
    assert spells.wire(q.insert(spell(1), 1000, "create", {"data": {"x": 1}})) == {
        "ts": 1000,
        "action": "create",
        "document": {"@ref": {"id": "1", "collection": SPELLS}},
        "data": {"x": 1},
    }
    assert spells.wire(q.insert(spell(1), 2000, "update", {}))["action"] == "create"
    assert spells.wire(q.insert(spell(1), 2000, "update", {}))["data"] is None
    event = spells.wire(q.insert(spell(1), 3000, "delete", {"data": {"x": 1}}))
    assert (event["action"], event["data"]) == ("delete", None)
    assert spells.body(q.insert(spell(1), 4000, "create", {}))[0] == 200
    assert spells.wire(q.remove(spell(1), 4000, "delete")) is None
    assert spells.wire(q.remove(spell(1), 5000, "create")) is None


def history(db, ref):
    page = db.query(q.paginate(q.events(ref), size=100))
    return [(each["ts"], each["action"], each["data"]) for each in page["data"]]


def test_insert_derives_the_neighbours(spells):
    spells.query(q.insert(spell(1), 3000, "create", {"data": {"a": 3}}))
    spells.query(q.insert(spell(1), 1000, "update", {"data": {"a": 1, "b": 1}}))
    spells.query(q.insert(spell(1), 2000, "create", {"data": {"a": 1, "c": {"d": 1}}}))
    assert history(spells, spell(1)) == [
        (1000, "create", {"a": 1, "b": 1}),
        (2000, "update", {"b": None, "c": {"d": 1}}),
        (3000, "update", {"a": 3, "c": None}),
    ]
    spells.query(q.insert(spell(1), 2500, "delete", {}))
    assert history(spells, spell(1))[-1] == (3000, "create", {"a": 3})
    assert spells.query(q.select("data", q.get(spell(1)))) == {"a": 3}
    assert spells.query(q.select("data", q.get(spell(1), 1500))) == {"a": 1, "b": 1}
    assert spells.query(q.exists(spell(1), 2600)) is False


def test_insert_replaces_the_version_at_its_time(spells):
    spells.query(q.insert(spell(1), 1000, "create", {"data": {"a": 1}}))
    spells.query(q.insert(spell(1), 1000, "create", {"data": {"b": 1}}))
    assert history(spells, spell(1)) == [(1000, "create", {"b": 1})]


def test_remove_uncovers_the_version_before(spells):
    spells.query(q.insert(spell(1), 1000, "create", {"data": {"a": 1}}))
    spells.query(q.insert(spell(1), 2000, "create", {"data": {"a": 2}}))
    spells.query(q.remove(spell(1), 2000, "delete"))
    assert spells.query(q.get(spell(1)))["ts"] == 2000
    spells.query(q.remove(spell(1), 2000, "update"))
    assert spells.query(q.get(spell(1)))["ts"] == 1000
    spells.query(q.remove(spell(1), 1000, "create"))
    assert spells.query(q.exists(spell(1))) is False
    assert history(spells, spell(1)) == []


def test_insert_now_and_later(spells):
    assert spells.query(q.insert(spell(1), q.now(), "create", {"data": {"x": 1}}))["action"] == "create"
    assert spells.query(q.get(spell(1)))["data"] == {"x": 1}
    later = q.insert(spell(1), q.time_add(q.now(), 1, "day"), "create", {})
    assert error_of(spells, later) == ([], "invalid write time", "Cannot write outside of snapshot time.")


def test_times_out_of_64_bits(spells):
    past, future = q.time("-999999999-01-01T00:00:00Z"), q.time("+999999999-12-31T00:00:00Z")
    refused = "invalid write time", "Cannot write outside of snapshot time."
    for moment in (past, future):
        assert error_of(spells, q.insert(spell(1), moment, "create", {})) == ([], *refused)
        assert spells.query(q.remove(spell(1), moment, "create")) is None
    assert error_of(spells, q.at(past, q.create(spell(1), {}))) == (["expr", "create"], *refused)
    spells.query(q.at(future, q.create(spell(1), {"ttl": future})))
    spells.query(q.create(spell(2), {"ttl": past}))
    assert spells.query([q.exists(spell(1)), q.exists(spell(2))]) == [True, False]


def test_insert_takes_an_action_of_an_event(spells):
    spells.query(q.create(spell(1), {}))
    event = q.select(["data", 0, "action"], q.paginate(q.events(spell(1))))
    assert spells.query(q.insert(spell(2), 1000, event, {}))["action"] == "create"


def test_remove_below_retention_leaves_a_deletion(db):
    db.query(q.create_collection({"name": "spells"}))
    db.query(q.insert(spell(1), 1000, "create", {"data": {"a": 1}}))
    db.query(q.insert(spell(1), 2000, "create", {"data": {"a": 2}}))
    db.query(q.remove(spell(1), 2000, "create"))
    assert db.query(q.exists(spell(1))) is False


def test_inserted_keys_open_nothing(db):
    ref = q.ref(q.keys(), 99)
    params = {"role": "admin", "hashed_secret": "x", "data": {"a": 1}}
    assert db.query(q.insert(ref, 1000, "create", params))["data"] == {"a": 1}
    assert "hashed_secret" not in db.query(q.get(ref))


# ---- several writes in one query ----


def test_one_query_leaves_one_version(spells):
    spells.query(
        q.do(
            q.create(spell(1), {"data": {"x": 1}}),
            q.update(spell(1), {"data": {"y": 2}}),
            q.update(spell(1), {"data": {"x": 3}}),
        )
    )
    [(_, action, data)] = history(spells, spell(1))
    assert (action, data) == ("create", {"x": 3, "y": 2})


def test_arguments_take_effect_in_reverse(spells):
    made = spells.query(
        q.create(
            spell(q.select(["data", "id"], q.get(spell(1)))),
            q.do(q.create(spell(1), {"data": {"id": "5"}}), {"data": {}}),
        )
    )
    assert made["ref"].id() == "5"


# ---- limits ----


# Requests are smaller than these limits, so the values are used several times.
BIG = "x" * 3_000_000


def test_a_version_may_be_eight_megabytes(spells):
    thrice = {key: q.var("x") for key in "abc"}
    status, errors = spells.failure(q.let({"x": BIG}, q.create(spell(1), {"data": thrice})))
    assert status == 400
    text = "Version bytes (9000031) exceeds threshold (8388608)"
    assert errors == [{"code": "bad request", "description": text}]
    assert spells.query(q.exists(spell(1))) is False


def test_a_transaction_may_write_sixteen_megabytes(spells):
    made = [q.create(spell(number), {"data": {"a": q.var("x"), "b": q.var("x")}}) for number in range(3)]
    status, errors = spells.failure(q.let({"x": BIG}, made))
    assert (status, errors[0]["code"]) == (400, "bad request")
    assert errors[0]["description"].startswith("Transaction exceeded limit: got 180")
    assert errors[0]["description"].endswith(" bytes, limit 16777216 bytes")
    assert spells.query(q.exists(spell(0))) is False


# ---- permissions ----

DENIED = ("permission denied", "Insufficient privileges to perform the action.")


@pytest.fixture
def client(spells):
    spells.query(q.create(spell(1), {"data": {"x": 1}}))
    return spells.as_(spells.query(q.create_key({"role": "client"}))["secret"])


@pytest.mark.parametrize(
    ("expression", "position"),
    [
        (q.create(q.collection("spells"), {}), ["create"]),
        (q.create(q.collection("spells"), {"data": 1}), ["create"]),
        (q.create(spell(1), {}), ["create"]),
        (q.create(spell(2), {}), ["create"]),
        (q.create_collection({"name": "spells"}), ["create_collection"]),
        (q.create_key({}), ["create_key"]),
        (q.create(q.keys(), {}), ["create"]),
        (q.update(spell(1), {}), []),
        (q.update(spell(1), {"data": 1}), []),
        (q.replace(spell(1), {}), []),
        (q.delete(spell(1)), []),
        (q.delete(q.collection("spells")), []),
        (q.insert(spell(1), 1, "create", {"data": 1}), []),
        (q.remove(spell(1), 1, "create"), []),
    ],
)
def test_denied(client, expression, position):
    assert error_of(client, expression) == (position, *DENIED)
    assert client.raw(expression).status == 403


def test_what_comes_before_permission(client):
    assert error_of(client, q.update(spell(9), {}))[1] == "instance not found"
    assert error_of(client, q.delete(spell(9)))[1] == "instance not found"
    assert (
        error_of(client, q.insert(spell(9), q.time_add(q.now(), 1, "day"), "create", {}))[1]
        == "invalid write time"
    )
    bad = {"data": {"x": q.collection("nope")}}
    assert failures_of(client, q.create(q.collection("spells"), bad))[0] == []
    assert failures_of(client, q.update(spell(9), bad))[0] == []


def test_predicates_see_what_is_written(spells):
    def takes(fields, condition):
        return q.query(q.lambda_(fields, condition))

    at_x = ["data", "x"]
    spells.query(
        q.create_role(
            {
                "name": "r",
                "privileges": [
                    {
                        "resource": q.collection("spells"),
                        "actions": {
                            "create": takes("new", q.equals(q.select(at_x, q.var("new")), 1)),
                            "create_with_id": takes(
                                ["new", "ref"], q.equals(q.select("id", q.var("ref")), "7")
                            ),
                            "write": takes(
                                ["old", "new"],
                                q.equals(
                                    [1, 2], [q.select(at_x, q.var("old")), q.select(at_x, q.var("new"))]
                                ),
                            ),
                            "history_write": takes(
                                ["ref", "ts", "action", "new"],
                                q.and_(
                                    q.equals(q.var("ts"), q.time("1970-01-01T00:00:00.001Z")),
                                    q.equals(q.var("action"), "update"),
                                    q.equals(q.select(at_x, q.var("new"), 0), 5),
                                ),
                            ),
                        },
                    }
                ],
            }
        )
    )
    holder = spells.as_(spells.query(q.create_key({"role": "r"}))["secret"])
    assert holder.body(q.create(q.collection("spells"), {"data": {"x": 1}}))[0] == 201
    assert error_of(holder, q.create(q.collection("spells"), {"data": {"x": 2}})) == (["create"], *DENIED)
    assert holder.body(q.create(spell(7), {"data": {"x": 1}}))[0] == 201
    assert error_of(holder, q.create(spell(8), {"data": {"x": 1}})) == (["create"], *DENIED)
    assert error_of(holder, q.update(spell(7), {"data": {"x": 3}})) == ([], *DENIED)
    # Also for replace, the new document still shows what replace will drop.
    assert error_of(holder, q.replace(spell(7), {})) == ([], *DENIED)
    assert holder.query(q.update(spell(7), {"data": {"x": 2}}))["data"] == {"x": 2}
    assert holder.query(q.insert(spell(7), 1000, "update", {"data": {"x": 5}}))["data"] == {"x": 5}
    assert error_of(holder, q.insert(spell(7), 1000, "create", {"data": {"x": 5}})) == ([], *DENIED)
    assert error_of(holder, q.remove(spell(7), 2000, "update")) == ([], *DENIED)
    assert holder.query(q.remove(spell(7), 1000, "update")) is None


@pytest.mark.parametrize("again", [{"data": {"n": 1}}, {"data": {"n": 1, "more": 2}}])
def test_what_expired_may_have_lost_its_unique_place(spells, again):
    terms = [{"field": ["data", "n"]}]
    spells.query(
        q.create_index({"name": "unique_n", "source": q.collection("spells"), "terms": terms, "unique": True})
    )
    expired = {"data": {"n": 1}, "ttl": FaunaTime("2020-01-01T00:00:00Z")}
    spells.query(q.create(spell(1), expired))
    spells.query(q.create(spell(2), {"data": {"n": 1}}))
    taken = (["create"], "instance not unique", "document is not unique.")
    assert error_of(spells, q.create(spell(1), again)) == taken
    assert error_of(spells, q.create(spell(3), again)) == taken
    spells.query([q.delete(spell(2)), q.create(spell(1), again)])
    assert spells.query(q.count(q.match(q.index("unique_n"), 1))) == 1


CREATE = q.create(q.collection("spells"), {"data": {"n": 1}})


@pytest.mark.parametrize(
    ("between", "last"),
    [
        (q.delete(q.collection("spells")), CREATE),
        (q.update(q.collection("spells"), {"ttl_days": 1}), CREATE),
        (None, q.at(q.epoch(1, "second"), CREATE)),
        (None, q.call("as_nobody")),
        (q.create_collection({"name": "runes"}), CREATE),
        (None, q.create(q.collection("others"), {"data": {"n": 1}})),
        (None, q.create(q.ref(q.collection("spells"), "1"), {"data": {"n": 1}})),
        (None, q.create(q.collection("spells"), {"data": {"n": q.now()}, "ttl": q.now()})),
    ],
    ids=["deleted", "time-to-live", "at", "role", "schema", "another", "id", "params"],
)
def test_a_create_after_others_finds_what_it_finds_alone(db, spells, between, last):
    """What was found for the creates before holds for a create only as long as it is true."""
    db.query(q.create_role({"name": "nobody", "privileges": []}))
    db.query(q.create_collection({"name": "others"}))
    body = q.query(q.lambda_([], CREATE))
    db.query(q.create_function({"name": "as_nobody", "body": body, "role": q.role("nobody")}))

    admin = db.as_(db.query(q.select("secret", q.create_key({"role": "admin"}))))

    def outcome(*before):
        """What the query comes to that is undone at its end: the names of the fields, or the errors."""
        names = q.map_(lambda field: q.select(0, field), q.to_array(q.merge(q.var("d"), {})))
        fields = q.let({"d": last}, q.abort(q.format("%@", [names])))
        _, errors = admin.failure(q.do(*before, *([] if between is None else [between]), fields))
        return [(error["code"], error["description"]) for error in errors]

    assert outcome(CREATE, CREATE) == outcome()
