"""``faunadb shell``: the prompt, with history, completion and continued lines."""

from __future__ import annotations

import codeop
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faunadb._private import make_private
from faunadb.cli.completion import completions, signature
from faunadb.cli.connection import Connection, shown_url
from faunadb.cli.errors import CliError
from faunadb.cli.session import Session
from faunadb.cli.shell_commands import COMMANDS
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.javascript_lexer import tokenize
from faunadb.fql.texts import is_javascript

__all__ = ["history_path", "is_complete", "run_script", "run_shell"]

_OPENING, _CLOSING = "([{", ")]}"
# Lines that may hold a secret are not kept: those with words that stand beside secrets and passwords, secrets
# themselves, and URLs with a password.
_PRIVATE = re.compile(
    r"passw|passphrase|secret|credential|identify|login|authorization|fn[AE][\w-]{20}|://[^/:@]*:.*@",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|U([0-9a-f]{8})|([0-7]{1,3})|\n)", re.I
)


def history_path() -> Path:
    """The file that keeps what was typed: ``$XDG_STATE_HOME/faunadb/history``."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "faunadb" / "history"


def is_private(text: str) -> bool:
    """Whether a text may hold a password or a secret, however its words are spelled: ``"pass" + "w\\x6frd"``."""
    plain = _ESCAPE.sub(_escaped, text)
    return any(_PRIVATE.search(spelled) for spelled in (text, plain, re.sub(r"[\s\"'`+,]", "", plain)))


def _escaped(match: re.Match[str]) -> str:
    hexadecimal = match[1] or match[2] or match[3] or match[4]
    code = int(hexadecimal, 16) if hexadecimal else int(match[5] or "0", 8)
    return chr(code) if 0 < code <= 0x10FFFF else ""


def is_complete(text: str) -> bool:
    """Whether a text can be run as it is. If not, the next line belongs to it."""
    if not text.strip() or text.lstrip().startswith(":"):
        return True
    if is_javascript(text) or _open_brackets(text):
        return not _open_brackets(text)
    try:
        return codeop.compile_command(text, symbol="exec") is not None or text.endswith("\n")
    except (SyntaxError, ValueError, OverflowError):
        return True


def _open_brackets(text: str) -> bool:
    try:
        marks = [token.text for token in tokenize(text) if token.kind == "punctuation"]
    except FqlSyntaxError:
        return False
    return sum(mark in _OPENING for mark in marks) > sum(mark in _CLOSING for mark in marks)


def run_script(session: Session, text: str) -> bool:
    """Run a script from standard input up to its first error; return whether there was none."""
    lines = text.split("\n")
    if any(line.startswith(":") for line in lines):
        return _run_lines(session, lines)
    return session.run(text)


def _run_lines(session: Session, lines: list[str]) -> bool:
    """Run a script with commands in it piece by piece, as if it were typed."""
    pending: list[str] = []
    for line in [*lines, ":quit"]:
        if line.startswith(":"):
            if not session.run("\n".join(pending)):
                return False
            pending = []
            if not session.run(line):
                return False
            if session.ended:
                break
        else:
            pending.append(line)
    return True


def run_shell(connection: Connection, as_json: bool = False) -> int:
    """Talk with the user until they leave. Returns the exit code.

    :raises CliError: when the packages of the prompt are not installed, or the database does not answer
    """
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    prompt = _prompt()
    session = Session(
        connection,
        sys.stdout,
        sys.stderr,
        as_json=as_json,
        colour=colour,
        ask=lambda message: str(prompt.ask(message)),
    )
    session.hidden = prompt.ask_hidden
    connection.check(session.client)
    sys.stderr.write(f"{shown_url(connection.url)} - FQL v4 in Python or JavaScript style, :help for help\n")
    while not session.ended:
        try:
            typed, session.typed = session.typed, ""
            text = prompt.read(_message(connection), session, typed)
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        session.width, session.height = shutil.get_terminal_size()
        session.run(text)
    return 0


def _message(connection: Connection) -> str:
    role = f"{connection.role} " if connection.role else ""
    return f"{role}{connection.database}> "


def _prompt() -> Any:
    try:
        return _Prompt()
    except ImportError as fault:
        raise CliError(f"the shell needs {fault.name}: pip install 'faunadb[cli]>=4.6'") from None


class _Prompt:
    """The line editor."""

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession  # late: an extra, for terminals only
        from prompt_toolkit.history import FileHistory, History, InMemoryHistory
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.lexers import DynamicLexer, PygmentsLexer
        from pygments.lexers import JavascriptLexer, PythonLexer  # type: ignore[import-untyped]

        class CarefulHistory(FileHistory):
            """Keeps no line that may hold a secret."""

            def store_string(self, string: str) -> None:
                if not is_private(string):
                    super().store_string(string)

        path = history_path()
        history: History = InMemoryHistory()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_private(path)
            path.chmod(0o600)  # an older file may be readable by others
            history = CarefulHistory(str(path))
        except OSError:
            pass
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: Any) -> None:
            buffer = event.current_buffer
            if buffer.document.is_cursor_at_the_end and not is_complete(buffer.text):
                buffer.insert_text("\n")
            else:
                buffer.validate_and_handle()

        self._session: Any = PromptSession(
            history=history,
            key_bindings=keys,
            multiline=True,
            lexer=DynamicLexer(self._lexer),
            prompt_continuation=lambda width, number, wrapped: "." * max(width - 1, 0) + " ",
            complete_while_typing=False,
            bottom_toolbar=self._toolbar,
        )
        self._lexers = {True: PygmentsLexer(JavascriptLexer), False: PygmentsLexer(PythonLexer)}
        self._answers: Any = PromptSession(history=InMemoryHistory())

    def _lexer(self) -> Any:
        return self._lexers[is_javascript(self._session.default_buffer.text)]

    def _toolbar(self) -> str:
        typed = self._session.default_buffer.document.text_before_cursor
        return signature(typed) or "Tab completes, :help lists commands, Ctrl-D leaves"

    def read(self, message: str, session: Session, typed: str = "") -> str:
        """Read one text, of as many lines as it takes.

        :param message: the prompt
        :param typed: what the text begins with
        """
        from prompt_toolkit.completion import Completer, Completion  # late, as above

        class Offers(Completer):
            """Names of the languages and the database that fit where the cursor stands."""

            def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:
                offers = completions(document.text_before_cursor, session.namespace, session.names, COMMANDS)
                for offer in offers:
                    yield Completion(offer.text, -offer.start, display_meta=offer.meaning)

        return str(self._session.prompt(message, completer=Offers(), default=typed))

    def ask(self, message: str) -> str:
        return str(self._answers.prompt(message))

    def ask_hidden(self, message: str) -> str:
        """As `ask`, without showing or keeping what is typed."""
        from prompt_toolkit import prompt  # late, as above

        return str(prompt(message, is_password=True))
