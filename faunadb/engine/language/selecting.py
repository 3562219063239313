"""``select`` and its kin (evaluation rules, "Paths")."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Optional

from . import casts
from . import values as v
from .errors import Fault, Position, undefined_ref, wrong_type
from .nodes import Const, Env, Flat, Node, Source, Var, backwards, cast_value, fail, strongest
from .parser import Names, Parser
from .paths import NOT_FOUND, walk, walk_all
from .registry import Arg, Form, special

if TYPE_CHECKING:
    from .context import Context


#: What ``select`` finds in a document that is not one of its fields.
_NOT_FIELDS = frozenset(("ref", "class", "ts"))
#: Longer literal paths are cast when they are evaluated, like others.
_MAX_STEPS = 64


def _literal_steps(path: Node) -> Optional[list[Any]]:
    """The steps of a path that is a valid literal; None for others, and for an empty one."""
    if type(path) is Const:
        steps = [path.value]
    elif type(path) is Flat and type(path.value) is list:
        steps = path.value
    else:
        return None
    return steps if 0 < len(steps) <= _MAX_STEPS and {str, int}.issuperset(map(type, steps)) else None


class SelectNode(Node):
    """``select``; and ``select_all`` and ``select_as_index``, which always give an array."""

    __slots__ = ("all", "are_fields", "container", "default", "form", "path", "steps")

    def __init__(self, form: Form, parts: dict[str, Node], pos: Position):
        self.form = form
        self.path = parts[form.name]
        self.container = parts["from"]
        self.all = parts.get("all")
        self.default = parts.get("default")
        self.pos = pos

        #: the path, if it is a literal and a single value is asked for
        self.steps = None if "all" in parts or form.name != "select" else _literal_steps(self.path)
        #: whether all steps are names of stored fields
        self.are_fields = self.steps is not None and all(
            type(step) is str and step not in _NOT_FIELDS for step in self.steps
        )

    def eval(self, ctx: Context, env: Env) -> Any:
        steps = self.steps
        if steps is None:
            return self._selected(ctx, env, self._arguments(ctx, env), self.default)
        node = self.container
        container = found = env[node.name] if type(node) is Var else node.eval(ctx, env)
        # What `walk` does, for the most frequent paths: those through fields of documents and objects.
        if self.are_fields:
            try:
                if type(found) is v.Document:
                    found = found.fields
                for step in steps:
                    found = found[step]  # only objects have string keys
                return found
            except (KeyError, TypeError):
                found = container
        for step in steps:
            if type(found) is v.Document and step not in _NOT_FIELDS:
                found = found.fields
            elif type(found) is not dict:
                break
            if step not in found:
                break
            found = found[step]
        else:
            return found
        return self._selected(ctx, env, (steps, container, False), self.default)

    def _selected(
        self, ctx: Context, env: Env, arguments: tuple[list[Any], Any, bool], default: Optional[Node]
    ) -> Any:
        steps, container, every = arguments
        if type(container) is v.UnresolvedRef:
            raise fail(undefined_ref(container, "from"), self.pos)
        if every:
            return walk_all(ctx, container, steps)
        found = walk(ctx, container, steps)
        if found is not NOT_FOUND:
            return found
        if default is not None:
            return default.eval(ctx, env)
        path = ",".join(map(str, steps))
        raise fail(
            Fault("value not found", f"Value not found at path [{path}].", "from", status=404), self.pos
        )

    def _arguments(self, ctx: Context, env: Env) -> tuple[list[Any], Any, bool]:
        steps = self._path(ctx, self.path.eval(ctx, env))
        container = self.container.eval(ctx, env)
        every: Any = self.form.name != "select"
        if self.all is not None:
            every = self.all.eval(ctx, env)
        if type(steps) is v.Page:
            steps = self._cast(ctx, steps)
        if type(every) is not bool:
            raise fail(wrong_type("Boolean", every, "all"), self.pos)
        return steps, container, every

    def _path(self, ctx: Context, value: Any) -> Any:
        """The steps. An invalid path fails before ``from`` is evaluated, except for a page, which fails only after it."""
        return value if type(value) is v.Page else self._cast(ctx, value)

    def _cast(self, ctx: Context, value: Any) -> list[Any]:
        return cast_value(ctx, casts.PATH, value, (self.pos, self.form.name))  # type: ignore[no-any-return]

    def gets(self, name: str) -> bool:
        return self.container.gets(name)

    def effect(self) -> int:
        return strongest(*(node for node in (self.path, self.container, self.all, self.default) if node))

    def source(self) -> Any:
        result = Source({self.form.name: self.path.source(), "from": self.container.source()})
        for key, node in (("all", self.all), ("default", self.default)):
            if node is not None:
                result[key] = node.source()
        return result


class EagerDefault(SelectNode):
    """``select`` before version 3: the default is evaluated even when it is not needed.

    Like any last argument, it is evaluated first, but the errors of the other arguments are reported before its own.
    """

    __slots__ = ()

    def eval(self, ctx: Context, env: Env) -> Any:
        if self.default is None:
            return super().eval(ctx, env)
        arguments, value = backwards(lambda: self._arguments(ctx, env), partial(self.default.eval, ctx, env))
        return self._selected(ctx, env, arguments, Const(value, self.default.pos))


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
    """select, select_all and select_as_index in lambdas written before version 3: the default is always evaluated."""
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
