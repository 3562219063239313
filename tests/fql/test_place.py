"""Where the cursor stands in a text that is not finished."""

from __future__ import annotations

import pytest

from faunadb.fql.errors import underline
from faunadb.fql.place import Call, place, variables


@pytest.mark.parametrize(
    ("text", "calls", "quote", "word", "owner"),
    [
        ("", [], "", "", None),
        ("Pagi", [], "", "Pagi", None),
        ("Get(Ref(Coll", [("Get", 0), ("Ref", 0)], "", "Coll", None),
        ('Get(Ref(Collection("sp', [("Get", 0), ("Ref", 0), ("Collection", 0)], '"', "sp", None),
        ('Get(Ref(Collection("spells"), "10', [("Get", 0), ("Ref", 1)], '"', "10", None),
        ("q.map_(lambda x: x, q.pagi", [("map_", 1)], "", "pagi", "q"),
        ("Select([1, 2], {a: f(1, 2), b: ", [("Select", 1)], "", "", None),
        ('Foo("a, (\\" b", ', [("Foo", 1)], "", "", None),
        ("f('x', \"it's\", g(", [("f", 2), ("g", 0)], "", "", None),
        ("(1, [2, ", [], "", "", None),
        ("_.da", [], "", "da", "_"),
        ("client.session.ge", [], "", "ge", "client.session"),
        ("a)b]c}", [], "", "", None),
    ],
)
def test_places(text, calls, quote, word, owner):
    found = place(text)
    assert found[:4] == ([Call(*call) for call in calls], quote, word, owner)
    assert not found.comment


@pytest.mark.parametrize("text", ["1 // Get", "x # Get(", "/* Get"])
def test_comments(text):
    assert place(text).comment


def test_variables():
    text = "Map(Paginate(x), (a, b) => Let({c: 1, 'd': 2}, Filter(y, e => e)))"
    assert variables(text) == {"a", "b", "c", "d", "e"}
    assert variables("q.map_(lambda first, second: q.let(third=1), ") == {"first", "second", "third"}
    assert variables("function (x) { return x") == {"x"}


@pytest.mark.parametrize(
    ("text", "start", "end", "marked"),
    [
        ('Add("魔法", "b")', 11, 14, "             ^^^"),
        ('Add("魔法", 1)', 4, 8, "    ^^^^^^"),
        ('Add("e\u0301", "b")', 10, 13, "         ^^^"),
        ("\tAdd(1)", 5, 6, "\t    ^"),
    ],
)
def test_wide_characters_are_counted(text, start, end, marked):
    assert underline(text, start, end).split("\n") == [text, marked]
