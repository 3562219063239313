"""Reads a database as wire JSON, as of one moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Optional

from faunadb import query as q
from faunadb.cli.connection import first_error
from faunadb.cli.errors import CliError
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, HttpError, UnexpectedError
from faunadb.request_result import RequestResult

__all__ = ["Reader"]

_PAGE = 500
_LARGEST_PAGE = 100_000
_DOUBLES = ("NaN", "Infinity", "-Infinity")


class Reader:
    """Runs queries whose results stay wire JSON, so that nothing of a value is lost to the driver's types.

    :param client: a client of the database; the reader becomes its observer
    :param live: read at the present each time, rather than all at one moment
    :param page_size: documents per page
    :param moment: that moment, in microseconds; ``None`` for the present
    :ivar snapshot: that moment, with ``live`` too
    """

    def __init__(
        self,
        client: FaunaClient,
        live: bool = False,
        page_size: int = _PAGE,
        moment: Optional[int] = None,
    ) -> None:
        self.client = client
        self.page_size = page_size
        self._last: Optional[RequestResult] = None
        client.observer = self._observe
        self.snapshot = self._time() if moment is None else moment
        self.moment = None if live else self.snapshot

    def _observe(self, result: RequestResult) -> None:
        self._last = result

    def _time(self) -> int:
        self._ask(0)
        assert self._last is not None
        return int(self._last.response_headers["x-txn-time"])

    def _ask(self, expression: Any) -> Any:
        self._last = None
        try:
            self.client.query(q._Expr(expression))
        except UnexpectedError:
            # a value that Python has no type for, such as a date in the year 12345: its text has arrived all the same
            if self._last is None or self._last.status_code not in (200, 201) or not self._last.response_raw:
                raise
        assert self._last is not None
        return json.loads(self._last.response_raw)["resource"]

    def query(self, expression: Any) -> Any:
        """The result of a query as wire JSON.

        :raises CliError: when it fails, or history does not reach back to the moment any more
        """
        if self.moment is not None:
            expression = {"at": self.moment, "expr": expression}
        try:
            return self._ask(expression)
        except BadRequest as fault:
            if "less than minimum allowed timestamp" in str(fault):
                raise CliError(
                    "reading took longer than the database keeps history, so the moment of the export is gone. "
                    "Raise history_days of the collections, or read at the present with --live"
                ) from None
            raise CliError(first_error(fault)) from None
        except HttpError as fault:
            raise CliError(first_error(fault)) from None

    def pages(self, source: Any) -> Iterator[Any]:
        """All documents of a set, page by page."""
        cursor: Any = None
        while True:
            page: dict[str, Any] = {"paginate": source, "size": self.page_size}
            if cursor is not None:
                page["after"] = {"quote": cursor}
            result = self.query({"collection": page, "map": {"lambda": "x", "expr": {"get": {"var": "x"}}}})
            cursor = result.get("after")
            if cursor is not None and _is_negative(cursor[-1]):
                yield from (item for item in result["data"] if not _is_negative(item["ref"]))
                yield from self._below_zero(source)
                return
            yield from result["data"]
            if cursor is None:
                return

    def collections(self, wanted: Optional[list[str]]) -> list[str]:
        """The names of all collections; those that are ``wanted``, unless that is ``None``.

        :raises CliError: when a wanted one does not exist
        """
        found = [item["name"] for item in self.pages({"collections": None})]
        missing = [name for name in wanted or () if name not in found]
        if missing:
            raise CliError(f"there is no collection {', '.join(missing)}")
        return found if wanted is None else wanted

    def _below_zero(self, source: Any) -> Iterator[Any]:
        """The documents with negative ids: they come last in a set, and a cursor cannot lead to them."""
        page = self.query({"paginate": {"reverse": source}, "size": _LARGEST_PAGE})
        refs = [ref for ref in page["data"] if _is_negative(ref)]
        if len(refs) == _LARGEST_PAGE:
            raise CliError(
                f"a collection has {_LARGEST_PAGE:,} documents with negative ids, more than can be read"
            )
        for start in range(0, len(refs), self.page_size):
            yield from self.query([{"get": ref} for ref in reversed(refs[start : start + self.page_size])])

    def with_doubles(self, ref: Any, data: Any) -> Any:
        """The field ``data`` of a document, with NaN and infinities as Python's.

        Responses write them as strings, so the database is asked which of these strings are numbers.
        """
        paths = list(_suspects(data, ()))
        if not paths:
            return data
        numbers = self.query(
            {
                "let": [{"document": {"get": ref}}],
                "in": [
                    {"is_double": {"select": ["data", *path], "from": {"var": "document"}}} for path in paths
                ],
            }
        )
        for path, is_number in zip(paths, numbers):
            if is_number:
                _replace(data, path)
        return data


def _is_negative(ref: Any) -> bool:
    return "@ref" in ref and str(ref["@ref"]["id"])[:1] == "-"


def _suspects(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The paths of strings that may be doubles, as ``select`` takes them."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("@"):
            if "@obj" not in value:
                return
            value = value["@obj"]
        for key, item in value.items():
            yield from _suspects(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _suspects(item, (*path, index))
    elif isinstance(value, str) and value in _DOUBLES:
        yield path


def _replace(data: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        data = _open(data)[key]
    data = _open(data)
    data[path[-1]] = float(data[path[-1]].replace("Infinity", "inf"))


def _open(value: Any) -> Any:
    return value["@obj"] if isinstance(value, dict) and list(value) == ["@obj"] else value
