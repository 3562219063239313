"""Access providers (writes and schema, "Access providers")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Optional

from ..auth.jwt import AUDIENCE
from ..auth.permissions import BUILTIN
from ..indexes.internal import PROVIDERS_BY_ISSUER, text_terms
from ..language import values as v
from ..language.errors import Failure
from .fields import MAP, STRING, Check, FieldPath, duplicate, invalid_type, name, required
from .native import Fields, SchemaWriter
from .role_names import exists, is_role

if TYPE_CHECKING:
    from ..language.context import Context

#: An address whose port is not a number: user info up to the last @, a host (an IPv6 address in brackets), the port.
_BAD_PORT = r"(?i)https://(?:[^/?#]*@)?(?![^/?#]*@)(?:\[[^\]]*\]|[^/?#:\[]*):(?!\d*(?:[/?#]|$))"


def _uri(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is not str:
        check.fail(invalid_type(at, value, "URI"))
        return value
    scheme, colon, _ = value.partition(":")
    if not colon or scheme.lower() != "https" or re.match(_BAD_PORT, value):
        check.fail(Failure(at, "invalid uri", f"`{value}` is a not valid URI"))
    return value


def _roles(check: Check, value: Any, at: FieldPath) -> Any:
    """The field ``roles``: role refs and names, each alone or with a predicate; one, or an array of them."""
    entries = value if type(value) is list else [value]
    entries = [_role(check, entry) for entry in entries]
    names = [_name_in(entry) for entry in entries]
    given = [each for each in names if type(each) is str]
    for each in given:
        if each not in BUILTIN and not exists(check, each):
            check.fail(Failure(at, "validation failure", f"Role `{each}` does not exist."))
    for each in given:
        if each in BUILTIN:
            check.fail(Failure(at, "validation failure", f"Builtin role `{each}` not allowed."))
    return entries if type(value) is list else entries[0]


def _name_in(entry: Any) -> Any:
    return entry.get("role") if type(entry) is dict else entry


def _role(check: Check, entry: Any) -> Any:
    if type(entry) is not dict:
        if type(entry) is not str and not is_role(entry):
            check.fail(invalid_type(("roles",), entry, "Role"))
        return entry
    result = {key: value for key, value in entry.items() if key in ("role", "predicate")}
    role, predicate = result.get("role"), result.get("predicate")
    if role is None:
        check.fail(required(("role",)))
    elif type(role) is not str and not is_role(role):
        check.fail(invalid_type(("role",), role, "Role"))
    if predicate is None:
        check.fail(required(("predicate",)))
    elif type(predicate) is str:
        check.fail(invalid_type(("roles", "predicate"), predicate, "Query"))
    elif type(predicate) is not v.Lambda:
        check.fail(invalid_type(("predicate",), predicate, "Query"))
    return result


class AccessProviders(SchemaWriter):
    number = v.ACCESS_PROVIDERS
    types = {"data": MAP, "name": name, "issuer": STRING, "jwks_uri": _uri, "roles": _roles}
    needed = ("name", "issuer", "jwks_uri")
    kept = ("name", "issuer", "jwks_uri", "roles")
    system = ("audience",)

    def settle(self, check: Check, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> None:
        issuer = fields.get("issuer")
        if type(issuer) is not str:
            return
        for row in check.ctx.snap.entries(ref.scope, PROVIDERS_BY_ISSUER, text_terms(issuer), limit=1):
            if row.doc != ref.id:
                check.fail(duplicate(("issuer",)))

    def complete(self, ctx: Context, ref: v.Ref, fields: Fields, old: Optional[Fields]) -> Fields:
        fields = super().complete(ctx, ref, fields, old)
        if old is None:
            info = ctx.schema.database(ref.scope)
            fields["audience"] = AUDIENCE + ("" if info is None else info.global_id)
        return fields


ACCESS_PROVIDERS = AccessProviders()
