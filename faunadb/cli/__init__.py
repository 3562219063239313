"""The command line: ``faunadb COMMAND`` and ``python -m faunadb COMMAND``.

``demo`` and the list of commands need nothing but the package itself; the other commands are in the extra ``cli``
(``serve`` in ``server``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple, Optional

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """A command, and where it is defined: imported when it is called for."""

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
    Command(
        "copy", "faunadb.cli.copy", "copy", "cli", "Copy a whole store to another backend, history and all."
    ),
    Command("serve", "faunadb.cli.serve", "serve", "server", "Serve a database to FQL v4 drivers over HTTP."),
]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line.

    :param arguments: without the program's name; those of the process when ``None``
    :return: the exit code: 0 done, 1 failed or not everything done, 2 wrong usage, 130 interrupted
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        import click  # noqa: F401
    except ImportError:
        return _without_click(words)
    from faunadb.cli.app import run

    return run(words)


def _without_click(words: list[str]) -> int:
    """What works in an installation without extras."""
    if words[:1] == ["demo"]:
        from faunadb.cli.demo import main as demo

        return demo(words[1:])
    if words[:1] == ["--version"]:
        from faunadb import __version__

        sys.stdout.write(f"faunadb, version {__version__}\n")
        return 0
    known = {command.name: command for command in COMMANDS}
    if not words or words[0] in ("--help", "-h", "help"):
        sys.stdout.write(_listing())
        return 0
    if words[0] in known:
        extra = known[words[0]].extra
        sys.stderr.write(f"faunadb {words[0]} needs click: pip install 'faunadb[{extra}]'\n")
        return 2
    sys.stderr.write(f"There is no command {words[0]!r}.\n\n" + _listing())
    return 2


def _listing() -> str:
    lines = ["Usage: faunadb COMMAND [ARGUMENTS]\n", "Commands:"]
    for command in COMMANDS:
        needs = f"  [pip install 'faunadb[{command.extra}]']" if command.extra else ""
        lines.append(f"  {command.name:<8} {command.summary}{needs}")
    return "\n".join(lines) + "\n"
