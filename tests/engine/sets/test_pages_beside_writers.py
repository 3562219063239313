"""Pages read while other threads create, update and delete documents of the same sets.

What no writer touches appears exactly once and in order; pages of one time equal the set at that time; and going back
over the cursors shows the same pages again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from tests.engine.conftest import Database
from tests.engine.sets.school import (
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
from tests.engine.storage import places

#: Documents that stay as they are, and those that come, change and go between them.
STILL = range(100, 160, 10)
MOVING = [number for number in range(100, 160) if number % 10 in (3, 7)]
WRITERS = 3


def content(number: int, still: bool, choice: random.Random) -> dict[str, Any]:
    """Levels of still documents are even; two of them share one. No other document ever has an even level."""
    if still:
        return {"schools": ["fire", "air"], "level": number // 20 * 2, "name": f"n{number}"}
    schools = choice.choice((["fire"], ["air"], ["fire", "air"], []))
    return {"schools": schools, "level": choice.randrange(9, 21, 2), "name": f"n{number}"}


def put(db: Database, number: int, still: bool, choice: random.Random) -> None:
    """Create or replace."""
    fields = obj({"data": content(number, still, choice)})
    replace = {"replace": doc(number), "params": fields}
    db.wire(
        {"if": {"exists": doc(number)}, "then": replace, "else": {"create": doc(number), "params": fields}}
    )


class Writers:
    """Threads that write. Each step lets every one of them write once more, and waits for the first: the others write
    while the next page is read.
    """

    def __init__(self, db: Database):
        self.db = db
        self.permits = threading.Semaphore(0)
        self.written = 0
        self.stopped = False
        self.failures: list[BaseException] = []
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(WRITERS)]

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopped = True
        self.permits.release(WRITERS)
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures

    def _run(self, seed: int) -> None:
        choice = random.Random(seed)
        numbers = MOVING[seed::WRITERS]
        while True:
            self.permits.acquire()
            if self.stopped:
                return
            try:
                self._write(choice, choice.choice(numbers))
            except BaseException as error:
                self.failures.append(error)
            with self.changed:
                self.written += 1
                self.changed.notify_all()

    def _write(self, choice: random.Random, number: int) -> None:
        if choice.random() < 0.4:
            self.db.wire({"if": {"exists": doc(number)}, "then": {"delete": doc(number)}, "else": None})
        else:
            put(self.db, number, False, choice)

    def step(self) -> None:
        with self.changed:
            seen = self.written
            self.permits.release(WRITERS)
            assert self.changed.wait_for(lambda: self.written > seen, timeout=30)


def _stores(kind: str, request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    """The URL of a store that goes when the tests are done."""
    if kind != "postgres":
        yield "sqlite://" if kind == "memory" else f"sqlite:///{path}/school.db?durability=normal"
        return
    place = places.postgres_place(request.getfixturevalue("postgres_url"))
    yield place.url
    places.drop_postgres_place(place)


@pytest.fixture(
    scope="module", params=["memory", "file", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _stores(request.param, request, tmp_path_factory.mktemp("school"))


@pytest.fixture(scope="module")
def school(url: str) -> Iterator[Database]:
    with open_engine(url) as engine:
        db = Database(engine)
        create_collection(db)
        level_down = {"field": ["data", "level"], "reverse": True}
        create_index(db, "refs", terms=["schools"])
        create_index(db, "levels", terms=["schools"], values=["level"])
        create_index(db, "down", terms=["schools"], values=[level_down, "name"])
        create_index(db, "by_ref", terms=[["ref"]], values=["level", "name"])
        choice = random.Random(7)
        for number in STILL:
            put(db, number, True, choice)
        for number in MOVING[::2]:
            put(db, number, False, choice)
        yield db


F, A = match("refs", "fire"), match("refs", "air")
FL, AL = match("levels", "fire"), match("levels", "air")
DOWN = match("down", "fire")
EVEN = {"lambda": "x", "expr": {"equals": [0, {"modulo": [{"var": "x"}, 2]}]}}

#: Sets, with what is below all of their elements where they descend: backward paging begins there.
SETS: list[tuple[Any, Any]] = [
    (F, None),
    (FL, None),
    (DOWN, -1),
    (documents(), None),
    ({"union": [F, A]}, None),
    ({"union": [FL, AL]}, None),
    ({"intersection": [FL, AL]}, None),
    ({"intersection": [F, documents()]}, None),
    ({"difference": [documents(), match("refs", "water")]}, None),
    ({"distinct": {"union": [FL, AL]}}, None),
    ({"range": FL, "from": 10, "to": 13}, None),
    ({"filter": EVEN, "collection": AL}, None),
    ({"join": F, "with": {"index": "by_ref"}}, None),
    ({"reverse": FL}, -1),
    ({"reverse": {"union": [F, A]}}, doc(0)),
]


def followed(
    db: Database, target: Any, size: int, writers: Writers, backward: bool, end: Any, **options: Any
) -> list[dict[str, Any]]:
    """All pages in the order they were read, with other writes between any two of them."""
    side = "before" if backward else "after"
    given = {side: obj(end)} if backward else {}
    found = []
    while True:
        page = db.wire(paginate(target, size=size, **given, **options))
        found.append(page)
        if side not in page:
            return found
        assert len(page["data"]) == size
        given = {side: obj(page[side])}
        writers.step()


def joined(pages: list[dict[str, Any]], backward: bool) -> list[Any]:
    return [item for page in (pages[::-1] if backward else pages) for item in page["data"]]


def still(item: Any) -> bool:
    """Whether a shown element is one that no writer touches: a ref, a level, or an array that begins with one."""
    if isinstance(item, dict):
        return ids([item])[0] in STILL
    return (item[0] if isinstance(item, list) else item) % 2 == 0


#: Pages of one element are many, so they are made of some of the sets.
SIZES = pytest.mark.parametrize(("size", "chosen"), [(1, SETS[::4]), (3, SETS)])


@SIZES
def test_untouched_elements_appear_once_and_in_order(
    school: Database, size: int, chosen: list[tuple[Any, Any]]
) -> None:
    expected = {
        number: [item for item in data(school, target) if still(item)]
        for number, (target, _) in enumerate(chosen)
    }
    assert all(expected.values())
    with Writers(school) as writers:
        for number, (target, end) in enumerate(chosen):
            for backward in (False, True):
                pages = followed(school, target, size, writers, backward, end)
                found = [item for item in joined(pages, backward) if still(item)]
                assert found == expected[number], (target, backward)


@SIZES
def test_pages_of_one_time_are_the_set_at_that_time_and_go_back_as_they_came(
    school: Database, size: int, chosen: list[tuple[Any, Any]]
) -> None:
    with Writers(school) as writers:
        for target, end in chosen:
            ts = school.wire({"to_micros": {"now": None}})
            writers.step()
            everything = data(school, target, ts=ts, size=1000)
            pages = followed(school, target, size, writers, False, None, ts=ts)
            assert joined(pages, False) == everything, target
            for page, following in zip(pages, pages[1:]):
                back = paginate(target, size=size, before=obj(page["after"]), ts=ts)
                assert school.wire(back) == page
                assert following["before"] == page["after"]
            pages = followed(school, target, size, writers, True, end, ts=ts)
            assert joined(pages, True) == everything, target
            for page, preceding in zip(pages, pages[1:]):
                forth = paginate(target, size=size, after=obj(page["before"]), ts=ts)
                assert school.wire(forth)["data"] == page["data"]
                assert preceding["after"] == page["before"]
            # So it is in a query that names the time around the page.
            assert school.wire({"at": ts, "expr": paginate(target, size=1000)})["data"] == everything


@pytest.mark.parametrize("target", [FL, documents(), {"union": [F, AL]}, {"intersection": [F, A]}])
def test_pages_of_events_are_the_beginning_of_all_events(school: Database, target: Any) -> None:
    """Events only ever come behind those already there."""
    events = {"events": target}
    with Writers(school) as writers:
        count = school.wire({"count": events})
        pages = followed(school, events, max(1, count // 6), writers, False, None)
    found = joined(pages, False)
    assert len(found) >= count
    assert data(school, events, size=100_000)[: len(found)] == found
