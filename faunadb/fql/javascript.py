"""JavaScript-style FQL v4, as tutorials, the old dashboard and the JavaScript driver write it, to wire JSON.

>>> parse('Get(Ref(Collection("spells"), "1"))').wire
{'get': {'ref': {'collection': 'spells'}, 'id': '1'}}

The wire form of a text is the one that the JavaScript driver 4 sends for it: an argument list of one is sent bare,
object literals as ``{"object": ...}``, functions and arrow functions as lambdas, ``1.0`` as the integer 1.

Understood: calls with or without ``q.`` or ``faunadb.query.`` before them, ``client.query(...)`` around them with
``.then(...)`` behind, object and array literals with trailing commas, strings in any of the three quotes (without
``${}``), numbers, ``true false null undefined``, ``x => ...``, ``(a, b) => ...``, ``function (x) { return ... }``,
arithmetic on literals (``60 * 60``), comments and semicolons. Not understood: any other JavaScript, such as
variables, spread arguments or template values.
"""

from __future__ import annotations

import difflib
from typing import Any, NamedTuple, NoReturn, Union

from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.forms import BY_JAVASCRIPT, FqlFunction, Parameter
from faunadb.fql.javascript_lexer import Token
from faunadb.fql.javascript_parser import UNDEFINED, Node, Parser

__all__ = ["SPECIAL_FUNCTIONS", "Query", "parse", "parse_script"]

#: Functions whose calls have a shape of their own, and the least and most arguments they take.
SPECIAL_FUNCTIONS = {
    "Ref": (1, 2),
    "Bytes": (1, 1),
    "Let": (2, 2),
    "Object": (1, 1),
    "Lambda": (1, 2),
    "Paginate": (1, 2),
    "Expr": (1, 1),
}
_ALIASES = {"IsNonempty": "IsNonEmpty", "IsUuid": "IsUUID", "CaseFold": "Casefold", "ForEach": "Foreach"}

Path = tuple[Union[str, int], ...]


class Query(NamedTuple):
    """One expression read from a text."""

    #: the JSON value to send
    wire: Any
    #: offsets in the text of every part of ``wire``, by its path: the positions that errors name
    spans: dict[Path, tuple[int, int]]
    #: the text it was read from
    text: str

    def span_of(self, position: list[str | int]) -> tuple[int, int]:
        """Where the part at ``position`` stands in the text: its own place, or the nearest part around it."""
        path = tuple(position)
        while path not in self.spans and path:
            path = path[:-1]
        return self.spans.get(path, (0, len(self.text)))


def parse(text: str) -> Query:
    """Read one expression.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    queries = parse_script(text)
    if not queries:
        raise FqlSyntaxError("there is no query here", text, 0)
    if len(queries) > 1:
        start, end = queries[1].spans[()]
        raise FqlSyntaxError("one expression was expected, and here another one begins", text, start, end)
    return queries[0]


def parse_script(text: str, exact: bool = False) -> list[Query]:
    """Read any number of expressions, separated by semicolons or line breaks.

    :param exact: read ``1.0`` as a double: :mod:`~faunadb.fql.render` writes doubles so
    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    parser = Parser(text, exact)
    try:
        return [_Compiler(text).compile(node) for node in parser.script()]
    except RecursionError:
        raise FqlSyntaxError("this is nested too deeply", text, 0) from None


