"""Java's regular expressions, by the `regex` module: matching within a time limit, and replacement.

Rules: value functions, "Regex dialect". `regex_translation` rewrites a pattern for `regex`; `regex_characters` reads
escapes and character classes for it. Java sets no limit on the time of matching; here one call ends with `MatchTimeout`
after `TIME_LIMIT` seconds.

Known differences from Java: ``\\b{g}`` is refused. Of the matches that begin between the halves of a surrogate pair, only
empty ones that follow an empty match are found. A group in a negative lookaround, or in a repetition that ends with an
empty round, may hold another text. Back references under ``(?i)`` fold case as Unicode does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Optional, Union

from .regex_characters import InvalidPattern as InvalidPattern
from .regex_translation import HERE, Translator
from .text import halves, united

#: Seconds that the matching of one function call may take.
TIME_LIMIT = 2.0
#: Longer patterns, in characters, are not kept for their next use.
_MAX_CACHED_LENGTH = 4096
#: Neither are patterns of more parts than this.
_MAX_CACHED_SIZE = 1000


class InvalidReplacement(ValueError):
    """A malformed replacement string, or one that names a missing group."""


class MatchTimeout(Exception):
    """Matching took longer than `TIME_LIMIT`."""


#: How many characters on each side of a surrogate pair are considered in looking for an empty match between its halves.
_AROUND = 1000


class _Between:
    """An empty match between the halves of a surrogate pair. index: of their character in the text.

    `start` is the place after the pair, because that is where Fauna, counting in characters, reports it.
    """

    __slots__ = ("_match", "index")

    def __init__(self, index: int, match: Any):
        self.index = index
        self._match = match

    def start(self) -> int:
        return self.index + 1

    end = start

    def group(self, number: int = 0) -> Any:
        return self._match.group(number)


class JavaPattern:
    """A compiled pattern. source: its text. groups: how many capturing groups it has. names: name -> number of a group."""

    __slots__ = ("_compiled", "_resumed", "groups", "names", "source")

    def __init__(self, source: str, compiled: Any, groups: int, names: dict[str, int], resumed: Any = None):
        self.source = source
        self._compiled = compiled
        # For patterns with \G: after an empty match \G stays where it is, and this finds the next match after that place.
        self._resumed = resumed
        self.groups = groups
        self.names = names

    def __repr__(self) -> str:
        return f"JavaPattern({self.source!r})"

    def matches(self, text: str, seconds: float = TIME_LIMIT) -> Iterator[Any]:
        """The matches in ``text``, left to right, as match objects. Raises MatchTimeout after that many seconds.

        After an empty match the search goes on one UTF-16 unit further, even if there is a longer match here.
        """
        deadline = time.monotonic() + seconds
        compiled = self._compiled
        start = 0
        while start <= len(text):
            left = deadline - time.monotonic()
            if left <= 0:
                raise MatchTimeout
            try:
                match = compiled.search(text, start, timeout=left)
            except TimeoutError:
                raise MatchTimeout from None
            if match is None:
                return
            yield match
            start, empty = match.end(), match.start() == match.end()
            if self._resumed is not None:
                compiled = self._resumed if empty else self._compiled
            elif empty:
                if text[start : start + 1] > "\uffff":
                    between = self._between(text, start)
                    if between is not None:
                        yield between
                start += 1

    def _between(self, text: str, index: int) -> Optional[_Between]:
        """The empty match between the halves of the character at index, if there is one."""
        high, low = halves(text[index])
        before = text[max(0, index - _AROUND) : index] + high
        match = self._compiled.match(before + low + text[index + 1 : index + 1 + _AROUND], len(before))
        return _Between(index, match) if match is not None and not match.group() else None

    def found_in(self, text: str, seconds: float = TIME_LIMIT) -> bool:
        """Whether there is a match anywhere."""
        return next(self.matches(text, seconds), None) is not None

    def replace(self, text: str, replacement: str, first_only: bool, seconds: float = TIME_LIMIT) -> str:
        """``text`` with every match, or only the first, replaced. The replacement is only checked when there is a match."""
        template: Optional[list[Union[str, int]]] = None
        pieces: list[str] = []
        end = 0
        parted = False
        for match in self.matches(text, seconds):
            if template is None:
                template = self.template(replacement)
            replaced = [part if isinstance(part, str) else match.group(part) or "" for part in template]
            if isinstance(match, _Between):
                parted = True
                high, low = halves(text[match.index])
                pieces += [high, *replaced, low]
            else:
                pieces += [text[end : match.start()], *replaced]
            end = match.end()
            if first_only:
                break
        pieces.append(text[end:])
        found = "".join(pieces)
        return united(found) if parted else found

    def template(self, replacement: str) -> list[Union[str, int]]:
        """A replacement string as literal texts and group numbers. Raises InvalidReplacement when it is malformed."""
        parts: list[Union[str, int]] = []
        at = 0
        while at < len(replacement):
            char = replacement[at]
            if char == "\\":
                if at + 1 == len(replacement):
                    raise InvalidReplacement("the replacement ends with a backslash")
                parts.append(replacement[at + 1])
                at += 2
            elif char == "$":
                group, at = self._group(replacement, at + 1)
                parts.append(group)
            else:
                parts.append(char)
                at += 1
        return parts

    def _group(self, text: str, at: int) -> tuple[int, int]:
        if text[at : at + 1] == "{":
            end = text.find("}", at)
            name = text[at + 1 : end] if end > 0 else ""
            if name not in self.names:
                raise InvalidReplacement(f"the replacement names no group: ${text[at:]}")
            return self.names[name], end + 1
        if text[at : at + 1] not in _DIGITS or at == len(text):
            raise InvalidReplacement("$ in the replacement is not followed by a group")
        group = int(text[at])
        at += 1
        while at < len(text) and text[at] in _DIGITS and group * 10 + int(text[at]) <= self.groups:
            group = group * 10 + int(text[at])
            at += 1
        if group > self.groups:
            raise InvalidReplacement(f"the pattern has no group {group}")
        return group, at


_DIGITS = "0123456789"


class _NotCached(Exception):
    """Raised with a pattern that is too large for the cache, so that `lru_cache` does not keep it; not an error."""

    def __init__(self, pattern: JavaPattern):
        self.pattern = pattern


def compile_pattern(source: str) -> JavaPattern:
    """The compiled pattern. Raises InvalidPattern for what Java refuses, and for more than 100,000 repeated parts."""
    if len(source) > _MAX_CACHED_LENGTH:
        return _compile(source)[0]
    try:
        return _compile_cached(source)
    except _NotCached as large:
        return large.pattern


def quote(text: str) -> str:
    """A pattern that matches exactly ``text`` (``regexescape``)."""
    return "\\Q" + text.replace("\\E", "\\E\\\\E\\Q") + "\\E"


def _compile(source: str) -> tuple[JavaPattern, int]:
    """The compiled pattern, and its size in parts."""
    import regex  # late: it takes ten milliseconds, and few queries have patterns

    translator = Translator(source)
    try:
        translated = translator.translate()
        compiled = regex.compile(translated, regex.VERSION1)
        resumed = None
        if translator.continues:
            resumed = regex.compile(f"(?!{HERE})(?:{translated})", regex.VERSION1)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(str(error)) from None
    return JavaPattern(source, compiled, translator.groups, translator.names, resumed), translator.size


@lru_cache(maxsize=256)
def _compile_cached(source: str) -> JavaPattern:
    pattern, size = _compile(source)
    if size > _MAX_CACHED_SIZE:
        raise _NotCached(pattern)
    return pattern
