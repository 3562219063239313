"""Queries as text: what is printed makes the same query again, and errors mark the part that `position` names."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from faunadb import query as q
from faunadb._json import to_json
from faunadb.fql.javascript import parse
from faunadb.fql.render import JAVASCRIPT, PYTHON, SHELL, render_error, render_query, render_value
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef

HERE = Path(__file__).parent
WIRES = [
    json.loads(line)["wire"] for line in (HERE / "javascript_queries.jsonl").read_text("utf-8").splitlines()
]
# the driver has no function for these, or none with so few arguments
NOT_IN_PYTHON = (
    {"sinh": 1},
    {"hypot": 3},
    {"pow": 2},
    {"substring": "a"},
    {"create": {"collection": "a"}},
    {"paginate": {"match": {"index": "x"}, "terms": []}, "before": None},
    {"paginate": {"match": {"index": "x"}, "terms": []}, "cursor": {"object": {"after": 1}}},
)


@pytest.mark.parametrize("width", [30, 100])
@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: json.dumps(wire)[:50])
def test_javascript_comes_back(wire, width):
    text = render_query(wire, JAVASCRIPT, width)
    assert parse(f"({text})").wire == wire


def _python_wire(text):
    return json.loads(to_json(q._wrap(eval(text, {"q": q}))))


def _plain(wire):
    """The wire form without the differences between the drivers: empty terms, single values."""
    if isinstance(wire, list):
        return [_plain(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    wire = {key: _plain(value) for key, value in wire.items()}
    if wire.get("terms") == [] and "match" in wire:
        del wire["terms"]
    if "format" in wire and not isinstance(wire["values"], list):
        wire["values"] = [wire["values"]]
    return wire


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "wire", [wire for wire in WIRES if wire not in NOT_IN_PYTHON], ids=lambda wire: json.dumps(wire)[:50]
)
def test_python_comes_back(wire):
    text = render_query(wire, PYTHON, 60)
    assert _plain(_python_wire(text)) == _plain(wire)


@pytest.mark.parametrize(
    ("query", "python", "javascript"),
    [
        (q.get(q.ref(q.collection("a"), "1"), ts=5), 'q.get(q.ref(q.collection("a"), "1"), ts=5)', None),
        (q.select(["data", 0], {}, default=None), 'q.select(["data", 0], {}, default=None)', None),
        (
            q.paginate(q.match(q.index("i"), "x", 2), size=3, before=None),
            'q.paginate(q.match(q.index("i"), "x", 2), size=3)',
            'Paginate(Match(Index("i"), "x", 2), {size: 3})',
        ),
        (q.let({"a": 1}, q.var("a")), 'q.let({"a": 1}, q.var("a"))', 'Let({a: 1}, Var("a"))'),
        (
            q.map_(lambda a, b: [b, a], [[1, 2]]),
            "q.map_(lambda a, b: [b, a], [[1, 2]])",
            "Map([[1, 2]], (a, b) => [b, a])",
        ),
        (q.lambda_("q", q.var("q")), 'q.lambda_("q", q.var("q"))', "q => q"),
        (q.lambda_("new", q.var("new")), "lambda new: new", 'Lambda("new", Var("new"))'),
        (
            q.lambda_("x", q.let({"x": 1}, q.var("x"))),
            'lambda x: q.let({"x": 1}, q.var("x"))',
            'x => Let({x: 1}, Var("x"))',
        ),
        (q.lambda_("x", {"a": q.var("x")}), 'lambda x: {"a": x}', "x => ({a: x})"),
        (q.do(), "q.do()", "Do()"),
        (
            q.collections(scope=q.database("d")),
            'q.collections(scope=q.database("d"))',
            'Collections(Database("d"))',
        ),
        ({"quote": {"a": [1]}}, 'q._Expr({"quote": {"a": [1]}})', "{quote: {a: [1]}}"),
        (True, "True", "true"),
        ('a "b" é\n', '"a \\"b\\" é\\n"', '"a \\"b\\" é\\n"'),
        (b"\x00\xff", "b'\\x00\\xff'", 'Bytes("AP8=")'),
        (datetime.date(2020, 1, 2), 'q.date("2020-01-02")', 'Date("2020-01-02")'),
    ],
)
def test_text(query, python, javascript):
    assert render_query(query, PYTHON) == python
    if javascript is not None:
        assert render_query(query, JAVASCRIPT) == javascript


SPELLS = Ref("spells", Native.COLLECTIONS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Ref("1", SPELLS), 'ref(collection("spells"), "1")'),
        (SPELLS, 'collection("spells")'),
        (Native.COLLECTIONS, "collections()"),
        (Ref("7", Native.KEYS), 'ref(keys(), "7")'),
        (Ref("d", Native.DATABASES), 'database("d")'),
        (Ref("c", Native.COLLECTIONS, Ref("d", Native.DATABASES)), 'collection("c", scope=database("d"))'),
        (FaunaTime("2020-01-02T03:04:05.123456789Z"), 'time("2020-01-02T03:04:05.123456789Z")'),
        (datetime.date(2020, 1, 2), 'date("2020-01-02")'),
        (bytearray(b"hi"), "b'hi'"),
        (SetRef({"match": Ref("i", Native.INDEXES), "terms": ["a", 1]}), 'match(index("i"), "a", 1)'),
        (
            Query({"api_version": "4", "lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}),
            "query(lambda x: add(x, 1))",
        ),
        (
            {"ref": Ref("1", SPELLS), "data": {"a": [1, 2.5, None]}},
            '{"ref": ref(collection("spells"), "1"), "data": {"a": [1, 2.5, None]}}',
        ),
        ([], "[]"),
    ],
)
def test_values(value, text):
    assert render_value(value, SHELL, 120) == text


def test_long_values_are_laid_out():
    value = {
        "data": [{"name": "Ember Kiss", "cost": 10}, {"name": "Tidal Lullaby", "cost": 15}],
        "after": [3],
    }
    assert render_value(value, width=50) == (
        "{\n"
        '    "data": [\n'
        '        {"name": "Ember Kiss", "cost": 10},\n'
        '        {"name": "Tidal Lullaby", "cost": 15}\n'
        "    ],\n"
        '    "after": [3]\n'
        "}"
    )


@pytest.mark.parametrize(
    ("query", "position", "marked"),
    [
        (q.add(1, "a"), ["add", 1], '"a"'),
        (q.get(q.ref(q.collection("a"), "x")), ["get", "id"], '"x"'),
        (q.get(q.ref(q.collection("a"), "x")), [], 'q.get(q.ref(q.collection("a"), "x"))'),
        (q.let({"a": q.get(1)}, 2), ["let", 0, "a"], "q.get(1)"),
        (q.do(1, q.abort("x")), ["do", 1], 'q.abort("x")'),
        (q.map_(lambda x: q.add(x, "a"), [1]), ["map", "expr", "add"], "x"),
        (q.map_(lambda x: q.add(x, "a"), [1]), ["map", "expr"], 'q.add(x, "a")'),
        (
            q.create(q.collection("a"), {"data": {"x": q.now()}}),
            ["params", "object", "data", "object", "x"],
            "q.now()",
        ),
        (q.paginate(q.keys(), size=q.now()), ["size"], "q.now()"),
        (q.if_(True, q.abort("x"), 1), ["then", "nowhere", 3], 'q.abort("x")'),
    ],
)
def test_errors_are_marked(query, position, marked):
    lines = render_error(query, position).split("\n")
    assert len(lines) == 2
    start, end = lines[1].index("^"), len(lines[1])
    assert lines[0][start:end] == marked


def test_a_part_of_several_lines_is_marked_on_each():
    query = q.do(q.create(q.collection("spells"), {"data": {"name": "Ember Kiss"}}), 1)
    assert render_error(query, ["do", 0], width=44) == (
        "q.do(\n"
        "    q.create(\n"
        "    ^^^^^^^^^\n"
        '        q.collection("spells"),\n'
        "        ^^^^^^^^^^^^^^^^^^^^^^^\n"
        '        {"data": {"name": "Ember Kiss"}}\n'
        "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "    ),\n"
        "    ^\n"
        "    1\n"
        ")"
    )
