"""Shared by the benchmarks: time things side by side in one run, repeat, take medians, print a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from faunadb.client import FaunaClient
from faunadb.engine.answers import Answers


def seconds_each(action: Callable[[], object], count: int) -> float:
    """Seconds of one call, averaged over count calls."""
    started = time.perf_counter()
    for _ in range(count):
        action()
    return (time.perf_counter() - started) / count


def side_by_side(
    ours: Callable[[], object], theirs: Callable[[], object], count: int, rounds: int = 5
) -> tuple[float, float, float]:
    """Median seconds of ours and of theirs, and the median of the rounds' ratios. Rounds alternate between the two."""
    ours(), theirs()
    pairs = [(seconds_each(ours, count), seconds_each(theirs, count)) for _ in range(rounds)]
    mine = statistics.median(pair[0] for pair in pairs)
    other = statistics.median(pair[1] for pair in pairs)
    return mine, other, statistics.median(pair[0] / pair[1] for pair in pairs)


def shown(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds:.2f} s"


def evaluate_always(client: FaunaClient) -> FaunaClient:
    """Have an embedded client's engine keep no answers: a benchmark asks the same again, and means to have it computed."""
    client.session.get_adapter(client._endpoint.root).engine.answers = Answers(0)  # type: ignore[attr-defined]
    return client


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"

    print(f"\n{title}\n")
    print(line(header))
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        print(line(row))
