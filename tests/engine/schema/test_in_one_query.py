"""Schema written and used in one query (writes and schema, "Schema inside one query")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from tests.engine.schema.checks import error_of, failures_of

BODY = q.query(q.lambda_("x", 1))
OTHER_BODY = q.query(q.lambda_("x", 2))


def after(creation, use):
    return q.select(1, [creation, use])


@pytest.mark.parametrize(
    ("creation", "ref", "kind"),
    [
        (q.create_collection({"name": "new"}), q.collection("new"), "collection"),
        (q.create_index({"name": "new", "source": "_"}), q.index("new"), "index"),
        (q.create_function({"name": "new", "body": BODY}), q.function("new"), "function"),
        (q.create_role({"name": "new"}), q.role("new"), "role"),
        (
            q.create_access_provider({"name": "new", "issuer": "i", "jwks_uri": "https://x"}),
            q.access_provider("new"),
            "access_provider",
        ),
    ],
)
def test_new_names_do_not_resolve(db, creation, ref, kind):
    db.query(q.create_collection({"name": "c"}))
    assert db.query(after(creation, q.exists(ref))) is False
    db.query(q.delete(ref))
    undefined = f"Ref refers to undefined {kind} 'new'"
    assert error_of(db, [creation, q.get(ref)]) == ([1, "get"], "invalid ref", undefined)
    stored = [creation, q.create(q.collection("c"), {"data": {"x": ref}})]
    failure = (["1", "data", "x"], "invalid reference", "Cannot read reference.")
    assert failures_of(db, stored) == ([1], [failure])
    db.query(creation)
    assert db.query(q.exists(ref)) is True


def test_new_databases_resolve(db):
    creation = q.create_database({"name": "new"})
    assert db.query(after(creation, q.exists(q.database("new")))) is True
    assert (
        db.query(after(q.update(q.database("new"), {"name": "newer"}), q.exists(q.database("new")))) is False
    )
    again = [
        q.delete(q.database("newer")),
        q.exists(q.database("newer")),
        q.create_database({"name": "newer"}),
    ]
    assert db.query(again)[1] is False


def test_keys_for_new_databases(db):
    made = db.query(
        after(
            q.create_database({"name": "new"}),
            q.create_key({"role": "admin", "database": q.database("new")}),
        )
    )
    assert db.query(q.create_collection({"name": "inner"}), secret=made["secret"])["name"] == "inner"
    assert db.query(q.exists(q.collection("inner", q.database("new")))) is True


def test_items_are_written_through_their_refs(db):
    made = db.query(
        q.let(
            {"c": q.select("ref", q.create_collection({"name": "new"}))},
            [
                q.select("name", q.get(q.var("c"))),
                q.select("ttl_days", q.update(q.var("c"), {"ttl_days": 5})),
                q.create(q.var("c"), {"data": {"x": 1}}),
                q.create_index({"name": "i", "source": q.var("c"), "terms": {"field": ["data", "x"]}}),
            ],
        )
    )
    assert made[:2] == ["new", 5]
    assert "ttl" in made[2]
    assert made[3]["active"] is True
    assert db.query(q.count(q.match(q.index("i"), 1))) == 1
    status, _ = db.body(q.create(q.select("ref", q.create_collection({"name": "other"})), {}))
    assert status == 201
    gone = db.query(q.delete(q.select("ref", q.create_collection({"name": "brief"}))))
    assert gone["name"] == "brief"
    assert gone["ref"].id() == "brief"
    assert db.query(q.exists(q.collection("brief"))) is False


def test_new_indexes_are_not_read(db):
    db.query(q.create_collection({"name": "c"}))
    creation = q.create_index({"name": "new", "source": q.collection("c")})
    use = q.match(q.select("ref", creation))
    assert error_of(db, q.paginate(use)) == (["paginate", "index"], "instance not found", "Index not found.")


def test_new_functions_are_not_called(db):
    creation = q.create_function({"name": "new", "body": BODY})
    assert error_of(db, q.call(q.select("ref", creation))) == (
        ["call"],
        "instance not found",
        "Function not found.",
    )
    assert error_of(db, [creation, q.call("new")]) == (
        [1, "call"],
        "invalid ref",
        "Ref refers to undefined function 'new'",
    )


def test_updated_functions_run_as_they_were(db):
    db.query(q.create_function({"name": "f", "body": BODY}))
    assert db.query(after(q.update(q.function("f"), {"body": OTHER_BODY}), q.call("f"))) == 1
    assert db.query(q.call("f")) == 2


def test_keys_for_new_roles(db):
    by_ref = q.create_key({"role": q.select("ref", q.create_role({"name": "new"}))})
    assert db.body(by_ref)[0] == 201
    by_name = [q.create_role({"name": "newer"}), q.create_key({"role": "newer"})]
    failure = (["role"], "validation failure", "Role name `newer` does not exist.")
    assert failures_of(db, by_name) == ([1, "create_key"], [failure])


def test_renaming(db):
    db.query(q.create_collection({"name": "old"}))
    result = db.query(
        [
            q.update(q.collection("old"), {"name": "new"}),
            q.exists(q.collection("new")),
            q.exists(q.collection("old")),
            q.create(q.collection("old"), {}),
        ]
    )
    assert result[0]["ref"].id() == "new"
    assert result[1:3] == [False, True]
    assert result[3]["ref"].collection().id() == "new"


def test_refs_of_deleted_items_move_to_their_successors(db):
    db.query([q.create_collection({"name": "c"}), q.create_collection({"name": "store"})])
    db.query(
        [
            q.delete(q.collection("c")),
            q.create_collection({"name": "c", "data": {"second": True}}),
            q.create(q.collection("store"), {"data": {"x": q.collection("c")}}),
            q.create_index({"name": "i", "source": q.collection("c")}),
        ]
    )
    stored = db.query(q.select(["data", 0], q.paginate(q.documents(q.collection("store")))))
    assert db.query(q.select(["data", "second"], q.get(q.select(["data", "x"], q.get(stored))))) is True
    db.query(q.create(q.collection("c"), {}))
    assert db.query(q.count(q.match(q.index("i")))) == 1


@pytest.mark.parametrize("target", [q.var("c"), q.ref(q.var("c"), 1), "c"])
def test_nothing_is_created_in_a_deleted_collection(db, target):
    db.query(q.create_collection({"name": "c"}))
    query = q.let({"c": q.collection("c")}, q.do(q.delete(q.collection("c")), q.create(target, {})))
    position = ["in", "do", 1, "create"]
    assert error_of(db, query) == (position, "instance not found", "Collection not found.")


def test_a_stored_ref_of_a_deleted_collection_takes_no_documents(db):
    db.query([q.create_collection({"name": "gone"}), q.create_collection({"name": "store"})])
    holder = q.ref(q.collection("store"), 1)
    db.query(q.create(holder, {"data": {"to": q.collection("gone")}}))
    db.query(q.delete(q.collection("gone")))
    expected = (["create"], "instance not found", "Collection not found.")
    assert error_of(db, q.create(q.select(["data", "to"], q.get(holder)), {})) == expected


def test_a_new_item_at_the_ref_of_a_deleted_one_is_another_item(db):
    db.query([q.create_collection({"name": "c"}), q.create_collection({"name": "store"})])
    db.query(q.create_index({"name": "old", "source": q.collection("c")}))
    holder = q.ref(q.collection("store"), 1)
    db.query(q.create(holder, {"data": {"index": q.index("old")}}))
    db.query(q.delete(q.index("old")))
    stale = q.select(["data", "index"], q.get(holder))
    fields = {"name": "new", "source": q.collection("c")}
    made = db.query([q.create(stale, fields), q.exists(stale)])
    assert [made[0]["ref"].id(), made[1]] == ["new", False]


def test_a_failed_query_leaves_no_schema(db):
    db.error([q.create_collection({"name": "c"}), q.abort("no")])
    assert db.query(q.exists(q.collection("c"))) is False
    db.query(q.create_collection({"name": "d"}))
    assert db.query([q.exists(q.collection("c")), q.exists(q.collection("d"))]) == [False, True]


def test_another_engine_on_the_same_file_sees_the_schema(tmp_path):
    from faunadb.engine.engine import open_engine
    from tests.engine.conftest import Database

    url = f"sqlite:///{tmp_path}/shared.db"
    with open_engine(url) as first, open_engine(url) as second:
        one, two = Database(first), Database(second)
        assert two.query(q.exists(q.collection("c"))) is False
        one.query(q.create_collection({"name": "c"}))
        assert two.query(q.create(q.collection("c"), {"data": {"x": 1}}))["data"] == {"x": 1}
        two.query(q.update(q.collection("c"), {"name": "d"}))
        assert one.query(q.exists(q.collection("d"))) is True
        assert one.query(q.exists(q.collection("c"))) is False
