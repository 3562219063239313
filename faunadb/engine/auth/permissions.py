"""What a principal may do (auth chapter, "Built-in permission sets" and "Roles").

Every class answers the same questions. References say which database they are in: a principal may read in databases
below its own, but write only in its own. A denial has no reason; callers turn it into ``permission denied`` at the
documented position.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..language.values import (
    ACCESS_PROVIDERS,
    COLLECTIONS,
    DATABASES,
    KEYS,
    ROLES,
    Action,
    Ref,
)

if TYPE_CHECKING:
    from ..language.context import Context

#: How a set may be read: all entries, or those whose document may be read. (None: not at all.)
ALL = "all"
FILTERED = "filtered"

#: Native collections that only administrators see.
SPECIAL = frozenset((DATABASES, KEYS, ROLES, ACCESS_PROVIDERS))

Fields = Mapping[str, Any]


def is_special(ref: Ref) -> bool:
    """Whether a ref is that of a database, key, role or access provider, or of one of these native collections."""
    return ref.coll in SPECIAL or (ref.coll == COLLECTIONS and ref.id in SPECIAL)


class Permissions:
    """The base: denies everything. scope: the principal's own database."""

    __slots__ = ("scope",)

    #: Whether credentials may be written as the server role may: hashes as given, without ``current_password``.
    writes_credentials_freely = False

    def __init__(self, scope: int):
        self.scope = scope

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scope})"

    def reads_all(self, scope: int) -> bool:
        """Whether every document of a database may be read, so that nobody need ask for each."""
        return False

    def asks(self, ref: Ref, action: str) -> bool:
        """Whether a predicate decides if an action on a document is granted."""
        return False

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        """For get, exists, and elements of filtered sets; also for schema items."""
        return False

    def can_read_history(self, ctx: Context, ref: Ref) -> bool:
        """For events(ref) and singleton(ref)."""
        return False

    def can_create(self, ctx: Context, collection: Ref, new: Fields) -> bool:
        """For create in a collection, user's or native. new: the params as given."""
        return False

    def writes_all(self, scope: int) -> bool:
        """Whether every document of a user collection of a database may be created, written and deleted, so that nobody need
        ask for each."""
        return False

    def can_create_with_id(self, ctx: Context, ref: Ref, new: Fields) -> bool:
        """For create at a ref. new: the params as given."""
        return False

    def can_write(self, ctx: Context, ref: Ref, old: Fields, new: Fields) -> bool:
        """For update and replace. old: the stored fields; new: these with the params merged in."""
        return False

    def can_delete(self, ctx: Context, ref: Ref) -> bool:
        """For delete."""
        return False

    def can_write_history(self, ctx: Context, ref: Ref, ts: int, action: Action, new: Fields) -> bool:
        """For insert and remove. ts: microseconds."""
        return False

    def can_call(self, ctx: Context, function: Ref, arguments: Any) -> bool:
        """For call. arguments: as the function gets them."""
        return False

    def can_move(self, ctx: Context, database: Ref) -> bool:
        """For move_database."""
        return False

    def read_index(self, ctx: Context, index: Ref, terms: list[Any]) -> Optional[str]:
        """For match: `ALL`, `FILTERED`, or None when denied."""
        return None

    def read_documents(self, ctx: Context, collection: Ref) -> str:
        """For documents(collection): `ALL` or `FILTERED`, never denied."""
        return FILTERED

    def read_native(self, ctx: Context, collection: Ref) -> bool:
        """For the set of a native collection; each element is still subject to `can_read`."""
        return self.can_read(ctx, collection)


class Client(Permissions):
    """The role ``client``: only expressions without reads and writes, and calls of functions that have a role."""

    __slots__ = ()


class Reader(Permissions):
    """Base of the roles that read in their own database and those below it."""

    __slots__ = ()

    def _reaches(self, ctx: Context, scope: int) -> bool:
        return scope == self.scope or bool(ctx.schema.is_within(scope, self.scope))


