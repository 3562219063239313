"""The order of strings, against orders that the reference collator gives and as algebra."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.java.collation import string_sort_key

#: Each line ascends, as ICU says.
ASCENDING = [
    [
        "",
        " ",
        "_",
        "-",
        ",",
        ";",
        ":",
        "!",
        "?",
        ".",
        "'",
        '"',
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "@",
        "*",
        "/",
        "\\",
        "&",
    ],
    ["&", "#", "%", "`", "^", "+", "<", "=", ">", "|", "~", "$", "0", "9", "a", "A", "b", "B", "z", "Z"],
    ["\t", "\n", "\x0b", "\f", "\r", " ", "!"],
    ["a", "B"],
    ["abc", "abD"],
    ["aB1", "ab2"],
    ["fall", "FALL"],
    ["baGe", "BaGEl"],
    ["dddd", "Ddddkvew"],
    ["e", "é", "z", "Z"],
    ["cote", "coté", "côte", "côté"],
    ["resume", "Resume", "résumé", "Résumé", "resumes"],
    ["z", "α", "Α", "ω", "а", "я", "א", "あ", "漢"],
    ["ss", "ßa", "st"],
    ["ae", "æ", "af"],
    ["ぁ", "あ", "ァ", "ア", "い"],
    ["か", "が", "き"],
    ["ゃ", "や", "ゃあ"],
    ["가", "각", "나"],
    ["一", "⼀", "丁"],
    ["กข", "เก", "ข"],
    ["K", "\u212a", "Ka"],
    ["\x01K", "K", "K\x01", "l"],
    ["e\u0301", "\u00e9"],
    ["漢", "\ue000", "\ufffd"],
]


@pytest.mark.parametrize("ascending", ASCENDING, ids=lambda strings: repr(strings)[:40])
def test_order(ascending):
    shuffled = random.Random(len(ascending)).sample(ascending, len(ascending))
    assert sorted(shuffled, key=string_sort_key) == ascending
    for left, right in zip(ascending, ascending[1:]):
        assert string_sort_key(left) < string_sort_key(right)


#: Letters, marks, kana, ignorable and other characters that meet every rule of the keys.
SPECIAL = st.text(
    alphabet="abAB1- \x00\x01é\u0301\u0323ßæﬁ…․K\u212aかがゕカヵ가ᄀ漢一⼀\ue000\ufffd\U0001f600·lи\u0306",
    max_size=6,
)
STRINGS = st.one_of(
    SPECIAL, st.text(max_size=8), st.text(alphabet=st.characters(max_codepoint=126), max_size=8)
)


@given(STRINGS, STRINGS)
def test_keys_tell_strings_apart(left, right):
    left_key, right_key = string_sort_key(left), string_sort_key(right)
    assert (left_key == right_key) == (left == right)
    assert b"\x00" not in left_key


@given(STRINGS, STRINGS)
def test_no_key_begins_another(left, right):
    """So that keys ended by a zero byte can follow one another in one index entry."""
    if left != right:
        assert (string_sort_key(left) + b"\x00" < string_sort_key(right) + b"\x00") == (
            string_sort_key(left) < string_sort_key(right)
        )


@given(SPECIAL, SPECIAL)
def test_equal_weights_go_by_bytes(left, right):
    if left != right and unicodedata.normalize("NFC", left) == unicodedata.normalize("NFC", right):
        assert (string_sort_key(left) < string_sort_key(right)) == (left.encode() < right.encode())


@given(
    st.text(alphabet=st.characters(max_codepoint=126)),
    st.text(alphabet=st.characters(max_codepoint=126), min_size=1),
)
def test_a_prefix_is_less(prefix, rest):
    assert string_sort_key(prefix) < string_sort_key(prefix + rest)


@given(
    st.text(alphabet=st.characters(max_codepoint=126)),
    st.text(alphabet=st.characters(max_codepoint=126)),
    st.text(alphabet=st.characters(max_codepoint=126)),
)
def test_the_order_is_that_from_the_first_difference(common, left, right):
    if left[:1] != right[:1] and left and right:
        assert (string_sort_key(common + left) < string_sort_key(common + right)) == (
            string_sort_key(left) < string_sort_key(right)
        )


@given(st.lists(STRINGS, max_size=3))
def test_lone_surrogates_and_anything_else_have_keys(strings):
    assert string_sort_key("".join(strings) + "\ud800")


def test_ascii_loads_no_table():
    code = (
        "from faunadb.engine.java import collation as c; c.string_sort_key('Hello, World 1'); "
        "assert c._loaded is None; c.string_sort_key('é'); assert c._loaded is not None"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
