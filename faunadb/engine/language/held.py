"""What a query holds of what it has made.

A process cannot tell whose memory is whose: the application's threads, and other queries, make and free theirs meanwhile.
So a query's own is counted. `Context.made` grows with everything that it makes, garbage too; but when a form is done, what
it has made on the way is gone, except for its value. `settle` then puts the size of the value in the place of all that was
made for it. What remains is never less than what is held: the variables in sight, the arguments and elements that are
waiting for the rest, and what is being made.

Measuring must cost less than making: a value of more parts than can be visited in a fraction of that time stays counted
as all that was made for it.
"""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any, Optional

from ..java.times import Date, Time
from . import values as v
from .context import DECODED

if TYPE_CHECKING:
    from .context import Context

#: Bytes made for a value from which on it is worth measuring.
WORTH = 1 << 11
#: The same for a value that grows in a loop, and may have a part for every few bytes.
WORTH_IN_LOOP = 1 << 26
#: Bytes made that allow for one more visit; in a loop.
_VISIT, _VISIT_IN_LOOP = 128, 8

#: Bytes of the name of a field.
_NAME = 64

#: Kinds of values whose size is that of the object itself.
_PLAIN: frozenset[type] = frozenset((str, bytes, int, float, bool, type(None)))
#: Kinds of values without parts, and bytes that come to the size of the object itself.
_SCALARS: dict[type, int] = {
    **dict.fromkeys(_PLAIN, 0),
    **dict.fromkeys((v.Ref, Time, Date, uuid.UUID), 96),
}


def settle(ctx: Context, before: int, value: Any, visit: int = _VISIT) -> None:
    """All that was made since ctx.made was `before` is gone, but for the value (which may be older).

    visit: bytes made that allow for one more part of the value to be visited.
    """
    made = ctx.made - before
    size = _size(value, made // visit)
    if size is not None and size < made:
        ctx.made -= made - size
        ctx.measure_at -= made - size  # as near as before: it is also the next look at the clock


def settle_in_loop(ctx: Context, before: int, value: Any) -> int:
    """The same for what a loop has made so far. Returns when that is worth it again, in bytes made since `before`."""
    settle(ctx, before, value, _VISIT_IN_LOOP)
    held = ctx.made - before
    return held + max(WORTH_IN_LOOP, held // 4)


def _size(value: Any, visits: int) -> Optional[int]:
    """Bytes of a value, what it shares counted each time; None for sets and lambdas, and when it has too many parts."""
    size = 0
    left = [value]
    while left:
        part = left.pop()
        kind = type(part)
        size += sys.getsizeof(part)
        more = _SCALARS.get(kind)
        if more is not None:
            size += more
            continue
        parts: Any
        if kind is list:
            parts = part
        elif kind is dict:
            parts = part.values()
            size += _NAME * len(part)
        elif kind is v.Document:
            parts = () if part.text else (part._fields,)
            size += DECODED * len(part.text or "")
        elif kind is v.Page:
            parts = (part.data, part.raw, part.before, part.after)
        else:
            return None
        visits -= len(parts)
        if visits < 0:
            return None
        if _PLAIN.issuperset(map(type, parts)):
            size += sum(map(sys.getsizeof, parts))
        else:
            left.extend(parts)
    return size
