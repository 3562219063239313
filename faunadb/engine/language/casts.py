"""Argument casts: what a form accepts, and the error for what it does not (evaluation rules, "Argument casts").

A `Cast` is called with the context and a value. It returns the value to use, or raises a `Fault` whose path is relative
to the argument. Values whose exact Python type is in `fast` pass unchanged; the evaluator checks that without a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from ..java.regex import InvalidPattern, compile_pattern
from ..java.times import Date, Time
from . import values as v
from .errors import Fault, Faults, empty_array, invalid_argument, undefined_ref, wrong_type
from .sets import SET_HOOKS

if TYPE_CHECKING:
    from .context import Context

    Convert = Callable[[Context, Any], Any]


class Cast:
    """One argument cast.

    name: what the reference documentation calls it. fast: the exact types of the values that pass unchanged.
    convert: called for values of all other types.
    """

    __slots__ = ("convert", "fast", "name")

    def __init__(self, name: str, fast: tuple[type, ...], convert: Convert):
        self.name = name
        self.fast = frozenset(fast)
        self.convert = convert

    def __call__(self, ctx: Context, value: Any) -> Any:
        if type(value) in self.fast:
            return value
        return self.convert(ctx, value)

    def __repr__(self) -> str:
        return f"Cast({self.name})"


class Many(Cast):
    """``T*``: casts each element of an array; any other value counts as an array of one. nonempty: ``T+``."""

    __slots__ = ("item", "nonempty")

    def __init__(self, item: Optional[Cast], nonempty: bool = False):
        self.item = item
        self.nonempty = nonempty
        super().__init__((item.name if item else "any") + ("+" if nonempty else "*"), (), self._convert)

    def _convert(self, ctx: Context, value: Any) -> list[Any]:
        if type(value) is not list:
            return [self.item(ctx, value) if self.item else value]
        if not value and self.nonempty:
            raise empty_array()
        ctx.made += 8 * len(value)
        if ctx.made >= ctx.measure_at:
            ctx.measure()
        item = self.item
        if item is None or item.fast.issuperset(map(type, value)):
            return value
        ctx.check_width(len(value))
        return self._each(ctx, item, value)

    @staticmethod
    def _each(ctx: Context, item: Cast, elements: list[Any]) -> list[Any]:
        result, faults = [], []
        for index, element in enumerate(elements):
            try:
                result.append(item(ctx, element))
            except Fault as fault:
                fault.at = (index, *fault.at)
                faults.append(fault.with_traceback(None))
        if faults:
            raise Faults(faults)
        return result


def _only(expected: str) -> Convert:
    """A conversion that accepts nothing: only the fast types pass."""

    def refuse(ctx: Context, value: Any) -> Any:
        raise wrong_type(expected, value)

    return refuse


def _only_defined(expected: Any) -> Convert:
    """The same for casts whose error for an unresolved ref says what that ref refers to in vain."""

    def refuse(ctx: Context, value: Any) -> Any:
        if type(value) is v.UnresolvedRef:
            raise undefined_ref(value)
        raise wrong_type(expected, value)

    return refuse


def _ref_to(expected: Any, *collections: int, otherwise: tuple[type, ...] = ()) -> Cast:
    """Refs to documents of some native collections (by number). otherwise: types that pass, too."""
    refuse = _only_defined(expected)
    accepted = frozenset(collections)

    def convert(ctx: Context, value: Any) -> Any:
        if type(value) is v.Ref and value.coll in accepted:
            return value
        return refuse(ctx, value)

    name = expected if isinstance(expected, str) else " or ".join(expected)
    return Cast(name, otherwise, convert)


def _scalar(ctx: Context, value: Any) -> Any:
    if isinstance(value, v.SetValue) and type(value.shown()) is v.Ref:
        return value
    raise wrong_type("Scalar", value)


def _time(ctx: Context, value: Any) -> Any:
    if type(value) is int:
        return Time.from_micros(value)
    raise wrong_type("Time", value)


def _valid_time(ctx: Context, value: Any) -> Any:
    """Microseconds since the epoch (an `Instant` where these are not exact), or PENDING for the transaction's time."""
    if type(value) is Time:
        micros = value.nearest_micros()
        return micros if Time.from_micros(micros) == value else v.Instant(micros, value)
    if type(value) is v.PendingTime:
        return v.PENDING
    raise wrong_type("Time", value)


_UNITS = {
    name: name.rstrip("s")
    for name in (
        "day", "days", "half day", "half days", "hour", "hours", "minute", "minutes", "second", "seconds",
        "millisecond", "milliseconds", "microsecond", "microseconds", "nanosecond", "nanoseconds",
    )
}  # fmt: skip


class Unit(str):
    """A time unit in the singular (``day``, ``half day``, ..., ``nanosecond``); `given` is the text as written."""

    given: str


def _unit(ctx: Context, value: Any) -> Unit:
    if type(value) is str and value.strip() in _UNITS:
        unit = Unit(_UNITS[value.strip()])
        unit.given = value
        return unit
    raise wrong_type("Time Unit", value)


