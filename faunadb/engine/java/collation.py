"""The order of strings: the CLDR root collation at tertiary strength, ties broken by bytes.

Rules: evaluation rules, "Ordering", and sets, "Order of entries". `string_sort_key` turns a string into bytes whose
order is the order of strings; comparisons, ``min`` and ``max``, and index entries all use these bytes, so they
cannot disagree.

The rule compares two strings from their first differing character. Equal beginnings have equal weights, so that is
the comparison of the whole strings, level by level: primary weights (letters), then secondary (accents), then
tertiary (case). A string that begins another has no weight more than it, so it comes first by itself. Where a
collation element spans the end of the shorter string this does not hold: a vowel sign of Thai, Lao, Tai Viet or New
Tai Lue that is written before its consonant weighs as if written after it, and so may sort after the longer string,
where the rule says that the shorter is first always (an order in circles, which no index can follow: it puts the
vowel before vowel + consonant, which is before the next consonant, which is before the vowel). The same goes for
combining marks that canonical order moves before others.

A key is ``primaries [tail]``, free of zero bytes::

    one byte                 ASCII: case is left to the tertiary level
    gap byte, two bytes      other characters; the gap byte lies between two ASCII ones
    0xC0 or 0xC1, two bytes  ideographs
    0xD0, three bytes        characters without weights (private or unassigned), by code point
    0xE0                     U+FFFD

and the tail is the first of these that says it all; its bytes are below every primary::

    IDENTITY                              secondary and tertiary weights are all common
    0x05 tertiaries 0x01 IDENTITY         secondary weights are all common
    0x06 secondaries 0x01 tertiaries 0x01 IDENTITY

where trailing common tertiaries are left out (unless the string has kana, whose small letters weigh less than
common), and IDENTITY tells strings with equal weights apart: 0x03 when the string is the plain one of its kind (no
ignorable characters, composed), 0x02 or 0x04 and its UTF-8 when it is smaller or greater in bytes than that.

ASCII needs no table; other characters load ``collation.dat`` (made by tools/collation), once per process.
"""

from __future__ import annotations

import json
import sys
import unicodedata
import zlib
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Callable, Optional

from ..records import NamedTuple
from .text import normalized

#: Called now and then while a long string is weighed, with the work done, as bytes. It may raise to end the work.
Spend = Callable[[int], None]

#: How many characters are weighed between two calls of `Spend`, and the bytes that each counts as.
_CHUNK = 1 << 14
_VISIT = 64

_IGNORED_ASCII = bytes([*range(0x09), *range(0x0E, 0x20), 0x7F])
_ASCII_ORDER = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"

_END = b"\x01"
_SMALLER, _PLAIN, _GREATER = b"\x02", b"\x03", b"\x04"
_TERTIARY, _SECONDARY = b"\x05", b"\x06"
_FIRST_PRIMARY = 0x08
_HAN = 0xC0
_UNLISTED = b"\xd0"
_REPLACEMENT = b"\xe0"
#: Primaries are numbered in their order, ideographs from here.
_FIRST_HAN = 0x10000
#: Bytes inside weights run from 2: 0 and 1 end things.
_BASE = 254

_COMMON = 3  # the tertiary byte of everything that is not special
_UPPER = 14
_SMALL = 2  # the only tertiary byte below common
_COMMON_SECONDARY = 1  # rank


def _ascii_primaries() -> bytes:
    table = bytearray(256)
    for index, char in enumerate(_ASCII_ORDER):
        table[ord(char)] = table[ord(char.upper())] = _FIRST_PRIMARY + 2 * index
    return bytes(table)


_ASCII_PRIMARY = _ascii_primaries()
_ASCII_TERTIARY = bytes(_UPPER if 0x41 <= code <= 0x5A else _COMMON for code in range(256))


def string_sort_key(text: str, spend: Spend = lambda size: None) -> bytes:
    """Bytes without zeros, ordered as the strings are; different strings have different keys."""
    if not text.isascii():
        return _unicode_key(text, spend)
    raw = text.encode()
    primaries = raw.translate(_ASCII_PRIMARY, _IGNORED_ASCII)
    if len(primaries) == len(raw):
        identity = _PLAIN
    else:
        raw = raw.translate(None, _IGNORED_ASCII)
        identity = _identity(text, raw.decode())
    if raw.islower() or raw == raw.lower():
        return primaries + identity
    return b"".join((primaries, _TERTIARY, _strip(raw.translate(_ASCII_TERTIARY)), _END, identity))


