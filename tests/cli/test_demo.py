"""The demo's data and queries: what the tutorial shows."""

from __future__ import annotations

import io

import pytest

from faunadb.cli import demo
from faunadb.cli.errors import CliError

#: what each query gives, without times and refs
EXPECTED = {
    1: {"name": "Ember Kiss", "element": ["fire"], "cost": 10, "level": 1},
    2: ["Ember Kiss", "Tidal Lullaby", "Steam Veil", "Pebble Chorus", "Glass Garden", "Kite String"],
    3: ["Glass Garden"],
    5: ["Bram", "Orla"],
    6: "Moth Lantern",
    7: {"name": "Ember Kiss", "element": ["fire"], "cost": 12, "level": 1, "nickname": "the Candle"},
    8: {"count": 7, "total": 117, "dearest": 40},
    9: "Glass Garden costs 40",
}


def test_the_ten_queries_find_what_the_demo_loads(database):
    demo.load(database.client)
    results = [database.query(expression) for _, expression in demo.QUERIES]
    assert len(results) == 10
    for number, expected in EXPECTED.items():
        result = results[number - 1]
        assert (result["data"] if isinstance(result, dict) and "data" in result else result) == expected
    assert [row[:2] for row in results[3]["data"]] == [[5, "Pebble Chorus"], [8, "Kite String"]]
    assert results[3]["after"][:2] == [10, "Ember Kiss"]
    assert [event["action"] for event in results[9]["data"]] == ["create", "update"]


def test_every_query_is_printed_with_its_title_and_its_code(database):
    demo.load(database.client)
    out = io.StringIO()
    demo.run(database.client, out)
    text = out.getvalue()
    for number, (title, _) in enumerate(demo.QUERIES, 1):
        assert f"{number:2}. {title}\n" in text
    assert '    >>> q.get(q.ref(q.collection("spells"), "101"))\n' in text
    assert '    >>> q.format("Glass Garden costs %d", q.call("price_of", "Glass Garden"))\n' in text


def test_what_goes_wrong_is_said(database, tmp_path):
    demo.load(database.client)
    with pytest.raises(CliError, match="is not empty"):
        demo.execute(database.url, database.secret)
    with pytest.raises(CliError, match="unauthorized"):
        demo.execute(database.url, "wrong")
    with pytest.raises(CliError):
        demo.execute(f"sqlite:///{tmp_path}/nowhere/app.db", "secret")
