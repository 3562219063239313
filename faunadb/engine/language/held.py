"""How much memory a query still holds of all that it has made.

The size of the process does not tell: other queries and the application's threads allocate and free memory, too. So each
query counts its own. `Context.made` grows with everything the query makes, garbage included. When a form is done, only its
value is left of what was made for it, and `settle` replaces all that was counted by the size of the value. So the count is
never less than what is held: variables in scope, arguments and elements already evaluated, and what is being made.

Measuring a value must cost less than making it did. A value with too many parts for that keeps the count of all that was
made for it.
"""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any, Optional

from ..java.times import Date, Time
from . import values as v
from .context import DECODED
from .piecewise import LARGE, noted

if TYPE_CHECKING:
    from .context import Context

#: A value is measured when at least this many bytes were made for it.
WORTH = 1 << 13
#: The same for a value that grows in a loop, which may have a part for every few bytes.
WORTH_IN_LOOP = 1 << 26
#: One part of a value may be visited for this many bytes made; the second is for loops.
_VISIT, _VISIT_IN_LOOP = 128, 8

#: Bytes counted for the name of a field.
_NAME = 64

#: Types whose `sys.getsizeof` is all they take.
_PLAIN: frozenset[type] = frozenset((str, bytes, int, float, bool, type(None)))
#: Types of values without parts, and the bytes they take in addition to their `sys.getsizeof`.
_SCALARS: dict[type, int] = {
    **dict.fromkeys(_PLAIN, 0),
    **dict.fromkeys((v.Ref, Time, Date, uuid.UUID), 96),
}


def settle(ctx: Context, before: int, value: Any, visit: int = _VISIT) -> None:
    """Count only the value (which may be older) of all that was made since ctx.made was `before`.

    visit: one part of the value may be visited for this many bytes made.
    """
    made = ctx.made - before
    size = _size(value, made // visit)
    if size is not None and size < made:
        ctx.made -= made - size
        ctx.measure_at -= made - size  # no farther away than before: the clock is looked at then, too
    if made >= LARGE:
        noted(value)


def settle_in_loop(ctx: Context, before: int, value: Any) -> int:
    """The same for what a loop has made so far. Returns how many bytes made since `before` make it worth doing again."""
    settle(ctx, before, value, _VISIT_IN_LOOP)
    held = ctx.made - before
    return held + max(WORTH_IN_LOOP, held // 4)


def _size(value: Any, visits: int) -> Optional[int]:
    """Bytes of a value; a part that stands in it twice counts twice. None for sets, lambdas, and values of too many parts."""
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