def _strip(tertiaries: bytes) -> bytes:
    return tertiaries.rstrip(b"\x03")


def _identity(text: str, plain: Optional[str]) -> bytes:
    """The identity level. plain: the plain string with the same weights, None when that is not known."""
    raw = text.encode("utf-8", "surrogatepass")
    smaller = plain is not None and raw < plain.encode("utf-8", "surrogatepass")
    # Bytes 0 and 1 are spelled with two, so that a key holds no zero byte.
    return (_SMALLER if smaller else _GREATER) + raw.replace(b"\x01", b"\x01\x02").replace(
        b"\x00", b"\x01\x01"
    )


class _Weights(NamedTuple):
    """What a character (or contraction) adds to each level.

    common: its secondary weights are. kana: it has small forms, so that its common tertiary weights count. plain:
    it has one collation element, which no other text has.
    """

    primary: bytes
    secondary: bytes
    tertiary: bytes
    common: bool
    kana: bool
    plain: bool


def _unicode_key(text: str, spend: Spend) -> bytes:
    table = _table()
    decomposed = normalized(text, "NFD")
    weights = table.weights_of(decomposed, spend)
    primaries = b"".join([weight.primary for weight in weights])
    tertiaries = b"".join([weight.tertiary for weight in weights])
    if not any(weight.kana for weight in weights):
        tertiaries = _strip(tertiaries)
    identity = _unicode_identity(table, text, decomposed, weights, spend)
    if not all(weight.common for weight in weights):
        secondaries = b"".join([weight.secondary for weight in weights])
        return b"".join((primaries, _SECONDARY, secondaries, _END, tertiaries, _END, identity))
    if tertiaries:
        return b"".join((primaries, _TERTIARY, tertiaries, _END, identity))
    return primaries + identity


def _unicode_identity(
    table: _Table, text: str, decomposed: str, weights: list[_Weights], spend: Spend
) -> bytes:
    if all(weight.plain for weight in weights) and unicodedata.is_normalized("NFC", text):
        return _PLAIN
    kept = "".join([char for char in decomposed if table.weights(char).tertiary])
    plain = normalized(kept, "NFC")
    if kept.isascii() or all(weight.plain for weight in table.weights_of(kept, spend)):
        return _identity(text, plain)
    return _identity(text, None)


def _digits(number: int, count: int) -> bytes:
    """``number`` in ``count`` bytes of base 254, none below 2."""
    found = bytearray(count)
    for index in range(count - 1, -1, -1):
        number, digit = divmod(number, _BASE)
        found[index] = digit + 2
    return bytes(found)


