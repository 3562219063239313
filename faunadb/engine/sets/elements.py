"""The elements of sets (sets and reads, "Set functions").

An *element* is a plain tuple, so that scanning costs little; the constants below name its parts. Two elements are the
same when their values keys are equal, or, without values, their ref keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from ..indexes import keys
from ..language import codec
from ..language import values as v
from ..language.equality import identical

if TYPE_CHECKING:
    from ..language.context import Context

# The parts of an element: the key of its values (b"" without values), the key of its ref, database, collection and id of
# its document, its values as stored JSON (None without values), and the leaf sets it comes from.
VALUES, REF, SCOPE, COLL, DOC, COVER, SOURCES = range(7)

Element = tuple[bytes, bytes, int, int, int, Optional[str], tuple[v.SetValue, ...]]

#: Stands for the values of an element without any, where it is compared with elements that have values: as refs are
#: ordered among values.
BARE = bytes((keys.REF,))


def group(element: Element) -> tuple[bytes, bytes]:
    """What equal elements share, and by which they are ordered: their values, or the ref of an element without values."""
    values = element[0]
    return (values, b"") if values else (BARE, element[1])


def place(element: Element) -> tuple[bytes, bytes]:
    """The place of an element in the order of all elements."""
    return element[0] or BARE, element[1]


def ref_of(element: Element) -> v.Ref:
    """The document behind an element."""
    return v.Ref(element[2], element[3], element[4])


def values_of(ctx: Context, element: Element) -> list[Any]:
    """The values of an element, [] without any. The running transaction's own time among them is pending."""
    cover = element[5]
    return [] if cover is None else covered(ctx, cover, element[2])


def covered_all(ctx: Context, covers: list[str], scope: int) -> list[list[Any]]:
    """Decode the stored values of many entries, at once when they are plain."""
    decoded: list[list[Any]] = codec.decode_value(f"[{','.join(covers)}]", scope)
    return decoded if ctx.tx is None else [_pending(ctx, values) for values in decoded]


def covered(ctx: Context, cover: str, scope: int) -> list[Any]:
    """Decode the stored values of an entry."""
    values: list[Any] = codec.decode_value(cover, scope)
    return values if ctx.tx is None else _pending(ctx, values)


def _pending(ctx: Context, values: list[Any]) -> list[Any]:
    """The values, with `PENDING` in the place of the running transaction's own time."""
    txn = ctx.tx.txn
    return [v.PENDING if type(value) is int and value == txn else value for value in values]


def shown(ctx: Context, element: Element) -> Any:
    """An element as queries see it: its ref, its only value, or the array of its values."""
    cover = element[5]
    if cover is None:
        return v.Ref(element[2], element[3], element[4])
    values = covered(ctx, cover, element[2])
    return values[0] if len(values) == 1 else values


def cursor_of(ctx: Context, element: Element) -> list[Any]:
    """The cursor that stands for an element's place: its values, then its ref."""
    ref = ref_of(element)
    if element[5] is not None:
        return [*values_of(ctx, element), ref]
    # In a reversed set of refs the ref counts as a value, too.
    return [ref, ref] if element[0] else [ref]


def merged_sources(elements: Iterable[Element]) -> tuple[v.SetValue, ...]:
    """The leaf sets of all these copies of one element, each once."""
    found: list[v.SetValue] = []
    for element in elements:
        for source in element[6]:
            if not any(source is other or identical(source, other) for other in found):
                found.append(source)
    return tuple(found)
