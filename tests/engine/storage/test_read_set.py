"""Read sets and changes: whether what was read is still so, by document, range of entries, counter and setting."""

from __future__ import annotations

import random
from typing import Any, Callable

import pytest

from faunadb.engine.storage import Snapshot, Store, Transaction, read_set
from faunadb.engine.storage.read_set import Changes, ReadSet, document_of
from tests.engine.storage import places
from tests.engine.storage.places import COLL, INDEX, SCOPE, add, end, put

Read = Callable[[Snapshot], Any]
Write = Callable[[Transaction], Any]


def entries(lower: Any = None, upper: Any = None, **more: Any) -> Read:
    return lambda snap: list(snap.entries(SCOPE, INDEX, b"", lower=lower, upper=upper, **more))


def entry(values: bytes, terms: bytes = b"") -> Write:
    return lambda tx: add(tx, values, terms=terms)


LONG = b"x" * 300

#: What was read, what was changed then, and whether that touches it.
CASES: dict[str, tuple[Read, Write, bool]] = {
    "a document": (lambda s: s.version(SCOPE, COLL, 1), lambda tx: put(tx, 1), True),
    "another document": (lambda s: s.version(SCOPE, COLL, 1), lambda tx: put(tx, 2), False),
    "one whose number begins alike": (lambda s: s.version(SCOPE, COLL, 1), lambda tx: put(tx, 11), False),
    "an absent document": (lambda s: s.version(SCOPE, COLL, 9), lambda tx: put(tx, 9), True),
    "a document in the past": (
        lambda s: s.version(SCOPE, COLL, 1, 5),
        lambda tx: places.delete(tx, 1, ts=3),
        True,
    ),
    "versions": (lambda s: list(s.versions(SCOPE, COLL, 1)), lambda tx: put(tx, 1, ts=3), True),
    "versions, one dropped": (
        lambda s: list(s.versions(SCOPE, COLL, 1)),
        lambda tx: tx.drop_version(SCOPE, COLL, 1, s_ts(tx)),
        True,
    ),
    "a new entry in the set": (entries(), entry(b"b5"), True),
    "a new entry in another set": (entries(), entry(b"b5", b"t"), False),
    "a new entry above the range": (entries(b"b", b"c"), entry(b"c"), False),
    "a new entry below the range": (entries(b"b", b"c"), entry(b"a9"), False),
    "a new entry at the lower end": (entries(b"b", b"c"), entry(b"b"), True),
    "an entry ended": (entries(b"a", b"b"), lambda tx: end(tx, b"a1"), True),
    "an entry ended beyond the limit": (entries(limit=1), lambda tx: end(tx, b"a3"), False),
    "an entry added beyond the limit": (entries(limit=2), entry(b"a2\x00"), False),
    "an entry added within the limit": (entries(limit=2), entry(b"a1\x00"), True),
    "backwards, beyond the limit": (entries(limit=1, reverse=True), entry(b"a2"), False),
    "backwards, within the limit": (entries(limit=1, reverse=True), entry(b"a4"), True),
    "fewer than the limit": (entries(limit=9), entry(b"zz"), True),
    "long values": (entries(LONG, LONG + b"y"), entry(LONG + b"a"), True),
    "long bounds, short values": (entries(LONG), entry(b"x"), False),
    "long terms": (
        lambda s: list(s.entries(SCOPE, INDEX, LONG)),
        entry(b"a", LONG),
        True,
    ),
    "other long terms": (lambda s: list(s.entries(SCOPE, INDEX, LONG)), entry(b"a", LONG + b"y"), False),
    "history": (
        lambda s: list(s.history(SCOPE, INDEX, b"")),
        lambda tx: tx.put_past_entry(SCOPE, INDEX, b"", b"q", COLL, 1, None, None, 1, 2),
        True,
    ),
    "change times": (
        lambda s: s.change_times(SCOPE, INDEX, b"", lower=0, upper=9, limit=1),
        entry(b"x"),
        True,
    ),
    "an entry dropped": (
        entries(),
        lambda tx: tx.drop_entry(SCOPE, INDEX, b"", b"a1", next(tx.entries(SCOPE, INDEX, b"")).added),
        True,
    ),
    "a scan": (lambda s: s.scan_documents(SCOPE, COLL, limit=1), lambda tx: put(tx, 99), True),
    "a scan elsewhere": (
        lambda s: s.scan_documents(SCOPE, COLL, limit=1),
        lambda tx: put(tx, 99, coll=COLL + 1),
        False,
    ),
    "a counter": (lambda s: s.counter("c"), lambda tx: tx.next_counter("c"), True),
    "another counter": (lambda s: s.counter("c"), lambda tx: tx.next_counter("cc"), False),
    "a setting": (lambda s: s.setting("c/1"), lambda tx: tx.set_setting("c/1", ""), True),
    "the schema": (lambda s: s.version(SCOPE, COLL, 1), lambda tx: tx.bump_schema(), True),
    "the schema, and nothing else": (lambda s: None, lambda tx: tx.bump_schema(), True),
    "a purged index": (entries(), lambda tx: tx.purge_index(SCOPE, INDEX, 9), True),
    "another purged index": (entries(), lambda tx: (put(tx, 5), tx.purge_index(SCOPE, INDEX + 1, 9)), False),
    "a purged collection": (
        lambda s: s.version(SCOPE, COLL, 1),
        lambda tx: tx.purge_collection(SCOPE, COLL, 9),
        True,
    ),
    "a purged database": (
        lambda s: (s.version(SCOPE, COLL, 1), s.scan_documents(SCOPE, COLL, limit=9)),
        lambda tx: tx.purge_scope(SCOPE, 9),
        True,
    ),
}


