"""The syntax of JavaScript-style FQL: tokens to a tree of calls, literals and functions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, NoReturn

from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.javascript_lexer import Token, tokenize

__all__ = ["UNDEFINED", "Node", "Parser"]

_PREFIXES = ("q", "query", "faunadb", "fauna", "fql")


class Node(NamedTuple):
    """A piece of syntax. ``kind`` says what ``value`` holds.

    ``literal`` the value; ``array`` nodes; ``object`` (key, node) pairs; ``call`` (function name, argument nodes,
    token of the name); ``function`` (parameter names, body node); ``name`` an identifier.
    """

    kind: str
    value: Any
    start: int
    end: int


#: The value of the literal ``undefined``.
UNDEFINED = object()


class Parser:
    """Recursive descent over the tokens of one text. All methods raise :class:`FqlSyntaxError`."""

    def __init__(self, text: str, exact: bool = False) -> None:
        self.text = text
        self.tokens = tokenize(text, exact)
        self.index = 0

    # -- tokens

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

    def script(self) -> list[Node]:
        """The expressions of the text, separated by semicolons or line breaks."""
        nodes: list[Node] = []
        while True:
            while self.skip(";"):
                pass
            if self.token.kind == "end":
                return nodes
            nodes.append(self.expression())
            if not (self.at(";") or self.token.kind == "end" or self.token.after_newline):
                self.fail(f"a comma, an operator or the end of the query was expected, {self._found()} found")

    def expression(self) -> Node:
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

    def arrow_with_list(self) -> Node:
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

    def arrow(self, parameters: list[Token], start: int) -> Node:
        self.expect("=>")
        body = self.block() if self.at("{") and self._is_block() else self.expression()
        return self._function(parameters, body, start)

    def _function(self, parameters: list[Token], body: Node, start: int) -> Node:
        return Node(
            "function", ([token.text for token in parameters], body), start, self.tokens[self.index - 1].end
        )

    def _is_block(self) -> bool:
        return self.peek().kind == "name" and self.peek().text == "return"

    def block(self) -> Node:
        opened = self.expect("{")
        if not (self.token.kind == "name" and self.token.text == "return"):
            self.fail("a function body must be one return statement")
        self.take()
        body = self.expression()
        self.skip(";")
        self.expect("}", opened)
        return body

    def function(self) -> Node:
        start = self.take().start
        if self.token.kind == "name":
            self.take()
        parameters = self.parameter_list()
        return self._function(parameters, self.block(), start)

    def sum(self) -> Node:
        left = self.product()
        while self.at("+", "-") and not (self.token.after_newline and self.at("-")):
            operator = self.take()
            left = self.fold(left, operator, self.product())
        return left

    def product(self) -> Node:
        left = self.unary()
        while self.at("*", "/", "%"):
            operator = self.take()
            left = self.fold(left, operator, self.unary())
        return left

    def fold(self, left: Node, operator: Token, right: Node) -> Node:
        """Arithmetic between literals is done here, as JavaScript would before the driver sees anything."""
        values = (left.value, right.value)
        literals = left.kind == right.kind == "literal"
        if literals and operator.text == "+" and all(isinstance(value, str) for value in values):
            return Node("literal", left.value + right.value, left.start, right.end)
        if not literals or not all(_is_number(value) for value in values):
            functions = {"+": "Add", "-": "Subtract", "*": "Multiply", "/": "Divide", "%": "Modulo"}
            self.fail(
                f"{operator.text} works between literals only; use {functions[operator.text]}(...)", operator
            )
        try:
            value = self._arithmetic(operator, *values)
        except OverflowError:
            value = math.inf
        if not abs(value) < (2**63 if type(value) is int else math.inf):
            self.fail("the result is out of range", operator)
        return Node("literal", value, left.start, right.end)

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

    def unary(self) -> Node:
        if not self.at("-", "+"):
            return self.postfix()
        sign = self.take()
        operand = self.unary()
        if operand.kind != "literal" or not _is_number(operand.value):
            self.fail(f"{sign.text} works before numbers only", sign)
        value = -operand.value if sign.text == "-" else operand.value
        return Node("literal", value, sign.start, operand.end)

    def postfix(self) -> Node:
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

    def primary(self) -> Node:
        token = self.token
        if token.kind in ("string", "number"):
            self.take()
            return Node("literal", token.value, token.start, token.end)
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

    def name(self) -> Node:
        token = self.token
        constants = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
        if token.text in constants:
            self.take()
            return Node("literal", constants[token.text], token.start, token.end)
        if token.text == "function":
            return self.function()
        if token.text == "await":
            self.take()
            return self.postfix()
        if token.text == "new":
            self.fail('JavaScript objects cannot be made here; write Time("...") or Date("...") for a Date')
        return self.call_or_name()

    def call_or_name(self) -> Node:
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
        return Node("name", first.text, first.start, first.end)

    def call(self, names: list[str], first: Token, last: Token) -> Node:
        opened = self.expect("(")
        arguments = self.items(")", opened)
        end = self.expect(")", opened).end
        if len(names) > 1 and names[-1] in ("query", "paginate", "stream") and names[0] not in _PREFIXES:
            if names[-1] != "query" or not arguments:
                self.fail(f"{'.'.join(names)}(...) cannot be run here; write the query itself", last)
            return arguments[0]
        if any(name not in _PREFIXES for name in names[:-1]):
            self.fail(f"unknown name {'.'.join(names[:-1])}: FQL functions stand alone or behind q.", first)
        return Node("call", (names[-1], arguments, last), first.start, end)

    def items(self, close: str, opened: Token) -> list[Node]:
        nodes: list[Node] = []
        while not self.at(close):
            if self.at("..."):
                self.fail("spread arguments are not supported; write them out")
            nodes.append(self.expression())
            if not self.skip(","):
                break
        if not self.at(close):
            self.fail(f", or {close} was expected{self._opened(opened)}, {self._found()} found")
        return nodes

    def array(self) -> Node:
        opened = self.take()
        nodes = self.items("]", opened)
        return Node("array", nodes, opened.start, self.expect("]", opened).end)

    def object(self) -> Node:
        opened = self.take()
        pairs: list[tuple[str, Node]] = []
        while not self.at("}"):
            pairs.append(self.pair())
            if not self.skip(","):
                break
        if not self.at("}"):
            self.fail(f", or }} was expected{self._opened(opened)}, {self._found()} found")
        return Node("object", pairs, opened.start, self.take().end)

    def pair(self) -> tuple[str, Node]:
        key = self.token
        if key.kind not in ("name", "string", "number"):
            self.fail(f"a key was expected, {self._found()} found")
        self.take()
        if key.kind == "name" and self.at(",", "}"):
            return key.text, Node("name", key.text, key.start, key.end)
        self.expect(":")
        return str(key.value), self.expression()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
