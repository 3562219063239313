"""Java's regular expressions: what they match, refuse and replace (value functions, "Regex dialect").

The answers in these tables are those of java.util.regex of JDK 17.
"""

from __future__ import annotations

import pytest

from faunadb.engine.java import lengths as lengths
from faunadb.engine.java.regex import InvalidPattern, InvalidReplacement, MatchTimeout, compile_pattern, quote

#: pattern, text, every match as (start, data)
MATCHES = [
    ('a|b', 'xaby', [(1, 'a'), (2, 'b')]),
    ('', 'ab', [(0, ''), (1, ''), (2, '')]),
    ('^|$|database', 'fauna,graphql,serverless,database', [(0, ''), (25, 'database'), (33, '')]),
    ('x*', 'axxb', [(0, ''), (1, 'xx'), (3, ''), (4, '')]),
    ('a*?', 'aa', [(0, ''), (1, ''), (2, '')]),
    ('\\d+', '\u066123', [(1, '23')]),
    ('(?U)\\d+', '\u066123', [(0, '\u066123')]),
    ('\\w+', '\xe9_a1', [(1, '_a1')]),
    ('(?U)\\w+', '\xe9_a1', [(0, '\xe9_a1')]),
    ('\\s', '\xa0\x0b', [(1, '\x0b')]),
    ('(?U)\\s', '\xa0', [(0, '\xa0')]),
    ('\\b\xe9', 'a\xe9 \xe9', [(3, '\xe9')]),
    ('\\b', 'a_ \xe91', [(0, ''), (2, ''), (3, ''), (5, '')]),
    ('\\b', 'K_\u0301 a\u0301b \u0301', [(0, ''), (2, ''), (4, ''), (7, '')]),
    ('\\B', 'ab', [(1, '')]),
    ('(?i)\xc9', '\xe9\xc9', [(1, '\xc9')]),
    ('(?iu)\xc9', '\xe9\xc9', [(0, '\xe9'), (1, '\xc9')]),
    ('(?i)k', 'kK\u212a', [(0, 'k'), (1, 'K')]),
    ('(?iu)k', 'kK\u212a', [(0, 'k'), (1, 'K'), (2, '\u212a')]),
    ('(?iu)\xdf', '\xdf\u1e9e', [(0, '\xdf')]),
    ('(?iu)[a-z]+', '\u017fK', [(0, '\u017fK')]),
    ('(?i)[a-c]+', 'ABCD', [(0, 'ABC')]),
    ('(?iu)\u03c3', '\u03c2\u03c3\u03a3', [(0, '\u03c2'), (1, '\u03c3'), (2, '\u03a3')]),
    ('(?i)(a)\\1', 'aA', [(0, 'aA')]),
    ('.', '\n\r\x85\u2028\u2029a', [(5, 'a')]),
    ('(?d).', '\n\r', [(1, '\r')]),
    ('(?s).', '\n', [(0, '\n')]),
    ('.', '\U0001f600', [(0, '\U0001f600')]),
    ('[\U0001f600-\U0001f602]', '\U0001f601', [(0, '\U0001f601')]),
    ('x$', 'x\r\n', [(0, 'x')]),
    ('x$', 'x\n\n', []),
    ('x$', 'x\u2028', [(0, 'x')]),
    ('x\\Z', 'x\n', [(0, 'x')]),
    ('x\\z', 'x\n', []),
    ('(?d)x$', 'x\r', []),
    ('(?m)^a$', 'a\ra\u2028a\r\na', [(0, 'a'), (2, 'a'), (4, 'a'), (7, 'a')]),
    ('(?m)$', 'a\n', [(1, ''), (2, '')]),
    ('(?m)^', 'a\n', [(0, '')]),
    ('(?md)^a', 'a\ra\na', [(0, 'a'), (4, 'a')]),
    ('(?<n>a)\\k<n>', 'aa', [(0, 'aa')]),
    ('(?<n>a)(?<m>b)\\k<m>\\k<n>', 'abba', [(0, 'abba')]),
    ('(a)(b)?\\2', 'ab', []),
    ('\\1a', 'a', []),
    ('(a)\\11', 'aa1', [(0, 'aa1')]),
    ('(a\\1)', 'aa', []),
    ('\\Qa.b\\E', 'a.b', [(0, 'a.b')]),
    ('\\Q[\\E+', '[[', [(0, '[[')]),
    ('\\Qa\\E\\Qb', 'ab', [(0, 'ab')]),
    ('a\\Q\\Eb', 'ab', [(0, 'ab')]),
    ('[\\Q]^\\E]+', '^]', [(0, '^]')]),
    ('(?i)a(?-i)b', 'Ab AB', [(0, 'Ab')]),
    ('(?i:a)b', 'Ab AB', [(0, 'Ab')]),
    ('a(?x) b # c\n c', 'abc', [(0, 'abc')]),
    ('(?x)[a b]', 'ab', [(0, 'a'), (1, 'b')]),
    ('(?xi- m)A', 'a', [(0, 'a')]),
    ('[a&&[^b]]+', 'ab', [(0, 'a')]),
    ('[a-z&&[^aeiou]]+', 'fauna', [(0, 'f'), (3, 'n')]),
    ('[a[bc]]+', 'cabd', [(0, 'cab')]),
    ('[^a[b]]', 'abc', [(2, 'c')]),
    ('[a-z&&[def]]', 'abcde', [(3, 'd'), (4, 'e')]),
    ('[^\\W_]+', 'a_b', [(0, 'a'), (2, 'b')]),
    ('[\\s\\S]', 'a', [(0, 'a')]),
    ('[^\\s\\S]', 'a', []),
    ('[[^a][^b]]+', 'ab', [(0, 'ab')]),
    ('[^a]|[^b]', 'ab', [(0, 'a'), (1, 'b')]),
    ('(?U)[^\\s\\S]', 'a', []),
    ('\\p{L}+', 'a\xe91', [(0, 'a\xe9')]),
    ('\\pL+', 'a\xe91', [(0, 'a\xe9')]),
    ('\\p{Lu}', 'a\xc9', [(1, '\xc9')]),
    ('\\P{Lu}', '\xc9a', [(1, 'a')]),
    ('\\p{IsGreek}+', 'a\u03b1\u03b2', [(1, '\u03b1\u03b2')]),
    ('\\p{InGreek}+', 'a\u03b1\u03b2', [(1, '\u03b1\u03b2')]),
    ('\\p{IsAlphabetic}+', '1a\xe9', [(1, 'a\xe9')]),
    ('\\p{Alpha}+', '\xe9a', [(1, 'a')]),
    ('\\p{IsAlpha}+', '\xe9a', [(0, '\xe9a')]),
    ('\\p{Punct}+', 'a!?$', [(1, '!?$')]),
    ('(?U)\\p{Punct}+', '!$', [(0, '!')]),
    ('\\p{script=Greek}', '\u03b1', [(0, '\u03b1')]),
    ('\\p{blk=BasicLatin}+', 'a\xe9', [(0, 'a')]),
    ('\\p{gc=Nd}', '1', [(0, '1')]),
    ('(?i)\\p{Lower}+', 'aBc', [(0, 'aBc')]),
    ('\\p{javaUpperCase}', 'a\xc0', [(1, '\xc0')]),
    ('[\\p{L}&&[^\\p{Lu}]]+', 'a\xc9\xe9', [(0, 'a'), (2, '\xe9')]),
    ('\\h+', 'a \t\xa0b', [(1, ' \t\xa0')]),
    ('\\H+', 'a \tb', [(0, 'a'), (3, 'b')]),
    ('\\v', '\n\x0b\u2028', [(0, '\n'), (1, '\x0b'), (2, '\u2028')]),
    ('\\V', '\na', [(1, 'a')]),
    ('\\R', '\r\n\n\r', [(0, '\r\n'), (2, '\n'), (3, '\r')]),
    ('\\R', '\x85\u2028', [(0, '\x85'), (1, '\u2028')]),
    ('\\X', 'a\u0301b', [(0, 'a\u0301'), (2, 'b')]),
    ('\\e\\cA', '\x1b\x01', [(0, '\x1b\x01')]),
    ('\\07\\012\\0141', '\x07\na', [(0, '\x07\na')]),
    ('\\0777', '?7', [(0, '?7')]),
    ('\\x41\\x{1F600}\\u0042', 'A\U0001f600B', [(0, 'A\U0001f600B')]),
    ('\\uD83D\\uDE00', '\U0001f600', [(0, '\U0001f600')]),
    ('\\N{LATIN SMALL LETTER A}', 'a', [(0, 'a')]),
    ('\\G\\d', '12a3', [(0, '1'), (1, '2')]),
    ('\\G', 'ab', [(0, '')]),
    ('\\G\\w*', 'ab c', [(0, 'ab'), (2, '')]),
    ('(?<=\\G..)', 'aabbcc', [(2, ''), (4, ''), (6, '')]),
    ('a++b', 'aaab', [(0, 'aaab')]),
    ('a++a', 'aaa', []),
    ('(?>a*)ab', 'aaab', []),
    ('a*+', 'aab', [(0, 'aa'), (2, ''), (3, '')]),
    ('a?+a', 'a', []),
    ('(?<=a)b', 'ab', [(1, 'b')]),
    ('(?<!a)b', 'ab bb', [(3, 'b'), (4, 'b')]),
    ('(?<=a{1,3})b', 'aab', [(2, 'b')]),
    ('(?<=a+)b', 'aab', [(2, 'b')]),
    ('(?<=ab*)c', 'abbc', [(3, 'c')]),
    ('(?<=a+a+)', 'aaa', []),
    ('(?<=(a)+)', 'aa', [(1, ''), (2, '')]),
    ('(?<=(aaa)+)', 'aaa', [(3, '')]),
    ('(?=(a))a', 'a', [(0, 'a')]),
    ('(?!a)b', 'b', [(0, 'b')]),
    ('(?<=^|,)x', 'x,x', [(0, 'x'), (2, 'x')]),
    (']', 'a]', [(1, ']')]),
    ('}', 'a}', [(1, '}')]),
    ('a}', 'a}', [(0, 'a}')]),
    ('a{2}', 'aaa', [(0, 'aa')]),
    ('a{2,}', 'aaa', [(0, 'aaa')]),
    ('a{1,2}?', 'aa', [(0, 'a'), (1, 'a')]),
    ('a{0}b', 'ab', [(1, 'b')]),
    ('\\b{1}a', 'a', [(0, 'a')]),
    ('[]a]', 'a]', [(0, 'a'), (1, ']')]),
    ('[a-]', '-', [(0, '-')]),
    ('[-a]', '-', [(0, '-')]),
    ('[&&a]', 'a', [(0, 'a')]),
    ('[a&b]', '&', [(0, '&')]),
    ('\\.\\$\\[\\\\', '.$[\\', [(0, '.$[\\')]),
    ('\\_\\\xe9\\ ', '_\xe9 ', [(0, '_\xe9 ')]),
    ('(a|ab)(c|bcd)(d*)', 'abcd', [(0, 'abcd')]),
    ('(a*)*', 'aa', [(0, 'aa'), (2, '')]),
    ('(a|b)*', 'ab', [(0, 'ab'), (2, '')]),
    ('(?:a|b){2}', 'abab', [(0, 'ab'), (2, 'ab')]),
    ('^(?:(\\d+)-)?(\\w+)$', '12-ab', [(0, '12-ab')]),
    ('(?<y>\\d{4})-(?<m>\\d\\d)', '2020-02', [(0, '2020-02')]),
    # After an empty match the search goes on one UTF-16 unit further: between the halves of a surrogate pair.
    ('a*', 'a😀b', [(0, 'a'), (1, ''), (2, ''), (2, ''), (3, '')]),
    ('', '😀😀', [(0, ''), (1, ''), (1, ''), (2, ''), (2, '')]),
    ('😀*', '😀', [(0, '😀'), (1, '')]),
    ('$|^', '😀', [(0, ''), (1, '')]),
]  # fmt: skip


