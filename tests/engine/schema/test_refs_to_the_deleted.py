"""Refs outlive what they refer to: they keep the last name, in whatever holds them (writes and schema, "Names")."""

from __future__ import annotations

import json

import pytest

from tests.engine.streaming.test_streaming import subscribe

BODY = {"query": {"lambda": "x", "expr": 1}}
HELD = {
    "collection": ({"create_collection": {"object": {"name": "made"}}}, {"collection": "made"}),
    "document": (
        {"create_collection": {"object": {"name": "made"}}},
        {"ref": {"collection": "made"}, "id": "1"},
    ),
    "index": (
        {"create_index": {"object": {"name": "made", "source": {"collection": "things"}}}},
        {"index": "made"},
    ),
    "function": ({"create_function": {"object": {"name": "made", "body": BODY}}}, {"function": "made"}),
    "role": ({"create_role": {"object": {"name": "made", "privileges": []}}}, {"role": "made"}),
    "database": ({"create_database": {"object": {"name": "made"}}}, {"database": "made"}),
    "access provider": (
        {"create_access_provider": {"object": {"name": "made", "issuer": "i", "jwks_uri": "https://x"}}},
        {"access_provider": "made"},
    ),
}
DOCUMENT = {"ref": {"collection": "things"}, "id": "51"}
HOLDER = {"select": ["data", "r"], "from": {"get": DOCUMENT}}


def owner(held):
    """What is deleted: the item that a ref names, or the collection of its document."""
    return held.get("ref", held)


def fill(db, create, held):
    db.wire({"create_collection": {"object": {"name": "things"}}})
    fields = [{"object": {"field": ["data", "r"]}}, {"object": {"field": ["data", "l"]}}]
    source = {"source": {"collection": "things"}, "values": fields}
    db.wire({"create_index": {"object": {"name": "values", **source}}})
    shown = db.wire(create)["ref"]
    data = {
        "r": held,
        "l": [held, 1],
        "o": {"object": {"deep": held}},
        "q": {"query": {"lambda": "x", "expr": {"get": held}}},
        "s": {"match": {"index": "values"}, "terms": held},
    }
    db.wire({"create": DOCUMENT, "params": {"object": {"data": {"object": data}}}})
    return shown


@pytest.mark.parametrize("kind", HELD)
def test_whatever_holds_a_ref_looks_the_same_after_the_deletion(db, kind):
    create, held = HELD[kind]
    fill(db, create, held)
    looks = (
        {"get": DOCUMENT},
        HOLDER,
        {"paginate": {"match": {"index": "values"}}},
        {"paginate": {"events": DOCUMENT}},
        {"select": "id", "from": HOLDER},
        {"select": "collection", "from": HOLDER},
        {"is_ref": HOLDER},
        {"count": {"select": ["data", "l"], "from": {"get": DOCUMENT}}},
        {"contains_value": HOLDER, "in": {"select": ["data", "l"], "from": {"get": DOCUMENT}}},
    )
    before = [db.wire(look) for look in looks]
    for again in (False, True):
        db.wire({"delete": owner(held)})
        assert [db.wire(look) for look in looks] == before
        assert db.wire({"exists": held}) is False
        if not again:
            db.wire(create)
            assert [db.wire(look) for look in looks] == before
            assert db.wire({"equals": [HOLDER, held]}) is False
    updated = db.wire({"update": DOCUMENT, "params": {"object": {"data": {"object": {"z": 1}}}}})
    assert updated["data"] == {**before[0]["data"], "z": 1}


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.7", "3", "4"])
def test_in_every_api_version(db, version):
    fill(db, *HELD["document"])
    old = {"x-faunadb-api-version": version}
    before = db.wire({"get": DOCUMENT}, headers=old)
    db.wire({"delete": {"collection": "made"}})
    assert db.wire({"get": DOCUMENT}, headers=old) == before


def test_the_last_name_is_the_one_that_stays(db):
    shown = fill(db, *HELD["collection"])
    db.wire(
        {"update": {"collection": "made"}, "params": {"object": {"name": "renamed"}}},
    )
    db.wire({"delete": {"collection": "renamed"}})
    last = json.loads(json.dumps(shown).replace('"made"', '"renamed"'))
    assert db.wire(HOLDER) == last