class _Table:
    """The weights of all characters, made into bytes when first asked for."""

    def __init__(self, data: dict[str, bytes]):
        self._columns = {name: _column(kind, data[name]) for name, kind in _KINDS.items()}
        starts, start = [], 0
        for length in self._columns["lengths"]:
            starts.append(start)
            start += length
        self._starts = starts
        self._index = {chr(code): index for index, code in enumerate(self._columns["codes"])}
        self._packed_han: Optional[bytes] = data["han"]
        self._han: dict[str, int] = {}
        self._cache: dict[str, _Weights] = {}
        self._ascii_ranks = [
            self._columns["primary"][self._starts[self._index[char]]] for char in _ASCII_ORDER
        ]
        primaries, tertiaries = self._columns["primary"], self._columns["tertiary"]
        self._small = {primary for primary, tertiary in zip(primaries, tertiaries) if tertiary + 1 == _SMALL}
        self._contractions: dict[str, _Weights] = {}
        self._starters: dict[str, int] = {}
        for text, elements in json.loads(zlib.decompress(data["contractions"])).items():
            self._contractions[text] = self._encode(elements, plain=False)
            self._starters[text[0]] = max(len(text), self._starters.get(text[0], 0))

    def weights_of(self, text: str, spend: Spend) -> list[_Weights]:
        """The weights of decomposed ``text``, contractions found, in order."""
        if self._starters.keys().isdisjoint(text):
            return self._each(text, spend)
        found = []
        rest = list(text)
        position = 0
        while position < len(rest):
            if position % _CHUNK == 0:
                spend(_VISIT * _CHUNK)
            if rest[position] in self._starters:
                taken, weights = self._longest(rest, position, spend)
                position += taken
            else:
                weights = self.weights(rest[position])
                position += 1
            found.append(weights)
        return found

    def _each(self, text: str, spend: Spend) -> list[_Weights]:
        if len(text) <= _CHUNK:
            return [self.weights(char) for char in text]
        found = []
        for start in range(0, len(text), _CHUNK):
            spend(_VISIT * _CHUNK)
            found += [self.weights(char) for char in text[start : start + _CHUNK]]
        return found

    def _longest(self, rest: list[str], position: int, spend: Spend) -> tuple[int, _Weights]:
        """The longest contraction from ``position``; marks it takes from further on are removed from
        ``rest``.
        """
        best = rest[position]
        weights = self.weights(best)
        for length in range(self._starters[best], 1, -1):
            text = "".join(rest[position : position + length])
            if text in self._contractions:
                best, weights = text, self._contractions[text]
                break
        taken = len(best)
        ahead = position + taken
        last_class = 0
        while ahead < len(rest):
            mark_class = unicodedata.combining(rest[ahead])
            if mark_class == 0:
                break
            extended = self._contractions.get(best + rest[ahead]) if mark_class > last_class else None
            if extended is None:
                last_class = mark_class
                ahead += 1
                continue
            spend(len(rest) - ahead)
            best += rest.pop(ahead)
            weights = extended
        spend(_VISIT * (ahead - position))
        return taken, weights

    def weights(self, char: str) -> _Weights:
        """The weights of one character by itself."""
        cached = self._cache.get(char)
        if cached is None:
            cached = self._cache[char] = self._make(char)
        return cached

    def _make(self, char: str) -> _Weights:
        index = self._index.get(char)
        if index is None:
            return self._implicit(char)
        columns, start = self._columns, self._starts[index]
        elements = [
            (columns["primary"][at], columns["secondary"][at], columns["tertiary"][at])
            for at in range(start, start + columns["lengths"][index])
        ]
        return self._encode(elements, bool(columns["plain"][index]))

    def _implicit(self, char: str) -> _Weights:
        if self._packed_han is not None:
            order = _column("I", self._packed_han)
            self._han = {chr(code): rank for rank, code in enumerate(order)}
            self._packed_han = None
        rank = self._han.get(char)
        if char == "\ufffd":
            primary = _REPLACEMENT
        elif rank is None:
            primary = _UNLISTED + _digits(ord(char), 3)
        else:
            primary = self._primary(_FIRST_HAN + rank)
        return _Weights(primary, self._secondary(_COMMON_SECONDARY), bytes([_COMMON]), True, False, True)

    def _encode(self, elements: list[tuple[int, int, int]], plain: bool) -> _Weights:
        primary = b"".join([self._primary(element[0]) for element in elements if element[0]])
        secondary = b"".join([self._secondary(element[1]) for element in elements])
        tertiary = bytes([element[2] + 1 for element in elements])
        common = all(element[1] == _COMMON_SECONDARY for element in elements)
        kana = any(element[0] in self._small for element in elements)
        return _Weights(primary, secondary, tertiary, common, kana, plain)

    def _primary(self, rank: int) -> bytes:
        if rank >= _FIRST_HAN:
            page, offset = divmod(rank - _FIRST_HAN, _BASE * _BASE)
            return bytes([_HAN + page]) + _digits(offset, 2)
        below = bisect_left(self._ascii_ranks, rank)
        lead = _FIRST_PRIMARY + 2 * below
        if below < len(self._ascii_ranks) and self._ascii_ranks[below] == rank:
            return bytes([lead])
        previous = self._ascii_ranks[below - 1] if below else 0
        return bytes([lead - 1]) + _digits(rank - previous, 2)

    @staticmethod
    def _secondary(rank: int) -> bytes:
        return bytes([rank + 1]) if rank < 250 else bytes([0xFE, rank - 248])


_KINDS = {"codes": "I", "lengths": "B", "plain": "B", "primary": "I", "secondary": "H", "tertiary": "B"}
_loaded: Optional[_Table] = None


def _column(kind: str, packed: bytes) -> array[int]:
    column = array(kind, zlib.decompress(packed))
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _table() -> _Table:
    global _loaded
    if _loaded is None:
        packed = Path(__file__).with_name("collation.dat").read_bytes()
        line, rest = packed.split(b"\n", 1)
        data, start = {}, 0
        for name, length in json.loads(line)["blobs"].items():
            data[name] = rest[start : start + length]
            start += length
        _loaded = _Table(data)
    return _loaded
