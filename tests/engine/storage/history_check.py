"""What must hold of the answers that workers (`tests.engine.storage.histories`) got.

`check` compares them with the store's own history: transaction times are the order, and they must agree with every
read, with what clocks on the wall say came first, and with the rules of the workloads.
"""

from __future__ import annotations

import queue
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from faunadb import query as q
from faunadb.client import FaunaClient
from tests.engine.storage.histories import ACCOUNTS, BALANCE, REGISTERS, Op, account, register


class Versions(NamedTuple):
    """The history of one document: times, and what was written at each (None: deleted)."""

    times: list[int]
    values: list[Any]

    def at(self, time: int) -> Any:
        """What a reader at this time sees."""
        place = bisect_right(self.times, time)
        return self.values[place - 1] if place else None

    def before(self, time: int) -> Any:
        place = bisect_left(self.times, time)
        return self.values[place - 1] if place else None


def versions_of(client: FaunaClient, ref: Any, field: str) -> Versions:
    times, values, after = [], [], None
    while True:
        page = client.query(q.paginate(q.events(ref), size=1000, after=after))
        for event in page["data"]:
            times.append(event["ts"])
            values.append(event["data"][field] if event["action"] != "delete" else None)
        after = page.get("after")
        if after is None:
            return Versions(times, values)


def registers_of(client: FaunaClient) -> list[Versions]:
    return [versions_of(client, register(k), "value") for k in range(REGISTERS)]


def check(client: FaunaClient, ops: Sequence[Op], killed: int = 0) -> None:
    """Raises AssertionError for the first thing that cannot have happened in a strictly serialisable store.

    killed: how many workers may have been killed within a query, which is then in no list.
    """
    assert [op for op in ops if op.status == "ok"], "nothing happened"
    registers = registers_of(client)
    _check_writes(registers, ops)
    _check_reads(registers, ops)
    accounts = [versions_of(client, account(k), "has") for k in range(ACCOUNTS)]
    _check_bank(accounts, ops, killed)
    _check_names(client, ops)
    _check_real_time(registers + accounts, ops)


def _check_writes(registers: list[Versions], ops: Sequence[Op]) -> None:
    """Every acknowledged write is there, at its time; no write is there twice; no refused one is there."""
    unknown = {op.asked[1] for op in ops if op.kind in ("write", "modify") and op.status == "unknown"}
    known = {op.asked[1] for op in ops if op.kind in ("write", "modify")}
    for versions in registers:
        assert versions.times == sorted(set(versions.times))
        assert len(set(versions.values)) == len(versions.values), "a write was applied twice"
    found = {
        (k, value): time
        for k, each in enumerate(registers)
        for time, value in zip(each.times, each.values)
        if value != "0"
    }
    for op in ops:
        if op.kind not in ("write", "modify"):
            continue
        time = found.get(tuple(op.asked))
        if op.status == "ok":
            assert time == op.txn, f"acknowledged write is lost or elsewhere: {op}, found {time}"
            assert (op.result if op.kind == "write" else op.result[1]) == op.txn
        elif op.status == "no":
            assert time is None, f"refused write is there: {op}"
    acknowledged = {op.asked[1] for op in ops if op.kind in ("write", "modify") and op.status == "ok"}
    for _, value in found:
        # What a killed worker was just writing is in no line of its.
        assert value in acknowledged or value in unknown or value not in known, value


def _check_reads(registers: list[Versions], ops: Sequence[Op]) -> None:
    """A read at time t sees exactly what was written at or before t, a modification what came before its own."""
    for op in ops:
        if op.status != "ok":
            continue
        if op.kind == "read":
            assert op.result == [each.at(op.txn or 0) for each in registers], f"wrong read: {op}"
        elif op.kind == "past":
            at, before = op.asked
            assert op.result == before, f"the past has changed: {op}"
            assert op.result == [each.at(at) for each in registers], f"wrong read of the past: {op}"
        elif op.kind == "modify":
            expected = registers[op.asked[0]].before(op.txn or 0)
            assert op.result[0] == expected, f"modified {op.result[0]}, not {expected}: {op}"


