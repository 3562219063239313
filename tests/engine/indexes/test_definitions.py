"""What index entries a document has: extraction, combination, order, uniqueness, size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import Database
from tests.engine.sets.school import (
    coll,
    create,
    create_collection,
    create_index,
    data,
    doc,
    documents,
    ids,
    match,
    obj,
    paginate,
)


@pytest.fixture
def spells(db: Database) -> Database:
    create_collection(db)
    return db


@pytest.mark.parametrize(
    ("content", "path", "expected"),
    [
        ({"v": 5}, ["data", "v"], [5]),
        ({"v": []}, ["data", "v"], []),
        ({"v": {"a": 1}}, ["data", "v"], []),
        ({}, ["data", "v"], []),
        ({"v": [1, [2, [3]], 1]}, ["data", "v"], [1, 2, 3]),
        ({"v": [{"b": 1}, {"b": [2, 3]}, {}]}, ["data", "v", "b"], [1, 2, 3]),
        ({"v": [{"b": 1}, 4]}, ["data", "v"], [4]),
        ({"v": [7, 8]}, ["data", "v", 1], [8]),
        ({"v": [1, 1.0]}, ["data", "v"], [1, 1.0]),
        ({"v": doc(7)}, ["data", "v", "id"], ["7"]),
        ({}, ["ref"], [doc(101)]),
        ({}, ["ref", "id"], ["101"]),
        ({}, ["ref", "collection"], [coll()]),
        ({}, ["class"], [coll()]),
        ({}, ["collection"], []),
        ({"v": True}, ["data", "v"], [True]),
    ],
)
def test_extraction(spells: Database, content: Any, path: list[Any], expected: list[Any]) -> None:
    create_index(spells, "by_value", values=[path])
    create_index(spells, "by_term", terms=[path])
    create(spells, 101, content)
    assert data(spells, match("by_value")) == expected
    for value in expected:
        assert ids(data(spells, match("by_term", value))) == [101]


def test_null_beside_other_elements(spells: Database) -> None:
    create_index(spells, "pairs", values=["v", "w"])
    create(spells, 101, {"v": [{"b": 1}, 4], "w": 1})
    assert data(spells, match("pairs")) == [[4, 1], [None, 1]]


@pytest.mark.parametrize(
    ("content", "terms", "found"),
    [
        ({"a": 1}, [1, None], [101]),
        ({"a": 1}, [1], []),
        ({"a": 1, "b": 2}, [1, 2], [101]),
        ({"a": 1, "b": 2}, [1, 2, 3], []),
        ({"a": 1, "b": 2}, [1.0, 2], []),
        ({"a": 1, "b": 2}, [2, 1], []),
        ({}, [None, None], []),
        ({"a": [1, 2], "b": [3, 4]}, [2, 3], [101]),
    ],
)
def test_two_terms(spells: Database, content: Any, terms: list[Any], found: list[int]) -> None:
    create_index(spells, "by_ab", terms=["a", "b"])
    create(spells, 101, content)
    assert ids(data(spells, match("by_ab", *terms))) == found


def test_values_combine(spells: Database) -> None:
    create_index(spells, "ab", values=["a", "b"])
    create_index(spells, "a_b", terms=["a"], values=["b"])
    create(spells, 101, {"a": [1, 42], "b": [3, 4]})
    assert data(spells, match("ab")) == [[1, 3], [1, 4], [42, 3], [42, 4]]
    assert data(spells, match("a_b", 1)) == data(spells, match("a_b", 42)) == [3, 4]


def test_entries_leave_and_come_with_updates(spells: Database) -> None:
    create_index(spells, "by_school", terms=["school"], values=["name"])
    create(spells, 101, {"school": "fire"})
    assert data(spells, match("by_school", "fire")) == []
    spells.wire({"update": doc(101), "params": obj({"data": {"name": "Ember"}})})
    assert data(spells, match("by_school", "fire")) == ["Ember"]
    spells.wire({"update": doc(101), "params": obj({"data": {"school": ["air", "fire"]}})})
    assert data(spells, match("by_school", "air")) == data(spells, match("by_school", "fire")) == ["Ember"]
    spells.wire({"delete": doc(101)})
    assert data(spells, match("by_school", "air")) == data(spells, match("by_school", "fire")) == []


def test_an_integer_that_becomes_a_double(spells: Database) -> None:
    create_index(spells, "by_v", values=["v"])
    create(spells, 101, {"v": 1})
    spells.wire({"update": doc(101), "params": obj({"data": {"v": 1.0}})})
    assert [type(value) for value in data(spells, match("by_v"))] == [float]
    spells.wire({"update": doc(101), "params": obj({"data": {"v": [1.0, 1]}})})
    assert [type(value) for value in data(spells, match("by_v"))] == [float, int]
    spells.wire({"update": doc(101), "params": obj({"data": {"v": [1]}})})
    assert [type(value) for value in data(spells, match("by_v"))] == [int]


def test_transaction_time(spells: Database) -> None:
    create_index(spells, "times", values=[["ts"]])
    create_index(spells, "by_time", terms=[["ts"]])
    ts = create(spells, 101, {})["ts"]
    assert data(spells, match("times")) == [ts]
    assert ids(data(spells, match("by_time", None))) == [101]
    assert data(spells, match("by_time", ts)) == []
    time = {"query": {"lambda": "d", "expr": {"select": "ts", "from": {"var": "d"}}}}
    source = {"object": {"collection": coll(), "fields": {"object": {"t": time}}}}
    fields = [{"object": {"binding": "t"}}, {"object": {"field": ["data", "v"]}}]
    config = {"name": "bound", "source": source, "terms": fields, "values": fields[:1]}
    spells.wire({"create_index": {"object": config}})
    create(spells, 102, {"v": 1})
    create(spells, 103, {"v": 2})
    assert len(data(spells, match("bound", None, 1))) == 1
    spells.wire({"update": doc(102), "params": obj({"data": {"v": 2}})})
    assert data(spells, match("bound", None, 1)) == []
    assert len(data(spells, match("bound", None, 2))) == 2
    for number in (102, 103):
        spells.wire({"delete": doc(number)})
    assert data(spells, match("bound", None, 2)) == []
    again = spells.wire(
        {"do": [{"update": doc(101)}, {"select": ["data", 0], "from": paginate(match("times"))}]}
    )
    assert data(spells, match("times")) == [again] != [ts]


def _bound_index(terms: list[Any]) -> dict[str, Any]:
    """An index whose binding ``t`` is the time of the document, alone or within an array with a null."""
    doc_ts = {"select": "ts", "from": {"var": "d"}}
    fields = {
        "t": {"query": {"lambda": "d", "expr": doc_ts}},
        "array": {"query": {"lambda": "d", "expr": [doc_ts, None]}},
    }
    used = {term["object"].get("binding") for term in terms}
    fields = {name: body for name, body in fields.items() if name in used}
    source = {"object": {"collection": coll(), "fields": {"object": fields}}}
    return {"create_index": {"object": {"name": "timed", "source": source, "terms": terms}}}


TIME, V = {"object": {"field": ["ts"]}}, {"object": {"field": ["data", "v"]}}
BOUND, BOUND_ARRAY = {"object": {"binding": "t"}}, {"object": {"binding": "array"}}


@pytest.mark.parametrize("terms", [[TIME], [BOUND], [BOUND_ARRAY], [TIME, V], [V, BOUND], [TIME, BOUND]])
def test_the_transaction_time_as_a_term_is_stored_as_null_but_not_missing(
    spells: Database, terms: list[Any]
) -> None:
    """Unlike a term that is missing, it gives an entry although all terms are null; so do older documents."""
    create(spells, 101, {})
    spells.wire(_bound_index(terms))
    create(spells, 102, {})
    found = match("timed", *[None] * len(terms))
    assert ids(data(spells, found)) == [101, 102]
    spells.wire({"update": doc(101), "params": obj({"data": {"w": 1}})})
    assert ids(data(spells, found)) == [101, 102]
    for number in (101, 102):
        spells.wire({"delete": doc(number)})
    assert data(spells, found) == []


def test_casefold_and_whole_values(spells: Database) -> None:
    create_index(spells, "folded", terms=[{"field": ["data", "v"], "transform": "casefold"}])
    create_index(spells, "whole", terms=[{"field": ["data", "v"], "mva": False}])
    create(spells, 101, {"v": ["Straße", "ABC"]})
    create(spells, 102, {"v": {"b": 1, "a": 2}})
    assert ids(data(spells, match("folded", "strasse"))) == ids(data(spells, match("folded", "abc"))) == [101]
    assert data(spells, match("folded", "ABC")) == []
    assert ids(data(spells, match("whole", ["Straße", "ABC"]))) == [101]
    assert data(spells, match("whole", "ABC")) == []
    assert ids(data(spells, match("whole", {"object": {"a": 2, "b": 1}}))) == [102]


def test_bindings(spells: Database) -> None:
    body = {"lambda": "d", "expr": {"add": [1, {"select": ["data", "n"], "from": {"var": "d"}}]}}
    config = {
        "object": {
            "name": "bound",
            "source": {"object": {"collection": coll(), "fields": {"object": {"next": {"query": body}}}}},
            "values": [{"object": {"binding": "next"}}],
        }
    }
    spells.wire({"create_index": config})
    create(spells, 101, {"n": 4})
    create(spells, 102, {"n": "no number"})
    create(spells, 103, {})
    assert data(spells, match("bound")) == [5]


@pytest.mark.parametrize(
    ("result", "options", "shown"),
    [
        ({"select": ["data", "v"], "from": {"var": "d"}}, {}, [3, "x"]),
        ([1, {"object": {"z": 1}}, [2], "s", None, 1.0, 1], {}, [1, 1.0, "s", None]),
        ([], {}, [None]),
        ({"object": {"q": 1}}, {}, [None]),
        ({"query": {"lambda": "x", "expr": 1}}, {}, [None]),
        ({"documents": coll()}, {}, [None]),
        ({"select": ["data", "missing"], "from": {"var": "d"}}, {}, [None]),
        ({"divide": [1, 0]}, {}, [None]),
        ({"abort": "no"}, {}, [None]),
        ({"select": "ref", "from": {"var": "d"}}, {}, [doc(101)]),
        (["Straße", "AB", 1], {"transform": "casefold"}, [1, "ab", "strasse"]),
    ],
)
def test_what_bindings_give(spells: Database, result: Any, options: Any, shown: list[Any]) -> None:
    body = {"query": {"lambda": "d", "expr": result}}
    source = {"object": {"collection": coll(), "fields": {"object": {"found": body}}}}
    create(spells, 101, {"v": [3, "x"]})
    values = [{"object": {"binding": "found", **options}}, {"object": {"field": ["ref"]}}]
    spells.wire({"create_index": {"object": {"name": "bound", "source": source, "values": values}}})
    assert list(map(repr, data(spells, match("bound")))) == [repr([value, doc(101)]) for value in shown]


def test_order_of_kinds_and_its_mirror(spells: Database) -> None:
    create_index(spells, "up", values=["v"])
    create_index(spells, "down", values=[{"field": ["data", "v"], "reverse": True}])
    sequence = [
        -5, 1, 2, 3, 3.14, 4, {"@bytes": "AQ=="}, "", "_", "1", "a", "A", "b", "fall", "FALL", doc(9),
        {"@ts": "2020-01-01T00:00:00Z"}, {"@date": "2020-01-01"}, False, True,
    ]  # fmt: skip
    for number, value in enumerate(reversed(sequence), 101):
        create(spells, number, {"v": value})
    assert data(spells, match("up")) == sequence
    assert data(spells, match("down")) == sequence[::-1]


def test_equal_values_order_by_document_also_when_descending(spells: Database) -> None:
    create_index(spells, "down", values=[{"field": ["data", "v"], "reverse": True}])
    for number in (103, 101, 102):
        create(spells, number, {"v": 1})
    page = spells.wire(paginate(match("down"), size=1))
    assert page["after"] == [1, doc(102)]


@pytest.mark.parametrize(
    ("terms", "values", "contents", "accepted"),
    [
        (["a"], [], [{"a": 1}, {"a": 1}], False),
        (["a"], [], [{"a": 1}, {"a": 1.0}], True),
        (["a"], [], [{"a": [1, 2]}, {"a": [2, 3]}], False),
        (["a"], [], [{}, {}], True),
        (["a"], ["b"], [{"a": 1, "b": 1}, {"a": 1, "b": 2}], True),
        (["a"], ["b"], [{"a": 1, "b": 1}, {"a": 1, "b": 1}], False),
        ([], ["b"], [{"b": 1}, {"b": 1}], False),
        ([], ["b"], [{"b": 1}, {"b": 1.0}], True),
    ],
)
def test_unique(
    spells: Database, terms: list[str], values: list[str], contents: list[Any], accepted: bool
) -> None:
    create_index(spells, "once", terms=terms, values=values, unique=True)
    first, second = contents
    create(spells, 101, first)
    query = {"create": doc(102), "params": obj({"data": second})}
    if accepted:
        spells.wire(query)
        return
    error = spells.error(query)
    assert (error["code"], error["description"], error["position"]) == (
        "instance not unique",
        "document is not unique.",
        ["create"],
    )
    moved = {"do": [{"delete": doc(101)}, query]}
    assert spells.wire(moved)["ref"] == doc(102)


def test_oversize_entries_are_left_out(spells: Database) -> None:
    create_index(spells, "by_v", terms=["v"], unique=True)
    create_index(spells, "v", values=["v"])
    create(spells, 101, {"v": "x" * 40_000})
    create(spells, 102, {"v": "x" * 40_000})
    create(spells, 103, {"v": "x" * 30_000})
    assert data(spells, match("v")) == ["x" * 30_000]
    error = spells.body(paginate(match("by_v", "x" * 40_000)))
    assert error[0] == 400
    assert error[1]["errors"][0]["code"] == "bad request"
    assert error[1]["errors"][0]["description"].endswith("exceeds 32767")


def test_too_many_entries_of_one_document(spells: Database) -> None:
    create_index(spells, "product", values=["a", "b", "c"])
    many = list(range(200))
    status, body = spells.body(
        {"create": doc(101), "params": obj({"data": {"a": many, "b": many, "c": many}})}
    )
    assert status == 400
    assert "have estimated byte size" in body["errors"][0]["description"]
    assert data(spells, documents()) == []


def test_an_index_covers_the_collections_of_its_source(db: Database) -> None:
    for name in ("spells", "plants"):
        create_collection(db, name)
    create_index(db, "both", source=[coll("spells"), coll("plants")], terms=["v"])
    create_index(db, "all", source="_", terms=["v"])
    wait_active(db, "both", "all")
    create(db, 1, {"v": 1}, "spells")
    create(db, 2, {"v": 1}, "plants")
    create_collection(db, "later")
    create(db, 3, {"v": 1}, "later")
    assert ids(data(db, match("both", 1))) == [1, 2]
    assert ids(data(db, match("all", 1))) == [1, 2, 3]
    db.wire({"delete": coll("plants")})
    assert ids(data(db, match("both", 1))) == [1]
    assert ids(data(db, match("all", 1))) == [1, 3]


def wait_active(db: Database, *names: str) -> None:
    assert db.engine.background.wait(30)
    for name in names:
        assert db.wire({"select": "active", "from": {"get": {"index": name}}}) is True


def test_building_small_collections_at_once_and_large_ones_behind(spells: Database) -> None:
    for number in range(1, 101):
        create(spells, number, {"v": number % 7})
    assert create_index(spells, "small", terms=["v"])["active"] is True
    for number in range(101, 301):
        create(spells, number, {"v": number % 7})
    spells.wire({"update": doc(7), "params": obj({"data": {"v": "moved"}})})
    assert create_index(spells, "large", terms=["v"])["active"] is False
    create(spells, 900, {"v": 0})
    wait_active(spells, "large")
    expected = ids(data(spells, match("small", 0), size=1000))
    assert ids(data(spells, match("large", 0), size=1000)) == expected
    assert 900 in expected
    assert 7 not in expected
    for name in ("small", "large"):
        events = data(spells, {"events": match(name, 0)}, size=1000)
        assert [item["action"] for item in events if item["document"] == doc(7)] == ["add", "remove"]


def test_an_index_that_is_not_there(spells: Database) -> None:
    error = spells.error({"match": "no"})
    assert (error["code"], error["position"], error["description"]) == (
        "invalid ref",
        ["index"],
        "Ref refers to undefined index 'no'",
    )
    error = spells.error({"match": {"index": "no"}})
    assert (error["code"], error["position"]) == ("invalid ref", ["match"])
    error = spells.error({"match": {"index": "no"}, "terms": {"collection": "none"}})
    assert (error["code"], error["position"]) == ("invalid ref", ["match"])
    create_index(spells, "by_v", terms=["v"])
    error = spells.error({"match": "by_v", "terms": [1, {"collection": "none"}]})
    assert (error["code"], error["position"], error["description"]) == (
        "invalid argument",
        ["terms", 1],
        "Any expected, Collection Ref provided.",
    )
    error = spells.error({"match": 1})
    assert (error["position"], error["description"]) == (["match"], "Identifier expected, Integer provided.")
