"""Queries parsed before: applications send few shapes of query, with other literals in them each time.

A request's text is told apart into its literals and the rest, its shape. A shape seen before is not parsed again: its
tree holds a `Param` where a literal stood, and each run brings its own (`Context.literals`). A text seen twice before
skips even that. Errors and their positions are the same either way, since a position is a path and names no literal.

Not every literal may change without changing the tree. Names of variables, what stands in an escape, paths of
``select`` and everything in a lambda (whose source may be stored or compared) are fixed: they belong to the shape.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..integers import short_int
from ..java.times import parse_date, parse_time_literal
from ..records import NamedTuple, maker
from . import reader
from . import values as v
from .calls import NameNode, Settled, SettledRef, units_settled
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
#: Texts that are noted as seen, before all of them are forgotten: as many as may be remembered.
MAX_SEEN = MAX_TEXTS >> 8
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
    """A request's query as it came. data: as JSON, where that was needed."""

    source: bytes
    version: str
    data: Any = None


class Parsed(NamedTuple):
    """A tree with the literals of one run. effect: its static effect."""

    node: Node
    effect: int
    literals: list[Any]


class Known(NamedTuple):
    """A query of which the text or the shape was parsed before: as `Parsed`. committed, scope: the schema and the database
    for which that is good."""

    node: Node
    effect: int
    literals: list[Any]
    committed: Any
    scope: int


#: From a literal to what a `Param` gives; None for one that only the parser can judge.
_Convert = Callable[[Any], Any]
#: What takes some of many values.
_Pick = Callable[[tuple[Any, ...]], tuple[Any, ...]]


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


class _Shape(NamedTuple):
    """A shape that was parsed before. number: stands for it. places: the indexes of the literals that are part of the tree.

    fixed: takes those. are_texts: whether all of them are; numbers have to be told apart where they are equal, such as 1
    and 1.0.
    """

    number: int
    places: list[int]
    fixed: _Pick
    are_texts: bool

    def key(self, literals: tuple[Any, ...], scope: int) -> Any:
        """What stands for the tree of these literals in a database."""
        fixed = self.fixed(literals)
        return (self.number, fixed if self.are_texts else repr(fixed), scope)


class _Tree(NamedTuple):
    """A tree good for one version of the schema and one database. variable: the literals that its `Param` stand for.
    settled: None for each `Settled` that it has, whose values follow those of the literals."""

    committed: Any
    scope: int
    node: Node
    effect: int
    variable: _Variable
    settled: tuple[None, ...]


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

    def drop(self, key: Any) -> None:
        with self._lock:
            self.weight -= self._kept.pop(key, (None, 0))[1]


_known = maker(Known)


