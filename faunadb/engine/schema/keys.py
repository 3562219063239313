"""Keys (writes and schema, "Keys")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..auth import secrets
from ..documents import merge
from ..indexes import lookups
from ..language import values as v
from ..language.errors import Failure
from .fields import MAP, STRING, TIMESTAMP, Check, FieldPath, duplicate, invalid_type, priority
from .native import Fields, NativeWriter
from .role_names import check_names, role

if TYPE_CHECKING:
    from ..language.context import Context


def _database(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is not v.Ref or value.coll != v.DATABASES:
        check.fail(invalid_type(at, value, "Database Ref"))
    return value


class Keys(NativeWriter):
    number = v.KEYS
    types = {
        "data": MAP,
        "ttl": TIMESTAMP,
        "role": role,
        "database": _database,
        "priority": priority,
        "secret": STRING,
        "hashed_secret": STRING,
    }
    needed = ("role",)
    system = ("hashed_secret",)
    checks_refs = True
    passing = frozenset(("secret",))

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        if old is not None:
            patch = {key: value for key, value in patch.items() if key != "hashed_secret"}
        secret = patch.get("secret")
        if secret is not None and not _belongs(secret, ref.id):
            check.fail(Failure(("secret",), "invalid secret", "Invalid secret at `List(secret)`"))
        elif (old is None or secret is not None) and _held_elsewhere(check.ctx, ref):
            # A secret names its key by the id alone, so no two databases may have a key with the same id.
            check.fail(duplicate(("secret" if secret is not None else "hashed_secret",)))
        return patch

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        check_names(check, fields.get("role"))

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        secret = fields.pop("secret", None)
        if secret is not None:
            hashed = secrets.hash_secret(secret)
        elif old is None and "hashed_secret" not in fields:
            secret, hashed = secrets.new_key_secret(ref.id)
        else:
            return fields
        if old is None:
            fields["secret"] = secret
        fields["hashed_secret"] = hashed
        return fields

    def inserted(self, ctx: Context, ref: v.Ref, params: Fields) -> Fields:
        """The fields of a version that `insert` puts into history. They have no hash, so that such a key opens nothing."""
        patch = {
            key: value for key, value in self.known(params).items() if key not in ("secret", "hashed_secret")
        }
        check = Check(ctx)
        if _held_elsewhere(ctx, ref):
            check.fail(duplicate(("hashed_secret",)))
        fields = self.validated(check, ref, merge({}, patch), None)
        check.raise_any(())
        return fields

    def shown(self, document: v.Document, extra: Fields) -> v.Document:
        if not extra:
            return document
        fields = dict(document.fields)
        hashed = fields.pop("hashed_secret")
        return v.Document(document.ref, document.ts, {**fields, **extra, "hashed_secret": hashed})


def _belongs(text: Any, key_id: int) -> bool:
    """Whether a text is a secret of the key with that id."""
    secret = secrets.decode_secret(text) if type(text) is str else None
    return secret is not None and secret.kind == "key" and secret.id == key_id


def _held_elsewhere(ctx: Context, ref: v.Ref) -> bool:
    holder = lookups.key_scope(ctx.snap, ref.id)
    return holder is not None and holder != ref.scope and ctx.schema.database(holder) is not None


KEYS = Keys()
