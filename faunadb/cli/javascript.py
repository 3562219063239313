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

from faunadb.cli.errors import FqlSyntaxError
from faunadb.cli.forms import BY_JAVASCRIPT, FqlFunction, Parameter
from faunadb.cli.javascript_lexer import Token, tokenize

__all__ = ["SPECIAL_FUNCTIONS", "Query", "parse", "parse_script"]

#: Functions whose calls have a shape of their own, and the least and most arguments they take.
SPECIAL_FUNCTIONS = {
    "Ref": (1, 2),
    "Bytes": (1, 1),
    "Let": (2, 2),
    "Object": (1, 1),
    "Lambda": (1, 2),
    "Paginate": (1, 2),
}
_ALIASES = {"IsNonempty": "IsNonEmpty", "IsUuid": "IsUUID", "CaseFold": "Casefold", "ForEach": "Foreach"}
_PREFIXES = ("q", "query", "faunadb", "fauna", "fql")

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


class _Node(NamedTuple):
    """A piece of syntax. ``kind`` says what ``value`` holds.

    ``literal`` the value; ``array`` nodes; ``object`` (key, node) pairs; ``call`` (function name, nodes);
    ``function`` (parameter names, body node); ``name`` an identifier.
    """

    kind: str
    value: Any
    start: int
    end: int


_UNDEFINED = object()


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


