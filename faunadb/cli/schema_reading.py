"""Reads the schema of a database: its items and their definitions, without what the database sets itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from faunadb.cli.errors import CliError
from faunadb.cli.reading import Reader
from faunadb.cli.references import references
from faunadb.engine import functions  # noqa: F401  (importing functions registers the forms)
from faunadb.engine.language.registry import table
from faunadb.engine.schema.index_fields import default_partitions

__all__ = ["KINDS", "Item", "Schema", "read_schema"]

#: native collections of named items, in the order in which items usually need each other
KINDS = ("databases", "collections", "functions", "indexes", "roles", "access_providers")

#: fields that the database sets itself
_OWN: dict[str, tuple[str, ...]] = {
    "databases": ("global_id", "scope", "disabled"),
    "collections": (),
    "functions": (),
    "indexes": ("active",),
    "roles": (),
    "access_providers": ("audience",),
}
#: fields that a new item has when they are not given
_DEFAULTS: dict[str, dict[str, Any]] = {"collections": {"history_days": 0}, "indexes": {"serialized": True}}
#: fields that may refer to items that no longer exist
_MAY_DANGLE = {"functions": ("role",), "roles": ("privileges", "membership"), "access_providers": ("roles",)}


class Item(NamedTuple):
    """One item of a schema."""

    #: its native collection, one of `KINDS`
    kind: str
    name: str
    #: literals of the wire, without the name
    fields: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


class Schema:
    """The items of one database by kind and name.

    :ivar notes: sentences about what is not part of it
    :ivar unreadable: a native collection that the secret may not read; ``""`` when there is none
    """

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.notes: list[str] = []
        self.unreadable = ""

    def children(self) -> list[str]:
        """Names of the child databases."""
        return [name for kind, name in self.items if kind == "databases"]

    def add(self, kind: str, name: str, fields: dict[str, Any]) -> None:
        self.items[kind, name] = Item(kind, name, fields)


def read_schema(reader: Reader, keep_dangling: bool = False) -> Schema:
    """The schema of a database, without those of its children.

    :param keep_dangling: keep references of roles, indexes and others to items that no longer exist. They allow and hold
        nothing, and a database refuses them when they are written anew
    :raises CliError: when the database does not answer
    """
    schema = Schema()
    for kind in KINDS:
        try:
            for document in reader.pages({kind: None}):
                schema.add(kind, document["name"], _definition(kind, document, reader))
        except CliError as fault:
            if "permission denied" not in str(fault):
                raise
            schema.unreadable = schema.unreadable or kind
    if not keep_dangling:
        for item in list(schema.items.values()):
            schema.items[item.key] = _without_dangling(item, schema)
    _note_secrets(schema, reader)
    return schema


def _definition(kind: str, document: dict[str, Any], reader: Reader) -> dict[str, Any]:
    dropped = ("ref", "ts", "name", *_OWN[kind])
    fields = {key: _with_quotes(value) for key, value in document.items() if key not in dropped}
    if "data" in fields:
        fields["data"] = reader.with_doubles(document["ref"], fields["data"])
    if kind == "indexes" and fields.get("partitions") == default_partitions(fields):
        del fields["partitions"]
    for key, default in _DEFAULTS.get(kind, {}).items():
        if key not in fields:
            fields[key] = None
        elif fields[key] == default and type(fields[key]) is type(default):
            del fields[key]
    return fields


def _with_quotes(value: Any) -> Any:
    """A field whose lambdas can be run again: the database shows a quoted object without its ``quote``, which is put
    back here."""
    if isinstance(value, list):
        return [_with_quotes(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "@obj" in value:
        return {"@obj": {key: _with_quotes(item) for key, item in value["@obj"].items()}}
    source = value.get("@query")
    if len(value) == 1 and isinstance(source, dict):
        forms = table(source.get("api_version", "4"))
        return {"@query": {**source, "expr": _source(source.get("expr"), forms)}}
    return {key: _with_quotes(item) for key, item in value.items()}


def _source(source: Any, forms: Any) -> Any:
    if isinstance(source, list):
        return [_source(item, forms) for item in source]
    if not isinstance(source, dict) or "quote" in source:
        return source
    if len(source) == 1 and next(iter(source))[:1] == "@":
        return source
    if "object" in source and len(source) == 1 and isinstance(source["object"], dict):
        return {"object": {key: _source(item, forms) for key, item in source["object"].items()}}
    if frozenset(source) not in forms and not {"lambda", "expr"} <= set(source):
        return {"quote": source}
    return {
        key: _bindings(item, forms) if key == "let" else _source(item, forms) for key, item in source.items()
    }


def _bindings(bindings: Any, forms: Any) -> Any:
    if isinstance(bindings, list):
        return [_bindings(item, forms) for item in bindings]
    if not isinstance(bindings, dict):
        return bindings
    return {name: _source(item, forms) for name, item in bindings.items()}


def _without_dangling(item: Item, schema: Schema) -> Item:
    """An item without references to roles, resources and some of an index's collections that no longer exist."""
    fields = dict(item.fields)
    for key in _MAY_DANGLE.get(item.kind, ()):
        value = fields.get(key)
        if isinstance(value, list):
            fields[key] = [entry for entry in value if not _is_gone(_subject(entry), schema)]
        elif _is_gone(_subject(value), schema):
            del fields[key]
    if item.kind == "indexes":
        fields["source"] = _living_source(fields["source"], schema) or fields["source"]
    for kind, name in sorted(_named(fields)):
        if (kind, name) not in schema.items:
            what = f"{name} of {kind}, which is gone"
            schema.notes.append(
                f"{item.name} of {item.kind} cannot be made anew as it is: it refers to {what}"
            )
    return item._replace(fields=fields)


def _living_source(source: Any, schema: Schema) -> Any:
    """The source of an index, or a part of it, without collections that no longer exist; None if none is left."""
    if isinstance(source, list):
        parts = [_living_source(part, schema) for part in source]
        return [part for part in parts if part is not None] or None
    if isinstance(source, dict):
        for key in ("collection", "class"):
            if key in source:
                left = _living_source(source[key], schema)
                return None if left is None else {**source, key: left}
    return None if _is_gone(source, schema) else source


def _subject(entry: Any) -> Any:
    """What an entry of a role or an access provider refers to."""
    if isinstance(entry, dict):
        return entry.get("resource", entry.get("role", entry if "@ref" in entry else None))
    return None


def _is_gone(resource: Any, schema: Schema) -> bool:
    return any(reference not in schema.items for reference in _named(resource))


def _named(value: Any) -> Iterator[tuple[str, str]]:
    return (reference for reference in references(value) if reference[0] in KINDS)


def _note_secrets(schema: Schema, reader: Reader) -> None:
    """Note that keys and tokens are left out: the database knows only hashes of their secrets."""
    for kind in ("keys", "tokens"):
        try:
            count = reader.query({"count": {kind: None}})
        except CliError:
            continue
        if count:
            schema.notes.append(
                f"{count:,} {kind} are not part of it: their secrets are known to nobody here; make new ones"
            )
