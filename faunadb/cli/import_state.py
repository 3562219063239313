"""What an import has done: the summary for the user, and the state from which a later run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, Optional, Union

from faunadb import query as q
from faunadb.cli.connection import Connection
from faunadb.cli.data_files import decode_json
from faunadb.cli.errors import CliError
from faunadb.cli.export_files import Export, read_small
from faunadb.cli.export_format import Document, document_ref
from faunadb.cli.export_writing import open_private
from faunadb.engine.loading import Ready
from faunadb.errors import FaunaError

__all__ = ["State", "Summary"]

_SHOWN = 20


class Summary:
    """What an import did. ``ok`` says whether everything is in the database."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.created: list[str] = []
        #: queries of the schema that were run
        self.schema = 0
        #: documents that are not in the database: file, line, reason
        self.skipped: list[tuple[str, int, str]] = []
        self.skipped_count = 0
        #: values left out of documents that are in the database: (collection, kind of value) -> how many
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.notes: list[str] = []
        self.problems: list[str] = []
        #: documents that an earlier run had imported
        self.resumed = 0

    def saved(self) -> dict[str, Any]:
        """What a later run must know of this one, as JSON values."""
        return {
            "rows": dict(self.rows),
            "skipped": self.skipped,
            "skipped_count": self.skipped_count,
            "dropped": [[*key, count] for key, count in self.dropped.items()],
            "notes": self.notes,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what an earlier run counted.

        :raises KeyError, TypeError, ValueError: when it is not what :meth:`saved` returned; nothing is changed then
        """
        rows = {str(name): int(count) for name, count in saved["rows"].items()}
        skipped = [(str(path), int(line), str(reason)) for path, line, reason in saved["skipped"]]
        dropped = {(str(name), str(what)): int(count) for name, what, count in saved["dropped"]}
        notes = [str(note) for note in saved["notes"]]
        self.skipped_count = int(saved["skipped_count"])
        self.rows.update(rows)
        self.resumed = sum(self.rows.values())
        self.skipped = skipped
        self.dropped.update(dropped)
        self.notes = list(dict.fromkeys([*notes, *self.notes]))

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
        if self.schema:
            lines.append(f"{self.schema:>12,}  definitions of the schema made")
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


class State:
    """How far earlier runs of the same import got: documents done per file.

    Kept in the export's directory, or not at all when that cannot be written.
    """

    def __init__(self, export: Export, connection: Connection) -> None:
        self.connection = connection
        target = f"{connection.url} {connection.database}"
        digest = hashlib.sha256(target.encode("utf-8")).hexdigest()[:12]
        self.path = export.root / f".import-{digest}.json"
        self.export_id = export.id
        self.files: dict[str, int] = {}
        #: database, collection, id of the document written last, and whether it is one of credentials
        self.last: Optional[tuple[str, str, str, bool]] = None
        self.writable = True
        self._saved = 0.0

    def wrote(self, database: str, document: Union[Document, Ready]) -> None:
        """Note that a batch has been written of which this is the last document."""
        credentials = type(document) is Document and document.credentials
        self.last = (database, document.collection, str(document.id), credentials)

    def load(self, summary: Summary) -> bool:
        """Read the state, and add what it counted to ``summary``.

        Returns whether there is a state to go on from: one of this export, whose last document is in the database.
        """
        try:
            saved = decode_json(read_small(self.path).decode("utf-8"))
            if saved["export_id"] != self.export_id:
                return False
            database, collection, number, credentials = saved["last"]
            ref = document_ref(collection, number, credentials)
            files = {str(name): int(count) for name, count in saved["files"].items()}
            if not self.connection.below(database).client().query(q.exists(q._Expr(ref))):
                return False
            summary.restore(saved["summary"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, CliError, FaunaError):
            return False  # no state, or not one of ours
        self.files, self.last = files, (database, collection, number, credentials)
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
            temporary.unlink(missing_ok=True)
            with open_private(temporary) as file:
                file.write(json.dumps(saved).encode("utf-8"))
            os.replace(temporary, self.path)
        except OSError:
            self.writable = False

    def remove(self) -> None:
        try:
            self.path.unlink()
        except OSError:
            pass