class _Compiler:
    """Syntax to wire JSON, noting where each part of the JSON stands in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, tuple[int, int]] = {}
        self.scope: list[str] = []

    def compile(self, node: Node) -> Query:
        return Query(self.place(node, ()), self.spans, self.text)

    def fail(self, message: str, node: Node | Token) -> NoReturn:
        raise FqlSyntaxError(message, self.text, node.start, node.end)

    def place(self, node: Node, path: Path) -> Any:
        """The wire JSON of ``node``, which stands at ``path`` in the query."""
        self.spans[path] = (node.start, node.end)
        return getattr(self, "_" + node.kind)(node, path)

    def _literal(self, node: Node, path: Path) -> Any:
        return None if node.value is UNDEFINED else node.value

    def _array(self, node: Node, path: Path) -> Any:
        return [self.place(item, (*path, index)) for index, item in enumerate(node.value)]

    def _object(self, node: Node, path: Path) -> Any:
        return {"object": self.members(node, (*path, "object"))}

    def members(self, node: Node, path: Path) -> dict[str, Any]:
        """The members of an object literal. As in JavaScript, the last of equal keys counts, and members that are
        ``undefined`` are left out."""
        found = {key: value for key, value in node.value if value.value is not UNDEFINED}
        return {key: self.place(value, (*path, key)) for key, value in found.items()}

    def _name(self, node: Node, path: Path) -> Any:
        if node.value in self.scope:
            return {"var": node.value}
        if node.value in BY_JAVASCRIPT or node.value in SPECIAL_FUNCTIONS:
            self.fail(f"{node.value} is a function: call it with {node.value}(...)", node)
        self.fail(
            f'{node.value} is not defined; a variable of the query is written Var("{node.value}")', node
        )

    def _function(self, node: Node, path: Path) -> Any:
        names, body = node.value
        pattern = names[0] if len(names) == 1 else list(names)
        pattern_path = (*path, "lambda")
        self.spans[pattern_path] = (node.start, node.end)
        return {"lambda": pattern, "expr": self.body(names, body, (*path, "expr"))}

    def body(self, names: list[str], body: Node, path: Path) -> Any:
        self.scope.extend(names)
        try:
            return self.place(body, path)
        finally:
            del self.scope[len(self.scope) - len(names) :]

    def _call(self, node: Node, path: Path) -> Any:
        name, arguments, token = node.value
        name = _ALIASES.get(name, name)
        if name in SPECIAL_FUNCTIONS:
            self.check_count(name, arguments, *SPECIAL_FUNCTIONS[name], token=token)
            return getattr(self, "_call_" + name.lower())(arguments, node, path)
        function = BY_JAVASCRIPT.get(name)
        if function is None:
            self.fail(self.unknown(name), token)
        self.check_count(name, arguments, function.least, function.most, token=token)
        return self.form(function, arguments, path)

    def unknown(self, name: str) -> str:
        known = [*BY_JAVASCRIPT, *SPECIAL_FUNCTIONS]
        folded = {entry.lower(): entry for entry in known}
        close = difflib.get_close_matches(name.lower(), folded, 1, 0.7)
        hint = f"; did you mean {folded[close[0]]}?" if close else ""
        return f"FQL v4 has no function {name}{hint}"

    def check_count(
        self, name: str, arguments: list[Node], least: int, most: int | None, token: Token
    ) -> None:
        count = len(arguments)
        if count < least or (most is not None and count > most):
            expected = (
                str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            )
            plural = "" if expected == "1" else "s"
            self.fail(f"{name} takes {expected} argument{plural}, {count} given", token)

    def form(self, function: FqlFunction, arguments: list[Node], path: Path) -> Any:
        """The wire form of a plain call."""
        wire: dict[str, Any] = {}
        rest = list(arguments)
        for parameter in function.parameters:
            self._argument(parameter, rest, wire, path)
        # the key that names the function comes first, as drivers send it, whatever the order of the arguments
        first = function.python_parameters[0].key
        return {first: wire[first], **wire}

    def _argument(self, parameter: Parameter, rest: list[Node], wire: dict[str, Any], path: Path) -> None:
        key = parameter.key
        if parameter.kind in ("*", "[]"):
            wire[key] = self.spread(rest, (*path, key), parameter.kind == "*")
            return
        if rest and parameter.kind != "!":
            node = rest.pop(0)
            if node.value is not UNDEFINED or parameter.kind != "?":
                wire[key] = self.place(node, (*path, key))
        elif parameter.kind in ("=", "!"):
            wire[key] = None

    def spread(self, nodes: list[Node], path: Path, bare: bool) -> Any:
        if bare and len(nodes) == 1:
            return self.place(nodes[0], path)
        if nodes:
            self.spans[path] = (nodes[0].start, nodes[-1].end)
        return [self.place(node, (*path, index)) for index, node in enumerate(nodes)]

    # -- calls with a shape of their own

    def _call_ref(self, arguments: list[Node], node: Node, path: Path) -> Any:
        if len(arguments) == 1:
            return {"@ref": self.place(arguments[0], (*path, "@ref"))}
        return {
            "ref": self.place(arguments[0], (*path, "ref")),
            "id": self.place(arguments[1], (*path, "id")),
        }

    def _call_bytes(self, arguments: list[Node], node: Node, path: Path) -> Any:
        if arguments[0].kind != "literal" or not isinstance(arguments[0].value, str):
            self.fail("Bytes takes a base64 string", arguments[0])
        return {"@bytes": arguments[0].value}

    def _call_object(self, arguments: list[Node], node: Node, path: Path) -> Any:
        if arguments[0].kind != "object":
            self.fail("Object takes an object literal", arguments[0])
        return self._object(arguments[0], path)

    def _call_lambda(self, arguments: list[Node], node: Node, path: Path) -> Any:
        if len(arguments) == 2:
            pattern = self.place(arguments[0], (*path, "lambda"))
            return {"lambda": pattern, "expr": self.place(arguments[1], (*path, "expr"))}
        if arguments[0].kind == "function":
            return self._function(arguments[0], path)
        if arguments[0].kind == "call":
            return self.place(arguments[0], path)
        self.fail("Lambda takes a function, or parameters and a body", arguments[0])

    def _call_expr(self, arguments: list[Node], node: Node, path: Path) -> Any:
        """``Expr({...})``: wire JSON as it is, for forms that no function makes."""
        return self._json(arguments[0])

    def _json(self, node: Node) -> Any:
        if node.kind == "object":
            return {key: self._json(value) for key, value in node.value}
        if node.kind == "array":
            return [self._json(item) for item in node.value]
        if node.kind != "literal" or node.value is UNDEFINED:
            self.fail("Expr takes JSON", node)
        return node.value

    def _call_let(self, arguments: list[Node], node: Node, path: Path) -> Any:
        bindings = self.bindings(arguments[0])
        let_path = (*path, "let")
        self.spans[let_path] = (arguments[0].start, arguments[0].end)
        wire = [
            {name: self.place(value, (*path, "let", index, name))}
            for index, (name, value) in enumerate(bindings)
        ]
        body = arguments[1]
        if body.kind == "function":
            names, inner = body.value
            return {"let": wire, "in": self.body(names, inner, (*path, "in"))}
        return {"let": wire, "in": self.place(body, (*path, "in"))}

    def bindings(self, node: Node) -> list[tuple[str, Node]]:
        if node.kind == "object":
            return list(dict(node.value).items())
        if node.kind == "array" and all(item.kind == "object" for item in node.value):
            return [pair for item in node.value for pair in item.value]
        self.fail("Let takes its variables as an object, or as an array of objects", node)

    def _call_paginate(self, arguments: list[Node], node: Node, path: Path) -> Any:
        wire = {"paginate": self.place(arguments[0], (*path, "paginate"))}
        if len(arguments) == 2:
            options = arguments[1]
            if options.kind != "object":
                self.fail("the options of Paginate are an object, such as {size: 10}", options)
            wire.update(self.members(options, path))
        return wire
