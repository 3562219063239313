"""Times and dates: text, grammar, components and arithmetic over their whole range."""

from __future__ import annotations

import copy
import datetime
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine.java import times as temporal
from faunadb.engine.java.times import Date, Time

TIMES = st.builds(
    Time,
    st.integers(temporal.MIN_SECONDS, temporal.MAX_SECONDS),
    st.integers(0, temporal.NANOS_PER_SECOND - 1),
)
DATES = st.builds(Date, st.integers(temporal.MIN_DAYS, temporal.MAX_DAYS))
UNITS = st.sampled_from(sorted(temporal.UNIT_NANOS))
MIN_TIME = Time(temporal.MIN_SECONDS, 0)
MAX_TIME = Time(temporal.MAX_SECONDS, 999_999_999)


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (0, 0, "1970-01-01T00:00:00Z"),
        (0, 500_000_000, "1970-01-01T00:00:00.500Z"),
        (0, 1000, "1970-01-01T00:00:00.000001Z"),
        (0, 1, "1970-01-01T00:00:00.000000001Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (253_402_300_800, 0, "+10000-01-01T00:00:00Z"),
        (-62_167_219_201, 0, "-0001-12-31T23:59:59Z"),
        (-62_167_219_200, 0, "0000-01-01T00:00:00Z"),
        (temporal.MIN_SECONDS, 0, "-1000000000-01-01T00:00:00Z"),
        (temporal.MAX_SECONDS, 999_999_999, "+1000000000-12-31T23:59:59.999999999Z"),
    ],
)
def test_time_text(seconds, nanos, text):
    assert str(Time(seconds, nanos)) == text


