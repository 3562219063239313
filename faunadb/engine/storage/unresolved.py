"""The time of a transaction that is still being evaluated: not known yet, and written down all the same.

A transaction is evaluated before its time is known. Meanwhile a number stands for it: later than every time there is,
and drawn anew for each transaction, so that wherever it turns up in what is to be stored, or in an answer, it can be
told from everything else and replaced once the time is known. (50 random bits: nobody sees them, and what is in the
data by chance is something else.)

Whoever writes times into keys of indexes in another form than as digits says so with `add_form`.
"""

from __future__ import annotations

import os
import re
import struct
from typing import Callable, Optional

#: Later than all times of stores, and still a time that can be written: the years 8307 to 8339. They lie so near each other
#: that what is written of any of them begins with the same bytes (`_leads`).
_FIRST, _LAST = 200_000_000_000_000_000, 201_000_000_000_000_000

Form = Callable[[int], bytes]


def _digits(time: int) -> bytes:
    return str(time).encode()


_forms: list[Form] = []
#: Finds what all numbers' forms begin with.
_leads: re.Pattern[bytes]


def _common(first: bytes, last: bytes) -> bytes:
    """What both begin with."""
    length = next((place for place, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), len(first))
    return first[:length]


def add_form(form: Form) -> None:
    """From now on, a time may also stand as ``form(time)`` in keys.

    form: its bytes sort as the times do, or the other way round.
    """
    global _leads
    _forms.append(form)
    leads = (_common(form(_FIRST), form(_LAST - 1)) for form in _forms)
    _leads = re.compile(b"|".join(map(re.escape, leads)))


add_form(_digits)

#: Numbers drawn beforehand: to ask the system each time would let other threads run in the middle of a query. (That a
#: forked process goes on with the same ones does no harm: each keeps them to itself.)
_drawn: list[int] = []
_AT_ONCE = 512


def draw() -> int:
    """A number for one transaction's time."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            numbers = struct.unpack(f"{_AT_ONCE}Q", os.urandom(8 * _AT_ONCE))
            _drawn.extend(_FIRST + number % (_LAST - _FIRST) for number in numbers)


class Forms:
    """All forms of one unresolved time: in texts its digits, in keys what `add_form` was told."""

    __slots__ = ("_digits", "_keys", "_time")

    def __init__(self, time: int) -> None:
        self._time = time
        self._digits = str(time)
        self._keys: Optional[list[tuple[Form, bytes]]] = None

    def in_text(self, text: str) -> bool:
        return self._digits in text

    def in_key(self, key: bytes) -> bool:
        # Hardly any key holds one, and all keys of all transactions are looked at.
        return _leads.search(key) is not None and any(form in key for _, form in self._in_keys())

    def text(self, text: str, txn: int) -> str:
        """The text with the time that is known now."""
        return text.replace(self._digits, str(txn))

    def key(self, key: bytes, txn: int) -> bytes:
        for form, written in self._in_keys():
            if written in key:
                key = key.replace(written, form(txn))
        return key

    def _in_keys(self) -> list[tuple[Form, bytes]]:
        if self._keys is None:
            self._keys = [(form, form(self._time)) for form in _forms]
        return self._keys
