"""Times and dates (value functions, "Time and date")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Union

from ..java import numbers as numeric
from ..java import times as temporal
from ..java.times import Date, Time
from ..language.casts import INTEGER, NULL, STRING, TEMPORAL, TIME, UNIT, Unit
from ..language.errors import Fault, invalid_argument
from ..language.registry import Arg, form

if TYPE_CHECKING:
    from ..language.context import Context

#: What is trimmed from the texts of times and dates: U+0020 and everything below.
BLANKS = "".join(map(chr, range(0x21)))

Temporal = Union[Time, Date]


def read_time(ctx: Context, text: str) -> Time:
    """A time from its text; ``now`` is the snapshot time. Raises the Fault of ``time`` and ``to_time``."""
    if text == "now":
        return ctx.now()
    found = temporal.parse_time(text.strip(BLANKS))
    if found is None:
        raise invalid_argument(f"Cannot cast '{text}' to a time.")
    return found


def read_date(text: str) -> Date:
    """A date from its text. Raises the Fault of ``date`` and ``to_date``."""
    found = temporal.parse_date(text.strip(BLANKS))
    if found is None:
        raise invalid_argument(f"Cannot cast '{text}' to a date.")
    return found


@form(Arg("now", NULL), timeless=False)
def now(ctx: Context, nothing: None) -> Time:
    """The snapshot time of this query: the same wherever it stands in it.

    >>> q.equals(q.now(), q.time("now"))
    True
    """
    return ctx.now()


@form(Arg("time", STRING))
def time(ctx: Context, text: str) -> Time:
    """A Time from ISO 8601 text with an offset, or ``"now"``.

    >>> q.time("1970-01-01T00:00:00+00:00")
    FaunaTime('1970-01-01T00:00:00Z')
    """
    return read_time(ctx, text)


@form(Arg("date", STRING))
def date(ctx: Context, text: str) -> Date:
    """A Date from ISO 8601 text.

    >>> q.date("1970-01-02")
    datetime.date(1970, 1, 2)
    """
    return read_date(text)


def _out_of_range(at: Any) -> Fault:
    return invalid_argument(temporal.BOUNDS_TEXT, at)


@form(Arg("epoch", INTEGER), Arg("unit", UNIT))
def epoch(ctx: Context, count: int, unit: Unit) -> Time:
    """The Time that many units after 1970-01-01T00:00:00Z.

    >>> q.epoch(5, "second")
    FaunaTime('1970-01-01T00:00:05Z')
    """
    try:
        return temporal.add_units(Time(0, 0), count, str(unit))  # type: ignore[return-value]
    except temporal.TemporalRangeError:
        raise _out_of_range(()) from None


def _unit_for_date(unit: Unit) -> Fault:
    return invalid_argument(f"Invalid time unit '{unit.given}'.", "unit")


def _move(base: Temporal, count: int, unit: Unit) -> Temporal:
    try:
        return temporal.add_units(base, count, str(unit))
    except temporal.UnitTooFine:
        raise _unit_for_date(unit) from None
    except temporal.TemporalRangeError:
        raise _out_of_range("offset") from None


@form(Arg("time_add", TEMPORAL), Arg("offset", INTEGER), Arg("unit", UNIT))
def time_add(ctx: Context, base: Temporal, offset: int, unit: Unit) -> Temporal:
    """A Time or Date moved forward. Dates move by days only.

    >>> q.time_add(q.date("1970-01-01"), 1, "day")
    datetime.date(1970, 1, 2)
    """
    return _move(base, offset, unit)


@form(Arg("time_subtract", TEMPORAL), Arg("offset", INTEGER), Arg("unit", UNIT))
def time_subtract(ctx: Context, base: Temporal, offset: int, unit: Unit) -> Temporal:
    """A Time or Date moved back. Dates move by days only.

    >>> q.time_subtract(q.epoch(10, "second"), 3, "seconds")
    FaunaTime('1970-01-01T00:00:07Z')
    """
    return _move(base, -offset, unit)


@form(Arg("time_diff", TEMPORAL), Arg("other", TEMPORAL), Arg("unit", UNIT))
def time_diff(ctx: Context, start: Temporal, end: Temporal, unit: Unit) -> int:
    """Whole units from the first to ``other``, truncated toward zero, negative when other is earlier.

    >>> q.time_diff(q.epoch(0, "second"), q.epoch(90, "second"), "minute")
    1
    """
    try:
        return temporal.difference(start, end, str(unit))
    except temporal.IncompatibleTimes:
        raise invalid_argument("Incompatible time arguments.", "time_diff") from None
    except temporal.UnitTooFine:
        raise _unit_for_date(unit) from None
    except temporal.TemporalOverflow:
        raise overflow("other") from None


def overflow(at: str) -> Fault:
    """The fault of a result beyond 64 bits, where the original has an internal error."""
    return invalid_argument("The result does not fit into 64 bits.", at)


@form(Arg("to_seconds", TIME))
def to_seconds(ctx: Context, value: Time) -> int:
    """Whole seconds since 1970, rounded down. Takes a Time, or microseconds.

    >>> q.to_seconds(q.epoch(1500, "milliseconds"))
    1
    """
    return value.seconds


@form(Arg("to_millis", TIME))
def to_millis(ctx: Context, value: Time) -> int:
    """Whole milliseconds since 1970, rounded down. Takes a Time, or microseconds.

    >>> q.to_millis(q.epoch(2, "seconds"))
    2000
    """
    try:
        return value.to_millis()
    except temporal.TemporalOverflow:
        raise overflow("to_millis") from None


@form(Arg("to_micros", TIME))
def to_micros(ctx: Context, value: Time) -> int:
    """Whole microseconds since 1970, rounded down. Takes a Time, or microseconds.

    >>> q.to_micros(q.epoch(2, "seconds"))
    2000000
    """
    return numeric.wrap64(value.to_micros())


def _component(key: str, what: str, example: int) -> Callable[..., Any]:
    field = {"day_of_month": "day"}.get(key, key)

    def component(ctx: Context, value: Time) -> int:
        return int(getattr(temporal.components(value), field))

    component.__name__ = key
    component.__doc__ = f"""{what} of a time in UTC. Takes a Time, or microseconds since 1970.

    >>> q.{key}(q.time("2019-03-05T07:08:09Z"))
    {example}
    """
    return form(Arg(key, TIME))(component)


second = _component("second", "The second, 0 to 59,", 9)
minute = _component("minute", "The minute, 0 to 59,", 8)
hour = _component("hour", "The hour, 0 to 23,", 7)
day_of_month = _component("day_of_month", "The day of the month, 1 to 31,", 5)
day_of_week = _component("day_of_week", "The day of the week, 1 (Monday) to 7,", 2)
day_of_year = _component("day_of_year", "The day of the year, 1 to 366,", 64)
month = _component("month", "The month, 1 to 12,", 3)
year = _component("year", "The year", 2019)
