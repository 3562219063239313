"""What all collections have in common when their documents are written: known fields, merging, validation.

`Writer` is the base: user documents and every native collection have one each (`writers.writer_for`). The forms in
`functions.writes` resolve targets, check permissions and existence, and then hand over.
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

    types: known fields in the order in which failures are reported. needed: those that must be there. kept: those
    that replace keeps when it does not name them. system: generated ones, which no params can change. checks_refs: refs
    in its documents must be readable and exist.
    """

    number: Optional[int] = None
    types: dict[str, FieldType] = {}
    needed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    checks_refs = False

    # ---- to be refined ----

    def defaults(self) -> Fields:
        """Fields a new document begins with."""
        return {}

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        """Failures that only the params show; returns the params to go on with. old: None for a new document."""
        return patch

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        """Further failures of the whole document, after those of each field."""

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        """The document with its generated fields."""
        return fields

    def shown(self, document: v.Document, extra: Fields) -> v.Document:
        """The result of a write. extra: what only this result shows."""
        return document

    def written(self, ctx: Context, ref: v.Ref, old: Optional[Fields], fields: Fields) -> None:
        """After a create or update."""

    def inserted(self, ctx: Context, ref: v.Ref, params: Fields) -> Fields:
        """The fields of a version that `insert` puts into history."""
        raise invalid_argument("Cannot insert event for specified ref.")

    def deleting(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        """Before a delete: cascades, refusals."""

    # ---- writing ----

    def allot_id(self, ctx: Context, scope: int) -> int:
        return new_id()

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        """Write a new document. params: prepared. before: the newest stored version of that id, if any.

        Raises validation errors and the like placed at `at`.
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
        """Write another version. row: the stored version; old: its fields, hidden ones included; params: prepared."""
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
        """What replace makes of a document: defaults, fields kept, the params, and the generated fields."""
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
            # What an update leaves alone stays valid, even when something it mentions is gone since.
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

    #: fields of `complete` that are shown by this write and not stored
    passing: frozenset[str] = frozenset()


def _same(fields: Fields, key: str, value: Any) -> bool:
    return key in fields and identical(fields[key], value)


def end_access(ctx: Context, instance: v.Ref) -> None:
    """Delete the tokens and the credentials that a document of the past has left, before another one gets its id.

    They open nothing while there is no document, and remain until then, as deleting does not cascade. Asks for no
    permission.
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
    """Call function; a Fault it raises is placed at `at`."""
    try:
        return function(*args)
    except Fault as fault:
        if not fault.at:
            fault.at = (at,) if isinstance(at, (str, int)) else tuple(at)
        raise


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
