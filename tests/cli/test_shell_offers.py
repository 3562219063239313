"""What the shell offers, its commands, and results a screen at a time."""

from __future__ import annotations

import io

import pytest

from faunadb import query as q
from faunadb.cli import demo
from faunadb.cli.completion import completions, signature
from faunadb.cli.session import Session
from faunadb.cli.shell_commands import COMMANDS
from faunadb.fql import python_fql


@pytest.fixture
def session(connection, database):
    demo.load(database.client)
    database.query(q.create_role({"name": "reader", "privileges": []}))
    database.query(q.create_database({"name": "inner"}))
    return Session(connection, io.StringIO(), io.StringIO())


def _offered(session, text):
    return [offer.text for offer in completions(text, session.namespace, session.names, COMMANDS)]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Pagi", ["Paginate", "paginate"]),
        ("Map(Pagi", ["Paginate", "paginate"]),
        ("Get(Ref(Collection('sp", ["spells"]),
        ('q.get(q.index("spell_', ["spell_by_name"]),
        ('Match(Index("spells', ["spells_by_cost", "spells_by_element"]),
        ('Call("p', ["price_of"]),
        ('q.call(q.function("', ["price_of"]),
        ('Role("', ["reader"]),
        ('Database("', ["inner"]),
        ('Create("', ["characters", "spells"]),
        ('Ref(Collection("spells"), "', []),
        ('Select(["data", "', []),
        ("q.get(q.collec", ["collection", "collections"]),
        ("Map(x, (spell, other) => Get(spe", ["spell"]),
        ("Let({price: 1}, pri", ["price", "print"][:1]),
        ("Let({price: 1}, Var('p", ["price"]),
        ("errors.BadR", ["BadRequest"]),
        ("client.quer", ["query"]),
        ("// Pagi", []),
        (":de", [":describe"]),
        (":describe spell", ["spells", "spell_by_name", "spells_by_cost", "spells_by_element"]),
        (":as @role/r", ["@role/reader"]),
        (":db in", ["inner"]),
        ("nothing_at_all", []),
    ],
)
def test_completions(session, text, offered):
    found = _offered(session, text)
    assert sorted(found) == sorted(offered)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Map(", "Map([collection], map)"),
        ("Map(Paginate(x), ", "Map(collection, [map])"),
        ("q.map_(f, ", "map_(expr, [collection])"),
        ("Add(1, 2, ", "Add([...add])"),
        ("Ref(Collection(", "Collection([collection], scope?)"),
        ("Paginate(", "Paginate(set, {size, ts, after, before, events, sources})"),
        ("Map(foo(", "Map([collection], map)"),
        ("foo(", None),
        ("Map()", None),
    ],
)
def test_signatures(text, shown):
    assert signature(text) == shown


def _said(session):
    said = session.out.getvalue(), session.err.getvalue()
    for stream in (session.out, session.err):
        stream.seek(0)
        stream.truncate()
    return said


def test_ls_and_describe(session):
    assert session.run(":ls")
    assert "collections: spells, characters" in _said(session)[0]
    assert session.run(":describe spells")
    assert _said(session) == ('CreateCollection({name: "spells"})\n', "// 6 documents\n")
    assert session.run(":describe price_of")
    assert "CreateFunction({" in _said(session)[0]
    assert not session.run(":describe nope")
    assert "nothing here is called nope" in _said(session)[1]
    assert session.run(":db inner")
    _said(session)
    assert session.run(":ls")
    assert "nothing is here yet" in _said(session)[1]


def test_load_runs_a_file_up_to_its_first_error(session, tmp_path):
    path = tmp_path / "a.fql"
    path.write_text("Add(1, 1)\nAdd(2, 2)")
    assert session.run(f":load {path}")
    assert _said(session)[0] == "2\n4\n"
    path.write_text("Add(1, 'a')")
    assert not session.run(f":load {path}")
    assert not session.run(":load nowhere")
    assert "No such file" in _said(session)[1]


def test_edit_runs_the_last_text_as_changed_in_an_editor(session, tmp_path, monkeypatch):
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/1/41/ "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    session.run("Add(1, 2)")
    _said(session)
    assert session.run(":edit")
    assert _said(session) == ("43\n", "Add(41, 2)\n")
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    assert not session.run(":edit")
    assert "set EDITOR to an editor" in _said(session)[1]


def test_results_in_javascript(session):
    session.run(":js")
    _said(session)
    session.run("q.select('ref', q.get(q.ref(q.collection('spells'), '101')))")
    assert _said(session)[0] == 'Ref(Collection("spells"), "101")\n'
    session.run("[None, True]")
    assert _said(session)[0] == "[null, true]\n"
    session.run(":py")
    session.run("null")
    session.run("[true]")
    assert _said(session)[0] == "None\n[True]\n"


def test_roles_and_secrets(session, database):
    assert session.run(":as server-readonly")
    assert not session.run("CreateCollection({name: 'x'})")
    assert "permission denied" in _said(session)[1]
    assert not session.run(":as @role/nope")
    assert session.connection.role == "server-readonly"
    assert session.run(":as")
    assert session.run("CreateCollection({name: 'x'})")
    secret = database.query(
        q.select("secret", q.create_key({"role": "server", "database": q.database("inner")}))
    )
    session.hidden = lambda message: secret
    assert session.run(":secret")
    _said(session)
    assert session.run("Paginate(Collections())")
    assert _said(session)[0] == '{"data": []}\n'
    assert secret not in "".join(_said(session))
    session.hidden = lambda message: "wrong"
    assert not session.run(":secret")
    assert session.run("Paginate(Collections())")


@pytest.mark.parametrize("word", ["exit", "quit", "exit()", "quit()", ":exit", ":quit", ":q"])
def test_words_that_leave(session, word):
    assert session.run(word)
    assert session.ended


def test_help_is_a_word(session):
    assert session.run("help")
    said = _said(session)[1]
    assert all(command.usage in said for command in COMMANDS.values())


def test_long_results_come_a_screen_at_a_time_and_nothing_typed_is_lost(connection):
    answers = ["", "Add(1, 1)"]
    session = Session(connection, io.StringIO(), io.StringIO(), height=12, ask=lambda message: answers.pop(0))
    session.run("[" + ",\n".join(f"'{'x' * 60}{n}'" for n in range(100)) + "]")
    assert len(session.out.getvalue().splitlines()) == 20
    assert session.typed == "Add(1, 1)"
    assert answers == []


def test_python_style_errors_mark_the_failing_part_only(session):
    session.run_query(python_fql.parse("q.add(1, q.concat(['魔法', 2]))"))
    assert _said(session)[1].split("\n")[1:3] == [
        '  add(1, concat(["魔法", 2]))',
        " " * 25 + "^",
    ]
