"""What the language asks of sets, which are above it: `faunadb.engine.sets` fills these places when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Optional

from .values import Document, Lambda, Ref, SetValue


class SetPlaces:
    """native: the documents of a native collection. filter, join: the lazy sets of these forms, with the position of
    their lambda. check_join_index: raises Fault for an index ref that join cannot take. iterate: the elements of a set
    as shown, for the form of that name. documents: what `get` gives for each of several refs that are read together, None
    where it has to look for itself."""

    native: Callable[[Ref], SetValue]
    filter: Callable[[Any, Lambda, Any], SetValue]
    join: Callable[[Any, Any, Any], SetValue]
    check_join_index: Callable[[Any, Ref], Any]
    iterate: Callable[[Any, Any, str], Iterator[Any]]
    documents: Callable[[Any, list[Any]], list[Optional[Document]]]


PLACES = SetPlaces()
