"""From an ``Authorization`` header to a principal (auth chapter, "Secrets and principals")."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..indexes.lookups import key_of
from ..integers import int64
from ..language.codec import decode_fields
from ..language.context import Context, Host
from ..language.values import COLLECTIONS, FIRST_COLLECTION, ROLES, TOKENS, Ref
from ..records import NamedTuple
from . import jwt, secrets
from . import roles as r
from .header import BadScope, Scope, secret_text, split
from .permissions import BUILTIN, Admin, PredicatePermissions
from .principals import Auth
from .role_permissions import IdentityPermissions, of_roles

if TYPE_CHECKING:
    from ..storage.base import Snapshot
    from ..storage.rows import VersionRow
    from .schema import Schema

#: Ids hold milliseconds since 1336258850000 above their lowest 20 bits; the hosted service closed on 2025-05-30.
CLOSURE_ID = (1_748_563_200_000 - 1_336_258_850_000) << 20

#: How many seconds predicates of memberships and providers may take when the request has no deadline.
PREDICATE_SECONDS = 60.0
#: How many principals are remembered; the oldest go first.
MAX_PROOFS = 10_000


class _Proof(NamedTuple):
    """A remembered principal, and what must be unchanged for it to hold: the schema version, and its key or token
    (document, at version ts). instance: the document it acts as, which must still exist.

    stamp: of that version (`schema.view.Committed`). If what made it is not committed, another transaction makes one with
    the same number.
    """

    auth: Auth
    schema_version: int
    stamp: Optional[str]
    document: Optional[Ref]
    ts: int
    instance: Optional[Ref]


class Authenticator:
    """Authenticates the requests of one engine; any thread may use it.

    root_secrets: the server's own secrets, of which only hashes are kept. root_hashes: hashes of such secrets, made by
    `secrets.hash_root`. tokens: the verifier of JSON web tokens; the usual one when None.
    """

    def __init__(
        self,
        root_secrets: Iterable[str] = (),
        *,
        root_hashes: Iterable[str] = (),
        tokens: Optional[jwt.TokenVerifier] = None,
    ):
        self.root_hashes = [*map(secrets.hash_root, root_secrets), *root_hashes]
        self.verified = secrets.VerifiedSecrets()
        self._tokens = tokens
        self._lock = threading.Lock()
        self._proofs: dict[bytes, _Proof] = {}
        #: headers that were found good but cannot be remembered, since they depend on more than a proof says
        self._trusted: dict[bytes, None] = {}

    def __repr__(self) -> str:
        return "Authenticator()"

    @property
    def tokens(self) -> jwt.TokenVerifier:
        """Verifies JSON web tokens; made when the first one comes."""
        if self._tokens is None:
            self._tokens = jwt.TokenVerifier()
        return self._tokens

    def authenticate(
        self,
        host: Host,
        snap: Snapshot,
        schema: Schema,
        header: Optional[str],
        deadline: Optional[float] = None,
        name: Optional[bytes] = None,
    ) -> Optional[Auth]:
        """The principal of a request at a snapshot; None when there is none (401).

        header: the value of ``Authorization``. deadline: for predicates, in `time.monotonic` seconds. name: what
        `trusted_name` returned for the header, if it was called. Raises `jwks.KeysNeeded` when a key set must be
        downloaded first, for which no snapshot should be kept open.
        """
        if header is None:
            return None
        name = name or self.verified.digest(header)
        proof = self._proofs.get(name)
        version, stamp = snap.schema_version, schema.stamp
        if proof is not None and proof.schema_version == version and proof.stamp == stamp:
            if proof.document is None or _still_lives(proof, proof.document, snap):
                return proof.auth
        attempt = _Attempt(self, host, snap, schema, deadline)
        text, may_be_jwt = secret_text(header)
        if not text:
            return None
        auth = attempt.jwt(text) if may_be_jwt else attempt.secret(text)
        if auth is not None and attempt.lasting:
            auth.timeless = attempt.timeless
            self._remember(name, _Proof(auth, version, stamp, auth.document, attempt.ts, attempt.instance))
        elif (auth is not None) != (name in self._trusted) or proof is not None:
            self._trust(name, auth is not None)
        return auth

    def lasts(self, name: bytes, schema_version: int) -> bool:
        """Whether the header of that name gives the same principal as now while the schema has this version, whatever else is
        written. name: see `trusted_name`."""
        proof = self._proofs.get(name)
        return proof is not None and proof.schema_version == schema_version and proof.document is None

    def knows(self, header: Optional[str], name: Optional[bytes] = None) -> bool:
        """Whether a header is remembered with its principal, so that `authenticate` is quick.

        name: what `trusted_name` returned for it, if it was called.
        """
        return header is not None and (name or self.verified.digest(header)) in self._proofs

    def trusted_name(self, header: str) -> Optional[bytes]:
        """The name (a digest) of a header that was good when it was last checked; None for any other.

        Whoever sends it is no stranger, although checking it again may take a while.
        """
        name = self.verified.digest(header)
        return name if name in self._proofs or name in self._trusted else None

    def again(self, host: Host, snap: Snapshot, schema: Schema, auth: Auth) -> Optional[Auth]:
        """The principal that the claims of an already verified JWT give now; None when they give none."""
        return jwt.granted(schema, _Attempt(self, host, snap, schema, None).context, auth.claims or {})

    def _trust(self, name: bytes, is_good: bool) -> None:
        with self._lock:
            self._proofs.pop(name, None)
            self._trusted.pop(name, None)
            if is_good:
                self._trusted[name] = None
                while len(self._trusted) > MAX_PROOFS:
                    del self._trusted[next(iter(self._trusted))]

    def _remember(self, name: bytes, proof: _Proof) -> None:
        with self._lock:
            while len(self._proofs) >= MAX_PROOFS:
                del self._proofs[next(iter(self._proofs))]
            self._proofs[name] = proof

    def adopt(self, secret: str) -> bool:
        """Accept the secret of a key of the hosted service as a root secret; False when it is not such a secret.

        For applications that run unchanged since the service closed: their database is in their own process now. Only
        secrets of keys qualify whose id was allotted before the closure, which no new key of a store can have. A
        token's secret, which an application may hold for an end user, is never accepted. Where the store does have a
        key with that id, that key is what counts.
        """
        decoded = secrets.decode_secret(secret)
        if decoded is None or decoded.kind != "key" or not 0 < decoded.id < CLOSURE_ID:
            return False
        if not self.is_root(secret):
            self.root_hashes.append(secrets.hash_root(secret))
        return True

    def is_root(self, text: str) -> bool:
        """Whether a text is one of the server's own secrets."""
        # Every hash is compared, so that the time taken does not tell which one matched.
        matches = [self.verified.check_root(text, hashed) for hashed in self.root_hashes]
        return True in matches


