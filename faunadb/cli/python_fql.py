"""Python-style FQL without running Python: driver expressions read from a text by their syntax alone.

>>> parse('q.get(q.ref(q.collection("spells"), "1"))').wire
{'get': {'ref': {'collection': 'spells'}, 'id': '1'}}

Understood are calls of the driver's query functions, with or without ``q.`` before them, ``lambda``, literals,
``Ref``, ``SetRef``, ``FaunaTime``, ``Query``, ``Native``, dates and times of ``datetime``, and arithmetic on
numbers. Nothing else is looked up or called, so a text from elsewhere can do no more than a query can.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import json
import operator
import warnings
from typing import Any, Callable, Optional

from faunadb import objects
from faunadb import query as q
from faunadb._json import to_json
from faunadb.cli.errors import FqlSyntaxError
from faunadb.cli.forms import BY_JAVASCRIPT
from faunadb.cli.javascript import Query

__all__ = ["QUERY_FUNCTIONS", "parse", "parse_script"]

#: every function of ``faunadb.query`` by its name
QUERY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: value
    for name, value in vars(q).items()
    if callable(value)
    and not name.startswith("_")
    and getattr(value, "__module__", "") == q.__name__
    and not isinstance(value, type)
}
_VALUES: dict[str, Any] = {
    "Ref": objects.Ref,
    "SetRef": objects.SetRef,
    "FaunaTime": objects.FaunaTime,
    "Query": objects.Query,
    "bytearray": bytearray,
    "datetime.datetime": datetime.datetime,
    "datetime.date": datetime.date,
    "datetime.timezone": datetime.timezone,
    "datetime.timedelta": datetime.timedelta,
}
_CONSTANTS: dict[str, Any] = {"datetime.timezone.utc": datetime.timezone.utc}
_CONSTANTS.update((f"Native.{name}", value) for name, value in vars(objects.Native).items() if name.isupper())
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def parse(text: str) -> Query:
    """Read one expression.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    queries = parse_script(text)
    if len(queries) != 1:
        reason = "there is no query here" if not queries else "one expression was expected"
        raise FqlSyntaxError(reason, text, 0)
    return queries[0]


def parse_script(text: str) -> list[Query]:
    """Read any number of expressions, a statement each.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    try:
        module = ast.parse(text.strip("\n "))
    except (SyntaxError, ValueError) as fault:
        line, column = getattr(fault, "lineno", 1) or 1, getattr(fault, "offset", 1) or 1
        start = _offset(text, line, column - 1)
        raise FqlSyntaxError(getattr(fault, "msg", None) or str(fault), text, start) from None
    except RecursionError:
        raise FqlSyntaxError("this is nested too deeply", text, 0) from None
    text = text.strip("\n ")
    reader = _Reader(text)
    return [reader.query(statement) for statement in module.body]


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(previous) + 1 for previous in lines[: line - 1]) + max(column, 0)


class _Reader:
    """Builds driver expressions from syntax."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.scope: list[str] = []

    def query(self, statement: ast.stmt) -> Query:
        if not isinstance(statement, ast.Expr):
            start, end = self.span(statement)
            raise FqlSyntaxError(
                "an expression was expected, not a statement of Python", self.text, start, end
            )
        try:
            wire = json.loads(to_json(q._wrap(self.value(statement.value))))
        except RecursionError:
            raise FqlSyntaxError("this is nested too deeply", self.text, 0) from None
        return Query(wire, {(): self.span(statement)}, self.text)

    def span(self, node: Any) -> tuple[int, int]:
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def _place(self, line: int, column: int) -> int:
        """The offset in characters of a place that Python gives in bytes of UTF-8."""
        before = self.lines[line - 1].encode("utf-8")[:column].decode("utf-8", "ignore")
        return sum(len(previous) + 1 for previous in self.lines[: line - 1]) + len(before)

    def fail(self, message: str, node: Any) -> Any:
        start, end = self.span(node)
        raise FqlSyntaxError(message, self.text, start, end)

    def value(self, node: ast.expr) -> Any:
        handler = getattr(self, "_" + type(node).__name__.lower(), None)
        if handler is None:
            return self.fail("this is no part of a query", node)
        return handler(node)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, (complex, type(...))):
            return self.fail("this is no value of a query", node)
        return node.value

    def _list(self, node: Any) -> Any:
        return [self.value(item) for item in node.elts]

    _tuple = _list

    def _dict(self, node: ast.Dict) -> Any:
        if any(key is None for key in node.keys):
            return self.fail("** is not understood here", node)
        return {
            self.value(key): self.value(value)
            for key, value in zip(node.keys, node.values)
            if key is not None
        }

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if (
            not isinstance(node.op, (ast.USub, ast.UAdd))
            or isinstance(value, bool)
            or not isinstance(value, (int, float))
        ):
            return self.fail("this operator works before numbers only", node)
        return -value if isinstance(node.op, ast.USub) else value

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        function = _OPERATORS.get(type(node.op))
        numbers = all(isinstance(value, (int, float)) for value in (left, right))
        strings = isinstance(left, str) and isinstance(right, str) and isinstance(node.op, ast.Add)
        if function is None or not (numbers or strings):
            return self.fail("arithmetic works between numbers only; use q.add(...) and the like", node)
        try:
            return function(left, right)
        except ArithmeticError as fault:
            return self.fail(str(fault), node)

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.scope:
            return q.var(node.id)
        hint = "a function: call it" if node.id in QUERY_FUNCTIONS else "not defined"
        return self.fail(f"{node.id} is {hint}", node)

    def _attribute(self, node: ast.Attribute) -> Any:
        name = _dotted(node)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        return self.fail(f"{name or 'this'} is not defined", node)

    def _lambda(self, node: ast.Lambda) -> Any:
        arguments = node.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults or not names:
            return self.fail("a lambda takes plain parameters, one at least", node)
        self.scope += names
        try:
            body = self.value(node.body)
        finally:
            del self.scope[len(self.scope) - len(names) :]
        return q.lambda_(names[0] if len(names) == 1 else names, body)

    def _call(self, node: ast.Call) -> Any:
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "in_"
            and isinstance(node.func.value, ast.Call)
        ):
            # q.let(x=1).in_(...)
            bindings = self._call(node.func.value)
            return self._apply(getattr(bindings, "in_", None), "in_", node)
        name = _dotted(node.func)
        plain = name.split(".")[-1] if name.split(".")[0] in ("q", "query") or "." not in name else name
        if name in ("client.query",):
            return (
                self.value(node.args[0]) if len(node.args) == 1 else self.fail("one query was expected", node)
            )
        function = QUERY_FUNCTIONS.get(plain) or _VALUES.get(name)
        if function is None:
            close = difflib.get_close_matches(plain, [*QUERY_FUNCTIONS, *BY_JAVASCRIPT], 1, 0.7)
            hint = f"; did you mean {close[0]}?" if close else ""
            return self.fail(f"there is no query function {name or 'here'}{hint}", node.func)
        return self._apply(function, plain, node)

    def _apply(self, function: Optional[Callable[..., Any]], name: str, node: ast.Call) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or function is None:
            return self.fail("spread arguments are not understood here", node)
        arguments = [self.value(argument) for argument in node.args]
        if name == "lambda_query" and len(arguments) == 1 and isinstance(node.args[0], ast.Lambda):
            return arguments[0]
        named = {keyword.arg or "": self.value(keyword.value) for keyword in node.keywords}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                return function(*arguments, **named)
        except (TypeError, ValueError) as fault:
            return self.fail(str(fault), node)


def _dotted(node: ast.expr) -> str:
    """The text of a name with dots, ``""`` for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
