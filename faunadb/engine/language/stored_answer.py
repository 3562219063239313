"""The most frequent answers, kept as the parts from which their text is made when it is needed: a stored document, a page of
such documents, and a value made of scalars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Optional

from ..json_text import encoder
from ..records import NamedTuple
from .repeated import RepeatedField

_encode = encoder(ensure_ascii=False)

#: Kinds of scalars whose JSON is what Python writes; of strings only those in ASCII.
_NUMBERS = frozenset((int, bool, type(None)))
#: The most members of a value that is answered as it is, and the longest of their strings.
_MOST, _LONGEST = 64, 256


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
    not empty and holds plain JSON, nothing that is tagged.

    A client in this process reads the value from these parts: only the stored texts are JSON that it has to parse.
    """

    page: Optional[str]
    collection: str
    documents: Sequence[tuple[int, int, str]]

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        page, collection, documents = self
        if page is None:  # written out, because most answers are one document
            ((id, ts, fields),) = documents
            return f'{{"resource":{{"ref":{{"@ref":{{"id":"{id}","collection":{collection}}}}},"ts":{ts},{fields[1:]}}}'
        return '{"resource":' + page + '"data":[' + ",".join(document_texts(collection, documents)) + "]}}"

    @property
    def size(self) -> int:
        """Characters of it, about: refs are not counted."""
        return sum([len(fields) for _, _, fields in self.documents])


class PlainAnswer(NamedTuple):
    """A scalar, or an array or object of scalars, whose JSON is what Python writes (`is_plain`). Nobody changes it.

    A client in this process copies it: no text is written and parsed.
    """

    value: Any

    @property
    def text(self) -> str:
        """The JSON of the whole body."""
        return '{"resource":' + _encode(self.value) + "}"

    @property
    def size(self) -> int:
        """Characters of it."""
        return len(self.text)


def is_plain(value: Any) -> bool:
    """Whether a value is a small one that the responses of all API versions write as Python does."""
    kind = type(value)
    if kind is dict:
        if len(value) > _MOST or RepeatedField in map(
            type, value
        ):  # a client has only the last field of a name
            return False
        keys = "".join(value)  # a key with an @ may ask for an @obj around it
        return keys.isascii() and "@" not in keys and _are_plain(value.values())
    return _are_plain(value) if kind is list and len(value) <= _MOST else _are_plain((value,))


def _are_plain(values: Iterable[Any]) -> bool:
    for value in values:
        kind = type(value)
        if kind is str:
            if len(value) > _LONGEST or not value.isascii():
                return False
        elif kind not in _NUMBERS:
            return False
    return True
