"""The forms that apply a lambda again and again: map, foreach, filter, reduce, merge, join.

Evaluation rules, "Special forms and callbacks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from . import casts
from . import values as v
from .errors import (
    Fault,
    Faults,
    Position,
    QueryError,
    QueryErrors,
    invalid_argument,
    undefined_ref,
    wrong_type,
)
from .held import WORTH_IN_LOOP, settle_in_loop
from .lambdas import MAX_DEPTH, LambdaNode, apply, static_effect
from .nodes import (
    ERROR_SIZE,
    Env,
    Node,
    Source,
    backwards,
    cast_value,
    check_effect,
    fail,
    located,
    strongest,
)
from .parser import Names, Parser
from .piecewise import LARGE, noted
from .registry import PURE, READ, WRITE, Arg, Form, special
from .sets import SET_HOOKS
from .special import charge

if TYPE_CHECKING:
    from .context import Context


#: How many documents are read together.
_BLOCK = 64


class CallbackNode(Node):
    """Base of the forms that apply a lambda to each element of a collection.

    key: the form's name, which is also the argument with the lambda (fn).
    """

    __slots__ = ("collection", "fn", "key")

    own_effect = PURE

    def __init__(self, key: str, fn: LambdaNode, collection: Node, pos: Position):
        self.key = key
        self.fn = fn
        self.collection = collection
        self.pos = pos

    def input(self, ctx: Context, env: Env) -> Any:
        """Evaluate the collection: an array, a page or a set."""
        charge(ctx)
        value = self.collection.eval(ctx, env)
        return cast_value(ctx, casts.ITERABLE, value, (self.pos, "collection"))

    def read_ahead(self, ctx: Context, items: list[Any]) -> Iterable[Any]:
        """The items. Where the lambda gets the document of each, those of a block of items are read together."""
        if len(items) == 1 or not self.fn.gets_argument:
            return items
        return self._read_ahead(ctx, items)

    def _read_ahead(self, ctx: Context, items: list[Any]) -> Iterator[Any]:
        for start in range(0, len(items), _BLOCK):
            block = items[start : start + _BLOCK]
            ctx.prefetch(block)
            yield from block
        ctx.drop_prefetched()

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
        items = collection.data if type(collection) is v.Page else collection
        ctx.check_width(len(items))
        before = ctx.made
        if self.fn.is_get and len(items) > 1 and ctx.effect_limit >= READ and ctx.depth < MAX_DEPTH:
            results = self._get_each(ctx, fn, items)
        else:
            results = [apply(ctx, fn, item, position) for item in self.read_ahead(ctx, items)]
        if ctx.made - before >= LARGE:
            noted(results)
        return collection.with_data(results) if type(collection) is v.Page else results

    def _get_each(self, ctx: Context, fn: v.Lambda, items: list[Any]) -> list[Any]:
        """Map refs to their documents, the most frequent use of map, without a call of the lambda for each."""
        position = (self.pos, self.key)
        results: list[Any] = []
        for start in range(0, len(items), _BLOCK):
            block = items[start : start + _BLOCK]
            documents = SET_HOOKS.documents(ctx, block)
            if all(documents):
                results += documents
                continue
            for item, document in zip(block, documents):
                results.append(apply(ctx, fn, item, position) if document is None else document)
        ctx.drop_prefetched()
        return results


class ForeachNode(CallbackNode):
    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        collection = self.input(ctx, env)
        self.refuse_set(collection)
        fn = self.fn.close(env)
        position = (self.pos, self.key)
        items = collection.data if type(collection) is v.Page else collection
        ctx.check_width(len(items))
        for item in self.read_ahead(ctx, items):
            apply(ctx, fn, item, position)
        return collection


class FilterNode(CallbackNode):
    """filter: eager on arrays and pages; of a set it makes a lazy set.

    value: the lambda, where it is a value already (`of_value`) and fn is None.
    """

    __slots__ = ("value",)

    def __init__(
        self, fn: Optional[LambdaNode], collection: Node, pos: Position, value: Optional[v.Lambda] = None
    ):
        super().__init__("filter", fn, collection, pos)  # type: ignore[arg-type]
        self.value = value

    @classmethod
    def of_value(cls, collection: Node, fn: v.Lambda, pos: Position) -> FilterNode:
        """A filter whose lambda is a value already, as in set literals. It filters only sets."""
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
        return SET_HOOKS.filter(collection, fn, (self.pos, "filter"))

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
        accumulator, collection = backwards(lambda: self.initial.eval(ctx, env), lambda: self.input(ctx, env))
        fn = self.fn.close(env)
        position = (self.pos, "reduce")
        before, worth = ctx.made, WORTH_IN_LOOP
        for item in self._items(ctx, collection):
            accumulator = apply(ctx, fn, [accumulator, item], position)
            if ctx.made - before > worth:
                worth = settle_in_loop(ctx, before, accumulator)
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
    """The elements of a set for the ``reduce`` at pos. A fault in reading them gets that position."""
    try:
        yield from SET_HOOKS.iterate(ctx, collection, "reduce")
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
        left, right = backwards(lambda: self.left.eval(ctx, env), lambda: self.right.eval(ctx, env))
        result, others = self._operands(left, right)
        ctx.allocate(96 * len(result))
        combine = self._combine(ctx, env)
        for other in others:
            ctx.allocate(96 * len(other))
            for name, value in other.items():
                key = str(name)  # the plain name, for a `RepeatedField` too
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
                return value.as_object()
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
    """join. ``with`` is a lambda written in the query (fn), or an expression that gives a lambda or an index ref (target)."""

    __slots__ = ("fn", "origin", "target")

    def __init__(self, origin: Node, target: Optional[Node], fn: Optional[LambdaNode], pos: Position):
        self.origin = origin
        self.target = target
        self.fn = fn
        self.pos = pos

    def eval(self, ctx: Context, env: Env) -> Any:
        charge(ctx)
        origin, target = backwards(
            lambda: cast_value(ctx, casts.SET, self.origin.eval(ctx, env), (self.pos, "join")),
            lambda: self._target(ctx, env),
        )
        return SET_HOOKS.join(origin, target, (self.pos, "with"))

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
        try:
            SET_HOOKS.check_join_index(ctx, target)
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
        # It is not a lambda but an expression: only the errors of parsing it as that count.
        del parser.unbound[known:]
        return JoinNode(origin, parser.parse(source["with"], (pos, "with"), names), None, pos)
    return JoinNode(origin, None, fn, pos)
