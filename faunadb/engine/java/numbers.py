"""Integers of 64 bits and IEEE doubles: wrapping, conversion, text and rounding.

Rules: value functions, "Numeric model", "Numbers" and "Conversion". Integers are Python ``int`` within int64,
doubles Python ``float``; nothing here accepts ``bool``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Optional, Union

from .digits import decimal_digits

Number = Union[int, float]

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
_MASK64 = 2**64 - 1


def wrap64(number: int) -> int:
    """``number`` modulo 2^64 as a signed 64-bit integer."""
    if INT64_MIN <= number <= INT64_MAX:
        return number
    number &= _MASK64
    return number - 2**64 if number > INT64_MAX else number


def low32(number: int) -> int:
    """The low 32 bits of ``number`` as a signed integer."""
    if INT32_MIN <= number <= INT32_MAX:
        return number
    number &= 0xFFFFFFFF
    return number - 2**32 if number > INT32_MAX else number


def double_to_long(value: float) -> int:
    """Truncation toward zero to int64: NaN gives 0, values out of range the nearest limit."""
    if value != value:
        return 0
    if value >= INT64_MAX:
        return INT64_MAX
    if value <= INT64_MIN:
        return INT64_MIN
    return int(value)


def to_long(value: Number) -> int:
    """An integer as it is, a double truncated (:func:`double_to_long`)."""
    return value if type(value) is int else double_to_long(value)


# Text of doubles


def double_text(value: float) -> str:
    """The text of a double: ``1.0``, ``0.001``, ``1.0E7``, ``9.99E-4``, ``NaN``, ``Infinity``.

    The digits are Java's (`decimal_digits`).
    """
    text = repr(value)
    if 1e-3 <= value < 1e7 or -1e7 < value <= -1e-3 or value == 0.0:
        return text
    return _special_text(value, text)


def _special_text(value: float, text: str) -> str:
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if text[0] == "-" else ""
    digits, exponent = decimal_digits(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def double_to_json(value: float) -> str:
    """A double as JSON: its text; NaN and the infinities as JSON strings."""
    if 1e-3 <= value < 1e7 or -1e7 < value <= -1e-3 or value == 0.0:
        return repr(value)
    text = _special_text(value, repr(value))
    return f'"{text}"' if text[-1] in "Ny" else text


def number_text(value: Number) -> str:
    """The text of an integer or a double."""
    return str(value) if type(value) is int else double_text(value)


# Text to number

_NUMBER = r"(-?)([\d,]*)(?:\.(\d*))?(?:(?<=[\d,.])E(-?\d+))?"
_BLANKS = "".join(map(chr, range(0x21)))


def parse_number(text: str) -> Optional[Number]:
    """The number at the start of ``text``; what follows it is ignored. None when there is no number at the start.

    An integer when the value is integral, fits 64 bits and is not negative zero; else a double. Rules: value
    functions, "String to number".
    """
    text = text.strip(_BLANKS)
    if text.startswith("NaN"):
        return math.nan
    if text.startswith("\u221e"):
        return math.inf
    if text.startswith("-\u221e"):
        return -math.inf
    match = re.match(_NUMBER, _bmp_prefix(text))
    if match is None:
        return None
    sign, whole, fraction, power = match.groups()
    whole = _ascii_digits(whole.replace(",", ""))
    fraction = _ascii_digits(fraction or "")
    if not whole and not fraction:
        return None
    return _assemble(bool(sign), whole, fraction, _exponent(_ascii_digits(power or "")))


def _exponent(text: str) -> int:
    digits = text.lstrip("-0")
    if not digits or len(digits) > 19:
        return 0  # Fauna ignores an exponent that does not fit 64 bits
    exponent = -int(digits) if text[0] == "-" else int(digits)
    return low32(exponent) if INT64_MIN <= exponent <= INT64_MAX else 0


def _bmp_prefix(text: str) -> str:
    # Fauna does not take digits outside the basic plane for digits.
    if text.isascii():
        return text
    for index, char in enumerate(text):
        if char > "\uffff":
            return text[:index]
    return text


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char if char == "-" else str(unicodedata.digit(char)) for char in text)


def _assemble(negative: bool, whole: str, fraction: str, exponent: int) -> Number:
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return -0.0 if negative else 0
    # The place of the decimal point wraps at 32 bits.
    power = low32(exponent + len(digits) - len(fraction)) - len(digits)
    stripped = digits.rstrip("0")
    power += len(digits) - len(stripped)
    if power >= 0 and len(stripped) + power <= 19:
        value: int = int(stripped) * 10**power
        value = -value if negative else value
        if INT64_MIN <= value <= INT64_MAX:
            return value
    return float(f"{'-' if negative else ''}{stripped}E{power}")


# Rounding


def _power_of_ten(precision: int) -> float:
    return math.pow(10.0, max(precision, -400))


def _scale_back(scaled: int, power: float) -> float:
    if power:
        return scaled / power
    return math.nan if scaled == 0 else math.copysign(math.inf, scaled)


def round_number(value: Number, precision: Optional[int]) -> Number:
    """``round``: to ``precision`` decimals (default 2 for doubles; negative: tens, hundreds).

    Adds a half, then truncates toward zero, in double arithmetic, as the rule says.
    """
    if type(value) is int:
        if precision is None or precision > 0:
            return value
        power = _power_of_ten(precision)
        return double_to_long(_scale_back(double_to_long(value * power + 0.5), power))
    if precision is None:
        precision = 2
    if precision > 0:
        scale = _decimal_scale(precision)
        whole = double_to_long(value)
        return whole + double_to_long((value - whole + 0.5 / scale) * scale) / scale
    power = _power_of_ten(precision)
    return float(double_to_long(_scale_back(double_to_long(value * power + 0.5), power)))


def trunc_number(value: Number, precision: Optional[int]) -> Number:
    """``trunc``: as :func:`round_number`, cutting instead of rounding.

    But what is divided by the power again is not cut: beyond 64 bits, ``trunc`` of a double goes further than ``round``.
    """
    if type(value) is int:
        if precision is None or precision > 0:
            return value
        power = _power_of_ten(precision)
        return double_to_long(_scale_back(double_to_long(value * power), power))
    if precision is None:
        precision = 2
    if precision > 0:
        scale = _decimal_scale(precision)
        whole = double_to_long(value)
        return whole + double_to_long((value - whole) * scale) / scale
    power = _power_of_ten(precision)
    return _scale_back(double_to_long(value * power), power)


def _decimal_scale(precision: int) -> int:
    return INT32_MAX if precision >= 10 else 10**precision


# Arithmetic that IEEE defines and Python raises for


def divide(left: Number, right: Number) -> Number:
    """The quotient: of integers truncated toward zero (its only overflow wraps), else as IEEE has it.

    Raises ZeroDivisionError for any zero divisor.
    """
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return wrap64(quotient if (left < 0) == (right < 0) else -quotient)
    return float(left) / float(right)


def modulo(left: Number, right: Number) -> Number:
    """The remainder, with the dividend's sign; of doubles that of C's fmod. Raises ZeroDivisionError for a zero divisor."""
    if type(left) is int and type(right) is int:
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    if right == 0:
        raise ZeroDivisionError("modulo by zero")
    if math.isinf(left) or left != left or right != right:
        return math.nan
    return math.fmod(left, right)


def power(base: float, exponent: float) -> float:
    """``base`` to the ``exponent`` as an IEEE double, never an error: 0^-1 is Infinity, -8^(1/3) NaN."""
    if exponent == 0:
        return 1.0
    if exponent != exponent or (math.isinf(exponent) and abs(base) == 1):
        return math.nan
    if 1 < exponent <= 1100 and exponent.is_integer() and base.is_integer() and 0 < abs(base) < 2**53:
        return _whole_power(int(base), int(exponent))
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and math.fmod(exponent, 2) != 0 else math.inf
    except ValueError:
        if base != 0:
            return math.nan
        odd = math.isfinite(exponent) and math.fmod(abs(exponent), 2) == 1
        return math.copysign(math.inf, base) if odd else math.inf


def _whole_power(base: int, exponent: int) -> float:
    """The double nearest to a power of whole numbers. (C's pow does not always give the nearest.)"""
    try:
        return float(base**exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 else math.inf


def ceil_double(value: float) -> float:
    """The least integral double not below ``value``; -0.1 gives -0.0."""
    return math.copysign(float(math.ceil(value)), value) if math.isfinite(value) else value


def floor_double(value: float) -> float:
    """The greatest integral double not above ``value``."""
    return math.copysign(float(math.floor(value)), value) if math.isfinite(value) else value
