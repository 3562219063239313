"""Values as bytes: the keys of index entries, which sort as FQL orders values (sets and reads, "Order of entries").

There are two encodings. Both begin with a tag byte for the type of the value, which its content follows:

* the *order* encoding (`encode`): the bytes compare as the values do. Integer 1 and Double 1.0 have the same.
* the *exact* encoding (`exact`) of match terms: only the very same value has the same bytes. Integer 1 and Double 1.0
  differ.

No encoding is the beginning of another. So those of a tuple are joined without a separator, and a descending component is
the complement of its bytes. The database of a ref is not encoded: a ref into a child database and a local one with the same
numbers have the same key.

The key of an entry is that of its values followed by a suffix for its document (`ref_suffix`). So entries with equal values
are ordered by their documents.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Optional

from ..java.collation import string_sort_key
from ..java.times import Date, Time
from ..language import codec
from ..language import values as v
from ..language.budget import spend
from ..language.errors import At, Fault, bad_request, undefined_ref
from ..storage.unresolved import add_form

# Tags, in the order of values. A zero byte ends arrays and objects, so that one comes before those that it is a prefix of.
NUMBER = 0x10
BYTES = 0x18
STRING = 0x20
ARRAY = 0x28
OBJECT = 0x30
REF = 0x38
TIME = 0x40
DATE = 0x48
LAMBDA = 0x50
PENDING = 0x58
UUID = 0x60
FALSE = 0x68
TRUE = 0x70
NULL = 0x78
#: The tag of doubles in the exact encoding, where they differ from integers.
_EXACT_DOUBLE = 0x11

_STRING, _ARRAY, _OBJECT = bytes((STRING,)), bytes((ARRAY,)), bytes((OBJECT,))
_PENDING, _FALSE, _TRUE, _NULL = bytes((PENDING,)), bytes((FALSE,)), bytes((TRUE,)), bytes((NULL,))
_END = b"\x00"
_SIGN = 1 << 63
_MASK = (1 << 64) - 1
_COMPLEMENT = bytes(255 - byte for byte in range(256))

#: The most bytes that the encoding of an array or object may have: several times what the largest document can hold.
MAX_ENCODED = 1 << 26

#: Length of `ref_suffix`.
SUFFIX_LENGTH = 10

_pack_double = struct.Struct(">d").pack
_unpack_bits = struct.Struct(">Q").unpack
_pack_number = struct.Struct(">BQH").pack
_pack_integer = struct.Struct(">BQ").pack
_pack_suffix = struct.Struct(">QH").pack
_pack_ref = struct.Struct(">BQH").pack
_pack_time = struct.Struct(">BQI").pack


def ref_suffix(coll: int, doc: int) -> bytes:
    """How the key of an entry ends: the document id as unsigned 64 bits, then the collection number."""
    return _pack_suffix(doc & _MASK, coll)


def complement(key: bytes) -> bytes:
    """Bytes that sort the other way round."""
    return key.translate(_COMPLEMENT)


def after(prefix: bytes) -> Optional[bytes]:
    """The smallest key that is greater than all keys that begin with prefix; None if there is none."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))


# ---- numbers ----------------------------------------------------------------------------------------------------


def _double_bits(number: float) -> int:
    """The place of a double in the total order (-inf, ..., -0.0, 0.0, ..., inf, NaN), from 0 to 2**64 - 1."""
    if number != number:
        return _MASK
    bits: int = _unpack_bits(_pack_double(number))[0]
    return bits | _SIGN if bits < _SIGN else bits ^ _MASK


def _integer(value: int) -> bytes:
    # The nearest double, then the distance to it: so integers beyond 2**53, which share doubles, are ordered, too.
    double = float(value)
    return _pack_number(NUMBER, _double_bits(double), value - int(double) + 0x8000)


def _double(value: float) -> bytes:
    return _pack_number(NUMBER, _double_bits(value), 0x8000)


def _exact_integer(value: int) -> bytes:
    return _pack_integer(NUMBER, value + _SIGN)


def _exact_double(value: float) -> bytes:
    return _pack_integer(_EXACT_DOUBLE, _double_bits(value))


# ---- everything else --------------------------------------------------------------------------------------------


def _escaped(tag: int, raw: bytes) -> bytes:
    return bytes((tag,)) + raw.replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def _bytes(value: bytes) -> bytes:
    return _escaped(BYTES, value)


def _string(value: str) -> bytes:
    return _STRING + string_sort_key(value, spend) + _END


def _exact_string(value: str) -> bytes:
    # As `_escaped` with the tag of strings, but written out to be quick: nearly every term is a string.
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "surrogatepass")
    if 0 in raw:
        raw = raw.replace(b"\x00", b"\x00\xff")
    return _STRING + raw + b"\x00\x00"


def _ref(value: v.Ref) -> bytes:
    return _pack_ref(REF, value.id & _MASK, value.coll)


def _time(value: Time) -> bytes:
    return _pack_time(TIME, value.seconds + _SIGN, value.nanos)


def _date(value: Date) -> bytes:
    return _pack_integer(DATE, value.days + _SIGN)


def _uuid(value: uuid.UUID) -> bytes:
    return bytes((UUID,)) + value.bytes


def _boolean(value: bool) -> bytes:
    return _TRUE if value else _FALSE


def _null(value: None) -> bytes:
    return _NULL


def _pending(value: v.PendingTime) -> bytes:
    return _PENDING


def _lambda(value: v.Lambda) -> bytes:
    return _escaped(LAMBDA, codec.encode_value(value).encode("utf-8", "surrogatepass"))


