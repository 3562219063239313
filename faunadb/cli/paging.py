"""The query for the next page of a page."""

from __future__ import annotations

from typing import Any, Optional

from faunadb import query as q
from faunadb.fql.render import to_wire

__all__ = ["next_page_query"]

# forms that make a page of a page, and where they take it from
_THROUGH = {"map": "collection", "filter": "collection", "foreach": "collection"}


def next_page_query(wire: Any, result: Any) -> Optional[Any]:
    """The query that gives the page after ``result``, which ``wire`` gave.

    ``None`` when the result is no page or the last one, or when the query is not a ``paginate``, with or without
    ``map``, ``filter`` and ``foreach`` around it.
    """
    if (
        not isinstance(result, dict)
        or not isinstance(result.get("data"), list)
        or result.get("after") is None
    ):
        return None
    return _following(wire, to_wire(q._wrap(result["after"])))


def _following(wire: Any, cursor: Any) -> Optional[Any]:
    if not isinstance(wire, dict):
        return None
    if "paginate" in wire:
        kept = {key: value for key, value in wire.items() if key not in ("before", "cursor")}
        return {**kept, "after": cursor}
    for name, key in _THROUGH.items():
        if name in wire and key in wire:
            inner = _following(wire[key], cursor)
            return None if inner is None else {**wire, key: inner}
    return None
