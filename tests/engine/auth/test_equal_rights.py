"""Whoever may read everything reads the same: built-in roles, and a role that grants each of it one by one; whoever may
read some of it reads that, in pages of any size (auth chapter, "Sets").
"""

from __future__ import annotations

import json

import pytest

from tests.engine.conftest import filled_once

from .wire import (
    coll,
    create,
    create_role,
    data,
    documents,
    get,
    index,
    lam,
    match,
    native,
    obj,
    paginate,
    privilege,
    ref,
    select,
    var,
)

DOC = ref("c", 1)
ODD = match("by_kind", "odd")
EVEN = match("by_kind", "even")
DOCUMENTS = documents("c")
SETS = {
    "match": ODD,
    "documents": DOCUMENTS,
    "union": {"union": [ODD, EVEN]},
    "intersection": {"intersection": [DOCUMENTS, ODD]},
    "difference": {"difference": [DOCUMENTS, EVEN]},
    "reverse": {"reverse": DOCUMENTS},
    "distinct": {"distinct": ODD},
    "range": {"range": DOCUMENTS, "from": ref("c", 3), "to": ref("c", 14)},
    "filter": {"filter": lam("r", {"exists": var("r")})["query"], "collection": ODD},
    "events": {"events": ODD},
    "events of documents": {"events": DOCUMENTS},
}
READS = [
    *map(paginate, SETS.values()),
    *({"count": members} for name, members in SETS.items() if "events" not in name),
    get(DOC),
    get(ref("c", 99)),
    get(ODD),
    get(coll("c")),
    get(index("by_kind")),
    {"exists": DOC},
    {"exists": EVEN},
    {"first": ODD},
    {"last": ODD},
    {"is_empty": ODD},
    {"contains_value": DOC, "in": DOCUMENTS},
    paginate({"events": DOC}),
    paginate({"singleton": DOC}),
    paginate(native("collections")),
    paginate(native("indexes")),
    {"select": ["data", "n"], "from": get(DOC)},
    {"map": lam("r", get(var("r")))["query"], "collection": paginate(ODD)},
    {"reduce": lam(["sum", "r"], {"add": [var("sum"), 1]})["query"], "initial": 0, "collection": DOCUMENTS},
]


@pytest.fixture
@filled_once
def world(db):
    db.wire({"create_collection": obj(name="c")})
    terms = [obj(field=["data", "kind"])]
    db.wire({"create_index": obj(name="by_kind", source=coll("c"), terms=terms)})
    for number in range(1, 18):
        kind = "odd" if number % 2 else "even"
        db.wire(create(ref("c", number), data=obj(n=number, kind=kind, shown=number % 3 != 0)))
    db.wire({"delete": ref("c", 5)})
    db.wire({"update": ref("c", 8), "params": data(kind="odd")})
    return db


@pytest.fixture
@filled_once
def full(world):
    """Everything that the built-in roles read of these, granted one by one."""
    both = {"read": True, "history_read": True}
    resources = [coll("c"), native("collections"), native("indexes")]
    granted = [privilege(resource, **both) for resource in resources]
    world.wire(create_role("full", *granted, privilege(index("by_kind"), read=True)))
    return world


@pytest.mark.parametrize("scope", ["admin", "server", "server-readonly", "@role/full"])
def test_who_may_read_everything_reads_the_same(full, scope):
    other = full.as_(f"secret:{scope}")
    for expression in READS:
        assert other.body(expression) == full.body(expression), expression


def _shown(item):
    """Whether the predicate of the role grants an entry, or an event: all but every third, and what is deleted."""
    item = item.get("document", item)
    number = int(item["@ref"]["id"])
    return number % 3 != 0 and number != 5


def _pages(db, members, size):
    found, cursor = [], {}
    while True:
        page = db.wire({**paginate(members), "size": size, **cursor})
        found += page["data"]
        if "after" not in page:
            return found
        assert len(page["data"]) == size
        cursor = {"after": {"quote": page["after"]}}


@pytest.mark.parametrize("name", SETS)
def test_what_is_hidden_is_as_if_it_were_not_there(world, name):
    shown = lam("r", select(["data", "shown"], get(var("r"))))
    world.wire(create_role("some", privilege(coll("c"), read=shown), privilege(index("by_kind"), read=True)))
    some = world.as_("secret:@role/some")
    everything = world.wire({**paginate(SETS[name]), "size": 1000})["data"]
    expected = [item for item in everything if _shown(item)]
    assert 0 < len(expected) < len(everything)
    for size in (1, 2, 3, 1000):
        assert json.dumps(_pages(some, SETS[name], size)) == json.dumps(expected)
