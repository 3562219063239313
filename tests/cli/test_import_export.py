"""Import and export, into and out of a real engine: all kinds of files, identity, resuming, damage, summaries."""

from __future__ import annotations

import gzip
import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.cli import importing
from faunadb.cli.connection import Connection
from faunadb.cli.data_files import read_documents
from faunadb.cli.errors import CliError
from faunadb.cli.export_decoding import decode_record
from faunadb.cli.export_encoding import encode_record
from faunadb.cli.export_files import read_export
from faunadb.cli.export_format import Document, format_micros, object_literal
from faunadb.cli.export_writing import ExportWriter
from faunadb.cli.exporting import Exporter
from faunadb.cli.import_target import open_target
from faunadb.cli.importing import Importer
from faunadb.cli.references import Placeholders
from faunadb.objects import FaunaTime, Ref
from faunadb.testing import Database
from tests.cli.test_export_format import literals

TS = 1704164645678901


def _record(number, coll="Author", **fields):
    head = {"id": str(number), "coll": {"@mod": coll}, "ts": {"@time": format_micros(TS + number)}}
    return {**head, **fields}


def _export(root, files, extension="jsonl", doc_format="tagged", **metadata):
    """Write an export: ``files`` is collection -> list of files, each a list of records or the raw text."""
    count = 0
    for name, parts in files.items():
        directory = root / "data" / "collections" / name
        directory.mkdir(parents=True)
        for ordinal, part in enumerate(parts):
            lines = [part] if isinstance(part, str) else [json.dumps(record) for record in part]
            if isinstance(part, str):
                text = part
            else:
                text = (
                    "".join(line + "\n" for line in lines) if "jsonl" in extension else f"[{','.join(lines)}]"
                )
            raw = text.encode()
            path = directory / f"{name}_00_{ordinal:06}.{extension}"
            path.write_bytes(gzip.compress(raw) if extension.endswith(".gz") else raw)
            count += 1
    part = {
        "export_id": "e1",
        "collections": list(files),
        "doc_format": doc_format,
        "part": 0,
        "total_parts": 1,
        "files_count": count,
        **metadata,
    }
    (root / "metadata_00.json").write_text(json.dumps(part))
    return read_export(root)


@pytest.fixture
def author(database):
    return lambda number: database.query(q.get(q.ref(q.collection("Author"), str(number))))


@pytest.mark.parametrize("extension", ["json", "jsonl", "json.gz", "jsonl.gz"])
def test_all_kinds_of_files(tmp_path, connection, database, author, extension):
    records = [_record(number, name=f"n{number}", n={"@int": str(number)}) for number in range(1, 8)]
    export = _export(tmp_path, {"Author": [records[:3], records[3:]], "Empty": []}, extension)
    summary = Importer(export, connection).run()
    assert summary.ok
    assert summary.rows == {"Author": 7}
    assert author(3) == {
        "ref": Ref("3", Ref("Author", Ref("collections"))),
        "ts": TS + 3,
        "data": {"name": "n3", "n": 3},
    }
    assert database.query(q.count(q.documents(q.collection("Author")))) == 7
    assert database.query(q.exists(q.collection("Empty"))) is True


