"""One page of a set, and walking through all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, Protocol, overload

from faunadb import query
from faunadb.query import ExprArg

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # The default makes ``Page`` alone a type hint too. Type checkers bring ``typing_extensions`` along.
    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")
U = TypeVar("U")


class _Queries(Protocol):
    """A client, as far as paging needs it."""

    def query(self, expression: ExprArg, /) -> Any: ...


class Page(Generic[T]):
    """The result of ``paginate``.

    :ivar data: The elements of this page (``list``).
    :ivar before: Cursor of the page before this one; ``None`` on the first page.
    :ivar after: Cursor of the page after this one; ``None`` on the last page.

    As a type hint, ``Page[str]`` is a page of strings.
    """

    @staticmethod
    def from_raw(raw: Mapping[str, Any]) -> Page[Any]:
        """Build from the ``dict`` that a query with ``paginate`` returns; ``KeyError`` without ``data``."""
        return Page(raw["data"], raw.get("before"), raw.get("after"))

    def __init__(self, data: list[T], before: Any = None, after: Any = None) -> None:
        self.data = data
        self.before = before
        self.after = after

    def map_data(self, func: Callable[[T], U]) -> Page[U]:
        """Return a page with the same cursors whose elements are ``func(element)``."""
        return Page([func(element) for element in self.data], self.before, self.after)

    def __repr__(self) -> str:
        return f"Page(data={self.data}, before={self.before}, after={self.after})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Page):
            return NotImplemented
        return bool(self.data == other.data and self.before == other.before and self.after == other.after)

    # Pages hold a list that callers may change, so they are not hashable.
    __hash__ = None  # type: ignore[assignment]

    @overload
    @staticmethod
    def set_iterator(
        client: _Queries,
        set_query: ExprArg,
        map_lambda: ExprArg = None,
        mapper: None = None,
        page_size: Optional[int] = None,
    ) -> Iterator[Any]: ...

    @overload
    @staticmethod
    def set_iterator(
        client: _Queries,
        set_query: ExprArg,
        map_lambda: ExprArg = None,
        *,
        mapper: Callable[[Any], U],
        page_size: Optional[int] = None,
    ) -> Iterator[U]: ...

    @overload
    @staticmethod
    def set_iterator(
        client: _Queries,
        set_query: ExprArg,
        map_lambda: ExprArg,
        mapper: Callable[[Any], U],
        page_size: Optional[int] = None,
    ) -> Iterator[U]: ...

    @staticmethod
    def set_iterator(
        client: _Queries,
        set_query: ExprArg,
        map_lambda: ExprArg = None,
        mapper: Optional[Callable[[Any], Any]] = None,
        page_size: Optional[int] = None,
    ) -> Iterator[Any]:
        """Iterate over the elements of a set, fetching page after page as they are needed.

        A set whose first page has only a page before it is read backwards, page by page.

        :param client: A :class:`~faunadb.client.FaunaClient`.
        :param set_query: Expression of a set, such as ``query.match(query.index("by_name"), "fire")``.
        :param map_lambda: Python lambda (or FQL lambda expression) that the database applies to each element.
        :param mapper: Python function that is applied to each element here.
        :param page_size: Elements per page; the server's default (64) when ``None``.
        :raises FaunaError: Whatever a query raises, when the page concerned is fetched.
        """

        def fetch(**cursor: Any) -> Page[Any]:
            page_query = query.paginate(set_query, size=page_size, **cursor)
            if map_lambda is not None:
                page_query = query.map_(map_lambda, page_query)
            return Page.from_raw(client.query(page_query))

        page = fetch()
        direction = "before" if page.after is None else "after"
        while True:
            for element in page.data:
                yield element if mapper is None else mapper(element)
            cursor = getattr(page, direction)
            if cursor is None:
                return
            page = fetch(**{direction: cursor})
