"""The time of a transaction that is still being evaluated: not known yet, and written down all the same.

A transaction is evaluated before its time is known. Meanwhile a number stands for it: later than every time there is,
and drawn anew for each transaction, so that wherever it turns up in what is to be stored, or in an answer, it can be
told from everything else and replaced once the time is known. (56 random bits: nobody sees them, and what is in the
data by chance is something else.)

Whoever writes times into keys of indexes in another form than as digits says so with `add_form`.
"""

from __future__ import annotations

import os
import struct
from typing import Callable, Union

#: Later than all times of stores, and still a time that can be written: the years 7800 to 9900.
_FIRST, _LAST = 184_000_000_000_000_000, 250_000_000_000_000_000

Form = Callable[[int], Union[str, bytes]]

_forms: list[Form] = [str, lambda time: str(time).encode()]


def add_form(form: Form) -> None:
    """From now on, a time may also stand as ``form(time)`` in texts (str) or keys (bytes)."""
    _forms.append(form)


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


def is_unresolved(time: int) -> bool:
    return time >= _FIRST


class Forms:
    """All forms of one unresolved time."""

    __slots__ = ("_keys", "_texts", "_time")

    def __init__(self, time: int) -> None:
        self._time = time
        written = [(form, form(time)) for form in _forms]
        self._texts = [(form, each) for form, each in written if isinstance(each, str)]
        self._keys = [(form, each) for form, each in written if isinstance(each, bytes)]

    def in_text(self, text: str) -> bool:
        for _, form in self._texts:  # noqa: SIM110  (a generator would take twice as long)
            if form in text:
                return True
        return False

    def in_key(self, key: bytes) -> bool:
        for _, form in self._keys:  # noqa: SIM110
            if form in key:
                return True
        return False

    def text(self, text: str, txn: int) -> str:
        """The text with the time that is known now."""
        for form, written in self._texts:
            if written in text:
                text = text.replace(written, str(form(txn)))
        return text

    def key(self, key: bytes, txn: int) -> bytes:
        for form, written in self._keys:
            if written in key:
                resolved = form(txn)
                assert isinstance(resolved, bytes)
                key = key.replace(written, resolved)
        return key
