"""Internal indexes: the credentials and tokens of a document, the database that holds a key.

They live in the same tables as the indexes of users, under numbers that no user index can have. Whoever
writes a document of the native collections here keeps the rows of `internal_entries` (old ones ended, new
ones added); expired documents keep their rows, which carry the ``ttl``.

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
    """Where an entry of an internal index goes.

    coll and doc are what the row points at; for `KEYS_BY_ID` doc is the scope that holds the key.
    """

    scope: int
    number: int
    terms: bytes
    values: bytes
    coll: int
    doc: int


def _number(value: int) -> bytes:
    """8 bytes that sort as the signed number does."""
    return (value + _SIGN).to_bytes(8, "big")


def instance_terms(instance: Ref) -> bytes:
    """The terms under which the credentials and tokens of a document stand."""
    return _number(instance.id) + instance.coll.to_bytes(2, "big")


def key_terms(key_id: int) -> bytes:
    """The terms under which the scope of a key stands."""
    return _number(key_id)


def key_id(terms: bytes) -> int:
    """The id of the key that stands under these terms; of damaged ones any id."""
    return int.from_bytes(terms[:8].rjust(8, b"\0"), "big") - _SIGN


def internal_entries(ref: Ref, fields: Mapping[str, Any]) -> list[InternalEntry]:
    """The entries a live document with these fields has; none for documents of other collections."""
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
    """The credentials document of a document, at present; None without."""
    for number in _documents(snap, CREDENTIALS_BY_INSTANCE, instance):
        return Ref(instance.scope, CREDENTIALS, number)
    return None


def tokens_of(snap: Snapshot, instance: Ref) -> list[Ref]:
    """The live tokens of a document, at present."""
    numbers = list(_documents(snap, TOKENS_BY_INSTANCE, instance))
    return [Ref(instance.scope, TOKENS, number) for number in numbers]


def _documents(snap: Snapshot, index: int, instance: Ref) -> Iterator[int]:
    for entry in snap.entries(instance.scope, index, instance_terms(instance)):
        if entry.ttl is None or entry.ttl > snap.time:
            yield entry.doc


def key_of(snap: Snapshot, key_id: int) -> Optional[Ref]:
    """The live key with this id, in whichever database it is; None when there is none."""
    for entry in snap.entries(0, KEYS_BY_ID, key_terms(key_id)):
        if entry.ttl is None or entry.ttl > snap.time:
            return Ref(entry.doc, KEYS, key_id)
    return None


def key_scope(snap: Snapshot, key_id: int) -> Optional[int]:
    """The scope of the database that holds a key; None when there is no such key."""
    ref = key_of(snap, key_id)
    return None if ref is None else ref.scope
