"""The server: reads per second, workers, latency and memory.

    python benchmarks/server.py [--quick] [--only reads|workers|latency|writers|memory]

For Linux, with the extra ``server``. It reads 1,000 documents by ref over HTTP/1.1, again and again in changing order, from 32
connections of this process. Until something is written, the server gives kept answers. So reads are also measured with a write
among each 100 requests, and with ``--answers 0``, so that each is evaluated. The server is compared with

- an empty ASGI application on the same granian with the same settings, which answers 200 and two bytes, and
- one that sends a fixed answer with all our headers and our body.

If this process uses the same cores as the server, requests per second say little. So rates are also given per second of CPU
time of the server's processes, which does not depend on what else is running.

The creates per second of 32 connections are compared with those of one, on this disk and on slower ones, which are simulated
by a library around ``fdatasync`` (with a C compiler). The more a disk makes writers wait, the more group commit gains.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

import _slow_disk
from _measure import print_table

from faunadb.server.listening import free_port

HERE = Path(__file__).resolve().parent
CONNECTIONS = 32
DOCUMENTS = 1_000
DOCUMENT = {"object": {"data": {"object": {"name": "Fire Beak", "element": ["air", "fire"], "cost": 10}}}}
CREATE = {"create": {"collection": "spells"}, "params": DOCUMENT}


def get(number: int) -> Any:
    return {"get": {"ref": {"collection": "spells"}, "id": str(number)}}


# Servers


class Server:
    """A server process and what it uses, its workers included."""

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "FAUNADB_SECRET": "secret"}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=HERE
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise SystemExit(f"does not start: {' '.join(command)}") from None
                time.sleep(0.05)

    def processes(self) -> list[int]:
        pid = self._process.pid
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]

    def cpu(self) -> list[float]:
        """CPU seconds of each process so far."""
        return [_cpu(pid) for pid in self.processes()]

    def memory(self) -> tuple[float, float]:
        """MB of all processes: resident, and with what they share counted once (PSS)."""
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes()]
        return _sum_of(rollups, "Rss:"), _sum_of(rollups, "Pss:")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sum_of(rollups: list[str], name: str) -> float:
    lines = [line for text in rollups for line in text.splitlines() if line.startswith(name)]
    return sum(int(line.split()[1]) for line in lines) / 1000


class Answer(NamedTuple):
    headers: list[tuple[str, str]]
    body: str


@contextlib.contextmanager
def running(*command: str) -> Iterator[Server]:
    """A server for the time of a block. command: PORT in it becomes a free port."""
    port = free_port()
    server = Server([sys.executable, *(word.replace("PORT", str(port)) for word in command)], port)
    try:
        yield server
    finally:
        server.stop()


def ours(folder: str, *options: str) -> contextlib.AbstractContextManager[Server]:
    return running("-m", "faunadb", "serve", f"sqlite:///{folder}/main.db", "--port", "PORT", *options)


def bare(answer: Answer) -> contextlib.AbstractContextManager[Server]:
    """An application that gives this answer at once."""
    return running(str(HERE / "server_bare.py"), "PORT", json.dumps(answer._asdict()))


def ask(server: Server, expression: Any, path: str = "/") -> Answer:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request_bytes(expression, path))
        data = b""
        while not is_whole(data):
            data += connection.recv(65536)
    head, _, body = data.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    if status.split()[1] not in ("200", "201"):
        raise SystemExit(data.decode())
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Answer([pair for pair in pairs if pair[0] not in ("server", "date", "content-length")], body)


def prepare(server: Server, documents: int = DOCUMENTS) -> Answer:
    """Make the documents; the answer to a read of one."""
    ask(server, {"create_collection": {"object": {"name": "spells"}}})
    refs = [get(number)["get"] for number in range(1, documents + 1)]
    ask(server, {"do": [{"create": ref, "params": DOCUMENT} for ref in refs]})
    return ask(server, get(1))


# Load


def request_bytes(expression: Any, path: str = "/") -> bytes:
    body = json.dumps(expression, separators=(",", ":")).encode()
    return (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer secret\r\nx-faunadb-api-version: 4\r\n"
        b"content-length: %d\r\n\r\n%s" % (path.encode(), len(body), body)
    )


def is_whole(data: bytes) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    at = head.find(b"content-length:")
    return bool(found) and len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0])


class Load(NamedTuple):
    """seconds: of each answer, sorted. rate: answers a second. per_cpu: answers a second of the server's CPU time.
    evenness: mean CPU time of the workers by that of the busiest."""

    seconds: list[float]
    rate: float
    per_cpu: float
    evenness: float


def reads_of_all() -> list[bytes]:
    """Requests that read each document once."""
    requests = [request_bytes(get(number)) for number in range(1, DOCUMENTS + 1)]
    random.Random(7).shuffle(requests)
    return requests


def with_writes() -> list[bytes]:
    """`reads_of_all`, and after each 99 of them a create."""
    requests = reads_of_all()
    for at in range(99, len(requests), 100):
        requests.insert(at, request_bytes(CREATE))
    return requests


def load(server: Server, seconds: float, requests: list[bytes], size: int = CONNECTIONS) -> Load:
    """Keep one request open on each of so many connections."""
    following = itertools.cycle(requests)
    ready = select.epoll()
    connections, started, parts = {}, {}, {}
    for _ in range(size):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connections[connection.fileno()] = connection
        ready.register(connection.fileno(), select.EPOLLIN)
    taken: list[float] = []
    before = server.cpu()
    begun = now = time.perf_counter()
    for number, connection in connections.items():
        started[number] = now
        connection.send(next(following))
    while now < begun + seconds:
        for number, _ in ready.poll(1):
            data = parts.pop(number, b"") + connections[number].recv(65536)
            if not is_whole(data):
                parts[number] = data
                continue
            now = time.perf_counter()
            taken.append(now - started[number])
            started[number] = now
            connections[number].send(next(following))
    used = [after - earlier for after, earlier in zip(server.cpu(), before)]
    for connection in connections.values():
        connection.close()
    workers = used[1:]
    return Load(
        sorted(taken),
        len(taken) / (now - begun),
        len(taken) / max(sum(used), 0.01),
        statistics.mean(workers) / max(max(workers), 0.01),
    )


def in_turns(
    servers: dict[str, Server],
    seconds: float,
    rounds: int,
    requests: Optional[dict[str, list[bytes]]] = None,
) -> dict[str, list[Load]]:
    """All are loaded in turns: the machine's moods hit all alike. The first round of each warms it up.

    requests: by name of a server, instead of `reads_of_all`.
    """
    loads: dict[str, list[Load]] = {name: [] for name in servers}
    usual = reads_of_all()
    for number in range(rounds + 1):
        for name, server in servers.items():
            asked = (requests or {}).get(name, usual)
            measured = load(server, seconds if number else 0.5, asked)
            if number:
                loads[name].append(measured)
    return loads


def median_of(loads: list[Load], what: Callable[[Load], float]) -> float:
    return statistics.median(what(each) for each in loads)


def ratio_of(
    loads: list[Load], others: list[Load], what: Callable[[Load], float] = lambda each: each.per_cpu
) -> float:
    """Median of the rounds' ratios."""
    return statistics.median(what(mine) / what(other) for mine, other in zip(loads, others))