class Admin(Reader):
    """The role ``admin``, and root: everything."""

    __slots__ = ()

    def reads_all(self, scope: int) -> bool:
        return scope == self.scope

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        return self._reaches(ctx, ref.scope)

    def can_read_history(self, ctx: Context, ref: Ref) -> bool:
        return self._reaches(ctx, ref.scope)

    def writes_all(self, scope: int) -> bool:
        return scope == self.scope

    def can_create(self, ctx: Context, collection: Ref, new: Fields) -> bool:
        return collection.scope == self.scope

    def can_create_with_id(self, ctx: Context, ref: Ref, new: Fields) -> bool:
        return ref.scope == self.scope

    def can_write(self, ctx: Context, ref: Ref, old: Fields, new: Fields) -> bool:
        return ref.scope == self.scope

    def can_delete(self, ctx: Context, ref: Ref) -> bool:
        return ref.scope == self.scope

    def can_write_history(self, ctx: Context, ref: Ref, ts: int, action: Action, new: Fields) -> bool:
        return ref.scope == self.scope

    def can_call(self, ctx: Context, function: Ref, arguments: Any) -> bool:
        return self._reaches(ctx, function.scope)

    def can_move(self, ctx: Context, database: Ref) -> bool:
        return self._reaches(ctx, database.scope)

    def read_index(self, ctx: Context, index: Ref, terms: list[Any]) -> Optional[str]:
        return ALL if self._reaches(ctx, index.scope) else None

    def read_documents(self, ctx: Context, collection: Ref) -> str:
        return ALL if self._reaches(ctx, collection.scope) else FILTERED


class ServerReadonly(Reader):
    """The role ``server-readonly``: reads all but databases, keys, roles and access providers."""

    __slots__ = ()

    writes_credentials_freely = True

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        return not is_special(ref) and self._reaches(ctx, ref.scope)

    def can_read_history(self, ctx: Context, ref: Ref) -> bool:
        return self.can_read(ctx, ref)

    def read_index(self, ctx: Context, index: Ref, terms: list[Any]) -> Optional[str]:
        if not self._reaches(ctx, index.scope):
            return None
        # Only in an index over what this role may not read does each document need a check.
        info = ctx.schema.index(index)
        return FILTERED if info is None or any(map(info.covers, SPECIAL)) else ALL

    def read_documents(self, ctx: Context, collection: Ref) -> str:
        readable = collection.id not in SPECIAL and self._reaches(ctx, collection.scope)
        return ALL if readable else FILTERED


class Server(ServerReadonly):
    """The role ``server``: as ``server-readonly``, and writes (with the same exceptions) and calls."""

    __slots__ = ()

    def _writes(self, ref: Ref) -> bool:
        return ref.scope == self.scope and not is_special(ref)

    def writes_all(self, scope: int) -> bool:
        return scope == self.scope

    def can_create(self, ctx: Context, collection: Ref, new: Fields) -> bool:
        return self._writes(collection)

    def can_create_with_id(self, ctx: Context, ref: Ref, new: Fields) -> bool:
        return self._writes(ref)

    def can_write(self, ctx: Context, ref: Ref, old: Fields, new: Fields) -> bool:
        return self._writes(ref)

    def can_delete(self, ctx: Context, ref: Ref) -> bool:
        return self._writes(ref)

    def can_write_history(self, ctx: Context, ref: Ref, ts: int, action: Action, new: Fields) -> bool:
        return self._writes(ref)

    def can_call(self, ctx: Context, function: Ref, arguments: Any) -> bool:
        return self._reaches(ctx, function.scope)


class PredicatePermissions(Permissions):
    """What a predicate may do in its database: read all but special documents, match any index, call functions."""

    __slots__ = ()

    def can_read(self, ctx: Context, ref: Ref) -> bool:
        return ref.scope == self.scope and not is_special(ref)

    def can_call(self, ctx: Context, function: Ref, arguments: Any) -> bool:
        return function.scope == self.scope

    def read_index(self, ctx: Context, index: Ref, terms: list[Any]) -> Optional[str]:
        return ALL if index.scope == self.scope else None

    def read_documents(self, ctx: Context, collection: Ref) -> str:
        readable = collection.scope == self.scope and collection.id not in SPECIAL
        return ALL if readable else FILTERED


BUILTIN: dict[str, type[Permissions]] = {
    "admin": Admin,
    "server": Server,
    "server-readonly": ServerReadonly,
    "client": Client,
}


__all__ = ["ALL", "BUILTIN", "FILTERED", "Permissions"]
