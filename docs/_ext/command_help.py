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
    """The names of the commands, ``""`` first: the program itself; those of a group after it, as ``schema dump``."""
    import click

    from faunadb.cli import COMMANDS
    from faunadb.cli.app import cli

    names = [""]
    for command in COMMANDS:
        names.append(command.name)
        found = cli.get_command(click.Context(cli), command.name)
        if isinstance(found, click.Group):
            names += [f"{command.name} {name}" for name in found.commands]
    return names


def help_text(name: str) -> str:
    """What ``faunadb NAME --help`` prints, at a width of 88 columns."""
    import click

    from faunadb.cli.app import cli

    settings = {**cli.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    command: click.Command = cli
    context = click.Context(cli, info_name="faunadb", **settings)
    for word in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        command = found
        context = click.Context(command, info_name=word, parent=context, **settings)
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
