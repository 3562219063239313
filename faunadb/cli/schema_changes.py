"""The changes that make one schema into another, and applying them: in one transaction per database where possible."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Callable, NamedTuple, Optional

from faunadb import query as q
from faunadb.cli.connection import Connection, first_error
from faunadb.cli.errors import CliError
from faunadb.cli.reading import Reader
from faunadb.cli.references import references
from faunadb.cli.schema_reading import KINDS, Item, Schema, read_schema
from faunadb.cli.schema_text import (
    SINGULAR,
    Locals,
    expression,
    in_order,
    item_ref,
    plain,
    sections,
    statement_query,
    statements,
)
from faunadb.errors import FaunaError, HttpError
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.javascript import Query
from faunadb.fql.render import JAVASCRIPT, render_error

__all__ = ["Change", "apply", "compare", "desired_schemas", "schemas_of"]

#: fields of an index that cannot change: the index is deleted and built anew
_FIXED = ("source", "terms", "values", "unique", "partitions", "serialized")

#: The schema of each database by its path below the first one, which has the path ``""``; parents come first.
Schemas = dict[str, Schema]


class Change(NamedTuple):
    """One difference between two schemas."""

    #: path of the database
    database: str
    #: ``create``, ``update``, ``rebuild`` (an index is deleted and built anew) or ``delete``
    action: str
    #: the item as it should be; for a deletion, as it is
    item: Item
    #: names of the fields that differ
    fields: tuple[str, ...] = ()

    def line(self) -> str:
        """The change in one line, as a plan shows it."""
        mark = {"create": "+", "update": "~", "rebuild": "!", "delete": "-"}[self.action]
        where = f"{self.database}: " if self.database else ""
        what = f"{where}{SINGULAR[self.item.kind].replace('_', ' ')} {self.item.name}"
        detail = f": {', '.join(self.fields)}" if self.fields else ""
        rebuilt = " (deleted and built anew)" if self.action == "rebuild" else ""
        return f"{mark} {what}{detail}{rebuilt}"


def schemas_of(connection: Connection, path: str = "") -> Schemas:
    """The schemas of a database and of all databases below it.

    :param path: the path of the connection's database in the result
    :raises CliError: when the secret may not read one of them
    """
    client = connection.client()
    connection.check(client)
    schema = read_schema(Reader(client))
    if schema.unreadable:
        raise CliError(f"the secret may not read {schema.unreadable}: the schema takes an admin key")
    found = {path: schema}
    for name in schema.children():
        below = connection.below(f"{connection.database}/{name}".strip("/"))
        found.update(schemas_of(below, f"{path}/{name}".strip("/")))
    return found


def desired_schemas(text: str) -> Schemas:
    """The schemas that a text of FQL creates. It is run on an empty database in memory to find out.

    :raises FqlSyntaxError: when it cannot be read
    :raises CliError: when it cannot be run
    """
    parts = [(path, statements(part)) for path, part in sections(text)]
    connection = Connection(f"sqlite://?name=schema-{next(_scratches)}", "secret")
    try:
        for path, queries in parts:
            below = connection.below(path)
            below.create_database()
            client = below.client()
            for query in queries:
                _run(client, query)
        return schemas_of(connection)
    finally:
        connection.close()


_scratches = itertools.count(1)


def _run(client: Any, query: Query) -> None:
    try:
        # null instead of the result, which may be a value that Python does not have
        client.query(q._Expr({"do": [query.wire, None]}))
    except HttpError as fault:
        position = (fault.errors[0].position if fault.errors else None) or []
        start, end = query.span_of(position[2:])
        raise FqlSyntaxError(first_error(fault), query.text, start, end) from None


# -- comparing


def compare(have: Schemas, want: Schemas, delete: bool) -> list[Change]:
    """The changes that make ``have`` into ``want``.

    :param delete: delete what is not in ``want``; else it stays
    """
    changes: list[Change] = []
    for path, schema in want.items():
        there = have.get(path) or Schema()
        for statement in in_order(list(schema.items.values())):
            if statement.create:
                wanted = schema.items[statement.item.key]
                changes += _changes(path, there.items.get(wanted.key), wanted)
        if delete:
            gone = [item for key, item in there.items.items() if key not in schema.items]
            gone.sort(key=lambda item: KINDS.index(item.kind), reverse=True)
            changes += [Change(path, "delete", item) for item in gone]
    return changes


def _changes(path: str, there: Optional[Item], wanted: Item) -> Iterator[Change]:
    if there is None:
        yield Change(path, "create", wanted)
        return
    keys = [*wanted.fields, *(key for key in there.fields if key not in wanted.fields)]
    fields = tuple(key for key in keys if _text(wanted.fields.get(key)) != _text(there.fields.get(key)))
    if fields:
        fixed = wanted.kind == "indexes" and any(key in _FIXED for key in fields)
        yield Change(path, "rebuild" if fixed else "update", wanted, fields)


def _text(literal: Any) -> str:
    return json.dumps(literal, sort_keys=True)


# -- applying

#: values of fields that are left out, where ``replace`` would keep the old value
_DEFAULTS: dict[tuple[str, str], Any] = {("collections", "history_days"): 0}


class _Step(NamedTuple):
    """A part of a transaction."""

    query: Callable[[Locals], Any]
    #: what lambdas in it refer to: it must exist when the transaction begins
    in_lambdas: set[tuple[str, str]]
    #: the item that it creates, if any
    made: Optional[tuple[str, str]] = None


def apply(connection: Connection, changes: list[Change]) -> Iterator[tuple[str, int]]:
    """Make changes; yields each database when its changes are made, and their number.

    The changes of one database are one transaction, except that a lambda that holds the ref of a new item needs that
    item to be committed first.

    :raises CliError: when a transaction is refused. Nothing of it is done then; transactions before it stay
    """
    for path in dict.fromkeys(change.database for change in changes):
        below = connection.below(f"{connection.database}/{path}".strip("/"))
        here = [change for change in changes if change.database == path]
        for query in _transactions(_steps(here)):
            try:
                below.client().query(q._Expr(query))
            except HttpError as fault:
                raise CliError(_refusal(path, query, fault)) from None
            except (FaunaError, OSError) as fault:
                raise CliError(f"the database stopped answering: {fault}") from None
        yield path, len(here)


def _refusal(path: str, query: Any, fault: HttpError) -> str:
    position = fault.errors[0].position if fault.errors else None
    where = f"\n{render_error(query, position, JAVASCRIPT)}" if position else ""
    return f"{path or 'the database'} refuses the schema: {first_error(fault)}; nothing of it is done{where}"


def _steps(changes: list[Change]) -> Iterator[_Step]:
    """The parts that make the changes, in order."""
    for change in changes:
        if change.action == "rebuild":
            yield _deletion(change.item)
    created = [change.item for change in changes if change.action in ("create", "rebuild")]
    for statement in in_order(created):
        made = statement.item.key if statement.create else None
        yield _Step(partial(statement_query, statement), _in_lambdas(statement.item.fields), made)
    for change in changes:
        if change.action == "update":
            yield _Step(partial(_replacement, change), _in_lambdas(change.item.fields))
    for change in changes:
        if change.action == "delete":
            yield _deletion(change.item)


def _deletion(item: Item) -> _Step:
    return _Step(lambda local: {"delete": item_ref(item.key, {})}, set())


def _replacement(change: Change, local: Locals) -> Any:
    kind = change.item.kind
    left_out = {key: _DEFAULTS.get((kind, key)) for key in change.fields if key not in change.item.fields}
    fields = {key: expression(value, local) for key, value in change.item.fields.items()}
    params = {"name": change.item.name, **left_out, **fields}
    return {"replace": item_ref(change.item.key, local), "params": {"object": params}}


def _transactions(steps: Iterator[_Step]) -> Iterator[Any]:
    """Queries that do the steps, as few as possible. Steps refer to items of the same query by variables, since a query
    cannot look up names that it creates itself."""
    bindings: list[dict[str, Any]] = []
    local: Locals = {}
    for step in steps:
        if step.in_lambdas & set(local):
            yield plain({"let": bindings, "in": None})
            bindings, local = [], {}
        name = f"_{len(bindings)}"
        bindings.append({name: step.query(local)})
        if step.made is not None:
            local[step.made] = name
    if bindings:
        yield plain({"let": bindings, "in": None})


def _in_lambdas(value: Any) -> set[tuple[str, str]]:
    if isinstance(value, list):
        return set().union(*map(_in_lambdas, value))
    if not isinstance(value, dict):
        return set()
    if "@query" in value:
        return references(value["@query"])
    return set().union(*map(_in_lambdas, value.values()))
