"""The JSON of expressions that were written before."""

from __future__ import annotations

import marshal
import re
from threading import stack_size
from typing import Any

from faunadb._expressions import Expr
from faunadb._json import to_json

#: Bytes of a text that is remembered, and the number of texts.
MAX_LENGTH, MAX_TEXTS = 1 << 11, 256
#: Expressions for each text, during which nothing is looked up after hardly any was found again.
PAUSE = 16
#: Bytes of a thread's stack that ``marshal`` may need for the deepest nesting it accepts. It does not look at how many there
#: are, and overrunning them ends the process; the JSON encoder gives up earlier.
STACK = 1 << 20
#: What stands in texts that are not remembered: passwords and secrets do not stay in memory.
_CONFIDENTIAL = re.compile(rb"password|secret", re.IGNORECASE)


class Written:
    """Remembers what `to_json` has written, for those who send the same expressions again and again.

    CPython's JSON encoder makes an object of every key and value. ``marshal`` does not, and so writes the same in a third
    of the time; by its bytes the text is found. It tells apart all values that JSON has, and knows none of our classes:
    an expression with a ``Ref`` or a time object in it is written as it comes, as are those of an application that
    sends others each time. Any thread may use it.
    """

    def __init__(self) -> None:
        self._texts: dict[bytes, bytes] = {}
        self._found = 0
        self._pause = 0

    def __call__(self, data: Any) -> bytes:
        """Return the JSON of an expression or value; raises what :func:`to_json` raises."""
        if self._pause or type(data) is not Expr or 0 < stack_size() < STACK:
            self._pause = max(0, self._pause - 1)
            return to_json(data).encode()
        try:
            key = marshal.dumps(data.value)
        except ValueError:
            return to_json(data).encode()
        text = self._texts.get(key)
        if text is not None:
            self._found += 1
            return text
        text = to_json(data).encode()
        if len(text) <= MAX_LENGTH and not _CONFIDENTIAL.search(text):
            self._keep(key, text)
        return text

    def _keep(self, key: bytes, text: bytes) -> None:
        if len(self._texts) >= MAX_TEXTS:
            self._pause = PAUSE * MAX_TEXTS if self._found < MAX_TEXTS else 0
            self._found = 0
            self._texts.clear()
        self._texts[key] = text


#: For all clients of this process.
written = Written()
