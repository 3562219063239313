"""Numbers: 64-bit integers that wrap, IEEE doubles (value functions, "Numbers")."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ..java import maths as javamath
from ..java import numbers as n
from ..language.casts import INTEGER, NUMBER, Many
from ..language.errors import invalid_argument
from ..language.registry import Arg, form

if TYPE_CHECKING:
    from ..language.context import Context

Number = Union[int, float]

NUMBERS = Many(NUMBER, nonempty=True)
_INT64 = range(-(1 << 63), 1 << 63)


def _fold(key: str, what: str, combine: Callable[[Any, Any], Any], example: str) -> Callable[..., Any]:
    def fold(ctx: Context, operands: list[Number]) -> Number:
        result = operands[0]
        try:
            if len(operands) == 2:
                both: Number = combine(result, operands[1])
                return both
            for operand in operands[1:]:
                result = combine(result, operand)
        except ZeroDivisionError:
            raise invalid_argument("Illegal division by zero.") from None
        return result

    fold.__name__ = key
    fold.__doc__ = f"""{what}, from the left; an Integer until the first Double. Integers wrap at 64 bits.

    >>> {example}
    """
    return form(Arg(key, NUMBERS), settled=True)(fold)


def _wrapping(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def combine(left: Any, right: Any) -> Any:
        result = operation(left, right)
        if type(result) is int and result not in _INT64:
            return n.wrap64(result)
        return result

    return combine


def _bitwise(operation: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def combine(left: Any, right: Any) -> Any:
        result = operation(n.to_long(left), n.to_long(right))
        return result if type(left) is int and type(right) is int else float(result)

    return combine


add = _fold("add", "The sum", _wrapping(operator.add), "q.add(1, 2)\n    3")
subtract = _fold("subtract", "The difference", _wrapping(operator.sub), "q.subtract(5, 2)\n    3")
multiply = _fold("multiply", "The product", _wrapping(operator.mul), "q.multiply(2, 3)\n    6")
divide = _fold("divide", "The quotient, truncated for Integers", n.divide, "q.divide(7, 2)\n    3")
modulo = _fold("modulo", "The remainder, with the sign of the dividend", n.modulo, "q.modulo(-7, 3)\n    -1")
bitand = _fold("bitand", "Bitwise and", _bitwise(lambda a, b: a & b), "q.bitand(6, 3)\n    2")
bitor = _fold("bitor", "Bitwise or", _bitwise(lambda a, b: a | b), "q.bitor(6, 3)\n    7")
bitxor = _fold("bitxor", "Bitwise exclusive or", _bitwise(lambda a, b: a ^ b), "q.bitxor(6, 3)\n    5")


@form(Arg("bitnot", NUMBER))
def bitnot(ctx: Context, value: Number) -> int:
    """The bitwise complement, an Integer; a Double is truncated first.

    >>> q.bitnot(7)
    -8
    """
    return ~n.to_long(value)


@form(Arg("abs", NUMBER))
def abs_(ctx: Context, value: Number) -> Number:
    """The absolute value.

    >>> q.abs(-5)
    5
    """
    return n.wrap64(abs(value)) if type(value) is int else abs(value)


@form(Arg("ceil", NUMBER))
def ceil(ctx: Context, value: Number) -> Number:
    """The least whole number not below; a Double stays one.

    >>> q.ceil(1.2)
    2.0
    """
    return value if type(value) is int else n.ceil_double(value)


@form(Arg("floor", NUMBER))
def floor(ctx: Context, value: Number) -> Number:
    """The greatest whole number not above; a Double stays one.

    >>> q.floor(1.8)
    1.0
    """
    return value if type(value) is int else n.floor_double(value)


@form(Arg("sign", NUMBER))
def sign(ctx: Context, value: Number) -> int:
    """-1, 0 or 1 for Integers; for Doubles -1 below zero and 1 otherwise, also for 0.0 and NaN.

    >>> q.sign(-3)
    -1
    """
    if type(value) is int:
        return (value > 0) - (value < 0)
    return -1 if value < 0 else 1


def _domain(value: Number, holds: bool, condition: str) -> None:
    if not holds:
        raise invalid_argument(f"{n.number_text(value)} must be {condition}")


@form(Arg("sqrt", NUMBER))
def sqrt(ctx: Context, value: Number) -> float:
    """The square root, a Double.

    >>> q.sqrt(16)
    4.0
    """
    _domain(value, value >= 0, "positive")
    return math.sqrt(value)


@form(Arg("round", NUMBER), optional=(Arg("precision", INTEGER),))
def round_(ctx: Context, value: Number, precision: Optional[int]) -> Number:
    """Round to a number of decimal places, 2 when not given; negative places round before the point.

    >>> q.round(1234.5678, 1)
    1234.6
    """
    return n.round_number(value, precision)


@form(Arg("trunc", NUMBER), optional=(Arg("precision", INTEGER),))
def trunc(ctx: Context, value: Number, precision: Optional[int]) -> Number:
    """Cut off after a number of decimal places, 2 when not given.

    >>> q.trunc(1234.5678, 1)
    1234.5
    """
    return n.trunc_number(value, precision)


def _unbounded(operation: Callable[[float], float]) -> Callable[[float], float]:
    """The operation with IEEE's results where Python raises: an infinity on overflow, NaN where nothing is defined."""

    def compute(value: float) -> float:
        try:
            return operation(value)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return compute


