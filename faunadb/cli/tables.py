"""Collections as tables with typed columns, for programs that know nothing of Fauna.

A column holds the values of one top-level field of ``data``. Its type is the one that all values of the field have;
a field with values of several types, or with arrays or objects, becomes JSON. A field whose refs all lead to one
collection becomes a column of ids, with a foreign key where all of these documents exist.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, Optional

from faunadb.cli.export_format import bytes_of, is_day, is_usual_time

__all__ = ["Column", "Table", "TableBuilder", "cell"]

#: columns of every table, before those of fields
_HEAD = ("id", "ts", "ttl")


class Column(NamedTuple):
    """One column."""

    name: str
    #: the name in ``data``
    field: str
    #: ``integer``, ``double``, ``boolean``, ``text``, ``time``, ``date``, ``bytes``, ``ref`` (the id of a document of one
    #: collection) or ``json`` (anything else)
    type: str
    #: the collection that refs lead to, ``""`` for other types
    target: str = ""
    #: whether every ref leads to a document that exists, so that a foreign key holds
    is_foreign_key: bool = False


class Table(NamedTuple):
    """The table of one collection. Its first columns are ``id``, ``ts`` and ``ttl``; ``columns`` are the fields."""

    name: str
    collection: str
    columns: list[Column]


class TableBuilder:
    """Works out the columns of a collection's table from its documents."""

    def __init__(self, collection: str) -> None:
        self.collection = collection
        self.types: dict[str, Counter[str]] = {}
        #: field -> ids of documents that its refs lead to, by collection
        self.targets: dict[str, dict[str, set[str]]] = {}

    def add(self, data: dict[str, Any]) -> None:
        """Take the fields of one more document into account."""
        for field, value in data.items():
            if value is None:
                continue
            kind = _type(value)
            self.types.setdefault(field, Counter())[kind] += 1
            if kind == "ref":
                owner, number = _document(value)
                self.targets.setdefault(field, {}).setdefault(owner, set()).add(number)

    def table(self, name: str, ids: dict[str, set[str]]) -> Table:
        """The table.

        :param name: of the table
        :param ids: ids of the documents that exist, by collection
        """
        taken = set(_HEAD)
        columns = []
        for field, kinds in self.types.items():
            column = unique_name(field, taken)
            taken.add(column.lower())
            columns.append(self._column(column, field, kinds, ids))
        return Table(name, self.collection, columns)

    def _column(self, name: str, field: str, kinds: Counter[str], ids: dict[str, set[str]]) -> Column:
        found = set(kinds)
        if found == {"integer", "double"}:
            return Column(name, field, "double")
        kind = found.pop() if len(found) == 1 else "json"
        targets = self.targets.get(field, {})
        if kind != "ref":
            return Column(name, field, kind)
        if len(targets) > 1:
            return Column(name, field, "json")
        [(target, numbers)] = targets.items()
        return Column(name, field, "ref", target, numbers <= ids.get(target, set()))


def unique_name(text: str, taken: Iterable[str]) -> str:
    """A name for a table or column that every SQL database accepts, and that differs from ``taken`` whatever the case."""
    plain = re.sub(r"\W", "_", text)[:48] or "_"
    if plain[0].isdigit():
        plain = "_" + plain
    folded = {name.lower() for name in taken}
    found, number = plain, 1
    while found.lower() in folded:
        number += 1
        found = f"{plain}_{number}"
    return found


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if key == "@ref" and _document(value)[0]:
            return "ref"
        if (key == "@ts" and is_usual_time(value[key])) or (key == "@date" and is_day(value[key])):
            return "time" if key == "@ts" else "date"
        return "bytes" if key == "@bytes" else "json"
    return "json"


def _document(value: Any) -> tuple[str, str]:
    """Collection and id of a ref to a user's document; empty for any other ref."""
    content = value["@ref"]
    owner = content.get("collection", {}).get("@ref", {})
    parent = owner.get("collection", {}).get("@ref", {})
    if parent.get("id") != "collections" or "database" in owner:
        return "", ""
    return owner["id"], content["id"]


def cell(column: Column, value: Any) -> Any:
    """A field's value as its column holds it: a number, boolean, text or bytes. Times, dates and JSON are text."""
    if value is None:
        return None
    if column.type == "json":
        return json.dumps(simple(value), ensure_ascii=False)
    if column.type == "ref":
        return int(_document(value)[1])
    if column.type == "double":
        return float(value)
    if column.type == "bytes":
        return bytes_of(value["@bytes"])
    if column.type in ("time", "date"):
        return next(iter(value.values()))
    return value


def simple(value: Any) -> Any:
    """A value as plain JSON: refs as ``{"collection", "id"}``, times, dates and bytes as strings."""
    if isinstance(value, list):
        return [simple(item) for item in value]
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return value
    if isinstance(value, float):
        return str(value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key == "@ref":
            return _simple_ref(content)
        if key == "@obj":
            return {name: simple(item) for name, item in content.items()}
        if key in ("@ts", "@date", "@bytes", "@uuid"):
            return content
    return {key: simple(item) for key, item in value.items()}


def _simple_ref(content: dict[str, Any]) -> dict[str, Optional[str]]:
    owner = content.get("collection", {}).get("@ref", {})
    return {"collection": owner.get("id"), "id": content.get("id")}
