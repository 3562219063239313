"""What grows with the size of a collection, and what must not.

    python benchmarks/growth.py [--full] [--only reads|history|build|delete]

Through the embedded client on an SQLite file: point read, match and page at growing sizes, as ratios to the smallest;
the newest read of a document with a long history; memory and time of an index build; writes during the deletion of a
large collection. --full goes up to 1,000,000 documents (many minutes). FAUNADB_BENCHMARK_DIR: where the files go.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _measure import evaluate_always, print_table, seconds_each, shown

from faunadb import query as q
from faunadb.client import FaunaClient

SIZES = (1_000, 10_000, 100_000, 1_000_000)
BATCH = 1000
FIRST_ID = 1_000_000_000
SPELLS = q.collection("spells")


def connect(path: Path) -> FaunaClient:
    return evaluate_always(FaunaClient(secret="secret", endpoint=f"sqlite:///{path}"))


def document(number: int) -> dict[str, Any]:
    return {"name": f"spell {number}", "element": f"element {number // 100}", "cost": number % 97}


def define(client: FaunaClient) -> None:
    client.query(q.create_collection({"name": "spells", "history_days": 0}))


def define_indexes(client: FaunaClient) -> None:
    for name, field in (("by_name", "name"), ("by_element", "element")):
        client.query(q.create_index({"name": name, "source": SPELLS, "terms": [{"field": ["data", field]}]}))


def fill(client: FaunaClient, start: int, end: int) -> None:
    """Create documents start to end, many in a query."""
    for first in range(start, end, BATCH):
        last = min(first + BATCH, end)
        client.query(
            q.do(
                *(
                    q.create(q.ref(SPELLS, str(FIRST_ID + number)), {"data": document(number)})
                    for number in range(first, last)
                ),
                None,
            )
        )


# Reads


def operations(client: FaunaClient, size: int) -> dict[str, Callable[[], Any]]:
    """What a client does, each time at another place of a collection of this size."""
    state = [1]

    def place() -> int:
        state[0] = (state[0] * 1_103_515_245 + 12_345) % (1 << 31)
        return state[0] % size

    by_name, by_element = q.index("by_name"), q.index("by_element")
    documents = q.documents(SPELLS)

    def ref() -> Any:
        return q.ref(SPELLS, str(FIRST_ID + place()))

    return {
        "point read by ref": lambda: client.query(q.get(ref())),
        "match of one, with get": lambda: client.query(q.get(q.match(by_name, f"spell {place()}"))),
        "page of 64 of a match": lambda: client.query(
            q.paginate(q.match(by_element, f"element {place() // 100}"))
        ),
        "page of 64 of all, in the middle": lambda: client.query(q.paginate(documents, after=[ref()])),
    }


def grow_reads(folder: Path, sizes: tuple[int, ...]) -> None:
    """All sizes stand side by side, and rounds alternate between them: the machine's moods hit all alike."""
    runs: list[dict[str, Callable[[], Any]]] = []
    clients = []
    for size in sizes:
        client = connect(folder / f"reads{size}.db")
        clients.append(client)
        define(client)
        define_indexes(client)
        started = time.perf_counter()
        fill(client, 0, size)
        print(
            f"filled {size:,}: {size / (time.perf_counter() - started):,.0f} documents a second", flush=True
        )
        runs.append(operations(client, size))
    rows = []
    for name in runs[0]:
        rows.append([name, *_side_by_side([run[name] for run in runs])])
    print_table("Cost by size of the collection (aim: at most 1.3)", ["operation", *_header(sizes)], rows)
    for client in clients:
        client.close()


def _header(sizes: tuple[int, ...]) -> list[str]:
    return [f"{size:,}" for size in sizes]


def _side_by_side(actions: list[Callable[[], Any]], count: int = 400, rounds: int = 9) -> list[str]:
    for action in actions:
        seconds_each(action, 1000)  # warm the caches: growth is in question, not the disk
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, into in zip(actions, times):
            into.append(seconds_each(action, count))
    medians = [statistics.median(each) for each in times]
    return [f"{shown(each)} ({each / medians[0]:.2f})" for each in medians]


# History


