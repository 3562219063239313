"""The files of an export: finding them, reading their documents one by one, writing them.

Memory stays flat whatever the size of a file: one piece of it is held at a time, and at most one document.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from faunadb._private import make_private
from faunadb.cli.errors import CliError

__all__ = ["CorruptFile", "DataFile", "Export", "ExportWriter", "read_documents", "read_export"]

_EXTENSIONS = (".jsonl.gz", ".json.gz", ".jsonl", ".json")
_DATA_FILE = re.compile(r"_\d+_\d+$")
_PIECE = 1 << 18
# a document may have 8 MiB in the database; tags and escapes make it a few times longer
_LONGEST_DOCUMENT = 64 << 20
_FILE_SIZE = 128 << 20


class CorruptFile(CliError):
    """A file of an export that cannot be read on.

    :param path: the file
    :param line: line from 1 where reading failed
    :param reason: what is wrong there
    """

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path}, line {line}: {reason}")


class DataFile(NamedTuple):
    """One file of documents."""

    path: Path
    collection: str
    #: bytes on disk
    size: int


class Export(NamedTuple):
    """What a directory holds of an export."""

    root: Path
    #: the parts' metadata, in order; empty when there are none
    metadata: list[dict[str, Any]]
    #: names of collections, also of those without documents
    collections: list[str]
    files: list[DataFile]
    #: whether documents are tagged (else simple)
    tagged: bool
    #: what shows that the export is not whole
    problems: list[str]

    @property
    def id(self) -> str:
        return str(self.metadata[0].get("export_id", "")) if self.metadata else ""


def read_export(root: Path) -> Export:
    """Look at an export without reading documents.

    :raises CliError: when the directory is none, or metadata cannot be read
    """
    if not root.is_dir():
        raise CliError(f"{root} is not a directory")
    metadata = [_read_metadata(path) for path in sorted(root.glob("metadata_*.json"))]
    base = root / "data" / "collections"
    files = list(_data_files(base)) if base.is_dir() else []
    if not metadata and not files:
        raise CliError(f"{root} holds no export: there is neither metadata_00.json nor data/collections")
    formats = {str(part.get("doc_format", "tagged")) for part in metadata} or {"tagged"}
    if len(formats) > 1 or not formats <= {"tagged", "simple"}:
        raise CliError(
            f"{root}: doc_format {', '.join(sorted(formats))} is not known; it is tagged or simple"
        )
    names = [name for part in metadata for name in part.get("collections", ())]
    collections = list(dict.fromkeys([*names, *(file.collection for file in files)]))
    problems = _problems(metadata, files)
    return Export(root, metadata, collections, files, formats == {"tagged"}, problems)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as fault:
        raise CorruptFile(path, fault.lineno, fault.msg) from None
    except UnicodeDecodeError:
        raise CorruptFile(path, 1, "this is not UTF-8") from None
    if not isinstance(metadata, dict):
        raise CorruptFile(path, 1, "an object was expected")
    for key in ("total_parts", "files_count"):
        if type(metadata.get(key, 0)) is not int:
            raise CorruptFile(path, 1, f"{key} is not an integer")
    names = metadata.get("collections", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CorruptFile(path, 1, "collections is not a list of names")
    return metadata


def _data_files(base: Path) -> Iterator[DataFile]:
    for directory in sorted(base.iterdir()):
        if not directory.is_dir():
            continue
        for path in sorted(directory.iterdir()):
            extension = next((ext for ext in _EXTENSIONS if path.name.endswith(ext)), None)
            if extension and _DATA_FILE.search(path.name[: -len(extension)]):
                yield DataFile(path, directory.name, path.stat().st_size)


def _problems(metadata: list[dict[str, Any]], files: list[DataFile]) -> list[str]:
    if not metadata:
        return ["there is no metadata_00.json: whether the export is whole cannot be told"]
    problems = []
    total = max(part.get("total_parts", 1) for part in metadata)
    if len(metadata) < total:
        problems.append(f"the export has {total} parts, metadata of {len(metadata)} is here")
    stated = sum(part.get("files_count", 0) for part in metadata)
    if len(files) < stated:
        problems.append(f"the export has {stated} data files, {len(files)} are here")
    return problems


# -- reading


class _Source:
    """The text of a file in pieces, with the number of bytes read from disk so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.raw: IO[bytes] = open(path, "rb")  # noqa: SIM115 - closed by close()
        stream: IO[bytes] = gzip.GzipFile(fileobj=self.raw) if path.name.endswith(".gz") else self.raw  # type: ignore[assignment]
        self.text = io.TextIOWrapper(stream, encoding="utf-8", errors="strict", newline="\n")
        self.line = 1

    def read(self) -> str:
        return self._guarded(lambda: self.text.read(_PIECE))

    def readline(self) -> str:
        return self._guarded(lambda: self.text.readline(_LONGEST_DOCUMENT))

    def _guarded(self, read: Any) -> str:
        try:
            return read()  # type: ignore[no-any-return]
        except EOFError:
            raise CorruptFile(self.path, self.line, "the compressed file ends too early") from None
        except (gzip.BadGzipFile, zlib.error):
            raise CorruptFile(self.path, self.line, "the compressed file is damaged") from None
        except UnicodeDecodeError:
            raise CorruptFile(self.path, self.line, "this is not UTF-8") from None
        except OSError as fault:
            raise CorruptFile(self.path, self.line, fault.strerror or str(fault)) from None

    @property
    def position(self) -> int:
        return self.raw.tell()

    def close(self) -> None:
        self.text.close()
        self.raw.close()


