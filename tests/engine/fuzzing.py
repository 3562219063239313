"""Random queries in wire form, built from the registry: mostly well-formed, some slightly broken.

`Generator(random).query()` gives one, `text` its JSON. Arguments follow the casts of the forms, with wrong types mixed in, and name
the things that `FIXTURE` creates.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from faunadb.engine.language.registry import FORMS, WRITE, Form

# The database that the queries run against


def _ref(collection: str, number: Any) -> dict[str, Any]:
    return {"ref": {"collection": collection}, "id": str(number)}


def _plain(value: Any) -> Any:
    return {"quote": value}


def _create(kind: str, **fields: Any) -> dict[str, Any]:
    return {kind: {"object": fields}}


def _lambda(pattern: Any, body: Any) -> dict[str, Any]:
    return {"lambda": pattern, "expr": body}


def _function(name: str, pattern: Any, body: Any) -> dict[str, Any]:
    return _create("create_function", name=name, body={"query": _lambda(pattern, body)})


def _index(name: str, terms: Any = None, values: Any = None, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": name, "source": {"collection": "spells"}, **more}
    if terms:
        fields["terms"] = [{"object": {"field": ["data", term]}} for term in terms]
    if values:
        fields["values"] = [
            {"object": {"field": ["data", value.lstrip("-")], "reverse": value.startswith("-")}}
            for value in values
        ]
    return _create("create_index", **fields)


def _spell(number: int) -> Any:
    data = {
        "name": f"spell {number}",
        "element": ["fire", "water", "air", None][number % 4],
        "cost": [number, float(number), str(number), [number]][number % 4],
        "tags": ["a", "b", number][: number % 4],
        "caster": {"level": number % 3, "on": {"@date": "2020-02-29"}},
    }
    return {"create": _ref("spells", number), "params": {"object": {"data": _plain(data)}}}


FIXTURE: list[Any] = [
    _create("create_collection", name="spells", history_days=30),
    _create("create_collection", name="books"),
    _create("create_database", name="child"),
    {
        "do": [
            _index("by_element", ["element"], unique=False),
            _index("by_cost", None, ["-cost", "name"]),
            _index("by_tags", ["tags"], ["caster"]),
            _index("by_name", ["name"], unique=True),
        ]
    },
    {
        "do": [
            _function("double", "x", {"multiply": [{"var": "x"}, 2]}),
            _function("pair", ["a", "b"], [{"var": "b"}, {"var": "a"}]),
            _function("forever", "x", {"call": {"function": "forever"}, "arguments": {"var": "x"}}),
            _function("failing", "x", {"divide": [{"var": "x"}, 0]}),
            _function("learn", "x", {"create": {"collection": "books"}, "params": {"object": {}}}),
            _create("create_role", name="reader", privileges=[]),
            _create("create_key", role="server"),
        ]
    },
    {"do": [_spell(number) for number in range(1, 21)]},
    {
        "do": [
            {"update": _ref("spells", 3), "params": _plain({"data": {"cost": 7}})},
            {"delete": _ref("spells", 9)},
        ]
    },
    {
        "create": _ref("books", 1),
        "params": {"object": {"data": _plain({"n": 1}), "credentials": _plain({"password": "sesame"})}},
    },
]

# Leaves

_INTEGERS = [0, 1, 2, 3, 7, -1, 16, 64, 100, 1023, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63)]
_DOUBLES = [0.0, -0.0, 0.5, 1.0, -2.5, 1e15, 1e308, 5e-324, 1e-7, 123456789.125]
_STRINGS = [
    "", "a", "abc", "Grüße, 世界", "😀", "e\u0301", "\u0000", " ", "true", "12", "-1.5e3", "NaN", "%d %s %5.2f", "$1",
    "(a|b)*c", "[a-z]+", "(?<x>.)", "\\", "data", "name", "spells", "by_cost", "double", "child", "ts", "ref", "admin",
    "server", "create", "update", "delete", "NFKC", "Grüße" * 40, "1" * 30, "year", "collections", "_", "events",
]  # fmt: skip
_TIMES = [
    "1970-01-01T00:00:00Z", "2020-02-29T12:34:56.789012345Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z",
    "2262-04-11T23:47:16.854775807Z", "1969-12-31T23:59:59.5Z", "-999999999-01-01T00:00:00Z", "2100-01-01T00:00:00+05:30",
]  # fmt: skip
_DATES = ["1970-01-01", "2020-02-29", "9999-12-31", "0001-01-01", "+999999999-12-31", "-0044-03-15"]
_UNITS = [
    "day", "days", "half day", "half days", "hour", "minutes", "second", "milliseconds", "microsecond",
    "nanoseconds", " days ",
]  # fmt: skip
_COLLECTIONS = ["spells", "books", "nothing"]
_INDEXES = ["by_element", "by_cost", "by_tags", "by_name", "nothing"]
_FUNCTIONS = ["double", "pair", "forever", "failing", "learn", "nothing"]
_FIELDS = ["data", "name", "cost", "element", "tags", "caster", "level", "ref", "ts", "after", "before", "id"]

#: Forms whose result is likely of a type, tried when a value of that type is wanted.
_PRODUCERS = {
    "Integer": "count add subtract multiply bitand to_integer to_micros year sign divide modulo".split(),
    "Number": "add divide sum mean to_number pow round exp max sqrt count".split(),
    "Boolean": "equals lt gte not and or is_empty exists contains_path any all is_set is_doc".split(),
    "String": "to_string concat casefold format substring replace_str lowercase repeat trim".split(),
    "Array": "map filter take drop append prepend distinct reverse to_array".split(),
    "Object": "object merge to_object get reduce".split(),
    "Set": "match union intersection difference distinct documents range join filter reverse singleton events".split(),
    "Time": "now time epoch time_add time_subtract to_time".split(),
    "Ref": "ref select collection index function".split(),
}

_NAMED: dict[str, list[Form]] = {}


def _load_forms() -> None:
    if _NAMED:
        return
    import faunadb.engine.engine  # noqa: F401  (registers the forms)

    for form in FORMS:
        _NAMED.setdefault(form.name, []).append(form)


class Generator:
    """Queries from one source of randomness."""

    def __init__(self, random: Random):
        _load_forms()
        self.random = random
        self.names: list[str] = []
        self.room = 0
        self.wanted: dict[str, Callable[[int], Any]] = {
            "Integer": lambda depth: self.pick(_INTEGERS),
            "Number": lambda depth: self.pick(_INTEGERS + _DOUBLES),
            "Boolean": lambda depth: self.random.random() < 0.5,
            "String": lambda depth: self.pick(_STRINGS),
            "Object": self.object,
            "Array": self.array,
            "Null": lambda depth: None,
            "Time": self.time,
            "Temporal": self.time,
            "Time Unit": lambda depth: self.pick(_UNITS),
            "Action": lambda depth: self.pick(["create", "update", "delete"]),
            "Normalizer": lambda depth: self.pick(["NFKCCaseFold", "NFC", "NFD", "NFKC", "NFKD"]),
            "Regex": lambda depth: self.pick(_STRINGS),
            "Ref": self.ref,
            "Set": self.set,
            "Database Ref": lambda depth: {"database": self.pick(["child", "nothing"])},
            "Collection Ref": lambda depth: {"collection": self.pick(_COLLECTIONS)},
        }

    def pick(self, options: Any) -> Any:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # Queries

    def query(self) -> Any:
        """A query as wire JSON data, broken in one place now and then."""
        self.names = []
        self.room = self.pick([6, 15, 40, 120])
        forms = [form for form in FORMS if form.effect == WRITE] if self.chance(0.2) else FORMS
        query = self.form(self.pick(forms), self.pick([1, 2, 3, 4, 6]))
        return self.broken(query) if self.chance(0.15) else query

    def text(self, query: Any) -> str:
        """The query as JSON, now and then nested deeply in others or no longer JSON."""
        text = json.dumps(query)
        if self.chance(0.01):
            cut = self.random.randrange(len(text))
            return text[:cut] + self.pick(["", '"', "}", "\\", "\ud800"]) + text[cut + 1 :]
        if not self.chance(0.02):
            return text
        before, after = self.pick(
            [("[", "]"), ('{"not":', "}"), ('{"do":[', "]}"), ('{"object":{"data":', "}}")]
        )
        times = self.pick([50, 300, 900, 1100, 3000])
        return before * times + text + after * times

    def form(self, form: Form, depth: int) -> Any:
        self.room -= 1
        if form.parse and form.name in _SPECIAL:
            return _SPECIAL[form.name](self, depth)
        chosen = [*form.required, *(arg for arg in form.optional if self.chance(0.4))]
        return {
            arg.key: self.argument(arg.key, arg.cast.name if arg.cast else "any", depth - 1) for arg in chosen
        }

    def argument(self, key: str, cast: str, depth: int) -> Any:
        if cast[-1] in "*+":
            cast = cast[:-1]
            if self.chance(0.8):
                return [self.argument(key, cast, depth) for _ in range(self.random.randint(0, 4))]
        special = _ARGUMENTS.get(key)
        if special is not None and self.chance(0.85):
            return special(self, depth)
        if self.chance(0.06):
            return self.any(depth)
        return self.typed(self.kind(cast), depth)

    def kind(self, cast: str) -> str:
        """One of the types that a cast accepts, by its name."""
        options = {
            "Array, Set, or Page": ["Array", "Array", "Set", "Page"],
            "Set or Array": ["Array", "Set", "Set"],
            "Ref or Set": ["Ref", "Set"],
            "String or Integer": ["String", "Integer"],
            "Database Ref or Null": ["Null", "Null", "Database Ref"],
            "Identifier": ["Ref", "Collection Ref", "String"],
        }.get(cast, [cast])
        return self.pick(options)

    def typed(self, kind: str, depth: int) -> Any:
        if kind == "any":
            return self.any(depth)
        if kind == "Page":
            return {"paginate": self.set(depth - 1), "size": self.pick([0, 1, 2, 64])}
        if self.names and self.chance(0.25):
            return {"var": self.pick(self.names)}
        producers = _PRODUCERS.get(kind, ())
        if producers and depth > 0 and self.room > 0 and self.chance(0.4):
            forms = _NAMED.get(self.pick(producers))
            if forms:
                return self.form(self.pick(forms), depth)
        make = self.wanted.get(kind)
        return self.any(depth) if make is None else make(depth)

    def any(self, depth: int) -> Any:
        if depth > 0 and self.room > 0 and self.chance(0.35):
            return self.form(self.pick(FORMS), depth)
        if self.names and self.chance(0.3):
            return {"var": self.pick(self.names)}
        leaf = self.pick(_LEAVES)
        return leaf(self, depth)

    # Values

    def array(self, depth: int) -> Any:
        if self.chance(0.6):
            kind = self.pick(["Integer", "String", "Number", "Time", "Ref", "Boolean"])
            return [self.typed(kind, depth - 2) for _ in range(self.random.randint(0, 5))]
        return [self.any(depth - 1) for _ in range(self.random.randint(0, 4))]

    def object(self, depth: int) -> Any:
        count = self.random.randint(0, 4)
        return {"object": {self.pick(_FIELDS): self.any(depth - 1) for _ in range(count)}}

    def time(self, depth: int) -> Any:
        if self.chance(0.2):
            return {"@date": self.pick(_DATES)}
        return {"@ts": self.pick(_TIMES)} if self.chance(0.8) else {"now": None}

    def ref(self, depth: int) -> Any:
        chosen = self.random.random()
        if chosen < 0.5:
            return _ref(self.pick(_COLLECTIONS), self.random.randint(0, 25))
        if chosen < 0.6:
            number = str(self.random.randint(0, 25))
            return {"@ref": {"id": number, "collection": {"@ref": {"id": "spells", "collection": _NATIVE}}}}
        if chosen < 0.7:
            return {
                self.pick(
                    ["databases", "collections", "indexes", "functions", "roles", "keys", "tokens"]
                ): None
            }
        kind, names = self.pick([("collection", _COLLECTIONS), ("index", _INDEXES), ("function", _FUNCTIONS)])
        return {kind: self.pick(names)}

    def set(self, depth: int) -> Any:
        chosen = self.random.random()
        if chosen < 0.3:
            return {"documents": {"collection": self.pick(_COLLECTIONS)}}
        if chosen < 0.5:
            return {"match": {"index": "by_cost"}}
        if chosen < 0.8 or depth <= 0:
            terms = self.pick(["fire", "a", None, "spell 3", ["b", 3], 5])
            return {"match": {"index": self.pick(_INDEXES)}, "terms": terms}
        return self.form(self.pick(_NAMED[self.pick(_PRODUCERS["Set"])]), depth)

    def lambda_(self, depth: int) -> Any:
        count = self.pick([0, 1, 1, 1, 2, 2, 3])
        fresh = [f"v{self.random.randint(0, 4)}" for _ in range(count)]
        pattern: Any = fresh[0] if count == 1 else (fresh if fresh else "_")
        before = self.names
        self.names = [*before, *fresh]
        try:
            return _lambda(pattern, self.any(depth))
        finally:
            self.names = before

    def cursor(self, depth: int) -> Any:
        chosen = self.random.random()
        if chosen < 0.3:
            return self.any(depth)
        if chosen < 0.6:
            side = self.pick(["after", "before"])
            return {"object": {side: self.any(depth)}}
        return [self.pick([3, "spell 3", None, 2.0]), self.ref(0)][self.random.randint(0, 1) :]

    def path(self, depth: int) -> Any:
        steps = [self.pick([*_FIELDS, 0, 1, -1]) for _ in range(self.random.randint(0, 3))]
        return steps[0] if len(steps) == 1 and self.chance(0.5) else steps

    # Breaking

    def broken(self, query: Any) -> Any:
        """The query with one subtree or key damaged."""
        copy = json.loads(json.dumps(query))
        places = list(_places(copy))
        if not places:
            return self.any(1)
        parent, key = self.pick(places)
        chosen = self.random.random()
        if chosen < 0.5:
            parent[key] = self.any(1)
        elif chosen < 0.7 and type(parent) is dict:
            parent[self.pick([*_NAMED, "@ref", "@set", "@ts", "@obj", "object"])] = parent.pop(key)
        elif chosen < 0.85:
            del parent[key]
        elif type(parent) is dict:
            parent[self.pick(["x", "params", "ts", "size", "scope", ""])] = self.any(1)
        else:
            parent.append(self.any(1))
        return copy


def _places(data: Any) -> Any:
    """Every (container, key) of a piece of JSON."""
    todo = [data]
    while todo:
        item = todo.pop()
        keys = list(item) if type(item) is dict else list(range(len(item))) if type(item) is list else []
        for key in keys:
            yield item, key
            todo.append(item[key])


_NATIVE = {"@ref": {"id": "collections"}}


def _let(self: Generator, depth: int) -> Any:
    before = self.names
    bindings: dict[str, Any] = {}
    try:
        for _ in range(self.random.randint(0, 3)):
            name = f"v{self.random.randint(0, 4)}"
            bindings[name] = self.any(depth - 1)
            self.names = [*self.names, name]
        given: Any = bindings if self.chance(0.6) else [{name: value} for name, value in bindings.items()]
        return {"let": given, "in": self.any(depth - 1)}
    finally:
        self.names = before


def _select(name: str) -> Callable[[Generator, int], Any]:
    def make(self: Generator, depth: int) -> Any:
        query = {name: self.path(depth), "from": self.any(depth - 1)}
        if name == "select" and self.chance(0.2):
            query["all"] = self.chance(0.5)
        if self.chance(0.4):
            query["default"] = self.any(depth - 1)
        return query

    return make


def _over(name: str) -> Callable[[Generator, int], Any]:
    def make(self: Generator, depth: int) -> Any:
        return {
            name: self.lambda_(depth - 1),
            "collection": self.typed(self.kind("Array, Set, or Page"), depth - 1),
        }

    return make


def _steps(name: str) -> Callable[[Generator, int], Any]:
    def make(self: Generator, depth: int) -> Any:
        kind = "any" if name == "do" else "Boolean"
        return {name: [self.typed(kind, depth - 1) for _ in range(self.random.randint(0, 3))]}

    return make


_SPECIAL: dict[str, Callable[[Generator, int], Any]] = {
    "at": lambda self, depth: {"at": self.time(0), "expr": self.any(depth - 1)},
    "var": lambda self, depth: {"var": self.pick([*self.names, "nowhere"])},
    "let": _let,
    "if": lambda self, depth: {
        "if": self.typed("Boolean", depth - 1),
        "then": self.any(depth - 1),
        "else": self.any(depth - 1),
    },
    "do": _steps("do"),
    "and": _steps("and"),
    "or": _steps("or"),
    "quote": lambda self, depth: {"quote": self.any(depth - 1)},
    "object": lambda self, depth: self.object(depth),
    "query": lambda self, depth: {"query": self.lambda_(depth - 1)},
    "call": lambda self, depth: {
        "call": {"function": self.pick(_FUNCTIONS)},
        "arguments": self.any(depth - 1),
    },
    "select": _select("select"),
    "select_all": _select("select_all"),
    "select_as_index": _select("select_as_index"),
    "map": _over("map"),
    "foreach": _over("foreach"),
    "filter": _over("filter"),
    "reduce": lambda self, depth: {
        "reduce": self.lambda_(depth - 1),
        "initial": self.any(depth - 1),
        "collection": self.typed(self.kind("Array, Set, or Page"), depth - 1),
    },
    "merge": lambda self, depth: {
        "merge": self.object(depth - 1),
        "with": self.pick([self.object, self.array])(depth - 1),
        **({"lambda": self.lambda_(depth - 1)} if self.chance(0.3) else {}),
    },
    "join": lambda self, depth: {
        "join": self.set(depth - 1),
        "with": {"index": self.pick(_INDEXES)} if self.chance(0.4) else self.lambda_(depth - 1),
    },
}


def _params(self: Generator, depth: int) -> Any:
    """Fields of a write or of a schema definition."""
    fields = {
        "name": lambda: (
            f"fresh{self.random.random()}" if self.chance(0.7) else self.pick([*_STRINGS, "spells"])
        ),
        "data": lambda: self.object(depth - 1),
        "source": lambda: self.pick(
            [{"collection": "spells"}, [{"collection": "books"}], "_", {"collection": "no"}]
        ),
        "terms": lambda: [{"object": {"field": self.path(0)}}],
        "values": lambda: [
            {"object": {"field": self.path(0), "reverse": True}},
            {"object": {"binding": "b"}},
        ],
        "body": lambda: {"query": self.lambda_(depth - 1)},
        "role": lambda: self.pick(["server", "admin", {"role": "reader"}, 3]),
        "ttl": lambda: self.time(0),
        "history_days": lambda: self.pick(_INTEGERS),
        "ttl_days": lambda: self.pick(_INTEGERS),
        "unique": lambda: self.chance(0.5),
        "credentials": lambda: {"object": {"password": self.pick(_STRINGS)}},
        "privileges": lambda: [
            {"object": {"resource": {"collection": "spells"}, "actions": {"object": {"read": True}}}}
        ],
        "delegates": lambda: self.any(0),
        "instance": lambda: self.ref(0),
    }
    wanted = self.pick([["data"], ["data", "ttl"], ["name"], ["name", "source", "terms"], ["name", "source", "values"],
                        ["name", "body"], ["name", "privileges"], ["role"], ["instance"], list(fields)])  # fmt: skip
    chosen = [name for name in wanted if self.chance(0.95 if len(wanted) < 5 else 0.2)]
    return {"object": {name: fields[name]() if self.chance(0.95) else self.any(depth - 1) for name in chosen}}


def _definition(form: str) -> Callable[[Generator, int], Any]:
    """The fields that the form asks for, or any."""
    more = {
        "create_index": {
            "source": {"collection": "spells"},
            "values": [{"object": {"field": ["data", "cost"]}}],
        },
        "create_function": {"body": {"query": _lambda("x", {"var": "x"})}},
        "create_role": {
            "privileges": {"object": {"resource": {"collection": "spells"}, "actions": {"object": {}}}}
        },
        "create_key": {"role": "client"},
    }.get(form, {})

    def make(self: Generator, depth: int) -> Any:
        if self.chance(0.5):
            return _params(self, depth)
        return {"object": {"name": f"fresh{self.random.random()}", **more}}

    return make


_ARGUMENTS: dict[str, Callable[[Generator, int], Any]] = {
    "params": _params,
    "create_database": _definition("create_database"),
    "create_collection": _definition("create_collection"),
    "create_class": _definition("create_class"),
    "create_index": _definition("create_index"),
    "create_function": _definition("create_function"),
    "create_role": _definition("create_role"),
    "create_access_provider": _definition("create_access_provider"),
    "create_key": _definition("create_key"),
    "after": Generator.cursor,
    "before": Generator.cursor,
    "cursor": Generator.cursor,
    "contains": Generator.path,
    "contains_path": Generator.path,
    "size": lambda self, depth: self.pick([0, 1, 2, 3, 16, 64, 100_000, 100_001, -1]),
    "ts": lambda self, depth: self.pick(
        [{"now": None}, 0, 1, {"@ts": "2020-01-01T00:00:00Z"}, {"@ts": _TIMES[2]}]
    ),
    "function": lambda self, depth: self.pick(_FUNCTIONS),
    "database": lambda self, depth: self.pick(["child", "nothing"]),
    "collection": lambda self, depth: self.pick(_COLLECTIONS) if self.chance(0.5) else self.array(depth),
    "class": lambda self, depth: self.pick(_COLLECTIONS),
    "index": lambda self, depth: self.pick(_INDEXES),
    "create": lambda self, depth: self.pick([{"collection": "spells"}, {"collection": "books"}, self.ref(0)]),
    "delete": Generator.ref,
    "update": Generator.ref,
    "replace": Generator.ref,
    "insert": Generator.ref,
    "remove": Generator.ref,
    "id": lambda self, depth: self.pick(["1", "3", 3, "x", "", -1, 2**63 - 1, str(2**63), None]),
}


def _escape(key: str, *contents: Any) -> Callable[[Generator, int], Any]:
    return lambda self, depth: {key: self.pick(contents)}


_LEAVES: list[Callable[[Generator, int], Any]] = [
    lambda self, depth: self.pick(_INTEGERS),
    lambda self, depth: self.pick(_INTEGERS),
    lambda self, depth: self.pick(_DOUBLES),
    lambda self, depth: self.pick(_STRINGS),
    lambda self, depth: self.pick(_STRINGS),
    lambda self, depth: self.pick([True, False, None]),
    lambda self, depth: self.pick([2**63, -(2**64), 10**40, "\ud800", [], {}, [[]]]),
    Generator.array,
    Generator.object,
    Generator.time,
    Generator.ref,
    Generator.ref,
    Generator.set,
    Generator.set,
    _escape("@bytes", "AQID", "", "_-8=", "A", 5),
    _escape("@uuid", "1-2-3-4-5", "5d2a7a5c-4d2b-4f0c-9e0c-0123456789ab", "x"),
    _escape("@ts", *_TIMES, "yesterday", 5),
    _escape("@date", *_DATES, "2021-02-29", None),
    _escape("@obj", {}, {"@ref": 1}, {"a": [1]}, 3),
    _escape(
        "@ref",
        {"id": "spells", "collection": _NATIVE},
        {"id": "1"},
        "classes/spells/1",
        "tokens/self",
        {"id": 7},
    ),
    _escape("@set", {"documents": {"@ref": {"id": "spells", "collection": _NATIVE}}}, {"match": 3}, {}),
    _escape(
        "@query", {"lambda": "x", "expr": {"var": "x"}}, {"lambda": "x", "expr": {"var": "y"}}, {"lambda": 1}
    ),
]
