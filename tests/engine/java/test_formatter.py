"""The specifiers of ``format`` (value functions, "format"). The results in the tables are those of Java's Formatter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.functions.conversions import text_of
from faunadb.engine.java import formatter as textformat
from faunadb.engine.java.formatter import InvalidFormat, InvalidSuffix, Specifier, WrongValue
from faunadb.engine.java.times import Date, parse_date, parse_time

INF, NAN = float("inf"), float("nan")


def printed(text, *values):
    """What a format string prints, each specifier taking the next value."""
    left = iter(values)
    result = []
    for part in textformat.parse(text):
        if isinstance(part, Specifier):
            part.check()
            result.append(textformat.show(part, next(left), text_of))
        else:
            result.append(part)
    return "".join(result)


PRINTED = [
    ('%d', 5, '5'),
    ('%5d', -5, '   -5'),
    ('%-5d|', 5, '5    |'),
    ('%05d', -5, '-0005'),
    ('%,d', -1234567, '-1,234,567'),
    ('%(d', -5, '(5)'),
    ('%(8d', -5, '     (5)'),
    ('%0(8d', -5, '(000005)'),
    ('%+d', 5, '+5'),
    ('% d', 5, ' 5'),
    ('%+d', -5, '-5'),
    ('%,015d', 1234567, '0000001,234,567'),
    ('%d', -9223372036854775808, '-9223372036854775808'),
    ('%x', -1, 'ffffffffffffffff'),
    ('%X', 255, 'FF'),
    ('%#x', 255, '0xff'),
    ('%#X', 255, '0XFF'),
    ('%#08x', 255, '0x0000ff'),
    ('%010x', 255, '00000000ff'),
    ('%-6x|', 255, 'ff    |'),
    ('%o', 8, '10'),
    ('%#o', 8, '010'),
    ('%o', -8, '1777777777777777777770'),
    ('%#8o', 8, '     010'),
    ('%f', 1.0, '1.000000'),
    ('%.2f', 0.125, '0.13'),
    ('%.2f', 1.005, '1.01'),
    ('%.0f', 2.5, '3'),
    ('%.0f', 0.5, '1'),
    ('%.0f', 1.5, '2'),
    ('%#.0f', 1.0, '1.'),
    ('%.3f', -0.0005, '-0.001'),
    ('%.1f', -0.04, '-0.0'),
    ('%f', -0.0, '-0.000000'),
    ('%,.1f', 1234567.89, '1,234,567.9'),
    ('%010.2f', -3.14159, '-000003.14'),
    ('%(.2f', -2.5, '(2.50)'),
    ('%+.2f', 2.5, '+2.50'),
    ('% .2f', 2.5, ' 2.50'),
    ('%-10.2f|', 2.5, '2.50      |'),
    ('%,012.1f', 1234567.0, '01,234,567.0'),
    ('%f', 1e+20, '100000000000000000000.000000'),
    ('%f', 2e+23, '199999999999999980000000.000000'),
    ('%.1f', 5e-324, '0.0'),
    ('%f', NAN, 'NaN'),
    ('%f', INF, 'Infinity'),
    ('%+f', INF, '+Infinity'),
    ('%(f', -INF, '(Infinity)'),
    ('%08f', INF, 'Infinity'),
    ('%08f', NAN, '     NaN'),
    ('%10f', -INF, ' -Infinity'),
    ('%.20f', 0.1, '0.10000000000000000000'),
    ('%.3f', 1e-10, '0.000'),
    ('%e', 12345.678, '1.234568e+04'),
    ('%E', 0.0, '0.000000E+00'),
    ('%.0e', 12345.0, '1e+04'),
    ('%#.0e', 12345.0, '1.e+04'),
    ('%e', 1e+100, '1.000000e+100'),
    ('%e', -1e-100, '-1.000000e-100'),
    ('%.2e', 9999000000.0, '1.00e+10'),
    ('%.3e', 5e-324, '4.900e-324'),
    ('%015e', 1.5, '0001.500000e+00'),
    ('%(e', -1.5, '(1.500000e+00)'),
    ('%+E', INF, '+INFINITY'),
    ('%E', NAN, 'NAN'),
    ('%g', 0.0001234, '0.000123400'),
    ('%g', 0.0, '0.00000'),
    ('%g', 1234567.891, '1.23457e+06'),
    ('%g', 123456.0, '123456'),
    ('%g', 999999.5, '1.00000e+06'),
    ('%g', 99999.95, '100000'),
    ('%.0g', 5.0, '5'),
    ('%.3g', 9.999e-05, '0.000100'),
    ('%.3g', 0.0001, '0.000100'),
    ('%.3g', 999.9, '1.00e+03'),
    ('%,g', 123456.0, '123,456'),
    ('%,g', 10000000000.0, '1.00000e+10'),
    ('%G', 1e-10, '1.00000E-10'),
    ('%(g', -1.5, '(1.50000)'),
    ('%+g', 1.5, '+1.50000'),
    ('%010g', 1.5, '0001.50000'),
    ('%g', -0.0, '-0.00000'),
    ('%.10g', 1000000000.0, '1000000000'),
    ('%G', -INF, '-INFINITY'),
    ('%s', 'a', 'a'),
    ('%5s', 'ab', '   ab'),
    ('%-5s|', 'ab', 'ab   |'),
    ('%.2s', 'abc', 'ab'),
    ('%5.2s', 'abc', '   ab'),
    ('%S', 'a\xdf', 'ASS'),
    ('%5s', '\U0001f44d', '   \U0001f44d'),  # width and precision count UTF-16 units
    ('%-5S|', '\U0001f44da', '\U0001f44dA  |'),
    ('%.3s', '\U0001f44dab', '\U0001f44da'),
    ('%.1s', '\U0001f44dab', '\ud83d'),
    ('%5S', 'a\xdf', '  ASS'),
    ('%.1S', '\xdfa', 'SS'),
    ('%.0s', 'abc', ''),
    ('%b', True, 'true'),
    ('%B', False, 'FALSE'),
    ('%7b', True, '   true'),
    ('%-7b|', False, 'false  |'),
    ('%.2b', True, 'tr'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "result"), PRINTED)
def test_printed(text, value, result):
    assert printed(text, value) == result


#: Flags that do not go with a conversion, with each other, or without a width; _ is a space.
MISMATCHED = """%-d %0d %-05d %+_d %++d %.2d %#d %<d %,x %+x %_x %(x %.1x %<x %+o %,o %.1o %,e %#g %-f %0f %,,f %<f %+s %0s
%05s %,s %(s %#s %_s %-s %<s %+b %-b %05b %#b %-tF %05tF %+tF %.2tF %<tF %,tF""".split("\n")


@pytest.mark.parametrize("text", [spec.replace("_", " ") for line in MISMATCHED for spec in line.split()])
def test_flags_that_do_not_fit(text):
    (spec,) = [part for part in textformat.parse(text) if isinstance(part, Specifier)]
    with pytest.raises(InvalidFormat, match=f"^{re.escape(text)}$"):
        spec.check()


@pytest.mark.parametrize(
    "text",
    ["%", "100%", "%Z", "%a", "%A", "%h", "%H", "%c", "%C", "%i", "%u", "%D", "%O", "%F", "%N", "%5", "%-", "%1$", "%.3",
     "% ", "%05.2", "%é", "%=s", "%*d"],
)  # fmt: skip
def test_what_is_no_specifier_is_named_whole(text):
    with pytest.raises(InvalidFormat):
        textformat.parse(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("100%", "%"),
        ("%Z and %s", "%Z"),
        ("%s %2$-5Q!", "%2$-5Q"),
        ("%1$", "%1$"),
        ("% ", "% "),
        ("%5.é", "%5"),
    ],
)
def test_the_first_unknown_specifier_is_named_as_written(text, name):
    with pytest.raises(InvalidFormat) as caught:
        textformat.parse(text)
    assert str(caught.value) == name


