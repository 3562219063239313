"""Internal indexes of the schema: entries that the engine keeps for itself, in the same tables as those of user indexes.

Every collection, also a native one, has an index under its own number, with empty terms and refs as values: it is the set
of the collection's documents. The others have numbers that no collection and no user index can have (`lookups` has those
for keys, tokens and credentials):

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

SCOPES = 515
GLOBAL_IDS = 516
BY_NAME = 517
PROVIDERS_BY_ISSUER = 518

#: A hidden field of collections: whatever `history_days` says, no time before this one may be read.
FLOOR_FIELD = "min_valid_ts"

#: A hidden field of indexes: true while the documents from before the index are being indexed.
BUILDING_FIELD = "building"

#: By native collection, the stored fields of its documents that are never shown.
HIDDEN_FIELDS: dict[int, frozenset[str]] = {
    DATABASES: frozenset(("scope", "account", "disabled")),
    COLLECTIONS: frozenset((FLOOR_FIELD,)),
    INDEXES: frozenset((BUILDING_FIELD,)),
}

_MASK = (1 << 64) - 1


def name_terms(kind: int, name: str) -> bytes:
    """The terms under which `BY_NAME` has a schema document. kind: the number of its native collection."""
    return bytes((kind,)) + text_terms(name)


def text_terms(text: str) -> bytes:
    """The terms for a text."""
    return text.encode("utf-8", "surrogatepass")


def id_terms(number: int) -> bytes:
    """The terms for a signed 64-bit number."""
    return (number & _MASK).to_bytes(8, "big")
