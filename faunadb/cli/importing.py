"""``faunadb import``: Fauna's export into a database.

Documents are written with ``Insert`` at their own time, so ids, times and ttl survive, and importing a document
twice leaves one. A state file beside the export remembers what is done, so that a run that was stopped goes on
where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, Optional

from faunadb import query as q
from faunadb.cli.connection import Connection, first_error
from faunadb.cli.errors import CliError
from faunadb.cli.export_files import DataFile, Entry, Export, read_documents
from faunadb.cli.export_format import (
    NATIVE_MODULES,
    BadRecord,
    Document,
    decode_record,
    document_ref,
    object_literal,
    query_literal,
)
from faunadb.cli.progress import Progress
from faunadb.cli.references import Placeholders, references
from faunadb.client import FaunaClient
from faunadb.errors import (
    BadRequest,
    FaunaError,
    HttpError,
    NotFound,
    PermissionDenied,
    Unauthorized,
    UnexpectedError,
)

__all__ = ["Importer", "Summary"]

CREDENTIALS = "Credential"
_BATCH_ROWS = 500
_BATCH_BYTES = 1 << 20
_ATTEMPTS = 6
_SHOWN = 20
# refusals in one batch after which its rows are tried one by one
_REFUSALS = 10


class Summary:
    """What an import did. ``ok`` says whether everything is in the database."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.created: list[str] = []
        #: documents that are not in the database: file, line, reason
        self.skipped: list[tuple[str, int, str]] = []
        self.skipped_count = 0
        #: fields left out of documents that are in the database: (collection, what) -> how many
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.notes: list[str] = []
        self.problems: list[str] = []
        self.resumed = 0

    def saved(self) -> dict[str, Any]:
        """What a later run that goes on from here must know."""
        return {
            "rows": dict(self.rows),
            "skipped": self.skipped,
            "skipped_count": self.skipped_count,
            "dropped": [[*key, count] for key, count in self.dropped.items()],
            "notes": self.notes,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what an earlier run counted."""
        self.rows.update(saved["rows"])
        self.resumed = sum(self.rows.values())
        self.skipped = [(path, line, reason) for path, line, reason in saved["skipped"]]
        self.skipped_count = saved["skipped_count"]
        self.dropped.update({(name, what): count for name, what, count in saved["dropped"]})
        self.notes = list(dict.fromkeys([*saved["notes"], *self.notes]))

    @property
    def ok(self) -> bool:
        return not (self.skipped_count or self.dropped or self.problems)

    def skip(self, path: Path, line: int, reason: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < _SHOWN:
            self.skipped.append((str(path), line, reason))

    def lines(self, dry_run: bool) -> list[str]:
        """The summary as text."""
        verb = "would be imported" if dry_run else "imported"
        lines = [f"{count:>12,}  {name}" for name, count in sorted(self.rows.items())]
        lines.append(f"{sum(self.rows.values()):>12,}  documents {verb}")
        if self.resumed:
            lines.append(f"{self.resumed:>12,}  of them by an earlier run that was stopped")
        lines += [f"note: {note}" for note in self.notes]
        for (name, what), count in sorted(self.dropped.items()):
            lines.append(f"left out: {what} in {name}, {count:,} times: FQL v4 cannot store it")
        lines += [f"skipped: {path}, line {line}: {reason}" for path, line, reason in self.skipped]
        if self.skipped_count > len(self.skipped):
            lines.append(f"skipped: {self.skipped_count - len(self.skipped):,} more")
        lines += [f"problem: {problem}" for problem in self.problems]
        return lines


class _Row(NamedTuple):
    """One document on its way, and where it came from."""

    document: Document
    path: Path
    line: int
    expression: Any
    size: int


class State:
    """What earlier runs of the same import have done: documents per file.

    Kept beside the data in the export's directory, or nowhere when that cannot be written.
    """

    def __init__(self, export: Export, target: str) -> None:
        digest = hashlib.sha256(target.encode("utf-8")).hexdigest()[:12]
        self.path = export.root / f".import-{digest}.json"
        self.export_id = export.id
        self.files: dict[str, int] = {}
        self.last: Optional[list[str]] = None
        self.writable = True
        self._saved = 0.0

    def load(self, client: FaunaClient, summary: Summary) -> bool:
        """Read the state, and what it counted into ``summary``.

        Returns whether it is of this export and its last document is in the database: else it is of no use.
        """
        try:
            saved = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return False
        last = saved.get("last")
        if saved.get("export_id") != self.export_id or not last or "summary" not in saved:
            return False
        if not client.query(q.exists(q._Expr(document_ref(last[0], last[1])))):
            return False
        self.files = {str(name): int(count) for name, count in saved.get("files", {}).items()}
        self.last = last
        summary.restore(saved["summary"])
        return True

    def save(self, summary: Summary, force: bool = False) -> None:
        """Write the state, at most once a second unless forced."""
        now = time.monotonic()
        if not self.writable or not self.last or (not force and now - self._saved < 1.0):
            return
        self._saved = now
        temporary = self.path.with_suffix(".tmp")
        saved = {
            "export_id": self.export_id,
            "files": self.files,
            "last": self.last,
            "summary": summary.saved(),
        }
        try:
            temporary.write_text(json.dumps(saved), encoding="utf-8")
            os.replace(temporary, self.path)
        except OSError:
            self.writable = False

    def remove(self) -> None:
        try:
            self.path.unlink()
        except OSError:
            pass


class Importer:
    """Brings one export into one database.

    :param export: what :func:`~faunadb.cli.export_files.read_export` found
    :param connection: the target
    :param dry_run: read and convert everything, write nothing
    :param restart: forget what an earlier run has done
    :param progress: told of rows and bytes
    :param batch_rows: documents a transaction, at most
    :param remember: go on where an earlier run was stopped, and keep the state for a later one
    """

    def __init__(
        self,
        export: Export,
        connection: Connection,
        dry_run: bool = False,
        restart: bool = False,
        progress: Optional[Progress] = None,
        batch_rows: int = _BATCH_ROWS,
        remember: bool = True,
    ) -> None:
        self.export = export
        self.connection = connection
        self.dry_run = dry_run
        self.restart = restart
        self.batch_rows = batch_rows
        self.progress = progress or Progress("import", None, quiet=True)
        self.summary = Summary()
        self.state = State(export, f"{connection.url} {connection.database}")
        self.state.writable = remember and not dry_run
        self._known: set[str] = set()
        self._placeholders = Placeholders()
        self._batch: list[_Row] = []
        self._bytes = 0
        self._before = 0
        self._position = 0
        self._current = ""
        self._count = 0
        self._server: Optional[FaunaClient] = None

    def run(self) -> Summary:
        """Import everything; return what was done.

        :raises CliError: when the target does not answer, or stops answering; what is imported stays
        """
        self.summary.problems += self.export.problems
        if not self.export.tagged:
            self.summary.notes.append(
                "the export is a simple one: times, bytes and references inside documents stay plain values"
            )
        self._prepare()
        try:
            self._import_files()
            if not self.dry_run:
                self._placeholders.remove(self.client)
                self.state.remove()
        except BaseException:
            if not self.dry_run:
                self.state.save(self.summary, force=True)
            raise
        return self.summary

    # -- the target

    def _prepare(self) -> None:
        self.connection.check(self.connection.root)
        if self.dry_run:
            return
        for path in self.connection.create_database():
            self.summary.notes.append(f"database {path} was created")
        self.client = self.connection.client()
        self.connection.check(self.client)
        for name in self.export.collections:
            self._ensure_collection(name)
        if self.restart:
            self.state.remove()
        elif self.state.writable:
            self.state.load(self.client, self.summary)

    def _ensure_collection(self, name: str) -> bool:
        """Create a collection that is missing; whether it was."""
        if name in self._known or name in NATIVE_MODULES:
            return False
        self._known.add(name)
        if self.dry_run or self.client.query(q.exists(q.collection(name))):
            return False
        self.client.query(q.create_collection({"name": name}))
        self.summary.created.append(name)
        return True

    # -- files

    def _import_files(self) -> None:
        # credentials belong to documents, so they come last
        files = sorted(self.export.files, key=lambda file: file.collection == CREDENTIALS)
        for file in files:
            self._import_file(file)
            self._before += file.size
            self.progress.update(0, self._before)

    def _import_file(self, file: DataFile) -> None:
        name = str(file.path.relative_to(self.export.root))
        done = self.state.files.get(name, 0)
        self._current = name
        self._count = 0
        for entry in read_documents(file.path):
            if self._count < done:
                self._count += 1
                self.progress.skip_to(self._before + entry.position)
                continue
            self._take(entry, file)
        self._flush()

    def _take(self, entry: Entry, file: DataFile) -> None:
        if entry.fault is not None:
            self.summary.skip(file.path, entry.line, entry.fault.reason)
            self._count += 1
            return
        row = self._row(entry, file)
        if row is not None:
            if self._batch and (len(self._batch) >= self.batch_rows or self._bytes + row.size > _BATCH_BYTES):
                self._flush()
            self._batch.append(row)
            self._bytes += row.size
        self._count += 1
        self._position = self._before + entry.position

    def _row(self, entry: Entry, file: DataFile) -> Optional[_Row]:
        losses: list[str] = []
        try:
            document = decode_record(
                entry.value, self.export.tagged, lambda path, what: losses.append(what), file.collection
            )
        except BadRecord as fault:
            self.summary.skip(file.path, entry.line, str(fault))
            return None
        self.summary.dropped.update((document.collection, what) for what in losses)
        if self.dry_run:
            return _Row(document, file.path, entry.line, None, 0)
        self._ensure_references(document)
        expression = self._expression(document)
        size = len(json.dumps(expression))
        return _Row(document, file.path, entry.line, expression, size)

    def _ensure_references(self, document: Document) -> None:
        """A database refuses refs to what it does not have: make collections, empty, and placeholders for the rest."""
        self._ensure_collection(document.collection)
        for kind, name in sorted(references(object_literal(document.data))):
            if kind != "collections":
                if self._placeholders.ensure(self.client, (kind, name)):
                    self.summary.notes.append(f"documents refer to {name} of {kind}, which is not there")
            elif self._ensure_collection(name):
                self.summary.notes.append(f"collection {name} was created empty: documents refer to it")

    # -- writing

    def _expression(self, document: Document) -> Any:
        if document.collection == CREDENTIALS:
            return _credentials_expression(document)
        ref = document_ref(document.collection, document.id)
        fields: dict[str, Any] = {"data": object_literal(document.data)}
        if document.ttl is not None:
            fields["ttl"] = document.ttl
        params = query_literal(fields)
        if document.ts is not None:
            return {"insert": ref, "ts": document.ts, "action": "create", "params": params}
        return _upsert(ref, params)

    def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        if not self.dry_run:
            self._write(batch)
        for row in batch:
            self.summary.rows[row.document.collection] += 1
        if batch:
            self.state.last = [batch[-1].document.collection, batch[-1].document.id]
            self.progress.update(len(batch), self._position)
        if not self.dry_run:
            self.state.files[self._current] = self._count
            self.state.save(self.summary)

    def _write(self, batch: list[_Row]) -> None:
        """Write a batch in one transaction, without the rows that the database refuses; those leave ``batch``."""
        refusals = 0
        while batch:
            try:
                self._send([row.expression for row in batch], batch[0].document.collection)
                return
            except _Refused as refusal:
                refusals += 1
                if refusal.index is None or refusals > _REFUSALS:
                    self._write_singly(batch)
                    return
                self._skip(batch.pop(refusal.index), refusal)

    def _write_singly(self, batch: list[_Row]) -> None:
        for row in list(batch):
            try:
                self._send([row.expression], row.document.collection)
            except _Refused as refusal:
                batch.remove(row)
                self._skip(row, refusal)

    def _skip(self, row: _Row, refusal: _Refused) -> None:
        self.summary.skip(row.path, row.line, f"document {row.document.id} is refused: {refusal}")

    def _send(self, expressions: list[Any], collection: str) -> None:
        """Run expressions in one query, again after a while when the target is busy.

        :raises _Refused: when it will not have them
        :raises CliError: when it does not answer any more, or the secret does not suffice
        """
        client = self._credentials_client() if collection == CREDENTIALS else self.client
        for attempt in range(_ATTEMPTS):
            try:
                client.query(q._Expr({"do": [*expressions, None]}))
                return
            except (Unauthorized, PermissionDenied) as fault:
                raise CliError(f"the secret may not write to {collection}: {first_error(fault)}") from None
            except (BadRequest, NotFound) as fault:
                raise _Refused(_index(fault), first_error(fault)) from None
            except (FaunaError, OSError) as fault:
                if _is_refusal(fault):
                    raise _Refused(None, str(fault)) from None
                if attempt == _ATTEMPTS - 1:
                    raise CliError(
                        f"the target stopped answering: {fault}. Run the same command again to go on from here"
                    ) from None
                time.sleep(0.1 * 2**attempt)

    def _credentials_client(self) -> FaunaClient:
        """Password hashes may be set by the role server only."""
        if self._server is None:
            try:
                self._server = self.connection.role_client("server")
                self._server.query(0)
            except (CliError, HttpError):
                self._server = self.client
        return self._server


class _Refused(Exception):
    """The database refuses a query; ``index`` is the expression at fault, when that is known."""

    def __init__(self, index: Optional[int], reason: str) -> None:
        super().__init__(reason)
        self.index = index


def _index(fault: HttpError) -> Optional[int]:
    position = fault.errors[0].position if fault.errors else None
    if position and len(position) > 1 and position[0] == "do" and isinstance(position[1], int):
        return position[1]
    return None


def _is_refusal(fault: Exception) -> bool:
    """Whether an error without a class of its own is about this very query: 413, or a value that cannot be sent."""
    if not isinstance(fault, UnexpectedError):
        return False
    result = fault.request_result
    return result is None or (400 <= result.status_code < 500 and result.status_code not in (408, 429))


def _upsert(ref: Any, params: Any) -> Any:
    return {
        "if": {"exists": ref},
        "then": {"replace": ref, "params": params},
        "else": {"create": ref, "params": params},
    }


def _credentials_expression(document: Document) -> Any:
    fields = dict(document.data)
    fields["instance"] = fields.pop("document", fields.get("instance"))
    if document.ttl is not None:
        fields["ttl"] = document.ttl
    return _upsert(document_ref(CREDENTIALS, document.id), query_literal(fields))
