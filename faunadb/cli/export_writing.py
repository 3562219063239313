"""Writes the files of an export; no other user may read them."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

__all__ = ["ExportWriter", "directory_name", "make_private_directory", "open_private"]

_FILE_SIZE = 128 << 20


class ExportWriter:
    """Writes an export: data files as they fill up, the metadata at the end.

    :param root: the directory, made when missing
    :param tagged: write values tagged (``doc_format`` ``tagged``, else ``simple``)
    :param lines: write one document per line (``jsonl``, else ``json``)
    :param compressed: gzip every data file
    :param file_size: bytes before compression after which the next file begins
    :ivar collections: modules, in the order in which they were begun
    :ivar counts: module -> documents written
    :ivar paths: the data files
    """

    def __init__(
        self, root: Path, tagged: bool, lines: bool, compressed: bool, file_size: int = _FILE_SIZE
    ) -> None:
        self.root = root
        self.tagged = tagged
        self.lines = lines
        self.compressed = compressed
        self.file_size = file_size
        self.collections: list[str] = []
        self.counts: dict[str, int] = {}
        self._directories: dict[str, str] = {}
        self.paths: list[Path] = []
        self._file: IO[bytes] | None = None
        self._raw: IO[bytes] | None = None
        self._written = 0
        self._ordinal = 0

    def another(self, root: Path) -> ExportWriter:
        """A writer of the same kind of files for another directory."""
        return ExportWriter(root, self.tagged, self.lines, self.compressed, self.file_size)

    @property
    def extension(self) -> str:
        return ("jsonl" if self.lines else "json") + (".gz" if self.compressed else "")

    def begin(self, module: str) -> None:
        """Begin the files of a module: documents written from now on are its own."""
        self._close_file()
        self.collections.append(module)
        self.counts[module] = 0
        self._directories[module] = directory_name(module, set(self._directories.values()))
        self._ordinal = 0

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
        if self._file is not None and self._written + len(text) > self.file_size:
            self._close_file()
        first = self._file is None
        file = self._file or self._open_file()
        if self.lines:
            piece = text + b"\n"
        else:
            piece = (b"[\n" if first else b",\n") + text
        file.write(piece)
        self._written += len(piece)
        self.counts[self.collections[-1]] += 1

    def write_text(self, name: str, text: str) -> None:
        """Write a file beside the metadata."""
        make_private_directory(self.root)
        with open_private(self.root / name) as file:
            file.write(text.encode("utf-8"))

    def finish(self, metadata: dict[str, Any], ours: dict[str, Any]) -> None:
        """Close the last file and write the metadata.

        :param metadata: what Fauna's own tool says of an export
        :param ours: more members for the key ``faunadb``
        """
        self._close_file()
        directories = {
            directory: module for module, directory in self._directories.items() if directory != module
        }
        document = {
            **metadata,
            "collections": self.collections,
            "doc_format": "tagged" if self.tagged else "simple",
            "datafile_format": "jsonl" if self.lines else "json",
            "datafile_compression": self.compressed,
            "datafile_ext": self.extension,
            "part": 0,
            "total_parts": 1,
            "files_count": len(self.paths),
            "files_bytes": sum(path.stat().st_size for path in self.paths),
            "faunadb": {"directories": directories, "counts": self.counts, **ours},
        }
        self.write_text("metadata_00.json", json.dumps(document, indent=2) + "\n")

    def close(self) -> None:
        """Close the file that is open, if any. Without metadata the export is not complete."""
        self._close_file()

    def _open_file(self) -> IO[bytes]:
        name = self._directories[self.collections[-1]]
        directory = self.root / "data" / "collections" / name
        make_private_directory(directory)
        path = directory / f"{name}_00_{self._ordinal:06}.{self.extension}"
        self.paths.append(path)
        self._ordinal += 1
        self._written = 0
        raw = open_private(path)
        self._raw = raw
        # neither name nor time, so that the same documents make the same file
        self._file = gzip.GzipFile("", "wb", 6, raw, 0) if self.compressed else raw  # type: ignore[assignment]
        assert self._file is not None
        return self._file

    def _close_file(self) -> None:
        if self._file is None:
            return
        if not self.lines:
            self._file.write(b"\n]\n")
        self._file.close()
        if self._raw is not None:
            self._raw.close()
        self._file = self._raw = None


def make_private_directory(directory: Path) -> None:
    """Make a directory, and missing ones above it, that no other user may look into."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> IO[bytes]:
    """A new file to write, which no other user may read.

    :raises FileExistsError: when there is one already
    """
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


# more would leave too little of the 255 bytes of a file name
_LONGEST_NAME = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def directory_name(name: str, taken: set[str]) -> str:
    """The name of the directory for a collection or database: its own name if every file system can hold that.

    Characters beyond ASCII are percent-encoded, since some file systems normalize them; names that differ in case
    only, or are too long, are told apart by a number.

    :param taken: names of directories that exist already
    """
    plain = quote(name, safe="-_~$+!;@")[:_LONGEST_NAME]
    plain = plain.replace(".", "%2E")[:_LONGEST_NAME]
    if _RESERVED.fullmatch(plain):
        plain += "~"
    folded = {other.lower() for other in taken}
    number, found = 1, plain
    while found.lower() in folded:
        number += 1
        found = f"{plain}~{number}"
    return found
