"""The special forms that are lazy or bind names (evaluation rules, "Special forms and callbacks")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import casts
from . import values as v
from .errors import (
    VALIDATION_FAILED,
    Fault,
    Position,
    QueryError,
    QueryErrors,
    not_found,
    parse_error,
    permission_denied,
    type_expected,
    undefined_name,
    undefined_ref,
    wrong_type,
)
from .held import WORTH, settle
from .lambdas import LambdaNode, apply
from .nodes import Env, Node, Source, backwards, cast_value, fail, strongest
from .parser import Hidden, Names, Parser
from .registry import CALL, PURE, Arg, Form, special

if TYPE_CHECKING:
    from .context import Context


def charge(ctx: Context) -> None:
    """Charge one compute unit for a form."""
    ctx.compute += 1
    if ctx.compute >= ctx.check_at:
        ctx.check()


# at


class AtNode(Node):
    __slots__ = ("expr", "time")

    def __init__(self, time: Node, expr: Node, pos: Position):
        self.time = time
        self.expr = expr
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        time = cast_value(ctx, casts.VALID_TIME, self.time.eval(ctx, env), (self.pos, "at"))
        saved = ctx.at
        if time is v.PENDING or time == ctx.time:
            ctx.at = None
        elif time < ctx.time:
            ctx.at = time
        try:
            return self.expr.eval(ctx, env)
        finally:
            ctx.at = saved

    def effect(self) -> int:
        return strongest(self.time, self.expr)

    def source(self) -> Any:
        return Source(at=self.time.source(), expr=self.expr.source())


@special(Arg("at", casts.VALID_TIME), Arg("expr"))
def at(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Evaluate an expression with reads as of a time (a Time, or microseconds since 1970).

    The snapshot time itself means the present; a later time has no effect.

    >>> q.at(q.now(), q.add(1, 2))
    3
    """
    return AtNode(
        parser.parse(source["at"], (pos, "at"), names),
        parser.parse(source["expr"], (pos, "expr"), names),
        pos,
    )


# var, let

#: Copying more variables than this is charged for.
_MANY = 64


