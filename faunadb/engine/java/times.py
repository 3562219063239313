"""Times and dates: instants with nanoseconds, proleptic ISO days, their text and their arithmetic.

Rules: value functions, "Time and date". Python's ``datetime`` spans the years 1 to 9999 in microseconds; the query
language spans a billion years either way in nanoseconds, so both types are kept as plain integers here.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Union

from ..records import NamedTuple
from .numbers import INT64_MAX, INT64_MIN, wrap64

NANOS_PER_SECOND = 1_000_000_000
SECONDS_PER_DAY = 86_400

#: Epoch seconds of -1000000000-01-01T00:00:00Z and +1000000000-12-31T23:59:59Z.
MIN_SECONDS = -31_557_014_167_219_200
MAX_SECONDS = 31_556_889_864_403_199
#: Days of -999999999-01-01 and +999999999-12-31.
MIN_DAYS = -365_243_219_162
MAX_DAYS = 365_241_780_471

MAX_YEAR = 999_999_999

BOUNDS_TEXT = (
    "dates and times must be between -1000000000-01-01T00:00:00Z and +1000000000-12-31T23:59:59.999999999Z"
)


class TemporalRangeError(ArithmeticError):
    """A time or date beyond the representable range; the message is the documented bounds text."""

    def __init__(self) -> None:
        super().__init__(BOUNDS_TEXT)


class TemporalOverflow(ArithmeticError):
    """A difference or count of units that does not fit a 64-bit integer."""


class _Temporal:
    """What Time and Date share: they never change once made."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")


