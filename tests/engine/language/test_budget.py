"""No query may exhaust memory or time, however small it is written."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language import budget, callbacks, context, held, overruns

from ..conftest import Database

MATCH = {"match": {"index": "all"}}


def var(name):
    return {"var": name}


def grown(first, step, times, use):
    """let v0 be first, each further variable made from the one before, and use the last."""
    bindings = [{"v0": first}]
    bindings += [{f"v{count}": step(var(f"v{count - 1}"))} for count in range(1, times + 1)]
    return {"let": bindings, "in": use(var(f"v{times}"))}


def tenfold(use, leaf=1):
    """An array of ten arrays of ten arrays ..., each the same one ten times: 10**20 elements."""
    return grown(leaf, lambda inner: [inner] * 10, 20, use)


def doubled(form, use):
    """A set made of 2**40 sets."""
    return grown(MATCH, lambda inner: {form: [inner, inner]}, 40, use)


def same(value):
    return value


def each(body, count, **bindings):
    """Evaluate a body for each of so many elements, with bindings, and keep the results."""
    mapped = {"map": {"lambda": "_", "expr": body}, "collection": [1] * count}
    return {"let": bindings, "in": {"count": mapped}}


def object_(**fields):
    return {"object": fields}


LONG = {"repeat": {"repeat": "abcdefgh", "number": 1000}, "number": 1000}
LONG_ONE = {"repeat": {"repeat": "abcdefgh", "number": 1000}, "number": 125}
MANY = {"quote": list(range(50_000))}
WIDE = {"quote": list(range(300_000))}
NAMES = {"quote": {str(number): 1 for number in range(20_000)}}

#: What takes for ever.
ENDLESS = {
    "arrays shown": tenfold(same),
    "objects shown": grown(1, lambda inner: {"object": {"a": inner, "b": inner}}, 60, same),
    "one text shown again and again": {"let": {"text": LONG}, "in": [var("text")] * 90_000},
    "arrays in format": tenfold(lambda last: {"length": {"format": "%^", "values": [last]}}),
    "equals": tenfold(lambda last: {"equals": [[last], [last]]}),
    "contains_value": tenfold(lambda last: {"contains_value": last, "in": [last]}),
    "distinct": tenfold(lambda last: {"count": {"distinct": [last, [last], last]}}),
    "lt": tenfold(lambda last: {"lt": [last, [last]]}),
    "select_all": tenfold(lambda last: {"count": {"select_all": [], "from": last}}),
    "terms": tenfold(lambda last: {"exists": {"match": {"index": "by"}, "terms": last}}),
    "cursor": tenfold(lambda last: {"paginate": MATCH, "after": last}),
    "range": tenfold(lambda last: {"count": {"range": MATCH, "from": last, "to": last}}),
    "create": tenfold(lambda last: {"create": {"collection": "c"}, "params": object_(data=object_(a=last))}),
    "create with nulls": tenfold(
        lambda last: {"create": {"collection": "c"}, "params": object_(data=object_(a=last))}, None
    ),
    "lambda shown": tenfold(lambda last: {"query": {"lambda": "x", "expr": last}}),
    "function stored": tenfold(
        lambda last: {"create_function": object_(name="f", body={"query": {"lambda": "x", "expr": last}})}
    ),
    "union of sets": doubled("union", lambda last: {"count": last}),
    "intersection of sets": doubled("intersection", lambda last: {"is_empty": last}),
    "difference of sets": doubled("difference", lambda last: {"paginate": last}),
    "sets shown": doubled("union", same),
    "equal sets": grown(
        MATCH, lambda inner: {"union": [inner, inner]}, 40, lambda last: {"equals": [last, {"union": [var("v39")] * 2}]}
    ),
    "union of arrays": {"let": {"a": MANY}, "in": {"count": {"union": [var("a")] * 50_000}}},
    "intersection of arrays": {"let": {"a": MANY}, "in": {"count": {"intersection": [var("a")] * 50_000}}},
    "order of long texts": {
        "let": {"text": {"repeat": {"repeat": "a\u0301", "number": 1000}, "number": 1000}},
        "in": {"lt": [{"concat": [var("text"), "a"]}, {"concat": [var("text"), "b"]}] * 5},
    },
    "lets among many variables": {
        "let": {f"v{count}": 1 for count in range(50_000)},
        "in": [{"let": {}, "in": 1}] * 50_000,
    },
    "folds": each({"max": var("many")}, 50_000, many=WIDE),
    "comparisons": each({"lt": var("many")}, 50_000, many=WIDE),
    "distinct, often": each({"distinct": var("many")}, 50_000, many=WIDE),
    "contains_value, often": each({"contains_value": -1, "in": var("many")}, 50_000, many=WIDE),
    "slow patterns": each({"findstrregex": "a" * 25 + "b", "pattern": "(a|aa)+c"}, 50_000),
    "events of sets": doubled("union", lambda last: {"paginate": {"events": last}}),
    "errors": {
        "let": {"texts": ["a"] * 5000},
        "in": {"filter": {"lambda": "_", "expr": {"add": var("texts")}}, "collection": [1] * 50_000},
    },
}  # fmt: skip

#: What fills the memory.
HOARDS = {
    "texts": each({"concat": [var("text"), "x"]}, 3000, text=LONG),
    "texts in upper case": each({"uppercase": var("text")}, 3000, text=LONG),
    "arrays": each([var("one")] * 20_000, 20_000, one=1),
    "objects": each({"object": {str(number): var("one") for number in range(5000)}}, 20_000, one=1),
    "appended": each({"append": [1], "collection": var("many")}, 9000, many=MANY),
    "merged": each({"merge": var("names"), "with": object_(a=1)}, 9000, names=NAMES),
    "pairs": each({"to_array": var("names")}, 9000, names=NAMES),
    "grams": each({"ngram": var("text"), "min": 2000, "max": 2001}, 100, text={"repeat": "ab" * 2000}),
    "documents": each({"get": {"ref": {"collection": "c"}, "id": "1"}}, 50_000),
    "documents, decoded": each(
        {
            "let": {"d": {"get": {"ref": {"collection": "c"}, "id": "2"}}},
            "in": [{"select": ["data", "many", 0], "from": var("d")}, var("d")],
        },
        500,
    ),
    "pages": each({"paginate": {"match": {"index": "wide"}}}, 200),
    "fields": each(
        {"select": ["data", "text"], "from": {"get": {"ref": {"collection": "c"}, "id": "1"}}}, 50_000
    ),
}

#: What one step makes too large.
TOO_LARGE = {
    "concat": {"concat": ["a"] * 50_000, "separator": "x" * 50_000},
    "replacestr": {"replacestr": LONG, "find": "a", "replace": "b" * 50_000},
    "format, width": {"format": "%2000000000s", "values": ["a"]},
    "format, precision": {"format": "%.2000000000f", "values": [1.5]},
    "format, often": {"format": "%16000000s" * 10, "values": ["a"] * 10},
    "casefold": {"casefold": {"repeat": {"repeat": "\ufdfa", "number": 1000}, "number": 1000}},
}


@pytest.fixture(scope="module")
def stocked():
    with open_engine("sqlite://") as engine:
        database = Database(engine)
        field = [{"object": {"field": ["data", "a"]}}]
        for query in (
            {"create_collection": object_(name="wide")},
            {
                "create_index": object_(
                    name="wide",
                    source={"collection": "wide"},
                    values=[{"object": {"field": ["data", "text"]}}],
                )
            },
            *(
                {"create": {"collection": "wide"}, "params": object_(data=object_(text=f"{n}" + "y" * 9000))}
                for n in range(50)
            ),
            {"create_collection": object_(name="c")},
            {"create_index": object_(name="all", source={"collection": "c"})},
            {"create_index": object_(name="by", source={"collection": "c"}, terms=field)},
            {
                "create": {"ref": {"collection": "c"}, "id": "1"},
                "params": object_(data=object_(text="x" * 50_000)),
            },
            {
                "create": {"ref": {"collection": "c"}, "id": "2"},
                "params": object_(data=object_(many=[[]] * 10_000)),
            },
        ):
            database.wire(query)
        yield database


def ended(database, query, milliseconds):
    """Status, and the error, of a query that must be ended; it may not take much longer than its time."""
    begun = time.monotonic()
    status, body = database.body(json.dumps(query), headers={"x-query-timeout": str(milliseconds)})
    assert time.monotonic() - begun < 30
    (error,) = body["errors"]
    return status, error


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_queries_end_in_time(stocked, name):
    status, error = ended(stocked, ENDLESS[name], 200)
    assert (status, error["code"]) in ((503, "time out"), (400, "bad request")), error


#: Bytes a query may hold in these tests.
LIMIT = 1 << 25


@pytest.fixture
def crowded(monkeypatch):
    """The process grows all the time, whoever it is that makes it grow."""
    sizes = iter(range(0, 1 << 50, 1 << 30))
    monkeypatch.setattr(budget, "resident", lambda: next(sizes))
    monkeypatch.setattr(context, "MAX_MEMORY", LIMIT)
    for module in (held, callbacks):
        monkeypatch.setattr(module, "WORTH_IN_LOOP", LIMIT // 8)


def refused_at(error, limit):
    """How many bytes a query is said to have held that was refused for that."""
    found = re.fullmatch(
        rf"Transaction exceeded limit: got (\d+) bytes, limit {limit} bytes", error["description"]
    )
    assert found, error
    assert error["code"] == "bad request"
    return int(found[1])


@pytest.mark.parametrize("name", HOARDS)
def test_queries_that_hoard_end_before_memory_does(stocked, name, crowded):
    status, error = ended(stocked, HOARDS[name], 60_000)
    assert status == 400
    assert LIMIT < refused_at(error, LIMIT) < LIMIT + (1 << 26)


def each_of(collection, body):
    return {"map": {"lambda": "x", "expr": body}, "collection": collection}


OFTEN = list(range(400))
SHOUTED = {"uppercase": {"concat": [var("text"), {"to_string": var("x")}]}}

#: What makes ten times the limit and more, and holds a fraction of it at any time.
FRUGAL = {
    "mapped": each_of(OFTEN, {"length": SHOUTED}),
    "mapped, through let": each_of(OFTEN, {"let": {"made": SHOUTED}, "in": {"length": var("made")}}),
    "to small objects": each_of(OFTEN, object_(at=var("x"), size={"length": SHOUTED})),
    "filtered": {"filter": {"lambda": "x", "expr": {"equals": [SHOUTED, ""]}}, "collection": OFTEN},
    "one after the other": {"let": {"x": "y"}, "in": {"do": [{"length": SHOUTED}] * 400}},
    "reduced": {
        "reduce": {
            "lambda": ["all", "x"],
            "expr": {"append": [[var("x")]], "collection": {"take": 3000, "collection": var("all")}},
        },
        "initial": {"quote": [[0]] * 3000},
        "collection": list(range(20_000)),
    },
    "documents": each_of(
        list(range(3000)), {"length": {"select": ["data", "text"], "from": {"get": {"ref": {"collection": "c"}, "id": "1"}}}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRUGAL)
def test_memory_of_others_is_not_charged_to_a_query(stocked, name, crowded):
    query = {
        "let": {"text": {"repeat": {"repeat": "abcdefgh", "number": 1000}, "number": 50}},
        "in": FRUGAL[name],
    }
    status, body = stocked.body(json.dumps(query))
    assert status == 200, body


def test_memory_that_another_thread_makes_beside_a_query(stocked, monkeypatch):
    """The query makes its 80 MB while the process grows by far more than the limit."""
    if budget.resident() is None:
        pytest.skip("this system does not tell")
    monkeypatch.setattr(context, "MAX_MEMORY", 1 << 28)
    kept = []
    real = context.Context.measure

    def measure(ctx):
        real(ctx)
        thread = threading.Thread(target=lambda: kept.append(bytearray(b"x") * (1 << 26)))
        thread.start()
        thread.join()

    monkeypatch.setattr(context.Context, "measure", measure)
    status, body = stocked.body(json.dumps(each({"concat": [var("text"), "x"]}, 80, text=LONG_ONE)))
    assert (status, body) == (200, {"resource": 80})
    assert len(kept) * (1 << 26) > 1 << 29


def test_queries_together_have_a_limit_and_the_largest_is_ended(stocked, monkeypatch, crowded):
    """Two that each hold less than one may; then their sum is too much."""
    monkeypatch.setattr(context, "MAX_MEMORY", 1 << 30)
    small, large, larger = (
        each({"concat": [var("text"), "x"]}, count, text=LONG_ONE) for count in (40, 100, 101)
    )
    at_rest, go_on = threading.Event(), threading.Event()
    real = budget.held_by_all
    first = []

    def held_by_all(ctx):
        first[:] = first or [ctx]
        size = real(ctx)
        if ctx is first[0] and not at_rest.is_set():
            at_rest.set()
            assert go_on.wait(30)
        return size

    monkeypatch.setattr(budget, "held_by_all", held_by_all)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(stocked.body(json.dumps(small))))
    thread.start()
    try:
        assert at_rest.wait(30)
        assert stocked.body(json.dumps(large)) == (200, {"resource": 100})
        monkeypatch.setattr(context, "MAX_MEMORY_OF_ALL", 2 * LIMIT)
        status, error = ended(stocked, larger, 60_000)
        assert status == 400
        assert refused_at(error, 2 * LIMIT) < 3 * LIMIT
    finally:
        go_on.set()
        thread.join()
    assert answers == [(200, {"resource": 40})]
    assert not overruns.large


def test_where_the_size_of_the_process_cannot_be_told_what_was_made_counts(stocked, monkeypatch):
    monkeypatch.setattr(budget, "resident", lambda: None)
    monkeypatch.setattr(context, "MAX_MADE", 1 << 25)
    status, error = ended(stocked, HOARDS["texts"], 60_000)
    assert status == 400
    assert error["description"].startswith("Transaction exceeded limit: got ")
    assert error["description"].endswith(f" bytes, limit {1 << 25} bytes")


def test_memory_that_is_given_back_does_not_count(stocked):
    appended = {"append": [var("x")], "collection": var("all")}
    query = {
        "reduce": {"lambda": ["all", "x"], "expr": appended},
        "initial": [],
        "collection": list(range(10_000)),
    }
    assert stocked.wire(json.dumps({"count": query})) == 10_000


@pytest.mark.parametrize("name", TOO_LARGE)
def test_values_too_large_are_not_even_begun(stocked, name):
    status, error = ended(stocked, TOO_LARGE[name], 60_000)
    assert (status, error["code"]) == (400, "bad request")
    assert error["description"].startswith("Transaction exceeded limit: got ")


def test_the_process_knows_its_size():
    before = budget.resident()
    if before is None:
        pytest.skip("this system does not tell")
    kept = bytearray(b"x") * (1 << 26)
    after = budget.resident()
    assert after is not None
    assert after - before > len(kept) // 2


# Parsing and answering, which no deadline covers


def quickly(database, text):
    begun = time.monotonic()
    response = database.raw(text)
    assert time.monotonic() - begun < 30
    return response


def test_many_bindings_are_parsed_in_linear_time(db):
    assert quickly(db, json.dumps({"let": [{f"v{n}": 1} for n in range(30_000)], "in": 1})).status == 200


def test_variables_in_deep_lambdas_are_parsed_in_linear_time(db):
    query = [var("x")] * 50_000
    for depth in range(200):
        query = {"query": {"lambda": f"y{depth}", "expr": query}}
    assert quickly(db, json.dumps({"let": {"x": 1}, "in": query})).status == 200


def test_unclosed_strings_are_read_in_linear_time(db):
    response = quickly(db, "[" * 1001 + '\\"' * 100_000)
    assert response.status == 400


def test_long_runs_of_combining_marks_are_normalised_in_linear_time(db):
    marks = {"repeat": {"repeat": "\u0301\u0327", "number": 1000}, "number": 100}
    for normalizer in ("NFC", "NFKCCaseFold"):
        query = {"length": {"casefold": marks, "normalizer": normalizer}}
        assert json.loads(quickly(db, json.dumps(query)).body) == {"resource": 200_000}


@pytest.mark.parametrize("element", [{"var": "x"}, {"not": 1}], ids=["parsed", "evaluated"])
def test_the_errors_of_an_answer_have_limited_room(db, element):
    query = [element] * 6000
    for _ in range(900):
        query = [query]
    errors = json.loads(quickly(db, json.dumps(query)).body)["errors"]
    assert 1000 < len(errors) < 6000
    assert errors[-1]["position"][900] == len(errors) - 1  # as many as fit, the first ones


def test_the_causes_of_an_error_share_its_room(db):
    body = {"query": {"lambda": "texts", "expr": {"add": var("texts")}}}
    db.wire({"create_function": object_(name="f", body=body)})
    query = {"map": {"lambda": "_", "expr": {"call": "f", "arguments": var("texts")}}, "collection": [1]}
    query = {"let": {"texts": ["a" * 10] * 10_000}, "in": query}
    error = db.error(json.dumps(query))
    assert len(error["cause"]) == 10_000
