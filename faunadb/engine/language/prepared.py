"""Queries parsed before: applications send few shapes of query, with other literals in them each time.

A request's text is told apart into its literals and the rest, its shape. A shape seen before is not parsed again: its
tree holds a `Param` where a literal stood, and each run brings its own (`Context.literals`). A text seen before skips
even that. Errors and their positions are the same either way, since a position is a path and names no literal.

Not every literal may change without changing the tree. Names of variables, what stands in an escape, paths of
``select`` and everything in a lambda (whose source may be stored or compared) are fixed: they belong to the shape.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..java.times import parse_date, parse_time_literal
from ..records import NamedTuple
from . import reader
from . import values as v
from .calls import Settled, units_settled
from .errors import Position, QueryErrors
from .nodes import Const, Node, Param, ParamArray, ParamObject, is_flat, with_params
from .parser import Names, Parser
from .stored_literals import storing, with_text

if TYPE_CHECKING:
    from .context import Context
    from .registry import Form

#: Characters of a text that is looked at for its shape; longer ones are parsed as they come.
MAX_TEXT = 1 << 15
#: Characters of a text that is remembered whole.
MAX_REMEMBERED = 1 << 12
#: Characters of texts remembered whole, and of those whose trees are; a tree takes about twenty bytes for each.
MAX_TEXTS, MAX_TREES = 1 << 19, 1 << 20
#: What an entry weighs beside its text.
_BESIDE = 200

#: A string with escapes. One that is not closed goes on to the end: trying again from each quote in it would take forever.
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)')
#: What may be a number: whether it is one is judged where it is read.
_NUMBER = re.compile("([-0-9][-+.0-9eE]*)")
#: A name, a string or a number in the structure of a text.
_TOKEN = re.compile('(""(?: *:)?|0)')
_CONTROLS = bytes(range(32))

#: What stands in texts that are not remembered whole: passwords and secrets do not stay in memory.
_CONFIDENTIAL = re.compile(rb"password|secret")

#: Digits of a number that surely fits into 64 bits.
_SURE_DIGITS = 18

#: Keys whose literals are fixed: what stands there decides more than a value.
_FIXED_KEYS = frozenset(
    (
        "select",
        "select_all",
        "select_as_index",
        "collection",
        "class",
        "index",
        "function",
        "role",
        "database",
    )
    + ("access_provider", "unit", "with")
)


class Slot:
    """Stands for a literal in the JSON data of a shape."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


class Text(NamedTuple):
    """A request's query as it came, taken apart. data: as JSON, where that was needed.

    shape: its structure, in which ``""`` stands for each string and 0 for each number, and its names, one a line; empty
    for a text that takes a closer look. literals: the values of its other strings and of its numbers, in order.
    """

    source: bytes
    version: str
    shape: tuple[str, ...] = ()
    literals: tuple[Any, ...] = ()
    data: Any = None


class Parsed(NamedTuple):
    """A tree with the literals of one run. effect: its static effect."""

    node: Node
    effect: int
    literals: list[Any]


class Known(NamedTuple):
    """A text that was parsed before. committed, scope: the schema and the database for which that is good."""

    parsed: Parsed
    committed: Any
    scope: int
    effect: int


#: From a literal to what a `Param` gives; None for one that only the parser can judge.
_Convert = Callable[[Any], Any]
#: What takes some of many values.
_Pick = Callable[[Sequence[Any]], tuple[Any, ...]]


class _Variable:
    """Which literals of a shape may change without changing the tree. places: their indexes, and what converts each;
    None: nothing."""

    __slots__ = ("_convert", "_pick", "places")

    def __init__(self, places: list[tuple[int, Optional[_Convert]]]):
        self.places = places
        self._pick = _picker([index for index, _ in places])
        self._convert = [
            (number, convert) for number, (_, convert) in enumerate(places) if convert is not None
        ]

    def values(self, literals: tuple[Any, ...]) -> Optional[list[Any]]:
        """Those of one run. None when one of them is not plain to see."""
        values = list(self._pick(literals))
        for number, convert in self._convert:
            value = values[number] = convert(values[number])
            if value is None:
                return None
        return values


class _Tree(NamedTuple):
    """A tree good for one version of the schema and one database. variable: the literals that its `Param` stand for.
    settled: how many `Settled` it has, whose values follow those of the literals."""

    committed: Any
    scope: int
    node: Node
    effect: int
    variable: _Variable
    settled: int


