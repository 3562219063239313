"""``faunadb export --format csv|ndjson|sqlite|postgresql``: writes collections as tables."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional

from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.export_format import format_micros
from faunadb.cli.export_writing import make_private_directory, open_private
from faunadb.cli.progress import Progress
from faunadb.cli.reading import Reader
from faunadb.cli.tables import Column, Table, TableBuilder, cell, simple, unique_name

__all__ = ["FORMATS", "TableExporter"]

FORMATS = ("csv", "ndjson", "sqlite", "postgresql")

_SQLITE = {
    "integer": "INTEGER",
    "double": "REAL",
    "boolean": "BOOLEAN",
    "text": "TEXT",
    "time": "TIMESTAMP",
    "date": "DATE",
    "bytes": "BLOB",
    "ref": "INTEGER",
    "json": "TEXT",  # a type JSON would turn '1' into a number
}
_POSTGRES = {
    "integer": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "text": "text",
    "time": "timestamptz",
    "date": "date",
    "bytes": "bytea",
    "ref": "bigint",
    "json": "jsonb",
}


class TableExporter:
    """Writes a table for each collection.

    The database is read twice, as of the same moment: to learn the types of the fields, and to write them.

    :param connection: the database
    :param out: a new directory (``csv``, ``ndjson``), a new file (``sqlite``), or a new file of SQL for ``psql``
    :param form: one of `FORMATS`
    :param collections: names; ``None`` for all
    :param progress: is told rows
    """

    def __init__(
        self,
        connection: Connection,
        out: Path,
        form: str,
        collections: Optional[list[str]] = None,
        progress: Optional[Progress] = None,
    ) -> None:
        self.connection = connection
        self.out = out
        self.form = form
        self.names = collections
        self.progress = progress or Progress("export", None, quiet=True)
        self.rows: Counter[str] = Counter()
        self.tables: list[Table] = []
        self.notes: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether everything was written: tables leave nothing out."""
        return True

    def run(self) -> None:
        """Write everything.

        :raises CliError: when ``out`` exists already, a collection does not, or the database does not answer
        """
        if self.out.exists() and (self.form in ("sqlite", "postgresql") or any(self.out.iterdir())):
            raise CliError(f"{self.out} is there already: nothing is written over")
        client = self.connection.client()
        self.connection.check(client)
        self.reader = Reader(client)
        self._learn()
        make_private_directory(self.out if self.form in ("csv", "ndjson") else self.out.absolute().parent)
        {"csv": self._csv, "ndjson": self._ndjson, "sqlite": self._sqlite, "postgresql": self._postgres}[
            self.form
        ]()
        children = (
            [item["name"] for item in self.reader.pages({"databases": None})] if self.names is None else []
        )
        if children:
            self.notes.append(
                f"child databases are not part of it, give --database for each: {', '.join(children)}"
            )

    def lines(self) -> list[str]:
        """What was written, as text."""
        lines = [f"{count:>12,}  {name}" for name, count in sorted(self.rows.items())]
        lines.append(f"{sum(self.rows.values()):>12,}  rows in {len(self.tables)} tables")
        return lines + [f"note: {note}" for note in self.notes]

    # -- reading

    def _learn(self) -> None:
        builders: list[TableBuilder] = []
        ids: dict[str, set[str]] = {}
        for name in self.reader.collections(self.names):
            builder = TableBuilder(name)
            ids[name] = set()
            for number, _, _, data in self._documents(name):
                builder.add(data)
                ids[name].add(number)
            builders.append(builder)
        for builder in builders:
            name = unique_name(builder.collection, [table.name for table in self.tables])
            if name != builder.collection:
                self.notes.append(f"collection {builder.collection} is the table {name}")
            self.tables.append(builder.table(name, ids))

    def _documents(self, name: str) -> Iterator[tuple[str, int, Optional[str], dict[str, Any]]]:
        for item in self.reader.pages({"documents": {"collection": name}}):
            data = self.reader.with_doubles(item["ref"], item.get("data", {}))
            if list(data) == ["@obj"]:
                data = data["@obj"]
            yield item["ref"]["@ref"]["id"], item["ts"], (item.get("ttl") or {}).get("@ts"), data

    def _rows(self, table: Table) -> Iterator[list[Any]]:
        for number, ts, ttl, data in self._documents(table.collection):
            self.rows[table.name] += 1
            self.progress.update(1, sum(self.rows.values()))
            yield [int(number), format_micros(ts), ttl, *(cell(c, data.get(c.field)) for c in table.columns)]

    # -- writing

    def _csv(self) -> None:
        for table in self.tables:
            with _text(self.out / f"{table.name}.csv") as file:
                writer = csv.writer(file)
                writer.writerow(["id", "ts", "ttl", *(column.name for column in table.columns)])
                for row in self._rows(table):
                    writer.writerow([_csv_text(value) for value in row])

    def _ndjson(self) -> None:
        for table in self.tables:
            with _text(self.out / f"{table.name}.ndjson") as file:
                for number, ts, ttl, data in self._documents(table.collection):
                    self.rows[table.name] += 1
                    record = {"id": number, "ts": format_micros(ts), **({"ttl": ttl} if ttl else {})}
                    file.write(json.dumps({**record, "data": simple(data)}, ensure_ascii=False) + "\n")

    def _sqlite(self) -> None:
        open_private(self.out).close()
        database = sqlite3.connect(self.out)
        try:
            for table in self.tables:
                keys = [(c, self._table_of(c.target)) for c in table.columns if c.is_foreign_key]
                database.execute(_create(table, _SQLITE, "INTEGER", "TIMESTAMP", keys))
                marks = ", ".join("?" * (3 + len(table.columns)))
                database.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({marks})", self._rows(table))
            database.commit()
        finally:
            database.close()

    def _postgres(self) -> None:
        """A script for ``psql``: tables and rows in one transaction, then the foreign keys."""
        with _text(self.out) as file:
            file.write("BEGIN;\n")
            for table in self.tables:
                file.write(_create(table, _POSTGRES, "bigint", "timestamptz", ()) + ";\n")
            for table in self.tables:
                columns = ", ".join(
                    map(_quoted, ["id", "ts", "ttl", *(column.name for column in table.columns)])
                )
                file.write(f"COPY {_quoted(table.name)} ({columns}) FROM stdin;\n")
                for row in self._rows(table):
                    kinds = ["integer", "time", "time", *(column.type for column in table.columns)]
                    file.write("\t".join(map(_copy_text, row, kinds)) + "\n")
                file.write("\\.\n")
            for table in self.tables:
                for column in table.columns:
                    if column.is_foreign_key:
                        file.write(
                            f"ALTER TABLE {_quoted(table.name)} ADD FOREIGN KEY ({_quoted(column.name)}) "
                            f"REFERENCES {_quoted(self._table_of(column.target))};\n"
                        )
            file.write("COMMIT;\n")

    def _table_of(self, collection: str) -> str:
        return next(table.name for table in self.tables if table.collection == collection)


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_private(path), encoding="utf-8", errors="replace", newline="")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _create(
    table: Table, types: dict[str, str], key: str, time: str, foreign: Iterable[tuple[Column, str]]
) -> str:
    lines = [f'"id" {key} PRIMARY KEY', f'"ts" {time} NOT NULL', f'"ttl" {time}']
    lines += [f"{_quoted(column.name)} {types[column.type]}" for column in table.columns]
    lines += [f"FOREIGN KEY ({_quoted(c.name)}) REFERENCES {_quoted(target)}" for c, target in foreign]
    return f"CREATE TABLE {_quoted(table.name)} (\n    " + ",\n    ".join(lines) + "\n)"


def _csv_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.hex() if isinstance(value, bytes) else value


_NULL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_COPIED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})


def _copy_text(value: Any, kind: str) -> str:
    """A value as PostgreSQL's COPY reads it, without the character 0, which PostgreSQL stores in neither text nor JSON."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    text = str(value)
    return (_NULL.sub(r"\1", text) if kind == "json" else text).translate(_COPIED)