def long_history(folder: Path, versions: int = 10_000) -> None:
    client = connect(folder / "history.db")
    client.query(q.create_collection({"name": "spells", "history_days": 30}))
    once, often = q.ref(SPELLS, "1"), q.ref(SPELLS, "2")
    for ref in (once, often):
        client.query(q.create(ref, {"data": {"n": 0}}))
    started = time.perf_counter()
    for number in range(1, versions):
        client.query(q.update(often, {"data": {"n": number}}))
    each = (time.perf_counter() - started) / versions
    cells = _side_by_side([lambda: client.query(q.get(once)), lambda: client.query(q.get(often))])
    print_table(
        f"Newest read by versions of the document (aim: at most 1.3); an update took {shown(each)}",
        ["1 version", f"{versions:,} versions"],
        [cells],
    )
    client.close()


# Index builds


def index_build(folder: Path, size: int) -> None:
    """Build an index in a fresh process, whose memory is then the build's."""
    path = folder / f"build{size}.db"
    client = connect(path)
    define(client)
    fill(client, 0, size)
    client.close()
    ran = subprocess.run(
        [sys.executable, __file__, "--build", str(path)], check=True, capture_output=True, text=True
    )
    seconds, before, peak = (float(text) for text in ran.stdout.split())
    print_table(
        "Index build (aim: less than 500 MB)",
        ["documents", "time", "memory before", "peak memory"],
        [[f"{size:,}", shown(seconds), f"{before:.0f} MB", f"{peak:.0f} MB"]],
    )


def build(path: Path) -> None:
    """The build itself; prints seconds, megabytes before and at the peak."""
    import resource

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    client = connect(path)
    client.query(q.exists(SPELLS))
    before = peak()
    started = time.perf_counter()
    client.query(
        q.create_index({"name": "by_name", "source": SPELLS, "terms": [{"field": ["data", "name"]}]})
    )
    while not client.query(q.select("active", q.get(q.index("by_name")))):
        time.sleep(0.05)
    print(time.perf_counter() - started, before, peak())
    client.close()


# Deletion


def deletion(folder: Path, size: int) -> None:
    """Writes to another collection while a large one and its index entries are swept away."""
    path = folder / f"delete{size}.db"
    client = connect(path)
    define(client)
    define_indexes(client)
    fill(client, 0, size)
    client.query(q.create_collection({"name": "other"}))
    create = q.create(q.collection("other"), {"data": {"n": 1}})
    writer = connect(path)
    stop = threading.Event()
    took: list[float] = []

    def write() -> None:
        while not stop.is_set():
            started = time.perf_counter()
            writer.query(create)
            took.append(time.perf_counter() - started)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(1)
    quiet, started = len(took), time.perf_counter()
    client.query(q.delete(SPELLS))
    answered = time.perf_counter() - started
    _wait_until_swept(path, lambda: len(took))
    swept = time.perf_counter() - started
    stop.set()
    thread.join()
    during = took[quiet:]
    print_table(
        f"Writes while a collection of {size:,} documents is deleted",
        ["", "median", "longest"],
        [
            ["before", shown(statistics.median(took[:quiet])), shown(max(took[:quiet]))],
            ["during", shown(statistics.median(during)), shown(max(during))],
        ],
    )
    print(f"the delete was answered after {shown(answered)}, all was gone after {shown(swept)}")
    client.close()
    writer.close()


def _wait_until_swept(path: Path, written: Callable[[], int]) -> None:
    """Until nothing but the other collection's documents is left, seen from outside of the engine."""
    import sqlite3

    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    first = FIRST_ID
    last = FIRST_ID + SIZES[-1]
    while True:
        left = connection.execute(
            "SELECT 1 FROM version WHERE doc BETWEEN ? AND ? LIMIT 1", (first, last)
        ).fetchone()
        if left is None:
            break
        time.sleep(0.1)
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="up to 1,000,000 documents")
    parser.add_argument("--quick", action="store_true", help="up to 10,000 documents")
    parser.add_argument("--only", choices=["reads", "history", "build", "delete"])
    parser.add_argument("--build", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(Path(options.build))
        return
    sizes = SIZES if options.full else SIZES[:2] if options.quick else SIZES[:3]
    parts: dict[str, Callable[[Path], None]] = {
        "reads": lambda folder: grow_reads(folder, sizes),
        "history": lambda folder: long_history(folder, 1000 if options.quick else 10_000),
        "build": lambda folder: index_build(folder, sizes[-1]),
        "delete": lambda folder: deletion(folder, min(sizes[-1], SIZES[2])),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory(dir=os.environ.get("FAUNADB_BENCHMARK_DIR")) as folder:
                part(Path(folder))


if __name__ == "__main__":
    main()
