"""A server process, and HTTP/1.1 by hand so that a test decides about every byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from faunadb.server.listening import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "secret"
PATIENCE = 20.0


class Server:
    """``python -m faunadb serve`` as a process in a session of its own."""

    def __init__(self, url: str, *options: str, secret: str = SECRET, scheme: str = "http") -> None:
        self.url = url
        self.options = options
        self.secret = secret
        self.scheme = scheme
        self.port = free_port()
        self.process: Optional[subprocess.Popen[str]] = None

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> Server:
        command = [
            sys.executable,
            "-m",
            "faunadb",
            "serve",
            self.url,
            "--port",
            str(self.port),
            *self.options,
        ]
        environment = {**os.environ, "FAUNADB_SECRET": self.secret, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._await_listening()
        return self

    def _await_listening(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once: {self.process.communicate()[0]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def stop(self) -> tuple[int, str]:
        """SIGTERM; exit code and what it printed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        assert self.process is not None
        try:
            printed = self.process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop") from None
        return self.process.returncode, printed

    def kill(self) -> None:
        """SIGKILL for the server and its workers at once, as a machine that loses them would."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def query(self, expression: Any, **headers: str) -> Any:
        with Http(self) as http:
            return http.query(expression, **headers)

    # What the processes hold, from /proc.

    def processes(self) -> list[int]:
        found, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(FileNotFoundError):  # a thread that has ended since
                    queue.extend(int(child) for child in (task / "children").read_text().split())
        return found

    def held(self) -> Held:
        pids = self.processes()
        return Held(
            sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids),
            sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
            sum(_sockets(pid) for pid in pids),
            sum(_resident(pid) for pid in pids),
        )


class Held(NamedTuple):
    """files: open ones, sockets among them. memory: resident bytes."""

    threads: int
    files: int
    sockets: int
    memory: int


def _sockets(pid: int) -> int:
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    return count


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[str, str]:
        first = self.json["errors"][0]
        return first["code"], first["description"]


def request_bytes(
    method: str, path: str, body: bytes = b"", headers: Optional[dict[str, str]] = None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1"]
    sent = {"host": "127.0.0.1", **(headers or {})}
    if (body or method in ("POST", "PUT", "PATCH")) and "transfer-encoding" not in sent:
        sent.setdefault("content-length", str(len(body)))
    lines += [f"{name}: {value}" for name, value in sent.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def standard(secret: Optional[str] = SECRET, **headers: Optional[str]) -> dict[str, str]:
    """Headers of a version 4 request. Names in keywords have ``_`` for ``-``; None leaves a header out."""
    wanted: dict[str, Optional[str]] = {"x-faunadb-api-version": "4"}
    if secret is not None:
        wanted["authorization"] = f"Bearer {secret}"
    wanted.update({name.replace("_", "-"): value for name, value in headers.items()})
    return {name: value for name, value in wanted.items() if value is not None}


class Http:
    """One HTTP/1.1 connection that stays open."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self._buffer = bytearray()  # bytes would be copied whole for each piece that comes

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self._buffer += data

    def head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        return int(line.split()[1]), {
            name.lower(): value.strip() for name, value in (text.split(":", 1) for text in rest)
        }

    def receive(self, method: str = "POST") -> Answer:
        status, headers = self.head()
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._more()
        return Answer(status, headers, self._take(length))

    def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        while b"\r\n" not in self._buffer:
            self._more()
        size, _, self._buffer = self._buffer.partition(b"\r\n")
        length = int(size, 16)
        while len(self._buffer) < length + 2:
            self._more()
        return self._take(length + 2)[:-2]

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def ask(self, method: str, path: str, body: bytes = b"", secret: Any = SECRET, **headers: Any) -> Answer:
        self.send(request_bytes(method, path, body, standard(secret, **headers)))
        return self.receive(method)

    def post(self, expression: Any, **headers: Any) -> Answer:
        return self.ask("POST", "/", json.dumps(expression).encode(), **headers)

    def query(self, expression: Any, **headers: Any) -> Any:
        answer = self.post(expression, **headers)
        if answer.status not in (200, 201):
            raise AssertionError(answer.body.decode())
        return answer.json["resource"]

    def stream(self, expression: Any, query: str = "", **headers: Any) -> dict[str, str]:
        """Open a stream; events are then read with `event`."""
        body = json.dumps(expression).encode()
        self.send(request_bytes("POST", "/stream" + query, body, standard(**headers)))
        status, answered = self.head()
        assert status == 200, status
        return answered

    def event(self) -> Any:
        data = self.chunk()
        return json.loads(data) if data else None


class AsyncStream:
    """A stream over HTTP/1.1 for tests that hold very many of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, server: Server, expression: Any, **buffer: Any) -> AsyncStream:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, **buffer)
        body = json.dumps(expression).encode()
        writer.write(request_bytes("POST", "/stream", body, standard()))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == b"200", head
        return cls(reader, writer)

    async def event(self) -> Any:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        return json.loads(data[:-2]) if size else None

    async def events(self) -> AsyncIterator[Any]:
        while True:
            event = await self.event()
            if event is None:
                return
            yield event

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass


def eventually(condition: Any, what: str, patience: float = PATIENCE) -> None:
    """Wait until condition() holds: for what the operating system or another process does in its own time."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.02)
