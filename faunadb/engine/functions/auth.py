"""Passwords, tokens and the caller's identity (auth chapter, "Credentials, tokens, identity")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from .. import documents
from ..auth.authentication import owner_of_secret
from ..auth.secrets import check_password
from ..documents import writing
from ..indexes.lookups import credentials_of, tokens_of
from ..language import codec
from ..language import values as v
from ..language.casts import BOOLEAN, IDENTIFIER, NULL, OBJECT, STRING
from ..language.errors import Fault, permission_denied, validation_failed
from ..language.registry import PURE, READ, WRITE, Arg, form
from ..schema.fields import invalid_type, prepare
from ..schema.tokens import TOKENS
from ..sets.base import Denied
from ..sets.elements import ref_of

if TYPE_CHECKING:
    from ..language.context import Context

Identifier = Union[v.Ref, v.SetValue]


def _authentication_failed() -> Fault:
    return Fault("authentication failed", "The document was not found or provided password was incorrect.")


def _document_of(ctx: Context, identifier: Any, at: str) -> Optional[v.Ref]:
    """The ref itself, or the document behind a set's first member; None for an empty set."""
    if type(identifier) is v.Ref:
        return identifier
    try:
        element = next(iter(identifier.open(ctx).scan((), (), False, 1)), None)
    except Denied:
        raise permission_denied(at) from None
    return None if element is None else ref_of(element)


def _hash_of(ctx: Context, ref: Optional[v.Ref]) -> Optional[str]:
    """The password hash of a live document of this database, as of the present; None without."""
    if ref is None or ref.scope != ctx.scope or not documents.exists(ctx, ref, None):
        return None
    ctx.timeless = False  # credentials may have a ttl
    credentials = credentials_of(ctx.snap, ref)
    if credentials is None:
        return None
    row = ctx.snap.version(credentials.scope, credentials.coll, credentials.id)
    if row is not None and row.data is not None:
        ctx.read(len(row.data))
    stored = codec.stored(credentials, row)
    hashed = None if stored is None else stored.fields.get("hashed_password")
    return hashed if type(hashed) is str else None


@form(Arg("login", IDENTIFIER), Arg("params", OBJECT), effect=WRITE, slow=True)
def login(ctx: Context, identifier: Identifier, params: dict[str, Any]) -> v.Document:
    """A token for a document whose password is known. Its ``secret`` is shown by this result alone.

    params: ``password``, and for the token ``ttl`` (Time) and ``data``. A set stands for its first member. Result: the
    token's document, HTTP 201; needs no permission but to read the set. Nobody logs in as a deleted document, unlike in
    the original.
    Errors: ``authentication failed``, ``validation failed``; ``permission denied`` at ``login``.

    >>> user = q.select("ref", q.create(q.collection("spells"), {"credentials": {"password": "sesame"}}))
    >>> q.contains_field("secret", q.login(user, {"password": "sesame"}))
    True
    """
    ctx.writer()
    ref = _document_of(ctx, identifier, "login")
    hashed = _hash_of(ctx, ref)
    password = params.get("password")
    if hashed is not None and password is not None and type(password) is not str:
        raise validation_failed([invalid_type(("password",), password, "String")])
    if not check_password(password if type(password) is str else "", hashed) or password is None:
        raise _authentication_failed()
    if ctx.at is not None:
        raise Fault("invalid write time", "Cannot write outside of snapshot time.")
    given = prepare(ctx, {key: params[key] for key in ("ttl", "data") if key in params})
    return TOKENS.issue(ctx, {"instance": ref, **given})


@form(Arg("logout", BOOLEAN), effect=WRITE)
def logout(ctx: Context, everywhere: bool) -> bool:
    """Delete the token the request came with, or with true every token of the identity document.

    Result: whether there was a token, or an identity, at all. The token works on until the query ends.

    >>> q.logout(True)
    False
    """
    auth = ctx.auth
    if everywhere:
        if auth.identity is None:
            return False
        for token in tokens_of(ctx.writer(), auth.identity):
            _delete(ctx, token)
        return True
    if auth.token is None:
        return False
    _delete(ctx, auth.token)
    return True


