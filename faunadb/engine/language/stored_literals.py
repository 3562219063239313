"""Object literals that are stored as they are: all of their JSON but a few literals is known by the shape of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from ..json_text import encoder
from .errors import Position
from .nodes import Const, Env, Node, Param, ParamArray, ParamObject, literal_parts
from .render import quote

if TYPE_CHECKING:
    from .context import Context

#: Types of literals that are JSON as they are.
_PLAIN = frozenset((str, int))

_encode = encoder(ensure_ascii=False)


class StoredObject(ParamObject):
    """An object literal of which a form may store the JSON.

    If those of its literals that vary are strings and integers, evaluating it leaves that JSON in `Context.stored` as well.
    """

    __slots__ = ("_indexes", "_pattern")

    def __init__(self, fields: dict[str, Node], pos: Position, pieces: list[Union[str, int]]):
        super().__init__(fields, pos)
        self._indexes = [piece for piece in pieces if isinstance(piece, int)]
        self._pattern = "".join(
            ["%s" if isinstance(piece, int) else piece.replace("%", "%%") for piece in pieces]
        )

    def eval(self, ctx: Context, env: Env) -> Any:
        made = super().eval(ctx, env)
        literals = ctx.literals
        varying = [literals[index] for index in self._indexes]
        if _PLAIN.issuperset(map(type, varying)):
            texts = [quote(each) if type(each) is str else each for each in varying]
            ctx.stored = made, self._pattern % tuple(texts)
        return made


def with_text(node: Node) -> Node:
    """The node of an object literal, as a `StoredObject` if it looks like the params of a ``create``: if it has but the field
    ``data``, an object with literals that vary, and nothing in that is stored in another way than it is written."""
    if type(node) is not ParamObject:
        return node
    fields = literal_parts(node)
    pieces: list[Union[str, int]] = []
    if list(fields) == ["data"] and isinstance(fields["data"], ParamObject) and _is_plain(node, pieces):
        return StoredObject(fields, node.pos, pieces)
    return node


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


__all__ = ["StoredObject", "with_text"]
