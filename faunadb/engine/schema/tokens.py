"""Tokens (writes and schema, "Tokens and credentials")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..auth import secrets
from ..documents.ids import new_id
from ..language import values as v
from ..language.errors import At
from .fields import MAP, REF, STRING, TIMESTAMP, Check
from .native import Fields, NativeWriter

if TYPE_CHECKING:
    from ..language.context import Context


class Tokens(NativeWriter):
    number = v.TOKENS
    types = {"data": MAP, "ttl": TIMESTAMP, "instance": REF, "constraints": MAP, "hashed_secret": STRING}
    needed = ("instance",)
    passing = frozenset(("secret",))

    def examine(self, check: Check, ref: v.Ref, patch: Fields, old: Optional[Fields]) -> Fields:
        if old is None:
            return {key: value for key, value in patch.items() if key != "hashed_secret"}
        return patch

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        if "hashed_secret" not in fields:
            secret, hashed = secrets.new_token_secret(ref.id, _global_id(ctx, ref.scope))
            fields["secret"] = secret
            fields["hashed_secret"] = hashed
        return fields

    def shown(self, document: v.Document, extra: Fields) -> v.Document:
        fields = {key: value for key, value in document.fields.items() if key != "hashed_secret"}
        return v.Document(document.ref, document.ts, {**fields, **extra})

    def issue(self, ctx: Context, params: Fields, at: At = ()) -> v.Document:
        """Create a token in this database. params: ``instance``, and perhaps ``ttl`` and ``data``.

        The result shows the secret. Raises validation errors placed at `at`.
        """
        ref = v.Ref(ctx.scope, v.TOKENS, new_id())
        return self.create(ctx, ref, params, at)


def _global_id(ctx: Context, scope: int) -> int:
    info = ctx.schema.database(scope)
    return 0 if info is None or not info.global_id else secrets.global_id_number(info.global_id)


TOKENS = Tokens()
