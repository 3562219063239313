"""Completion in a shell: commands and their options, as bash asks for them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def completed(*words: str) -> list[str]:
    """What is offered for the last of words."""
    line = " ".join(("faunadb", *words))
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words)), "_FAUNADB_COMPLETE": "bash_complete"}
    command = [sys.executable, "-c", "from faunadb.cli import main; main()"]
    answer = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, timeout=30)
    return [line.partition(",")[2] for line in answer.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("se",), ["serve"]),
        (("e",), ["eval", "export"]),
        (("serve", "--w"), ["--workers"]),
        (("import", "--dry"), ["--dry-run"]),
    ],
)
def test_completion(words, offered):
    assert completed(*words) == offered
