"""Finds damage in a store: its file, the checksum of every version, index entries against documents, the commit log
against history. And what is no damage, but should be known: several documents with one entry in a unique index."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Optional

from ..engine import Engine
from ..records import NamedTuple
from ..storage import Store, StoreUnavailable
from ..storage.base import Finding, Progress, ignore_progress
from ..storage.sql_snapshot import SqlSnapshot
from . import log, uniqueness
from .inventory import Inventory
from .spans import Comparison

#: Errors that damaged numbers, keys and texts may cause where they are read.
_UNREADABLE = (StoreUnavailable, ValueError, LookupError, TypeError, AttributeError, struct.error)


class Problem(NamedTuple):
    """One piece of damage, or (``damage`` is False) what queries may have made. where: in words, "" for the whole store."""

    what: str
    where: str
    damage: bool = True

    def __str__(self) -> str:
        return f"{self.what}: {self.where}" if self.where else self.what


def problems(store: Store, progress: Progress = ignore_progress) -> Iterator[Problem]:
    """The damage in a store, and documents that share an entry of a unique index.

    Others may write to it meanwhile: each part of the check is of one snapshot. progress: called with a number of rows
    whenever so many more have been looked at. Nothing is written, and no background work is begun. Raises
    :class:`StoreUnavailable` when the store cannot be reached.
    """
    with store.inspect() as snap:
        assert isinstance(snap, SqlSnapshot)
        inventory = _inventory(snap)
    for finding in store.findings(progress):
        yield _problem(inventory, finding)
    if inventory is None:
        yield Problem("the schema cannot be read, so nothing was compared with it", "")
        return
    with store.inspect() as snap:
        assert isinstance(snap, SqlSnapshot)
        try:
            current = Inventory(snap)
            clock = time.time_ns() // 1000
            comparison = Comparison(Engine(store, secret=""), snap, current, progress)
            for finding in comparison.findings():
                yield _problem(current, finding)
            for finding in log.findings(snap, current, progress, clock):
                yield _problem(current, finding)
            for finding in uniqueness.findings(snap, current, progress, clock):
                yield _problem(current, finding, damage=False)
        except _UNREADABLE as error:
            yield Problem(f"not all could be compared: {type(error).__name__}: {error}", "")


def _inventory(snap: SqlSnapshot) -> Optional[Inventory]:
    """The schema; None when it is too damaged to be read."""
    try:
        return Inventory(snap)
    except _UNREADABLE:
        return None


def _problem(inventory: Optional[Inventory], finding: Finding, damage: bool = True) -> Problem:
    where = finding.where
    words = ", ".join(f"{n} {x}" for n, x in where) if inventory is None else inventory.words(where)
    return Problem(finding.what, words, damage)
