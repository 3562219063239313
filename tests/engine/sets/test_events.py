"""Histories: the documented examples, cursors, combinations, and random histories against a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database, filled_once
from tests.engine.sets.school import (
    coll,
    create_collection,
    create_index,
    data,
    doc,
    documents,
    index_ref,
    match,
    obj,
    pages,
    paginate,
)


def insert(db: Database, number: int, ts: int, action: str, content: Any = None) -> None:
    params = {} if content is None else {"params": obj({"data": content})}
    db.wire({"insert": doc(number), "ts": ts, "action": action, **params})


@pytest.fixture
@filled_once
def spells(db: Database) -> Database:
    """Spell 101 is named A at 1000, B at 2000, and gone at 3000; 102 is named C at 2000."""
    create_collection(db)
    create_index(db, "names", terms=["school"], values=["name"])
    create_index(db, "refs", terms=["school"])
    insert(db, 101, 1000, "create", {"school": "fire", "name": "A"})
    insert(db, 101, 2000, "update", {"school": "fire", "name": "B"})
    insert(db, 101, 3000, "delete")
    insert(db, 102, 2000, "create", {"school": "fire", "name": "C"})
    return db


NAMES, REFS = match("names", "fire"), match("refs", "fire")


def event(ts: int, action: str, number: int, *values: Any) -> dict[str, Any]:
    found = {"ts": ts, "action": action, "document": doc(number)}
    return {**found, "data": list(values)} if values else found


NAME_EVENTS = [
    event(1000, "add", 101, "A"),
    event(2000, "remove", 101, "A"),
    event(2000, "add", 101, "B"),
    event(2000, "add", 102, "C"),
    event(3000, "remove", 101, "B"),
]


def test_document_events(spells: Database) -> None:
    expected = [
        {"ts": 1000, "action": "create", "document": doc(101), "data": {"school": "fire", "name": "A"}},
        {"ts": 2000, "action": "update", "document": doc(101), "data": {"name": "B"}},
        {"ts": 3000, "action": "delete", "document": doc(101), "data": None},
    ]
    assert data(spells, {"events": doc(101)}) == expected
    assert data(spells, doc(101), events=True) == expected
    assert data(spells, {"events": doc(999)}) == []
    assert pages(spells, {"events": doc(101)}, 1) == expected
    assert pages(spells, {"events": doc(101)}, 1, backward=True) == expected
    page = spells.wire(paginate({"events": doc(101)}, size=2))
    assert page["after"] == {"ts": 3000, "action": "delete", "document": doc(101)}


def test_singleton_events(spells: Database) -> None:
    found = data(spells, {"events": {"singleton": doc(101)}})
    assert found == [event(1000, "add", 101), event(3000, "remove", 101)]


def test_set_events(spells: Database) -> None:
    for target in ({"events": NAMES}, NAMES):
        assert data(spells, target, events=True) == NAME_EVENTS
        for size in (1, 2, 3):
            assert pages(spells, target, size, events=True) == NAME_EVENTS
            assert pages(spells, target, size, backward=True, events=True) == NAME_EVENTS
    assert data(spells, {"events": REFS}) == [
        event(1000, "add", 101),
        event(2000, "add", 102),
        event(3000, "remove", 101),
    ]
    assert data(spells, {"events": documents()}) == data(spells, {"events": REFS})


@pytest.mark.parametrize(
    ("cursor", "first", "echo"),
    [
        (2000, 2, {"ts": 2000, "action": "add"}),
        ({"@ts": "1970-01-01T00:00:00.002Z"}, 2, {"ts": 2000, "action": "add"}),
        ({"@date": "1970-01-01"}, 0, {"ts": 0, "action": "add"}),
        (1500, 1, {"ts": 1500, "action": "add"}),
        (None, 5, None),
        ({"ts": 2000}, 4, None),
        ({"ts": 2000, "action": "add"}, 4, None),
        (event(2000, "remove", 101), 1, event(2000, "remove", 101)),
        (event(2000, "create", 102), 3, event(2000, "add", 102)),
        (event(2000, "add", 101, "B"), 2, event(2000, "add", 101, "B")),
        ({"ts": 2000, "action": "delete", "instance": doc(101)}, 1, event(2000, "remove", 101)),
        ({"ts": 2000, "action": "add", "resource": doc(102), "values": ["C"]}, 3, event(2000, "add", 102, "C")),
    ],
)  # fmt: skip
def test_event_cursors(spells: Database, cursor: Any, first: int, echo: Any) -> None:
    page = spells.wire(paginate({"events": NAMES}, after=obj(cursor)))
    assert page == {"before": echo, "data": NAME_EVENTS[first:]}
    page = spells.wire(paginate({"events": NAMES}, before=obj(cursor)))
    if not isinstance(cursor, dict) or cursor.keys() & {"@ts", "@date"}:
        first = (
            min(first, 1) if first == 2 else first
        )  # a time alone: nothing of that very time comes before it
    assert page == {"after": echo, "data": NAME_EVENTS[:first]}


@pytest.mark.parametrize("target", [doc(101), {"singleton": doc(101)}, NAMES, {"union": [NAMES, NAMES]}])
@pytest.mark.parametrize("time", [1000, 2000, 3000, {"@ts": "1970-01-01T00:00:00.002Z"}])
def test_before_a_time_is_before_all_its_events(spells: Database, target: Any, time: Any) -> None:
    micros = time if isinstance(time, int) else 2000
    every = data(spells, target, events=True)
    assert data(spells, target, events=True, before=time) == [each for each in every if each["ts"] < micros]


@pytest.mark.parametrize(
    "target",
    [
        doc(101),
        {"singleton": doc(101)},
        NAMES,
        documents(),
        {"union": [NAMES, REFS]},
        {"intersection": [REFS, documents()]},
        {"difference": [NAMES, documents()]},
        {"distinct": NAMES},
        {"join": REFS, "with": {"index": "by_ref"}},
    ],
)
def test_a_history_ends_at_the_time_it_is_read_at(spells: Database, target: Any) -> None:
    create_index(spells, "by_ref", terms=[["ref"]], values=["name"])
    every = data(spells, target, events=True)
    for ts in (999, 1000, 1999, 2000, 3000):
        expected = [each for each in every if each["ts"] <= ts]
        assert data(spells, target, events=True, ts=ts) == expected
        assert spells.wire({"at": ts, "expr": {"count": {"events": target}}}) == len(expected)


#: Times beyond what 64 bits of microseconds hold.
PAST, FUTURE = {"@ts": "-999999999-01-01T00:00:00Z"}, {"@ts": "+999999999-12-31T00:00:00Z"}


@pytest.mark.parametrize("target", [doc(101), {"singleton": doc(101)}, NAMES, documents()])
def test_times_out_of_64_bits_are_before_and_after_all_others(spells: Database, target: Any) -> None:
    every = data(spells, target, events=True)
    for moment, events in ((PAST, []), (FUTURE, every)):
        assert data(spells, target, events=True, ts=moment) == events
        assert data(spells, target, events=True, before=moment) == events
    assert data(spells, target, events=True, after=PAST) == every
    assert data(spells, target, events=True, after=FUTURE) == []
    assert data(spells, target, ts=FUTURE) == data(spells, target)
    for query in (paginate(target, ts=PAST), {"at": PAST, "expr": {"exists": target}}):
        assert spells.error(query)["description"].startswith(
            "Requested timestamp -999999999-01-01T00:00:00Z less"
        )
    assert data(spells, target, events=True, after={"@date": "+999999999-12-31"}) == []


def test_histories_before_the_schema_are_empty(spells: Database) -> None:
    for target in ({"collection": "spells"}, {"collections": None}, {"index": "names"}, NAMES):
        assert data(spells, {"events": target}, ts=0) == []


@pytest.mark.parametrize("target", [doc(101), NAMES, {"singleton": doc(102)}, documents()])
def test_events_count_as_their_set_where_elements_are_read(spells: Database, target: Any) -> None:
    """By get, exists and joins, whatever is made of the events; folds and pages read the events themselves."""
    made = {"events": target}
    yes = {"lambda": "x", "expr": True}
    for ts in (999, 1000, 2000, 3000):
        there = spells.wire({"exists": target, "ts": ts})
        for these in (
            made,
            {"reverse": made},
            {"filter": yes, "collection": made},
            {"distinct": made},
            {"range": made, "from": 5000, "to": 1},
            {"union": [made, made, made]},
            {"difference": [made, {"events": {"singleton": doc(999)}}]},
        ):
            assert spells.wire({"exists": these, "ts": ts}) is there
        joined = {"join": made, "with": {"lambda": "x", "expr": {"singleton": doc(102)}}}
        assert data(spells, joined, ts=ts) == ([doc(102)] if there and ts >= 2000 else [])
    assert spells.error({"get": {"reverse": {"events": doc(101)}}})["description"] == "Set not found."


def test_events_of_joins_come_from_the_sets_that_were_joined(spells: Database) -> None:
    create_index(spells, "by_ref", terms=[["ref"]], values=["name"])
    by_index = {"join": REFS, "with": {"index": "by_ref"}}
    found = data(spells, by_index, events=True, sources=True)
    assert found[0]["sources"] == [{"@set": {"match": index_ref("by_ref"), "terms": doc(101)}}]
    by_lambda = {"join": REFS, "with": {"lambda": "x", "expr": {"documents": coll()}}}
    assert data(spells, by_lambda, events=True, sources=True)[0]["sources"] == [{"@set": None}]


def test_deletions_have_no_data_but_say_so(spells: Database) -> None:
    page = paginate({"events": doc(101)}, size=2)
    deletion = {**event(3000, "delete", 101), "data": None}
    assert spells.wire({"select": "data", "from": {"last": {"events": doc(101)}}, "default": "none"}) is None
    assert spells.wire(page)["after"] == event(3000, "delete", 101)
    assert spells.wire({"select": "after", "from": page}) == deletion
    following = paginate({"events": doc(101)}, after={"select": "after", "from": page})
    assert spells.wire(following)["data"] == [deletion]


BOUND = "Object, Integer, Time, or Date expected, {} provided."


@pytest.mark.parametrize(
    ("bounds", "faults"),
    [
        (([], "x"), [("from", "Array"), ("to", "String")]),
        (([2000], None), [("from", "Array")]),
        ((None, True), [("to", "Boolean")]),
        ((2000, doc(101)), [("to", "Ref")]),
        ((2000, {"@ts": "1970-01-01T00:00:00Z"}), []),
        (({"@date": "1970-01-01"}, {"object": {"ts": 1}}), []),
    ],
)
def test_ranges_of_events_take_event_cursors(spells: Database, bounds: Any, faults: Any) -> None:
    start, end = bounds
    for these in ({"events": NAMES}, {"distinct": {"events": doc(999)}}, {"union": [{"events": NAMES}]}):
        query = {"range": these, "from": start, "to": end}
        if not faults:
            spells.wire(query)
            continue
        # Before anything is read, and before it matters that such a set has no events to show.
        for asked in ([query], [{"sum": query}]):
            errors = spells.failure(asked)[1]
            assert [(error["position"][-1], error["description"]) for error in errors] == [
                (at, BOUND.format(kind)) for at, kind in faults
            ]


def test_event_cursors_are_checked_before_the_set_is(spells: Database) -> None:
    error = spells.error(paginate({"reverse": NAMES}, events=True, before=[{"collection": "nowhere"}]))
    assert (error["position"], error["description"]) == (["before"], BOUND.format("Array"))


def test_before_with_a_removal_and_no_document_is_behind_the_removes(spells: Database) -> None:
    found = data(spells, {"events": NAMES}, before=obj({"ts": 2000, "action": "remove"}))
    assert found == NAME_EVENTS[:2]


@pytest.mark.parametrize(
    ("cursor", "position", "description"),
    [
        ({"ts": 1, "foo": 2}, ["after"], "Cannot create event cursor with keys ts, foo"),
        ("x", ["after"], "Object, Integer, Time, or Date expected, String provided."),
        ({"ts": "x"}, ["after", "ts"], "Integer expected, String provided."),
        (
            {"ts": 1, "action": "x"},
            ["after", "action"],
            "String 'create', 'update', or 'delete' expected, String provided.",
        ),
        ({"ts": 1, "action": "add", "document": 1}, ["after", "document"], "Ref expected, Integer provided."),
    ],
)
def test_cursors_that_are_none(spells: Database, cursor: Any, position: list[Any], description: str) -> None:
    error = spells.error(paginate({"events": NAMES}, after=obj(cursor)))
    assert (error["code"], error["position"], error["description"]) == (
        "invalid argument",
        position,
        description,
    )


def test_an_event_itself_is_no_cursor(spells: Database) -> None:
    chosen = {"select": ["data", 0], "from": paginate({"events": NAMES})}
    error = spells.error(paginate({"events": NAMES}, after=chosen))
    assert error["description"] == "Object, Integer, Time, or Date expected, Object provided."
    cursor = {"select": ["after"], "from": paginate({"events": NAMES}, size=1)}
    assert data(spells, {"events": NAMES}, after=cursor) == NAME_EVENTS[1:]


#: a history, the part of its page whose cursor is selected, path, result
SELECTED_CURSORS: list[tuple[Any, Any, list[str], Any]] = [
    (doc(101), {}, ["after"], {**event(2000, "update", 101), "data": {"name": "B"}}),
    (doc(101), {}, ["after", "data", "name"], "B"),
    (doc(101), {}, ["after", "instance"], doc(101)),
    (doc(101), {"size": 2}, ["after"], {**event(3000, "delete", 101), "data": None}),
    (NAMES, {}, ["after"], event(2000, "remove", 101, "A")),
    (NAMES, {}, ["after", "data"], "A"),
    (REFS, {}, ["after"], event(2000, "add", 102)),
    (REFS, {}, ["after", "data"], []),
    (NAMES, {"after": obj(event(2000, "create", 101))}, ["before"], event(2000, "add", 101)),
    (NAMES, {"after": obj(event(2000, "create", 101))}, ["before", "resource"], doc(101)),
    (NAMES, {"after": 2000}, ["before"], {"ts": 2000, "action": "add"}),
]


@pytest.mark.parametrize(("target", "part", "path", "expected"), SELECTED_CURSORS)
def test_a_selected_cursor_is_the_event(
    spells: Database, target: Any, part: Any, path: list[str], expected: Any
) -> None:
    """A page shows its cursors without what a document event has as ``data``; selected, they are the whole event."""
    page = paginate({"events": target}, **{"size": 1, **part})
    assert spells.wire({"select": path, "from": page}) == expected


def test_a_selected_cursor_contains_what_its_event_does(spells: Database) -> None:
    cursor = {"select": "after", "from": paginate({"events": doc(101)}, size=1)}
    for value, found in (("update", True), (2000, True), ("B", True), (doc(101), True), ("A", False)):
        assert spells.wire({"contains_value": value, "in": cursor}) is found
    given = {"select": "before", "from": paginate({"events": doc(101)}, after=2000)}
    assert spells.wire([{"contains_value": value, "in": given} for value in (2000, "B")]) == [True, False]


def test_a_stored_cursor_is_stored_as_an_event(spells: Database) -> None:
    cursor = {"select": "after", "from": paginate({"events": NAMES}, size=1)}
    params = {"object": {"data": {"object": {"cursor": cursor}}}}
    stored = spells.wire({"create": coll(), "params": params})["data"]["cursor"]
    assert stored == {"ts": 2000, "action": "remove", "resource": doc(101), "values": ["A"]}


def test_sources_of_events(spells: Database) -> None:
    (item, *_) = data(spells, {"events": NAMES}, sources=True)
    assert item["sources"] == [{"@set": {"events": {"match": index_ref("names"), "terms": "fire"}}}]
    (item, *_) = data(spells, {"events": doc(101)}, sources=True)
    assert item["sources"] == [{"@set": {"events": doc(101)}}]


@pytest.mark.parametrize(
    ("form", "other", "contributing"), [("union", 101, 2), ("intersection", 101, 2), ("difference", 102, 1)]
)
def test_sources_of_the_events_of_several_sets(
    spells: Database, form: str, other: int, contributing: int
) -> None:
    """The members that contribute, which is only the first of a difference."""
    members = [REFS, {"singleton": doc(other)}]
    items = data(spells, {"events": {form: members}}, sources=True)
    assert items[0]["value"] == event(1000, "add", 101)
    alone = [data(spells, {"events": each}, sources=True)[0]["sources"] for each in members[:contributing]]
    assert sorted(map(str, items[0]["sources"])) == sorted(str(source) for each in alone for source in each)


def test_singletons_in_histories_of_several_sets(spells: Database) -> None:
    """Their elements are the same as those of sets without values."""
    single = {"singleton": doc(101)}
    of_101, of_102 = [event(1000, "add", 101), event(3000, "remove", 101)], [event(2000, "add", 102)]
    for other in (REFS, documents()):
        assert data(spells, {"events": {"intersection": [other, single]}}) == of_101
        assert data(spells, {"events": {"intersection": [single, other]}}) == of_101
        assert data(spells, {"events": {"difference": [other, single]}}) == of_102
        assert data(spells, {"events": {"difference": [single, other]}}) == []


def test_events_in_folds_and_reads(spells: Database) -> None:
    assert spells.wire({"count": {"events": NAMES}}) == 5
    assert spells.wire({"first": {"events": NAMES}}) == NAME_EVENTS[0]
    assert spells.wire({"last": {"events": NAMES}}) == NAME_EVENTS[-1]
    assert spells.wire({"select": ["data", 0, "data"], "from": paginate({"events": NAMES})}) == "A"
    assert (
        spells.error({"events": {"events": NAMES}})["description"] == "Set does not support events history."
    )


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "members",
    [
        [doc(101), doc(102), doc(103)],
        [doc(103), {"singleton": doc(103)}],
        [NAMES, doc(101), documents(), {"singleton": doc(103)}],
        [{"distinct": REFS}, doc(103), doc(101)],
        [doc(103), {"union": [NAMES, REFS]}, match("falling", "fire")],
        [{"join": documents(), "with": {"lambda": "x", "expr": NAMES}}, match("falling", "fire"), REFS],
        [{"intersection": [{"union": [REFS, documents()]}, REFS]}, NAMES],
    ],
)
def test_unions_with_histories_of_documents_lose_nothing(
    spells: Database, members: list[Any], size: int
) -> None:
    """At 3000 two documents go, and another one changes; in a set, that is a different event at the same place.

    The members have values or none, rising or falling ones: what a cursor names is one event of one of them.
    """
    create_index(spells, "falling", terms=["school"], values=[{"field": ["data", "name"], "reverse": True}])
    insert(spells, 103, 2000, "create", {"school": "fire"})
    insert(spells, 102, 3000, "update", {"school": "fire", "name": "D"})
    insert(spells, 103, 3000, "delete")
    union = {"union": [{"events": member} for member in members]}
    for target in (union, {"union": [{"distinct": {"events": doc(102)}}, union]}):
        expected = data(spells, target)
        assert len({(each["ts"], each["action"], each["document"]["@ref"]["id"]) for each in expected}) > 3
        assert pages(spells, target, size) == expected
        assert pages(spells, target, size, backward=True) == expected


def test_a_join_that_leads_to_the_same_set_twice_shows_its_events_once(spells: Database) -> None:
    target = {"join": documents(), "with": {"lambda": "x", "expr": {"singleton": doc(102)}}}
    assert data(spells, target, events=True) == [event(2000, "add", 102)]
    assert data(spells, target, events=True, sources=True) == [
        {"value": event(2000, "add", 102), "sources": [{"@set": {"singleton": doc(102)}}]}
    ]


def test_unions_of_events_are_events_of_unions(spells: Database) -> None:
    expected = data(spells, {"events": {"union": [NAMES, REFS]}})
    assert data(spells, {"union": [{"events": NAMES}, {"events": REFS}]}) == expected
    assert data(spells, {"union": [{"events": REFS}, {"events": REFS}]}) == data(spells, {"events": REFS})
    # Heads are merged adds first: the removal of A waits for the two adds of refs at its time.
    assert [(item["ts"], item["action"]) for item in expected if item["ts"] == 2000] == [
        (2000, "add"), (2000, "remove"), (2000, "add"), (2000, "add"),
    ]  # fmt: skip
    for size in (1, 2, 3):
        union = {"events": {"union": [NAMES, REFS]}}
        assert pages(spells, union, size) == expected
        assert pages(spells, union, size, backward=True) == expected


def test_joins_show_the_events_of_present_targets(spells: Database) -> None:
    create_index(spells, "by_ref", terms=[["ref"]], values=["name"])
    joined = {"join": REFS, "with": {"index": "by_ref"}}
    assert data(spells, {"events": joined}) == [item for item in NAME_EVENTS if item["ts"] < 3000]


@pytest.mark.parametrize(
    "target",
    [
        {"range": NAMES, "from": [], "to": []},
        {"reverse": NAMES},
        {"filter": {"lambda": "x", "expr": True}, "collection": NAMES},
        {"union": [NAMES, {"reverse": {"reverse": NAMES}}]},
    ],
)
def test_sets_without_events(spells: Database, target: Any) -> None:
    for query in (paginate({"events": target}), paginate(target, events=True)):
        error = spells.error(query)
        assert (error["position"], error["description"]) == ([], "Set does not support events history.")


def test_history_begins_where_it_is_retained(db: Database) -> None:
    create_collection(db, history_days=0)
    create_index(db, "refs", terms=["school"])
    insert(db, 101, 1000, "create", {"school": "fire", "name": "A"})
    insert(db, 101, 2000, "update", {"school": "fire", "name": "B"})
    found = data(db, {"events": doc(101)})
    assert [(item["ts"], item["action"]) for item in found] == [(2000, "create")]
    assert data(db, {"events": REFS}) == []
    create_collection(db, "kept")
    create_index(db, "wild", source="_", terms=["school"])
    create_index(db, "kept", source=coll("kept"), terms=["school"])
    assert db.engine.background.wait(30)
    assert db.wire({"at": 2000, "expr": paginate(match("kept", "fire"))}) == {"data": []}
    assert db.failure({"at": 2000, "expr": paginate(match("wild", "fire"))})[0] == 400
    status, errors = db.failure({"at": 2000, "expr": paginate(REFS)})
    assert (status, errors[0]["code"]) == (400, "bad request")
    assert errors[0]["description"].startswith(
        "Requested timestamp 1970-01-01T00:00:00.002Z less than minimum"
    )


# ---- against a model ---------------------------------------------------------------------------------------------

#: Per document: time -> name, or None for a deletion.
lives = st.dictionaries(st.integers(1, 6), st.one_of(st.none(), st.sampled_from("xy")), max_size=4)


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        create_collection(database)
        create_index(database, "one", terms=["one"])
        create_index(database, "names", terms=["set"], values=["name"])
        yield database


_used = iter(range(1, 10**9))


def at(life: dict[int, Any], ts: int) -> Any:
    """A document's name at a time, None when it is not there."""
    times = [time for time in life if time <= ts]
    return life[max(times)] if times else None


