"""Changes of the schema beside writes that depend on it, by several processes; see `tests.engine.storage.histories`.

* a function that gives a number, the collection's ``history_days``, and a role that may create or may not are registers:
  they are changed to values that are set once only, or to and fro.
* stamps: documents that hold what the function gave and what the collection said when they were written.
* guarded: documents made with the rights of the role.
* indexes come and go over the stamps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from faunadb import query as q
from faunadb.client import FaunaClient
from tests.engine.storage import histories
from tests.engine.storage.histories import Op

STAMPS, GUARDED = q.collection("stamps"), q.collection("guarded")
FUNCTION, ROLE = q.function("number"), q.role("guard")
INDEXES = 3


def body(number: int) -> Any:
    return q.query(q.lambda_([], number))


def privileges(is_allowed: bool) -> Any:
    return [{"resource": GUARDED, "actions": {"create": is_allowed}}]


def prepare(client: FaunaClient) -> None:
    client.query(
        [
            q.create_collection({"name": "stamps", "history_days": 1000}),
            q.create_collection({"name": "guarded"}),
        ]
    )
    client.query(q.create_function({"name": "number", "body": body(0)}))
    client.query(q.create_role({"name": "guard", "privileges": privileges(True)}))


class SchemaWorker(histories.Worker):
    def __init__(self, endpoint: str, number: int, seed: int):
        super().__init__(endpoint, number, seed)
        secret = self.client.query(q.select("secret", q.create_key({"role": ROLE})))
        self.guarded_client = FaunaClient(secret, endpoint=endpoint, timeout=20, observer=self.observe)
        self.asking = self.client

    def kinds(self) -> list[Any]:
        self.asking = self.client
        writes = [self.stamp] * 6 + [self.guarded] * 4
        return [*writes, self.look, self.look, self.function, self.days, self.role, self.index]

    def ask(self, expression: Any) -> Any:
        return self.asking.query(expression)

    def number_(self) -> int:
        """One that nobody else sets."""
        self.written += 1
        return 10 * self.written + self.number

    def stamp(self) -> tuple[str, Any, Any]:
        seen = {"number": q.call(FUNCTION), "days": q.select("history_days", q.get(STAMPS))}
        data = {"number": q.var("number"), "days": q.var("days"), "name": f"name {self.rng.randrange(5)}"}
        made = q.create(STAMPS, {"data": data})
        return "stamp", None, q.let(seen, q.do(made, [q.var("number"), q.var("days")]))

    def look(self) -> tuple[str, Any, Any]:
        return "look", None, [q.call(FUNCTION), q.select("history_days", q.get(STAMPS))]

    def guarded(self) -> tuple[str, Any, Any]:
        self.asking = self.guarded_client
        return "guarded", None, q.do(q.create(GUARDED, {"data": {}}), True)

    def function(self) -> tuple[str, Any, Any]:
        number = self.number_()
        return "function", number, q.do(q.update(FUNCTION, {"body": body(number)}), True)

    def days(self) -> tuple[str, Any, Any]:
        number = 1000 + self.number_()
        return "days", number, q.do(q.update(STAMPS, {"history_days": number}), True)

    def role(self) -> tuple[str, Any, Any]:
        is_allowed = self.rng.random() < 0.7
        return "role", is_allowed, q.do(q.update(ROLE, {"privileges": privileges(is_allowed)}), True)

    def index(self) -> tuple[str, Any, Any]:
        name = f"by_name_{self.rng.randrange(INDEXES)}"
        made = q.create_index({"name": name, "source": STAMPS, "terms": [{"field": ["data", "name"]}]})
        there = q.index(name)
        return "index", name, q.if_(q.exists(there), q.do(q.delete(there), "dropped"), q.do(made, "made"))


# ---- what must hold ---------------------------------------------------------------------------------------------


class Register:
    """What a part of the schema was when, by the answers to those who changed it."""

    def __init__(self, ops: Sequence[Op], kind: str, first: Any):
        changes = sorted((op.txn or 0, op.asked) for op in ops if op.kind == kind and op.status == "ok")
        self.changes = [(0, first), *changes]
        assert len({txn for txn, _ in self.changes}) == len(self.changes), (
            f"two changes of {kind} at one time"
        )

    def at(self, txn: Optional[int]) -> Any:
        return [value for time, value in self.changes if time <= (txn or 0)][-1]


def check(client: FaunaClient, ops: Sequence[Op]) -> None:
    """Raises AssertionError for the first thing that cannot have happened in a strictly serialisable store."""
    unexpected = [
        op for op in ops if op.status == "unknown" or (op.status == "no" and op.error not in ("409", "403"))
    ]
    assert not unexpected, unexpected[:3]
    number, days, role = (
        Register(ops, "function", 0),
        Register(ops, "days", 1000),
        Register(ops, "role", True),
    )
    good = [op for op in ops if op.status == "ok"]
    assert all(op.txn for op in good)
    for op in good:
        if op.kind in ("stamp", "look"):
            assert op.result == [number.at(op.txn), days.at(op.txn)], f"an old schema was seen: {op}"
        elif op.kind == "guarded":
            assert role.at(op.txn), f"written with rights that had been taken: {op}"
    _check_refused(ops, role)
    _check_real_time(good)
    _check_indexes(client, good)


def _check_refused(ops: Sequence[Op], role: Register) -> None:
    """Whoever was refused asked at a time when the role, for a moment at least, may not have allowed it."""
    changes = [op for op in ops if op.kind == "role" and op.status == "ok"]
    for op in ops:
        if op.error != "403":
            continue
        before = [each for each in changes if each.end < op.start]
        newest = max((each.txn or 0 for each in before), default=0)
        meanwhile = [each for each in changes if each.start < op.end and (each.txn or 0) > newest]
        assert not role.at(newest) or not all(each.asked for each in meanwhile), (
            f"refused what was allowed: {op}"
        )


def _check_real_time(good: Sequence[Op]) -> None:
    """What was changed before a query began is seen by it."""
    changes = [op for op in good if op.kind not in ("look",)]
    for op in good:
        newest = max((each.txn or 0 for each in changes if each.end < op.start), default=0)
        assert (op.txn or 0) >= newest, f"{op} began after a write at {newest}"


def _check_indexes(client: FaunaClient, good: Sequence[Op]) -> None:
    """An index is there if it was made last, and has exactly what was written."""
    stamps = sum(op.kind == "stamp" for op in good)
    assert client.query(q.count(q.documents(STAMPS))) == stamps, "stamps were lost, or refused ones are there"
    names = [f"name {number}" for number in range(5)]
    for number in range(INDEXES):
        name = f"by_name_{number}"
        turns = sorted((op.txn or 0, op.result) for op in good if op.kind == "index" and op.asked == name)
        expected = ["made" if turn % 2 == 0 else "dropped" for turn in range(len(turns))]
        assert [result for _, result in turns] == expected, f"{name} was made or dropped twice"
        assert client.query(q.exists(q.index(name))) == (len(turns) % 2 == 1)
        if len(turns) % 2:
            counts = client.query([q.count(q.match(q.index(name), each)) for each in names])
            assert sum(counts) == stamps, f"{name} has {counts} of {stamps}"


if __name__ == "__main__":
    histories.main(SchemaWorker)
