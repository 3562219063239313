"""The answer that is one stored document, the most frequent of all: its parts, from which the text is made when needed."""

from __future__ import annotations

from ..records import NamedTuple


class StoredAnswer(NamedTuple):
    """A document as it is stored, and all else that the JSON text of the answer needs.

    collection: the text of the ref to its collection. ts: microseconds. fields: its stored text, an object that is not
    empty and holds nothing that is shown otherwise. A client in this process reads the value from these parts: only the
    fields are JSON that it has to parse.
    """

    collection: str
    id: int
    ts: int
    fields: str

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        ref = f'{{"@ref":{{"id":"{self.id}","collection":{self.collection}}}}}'
        return f'{{"resource":{{"ref":{ref},"ts":{self.ts},{self.fields[1:]}}}'
