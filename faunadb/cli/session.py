"""Runs what is typed (queries in either language, and Python), and prints results and errors.

``faunadb shell`` and ``faunadb eval`` share it.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import json
import time
import traceback
from typing import Any, Callable, ClassVar, Optional, TextIO

from faunadb import errors, objects, page
from faunadb import query as q
from faunadb.cli.completion import DatabaseNames
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.paging import next_page_query
from faunadb.client import FaunaClient
from faunadb.fql import javascript, texts
from faunadb.fql.errors import FqlSyntaxError, underline
from faunadb.fql.python_fql import QUERY_FUNCTIONS
from faunadb.fql.render import JAVASCRIPT, SHELL, Style, render_error, render_value, to_wire
from faunadb.request_result import RequestResult

__all__ = ["Session"]

_VALUES = (objects.Ref, objects.SetRef, objects.FaunaTime, objects.Query)


class Session:
    """One conversation with a database.

    :param connection: the database
    :param out: where results are written
    :param err: where errors and notes are written
    :param as_json: print results as JSON
    :param colour: colour results
    :param width: columns of a line
    :param height: lines of a screen, 0 for any number
    :param ask: shows a text and returns the user's answer; ``None`` where there is no user to ask
    """

    #: The function of each command by its names, such as ``:quit`` and ``quit``. `shell_commands` fills it.
    commands: ClassVar[dict[str, Callable[[Session, str], None]]] = {}

    def __init__(
        self,
        connection: Connection,
        out: TextIO,
        err: TextIO,
        as_json: bool = False,
        colour: bool = False,
        width: int = 100,
        height: int = 0,
        ask: Optional[Callable[[str], str]] = None,
    ) -> None:
        self.connection = connection
        self.out = out
        self.err = err
        self.as_json = as_json
        self.colour = colour
        self.width = width
        self.height = height
        self.ask = ask
        #: as ``ask``, without showing the answer
        self.hidden: Optional[Callable[[str], str]] = None
        self.timing = False
        self.javascript = False
        #: what the user typed instead of asking for the next page: the next text begins with it
        self.typed = ""
        #: the text that was run last, for the editor
        self.last_text = ""
        self.names = DatabaseNames(lambda: self._silent)
        self._elapsed = 0.0
        self.ended = False
        self.exchange: Optional[RequestResult] = None
        self._home = connection.database
        self.namespace = _namespace()
        self._open()

    def _open(self) -> None:
        self.client: FaunaClient = self.connection.client()
        self.client.observer = self._observe
        #: a client for queries that the user did not ask for, such as those of completion
        self._silent = self.connection.client()
        self.namespace["client"] = self.client
        self.names.forget()

    def _observe(self, exchange: RequestResult) -> None:
        self.exchange = exchange

    # -- texts

    def run(self, text: str) -> bool:
        """Run a command, a query or Python. Errors are printed; returns whether there were none."""
        return self.attempt(lambda: self._run(text.strip()))

    def _run(self, text: str) -> None:
        if text.startswith(":") or text in self.commands:
            self.command(text)
            return
        self.last_text = text
        self.names.forget()
        if not text:
            return
        if texts.is_javascript(text):
            for query in javascript.parse_script(text):
                self.query(q._Expr(query.wire), query)
        else:
            self.python(text)

    def run_query(self, query: javascript.Query) -> bool:
        """Run a query that has been read from a text. Errors are printed; returns whether there were none."""
        return self.attempt(lambda: self.query(q._Expr(query.wire), query))

    def attempt(self, action: Callable[[], None]) -> bool:
        """Do something, and print errors that are the user's or the database's. Returns whether there were none."""
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
        """Run Python. The value of each expression is shown; if it is a query, its result is."""
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
            # a query that the Python text sent by itself: there is no expression at hand in which to mark the error
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
        """Ask whether to go on: only Enter means yes. Anything else that was typed begins the next text."""
        assert self.ask is not None
        try:
            answer = self.ask("-- more: Enter for the next page, q to stop -- ")
        except (EOFError, KeyboardInterrupt):
            return False
        if answer.strip().lower() in ("q", "quit"):
            return False
        self.typed = answer if answer.strip() else ""
        return not self.typed

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
        """Print a result as text in the shell's language, or as the JSON of the response.

        :param exchange: the exchange that it came with; ``None`` for a value of Python
        """
        if self.as_json:
            raw = json.loads(exchange.response_raw)["resource"] if exchange is not None else to_wire(value)
            text = json.dumps(raw, indent=2, ensure_ascii=False)
        else:
            text = _shown(value, self.width, JAVASCRIPT if self.javascript else SHELL)
        self.write(text)

    def write(self, text: str) -> None:
        """Print a text; a screen at a time where there is a user to ask."""
        lines = self._painted(text).split("\n")
        size = max(self.height - 2, 5) if self.ask is not None and self.height else len(lines)
        while True:
            self.out.write("\n".join(lines[:size]) + "\n")
            self.out.flush()
            lines = lines[size:]
            if not lines or not self._wants_more():
                return

    def _painted(self, text: str) -> str:
        if not self.colour:
            return text
        from faunadb.cli.colours import paint  # late: pipes have no colours

        return paint(text, "json" if self.as_json else "javascript" if self.javascript else "python")

    def ask_secret(self, message: str) -> str:
        """What the user types, without showing it; ``""`` where there is no user to ask."""
        return self.hidden(message) if self.hidden is not None else ""

    def write_note(self, text: str) -> None:
        self.err.write(text + "\n")
        self.err.flush()

    def print_error(self, text: str) -> None:
        if self.colour:
            text = f"\x1b[31m{text}\x1b[0m"
        self.write_note(text)

    def report(self, fault: errors.HttpError, wire: Any, source: Optional[javascript.Query]) -> Any:
        """Print the errors of a query and mark where they are in it. Always raises `_Reported`."""
        lines: list[str] = []
        for error in fault.errors:
            lines += _error_lines(error, wire, source, self.width)
        self.print_error("\n".join(lines) or str(fault))
        raise _Reported from None

    # -- commands

    def command(self, text: str) -> None:
        """Run one of the commands that begin with a colon."""
        name, _, argument = text.partition(" ")
        run = self.commands.get(name)
        if run is None:
            raise CliError(f"there is no command {name}; :help lists them")
        run(self, argument.strip())

    def run_all(self, text: str) -> None:
        """Run a text from elsewhere (a file, the editor). Raises `_Reported` at the first error."""
        if not self.run(text):
            raise _Reported

    def read_one(self, text: str) -> Any:
        """The expression of a text, in either language."""
        queries = texts.parse_text(text)
        if len(queries) != 1:
            raise CliError("one query was expected")
        return q._Expr(queries[0].wire)

    def go(self, argument: str) -> None:
        """Go to another database.

        :raises CliError: when it does not exist; the session stays where it is
        """
        self._try(lambda: setattr(self.connection, "database", self._path(argument)))

    def use_secret(self, secret: str) -> None:
        """Go on with another secret, in its own database.

        :raises CliError: when the database refuses it; the old one stays
        """
        self._try(lambda: self.connection.use(secret))

    def use_role(self, role: str) -> None:
        """Act with a role; empty for what the secret may do itself.

        :raises CliError: when the secret may not take it
        """
        self._try(lambda: setattr(self.connection, "role", role))

    def _try(self, change: Callable[[], None]) -> None:
        before = dict(vars(self.connection))
        try:
            change()
            self.connection.check(self.connection.client())
        except CliError:
            vars(self.connection).update(before)
            raise
        self._open()

    def _path(self, argument: str) -> str:
        if argument == "/":
            return self._home
        names = [name for name in self.connection.database.split("/") if name]
        if argument.startswith("/"):
            names = [name for name in self._home.split("/") if name]
        for name in argument.strip("/").split("/"):
            if name == "..":
                names = names[:-1]
            else:
                names.append(name)
        return "/".join(names)


class _Reported(Exception):
    """An error that has been printed already."""


def _namespace() -> dict[str, Any]:
    """The names that Python at the prompt knows. Query functions named like a builtin need ``q.``."""
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


def _shown(value: Any, width: int, style: Style) -> str:
    if isinstance(value, page.Page):
        cursors = {"before": value.before, "after": value.after}
        shown = {name: at for name, at in cursors.items() if at is not None}
        return _shown({**shown, "data": value.data}, width, style)
    if (
        isinstance(value, (dict, list, tuple, str, int, float, bytes, bytearray, datetime.date, *_VALUES))
        or value is None
    ):
        return render_value(value, style, width)
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
        if source is not None and source.text and (len(source.spans) > 1 or not position):
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
