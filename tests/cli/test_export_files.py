"""Files of an export: reading all four kinds, in pieces of any size, whole, cut off and damaged; writing them."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.cli import data_files
from faunadb.cli.data_files import CorruptFile, read_documents
from faunadb.cli.errors import CliError
from faunadb.cli.export_files import read_export
from faunadb.cli.export_writing import ExportWriter

DOCUMENTS = [{"id": str(n), "text": "é" * n + '"]},[{\\', "n": [n, {"a": -1.5e-3}]} for n in range(20)]


def _write(path, text):
    raw = text if isinstance(text, bytes) else text.encode("utf-8")
    path.write_bytes(gzip.compress(raw) if path.name.endswith(".gz") else raw)
    return path


def _read(path):
    return [
        (entry.line, entry.value if entry.fault is None else entry.fault.reason)
        for entry in read_documents(path)
    ]


@pytest.mark.parametrize("piece", [1, 7, 1 << 18])
@pytest.mark.parametrize("extension", ["json", "jsonl", "json.gz", "jsonl.gz"])
def test_all_kinds(tmp_path, monkeypatch, extension, piece):
    monkeypatch.setattr(data_files, "_PIECE", piece)
    lines = [json.dumps(document, ensure_ascii=False) for document in DOCUMENTS]
    text = "\n".join(lines) + "\n" if "jsonl" in extension else "[\n" + ",\n".join(lines) + "\n]\n"
    path = _write(tmp_path / f"A_00_000000.{extension}", text)
    first = 1 if "jsonl" in extension else 2
    assert _read(path) == [(first + n, document) for n, document in enumerate(DOCUMENTS)]


@pytest.mark.parametrize("text", ["[]", " [ ] \n", "[\n]\n"])
def test_empty_array(tmp_path, text):
    assert _read(_write(tmp_path / "A_00_000000.json", text)) == []


def test_array_on_one_line_and_numbers_at_the_edge(tmp_path, monkeypatch):
    monkeypatch.setattr(data_files, "_PIECE", 3)
    assert _read(_write(tmp_path / "a.json", "[123456,-7.25 ,null,\n1e5]")) == [
        (1, 123456),
        (1, -7.25),
        (1, None),
        (2, 1e5),
    ]


@pytest.mark.parametrize(
    ("name", "text", "entries"),
    [
        (
            "a.jsonl",
            '{"a":1}\n{"a":\n{"a":3}\n',
            [(1, {"a": 1}), (2, "this is not JSON: Expecting value (column 6)"), (3, {"a": 3})],
        ),
        ("a.jsonl", '{"a":1}\n{"a":2', [(1, {"a": 1}), (2, "the file ends in the middle of a document")]),
        ("a.jsonl", '{"a":1}\n\n{"a":2}\n', [(1, {"a": 1}), (3, {"a": 2})]),
        ("a.jsonl", '{"a":NaN}\n', [(1, "this is not JSON: NaN is not a number of JSON")]),
        ("a.jsonl", b'{"a":1}\n\xff\n', [(1, "this is not UTF-8")]),
        (
            "a.json",
            '[{"a":1},\n{"a":2}',
            [(1, {"a": 1}), (2, "the file ends in the middle: its array is not closed")],
        ),
        ("a.json", '[{"a":1},\n{"a":', [(1, {"a": 1}), (2, "the file ends in the middle of this document")]),
        (
            "a.json",
            '[{"a":1},\n{"a":"unterminated',
            [(1, {"a": 1}), (2, "the file ends in the middle of this document")],
        ),
        ("a.json", '[{"a":1},', [(1, {"a": 1}), (1, "the file ends in the middle: its array is not closed")]),
        ("a.json", '[{"a":1}\n{"a":2}]', [(2, ", or ] was expected, '{' found")]),
        ("a.json", '{"a":1}', [(1, "[ was expected, '{' found")]),
        ("a.json", "", [(1, "the file ends in the middle: its array is not closed")]),
        ("a.json", '[{"a":1}]\n[]', [(1, {"a": 1}), (2, "there is text behind the array")]),
        (
            "a.json",
            '[{"a":1},\n{"b":1,\n"a" 2}' + ',{"a":3}' * 10 + "]",
            [(1, {"a": 1}), (3, "this is not JSON: Expecting ':' delimiter")],
        ),
    ],
)
def test_damaged_files_are_told_with_their_line(tmp_path, name, text, entries):
    assert _read(_write(tmp_path / name, text)) == entries


def test_compressed_files_that_are_cut_off_or_none(tmp_path):
    whole = gzip.compress(
        b"".join(json.dumps({"a": "x" * 50, "n": n * 7919 % 1000}).encode() + b"\n" for n in range(9000))
    )
    cut = tmp_path / "a.jsonl.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    *documents, last = _read(cut)
    assert len(documents) > 100
    assert all(value["a"] == "x" * 50 for _, value in documents)
    assert last == (len(documents) + 1, "the compressed file ends too early")
    cut.write_bytes(b'[{"a":1}]')
    assert _read(cut) == [(1, "the compressed file is damaged")]


def test_a_document_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(data_files, "_LONGEST_DOCUMENT", 1 << 20)
    path = _write(tmp_path / "a.json", '[{"a": "' + "x" * (4 << 20) + '"}]')
    assert _read(path) == [(1, "what begins here is too long to be a document")]
    path = _write(tmp_path / "a.jsonl", '{"a": "' + "x" * (4 << 20) + '"}\n')
    assert _read(path) == [(1, "this line is too long to be a document")]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_memory_stays_flat(tmp_path, name):
    line = json.dumps({"id": "1", "text": "x" * 1000})
    with (tmp_path / name).open("w") as file:
        file.write("[" if name == "a.json" else "")
        for number in range(20_000):
            file.write(("," if number and name == "a.json" else "") + line + "\n")
        file.write("]" if name == "a.json" else "")
    tracemalloc.start()
    try:
        assert sum(1 for entry in read_documents(tmp_path / name) if entry.fault is None) == 20_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 << 20


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(_json, max_size=6), st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_any_array_in_any_pieces(tmp_path_factory, documents, piece, ascii_only, indent):
    path = tmp_path_factory.mktemp("array") / "a.json"
    text = json.dumps(documents, ensure_ascii=ascii_only, indent=indent)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    before = data_files._PIECE
    data_files._PIECE = piece
    try:
        found = [entry.value for entry in read_documents(path)]
    finally:
        data_files._PIECE = before
    assert json.dumps(found) == json.dumps(documents)


# -- whole exports


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_written_is_read(tmp_path, lines, compressed):
    writer = ExportWriter(tmp_path / "out", True, lines, compressed, file_size=500)
    for name in ("A", "empty", "..", "B"):
        writer.begin(name)
        for document in DOCUMENTS if name != "empty" else ():
            writer.write({**document, "of": name})
    writer.finish({"export_id": "e", "snapshot_ts": "2024-01-02T03:04:05Z"}, {})
    export = read_export(tmp_path / "out")
    assert (export.collections, export.tagged, export.problems, export.id) == (
        ["A", "empty", "..", "B"],
        True,
        [],
        "e",
    )
    assert len(export.files) > 6
    assert {file.path.parent.parent for file in export.files} == {tmp_path / "out" / "data" / "collections"}
    found = [entry.value for file in export.files for entry in read_documents(file.path)]
    key = lambda document: (document["of"], int(document["id"]))
    assert sorted(found, key=key) == sorted(
        ({**d, "of": name} for name in ("A", "B", "..") for d in DOCUMENTS), key=key
    )
    metadata = export.metadata[0]
    extension = ("jsonl" if lines else "json") + (".gz" if compressed else "")
    assert metadata["datafile_ext"] == extension
    assert metadata["datafile_format"] == extension.split(".")[0]
    assert metadata["datafile_compression"] is compressed
    assert metadata["files_count"] == len(export.files)
    assert metadata["files_bytes"] == sum(file.size for file in export.files)
    assert (metadata["part"], metadata["total_parts"]) == (0, 1)


def _metadata(root, number=0, **fields):
    (root / f"metadata_{number:02}.json").write_text(json.dumps({"doc_format": "tagged", **fields}))


def test_what_shows_that_an_export_is_not_whole(tmp_path):
    directory = tmp_path / "data" / "collections" / "A"
    directory.mkdir(parents=True)
    (directory / "A_00_000000.jsonl").write_text("")
    (directory / "notes.txt").write_text("")
    assert read_export(tmp_path).problems == [
        "there is no metadata_00.json: whether the export is whole cannot be told"
    ]
    _metadata(tmp_path, 0, collections=["A", "B"], total_parts=3, files_count=2)
    _metadata(tmp_path, 1, collections=["C"], total_parts=3, files_count=1)
    export = read_export(tmp_path)
    assert export.problems == [
        "the export has 3 parts, metadata of 2 is here",
        "the export has 3 data files, 1 are here",
    ]
    assert export.collections == ["A", "B", "C"]
    assert [file.path.name for file in export.files] == ["A_00_000000.jsonl"]


def test_what_is_no_export(tmp_path):
    with pytest.raises(CliError, match="is not a directory"):
        read_export(tmp_path / "nowhere")
    with pytest.raises(CliError, match="holds no export"):
        read_export(tmp_path)
    _metadata(tmp_path, doc_format="other")
    with pytest.raises(CliError, match="doc_format other is not known"):
        read_export(tmp_path)
    (tmp_path / "metadata_00.json").write_text('{\n"a": 1,\n}')
    with pytest.raises(CorruptFile, match=r"metadata_00\.json, line 3: "):
        read_export(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"total_parts": "2"}, "total_parts is not an integer"),
        ({"files_count": None}, "files_count is not an integer"),
        ({"files_count": True}, "files_count is not an integer"),
        ({"collections": "Author"}, "collections is not a list of names"),
        ({"collections": ["Author", 1]}, "collections is not a list of names"),
    ],
)
def test_metadata_of_the_wrong_type(tmp_path, fields, message):
    _metadata(tmp_path, **fields)
    with pytest.raises(CorruptFile) as caught:
        read_export(tmp_path)
    assert str(caught.value) == f"{tmp_path}/metadata_00.json, line 1: {message}"
