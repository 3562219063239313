"""JSON web tokens of access providers (auth chapter, "Access providers and JWT").

RS256, RS384 and RS512 are accepted as in the original, and ES256 besides. A refusal says no reason. Checking
signatures needs the package `cryptography` (extra ``faunadb[jwt]``), which is imported with the first token.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..language.values import Lambda, Ref
from ..records import NamedTuple
from . import roles as r
from .jwks import ECKey, Key, KeySets, RSAKey, decode_part
from .permissions import PredicatePermissions
from .principals import Auth
from .role_permissions import RolePermissions

if TYPE_CHECKING:
    from ..language.context import Context
    from .schema import Schema
logger = logging.getLogger("faunadb.engine")

#: What an audience begins with; the global id of the database follows.
AUDIENCE = "https://db.fauna.com/db/"
#: Longest token looked at, in characters.
MAX_LENGTH = 64 * 1024

_ALGORITHMS: dict[str, type[Any]] = {"RS256": RSAKey, "RS384": RSAKey, "RS512": RSAKey, "ES256": ECKey}
_INT64 = 1 << 63
#: Latest expiry that is told apart, in seconds since 1970: greater doubles may become infinite in microseconds.
_LATEST = _INT64 // 1_000_000


class Parsed(NamedTuple):
    """The parts of a token, none of them verified. signed: the bytes that the signature covers."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Optional[Parsed]:
    """The parts of a token; None when it is not three base64url parts with JSON objects in the first two."""
    parts = text.split(".")
    if len(parts) != 3 or len(text) > MAX_LENGTH:
        return None
    try:
        header, payload = (_object(decode_part(part)) for part in parts[:2])
        return Parsed(header, payload, ".".join(parts[:2]).encode("ascii"), decode_part(parts[2]))
    except (ValueError, RecursionError):
        return None


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8"), parse_int=_integer, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _integer(digits: str) -> Any:
    """JSON integers beyond 64 bits are doubles."""
    if len(digits) > 20:
        return float(digits)
    number = int(digits)
    return number if -_INT64 <= number < _INT64 else float(number)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def database_of(payload: Mapping[str, Any]) -> Optional[str]:
    """The global id that the audience names; None unless exactly one entry names one."""
    audience = payload.get("aud")
    entries = audience if isinstance(audience, list) else [audience]
    named = [entry for entry in entries if isinstance(entry, str) and entry.startswith(AUDIENCE)]
    return named[0][len(AUDIENCE) :] if len(named) == 1 else None


def _in_time(payload: Mapping[str, Any], now: float) -> bool:
    """``exp`` later and ``nbf`` earlier than now (seconds); both may be absent."""
    exp, nbf = payload.get("exp"), payload.get("nbf")
    if "exp" in payload and not (_is_number(exp) and exp > now):  # type: ignore[operator]
        return False
    return "nbf" not in payload or (_is_number(nbf) and nbf < now)  # type: ignore[operator]


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


class TokenVerifier:
    """Checks tokens on their own: form, times, signature.

    keys: where key sets come from. clock: epoch seconds.
    """

    def __init__(self, keys: Optional[KeySets] = None, clock: Callable[[], float] = time.time):
        self.keys = keys if keys is not None else KeySets()
        self.clock = clock
        self._missing_told = False

    def parse(self, text: str) -> Optional[Parsed]:
        """The token's parts when its form, algorithm and times are acceptable, else None."""
        parsed = parse(text)
        if parsed is None or "crit" in parsed.header:
            return None
        algorithm = parsed.header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
            return None
        return parsed if _in_time(parsed.payload, self.clock()) else None

    def signed_by(self, parsed: Parsed, uri: str) -> bool:
        """Whether the signature is by a key of the set at uri. Raises `jwks.KeysNeeded`."""
        algorithm, kid = parsed.header["alg"], parsed.header.get("kid")
        if kid is not None and not isinstance(kid, str):
            return False
        if not self._available():
            return False
        key = self.keys.find(uri, kid, _ALGORITHMS[algorithm])
        return key is not None and verify(algorithm, key, parsed.signed, parsed.signature)

    def _available(self) -> bool:
        try:
            import cryptography  # noqa: F401  (an extra)
        except ImportError:
            if not self._missing_told:
                self._missing_told = True
                logger.warning(
                    "a JSON web token was refused: verifying it needs pip install 'faunadb[jwt]>=4.6'"
                )
            return False
        return True


