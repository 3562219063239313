"""Exports for programs that know nothing of Fauna: tables, types, keys."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
import uuid

import pytest

from faunadb import query as q
from faunadb.cli.errors import CliError
from faunadb.cli.table_export import TableExporter
from faunadb.cli.tables import unique_name
from faunadb.objects import FaunaTime


@pytest.fixture
def library(database):
    """Books with authors: values of every type, refs that hold and one that does not."""
    for name in ("author", "book", "Auth.or"):
        database.query(q.create_collection({"name": name}))
    author = lambda number: q.ref(q.collection("author"), str(number))
    book = lambda number: q.ref(q.collection("book"), str(number))
    database.query(q.create(author(1), {"data": {"name": 'Ursula\t"K"\\, \nLe Guin', "id": 5}}))
    fields = {
        "title": "Earthsea",
        "pages": 183,
        "rating": 4.5,
        "lent": True,
        "at": FaunaTime("2024-01-02T03:04:05.678901Z"),
        "on": q.date("1968-11-01"),
        "cover": b"\x00\xff",
        "by": author(1),
        "seen": author(9),
        "tags": ["sea", {"deep": author(1)}],
        "mixed": 1,
        "any": author(1),
        "nothing": None,
        "nul": "a\0b",
    }
    database.query(q.create(book(1), {"data": fields}))
    database.query(
        q.create(book(2), {"data": {"pages": 2.5, "mixed": "x", "any": book(1), "Title": "again"}})
    )
    database.query(q.create(q.ref(q.collection("Auth.or"), "7"), {"data": {"x": None}}))
    return database


def _leave(connection, out, form):
    exporter = TableExporter(connection, out, form)
    exporter.run()
    assert exporter.rows == {"author": 1, "book": 2, "Auth_or": 1}
    assert exporter.notes == ["collection Auth.or is the table Auth_or"]
    return exporter


def test_sqlite_has_a_typed_row_for_each_document(tmp_path, connection, library):
    path = tmp_path / "out.db"
    _leave(connection, path, "sqlite")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    row = dict(database.execute("SELECT * FROM book WHERE id = 1").fetchone())
    assert row.pop("ts").startswith("20")
    assert row == {
        "id": 1,
        "ttl": None,
        "title": "Earthsea",
        "pages": 183.0,
        "rating": 4.5,
        "lent": 1,
        "at": "2024-01-02T03:04:05.678901Z",
        "on": "1968-11-01",
        "cover": b"\x00\xff",
        "by": 1,
        "seen": 9,
        "tags": '["sea", {"deep": {"collection": "author", "id": "1"}}]',
        "mixed": "1",
        "any": '{"collection": "author", "id": "1"}',
        "nul": "a\0b",
        "Title_2": None,
    }
    assert dict(database.execute("SELECT id, id_2 FROM author").fetchone()) == {"id": 1, "id_2": 5}
    types = {row["name"]: row["type"] for row in database.execute("PRAGMA table_info(book)")}
    assert (types["pages"], types["by"], types["tags"], types["on"]) == ("REAL", "INTEGER", "TEXT", "DATE")
    keys = [(row["from"], row["table"]) for row in database.execute("PRAGMA foreign_key_list(book)")]
    assert keys == [("by", "author")]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def test_csv_has_a_line_for_each_document(tmp_path, connection, library):
    _leave(connection, tmp_path / "out", "csv")
    with open(tmp_path / "out" / "author.csv", newline="", encoding="utf-8") as file:
        [author] = csv.DictReader(file)
    assert (author["name"], author["id"], author["id_2"]) == ('Ursula\t"K"\\, \nLe Guin', "1", "5")
    with open(tmp_path / "out" / "book.csv", newline="", encoding="utf-8") as file:
        book = next(csv.DictReader(file))
    assert (book["lent"], book["cover"], book["by"], book["ttl"]) == ("true", "00ff", "1", "")


def test_ndjson_has_a_document_on_each_line(tmp_path, connection, library):
    _leave(connection, tmp_path / "out", "ndjson")
    records = [
        json.loads(line) for line in (tmp_path / "out" / "book.ndjson").read_text("utf-8").splitlines()
    ]
    assert [record["id"] for record in records] == ["1", "2"]
    assert records[0]["data"]["by"] == {"collection": "author", "id": "1"}
    assert records[0]["data"]["at"] == "2024-01-02T03:04:05.678901Z"


def test_postgresql(tmp_path, connection, library):
    path = tmp_path / "out.sql"
    _leave(connection, path, "postgresql")
    text = path.read_text("utf-8")
    assert '"by" bigint' in text
    assert '"tags" jsonb' in text
    assert 'ALTER TABLE "book" ADD FOREIGN KEY ("by") REFERENCES "author";' in text
    assert 'Ursula\\t"K"\\\\, \\nLe Guin' in text
    assert "\\\\x00ff" in text
    assert text.startswith("BEGIN;\n")
    assert text.endswith("COMMIT;\n")


@pytest.mark.skipif(not os.environ.get("FAUNADB_TEST_POSTGRES"), reason="a PostgreSQL server is not there")
def test_postgresql_takes_the_script(tmp_path, connection, library):
    psycopg = pytest.importorskip("psycopg")
    path = tmp_path / "out.sql"
    _leave(connection, path, "postgresql")
    name = f"tables_{uuid.uuid4().hex}"
    with psycopg.connect(os.environ["FAUNADB_TEST_POSTGRES"], autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {name}")
        try:
            server.execute(f"SET search_path TO {name}")
            _run_script(server, path.read_text("utf-8"))
            row = server.execute(
                'SELECT pages, lent, "by", tags, cover, nul FROM book WHERE id = 1'
            ).fetchone()
            assert row == (
                183.0,
                True,
                1,
                ["sea", {"deep": {"collection": "author", "id": "1"}}],
                b"\x00\xff",
                "ab",
            )
            assert server.execute("SELECT name FROM author").fetchone() == ('Ursula\t"K"\\, \nLe Guin',)
        finally:
            server.execute(f"DROP SCHEMA {name} CASCADE")


def _run_script(server, text):
    """What psql does with it."""
    lines = iter(text.split("\n"))
    statement = ""
    for line in lines:
        statement += line + "\n"
        if line.endswith(";"):
            if line.startswith("COPY "):
                with server.cursor().copy(statement) as copy:
                    for row in iter(lambda: next(lines), "\\."):
                        copy.write(row + "\n")
            else:
                server.execute(statement)
            statement = ""


def test_nothing_is_written_over(tmp_path, connection, library):
    (tmp_path / "x").write_text("mine")
    for form in ("sqlite", "postgresql"):
        with pytest.raises(CliError, match="is there already"):
            TableExporter(connection, tmp_path / "x", form).run()
    with pytest.raises(CliError, match="is there already"):
        TableExporter(connection, tmp_path, "csv").run()
    with pytest.raises(CliError, match="there is no collection nope"):
        TableExporter(connection, tmp_path / "y", "csv", ["nope"]).run()


@pytest.mark.parametrize(
    ("text", "taken", "found"),
    [
        ("name", [], "name"),
        ("Name", ["name"], "Name_2"),
        ("a b!", [], "a_b_"),
        ("1st", [], "_1st"),
        ("", [], "_"),
        ("x" * 80, [], "x" * 48),
        ("grün", [], "grün"),
    ],
)
def test_names(text, taken, found):
    assert unique_name(text, taken) == found


def test_the_command_counts_rows_and_refuses_options_without_meaning(tmp_path, faunadb):
    faunadb("demo", "sqlite:///app.db", code=0)
    done = faunadb("export", "sqlite:///app.db", "--format", "csv", "--out", "t", "--quiet", code=0)
    assert done.out.endswith("10  rows in 2 tables\n")
    assert (
        "mean nothing"
        in faunadb("export", "sqlite:///app.db", "--format", "csv", "--out", "u", "--compress", code=2).err
    )
