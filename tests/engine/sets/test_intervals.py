"""Intervals against sets of times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.sets.intervals import Interval, common_times, united, without

END = 12
ends = st.one_of(st.none(), st.integers(0, END))
intervals = st.lists(
    st.tuples(st.integers(0, END), ends).filter(lambda one: one[1] is None or one[0] < one[1])
)


def times(found: list[Interval]) -> set[int]:
    """The times that intervals cover; END + 1 stands for all later ones."""
    return {time for start, end in found for time in range(start, END + 2 if end is None else end)}


@given(intervals, intervals)
def test_intervals_are_sets_of_times(left: list[Interval], right: list[Interval]) -> None:
    one, two = united(left), united(right)
    assert times(one) == times(left)
    assert times(common_times(one, two)) == times(left) & times(right)
    assert times(without(one, two)) == times(left) - times(right)


@given(intervals)
def test_united_intervals_ascend_and_do_not_touch(given_: list[Interval]) -> None:
    found = united(given_)
    for (_, end), (start, _) in zip(found, found[1:]):
        assert end is not None
        assert end < start
