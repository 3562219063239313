"""Secrets of keys and tokens, hashes of secrets and passwords, global ids of databases.

A key's or token's secret is URL-safe base64 without padding over

===== ================================================================================ ==========
kind  bytes                                                                            text
===== ================================================================================ ==========
key   126, 112, key id (8 bytes, big endian), 20 random bytes                          40 letters
token 126, 113, token id (8 bytes), global id of the database (8 bytes), 20 random     51 letters
===== ================================================================================ ==========

The id leads to the document, and the hash stored there decides whether the secret is right. Only hashes are ever stored.
The random part has 160 bits, too many to find by trying, so a fast hash is enough for it: BLAKE2b of its base64 text,
with a key of its own for each. Passwords and the root secret, which people choose, are hashed by bcrypt, which is slow.
bcrypt hashes of a random part (or of the whole secret) are accepted as well, since older stores and the original's
exports hold them. Nothing here shows a secret in a representation or an error.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import threading
from typing import Any, Callable, Optional

import bcrypt

from ..records import NamedTuple

#: work factor of every bcrypt hash, as in the original
COST = 5
#: how many bytes of its input bcrypt looks at
BCRYPT_BYTES = 72
#: greatest work factor of hashes from elsewhere: each step doubles the time of a comparison
MAX_COST = 12

RANDOM_BYTES = 20
KEY_MARK = bytes((126, 112))
TOKEN_MARK = bytes((126, 113))

_ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
_DIGITS = {letter: number for number, letter in enumerate(_ALPHABET)}
_GLOBAL_ID_LETTERS = 13
_MAX_UNSIGNED = (1 << 64) - 1


class Secret(NamedTuple):
    """A decoded secret.

    kind: ``key`` or ``token``. id: of its document. global_id: number of the token's database (None for
    keys). random: base64 text of the random part, which is what the stored hash is made of.
    """

    kind: str
    id: int
    global_id: Optional[int]
    random: str

    def __repr__(self) -> str:
        return f"Secret({self.kind}, {self.id})"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _bytes(number: int) -> bytes:
    return (number & _MAX_UNSIGNED).to_bytes(8, "big")


def new_key_secret(key_id: int) -> tuple[str, str]:
    """A fresh secret for key key_id. Returns (the secret, its hash for ``hashed_secret``)."""
    return _new(KEY_MARK + _bytes(key_id))


def new_token_secret(token_id: int, global_id: int) -> tuple[str, str]:
    """A fresh secret for token token_id of the database with that global id (the root database: 0).

    Returns (the secret, its hash for ``hashed_secret``).
    """
    return _new(TOKEN_MARK + _bytes(token_id) + _bytes(global_id))


def _new(head: bytes) -> tuple[str, str]:
    random = os.urandom(RANDOM_BYTES)
    return _encode(head + random), hash_random(_encode(random))


def decode_secret(text: str) -> Optional[Secret]:
    """What a secret says about itself, or None when it is neither a key's nor a token's."""
    if len(text) not in (40, 51) or not text.isascii():
        return None
    padded = text.translate(_URL_SAFE) + "=" * (-len(text) % 4)
    try:
        data = binascii.a2b_base64(padded)
    except binascii.Error:
        return None
    if _encode(data) != text:  # foreign characters were skipped, or unused bits are set
        return None
    random = _encode(data[-RANDOM_BYTES:])
    if data.startswith(KEY_MARK) and len(data) == 30:
        return Secret("key", _signed(data[2:10]), None, random)
    if data.startswith(TOKEN_MARK) and len(data) == 38:
        return Secret("token", _signed(data[2:10]), int.from_bytes(data[10:18], "big"), random)
    return None


_URL_SAFE = str.maketrans("-_", "+/")


def hash_secret(text: str) -> Optional[str]:
    """The stored hash of a key's or token's secret; None when text is not one."""
    secret = decode_secret(text)
    return None if secret is None else hash_random(secret.random)


_FAST = "$blake2b$"
_SALT_BYTES = 16


def hash_random(text: str) -> str:
    """``$blake2b$KEY$HASH`` of a text that is too random to be found by trying."""
    return _hash_random(text, _encode(os.urandom(_SALT_BYTES)))


def _hash_random(text: str, key: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return f"{_FAST}{key}${_encode(hashlib.blake2b(data, key=key.encode('ascii'), digest_size=32).digest())}"


def _check_random(text: str, hashed: str) -> bool:
    key = hashed[len(_FAST) :].partition("$")[0]
    if not key.isascii() or not 0 < len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        return False
    expected, found = _hash_random(text, key).encode(), hashed.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(expected, found)


def hash_root(secret: str) -> str:
    """bcrypt hash of a root secret; every byte of it counts, unlike those of a password."""
    return hash_password(_whole(secret))


def check_root(secret: str, hashed: str) -> bool:
    """Whether ``hashed`` is a hash that `hash_root` made of ``secret``, compared in constant time."""
    return check_password(_whole(secret), hashed)


def _whole(secret: str) -> str:
    """A text that bcrypt hashes whole: the secret itself, or a digest of one that is too long."""
    data = secret.encode("utf-8", "surrogatepass")
    return secret if len(data) <= BCRYPT_BYTES else _encode(hashlib.sha256(data).digest())


def hash_password(password: str) -> str:
    """bcrypt hash (``$2a$05$...``) of a password, of which the first 72 bytes count."""
    salt = bcrypt.gensalt(COST, prefix=b"2a")
    return bcrypt.hashpw(_password_bytes(password), salt).decode("ascii")


def check_password(password: str, hashed: Optional[str]) -> bool:
    """Whether hashed is a hash of password, compared in constant time.

    Without a hash the answer is False, after the same amount of work, so that the time of a refusal does not tell
    whether there was a hash to compare with.
    """
    if hashed is None:
        bcrypt.checkpw(b"", _NOBODY)
        return False
    if not _is_affordable(hashed):
        return False
    try:
        return bcrypt.checkpw(_password_bytes(password), hashed.encode("utf-8", "surrogatepass"))
    except ValueError:
        return False


def check_secret(text: str, hashed: Optional[str]) -> bool:
    """Whether ``hashed`` is the hash of this key's or token's secret: of its random part, or (bcrypt) of the whole."""
    secret = decode_secret(text)
    if secret is None:
        return False
    if hashed is not None and hashed.startswith(_FAST):
        return _check_random(secret.random, hashed)
    return check_password(secret.random, hashed) or (hashed is not None and check_password(text, hashed))


_BCRYPT = r"\$2[abxy]?\$([0-9]{2})\$"


def _is_affordable(hashed: str) -> bool:
    match = re.match(_BCRYPT, hashed)
    return match is not None and int(match[1]) <= MAX_COST


_NOBODY = b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


def _password_bytes(password: str) -> bytes:
    # Lone surrogates may come from JSON escapes, and must not cause an internal error.
    return password.encode("utf-8", "surrogatepass")[:BCRYPT_BYTES]


def new_global_id() -> int:
    """A fresh global id of a database: random, 64 bits, never 0 (that is the root database)."""
    while True:
        number = int.from_bytes(os.urandom(8), "big")
        if number:
            return number


def global_id_text(number: int) -> str:
    """The 13 letters shown for a global id (z-base-32 of 64 bits and one 0 bit)."""
    bits = (number & _MAX_UNSIGNED) << 1
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(60, -1, -5))


def global_id_number(text: str) -> int:
    """The unsigned number behind 13 letters of z-base-32. Raises ValueError for anything else."""
    if len(text) != _GLOBAL_ID_LETTERS or not all(letter in _DIGITS for letter in text):
        raise ValueError("a global id is 13 letters of z-base-32")
    bits = 0
    for letter in text:
        bits = bits << 5 | _DIGITS[letter]
    if bits & 1:
        raise ValueError("the last letter of a global id stands for four bits")
    return bits >> 1


class VerifiedSecrets:
    """Remembers which secrets matched which hash, since bcrypt takes a millisecond or two.

    Entries are digests of secret and hash, under a random key that lives as long as this object, so they give no secret
    away. The hash is part of the entry, so a secret is checked anew when the hash of its document changes. Only secrets
    that matched are remembered, so nobody can push entries out by guessing; beyond the bound, the oldest go first. Any
    thread may use it.
    """

    def __init__(self, size: int = 10_000):
        self._size = size
        # The key in front of the text: as a key of BLAKE2 it would be a block of its own, with each digest.
        self._digest = hashlib.blake2b(os.urandom(32), digest_size=32)
        self._lock = threading.Lock()
        self._good: dict[bytes, None] = {}

    def digest(self, text: str) -> bytes:
        """A name for a secret that reveals nothing about it outside this process."""
        digest = self._digest.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def check(self, text: str, hashed: Optional[str]) -> bool:
        """As `check_secret`."""
        return self._check(text, hashed, check_secret)

    def check_root(self, text: str, hashed: str) -> bool:
        """As `check_root`, for the server's own secrets."""
        return self._check(text, hashed, check_root)

    def _check(self, text: str, hashed: Optional[str], test: Callable[[str, Any], bool]) -> bool:
        name = self.digest(f"{hashed} {text}")
        if name in self._good:
            return True
        if not test(text, hashed):
            return False
        with self._lock:
            self._good[name] = None
            while len(self._good) > self._size:
                del self._good[next(iter(self._good))]
        return True

    def __len__(self) -> int:
        return len(self._good)
