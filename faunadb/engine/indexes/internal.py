"""Internal indexes of the schema: entries that the engine keeps for itself, in the same tables as user indexes.

Every collection, native ones included, has an implicit index under its own number, with empty terms: the set of its
documents (values: the ref). Further ones, under numbers that no collection can have (those of keys, tokens and
credentials are in `auth.lookups`):

=====================  ======  ==================================  =====================================
index                  scope   terms                               entry
=====================  ======  ==================================  =====================================
`SCOPES`               0       number of the database              coll: parent scope, doc: database id
`GLOBAL_IDS`           0       global id, as text                  coll: child scope, doc: database id
`BY_NAME`              own     kind and name (`name_terms`)        the named schema document
`PROVIDERS_BY_ISSUER`  own     issuer                              the access provider document
=====================  ======  ==================================  =====================================
"""

from __future__ import annotations

from ..language.values import COLLECTIONS, DATABASES, INDEXES
from .keys import ref_suffix as ref_suffix

SCOPES = 515
GLOBAL_IDS = 516
BY_NAME = 517
PROVIDERS_BY_ISSUER = 518

#: Field of a collection document, never shown: no time before it may be read, whatever `history_days` says.
FLOOR_FIELD = "min_valid_ts"

#: Field of an index document, never shown: true while documents from before its creation are being indexed.
BUILDING_FIELD = "building"

#: Stored fields that are never shown, by native collection.
HIDDEN_FIELDS: dict[int, frozenset[str]] = {
    DATABASES: frozenset(("scope", "account", "disabled")),
    COLLECTIONS: frozenset((FLOOR_FIELD,)),
    INDEXES: frozenset((BUILDING_FIELD,)),
}

_MASK = (1 << 64) - 1


def name_terms(kind: int, name: str) -> bytes:
    """Terms of `BY_NAME`. kind: number of the native collection."""
    return bytes((kind,)) + text_terms(name)


def text_terms(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def id_terms(number: int) -> bytes:
    """Terms for a signed 64-bit number."""
    return (number & _MASK).to_bytes(8, "big")
