"""String functions, row by row of the chapter (value functions, "Strings" and "format")."""

from __future__ import annotations

import json

import pytest

RESULTS = [
    ({"concat": ["a", "b"]}, "ab"),
    ({"concat": ["a", "b"], "separator": "-"}, "a-b"),
    ({"concat": "a", "separator": "-"}, "a"),
    ({"concat": []}, ""),
    ({"casefold": "Hen"}, "hen"),
    ({"casefold": ["A"]}, "a"),
    ({"casefold": []}, []),
    ({"casefold": ["A", 1, None]}, ["a", 1, None]),
    ({"casefold": "İstanbul"}, "i̇stanbul"),
    ({"casefold": "Weißkopfseeadler"}, "weisskopfseeadler"),
    ({"casefold": "φιλόσοφος"}, "φιλόσοφοσ"),
    ({"casefold": "①"}, "1"),
    ({"casefold": "a\u00adb"}, "ab"),
    ({"casefold": "\u212b"}, "å"),
    ({"casefold": "\u212b", "normalizer": "NFC"}, "Å"),
    ({"casefold": "A", "normalizer": "NFKD"}, "A"),
    ({"regexescape": "a.b"}, "\\Qa.b\\E"),
    ({"regexescape": ""}, "\\Q\\E"),
    ({"regexescape": "a\\Eb"}, "\\Qa\\E\\\\E\\Qb\\E"),
    ({"startswith": "abc", "search": ""}, True),
    ({"startswith": "abc", "search": "AB"}, False),
    ({"endswith": "abc", "search": "bc"}, True),
    ({"containsstr": "abc", "search": "b"}, True),
    ({"containsstrregex": "abc", "pattern": "^b"}, False),
    ({"containsstrregex": "a.c", "pattern": {"regexescape": "."}}, True),
    ({"findstr": "ABC", "find": "A", "start": 3}, 0),
    ({"findstr": "ABC", "find": "A", "start": 1}, -1),
    ({"findstr": "ABC", "find": "A", "start": -5}, 0),
    ({"findstr": "ABC", "find": "", "start": 2}, 2),
    ({"findstr": "a😀b", "find": "b"}, 2),
    (
        {"findstrregex": "fauna,graphql,serverless,database", "pattern": "^|$|database"},
        [
            {"start": 0, "end": 0, "data": ""},
            {"start": 25, "end": 32, "data": "database"},
            {"start": 33, "end": 33, "data": ""},
        ],
    ),
    ({"findstrregex": "abab", "pattern": "^ab", "start": 2}, [{"start": 2, "end": 3, "data": "ab"}]),
    ({"findstrregex": "aaa", "pattern": "a", "num_results": 1}, [{"start": 0, "end": 0, "data": "a"}]),
    ({"findstrregex": "aaa", "pattern": "a", "num_results": 0}, []),
    ({"findstrregex": "x😀", "pattern": "x."}, [{"start": 0, "end": 2, "data": "x😀"}]),
    ({"length": "a😀b"}, 3),
    ({"lowercase": "ΑΣ"}, "ας"),
    ({"uppercase": "ß ﬁ"}, "SS FI"),
    ({"titlecase": "don't stop"}, "Don't Stop"),
    ({"titlecase": "3rd street"}, "3rd Street"),
    ({"titlecase": "(hello)"}, "(Hello)"),
    ({"titlecase": "john-paul"}, "John-Paul"),
    ({"titlecase": "a.b c_d"}, "A.b C_d"),
    ({"titlecase": "ǆabc"}, "ǅabc"),
    ({"trim": "\t a\u00a0 "}, "a\u00a0"),
    ({"ltrim": " a "}, "a "),
    ({"rtrim": " a "}, " a"),
    ({"ngram": "apple"}, ["a", "ap", "p", "pp", "p", "pl", "l", "le", "e"]),
    ({"ngram": "apple", "min": 2, "max": 3}, ["ap", "app", "pp", "ppl", "pl", "ple", "le"]),
    ({"ngram": "abc", "min": 3, "max": 4}, ["abc"]),
    ({"ngram": ["ab", 1]}, ["a", "ab", "b", 1]),
    ({"repeat": "ab"}, "abab"),
    ({"repeat": "a", "number": 0}, ""),
    ({"repeat": "a", "number": 5000}, "a" * 1024),
    ({"replacestr": "ab", "find": "", "replace": "x"}, "xaxbx"),
    ({"replacestr": "aaa", "find": "aa", "replace": "b"}, "ba"),
    ({"replacestrregex": "one two", "pattern": "(o)", "replace": "$1$1"}, "oone twoo"),
    ({"replacestrregex": "one two", "pattern": "o", "replace": "0", "first": True}, "0ne two"),
    ({"replacestrregex": "ab", "pattern": "(a)", "replace": "$10"}, "a0b"),
    ({"space": 3}, "   "),
    ({"space": -1}, ""),
    ({"space": 5000}, " " * 1024),
    ({"substring": "ABCDEF", "start": 3}, "DEF"),
    ({"substring": "ABCDEF", "start": -2}, "EF"),
    ({"substring": "ABCDEF", "start": 2, "length": 2}, "CD"),
    ({"substring": "ABCDEF", "start": 2, "length": 0}, ""),
    ({"substring": "ABCDEF", "start": 6}, ""),
    ({"substring": "ABCDEF", "length": 99}, "ABCDEF"),
]