class Entry(NamedTuple):
    """One document of a file, or what stands in its place."""

    #: line from 1 on which the document begins
    line: int
    #: its JSON value, ``None`` when it cannot be read
    value: Any
    #: why it cannot be read
    fault: CorruptFile | None
    #: bytes of the file read so far
    position: int


def read_documents(path: Path) -> Iterator[Entry]:
    """The documents of a data file in order.

    A line of a ``jsonl`` file that is no JSON yields an entry with ``fault``, and reading goes on with the next;
    where a file cannot be read any further, the entry with ``fault`` is the last.
    """
    source = _Source(path)
    reader = _read_lines if ".jsonl" in path.name else _read_array
    try:
        yield from reader(source)
    except CorruptFile as fault:
        yield Entry(fault.line, None, fault, source.position)
    finally:
        source.close()


def _read_lines(source: _Source) -> Iterator[Entry]:
    while True:
        line = source.readline()
        if not line:
            return
        if not line.endswith("\n") and len(line) >= _LONGEST_DOCUMENT:
            raise CorruptFile(source.path, source.line, "this line is too long to be a document")
        if line.strip():
            yield _line_entry(source, line)
        source.line += 1


def _line_entry(source: _Source, line: str) -> Entry:
    try:
        return Entry(source.line, _decode(line.rstrip("\r\n")), None, source.position)
    except ValueError as fault:
        whole = line.endswith("\n")
        reason = f"{_reason(fault)}" if whole else "the file ends in the middle of a document"
        return Entry(source.line, None, CorruptFile(source.path, source.line, reason), source.position)


def _reason(fault: ValueError) -> str:
    if isinstance(fault, json.JSONDecodeError):
        return f"this is not JSON: {fault.msg} (column {fault.colno})"
    return f"this is not JSON: {fault}"


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_reject_constant)
_decode = _DECODER.decode
_SPACE = re.compile(r"[ \t\r\n]*")


