"""Java's regular expressions on the `regex` module: translation, matching within a time limit, replacement.

Rules: value functions, "Regex dialect". A pattern is parsed as Java's compiler parses it, refused where that refuses it,
and written out anew for `regex` with nothing left to a flag: case, line ends, comments and character classes are
spelled out. What Java leaves unlimited is limited here: one call's matching ends after `TIME_LIMIT` seconds with
`MatchTimeout`.

Differences left: ``\\b{g}`` is refused; empty matches are not looked for between the halves of a surrogate pair; a group
in a negative lookaround or in a repetition that stops at an empty round may hold something else; back references under
``(?i)`` fold case as Unicode does.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Callable, NamedTuple, NoReturn, Optional, Union

from . import character_classes as classes
from . import lengths as lengths
from .lengths import Chain

#: Seconds that the matching of one function call may take.
TIME_LIMIT = 2.0
_MAX_CACHED_LENGTH = 4096
#: Groups inside groups; far beyond use, and within what the `regex` module takes.
_MAX_DEPTH = 100
#: Parts of a pattern, those that must repeat counted every time: `regex` writes each of them out (300 bytes).
_MAX_SIZE = 100_000
#: Parts of a pattern that is kept for its next use.
_MAX_CACHED_SIZE = 1000


class InvalidPattern(ValueError):
    """Not a pattern of the dialect; the message says why."""


class InvalidReplacement(ValueError):
    """A malformed replacement string, or one that names a missing group."""


class MatchTimeout(Exception):
    """Matching took longer than `TIME_LIMIT`."""


class JavaPattern:
    """A compiled pattern: `source` as given, `groups` capturing groups, `names` of some of them."""

    __slots__ = ("_compiled", "_resumed", "groups", "names", "source")

    def __init__(self, source: str, compiled: Any, groups: int, names: dict[str, int], resumed: Any = None):
        self.source = source
        self._compiled = compiled
        # For patterns with \G, which stays where an empty match ended: a search from there for matches further on.
        self._resumed = resumed
        self.groups = groups
        self.names = names

    def __repr__(self) -> str:
        return f"JavaPattern({self.source!r})"

    def matches(self, text: str) -> Iterator[Any]:
        """The matches in ``text``, left to right, as match objects; MatchTimeout when they take too long."""
        deadline = time.monotonic() + TIME_LIMIT
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
            # After an empty match the search goes on one further, even if there is a longer match here.
            start, empty = match.end(), match.start() == match.end()
            if self._resumed is not None:
                compiled = self._resumed if empty else self._compiled
            else:
                start += empty

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


class _NotCached(Exception):
    """A pattern too large to be kept, which is not a failure."""

    def __init__(self, pattern: JavaPattern):
        self.pattern = pattern


def compile_pattern(source: str) -> JavaPattern:
    """The compiled pattern; InvalidPattern for what Java refuses, and for more than 100,000 repeated parts."""
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
    """The compiled pattern and the size of what was made of it."""
    # Imported here, since few queries have patterns and the module takes a while to load.
    import regex  # late: ten milliseconds that most programs need not spend

    translator = _Translator(source)
    try:
        translated = translator.translate()
        compiled = regex.compile(translated, regex.VERSION1)
        resumed = None
        if translator.continues:
            resumed = regex.compile(f"(?!{_HERE})(?:{translated})", regex.VERSION1)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(str(error)) from None
    return JavaPattern(source, compiled, translator.groups, translator.names, resumed), translator.size


@lru_cache(maxsize=256)
def _compile_cached(source: str) -> JavaPattern:
    pattern, size = _compile(source)
    if size > _MAX_CACHED_SIZE:
        raise _NotCached(pattern)
    return pattern


# Inline flags, as Java names them.
_FLAG_LETTERS = "idmsucxU"
_COUNTS = {"?": (0, 1), "*": (0, lengths.MAX_REPEAT), "+": (1, lengths.MAX_REPEAT)}
_END = ""
_ONE = [lengths.character()]
#: The place of \G in a translated pattern.
_HERE = "(?:\\G)"


class _Found(NamedTuple):
    """A part of the translated pattern; chain: what Java's study of lengths sees of it. grouped: a group as such."""

    text: str
    chain: Chain
    grouped: bool = False


