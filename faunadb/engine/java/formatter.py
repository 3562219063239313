"""The specifiers of ``format``, after Java's Formatter (value functions, "format").

`parse` reads a whole format string; `Specifier.text` prints one specifier with its value. What values print as text is a
callback's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Optional, Union

from ..records import NamedTuple
from .text import first_units, utf16_length
from .times import Components, Date, Time, components

MAX_INT32 = (1 << 31) - 1

_SPECIFIER = (
    r"%(?:(?P<index>[0-9]+)\$)?(?P<flags>[-#+ 0,(<]*)(?P<width>[0-9]+)?(?:\.(?P<precision>[0-9]+))?"
    r"(?P<time>[tT])?(?P<conversion>[A-Za-z%@^])?"
)
_CONVERSIONS = frozenset("dxXofeEgGsSbB@^%n")

#: Flags each conversion accepts.
_FLAGS = {
    "d": frozenset("-0+ ,("),
    "x": frozenset("-0#"),
    "o": frozenset("-0#"),
    "f": frozenset("-0+ ,(#"),
    "e": frozenset("-0+ (#"),
    "g": frozenset("-0+ ,("),
    "s": frozenset("-"),
    "b": frozenset("-"),
    "t": frozenset("-"),
}
_WITHOUT_PRECISION = frozenset("dxot")


class InvalidFormat(ValueError):
    """A specifier is not valid; the argument is its text."""


class InvalidSuffix(ValueError):
    """A date/time suffix is unknown, or not for a Date; the argument is the specifier's text."""


class WrongValue(TypeError):
    """The conversion does not accept values of this type; the argument names the types it does."""


class Specifier(NamedTuple):
    """One ``%...`` of a format string.

    source: the specifier as written, without its index part. place: 1-based place of its value, 0 for the next one.
    conversion: ``d``, ``s``, ..., or ``t`` for dates and times, whose suffix is in
    `suffix`. upper: result in upper case.
    """

    source: str
    place: int
    flags: str
    width: Optional[int]
    precision: Optional[int]
    conversion: str
    upper: bool
    suffix: str = ""

    @property
    def takes_value(self) -> bool:
        return self.conversion not in "%n"

    @property
    def plain(self) -> bool:
        """Whether flags, width and precision have no effect."""
        return self.conversion in "%n@^" or (self.conversion == "t" and not self.suffix)

    @property
    def least_length(self) -> int:
        """The least length of the text, whatever the value."""
        if self.plain:
            return 0
        return max(self.width or 0, self.precision or 0 if self.conversion in "feg" else 0)

    def check(self) -> None:
        """Raise `InvalidFormat` for flags, width or precision that do not fit the conversion."""
        if self.plain:
            return
        flags = self.flags
        wrong = (
            len(set(flags)) < len(flags)
            or not _FLAGS[self.conversion].issuperset(flags)
            or ("-" in flags and "0" in flags)
            or ("+" in flags and " " in flags)
            or (self.width is None and ("-" in flags or "0" in flags))
            or (self.precision is not None and self.conversion in _WITHOUT_PRECISION)
        )
        if wrong:
            raise InvalidFormat(self.source)

    def padded(self, text: str) -> str:
        if self.width is None:
            return text
        width = self.width - utf16_length(text) + len(text)
        return text.ljust(width) if "-" in self.flags else text.rjust(width)


Part = Union[str, Specifier]


def parse(text: str) -> list[Part]:
    """Literal texts and specifiers of a format string. Raises `InvalidFormat` for the first specifier that is not valid."""
    parts: list[Part] = []
    specifier = re.compile(_SPECIFIER)
    end = 0
    while True:
        start = text.find("%", end)
        if start < 0:
            break
        parts.append(text[end:start])
        match = specifier.match(text, start)
        assert match is not None  # every part of the grammar but "%" is optional
        parts.append(_specifier(match))
        end = match.end()
    parts.append(text[end:])
    return parts


