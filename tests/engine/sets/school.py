"""Wire JSON of the queries that the set tests make, and what their answers hold."""

from __future__ import annotations

from typing import Any

from tests.engine.conftest import Database, history_from_1970

COLLECTIONS = {"@ref": {"id": "collections"}}


def coll(name: str = "spells") -> dict[str, Any]:
    return {"@ref": {"id": name, "collection": COLLECTIONS}}


def doc(number: int, collection: str = "spells") -> dict[str, Any]:
    """A document's ref, as it is shown."""
    return {"@ref": {"id": str(number), "collection": coll(collection)}}


def index_ref(name: str) -> dict[str, Any]:
    return {"@ref": {"id": name, "collection": {"@ref": {"id": "indexes"}}}}


def obj(value: Any) -> Any:
    """Data as an expression: objects wrapped, escapes such as refs left alone."""
    if isinstance(value, list):
        return [obj(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("@"):
            return value
        return {"object": {key: obj(item) for key, item in value.items()}}
    return value


def create(db: Database, number: int, data: Any, collection: str = "spells", **more: Any) -> Any:
    return db.wire({"create": doc(number, collection), "params": obj({"data": data, **more})})


def create_collection(db: Database, name: str = "spells", **more: Any) -> Any:
    """A collection whose history begins in 1970, unless `history_days` says otherwise."""
    if "history_days" in more:
        return db.wire({"create_collection": obj({"name": name, **more})})
    with history_from_1970():
        return db.wire({"create_collection": obj({"name": name, "history_days": None, **more})})


def create_index(
    db: Database, name: str, source: Any = None, terms: Any = (), values: Any = (), **more: Any
) -> Any:
    """terms, values: names of data members, lists for whole paths, or objects as they are."""

    def field(item: Any) -> Any:
        if isinstance(item, dict):
            return item
        return {"field": item if isinstance(item, list) else ["data", item]}

    config: dict[str, Any] = {"name": name, "source": source or coll(), **more}
    if terms:
        config["terms"] = [field(item) for item in terms]
    if values:
        config["values"] = [field(item) for item in values]
    return db.wire({"create_index": obj(config)})


def match(index: str, *terms: Any) -> dict[str, Any]:
    query: dict[str, Any] = {"match": {"index": index}}
    if terms:
        query["terms"] = list(terms)
    return query


def documents(name: str = "spells") -> dict[str, Any]:
    return {"documents": coll(name)}


def paginate(target: Any, **options: Any) -> dict[str, Any]:
    return {"paginate": target, **options}


def data(db: Database, target: Any, **options: Any) -> list[Any]:
    """The data of one page."""
    return db.wire(paginate(target, **options))["data"]


def ids(items: list[Any]) -> list[int]:
    return [int(item["@ref"]["id"]) for item in items]


def pages(
    db: Database, target: Any, size: int, backward: bool = False, end: Any = None, **options: Any
) -> list[Any]:
    """All data of a set, page by page, following the cursors; backward begins at its end.

    end: a cursor at the end: null, which sorts last, or in a descending set something lower than all values.
    """
    found: list[Any] = []
    cursor: Any = end if backward else None
    first = True
    while True:
        given = {} if first and not backward else {"before" if backward else "after": obj(cursor)}
        first = False
        page = db.wire(paginate(target, size=size, **given, **options))
        assert len(page["data"]) <= size
        found = page["data"] + found if backward else found + page["data"]
        cursor = page.get("before" if backward else "after")
        if cursor is None:
            return found
        assert page["data"], "a page with a cursor to go on from has data"
