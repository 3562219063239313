"""Principals: who a request is (auth chapter, "Secrets and principals")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..indexes.lookups import credentials_of
from ..language.values import CREDENTIALS, FIRST_COLLECTION, TOKENS, Ref
from .permissions import Permissions
from .role_permissions import of_roles

if TYPE_CHECKING:
    from ..language.context import Context


class Auth:
    """A principal: who the request is.

    kind: ``root``, ``key``, ``scoped`` (a key or root with a scope), ``token`` or ``jwt``. scope: number of
    the database it acts on. identity: the document it acts as, or None. document: its key or token, or None
    (root, JWT). claims: the payload of a JWT as values. expires: when it ends, in microseconds, or None. timeless:
    nothing of it ends by itself: its secret gives the same principal until something is written.
    """

    __slots__ = ("claims", "document", "expires", "identity", "kind", "permissions", "scope", "timeless")

    def __init__(
        self,
        kind: str,
        scope: int,
        permissions: Permissions,
        *,
        identity: Optional[Ref] = None,
        document: Optional[Ref] = None,
        claims: Optional[dict[str, Any]] = None,
        expires: Optional[int] = None,
    ):
        self.kind = kind
        self.scope = scope
        self.permissions = permissions
        self.identity = identity
        self.document = document
        self.claims = claims
        self.expires = expires
        self.timeless = False

    def __repr__(self) -> str:
        return f"Auth({self.kind}, {self.scope}, {self.permissions!r})"

    @property
    def token(self) -> Optional[Ref]:
        """The token the request came with, None for other principals."""
        return self.document if self.kind == "token" else None

    @property
    def has_identity(self) -> bool:
        return self.identity is not None or (self.claims is not None and "sub" in self.claims)

    @property
    def current_identity(self) -> Any:
        """The document's ref, or the ``sub`` claim; only when `has_identity`."""
        return self.identity if self.identity is not None else (self.claims or {}).get("sub")

    @property
    def has_token(self) -> bool:
        # A key that is a document of another database is not to be seen in this one.
        return self.claims is not None or (self.document is not None and self.document.scope == self.scope)

    @property
    def current_token(self) -> Any:
        """The key's or token's ref, or the whole payload of a JWT; only when `has_token`."""
        return self.claims if self.claims is not None else self.document

    def inside_function(self, ctx: Context, role: Any) -> Permissions:
        """What the body of a function with a ``role`` may do; an unscoped root caller keeps what it has."""
        if self.kind == "root":
            return ctx.perms  # type: ignore[no-any-return]
        return of_roles(ctx.schema, ctx.scope, role)

    def self_ref(self, ctx: Context, collection: Ref) -> Optional[Ref]:
        """The document that ``self`` stands for in a collection; None when there is none."""
        if collection.scope != self.scope:
            return None
        if collection.id == TOKENS:
            return self.token
        if collection.id == CREDENTIALS:
            ctx.timeless = False  # credentials may have a ttl
            return credentials_of(ctx.snap, self.identity) if self.token and self.identity else None
        if self.identity is not None and self.identity.coll == collection.id >= FIRST_COLLECTION:
            return self.identity
        return None
