"""The special forms: lazy, binding, or taking a lambda (evaluation rules, "Special forms and callbacks")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import casts
from . import values as v
from .errors import (
    RANK_PARSE,
    Fault,
    Faults,
    Position,
    QueryError,
    QueryErrors,
    invalid_argument,
    not_found,
    undefined_name,
    undefined_ref,
    wrong_type,
)
from .lambdas import LambdaNode, apply, static_effect
from .literals import parse_error, type_expected
from .nodes import (
    ERROR_SIZE,
    Const,
    Env,
    FormNode,
    Node,
    Source,
    cast_value,
    check_effect,
    fail,
    located,
    strongest,
)
from .paths import NOT_FOUND, walk, walk_all
from .registry import CALL, PURE, READ, WRITE, Arg, Form, special

if TYPE_CHECKING:
    from ..context import Context
    from .parser import Hidden, Names, Parser


def charge(ctx: Context) -> None:
    """One compute unit for a form."""
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

#: Variables from which on it takes time to copy them.
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
        inner = dict(env)
        for name, node in self.bindings:
            value = node.eval(ctx, inner)
            inner[name] = value
        return self.body.eval(ctx, inner)

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
    """One binding of the array form; its error, to be gathered, when it is not an object with exactly one key."""
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
        for step in self.steps:
            value = step.eval(ctx, env)
        return value

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
        argument: Any = []
        failure: Optional[QueryErrors] = None
        if self.arguments is not None:
            try:
                argument = self.arguments.eval(ctx, env)
            except QueryErrors as error:
                failure = error
        target = cast_value(ctx, casts.NAME_OR_FUNCTION, self.target.eval(ctx, env), (self.pos, "call"))
        if failure is not None:
            raise failure
        try:
            function = self._find(ctx, target)
            if not ctx.perms.can_call(ctx, function.ref, argument):
                from .errors import permission_denied

                raise permission_denied()
        except Fault as fault:
            raise fail(fault, self.pos) from None
        return self._run(ctx, function, argument)

    @staticmethod
    def _find(ctx: Context, target: Any) -> Any:
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
            # One of a child database is at home there, with its names and roles.
            ctx.scope = function.ref.scope
            if function.role is not None:
                from ..auth import permissions_for_function_role

                ctx.perms = permissions_for_function_role(ctx, function.role)
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


# select


class SelectNode(Node):
    """``select``, and its kin that always give an array (every)."""

    __slots__ = ("all", "container", "default", "form", "path")

    def __init__(self, form: Form, parts: dict[str, Node], pos: Position):
        self.form = form
        self.path = parts[form.name]
        self.container = parts["from"]
        self.all = parts.get("all")
        self.default = parts.get("default")
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        steps, container, every = self._arguments(ctx, env)
        if type(container) is v.UnresolvedRef:
            raise fail(undefined_ref(container, "from"), self.pos)
        if every:
            return walk_all(ctx, container, steps)
        found = walk(ctx, container, steps)
        if found is not NOT_FOUND:
            return found
        if self.default is not None:
            return self.default.eval(ctx, env)
        path = ",".join(map(str, steps))
        raise fail(
            Fault("value not found", f"Value not found at path [{path}].", "from", status=404), self.pos
        )

    def _arguments(self, ctx: Context, env: Env) -> tuple[list[Any], Any, bool]:
        steps = self.path.eval(ctx, env)
        container = self.container.eval(ctx, env)
        every: Any = self.form.name != "select"
        if self.all is not None:
            every = self.all.eval(ctx, env)
        steps = cast_value(ctx, casts.PATH, steps, (self.pos, self.form.name))
        if type(every) is not bool:
            raise fail(wrong_type("Boolean", every, "all"), self.pos)
        return steps, container, every

    def effect(self) -> int:
        return strongest(*(node for node in (self.path, self.container, self.all, self.default) if node))

    def source(self) -> Any:
        result = Source({self.form.name: self.path.source(), "from": self.container.source()})
        for key, node in (("all", self.all), ("default", self.default)):
            if node is not None:
                result[key] = node.source()
        return result


class EagerDefault(SelectNode):
    """``select`` as it was before version 3: the default is evaluated whether needed or not."""

    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        if self.default is not None:
            self.default.eval(ctx, env)
        return super().eval(ctx, env)


def _select_parts(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> dict[str, Node]:
    return {
        arg.key: parser.parse(source[arg.key], (pos, arg.key), names)
        for arg in form.args
        if arg.key in source
    }


def _select(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    return SelectNode(form, _select_parts(parser, form, source, pos, names), pos)


@special(
    Arg("select", casts.PATH), Arg("from"), optional=(Arg("all", casts.BOOLEAN), Arg("default")), since="3"
)
def select(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """The value at a path of keys and indexes. Absent: ``default`` (evaluated only then) or ``value not found``.

    >>> q.select(["a", 1], {"a": [10, 20]})
    20
    """
    return _select(parser, form, source, pos, names)


@special(Arg("select_all", casts.PATH), Arg("from"), optional=(Arg("default"),), until="2.12")
@special(Arg("select_as_index", casts.PATH), Arg("from"), optional=(Arg("default"),), until="2.12")
@special(
    Arg("select", casts.PATH),
    Arg("from"),
    optional=(Arg("all", casts.BOOLEAN), Arg("default")),
    until="2.12",
)
def select_eager(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """select and its kin in lambdas written before version 3: the default is evaluated always."""
    return EagerDefault(form, _select_parts(parser, form, source, pos, names), pos)


@special(Arg("select_all", casts.PATH), Arg("from"), optional=(Arg("default"),), since="3")
def select_all(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Every value at a path, going through arrays; always an array.

    >>> q.select_all("a", [{"a": 1}, {"b": 2}, {"a": [3, 4]}])
    [1, 3, 4]
    """
    return _select(parser, form, source, pos, names)