def test_values_times_and_ttl_survive(tmp_path, connection, author, database):
    record = _record(
        5,
        ttl={"@time": "2099-01-01T00:00:00Z"},
        n={"@long": "9000000000"},
        d={"@double": "1.0"},
        inf={"@double": "-Infinity"},
        nan={"@double": "NaN"},
        t={"@time": "2024-01-02T03:04:05.123456789Z"},
        b={"@bytes": "AP/+"},
        r={"@ref": {"id": "7", "coll": {"@mod": "Gone"}}},
        f={"@mod": "Author"},
        o={"@object": {"@int": "5"}},
        data={"ts": {"@int": "1"}, "data": {"a": "b"}},
    )
    summary = Importer(_export(tmp_path, {"Author": [[record]]}), connection).run()
    assert summary.ok
    assert summary.notes == ["collection Gone was created empty: documents refer to it"]
    document = author(5)
    assert document["ts"] == TS + 5
    assert document["ttl"] == FaunaTime("2099-01-01T00:00:00Z")
    data = document["data"]
    assert data["n"] == 9000000000
    assert (data["d"], type(data["d"])) == (1.0, float)
    assert (data["inf"], data["nan"]) == ("-Infinity", "NaN")
    kind = lambda name: database.query(q.is_double(q.select(["data", name], q.get(document["ref"]))))
    assert (kind("inf"), kind("nan")) == (True, True)
    assert data["t"] == FaunaTime("2024-01-02T03:04:05.123456789Z")
    assert data["b"] == b"\x00\xff\xfe"
    assert data["r"] == Ref("7", Ref("Gone", Ref("collections")))
    assert data["f"] == Ref("Author", Ref("collections"))
    assert data["o"] == {"@int": "5"}
    assert (data["ts"], data["data"]) == (1, {"a": "b"})


def test_a_simple_export_is_imported_with_the_types_of_json(tmp_path, connection, author):
    record = {
        "id": "1",
        "coll": "Author",
        "ts": format_micros(TS),
        "n": 1,
        "d": 1.5,
        "when": "2024-01-02T03:04:05Z",
    }
    summary = Importer(_export(tmp_path, {"Author": [[record]]}, doc_format="simple"), connection).run()
    assert author(1)["data"] == {"n": 1, "d": 1.5, "when": "2024-01-02T03:04:05Z"}
    assert summary.ok
    assert summary.notes == [
        "the export is a simple one: times, bytes and references inside documents stay plain values"
    ]


def test_importing_twice_makes_no_duplicates(tmp_path, connection, database, author):
    export = _export(tmp_path, {"Author": [[_record(n) for n in range(10)]]})
    Importer(export, connection).run()
    Importer(export, connection).run()
    assert database.query(q.count(q.documents(q.collection("Author")))) == 10
    assert author(3)["ts"] == TS + 3
    assert list(tmp_path.glob(".import-*")) == []


def test_versions_of_one_document_may_stand_beside_each_other(tmp_path, connection, database, author):
    """Those that need no conversion are taken another way; neither must think that the document is not there yet."""
    convert = {"what": {"@int": "5"}}
    records = [
        _record(1, n=1),
        _record(1, n=3) | {"ts": format_micros(TS + 30)},
        _record(1, n=2, **convert) | {"ts": format_micros(TS + 20)},
        _record(2, n=1, **convert) | {"ts": format_micros(TS + 10)},
        _record(2, n=2) | {"ts": format_micros(TS + 20)},
    ]
    index = {"name": "by_n", "source": q.collection("Author"), "values": [{"field": ["data", "n"]}]}
    database.query(q.create_collection({"name": "Author"}))
    database.query(q.create_index(index))
    Importer(_export(tmp_path, {"Author": [records]}), connection).run()
    assert [author(1)["data"]["n"], author(2)["data"]["n"]] == [3, 2]
    assert database.query(q.count(q.documents(q.collection("Author")))) == 2
    assert database.query(q.paginate(q.match(q.index("by_n"))))["data"] == [2, 3]


def test_a_record_without_time_is_created_once(tmp_path, connection, database):
    record = _record(1, name="a")
    del record["ts"]
    export = _export(tmp_path, {"Author": [[record]]})
    Importer(export, connection).run()
    Importer(export, connection).run()
    assert database.query(q.count(q.documents(q.collection("Author")))) == 1


def test_dry_run_writes_nothing(tmp_path, connection, database):
    export = _export(tmp_path, {"Author": [[_record(1), _record(2, a={"@what": 1})]]})
    summary = Importer(export, connection, dry_run=True).run()
    assert (summary.rows, summary.skipped_count, summary.ok) == ({"Author": 1}, 1, False)
    assert database.query(q.exists(q.collection("Author"))) is False
    assert list(tmp_path.glob(".import-*")) == []