@given(st.datetimes(timezones=st.just(datetime.timezone.utc)))
def test_agrees_with_datetime_where_that_reaches(moment):
    delta = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    time = Time.from_micros((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)
    parts = temporal.components(time)
    assert parts[:6] == (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    assert parts.nano == moment.microsecond * 1000
    assert parts.day_of_week == moment.isoweekday()
    assert parts.day_of_year == moment.timetuple().tm_yday
    assert str(time)[:19] == moment.isoformat()[:19]


@given(TIMES)
def test_time_text_reads_back(time):
    year = temporal.components(time).year
    expected = time if abs(year) <= temporal.MAX_YEAR else None
    assert temporal.parse_time(str(time)) == expected


@given(DATES)
def test_date_text_reads_back(date):
    assert temporal.parse_date(str(date)) == date


@given(DATES)
def test_calendar_round_trip(date):
    year, month, day = temporal.civil_from_days(date.days)
    assert 1 <= day <= temporal.days_in_month(year, month)
    assert temporal.days_from_civil(year, month, day) == date.days


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("1970-01-01T00:00Z", "1970-01-01T00:00:00Z"),
        ("1970-01-01t00:00:00z", "1970-01-01T00:00:00Z"),
        ("2019-03-01T10:20:48.Z", "2019-03-01T10:20:48Z"),
        ("2019-03-01T10:20:48.5Z", "2019-03-01T10:20:48.500Z"),
        ("2019-03-01T10:20:48.123456789Z", "2019-03-01T10:20:48.123456789Z"),
        ("2019-03-01T10:20:48+01:30", "2019-03-01T08:50:48Z"),
        ("2019-03-01T10:20:48-01:30:10", "2019-03-01T11:50:58Z"),
        ("2019-03-01T10:20:48+0130", "2019-03-01T08:50:48Z"),
        ("2019-03-01T10:20:48Z+0000", "2019-03-01T10:20:48Z"),
        ("2019-03-01T10:20:48+01:00+0100", "2019-03-01T09:20:48Z"),
        ("2019-03-01T00:00:00+18:00", "2019-02-28T06:00:00Z"),
        ("2019-02-30T00:00:00Z", "2019-02-28T00:00:00Z"),
        ("2020-02-30T00:00:00Z", "2020-02-29T00:00:00Z"),
        ("2019-04-31T00:00:00Z", "2019-04-30T00:00:00Z"),
        ("2019-12-31T24:00Z", "2020-01-01T00:00:00Z"),
        ("2019-12-31T24:00:00.000Z", "2020-01-01T00:00:00Z"),
        ("-0001-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"),
        ("+10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"),
        ("+02019-03-01T00:00:00Z", "2019-03-01T00:00:00Z"),
        ("-0000002019-03-01T00:00:00Z", "-2019-03-01T00:00:00Z"),
        ("-999999999-01-01T00:00:00Z", "-999999999-01-01T00:00:00Z"),
        ("+999999999-12-31T23:59:59.999999999Z", "+999999999-12-31T23:59:59.999999999Z"),
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"),
    ],
)
def test_parse_time(text, iso):
    assert str(temporal.parse_time(text)) == iso


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2019-03-01",
        "2019-03-01T10:20:48",
        "2019-03-01 10:20:48Z",
        "2019-03-01T10:20:48 Z",
        " 2019-03-01T10:20:48Z",
        "2019-03-01T10:20:48Z ",
        "2019-03-01T10:20:48Z\n",
        "2019-03-01T10:20:48,5Z",
        "2019-03-01T10:20:48.1234567890Z",
        "2019-03-01T10:20:48+01",
        "2019-03-01T10:20:48+1:00",
        "2019-03-01T10:20:48+18:01",
        "2019-03-01T10:20:48+01:60",
        "2019-03-01T10:20:48Z+0100",
        "2019-03-01T10:20:60Z",
        "2019-03-01T10:60:00Z",
        "2019-03-01T24:01:00Z",
        "2019-03-01T24:00:00.1Z",
        "2019-03-01T25:00:00Z",
        "2019-03-32T00:00:00Z",
        "2019-03-00T00:00:00Z",
        "2019-13-01T00:00:00Z",
        "2019-00-01T00:00:00Z",
        "2019-3-01T00:00:00Z",
        "2019-03-01T1:00:00Z",
        "+2019-03-01T00:00:00Z",
        "10000-03-01T00:00:00Z",
        "-0000-03-01T00:00:00Z",
        "-00000-03-01T00:00:00Z",
        "+00000002019-03-01T00:00:00Z",
        "-001-03-01T00:00:00Z",
        "+1000000000-12-31T23:59:59Z",
        "-1000000000-12-31T23:59:59Z",
        "２０１９-03-01T00:00:00Z",
    ],
)
def test_parse_time_refuses(text):
    assert temporal.parse_time(text) is None


def test_literals_start_at_their_least_instant():
    assert temporal.parse_time_literal("-999999999-01-01T00:00:00Z") is not None
    assert temporal.parse_time_literal("-999999999-01-01T00:00:00+00:01") is None
    assert temporal.parse_time_literal("9999-12-31T23:59:59.999999999Z") is not None
    assert temporal.parse_time_literal("10000-01-01T00:00:00Z") is None


@pytest.mark.parametrize(
    "text",
    [
        "2019-02-30",
        "2019-2-03",
        "2019-02-03Z",
        " 2019-02-03",
        "+2019-02-03",
        "10000-01-01",
        "-0000-01-01",
        "2019-02-03T",
    ],
)
def test_parse_date_refuses(text):
    assert temporal.parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("+001970-01-02", 1),
        ("+999999999-12-31", temporal.MAX_DAYS),
        ("-999999999-01-01", temporal.MIN_DAYS),
    ],
)
def test_parse_date(text, days):
    assert temporal.parse_date(text) == Date(days)


@pytest.mark.parametrize(
    ("time", "millis", "micros"),
    [(Time(-1, 999_999_999), -1, -1), (Time(0, 999_999), 0, 999), (Time(1, 500_000_000), 1500, 1_500_000)],
)
def test_counts_are_floored(time, millis, micros):
    assert time.to_millis() == millis
    assert time.to_micros() == micros


def test_counts_out_of_64_bits():
    with pytest.raises(temporal.TemporalOverflow):
        MAX_TIME.to_millis()
    assert -(2**63) <= MAX_TIME.to_micros() < 2**63
    assert MAX_TIME.nearest_micros() == 2**63 - 1
    assert MIN_TIME.nearest_micros() == -(2**63)