class _Cache:
    """What was kept by a key, up to a weight in all; the oldest goes first. Any thread may use it."""

    def __init__(self, limit: int):
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: dict[Any, tuple[Any, int]] = {}
        self.weight = 0
        self.get = self._kept.get

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: Any, value: Any, weight: int) -> None:
        with self._lock:
            self.weight += weight - self._kept.pop(key, (None, 0))[1]
            while self.weight > self._limit and self._kept:
                self.weight -= self._kept.pop(next(iter(self._kept)))[1]
            self._kept[key] = (value, weight)


class PreparedQueries:
    """The queries that an engine has parsed. Any thread may use it."""

    def __init__(self) -> None:
        self._texts = _Cache(MAX_TEXTS)
        #: structure -> what takes the names from its strings, and the literals from its strings and numbers
        self._picks = _Cache(MAX_TREES)
        #: (version, shape) -> the literals that are fixed; None for a shape that cannot be reused
        self._fixed = _Cache(MAX_TREES)
        #: (version, shape, the fixed literals written out) -> tree
        self._trees = _Cache(MAX_TREES)

    def __len__(self) -> int:
        """Trees remembered."""
        return len(self._trees)

    @property
    def weight(self) -> int:
        """Characters of all that is remembered."""
        return sum(cache.weight for cache in (self._texts, self._picks, self._fixed, self._trees))

    def read(self, source: bytes, version: str) -> Text:
        """Take a query's text apart, and read it where its shape is new. Raises `QueryErrors` for malformed JSON."""
        if self._texts.get((version, source)) is not None:
            return Text(source, version)
        shape, literals = self.split(source)
        if not shape:
            return Text(source, version, data=reader.read(source))
        if self._fixed.get((version, shape)) is None:
            return Text(source, version, shape, literals, reader.read(source))
        return Text(source, version, shape, literals)

    def known(self, source: bytes, version: str) -> Optional[Known]:
        """A query whose very text was parsed before; None for others."""
        found = self._texts.get((version, source))
        return None if found is None else found[0]

    def parse(self, ctx: Context, text: Text) -> Parsed:
        """The tree of a query under a context. Raises `QueryErrors`."""
        parsed, tree = self._parse(ctx, text)
        if tree is not None and len(text.source) <= MAX_REMEMBERED and not _CONFIDENTIAL.search(text.source):
            known = Known(parsed, tree.committed, tree.scope, parsed.effect)
            self._texts.keep((text.version, text.source), known, len(text.source) + _BESIDE)
        return parsed

    def _parse(self, ctx: Context, text: Text) -> tuple[Parsed, Optional[_Tree]]:
        version, shape, literals = text.version, text.shape, text.literals
        if not shape and text.data is None:
            shape, literals = self.split(text.source)
        known = self._fixed.get((version, shape)) if shape else None
        if known is not None:
            found = self._trees.get((version, shape, _written(literals, known[0])))
            if found is not None:
                tree: _Tree = found[0]
                if tree.committed is ctx.schema.committed and tree.scope == ctx.scope:
                    values = tree.variable.values(literals)
                    if values is not None:
                        values += [None] * tree.settled
                        return Parsed(tree.node, tree.effect, values), tree
        data = reader.read(text.source) if text.data is None else text.data
        return self._first(ctx, version, shape, literals, data)

    def _first(
        self, ctx: Context, version: str, shape: tuple[str, ...], literals: tuple[Any, ...], data: Any
    ) -> tuple[Parsed, Optional[_Tree]]:
        """Parse a query of a new shape, and remember what can be used again."""
        parser = _Tracing(ctx, version)
        node = parser.query(data)
        once = Parsed(node, node.effect(), [])
        if not shape or not parser.reusable:
            return once, None
        numbered = _numbered(shape)
        places = _places(numbered)
        if places is None:
            return once, None
        variable = _Variable([(index, parser.plain[path]) for path, index in places if path in parser.plain])
        values = variable.values(literals)
        if values is None:
            return once, None
        numbers = {index: number for number, (index, _) in enumerate(variable.places)}
        maker = _Template(ctx, version, numbers)
        template = maker.query(_with_slots(numbered, literals, numbers))
        fixed = tuple(index for index in range(len(literals)) if index not in numbers)
        tree = _Tree(ctx.schema.committed, ctx.scope, template, once.effect, variable, maker.settled)
        values += [None] * tree.settled
        weight = sum(map(len, shape)) + _BESIDE
        self._fixed.keep((version, shape), fixed, weight)
        self._trees.keep((version, shape, _written(literals, fixed)), tree, weight)
        return Parsed(template, tree.effect, values), tree

    def split(self, source: bytes) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """The shape of a text and its literals; two empty ones for a text that takes a closer look: one of several lines,
        say, or one that is no JSON. (Not all of these: what cannot be told here is no JSON by its shape.)"""
        if len(source) > MAX_TEXT or len(source.translate(None, _CONTROLS)) != len(source):
            return (), ()
        escapes = b"\\" in source
        # Perhaps there is a surrogate.
        if b"\xed" in source or (escapes and (b"\\ud" in source or b"\\uD" in source)):
            return (), ()
        try:
            text = source.decode()
        except UnicodeDecodeError:
            return (), ()
        parts = _STRING.split(text) if escapes else text.split('"')
        if len(parts) % 2 == 0 or not parts[-1]:  # a string that is not closed
            return (), ()
        strings = parts[1::2]
        pieces = _NUMBER.split('""'.join(parts[::2]))
        structure = "0".join(pieces[::2])
        found = self._picks.get(structure)
        if found is None:
            found = _picks(structure), len(structure) + _BESIDE
            self._picks.keep(structure, *found)
        pick_names, pick_literals = found[0]
        names = "\n".join(pick_names(strings))
        try:
            if escapes:
                strings = json.loads('["' + '","'.join(strings) + '"]')
            if len(pieces) > 1:
                strings += _numbers(pieces[1::2])
        except (ValueError, QueryErrors):
            return (), ()
        return (structure, names), pick_literals(strings)