# What is measured


def reads(folder: str, seconds: float, rounds: int) -> None:
    with ours(folder) as server, ours(folder, "--answers", "0") as evaluating:
        answer = prepare(server)
        with bare(Answer([], "ok")) as empty, bare(answer) as same:
            servers = {
                "faunadb serve": server,
                "the same, a write among each 100 requests": server,
                "faunadb serve --answers 0": evaluating,
                "application with a fixed answer like ours": same,
                "empty application": empty,
            }
            loads = in_turns(
                servers, seconds, rounds, {"the same, a write among each 100 requests": with_writes()}
            )
    of_empty = loads["empty application"]
    aims = {name: "0.45" for name in servers if name.startswith(("the same", "faunadb serve --answers"))}
    aims["faunadb serve"] = "0.5"
    rows = [
        [
            name,
            f"{median_of(each, lambda load: load.rate):,.0f}",
            f"{median_of(each, lambda load: load.per_cpu):,.0f}",
            f"{ratio_of(each, of_empty, lambda load: load.rate):.2f}",
            f"{ratio_of(each, of_empty):.2f}",
            aims.get(name, ""),
        ]
        for name, each in loads.items()
    ]
    header = ["point reads, one worker", "a second", "a CPU second", "of the empty one", "by CPU time", "aim"]
    print_table("Reads, to the empty application", header, rows)


