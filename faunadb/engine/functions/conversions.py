"""Conversions between types (value functions, "Conversion")."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Optional

from ..java import numbers as numeric
from ..java.times import Date, Time
from ..language import values as v
from ..language.errors import Fault, Faults, invalid_argument, wrong_type
from ..language.registry import Arg, form
from ..language.repeated import RepeatedField
from .times import read_date, read_time

if TYPE_CHECKING:
    from ..language.context import Context


def _cannot(value: Any, target: str, at: Any = ()) -> Fault:
    return invalid_argument(f"Cannot cast {v.type_name(value)} to {target}.", at)


def text_of(value: Any) -> Optional[str]:
    """The text of a value, None for those that have none (arrays, objects, refs, ...)."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return numeric.number_text(value)
    if value is None:
        return "null"
    if kind in (Time, Date, uuid.UUID):
        return str(value)
    return value.name if kind is v.Action else None


@form(Arg("to_string"))
def to_string(ctx: Context, value: Any) -> str:
    """The text of a number, boolean, null, time, date, UUID, action or string.

    >>> q.to_string(1.0)
    '1.0'
    """
    text = text_of(value)
    if text is None:
        raise _cannot(value, "String")
    return text


def _number(value: Any) -> Any:
    """A number as it is, a string parsed; None for everything else."""
    if type(value) in (int, float):
        return value
    return numeric.parse_number(value) if type(value) is str else None


@form(Arg("to_number"))
def to_number(ctx: Context, value: Any) -> Any:
    """A number, or the one that a string begins with.

    >>> q.to_number("1.5")
    1.5
    """
    number = _number(value)
    if number is None:
        raise _cannot(value, "Number")
    return number


@form(Arg("to_double"))
def to_double(ctx: Context, value: Any) -> float:
    """A number as a Double, or the one that a string begins with.

    >>> q.to_double("1")
    1.0
    """
    number = _number(value)
    if number is None:
        raise _cannot(value, "Double", "to_double")
    return float(number)


@form(Arg("to_integer"))
def to_integer(ctx: Context, value: Any) -> int:
    """A number truncated to an Integer, or the one that a string begins with.

    >>> q.to_integer(1.9)
    1
    """
    number = _number(value)
    if number is None:
        raise _cannot(value, "Integer", "to_integer")
    return numeric.to_long(number)


@form(Arg("to_time"))
def to_time(ctx: Context, value: Any) -> Time:
    """A Time from milliseconds since 1970, a Date (its midnight in UTC), or text as for ``time``.

    >>> q.to_time(1000)
    FaunaTime('1970-01-01T00:00:01Z')
    """
    kind = type(value)
    if kind is Time:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return Time.from_millis(value)
    if kind is Date:
        return value.to_time()  # type: ignore[no-any-return]
    if kind is str:
        return read_time(ctx, value)
    raise _cannot(value, "Time")


@form(Arg("to_date"))
def to_date(ctx: Context, value: Any) -> Date:
    """The Date of a Time in UTC, or from text as for ``date``.

    >>> q.to_date("2020-02-29")
    datetime.date(2020, 2, 29)
    """
    kind = type(value)
    if kind is Date:
        return value  # type: ignore[no-any-return]
    if kind is Time:
        return value.to_date()  # type: ignore[no-any-return]
    if kind is str:
        return read_date(value)
    raise _cannot(value, "Date")


@form(Arg("to_object"))
def to_object(ctx: Context, value: Any) -> dict[str, Any]:
    """An object from an array of ``[field, value]`` pairs, or from a document.

    Repeated fields are all kept, in the response too; looking one up finds the first.

    >>> q.to_object([["a", 1], ["b", 2]])
    {'a': 1, 'b': 2}
    """
    if type(value) is dict:
        return value
    if type(value) is v.Document:
        return value.as_object()
    if type(value) is not list:
        raise _cannot(value, "Object", "to_object")
    faults = [
        wrong_type("Field/Value", item, ("to_object", index))
        for index, item in enumerate(value)
        if type(item) is not list or len(item) != 2 or type(item[0]) is not str
    ]
    if faults:
        raise Faults(faults)
    result: dict[str, Any] = {}
    for field, content in value:
        result[RepeatedField(field, len(result)) if field in result else field] = content
    return result


@form(Arg("to_array"))
def to_array(ctx: Context, value: Any) -> list[Any]:
    """The ``[field, value]`` pairs of an object or document; an array stays as it is.

    >>> q.to_array({"a": 1})
    [['a', 1]]
    """
    if type(value) is list:
        return value
    if type(value) is v.Document:
        value = value.as_object()
    if type(value) is not dict:
        raise _cannot(value, "Array", "to_array")
    ctx.allocate(96 * len(value))
    return [[str(field), content] for field, content in value.items()]