@pytest.mark.parametrize(("query", "result"), RESULTS, ids=[json.dumps(query)[:70] for query, _ in RESULTS])
def test_results(db, query, result):
    assert db.wire(json.dumps(query)) == result


TS = {"@ts": "1970-03-01T15:30:45.5Z"}
DATE = {"@date": "2020-03-01"}
FORMATS = [
    ("%d|%5d|%-5d|%05d|%,d", [5, 5, 5, 5, 1234567], "5|    5|5    |00005|1,234,567"),
    ("%(d|%+d|% d", [-5, 5, 5], "(5)|+5| 5"),
    ("%x %X %o %#x %#o", [-1, 255, 8, 255, 8], "ffffffffffffffff FF 10 0xff 010"),
    ("%.2f %.2f %.0f %f", [0.125, 1.005, 2.5, 1.0], "0.13 1.01 3 1.000000"),
    ("%,.1f", [1234567.89], "1,234,567.9"),
    ("%e %E", [12345.678, 0.0], "1.234568e+04 0.000000E+00"),
    ("%g %g %g", [0.0001234, 0.0, 1234567.891], "0.000123400 0.00000 1.23457e+06"),
    ("%s %S %5s|%-4s|%.2s", ["a", "b", None, True, "xyz"], "a B  null|true|xy"),
    ("%b %B %b", [None, 1, False], "false TRUE false"),
    ("%% %n", [], "% \n"),
    ("%99999999999%%99999999999n", [], "%\n"),
    ("%99999999999^|%99999999999t", [1, DATE], "1|2020-03-01"),
    ("%2$s %1$s %s", ["a", "b"], "b a a"),
    ("%^", [DATE], '{"@date":"2020-03-01"}'),
    (
        "%@ %^",
        [{"@ref": {"id": "collections"}}] * 2,
        '{"@ref":{"id":"classes"}} {"@ref":{"id":"collections"}}',
    ),
    ("%tF %tB %tA %tD %tj", [DATE] * 5, "2020-03-01 March Sunday 03/01/20 061"),
    ("%t %T", [TS, DATE], "1970-03-01T15:30:45.500Z 2020-03-01"),
    ("%tc|%tr|%tL|%tQ|%Tp", [TS] * 5, "Sun Mar 01 15:30:45 Z 1970|03:30:45 PM|500|5153445500|PM"),
]


@pytest.mark.parametrize(("text", "values", "result"), FORMATS)
def test_format(db, text, values, result):
    assert db.wire(json.dumps({"format": text, "values": values})) == result


BEYOND_THE_TEXT = "start must be less than or equal to the string length"

