"""The shell's commands, which begin with a colon."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple

from faunadb import query as q
from faunadb.cli.completion import NAMED
from faunadb.cli.errors import CliError
from faunadb.cli.reading import Reader
from faunadb.cli.schema_reading import Item, read_schema
from faunadb.cli.schema_text import Statement, statement_text
from faunadb.cli.session import Session
from faunadb.errors import FaunaError

__all__ = ["COMMANDS", "ShellCommand"]


class ShellCommand(NamedTuple):
    """One command."""

    #: its name and argument, as ``:help`` shows them
    usage: str
    #: what it does, in a line
    meaning: str
    #: does it, given the text of the argument
    run: Callable[[Session, str], None]


def _help(session: Session, argument: str) -> None:
    session.write_note(
        'Type a query in Python (get(ref(collection("spells"), "1")), with or without q.) or in JavaScript\n'
        'style (Get(Ref(Collection("spells"), "1"))), or any Python. _ is the last result, client the client.'
    )
    for command in COMMANDS.values():
        session.write_note(f"  {command.usage:<16} {command.meaning}")


def _quit(session: Session, argument: str) -> None:
    session.ended = True


def _time(session: Session, argument: str) -> None:
    session.timing = not session.timing
    session.write_note(f"timing is {'on' if session.timing else 'off'}")


def _json(session: Session, argument: str) -> None:
    session.as_json = not session.as_json
    session.write_note(f"JSON is {'on' if session.as_json else 'off'}")


def _javascript(session: Session, argument: str) -> None:
    session.javascript = True
    session.write_note("results are shown in JavaScript style")


def _python(session: Session, argument: str) -> None:
    session.javascript = False
    session.write_note("results are shown in Python style")


def _db(session: Session, argument: str) -> None:
    if argument:
        session.go(argument)
    session.write_note(f"database {session.connection.database or '(that of the secret)'}")


def _list(session: Session, argument: str) -> None:
    """Show the names of everything, a line for each kind."""
    for kind in NAMED:
        names = session.names.of(kind)
        if names:
            session.write(f"{kind.replace('_', ' ')}: {', '.join(names)}")
    if not any(session.names.of(kind) for kind in NAMED):
        session.write_note('nothing is here yet: try CreateCollection({name: "spells"})')


def _describe(session: Session, argument: str) -> None:
    if not argument:
        raise CliError(":describe takes the name of a collection, index, function, role or database")
    client = session.connection.client()
    items = [item for item in read_schema(Reader(client)).items.values() if item.name == argument]
    if not items:
        raise CliError(f"nothing here is called {argument}; :ls lists what is")
    for item in items:
        session.write(statement_text(Statement(item, True)))
        for note in _notes(client, item):
            session.write_note(f"// {note}")


def _notes(client: Any, item: Item) -> list[str]:
    if item.kind == "collections":
        count = client.query(q.count(q.documents(q.collection(item.name))))
        return [f"{count:,} document{'s' if count != 1 else ''}"]
    if item.kind == "indexes" and not client.query(q.select("active", q.get(q.index(item.name)))):
        return ["it is still being built"]
    return []


def _load(session: Session, argument: str) -> None:
    if not argument:
        raise CliError(":load takes the name of a file")
    try:
        text = Path(argument).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CliError(f"{argument}: {getattr(fault, 'strerror', None) or fault}") from None
    session.run_all(text)


def _edit(session: Session, argument: str) -> None:
    """Open the last text in the user's editor, and run what is saved."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    handle, name = tempfile.mkstemp(suffix=".fql", prefix="faunadb-")  # nobody else can read it
    path = Path(name)
    try:
        os.close(handle)
        path.write_text(session.last_text, "utf-8")
        try:
            code = subprocess.call([*shlex.split(editor), name])
        except OSError as fault:
            raise CliError(f"{editor}: {fault.strerror}; set EDITOR to an editor") from None
        if code != 0:
            raise CliError(f"{editor} ended with exit code {code}; nothing was run")
        text = path.read_text("utf-8")
    finally:
        path.unlink(missing_ok=True)
    session.write_note(text.rstrip("\n"))
    session.run_all(text)


def _watch(session: Session, argument: str) -> None:
    """Show the events of a document or set as they come, until Ctrl-C."""
    if not argument:
        raise CliError(":watch takes a query for a document's ref or a set")
    expression = session.read_one(argument)
    session.write_note("watching; Ctrl-C ends it")
    faults: list[Any] = []
    try:
        show = partial(_event, session)
        session.client.stream(expression, None, show, faults.append, show, show, show).start()
    except KeyboardInterrupt:
        session.write_note("")
        return
    except (FaunaError, OSError) as fault:
        raise CliError(str(fault)) from None
    if faults:
        raise CliError(str(faults[0]))


def _event(session: Session, event: Any) -> None:
    session.show({"type": event.type, "txn": event.txn, "event": getattr(event, "event", None)}, None)


def _secret(session: Session, argument: str) -> None:
    """Go on with another secret. It is asked for, hidden: on the command's line it would stay visible on the terminal."""
    secret = argument or session.ask_secret("secret: ")
    if secret:
        session.use_secret(secret)
        session.write_note("the secret is another one from here on")


def _as(session: Session, argument: str) -> None:
    session.use_role(argument)
    session.write_note(f"acting as {argument}" if argument else "acting as the secret itself")


COMMANDS: dict[str, ShellCommand] = {
    command.usage.split()[0]: command
    for command in (
        ShellCommand(":help", "this list", _help),
        ShellCommand(":ls", "what there is: collections, indexes, functions, roles, databases", _list),
        ShellCommand(":describe NAME", "how it is defined, as FQL, and how many documents it has", _describe),
        ShellCommand(":load FILE", "run a file", _load),
        ShellCommand(":edit", "edit the last text with EDITOR, and run it", _edit),
        ShellCommand(":watch QUERY", "show the events of a document or set until Ctrl-C", _watch),
        ShellCommand(":db [PATH]", "go to a child database (`..` one up, `/` back, `/a/b` from there)", _db),
        ShellCommand(":secret", "go on with another secret, which is asked for", _secret),
        ShellCommand(":as [ROLE]", "act with a role (server, @role/NAME); alone: as the secret itself", _as),
        ShellCommand(":js", "show results in JavaScript style", _javascript),
        ShellCommand(":py", "show results in Python style", _python),
        ShellCommand(":json", "switch on or off: show results as the JSON of the wire protocol", _json),
        ShellCommand(
            ":time", "switch on or off: show how long each query takes, what it reads and writes", _time
        ),
        ShellCommand(":quit", "leave (as do Ctrl-D, exit and quit)", _quit),
    )
}
#: Other names of commands, some of them without a colon.
_OTHER_NAMES = {
    ":quit": (":exit", ":q", "exit", "quit", "exit()", "quit()"),
    ":help": (":?", "help", "help()"),
}

for _name, _command in COMMANDS.items():
    for _called in (_name, *_OTHER_NAMES.get(_name, ())):
        Session.commands[_called] = _command.run
