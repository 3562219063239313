"""Index entries: the present, the past, bounds, directions, ending and reviving."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest

from faunadb.engine.storage import EntryRow, Snapshot, Store, Transaction
from faunadb.engine.storage.read_set import Changes
from tests.engine.storage.places import COLL, INDEX, SCOPE, add, end, values_of

LOWEST, HIGHEST = -(2**63), 2**63 - 1
KEYS = [b"", b"\0", b"\0\0", b"\1", b"a", b"a\0", b"aa", b"a\xff", b"b", b"\xff", b"\xff\xff"]


@pytest.fixture
def keyed(store: Store) -> Store:
    def work(tx: Transaction) -> None:
        for number, key in enumerate(reversed(KEYS)):
            tx.add_entry(SCOPE, INDEX, b"t", key, COLL, number, None, None)
        tx.add_entry(SCOPE, INDEX, b"t\0", b"other", COLL, 99, None, None)
        tx.add_entry(SCOPE, INDEX, b"", b"other", COLL, 99, None, None)
        tx.add_entry(SCOPE, INDEX + 1, b"t", b"other", COLL, 99, None, None)

    store.write(work)
    return store


BOUNDS = list(
    itertools.product(
        [None, b"", b"a", b"a\0", b"\xff\xff\xff"],
        [None, b"", b"aa", b"b", b"\xff\xff\xff"],
        [False, True],
        [None, 0, 1, 3, 100],
    )
)


def test_bounds_direction_and_limit(keyed: Store) -> None:
    with keyed.snapshot() as snapshot:
        for lower, upper, reverse, limit in BOUNDS:
            expected = [k for k in KEYS if (lower is None or k >= lower) and (upper is None or k < upper)]
            expected = (expected[::-1] if reverse else expected)[:limit]
            for at in (None, snapshot.time):
                found = snapshot.entries(
                    SCOPE, INDEX, b"t", lower=lower, upper=upper, reverse=reverse, limit=limit, at=at
                )
                assert values_of(found) == expected, (lower, upper, reverse, limit, at)


def test_fields_of_an_entry(store: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.add_entry(SCOPE, INDEX, b"t", b"v", COLL, 42, '["covered"]', 123)

    _, txn = store.write(work)
    row = EntryRow(b"v", COLL, 42, '["covered"]', 123, txn, None)
    with store.snapshot() as snapshot:
        assert list(snapshot.entries(SCOPE, INDEX, b"t")) == [row]
        assert list(snapshot.history(SCOPE, INDEX, b"t")) == [row]
    _, ended = store.write(lambda tx: tx.end_entry(SCOPE, INDEX, b"t", b"v"))
    with store.snapshot() as snapshot:
        assert list(snapshot.entries(SCOPE, INDEX, b"t")) == []
        past = row._replace(removed=ended)
        assert list(snapshot.entries(SCOPE, INDEX, b"t", at=txn)) == [past]
        assert list(snapshot.history(SCOPE, INDEX, b"t")) == [past]


def test_the_first_entry(keyed: Store) -> None:
    """As `entries` has it, noted as read up to and including it; of one that expires, no collection is told."""

    def work(tx: Transaction) -> None:
        tx.add_entry(SCOPE, INDEX, b"covered", b"key", COLL, 42, '["\u00fc"]', None)
        tx.add_entry(SCOPE, INDEX, b"expiring", b"key", COLL, 43, None, 2**50)

    def changed(terms: bytes, values: bytes) -> Changes:
        changes = Changes()
        changes.entry(SCOPE, INDEX, terms, values)
        return changes

    def look(snapshot: Snapshot) -> None:
        assert snapshot.first_entry(SCOPE, INDEX, b"covered") == (COLL, 42, 3 + 5)
        assert snapshot.first_entry(SCOPE, INDEX, b"t") == (COLL, len(KEYS) - 1, 0)
        assert (snapshot.first_entry(SCOPE, INDEX, b"expiring") or ())[0] is None
        assert snapshot.first_entry(SCOPE, INDEX, b"nothing") is None

    keyed.write(lambda tx: (work(tx), look(tx)))
    with keyed.snapshot() as snapshot:
        look(snapshot)
        reads = snapshot.reads
        assert reads.touched_by(changed(b"covered", b"key"))
        assert reads.touched_by(changed(b"covered", b"before"))
        assert not reads.touched_by(changed(b"covered", b"key later"))
        assert reads.touched_by(changed(b"nothing", b"at all"))


def test_the_past_is_merged_from_live_and_ended(store: Store) -> None:
    def work(tx: Transaction) -> None:
        for number in range(300):
            key = b"%04d" % number
            if number % 3:
                add(tx, key, added=100)
            else:
                tx.put_past_entry(SCOPE, INDEX, b"", key, COLL, 1, None, None, 100, 200)

    store.write(work)
    everything = [b"%04d" % number for number in range(300)]
    still = [key for number, key in enumerate(everything) if number % 3]
    with store.snapshot() as snapshot:
        for at, expected in [(99, []), (100, everything), (199, everything), (200, still), (None, still)]:
            assert values_of(snapshot.entries(SCOPE, INDEX, b"", at=at)) == expected
            backward = snapshot.entries(SCOPE, INDEX, b"", at=at, reverse=True)
            assert values_of(backward) == expected[::-1]
        page = snapshot.entries(SCOPE, INDEX, b"", at=150, lower=b"0100", upper=b"0200", limit=70)
        assert values_of(page) == everything[100:170]
        page = snapshot.entries(
            SCOPE, INDEX, b"", at=150, lower=b"0100", upper=b"0200", limit=70, reverse=True
        )
        assert values_of(page) == everything[130:200][::-1]


def test_history_in_order_and_since(store: Store) -> None:
    def work(tx: Transaction) -> None:
        for number in range(1100):
            tx.put_past_entry(SCOPE, INDEX, b"", b"k", COLL, 1, None, None, number, number + 1)
        add(tx, b"k", added=2000)
        add(tx, b"a", added=5)

    store.write(work)
    with store.snapshot() as snapshot:
        spans = [(row.values, row.added, row.removed) for row in snapshot.history(SCOPE, INDEX, b"")]
        expected = [(b"a", 5, None)] + [(b"k", n, n + 1) for n in range(1100)] + [(b"k", 2000, None)]
        assert spans == expected
        since = [(row.values, row.added) for row in snapshot.history(SCOPE, INDEX, b"", since=1098)]
        assert since == [(b"a", 5), (b"k", 1098), (b"k", 1099), (b"k", 2000)]


def test_an_entry_added_and_ended_at_once_leaves_nothing(store: Store) -> None:
    def work(tx: Transaction) -> None:
        add(tx, b"k")
        end(tx, b"k")

    store.write(work)
    with store.snapshot() as snapshot:
        assert list(snapshot.history(SCOPE, INDEX, b"")) == []


def test_an_entry_ended_in_this_transaction_is_revived(store: Store) -> None:
    _, begun = store.write(lambda tx: add(tx, b"k"))

    def work(tx: Transaction) -> None:
        end(tx, b"k")
        add(tx, b"k", 2, added=begun)

    store.write(work)
    with store.snapshot() as snapshot:
        (row,) = snapshot.history(SCOPE, INDEX, b"")
        assert (row.added, row.removed, row.doc) == (begun, None, 2)


def test_an_entry_ended_earlier_is_not_revived(store: Store) -> None:
    _, begun = store.write(lambda tx: add(tx, b"k"))
    _, ended = store.write(lambda tx: end(tx, b"k"))
    _, again = store.write(lambda tx: add(tx, b"k"))
    with store.snapshot() as snapshot:
        spans = [(row.added, row.removed) for row in snapshot.history(SCOPE, INDEX, b"")]
        assert spans == [(begun, ended), (again, None)]


def test_an_entry_may_begin_where_one_has_ended_in_the_same_transaction(store: Store) -> None:
    _, begun = store.write(lambda tx: add(tx, b"k"))

    def work(tx: Transaction) -> int:
        tx.put_version(SCOPE, COLL, 1, tx.txn, True, None, "{}", first=True)
        tx.add_entry(SCOPE, INDEX, b"t", b"other", COLL, 1, None, None)
        end(tx, b"k")
        add(tx, b"k", 2)
        return tx.bytes_written

    written, at = store.write(work)
    assert written == 32 + 2 + len(b"t" + b"other" + b"k" + b"k")
    with store.snapshot() as snapshot:
        spans = [(row.values, row.doc, row.added, row.removed) for row in snapshot.history(SCOPE, INDEX, b"")]
    assert spans == [(b"k", 1, begun, at), (b"k", 2, at, None)]


def test_ending_what_is_not_there_writes_nothing(store: Store) -> None:
    assert store.write(lambda tx: end(tx, b"absent"))[1] is None


def test_drop_entry_looks_in_both_tables(store: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.put_past_entry(SCOPE, INDEX, b"", b"k", COLL, 1, None, None, 10, 20)
        add(tx, b"k", added=30)

    store.write(work)
    assert store.write(lambda tx: tx.drop_entry(SCOPE, INDEX, b"", b"k", 11))[1] is None
    assert store.write(lambda tx: tx.drop_entry(SCOPE, INDEX, b"", b"k", 10))[1] is not None
    with store.snapshot() as snapshot:
        assert [row.added for row in snapshot.history(SCOPE, INDEX, b"")] == [30]
    store.write(lambda tx: tx.drop_entry(SCOPE, INDEX, b"", b"k", 30))
    with store.snapshot() as snapshot:
        assert list(snapshot.history(SCOPE, INDEX, b"")) == []


def test_a_scan_stays_valid_while_its_transaction_writes(store: Store) -> None:
    def fill(tx: Transaction) -> None:
        for number in range(2000):
            add(tx, b"%05d" % number, number)

    store.write(fill)

    def work(tx: Transaction) -> list[bytes]:
        seen = []
        for row in tx.entries(SCOPE, INDEX, b""):
            seen.append(row.values)
            end(tx, row.values)
            add(tx, b"moved" + row.values, row.doc, terms=b"elsewhere")
        return seen

    seen, _ = store.write(work)
    assert seen == [b"%05d" % number for number in range(2000)]
    with store.snapshot() as snapshot:
        assert list(snapshot.entries(SCOPE, INDEX, b"")) == []
        assert len(list(snapshot.entries(SCOPE, INDEX, b"elsewhere"))) == 2000


@pytest.mark.parametrize("length", [1000, 1001, 1023, 1024, 1025, 3000, 32_767])
def test_long_keys(store: Store, length: int) -> None:
    """Keys may be longer than what some databases take into an index."""
    stem = b"s" * (length - 1)
    terms = b"t" * length
    keys = sorted([stem + bytes([n]) for n in (0, 1, 7, 200, 255)] + [stem, stem[:-1] + b"z", b"s", b"x"])

    def work(tx: Transaction) -> None:
        for number, key in enumerate(reversed(keys)):
            add(tx, key, number, terms=terms)
        add(tx, b"decoy", terms=terms[:-1] + b"u")

    _, begun = store.write(work)
    with store.snapshot() as snapshot:
        assert values_of(snapshot.entries(SCOPE, INDEX, terms)) == keys
        assert values_of(snapshot.entries(SCOPE, INDEX, terms, reverse=True)) == keys[::-1]
        for low in keys:
            for high in keys:
                expected = [key for key in keys if low <= key < high]
                found = snapshot.entries(SCOPE, INDEX, terms, lower=low, upper=high)
                assert values_of(found) == expected
                found = snapshot.entries(SCOPE, INDEX, terms, lower=low, upper=high, reverse=True, limit=2)
                assert values_of(found) == expected[::-1][:2]
    gone = keys[::2]
    store.write(lambda tx: [end(tx, key, terms=terms) for key in gone])
    with store.snapshot() as snapshot:
        assert values_of(snapshot.entries(SCOPE, INDEX, terms)) == keys[1::2]
        assert values_of(snapshot.entries(SCOPE, INDEX, terms, at=begun)) == keys
        assert values_of(snapshot.entries(SCOPE, INDEX, terms, at=begun, reverse=True)) == keys[::-1]
        assert values_of(snapshot.history(SCOPE, INDEX, terms)) == keys
    assert store.check() == [] or store.check()[0].startswith("entry of a document that is not there")


def test_many_long_keys_with_one_prefix(store: Store) -> None:
    stem = b"p" * 2000
    keys = [stem + b"%04d" % number for number in range(700)]

    def work(tx: Transaction) -> None:
        for number, key in enumerate(keys):
            add(tx, key, number)
            tx.put_past_entry(SCOPE, INDEX, b"past", key, COLL, number, None, None, 10, 20)

    store.write(work)
    with store.snapshot() as snapshot:
        assert values_of(snapshot.entries(SCOPE, INDEX, b"")) == keys
        assert values_of(snapshot.entries(SCOPE, INDEX, b"", reverse=True)) == keys[::-1]
        assert values_of(snapshot.entries(SCOPE, INDEX, b"past", at=15)) == keys
        assert values_of(snapshot.history(SCOPE, INDEX, b"past")) == keys
        middle = snapshot.entries(SCOPE, INDEX, b"", lower=keys[100], upper=keys[600])
        assert values_of(middle) == keys[100:600]


def test_memory_stays_flat_in_a_long_scan(store: Store) -> None:
    cover = '["' + "x" * 200 + '"]'

    def fill(tx: Transaction) -> None:
        for number in range(20_000):
            tx.add_entry(SCOPE, INDEX, b"", b"%06d" % number, COLL, number, cover, None)

    store.write(fill)
    with store.snapshot() as snapshot:
        count = 0
        next(snapshot.entries(SCOPE, INDEX, b""))
        tracemalloc.start()
        try:
            for _ in snapshot.entries(SCOPE, INDEX, b""):
                count += 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 20_000
    assert peak < 2_000_000  # 20,000 rows at once would be over 10 MB


def test_changes_of_a_span_of_time(store: Store) -> None:
    """Entry n is there from 10 n; every third ended at 10 n + 25, so that at some times one comes and another goes."""
    whole = b"long" * 2000  # terms beyond what the backends keep in their keys

    def work(tx: Transaction) -> None:
        for number in range(200):
            place = (SCOPE, INDEX, whole, b"v%03d" % number, COLL, number, None, None)
            if number % 3:
                tx.add_entry(*place, number * 10)
            else:
                tx.put_past_entry(*place, number * 10, number * 10 + 25)
        tx.add_entry(SCOPE, INDEX, b"", b"other", COLL, 7, None, None, 50)

    store.write(work)
    spans = [(number * 10, None if number % 3 else number * 10 + 25) for number in range(200)]
    times = sorted([time for span in spans for time in span if time is not None])
    with store.snapshot() as snapshot:
        for lower, upper, limit in itertools.product(
            (LOWEST, 0, 995, 1000), (-1, 0, 995, 1000, 1025, HIGHEST), (1, 7, 900)
        ):
            between = [time for time in times if lower <= time <= upper]
            for reverse in (False, True):
                found = snapshot.change_times(
                    SCOPE, INDEX, whole, lower=lower, upper=upper, reverse=reverse, limit=limit
                )
                assert found == (between[::-1] if reverse else between)[:limit]
            rows = snapshot.changes(SCOPE, INDEX, whole, lower=lower, upper=upper)
            assert sorted((row.added, row.removed, row.values) for row in rows) == sorted(
                (added, removed, b"v%03d" % number)
                for number, (added, removed) in enumerate(spans)
                if lower <= added <= upper or (removed is not None and lower <= removed <= upper)
            )