class PreparedQueries:
    """The queries that an engine has parsed. Any thread may use it."""

    def __init__(self) -> None:
        self._texts = _Cache(MAX_TEXTS)
        #: hashes of texts and of structures that were seen: most are never seen again, and keeping one takes longer
        self._seen: set[int] = set()
        #: structure -> what takes the names from its strings, and the literals from its strings and numbers
        self._picks = _Cache(MAX_TREES)
        #: (version, structure, names) -> shape
        self._shapes = _Cache(MAX_TREES)
        self._numbers = count()
        #: key of a shape with its fixed literals -> tree
        self._trees = _Cache(MAX_TREES)

    def __len__(self) -> int:
        """Trees remembered."""
        return len(self._trees)

    @property
    def weight(self) -> int:
        """Characters of all that is remembered."""
        return sum(cache.weight for cache in (self._texts, self._picks, self._shapes, self._trees))

    def read(self, source: bytes, version: str) -> Text:
        """A query's text, with its data if it has to be parsed. Raises `QueryErrors` for malformed JSON."""
        known = self.known(source, version)
        return Text(source, version, reader.read(source) if known is None else None)

    def known(self, source: bytes, version: str, scope: int = 0) -> Optional[Known]:
        """A query whose text or shape was parsed before; None for others. scope: the database that it is probably for."""
        name = (version, source, scope)
        found = self._texts.get(name)
        if found is not None:
            return found[0]  # type: ignore[no-any-return]
        structure, names, literals = self.split(source)
        found = self._shapes.get((version, structure, names))
        if found is None:
            return None
        found = self._trees.get(found[0].key(literals, scope))
        if found is None:
            return None
        committed, _, node, effect, variable, settled = found[0]
        values = variable.values(literals)
        if values is None:
            return None
        values += settled
        known: Known = _known((node, effect, values, committed, scope))
        self._note(name, known)
        return known

    def _note(self, name: tuple[str, bytes, int], known: Known) -> None:
        """Remember a text if it was seen before."""
        source = name[1]
        if self._was_seen(name) and len(source) <= MAX_REMEMBERED and not _CONFIDENTIAL.search(source):
            self._texts.keep(name, known, len(source) + _BESIDE)

    def parse(self, ctx: Context, text: Text) -> Parsed:
        """The tree of a query under a context, which is remembered if it can be used again. Raises `QueryErrors`."""
        source, version, data = text
        self._texts.drop((version, source, ctx.scope))  # it may be known from another version of the schema
        parser = _Tracing(ctx, version)
        node = parser.query(reader.read(source) if data is None else data)
        once = Parsed(node, node.effect(), [])
        structure, names, literals = self.split(source)
        if not structure or not parser.reusable:
            return once
        numbered = _numbered(structure, names)
        places = _places(numbered)
        if places is None:
            return once
        variable = _Variable([(index, parser.plain[path]) for path, index in places if path in parser.plain])
        values = variable.values(literals)
        if values is None:
            return once
        numbers = {index: number for number, (index, _) in enumerate(variable.places)}
        writer = _Template(ctx, version, numbers)
        template = writer.query(_with_slots(numbered, literals, numbers))
        settled = (None,) * writer.settled
        tree = _Tree(ctx.schema.committed, ctx.scope, template, once.effect, variable, settled)
        shape = self._shape((version, structure, names), literals, numbers)
        fixed = sum(len(each) for each in shape.fixed(literals) if type(each) is str)
        self._trees.keep(
            shape.key(literals, ctx.scope), tree, len(structure) + sum(map(len, names)) + fixed + _BESIDE
        )
        values += settled
        return Parsed(template, tree.effect, values)

    def _shape(self, key: Any, literals: tuple[Any, ...], variable: Container[int]) -> _Shape:
        """The shape that is kept by a key. variable: the literals that may change without changing the tree."""
        places = [index for index in range(len(literals)) if index not in variable]
        found = self._shapes.get(key)
        if found is not None and found[0].places == places:
            return found[0]  # type: ignore[no-any-return]
        are_texts = all(type(literals[index]) is str for index in places)
        shape = _Shape(next(self._numbers), places, _picker(places), are_texts)
        _, structure, names = key
        self._shapes.keep(key, shape, len(structure) + sum(map(len, names)) + _BESIDE)
        return shape

    def split(self, source: bytes) -> tuple[str, tuple[str, ...], tuple[Any, ...]]:
        """Tell a text apart: its structure, in which ``""`` stands for each string and 0 for each number; its names; and
        its literals, which are its other strings and its numbers, in order.

        All are empty for a text that takes a closer look: one of several lines, say, or one that is no JSON. (Not all of
        these: what cannot be told here is no JSON by its structure.)
        """
        if len(source) > MAX_TEXT or len(source.translate(None, _CONTROLS)) != len(source):
            return _CLOSER
        try:
            text = source.decode()
        except UnicodeDecodeError:  # there may be surrogates
            return _CLOSER
        escapes = "\\" in text
        parts = tuple(_STRING.split(text) if escapes else text.split('"'))
        if len(parts) % 2 == 0 or not parts[-1]:  # a string that is not closed
            return _CLOSER
        strings = parts[1::2]
        written = '""'.join(parts[::2])
        try:
            found = self._picks.get(written)
            picks: _Picks = self._new_picks(written) if found is None else found[0]
            values = _unescaped(strings) if escapes else strings
        except (ValueError, QueryErrors):
            return _CLOSER
        structure, names, literals, numbers = picks
        return structure, names(strings), literals(values + numbers)

    def _new_picks(self, written: str) -> _Picks:
        """The `_Picks` of a text by its structure with the numbers as they are written, which is remembered when it comes
        again: most have the same numbers each time. Raises ValueError or QueryErrors."""
        pieces = tuple(_NUMBER.split(written))
        structure = "0".join(pieces[::2])
        found = self._picks.get(structure)
        picks = _picks(structure) if found is None else found[0]
        if found is None:
            self._picks.keep(structure, picks, len(structure) + _BESIDE)
        if len(pieces) > 1:
            structure, names, literals, _ = picks
            picks = _new_picks((structure, names, literals, _numbers(pieces[1::2])))
            if self._was_seen(written):
                self._picks.keep(written, picks, len(written) + _BESIDE)
        return picks

    def _was_seen(self, text: Any) -> bool:
        """Whether a text was seen before, as far as is remembered."""
        seen, mark = self._seen, hash(text)
        if mark in seen:
            return True
        if len(seen) >= MAX_SEEN:
            seen.clear()
        seen.add(mark)
        return False


