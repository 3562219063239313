"""One and several processes on one store: the engine against the same statements issued directly.

    python benchmarks/storage.py [--quick] [--postgres postgresql://user@host/database]
    python benchmarks/storage.py --writers [--quick] [--postgres URL] [--against CHECKOUT]

The engine is compared with the same statements, run on its own tables by ``sqlite3`` and ``psycopg`` directly: for a read a
snapshot, a look-up and ``json.loads``; for a create a lock, a version, two index entries, a row of the commit log and the
clock. Processes are started once, and rounds alternate between the two. Rates are those of all processes together.

``--writers`` measures many concurrent writers instead: 4 processes of 16 threads on PostgreSQL, on this machine and over a
network with a round trip of 2 ms (`_delay`). They are compared with another checkout of this project, such as one of an older
commit, which ``--against`` names.

PostgreSQL is used when ``--postgres`` or FAUNADB_TEST_POSTGRES names a database. Schemas that begin with
``faunadb_benchmark`` are made, and removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import _writers
from _measure import evaluate_always, print_table, shown

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage.checksums import of_version
from faunadb.engine.storage.statements import SCHEMA_VERSION

DOCUMENTS = 2_000
SCHEMA = "faunadb_benchmark"
PROCESSES = (1, 2, 4)
WORKLOADS = ("read", "create", "mixed")
READS_IN_MIXED = 0.8


def document(number: int) -> dict[str, Any]:
    return {"name": f"spell {number}", "element": "fire", "cost": number % 97, "tags": ["a", "b", "c"]}


class Engine:
    """The engine in the worker's process."""

    def __init__(self, url: str) -> None:
        self.client = evaluate_always(FaunaClient("secret", endpoint=url))
        self.client.query(1)
        self.spells = q.collection("spells")

    def read(self) -> None:
        self.client.query(q.get(q.ref(self.spells, str(random.randint(1, DOCUMENTS)))))

    def create(self) -> None:
        self.client.query(q.create(self.spells, {"data": document(random.randrange(10**9))}))


_READ_CLOCK = f"SELECT last_txn, schema_version FROM meta WHERE id = 0 AND format = {SCHEMA_VERSION}"
_READ = "SELECT ts, live, ttl, data, txn FROM version WHERE scope = ? AND coll = ? AND doc = ? ORDER BY ts DESC LIMIT 1"
_VERSION = "INSERT INTO version (scope, coll, doc, ts, live, ttl, data, txn, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LOG = "INSERT INTO change_log (txn, changes, touched) VALUES (?, ?, ?)"
_CLOCK = "UPDATE meta SET last_txn = ?, schema_version = ?"


def _entries(number: int, name: str) -> list[tuple[int, bytes, bytes]]:
    """Index, terms and values of a document's entries: that of its collection, that of ``by_name``."""
    values = b"\x06" + struct.pack(">Q", number) + b"\0"
    return [(1024, b"", values), (32768, b" " + name.encode() + b"\0\0", values)]


def _version(number: int, txn: int, data: dict[str, Any]) -> tuple[Any, ...]:
    row = (0, 1024, number, txn, 1, None, json.dumps({"data": data}), txn)
    return (*row, of_version(*row))


def _touched(number: int, name: str) -> str:
    """What the commit log says of a create."""
    entries = [
        [f"0/e/{index}/{terms.hex()}/", values.hex()] for index, terms, values in _entries(number, name)
    ]
    return json.dumps({"at": [[f"0/d/1024/{number}/"], *entries]})


