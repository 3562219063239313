"""What is typed at the prompt and given to ``faunadb eval``: results, errors with their place, commands, paging."""

from __future__ import annotations

import io
import json

import pytest

from faunadb import query as q
from faunadb.cli import (
    demo,
    shell_commands,  # noqa: F401  (fills Session.commands)
)
from faunadb.cli.session import Session
from faunadb.cli.shell import is_complete, run_script
from faunadb.objects import FaunaTime, Ref


class Talk:
    """A session that keeps what it says."""

    def __init__(self, connection, **options):
        self.out, self.err = io.StringIO(), io.StringIO()
        self.session = Session(connection, self.out, self.err, **options)

    def say(self, text):
        """Run a text; what it prints, errors included."""
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        self.ok = self.session.run(text)
        return self.out.getvalue() + self.err.getvalue()


@pytest.fixture
def talk(connection, database):
    demo.load(database.client)
    return Talk(connection)


def test_both_languages(talk):
    expected = '"Ember Kiss"\n'
    assert talk.say('q.select(["data", "name"], q.get(q.ref(q.collection("spells"), "101")))') == expected
    assert talk.say('select(["data", "name"], get(ref(collection("spells"), "101")))') == expected
    assert talk.say('Select(["data", "name"], Get(Ref(Collection("spells"), "101")))') == expected
    assert talk.ok


def test_python_and_the_last_result(talk):
    assert talk.say("cost = 3\ncost * 2") == "6\n"
    assert talk.say("add(cost, 4)") == "7\n"
    assert talk.say("_ + 1") == "8\n"
    assert talk.say("[add(1, 2), 'x']") == '[3, "x"]\n'
    assert talk.say("for n in (1, 2):\n    print(n)") == ""
    assert talk.say("max(1, 2)") == "2\n"
    assert talk.say("q.max(1, 2)") == "2\n"
    assert talk.say('Ref("1", Ref("spells", Native.COLLECTIONS))') == 'ref(collection("spells"), "1")\n'
    assert talk.say("None") == ""
    assert talk.say("x = 1; client.query(q.add(x, 1))") == "2\n"


def test_what_is_printed_can_be_pasted(talk):
    talk.say('Get(Ref(Collection("characters"), "201"))')
    first = talk.session.namespace["_"]
    assert first["data"]["spells"][0] == Ref("101", Ref("spells", Ref("collections")))
    text = talk.say('get(ref(collection("characters"), "201"))')
    talk.say(f"to_object(to_array({text}))")
    assert talk.ok
    assert talk.session.namespace["_"] == first
    assert talk.say('Time("2020-01-01T00:00:00Z")') == 'time("2020-01-01T00:00:00Z")\n'
    assert talk.session.namespace["_"] == FaunaTime("2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'Map([1], x => Add(x, "a"))',
            'invalid argument: Number expected, String provided.\n  Map([1], x => Add(x, "a"))\n'
            "                       ^^^\n",
        ),
        (
            'map_(lambda x: add(x, "a"), [1])',
            'invalid argument: Number expected, String provided.\n  map_(lambda x: add(x, "a"), [1])\n'
            "                        ^^^\n",
        ),
        (
            'Get(\n  Ref(Collection("spells"), "999")\n)',
            'instance not found: Document not found.\n  Get(\n  ^^^^\n    Ref(Collection("spells"), "999")\n'
            "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  )\n  ^\n",
        ),
        (
            "Get(x)",
            'line 1, column 5: x is not defined; a variable of the query is written Var("x")\nGet(x)\n    ^\n',
        ),
        ("q.nowhere()", "AttributeError: module 'faunadb.query' has no attribute 'nowhere' (line 1)\n"),
        ("a = = 1", "line 1, column 5: invalid syntax\na = = 1\n    ^\n"),
        ("raise SystemExit(3)", "SystemExit: 3 (line 1)\n"),
        (":nothing", "there is no command :nothing; :help lists them\n"),
    ],
)
def test_errors(talk, text, said):
    assert talk.say(text) == said
    assert not talk.ok