def _choice(names: dict[str, Any], expected: str) -> Convert:
    def convert(ctx: Context, value: Any) -> Any:
        name = value.name if type(value) is v.Action else value
        if type(name) is str and name in names:
            return names[name]
        raise invalid_argument(f"{expected} expected, {v.type_name(value)} provided.")

    return convert


_NORMALIZERS = ("NFKCCaseFold", "NFC", "NFD", "NFKC", "NFKD")


def _set_of(ctx: Context, ref: v.Ref) -> Any:
    """The set of a native collection's documents, for a ref to that collection; else None."""
    if not ref.is_native_collection:
        return None
    return SET_HOOKS.native(ref)


def _to_set(expected_for_ref: str, expected: Any, accept_ref: bool) -> Convert:
    """Sets, and refs of native collections, which stand for the set of their documents. accept_ref: other refs, too."""
    refuse = _only_defined(expected)

    def convert(ctx: Context, value: Any) -> Any:
        if type(value) is v.Ref:
            if accept_ref and value.coll != v.COLLECTIONS:
                return value
            members = _set_of(ctx, value)
            if members is not None:
                return members
            if accept_ref:
                return value
            raise wrong_type(expected_for_ref, value)
        if isinstance(value, v.SetValue):
            return value
        return refuse(ctx, value)

    return convert


def _identifier_or_unresolved(ctx: Context, value: Any) -> Any:
    return value if type(value) is v.UnresolvedRef else IDENTIFIER(ctx, value)


def _set_or_array(ctx: Context, value: Any) -> Any:
    if type(value) is v.Page:
        raise wrong_type(("Set", "Array"), value)
    return _to_set("Array, Set, or Page", "Array, Set, or Page", False)(ctx, value)


def _term(ctx: Context, value: Any) -> Any:
    if type(value) is v.UnresolvedRef:
        raise wrong_type("Any", value)
    return value


def _regex(ctx: Context, value: Any) -> Any:
    if type(value) is not str:
        raise wrong_type("String", value)
    try:
        return compile_pattern(value)
    except InvalidPattern:
        raise invalid_argument(f"Search pattern /{value}/ is not a valid regular expression.") from None


INTEGER = Cast("Integer", (int,), _only("Integer"))
NUMBER = Cast("Number", (int, float), _only("Number"))
BOOLEAN = Cast("Boolean", (bool,), _only("Boolean"))
STRING = Cast("String", (str,), _only("String"))
NULL = Cast("Null", (type(None),), _only("Null"))
OBJECT = Cast("Object", (dict,), _only("Object"))
ARRAY = Cast("Array", (list,), _only("Array"))
SCALAR = Cast("Scalar", v.SCALAR_TYPES, _scalar)
PATH_STEP = Cast("String or Integer", (str, int), _only("String or Integer"))
REF = Cast("Ref", (v.Ref,), _only_defined("Ref"))
COLLECTION = _ref_to("Collection Ref", v.COLLECTIONS)
DATABASE = _ref_to("Database Ref", v.DATABASES)
DATABASE_OR_NULL = _ref_to(("Database Ref", "Null"), v.DATABASES, otherwise=(type(None),))
NAME_OR_REF = Cast("Identifier", (str, v.Ref), _only_defined("Identifier"))
NAME_OR_INDEX = _ref_to("Identifier", v.INDEXES, otherwise=(str,))
NAME_OR_FUNCTION = _ref_to("Identifier", v.FUNCTIONS, otherwise=(str,))
IDENTIFIER = Cast("Ref or Set", (), _to_set("Ref or Set", "Ref or Set", True))
ANY_IDENTIFIER = Cast("Ref or Set", (), _identifier_or_unresolved)
ITERABLE = Cast(
    "Array, Set, or Page", (list, v.Page), _to_set("Array, Set, or Page", "Array, Set, or Page", False)
)
SET = Cast("Set", (), _to_set("Set", "Ref or Set", False))
SET_OR_ARRAY = Cast("Set or Array", (list,), _set_or_array)
TIME = Cast("Time", (Time,), _time)
#: microseconds (int) or `values.PENDING`
VALID_TIME = Cast("Time", (int,), _valid_time)
TEMPORAL = Cast("Temporal", (Time, Date), _only("Temporal"))
UNIT = Cast("Time Unit", (), _unit)
DOCUMENT_ACTION = Cast(
    "Action",
    (),
    _choice(
        {"create": v.CREATE, "update": v.UPDATE, "delete": v.DELETE}, "String 'create', 'update', or 'delete'"
    ),
)
NORMALIZER = Cast(
    "Normalizer",
    (),
    _choice({name: name for name in _NORMALIZERS}, "String 'NFKCCaseFold', 'NFC', 'NFD', 'NFKC', or 'NFKD'"),
)
TERM = Cast("any", (int, float, str, bool), _term)
REGEX = Cast("Regex", (), _regex)
PATH = Many(PATH_STEP)
