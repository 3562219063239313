"""``faunadb check``: exit code, what it says, what it leaves alone."""

from __future__ import annotations

import sqlite3

from faunadb import query as q
from faunadb.client import FaunaClient


def fill(path: object) -> None:
    with FaunaClient("secret", endpoint=f"sqlite:///{path}") as client:
        client.query(q.create_database({"name": "shop"}))
        client.query(q.create_collection({"name": "orders"}))
        client.query(q.create_index({"name": "all_orders", "source": q.collection("orders")}))
        client.query(q.create(q.ref(q.collection("orders"), "7"), {"data": {"n": 1}}))


def test_a_whole_database(faunadb, tmp_path, environment):
    fill(tmp_path / "app.db")
    assert "sqlite:///app.db is whole" in faunadb("check", "sqlite:///app.db", code=0).out
    environment["FAUNA_ENDPOINT"] = "sqlite:///app.db"
    assert "is whole" in faunadb("check", code=0).out


def test_a_damaged_database(faunadb, tmp_path):
    fill(tmp_path / "app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("DELETE FROM entry WHERE idx >= 32768")
        connection.execute("UPDATE version SET data = replace(data, '1', '2') WHERE doc = 7")
    connection.close()
    said = faunadb("check", "sqlite:///app.db", code=1).out
    assert "its checksum is wrong" in said
    assert "collection orders, document 7" in said
    assert "restore a backup" in said
    assert "2 problems" in said or "1 problems" in said
    said = faunadb("check", "sqlite:///app.db", "--most", "0", code=1).out
    assert "checksum" not in said.split("is damaged")[0]
    assert "not shown" in said


def test_repair_makes_missing_index_entries_anew(faunadb, tmp_path):
    fill(tmp_path / "app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("DELETE FROM entry WHERE idx >= 32768")
    connection.close()
    assert "--repair" in faunadb("check", "sqlite:///app.db", "--quiet", code=1).out
    said = faunadb("check", "sqlite:///app.db", "--repair", "--quiet", code=0).out
    assert "missing index entry: database (root), index all_orders, collection orders, id 7" in said
    assert "1 entries of indexes made anew or removed, 0 left" in said
    assert said.endswith("sqlite:///app.db is whole\n")
    counted = faunadb(
        "eval", "sqlite:///app.db", "count(match(index('all_orders')))", "--secret", "secret", code=0
    )
    assert counted.out == "1\n"


def test_documents_that_share_an_entry_of_a_unique_index_are_named_and_no_damage(faunadb, tmp_path):
    """As when the index is made of documents that are there: no check of the original looked at them either."""
    fill(tmp_path / "app.db")
    with FaunaClient("secret", endpoint=f"sqlite:///{tmp_path / 'app.db'}") as client:
        client.query(q.create(q.ref(q.collection("orders"), "8"), {"data": {"n": 1}}))
        terms = [{"field": ["data", "n"]}]
        fields = {"source": q.collection("orders"), "terms": terms, "unique": True}
        client.query(q.create_index({"name": "by_n", **fields}))
    said = faunadb("check", "sqlite:///app.db", code=0).out
    assert "index by_n, collection orders, id 8" in said
    assert "1 documents that share an entry of a unique index; no damage" in said
    assert said.endswith("sqlite:///app.db is whole\n")


def test_what_cannot_be_opened(faunadb, tmp_path):
    (tmp_path / "text.db").write_text("text, not a database\n" * 100)
    for url, words in {
        "sqlite:///nothing.db": "there is no database",
        "sqlite:///text.db": "not an SQLite database",
        "http://127.0.0.1:1": "is a server",
        "postgresql://nobody:word@127.0.0.1:1/none": "cannot connect",
    }.items():
        finished = faunadb("check", url, code=2)
        assert words in finished.err
        assert "word@" not in finished.err
        assert "Traceback" not in finished.err
    assert not (tmp_path / "nothing.db").exists()
    assert "FAUNA_ENDPOINT" in faunadb("check", code=2).err
