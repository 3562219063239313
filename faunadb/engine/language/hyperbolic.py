"""Hyperbolic sine and cosine to the last digit of the original's (value functions, "Unary and small functions").

Java computes them from an exponential of its own (the one of the freely distributable math library), which differs from
the C library's in the last digit now and then: the cosine of 1 is 1.543080634815244.
"""

from __future__ import annotations

import math

_LN2 = math.log(2)
#: ln 2 in two parts: the first has few bits, so that its products are exact.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Of the rational approximation of the exponential between -ln 2 / 2 and ln 2 / 2, lowest power first.
_COEFFICIENTS = (
    1.66666666666666019037e-01,
    -2.77777777770155933842e-03,
    6.61375632143793436117e-05,
    -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)
#: From here on the negative exponential does not count any more, and there the positive one overflows.
_LARGE, _OVERFLOW = 22.0, 709.78


def _exp(value: float) -> float:
    """e to the power of a value from ln 2 / 2 to `_OVERFLOW`."""
    twos = 1 if value < 1.5 * _LN2 else int(value / _LN2 + 0.5)
    high, low = value - twos * _LN2_HIGH, twos * _LN2_LOW
    rest = high - low
    square = rest * rest
    series = 0.0
    for coefficient in reversed(_COEFFICIENTS):
        series = square * (coefficient + series)
    correction = rest - series
    return math.ldexp(1.0 - ((low - rest * correction / (2.0 - correction)) - high), twos)


def _half_exp(value: float) -> float:
    """Half of e to the power of a value from `_LARGE` on."""
    if value < _OVERFLOW:
        return 0.5 * _exp(value)
    if value > 2 * _OVERFLOW:
        return math.inf
    root = _exp(0.5 * value)
    return 0.5 * root * root


def cosh(value: float) -> float:
    """The hyperbolic cosine; infinity on overflow."""
    value = abs(value)
    if value != value or value >= _LARGE:
        return value if value != value else _half_exp(value)
    if value < 0.5 * _LN2:
        less_one = math.expm1(value)
        return 1.0 + less_one * less_one / (2.0 * (1.0 + less_one))
    power = _exp(value)
    return 0.5 * power + 0.5 / power


def sinh(value: float) -> float:
    """The hyperbolic sine; an infinity on overflow."""
    if value != value or value == 0:
        return value
    size = abs(value)
    if size >= _LARGE:
        return math.copysign(_half_exp(size), value)
    less_one = math.expm1(size)
    if size < 1:
        twice = 2.0 * less_one - less_one * less_one / (less_one + 1.0)
    else:
        twice = less_one + less_one / (less_one + 1.0)
    return math.copysign(0.5, value) * twice
