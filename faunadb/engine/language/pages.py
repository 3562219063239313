"""Pages and what is in them: events with their actions and times, and cursors (evaluation rules, "Values")."""

from __future__ import annotations

from typing import Any, Optional, Union

from .references import Ref


class Action:
    """The action of an event. Five instances exist; compare by identity."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"Action({self.name})"

    @property
    def creates(self) -> bool:
        """True for the actions that leave something behind: create, update, add."""
        return self.name in ("create", "update", "add")


ACTIONS = {name: Action(name) for name in ("create", "update", "delete", "add", "remove")}
CREATE, UPDATE, DELETE, ADD, REMOVE = ACTIONS.values()


class PendingTime:
    """The time of the running transaction, which is not known before it commits; it is rendered as the real time.

    micros: it is rendered as integer microseconds (as the ``ts`` of a written document), else as a Time.
    Two instances exist, `PENDING` and `PENDING_AS_TIME`; compare by identity.
    """

    __slots__ = ("micros",)

    def __init__(self, micros: bool):
        self.micros = micros

    def __repr__(self) -> str:
        return "PENDING" if self.micros else "PENDING_AS_TIME"


PENDING = PendingTime(True)
PENDING_AS_TIME = PendingTime(False)

Timestamp = Union[int, PendingTime]


class DocumentEvent:
    """One version in a document's history. diff: changed top-level fields (``data``, ...) or None."""

    __slots__ = ("action", "diff", "ref", "ts")

    def __init__(self, ts: Timestamp, action: Action, ref: Ref, diff: Optional[dict[str, Any]]):
        self.ts = ts
        self.action = action
        self.ref = ref
        self.diff = diff

    def __eq__(self, other: object) -> bool:
        return type(other) is DocumentEvent and (self.ts, self.action, self.ref, self.diff) == (
            other.ts,
            other.action,
            other.ref,
            other.diff,
        )

    __hash__ = None  # type: ignore[assignment]


class SetEvent:
    """An element entering (add) or leaving (remove) a set. values: covered values, None without any."""

    __slots__ = ("action", "ref", "ts", "values")

    def __init__(self, ts: Timestamp, action: Action, ref: Ref, values: Optional[list[Any]]):
        self.ts = ts
        self.action = action
        self.ref = ref
        self.values = values

    def __eq__(self, other: object) -> bool:
        return type(other) is SetEvent and (self.ts, self.action, self.ref, self.values) == (
            other.ts,
            other.action,
            other.ref,
            other.values,
        )

    __hash__ = None  # type: ignore[assignment]


class EventCursor:
    """A cursor of a page of events. fields: what the page shows of it, in order; None is shown as ``null``.

    event: the event whose place it is, as which it counts when it is selected. None when it is only a time.
    """

    __slots__ = ("event", "fields")

    def __init__(self, fields: Optional[dict[str, Any]], event: Union[DocumentEvent, SetEvent, None] = None):
        self.fields = fields
        self.event = event

    def __eq__(self, other: object) -> bool:
        return type(other) is EventCursor and (self.fields, self.event) == (other.fields, other.event)

    __hash__ = None  # type: ignore[assignment]


class Sourced:
    """A page element with the sets it came from (``paginate`` with ``sources``)."""

    __slots__ = ("sources", "value")

    def __init__(self, value: Any, sources: list[Any]):
        self.value = value
        self.sources = sources

    def __eq__(self, other: object) -> bool:
        return type(other) is Sourced and self.value == other.value and self.sources == other.sources

    __hash__ = None  # type: ignore[assignment]


class Page:
    """A page. before, after: a cursor (a list of values, or an `EventCursor`) or `NO_CURSOR`.

    raw: the cursor of each element of data; take and drop move the page's cursors with it.
    """

    __slots__ = ("after", "before", "data", "raw")

    def __init__(self, data: list[Any], before: Any, after: Any, raw: list[Any]):
        self.data = data
        self.before = before
        self.after = after
        self.raw = raw

    def with_data(self, data: list[Any]) -> Page:
        """The same page showing other data (map, folds): cursors and raw entries stay."""
        return Page(data, self.before, self.after, self.raw)

    def __eq__(self, other: object) -> bool:
        return type(other) is Page and (self.data, self.before, self.after, self.raw) == (
            other.data,
            other.before,
            other.after,
            other.raw,
        )

    __hash__ = None  # type: ignore[assignment]


class _NoCursor:
    """The type of `NO_CURSOR`: a page has no cursor on that side. (None is a cursor: ``null``.)"""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NO_CURSOR"


NO_CURSOR = _NoCursor()
