"""``faunadb import``: brings an export into a database.

Documents are inserted into history at their own times, so ids, times and ttl are kept, and a document that is imported
twice exists once. A state file in the export's directory records what is done, so that a run that was stopped can go on
where it was.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

from faunadb import query as q
from faunadb.cli.connection import Connection, first_error
from faunadb.cli.data_files import Entry, read_documents
from faunadb.cli.errors import CliError
from faunadb.cli.export_decoding import decode_record
from faunadb.cli.export_files import SCHEMA, DataFile, Export
from faunadb.cli.export_format import CREDENTIAL, BadRecord, Document, collection_title, parse_micros
from faunadb.cli.import_state import State, Summary
from faunadb.cli.import_target import Refusal, Target, open_target
from faunadb.cli.progress import Progress
from faunadb.cli.references import Placeholders
from faunadb.cli.schema_text import CREATORS, SINGULAR, mentioned, statements
from faunadb.engine.language import deep
from faunadb.engine.loading import Ready
from faunadb.errors import FaunaError, HttpError
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.render import JAVASCRIPT, render_query

__all__ = ["Importer", "Summary"]

# how many refusals a batch may have before its rows are tried one by one
_REFUSALS = 10


class _Row(NamedTuple):
    """One document on its way, and where it came from."""

    document: Union[Document, Ready]
    path: Path
    line: int


def _sort(document: Union[Document, Ready]) -> tuple[bool, bool]:
    """Whether it is a document of credentials, and whether it has no time: a batch holds documents of one sort."""
    return (False, False) if isinstance(document, Ready) else (document.credentials, document.ts is None)


def _expires(document: Union[Document, Ready]) -> Optional[int]:
    """The time of expiry in microseconds, ``None`` without."""
    if isinstance(document, Ready):
        return document.expires
    return None if document.ttl is None else parse_micros(document.ttl["@ts"])


class Importer:
    """Imports an export into a database, and the exports of child databases into the databases below it.

    :param export: what :func:`~faunadb.cli.export_files.read_export` found
    :param connection: the target
    :param dry_run: read and convert everything, write nothing
    :param restart: forget what an earlier run has done
    :param progress: is told rows and bytes
    :param batch_rows: how many documents to write in one transaction at most; ``None`` for the target's own limit
    :param remember: go on where an earlier run was stopped, and keep the state for a later one
    :param history_days: of collections that are not defined in the export
    """

    def __init__(
        self,
        export: Export,
        connection: Connection,
        dry_run: bool = False,
        restart: bool = False,
        progress: Optional[Progress] = None,
        batch_rows: Optional[int] = None,
        remember: bool = True,
        history_days: int = 0,
    ) -> None:
        self.export = export
        self.connection = connection
        self.dry_run = dry_run
        self.restart = restart
        self.batch_rows = batch_rows
        self.history_days = history_days
        self.progress = progress or Progress("import", None, quiet=True)
        self.summary = Summary()
        self.state = State(export, connection)
        self.state.writable = remember and not dry_run
        #: bytes of the files that are done
        self.bytes_done = 0

    def run(self) -> Summary:
        """Import everything; return what was done.

        :raises CliError: when the target does not answer, or stops answering; what is imported stays
        """
        if not self.export.tagged:
            self.summary.notes.append(
                "the export is a simple one: times, bytes and references inside documents stay plain values"
            )
        self._prepare()
        try:
            _Database(self, self.export, self.connection).run()
            if not self.dry_run:
                self.state.remove()
        except BaseException:
            if not self.dry_run:
                self.state.save(self.summary, force=True)
            raise
        return self.summary

    def _prepare(self) -> None:
        self.connection.check(self.connection.root)
        if self.dry_run:
            return
        for path in self.connection.create_database():
            self.summary.notes.append(f"database {path} was created")
        self.connection.check(self.connection.client())
        if self.restart:
            self.state.remove()
        elif self.state.writable:
            self.state.load(self.summary)


class _Database:
    """The import into one database. label: the path from the export's root, as messages show it."""

    def __init__(self, importer: Importer, export: Export, connection: Connection, label: str = "") -> None:
        self.importer = importer
        self.export = export
        self.connection = connection
        self.label = label
        self.summary = importer.summary
        self.state = importer.state
        self.dry_run = importer.dry_run
        self.client = connection.client()
        self.target = Target() if self.dry_run else open_target(connection)
        self.placeholders = Placeholders()
        self._batch_rows = importer.batch_rows or self.target.batch_rows
        self._known: set[str] = set()
        self._batch: list[_Row] = []
        self._bytes = 0
        self._position = 0
        self._current = ""
        self._count = 0
        #: module -> records in the files
        self._read: Counter[str] = Counter()
        #: collection -> documents written whose ttl is over, so that nobody can see them
        self._expired: Counter[str] = Counter()
        self._now = time.time_ns() // 1000

    def run(self) -> None:
        self.summary.problems += [self.label + problem for problem in self.export.problems]
        later = self._make_schema()
        for name in self.export.collections:
            self._ensure_collection(name)
        # credentials belong to documents, so they come last
        for file in sorted(self.export.files, key=lambda file: file.module == CREDENTIAL):
            self._import_file(file)
            self.importer.bytes_done += file.size
            self.importer.progress.update(0, self.importer.bytes_done)
        for name, child in self.export.databases.items():
            self._import_child(name, child)
        for query in later:
            self._run_schema(query)
        if not self.dry_run:
            self.summary.problems += [self.label + text for text in self.placeholders.remove(self.client)]
        self._verify()

    # -- schema

    def _make_schema(self) -> list[Any]:
        """Create what is missing; return the queries that have to wait until the documents are there."""
        try:
            queries = statements(self.export.schema or "")
        except FqlSyntaxError as fault:
            self.summary.problems.append(f"{self.label}{SCHEMA}: {fault}")
            return []
        if not self.dry_run:
            for kind, name in sorted(mentioned(queries)):
                if self.placeholders.ensure(self.client, (kind, name)):
                    self.summary.notes.append(f"the schema refers to {name} of {kind}, which is not there")
        later = []
        for query in queries:
            wire = query.wire
            if isinstance(wire, dict) and "update" in wire:
                later.append(wire)
                continue
            if self.target.adds_ttl:
                wire, rest = _without_ttl_days(wire)
                later += rest
            self._run_schema(wire)
        return later

    def _run_schema(self, wire: Any) -> None:
        if self.dry_run:
            return
        try:
            self.summary.schema += self.client.query(q._Expr(_unless_there(wire)))
        except HttpError as fault:
            what = render_query(wire, JAVASCRIPT, 60).split("\n")[0]
            self.summary.problems.append(f"{self.label}{SCHEMA}: {what} is refused: {first_error(fault)}")
        except (FaunaError, OSError) as fault:
            raise CliError(f"the target stopped answering: {fault}") from None

    def _import_child(self, name: str, export: Export) -> None:
        path = f"{self.connection.database}/{name}".strip("/")
        child = self.connection.below(path)
        if not self.dry_run:
            child.create_database()
        _Database(self.importer, export, child, f"{self.label}{name}/").run()

    def _ensure_collection(self, name: str) -> bool:
        """Create a collection if it is missing; return whether it was."""
        if name in self._known:
            return False
        self._known.add(name)
        if self.dry_run or self.client.query(q.exists(q.collection(name))):
            return False
        self.client.query(q.create_collection({"name": name, "history_days": self.importer.history_days}))
        self.summary.created.append(self.label + name)
        return True

    # -- files

    def _import_file(self, file: DataFile) -> None:
        name = str(file.path.relative_to(self.importer.export.root))
        done = self.state.files.get(name, 0)
        self._current = name
        self._count = 0
        quick = self.target.quick_reader(self.export.names, file.module) if self._is_plain(file) else None
        for entry in read_documents(file.path, None if quick is None else quick.read):
            self._read[file.module] += 1
            if self._count < done:
                self._count += 1
                self.importer.progress.skip_to(self.importer.bytes_done + entry.position)
                continue
            self._take(entry, file)
        self._flush()

    def _is_plain(self, file: DataFile) -> bool:
        """Whether a file may hold what a quick reader knows."""
        return self.export.tagged and not self.dry_run and file.module != CREDENTIAL

    def _take(self, entry: Entry, file: DataFile) -> None:
        if entry.fault is not None:
            self.summary.skip(file.path, entry.line, entry.fault.reason)
            self._count += 1
            return
        value = entry.value
        document = value if isinstance(value, Ready) else self._document(entry, file)
        if document is not None:
            if self._batch and self._is_full(document, entry.size):
                self._flush()
            self._batch.append(_Row(document, file.path, entry.line))
            self._bytes += entry.size
        self._count += 1
        self._position = self.importer.bytes_done + entry.position

    def _is_full(self, document: Union[Document, Ready], size: int) -> bool:
        last = self._batch[-1].document
        return (
            len(self._batch) >= self._batch_rows
            or self._bytes + size > self.target.batch_bytes
            or document.collection != last.collection
            or _sort(document) != _sort(last)
        )

    def _document(self, entry: Entry, file: DataFile) -> Optional[Document]:
        losses: list[str] = []

        def decode() -> Document:
            losses.clear()
            return decode_record(
                entry.value,
                self.export.tagged,
                lambda path, what: losses.append(what),
                file.module,
                self.export.names,
            )

        try:
            document = deep.with_room(decode)
        except BadRecord as fault:
            self.summary.skip(file.path, entry.line, str(fault))
            return None
        self.summary.dropped.update((self._title(document), what) for what in losses)
        if not self.dry_run:
            self._ensure_references(document)
        return document

    def _title(self, document: Union[Document, Ready]) -> str:
        return self.label + (CREDENTIAL if _sort(document)[0] else collection_title(document.collection))

    def _ensure_references(self, document: Document) -> None:
        """Make what the document refers to and the database lacks (else it refuses the document): empty collections,
        and placeholders for the rest."""
        if not document.credentials:
            self._ensure_collection(document.collection)
        for kind, name in sorted(document.mentions):
            if kind == "collections" and not self.export.is_ours:
                if self._ensure_collection(name):
                    self.summary.notes.append(f"collection {name} was created empty: documents refer to it")
            elif name not in self._known and self.placeholders.ensure(self.client, (kind, name)):
                self.summary.notes.append(f"documents refer to {name} of {kind}, which is not there")

    # -- writing

    def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        if not self.dry_run:
            self._write(batch)
        for row in batch:
            self.summary.rows[self._title(row.document)] += 1
            expires = _expires(row.document)
            if expires is not None and expires <= self._now:
                self._expired[row.document.collection] += 1
        if batch:
            self.state.wrote(self.connection.database, batch[-1].document)
            self.importer.progress.update(len(batch), self._position)
        if not self.dry_run:
            self.state.files[self._current] = self._count
            self.state.save(self.summary)

    def _write(self, batch: list[_Row]) -> None:
        """Write a batch in one transaction. Rows that the database refuses are removed from ``batch``."""
        refusals = 0
        while batch:
            try:
                self.target.write([row.document for row in batch])
                return
            except Refusal as refusal:
                refusals += 1
                if refusal.index is None or refusals > _REFUSALS:
                    self._write_singly(batch)
                    return
                self._skip(batch.pop(refusal.index), refusal)

    def _write_singly(self, batch: list[_Row]) -> None:
        for row in list(batch):
            try:
                self.target.write([row.document])
            except Refusal as refusal:
                batch.remove(row)
                self._skip(row, refusal)

    def _skip(self, row: _Row, refusal: Refusal) -> None:
        self.summary.skip(row.path, row.line, f"document {row.document.id} is refused: {refusal}")

    # -- verifying

    def _verify(self) -> None:
        """Compare the counts: documents read with those that the export says it has, and documents written with those
        in the database."""
        for module, stated in self.export.counts.items():
            if self._read[module] != stated:
                self.summary.problems.append(
                    f"{self.label}{module}: the export has {stated:,} documents, {self._read[module]:,} are here"
                )
        if self.dry_run:
            return
        for name in self._known:
            written = self.summary.rows[self.label + collection_title(name)] - self._expired[name]
            there = self.target.count(name) if written > 0 else written
            if there is None:
                self.summary.notes.append(
                    f"{self.label}{name} was not counted: it takes the database too long"
                )
            elif there < written:
                self.summary.problems.append(
                    f"{self.label}{name}: {written:,} documents were written, {there:,} are there"
                    " (does the export have two with the same id?)"
                )
        if self.summary.rows[self.label + CREDENTIAL] and not self.target.keeps_times_of_credentials:
            self.summary.notes.append("credentials have the time of this import: a server sets it itself")


def _without_ttl_days(wire: Any) -> tuple[Any, list[Any]]:
    """Split a query that creates a collection in two: without ``ttl_days``, which would give the imported documents a
    ttl, and the queries that set it afterwards."""
    fields = wire.get("create_collection", {}).get("object") if isinstance(wire, dict) else None
    if not isinstance(fields, dict) or "ttl_days" not in fields:
        return wire, []
    kept = {key: value for key, value in fields.items() if key != "ttl_days"}
    later = {"update": {"collection": fields["name"]}, "params": {"object": {"ttl_days": fields["ttl_days"]}}}
    return {"create_collection": {"object": kept}}, [later]


def _unless_there(wire: Any) -> Any:
    """A query of the schema that skips what exists from an earlier run, and returns how many changes it made.

    The change itself is not returned: it may hold values that Python has no type for.
    """
    counted = {"do": [wire, 1]}
    for kind, form in CREATORS.items():
        fields = wire.get(form, {}) if isinstance(wire, dict) else {}
        name = fields["object"].get("name") if isinstance(fields.get("object"), dict) else None
        if isinstance(name, str):
            return {"if": {"exists": {SINGULAR[kind]: name}}, "then": 0, "else": counted}
    return counted
