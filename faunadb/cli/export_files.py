"""The directory of an export: finds out what it holds, without reading documents.

Exports written here have more than those of Fauna's own tool: the schema (``schema.fql``), each child database as an
export of its own (``databases/NAME``), and in the metadata, under the key ``faunadb``, which directories and modules
stand for which collections (where the names differ) and how many documents each has.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from faunadb.cli.data_files import CorruptFile, decode_json
from faunadb.cli.errors import CliError
from faunadb.cli.export_format import NATIVE_MODULES, Names

__all__ = ["DATABASES", "SCHEMA", "DataFile", "Export", "read_export", "read_small"]

#: the schema, and the directory of child databases
SCHEMA = "schema.fql"
DATABASES = "databases"

_EXTENSIONS = (".jsonl.gz", ".json.gz", ".jsonl", ".json")
_DATA_FILE = re.compile(r"_\d+_\d+$")
_LARGEST_METADATA = 64 << 20
# levels of child databases: more than anybody has, and the end for a directory that is linked into itself
_DEEPEST = 64


class DataFile(NamedTuple):
    """One file of documents."""

    path: Path
    #: the module its documents are of
    module: str
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
    #: what shows that the export is incomplete
    problems: list[str]
    #: which collections its modules stand for
    names: Names
    #: module -> documents, where the export says so
    counts: dict[str, int]
    #: FQL that makes the schema, or ``None``
    schema: Optional[str]
    #: name -> child database
    databases: dict[str, Export]

    @property
    def id(self) -> str:
        return str(self.metadata[0].get("export_id", "")) if self.metadata else ""

    @property
    def is_ours(self) -> bool:
        """Whether ``faunadb export`` wrote it, rather than Fauna's own tool."""
        return bool(self.metadata) and "faunadb" in self.metadata[0]

    def size(self) -> int:
        """Bytes of all data files, those of child databases included."""
        return sum(file.size for file in self.files) + sum(child.size() for child in self.databases.values())


def read_export(root: Path, depth: int = 0) -> Export:
    """Look at an export without reading documents.

    :raises CliError: when the directory holds no export, or its metadata cannot be read
    """
    try:
        return _read_export(root, depth)
    except OSError as fault:
        raise CliError(f"{fault.filename or root}: {fault.strerror or fault}") from None


def _read_export(root: Path, depth: int) -> Export:
    if not root.is_dir():
        raise CliError(f"{root} is not a directory")
    metadata = [_read_metadata(path) for path in sorted(root.glob("metadata_*.json"))]
    ours = _ours(root, metadata)
    base = root / "data" / "collections"
    files = list(_data_files(base, ours["directories"])) if base.is_dir() else []
    if not metadata and not files:
        raise CliError(f"{root} holds no export: there is neither metadata_00.json nor data/collections")
    formats = {str(part.get("doc_format", "tagged")) for part in metadata} or {"tagged"}
    if len(formats) > 1 or not formats <= {"tagged", "simple"}:
        raise CliError(
            f"{root}: doc_format {', '.join(sorted(formats))} is not known; it is tagged or simple"
        )
    names = Names(ours["modules"])
    modules = [name for part in metadata for name in part.get("collections", ())]
    modules += [file.module for file in files]
    collections = [names.collection(module) for module in modules if module not in NATIVE_MODULES]
    schema = root / SCHEMA
    return Export(
        root,
        metadata,
        list(dict.fromkeys(collections)),
        files,
        formats == {"tagged"},
        _problems(metadata, files),
        names,
        ours["counts"],
        read_small(schema).decode("utf-8", "replace") if schema.exists() else None,
        dict(_databases(root / DATABASES, ours["databases"], depth)),
    )


def read_small(path: Path) -> bytes:
    """The whole content of a file other than data files.

    :raises CorruptFile: when it is not a regular file, or larger than any such file can be
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CorruptFile(path, 1, "this is no regular file")
    if status.st_size > _LARGEST_METADATA:
        raise CorruptFile(path, 1, f"the file has {status.st_size:,} bytes, more than such a file can have")
    return path.read_bytes()


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = decode_json(read_small(path).decode("utf-8"))
    except UnicodeDecodeError:
        raise CorruptFile(path, 1, "this is not UTF-8") from None
    except ValueError as fault:
        raise CorruptFile(path, getattr(fault, "lineno", 1), getattr(fault, "msg", str(fault))) from None
    if not isinstance(metadata, dict):
        raise CorruptFile(path, 1, "an object was expected")
    for key in ("total_parts", "files_count"):
        if type(metadata.get(key, 0)) is not int:
            raise CorruptFile(path, 1, f"{key} is not an integer")
    names = metadata.get("collections", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CorruptFile(path, 1, "collections is not a list of names")
    return metadata


_OURS = {"modules": str, "directories": str, "databases": str, "counts": int}


def _ours(root: Path, metadata: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The members of ``faunadb`` in the metadata; empty objects for those that are missing."""
    said = metadata[0].get("faunadb", {}) if metadata else {}
    path = root / "metadata_00.json"
    if not isinstance(said, dict):
        raise CorruptFile(path, 1, "faunadb is not an object")
    found = {key: said.get(key, {}) for key in _OURS}
    for key, kind in _OURS.items():
        value = found[key]
        if not isinstance(value, dict) or not all(type(item) is kind for item in value.values()):
            raise CorruptFile(path, 1, f"faunadb.{key} is not an object of {kind.__name__} values")
    if set(found["modules"]) & set(NATIVE_MODULES):
        raise CorruptFile(path, 1, "faunadb.modules gives a module of Fauna another meaning")
    return found


def _data_files(base: Path, directories: dict[str, str]) -> Iterator[DataFile]:
    for directory in sorted(base.iterdir()):
        if not directory.is_dir():
            continue
        for path in sorted(directory.iterdir()):
            extension = next((ext for ext in _EXTENSIONS if path.name.endswith(ext)), None)
            if extension and _DATA_FILE.search(path.name[: -len(extension)]):
                status = path.stat()
                if not stat.S_ISREG(status.st_mode):
                    raise CorruptFile(path, 1, "this is no regular file")
                yield DataFile(path, directories.get(directory.name, directory.name), status.st_size)


def _databases(base: Path, names: dict[str, str], depth: int) -> Iterator[tuple[str, Export]]:
    if not base.is_dir():
        return
    if depth >= _DEEPEST:
        raise CliError(f"{base}: databases are nested too deeply here")
    for directory in sorted(base.iterdir()):
        if directory.is_dir():
            yield names.get(directory.name, directory.name), read_export(directory, depth + 1)


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
