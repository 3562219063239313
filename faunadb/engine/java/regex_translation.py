"""From a pattern of Java's regular expressions to one of the `regex` module (value functions, "Regex dialect").

It is parsed as Java's compiler parses it, refused where that refuses it, and written out anew with nothing left to a
flag: case, line ends, comments and character classes are spelled out.
"""

from __future__ import annotations

from typing import Optional

from ..records import NamedTuple
from . import character_classes as classes
from . import lengths
from .lengths import Chain
from .regex_characters import END, LETTERS, MAX_DEPTH, CharacterReader

#: Limit on the parts of a pattern, where a repeated part counts once for each repetition that must match: `regex`
#: makes a copy of it (300 bytes) for each.
_MAX_SIZE = 100_000

_DIGITS = "0123456789"

# Inline flags, as Java names them.
_FLAGLETTERS = "idmsucxU"
_COUNTS = {"?": (0, 1), "*": (0, lengths.MAX_REPEAT), "+": (1, lengths.MAX_REPEAT)}
_ONE = [lengths.character()]
#: The place of \G in a translated pattern.
HERE = "(?:\\G)"
_ANCHORS = {"A": "\\A", "z": "\\Z", "G": "", "Z": "", "b": "", "B": ""}


class _Found(NamedTuple):
    """A part of the translated pattern. chain: the part as `lengths` sees it. grouped: whether it is one group."""

    text: str
    chain: Chain
    grouped: bool = False


class Translator(CharacterReader):
    """Reads a pattern once, left to right, writing it for the `regex` module.

    Every part comes as its text and the chain that its length is known by.
    """

    def __init__(self, source: str):
        super().__init__(_unquote(source))
        self.groups = 0
        self.open_groups: set[int] = set()
        self.names: dict[str, int] = {}
        self.references: list[int] = []
        #: parts so far, as `_MAX_SIZE` counts them
        self.size = 0
        #: whether there is a \G, which stands in the text as `HERE`
        self.continues = False

    def translate(self) -> str:
        text = self.alternatives().text
        if self.at < len(self.source):
            self.fail("unmatched )")
        for group in range(self.groups + 1, max(self.references, default=0) + 1):
            # Groups that do not exist never match.
            text = text.replace(f"(?:\\g<{group}>)", "(?!)")
        return text

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
        while self.peek() not in (END, "|", ")"):
            before = self.size
            atom = self.atom()
            if atom is not None:
                self.grow(1 + len(atom.text) // 16 if not atom.grouped else 1)
                text, parts, _ = self.quantified(atom, self.size - before)
                texts.append(text)
                chain.extend(parts)
        return _Found("".join(texts), chain)

    def atom(self) -> Optional[_Found]:
        """Translate one part that a quantifier may follow; None after inline flags."""
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
        if char == END or char not in "?*+{":
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
        """Read what follows a ``{``: the least and the greatest count."""
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
        if self.depth > MAX_DEPTH:
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
        # The body stays in the pattern because its groups must still count.
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
        while self.raw() and self.raw() in LETTERS + _DIGITS:
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
        # Each flag is in force at once: after an x, blanks between the letters are skipped.
        while self.peek() and self.peek() in _FLAGLETTERS + "-":
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
        return f"[{char.lower()}{char.upper()}]" if char in LETTERS else text

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
        """Translate what follows a backslash outside of classes."""
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
            return HERE
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
            # A group that refers to itself is not set in its first round, which therefore fails.
            return "(?!)"
        self.references.append(number)
        text = f"(?:\\g<{number}>)"
        return f"(?i:{text})" if "i" in self.flags else text


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
