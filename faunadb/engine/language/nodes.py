"""The expression tree: a node evaluates itself against a context and an environment of variables.

Nodes are built once by the parser. Each also says its static effect and gives back its source, in the normalised
form in which stored lambdas are shown. Calls of function forms are in `calls`, the special forms in `special`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Optional

from .context import MAX_WIDTH
from .errors import Fault, Faults, Position, QueryError, QueryErrors
from .registry import PURE, READ

if TYPE_CHECKING:
    from .context import Context

Env = dict[str, Any]


class Source(dict):  # type: ignore[type-arg]
    """An object of source text: written as it is, never escaped with ``@obj``."""

    __slots__ = ()


class Literal:
    """A value standing in source text."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


class Node:
    """Base of all expressions. pos: its position in the query."""

    __slots__ = ("pos",)

    pos: Position

    def eval(self, ctx: Context, env: Env) -> Any:
        raise NotImplementedError

    def effect(self) -> int:
        """Static effect: the strongest effect that evaluating this could have."""
        raise NotImplementedError

    def source(self) -> Any:
        """Source as JSON-like data made of `Source`, lists, scalars and `Literal`."""
        raise NotImplementedError

    def gets(self, name: str) -> bool:
        """True when evaluating this begins by reading the document of a variable's ref, as far as is plain to see."""
        return False

    @property
    def is_get(self) -> bool:
        """True for the form ``get`` of a variable's ref."""
        return False

    def has_form(self) -> bool:
        """True when a form is in it (two separately written lambdas with forms are never equal)."""
        return True


def strongest(*nodes: Node) -> int:
    return max((node.effect() for node in nodes), default=PURE)


def fail(fault: Fault, position: Position) -> QueryErrors:
    """The query's end, for one fault placed at a position."""
    return QueryErrors([fault.located(position)])


def located(failure: Exception, position: Position) -> QueryErrors:
    """The same for either of the exceptions that form functions and casts raise."""
    faults = failure.faults if isinstance(failure, Faults) else [failure]
    return QueryErrors([fault.located(position) for fault in faults])  # type: ignore[attr-defined]


class Const(Node):
    """A literal."""

    __slots__ = ("value",)

    def __init__(self, value: Any, pos: Position):
        self.value = value
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        return self.value

    def effect(self) -> int:
        return PURE

    def source(self) -> Any:
        return Literal(self.value)

    def has_form(self) -> bool:
        return False


class Var(Node):
    __slots__ = ("name",)

    def __init__(self, name: str, pos: Position):
        self.name = name
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        return env[self.name]

    def effect(self) -> int:
        return PURE

    def source(self) -> Any:
        return Source(var=self.name)

    def has_form(self) -> bool:
        return False


def _gathered(ctx: Context, errors: Optional[list[QueryError]], failure: QueryErrors) -> list[QueryError]:
    """Errors found so far (None: none) with those of a further part."""
    ctx.allocate(ERROR_SIZE * len(failure.errors))
    if errors is None:
        return list(failure.errors)
    errors.extend(failure.errors)
    return errors


class ArrayNode(Node):
    """An array literal. The errors of every failing element are reported."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node], pos: Position):
        self.items = items
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        count = len(self.items)
        if count > _NARROW:
            ctx.check_width(count)
        else:
            ctx.made += 8 * count
        result: list[Any] = []
        errors: Optional[list[QueryError]] = None
        for item in self.items:
            try:
                result.append(env[item.name] if type(item) is Var else item.eval(ctx, env))
            except QueryErrors as failure:
                errors = _gathered(ctx, errors, failure)
        if errors is not None:
            raise QueryErrors(errors)
        return result

    def gets(self, name: str) -> bool:
        return any(item.gets(name) for item in self.items)

    def effect(self) -> int:
        return strongest(*self.items)

    def source(self) -> Any:
        return [item.source() for item in self.items]

    def has_form(self) -> bool:
        return any(item.has_form() for item in self.items)


class ObjectNode(Node):
    """``{"object": {...}}``: fields in order. The errors of every failing field are reported."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Node], pos: Position):
        self.fields = fields
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        ctx.made += 96 * len(self.fields)
        if ctx.made >= ctx.measure_at:
            ctx.measure()
        result: dict[str, Any] = {}
        errors: Optional[list[QueryError]] = None
        for key, node in self.fields.items():
            try:
                result[key] = env[node.name] if type(node) is Var else node.eval(ctx, env)
            except QueryErrors as failure:
                errors = _gathered(ctx, errors, failure)
        if errors is not None:
            raise QueryErrors(errors)
        return result

    def gets(self, name: str) -> bool:
        return any(node.gets(name) for node in self.fields.values())

    def effect(self) -> int:
        return strongest(*self.fields.values())

    def source(self) -> Any:
        return _object_source((key, node.source()) for key, node in self.fields.items())

    def has_form(self) -> bool:
        return any(node.has_form() for node in self.fields.values())


class Flat(Const):
    """An array or object literal of scalars only, which its value is: no node for each of them."""

    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        if type(self.value) is list:
            ctx.check_width(len(self.value))
        return self.value

    def source(self) -> Any:
        if type(self.value) is list:
            return [Literal(item) for item in self.value]
        return _object_source((key, Literal(item)) for key, item in self.value.items())


class Folded(Flat):
    """An array or object literal made of literals only: its value is built once, when it is parsed."""

    __slots__ = ("written",)

    def __init__(self, written: Node, value: Any):
        super().__init__(value, written.pos)
        self.written = written

    def source(self) -> Any:
        return self.written.source()


#: Elements of an array that need no look at the clock.
_NARROW = 64


class Param(Node):
    """A literal that the query's tree does not know: each run of it brings its own (see `prepared`)."""

    __slots__ = ("index",)

    def __init__(self, index: int, pos: Position):
        self.index = index
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        return ctx.literals[self.index]

    def effect(self) -> int:
        return PURE