@pytest.mark.parametrize(
    ("text", "place", "source"),
    [("%2$s", 2, "%s"), ("%0$s", 0, "%s"), ("%12$-5.2s", 12, "%-5.2s"), ("%s", 0, "%s")],
)
def test_the_index_is_not_part_of_the_specifiers_text(text, place, source):
    spec = textformat.parse(text)[1]
    assert (spec.place, spec.source) == (place, source)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("plain", ["plain"]),
        ("a%%b", ["a", "%%", "b"]),
        ("%s%s", ["", "%s", "", "%s", ""]),
        ("100% sure", ["100", "% s", "ure"]),
        ("%5%|%-n", ["", "%5%", "|", "%-n", ""]),
        ("%tFx", ["", "%tF", "x"]),
        ("%t x", ["", "%t", " x"]),
        ("%t", ["", "%t", ""]),
    ],
)
def test_parts(text, parts):
    assert [part.source if isinstance(part, Specifier) else part for part in textformat.parse(text)] == parts


#: suffix, and its text for each of MOMENTS
TIMES = [
    ('B', ['March', 'February', 'January', 'June']),
    ('b', ['Mar', 'Feb', 'Jan', 'Jun']),
    ('h', ['Mar', 'Feb', 'Jan', 'Jun']),
    ('A', ['Sunday', 'Tuesday', 'Sunday', 'Thursday']),
    ('a', ['Sun', 'Tue', 'Sun', 'Thu']),
    ('C', ['19', '20', '00', '123']),
    ('y', ['70', '00', '06', '45']),
    ('Y', ['1970', '2000', '0006', '12345']),
    ('d', ['01', '29', '01', '07']),
    ('e', ['1', '29', '1', '7']),
    ('m', ['03', '02', '01', '06']),
    ('j', ['060', '060', '001', '158']),
    ('D', ['03/01/70', '02/29/00', '01/01/06', '06/07/45']),
    ('F', ['1970-03-01', '2000-02-29', '0006-01-01', '12345-06-07']),
    ('H', ['15', '00', '01', '13']),
    ('I', ['03', '12', '01', '01']),
    ('k', ['15', '0', '1', '13']),
    ('l', ['3', '12', '1', '1']),
    ('M', ['30', '00', '02', '00']),
    ('S', ['45', '00', '03', '00']),
    ('L', ['123', '000', '000', '000']),
    ('p', ['pm', 'am', 'am', 'pm']),
    ('z', ['+0000', '+0000', '+0000', '+0000']),
    ('Z', ['Z', 'Z', 'Z', 'Z']),
    ('s', ['5153445', '951782400', '-62324981877', '327416994000']),
    ('Q', ['5153445123', '951782400000', '-62324981877000', '327416994000000']),
    ('R', ['15:30', '00:00', '01:02', '13:00']),
    ('T', ['15:30:45', '00:00:00', '01:02:03', '13:00:00']),
    ('r', ['03:30:45 PM', '12:00:00 AM', '01:02:03 AM', '01:00:00 PM']),
    ('c', ['Sun Mar 01 15:30:45 Z 1970', 'Tue Feb 29 00:00:00 Z 2000', 'Sun Jan 01 01:02:03 Z 0006', 'Thu Jun 07 13:00:00 Z 12345']),
]  # fmt: skip
MOMENTS = [
    "1970-03-01T15:30:45.123456789Z",
    "2000-02-29T00:00:00Z",
    "-0005-01-01T01:02:03Z",
    "+12345-06-07T13:00:00Z",
]


