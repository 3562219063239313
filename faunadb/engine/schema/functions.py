"""User-defined functions (writes and schema, "Functions")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..auth.permissions import Admin, Permissions, Server
from ..language import values as v
from ..language.errors import At, Failure, Fault
from .fields import MAP, QUERY, STRING, Check, name
from .native import Fields, SchemaWriter, place_faults
from .role_names import check_names, role

if TYPE_CHECKING:
    from ..language.context import Context


class Functions(SchemaWriter):
    number = v.FUNCTIONS
    types = {"data": MAP, "name": name, "role": role, "body": QUERY, "signature": STRING}
    needed = ("name", "body")

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        check_names(check, fields.get("role"))
        ctx = check.ctx
        if ctx.host.strict_roles and not all(
            _may_give(ctx.perms, each.get("role")) for each in (fields, old or {})
        ):
            text = "A role beyond the caller's own takes a key with the role admin (strict roles)."
            check.fail(Failure(("role",), "permission denied", text))

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        place_faults(at, _refuse_text, params)
        return super().create(ctx, ref, params, at, before)

    def update(
        self, ctx: Context, ref: v.Ref, row: Any, old: Fields, params: Fields, replace: bool
    ) -> v.Document:
        _refuse_text(params)
        return super().update(ctx, ref, row, old, params, replace)


def _may_give(perms: Permissions, role: Any) -> bool:
    """Whether whoever has these permissions may give a function this role, which then acts with no more than they have."""
    if role is None or isinstance(perms, Admin):
        return True
    return isinstance(perms, Server) and role in ("server", "server-readonly", "client")


def _refuse_text(params: Fields) -> None:
    # A string would be a body in Fauna's newer query language (v10), which this engine does not run.
    if type(params.get("body")) is str:
        raise Fault("schema validation failed", "Invalid type provided for field `body`.")


FUNCTIONS = Functions()

__all__ = ["FUNCTIONS", "Functions"]
