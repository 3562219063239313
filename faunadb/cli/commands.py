"""The table of commands."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command, and where it is defined: its module is imported only when the command is run."""

    name: str
    module: str
    attribute: str
    #: the extra to install for it; ``""`` when it needs none
    extra: str
    summary: str


COMMANDS = [
    Command("demo", "faunadb.cli.app", "demo", "", "Load a small data set and run ten FQL queries on it."),
    Command(
        "shell", "faunadb.cli.app", "shell", "cli", "Talk with a database, in Python or JavaScript style."
    ),
    Command("eval", "faunadb.cli.app", "evaluate", "cli", "Run one query and print its result."),
    Command("import", "faunadb.cli.app", "import_", "cli", "Bring an export of Fauna into a database."),
    Command("export", "faunadb.cli.app", "export", "cli", "Write a database as an export of Fauna."),
    Command("schema", "faunadb.cli.schema", "schema", "cli", "Keep the schema as a file: dump, diff, apply."),
    Command(
        "copy", "faunadb.cli.copy", "copy", "cli", "Copy a whole store to another backend, history and all."
    ),
    Command(
        "check", "faunadb.cli.check", "check", "", "Check whether a database is whole, while it is in use."
    ),
    Command("serve", "faunadb.cli.serve", "serve", "server", "Serve a database to FQL v4 drivers over HTTP."),
    Command(
        "dashboard",
        "faunadb.cli.dashboard",
        "dashboard",
        "server",
        "Open the dashboard of a database in a browser.",
    ),
]