#: What `PreparedQueries.split` gives for a text that takes a closer look.
_CLOSER: tuple[str, tuple[str, ...], tuple[Any, ...]] = ("", (), ())


class _Picks(NamedTuple):
    """What takes the names from the strings of a text, and the literals from the values of its strings and its numbers."""

    structure: str
    names: _Pick
    literals: _Pick
    numbers: tuple[Any, ...]


_new_picks = maker(_Picks)


def _picks(structure: str) -> _Picks:
    """Those of the text in which each number is 0."""
    names: list[int] = []
    literals: list[int] = []
    strings = structure.count('""')
    string, number = 0, strings
    for token in _TOKEN.findall(structure):
        if token == "0":
            literals.append(number)
            number += 1
        else:
            (literals if token == '""' else names).append(string)
            string += 1
    return _Picks(structure, _picker(names), _picker(literals), (0,) * (number - strings))


def _picker(indexes: list[int]) -> _Pick:
    """What takes the values at some indexes."""
    if len(indexes) > 1:
        return itemgetter(*indexes)
    if indexes:  # for one, `itemgetter` would take the value itself
        return itemgetter(slice(indexes[0], indexes[0] + 1))
    return itemgetter(slice(0, 0))


def _read_plain(text: str) -> tuple[Any, ...]:
    """The items of a JSON array. Raises ValueError where that is not all that the text is."""
    # Without the looks for white space that `json.loads` takes.
    try:
        items, end = _scan(text, 0)
    except StopIteration:
        raise ValueError from None
    if end != len(text):
        raise ValueError
    return tuple(items)


_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _unescaped(strings: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError for what is no string, or holds half of a surrogate pair."""
    values: tuple[str, ...] = _read_plain('["' + '","'.join(strings) + '"]')
    joined = "".join(values)
    if not joined.isascii() and reader.has_surrogates(joined):
        raise ValueError
    return values


def _numbers(texts: tuple[str, ...]) -> tuple[Any, ...]:
    """Raises ValueError or QueryErrors for what is no number, or too large."""
    text = f"[{','.join(texts)}]"
    if max(map(len, texts)) <= _SURE_DIGITS:
        return _read_plain(text)
    return tuple(reader.read(text.encode()))


def _id(scope: int, coll: int) -> _Convert:
    """Refs of one collection's documents from the text of their ids."""

    def convert(digits: str) -> Any:
        id = short_int(digits)
        return None if id is None else v.Ref(scope, coll, id)

    return convert


_TEMPORAL: dict[str, _Convert] = {"@ts": parse_time_literal, "@date": parse_date}


def _numbered(structure: str, names: Sequence[str]) -> str:
    """The text of a shape with the number of each literal in its place."""
    name, number = iter(names), count()
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
        slot = len(self.numbers) + self.settled
        self.settled += 1
        arguments = [argument for _, argument, _, _ in node.slots]  # type: ignore[attr-defined]
        if form.name == "ref" and [type(argument) for argument in arguments] == [NameNode, Param]:
            return SettledRef(node, slot, units, arguments[1].index)
        return Settled(node, slot, units)

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
