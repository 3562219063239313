"""Histories of random transactions, judged by a checker that nobody here wrote: porcupine, for Go.

``porcupine`` holds the program that knows what the operations mean. It believes only what clients saw and when, where
our own checker compares with transaction times and the store's history.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.engine.storage import histories
from tests.engine.storage.histories import Op, Run
from tests.engine.storage.places import Place

SOURCE = Path(__file__).parent / "porcupine"
Judge = Callable[[Iterable[Op]], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Runs the checker. It is optional, in CI as well: Go is too much to install for it."""
    if shutil.which("go") is None:
        pytest.skip("Go is not on this machine")
    program = tmp_path_factory.mktemp("porcupine") / "histories"
    built = subprocess.run(
        ["go", "build", "-o", str(program), "."],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=SOURCE,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOPROXY": "off"},
    )
    if "module lookup disabled" in built.stderr:
        pytest.skip("porcupine is not there: run `go build -o /dev/null .` in tests/engine/storage/porcupine")
    assert built.returncode == 0, built.stderr
    sizes = [f"-registers={histories.REGISTERS}", f"-accounts={histories.ACCOUNTS}"]

    def run(ops: Iterable[Op]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *sizes, f"-balance={histories.BALANCE}"],
            input="".join(json.dumps(op._asdict()) + "\n" for op in ops),
            capture_output=True,
            text=True,
            timeout=100,
        )

    return run


def test_histories_of_four_processes(judge: Judge, shared_place: Place, tmp_path: Path) -> None:
    histories.prepare(histories.client_of(shared_place.url))
    ops = Run(tmp_path, [shared_place.url] * 4, seed=2, count=80).wait(60)
    assert len(ops) == 4 * 80
    for kind in ("read", "write", "modify", "transfer", "sum", "take", "retake"):
        assert [op for op in ops if op.kind == kind and op.status == "ok"], kind
    judged = judge(ops)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert judged.stdout.startswith("ok: "), judged.stdout

    # The same history with one answer from the beginning, much later, is found out.
    late = max(op.end for op in ops) + 1
    stale = next(op for op in ops if op.kind == "write" and op.status == "ok")
    initial = stale._replace(
        kind="read", asked=None, start=late, end=late, result=["0"] * histories.REGISTERS
    )
    judged = judge([*ops, initial])
    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert "registers: not linearizable" in judged.stdout


def op(
    kind: str, start: int, end: int, asked: Any, result: Any, *, status: str = "ok", error: str = ""
) -> Op:
    return Op(0, kind, start, end, None, status, asked, result, error)


def read(start: int, end: int, *values: str) -> Op:
    return op("read", start, end, None, list(values))


def write(start: int, end: int, register: int, value: str, **more: Any) -> Op:
    return op("write", start, end, [register, value], 1, **more)


def modify(start: int, end: int, register: int, value: str, old: str) -> Op:
    return op("modify", start, end, [register, value], [old, 1])


def transfer(start: int, end: int, source: int, target: int, amount: int, **more: Any) -> Op:
    return op("transfer", start, end, [source, target, amount], True, **more)


def total(start: int, end: int, has: list[int], by_index: list[int]) -> Op:
    return op("sum", start, end, None, [has, by_index])


def take(start: int, end: int, name: str, kind: str = "take", **more: Any) -> Op:
    return op(kind, start, end, name, "1", **more)


POOR: dict[str, Any] = {"status": "no", "error": "400 transaction aborted"}
TAKEN: dict[str, Any] = {"status": "no", "error": "400 instance not unique"}
CONTENDED: dict[str, Any] = {"status": "no", "error": "409"}
UNKNOWN: dict[str, Any] = {"status": "unknown", "error": "connection ReadTimeout"}


