"""Sets that are read straight from the store: matches, collections, single documents (sets and reads, "Set functions")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from .. import documents
from ..auth.permissions import ALL
from ..indexes import keys
from ..indexes.definitions import PARTITIONS, Index, live_sources
from ..indexes.extraction import check_terms
from ..language import values as v
from ..language.errors import Fault, not_found, permission_denied, undefined_name
from .base import CHECK_EVERY, REFS, Denied, Edges, LazySet, Reader, Shape
from .elements import Element
from .history import DocumentHistory, EntryHistory, History

if TYPE_CHECKING:
    from ..language.context import Context

_UNBOUNDED: tuple[bytes, Optional[bytes]] = (b"", None)


class LiveCollections(dict[int, bool]):
    """Whether the collections of a database exist, each looked up once."""

    __slots__ = ("schema", "scope")

    def __init__(self, schema: Any, scope: int):
        super().__init__()
        self.schema = schema
        self.scope = scope

    def __missing__(self, coll: int) -> bool:
        found = self[coll] = self.schema.collection(self.scope, coll) is not None
        return found


class EntryReader(Reader):
    """Reads the entries of one term tuple of one index."""

    __slots__ = ("at", "ctx", "descending", "index", "live", "partitions", "scope", "sources", "terms")

    def __init__(
        self,
        ctx: Context,
        scope: int,
        index: int,
        terms: bytes,
        descending: tuple[bool, ...],
        filtered: bool,
        source: v.SetValue,
        partitions: int = PARTITIONS,
    ):
        self.ctx = ctx
        self.partitions = partitions
        self.scope = scope
        self.index = index
        self.terms = terms
        self.descending = descending
        self.arity = len(descending)
        self.filtered = filtered
        self.sources = (source,)
        self.at = documents.valid_time(ctx, ctx.at)
        self.live = LiveCollections(ctx.schema, scope)

    def shape(self) -> Shape:
        return Shape(self.descending)

    def rows(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int], all_wanted: bool = False
    ) -> Iterator[Any]:
        """The stored entries whose document has not expired and whose collection exists.

        all_wanted: the caller takes as many as the limit says, so that their cost may be counted at once.
        """
        bounds = self._bounds(lower, upper) if lower or upper else _UNBOUNDED
        if bounds is None:
            return
        ctx, live = self.ctx, self.live
        low, high = bounds
        free = ctx.read_set(self.partitions)
        while True:
            count = 0
            last = b""
            found = ctx.snap.entries(
                self.scope,
                self.index,
                self.terms,
                lower=low or None,
                upper=high,
                reverse=reverse,
                at=self.at,
                limit=limit,
            )
            if all_wanted and limit is not None and limit <= CHECK_EVERY:
                rows = list(found)
                left = self._count_together(rows, free)
                if left is None:
                    found = iter(rows)
                else:
                    yield from rows
                    found, free, count = iter(()), left, len(rows)
                    last = rows[-1][0]
            all_wanted = False
            for row in found:
                count += 1
                last = row[0]
                cover = row[3]
                size = len(last) if cover is None else len(last) + len(cover)
                if size > free or ctx.in_place:
                    free = ctx.read_entry(size, free)
                else:  # `read_entry`, written out
                    ctx.reads += size
                    ctx.made += 2 * size
                    if ctx.made >= ctx.measure_at:
                        ctx.measure()
                    free -= size
                if count % CHECK_EVERY == 0:
                    ctx.check_deadline()
                ttl = row[4]
                if (ttl is None or ttl > ctx.time) and live[row[1]]:
                    yield row
            if limit is None or count < limit:
                return
            limit = limit * 8 if limit < 64 else None
            if reverse:
                high = last
            else:
                low = last + b"\x00"

    def first(self) -> Optional[v.Ref]:
        """The document behind the first of `rows`; None without any."""
        if self.at is None:
            found = _plain_first(self.ctx, self.scope, self.index, self.terms, self.partitions)
            if found is not _NOT_PLAIN:
                return found  # type: ignore[no-any-return]
        for row in self.rows((), (), False, 1):
            return v.new_ref(self.scope, row[1], row[2])
        return None

    def _bounds(self, lower: Edges, upper: Edges) -> Optional[tuple[bytes, Optional[bytes]]]:
        """The keys between which the entries lie that the cuts leave; None when they leave none."""
        arity = self.arity
        low, high = b"", None
        for edge in lower:
            key = edge.key(arity)  # type: ignore[arg-type]
            if key is None:
                return None
            low = max(low, key)
        for edge in upper:
            key = edge.key(arity)  # type: ignore[arg-type]
            if key is not None and (high is None or key < high):
                high = key
        return None if high is not None and high <= low else (low, high)

    def _count_together(self, rows: list[Any], free: int) -> Optional[int]:
        """Count entries as read at once, as `Context.read_entry` does one by one. Returns what is left of the bytes
        covered; None, with nothing counted, when these do not suffice or when some entries may have to be left out."""
        if not rows:
            return None
        values, colls, _, covers, ttls, _, _ = zip(*rows)
        size = sum(map(len, values)) + sum(map(len, filter(None, covers)))
        if size > free or ttls.count(None) < len(rows) or not all(map(self.live.__getitem__, set(colls))):
            return None
        return self.ctx.read_entry(size, free)

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        rows = self.rows(lower, upper, reverse, limit)
        scope, sources = self.scope, self.sources
        if not self.arity:
            for key, coll, doc, _, _, _, _ in rows:
                yield (b"", key, scope, coll, doc, None, sources)
            return
        split = keys.split
        for key, coll, doc, cover, _, _, _ in rows:
            values, ref = split(key, coll, doc)
            yield (values, ref, scope, coll, doc, cover, sources)


def _plain_first(ctx: Context, scope: int, index: int, terms: bytes, partitions: int) -> Any:
    """As `EntryReader.first` now, if that is the first entry of all, as it nearly always is; else `_NOT_PLAIN`."""
    entry = ctx.snap.first_entry(scope, index, terms)
    if entry is None:
        ctx.read_set(partitions)
        return None
    coll, doc, size = entry
    if coll is None or ctx.schema.collection(scope, coll) is None:
        return _NOT_PLAIN
    ctx.read_entry(size, ctx.read_set(partitions))
    return v.new_ref(scope, coll, doc)


_NOT_PLAIN = object()


class Match(LazySet):
    """The entries of an index under one term tuple. terms: a value for each of the index's terms; [] without any."""

    __slots__ = ("_found", "_key", "index", "terms")

    def __init__(self, index: v.Ref, terms: list[Any]):
        self.index = index
        self.terms = terms
        self._key: Optional[bytes] = None
        #: the committed schema for which the index was found last, and the index
        self._found: tuple[Any, Any] = (None, None)

    def wire(self) -> dict[str, Any]:
        if not self.terms:
            return {"match": self.index}
        return {"match": self.index, "terms": self.terms[0] if len(self.terms) == 1 else self.terms}

    def config(self, ctx: Context) -> Index:
        """The index. Raises Fault when it is gone."""
        schema = ctx.schema
        committed, found = self._found
        if committed is not schema.committed or schema.was_written:
            found = find_index(ctx, self.index)
            if found is None:
                raise not_found("Index")
            if not schema.was_written:
                self._found = schema.committed, found
        return found  # type: ignore[no-any-return]

    def shape(self, ctx: Context) -> Shape:
        return Shape(self.config(ctx).descending)

    def _permit(self, ctx: Context) -> bool:
        """Whether its entries are filtered. Raises Denied."""
        if ctx.perms.reads_all(self.index.scope):
            return False
        allowed = ctx.perms.read_index(ctx, self.index, self.terms)
        if allowed is None:
            raise Denied
        return bool(allowed != ALL)

    def open(self, ctx: Context) -> EntryReader:
        index = self.config(ctx)
        filtered = self._permit(ctx)
        if ctx.at is not None:
            at = documents.valid_time(ctx, ctx.at)
            for coll in live_sources(ctx, index):
                documents.check_time(ctx, index.scope, coll, at)
        terms = self.key()
        return EntryReader(
            ctx, index.scope, index.id, terms, index.descending, filtered, self, index.partitions
        )

    def first(self, ctx: Context) -> Optional[v.Ref]:
        """The document behind the first element. Raises Denied."""
        if ctx.at is None:  # without a reader, as long as the first entry is all that there is to read
            index = self.config(ctx)
            self._permit(ctx)
            found = _plain_first(ctx, index.scope, index.id, self.key(), index.partitions)
            if found is not _NOT_PLAIN:
                return found  # type: ignore[no-any-return]
        return self.open(ctx).first()

    def key(self) -> bytes:
        """The terms as the entries have them. A match in a query that is asked again and again is encoded once."""
        if self._key is None:
            self._key = check_terms(keys.encode_terms(self.terms))
        return self._key

    def history(self, ctx: Context) -> History:
        index = self.config(ctx)
        filtered = self._permit(ctx)
        terms = self.key()
        collections = live_sources(ctx, index)
        return EntryHistory(
            ctx,
            index.scope,
            index.id,
            terms,
            index.descending,
            filtered,
            EventsSet(self),
            collections,
            index.partitions,
        )


