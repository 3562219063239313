"""Clients made before a fork: each process has connections of its own, and no child waits for its parent's threads."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

import pytest
import requests

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.objects import Ref

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

PATIENCE = 60
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")]


def in_child(work: Callable[[], Any]) -> Callable[[], Any]:
    """Fork a child that does work. Returns what waits for it and gives back what it returned; it must be JSON."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps({"value": work()}).encode())
        except BaseException as error:
            os.write(writing, json.dumps({"error": repr(error)}).encode())
        finally:
            os._exit(0)
    os.close(writing)

    def outcome() -> Any:
        text = b""
        try:
            while select.select([reading], [], [], PATIENCE)[0]:
                piece = os.read(reading, 65536)
                if not piece:
                    break
                text += piece
            else:
                os.kill(pid, signal.SIGKILL)
                pytest.fail("the child hangs", pytrace=False)
        finally:
            os.close(reading)
            os.waitpid(pid, 0)
        answer = json.loads(text)
        assert "error" not in answer, answer
        return answer["value"]

    return outcome


class Echo(BaseHTTPRequestHandler):
    """Answers each query with itself."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.peers.add(self.client_address)  # type: ignore[attr-defined]
        answer = b'{"resource":' + body + b"}"
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        peers: set[Any] = set()

    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def asked(client: FaunaClient, first: int) -> bool:
    """Whether each of many queries gets its own answer."""
    return all(client.query(number) == number for number in range(first, first + 15))


@contextmanager
def busy(work: Callable[[], Any], threads: int = 3) -> Iterator[None]:
    """Threads that do nothing but work, meanwhile."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            work()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in running:
            thread.join()


@pytest.mark.parametrize("own_session", [False, True], ids=["usual", "a session of the application's own"])
def test_over_http_each_process_has_its_own_connections(echo: Any, own_session: bool) -> None:
    endpoint = f"http://127.0.0.1:{echo.server_address[1]}"
    with FaunaClient("secret", endpoint=endpoint) as client:
        if own_session:
            client.session = requests.Session()
        assert asked(client, 0)
        with busy(lambda: client.query(1)):
            children = [in_child(lambda number=number: asked(client, number * 1000)) for number in range(8)]  # type: ignore[misc]
            assert asked(client, 100_000)
            assert all(child() for child in children)
        assert asked(client, 0)


def counter(number: int) -> Ref:
    return q.ref(q.collection("counters"), number)


def count(client: FaunaClient, number: int) -> int:
    """Add one to a document of that number."""
    changed = client.query(
        q.update(counter(number), {"data": {"n": q.add(1, q.select(["data", "n"], q.get(counter(number))))}})
    )
    value: int = changed["data"]["n"]
    return value


@pytest.fixture(params=["file", "memory"])
def embedded(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[FaunaClient]:
    url = (
        f"sqlite:///{tmp_path}/app.db?durability=normal"
        if request.param == "file"
        else "sqlite://?name=forks"
    )
    with FaunaClient("secret", endpoint=url) as client:
        client.query(q.create_collection({"name": "counters"}))
        for number in range(4):
            client.query(q.create(counter(number), {"data": {"n": 0}}))
        yield client


def test_children_do_not_hang_while_threads_write(embedded: FaunaClient) -> None:
    written = [0]

    def write() -> None:
        written[0] = count(embedded, 1)

    with busy(write, threads=1), busy(lambda: embedded.query(q.get(counter(2)))):
        for _ in range(15):
            assert in_child(lambda: count(embedded, 3) > 0)()
    assert count(embedded, 1) == written[0] + 1


def test_what_a_child_writes_stays_when_the_parent_closes(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    client = FaunaClient("secret", endpoint=url)
    client.query(q.create_collection({"name": "counters"}))
    client.query(q.create(counter(1), {"data": {"n": 0}}))
    waiting, going = os.pipe()
    said, saying = os.pipe()

    def work() -> int:
        count(client, 1)
        os.write(saying, b"1")
        os.read(waiting, 1)
        return [count(client, 1) for _ in range(4)][-1]

    child = in_child(work)
    os.read(said, 1)
    client.close()
    os.write(going, b"1")
    assert child() == 5
    for descriptor in (waiting, going, said, saying):
        os.close(descriptor)
    with FaunaClient("secret", endpoint=url) as again:
        assert count(again, 1) == 6


def test_grandchildren_and_siblings_share_the_file(tmp_path: Any) -> None:
    with FaunaClient("secret", endpoint=f"sqlite:///{tmp_path}/app.db") as client:
        client.query(q.create_collection({"name": "counters"}))
        client.query(q.create(counter(1), {"data": {"n": 0}}))

        def work() -> int:
            grandchild = in_child(lambda: count(client, 1))
            count(client, 1)
            grandchild()
            return count(client, 1)

        for child in [in_child(work) for _ in range(4)]:
            child()
        assert count(client, 1) == 13


def test_a_child_forked_in_the_midst_of_a_query_is_told(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faunadb.engine import forks

    monkeypatch.setattr(forks, "PATIENCE", 0.05)
    inside, over = threading.Event(), threading.Event()

    def stay() -> None:
        inside.set()
        over.wait()

    with FaunaClient("secret", endpoint=f"sqlite:///{tmp_path}/app.db") as client:
        client.query(1)
        thread = threading.Thread(target=forks.visit, args=(stay,))
        thread.start()
        inside.wait()

        def refused() -> str:
            try:
                client.query(1)
            except requests.exceptions.ConnectionError as error:
                return str(error)
            return ""

        said = in_child(refused)()
        over.set()
        thread.join()
        assert "forked while a query was running" in said
        assert client.query(1) == 1
        assert in_child(lambda: client.query(2))() == 2
