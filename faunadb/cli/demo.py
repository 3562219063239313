"""``faunadb demo``: a small data set of spells and the characters who cast them, and ten queries on it.

:func:`load` loads the data. :data:`QUERIES` are the queries in the order in which the demo runs them; two of them
write, and later ones see what they wrote. Needs nothing but the package itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

from faunadb import query as q
from faunadb.cli.errors import CliError
from faunadb.client import FaunaClient
from faunadb.errors import FaunaError, HttpError
from faunadb.fql.render import PYTHON, render_query, render_value

__all__ = [
    "CHARACTERS",
    "FUNCTIONS",
    "INDEXES",
    "QUERIES",
    "SPELLS",
    "DemoQuery",
    "execute",
    "load",
    "main",
    "run",
]

#: document id -> data
SPELLS: list[tuple[str, dict[str, Any]]] = [
    ("101", {"name": "Ember Kiss", "element": ["fire"], "cost": 10, "level": 1}),
    ("102", {"name": "Tidal Lullaby", "element": ["water"], "cost": 15, "level": 2}),
    ("103", {"name": "Steam Veil", "element": ["fire", "water"], "cost": 25, "level": 3}),
    ("104", {"name": "Pebble Chorus", "element": ["earth"], "cost": 5, "level": 1}),
    ("105", {"name": "Glass Garden", "element": ["fire", "earth"], "cost": 40, "level": 4}),
    ("106", {"name": "Kite String", "element": ["air"], "cost": 8, "level": 1}),
]

#: document id -> name, and the spells that the character casts
CHARACTERS: list[tuple[str, str, list[str]]] = [
    ("201", "Orla", ["101", "103", "105"]),
    ("202", "Bram", ["104", "105"]),
    ("203", "Suri", ["102", "106"]),
]

INDEXES: list[dict[str, Any]] = [
    {"name": "spells_by_element", "source": "spells", "terms": [["data", "element"]]},
    {
        "name": "spells_by_cost",
        "source": "spells",
        "values": [["data", "cost"], ["data", "name"], ["ref"]],
    },
    {"name": "spell_by_name", "source": "spells", "terms": [["data", "name"]], "unique": True},
    {
        "name": "characters_by_spell",
        "source": "characters",
        "terms": [["data", "spells"]],
        "values": [["data", "name"]],
    },
]

#: user-defined functions: name -> body
FUNCTIONS: dict[str, Any] = {
    "price_of": lambda name: q.select(["data", "cost"], q.get(q.match(q.index("spell_by_name"), name))),
}


class DemoQuery(NamedTuple):
    """One query of the demo: what it shows, and the expression."""

    title: str
    expression: Any


_spells = q.collection("spells")
_ember_kiss = q.ref(_spells, "101")

QUERIES: list[DemoQuery] = [
    DemoQuery("A document by its ref", q.get(_ember_kiss)),
    DemoQuery(
        "All spells: a page of refs, each mapped to a name",
        q.map_(lambda ref: q.select(["data", "name"], q.get(ref)), q.paginate(q.documents(_spells))),
    ),
    DemoQuery(
        "What an index finds: spells that are of fire and of earth",
        q.map_(
            lambda ref: q.select(["data", "name"], q.get(ref)),
            q.paginate(
                q.intersection(
                    q.match(q.index("spells_by_element"), "fire"),
                    q.match(q.index("spells_by_element"), "earth"),
                )
            ),
        ),
    ),
    DemoQuery(
        "Sorted by cost, two at a time: the page has a cursor to go on from",
        q.paginate(q.match(q.index("spells_by_cost")), size=2),
    ),
    DemoQuery(
        "A join: who casts a spell of fire?",
        q.paginate(
            q.distinct(
                q.join(
                    q.match(q.index("spells_by_element"), "fire"),
                    lambda spell: q.match(q.index("characters_by_spell"), spell),
                )
            )
        ),
    ),
    DemoQuery(
        "Create a document, and use it in the same query",
        q.let(
            {
                "spell": q.create(
                    q.ref(_spells, "107"), {"data": {"name": "Moth Lantern", "element": ["air"], "cost": 12}}
                )
            },
            q.select(["data", "name"], q.var("spell")),
        ),
    ),
    DemoQuery(
        "Update merges fields; every query is one transaction",
        q.do(
            q.update(_ember_kiss, {"data": {"cost": 12, "nickname": "the Candle"}}),
            q.select("data", q.get(_ember_kiss)),
        ),
    ),
    DemoQuery(
        "Arithmetic over a set: how many spells, what do they cost?",
        q.let(
            {
                "costs": q.map_(
                    lambda ref: q.select(["data", "cost"], q.get(ref)),
                    q.select("data", q.paginate(q.documents(_spells))),
                )
            },
            {
                "count": q.count(q.var("costs")),
                "total": q.sum(q.var("costs")),
                "dearest": q.max(q.var("costs")),
            },
        ),
    ),
    DemoQuery(
        "Call a function of the database",
        q.format("Glass Garden costs %d", q.call("price_of", "Glass Garden")),
    ),
    DemoQuery(
        "The history of a document, as events",
        q.map_(
            lambda event: {"action": q.select("action", event), "data": q.select("data", event)},
            q.paginate(q.events(_ember_kiss)),
        ),
    ),
]


def load(client: FaunaClient) -> None:
    """Create the demo's collections, documents, indexes and function in an empty database.

    :raises faunadb.errors.BadRequest: when something of these names is there already
    """
    client.query(q.do(q.create_collection({"name": "spells"}), q.create_collection({"name": "characters"})))
    client.query(q.do(*[q.create_index(_index(index)) for index in INDEXES]))
    client.query(q.do(*[q.create(q.ref(_spells, number), {"data": data}) for number, data in SPELLS]))
    client.query(q.do(*[_create_character(*character) for character in CHARACTERS]))
    client.query(
        q.do(*[q.create_function({"name": name, "body": q.query(body)}) for name, body in FUNCTIONS.items()])
    )


def _index(index: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        key: [{"field": path} for path in index[key]] for key in ("terms", "values") if key in index
    }
    return {**index, **fields, "source": q.collection(index["source"])}


def _create_character(number: str, name: str, spells: Sequence[str]) -> Any:
    refs = [q.ref(_spells, spell) for spell in spells]
    return q.create(q.ref(q.collection("characters"), number), {"data": {"name": name, "spells": refs}})


def run(client: FaunaClient, out: TextIO) -> None:
    """Run :data:`QUERIES` one after the other and write each with its result to ``out``."""
    for number, (title, expression) in enumerate(QUERIES, 1):
        result = client.query(expression)
        out.write(f"\n{number:2}. {title}\n\n")
        out.write(_indented(render_query(expression, PYTHON, 92), ">>> ", "... ") + "\n")
        out.write(_indented(render_value(result, PYTHON, 92), "    ", "    ") + "\n")


def _indented(text: str, first: str, rest: str) -> str:
    head, *tail = text.split("\n")
    return "\n".join(["    " + first + head, *("    " + rest + line for line in tail)])


def main(arguments: Sequence[str] = ()) -> int:
    """The command line of the demo where click is not installed. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="faunadb demo",
        description="Load a small data set into an empty database and run ten FQL v4 queries on it.",
    )
    parser.add_argument("url", nargs="?", default="sqlite://", help="where to put the data (default: memory)")
    parser.add_argument("--secret", default="secret", help="secret of a key (default: secret)")
    options = parser.parse_args(list(arguments))
    try:
        return execute(options.url, options.secret)
    except CliError as fault:
        sys.stderr.write(f"Error: {fault}\n")
        return 1


def execute(url: str, secret: str) -> int:
    """Load the data into the database at ``url`` and run the queries, writing to standard output.

    :raises CliError: when the database is not empty, or does not answer
    """
    try:
        client = FaunaClient(secret=secret, endpoint=url)
        load(client)
    except HttpError as fault:
        if fault.errors and fault.errors[0].code == "instance already exists":
            raise CliError(f"{url} is not empty: the demo makes collections of its own") from None
        raise CliError(str(fault)) from None
    except (FaunaError, OSError, ValueError) as fault:
        raise CliError(str(fault)) from None
    counts = f"{len(SPELLS)} spells, {len(CHARACTERS)} characters and {len(INDEXES)} indexes"
    sys.stdout.write(f"Loaded {counts} into {url}. Ten queries, after `from faunadb import query as q`:\n")
    run(client, sys.stdout)
    client.close()
    return 0
