"""Numbers, row by row (value functions, "Numbers"). Results are compared as JSON text: 1 is not 1.0, 0.0 not -0.0."""

from __future__ import annotations

import json

import pytest

from .kinds import database_of_kinds

db = database_of_kinds

MIN, MAX = -(2**63), 2**63 - 1
NAN, INF, LESS = {"to_double": "NaN"}, {"to_double": "∞"}, {"to_double": "-∞"}

RESULTS = [
    # folds
    ({"add": [1, 2, 3]}, "6"), ({"add": [5]}, "5"), ({"add": 5}, "5"), ({"add": [MAX, 1]}, str(MIN)),
    ({"add": [MIN, -1]}, str(MAX)), ({"add": [MAX, 1.0]}, "9.223372036854776E18"), ({"add": [0.1, 0.2]}, "0.30000000000000004"),
    ({"add": [MAX, 1, 0.0]}, "-9.223372036854776E18"), ({"add": [INF, LESS]}, '"NaN"'), ({"add": [-0.0]}, "-0.0"),
    ({"let": {"x": [1, 2]}, "in": {"add": {"var": "x"}}}, "3"),
    ({"subtract": [1, 2, 3]}, "-4"), ({"subtract": [MIN, 1]}, str(MAX)), ({"subtract": 5}, "5"), ({"subtract": [1, 1.0]}, "0.0"),
    ({"multiply": [2, 3, 4]}, "24"), ({"multiply": [MAX, 2]}, "-2"), ({"multiply": [MIN, -1]}, str(MIN)),
    ({"multiply": [1e308, 10]}, '"Infinity"'), ({"multiply": [0, -1.0]}, "-0.0"),
    ({"divide": [7, 2]}, "3"), ({"divide": [-7, 2]}, "-3"), ({"divide": [7, -2]}, "-3"), ({"divide": [MIN, -1]}, str(MIN)),
    ({"divide": [5, 2, 2.0]}, "1.0"), ({"divide": [5, 2.0, 2]}, "1.25"), ({"divide": 0}, "0"), ({"divide": [0.0]}, "0.0"),
    ({"divide": [1, 3.0]}, "0.3333333333333333"), ({"divide": [MAX, 3]}, "3074457345618258602"), ({"divide": [1.0, INF]}, "0.0"),
    ({"divide": [9007199254740993, 1]}, "9007199254740993"), ({"divide": [INF, INF]}, '"NaN"'),
    ({"modulo": [-7, 3]}, "-1"), ({"modulo": [7, -3]}, "1"), ({"modulo": [-7.5, 2]}, "-1.5"), ({"modulo": [MIN, -1]}, "0"),
    ({"modulo": [5, 3, 2]}, "0"), ({"modulo": [5.5, INF]}, "5.5"), ({"modulo": [INF, 2]}, '"NaN"'), ({"modulo": [-4.0, 2]}, "-0.0"),
    ({"modulo": [1, NAN]}, '"NaN"'), ({"modulo": 0}, "0"),
    ({"bitand": [6, 3]}, "2"), ({"bitor": [6, 3]}, "7"), ({"bitxor": [6, 3]}, "5"), ({"bitand": [-1, MIN]}, str(MIN)),
    ({"bitor": [6.9, 3]}, "7.0"), ({"bitand": [6, 3.9]}, "2.0"), ({"bitxor": [6.5]}, "6.5"), ({"bitand": [MAX, 1e300]}, "9.223372036854776E18"),
    ({"bitand": [NAN, 1]}, "0.0"), ({"bitxor": [1, 2, 4]}, "7"), ({"bitor": [-1.9, 0]}, "-1.0"),
    # small functions
    ({"abs": MIN}, str(MIN)), ({"abs": -5}, "5"), ({"abs": -0.0}, "0.0"), ({"abs": LESS}, '"Infinity"'), ({"abs": NAN}, '"NaN"'),
    ({"bitnot": 0}, "-1"), ({"bitnot": MAX}, str(MIN)), ({"bitnot": 7.9}, "-8"), ({"bitnot": NAN}, "-1"), ({"bitnot": INF}, str(MIN)),
    ({"ceil": 5}, "5"), ({"ceil": 1.2}, "2.0"), ({"ceil": -0.1}, "-0.0"), ({"ceil": -1.5}, "-1.0"), ({"ceil": INF}, '"Infinity"'),
    ({"ceil": NAN}, '"NaN"'), ({"ceil": 1e300}, "1.0E300"), ({"floor": 1.8}, "1.0"), ({"floor": -0.1}, "-1.0"), ({"floor": -0.0}, "-0.0"),
    ({"floor": LESS}, '"-Infinity"'), ({"floor": 0.5}, "0.0"),
    ({"sign": 5}, "1"), ({"sign": 0}, "0"), ({"sign": -5}, "-1"), ({"sign": 0.0}, "1"), ({"sign": -0.0}, "1"), ({"sign": NAN}, "1"),
    ({"sign": -0.5}, "-1"), ({"sign": LESS}, "-1"), ({"sign": INF}, "1"),
    ({"sqrt": 16}, "4.0"), ({"sqrt": 0}, "0.0"), ({"sqrt": -0.0}, "-0.0"), ({"sqrt": 2}, "1.4142135623730951"), ({"sqrt": INF}, '"Infinity"'),
    ({"exp": 0}, "1.0"), ({"exp": 1}, "2.718281828459045"), ({"exp": 1000}, '"Infinity"'), ({"exp": -1000}, "0.0"), ({"exp": LESS}, "0.0"),
    ({"exp": NAN}, '"NaN"'), ({"ln": 1}, "0.0"), ({"ln": 10}, "2.302585092994046"), ({"ln": INF}, '"Infinity"'), ({"log": 1000}, "3.0"),
    ({"log": 1}, "0.0"), ({"log": 0.001}, "-3.0"), ({"sin": 0}, "0.0"), ({"sin": INF}, '"NaN"'), ({"cos": 0}, "1.0"), ({"cos": LESS}, '"NaN"'),
    ({"tan": 0}, "0.0"), ({"tan": INF}, '"NaN"'), ({"sin": 1}, "0.8414709848078965"), ({"cos": 1}, "0.5403023058681398"),
    ({"tan": 1}, "1.5574077246549023"), ({"sinh": 1}, "1.1752011936438014"), ({"sinh": 0}, "0.0"), ({"sinh": LESS}, '"-Infinity"'),
    ({"cosh": 1}, "1.543080634815244"), ({"cosh": 0}, "1.0"), ({"cosh": 1000}, '"Infinity"'), ({"tanh": 1}, "0.7615941559557649"),
    ({"tanh": INF}, "1.0"), ({"atan": 1}, "0.7853981633974483"), ({"atan": INF}, "1.5707963267948966"), ({"acos": 1}, "0.0"),
    ({"acos": -1}, "3.141592653589793"), ({"acos": 0.5}, "1.0471975511965979"), ({"asin": 1}, "1.5707963267948966"), ({"asin": 0}, "0.0"),
    ({"asin": 0.5}, "0.5235987755982989"), ({"degrees": 3.141592653589793}, "180.0"), ({"degrees": 1}, "57.29577951308232"),
    ({"radians": 180}, "3.141592653589793"), ({"radians": 1}, "0.017453292519943295"), ({"degrees": 2}, "114.59155902616465"),
    ({"hypot": 3, "b": 4}, "5.0"), ({"hypot": 1}, "1.4142135623730951"), ({"hypot": NAN, "b": INF}, '"Infinity"'), ({"hypot": -3, "b": 4.0}, "5.0"),
    ({"pow": 3}, "9.0"), ({"pow": 2, "exp": 10}, "1024.0"), ({"pow": 0, "exp": -1}, '"Infinity"'), ({"pow": 0, "exp": 0}, "1.0"),
    ({"pow": -8, "exp": 0.3333333333333333}, '"NaN"'), ({"pow": 2, "exp": 0.5}, "1.4142135623730951"), ({"pow": -2, "exp": 3}, "-8.0"),
    ({"pow": 10, "exp": 400}, '"Infinity"'), ({"pow": 1, "exp": NAN}, '"NaN"'), ({"pow": NAN, "exp": 0}, "1.0"), ({"pow": 9, "exp": 17}, "1.6677181699666568E16"),
    ({"pow": MAX, "exp": 1}, "9.223372036854776E18"),
    # round
    ({"round": 5}, "5"), ({"round": 5, "precision": 3}, "5"), ({"round": 1234.5678}, "1234.57"), ({"round": 1234.5678, "precision": 0}, "1235.0"),
    ({"round": -5.678}, "-5.67"), ({"round": -5.672, "precision": 2}, "-5.66"), ({"round": -2.7, "precision": 0}, "-2.0"),
    ({"round": -556, "precision": -1}, "-550"), ({"round": 555.666, "precision": -2}, "600.0"), ({"round": 555, "precision": -2}, "600"),
    ({"round": 49, "precision": -2}, "0"), ({"round": 50, "precision": -2}, "100"), ({"round": 2.5, "precision": 0}, "3.0"),
    ({"round": NAN, "precision": 2}, "0.0"), ({"round": NAN, "precision": 0}, "0.0"), ({"round": 1e300, "precision": 2}, "9.315605757223324E18"),
    ({"round": INF, "precision": 0}, "9.223372036854776E18"), ({"round": 7, "precision": 0}, "7"), ({"round": 0.1, "precision": 1}, "0.1"),
    ({"round": MAX, "precision": -1}, str(MAX)), ({"round": 123456789, "precision": -10}, "0"), ({"round": 1.23456789012345, "precision": 12}, "1.234567890052948"),
    # trunc
    ({"trunc": 1234.5678}, "1234.56"), ({"trunc": 1234.5678, "precision": 1}, "1234.5"), ({"trunc": 1234.5678, "precision": -1}, "1230.0"),
    ({"trunc": -1299, "precision": -2}, "-1200"), ({"trunc": 1299, "precision": -2}, "1200"), ({"trunc": 5, "precision": 2}, "5"), ({"trunc": 5}, "5"),
    ({"trunc": -1.999, "precision": 2}, "-1.99"), ({"trunc": 1.999, "precision": 0}, "1.0"), ({"trunc": NAN}, "0.0"), ({"trunc": LESS, "precision": 0}, "-9.223372036854776E18"),
    # numbers as JSON
    (1.0, "1.0"), (1e2, "100.0"), (-0.0, "-0.0"), (1e400, '"Infinity"'), (-1e400, '"-Infinity"'), (MAX, str(MAX)), (1e-400, "0.0"),
    (2e23, "1.9999999999999998E23"), ({"object": {"a": NAN}}, '{"a":"NaN"}'),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text"), RESULTS, ids=[json.dumps(query)[:60] for query, _ in RESULTS])
def test_results(db, query, text):
    written = json.dumps(query).replace("-Infinity", "-1e400").replace("Infinity", "1e400")
    assert db.raw(written).body.decode() == f'{{"resource":{text}}}'


def domain(value, condition):
    return f"{value} must be {condition}"


POSITIVE, COSINE, ABOVE = "positive", "between -1 and 1 inclusive", "greater than 0"
ERRORS = [
    *[({key: []}, [key], "Non-empty array expected.") for key in "add subtract multiply divide modulo bitand bitor bitxor".split()],
    ({"divide": [1, 0]}, [], "Illegal division by zero."),
    ({"divide": [1, 0.0]}, [], "Illegal division by zero."),
    ({"divide": [1.5, -0.0]}, [], "Illegal division by zero."),
    ({"divide": [NAN, 0]}, [], "Illegal division by zero."),
    ({"divide": [1, 2, 0, 3]}, [], "Illegal division by zero."),
    ({"modulo": [1, 0]}, [], "Illegal division by zero."),
    ({"modulo": [NAN, 0.0]}, [], "Illegal division by zero."),
    ({"modulo": [INF, 0]}, [], "Illegal division by zero."),
    ({"sqrt": -1}, [], domain("-1", POSITIVE)),
    ({"sqrt": -0.5}, [], domain("-0.5", POSITIVE)),
    ({"sqrt": NAN}, [], domain("NaN", POSITIVE)),
    ({"sqrt": LESS}, [], domain("-Infinity", POSITIVE)),
    ({"acos": 2}, [], domain("2", COSINE)),
    ({"acos": -1.5}, [], domain("-1.5", COSINE)),
    ({"asin": 1e7}, [], domain("1.0E7", COSINE)),
    ({"asin": NAN}, [], domain("NaN", COSINE)),
    ({"acos": NAN}, [], domain("NaN", COSINE)),
    ({"ln": 0}, [], domain("0", ABOVE)),
    ({"ln": -0.0}, [], domain("-0.0", ABOVE)),
    ({"log": -1}, [], domain("-1", ABOVE)),
    ({"log": NAN}, [], domain("NaN", ABOVE)),
    ({"log": MIN}, [], domain(str(MIN), ABOVE)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "position", "description"), ERRORS, ids=[json.dumps(e[0])[:60] for e in ERRORS]
)
def test_errors(db, query, position, description):
    assert db.error(json.dumps(query)) == {
        "position": position,
        "code": "invalid argument",
        "description": description,
    }
