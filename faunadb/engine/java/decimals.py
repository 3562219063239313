"""Doubles in decimal and in scientific notation, as Java's Formatter rounds them (value functions, "format")."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from .digits import decimal_digits

#: The most decimal places that a double has; further ones are zeros.
_PLACES = 400
_ENOUGH = Context(prec=2000)


def text(number: float, conversion: str, precision: int, point: bool) -> str:
    """A finite ``abs(number)`` by ``f``, ``e`` or ``g``. point: one is written even where no digit follows it."""
    # Rounding applies to the digits that the double prints, half away from zero.
    printed, exponent = decimal_digits(number)
    return _SHOWN[conversion](Decimal(f"{printed}E{exponent + 1 - len(printed)}"), precision, point)


def _rounded(value: Decimal, places: int) -> Decimal:
    places = min(places, _PLACES)
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context=_ENOUGH)


def _all_places(value: Decimal, places: int) -> str:
    """A rounded value with all its places."""
    return format(value, "f") + "0" * max(places - _PLACES, 0)


def _fixed(value: Decimal, places: int, point: bool) -> str:
    digits = _all_places(_rounded(value, places), places)
    return digits + "." if places == 0 and point else digits


def _scientific(value: Decimal, places: int, point: bool) -> str:
    if value == 0:
        digits, exponent = "0" * (places + 1), 0
    else:
        exponent = value.adjusted()
        rounded = _rounded(value.scaleb(-exponent, context=_ENOUGH), places)
        if rounded >= 10:
            exponent += 1
            rounded = _rounded(rounded / 10, places)
        digits = _all_places(rounded, places).replace(".", "")
    mark = "." if places or point else ""
    return f"{digits[0]}{mark}{digits[1:]}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _general(value: Decimal, precision: int, point: bool) -> str:
    precision = precision or 1
    if value == 0:
        return _fixed(value, precision - 1, point)
    exponent = value.adjusted()
    rounded = _rounded(value.scaleb(-exponent, context=_ENOUGH), precision - 1)
    if rounded >= 10:
        exponent += 1
    if -4 <= exponent < precision:
        return _fixed(value, precision - 1 - exponent, point)
    return _scientific(value, precision - 1, point)


_SHOWN = {"f": _fixed, "e": _scientific, "g": _general}