class Time(_Temporal):
    """An instant: whole ``seconds`` since 1970-01-01T00:00:00Z, and ``nanos`` (0 to 999999999) after them.

    Ordered by instant, hashable. The constructor trusts its caller; use :func:`make_time` where the range is
    not known.
    """

    __slots__ = ("nanos", "seconds")
    seconds: int
    nanos: int

    def __init__(self, seconds: int, nanos: int = 0) -> None:
        _set_seconds(self, seconds)
        _set_nanos(self, nanos)

    @classmethod
    def from_micros(cls, micros: int) -> Time:
        """The instant ``micros`` microseconds after the epoch."""
        seconds, rest = divmod(micros, 1_000_000)
        return cls(seconds, rest * 1000)

    @classmethod
    def from_millis(cls, millis: int) -> Time:
        """The instant ``millis`` milliseconds after the epoch."""
        seconds, rest = divmod(millis, 1000)
        return cls(seconds, rest * 1_000_000)

    @classmethod
    def from_nanos(cls, nanos: int) -> Time:
        """The instant ``nanos`` nanoseconds after the epoch; TemporalRangeError when out of range."""
        return make_time(*divmod(nanos, NANOS_PER_SECOND))

    def to_nanos(self) -> int:
        """Nanoseconds since the epoch, exact (may exceed 64 bits)."""
        return self.seconds * NANOS_PER_SECOND + self.nanos

    def to_micros(self) -> int:
        """Microseconds since the epoch, floored, wrapped to 64 bits."""
        return wrap64(self.seconds * 1_000_000 + self.nanos // 1000)

    def nearest_micros(self) -> int:
        """Microseconds since the epoch, floored: the place of this time among those of versions and events.

        For times beyond 64 bits the first or last of these, which are earlier and later than all that is stored.
        """
        return min(max(self.seconds * 1_000_000 + self.nanos // 1000, INT64_MIN), INT64_MAX)

    def to_millis(self) -> int:
        """Milliseconds since the epoch, floored; TemporalOverflow beyond 64 bits."""
        return _fit(self.seconds * 1000 + self.nanos // 1_000_000)

    def to_date(self) -> Date:
        """The UTC day; TemporalRangeError in the two outermost years, which a Date does not reach."""
        return make_date(self.seconds // SECONDS_PER_DAY)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return self.seconds == other.seconds and self.nanos == other.nanos

    def __lt__(self, other: Time) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return (self.seconds, self.nanos) < (other.seconds, other.nanos)

    def __le__(self, other: Time) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return (self.seconds, self.nanos) <= (other.seconds, other.nanos)

    def __gt__(self, other: Time) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return (self.seconds, self.nanos) > (other.seconds, other.nanos)

    def __ge__(self, other: Time) -> bool:
        if type(other) is not Time:
            return NotImplemented
        return (self.seconds, self.nanos) >= (other.seconds, other.nanos)

    def __hash__(self) -> int:
        return hash((Time, self.seconds, self.nanos))

    def __reduce__(self) -> tuple[Any, ...]:
        return Time, (self.seconds, self.nanos)

    def __str__(self) -> str:
        return time_text(self)

    def __repr__(self) -> str:
        return f"Time({time_text(self)!r})"


class Date(_Temporal):
    """A day of the proleptic ISO calendar: ``days`` since 1970-01-01. Ordered by day, hashable."""

    __slots__ = ("days",)
    days: int

    def __init__(self, days: int) -> None:
        _set_days(self, days)

    def to_time(self) -> Time:
        """Midnight UTC of this day."""
        return Time(self.days * SECONDS_PER_DAY, 0)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.days == other.days

    def __lt__(self, other: Date) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.days < other.days

    def __le__(self, other: Date) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.days <= other.days

    def __gt__(self, other: Date) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.days > other.days

    def __ge__(self, other: Date) -> bool:
        if type(other) is not Date:
            return NotImplemented
        return self.days >= other.days

    def __hash__(self) -> int:
        return hash((Date, self.days))

    def __reduce__(self) -> tuple[Any, ...]:
        return Date, (self.days,)

    def __str__(self) -> str:
        return date_text(self)

    def __repr__(self) -> str:
        return f"Date({date_text(self)!r})"


# The slot descriptors store past the guard of _Temporal; kept as plain functions because object.__setattr__
# is slower.
_set_seconds = Time.__dict__["seconds"].__set__
_set_nanos = Time.__dict__["nanos"].__set__
_set_days = Date.__dict__["days"].__set__


def make_time(seconds: int, nanos: int) -> Time:
    """A Time, or TemporalRangeError when ``seconds`` is out of range."""
    if MIN_SECONDS <= seconds <= MAX_SECONDS:
        return Time(seconds, nanos)
    raise TemporalRangeError


def make_date(days: int) -> Date:
    """A Date, or TemporalRangeError when ``days`` is out of range."""
    if MIN_DAYS <= days <= MAX_DAYS:
        return Date(days)
    raise TemporalRangeError


def _fit(number: int) -> int:
    if INT64_MIN <= number <= INT64_MAX:
        return number
    raise TemporalOverflow("the number of units does not fit a 64-bit integer")


# Calendar


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a proleptic ISO date (which must exist)."""
    # Years are counted from March, so that the leap day is the last of its year.
    if month <= 2:
        year -= 1
        month += 12
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """``(year, month, day)`` of a day since 1970-01-01; the inverse of :func:`days_from_civil`."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, day


def is_leap_year(year: int) -> bool:
    """Whether the proleptic ISO year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    return 29 if month == 2 and is_leap_year(year) else _MONTH_DAYS[month - 1]


class Components(NamedTuple):
    """The UTC calendar fields of an instant: ISO year, month 1-12, day 1-31, ..., day of week 1 (Monday) - 7."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nano: int
    day_of_week: int
    day_of_year: int


def components(value: Union[Time, Date]) -> Components:
    """The UTC calendar fields of a Time, or of a Date at midnight."""
    if type(value) is Date:
        days, second_of_day, nano = value.days, 0, 0
    else:
        days, second_of_day = divmod(value.seconds, SECONDS_PER_DAY)  # type: ignore[union-attr]
        nano = value.nanos  # type: ignore[union-attr]
    year, month, day = civil_from_days(days)
    minutes, second = divmod(second_of_day, 60)
    hour, minute = divmod(minutes, 60)
    day_of_year = days - days_from_civil(year, 1, 1) + 1
    # 1970-01-01 was a Thursday.
    return Components(year, month, day, hour, minute, second, nano, (days + 3) % 7 + 1, day_of_year)


# Text


def year_text(year: int) -> str:
    """Four digits; above 9999 with ``+``, below zero with ``-``."""
    if 0 <= year <= 9999:
        return f"{year:04d}"
    return f"{year:+05d}"


def date_text(date: Date) -> str:
    """ISO text of a date: ``2019-03-01``."""
    year, month, day = civil_from_days(date.days)
    return f"{year_text(year)}-{month:02d}-{day:02d}"


def time_text(time: Time) -> str:
    """ISO text of an instant in UTC, the fraction left out or in 3, 6 or 9 digits:
    ``1970-01-01T00:00:00.500Z``.
    """
    days, second_of_day = divmod(time.seconds, SECONDS_PER_DAY)
    year, month, day = civil_from_days(days)
    minutes, second = divmod(second_of_day, 60)
    hour, minute = divmod(minutes, 60)
    head = f"{year_text(year)}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
    nanos = time.nanos
    if not nanos:
        return head + "Z"
    if nanos % 1_000_000 == 0:
        return f"{head}.{nanos // 1_000_000:03d}Z"
    if nanos % 1000 == 0:
        return f"{head}.{nanos // 1000:06d}Z"
    return f"{head}.{nanos:09d}Z"


#: More digits than years can have, and fewer, are made up by zeros: +02019 is 2019.
_DATE = r"([0-9]{4}|-[0-9]{4,10}|\+[0-9]{5,10})-([0-9]{2})-([0-9]{2})"
_TIME = (
    _DATE
    + r"[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{0,9}))?)?"
    + r"([Zz]|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?([+-][0-9]{4})?"
)


def _parse_year(text: str) -> Optional[int]:
    year = int(text)
    if abs(year) > MAX_YEAR or (year == 0 and text[0] == "-"):
        return None
    return year


def parse_date(text: str) -> Optional[Date]:
    """The strict date grammar: ``year-MM-DD`` of a day that exists. None when the text is not one.

    No trimming.
    """
    match = re.fullmatch(_DATE, text)
    if match is None:
        return None
    year = _parse_year(match.group(1))
    month, day = int(match.group(2)), int(match.group(3))
    if year is None or not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        return None
    return Date(days_from_civil(year, month, day))


def _parse_offset(text: str) -> Optional[int]:
    """Seconds east of UTC of ``Z``, ``+HH:MM``, ``+HH:MM:SS`` or ``+HHMM``; None beyond 18 hours."""
    if text in ("Z", "z"):
        return 0
    digits = text[1:].replace(":", "")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:] or 0)
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 18 * 3600:
        return None
    return -total if text[0] == "-" else total


def _parse_offsets(colon: Optional[str], compact: Optional[str]) -> Optional[int]:
    """The offset both spellings agree on; None when there is none, or when they disagree."""
    offsets = {_parse_offset(text) for text in (colon, compact) if text is not None}
    return offsets.pop() if len(offsets) == 1 else None


def parse_time(text: str) -> Optional[Time]:
    """The time grammar of the ``time`` function and of ``@ts``; None when the text is not one. No trimming.

    An offset is required, seconds are not; a day beyond its month's end is taken as the month's last; 24:00 is the
    next midnight.
    """
    match = re.fullmatch(_TIME, text)
    if match is None:
        return None
    year_part, month_part, day_part, hour_part, minute_part, second_part, fraction, colon, compact = (
        match.groups()
    )
    year = _parse_year(year_part)
    offset = _parse_offsets(colon, compact)
    if year is None or offset is None:
        return None
    month, day = int(month_part), int(day_part)
    hour, minute, second = int(hour_part), int(minute_part), int(second_part or 0)
    nanos = int(fraction.ljust(9, "0")) if fraction else 0
    if not 1 <= month <= 12 or not 1 <= day <= 31 or minute > 59 or second > 59:
        return None
    if hour > 24 or (hour == 24 and (minute or second or nanos)):
        return None
    days = days_from_civil(year, month, min(day, days_in_month(year, month)))
    seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        return None
    return Time(seconds, nanos)


#: -999999999-01-01T00:00:00Z, the least time that can be written as a literal.
_MIN_LITERAL_SECONDS = MIN_DAYS * SECONDS_PER_DAY


def parse_time_literal(text: str) -> Optional[Time]:
    """The text of an ``@ts`` literal; None when it is not a time, or one before -999999999-01-01T00:00:00Z."""
    time = parse_time(text)
    if time is None or time.seconds < _MIN_LITERAL_SECONDS:
        return None
    return time


# Units and arithmetic

#: Length of each unit in nanoseconds, by its singular name.
UNIT_NANOS = {
    "day": 86_400 * NANOS_PER_SECOND,
    "half day": 43_200 * NANOS_PER_SECOND,
    "hour": 3600 * NANOS_PER_SECOND,
    "minute": 60 * NANOS_PER_SECOND,
    "second": NANOS_PER_SECOND,
    "millisecond": 1_000_000,
    "microsecond": 1000,
    "nanosecond": 1,
}


class IncompatibleTimes(TypeError):
    """A Time and a Date where two of one kind are needed."""


class UnitTooFine(ValueError):
    """A unit below the day for Dates."""


def add_units(value: Union[Time, Date], count: int, unit: str) -> Union[Time, Date]:
    """``value`` moved by ``count`` units (a singular name; negative: back). Exact.

    Raises TemporalRangeError out of range, UnitTooFine for a Date and a unit other than days.
    """
    if type(value) is Date:
        _require_days(unit)
        return make_date(value.days + count)
    return Time.from_nanos(value.to_nanos() + count * UNIT_NANOS[unit])  # type: ignore[union-attr]


def difference(start: Union[Time, Date], end: Union[Time, Date], unit: str) -> int:
    """Whole units from ``start`` to ``end``, truncated toward zero; milliseconds compare the floored clocks.

    Raises IncompatibleTimes when one is a Time and the other a Date, UnitTooFine for Dates and a unit other than
    days, TemporalOverflow when the count (or, for fine units, its nanoseconds) exceeds 64 bits.
    """
    if type(start) is not type(end):
        raise IncompatibleTimes("Incompatible time arguments.")
    if type(start) is Date:
        _require_days(unit)
        return end.days - start.days  # type: ignore[union-attr]
    if unit == "millisecond":
        return _fit(end.to_millis() - start.to_millis())  # type: ignore[union-attr]
    nanos = end.to_nanos() - start.to_nanos()  # type: ignore[union-attr]
    if unit in ("microsecond", "nanosecond"):
        _fit(nanos)
    whole: int = abs(nanos) // UNIT_NANOS[unit]
    return whole if nanos >= 0 else -whole


def _require_days(unit: str) -> None:
    if unit != "day":
        raise UnitTooFine(f"dates count days, not {unit}s")
