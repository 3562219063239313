"""The order of values as bytes: against the documented order, and against a plain comparison of Python values."""

from __future__ import annotations

import math
import uuid
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.indexes import keys
from faunadb.engine.java.collation import string_sort_key
from faunadb.engine.java.times import Date, Time
from faunadb.engine.language import values as v
from faunadb.engine.language.errors import Fault

# Every kind in its documented order, with neighbours inside each.
ASCENDING: list[Any] = [
    -math.inf, -(2**63), -1e18, -5, -1.5, -0.0, 0, 1, 2.5, 3, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1, 1e19,
    math.inf, math.nan,
    b"", b"\x00", b"\x00\x00", b"\x00\x01", b"\x01", b"a", b"aa", b"\xff",
    "", " ", "_", "1", "a", "A", "aa", "b", "B", "fall", "FALL", "falling",
    [], [1], [1, 1], [1, None], [2], ["a"],
    {}, {"a": 1}, {"a": 1, "b": 0}, {"a": 2}, {"b": 0},
    v.Ref(0, 1024, 1), v.Ref(0, 1025, 1), v.Ref(0, 1024, 2), v.Ref(0, 1024, 2**62), v.Ref(0, 1024, -1),
    Time(-5, 0), Time(0, 0), Time(0, 1), Time(10**12, 0),
    Date(-400), Date(0), Date(9),
    v.PENDING,
    uuid.UUID(int=0), uuid.UUID(int=1), uuid.UUID(int=2**127),
    False, True, None,
]  # fmt: skip


def test_documented_order_ascends() -> None:
    encoded = [keys.encode(value) for value in ASCENDING]
    assert encoded == sorted(encoded)
    assert len(set(encoded)) == len(encoded)


def test_checked_sequence_and_its_mirror() -> None:
    sequence = [1, 2, 3, 3.14, 4, b"\x01", "str", v.Ref(0, 1024, 1), Time(0), Date(0)]
    ref = v.Ref(0, 1024, 9)
    up = [keys.encode_values([value], [False], ref) for value in sequence]
    down = [keys.encode_values([value], [True], ref) for value in sequence]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (0, 0.0), (2**53, float(2**53)), (-7, -7.0), ([1], [1.0]), ({"a": 1}, {"a": 1.0})],
)
def test_equal_in_order_but_different_keys(left: Any, right: Any) -> None:
    assert keys.encode(left) == keys.encode(right)
    assert keys.exact(left) != keys.exact(right)


def test_negative_zero_is_below_zero() -> None:
    assert keys.compare(-0.0, 0) == keys.compare(-0.0, 0.0) == -1
    assert keys.compare(0, 0.0) == 0


def test_object_keys_in_any_order_are_the_same_term() -> None:
    assert keys.exact({"b": 1, "a": 2}) == keys.exact({"a": 2, "b": 1})
    # U+10000 is below U+E000 in UTF-16 code units, though its code point is greater.
    first, second = {"\U00010000": 1, "\ue000": 2}, {"\ue000": 2, "\U00010000": 1}
    assert keys.exact(first) == keys.exact(second)
    assert keys.encode(first) == keys.encode(second)


def test_refs_carry_no_database() -> None:
    assert keys.exact(v.Ref(0, 1024, 1)) == keys.exact(v.Ref(7, 1024, 1))


def test_integers_compare_exactly_and_with_doubles_as_doubles() -> None:
    assert keys.compare(2**53, 2**53 + 1) == -1
    assert keys.compare(2**53 + 1, float(2**53)) == 0
    assert keys.compare(math.nan, math.nan) == 0
    assert keys.compare(math.inf, math.nan) == -1


def test_an_unresolved_ref_has_no_place() -> None:
    with pytest.raises(Fault, match="undefined collection 'x'"):
        keys.encode(["a", v.UnresolvedRef("collection", "x", {"id": "x"})])


def test_sets_and_documents_count_as_what_is_stored_for_them() -> None:
    ref = v.Ref(0, 1024, 5)
    document = v.Document(ref, 17, {"data": {"a": 1}})
    same = {
        "ref": ref,
        "ts": 17,
        "class": v.Ref(0, v.COLLECTIONS, 1024),
        "collection": v.Ref(0, v.COLLECTIONS, 1024),
        "data": {"a": 1},
    }
    assert keys.encode(document) == keys.encode(same)


@pytest.mark.parametrize("suffixes", [0, 1, 3])
@pytest.mark.parametrize("doc", [0, 1, -1, 2**62, 255])
@pytest.mark.parametrize("coll", [1, 255, 1024, 0x7FFF])
def test_split_takes_the_document_off(coll: int, doc: int, suffixes: int) -> None:
    values = keys.encode("ab\xff") + keys.complement(keys.encode(3))
    suffix = keys.ref_suffix(coll, doc)
    assert keys.split(values + suffix + b"\xff" * suffixes, coll, doc) == (values, suffix)