def test_damage_is_told_with_file_and_line_and_the_rest_is_imported(tmp_path, connection, database):
    good = json.dumps(_record(1)) + "\n"
    parts = [
        good + '{"id": "2", \n' + json.dumps(_record(3)) + "\n",
        json.dumps(_record(4)) + "\n" + '{"id": "5"',
    ]
    summary = Importer(_export(tmp_path, {"Author": parts}), connection).run()
    base = tmp_path / "data" / "collections" / "Author"
    assert summary.skipped == [
        (
            str(base / "Author_00_000000.jsonl"),
            2,
            "this is not JSON: Expecting property name enclosed in double quotes (column 13)",
        ),
        (str(base / "Author_00_000001.jsonl"), 2, "the file ends in the middle of a document"),
    ]
    assert not summary.ok
    found = database.query(
        q.map_(lambda ref: q.select("id", ref), q.paginate(q.documents(q.collection("Author"))))
    )
    assert found["data"] == ["1", "3", "4"]


def test_a_missing_file_is_a_problem(tmp_path, connection):
    summary = Importer(_export(tmp_path, {"Author": [[_record(1)]]}, files_count=2), connection).run()
    assert summary.rows == {"Author": 1}
    assert summary.problems == ["the export has 2 data files, 1 are here"]
    assert not summary.ok


def test_what_the_database_refuses_is_skipped_alone(tmp_path, connection, database):
    records = [_record(n) for n in range(1, 7)]
    records[2]["ts"] = {"@time": "2999-01-01T00:00:00Z"}
    records[4]["f"] = {"@ref": {"name": "no function's name", "coll": {"@mod": "Function"}}}
    summary = Importer(_export(tmp_path, {"Author": [records]}), connection).run()
    assert [(line, reason) for _, line, reason in summary.skipped] == [
        (3, "document 3 is refused: invalid write time: Cannot write outside of snapshot time."),
        (
            5,
            "document 5 is refused: validation failed: document data is not valid. "
            "(do.1.data.f: Cannot read reference.)".replace(
                "do.1.data.f", summary.skipped[1][2].split("(")[1].split(":")[0]
            ),
        ),
    ]
    assert summary.rows == {"Author": 4}
    assert database.query(q.count(q.documents(q.collection("Author")))) == 4


def test_what_cannot_be_represented_is_counted(tmp_path, connection, author):
    records = [_record(n, s={"@set": {}}, a=[None], keep="x") for n in (1, 2)]
    summary = Importer(_export(tmp_path, {"Author": [records]}), connection).run()
    assert author(1)["data"] == {"a": [], "keep": "x"}
    assert summary.dropped == {("Author", "a set"): 2, ("Author", "null in an array"): 2}
    assert "left out: a set in Author, 2 times: FQL v4 cannot store it" in summary.lines(False)
    assert not summary.ok


def test_a_document_too_large_is_skipped(tmp_path, connection):
    records = [_record(1), _record(2, text="x" * (9 << 20)), _record(3)]
    summary = Importer(_export(tmp_path, {"Author": [records]}), connection).run()
    assert summary.rows == {"Author": 2}
    [(_, line, reason)] = summary.skipped
    assert line == 2
    assert "document 2 is refused" in reason


def test_credentials(tmp_path, connection, database):
    users = q.collection("User")
    database.query(q.create_collection({"name": "User"}))
    database.query(q.create(q.ref(users, "1"), {"credentials": {"password": "sesame"}}))
    out = tmp_path / "out"
    exporter = Exporter(connection, ExportWriter(out, True, True, False))
    exporter.run()
    assert exporter.rows == {"User": 1, "Credential": 1}
    other = Database()
    target = Connection(other.url, other.secret)
    try:
        summary = Importer(read_export(out), target).run()
        assert (summary.ok, summary.rows) == (True, {"User": 1, "Credential": 1})
        assert other.query(q.identify(q.ref(users, "1"), "sesame")) is True
        assert other.query(q.identify(q.ref(users, "1"), "wrong")) is False
    finally:
        target.close()
        other.close()


