"""Random transactions of several processes on one store.

Each worker is a process with a client of its own; it writes what it asked and what it was answered, a JSON line per
query, for `tests.engine.storage.history_check` to judge.

* registers: blind writes of values that are written once only, read-modify-writes, reads of all registers at once,
  now and at times seen earlier.
* bank: transfers between accounts; all together always have what they had.
* unique: everybody wants the same names; a name has one holder at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import (
    BadRequest,
    ContendedTransaction,
    FaunaError,
    PermissionDenied,
    UnavailableError,
)
from faunadb.objects import FaunaTime, Ref
from tests.server.running import Server, eventually

ROOT = Path(__file__).resolve().parents[3]
REGISTERS, ACCOUNTS, NAMES = 3, 6, 12
BALANCE = 100
SECRET = "secret"


def client_of(endpoint: str, **options: Any) -> FaunaClient:
    return FaunaClient(SECRET, endpoint=endpoint, **options)


def prepare(client: FaunaClient) -> None:
    for name in ("registers", "accounts", "names"):
        client.query(q.create_collection({"name": name}))
    client.query(
        q.create_index(
            {
                "name": "name_of",
                "source": q.collection("names"),
                "terms": [{"field": ["data", "name"]}],
                "unique": True,
                "active": True,
            }
        )
    )
    client.query(
        q.create_index(
            {"name": "balances", "source": q.collection("accounts"), "values": [{"field": ["data", "has"]}]}
        )
    )
    client.query(
        q.do(
            *(q.create(register(k), {"data": {"value": "0"}}) for k in range(REGISTERS)),
            *(q.create(account(k), {"data": {"has": BALANCE}}) for k in range(ACCOUNTS)),
        )
    )


def register(k: int) -> Any:
    return q.ref(q.collection("registers"), str(k + 1))


def account(k: int) -> Any:
    return q.ref(q.collection("accounts"), str(k + 1))


class Op(NamedTuple):
    """A query and its answer. start, end: nanoseconds of a clock all processes share. txn: x-txn-time, or None
    when there was no good answer. status: ``ok``, ``no`` (refused, nothing happened) or ``unknown``."""

    worker: int
    kind: str
    start: int
    end: int
    txn: Optional[int]
    status: str
    asked: Any
    result: Any
    error: str


# ---- a worker ---------------------------------------------------------------------------------------------------


class Worker:
    """Asks random queries until it has asked ``count`` or the time is up."""

    def __init__(self, endpoint: str, number: int, seed: int):
        self.number = number
        self.rng = random.Random(f"{seed}/{number}")
        self.written = 0
        self.seen: list[tuple[int, Any]] = []  # times of reads and what they gave
        self.txn: Optional[int] = None
        self.client = client_of(endpoint, timeout=20, observer=self.observe)

    def observe(self, result: Any) -> None:
        self.txn = int(result.response_headers.get("x-txn-time", 0)) or None

    def kinds(self) -> list[Any]:
        """What is asked, each as often as it is listed."""
        return [self.read, self.read, self.write, self.modify, self.past, self.transfer, self.sum, self.take]

    def ask(self, expression: Any) -> Any:
        return self.client.query(expression)

    def step(self) -> Op:
        kind, asked, expression = self.rng.choice(self.kinds())()
        self.txn = None
        result, error, status = None, "", "ok"
        start = time.monotonic_ns()
        try:
            result = plain(self.ask(expression))
        except BadRequest as refused:
            status, error = "no", f"400 {refused.errors[0].code}"
        except PermissionDenied:
            status, error = "no", "403"
        except ContendedTransaction:
            status, error = "no", "409"
        except UnavailableError as failure:
            status, error = "unknown", f"503 {failure.errors[0].description}"
        except FaunaError as failure:
            status, error = "unknown", f"{failure.request_result.status_code} {failure}"
        except Exception as failure:  # the connection to a server
            status, error = "unknown", f"connection {type(failure).__name__}"
        end = time.monotonic_ns()
        op = Op(
            self.number, kind, start, end, self.txn if status == "ok" else None, status, asked, result, error
        )
        if kind == "read" and status == "ok":
            assert self.txn is not None
            self.seen.append((self.txn, result))
        return op

    def fresh(self) -> str:
        self.written += 1
        return f"{self.number}.{self.written}"

    def read(self) -> tuple[str, Any, Any]:
        return "read", None, [value_of(k) for k in range(REGISTERS)]

    def write(self) -> tuple[str, Any, Any]:
        k, value = self.rng.randrange(REGISTERS), self.fresh()
        return "write", [k, value], q.select(["ts"], q.update(register(k), {"data": {"value": value}}))

    def modify(self) -> tuple[str, Any, Any]:
        k, value = self.rng.randrange(REGISTERS), self.fresh()
        write = q.select(["ts"], q.update(register(k), {"data": {"value": value}}))
        return "modify", [k, value], q.let({"old": value_of(k)}, [q.var("old"), write])

    def past(self) -> tuple[str, Any, Any]:
        if not self.seen:
            return self.read()
        at, before = self.rng.choice(self.seen[-20:])
        return "past", [at, before], q.at(q.time(iso(at)), [value_of(k) for k in range(REGISTERS)])

    def transfer(self) -> tuple[str, Any, Any]:
        source, target = self.rng.sample(range(ACCOUNTS), 2)
        amount = self.rng.randint(1, 60)
        move = q.do(
            q.update(account(source), {"data": {"has": q.subtract(balance_of(source), amount)}}),
            q.update(account(target), {"data": {"has": q.add(balance_of(target), amount)}}),
        )
        enough = q.gte(balance_of(source), amount)
        return (
            "transfer",
            [source, target, amount],
            q.if_(enough, q.do(move, True), q.abort("not enough")),
        )

    def sum(self) -> tuple[str, Any, Any]:
        by_ref = [balance_of(k) for k in range(ACCOUNTS)]
        by_index = q.select(["data"], q.paginate(q.match(q.index("balances"))))
        return "sum", None, [by_ref, by_index]

    def take(self) -> tuple[str, Any, Any]:
        name = f"name {self.rng.randrange(NAMES)}"
        free = q.foreach(q.lambda_("r", q.delete(q.var("r"))), q.paginate(q.match(q.index("name_of"), name)))
        new = q.select(
            ["ref", "id"], q.create(q.collection("names"), {"data": {"name": name, "by": self.number}})
        )
        if self.rng.random() < 0.3:
            return "retake", name, q.do(free, new)
        return "take", name, new


def value_of(k: int) -> Any:
    return q.select(["data", "value"], q.get(register(k)))


def balance_of(k: int) -> Any:
    return q.select(["data", "has"], q.get(account(k)))


def iso(micros: int) -> str:
    seconds, rest = divmod(micros, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"


def plain(value: Any) -> Any:
    """A result as JSON can hold it."""
    if isinstance(value, Ref):
        return value.id()
    if isinstance(value, FaunaTime):
        return value.value
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def main(kind: type[Worker] = Worker) -> None:
    """The program of a worker of some kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    worker = kind(options.endpoint, options.number, options.seed)
    with open(options.out, "w", buffering=1) as out:
        print("ready", flush=True)
        sys.stdin.readline()  # begin together
        for _ in range(options.count):
            out.write(json.dumps(worker.step()._asdict()) + "\n")


