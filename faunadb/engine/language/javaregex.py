"""Java's regular expressions on the `regex` module: translation, matching within a time limit, replacement.

Rules: value functions, "Regex dialect". A pattern is parsed as Java's compiler parses it, refused where that refuses it,
and written out anew for `regex` with nothing left to a flag: case, line ends, comments and character classes are
spelled out. What Java leaves unlimited is limited here: one call's matching ends after `TIME_LIMIT` seconds with
`MatchTimeout`.

Differences left: ``\\b{g}`` is refused; ``\\G`` is where the search goes on, also after an empty match; empty matches
are not looked for between the halves of a surrogate pair; ``\\b`` counts a combining mark as part of a word also
without a base; back references under ``(?i)`` and everything under ``(?iu)`` fold case by simple Unicode case folding.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Callable, NamedTuple, NoReturn, Optional, Union

from . import javaclasses as classes

#: Seconds that the matching of one function call may take.
TIME_LIMIT = 2.0
_MAX_CACHED_LENGTH = 4096
#: Groups inside groups; far beyond use, and within what the `regex` module takes.
_MAX_DEPTH = 100
_MAX_REPEAT = 2**31 - 1


class _Length(NamedTuple):
    """What Java finds out about the length of a part's matches.

    A lookbehind needs a known greatest length, a count of 32 bits. simple: one character at a time. fixed: nothing is
    to be chosen while matching it; only then a repeated group has a known length.
    """

    most: int
    known: bool = True
    fixed: bool = True
    simple: bool = False

    def then(self, other: _Length) -> _Length:
        return _Length(self.most + other.most, self.known and other.known, self.fixed and other.fixed)

    def either(self, other: _Length) -> _Length:
        return _Length(max(self.most, other.most), self.known and other.known, False)

    def repeated(self, low: int, high: int) -> _Length:
        most = self.most * high
        return _Length(most, self.known and most <= _MAX_REPEAT, self.fixed and low == high)


_EMPTY = _Length(0)
_ONE = _Length(1, simple=True)
_UNKNOWN = _Length(0, known=False)


class InvalidPattern(ValueError):
    """Not a pattern of the dialect; the message says why."""


class InvalidReplacement(ValueError):
    """A malformed replacement string, or one that names a missing group."""


class MatchTimeout(Exception):
    """Matching took longer than `TIME_LIMIT`."""


class JavaPattern:
    """A compiled pattern: `source` as given, `groups` capturing groups, `names` of some of them."""

    __slots__ = ("_compiled", "groups", "names", "source")

    def __init__(self, source: str, compiled: Any, groups: int, names: dict[str, int]):
        self.source = source
        self._compiled = compiled
        self.groups = groups
        self.names = names

    def __repr__(self) -> str:
        return f"JavaPattern({self.source!r})"

    def matches(self, text: str) -> Iterator[Any]:
        """The matches in ``text``, left to right, as match objects; MatchTimeout when they take too long."""
        deadline = time.monotonic() + TIME_LIMIT
        start = 0
        while start <= len(text):
            left = deadline - time.monotonic()
            if left <= 0:
                raise MatchTimeout
            try:
                match = self._compiled.search(text, start, timeout=left)
            except TimeoutError:
                raise MatchTimeout from None
            if match is None:
                return
            yield match
            # After an empty match the search goes on one further, even if there is a longer match here.
            start = match.end() + (match.start() == match.end())

    def found_in(self, text: str) -> bool:
        """Whether there is a match anywhere."""
        return next(self.matches(text), None) is not None

    def replace(self, text: str, replacement: str, first_only: bool) -> str:
        """``text`` with every match, or the first, replaced; a replacement is read once there is a match."""
        template: Optional[list[Union[str, int]]] = None
        pieces: list[str] = []
        end = 0
        for match in self.matches(text):
            if template is None:
                template = self.template(replacement)
            pieces.append(text[end : match.start()])
            pieces.extend(part if isinstance(part, str) else match.group(part) or "" for part in template)
            end = match.end()
            if first_only:
                break
        pieces.append(text[end:])
        return "".join(pieces)

    def template(self, replacement: str) -> list[Union[str, int]]:
        """A replacement string as literal texts and group numbers; InvalidReplacement when it is malformed."""
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
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def compile_pattern(source: str) -> JavaPattern:
    """The compiled pattern; InvalidPattern for what Java refuses."""
    if len(source) > _MAX_CACHED_LENGTH:
        return _compile(source)
    return _compile_cached(source)


def quote(text: str) -> str:
    """A pattern that matches exactly ``text`` (``regexescape``)."""
    return "\\Q" + text.replace("\\E", "\\E\\\\E\\Q") + "\\E"


def _compile(source: str) -> JavaPattern:
    # Imported here, since few queries have patterns and the module takes a while to load.
    import regex

    translator = _Translator(source)
    try:
        translated = translator.translate()
        compiled = regex.compile(translated, regex.VERSION1)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(str(error)) from None
    return JavaPattern(source, compiled, translator.groups, translator.names)


_compile_cached = lru_cache(maxsize=512)(_compile)

# Inline flags, as Java names them.
_FLAG_LETTERS = "idmsucxU"
_COUNTS = {"?": (0, 1), "*": (0, _MAX_REPEAT), "+": (1, _MAX_REPEAT)}
_END = ""


class _Translator:
    """Reads a pattern once, left to right, writing it for the `regex` module.

    Every part comes as its text and what is known of its length.
    """

    def __init__(self, source: str):
        self.source = _unquote(source)
        self.at = 0
        self.flags: set[str] = set()
        self.groups = 0
        self.open_groups: set[int] = set()
        self.names: dict[str, int] = {}
        self.references: list[int] = []
        self.depth = 0

    def translate(self) -> str:
        text, _ = self.alternatives()
        if self.at < len(self.source):
            self.fail("unmatched )")
        for group in range(self.groups + 1, max(self.references, default=0) + 1):
            # Groups that do not exist never match.
            text = text.replace(f"(?:\\g<{group}>)", "(?!)")
        return text

    def fail(self, reason: str) -> NoReturn:
        raise InvalidPattern(f"{reason} near index {self.at}")

    # Characters

    def raw(self, offset: int = 0) -> str:
        at = self.at + offset
        return self.source[at] if at < len(self.source) else _END

    def peek(self) -> str:
        """The next character that counts: with the x flag, blanks and comments do not."""
        if "x" in self.flags:
            while self.raw() and self.raw() in " \t\n\x0b\f\r#":
                if self.raw() == "#":
                    while self.raw() and self.raw() not in "\n\r\x85\u2028\u2029":
                        self.at += 1
                else:
                    self.at += 1
        return self.raw()

    def take(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    # Structure

    def alternatives(self) -> tuple[str, _Length]:
        text, length = self.sequence()
        texts = [text]
        while self.peek() == "|":
            self.at += 1
            text, other = self.sequence()
            texts.append(text)
            length = length.either(other)
        return "|".join(texts), length

    def sequence(self) -> tuple[str, _Length]:
        texts, length = [], _EMPTY
        while self.peek() not in (_END, "|", ")"):
            grouped = self.peek() == "("
            atom = self.atom()
            if atom is None:
                continue
            text, part = self.quantified(*atom, grouped)
            texts.append(text)
            length = length.then(part)
        return "".join(texts), length

    def atom(self) -> Optional[tuple[str, _Length]]:
        """One thing that a quantifier may follow; None after inline flags."""
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.character_class(), _ONE
        if char == ".":
            return self.dot(), _ONE
        if char == "^":
            return self.caret(), _EMPTY
        if char == "$":
            return (self.dollar_lines() if "m" in self.flags else self.dollar_end()), _EMPTY
        if char == "\\":
            return self.escape()
        if char in "*+?":
            self.fail(f"dangling {char}")
        if char == "{":
            self.at -= 1
            return "(?:)", _EMPTY
        return self.literal(char), _ONE

    def quantified(self, text: str, length: _Length, grouped: bool) -> tuple[str, _Length]:
        char = self.peek()
        if char == _END or char not in "?*+{":
            return text, length
        self.at += 1
        low, high = self.counted() if char == "{" else _COUNTS[char]
        repeat = char if char != "{" else f"{{{low},{'' if high == _MAX_REPEAT else high}}}"
        suffix = self.peek()
        if suffix and suffix in "?+":
            self.at += 1
            repeat += suffix
        repeated = length.repeated(low, high)
        if char == "?":
            repeated = _Length(length.most, length.known, False)
        elif grouped and not length.fixed and suffix != "+":
            repeated = _Length(length.most, False, False)
        elif length.simple and char in "*+" and repeat == char:
            repeated = _Length(0, True, False)
        return f"(?:{text}){repeat}", repeated

    def counted(self) -> tuple[int, int]:
        """What follows a {: the least and the greatest count."""
        low = self.number()
        if low is None:
            self.fail("illegal repetition")
        if self.raw() != ",":
            high: Optional[int] = low
        else:
            self.at += 1
            high = _MAX_REPEAT if self.raw() == "}" else self.number()
        if high is None:
            self.fail("illegal repetition")
        if self.raw() != "}":
            self.fail("unclosed counted closure")
        self.at += 1
        if high < low:
            self.fail("illegal repetition range")
        return low, high

    def number(self) -> Optional[int]:
        start = self.at
        while self.raw() and self.raw() in _DIGITS:
            self.at += 1
            if self.at - start > 10:
                self.fail("illegal repetition range")
        if self.at == start:
            return None
        number = int(self.source[start : self.at])
        if number > _MAX_REPEAT:
            self.fail("illegal repetition range")
        return number

    # Groups

    def group(self) -> Optional[tuple[str, _Length]]:
        saved = set(self.flags)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail("groups are nested too deeply")
        if self.peek() != "?":
            found: Optional[tuple[str, _Length]] = self.capturing(None)
        else:
            self.at += 1
            found = self.special_group()
        self.depth -= 1
        if found is not None:
            self.flags = saved
        return found

    def special_group(self) -> Optional[tuple[str, _Length]]:
        char = self.raw()
        self.at += 1
        if char and char in ":>=!":
            body, length = self.body()
            return f"(?{char}{body})", _EMPTY if char in "=!" else length
        if char != "<":
            self.at -= 1
            return self.flag_group()
        char = self.raw()
        self.at += 1
        if char and char in "=!":
            body, length = self.body()
            if not length.known:
                self.fail("lookbehind without an obvious maximum length")
            return f"(?<{char}{body})", _EMPTY
        self.at -= 1
        name = self.group_name()
        if name in self.names:
            self.fail(f"group {name} is already defined")
        return self.capturing(name)

    def body(self) -> tuple[str, _Length]:
        found = self.alternatives()
        if self.take() != ")":
            self.fail("unclosed group")
        return found

    def capturing(self, name: Optional[str]) -> tuple[str, _Length]:
        self.groups += 1
        number = self.groups
        if name is not None:
            self.names[name] = number
        self.open_groups.add(number)
        body, length = self.body()
        self.open_groups.discard(number)
        return f"({body})", length

    def group_name(self) -> str:
        start = self.at
        while self.raw() and self.raw() in _LETTERS + _DIGITS:
            self.at += 1
        name = self.source[start : self.at]
        if not name or name[0] in _DIGITS:
            self.fail("group name does not start with a letter")
        if self.raw() != ">":
            self.fail("group name is not closed by >")
        self.at += 1
        return name

    def flag_group(self) -> Optional[tuple[str, _Length]]:
        flags = set(self.flags)
        adding = True
        while self.raw() and self.raw() in _FLAG_LETTERS + "-":
            char = self.raw()
            self.at += 1
            if char == "-":
                if not adding:
                    self.fail("unknown inline modifier")
                adding = False
            elif adding:
                flags |= {"U", "u"} if char == "U" else {char}
            else:
                flags.discard(char)
        char = self.take()
        if char not in (")", ":"):
            self.fail("unknown inline modifier")
        self.flags = flags
        if char == ")":
            return None
        body, length = self.body()
        return f"(?:{body})", length

    # Atoms

    def literal(self, char: str) -> str:
        text = classes.escaped(char)
        if "i" not in self.flags:
            return text
        if "u" in self.flags:
            return f"(?i-f:{text})"
        return f"[{char.lower()}{char.upper()}]" if char in _LETTERS else text

    def dot(self) -> str:
        if "s" in self.flags:
            return "(?s:.)"
        return "[^\\n]" if "d" in self.flags else f"[^{classes.LINE_ENDS}]"

    def caret(self) -> str:
        if "m" not in self.flags:
            return "(?:\\A)"
        if "d" in self.flags:
            return "(?:(?!\\Z)(?:\\A|(?<=\\n)))"
        return "(?:(?!\\Z)(?:\\A|(?<=[\\n\\x85\\u2028\\u2029])|(?<=\\r)(?!\\n)))"

    def dollar_lines(self) -> str:
        if "d" in self.flags:
            return "(?:(?=\\n|\\Z))"
        return "(?:(?=[\\r\\x85\\u2028\\u2029])|(?<!\\r)(?=\\n)|\\Z)"

    def dollar_end(self) -> str:
        if "d" in self.flags:
            return "(?:(?=\\n?\\Z))"
        return "(?:(?=\\r\\n\\Z)|(?<!\\r)(?=\\n\\Z)|(?=[\\r\\x85\\u2028\\u2029]\\Z)|\\Z)"

    def escape(self) -> tuple[str, _Length]:
        """What follows a backslash outside classes."""
        char = self.raw()
        if char in _ANCHORS:
            self.at += 1
            return self.anchor(char), _EMPTY
        if char == "R":
            self.at += 1
            return "(?:\\r\\n|[\\n\\x0b\\f\\r\\x85\\u2028\\u2029])", _Length(2)
        if char == "X":
            self.at += 1
            return "\\X", _Length(1)
        if char == "k":
            self.at += 1
            return self.named_reference(), _UNKNOWN
        if char and char in "123456789":
            return self.numbered_reference(), _UNKNOWN
        predefined = self.predefined()
        if predefined is not None:
            return f"[{predefined}]", _ONE
        return self.literal(self.escaped_character()), _ONE

    def anchor(self, char: str) -> str:
        if char == "Z":
            return self.dollar_end()
        if char in "bB":
            if char == "b" and self.raw() == "{":
                self.fail("\\b{g} is not supported")
            word = classes.WORD_UNICODE if "U" in self.flags else classes.BOUNDARY_WORD
            if char == "b":
                return f"(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))"
            return f"(?:(?<=[{word}])(?=[{word}])|(?<![{word}])(?![{word}]))"
        return f"(?:{_ANCHORS[char]})"

    def named_reference(self) -> str:
        if self.raw() != "<":
            self.fail("\\k is not followed by <")
        self.at += 1
        name = self.group_name()
        if name not in self.names:
            self.fail(f"group {name} does not exist")
        return self.reference(self.names[name])

    def numbered_reference(self) -> str:
        number = int(self.raw())
        self.at += 1
        while self.peek() and self.peek() in _DIGITS and number * 10 + int(self.peek()) <= self.groups:
            number = number * 10 + int(self.take())
        return self.reference(number)

    def reference(self, number: int) -> str:
        if number in self.open_groups:
            # A group refers to itself: unset in the first round, which therefore fails.
            return "(?!)"
        self.references.append(number)
        text = f"(?:\\g<{number}>)"
        return f"(?i:{text})" if "i" in self.flags else text

    # Escapes shared with classes

    def predefined(self) -> Optional[str]:
        """``\\d``, ``\\P{L}`` and such after the backslash, as the content of a set; None for anything else."""
        char = self.raw()
        if char and char in "pP":
            self.at += 1
            return self.property(char == "P")
        found = classes.predefined(char, "U" in self.flags)
        if found is not None:
            self.at += 1
        return found

    def property(self, negated: bool) -> str:
        name = self.take()
        if name == "{":
            end = self.source.find("}", self.at)
            if end < 0:
                self.fail("unclosed character family")
            name = self.source[self.at : end]
            self.at = end + 1
        found = classes.property_set(name, "U" in self.flags, "i" in self.flags)
        if found is None:
            self.fail(f"unknown character property {name!r}")
        return f"[^{found}]" if negated else f"[{found}]"

    def escaped_character(self) -> str:
        """The one character that an escape stands for (the backslash is behind)."""
        char = self.raw()
        self.at += 1
        if char == _END:
            self.fail("the pattern ends with a backslash")
        if char in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[char]
        reader = _CODED_ESCAPES.get(char)
        if reader is not None:
            return reader(self)
        if char in _LETTERS or char in "123456789":
            self.at -= 1
            self.fail(f"unknown escape \\{char}")
        return char

    def octal(self) -> str:
        digits = ""
        while len(digits) < 3 and self.raw() and self.raw() in "01234567":
            if len(digits) == 2 and digits[0] > "3":
                break
            digits += self.raw()
            self.at += 1
        if not digits:
            self.fail("illegal octal escape")
        return chr(int(digits, 8))

    def hexadecimal(self) -> str:
        if self.raw() != "{":
            return chr(self.hex_digits(2))
        end = self.source.find("}", self.at)
        digits = self.source[self.at + 1 : end] if end > 0 else ""
        if not digits or any(char not in classes.HEX_DIGITS for char in digits) or int(digits, 16) > 0x10FFFF:
            self.fail("illegal hexadecimal escape")
        self.at = end + 1
        return chr(int(digits, 16))

    def hex_digits(self, count: int) -> int:
        digits = self.source[self.at : self.at + count]
        if len(digits) < count or any(char not in classes.HEX_DIGITS for char in digits):
            self.fail("illegal hexadecimal escape")
        self.at += count
        return int(digits, 16)

    def unicode_unit(self) -> str:
        unit = self.hex_digits(4)
        if 0xD800 <= unit < 0xDC00 and self.source.startswith("\\u", self.at):
            start = self.at
            self.at += 2
            low = self.hex_digits(4)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            self.at = start
        return chr(unit)

    def control(self) -> str:
        char = self.raw()
        self.at += 1
        if char == _END:
            self.fail("illegal control escape")
        return chr(ord(char) ^ 64)

    def named_character(self) -> str:
        end = self.source.find("}", self.at)
        if self.raw() != "{" or end < 0:
            self.fail("illegal character name escape")
        try:
            char = unicodedata.lookup(self.source[self.at + 1 : end])
        except KeyError:
            self.fail("unknown character name")
        self.at = end + 1
        return char

    # Classes

    def character_class(self) -> str:
        """What follows a [, through its ]; written as a set that stands by itself."""
        negated = self.raw() == "^"
        if negated:
            self.at += 1
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail("classes are nested too deeply")
        text = self.class_items(False)
        self.depth -= 1
        self.at += 1
        return f"[^{text}]" if negated else text

    def class_items(self, right_side: bool) -> str:
        """The items up to the closing ], which is left; a set. right_side: of &&, which ends at another && too."""
        union: list[str] = []
        result: Optional[str] = None
        while True:
            char = self.peek()
            if char == _END:
                self.fail("unclosed character class")
            if char == "]" and (union or result is not None):
                return _intersected(result, union)
            if char == "[":
                self.at += 1
                union.append(self.character_class())
                continue
            if char == "&" and self.raw(1) == "&":
                self.at += 2
                result = self.intersection(result, union)
                union = []
                continue
            union.append(self.class_item())

    def intersection(self, result: Optional[str], left: list[str]) -> str:
        right: list[str] = []
        while self.peek() not in ("]", "&"):
            if self.peek() == _END:
                self.fail("unclosed character class")
            if self.peek() == "[":
                self.at += 1
                right.append(self.character_class())
            else:
                right.append(self.class_items(True))
        if result is not None:
            left = [result, *left]
        if not right:
            if not left:
                self.fail("bad class syntax")
            return _union(left)
        if not left:
            return _union(right)
        return f"[{_union(left)}&&{_union(right)}]"

    def class_item(self) -> str:
        """A character, a range, or a predefined class, as a set."""
        char = self.take()
        if char == "\\":
            is_range = self.raw(1) == "-"
            if self.raw() == "v" and is_range:
                self.at += 1
                char = "\x0b"
            else:
                predefined = self.predefined()
                if predefined is not None:
                    return f"[{predefined}]"
                char = self.escaped_character()
        if self.peek() == "-" and self.raw(1) not in ("]", "["):
            self.at += 1
            return self.class_range(char)
        return self.single(char)

    def class_range(self, low: str) -> str:
        high = self.take()
        if high == _END:
            self.fail("unclosed character class")
        if high == "\\":
            if self.raw() == "v":
                self.at += 1
                high = "\x0b"
            elif self.predefined() is not None:
                self.fail("illegal character range")
            else:
                high = self.escaped_character()
        if high < low:
            self.fail("illegal character range")
        text = f"[{classes.escaped(low)}-{classes.escaped(high)}]"
        if "i" not in self.flags:
            return text
        return f"(?i-f:{text})" if "u" in self.flags else f"[{text}{classes.other_case(low, high)}]"

    def single(self, char: str) -> str:
        if "i" not in self.flags:
            return f"[{classes.escaped(char)}]"
        if "u" in self.flags:
            return "[" + "".join(map(classes.escaped, classes.simple_case_variants(char))) + "]"
        return f"[{char.lower()}{char.upper()}]" if char in _LETTERS else f"[{classes.escaped(char)}]"


def _union(sets: list[str]) -> str:
    return sets[0] if len(sets) == 1 else f"[{''.join(sets)}]"


def _intersected(result: Optional[str], union: list[str]) -> str:
    return _union(([result] if result is not None else []) + union)


_ANCHORS = {"A": "\\A", "z": "\\Z", "G": "\\G", "Z": "", "b": "", "B": ""}
_SIMPLE_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\x07", "e": "\x1b"}
_CODED_ESCAPES: dict[str, Callable[[_Translator], str]] = {
    "0": _Translator.octal,
    "x": _Translator.hexadecimal,
    "u": _Translator.unicode_unit,
    "c": _Translator.control,
    "N": _Translator.named_character,
}


def _unquote(source: str) -> str:
    """The pattern with ``\\Q...\\E`` spelled out."""
    if "\\Q" not in source:
        return source
    pieces: list[str] = []
    at = 0
    while at < len(source):
        if source[at] != "\\" or at + 1 == len(source):
            pieces.append(source[at])
            at += 1
        elif source[at + 1] != "Q":
            pieces.append(source[at : at + 2])
            at += 2
        else:
            end = source.find("\\E", at + 2)
            quoted = source[at + 2 :] if end < 0 else source[at + 2 : end]
            pieces.extend(char if char.isalnum() or char > "\x7f" else "\\" + char for char in quoted)
            at = len(source) if end < 0 else end + 2
    return "".join(pieces)