def _picks(structure: str) -> tuple[_Pick, _Pick]:
    """What takes the names from the strings of a text, and the literals from its strings and the numbers behind them."""
    names: list[int] = []
    literals: list[int] = []
    string, number = 0, structure.count('""')
    for token in _TOKEN.findall(structure):
        if token == "0":
            literals.append(number)
            number += 1
        else:
            (literals if token == '""' else names).append(string)
            string += 1
    return _picker(names), _picker(literals)


def _picker(indexes: list[int]) -> _Pick:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda values: tuple([values[index] for index in indexes])


def _numbers(texts: list[str]) -> list[Any]:
    """Raises ValueError or QueryErrors for what is no number, or too large."""
    text = f"[{','.join(texts)}]"
    is_sure = max(map(len, texts)) <= _SURE_DIGITS
    return json.loads(text) if is_sure else reader.read(text.encode())  # type: ignore[no-any-return]


def _written(literals: tuple[Any, ...], indexes: tuple[int, ...]) -> str:
    """Some of the literals, told apart where they are not the same: 1 and 1.0 are equal."""
    return repr([literals[index] for index in indexes])


def _id(scope: int, coll: int) -> _Convert:
    """Refs of one collection's documents from the text of their ids."""

    def convert(digits: str) -> Any:
        if not digits.isdecimal() or not digits.isascii() or len(digits) > _SURE_DIGITS:
            return None
        return v.Ref(scope, coll, int(digits))

    return convert


_TEMPORAL: dict[str, _Convert] = {"@ts": parse_time_literal, "@date": parse_date}


def _numbered(shape: tuple[str, ...]) -> str:
    """The text of a shape with the number of each literal in its place."""
    structure, names = shape
    name, number = iter(names.split("\n")), count()
    pieces = _TOKEN.split(structure)
    for at in range(1, len(pieces), 2):
        token = pieces[at]
        pieces[at] = f'"{next(name)}{token[1:]}' if token[-1] == ":" else str(next(number))
    return "".join(pieces)


def _read_numbered(numbered: str, value: Callable[[str], Any]) -> Any:
    """The JSON data of a numbered text. value: makes what stands for a literal of its number. Raises ValueError."""
    return json.loads(numbered, object_pairs_hook=reader.first_wins, parse_int=value)


def _places(numbered: str) -> Optional[list[tuple[Position, int]]]:
    """The path and the number of each literal. None when the text is not a single JSON value."""
    try:
        data = _read_numbered(numbered, lambda text: Slot(int(text)))
    except ValueError:
        return None
    return list(_slots(data, None))


def _slots(data: Any, path: Position) -> Iterator[tuple[Position, int]]:
    if type(data) is Slot:
        yield path, data.index
    elif type(data) is dict or type(data) is list:
        for key, item in data.items() if type(data) is dict else enumerate(data):
            yield from _slots(item, (path, key))