def parse_script(text: str) -> list[Query]:
    """Read any number of expressions, parted by semicolons or line breaks.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    parser = _Parser(text)
    try:
        return [_Compiler(text).compile(node) for node in parser.script()]
    except RecursionError:
        raise FqlSyntaxError("this is nested too deeply", text, 0) from None


class _Parser:
    """Recursive descent over the words of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0

    # -- words

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def peek(self, count: int = 1) -> Token:
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def at(self, *marks: str) -> bool:
        return self.token.kind == "punctuation" and self.token.text in marks

    def skip(self, mark: str) -> bool:
        if not self.at(mark):
            return False
        self.take()
        return True

    def expect(self, mark: str, opened: Token | None = None) -> Token:
        if self.at(mark):
            return self.take()
        self.fail(f"{mark} was expected{self._opened(opened)}, {self._found()} found")

    def _opened(self, opened: Token | None) -> str:
        if opened is None:
            return ""
        line = self.text.count("\n", 0, opened.start) + 1
        column = opened.start - (self.text.rfind("\n", 0, opened.start) + 1) + 1
        return f" (to close the {opened.text} of line {line}, column {column})"

    def _found(self) -> str:
        return "the end of the text was" if self.token.kind == "end" else f"{self.token.text!r} was"

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        token = token or self.token
        raise FqlSyntaxError(message, self.text, token.start, token.end)

    # -- syntax

    def script(self) -> list[_Node]:
        nodes: list[_Node] = []
        while True:
            while self.skip(";"):
                pass
            if self.token.kind == "end":
                return nodes
            nodes.append(self.expression())
            if not (self.at(";") or self.token.kind == "end" or self.token.after_newline):
                self.fail(f"a comma, an operator or the end of the query was expected, {self._found()} found")

    def expression(self) -> _Node:
        if self.token.kind == "name" and self.peek().text == "=>" and self.peek().kind == "punctuation":
            name = self.take()
            return self.arrow([name], name.start)
        if self.at("(") and self._is_arrow():
            return self.arrow_with_list()
        return self.sum()

    def _is_arrow(self) -> bool:
        """Whether the parenthesis here holds the parameters of an arrow function."""
        depth, ahead = 0, 0
        while True:
            token = self.peek(ahead)
            if token.kind == "end":
                return False
            if token.kind == "punctuation":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            ahead += 1
            if depth == 0:
                return self.peek(ahead).kind == "punctuation" and self.peek(ahead).text == "=>"

    def arrow_with_list(self) -> _Node:
        start = self.token.start
        return self.arrow(self.parameter_list(), start)

    def parameter_list(self) -> list[Token]:
        opened = self.expect("(")
        names: list[Token] = []
        while not self.at(")"):
            if self.token.kind != "name":
                self.fail(f"the name of a parameter was expected, {self._found()} found")
            names.append(self.take())
            if not self.skip(","):
                break
        self.expect(")", opened)
        if not names:
            self.fail("a lambda needs at least one parameter; name it _ if it is not used", opened)
        return names

    def arrow(self, parameters: list[Token], start: int) -> _Node:
        self.expect("=>")
        body = self.block() if self.at("{") and self._is_block() else self.expression()
        return self._function(parameters, body, start)

    def _function(self, parameters: list[Token], body: _Node, start: int) -> _Node:
        return _Node(
            "function", ([token.text for token in parameters], body), start, self.tokens[self.index - 1].end
        )

    def _is_block(self) -> bool:
        return self.peek().kind == "name" and self.peek().text == "return"

    def block(self) -> _Node:
        opened = self.expect("{")
        if not (self.token.kind == "name" and self.token.text == "return"):
            self.fail("a function body must be one return statement")
        self.take()
        body = self.expression()
        self.skip(";")
        self.expect("}", opened)
        return body

    def function(self) -> _Node:
        start = self.take().start
        if self.token.kind == "name":
            self.take()
        parameters = self.parameter_list()
        return self._function(parameters, self.block(), start)

    def sum(self) -> _Node:
        left = self.product()
        while self.at("+", "-") and not (self.token.after_newline and self.at("-")):
            operator = self.take()
            left = self.fold(left, operator, self.product())
        return left

    def product(self) -> _Node:
        left = self.unary()
        while self.at("*", "/", "%"):
            operator = self.take()
            left = self.fold(left, operator, self.unary())
        return left

    def fold(self, left: _Node, operator: Token, right: _Node) -> _Node:
        """Arithmetic between literals is done here, as JavaScript would before the driver sees anything."""
        values = (left.value, right.value)
        literals = left.kind == right.kind == "literal"
        if literals and operator.text == "+" and all(isinstance(value, str) for value in values):
            return _Node("literal", left.value + right.value, left.start, right.end)
        if not literals or not all(_is_number(value) for value in values):
            functions = {"+": "Add", "-": "Subtract", "*": "Multiply", "/": "Divide", "%": "Modulo"}
            self.fail(
                f"{operator.text} works between literals only; use {functions[operator.text]}(...)", operator
            )
        return _Node("literal", self._arithmetic(operator, *values), left.start, right.end)

    def _arithmetic(self, operator: Token, a: Any, b: Any) -> Any:
        if operator.text in "/%" and b == 0:
            self.fail("division by zero", operator)
        if operator.text == "/":
            return a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b
        if operator.text == "%":
            rest = abs(a) % abs(b)
            return -rest if a < 0 else rest
        result = {"+": a + b, "-": a - b, "*": a * b}[operator.text]
        return (
            int(result)
            if isinstance(result, float) and result.is_integer() and abs(result) < 2**63
            else result
        )

    def unary(self) -> _Node:
        if not self.at("-", "+"):
            return self.postfix()
        sign = self.take()
        operand = self.unary()
        if operand.kind != "literal" or not _is_number(operand.value):
            self.fail(f"{sign.text} works before numbers only", sign)
        value = -operand.value if sign.text == "-" else operand.value
        return _Node("literal", value, sign.start, operand.end)

    def postfix(self) -> _Node:
        """A primary expression; ``.then(...)`` and the like after a query belong to JavaScript and are left out."""
        node = self.primary()
        while self.at(".") and self.peek().text in ("then", "catch", "finally") and self.peek(2).text == "(":
            self.take()
            self.take()
            self._skip_parenthesis()
        if self.at("."):
            self.fail("a value has no members here; use Select([...], value)")
        return node

    def _skip_parenthesis(self) -> None:
        opened = self.expect("(")
        depth = 1
        while depth:
            token = self.take()
            if token.kind == "end":
                self.fail("this parenthesis is not closed", opened)
            if token.kind == "punctuation":
                depth += {"(": 1, ")": -1}.get(token.text, 0)

    def primary(self) -> _Node:
        token = self.token
        if token.kind in ("string", "number"):
            self.take()
            return _Node("literal", token.value, token.start, token.end)
        if token.kind == "name":
            return self.name()
        if self.at("["):
            return self.array()
        if self.at("{"):
            return self.object()
        if self.at("("):
            opened = self.take()
            inner = self.expression()
            self.expect(")", opened)
            return inner
        self.fail(f"an expression was expected, {self._found()} found")

    def name(self) -> _Node:
        token = self.token
        constants = {"true": True, "false": False, "null": None, "undefined": _UNDEFINED}
        if token.text in constants:
            self.take()
            return _Node("literal", constants[token.text], token.start, token.end)
        if token.text == "function":
            return self.function()
        if token.text == "await":
            self.take()
            return self.postfix()
        if token.text == "new":
            self.fail('JavaScript objects cannot be made here; write Time("...") or Date("...") for a Date')
        return self.call_or_name()

    def call_or_name(self) -> _Node:
        first = last = self.take()
        names = [first.text]
        while (
            self.at(".")
            and self.peek().kind == "name"
            and self.peek().text not in ("then", "catch", "finally")
        ):
            self.take()
            last = self.take()
            names.append(last.text)
        if self.at("("):
            return self.call(names, first, last)
        if len(names) > 1:
            self.fail(f"{'.'.join(names)} is not a call: only functions of FQL can be named with a dot", last)
        return _Node("name", first.text, first.start, first.end)

    def call(self, names: list[str], first: Token, last: Token) -> _Node:
        opened = self.expect("(")
        arguments = self.items(")", opened)
        end = self.expect(")", opened).end
        if len(names) > 1 and names[-1] in ("query", "paginate", "stream") and names[0] not in _PREFIXES:
            if names[-1] != "query" or not arguments:
                self.fail(f"{'.'.join(names)}(...) cannot be run here; write the query itself", last)
            return arguments[0]
        if any(name not in _PREFIXES for name in names[:-1]):
            self.fail(f"unknown name {'.'.join(names[:-1])}: FQL functions stand alone or behind q.", first)
        return _Node("call", (names[-1], arguments, last), first.start, end)

    def items(self, close: str, opened: Token) -> list[_Node]:
        nodes: list[_Node] = []
        while not self.at(close):
            if self.at("..."):
                self.fail("spread arguments are not supported; write them out")
            nodes.append(self.expression())
            if not self.skip(","):
                break
        if not self.at(close):
            self.fail(f", or {close} was expected{self._opened(opened)}, {self._found()} found")
        return nodes

    def array(self) -> _Node:
        opened = self.take()
        nodes = self.items("]", opened)
        return _Node("array", nodes, opened.start, self.expect("]", opened).end)

    def object(self) -> _Node:
        opened = self.take()
        pairs: list[tuple[str, _Node]] = []
        while not self.at("}"):
            pairs.append(self.pair())
            if not self.skip(","):
                break
        if not self.at("}"):
            self.fail(f", or }} was expected{self._opened(opened)}, {self._found()} found")
        return _Node("object", pairs, opened.start, self.take().end)

    def pair(self) -> tuple[str, _Node]:
        key = self.token
        if key.kind not in ("name", "string", "number"):
            self.fail(f"a key was expected, {self._found()} found")
        self.take()
        if key.kind == "name" and self.at(",", "}"):
            return key.text, _Node("name", key.text, key.start, key.end)
        self.expect(":")
        return str(key.value), self.expression()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Compiler:
    """Syntax to wire JSON, noting where each part of the JSON stands in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, tuple[int, int]] = {}
        self.scope: list[str] = []

    def compile(self, node: _Node) -> Query:
        return Query(self.place(node, ()), self.spans, self.text)

    def fail(self, message: str, node: _Node | Token) -> NoReturn:
        raise FqlSyntaxError(message, self.text, node.start, node.end)

    def place(self, node: _Node, path: Path) -> Any:
        """The wire JSON of ``node``, which stands at ``path`` in the query."""
        self.spans[path] = (node.start, node.end)
        return getattr(self, "_" + node.kind)(node, path)

    def _literal(self, node: _Node, path: Path) -> Any:
        return None if node.value is _UNDEFINED else node.value

    def _array(self, node: _Node, path: Path) -> Any:
        return [self.place(item, (*path, index)) for index, item in enumerate(node.value)]

    def _object(self, node: _Node, path: Path) -> Any:
        return {"object": self.members(node, (*path, "object"))}

    def members(self, node: _Node, path: Path) -> dict[str, Any]:
        """The members of an object literal; as in JavaScript the last of equal keys counts, undefined is left out."""
        found = {key: value for key, value in node.value if value.value is not _UNDEFINED}
        return {key: self.place(value, (*path, key)) for key, value in found.items()}

    def _name(self, node: _Node, path: Path) -> Any:
        if node.value in self.scope:
            return {"var": node.value}
        if node.value in BY_JAVASCRIPT or node.value in SPECIAL_FUNCTIONS:
            self.fail(f"{node.value} is a function: call it with {node.value}(...)", node)
        self.fail(
            f'{node.value} is not defined; a variable of the query is written Var("{node.value}")', node
        )

    def _function(self, node: _Node, path: Path) -> Any:
        names, body = node.value
        pattern = names[0] if len(names) == 1 else list(names)
        pattern_path = (*path, "lambda")
        self.spans[pattern_path] = (node.start, node.end)
        return {"lambda": pattern, "expr": self.body(names, body, (*path, "expr"))}

    def body(self, names: list[str], body: _Node, path: Path) -> Any:
        self.scope.extend(names)
        try:
            return self.place(body, path)
        finally:
            del self.scope[len(self.scope) - len(names) :]

    def _call(self, node: _Node, path: Path) -> Any:
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
        self, name: str, arguments: list[_Node], least: int, most: int | None, token: Token
    ) -> None:
        count = len(arguments)
        if count < least or (most is not None and count > most):
            expected = (
                str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            )
            plural = "" if expected == "1" else "s"
            self.fail(f"{name} takes {expected} argument{plural}, {count} given", token)

    def form(self, function: FqlFunction, arguments: list[_Node], path: Path) -> Any:
        """The wire form of a plain call."""
        wire: dict[str, Any] = {}
        rest = list(arguments)
        for parameter in function.parameters:
            self._argument(parameter, rest, wire, path)
        # the wire form begins with the key that names the function, whatever the order of the arguments
        first = function.python_parameters[0].key
        return {first: wire[first], **wire}

    def _argument(self, parameter: Parameter, rest: list[_Node], wire: dict[str, Any], path: Path) -> None:
        key = parameter.key
        if parameter.kind in ("*", "[]"):
            wire[key] = self.spread(rest, (*path, key), parameter.kind == "*")
            return
        if rest and parameter.kind != "!":
            node = rest.pop(0)
            if node.value is not _UNDEFINED or parameter.kind != "?":
                wire[key] = self.place(node, (*path, key))
        elif parameter.kind in ("=", "!"):
            wire[key] = None

    def spread(self, nodes: list[_Node], path: Path, bare: bool) -> Any:
        if bare and len(nodes) == 1:
            return self.place(nodes[0], path)
        if nodes:
            self.spans[path] = (nodes[0].start, nodes[-1].end)
        return [self.place(node, (*path, index)) for index, node in enumerate(nodes)]

    # -- calls with a shape of their own

    def _call_ref(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
        if len(arguments) == 1:
            return {"@ref": self.place(arguments[0], (*path, "@ref"))}
        wire = {
            "ref": self.place(arguments[0], (*path, "ref")),
            "id": self.place(arguments[1], (*path, "id")),
        }
        return wire

    def _call_bytes(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
        if arguments[0].kind != "literal" or not isinstance(arguments[0].value, str):
            self.fail("Bytes takes a base64 string", arguments[0])
        return {"@bytes": arguments[0].value}

    def _call_object(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
        if arguments[0].kind != "object":
            self.fail("Object takes an object literal", arguments[0])
        return self._object(arguments[0], path)

    def _call_lambda(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
        if len(arguments) == 2:
            pattern = self.place(arguments[0], (*path, "lambda"))
            return {"lambda": pattern, "expr": self.place(arguments[1], (*path, "expr"))}
        if arguments[0].kind == "function":
            return self._function(arguments[0], path)
        if arguments[0].kind == "call":
            return self.place(arguments[0], path)
        self.fail("Lambda takes a function, or parameters and a body", arguments[0])

    def _call_let(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
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

    def bindings(self, node: _Node) -> list[tuple[str, _Node]]:
        if node.kind == "object":
            return list(dict(node.value).items())
        if node.kind == "array" and all(item.kind == "object" for item in node.value):
            return [pair for item in node.value for pair in item.value]
        self.fail("Let takes its variables as an object, or as an array of objects", node)

    def _call_paginate(self, arguments: list[_Node], node: _Node, path: Path) -> Any:
        wire = {"paginate": self.place(arguments[0], (*path, "paginate"))}
        if len(arguments) == 2:
            options = arguments[1]
            if options.kind != "object":
                self.fail("the options of Paginate are an object, such as {size: 10}", options)
            wire.update(self.members(options, path))
        return wire
