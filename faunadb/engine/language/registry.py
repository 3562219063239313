"""The registry of FQL forms: one function, one place.

A function form is a Python function under `form`; a special form (lazy, binding, or lambda-taking) is a parse
function under `special`. The parser's key table, argument errors, casts, effect checks and the reference
documentation all derive from the entries here::

    @form(Arg("take", INTEGER), Arg("collection", ANY), effect=PURE)
    def take(ctx, count, collection):
        '''The first elements of an array or page.

        >>> q.take(2, [1, 2, 3])
        [1, 2]
        '''

The function gets the context, then every argument in declaration order, evaluated and cast. An absent optional
argument arrives as its default. It raises `errors.Fault` with a path relative to the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from itertools import combinations
from typing import Any, Callable, Optional

from .casts import Cast
from .effects import CALL as CALL
from .effects import EFFECT_NAMES as EFFECT_NAMES
from .effects import PURE as PURE
from .effects import READ as READ
from .effects import WRITE as WRITE

#: Known API versions, ascending.
VERSIONS = ("2.0", "2.1", "2.7", "2.12", "3", "4", "5", "UNSTABLE")
VERSION_RANK = {version: rank for rank, version in enumerate(VERSIONS)}


class Missing:
    """The type of `MISSING`: an absent optional argument whose null would be a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


class Arg:
    """One key of a form. cast None: any value, or, in special forms, an expression that the form handles itself."""

    __slots__ = ("cast", "default", "key")

    def __init__(self, key: str, cast: Optional[Cast] = None, default: Any = None):
        self.key = key
        self.cast = cast
        self.default = default

    def __repr__(self) -> str:
        return f"Arg({self.key!r})"


class Form:
    """A registered form. Exactly one of `function` and `parse` is set.

    function(ctx, *arguments) -> value; parse(parser, form, source, position, names) -> Node.
    since, until: the first and last API version it exists in (until None: it still does).
    timeless: for the same arguments, secret and data it gives the same value, so that an answer may be kept; never true
    of writes.
    by_name: it finds a schema document by name, and reads nothing else.
    slow: it can take long (a regular expression, the hash of a password) and the clock cannot interrupt it, so that it is
    never evaluated in place (`Context.in_place`).
    settled: its value is small and depends only on its arguments and the committed schema, so that with literal
    arguments it is evaluated only once.
    stores(ctx, target, literal, text) -> value: does the same where its second and last argument is an object literal that
    is stored as it is (`stored_literals`); None for other forms.
    """

    def __init__(
        self,
        required: Sequence[Arg],
        optional: Sequence[Arg],
        effect: Optional[int],
        since: str,
        until: Optional[str],
        function: Optional[Callable[..., Any]],
        parse: Optional[Callable[..., Any]],
        timeless: bool = True,
        by_name: bool = False,
        slow: bool = False,
        settled: bool = False,
        stores: Optional[Callable[..., Any]] = None,
    ):
        self.name = required[0].key
        self.required = tuple(required)
        self.optional = tuple(optional)
        self.args = self.required + self.optional
        self.effect = effect
        self.since = since
        self.until = until
        self.by_name = by_name
        self.slow = slow
        self.settled = settled
        self.stores = stores
        self.timeless = timeless and effect != WRITE
        self.function = function if function is None or self.timeless else _once(function)
        self.parse = parse
        self.doc = ((function or parse).__doc__ or "") if (function or parse) else ""

    def exists_in(self, version: str) -> bool:
        rank = VERSION_RANK[version]
        return VERSION_RANK[self.since] <= rank and (self.until is None or rank <= VERSION_RANK[self.until])

    def key_sets(self) -> list[frozenset[str]]:
        """Every legal set of keys: all required ones plus any of the optional ones."""
        base = [arg.key for arg in self.required]
        extra = [arg.key for arg in self.optional]
        return [
            frozenset([*base, *chosen])
            for count in range(len(extra) + 1)
            for chosen in combinations(extra, count)
        ]

    def __repr__(self) -> str:
        return f"Form({', '.join(arg.key for arg in self.args)})"


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a form that is not timeless: a query that calls it gives an answer that is not kept."""

    @wraps(function)
    def called(ctx: Any, *arguments: Any) -> Any:
        ctx.timeless = False
        return function(ctx, *arguments)

    return called


FORMS: list[Form] = []
_tables: dict[str, dict[frozenset[str], Form]] = {}


def _add(entry: Form) -> None:
    FORMS.append(entry)
    _tables.clear()


def form(
    *required: Arg,
    optional: Sequence[Arg] = (),
    effect: int = PURE,
    since: str = "2.0",
    until: Optional[str] = None,
    timeless: bool = True,
    by_name: bool = False,
    slow: bool = False,
    settled: bool = False,
    stores: Optional[Callable[..., Any]] = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function below as a form. effect: `PURE`, `READ` or `WRITE`, checked when it is reached.

    timeless, by_name, slow, settled, stores: see `Form`.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        entry = Form(
            required, optional, effect, since, until, function, None, timeless, by_name, slow, settled, stores
        )
        _add(entry)
        return function

    return register


def special(
    *required: Arg,
    optional: Sequence[Arg] = (),
    effect: Optional[int] = None,
    since: str = "2.0",
    until: Optional[str] = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the parse function below as a special form. effect None: free of the effect check."""

    def register(parse: Callable[..., Any]) -> Callable[..., Any]:
        _add(Form(required, optional, effect, since, until, None, parse))
        return parse

    return register


def table(version: str) -> dict[frozenset[str], Form]:
    """Key set -> form, for one API version."""
    found = _tables.get(version)
    if found is None:
        found = {}
        for entry in FORMS:
            if entry.exists_in(version):
                for keys in entry.key_sets():
                    found[keys] = entry
        _tables[version] = found
    return found