def model_events(lives: list[dict[int, Any]], numbers: list[int], holds: Any) -> list[tuple[int, str, int]]:
    """Events of elements for which holds(document, time) becomes true or false."""
    found = []
    for index, number in enumerate(numbers):
        for ts in range(1, 8):
            before, after = holds(index, ts - 1), holds(index, ts)
            if after and not before:
                found.append((ts, "add", number))
            elif before and not after:
                found.append((ts, "remove", number))
    return sorted(found, key=lambda item: (item[0], item[1] == "add", item[2]))


@settings(max_examples=40)
@given(st.lists(lives, min_size=1, max_size=4), st.integers(1, 3))
def test_random_histories(shared: Database, documents_: list[dict[int, Any]], size: int) -> None:
    group = next(_used)
    numbers = [group * 10 + index for index in range(len(documents_))]
    for number, life in zip(numbers, documents_):
        for ts, name in sorted(life.items()):
            if name is None:
                insert(shared, number, ts, "delete")
            else:
                insert(
                    shared,
                    number,
                    ts,
                    "create",
                    {"one": [f"{group}x" if name == "x" else f"{group}y"], "set": group, "name": name},
                )
    x, y, everything = match("one", f"{group}x"), match("one", f"{group}y"), match("names", group)
    for target, name in ((x, "x"), (y, "y")):
        expected = model_events(
            documents_, numbers, lambda index, ts, name=name: at(documents_[index], ts) == name
        )
        check(shared, target, expected, size)
        check(shared, {"intersection": [target, target]}, expected, size)
        check(shared, {"difference": [target, x if name == "y" else y]}, expected, size)
    for ts in range(1, 8):
        shown = sorted(name for name in (at(life, ts) for life in documents_) if name)
        assert data(shared, everything, ts=ts) == shown
        assert data(shared, {"union": [x, y]}, ts=ts) == [
            doc(number) for number, life in zip(numbers, documents_) if at(life, ts)
        ]


def check(db: Database, target: Any, expected: list[tuple[int, str, int]], size: int) -> None:
    events = {"events": target}
    shown = [event(*item) for item in expected]
    assert data(db, events) == shown
    assert pages(db, events, size) == shown
    assert pages(db, events, size, backward=True) == shown
