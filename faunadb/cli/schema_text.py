"""Writes a schema as FQL in JavaScript style, in an order in which it can be run, and reads it back as queries."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from faunadb.cli.export_format import query_literal
from faunadb.cli.references import Reference, references
from faunadb.cli.schema_reading import KINDS, Item, Schema
from faunadb.fql import javascript
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.render import JAVASCRIPT, Raw, render_query

__all__ = [
    "CREATORS",
    "SINGULAR",
    "Statement",
    "expression",
    "in_order",
    "mentioned",
    "schema_text",
    "statements",
]

CREATORS = {
    "databases": "create_database",
    "collections": "create_collection",
    "functions": "create_function",
    "indexes": "create_index",
    "roles": "create_role",
    "access_providers": "create_access_provider",
}
SINGULAR = {
    "databases": "database",
    "collections": "collection",
    "functions": "function",
    "indexes": "index",
    "roles": "role",
    "access_providers": "access_provider",
}
_TITLES = {
    "databases": "Databases",
    "collections": "Collections",
    "functions": "Functions",
    "indexes": "Indexes",
    "roles": "Roles",
    "access_providers": "Access providers",
}
#: fields that may be set later, where items need each other
_LATER = {
    "databases": ("data",),
    "collections": ("data",),
    "functions": ("body", "role", "data"),
    "indexes": ("data",),
    "roles": ("privileges", "membership", "data"),
    "access_providers": ("roles", "data"),
}
_WIDTH = 100
_SECTION = re.compile(r"^:db[ \t]+/?([^\s].*?)?[ \t]*$", re.MULTILINE)

#: Items that a query creates -> the variables that hold them in it.
Locals = dict[Reference, str]


class Statement(NamedTuple):
    """A step in making a schema: a new item, or (``create`` False) fields that an item gets later."""

    item: Item
    create: bool


def in_order(items: list[Item]) -> list[Statement]:
    """Statements that create items, each after what it needs. Where items need each other, some get fields later."""
    return _Ordering(items).run()


class _Ordering:
    """A depth-first walk over items and what they need."""

    def __init__(self, items: list[Item]) -> None:
        self.items = {item.key: item for item in sorted(items, key=lambda item: KINDS.index(item.kind))}
        self.done: list[Statement] = []
        self.later: list[Statement] = []
        self._begun: set[tuple[str, str]] = set()
        self._made: set[tuple[str, str]] = set()

    def run(self) -> list[Statement]:
        for item in self.items.values():
            self._visit(item)
        return self.done + self.later

    def _visit(self, item: Item) -> None:
        if item.key in self._begun:
            return
        self._begun.add(item.key)
        for needed in sorted(self._needs(item.fields)):
            self._visit(self.items[needed])
        if item.key in self._made:
            return
        postponed = {
            key
            for key, value in item.fields.items()
            if key in _LATER[item.kind] and (self._missing(value) or _names_documents(value))
        }
        for needed in sorted(self._missing({k: v for k, v in item.fields.items() if k not in postponed})):
            # it needs this item too: break the circle by making it first, without the fields that can come later
            self._make(self.items[needed], set(_LATER[needed[0]]))
        self._make(item, postponed)

    def _needs(self, value: Any) -> set[tuple[str, str]]:
        return references(value) & set(self.items)

    def _missing(self, value: Any) -> set[tuple[str, str]]:
        return self._needs(value) - self._made

    def _make(self, item: Item, postponed: set[str]) -> None:
        if item.key in self._made:
            return
        self._made.add(item.key)
        now = {key: value for key, value in item.fields.items() if key not in postponed}
        if item.kind == "functions" and "body" not in now:
            now["body"] = {"@query": {"api_version": "4", "lambda": "_", "expr": None}}
        self.done.append(Statement(item._replace(fields=now), True))
        later = {key: value for key, value in item.fields.items() if key in postponed}
        if later:
            self.later.append(Statement(item._replace(fields=later), False))


def _names_documents(value: Any) -> bool:
    """Whether a literal refers to documents, which exist only after the schema."""
    if isinstance(value, list):
        return any(map(_names_documents, value))
    if not isinstance(value, dict):
        return False
    if len(value) == 1 and "@obj" in value:
        return any(map(_names_documents, value["@obj"].values()))
    if "@query" in value:
        return False
    ref = value.get("@ref")
    if isinstance(ref, dict):
        owner = ref.get("collection", {}).get("@ref", {})
        return "collection" in owner
    return any(map(_names_documents, value.values()))


# -- literals to expressions


def statement_query(statement: Statement, made: Optional[Locals] = None) -> Any:
    """The query of a statement.

    :param made: items that the same query creates, and the variables that hold them
    """
    item = statement.item
    local = made or {}
    if statement.create:
        fields = {"name": item.name, **item.fields}
        return {CREATORS[item.kind]: {"object": {k: expression(v, local) for k, v in fields.items()}}}
    fields = {key: expression(value, local) for key, value in item.fields.items()}
    return {"update": item_ref(item.key, local), "params": {"object": fields}}


def item_ref(key: tuple[str, str], local: Locals) -> Any:
    """The expression for the ref of a named item."""
    if key in local:
        return {"select": "ref", "from": {"var": local[key]}}
    return {SINGULAR[key[0]]: key[1]}


def expression(literal: Any, local: Locals) -> Any:
    """The expression, as people would write it, that evaluates to a literal."""
    if isinstance(literal, list):
        return [expression(item, local) for item in literal]
    if isinstance(literal, float) and not math.isfinite(literal):
        return query_literal(literal)
    if not isinstance(literal, dict):
        return literal
    if len(literal) == 1:
        ((key, content),) = literal.items()
        if key == "@ref":
            return _ref(content, local)
        if key == "@query":
            return _query(content)
        if key == "@obj":
            return Raw({"object": {"@obj": {k: plain(expression(v, {})) for k, v in content.items()}}})
        if key in ("@ts", "@date"):
            return {"time" if key == "@ts" else "date": content}
        if key[:1] == "@" and key != "@bytes":
            return Raw(literal)
        if key == "@bytes":
            return literal
    return {"object": {key: expression(value, local) for key, value in literal.items()}}


def _ref(content: dict[str, Any], local: Locals) -> Any:
    owner = content.get("collection", {}).get("@ref")
    if "database" in content or (owner is not None and "database" in owner):
        return Raw({"@ref": content})
    if owner is None:
        return {content["id"]: None}
    if "collection" not in owner and owner["id"] in SINGULAR:
        return item_ref((owner["id"], content["id"]), local)
    return {"ref": _ref(owner, local), "id": content["id"]}


def _query(content: dict[str, Any]) -> Any:
    """A lambda, written as a function of the language if that reads back as the very same lambda."""
    wire = {"query": {key: value for key, value in content.items() if key != "api_version"}}
    if content.get("api_version") != "4":
        return Raw({"@query": content})
    return wire if _is_exact(wire) else Raw(wire)


def _is_exact(wire: Any) -> bool:
    text = render_query(wire, JAVASCRIPT, _WIDTH)
    try:
        read = javascript.parse_script(text, exact=True)
    except FqlSyntaxError:
        return False
    return len(read) == 1 and _canonical(read[0].wire) == _canonical(wire)


def _canonical(wire: Any) -> str:
    return json.dumps(wire, sort_keys=True)


def plain(wire: Any) -> Any:
    """A query as wire JSON, without `Raw`, which only says how a part is shown."""
    if isinstance(wire, Raw):
        return plain(wire.wire)
    if isinstance(wire, list):
        return [plain(item) for item in wire]
    if isinstance(wire, dict):
        return {key: plain(value) for key, value in wire.items()}
    return wire


# -- text


def schema_text(schema: Schema) -> str:
    """A schema as FQL that creates it."""
    parts = []
    title = ""
    for statement in in_order(list(schema.items.values())):
        heading = _TITLES[statement.item.kind] if statement.create else "What needs what comes before"
        if heading != title:
            parts.append(f"// {heading}")
            title = heading
        parts.append(statement_text(statement) + "\n")
    return "\n".join(parts)


def statement_text(statement: Statement) -> str:
    """A statement in JavaScript style; reading the text gives the same query again."""
    wire = statement_query(statement)
    text = render_query(wire, JAVASCRIPT, _WIDTH)
    try:
        [read] = javascript.parse_script(text, exact=True)
        exact = _canonical(read.wire) == _canonical(plain(wire))
    except (FqlSyntaxError, ValueError):
        exact = False
    return text if exact else render_query(Raw(plain(wire)), JAVASCRIPT, _WIDTH)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a text, each with the path of its database: a line ``:db /a/b`` begins the part of ``a/b``."""
    path, start = "", 0
    for match in _SECTION.finditer(text):
        yield path, text[start : match.start()]
        path, start = (match[1] or "").strip("/"), match.end()
    yield path, text[start:]


