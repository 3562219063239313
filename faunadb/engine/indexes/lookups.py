"""Internal indexes for authentication: the credentials and tokens of a document, and the database that holds a key.

They are in the same tables as those of users, under numbers that no user index can have. `entries` keeps them in step with
the documents. The entry of an expired document stays, and has its ``ttl``.

========================= ===================== ========================= ==================
index                     scope                 terms                     values
========================= ===================== ========================= ==================
`CREDENTIALS_BY_INSTANCE` that of the document  instance: id, collection  id of the document
`TOKENS_BY_INSTANCE`      that of the document  instance: id, collection  id of the document
`KEYS_BY_ID`              always 0              id of the key             scope of the key
========================= ===================== ========================= ==================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..language.values import CREDENTIALS, KEYS, TOKENS, Ref
from ..records import NamedTuple

if TYPE_CHECKING:
    from ..storage import Snapshot

CREDENTIALS_BY_INSTANCE = 512
TOKENS_BY_INSTANCE = 513
KEYS_BY_ID = 514

_SIGN = 1 << 63


class InternalEntry(NamedTuple):
    """An entry of an internal index. number: of the index. coll, doc: the document; for `KEYS_BY_ID` doc is the scope of the
    database that holds the key.
    """

    scope: int
    number: int
    terms: bytes
    values: bytes
    coll: int
    doc: int


def _number(value: int) -> bytes:
    """8 bytes that sort as the signed number."""
    return (value + _SIGN).to_bytes(8, "big")


def instance_terms(instance: Ref) -> bytes:
    """The terms of the entries for the credentials and tokens of a document."""
    return _number(instance.id) + instance.coll.to_bytes(2, "big")


def key_terms(key_id: int) -> bytes:
    """The terms of the entry for a key."""
    return _number(key_id)


def key_id(terms: bytes) -> int:
    """The id of the key whose entry has these terms; for damaged terms it is any id."""
    return int.from_bytes(terms[:8].rjust(8, b"\0"), "big") - _SIGN


def internal_entries(ref: Ref, fields: Mapping[str, Any]) -> list[InternalEntry]:
    """The entries of a live document with these fields; none for a document that is no key, token or credentials."""
    if ref.coll == KEYS:
        return [InternalEntry(0, KEYS_BY_ID, key_terms(ref.id), _number(ref.scope), KEYS, ref.scope)]
    if ref.coll not in (CREDENTIALS, TOKENS):
        return []
    instance = fields.get("instance")
    if type(instance) is not Ref:
        return []
    index = CREDENTIALS_BY_INSTANCE if ref.coll == CREDENTIALS else TOKENS_BY_INSTANCE
    return [InternalEntry(ref.scope, index, instance_terms(instance), _number(ref.id), ref.coll, ref.id)]


def credentials_of(snap: Snapshot, instance: Ref) -> Optional[Ref]:
    """The credentials of a document, at present; None if there are none."""
    for number in _documents(snap, CREDENTIALS_BY_INSTANCE, instance):
        return Ref(instance.scope, CREDENTIALS, number)
    return None


def tokens_of(snap: Snapshot, instance: Ref) -> list[Ref]:
    """The live tokens of a document, at present."""
    numbers = list(_documents(snap, TOKENS_BY_INSTANCE, instance))
    return [Ref(instance.scope, TOKENS, number) for number in numbers]


def _documents(snap: Snapshot, index: int, instance: Ref) -> Iterator[int]:
    """The ids of the live credentials, or tokens, of a document."""
    for entry in snap.entries(instance.scope, index, instance_terms(instance)):
        if entry.ttl is None or entry.ttl > snap.time:
            yield entry.doc


def key_of(snap: Snapshot, key_id: int) -> Optional[Ref]:
    """The live key with this id, in whatever database it is; None if there is none."""
    for entry in snap.entries(0, KEYS_BY_ID, key_terms(key_id)):
        if entry.ttl is None or entry.ttl > snap.time:
            return Ref(entry.doc, KEYS, key_id)
    return None


def key_scope(snap: Snapshot, key_id: int) -> Optional[int]:
    """The scope of the database that holds a live key; None if there is no such key."""
    ref = key_of(snap, key_id)
    return None if ref is None else ref.scope
