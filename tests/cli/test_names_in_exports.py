"""Any name of a collection, any damage of a file: exports keep things apart, imports say what is wrong."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.export_files import read_export
from faunadb.cli.export_format import NATIVE_MODULES, Names
from faunadb.cli.export_writing import ExportWriter, directory_name
from faunadb.cli.exporting import Exporter
from faunadb.cli.import_target import QueryTarget, open_target
from faunadb.cli.importing import Importer
from faunadb.cli.quick_records import QuickReader
from faunadb.engine.language.values import FIRST_COLLECTION
from faunadb.testing import Database

NAMES = [
    *NATIVE_MODULES,
    "Credential~",
    ".",
    "..",
    "%2E",
    "%2E%2E",
    "a",
    "A",
    "con",
    "x" * 300,
    "x" * 299 + "y",
    "é",
    "e\u0301",
    "\u05d0\u05d1\u05d2",
    "data",
    "~2",
    "self",
]


@pytest.fixture
def other():
    database = Database()
    yield database
    database.close()


def _export(database, out, **options):
    connection = Connection(database.url, database.secret)
    exporter = Exporter(
        connection, ExportWriter(out, **{"tagged": True, "lines": True, "compressed": False, **options})
    )
    exporter.run()
    connection.close()
    return exporter


def _import(out, database):
    connection = Connection(database.url, database.secret)
    try:
        return Importer(read_export(out), connection, remember=False).run()
    finally:
        connection.close()


def _everything(database):
    """Every document of every collection, and the credentials, as a server key sees them."""
    client = database.client_for(database.secret + ":server")
    page = lambda of: client.query(q.map_(q.lambda_("r", q.get(q.var("r"))), q.paginate(of, size=1000)))[
        "data"
    ]
    names = [item["name"] for item in page(q.collections())]
    found = {name: page(q.documents(q.collection(name))) for name in sorted(names)}
    return {**found, None: page(q.credentials())}


@pytest.mark.parametrize("options", [{}, {"lines": False, "compressed": True}])
def test_any_name_of_a_collection(tmp_path, database, other, options):
    for number, name in enumerate(NAMES):
        collection = q.collection(name)
        database.query(q.create_collection({"name": name}))
        refs = [q.ref(collection, "1"), collection]
        fields = {"credentials": {"password": name}, "data": {"n": number, "refs": refs}}
        database.query(q.create(q.ref(collection, "1"), fields))
    exporter = _export(database, tmp_path / "out", **options)
    assert exporter.rows["Credential (collection)"] == 1
    assert exporter.rows["Credential"] == len(NAMES)
    summary = _import(tmp_path / "out", other)
    assert (summary.ok, summary.notes, summary.rows) == (True, [], exporter.rows)
    assert _everything(other) == _everything(database)
    assert other.query(q.identify(q.ref(q.collection("Role"), "1"), "Role")) is True


@given(st.lists(st.text(st.sampled_from("aAéÉ.%~2\u05d0"), min_size=1, max_size=130), unique=True))
def test_directories_are_told_apart_on_every_file_system(names):
    taken = set()
    for name in names:
        found = directory_name(name, taken)
        assert re.fullmatch(r"[!-~]{1,139}", found)
        assert not set("./") & set(found)
        assert found.lower() not in {other.lower() for other in taken}
        taken.add(found)


def test_nobody_else_can_read_an_export(tmp_path, database):
    database.query(q.create_collection({"name": "a"}))
    database.query(q.create(q.collection("a"), {"data": {"x": 1}}))
    _export(database, tmp_path / "new" / "out")
    for path in [tmp_path / "new", *(tmp_path / "new").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_server_sets_the_time_of_credentials_itself(tmp_path, database, other, monkeypatch):
    database.query(q.create_collection({"name": "U"}))
    database.query(q.create(q.ref(q.collection("U"), "1"), {"credentials": {"password": "sesame"}}))
    _export(database, tmp_path / "out")
    monkeypatch.setattr("faunadb.cli.importing.open_target", QueryTarget)
    summary = _import(tmp_path / "out", other)
    assert summary.notes == ["credentials have the time of this import: a server sets it itself"]
    assert other.query(q.identify(q.ref(q.collection("U"), "1"), "sesame")) is True


# -- counts


def test_counts_are_compared(tmp_path, database, other):
    database.query(q.create_collection({"name": "a"}))
    database.query(q.do(*[q.create(q.ref(q.collection("a"), str(n)), {"data": {"n": n}}) for n in range(5)]))
    _export(database, tmp_path / "out")
    [path] = (tmp_path / "out" / "data" / "collections" / "a").iterdir()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    assert _import(tmp_path / "out", other).problems == ["a: the export has 5 documents, 3 are here"]
    path.write_text("".join([*lines[:4], lines[3]]))
    assert _import(tmp_path / "out", other).problems == [
        "a: 5 documents were written, 4 are there (does the export have two with the same id?)"
    ]


def test_documents_past_their_time_are_not_missed(tmp_path, other):
    _directory(
        tmp_path,
        '{"id": "1", "ttl": {"@time": "2001-01-01T00:00:00Z"}, "ts": {"@time": "2000-01-01T00:00:00Z"}}\n',
    )
    summary = _import(tmp_path, other)
    assert (summary.ok, summary.rows) == (True, {"a": 1})
    assert other.query(q.count(q.documents(q.collection("a")))) == 0


# -- damage


def _directory(root, text, metadata=None):
    directory = root / "data" / "collections" / "a"
    directory.mkdir(parents=True)
    (directory / "a_00_000000.jsonl").write_text(text, encoding="utf-8", errors="surrogatepass")
    content = (
        metadata if metadata is not None else '{"collections": ["a"], "files_count": 1, "total_parts": 1}'
    )
    (root / "metadata_00.json").write_text(content)


DEEP = '{"a":' * 100_000
HEAD = '{"id": "1", "ts": {"@time": "2000-01-01T00:00:00Z"}, "x": '


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (DEEP, "line 1: this is not JSON: it is nested too deeply"),
        ("[" * 100_000, "line 1: this is not JSON: it is nested too deeply"),
        (
            HEAD + '{"@object":' * 20_000 + "{}" + "}" * 20_001,
            "line 1: this is not JSON: it is nested too deeply",
        ),
        (HEAD + "9" * 100_000 + "}", "line 1: this is not JSON: a number of 100,000 digits"),
        (HEAD + '{"@int": "' + "9" * 100_000 + '"}}', "is no value of @int"),
        (HEAD + '{"@int": "٣"}}', "is no value of @int"),
        (HEAD + '{"@time": 5}}', "is no value of @time"),
        (HEAD + '{"@bytes": "é"}}', "is no value of @bytes"),
        (HEAD + '{"@ref": []}}', "is no value of @ref"),
        (HEAD + '{"@ref": {"id": "x", "coll": "a"}}}', "document 1 is refused"),
        (HEAD + '{"@v4": {"@query": 5}}}', "document 1 is refused"),
        (HEAD + '{"@v4": {"@ts": "x"}}}', "document 1 is refused"),
        (HEAD + '{"@__class__": 1}}', "unknown tag @__class__"),
        ('{"id": "1", "ts": {"@time": []}}', "the field ts is not a time"),
        ('{"id": "٣", "ts": null}', "the field id is missing or is not a decimal number"),
        ('{"id": "1", "coll": {"@mod": "Key"}}', "Key is no collection of documents"),
        ("\x00\x00", "this is not JSON"),
    ],
    ids=lambda value: value[:30],
)
def test_a_bad_document_is_skipped_with_its_place(tmp_path, other, line, reason):
    good = '{"id": "2", "ts": {"@time": "2000-01-01T00:00:00Z"}}'
    _directory(tmp_path, line + "\n" + good + "\n")
    summary = _import(tmp_path, other)
    assert summary.rows == {"a": 1}
    assert reason in "\n".join(summary.lines(False))
    assert summary.skipped_count == 1


def test_as_deep_as_documents_can_be(tmp_path, other):
    _directory(tmp_path, HEAD + '{"a": ' * 900 + "1" + "}" * 901 + "\n")
    assert _import(tmp_path, other).ok
    path = ["data", "x", *["a"] * 900]
    assert other.query(q.select(path, q.get(q.ref(q.collection("a"), "1")))) == 1


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (DEEP, "it is nested too deeply"),
        ("[]", "an object was expected"),
        ("\x00", "Expecting value"),
        ('{"collections": 5}', "collections is not a list of names"),
        ('{"files_count": "x"}', "files_count is not an integer"),
        ('{"doc_format": {"x": 1}}', "doc_format"),
        ('{"faunadb": 5}', "faunadb is not an object"),
        ('{"faunadb": {"modules": []}}', "faunadb.modules is not an object"),
        ('{"faunadb": {"counts": {"a": "x"}}}', "faunadb.counts is not an object"),
        ('{"faunadb": {"modules": {"Role": "x"}}}', "gives a module of Fauna another meaning"),
    ],
    ids=lambda value: value[:30],
)
def test_bad_metadata(tmp_path, metadata, message):
    _directory(tmp_path, "", metadata)
    with pytest.raises(CliError, match=re.escape(message)):
        read_export(tmp_path)


@pytest.mark.parametrize("place", ["metadata_00.json", "data/collections/a/a_00_000001.jsonl", "schema.fql"])
def test_a_pipe_is_no_file(tmp_path, place):
    _directory(tmp_path, "")
    target = tmp_path / place
    target.unlink(missing_ok=True)
    os.mkfifo(target)
    with pytest.raises(CliError, match="this is no regular file"):
        read_export(tmp_path)


def test_the_command_says_so_in_one_line(tmp_path, faunadb):
    _directory(tmp_path, "", DEEP)
    done = faunadb("import", ".", "--into", "sqlite:///a.db", "--quiet", code=1)
    assert done.err == "Error: metadata_00.json, line 1: it is nested too deeply\n"


def test_a_bomb_takes_no_memory(tmp_path, other):
    _directory(tmp_path, "")
    path = tmp_path / "data" / "collections" / "a" / "a_00_000000.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"id": "1", "x": "')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
    [(_, line, reason)] = _import(tmp_path, other).skipped
    assert (line, reason) == (1, "this line is too long to be a document")


@pytest.mark.parametrize(
    "content", ["[" * 10_000, "5", '{"export_id": "", "last": 5}', '{"export_id": ""}', "\x00"]
)
def test_a_state_file_of_somebody_else_is_of_no_use(tmp_path, connection, content):
    _directory(tmp_path, '{"id": "1", "ts": {"@time": "2000-01-01T00:00:00Z"}}\n')
    importer = Importer(read_export(tmp_path), connection)
    importer.state.path.write_text(content)
    assert importer.run().rows == {"a": 1}


# -- both ways into a database


def test_what_is_usual_takes_the_quick_way():
    record = {
        "id": "5",
        "coll": {"@mod": "a"},
        "ts": {"@time": "2000-01-01T00:00:00.500Z"},
        "ttl": {"@time": "2099-01-01T00:00:00Z"},
        "i": {"@int": "-5"},
        "d": {"@double": "2.50"},
        "t": {"@time": "2000-01-01T00:00:00.120Z"},
        "on": {"@date": "2000-01-01"},
        "b": {"@bytes": "AP8="},
        "r": {"@ref": {"id": "7", "coll": {"@mod": "a"}}},
        "o": {"x": ["é", True, {"y": "z"}]},
    }
    reader = QuickReader(Names(), "", {"a": 1024}.get)
    assert reader.read(json.dumps(record)) == (
        "a",
        1024,
        5,
        946684800500000,
        4070908800000000,
        '{"data":{"i":-5,"d":2.5,"t":{"@ts":"2000-01-01T00:00:00.120Z"},"on":{"@date":"2000-01-01"},'
        '"b":{"@bytes":"AP8="},"r":{"@:ref":[1024,"7"]},"o":{"x":["é",true,{"y":"z"}]}},'
        '"ttl":{"@ts":"2099-01-01T00:00:00Z"}}',
        None,
    )
    plain = {key: record[key] for key in ("id", "coll", "ts", "i", "d", "o")}
    version = reader.read(json.dumps(plain))
    assert version.fields == json.loads(version.text), "what is only JSON need not be read again"
    unusual = [
        {"x": None},
        {"x": {"@double": "1e7"}},
        {"x": {"@double": "0.0001"}},
        {"x": {"@time": "2000-01-01T00:00:00.12Z"}},
        {"x": {"@time": "2000-01-01T00:00:00.000Z"}},
        {"x": {"@date": "2000-02-30"}},
        {"x": {"@bytes": "AP9="}},
        {"x": {"@ref": {"id": "07", "coll": {"@mod": "a"}}}},
        {"x": {"@ref": {"id": "7", "coll": {"@mod": "b"}}}},
        {"x": {"@mod": "a"}},
        {"x": [{"@mod": "a"}]},
        {"x": {"@object": {"@int": "5"}}},
        {"x": {"@v4": {"@uuid": "x"}}},
        {"x": {"@int": 5}},
        {"x": 12345678901234567890},
        {"x": "\ud800"},
        {"@x": 1},
        {"data": {"id": 1}},
        {"coll": {"@mod": "Credential"}},
        {"id": 5},
        {"ts": "2000-01-01T00:00:00Z"},
    ]
    for fields in unusual:
        assert reader.read(json.dumps({**record, **fields})) is None, fields


def _stored(database):
    """The stored text of every version, whatever it is rendered as."""
    adapter = database.client.session.get_adapter(database.client._endpoint.root + "/")
    with adapter.engine.store.snapshot() as snap:
        collection = FIRST_COLLECTION
        rows = [
            snap.versions(0, collection, number) for number in snap.scan_documents(0, collection, limit=1000)
        ]
        return [[row[:4] for row in versions] for versions in rows]


texts = st.text(max_size=8) | st.sampled_from(["NaN", "é", "\ud800", "\U0001f600", '"\\'])
values = st.recursive(
    st.none()
    | st.booleans()
    | texts
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(lambda n: {"@long": str(n)})
    | st.floats().map(lambda n: {"@double": repr(n).replace("inf", "Infinity").replace("nan", "NaN")})
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes().map(lambda t: {"@time": t.isoformat() + "Z"})
    | st.sampled_from(
        ["2024-02-30T24:00:00Z", "2024-01-02T03:04:05.100+01:00", "2024-01-02T03:04:05.120Z"]
    ).map(lambda t: {"@time": t})
    | st.dates().map(lambda d: {"@date": d.isoformat()})
    | st.sampled_from(["-0001-01-01", "+12345-01-01"]).map(lambda d: {"@date": d})
    | st.binary(max_size=5).map(lambda b: {"@bytes": base64.b64encode(b).decode()})
    | st.integers(-5, 2**63 - 1).map(lambda n: {"@ref": {"id": str(n), "coll": {"@mod": "a"}}})
    | st.sampled_from(
        [
            {"@mod": "a"},
            {"@mod": "Role"},
            {"@v4": {"@query": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1.0]}}}},
            {
                "@v4": {
                    "@set": {
                        "documents": {"@ref": {"id": "a", "collection": {"@ref": {"id": "collections"}}}}
                    }
                }
            },
            {"@v4": {"@uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}},
            {"@ref": {"id": "5", "coll": {"@mod": "Token"}}},
            {"@object": {"@a": None}},
            {"@object": {"@obj": {"x": 1}}},
        ]
    ),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(texts | st.just("a"), children, max_size=3).map(
            lambda d: {"@object": d} if any(key.startswith("@") for key in d) else d
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=st.lists(st.dictionaries(st.sampled_from("xyz"), values, max_size=3), min_size=1, max_size=4))
def test_loading_and_queries_store_the_same(tmp_path_factory, records):
    root = tmp_path_factory.mktemp("e")
    lines = [
        json.dumps({"id": str(n), "ts": {"@time": f"2000-01-0{n % 3 + 1}T00:00:00Z"}, **record}) + "\n"
        for n, record in enumerate(records * 2)
    ]
    _directory(root, "".join(lines))
    stored = []
    for make in (open_target, QueryTarget):
        database = Database()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("faunadb.cli.importing.open_target", make)
            summary = _import(root, database)
        stored.append((summary.rows, _stored(database)))
        database.close()
    assert stored[0] == stored[1]