ERRORS = [
    ({"concat": ["a", 1]}, ["concat", 1], "String expected, Integer provided."),
    ({"concat": ["a"], "separator": None}, ["separator"], "String expected, Null provided."),
    ({"casefold": [[1]]}, ["casefold", 0], "Scalar expected, Array provided."),
    (
        {"casefold": "a", "normalizer": "NFX"},
        ["normalizer"],
        "String 'NFKCCaseFold', 'NFC', 'NFD', 'NFKC', or 'NFKD' expected, String provided.",
    ),
    (
        {"containsstrregex": "a", "pattern": "("},
        ["pattern"],
        "Search pattern /(/ is not a valid regular expression.",
    ),
    ({"containsstrregex": "a", "pattern": 1}, ["pattern"], "String expected, Integer provided."),
    ({"substring": "abc", "start": 4}, [], "start must be less than or equal to the string length"),
    ({"substring": "abc", "start": -4}, [], "start must be less than or equal to the string length"),
    ({"substring": "abc", "length": -1}, [], "length must be positive"),
    ({"ngram": "a", "min": 3}, [], "min ngram size must be > 0 and <= max"),
    ({"ngram": "a", "max": 1}, [], "max ngram size must be > 0 and >= min"),
    ({"ngram": "a", "max": 3}, [], "max ngram size must be <= min + 1"),
    ({"format": "100%", "values": []}, ["format"], "Invalid conversion format '%'."),
    ({"format": "%Z", "values": []}, ["format"], "Invalid conversion format '%Z'."),
    ({"format": "%2$ s", "values": [1, 2]}, ["format"], "Invalid conversion format '% s'."),
    ({"format": "%-d", "values": [1]}, ["format"], "Invalid conversion format '%-d'."),
    ({"format": "%.2d", "values": [1]}, ["format"], "Invalid conversion format '%.2d'."),
    ({"format": "%<s", "values": [1]}, ["format"], "Invalid conversion format '%<s'."),
    ({"format": "%d", "values": [1.0]}, ["values", 0], "Integer expected, Double provided."),
    ({"format": "%f", "values": 1}, ["values", 0], "Number expected, Integer provided."),
    ({"format": "%s", "values": [[1]]}, ["values", 0], "Cannot cast Array to String."),
    ({"format": "%t", "values": [1]}, ["values", 0], "Date or Time expected, Integer provided."),
    ({"format": "%tH", "values": [DATE]}, ["values", 0], "Invalid date/time suffix '%tH'."),
    (
        {"format": "%s %s", "values": [1]},
        ["format"],
        "format specifiers count must be <= arguments size",
    ),
    ({"format": "%3$s", "values": [1]}, ["format"], "index must be >= 1 and <= arguments size"),
    # Values are cast before they are counted.
    ({"format": "%s %d %d", "values": [1, "x"]}, ["values", 1], "Integer expected, String provided."),
    ({"format": "%2$s %1$d", "values": ["x"]}, ["values", 0], "Integer expected, String provided."),
    ({"format": "%3$s %d %s", "values": [1]}, ["format"], "index must be >= 1 and <= arguments size"),
    # Where the original fails inside: more than 32 bits, and more UTF-16 units than characters.
    ({"format": "%4294967296$s", "values": [1]}, ["format"], "index must be >= 1 and <= arguments size"),
    ({"findstr": "\U0001f600" * 3, "find": "x", "start": 4}, ["start"], BEYOND_THE_TEXT),
    ({"findstrregex": "\U0001f600" * 3, "pattern": "x", "start": 4}, ["start"], BEYOND_THE_TEXT),
]


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(e[0])[:70] for e in ERRORS]
)
def test_errors(db, query, position, description):
    error = db.error(json.dumps(query))
    assert (error["position"], error["code"], error["description"]) == (
        position,
        "invalid argument",
        description,
    )


def test_every_violated_ngram_rule_is_reported(db):
    _, errors = db.failure('{"ngram": "a", "min": 5, "max": -1}')
    assert [error["description"] for error in errors] == [
        "min ngram size must be > 0 and <= max",
        "max ngram size must be > 0",
    ]


def test_a_pathological_pattern_ends_in_time(db):
    status, _ = db.body(json.dumps({"containsstrregex": "a" * 40 + "!", "pattern": "(a|a|aa)+$"}))
    assert status in (200, 503)


@pytest.mark.parametrize(
    "query",
    [
        {"repeat": {"repeat": {"repeat": "a", "number": 1024}, "number": 1024}, "number": 1024},
        {"let": {"a": {"repeat": {"space": 1024}, "number": 1024}}, "in": {"concat": [{"var": "a"}] * 17}},
        {"replacestr": {"repeat": {"space": 1024}, "number": 1024}, "find": " ", "replace": "x" * 20},
    ],
)
def test_no_text_grows_beyond_what_a_transaction_may_hold(db, query):
    status, errors = db.failure(json.dumps(query))
    assert (status, errors[0]["code"]) == (400, "bad request")
    assert errors[0]["description"].startswith("Transaction exceeded limit: got ")


JAVA = [
    ("\\d+", "١2", "2"),
    ("(?i)É", "é", None),
    ("(?iu)É", "é", "é"),
    ("a.b", "a\u2028b", None),
    ("x$", "x\r\n", "x"),
    ("x\\z", "x\n", None),
    ("\\Qa.b\\E", "a.b", "a.b"),
    ("[a-z&&[^b]]+", "bac", "ac"),
    ("\\p{Lu}+", "abCD", "CD"),
    ("(?<n>a)\\k<n>", "aa", "aa"),
    ("a++b", "aaab", "aaab"),
    ("\\h+", "a \tb", " \t"),
    ("\\R", "a\r\nb", "\r\n"),
    ("]", "]", "]"),
]


@pytest.mark.parametrize(("pattern", "text", "found"), JAVA)
def test_the_dialect_is_javas(db, pattern, text, found):
    matches = db.wire(json.dumps({"findstrregex": text, "pattern": pattern, "num_results": 1}))
    assert [match["data"] for match in matches] == ([] if found is None else [found])


@pytest.mark.parametrize(
    "pattern",
    [
        "{",
        "a{",
        "a{2",
        "x{,3}",
        "(?#c)",
        "*",
        "a**",
        "(",
        "[",
        "\\",
        "\\y",
        "\\k<n>",
        "\\p{Nope}",
        "(?P<n>a)",
    ],
)
def test_what_java_rejects_is_rejected(db, pattern):
    error = db.error(json.dumps({"containsstrregex": "a", "pattern": pattern}))
    assert error["description"] == f"Search pattern /{pattern}/ is not a valid regular expression."
