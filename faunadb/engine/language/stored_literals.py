"""Object literals that are stored as they are: all of their JSON but a few literals is known by the shape of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..json_text import encoder
from .calls import DOCUMENT, FormNode
from .errors import Fault, Faults, Position
from .nodes import Const, Env, Node, Param, ParamArray, ParamObject, check_effect, literal_parts, located
from .render import quote

if TYPE_CHECKING:
    from .context import Context

#: Types of literals that are JSON as they are.
_PLAIN = frozenset((str, int))

_encode = encoder(ensure_ascii=False)


class StoredObject(ParamObject):
    """An object literal with the field ``data`` alone, of which a form may store the JSON.

    pieces: that JSON, with a number for each literal that varies. They follow each other in `Context.literals`.
    members: of the literals of a run that are members of ``data``, the indexes by name.
    """

    __slots__ = ("_known", "_pieces", "_place", "members")

    def __init__(self, fields: dict[str, Node], pos: Position, pieces: list[Union[str, int]]):
        super().__init__(fields, pos)
        data: Any = fields["data"]
        self.members = {name: part.index for name, part in literal_parts(data).items() if type(part) is Param}
        self._pieces = pieces
        numbers = _numbers(pieces)
        self._place = slice(numbers[0], numbers[-1] + 1)
        #: for literals of some types: the JSON with these left out, and how many quotes and backslashes it has
        self._known: tuple[list[type], str, int, int] = ([], "", 0, 0)

    def text(self, ctx: Context) -> Optional[str]:
        """The JSON of the object. None if those of its literals that vary are not all strings and integers."""
        varying = tuple(ctx.literals[self._place])
        kinds = list(map(type, varying))
        known = self._known
        if kinds != known[0]:
            if not _PLAIN.issuperset(kinds):
                return None
            known = self._known = self._pattern(kinds)
        _, pattern, quotes, backslashes = known
        text = pattern % varying
        # Usually no string has anything that is to be escaped. What is printable has no control characters.
        if text.isprintable() and text.count('"') == quotes and text.count("\\") == backslashes:
            return text
        return pattern % tuple([quote(each)[1:-1] if type(each) is str else each for each in varying])

    def _pattern(self, kinds: list[type]) -> tuple[list[type], str, int, int]:
        marks = iter(['"%s"' if kind is str else "%s" for kind in kinds])
        pattern = "".join(
            [next(marks) if isinstance(piece, int) else piece.replace("%", "%%") for piece in self._pieces]
        )
        return kinds, pattern, pattern.count('"'), pattern.count("\\")


class StoringNode(FormNode):
    """A form that stores an object literal, its last argument, as it is (`registry.Form.stores`)."""

    __slots__ = ("_cast", "_literal", "_position", "_stores", "_target")

    def __init__(self, whole: FormNode, literal: StoredObject):
        super().__init__(whole.form, whole.pos)
        self.args, self.slots, self.work = whole.args, whole.slots, whole.work
        _, self._target, self._cast, self._position = whole.slots[0]
        self._literal = literal
        self._stores: Any = whole.form.stores

    def eval(self, ctx: Context, env: Env) -> Any:
        literal = self._literal
        text = literal.text(ctx)
        if text is None:
            return super().eval(ctx, env)
        # As in FormNode, for these arguments.
        if self.effect_class > ctx.effect_limit:
            check_effect(ctx, self.effect_class, self.pos)
        ctx.compute += 1
        if ctx.compute >= ctx.check_at:
            ctx.check()
        try:
            target = self._target.eval(ctx, env)
            if type(target) not in self._cast.fast:
                target = self._cast.convert(ctx, target)
        except (Fault, Faults) as error:
            raise located(error, self._position) from None
        try:
            result = self._stores(ctx, target, literal, text)
        except (Fault, Faults) as error:
            raise located(error, self.pos) from None
        ctx.allocate(DOCUMENT * len(text))
        return result


def storing(node: Node) -> Node:
    """The node of a call, as a `StoringNode` if it has a literal to store."""
    if type(node) is FormNode and node.form.stores is not None and len(node.slots) == 2:
        literal = node.slots[1][1]
        if type(literal) is StoredObject:
            return StoringNode(node, literal)
    return node


def with_text(node: Node) -> Node:
    """The node of an object literal, as a `StoredObject` if it looks like the params of a ``create``: if it has but the field
    ``data``, an object with literals that vary, and nothing in that is stored in another way than it is written."""
    if type(node) is not ParamObject:
        return node
    fields = literal_parts(node)
    pieces: list[Union[str, int]] = []
    if list(fields) == ["data"] and isinstance(fields["data"], ParamObject) and _is_plain(node, pieces):
        if _follow_each_other(_numbers(pieces)):
            return StoredObject(fields, node.pos, pieces)
    return node


def _numbers(pieces: list[Union[str, int]]) -> list[int]:
    return [piece for piece in pieces if isinstance(piece, int)]


def _follow_each_other(numbers: list[int]) -> bool:
    """They do where nobody has parsed the members in another order than they were written in."""
    return bool(numbers) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _is_plain(part: Any, pieces: list[Union[str, int]]) -> bool:
    """Whether a literal is stored as it is written. Adds its JSON to `pieces`, in which a number (`Param.index`) stands for
    each literal that varies."""
    value = part.value if isinstance(part, Const) else part
    if isinstance(value, (ParamArray, ParamObject)):
        value = literal_parts(value)
    kind = type(value)
    if kind is Param:
        pieces.append(value.index)
        return True
    if kind is str or kind is int or kind is bool:
        pieces.append(_encode(value))
        return True
    if kind is dict:
        return _are_plain_fields(value, pieces)
    return kind is list and _are_plain_items(value, pieces)


def _are_plain_fields(fields: dict[Any, Any], pieces: list[Union[str, int]]) -> bool:
    pieces.append("{")
    for key, field in fields.items():
        if type(key) is not str or key.startswith("@"):  # another kind of key is a `RepeatedField`
            return False
        pieces.append(f"{'' if pieces[-1] == '{' else ','}{quote(key)}:")
        if not _is_plain(field, pieces):
            return False
    pieces.append("}")
    return True


def _are_plain_items(items: list[Any], pieces: list[Union[str, int]]) -> bool:
    pieces.append("[")
    for item in items:
        if pieces[-1] != "[":
            pieces.append(",")
        if not _is_plain(item, pieces):
            return False
    pieces.append("]")
    return True


__all__ = ["StoredObject", "StoringNode", "storing", "with_text"]
