"""Text by Unicode's rules: folding, title case, white space, offsets, grams (value functions, "Strings")."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faunadb.engine.java import text as u

TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=12)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hen Wen", "hen wen"),
        ("İstanbul", "i̇stanbul"),
        ("Weißkopfseeadler", "weisskopfseeadler"),
        ("φιλόσοφος", "φιλόσοφοσ"),
        ("①", "1"),
        ("\u212b", "å"),
        ("ﬁ", "fi"),
        ("Ａ", "a"),
        ("\u212a", "k"),
        ("a\u00adb\u200dc\ufe0fd\ufeff", "abcd"),
        ("\u3164", ""),
        ("\u1e9e", "ss"),
        ("\u0345", "ι"),
        ("ᾳ", "αι"),
        ("\u03d3", "ύ"),
        ("A\u030a", "å"),
        ("Ꭰ", "Ꭰ"),
        ("ꭰ", "Ꭰ"),
        ("", ""),
    ],
)
def test_nfkc_casefold(text, folded):
    assert u.nfkc_casefold(text) == folded


@given(TEXT)
def test_folding_again_changes_nothing_and_case_does_not_matter(text):
    folded = u.nfkc_casefold(text)
    assert u.nfkc_casefold(folded) == folded
    assert unicodedata.is_normalized("NFC", folded)
    assert u.nfkc_casefold(unicodedata.normalize("NFD", text)) == folded


@pytest.mark.parametrize(
    ("form", "result"),
    [("NFC", "\u00e9ﬁA"), ("NFD", "e\u0301ﬁA"), ("NFKC", "\u00e9fiA"), ("NFKD", "e\u0301fiA")],
)
def test_the_normal_forms_do_not_fold_case(form, result):
    assert u.normalized("e\u0301ﬁA", form) == result


def _whole(text: str, form: str) -> str:
    if form != "NFKCCaseFold":
        return unicodedata.normalize(form, text)  # type: ignore[arg-type]
    return u._nfkc_casefold(text)


FORMS = ("NFC", "NFD", "NFKC", "NFKD", "NFKCCaseFold")


@pytest.mark.parametrize("form", FORMS)
@given(text=TEXT)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_are_normalised_in_pieces_as_they_are_whole(monkeypatch, form, text):
    monkeypatch.setattr(u, "_PIECE", 1)
    assert u.normalized(text, form) == _whole(text, form)


@pytest.mark.parametrize("form", ["NFC", "NFKCCaseFold"])
def test_whatever_joins_what_precedes_it_stays_with_it(monkeypatch, form):
    """Every character that another one composes with, or that becomes another one, behind one that it may join."""
    monkeypatch.setattr(u, "_PIECE", 1)
    for code in (*range(0xAC00), *range(0xF900, 0x1E000)):  # but for syllables, which are all alike
        char = chr(code)
        if char != unicodedata.normalize("NFKD", char) or unicodedata.combining(char) or code in u._ignored():
            for before in ("e", "\u1100", "\uac00"):
                text = f"{before}{char}\u0301"
                assert u.normalized(text, form) == _whole(text, form), hex(code)


@pytest.mark.parametrize(
    ("text", "titled"),
    [
        ("don't stop", "Don't Stop"),
        ("3rd street", "3rd Street"),
        ("(hello)", "(Hello)"),
        ("john-paul", "John-Paul"),
        ("o'neill", "O'neill"),
        ("a.b c_d", "A.b C_d"),
        ("foo1bar", "Foo1bar"),
        ("ß x", "Ss X"),
        ("ﬁsh", "Fish"),
        ("ǆabc", "ǅabc"),
        ("HELLO wORLD", "Hello World"),
        ("", ""),
        ("  two  spaces ", "  Two  Spaces "),
        ("a\nb\tc", "A\nB\tC"),
        ("l’été d’avant", "L’été D’avant"),
        ("éCOLE", "École"),
        ("ΑΣ ΣΑΣ", "Ας Σας"),
        ("ijs", "Ijs"),
        ("x+y=z", "X+Y=Z"),
        ("$abc", "$Abc"),
        ("1,234.5abc", "1,234.5abc"),
        ("a:b", "A:b"),
        ("it's 9am", "It's 9am"),
        ("\U00010428x", "\U00010400x"),
    ],
)
def test_titlecase(text, titled):
    assert u.titlecase(text) == titled


def test_what_trimming_strips():
    stripped = [*range(0x9, 0xE), *range(0x1C, 0x21), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B)]
    stripped += [0x2028, 0x2029, 0x205F, 0x3000]
    assert sorted(map(ord, u.BLANKS)) == stripped
    for kept in (0x85, 0xA0, 0x2007, 0x202F, 0x180E, 0x200B, 0xFEFF):
        assert chr(kept) not in u.BLANKS


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        ("abc", None, 0),
        ("abc", 0, 0),
        ("abc", 2, 2),
        ("abc", 3, 0),
        ("abc", -1, 0),
        ("abc", 2**63 - 1, 0),
        ("", 1, 0),
        ("a😀b", 2, 2),
        ("a😀b", 3, 3),
        ("a😀b", 4, 0),
        ("😀😀b", 3, 3),
        ("😀😀b", 4, None),
    ],
)
def test_where_a_search_starts(text, start, found):
    assert u.search_start(text, start) == found


@pytest.mark.parametrize(
    ("text", "least", "most", "grams"),
    [
        ("apple", 1, 2, "a ap p pp p pl l le e"),
        ("apple", 2, 3, "ap app pp ppl pl ple le"),
        ("abc", 3, 4, "abc"),
        ("ab", 3, 4, ""),
        ("", 1, 2, ""),
        ("😀é", 1, 2, "😀 😀é é"),
        ("Ab", 2, 2, "Ab"),
    ],
)
def test_grams(text, least, most, grams):
    assert list(u.grams(text, least, most)) == grams.split()


@pytest.mark.parametrize(
    ("text", "between", "result"),
    [
        ("ab", "x", "xaxbx"),
        ("", "x", "x"),
        ("ab", "", "ab"),
        ("😀", "", "😀"),
        ("a😀", "-", "-a-\ud83d-\ude00-"),
        ("é", "--", "--é--"),
    ],
)
def test_interleaved(text, between, result):
    assert u.interleaved(text, between) == result
