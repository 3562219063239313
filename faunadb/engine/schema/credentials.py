"""Credentials of documents (writes and schema, "Tokens and credentials"; auth, "Passwords")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..auth import secrets
from ..documents import writing
from ..documents.ids import new_id
from ..indexes import lookups
from ..language import codec
from ..language import values as v
from ..language.errors import At, Failure, not_unique
from .fields import MAP, REF, STRING, TIMESTAMP, Check, invalid_type
from .native import Fields, NativeWriter, place_faults

if TYPE_CHECKING:
    from ..language.context import Context


class Credentials(NativeWriter):
    number = v.CREDENTIALS
    types = {
        "data": MAP,
        "ttl": TIMESTAMP,
        "instance": REF,
        "password": STRING,
        "hashed_password": STRING,
        "current_password": STRING,
        "constraints": MAP,
    }
    needed = ("instance",)

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        free = check.ctx.perms.writes_credentials_freely
        password, current = patch.get("password"), patch.get("current_password")
        dropped = ("password", "current_password", "" if free else "hashed_password")
        fields = {key: value for key, value in patch.items() if key not in dropped}
        if password is None:
            return fields
        if type(password) is not str:
            check.fail(invalid_type(("password",), password, "String"))
            return fields
        if not free and old is not None and "hashed_password" in old:
            _check_current(check, current, old["hashed_password"])
        if not check.failures:
            fields["hashed_password"] = secrets.hash_password(password)
        return fields

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        if old is None or old.get("instance") != fields["instance"]:
            holder = lookups.credentials_of(ctx.snap, fields["instance"])
            if holder is not None and holder != ref:
                raise not_unique()
        return fields

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        return place_faults(at, super().create, ctx, ref, params, at, before)  # type: ignore[no-any-return]

    def set_password(self, ctx: Context, instance: v.Ref, password: str) -> None:
        """Create the credentials of a document, or change their password. Asks for no permission."""
        hashed = secrets.hash_password(password)
        tx = ctx.writer()
        ref = lookups.credentials_of(tx, instance)
        if ref is None:
            ref = v.Ref(instance.scope, v.CREDENTIALS, new_id())
            writing.write(ctx, ref, {"instance": instance, "hashed_password": hashed}, None)
            return
        row = tx.version(ref.scope, ref.coll, ref.id)
        stored = codec.stored(ref, row)
        fields = stored.fields if stored is not None else {"instance": instance}
        writing.write(ctx, ref, {**fields, "hashed_password": hashed}, row)


def _check_current(check: Check, current: Any, hashed: str) -> None:
    if type(current) is not str or not secrets.check_password(current, hashed):
        text = "Invalid password at `current_password`."
        check.fail(Failure(("current_password",), "invalid password", text))


CREDENTIALS = Credentials()
