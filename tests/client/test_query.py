"""Expressions: the table of wire forms, equality, representation, and what cannot be sent."""

from __future__ import annotations

import datetime
import inspect
import json
import re
import warnings
from collections import OrderedDict, namedtuple
from enum import IntEnum
from pathlib import Path

import pytest

from faunadb import query as q
from faunadb._json import to_json
from faunadb.errors import UnexpectedError
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef

CASES = json.loads((Path(__file__).parent / "data" / "query_wire_forms.json").read_text(encoding="utf-8"))
NAMES = {
    "q": q,
    "Ref": Ref,
    "SetRef": SetRef,
    "Native": Native,
    "FaunaTime": FaunaTime,
    "Query": Query,
    "datetime": datetime,
}


def evaluate(source: str) -> object:
    return eval(source, NAMES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["python"])
def test_wire_form(case: dict[str, str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = evaluate(case["python"])
    assert to_json(q._wrap(value), sort_keys=True) == case["json"]
    expected = [case["deprecated"]] if "deprecated" in case else []
    assert [str(warning.message) for warning in caught] == expected
    for warning in caught:
        assert warning.category is DeprecationWarning
        assert warning.filename == "<string>", "the warning must point at the caller"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (q.format("%s", "a"), '{"format":"%s","values":"a"}'),
        (q.format("%s %s", ["a", "b"]), '{"format":"%s %s","values":["a","b"]}'),
        (q.call("f", 1), '{"call":"f","arguments":1}'),
        (q.match("i", ["a"]), '{"match":"i","terms":["a"]}'),
        (q.add([1, 2]), '{"add":[1,2]}'),
        (q.union([1, 2]), '{"union":[1,2]}'),
    ],
    ids=lambda value: "",
)
def test_an_argument_that_is_alone_goes_bare(value: q._Expr, text: str) -> None:
    """So an array may hold all of them."""
    assert to_json(value) == text


def test_table_covers_every_function() -> None:
    functions = {
        name
        for name, value in vars(q).items()
        if inspect.isfunction(value) and value.__module__ == "faunadb.query" and not name.startswith("_")
    }
    mentioned = set(re.findall(r"\bq\.(\w+)\(", " ".join(case["python"] for case in CASES)))
    assert functions == mentioned - {"_wrap"}
    assert len(CASES) == 329


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            q.get(Ref("1", Ref("c", Native.COLLECTIONS))),
            "Expr({'get': Ref(id=1, collection=Ref(id=c, collection=Ref(id=collections)))})",
        ),
        (q._wrap({"a": [1, {"b": 2}]}), "Expr({'object': {'a': Expr([1, Expr({'object': {'b': 2}})])}})"),
        (q.add(1, q.var("x")), "Expr({'add': Expr([1, Expr({'var': 'x'})])})"),
        (q.now(), "Expr({'now': None})"),
        (q._Expr("a"), "Expr('a')"),
        (q._Expr(None), "Expr(None)"),
        (q._Expr([1, q._Expr(2)]), "Expr([1, Expr(2)])"),
        (q._Expr({"a": q._Expr(1)}), "Expr({'a': Expr(1)})"),
        (SetRef(q.match(q.index("i"), 1)), "SetRef({'match': Expr({'index': 'i'}), 'terms': 1})"),
        (
            SetRef({"match": Ref("i", Native.INDEXES)}),
            "SetRef({'match': Ref(id=i, collection=Ref(id=indexes))})",
        ),
        (SetRef({"match": {"index": "i"}}), "SetRef({'match': {'index': 'i'}})"),
        (FaunaTime("1970-01-01T00:00:00Z"), "FaunaTime('1970-01-01T00:00:00Z')"),
        (Query({"lambda": "x"}), "Query({'lambda': 'x'})"),
        (
            Ref("1", Ref("c", Native.COLLECTIONS), Ref("d", Native.DATABASES)),
            "Ref(id=1, collection=Ref(id=c, collection=Ref(id=collections)), database=Ref(id=d, collection=Ref(id=databases)))",
        ),
    ],
)
def test_repr(value: object, expected: str) -> None:
    assert repr(value) == expected


def test_equal_expressions_have_equal_hashes() -> None:
    pairs = [
        (q.get(q.var("x")), q.get(q.var("x"))),
        (q._wrap({"a": [1, 2]}), q._wrap({"a": (1, 2)})),
        (q._Expr({"b": bytearray(b"x")}), q._Expr({"b": b"x"})),
        (q._Expr([1]), q._Expr([1.0])),
        (Ref("1", Native.KEYS), Ref("1", Native.from_name("keys"))),
    ]
    for one, other in pairs:
        assert one == other
        assert hash(one) == hash(other)
        assert len({one, other}) == 1
    assert q.get(1) != q.exists(1)
    assert q.get(1) != {"get": 1}


def test_python_functions_become_lambdas() -> None:
    def body(a, b):
        local = q.add(a, b)
        another = q.multiply(local, 2)
        return another

    class Holder:
        def method(self, x):
            return q.not_(x)

    assert to_json(q._wrap(body)) == (
        '{"lambda":["a","b"],"expr":{"multiply":[{"add":[{"var":"a"},{"var":"b"}]},2]}}'
    )
    assert to_json(q.map_(Holder().method, [])) == (
        '{"map":{"lambda":"x","expr":{"not":{"var":"x"}}},"collection":[]}'
    )


