"""No documented command, and no message, installs the official driver of the same name in place of this package."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    path
    for pattern in (
        "*.md",
        "Dockerfile",
        "docs/**/*.md",
        "docs/**/*.txt",
        "faunadb/**/*.py",
        "faunadb/**/*.js",
    )
    for path in ROOT.glob(pattern)
    if not {"_build", "_generated", "vendor"} & set(path.parts) and "pip" in path.read_text(encoding="utf-8")
)
#: Up to the end of the command: of the line, of the code in Markdown, of a chain in the shell.
COMMAND = re.compile(r"pip3? install (?P<arguments>[^`\n]*)")
#: What asks an index for any version: the name, perhaps with extras, and no more or an old version.
SAFE = re.compile(r"faunadb(\[[^\]]*\])?\s*(>=\s*4\.6|@\s*\S)")
NAMED = re.compile(r"(?<![\w./-])faunadb(?![\w./-])(\[[^\]]*\])?[^\s'\"]*")


def unsafe(text: str) -> list[str]:
    """The requirements in pip commands of a text that an index may answer with the official driver."""
    found = []
    for match in COMMAND.finditer(text):
        for requirement in NAMED.finditer(match["arguments"].split("&&")[0]):
            if not SAFE.match(match["arguments"], requirement.start()):
                found.append(requirement[0])
    return found


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pip install faunadb", ["faunadb"]),
        ("`pip install faunadb`", ["faunadb"]),
        ("pip install --upgrade 'faunadb[server]'", ["faunadb[server]"]),
        ("pip install faunadb==4.5.2", ["faunadb==4.5.2"]),
        ("pip install 'faunadb>=4.5'", ["faunadb>=4.5"]),
        ("pip install 'faunadb[server]>=4.6'", []),
        ("pip install 'faunadb[all] @ git+https://git.example/faunadb.git'", []),
        ("pip install './faunadb-4.6.0-py3-none-any.whl[all]'", []),
        ("pip install '.[all]' && python -m faunadb demo", []),
    ],
)
def test_what_is_unsafe(command: str, found: list[str]) -> None:
    assert unsafe(command) == found


def test_there_are_commands_to_look_at() -> None:
    assert sum(len(COMMAND.findall(path.read_text(encoding="utf-8"))) for path in TEXTS) > 15


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_ends_with_this_package(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    warned = "**A bare `pip install faunadb` gets the wrong one.**"
    assert unsafe(text.replace(warned, "")) == []


def test_lines_of_requirements_name_this_package() -> None:
    text = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"faunadb[\[=<>~@ ]", line)]
    assert len(lines) >= 2
    assert [line for line in lines if not SAFE.match(line)] == []


def test_the_dockerfile_copies_what_is_there_and_what_setup_reads() -> None:
    copied = []
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY "):
            copied += shlex.split(line)[1:-1]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == kept
    assert {"setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "faunadb"} <= set(copied)
