"""Reads the data files of an export, document by document.

Memory does not grow with the size of a file: one piece of it is held at a time, and at most one document.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Callable, NamedTuple, Optional

from faunadb.cli.errors import CliError
from faunadb.engine.language import deep

__all__ = ["CorruptFile", "Entry", "decode_json", "read_documents"]

_PIECE = 1 << 18
# a document may have 8 MiB in the database; tags and escapes make it a few times longer
_LONGEST_DOCUMENT = 64 << 20


class CorruptFile(CliError):
    """A file of an export that cannot be read any further.

    :param path: the file
    :param line: line from 1 where reading failed
    :param reason: what is wrong there
    """

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path}, line {line}: {reason}")


class _Source:
    """Reads the text of a file in pieces or lines, and knows how many bytes of the file were read so far."""

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
    #: its JSON value, or what the quick reader returned for it; ``None`` when it cannot be read
    value: Any
    #: why it cannot be read
    fault: CorruptFile | None
    #: bytes of the file read so far
    position: int
    #: its length in characters
    size: int = 0


def read_documents(path: Path, quick: Optional[Callable[[str], Any]] = None) -> Iterator[Entry]:
    """The documents of a data file in order.

    A line of a ``jsonl`` file that is not JSON yields an entry with ``fault``, and reading goes on with the next line.
    When a file cannot be read any further, the entry with ``fault`` is the last.

    :param quick: reads a line of a ``jsonl`` file in place of the JSON decoder; returns ``None`` where it cannot
    """
    source = _Source(path)
    try:
        yield from _read_lines(source, quick) if ".jsonl" in path.name else _read_array(source)
    except CorruptFile as fault:
        yield Entry(fault.line, None, fault, source.position)
    finally:
        source.close()


def _read_lines(source: _Source, quick: Optional[Callable[[str], Any]]) -> Iterator[Entry]:
    while True:
        line = source.readline()
        if not line:
            return
        if not line.endswith("\n") and len(line) >= _LONGEST_DOCUMENT:
            raise CorruptFile(source.path, source.line, "this line is too long to be a document")
        found = None if quick is None else quick(line)
        if found is not None:
            yield Entry(source.line, found, None, source.position, len(line))
        elif line.strip():
            yield _line_entry(source, line)
        source.line += 1


def _line_entry(source: _Source, line: str) -> Entry:
    try:
        return Entry(source.line, decode_json(line.rstrip("\r\n")), None, source.position, len(line))
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


def _integer(text: str) -> int:
    # converting thousands of digits takes long, and no number of a document has so many
    if len(text) > 1000:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_int=_integer)

# deeper than any document can be, even with a tag around each object
_DEEPEST = 3000
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def decode_json(text: str) -> Any:
    """The value of a JSON text.

    :raises ValueError: when it is not JSON, or is nested too deeply for any document
    """
    return _with_room(text, 0, lambda: _DECODER.decode(text))


def _with_room(text: str, offset: int, decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except RecursionError:
        if _is_too_deep(text, offset):
            raise ValueError("it is nested too deeply") from None
        return deep.run(decode)


def _is_too_deep(text: str, offset: int) -> bool:
    depth = 0
    for match in _BRACKETS.finditer(text, offset):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > _DEEPEST:
            return True
        if depth <= 0:
            return False
    return False


_SPACE = re.compile(r"[ \t\r\n]*")


class _ArrayReader:
    """Cuts a JSON array into its elements while reading it in pieces."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.buffer = ""
        self.offset = 0
        self.ended = False

    def more(self) -> bool:
        """Read another piece into the buffer; return whether there was one."""
        piece = self.source.read()
        self.buffer = self.buffer[self.offset :] + piece
        self.offset = 0
        self.ended = not piece
        return bool(piece)

    def advance(self, to: int) -> None:
        """Move the offset forward, counting lines."""
        self.source.line += self.buffer.count("\n", self.offset, to)
        self.offset = to

    def peek(self) -> str:
        """The next character that is not white space; ``""`` at the end."""
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

    def element(self) -> tuple[int, Any, int]:
        """The next element, the line it begins on, and its length."""
        if not self.peek():
            raise self.fail("the file ends in the middle: its array is not closed")
        line = self.source.line
        wanted = 0
        while True:
            try:
                value, end = self.decode()
            except ValueError as fault:
                wanted = max(wanted * 2, _PIECE)
                self._read_for(fault, line, wanted)
                continue
            # a number at the end of the buffer may continue in the next piece
            whole = end < len(self.buffer) and self.buffer[end] not in "0123456789.eE+-"
            if whole or not self.more():
                size = end - self.offset
                self.advance(end)
                return line, value, size

    def decode(self) -> Any:
        """The value that begins at the offset, and where it ends."""
        return _with_room(self.buffer, self.offset, lambda: _DECODER.raw_decode(self.buffer, self.offset))

    def _read_for(self, fault: ValueError, line: int, wanted: int) -> None:
        """Read more of an element that could not be decoded. Twice as much each time, which keeps the cost linear."""
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
            line, value, size = reader.element()
            mark = reader.take(",]")
            yield Entry(line, value, None, source.position, size)
            if mark == "]":
                break
    else:
        reader.take("]")
    if reader.peek():
        raise reader.fail("there is text behind the array")
