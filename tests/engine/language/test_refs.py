"""Ref literals: objects and path strings, and what their parts must be (evaluation rules, "Ref literals")."""

from __future__ import annotations

import json

import pytest

from ..conftest import ONE_OF_EACH, filled

INVALID = "invalid expression"
NATIVES = ("databases", "collections", "indexes", "functions", "roles", "access_providers", "keys", "tokens", "credentials")  # fmt: skip


def named(name, collection):
    return {"@ref": {"id": name, "collection": {"@ref": {"id": collection}}}}


C = named("c", "collections")
D = named("d", "databases")


def document(number, collection=C):
    return {"@ref": {"id": number, "collection": collection}}


@pytest.fixture(scope="module")
def stocked():
    with filled(*ONE_OF_EACH) as database:
        yield database


RESOLVED = [
    ({"id": "1", "collection": C}, document("1")),
    ({"id": "1", "class": {"id": "c", "class": {"id": "classes"}}}, document("1")),
    ({"@ref": {"id": 1, "class": C}}, document("1")),
    ({"@ref": {"@ref": {"id": 1, "class": C}}}, document("1")),
    ({"id": 1, "class": C, "database": None}, document("1")),
    ({"id": "-5", "class": C}, document("-5")),
    ({"id": "007", "class": C}, document("7")),
    ({"id": "0" * 5000 + "7", "class": C}, document("7")),
    ({"id": -(2**63), "class": C}, document(str(-(2**63)))),
    ({"id": "databases", "class": None}, {"@ref": {"id": "databases"}}),
    ({"id": "classes"}, {"@ref": {"id": "collections"}}),
    ({"id": "collections", "database": D}, {"@ref": {"id": "collections", "database": D}}),
    ({"id": 7, "class": {"id": "keys"}}, document("7", {"@ref": {"id": "keys"}})),
    ({"id": "7", "class": {"id": "tokens"}}, document("7", {"@ref": {"id": "tokens"}})),
    # integer ids of keys may name a database
    ({"id": 7, "class": {"id": "keys"}, "database": D}, document("7", {"@ref": {"id": "keys", "database": D}})),
    # what does not exist is shown as it was written
    ({"id": "1", "class": {"id": "nope", "class": {"id": "collections"}}}, document("1", named("nope", "collections"))),
    (
        {"id": "x", "class": {"id": "collections"}, "database": D},
        {"@ref": {"id": "x", "collection": {"@ref": {"id": "collections"}}, "database": D}},
    ),
    (
        {"id": "collections", "database": {"id": "nope", "class": {"id": "databases"}}},
        {"@ref": {"id": "collections", "database": named("nope", "databases")}},
    ),
    ("classes", {"@ref": {"id": "collections"}}),
    ("databases/d", D),
    ("classes/c/12", document("12")),
    (f"collections/c/{2**63 - 1}", document(str(2**63 - 1))),
    ("collections/nope/1", document("1", named("nope", "collections"))),
    ("roles/nope", named("nope", "roles")),
    ("keys/12", document("12", {"@ref": {"id": "keys"}})),
    *((name, {"@ref": {"id": name}}) for name in NATIVES),
    *(({"id": name}, {"@ref": {"id": name}}) for name in NATIVES),
]  # fmt: skip


@pytest.mark.parametrize(("literal", "shown"), RESOLVED, ids=[json.dumps(case[0])[:60] for case in RESOLVED])
def test_refs(stocked, literal, shown):
    assert stocked.wire(json.dumps({"@ref": literal})) == shown


