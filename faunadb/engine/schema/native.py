"""Writing documents, as far as it is the same for all collections: known fields, merging, validation.

`Writer` is the base class. User documents and every native collection have a writer each (`writers.writer_for`). The
forms in `functions.writes` resolve targets, check permissions and existence, and then call the writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..documents import merge, writing
from ..documents.ids import new_id
from ..indexes import lookups
from ..language import values as v
from ..language.equality import identical
from ..language.errors import At, Fault, already_exists, bad_request, invalid_argument, not_unique
from .fields import MAP, Check, FieldType, check_refs, required

if TYPE_CHECKING:
    from ..language.context import Context

Fields = dict[str, Any]

#: Ids of collections end before those of indexes begin.
LAST_COLLECTION = v.FIRST_INDEX - 1


class Writer:
    """Creates, updates and deletes the documents of one kind of collection.

    types: the known fields, in the order in which failures are reported. needed: fields that must be there. kept: fields
    that replace keeps when they are not given. system: generated fields, which params cannot change. checks_refs:
    whether refs in its documents must exist and be readable.
    """

    number: Optional[int] = None
    types: dict[str, FieldType] = {}
    needed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    checks_refs = False

    # ---- for subclasses to override ----

    def defaults(self) -> Fields:
        """Fields a new document begins with."""
        return {}

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        """Add failures of the params by themselves; return the params to go on with. old: None for a new document."""
        return patch

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        """Add failures of the document as a whole, after those of each field."""

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        """Add the generated fields; called when the document is valid."""
        return fields

    def shown(self, document: v.Document, extra: Fields) -> v.Document:
        """The document that the query gets back. extra: fields that only this result shows."""
        return document

    def written(self, ctx: Context, ref: v.Ref, old: Optional[Fields], fields: Fields) -> None:
        """Called after a create or update."""

    def inserted(self, ctx: Context, ref: v.Ref, params: Fields) -> Fields:
        """The fields of a version that `insert` puts into history."""
        raise invalid_argument("Cannot insert event for specified ref.")

    def deleting(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        """Called before a delete: deletes what depends on the document, or refuses."""

    # ---- writing ----

    def allot_id(self, ctx: Context, scope: int) -> int:
        return new_id()

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        """Write a new document. params: as `fields.prepare` returns them. before: the newest stored version of that id.

        Raises validation errors and the like, placed at `at`.
        """
        check = Check(ctx)
        patch = self.examine(check, ref, self.known(params), None)
        fields = self.validated(check, ref, merge(self.defaults(), patch), None)
        check.raise_any(at)
        self.require_free(ctx, ref, fields, at)
        fields = self.complete(ctx, ref, fields, None)
        document = self.write(ctx, ref, fields, before, None, at)
        self.written(ctx, ref, None, fields)
        document.created = True
        return document

    def update(
        self, ctx: Context, ref: v.Ref, row: Any, old: Fields, params: Fields, replace: bool
    ) -> v.Document:
        """Write another version. row: the stored version. old: its fields, hidden ones included. params: as
        `fields.prepare` returns them."""
        check = Check(ctx)
        patch = self.examine(check, ref, self.known(params), old)
        fields = self.replacement(old, patch) if replace else merge(old, patch)
        fields = self.validated(check, ref, fields, old)
        check.raise_any(())
        fields = self.complete(ctx, ref, fields, old)
        document = self.write(ctx, ref, fields, row, old, ())
        self.written(ctx, ref, old, fields)
        return document

    def delete(self, ctx: Context, ref: v.Ref, row: Any, old: Fields) -> None:
        self.deleting(ctx, ref, old)
        writing.write(ctx, ref, None, row, old)

    def known(self, params: Fields) -> Fields:
        """The params without unknown fields."""
        types = self.types
        return {key: value for key, value in params.items() if key in types}

    def replacement(self, old: Fields, patch: Fields) -> Fields:
        """The fields after a replace: the defaults, the fields that are kept, the params, and the generated fields."""
        base = self.defaults()
        base.update((key, old[key]) for key in self.kept if key in old)
        fields = merge(base, patch)
        fields.update((key, old[key]) for key in self.system if key in old)
        return fields

    def validated(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        """The fields as they are stored: converted, empty objects dropped at the top level."""
        for key, convert in self.types.items():
            if key in fields:
                fields[key] = convert(check, fields[key], (key,))
            elif key in self.needed:
                check.fail(required((key,)))
        for key in [key for key, value in fields.items() if value == {} and self.types.get(key) is MAP]:
            del fields[key]
        self.settle(check, ref, fields, old)
        if self.checks_refs:
            # Fields that an update leaves alone stay valid, even if something that they refer to no longer exists.
            before = old or {}
            check_refs(check, {key: value for key, value in fields.items() if not _same(before, key, value)})
        return fields

    def require_free(self, ctx: Context, ref: v.Ref, fields: Fields, at: At) -> None:
        """Refuse a new document whose name is taken."""

    def write(
        self, ctx: Context, ref: v.Ref, fields: Fields, before: Any, old: Optional[Fields], at: At
    ) -> v.Document:
        extra = {key: fields.pop(key) for key in list(fields) if key in self.passing}
        document = place_faults(at, writing.write, ctx, ref, fields, before, old)
        return self.shown(document, extra)

    #: fields that the result of the write shows but that are not stored
    passing: frozenset[str] = frozenset()


def _same(fields: Fields, key: str, value: Any) -> bool:
    return key in fields and identical(fields[key], value)


def end_access(ctx: Context, instance: v.Ref) -> None:
    """Delete the tokens and credentials of a deleted document, before another document gets its id.

    Deleting a document leaves them in place, where they open nothing; a new document with the same id must not inherit
    them. No permission is needed.
    """
    tx = ctx.writer()
    found = lookups.tokens_of(tx, instance)
    credentials = lookups.credentials_of(tx, instance)
    if credentials is not None:
        found.append(credentials)
    for ref in found:
        row = tx.version(ref.scope, ref.coll, ref.id)
        if row is not None and row.live:
            writing.write(ctx, ref, None, row)


def place_faults(at: At, function: Any, *args: Any) -> Any:
    """Call a function; a Fault that it raises is placed at `at`, unless it has a place already."""
    try:
        return function(*args)
    except Fault as fault:
        placed(fault, at)
        raise


def placed(fault: Fault, at: At) -> None:
    """Place a fault that has no place yet."""
    if not fault.at:
        fault.at = (at,) if isinstance(at, (str, int)) else tuple(at)


class NativeWriter(Writer):
    """The writer of a native collection. number: the collection's."""

    number: int

    @property
    def kind(self) -> str:
        return v.NATIVE_KINDS[self.number]


class SchemaWriter(NativeWriter):
    """The writer of a native collection whose documents have names and sequential ids."""

    needed: tuple[str, ...] = ("name",)
    kept: tuple[str, ...] = ("name",)
    checks_refs = True
    first_id = 1
    last_id = (1 << 63) - 1

    def allot_id(self, ctx: Context, scope: int) -> int:
        number: int = ctx.writer().next_counter(f"id/{scope}/{self.number}", self.first_id)
        if number > self.last_id:
            raise bad_request("Maximum sequential ID reached.")
        return number

    def require_free(self, ctx: Context, ref: v.Ref, fields: Fields, at: At) -> None:
        if ctx.schema.taken(ref.scope, self.number, fields["name"]) is not None:
            raise already_exists(self.kind, at)

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        if old is not None and fields["name"] != old["name"]:
            holder = ctx.schema.taken(ref.scope, self.number, fields["name"])
            if holder is not None and holder != ref.id:
                raise not_unique()
        return fields


__all__ = ["Fields", "NativeWriter", "SchemaWriter", "Writer", "place_faults"]
