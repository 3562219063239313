"""What an index is (sets and reads, "Index entries"): `Index` is an index document made ready for use.

`extraction` finds the entries that a version of a document has in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from ..language import values as v

if TYPE_CHECKING:
    from ..language.context import Context

Step = Union[str, int]


class Field:
    """One term or value of an index.

    It has either a path, as steps from the document's fields, or the name of a binding. mva: an array contributes each of
    its elements. is_time: whether it is the document's ``ts``. name: the member of ``data``, if the path is no more than that.
    plain: the path, if it goes into ``data`` by names and a scalar there is what the field finds; () for the document's own
    ref; None for other fields.
    """

    __slots__ = ("binding", "casefold", "is_time", "mva", "name", "path", "plain", "reverse")

    def __init__(self, config: dict[str, Any]):
        self.binding: Optional[str] = config.get("binding")
        path = config.get("field")
        self.path: Optional[list[Step]] = None
        if self.binding is None:
            self.path = list(path) if isinstance(path, list) else [path]  # type: ignore[list-item]
        self.reverse: bool = config.get("reverse") is True
        self.casefold: bool = config.get("transform") == "casefold"
        self.mva: bool = config.get("mva") is not False
        self.is_time: bool = self.path == ["ts"]
        steps = tuple([step for step in self.path or () if isinstance(step, str)])
        named = len(steps) > 1 and steps[0] == "data" and len(steps) == len(self.path or ())
        self.name: Optional[str] = steps[1] if named and len(steps) == 2 else None
        self.plain: Optional[tuple[str, ...]] = None
        if self.path == ["ref"]:
            self.plain = ()
        elif named and (self.mva or not self.casefold):
            self.plain = steps


#: How many partitions a set without terms counts as when reads are billed (all documents of a collection, for example).
PARTITIONS = 8


class Source:
    """One element of an index's ``source``. collections: their numbers; None for every user collection."""

    __slots__ = ("bindings", "collections")

    def __init__(self, collections: Optional[frozenset[int]], bindings: dict[str, v.Lambda]):
        self.collections = collections
        self.bindings = bindings


class Index:
    """An index document made ready for use.

    terms, values: its fields in order. descending: for each value whether it is. active: whether it may be read.
    built_at_once: whether the form of its source allows the creating transaction to build it. only_term: the term, if the
    index has just one, which is a plain member of ``data``, and no values, as many indexes do. members: the members of
    ``data`` on which the entries of a document that does not expire depend; None if they depend on something else, too.
    """

    __slots__ = (
        "active",
        "built_at_once",
        "descending",
        "id",
        "members",
        "name",
        "only_term",
        "ref",
        "scope",
        "serialized",
        "sources",
        "terms",
        "unique",
        "values",
        "wildcard",
    )

    def __init__(
        self,
        ref: v.Ref,
        name: str,
        terms: list[Field],
        values: list[Field],
        sources: list[Source],
        *,
        unique: bool = False,
        active: bool = False,
        serialized: bool = True,
        built_at_once: bool = False,
    ):
        self.ref = ref
        self.scope = ref.scope
        self.id = ref.id
        self.name = name
        self.terms = terms
        only = terms[0] if len(terms) == 1 and not values else None
        self.only_term = only if only is not None and only.name is not None and only.mva else None
        self.values = values
        self.members = _members(terms, values)
        self.sources = sources
        self.unique = unique
        self.active = active
        self.serialized = serialized
        self.built_at_once = built_at_once
        self.descending = tuple(field.reverse for field in values)
        self.wildcard = any(source.collections is None for source in sources)

    @property
    def partitions(self) -> int:
        """How many partitions a read of the entries for one term tuple is billed for."""
        return 1 if self.unique or self.terms else PARTITIONS

    @classmethod
    def from_fields(cls, scope: int, id: int, fields: dict[str, Any]) -> Index:
        """The index of a stored (validated) index document. fields: its decoded top-level fields."""
        source = fields.get("source")
        return cls(
            v.Ref(scope, v.INDEXES, id),
            fields["name"],
            _fields(fields.get("terms")),
            _fields(fields.get("values")),
            list(_sources(source)),
            unique=fields.get("unique") is True,
            active=fields.get("active") is True,
            serialized=fields.get("serialized") is not False,
            built_at_once=not isinstance(source, list),
        )

    @property
    def collections(self) -> Optional[frozenset[int]]:
        """Numbers of the collections it covers; None when it covers every user collection."""
        if self.wildcard:
            return None
        return frozenset().union(*(source.collections or () for source in self.sources))

    def source_of(self, coll: int) -> Optional[Source]:
        """The source that applies to a collection: one that names it wins over the wildcard. None if it is not covered."""
        wildcard = None
        for source in self.sources:
            if source.collections is None:
                wildcard = source
            elif coll in source.collections:
                return source
        return wildcard if coll >= v.FIRST_COLLECTION else None

    def covers(self, coll: int) -> bool:
        """Whether documents of a collection may have entries in this index."""
        return self.source_of(coll) is not None

    def __repr__(self) -> str:
        return f"Index({self.scope}, {self.id}, {self.name!r})"


def _members(terms: list[Field], values: list[Field]) -> Optional[frozenset[str]]:
    """The members of ``data`` that fields read; None if they read something else that can differ between versions."""
    found = set()
    for field in (*terms, *values):
        path = field.path or []
        if len(path) > 1 and path[0] == "data" and isinstance(path[1], str):
            found.add(path[1])
        elif path[:1] != ["ref"] and not (
            field.is_time and field in terms
        ):  # as a term, ``ts`` is always null
            return None
    return frozenset(found)


def _fields(config: Any) -> list[Field]:
    if config is None:
        return []
    return [Field(item) for item in (config if isinstance(config, list) else [config])]


def _sources(config: Any) -> Iterator[Source]:
    """The sources in a stored ``source`` field: a ref, "_", an object, or a list of these."""
    if isinstance(config, list):
        for item in config:
            yield from _sources(item)
    elif isinstance(config, dict):
        target = config["collection"] if "collection" in config else config.get("class")
        targets = target if isinstance(target, list) else [target]
        yield Source(_numbers(targets), dict(config.get("fields") or {}))
    elif config is not None:
        yield Source(_numbers([config]), {})


def _numbers(targets: list[Any]) -> Optional[frozenset[int]]:
    """The numbers of some collections; None if the wildcard ("_") is among them."""
    if "_" in [target for target in targets if isinstance(target, str)]:
        return None
    return frozenset(target.id for target in targets if isinstance(target, v.Ref))


def live_sources(ctx: Context, index: Index) -> list[int]:
    """The numbers of the existing collections that an index covers, ascending."""
    covered = index.collections
    if covered is None:
        refs = ctx.schema.items(index.scope, v.COLLECTIONS)
        named = {number for source in index.sources for number in source.collections or ()}
        covered = frozenset(ref.id for ref in refs) | named
    return sorted(number for number in covered if ctx.schema.collection(index.scope, number) is not None)
