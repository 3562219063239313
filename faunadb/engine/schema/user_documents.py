"""Documents of user collections (writes and schema, "Accepted params", "ttl")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..documents import merge, writing
from ..java.times import Time
from ..language import values as v
from ..language.codec import decode_fields
from ..language.errors import At, Fault
from .credentials import CREDENTIALS
from .fields import MAP, TIMESTAMP, Check, invalid_type
from .items import DAY_MICROS, CollectionInfo
from .native import Fields, Writer, place_faults, placed

if TYPE_CHECKING:
    from ..language.context import Context
    from ..language.stored_literals import StoredObject

_MAX_MICROS = (1 << 63) - 1


class UserDocuments(Writer):
    """Writes ``data``, ``ttl`` and ``constraints``; the param ``credentials`` goes to the credentials document."""

    types = {"data": MAP, "ttl": TIMESTAMP, "constraints": MAP}

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        check = Check(ctx)
        password = self._password(check, params)
        fields = self.validated(check, ref, merge({}, self.known(params)), None)
        check.raise_any(at)
        self.add_ttl(ctx, ref, fields)
        document = self.write(ctx, ref, fields, before, None, at)
        if password is not None:
            self._set_password(ctx, ref, password)
        document.created = True
        return document

    def create_plain(
        self,
        ctx: Context,
        info: CollectionInfo,
        number: int,
        params: Fields,
        text: Optional[str],
        at: At,
    ) -> v.Document:
        """`create` of a document without any version, for the params ``{"data": ...}`` with plain data (`fields.is_plain`).

        They need no checks. info: of the collection. number: the id of the document. text: the stored JSON of the params, if
        it is known.
        """
        ref = v.Ref(info.ref.scope, info.id, number)
        if info.ttl_days is not None:
            fields = {**params}
            self.add_ttl(ctx, ref, fields)
            document = self.write(ctx, ref, fields, None, None, at)
        else:
            text = writing.plain_text(params) if text is None else text
            document = place_faults(at, writing.create, ctx, ref, params, text)
        document.created = True
        return document

    def create_literal(
        self, ctx: Context, info: CollectionInfo, number: int, literal: StoredObject, text: str, at: At
    ) -> v.Document:
        """As `create_plain`, for params that are a literal of which the stored JSON is known, and without ttl."""
        ref = v.Ref(info.ref.scope, info.id, number)
        try:
            document = writing.create(ctx, ref, None, text, literal.members)
        except Fault as fault:
            placed(fault, at)
            raise
        document.created = True
        return document

    def update(
        self, ctx: Context, ref: v.Ref, row: Any, old: Fields, params: Fields, replace: bool
    ) -> v.Document:
        check = Check(ctx)
        password = self._password(check, params)
        fields = merge({} if replace else old, self.known(params))
        fields = self.validated(check, ref, fields, old)
        check.raise_any(())
        self.add_ttl(ctx, ref, fields)
        document = self.write(ctx, ref, fields, row, old, ())
        if password is not None:
            self._set_password(ctx, ref, password)
        return document

    def rewrite_plain(
        self, ctx: Context, ref: v.Ref, data: dict[str, Any], replace: bool
    ) -> Optional[v.Document]:
        """The shortest way to update or replace a document with plain data that is not empty (`fields.is_plain`).

        None where the caller has to go the general way: for principals who may not write all of the database, for a document
        that has more than ``data``, expires, or would expire by its collection's ``ttl_days``, for one that is not there, and
        for one that this transaction has written.
        """
        scope, coll, tx = ref.scope, ref.coll, ctx.tx
        info = ctx.schema.collection(scope, coll)
        if info is None or info.ttl_days is not None or not ctx.perms.writes_all(scope):
            return None
        found = tx.text_of(scope, coll, ref.id)
        if found is None:
            return None
        ts, text = found
        old = decode_fields(text, scope)
        if len(old) != 1 or ts == tx.txn or type(old.get("data")) is not dict:
            return None
        ctx.read(len(text))
        return writing.rewrite(ctx, ref, ts, text, old["data"], data, replace)

    def update_plain(
        self, ctx: Context, ref: v.Ref, row: Any, old: Fields, params: Fields, replace: bool
    ) -> v.Document:
        """`update` with the params ``{"data": ...}`` of plain data that is not empty (`fields.is_plain`). They need no checks."""
        fields = {**params} if replace else merge(old, params)
        self.add_ttl(ctx, ref, fields)
        text = writing.plain_text(fields) if replace and "ttl" not in fields else None
        return place_faults((), writing.write, ctx, ref, fields, row, old, text)  # type: ignore[no-any-return]

    def inserted(self, ctx: Context, ref: v.Ref, params: Fields) -> Fields:
        """The fields of a version that `insert` puts into history; ``credentials`` are ignored."""
        check = Check(ctx)
        fields = self.validated(check, ref, merge({}, self.known(params)), None)
        check.raise_any(())
        self.add_ttl(ctx, ref, fields)
        return fields

    def write(
        self, ctx: Context, ref: v.Ref, fields: Fields, before: Any, old: Optional[Fields], at: At
    ) -> v.Document:
        return place_faults(at, writing.write, ctx, ref, fields, before, old)  # type: ignore[no-any-return]

    def add_ttl(self, ctx: Context, ref: v.Ref, fields: Fields) -> None:
        """Give a document without ``ttl`` the one that its collection's ``ttl_days`` asks for."""
        if "ttl" in fields:
            return
        info = ctx.schema.collection(ref.scope, ref.coll)
        if info is None or info.ttl_days is None:
            return
        micros = ctx.time + info.ttl_days * DAY_MICROS
        fields["ttl"] = Time.from_micros(max(-_MAX_MICROS, min(micros, _MAX_MICROS)))

    def _password(self, check: Check, params: Fields) -> Optional[str]:
        """The password in the ``credentials`` param, None without one."""
        given = params.get("credentials")
        if given is None:
            return None
        for name in ("password", "current_password"):
            # Each of the two fields fails by itself when ``credentials`` is not an object.
            at = ("credentials", name)
            if type(given) is not dict:
                check.fail(invalid_type(at, given, "Map"))
            elif type(given.get(name)) not in (str, type(None)):
                check.fail(invalid_type(at, given[name], "String"))
        return None if check.failures else given.get("password")

    def _set_password(self, ctx: Context, ref: v.Ref, password: str) -> None:
        CREDENTIALS.set_password(ctx, ref, password)


USER_DOCUMENTS = UserDocuments()

__all__ = ["USER_DOCUMENTS", "UserDocuments"]
