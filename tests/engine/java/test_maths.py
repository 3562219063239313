"""Functions of real numbers to the last digit (value functions, "Numbers"). The results are those of JDK 17."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.java import maths as javamath


@pytest.mark.parametrize(
    ("function", "value", "result"),
    [
        (javamath.atan, 2.4, 1.1760052070951352),
        (javamath.atan, 3.141592653589793, 1.2626272556789115),
        (javamath.atan, 0.3, 0.2914567944778671),
        (javamath.atan, -0.6, -0.5404195002705842),
        (javamath.atan, 1e-10, 1e-10),
        (javamath.atan, 1e300, 1.5707963267948966),
        (javamath.asin, 0.5, 0.5235987755982989),
        (javamath.asin, 0.98, 1.3704614844717768),
        (javamath.asin, -0.7, -0.775397496610753),
        (javamath.asin, 0.1, 0.1001674211615598),
        (javamath.asin, -1.0, -1.5707963267948966),
        (javamath.asin, 1e-09, 1e-09),
        (javamath.acos, -0.7, 2.34619382340565),
        (javamath.acos, 0.7, 0.7953988301841436),
        (javamath.acos, 0.3, 1.2661036727794992),
        (javamath.acos, 0.0, 1.5707963267948966),
        (javamath.acos, -1.0, 3.141592653589793),
        (javamath.acos, 1.0, 0.0),
        (javamath.atan, 0.0, 0.0),
        (javamath.atan, -0.0, -0.0),
        (javamath.atan, math.inf, 1.5707963267948966),
        (javamath.atan, -math.inf, -1.5707963267948966),
        (javamath.atan, math.nan, math.nan),
        (javamath.asin, -0.0, -0.0),
        (javamath.sinh, 1e-9, 1e-09),
    ],
)
def test_functions(function, value, result):
    assert repr(function(value)) == repr(result)


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        (3.0, 4.0, 5.0),
        (1.0, 1.0, 1.4142135623730951),
        (0.1, 0.2, 0.22360679774997896),
        (1e300, 1e300, 1.4142135623730952e300),
        (1e308, 1e308, 1.4142135623730951e308),
        (1e-310, 1e-310, 1.4142135623731e-310),
        (5e-324, 0.0, 5e-324),
        (1.0, 1e-20, 1.0),
        (123.456, -7.89, 123.70786569980099),
        (math.nan, math.inf, math.inf),
        (-math.inf, math.nan, math.inf),
        (math.nan, 1.0, math.nan),
        (1e308, 1.7e308, math.inf),
        (0.0, -0.0, 0.0),
    ],
)
def test_hypot(a, b, result):
    assert repr(javamath.hypot(a, b)) == repr(javamath.hypot(b, -a)) == repr(result)


@given(st.floats(-1, 1))
def test_arcs_are_near_the_c_librarys(value):
    for name in ("asin", "acos", "atan"):
        assert math.isclose(getattr(javamath, name)(value), getattr(math, name)(value), rel_tol=1e-15)


@given(st.floats(-700, 700))
def test_hyperbolic_functions_are_near_the_c_librarys(value):
    assert math.isclose(javamath.cosh(value), math.cosh(value), rel_tol=1e-14)
    assert math.isclose(javamath.sinh(value), math.sinh(value), rel_tol=1e-14)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_hypot_is_near_the_c_librarys(a, b):
    expected = math.hypot(a, b)
    assert math.isclose(javamath.hypot(a, b), expected, rel_tol=1e-15) or math.isinf(expected)