class _Translator:
    """Reads a pattern once, left to right, writing it for the `regex` module.

    Every part comes as its text and the chain that its length is known by.
    """

    def __init__(self, source: str):
        self.source = _unquote(source)
        self.at = 0
        self.flags: frozenset[str] = frozenset()
        self.groups = 0
        self.open_groups: set[int] = set()
        self.names: dict[str, int] = {}
        self.references: list[int] = []
        self.depth = 0
        #: parts so far, as `_MAX_SIZE` counts them
        self.size = 0
        #: whether there is a \G, which stands in the text as `_HERE`
        self.continues = False

    def translate(self) -> str:
        text = self.alternatives().text
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

    def alternatives(self) -> _Found:
        text, chain, _ = self.sequence()
        texts, chains = [text], [chain]
        while self.peek() == "|":
            self.at += 1
            text, chain, _ = self.sequence()
            texts.append(text)
            chains.append(chain)
        return _Found("|".join(texts), chain if len(chains) == 1 else [lengths.branch(*chains)])

    def sequence(self) -> _Found:
        texts: list[str] = []
        chain: Chain = []
        while self.peek() not in (_END, "|", ")"):
            before = self.size
            atom = self.atom()
            if atom is not None:
                self.grow(1 + len(atom.text) // 16 if not atom.grouped else 1)
                text, parts, _ = self.quantified(atom, self.size - before)
                texts.append(text)
                chain.extend(parts)
        return _Found("".join(texts), chain)

    def atom(self) -> Optional[_Found]:
        """One thing that a quantifier may follow; None after inline flags."""
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return _Found(self.character_class(), _ONE)
        if char == ".":
            return _Found(self.dot(), _ONE)
        if char == "^":
            return _Found(self.caret(), [])
        if char == "$":
            return _Found(self.dollar_lines() if "m" in self.flags else self.dollar_end(), [])
        if char == "\\":
            return self.escape()
        if char in "*+?":
            self.fail(f"dangling {char}")
        if char == "{":
            self.at -= 1
            return _Found("(?:)", [])
        return _Found(self.literal(char), _ONE)

    def grow(self, size: int) -> None:
        self.size += size
        if self.size > _MAX_SIZE:
            self.fail("too many repeated parts")

    def quantified(self, atom: _Found, size: int) -> _Found:
        char = self.peek()
        if char == _END or char not in "?*+{":
            return atom
        self.at += 1
        low, high = self.counted() if char == "{" else _COUNTS[char]
        self.grow(size * max(low - 1, 0))
        repeat = char if char != "{" else f"{{{low},{'' if high == lengths.MAX_REPEAT else high}}}"
        suffix = self.peek()
        if suffix and suffix in "?+":
            self.at += 1
            repeat += suffix
        text = atom.text + repeat if atom.grouped else f"(?:{atom.text}){repeat}"
        return _Found(text, [lengths.repetition(atom.chain, low, high, repeat, atom.grouped)])

    def counted(self) -> tuple[int, int]:
        """What follows a {: the least and the greatest count."""
        low = self.number()
        if low is None:
            self.fail("illegal repetition")
        if self.raw() != ",":
            high: Optional[int] = low
        else:
            self.at += 1
            high = lengths.MAX_REPEAT if self.raw() == "}" else self.number()
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
        if number > lengths.MAX_REPEAT:
            self.fail("illegal repetition range")
        return number

    # Groups

    def group(self) -> Optional[_Found]:
        saved = self.flags
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail("groups are nested too deeply")
        if self.peek() != "?":
            found: Optional[_Found] = self.capturing(None)
        else:
            self.at += 1
            found = self.special_group()
        self.depth -= 1
        if found is not None:
            self.flags = saved
        return found

    def special_group(self) -> Optional[_Found]:
        char = self.raw()
        self.at += 1
        if char and char in ":>=!":
            body, chain = self.body()
            text = f"(?{char}{body})"
            if char == ":":
                return _Found(text, chain, grouped=True)
            return _Found(text, [lengths.atomic(chain)] if char == ">" else [])
        if char != "<":
            self.at -= 1
            return self.flag_group()
        char = self.raw()
        self.at += 1
        if char and char in "=!":
            return _Found(self.lookbehind(char), [])
        self.at -= 1
        name = self.group_name()
        if name in self.names:
            self.fail(f"group {name} is already defined")
        return self.capturing(name)

    def lookbehind(self, char: str) -> str:
        body, chain = self.body()
        span = lengths.study(chain)
        if not span.known:
            self.fail("lookbehind without an obvious maximum length")
        text = f"(?<{char}{body})"
        if not span.never:
            return text
        # The body stays for its groups' sake.
        return f"(?:(?!){text})" if char == "=" else f"(?:|{text})"

    def body(self) -> tuple[str, Chain]:
        text, chain, _ = self.alternatives()
        if self.take() != ")":
            self.fail("unclosed group")
        return text, chain

    def capturing(self, name: Optional[str]) -> _Found:
        self.groups += 1
        number = self.groups
        if name is not None:
            self.names[name] = number
        self.open_groups.add(number)
        body, chain = self.body()
        self.open_groups.discard(number)
        return _Found(f"({body})", chain, grouped=True)

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

    def flag_group(self) -> Optional[_Found]:
        adding = True
        # Each letter counts at once: from x on, blanks between the letters are skipped.
        while self.peek() and self.peek() in _FLAG_LETTERS + "-":
            char = self.take()
            if char == "-":
                if not adding:
                    self.fail("unknown inline modifier")
                adding = False
            elif adding:
                self.flags = self.flags | ({"U", "u"} if char == "U" else {char})
            else:
                self.flags = self.flags - {char}
        char = self.take()
        if char not in (")", ":"):
            self.fail("unknown inline modifier")
        if char == ")":
            return None
        body, chain = self.body()
        return _Found(f"(?:{body})", chain, grouped=True)

    # Atoms

    def literal(self, char: str) -> str:
        text = classes.escaped(char)
        if "i" not in self.flags:
            return text
        if "u" in self.flags:
            return f"[{classes.same_letter(char)}]"
        return f"[{char.lower()}{char.upper()}]" if char in _LETTERS else text

    def dot(self) -> str:
        if "s" in self.flags:
            return "(?s:.)"
        return classes.negated("\\x0a") if "d" in self.flags else f"[^{classes.LINE_ENDS}]"

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

    def escape(self) -> _Found:
        """What follows a backslash outside classes."""
        char = self.raw()
        if char in _ANCHORS:
            self.at += 1
            return _Found(self.anchor(char), [])
        if char == "R":
            self.at += 1
            return _Found("(?:\\r\\n|[\\n\\x0b\\f\\r\\x85\\u2028\\u2029])", [lengths.line_end()])
        if char == "X":
            self.at += 1
            return _Found("\\X", [])
        if char == "k":
            self.at += 1
            return _Found(self.named_reference(), [lengths.unknown()])
        if char and char in "123456789":
            return _Found(self.numbered_reference(), [lengths.unknown()])
        predefined = self.predefined()
        if predefined is not None:
            return _Found(f"[{predefined}]", _ONE)
        return _Found(self.literal(self.escaped_character()), _ONE)

    def anchor(self, char: str) -> str:
        if char == "Z":
            return self.dollar_end()
        if char == "G":
            self.continues = True
            return _HERE
        if char in "bB":
            if char == "b" and self.source.startswith("{g", self.at):
                self.fail("\\b{g} is not supported")
            before, after = classes.word_edges("U" in self.flags)
            if char == "b":
                return f"(?:{before}(?!{after})|(?!{before}){after})"
            return f"(?:{before}{after}|(?!{before})(?!{after}))"
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
        return classes.negated(text) if negated else text

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
        others = classes.same_letters if "u" in self.flags else classes.other_case
        return f"[{text}{others(low, high)}]"

    def single(self, char: str) -> str:
        if "i" not in self.flags:
            return f"[{classes.escaped(char)}]"
        if "u" in self.flags:
            return f"[{classes.same_letter(char)}]"
        return f"[{char.lower()}{char.upper()}]" if char in _LETTERS else f"[{classes.escaped(char)}]"


def _union(sets: list[str]) -> str:
    return sets[0] if len(sets) == 1 else f"[{''.join(sets)}]"


def _intersected(result: Optional[str], union: list[str]) -> str:
    return _union(([result] if result is not None else []) + union)


_ANCHORS = {"A": "\\A", "z": "\\Z", "G": "", "Z": "", "b": "", "B": ""}
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
