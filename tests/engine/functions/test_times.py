"""Times and dates, row by row (value functions, "Time and date")."""

from __future__ import annotations

import json

import pytest

from .kinds import database_of_kinds

db = database_of_kinds

MIN, MAX = -(2**63), 2**63 - 1
BOUNDS = (
    "dates and times must be between -1000000000-01-01T00:00:00Z and +1000000000-12-31T23:59:59.999999999Z"
)


def ts(text):
    return {"@ts": text}


def date(text):
    return {"@date": text}


EPOCH = ts("1970-01-01T00:00:00Z")
FAR = ts("+300000000-01-01T00:00:00Z")
TOO_LONG = "The result does not fit into 64 bits."

#: text, the time it stands for
TIMES = [
    ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ("1970-01-01T00:00Z", "1970-01-01T00:00:00Z"),
    ("1970-01-01t00:00:00z", "1970-01-01T00:00:00Z"),
    (" \t1970-01-01T00:00:00Z\n\x00", "1970-01-01T00:00:00Z"),
    ("1970-01-01T00:00:48.Z", "1970-01-01T00:00:48Z"),
    ("1970-01-01T00:00:00.1Z", "1970-01-01T00:00:00.100Z"),
    ("1970-01-01T00:00:00.1234Z", "1970-01-01T00:00:00.123400Z"),
    ("1970-01-01T00:00:00.123456789Z", "1970-01-01T00:00:00.123456789Z"),
    ("1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z"),
    ("1970-01-01T02:00:00+02:00", "1970-01-01T00:00:00Z"),
    ("1970-01-01T02:00:00+0200", "1970-01-01T00:00:00Z"),
    ("1970-01-01T02:00:30+02:00:30", "1970-01-01T00:00:00Z"),
    ("1969-12-31T23:30:00-00:30", "1970-01-01T00:00:00Z"),
    ("1970-01-01T18:00:00+18:00", "1970-01-01T00:00:00Z"),
    ("1969-12-31T06:00:00-18:00", "1970-01-01T00:00:00Z"),
    ("1970-01-01T00:00:00Z+0000", "1970-01-01T00:00:00Z"),
    ("1970-01-01T01:00:00+01:00+0100", "1970-01-01T00:00:00Z"),
    ("2019-02-30T00:00:00Z", "2019-02-28T00:00:00Z"),
    ("2020-02-31T00:00:00Z", "2020-02-29T00:00:00Z"),
    ("2019-04-31T12:00:00Z", "2019-04-30T12:00:00Z"),
    ("1970-01-01T24:00:00Z", "1970-01-02T00:00:00Z"),
    ("1970-01-01T24:00Z", "1970-01-02T00:00:00Z"),
    ("1970-12-31T24:00:00.000Z", "1971-01-01T00:00:00Z"),
    ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    ("-0001-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"),
    ("-12345-01-01T00:00:00Z", "-12345-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ("+10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"),
    ("+999999999-12-31T23:59:59.999999999Z", "+999999999-12-31T23:59:59.999999999Z"),
    ("-999999999-01-01T00:00:00Z", "-999999999-01-01T00:00:00Z"),
    ("+999999999-12-31T24:00:00Z", "+1000000000-01-01T00:00:00Z"),
    ("-999999999-01-01T00:00:00+18:00", "-1000000000-12-31T06:00:00Z"),
]


@pytest.mark.parametrize(("text", "time"), TIMES)
def test_times_of_text(db, text, time):
    assert db.wire(json.dumps({"time": text})) == ts(time)
    assert db.wire(json.dumps({"to_time": text})) == ts(time)
    assert db.wire(json.dumps({"to_string": {"time": text}})) == time


NO_TIMES = """2019-01-01|2019-01-01T00:00:00|2019-01-01 00:00:00Z|2019-01-01T00:00:00 Z|2019-01-01T00:00:00+01|
2019-01-01T00:00:00+1:00|2019-01-01T00:00:00+18:01|2019-01-01T00:00:00-18:00:01|2019-01-01T00:00:00+01:60|2019-1-01T00:00:00Z|
2019-01-1T00:00:00Z|2019-13-01T00:00:00Z|2019-00-01T00:00:00Z|2019-01-00T00:00:00Z|2019-01-32T00:00:00Z|2019-01-01T25:00:00Z|
2019-01-01T24:01:00Z|2019-01-01T24:00:01Z|2019-01-01T24:00:00.1Z|2019-01-01T00:60:00Z|2019-01-01T00:00:60Z|
2019-01-01T00:00:00.0123456789Z|2019-01-01T00:00:00,5Z|+2019-01-01T00:00:00Z|-0000-01-01T00:00:00Z|10000-01-01T00:00:00Z|
219-01-01T00:00:00Z|2019-01-01T0:00:00Z|2019-01-01T00:0:00Z|2019-01-01T00:00:0Z|2019-01-01T00Z|Now|NOW| now|now |
2019-01-01T00:00:00Z+0100|2019-01-01T00:00:00+0100Z|2019-01-01T00:00:00[UTC]|2019-01-01T00:00:00.Z5||x|20190101T000000Z|
2019-01-01T00:00:00+0100+0100|２019-01-01T00:00:00Z|2019-W01-1T00:00:00Z|2019-01-01T00:00:00UTC|-1-01-01T00:00:00Z""".replace(
    "\n", ""
).split("|")


@pytest.mark.parametrize("text", [*NO_TIMES, "\u00a02019-01-01T00:00:00Z"])
def test_text_that_is_no_time(db, text):
    for name in ("time", "to_time"):
        assert db.error(json.dumps({name: text})) == {
            "position": [],
            "code": "invalid argument",
            "description": f"Cannot cast '{text}' to a time.",
        }


@pytest.mark.parametrize(
    "text",
    ["2019-02-28", "2020-02-29", "0000-01-01", "-0001-12-31", "+10000-01-01", "-999999999-01-01", "+999999999-12-31"],
)  # fmt: skip
def test_dates_of_text(db, text):
    for given in (text, f"\t {text}\n"):
        assert db.wire(json.dumps([{"date": given}, {"to_date": given}, {"to_string": {"date": given}}])) == [
            date(text),
            date(text),
            text,
        ]


@pytest.mark.parametrize(
    "text",
    ["2019-02-30", "2019-02-29", "2019-04-31", "2019-13-01", "2019-00-10", "2019-01-00", "2019-1-1", "2019-01-01Z", "now",
     "2019-01-01T00:00:00Z", "+2019-01-01", "-0000-01-01", "10000-01-01", "20190101", "", "219-01-01", "2019/01/01",
     "+1000000000-01-01"],
)  # fmt: skip
def test_text_that_is_no_date(db, text):
    for name in ("date", "to_date"):
        assert db.error(json.dumps({name: text})) == {
            "position": [],
            "code": "invalid argument",
            "description": f"Cannot cast '{text}' to a date.",
        }


UNITS = {
    "day": 86_400_000_000_000,
    "half day": 43_200_000_000_000,
    "hour": 3_600_000_000_000,
    "minute": 60_000_000_000,
    "second": 1_000_000_000,
    "millisecond": 1_000_000,
    "microsecond": 1000,
    "nanosecond": 1,
}


@pytest.mark.parametrize("unit", UNITS)
def test_units(db, unit):
    spelled = [unit, unit + "s", f" {unit}s\t"]
    moved = db.wire(
        json.dumps(
            [
                [
                    {"epoch": 3, "unit": name},
                    {"time_add": EPOCH, "offset": 3, "unit": name},
                    {"time_subtract": EPOCH, "offset": -3, "unit": name},
                ]
                for name in spelled
            ]
        )
    )
    times = [time for row in moved for time in row]
    assert all(time == times[0] for time in times)
    query = {"time_diff": EPOCH, "other": {"epoch": 3, "unit": unit}, "unit": "nanoseconds"}
    assert db.wire(json.dumps(query)) == 3 * UNITS[unit]
    assert db.wire(json.dumps({**query, "unit": unit})) == 3


@pytest.mark.parametrize(
    "unit",
    ["Day", "DAYS", "week", "month", "years", "", "half-day", "halfday", "dayss", "half  day", "ms", "s"],
)
def test_unknown_units(db, unit):
    for query in (
        {"epoch": 1, "unit": unit},
        {"time_add": EPOCH, "offset": 1, "unit": unit},
        {"time_subtract": date("1970-01-01"), "offset": 1, "unit": unit},
        {"time_diff": EPOCH, "other": date("1970-01-01"), "unit": unit},
    ):
        error = db.error(json.dumps(query))
        assert (error["position"], error["description"]) == (["unit"], "Time Unit expected, String provided.")


def diff(first, other, unit):
    return {"time_diff": first, "other": other, "unit": unit}


RESULTS = [
    ({"epoch": 0, "unit": "day"}, EPOCH),
    ({"epoch": -1, "unit": "nanosecond"}, ts("1969-12-31T23:59:59.999999999Z")),
    ({"epoch": MAX, "unit": "nanoseconds"}, ts("2262-04-11T23:47:16.854775807Z")),
    ({"epoch": MIN, "unit": "nanoseconds"}, ts("1677-09-21T00:12:43.145224192Z")),
    ({"epoch": MAX, "unit": "microseconds"}, ts("+294247-01-10T04:00:54.775807Z")),
    ({"epoch": MAX, "unit": "milliseconds"}, ts("+292278994-08-17T07:12:55.807Z")),
    ({"epoch": 31556889864403199, "unit": "seconds"}, ts("+1000000000-12-31T23:59:59Z")),
    ({"epoch": -31557014167219200, "unit": "seconds"}, ts("-1000000000-01-01T00:00:00Z")),
    ({"time_add": ts("2020-02-28T12:00:00Z"), "offset": 2, "unit": "days"}, ts("2020-03-01T12:00:00Z")),
    ({"time_add": date("2020-02-28"), "offset": 2, "unit": "days"}, date("2020-03-01")),
    ({"time_add": date("2020-02-28"), "offset": -59, "unit": "day"}, date("2019-12-31")),
    ({"time_subtract": date("1970-01-01"), "offset": 1, "unit": "day"}, date("1969-12-31")),
    (
        {"time_subtract": EPOCH, "offset": MIN, "unit": "nanoseconds"},
        ts("2262-04-11T23:47:16.854775808Z"),
    ),
    ({"time_add": EPOCH, "offset": 0, "unit": "half day"}, EPOCH),
    (diff(EPOCH, ts("1970-01-02T11:59:59Z"), "half days"), 2),
    (diff(EPOCH, ts("1970-01-02T23:59:59.999999999Z"), "days"), 1),
    (diff(ts("1970-01-02T23:59:59.999999999Z"), EPOCH, "days"), -1),
    (diff(EPOCH, ts("1969-12-31T23:59:59.999999999Z"), "seconds"), 0),
    (diff(EPOCH, ts("1969-12-31T23:59:59.999999999Z"), "nanoseconds"), -1),
    (diff(EPOCH, ts("1969-12-31T23:59:59.999999999Z"), "microseconds"), 0),
    (diff(EPOCH, ts("1969-12-31T23:59:59.999999999Z"), "milliseconds"), -1),
    (diff(ts("1970-01-01T00:00:00.0009Z"), ts("1970-01-01T00:00:00.001Z"), "milliseconds"), 1),
    (diff(date("1970-01-01"), date("2020-03-01"), "days"), 18322),
    (diff(date("2020-03-01"), date("1970-01-01"), "day"), -18322),
    (diff(date("-999999999-01-01"), date("+999999999-12-31"), "day"), 730484999633),
    ({"to_seconds": ts("1970-01-01T00:00:01.999Z")}, 1),
    ({"to_seconds": ts("1969-12-31T23:59:59.999999999Z")}, -1),
    ({"to_millis": ts("1969-12-31T23:59:59.999999999Z")}, -1),
    ({"to_micros": ts("1969-12-31T23:59:59.999999999Z")}, -1),
    ({"to_seconds": 1_500_000}, 1),
    ({"to_seconds": -1}, -1),
    ({"to_millis": 1_500_000}, 1500),
    ({"to_micros": MAX}, MAX),
    ({"to_micros": MIN}, MIN),
    ({"to_micros": ts("+999999999-12-31T23:59:59Z")}, (31556889832780799 * 1_000_000 + 2**63) % 2**64 - 2**63),
    ({"to_seconds": ts("+999999999-12-31T23:59:59Z")}, 31556889832780799),
    ({"second": ts("2019-03-05T07:08:09.9Z")}, 9),
    ({"minute": ts("2019-03-05T07:08:09Z")}, 8),
    ({"hour": ts("2019-03-05T23:08:09Z")}, 23),
    ({"day_of_month": ts("2019-03-31T00:00:00Z")}, 31),
    ({"month": ts("2019-12-31T23:59:59Z")}, 12),
    ({"year": ts("2019-12-31T23:59:59Z")}, 2019),
    ({"year": ts("-0005-01-01T00:00:00Z")}, -5),
    ({"year": ts("0000-01-01T00:00:00Z")}, 0),
    ({"year": {"time": "+12345-01-01T00:00:00Z"}}, 12345),
    ({"day_of_year": ts("2020-12-31T00:00:00Z")}, 366),
    ({"day_of_year": ts("2019-12-31T00:00:00Z")}, 365),
    ({"day_of_week": ts("1970-01-05T00:00:00Z")}, 1),
    ({"day_of_week": ts("1969-12-28T23:59:59Z")}, 7),
    ({"hour": -1}, 23),
    ({"year": -1}, 1969),
    ({"day_of_week": 0}, 4),
    ({"equals": [{"now": None}, {"time": "now"}, {"to_time": "now"}]}, True),
    ({"is_timestamp": {"now": None}}, True),
]  # fmt: skip


@pytest.mark.parametrize(("query", "result"), RESULTS, ids=[json.dumps(query)[:90] for query, _ in RESULTS])
def test_results(db, query, result):
    found = db.wire(json.dumps(query))
    assert (found, type(found)) == (result, type(result))


ERRORS = [
    ({"epoch": MAX, "unit": "seconds"}, [], BOUNDS),
    ({"epoch": MIN, "unit": "days"}, [], BOUNDS),
    ({"epoch": 31556889864403200, "unit": "second"}, [], BOUNDS),
    ({"epoch": -31557014167219201, "unit": "second"}, [], BOUNDS),
    ({"time_add": EPOCH, "offset": MAX, "unit": "hours"}, ["offset"], BOUNDS),
    ({"time_subtract": EPOCH, "offset": MAX, "unit": "hours"}, ["offset"], BOUNDS),
    ({"time_subtract": EPOCH, "offset": MIN, "unit": "days"}, ["offset"], BOUNDS),
    ({"time_add": date("+999999999-12-31"), "offset": 1, "unit": "day"}, ["offset"], BOUNDS),
    ({"time_subtract": date("-999999999-01-01"), "offset": 1, "unit": "day"}, ["offset"], BOUNDS),
    ({"time_add": date("1970-01-01"), "offset": MAX, "unit": "day"}, ["offset"], BOUNDS),
    ({"time_add": date("1970-01-01"), "offset": 1, "unit": " hours "}, ["unit"], "Invalid time unit ' hours '."),
    ({"time_subtract": date("1970-01-01"), "offset": 1, "unit": "half day"}, ["unit"], "Invalid time unit 'half day'."),
    ({"time_add": date("1970-01-01"), "offset": MAX, "unit": "nanosecond"}, ["unit"], "Invalid time unit 'nanosecond'."),
    (diff(date("1970-01-01"), date("1970-01-02"), "minutes"), ["unit"], "Invalid time unit 'minutes'."),
    (diff(EPOCH, date("1970-01-01"), "day"), ["time_diff"], "Incompatible time arguments."),
    (diff(date("1970-01-01"), EPOCH, "hour"), ["time_diff"], "Incompatible time arguments."),
    ({"time_add": 0, "offset": "x", "unit": "x"}, ["time_add"], "Temporal expected, Integer provided."),
    ({"time_add": EPOCH, "offset": 1.0, "unit": "x"}, ["offset"], "Integer expected, Double provided."),
    (diff(EPOCH, 1, "x"), ["other"], "Temporal expected, Integer provided."),
    ({"epoch": 1.0, "unit": "x"}, ["epoch"], "Integer expected, Double provided."),
    ({"epoch": 1, "unit": 1}, ["unit"], "Time Unit expected, Integer provided."),
    ({"now": "x"}, ["now"], "Null expected, String provided."),
    ({"to_millis": FAR}, ["to_millis"], TOO_LONG),
    (diff(EPOCH, FAR, "millisecond"), ["other"], TOO_LONG),
    (diff(EPOCH, ts("2300-01-01T00:00:00Z"), "nanosecond"), ["other"], TOO_LONG),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(e[0])[:90] for e in ERRORS]
)
def test_errors(db, query, position, description):
    assert db.error(json.dumps(query)) == {
        "position": position,
        "code": "invalid argument",
        "description": description,
    }


@pytest.mark.parametrize(
    "query",
    [
        {"to_millis": {"time": "+999999999-01-01T00:00:00Z"}},
        diff({"time": "-999999999-01-01T00:00:00Z"}, {"time": "+999999999-01-01T00:00:00Z"}, "milliseconds"),
        diff({"time": "1600-01-01T00:00:00Z"}, {"time": "2000-01-01T00:00:00Z"}, "nanoseconds"),
        diff({"time": "1600-01-01T00:00:00Z"}, {"time": "2000-01-01T00:00:00Z"}, "microseconds"),
    ],
    ids=lambda query: json.dumps(query)[:90],
)
def test_counts_beyond_64_bits_fail(db, query):
    status, errors = db.failure(json.dumps(query))
    assert 400 <= status < 600
    assert errors


def test_now_is_the_same_all_over_a_query(db):
    query = {
        "let": {"a": {"now": None}},
        "in": {
            "equals": [
                {"var": "a"},
                {"select": 0, "from": {"map": {"lambda": "x", "expr": {"now": None}}, "collection": [1]}},
            ]
        },
    }
    assert db.wire(json.dumps(query)) is True
