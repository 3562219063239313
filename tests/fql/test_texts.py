"""Which language a text is in, and Python-style queries read without running Python."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from faunadb import query as q
from faunadb.cli.paging import next_page_query
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.python_fql import QUERY_FUNCTIONS, parse, parse_script
from faunadb.fql.render import to_wire
from faunadb.fql.texts import is_javascript, parse_text
from faunadb.objects import FaunaTime, Native, Query, Ref


@pytest.mark.parametrize(
    ("text", "javascript"),
    [
        ('Get(Ref(Collection("a"), "1"))', True),
        ('q.Get(q.Ref(q.Collection("a"), "1"))', True),
        ("Now()", True),
        ("x => x", True),
        ('{"a": true, b: null}', True),
        ("Map([1], x => x) // done", True),
        ("q.now()", False),
        ('get(ref(collection("a"), "1"))', False),
        ('Ref("1", Ref("a", Native.COLLECTIONS))', False),
        ("client.query(q.now())", False),
        ("client.query(q.Now())", True),
        ("x = 1", False),
        ("for x in [1]:\n    print(x)", False),
        ("'Get(x)'", False),
        ("# Get(x)\nq.now()", False),
        ("1 + 1", False),
        ('_["data"]', False),
        ("errors.HttpError", False),
        ("Get('open", True),
        ("print('open", False),
    ],
)
def test_language(text, javascript):
    assert is_javascript(text) is javascript


NOW = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('q.get(q.ref(q.collection("a"), "1"))', q.get(q.ref(q.collection("a"), "1"))),
        ('get(ref(collection("a"), "1"), ts=5)', q.get(q.ref(q.collection("a"), "1"), ts=5)),
        ("q.map_(lambda x: q.add(x, 1), [1, 2])", q.map_(lambda x: q.add(x, 1), [1, 2])),
        ("map_(lambda a, b: [b, a], [[1, 2]])", q.map_(lambda a, b: [b, a], [[1, 2]])),
        (
            "lambda x: map_(lambda y: [x, y], x)",
            q.lambda_("x", q.map_(lambda y: [q.var("x"), y], q.var("x"))),
        ),
        ("q.let(x=1, y=2).in_(q.var('x'))", q.let(x=1, y=2).in_(q.var("x"))),
        ("q.let({'x': 1}, q.var('x'))", q.let({"x": 1}, q.var("x"))),
        ("(1, -2.5, 'a', None, True, b'x')", (1, -2.5, "a", None, True, b"x")),
        ("{'a': [1], 'b': {}}", {"a": [1], "b": {}}),
        ("60 * 60 + 1", 3601),
        ("'a' + 'b'", "ab"),
        ("Ref('1', Ref('a', Native.COLLECTIONS))", Ref("1", Ref("a", Native.COLLECTIONS))),
        ("FaunaTime('2020-01-02T03:04:05Z')", FaunaTime("2020-01-02T03:04:05Z")),
        ("datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)", NOW),
        ("datetime.date(2020, 1, 2)", datetime.date(2020, 1, 2)),
        ("Query({'lambda': 'x', 'expr': 1})", Query({"lambda": "x", "expr": 1})),
        ("client.query(q.now())", q.now()),
        ("if_expr(True, 1, 2)", q.if_(True, 1, 2)),
        ("\n  q.now()\n", q.now()),
    ],
)
def test_python(text, query):
    assert parse(text).wire == to_wire(q._wrap(query))


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "there is no query here"),
        ("q.now()\nq.now()", 1, 1, "one expression was expected"),
        ("import os", 1, 1, "an expression was expected, not a statement of Python"),
        ("__import__('os').system('ls')", 1, 1, "there is no query function here"),
        ("open('/etc/passwd')", 1, 1, "there is no query function open"),
        ("q._wrap(1)", 1, 1, "there is no query function q._wrap"),
        ("q.get.__globals__", 1, 1, "q.get.__globals__ is not defined"),
        ("().__class__", 1, 1, "this is not defined"),
        ("[x for x in [1]]", 1, 1, "this is no part of a query"),
        ("f'{1}'", 1, 1, "this is no part of a query"),
        ("1j", 1, 1, "this is no value of a query"),
        ("q.gett(1)", 1, 1, "there is no query function q.gett; did you mean get?"),
        ("'é' + q.get(x)", 1, 13, "x is not defined"),
        ("q.add(1, get)", 1, 10, "get is a function: call it"),
        ("q.get(1, 2, 3)", 1, 1, "get() takes from 1 to 2 positional arguments but 3 were given"),
        ("q.add(*[1])", 1, 1, "spread arguments are not understood here"),
        ("{**{}}", 1, 1, "** is not understood here"),
        ("lambda *a: 1", 1, 1, "a lambda takes plain parameters, one at least"),
        ("q.now() + 1", 1, 1, "arithmetic works between numbers only; use q.add(...) and the like"),
        ("1 / 0", 1, 1, "division by zero"),
        ("-'a'", 1, 1, "this operator works before numbers only"),
    ],
)
def test_python_errors(text, line, column, message):
    with pytest.raises(FqlSyntaxError) as caught:
        parse(text)
    assert caught.value.message == message
    assert (caught.value.line, caught.value.column) == (line, column)


LONG = 64 * 1024


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bytearray(300000000)", "bytearray takes a literal of bytes"),
        ("bytearray(range(5))", "bytearray takes a literal of bytes"),
        ("bytearray([256])", "byte must be in range"),
        ("9223372036854775808", "this number is out of range: integers have 64 bits"),
        ("-9223372036854775809", "this number is out of range: integers have 64 bits"),
        ("4611686018427387904 * 2", "this number is out of range: integers have 64 bits"),
        ("1e999", "this number is out of range: doubles have 64 bits"),
        ("1e300 * 1e300", "this number is out of range: doubles have 64 bits"),
        ("9" * LONG, "this number is out of range"),
        ("[true, " + "9" * LONG + "]", "this number is out of range"),
        ("x => [Get(1), 1e999]", "this number is out of range"),
        ("[true, 9e300 * 9e300]", "the result is out of range"),
        ("[true, " + "9" * 900 + "*" + "9" * 900 + "]", "the result is out of range"),
        ("[true, " + "9" * 900 + "* 1.5]", "the result is out of range"),
        ("'a' * 1000000000", "arithmetic works between numbers only"),
        ("'%999999999d' % 1", "arithmetic works between numbers only"),
        ("datetime.timedelta(1999999999)", "days=1999999999; must have magnitude <= 999999999"),
        ("datetime.date(10000, 1, 1)", "year 10000 is out of range"),
        ("let(1)", "Bindings of let must be"),
    ],
    ids=lambda value: value[:30],
)
def test_values_are_bounded_before_they_are_made(text, message):
    with pytest.raises(FqlSyntaxError) as caught:
        parse_text(text)
    assert message in caught.value.message


def test_the_least_integer_can_be_written():
    assert parse("[-9223372036854775808, 9223372036854775807]").wire == [-(2**63), 2**63 - 1]


@pytest.mark.parametrize(
    "text",
    [
        "[" * LONG,
        "[" * (LONG // 2) + "]" * (LONG // 2),
        '{"a":' * (LONG // 6) + "1" + "}" * (LONG // 6),
        "q.get(" * (LONG // 7) + "1" + ")" * (LONG // 7),
        "-" * LONG + "1",
        "not " * (LONG // 4) + "1",
        "+".join("1" * (LONG // 2)),
        "lambda x: " * (LONG // 10) + "1",
        "1 if 1 else " * (LONG // 12) + "1",
        "a" + ".b" * (LONG // 2),
        "f" + "()" * (LONG // 2),
        "a" + "[0]" * (LONG // 3),
        "Get(" * (LONG // 5) + ")" * (LONG // 5),
        "x=>" * (LONG // 3) + "1",
    ],
    ids=lambda text: text[:12],
)
def test_depth_is_refused_by_its_own_name(text):
    with pytest.raises(FqlSyntaxError, match="nested too deeply"):
        parse_text(text)


def test_python_syntax_error_has_its_place():
    with pytest.raises(FqlSyntaxError) as caught:
        parse("q.add(\n  1,,2)")
    assert (caught.value.line, caught.value.column) == (2, 5)


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_python_nested_too_deeply(depth):
    with pytest.raises(FqlSyntaxError):
        parse("[" * depth + "]" * depth)


def test_all_functions_of_the_driver_are_there():
    assert len(QUERY_FUNCTIONS) == 213
    assert "_wrap" not in QUERY_FUNCTIONS


def test_a_script_may_be_in_either_style():
    assert [query.wire for query in parse_script("q.now()\nq.new_id()")] == [{"now": None}, {"new_id": None}]
    assert [query.wire for query in parse_text("Now(); NewId()")] == [{"now": None}, {"new_id": None}]
    assert [query.wire for query in parse_text("now()\nnew_id()")] == [{"now": None}, {"new_id": None}]


REF = Ref("2", Ref("a", Native.COLLECTIONS))
PAGE = {"data": [1], "after": [5, REF], "before": [1]}


@pytest.mark.parametrize(
    ("query", "result", "following"),
    [
        (q.paginate(q.keys(), size=1), PAGE, q.paginate(q.keys(), size=1, after=[5, REF])),
        (q.paginate(q.keys(), before=[3]), PAGE, q.paginate(q.keys(), after=[5, REF])),
        (
            q.map_(lambda x: q.get(x), q.filter_(lambda x: True, q.paginate(q.keys(), after=[0]))),
            PAGE,
            q.map_(lambda x: q.get(x), q.filter_(lambda x: True, q.paginate(q.keys(), after=[5, REF]))),
        ),
        (
            q.paginate(q.events(REF)),
            {"data": [], "after": {"ts": 1}},
            q.paginate(q.events(REF), after={"ts": 1}),
        ),
        (q.paginate(q.keys()), {"data": [1]}, None),
        (q.get(REF), {"data": {"a": 1}, "after": 1}, None),
        (q.get(REF), PAGE, None),
        (q.now(), 5, None),
    ],
)
def test_the_query_for_the_next_page(query, result, following):
    expected = None if following is None else to_wire(following)
    assert next_page_query(to_wire(query), result) == expected


_FORMS_FILE = Path(__file__).parents[1] / "client" / "data" / "query_wire_forms.json"
FORMS = [form for form in json.loads(_FORMS_FILE.read_text("utf-8")) if "_wrap" not in form["python"]]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["python"][:60])
def test_every_call_of_the_driver_is_read(form):
    assert parse(form["python"]).wire == json.loads(form["json"])
