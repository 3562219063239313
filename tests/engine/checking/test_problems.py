"""`engine.checking.problems`: finds what was changed behind the store's back, and nothing where nothing was."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.checking import problems
from faunadb.engine.checking.repair import repair
from faunadb.engine.storage import StoreError, open_store
from faunadb.engine.storage.sqlite_reads import SqliteReads
from tests.engine.fuzzing import FIXTURE, Generator, _plain, _ref, _spell
from tests.engine.storage import places
from tests.engine.storage.conftest import POSTGRES
from tests.engine.storage.places import Place

SPELLS = {"collection": "spells"}


def ask(client: FaunaClient, expression: Any) -> tuple[int, str]:
    answer = client.session.post(
        client._endpoint.root + "/", data=json.dumps(expression), auth=("secret", "")
    )
    return answer.status_code, answer.text


def fill(url: str, spells: int = 60) -> None:
    """The fixture, more documents, and some with a history."""
    with FaunaClient("secret", endpoint=url) as client:
        more = [{"do": [_spell(number) for number in range(30, 30 + spells)]}]
        more += [
            {
                "update": _ref("spells", number),
                "params": _plain({"data": {"cost": number * 3, "name": f"x{number}"}}),
            }
            for number in range(30, 30 + spells, 3)
        ]
        for expression in (*FIXTURE, *more):
            assert ask(client, expression)[0] in (200, 201)


def found(url: str) -> list[str]:
    with open_store(url) as store:
        return [str(problem) for problem in problems(store)]


def run(place: Place, statement: str) -> None:
    """A statement behind the store's back, with ``{schema}.`` before tables."""
    if place.kind == "postgres":
        places.run_there(place, statement)
        return
    with sqlite3.connect(place.url[len("sqlite:///") :]) as connection:
        connection.execute(statement.replace("{schema}.", ""))
    connection.close()


TABLES = ("meta", "version", "entry", "past_entry", "change_log", "counter", "setting")


@pytest.fixture(scope="module", params=["file", POSTGRES])
def filled_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if request.param == "postgres":
        place = places.postgres_place(request.getfixturevalue("postgres_url"))
    else:
        place = places.sqlite_place(tmp_path_factory.mktemp("filled"))
    fill(place.url)
    for table in TABLES:
        run(place, f"CREATE TABLE {{schema}}.kept_{table} AS SELECT * FROM {{schema}}.{table}")
    yield place
    if request.param == "postgres":
        places.drop_postgres_place(place)


@pytest.fixture
def filled(filled_once: Place) -> Iterator[Place]:
    """A whole store, which is made whole again."""
    yield filled_once
    for table in TABLES:
        run(filled_once, f"DELETE FROM {{schema}}.{table}")
        run(filled_once, f"INSERT INTO {{schema}}.{table} SELECT * FROM {{schema}}.kept_{table}")


def test_a_whole_store_has_no_problems(filled: Place) -> None:
    assert found(filled.url) == []


INDEX = "SELECT doc FROM {schema}.version WHERE coll = 7 AND data LIKE '%by_cost%'"
OF_INDEX = f"idx = ({INDEX})"
SPELL = "coll = 1024 AND doc = 31"