def _with_slots(numbered: str, literals: tuple[Any, ...], numbers: dict[int, int]) -> Any:
    """The JSON data of a text, with a `Slot` for each literal that may vary. numbers: literal -> number of its slot."""

    def slot(text: str) -> Any:
        index = int(text)
        number = numbers.get(index)
        return literals[index] if number is None else Slot(number)

    return _read_numbered(numbered, slot)


def _is_fixed(path: Position) -> bool:
    while path is not None and type(path[1]) is int:
        path = path[0]
    return path is not None and path[1] in _FIXED_KEYS


class _Tracing(Parser):
    """Notes which literals are but values. plain: by their paths, what converts each; None: nothing."""

    def __init__(self, ctx: Context, version: str):
        super().__init__(ctx, version)
        self.plain: dict[Position, Optional[_Convert]] = {}

    def parse(self, source: Any, pos: Position, names: Names) -> Node:
        if type(source) is list:
            self._note_all(enumerate(source), pos)
        else:
            self._note(source, pos)
        return super().parse(source, pos, names)

    def object(self, source: Any, pos: Position, names: Names) -> Node:
        if type(source) is dict:
            self._note_all(source.items(), (pos, "object"))
        return super().object(source, pos, names)

    def _note_all(self, items: Iterable[tuple[Any, Any]], pos: Position) -> None:
        for key, item in items:
            self._note(item, (pos, key))

    def _note(self, source: Any, pos: Position, convert: Optional[_Convert] = None) -> None:
        if type(source) in _SCALARS and not self._free and not _is_fixed(pos):
            self.plain[pos] = convert

    def _escape(self, source: dict[str, Any], pos: Position, names: Names) -> Node:
        node = super()._escape(source, pos, names)
        if len(source) == 1 and type(node) is Const:
            (key,) = source
            if key in _TEMPORAL:
                self._note(source[key], (pos, key), _TEMPORAL[key])
            elif key == "@ref" and _names_document(source[key], node.value):
                self._note(source[key]["id"], ((pos, key), "id"), _id(node.value.scope, node.value.coll))
        return node


_SCALARS = frozenset((str, int, float))


def _names_document(content: Any, value: Any) -> bool:
    """Whether the content of ``@ref`` is the plain form of a document's ref."""
    if type(content) is not dict or content.keys() != {"id", "collection"} or type(content["id"]) is not str:
        return False
    return type(value) is v.Ref and value.coll >= v.FIRST_COLLECTION


class _Template(Parser):
    """Parses the data of a shape: a slot becomes a `Param`. The parser has found nothing but a value in its place."""

    def __init__(self, ctx: Context, version: str, numbers: dict[int, int]):
        super().__init__(ctx, version)
        self.numbers = numbers
        self.settled = 0

    def _call(self, form: Form, source: dict[str, Any], pos: Position, names: Names) -> Node:
        node = storing(super()._call(form, source, pos, names))
        if not form.settled or self._free:  # a set may take its lambda along into another database
            return node
        units = 1
        for _, argument, _, _ in node.slots:  # type: ignore[attr-defined]
            more = units_settled(argument)
            if more is None:
                return node
            units += more
        self.settled += 1
        return Settled(node, len(self.numbers) + self.settled - 1, units)

    def parse(self, source: Any, pos: Position, names: Names) -> Node:
        if type(source) is Slot:
            return Param(source.index, pos)
        if type(source) is list and is_flat(source) and any(type(item) is Slot for item in source):
            return ParamArray([self.parse(item, (pos, i), names) for i, item in enumerate(source)], pos)
        return with_params(super().parse(source, pos, names))

    def object(self, source: Any, pos: Position, names: Names) -> Node:
        members, is_object = self.fields(source, "object", pos)
        if is_object and is_flat(members.values()) and any(type(item) is Slot for item in members.values()):
            inner = (pos, "object")
            return ParamObject(
                {key: self.parse(item, (inner, key), names) for key, item in members.items()}, pos
            )
        return with_text(with_params(super().object(source, pos, names)))

    def _escape(self, source: dict[str, Any], pos: Position, names: Names) -> Node:
        if len(source) == 1:
            (content,) = source.values()
            slot = content.get("id") if type(content) is dict else content
            if type(slot) is Slot:
                return Param(slot.index, pos)
        return super()._escape(source, pos, names)