def test_schema_that_refers_to_the_deleted_looks_the_same(db):
    fill(db, *HELD["collection"])
    role = {"name": "reader", "privileges": [{"object": {"resource": {"collection": "made"}}}]}
    db.wire(
        {
            "create_role": {
                "object": {**role, "membership": [{"object": {"resource": {"collection": "made"}}}]}
            }
        }
    )
    both = [{"object": {"collection": {"collection": name}}} for name in ("made", "things")]
    db.wire({"create_index": {"object": {"name": "both", "source": both}}})
    body = {"query": {"lambda": "x", "expr": {"documents": {"collection": "made"}}}}
    db.wire({"create_function": {"object": {"name": "f", "body": body, "role": {"role": "reader"}}}})
    looks = ({"get": {"role": "reader"}}, {"get": {"index": "both"}}, {"get": {"function": "f"}})
    assert db.engine.background.wait(20)  # the index is built behind the queries
    before = [db.wire(look) for look in looks]
    db.wire({"delete": {"collection": "made"}})
    assert [db.wire(look) for look in looks] == before
    db.wire({"delete": {"role": "reader"}})
    assert db.wire(looks[2]) == before[2]


def test_keys_and_tokens_keep_what_they_were_for(db):
    fill(db, *HELD["document"])
    db.wire({"create": HELD["document"][1]})
    db.wire({"create_database": {"object": {"name": "child"}}})
    key = db.wire({"create_key": {"object": {"role": "admin", "database": {"database": "child"}}}})
    token = db.wire({"create": {"tokens": None}, "params": {"object": {"instance": HELD["document"][1]}}})
    looks = ({"get": {"ref": {"keys": None}, "id": key["ref"]["@ref"]["id"]}},)
    looks += ({"get": {"ref": {"tokens": None}, "id": token["ref"]["@ref"]["id"]}},)
    before = [db.wire(look) for look in looks]
    db.wire({"delete": {"database": "child"}})
    db.wire({"delete": {"collection": "made"}})
    assert [db.wire(look) for look in looks] == before
    assert db.wire({"select": ["database", "id"], "from": looks[0]}) == "child"


def test_refs_into_deleted_databases(db):
    """Also once everything in them is removed, and for those below them. Only lambdas hold such refs."""
    db.wire({"create_database": {"object": {"name": "a"}}})
    db.as_("secret:a:admin").wire({"create_database": {"object": {"name": "b"}}})
    inner = db.as_("secret:a/b:admin")
    inner.wire({"create_collection": {"object": {"name": "made"}}})
    inner.wire({"create_function": {"object": {"name": "f", "body": BODY}}})
    inside = {"database": "b", "scope": {"database": "a"}}
    db.wire({"create_collection": {"object": {"name": "things"}}})
    held = [
        {"collection": "made", "scope": inside},
        {"ref": {"collection": "made", "scope": inside}, "id": "1"},
        {"function": "f", "scope": inside},
        {"keys": inside},
    ]
    names = {"let": [{"r": held}], "in": {"query": {"lambda": "_", "expr": {"var": "r"}}}}
    body = {"object": {"name": "refs", "body": names}}
    db.wire({"create_function": body})
    call = {"call": {"function": "refs"}, "arguments": 1}
    looks = [{"get": {"function": "refs"}}, call, {"select": [0, "database", "id"], "from": call}]
    looks += [
        {"is_ref": {"select": 1, "from": call}},
        {"contains_value": inside, "in": {"select": 2, "from": call}},
    ]
    before = [db.wire(look) for look in looks]
    assert before[2:] == ["b", True, True]
    db.wire({"delete": {"database": "a"}})
    assert [db.wire(look) for look in looks[:4]] == before[:4]
    assert db.engine.background.wait(10)
    db.wire({"create_collection": {"object": {"name": "other"}}})
    assert [db.wire(look) for look in looks[:4]] == before[:4]
    assert db.wire({"exists": {"select": 1, "from": call}}) is False


def test_what_is_made_and_deleted_at_once_shows_its_name(db):
    made = {"create_database": {"object": {"name": "made"}}}
    query = {"let": [{"m": made}], "in": {"delete": {"select": "ref", "from": {"var": "m"}}}}
    assert db.wire(query)["ref"]["@ref"]["id"] == "made"


def test_streams_show_the_name(db):
    fill(db, *HELD["document"])
    db.wire({"delete": {"collection": "made"}})
    before = db.wire({"get": DOCUMENT})["data"]
    reader = subscribe(db, DOCUMENT, "fields=document,prev")
    db.wire({"update": DOCUMENT, "params": {"object": {"data": {"object": {"z": 1}}}}})
    event = reader.next()["event"]
    assert event["document"]["data"] == {**before, "z": 1}
    assert event["prev"]["data"] == before
    reader.close()