def test_refs_to_what_is_deleted_survive(tmp_path, connection, database):
    """In the export, and in an import into a database that never had it."""
    database.query(q.create_collection({"name": "Author"}))
    database.query(q.create_collection({"name": "Gone"}))
    database.query(q.create_index({"name": "by", "source": q.collection("Author")}))
    database.query(q.create_function({"name": "f", "body": q.query(q.lambda_("x", 1))}))
    database.query(q.create_role({"name": "r", "privileges": []}))
    database.query(q.create_database({"name": "d"}))
    database.query(q.create_access_provider({"name": "a", "issuer": "i", "jwks_uri": "https://x"}))
    gone = [q.index("by"), q.function("f"), q.role("r"), q.database("d"), q.access_provider("a")]
    held = [*gone, q.collection("Gone"), q.ref(q.collection("Gone"), "1")]
    author = q.ref(q.collection("Author"), "1")
    database.query(q.create(author, {"data": {"refs": held}}))
    before = database.query(q.get(author))["data"]
    for ref in [*gone, q.collection("Gone")]:
        database.query(q.delete(ref))
    out = tmp_path / "out"
    exporter = Exporter(connection, ExportWriter(out, True, True, False))
    exporter.run()
    assert exporter.ok
    with closing(Database()) as other, closing(Connection(other.url, other.secret)) as target:
        # A run that was stopped has left its placeholders; what has a name of theirs and was there before stays.
        assert Placeholders().ensure(other.client, ("functions", "stopped"))
        other.query(q.create_role({"name": "own", "privileges": [], "data": {"mark": 1}}))
        summary = Importer(read_export(out), target).run()
        assert (summary.ok, summary.rows) == (True, {"Author": 1})
        assert other.query(q.get(author))["data"] == before
        assert other.query(q.exists(q.function("stopped"))) is False
        assert other.query(q.exists(q.role("own"))) is True
        for ref in gone:
            assert other.query(q.exists(ref)) is False


def test_a_placeholder_that_stays_is_a_problem(database):
    """A protected database deletes no index."""
    database.query(q.create_database({"name": "p", "protected": True}))
    with closing(Connection(database.url, database.secret, "p")) as connection:
        client = connection.client()
        placeholders = Placeholders()
        assert placeholders.ensure(client, ("indexes", "by"))
        (problem,) = placeholders.remove(client)
        assert problem.startswith("the placeholder by in indexes cannot be deleted: ")
        assert client.query(q.exists(q.index("by"))) is True


def test_into_a_child_database(tmp_path, database):
    export = _export(tmp_path, {"Author": [[_record(1)]]})
    connection = Connection(database.url, database.secret, "a/b")
    try:
        summary = Importer(export, connection).run()
        assert summary.notes == ["database a was created", "database a/b was created"]
        again = Importer(export, connection).run()
        assert (again.ok, again.notes) == (True, [])
    finally:
        connection.close()
    child = database.client_for(database.secret + ":a/b:server")
    assert child.query(q.count(q.documents(q.collection("Author")))) == 1
    assert database.query(q.exists(q.collection("Author"))) is False


class _Stop(Exception):
    pass


def test_an_interrupted_import_goes_on_where_it_was(tmp_path, connection, database, monkeypatch):
    bad = json.dumps(_record(0)) + "\nnot json\n"
    records = [_record(n) for n in range(1, 60)]
    export = _export(tmp_path, {"Author": [bad, records[:30], records[30:]]})
    importer = Importer(export, connection, batch_rows=10)
    targets = []

    class Stopping:
        """The real target, which gives up after four batches."""

        def __init__(self, connection, most):
            self.real, self.most, self.sent = open_target(connection), most, []
            targets.append(self)

        def __getattr__(self, name):
            return getattr(self.real, name)

        def write(self, documents):
            if len(self.sent) == self.most:
                raise _Stop
            self.sent.append(len(documents))
            self.real.write(documents)

    monkeypatch.setattr(importing, "open_target", lambda connection: Stopping(connection, 4))
    with pytest.raises(_Stop):
        importer.run()
    assert sum(targets[0].sent) == 31
    assert len(list(tmp_path.glob(".import-*.json"))) == 1
    monkeypatch.setattr(importing, "open_target", lambda connection: Stopping(connection, None))
    summary = Importer(export, connection, batch_rows=10).run()
    assert sum(targets[1].sent) == 29
    # what the first run skipped is still told, and still a reason for a failing exit code
    assert (summary.resumed, summary.rows, summary.skipped_count) == (31, {"Author": 60}, 1)
    assert not summary.ok
    assert database.query(q.count(q.documents(q.collection("Author")))) == 60
    assert list(tmp_path.glob(".import-*")) == []


