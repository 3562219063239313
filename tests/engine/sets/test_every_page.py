"""Every kind of set, paged forward and backward at every size and from every place, with the exact cursors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database
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

#: Number of the spell -> (schools, level, name); levels repeat, so that refs decide the order.
SPELLS = {
    101: (["fire"], 3, "ember"),
    102: (["fire", "air"], 1, "spark"),
    103: (["air"], 3, "gust"),
    104: (["fire"], 3, "blaze"),
    105: (["fire", "air"], 7, "storm"),
    106: (["air"], 1, "breeze"),
    107: (["fire", "air"], 3, "flare"),
    108: (["fire"], 9, "inferno"),
}

#: An element as it is shown, and the cursor of its place.
Place = tuple[Any, Any]


@pytest.fixture(scope="module")
def school() -> Iterator[Database]:
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        create_collection(db)
        create_collection(db, "wizards")
        level_down = {"field": ["data", "level"], "reverse": True}
        create_index(db, "refs", terms=["schools"])
        create_index(db, "levels", terms=["schools"], values=["level"])
        create_index(db, "down", terms=["schools"], values=[level_down])
        create_index(db, "pairs", terms=["schools"], values=[level_down, "name"])
        create_index(db, "named", terms=["schools"], values=["name", ["ref"]])
        create_index(db, "by_ref", terms=[["ref"]], values=["level", "name"])
        for number, (schools, level, name) in SPELLS.items():
            create(db, number, {"schools": schools, "level": level, "name": name})
        for number in (102, 103, 107):
            db.wire({"update": doc(number), "params": obj({"data": {"level": SPELLS[number][1]}})})
        yield db


def of(school: str) -> list[tuple[int, int, str]]:
    """(id, level, name) of the spells of a school."""
    return [(number, level, name) for number, (schools, level, name) in SPELLS.items() if school in schools]


def refs(*numbers: int) -> list[Place]:
    return [(doc(number), [doc(number)]) for number in sorted(numbers)]


def reversed_refs(places: list[Place]) -> list[Place]:
    return [(shown, [shown, shown]) for shown, _ in reversed(places)]


def levels(school: str) -> list[Place]:
    return [
        (level, [level, doc(number)])
        for level, number in sorted((level, number) for number, level, _ in of(school))
    ]


FIRE, AIR = [number for number, *_ in of("fire")], [number for number, *_ in of("air")]
FIRE_LEVELS, AIR_LEVELS = levels("fire"), levels("air")
DOWN = [
    (level, [level, doc(number)])
    for level, number in sorted(((level, number) for number, level, _ in of("fire")), key=lambda item: (-item[0], item[1]))
]  # fmt: skip
PAIRS = [
    ([level, name], [level, name, doc(number)])
    for number, level, name in sorted(of("fire"), key=lambda item: (-item[1], item[2]))
]
NAMED = [
    ([name, doc(number)], [name, doc(number), doc(number)])
    for number, _, name in sorted(of("air"), key=lambda item: item[2])
]
TARGETS = [
    ([level, name], [level, name, doc(number)])
    for number, level, name in sorted(of("air"), key=lambda item: (item[1], item[2]))
]

F, A = match("refs", "fire"), match("refs", "air")
FL, AL = match("levels", "fire"), match("levels", "air")
ODD = {"lambda": "x", "expr": {"equals": [{"var": "x"}, 3]}}
BY_REF = {"lambda": "r", "expr": {"match": {"index": "by_ref"}, "terms": {"var": "r"}}}

SETS: list[tuple[Any, list[Place]]] = [
    (F, refs(*FIRE)),
    (FL, FIRE_LEVELS),
    (match("down", "fire"), DOWN),
    (match("pairs", "fire"), PAIRS),
    (match("named", "air"), NAMED),
    (match("refs", "none"), []),
    (documents(), refs(*SPELLS)),
    ({"collections": None}, [(coll(name), [coll(name)]) for name in ("spells", "wizards")]),
    ({"documents": {"collections": None}}, [(coll(name), [coll(name)]) for name in ("spells", "wizards")]),
    (
        {"indexes": None},
        [(index_ref(name), [index_ref(name)]) for name in ("refs", "levels", "down", "pairs", "named", "by_ref")],
    ),
    ({"singleton": doc(103)}, refs(103)),
    (doc(103), refs(103)),
    ({"union": [F, A]}, refs(*SPELLS)),
    ({"intersection": [F, A]}, refs(*(set(FIRE) & set(AIR)))),
    ({"difference": [F, A]}, refs(*(set(FIRE) - set(AIR)))),
    # Groups of one level count; the copies keep the lowest documents.
    (
        {"union": [FL, AL]},
        [(1, [1, doc(102)]), (1, [1, doc(106)]), (3, [3, doc(101)]), (3, [3, doc(104)]), (3, [3, doc(107)]),
         (7, [7, doc(105)]), (9, [9, doc(108)])],
    ),
    ({"difference": [FL, {"range": AL, "from": 3, "to": 3}]}, [FIRE_LEVELS[0], *FIRE_LEVELS[-2:]]),
    ({"distinct": FL}, [(1, [1, doc(102)]), (3, [3, doc(101)]), (7, [7, doc(105)]), (9, [9, doc(108)])]),
    ({"range": FL, "from": 3, "to": 7}, FIRE_LEVELS[1:-1]),
    ({"range": F, "from": doc(102), "to": doc(107)}, refs(102, 104, 105, 107)),
    ({"range": match("pairs", "fire"), "from": 7, "to": [3, "ember"]}, PAIRS[1:4]),
    ({"filter": ODD, "collection": AL}, [place for place in AIR_LEVELS if place[0] == 3]),
    ({"join": A, "with": {"index": "by_ref"}}, TARGETS),
    ({"join": A, "with": BY_REF}, TARGETS),
    ({"reverse": F}, reversed_refs(refs(*FIRE))),
    ({"reverse": documents()}, reversed_refs(refs(*SPELLS))),
    ({"reverse": FL}, FIRE_LEVELS[::-1]),
    ({"reverse": match("pairs", "fire")}, PAIRS[::-1]),
    ({"reverse": match("named", "air")}, NAMED[::-1]),
    ({"reverse": {"reverse": FL}}, FIRE_LEVELS),
    ({"reverse": {"union": [F, A]}}, reversed_refs(refs(*SPELLS))),
    ({"reverse": {"distinct": match("named", "air")}}, NAMED[::-1]),
    ({"reverse": {"join": A, "with": {"index": "by_ref"}}}, TARGETS[::-1]),
    ({"range": {"reverse": F}, "from": doc(107), "to": doc(102)}, reversed_refs(refs(102, 104, 105, 107))),
    ({"union": [{"reverse": FL}, {"reverse": {"range": FL, "from": 9, "to": []}}]}, FIRE_LEVELS[::-1]),
]  # fmt: skip


def check(db: Database, target: Any, places: list[Place], echoed: Any = lambda cursor: cursor) -> None:
    """Pages from every place, of every size, in both directions. echoed: a cursor as pages repeat it."""
    shown, cursors = [place[0] for place in places], [place[1] for place in places]
    end = len(places)
    for size in range(1, end + 2):
        for start in range(end + 1):
            given = {"after": obj(cursors[start])} if 0 < start < end else {}
            if start == end:
                continue
            following = start + size
            expected: dict[str, Any] = {"before": echoed(cursors[start])} if given else {}
            if following < end:
                expected["after"] = cursors[following]
            assert db.wire(paginate(target, size=size, **given)) == {
                **expected,
                "data": shown[start:following],
            }
        for stop in range(1, end):
            start = max(0, stop - size)
            expected = {"before": cursors[start]} if start else {}
            assert db.wire(paginate(target, size=size, before=obj(cursors[stop]))) == {
                **expected,
                "after": echoed(cursors[stop]),
                "data": shown[start:stop],
            }
    assert data(db, target) == shown
    if places:
        assert data(db, target, before=obj(cursors[0])) == []
        assert data(db, target, after=obj(cursors[-1])) == shown[-1:]


@pytest.mark.parametrize(("target", "places"), SETS)
def test_every_page_of_a_set(school: Database, target: Any, places: list[Place]) -> None:
    check(school, target, places)


@pytest.mark.parametrize(("target", "places"), SETS)
def test_folds_see_what_pages_show(school: Database, target: Any, places: list[Place]) -> None:
    if target == doc(103):
        return
    shown = [place[0] for place in places]
    collect = {"lambda": ["found", "x"], "expr": {"append": [[{"var": "x"}]], "collection": {"var": "found"}}}
    folded = {"reduce": collect, "initial": [], "collection": target}
    assert [item[0] for item in school.wire(folded)] == shown
    assert school.wire({"count": target}) == len(shown)
    assert school.wire({"is_empty": target}) is (not shown)
    if shown:
        assert school.wire([{"first": target}, {"last": target}]) == [shown[0], shown[-1]]


@pytest.mark.parametrize(
    "target", [F, FL, match("pairs", "fire"), documents(), {"collections": None}, {"singleton": doc(102)},
               {"union": [F, A]}, {"intersection": [F, A]}, {"difference": [F, A]}, {"distinct": FL},
               {"join": A, "with": {"index": "by_ref"}}],
)  # fmt: skip
def test_every_page_of_the_events_of_a_set(school: Database, target: Any) -> None:
    found = data(school, {"events": target})
    assert [event["ts"] for event in found] == sorted(event["ts"] for event in found)
    assert found
    check(school, {"events": target}, [(event, event) for event in found])


def test_every_page_of_the_events_of_a_document(school: Database) -> None:
    create(school, 109, {"schools": ["water"], "level": 1})
    school.wire({"update": doc(109), "params": obj({"data": {"level": 2}})})
    school.wire({"delete": doc(109)})
    create(school, 109, {"schools": ["water"], "level": 3})
    school.wire({"delete": doc(109)})
    found = data(school, {"events": doc(109)})
    assert [event["action"] for event in found] == ["create", "update", "delete", "create", "delete"]
    cursors = [{key: event[key] for key in ("ts", "action", "document")} for event in found]
    names = {"create": "add", "delete": "remove"}
    check(
        school,
        {"events": doc(109)},
        list(zip(found, cursors)),
        lambda cursor: {**cursor, "action": names.get(cursor["action"], cursor["action"])},
    )