def find_index(ctx: Context, ref: v.Ref) -> Optional[Index]:
    """The index that sets read: as committed before this query. None when it was deleted, or made by this query."""
    found: Optional[Index] = ctx.schema.committed_index(ref)
    return found


def match(ctx: Context, index: Any, terms: list[Any]) -> Match:
    """Make a match. index: the ref of an index, or the name of one of the current database.

    Raises Fault at ``index`` for an undefined name, a deleted or inactive index, and an index of a database that is out
    of reach.
    """
    ref = ctx.schema.lookup(ctx.scope, v.INDEXES, index) if type(index) is str else index
    if ref is None:
        raise undefined_name("index", index, "index")
    check_reach(ctx, ref, "index")
    found = find_index(ctx, ref)
    if found is None:
        raise not_found("Index", "index")
    if not found.active:
        raise Fault("instance not found", f"Index '{found.name}' is not active.", "index")
    return Match(ref, terms)


def check_reach(ctx: Context, ref: v.Ref, at: Any) -> None:
    """Raise ``permission denied`` for something outside the current database and those below it."""
    if ref.scope != ctx.scope and not ctx.schema.is_within(ref.scope, ctx.scope):
        raise permission_denied(at)


class DocumentsSet(LazySet):
    """All documents of a collection, ``documents(collection)``."""

    __slots__ = ("collection",)

    def __init__(self, collection: v.Ref):
        self.collection = collection

    def wire(self) -> dict[str, Any]:
        return {"documents": self.collection}

    def shape(self, ctx: Context) -> Shape:
        return REFS

    def _filtered(self, ctx: Context) -> bool:
        """Whether only documents count that may be read. Raises Denied."""
        if ctx.perms.reads_all(self.collection.scope):
            return False
        return bool(ctx.perms.read_documents(ctx, self.collection) != ALL)

    def open(self, ctx: Context) -> Reader:
        ref = self.collection
        filtered = self._filtered(ctx)
        if ctx.at is not None:
            documents.check_time(ctx, ref.scope, ref.id, documents.valid_time(ctx, ctx.at))
        return _collection_reader(ctx, ref, filtered, self)

    def history(self, ctx: Context) -> History:
        ref, filtered = self.collection, self._filtered(ctx)
        return EntryHistory(ctx, ref.scope, ref.id, b"", (), filtered, EventsSet(self), (ref.id,))


