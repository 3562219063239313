"""Writes queries and results as text: the inverse of reading them.

:func:`render_query` turns a query, as a driver expression or as wire JSON, into the Python or JavaScript that
makes it; :func:`render_error` adds carets under the part that an error's ``position`` names; :func:`render_value`
prints results. What is printed can be pasted back into the shell.

>>> print(render_query({"get": {"ref": {"collection": "spells"}, "id": "1"}}))
q.get(q.ref(q.collection("spells"), "1"))
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import keyword
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

from faunadb.fql.errors import underline
from faunadb.fql.forms import FUNCTIONS, FqlFunction, Parameter, find_function
from faunadb.fql.layout import Group, Piece, Text, lay_out, take_mark

__all__ = [
    "JAVASCRIPT",
    "PYTHON",
    "SHELL",
    "Raw",
    "Style",
    "render_error",
    "render_query",
    "render_value",
    "to_wire",
]

Path = tuple[Union[str, int], ...]


class Style:
    """How calls are spelled.

    :param javascript: JavaScript names, arrow functions and literals instead of Python's
    :param prefix: what stands before every function, such as ``q.``
    """

    def __init__(self, javascript: bool = False, prefix: str = "") -> None:
        self.javascript = javascript
        self.prefix = prefix

    def name(self, javascript: str, python: str) -> str:
        return self.prefix + (javascript if self.javascript else python)

    def scalar(self, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value] if self.javascript else repr(value)
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return repr(value)


#: as a program with ``from faunadb import query as q`` would write it
PYTHON = Style(prefix="q.")
#: as it is typed at the shell's prompt, where functions need no ``q.``
SHELL = Style()
JAVASCRIPT = Style(javascript=True)

_ESCAPES = ("@obj", "@ref", "@set", "@ts", "@date", "@bytes", "@uuid", "@query")
# native collection -> (functions for the collection itself, functions for an item by name)
_NATIVES = {
    "collections": ("Collections", "collections", "Collection", "collection"),
    "classes": ("Collections", "collections", "Collection", "collection"),
    "databases": ("Databases", "databases", "Database", "database"),
    "indexes": ("Indexes", "indexes", "Index", "index"),
    "functions": ("Functions", "functions", "Function", "function"),
    "roles": ("Roles", "roles", "Role", "role"),
    "access_providers": ("AccessProviders", "access_providers", "AccessProvider", "access_provider"),
    "keys": ("Keys", "keys", "", ""),
    "tokens": ("Tokens", "tokens", "", ""),
    "credentials": ("Credentials", "credentials", "", ""),
}
# Optional arguments that the Python driver takes by keyword, and the keyword
_KEYWORDS = {
    "ts": "ts",
    "default": "default",
    "separator": "separator",
    "normalizer": "normalizer",
    "num_results": "numResults",
    "first": "first",
    "min": "min",
    "max": "max",
    "scope": "scope",
    "lambda": "lambda_",
}
_PAGINATE_OPTIONS = ("size", "ts", "after", "before", "cursor", "events", "sources")


def render_query(query: Any, style: Style = PYTHON, width: int = 88) -> str:
    """The text of a query.

    :param query: a driver expression, any value a driver can send, or wire JSON
    :param style: the language and the prefix of functions
    :param width: columns of a line
    """
    return lay_out(_Renderer(style).expression(to_wire(query), ()), width)


def render_error(query: Any, position: Sequence[str | int], style: Style = PYTHON, width: int = 88) -> str:
    """The text of a query with carets under the part at ``position``, or under the nearest part around it."""
    wire = to_wire(query)
    first = _Renderer(style)
    first.expression(wire, ())
    mark: Path = tuple(position)
    while mark and mark not in first.rendered:
        mark = mark[:-1]
    text, start, end = take_mark(lay_out(_Renderer(style, mark).expression(wire, ()), width))
    return underline(text, start, end, context=text.count("\n"))


def render_value(value: Any, style: Style = SHELL, width: int = 88) -> str:
    """The text of a result. References, times and sets are written as the calls that make them."""
    return lay_out(_Renderer(style).literal(to_wire(value), ()), width)


def to_wire(value: Any) -> Any:
    """Wire JSON of a driver value."""
    if hasattr(value, "to_fauna_json"):
        return to_wire(value.to_fauna_json())
    if isinstance(value, dict):
        return {str(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, Raw):
        return value
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"@bytes": base64.urlsafe_b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, datetime.datetime):
        return {"@ts": value.isoformat().replace("+00:00", "Z")}
    if isinstance(value, datetime.date):
        return {"@date": value.isoformat()}
    return value


_PYTHON_NAMES = frozenset(function.python for function in FUNCTIONS if function.python) | {
    "ref",
    "let",
    "paginate",
}
_RESERVED = """
break case catch class const continue debugger default delete do else enum export extends false finally for function
if implements import in instanceof interface let new null package private protected public return static super switch
this throw true try typeof undefined var void while with yield await
"""
_JAVASCRIPT_WORDS = frozenset(_RESERVED.split())


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and text.isidentifier() and not keyword.iskeyword(text)


class Raw(NamedTuple):
    """A part of a query that is shown as wire JSON even if a function makes it."""

    wire: Any


class _Renderer:
    """One walk over a query.

    :param mark: position of the part to mark
    :ivar rendered: positions that have a place in the text
    :ivar scope: variables that a function around binds, which are written without ``var``
    """

    def __init__(self, style: Style, mark: Path | None = None) -> None:
        self.style = style
        self.mark = mark
        self.rendered: set[Path] = set()
        self.scope: frozenset[str] = frozenset()

    # -- expressions

    def expression(self, wire: Any, path: Path) -> Piece:
        self.rendered.add(path)
        piece = self._expression(wire, path)
        return piece._replace(marked=True) if path == self.mark else piece

    def _expression(self, wire: Any, path: Path) -> Piece:
        if isinstance(wire, Raw):
            text = json.dumps(wire.wire, ensure_ascii=False)
            return Text((self.style.prefix + ("Expr" if self.style.javascript else "_Expr")) + f"({text})")
        if isinstance(wire, list):
            return Group("[", [("", self.expression(v, (*path, i))) for i, v in enumerate(wire)], "]")
        if not isinstance(wire, dict):
            return Text(self.style.scalar(wire))
        keys = frozenset(wire)
        shape = {
            frozenset(["object"]): self._object,
            frozenset(["var"]): self._var,
            frozenset(["let", "in"]): self._let,
            frozenset(["lambda", "expr"]): self._lambda,
            frozenset(["ref", "id"]): self._ref,
        }.get(keys)
        if shape is not None:
            return shape(wire, path)
        if "paginate" in keys and keys <= {"paginate", *_PAGINATE_OPTIONS}:
            return self._paginate(wire, path)
        if len(keys) == 1 and next(iter(keys)) in _ESCAPES:
            return self._escape(wire, path)
        function = find_function(keys)
        if function is None or (function.python is None and not self.style.javascript):
            return self._unknown(wire, path)
        return self._call(function, wire, path)

    def call(self, javascript: str, python: str, items: list[tuple[str, Piece]]) -> Piece:
        return Group(self.style.name(javascript, python) + "(", items, ")")

    def _unknown(self, wire: dict[str, Any], path: Path) -> Piece:
        """A form that no function of this driver makes: shown as JSON."""
        members: list[tuple[str, Piece]] = []
        for key, value in wire.items():
            child = (*path, key)
            piece = self.literal(value, child) if key == "quote" else self.expression(value, child)
            members.append((self.key(key), piece))
        if self.style.javascript:
            return Group("{", members, "}")
        return Group(self.style.prefix + "_Expr({", members, "})")

    def key(self, name: str) -> str:
        if self.style.javascript and _is_name(name):
            return f"{name}: "
        return json.dumps(name, ensure_ascii=False) + ": "

    def _object(self, wire: dict[str, Any], path: Path) -> Piece:
        fields = wire["object"]
        inner = (*path, "object")
        if not isinstance(fields, dict):
            return self._unknown(wire, path)
        if list(fields) == ["@obj"] and isinstance(fields["@obj"], dict):
            fields = fields["@obj"]
        return Group("{", [(self.key(k), self.expression(v, (*inner, k))) for k, v in fields.items()], "}")

    def _var(self, wire: dict[str, Any], path: Path) -> Piece:
        if wire["var"] in self.scope:
            return Text(wire["var"])
        return self.call("Var", "var", [("", self.expression(wire["var"], (*path, "var")))])

    def _let(self, wire: dict[str, Any], path: Path) -> Piece:
        bindings = wire["let"]
        pairs: list[tuple[Path, str, Any]] = []
        if isinstance(bindings, dict):
            pairs = [((*path, "let", name), name, value) for name, value in bindings.items()]
        elif isinstance(bindings, list) and all(isinstance(item, dict) for item in bindings):
            pairs = [
                ((*path, "let", i, name), name, value)
                for i, item in enumerate(bindings)
                for name, value in item.items()
            ]
        else:
            return self._unknown(wire, path)
        outer, shown = self.scope, []
        for place, name, value in pairs:
            shown.append((self.key(name), self.expression(value, place)))
            self.scope = self.scope - {name}
        body = self.expression(wire["in"], (*path, "in"))
        self.scope = outer
        return self.call("Let", "let", [("", Group("{", shown, "}")), ("", body)])

    def _lambda(self, wire: dict[str, Any], path: Path) -> Piece:
        pattern = wire["lambda"]
        names = [pattern] if isinstance(pattern, str) else pattern
        outer = self.scope
        if self._is_plain(names) and (isinstance(pattern, str) or len(names) > 1):
            self.scope = outer | frozenset(names)
            body = self.expression(wire["expr"], (*path, "expr"))
            self.scope = outer
            return self._arrow(names, body)
        inner = (
            frozenset(name for name in names if isinstance(name, str))
            if isinstance(names, list)
            else frozenset()
        )
        self.scope = outer - inner
        items = [("", self.expression(wire[key], (*path, key))) for key in ("lambda", "expr")]
        self.scope = outer
        return self.call("Lambda", "lambda_", items)

    def _is_plain(self, names: Any) -> bool:
        """Whether these can be the parameters of a function of the language: distinct names that hide no other."""
        if not isinstance(names, list) or not all(_is_name(name) for name in names):
            return False
        hidden = _JAVASCRIPT_WORDS if self.style.javascript else {"q"} if self.style.prefix else _PYTHON_NAMES
        return len(set(names)) == len(names) and hidden.isdisjoint(names)

    def _arrow(self, names: list[str], body: Piece) -> Piece:
        if not self.style.javascript:
            opening = f"lambda {', '.join(names)}: "
        else:
            opening = f"{names[0]} => " if len(names) == 1 else f"({', '.join(names)}) => "
        if isinstance(body, Text):
            return Group(opening, [("", body)], "")
        if self.style.javascript and body.opening == "{":
            return Group(opening + "(", [("", body)], ")")
        return Group(opening, [("", body)], "")

    def _ref(self, wire: dict[str, Any], path: Path) -> Piece:
        return self.call(
            "Ref", "ref", [("", self.expression(wire[key], (*path, key))) for key in ("ref", "id")]
        )

    def _paginate(self, wire: dict[str, Any], path: Path) -> Piece:
        items = [("", self.expression(wire["paginate"], (*path, "paginate")))]
        options = [
            (key, self.expression(value, (*path, key))) for key, value in wire.items() if key != "paginate"
        ]
        if options and self.style.javascript:
            items.append(("", Group("{", [(f"{key}: ", piece) for key, piece in options], "}")))
        else:
            items += [(f"{key}=", piece) for key, piece in options]
        return self.call("Paginate", "paginate", items)

    def _call(self, function: FqlFunction, wire: dict[str, Any], path: Path) -> Piece:
        items: list[tuple[str, Piece]] = []
        parameters = function.parameters if self.style.javascript else function.python_parameters
        for parameter in parameters:
            if parameter.key not in wire:
                continue
            items += self._argument(parameter, wire[parameter.key], (*path, parameter.key))
        return self.call(function.javascript, function.python or "", items)

    def _argument(self, parameter: Parameter, value: Any, path: Path) -> list[tuple[str, Piece]]:
        if parameter.kind in ("!", "=") and value is None:
            return []
        if parameter.kind in ("*", "[]"):
            self.rendered.add(path)
            return self._spread(parameter, value, path)
        piece = self.expression(value, path)
        by_keyword = parameter.kind == "?" and parameter.key in _KEYWORDS
        if self.style.javascript or not (by_keyword or parameter.kind == "="):
            return [("", piece)]
        return [(_KEYWORDS.get(parameter.key, "scope") + "=", piece)]

    def _spread(self, parameter: Parameter, value: Any, path: Path) -> list[tuple[str, Piece]]:
        # the Python driver's format sends an array whatever the number of values; other calls send one value bare
        always = parameter.kind == "[]" or (parameter.key == "values" and not self.style.javascript)
        empty = value == [] and parameter.key in _MAY_BE_NONE
        if isinstance(value, list) and (always or empty or len(value) > 1):
            items = [("", self.expression(item, (*path, index))) for index, item in enumerate(value)]
            if path == self.mark:
                return [("", piece._replace(marked=index == 0)) for index, (_, piece) in enumerate(items)]
            return items
        return [("", self.expression(value, path))]

    # -- literals: results, and what stands inside the escapes

    def literal(self, value: Any, path: Path) -> Piece:
        self.rendered.add(path)
        piece = self._literal(value, path)
        return piece._replace(marked=True) if path == self.mark else piece

    def _literal(self, value: Any, path: Path) -> Piece:
        if isinstance(value, list):
            return Group("[", [("", self.literal(v, (*path, i))) for i, v in enumerate(value)], "]")
        if not isinstance(value, dict):
            return Text(self.style.scalar(value))
        if len(value) == 1 and next(iter(value)) in _ESCAPES:
            return self._escape(value, path)
        return self._members(value, path)

    def _members(self, value: dict[str, Any], path: Path) -> Piece:
        return Group("{", [(self.key(k), self.literal(v, (*path, k))) for k, v in value.items()], "}")

    def _escape(self, wire: dict[str, Any], path: Path) -> Piece:
        name, value = next(iter(wire.items()))
        if name == "@ref":
            if isinstance(value, dict) and "id" in value and "ref" not in value:
                return self._ref_literal(value)
            return self.call("Ref", "ref", [("", self.expression(value, (*path, name)))])
        if name == "@obj" and isinstance(value, dict):
            return self._members(value, path)
        if name == "@set" and isinstance(value, dict):
            return self._set_literal(value, path)
        if name == "@query" and isinstance(value, dict) and {"lambda", "expr"} <= set(value):
            return self.call("Query", "query", [("", self._lambda(value, path))])
        if name == "@bytes" and isinstance(value, str):
            return self._bytes(value)
        if name in ("@ts", "@date") and isinstance(value, str):
            javascript = {"@ts": "Time", "@date": "Date"}[name]
            return self.call(javascript, javascript.lower(), [("", Text(self.style.scalar(value)))])
        return self._unknown(wire, path)

    def _bytes(self, value: str) -> Piece:
        if self.style.javascript:
            return self.call("Bytes", "", [("", Text(self.style.scalar(value)))])
        try:
            raw = base64.urlsafe_b64decode(
                value.replace("+", "-").replace("/", "_") + "=" * (-len(value) % 4)
            )
        except (binascii.Error, ValueError):
            return self._unknown({"@bytes": value}, ())
        return Text(repr(raw))

    def _set_literal(self, value: dict[str, Any], path: Path) -> Piece:
        function = find_function(frozenset(value))
        if function is None:
            return self._members({"@set": value}, path)
        items: list[tuple[str, Piece]] = []
        for parameter in function.parameters if self.style.javascript else function.python_parameters:
            if parameter.key not in value:
                continue
            part = value[parameter.key]
            parts = part if parameter.kind == "*" and isinstance(part, list) else [part]
            items += [("", self._set_part(item, (*path, parameter.key))) for item in parts]
        return self.call(function.javascript, function.python or "", items)

    def _set_part(self, value: Any, path: Path) -> Piece:
        if isinstance(value, dict) and {"lambda", "expr"} <= set(value):
            return self._lambda(value, path)
        if isinstance(value, dict) and find_function(frozenset(value)) is not None:
            # a set written by hand, with calls where results have refs
            return self.expression(value, path)
        return self.literal(value, path)

    def _ref_literal(self, value: dict[str, Any]) -> Piece:
        identifier = value.get("id")
        owner = _unwrap(value.get("collection", value.get("class")))
        database = _unwrap(value.get("database"))
        scope: list[tuple[str, Piece]] = []
        if isinstance(database, dict):
            scope = [("" if self.style.javascript else "scope=", self._ref_literal(database))]
        if owner is None and identifier in _NATIVES:
            return self.call(_NATIVES[identifier][0], _NATIVES[identifier][1], scope)
        is_native = isinstance(owner, dict) and "collection" not in owner
        native = _NATIVES.get(str(owner.get("id"))) if owner is not None and is_native else None
        shown = Text(self.style.scalar(identifier))
        if native is not None and native[2]:
            return self.call(native[2], native[3], [("", shown), *scope])
        if isinstance(owner, dict):
            return self.call("Ref", "ref", [("", self._ref_literal(owner)), ("", shown)])
        return self._members({"@ref": value}, ())


# Functions whose variable arguments may be none at all
_MAY_BE_NONE = ("arguments", "terms", "values")


def _unwrap(ref: Any) -> Any:
    return ref.get("@ref", ref) if isinstance(ref, dict) else ref
