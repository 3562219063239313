"""Runs commands in processes that find the modules loaded: starting hundreds of interpreters takes longer than all else.

The nursery is a process that has imported the package, and done nothing with it. For each command it makes a copy of
itself (`os.fork`), which becomes what ``python -m faunadb WORDS`` would be, and ends as any program does. Where there is no
fork, and for variables that an interpreter reads when it starts, programs are started as usual.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
NUMBER = struct.Struct("=q")


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Nursery:
    """Starts its process with the first command that it is to run."""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._channel: Any = None
        self._variables: dict[str, str] = {}

    def run(
        self, words: list[str], cwd: Path, environment: Mapping[str, str], text: Optional[str], timeout: float
    ) -> Finished:
        """Run ``python -m faunadb WORDS`` to its end. text: its standard input. timeout: seconds."""
        if not hasattr(os, "fork") or not self._is_ready_for(environment):
            command = [sys.executable, "-m", "faunadb", *words]
            done = subprocess.run(
                command,
                cwd=cwd,
                env=dict(environment),
                input=text,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
            return Finished(done.returncode, done.stdout, done.stderr)
        request = json.dumps({"words": words, "cwd": str(cwd), "environment": dict(environment)})
        with _holding(request) as asked, _holding(text or "") as stdin, _holding() as out, _holding() as err:
            socket.send_fds(self._channel, [b"x"], [file.fileno() for file in (asked, stdin, out, err)])
            child = self._number()
            self._channel.settimeout(timeout)
            try:
                code = self._number()
            except socket.timeout:
                os.kill(child, signal.SIGKILL)
                self._channel.settimeout(None)
                self._number()
                raise subprocess.TimeoutExpired(words, timeout) from None
            self._channel.settimeout(None)
            return Finished(code, _read(out), _read(err))

    def close(self) -> None:
        if self._process is not None:
            self._channel.close()
            self._process.wait()

    def _is_ready_for(self, environment: Mapping[str, str]) -> bool:
        """Whether its interpreter was started with the same variables for interpreters."""
        variables = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
        if self._process is None:
            ours, theirs = socket.socketpair()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, str(theirs.fileno())],
                cwd=ROOT,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
            theirs.close()
            self._channel = ours
            self._variables = variables
        return variables == self._variables

    def _number(self) -> int:
        """The next number from the process."""
        found = self._channel.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(found) < NUMBER.size:
            raise RuntimeError("the process that runs the commands has ended")
        return int(NUMBER.unpack(found)[0])


def _holding(text: str = "") -> IO[bytes]:
    """A file with this in it, for a ``with``."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(text.encode())
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def serve(channel: socket.socket) -> None:
    """Make a copy for each request; returns in the copies, and at the end."""
    import faunadb.cli.app
    import faunadb.cli.demo
    import faunadb.engine.adapter
    import faunadb.engine.streaming  # noqa: F401

    while True:
        asked, files, _, _ = socket.recv_fds(channel, 1, 4)
        if not asked:
            return
        child = os.fork()
        if child == 0:
            channel.close()
            become(*files)
            return
        for file in files:
            os.close(file)
        channel.sendall(NUMBER.pack(child))
        channel.sendall(NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def become(request: int, *streams: int) -> None:
    """Be the program that was asked for."""
    with open(request) as file:
        asked = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[0] = asked["cwd"]
    sys.argv = ["faunadb", *asked["words"]]
    runpy.run_module("faunadb", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
