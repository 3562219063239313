"""The writer of each collection's documents."""

from __future__ import annotations

from ..language import values as v
from .access_providers import ACCESS_PROVIDERS
from .collections import COLLECTIONS
from .credentials import CREDENTIALS
from .databases import DATABASES
from .functions import FUNCTIONS
from .indexes import INDEXES
from .keys import KEYS
from .native import NativeWriter, Writer
from .roles import ROLES
from .tokens import TOKENS
from .user_documents import USER_DOCUMENTS

NATIVE: dict[int, NativeWriter] = {
    writer.number: writer
    for writer in (
        DATABASES,
        COLLECTIONS,
        KEYS,
        TOKENS,
        INDEXES,
        CREDENTIALS,
        FUNCTIONS,
        ROLES,
        ACCESS_PROVIDERS,
    )
}


def writer_for(coll: int) -> Writer:
    """The writer for documents of a collection, by number."""
    return USER_DOCUMENTS if coll >= v.FIRST_COLLECTION else NATIVE[coll]
