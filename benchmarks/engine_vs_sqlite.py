"""The embedded client against bare ``sqlite3`` + ``json`` doing the same logical work with the same durability.

    python benchmarks/engine_vs_sqlite.py [--quick] [--only sqlite|group-commit]

Bare sqlite3 runs one prepared statement per operation on a WAL file with synchronous=FULL, as the engine does. The engine
keeps no answers here; a read whose answer is kept is measured separately. Each ratio is the median over rounds that
alternate between the two. mongomock and tinydb are measured as well, if they are installed. Group commit is measured on this
disk and on slower ones, which are simulated by a library around ``fdatasync`` (on Linux, with a C compiler).
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import _slow_disk
from _measure import evaluate_always, print_table, seconds_each, shown, side_by_side

from faunadb import query as q
from faunadb.client import FaunaClient

DOCUMENTS = 10_000


def document(number: int) -> dict[str, Any]:
    return {
        "name": f"spell {number}",
        "element": ["fire", "water", "air", "earth"][number % 4],
        "cost": number % 97,
        "tags": ["a", "b", "c"],
        "caster": {"name": "Hedwig", "level": number % 20},
    }


def others() -> Iterator[int]:
    """Numbers of documents, another each time."""
    return cycle(range(1, DOCUMENTS, 7))


class Bare:
    """The opponent: one table with an index, JSON text, one statement per operation."""

    def __init__(self, path: Path):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute(
            "CREATE TABLE spell (id INTEGER PRIMARY KEY, ts INTEGER, name TEXT, data TEXT)"
        )
        self.connection.execute("CREATE INDEX spell_name ON spell (name)")
        self.next = 1_000_000_000
        self.others = others()

    def fill(self) -> None:
        self.connection.execute("BEGIN")
        for number in range(DOCUMENTS):
            self.insert(number)
        self.connection.execute("COMMIT")

    def insert(self, number: int) -> None:
        data = document(number)
        self.next += 1
        self.connection.execute(
            "INSERT INTO spell VALUES (?, ?, ?, ?)",
            (self.next, time.time_ns() // 1000, data["name"], json.dumps(data)),
        )

    def get(self) -> Any:
        row = self.connection.execute(
            "SELECT id, ts, data FROM spell WHERE id = ?", (1_000_000_500,)
        ).fetchone()
        return json.loads(row[2])

    get_again = get

    def get_other(self) -> Any:
        row = self.connection.execute(
            "SELECT id, ts, data FROM spell WHERE id = ?", (1_000_000_000 + next(self.others),)
        ).fetchone()
        return json.loads(row[2])

    def match(self) -> Any:
        row = self.connection.execute(
            "SELECT id, ts, data FROM spell WHERE name = ?", ("spell 77",)
        ).fetchone()
        return json.loads(row[2])

    def match_other(self) -> Any:
        row = self.connection.execute(
            "SELECT id, ts, data FROM spell WHERE name = ?", (f"spell {next(self.others)}",)
        ).fetchone()
        return json.loads(row[2])

    def page(self) -> Any:
        rows = self.connection.execute("SELECT id, ts, data FROM spell ORDER BY id LIMIT 64")
        return [json.loads(row[2]) for row in rows]

    def create(self) -> None:
        self.insert(5)

    def create_batch(self) -> None:
        self.connection.execute("BEGIN")
        for number in range(100):
            self.insert(number)
        self.connection.execute("COMMIT")


class Embedded:
    """The same operations as FQL through the client on ``sqlite:///``."""

    def __init__(self, path: Path):
        self.client = evaluate_always(FaunaClient(secret="secret", endpoint=f"sqlite:///{path}"))
        # Another URL, and so an engine of its own.
        self.remembering = FaunaClient(secret="secret", endpoint=f"sqlite:///{path}?durability=full")
        self.spells = q.collection("spells")
        self.by_name = q.index("spells_by_name")
        self.others = others()

    def fill(self, count: int = DOCUMENTS) -> None:
        query = self.client.query
        query(q.create_collection({"name": "spells", "history_days": 0}))
        query(
            q.create_index(
                {"name": "spells_by_name", "source": self.spells, "terms": [{"field": ["data", "name"]}]}
            )
        )
        for start in range(0, count, 500):
            numbers = range(start, min(count, start + 500))
            query(q.do(*[self._create(number) for number in numbers]))
        self.ref = q.ref(self.spells, "1000000500")

    def _create(self, number: int) -> Any:
        return q.create(q.ref(self.spells, str(1_000_000_000 + number)), {"data": document(number)})

    def get(self) -> Any:
        return self.client.query(q.get(self.ref))

    def get_again(self) -> Any:
        return self.remembering.query(q.get(self.ref))

    def match(self) -> Any:
        return self.client.query(q.get(q.match(self.by_name, "spell 77")))

    def get_other(self) -> Any:
        return self.client.query(q.get(q.ref(self.spells, str(1_000_000_000 + next(self.others)))))

    def match_other(self) -> Any:
        return self.client.query(q.get(q.match(self.by_name, f"spell {next(self.others)}")))

    def page(self) -> Any:
        return self.client.query(
            q.map_(lambda ref: q.get(ref), q.paginate(q.documents(self.spells), size=64))
        )

    def create(self) -> None:
        self.client.query(q.create(self.spells, {"data": document(5)}))

    def create_batch(self) -> None:
        self.client.query(q.do(*[q.create(self.spells, {"data": document(n)}) for n in range(100)]))


