"""The permissions that user-defined roles grant, alone or beside a document's own rights (auth chapter, "Roles")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from ..java.times import Time
from ..language.codec import decode_fields
from ..language.values import COLLECTIONS, CREATE, CREDENTIALS, DATABASES, TOKENS, Action, Ref
from . import roles as r
from .permissions import ALL, BUILTIN, FILTERED, Fields, Permissions

if TYPE_CHECKING:
    from ..language.context import Context
    from .schema import Schema


class RolePermissions(Permissions):
    """The union of user-defined roles; they cover the principal's own database alone.

    roles: refs of the roles in force. rules: (resource, action) -> rules, as `roles.merge` gives.
    """

    __slots__ = ("roles", "rules")

    def __init__(self, scope: int, roles: Iterable[Ref], configs: Iterable[r.RoleConfig]):
        super().__init__(scope)
        self.roles = tuple(roles)
        self.rules = r.merge(configs)

    def _plain(self, ctx: Context, resource: Ref, action: str, argument: Any) -> bool:
        """Whether a privilege is granted whose predicate takes the same argument whatever its arity."""
        rules = self.rules.get((resource, action))
        return rules is not None and r.granted(ctx, rules, self.scope, lambda _: argument)

    def _on_document(self, ctx: Context, ref: Ref, action: str) -> bool:
        return self._plain(ctx, _collection(ref), action, ref)

    def asks(self, ref: Ref, action: str) -> bool:
        rules = self.rules.get((_collection(ref), action), ())
        return bool(rules) and True not in rules

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        return self._on_document(ctx, ref, "read")

    def can_read_history(self, ctx: Context, ref: Ref) -> bool:
        return self._on_document(ctx, ref, "history_read")

    def can_create(self, ctx: Context, collection: Ref, new: Fields) -> bool:
        return self._plain(ctx, collection, "create", new)

    def can_create_with_id(self, ctx: Context, ref: Ref, new: Fields) -> bool:
        collection = _collection(ref)
        rules = self.rules.get((collection, "create_with_id"), ())
        if r.granted(ctx, rules, self.scope, lambda fn: new if fn.arity == 1 else [new, ref]):
            return True
        return self.can_create(ctx, collection, new) and self.can_write_history(
            ctx, ref, ctx.time, CREATE, new
        )

    def can_write(self, ctx: Context, ref: Ref, old: Fields, new: Fields) -> bool:
        rules = self.rules.get((_collection(ref), "write"), ())
        return r.granted(ctx, rules, self.scope, lambda fn: [old, new, ref] if fn.arity == 3 else [old, new])

    def can_delete(self, ctx: Context, ref: Ref) -> bool:
        return self._on_document(ctx, ref, "delete")

    def can_write_history(self, ctx: Context, ref: Ref, ts: int, action: Action, new: Fields) -> bool:
        argument = [ref, Time.from_micros(ts), action.name, new]
        return self._plain(ctx, _collection(ref), "history_write", argument)

    def can_call(self, ctx: Context, function: Ref, arguments: Any) -> bool:
        return self._plain(ctx, function, "call", arguments)

    def can_move(self, ctx: Context, database: Ref) -> bool:
        # The privilege to delete in the caller's own databases() covers databases at any depth.
        return self._plain(ctx, Ref(self.scope, COLLECTIONS, DATABASES), "delete", database)

    def read_index(self, ctx: Context, index: Ref, terms: list[Any]) -> Optional[str]:
        if self._plain(ctx, index, "unrestricted_read", terms):
            return ALL
        return FILTERED if self._plain(ctx, index, "read", terms) else None

    def read_documents(self, ctx: Context, collection: Ref) -> str:
        return ALL if self._plain(ctx, collection, "unrestricted_read", None) else FILTERED


class IdentityPermissions(RolePermissions):
    """A token, or a key acting as a document: the roles the document is a member of, and a baseline.

    Baseline: it may read the document's own tokens and credentials by ref, and delete its own tokens. While no role's
    membership applies at all, it may also read the document itself, which drivers rely on. A role that applies and
    grants nothing ends that.
    """

    __slots__ = ("identity",)

    def __init__(self, scope: int, identity: Ref, roles: Iterable[Ref], configs: Iterable[r.RoleConfig]):
        super().__init__(scope, roles, configs)
        self.identity = identity

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        if ref.coll in (TOKENS, CREDENTIALS) and self._is_own(ctx, ref):
            return True
        if ref == self.identity and not self.roles:
            return True
        return super().can_read(ctx, ref)

    def can_delete(self, ctx: Context, ref: Ref) -> bool:
        return (ref.coll == TOKENS and self._is_own(ctx, ref)) or super().can_delete(ctx, ref)

    def _is_own(self, ctx: Context, ref: Ref) -> bool:
        if ref.scope != self.scope:
            return False
        row = ctx.snap.version(ref.scope, ref.coll, ref.id)
        if row is None or not row.live or row.data is None:
            return False
        return bool(decode_fields(row.data, ref.scope).get("instance") == self.identity)


def _collection(ref: Ref) -> Ref:
    """The resource whose privileges cover a document: its collection, user's or native."""
    return Ref(ref.scope, COLLECTIONS, ref.coll)


def of_roles(schema: Schema, scope: int, value: Any) -> Permissions:
    """The permissions of a ``role`` field in a database: a built-in name, role names, role refs, or several.

    Roles that no longer exist contribute nothing.
    """
    if type(value) is str and value in BUILTIN:
        return BUILTIN[value](scope)
    refs = r.resolve(schema, scope, value)
    return RolePermissions(scope, refs, map(schema.role, refs))
