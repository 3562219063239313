"""The most frequent answers, a stored document and a page of them, as the parts from which their text is made when needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ..records import NamedTuple


def document_texts(collection: str, documents: Sequence[tuple[int, int, str]]) -> list[str]:
    """The JSON of each document, of its parts as `StoredAnswer` has them."""
    return [
        f'{{"ref":{{"@ref":{{"id":"{id}","collection":{collection}}}}},"ts":{ts},{fields[1:]}'
        for id, ts, fields in documents
    ]


class StoredAnswer(NamedTuple):
    """Documents of one collection as they are stored, and all else that the JSON text of the answer needs.

    page: how the text of a page begins, up to its ``data``; None for an answer that is one document. collection: the
    text of the ref to their collection. documents: of each its id, ts (microseconds) and stored text, an object that is
    not empty and holds nothing that is shown otherwise.

    A client in this process reads the value from these parts: only the stored texts are JSON that it has to parse.
    """

    page: Optional[str]
    collection: str
    documents: Sequence[tuple[int, int, str]]

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        parts = document_texts(self.collection, self.documents)
        if self.page is None:
            return '{"resource":' + parts[0] + "}"
        return '{"resource":' + self.page + '"data":[' + ",".join(parts) + "]}}"

    @property
    def size(self) -> int:
        """Characters of it, about: refs are not counted."""
        return sum([len(fields) for _, _, fields in self.documents])
