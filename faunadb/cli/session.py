"""Running what is typed: queries in either language and Python, results and errors as text.

Shared by ``faunadb shell`` and ``faunadb eval``.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import json
import time
import traceback
from typing import Any, Callable, Optional, TextIO

from faunadb import errors, objects, page
from faunadb import query as q
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.paging import next_page_query
from faunadb.client import FaunaClient
from faunadb.fql import javascript, texts
from faunadb.fql.errors import FqlSyntaxError, underline
from faunadb.fql.python_fql import QUERY_FUNCTIONS
from faunadb.fql.render import SHELL, render_error, render_value, to_wire
from faunadb.request_result import RequestResult

__all__ = ["Session"]

_VALUES = (objects.Ref, objects.SetRef, objects.FaunaTime, objects.Query)
_COMMANDS = {
    ":help": "this list",
    ":time": "switch on or off: show how long each query takes, and what it reads and writes",
    ":json": "switch on or off: show results as the JSON of the wire protocol",
    ":db [PATH]": "go to a child database (`:db ..` one up, `:db /` back to the first); alone: say where this is",
    ":quit": "leave (as does Ctrl-D)",
}


class Session:
    """One conversation with a database.

    :param connection: where
    :param out: results
    :param err: errors
    :param as_json: print results as JSON
    :param colour: paint results
    :param width: columns of a line
    :param ask: shows a text, returns what the user answers; ``None`` where nobody is asked
    """

    def __init__(
        self,
        connection: Connection,
        out: TextIO,
        err: TextIO,
        as_json: bool = False,
        colour: bool = False,
        width: int = 100,
        ask: Optional[Callable[[str], str]] = None,
    ) -> None:
        self.connection = connection
        self.out = out
        self.err = err
        self.as_json = as_json
        self.colour = colour
        self.width = width
        self.ask = ask
        self.timing = False
        self._elapsed = 0.0
        self.ended = False
        self.exchange: Optional[RequestResult] = None
        self._home = connection.database
        self.namespace = _namespace()
        self._open()

    def _open(self) -> None:
        self.client: FaunaClient = self.connection.client()
        self.client.observer = self._observe
        self.namespace["client"] = self.client

    def _observe(self, exchange: RequestResult) -> None:
        self.exchange = exchange

    # -- texts

    def run(self, text: str) -> bool:
        """Run a command, a query or Python. Errors are printed; returns whether there were none."""
        return self.attempt(lambda: self._run(text.strip()))

    def _run(self, text: str) -> None:
        if text.startswith(":"):
            self.command(text)
        elif texts.is_javascript(text):
            for query in javascript.parse_script(text):
                self.query(q._Expr(query.wire), query)
        else:
            self.python(text)

    def run_query(self, query: javascript.Query) -> bool:
        """Run a query that has been read from a text. Errors are printed; returns whether there were none."""
        return self.attempt(lambda: self.query(q._Expr(query.wire), query))

    def attempt(self, action: Callable[[], None]) -> bool:
        """Do something; errors that are the user's or the database's are printed. Whether there were none."""
        try:
            action()
        except _Reported:
            return False
        except (CliError, FqlSyntaxError) as fault:
            self.print_error(str(fault))
            return False
        except KeyboardInterrupt:
            self.print_error("interrupted")
            return False
        return True

    def python(self, text: str) -> None:
        """Run Python; the value of every expression is shown, and a query is run first."""
        try:
            module = ast.parse(text)
        except SyntaxError as fault:
            start = (
                sum(len(line) + 1 for line in text.split("\n")[: (fault.lineno or 1) - 1])
                + (fault.offset or 1)
                - 1
            )
            raise FqlSyntaxError(fault.msg, text, start) from None
        for node in module.body:
            value = self._evaluate(node)
            if _is_query(value):
                self.query(value)
            elif value is not None:
                self.namespace["_"] = value
                self.show(value, None)

    def _evaluate(self, node: ast.stmt) -> Any:
        try:
            if isinstance(node, ast.Expr):
                return eval(compile(ast.Expression(node.value), "<shell>", "eval"), self.namespace)
            exec(compile(ast.Module([node], []), "<shell>", "exec"), self.namespace)
        except errors.HttpError as fault:
            # a query that the text itself sent: there is no expression at hand to mark
            self.report(fault, None, None)
        except (Exception, SystemExit) as fault:
            self.print_error(_python_fault(fault))
            raise _Reported from None
        return None

    # -- queries

    def query(self, expression: Any, source: Optional[javascript.Query] = None) -> None:
        """Run a query and show its result, page by page where somebody can be asked."""
        wire = to_wire(q._wrap(expression))
        while True:
            value = self._send(wire, source)
            self.namespace["_"] = value
            self.show(value, self.exchange)
            self._show_time(self._elapsed)
            following = next_page_query(wire, value) if self.ask is not None else None
            if following is None:
                return
            wire, source = following, None
            if not self._wants_more():
                return

    def _send(self, wire: Any, source: Optional[javascript.Query]) -> Any:
        began = time.perf_counter()
        try:
            value = self.client.query(q._Expr(wire))
        except errors.HttpError as fault:
            self.report(fault, wire, source)
        except (errors.FaunaError, OSError) as fault:
            raise CliError(f"{fault}") from None
        self._elapsed = time.perf_counter() - began
        return value

    def _wants_more(self) -> bool:
        assert self.ask is not None
        try:
            return (
                not self.ask("-- more: Enter for the next page, q to stop -- ")
                .strip()
                .lower()
                .startswith("q")
            )
        except (EOFError, KeyboardInterrupt):
            return False

    def _show_time(self, elapsed: float) -> None:
        if not self.timing or self.exchange is None:
            return
        headers = self.exchange.response_headers
        names = ("x-query-time", "x-compute-ops", "x-byte-read-ops", "x-byte-write-ops")
        server, compute, reads, writes = (headers.get(name, "?") for name in names)
        ops = f"{compute} compute, {reads} read, {writes} write ops"
        self.write_note(f"{elapsed * 1000:.1f} ms ({server} ms in the database; {ops})")

    # -- showing

    def show(self, value: Any, exchange: Optional[RequestResult]) -> None:
        """Print a result: as a query in the language of the shell, or as the JSON that came."""
        if self.as_json:
            raw = (
                json.loads(exchange.response_raw)["resource"]
                if exchange is not None
                else to_wire(value, True)
            )
            text = json.dumps(raw, indent=2, ensure_ascii=False)
        else:
            text = _shown(value, self.width)
        self.out.write(self._painted(text) + "\n")
        self.out.flush()

    def _painted(self, text: str) -> str:
        if not self.colour:
            return text
        from faunadb.cli.colours import paint  # late: pipes have no colours

        return paint(text, "json" if self.as_json else "python")

    def write_note(self, text: str) -> None:
        self.err.write(text + "\n")
        self.err.flush()

    def print_error(self, text: str) -> None:
        if self.colour:
            text = f"\x1b[31m{text}\x1b[0m"
        self.write_note(text)

    def report(self, fault: errors.HttpError, wire: Any, source: Optional[javascript.Query]) -> Any:
        """Print what a query failed with, and mark where. Always raises."""
        lines: list[str] = []
        for error in fault.errors:
            lines += _error_lines(error, wire, source, self.width)
        self.print_error("\n".join(lines) or str(fault))
        raise _Reported from None

    # -- commands

    def command(self, text: str) -> None:
        """Run one of the commands that begin with a colon."""
        name, _, argument = text.partition(" ")
        handler = getattr(self, "_command_" + name[1:], None)
        if handler is None:
            raise CliError(f"there is no command {name}; :help lists them")
        handler(argument.strip())

    def _command_help(self, argument: str) -> None:
        self.write_note(
            'Type a query in Python (get(ref(collection("spells"), "1")), with or without q.) or in JavaScript\n'
            'style (Get(Ref(Collection("spells"), "1"))), or any Python. _ is the last result, client the client.'
        )
        for name, meaning in _COMMANDS.items():
            self.write_note(f"  {name:<12} {meaning}")

    def _command_quit(self, argument: str) -> None:
        self.ended = True

    _command_exit = _command_q = _command_quit

    def _command_time(self, argument: str) -> None:
        self.timing = not self.timing
        self.write_note(f"timing is {'on' if self.timing else 'off'}")

    def _command_json(self, argument: str) -> None:
        self.as_json = not self.as_json
        self.write_note(f"JSON is {'on' if self.as_json else 'off'}")

    def _command_db(self, argument: str) -> None:
        if argument:
            self._go(self._path(argument))
        self.write_note(f"database {self.connection.database or '(that of the secret)'}")

    def _path(self, argument: str) -> str:
        if argument == "/":
            return self._home
        names = [name for name in self.connection.database.split("/") if name]
        for name in argument.strip("/").split("/"):
            if name == "..":
                names = names[:-1]
            else:
                names.append(name)
        return "/".join(names)

    def _go(self, path: str) -> None:
        before = self.connection.database
        self.connection.database = path
        try:
            client = self.connection.client()
            self.connection.check(client)
        except CliError:
            self.connection.database = before
            raise
        self._open()


class _Reported(Exception):
    """An error that has been printed."""


def _namespace() -> dict[str, Any]:
    """The names of the prompt. A query function that shares its name with a builtin is there as ``q.`` only."""
    names: dict[str, Any] = {
        name: function for name, function in QUERY_FUNCTIONS.items() if not hasattr(builtins, name)
    }
    names.update(
        q=q,
        Ref=objects.Ref,
        SetRef=objects.SetRef,
        FaunaTime=objects.FaunaTime,
        Query=objects.Query,
        Native=objects.Native,
        Page=page.Page,
        FaunaClient=FaunaClient,
        errors=errors,
        datetime=datetime,
        __name__="__shell__",
        _=None,
    )
    return names


def _is_query(value: Any) -> bool:
    """Whether a value is, or holds, an expression that only the database can evaluate."""
    if isinstance(value, _VALUES):
        return False
    if isinstance(value, q._Expr):
        return True
    if isinstance(value, dict):
        return any(_is_query(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_is_query(item) for item in value)


def _shown(value: Any, width: int) -> str:
    if isinstance(value, page.Page):
        cursors = {"before": value.before, "after": value.after}
        return _shown(
            {**{name: at for name, at in cursors.items() if at is not None}, "data": value.data}, width
        )
    if (
        isinstance(value, (dict, list, tuple, str, int, float, bytes, bytearray, datetime.date, *_VALUES))
        or value is None
    ):
        return render_value(value, SHELL, width)
    return repr(value)


def _python_fault(fault: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == "<shell>"]
    where = f" (line {frames[-1].lineno})" if frames else ""
    return f"{type(fault).__name__}: {fault}{where}"


def _error_lines(
    error: errors.ErrorData, wire: Any, source: Optional[javascript.Query], width: int
) -> list[str]:
    lines = [f"{error.code}: {error.description}"]
    position = error.position
    if position is not None and wire is not None:
        if source is not None and source.text:
            marked = underline(source.text, *source.span_of(position), context=2)
        else:
            marked = render_error(wire, position, SHELL, width)
        lines += ["  " + line for line in marked.split("\n")]
    for failure in error.failures or []:
        lines.append(
            f"  {'.'.join(str(part) for part in failure.field)}: {failure.description} ({failure.code})"
        )
    for cause in error.cause or []:
        place = ".".join(str(part) for part in cause.position or [])
        lines.append(
            f"  caused by {cause.code}: {cause.description}"
            + (f" (at {place} of the function)" if place else "")
        )
    return lines