PATHS = [
    "", "x", "/databases", "databases/", "Databases", "databases/self", "classes/events", "classes/_", "classes/c/x",
    "classes/c/-1", "classes/c/+1", "classes/c/1/2", "classes/c/self", "classes/c/²", "databases/d/x", "indexes/i/1",
    "keys/x", "keys/-1", "keys/1/2", "keys/self", "tokens/self", f"classes/c/{2**63}", "classes/c/" + "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths_that_are_none(stocked, path):
    assert stocked.error(json.dumps({"@ref": path})) == {
        "position": [],
        "code": INVALID,
        "description": "Invalid ref.",
    }


def too_large(text):
    return f"The id provided is too large: '{text}'"


def kind_wrong(kind, name):
    return {"id": "1", "class": named(name, kind)}


WRONG = [
    ({}, [], "Ref expected, Object provided."),
    ({"class": C}, [], "Ref expected, Object provided."),
    ({"id": 1, "class": C, "collection": C}, [], "Ref expected, Object provided."),
    ({"id": "1", "x": 1}, [], "Ref expected, Object provided."),
    ({"id": 1.5, "class": C}, ["id"], "String or Integer expected, Double provided."),
    ({"id": None, "class": C}, ["id"], "String or Integer expected, Null provided."),
    ({"id": [], "class": C}, ["id"], "String or Integer expected, Array provided."),
    ({"id": {}, "class": C}, ["id"], "String or Integer expected, Object provided."),
    ({"id": "1", "class": "c"}, ["class"], "Ref expected, String provided."),
    ({"id": "1", "collection": 1}, ["class"], "Ref expected, Integer provided."),
    ({"id": "1", "collection": {}}, ["class"], "Ref expected, Object provided."),
    ({"id": "1", "database": "d"}, ["database"], "Ref expected, String provided."),
    ({"id": "1", "class": {"id": 1.5, "class": C}}, ["class", "id"], "String or Integer expected, Double provided."),
    (kind_wrong("databases", "d"), ["class"], "Collection Ref expected, Database Ref provided."),
    (kind_wrong("functions", "f"), ["class"], "Collection Ref expected, User Function Ref provided."),
    (kind_wrong("indexes", "nope"), ["class"], "Collection Ref expected, Index Ref provided."),
    (kind_wrong("roles", "r"), ["class"], "Collection Ref expected, Ref provided."),
    (kind_wrong("roles", "nope"), ["class"], "Collection Ref expected, Role Ref provided."),
    (kind_wrong("access_providers", "nope"), ["class"], "Collection Ref expected, Access Provider Ref provided."),
    (kind_wrong("keys", "1"), ["class"], "Collection Ref expected, Key Ref provided."),
    ({"id": "1", "class": document("1")}, ["class"], "Collection Ref expected, Ref provided."),
    ({"id": "keys", "database": C}, ["database"], "Database Ref expected, Collection Ref provided."),
    ({"id": "1"}, ["id"], "Valid native collection name expected, '1' provided."),
    ({"id": 1}, ["id"], "String expected, Number provided."),
    ({"id": 1, "class": {"id": "collections"}}, ["id"], "String expected, Number provided."),
    ({"id": "x", "class": C}, ["id"], "Number or numeric String expected, non-numeric 'x' provided."),
    ({"id": "1.5", "class": C}, ["id"], "Number or numeric String expected, non-numeric '1.5' provided."),
    ({"id": " 7", "class": {"id": "keys"}}, ["id"], "Number or numeric String expected, non-numeric ' 7' provided."),
    ({"id": "", "class": C}, ["id"], too_large("")),
    ({"id": str(2**63), "class": C}, ["id"], too_large(2**63)),
    ({"id": "9" * 5000, "class": C}, ["id"], too_large("9" * 5000)),
    ({"id": "1", "class": C, "database": D}, ["database"], "Null expected, Database Ref provided."),
    ({"id": "1", "class": {"id": "tokens"}, "database": D}, ["database"], "Null expected, Database Ref provided."),
    ({"id": "1", "class": {"id": "keys"}, "database": D}, ["database"], "Null expected, Database Ref provided."),
    ({"id": "self", "class": C}, [], "Invalid ref."),
    ({"id": "self", "class": {"id": "keys"}}, [], "Invalid ref."),
    (1, [], "Invalid ref."),
    (None, [], "Invalid ref."),
    ([], [], "Invalid ref."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("literal", "position", "description"), WRONG, ids=[json.dumps(case[0])[:60] for case in WRONG]
)
@pytest.mark.parametrize("around", ["alone", "quoted"])
def test_refs_that_are_none(stocked, literal, position, description, around):
    query, above = {"@ref": literal}, []
    if around == "quoted":
        query, above = {"let": {"x": {"quote": [1, {"a": query}]}}, "in": 1}, ["let", "x", "quote", 1, "a"]
    expected = {"position": [*above, *position], "code": INVALID, "description": description}
    assert stocked.error(json.dumps(query)) == expected


FUNCTION = [
    ({"ref": {"collection": "c"}, "id": 1}, document("1")),
    ({"ref": {"collection": "c"}, "id": "1"}, document("1")),
    ({"ref": {"tokens": None}, "id": "1"}, document("1", {"@ref": {"id": "tokens"}})),
    ({"ref": {"collection": "nope"}, "id": "1"}, document("1", named("nope", "collections"))),
]


@pytest.mark.parametrize(("query", "shown"), FUNCTION)
def test_the_ref_function(stocked, query, shown):
    assert stocked.wire(json.dumps(query)) == shown


SCHEMA = "Regular Class Ref expected, Schema Class Ref provided."
FUNCTION_ERRORS = [
    ({"ref": 1, "id": 1}, [(["ref"], "Collection Ref expected, Integer provided.")]),
    ({"ref": {"database": "d"}, "id": 1}, [(["ref"], "Collection Ref expected, Database Ref provided.")]),
    ({"ref": {"roles": None}, "id": 1}, [(["ref"], SCHEMA)]),
    ({"ref": {"index": "no"}, "id": 1}, [(["ref"], "Collection Ref expected, Index Ref provided.")]),
    (
        {"ref": {"ref": {"collection": "no"}, "id": 1}, "id": 1},
        [(["ref"], "Collection Ref expected, Ref provided.")],
    ),
    ({"ref": {"collection": "c"}, "id": None}, [(["id"], "String or Number expected, Null provided.")]),
    ({"ref": {"collection": "c"}, "id": 1.5}, [(["id"], "String or Number expected, Double provided.")]),
    ({"ref": {"collection": "c"}, "id": "9" * 5000}, [(["id"], too_large("9" * 5000))]),
    (
        {"ref": {"databases": None}, "id": "x"},
        [(["ref"], SCHEMA), (["id"], "Number or numeric String expected, non-numeric 'x' provided.")],
    ),
]


@pytest.mark.parametrize(
    ("query", "expected"), FUNCTION_ERRORS, ids=[json.dumps(case[0])[:60] for case in FUNCTION_ERRORS]
)
def test_the_ref_function_reports_both_its_arguments(stocked, query, expected):
    _, errors = stocked.failure(json.dumps(query))
    assert [(error["position"], error["description"]) for error in errors] == expected
    assert {error["code"] for error in errors} == {"invalid argument"}


NOWHERE = {"@ref": {"id": "x", "collection": {"@ref": {"id": "databases"}}}}
COLLECTION_THERE = {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}, "database": NOWHERE}}


@pytest.mark.parametrize(
    "ref",
    [
        {"@ref": {"id": "keys", "database": NOWHERE}},
        {"@ref": {"id": "1", "collection": {"@ref": {"id": "keys", "database": NOWHERE}}}},
        {"@ref": {"id": "1", "collection": {"@ref": {"id": "tokens", "database": NOWHERE}}}},
        COLLECTION_THERE,
        {"@ref": {"id": "1", "collection": COLLECTION_THERE}},
        {"@ref": {"id": "i", "collection": {"@ref": {"id": "indexes"}}, "database": NOWHERE}},
    ],
    ids=json.dumps,
)
def test_a_ref_into_an_undefined_database_lacks_the_database(stocked, ref):
    error = stocked.error(json.dumps({"get": ref}))
    assert (error["position"], error["description"]) == (["get"], "Ref refers to undefined database 'x'")