def test_state_of_a_database_that_is_gone_is_of_no_use(tmp_path, connection, database, monkeypatch):
    export = _export(tmp_path, {"Author": [[_record(n) for n in range(1, 30)]]})
    importer = Importer(export, connection, batch_rows=10)
    importer.state.files = {"data/collections/Author/Author_00_000000.jsonl": 20}
    importer.state.last = ("", "Author", "20", False)
    importer.state.save(importer.summary, force=True)
    summary = Importer(export, connection, batch_rows=10).run()
    assert (summary.resumed, summary.rows) == (0, {"Author": 29})


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path, environment):
    root = tmp_path / "export"
    root.mkdir()
    _export(
        root,
        {
            "Author": [
                [_record(n, text="x" * 200) for n in range(k * 2000, k * 2000 + 2000)] for k in range(3)
            ]
        },
    )
    words = [
        sys.executable,
        "-m",
        "faunadb",
        "import",
        str(root),
        "--into",
        "sqlite:///app.db?durability=normal",
    ]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not list(root.glob(".import-*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the import ended before it could be killed"
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "by an earlier run that was stopped" in done.stdout
    assert "6,000  documents imported" in done.stdout
    connection = Connection(f"sqlite:///{tmp_path}/app.db", "secret")
    try:
        assert connection.root.query(q.count(q.documents(q.collection("Author")))) == 6000
    finally:
        connection.close()


# -- export


def _wire_documents(root):
    export = read_export(root)
    found = []
    for file in export.files:
        for entry in read_documents(file.path):
            assert entry.fault is None
            found.append(decode_record(entry.value, export.tagged, lambda path, what: pytest.fail(what)))
    return sorted(found, key=lambda document: (document.collection, int(document.id)))


@pytest.mark.parametrize(("lines", "compressed"), [(True, False), (False, True)])
def test_export_of_an_import_is_the_same(tmp_path, connection, lines, compressed):
    records = [_record(n, n={"@int": str(n)}, d={"@double": "NaN"}, s="NaN") for n in range(-3, 40)]
    source = tmp_path / "source"
    source.mkdir()
    Importer(_export(source, {"Author": [records], "Empty": []}), connection).run()
    exporter = Exporter(connection, ExportWriter(tmp_path / "out", True, lines, compressed), page_size=7)
    exporter.run()
    assert exporter.ok
    assert exporter.rows == {"Author": 43}
    assert repr(_wire_documents(tmp_path / "out")) == repr(_wire_documents(source))
    metadata = read_export(tmp_path / "out").metadata[0]
    assert metadata["collections"] == ["Author", "Empty"]
    assert metadata["snapshot_ts"].startswith("20")


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.dictionaries(
        st.text() | st.sampled_from(["@ref", "@int", "@obj", "id", "data"]), literals, max_size=4
    )
)
def test_import_of_an_export_is_the_identity(tmp_path_factory, data):
    base = tmp_path_factory.mktemp("identity")
    first, second = Database(), Database()
    try:
        # what FQL v4 stores of the document: nulls go when it is written
        first.query(q.do(q.create_collection({"name": "Author"})))
        document = Document("Author", "5", TS, {"@ts": "2099-01-01T00:00:00Z"}, data)
        (base / "a").mkdir()
        record = encode_record(document, True, lambda path, what: None)
        source = Connection(first.url, first.secret)
        Importer(_export(base / "a", {"Author": [[record]]}), source).run()
        Exporter(source, ExportWriter(base / "b", True, True, False)).run()
        target = Connection(second.url, second.secret)
        assert Importer(read_export(base / "b"), target).run().ok
        Exporter(target, ExportWriter(base / "c", True, True, False)).run()
        source.close()
        target.close()
        out = [
            [entry.value for f in read_export(base / n).files for entry in read_documents(f.path)]
            for n in "bc"
        ]
        assert json.dumps(out[0]) == json.dumps(out[1])
        assert len(out[0]) == 1
        assert out[0][0]["ts"] == {"@time": format_micros(TS)}
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize(
    "data",
    [
        {"@ref": "x"},
        {"@int": "1", "b": 2},
        {"@obj": {"object": {}}},
        {"d": {"@date": "-0001-01-01"}},
        {"d": [{"@date": "+12345-01-01"}]},
        {"t": {"@ts": "0000-01-01T00:00:00Z"}},
        {"t": {"@ts": "-999999999-01-01T00:00:00Z"}},
        {"t": {"@ts": "9999-12-31T23:59:59.999999999Z"}},
        {
            "r": {
                "@ref": {
                    "id": "-5",
                    "collection": {"@ref": {"id": "Author", "collection": {"@ref": {"id": "collections"}}}},
                }
            }
        },
        {"id": 1, "coll": "x", "ts": 3, "ttl": 4, "data": {"data": 5}},
    ],
)
def test_what_python_or_the_protocol_writes_otherwise_survives(tmp_path, connection, database, data):
    database.query(q.create_collection({"name": "Author"}))
    literal = {"quote": {"data": object_literal(data)}}
    reference = {"ref": {"collection": "Author"}, "id": "5"}
    for micros in (-(2**62), TS):
        written = {"insert": reference, "ts": micros, "action": "create", "params": literal}
        database.query(q._Expr({"do": [written, None]}))
        out = tmp_path / str(micros)
        Exporter(connection, ExportWriter(out, True, True, False)).run()
        assert _exported_data(out) == (micros, data)
        target = Database()
        other = Connection(target.url, target.secret)
        assert Importer(read_export(out), other).run().ok
        Exporter(other, ExportWriter(out / "again", True, True, False)).run()
        assert _exported_data(out / "again") == (micros, data)
        other.close()
        target.close()


def _exported_data(root):
    [file] = read_export(root).files
    [entry] = read_documents(file.path)
    document = decode_record(entry.value, True, lambda path, what: pytest.fail(what))
    return document.ts, document.data


def test_collections_that_the_import_makes_keep_history_as_asked(tmp_path, connection, database):
    database.query(q.create_collection({"name": "Old", "history_days": 3}))
    files = {"Author": [[_record(1)]], "Old": [[{**_record(2), "coll": {"@mod": "Old"}}]]}
    assert Importer(_export(tmp_path, files), connection, history_days=30).run().ok
    kept = [database.query(q.select("history_days", q.get(q.collection(name)))) for name in ("Author", "Old")]
    assert kept == [30, 3]


def test_export_is_of_one_moment(tmp_path, connection, database, monkeypatch):
    database.query(q.create_collection({"name": "A"}))
    refs = [q.ref(q.collection("A"), str(n)) for n in range(1, 7)]
    database.query(q.do(*[q.create(ref, {"data": {"n": 1}}) for ref in refs]))
    exporter = Exporter(connection, ExportWriter(tmp_path / "out", True, True, False), page_size=2)
    write, written = exporter._write, []

    def change_meanwhile(name, item, data):
        if not written:
            database.query(q.do(*[q.update(ref, {"data": {"n": 2}}) for ref in refs[3:]], q.delete(refs[5])))
        written.append(item)
        write(name, item, data)

    monkeypatch.setattr(exporter, "_write", change_meanwhile)
    exporter.run()
    assert [document.data for document in _wire_documents(tmp_path / "out")] == [{"n": 1}] * 6


def test_a_simple_export_tells_what_it_leaves_out(tmp_path, connection, database):
    database.query(q.create_collection({"name": "A"}))
    database.query(q.create(q.collection("A"), {"data": {"f": q.query(lambda x: x), "keep": 1}}))
    exporter = Exporter(connection, ExportWriter(tmp_path / "out", False, True, False))
    exporter.run()
    assert exporter.dropped == {("A", "a lambda"): 1}
    assert not exporter.ok
    assert "left out: a lambda in A, 1 times: the format cannot hold it" in exporter.lines()


def test_export_refuses_what_it_cannot_do(tmp_path, connection, database):
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="is not empty"):
        Exporter(connection, ExportWriter(tmp_path, True, True, False)).run()
    with pytest.raises(CliError, match="there is no collection Nowhere"):
        Exporter(connection, ExportWriter(tmp_path / "out", True, True, False), ["Nowhere"]).run()


