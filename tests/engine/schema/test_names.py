"""Names of schema documents (writes and schema, "Names")."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.objects import Ref
from tests.engine.schema.checks import error_of, failures_of, invalid_type, required

BODY = q.query(q.lambda_("x", q.var("x")))
CREATORS = {
    "create_database": ({}, "Database", q.database),
    "create_collection": ({}, "Collection", q.collection),
    "create_class": ({}, "Collection", q.collection),
    "create_index": ({"source": "_", "active": True}, "Index", q.index),
    "create_function": ({"body": BODY}, "Function", q.function),
    "create_role": ({}, "Role", q.role),
    "create_access_provider": (
        {"issuer": "i", "jwks_uri": "https://x"},
        "other",
        q.access_provider,
    ),
}


def creation(form, name, **more):
    fields = dict(CREATORS[form][0])
    if form == "create_access_provider":
        fields["issuer"] = f"issuer of {name}"
    fields.update((key, value) for key, value in more.items() if key != "issuer" or key in fields)
    if name is not None:
        fields["name"] = name
    return getattr(q, form)(fields)


@pytest.mark.parametrize("form", CREATORS)
def test_names_are_required(db, form):
    assert failures_of(db, creation(form, None)) == ([form], [required("name")])


@pytest.mark.parametrize("form", CREATORS)
def test_names_are_strings(db, form):
    assert failures_of(db, creation(form, 5)) == ([form], [invalid_type(["name"], "Long", "Name")])


@pytest.mark.parametrize(
    "name",
    [
        "a", "events", "self", "sets", "documents", "users", "keys", "admin", "_a", "__", "a_b", "ünïcode",
        "名前", "é", "1", "a;@+$-.!~%", "٣", "a\u0301",
    ],
)  # fmt: skip
def test_allowed_names(db, name):
    made = db.query(creation("create_collection", name))
    assert made["name"] == name
    assert made["ref"] == Ref(name, Ref("collections"))
    assert db.query(creation("create_role", name))["name"] == name


@pytest.mark.parametrize("form", CREATORS)
@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "a:b", "a\\b", "&", "=", "()", "a'b", ",", "*", "a\n", "a\t", "#", "\u20ac"]
)
def test_refused_names(db, form, name):
    text = f"The name {name} uses invalid characters. Valid characters must match: [;@+$\\-_.!~%\\w]+"
    assert failures_of(db, creation(form, name)) == ([form], [(["name"], "invalid characters", text)])


@pytest.mark.parametrize("form", CREATORS)
def test_the_reserved_name(db, form):
    failure = (["name"], "reserved name", "Invalid name _. Reserved names: _.")
    assert failures_of(db, creation(form, "_")) == ([form], [failure])


@pytest.mark.parametrize("form", CREATORS)
def test_names_are_unique_per_kind(db, form):
    kind = CREATORS[form][1]
    assert db.body(creation(form, "x"))[0] == 201
    expected = ([form], "instance already exists", f"{kind} already exists.")
    assert error_of(db, creation(form, "x", issuer="another")) == expected
    twice = q.do(creation(form, "y"), creation(form, "y", issuer="another"))
    assert error_of(db, twice)[0] == ["do", 1, form]


def test_kinds_share_names(db):
    for form in CREATORS:
        if form != "create_class":
            db.query(creation(form, "same"))


@pytest.mark.parametrize("form", [form for form in CREATORS if form != "create_class"])
def test_renaming(db, form):
    fields, kind, by_name = CREATORS[form]
    db.query(creation(form, "old"))
    db.query(creation(form, "other"))
    expected = ([], "instance not unique", "document is not unique.")
    assert error_of(db, q.update(by_name("old"), {"name": "other"})) == expected
    assert db.query(q.update(by_name("old"), {"name": "old"}))["name"] == "old"
    renamed = db.query(q.update(by_name("old"), {"name": "new"}))
    assert renamed["name"] == "new"
    assert renamed["ref"].id() == "new"
    assert db.query(q.exists(by_name("old"))) is False
    assert db.query(q.exists(by_name("new"))) is True
    assert db.body(creation(form, "old", issuer="third"))[0] == 201
    assert failures_of(db, q.update(by_name("new"), {"name": None})) == ([], [required("name")])
    assert failures_of(db, q.update(by_name("new"), {"name": "_"}))[1][0][1] == "reserved name"


@pytest.mark.parametrize("form", [form for form in CREATORS if form != "create_class"])
def test_replace_keeps_the_name(db, form):
    fields, kind, by_name = CREATORS[form]
    db.query(creation(form, "x", data={"a": 1}))
    replaced = db.query(
        q.replace(by_name("x"), {key: value for key, value in fields.items() if key != "issuer"})
    )
    assert replaced["name"] == "x"
    assert "data" not in replaced


@pytest.mark.parametrize(
    "form", [form for form in CREATORS if form not in ("create_class", "create_collection")]
)
def test_create_at_an_existing_item(db, form):
    fields, kind, by_name = CREATORS[form]
    db.query(creation(form, "x"))
    expected = (["create"], "instance already exists", f"{kind} already exists.")
    assert error_of(db, q.create(by_name("x"), {**fields, "name": "y"})) == expected


@pytest.mark.parametrize("form", [form for form in CREATORS if form != "create_class"])
def test_deleted_names_are_free(db, form):
    fields, kind, by_name = CREATORS[form]
    made = db.query(creation(form, "x", data={"a": 1}))
    gone = db.query(q.delete(by_name("x")))
    assert gone == made
    native = {"create_access_provider": "access_provider"}.get(form, form[len("create_") :])
    description = f"Ref refers to undefined {native} 'x'"
    assert error_of(db, q.delete(by_name("x"))) == (["delete"], "invalid ref", description)
    assert db.body(creation(form, "x"))[0] == 201
    assert "data" not in db.query(q.get(by_name("x")))


def test_refs_follow_renames(db):
    db.query(q.create_collection({"name": "spells"}))
    db.query(q.create_collection({"name": "notes"}))
    note = db.query(q.create(q.collection("notes"), {"data": {"about": q.ref(q.collection("spells"), 1)}}))
    db.query(q.update(q.collection("spells"), {"name": "charms"}))
    stored = db.query(q.get(note["ref"]))["data"]
    assert stored["about"] == Ref("1", Ref("charms", Ref("collections")))
    db.query(q.delete(q.collection("charms")))
    assert db.query(q.get(note["ref"]))["data"] == stored
