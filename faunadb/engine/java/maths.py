"""Functions that Java computes by the freely distributable math library, to its last digit (value functions, "Numbers").

The C library's results differ from these in the last digit now and then: the hyperbolic cosine of 1 is
1.543080634815244 here. Sine, cosine, tangent, exponential, logarithms and powers are the processor's own in Java; they
are the C library's here, which agrees but for a last digit in a hundred or a thousand.
"""

from __future__ import annotations

import math
import struct

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
#: Above the first, the exponential of the negative value is too small to matter; above the second, e^x overflows.
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
    size = abs(value)
    if value != value or size < 2.0**-28:
        return value
    if size >= _LARGE:
        return math.copysign(_half_exp(size), value)
    less_one = math.expm1(size)
    if size < 1:
        twice = 2.0 * less_one - less_one * less_one / (less_one + 1.0)
    else:
        twice = less_one + less_one / (less_one + 1.0)
    return math.copysign(0.5, value) * twice


# Arc functions

_PI = math.pi
_HALF_PI, _HALF_PI_LOW = 1.57079632679489655800e00, 6.12323399573676603587e-17
_QUARTER_PI = 7.85398163397448278999e-01

#: Arc tangents of 1/2, 1, 3/2 and infinity; then the part of each that does not fit into the double.
_ATAN_HIGH = (4.63647609000806093515e-01, _QUARTER_PI, 9.82793723247329054082e-01, _HALF_PI)
_ATAN_LOW = (2.26987774529616870924e-17, 3.06161699786838301793e-17, 1.39033110312309984516e-17, _HALF_PI_LOW)
_ATAN_EVEN = (
    3.33333333333329318027e-01,
    1.42857142725034663711e-01,
    9.09088713343650656196e-02,
    6.66107313738753120669e-02,
    4.97687799461593236017e-02,
    1.62858201153657823623e-02,
)
_ATAN_ODD = (
    -1.99999999998764832476e-01,
    -1.11111104054623557880e-01,
    -7.69187620504482999495e-02,
    -5.83357013379057348645e-02,
    -3.65315727442169155270e-02,
)
_ASIN_OVER = (
    1.66666666666666657415e-01,
    -3.25565818622400915405e-01,
    2.01212532134862925881e-01,
    -4.00555345006794114027e-02,
    7.91534994289814532176e-04,
    3.47933107596021167570e-05,
)
_ASIN_UNDER = (
    1.0,
    -2.40339491173441421878e00,
    2.02094576023350569471e00,
    -6.88283971605453293030e-01,
    7.70381505559019352791e-02,
)
#: From here on (about 0.975) the arc sine uses another formula.
_ASIN_STEEP = struct.unpack(">d", b"\x3f\xef\x33\x33\0\0\0\0")[0]


def _series(coefficients: tuple[float, ...], value: float) -> float:
    result = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = coefficient + value * result
    return result


def _rounded(value: float) -> float:
    """A value without its low 32 bits, so that its square is exact."""
    return float(struct.unpack(">d", struct.pack(">d", value)[:4] + bytes(4))[0])


def atan(value: float) -> float:
    """The arc tangent."""
    if value != value:
        return value
    size = abs(value)
    if size >= 2.0**66:
        return math.copysign(_HALF_PI, value)
    if size < 2.0**-29:
        return value
    if size < 0.4375:
        return value - value * _atan_series(value)
    if size < 0.6875:
        place, rest = 0, (2.0 * size - 1.0) / (2.0 + size)
    elif size < 1.1875:
        place, rest = 1, (size - 1.0) / (size + 1.0)
    elif size < 2.4375:
        place, rest = 2, (size - 1.5) / (1.0 + 1.5 * size)
    else:
        place, rest = 3, -1.0 / size
    result = _ATAN_HIGH[place] - ((rest * _atan_series(rest) - _ATAN_LOW[place]) - rest)
    return math.copysign(result, value)


def _atan_series(value: float) -> float:
    square = value * value
    fourth = square * square
    return square * _series(_ATAN_EVEN, fourth) + fourth * _series(_ATAN_ODD, fourth)


def _asin_ratio(square: float) -> float:
    return square * _series(_ASIN_OVER, square) / _series(_ASIN_UNDER, square)


def asin(value: float) -> float:
    """The arc sine of a value from -1 to 1."""
    size = abs(value)
    if size == 1:
        return value * _HALF_PI + value * _HALF_PI_LOW
    if size < 2.0**-27:
        return value
    if size < 0.5:
        return value + value * _asin_ratio(value * value)
    half = (1.0 - size) * 0.5
    ratio, root = _asin_ratio(half), math.sqrt(half)
    if size >= _ASIN_STEEP:
        return math.copysign(_HALF_PI - (2.0 * (root + root * ratio) - _HALF_PI_LOW), value)
    short = _rounded(root)
    correction = (half - short * short) / (root + short)
    lost = 2.0 * root * ratio - (_HALF_PI_LOW - 2.0 * correction)
    return math.copysign(_QUARTER_PI - (lost - (_QUARTER_PI - 2.0 * short)), value)


def acos(value: float) -> float:
    """The arc cosine of a value from -1 to 1."""
    if value == 1:
        return 0.0
    if value == -1:
        return _PI + 2.0 * _HALF_PI_LOW
    if abs(value) <= 2.0**-57:
        return _HALF_PI + _HALF_PI_LOW
    if abs(value) < 0.5:
        return _HALF_PI - (value - (_HALF_PI_LOW - value * _asin_ratio(value * value)))
    half = (1.0 - abs(value)) * 0.5
    ratio, root = _asin_ratio(half), math.sqrt(half)
    if value < 0:
        return _PI - 2.0 * (root + (ratio * root - _HALF_PI_LOW))
    short = _rounded(root)
    correction = (half - short * short) / (root + short)
    return 2.0 * (short + (ratio * root + correction))


def hypot(a: float, b: float) -> float:
    """The hypotenuse over two sides."""
    if math.isinf(a) or math.isinf(b):
        return math.inf
    if a != a or b != b:
        return math.nan
    longer, shorter = max(abs(a), abs(b)), min(abs(a), abs(b))
    if shorter == 0 or math.frexp(longer)[1] - math.frexp(shorter)[1] > 60:
        return longer + shorter
    scale = -600 if longer >= 2.0**500 else 600 if shorter < 2.0**-500 else 0
    if scale:
        return _scaled(hypot(math.ldexp(longer, scale), math.ldexp(shorter, scale)), -scale)
    difference = longer - shorter
    if difference > shorter:
        short = _rounded(longer)
        lost = longer - short
        return math.sqrt(short * short - (shorter * -shorter - lost * (longer + short)))
    twice = longer + longer
    short, short_twice = _rounded(shorter), _rounded(twice)
    products = short_twice * (shorter - short) + (twice - short_twice) * shorter
    return math.sqrt(short_twice * short - (difference * -difference - products))


def _scaled(value: float, power: int) -> float:
    try:
        return math.ldexp(value, power)
    except OverflowError:
        return math.inf