@contextlib.contextmanager
def serving(url: str, count: int) -> Iterator[list[Server]]:
    """So many servers on one store, a process each."""
    servers = [Server(url, "--workers", "1") for _ in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            if server.process is not None:
                server.kill()


# ---- running workers --------------------------------------------------------------------------------------------


class Run:
    """Worker processes on one endpoint each, and the lines they wrote."""

    def __init__(
        self,
        folder: Path,
        endpoints: Sequence[str],
        seed: int,
        count: Optional[int] = None,
        first: int = 0,
        module: str = __name__,
    ):
        """first: the number of the first worker; those of one history differ, and so do the values they write.

        module: the program of the workers (`main`).
        """
        self.folder = folder
        self.numbers = range(first, first + len(endpoints))
        self.processes: list[subprocess.Popen[str]] = []
        for number, endpoint in zip(self.numbers, endpoints):
            command = [sys.executable, "-m", module, endpoint, str(number)]
            command += ["--seed", str(seed), "--out", str(self._out(number))]
            if count is not None:
                command += ["--count", str(count)]
            self.processes.append(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
                )
            )
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("go\n")

    def _out(self, number: int) -> Path:
        return self.folder / f"worker{number}.jsonl"

    def progress(self, answers: int = 8) -> None:
        """Wait until every worker has had so many more good answers: nobody was left behind by a fault."""
        before = self._answers()
        eventually(
            lambda: all(now >= then + answers for now, then in zip(self._answers(), before)),
            "every worker goes on",
            60,
        )

    def _answers(self) -> list[int]:
        good = [op.worker for op in self.ops() if op.status == "ok"]
        return [good.count(number) for number in self.numbers]

    def ops(self) -> list[Op]:
        found = []
        for number in self.numbers:
            text = self._out(number).read_text() if self._out(number).exists() else ""
            lines = text.split("\n")[:-1]  # the last one may be half written
            found += [Op(**json.loads(line)) for line in lines]
        return found

    def wait(self, timeout: float = 100) -> list[Op]:
        for process in self.processes:
            assert process.wait(timeout) == 0
        self._close()
        return self.ops()

    def stop(self) -> list[Op]:
        """End the workers between or in their queries. One that was in a query has not written what came of it."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self._close()
        return self.ops()

    def _close(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()


if __name__ == "__main__":
    main()
