"""What can be subscribed to, and which subscribers a change concerns (wire protocol, "Streaming")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from ..auth.permissions import ALL
from ..indexes import keys
from ..language import values as v
from ..language.errors import Fault, invalid_argument, undefined_ref
from ..records import NamedTuple
from ..sets.leaves import DocumentsSet, Match
from .events import Change, SetEvent, VersionEvent

if TYPE_CHECKING:
    from ..language.context import Context

Event = Union[VersionEvent, SetEvent]


class DocumentTarget(NamedTuple):
    """The versions of one document."""

    ref: v.Ref

    def permits(self, ctx: Context, event: Event) -> bool:
        """Whether the principal of ctx may see an event."""
        if isinstance(event, VersionEvent) and event.type == "history_rewrite":
            return bool(ctx.perms.can_read_history(ctx, self.ref))
        return bool(ctx.perms.can_read(ctx, self.ref))

    def shown_index(self) -> None:
        return None


class DocumentsTarget(NamedTuple):
    """The set of all documents of a collection."""

    collection: v.Ref

    def permits(self, ctx: Context, event: Event) -> bool:
        """Whether the principal of ctx may see an event."""
        if ctx.perms.read_documents(ctx, self.collection) == ALL:
            return True
        return bool(ctx.perms.can_read(ctx, event.ref))

    def shown_index(self) -> dict[str, Any]:
        """The member ``index`` of its events, without the values; the index behind the set has no ref."""
        return {"terms": [self.collection]}


class IndexTarget(NamedTuple):
    """The entries of an index under one term tuple. key: the encoded terms."""

    ref: v.Ref
    terms: tuple[Any, ...]
    key: bytes

    def permits(self, ctx: Context, event: Event) -> bool:
        """Whether the principal of ctx may see an event."""
        allowed = ctx.perms.read_index(ctx, self.ref, list(self.terms))
        if allowed is None:
            return False
        return allowed == ALL or bool(ctx.perms.can_read(ctx, event.ref))

    def shown_index(self) -> dict[str, Any]:
        """The member ``index`` of its events, without the values."""
        return {"ref": self.ref, "terms": list(self.terms)}


Target = Union[DocumentTarget, DocumentsTarget, IndexTarget]

_STREAMABLE_NATIVES = (v.TOKENS, v.CREDENTIALS)


def target_of(value: Any) -> Target:
    """What a query's value subscribes to. Raises Fault for values that cannot be streamed."""
    if type(value) is v.UnresolvedRef:
        raise undefined_ref(value)
    ref = value.ref if type(value) is v.Document else value
    if type(ref) is v.Ref and ref.is_user_document:
        return DocumentTarget(ref)
    if type(value) is Match:
        return IndexTarget(value.index, tuple(value.terms), keys.encode_terms(value.terms))
    if type(value) is DocumentsSet and _has_documents(value.collection):
        return DocumentsTarget(value.collection)
    raise _not_streamable(value)


def _has_documents(collection: v.Ref) -> bool:
    return collection.id >= v.FIRST_COLLECTION or collection.id in _STREAMABLE_NATIVES


def _not_streamable(value: Any) -> Fault:
    return invalid_argument(f"Expected a Document Ref or Version, or a Set Ref, got {v.type_name(value)}.")


class Interests:
    """All subscribers by what they subscribed to, so that a change quickly finds those it concerns."""

    def __init__(self) -> None:
        self._documents: dict[v.Ref, set[Any]] = {}
        self._collections: dict[v.Ref, set[Any]] = {}
        # database -> index -> encoded terms -> subscribers
        self._indexes: dict[int, dict[v.Ref, dict[bytes, set[Any]]]] = {}

    def add(self, subscriber: Any) -> None:
        """subscriber: anything with a ``target``."""
        self._place(subscriber.target, create=True).add(subscriber)

    def discard(self, subscriber: Any) -> None:
        """Forget a subscriber, and places that are empty then."""
        target = subscriber.target
        place = self._place(target, create=False)
        place.discard(subscriber)
        if place:
            return
        if isinstance(target, DocumentTarget):
            self._documents.pop(target.ref, None)
        elif isinstance(target, DocumentsTarget):
            self._collections.pop(target.collection, None)
        else:
            self._drop_index(target)

    def _drop_index(self, target: IndexTarget) -> None:
        indexes = self._indexes.get(target.ref.scope, {})
        terms = indexes.get(target.ref, {})
        terms.pop(target.key, None)
        if not terms:
            indexes.pop(target.ref, None)
        if not indexes:
            self._indexes.pop(target.ref.scope, None)

    def _place(self, target: Target, create: bool) -> set[Any]:
        if isinstance(target, DocumentTarget):
            return _at(self._documents, target.ref, create)
        if isinstance(target, DocumentsTarget):
            return _at(self._collections, target.collection, create)
        indexes = self._indexes.get(target.ref.scope, {})
        if create:
            indexes = self._indexes.setdefault(target.ref.scope, {})
        terms = indexes.get(target.ref, {})
        if create:
            terms = indexes.setdefault(target.ref, {})
        return _at(terms, target.key, create)

    def concerns(self, ref: v.Ref) -> bool:
        """Whether a change of this document might concern any subscriber."""
        collection = v.Ref(ref.scope, v.COLLECTIONS, ref.coll)
        return ref in self._documents or collection in self._collections or ref.scope in self._indexes

    def events(self, ctx: Context, change: Change) -> Iterator[tuple[Any, Event]]:
        """Every event that a change causes, as (subscriber, event). ctx: a context in the change's database."""
        ref = change.ref
        for subscriber in self._documents.get(ref, ()):
            for event in change.version_events():
                yield subscriber, event
        watching = self._collections.get(v.Ref(ref.scope, v.COLLECTIONS, ref.coll))
        if watching:
            for found in change.documents_events():
                for subscriber in watching:
                    yield subscriber, found
        for index_ref, by_terms in self._indexes.get(ref.scope, {}).items():
            index = ctx.schema.index(index_ref)
            if index is None or not index.covers(ref.coll):
                continue
            for key, entered in change.index_events(ctx, index):
                for subscriber in by_terms.get(key, ()):
                    yield subscriber, entered


def _at(places: dict[Any, set[Any]], key: Any, create: bool) -> set[Any]:
    found: Optional[set[Any]] = places.get(key)
    if found is not None:
        return found
    return places.setdefault(key, set()) if create else set()
