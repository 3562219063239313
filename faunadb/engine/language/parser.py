"""From the JSON of a query to the expression tree (evaluation rules, "Query syntax").

Everything is parsed before anything is evaluated. Of the arguments of a form, the elements of an array or the fields of
an object, only the first error is reported; ``let`` and lambdas report all of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from . import values as v
from .calls import FormNode, NameNode, OneNode, SlowNode
from .errors import Position, QueryError, QueryErrors, parse_error, type_expected
from .lambdas import LambdaNode, Pattern
from .nodes import Const, Flat, Node, Var, array, is_flat, object_
from .registry import VERSION_RANK, VERSIONS, Form, table

if TYPE_CHECKING:
    from .context import Context

#: Variables in scope -> the lambda depth at which each was bound. One dict for the whole query; `Parser.bind` and
#: `Parser.unbind` change it as scopes begin and end.
Names = dict[str, int]

#: A variable that was bound, and the depth of the one of that name that it hides (None: it hides none).
Hidden = tuple[str, Optional[int]]

_LAMBDA_KEYS = frozenset(("lambda", "expr"))
_LAMBDA_LITERAL_KEYS = (_LAMBDA_KEYS, frozenset(("lambda", "expr", "api_version")))

#: The functions that read the escapes of the wire, by key: (parser, content, position) -> value. Set by `literals`.
ESCAPES: dict[str, Callable[[Parser, Any, Position], Any]] = {}

#: Inside stored lambdas a ref is ``{"@:ref": [collection number, id]}``, which survives renames. A third element is the
#: number of its database, where that is another than the lambda's.
STORED_REF = "@:ref"


class Parser:
    """Parses one query, or one stored lambda.

    stored: refs may be in the notation of the store (`STORED_REF`). unbound: errors for variables that nothing defines,
    reported only when nothing else is wrong. reusable: whether the tree depends only on the text, the schema and the
    database, so that it can be kept.
    """

    def __init__(self, ctx: Context, version: str, stored: bool = False):
        self.ctx = ctx
        self.version = version
        self.stored = stored
        self.table = table(version)
        self.reusable = True
        self.unbound: list[QueryError] = []
        self._free: list[set[str]] = []

    def reads(self, key: str) -> bool:
        """Whether an object with this one key is an escape."""
        return key in ESCAPES and (key != STORED_REF or self.stored)

    def query(self, source: Any) -> Node:
        """Parse a whole query. Raises `QueryErrors`."""
        node = self.parse(source, None, {})
        if self.unbound:
            raise QueryErrors(self.unbound)
        return node

    def parse(self, source: Any, pos: Position, names: Names) -> Node:
        kind = type(source)
        if kind is dict:
            if len(source) == 1 and "object" in source:  # the most frequent form, in all versions
                return self.object(source["object"], pos, names)
            form = self.table.get(frozenset(source))
            if form is None:
                return self._escape(source, pos, names)
            if form.parse is not None:
                return form.parse(self, form, source, pos, names)  # type: ignore[no-any-return]
            return self._call(form, source, pos, names)
        if kind is list:
            if is_flat(source):
                return Flat(source, pos)
            return array([self.parse(item, (pos, i), names) for i, item in enumerate(source)], pos)
        return Const(source, pos)

    def _call(self, form: Form, source: dict[str, Any], pos: Position, names: Names) -> Node:
        kind = SlowNode if form.slow else NameNode if form.by_name else FormNode
        node = kind(form, pos)
        for arg in form.args:
            key = arg.key
            if key in source:
                position = (pos, key)
                node.give(self.parse(source[key], position, names), arg.cast, position)
            else:
                node.args.append(arg.default)
        if kind is FormNode and len(node.work) == 1 and node.work[0][0] == 0:
            return OneNode(node)
        return node

    def form_of_values(self, arguments: dict[str, Any], pos: Position) -> Node:
        """A call of a form with values for arguments (set literals)."""
        node = FormNode(table("4")[frozenset(arguments)], pos)
        for arg in node.form.args:
            if arg.key in arguments:
                position = (pos, arg.key)
                node.give(Const(arguments[arg.key], position), arg.cast, position)
            else:
                node.args.append(arg.default)
        return node

    def _escape(self, source: dict[str, Any], pos: Position, names: Names) -> Node:
        if len(source) == 1:
            (key,) = source
            if key == "@obj":
                if type(source[key]) is not dict:
                    raise parse_error("Invalid object.", pos)
                return self.parse(source[key], (pos, key), names)
            if self.reads(key):
                return Const(escape(self, key, source[key], pos), pos)
        raise parse_error(
            f"No form/function found, or invalid argument keys: {{ {', '.join(source)} }}.", pos
        )

    # Variables

    def variable(self, name: str, pos: Position, names: Names) -> Node:
        depth = names.get(name)
        if depth is None:
            self.unbound.append(
                QueryError(pos, "invalid expression", f"Variable '{name}' is not defined.", rank=3)
            )
        else:
            inside = self._free[depth:]
            # If the innermost lambda already has the name, so have those around it.
            if inside and name not in inside[-1]:
                for free in inside:
                    free.add(name)
        return Var(name, pos)

    def bind(self, names: Names, name: str) -> Hidden:
        """Bring a name into scope at the present lambda depth. Returns what `unbind` needs to end that scope."""
        hidden = (name, names.get(name))
        names[name] = len(self._free)
        return hidden

    @staticmethod
    def unbind(names: Names, hidden: list[Hidden]) -> None:
        """End the scope of names bound one after the other."""
        for name, depth in reversed(hidden):
            if depth is None:
                del names[name]
            else:
                names[name] = depth

    # Lambdas

    def lambda_argument(self, source: Any, pos: Position, names: Names) -> LambdaNode:
        """The lambda argument (at pos) of map, filter and the like: an object of exactly ``lambda`` and ``expr``."""
        if type(source) is not dict:
            raise type_expected("Lambda", source, pos)
        if frozenset(source) != _LAMBDA_KEYS:
            raise parse_error(
                f"No form/function found, or invalid argument keys: {{ {', '.join(source)} }}.", pos
            )
        return self._lambda(source, pos, names)

    def _lambda(self, source: dict[str, Any], pos: Position, names: Names) -> LambdaNode:
        errors: list[QueryError] = []
        pattern: Pattern = "_"
        try:
            pattern = self._pattern(source["lambda"], (pos, "lambda"))
        except QueryErrors as failure:
            errors.extend(failure.errors)
        free: set[str] = set()
        self._free.append(free)
        parameters = [pattern] if isinstance(pattern, str) else pattern
        hidden = [self.bind(names, name) for name in parameters if name != "_"]
        try:
            body = self.parse(source["expr"], (pos, "expr"), names)
        except QueryErrors as failure:
            errors.extend(failure.errors)
        finally:
            self.unbind(names, hidden)
            self._free.pop()
        if errors:
            raise QueryErrors(errors)
        return LambdaNode(pattern, body, frozenset(free), self._lambda_version(), pos)

    def _lambda_version(self) -> str:
        return self.version if VERSION_RANK[self.version] >= VERSION_RANK["2.12"] else "2.12"

    @staticmethod
    def _pattern(source: Any, pos: Position) -> Pattern:
        if type(source) is str:
            return source
        if type(source) is not list:
            raise type_expected("String or Array", source, pos)
        errors = [
            type_expected("String", name, (pos, index)).errors[0]
            for index, name in enumerate(source)
            if type(name) is not str
        ]
        if errors:
            raise QueryErrors(errors)
        return list(source)

    def lambda_literal(self, source: Any, pos: Position, default_version: str) -> v.Lambda:
        """The lambda of ``@query`` and of set literals: it has its own API version and must not have free variables."""
        if type(source) is not dict or frozenset(source) not in _LAMBDA_LITERAL_KEYS:
            raise parse_error("Invalid lambda.", pos)
        version = source.get("api_version", default_version)
        if type(version) is not str or version not in VERSIONS:
            raise parse_error("Invalid lambda.", pos)
        inner = Parser(self.ctx, version, self.stored)
        node = inner._lambda(source, pos, {})
        if inner.unbound:
            raise parse_error("Invalid lambda.", pos)
        return v.Lambda(node.pattern, node.body, node.version)

    # Objects

    def fields(self, source: Any, key: str, pos: Position) -> tuple[dict[str, Any], bool]:
        """The members of ``object`` and ``let``: a plain object, or the content of an ``@obj`` escape.

        Returns them, and whether source was an object at all. Raises `QueryErrors` for an escape of anything else.
        """
        if type(source) is not dict:
            return {}, False
        if len(source) == 1:
            (name,) = source
            if name == "@obj":
                if type(source[name]) is not dict:
                    raise parse_error("Invalid object.", (pos, key))
                return source[name], True
            if self.reads(name):
                value = escape(self, name, source[name], (pos, key))
                raise type_expected("Object", value, pos)
        return source, True

    def object(self, source: Any, pos: Position, names: Names) -> Node:
        members, is_object = self.fields(source, "object", pos)
        if not is_object:
            raise type_expected("Object", source, (pos, "object"))
        if is_flat(members.values()):
            return Flat(members, pos)
        inner = (pos, "object")
        return object_({key: self.parse(item, (inner, key), names) for key, item in members.items()}, pos)

    def quote(self, source: Any, pos: Position) -> Node:
        return Const(literal(self, source, (pos, "quote")), pos)


def escape(parser: Parser, key: str, content: Any, position: Position) -> Any:
    """The value of ``{key: content}`` for an escape other than ``@obj``."""
    return ESCAPES[key](parser, content, position)


def literal(parser: Parser, source: Any, position: Position) -> Any:
    """Decode source as data: escapes are decoded, other objects are plain objects, and nothing is evaluated."""
    kind = type(source)
    if kind is list:
        return [literal(parser, item, (position, index)) for index, item in enumerate(source)]
    if kind is not dict:
        return source
    if len(source) == 1:
        (key,) = source
        if parser.reads(key):
            return _literal_escape(parser, key, source[key], position)
    return {key: literal(parser, item, (position, key)) for key, item in source.items()}


def _literal_escape(parser: Parser, key: str, content: Any, position: Position) -> Any:
    if key != "@obj":
        return escape(parser, key, content, position)
    if type(content) is not dict:
        raise parse_error("Invalid object.", position)
    return {name: literal(parser, item, (position, name)) for name, item in content.items()}


def parse_stored(ctx: Context, fn: v.Lambda) -> Node:
    """Parse the body of a stored lambda. Positions start at the lambda: ``["expr", ...]``. Raises `QueryErrors`.

    Its refs are relative to the database it is stored in, not to that of the query.
    """
    stored: dict[str, Any] = fn.stored
    outer = ctx.scope
    ctx.scope = outer if fn.scope is None else fn.scope
    try:
        parser = Parser(ctx, fn.version, stored=True)
        node = parser._lambda(stored, None, {})
    finally:
        ctx.scope = outer
    if parser.unbound:
        raise QueryErrors(parser.unbound)
    return node.body


def parse_query(ctx: Context, source: Any) -> Node:
    """Parse a request's query under the context's API version."""
    return Parser(ctx, ctx.version).query(source)


v.Lambda.parse = staticmethod(parse_stored)

__all__ = ["Names", "Parser", "parse_query", "parse_stored"]