@special(Arg("select_as_index", casts.PATH), Arg("from"), optional=(Arg("default"),), since="3")
def select_as_index(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Synonym of select_all. Not in the Python driver's functions."""
    return _select(parser, form, source, pos, names)


# map, foreach, filter, reduce, merge


class CallbackNode(Node):
    """Base of the forms that apply a lambda to each element of a collection."""

    __slots__ = ("collection", "fn", "key")

    own_effect = PURE

    def __init__(self, key: str, fn: LambdaNode, collection: Node, pos: Position):
        self.key = key
        self.fn = fn
        self.collection = collection
        self.pos = pos

    def input(self, ctx: Context, env: Env) -> Any:
        charge(ctx)
        value = self.collection.eval(ctx, env)
        return cast_value(ctx, casts.ITERABLE, value, (self.pos, "collection"))

    def effect(self) -> int:
        return max(self.own_effect, self.collection.effect(), self.fn.effect())

    def source(self) -> Any:
        return Source({self.key: self.fn.source(), "collection": self.collection.source()})

    def refuse_set(self, collection: Any) -> None:
        if isinstance(collection, v.SetValue):
            raise fail(wrong_type(("Array", "Page"), collection, "collection"), self.pos)


class MapNode(CallbackNode):
    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        collection = self.input(ctx, env)
        self.refuse_set(collection)
        fn = self.fn.close(env)
        position = (self.pos, self.key)
        if type(collection) is v.Page:
            ctx.check_width(len(collection.data))
            return collection.with_data([apply(ctx, fn, item, position) for item in collection.data])
        ctx.check_width(len(collection))
        return [apply(ctx, fn, item, position) for item in collection]


class ForeachNode(CallbackNode):
    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        collection = self.input(ctx, env)
        self.refuse_set(collection)
        fn = self.fn.close(env)
        position = (self.pos, self.key)
        ctx.check_width(len(collection.data if type(collection) is v.Page else collection))
        for item in collection.data if type(collection) is v.Page else collection:
            apply(ctx, fn, item, position)
        return collection


class FilterNode(CallbackNode):
    """filter: eager on arrays and pages, a lazy set on sets."""

    __slots__ = ("value",)

    def __init__(
        self, fn: Optional[LambdaNode], collection: Node, pos: Position, value: Optional[v.Lambda] = None
    ):
        super().__init__("filter", fn, collection, pos)  # type: ignore[arg-type]
        self.value = value

    @classmethod
    def of_value(cls, collection: Node, fn: v.Lambda, pos: Position) -> FilterNode:
        """A filter whose lambda is a value already (set literals): only sets can be filtered by it."""
        return cls(None, collection, pos, fn)

    def eval(self, ctx: Context, env: Env) -> Any:
        if self.value is not None:
            collection = cast_value(ctx, casts.SET, self.collection.eval(ctx, env), (self.pos, "collection"))
            return self._set(ctx, collection, self.value)
        collection = self.input(ctx, env)
        if isinstance(collection, v.SetValue):
            return self._set(ctx, collection, self.fn.capture(env))
        return self._eager(ctx, env, collection)

    def _set(self, ctx: Context, collection: v.SetValue, fn: v.Lambda) -> v.SetValue:
        if static_effect(ctx, fn) >= WRITE:
            text = "Invalid lambda. Lambda in this context may not write or call a user function."
            raise fail(invalid_argument(text, "filter"), self.pos)
        from ..sets import Filter

        return Filter(collection, fn, (self.pos, "filter"))  # type: ignore[arg-type]

    def _eager(self, ctx: Context, env: Env, collection: Any) -> Any:
        page = collection if type(collection) is v.Page else None
        items = page.data if page else collection
        ctx.check_width(len(items))
        fn = self.fn.close(env)
        position = (self.pos, "filter")
        kept: list[int] = []
        errors: list[QueryError] = []
        for index, item in enumerate(items):
            try:
                result = apply(ctx, fn, item, position)
            except QueryErrors as failure:
                ctx.allocate(ERROR_SIZE * len(failure.errors))
                errors.extend(failure.errors)
                continue
            if type(result) is not bool:
                errors.append(wrong_type("Boolean", result, index).located(self.pos))
            elif result:
                kept.append(index)
        if errors:
            raise QueryErrors(errors)
        data = [items[index] for index in kept]
        if page is None:
            return data
        return v.Page(data, page.before, page.after, [page.raw[index] for index in kept])


class ReduceNode(CallbackNode):
    __slots__ = ("initial",)

    own_effect = READ

    def __init__(self, fn: LambdaNode, initial: Node, collection: Node, pos: Position):
        super().__init__("reduce", fn, collection, pos)
        self.initial = initial

    def eval(self, ctx: Context, env: Env) -> Any:
        check_effect(ctx, READ, self.pos)
        failure: Optional[QueryErrors] = None
        collection: Any = None
        try:
            collection = self.input(ctx, env)
        except QueryErrors as error:
            failure = error
        accumulator = self.initial.eval(ctx, env)
        if failure is not None:
            raise failure
        fn = self.fn.close(env)
        position = (self.pos, "reduce")
        for item in self._items(ctx, collection):
            accumulator = apply(ctx, fn, [accumulator, item], position)
        if type(collection) is v.Page:
            return collection.with_data([accumulator])
        return accumulator

    def _items(self, ctx: Context, collection: Any) -> Any:
        if type(collection) is v.Page:
            return collection.data
        if not isinstance(collection, v.SetValue):
            return collection
        return _elements(ctx, collection, self.pos)

    def effect(self) -> int:
        return max(super().effect(), self.initial.effect())

    def source(self) -> Any:
        return Source(
            {
                "reduce": self.fn.source(),
                "initial": self.initial.source(),
                "collection": self.collection.source(),
            }
        )


def _elements(ctx: Context, collection: Any, pos: Position) -> Any:
    """The elements of a set that ``reduce`` at pos goes through, with the faults of reading them placed there."""
    from ..sets import iterate

    try:
        yield from iterate(ctx, collection, "reduce")
    except (Fault, Faults) as error:
        raise located(error, pos) from None


def _callback(make: Callable[..., Node]) -> Callable[..., Node]:
    def parse(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
        fn = parser.lambda_argument(source[form.name], (pos, form.name), names)
        collection = parser.parse(source["collection"], (pos, "collection"), names)
        return make(form.name, fn, collection, pos)

    return parse


_parse_map = _callback(MapNode)
_parse_foreach = _callback(ForeachNode)


@special(Arg("map"), Arg("collection", casts.ITERABLE), effect=PURE)
def map_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Apply a lambda to each element of an array or page; a page keeps its cursors.

    >>> q.map_(lambda x: q.add(x, 1), [1, 2, 3])
    [2, 3, 4]
    """
    return _parse_map(parser, form, source, pos, names)


@special(Arg("foreach"), Arg("collection", casts.ITERABLE), effect=PURE)
def foreach(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Apply a lambda to each element of an array or page for its effects; gives the collection back.

    >>> q.foreach(lambda x: q.add(x, 1), [1, 2])
    [1, 2]
    """
    return _parse_foreach(parser, form, source, pos, names)


@special(Arg("filter"), Arg("collection", casts.ITERABLE), effect=PURE)
def filter_(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Keep the elements for which a lambda gives true. A set gives a set, filtered when it is read.

    >>> q.filter_(lambda x: q.gt(x, 1), [1, 2, 3])
    [2, 3]
    """
    fn = parser.lambda_argument(source["filter"], (pos, "filter"), names)
    return FilterNode(fn, parser.parse(source["collection"], (pos, "collection"), names), pos)


@special(Arg("reduce"), Arg("initial"), Arg("collection", casts.ITERABLE), effect=READ)
def reduce(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Fold a collection from the left: the lambda gets ``[accumulator, element]``.

    >>> q.reduce(lambda acc, x: q.add(acc, x), 0, [1, 2, 3])
    6
    """
    fn = parser.lambda_argument(source["reduce"], (pos, "reduce"), names)
    initial = parser.parse(source["initial"], (pos, "initial"), names)
    return ReduceNode(fn, initial, parser.parse(source["collection"], (pos, "collection"), names), pos)


class MergeNode(Node):
    __slots__ = ("fn", "left", "right")

    def __init__(self, left: Node, right: Node, fn: Optional[LambdaNode], pos: Position):
        self.left = left
        self.right = right
        self.fn = fn
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        charge(ctx)
        failure: Optional[QueryErrors] = None
        right: Any = None
        try:
            right = self.right.eval(ctx, env)
        except QueryErrors as error:
            failure = error
        left = self.left.eval(ctx, env)
        if failure is not None:
            raise failure
        result, others = self._operands(left, right)
        ctx.allocate(96 * len(result))
        combine = self._combine(ctx, env)
        for other in others:
            ctx.allocate(96 * len(other))
            for name, value in other.items():
                key = str(name)  # of a repeated field too
                new = combine(key, result.get(key), value)
                if new is None:
                    result.pop(key, None)
                else:
                    result[key] = new
        return result

    def _operands(self, left: Any, right: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        errors: list[QueryError] = []

        def fields(value: Any, *at: Any) -> dict[str, Any]:
            if type(value) is v.Document:
                return document_fields(value)
            if type(value) is not dict:
                errors.append(wrong_type("Object", value, at).located(self.pos))
                return {}
            return value

        result = dict(fields(left, "merge"))
        if type(right) is list:
            others = [fields(item, "with", index) for index, item in enumerate(right)]
        else:
            others = [fields(right, "with")]
        if errors:
            raise QueryErrors(errors)
        return result, others

    def _combine(self, ctx: Context, env: Env) -> Callable[[str, Any, Any], Any]:
        if self.fn is None:
            return lambda key, old, new: new
        fn = self.fn.close(env)
        return lambda key, old, new: apply(ctx, fn, [key, old, new], self.pos)

    def effect(self) -> int:
        effect = strongest(self.left, self.right)
        return effect if self.fn is None else max(effect, self.fn.effect())

    def source(self) -> Any:
        result = Source({"merge": self.left.source(), "with": self.right.source()})
        if self.fn is not None:
            result["lambda"] = self.fn.source()
        return result


def document_fields(document: v.Document) -> dict[str, Any]:
    """A document as an object: ref, ts, action of a removal, and its fields."""
    fields: dict[str, Any] = {"ref": document.ref, "ts": document.ts}
    if document.deletion:
        fields["action"] = "delete"
    return {**fields, **document.fields}


@special(Arg("merge"), Arg("with"), optional=(Arg("lambda"),), effect=PURE)
def merge(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """Merge objects, not recursively; a null removes the key. A lambda of key, left and right value decides conflicts.

    >>> q.merge({"a": 1, "b": 2}, {"b": 3, "c": 4})
    {'a': 1, 'b': 3, 'c': 4}
    """
    left = parser.parse(source["merge"], (pos, "merge"), names)
    right = parser.parse(source["with"], (pos, "with"), names)
    fn = None
    if "lambda" in source:
        fn = parser.lambda_argument(source["lambda"], (pos, "lambda"), names)
    return MergeNode(left, right, fn, pos)


# join


class JoinNode(Node):
    """join: with is a written lambda, or an expression giving a lambda or an index ref."""

    __slots__ = ("fn", "origin", "target")

    def __init__(self, origin: Node, target: Optional[Node], fn: Optional[LambdaNode], pos: Position):
        self.origin = origin
        self.target = target
        self.fn = fn
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        charge(ctx)
        failure: Optional[QueryErrors] = None
        target: Any = None
        try:
            target = self._target(ctx, env)
        except QueryErrors as error:
            failure = error
        origin = cast_value(ctx, casts.SET, self.origin.eval(ctx, env), (self.pos, "join"))
        if failure is not None:
            raise failure
        from ..sets import Join

        return Join(origin, target, (self.pos, "with"))

    def _target(self, ctx: Context, env: Env) -> Any:
        target = self.fn.capture(env) if self.fn else self.target.eval(ctx, env)  # type: ignore[union-attr]
        if type(target) is v.Lambda:
            if static_effect(ctx, target) > PURE:
                text = "Invalid lambda. Lambda in this context may not read, write, or call a user function."
                raise fail(invalid_argument(text, "with"), self.pos)
            return target
        if type(target) is v.UnresolvedRef:
            raise fail(undefined_ref(target, "with"), self.pos)
        if type(target) is not v.Ref or target.coll != v.INDEXES:
            raise fail(wrong_type(("Lambda", "Index Ref"), target, "with"), self.pos)
        from ..sets import check_join_index

        try:
            check_join_index(ctx, target)
        except Fault as fault:
            raise fail(fault, (self.pos, "with")) from None
        return target

    def effect(self) -> int:
        target = self.fn if self.fn is not None else self.target
        return max(self.origin.effect(), target.effect())  # type: ignore[union-attr]

    def source(self) -> Any:
        target = self.fn if self.fn is not None else self.target
        return Source({"join": self.origin.source(), "with": target.source()})  # type: ignore[union-attr]


@special(Arg("join", casts.SET), Arg("with"), effect=PURE)
def join(parser: Parser, form: Form, source: Any, pos: Position, names: Names) -> Node:
    """For each element of a set, the set that a lambda or an index gives for it; all merged, repeats removed."""
    origin = parser.parse(source["join"], (pos, "join"), names)
    known = len(parser.unbound)
    try:
        fn = parser.lambda_argument(source["with"], (pos, "with"), names)
    except QueryErrors:
        # Not a lambda: an expression, whose own errors count.
        del parser.unbound[known:]
        return JoinNode(origin, parser.parse(source["with"], (pos, "with"), names), None, pos)
    return JoinNode(origin, None, fn, pos)


__all__ = ["RANK_PARSE", "Const", "FilterNode", "FormNode", "JoinNode", "document_fields"]
