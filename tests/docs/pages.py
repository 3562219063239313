"""Run the examples of a documentation page as a reader would: top to bottom, in an empty directory.

What a fenced block is, its language says: ``python`` is executed, ``pycon`` is a doctest, ``console`` is a shell
session (``$ `` before each command, then its output). All blocks of a page share one Python namespace and one
working directory. A comment on the line before a block changes that:

- ``<!-- file: NAME -->`` writes the block to a file;
- ``<!-- not run: REASON -->`` leaves it out, for what no test machine can do.

In expected output ``...`` stands for anything. A command that ends in ``&`` goes on in the background until the
page is done. Port 8443 in a page is replaced by a free one.
"""

from __future__ import annotations

import doctest
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from faunadb.client import FaunaClient
from faunadb.server.listening import free_port

FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[\w{}-]*)[^`]*$")
DIRECTIVE = re.compile(r"^<!--\s*(?P<name>file|not run):\s*(?P<value>.+?)\s*-->$")
OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMMAND_TIMEOUT = 60.0


class Block(NamedTuple):
    """One fenced block: where it starts, its language, its text and the directive before it."""

    line: int
    language: str
    text: str
    directive: str = ""
    value: str = ""


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text in order."""
    found: list[Block] = []
    directive, value = "", ""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        note = DIRECTIVE.match(line)
        fence = FENCE.match(line)
        if fence:
            end = number + 1
            while lines[end].rstrip() != fence["fence"]:
                end += 1
            body = "\n".join(lines[number + 1 : end]) + "\n"
            found.append(Block(number + 2, fence["language"], body, directive, value))
            number = end
        if note:
            directive, value = note["name"], note["value"]
        elif line.strip():
            directive, value = "", ""
        number += 1
    return found


class Page:
    """Runs the blocks of one page in `directory`."""

    def __init__(self, path: Path, directory: Path) -> None:
        self.path = path
        self.directory = directory
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.background: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        bin_directory = str(Path(sys.executable).parent)
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("FAUNA_", "PYTEST_"))
        }
        self.environment.update(
            PATH=bin_directory + os.pathsep + os.environ.get("PATH", ""),
            COLUMNS="100",
            NO_COLOR="1",
            TERM="dumb",
            PYTHONUNBUFFERED="1",
            HOME=str(directory),
        )

    def run(self) -> int:
        """Run every block; return how many were run. Raises AssertionError at the first that does not fit."""
        ran = 0
        text = self.path.read_text(encoding="utf-8").replace("8443", str(self.port))
        try:
            for block in blocks(text):
                ran += self.run_block(block)
        finally:
            self.close()
        return ran

    def run_block(self, block: Block) -> int:
        if block.directive == "not run":
            return 0
        if block.directive == "file":
            target = self.directory / block.value
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
            return 0
        runner = {"python": self.run_python, "pycon": self.run_doctest, "console": self.run_console}.get(
            block.language
        )
        if runner is None:
            return 0
        runner(block)
        return 1

    def where(self, block: Block) -> str:
        return f"{self.path}:{block.line}"

    def run_python(self, block: Block) -> None:
        code = compile("\n" * (block.line - 1) + block.text, str(self.path), "exec")
        exec(code, self.namespace)

    def run_doctest(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.namespace, self.where(block), str(self.path), block.line - 1
        )
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=OUTPUT, verbose=False)
        result = runner.run(test, out=report.append, clear_globs=False)
        self.namespace.update(test.globs)
        assert result.failed == 0, "".join(report)

    def run_console(self, block: Block) -> None:
        for command, expected in commands(block.text):
            if command.endswith("&"):
                self.start(command[:-1].rstrip())
                continue
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_TIMEOUT,
                text=True,
                check=False,
            )
            fits = not expected or doctest.OutputChecker().check_output(expected, done.stdout, OUTPUT)
            assert fits, f"{self.where(block)}: $ {command}\nexpected:\n{expected}\ngot:\n{done.stdout}"
            unseen = expected.strip() in ("", "...")
            assert not unseen or done.returncode == 0, f"{self.where(block)}: $ {command}\n{done.stdout}"

    def start(self, command: str) -> None:
        with (self.directory / "background.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", "exec " + command],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.background.append(process)
        deadline = time.monotonic() + COMMAND_TIMEOUT
        while time.monotonic() < deadline:
            assert process.poll() is None, (self.directory / "background.log").read_text(encoding="utf-8")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)  # a process of its own: nothing to wait on but its port
        raise AssertionError(f"{command}: nothing listens on port {self.port}")

    def close(self) -> None:
        """End what the page began: its clients (databases in memory are shared by name) and its processes."""
        for value in self.namespace.values():
            if isinstance(value, FaunaClient):
                value.close()
        for process in self.background:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.background:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def commands(text: str) -> list[tuple[str, str]]:
    """Split a shell session into (command, expected output); a trailing backslash or ``> `` continues a command."""
    found: list[tuple[str, str]] = []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and not found[-1][1] and (line.startswith("> ") or found[-1][0].endswith("\\")):
            joined = line[2:] if line.startswith("> ") else line
            found[-1] = (found[-1][0] + "\n" + joined, "")
        else:
            assert found, f"a console block starts with a command, not {line!r}"
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found