def found(pattern, text):
    return [(match.start(), match.group()) for match in compile_pattern(pattern).matches(text)]


@pytest.mark.parametrize(("pattern", "text", "matches"), MATCHES)
def test_matches(pattern, text, matches):
    assert found(pattern, text) == matches


INVALID = [
    '{',
    'a{',
    'a{2',
    'x{,3}',
    'a{2,1}',
    'a{99999999999}',
    '(?#c)',
    '*',
    '+',
    '?',
    'a**',
    '(',
    '(a',
    'a)',
    '[',
    '[a',
    '[]',
    '[^]',
    '[z-a]',
    '[a-\\d]',
    '\\',
    '\\y',
    '\\i',
    '\\8a\\',
    '\\k<n>',
    '\\k<1>',
    '\\kn',
    '(?<1>a)',
    '(?<n>a)(?<n>b)',
    '(?<n_m>a)',
    '(?P<n>a)',
    '(?P=n)',
    '(?<n',
    '\\p{Nope}',
    '\\p{IsNope}',
    '\\p{InNope}',
    '\\p{',
    '\\p',
    '\\x4',
    '\\x{110000}',
    '\\x{}',
    '\\u12',
    '\\0',
    '\\08',
    '\\c',
    '\\N{NOPE}',
    '\\N',
    '(?z)',
    '(?i',
    '(?-',
    '(?i-s-m)a',
    '[[:alpha',
    '(?<=(ab)+)',
    '(?<=\\1)(a)',
    '(?<=a+?b+?)',
    '[\\b]',
    '(?',
    '(?)*',
    '[\\E',
    '(?<=(a|b){2})',
]  # fmt: skip