def _function(key: str, what: str, operation: Callable[[float], float], example: str) -> Callable[..., Any]:
    compute = _unbounded(operation)

    def function(ctx: Context, value: Number) -> float:
        return compute(float(value))

    function.__name__ = key
    function.__doc__ = f"""{what}, a Double.

    >>> {example}
    """
    return form(Arg(key, NUMBER))(function)


exp = _function("exp", "e to a power", math.exp, "q.exp(0)\n    1.0")
sin = _function("sin", "The sine of radians", math.sin, "q.sin(0)\n    0.0")
cos = _function("cos", "The cosine of radians", math.cos, "q.cos(0)\n    1.0")
tan = _function("tan", "The tangent of radians", math.tan, "q.tan(0)\n    0.0")
cosh = _function("cosh", "The hyperbolic cosine", javamath.cosh, "q.cosh(0)\n    1.0")
tanh = _function("tanh", "The hyperbolic tangent", math.tanh, "q.tanh(0)\n    0.0")
atan = _function("atan", "The arc tangent in radians", javamath.atan, "q.atan(0)\n    0.0")
degrees = _function(
    "degrees", "Radians in degrees", lambda x: x * 57.29577951308232, "q.degrees(1)\n    57.29577951308232"
)
radians = _function(
    "radians", "Degrees in radians", lambda x: x * 0.017453292519943295, "q.radians(0)\n    0.0"
)


@form(Arg("sinh", NUMBER))
def sinh(ctx: Context, value: Number) -> float:
    """The hyperbolic sine, a Double. Not in the Python driver's functions."""
    return javamath.sinh(float(value))


@form(Arg("acos", NUMBER))
def acos(ctx: Context, value: Number) -> float:
    """The arc cosine in radians, a Double; from -1 to 1.

    >>> q.acos(1)
    0.0
    """
    _domain(value, -1 <= value <= 1, "between -1 and 1 inclusive")
    return javamath.acos(float(value))


@form(Arg("asin", NUMBER))
def asin(ctx: Context, value: Number) -> float:
    """The arc sine in radians, a Double; from -1 to 1.

    >>> q.asin(0)
    0.0
    """
    _domain(value, -1 <= value <= 1, "between -1 and 1 inclusive")
    return javamath.asin(float(value))


def _logarithm(value: Number, operation: Callable[[Number], float]) -> float:
    _domain(value, value > 0, "greater than 0")
    return operation(float(value))


@form(Arg("ln", NUMBER))
def ln(ctx: Context, value: Number) -> float:
    """The natural logarithm, a Double; above 0.

    >>> q.ln(1)
    0.0
    """
    return _logarithm(value, math.log)


@form(Arg("log", NUMBER))
def log(ctx: Context, value: Number) -> float:
    """The logarithm to base 10, a Double; above 0.

    >>> q.log(1000)
    3.0
    """
    return _logarithm(value, math.log10)


@form(Arg("hypot", NUMBER), optional=(Arg("b", NUMBER),))
def hypot(ctx: Context, a: Number, b: Optional[Number]) -> float:
    """The hypotenuse over two sides, a Double; the second side is the first when not given.

    >>> q.hypot(3, 4)
    5.0
    """
    return javamath.hypot(float(a), float(a if b is None else b))


@form(Arg("pow", NUMBER), optional=(Arg("exp", NUMBER),))
def pow_(ctx: Context, base: Number, exponent: Optional[Number]) -> float:
    """A power, a Double; the exponent is 2 when not given.

    >>> q.pow(2, 3)
    8.0
    """
    return n.power(float(base), 2.0 if exponent is None else float(exponent))
