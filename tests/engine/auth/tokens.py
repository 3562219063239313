"""Signing JSON web tokens in tests, with keys of our own."""

from __future__ import annotations

import base64
import json
from typing import Any, Optional

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())

_DIGESTS = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: Any = RSA, kid: Optional[str] = "one", **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": _number(public.n), "e": _number(public.e), **more}
    return jwk if kid is None else {**jwk, "kid": kid}


def ec_jwk(kid: str = "curve") -> dict[str, Any]:
    public = EC.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "x": encode(public.x.to_bytes(32, "big")),
        "y": encode(public.y.to_bytes(32, "big")),
    }


def sign(
    payload: Any, *, alg: str = "RS256", kid: Optional[str] = "one", key: Any = None, header: Any = None
) -> str:
    """A signed token. header: replaces the usual one; alg still says how it is signed."""
    if header is None:
        header = {"alg": alg, "typ": "JWT"} if kid is None else {"alg": alg, "typ": "JWT", "kid": kid}
    text = encode(json.dumps(header).encode()) + "." + encode(json.dumps(payload).encode())
    return text + "." + encode(_signature(text.encode(), alg, key))


def _signature(text: bytes, alg: str, key: Any) -> bytes:
    if alg == "none":
        return b""
    digest = _DIGESTS[alg[2:]]()
    if alg.startswith("RS"):
        return (key or RSA).sign(text, padding.PKCS1v15(), digest)
    if alg.startswith("PS"):
        return (key or RSA).sign(text, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if alg.startswith("ES"):
        r, s = decode_dss_signature((key or EC).sign(text, ec.ECDSA(digest)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    mac = hmac.HMAC(key, digest)
    mac.update(text)
    return mac.finalize()