@pytest.mark.parametrize(
    ("func", "text"),
    [
        (lambda: 1, "at least 1 argument"),
        (lambda a=1: a, "default"),
        (lambda *a: a, r"\*args"),
        (lambda a, **k: a, r"\*\*kwargs"),
        (lambda a, *, b: a, "keyword-only"),
        (abs, "function or lambda expected"),
        (5, "function or lambda expected"),
    ],
)
def test_functions_that_cannot_be_lambdas(func: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        q.lambda_query(func)


def test_let_call_styles() -> None:
    expected = '{"let":[{"x":1},{"y":{"var":"x"}}],"in":{"var":"y"}}'
    bindings = {"x": 1, "y": q.var("x")}
    assert to_json(q.let(bindings, q.var("y"))) == expected
    assert to_json(q.let(**bindings).in_(q.var("y"))) == expected
    assert to_json(q.let(bindings).in_(q.var("y"))) == expected
    assert to_json(q.let([{"x": 1}, {"y": q.var("x")}], q.var("y"))) == expected
    for arguments, keywords in [
        ((), {}),
        ((1, 2), {}),
        (([1], 2), {}),
        (({}, 1, 2), {}),
        (({"x": 1},), {"y": 2}),
    ]:
        with pytest.raises(TypeError, match="let"):
            q.let(*arguments, **keywords)


def test_derived_types_are_wrapped() -> None:
    class Colour(IntEnum):
        RED = 3

    Point = namedtuple("Point", "x y")
    value = OrderedDict([("p", Point(1, 2)), ("c", Colour.RED), ("t", type("Text", (str,), {})("s"))])
    assert to_json(q._wrap(value)) == '{"object":{"p":[1,2],"c":3,"t":"s"}}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        ([{"a": 2**70}], "64 bits"),
        (float("nan"), "NaN"),
        ({"a": float("inf")}, "infinity"),
        ({(1, 2): 2}, "keys of an object must be strings"),
        ({"a": {b"a": 2}}, "keys of an object must be strings"),
        ({1, 2}, "Unserializable object {1, 2} of type <class 'set'>"),
        (object, "Unserializable object <class 'object'> of type <class 'type'>"),
        (datetime.time(1), "Unserializable object 01:00:00 of type <class 'datetime.time'>"),
        ({"a": [iter([])]}, "Unserializable object <list_iterator"),
    ],
)
def test_values_that_cannot_be_sent(value: object, text: str) -> None:
    with pytest.raises(UnexpectedError) as caught:
        to_json(q._wrap(value))
    assert text in str(caught.value)
    assert caught.value.request_result is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1: 10}, '{"1":10}'),
        ({1.5: 1, 1e20: 2}, '{"1.5":1,"1e+20":2}'),
        ({True: 1, False: 2, None: 3}, '{"true":1,"false":2,"null":3}'),
        ({"a": {2: 3}}, '{"a":{"object":{"2":3}}}'),
    ],
)
def test_keys_that_are_no_strings_go_as_json_writes_them(value: object, text: str) -> None:
    assert to_json(q._wrap(value)) == '{"object":%s}' % text
    assert to_json(value) == text.replace('{"object":{"2":3}}', '{"2":3}')


def test_such_keys_in_structures_deeper_than_the_recursion_limit() -> None:
    nested: object = {None: 1, 2: 3}
    for _ in range(3000):
        nested = [nested]
    assert to_json(q._wrap(nested)) == "[" * 3000 + '{"object":{"null":1,"2":3}}' + "]" * 3000


def test_extreme_integers_can_be_sent() -> None:
    assert to_json(q._wrap([2**63 - 1, -(2**63)])) == "[9223372036854775807,-9223372036854775808]"


def test_structures_that_contain_themselves() -> None:
    mapping: dict[str, object] = {}
    mapping["a"] = [mapping]
    sequence: list[object] = []
    sequence.append({"x": sequence})
    for value in (mapping, sequence):
        with pytest.raises(UnexpectedError, match="contains itself"):
            q._wrap(value)
        with pytest.raises(UnexpectedError, match="contains itself"):
            to_json(value)


def test_structures_deeper_than_the_recursion_limit() -> None:
    depth = 3000
    nested: object = 1
    expression: object = 1
    for _ in range(depth):
        nested = {"a": [nested, (2,)]}
        expression = q.abs(expression)
    assert to_json(q._wrap(nested)) == '{"object":{"a":[' * depth + "1" + ",[2]]}}" * depth
    assert to_json(expression) == '{"abs":' * depth + "1" + "}" * depth
    assert to_json({"b": expression, "a": 1}, sort_keys=True).startswith('{"a":1,"b":{"abs"')


def test_deep_structures_report_what_is_wrong() -> None:
    nested: object = {b"a": 2}
    for _ in range(3000):
        nested = [nested]
    with pytest.raises(UnexpectedError, match="keys of an object must be strings"):
        q._wrap(nested)
    endless = lambda x: q.map_(endless, x)
    with pytest.raises((UnexpectedError, RecursionError)):
        q._wrap(endless)
