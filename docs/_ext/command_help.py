"""The help texts in ``docs/command-line.md``: written by ``python docs/_ext/command_help.py``, checked by a test.

A help text stands between ``<!-- help: COMMAND -->`` and the end of the fenced block after it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "command-line.md"
HELP = re.compile(r"(<!-- help: (?P<command>[a-z ]*?) -->\n```text\n)(?P<text>.*?)(?=```)", re.DOTALL)
WIDTH = 88


def commands() -> list[str]:
    """The names of the commands, ``""`` first: the program itself."""
    from faunadb.cli import COMMANDS

    return ["", *[command.name for command in COMMANDS]]


def help_text(name: str) -> str:
    """What ``faunadb NAME --help`` prints, at a width of 88 columns."""
    import click

    from faunadb.cli.app import cli

    settings = {**cli.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    group = click.Context(cli, info_name="faunadb", **settings)
    if not name:
        return cli.get_help(group) + "\n"
    command = cli.get_command(group, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=group, **settings)
    return command.get_help(context) + "\n"


def shown(text: str) -> dict[str, str]:
    """The help texts of a page by command."""
    return {match["command"].strip(): match["text"] for match in HELP.finditer(text)}


def rewritten(text: str) -> str:
    """The page with every help text brought up to date."""
    return HELP.sub(lambda match: match[1] + help_text(match["command"].strip()), text)


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
