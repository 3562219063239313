"""Makes index entries anew from the versions of their documents, while others read and write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from ..engine import Engine
from ..language import values as v
from ..storage import Snapshot, Store
from ..storage.base import Progress, Transaction, ignore_progress
from ..storage.sql_snapshot import SqlSnapshot
from .inventory import Inventory
from .spans import Comparison, Difference, Life

#: How many entries are mended in one transaction.
STEP = 500


class Repaired(NamedTuple):
    """How many entries were made anew or removed, and how many were left as they are."""

    mended: int
    left: int


def repair(store: Store, progress: Progress = ignore_progress) -> Repaired:
    """Make the entries of indexes agree with the versions that are there.

    Entries of documents that somebody writes meanwhile are left alone. Raises :class:`StoreUnavailable` when the store
    cannot be reached.
    """
    mended = left = 0
    with store.inspect() as snap:
        assert isinstance(snap, SqlSnapshot)
        comparison = Comparison(Engine(store, secret=""), snap, Inventory(snap), progress)
        for step in _steps(comparison.differences()):
            done = store.write(lambda tx, step=step: _mend(tx, snap, step))[0]  # type: ignore[misc]
            mended += done
            left += len(step) - done
    return Repaired(mended, left)


def _steps(differences: Iterable[Difference]) -> Iterator[list[Difference]]:
    rest = iter(differences)
    while step := list(islice(rest, STEP)):
        yield step


def _mend(tx: Transaction, snap: Snapshot, step: list[Difference]) -> int:
    """Mend the differences found in a snapshot whose documents have not changed since; return how many."""
    done = 0
    for difference in step:
        origin = difference.origin
        if list(tx.versions(*origin)) != list(snap.versions(*origin)):
            continue
        done += 1
        wanted, found = difference.wanted, difference.found
        if found is not None:
            tx.drop_entry(*found.place[:4], found.began)
        if wanted is not None:
            _put(tx, wanted)
        if origin[1] < v.FIRST_COLLECTION:
            tx.bump_schema()
    return done


def _put(tx: Transaction, life: Life) -> None:
    if life.removed is None:
        tx.add_entry(*life.place, life.cover, life.ttl, life.began)
    else:
        tx.put_past_entry(*life.place, life.cover, life.ttl, life.began, life.removed)
