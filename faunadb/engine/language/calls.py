"""Calls of function forms: nodes that evaluate and cast arguments, and count what the call costs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..integers import short_int
from .context import DECODED, TakesLong
from .errors import Fault, Faults, Position, QueryErrors
from .held import WORTH, settle
from .nodes import LITERALS, Const, Env, Node, Source, Var, check_effect, located
from .registry import PURE, Form
from .values import Document, Page, Ref, new_ref

if TYPE_CHECKING:
    from .context import Context

#: About how many bytes the values take that may be large.
_SIZES: dict[type, Callable[[Any], int]] = {
    str: sys.getsizeof,
    list: sys.getsizeof,
    dict: sys.getsizeof,
    Document: lambda document: len(document.text or ""),
    Page: lambda page: 256 * len(page.data),
}

#: Bytes of a value not worth counting, as each has taken a unit of compute.
_SMALL = 256

#: Bytes that a document holds for each character of its text, about.
DOCUMENT = DECODED + 1

#: An argument: its index, node, cast or None, and position.
_Slot = tuple[int, Node, Any, Position]


class FormNode(Node):
    """A call of a function form. slots: its arguments in table order; work: those that are still to be evaluated, in
    the order in which they take effect. args: the values of the others, and defaults."""

    __slots__ = ("args", "effect_class", "form", "function", "slots", "work")

    def __init__(self, form: Form, pos: Position):
        self.form = form
        self.function = form.function
        self.effect_class = form.effect or PURE
        self.pos = pos
        self.args: list[Any] = []
        self.slots: list[_Slot] = []
        self.work: tuple[_Slot, ...] = ()

    def give(self, node: Node, cast: Any, position: Position) -> None:
        """The next argument. One that is not given has its default put into `args`."""
        slot = (len(self.args), node, cast, position)
        self.slots.append(slot)
        if type(node) is Const and (cast is None or type(node.value) in cast.fast):
            self.args.append(node.value)
            return
        # Arguments take effect in reverse order, while the first failing one in table order is reported.
        self.work = (slot, *self.work)
        self.args.append(None)

    def eval(self, ctx: Context, env: Env) -> Any:
        if self.effect_class > ctx.effect_limit:
            check_effect(ctx, self.effect_class, self.pos)
        ctx.compute += 1
        if ctx.compute >= ctx.check_at:
            ctx.check()
        before = ctx.made
        args = self.args.copy()
        failure: Optional[QueryErrors] = None
        for index, node, cast, position in self.work:
            try:
                value = env[node.name] if type(node) is Var else node.eval(ctx, env)
                if cast is not None and type(value) not in cast.fast:
                    value = cast.convert(ctx, value)
                args[index] = value
            except QueryErrors as error:
                failure = error
            except (Fault, Faults) as error:
                failure = located(error, position)
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # its traceback holds this frame
        try:
            result = self.function(ctx, *args)  # type: ignore[misc]
        except (Fault, Faults) as error:
            raise located(error, self.pos) from None
        size_of = _SIZES.get(type(result))
        if size_of is not None:
            size = size_of(result)
            if size > _SMALL:
                ctx.allocate(size)
        if ctx.made - before > WORTH:
            settle(ctx, before, result)
        return result

    @property
    def is_get(self) -> bool:
        return self.form.name == "get" and len(self.slots) == 1 and type(self.slots[0][1]) is Var

    def gets(self, name: str) -> bool:
        if self.is_get and self.slots[0][1].name == name:  # type: ignore[attr-defined]
            return True
        return any(node.gets(name) for _, node, _, _ in self.work)

    def effect(self) -> int:
        strongest_one = self.effect_class
        for _, node, _, _ in self.slots:
            effect = node.effect()
            if effect > strongest_one:
                strongest_one = effect
        return strongest_one

    def source(self) -> Any:
        return Source((self.form.args[index].key, node.source()) for index, node, _, _ in self.slots)


class OneNode(FormNode):
    """A form of whose arguments only the first is still to be evaluated. rest: the others; second: the only one of them."""

    __slots__ = ("argument", "cast", "count", "position", "rest", "second")

    def __init__(self, whole: FormNode):
        super().__init__(whole.form, whole.pos)
        self.args, self.slots, self.work = whole.args, whole.slots, whole.work
        ((_, self.argument, self.cast, self.position),) = whole.work
        self.rest = tuple(whole.args[1:])
        self.count = len(whole.args)
        self.second = self.rest[0] if self.count == 2 else None

    def eval(self, ctx: Context, env: Env) -> Any:
        # As in FormNode, without what several arguments need.
        if self.effect_class > ctx.effect_limit:
            check_effect(ctx, self.effect_class, self.pos)
        ctx.compute += 1
        if ctx.compute >= ctx.check_at:
            ctx.check()
        before = ctx.made
        node = self.argument
        try:
            value = env[node.name] if type(node) is Var else node.eval(ctx, env)
            cast = self.cast
            if cast is not None and type(value) not in cast.fast:
                value = cast.convert(ctx, value)
        except (Fault, Faults) as error:
            raise located(error, self.position) from None
        function: Any = self.function
        try:
            # Python unpacks arguments slowly, and most forms have one or two.
            if self.count == 1:
                result = function(ctx, value)
            elif self.count == 2:
                result = function(ctx, value, self.second)
            else:
                result = function(ctx, value, *self.rest)
        except (Fault, Faults) as error:
            raise located(error, self.pos) from None
        kind = type(result)
        if kind is Document:
            size = len(result.text or "")
            made = ctx.made = ctx.made + size
            if made >= ctx.measure_at:
                ctx.measure()
            if made - before <= DOCUMENT * size + WORTH:
                return result  # it holds about what was made for it
        elif kind in _SIZES:
            size = _SIZES[kind](result)
            if size > _SMALL:
                ctx.allocate(size)
        if ctx.made - before > WORTH:
            settle(ctx, before, result)
        return result


class SlowNode(FormNode):
    """A form that the clock cannot interrupt (`Form.slow`). Its casts are part of it: they compile expressions."""

    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        if ctx.in_place:
            raise TakesLong
        return super().eval(ctx, env)


class NameNode(FormNode):
    """A form that finds a thing of the schema by constants: looked up once while the committed schema stays."""

    __slots__ = ("known",)

    def __init__(self, form: Form, pos: Position):
        super().__init__(form, pos)
        #: the committed schema, the database and what was found there
        self.known: tuple[Any, int, Any] = (None, 0, None)

    def eval(self, ctx: Context, env: Env) -> Any:
        schema = ctx.schema
        if self.work or schema.was_written:
            return super().eval(ctx, env)
        committed, scope, found = self.known
        if committed is not schema.committed or scope != ctx.scope:
            found = super().eval(ctx, env)
            self.known = (schema.committed, ctx.scope, found)
            return found
        ctx.compute += 1
        if ctx.compute >= ctx.check_at:
            ctx.check()
        return found


class Settled(Node):
    """A form whose value is the same for all runs of one text under one schema: it is found once, and kept with the text's
    literals (`prepared`). slot: where. units: what evaluating it is charged."""

    __slots__ = ("node", "slot", "units")

    def __init__(self, node: Node, slot: int, units: int):
        self.node = node
        self.pos = node.pos
        self.slot = slot
        self.units = units

    def eval(self, ctx: Context, env: Env) -> Any:
        schema = ctx.schema
        if ctx.tx is not None and schema.was_written:
            return self.node.eval(ctx, env)
        kept = ctx.literals[self.slot]
        if kept is None or kept[0] is not schema.committed:
            value = self.node.eval(ctx, env)
            ctx.literals[self.slot] = (schema.committed, value)
            return value
        ctx.compute += self.units
        if ctx.compute >= ctx.check_at:
            ctx.check()
        return kept[1]

    def effect(self) -> int:
        return self.node.effect()


class SettledRef(Settled):
    """The form ``ref`` whose id is a literal: the collection is found once, and the ids of later runs are put beside it.

    id: the number of the literal.
    """

    __slots__ = ("_id", "_owner")

    def __init__(self, node: Node, slot: int, units: int, id: int):
        super().__init__(node, slot, units)
        self._id = id
        #: the committed schema, and the scope and number of the collection there
        self._owner: tuple[Any, int, int] = (None, 0, 0)

    def eval(self, ctx: Context, env: Env) -> Any:
        schema, literals = ctx.schema, ctx.literals
        committed, scope, coll = self._owner
        if literals[self.slot] is None and committed is schema.committed:
            text = literals[self._id]
            id = short_int(text) if type(text) is str else None
            if id is not None and not schema.was_written:
                ref = new_ref(scope, coll, id)
                literals[self.slot] = (committed, ref)
                ctx.compute += self.units
                if ctx.compute >= ctx.check_at:
                    ctx.check()
                return ref
        value = super().eval(ctx, env)
        if committed is not schema.committed and type(value) is Ref and not schema.was_written:
            self._owner = (schema.committed, value.scope, value.coll)
        return value


def units_settled(node: Node) -> Optional[int]:
    """What evaluating an argument is charged whose value is the same for all runs of one text; None for others."""
    kind = type(node)
    if isinstance(node, Settled):
        return node.units
    if kind is NameNode:
        return None if node.work else 1  # type: ignore[attr-defined]
    return 0 if isinstance(node, LITERALS) else None
