"""The examples of the FQL reference: reading them, and running one against a database.

They come from two places: ``docs/fql/examples.txt``, and the docstrings of the forms themselves (lines that start
with ``>>> q.``). The reference prints them; the tests run them.
"""

from __future__ import annotations

import ast
import datetime
import doctest
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

FQL = Path(__file__).resolve().parents[1] / "fql"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Example(NamedTuple):
    """One expression and what becomes of it: the text of its value, or of its error."""

    form: str
    expression: str
    outcome: str
    fails: bool = False
    place: str = ""
    setup: str = ""

    def shown(self) -> str:
        """The example as the reference prints it."""
        outcome = f"error: {self.outcome}" if self.fails else self.outcome
        lines = [f">>> {line}" for line in self.setup.splitlines()]
        return "\n".join([*lines, f">>> {self.expression}", outcome])

    def value(self) -> Any:
        """The expression as the driver builds it."""
        names = namespace()
        exec(self.setup, names)
        return eval(self.expression, names)


def read_examples(path: Path = FQL / "examples.txt") -> dict[str, list[Example]]:
    """Return the examples of the file by form."""
    found: dict[str, list[Example]] = {}
    form, expression = "", ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            form = line.strip("[]")
            found[form] = []
        elif line.startswith(("= ", "! ")):
            place = f"{path.name}:{number}"
            found[form].append(Example(form, qualified(expression), line[2:], line[0] == "!", place))
            expression = ""
        else:
            expression = f"{expression}\n{line}" if expression else line
    return found


def read_cheat_sheet(path: Path = FQL / "cheat-sheet.txt") -> dict[str, list[tuple[str, Example]]]:
    """Return what the cheat sheet shows by section: a few words, and an example without its outcome."""
    found: dict[str, list[tuple[str, Example]]] = {}
    section = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = []
        elif line and not line.startswith("#"):
            words, expression = line.split(" | ", 1)
            place = f"{path.name}:{number}"
            found[section].append((words, Example(section, qualified(expression), "", place=place)))
    return found


def qualified(expression: str) -> str:
    """The expression with ``q.`` before every function of the driver that it calls."""
    from faunadb import query

    calls = [node.func for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Call)]
    names = [each for each in calls if isinstance(each, ast.Name) and hasattr(query, each.id)]
    lines = expression.split("\n")
    for name in sorted(names, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        line = lines[name.lineno - 1].encode("utf-8")
        lines[name.lineno - 1] = (line[: name.col_offset] + b"q." + line[name.col_offset :]).decode("utf-8")
    return "\n".join(lines)


def docstring_examples(name: str, doc: str) -> list[Example]:
    """Return the ``>>> q....`` examples of a form's docstring.

    An assignment prepares a variable for the examples after it. An expression that shows nothing gives None.
    """
    found: list[Example] = []
    setup = ""
    for each in doctest.DocTestParser().get_examples(doc):
        source = each.source.strip()
        if isinstance(ast.parse(source).body[0], ast.Expr):
            place = f"docstring of {name}"
            found.append(Example(name, source, each.want.strip() or "None", place=place, setup=setup))
        else:
            setup += source + "\n"
    return found


def prose(doc: str) -> str:
    """A docstring without its examples."""
    parts = doctest.DocTestParser().parse(doc)
    return "".join(part for part in parts if isinstance(part, str)).strip()


def namespace() -> dict[str, Any]:
    """The names an example may use: the driver's functions under ``q``, its objects, and ``form``."""
    from faunadb import objects, query

    names = {name: value for name, value in vars(objects).items() if not name.startswith("_")}
    names.update(q=query, form=query._Expr, datetime=datetime)
    return names


class Outcome(NamedTuple):
    """What a query gave: its value (None for an error), and that or the error as text."""

    value: Any
    text: str
    failed: bool


def outcome(client: Any, example: Example) -> Outcome:
    """Send an example's expression."""
    from faunadb.errors import HttpError

    try:
        value = client.query(example.value())
        return Outcome(value, repr(value), False)
    except HttpError as failure:
        first = failure.errors[0]
        position = json.dumps(first.position, separators=(",", ":"))
        status = failure.request_result.status_code
        return Outcome(None, f"{status} {first.code} at {position}: {first.description}", True)


def fits(example: Example, given: Outcome) -> bool:
    """Whether an outcome is the one the example shows."""
    return given.failed == example.fails and doctest.OutputChecker().check_output(
        example.outcome + "\n", given.text + "\n", FLAGS
    )


def dataset() -> Any:
    """The module that fills an empty database for the examples."""
    if str(FQL) not in sys.path:
        sys.path.insert(0, str(FQL))
    import dataset as module

    return module