@pytest.mark.parametrize(
    "ops",
    [
        [write(1, 5, 0, "a"), read(2, 3, "0", "0", "0"), read(4, 6, "a", "0", "0")],
        [write(1, 5, 0, "a"), write(1, 5, 0, "b"), read(6, 7, "a", "0", "0")],
        [modify(1, 5, 1, "a", "b"), modify(1, 5, 1, "b", "0"), read(6, 7, "0", "a", "0")],
        [write(1, 2, 0, "a", **UNKNOWN), read(3, 4, "0", "0", "0"), read(5, 6, "a", "0", "0")],
        [write(1, 2, 0, "a", **UNKNOWN), read(3, 4, "0", "0", "0")],
        [write(1, 2, 0, "a", **CONTENDED), read(3, 4, "0", "0", "0")],
        [transfer(1, 2, 0, 1, 60), transfer(3, 4, 0, 1, 60, **POOR), transfer(5, 6, 1, 0, 160)],
        [transfer(1, 2, 0, 1, 60), total(3, 4, [40, 160, 100, 100, 100, 100], [40, 100, 100, 100, 100, 160])],
        [take(1, 2, "n"), take(3, 4, "n", **TAKEN), take(5, 6, "n", "retake"), take(5, 6, "m")],
        [take(1, 9, "n", **UNKNOWN), take(3, 4, "n", **TAKEN)],
        [op("past", 3, 4, [1, ["0", "0", "0"]], ["0", "0", "0"]), write(1, 2, 0, "a")],
    ],
)
def test_histories_that_can_be(judge: Judge, ops: list[Op]) -> None:
    judged = judge(ops)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize(
    ("rule", "ops", "complaint"),
    [
        ("stale read", [write(1, 2, 0, "a"), read(3, 4, "0", "0", "0")], "read null"),
        (
            "lost update",
            [modify(1, 5, 0, "a", "0"), modify(1, 5, 0, "b", "0")],
            "1 of 2 operations can be put in an order",
        ),
        (
            "two orders",
            [write(1, 9, 0, "a"), write(1, 9, 1, "b"), read(2, 8, "a", "0", "0"), read(2, 8, "0", "b", "0")],
            "registers",
        ),
        (
            "a value goes back",
            [write(1, 9, 0, "a"), read(2, 3, "a", "0", "0"), read(4, 5, "0", "0", "0")],
            "registers",
        ),
        ("refused and seen", [write(1, 2, 0, "a", **CONTENDED), read(3, 4, "a", "0", "0")], "registers"),
        (
            "unknown, seen, gone",
            [write(1, 2, 0, "a", **UNKNOWN), read(3, 4, "a", "0", "0"), read(5, 6, "0", "0", "0")],
            "registers",
        ),
        ("a write refused by the query", [write(1, 2, 0, "a", **POOR)], "registers"),
        ("more than there was", [transfer(1, 5, 0, 1, 60), transfer(1, 5, 0, 1, 60)], "accounts"),
        ("refused without a reason", [transfer(1, 2, 0, 1, 60, **POOR)], "accounts"),
        ("torn sum", [transfer(1, 9, 0, 1, 60), total(1, 9, [40, *[100] * 5], [40, *[100] * 5])], "accounts"),
        ("index and documents", [total(1, 2, [100] * 6, [100] * 5)], "accounts"),
        ("two holders", [take(1, 5, "n"), take(1, 5, "n")], "name n"),
        ("a free name refused", [take(3, 4, "n", **TAKEN), take(5, 6, "n")], "name n"),
    ],
)
def test_histories_that_cannot_be(judge: Judge, rule: str, ops: list[Op], complaint: str) -> None:
    judged = judge(ops)
    assert judged.returncode == 1, (rule, judged.stdout, judged.stderr)
    assert "not linearizable" in judged.stdout, rule
    assert complaint in judged.stdout, rule


@pytest.mark.parametrize(
    ("ops", "complaint"),
    [
        ([], "nothing happened"),
        ([op("dance", 1, 2, None, None)], 'line 1: unknown kind "dance"'),
        ([write(1, 2, 0, "a"), write(1, 2, 7, "a")], "line 2: there is no register 7"),
        ([transfer(1, 2, 0, 9, 1)], "line 1: there is no account 0 or 9"),
        ([write(2, 1, 0, "a")], "line 1: it ends before it begins"),
        ([write(1, 2, 0, "a", status="perhaps")], 'line 1: unknown status "perhaps"'),
        ([op("modify", 1, 2, [0, "a"], ["0"])], 'line 1: ["0"] has not 2 parts'),
    ],
)
def test_what_is_no_history(judge: Judge, ops: list[Op], complaint: str) -> None:
    judged = judge(ops)
    assert (judged.returncode, judged.stderr.strip()) == (2, complaint)
