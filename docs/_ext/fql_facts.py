"""What the reference says of a form beside its signature: the kinds of its result, and its errors.

Both are written down in ``docs/fql`` (``results.txt``, ``errors.txt``), and compared with the engine by the tests.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any, Callable, NamedTuple

from faunadb.objects import FaunaTime, Query, Ref, SetRef

FQL = Path(__file__).resolve().parents[1] / "fql"


def _is_page(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), list)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


#: Kind of a value -> whether a result, as the driver gives it, is of it.
KINDS: dict[str, Callable[[Any], bool]] = {
    "a value": lambda value: True,
    "Boolean": lambda value: isinstance(value, bool),
    "Integer": lambda value: _is_number(value) and isinstance(value, int),
    "Double": lambda value: isinstance(value, float),
    "Number": _is_number,
    "String": lambda value: isinstance(value, str),
    "Array": lambda value: isinstance(value, list),
    "Object": lambda value: isinstance(value, dict),
    "Page": _is_page,
    "Document": lambda value: isinstance(value, dict) and "ref" in value,
    "Time": lambda value: isinstance(value, FaunaTime),
    "Date": lambda value: type(value) is datetime.date,
    "Ref": lambda value: isinstance(value, Ref),
    "Set": lambda value: isinstance(value, SetRef),
    "Lambda": lambda value: isinstance(value, Query),
    "Null": lambda value: value is None,
}


class Failure(NamedTuple):
    """An error that forms have: its code, when, and an expression for each form that has it."""

    code: str
    when: str
    expressions: dict[str, str]


def _lines(name: str) -> list[str]:
    lines = (FQL / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_results() -> dict[str, list[str]]:
    """Form -> the kinds of its result."""
    found: dict[str, list[str]] = {}
    for line in _lines("results.txt"):
        kinds, forms = line.split(": ")
        found.update({form: kinds.split(" or ") for form in forms.split()})
    return found


def read_failures() -> list[Failure]:
    found = []
    for line in _lines("errors.txt"):
        code, when, forms, expression = line.split(" | ", 3)
        each = {form: re.sub(r"\bFORM\b", form, expression) for form in forms.split()}
        found.append(Failure(code, when, each))
    return found