#: What is done to the tables, and what is said of it.
DAMAGE = {
    "entries of an index are gone": (f"DELETE FROM {{schema}}.entry WHERE {OF_INDEX}", "missing index entry"),
    "one entry is gone": (f"DELETE FROM {{schema}}.entry WHERE {OF_INDEX} AND doc = 31", "index by_cost, collection spells, id 31"),
    "it is not in its collection": ("DELETE FROM {schema}.entry WHERE idx = 1024 AND doc = 31", "index of the engine (spells)"),
    "a key's entry is gone": ("DELETE FROM {schema}.entry WHERE idx = 514", "missing index entry"),
    "a key's entry leads elsewhere": ("UPDATE {schema}.entry SET doc = 1 WHERE idx = 514", "that no document has"),
    "a key's entry has another id": ("UPDATE {schema}.entry SET terms = vals WHERE idx = 514", "that no document has"),
    "a database's global id is gone": ("DELETE FROM {schema}.entry WHERE idx = 516", "missing index entry"),
    "a database's global id is another": ("UPDATE {schema}.entry SET terms = vals WHERE idx = 516", "that no document has"),
    "a database's number is another": ("UPDATE {schema}.entry SET terms = vals WHERE idx = 515", "that no document has"),
    "a name's entry is gone": ("DELETE FROM {schema}.entry WHERE idx = 517 AND coll = 1", "missing index entry"),
    "a database's number is gone": ("DELETE FROM {schema}.entry WHERE idx = 515", "missing index entry"),
    "an entry shows another value": (f"UPDATE {{schema}}.entry SET cover = '[1,2]' WHERE {OF_INDEX} AND doc = 31", "shows other values"),
    "an entry leads elsewhere": (f"UPDATE {{schema}}.entry SET doc = 32 WHERE {OF_INDEX} AND doc = 31", "that no document has"),
    "an entry expires": (f"UPDATE {{schema}}.entry SET ttl = 4102444800000000 WHERE {OF_INDEX} AND doc = 31", "expires when its document does not"),
    "an entry is younger": (f"UPDATE {{schema}}.entry SET added = added + 1 WHERE {OF_INDEX} AND doc = 31", "began when no version did"),
    "an entry of the past is gone": (f"DELETE FROM {{schema}}.past_entry WHERE {OF_INDEX}", "missing entry of an index's past"),
    "an entry of the past lasted": (f"UPDATE {{schema}}.past_entry SET removed = removed + 1 WHERE {OF_INDEX}", "past that an index never had"),
    "a version is gone": (f"DELETE FROM {{schema}}.version WHERE {SPELL}", "that the commit log knows is missing"),
    "a version is another": (f"UPDATE {{schema}}.version SET data = '{{{{}}}}' WHERE {SPELL}", "its checksum is wrong"),
    "versions are swapped": (f"UPDATE {{schema}}.version SET doc = 4711 WHERE {SPELL}", "its checksum is wrong"),
    "a collection is gone": ("DELETE FROM {schema}.version WHERE coll = 1 AND doc = 1024", "collection collections, id 1024"),
    "an index is gone": ("DELETE FROM {schema}.version WHERE coll = 7 AND data LIKE '%by_cost%'", "collection indexes, id"),
    "the log is another": ("UPDATE {schema}.change_log SET changes = replace(changes, 'put', 'pit')", "commit log that cannot be read"),
    "the log knows other documents": ("UPDATE {schema}.change_log SET touched = replace(touched, '/d/', '/e/')", "that the commit log does not know"),
    "a row of the log is gone": ("DELETE FROM {schema}.change_log WHERE changes LIKE '%1024,31,%'", "that the commit log does not know"),
    "the clock is far ahead": ("UPDATE {schema}.meta SET last_txn = last_txn * 2", "a day ahead of the clock"),
    "the clock is behind": ("UPDATE {schema}.meta SET last_txn = last_txn - 1000000000", "later than the store's last transaction"),
    "a counter is behind": ("UPDATE {schema}.counter SET value = 1024 WHERE name = 'id/0/1'", "counter of ids that is behind"),
    "a counter is gone": ("DELETE FROM {schema}.counter WHERE name = 'scope'", "counter of databases that is behind"),
    "tasks are none": ("INSERT INTO {schema}.setting (name, value) VALUES ('tasks', '[1')", "list of open tasks"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(filled: Place, what: str) -> None:
    statement, words = DAMAGE[what]
    if filled.kind != "postgres":
        statement = statement.replace("{{", "{").replace("}}", "}")
    run(filled, statement)
    texts = found(filled.url)
    assert any(words in text for text in texts), texts


#: What --repair makes good: all that is about entries.
MENDED = [what for what, (statement, _) in DAMAGE.items() if "entry " in statement]


@pytest.mark.parametrize("what", MENDED)
def test_entries_are_made_anew(filled: Place, what: str) -> None:
    run(filled, DAMAGE[what][0])
    with open_store(filled.url) as store:
        assert list(problems(store))
        repaired = repair(store)
        assert (repaired.mended > 0, repaired.left) == (True, 0)
        assert list(problems(store)) == []


def test_entries_of_documents_that_are_written_meanwhile_are_left(filled: Place) -> None:
    run(filled, DAMAGE["one entry is gone"][0])
    with FaunaClient("secret", endpoint=filled.url) as client, open_store(filled.url) as store:
        writes = iter([{"update": _ref("spells", 31), "params": _plain({"data": {"cost": 1}})}])

        def progress(rows: int) -> None:
            for write in writes:
                assert ask(client, write)[0] == 200

        repaired = repair(store, progress)
        assert (repaired.mended, repaired.left > 0) == (0, True)


def test_unique_indexes(shared_place: Place) -> None:
    """`insert` into the past is not looked at, so it is no damage; an expired document, and one that is equal in order only, are no others."""
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        created = json.loads(ask(client, {"create_collection": {"object": {"name": "spells"}}})[1])[
            "resource"
        ]["ts"]
        fields = {"source": SPELLS, "unique": True, "terms": [{"object": {"field": ["data", "n"]}}]}
        ask(client, {"create_index": {"object": {"name": "one", **fields}}})

        def put(number: int, data: Any, **more: Any) -> None:
            params = {"object": {"data": {"object": data}, **more}}
            insert = {
                "insert": _ref("spells", number),
                "ts": created + number,
                "action": "create",
                "params": params,
            }
            assert ask(client, insert)[0] == 200

        put(1, {"n": 1})
        put(2, {"n": 2}, ttl={"time_subtract": {"now": None}, "offset": 1, "unit": "day"})
        put(3, {"n": 2})
        assert found(shared_place.url) == []
        put(4, {"n": 1})
        put(5, {"n": 1})
    with open_store(shared_place.url) as store:
        assert {problem.damage for problem in problems(store)} == {False}
    texts = found(shared_place.url)
    assert [text.split(", index")[0] for text in texts] == [
        "a unique index has the same entry for document 1 and for: database (root)"
    ] * 2
    assert [text.split(", id ")[1] for text in texts] == ["4", "5"]


def test_a_hundred_entries_are_missed_one_by_one(shared_place: Place) -> None:
    fill(shared_place.url, 120)
    run(shared_place, f"DELETE FROM {{schema}}.entry WHERE {OF_INDEX} AND doc BETWEEN 40 AND 139")
    texts = [text for text in found(shared_place.url) if "missing index entry" in text]
    assert {int(text.split(", id ")[1].split(",")[0]) for text in texts} == set(range(40, 140))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_queries_have_done_is_whole(shared_place: Place, seed: int) -> None:
    fill(shared_place.url, 10)
    generator = Generator(random.Random(seed))
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        for _ in range(150):
            ask(client, generator.query())
    assert found(shared_place.url) == []


def test_whatever_of_the_schema_is_deleted_or_moved_is_whole(shared_place: Place) -> None:
    """Also at once, while the history of what was deleted is there, and with keys, tokens and credentials that go with it."""
    user = q.ref(q.collection("users"), "1")
    child = q.database("child")
    steps = [
        q.create_database({"name": "child"}),
        q.create_database({"name": "other"}),
        q.create_key({"role": "admin", "database": child}),
        q.create_collection({"name": "users"}),
        q.create(user, {"credentials": {"password": "sesame"}}),
        q.login(user, {"password": "sesame"}),
        q.create_function({"name": "one", "body": q.query(q.lambda_("x", 1))}),
        q.create_role({"name": "reader", "privileges": []}),
        q.create_index({"name": "all_users", "source": q.collection("users")}),
        q.update(child, {"name": "renamed"}),
        q.move_database(q.database("renamed"), q.database("other")),
        q.create_database({"name": "renamed"}),
        *map(q.delete, (q.database("renamed"), q.database("other"), user, q.index("all_users"))),
        *map(q.delete, (q.role("reader"), q.function("one"), q.collection("users"))),
    ]
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        for number, step in enumerate(steps):
            client.query(step)
            assert found(shared_place.url) == [], number


def test_while_others_write(shared_place: Place) -> None:
    """Writers are not waited for, nor taken for damage."""
    filled = shared_place
    fill(filled.url)
    stop = threading.Event()
    written = threading.Semaphore(0)

    def write() -> None:
        with FaunaClient("secret", endpoint=filled.url) as client:
            number = 1000
            while not stop.is_set() and number < 5000:
                number += 1
                ask(client, _spell(number))
                ask(
                    client,
                    {"update": _ref("spells", number - 1), "params": _plain({"data": {"cost": number}})},
                )
                ask(client, {"delete": _ref("spells", number - 2)})
                written.release()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            assert written.acquire(timeout=30)
            assert found(filled.url) == []
    finally:
        stop.set()
        thread.join()


# Bits

QUESTIONS: list[Any] = [
    {"map": {"lambda": "r", "expr": {"get": {"var": "r"}}}, "collection": {"paginate": {"documents": SPELLS}, "size": 999}},
    *[{"paginate": {"match": {"index": name}}, "size": 999} for name in ("by_cost",)],
    *[
        {"paginate": {"match": {"index": name}, "terms": value}, "size": 999}
        for name, value in (("by_element", "fire"), ("by_element", "water"), ("by_tags", "a"), ("by_tags", "b"))
    ],
    *[{"paginate": {"match": {"index": "by_name"}, "terms": f"spell {number}"}} for number in range(1, 60, 6)],
    *[{"paginate": {kind: None}, "size": 999} for kind in ("collections", "indexes", "functions", "roles", "keys")],
    *[{"paginate": {"events": _ref("spells", number)}, "size": 99} for number in range(1, 40, 6)],
    {"paginate": {"events": {"documents": SPELLS}}, "size": 999},
    {"paginate": {"events": {"match": {"index": "by_cost"}}}, "size": 999},
    {"call": {"function": "double"}, "arguments": 3},
]  # fmt: skip


def answers(url: str) -> Iterator[tuple[int, str]]:
    with FaunaClient("secret", endpoint=url) as client:
        for question in QUESTIONS:
            yield ask(client, question)


def test_flipped_bits_are_found_or_change_no_answer(tmp_path: Path) -> None:
    whole, damaged = tmp_path / "whole.db", tmp_path / "damaged.db"
    fill(f"sqlite:///{whole}")
    right = list(answers(f"sqlite:///{whole}"))
    assert [status for status, _ in right].count(200) == len(right)
    with sqlite3.connect(whole) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = whole.read_bytes()
    chance = random.Random(20)
    noticed = 0
    for _ in range(30):
        place = chance.randrange(len(content) * 8)
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        for name in ("damaged.db", "damaged.db-wal", "damaged.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        damaged.write_bytes(changed)
        try:
            texts = found(f"sqlite:///{damaged}")
        except StoreError as error:
            texts = [str(error)]
        if texts:
            noticed += 1
        else:
            assert list(answers(f"sqlite:///{damaged}")) == right, f"bit {place}"
    assert noticed > 5


def test_what_an_index_shows_may_change_where_its_entry_lies(shared_place: Place) -> None:
    """1 and 1.0 have one place in an index: filled from histories, kept by writes, and by rewritten histories."""
    with FaunaClient("secret", endpoint=shared_place.url) as client:

        def done(expression: Any) -> Any:
            status, text = ask(client, expression)
            assert status in (200, 201), text
            return json.loads(text)["resource"]

        def event(action: str, number: Any, ts: int) -> Any:
            params = {"params": _plain({"data": {"n": number}})} if number is not None else {}
            return {"insert": _ref("spells", 1), "ts": ts, "action": action, **params}

        index = {"source": SPELLS, "values": [{"object": {"field": ["data", "n"]}}]}
        history = [
            ("create", 1),
            ("update", 1.0),
            ("update", 1),
            ("delete", None),
            ("create", 1.0),
            ("update", 1),
        ]
        created = done({"create_collection": {"object": {"name": "spells", "history_days": 30}}})["ts"]
        for number, (action, value) in enumerate(history):
            done(event(action, value, created - 100 * (6 - number)))
        done({"create_index": {"object": {"name": "filled", **index}}})
        assert found(shared_place.url) == []
        shown = {"paginate": {"events": {"match": {"index": "filled"}}}}
        assert [[each["action"], each["data"]] for each in done(shown)["data"]] == [
            *(
                [a, d]
                for a, d in (("add", [1]), ("remove", [1]), ("add", [1.0]), ("remove", [1.0]), ("add", [1]))
            ),
            *([a, d] for a, d in (("remove", [1]), ("add", [1.0]), ("remove", [1.0]), ("add", [1]))),
        ]
        chance = random.Random(3)
        for number in range(60):
            ts = created - chance.randrange(1, 60) * 10
            action = chance.choice(["create", "update", "delete", "remove"])
            if action == "remove":
                ask(
                    client,
                    {"remove": _ref("spells", 1), "ts": ts, "action": chance.choice(["create", "delete"])},
                )
            else:
                done(event(action, chance.choice([1, 1.0]) if action != "delete" else None, ts))
            if number % 6 == 5:
                assert found(shared_place.url) == []


def test_documents_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Beside busy writers each read of a check takes long, so there must not be one for each document."""
    reads = 0
    read = SqliteReads._all

    def counted(self: SqliteReads, sql: str, parameters: Any) -> Any:
        nonlocal reads
        reads += 1
        return read(self, sql, parameters)

    def reads_of(spells: int) -> int:
        nonlocal reads
        url = f"sqlite:///{tmp_path}/{spells}.db"
        fill(url, spells)
        reads = 0
        with monkeypatch.context() as patch:
            patch.setattr(SqliteReads, "_all", counted)
            assert found(url) == []
        return reads

    assert 0 < reads_of(200) < reads_of(3) + 20