def workers(folder: str, seconds: float, rounds: int) -> None:
    # Each read is evaluated: where answers are given again, the load takes as much of the cores as the server does.
    with ours(folder, "--answers", "0") as one:
        prepare(one)
        with ours(folder, "--answers", "0", "--workers", "2") as two:
            loads = in_turns({"1": one, "2": two}, seconds, rounds)
    by_cpu = ratio_of(loads["2"], loads["1"])
    evenness = median_of(loads["2"], lambda each: each.evenness)
    cores = len(os.sched_getaffinity(0))
    rows = [
        ["answers a second", f"{ratio_of(loads['2'], loads['1'], lambda each: each.rate):.2f}"],
        ["answers a CPU second", f"{by_cpu:.2f}"],
        ["evenness of the two workers", f"{evenness:.2f}"],
        ["capacity: twice that, with a core for each worker", f"{2 * by_cpu * evenness:.2f}"],
    ]
    title = f"Two workers to one, each read evaluated (aim: 1.7; {cores} cores, shared with the load)"
    print_table(title, ["", "ratio"], rows)


def latency(folder: str, seconds: float, rounds: int) -> None:
    with ours(folder) as server:
        prepare(server)
        loads = in_turns({"ours": server}, seconds, rounds)["ours"]

    def at(share: float) -> Callable[[Load], float]:
        return lambda each: each.seconds[int(len(each.seconds) * share)] * 1000

    p50, p99 = median_of(loads, at(0.5)), median_of(loads, at(0.99))
    ratio = statistics.median(at(0.99)(each) / at(0.5)(each) for each in loads)
    rows = [[f"{p50:.2f} ms", f"{p99:.2f} ms", f"{ratio:.1f}"]]
    print_table(
        f"Latency, {CONNECTIONS} connections (aim: p99 at most 4)", ["p50", "p99", "p99 to p50"], rows
    )


def writers(folder: str, seconds: float, rounds: int) -> None:
    library = _slow_disk.build(Path(folder))
    create = [request_bytes(CREATE)]
    rows = []
    for added in (0, 1000, 2000) if library else (0,):
        slower = {"LD_PRELOAD": str(library), "SYNC_MICROS": str(added)} if added else {}
        own = Path(folder) / str(added)
        own.mkdir()
        with with_variables(slower), ours(str(own)) as server:
            prepare(server, documents=1)
            loads: dict[int, list[Load]] = {1: [], CONNECTIONS: []}
            for number in range(rounds + 1):
                for size, found in loads.items():
                    measured = load(server, seconds if number else 0.5, create, size)
                    if number:
                        found.append(measured)
        rates = [median_of(each, lambda load: load.rate) for each in loads.values()]
        ratio = ratio_of(loads[CONNECTIONS], loads[1], lambda each: each.rate)
        disk = "this disk" if not added else f"one that takes {added / 1000:g} ms longer"
        rows.append([disk, *(f"{rate:,.0f}" for rate in rates), f"{ratio:.1f}"])
    header = ["durable creates a second", "1 writer", f"{CONNECTIONS} writers", "ratio"]
    print_table("Writers of one worker (aim: at least 3 times)", header, rows)


@contextlib.contextmanager
def with_variables(more: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started in a block."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        for name in more:
            del os.environ[name]
        os.environ.update(before)


def memory(folder: str, streams: int) -> None:
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    streams = min(streams, most - 100)
    with ours(folder) as server:
        prepare(server, documents=1)
        idle = server.memory()
        request = request_bytes(get(1)["get"], "/stream")
        open_streams = []
        for _ in range(streams):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(request)
            open_streams.append(connection)
        for connection in open_streams:
            while not connection.recv(65536).endswith(b"}\r\n\r\n"):
                pass
        full = server.memory()
        for connection in open_streams:
            connection.close()
    rows = [
        ["idle", *(f"{mb:.0f} MB" for mb in idle), ""],
        [
            f"{streams:,} open document streams",
            *(f"{mb:.0f} MB" for mb in full),
            f"{(full[1] - idle[1]) * 1000 / streams:.0f} kB",
        ],
    ]
    header = ["one worker and its main process", "resident", "PSS", "a stream"]
    print_table("Memory (aims: resident under 75 MB, and 400 MB)", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--only", choices=["reads", "workers", "latency", "writers", "memory"])
    arguments = parser.parse_args()
    seconds, rounds = (1.0, 5) if arguments.quick else (3.0, 9)
    for measure in (reads, workers, latency, writers):
        if arguments.only in (None, measure.__name__):
            with tempfile.TemporaryDirectory(dir=os.environ.get("FAUNADB_BENCHMARK_DIR")) as folder:
                measure(folder, seconds, rounds)
    if arguments.only in (None, "memory"):
        with tempfile.TemporaryDirectory(dir=os.environ.get("FAUNADB_BENCHMARK_DIR")) as folder:
            memory(folder, 1_000 if arguments.quick else 10_000)


if __name__ == "__main__":
    main()
