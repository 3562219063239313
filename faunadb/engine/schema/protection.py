"""Protected mode of databases: destructive schema changes are refused (writes and schema, "Databases")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..language.errors import Fault

if TYPE_CHECKING:
    from ..language.context import Context

_TAIL = "destructive change forbidden because database is in protected mode."


def refuse(ctx: Context, scope: int, what: str) -> None:
    """Raise ``schema validation failed`` when a database is protected. what: ``Cannot delete collection``, ..."""
    info = ctx.schema.database(scope)
    if info is not None and info.protected:
        raise Fault("schema validation failed", f"{what}: {_TAIL}")


def check_days(ctx: Context, scope: int, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse a change of a collection that gives up history or documents."""
    before, after = old.get("history_days"), new.get("history_days")
    if before is not None and after is None:
        refuse(ctx, scope, "Cannot remove `history_days` field")
    elif before is not None and after is not None and after < before:
        refuse(ctx, scope, "Cannot decrease `history_days` field")
    before, after = old.get("ttl_days"), new.get("ttl_days")
    if before is None and after is not None:
        refuse(ctx, scope, "Cannot remove `ttl_days` field")
    elif before is not None and after is not None and after < before:
        refuse(ctx, scope, "Cannot decrease `ttl_days` field")
