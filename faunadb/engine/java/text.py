"""Text by Unicode's rules: folding, title case, white space, offsets in code points (value functions, "Strings").

Strings count code points; the original's counting of UTF-16 units shows only where noted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, Optional

#: What the trim functions strip: fewer than Python's own idea of white space (no U+0085, no no-break spaces).
BLANKS = "".join(
    map(
        chr,
        [
            *range(0x9, 0xE),
            *range(0x1C, 0x21),
            0x1680,
            *range(0x2000, 0x2007),
            *range(0x2008, 0x200B),
            0x2028,
            0x2029,
            0x205F,
            0x3000,
        ],
    )
)

#: Default_Ignorable_Code_Point: dropped by NFKC_Casefold.
_IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip


@lru_cache(maxsize=1)
def _ignored() -> dict[int, None]:
    return {code: None for first, last in _IGNORABLE for code in range(first, last + 1)}


#: Only in texts of more characters does the time that long runs of combining marks take matter.
_LONG = 4096


def settled(text: str) -> str:
    """An equivalent text that is quick to normalise: its long runs of combining marks are in canonical order.

    Python sorts them in time that grows with the square of their number.
    """
    if len(text) < _LONG or text.isascii():
        return text
    combining = unicodedata.combining
    parts: list[str] = []
    for marks, run in groupby(text, lambda char: combining(char) != 0):
        chars = list(run)
        parts.extend(sorted(chars, key=combining) if marks else chars)
    return "".join(parts)


#: How many characters are normalised in one step, during which other threads wait. Each may become eighteen.
_PIECE = 2048


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that can be normalised one by one: together they give the normalised text."""
    start = 0
    while len(text) - start > _PIECE:
        following = range(start + _PIECE, len(text))
        end = next((at for at in following if _begins_anew(text[at])), len(text))
        yield text[start:end]
        start = end
    yield text[start:]


def _begins_anew(char: str) -> bool:
    """Whether nothing that a character stands for joins, or moves before, what is in front of it."""
    first = unicodedata.normalize("NFKD", char)[0]
    if unicodedata.category(first)[0] == "M" or "\u1100" <= first <= "\u11ff":
        return False
    return ord(char) not in _ignored()  # when it is dropped, what follows moves up


def nfkc_casefold(text: str) -> str:
    """Unicode NFKC_Casefold: compatibility forms unified, case folded, ignorable characters dropped."""
    if text.isascii():
        return text.lower()
    return "".join(map(_nfkc_casefold, _pieces(settled(text))))


def _nfkc_casefold(text: str) -> str:
    normal = unicodedata.normalize
    folded = normal("NFKC", normal("NFD", text).casefold())
    return normal("NFKC", folded.casefold().translate(_ignored()))


def normalized(text: str, normalizer: str) -> str:
    """Text in a normal form. normalizer: ``NFKCCaseFold``, ``NFC``, ``NFD``, ``NFKC`` or ``NFKD``."""
    if normalizer == "NFKCCaseFold":
        return nfkc_casefold(text)
    form: Any = normalizer
    return "".join(unicodedata.normalize(form, piece) for piece in _pieces(settled(text)))


@lru_cache(maxsize=1)
def _boundaries() -> Any:
    import regex  # late: it takes ten milliseconds, and few queries need it

    return regex.compile(r"(?V1)\b", regex.WORD)


def words(text: str) -> Iterator[str]:
    """The segments between word boundaries (UAX #29): words, and what stands between them."""
    start = 0
    for match in _boundaries().finditer(text):
        if match.start() > start:
            yield text[start : match.start()]
            start = match.start()
    if start < len(text):
        yield text[start:]


def _begins_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LNS" or category == "Co"


def titlecase(text: str) -> str:
    """Each word's first letter, number or symbol in title case, what follows it in lower case."""
    return "".join(map(_title_word, words(text)))


def _title_word(word: str) -> str:
    for index, char in enumerate(word):
        if _begins_word(char):
            # The rest is lowered together with the first, which decides the form of a final sigma.
            rest = (char + word[index + 1 :]).lower()[len(char.lower()) :]
            return word[:index] + char.title() + rest
    return word


def utf16_length(text: str) -> int:
    """The number of UTF-16 units of a text."""
    return len(text) + sum(char > "\uffff" for char in text)


def first_units(text: str, count: int) -> str:
    """The first ``count`` UTF-16 units of a text. Half of a character above U+FFFF is a lone surrogate."""
    if utf16_length(text) == len(text):
        return text[:count]
    return text.encode("utf-16-le", "surrogatepass")[: 2 * count].decode("utf-16-le", "surrogatepass")


def halves(char: str) -> tuple[str, str]:
    """The surrogates that a character above U+FFFF has in UTF-16."""
    number = ord(char) - 0x10000
    return chr(0xD800 + (number >> 10)), chr(0xDC00 + (number & 0x3FF))


def united(text: str) -> str:
    """The text with each pair of surrogates that stand side by side replaced by the character they make."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def interleaved(text: str, between: str) -> str:
    """The text with ``between`` before every UTF-16 unit and after the last, even inside a surrogate pair."""
    if not between:
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    parts = [chr(high << 8 | low) for high, low in zip(units[::2], units[1::2])]
    return between.join(["", *parts, ""]) if parts else between


def search_start(text: str, start: Optional[int]) -> Optional[int]:
    """Where a search begins: at ``start`` if that is inside the text, else at the beginning.

    None when the original fails: ``start`` is inside the text counted in UTF-16 units, but not in code points.
    """
    if start is None or not 0 < start < utf16_length(text):
        return 0
    return start if start <= len(text) else None


def grams(text: str, least: int, most: int) -> Iterator[str]:
    """The ngrams of ``least`` to ``most`` code points: from each position, all that fit."""
    for start in range(len(text)):
        for size in range(least, most + 1):
            if start + size <= len(text):
                yield text[start : start + size]
