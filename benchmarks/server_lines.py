"""The server line by line (reads, matches, logic, pages, writes), side by side with that of another checkout.

    python benchmarks/server_lines.py --against CHECKOUT [--quick]

For Linux, with the extra ``server``. CHECKOUT: a working copy of an earlier commit. Each server has one worker and a file of
its own, keeps no answers, and is asked from 32 connections in turns with the other. Ratios are by rate, and by the CPU time
of the server's processes, which does not depend on what else is running.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import server
from _measure import print_table

DOCUMENTS = server.DOCUMENTS


def fields(**members: Any) -> dict[str, Any]:
    return {"object": members}


def data(**members: Any) -> dict[str, Any]:
    return fields(data=fields(**members))


def ref(number: int) -> dict[str, Any]:
    return {"ref": {"collection": "spells"}, "id": str(number)}


def index(name: str, field: str) -> dict[str, Any]:
    terms = [fields(field=["data", field])]
    return {"create_index": fields(name=name, source={"collection": "spells"}, terms=terms)}


def document(number: int) -> dict[str, Any]:
    return data(name=f"n{number}", element=f"e{number % 10}", cost=number)


def match(name: str, terms: str) -> dict[str, Any]:
    return {"match": {"index": name}, "terms": terms}


def logic(number: int) -> dict[str, Any]:
    double = {"lambda": "x", "expr": {"multiply": [{"var": "x"}, 2]}}
    bindings = [
        {"a": number},
        {"b": {"add": [{"var": "a"}, 1]}},
        {"c": {"map": double, "collection": [1, 2, 3]}},
    ]
    then, otherwise = fields(x={"concat": ["a", "b"]}, y={"var": "c"}), fields(y={"var": "b"})
    return {"let": bindings, "in": {"if": {"lt": [{"var": "a"}, 500]}, "then": then, "else": otherwise}}


def page(number: int) -> dict[str, Any]:
    get = {"lambda": "x", "expr": {"get": {"var": "x"}}}
    return {"map": get, "collection": {"paginate": match("by_element", f"e{number % 10}"), "size": 64}}


def moved(number: int, form: str) -> dict[str, Any]:
    cost = {"select": ["data", "cost"], "from": {"get": ref(number)}}
    return {"update": ref(number), "params": data(cost={form: [cost, 1]})}


LINES = {
    "point read": lambda number: {"get": ref(number)},
    "indexed match of one, with get": lambda number: {"get": match("by_name", f"n{number}")},
    "logic, nothing read": logic,
    "page of 64, with get": page,
    "create with two indexes": lambda number: {
        "create": {"collection": "spells"},
        "params": data(name=f"new {number}", element="none", cost=number),
    },
    "update of one field": lambda number: {"update": ref(number), "params": data(cost=number * 7 % 1000)},
    "two documents read and updated": lambda number: {
        "do": [moved(number, "add"), moved(number % DOCUMENTS + 1, "subtract")]
    },
}


@contextlib.contextmanager
def serving(checkout: Path, folder: str) -> Iterator[server.Server]:
    """The server of a checkout, with the documents."""
    with (
        mock.patch.object(server, "HERE", checkout / "benchmarks"),
        server.ours(folder, "--answers", "0") as one,
    ):
        server.ask(one, {"create_collection": fields(name="spells")})
        server.ask(one, {"do": [index("by_name", "name"), index("by_element", "element")]})
        for first in range(1, DOCUMENTS + 1, 100):
            numbers = range(first, first + 100)
            server.ask(one, {"do": [{"create": ref(each), "params": document(each)} for each in numbers]})
        yield one


def requests(line: str) -> list[bytes]:
    made = [server.request_bytes(LINES[line](number)) for number in range(1, DOCUMENTS + 1)]
    random.Random(7).shuffle(made)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, required=True, help="a working copy of an earlier commit")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    arguments = parser.parse_args()
    seconds, rounds = (1.0, 3) if arguments.quick else (3.0, 7)
    directory = os.environ.get("FAUNADB_BENCHMARK_DIR")
    rows = []
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory(dir=directory)) for _ in range(2)]
        ours = stack.enter_context(serving(server.HERE.parent, folders[0]))
        theirs = stack.enter_context(serving(arguments.against.resolve(), folders[1]))
        for line in LINES:
            asked = dict.fromkeys(("ours", "theirs"), requests(line))
            loads = server.in_turns({"ours": ours, "theirs": theirs}, seconds, rounds, asked)
            mine, other = loads["ours"], loads["theirs"]
            rates = [server.median_of(each, lambda load: load.rate) for each in (mine, other)]
            by_rate = server.ratio_of(mine, other, lambda load: load.rate)
            by_cpu = server.ratio_of(mine, other)
            rows.append([line, *(f"{rate:,.0f}" for rate in rates), f"{by_rate:.2f}", f"{by_cpu:.2f}"])
    header = ["one worker, no kept answers", "a second", "there", "ratio", "by CPU time"]
    print_table(f"Beside {arguments.against.name}", header, rows)


if __name__ == "__main__":
    main()