class ParamArray(Node):
    """An array literal in which nothing is evaluated, some of whose items are `Param`."""

    __slots__ = ("_inner", "_params", "_span", "_values")

    def __init__(self, items: list[Node], pos: Position):
        self._values = [_literal_value(item) for item in items]
        self._params, self._inner = _parts(enumerate(items))
        self._span = _span(self._params) if len(self._params) == len(items) else None
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        count = len(self._values)
        if count > _NARROW:
            ctx.check_width(count)
        else:
            ctx.made += 8 * count
        literals = ctx.literals
        if self._span is not None:
            return literals[self._span]
        made = self._values.copy()
        for key, index in self._params:
            made[key] = literals[index]
        for key, item in self._inner:
            made[key] = item.eval(ctx, env)
        return made

    def effect(self) -> int:
        return PURE


class ParamObject(Node):
    """An object literal in which nothing is evaluated, some of whose fields are `Param`, or have such in them."""

    __slots__ = ("_inner", "_names", "_params", "_span", "_values")

    def __init__(self, fields: dict[str, Node], pos: Position):
        self._values = {key: _literal_value(field) for key, field in fields.items()}
        self._params, self._inner = _parts(fields.items())
        self._names = tuple([name for name, _ in self._params])
        self._span = _span(self._params)
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        made = self._values.copy()
        ctx.made += 96 * len(made)
        if ctx.made >= ctx.measure_at:
            ctx.measure()
        literals = ctx.literals
        if self._span is not None:
            made.update(zip(self._names, literals[self._span]))
        else:
            for key, index in self._params:
                made[key] = literals[index]
        for key, item in self._inner:
            made[key] = item.eval(ctx, env)
        return made

    def effect(self) -> int:
        return PURE


def literal_parts(node: Any) -> Any:
    """The items or fields of a `ParamArray` or `ParamObject`: constants as they are, all others as nodes."""
    made = node._values.copy()
    for key, index in node._params:
        made[key] = Param(index, None)
    for key, item in node._inner:
        made[key] = item
    return made


def _literal_value(node: Node) -> Any:
    return node.value if type(node) is Const else None


def _parts(items: Iterable[tuple[Any, Node]]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Which items are literals of the run, with their numbers, and which are literals with further ones inside."""
    params, inner = [], []
    for key, item in items:
        if type(item) is Param:
            params.append((key, item.index))
        elif type(item) is not Const:
            inner.append((key, item))
    return tuple(params), tuple(inner)


def _span(params: tuple[tuple[Any, int], ...]) -> Optional[slice]:
    """Where the literals of a run stand that follow each other; None for others."""
    indexes = [index for _, index in params]
    if not indexes or indexes != list(range(indexes[0], indexes[0] + len(indexes))):
        return None
    return slice(indexes[0], indexes[-1] + 1)


#: Kinds of nodes in which nothing is evaluated.
LITERALS = (Const, Param, ParamArray, ParamObject)


def with_params(node: Node) -> Node:
    """The node of an array or object literal, quicker if there are but literals in it."""
    if type(node) is ArrayNode and all(isinstance(item, LITERALS) for item in node.items):
        return ParamArray(node.items, node.pos)
    if type(node) is ObjectNode and all(isinstance(field, LITERALS) for field in node.fields.values()):
        return ParamObject(node.fields, node.pos)
    return node


def is_flat(items: Iterable[Any]) -> bool:
    """Whether JSON values are scalars all."""
    for item in items:
        kind = type(item)
        if kind is dict or kind is list:
            return False
    return True


def _object_source(members: Iterable[tuple[str, Any]]) -> Any:
    fields = Source(members)
    if any(key.startswith("@") for key in fields):
        fields = Source({"@obj": fields})
    return Source(object=fields)


def _is_too_wide(item: Const) -> bool:
    """Whether evaluating a literal is an error, so that it must not become part of a folded one."""
    return isinstance(item, Flat) and type(item.value) is list and len(item.value) > MAX_WIDTH


def array(items: list[Node], pos: Position) -> Node:
    """The node of an array literal."""
    node = ArrayNode(items, pos)
    for item in items:
        if not isinstance(item, Const) or _is_too_wide(item):
            return node
    return Folded(node, [item.value for item in items])  # type: ignore[attr-defined]


def object_(fields: dict[str, Node], pos: Position) -> Node:
    """The node of an object literal."""
    node = ObjectNode(fields, pos)
    for field in fields.values():
        if not isinstance(field, Const) or _is_too_wide(field):
            return node
    return Folded(node, {key: field.value for key, field in fields.items()})  # type: ignore[attr-defined]


#: Bytes of one error, about.
ERROR_SIZE = 512

_EFFECTS = {PURE: "", READ: "a read"}


def check_effect(ctx: Context, effect: int, pos: Position) -> None:
    """Refuse a form whose effect the context does not allow."""
    if effect <= ctx.effect_limit:
        return
    what = _EFFECTS.get(effect, "a write")
    description = f"Call performs {what}, which is not allowed in {ctx.effect_reason}."
    raise QueryErrors([QueryError(pos, "invalid expression", description)])


def backwards(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """The values of two arguments. The second takes effect first, and its failure is reported only if the first has none."""
    failure: Optional[QueryErrors] = None
    later: Any = None
    try:
        later = second()
    except QueryErrors as error:
        failure = error
    earlier = first()
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame
    return earlier, later


def cast_value(ctx: Context, cast: Any, value: Any, position: Position) -> Any:
    """Cast a value for a special form's argument."""
    try:
        return cast(ctx, value)
    except (Fault, Faults) as error:
        raise located(error, position) from None