class NativeSet(DocumentsSet):
    """The documents of a native collection: ``keys()``, ``collections()`` and the like, where they stand for sets.

    It is shown as the ref of the collection.
    """

    __slots__ = ()

    def shown(self) -> v.Ref:
        return self.collection

    def _filtered(self, ctx: Context) -> bool:
        if ctx.perms.reads_all(self.collection.scope):
            return False
        if not ctx.perms.read_native(ctx, self.collection):
            raise Denied
        return True


class Source(LazySet):
    """The set of a collection among the sources of an element, where it is shown as null, as in the original."""

    __slots__ = ("of",)

    def __init__(self, of: LazySet):
        self.of = of

    def wire(self) -> dict[str, Any]:
        return self.of.wire()

    def display(self) -> None:
        return None

    def shape(self, ctx: Context) -> Optional[Shape]:
        return self.of.shape(ctx)

    def open(self, ctx: Context) -> Reader:
        return self.of.open(ctx)

    def history(self, ctx: Context) -> History:
        return self.of.history(ctx)


def source_of(leaf: Any) -> v.SetValue:
    """A leaf set as it stands among the sources of an element."""
    return Source(leaf) if type(leaf) in (DocumentsSet, NativeSet) else leaf


class DatabasesReader(EntryReader):
    """Reads the child databases of a database, without disabled ones."""

    __slots__ = ()

    def rows(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int], all_wanted: bool = False
    ) -> Iterator[Any]:
        schema, scope = self.ctx.schema, self.scope
        for row in super().rows(lower, upper, reverse, limit):
            item = schema.item(v.Ref(scope, v.DATABASES, row.doc))
            if item is None or item.fields.get("disabled") is not True:
                yield row


