"""The decimal digits that Java (before version 19) prints for a double.

Rules: value functions, "Double to text". From 0.001 to 2^54 these are the shortest that read back as the same value,
which Python prints too. Beyond, Java works in whole numbers of 64 bits where they suffice, and stops at other digits
in ties and for powers of two: 2e23 has the digits 19999999999999998.
"""

from __future__ import annotations

import math
import struct

from ..records import NamedTuple

#: From here up, and below the other, Java's digits may differ from the shortest.
_LEAST_PLAIN, _GREATEST_PLAIN = 1e-3, 2.0**54

_FRACTION_BITS = 52
_BIAS = 1023
#: Whole numbers from 2^54 to this lose the digits that a double cannot tell.
_MAX_WHOLE = 2.0**63

_double = struct.Struct(">d")
_bits = struct.Struct(">Q")


class _Fraction(NamedTuple):
    """fraction * 2^(exponent - 52); precision: how many bits of the fraction are known."""

    fraction: int
    exponent: int
    precision: int


def decimal_digits(value: float) -> tuple[str, int]:
    """The digits of a finite ``abs(value)`` without zeros around them, and the first one's power of ten."""
    value = abs(value)
    if value == 0:
        return "0", 0
    if _LEAST_PLAIN <= value < _GREATEST_PLAIN:
        return _shortest(value)
    if _GREATEST_PLAIN <= value < _MAX_WHOLE:
        return _whole(value)
    return _developed(value)


def _shortest(value: float) -> tuple[str, int]:
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    lead = len(whole) if whole != "0" else len(digits) - len(fraction)
    return digits.rstrip("0"), lead - 1 + int(power or 0)


def _whole(value: float) -> tuple[str, int]:
    number = int(value)
    # The neighbours of a double of this size are so far away that its last decimal digits say nothing.
    spare = number.bit_length() - _FRACTION_BITS - 3
    unit = 10 ** (len(str(1 << spare)) - 1)
    number, rest = divmod(number, unit)
    if unit > 1 and rest >= unit // 2:
        number += 1
    digits = str(number)
    return digits.rstrip("0"), len(digits) - 1 + len(str(unit)) - 1


def _parts(value: float) -> _Fraction:
    (bits,) = _bits.unpack(_double.pack(value))
    fraction, exponent = bits & ((1 << _FRACTION_BITS) - 1), bits >> _FRACTION_BITS
    if exponent:
        return _Fraction(fraction | 1 << _FRACTION_BITS, exponent - _BIAS, _FRACTION_BITS + 1)
    precision = fraction.bit_length()
    shift = _FRACTION_BITS + 1 - precision
    return _Fraction(fraction << shift, 1 - shift - _BIAS, precision)


def _power_of_ten(parts: _Fraction) -> int:
    """An estimate of the first digit's power of ten: right, or one too great."""
    mantissa = parts.fraction / (1 << _FRACTION_BITS)
    return math.floor((mantissa - 1.5) * 0.289529654 + 0.176091259 + parts.exponent * 0.301029995663981)


#: Bits of 5^n; beyond the table Java takes 3 a power.
_BITS_OF_FIVES = [(5**power).bit_length() if power else 0 for power in range(27)]


def _bits_of_five(power: int) -> int:
    return _BITS_OF_FIVES[power] if power < len(_BITS_OF_FIVES) else 3 * power


class _Development:
    """Makes the digits one by one. It holds the rest of the value, the unit of a digit, and the margin within which other
    numbers are the same double."""

    def __init__(self, parts: _Fraction):
        self.power = _power_of_ten(parts)
        zeros = (parts.fraction & -parts.fraction).bit_length() - 1
        width = _FRACTION_BITS + 1 - zeros
        tiny = max(0, width - parts.exponent - 1)
        fives, unit_fives = max(0, -self.power), max(0, self.power)
        twos = fives + tiny + parts.exponent
        unit_twos, margin_twos = unit_fives + tiny, twos - parts.precision
        twos -= width - 1
        common = min(twos, unit_twos)
        twos, unit_twos, margin_twos = twos - common, unit_twos - common, margin_twos - common
        if width == 1:
            margin_twos -= 1  # the neighbour below a power of two is nearer
        if margin_twos < 0:
            twos, unit_twos, margin_twos = twos - margin_twos, unit_twos - margin_twos, 0
        self.rest = ((parts.fraction >> zeros) * 5**fives) << twos
        self.unit = 5**unit_fives << unit_twos
        self.margin = 5**fives << margin_twos
        rest_bits = width + twos + _bits_of_five(fives)
        unit_bits = unit_twos + 1 + _bits_of_five(unit_fives + 1)
        largest = max(rest_bits, unit_bits)
        #: width of the integers Java reckons in; 0: unlimited
        self.width = 32 if largest < 32 else 64 if largest < 64 else 0

    def wrapped(self, number: int) -> int:
        if not self.width:
            return number
        number &= (1 << self.width) - 1
        return number - (1 << self.width) if number >> (self.width - 1) else number

    def next_digit(self) -> tuple[int, bool, bool]:
        """A digit, and whether the rest is small enough, and great enough, to end here."""
        digit, rest = divmod(self.rest, self.unit)
        self.rest, self.margin = self.wrapped(rest * 10), self.wrapped(self.margin * 10)
        if self.width and self.margin <= 0:
            return digit, True, True
        above, ten = self.wrapped(self.rest + self.margin), self.unit * 10
        # With unlimited integers Java counts a tie as enough.
        return digit, self.rest < self.margin, above > ten if self.width else above >= ten

    def rounds_up(self, last: int, low: bool, high: bool) -> bool:
        if not high or not low:
            return high
        twice = self.wrapped(self.wrapped(self.rest * 2) - self.unit * 10)
        return twice > 0 or (twice == 0 and last % 2 == 1)


def _developed(value: float) -> tuple[str, int]:
    development = _Development(_parts(value))
    power = development.power
    digit, low, high = development.next_digit()
    digits = [digit]
    if digit == 0 and not high:
        power -= 1
        digits = []
    # In the E form there are always two digits.
    low = high = False
    while not low and not high:
        digit, low, high = development.next_digit()
        digits.append(digit)
    number = int("".join(map(str, digits))) + development.rounds_up(digits[-1], low, high)
    text = str(number)
    return text.rstrip("0"), power + len(text) - len(digits)