class DirectSqlite:
    """The same statements through ``sqlite3``."""

    def __init__(self, url: str) -> None:
        self.connection = sqlite3.connect(
            url[len("sqlite:///") :], isolation_level=None, cached_statements=256, timeout=30
        )
        for setting in ("synchronous = FULL", "cache_size = -8000", f"mmap_size = {256 << 20}"):
            self.connection.execute(f"PRAGMA {setting}")

    def read(self) -> None:
        run = self.connection.execute
        run("BEGIN")
        run(_READ_CLOCK).fetchone()
        row = run(_READ, (0, 1024, random.randint(1, DOCUMENTS))).fetchone()
        run("COMMIT")
        json.loads(row[3])

    def create(self) -> None:
        run = self.connection.execute
        number = random.getrandbits(60)
        data = document(number)
        run("BEGIN IMMEDIATE")
        last, schema = run(_READ_CLOCK).fetchone()
        txn = max(time.time_ns() // 1000, last + 1)
        run(_VERSION, _version(number, txn, data))
        for index, terms, values in _entries(number, data["name"]):
            run(
                "INSERT OR REPLACE INTO entry (scope, idx, terms, vals, coll, doc, cover, ttl, added)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (0, index, terms, values, 1024, number, None, None, txn),
            )
        run(_LOG, (txn, json.dumps([["put", 0, 1024, number, txn]]), _touched(number, data["name"])))
        run(_CLOCK, (txn, schema))
        run("COMMIT")


class DirectPostgres:
    """The same statements through ``psycopg``, prepared, in binary, writes in one pipeline."""

    def __init__(self, url: str) -> None:
        import psycopg
        from psycopg.types.numeric import Int8Dumper

        self.connection = psycopg.connect(_bare(url), autocommit=True, prepare_threshold=5)
        self.connection.adapters.register_dumper(int, Int8Dumper)
        self.rows = self.connection.cursor(binary=True)
        self.texts = self.connection.cursor()
        self.texts.execute(f"SET search_path TO {SCHEMA}")

    def _script(self, text: str) -> Any:
        self.texts.execute(text)
        while self.texts.nextset():
            pass
        return self.texts.fetchone() if self.texts.description else None

    def _run(self, text: str, *parameters: Any) -> Any:
        return self.rows.execute(text.replace("?", "%s"), parameters)

    def read(self) -> None:
        self._script(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{_READ_CLOCK}")
        row = self._run(_READ, 0, 1024, random.randint(1, DOCUMENTS)).fetchone()
        self.texts.execute("COMMIT")
        json.loads(row[3])

    def create(self) -> None:
        number = random.getrandbits(60)
        data = document(number)
        last, schema = self._script(
            f"BEGIN ISOLATION LEVEL REPEATABLE READ;LOCK TABLE writer IN EXCLUSIVE MODE;{_READ_CLOCK} FOR UPDATE"
        )
        txn = max(time.time_ns() // 1000, last + 1)
        with self.connection.pipeline():
            cursor = self.connection.cursor(binary=True)
            cursor.execute(_VERSION.replace("?", "%s"), _version(number, txn, data))
            for index, terms, values in _entries(number, data["name"]):
                cursor.execute(
                    "INSERT INTO entry (scope, idx, terms, vals, tail, rest, coll, doc, added)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    (0, index, terms, values, b"", b"", 1024, number, txn),
                )
            change = json.dumps([["put", 0, 1024, number, txn]])
            cursor.execute(_LOG.replace("?", "%s"), (txn, change, _touched(number, data["name"])))
        self._script(
            f"UPDATE meta SET last_txn = {txn}, schema_version = {schema} WHERE id = 0;"
            f"INSERT INTO mark (store, txn, checks) VALUES ('direct {os.getpid()}', {txn}, 0)"
            f" ON CONFLICT (store) DO UPDATE SET txn = excluded.txn;NOTIFY {SCHEMA}, '{txn}';COMMIT"
        )


def _bare(url: str) -> str:
    """The URL without the engine's own parameter."""
    return url.replace(f"?schema={SCHEMA}", "").replace(f"&schema={SCHEMA}", "")


def _side(name: str, url: str) -> Any:
    if name == "engine":
        return Engine(url)
    return DirectSqlite(url) if url.startswith("sqlite") else DirectPostgres(url)


# ---- a worker process -------------------------------------------------------------------------------------------


def work(side: str, url: str) -> None:
    """Obey lines such as ``read 1.5``: do so for so many seconds and say how often it was done."""
    subject = _side(side, url)
    print("ready", flush=True)
    for line in sys.stdin:
        workload, seconds = line.split()
        until = time.perf_counter() + float(seconds)
        count = 0
        while time.perf_counter() < until:
            reads = workload == "read" or (workload == "mixed" and random.random() < READS_IN_MIXED)
            (subject.read if reads else subject.create)()
            count += 1
        print(count, flush=True)


class Worker:
    def __init__(self, side: str, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", side, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a worker ended")
        return line.strip()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def resident(self) -> int:
        """Bytes in memory, as Linux tells them."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self.process.communicate()


def start(side: str, url: str, count: int) -> list[Worker]:
    workers = [Worker(side, url) for _ in range(count)]
    for worker in workers:
        worker.hear()
    return workers


def rate(workers: list[Worker], workload: str, seconds: float) -> float:
    """Operations a second of all workers together."""
    for worker in workers:
        worker.say(f"{workload} {seconds}")
    return sum(int(worker.hear()) for worker in workers) / seconds


# ---- measurements -----------------------------------------------------------------------------------------------


def prepare(url: str) -> FaunaClient:
    client = FaunaClient("secret", endpoint=url)
    spells = q.collection("spells")
    client.query(q.create_collection({"name": "spells"}))
    client.query(
        q.create_index(
            {"name": "by_name", "source": spells, "terms": [{"field": ["data", "name"]}], "active": True}
        )
    )
    fill(client, 1, DOCUMENTS)
    return client


def fill(client: FaunaClient, first: int, last: int) -> None:
    for start_ in range(first, last + 1, 250):
        numbers = range(start_, min(start_ + 250, last + 1))
        client.query(
            [q.create(q.ref(q.collection("spells"), str(n)), {"data": document(n)}) for n in numbers]
        )


def throughput(name: str, url: str, rounds: int, seconds: float) -> None:
    before = connections(url) if name == "PostgreSQL" else 0
    ours, direct = start("engine", url, max(PROCESSES)), start("direct", url, max(PROCESSES))
    rows = []
    for workload in WORKLOADS:
        for count in PROCESSES:
            rate(ours[:count], workload, 0.2), rate(direct[:count], workload, 0.2)
            pairs = [
                (rate(ours[:count], workload, seconds), rate(direct[:count], workload, seconds))
                for _ in range(rounds)
            ]
            mine, other = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
            rows.append([workload, str(count), f"{mine:,.0f}", f"{other:,.0f}", f"{ratio:.2f}"])
    header = ["workload", "processes", "engine, 1/s", "directly, 1/s", "ratio"]
    print_table(f"Throughput on {name}", header, rows)
    sizes = [
        ["memory of a process, engine", f"{statistics.median(w.resident() for w in ours) / 1e6:.0f} MB"],
        ["memory of a process, directly", f"{statistics.median(w.resident() for w in direct) / 1e6:.0f} MB"],
    ]
    if name == "PostgreSQL":
        sizes.append(["connections of a process, engine", f"{(connections(url) - before) / len(ours):.1f}"])
    print_table(f"What a process with one thread holds on {name}", ["", ""], sizes)
    for worker in [*ours, *direct]:
        worker.close()


def connections(url: str) -> int:
    """Connections of the engine to the database, from wherever."""
    import psycopg

    with psycopg.connect(_bare(url)) as connection:
        text = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'faunadb'"
        row = connection.execute(text).fetchone()
        assert row is not None
        return int(row[0])


def group_commit(name: str, url: str, seconds: float) -> None:
    """Creates of one process by so many threads."""
    rows: list[list[str]] = []
    client = FaunaClient("secret", endpoint=url)
    first = 0.0
    for count in (1, 4, 16, 32):
        done = [0] * count
        until = time.perf_counter() + seconds

        def run(place: int, done: list[int] = done, until: float = until) -> None:
            while time.perf_counter() < until:
                client.query(q.create(q.collection("spells"), {"data": document(random.randrange(10**9))}))
                done[place] += 1

        threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = sum(done) / seconds
        first = first or found
        rows.append([str(count), f"{found:,.0f}", f"{found / first:.2f}"])
    print_table(f"Creates of one process on {name}", ["threads", "1/s", "to one"], rows)


def growth(name: str, client: FaunaClient, sizes: tuple[int, ...]) -> None:
    """Time of a point read, a match and a create among so many documents."""
    spells = q.collection("spells")
    rows, had = [], DOCUMENTS

    def each(action: Callable[[], object]) -> float:
        times = []
        for _ in range(400):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    for size in sizes:
        if size > had:
            fill(client, had + 1, size)
            had = size
        found = [
            each(lambda size=size: client.query(q.get(q.ref(spells, str(random.randint(1, size)))))),  # type: ignore[misc]
            each(
                lambda size=size: client.query(  # type: ignore[misc]
                    q.paginate(q.match(q.index("by_name"), f"spell {random.randint(1, size)}"))
                )
            ),
            each(lambda: client.query(q.create(spells, {"data": document(random.randrange(10**9))}))),
        ]
        rows.append([f"{size:,}", *map(shown, found)])
    print_table(f"Growth on {name}", ["documents", "point read", "match of one", "create"], rows)


@contextlib.contextmanager
def postgres_schemas(url: str, *names: str) -> Iterator[list[str]]:
    """URLs of stores in schemas of these names, which are removed afterwards."""
    import psycopg

    def drop() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for name in names:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")

    drop()
    try:
        yield [f"{url}{'&' if '?' in url else '?'}schema={name}" for name in names]
    finally:
        drop()


def measure(name: str, url: str, quick: bool) -> None:
    client = prepare(url)
    throughput(name, url, 3 if quick else 7, 0.5 if quick else 2.0)
    group_commit(name, url, 1.0 if quick else 4.0)
    growth(name, client, (2_000, 20_000) if quick else (2_000, 20_000, 200_000))
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="shorter rounds, fewer documents")
    parser.add_argument(
        "--postgres", default=os.environ.get("FAUNADB_TEST_POSTGRES", ""), help="URL of a database"
    )
    parser.add_argument(
        "--writers", action="store_true", help="many writers beside each other, on PostgreSQL"
    )
    parser.add_argument("--against", type=Path, help="with --writers: another checkout of this project")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    if options.against and not options.writers:
        parser.error("--against goes with --writers")
    if options.writers:
        if not options.postgres:
            parser.error("--writers needs a database: name one with --postgres")
        with postgres_schemas(options.postgres, SCHEMA, f"{SCHEMA}_against") as urls:
            _writers.measure(urls, options.against, *((2_000, 1, 0.8) if options.quick else (10_000, 3, 3.0)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/store.db", options.quick)
    if not options.postgres:
        print("\nPostgreSQL: not measured; name a database with --postgres")
        return
    with postgres_schemas(options.postgres, SCHEMA) as [url]:
        measure("PostgreSQL", url, options.quick)


if __name__ == "__main__":
    main()
