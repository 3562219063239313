"""Lambdas: patterns, application, stored form, equality (evaluation rules, "Lambda values" and "Applying a lambda")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from .errors import RANK_ARGUMENT, Position, QueryError, QueryErrors
from .nodes import Env, Literal, Node, Source
from .values import Lambda

if TYPE_CHECKING:
    from .context import Context

#: Nested lambda applications allowed.
MAX_DEPTH = 200

Pattern = Union[str, list[str]]


class LambdaNode:
    """A lambda written in the query. free: the variables of its body that are bound outside of it."""

    __slots__ = ("_gets", "body", "free", "pattern", "pos", "version")

    def __init__(self, pattern: Pattern, body: Node, free: frozenset[str], version: str, pos: Position):
        self.pattern = pattern
        self.body = body
        self.free = free
        self.version = version
        self.pos = pos
        self._gets: Optional[bool] = None

    @property
    def gets_argument(self) -> bool:
        """Whether its body clearly gets the document whose ref is the argument. False when that is not certain."""
        if self._gets is None:
            self._gets = type(self.pattern) is str and self.body.gets(self.pattern)
        return self._gets

    @property
    def is_get(self) -> bool:
        """Whether all it does is to get that document."""
        return self.gets_argument and self.body.is_get

    def close(self, env: Env) -> Lambda:
        """The lambda as a value for use right now: it shares the environment."""
        return Lambda(self.pattern, self.body, self.version, env)

    def capture(self, env: Env) -> Lambda:
        """The lambda as a value that may outlive this evaluation: it copies the variables it uses."""
        captured = {name: value for name, value in env.items() if name in self.free}
        return Lambda(self.pattern, self.body, self.version, captured)

    def effect(self) -> int:
        return self.body.effect()

    def source(self) -> Source:
        return Source({"lambda": self.pattern, "expr": self.body.source()})


def body_of(ctx: Context, fn: Lambda) -> Node:
    """The parsed body. A stored lambda is parsed on first use, under the version it was written in. Raises `QueryErrors`."""
    if fn._body is None:
        fn._body = Lambda.parse(ctx, fn)
    body: Node = fn._body
    return body


def static_effect(ctx: Context, fn: Lambda) -> int:
    return body_of(ctx, fn).effect()


def _arity_error(pattern: list[str], count: int, position: Position) -> QueryErrors:
    description = f"Lambda expects an array with {len(pattern)} elements. Array contains {count}."
    return QueryErrors(
        [QueryError((position, "lambda"), "invalid argument", description, rank=RANK_ARGUMENT)]
    )


def bind(fn: Lambda, argument: Any, position: Position) -> Env:
    """The environment of the body for one argument. Raises `QueryErrors` when the pattern does not fit it."""
    pattern = fn.pattern
    if isinstance(pattern, str):
        if pattern == "_":
            return fn.env
        env = dict(fn.env)
        env[pattern] = argument
        return env
    if type(argument) is list:
        if len(argument) != len(pattern):
            raise _arity_error(pattern, len(argument), position)
        names = argument
    elif len(pattern) == 1:
        names = [argument]
    else:
        raise _arity_error(pattern, 1, position)
    env = dict(fn.env)
    for name, value in zip(pattern, names):
        if name != "_":
            env[name] = value
    return env


def apply(ctx: Context, fn: Lambda, argument: Any, position: Position) -> Any:
    """The value of fn for one argument. position: of the argument that holds fn, for errors. Raises `QueryErrors`."""
    body = fn._body or body_of(ctx, fn)
    pattern = fn.pattern
    if type(pattern) is str and pattern != "_":  # the most frequent pattern, without a call
        env = dict(fn.env)
        env[pattern] = argument
    else:
        env = bind(fn, argument, position)
    if ctx.depth >= MAX_DEPTH:
        description = f"Call stack reached the maximum limit of {MAX_DEPTH}."
        raise QueryErrors([QueryError(position, "stack overflow", description)])
    ctx.compute += 1
    if ctx.compute >= ctx.check_at:
        ctx.check()
    ctx.depth += 1
    try:
        return body.eval(ctx, env)
    finally:
        ctx.depth -= 1


def source(ctx: Optional[Context], fn: Lambda) -> Source:
    """The object inside ``@query``: api_version, lambda, expr. Captured variables become a ``let`` around the body."""
    if fn._body is None and ctx is not None:
        try:
            body_of(ctx, fn)
        except QueryErrors:
            pass  # It no longer parses; it is shown as it was stored.
    if fn._body is None:
        stored: Source = _raw(fn.stored)
        return stored
    body = fn._body.source()
    if fn.env:
        body = Source({"let": Source((k, Literal(val)) for k, val in fn.env.items()), "in": body})
    return Source({"api_version": fn.version, "lambda": fn.pattern, "expr": body})


def _raw(stored: Any) -> Any:
    if isinstance(stored, dict):
        return Source((key, _raw(value)) for key, value in stored.items())
    if isinstance(stored, list):
        return [_raw(value) for value in stored]
    return stored
