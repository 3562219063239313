"""What the shell offers while the user types: completions, and the signature of the call that is open."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Mapping
from typing import Any, Callable, NamedTuple, Optional

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import FaunaError
from faunadb.fql.forms import BY_JAVASCRIPT, Parameter
from faunadb.fql.javascript import SPECIAL_FUNCTIONS
from faunadb.fql.place import Place, place, variables
from faunadb.fql.python_fql import QUERY_FUNCTIONS

__all__ = ["NAMED", "Completion", "DatabaseNames", "completions", "signature"]

#: functions whose first argument is the name of an item -> the native collection of the item
_ARGUMENTS = {
    "collection": "collections",
    "create": "collections",
    "class_": "collections",
    "index": "indexes",
    "function": "functions",
    "call": "functions",
    "role": "roles",
    "database": "databases",
    "accessprovider": "access_providers",
    "access_provider": "access_providers",
}
#: native collections of named items
NAMED = ("databases", "collections", "indexes", "functions", "roles", "access_providers")
_SPECIAL = {
    "Ref": "Ref(collection, id)",
    "Bytes": "Bytes(base64)",
    "Let": "Let(variables, in)",
    "Object": "Object(fields)",
    "Lambda": "Lambda(parameters, body)",
    "Paginate": "Paginate(set, {size, ts, after, before, events, sources})",
    "Expr": "Expr(json)",
}
#: how many seconds names are remembered, and how many of a kind are asked for
_SECONDS = 5.0
_MOST = 1000


class Completion(NamedTuple):
    """One offer."""

    text: str
    #: how many characters before the cursor it replaces
    start: int
    #: what is shown beside it
    meaning: str = ""


class DatabaseNames:
    """The names of a database's items: read when they are needed, and remembered for a few seconds."""

    def __init__(self, client: Callable[[], FaunaClient]) -> None:
        self._client = client
        self._found: dict[str, tuple[float, list[str]]] = {}

    def forget(self) -> None:
        """Read the names anew: items may have been created or deleted."""
        self._found.clear()

    def of(self, kind: str) -> list[str]:
        """Names of the items of a native collection; none when they cannot be read."""
        asked, names = self._found.get(kind, (float("-inf"), []))
        if time.monotonic() - asked < _SECONDS:
            return names
        page = q.paginate(q._Expr({kind: None}), size=_MOST)
        try:
            names = self._client().query(q.select("data", q.map_(lambda ref: q.select("id", ref), page)))
        except (FaunaError, OSError):
            names = []
        self._found[kind] = time.monotonic(), [str(name) for name in names]
        return self._found[kind][1]


def completions(
    text: str, namespace: Mapping[str, Any], names: DatabaseNames, commands: Iterable[str]
) -> list[Completion]:
    """What may follow a text, in order."""
    if text.startswith(":"):
        return _command(text, names, commands)
    here = place(text)
    if here.comment:
        return []
    if here.quote:
        found = _names_here(here, names, text)
    elif here.owner is not None:
        found = _members(here.owner, namespace)
    elif here.word:
        found = _words(text, namespace)
    else:
        found = {}
    length = len(here.word)
    begun = here.word.lower()
    # exact matches come before those that differ in case
    order = sorted(found, key=lambda name: (not name.startswith(here.word), name.lower()))
    return [Completion(name, length, found[name]) for name in order if name.lower().startswith(begun)]


def _command(text: str, names: DatabaseNames, commands: Iterable[str]) -> list[Completion]:
    name, blank, argument = text.partition(" ")
    if not blank:
        return [Completion(command, len(text)) for command in commands if command.startswith(name)]
    offered: list[str] = []
    if name == ":describe":
        offered = [item for kind in NAMED for item in names.of(kind)]
    elif name == ":db":
        offered = names.of("databases")
    elif name == ":as":
        offered = [
            "admin",
            "server",
            "server-readonly",
            "client",
            *(f"@role/{role}" for role in names.of("roles")),
        ]
    return [Completion(item, len(argument)) for item in offered if item.startswith(argument)]


def _names_here(here: Place, names: DatabaseNames, text: str) -> dict[str, str]:
    if not here.calls or here.calls[-1].argument != 0:
        return {}
    name = here.calls[-1].name.lower()
    if name == "var":
        return dict.fromkeys(variables(text), "variable")
    kind = _ARGUMENTS.get(name)
    return dict.fromkeys(names.of(kind), kind) if kind is not None else {}


def _members(owner: str, namespace: Mapping[str, Any]) -> dict[str, str]:
    if owner in ("q", "query"):
        return {name: signature(name + "(") or "" for name in QUERY_FUNCTIONS}
    first, *rest = owner.split(".")
    if first not in namespace:
        return {}
    value = namespace[first]
    for name in rest:
        value = inspect.getattr_static(value, name, None)
    return {name: "" for name in dir(value) if not name.startswith("_")}


def _words(text: str, namespace: Mapping[str, Any]) -> dict[str, str]:
    found = {name: signature(name + "(") or "" for name in (*BY_JAVASCRIPT, *SPECIAL_FUNCTIONS)}
    found.update({name: "" for name in namespace if not name.startswith("__")})
    found.update({name: signature(name + "(") or "" for name in QUERY_FUNCTIONS if name in namespace})
    found["q"] = "query functions"
    found.update(dict.fromkeys(variables(text), "variable"))
    return found


def signature(text: str) -> Optional[str]:
    """The signature of the call that a text leaves open, with the argument that is being typed in brackets.

    ``None`` when no call of a query function is open.
    """
    here = place(text)
    for call in reversed(here.calls):
        if call.name in _SPECIAL:
            return _SPECIAL[call.name]
        function = BY_JAVASCRIPT.get(call.name)
        if function is not None:
            shown = [_shown(parameter) for parameter in function.parameters if parameter.kind != "!"]
            return f"{call.name}({', '.join(_marked(shown, call.argument))})"
        python = QUERY_FUNCTIONS.get(call.name)
        if python is not None:
            shown = [
                str(parameter).split(":")[0] for parameter in inspect.signature(python).parameters.values()
            ]
            return f"{call.name}({', '.join(_marked(shown, call.argument))})"
    return None


def _shown(parameter: Parameter) -> str:
    if parameter.kind in ("*", "[]"):
        return f"...{parameter.key}"
    return f"{parameter.key}?" if parameter.kind in ("?", "=") else parameter.key


def _marked(parameters: list[str], argument: int) -> list[str]:
    rest = bool(parameters) and parameters[-1].startswith(("...", "*"))
    index = min(argument, len(parameters) - 1) if rest else argument
    return [f"[{text}]" if place == index else text for place, text in enumerate(parameters)]