class _ArrayReader:
    """Cuts a JSON array into its elements while reading it in pieces."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.buffer = ""
        self.offset = 0
        self.ended = False

    def more(self) -> bool:
        """Read on; whether there was anything."""
        piece = self.source.read()
        self.buffer = self.buffer[self.offset :] + piece
        self.offset = 0
        self.ended = not piece
        return bool(piece)

    def advance(self, to: int) -> None:
        self.source.line += self.buffer.count("\n", self.offset, to)
        self.offset = to

    def peek(self) -> str:
        """The next character that is no space, ``""`` at the end."""
        while True:
            match = _SPACE.match(self.buffer, self.offset)
            assert match is not None
            self.advance(match.end())
            if self.offset < len(self.buffer):
                return self.buffer[self.offset]
            if not self.more():
                return ""

    def fail(self, reason: str) -> CorruptFile:
        return CorruptFile(self.source.path, self.source.line, reason)

    def take(self, expected: str) -> str:
        found = self.peek()
        if not found:
            raise self.fail("the file ends in the middle: its array is not closed")
        if found not in expected:
            raise self.fail(f"{' or '.join(expected)} was expected, {found!r} found")
        self.advance(self.offset + 1)
        return found

    def element(self) -> tuple[int, Any]:
        """The next element and the line it begins on."""
        if not self.peek():
            raise self.fail("the file ends in the middle: its array is not closed")
        line = self.source.line
        wanted = 0
        while True:
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.offset)
            except ValueError as fault:
                wanted = max(wanted * 2, _PIECE)
                self._read_for(fault, line, wanted)
                continue
            # a number that ends with the buffer, or nearly so, may go on in the next piece
            whole = end < len(self.buffer) and self.buffer[end] not in "0123456789.eE+-"
            if whole or not self.more():
                self.advance(end)
                return line, value

    def _read_for(self, fault: ValueError, line: int, wanted: int) -> None:
        """Read on after an element that could not be decoded: twice as much each time, so that the cost is linear."""
        if self.ended:
            raise CorruptFile(self.source.path, line, "the file ends in the middle of this document")
        if self._is_final(fault):
            raise self._located(fault)
        if len(self.buffer) - self.offset > _LONGEST_DOCUMENT:
            raise CorruptFile(self.source.path, line, "what begins here is too long to be a document")
        while len(self.buffer) - self.offset < wanted and self.more():
            pass
        if len(self.buffer) - self.offset >= wanted:
            self.more()

    def _is_final(self, fault: ValueError) -> bool:
        """Whether reading on cannot help: the fault lies well before the end of what has been read."""
        if not isinstance(fault, json.JSONDecodeError):
            return True
        return not fault.msg.startswith("Unterminated string") and fault.pos < len(self.buffer) - 16

    def _located(self, fault: ValueError) -> CorruptFile:
        position = fault.pos if isinstance(fault, json.JSONDecodeError) else self.offset
        line = self.source.line + self.buffer.count("\n", self.offset, position)
        message = fault.msg if isinstance(fault, json.JSONDecodeError) else str(fault)
        return CorruptFile(self.source.path, line, f"this is not JSON: {message}")


def _read_array(source: _Source) -> Iterator[Entry]:
    reader = _ArrayReader(source)
    reader.take("[")
    if reader.peek() != "]":
        while True:
            line, value = reader.element()
            mark = reader.take(",]")
            yield Entry(line, value, None, source.position)
            if mark == "]":
                break
    else:
        reader.take("]")
    if reader.peek():
        raise reader.fail("there is text behind the array")


# -- writing


class ExportWriter:
    """Writes an export: data files as they fill, the metadata at the end.

    :param root: the directory, made when missing
    :param tagged: ``doc_format``
    :param lines: ``jsonl`` (else ``json``)
    :param compressed: gzip every data file
    :param file_size: bytes before compression after which the next file begins
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
        self.paths: list[Path] = []
        self._file: IO[bytes] | None = None
        self._written = 0
        self._ordinal = 0

    @property
    def extension(self) -> str:
        return ("jsonl" if self.lines else "json") + (".gz" if self.compressed else "")

    def begin(self, collection: str) -> None:
        """The documents written from now on are of this collection."""
        self._close_file()
        self.collections.append(collection)
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

    def finish(self, metadata: dict[str, Any]) -> None:
        """Close the last file and write the metadata."""
        self._close_file()
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
        }
        target = self.root / "metadata_00.json"
        make_private(target)
        target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Close the file that is open, if any, without metadata: what is there is not a whole export."""
        self._close_file()

    def _open_file(self) -> IO[bytes]:
        name = _file_name(self.collections[-1])
        directory = self.root / "data" / "collections" / name
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}_00_{self._ordinal:06}.{self.extension}"
        self.paths.append(path)
        self._ordinal += 1
        self._written = 0
        make_private(path)
        if self.compressed:
            self._file = gzip.open(path, "wb", compresslevel=6)  # type: ignore[assignment]  # noqa: SIM115
        else:
            self._file = open(path, "wb")  # noqa: SIM115
        assert self._file is not None
        return self._file

    def _close_file(self) -> None:
        if self._file is None:
            return
        if not self.lines:
            self._file.write(b"\n]\n")
        self._file.close()
        self._file = None


def _file_name(collection: str) -> str:
    """A collection's name as a file name; the two that a file system understands otherwise are spelled out."""
    return collection.replace(".", "%2E") if set(collection) == {"."} else collection.replace(os.sep, "%2F")