def _check_bank(accounts: list[Versions], ops: Sequence[Op], killed: int) -> None:
    total = ACCOUNTS * BALANCE
    for moment in sorted({moment for each in accounts for moment in each.times}):
        has = [each.at(moment) for each in accounts]
        assert sum(has) == total, (moment, has)
        assert min(has) >= 0, (moment, has)
    moved = {time for each in accounts for time in each.times[1:]}
    told = {op.txn for op in ops if op.kind == "transfer" and op.status == "ok"}
    unknown = sum(op.kind == "transfer" and op.status == "unknown" for op in ops)
    assert len(moved - told) <= unknown + killed, "a transfer was made that nobody asked for, or made twice"
    for op in ops:
        if op.status != "ok":
            continue
        if op.kind == "sum":
            by_ref, by_index = op.result
            assert sum(by_ref) == total, f"money was made or lost: {op}"
            assert sorted(by_ref) == by_index, f"index and documents differ: {op}"
            assert by_ref == [each.at(op.txn or 0) for each in accounts], f"wrong read: {op}"
        elif op.kind == "transfer":
            assert op.txn in moved, f"acknowledged transfer is lost: {op}"
            source, target, amount = op.asked
            assert accounts[source].before(op.txn) - accounts[source].at(op.txn) == amount, op
            assert accounts[target].at(op.txn) - accounts[target].before(op.txn) == amount, op


def _check_names(client: FaunaClient, ops: Sequence[Op]) -> None:
    """A name has one holder at a time, and whoever was told so has held it."""
    held: dict[str, list[tuple[int, int]]] = {}
    events = []
    after = None
    names = {op.asked for op in ops if op.kind in ("take", "retake")}
    for name in sorted(names):
        after = None
        events = []
        while True:
            page = client.query(
                q.paginate(q.events(q.match(q.index("name_of"), name)), size=1000, after=after)
            )
            events += [(e["ts"], e["action"], e["document"].id()) for e in page["data"]]
            after = page.get("after")
            if after is None:
                break
        # At one time the old holder goes before the new one comes.
        events.sort(key=lambda event: (event[0], event[1] != "remove"))
        holder = None
        for time, action, document in events:
            if action == "add":
                assert holder is None, f"{name!r} had two holders at {time}: {holder} and {document}"
                holder = document
                held.setdefault(document, []).append((time, 0))
            else:
                assert holder == document, (name, time, holder, document)
                holder = None
        current = client.query(q.count(q.match(q.index("name_of"), name)))
        assert current == (holder is not None)
    for op in ops:
        if op.kind in ("take", "retake") and op.status == "ok":
            assert [time for time, _ in held.get(op.result, [])] == [op.txn], (
                f"acknowledged create is lost: {op}"
            )
    wrong = [
        op for op in ops if op.kind == "take" and op.error.startswith("400") and "unique" not in op.error
    ]
    assert not wrong, wrong[:3]


WRITES = ("write", "modify", "transfer", "take", "retake")


def _check_real_time(documents: list[Versions], ops: Sequence[Op]) -> None:
    """What was answered before another query began comes before it in the order of transaction times.

    A read's place may be later than its time says, as long as nothing was written in between.
    """
    times = sorted({time for each in documents for time in each.times})
    good = sorted((op for op in ops if op.txn is not None and op.kind != "past"), key=lambda op: op.start)
    ended = sorted(good, key=lambda op: op.end)
    assert len({op.txn for op in good if op.kind in WRITES}) == sum(op.kind in WRITES for op in good)
    newest, place = 0, 0
    for op in good:
        while place < len(ended) and ended[place].end < op.start:
            newest = max(newest, ended[place].txn or 0)
            place += 1
        assert op.txn is not None
        if op.kind in WRITES:
            assert op.txn > newest, f"a write at {op.txn} after {newest} had been seen: {op}"
        elif op.txn < newest:
            between = times[bisect_right(times, op.txn) : bisect_right(times, newest)]
            assert not between, f"a read at {op.txn} after {newest} had been seen misses {between[:3]}: {op}"


# ---- streams ----------------------------------------------------------------------------------------------------


class Watcher:
    """A stream on each register, read to its end in threads."""

    def __init__(self, client: FaunaClient):
        self.client = client
        self.events: list[queue.Queue[Any]] = []
        self.streams = []
        for k in range(REGISTERS):
            events: queue.Queue[Any] = queue.Queue()
            begun = threading.Event()
            stream = client.stream(
                register(k),
                on_start=lambda _event, begun=begun: begun.set(),
                on_version=events.put,
                on_error=events.put,
            )
            threading.Thread(target=stream.start, daemon=True).start()
            assert begun.wait(20)
            self.events.append(events)
            self.streams.append(stream)

    def close(self) -> None:
        for stream in self.streams:
            stream.close()

    def check(self) -> None:
        """Every version but the first (written before) came, once, in order, and nothing else did."""
        registers = registers_of(self.client)
        for events, versions in zip(self.events, registers):
            for time, value in list(zip(versions.times, versions.values))[1:]:
                event = events.get(timeout=20)
                assert event.type == "version", event
                document = event.event["document"]
                assert (event.txn, document["ts"], document["data"]["value"]) == (time, time, value)
            assert events.empty(), events.get()
