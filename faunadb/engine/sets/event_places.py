"""Events of histories, their order, and the places between them (sets and reads, "Events")."""

from __future__ import annotations

import math
from typing import Any, Optional

from ..language import values as v
from ..records import NamedTuple

#: Order of the actions at one time in merged histories.
RANK = {"add": 0, "create": 1, "update": 2, "delete": 3, "remove": 4}

#: Order of removes and adds at one time in a leaf set.
REMOVED, ADDED = 0, 1


class Event(NamedTuple):
    """One event. Its first four members are its place among the events of a leaf set.

    document_event: the event as a value, for events of documents. cover: stored JSON of the values, "" without any.
    """

    ts: int
    phase: int
    ref: bytes
    values: bytes
    cover: str
    action: str
    scope: int
    coll: int
    doc: int
    document_event: Optional[v.DocumentEvent]
    sources: tuple[v.SetValue, ...]

    @property
    def document(self) -> v.Ref:
        return v.Ref(self.scope, self.coll, self.doc)

    @property
    def merge_key(self) -> tuple[int, bytes, bytes]:
        """The order of events of merged histories at one time."""
        return (RANK[self.action], self.ref, self.values)


class Cut(NamedTuple):
    """A place between events: before the first `Event` that is not less than key, its beginning.

    whole: for merged histories, whether all events at its time come after it. exact: it names one event. action: that
    event's, if it is given.
    """

    key: tuple[Any, ...]
    whole: bool = False
    exact: bool = False
    action: Optional[str] = None

    @property
    def ts(self) -> float:
        return self.key[0]  # type: ignore[no-any-return]


END_OF_TIME = Cut((math.inf,))


def phase_of(action: str) -> int:
    return REMOVED if action in ("remove", "delete") else ADDED


def place_of(events: list[Event], cut: Cut) -> int:
    """The place, among the events at one time, of a cut that names an event: at that event, or where it would be."""
    key = cut.key
    same = [index for index, event in enumerate(events) if event[: len(key)] == key]
    if same:
        return next((index for index in same if events[index].action == cut.action), same[0])
    _, phase, ref, *rest = key
    sought = (RANK["add" if phase == ADDED else "remove"], ref, rest[0] if rest else b"")
    for index, event in enumerate(events):
        if event.merge_key >= sought:
            return index
    return len(events)
