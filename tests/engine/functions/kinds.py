"""A value of every kind, and a database in which they exist."""

from __future__ import annotations

import json

import pytest

from faunadb.engine.engine import open_engine

from ..conftest import Database

DATE, TIME = {"@date": "2020-01-01"}, {"@ts": "2020-01-01T00:00:00Z"}
DOCUMENT = {"collection": "c"}

#: kind: (expression, name in error texts)
VALUES = {
    "integer": (1, "Integer"),
    "double": (1.5, "Double"),
    "boolean": (True, "Boolean"),
    "null": (None, "Null"),
    "string": ("x", "String"),
    "bytes": ({"@bytes": "AQ=="}, "Bytes"),
    "uuid": ({"@uuid": "00000000-0000-0000-0000-000000000001"}, "UUID"),
    "time": (TIME, "Time"),
    "date": (DATE, "Date"),
    "array": ([1], "Array"),
    "object": ({"object": {"a": 1}}, "Object"),
    "page": ({"paginate": {"keys": None}}, "Page"),
    "set": ({"singleton": {"ref": {"collection": "c"}, "id": "1"}}, "Set"),
    "lambda": ({"query": {"lambda": "x", "expr": 1}}, "Lambda"),
    "native": ({"databases": None}, "Collection Ref"),
    "collection ref": ({"collection": "c"}, "Collection Ref"),
    "index ref": ({"index": "i"}, "Index Ref"),
    "function ref": ({"function": "f"}, "User Function Ref"),
    "database ref": ({"database": "d"}, "Database Ref"),
    "key ref": ({"ref": {"keys": None}, "id": "1"}, "Key Ref"),
    "role ref": ({"role": "r"}, "Ref"),
    "ref": ({"ref": {"collection": "c"}, "id": "1"}, "Ref"),
    "unresolved collection": ({"collection": "nope"}, "Collection Ref"),
    "unresolved role": ({"role": "nope"}, "Role Ref"),
    "unresolved provider": ({"access_provider": "nope"}, "Access Provider Ref"),
    "document": ({"get": {"ref": {"collection": "c"}, "id": "1"}}, "Object"),
    "event": (
        {"select": ["data", 0], "from": {"paginate": {"ref": {"collection": "c"}, "id": "1"}, "events": True}},
        "Object",
    ),
    "action": (
        {
            "select": ["data", 0, "action"],
            "from": {"paginate": {"ref": {"collection": "c"}, "id": "1"}, "events": True},
        },
        "Action",
    ),
    "sourced": (
        {"select": ["data", 0], "from": {"paginate": {"documents": {"collection": "c"}}, "sources": True}},
        "Object",
    ),
    "pending time": ({"select": "ts", "from": {"create": {"collection": "c"}}}, "Unresolved Transaction Time"),
}  # fmt: skip


@pytest.fixture(scope="module", name="db")
def database_of_kinds():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        for query in (
            {"create_collection": {"object": {"name": "c"}}},
            {"create_database": {"object": {"name": "d"}}},
            {"create_index": {"object": {"name": "i", "source": {"collection": "c"}}}},
            {
                "create_function": {
                    "object": {"name": "f", "body": {"query": {"lambda": "x", "expr": {"var": "x"}}}}
                }
            },
            {
                "create_role": {
                    "object": {"name": "r", "privileges": {"object": {"resource": {"keys": None}, "actions": {"object": {}}}}}
                }
            },
            {"create": {"ref": {"collection": "c"}, "id": "1"}},
            {"create": {"collection": "c"}},
        ):  # fmt: skip
            database.wire(json.dumps(query))
        yield database
