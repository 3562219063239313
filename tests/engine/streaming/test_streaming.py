"""Event streams (wire protocol, "Streaming"; auth chapter, "Streams")."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.streaming import Dispatcher, Stream
from faunadb.engine.streaming.stream import error_frame, frame
from tests.engine.conftest import filled_once
from tests.engine.storage import places

WAIT = 10
ALL = "fields=action,document,diff,prev,index"
CONGESTED = "Stream closed due to congestion after accumulating {} items."
LOST = {"code": "permission denied", "description": "Authorization lost during stream evaluation."}


def obj(**fields: Any) -> Any:
    return {"object": fields}


def coll(name: str) -> Any:
    return {"collection": name}


def ref(name: str, number: int) -> Any:
    return {"ref": coll(name), "id": str(number)}


def create(target: Any, **data: Any) -> Any:
    return {"create": target, "params": obj(data=obj(**data))}


def update(target: Any, **data: Any) -> Any:
    return {"update": target, "params": obj(data=obj(**data))}


def match(name: str, *terms: Any) -> Any:
    if not terms:
        return {"match": {"index": name}}
    return {"match": {"index": name}, "terms": terms[0] if len(terms) == 1 else list(terms)}


DOC = ref("c", 1)


@pytest.fixture
@filled_once
def world(db):
    prepare(db)
    return db


def prepare(db):
    db.wire({"create_collection": obj(name="c", history_days=None)})
    terms, values = [obj(field=["data", "kind"])], [obj(field=["data", "n"])]
    db.wire({"create_index": obj(name="i", source=coll("c"), terms=terms, values=values)})
    db.wire({"create_index": obj(name="all_c", source=coll("c"))})
    return db


class Reader:
    """A stream read as decoded events."""

    def __init__(self, stream: Stream):
        self.stream = stream

    def next(self) -> Any:
        event = self.stream.next(WAIT)
        assert event is not None, "no event came"
        assert event.endswith(b"\r\n")
        assert b"\n" not in event[:-2]
        return json.loads(event)

    def take(self, count: int) -> list[Any]:
        return [self.next() for _ in range(count)]

    def actions(self, count: int) -> list[str]:
        return [event["event"]["action"] for event in self.take(count)]

    def close(self) -> None:
        self.stream.close()


def respond(db: Any, expression: Any, query: str = "", secret: Any = None, version: Any = "4") -> Any:
    headers = {"x-faunadb-api-version": version}
    body = json.dumps(expression).encode()
    return db.send("POST", "/stream", body, query=query, secret=secret, headers=headers)


def subscribe(db: Any, expression: Any, query: str = "", secret: Any = None, version: Any = "4") -> Reader:
    """A stream past its start event."""
    response = respond(db, expression, query, secret, version)
    assert response.status == 200, response.body
    reader = Reader(response.stream)
    start = reader.next()
    assert start["type"] == "start"
    return reader


# ---- opening ----------------------------------------------------------------------------------------------------


def test_response(world):
    response = respond(world, DOC)
    headers = dict(response.headers)
    assert response.status == 200
    assert response.body == b""
    assert headers["content-type"] == "application/json;charset=utf-8"
    assert headers["x-fauna-stream-id"].isdigit()
    assert headers["x-query-bytes-out"] == "0"
    event = response.stream.next(WAIT)
    txn = int(headers["x-txn-time"])
    assert event == b'{"type":"start","txn":%d,"event":%d}\r\n' % (txn, txn)


@pytest.mark.parametrize(
    "expression",
    [
        DOC, {"get": ref("c", 2)}, ref("c", 99), match("all_c"), match("i", "k"), match("i", "k", "too many"),
        {"documents": coll("c")}, {"documents": {"tokens": None}}, {"documents": {"credentials": None}},
        {"let": {"x": DOC}, "in": {"var": "x"}},
    ],
)  # fmt: skip
def test_streamable(world, expression):
    world.wire(create(ref("c", 2)))
    assert respond(world, expression).status == 200


NOT = "Expected a Document Ref or Version, or a Set Ref, got {}."


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (coll("c"), "Collection Ref"), ({"index": "i"}, "Index Ref"), ({"collections": None}, "Collection Ref"),
        ({"get": coll("c")}, "Object"), ("text", "String"), (1, "Integer"), (None, "Null"), ([], "Array"),
        (obj(), "Object"), ({"union": [match("i"), match("i")]}, "Set"), ({"events": DOC}, "Set"),
        ({"distinct": match("i")}, "Set"), ({"singleton": DOC}, "Set"), ({"documents": {"keys": None}}, "Set"),
        ({"paginate": match("i")}, "Page"), ({"query": {"lambda": "x", "expr": 1}}, "Lambda"),
        ({"range": match("i"), "from": 1, "to": 2}, "Set"), ({"ref": {"tokens": None}, "id": "1"}, "Ref"),
    ],
)  # fmt: skip
def test_not_streamable(world, expression, name):
    response = respond(world, expression)
    assert response.status == 400
    assert json.loads(response.body) == {
        "errors": [{"position": [], "code": "invalid argument", "description": NOT.format(name)}]
    }


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (
            coll("foo"),
            {
                "position": [],
                "code": "invalid ref",
                "description": "Ref refers to undefined collection 'foo'",
            },
        ),
        (
            create(coll("c")),
            {
                "position": [],
                "code": "invalid expression",
                "description": "Call performs a write, which is not allowed in stream requests.",
            },
        ),
        (
            {"get": DOC},
            {"position": [], "code": "instance not found", "description": "Document not found."},
        ),
    ],
)
def test_errors_before_the_stream(world, expression, error):
    response = respond(world, expression)
    assert response.stream is None
    assert json.loads(response.body) == {"errors": [error]}


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("fields=foo", ["foo"]),
        ("fields=", [""]),
        ("fields=action,,x", ["", "x"]),
        ("fields=,action", [""]),
        ("fields=action,%20", [""]),
        ("fields=Action", ["Action"]),
    ],
)
def test_bad_fields(world, query, bad):
    response = respond(world, {"nonsense": 1}, query)
    assert response.status == 400
    assert json.loads(response.body)["errors"] == [
        {
            "position": [],
            "code": "invalid url parameter",
            "description": f"Invalid url parameter fields. Invalid field name '{name}'.",
        }
        for name in bad
    ]


def test_no_secret(world):
    assert respond(world, DOC, "fields=bad", secret="wrong").status == 401


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("", ["action", "document"]),
        ("fields=action", ["action"]),
        ("fields=prev,diff", ["diff", "prev"]),
        ("fields=%20index%20,%20action%20", ["action"]),
        ("fields=prev,diff,", ["diff", "prev"]),
        ("fields=action,,", ["action"]),
        ("fields=,", ["action", "document"]),
        (ALL, ["action", "document", "diff", "prev"]),
    ],
)
def test_fields(world, query, members):
    reader = subscribe(world, DOC, query)
    world.wire(create(DOC))
    assert list(reader.next()["event"]) == members


_CLASS = {"@ref": {"id": "c", "class": {"@ref": {"id": "classes"}}}}
_COLLECTION = {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}


@pytest.mark.parametrize(
    ("version", "owner", "shown", "index"),
    [
        (
            None,
            _CLASS,
            {"@ref": {"id": "1", "class": _CLASS}},
            {"@ref": {"id": "i", "class": {"@ref": {"id": "indexes"}}}},
        ),
        (
            "2.1",
            _CLASS,
            {"@ref": {"id": "1", "class": _CLASS}},
            {"@ref": {"id": "i", "class": {"@ref": {"id": "indexes"}}}},
        ),
        ("2.0", {"@ref": "classes/c"}, {"@ref": "classes/c/1"}, {"@ref": "indexes/i"}),
        (
            "2.7",
            _COLLECTION,
            {"@ref": {"id": "1", "collection": _COLLECTION}},
            {"@ref": {"id": "i", "collection": {"@ref": {"id": "indexes"}}}},
        ),
    ],
)
def test_values_are_written_as_the_api_version_has_them(world, version, owner, shown, index):
    sets = [match("i", "x"), {"documents": coll("c")}]
    readers = [subscribe(world, target, ALL, version=version) for target in (DOC, *sets)]
    world.wire(create(DOC, kind="x", n=1, other=DOC))
    events = [reader.next()["event"] for reader in readers]
    assert [event["document"]["ref"] for event in events] == [shown] * 3
    assert events[0]["diff"]["data"] == {"kind": "x", "n": 1, "other": shown}
    assert events[0]["prev"]["ref"] == shown
    assert ("class" in events[0]["document"]) == (version == "2.0")
    assert events[1]["index"] == {"ref": index, "terms": ["x"], "values": [1]}
    assert events[2]["index"] == {"terms": [owner], "values": []}


# ---- documents --------------------------------------------------------------------------------------------------


def test_life_of_a_document(world):
    reader = subscribe(world, DOC, ALL)
    first = world.wire(create(DOC, a=1, b=1))
    second = world.wire(update(DOC, a=2, b=None, c=3))
    world.wire({"delete": DOC})
    one, two, three = reader.take(3)
    where = first["ref"]
    assert one == {
        "type": "version",
        "txn": first["ts"],
        "event": {
            "action": "create",
            "document": first,
            "diff": first,
            "prev": {"ref": where, "ts": first["ts"]},
        },
    }
    changed = {"ref": where, "ts": second["ts"], "data": {"a": 2, "b": None, "c": 3}}
    assert two == {
        "type": "version",
        "txn": second["ts"],
        "event": {"action": "update", "document": second, "diff": changed, "prev": first},
    }
    assert list(two["event"]["diff"]["data"]) == ["a", "b", "c"]
    gone = {"ref": where, "ts": three["txn"]}
    assert three["txn"] > second["ts"]
    assert three == {
        "type": "version",
        "txn": three["txn"],
        "event": {"action": "delete", "document": second, "diff": gone, "prev": second},
    }


def test_nested_differences(world):
    world.wire(create(DOC, same={"object": {"x": 1}}, deep={"object": {"a": 1, "b": 2}}, list=[1, 2]))
    reader = subscribe(world, DOC, "fields=diff")
    world.wire(update(DOC, deep={"object": {"a": 5, "b": None, "c": 1}}, list=[1, 3]))
    assert reader.next()["event"]["diff"]["data"] == {"deep": {"a": 5, "b": None, "c": 1}, "list": [1, 3]}


def test_an_update_that_changes_nothing(world):
    world.wire(create(DOC, a=1))
    reader = subscribe(world, DOC, "fields=action,diff")
    world.wire({"update": DOC, "params": obj()})
    event = reader.next()["event"]
    assert event["action"] == "update"
    assert list(event["diff"]) == ["ref", "ts"]


def test_ttl_takes_part(world):
    world.wire(create(DOC, a=1))
    reader = subscribe(world, DOC, "fields=diff")
    world.wire({"update": DOC, "params": obj(ttl={"@ts": "2999-01-01T00:00:00Z"})})
    world.wire({"update": DOC, "params": obj(ttl=None)})
    one, two = reader.take(2)
    assert one["event"]["diff"]["ttl"] == {"@ts": "2999-01-01T00:00:00Z"}
    assert two["event"]["diff"]["ttl"] is None


def test_one_event_for_each_transaction(world):
    reader = subscribe(world, DOC, ALL)
    made = world.wire({"do": [create(DOC, a=1), update(DOC, b=2)]})
    world.wire({"do": [update(DOC, a=5), update(DOC, a=6)]})
    world.wire({"do": [{"delete": DOC}, create(DOC, a=9)]})
    one, two, three = reader.take(3)
    assert one["event"]["action"] == "create"
    assert one["event"]["document"]["data"] == {"a": 1, "b": 2}
    assert one["txn"] == made["ts"]
    assert two["event"]["action"] == "update"
    assert two["event"]["diff"]["data"] == {"a": 6}
    assert three["event"]["document"]["data"] == {"a": 9}


def test_created_and_deleted_at_once(world):
    reader = subscribe(world, DOC, ALL)
    world.wire({"do": [create(DOC, a=1), {"delete": DOC}]})
    event = reader.next()["event"]
    assert event["action"] == "delete"
    assert list(event["document"]) == ["ref", "ts"]


def test_created_again(world):
    world.wire(create(DOC, a=1))
    world.wire({"delete": DOC})
    reader = subscribe(world, DOC)
    world.wire(create(DOC, b=1))
    event = reader.next()["event"]
    assert event["action"] == "create"
    assert event["document"]["data"] == {"b": 1}


def test_a_failed_query_gives_no_event(world):
    reader = subscribe(world, DOC)
    world.failure({"do": [create(DOC), {"abort": "no"}]})
    world.wire(create(DOC, a=2))
    assert reader.next()["event"]["document"]["data"] == {"a": 2}


def test_other_documents_do_not_show(world):
    reader = subscribe(world, DOC)
    world.wire(create(ref("c", 2)))
    world.wire(create(DOC))
    assert reader.next()["event"]["document"]["ref"] == world.wire(DOC)


def test_a_document_as_the_value(world):
    world.wire(create(DOC))
    reader = subscribe(world, {"get": DOC})
    world.wire(update(DOC, a=1))
    assert reader.next()["event"]["document"]["data"] == {"a": 1}


EARLY = {"@ts": "2020-01-01T00:00:00Z"}
EARLY_MICROS = 1577836800000000


def test_history_before_the_current_version(world):
    current = world.wire(create(DOC, a=1))
    reader = subscribe(world, DOC, ALL)
    world.wire({"insert": DOC, "ts": EARLY, "action": "create", "params": obj(data=obj(a=0))})
    one, two = reader.take(2)
    assert one["txn"] == two["txn"] > current["ts"]
    assert [one["type"], two["type"]] == ["history_rewrite"] * 2
    inserted = {"ref": current["ref"], "ts": EARLY_MICROS, "data": {"a": 0}}
    assert one["event"]["action"] == "update"
    assert one["event"]["document"] == current
    assert one["event"]["prev"] == inserted
    assert two["event"]["action"] == "create"
    assert two["event"]["document"] == inserted
    world.wire({"remove": DOC, "ts": EARLY, "action": "create"})
    three, four = reader.take(2)
    assert three["type"] == "history_rewrite"
    assert three["event"] == {"action": "create", "document": {"ref": current["ref"], "ts": EARLY_MICROS}}
    assert four["event"]["action"] == "create"
    assert four["event"]["document"] == current


def test_removing_the_newest_version(world):
    world.wire(create(DOC, a=1))
    newest = world.wire(update(DOC, a=2))
    reader = subscribe(world, DOC, ALL)
    world.wire({"remove": DOC, "ts": newest["ts"], "action": "update"})
    event = reader.next()
    assert event["type"] == "history_rewrite"
    assert event["event"] == {"action": "update", "document": {"ref": newest["ref"], "ts": newest["ts"]}}


def test_inserting_a_deletion(world):
    reader = subscribe(world, DOC)
    world.wire({"insert": DOC, "ts": EARLY, "action": "delete", "params": obj()})
    event = reader.next()
    assert event["type"] == "history_rewrite"
    assert event["event"]["action"] == "delete"


def test_a_collection_renamed_meanwhile(world):
    reader = subscribe(world, DOC)
    world.wire({"update": coll("c"), "params": obj(name="renamed")})
    world.wire(create(ref("renamed", 1)))
    assert reader.next()["event"]["document"]["ref"]["@ref"]["collection"]["@ref"]["id"] == "renamed"


def test_a_document_of_a_child_database(world):
    world.wire({"create_database": obj(name="child")})
    child = world.as_("secret:child:admin")
    child.wire({"create_collection": obj(name="pets")})
    pets = {"collection": "pets", "scope": {"database": "child"}}
    reader = subscribe(world, {"ref": pets, "id": "7"})
    child.wire(create(ref("pets", 7), a=1))
    event = reader.next()["event"]
    assert event["document"]["data"] == {"a": 1}
    assert "database" in event["document"]["ref"]["@ref"]["collection"]["@ref"]


# ---- sets -------------------------------------------------------------------------------------------------------


def test_events_of_a_set_show_the_values_of_its_index(world):
    reader = subscribe(world, match("i", "k"), ALL)
    made = world.wire(create(DOC, kind="k", n=1))
    changed = world.wire(update(DOC, n=2))
    world.wire(update(DOC, other=5))
    world.wire(update(DOC, kind="z"))
    where = world.wire({"index": "i"})
    add, remove, add_two, last = reader.take(4)
    assert add == {
        "type": "set",
        "txn": made["ts"],
        "event": {
            "action": "add",
            "document": {"ref": made["ref"], "ts": made["ts"]},
            "index": {"ref": where, "terms": ["k"], "values": [1]},
        },
    }
    assert list(add["event"]["index"]) == ["ref", "terms", "values"]
    assert (remove["event"]["action"], remove["event"]["index"]["values"]) == ("remove", [1])
    assert (add_two["event"]["action"], add_two["event"]["index"]["values"]) == ("add", [2])
    assert remove["txn"] == add_two["txn"] == changed["ts"]
    assert (last["event"]["action"], last["event"]["index"]["values"]) == ("remove", [2])


def test_index_without_terms_and_values(world):
    reader = subscribe(world, match("all_c"), "fields=action,index")
    world.wire(create(DOC))
    world.wire(update(DOC, a=1))
    world.wire({"delete": DOC})
    add, remove = reader.take(2)
    assert add["event"]["index"]["terms"] == []
    assert add["event"]["index"]["values"] == []
    assert [add["event"]["action"], remove["event"]["action"]] == ["add", "remove"]


def test_several_entries_of_a_document(world):
    reader = subscribe(world, match("i", "k"), "fields=action,index")
    world.wire(create(DOC, kind=["k", "z"], n=[1, 2]))
    world.wire(update(DOC, n=[2, 3]))
    events = [(event["event"]["action"], event["event"]["index"]["values"]) for event in reader.take(4)]
    assert sorted(events[:2]) == [("add", [1]), ("add", [2])]
    assert events[2:] == [("remove", [1]), ("add", [3])]


def test_documents(world):
    reader = subscribe(world, {"documents": coll("c")}, ALL)
    made = world.wire(create(DOC, a=1))
    world.wire(update(DOC, a=2))
    world.wire({"delete": DOC})
    add, remove = reader.take(2)
    assert add == {
        "type": "set",
        "txn": made["ts"],
        "event": {
            "action": "add",
            "document": {"ref": made["ref"], "ts": made["ts"]},
            "index": {"terms": [world.wire(coll("c"))], "values": []},
        },
    }
    assert remove["event"]["action"] == "remove"
    assert remove["event"]["document"] == {"ref": made["ref"], "ts": remove["txn"]}


def test_documents_of_tokens(world):
    world.wire(create(DOC))
    reader = subscribe(world, {"documents": {"tokens": None}})
    token = world.wire({"create": {"tokens": None}, "params": obj(instance=DOC)})
    assert reader.next()["event"] == {
        "action": "add",
        "document": {"ref": token["ref"], "ts": token["ts"]},
    }


def test_sets_follow_rewritten_history(world):
    world.wire(create(DOC, kind="k", n=1))
    newest = world.wire(update(DOC, n=2))
    entries = subscribe(world, match("i", "k"), "fields=action,index")
    members = subscribe(world, {"documents": coll("c")})
    world.wire({"insert": DOC, "ts": EARLY, "action": "create", "params": obj(data=obj(kind="k", n=0))})
    world.wire({"remove": DOC, "ts": newest["ts"], "action": "update"})
    events = [(event["event"]["action"], event["event"]["index"]["values"]) for event in entries.take(2)]
    assert events == [("remove", [2]), ("add", [1])]
    world.wire(create(ref("c", 2)))
    assert members.next()["event"]["document"]["ref"] == world.wire(ref("c", 2))


def test_an_index_deleted_meanwhile(world):
    reader = subscribe(world, match("i", "k"))
    documents = subscribe(world, {"documents": coll("c")})
    world.wire({"delete": {"index": "i"}})
    world.wire(create(DOC, kind="k", n=1))
    documents.next()
    settle(world)
    assert reader.stream.next(0) is None
    assert reader.stream.open


def test_events_of_one_transaction_share_its_time(world):
    reader = subscribe(world, match("all_c"))
    world.wire(
        {"map": {"lambda": "n", "expr": {"create": coll("c"), "params": obj()}}, "collection": [1, 2, 3]}
    )
    assert len({event["txn"] for event in reader.take(3)}) == 1


# ---- order, exactly once ----------------------------------------------------------------------------------------


def test_every_commit_once_and_in_order(world):
    world.wire(create(DOC, n=0))
    reader = subscribe(world, DOC)
    threads = [threading.Thread(target=increment, args=(world, 25)) for _ in range(4)]
    for thread in threads[:3]:
        thread.start()
    late = subscribe(world, DOC)
    threads[3].start()  # so that something is left for the late one
    for thread in threads:
        thread.join()
    events = reader.take(100)
    assert [event["event"]["document"]["data"]["n"] for event in events] == list(range(1, 101))
    times = [event["txn"] for event in events]
    assert times == sorted(set(times))
    rest = [late.next()]
    while rest[-1]["event"]["document"]["data"]["n"] < 100:
        rest.append(late.next())
    numbers = [event["event"]["document"]["data"]["n"] for event in rest]
    assert numbers == list(range(numbers[0], 101))


def increment(db, times):
    number = {"add": [{"select": ["data", "n"], "from": {"get": DOC}}, 1]}
    for _ in range(times):
        db.wire(update(DOC, n=number))


def test_a_subscriber_joins_without_a_gap(world):
    """While writes go on, what a snapshot shows and what a stream brings fit together."""
    world.wire(create(DOC, n=0))
    writer = threading.Thread(target=increment, args=(world, 60))
    writer.start()
    readers = []
    while writer.is_alive():
        response = respond(world, {"get": DOC})
        readers.append(Reader(response.stream))
    writer.join()
    for reader in readers:
        start = reader.next()
        numbers, last = [], 0
        known = world.wire({"at": {"epoch": start["txn"], "unit": "microseconds"}, "expr": {"get": DOC}})[
            "data"
        ]["n"]
        while known != 60 and last != 60:
            last = reader.next()["event"]["document"]["data"]["n"]
            numbers.append(last)
        assert numbers == list(range(known + 1, 61))
        reader.close()


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    """The URL of a store that several processes can use."""
    if request.param == "file":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    place = places.postgres_place(request.getfixturevalue("postgres_url"))
    yield place.url
    place.close()
    places.drop_postgres_place(place)


def test_commits_of_another_process(url, db):
    with open_engine(url) as engine:
        world = prepare(type(db)(engine))
        reader = subscribe(world, DOC)
        script = textwrap.dedent(
            f"""
            from faunadb.engine.engine import open_engine
            from faunadb.engine.wire.http import handle
            from faunadb.engine.wire.messages import HttpRequest
            with open_engine({url!r}) as engine:
                headers = {{"authorization": "Bearer secret", "x-faunadb-api-version": "4"}}
                for n in range(20):
                    body = b'{{"%s":{{"ref":{{"collection":"c"}},"id":"1"}},"params":{{"object":{{"data":{{"object":{{"n":%d}}}}}}}}}}'
                    body %= (b"update" if n else b"create", n)
                    assert handle(engine, HttpRequest("POST", "/", "", headers, body)).status in (200, 201)
            """
        )
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
        numbers = [event["event"]["document"]["data"]["n"] for event in reader.take(20)]
        assert numbers == list(range(20))


def test_two_engines_on_one_store(url, db):
    with open_engine(url) as one, open_engine(url) as two:
        first, second = prepare(type(db)(one)), type(db)(two)
        readers = [subscribe(first, DOC), subscribe(second, DOC)]
        first.wire(create(DOC, n=0))
        for n in range(1, 11):
            (first if n % 2 else second).wire(update(DOC, n=n))
        for reader in readers:
            assert [event["event"]["document"]["data"]["n"] for event in reader.take(11)] == list(range(11))


def test_store_that_fails_for_a_moment(world, monkeypatch):
    from faunadb.engine.storage.errors import StoreUnavailable
    from faunadb.engine.streaming import dispatcher

    monkeypatch.setattr(dispatcher, "RETRY_AFTER", 0.01)
    reader = subscribe(world, DOC)
    store = world.engine.store
    snapshot, failures = store.snapshot, []

    def failing(*args: Any, **named: Any) -> Any:
        if threading.current_thread().name == "faunadb-streams" and len(failures) < 3:
            failures.append(1)
            raise StoreUnavailable("gone")
        return snapshot(*args, **named)

    monkeypatch.setattr(store, "snapshot", failing)
    late = subscribe(world, DOC)
    for n in range(5):
        world.wire(create(DOC, n=n) if n == 0 else update(DOC, n=n))
    for each in (reader, late):
        assert [event["event"]["document"]["data"]["n"] for event in each.take(5)] == list(range(5))
    assert len(failures) == 3


# ---- permissions ------------------------------------------------------------------------------------------------


def privilege(resource: Any, **actions: Any) -> Any:
    return obj(resource=resource, actions=obj(**actions))


def lam(pattern: Any, expr: Any) -> Any:
    return {"query": {"lambda": pattern, "expr": expr}}


def settle(db: Any) -> None:
    """Wait until all streams have what was committed so far: commits are delivered one after the other."""
    mark = subscribe(db, ref("c", 777))
    db.wire(create(ref("c", 777)))
    mark.next()
    db.wire({"delete": ref("c", 777)})
    mark.next()
    mark.close()


def key_with(db: Any, *privileges: Any) -> str:
    db.wire({"create_role": obj(name="r", privileges=list(privileges))})
    return str(db.wire({"create_key": obj(role="r")})["secret"])


SHOWN = lam("x", {"not": {"select": ["data", "hidden"], "from": {"get": {"var": "x"}}, "default": False}})


def test_reading_is_not_checked_when_opening(world):
    client = world.wire({"create_key": obj(role="client")})["secret"]
    for expression in (DOC, match("i", "k"), {"documents": coll("c")}):
        reader = subscribe(world, expression, secret=client)
        world.wire(create(coll("c"), kind="k", n=1))
        settle(world)
        assert reader.stream.next(0) is None
    assert respond(world, {"get": DOC}, secret=client).status == 403


def test_versions_need_read(world):
    secret = key_with(world, privilege(coll("c"), read=SHOWN))
    reader = subscribe(world, DOC, secret=secret)
    world.wire(create(DOC, n=1))
    world.wire(update(DOC, hidden=True))
    world.wire(update(DOC, hidden=False, n=2))
    one, two = reader.take(2)
    assert one["event"]["document"]["data"] == {"n": 1}
    assert two["event"]["document"]["data"] == {"n": 2, "hidden": False}


def test_history_needs_history_read(world):
    world.wire(
        {"create_role": obj(name="past", privileges=[privilege(coll("c"), read=True, history_read=True)])}
    )
    past = world.wire({"create_key": obj(role="past")})["secret"]
    secret = key_with(world, privilege(coll("c"), read=True))
    without, both = subscribe(world, DOC, secret=secret), subscribe(world, DOC, secret=past)
    world.wire({"insert": DOC, "ts": EARLY, "action": "create", "params": obj()})
    world.wire(update(DOC, a=1))
    assert without.next()["type"] == "version"
    assert [event["type"] for event in both.take(2)] == ["history_rewrite", "version"]


@pytest.mark.parametrize(
    ("on_index", "on_collection", "entries", "documents"),
    [
        ({"unrestricted_read": True}, {}, True, False),
        ({"read": True}, {"read": True}, True, True),
        ({"read": True}, {}, False, False),
        ({}, {"read": True}, False, True),
        ({}, {"unrestricted_read": True}, False, True),
    ],
)
def test_what_set_streams_need(world, on_index, on_collection, entries, documents):
    secret = key_with(world, privilege({"index": "i"}, **on_index), privilege(coll("c"), **on_collection))
    streams = [
        subscribe(world, expression, secret=secret)
        for expression in (match("i", "k"), {"documents": coll("c")})
    ]
    world.wire(create(DOC, kind="k", n=1))
    settle(world)
    assert [stream.stream.next(0) is not None for stream in streams] == [entries, documents]


def lost(reader: Reader) -> bool:
    """Whether the stream ends now with the error for a lost authorization."""
    event = reader.next()
    assert event["type"] == "error"
    assert event["event"] == LOST
    assert event["txn"] > 0
    assert reader.stream.next(WAIT) is None
    assert reader.stream.ended
    return True


def test_lost_key(world):
    key = world.wire({"create_key": obj(role="server")})
    reader = subscribe(world, DOC, secret=key["secret"])
    world.wire(create(DOC))
    assert reader.next()["type"] == "version"
    world.wire({"delete": {"ref": {"keys": None}, "id": key["ref"]["@ref"]["id"]}})
    world.wire(update(DOC, a=1))
    assert lost(reader)


def test_changed_key(world):
    key = world.wire({"create_key": obj(role="server")})
    reader = subscribe(world, DOC, secret=key["secret"])
    world.wire(
        {"update": {"ref": {"keys": None}, "id": key["ref"]["@ref"]["id"]}, "params": obj(data=obj(a=1))}
    )
    world.wire(create(DOC))
    assert lost(reader)


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_changed_role(world, how):
    reader = subscribe(world, DOC, secret=key_with(world, privilege(coll("c"), read=True)))
    world.wire(create(DOC))
    assert reader.next()["type"] == "version"
    if how == "edited":
        world.wire({"update": {"role": "r"}, "params": obj(data=obj(a=1))})
    else:
        world.wire({"delete": {"role": "r"}})
    world.wire(update(DOC, a=1))
    assert lost(reader)


def test_other_schema_does_not_matter(world):
    reader = subscribe(world, DOC, secret=key_with(world, privilege(coll("c"), read=True)))
    world.wire({"create_role": obj(name="another")})
    world.wire({"create_collection": obj(name="another")})
    world.wire(create(DOC))
    assert reader.next()["type"] == "version"


@pytest.fixture
def token(world):
    """The secret of a token for users/1."""
    world.wire({"create_collection": obj(name="users")})
    world.wire({"create": ref("users", 1), "params": obj(credentials=obj(password="x"))})
    membership = obj(resource=coll("users"), predicate=lam("u", {"exists": {"var": "u"}}))
    world.wire(
        {"create_role": obj(name="m", privileges=[privilege(coll("c"), read=True)], membership=membership)}
    )
    return world.wire({"login": ref("users", 1), "params": obj(password="x")})["secret"]


@pytest.mark.parametrize("how", ["logout", "document", "membership", "new role"])
def test_lost_token(world, token, how):
    reader = subscribe(world, DOC, secret=token)
    world.wire(create(DOC))
    assert reader.next()["type"] == "version"
    world.wire(
        {
            "logout": {"delete": ref("users", 1)},
            "document": {"delete": ref("users", 1)},
            "membership": {"update": {"role": "m"}, "params": obj(membership=[])},
            "new role": {"create_role": obj(name="n", membership=obj(resource=coll("users")))},
        }[how]
    ) if how != "logout" else world.wire({"logout": True}, secret=token)
    world.wire(update(DOC, a=1))
    assert lost(reader)


def test_an_expired_key(world):
    soon = {"time_add": {"now": None}, "offset": 300, "unit": "milliseconds"}
    secret = world.wire({"create_key": obj(role="server", ttl=soon)})["secret"]
    reader = subscribe(world, DOC, secret=secret)
    deadline = time.monotonic() + WAIT
    while world.raw("1", secret=secret).status == 200 and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    world.wire(create(DOC))
    assert lost(reader)


def test_one_failing_stream_leaves_the_others(world, monkeypatch):
    reader, other = subscribe(world, DOC), subscribe(world, DOC)
    put = Stream.put

    def broken(self: Stream, event: bytes) -> None:
        if self is reader.stream:
            raise RuntimeError("broken")
        put(self, event)

    monkeypatch.setattr(Stream, "put", broken)
    world.wire(create(DOC))
    assert other.next()["type"] == "version"
    event = reader.next()
    assert event["event"]["code"] == "internal server error"
    assert event["txn"] == 0


# ---- limits -----------------------------------------------------------------------------------------------------


def small(db, **limits):
    db.engine._streams = Dispatcher(db.engine, **limits)
    return db


def test_a_slow_reader_is_cut_off(world):
    small(world, max_events=10)
    slow, quick = subscribe(world, DOC), subscribe(world, DOC)
    world.wire(create(DOC, n=0))
    assert quick.next()["event"]["action"] == "create"
    for n in range(1, 30):
        world.wire(update(DOC, n=n))
        assert quick.next()["event"]["document"]["data"]["n"] == n
    event = slow.next()
    assert event == {
        "type": "error",
        "txn": 0,
        "event": {"code": "time out", "description": CONGESTED.format(11)},
    }
    assert slow.stream.next(WAIT) is None
    assert slow.stream.ended


def test_bytes_that_wait_are_bounded(world):
    small(world, max_bytes=10_000)
    slow, quick = subscribe(world, DOC), subscribe(world, DOC)
    world.wire(create(DOC, text="x" * 4000))
    quick.next()
    for _ in range(4):
        world.wire(update(DOC, n=1))
        quick.next()
    assert slow.next()["event"]["code"] == "time out"


def test_one_event_may_be_larger_than_the_buffer(world):
    small(world, max_bytes=1000)
    reader = subscribe(world, DOC)
    world.wire(create(DOC, text="x" * 5000))
    assert reader.next()["event"]["action"] == "create"


def test_too_many_streams(world):
    small(world, max_streams=2)
    readers = [subscribe(world, DOC) for _ in range(2)]
    response = respond(world, DOC)
    assert response.status == 200
    event = Reader(response.stream).next()
    assert event["event"] == {"code": "too many requests", "description": "Too many open streams."}
    readers[0].close()
    wait_for(lambda: world.engine.streams.count == 1)
    subscribe(world, DOC)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_a_thousand_streams_need_no_threads(world):
    before = threading.active_count()
    readers = [subscribe(world, ref("c", number)) for number in range(1000)]
    assert threading.active_count() <= before + 2
    for number in (0, 500, 999):
        world.wire(create(ref("c", number)))
        assert readers[number].next()["event"]["action"] == "create"
    for reader in readers:
        reader.close()
    wait_for(lambda: world.engine.streams.count == 0)
    assert not world.engine.streams._subscribers
    assert not world.engine.streams._interests._documents


def test_a_hundred_streams_of_one_document(world):
    readers = [subscribe(world, DOC) for _ in range(100)]
    world.wire(create(DOC, n=1))
    for n in range(2, 6):
        world.wire(update(DOC, n=n))
    for reader in readers:
        assert [event["event"]["document"]["data"]["n"] for event in reader.take(5)] == [1, 2, 3, 4, 5]


def test_nothing_is_kept_of_closed_streams(world):
    expressions = [DOC, match("i", "k"), match("all_c"), {"documents": coll("c")}]
    readers = [subscribe(world, expression) for expression in expressions for _ in range(2)]
    for reader in readers:
        reader.close()
        reader.close()
    wait_for(lambda: not world.engine.streams._subscribers)
    interests = world.engine.streams._interests
    assert not interests._documents
    assert not interests._collections
    assert not interests._indexes
    wait_for(lambda: world.engine.streams.count == 0)
    world.wire(create(DOC))
    again = subscribe(world, DOC)
    world.wire(update(DOC, a=1))
    assert again.next()["event"]["action"] == "update"


# ---- the reader's end -------------------------------------------------------------------------------------------


def test_streams_end_with_the_engine(db):
    with open_engine("sqlite://") as engine:
        reader = subscribe(prepare(type(db)(engine)), DOC)
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(reader.stream.next()))
        thread.start()
    thread.join(WAIT)
    assert found == [None]
    assert reader.stream.ended


def test_close_from_another_thread(world):
    reader = subscribe(world, DOC)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(reader.stream))
    thread.start()
    reader.close()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert found == []


def test_next_with_a_timeout(world):
    reader = subscribe(world, DOC)
    assert reader.stream.next(0) is None
    assert reader.stream.next(0.01) is None
    assert not reader.stream.ended


def test_on_ready():
    stream, told = Stream("1"), []
    stream.on_ready(lambda: told.append(1))
    assert told == []
    stream.put(b"x")
    assert told == [1]
    stream.end()
    assert told == [1, 1]
    late: list[int] = []
    stream.on_ready(lambda: late.append(1))
    assert late == [1]
    assert stream.next(0) == b"x"
    assert stream.ended


def test_nothing_goes_in_after_the_end():
    stream = Stream("1")
    stream.fail("time out", "over")
    stream.put(b"x")
    stream.fail("time out", "again")
    assert list(stream) == [error_frame("time out", "over")]


def test_a_frame_is_a_line_of_json():
    assert frame("start", 5, "5") == b'{"type":"start","txn":5,"event":5}\r\n'
    assert (
        error_frame("a", 'b"c', 7)
        == b'{"type":"error","txn":7,"event":{"code":"a","description":"b\\"c"}}\r\n'
    )
