"""What a committed transaction means to subscribers (wire protocol, "Version events", "Set events").

A change in the commit log names a version of a document; its content, and that of its neighbours in history, is
read from the store. What one change means is worked out once and shared by all who subscribed to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..documents import difference
from ..indexes import extraction
from ..indexes.definitions import Index
from ..language import codec
from ..language.values import Document, Ref
from ..records import NamedTuple
from ..storage.rows import VersionRow

if TYPE_CHECKING:
    from ..language.context import Context
    from ..storage.base import Snapshot


class VersionEvent(NamedTuple):
    """A change of a streamed document. type: ``version`` or ``history_rewrite``. diff, prev: None when absent."""

    type: str
    ref: Ref
    action: str
    document: Document
    diff: Optional[Document]
    prev: Optional[Document]


class SetEvent(NamedTuple):
    """A document entering (``add``) or leaving (``remove``) a streamed set. values: None for documents sets."""

    action: str
    ref: Ref
    ts: int
    values: Optional[list[Any]]


class Change:
    """One change of a transaction: a version put into history, or taken out of it.

    txn: the transaction. ref: the document. ts: the version's valid time. dropped: the action (``create``, ``delete``)
    of a version taken out, None for one put in. row: the version put in. before: the live version before it.
    """

    def __init__(self, snap: Snapshot, txn: int, entry: list[Any]):
        self.snap = snap
        self.txn = txn
        kind, scope, coll, doc, self.ts = entry[:5]
        self.ref = Ref(scope, coll, doc)
        self.dropped: Optional[str] = entry[5] if kind == "drop" else None
        self._data: Optional[str] = entry[6] if kind == "drop" and len(entry) > 6 else None
        self.row = None if self.dropped else self._written_row(entry)
        self.before = self._version_before()
        self._events: Optional[list[VersionEvent]] = None

    def _written_row(self, entry: list[Any]) -> Optional[VersionRow]:
        """The version put in; None when a later transaction took it out again, so that its content is lost."""
        if len(entry) > 5:
            return VersionRow(self.ts, entry[5] is not None, None, entry[5], self.txn)
        ref = self.ref
        row = self.snap.version(ref.scope, ref.coll, ref.id, self.ts)
        return row if row is not None and row.ts == self.ts else None

    def _version_before(self) -> Optional[VersionRow]:
        """The live version before this one, leaving aside what later transactions put into history."""
        ref = self.ref
        row = self.snap.version(ref.scope, ref.coll, ref.id, self.ts - 1)
        if row is not None and row.txn > self.txn:
            earlier = self.snap.versions(ref.scope, ref.coll, ref.id, upper=self.ts - 1, reverse=True)
            row = next((row for row in earlier if row.txn <= self.txn), None)
        return row if row is not None and _lived(row, self.txn) else None

    def _version_after(self) -> Optional[VersionRow]:
        """The version after this one, whoever wrote it."""
        ref = self.ref
        return next(iter(self.snap.versions(ref.scope, ref.coll, ref.id, lower=self.ts + 1, limit=1)), None)

    # ---- document streams -----------------------------------------------------------------------------------

    def version_events(self) -> list[VersionEvent]:
        """The events of the document, in order."""
        if self._events is None:
            self._events = self._build()
        return self._events

    def _build(self) -> list[VersionEvent]:
        if self.dropped is not None:
            return [self._removed(), *self._rewritten(self.before)]
        if self.row is None:
            return []
        if self.ts == self.txn:
            return [self._written("version", self.row, self.before)]
        after = self.row if self.row.live else None
        return [*self._rewritten(after), self._written("history_rewrite", self.row, self.before)]

    def _removed(self) -> VersionEvent:
        action = "delete" if self.dropped == "delete" else "create" if self.before is None else "update"
        bare = Document(self.ref, self.ts, {})
        return VersionEvent("history_rewrite", self.ref, action, bare, None, None)

    def _rewritten(self, predecessor: Optional[VersionRow]) -> list[VersionEvent]:
        """The event of the version after the changed one, whose difference from its predecessor has changed."""
        following = self._version_after()
        if following is None or following.txn >= self.txn:
            return []
        return [self._written("history_rewrite", following, predecessor)]

    def _written(self, kind: str, row: VersionRow, before: Optional[VersionRow]) -> VersionEvent:
        ref = self.ref
        old = None if before is None else Document(ref, before.ts, text=before.data)
        if not row.live:
            shown = old if old is not None else Document(ref, row.ts, {})
            return VersionEvent(kind, ref, "delete", shown, Document(ref, row.ts, {}), shown)
        new = Document(ref, row.ts, text=row.data)
        if old is None:
            return VersionEvent(kind, ref, "create", new, new, Document(ref, row.ts, {}))
        changed = Document(ref, row.ts, difference(old.fields, new.fields))
        return VersionEvent(kind, ref, "update", new, changed, old)

    # ---- set streams ----------------------------------------------------------------------------------------

    def _states(self) -> Optional[tuple[Optional[Document], Optional[Document]]]:
        """The document before and after the change; None when the change is of its past, not of its newest version."""
        ref = self.ref
        following = self._version_after()
        if following is not None and following.txn < self.txn:
            return None
        before = None if self.before is None else Document(ref, self.before.ts, text=self.before.data)
        if self.dropped is not None:
            gone = Document(ref, self.ts, text=self._data) if self._data else None
            return (gone if self.dropped != "delete" else None), before
        if self.row is None:
            return None
        after = Document(ref, self.row.ts, text=self.row.data) if self.row.live else None
        return before, after

    def documents_events(self) -> list[SetEvent]:
        """The events of the set of all documents of the collection."""
        states = self._states()
        if states is None:
            return []
        before, after = states
        existed = before is not None or (self.dropped is not None and self.dropped != "delete")
        if existed == (after is not None):
            return []
        return [SetEvent("remove" if existed else "add", self.ref, self.ts, None)]

    def index_events(self, ctx: Context, index: Index) -> list[tuple[bytes, SetEvent]]:
        """The events of an index, as (encoded terms, event): entries removed come before those added."""
        states = self._states()
        if states is None:
            return []
        old, new = (self._entries(ctx, index, document) for document in states)
        scope = self.ref.scope
        return [
            *(
                (key[0], self._set_event("remove", cover, scope))
                for key, cover in old.items()
                if key not in new
            ),
            *((key[0], self._set_event("add", cover, scope)) for key, cover in new.items() if key not in old),
        ]

    @staticmethod
    def _entries(
        ctx: Context, index: Index, document: Optional[Document]
    ) -> dict[tuple[bytes, bytes], Optional[str]]:
        if document is None:
            return {}
        found = extraction.entries(ctx, index, document)
        return {(entry.terms, entry.values): entry.cover for entry in found}

    def _set_event(self, action: str, cover: Optional[str], scope: int) -> SetEvent:
        values = [] if cover is None else codec.decode_value(cover, scope)
        return SetEvent(action, self.ref, self.ts, values)


def _lived(row: VersionRow, at: int) -> bool:
    return row.live and (row.ttl is None or row.ttl > at)
