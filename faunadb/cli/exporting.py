"""``faunadb export``: a database into files of Fauna's export format."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import Any, Optional

from faunadb import query as q
from faunadb.cli.connection import Connection, first_error
from faunadb.cli.errors import CliError
from faunadb.cli.export_encoding import encode_record
from faunadb.cli.export_format import CREDENTIAL, Document, Names, collection_title, format_micros
from faunadb.cli.export_writing import ExportWriter, make_private_directory
from faunadb.cli.progress import Progress
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, HttpError, UnexpectedError
from faunadb.request_result import RequestResult

__all__ = ["Exporter"]

_PAGE = 500
_LARGEST_PAGE = 100_000
_DOUBLES = ("NaN", "Infinity", "-Infinity")


class Exporter:
    """Writes every document of one database, as it was at one moment.

    :param connection: the database
    :param writer: where to
    :param collections: names; ``None`` for all
    :param credentials: write the credentials of documents (password hashes) too
    :param live: read every page at its own time instead of all at one moment, for databases that take longer to
        read than they keep history
    """

    def __init__(
        self,
        connection: Connection,
        writer: ExportWriter,
        collections: Optional[list[str]] = None,
        credentials: bool = True,
        live: bool = False,
        progress: Optional[Progress] = None,
        page_size: int = _PAGE,
    ) -> None:
        self.connection = connection
        self.writer = writer
        self.names = collections
        self.credentials = credentials
        self.live = live
        self.progress = progress or Progress("export", None, quiet=True)
        self.page_size = page_size
        self.rows: Counter[str] = Counter()
        #: fields left out: (collection, what) -> how many
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.names_in_export = Names()
        self._client: Optional[RawClient] = None
        self._moment: Any = None

    @property
    def ok(self) -> bool:
        """Whether everything was written."""
        return not self.dropped

    def run(self) -> None:
        """Export.

        :raises CliError: when the database does not answer, a collection is not there, or history ends meanwhile
        """
        root = self.writer.root
        if root.exists() and any(root.iterdir()):
            raise CliError(f"{root} is not empty: an export needs a directory of its own")
        client = self.connection.client()
        self.connection.check(client)
        self._client = RawClient(client)
        snapshot = self._client.snapshot_time()
        self._moment = None if self.live else snapshot
        make_private_directory(root)
        try:
            self._write_collections()
        finally:
            self.writer.close()
        self.writer.finish(
            {
                "host_id": "faunadb",
                "account_id": "0",
                "export_id": uuid.uuid4().hex,
                "task_id": uuid.uuid4().hex,
                "snapshot_ts": format_micros(snapshot),
            },
            {"modules": self.names_in_export.modules},
        )

    def lines(self) -> list[str]:
        """What was written, as text."""
        lines = [f"{count:>12,}  {name}" for name, count in sorted(self.rows.items())]
        lines.append(f"{sum(self.rows.values()):>12,}  documents in {len(self.writer.paths)} files")
        for (name, what), count in sorted(self.dropped.items()):
            lines.append(f"left out: {what} in {name}, {count:,} times: the format cannot hold it")
        return lines

    # -- reading

    def _query(self, expression: Any) -> Any:
        assert self._client is not None
        if self._moment is not None:
            expression = {"at": self._moment, "expr": expression}
        try:
            return self._client.query(expression)
        except BadRequest as fault:
            if "less than minimum allowed timestamp" in str(fault):
                raise CliError(
                    "reading took longer than the database keeps history, so the moment of the export is gone. "
                    "Raise history_days of the collections, or read at the present with --live"
                ) from None
            raise CliError(first_error(fault)) from None
        except HttpError as fault:
            raise CliError(first_error(fault)) from None

    def _pages(self, source: Any) -> Any:
        """The items of a set, all pages of it; each with ``ref ts data ttl`` of its document or with its name."""
        cursor: Any = None
        while True:
            page: dict[str, Any] = {"paginate": source, "size": self.page_size}
            if cursor is not None:
                page["after"] = {"quote": cursor}
            result = self._query({"collection": page, "map": {"lambda": "x", "expr": {"get": {"var": "x"}}}})
            cursor = result.get("after")
            if cursor is not None and _is_negative(cursor[-1]):
                yield from (item for item in result["data"] if not _is_negative(item["ref"]))
                yield from self._below_zero(source)
                return
            yield from result["data"]
            if cursor is None:
                return

    def _below_zero(self, source: Any) -> Any:
        """The documents whose ids are negative: the last of a set, and no cursor leads to them."""
        page = self._query({"paginate": {"reverse": source}, "size": _LARGEST_PAGE})
        refs = [ref for ref in page["data"] if _is_negative(ref)]
        if len(refs) == _LARGEST_PAGE:
            raise CliError(
                f"a collection has {_LARGEST_PAGE:,} documents with negative ids, more than can be read"
            )
        for start in range(0, len(refs), self.page_size):
            yield from self._query([{"get": ref} for ref in reversed(refs[start : start + self.page_size])])

    def _collection_names(self) -> list[str]:
        found = [item["name"] for item in self._pages({"collections": None})]
        missing = [name for name in self.names or () if name not in found]
        if missing:
            raise CliError(f"there is no collection {', '.join(missing)}")
        return self.names if self.names is not None else found

    def _write_collections(self) -> None:
        names = self._collection_names()
        self.names_in_export = Names.of(names)
        for name in names:
            self.writer.begin(self.names_in_export.module(name))
            for item in self._pages({"documents": {"collection": name}}):
                self._write(name, item, item.get("data", {}))
        if self.credentials and self.names is None:
            self._write_credentials()

    def _write_credentials(self) -> None:
        begun = False
        for item in self._pages({"credentials": None}):
            if not begun:
                self.writer.begin(CREDENTIAL)
                begun = True
            data = {key: value for key, value in item.items() if key not in ("ref", "ts", "ttl")}
            data["document"] = data.pop("instance", None)
            self._write(CREDENTIAL, item, data, credentials=True)

    def _write(self, name: str, item: dict[str, Any], data: Any, credentials: bool = False) -> None:
        ref = item["ref"]
        if "@obj" in data and len(data) == 1:
            data = data["@obj"]
        if not credentials:
            data = self._restore_doubles(ref, data)
        document = Document(name, ref["@ref"]["id"], item["ts"], item.get("ttl"), data, credentials)
        title = name if credentials else collection_title(name)

        def report(path: tuple[str, ...], what: str) -> None:
            self.dropped[(title, what)] += 1

        self.writer.write(encode_record(document, self.writer.tagged, report, self.names_in_export))
        self.rows[title] += 1
        self.progress.update(1, sum(self.rows.values()))

    def _restore_doubles(self, ref: Any, data: Any) -> Any:
        """Responses write the doubles NaN and Infinity as strings: ask which of such strings are numbers."""
        paths = list(_suspects(data, ()))
        if not paths:
            return data
        numbers = self._query(
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


def _suspects(value: Any, path: tuple[Any, ...]) -> Any:
    """Paths, as Select takes them, of strings that may be doubles."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("@"):
            if "@obj" in value:
                yield from _suspects(value["@obj"], path)
            return
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


class RawClient:
    """Queries whose results stay wire JSON, so that nothing of a value is lost to the driver's types."""

    def __init__(self, client: FaunaClient) -> None:
        self.client = client
        self.last: Optional[RequestResult] = None
        client.observer = self._observe

    def _observe(self, result: RequestResult) -> None:
        self.last = result

    def query(self, expression: Any) -> Any:
        self.last = None
        try:
            self.client.query(q._Expr(expression))
        except UnexpectedError:
            # a value that Python has no type for, such as a date of the year 12345: its text is there all the same
            if self.last is None or self.last.status_code not in (200, 201) or not self.last.response_raw:
                raise
        assert self.last is not None
        return json.loads(self.last.response_raw)["resource"]

    def snapshot_time(self) -> int:
        """The time that the database reads at now, in microseconds."""
        self.query(0)
        assert self.last is not None
        return int(self.last.response_headers["x-txn-time"])