def verify(algorithm: str, key: Key, signed: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is a valid signature of ``signed`` by ``key``. algorithm: RS256, RS384, RS512 or ES256."""
    from cryptography.exceptions import InvalidSignature  # late: an extra, loaded with the first token
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    digests: dict[str, hashes.HashAlgorithm] = {
        "256": hashes.SHA256(),
        "384": hashes.SHA384(),
        "512": hashes.SHA512(),
    }
    digest = digests[algorithm[2:]]
    try:
        if isinstance(key, RSAKey):
            public = rsa.RSAPublicNumbers(key.e, key.n).public_key()
            public.verify(signature, signed, padding.PKCS1v15(), digest)
            return True
        if len(signature) != 64:
            return False
        r_part, s_part = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        point = ec.EllipticCurvePublicNumbers(key.x, key.y, ec.SECP256R1()).public_key()
        point.verify(encode_dss_signature(r_part, s_part), signed, ec.ECDSA(digest))
        return True
    except (InvalidSignature, ValueError):
        return False


def authenticate(
    verifier: TokenVerifier, schema: Schema, context: Callable[[Auth], Context], text: str
) -> Optional[Auth]:
    """The principal of a token, None when refused. context: makes the context that predicates run in."""
    parsed = verifier.parse(text)
    if parsed is None:
        return None
    place = _place(schema, parsed.payload)
    if place is None or not verifier.signed_by(parsed, place[1]["jwks_uri"]):
        return None
    return _principal(schema, place[0], place[1].get("roles"), parsed.payload, context)


def granted(schema: Schema, context: Callable[[Auth], Context], payload: dict[str, Any]) -> Optional[Auth]:
    """The principal of a payload whose signature was verified before."""
    place = _place(schema, payload)
    return None if place is None else _principal(schema, place[0], place[1].get("roles"), payload, context)


def _place(schema: Schema, payload: Mapping[str, Any]) -> Optional[tuple[int, Mapping[str, Any]]]:
    """The scope of the database that the audience names, and the fields of its provider for the issuer."""
    global_id = database_of(payload)
    database = schema.by_global_id(global_id) if global_id is not None else None
    if database is None or payload.get("iss") == AUDIENCE + database.global_id:
        return None
    provider = _provider(schema, database.scope, payload.get("iss"))
    if provider is None or type(provider.get("jwks_uri")) is not str:
        return None
    return database.scope, provider


def _provider(schema: Schema, scope: int, issuer: Any) -> Optional[Mapping[str, Any]]:
    for ref in schema.access_providers(scope):
        item = schema.item(ref)
        if item is not None and type(issuer) is str and item.fields.get("issuer") == issuer:
            fields: Mapping[str, Any] = item.fields
            return fields
    return None


def _principal(
    schema: Schema,
    scope: int,
    roles: Any,
    payload: dict[str, Any],
    context: Callable[[Auth], Context],
) -> Optional[Auth]:
    expires = payload.get("exp")
    auth = Auth(
        "jwt",
        scope,
        PredicatePermissions(scope),
        claims=payload,
        expires=_micros(expires) if _is_number(expires) else None,
    )
    ctx = context(auth)
    found: list[Ref] = []
    for entry in roles if type(roles) is list else [roles]:
        found += [ref for ref in _granted(ctx, schema, scope, entry, payload) if ref not in found]
    if not found:
        return None
    auth.permissions = RolePermissions(scope, found, map(schema.role, found))
    return auth


def _micros(seconds: Any) -> int:
    return int(min(seconds, _LATEST) * 1_000_000)


def _granted(ctx: Context, schema: Schema, scope: int, entry: Any, payload: dict[str, Any]) -> list[Ref]:
    """The live role that one entry of a provider's ``roles`` grants to this payload, as a list."""
    if type(entry) is not dict:
        return r.resolve(schema, scope, entry)
    found = r.resolve(schema, scope, entry.get("role"))
    predicate = entry.get("predicate")
    holds = bool(found) and type(predicate) is Lambda and r.holds(ctx, predicate, payload, scope)
    return found if holds else []
