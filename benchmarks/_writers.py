"""Many concurrent writers on PostgreSQL, on this machine and over a network, against another checkout of the project."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional
from urllib.parse import urlsplit

from _measure import print_table

HERE = Path(__file__).parent
PROCESSES, THREADS = 4, 16
ROUND_TRIPS = (2.0, 0.0)  # milliseconds, in addition to the machine's own
MEASURED = (("create", 1), ("create", PROCESSES), ("same", PROCESSES), ("mixed", PROCESSES))


class Process:
    """`_writer`, run with the package of a checkout."""

    def __init__(self, checkout: Path, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "_writer.py"), url, str(THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(checkout)},
        )
        self.checkout = checkout

    def begun(self) -> None:
        found = Path(self.hear())
        if found != self.checkout:
            raise RuntimeError(f"measured is {found}, not {self.checkout}")

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of writers ended")
        return json.loads(line)

    def ask(self, text: str) -> Any:
        self.say(text)
        return self.hear()

    def close(self) -> None:
        self.process.communicate()


class Outcome(NamedTuple):
    """What all threads did together in one round."""

    rate: float  # good answers a second
    done: list[int]  # good answers of each thread
    conflicts: float  # evaluations that were in vain, and answers 409, to good answers
    cpu: float  # of the processes of writers, seconds to a good answer
    refused: int


class Side:
    """The processes of one checkout on a store of their own."""

    def __init__(self, checkout: Path, url: str, documents: int) -> None:
        self.processes = [Process(checkout, url) for _ in range(PROCESSES)]
        for process in self.processes:
            process.begun()
            process.ask(f"documents {documents}")
        self.counted = int(self.processes[0].ask("count"))

    def run(self, workload: str, count: int, seconds: float) -> Outcome:
        active = self.processes[:count]
        for process in active:
            process.say(f"{workload} {seconds}")
        found = [process.hear() for process in active]
        done = [each for one in found for each in one["done"]]
        refused = sum(one["refused"] for one in found)
        total = max(sum(done), 1)
        if workload == "same":
            self._check_sum(sum(done))
        return Outcome(
            rate=sum(done) / max(one["seconds"] for one in found),
            done=done,
            conflicts=(sum(one["again"] for one in found) + refused) / total,
            cpu=sum(one["cpu"] for one in found) / total,
            refused=refused,
        )

    def _check_sum(self, added: int) -> None:
        counted = int(self.processes[0].ask("count"))
        if counted != self.counted + added:
            raise RuntimeError(f"{added} were added to {self.counted}, which gave {counted}")
        self.counted = counted

    def close(self) -> None:
        for process in self.processes:
            process.close()


@contextlib.contextmanager
def _network(url: str, milliseconds: float) -> Iterator[str]:
    """The URL of the same database behind a network of this round trip."""
    if not milliseconds:
        yield url
        return
    parts = urlsplit(url)
    command = [sys.executable, str(HERE / "_delay.py"), str(milliseconds)]
    command += [parts.hostname or "127.0.0.1", str(parts.port or 5432)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        port = proxy.stdout.readline().strip()
        user, at, _ = parts.netloc.rpartition("@")
        yield parts._replace(netloc=f"{user}{at}127.0.0.1:{port}").geturl()
        proxy.terminate()


def _row(workload: str, count: int, sides: list[Side], rounds: int, seconds: float) -> list[str]:
    """Medians of rounds that alternate between the sides; the ratio's of the rounds."""
    found = [[side.run(workload, count, seconds) for side in sides] for _ in range(rounds)]
    ours = [each[0] for each in found]
    middle = [statistics.median(each[side].rate for each in found) for side in range(len(sides))]
    ratio = statistics.median(each[0].rate / max(each[-1].rate, 1e-9) for each in found)
    done = [sum(counts) for counts in zip(*(each.done for each in ours))]
    slowest = min(done) / max(statistics.mean(done), 1e-9)
    return [
        f"{workload}, {count} x {THREADS}",
        f"{middle[0]:,.0f}",
        *([f"{middle[1]:,.0f}", f"{ratio:.2f}"] if len(sides) > 1 else ["-", "-"]),
        f"{statistics.median(each.conflicts for each in ours):.2%}",
        str(sum(each.refused for each in ours)),
        f"{slowest:.2f}",
        f"{statistics.median(each.cpu for each in ours) * 1000:.2f}",
    ]


HEADER = ["workload", "1/s", "against, 1/s", "ratio", "conflicts", "409", "slowest to mean", "CPU ms"]


def measure(
    urls: Sequence[str], against: Optional[Path], documents: int, rounds: int, seconds: float
) -> None:
    """Print what 4 processes of 16 threads do together.

    urls: two places that may be made, for us and for the opponent. against: the opponent's checkout, if there is one.
    documents: how many the mixed workload is over. rounds and seconds: of each workload on each side.
    A process is bound to its network, so each round trip has processes of its own.
    """
    checkouts = [HERE.parent.resolve(), *([against.resolve()] if against else [])]
    for checkout, url in zip(checkouts, urls):
        process = Process(checkout, url)
        process.begun()
        process.ask(f"prepare {documents}")
        process.close()
    for milliseconds in ROUND_TRIPS:
        with contextlib.ExitStack() as closing:
            sides = []
            for checkout, url in zip(checkouts, urls):
                near = closing.enter_context(_network(url, milliseconds))
                sides.append(Side(checkout, near, documents))
                closing.callback(sides[-1].close)
            for side in sides:  # connections, prepared statements
                side.run("mixed", PROCESSES, 1.0)
            rows = [_row(workload, count, sides, rounds, seconds) for workload, count in MEASURED]
            title = f"Writers on PostgreSQL, {milliseconds:g} ms added to a round trip"
            print_table(title, HEADER, rows)