def _count(digits: str) -> int:
    """A number of a specifier; 10^18 stands for all that have more than 18 digits."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 18 else 10**18


def _specifier(match: re.Match[str]) -> Specifier:
    whole = match.group()
    conversion = match["conversion"] or ""
    given = match["index"]
    source = "%" + whole[len(given) + 2 :] if given is not None else whole
    width = _count(match["width"]) if match["width"] else None
    precision = _count(match["precision"]) if match["precision"] else None
    place = _count(given or "0")
    if match["time"]:
        if conversion in ("%", "@", "^"):
            raise InvalidFormat(whole)
        return Specifier(
            source, place, match["flags"], width, precision, "t", match["time"] == "T", conversion
        )
    if conversion not in _CONVERSIONS:
        raise InvalidFormat(whole)
    upper = conversion in "XEGSB"
    kind = conversion.lower() if upper else conversion
    return Specifier(source, place, match["flags"], width, precision, kind, upper)


# Printing


def show(spec: Specifier, value: Any, text_of: Callable[[Any], Optional[str]]) -> str:
    """The text of a value under a specifier. text_of: what ``to_string`` gives, None where it fails.

    Raises `InvalidFormat`, `InvalidSuffix`, `WrongValue`.
    """
    result = _SHOWN[spec.conversion](spec, value, text_of)
    return result.upper() if spec.upper else result


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise WrongValue("Integer")
    return value


def _double(value: Any) -> float:
    if type(value) is not float:
        raise WrongValue("Number")
    return value


def _decimal(spec: Specifier, value: Any, text_of: Any) -> str:
    number = _integer(value)
    return _signed(spec, number < 0, _grouped(spec, str(abs(number))))


def _based(digits: str, prefix: str) -> Callable[[Specifier, Any, Any], str]:
    def shown(spec: Specifier, value: Any, text_of: Any) -> str:
        text = format(_integer(value) & 0xFFFFFFFFFFFFFFFF, digits)
        head = prefix if "#" in spec.flags else ""
        if "0" in spec.flags and spec.width is not None:
            text = text.rjust(spec.width - len(head), "0")
        return spec.padded(head + text)

    return shown


def _grouped(spec: Specifier, digits: str) -> str:
    if "," not in spec.flags:
        return digits
    whole, point, rest = digits.partition(".")
    return f"{int(whole):,}{point}{rest}"


def _signed(spec: Specifier, negative: bool, digits: str, zeros: bool = True) -> str:
    """Sign, zero padding and width around the digits of a number."""
    flags = spec.flags
    before, after = "", ""
    if negative:
        before, after = ("(", ")") if "(" in flags else ("-", "")
    elif "+" in flags:
        before = "+"
    elif " " in flags:
        before = " "
    if zeros and "0" in flags and spec.width is not None:
        digits = digits.rjust(spec.width - len(before) - len(after), "0")
    return spec.padded(before + digits + after)


def _floating(spec: Specifier, value: Any, text_of: Any) -> str:
    from . import decimals  # late: few queries need it, and what it loads

    number = _double(value)
    if number != number:
        return spec.padded("NaN")
    negative = repr(number).startswith("-")
    if number in (float("inf"), float("-inf")):
        return _signed(spec, negative, "Infinity", zeros=False)
    precision = 6 if spec.precision is None else spec.precision
    digits = decimals.text(number, spec.conversion, precision, "#" in spec.flags)
    return _signed(spec, negative, digits if "e" in digits else _grouped(spec, digits))


def _cut(spec: Specifier, text: str) -> str:
    text = text if spec.precision is None else first_units(text, spec.precision)
    # The upper case of a text may be longer than the text.
    return spec.padded(text.upper() if spec.upper else text)


def _string(spec: Specifier, value: Any, text_of: Callable[[Any], Optional[str]]) -> str:
    text = text_of(value)
    if text is None:
        raise WrongValue("String")
    return _cut(spec, text)


def _boolean(spec: Specifier, value: Any, text_of: Any) -> str:
    return _cut(spec, "false" if value is None or value is False else "true")


# Dates and times

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _of_era(year: int) -> int:
    return year if year > 0 else 1 - year


def _half(hour: int) -> int:
    return hour % 12 or 12


def _clock(c: Components) -> str:
    return f"{c.hour:02d}:{c.minute:02d}:{c.second:02d}"


_DATE_SUFFIXES: dict[str, Callable[[Components], str]] = {
    "B": lambda c: _MONTHS[c.month - 1],
    "b": lambda c: _MONTHS[c.month - 1][:3],
    "h": lambda c: _MONTHS[c.month - 1][:3],
    "A": lambda c: _DAYS[c.day_of_week - 1],
    "a": lambda c: _DAYS[c.day_of_week - 1][:3],
    "C": lambda c: f"{_of_era(c.year) // 100:02d}",
    "y": lambda c: f"{_of_era(c.year) % 100:02d}",
    "Y": lambda c: f"{_of_era(c.year):04d}",
    "d": lambda c: f"{c.day:02d}",
    "e": lambda c: str(c.day),
    "m": lambda c: f"{c.month:02d}",
    "j": lambda c: f"{c.day_of_year:03d}",
    "D": lambda c: f"{c.month:02d}/{c.day:02d}/{_of_era(c.year) % 100:02d}",
    "F": lambda c: f"{_of_era(c.year):04d}-{c.month:02d}-{c.day:02d}",
}

_TIME_SUFFIXES: dict[str, Callable[[Components, Time], str]] = {
    "H": lambda c, t: f"{c.hour:02d}",
    "I": lambda c, t: f"{_half(c.hour):02d}",
    "k": lambda c, t: str(c.hour),
    "l": lambda c, t: str(_half(c.hour)),
    "M": lambda c, t: f"{c.minute:02d}",
    "S": lambda c, t: f"{c.second:02d}",
    "L": lambda c, t: f"{c.nano // 1_000_000:03d}",
    "N": lambda c, t: f"{c.nano:09d}",
    "p": lambda c, t: "am" if c.hour < 12 else "pm",
    "z": lambda c, t: "+0000",
    "Z": lambda c, t: "Z",
    "s": lambda c, t: str(t.seconds),
    "Q": lambda c, t: str(t.to_millis()),
    "R": lambda c, t: f"{c.hour:02d}:{c.minute:02d}",
    "T": lambda c, t: _clock(c),
    "r": lambda c, t: f"{_half(c.hour):02d}:{c.minute:02d}:{c.second:02d} {'AM' if c.hour < 12 else 'PM'}",
    "c": lambda c, t: (
        f"{_DAYS[c.day_of_week - 1][:3]} {_MONTHS[c.month - 1][:3]} {c.day:02d} {_clock(c)} Z {_of_era(c.year):04d}"
    ),
}


def _temporal(spec: Specifier, value: Any, text_of: Any) -> str:
    if type(value) is not Time and type(value) is not Date:
        raise WrongValue("Date or Time")
    if not spec.suffix:
        return str(value)
    if spec.suffix in _DATE_SUFFIXES:
        return spec.padded(_DATE_SUFFIXES[spec.suffix](components(value)))
    if spec.suffix in _TIME_SUFFIXES and type(value) is Time:
        text = _TIME_SUFFIXES[spec.suffix](components(value), value)
        return text if spec.suffix == "N" else spec.padded(text)
    raise InvalidSuffix(spec.source)


_SHOWN: dict[str, Callable[[Specifier, Any, Any], str]] = {
    "d": _decimal,
    "x": _based("x", "0x"),
    "o": _based("o", "0"),
    "f": _floating,
    "e": _floating,
    "g": _floating,
    "s": _string,
    "b": _boolean,
    "t": _temporal,
}
