"""This client against the official driver 4.5.2 and bare urllib3, side by side on one loopback server.

    python benchmarks/client_vs_official.py [--repeat 5] [--cache DIR]

installs ``faunadb==4.5.2`` into a directory of its own (once) and prints a table of medians and ratios. Each
measurement runs in a fresh process, the drivers taking turns. Exits with 1 when a ratio misses its target.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent


class Row(NamedTuple):
    """A line of the table: what is measured, of whom, and the ratio this/other that is wanted."""

    title: str
    unit: str
    measurement: str
    other: str
    target: float
    at_least: bool = False


ROWS = (
    Row("CPU per query, of the official driver's", "us", "query", "official", 0.45),
    Row("CPU per query, of bare urllib3 and json.loads", "us", "query", "urllib3", 1.5),
    Row("queries per second, 16 threads", "1/s", "threads", "official", 1.0, True),
    Row("parse_json, page of 64 documents", "us", "parse", "official", 0.45),
    Row("building and to_json of a create", "us", "build", "official", 0.6),
    Row("stream events per second of CPU", "1/s", "stream", "official", 3.0, True),
    Row("import faunadb.client", "ms", "import", "official", 0.6),
    Row("import faunadb.client, of import requests", "ms", "import", "requests", 1.6),
    Row("first query on sqlite://, of import requests", "ms", "first", "requests", 1.875),
)


def install_official(cache: Path) -> Path:
    """Return the directory with the official driver, after installing it there if it is not."""
    target = cache / "official-4.5.2"
    if not (target / "faunadb").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
        subprocess.run([*pip, "faunadb==4.5.2", "httpx[http2]"], check=True)
    return target


class Bench:
    """Runs measurements of drivers in processes of their own."""

    def __init__(self, official: Path, port: int) -> None:
        self._paths = {"official": str(official)}
        self._port = port

    def measure(self, driver: str, measurement: str) -> float:
        path = self._paths.get(driver, str(PROJECT))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
        environment.pop("FAUNA_ENDPOINT", None)
        command = [sys.executable, str(HERE / "client_worker.py"), driver, measurement, str(self._port)]
        return float(subprocess.check_output(command, env=environment, cwd=HERE))


def start_server(official: Path) -> subprocess.Popen[str]:
    from client_worker import EVENTS

    # The server speaks HTTP/2 with what the official driver brings along.
    environment = {**os.environ, "PYTHONPATH": str(official)}
    command = [sys.executable, str(HERE / "client_server.py"), str(EVENTS)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def collect(bench: Bench, repeat: int, only: Optional[str]) -> dict[tuple[str, str], list[float]]:
    """Return all results by driver and measurement, measured in turns."""
    wanted = sorted({(row.measurement, driver) for row in ROWS for driver in ("this", row.other)})
    results: dict[tuple[str, str], list[float]] = {}
    for _ in range(repeat):
        for measurement, driver in wanted:
            if only in (None, measurement):
                results.setdefault((driver, measurement), []).append(bench.measure(driver, measurement))
    return results


def report(results: dict[tuple[str, str], list[float]]) -> bool:
    """Print the table; return whether every ratio is as wanted."""
    print(f"{'':46} {'this':>10} {'other':>10} {'ratio':>7}  target")
    fine = True
    for row in ROWS:
        if ("this", row.measurement) not in results:
            continue
        this = statistics.median(results["this", row.measurement])
        other = statistics.median(results[row.other, row.measurement])
        ratio = this / other
        met = ratio >= row.target if row.at_least else ratio <= row.target
        fine = fine and met
        sign = ">=" if row.at_least else "<="
        verdict = "" if met else "  MISSED"
        title = f"{row.title} ({row.unit})"
        print(f"{title:46} {this:>10.1f} {other:>10.1f} {ratio:>7.2f}  {sign} {row.target}{verdict}")
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="how often to measure; medians are shown")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "faunadb-benchmarks")
    parser.add_argument(
        "--only", help="one measurement: query, threads, parse, build, stream, import or first"
    )
    arguments = parser.parse_args()
    official = install_official(arguments.cache)
    server = start_server(official)
    try:
        assert server.stdout is not None
        bench = Bench(official, int(server.stdout.readline()))
        return 0 if report(collect(bench, arguments.repeat, arguments.only)) else 1
    finally:
        server.communicate("")


if __name__ == "__main__":
    sys.exit(main())
