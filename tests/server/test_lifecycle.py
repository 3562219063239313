"""Starting, stopping, being killed, many workers, many connections."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from faunadb.server.application import STRANGERS_THREADS, THREADS
from faunadb.server.listening import free_port
from tests.conftest import required
from tests.server.conftest import create, prepare, ref
from tests.server.running import Held, Http, Server, eventually, request_bytes, standard


def test_restart_on_the_same_data(start):
    first = start()
    prepare(first)
    code, printed = first.stop()
    assert (code, "secret" in printed) == (0, False)
    second = start()
    assert second.query({"get": ref(3)})["data"] == {"n": 3}
    assert second.query({"count": {"match": {"index": "by_n"}, "terms": 3}}) == 1


def test_a_query_that_runs_when_the_server_is_told_to_stop_is_finished(start):
    server = start()
    with Http(server) as http:
        # long enough to be running still when the signal comes
        numbers = list(range(20_000))
        slow = {
            "sum": {"map": {"lambda": "x", "expr": {"multiply": [{"var": "x"}, 1]}}, "collection": numbers}
        }
        body = json.dumps(slow).encode()
        http.send(request_bytes("POST", "/", body, standard()))
        server.query({"add": [1, 1]})
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert http.receive().json == {"resource": sum(numbers)}
        stopping.join()


@contextlib.contextmanager
def hangup(handler):
    """What programs that are started meanwhile do when their terminal is closed."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextlib.contextmanager
def open_streams(server):
    with contextlib.ExitStack() as opened:
        streams = [opened.enter_context(Http(server)) for _ in range(20)]
        for stream in streams:
            stream.stream(ref(1))
            assert stream.event()["type"] == "start"
        yield streams


@pytest.mark.parametrize(
    ("workers", "tell"),
    [
        ("1", lambda server: os.kill(server.pid, signal.SIGTERM)),
        ("2", lambda server: os.kill(server.pid, signal.SIGTERM)),
        ("2", lambda server: os.killpg(server.pid, signal.SIGINT)),
        ("2", lambda server: os.killpg(server.pid, signal.SIGHUP)),
    ],
    ids=["SIGTERM", "SIGTERM, two workers", "Ctrl-C in a terminal", "a terminal that is closed"],
)
def test_streams_end_when_the_server_stops(start, workers, tell):
    with hangup(signal.SIG_DFL):  # the tests may have been started by nohup
        server = start("--workers", workers)
    prepare(server)
    with open_streams(server) as streams:
        begun = time.monotonic()
        tell(server)
        assert [stream.event() for stream in streams] == [None] * len(streams)
        assert server.ended()[0] == 0
        assert time.monotonic() - begun < 10


def test_workers_leave_ctrl_c_to_the_main_process(start):
    server = start("--workers", "2")
    prepare(server)
    processes = server.processes()
    for worker in processes:
        if worker != server.pid:
            os.kill(worker, signal.SIGINT)
    for _ in range(10):
        server.query({"get": ref(1)})
    assert server.processes() == processes
    os.kill(server.pid, signal.SIGINT)
    assert server.ended()[0] == 0


def test_workers_that_a_service_manager_stops_first_are_not_lost(start):
    server = start("--workers", "2")
    prepare(server)
    workers = [pid for pid in server.processes() if pid != server.pid]
    os.kill(server.pid, signal.SIGSTOP)
    os.killpg(server.pid, signal.SIGTERM)
    eventually(lambda: any(map(_has_ended, workers)), "a worker ends")
    os.kill(server.pid, signal.SIGCONT)
    assert server.ended()[0] == 0


