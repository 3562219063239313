"""Reading a pattern of Java's regular expressions, character by character: escapes, and classes of characters."""

from __future__ import annotations

import unicodedata
from typing import Callable, NoReturn, Optional

from . import character_classes as classes

#: Limit on groups inside groups: far more than anyone uses, and no more than the `regex` module can handle.
MAX_DEPTH = 100

#: What the reader returns at the end of the pattern.
END = ""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class InvalidPattern(ValueError):
    """The text is not a pattern of Java's dialect; the message says why."""


class CharacterReader:
    """Reads a pattern once, left to right. flags: those in force at the place `at`."""

    def __init__(self, source: str):
        self.source = source
        self.at = 0
        self.flags: frozenset[str] = frozenset()
        self.depth = 0

    def fail(self, reason: str) -> NoReturn:
        raise InvalidPattern(f"{reason} near index {self.at}")

    # Characters

    def raw(self, offset: int = 0) -> str:
        at = self.at + offset
        return self.source[at] if at < len(self.source) else END

    def peek(self) -> str:
        """The next character; with the x flag, blanks and comments are skipped."""
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

    # Escapes

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
        """The one character that an escape stands for; the backslash has been read."""
        char = self.raw()
        self.at += 1
        if char == END:
            self.fail("the pattern ends with a backslash")
        if char in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[char]
        reader = _CODED_ESCAPES.get(char)
        if reader is not None:
            return reader(self)
        if char in LETTERS or char in "123456789":
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
        if char == END:
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
        """Read what follows a ``[`` up to and including its ``]``; return it as a set of the `regex` module."""
        negated = self.raw() == "^"
        if negated:
            self.at += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("classes are nested too deeply")
        text = self.class_items(False)
        self.depth -= 1
        self.at += 1
        return classes.negated(text) if negated else text

    def class_items(self, right_side: bool) -> str:
        """Read the items up to the closing ``]``, but not that; return a set. right_side: of ``&&``: also end at the next."""
        union: list[str] = []
        result: Optional[str] = None
        while True:
            char = self.peek()
            if char == END:
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
            if self.peek() == END:
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
        if high == END:
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
        return f"[{char.lower()}{char.upper()}]" if char in LETTERS else f"[{classes.escaped(char)}]"


def _union(sets: list[str]) -> str:
    return sets[0] if len(sets) == 1 else f"[{''.join(sets)}]"


def _intersected(result: Optional[str], union: list[str]) -> str:
    return _union(([result] if result is not None else []) + union)


_SIMPLE_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\x07", "e": "\x1b"}
_CODED_ESCAPES: dict[str, Callable[[CharacterReader], str]] = {
    "0": CharacterReader.octal,
    "x": CharacterReader.hexadecimal,
    "u": CharacterReader.unicode_unit,
    "c": CharacterReader.control,
    "N": CharacterReader.named_character,
}
