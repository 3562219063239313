"""The command line's help in the documentation is what the command line prints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "_ext"))

import command_help

SHOWN = command_help.shown(command_help.PAGE.read_text(encoding="utf-8"))


def test_every_command_is_shown() -> None:
    assert sorted(SHOWN) == sorted(command_help.commands())


@pytest.mark.parametrize("command", sorted(SHOWN))
def test_help_is_up_to_date(command: str) -> None:
    assert SHOWN[command] == command_help.help_text(command), "run: python docs/_ext/command_help.py"