@pytest.mark.parametrize("pattern", INVALID)
def test_what_java_refuses_is_refused(pattern):
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)


def test_deep_nesting_is_refused_not_a_crash():
    with pytest.raises(InvalidPattern):
        compile_pattern("(" * 5000 + ")" * 5000)


@pytest.mark.parametrize(
    "pattern",
    [
        "x{2147483647}",
        "x{100001}",
        "(?:x{1000}){1000}",
        "((xy){400}){400}",
        "x{1000000,}",
        "(?:" * 90 + "x" + "){2}" * 90,
    ],
)
def test_repetitions_beyond_any_text_are_refused_before_they_fill_the_memory(pattern):
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["x{0,2147483647}y", "(x{0,2147483647}){0,2147483647}y", "x{50000}|y", "(?:" * 100 + "y" + ")*" * 100],
)
def test_large_repetitions(pattern):
    assert compile_pattern(pattern).found_in("xxy")


#: pattern, text, replacement, first only, result
REPLACEMENTS = [
    ("(o)", "one two", "$1$1", False, "oone twoo"),
    ("o", "one two", "0", True, "0ne two"),
    ("(a)", "ab", "$10", False, "a0b"),
    ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "abcdefghij", "$10$1$11", False, "jaa1"),
    ("a|(b)", "ab", "<$1>", False, "<><b>"),
    ("(?<n>a)", "a", "${n}$0\\$\\\\", False, "aa$\\"),
    ("x*", "axb", "-", False, "-a--b-"),
    ("", "ab", "x", False, "xaxbx"),
    ("x", "no match", "$9", False, "no match"),
    ("\\G.", "aab", "x", False, "xxx"),
    ("^", "a", "> ", False, "> a"),
    ("\\s+", " a  b ", "", False, "ab"),
    ("", "a😀", "-", False, "-a-\ud83d-\ude00-"),
    ("", "a😀", "", False, "a😀"),
    ("", "😀", "-", True, "-😀"),
    ("(x)?", "😀", "<$1>", False, "<>\ud83d<>\ude00<>"),
    ("(\\w+) (\\w+)", "Hen Wen", "$2, $1", False, "Wen, Hen"),
]