def test_simple_export_of_special_numbers(tmp_path, connection, database):
    database.query(q.create_collection({"name": "A"}))
    infinity = q._Expr({"pow": 0, "exp": -1})
    database.query(q.create(q.collection("A"), {"data": {"i": infinity, "s": "Infinity", "d": 2.5}}))
    Exporter(connection, ExportWriter(tmp_path / "out", False, True, False)).run()
    [file] = read_export(tmp_path / "out").files
    [entry] = read_documents(file.path)
    assert {key: entry.value[key] for key in "isd"} == {"i": "Infinity", "s": "Infinity", "d": 2.5}
    assert math.isfinite(entry.value["d"])


# -- the command line


def test_commands(tmp_path, faunadb):
    root = tmp_path / "export"
    root.mkdir()
    _export(root, {"Author": [[_record(n) for n in range(5)]]})
    done = faunadb("import", "export", "--into", "sqlite:///app.db", code=0)
    assert "           5  documents imported" in done.out
    done = faunadb("export", "sqlite:///app.db", "--out", "again", "--compress", "--json", code=0)
    assert "           5  documents in 1 files" in done.out
    assert sorted(path.name for path in (tmp_path / "again").rglob("*.gz")) == ["Author_00_000000.json.gz"]
    assert _wire_documents(tmp_path / "again") == _wire_documents(root)
    done = faunadb("import", "again", "--into", "sqlite:///app.db", "--dry-run", code=0)
    assert "documents would be imported" in done.out


