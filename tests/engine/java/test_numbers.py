"""64-bit integers and doubles: wrapping, text, parsing and rounding."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.java import maths as javamath
from faunadb.engine.java import numbers as numeric

ANY_DOUBLE = st.floats(allow_nan=True, allow_infinity=True)
INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def same(left, right) -> bool:
    """Equal in type, value and sign of zero; NaN equals NaN."""
    return type(left) is type(right) and repr(left) == repr(right)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_double_reads_back(value):
    assert same(float(numeric.double_text(value)), value)


@given(st.floats(min_value=1e-3, max_value=2.0**53))
def test_digits_of_usual_doubles_are_the_shortest(value):
    digits, exponent = numeric.decimal_digits(value)
    assert float(f"{digits}E{exponent + 1 - len(digits)}") == value
    assert len(digits) <= len(repr(value).replace(".", "").replace("e+", ""))


@pytest.mark.parametrize(
    ("value", "cosine", "sine"),
    [
        (0.0, 1.0, 0.0),
        (-0.0, 1.0, -0.0),
        (1.0, 1.543080634815244, 1.1752011936438014),
        (-1.0, 1.543080634815244, -1.1752011936438014),
        (2.0, 3.7621956910836314, 3.626860407847019),
        (9.5, 6679.863452256851, 6679.86337740502),
        (19.0, 89241150.48159364, 89241150.48159364),
        (1000.0, math.inf, math.inf),
        (-1000.0, math.inf, -math.inf),
        (1e300, math.inf, math.inf),
        (math.inf, math.inf, math.inf),
        (math.nan, math.nan, math.nan),
    ],
)
def test_hyperbolic_functions(value, cosine, sine):
    assert same(javamath.cosh(value), cosine)
    assert same(javamath.sinh(value), sine)


@pytest.mark.parametrize(
    ("number", "wrapped"),
    [
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, -(2**63)),
        (-(2**63) - 1, 2**63 - 1),
        (2**64 + 5, 5),
        (-(2**64), 0),
    ],
)
def test_wrap64(number, wrapped):
    assert numeric.wrap64(number) == wrapped


@given(INT64, INT64)
def test_wrap64_is_arithmetic_modulo_two_to_the_64(left, right):
    product = numeric.wrap64(left * right)
    assert (product - left * right) % 2**64 == 0
    assert -(2**63) <= product < 2**63


@pytest.mark.parametrize(
    ("number", "low"), [(5, 5), (2**31, -(2**31)), (2**32 + 7, 7), (-(2**31) - 1, 2**31 - 1)]
)
def test_low32(number, low):
    assert numeric.low32(number) == low


@pytest.mark.parametrize(
    ("value", "long"),
    [
        (1.9, 1),
        (-1.9, -1),
        (math.nan, 0),
        (math.inf, 2**63 - 1),
        (-math.inf, -(2**63)),
        (1e300, 2**63 - 1),
        (3e9, 3_000_000_000),
        (-0.0, 0),
    ],
)
def test_truncation_saturates(value, long):
    assert numeric.double_to_long(value) == long


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (9999999.0, "9999999.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e7, "1.0E7"),
        (-1e7, "-1.0E7"),
        (9.99e-4, "9.99E-4"),
        (123456789.125, "1.23456789125E8"),
        (12345678.9, "1.23456789E7"),
        (1e15, "1.0E15"),
        (1e16, "1.0E16"),
        (1e21, "1.0E21"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "4.9E-324"),
        (1e-323, "1.0E-323"),
        (8e-323, "7.9E-323"),
        (2.0**-44, "5.6843418860808015E-14"),
        (2.0**-24, "5.9604644775390625E-8"),
        (1.811788429965137e16, "1.8117884299651368E16"),
        (2.0**55, "3.6028797018963968E16"),
        (1.9893547450041981e18, "1.98935474500419814E18"),
        (2.0**62, "4.6116860184273879E18"),
        (2.0**63, "9.223372036854776E18"),
        (8.41e21, "8.409999999999999E21"),
        (1e22, "1.0E22"),
        (1e23, "9.999999999999999E22"),
        (2e23, "1.9999999999999998E23"),
        (-2e23, "-1.9999999999999998E23"),
        (3.0501754282966814e25, "3.0501754282966813E25"),
        (1e-244, "1.0E-244"),
        (1e179, "1.0E179"),
        (1.5e-5, "1.5E-5"),
        (-2.5e-10, "-2.5E-10"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_text_of_doubles(value, text):
    assert numeric.double_text(value) == text
    expected_json = f'"{text}"' if text[-1] in "Ny" else text
    assert numeric.double_to_json(value) == expected_json


@given(ANY_DOUBLE)
def test_json_of_a_double_reads_back(value):
    back = json.loads(numeric.double_to_json(value))
    assert same(float(back), value)
    assert isinstance(back, float) or math.isnan(value) or math.isinf(value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12abc", 12),
        ("12", 12),
        ("1.0", 1),
        ("5.", 5),
        ("1,234.5", 1234.5),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1E3", 1000),
        ("1E-3", 0.001),
        ("1e3", 1),
        ("1E+3", 1),
        ("1 000", 1),
        ("1_000", 1),
        ("-0", -0.0),
        ("-0.0", -0.0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", 9.223372036854776e18),
        ("0x10", 0),
        ("1E400", math.inf),
        ("1E-400", 0.0),
        ("NaN", math.nan),
        ("NaNa", math.nan),
        ("∞", math.inf),
        ("-∞", -math.inf),
        ("  42 ", 42),
        (",5", 5),
        ("1,,2", 12),
        ("1,.5", 1.5),
        ("1,E3", 1000),
        ("1E-", 1),
        ("1E2E3", 100),
        ("1E2.5", 100),
        ("1.2,3", 1.2),
        ("9223372036854775807.0", 2**63 - 1),
        ("1E18", 10**18),
        ("1E19", 1e19),
        ("٣٤", 34),
        ("1E٣", 1000),
        ("1\U0001d7cf", 1),
        ("1E99999999999999999999", 1),
        ("1E4294967297", 10),
        ("150E-1", 15),
        ("0E400", 0),
        ("1E" + "9" * 9999, 1),
    ],
)
def test_parse_number(text, number):
    assert same(numeric.parse_number(text), number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-",
        "+12",
        "--5",
        "- 5",
        "(5)",
        "Infinity",
        ",",
        ".",
        "-.",
        "E3",
        ".E3",
        "-NaN",
        "\U0001d7cf",
    ],
)
def test_parse_number_refuses(text):
    assert numeric.parse_number(text) is None


@given(INT64)
def test_integers_parse_back(number):
    assert same(numeric.parse_number(str(number)), number)


@given(ANY_DOUBLE)
def test_doubles_parse_back(value):
    text = numeric.double_text(value).replace("Infinity", "∞")
    parsed = numeric.parse_number(text)
    assert same(float(parsed), value)


@pytest.mark.parametrize(
    ("value", "precision", "result"),
    [
        (-5.678, None, -5.67),
        (-5.672, 2, -5.66),
        (-2.7, 0, -2.0),
        (-556, -1, -550),
        (555.666, -2, 600.0),
        (49, -2, 0),
        (50, -2, 100),
        (2.5, 0, 3.0),
        (math.nan, 2, 0.0),
        (1e300, 2, 9.315605757223324e18),
        (7, None, 7),
        (7, 5, 7),
        (1.23456789, 12, 1.234567890052948),
        (5, -500, 0),
        (5.0, -500, 0.0),
        (1.5e300, -1, 9.223372036854775807e18),
    ],
)
def test_round(value, precision, result):
    assert same(numeric.round_number(value, precision), result)


@pytest.mark.parametrize(
    ("value", "precision", "result"),
    [
        (1234.5678, -1, 1230.0),
        (-1299, -2, -1200),
        (1.239, None, 1.23),
        (-1.239, 2, -1.23),
        (2**62 + 1, 0, 2**62),
        (7, 3, 7),
        (math.inf, 0, 9.223372036854775807e18),
        (1.5e300, -1, 9.223372036854775807e19),
        (5.0, -500, math.nan),
    ],
)
def test_trunc(value, precision, result):
    assert same(numeric.trunc_number(value, precision), result)


@given(st.one_of(INT64, ANY_DOUBLE), st.one_of(st.none(), st.integers(-1000, 1000)))
def test_rounding_keeps_the_type_and_never_fails(value, precision):
    assert type(numeric.round_number(value, precision)) is type(value)
    assert type(numeric.trunc_number(value, precision)) is type(value)


@pytest.mark.parametrize(
    ("left", "right", "quotient", "remainder"),
    [
        (-7, 2, -3, -1),
        (7, -2, -3, 1),
        (-(2**63), -1, -(2**63), 0),
        (-7.5, 2, -3.75, -1.5),
        (5, 0.5, 10.0, 0.0),
        (math.inf, 2, math.inf, math.nan),
        (3, math.inf, 0.0, 3.0),
    ],
)
def test_divide_and_modulo(left, right, quotient, remainder):
    assert same(numeric.divide(left, right), quotient)
    assert same(numeric.modulo(left, right), remainder)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
@pytest.mark.parametrize("operation", [numeric.divide, numeric.modulo])
@pytest.mark.parametrize("left", [1, 1.5])
def test_division_by_zero(operation, zero, left):
    with pytest.raises(ZeroDivisionError):
        operation(left, zero)


@pytest.mark.parametrize(
    ("base", "exponent", "result"),
    [
        (0.0, -1.0, math.inf),
        (-0.0, -1.0, -math.inf),
        (-0.0, -2.0, math.inf),
        (-8.0, 1 / 3, math.nan),
        (10.0, 400.0, math.inf),
        (-10.0, 401.0, -math.inf),
        (math.nan, 0.0, 1.0),
        (1.0, math.nan, math.nan),
        (-1.0, math.inf, math.nan),
        (2.0, 10.0, 1024.0),
        (0.0, -math.inf, math.inf),
        (9.0, 17.0, 16677181699666568.0),
        (17.0, 13.0, 9904578032905936.0),
        (-3.0, 3.0, -27.0),
        (10.0, 308.0, 1e308),
        (10.0, 309.0, math.inf),
        (-10.0, 309.0, -math.inf),
        (-0.0, 3.0, -0.0),
        (-0.0, 2.0, 0.0),
        (0.0, 0.0, 1.0),
        (1.0, math.inf, math.nan),
        (2.0, math.inf, math.inf),
        (0.5, math.inf, 0.0),
        (-math.inf, 3.0, -math.inf),
        (-math.inf, -3.0, -0.0),
        (1.0, 1e300, 1.0),
        (-1.0, 2.0**60, 1.0),
    ],
)
def test_power(base, exponent, result):
    assert same(numeric.power(base, exponent), result)


@given(ANY_DOUBLE, ANY_DOUBLE)
def test_power_never_fails(base, exponent):
    assert type(numeric.power(base, exponent)) is float


@pytest.mark.parametrize(
    ("value", "ceil", "floor"),
    [(-0.1, -0.0, -1.0), (0.1, 1.0, 0.0), (2.0, 2.0, 2.0), (math.inf, math.inf, math.inf), (math.nan,) * 3],
)
def test_ceil_and_floor(value, ceil, floor):
    assert same(numeric.ceil_double(value), ceil)
    assert same(numeric.floor_double(value), floor)
