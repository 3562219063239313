"""The command line: ``faunadb COMMAND`` and ``python -m faunadb COMMAND``.

``demo`` and the list of commands need nothing but the package itself; the other commands are in the extra ``cli``
(``serve`` in ``server``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Optional

from faunadb import __version__
from faunadb.cli.commands import COMMANDS, Command

__all__ = ["COMMANDS", "Command", "main"]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line.

    :param arguments: without the program's name; those of the process when ``None``
    :return: the exit code: 0 done, 1 failed or not everything done, 2 wrong usage, 130 interrupted
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        import click  # noqa: F401  (an extra)
    except ImportError:
        return _without_click(words)
    from faunadb.cli.app import run  # late: it needs click

    return run(words)


def _without_click(words: list[str]) -> int:
    """What works in an installation without extras."""
    if words[:1] == ["demo"]:
        from faunadb.cli.demo import main as demo  # late: only this command needs it

        return demo(words[1:])
    if words[:1] == ["--version"]:
        sys.stdout.write(f"faunadb, version {__version__}\n")
        return 0
    known = {command.name: command for command in COMMANDS}
    if not words or words[0] in ("--help", "-h", "help"):
        sys.stdout.write(_listing())
        return 0
    if words[0] in known:
        extra = known[words[0]].extra
        sys.stderr.write(f"faunadb {words[0]} needs click: pip install 'faunadb[{extra}]>=4.6'\n")
        return 2
    sys.stderr.write(f"There is no command {words[0]!r}.\n\n" + _listing())
    return 2


def _listing() -> str:
    lines = ["Usage: faunadb COMMAND [ARGUMENTS]\n", "Commands:"]
    for command in COMMANDS:
        needs = f"  [pip install 'faunadb[{command.extra}]>=4.6']" if command.extra else ""
        lines.append(f"  {command.name:<9} {command.summary}{needs}")
    return "\n".join(lines) + "\n"
