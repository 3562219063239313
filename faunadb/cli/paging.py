"""From a query for a page, and its result, to the query for the next page."""

from __future__ import annotations

from typing import Any, Optional

from faunadb import query as q
from faunadb.fql.render import to_wire

__all__ = ["next_page_query"]

# forms that turn a page into another page -> the argument that is the page
_THROUGH = {"map": "collection", "filter": "collection", "foreach": "collection"}


def next_page_query(wire: Any, result: Any) -> Optional[Any]:
    """The query for the page after ``result``, which is what ``wire`` has returned.

    ``None`` when the result is not a page or is the last one, or when the query is not a ``paginate``, perhaps with
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