@given(st.integers(-(2**63), 2**63 - 1))
def test_micros_round_trip(micros):
    time = Time.from_micros(micros)
    assert time.to_micros() == time.nearest_micros() == micros


@given(st.integers(-(2**63), 2**63 - 1))
def test_millis_floor_to_the_same(millis):
    time = Time.from_millis(millis)
    assert time.to_millis() == millis
    assert time.to_nanos() == millis * 1_000_000


@given(TIMES, st.integers(-(2**63), 2**63 - 1), UNITS)
def test_add_is_exact_or_out_of_range(time, count, unit):
    nanos = time.to_nanos() + count * temporal.UNIT_NANOS[unit]
    if MIN_TIME.to_nanos() <= nanos <= MAX_TIME.to_nanos():
        moved = temporal.add_units(time, count, unit)
        assert moved.to_nanos() == nanos
        assert temporal.add_units(moved, -count, unit) == time
    else:
        with pytest.raises(temporal.TemporalRangeError):
            temporal.add_units(time, count, unit)


@pytest.mark.parametrize(
    ("start", "end", "unit", "count"),
    [
        (Time(0, 900_000), Time(0, 1_000_000), "millisecond", 1),
        (Time(0, 0), Time(86_399, 0), "day", 0),
        (Time(86_400, 0), Time(1, 0), "day", 0),
        (Time(86_401, 0), Time(1, 0), "day", -1),
        (Time(0, 0), Time(43_200, 0), "half day", 1),
        (Time(0, 1999), Time(0, 0), "microsecond", -1),
        (Time(0, 500), Time(3, 0), "second", 2),
        (MIN_TIME, MAX_TIME, "second", temporal.MAX_SECONDS - temporal.MIN_SECONDS),
        (Date(5), Date(2), "day", -3),
    ],
)
def test_difference(start, end, unit, count):
    assert temporal.difference(start, end, unit) == count


@pytest.mark.parametrize("unit", ["millisecond", "microsecond", "nanosecond"])
def test_difference_beyond_64_bits(unit):
    with pytest.raises(temporal.TemporalOverflow):
        temporal.difference(MIN_TIME, MAX_TIME, unit)


def test_dates_count_days():
    assert temporal.add_units(Date(0), 31, "day") == Date(31)
    with pytest.raises(temporal.TemporalRangeError):
        temporal.add_units(Date(temporal.MAX_DAYS), 1, "day")
    with pytest.raises(temporal.UnitTooFine):
        temporal.add_units(Date(0), 1, "half day")
    with pytest.raises(temporal.UnitTooFine):
        temporal.difference(Date(0), Date(1), "hour")
    with pytest.raises(temporal.IncompatibleTimes):
        temporal.difference(Date(0), Time(0, 0), "day")


def test_the_outermost_years_have_times_but_no_dates():
    with pytest.raises(temporal.TemporalRangeError):
        MAX_TIME.to_date()
    assert Date(temporal.MAX_DAYS).to_time().to_date() == Date(temporal.MAX_DAYS)


@given(TIMES, TIMES)
def test_order_and_equality_follow_the_instant(left, right):
    assert (left < right) == (left.to_nanos() < right.to_nanos())
    assert (left >= right) == (left.to_nanos() >= right.to_nanos())
    assert (left == right) == (left.to_nanos() == right.to_nanos())
    assert left != left.seconds
    assert hash(left) == hash(Time(left.seconds, left.nanos))


@pytest.mark.parametrize("value", [Time(5, 6), Date(7)])
def test_values_are_immutable_and_copy(value):
    with pytest.raises(AttributeError):
        setattr(value, type(value).__slots__[0], 1)
    with pytest.raises(AttributeError):
        delattr(value, type(value).__slots__[0])
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


def test_a_time_is_not_a_date():
    assert Time(0, 0) != Date(0)
    with pytest.raises(TypeError):
        assert Time(0, 0) < Date(0)
