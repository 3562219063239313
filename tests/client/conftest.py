"""A real server on a socket for the tests of the client: each test says what it answers, byte by byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, Callable, Optional

import pytest

from faunadb.client import FaunaClient

PATIENCE = 10


class Incoming:
    """A request as it arrived."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, _ = line.split(" ", 2)
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One accepted connection, with helpers for answering."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock = sock
        self.server = server
        self._buffer = b""

    def receive(self) -> Optional[Incoming]:
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (text.split(":", 1) for text in lines)}
        length = int(headers.get("content-length", 0))
        self._buffer = rest
        while len(self._buffer) < length and self._more():
            pass
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Incoming(line, headers, body)

    def _more(self) -> bool:
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, body: Any = None, status: int = 200, headers: Optional[dict[str, str]] = None) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)

    def start_stream(self, headers: str = "X-Txn-Time: 5\r\n") -> None:
        self.send(f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n".encode())

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def wait_for_hangup(self) -> bool:
        """Return whether the client closes the connection in time."""
        self.sock.settimeout(PATIENCE)
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True
        except OSError:
            return False

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self.server.over.wait(PATIENCE)


Handler = Callable[[Connection, Incoming], Any]


class Server:
    """Answers each request with ``handler``; remembers requests, and how many connections there were."""

    def __init__(self) -> None:
        self.requests: list[Incoming] = []
        self.connections = 0
        self.over = threading.Event()
        self.handler: Handler = lambda connection, request: connection.answer({"resource": 1})
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            connection = Connection(sock, self)
            try:
                while True:
                    request = connection.receive()
                    if request is None:
                        return
                    self.requests.append(request)
                    if self.handler(connection, request) == "close":
                        return
            except OSError:
                return

    def close(self) -> None:
        self.over.set()
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def client(server: Server) -> Iterator[FaunaClient]:
    with FaunaClient("secret", endpoint=server.url, timeout=PATIENCE) as connected:
        yield connected


@pytest.fixture(autouse=True)
def _no_endpoint_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAUNA_ENDPOINT", raising=False)