def _has_ended(pid: int) -> bool:
    """Whether a process only waits for its parent to hear of its end."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_nohup_keeps_a_database_in_memory(start):
    """granian replaces workers when its terminal is closed, and this database is in the worker."""
    with hangup(signal.SIG_IGN):
        server = start(url="sqlite://")
    prepare(server)
    there = server.processes()
    os.killpg(server.pid, signal.SIGHUP)
    assert server.query({"get": ref(3)})["data"] == {"n": 3}
    assert server.processes() == there
    assert server.stop()[0] == 0


def test_a_lost_worker_is_replaced_and_the_others_go_on(start):
    server = start("--workers", "2")
    prepare(server)
    main, *workers = server.processes()
    with open_streams(server):  # some at each worker
        os.kill(workers[0], signal.SIGKILL)
        assert [_asked_again(server, {"get": ref(3)}) for _ in range(20)] == [200] * 20
        eventually(lambda: len(server.processes()) == 3, "a new worker")
    assert server.processes()[0] == main
    assert server.stop()[0] == 0


def _asked_again(server: Server, expression: Any) -> int:
    """The status of a query that is sent until its connection is not lost."""
    answers: list[int] = []

    def answered() -> bool:
        with contextlib.suppress(ConnectionError), Http(server) as http:
            answers.append(http.post(expression).status)
        return bool(answers)

    eventually(answered, "an answer")
    return answers[0]


def test_workers_stop_when_the_main_process_is_killed(start):
    """Or they would hold the port, and nobody could stop them but by their numbers."""
    server = start("--workers", "2")
    prepare(server)
    with open_streams(server):
        os.kill(server.pid, signal.SIGKILL)
        server.ended()  # what it printed comes to its end with the last process that prints to the same place
    server.start()
    assert server.query({"get": ref(3)})["data"] == {"n": 3}
    assert server.stop()[0] == 0


def test_a_server_without_its_database_in_memory_stops(start):
    server = start(url="sqlite://")
    prepare(server)
    os.kill(server.processes()[1], signal.SIGKILL)
    assert server.ended()[0] == 1


def test_a_server_that_is_told_to_stop_again_and_again_stops(start):
    """As an impatient user and a service manager do, to all processes at once."""
    server = start("--workers", "2")
    prepare(server)
    with open_streams(server) as streams:
        for number in range(8):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, (signal.SIGINT, signal.SIGTERM)[number % 2])
            time.sleep(0.01)  # signals that come at once count once
        assert [stream.event() for stream in streams] == [None] * len(streams)
        # The main process may take the last of them when it has done its work.
        assert server.ended()[0] in (0, -signal.SIGINT, -signal.SIGTERM)


def test_clients_that_keep_the_server_waiting_do_not_keep_it_from_stopping(start):
    """Half a head, half a body, and a reader of a stream that stopped reading."""
    server = start()
    prepare(server)
    whole = request_bytes("POST", "/", b'{"add":[1,1]}', standard())
    with Http(server) as head, Http(server) as body, Http(server) as unread, Http(server) as writer:
        head.send(whole[:30])
        body.send(whole[:-3])
        unread.stream(ref(4))
        for _ in range(8):  # more than the operating system's buffers hold
            writer.query(
                {"update": ref(4), "params": {"object": {"data": {"object": {"text": "x" * 2_000_000}}}}}
            )
        begun = time.monotonic()
        code, printed = server.stop()
        assert (code, "Traceback" in printed) == (0, False)
        assert time.monotonic() - begun < 12
        assert body.receive().status == 408
    assert start().query({"select": ["data", "n"], "from": {"get": ref(3)}}) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0 with the default secret"),
        (["sqlite:////nowhere/at/all.db"], "there is no directory '/nowhere/at'"),
        (
            ["postgresql://me:topsecret@127.0.0.1:{closed}/db"],
            "cannot connect to postgresql://me:***@127.0.0.1:{closed}/db",
        ),
        (["--secret", ""], "--secret is empty"),
    ],
    ids=["address", "no folder", "no database", "no secret"],
)
def test_a_refusal_to_start_is_one_sentence(arguments, said, closed_port):
    given = [word.format(closed=closed_port) for word in arguments]
    said = said.format(closed=closed_port)
    command = [sys.executable, "-m", "faunadb", "serve", "--port", str(free_port()), *given]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "topsecret" not in ended.stderr


def test_the_access_log_has_no_secrets_and_no_data(start):
    server = start("--access-log", "--log-level", "debug", secret="root-secret")
    with Http(server) as http:
        assert http.ask("GET", "/?q=%22private-data%22", secret="root-secret").status == 200
        assert http.ask("POST", "/", b'"private-data"', secret="wrong-secret").status == 401
        assert http.ask("POST", "/stream", b'"private-data"', secret="root-secret").status == 400
        http.send(b"nonsense-secret\r\n\r\n")
    code, printed = server.stop()
    assert code == 0
    entries = [
        json.loads(line[line.index("{") :]) for line in printed.splitlines() if "server.access" in line
    ]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("GET", "/", 200),
        ("POST", "/", 401),
        ("POST", "/stream", 400),
    ]
    assert {(entry["client"], entry["http"]) for entry in entries} == {("127.0.0.1", "1.1")}
    assert all(entry["ms"] > 0 for entry in entries)
    assert not re.search(r"-secret|private|Bearer", printed)


@pytest.fixture
def tls(tmp_path):
    """Options of a server that speaks TLS, and what trusts it."""
    authority = required("trustme").CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    return ("--certificate", str(chain), "--private-key", str(key)), trusted


def test_tls_speaks_both_protocols(start, tls):
    options, trusted = tls
    server = start(*options, scheme="https")
    for http2, version in ((False, "HTTP/1.1"), (True, "HTTP/2")):
        with httpx.Client(http2=http2, verify=trusted, headers=standard()) as client:
            answer = client.post(server.address, content=b'{"add":[1,1]}')
            assert (answer.http_version, answer.json()) == (version, {"resource": 2})
    with pytest.raises(httpx.ConnectError), httpx.Client() as client:
        client.get(server.address + "/ping")
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        trusted.maximum_version = trusted.minimum_version = version
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            with trusted.wrap_socket(plain, server_hostname="localhost") as wrapped:
                assert wrapped.version() == name


@pytest.mark.parametrize("place", [{"url": "sqlite://"}, {"workers": "2"}], ids=["memory", "two workers"])
def test_http_beside_https(start, tls, place):
    """One database, the same limits and headers, and one end."""
    options, trusted = tls
    port = free_port()
    words = ("--workers", place["workers"]) if "workers" in place else ()
    server = start(*options, *words, "--http-port", str(port), url=place.get("url", ""), scheme="https")
    plain = f"http://127.0.0.1:{port}"
    with (
        httpx.Client(verify=trusted, headers=standard()) as client,
        httpx.Client(headers=standard()) as other,
    ):
        assert (
            client.post(server.address, json={"create_collection": {"object": {"name": "c"}}}).status_code
            == 201
        )
        for _ in range(20):  # whichever worker is asked
            assert other.post(plain, json={"exists": {"collection": "c"}}).json() == {"resource": True}
            assert other.post(plain, json=1, headers={"authorization": ""}).status_code == 401
    with httpx.Client(http1=False, http2=True, headers=standard()) as client:
        assert client.post(plain, json={"add": [1, 1]}).json() == {"resource": 2}
    with httpx.Client(headers=standard()) as client:
        with client.stream("POST", f"{plain}/stream", json={"documents": {"collection": "c"}}) as stream:
            events = stream.iter_lines()
            assert json.loads(next(events))["type"] == "start"
            code, printed = server.stop()
            assert list(events) == []
    assert code == 0
    assert f"on {server.address} and {plain}\n" in printed
    for number in (server.port, port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number), 5)


def test_a_secret_on_the_command_line_is_warned_about(start):
    server = start("--secret", "in-plain-sight", secret="")
    _, printed = server.stop()
    assert "others can see --secret in the list of processes" in printed
    assert "in-plain-sight" not in printed


def test_two_workers_on_a_file_are_one_database(start):
    server = start("--workers", "2")
    prepare(server)
    with Http(server) as one, Http(server) as two:
        for number in range(30):
            answer = one.post({"update": ref(1), "params": {"object": {"data": {"object": {"n": number}}}}})
            seen = answer.headers["x-txn-time"]
            read = two.post({"get": ref(1)}, x_last_seen_txn=seen)
            assert read.json["resource"]["data"]["n"] == number
            assert int(read.headers["x-txn-time"]) >= int(seen)


# What bad and abandoned requests leave behind


def _troubles() -> list[bytes]:
    """What a client may send before it goes away without reading."""
    whole = request_bytes("POST", "/", json.dumps({"get": ref(1)}).encode(), standard())
    stream = request_bytes("POST", "/stream", json.dumps(ref(1)).encode(), standard())
    chunked = request_bytes("POST", "/", b"", standard(transfer_encoding="chunked"))
    return [
        b"",
        b"\x16\x03\x01\x02\x00nonsense",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        whole[:30],
        whole[:-3],
        whole,
        whole * 20,
        stream[:-3],
        stream,
        chunked + b"5\r\n[[[[[",
        chunked + b"zz\r\n",
        request_bytes("POST", "/", b"[" * 100_000, standard()),
        request_bytes("POST", "/", b'"\xff"', standard()),
        request_bytes("POST", "/", b"1", standard(secret="wrong")),
        request_bytes("POST", "/", b"", standard(content_length=str(1 << 40))),
        request_bytes("GET", "/" + "a" * 20_000, b"", standard()),
        request_bytes("GET", "/ping", b"", standard(x="y" * 9_000)),
    ]


def _make_trouble(server: Server, rounds: int) -> None:
    reset = struct.pack("ii", 1, 0)  # closing sends RST at once
    for number in range(rounds):
        for data in _troubles():
            with Http(server) as http:
                if number % 2:
                    http.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                with contextlib.suppress(OSError):  # refused, closed or not answered: all the same here
                    http.send(data)
                    if number % 3:
                        http.socket.settimeout(0.002)
                        http.socket.recv(100)


def _crowd(server: Server, size: int) -> None:
    """Many connections at once, each with a query that writes, so that all threads of the pool work."""
    crowd = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(size)]
    body = json.dumps({"update": ref(1), "params": {"object": {}}}).encode()
    for connection in crowd:
        connection.sendall(request_bytes("POST", "/", body, standard()))
    for connection in crowd:
        assert b" 200 " in connection.recv(4096)
        connection.close()


def test_thousands_of_bad_and_abandoned_requests_leave_nothing_behind(start):
    server = start()
    prepare(server)
    idle = server.held()

    def at_rest() -> Held:
        eventually(lambda: server.held().sockets <= idle.sockets, "connections are closed")
        return server.held()

    for _ in range(2):  # until most threads have been started, and every cache is filled
        _crowd(server, 400)
        _make_trouble(server, 10)
    first = at_rest()
    grown = []
    for _ in range(5):  # what leaks, leaks every time; allocators and threads settle
        before = at_rest()
        _crowd(server, 400)
        _make_trouble(server, 60)
        grown.append(at_rest().memory - before.memory)
        if grown[-1] < 2 * 1024 * 1024:
            break
    else:
        raise AssertionError(f"memory grows each time: {grown}")
    last = at_rest()
    assert (
        last.threads <= idle.threads + THREADS + STRANGERS_THREADS
    )  # a pool has one more only when it needs it
    assert last.files <= first.files + 3 * THREADS  # the database, open in each thread of the pool
    assert server.query({"add": [1, 1]}) == 2


# Killed at random moments

WRITERS = 4
#: Between the documents of one writer and those of the next.
APART = 1_000_000


def _kill_rounds(start, tmp_path: Path, rounds: int) -> None:
    """Kill one worker and two in turns while several clients write; nothing acknowledged is lost, nothing is halved."""
    first = start()
    prepare(first)
    for writer in range(WRITERS):
        first.query(create(_counter(writer), k=0))
    first.kill()
    second = start("--workers", "2")
    second.kill()
    servers = [first, second]
    chance = random.Random(rounds)
    acknowledged = [0] * WRITERS
    for number in range(rounds):
        server = servers[number % 2].start()
        _check(server, acknowledged)
        killer = threading.Timer(chance.uniform(0.02, 0.15), server.kill)
        killer.start()
        with ThreadPoolExecutor(WRITERS) as pool:
            acknowledged = list(
                pool.map(_write_until_killed, [server] * WRITERS, range(WRITERS), acknowledged)
            )
        killer.join()
        with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert min(acknowledged) > 0
    _check(first.start(), acknowledged)


def _counter(writer: int) -> int:
    return (writer + 1) * APART


def _write_until_killed(server: Server, writer: int, last: int) -> int:
    """One transaction after another, each with two new documents and a counter. The last one acknowledged."""
    counter = _counter(writer)
    try:
        with Http(server) as http:
            last = http.query({"select": ["data", "k"], "from": {"get": ref(counter)}})
            while True:
                k = last + 1
                counted = {"update": ref(counter), "params": {"object": {"data": {"object": {"k": k}}}}}
                first, second = counter + 2 * k, counter + 2 * k + 1
                http.query({"do": [create(first, n=counter + k), counted, create(second, n=counter + k)]})
                last = k
    except OSError:
        return last


def _check(server: Server, acknowledged: list[int]) -> None:
    page = server.query({"paginate": {"documents": {"collection": "c"}}, "size": 100_000})
    ids = {int(found["@ref"]["id"]) for found in page["data"]}
    for writer, last in enumerate(acknowledged):
        counter = _counter(writer)
        k = server.query({"select": ["data", "k"], "from": {"get": ref(counter)}})
        assert last <= k <= last + 1  # one transaction may have been committed and not acknowledged
        pairs = {counter + 2 * j + half for j in range(1, k + 1) for half in (0, 1)}
        assert {found for found in ids if counter < found < counter + APART} == pairs
        indexed = {"count": {"match": {"index": "by_n"}, "terms": counter + k}}
        assert server.query(indexed) == (2 if k else 0)


def test_killed_while_writing(start, tmp_path):
    _kill_rounds(start, tmp_path, 5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_while_writing_very_often(start, tmp_path):
    _kill_rounds(start, tmp_path, 500)
