"""One page of a set, and walking through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Optional

from faunadb import query


class Page:
    """The result of ``paginate``.

    :ivar data: The elements of this page (``list``).
    :ivar before: Cursor of the page before this one; ``None`` on the first page.
    :ivar after: Cursor of the page after this one; ``None`` on the last page.
    """

    @staticmethod
    def from_raw(raw: dict[str, Any]) -> Page:
        """Build from the ``dict`` that a query with ``paginate`` returns; ``KeyError`` without ``data``."""
        return Page(raw["data"], raw.get("before"), raw.get("after"))

    def __init__(self, data: list[Any], before: Any = None, after: Any = None) -> None:
        self.data = data
        self.before = before
        self.after = after

    def map_data(self, func: Callable[[Any], Any]) -> Page:
        """Return a page with the same cursors whose elements are ``func(element)``."""
        return Page([func(element) for element in self.data], self.before, self.after)

    def __repr__(self) -> str:
        return f"Page(data={self.data}, before={self.before}, after={self.after})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Page):
            return NotImplemented
        return self.data == other.data and self.before == other.before and self.after == other.after

    # Pages hold a list that callers may change, so they are not hashable.
    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def set_iterator(
        client: Any,
        set_query: Any,
        map_lambda: Any = None,
        mapper: Optional[Callable[[Any], Any]] = None,
        page_size: Optional[int] = None,
    ) -> Iterator[Any]:
        """Iterate over the elements of a set, fetching page after page as they are needed.

        :param client: A :class:`~faunadb.client.FaunaClient`.
        :param set_query: Expression of a set, such as ``query.match(query.index("by_name"), "fire")``.
        :param map_lambda: Python lambda (or FQL lambda expression) that the database applies to each element.
        :param mapper: Python function that is applied to each element here.
        :param page_size: Elements per page; the server's default (64) when ``None``.
        :raises FaunaError: Whatever a query raises, when the page concerned is fetched.
        """

        def fetch(**cursor: Any) -> Page:
            page_query = query.paginate(set_query, size=page_size, **cursor)
            if map_lambda is not None:
                page_query = query.map_(map_lambda, page_query)
            return Page.from_raw(client.query(page_query))

        page = fetch()
        while True:
            for element in page.data:
                yield element if mapper is None else mapper(element)
            if page.after is None:
                return
            page = fetch(after=page.after)