@pytest.mark.parametrize(("pattern", "text", "replacement", "first", "result"), REPLACEMENTS)
def test_replacements(pattern, text, replacement, first, result):
    assert compile_pattern(pattern).replace(text, replacement, first) == result


@pytest.mark.parametrize(
    "replacement", ["$", "$a", "\\", "x\\", "$2", "${", "${}", "${1}", "${nope}", "${n", "$-1"]
)
def test_malformed_replacements(replacement):
    with pytest.raises(InvalidReplacement):
        compile_pattern("(?<n>a)").replace("a", replacement, False)


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "\\", "a\\Eb", "\\E", "\\E\\E", "\\Q", "a\\", "($^[{?*+.|", "\n\r", "\U0001f600", "#x "],
)
@pytest.mark.parametrize("flags", ["", "(?x)"])
def test_a_quoted_text_matches_itself(text, flags):
    pattern = compile_pattern(flags + quote(text))
    assert [match.group() for match in pattern.matches(text)][:1] == [text]


def test_matching_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr("faunadb.engine.java.regex.TIME_LIMIT", 0.05)
    with pytest.raises(MatchTimeout):
        list(compile_pattern("(?:a|a|ab?)+(?:b|c){3}$").matches("a" * 60 + "!"))


def test_the_greatest_length_is_counted_in_32_bits():
    one = [lengths.character()]
    endless = lengths.repetition(one, 1, lengths.MAX_REPEAT, "+", False)
    assert lengths.study([endless]) == (1, lengths.MAX_REPEAT, True, False)
    assert lengths.study([endless, endless]).never
    group = lengths.repetition([*one, *one], 1, lengths.MAX_REPEAT, "+", True)
    assert not lengths.study([group]).known
