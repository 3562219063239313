"""Secrets, hashes and global ids (auth chapter, "Secret format", "Passwords")."""

from __future__ import annotations

import base64

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.auth import secrets

IDS = [0, 1, 77, 323044356612325888, 2**63 - 1, -1, -(2**63)]


@pytest.mark.parametrize("number", IDS)
def test_key_secret(number):
    secret, hashed = secrets.new_key_secret(number)
    assert len(secret) == 40
    assert secret.startswith("fn")
    assert hashed.startswith("$blake2b$")
    assert secrets.decode_secret(secret)[:3] == ("key", number, None)
    assert secrets.check_secret(secret, hashed)
    random = base64.urlsafe_b64encode(base64.urlsafe_b64decode(secret)[-20:]).rstrip(b"=")
    assert secrets.check_secret(secret, bcrypt.hashpw(random, bcrypt.gensalt(4, prefix=b"2a")).decode())


@pytest.mark.parametrize("number", IDS)
@pytest.mark.parametrize("database", [0, 1, 2**64 - 1])
def test_token_secret(number, database):
    secret, hashed = secrets.new_token_secret(number, database)
    assert len(secret) == 51
    assert secret.startswith("fn")
    assert secrets.decode_secret(secret)[:3] == ("token", number, database)
    assert secrets.check_secret(secret, hashed)


def test_prefixes_of_allotted_ids():
    """Ids of the size that is allotted give the well-known beginnings."""
    assert secrets.new_key_secret(323044356612325888)[0].startswith("fnA")
    assert secrets.new_token_secret(323044356612325888, 12345)[0].startswith("fnE")


def test_secrets_differ():
    assert secrets.new_key_secret(1)[0] != secrets.new_key_secret(1)[0]


def test_characters_allow_scopes():
    for _ in range(50):
        assert not set(secrets.new_token_secret(-1, 2**64 - 1)[0]) & set("/,()&=:+")


def test_hash_of_the_whole_secret_is_accepted():
    secret, _ = secrets.new_key_secret(5)
    assert secrets.check_secret(secret, secrets.hash_password(secret))


def test_wrong_hash():
    secret, _ = secrets.new_key_secret(5)
    assert not secrets.check_secret(secret, secrets.new_key_secret(5)[1])
    assert not secrets.check_secret(secret, None)
    assert not secrets.check_secret(secret, "nonsense")
    assert not secrets.check_secret("secret", secrets.hash_password("secret"))


KEY = secrets.new_key_secret(1)[0]
TOKEN = secrets.new_token_secret(1, 2)[0]


@pytest.mark.parametrize(
    "text",
    ["", "secret", "é" * 40, "/" + KEY[1:], KEY[:-1], KEY + "A", "A" * 40, "A" * 51,
     KEY[:10] + " " + KEY[11:], KEY[:10] + "+" + KEY[11:], TOKEN[:40], TOKEN + "=", " " + KEY,
     "gnA" + KEY[3:], "\ud800" * 40],
    ids=[str(number) for number in range(15)],  # the secrets are new in each process
)  # fmt: skip
def test_not_a_secret(text):
    assert secrets.decode_secret(text) is None
    assert secrets.hash_secret(text) is None


def test_unused_bits_must_be_zero():
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = [text for text in (TOKEN[:-1] + letter for letter in last) if secrets.decode_secret(text)]
    assert len(good) == 16
    assert TOKEN in good


def test_nothing_shows_the_secret():
    decoded = secrets.decode_secret(KEY)
    assert decoded.random not in repr(decoded)


@pytest.mark.parametrize("password", ["", "sekrit", "a\0b", "pä§§wörd", "x" * 100, "\ud800"])
def test_passwords(password):
    hashed = secrets.hash_password(password)
    assert hashed.startswith("$2a$05$")
    assert secrets.check_password(password, hashed)
    assert not secrets.check_password("?" + password, hashed)


def test_first_72_bytes_count():
    assert secrets.check_password("x" * 72 + "y", secrets.hash_password("x" * 90))
    assert not secrets.check_password("x" * 71 + "y", secrets.hash_password("x" * 90))


def test_every_byte_of_a_root_secret_counts():
    for secret in ("x" * 72, "x" * 90, "é" * 60, "a\0b"):
        hashed = secrets.hash_root(secret)
        assert secrets.check_root(secret, hashed)
        assert not secrets.check_root(secret + "y", hashed)
        assert not secrets.check_root(secret[:-1] + "y", hashed)


def test_a_generated_secret_has_a_fast_hash_with_a_key_of_its_own():
    secret, hashed = secrets.new_key_secret(5)
    random = secrets.decode_secret(secret).random
    assert hashed.startswith("$blake2b$")
    assert hashed != secrets.hash_secret(secret)
    assert secrets.check_secret(secret, secrets.hash_secret(secret))
    assert secrets.check_secret(
        secret, secrets.hash_password(random)
    )  # as older stores and the original have it
    assert not secrets.check_secret(secrets.new_key_secret(5)[0], hashed)
    for broken in (
        "$blake2b$",
        "$blake2b$$",
        f"$blake2b${'k' * 65}$x",
        "$blake2b$ü$x",
        hashed[:-1],
        hashed + "é",
    ):
        assert not secrets.check_secret(secret, broken)


def test_a_hash_that_would_take_minutes_is_not_compared_with():
    """Whoever makes a key or credentials may give their hash, and with it the time that each comparison takes."""
    salted = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    assert not secrets.check_password("", f"$2a$31${salted}")
    assert not secrets.check_password("", f"$2b$13${salted}")


@pytest.mark.parametrize("hashed", [None, "", "plain", "$2a$05$short", "ü"])
def test_no_usable_hash(hashed):
    assert not secrets.check_password("", hashed)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "yyyyyyyyyyyyy"), (1, "yyyyyyyyyyyyn"), (2**64 - 1, "9999999999996"), (15, "yyyyyyyyyyyy6"),
     (16, "yyyyyyyyyyyby")],
)  # fmt: skip
def test_global_id(number, text):
    assert secrets.global_id_text(number) == text
    assert secrets.global_id_number(text) == number


@given(st.integers(0, 2**64 - 1))
def test_global_id_round_trip(number):
    text = secrets.global_id_text(number)
    assert len(text) == 13
    assert secrets.global_id_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "yyyyyyyyyyyy", "yyyyyyyyyyyyyy", "lyyyyyyyyyyyy", "YYYYYYYYYYYYY", "yyyyyyyyyyyyb9"]
)
def test_not_a_global_id(text):
    with pytest.raises(ValueError):
        secrets.global_id_number(text)


def test_new_global_ids_differ():
    assert len({secrets.new_global_id() for _ in range(100)}) == 100


def test_verified_secrets_follow_the_hash():
    verified = secrets.VerifiedSecrets()
    secret, hashed = secrets.new_key_secret(1)
    assert verified.check(secret, hashed)
    assert verified.check(secret, hashed)
    assert not verified.check(secret, secrets.new_key_secret(1)[1])
    assert len(verified) == 1
    assert verified.check_root("root", secrets.hash_root("root"))
    assert not verified.check_root("other", secrets.hash_root("root"))


def test_verified_secrets_are_bounded():
    verified = secrets.VerifiedSecrets(size=2)
    for number in range(4):
        assert verified.check(*secrets.new_key_secret(number))
    assert len(verified) == 2


def test_verified_secrets_hold_no_secret():
    verified = secrets.VerifiedSecrets()
    secret, hashed = secrets.new_key_secret(1)
    verified.check(secret, hashed)
    assert secret not in repr(verified.__dict__)
    assert hashed not in repr(verified.__dict__)