def _unresolved(value: v.UnresolvedRef) -> bytes:
    raise undefined_ref(value)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _members(value: dict[str, Any]) -> Iterable[Any]:
    """An object as the sequence that is compared: its keys in the order of UTF-16 code units, each followed by its value."""
    for key in sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf16):
        yield str(key)  # the key of a repeated field is of a subclass of str
        yield value[key]


def _joined(parts: Iterable[bytes]) -> bytes:
    """The encodings of a container's content, joined. Raises RequestError for more bytes than any stored value can have."""
    found = []
    size = 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size > MAX_ENCODED:
            raise bad_request(f"Key bytes ({size}) exceeds threshold ({MAX_ENCODED})")
    spend(size + 64 * len(found))
    return b"".join(found)


def _containers(
    encode_one: Callable[[Any], bytes], string: Callable[[str], bytes]
) -> dict[type, Callable[[Any], bytes]]:
    """The encoders of all types but numbers, for one of the two encodings: given how it writes any value, and strings."""

    def array(value: list[Any]) -> bytes:
        return _ARRAY + _joined(map(encode_one, value)) + _END

    def mapping(value: dict[str, Any]) -> bytes:
        return _OBJECT + _joined(map(encode_one, _members(value))) + _END

    return {
        str: string,
        v.Action: lambda value: string(value.name),
        bytes: _bytes,
        list: array,
        dict: mapping,
        v.Ref: _ref,
        v.UnresolvedRef: _unresolved,
        Time: _time,
        Date: _date,
        v.Lambda: _lambda,
        v.PendingTime: _pending,
        uuid.UUID: _uuid,
        bool: _boolean,
        type(None): _null,
    }


def encode(value: Any) -> bytes:
    """The order encoding of a value. A document, page, event or set counts as the object (or ref) that is stored for it.

    Raises Fault (``invalid ref``) for an unresolved ref.
    """
    encoder = _ORDER.get(type(value))
    return encoder(value) if encoder is not None else encode(_plain(value))


def exact(value: Any) -> bytes:
    """The exact encoding of a value; see `encode`."""
    encoder = _EXACT.get(type(value))
    return encoder(value) if encoder is not None else exact(_plain(value))


_ORDER: dict[type, Callable[[Any], bytes]] = {
    int: _integer,
    float: _double,
    **_containers(encode, _string),
}
_EXACT: dict[type, Callable[[Any], bytes]] = {
    int: _exact_integer,
    float: _exact_double,
    **_containers(exact, _exact_string),
}


def _plain(value: Any) -> Any:
    """What a set, document, page or event counts as when it is compared. Raises TypeError for what is no FQL value."""
    plain = codec.plain(value)
    if plain is value:
        raise TypeError(f"not an FQL value: {type(value).__name__}")
    return plain


# ---- tuples -----------------------------------------------------------------------------------------------------


def encode_terms(terms: Iterable[Any]) -> bytes:
    """The key of a term tuple."""
    return b"".join(map(exact, terms))


def encode_directed(value: Any, descending: bool) -> bytes:
    """The order encoding of one component of an entry."""
    return complement(encode(value)) if descending else encode(value)


def encode_values(values: Sequence[Any], descending: Sequence[bool], ref: v.Ref) -> bytes:
    """The key of an entry among those with the same terms: its values, then its document. descending: for each value."""
    encoded = [
        complement(encode(value)) if down else encode(value) for value, down in zip(values, descending)
    ]
    encoded.append(_pack_suffix(ref.id & _MASK, ref.coll))
    return b"".join(encoded)


def split(key: bytes, coll: int, doc: int) -> tuple[bytes, bytes]:
    """An entry's key as (values, ref suffix).

    Entries of one document whose values have the same place in the order but are not the same (1 and 1.0) have further
    0xff bytes after the suffix. They cannot be mistaken for a part of it, because collection numbers are below 0x8000.
    """
    suffix = _pack_suffix(doc & _MASK, coll)
    while not key.endswith(suffix):
        key = key[:-1]
    return key[:-SUFFIX_LENGTH], suffix


# ---- comparing --------------------------------------------------------------------------------------------------


def compare(left: Any, right: Any, at: At = ()) -> int:
    """The order of two values, as ``lt``, ``max`` and the like see it: -1, 0 or 1.

    Integers compare exactly, an integer and a double as doubles, doubles by the total order (-0.0 < 0.0, NaN last).

    :param at: the place in the query that an error names.
    :raises Fault: a value holds an unresolved ref, or a set that has no stored form, as it does in Fauna.
    """
    kinds = (type(left), type(right))
    if kinds == (int, int):
        return int(left > right) - int(left < right)
    if kinds == (str, str) and left == right:
        return 0
    if kinds in _NUMERIC:
        first, second = _double_bits(float(left)), _double_bits(float(right))
        return (first > second) - (first < second)
    try:
        a, b = encode(left), encode(right)
    except Fault as fault:
        raise Fault(fault.code, fault.description, at, rank=fault.rank) from None
    return (a > b) - (a < b)


_NUMERIC = frozenset(((int, float), (float, int), (float, float)))


def rank(value: Any) -> int:
    """The tag of a value's type. Values of different types compare as their tags do."""
    return encode(value)[0]


# A key may hold the time of a running transaction, which is replaced when it is known: `ts` as a value of an index,
# ascending or descending, or in a term.
add_form(_integer)
add_form(lambda time: complement(_integer(time)))
add_form(_exact_integer)