def statements(text: str) -> list[javascript.Query]:
    """The queries of one database's part of a schema.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    return javascript.parse_script(text, exact=True)


def mentioned(queries: list[javascript.Query]) -> set[Reference]:
    """The items that queries refer to and do not create. There may be too many, since quoted data may look like a ref."""
    found: set[Reference] = set()
    created: set[Reference] = set()
    pending: list[Any] = [query.wire for query in queries]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            found |= _mentioned(value)
            item = next((value[form] for form in _KINDS_CREATED if form in value), None)
            fields = item.get("object") if isinstance(item, dict) else None
            if isinstance(fields, dict) and isinstance(fields.get("name"), str):
                created.update(
                    (kind, fields["name"]) for form, kind in _KINDS_CREATED.items() if form in value
                )
                pending += [_of_source(item) if key == "source" else item for key, item in fields.items()]
            else:
                pending += value.values()
    return found - created


_KINDS_CREATED = {form: kind for kind, form in CREATORS.items()}
_KINDS_NAMED = {form: kind for kind, form in SINGULAR.items()}


def _mentioned(value: dict[str, Any]) -> set[Reference]:
    """What an object, leaving its members aside, refers to."""
    if len(value) != 1:
        return set()
    ((form, content),) = value.items()
    if form == "@ref" and isinstance(content, dict):
        return references(value)
    return {(_KINDS_NAMED[form], content)} if form in _KINDS_NAMED and isinstance(content, str) else set()


def _of_source(source: Any) -> Any:
    """What of an index's source may refer to items that are gone: all but an only collection, which no index outlives."""
    if not isinstance(source, dict):
        return source
    fields = source.get("object")
    if not isinstance(fields, dict):
        return None
    named = fields.get("collection", fields.get("class"))
    return source if isinstance(named, list) else fields.get("fields")
