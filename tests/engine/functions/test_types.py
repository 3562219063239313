"""Type tests against every kind of value (value functions, "Type checks")."""

from __future__ import annotations

import json

import pytest

from .kinds import VALUES, database_of_kinds

db = database_of_kinds

REFS = "native, collection ref, index ref, function ref, database ref, key ref, role ref, ref"
UNRESOLVED = "unresolved collection, unresolved role, unresolved provider"

MORE = {
    "event cursor": {"select": "after", "from": {"paginate": {"documents": {"collection": "c"}}, "events": True, "size": 1}},
    "document of a collection": {"get": {"collection": "c"}},
    "document of an index": {"get": {"index": "i"}},
    "document of a function": {"get": {"function": "f"}},
    "document of a database": {"get": {"database": "d"}},
    "document of a role": {"get": {"role": "r"}},
    "token ref": {"ref": {"tokens": None}, "id": "1"},
    "credentials ref": {"ref": {"credentials": None}, "id": "1"},
    "databases": {"databases": None},
    "indexes": {"indexes": None},
    "functions": {"functions": None},
    "keys": {"keys": None},
    "tokens": {"tokens": None},
    "credentials": {"credentials": None},
    "roles": {"roles": None},
    "collections": {"collections": None},
    "access providers": {"access_providers": None},
    "page array": {"select": "data", "from": {"paginate": {"keys": None}}},
}  # fmt: skip
NATIVES = (
    "native, databases, indexes, functions, keys, tokens, credentials, roles, collections, access providers"
)
MORE_REFS = "token ref, credentials ref, databases, indexes, functions, keys, tokens, credentials, roles, collections, access providers"
DOCUMENTS = (
    "document, document of a collection, document of an index, document of a function, document of a database, "
    "document of a role"
)

#: the kinds for which each test is true
TRUE = {
    "is_number": "integer, double",
    "is_integer": "integer",
    "is_double": "double",
    "is_boolean": "boolean",
    "is_null": "null",
    "is_bytes": "bytes",
    "is_date": "date",
    "is_uuid": "uuid",
    "is_lambda": "lambda",
    "is_timestamp": "time",
    "is_string": "string, action",
    "is_array": "array, page array",
    "is_object": f"object, page, event, event cursor, {DOCUMENTS}",
    "is_ref": f"{REFS}, {UNRESOLVED}, {MORE_REFS}",
    "is_set": f"set, {NATIVES}",
    "is_doc": f"{REFS}, {MORE_REFS}, {DOCUMENTS}",
    "is_collection": f"collection ref, document of a collection, {NATIVES}",
    "is_database": "database ref, document of a database",
    "is_index": "index ref, document of an index",
    "is_function": "function ref, document of a function",
    "is_key": "key ref",
    "is_token": "token ref",
    "is_credentials": "credentials ref",
    "is_role": "role ref, document of a role",
}


@pytest.mark.parametrize("test", TRUE)
def test_true_for_these_kinds_and_no_other(db, test):
    kinds = {**{kind: value for kind, (value, _) in VALUES.items()}, **MORE}
    found = {kind for kind, value in kinds.items() if db.wire(json.dumps({test: value})) is True}
    assert found == set(TRUE[test].split(", "))


def test_documents_of_keys_tokens_and_credentials(db):
    made = {
        "is_key": {"select": "ref", "from": {"create_key": {"object": {"role": "admin"}}}},
        "is_credentials": {
            "select": "ref",
            "from": {
                "create": {"credentials": None},
                "params": {
                    "object": {
                        "instance": {"ref": {"collection": "c"}, "id": "1"},
                        "credentials": {"object": {"password": "x"}},
                    }
                },
            },
        },
        "is_token": {
            "select": "ref",
            "from": {
                "create": {"tokens": None},
                "params": {"object": {"instance": {"ref": {"collection": "c"}, "id": "1"}}},
            },
        },
    }
    for test, ref in made.items():
        query = {
            "let": {"d": {"get": ref}},
            "in": [{name: {"var": "d"}} for name in (*made, "is_doc", "is_ref")],
        }
        assert db.wire(json.dumps(query)) == [*(name == test for name in made), True, False]
