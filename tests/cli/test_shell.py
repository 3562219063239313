"""The shell in a pseudo-terminal, and the commands as a new user gives them, from an empty directory."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pexpect
import pytest

from faunadb.cli import COMMANDS

SPELL = 'Ref(Collection("spells"), "101")'
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


@pytest.fixture
def terminal(tmp_path, environment, faunadb):
    """Start ``faunadb shell`` in a terminal of its own."""
    faunadb("demo", "sqlite:///app.db", code=0)
    started = []

    def start(*words):
        variables = {**environment, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "faunadb", "shell", *(words or ["sqlite:///app.db"])],
            cwd=str(tmp_path),
            env=variables,
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 100),
        )
        started.append(child)
        child.expect(">")
        return child

    yield start
    for child in started:
        child.close(force=True)


def _plain(text):
    return _CODES.sub("", text)


def test_a_conversation(terminal, tmp_path):
    shell = terminal()
    shell.sendline(f'Select(["data", "name"], Get({SPELL}))')
    shell.expect('"Ember Kiss"')
    shell.sendline("_ + '!'")
    shell.expect('Ember Kiss!"')
    # a line that is not complete goes on
    shell.sendline('get(ref(collection("spells"),')
    shell.sendline('"104"))')
    shell.expect("Pebble Chorus")
    shell.sendline("Add(1, 'a')")
    shell.expect("invalid argument: Number expected, String provided.")
    shell.expect(r"\^\^\^")
    shell.sendline(":time")
    shell.expect("timing is on")
    shell.sendline("Add(20, 22)")
    shell.expect("42")
    shell.expect("ms in the database")
    shell.sendline("password = 1")
    shell.sendcontrol("d")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    history = (tmp_path / ".local" / "state" / "faunadb" / "history").read_text()
    assert "+Add(20, 22)" in history
    assert "password" not in history


def test_enter_shows_the_next_page_of_a_set(terminal):
    shell = terminal()
    shell.sendline('Map(Paginate(Documents(Collection("spells")), {size: 4}), r => Select("id", r))')
    shell.expect("-- more")
    shell.sendline("")
    shell.expect('"105", "106"')
    shell.sendline(":quit")
    shell.expect(pexpect.EOF)


def test_interrupting_a_line_and_going_to_another_database(terminal):
    shell = terminal()
    shell.send("half a line")
    shell.sendcontrol("c")
    shell.sendline('create_database({"name": "inner"})')
    shell.expect("inner")
    shell.sendline(":db inner")
    shell.expect("database inner")
    shell.expect("inner>")
    shell.sendline("Paginate(Collections())")
    shell.expect(r"\[\]")
    shell.sendline(":quit")
    shell.expect(pexpect.EOF)


def test_completion(terminal):
    shell = terminal()
    # in the middle of a line, inside of a string: the name of a collection
    shell.send("Count(Documents(Collection('char\t")
    shell.expect("acters")
    shell.send("')))\r")
    shell.expect_exact("3")
    shell.send("q.pagi\t")
    shell.expect("nate")
    shell.send("(q.collections())\r")
    shell.expect("characters")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


def test_what_is_typed_at_the_pager_is_the_next_text(terminal):
    shell = terminal()
    shell.send("Paginate(Documents(Collection('spells')), {size: 1})\r")
    shell.expect("-- more")
    shell.send("Add(40, 2)\r")
    shell.expect("Tab completes|Add")
    shell.send("\r")
    shell.expect_exact("42")
    shell.sendline("quit")
    shell.expect(pexpect.EOF)


def test_history_of_the_last_time(terminal):
    shell = terminal()
    shell.sendline("Add(600, 66)")
    shell.expect("666")
    shell.sendline(":quit")
    shell.expect(pexpect.EOF)
    again = terminal()
    again.send("\x1b[A\x1b[A\r")
    again.expect("666")
    again.sendline(":quit")
    again.expect(pexpect.EOF)


# -- not interactive


def test_scripts_on_standard_input(faunadb, tmp_path):
    faunadb("demo", "sqlite:///app.db", code=0)
    script = "names = client.query(q.paginate(q.collections()))['data']\nlen(names)\nadd(len(names), 40)\n"
    assert faunadb("shell", "sqlite:///app.db", text=script, code=0).out == "2\n42\n"
    done = faunadb(
        "shell", "sqlite:///app.db", text=f"Get({SPELL})\nGet(Ref(Collection('spells'), '999'))\nAdd(1, 1)"
    )
    assert (done.code, "Ember Kiss" in done.out, done.out.endswith("2\n")) == (1, True, False)
    assert "instance not found" in done.err


def test_eval_prints_the_result_of_one_query(faunadb):
    faunadb("demo", "sqlite:///app.db", code=0)
    done = faunadb("eval", "sqlite:///app.db", "q.paginate(q.collections())", code=0)
    assert done.out == '{"data": [collection("spells"), collection("characters")]}\n'
    done = faunadb("eval", "sqlite:///app.db", "Select('data', Get(" + SPELL + "))", "--json", code=0)
    assert json.loads(done.out)["nickname"] == "the Candle"
    assert faunadb("eval", "sqlite:///app.db", "-", text="Add(1,\n 2)", code=0).out == "3\n"
    assert faunadb("eval", "sqlite:///app.db", "1 + 1", code=0).out == "2\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["eval", "sqlite://", "Gett(1)"],
            1,
            "Error: line 1, column 1: there is no query function Gett; did you mean Get?",
        ),
        (
            ["eval", "sqlite://", "Add(1, 'a')"],
            1,
            "invalid argument: Number expected, String provided.\n  Add(1, 'a')",
        ),
        (["eval", "sqlite://", "__import__('os')"], 1, "there is no query function __import__"),
        (["eval", "sqlite://", "Add(1)", "--secret", "wrong"], 1, "unauthorized: Unauthorized"),
        (["eval", "sqlite:///nowhere/app.db", "Add(1)"], 1, "nowhere"),
        (["eval", "http://127.0.0.1:9", "Add(1)"], 1, "is a server: give --secret"),
        (["eval", "http://127.0.0.1:{closed}", "Add(1)", "--secret", "s"], 1, "127.0.0.1"),
        (
            ["eval", "mysql://x", "Add(1)", "--secret", "s"],
            1,
            "Error: mysql://x is not the URL of a database",
        ),
        (["eval", "sqlite://"], 2, "Missing argument 'QUERY'"),
        (["eval", "app.db", "1"], 1, "for a file write sqlite:///app.db"),
        (["eval", "sqlite:///typo.db", "1"], 1, "there is no database typo.db; give --create to make it"),
        (["export", "sqlite:///typo.db", "--out", "x"], 1, "there is no database typo.db"),
        (["shell", "sqlite:///typo.db"], 1, "there is no database typo.db"),
        (["eval", "1"], 1, "give the URL of a database"),
        (["copy", "sqlite:///typo.db", "sqlite:///x.db"], 1, "there is no store at"),
        (["copy", "app.db", "x.db"], 1, "is no store URL"),
        (["nothing"], 2, "No such command 'nothing'"),
        (["copy", "http://a", "sqlite:///b.db"], 1, "http://a is a server"),
        (["copy", "sqlite:///a.db", "sqlite:///a.db"], 1, "source and target are the same"),
    ],
)
def test_errors_are_short(faunadb, words, code, message, closed_port):
    done = faunadb(*(word.replace("{closed}", str(closed_port)) for word in words))
    assert message in done.err
    assert done.code == code
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "sqlite://", "1"],
        ["schema", "dump", "sqlite:///app.db"],
        ["export", "sqlite:///app.db", "--out", "again"],
        ["import", "out", "--into", "sqlite:///other.db"],
    ],
)
def test_secrets_on_the_command_line_are_warned_of(faunadb, words):
    faunadb("eval", "sqlite:///app.db", "1", "--create", code=0)
    faunadb("export", "sqlite:///app.db", "--out", "out", code=0)
    name = " ".join(["faunadb", *words[: 2 if words[0] == "schema" else 1]])
    warning = f"{name}: warning: others can see --secret in the list of processes; use FAUNA_SECRET"
    warned = faunadb(*words, "--secret", "secret", code=0)
    assert warned.err.count(warning) == 1
    assert "warning" not in faunadb("eval", "sqlite://", "1", code=0).err


def test_secrets_from_the_environment(tmp_path, environment):
    command = [sys.executable, "-m", "faunadb", "eval", "sqlite://", "Add(1, 1)"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment, "FAUNA_SECRET": "wrong"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, "unauthorized" in done.stderr) == (1, True)
    assert "wrong" not in done.stderr


def test_demo_runs_once_on_a_database(faunadb, tmp_path):
    done = faunadb("demo", code=0)
    assert len(re.findall(r"^ ?\d+\. ", done.out, re.MULTILINE)) == 10
    assert '"count": 7, "total": 117, "dearest": 40' in done.out
    faunadb("demo", "sqlite:///app.db", code=0)
    assert faunadb("demo", "sqlite:///app.db", code=1).err == (
        "Error: sqlite:///app.db is not empty: the demo makes collections of its own\n"
    )


def test_copy_brings_history_along(faunadb, tmp_path):
    faunadb("demo", "sqlite:///app.db", code=0)
    done = faunadb("copy", "sqlite:///app.db", "sqlite:///other.db", code=0)
    assert "rows copied and compared" in done.out
    query = f"Paginate(Events({SPELL}))"
    first, second = (faunadb("eval", f"sqlite:///{name}.db", query, code=0).out for name in ("app", "other"))
    assert first == second
    assert '"update"' in first
    assert faunadb("copy", "sqlite:///app.db", "sqlite:///other.db").code == 1


def test_the_commands_are_listed(faunadb):
    done = faunadb("--help", code=0)
    for command in COMMANDS:
        assert re.search(rf"^  {command.name} ", done.out, re.MULTILINE)
    for command in COMMANDS:
        assert "Usage: faunadb" in faunadb(command.name, "--help", code=0).out
    assert faunadb("--version", code=0).out.startswith("faunadb, version 4.")


def test_without_the_extras(tmp_path, environment):
    """An installation without click: the list, the demo and what to install."""
    (tmp_path / "run.py").write_text(
        "import sys\n"
        "for name in ('click', 'rich', 'prompt_toolkit', 'pygments'):\n"
        "    sys.modules[name] = None\n"
        "from faunadb.cli import main\n"
        "sys.exit(main())\n"
    )

    def run(*words):
        command = [sys.executable, "run.py", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30
        )

    listing = run()
    assert listing.returncode == 0
    for command in COMMANDS:
        assert f"  {command.name}" in listing.stdout
    demo = run("demo")
    assert (demo.returncode, '"dearest": 40' in demo.stdout) == (0, True)
    shell = run("shell", "sqlite://")
    assert (shell.returncode, shell.stderr) == (
        2,
        "faunadb shell needs click: pip install 'faunadb[cli]>=4.6'\n",
    )
    assert run("serve").stderr == "faunadb serve needs click: pip install 'faunadb[server]>=4.6'\n"
    assert run("nothing").returncode == 2
    assert run("--version").stdout.startswith("faunadb, version 4.")


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\x00" + b"x" * 100, "another program's"])
def test_files_of_others_are_left_alone(tmp_path, faunadb, content):
    path = tmp_path / "other.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (a)")
            database.commit()
    before = path.read_bytes()
    for words in (["eval", "sqlite:///other.db", "1"], ["copy", "sqlite:///other.db", "sqlite:///x.db"]):
        done = faunadb(*words, code=1)
        assert done.err.startswith("Error: ")
        assert "Traceback" not in done.err
    assert path.read_bytes() == before
    assert not (tmp_path / "x.db").exists()


def test_the_endpoint_of_the_environment(tmp_path, faunadb, environment):
    environment["FAUNA_ENDPOINT"] = "sqlite:///app.db"
    assert faunadb("eval", "1", "--create", code=0).out == "1\n"
    assert faunadb("export", "--out", "x", "--quiet", code=0).out.endswith("0  documents in 0 files\n")
    assert faunadb("import", "x", "--quiet", code=0).out.endswith("0  documents imported\n")
    assert faunadb("schema", "dump", code=0).out == ""
    assert faunadb("schema", "apply", "-", text="", code=0).out == "nothing to do\n"


def test_indexes_are_built_before_the_command_ends(faunadb):
    make = "CreateCollection({name: 'a'})\nForeach([%s], x => Create(Collection('a'), {data: {x: x}}))"
    faunadb("shell", "sqlite:///app.db", "--create", text=make % ", ".join(map(str, range(300))), code=0)
    faunadb(
        "eval",
        "sqlite:///app.db",
        "CreateIndex({name: 'i', source: Collection('a'), terms: [{field: ['data', 'x']}]})",
    )
    with closing(sqlite3.connect(faunadb.directory / "app.db")) as database:
        [tasks] = database.execute("SELECT value FROM setting WHERE name = 'tasks'").fetchone()
    assert tasks == "[]"
    assert faunadb("eval", "sqlite:///app.db", "Select('active', Get(Index('i')))").out == "True\n"
