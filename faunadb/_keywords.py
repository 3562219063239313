"""Keyword arguments of a client beyond its documented parameters."""

# No ``from __future__ import annotations`` here: a TypedDict would compile each annotation again when it is made.

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, TypedDict, Union

from faunadb._endpoint import Endpoint
from faunadb._family import _Counter, _LastTxnTime

if TYPE_CHECKING:
    from requests import Session
else:
    Session = Any  # loaded with the first client


class Keywords(TypedDict, total=False):
    """The keywords that mean something; most hand over what a session client shares with the client it comes from."""

    query_timeout_ms: Union[int, str, None]
    session: Optional[Session]
    counter: Optional[_Counter]
    last_txn_time: Optional[_LastTxnTime]
    _resolved_endpoint: Optional[Endpoint]


def warn_of_unknown(keywords: Mapping[str, Any], constructor: Callable[..., None]) -> None:
    """Warn (``UserWarning``) of keywords that mean nothing. The official driver ignored them silently."""
    known = Keywords.__annotations__
    for name in keywords:
        if name not in known:
            warnings.warn(_text(name, constructor), stacklevel=3)


def _text(name: str, constructor: Callable[..., None]) -> str:
    from difflib import get_close_matches  # late: few programs mistype a keyword

    code = constructor.__code__
    names = [*code.co_varnames[1 : code.co_argcount], *Keywords.__annotations__]
    near = get_close_matches(name, [each for each in names if not each.startswith("_")], 1, cutoff=0.7)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"FaunaClient has no argument {name!r}, it is ignored.{hint}"
