"""Whether a principal still has the rights it had, which streams check before every batch (auth chapter, "Streams")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..language.values import Ref
from .role_permissions import RolePermissions

if TYPE_CHECKING:
    from ..language.context import Host
    from ..storage.base import Snapshot
    from .principals import Auth
    from .schema import Schema


def stamp(auth: Auth, snap: Snapshot) -> tuple[Any, ...]:
    """What must stay the same: who the principal is, its key or token, and the roles in force, each with its version."""
    permissions = auth.permissions
    roles = permissions.roles if isinstance(permissions, RolePermissions) else ()
    return (
        auth.kind,
        auth.scope,
        auth.identity,
        type(permissions),
        _versioned(snap, auth.document),
        tuple(_versioned(snap, role) for role in roles),
    )


def _versioned(snap: Snapshot, ref: Optional[Ref]) -> Optional[tuple[Ref, Optional[int]]]:
    if ref is None:
        return None
    row = snap.version(ref.scope, ref.coll, ref.id)
    return ref, None if row is None else row.ts


class Watch:
    """A principal as it was authenticated, to be compared with later. header: its ``Authorization``."""

    __slots__ = ("_header", "_host", "_stamp", "auth")

    def __init__(self, host: Host, header: Optional[str], auth: Auth, snap: Snapshot):
        self.auth = auth
        self._host = host
        self._header = header
        self._stamp = stamp(auth, snap)

    def __repr__(self) -> str:
        return f"Watch({self.auth!r})"

    def holds(self, snap: Snapshot, schema: Schema) -> bool:
        """Whether the principal would be authenticated again now, with exactly the same rights."""
        if self.auth.kind == "root":
            return True
        authenticator = self._host.authenticator
        expires = self.auth.expires
        if expires is not None and expires <= authenticator.tokens.clock() * 1_000_000:
            return False
        if self.auth.kind == "jwt":
            current = authenticator.again(self._host, snap, schema, self.auth)
        else:
            current = authenticator.authenticate(self._host, snap, schema, self._header)
        return current is not None and stamp(current, snap) == self._stamp