def _collection_reader(ctx: Context, collection: v.Ref, filtered: bool, source: v.SetValue) -> EntryReader:
    kind = DatabasesReader if collection.id == v.DATABASES else EntryReader
    return kind(ctx, collection.scope, collection.id, b"", (), filtered, source)


class SingleReader(Reader):
    """One document, when it exists."""

    __slots__ = ("at", "ctx", "ref", "sources")

    def __init__(self, ctx: Context, ref: v.Ref, source: v.SetValue):
        self.ctx = ctx
        self.ref = ref
        self.at = ctx.at
        self.filtered = False
        self.arity = 0
        self.sources = (source,)

    def shape(self) -> Shape:
        return REFS

    def scan(
        self, lower: Edges, upper: Edges, reverse: bool, limit: Optional[int] = None
    ) -> Iterator[Element]:
        ref = self.ref
        key = keys.ref_suffix(ref.coll, ref.id)
        element = (b"", key, ref.scope, ref.coll, ref.id, None, self.sources)
        if not all(edge.precedes(element) for edge in lower) or any(edge.precedes(element) for edge in upper):
            return
        if documents.exists(self.ctx, ref, self.at):
            yield element


class Singleton(LazySet):
    """The set of one document's ref, while the document exists."""

    __slots__ = ("ref",)

    def __init__(self, ref: v.Ref):
        self.ref = ref

    def wire(self) -> dict[str, Any]:
        return {"singleton": self.ref}

    def shape(self, ctx: Context) -> Shape:
        return REFS

    def _permit(self, ctx: Context) -> None:
        ref = self.ref
        if not ctx.perms.can_read_history(ctx, ref):
            if ctx.perms.asks(ref, "history_read"):
                documents.check_time(ctx, ref.scope, ref.coll, documents.valid_time(ctx, ctx.at))
            raise Denied

    def open(self, ctx: Context) -> Reader:
        self._permit(ctx)
        return SingleReader(ctx, self.ref, self)

    def history(self, ctx: Context) -> History:
        self._permit(ctx)
        return DocumentHistory(ctx, self.ref, EventsSet(self), as_set=True)


class RefSet(Singleton):
    """The ref of a document in the place of a set: a `Singleton` that is shown as the ref, and whose events are those of
    the document."""

    __slots__ = ()

    def shown(self) -> v.Ref:
        return self.ref

    def history(self, ctx: Context) -> History:
        self._permit(ctx)
        return DocumentHistory(ctx, self.ref, EventsSet(self.ref), as_set=False)


class EventsSet(LazySet):
    """``events(x)``: the history of a document (target: its ref) or of a set.

    Where elements are needed, as by a join, it stands for the set whose history it is.
    """

    __slots__ = ("target",)

    is_events = True

    def __init__(self, target: Union[v.Ref, LazySet]):
        self.target = target

    def wire(self) -> dict[str, Any]:
        return {"events": self.target}

    @property
    def origin(self) -> LazySet:
        """The set, or the document as a set, whose history it is."""
        return RefSet(self.target) if type(self.target) is v.Ref else self.target  # type: ignore[return-value]

    def shape(self, ctx: Context) -> Optional[Shape]:
        return self.origin.shape(ctx)

    def open(self, ctx: Context) -> Reader:
        return self.origin.open(ctx)

    def history(self, ctx: Context) -> History:
        return self.origin.history(ctx)
