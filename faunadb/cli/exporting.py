"""``faunadb export``: writes a database in Fauna's export format."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any, Optional

from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.export_encoding import encode_record
from faunadb.cli.export_files import DATABASES, SCHEMA
from faunadb.cli.export_format import CREDENTIAL, Document, Names, collection_title, format_micros
from faunadb.cli.export_writing import ExportWriter, directory_name, make_private_directory
from faunadb.cli.progress import Progress
from faunadb.cli.reading import Reader
from faunadb.cli.schema_reading import read_schema
from faunadb.cli.schema_text import schema_text

__all__ = ["Exporter"]


class Exporter:
    """Writes a database as it was at one moment: every document, the schema, and the databases below it.

    :param connection: the database
    :param writer: writes the files
    :param collections: names of the collections whose documents are written; ``None`` for everything
    :param credentials: write the credentials of documents (password hashes) too
    :param live: read every page at its own time instead of all at one moment, for databases that take longer to
        read than they keep history
    :param progress: is told rows
    :param page_size: documents per page
    :param moment: that moment, in microseconds; ``None`` for now
    """

    def __init__(
        self,
        connection: Connection,
        writer: ExportWriter,
        collections: Optional[list[str]] = None,
        credentials: bool = True,
        live: bool = False,
        progress: Optional[Progress] = None,
        page_size: int = 500,
        moment: Optional[int] = None,
    ) -> None:
        self.connection = connection
        self.writer = writer
        self.names = collections
        self.credentials = credentials
        self.live = live
        self.progress = progress or Progress("export", None, quiet=True)
        self.page_size = page_size
        self.moment = moment
        self.rows: Counter[str] = Counter()
        #: values left out: (collection, kind of value) -> how many
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.notes: list[str] = []
        self.files = 0
        self.names_in_export = Names()

    @property
    def ok(self) -> bool:
        """Whether everything was written."""
        return not self.dropped

    def run(self) -> None:
        """Export.

        :raises CliError: when the database does not answer, a collection does not exist, or reading takes longer than
            the database keeps history
        """
        root = self.writer.root
        if root.exists() and any(root.iterdir()):
            raise CliError(f"{root} is not empty: an export needs a directory of its own")
        client = self.connection.client()
        self.connection.check(client)
        self.reader = Reader(client, self.live, self.page_size, self.moment)
        make_private_directory(root)
        try:
            self._write_collections()
        finally:
            self.writer.close()
        ours: dict[str, Any] = {"modules": self.names_in_export.modules}
        if self.names is None:
            ours["databases"] = self._write_schema()
        self.writer.finish(
            {
                "host_id": "faunadb",
                "account_id": "0",
                "export_id": uuid.uuid4().hex,
                "task_id": uuid.uuid4().hex,
                "snapshot_ts": format_micros(self.reader.snapshot),
            },
            ours,
        )
        self.files += len(self.writer.paths)

    def _write_schema(self) -> dict[str, str]:
        """Write the schema and the child databases; return the directory of each child and its name."""
        schema = read_schema(self.reader, keep_dangling=True)
        if schema.unreadable:
            self.notes.append(f"the schema is not part of it: the secret may not read {schema.unreadable}")
            return {}
        self.notes += schema.notes
        self.writer.write_text(SCHEMA, schema_text(schema))
        directories: dict[str, str] = {}
        for name in schema.children():
            directory = directory_name(name, set(directories))
            directories[directory] = name
            self._write_child(name, self.writer.root / DATABASES / directory)
        return directories

    def _write_child(self, name: str, root: Path) -> None:
        path = f"{self.connection.database}/{name}".strip("/")
        child = Exporter(
            self.connection.below(path),
            self.writer.another(root),
            None,
            self.credentials,
            self.live,
            self.progress,
            self.page_size,
            self.reader.snapshot,
        )
        try:
            child.run()
        finally:
            self.rows.update({f"{name}/{title}": count for title, count in child.rows.items()})
            self.dropped.update({(f"{name}/{title}", what): n for (title, what), n in child.dropped.items()})
            self.notes += [f"{name}: {note}" for note in child.notes]
            self.files += child.files

    def lines(self) -> list[str]:
        """What was written, as text."""
        lines = [f"{count:>12,}  {name}" for name, count in sorted(self.rows.items())]
        lines.append(f"{sum(self.rows.values()):>12,}  documents in {self.files} files")
        lines += [f"note: {note}" for note in self.notes]
        for (name, what), count in sorted(self.dropped.items()):
            lines.append(f"left out: {what} in {name}, {count:,} times: the format cannot hold it")
        return lines

    # -- reading

    def _write_collections(self) -> None:
        names = self.reader.collections(self.names)
        self.names_in_export = Names.of(names)
        for name in names:
            self.writer.begin(self.names_in_export.module(name))
            for item in self.reader.pages({"documents": {"collection": name}}):
                self._write(name, item, item.get("data", {}))
        if self.credentials and self.names is None:
            self._write_credentials()

    def _write_credentials(self) -> None:
        begun = False
        for item in self.reader.pages({"credentials": None}):
            if not begun:
                self.writer.begin(CREDENTIAL)
                begun = True
            data = {key: value for key, value in item.items() if key not in ("ref", "ts", "ttl")}
            data["document"] = data.pop("instance", None)
            self._write(CREDENTIAL, item, data, credentials=True)

    def _write(self, name: str, item: dict[str, Any], data: Any, credentials: bool = False) -> None:
        ref = item["ref"]
        if not credentials:
            data = self.reader.with_doubles(ref, data)
        if "@obj" in data and len(data) == 1:
            data = data["@obj"]
        document = Document(name, ref["@ref"]["id"], item["ts"], item.get("ttl"), data, credentials)
        title = name if credentials else collection_title(name)

        def report(path: tuple[str, ...], what: str) -> None:
            self.dropped[(title, what)] += 1

        self.writer.write(encode_record(document, self.writer.tagged, report, self.names_in_export))
        self.rows[title] += 1
        self.progress.update(1, sum(self.rows.values()))