def s_ts(tx: Transaction) -> int:
    version = tx.version(SCOPE, COLL, 1)
    assert version is not None
    return version.ts


@pytest.mark.parametrize("name", CASES)
def test_touches(store: Store, name: str) -> None:
    read, write, touches = CASES[name]

    def fill(tx: Transaction) -> None:
        put(tx, 1)
        for values in (b"a1", b"a2", b"a3"):
            add(tx, values)

    store.write(fill)
    with store.snapshot() as snapshot:
        reads = snapshot.note_reads()
        read(snapshot)
        before = snapshot.last_txn
    _, txn = store.write(write)
    with store.snapshot() as snapshot:
        changed = snapshot.changed(before)
    assert [at for at, _ in changed] == [txn]
    found = reads.changed_since(changed)
    assert (found is not None) is touches
    if found is not None:
        assert found[0] == txn
    # A read set that takes in another one answers for both.
    both = ReadSet()
    both.include(reads)
    assert (both.changed_since(changed) is not None) is touches


def test_reads_of_one_query_only(store: Store) -> None:
    with store.snapshot() as snapshot:
        first = snapshot.note_reads()
        snapshot.version(SCOPE, COLL, 1)
        second = snapshot.note_reads()
        snapshot.version(SCOPE, COLL, 2)
    assert [read.path for read in first] == [f"{SCOPE}/d/{COLL}/1/"]
    assert [read.path for read in second] == [f"{SCOPE}/d/{COLL}/2/"]
    assert document_of(f"{SCOPE}/d/{COLL}/2/") == (SCOPE, COLL, 2)
    assert document_of(f"{SCOPE}/e/{COLL}/2/") is None


def test_until_the_first_thing_expires(store: Store) -> None:
    def fill(tx: Transaction) -> int:
        put(tx, 1, ttl=tx.txn + 60_000_000)
        put(tx, 2, ttl=tx.txn + 30_000_000)
        put(tx, 3, ttl=5)
        tx.add_entry(SCOPE, INDEX, b"", b"v", COLL, 4, None, tx.txn + 20_000_000)
        return tx.txn

    txn = store.write(fill)[0]
    with store.snapshot() as snapshot:
        reads = snapshot.note_reads()
        snapshot.version(SCOPE, COLL, 3)
        assert reads.until is None
        snapshot.version(SCOPE, COLL, 1)
        snapshot.version(SCOPE, COLL, 2)
        assert reads.until == txn + 30_000_000
        list(snapshot.entries(SCOPE, INDEX, b""))
        assert reads.until == txn + 20_000_000


def test_of_very_much_whole_collections_and_indexes_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_set, "MAX_READ", 10)
    monkeypatch.setattr(read_set, "MAX_CHANGED", 10)
    reads, changes = ReadSet(), Changes()
    for number in range(20):
        reads.document(0, 1024, number)
        reads.range(0, 5, b"%d" % number)
        changes.document(0, 1025, number)
        changes.entry(0, 6, b"", b"%d" % number)
    changes.name("c")
    changes = Changes.parse(changes.text())
    assert len(list(reads)) <= 20  # of 40
    assert changes.wide == {"0/d/1025/", "0/e/6/", "n/c"}
    for place, touched in (((0, 1024, 99), True), ((0, 1025, 99), False), ((1, 1024, 1), False)):
        one = Changes()
        one.document(*place)
        assert bool(reads.touched_by(one)) is touched
    for read, touched in (((0, 1025, 99), True), ((0, 102, 5), False)):
        alone = ReadSet()
        alone.document(*read)
        assert bool(alone.touched_by(changes)) is touched
    named = ReadSet()
    named.name("c")
    assert named.touched_by(changes)


def test_never_too_little() -> None:
    """Random ranges and values of one set: every change within a range is found, and, of short ones, no other."""
    rng = random.Random(1)

    def values() -> bytes:
        return bytes(rng.choices(b"ab\x00\xff", k=rng.choice((0, 1, 2, 3, 255, 256, 257, 300))))

    found = 0
    for _ in range(3000):
        reads, changes = ReadSet(), Changes()
        low, up = (rng.choice((None, values())) for _ in range(2))
        value = values()
        reads.range(0, 1, b"", low, up)
        changes.entry(0, 1, b"", value)
        within = (low is None or low <= value) and (up is None or value < up)
        touched = bool(reads.touched_by(Changes.parse(changes.text())))
        found += within
        assert touched or not within, (low, up, value)
        if all(len(each) <= 256 for each in (low or b"", up or b"", value)):
            assert touched == within, (low, up, value)
    assert found > 100


def _names(changes: Changes) -> None:
    changes.name('a "quoted"\\ name')


def _everything(changes: Changes) -> None:
    changes.all_of("0/d/1025/")


@pytest.mark.parametrize("more", [lambda changes: None, _names, _everything], ids=["plain", "names", "wide"])
def test_the_text_of_changes_holds_all_of_them(more: Callable[[Changes], None]) -> None:
    changes = Changes()
    assert Changes.parse(changes.text()).at == {}
    more(changes)
    changes.document(0, 1024, 1)
    changes.created("0/d/1024/2/", "0/e/1024//", b"\x01")
    changes.created("0/d/1024/3/", "0/e/1024//", b"\x02")
    changes.entry(0, 32768, b"t", b"\x03")
    changes.entry(0, 32769, LONG, LONG)
    changes.entry(0, 32769, LONG, b"\x04")  # any may have changed there
    read = Changes.parse(changes.text())
    assert (read.at, read.wide) == (changes.at, changes.wide)
    assert read.at["0/e/1024//"] == {"01", "02"}
    assert read.at[read_set.place_path(0, 32769, LONG)] is None