def test_command_line_errors(tmp_path, faunadb):
    assert (
        faunadb("import", "nowhere", "--into", "sqlite://", code=1).err
        == "Error: nowhere is not a directory\n"
    )
    (tmp_path / "some.db").write_text("this is not a database, it is a text of some length")
    root = tmp_path / "export"
    root.mkdir()
    _export(root, {"Author": ["{\n"]})
    done = faunadb("import", "export", "--into", "sqlite:///some.db", code=1)
    assert done.err.startswith("Error: sqlite:///some.db")
    assert "Traceback" not in done.err
    done = faunadb("import", "export", "--into", "sqlite:///app.db", code=1)
    assert "skipped: export/data/collections/Author/Author_00_000000.jsonl, line 1: " in done.out
    done = faunadb("import", "export", "--into", "sqlite:///app.db", "--secret", "wrong", code=1)
    warning, error = done.err.splitlines()
    assert "warning" in warning
    assert error == 'Error: the secret does not open sqlite:///app.db: its root secret is "secret"'
    done = faunadb("import", "export", "--into", "http://127.0.0.1:9", code=1)
    assert done.err == "Error: http://127.0.0.1:9 is a server: give --secret, or set FAUNA_SECRET\n"
    done = faunadb("import", "export", "--into", "ftp://x", "--secret", "s", code=1)
    assert done.err.splitlines()[-1].startswith("Error: ftp://x is not the URL of a database")