@pytest.mark.parametrize(("suffix", "texts"), TIMES)
def test_times(suffix, texts):
    for moment, text in zip(MOMENTS, texts):
        time = parse_time(moment)
        assert printed("%t" + suffix, time) == text
        assert printed("%T" + suffix, time) == text.upper()
        assert printed("%40t" + suffix, time) == text.rjust(40)
        assert printed("%-40t" + suffix, time) == text.ljust(40)
        if suffix in "BbhAaCyYdemjDF":
            date = parse_date(moment.partition("T")[0])
            assert printed("%t" + suffix, date) == text
        else:
            with pytest.raises(InvalidSuffix, match=f"%t{suffix}"):
                printed("%t" + suffix, Date(0))


def test_nanoseconds_ignore_the_width():
    assert printed("%20tN|%-20TN", *[parse_time(MOMENTS[0])] * 2) == "123456789|123456789"


def test_without_suffix_the_iso_text_whatever_the_width():
    assert (
        printed("%t %T %30t", parse_time(MOMENTS[0]), Date(0), Date(0))
        == f"{MOMENTS[0]} 1970-01-01 1970-01-01"
    )


@pytest.mark.parametrize("suffix", "EfgGiJKnOoPquUvVwWxX")
def test_unknown_suffixes(suffix):
    with pytest.raises(InvalidSuffix, match=f"^%t{suffix}$"):
        printed("%t" + suffix, parse_time(MOMENTS[0]))


@pytest.mark.parametrize(
    ("conversion", "expected", "good"),
    [("d", "Integer", 1), ("x", "Integer", 1), ("X", "Integer", 1), ("o", "Integer", 1),
     ("f", "Number", 1.0), ("e", "Number", 1.0), ("E", "Number", 1.0), ("g", "Number", 1.0), ("G", "Number", 1.0),
     ("t", "Date or Time", Date(0)), ("TF", "Date or Time", Date(0))],
)  # fmt: skip
def test_values_of_another_type(conversion, expected, good):
    printed("%" + conversion, good)
    for bad in (1, 1.0, True, None, "1", b"1", [1], {"a": 1}):
        if type(bad) is not type(good):
            with pytest.raises(WrongValue, match=f"^{expected}$"):
                printed("%" + conversion, bad)


@pytest.mark.parametrize(
    ("text", "value", "start", "length"),
    [
        ("%.3000f", 1.5, "1.5000", 3002),
        ("%.3000f", 1e300, "1000000", 3302),
        ("%.3000f", 5e-324, "0.0000", 3002),
        ("%,.3000f", 1e6, "1,000,000.000", 3010),
        ("%.3000e", 1.5e-300, "1.5000", 3007),
        ("%.5000g", 1e300, "10000", 5001),
        ("%.5000g", 0.5, "0.5000", 5002),
        ("%.5000g", 0.0, "0.0000", 5001),
        ("%.1000e", 0.0, "0.0000", 1006),
        ("%5000d", 1, "     ", 5000),
    ],
)
def test_long_numbers(text, value, start, length):
    result = printed(text, value)
    assert (result[: len(start)], len(result)) == (start, length)


def test_numbers_of_a_specifier_may_have_any_number_of_digits():
    (spec,) = [part for part in textformat.parse(f"%{'9' * 5000}$0{'8' * 5000}.{'7' * 5000}d") if part]
    assert min(spec.place, spec.width, spec.precision) == 10**18
    assert textformat.parse(f"%{'0' * 5000}1$d")[1].place == 1


@given(st.integers(-(2**63), 2**63 - 1))
def test_hexadecimal_and_octal_are_of_64_bits(number):
    assert int(printed("%x", number), 16) == int(printed("%o", number), 8) == number % 2**64


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(17, 30))
def test_enough_digits_give_the_number_back(number, digits):
    assert float(printed(f"%.{digits}e", number)) == number
