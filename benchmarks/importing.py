"""``faunadb import`` against ``faunadb copy``: documents a second into a new SQLite file.

    python benchmarks/importing.py [--quick]

An export of one collection with one index is imported, and the store that it came from is copied, both by the functions of the
commands, in this process. A copy takes rows as they are. An import also reads JSON, checks it, and finds the index's entries.
Rounds alternate. Times are CPU times of the process, so that a disk which is busy with something else does not matter.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _measure import print_table, shown
from engine_vs_sqlite import document

from faunadb import query as q
from faunadb.cli.app import run
from faunadb.client import FaunaClient

CHUNK = 500


def fill(url: str, documents: int) -> None:
    with FaunaClient("secret", endpoint=url) as client:
        client.query(q.create_collection({"name": "spells"}))
        client.query(
            q.create_index(
                {
                    "name": "by_name",
                    "source": q.collection("spells"),
                    "terms": [{"field": ["data", "name"]}],
                }
            )
        )
        for start in range(0, documents, CHUNK):
            numbers = range(start, min(start + CHUNK, documents))
            client.query(q.do(*[q.create(q.collection("spells"), {"data": document(n)}) for n in numbers]))


def command(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = run([*arguments, "--quiet"])
    if code:
        raise SystemExit(f"faunadb {' '.join(arguments)}: {said.getvalue()}")


def cpu_of(action: Callable[[], None]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def main() -> None:
    os.environ["FAUNA_SECRET"] = "secret"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer documents and rounds")
    quick = parser.parse_args().quick
    documents, rounds = (10_000, 3) if quick else (50_000, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = f"sqlite:///{folder / 'source.db'}"
        fill(source, documents)
        command("export", source, "--out", str(folder / "export"))
        pairs = []
        for number in range(rounds):
            imported, copied = (f"sqlite:///{folder / f'{what}-{number}.db'}" for what in ("import", "copy"))
            ours = cpu_of(lambda: command("import", str(folder / "export"), "--into", imported))  # noqa: B023 - run at once
            theirs = cpu_of(lambda: command("copy", source, copied))  # noqa: B023
            pairs.append((ours, theirs))
    ours, theirs = (statistics.median(pair[side] for pair in pairs) / documents for side in (0, 1))
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print_table(
        f"An import of {documents:,} documents with an index, to a copy (CPU time a document)",
        ["import", "copy", "documents a second, ratio", "aim"],
        [[shown(ours), shown(theirs), f"{ratio:.2f}", "at least 0.5"]],
    )


if __name__ == "__main__":
    main()
