"""The number that stands for a time not known yet: found wherever it was written, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from faunadb.engine.indexes import keys
from faunadb.engine.storage import open_store
from faunadb.engine.storage.overlay import Overlay
from faunadb.engine.storage.read_set import Changes, ReadSet
from faunadb.engine.storage.unresolved import Forms, draw


@pytest.mark.parametrize("_", range(50))
@pytest.mark.parametrize(
    "form",
    [
        lambda time: str(time).encode(),
        keys.encode,
        lambda time: keys.complement(keys.encode(time)),
        lambda time: keys.encode([1, time, "a"]),
    ],
    ids=["digits", "number", "descending", "array"],
)
def test_a_time_is_found_in_a_key_and_replaced(form: Any, _: int) -> None:
    time, other = draw(), draw()
    forms = Forms(time)
    assert forms.in_key(b"before" + form(time) + b"after")
    assert not forms.in_key(form(other))
    assert forms.key(form(time), 1_700_000_000_000_000) == form(1_700_000_000_000_000)
    assert forms.key(form(other), 1_700_000_000_000_000) == form(other)


def test_a_time_is_found_in_a_text_and_replaced() -> None:
    time, other = draw(), draw()
    forms = Forms(time)
    assert forms.in_text(f'{{"ts":{time}}}')
    assert not forms.in_text(f'{{"ts":{other}}}')
    assert forms.text(f"[{time},{other},{time}]", 17) == f"[17,{other},17]"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("write", ["add", "end", "past"])
def test_who_reads_a_range_of_times_may_not_miss_one_that_is_not_known_yet(write: str, reverse: bool) -> None:
    """The number is later than all times, but the time will be within the range: `ts` as a value of an index, and a range
    up to a time in the near future, in two transactions that are committed together."""

    def place(time: int) -> bytes:
        return keys.encode_directed(time, reverse)

    reads = ReadSet()
    reads.range(0, 32768, b"term", *sorted((place(1_700_000_000_000_000), place(1_900_000_000_000_000))))
    with open_store("sqlite://") as store, store.snapshot() as snapshot, Overlay(snapshot) as tx:
        entry = (0, 32768, b"term", place(tx.txn))
        if write == "past":
            tx.put_past_entry(*entry, 1024, 1, None, None, 1, 2)
        else:
            tx.add_entry(*entry, 1024, 1, None, None)
        if write == "end":
            tx.end_entry(*entry)
        assert reads.touched_by(tx.writes.touched)
        both = Changes()
        both.include(tx.writes.touched)
        assert reads.touched_by(both)
        assert not reads.touched_by(Changes.parse(tx.writes.touched.text())), (
            "it is for the log with its time only"
        )
        with Overlay(snapshot) as other:
            other.add_entry(*entry[:3], place(other.txn), 1024, 2, None, None)
            assert not other.writes.touched.meets(tx.writes.touched), "their times are not the same"
