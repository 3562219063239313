"""JavaScript-style FQL: every function against what the JavaScript driver sends, errors with their places."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.forms import BY_KEYS, FUNCTIONS
from faunadb.fql.javascript import parse, parse_script

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "javascript_queries.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:60])
def test_wire_form(case):
    assert parse(case["text"]).wire == case["wire"]


def test_every_function_of_the_javascript_driver_is_covered():
    text = "\n".join(case["text"] for case in CASES)
    not_in_that_driver = {"IsUUID", "First", "Last", "SelectAsIndex"}
    missing = [f.javascript for f in FUNCTIONS if f.javascript + "(" not in text]
    assert sorted(missing) == sorted(not_in_that_driver)


@pytest.mark.npm
def test_the_cases_are_what_the_javascript_driver_sends(npm_driver):
    texts = [case["text"] for case in CASES]
    environment = {**os.environ, "NODE_PATH": str(npm_driver / "node_modules")}
    command = ["node", str(HERE / "javascript_driver.js")]
    done = subprocess.run(
        command,
        input=json.dumps(texts),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == [case["wire"] for case in CASES]


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("First([1])", {"first": [1]}),
        ("Last([1])", {"last": [1]}),
        ("IsUUID(1)", {"is_uuid": 1}),
        ("SelectAsIndex(['a'], {})", {"select_as_index": ["a"], "from": {"object": {}}}),
        ("9007199254740993", 9007199254740993),
        ("10n", 10),
        ("1_000", 1000),
        ("Get(undefined)", {"get": None}),
        ("q.query.Now()", {"now": None}),
        ("faunadb.query.Now()", {"now": None}),
        ("client.query(Now())", {"now": None}),
        (
            "await client.query(\n q.Now(),\n).then((ret) => console.log(ret)).catch(e => f(e, (1)))",
            {"now": None},
        ),
        ("var_ => var_", {"lambda": "var_", "expr": {"var": "var_"}}),
    ],
)
def test_beyond_the_driver(text, wire):
    assert parse(text).wire == wire


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "there is no query here"),
        ("Get(x)", 1, 5, 'x is not defined; a variable of the query is written Var("x")'),
        ("Map([1], x => x)\n, 2", 2, 1, "an expression was expected, ',' was found"),
        (
            "Add(1, 2",
            1,
            9,
            ", or ) was expected (to close the ( of line 1, column 4), the end of the text was found",
        ),
        ("Get(\n  Rf('a', b))", 2, 3, "FQL v4 has no function Rf; did you mean Ref?"),
        ("Frobnicate()", 1, 1, "FQL v4 has no function Frobnicate"),
        ("Get()", 1, 1, "Get takes 1 to 2 arguments, 0 given"),
        ("Var(1, 2)", 1, 1, "Var takes 1 argument, 2 given"),
        ("q.Now(1)", 1, 3, "Now takes 0 arguments, 1 given"),
        ("'open", 1, 1, "this string is not closed"),
        ("'a\nb'", 1, 1, "this string is not closed"),
        ("/* open", 1, 1, "this comment is not closed: */ is missing"),
        ("`${a}`", 1, 2, "${...} in a string is not supported; use Format or Concat"),
        ("{a: 1, b}", 1, 8, 'b is not defined; a variable of the query is written Var("b")'),
        ("{a 1}", 1, 4, ": was expected, '1' was found"),
        ("{a: 1 b: 2}", 1, 7, ", or } was expected (to close the { of line 1, column 1), 'b' was found"),
        (
            "[1, 2",
            1,
            6,
            ", or ] was expected (to close the [ of line 1, column 1), the end of the text was found",
        ),
        ("[...a]", 1, 2, "spread arguments are not supported; write them out"),
        ("() => 1", 1, 1, "a lambda needs at least one parameter; name it _ if it is not used"),
        ("x => { let y = 1 }", 1, 12, ": was expected, 'y' was found"),
        ("Now() + 1", 1, 7, "+ works between literals only; use Add(...)"),
        ("1 / 0", 1, 3, "division by zero"),
        ("-Now()", 1, 1, "- works before numbers only"),
        (
            "new Date()",
            1,
            1,
            'JavaScript objects cannot be made here; write Time("...") or Date("...") for a Date',
        ),
        ("Get(Collection)", 1, 5, "Collection is a function: call it with Collection(...)"),
        ("Math.floor(1)", 1, 1, "unknown name Math: FQL functions stand alone or behind q."),
        ("Get(a).data", 1, 7, "a value has no members here; use Select([...], value)"),
        ("Let(1, 2)", 1, 5, "Let takes its variables as an object, or as an array of objects"),
        ("Paginate(Keys(), 3)", 1, 18, "the options of Paginate are an object, such as {size: 10}"),
        ("Lambda(1)", 1, 8, "Lambda takes a function, or parameters and a body"),
        ("Now() Now()", 1, 7, "a comma, an operator or the end of the query was expected, 'Now' was found"),
        ("Now()\nNow()", 2, 1, "one expression was expected, and here another one begins"),
        ("1 # 2", 1, 3, "unexpected character '#'"),
        ("12ab", 1, 1, "a number may not run into a name"),
        (r"'\u12'", 1, 2, "this is not an escape that a string may hold"),
        (r"'\u{110000}'", 1, 2, "there is no such character"),
        ("client.stream(Now())", 1, 8, "client.stream(...) cannot be run here; write the query itself"),
    ],
)
def test_errors_name_line_and_column(text, line, column, message):
    with pytest.raises(FqlSyntaxError) as caught:
        parse(text)
    assert caught.value.message == message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_error_text_shows_a_caret():
    with pytest.raises(FqlSyntaxError) as caught:
        parse('Map(\n  Paginate(Documents(Collecton("a"))),\n  x => x)')
    assert str(caught.value) == (
        "line 2, column 22: FQL v4 has no function Collecton; did you mean Collection?\n"
        "Map(\n"
        '  Paginate(Documents(Collecton("a"))),\n'
        "                     ^^^^^^^^^\n"
        "  x => x)"
    )


def test_nesting_too_deep_is_an_error_of_the_query():
    with pytest.raises(FqlSyntaxError, match="nested too deeply"):
        parse("[" * 100_000)


def test_a_script_has_queries_one_after_another():
    text = "CreateCollection({name: 'a'}); Now()\n\n// the end\nGet(\nRef(Collection('a'), '1')\n)\n;;"
    assert [query.wire for query in parse_script(text)] == [
        {"create_collection": {"object": {"name": "a"}}},
        {"now": None},
        {"get": {"ref": {"collection": "a"}, "id": "1"}},
    ]


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("Map([1], x => Add(x, 'a'))", ["map", "expr", "add", 1], "'a'"),
        ("Map([1], Lambda('x', Add(Var('x'), 'a')))", ["map", "expr", "add", 1], "'a'"),
        ("Let({a: 1, b: Foo()}, 1)".replace("Foo()", "Now()"), ["let", 1, "b"], "Now()"),
        ("Create(Collection('a'), {data: {x: Now()}})", ["params", "object", "data", "object", "x"], "Now()"),
        ("Paginate(Keys(), {size: Now()})", ["size"], "Now()"),
        ("Match(Index('i'), 1)", ["terms"], "1"),
        ("Match(Index('i'), 1, 2)", ["terms", 1], "2"),
        ("Do(1, Abort('x'))", ["do", 1], "Abort('x')"),
        ("Get(Ref(Collection('a'), 'x'))", ["get", "id"], "'x'"),
        ("Now()", [], "Now()"),
        ("If(true, Abort('x'), 1)", ["then", "unknown", 3], "Abort('x')"),
    ],
)
def test_positions_are_found_in_the_text(text, position, part):
    start, end = parse(text).span_of(position)
    assert text[start:end] == part


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _as_wire(value):
    if isinstance(value, dict):
        return {"object": {key: _as_wire(item) for key, item in value.items()}}
    if isinstance(value, list):
        return [_as_wire(item) for item in value]
    return value


@given(_json)
def test_json_is_understood(value):
    assert parse("(" + json.dumps(value) + ")").wire == _as_wire(value)
    assert parse(json.dumps([value], indent=1, ensure_ascii=False)).wire == [_as_wire(value)]


def test_no_two_functions_share_a_form():
    claimed = {}
    for keys, function in BY_KEYS.items():
        assert claimed.setdefault(keys, function) is function
        assert function.parameters[0].key in keys or function.python_parameters[0].key in keys