def _still_lives(proof: _Proof, ref: Ref, snap: Snapshot) -> bool:
    """Whether the key or token of a principal is unchanged, and the document it is for still exists."""
    row = snap.version(ref.scope, ref.coll, ref.id)
    if row is None or row.ts != proof.ts or not _lives(row, snap):
        return False
    if proof.instance is None:
        return True
    ref = proof.instance
    row = snap.version(ref.scope, ref.coll, ref.id)
    return row is not None and _lives(row, snap)


def _lives(row: VersionRow, snap: Snapshot) -> bool:
    return row.live and (row.ttl is None or row.ttl > snap.time)


class _Attempt:
    """One authentication.

    lasting: the outcome depends only on the schema, on the key or token at version `ts`, and on whether `instance`
    exists, so that it can be remembered. timeless: none of these has a ttl.
    """

    def __init__(
        self,
        owner: Authenticator,
        host: Host,
        snap: Snapshot,
        schema: Schema,
        deadline: Optional[float],
    ):
        self.owner = owner
        self.host = host
        self.snap = snap
        self.schema = schema
        self.deadline = time.monotonic() + PREDICATE_SECONDS if deadline is None else deadline
        self.lasting = True
        self.timeless = True
        self.ts = 0
        self.instance: Optional[Ref] = None

    # ---- secrets ---------------------------------------------------------------------------------------

    def secret(self, text: str) -> Optional[Auth]:
        try:
            secret, scope = split(text)
        except BadScope:
            return None
        decoded = secrets.decode_secret(secret)
        if decoded is not None:
            find = self._key if decoded.kind == "key" else self._token
            auth = find(secret, decoded, scope)
            if auth is not None:
                return auth
        if not self.owner.is_root(secret):
            return None
        if scope is None:
            return Auth("root", 0, Admin(0))
        return self._scoped(scope, 0, None)

    def document_of(self, text: str) -> Optional[Ref]:
        """The key or token that a secret belongs to, if the secret (without a scope) authenticates."""
        decoded = secrets.decode_secret(text)
        if decoded is None:
            return None
        if decoded.kind == "key":
            key = self._find_key(text, decoded)
            return None if key is None else key[0]
        token = self._find_token(text, decoded)
        return None if token is None else token[0]

    def _find_key(self, secret: str, decoded: secrets.Secret) -> Optional[tuple[Ref, Any, int]]:
        """The key, its role, and the database it is for."""
        ref = key_of(self.snap, decoded.id)
        fields = None if ref is None else self._checked(ref, secret)
        if ref is None or fields is None:
            return None
        database = self._database_of_key(ref, fields)
        return None if database is None else (ref, fields.get("role"), database)

    def _find_token(self, secret: str, decoded: secrets.Secret) -> Optional[tuple[Ref, Ref]]:
        """The token and the live document it is for."""
        scope = self._scope_of(decoded.global_id or 0)
        if scope is None:
            return None
        ref = Ref(scope, TOKENS, decoded.id)
        instance = (self._checked(ref, secret) or {}).get("instance")
        return (ref, instance) if type(instance) is Ref and self._document_lives(instance) else None

    def _scope_of(self, global_id: int) -> Optional[int]:
        if global_id == 0:
            return 0
        info = self.schema.by_global_id(secrets.global_id_text(global_id))
        return None if info is None else info.scope

    def _checked(self, ref: Ref, secret: str) -> Optional[dict[str, Any]]:
        """The fields of a live key or token whose hash fits the secret, in a live database."""
        if self.schema.database(ref.scope) is None:
            return None
        row = self.snap.version(ref.scope, ref.coll, ref.id)
        if row is None or row.data is None or not self._lives(row):
            return None
        fields = decode_fields(row.data, ref.scope)
        hashed = fields.get("hashed_secret")
        if type(hashed) is not str or not self.owner.verified.check(secret, hashed):
            return None
        self.ts = row.ts
        return fields

    def _key(self, secret: str, decoded: secrets.Secret, scope: Optional[Scope]) -> Optional[Auth]:
        found = self._find_key(secret, decoded)
        if found is None:
            return None
        ref, role, database = found
        if scope is None:
            return Auth("key", database, of_roles(self.schema, database, role), document=ref)
        if not _may_scope(role, scope):
            return None
        return self._scoped(scope, database, ref)

    def _database_of_key(self, ref: Ref, fields: Mapping[str, Any]) -> Optional[int]:
        database = fields.get("database")
        if database is None:
            return ref.scope
        info = self.schema.database_of(database) if type(database) is Ref else None
        return None if info is None else info.scope

    def _token(self, secret: str, decoded: secrets.Secret, scope: Optional[Scope]) -> Optional[Auth]:
        found = self._find_token(secret, decoded)
        if found is None:
            return None
        ref, instance = found
        return self._as_document("token", instance, ref)

    def _document_lives(self, ref: Ref) -> bool:
        if self.schema.collection(ref.scope, ref.coll) is None:
            return False
        row = self.snap.version(ref.scope, ref.coll, ref.id)
        return row is not None and self._lives(row)

    def _lives(self, row: VersionRow) -> bool:
        self.timeless = self.timeless and row.ttl is None
        return _lives(row, self.snap)

    # ---- scopes ----------------------------------------------------------------------------------------

    def _scoped(self, scope: Scope, database: int, key: Optional[Ref]) -> Optional[Auth]:
        """A key, or root (key None), inside the scope it asks for."""
        for name in scope.path:
            info = self.schema.child(database, name)
            if info is None:
                return None
            database = info.scope
        if scope.kind == "builtin":
            return Auth("scoped", database, BUILTIN[scope.target](database), document=key)
        if scope.kind == "role":
            if self.schema.lookup(database, ROLES, scope.target) is None:
                return None
            # In a list, a name is never taken for a built-in role.
            return Auth("scoped", database, of_roles(self.schema, database, [scope.target]), document=key)
        document = self._document(database, scope.target)
        return None if document is None else self._as_document("scoped", document, key)

    def _document(self, database: int, path: str) -> Optional[Ref]:
        """The live user document at ``collection/id``."""
        name, _, number = path.partition("/")
        document = None if number[:1] in ("-", "+") else int64(number)
        if document is None:
            return None
        collection = self.schema.lookup(database, COLLECTIONS, name)
        if collection is None or collection.id < FIRST_COLLECTION:
            return None
        ref = Ref(database, collection.id, document)
        return ref if self._document_lives(ref) else None

    def _as_document(self, kind: str, identity: Ref, document: Optional[Ref]) -> Auth:
        """A principal with a document's identity: the roles it is a member of, and the baseline."""
        scope = identity.scope
        collection = Ref(scope, COLLECTIONS, identity.coll)
        members = r.candidates(self.schema, scope, collection)
        if any(None not in predicates for _, predicates in members):
            self.lasting = False
        auth = Auth(kind, scope, PredicatePermissions(scope), identity=identity, document=document)
        applying = r.applying(self.context(auth), identity) if members else []
        configs = [self.schema.role(ref) for ref in applying]
        auth.permissions = IdentityPermissions(scope, identity, applying, configs)
        if document is None:
            self.lasting = False
        self.instance = identity
        return auth

    def context(self, auth: Auth) -> Context:
        return Context(self.host, self.snap, self.schema, auth, deadline=self.deadline)

    # ---- JSON web tokens -------------------------------------------------------------------------------

    def jwt(self, text: str) -> Optional[Auth]:
        self.lasting = False
        return jwt.authenticate(self.owner.tokens, self.schema, self.context, text)


def _may_scope(role: Any, scope: Scope) -> bool:
    if role == "admin":
        return True
    return role == "server" and scope.kind == "document" and not scope.path


class SecretOwner(NamedTuple):
    """What a secret belongs to: a key or token, or (JWT) a database."""

    document: Optional[Ref]
    database: Optional[Ref]


def owner_of_secret(ctx: Context, text: str) -> Optional[SecretOwner]:
    """What a secret belongs to, if it would authenticate without a scope; None otherwise."""
    ctx.timeless = False  # keys and tokens may have a ttl
    attempt = _Attempt(ctx.host.authenticator, ctx.host, ctx.snap, ctx.schema, ctx.deadline)
    if text.startswith("ey") and "." in text:
        auth = attempt.jwt(text)
        info = None if auth is None else ctx.schema.database(auth.scope)
        return None if info is None else SecretOwner(None, info.ref)
    ref = attempt.document_of(text)
    return None if ref is None else SecretOwner(ref, None)
