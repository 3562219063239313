"""What a query costs, and at which times it reads and writes, does not depend on the backend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from faunadb.engine.engine import Engine, open_engine
from tests.engine.conftest import Database
from tests.engine.storage import places

REF = {"ref": {"collection": "spells"}, "id": "1"}
VARIABLE = {"var": "made"}


def _field(*path: str) -> dict[str, Any]:
    return {"object": {"field": list(path)}}


def _index(name: str, **fields: Any) -> dict[str, Any]:
    return {"create_index": {"object": {"name": name, "source": {"collection": "spells"}, **fields}}}


def _params(**data: Any) -> dict[str, Any]:
    return {"object": {"data": {"object": data}}}


SCHEMA = {
    "create_collection": {"object": {"name": "spells", "history_days": 30}},
}
INDEXES = [
    _index("by_name", terms=[_field("data", "name")], values=[_field("data", "cost")]),
    _index("by_time", values=[_field("ts"), _field("data", "cost")]),
    _index("unique", terms=[_field("data", "name")], unique=True),
]
#: Of each, everything that the headers say is compared, and the next ones find what it has written.
QUERIES: dict[str, Any] = {
    "create": {"create": REF, "params": _params(name="a", cost=1)},
    "create and change": {
        "do": [
            {"create": {"ref": {"collection": "spells"}, "id": "2"}, "params": _params(name="b", cost=1)},
            {
                "update": {"ref": {"collection": "spells"}, "id": "2"},
                "params": _params(name="c", tags=["x"] * 9),
            },
            {"delete": {"ref": {"collection": "spells"}, "id": "2"}},
        ]
    },
    "its own time in the data": {
        "let": [{"made": {"update": REF, "params": _params(cost=2)}}],
        "in": {"update": REF, "params": _params(times=[{"select": "ts", "from": VARIABLE}] * 9)},
    },
    # With the digits of the number that stands for the time, this is billed as two operations.
    "as much as one operation": {
        "let": [{"made": {"update": REF, "params": _params(name="d")}}],
        "in": {
            "create": {"ref": {"collection": "spells"}, "id": "3"},
            "params": _params(name="z" * 950, time={"select": "ts", "from": VARIABLE}),
        },
    },
    "a key": {"create_key": {"object": {"role": "server"}}},
    "history": {"paginate": {"events": REF}},
    "read": {"paginate": {"match": {"index": "by_time"}}},
    "delete": {"delete": REF},
}
METRICS = (
    "x-byte-read-ops",
    "x-byte-write-ops",
    "x-compute-ops",
    "x-read-ops",
    "x-write-ops",
    "x-storage-bytes-read",
    "x-storage-bytes-write",
    "x-query-bytes-in",
)


def _database(engine: Engine) -> Database:
    db = Database(engine)
    db.wire(SCHEMA)
    db.wire({"do": INDEXES})
    return db


@pytest.fixture
def db(place: places.Place) -> Iterator[Database]:
    with open_engine(place.url) as engine:
        yield _database(engine)


def _metrics(db: Database, query: Any) -> dict[str, Any]:
    answer = db.raw(query)
    told = {name.decode(): value.decode() for name, value in answer.raw_headers}
    return {"status": answer.status, **{metric: told[metric] for metric in METRICS}}


def test_metrics_are_those_of_a_store_in_memory(db: Database) -> None:
    with open_engine("sqlite://") as engine:
        memory = _database(engine)
        for name, query in QUERIES.items():
            text = json.dumps(query)
            assert (name, _metrics(db, text)) == (name, _metrics(memory, text))


def test_now_is_before_what_the_query_writes(db: Database) -> None:
    """Writes and schema 1.7: `now()` is the snapshot's time. A version that is inserted at it is another one."""
    query = {
        "do": [
            {"create": REF, "params": _params(cost=1)},
            {"insert": REF, "ts": {"now": None}, "action": "create", "params": _params(cost=2)},
            [{"paginate": {"events": REF}}, {"exists": REF}, {"to_micros": {"now": None}}],
        ]
    }
    page, exists, now = db.wire(json.dumps(query))
    inserted, written = page["data"]
    assert inserted["ts"] == now < written["ts"]
    assert (inserted["data"]["cost"], written["data"]["cost"], exists) == (2, 1, True)
