"""Reads Python-style FQL without running it: driver expressions are built from the syntax tree alone.

>>> parse('q.get(q.ref(q.collection("spells"), "1"))').wire
{'get': {'ref': {'collection': 'spells'}, 'id': '1'}}

Understood: calls of the driver's query functions, with or without ``q.`` before them, ``lambda``, literals,
``Ref``, ``SetRef``, ``FaunaTime``, ``Query``, ``Native``, dates and times of ``datetime``, and arithmetic on
numbers. Nothing else is looked up or called, so an untrusted text can do no more than a query can. Values are made
from literals only, whose size is checked first, so the memory and time it takes to read a text grow with its length
and no faster.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import io
import json
import math
import operator
import tokenize
import warnings
from typing import Any, Callable, Optional

from faunadb import objects
from faunadb import query as q
from faunadb._json import to_json
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.forms import BY_JAVASCRIPT
from faunadb.fql.javascript import Query
from faunadb.fql.javascript_lexer import MAX_DIGITS

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
#: how deep brackets may be nested, as in Python itself
_MAX_BRACKETS = 200
#: how many operators in a row, or lambdas and conditions in one statement: each may nest in the one before
_MAX_OPERATORS = 500
_NESTING_WORDS = frozenset(("lambda", "if", "else", "not", "and", "or", "await", "in", "is"))
_INT64 = 1 << 63

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
    """Read any number of expressions, one per statement.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    module = syntax(text)
    reader = _Reader(text.strip("\n "))
    return [reader.query(statement) for statement in module.body]


def syntax(text: str) -> ast.Module:
    """The syntax tree of a Python text.

    :raises FqlSyntaxError: when it is not Python, or nested too deeply for Python to read
    """
    stripped = text.strip("\n ")
    _check_words(stripped)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about doubtful escapes in strings
            return ast.parse(stripped)
    except (SyntaxError, ValueError) as fault:
        line, column = getattr(fault, "lineno", 1) or 1, getattr(fault, "offset", 1) or 1
        start = _offset(text, line, column - 1)
        raise FqlSyntaxError(getattr(fault, "msg", None) or str(fault), text, start) from None
    except (RecursionError, MemoryError):
        raise FqlSyntaxError("this is nested too deeply", text, 0) from None


def _check_words(text: str) -> None:
    """Refuse what Python's own parser should not be given: nesting that would exhaust the stack of the process, and
    numbers so long that converting them takes time."""
    brackets = words = 0
    rows = [0]
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind, word = token.type, token.string
            if kind == tokenize.NEWLINE or (word == ";" and len(rows) == 1):
                words, rows = 0, [0]
            elif kind == tokenize.NAME and word in _NESTING_WORDS:
                words += 1
            elif kind == tokenize.NUMBER and len(word) > MAX_DIGITS:
                raise FqlSyntaxError("this number is out of range", text, _offset(text, *token.start))
            elif kind == tokenize.OP and word in "([{":
                rows.append(0)
            elif kind == tokenize.OP and word in ")]}":
                rows = rows[:-1] or [0]
                rows[-1] += 1  # a call of what was called, an item of an item
            elif kind == tokenize.OP and word == ",":
                rows[-1] = 0
            elif kind == tokenize.OP:
                rows[-1] += 1
            brackets = len(rows) - 1
            if brackets > _MAX_BRACKETS or max(words, rows[-1]) > _MAX_OPERATORS:
                raise FqlSyntaxError("this is nested too deeply", text, _offset(text, *token.start))
    except (tokenize.TokenError, SyntaxError):
        return  # the parser says better what is wrong


def _offset(text: str, line: int, column: int) -> int:
    """The offset of a line (from 1) and column (from 0)."""
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
        except (RecursionError, MemoryError):
            raise FqlSyntaxError("this is nested too deeply", self.text, 0) from None
        return Query(wire, {(): self.span(statement)}, self.text)

    def span(self, node: Any) -> tuple[int, int]:
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def _place(self, line: int, column: int) -> int:
        """The offset, in characters, of a line and a column that ``ast`` counts in bytes of UTF-8."""
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
        return self.number(node.value, node)

    def number(self, value: Any, node: ast.expr) -> Any:
        """``value``, a literal or the result of arithmetic; numbers beyond 64 bits fail."""
        if type(value) is int and not -_INT64 <= value < _INT64:
            return self.fail("this number is out of range: integers have 64 bits", node)
        if type(value) is float and not math.isfinite(value):
            return self.fail("this number is out of range: doubles have 64 bits", node)
        return value

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
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            if type(node.operand.value) is int:  # the least integer has no positive counterpart
                return self.number(-node.operand.value, node)
        value = self.value(node.operand)
        if (
            not isinstance(node.op, (ast.USub, ast.UAdd))
            or isinstance(value, bool)
            or not isinstance(value, (int, float))
        ):
            return self.fail("this operator works before numbers only", node)
        return self.number(-value if isinstance(node.op, ast.USub) else value, node)

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        function = _OPERATORS.get(type(node.op))
        numbers = all(isinstance(value, (int, float)) for value in (left, right))
        strings = isinstance(left, str) and isinstance(right, str) and isinstance(node.op, ast.Add)
        if function is None or not (numbers or strings):
            return self.fail("arithmetic works between numbers only; use q.add(...) and the like", node)
        try:
            return self.number(function(left, right), node)
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
        if name == "client.query":
            return (
                self.value(node.args[0]) if len(node.args) == 1 else self.fail("one query was expected", node)
            )
        function = QUERY_FUNCTIONS.get(plain) or _VALUES.get(name)
        if plain == "bytearray" and not (len(node.args) == 1 and _is_bytes(node.args[0])):
            return self.fail("bytearray takes a literal of bytes, such as b'...', or of numbers", node)
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
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as fault:
            return self.fail(str(fault) or f"{name} cannot take this", node)


def _is_bytes(node: ast.expr) -> bool:
    """Whether bytes are written out here. ``bytearray(10**9)`` would allocate that many."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(isinstance(item, ast.Constant) and type(item.value) is int for item in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, bytes)


def _dotted(node: ast.expr) -> str:
    """A name with dots, such as ``datetime.date``; ``""`` for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
