"""Pages and cursors, against the documented examples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import Database, filled_once
from tests.engine.sets.school import (
    coll,
    create,
    create_collection,
    create_index,
    data,
    doc,
    documents,
    index_ref,
    match,
    obj,
    paginate,
)


@pytest.fixture
@filled_once
def spells(db: Database) -> Database:
    """Five spells of one school, their levels, and indexes over them."""
    create_collection(db)
    create_index(db, "by_school", terms=["school"])
    create_index(db, "by_level", values=["level"])
    create_index(db, "by_name", values=["name", ["ref"]])
    for number, level in ((101, 1), (102, 3), (103, 3), (104, 7), (105, 9)):
        create(db, number, {"school": "fire", "level": level, "name": f"n{number}"})
    return db


FIRE = match("by_school", "fire")


@pytest.mark.parametrize(
    ("options", "page"),
    [
        ({"size": 2}, {"after": [doc(103)], "data": [doc(101), doc(102)]}),
        (
            {"size": 2, "after": [doc(103)]},
            {"before": [doc(103)], "after": [doc(105)], "data": [doc(103), doc(104)]},
        ),
        ({"size": 2, "after": [doc(105)]}, {"before": [doc(105)], "data": [doc(105)]}),
        (
            {"size": 2, "before": [doc(105)]},
            {"before": [doc(103)], "after": [doc(105)], "data": [doc(103), doc(104)]},
        ),
        ({"size": 2, "before": [doc(103)]}, {"after": [doc(103)], "data": [doc(101), doc(102)]}),
        ({"size": 2, "before": None}, {"before": [doc(104)], "after": [None], "data": [doc(104), doc(105)]}),
        ({"size": 2, "after": None}, {"before": [None], "data": []}),
        ({"size": 2, "after": 0}, {"before": [0], "after": [doc(103)], "data": [doc(101), doc(102)]}),
        ({"size": 2, "after": doc(103)}, {"before": [doc(103)], "after": [doc(105)], "data": [doc(103), doc(104)]}),
        ({"size": 2, "before": []}, {"after": [], "data": []}),
        ({"size": 1, "after": []}, {"before": [], "after": [doc(102)], "data": [doc(101)]}),
        ({"size": 0, "after": [doc(103)]}, {"before": [doc(103)], "after": [doc(103)], "data": []}),
        ({"size": -1, "after": [doc(103)]}, {"before": [doc(103)], "data": []}),
        ({"size": -1, "before": [doc(103)]}, {"after": [doc(103)], "data": []}),
        ({"size": 0}, {"data": []}),
        ({"cursor": None, "size": 4}, {"after": [doc(105)], "data": [doc(n) for n in (101, 102, 103, 104)]}),
        (
            {"cursor": {"object": {"before": doc(103)}}, "size": 1},
            {"before": [doc(102)], "after": [doc(103)], "data": [doc(102)]},
        ),
        ({"size": 1_000_000}, {"data": [doc(number) for number in range(101, 106)]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", [FIRE, documents(), {"union": [FIRE, documents()]}, {"distinct": FIRE}])
def test_pages_of_refs(spells: Database, target: Any, options: dict[str, Any], page: dict[str, Any]) -> None:
    assert spells.wire(paginate(target, **options)) == page


@pytest.mark.parametrize(
    ("options", "page"),
    [
        ({"size": 1}, {"after": [3, doc(102)], "data": [1]}),
        ({"size": 1, "after": [3, doc(103)]}, {"before": [3, doc(103)], "after": [7, doc(104)], "data": [3]}),
        ({"size": 2, "after": 3}, {"before": [3], "after": [7, doc(104)], "data": [3, 3]}),
        ({"before": 3}, {"after": [3], "data": [1]}),
        ({"before": [3, doc(103)]}, {"after": [3, doc(103)], "data": [1, 3]}),
        ({"size": 1, "before": [3, doc(103)]}, {"before": [3, doc(102)], "after": [3, doc(103)], "data": [3]}),
        ({"size": 1, "after": [3, None]}, {"before": [3, None], "after": [9, doc(105)], "data": [7]}),
        ({"size": 1, "after": [3, 0]}, {"before": [3, 0], "after": [3, doc(103)], "data": [3]}),
        ({"size": 1, "after": [3, doc(102), "more", 1]}, {"before": [3, doc(102), "more", 1], "after": [3, doc(103)], "data": [3]}),
    ],
)  # fmt: skip
def test_pages_of_values(spells: Database, options: dict[str, Any], page: dict[str, Any]) -> None:
    assert spells.wire(paginate(match("by_level"), **options)) == page


def test_a_ref_among_the_values_comes_once_more_in_cursors(spells: Database) -> None:
    page = spells.wire(paginate(match("by_name"), size=1))
    assert page == {"after": ["n102", doc(102), doc(102)], "data": [["n101", doc(101)]]}


def test_reversed_refs_have_the_ref_twice_in_cursors(spells: Database) -> None:
    target = {"reverse": FIRE}
    assert spells.wire(paginate(target, size=2)) == {
        "after": [doc(103), doc(103)],
        "data": [doc(105), doc(104)],
    }
    assert data(spells, target, after=[doc(103), doc(103)]) == [doc(103), doc(102), doc(101)]
    assert data(spells, target, after=doc(103)) == [doc(103), doc(102), doc(101)]
    assert data(spells, target, before=[doc(103), doc(103)]) == [doc(105), doc(104)]
    assert data(spells, target, after=None) == [doc(number) for number in range(105, 100, -1)]
    # What is no ref is before them all.
    assert data(spells, target, after=0) == data(spells, target, after=None)
    assert data(spells, target, before=0) == []


def test_reversed_values(spells: Database) -> None:
    target = {"reverse": match("by_level")}
    assert spells.wire(paginate(target, size=2)) == {"after": [3, doc(103)], "data": [9, 7]}
    assert data(spells, target, after=[3, doc(103)]) == [3, 3, 1]
    assert data(spells, target, before=[3, doc(102)]) == [9, 7, 3]
    assert data(spells, target, before=3) == [9, 7]
    assert data(spells, {"reverse": target}) == [1, 3, 3, 7, 9]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"paginate": 1}, ("invalid argument", ["paginate"], "Ref or Set expected, Integer provided.")),
        ({"paginate": {"collection": "no"}}, ("invalid ref", ["paginate"], "Ref refers to undefined collection 'no'")),
        ({"paginate": FIRE, "size": "2"}, ("invalid argument", ["size"], "Integer expected, String provided.")),
        ({"paginate": FIRE, "size": None}, ("invalid argument", ["size"], "Integer expected, Null provided.")),
        ({"paginate": FIRE, "ts": "x"}, ("invalid argument", ["ts"], "Time expected, String provided.")),
        ({"paginate": FIRE, "events": 1}, ("invalid argument", ["events"], "Boolean expected, Integer provided.")),
        ({"paginate": FIRE, "sources": None}, ("invalid argument", ["sources"], "Boolean expected, Null provided.")),
        (
            {"paginate": FIRE, "cursor": 1},
            ("invalid argument", ["cursor"], "Invalid cursor object. Expected an object with either 'before' or 'after' key in it."),
        ),
        (
            {"paginate": FIRE, "cursor": {"object": {}}},
            ("invalid argument", ["cursor"], "Invalid cursor object. Expected an object with either 'before' or 'after' key in it."),
        ),
        (
            {"paginate": FIRE, "after": {"collection": "no"}},
            ("invalid ref", ["after"], "Ref refers to undefined collection 'no'"),
        ),
        (
            {"paginate": FIRE, "cursor": {"object": {"after": {"collection": "no"}}}},
            ("invalid ref", ["cursor", "after"], "Ref refers to undefined collection 'no'"),
        ),
        (
            {"paginate": FIRE, "before": [{"object": {"a": [{"collection": "no"}]}}]},
            ("invalid ref", ["before"], "Ref refers to undefined collection 'no'"),
        ),
        (
            {"paginate": FIRE, "before": 1, "after": 2},
            ("invalid expression", [], "No form/function found, or invalid argument keys: { paginate, before, after }."),
        ),
        (
            {"paginate": {"range": FIRE, "from": 0, "to": None}, "events": True},
            ("invalid argument", [], "Set does not support events history."),
        ),
        (
            {"paginate": {"reverse": FIRE}, "events": True, "after": [{"collection": "no"}]},
            ("invalid argument", ["after"], "Object, Integer, Time, or Date expected, Array provided."),
        ),
    ],
)  # fmt: skip
def test_errors(spells: Database, query: Any, error: tuple[str, list[Any], str]) -> None:
    found = spells.error(query)
    assert (found["code"], found["position"], found["description"]) == error


def test_sources_name_the_sets_that_an_element_comes_from(spells: Database) -> None:
    source = {"@set": {"match": index_ref("by_school"), "terms": "fire"}}
    assert spells.wire(paginate(FIRE, size=1, sources=True))["data"] == [
        {"value": doc(101), "sources": [source]}
    ]
    everything = {"@set": None}  # a collection is not named among the sources of its elements
    (item,) = spells.wire(paginate({"union": [FIRE, documents()]}, size=1, sources=True))["data"]
    assert item["value"] == doc(101)
    assert sorted(map(str, item["sources"])) == sorted(map(str, [source, everything]))
    item = spells.wire({"select": ["data", 0, "sources", 0], "from": paginate(FIRE, sources=True)})
    assert item == source
    (item,) = data(spells, doc(101), sources=True)
    assert item == {"value": doc(101), "sources": [doc(101)]}
    (item,) = data(spells, {"singleton": doc(101)}, sources=True)
    assert item["sources"] == [{"@set": {"singleton": doc(101)}}]
    (first, *_) = data(spells, {"reverse": FIRE}, sources=True)
    assert first["sources"] == [{"@set": {"reverse": source}}]


@pytest.mark.parametrize("whole", [documents(), {"collections": None}, {"distinct": documents()}])
def test_collections_are_sources_without_a_name(spells: Database, whole: Any) -> None:
    page = paginate(whole, size=1, sources=True)
    assert spells.wire(page)["data"][0]["sources"] == [{"@set": None}]
    source = {"select": ["data", 0, "sources", 0], "from": page}
    assert spells.wire(paginate(source, size=1)) == spells.wire(paginate(whole, size=1))


NOWHERE = {"ref": {"collection": "nowhere"}, "id": 5}
NOWHERE_SHOWN = doc(5, "nowhere")


@pytest.mark.parametrize(
    ("target", "cursor"),
    [
        (FIRE, [10, NOWHERE]),
        (FIRE, [1, 2, [NOWHERE]]),
        (documents(), [doc(101), NOWHERE]),
        ({"functions": None}, [5, NOWHERE]),
        ({"singleton": doc(101)}, [20, 2, NOWHERE, NOWHERE]),
        (match("by_level"), [0, 5, NOWHERE]),
    ],
)
def test_refs_behind_the_place_of_a_cursor_need_not_lead_anywhere(
    spells: Database, target: Any, cursor: list[Any]
) -> None:
    spells.wire(paginate(target, before=cursor))
    spells.wire(
        {"range": target, "from": cursor, "to": []} if "singleton" not in target else {"union": target}
    )


def test_cursors_are_repeated_with_the_refs_that_lead_nowhere(spells: Database) -> None:
    page = spells.wire(paginate(match("by_level"), size=0, after=[0, 5, NOWHERE]))
    assert page == {"before": [0, 5, NOWHERE_SHOWN], "after": [0, 5, NOWHERE_SHOWN], "data": []}


def test_negative_ids_in_cursors_come_first(spells: Database) -> None:
    cursor = [{"ref": coll(), "id": -1}]
    assert data(spells, documents(), before=cursor) == []
    assert data(spells, documents(), after=cursor) == data(spells, documents())


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_without_elements_is_read_all_the_same(spells: Database, size: int) -> None:
    three = {"lambda": ["a", "b"], "expr": True}
    error = spells.error(paginate({"filter": three, "collection": FIRE}, size=size))
    assert error["description"] == "Lambda expects an array with 2 elements. Array contains 1."


def test_a_ref_as_a_set(spells: Database) -> None:
    assert spells.wire(paginate(doc(101))) == {"data": [doc(101)]}
    assert spells.wire(paginate(doc(999))) == {"data": []}
    assert spells.wire(paginate(coll())) == {"data": [coll()]}
    assert data(spells, {"collections": None}) == [coll()]


def test_a_page_is_read_at_a_time(spells: Database) -> None:
    before = spells.wire({"select": "ts", "from": {"get": doc(104)}}) - 1
    assert data(spells, FIRE, ts=before) == [doc(101), doc(102), doc(103)]
    assert data(spells, documents(), ts=before) == [doc(101), doc(102), doc(103)]
    at = {"at": before, "expr": paginate(FIRE)}
    assert spells.wire(at)["data"] == [doc(101), doc(102), doc(103)]
    assert spells.wire({"at": before, "expr": paginate(FIRE, ts={"time": "now"})})["data"][-1] == doc(105)
    assert data(spells, FIRE, ts=2**62) == data(spells, FIRE)
    assert data(spells, doc(104), ts=before) == []


def test_paging_forward_and_back_gives_the_same(spells: Database) -> None:
    first = spells.wire(paginate(match("by_level"), size=2))
    second = spells.wire(paginate(match("by_level"), size=2, after=obj(first["after"])))
    again = spells.wire(paginate(match("by_level"), size=2, before=obj(second["before"])))
    assert again["data"] == first["data"]


def test_expired_documents_are_absent_at_every_time(spells: Database) -> None:
    before = spells.wire({"time": "now"})
    past = {"@ts": "2001-01-01T00:00:00Z"}
    create(spells, 300, {"school": "fire", "level": 1}, ttl=past)
    assert doc(300) not in data(spells, FIRE)
    assert doc(300) not in data(spells, documents())
    assert doc(300) not in data(spells, FIRE, ts=before)


def test_no_scan_outlives_its_query(db: Database) -> None:
    create_collection(db)
    numbers = {"lambda": "i", "expr": {"create": {"ref": coll(), "id": {"var": "i"}}}}
    db.wire({"foreach": numbers, "collection": list(range(1, 401))})
    every = {"lambda": "r", "expr": documents()}
    slow = {
        "count": {"join": documents(), "with": {"lambda": "r", "expr": {"union": [documents(), documents()]}}}
    }
    assert db.wire({"count": {"join": documents(), "with": every}}) == 400
    status, body = db.body(slow, headers={"x-query-timeout": "1"})
    assert (status, body["errors"][0]["code"]) == (503, "time out")
    assert db.wire({"count": documents()}) == 400


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_values_of_a_document_that_only_differ_in_kind_stay_on_one_page(spells: Database, size: int) -> None:
    """No cursor can tell 1 and 1.0 of one document apart: a page that began between them would never end."""
    create_index(spells, "numbers", values=["n"])
    create(spells, 201, {"n": [1, 1.0, 2]})
    create(spells, 202, {"n": [1.0, 1, 3.0]})
    for target, end in (
        (match("numbers"), None),
        ({"reverse": match("numbers")}, 0),
        ({"union": [match("numbers")] * 2}, None),
    ):
        everything = data(spells, target)
        assert sorted(map(repr, everything)) == ["1", "1", "1.0", "1.0", "2", "3.0"]
        for backward in (False, True):
            found: list[Any] = []
            cursor: Any = end if backward else []
            while cursor is not None or (backward and not found):
                side = "before" if backward else "after"
                page = spells.wire(paginate(target, size=size, **{side: obj(cursor)}))
                assert 0 < len(page["data"]) <= max(size + 1, 2)
                found = page["data"] + found if backward else found + page["data"]
                cursor = page.get(side)
            assert list(map(repr, found)) == list(map(repr, everything))