def test_after_is_the_end_of_a_prefix() -> None:
    assert keys.after(b"a") == b"b"
    assert keys.after(b"a\xff") == b"b"
    assert keys.after(b"\xff\xff") is None
    assert keys.after(b"") is None


# ---- against a model ---------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([-0.0, 0.0, 1.0, 2.0]),
    st.booleans(),
    st.none(),
    st.text(max_size=6),
    st.text("ab AB", max_size=4),
    st.binary(max_size=4),
    st.builds(Time, st.integers(-(10**6), 10**6), st.integers(0, 999_999_999)),
    st.builds(Date, st.integers(-(10**6), 10**6)),
    st.builds(v.Ref, st.integers(0, 2), st.integers(1024, 1027), st.integers(-(2**63), 2**63 - 1)),
    st.uuids(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abé", max_size=2), inner, max_size=3)
    ),
    max_leaves=5,
)

_RANKS: list[tuple[type, ...]] = [
    (int, float), (bytes,), (str,), (list,), (dict,), (v.Ref,), (Time,), (Date,), (uuid.UUID,), (bool,), (type(None),)
]  # fmt: skip


def model_compare(a: Any, b: Any) -> int:
    """The documented order, spelled out: kinds, then the rule within the kind."""
    ranks = [next(rank for rank, kinds in enumerate(_RANKS) if type(value) in kinds) for value in (a, b)]
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if type(a) is dict:
        return model_compare(_flat(a), _flat(b))
    if type(a) is list:
        for left, right in zip(a, b):
            found = model_compare(left, right)
            if found:
                return found
        return (len(a) > len(b)) - (len(a) < len(b))
    left, right = _place(a), _place(b)
    return (left > right) - (left < right)


def _flat(value: dict[str, Any]) -> list[Any]:
    return [part for key in sorted(value) for part in (key, value[key])]


def _place(value: Any) -> Any:
    if type(value) in (int, float):
        return (
            math.isnan(value),
            0 if math.isnan(value) else value,
            math.copysign(1, value) >= 0 or value != 0,
        )
    if type(value) is v.Ref:
        return (value.id % 2**64, value.coll)
    if type(value) is uuid.UUID:
        return value.bytes
    if type(value) is str:
        return string_sort_key(value)
    return 0 if value is None else value


@pytest.mark.parametrize(
    ("low", "high"), [*zip(ASCENDING[:12], ASCENDING[1:12]), (b"", b"\x00"), ("", " "), (False, True)]
)
def test_the_model_knows_the_documented_order(low: Any, high: Any) -> None:
    assert (model_compare(low, high), model_compare(high, low), model_compare(low, low)) == (-1, 1, 0)


@given(values, values)
def test_key_order_is_value_order(a: Any, b: Any) -> None:
    left, right = keys.encode(a), keys.encode(b)
    expected = model_compare(a, b)
    assert (left > right) - (left < right) == expected
    assert (
        keys.compare(a, b) in (expected, 0)
        if {type(a), type(b)} == {int, float}
        else keys.compare(a, b) == expected
    )


@given(st.lists(st.tuples(values, values), max_size=6), st.booleans(), st.booleans())
def test_tuples_order_component_by_component(
    tuples: list[tuple[Any, Any]], first: bool, second: bool
) -> None:
    def compare(a: tuple[Any, Any], b: tuple[Any, Any]) -> int:
        one = model_compare(a[0], b[0]) * (-1 if first else 1)
        return one or model_compare(a[1], b[1]) * (-1 if second else 1)

    ref = v.Ref(0, 1024, 1)
    by_key = sorted(tuples, key=lambda pair: keys.encode_values(pair, (first, second), ref))
    by_model = sorted(tuples, key=cmp_to_key(compare))
    assert all(compare(a, b) == 0 for a, b in zip(by_key, by_model))


@given(values, values)
def test_encodings_are_never_the_beginning_of_another(a: Any, b: Any) -> None:
    for encoding in (keys.encode, keys.exact):
        left, right = encoding(a), encoding(b)
        assert left == right or not (left.startswith(right) or right.startswith(left))


@given(st.lists(values, max_size=3), st.lists(values, max_size=3))
def test_term_keys_are_equal_only_for_the_same_terms(a: list[Any], b: list[Any]) -> None:
    same = keys.encode_terms(a) == keys.encode_terms(b)
    assert same == (_strict(a) == _strict(b))


def _strict(value: Any) -> Any:
    """A value with its kinds spelled out, so that Python's equality is exact."""
    if type(value) is list:
        return ("list", tuple(map(_strict, value)))
    if type(value) is dict:
        return ("dict", tuple((key, _strict(value[key])) for key in sorted(value)))
    if type(value) is float:
        return ("float", "nan" if math.isnan(value) else math.copysign(1, value), str(abs(value)))
    if type(value) is v.Ref:
        return ("ref", value.coll, value.id)
    return (type(value).__name__, value)
