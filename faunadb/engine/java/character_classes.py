"""Character classes of Java's regular expressions, written as the content of a set for the `regex` module.

Rules: value functions, "Regex dialect". Without ``(?U)`` the predefined and POSIX classes are ASCII; with it they follow
the Unicode properties.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

HEX_DIGITS = "0123456789abcdefABCDEF"
LINE_ENDS = "\\n\\r\\x85\\u2028\\u2029"
_HORIZONTAL = "\\x20\\t\\xa0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000"
_VERTICAL = "\\n\\x0b\\f\\r\\x85\\u2028\\u2029"

WORD_UNICODE = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"
_LETTER_OR_DIGIT = "\\p{L}\\p{Nd}"

_ASCII = {"d": "0-9", "w": "a-zA-Z0-9_", "s": "\\t-\\r\\x20", "h": _HORIZONTAL, "v": _VERTICAL}
_UNICODE = {**_ASCII, "d": "\\p{Nd}", "w": WORD_UNICODE, "s": "\\p{White_Space}"}

_CATEGORIES = frozenset(
    [
        "Cn",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Me",
        "Mc",
        "Nd",
        "Nl",
        "No",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Co",
        "Cs",
        "Pd",
        "Ps",
        "Pe",
        "Pc",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Pi",
        "Pf",
        "L",
        "M",
        "N",
        "Z",
        "C",
        "P",
        "S",
    ]
)

_POSIX = {
    "ASCII": "\\x00-\\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Blank": "\\x20\\t",
    "Cntrl": "\\x00-\\x1f\\x7f",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": "\\x20-~",
    "Punct": "!-/:-@\\[-`\\{-~",
    "Space": "\\t-\\r\\x20",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}

_PUNCTUATION = "\\p{P}"
_UNICODE_PROPERTIES = {
    "ALPHABETIC": "\\p{Alphabetic}",
    "LETTER": "\\p{L}",
    "IDEOGRAPHIC": "\\p{Ideographic}",
    "LOWERCASE": "\\p{Lowercase}",
    "UPPERCASE": "\\p{Uppercase}",
    "TITLECASE": "\\p{Lt}",
    "WHITE_SPACE": "\\p{White_Space}",
    "CONTROL": "\\p{Cc}",
    "PUNCTUATION": _PUNCTUATION,
    "HEX_DIGIT": "\\p{Nd}\\p{Hex_Digit}",
    "ASSIGNED": "\\P{Cn}",
    "NONCHARACTER_CODE_POINT": "\\p{Noncharacter_Code_Point}",
    "DIGIT": "\\p{Nd}",
    "ALNUM": "\\p{Alphabetic}\\p{Nd}",
    "BLANK": "\\p{Zs}\\t",
    "GRAPH": "^\\p{Z}\\p{Cc}\\p{Cs}\\p{Cn}",
    "PRINT": "[^\\p{Zl}\\p{Zp}\\p{Cc}\\p{Cs}\\p{Cn}]",
    "WORD": WORD_UNICODE,
    "JOIN_CONTROL": "\\p{Join_Control}",
}
_PROPERTY_ALIASES = {
    "WHITESPACE": "WHITE_SPACE",
    "HEXDIGIT": "HEX_DIGIT",
    "NONCHARACTERCODEPOINT": "NONCHARACTER_CODE_POINT",
    "JOINCONTROL": "JOIN_CONTROL",
}
_POSIX_UNICODE = {
    "ALPHA": "ALPHABETIC",
    "LOWER": "LOWERCASE",
    "UPPER": "UPPERCASE",
    "SPACE": "WHITE_SPACE",
    "PUNCT": "PUNCTUATION",
    "XDIGIT": "HEX_DIGIT",
    "ALNUM": "ALNUM",
    "CNTRL": "CONTROL",
    "DIGIT": "DIGIT",
    "BLANK": "BLANK",
    "GRAPH": "GRAPH",
    "PRINT": "PRINT",
}

_JAVA = {
    "javaLowerCase": "\\p{Lowercase}",
    "javaUpperCase": "\\p{Uppercase}",
    "javaAlphabetic": "\\p{Alphabetic}",
    "javaIdeographic": "\\p{Ideographic}",
    "javaTitleCase": "\\p{Lt}",
    "javaDigit": "\\p{Nd}",
    "javaDefined": "\\P{Cn}",
    "javaLetter": "\\p{L}",
    "javaLetterOrDigit": "\\p{L}\\p{Nd}",
    "javaJavaIdentifierStart": "\\p{L}\\p{Nl}\\p{Sc}\\p{Pc}",
    "javaJavaIdentifierPart": (
        "\\p{L}\\p{Nl}\\p{Sc}\\p{Pc}\\p{Nd}\\p{Mc}\\p{Mn}\\p{Cf}\\x00-\\x08\\x0e-\\x1b\\x7f-\\x9f"
    ),
    "javaUnicodeIdentifierStart": "\\p{ID_Start}",
    "javaUnicodeIdentifierPart": "\\p{ID_Continue}\\p{Cf}\\x00-\\x08\\x0e-\\x1b\\x7f-\\x9f",
    "javaIdentifierIgnorable": "\\p{Cf}\\x00-\\x08\\x0e-\\x1b\\x7f-\\x9f",
    "javaSpaceChar": "\\p{Z}",
    "javaWhitespace": "\\t-\\r\\x1c-\\x20\\u1680\\u2000-\\u2006\\u2008-\\u200a\\u2028\\u2029\\u205f\\u3000",
    "javaISOControl": "\\x00-\\x1f\\x7f-\\x9f",
    "javaMirrored": "\\p{Bidi_Mirrored}",
}

_CASED = "\\p{Lu}\\p{Ll}\\p{Lt}"
#: Properties that under ``(?i)`` match letters of every case.
_CASE_BLIND = {
    "Lu": _CASED,
    "Ll": _CASED,
    "Lt": _CASED,
    "Lower": "a-zA-Z",
    "Upper": "a-zA-Z",
    "javaLowerCase": "\\p{Lowercase}\\p{Uppercase}\\p{Lt}",
    "javaUpperCase": "\\p{Lowercase}\\p{Uppercase}\\p{Lt}",
    "javaTitleCase": "\\p{Lowercase}\\p{Uppercase}\\p{Lt}",
}
_CASE_BLIND_UNICODE = dict.fromkeys(
    ("LOWERCASE", "UPPERCASE", "TITLECASE"), "\\p{Lowercase}\\p{Uppercase}\\p{Lt}"
)


def escaped(char: str) -> str:
    """A character as itself, in a set or outside."""
    if char.isascii() and char.isalnum():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ONE_CHARACTER = r"[\[\]]*([A-Za-z0-9]|\\x..|\\u....|\\U.{8})(?:[\[\]]|\1)*"


def negated(text: str) -> str:
    """The set of all characters but those of a set.

    Two mistakes of the `regex` module are kept clear of: it takes "all but a" together with "all but b" for "all but
    either", and what is neither in a property nor outside it for everything.
    """
    single = re.fullmatch(_ONE_CHARACTER, text)
    if single is None:
        return f"[[\\x00-\\U0010ffff]--{text}]" if "[^" in text else f"[^{text}]"
    char = single.group(1)
    code = ord(char) if len(char) == 1 else int(char[2:], 16)
    below = f"\\x00-{escaped(chr(code - 1))}" if code else ""
    return f"[{below}{escaped(chr(code + 1))}-\\U0010ffff]" if code < 0x10FFFF else f"[{below}]"


def predefined(letter: str, unicode_classes: bool) -> Optional[str]:
    """The set of ``\\d``, ``\\S`` and such; None for another letter."""
    if not letter:
        return None
    table = _UNICODE if unicode_classes else _ASCII
    found = table.get(letter)
    if found is not None:
        return found
    found = table.get(letter.lower()) if letter.isupper() else None
    return None if found is None else f"[^{found}]"


def word_edges(unicode_classes: bool) -> tuple[str, str]:
    """What ``\\b`` asks: whether the text before is the end of a word, whether the text behind goes on with one.

    Without ``(?U)`` a mark belongs to a word only if its base is a letter or digit.
    """
    if unicode_classes:
        return f"(?<=[{WORD_UNICODE}])", f"(?=[{WORD_UNICODE}])"
    word, base = f"[{_LETTER_OR_DIGIT}_]", f"[{_LETTER_OR_DIGIT}]"
    return f"(?<={word}|{base}\\p{{Mn}}+)", f"(?:(?={word})|(?=\\p{{Mn}})(?<={base}\\p{{Mn}}*))"


def property_set(name: str, unicode_classes: bool, ignore_case: bool) -> Optional[str]:
    """The set of ``\\p{name}``; None when there is no such property."""
    key, equals, value = name.partition("=")
    if equals:
        return _keyed_property(key, value, ignore_case)
    if name.startswith("In"):
        return _known("Block", name[2:])
    if name.startswith("Is"):
        rest = name[2:]
        return (
            _unicode_property(rest, ignore_case)
            or _plain_property(rest, ignore_case)
            or _known("Script", rest)
        )
    if unicode_classes and name.upper() in _POSIX_UNICODE:
        return _unicode_property(_POSIX_UNICODE[name.upper()], ignore_case)
    return _plain_property(name, ignore_case)


def _keyed_property(key: str, value: str, ignore_case: bool) -> Optional[str]:
    key = key.lower()
    if key in ("sc", "script"):
        return _known("Script", value)
    if key in ("blk", "block"):
        return _known("Block", value)
    if key in ("gc", "general_category"):
        return _plain_property(value, ignore_case)
    return None


def _unicode_property(name: str, ignore_case: bool) -> Optional[str]:
    name = name.upper()
    name = _PROPERTY_ALIASES.get(name) or _POSIX_UNICODE.get(name, name)
    if ignore_case and name in _CASE_BLIND_UNICODE:
        return _CASE_BLIND_UNICODE[name]
    found = _UNICODE_PROPERTIES.get(name)
    return f"[{found}]" if found is not None and found.startswith("^") else found


def _plain_property(name: str, ignore_case: bool) -> Optional[str]:
    if ignore_case and name in _CASE_BLIND:
        return _CASE_BLIND[name]
    if name in _CATEGORIES:
        return f"\\p{{{name}}}"
    if name == "LC":
        return _CASED
    if name == "LD":
        return "\\p{L}\\p{Nd}"
    if name == "L1":
        return "\\x00-\\xff"
    if name == "all":
        return "\\x00-\\U0010ffff"
    return _POSIX.get(name) or _JAVA.get(name)


@lru_cache(maxsize=256)
def _known(kind: str, name: str) -> Optional[str]:
    """A script or block, when the `regex` module knows one by that name."""
    import regex  # late: it takes ten milliseconds, and few queries need it

    punctuation = "_- " if kind == "Block" else "_"
    if not name or not all(char.isascii() and (char.isalnum() or char in punctuation) for char in name):
        return None
    text = f"\\p{{{kind}={name}}}"
    try:
        regex.compile(text)
    except regex.error:
        return None
    return text


def other_case(low: str, high: str) -> str:
    """Set content: ASCII letters whose other case lies between ``low`` and ``high``."""
    letters = [chr(code) for code in range(0x41, 0x5B)] + [chr(code) for code in range(0x61, 0x7B)]
    return "".join(letter for letter in letters if low <= letter.swapcase() <= high)


#: There are no letters with two cases from here on, nor for some way before, where later Unicode versions may add some.
_CASED_END = 0x20000


@lru_cache(maxsize=1)
def _cases() -> dict[str, tuple[str, str]]:
    """The characters with another case: each one's upper case, and the lower case of that; single characters only."""
    found = {}
    for char in map(chr, range(_CASED_END)):
        upper = _simple_upper(char)
        folded = _simple_lower(upper)
        if upper != char or folded != char:
            found[char] = upper, folded
    return found


def _simple_upper(char: str) -> str:
    upper = char.upper()
    # Where upper case is several letters, title case is the single one if there is one.
    return next((one for one in (upper, char.title()) if len(one) == 1), char)


def _simple_lower(char: str) -> str:
    lower = char.lower()
    return lower if len(lower) == 1 else lower[0]


@lru_cache(maxsize=512)
def same_letter(char: str) -> str:
    """Set content: what equals ``char`` under ``(?iu)``, which compares the lower case of the upper case."""
    if char not in _cases():
        return escaped(char)
    folded = _cases()[char][1]
    others = {other for other, (_, other_folded) in _cases().items() if other_folded == folded}
    return "".join(map(escaped, sorted(others | {char, folded})))


@lru_cache(maxsize=64)
def same_letters(low: str, high: str) -> str:
    """Set content: the characters outside the range ``low`` to ``high`` with another case inside."""
    return "".join(
        escaped(char)
        for char, (upper, folded) in _cases().items()
        if (low <= upper <= high or low <= folded <= high) and not low <= char <= high
    )