@special(Arg("var", casts.STRING))
def var(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """The value of a variable bound by let or a lambda.

    >>> q.let({"x": 1}, q.var("x"))
    1
    """
    name = source["var"]
    if type(name) is not str:
        raise type_expected("String", name, (pos, "var"))
    return parser.variable(name, pos, names)


class LetNode(Node):
    __slots__ = ("bindings", "body")

    def __init__(self, bindings: list[tuple[str, Node]], body: Node, pos: Position):
        self.bindings = bindings
        self.body = body
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        if len(env) > _MANY:
            ctx.allocate(8 * len(env))
        before = ctx.made
        inner = dict(env)
        for name, node in self.bindings:
            value = node.eval(ctx, inner)
            inner[name] = value
        value = self.body.eval(ctx, inner)
        if ctx.made - before > WORTH:
            settle(ctx, before, value)
        return value

    def gets(self, name: str) -> bool:
        for bound, node in self.bindings:
            if node.gets(name):
                return True
            if bound == name:
                return False
        return self.body.gets(name)

    def effect(self) -> int:
        return strongest(self.body, *(node for _, node in self.bindings))

    def source(self) -> Any:
        names = [name for name, _ in self.bindings]
        if len(set(names)) < len(names):  # a name bound twice needs the array form
            bindings: Any = [Source({name: node.source()}) for name, node in self.bindings]
        else:
            bindings = Source((name, node.source()) for name, node in self.bindings)
            if any(name.startswith("@") for name in names):
                bindings = Source({"@obj": bindings})
        return Source({"let": bindings, "in": self.body.source()})


def _let_bindings(
    parser: Parser, source: Any, pos: Position
) -> Sequence[Union[tuple[str, Any, Position], QueryErrors]]:
    """(name, expression, position) of each binding."""
    members, is_object = parser.fields(source, "let", pos)
    inner = (pos, "let")
    if is_object:
        return [(name, item, (inner, name)) for name, item in members.items()]
    if type(source) is not list:
        raise type_expected("Array", source, inner)
    return [_let_element(item, (inner, index)) for index, item in enumerate(source)]


def _let_element(item: Any, pos: Position) -> Union[tuple[str, Any, Position], QueryErrors]:
    """One binding of the array form. When it is not an object with exactly one key, its error: the caller gathers these."""
    if type(item) is not dict or len(item) != 1:
        return type_expected("Object", item, pos)
    ((name, value),) = item.items()
    return name, value, (pos, name)


@special(Arg("let"), Arg("in"))
def let(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Bind names one after the other, each seeing those before it, and evaluate ``in``.

    >>> q.let({"x": 1, "y": q.add(q.var("x"), 1)}, [q.var("x"), q.var("y")])
    [1, 2]
    """
    errors: list[QueryError] = []
    bindings: list[tuple[str, Node]] = []
    sources: Sequence[Union[tuple[str, Any, Position], QueryErrors]] = []
    try:
        sources = _let_bindings(parser, source["let"], pos)
    except QueryErrors as failure:
        errors.extend(failure.errors)
    hidden: list[Hidden] = []
    for found in sources:
        if isinstance(found, QueryErrors):
            errors.extend(found.errors)
            continue
        name, item, position = found
        try:
            bindings.append((name, parser.parse(item, position, names)))
        except QueryErrors as failure:
            errors.extend(failure.errors)
        hidden.append(parser.bind(names, name))
    try:
        body = parser.parse(source["in"], (pos, "in"), names)
    except QueryErrors as failure:
        errors.extend(failure.errors)
    finally:
        parser.unbind(names, hidden)
    if errors:
        raise QueryErrors(errors)
    return LetNode(bindings, body, pos)


# if, do, and, or


class IfNode(Node):
    __slots__ = ("condition", "otherwise", "then")

    def __init__(self, condition: Node, then: Node, otherwise: Node, pos: Position):
        self.condition = condition
        self.then = then
        self.otherwise = otherwise
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        chosen = self.condition.eval(ctx, env)
        if type(chosen) is not bool:
            raise fail(wrong_type("Boolean", chosen, "if"), self.pos)
        return (self.then if chosen else self.otherwise).eval(ctx, env)

    def effect(self) -> int:
        return strongest(self.condition, self.then, self.otherwise)

    def source(self) -> Any:
        return Source(
            {"if": self.condition.source(), "then": self.then.source(), "else": self.otherwise.source()}
        )


@special(Arg("if", casts.BOOLEAN), Arg("then"), Arg("else"))
def if_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Evaluate one of two branches.

    >>> q.if_(q.lt(1, 2), "less", "more")
    'less'
    """
    parts = [parser.parse(source[key], (pos, key), names) for key in ("if", "then", "else")]
    return IfNode(parts[0], parts[1], parts[2], pos)


class DoNode(Node):
    __slots__ = ("steps",)

    def __init__(self, steps: list[Node], pos: Position):
        self.steps = steps
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        value = None
        for index, step in enumerate(self.steps):
            try:
                value = step.eval(ctx, env)
            except QueryErrors as failure:
                if any(error.code == VALIDATION_FAILED for error in failure.errors):
                    self._evaluate_rest(ctx, env, index + 1)
                raise
        return value

    def _evaluate_rest(self, ctx: Context, env: Env, start: int) -> None:
        """Evaluate the steps after a write whose fields are not valid.

        Fauna checks fields only when everything has been evaluated. So a `RequestError` in a later step, which ends the
        whole query, comes before the validation error; the other errors of later steps do not show.
        """
        try:
            for step in self.steps[start:]:
                step.eval(ctx, env)
        except QueryErrors:
            pass

    def effect(self) -> int:
        return strongest(*self.steps)

    def source(self) -> Any:
        return Source(do=[step.source() for step in self.steps])


def _steps(parser: Parser, key: str, source: list[Any], pos: Position, names: Names) -> list[Node]:
    inner = (pos, key)
    if not source:
        raise parse_error("Expression list cannot be empty.", inner)
    return [parser.parse(item, (inner, index), names) for index, item in enumerate(source)]


@special(Arg("do"))
def do(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Evaluate expressions in order; the value is the last one's. Later ones see earlier writes.

    >>> q.do(1, 2, 3)
    3
    """
    if type(source["do"]) is not list:
        raise type_expected("Array", source["do"], (pos, "do"))
    return DoNode(_steps(parser, "do", source["do"], pos, names), pos)


class LogicNode(Node):
    """``and``, ``or``: left to right, stopping at the first operand that decides."""

    __slots__ = ("decides", "key", "operands")

    def __init__(self, key: str, operands: list[Node], pos: Position):
        self.key = key
        self.decides = key == "or"
        self.operands = operands
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        for index, operand in enumerate(self.operands):
            value = operand.eval(ctx, env)
            if type(value) is not bool:
                raise fail(wrong_type("Boolean", value, (self.key, index)), self.pos)
            if value is self.decides:
                return value
        return not self.decides

    def effect(self) -> int:
        return strongest(*self.operands)

    def source(self) -> Any:
        return Source({self.key: [operand.source() for operand in self.operands]})


def _logic(parser: Parser, key: str, source: Any, pos: Position, names: Names) -> Node:
    if type(source[key]) is list:
        return LogicNode(key, _steps(parser, key, source[key], pos, names), pos)
    return LogicNode(key, [parser.parse(source[key], (pos, key), names)], pos)


@special(Arg("and"), since="3")
def and_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """True when every operand is; stops at the first false.

    >>> q.and_(True, q.lt(1, 2))
    True
    """
    return _logic(parser, "and", source, pos, names)


@special(Arg("or"), since="3")
def or_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """True when any operand is; stops at the first true.

    >>> q.or_(False, q.lt(1, 2))
    True
    """
    return _logic(parser, "or", source, pos, names)


# quote, object, query


@special(Arg("quote"))
def quote(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Data taken literally, nothing in it evaluated. Not in the Python driver's functions."""
    return parser.quote(source["quote"], pos)


@special(Arg("object"))
def object_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """An object whose members are expressions; a Python dict is sent as one.

    >>> {"sum": q.add(1, 2)}
    {'sum': 3}
    """
    return parser.object(source["object"], pos, names)


class QueryNode(Node):
    __slots__ = ("fn",)

    def __init__(self, fn: LambdaNode, pos: Position):
        self.fn = fn
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        charge(ctx)
        return self.fn.capture(env)

    def effect(self) -> int:
        return PURE

    def source(self) -> Any:
        return Source(query=self.fn.source())


@special(Arg("query"), effect=PURE)
def query(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """A lambda as a value, for function bodies, role predicates and index bindings.

    >>> q.is_lambda(q.query(lambda x: q.add(x, 1)))
    True
    """
    return QueryNode(parser.lambda_argument(source["query"], (pos, "query"), names), pos)


# call


class CallNode(Node):
    __slots__ = ("arguments", "target")

    def __init__(self, target: Node, arguments: Optional[Node], pos: Position):
        self.target = target
        self.arguments = arguments
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        target, argument = backwards(
            lambda: self._target(ctx, env),
            lambda: [] if self.arguments is None else self.arguments.eval(ctx, env),
        )
        try:
            function = self._find(ctx, target)
            if not ctx.perms.can_call(ctx, function.ref, argument):
                raise permission_denied()
        except Fault as fault:
            raise fail(fault, self.pos) from None
        return self._run(ctx, function, argument)

    def _target(self, ctx: Context, env: Env) -> Any:
        target = self.target.eval(ctx, env)
        if type(target) is v.UnresolvedRef:
            return target  # it fails after the arguments are evaluated, as an unknown name does
        return cast_value(ctx, casts.NAME_OR_FUNCTION, target, (self.pos, "call"))

    @staticmethod
    def _find(ctx: Context, target: Any) -> Any:
        if type(target) is v.UnresolvedRef:
            raise undefined_ref(target, "call")
        if type(target) is str:
            ref = ctx.schema.lookup(ctx.scope, v.FUNCTIONS, target)
            if ref is None:
                raise undefined_name("function", target, "call")
        else:
            ref = target
        function = ctx.schema.function(ref)
        if function is None:
            raise not_found("Function", "call")
        return function

    def _run(self, ctx: Context, function: Any, argument: Any) -> Any:
        perms = ctx.perms
        scope = ctx.scope
        try:
            # A child database's function runs in that database, with its names and roles.
            ctx.scope = function.ref.scope
            if function.role is not None:
                ctx.perms = ctx.auth.inside_function(ctx, function.role)
            return apply(ctx, function.body, argument, self.pos)
        except QueryErrors as failure:
            errors = failure.errors
            if len(errors) == 1 and errors[0].code == "stack overflow":
                raise
            description = "Calling the function resulted in an error."
            raise QueryErrors([QueryError(self.pos, "call error", description, cause=errors)]) from None
        finally:
            ctx.perms = perms
            ctx.scope = scope

    def effect(self) -> int:
        return CALL

    def source(self) -> Any:
        result = Source(call=self.target.source())
        if self.arguments is not None:
            result["arguments"] = self.arguments.source()
        return result


@special(Arg("call", casts.NAME_OR_FUNCTION), optional=(Arg("arguments"),))
def call(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Call a user-defined function by name or ref. Several arguments arrive as one array.

    Any error in its body is a ``call error`` with that error as ``cause``.
    """
    target = parser.parse(source["call"], (pos, "call"), names)
    arguments = None
    if "arguments" in source:
        arguments = parser.parse(source["arguments"], (pos, "arguments"), names)
    return CallNode(target, arguments, pos)
