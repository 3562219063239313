"""Internal indexes: entries that the engine keeps for itself, in the same tables as user indexes.

Numbers below 1024 that are not native collections. Every collection, native ones included, also has an implicit index
under its own number, with empty terms: the set of its documents (values: the ref).

=====================  ======  ==================================  ==========================================
index                  scope   terms                               entry
=====================  ======  ==================================  ==========================================
`BY_NAME`              own     kind and name (`name_terms`)        the named schema document
`CREDENTIALS_BY`       own     instance (`ref_terms`)              the credentials document
`TOKENS_BY`            own     instance (`ref_terms`)              the token document
`KEYS_BY_ID`           0       key id (`id_terms`)                 coll: scope that holds the key, doc: its id
`SCOPES`               0       child scope (`id_terms`)            coll: parent scope, doc: database id
`GLOBAL_IDS`           0       global id text (UTF-8)              coll: child scope, doc: database id
`PROVIDERS_BY_ISSUER`  own     issuer (UTF-8)                      the access provider document
=====================  ======  ==================================  ==========================================
"""

from __future__ import annotations

from ..language.values import COLLECTIONS, DATABASES, Ref

CREDENTIALS_BY = 512
TOKENS_BY = 513
KEYS_BY_ID = 514
SCOPES = 515
GLOBAL_IDS = 516
BY_NAME = 517
PROVIDERS_BY_ISSUER = 518

#: Field of a collection document, never shown: no time before it may be read, whatever `history_days` says now.
FLOOR_FIELD = "min_valid_ts"

_MASK = (1 << 64) - 1


def name_terms(kind: int, name: str) -> bytes:
    """Terms of `BY_NAME`. kind: number of the native collection."""
    return bytes((kind,)) + name.encode("utf-8", "surrogatepass")


def id_terms(number: int) -> bytes:
    """Terms for a signed 64-bit number."""
    return (number & _MASK).to_bytes(8, "big")


def ref_terms(ref: Ref) -> bytes:
    """Terms for a ref of the same database."""
    return (ref.id & _MASK).to_bytes(8, "big") + ref.coll.to_bytes(2, "big")


def text_terms(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def ref_suffix(coll: int, doc: int) -> bytes:
    """How entry values end: the ref, ordered as refs are (id, then collection)."""
    return ((doc + (1 << 63)) & _MASK).to_bytes(8, "big") + coll.to_bytes(2, "big")


#: Stored fields that are never shown, by native collection.
HIDDEN_FIELDS: dict[int, frozenset[str]] = {
    DATABASES: frozenset(("scope", "account", "disabled")),
    COLLECTIONS: frozenset((FLOOR_FIELD,)),
}
