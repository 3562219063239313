"""Queries parsed before: another one of the same shape is answered as if it was parsed anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.engine.engine import Engine, open_engine
from faunadb.engine.language.parser import parse_query
from faunadb.engine.language.prepared import MAX_SEEN, MAX_TEXT, MAX_TREES, Parsed, PreparedQueries
from faunadb.engine.language.reader import read
from faunadb.engine.request import Failed, Request
from tests.engine.conftest import Database
from tests.engine.fuzzing import FIXTURE, Generator


class Forgetful(PreparedQueries):
    """Parses each query as it comes."""

    def known(self, source: bytes, version: str, scope: int = 0) -> None:
        return None

    def parse(self, ctx: Any, text: Any) -> Any:
        node = parse_query(ctx, read(text.source) if text.data is None else text.data)
        return Parsed(node, node.effect(), [])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that `FIXTURE` has filled."""
    path = tmp_path_factory.mktemp("prepared") / "main.db"
    with open_engine(f"sqlite:///{path}") as engine:
        for query in FIXTURE:
            Database(engine).raw(json.dumps(query))
        assert engine.background.wait(60)
    return path


@pytest.fixture
def two(stored: Path, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """One database seen through an engine that remembers what it parsed, and through one that does not."""
    url = f"sqlite:///{shutil.copy(stored, tmp_path)}"
    with open_engine(url, answers=0) as engine, open_engine(url, answers=0) as forgetful:
        forgetful.prepared = Forgetful()
        yield Database(engine), Database(forgetful)


def other(random: Random, value: Any) -> Any:
    """JSON data of the same shape with other literals in some places."""
    if type(value) is dict:
        return {key: other(random, item) for key, item in value.items()}
    if type(value) is list:
        return [other(random, item) for item in value]
    if random.random() < 0.4 or value is None or type(value) is bool:
        return value
    if type(value) is str:
        return str(int(value) + 1) if value.isdecimal() and value.isascii() else value + "x"
    return random.choice([value + 1, 0, 2.5, "text"])


@pytest.mark.parametrize("seed", range(4))
def test_random_queries_are_answered_as_if_each_was_parsed(two: tuple[Database, Database], seed: int) -> None:
    asking, judge = two
    random = Random(f"prepared {seed}")
    generator = Generator(random)
    compared = 0
    for number in range(250):
        data = generator.query()
        text = generator.text(data)
        judged = judge.raw(text).body
        if judge.raw(text).body != judged or '"now"' in text:
            continue  # it writes, or tells the time
        for _ in range(2):
            variant = json.dumps(other(random, data), separators=(",", ":"))
            asking.raw(variant)
        assert asking.raw(text).body == asking.raw(text).body == judge.raw(text).body, (seed, number, text)
        compared += 1
    assert compared > 100
    assert len(asking.engine.prepared) > 50


GET = {"get": {"ref": {"collection": "spells"}, "id": "1"}}


def reused(db: Database, first: Any, second: Any) -> bool:
    """Whether the second query needs no reading after the first."""
    prepared = db.engine.prepared
    db.raw(json.dumps(first))
    return prepared.read(json.dumps(second).encode(), "4").data is None and _finds_a_tree(db, second)


def _finds_a_tree(db: Database, query: Any) -> bool:
    before = len(db.engine.prepared)
    db.raw(json.dumps(query))
    return len(db.engine.prepared) == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (GET, {"get": {"ref": {"collection": "spells"}, "id": "2"}}),
        ({"add": [1, 2]}, {"add": [2.5, 7]}),
        ({"match": {"index": "by_element"}, "terms": 1}, {"match": {"index": "by_element"}, "terms": 3}),
        (
            {
                "create": {"collection": "books"},
                "params": {"object": {"data": {"object": {"n": 1, "s": "a"}}}},
            },
            {
                "create": {"collection": "books"},
                "params": {"object": {"data": {"object": {"n": 2, "s": "é"}}}},
            },
        ),
        (
            {"let": {"x": 1}, "in": {"if": {"equals": [{"var": "x"}, 1]}, "then": "a", "else": "b"}},
            {"let": {"x": 2}, "in": {"if": {"equals": [{"var": "x"}, 5]}, "then": "c", "else": "d"}},
        ),
        ({"epoch": 1, "unit": "days"}, {"epoch": 2, "unit": "days"}),
        ({"to_date": {"@ts": "2020-01-01T00:00:00Z"}}, {"to_date": {"@ts": "2021-01-01T00:00:00.5Z"}}),
        (
            {
                "get": {
                    "@ref": {
                        "id": "1",
                        "collection": {
                            "@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}
                        },
                    }
                }
            },
            {
                "get": {
                    "@ref": {
                        "id": "2",
                        "collection": {
                            "@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}
                        },
                    }
                }
            },
        ),
    ],
    ids=lambda query: next(iter(query)),
)
def test_another_of_the_same_shape_is_not_parsed(
    two: tuple[Database, Database], first: Any, second: Any
) -> None:
    asking, judge = two
    assert reused(asking, first, second)
    if "create" not in first:
        assert asking.body(second) == judge.body(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"select": ["a"], "from": {"object": {"a": 1}}}, {"select": ["b"], "from": {"object": {"a": 1}}}),
        ({"let": {"x": 1, "y": 2}, "in": {"var": "x"}}, {"let": {"x": 1, "y": 2}, "in": {"var": "y"}}),
        ({"query": {"lambda": "x", "expr": 1}}, {"query": {"lambda": "x", "expr": 2}}),
        ({"add": [1, 2]}, {"add": [1, 2, 3]}),
        ({"quote": {"a": 1}}, {"quote": {"a": 2}}),
        ({"object": {"a\n": 1}}, {"object": {"b\n": 1}}),
        ({"is_null": None}, {"is_null": True}),
        ({"is_number": "1"}, {"is_number": 1}),
        ({"query": {"lambda": "x", "expr": 0.0}}, {"query": {"lambda": "x", "expr": -0.0}}),
        ({"query": {"lambda": "x", "expr": 1}}, {"query": {"lambda": "x", "expr": 1.0}}),
        ({"string": {"@uuid": "6bc4c50b-2d0b-4a3e-9a26-54ff3bfb63ab"}}, {"string": {"@uuid": "x"}}),
        ({"string": {"@ts": "2020-01-01T00:00:00Z"}}, {"string": {"@ts": "yesterday"}}),
        ({"add": [1, 2]}, {"add": [1, 99999999999999999999]}),
        (
            {
                "@ref": {
                    "id": "1",
                    "collection": {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}},
                }
            },
            {
                "@ref": {
                    "id": 12345,
                    "collection": {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}},
                }
            },
        ),
        ({"@date": "2020-01-01"}, {"@date": 120200101}),
        ({"concat": ["a", "b"]}, {"concat": ["a", "\\ud800"]}),
    ],
    ids=lambda query: next(iter(query)),
)
def test_what_decides_more_than_a_value_is_part_of_the_shape(
    two: tuple[Database, Database], first: Any, second: Any
) -> None:
    asking, judge = two
    asking.body(first)
    assert asking.body(second) == judge.body(second)


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The texts that are parsed from now on."""
    texts: list[bytes] = []
    parse = PreparedQueries.parse
    monkeypatch.setattr(
        PreparedQueries, "parse", lambda self, ctx, text: texts.append(text.source) or parse(self, ctx, text)
    )
    return texts


def test_a_text_is_parsed_once_for_each_version_of_the_schema(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = parsed(monkeypatch)
    query = '{"count":{"collections":null}}'
    for number in range(3):
        db.query(q.create_collection({"name": f"c{number}"}))
        texts.clear()
        assert [db.query(q.count(q.collections())) for _ in range(5)] == [number + 1] * 5
        assert len([text for text in texts if text != query.encode()]) <= 1
        for _ in range(5):
            db.raw(query)
        assert texts.count(query.encode()) == 1, f"with the schema number {number}"


def test_a_text_is_parsed_once_for_each_database(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "other"):
        db.query(q.create_database({"name": name}))
    keys = [q.create_key({"role": "server", "database": q.database(name)}) for name in ("one", "other")]
    tenants = [db, *(db.as_(db.query(key)["secret"]) for key in keys)]
    for count, tenant in enumerate(tenants):
        for number in range(count):
            tenant.query(q.create_collection({"name": f"c{number}"}))
    for tenant in tenants:
        tenant.query(1)
    texts = parsed(monkeypatch)
    for _ in range(4):
        assert [tenant.query(q.count(q.collections())) for tenant in tenants] == [0, 1, 2]
    assert len(texts) <= len(tenants) + 1  # one is told to be for a child database by running it


def test_a_new_schema_needs_new_trees(two: tuple[Database, Database]) -> None:
    asking, judge = two
    ref = {
        "exists": {
            "@ref": {
                "id": "1",
                "collection": {"@ref": {"id": "late", "collection": {"@ref": {"id": "collections"}}}},
            }
        }
    }
    assert asking.wire(ref) is False
    asking.wire({"create_collection": {"object": {"name": "late"}}})
    asking.wire({"create": {"ref": {"collection": "late"}, "id": "1"}, "params": {"object": {}}})
    assert asking.wire(ref) is judge.wire(ref) is True


@pytest.mark.parametrize("name", ["spells", "no_such"])
def test_a_ref_is_put_together_as_the_form_would(two: tuple[Database, Database], name: str) -> None:
    def ref(id: Any) -> Any:
        return {"ref": {"collection": name}, "id": id}

    ids = [
        "1",
        "2",
        "007",
        "-1",
        "+3",
        "",
        "x",
        "\u0663",
        "\u00b2",
        "9" * 18,
        "9" * 19,
        "9" * 30,
        1,
        1.5,
        None,
        "3",
        "3",
    ]
    for _ in range(2):
        for id in ids:
            for query in ({"exists": ref(id)}, {"get": ref(id)}, [ref(id), ref("1")]):
                outcomes = []
                for db in two:
                    try:
                        outcome = db.engine.run(Request("Bearer secret", json.dumps(query).encode()))
                        outcomes.append((outcome.text, tuple(outcome.metrics)))
                    except Failed as failure:
                        outcomes.append(([error.wire() for error in failure.errors.errors], ()))
                assert outcomes[0] == outcomes[1], query


def test_a_ref_follows_the_schema(two: tuple[Database, Database]) -> None:
    asking, judge = two
    for number in range(4):
        name = f"made_{number % 2}"
        exists = {"exists": {"ref": {"collection": name}, "id": str(number)}}
        made = {"do": [{"create_collection": {"object": {"name": name}}}, exists]}
        assert asking.body(exists) == judge.body(exists)
        assert asking.wire(made) is False  # by a transaction that has written the schema
        assert asking.body(exists) == judge.body(exists)
        create = {"create": {"ref": {"collection": name}, "id": str(number)}, "params": {"object": {}}}
        assert asking.wire(create)["ref"] == judge.wire({"get": create["create"]})["ref"]
        assert asking.wire(exists) is True
        asking.wire({"delete": {"collection": name}})
        assert asking.body(exists) == judge.body(exists)


def test_each_secret_and_version_has_its_own(two: tuple[Database, Database]) -> None:
    asking, _ = two
    child = {"create_key": {"object": {"database": {"database": "child"}, "role": "admin"}}}
    secret = asking.wire(child)["secret"]
    assert asking.wire({"exists": {"collection": "spells"}}) is True
    assert asking.as_(secret).wire({"exists": {"collection": "spells"}}) is False
    query = {"select": "a", "from": {"object": {"a": 1}}, "default": {"divide": [1, 0]}}
    assert asking.wire(query) == 1
    assert asking.failure(query, headers={"x-faunadb-api-version": "2.12"})[0] == 400


def test_a_write_takes_its_literals_along_when_it_is_run_again(two: tuple[Database, Database]) -> None:
    asking, _ = two
    create = {"create": {"collection": "books"}, "params": {"object": {"data": {"object": {"n": 1}}}}}
    for n in range(3):
        create["params"]["object"]["data"]["object"]["n"] = n
        done = asking.wire({"let": {"d": create}, "in": {"select": ["data", "n"], "from": {"var": "d"}}})
        assert done == n


@pytest.mark.parametrize(
    ("text", "structure", "names", "literals"),
    [
        ('{"a":1}', '{"":0}', ("a",), (1,)),
        (
            '{"a" : "x" , "b":[true,-1.5e3,"y"]}',
            '{"" : "" , "":[true,0,""]}',
            ("a", "b"),
            ("x", -1500.0, "y"),
        ),
        ('["1,2"]', '[""]', (), ("1,2",)),
        ('{"a,1,":"}"}', '{"":""}', ("a,1,",), ("}",)),
        (r'{"a\"b":"\\","c":"\u00e9\n"}', '{"":"","":""}', ('a\\"b', "c"), ("\\", "é\n")),
        ("[0.30000000000000004,-9223372036854775808]", "[0,0]", (), (0.30000000000000004, -(1 << 63))),
        ('["\ud7ff"]', '[""]', (), ("\ud7ff",)),
        ('["\\uD83D\\ude00"]', '[""]', (), ("\U0001f600",)),
        ("null", "null", (), ()),
    ],
)
def test_a_text_is_told_apart(text: str, structure: str, names: tuple[str, ...], literals: Any) -> None:
    *shape, found = PreparedQueries().split(text.encode())
    assert shape == [structure, names]
    assert [(type(item), item) for item in found] == [(type(item), item) for item in literals]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\n0-', max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)
_shared = PreparedQueries()


def leaves(data: Any) -> Iterator[Any]:
    if type(data) is dict or type(data) is list:
        for item in data.values() if type(data) is dict else data:
            yield from leaves(item)
    elif type(data) in (str, int, float):
        yield data


@given(st.lists(JSON, max_size=4) | st.dictionaries(st.text("ab0"), JSON, max_size=4), st.booleans())
def test_the_literals_of_any_text_are_found_in_their_order(data: Any, ascii: bool) -> None:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=ascii)
    for prepared in (
        _shared,
        PreparedQueries(),
    ):  # one that has seen many structures, and one that has seen none
        structure, _, literals = prepared.split(text.encode())
        assert [repr(item) for item in literals] == [repr(item) for item in leaves(data)]
        assert not any(digit in structure for digit in "-123456789")


def test_a_text_is_remembered_when_it_comes_again() -> None:
    with open_engine("sqlite://", answers=0) as engine:
        db, texts = Database(engine), engine.prepared._texts
        for number in range(100):
            db.raw({"add": [1, number]})
        assert len(texts) == 0
        for _ in range(2):
            db.raw({"add": [1, 99]})
        assert len(texts) == 1
        assert db.wire({"add": [1, 99]}) == 100


def test_the_number_of_texts_noted_is_bounded() -> None:
    with open_engine("sqlite://", answers=0) as engine:
        db = Database(engine)
        db.raw({"add": [1, 0]})
        known = engine.prepared.known
        for number in range(MAX_SEEN + 9):
            assert known(b'{"add":[1,%d]}' % number, "4") is not None
        assert 0 < len(engine.prepared._seen) < 20


def test_what_is_fixed_may_depend_on_what_else_is_there(two: tuple[Database, Database]) -> None:
    """Whether an id is but a value depends on the collection that stands behind it: the last one is a native one."""
    asking, judge = two
    collections = ("spells", "no_such", "spells", "keys", "spells")
    for _ in range(2):
        for number, name in enumerate(collections):
            owner = {"@ref": {"id": name, "collection": {"@ref": {"id": "collections"}}}}
            query = {"exists": {"@ref": {"id": str(number % 3), "collection": owner}}}
            assert asking.body(query) == judge.body(query)


@pytest.mark.parametrize(
    "text",
    [
        '{"quote":"\\ud800"}',
        '["\\uD83D"]',
        '{"\\udc00":1}',
        '{"a":"x}',
        '{"a":"x\\"}',
        '{"a":01}',
        '{"a":"\\x"}',
        '"a"',
        "",
    ],
)
def test_texts_that_take_a_closer_look(text: str) -> None:
    assert PreparedQueries().split(text.encode()) == ("", (), ())


@pytest.mark.parametrize("known", ['{"add":[1,2]}', '{"concat":["a","b"]}'])
@pytest.mark.parametrize(
    "text",
    [
        '{"add":[01,2]}',
        '{"add":[1.,2]}',
        '{"add":[1,-]}',
        '{"add":[1,+2]}',
        '{"add":[1,2-]}',
        '{"add":[1 2]}',
        '{"add":[1,-Infinity]}',
        '{"add":[1,2e]}',
        '{"add":[1,2]}}',
        '{"add":[1,2]',
        '{"add":[1,"2]}',
        '{"concat":["a","\\x"]}',
        '{"concat":["a","b\\"]}',
        '{"concat":["a" "b"]}',
        '{"concat":["a","\t"]}',
        "{'add':[1,2]}",
    ],
)
def test_what_is_no_json_stays_so_beside_what_is_known(known: str, text: str) -> None:
    with open_engine("sqlite://") as engine, open_engine("sqlite://") as forgetful:
        forgetful.prepared = Forgetful()
        asking, judge = Database(engine), Database(forgetful)
        assert asking.raw(known).body == judge.raw(known).body
        judged = judge.raw(text)
        for _ in range(2):
            answer = asking.raw(text)
            assert (answer.status, answer.body) == (judged.status, judged.body)


def long_name(number: int) -> Any:
    return {"object": {f"a{number}" + "b" * 3000: number}}


def long_path(number: int) -> Any:
    """The path is a literal that does not vary: there is a tree for each."""
    return {"select": [f"a{number}" + "b" * 3000], "from": {"object": {}}, "default": number}


@pytest.mark.parametrize("query", [long_name, long_path])
def test_memory_is_bounded(query: Callable[[int], Any]) -> None:
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        for number in range(1000):
            db.wire(query(number))
        assert engine.prepared.weight < 3 << 20
        assert len(engine.prepared) < MAX_TREES // 3000


def test_a_request_may_bring_data_instead_of_text() -> None:
    with open_engine("sqlite://") as engine:
        assert isinstance(engine, Engine)
        request = Request("Bearer secret", {"add": [1, 2]})
        assert engine.run(request).text == '{"resource":3}'


@pytest.mark.parametrize("part", ['\\"', '"a" ', '"', "[", "1 ", '"a":'])
def test_texts_are_told_apart_in_linear_time(part: str) -> None:
    """Twice the text takes about twice the steps, which a pattern that tries again and again would make four times."""
    text = part * (MAX_TEXT // len(part))
    for start in ("", '"', "["):
        PreparedQueries().split((start + text)[:MAX_TEXT].encode())


def test_passwords_do_not_stay_in_memory() -> None:
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        for number in range(3):
            db.raw({"identify": {"ref": {"collection": "users"}, "id": "1"}, "password": f"sesame {number}"})
            db.raw({"key_from_secret": f"sesame {number}"})
        prepared = engine.prepared
        assert "sesame" not in repr([prepared._texts._kept, prepared._shapes._kept, prepared._trees._kept])
        assert len(prepared) == 2
