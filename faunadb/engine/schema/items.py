"""Schema documents as the engine uses them: what is derived from their fields, once for each version."""

from __future__ import annotations

from typing import Any, Optional

from ..indexes.definitions import Index
from ..indexes.internal import FLOOR_FIELD
from ..language import values as v
from ..records import NamedTuple

#: History is kept for a collection's `history_days` and this much longer.
GRACE_MICROS = 15 * 60 * 1_000_000
DAY_MICROS = 86_400_000_000


class Item:
    """The present version of a schema document. parsed: what was derived from its fields, kept with it."""

    __slots__ = ("_fields", "parsed", "ref", "text")

    def __init__(self, ref: v.Ref, text: str, fields: Optional[dict[str, Any]] = None):
        self.ref = ref
        self.text = text
        self._fields = fields
        self.parsed: Any = None

    @property
    def fields(self) -> dict[str, Any]:
        """All stored fields, those never shown included. Not to be changed."""
        if self._fields is None:
            self._fields = v.Document.decode(self.text, self.ref.scope)
        return self._fields

    @property
    def name(self) -> str:
        name: str = self.fields.get("name", "")
        return name


class DatabaseInfo(NamedTuple):
    """A database.

    scope: its number. parent: the number of its parent (None for the root). ref: its document in the parent. global_id:
    13 letters ("" for the root). protected: its own setting, or that of the nearest ancestor that has one. path: names
    from below the root down to it.
    """

    scope: int
    parent: Optional[int]
    ref: Optional[v.Ref]
    name: str
    global_id: str
    container: bool
    protected: bool
    path: tuple[str, ...]
    account: Any = None


ROOT = DatabaseInfo(0, None, None, "", "", False, False, ())


class CollectionInfo:
    """A collection. history_days, ttl_days: None when absent (history is kept forever, documents live forever).

    floor: the time before which there is no history whatever ``history_days`` says, in microseconds.
    """

    __slots__ = ("floor", "history_days", "id", "name", "ref", "ttl_days")

    def __init__(
        self,
        ref: v.Ref,
        name: str,
        history_days: Optional[int],
        ttl_days: Optional[int] = None,
        floor: Optional[int] = None,
    ):
        self.ref = ref
        self.id = ref.id
        self.name = name
        self.history_days = history_days
        self.ttl_days = ttl_days
        self.floor = floor

    def min_valid(self, snapshot_time: int) -> Optional[int]:
        """Earliest time that may be read, in microseconds; None when there is no limit.

        Without limit are only collections from formats of the store that had no floors, while their history is kept
        forever.
        """
        if self.history_days is None:
            return self.floor
        limit = snapshot_time - self.history_days * DAY_MICROS - GRACE_MICROS
        return limit if self.floor is None or limit > self.floor else self.floor


class FunctionInfo(NamedTuple):
    """A user-defined function. role: its `role` field as stored, None without."""

    ref: v.Ref
    name: str
    body: v.Lambda
    role: Any


_NATIVE_HISTORY: dict[int, Optional[int]] = dict.fromkeys(v.NATIVE_NAMES)
_NATIVE_HISTORY.update({v.KEYS: 0, v.TOKENS: 0, v.CREDENTIALS: 0})
NATIVE_COLLECTIONS = {
    number: CollectionInfo(v.native_collection(0, number), v.NATIVE_NAMES[number], days, floor=0)
    for number, days in _NATIVE_HISTORY.items()
}


def database_info(item: Item, parent: DatabaseInfo) -> DatabaseInfo:
    fields = item.fields
    return DatabaseInfo(
        scope=fields["scope"],
        parent=item.ref.scope,
        ref=item.ref,
        name=fields["name"],
        global_id=fields["global_id"],
        container=fields.get("container") is True,
        protected=fields.get("protected", parent.protected) is True,
        path=(*parent.path, fields["name"]),
        account=fields.get("account") if parent.account is None else parent.account,
    )


def collection_info(item: Item) -> CollectionInfo:
    if item.parsed is None:
        fields = item.fields
        item.parsed = CollectionInfo(
            item.ref,
            fields["name"],
            fields.get("history_days"),
            fields.get("ttl_days"),
            fields.get(FLOOR_FIELD),
        )
    return item.parsed  # type: ignore[no-any-return]


def index_info(item: Optional[Item]) -> Optional[Index]:
    if item is None:
        return None
    if item.parsed is None:
        item.parsed = Index.from_fields(item.ref.scope, item.ref.id, item.fields)
    return item.parsed  # type: ignore[no-any-return]
