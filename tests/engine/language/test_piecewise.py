"""Large values are freed a little at a time, and only those that nobody has any more."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import pytest

from faunadb.engine.language import piecewise
from faunadb.engine.language.pages import Page

pytestmark = pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="another way of freeing memory")

FEW = 500


class Leaf:
    """Counts those of its kind that there are."""

    count = 0

    def __init__(self) -> None:
        Leaf.count += 1

    def __del__(self) -> None:
        Leaf.count -= 1


def small(count: int) -> list[list[Leaf]]:
    return [[Leaf()] for _ in range(count)]


def chain_of(depth: int, last: Any) -> Any:
    for _ in range(depth):
        last = [last]
    return last


SHAPES = {
    "wide": lambda: small(20 * FEW),
    "of lists": lambda: [small(FEW) for _ in range(20)],
    "of lists of lists": lambda: [[small(5) for _ in range(100)] for _ in range(20)],
    "one large part": lambda: [1, *small(3), small(20 * FEW), "a"],
    "deep": lambda: chain_of(50, small(20 * FEW)),
    "objects": lambda: {str(n): {"a": small(10)} for n in range(20 * FEW // 10)},
    "an object in a list": lambda: [{"a": small(20 * FEW)}, {}],
    "a page": lambda: Page(small(20 * FEW), None, None, small(20 * FEW)),
    "pages": lambda: [Page(small(FEW), None, None, []) for _ in range(20)],
}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(piecewise, "FEW", FEW)


@pytest.mark.parametrize("name", SHAPES)
def test_few_parts_are_freed_at_a_time(few, name):
    before = Leaf.count
    values = [SHAPES[name]()]
    left = Leaf.count
    assert left - before >= 20 * FEW
    for _ in piecewise.steps(values):
        assert left - Leaf.count <= FEW
        left = Leaf.count
    assert left == before
    assert not values


def test_what_others_have_stays_as_it_is(few):
    inner = small(3 * FEW)
    outer = [inner, *small(3 * FEW)]
    kept: list[Any] = []
    piecewise.free([[inner, inner], outer, small(3 * FEW)], kept)
    assert kept == [outer]
    assert len(outer) == 1 + 3 * FEW
    assert outer[0] is inner
    assert all(type(leaf) is Leaf for (leaf,) in inner)


def test_values_that_contain_one_another_many_times_take_few_steps(few):
    value: Any = small(10)
    for _ in range(40):
        value = [value, value]
    values = [value]
    del value
    assert sum(1 for _ in piecewise.steps(values)) < 200


class TestNoted:
    @pytest.fixture(autouse=True)
    def beginning(self):
        piecewise.begin()
        yield
        piecewise.end()

    def test_those_that_nobody_has_any_more_are_freed_with_the_next(self):
        first, second = small(2), small(2)
        leaf = weakref.ref(first[0][0])
        piecewise.noted(first)
        piecewise.noted(second)
        assert leaf() is not None
        del first
        assert leaf() is not None
        piecewise.noted(1)
        assert leaf() is None
        assert piecewise.end() == [second]

    def test_one_is_noted_once(self):
        value = small(2)
        piecewise.noted(value)
        piecewise.noted(value)
        assert len(piecewise.end()) == 1

    def test_nothing_is_kept_once_it_has_ended(self):
        piecewise.end()
        value = small(1)
        leaf = weakref.ref(value[0][0])
        piecewise.noted(value)
        del value
        assert leaf() is None
        assert piecewise.end() == []
