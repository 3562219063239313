"""What the language needs of sets. Their module is above it, so `faunadb.engine.sets` sets these hooks when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Optional

from .values import Document, Lambda, Ref, SetValue


class SetHooks:
    """The functions of `faunadb.engine.sets` that forms of the language call.

    native: the set of a native collection's documents. filter, join: the lazy sets of these forms; the last argument is
    the position of their lambda. check_join_index: raises `Fault` for an index that join cannot use. iterate: the
    elements of a set, as they are shown, for the form of the given name. documents: reads several refs together; gives
    for each what ``get`` would, or None where ``get`` must be called.
    """

    native: Callable[[Ref], SetValue]
    filter: Callable[[Any, Lambda, Any], SetValue]
    join: Callable[[Any, Any, Any], SetValue]
    check_join_index: Callable[[Any, Ref], Any]
    iterate: Callable[[Any, Any, str], Iterator[Any]]
    documents: Callable[[Any, list[Any]], list[Optional[Document]]]


SET_HOOKS = SetHooks()