def against_sqlite(folder: Path, scale: float) -> None:
    bare, ours = Bare(folder / "bare.db"), Embedded(folder / "engine.db")
    bare.fill(), ours.fill()
    rows = []
    for label, name, count, target in (
        ("the same read again, nothing written since", "get_again", 2000, ""),
        ("point read by ref", "get", 2000, "6"),
        ("the same, another document each time", "get_other", 2000, ""),
        ("indexed match of one, with get", "match", 1500, "8"),
        ("the same, another each time", "match_other", 1500, ""),
        ("page of 64 documents with get", "page", 200, "3"),
        ("create with one index, durable", "create", 200, "1.3"),
        ("100 creates in one query, durable", "create_batch", 15, "3.5"),
    ):
        mine, other, ratio = side_by_side(
            getattr(ours, name), getattr(bare, name), max(3, int(count * scale))
        )
        rows.append([label, shown(mine), shown(other), f"{ratio:.2f}", target])
    print_table(
        "Embedded client against bare sqlite3 + json",
        ["operation", "faunadb", "sqlite3", "ratio", "aim, at most"],
        rows,
    )
    against_others(ours, scale)
    ours.client.close()


def group_commit(folder: Path, scale: float) -> None:
    """Durable creates by one writer and by 32, by what it takes to make something durable."""
    library = _slow_disk.build(folder)
    if library is None:
        print("(no C compiler, or not Linux: group commit is measured on this disk only)")
    rows = []
    for added in (0, 500, 1000, 2000, 5000) if library else (0,):
        environment = {**os.environ, "SYNC_MICROS": str(added)}
        if added:
            environment["LD_PRELOAD"] = str(library)
        command = [sys.executable, __file__, "--writers", str(folder / f"{added}"), str(scale)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
        disk = "this disk" if not added else f"one that takes {added / 1000:g} ms longer"
        rows.append([disk, *json.loads(done.stdout)])
    header = ["", "a bare commit", "1 writer", "32 writers", "ratio"]
    print_table("Group commit: durable creates a second (aim: 4 times)", header, rows)


def writers(folder: Path, scale: float) -> list[str]:
    """The same number of creates in all by one writer and by 32, each with a client of its own.

    One writer waits for the disk at each commit, 32 share the wait. So the ratio is bounded by what one create waits
    divided by what it computes, which is why the wait (a bare commit of one row) stands beside it.
    """
    folder.mkdir()
    path = folder / "engine.db"
    Embedded(path).fill(100)
    clients = [FaunaClient(secret="secret", endpoint=f"sqlite:///{path}") for _ in range(32)]
    expression = q.create(q.collection("spells"), {"data": document(7)})
    total = max(160, int(1600 * scale))

    def many(threads: int) -> float:
        def work(client: FaunaClient) -> None:
            for _ in range(total // threads):
                client.query(expression)

        workers = [threading.Thread(target=work, args=(client,)) for client in clients[:threads]]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return total / (time.perf_counter() - started)

    many(32)
    pairs = [(many(1), many(32)) for _ in range(5)]
    one, all_ = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    for client in clients:
        client.close()
    return [shown(_bare_commit(folder)), f"{one:,.0f}", f"{all_:,.0f}", f"{ratio:.2f}"]


def _bare_commit(folder: Path) -> float:
    """Seconds of a durable commit of next to nothing."""
    connection = sqlite3.connect(folder / "commit.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (n INTEGER)")
    each = seconds_each(lambda: connection.execute("INSERT INTO t VALUES (1)"), 200)
    connection.close()
    return each


def against_others(ours: Embedded, scale: float) -> None:
    """Look-ups by an indexed field among 10,000 documents."""
    lookup = seconds_each(ours.match, max(50, int(1000 * scale)))
    rows = []
    try:
        import mongomock

        collection = mongomock.MongoClient().db.spells
        collection.insert_many([document(number) for number in range(DOCUMENTS)])
        collection.create_index("name")
        other = seconds_each(lambda: collection.find_one({"name": "spell 77"}), 5)
        last = seconds_each(lambda: collection.find_one({"name": f"spell {DOCUMENTS - 23}"}), 5)
        rows.append(["mongomock, an early document", shown(lookup), shown(other), f"{other / lookup:.0f}"])
        rows.append(["mongomock, a late document", shown(lookup), shown(last), f"{last / lookup:.0f}"])
    except ImportError:
        print("(mongomock is not installed)")
    try:
        from tinydb import Query, TinyDB
        from tinydb.storages import MemoryStorage

        table = TinyDB(storage=MemoryStorage)
        table.insert_multiple([document(number) for number in range(DOCUMENTS)])
        table.clear_cache()

        def find() -> Any:
            table.clear_cache()
            return table.search(Query().name == "spell 77")

        other = seconds_each(find, 5)
        rows.append(
            ["tinydb in memory, query cache off", shown(lookup), shown(other), f"{other / lookup:.0f}"]
        )
    except ImportError:
        print("(tinydb is not installed)")
    if rows:
        print_table(
            "Look-up by an indexed field, 10,000 documents (aim: at least 20 times faster)",
            ["opponent", "faunadb", "opponent's time", "times faster"],
            rows,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--only", choices=["sqlite", "group-commit"])
    parser.add_argument("--writers", nargs=2, metavar=("FOLDER", "SCALE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.writers:
        return print(json.dumps(writers(Path(options.writers[0]), float(options.writers[1]))))
    scale = 0.1 if options.quick else 1.0
    with tempfile.TemporaryDirectory(dir=os.environ.get("FAUNADB_BENCHMARK_DIR")) as folder:
        if options.only != "group-commit":
            against_sqlite(Path(folder), scale)
        if options.only != "sqlite":
            group_commit(Path(folder), scale)


if __name__ == "__main__":
    main()