def _delete(ctx: Context, token: v.Ref) -> None:
    """Delete a token unless that was done already. Asks for no permission."""
    row = ctx.writer().version(token.scope, token.coll, token.id)
    if row is not None and row.live:
        writing.write(ctx, token, None, row)


@form(Arg("identify", IDENTIFIER), Arg("password", STRING), effect=READ, slow=True)
def identify(ctx: Context, identifier: Identifier, password: str) -> bool:
    """Whether a document has credentials with this password. A set stands for its first member.

    Missing documents and empty sets give false; unlike the original, so do deleted documents, whose credentials end with
    them. Errors: ``permission denied`` at ``identify`` for the set.

    >>> user = q.select("ref", q.create(q.collection("spells"), {"credentials": {"password": "sesame"}}))
    >>> q.identify(user, "sesame")
    True
    """
    return check_password(password, _hash_of(ctx, _document_of(ctx, identifier, "identify")))


def _current_identity(ctx: Context, nothing: None) -> Any:
    """The document the caller acts as (a Ref), or the ``sub`` claim of its JSON web token.

    Errors: ``missing identity`` for keys and for tokens without that claim.

    >>> q.if_(q.has_current_identity(), q.current_identity(), "a key")
    'a key'
    """
    if not ctx.auth.has_identity:
        raise Fault("missing identity", "Authentication does not contain an identity")
    return ctx.auth.current_identity


def _has_current_identity(ctx: Context, nothing: None) -> bool:
    """Whether the caller has an identity: a token, a key acting as a document, a JSON web token with ``sub``.

    >>> q.has_current_identity()
    False
    """
    return bool(ctx.auth.has_identity)


form(Arg("current_identity", NULL), effect=READ, since="4")(_current_identity)
form(Arg("has_current_identity", NULL), effect=READ, since="4")(_has_current_identity)


@form(Arg("identity", NULL), effect=READ)
def identity(ctx: Context, nothing: None) -> Any:
    """The old name of ``current_identity``.

    >>> q.if_(q.has_identity(), q.identity(), "a key")
    'a key'
    """
    return _current_identity(ctx, nothing)


@form(Arg("has_identity", NULL), effect=READ)
def has_identity(ctx: Context, nothing: None) -> bool:
    """The old name of ``has_current_identity``.

    >>> q.has_identity()
    False
    """
    return _has_current_identity(ctx, nothing)


@form(Arg("current_token", NULL), effect=READ, since="4")
def current_token(ctx: Context, nothing: None) -> Any:
    """The ref of the caller's token or key, or the payload of its JSON web token.

    Errors: ``invalid token`` for the root secret, and for keys that another database holds.

    >>> q.if_(q.has_current_token(), q.current_token(), "the root secret")
    'the root secret'
    """
    if not ctx.auth.has_token:
        raise Fault("invalid token", "Token metadata is not accessible.")
    return ctx.auth.current_token


@form(Arg("has_current_token", NULL), effect=PURE, since="4")
def has_current_token(ctx: Context, nothing: None) -> bool:
    """Whether ``current_token`` has an answer.

    >>> q.has_current_token()
    False
    """
    return bool(ctx.auth.has_token)


@form(Arg("key_from_secret", STRING), effect=READ, slow=True)
def key_from_secret(ctx: Context, secret: str) -> Any:
    """The key or token that a secret belongs to; for a JSON web token ``{"database": ref}``.

    Errors: ``instance not found`` (HTTP 400) when nobody's, or not to be read; ``permission denied`` for the database
    of a JSON web token.

    >>> key = q.create_key({"role": "server"})
    >>> q.select("role", q.key_from_secret(q.select("secret", key)))
    'server'
    """
    owner = owner_of_secret(ctx, secret)
    if owner is not None and owner.database is not None:
        if not ctx.perms.can_read(ctx, owner.database):
            raise permission_denied()
        return {"database": owner.database}
    found = None
    if owner is not None and owner.document is not None and ctx.perms.can_read(ctx, owner.document):
        found = documents.get(ctx, owner.document, None)
    if found is None:
        raise Fault("instance not found", "No key found for the secret.")
    return found