def test_errors_of_validation_and_of_functions(talk):
    said = talk.say("CreateCollection({name: 5})")
    assert said.startswith("validation failed: document data is not valid.\n  CreateCollection({name: 5})\n")
    assert "\n  name: Invalid type Long, expected type Name. (invalid type)\n" in said
    said = talk.say('Call("price_of", "nothing")')
    assert said.startswith("call error: Calling the function resulted in an error.\n")
    assert "caused by instance not found: Set not found. (at expr.from of the function)" in said


def test_an_error_of_a_query_that_python_sends(talk):
    assert talk.say("client.query(q.abort('stop'))") == "transaction aborted: stop\n"
    assert not talk.ok


def test_time_is_shown_between_two_commands(talk):
    assert talk.say(":time") == "timing is on\n"
    said = talk.say("Add(1, 2)")
    assert said.startswith("3\n")
    assert " ms in the database; 1 compute, " in said
    assert talk.say(":time") == "timing is off\n"
    assert talk.say("Add(1, 2)") == "3\n"


def test_json_shows_results_as_the_wire_has_them(talk):
    talk.say(":json")
    said = talk.say(
        '{"at": Time("2020-01-01T00:00:00Z"), "d": 1.5, "ref": Collection("spells")}'.replace(
            "1.5", "ToDouble(1)"
        )
    )
    collection = {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}}
    assert json.loads(said) == {"at": {"@ts": "2020-01-01T00:00:00Z"}, "d": 1.0, "ref": collection}
    assert '"d": 1.0' in said


def test_databases(talk, database):
    database.query(q.create_database({"name": "a"}))
    assert talk.say(":db") == "database (that of the secret)\n"
    assert talk.say(":db a") == "database a\n"
    talk.say('CreateCollection({name: "inner"})')
    assert talk.say('[Exists(Collection("inner")), Exists(Collection("spells"))]') == "[True, False]\n"
    assert talk.say('client.query(q.exists(q.collection("inner")))') == "True\n"
    assert "does not open" in talk.say(":db nowhere")
    assert talk.session.connection.database == "a"
    assert talk.say(":db ..") == "database (that of the secret)\n"
    assert talk.say('Exists(Collection("spells"))') == "True\n"
    talk.say(":db a")
    assert talk.say(":db /") == "database (that of the secret)\n"


def test_pages_follow_one_another_where_somebody_can_be_asked(connection, database):
    demo.load(database.client)
    answers, asked = ["", "", "q"], []

    def ask(message):
        asked.append(message)
        return answers.pop(0)

    talk = Talk(connection, ask=ask)
    said = talk.say('Map(Paginate(Documents(Collection("spells")), {size: 2}), r => Select("id", r))')
    assert [
        json.loads(line.split('"data": ')[1].rstrip("}")) for line in said.splitlines() if '"data"' in line
    ] == [
        ["101", "102"],
        ["103", "104"],
        ["105", "106"],
    ]
    assert len(asked) == 2
    talk.say('paginate(documents(collection("spells")), size=2)')
    assert answers == []


def test_without_anybody_to_ask_one_page_is_shown(talk):
    said = talk.say('Paginate(Documents(Collection("spells")), {size: 2})')
    assert said.count('"data"') == 1
    assert '"after"' in said


def test_scripts_stop_at_the_first_error(talk):
    script = "x = 1\n:json\nadd(x, 1)\nabort('stop')\nadd(x, 2)\n"
    assert run_script(talk.session, script) is False
    assert talk.out.getvalue() == "2\n"
    assert "transaction aborted: stop" in talk.err.getvalue()
    assert run_script(talk.session, "Add(1, 1); Add(2, 2)") is True
    assert run_script(talk.session, ":quit\nadd(1, 1)") is True


def test_help_lists_every_command(talk):
    said = talk.say(":help")
    for name in (":time", ":json", ":db", ":quit", ":help"):
        assert name in said


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        (":db a", True),
        ("add(1, 2)", True),
        ("add(1,", False),
        ("Add(1,\n2)", True),
        ("Map([1], x =>", False),
        ("Map([1], x => Add(", False),
        ("Get('(')", True),
        ("for x in y:", False),
        ("for x in y:\n    print(x)\n", True),
        ("x = = 1", True),
    ],
)
def test_where_a_text_ends(text, complete):
    assert is_complete(text) is complete
