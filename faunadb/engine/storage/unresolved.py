"""The time of a transaction that is still being evaluated: a random number stands for it, until it is known.

The number is later than all real times, and drawn anew for each transaction. Wherever it is found in what is to be stored
or answered, it is replaced when the time is known. It has 46 random bits, and nobody sees it, so that other data
does not contain it by chance.

Code that writes times into keys of indexes in any other form than as digits has to say so with `add_form`.
"""

from __future__ import annotations

import os
import re
import struct
from typing import Callable, Optional

#: The range of the numbers. As times they are in the years 2255 to 2258: later than all times of stores, but with as many
#: digits, so that nothing that is written or read is of another size than with the time. All of them are so near to each
#: other that any form of them begins with the same bytes (`_leads`).
_FIRST, _LAST = 9_010_000_000_000_000, 9_100_000_000_000_000

Form = Callable[[int], bytes]


def _digits(time: int) -> bytes:
    return str(time).encode()


_forms: list[Form] = []
#: Finds the bytes with which any form of any of the numbers begins.
_leads: re.Pattern[bytes]


def _common(first: bytes, last: bytes) -> bytes:
    """The bytes with which both begin."""
    length = next((place for place, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), len(first))
    return first[:length]


def add_form(form: Form) -> None:
    """Tell that a key may contain a time as ``form(time)``. These bytes must sort as the times do, or the other way round."""
    global _leads
    _forms.append(form)
    leads = (_common(form(_FIRST), form(_LAST - 1)) for form in _forms)
    _leads = re.compile(b"|".join(map(re.escape, leads)))


add_form(_digits)

#: Numbers that have been drawn in advance, because each call of the system lets other threads run in the midst of a query.
#: A forked process has the same ones as its parent, which does no harm, because none leaves its process.
_drawn: list[int] = []
_AT_ONCE = 512


def draw() -> int:
    """A number to stand for the time of a transaction."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            numbers = struct.unpack(f"{_AT_ONCE}Q", os.urandom(8 * _AT_ONCE))
            _drawn.extend(_FIRST + number % (_LAST - _FIRST) for number in numbers)


def may_be_in(key: bytes) -> bool:
    """Whether a key may hold such a number, of whatever transaction."""
    return _leads.search(key) is not None


class Forms:
    """Finds and replaces the number that stands for a time: in texts as digits, in keys in all forms (`add_form`)."""

    __slots__ = ("_digits", "_keys", "_time")

    def __init__(self, time: int) -> None:
        self._time = time
        self._digits = str(time)
        self._keys: Optional[list[tuple[Form, bytes]]] = None

    def in_text(self, text: str) -> bool:
        return self._digits in text

    def in_key(self, key: bytes) -> bool:
        # All keys of all transactions come by here, and hardly any has one, so first comes the quick test.
        return may_be_in(key) and any(form in key for _, form in self._in_keys())

    def text(self, text: str, txn: int) -> str:
        """The text with the real time."""
        return text.replace(self._digits, str(txn))

    def key(self, key: bytes, txn: int) -> bytes:
        """The key with the real time."""
        for form, written in self._in_keys():
            if written in key:
                key = key.replace(written, form(txn))
        return key

    def _in_keys(self) -> list[tuple[Form, bytes]]:
        if self._keys is None:
            self._keys = [(form, form(self._time)) for form in _forms]
        return self._keys
